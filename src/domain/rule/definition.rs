//! A rule as data: when, if, then.
//!
//! This is also the form in which rules go in and out and are stored, so names here are never
//! changed. A stored rule that this build cannot run is not dropped: it keeps its place with its
//! [`RuleFault`], which people see.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::template;
use crate::domain::issue::StatusCategory;

/// What the names of a site's own rules begin with.
const OWN: &str = "own-";
/// Characters a name may have.
const LONGEST_NAME: usize = 60;
/// The longest a rule can wait before it acts on the same issue again: a week, in minutes.
pub const LONGEST_PAUSE: u32 = 7 * 24 * 60;
/// Conditions and actions a rule may have, and values in one of them.
const MOST: usize = 20;
/// Values a condition may list.
const MOST_VALUES: usize = 100;

/// A rule: when something happens, and all conditions hold, then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Its name: `D3` for one that is built in, `own-…` for the site's own. It never changes.
    pub name: String,
    /// What it does, in a line.
    pub title: String,
    /// Whether it acts.
    #[serde(default = "yes")]
    pub is_on: bool,
    /// Minutes it waits before it acts on the same issue again.
    #[serde(default = "an_hour")]
    #[schema(maximum = 10080)]
    pub pause_minutes: u32,
    /// Keys of the projects whose issues it is about; none for all.
    #[serde(default)]
    pub projects: Vec<String>,
    /// What makes it look.
    pub when: When,
    /// What must hold, all of it.
    #[serde(default, rename = "if")]
    pub conditions: Vec<Condition>,
    /// What it does, in order.
    #[serde(rename = "then")]
    pub actions: Vec<Then>,
}

const fn yes() -> bool {
    true
}

const fn an_hour() -> u32 {
    60
}

/// What makes a rule look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum When {
    /// A test of the issue failed.
    RunFailed,
    /// A test of the issue passed.
    RunPassed,
    /// A defect entered another status.
    DefectMoved,
    /// Any issue entered another status.
    IssueMoved,
    /// The coverage status of an issue changed.
    CoverageChanged,
    /// A defect was linked to a test or unlinked.
    DefectLinked,
    /// A defect was deleted or moved out of reach.
    DefectGone,
    /// A version was released.
    VersionReleased,
    /// A sprint was closed.
    SprintClosed,
}

impl When {
    /// What happened, in words that go on a sentence beginning with *when*.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::RunFailed => "a test fails",
            Self::RunPassed => "a test passes",
            Self::DefectMoved => "a defect enters another status",
            Self::IssueMoved => "an issue enters another status",
            Self::CoverageChanged => "the coverage of an issue changes",
            Self::DefectLinked => "a defect is linked or unlinked",
            Self::DefectGone => "a defect is deleted or moved away",
            Self::VersionReleased => "a version is released",
            Self::SprintClosed => "a sprint is closed",
        }
    }

    /// Whether rules of the site's own may be made for it.
    const fn is_for_own(self) -> bool {
        matches!(
            self,
            Self::RunFailed
                | Self::RunPassed
                | Self::DefectMoved
                | Self::IssueMoved
                | Self::CoverageChanged
        )
    }

    const fn is_run(self) -> bool {
        matches!(self, Self::RunFailed | Self::RunPassed)
    }

    const fn is_move(self) -> bool {
        matches!(self, Self::DefectMoved | Self::IssueMoved)
    }
}

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Condition {
    /// What is asked: a field of the issue (`project`, `type`, `status`, `statusCategory`,
    /// `resolution`, `priority`, `labels`, `fixVersions`, `sprints`, `summary`, `role`), of its change
    /// (`categoryBefore`), of the run (`environment`, `branch`, `version`, `flaky`, `failuresInARow`),
    /// or of its coverage (`coverage`, `coverageBefore`).
    pub field: String,
    /// How it is compared.
    pub is: Is,
    /// With what: names or ids, compared without case.
    #[serde(default)]
    pub values: Vec<String>,
}

