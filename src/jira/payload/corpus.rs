//! Whole bodies: our own samples, and the captured ones of the reference where that stands.

use std::path::Path;

use super::{envelope, parse};
use crate::domain::issue::{Ended, JiraEvent, StatusCategory};

/// What a body must be read as, in one line: event, lane, what happened.
fn reading(body: &[u8]) -> String {
    let seen = envelope(body).unwrap();
    assert!(seen.event_ms.is_some() || seen.event == "user_deleted");
    let what = match parse(body).unwrap() {
        JiraEvent::IssueChanged(change) => {
            let verb = match change.transition() {
                _ if change.is_creation => "created".to_owned(),
                Some(step) => format!(
                    "{}>{}",
                    step.from.clone().unwrap_or_default(),
                    step.to.clone().unwrap_or_default()
                ),
                None => "changed".to_owned(),
            };
            assert!(!change.issue.status.id.is_empty() && !change.issue.issue_type.id.is_empty());
            assert!(change.issue.status_category != StatusCategory::Undefined);
            assert!(change.issue.updated_ms > 1_400_000_000_000);
            assert_eq!(change.issue.jira_id.to_string(), seen.lane);
            let fields: Vec<_> = change.changes.into_iter().map(|one| one.field).collect();
            format!("{} {verb} [{}]", change.issue.key, fields.join(" "))
        }
        JiraEvent::IssueDeleted(issue, _) => format!("{} deleted", issue.key),
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
    format!("{} | {} | {what}", seen.event, seen.lane)
}

fn check_all(folder: &Path, expected: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (name, want) in expected {
        let body = std::fs::read(folder.join(format!("{name}.json"))).unwrap();
        let got = reading(&body);
        if got != *want {
            wrong.push(format!("{name}\n  want {want}\n  got  {got}"));
        }
    }
    let files = std::fs::read_dir(folder).unwrap();
    let bodies = files
        .filter(|file| {
            let path = file.as_ref().unwrap().path();
            path.extension().is_some_and(|ext| ext == "json")
        })
        .count();
    assert_eq!(bodies, expected.len(), "every body has its line");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn our_own_samples_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/webhooks");
    check_all(
        &folder,
        &[
            (
                "attachment_created",
                "attachment_created | site | passed over: attachments are not mirrored",
            ),
            (
                "comment_created-dc",
                "comment_created | 10042 | passed over: comments are not mirrored",
            ),
            (
                "issue_created",
                "jira:issue_created | 10042 | SHOP-42 created [issuetype status summary]",
            ),
            (
                "issue_deleted-dc",
                "jira:issue_deleted | 10042 | SHOP-42 deleted",
            ),
            (
                "issue_property_set",
                "issue_property_set | 10042 | passed over: issue properties are not mirrored",
            ),
            (
                "issue_updated-bulk",
                "jira:issue_updated | 10042 | SHOP-42 changed [labels]",
            ),
            (
                "issue_updated-moved",
                "jira:issue_updated | 10042 | PAY-3 10000>10100 [project status workflow key]",
            ),
            (
                "issue_updated-resolved",
                "jira:issue_updated | 10042 | SHOP-42 10001>10002 [resolution status]",
            ),
            (
                "issue_updated-resolved-dc",
                "jira:issue_updated | 10042 | SHOP-42 10001>10002 [status resolution]",
            ),
            (
                "issuelink_deleted",
                "issuelink_deleted | 10042 | 10042-10043 Relates removed=true",
            ),
            (
                "project_archived",
                "project_archived | project:10000 | SHOP gone=true",
            ),
            (
                "sprint_updated",
                "sprint_updated | sprint:7 | sprint Sprint 7, cart runs Some(1763366400000) to None, Changed",
            ),
            (
                "unknown",
                "roadmap_redrawn | site | passed over: an event this version does not know",
            ),
            (
                "user_deleted",
                "user_deleted | site | passed over: people are not mirrored",
            ),
            (
                "version_deleted-merged",
                "jira:version_deleted | version:10010 | passed over: versions are read with the issues that carry them",
            ),
        ],
    );
}

#[test]
fn the_sample_of_a_resolution_is_read_in_full() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/webhooks");
    let body = std::fs::read(path.join("issue_updated-resolved.json")).unwrap();
    let JiraEvent::IssueChanged(change) = parse(&body).unwrap() else {
        panic!("not a change");
    };
    insta::assert_debug_snapshot!(change);
}

