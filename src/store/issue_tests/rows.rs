//! What the statement found, as plain values.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::QueryResult;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{Annotations, CoveringTest, Depth, LinkedDefect, LinkedIssue, SetMark};
use crate::domain::coverage::{Latest, MadeFor, Scope, Window, WithoutStrip};
use crate::domain::exemption::Exemption;
use crate::domain::hierarchy::Kin;
use crate::domain::issue::{MirroredIssue, StatusCategory};
use crate::domain::keys::TestKey;
use crate::domain::quarantine::Quarantine;
use crate::domain::rule::MarkKind;
use crate::domain::settings::Settings;
use crate::domain::test::TestCase;
use crate::store::inbox::Behind;
use crate::store::tests::kind_of;
use crate::store::{StoreError, issues, settings};

/// Reads the rows of one statement.
#[derive(Debug)]
pub(super) struct Reader {
    depth: Depth,
    /// By project, with the text they were read from: most issues of a list are of one project.
    settings: HashMap<String, (Option<String>, Arc<Settings>)>,
}

impl Reader {
    pub fn new(depth: Depth) -> Self {
        Self {
            depth,
            settings: HashMap::new(),
        }
    }

    /// An issue of the statement, with what is linked to it.
    pub fn read(&mut self, row: &QueryResult) -> Result<LinkedIssue, StoreError> {
        let issue = issues::from_row(row)?;
        let decided: Option<String> = row.try_get("", "settings")?;
        let settings = self.settings(&issue.snapshot.project_key, decided, issue.id)?;
        linked_issue(row, issue, settings, self.depth)
    }

    fn settings(
        &mut self,
        project: &str,
        decided: Option<String>,
        issue: Uuid,
    ) -> Result<Arc<Settings>, StoreError> {
        if let Some((text, known)) = self.settings.get(project)
            && *text == decided
        {
            return Ok(Arc::clone(known));
        }
        let rows: Vec<settings::Row> = read(decided.as_deref(), issue)?;
        let read = Arc::new(settings::gather(rows).of_project(project));
        let known = (decided, Arc::clone(&read));
        self.settings.insert(project.to_owned(), known);
        Ok(read)
    }
}

fn linked_issue(
    row: &QueryResult,
    issue: MirroredIssue,
    settings: Arc<Settings>,
    depth: Depth,
) -> Result<LinkedIssue, StoreError> {
    let list = |column: &str| row.try_get::<Option<String>>("", column);
    let mut tests = tests(list("tests")?.as_deref(), issue.id, depth)?;
    tests.sort_by(|a, b| {
        let (a, b) = (&a.case.key, &b.case.key);
        (&a.project, a.number).cmp(&(&b.project, b.number))
    });

    let mut defects: Vec<Defect> = read(list("defects")?.as_deref(), issue.id)?;
    defects.sort_unstable();
    let mut marks: Vec<Mark> = read(list("marks")?.as_deref(), issue.id)?;
    marks.sort_unstable();
    let (waiting_ms, parked_ms): (Option<i64>, Option<i64>) =
        read(list("lag")?.as_deref(), issue.id)?;
    let children: Vec<(Uuid, u8)> = read(list("children")?.as_deref(), issue.id)?;
    let mut kin: Vec<Kin> = children.into_iter().map(child).collect();
    for side in ["outward", "inward"] {
        let links: Vec<(Uuid, String, u8)> = read(list(side)?.as_deref(), issue.id)?;
        kin.extend(links.into_iter().map(linked));
    }
    let exemption: Option<Said> = read(list("exemption")?.as_deref(), issue.id)?;
    let chosen: Option<(String, Option<String>)> = read(list("chosen")?.as_deref(), issue.id)?;
    let purposes: Vec<Purposes> = read(list("purposes")?.as_deref(), issue.id)?;
    Ok(LinkedIssue {
        tests,
        annotations: Annotations {
            defects: defects.into_iter().map(defect).collect(),
            marks: marks.into_iter().filter_map(mark).collect(),
        },
        settings,
        behind: Behind {
            waiting_ms,
            parked_ms,
        },
        text_changed_ms: row.try_get("", "text_changed_ms")?,
        exemption: exemption.map(|(reason, by, created_ms, ends_ms)| Exemption {
            reason,
            by,
            created_ms,
            ends_ms,
        }),
        kin,
        made_for: purposes.into_iter().flat_map(purposes_of).collect(),
        chosen: chosen
            .and_then(|(name, environment)| Scope::named(&name, environment.as_deref()).ok()),
        issue,
    })
}

