//! Stored matrices: taking one, and comparing one with a later one.

use std::collections::HashSet;

use serde_json::Value;
use uuid::Uuid;

use super::forward::{self, Totals};
use super::{Asked, Eyes, MatrixError, UNSEEN, project_of};
use crate::app::App;
use crate::domain::coverage::{Choices, Scope};
use crate::domain::matrix::{Brief, Change, compare};
use crate::domain::site::SiteId;
use crate::ids;
use crate::store::matrix_snapshots::{self, Snapshot, StoredRow};
use crate::store::settings;

/// A matrix that is ready to be stored.
#[derive(Debug)]
pub struct Taken {
    /// What it was asked for.
    pub snapshot: Snapshot,
    /// Its rows.
    pub rows: Vec<StoredRow>,
}

/// Takes a matrix as it is now and stores it, whole or not at all.
pub async fn take(
    app: &App,
    site: SiteId,
    asked: &Asked,
    name: &str,
    by: Option<&str>,
) -> Result<(), MatrixError> {
    // Before the transaction begins: SQLite has one writer.
    let taken = read(app, site, asked, name, by).await?;
    let txn = app.store.write().await?;
    matrix_snapshots::insert(&*txn, site, &taken.snapshot, &taken.rows).await?;
    Ok(txn.commit().await?)
}

/// Reads a matrix as it is now, with every issue there is: what a reader may see of it is decided when
/// it is read again.
pub async fn read(
    app: &App,
    site: SiteId,
    asked: &Asked,
    name: &str,
    by: Option<&str>,
) -> Result<Taken, MatrixError> {
    let now_ms = app.clock.now_ms();
    let settings = settings::of_project(app.store.read(), site, &asked.project).await?;
    let eyes = Eyes::Client {
        site,
        projects: &[],
    };
    let mut rows: Vec<StoredRow> = Vec::new();
    let mut totals = Totals::empty();
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
    Ok(Taken { snapshot, rows })
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

/// Takes out of a stored row what the reader, an API client, may not see: defects, which are counted
/// with the hidden ones, and the names of children.
pub fn leave_out_unseen(row: &mut Value, eyes: &Eyes<'_>) {
    let Eyes::Client { projects, .. } = eyes else {
        return;
    };
    if projects.is_empty() {
        return;
    }
    let may_see = |key: &str| {
        let project = project_of(key);
        projects.iter().any(|held| held == project)
    };
    let is_seen = |defect: &Value| {
        // A defect of an issue or a test is an object, one of a run a key.
        may_see(defect.get("key").unwrap_or(defect).as_str().unwrap_or(""))
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
    if let Some(reason) = row.get_mut("reason") {
        hide_children(reason, may_see);
    }
}

/// Takes the names of children out of a stored reason, from its lists and from what it says.
fn hide_children(reason: &mut Value, may_see: impl Fn(&str) -> bool) {
    let mut unseen: Vec<String> = Vec::new();
    for of in ["/children/decidedBy", "/children/leftOut"] {
        let list = reason.pointer_mut(of).and_then(Value::as_array_mut);
        for child in list.into_iter().flatten() {
            let key = child["issue"].as_str().unwrap_or_default().to_owned();
            if !may_see(&key) {
                child["issue"] = UNSEEN.into();
                child["summary"] = "".into();
                unseen.push(key);
            }
        }
    }
    // The longer first: PAY-1 begins PAY-11.
    unseen.sort_by_key(|key| std::cmp::Reverse(key.len()));
    let hide = |said: &mut Value| {
        if let Value::String(said) = said {
            for key in &unseen {
                *said = said.replace(key, UNSEEN);
            }
        }
    };
    reason.get_mut("sentence").into_iter().for_each(hide);
    let lines = reason.get_mut("lines").and_then(Value::as_array_mut);
    lines.into_iter().flatten().for_each(hide);
}

/// What a snapshot is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum With {
    /// Another snapshot.
    Snapshot(Uuid),
    /// What the same question is answered now.
    Now(Box<Asked>),
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
            let project = project_of(&issue.key);
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
