//! The look at a Forge event before it is answered.

use serde::Deserialize;
use serde_json::Value;

use super::super::envelope::{Envelope, SITE, growing_key, hash};
use super::super::lenient::{Many, Scalar, Shape};
use super::super::{PayloadError, event_name, read};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    payload: Shape<Box<Body<'a>>>,
    #[serde(borrow, default, rename = "eventType")]
    event: Scalar<'a>,
    #[serde(borrow, default)]
    timestamp: Scalar<'a>,
    #[serde(borrow, default)]
    issue: Shape<Entity<'a>>,
    #[serde(borrow, default)]
    changelog: Shape<Changelog<'a>>,
    #[serde(borrow, default)]
    comment: Shape<Entity<'a>>,
    #[serde(borrow, default)]
    worklog: Shape<Entity<'a>>,
    #[serde(borrow, default)]
    attachment: Shape<Entity<'a>>,
    #[serde(borrow, default)]
    sprint: Shape<Entity<'a>>,
    #[serde(borrow, default)]
    version: Shape<Entity<'a>>,
    #[serde(borrow, default)]
    project: Shape<Entity<'a>>,
    /// A link between issues is not wrapped: its id and ends stand at the root.
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default, rename = "sourceIssueId")]
    source_issue_id: Scalar<'a>,
}

#[derive(Deserialize)]
struct Entity<'a> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default, rename = "issueId")]
    issue_id: Scalar<'a>,
}

#[derive(Deserialize)]
struct Changelog<'a> {
    #[serde(borrow, default)]
    items: Many<Shape<Entry<'a>>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    field: Scalar<'a>,
    #[serde(borrow, default, rename = "fieldId")]
    field_id: Scalar<'a>,
    #[serde(borrow, default)]
    from: Scalar<'a>,
    #[serde(borrow, default, rename = "fromString")]
    from_text: Scalar<'a>,
    #[serde(borrow, default)]
    to: Scalar<'a>,
    #[serde(borrow, default, rename = "toString")]
    to_text: Scalar<'a>,
}

/// Looks at the body of a Forge event without reading all of it.
///
/// # Errors
///
/// When it is not a JSON object, not UTF-8, or nested beyond reason. An unknown event is no error.
pub fn envelope(body: &[u8]) -> Result<Envelope<'_>, PayloadError> {
    let mut seen: Body<'_> = read(body)?;
    if seen.event == Scalar::Absent
        && let Some(inner) = seen.payload.0.take()
    {
        seen = *inner;
    }
    let event = event_name(seen.event.clone(), false);
    let content_key = match seen.content_key(&event) {
        Some(key) => key,
        None => body_key(body)?,
    };
    Ok(Envelope {
        event_ms: seen.timestamp.time_ms(),
        lane: seen.lane(),
        content_key,
        event,
    })
}

impl Body<'_> {
    fn lane(&self) -> String {
        let issue = id(&self.issue)
            .or_else(|| self.worklog.0.as_ref()?.issue_id.id())
            .or_else(|| self.attachment.0.as_ref()?.issue_id.id())
            .or_else(|| self.source_issue_id.id());
        if let Some(issue) = issue {
            return issue.to_string();
        }
        let others = [
            ("sprint", &self.sprint),
            ("version", &self.version),
            ("project", &self.project),
        ];
        let other = others
            .into_iter()
            .find_map(|(kind, entity)| Some(format!("{kind}:{}", id(entity)?)));
        other.unwrap_or_else(|| SITE.to_owned())
    }

    /// The key of `forge.md` 5.4: the event's name, what it is about, when it happened, and what
    /// changed. Neither the envelope nor a redelivery's `retryContext` is part of it.
    fn content_key(&self, event: &str) -> Option<[u8; 16]> {
        let at_ms = self.timestamp.time_ms()?;
        let entities = [
            ("comment", &self.comment),
            ("worklog", &self.worklog),
            ("attachment", &self.attachment),
            ("issue", &self.issue),
            ("version", &self.version),
            ("project", &self.project),
            ("sprint", &self.sprint),
        ];
        let (kind, id) = entities
            .into_iter()
            .find_map(|(kind, entity)| Some((kind, id(entity)?)))
            .or_else(|| Some(("link", self.id.id()?)))?;
        let items = self.changelog.0.as_ref().map(Changelog::digest);
        let parts: [&[u8]; 6] = [
            event.as_bytes(),
            &[0],
            kind.as_bytes(),
            &[0],
            &id.to_be_bytes(),
            &items.unwrap_or_default(),
        ];
        Some(growing_key(&parts, at_ms))
    }
}

fn id(entity: &Shape<Entity<'_>>) -> Option<i64> {
    entity.0.as_ref()?.id.id()
}