#[test]
fn captured_bodies_are_read() {
    let mut wrong = Vec::new();
    for (name, want) in CAPTURED {
        let path = format!("jira/webhooks/{name}.json");
        let Some(body) = crate::testing::reference(&path) else {
            return;
        };
        let got = reading(body.as_bytes());
        if got != want {
            wrong.push(format!("{name}\n  want {want}\n  got  {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the reference's own table says of each captured body.
const CAPTURED: [(&str, &str); 35] = [
    (
        "cloud-issue_created-2026-custom-fields",
        "jira:issue_created | 10033 | KAN-3 created [summary status priority fixVersions customfield_10071 reporter]",
    ),
    (
        "cloud-issue_created-many-fields",
        "jira:issue_created | 10509 | KT-22 created [assignee customfield_10073 customfield_10076 description fixVersions priority reporter status summary]",
    ),
    (
        "cloud-issue_created-security-level",
        "jira:issue_created | 10040 | TES-41 created [description priority reporter status summary]",
    ),
    (
        "cloud-issue_created-localised-field-names",
        "jira:issue_created | 13877 | DTP-1 created [description priority reporter status summary]",
    ),
    (
        "cloud-issue_updated-status-started",
        "jira:issue_updated | 10040 | TES-41 10001>3 [status]",
    ),
    (
        "cloud-issue_updated-status-localised",
        "jira:issue_updated | 11442 | INDEV-6 10257>10258 [status]",
    ),
    (
        "cloud-issue_updated-resolution-status",
        "jira:issue_updated | 10040 | TES-41 3>10002 [resolution status]",
    ),
    (
        "cloud-issue_updated-assigned-empty-changelog",
        "jira:issue_updated | 10001 | TEST-123 changed []",
    ),
    (
        "cloud-issue_updated-attachment",
        "jira:issue_updated | 10040 | TES-41 changed [Attachment]",
    ),
    (
        "cloud-issue_updated-component",
        "jira:issue_updated | 10360 | TES-10 changed [components]",
    ),
    (
        "cloud-issue_updated-fix-version",
        "jira:issue_updated | 10040 | TES-41 changed [fixVersions]",
    ),
    (
        "cloud-issue_updated-labels",
        "jira:issue_updated | 10040 | TES-41 changed [labels]",
    ),
    (
        "cloud-issue_updated-several-items",
        "jira:issue_updated | 10040 | TES-41 changed [fixVersions assignee customfield_10072]",
    ),
    (
        "cloud-issue_updated-rank",
        "jira:issue_updated | 10040 | TES-41 changed [Rank]",
    ),
    (
        "cloud-issue_updated-moved-to-other-project",
        "jira:issue_updated | 12490 | INDEV-130 10029>10257 [issuetype project status workflow key]",
    ),
    (
        "cloud-issue_updated-custom-field",
        "jira:issue_updated | 10368 | TES-14 changed [customfield_10072]",
    ),
    (
        "cloud-issue_deleted",
        "jira:issue_deleted | 10303 | IDT-19 deleted",
    ),
    (
        "cloud-comment_created",
        "comment_created | 10040 | passed over: comments are not mirrored",
    ),
    (
        "cloud-comment_created-jenkins",
        "comment_created | 10023 | passed over: comments are not mirrored",
    ),
    (
        "cloud-comment_updated-with-issue",
        "comment_updated | 11961 | passed over: comments are not mirrored",
    ),
    (
        "cloud-comment_deleted",
        "comment_deleted | 10357 | passed over: comments are not mirrored",
    ),
    (
        "cloud-worklog_created-2026",
        "worklog_created | 10014 | passed over: work logs are not mirrored",
    ),
    (
        "cloud-issuelink_created-epic",
        "issuelink_created | 11442 | 11442-11961 Blocks removed=false",
    ),
    (
        "cloud-version_released",
        "jira:version_released | version:10000 | version 1.0 ended",
    ),
    (
        "cloud-project_created",
        "project_created | project:10181 | DTP gone=false",
    ),
    (
        "dc-issue_created",
        "jira:issue_created | 10003 | TEST-4 created []",
    ),
    (
        "dc-issue_updated-status-closed",
        "jira:issue_updated | 10300 | TES-4 5>6 [status]",
    ),
    (
        "dc-issue_updated-status-in-progress",
        "jira:issue_updated | 10300 | TES-4 4>3 [status]",
    ),
    (
        "dc-issue_updated-resolution-then-status",
        "jira:issue_updated | 10010 | TEST-11 10000>10001 [resolution status]",
    ),
    (
        "dc-issue_updated-labels",
        "jira:issue_updated | 10400 | HEY-15 changed [labels]",
    ),
    (
        "dc-issue_updated-commented",
        "jira:issue_updated | 10231 | PRJA-42 changed []",
    ),
    (
        "dc-issue_updated-comment-edited",
        "jira:issue_updated | 10013 | PRJX-14 changed []",
    ),
    (
        "dc-issue_updated-moved-old-format",
        "jira:issue_updated | 28661 | BBCOM-1233 3>10602 [status description key]",
    ),
    (
        "cloud-issue_updated-assigned-without-event-type-name",
        "jira:issue_updated | 10040 | TES-41 changed [assignee]",
    ),
    (
        "dc-comment_created-without-issue",
        "comment_created | 10013 | passed over: comments are not mirrored",
    ),
];
