//! Stored matrices: taking one, and comparing one with a later one.

use std::collections::HashSet;

use uuid::Uuid;

use super::forward::{self, Totals};
use super::{Asked, Eyes, MatrixError};
use crate::app::App;
use crate::domain::matrix::{Brief, Change, compare};
use crate::domain::site::SiteId;
use crate::ids;
use crate::store::matrix_snapshots::{self, Snapshot, StoredRow};

/// Takes a matrix as it is now and stores it, whole or not at all, with every issue there is: what a
/// reader may see of it is decided when it is read. Everything is read before the transaction begins:
/// SQLite has one writer.
pub async fn take(
    app: &App,
    site: SiteId,
    asked: &Asked,
    name: &str,
    settings: String,
    by: Option<&str>,
) -> Result<Snapshot, MatrixError> {
    let now_ms = app.clock.now_ms();
    let mut rows: Vec<StoredRow> = Vec::new();
    let mut totals = Totals::empty();
    let eyes = Eyes::Client {
        site,
        projects: &[],
    };
    forward::each(app, &eyes, asked, now_ms, |row| {
        totals.add(row.of);
        rows.push(StoredRow {
            brief: row.brief(),
            body: serde_json::to_string(&row).unwrap_or_default(),
        });
    })
    .await?;
    let snapshot = Snapshot {
        id: ids::next(),
        project_key: asked.project.clone(),
        name: name.to_owned(),
        scope: asked.scope.name(),
        environment: asked.scope.environment.clone(),
        filters: asked.filters.clone(),
        settings,
        counts: serde_json::to_string(&totals.by_status).unwrap_or_default(),
        created_by: by.map(str::to_owned),
        created_ms: now_ms,
    };
    let txn = app.store.write().await?;
    matrix_snapshots::insert(&*txn, site, &snapshot, &rows).await?;
    txn.commit().await?;
    Ok(snapshot)
}

/// What a snapshot is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum With {
    /// Another snapshot.
    Snapshot(Uuid),
    /// What the same question is answered now.
    Now(Asked),
}

/// What changed, as far as the reader may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// What changed, by key.
    pub changes: Vec<Change>,
    /// How many issues of either matrix are left out because the reader may not see them.
    pub hidden: usize,
}

/// What changed from a snapshot to a later matrix.
pub async fn compared(
    app: &App,
    eyes: &Eyes<'_>,
    before: Uuid,
    with: &With,
    now_ms: i64,
) -> Result<Compared, MatrixError> {
    let (on, site) = (app.store.read(), eyes.site());
    let mut before = matrix_snapshots::briefs(on, site, before).await?;
    let mut after = match with {
        With::Snapshot(id) => matrix_snapshots::briefs(on, site, *id).await?,
        With::Now(asked) => {
            let mut now: Vec<Brief> = Vec::new();
            forward::each(app, eyes, asked, now_ms, |row| now.push(row.brief())).await?;
            now
        }
    };
    let asked = before.iter().chain(&after).map(|issue| issue.jira_id);
    let seen = eyes.look(app, asked).await?;
    let mut hidden: HashSet<Uuid> = HashSet::new();
    for issues in [&mut before, &mut after] {
        issues.retain(|issue| {
            let project = issue
                .key
                .rsplit_once('-')
                .map_or("", |(project, _)| project);
            let is_seen = seen.has(Some(issue.jira_id), project);
            if !is_seen {
                hidden.insert(issue.issue_id);
            }
            is_seen
        });
    }
    Ok(Compared {
        changes: compare(&before, &after),
        hidden: hidden.len(),
    })
}
