//! A Jira issue as Touchstone mirrors it, and what happened to it.
//!
//! Ids are what holds; keys move with projects and names are localised. See
//! `jira-webhooks-rest.md` sections 4 and 16 for why nothing here is decided by a name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use super::mirror::MirroredIssue;
use super::mirror::{Field, Fields, Order};
use super::sprint::{Sprint, SprintChanged};

/// A Jira issue key such as `SHOP-7`, parsed: an upper-case project key, a dash, a number from 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct IssueKey(String);

/// A text that is not an issue key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an issue key; a key looks like SHOP-7")]
pub struct NotAnIssueKey(pub String);

impl IssueKey {
    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the dash: the key of the project.
    #[must_use]
    pub fn project(&self) -> &str {
        self.0
            .rsplit_once('-')
            .map_or(self.0.as_str(), |(project, _)| project)
    }
}

impl FromStr for IssueKey {
    type Err = NotAnIssueKey;

    /// Reads a key; letters are folded to upper case, since Jira's own key search is too.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || NotAnIssueKey(text.chars().take(80).collect());
        let key = text.trim().to_ascii_uppercase();
        let (project, number) = key.rsplit_once('-').ok_or_else(refuse)?;
        if !is_project_key(project)
            || number.is_empty()
            || number.len() > 12
            || number.starts_with('0')
            || !number.bytes().all(|b| b.is_ascii_digit())
        {
            return Err(refuse());
        }
        Ok(Self(key))
    }
}

impl fmt::Display for IssueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for IssueKey {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The number in an issue's key, by which SHOP-9 stands before SHOP-10; the greatest for a text that
/// has none.
#[must_use]
pub fn key_number(key: &str) -> u64 {
    let number = key.rsplit_once('-').map(|(_, number)| number);
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or(u64::MAX)
}

/// Whether a text can be the key of a Jira project: 2 to 80 upper-case letters, digits and
/// underscores, a letter first (Jira's default pattern, and the longest an administrator may allow).
#[must_use]
pub fn is_project_key(text: &str) -> bool {
    (2..=80).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_uppercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// The category of a status; the only part of a workflow that means the same on every site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusCategory {
    /// Jira's `undefined`, or nothing said.
    #[default]
    Undefined,
    /// `new`: to do.
    New,
    /// `indeterminate`: in progress.
    Indeterminate,
    /// `done`.
    Done,
}

impl StatusCategory {
    /// Reads Jira's category key; anything unknown is [`StatusCategory::Undefined`].
    #[must_use]
    pub fn from_key(key: &str) -> Self {
        match key {
            "new" => Self::New,
            "indeterminate" => Self::Indeterminate,
            "done" => Self::Done,
            _ => Self::Undefined,
        }
    }

    /// The number the store keeps.
    #[must_use]
    pub fn code(self) -> i16 {
        match self {
            Self::Undefined => 0,
            Self::New => 1,
            Self::Indeterminate => 2,
            Self::Done => 3,
        }
    }

    /// The category of a stored number.
    #[must_use]
    pub fn from_code(code: i16) -> Option<Self> {
        Some(match code {
            0 => Self::Undefined,
            1 => Self::New,
            2 => Self::Indeterminate,
            3 => Self::Done,
            _ => return None,
        })
    }

    /// Jira's category key.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Undefined => "undefined",
            Self::New => "new",
            Self::Indeterminate => "indeterminate",
            Self::Done => "done",
        }
    }
}

/// An id with the name it had when it was last seen; decide by the id, show the name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Named {
    /// Jira's id, as text.
    pub id: String,
    /// The name, in the language of whoever it was rendered for.
    pub name: String,
}

