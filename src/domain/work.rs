//! What we want from Jira: one value for each call the outbox will make.
//!
//! A [`Work`] is written in the transaction of its cause and sent later, so it holds everything the
//! sending needs and nothing that may have changed by then: ids instead of keys, the wish ("a status
//! of category *done*") instead of the way there. Texts are typed, because Jira takes a document
//! tree and not markup; `jira::adf` turns them into one. Stored as JSON: rename nothing here without
//! a migration of the open rows.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::issue::{IssueTransition, StatusCategory};
use super::rule::FieldChange;

/// One thing to be done in Jira.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Work {
    /// Add a comment to an issue.
    Comment {
        /// Jira's id of the issue.
        issue_jira_id: i64,
        /// The text.
        body: Vec<Block>,
    },
    /// Say on an issue how things stand, in the one comment that is kept for that and brought up to
    /// date.
    StatusComment {
        /// Jira's id of the issue.
        issue_jira_id: i64,
        /// The text, in place of the one before.
        body: Vec<Block>,
    },
    /// Bring the property of an issue that says how its tests stand up to date.
    SetProperty {
        /// Jira's id of the issue.
        issue_jira_id: i64,
    },
    /// Bring an issue into a status by whatever transition its workflow offers right then.
    Transition {
        /// Jira's id of the issue.
        issue_jira_id: i64,
        /// Where to.
        target: TransitionTarget,
        /// What to say on the issue when no transition leads there; empty says nothing. The work is
        /// parked either way, so that a person sees it.
        otherwise: Vec<Block>,
    },
    /// Change fields of an issue.
    EditIssue {
        /// Jira's id of the issue.
        issue_jira_id: i64,
        /// What is to be changed.
        change: FieldChange,
    },
    /// Look up how an issue that is done is covered, and let rule D11 speak.
    CompareWithTests {
        /// Jira's id of the issue.
        issue_jira_id: i64,
    },
    /// Keep how a version or a sprint stands right now (D14).
    KeepReadiness {
        /// Jira's id of it, by which its issues name it: in one project, or a sprint in several.
        id: String,
        /// Which version or sprint: `version:1.4`, `sprint:Sprint 7`.
        target: String,
    },
    /// Finish creating a defect that a person asked for, when the first try was left without an
    /// answer: look for the issue that carries the marker, create it only if there is none.
    CreateDefect {
        /// The test the defect is about.
        test_id: Uuid,
        /// What to create.
        draft: DefectDraft,
    },
    /// Link two issues.
    LinkIssues {
        /// Name of the link type, as Jira has it (`Relates`).
        type_name: String,
        /// Jira's id of the inward issue.
        inward_jira_id: i64,
        /// Jira's id of the outward issue.
        outward_jira_id: i64,
    },
    /// Read an issue that an event told of in part, and decide what had to wait for the rest.
    ReadIssue {
        /// Jira's id of the issue.
        issue_jira_id: i64,
        /// Changes of status that could not be judged by what was known, the oldest first.
        #[serde(default)]
        undecided: Vec<IssueTransition>,
    },
    /// Read an issue that only its key is known of, to fill its row in the mirror.
    FetchIssue {
        /// The key, as a result file wrote it.
        key: String,
    },
    /// Ask for Atlassian's id of a site that came through Connect, which says whether Forge knows it.
    LearnCloudId,
    /// Ask for the address people see the site under, which Forge's events do not tell.
    LearnAddress,
    /// Ask whether the site of a Forge installation is one that came through Connect.
    JoinConnect,
    /// Move what still reached a half of the site after it was joined with this one.
    Absorb {
        /// Our key of the half.
        half: i64,
    },
    /// Compare the mirror with Jira, in case an event was lost: a part of it, the rest follows.
    Reconcile {
        /// What is compared.
        #[serde(default)]
        scan: Scan,
    },
}

/// What is compared with Jira.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scan {
    /// What changed lately: finds lost changes.
    #[default]
    Changes,
    /// Every issue there is: after an installation.
    All,
    /// Every issue that tests or results refer to: finds what was deleted, moved away or hidden.
    Reach,
}

impl Scan {
    /// Each of them.
    pub const EACH: [Self; 3] = [Self::Changes, Self::All, Self::Reach];

    /// A short stable name, for rows and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::All => "all",
            Self::Reach => "reach",
        }
    }

    /// The scan with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::EACH.into_iter().find(|scan| scan.name() == name)
    }
}

/// Where a transition should lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransitionTarget {
    /// One of these statuses, by id, the first preferred.
    Statuses(Vec<String>),
    /// A status of one of these categories, the first preferred.
    Categories(Vec<StatusCategory>),
}

