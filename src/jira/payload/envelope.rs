//! The look at a body before it is answered: what it is called, which lane it belongs to, and what
//! makes it the same event when it comes again by another way.

use std::borrow::Cow;

use aws_lc_rs::digest;
use serde::Deserialize;

use super::lenient::{Scalar, Shape};
use super::{PayloadError, event_name, read};

/// What the inbox needs to know of an event; borrowed from its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Jira's name of the event; empty when the body has none.
    pub event: Cow<'a, str>,
    /// When it happened, milliseconds since the Unix epoch; `None` when the body does not say.
    pub event_ms: Option<i64>,
    /// What it must be applied in order with: the issue's Jira id as text, `sprint:ID`,
    /// `version:ID`, `project:ID`, or `site`.
    pub lane: String,
    /// Hash of what makes it the same event through another registration or channel.
    pub content_key: [u8; 16],
}

impl Envelope<'_> {
    /// Of a body that nothing can be read from: an event of the site, known by its bytes.
    #[must_use]
    pub fn unreadable(body: &[u8]) -> Self {
        Self {
            event: Cow::Borrowed(""),
            event_ms: None,
            lane: SITE.to_owned(),
            content_key: hash([&b"unreadable"[..], body]),
        }
    }
}

/// The lane of what is about nothing smaller than the site.
pub(super) const SITE: &str = "site";

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    timestamp: Scalar<'a>,
    #[serde(borrow, default, rename = "webhookEvent")]
    event: Scalar<'a>,
    #[serde(borrow, default)]
    issue: Shape<Entity<'a>>,
    #[serde(borrow, default)]
    changelog: Shape<Entity<'a>>,
    #[serde(borrow, default)]
    comment: Shape<Entity<'a>>,
    #[serde(borrow, default)]
    worklog: Shape<Entity<'a>>,
    #[serde(borrow, default, rename = "issueLink")]
    link: Shape<Entity<'a>>,
    #[serde(borrow, default)]
    sprint: Shape<Entity<'a>>,
    #[serde(borrow, default)]
    version: Shape<Entity<'a>>,
    #[serde(borrow, default)]
    project: Shape<Entity<'a>>,
    #[serde(borrow, default, rename = "accountId")]
    account: Scalar<'a>,
    #[serde(borrow, default)]
    username: Scalar<'a>,
}

/// The parts of any entity that tell it from others.
#[derive(Deserialize)]
struct Entity<'a> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default)]
    updated: Scalar<'a>,
    #[serde(borrow, default, rename = "self")]
    address: Scalar<'a>,
    #[serde(borrow, default, rename = "issueId")]
    issue_id: Scalar<'a>,
    #[serde(borrow, default, rename = "sourceIssueId")]
    source_issue_id: Scalar<'a>,
}

/// Looks at a body without reading all of it.
///
/// # Errors
///
/// When it is not a JSON object, not UTF-8, or nested beyond reason. An unknown event is no error.
pub fn envelope(body: &[u8]) -> Result<Envelope<'_>, PayloadError> {
    let read: Body<'_> = read(body)?;
    let lane = read.lane();
    let event_ms = read.timestamp.time_ms();
    let is_user = read.account != Scalar::Absent || read.username != Scalar::Absent;
    let event = event_name(read.event.clone(), is_user);
    let content_key = read.content_key(&event, body);
    Ok(Envelope {
        event,
        event_ms,
        lane,
        content_key,
    })
}

impl Body<'_> {
    fn lane(&self) -> String {
        let id = |entity: &Shape<Entity<'_>>| entity.0.as_ref().and_then(|one| one.id.id());
        let issue = id(&self.issue)
            .or_else(|| self.worklog.0.as_ref()?.issue_id.id())
            .or_else(|| self.link.0.as_ref()?.source_issue_id.id())
            .or_else(|| issue_of_address(&self.comment.0.as_ref()?.address));
        if let Some(issue) = issue {
            return issue.to_string();
        }
        for (kind, entity) in [
            ("sprint", &self.sprint),
            ("version", &self.version),
            ("project", &self.project),
        ] {
            if let Some(id) = id(entity) {
                return format!("{kind}:{id}");
            }
        }
        SITE.to_owned()
    }

    /// The key of `jira-webhooks-rest.md` 8.2. The event's name is always part of it: a comment
    /// keeps its `updated` when it is deleted.
    fn content_key(&self, event: &str, body: &[u8]) -> [u8; 16] {
        let changelog = self.changelog.0.as_ref().and_then(|one| one.id.id());
        if let (Some(issue), Some(changelog)) = (&self.issue.0, changelog)
            && let Some(issue) = issue.id.id()
        {
            return key(event, CHANGELOG, issue, changelog);
        }
        for (kind, entity) in [("comment", &self.comment.0), ("worklog", &self.worklog.0)] {
            // Data Center repeats a comment inside an issue event; that one is an issue event.
            if event.starts_with(kind)
                && let Some(entity) = entity
                && let (Some(id), Some(updated)) = (entity.id.id(), entity.updated.time_ms())
            {
                return key(event, kind, id, updated);
            }
        }
        if let Some(link) = self.link.0.as_ref().and_then(|link| link.id.id()) {
            return key(event, "link", link, 0);
        }
        let sprint = self.sprint.0.as_ref().and_then(|sprint| sprint.id.id());
        if let (Some(sprint), Some(at)) = (sprint, self.timestamp.time_ms()) {
            return key(event, "sprint", sprint, at);
        }
        hash([event.as_bytes(), &[0], b"body", &[0], body])
    }
}