/// How the values of a field are compared with those of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Is {
    /// One of them is one of those.
    In,
    /// None of them is one of those.
    NotIn,
    /// There is none.
    Empty,
    /// There is one.
    NotEmpty,
    /// One of them contains one of those.
    Contains,
    /// The number is at least this.
    AtLeast,
}

/// What every condition may ask of an issue.
const OF_ISSUE: [&str; 11] = [
    "project",
    "type",
    "status",
    "statusCategory",
    "resolution",
    "priority",
    "labels",
    "fixVersions",
    "sprints",
    "summary",
    "role",
];
const OF_MOVE: [&str; 1] = ["categoryBefore"];
const OF_RUN: [&str; 5] = [
    "environment",
    "branch",
    "version",
    "flaky",
    "failuresInARow",
];
const OF_COVERAGE: [&str; 2] = ["coverage", "coverageBefore"];

/// What a rule does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Then {
    /// Comment on the issue. `{issue}`, `{tests}`, `{execution}`, `{environments}`, `{version}`,
    /// `{branch}`, `{status}` and `{coverage}` stand for what happened.
    Comment {
        /// The text, paragraphs parted by empty lines.
        template: String,
    },
    /// Move the issue, by whatever transitions its workflow offers right then.
    Transition {
        /// To one of these statuses (Jira's ids), the first preferred.
        #[serde(default)]
        statuses: Vec<String>,
        /// Or to any status of this category.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>)]
        category: Option<StatusCategory>,
    },
    /// Create a defect for each test that failed, unless there is one.
    CreateDefect,
    /// Link the issue to another one.
    LinkIssue {
        /// The key of the other issue.
        issue: String,
        /// Name of the link type, as Jira has it.
        link_type: String,
    },
    /// Change fields of the issue.
    SetFields(FieldChange),
    /// Mark the tests of the issue, so that they are run again.
    MarkRetest,
    /// Make an execution of the tests of the issue, for somebody to carry out.
    MakeExecution,
    /// Tell Jira in a property of the issue how it is covered (built in only).
    SetProperty,
    /// Move what hangs on the issue to another one (built in only).
    FollowDuplicate,
    /// Keep the last known state (built in only).
    KeepState,
    /// Keep how the version or sprint stands (built in only).
    KeepReadiness,
}

/// Fields of an issue to be changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct FieldChange {
    /// The name of the new priority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<String>,
    /// Labels to be added.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_labels: Vec<String>,
    /// Labels to be removed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove_labels: Vec<String>,
    /// The account id of the new assignee.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// The name of a fix version to be added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix_version: Option<String>,
}

/// Why a rule cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// It could not be read at all.
    #[error("This build cannot read it: {0}.")]
    Unread(String),
    /// A name that cannot be had.
    #[error(
        "`{0}` is no name for a rule: it is `own-` and 1 to 56 lower-case letters, digits and dashes."
    )]
    Name(String),
    /// The title is missing or too long.
    #[error("A rule has a title of 1 to 255 characters.")]
    Title,
    /// A field that does not exist, any more or yet.
    #[error("It asks for the field `{0}`, which there is not.")]
    NoField(String),
    /// A field that nothing tells of at that time.
    #[error("It asks for `{field}`, and nobody knows that when {when}.")]
    NotTold {
        /// The field.
        field: String,
        /// What happened.
        when: &'static str,
    },
    /// A condition has no values where it needs some, or some where it needs none.
    #[error("The condition on `{0}` has no fitting values.")]
    Values(String),
    /// There is nothing it would do, or far too much.
    #[error("A rule has 1 to 20 actions, and at most 20 conditions.")]
    Size,
    /// A pause that is too long.
    #[error("`pauseMinutes` is at most 10080, a week.")]
    Pause,
    /// An action that has nothing to act on at that time.
    #[error("It cannot do `{action}` when {when}.")]
    NotThen {
        /// The action.
        action: &'static str,
        /// What happened.
        when: &'static str,
    },
    /// An action lacks what it needs.
    #[error("The action `{action}` {what}.")]
    Incomplete {
        /// The action.
        action: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Its own action would make it look again.
    #[error(
        "It would trigger itself: it moves issues into a status in which it runs. Add a condition on `status` or `statusCategory` that leaves out where it leads."
    )]
    TriggersItself,
}