impl TransitionTarget {
    /// How well a status serves: its place in the list of wishes, 0 the best; `None` does not serve.
    #[must_use]
    pub fn rank(&self, status_id: &str, category: StatusCategory) -> Option<usize> {
        match self {
            Self::Statuses(ids) => ids.iter().position(|id| id == status_id),
            Self::Categories(wanted) => wanted.iter().position(|one| *one == category),
        }
    }
}

/// A defect as it is to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefectDraft {
    /// Key of the project.
    pub project_key: String,
    /// Jira's id of the issue type.
    pub issue_type_id: String,
    /// One line, at most 255 characters.
    pub summary: String,
    /// The description.
    pub description: Vec<Block>,
    /// Labels; Jira refuses white space in them.
    pub labels: Vec<String>,
    /// Identifies the creation: stored in a property of the new issue, so that a try without an
    /// answer can be looked for (`jira-webhooks-rest.md` 10.9).
    pub marker: Uuid,
    /// The account it is created as; the app's own when none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creator: Option<String>,
}

/// A block of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// Running text.
    Paragraph(Vec<Inline>),
    /// A bulleted list, one entry an item.
    Bullets(Vec<Vec<Inline>>),
    /// Preformatted text, such as a stack trace.
    Code(String),
}

/// A piece of running text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inline {
    /// Plain text.
    Text(String),
    /// Emphasised text.
    Strong(String),
    /// A name or value shown as code.
    Code(String),
    /// A link; anything but http and https is shown as its text alone.
    Link {
        /// What is shown.
        text: String,
        /// Where it leads.
        href: String,
    },
    /// A new line within the paragraph.
    Break,
}

impl Block {
    /// A paragraph of plain text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Paragraph(vec![Inline::Text(text.into())])
    }
}

impl Inline {
    /// Plain text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

/// Kind of [`Work::StatusComment`].
pub const STATUS_COMMENT: &str = "status_comment";
/// Kind of [`Work::SetProperty`].
pub const SET_PROPERTY: &str = "set_property";
/// Kinds that bring something in Jira up to date: what waits stands for everything wanted until it
/// begins, so it is asked for once until then and may be asked for again from then on.
pub const UPDATES: [&str; 2] = [STATUS_COMMENT, SET_PROPERTY];

/// Which work goes first when there is more than Jira lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// A person waits for it.
    Interactive,
    /// A rule decided it.
    Normal,
    /// Nobody would notice an hour's delay.
    Background,
}

