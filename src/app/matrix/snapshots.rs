//! Stored matrices: taking one, and comparing one with a later one.

use std::collections::HashSet;

use serde_json::Value;
use uuid::Uuid;

use super::forward::{self, Totals};
use super::{Asked, Eyes, MatrixError};
use crate::app::App;
use crate::domain::coverage::{Choices, Scope};
use crate::domain::matrix::{Brief, Change, compare};
use crate::domain::site::SiteId;
use crate::ids;
use crate::store::matrix_snapshots::{self, Snapshot, StoredRow};
use crate::store::settings;

/// Takes a matrix as it is now and stores it, whole or not at all, with every issue there is: what a
/// reader may see of it is decided when it is read. Everything is read before the transaction begins:
/// SQLite has one writer.
pub async fn take(
    app: &App,
    site: SiteId,
    asked: &Asked,
    name: &str,
    by: Option<&str>,
) -> Result<Snapshot, MatrixError> {
    let now_ms = app.clock.now_ms();
    let settings = settings::of_project(app.store.read(), site, &asked.project).await?;
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
        settings: serde_json::to_string(&Choices::of(&settings.coverage)).unwrap_or_default(),
        counts: serde_json::to_string(&totals.by_status).unwrap_or_default(),
        created_by: by.map(str::to_owned),
        created_ms: now_ms,
    };
    let txn = app.store.write().await?;
    matrix_snapshots::insert(&*txn, site, &snapshot, &rows).await?;
    txn.commit().await?;
    Ok(snapshot)
}

/// What a snapshot was asked for, to be asked again.
#[must_use]
pub fn question(snapshot: &Snapshot) -> Asked {
    let scope = Scope::named(&snapshot.scope, snapshot.environment.as_deref());
    Asked {
        project: snapshot.project_key.clone(),
        scope: scope.unwrap_or_default(),
        filters: snapshot.filters.clone(),
    }
}

/// Takes the defects out of a stored row that the reader, an API client, may not see, and counts them
/// with the hidden ones.
pub fn leave_out_defects(row: &mut Value, eyes: &Eyes<'_>) {
    let Eyes::Client { projects, .. } = eyes else {
        return;
    };
    if projects.is_empty() {
        return;
    }
    let is_seen = |defect: &Value| {
        // A defect of an issue or a test is an object, one of a run a key.
        let key = defect.get("key").unwrap_or(defect).as_str().unwrap_or("");
        let project = key.rsplit_once('-').map_or("", |(project, _)| project);
        projects.iter().any(|held| held == project)
    };
    let keep_seen = |list: Option<&mut Value>| {
        let Some(Value::Array(list)) = list else {
            return 0;
        };
        let before = list.len();
        list.retain(is_seen);
        before - list.len()
    };
    let mut left_out = 0;
    for of in ["/defects/open", "/defects/resolved"] {
        left_out += keep_seen(row.pointer_mut(of));
    }
    if let Some(hidden) = row.pointer_mut("/defects/hidden") {
        *hidden = (hidden.as_u64().unwrap_or(0) + u64::try_from(left_out).unwrap_or(0)).into();
    }
    let tests = row.get_mut("tests").and_then(Value::as_array_mut);
    for test in tests.into_iter().flatten() {
        keep_seen(test.get_mut("defects"));
        let runs = test.get_mut("runs").and_then(Value::as_array_mut);
        for run in runs.into_iter().flatten() {
            keep_seen(run.get_mut("defects"));
        }
    }
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