/// Whether a name is one of a site's own rules.
pub(super) fn is_own_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.strip_prefix(OWN).is_some_and(|rest| {
            !rest.is_empty()
                && rest
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        })
}

impl Then {
    /// The name as interfaces write it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Comment { .. } => "comment",
            Self::Transition { .. } => "transition",
            Self::CreateDefect => "createDefect",
            Self::LinkIssue { .. } => "linkIssue",
            Self::SetFields(_) => "setFields",
            Self::MarkRetest => "markRetest",
            Self::MakeExecution => "makeExecution",
            Self::SetProperty => "setProperty",
            Self::FollowDuplicate => "followDuplicate",
            Self::KeepState => "keepState",
            Self::KeepReadiness => "keepReadiness",
        }
    }

    fn check(&self, when: When) -> Result<(), RuleFault> {
        let action = self.name();
        let incomplete = |what| Err(RuleFault::Incomplete { action, what });
        let not_then = Err(RuleFault::NotThen {
            action,
            when: when.words(),
        });
        match self {
            Self::Comment { template } => match template::check(template) {
                Ok(()) => Ok(()),
                Err(what) => incomplete(what),
            },
            Self::Transition { statuses, category } => match (statuses.as_slice(), category) {
                ([], None) => incomplete("names no status and no category"),
                ([_, ..], Some(_)) => incomplete("names statuses and a category; one is enough"),
                _ => Ok(()),
            },
            Self::CreateDefect => incomplete("is what D1-automatic does; switch that rule on"),
            Self::LinkIssue { issue, link_type } => {
                let is_key = issue.parse::<crate::domain::issue::IssueKey>().is_ok();
                if is_key && !link_type.trim().is_empty() {
                    return Ok(());
                }
                incomplete("needs the key of an issue and the name of a link type")
            }
            Self::SetFields(change) if *change == FieldChange::default() => {
                incomplete("changes no field")
            }
            Self::SetFields(change) => {
                let mut labels = change.add_labels.iter().chain(&change.remove_labels);
                let is_label = |label: &String| {
                    !label.is_empty()
                        && label.chars().count() <= 255
                        && !label.contains(char::is_whitespace)
                };
                if labels.all(is_label) {
                    return Ok(());
                }
                incomplete("names a label that is empty, too long or has a space")
            }
            Self::SetProperty | Self::FollowDuplicate | Self::KeepState | Self::KeepReadiness => {
                not_then
            }
            Self::MarkRetest | Self::MakeExecution => Ok(()),
        }
    }
}

impl Condition {
    fn check(&self, when: When) -> Result<(), RuleFault> {
        let field = self.field.as_str();
        let is_told = OF_ISSUE.contains(&field)
            || (when.is_run() && OF_RUN.contains(&field))
            || (when.is_move() && OF_MOVE.contains(&field))
            || (when == When::CoverageChanged && OF_COVERAGE.contains(&field));
        if !is_told {
            let mut elsewhere = OF_RUN.iter().chain(&OF_MOVE).chain(&OF_COVERAGE);
            return Err(if elsewhere.any(|known| *known == field) {
                RuleFault::NotTold {
                    field: self.field.clone(),
                    when: when.words(),
                }
            } else {
                RuleFault::NoField(self.field.chars().take(80).collect())
            });
        }
        let is_fitting = match self.is {
            Is::Empty | Is::NotEmpty => self.values.is_empty(),
            Is::AtLeast => {
                field == "failuresInARow"
                    && matches!(self.values.as_slice(), [only] if only.parse::<u32>().is_ok())
            }
            Is::In | Is::NotIn | Is::Contains => {
                (1..=MOST_VALUES).contains(&self.values.len())
                    && self.values.iter().all(|value| !value.trim().is_empty())
            }
        };
        if is_fitting {
            return Ok(());
        }
        Err(RuleFault::Values(self.field.clone()))
    }

