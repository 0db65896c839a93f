//! The whole reading of a Forge event, for the worker to apply.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::super::event::{Changelog, Entry, Link, Planned, Project, needed};
use super::super::fields::{Fields as IssueFields, Issue, Told};
use super::super::lenient::{Scalar, Shape};
use super::super::sprint::SprintBody;
use super::super::{PayloadError, event_name, read};
use super::PREFIX;
use crate::domain::issue::{Ended, IssueChanged, IssueSnapshot, JiraEvent, Named, StatusCategory};
use crate::domain::mirror::{Field, Fields};
use crate::domain::sprint::SprintNews;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    payload: Shape<Box<Body<'a>>>,
    #[serde(borrow, default, rename = "eventType")]
    event: Scalar<'a>,
    #[serde(borrow, default)]
    timestamp: Scalar<'a>,
    #[serde(borrow, default, rename = "selfGenerated")]
    is_own: Scalar<'a>,
    #[serde(borrow, default, rename = "webhookTraceValue")]
    trace: Scalar<'a>,
    #[serde(borrow, default, rename = "atlassianId")]
    actor: Scalar<'a>,
    #[serde(borrow, default)]
    issue: Shape<Issue<'a>>,
    #[serde(borrow, default)]
    changelog: Shape<Changelog<'a>>,
    #[serde(default, rename = "associatedStatuses")]
    statuses: Value,
    #[serde(borrow, default)]
    project: Shape<Project<'a>>,
    #[serde(borrow, default)]
    version: Shape<Planned<'a>>,
    #[serde(borrow, default)]
    sprint: Shape<SprintBody<'a>>,
    #[serde(borrow, default, rename = "sourceIssueId")]
    source: Scalar<'a>,
    #[serde(borrow, default, rename = "destinationIssueId")]
    destination: Scalar<'a>,
    #[serde(borrow, default, rename = "issueLinkType")]
    link_kind: Shape<Project<'a>>,
}

/// Reads the body of a Forge event into what it says happened.
///
/// # Errors
///
/// When the body is not JSON, or an event that must be applied lacks what it needs for that.
pub fn parse(body: &[u8]) -> Result<JiraEvent, PayloadError> {
    let mut read: Body<'_> = read(body)?;
    if read.event == Scalar::Absent
        && let Some(inner) = read.payload.0.take()
    {
        read = *inner;
    }
    let event = event_name(read.event.clone(), false);
    match event.strip_prefix(PREFIX).unwrap_or_default() {
        "jira:created:issue" => read.issue_changed(&event, true),
        // One assignment is told by both; the second finds everything as it says.
        "jira:updated:issue" | "jira:assigned:issue" => read.issue_changed(&event, false),
        "jira:deleted:issue" => {
            let last = read.issue_told(&event)?;
            Ok(JiraEvent::IssueDeleted(last.snapshot, last.fields))
        }
        "jira:created:issuelink" => read.link().linked(&event, false),
        "jira:deleted:issuelink" => read.link().linked(&event, true),
        "jira:created:project"
        | "jira:updated:project"
        | "jira:restored:project"
        | "jira:unarchived:project" => {
            needed(read.project, &event, "project")?.changed(&event, false)
        }
        "jira:softdeleted:project" | "jira:deleted:project" | "jira:archived:project" => {
            needed(read.project, &event, "project")?.changed(&event, true)
        }
        "jira:released:version" => {
            let version = needed(read.version, &event, "version")?;
            let version = version.named(&event, "version's id and name")?;
            Ok(JiraEvent::Ended(Ended::Version(version)))
        }
        "jira-software:closed:sprint" => {
            let sprint = needed(read.sprint, &event, "sprint")?;
            Ok(JiraEvent::Ended(Ended::Sprint(sprint.told(&event)?)))
        }
        "jira-software:started:sprint" => {
            needed(read.sprint, &event, "sprint")?.changed(&event, SprintNews::Started)
        }
        "jira-software:deleted:sprint" => {
            needed(read.sprint, &event, "sprint")?.changed(&event, SprintNews::Gone)
        }
        other => Ok(JiraEvent::PassedOver(why_passed_over(other))),
    }
}

/// Why an event changes nothing here; `event` is its name without the prefix, empty for none.
fn why_passed_over(event: &str) -> &'static str {
    let (rest, noun) = event.rsplit_once(':').unwrap_or(("", event));
    match (rest, noun) {
        ("", "") => "the body names no event",
        ("jira:commented", _) | (_, "comment") => "comments are not mirrored",
        ("jira:viewed" | "jira:mentioned", _) => "nothing changed",
        (_, "worklog") => "work logs are not mirrored",
        (_, "attachment") => "attachments are not mirrored",
        (_, "version") => "versions are read with the issues that carry them",
        (_, "sprint") => "an event of Forge says no dates, which are read with the issues",
        (_, "board") => "boards are not mirrored",
        (_, "issuetype") => "issue types are read with the issues that have them",
        (_, "user") => "people are not mirrored",
        (_, "filter") => "filters are not mirrored",
        (_, "issue-property") => "issue properties are not mirrored",
        _ => "an event this version does not know",
    }
}

