//! What was changed of a thing, as far as that is kept: of a test every version with what it changed, of
//! the others when they were made and by whom.

use async_graphql::SimpleObject;

use super::desk::{Answer, Desk};
use super::names::time;
use crate::domain::test::{TestContent, TestKind};
use crate::store::stored_tests::{self, StoredTest};

/// Something that was done.
#[derive(Debug, SimpleObject)]
#[graphql(name = "XrayHistoryEntry")]
pub(super) struct HistoryEntry {
    /// The API client or account that did it, where known.
    user: Option<String>,
    /// The version of the test that it made.
    version: Option<String>,
    /// What was done: `Create` or `Update`.
    action: &'static str,
    /// When.
    date: String,
    /// What it changed.
    changes: Vec<Changes>,
}

/// A change of a field.
#[derive(Debug, SimpleObject)]
struct Changes {
    /// Which field.
    field: &'static str,
    /// From what to what.
    change: String,
}

/// What is known of a thing that only says by whom and when it was made.
pub(super) fn of_made(by: Option<&str>, at_ms: i64) -> Vec<HistoryEntry> {
    vec![HistoryEntry {
        user: by.map(str::to_owned),
        version: None,
        action: "Create",
        date: time(at_ms),
        changes: Vec::new(),
    }]
}

/// What was changed of a test, the newest first.
pub(super) async fn of_test(desk: &Desk, test: &StoredTest) -> Answer<Vec<HistoryEntry>> {
    let all = stored_tests::all_versions(desk.read(), desk.site(), test).await?;
    let one = |(n, version): (usize, &stored_tests::TestVersion)| {
        let before = all.get(n + 1);
        HistoryEntry {
            user: version.created_by.clone(),
            version: Some(version.version.to_string()),
            action: if before.is_some() { "Update" } else { "Create" },
            date: time(version.created_ms),
            changes: before.map_or_else(Vec::new, |before| {
                changes(test.kind, &before.content, &version.content)
            }),
        }
    };
    Ok(all.iter().enumerate().map(one).collect())
}

/// What differs between two versions.
fn changes(kind: TestKind, was: &TestContent, is: &TestContent) -> Vec<Changes> {
    let steps = |content: &TestContent| {
        let lines = content.steps.iter().zip(1..).map(|(step, place)| {
            let data = step.data.as_deref().unwrap_or_default();
            let expected = step.expected.as_deref().unwrap_or_default();
            format!("{place}. {} | {data} | {expected}", step.action)
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let fields = |content: &TestContent| {
        [
            ("Test Type", content.type_name(kind).to_owned()),
            ("Summary", content.name.clone()),
            (
                "Description",
                content.description.clone().unwrap_or_default(),
            ),
            ("Definition", content.definition.clone().unwrap_or_default()),
            ("Steps", steps(content)),
        ]
    };
    let both = fields(was).into_iter().zip(fields(is));
    let differing = both.filter(|((_, was), (_, is))| was != is);
    let change = |((field, was), (_, is)): ((&'static str, String), (_, String))| Changes {
        field,
        change: format!("\"{was}\" -> \"{is}\""),
    };
    differing.map(change).collect()
}
