//! What every project of the site shares: issue types, statuses, the workflow, resolutions,
//! priorities and link types. Fixed data; the numbers look like those of a real site.

/// The three categories a status can stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// `new`
    New,
    /// `indeterminate`
    InProgress,
    /// `done`
    Done,
}

impl Category {
    /// Number, key, colour and name as the REST API gives them.
    pub fn facts(self) -> (u64, &'static str, &'static str, &'static str) {
        match self {
            Self::New => (2, "new", "blue-gray", "To Do"),
            Self::InProgress => (4, "indeterminate", "yellow", "In Progress"),
            Self::Done => (3, "done", "green", "Done"),
        }
    }
}

/// An issue type.
#[derive(Debug, PartialEq, Eq)]
pub struct IssueType {
    pub id: &'static str,
    pub name: &'static str,
    pub description: &'static str,
    pub subtask: bool,
    pub level: i64,
}

/// A status.
#[derive(Debug, PartialEq, Eq)]
pub struct Status {
    pub id: &'static str,
    pub name: &'static str,
    pub category: Category,
}

/// A way from one status to another.
#[derive(Debug)]
pub struct Transition {
    pub id: &'static str,
    pub name: &'static str,
    pub from: &'static [&'static str],
    pub to: &'static str,
    /// For bugs the transition shows a screen that asks for a resolution.
    pub asks_resolution: bool,
}

/// A named thing with an id: a priority or a resolution.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    pub id: &'static str,
    pub name: &'static str,
    pub description: &'static str,
}

/// A link type with its two directions.
#[derive(Debug, PartialEq, Eq)]
pub struct LinkType {
    pub id: &'static str,
    pub name: &'static str,
    pub inward: &'static str,
    pub outward: &'static str,
}

pub const EPIC: &str = "10000";
pub const STORY: &str = "10001";
pub const TASK: &str = "10002";
pub const SUBTASK: &str = "10003";
pub const BUG: &str = "10004";

pub static ISSUE_TYPES: [IssueType; 5] = [
    IssueType {
        id: EPIC,
        name: "Epic",
        description: "A body of work that holds several issues.",
        subtask: false,
        level: 1,
    },
    IssueType {
        id: STORY,
        name: "Story",
        description: "Something a user can do afterwards.",
        subtask: false,
        level: 0,
    },
    IssueType {
        id: TASK,
        name: "Task",
        description: "A piece of work.",
        subtask: false,
        level: 0,
    },
    IssueType {
        id: SUBTASK,
        name: "Sub-task",
        description: "A part of an issue.",
        subtask: true,
        level: -1,
    },
    IssueType {
        id: BUG,
        name: "Bug",
        description: "A fault to mend.",
        subtask: false,
        level: 0,
    },
];

pub const TO_DO: &str = "10010";
pub const IN_PROGRESS: &str = "3";
pub const IN_REVIEW: &str = "10011";
pub const DONE: &str = "10012";

pub static STATUSES: [Status; 4] = [
    Status {
        id: TO_DO,
        name: "To Do",
        category: Category::New,
    },
    Status {
        id: IN_PROGRESS,
        name: "In Progress",
        category: Category::InProgress,
    },
    Status {
        id: IN_REVIEW,
        name: "In Review",
        category: Category::InProgress,
    },
    Status {
        id: DONE,
        name: "Done",
        category: Category::Done,
    },
];

pub static TRANSITIONS: [Transition; 6] = [
    Transition {
        id: "11",
        name: "Start work",
        from: &[TO_DO],
        to: IN_PROGRESS,
        asks_resolution: false,
    },
    Transition {
        id: "21",
        name: "Ask for review",
        from: &[IN_PROGRESS],
        to: IN_REVIEW,
        asks_resolution: false,
    },
    Transition {
        id: "31",
        name: "Done",
        from: &[TO_DO, IN_PROGRESS, IN_REVIEW],
        to: DONE,
        asks_resolution: true,
    },
    Transition {
        id: "41",
        name: "Reopen",
        from: &[DONE],
        to: TO_DO,
        asks_resolution: false,
    },
    Transition {
        id: "51",
        name: "Stop work",
        from: &[IN_PROGRESS],
        to: TO_DO,
        asks_resolution: false,
    },
    Transition {
        id: "61",
        name: "Request changes",
        from: &[IN_REVIEW],
        to: IN_PROGRESS,
        asks_resolution: false,
    },
];

pub static RESOLUTIONS: [Named; 4] = [
    Named {
        id: "10000",
        name: "Done",
        description: "Work has been completed on this issue.",
    },
    Named {
        id: "10001",
        name: "Won't Do",
        description: "This issue won't be acted upon.",
    },
    Named {
        id: "10002",
        name: "Duplicate",
        description: "The problem is a duplicate.",
    },
    Named {
        id: "10003",
        name: "Cannot Reproduce",
        description: "All attempts at reproducing this issue failed.",
    },
];

pub static PRIORITIES: [Named; 5] = [
    Named {
        id: "1",
        name: "Highest",
        description: "Blocks progress.",
    },
    Named {
        id: "2",
        name: "High",
        description: "Could block progress.",
    },
    Named {
        id: "3",
        name: "Medium",
        description: "Could affect progress.",
    },
    Named {
        id: "4",
        name: "Low",
        description: "Minor, easily worked around.",
    },
    Named {
        id: "5",
        name: "Lowest",
        description: "Little or no effect.",
    },
];

pub static LINK_TYPES: [LinkType; 4] = [
    LinkType {
        id: "10000",
        name: "Blocks",
        inward: "is blocked by",
        outward: "blocks",
    },
    LinkType {
        id: "10002",
        name: "Duplicate",
        inward: "is duplicated by",
        outward: "duplicates",
    },
    LinkType {
        id: "10003",
        name: "Relates",
        inward: "relates to",
        outward: "relates to",
    },
    LinkType {
        id: "10004",
        name: "Defect",
        inward: "created by",
        outward: "created",
    },
];

/// The sprint field of Jira Software.
pub const SPRINT_FIELD: &str = "customfield_10020";
/// The story points field.
pub const POINTS_FIELD: &str = "customfield_10016";

/// A status by its id.
pub fn status(id: &str) -> &'static Status {
    STATUSES
        .iter()
        .find(|status| status.id == id)
        .unwrap_or(&STATUSES[0])
}

/// An issue type by its id.
pub fn issue_type(id: &str) -> &'static IssueType {
    ISSUE_TYPES
        .iter()
        .find(|kind| kind.id == id)
        .unwrap_or(&ISSUE_TYPES[2])
}

/// A priority by its id.
pub fn priority(id: &str) -> &'static Named {
    PRIORITIES
        .iter()
        .find(|priority| priority.id == id)
        .unwrap_or(&PRIORITIES[2])
}

/// A resolution by its id.
pub fn resolution(id: &str) -> &'static Named {
    RESOLUTIONS
        .iter()
        .find(|resolution| resolution.id == id)
        .unwrap_or(&RESOLUTIONS[0])
}