impl Changelog<'_> {
    /// A hash of the entries as they stand.
    fn digest(&self) -> [u8; 16] {
        let mut text = Vec::with_capacity(128);
        for entry in self.items.0.iter().filter_map(|entry| entry.0.as_ref()) {
            for part in [
                &entry.field,
                &entry.field_id,
                &entry.from,
                &entry.from_text,
                &entry.to,
                &entry.to_text,
            ] {
                if let Some(part) = part.clone().into_text() {
                    text.extend_from_slice(part.as_bytes());
                }
                text.push(0);
            }
            text.push(1);
        }
        hash([text.as_slice()])
    }
}

/// The key of an event that says neither what it is about nor when: all of it but how it was sent.
fn body_key(body: &[u8]) -> Result<[u8; 16], PayloadError> {
    let Shape(Some(mut whole)) = serde_json::from_slice::<Shape<Whole>>(body)? else {
        return Err(PayloadError::NotAnObject);
    };
    if !whole.0.contains_key("eventType")
        && let Some(Value::Object(inner)) = whole.0.remove("payload")
    {
        whole = Whole(inner);
    }
    whole.0.remove("retryContext");
    let text = serde_json::to_vec(&whole.0)?;
    Ok(hash([&b"forge body"[..], &text]))
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Whole(serde_json::Map<String, Value>);

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
                r#"{"eventType":"avi:jira:updated:issue","issue":{"id":"10042"}}"#,
                "10042",
            ),
            (
                r#"{"payload":{"eventType":"avi:jira:updated:issue","issue":{"id":10042}}}"#,
                "10042",
            ),
            (
                r#"{"eventType":"avi:jira:created:worklog","worklog":{"id":"1","issueId":"7"}}"#,
                "7",
            ),
            (
                r#"{"eventType":"avi:jira:created:attachment","attachment":{"id":"1","issueId":7}}"#,
                "7",
            ),
            (
                r#"{"eventType":"avi:jira:created:issuelink","id":5,"sourceIssueId":"7"}"#,
                "7",
            ),
            (
                r#"{"eventType":"avi:jira:released:version","version":{"id":"3"}}"#,
                "version:3",
            ),
            (
                r#"{"eventType":"avi:jira:deleted:project","project":{"id":3}}"#,
                "project:3",
            ),
            (
                r#"{"eventType":"avi:jira-software:closed:sprint","sprint":{"id":"3"}}"#,
                "sprint:3",
            ),
            (
                r#"{"eventType":"avi:jira:created:field","id":"customfield_10300"}"#,
                "site",
            ),
            (r#"{"payload":[1]}"#, "site"),
        ] {
            assert_eq!(of(body).lane, lane, "{body}");
        }
    }

    const MOVED: &str = r#""eventType":"avi:jira:updated:issue","timestamp":"1795132800000",
        "issue":{"id":"10042","key":"SHOP-42"},"changelog":{"items":[{"field":"status","fieldId":"status",
        "from":"1","fromString":"A","to":"2","toString":"B"}]}"#;

    #[test]
    fn a_redelivery_has_the_same_key_in_either_envelope() {
        let first = format!("{{{MOVED}}}");
        let retry =
            r#","retryContext":{"retryCount":2,"retryReason":"TIMEOUT_ERROR","retryData":null}"#;
        let flat = format!("{{{MOVED}{retry}}}");
        let nested = format!("{{\"payload\":\n{{{MOVED}{retry}}}}}");
        for again in [&flat, &nested] {
            assert_eq!(of(again), of(&first));
        }
        for (from, to) in [
            ("1795132800000", "1795132800001"),
            ("10042", "10043"),
            (r#""to":"2""#, r#""to":"3""#),
            ("updated", "assigned"),
        ] {
            let other = first.replacen(from, to, 1);
            assert_ne!(of(&other).content_key, of(&first).content_key, "{from}");
        }
    }

    #[test]
    fn an_event_without_a_time_is_known_by_all_of_it() {
        let sprint = r#""eventType":"avi:jira-software:started:sprint","sprint":{"id":"6","state":"active"}"#;
        let first = format!("{{{sprint}}}");
        let again = format!(r#"{{"payload":{{{sprint},"retryContext":{{"retryCount":1}}}}}}"#);
        assert_eq!(of(&first).content_key, of(&again).content_key);
        assert_eq!(
            (of(&first).event_ms, of(&first).lane.as_str()),
            (None, "sprint:6")
        );
        let later = first.replace("active", "closed");
        assert_ne!(of(&later).content_key, of(&first).content_key);
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for body in [
            "",
            "[]",
            "{",
            "17",
            "<html>",
            r#"{"payload":{"eventType":1}"#,
        ] {
            assert!(envelope(body.as_bytes()).is_err(), "{body}");
        }
        let deep = format!(
            r#"{{"payload":{}1{}}}"#,
            "{\"payload\":".repeat(5_000),
            "}".repeat(5_000)
        );
        assert!(matches!(
            envelope(deep.as_bytes()),
            Err(PayloadError::TooDeep)
        ));
    }
}