impl<'a> Body<'a> {
    /// What the body shows of the issue; every field is optional.
    fn issue_told(&mut self, event: &str) -> Result<Told, PayloadError> {
        let at_ms = self.timestamp.time_ms();
        let mut issue = needed(std::mem::take(&mut self.issue), event, "issue")?;
        issue.fields.0.get_or_insert_with(IssueFields::default);
        issue.told(event, at_ms)
    }

    fn issue_changed(mut self, event: &str, is_creation: bool) -> Result<JiraEvent, PayloadError> {
        let mut told = self.issue_told(event)?;
        if told.snapshot.status_category == StatusCategory::Undefined {
            // A status without its category is not enough to go by.
            told.fields = told.fields.without(Field::Status);
        }
        let mut untold = Fields::NONE;
        for entry in self.changelog.0.iter().flat_map(Changelog::entries) {
            untold = untold.and(told.follow(entry, &self.statuses));
        }
        let (changelog_id, changes) = self.changelog.0.map(Changelog::read).unwrap_or_default();
        let owned = |text: Scalar<'_>| text.into_text().map(Cow::into_owned);
        Ok(JiraEvent::IssueChanged(IssueChanged {
            issue: told.snapshot,
            told: told.fields,
            untold,
            is_creation,
            changes,
            changelog_id,
            actor: owned(self.actor),
            trace: owned(self.trace),
            is_own: self.is_own.is_true(),
        }))
    }

    fn link(self) -> Link<'a> {
        Link {
            source: self.source,
            destination: self.destination,
            kind: self.link_kind,
        }
    }
}

impl Told {
    /// Takes over what an entry of the changelog says of the new state; returns the field that it
    /// says has changed without telling its new value.
    fn follow(&mut self, entry: &Entry<'_>, statuses: &Value) -> Fields {
        let Some(field) = kept(entry) else {
            return Fields::NONE;
        };
        let state = &mut self.snapshot;
        match field {
            Field::Status => {
                self.fields = self.fields.without(field);
                if let Some(category) = enter(state, entry, statuses) {
                    state.status_category = category;
                    self.fields = self.fields.with(field);
                }
                return Fields::NONE;
            }
            _ if self.fields.has(field) => return Fields::NONE,
            Field::Resolution => state.resolution = entered(entry),
            Field::Priority => state.priority = entered(entry),
            _ => return Fields::NONE.with(field),
        }
        self.fields = self.fields.with(field);
        Fields::NONE
    }
}

/// Puts the issue into the status it went to; returns that status's category, if the body has it
/// anywhere.
fn enter(state: &mut IssueSnapshot, entry: &Entry<'_>, statuses: &Value) -> Option<StatusCategory> {
    let entered = entered(entry)?;
    let shown = (state.status.id == entered.id).then_some(state.status_category);
    state.status = entered;
    shown
        .filter(|category| *category != StatusCategory::Undefined)
        .or_else(|| category_of(&state.status.id, statuses))
}

/// What a field became, where that has an id.
fn entered(entry: &Entry<'_>) -> Option<Named> {
    Some(Named {
        id: entry.to.clone().into_text()?.into_owned(),
        name: entry.to_text.clone().into_string(),
    })
}

/// The field of the mirror that an entry is about. Names are localised, but the custom fields that
/// hold sprints and parents have no other sign than their English name.
fn kept(entry: &Entry<'_>) -> Option<Field> {
    let (id, name) = (entry.field_id.as_text(), entry.field.as_text());
    Some(match id {
        "status" => Field::Status,
        "resolution" => Field::Resolution,
        "priority" => Field::Priority,
        "labels" => Field::Labels,
        "fixVersions" => Field::FixVersions,
        "issuetype" => Field::Type,
        "summary" => Field::Summary,
        "parent" => Field::Parent,
        "" if name.eq_ignore_ascii_case("status") => Field::Status,
        _ => match name {
            "Sprint" => Field::Sprints,
            "Epic Link" | "Parent" | "IssueParentAssociation" => Field::Parent,
            _ => return None,
        },
    })
}

/// The category of the status with this id among those a body lists: in a list, or in an object that
/// holds one. Both are documented, and the order means nothing.
fn category_of(id: &str, listed: &Value) -> Option<StatusCategory> {
    match listed {
        Value::Array(items) => items.iter().find_map(|item| category_of(id, item)),
        Value::Object(one) => match one.get("id") {
            Some(Value::String(its)) if its == id => category(one),
            Some(Value::Number(its)) if its.to_string() == id => category(one),
            Some(_) => None,
            None => one.values().find_map(|item| category_of(id, item)),
        },
        _ => None,
    }
}

fn category(status: &serde_json::Map<String, Value>) -> Option<StatusCategory> {
    let key = status.get("statusCategory")?.get("key")?.as_str()?;
    Some(StatusCategory::from_key(key)).filter(|category| *category != StatusCategory::Undefined)
}