/// The state of one issue at one moment: from an event's body, or from the REST API.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IssueSnapshot {
    /// Jira's numeric id; stable for the issue's life.
    pub jira_id: i64,
    /// The key at that moment.
    pub key: String,
    /// The project's key at that moment.
    pub project_key: String,
    /// Jira's id of the project, where the body said it.
    pub project_jira_id: Option<i64>,
    /// The name of the project, where the body said it.
    pub project_name: Option<String>,
    /// Issue type.
    pub issue_type: Named,
    /// Whether the type is a sub-task type.
    pub is_subtask: bool,
    /// Status.
    pub status: Named,
    /// The status's category.
    pub status_category: StatusCategory,
    /// When the issue entered that category, milliseconds since the Unix epoch: Jira's
    /// `statuscategorychangedate`, which Data Center does not send.
    pub category_changed_ms: Option<i64>,
    /// Summary.
    pub summary: String,
    /// Jira's id of the parent, if any.
    pub parent_jira_id: Option<i64>,
    /// Fix versions.
    pub fix_versions: Vec<Named>,
    /// Sprints the issue is or was in, newest last.
    pub sprints: Vec<Named>,
    /// What was told with it of when those ran; kept by itself, so an issue that is read from the
    /// store has none.
    pub sprints_told: Vec<Sprint>,
    /// Resolution; `None` is unresolved.
    pub resolution: Option<Named>,
    /// Priority.
    pub priority: Option<Named>,
    /// Labels.
    pub labels: Vec<String>,
    /// When Jira last changed it, milliseconds since the Unix epoch.
    pub updated_ms: i64,
}

/// One entry of a changelog: which field went from what to what (ids where the field has ids).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// `fieldId` where Jira sends one, else the field's name in lower case.
    pub field: String,
    /// Id before, if any.
    pub from: Option<String>,
    /// Text before, if any.
    pub from_text: Option<String>,
    /// Id after, if any.
    pub to: Option<String>,
    /// Text after, if any.
    pub to_text: Option<String>,
}

/// What an inbound event says, whatever channel it came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JiraEvent {
    /// An issue was created or changed.
    IssueChanged(IssueChanged),
    /// An issue was deleted; the last that is known of it, and which fields of it that is.
    IssueDeleted(IssueSnapshot, Fields),
    /// Two issues were linked or the link was removed.
    IssueLink(IssueLink),
    /// A project was created, changed, or taken away.
    Project(ProjectChanged),
    /// A version was released or a sprint closed.
    Ended(Ended),
    /// A sprint was made, changed, started or deleted.
    Sprint(SprintChanged),
    /// Understood, and of no consequence to Touchstone; says why.
    PassedOver(&'static str),
}

impl JiraEvent {
    /// The state of the issue the event is about, where it brings one.
    #[must_use]
    pub fn snapshot(&self) -> Option<&IssueSnapshot> {
        match self {
            Self::IssueChanged(change) => Some(&change.issue),
            Self::IssueDeleted(last, _) => Some(last),
            Self::IssueLink(_)
            | Self::Project(_)
            | Self::Ended(_)
            | Self::Sprint(_)
            | Self::PassedOver(_) => None,
        }
    }

    /// Which fields of that state it tells.
    #[must_use]
    pub fn told(&self) -> Option<Fields> {
        match self {
            Self::IssueChanged(change) => Some(change.told),
            Self::IssueDeleted(_, told) => Some(*told),
            Self::IssueLink(_)
            | Self::Project(_)
            | Self::Ended(_)
            | Self::Sprint(_)
            | Self::PassedOver(_) => None,
        }
    }
}

/// See [`JiraEvent::IssueChanged`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueChanged {
    /// The issue as the event's sender saw it.
    pub issue: IssueSnapshot,
    /// Which fields of it the event tells; the others say nothing.
    pub told: Fields,
    /// Fields that changed and whose new value the event does not tell.
    pub untold: Fields,
    /// Whether this is the issue's creation.
    pub is_creation: bool,
    /// What changed; empty when the event does not say.
    pub changes: Vec<Change>,
    /// The changelog's id, where there is one.
    pub changelog_id: Option<i64>,
    /// The account that did it, where the event says.
    pub actor: Option<String>,
    /// The trace header of the write that caused it, if Jira handed it back.
    pub trace: Option<String>,
    /// Whether Jira says that the app did it itself.
    pub is_own: bool,
}

