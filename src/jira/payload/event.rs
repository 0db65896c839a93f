//! The whole reading of a body: what happened, for the worker to apply.

use std::borrow::Cow;

use serde::Deserialize;

use super::fields::Issue;
use super::lenient::{Many, Scalar, Shape};
use super::sprint::SprintBody;
use super::{PayloadError, event_name, read};
use crate::domain::issue::{
    Change, Ended, IssueChanged, IssueLink, JiraEvent, Named, ProjectChanged,
};
use crate::domain::mirror::Fields;
use crate::domain::sprint::SprintNews;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    timestamp: Scalar<'a>,
    #[serde(borrow, default, rename = "webhookEvent")]
    event: Scalar<'a>,
    #[serde(borrow, default)]
    user: Shape<Person<'a>>,
    #[serde(borrow, default)]
    issue: Shape<Issue<'a>>,
    #[serde(borrow, default)]
    changelog: Shape<Changelog<'a>>,
    #[serde(borrow, default, rename = "issueLink")]
    link: Shape<Link<'a>>,
    #[serde(borrow, default)]
    project: Shape<Project<'a>>,
    #[serde(borrow, default)]
    version: Shape<Planned<'a>>,
    #[serde(borrow, default)]
    sprint: Shape<SprintBody<'a>>,
    #[serde(borrow, default, rename = "accountId")]
    account: Scalar<'a>,
    #[serde(borrow, default)]
    username: Scalar<'a>,
}

/// A person: Cloud has the account id alone, Data Center a key and a name.
#[derive(Deserialize)]
struct Person<'a> {
    #[serde(borrow, default, rename = "accountId")]
    account: Scalar<'a>,
    #[serde(borrow, default)]
    key: Scalar<'a>,
    #[serde(borrow, default)]
    name: Scalar<'a>,
}

#[derive(Deserialize)]
pub(super) struct Changelog<'a> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default)]
    items: Many<Shape<Entry<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Entry<'a> {
    #[serde(borrow, default)]
    pub field: Scalar<'a>,
    #[serde(borrow, default, rename = "fieldId")]
    pub field_id: Scalar<'a>,
    #[serde(borrow, default)]
    from: Scalar<'a>,
    #[serde(borrow, default, rename = "fromString")]
    from_text: Scalar<'a>,
    #[serde(borrow, default)]
    pub to: Scalar<'a>,
    #[serde(borrow, default, rename = "toString")]
    pub to_text: Scalar<'a>,
}

#[derive(Deserialize)]
pub(super) struct Link<'a> {
    #[serde(borrow, default, rename = "sourceIssueId")]
    pub source: Scalar<'a>,
    #[serde(borrow, default, rename = "destinationIssueId")]
    pub destination: Scalar<'a>,
    #[serde(borrow, default, rename = "issueLinkType")]
    pub kind: Shape<Project<'a>>,
}

/// A project, or anything else with an id, a key and a name.
#[derive(Deserialize)]
pub(super) struct Project<'a> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default)]
    key: Scalar<'a>,
    #[serde(borrow, default)]
    name: Scalar<'a>,
}

/// A version.
#[derive(Deserialize)]
pub(super) struct Planned<'a> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default)]
    name: Scalar<'a>,
}

/// Reads a body into what it says happened.
///
/// The trace of a write of ours comes in a header; the caller adds it.
///
/// # Errors
///
/// When the body is not JSON, or an event that must be applied lacks what it needs for that.
pub fn parse(body: &[u8]) -> Result<JiraEvent, PayloadError> {
    let read: Body<'_> = read(body)?;
    let is_user = read.account != Scalar::Absent || read.username != Scalar::Absent;
    let event = event_name(read.event.clone(), is_user);
    match event.as_ref() {
        "jira:issue_created" => read.issue_changed(&event, true),
        // The second is Data Center's older way to say that work was logged on an issue.
        "jira:issue_updated" | "jira:worklog_updated" => read.issue_changed(&event, false),
        "jira:issue_deleted" => {
            let at_ms = read.timestamp.time_ms();
            let last = needed(read.issue, &event, "issue")?.whole(&event, at_ms)?;
            Ok(JiraEvent::IssueDeleted(last.snapshot, last.fields))
        }
        "issuelink_created" => needed(read.link, &event, "issueLink")?.linked(&event, false),
        "issuelink_deleted" => needed(read.link, &event, "issueLink")?.linked(&event, true),
        "project_created"
        | "project_updated"
        | "project_restored_deleted"
        | "project_restored_archived" => {
            needed(read.project, &event, "project")?.changed(&event, false)
        }
        "project_deleted" | "project_soft_deleted" | "project_archived" => {
            needed(read.project, &event, "project")?.changed(&event, true)
        }
        "jira:version_released" => {
            let version = needed(read.version, &event, "version")?;
            let version = version.named(&event, "version's id and name")?;
            Ok(JiraEvent::Ended(Ended::Version(version)))
        }
        "sprint_closed" => {
            let sprint = needed(read.sprint, &event, "sprint")?;
            Ok(JiraEvent::Ended(Ended::Sprint(sprint.told(&event)?)))
        }
        "sprint_created" | "sprint_updated" => {
            needed(read.sprint, &event, "sprint")?.changed(&event, SprintNews::Changed)
        }
        "sprint_started" => {
            needed(read.sprint, &event, "sprint")?.changed(&event, SprintNews::Started)
        }
        "sprint_deleted" => {
            needed(read.sprint, &event, "sprint")?.changed(&event, SprintNews::Gone)
        }
        other => Ok(JiraEvent::PassedOver(why_passed_over(other))),
    }
}