    /// Whether it holds for a field with these values.
    #[must_use]
    pub fn holds(&self, found: &[String]) -> bool {
        let folded = |text: &str| text.trim().to_lowercase();
        let wanted: Vec<String> = self.values.iter().map(|value| folded(value)).collect();
        let mut found_folded = found.iter().map(|value| folded(value));
        match self.is {
            Is::In => found_folded.any(|value| wanted.contains(&value)),
            Is::NotIn => !found_folded.any(|value| wanted.contains(&value)),
            Is::Empty => found.is_empty(),
            Is::NotEmpty => !found.is_empty(),
            Is::Contains => {
                found_folded.any(|value| wanted.iter().any(|part| value.contains(part)))
            }
            Is::AtLeast => {
                let number = |text: &String| text.parse::<u64>().ok();
                let least = wanted.first().and_then(number);
                found
                    .iter()
                    .filter_map(number)
                    .any(|value| Some(value) >= least)
            }
        }
    }

    /// What it asks, as the second half of a sentence.
    #[must_use]
    pub fn words(&self) -> String {
        let values = self.values.join(", ");
        match self.is {
            Is::In => format!("is one of {values}"),
            Is::NotIn => format!("is none of {values}"),
            Is::Empty => "is empty".to_owned(),
            Is::NotEmpty => "is not empty".to_owned(),
            Is::Contains => format!("contains {values}"),
            Is::AtLeast => format!("is at least {values}"),
        }
    }

    /// Whether a status of this id, or any of this category, is certainly left out.
    fn leaves_out(&self, status: Option<&str>, category: Option<StatusCategory>) -> bool {
        let found = match self.field.as_str() {
            "status" => status.map(str::to_owned),
            "statusCategory" => category.map(|category| category.key().to_owned()),
            _ => None,
        };
        found.is_some_and(|found| !self.holds(&[found]))
    }
}

impl Rule {
    /// Reads a stored rule.
    ///
    /// # Errors
    ///
    /// [`RuleFault::Unread`] when it is none.
    pub fn read(stored: &str) -> Result<Self, RuleFault> {
        serde_json::from_str(stored).map_err(|why| RuleFault::Unread(why.to_string()))
    }

    /// Whether a rule of the site's own can run.
    ///
    /// # Errors
    ///
    /// The first [`RuleFault`] there is.
    pub fn check(&self) -> Result<(), RuleFault> {
        if !is_own_name(&self.name) {
            return Err(RuleFault::Name(self.name.chars().take(80).collect()));
        }
        if self.title.trim().is_empty() || self.title.chars().count() > 255 {
            return Err(RuleFault::Title);
        }
        if self.pause_minutes > LONGEST_PAUSE {
            return Err(RuleFault::Pause);
        }
        if !(1..=MOST).contains(&self.actions.len())
            || self.conditions.len() > MOST
            || self.projects.len() > MOST_VALUES
        {
            return Err(RuleFault::Size);
        }
        if !self.when.is_for_own() {
            return Err(RuleFault::NotThen {
                action: "rules of one's own",
                when: self.when.words(),
            });
        }
        for condition in &self.conditions {
            condition.check(self.when)?;
        }
        for action in &self.actions {
            action.check(self.when)?;
        }
        if self.triggers_itself() {
            return Err(RuleFault::TriggersItself);
        }
        Ok(())
    }

    /// Whether it runs on issues that move and leads them to where it runs again.
    fn triggers_itself(&self) -> bool {
        let leads_back = |action: &Then| match action {
            Then::Transition { statuses, category } => {
                let may_run_in = |status: Option<&str>, category| {
                    let mut conditions = self.conditions.iter();
                    !conditions.any(|one| one.leaves_out(status, category))
                };
                match category {
                    Some(_) => may_run_in(None, *category),
                    None => statuses.iter().any(|id| may_run_in(Some(id), None)),
                }
            }
            _ => false,
        };
        self.when.is_move() && self.actions.iter().any(leads_back)
    }

    /// Whether it is about issues of a project.
    #[must_use]
    pub fn is_about(&self, project_key: &str) -> bool {
        self.projects.is_empty() || self.projects.iter().any(|key| key == project_key)
    }
}