impl IssueChanged {
    /// The change of status, if the event is a transition (`jira-webhooks-rest.md` 4.1).
    #[must_use]
    pub fn transition(&self) -> Option<&Change> {
        if self.is_creation {
            return None;
        }
        self.changes.iter().find(|change| change.field == "status")
    }

    /// Whether it changed what the issue asks for: tests that ran before say nothing of the new text.
    #[must_use]
    pub fn changes_text(&self) -> bool {
        let is_text = |field: &str| matches!(field, "summary" | "description");
        !self.is_creation && self.changes.iter().any(|change| is_text(&change.field))
    }

    /// Whether Jira has to be asked for the issue after this change as of `order`, when the mirror
    /// holds `known`: the change tells a part only, and either that part is all there is, or a field
    /// changed without its new value being told, or the status it begins with is not the one that is
    /// known, so that a change was missed or is still on its way (`jira-webhooks-rest.md` 8.3).
    #[must_use]
    pub fn leaves_questions(&self, known: &MirroredIssue, order: Order) -> bool {
        if self.told.has_all(Fields::DETAILS) {
            return false;
        }
        let is_unknown = known.order() == Order::NEVER;
        is_unknown || !self.untold.is_empty() || self.is_after_a_gap(known, order)
    }

    fn is_after_a_gap(&self, known: &MirroredIssue, order: Order) -> bool {
        let held = &known.snapshot.status.id;
        let is_told = self.transition().is_some() || self.told.has(Field::Status);
        let is_new = order > known.told_at(Field::Status);
        let moved = self.transition();
        let from = moved.and_then(|moved| moved.from.as_ref());
        let to = moved.and_then(|moved| moved.to.as_ref());
        let to = to.unwrap_or(&self.issue.status.id);
        is_told && is_new && held != to && from != Some(held)
    }
}

/// A change of status that an event told of, superseded by a newer one or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueTransition {
    /// Our id of the issue.
    pub issue_id: Uuid,
    /// What told of it, for the audit: `event:` and the id of the event.
    pub cause: String,
    /// When it happened, milliseconds since the Unix epoch.
    pub event_ms: i64,
    /// The category of the status it left, where that is known.
    pub from_category: Option<StatusCategory>,
    /// The status it entered.
    pub to_status_id: String,
    /// The category of that status; undefined as long as nobody told.
    pub to_category: StatusCategory,
    /// The account that did it, where the event says.
    pub actor: Option<String>,
    /// The trace header of the write that caused it, if Jira handed it back.
    pub trace: Option<String>,
    /// Whether Jira says that the app did it itself.
    pub is_own: bool,
}

/// See [`JiraEvent::IssueLink`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueLink {
    /// Jira's id of the source issue.
    pub source_jira_id: i64,
    /// Jira's id of the destination issue.
    pub destination_jira_id: i64,
    /// Jira's id of the link type; empty when the event does not say.
    pub type_id: String,
    /// Name of the link type, by which settings choose it.
    pub type_name: String,
    /// Whether the link was removed.
    pub is_removed: bool,
}

/// See [`JiraEvent::Ended`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// A version was released.
    Version(Named),
    /// A sprint was closed.
    Sprint(Sprint),
}

/// See [`JiraEvent::Project`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectChanged {
    /// Jira's numeric id.
    pub jira_id: i64,
    /// The key after the change.
    pub key: String,
    /// The name after the change.
    pub name: String,
    /// Whether the project is out of reach now (deleted, in the trash or archived).
    pub is_gone: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_parsed_and_folded_to_upper_case() {
        let key: IssueKey = "shop-7".parse().unwrap();
        assert_eq!((key.as_str(), key.project()), ("SHOP-7", "SHOP"));
        for bad in [
            "", "SHOP", "SHOP-", "SHOP-07", "SHOP-x", "1SHOP-1", "S-1", "SHOP-7 ",
        ] {
            let is_key = bad.parse::<IssueKey>().is_ok();
            assert_eq!(is_key, bad == "SHOP-7 ", "{bad:?}");
        }
    }
}