/// The id in `…/issue/<id>/comment/<id>`: a comment of Data Center says its issue nowhere else.
fn issue_of_address(address: &Scalar<'_>) -> Option<i64> {
    let Scalar::Text(address) = address else {
        return None;
    };
    let (before, _) = address.rsplit_once("/comment/")?;
    let (_, issue) = before.rsplit_once("/issue/")?;
    issue.parse().ok()
}

/// The key of the webhook that tells, or would have told, of a change: the issue's Jira id and the
/// changelog's.
#[must_use]
pub fn change_key(issue: i64, changelog: i64) -> [u8; 16] {
    key("jira:issue_updated", CHANGELOG, issue, changelog)
}

const CHANGELOG: &str = "changelog";

/// A hash that begins with what grows from event to event (`of`, 48 bits of it): keys that come one
/// after the other lie side by side in the index, which a hash alone would spread over all of it.
fn key(event: &str, kind: &str, id: i64, of: i64) -> [u8; 16] {
    let parts: [&[u8]; 5] = [
        event.as_bytes(),
        &[0],
        kind.as_bytes(),
        &[0],
        &id.to_be_bytes(),
    ];
    growing_key(&parts, of)
}

/// See [`key`].
pub(super) fn growing_key(parts: &[&[u8]], of: i64) -> [u8; 16] {
    let of = of.to_be_bytes();
    let mut key = hash(parts.iter().copied().chain([&of[..]]));
    for (to, from) in key.iter_mut().zip(of.iter().skip(2)) {
        *to = *from;
    }
    key
}

/// The first half of a SHA-256.
pub(super) fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 16] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut half = [0; 16];
    for (to, from) in half.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str) -> Envelope<'_> {
        envelope(body.as_bytes()).unwrap()
    }

    #[test]
    fn every_family_has_its_lane() {
        for (body, lane) in [
            (
                r#"{"webhookEvent":"jira:issue_updated","issue":{"id":"10042"}}"#,
                "10042",
            ),
            (
                r#"{"webhookEvent":"worklog_created","worklog":{"id":"1","issueId":"10014"}}"#,
                "10014",
            ),
            (
                r#"{"webhookEvent":"issuelink_created","issueLink":{"id":7,"sourceIssueId":11442,"destinationIssueId":1}}"#,
                "11442",
            ),
            (
                r#"{"webhookEvent":"comment_created","comment":{"id":"5","self":"http://j/jira/rest/api/2/issue/10013/comment/5"}}"#,
                "10013",
            ),
            (
                r#"{"webhookEvent":"comment_created","comment":{"id":"5","self":"http://j/rest/api/2/issue/1/comment/5"},"issue":{"id":10013}}"#,
                "10013",
            ),
            (
                r#"{"webhookEvent":"sprint_closed","sprint":{"id":3}}"#,
                "sprint:3",
            ),
            (
                r#"{"webhookEvent":"jira:version_released","version":{"id":"10000"}}"#,
                "version:10000",
            ),
            (
                r#"{"webhookEvent":"project_created","project":{"id":10181}}"#,
                "project:10181",
            ),
            (
                r#"{"webhookEvent":"option_voting_changed","property":{"key":"k"}}"#,
                "site",
            ),
            (
                r#"{"webhookEvent":"new_in_2027","issue":"SHOP-1","project":["x"],"version":2}"#,
                "site",
            ),
        ] {
            assert_eq!(of(body).lane, lane, "{body}");
        }
    }

    #[test]
    fn a_body_without_a_name_is_known_by_its_shape() {
        assert_eq!(
            of(r#"{"accountId":"5b","username":"u"}"#).event,
            "user_deleted"
        );
        let unknown = of(r#"{"something":1}"#);
        assert_eq!((unknown.event.as_ref(), unknown.event_ms), ("", None));
    }

    #[test]
    fn one_change_has_one_key_whatever_else_the_body_says() {
        let through = |registration: &str| {
            format!(
                r#"{{"timestamp":1,"webhookEvent":"jira:issue_updated","matchedWebhookIds":[{registration}],
                "issue":{{"id":"7","self":"https://{registration}"}},"changelog":{{"id":"99","items":[]}}}}"#
            )
        };
        let (one, two) = (through("1"), through("2"));
        assert_eq!(of(&one).content_key, of(&two).content_key);
        let next = one.replace("\"99\"", "\"100\"");
        assert_ne!(of(&one).content_key, of(&next).content_key);
        let other = one.replace("\"7\"", "\"8\"");
        assert_ne!(of(&one).content_key, of(&other).content_key);
    }

    #[test]
    fn a_comment_deleted_is_not_the_comment_created() {
        let comment = |event: &str, updated: &str| {
            format!(r#"{{"webhookEvent":"{event}","comment":{{"id":"5","updated":"{updated}"}}}}"#)
        };
        let keys = [
            comment("comment_created", "2019-10-07T22:42:01.801-0700"),
            comment("comment_deleted", "2019-10-07T22:42:01.801-0700"),
            comment("comment_updated", "2019-10-07T22:43:01.801-0700"),
        ]
        .map(|body| of(&body).content_key);
        assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
        let elsewhere = comment("comment_created", "2019-10-08T05:42:01.801+0000");
        assert_eq!(of(&elsewhere).content_key, keys[0]);
    }

    #[test]
    fn without_an_identity_the_body_is_the_key() {
        let (one, two) = (r#"{"accountId":"a"}"#, r#"{"accountId":"b"}"#);
        assert_eq!(of(one).content_key, of(one).content_key);
        assert_ne!(of(one).content_key, of(two).content_key);
    }
}
