//! Whole bodies of Forge events: our own samples, and those of the reference where that stands.

use std::path::Path;

use super::{envelope, parse};
use crate::domain::issue::{Ended, JiraEvent};
use crate::domain::mirror::{Field, Fields};

/// What a body must be read as, in one line: event, lane, what happened, and for an issue the fields
/// that are not told (`-`) and those that changed without being told (`?`).
fn reading(body: &[u8]) -> String {
    let seen = envelope(body).unwrap();
    let what = match parse(body).unwrap() {
        JiraEvent::IssueChanged(change) => {
            assert_eq!(change.issue.jira_id.to_string(), seen.lane);
            let status = &change.issue.status;
            let verb = match change.transition() {
                _ if change.is_creation => "created".to_owned(),
                Some(step) => {
                    assert_eq!(step.to.as_ref(), Some(&status.id));
                    let category = change.issue.status_category.key();
                    format!(
                        "{}>{} {category}",
                        step.from.as_deref().unwrap_or(""),
                        status.id
                    )
                }
                None => "changed".to_owned(),
            };
            let own = if change.is_own { " own" } else { "" };
            format!(
                "{} {verb}{own} -{} ?{}",
                change.issue.key,
                names(|field| !change.told.has(field)),
                names(|field| change.untold.has(field))
            )
        }
        JiraEvent::IssueDeleted(issue, told) => {
            assert!(told.has(Field::Place) && !told.has_all(Fields::DETAILS));
            format!("{} deleted", issue.key)
        }
        JiraEvent::IssueLink(link) => format!(
            "{}-{} {} removed={}",
            link.source_jira_id, link.destination_jira_id, link.type_name, link.is_removed
        ),
        JiraEvent::Project(project) => format!("{} gone={}", project.key, project.is_gone),
        JiraEvent::Ended(Ended::Version(version)) => format!("version {} ended", version.name),
        JiraEvent::Ended(Ended::Sprint(sprint)) => format!("sprint {} ended", sprint.named.name),
        JiraEvent::Sprint(change) => format!(
            "sprint {} runs {:?} to {:?}, {:?}",
            change.sprint.named.name, change.sprint.began_ms, change.sprint.ended_ms, change.news
        ),
        JiraEvent::PassedOver(why) => format!("passed over: {why}"),
    };
    let event = seen.event.strip_prefix("avi:").unwrap_or(&seen.event);
    format!("{event} | {} | {what}", seen.lane)
}

/// Details are what Forge always leaves out; only what differs from that is written.
fn names(is_meant: impl Fn(Field) -> bool) -> String {
    let meant: Vec<_> = Field::EACH
        .into_iter()
        .filter(|field| is_meant(*field))
        .collect();
    let details: Vec<_> = Field::EACH
        .into_iter()
        .filter(|field| Fields::DETAILS.has(*field))
        .collect();
    if meant == details {
        return "details".to_owned();
    }
    let words: Vec<_> = meant.iter().map(|field| format!("{field:?}")).collect();
    words.join(",")
}

fn sample(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/forge-events");
    std::fs::read(folder.join(format!("{name}.json"))).unwrap()
}