/// Reads a list the statement made; nothing is an empty one.
fn read<T: DeserializeOwned + Default>(text: Option<&str>, issue: Uuid) -> Result<T, StoreError> {
    let Some(text) = text else {
        return Ok(T::default());
    };
    serde_json::from_str(text).map_err(|why| StoreError::Corrupt {
        table: "issue",
        id: format!("what is linked to {issue}"),
        what: why.to_string(),
    })
}

/// Its columns, what is kept of its runs, its quarantine, its newest results, and until when those are
/// no evidence that it is flaky.
type Test<Runs> = (
    Columns,
    Option<Runs>,
    Option<Quarantined>,
    Option<Window>,
    Option<i64>,
);
/// Test, project key, number, name, kind, when it was archived, version, labels, workflow status,
/// and whether its project is gone.
type Columns = (
    Uuid,
    String,
    i64,
    String,
    i16,
    Option<i64>,
    i32,
    String,
    Option<String>,
    u8,
);
/// Reason, owner, who said so, when, and when it ends.
type Quarantined = (String, String, Option<String>, i64, i64);
/// Reason, who said so, when, and when it ends.
type Said = (String, Option<String>, i64, Option<i64>);
/// Test, since when, key, our id, summary, status and its category, when it was deleted.
type Defect = (Uuid, i64, String, Uuid, String, String, i16, Option<i64>);
/// Test, kind, since when, key of the issue it is about.
type Mark = (Uuid, i16, i64, String);

fn tests(text: Option<&str>, issue: Uuid, depth: Depth) -> Result<Vec<CoveringTest>, StoreError> {
    match depth {
        Depth::Lists => {
            let tests: Vec<Test<Latest>> = read(text, issue)?;
            tests.into_iter().map(covering).collect()
        }
        Depth::Status => {
            let tests: Vec<Test<WithoutStrip>> = read(text, issue)?;
            tests.into_iter().map(covering).collect()
        }
    }
}

fn covering<Runs: Into<Latest>>(
    (columns, latest, quarantine, window, cleared_ms): Test<Runs>,
) -> Result<CoveringTest, StoreError> {
    let (id, project, number, name, kind, archived_ms, version, labels, workflow_status, is_gone) =
        columns;
    Ok(CoveringTest {
        case: TestCase {
            id,
            key: TestKey { project, number },
            name,
            kind: kind_of(kind, id)?,
            is_archived: archived_ms.is_some(),
        },
        latest: latest.map(Into::into).unwrap_or_default(),
        version,
        labels: serde_json::from_str(&labels).unwrap_or_default(),
        workflow_status,
        window: window.map(|window| match cleared_ms {
            Some(cleared_ms) => window.since(cleared_ms),
            None => window,
        }),
        is_out_of_reach: is_gone == 1,
        quarantine: quarantine.map(|(reason, owner, by, created_ms, ends_ms)| Quarantine {
            reason,
            owner,
            by,
            created_ms,
            ends_ms,
        }),
    })
}

/// Version, plan and sprint of an execution.
type Purposes = (Option<String>, Option<String>, Option<String>);

fn purposes_of((version, plan, sprint): Purposes) -> impl Iterator<Item = MadeFor> {
    let each = [
        version.map(MadeFor::Version),
        sprint.map(MadeFor::Sprint),
        plan.map(MadeFor::Plan),
    ];
    each.into_iter().flatten()
}

fn child((issue, is_subtask): (Uuid, u8)) -> Kin {
    Kin::Child {
        issue,
        is_subtask: is_subtask == 1,
    }
}

fn linked((issue, type_name, is_outward): (Uuid, String, u8)) -> Kin {
    Kin::Linked {
        issue,
        type_name,
        is_outward: is_outward == 1,
    }
}

fn defect(row: Defect) -> (Uuid, LinkedDefect) {
    let (test, _, key, issue_id, summary, status_name, category, deleted_ms) = row;
    let defect = LinkedDefect {
        issue_id,
        key,
        summary,
        status_name,
        status_category: StatusCategory::from_code(category).unwrap_or_default(),
        is_deleted: deleted_ms.is_some(),
    };
    (test, defect)
}

fn mark((test, kind, since_ms, issue_key): Mark) -> Option<(Uuid, SetMark)> {
    let mark = SetMark {
        kind: MarkKind::from_code(kind)?,
        issue_key,
        since_ms,
    };
    Some((test, mark))
}
