//! What differs between two states of one issue, as the history and webhooks write it.
//!
//! Jira names fields by their display name and, on Cloud, by their id; ids stand in `from` and
//! `to`, names and texts in `fromString` and `toString`.

use serde_json::{Value, json};

use crate::model::{Change, History, Issue, State};
use crate::scheme::{self, Named};
use crate::text::Text;
use crate::view::changes_json;

/// A value as the history writes it: its id, and its words.
type Side = (Option<String>, Option<String>);

/// A field with one value, and how to read it.
struct Single {
    field: &'static str,
    id: Option<&'static str>,
    read: fn(&State, &Issue) -> Side,
}

const fn single(field: &'static str, id: &'static str, read: fn(&State, &Issue) -> Side) -> Single {
    Single {
        field,
        id: Some(id),
        read,
    }
}

static SINGLES: [Single; 14] = [
    single("summary", "summary", |_, it| {
        words(Some(it.summary.clone()))
    }),
    single("description", "description", |_, it| {
        words(it.description.as_ref().map(Text::wiki))
    }),
    single("environment", "environment", |_, it| {
        words(it.environment.as_ref().map(Text::wiki))
    }),
    single("issuetype", "issuetype", |_, it| {
        let kind = scheme::issue_type(it.kind);
        both(kind.id, kind.name)
    }),
    single("priority", "priority", |_, it| {
        named(scheme::priority(it.priority))
    }),
    single("resolution", "resolution", |_, it| {
        it.resolution
            .map_or((None, None), |id| named(scheme::resolution(id)))
    }),
    single("status", "status", |_, it| {
        let status = scheme::status(it.status);
        both(status.id, status.name)
    }),
    single("assignee", "assignee", |state, it| {
        user(state, it.assignee.as_ref())
    }),
    single("reporter", "reporter", |state, it| {
        user(state, Some(&it.reporter))
    }),
    single("labels", "labels", |_, it| words(Some(it.labels.join(" ")))),
    single("duedate", "duedate", |_, it| words(it.due.clone())),
    single("Story point estimate", scheme::POINTS_FIELD, |_, it| {
        words(it.points.map(|points| points.to_string()))
    }),
    single("Sprint", scheme::SPRINT_FIELD, |state, it| {
        sprints(state, &it.sprints)
    }),
    Single {
        field: "IssueParentAssociation",
        id: None,
        read: |state, it| {
            let parent = it.parent.and_then(|id| state.issues.get(&id));
            parent.map_or((None, None), |parent| {
                both(&parent.id.to_string(), &parent.key)
            })
        },
    },
];

fn words(text: Option<String>) -> Side {
    (None, text)
}

fn both(id: &str, name: &str) -> Side {
    (Some(id.to_owned()), Some(name.to_owned()))
}

fn named(it: &Named) -> Side {
    both(it.id, it.name)
}

fn user(state: &State, id: Option<&String>) -> Side {
    let account = id.and_then(|id| state.account(id));
    account.map_or((None, None), |account| both(&account.id, &account.name))
}

fn sprints(state: &State, ids: &[u64]) -> Side {
    let found: Vec<_> = ids.iter().filter_map(|id| state.sprint(*id)).collect();
    let numbers: Vec<String> = found.iter().map(|it| it.id.to_string()).collect();
    let names: Vec<&str> = found.iter().map(|it| it.name.as_str()).collect();
    both(&numbers.join(", "), &names.join(", "))
}

/// What changed from one state of an issue to the other.
pub(crate) fn changes(state: &State, old: &Issue, new: &Issue) -> Vec<Change> {
    let differing = SINGLES.iter().filter_map(|single| {
        let (from, to) = ((single.read)(state, old), (single.read)(state, new));
        (from != to).then(|| Change {
            field: single.field,
            field_id: single.id,
            custom: single.id.is_some_and(|id| id.starts_with("customfield_")),
            from: from.0,
            from_string: from.1,
            to: to.0,
            to_string: to.1,
        })
    });
    let mut out: Vec<Change> = differing.collect();
    let version = |id: u64| state.version(id).map(|(_, it)| it.name.clone());
    let component = |id: u64| {
        let mut of = state.projects.iter().flat_map(|it| &it.components);
        of.find(|it| it.id == id).map(|it| it.name.clone())
    };
    let (before, after) = (&old.fix_versions, &new.fix_versions);
    out.extend(list_changes(
        "Fix Version",
        "fixVersions",
        before,
        after,
        version,
    ));
    out.extend(list_changes(
        "Version",
        "versions",
        &old.versions,
        &new.versions,
        version,
    ));
    let (before, after) = (&old.components, &new.components);
    out.extend(list_changes(
        "Component",
        "components",
        before,
        after,
        component,
    ));
    out
}

/// Versions and components: one entry for each one taken away or added.
fn list_changes(
    field: &'static str,
    id: &'static str,
    before: &[u64],
    after: &[u64],
    name: impl Fn(u64) -> Option<String>,
) -> Vec<Change> {
    let change = |from: Option<u64>, to: Option<u64>| Change {
        field,
        field_id: Some(id),
        custom: false,
        from: from.map(|id| id.to_string()),
        from_string: from.and_then(&name),
        to: to.map(|id| id.to_string()),
        to_string: to.and_then(&name),
    };
    let gone = before
        .iter()
        .filter(|id| !after.contains(id))
        .map(|id| change(Some(*id), None));
    let come = after
        .iter()
        .filter(|id| !before.contains(id))
        .map(|id| change(None, Some(*id)));
    gone.chain(come).collect()
}

/// The changelog of an event.
pub(crate) fn changelog_json(entry: &History) -> Value {
    json!({ "id": entry.id.to_string(), "items": changes_json(entry) })
}