fn check(expected: &[(&str, &str)], body: impl Fn(&str) -> Option<Vec<u8>>) {
    let mut wrong = Vec::new();
    for (name, want) in expected {
        let Some(body) = body(name) else { return };
        let got = reading(&body);
        if got != *want {
            wrong.push(format!("{name}\n  want {want}\n  got  {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const OURS: [(&str, &str); 24] = [
    (
        "attachment-created",
        "jira:created:attachment | 10042 | passed over: attachments are not mirrored",
    ),
    (
        "issue-assigned",
        "jira:assigned:issue | 10042 | SHOP-42 changed -details ?",
    ),
    (
        "issue-assigned-twin",
        "jira:updated:issue | 10042 | SHOP-42 changed -details ?",
    ),
    (
        "issue-commented",
        "jira:commented:issue | 10042 | passed over: comments are not mirrored",
    ),
    (
        "issue-created",
        "jira:created:issue | 10042 | SHOP-42 created -details ?",
    ),
    (
        "issue-deleted",
        "jira:deleted:issue | 10042 | SHOP-42 deleted",
    ),
    (
        "issue-updated-category-not-told",
        "jira:updated:issue | 10042 | SHOP-42 10000>3 undefined \
         -Status,Parent,FixVersions,Sprints,Resolution,Priority,Labels ?",
    ),
    (
        "issue-updated-details",
        "jira:updated:issue | 10042 | SHOP-42 changed -Parent,FixVersions,Sprints,Resolution,Labels \
         ?Parent,FixVersions,Sprints,Labels",
    ),
    (
        "issue-updated-moved",
        "jira:updated:issue | 10042 | PAY-3 changed -details ?",
    ),
    (
        "issue-updated-own",
        "jira:updated:issue | 10042 | SHOP-42 changed own -details ?",
    ),
    (
        "issue-updated-resolved",
        "jira:updated:issue | 10042 | SHOP-42 3>10001 done -Parent,FixVersions,Sprints,Priority,Labels ?",
    ),
    (
        "issue-updated-shown-later-status",
        "jira:updated:issue | 10042 | SHOP-42 10000>3 indeterminate -details ?",
    ),
    (
        "issue-updated-started",
        "jira:updated:issue | 10042 | SHOP-42 10000>3 indeterminate -details ?",
    ),
    (
        "issue-updated-started-nested-retry",
        "jira:updated:issue | 10042 | SHOP-42 10000>3 indeterminate -details ?",
    ),
    (
        "issue-updated-status-not-shown",
        "jira:updated:issue | 10042 | SHOP-42 10000>3 indeterminate -details ?",
    ),
    (
        "issue-updated-without-fields",
        "jira:updated:issue | 10042 | SHOP-42 changed \
         -Type,Status,Summary,Parent,FixVersions,Sprints,Resolution,Priority,Labels ?",
    ),
    (
        "issuelink-created",
        "jira:created:issuelink | 10042 | 10042-10043 Blocks removed=false",
    ),
    (
        "issuelink-deleted",
        "jira:deleted:issuelink | 10042 | 10042-10043  removed=true",
    ),
    (
        "project-restored",
        "jira:restored:project | project:10000 | SHOP gone=false",
    ),
    (
        "project-softdeleted",
        "jira:softdeleted:project | project:10000 | SHOP gone=true",
    ),
    (
        "sprint-started",
        "jira-software:started:sprint | sprint:7 | sprint Sprint 7 runs None to None, Started",
    ),
    (
        "unknown",
        "jira:redrawn:roadmap | site | passed over: an event this version does not know",
    ),
    ("unnamed", " | site | passed over: the body names no event"),
    (
        "version-merged",
        "jira:merged:version | version:10010 | passed over: versions are read with the issues that carry them",
    ),
];

#[test]
fn our_own_samples_are_read() {
    check(&OURS, |name| Some(sample(name)));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/forge-events");
    let bodies = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(bodies, OURS.len(), "every body has its line");
}

#[test]
fn a_change_told_twice_has_one_key_and_a_twin_its_own() {
    let key = |name: &str| envelope(&sample(name)).unwrap().content_key;
    assert_eq!(
        key("issue-updated-started"),
        key("issue-updated-started-nested-retry")
    );
    assert_ne!(key("issue-assigned"), key("issue-assigned-twin"));
}

#[test]
fn what_the_changelog_says_of_a_resolution_is_read() {
    let JiraEvent::IssueChanged(change) = parse(&sample("issue-updated-resolved")).unwrap() else {
        panic!("not a change");
    };
    insta::assert_debug_snapshot!(change);
    let JiraEvent::IssueChanged(own) = parse(&sample("issue-updated-own")).unwrap() else {
        panic!("not a change");
    };
    assert_eq!(
        own.trace.as_deref(),
        Some("0193497a-8f00-7000-8000-000000000001")
    );
}

fn of_reference(name: &str) -> Option<Vec<u8>> {
    let text = crate::testing::reference(&format!("forge/events/{name}.json"))?;
    Some(text.into_bytes())
}

#[test]
fn the_references_bodies_are_read() {
    check(&REFERENCE, of_reference);
}

#[test]
fn the_references_repeats_have_one_key() {
    let Some(first) = of_reference("issue-updated-status") else {
        return;
    };
    let key = |body: &[u8]| envelope(body).unwrap().content_key;
    for again in ["issue-updated-retry", "issue-updated-retry-flat"] {
        assert_eq!(key(&of_reference(again).unwrap()), key(&first), "{again}");
    }
    let transition = |name: &str| match parse(&of_reference(name).unwrap()).unwrap() {
        JiraEvent::IssueChanged(change) => (change.issue.status, change.issue.status_category),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        transition("issue-updated-status"),
        transition("issue-updated-status-reordered")
    );
}

const REFERENCE: [(&str, &str); 36] = [
    (
        "issue-created",
        "jira:created:issue | 10073 | SP-10 created -details ?",
    ),
    (
        "issue-created-clone",
        "jira:created:issue | 10074 | SP-11 created -details ?",
    ),
    (
        "issue-updated-status",
        "jira:updated:issue | 10073 | SP-10 10000>3 indeterminate -details ?",
    ),
    (
        "issue-updated-status-reordered",
        "jira:updated:issue | 10073 | SP-10 10000>3 indeterminate -details ?",
    ),
    (
        "issue-updated-resolved",
        "jira:updated:issue | 10073 | SP-10 3>10001 done -Parent,FixVersions,Sprints,Priority,Labels ?",
    ),
    (
        "issue-updated-moved",
        "jira:updated:issue | 10073 | NEW-3 changed -details ?",
    ),
    (
        "issue-updated-self",
        "jira:updated:issue | 10073 | SP-10 changed own -details ?Labels",
    ),
    (
        "issue-updated-retry",
        "jira:updated:issue | 10073 | SP-10 10000>3 indeterminate -details ?",
    ),
    (
        "issue-updated-retry-flat",
        "jira:updated:issue | 10073 | SP-10 10000>3 indeterminate -details ?",
    ),
    (
        "issue-assigned",
        "jira:assigned:issue | 10073 | SP-10 changed -details ?",
    ),
    (
        "issue-updated-assignee-twin",
        "jira:updated:issue | 10073 | SP-10 changed -details ?",
    ),
    (
        "issue-unassigned-twin",
        "jira:updated:issue | 10073 | SP-10 changed -details ?",
    ),
    (
        "issue-deleted",
        "jira:deleted:issue | 10073 | SP-10 deleted",
    ),
    (
        "issue-commented",
        "jira:commented:issue | 10073 | passed over: comments are not mirrored",
    ),
    (
        "issue-commented-edit",
        "jira:commented:issue | 10073 | passed over: comments are not mirrored",
    ),
    (
        "comment-deleted",
        "jira:deleted:comment | 10073 | passed over: comments are not mirrored",
    ),
    (
        "issuelink-created",
        "jira:created:issuelink | 10073 | 10073-10080 Blocks removed=false",
    ),
    (
        "issuelink-deleted",
        "jira:deleted:issuelink | 10073 | 10073-10080 Blocks removed=true",
    ),
    (
        "issuelink-created-numeric",
        "jira:created:issuelink | 10073 | 10073-10080 Blocks removed=false",
    ),
    (
        "version-created",
        "jira:created:version | version:10010 | passed over: versions are read with the issues that carry them",
    ),
    (
        "version-released",
        "jira:released:version | version:10010 | version 2.1 ended",
    ),
    (
        "version-merged",
        "jira:merged:version | version:10010 | passed over: versions are read with the issues that carry them",
    ),
    (
        "version-deleted",
        "jira:deleted:version | version:10010 | passed over: versions are read with the issues that carry them",
    ),
    (
        "project-updated",
        "jira:updated:project | project:10000 | SP gone=false",
    ),
    (
        "project-softdeleted",
        "jira:softdeleted:project | project:10000 | SP gone=true",
    ),
    (
        "project-deleted",
        "jira:deleted:project | project:10000 | SP gone=true",
    ),
    (
        "attachment-created",
        "jira:created:attachment | 10073 | passed over: attachments are not mirrored",
    ),
    (
        "worklog-created",
        "jira:created:worklog | 10073 | passed over: work logs are not mirrored",
    ),
    (
        "sprint-updated",
        "jira-software:updated:sprint | sprint:6 | passed over: an event of Forge says no dates, which are read with the issues",
    ),
    (
        "board-created",
        "jira-software:created:board | site | passed over: boards are not mirrored",
    ),
    (
        "app-installed",
        " | site | passed over: the body names no event",
    ),
    (
        "app-installed-with-event-type",
        "forge:installed:app | site | passed over: an event this version does not know",
    ),
    (
        "app-upgraded",
        " | site | passed over: the body names no event",
    ),
    (
        "scheduled-trigger",
        " | site | passed over: the body names no event",
    ),
    (
        "pre-uninstall",
        " | site | passed over: the body names no event",
    ),
    (
        "unknown-event",
        "jira:created:field | site | passed over: an event this version does not know",
    ),
];
