//! What is kept of a run beyond its status: attempts, steps, and what they said.
//! Files that came with it are kept apart (`store::evidence`).
//!
//! Stored as one JSON document beside the run and only ever read whole; a run that has nothing to
//! say has none.

use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunDetail {
    /// Every attempt or iteration, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptDetail>,
    /// The test's steps, in order, with how each went.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepDetail>,
    /// What the tester or the run's script remarked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Custom fields: name and value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub custom_fields: Vec<(String, String)>,
    /// Who ran the test, as the report names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executed_by: Option<String>,
    /// Who was to run it, as the report names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// Since when the clock runs that a tester works by, milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timer_since_ms: Option<i64>,
    /// Whether the report it came with says that results are missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_incomplete: bool,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AttemptDetail {
    /// The name of its status.
    pub status: String,
    /// Which data it ran with, when the parts of the run are iterations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The first line of what it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The stack trace or whatever explains the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// What the test printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The data it ran with: name and value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<(String, String)>,
    /// How its steps went.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepDetail>,
    /// How long it took, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
}

/// How a step of a test went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepDetail {
    /// The name of its status.
    pub status: String,
    /// What happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// What the tester remarked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}