impl Work {
    /// A short stable name of the kind, for lists and logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Comment { .. } => "comment",
            Self::StatusComment { .. } => STATUS_COMMENT,
            Self::SetProperty { .. } => SET_PROPERTY,
            Self::Transition { .. } => "transition",
            Self::EditIssue { .. } => "edit_issue",
            Self::CompareWithTests { .. } => "compare_with_tests",
            Self::KeepReadiness { .. } => "keep_readiness",
            Self::CreateDefect { .. } => "create_defect",
            Self::LinkIssues { .. } => "link_issues",
            Self::ReadIssue { .. } => "read_issue",
            Self::FetchIssue { .. } => "fetch_issue",
            Self::LearnCloudId => "learn_cloud_id",
            Self::LearnAddress => "learn_address",
            Self::JoinConnect => "join_connect",
            Self::Absorb { .. } => "absorb",
            Self::Reconcile { .. } => "reconcile",
        }
    }

    /// What the work must be done in order with: all work of one issue is one lane.
    #[must_use]
    pub fn lane(&self) -> String {
        match self {
            Self::Comment { issue_jira_id, .. }
            | Self::StatusComment { issue_jira_id, .. }
            | Self::Transition { issue_jira_id, .. }
            | Self::EditIssue { issue_jira_id, .. } => issue_jira_id.to_string(),
            // Not the issue's own lane: it is right whatever else happens to the issue.
            Self::SetProperty { issue_jira_id } => format!("property:{issue_jira_id}"),
            Self::CompareWithTests { issue_jira_id } => format!("compare:{issue_jira_id}"),
            Self::KeepReadiness { target, .. } => format!("readiness:{target}"),
            Self::LinkIssues {
                outward_jira_id, ..
            } => outward_jira_id.to_string(),
            Self::CreateDefect { test_id, .. } => format!("test:{test_id}"),
            // Not the issue's own lane: what waits there must not hold up what is to be known of it.
            Self::ReadIssue { issue_jira_id, .. } => format!("read:{issue_jira_id}"),
            Self::FetchIssue { key } => format!("key:{key}"),
            Self::LearnCloudId | Self::LearnAddress | Self::JoinConnect | Self::Absorb { .. } => {
                "site".to_owned()
            }
            Self::Reconcile { scan } => format!("reconcile:{}", scan.name()),
        }
    }

    /// Whether it only looks: once done it leaves nothing behind, and can be asked for again.
    #[must_use]
    pub fn only_looks(&self) -> bool {
        match self {
            Self::FetchIssue { .. }
            | Self::ReadIssue { .. }
            | Self::LearnCloudId
            | Self::LearnAddress
            | Self::JoinConnect
            | Self::CompareWithTests { .. }
            | Self::KeepReadiness { .. }
            | Self::Reconcile { .. } => true,
            Self::Comment { .. }
            | Self::StatusComment { .. }
            | Self::SetProperty { .. }
            | Self::Transition { .. }
            | Self::EditIssue { .. }
            | Self::CreateDefect { .. }
            | Self::LinkIssues { .. }
            | Self::Absorb { .. } => false,
        }
    }

    /// Whether it leaves nothing behind once it is done.
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        self.only_looks() || matches!(self, Self::SetProperty { .. })
    }

    /// Whether it is about the site itself: nothing of it is seen in Jira.
    #[must_use]
    pub fn is_housekeeping(&self) -> bool {
        match self {
            Self::LearnCloudId
            | Self::LearnAddress
            | Self::JoinConnect
            | Self::Absorb { .. }
            | Self::CompareWithTests { .. }
            | Self::KeepReadiness { .. }
            | Self::Reconcile { .. } => true,
            Self::Comment { .. }
            | Self::StatusComment { .. }
            | Self::SetProperty { .. }
            | Self::Transition { .. }
            | Self::EditIssue { .. }
            | Self::CreateDefect { .. }
            | Self::LinkIssues { .. }
            | Self::ReadIssue { .. }
            | Self::FetchIssue { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_wish_ranks_best_and_names_do_not_matter() {
        use StatusCategory::{Done, Indeterminate, New};
        let reopen = TransitionTarget::Categories(vec![Indeterminate, New]);
        let rank = |category| reopen.rank("7", category);
        assert_eq!(
            [rank(Indeterminate), rank(New), rank(Done)],
            [Some(0), Some(1), None]
        );
        let mapped = TransitionTarget::Statuses(vec!["10002".into()]);
        assert_eq!(mapped.rank("10002", New), Some(0));
        assert_eq!(mapped.rank("10001", Done), None);
    }

    #[test]
    fn a_reading_keeps_what_waits_for_it_and_has_a_lane_of_its_own() {
        let waiting = IssueTransition {
            issue_id: Uuid::nil(),
            cause: "event:1".into(),
            event_ms: 5,
            from_category: Some(StatusCategory::Done),
            to_status_id: "3".into(),
            to_category: StatusCategory::Undefined,
            actor: None,
            trace: None,
            is_own: true,
        };
        let work = Work::ReadIssue {
            issue_jira_id: 10_042,
            undecided: vec![waiting],
        };
        let stored = serde_json::to_string(&work).unwrap();
        assert_eq!(serde_json::from_str::<Work>(&stored).unwrap(), work);
        assert_eq!(
            (work.lane().as_str(), work.only_looks()),
            ("read:10042", true)
        );
        assert!(!work.is_housekeeping(), "its account tells our own changes");
    }

    #[test]
    fn a_comparison_of_an_older_version_is_one_of_what_changed() {
        let old = r#"{"do":"reconcile","since_ms":5}"#;
        let read: Work = serde_json::from_str(old).unwrap();
        assert_eq!(read.lane(), "reconcile:changes");
        for scan in Scan::EACH {
            assert_eq!(Scan::from_name(scan.name()), Some(scan));
        }
    }

    #[test]
    fn stored_work_reads_back_as_it_was() {
        let work = Work::Transition {
            issue_jira_id: 10042,
            target: TransitionTarget::Categories(vec![StatusCategory::Done]),
            otherwise: vec![
                Block::text("It passes again."),
                Block::Bullets(vec![vec![
                    Inline::Code("SHOP-T1".into()),
                    Inline::Break,
                    Inline::Link {
                        text: "run".into(),
                        href: "https://ci.example/1".into(),
                    },
                ]]),
                Block::Code("at x\n at y".into()),
            ],
        };
        let stored = serde_json::to_string(&work).unwrap();
        assert!(stored.starts_with(r#"{"do":"transition","issue_jira_id":10042,"#));
        assert_eq!(serde_json::from_str::<Work>(&stored).unwrap(), work);
        assert_eq!((work.kind(), work.lane().as_str()), ("transition", "10042"));
    }
}