/// Why an event changes nothing here.
fn why_passed_over(event: &str) -> &'static str {
    let family = event.strip_prefix("jira:").unwrap_or(event);
    let family = family.split_once('_').map_or(family, |(family, _)| family);
    match family {
        "" => "the body names no event",
        "comment" => "comments are not mirrored",
        "worklog" => "work logs are not mirrored",
        "attachment" => "attachments are not mirrored",
        "version" => "versions are read with the issues that carry them",
        "board" => "boards are not mirrored",
        "issuetype" => "issue types are read with the issues that have them",
        "user" => "people are not mirrored",
        "filter" => "filters are not mirrored",
        "option" => "site switches have no effect here",
        "issue" if event.starts_with("issue_property_") => "issue properties are not mirrored",
        _ => "an event this version does not know",
    }
}

impl Body<'_> {
    fn issue_changed(self, event: &str, is_creation: bool) -> Result<JiraEvent, PayloadError> {
        let at_ms = self.timestamp.time_ms();
        let told = needed(self.issue, event, "issue")?.whole(event, at_ms)?;
        let (changelog_id, changes) = self.changelog.0.map(Changelog::read).unwrap_or_default();
        Ok(JiraEvent::IssueChanged(IssueChanged {
            issue: told.snapshot,
            told: told.fields,
            untold: Fields::NONE,
            is_creation,
            changes,
            changelog_id,
            actor: self.user.0.and_then(Person::id),
            trace: None,
            is_own: false,
        }))
    }
}

impl Link<'_> {
    /// What the link's coming or going is to us; `event` is named when something is missing.
    pub fn linked(self, event: &str, is_removed: bool) -> Result<JiraEvent, PayloadError> {
        let kind = self.kind.0;
        let (type_id, type_name) = kind.map_or_else(Default::default, |kind| {
            let id = kind.id.id().map(|id| id.to_string());
            (id.unwrap_or_default(), kind.name.into_string())
        });
        Ok(JiraEvent::IssueLink(IssueLink {
            source_jira_id: id(&self.source, event, "link's sourceIssueId")?,
            destination_jira_id: id(&self.destination, event, "link's destinationIssueId")?,
            type_id,
            type_name,
            is_removed,
        }))
    }
}

impl Planned<'_> {
    /// What it is called; `event` and what it is are named when something is missing.
    pub fn named(self, event: &str, what: &'static str) -> Result<Named, PayloadError> {
        let missing = || PayloadError::Missing {
            event: event.to_owned(),
            what,
        };
        Ok(Named {
            id: id(&self.id, event, what)?.to_string(),
            name: self.name.into_text().ok_or_else(missing)?.into_owned(),
        })
    }
}

impl Project<'_> {
    /// What a change of the project is to us; `event` is named when something is missing.
    pub fn changed(self, event: &str, is_gone: bool) -> Result<JiraEvent, PayloadError> {
        let key = self.key.into_text().ok_or(PayloadError::Missing {
            event: event.to_owned(),
            what: "project.key",
        })?;
        Ok(JiraEvent::Project(ProjectChanged {
            jira_id: id(&self.id, event, "project.id")?,
            key: key.into_owned(),
            name: self.name.into_string(),
            is_gone,
        }))
    }
}

impl Person<'_> {
    fn id(self) -> Option<String> {
        let id = self.account.into_text().or_else(|| self.key.into_text());
        id.or_else(|| self.name.into_text()).map(Cow::into_owned)
    }
}

impl<'a> Changelog<'a> {
    /// Its entries as they stand.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.items.0.iter().filter_map(|entry| entry.0.as_ref())
    }

    /// Its id, if it has one, and its entries.
    pub fn read(self) -> (Option<i64>, Vec<Change>) {
        let entries = self.items.0.into_iter();
        let changes = entries.filter_map(|entry| entry.0?.change()).collect();
        (self.id.id(), changes)
    }
}

impl Entry<'_> {
    /// The change, under the field's id: names are localised. Only Data Center sends none, and a few
    /// entries that are no fields (`Workflow`, `Key`).
    fn change(self) -> Option<Change> {
        let owned = |text: Scalar<'_>| text.into_text().map(Cow::into_owned);
        let field = match self.field_id.into_text() {
            Some(id) => id.into_owned(),
            None => self.field.into_text()?.to_lowercase(),
        };
        Some(Change {
            field,
            from: owned(self.from),
            from_text: owned(self.from_text),
            to: owned(self.to),
            to_text: owned(self.to_text),
        })
    }
}

pub(super) fn needed<T>(
    part: Shape<T>,
    event: &str,
    what: &'static str,
) -> Result<T, PayloadError> {
    part.0.ok_or_else(|| PayloadError::Missing {
        event: event.to_owned(),
        what,
    })
}

pub(super) fn id(part: &Scalar<'_>, event: &str, what: &'static str) -> Result<i64, PayloadError> {
    part.id().ok_or_else(|| PayloadError::Missing {
        event: event.to_owned(),
        what,
    })
}
