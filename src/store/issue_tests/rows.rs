//! What the statement found, as plain values.

use sea_orm::QueryResult;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{Annotations, CoveringTest, LinkedDefect, LinkedIssue, SetMark};
use crate::domain::coverage::{Latest, MadeFor, Scope, Window};
use crate::domain::exemption::Exemption;
use crate::domain::hierarchy::Kin;
use crate::domain::issue::StatusCategory;
use crate::domain::keys::TestKey;
use crate::domain::quarantine::Quarantine;
use crate::domain::rule::MarkKind;
use crate::domain::test::TestCase;
use crate::store::inbox::Behind;
use crate::store::tests::kind_of;
use crate::store::{StoreError, issues, settings};

/// An issue of the statement, with what is linked to it.
pub(super) fn linked_issue(row: &QueryResult) -> Result<LinkedIssue, StoreError> {
    let issue = issues::from_row(row)?;
    let list = |column: &str| row.try_get::<Option<String>>("", column);
    let tests: Vec<Test> = read(list("tests")?, issue.id)?;
    let tests = tests.into_iter().map(covering);
    let mut tests: Vec<CoveringTest> = tests.collect::<Result<_, _>>()?;
    tests.sort_by(|a, b| {
        let (a, b) = (&a.case.key, &b.case.key);
        (&a.project, a.number).cmp(&(&b.project, b.number))
    });

    let mut defects: Vec<Defect> = read(list("defects")?, issue.id)?;
    defects.sort_unstable();
    let mut marks: Vec<Mark> = read(list("marks")?, issue.id)?;
    marks.sort_unstable();
    let decided: Vec<settings::Row> = read(list("settings")?, issue.id)?;
    let (waiting_ms, parked_ms): (Option<i64>, Option<i64>) = read(list("lag")?, issue.id)?;
    let children: Vec<(Uuid, u8)> = read(list("children")?, issue.id)?;
    let mut kin: Vec<Kin> = children.into_iter().map(child).collect();
    for side in ["outward", "inward"] {
        let links: Vec<(Uuid, String, u8)> = read(list(side)?, issue.id)?;
        kin.extend(links.into_iter().map(linked));
    }
    let exemption: Option<Said> = read(list("exemption")?, issue.id)?;
    let chosen: Option<(String, Option<String>)> = read(list("chosen")?, issue.id)?;
    let purposes: Vec<Purposes> = read(list("purposes")?, issue.id)?;
    Ok(LinkedIssue {
        tests,
        annotations: Annotations {
            defects: defects.into_iter().map(defect).collect(),
            marks: marks.into_iter().filter_map(mark).collect(),
        },
        settings: settings::gather(decided).of_project(&issue.snapshot.project_key),
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
fn read<T: DeserializeOwned + Default>(text: Option<String>, issue: Uuid) -> Result<T, StoreError> {
    let Some(text) = text else {
        return Ok(T::default());
    };
    serde_json::from_str(&text).map_err(|why| StoreError::Corrupt {
        table: "issue",
        id: format!("what is linked to {issue}"),
        what: why.to_string(),
    })
}

/// Its columns, what is kept of its runs, its quarantine, its newest results, and until when those are
/// no evidence that it is flaky.
type Test = (
    Columns,
    Option<Latest>,
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

fn covering(
    (columns, latest, quarantine, window, cleared_ms): Test,
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
        latest: latest.unwrap_or_default(),
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
