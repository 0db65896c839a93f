//! What may be chosen about counting results: for a whole site, or for one project.
//!
//! [`Settings`] is what holds, [`Choices`] what somebody decided; what nobody decided is inherited,
//! and in the end a default.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Choices;
use crate::domain::attempts::Aggregation;
use crate::domain::run::{Effect, RunStatus};
use crate::domain::statuses::{Statuses, word};

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// How results count. Rules: `test-management.md` sections 2.2, 3 and 5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whether the latest final result of an environment counts although a newer one is unfinished.
    pub final_precedence: bool,
    /// What a skipped test means for the issue.
    pub skipped: Treatment,
    /// What a blocked test means for the issue.
    pub blocked: Treatment,
    /// Which of several attempts decides, when an upload does not say.
    pub retries: Aggregation,
    /// What makes a test flaky, and what that means.
    pub flaky: FlakySettings,
    /// After how many days a result is too old to be trusted, if ever.
    pub freshness_days: Option<u32>,
    /// Whether an outdated result counts as if the test had not been run.
    pub strict_outdated: bool,
    /// Workflow statuses whose tests do not count, compared without case.
    pub excluded_test_statuses: Vec<String>,
    /// Labels whose tests do not count, compared without case.
    pub excluded_labels: Vec<String>,
    /// Whether an issue with an uncovered child is not OK.
    pub uncovered_children_block: bool,
    /// Where the children of an issue come from.
    pub hierarchy: Hierarchy,
    /// Statuses of children that count like an exemption, by name or id.
    pub exempt_statuses: Vec<String>,
    /// Resolutions of children that count like an exemption, by name or id.
    pub exempt_resolutions: Vec<String>,
    /// What reports call statuses: words in capitals without spaces, and what each means.
    pub status_words: BTreeMap<String, String>,
    /// Every status a run can have on this site.
    pub statuses: Arc<Statuses>,
}

/// What a result that is neither a pass nor a failure means for the issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Treatment {
    /// The test has not been run: the issue is not OK.
    NotRun,
    /// As bad as a failure.
    Nok,
    /// As if the result had not come: the one before it counts.
    Ignore,
}

/// When a test is flaky (section 5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlakySettings {
    /// How many of the newest results of an environment and branch are looked at.
    pub window: u8,
    /// From how many changes between pass and failure on, in a hundred pairs of neighbours.
    pub flip_percent: u8,
    /// After how many equal results in a row the mark clears.
    pub clears_after: u8,
    /// What a flaky test means for the issue.
    pub effect: FlakyEffect,
}

/// What a flaky test means for the issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FlakyEffect {
    /// What its result says.
    Count,
    /// Nothing that can be trusted.
    Unknown,
    /// As bad as a failure.
    Nok,
}

/// Where the children of an issue come from; each source is switched by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hierarchy {
    /// Issues that name it as their parent, without its sub-tasks.
    pub parent: bool,
    /// Its sub-tasks.
    pub subtasks: bool,
    /// Issues that a link makes its children.
    pub links: Vec<ChildLink>,
}

/// A type of issue link that makes a child of an issue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChildLink {
    /// The name of the type, compared without case.
    #[schema(example = "Hierarchy")]
    pub link_type: String,
    /// On which side of the link the children are.
    pub children: Side,
}

/// A side of an issue link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The issue that the link's outward name points at: *A blocks B* makes B a child of A.
    Outward,
    /// The issue that the link comes from.
    Inward,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            final_precedence: true,
            skipped: Treatment::NotRun,
            blocked: Treatment::NotRun,
            retries: Aggregation::default(),
            flaky: FlakySettings::default(),
            freshness_days: None,
            strict_outdated: false,
            excluded_test_statuses: Vec::new(),
            excluded_labels: Vec::new(),
            uncovered_children_block: true,
            hierarchy: Hierarchy::default(),
            exempt_statuses: Vec::new(),
            exempt_resolutions: ["Won't Do", "Won't Fix"].map(str::to_owned).to_vec(),
            status_words: BTreeMap::new(),
            statuses: Arc::default(),
        }
    }
}

impl Default for FlakySettings {
    fn default() -> Self {
        Self {
            window: 20,
            flip_percent: 30,
            clears_after: 10,
            effect: FlakyEffect::Count,
        }
    }
}

impl Default for Hierarchy {
    fn default() -> Self {
        Self {
            parent: true,
            subtasks: true,
            links: Vec::new(),
        }
    }
}

impl Hierarchy {
    /// Whether a link of this type makes a child of the issue at its other end; `is_outward` when the
    /// link points at that issue.
    #[must_use]
    pub fn takes(&self, type_name: &str, is_outward: bool) -> bool {
        let side = if is_outward {
            Side::Outward
        } else {
            Side::Inward
        };
        let type_name = type_name.to_lowercase();
        let mut links = self.links.iter();
        links.any(|link| link.children == side && link.link_type.to_lowercase() == type_name)
    }
}

impl Settings {
    /// What `status` means under these settings; `None` when such a result is passed over.
    #[must_use]
    pub fn effect(&self, status: RunStatus) -> Option<Effect> {
        let treatment = match status {
            RunStatus::Skipped => self.skipped,
            RunStatus::Blocked => self.blocked,
            _ => return Some(self.statuses.effect(status)),
        };
        match treatment {
            Treatment::NotRun => Some(Effect::NotRun),
            Treatment::Nok => Some(Effect::Nok),
            Treatment::Ignore => None,
        }
    }

    /// The moment before which a result is too old to be trusted, milliseconds since the Unix epoch.
    #[must_use]
    pub fn fresh_since_ms(&self, now_ms: i64) -> Option<i64> {
        let days = self.freshness_days?;
        Some(now_ms.saturating_sub(i64::from(days) * DAY_MS))
    }

    /// The status a report of this project means by `text`; `None` is for the caller to refuse by
    /// name. The project's own words come first.
    #[must_use]
    pub fn read_status(&self, text: &str) -> Option<RunStatus> {
        let own = self.status_words.get(&word(text));
        self.statuses.parse(own.map_or(text, String::as_str))
    }

    /// Whether tests with this workflow status do not count.
    #[must_use]
    pub fn excludes_status(&self, status: &str) -> bool {
        has(&self.excluded_test_statuses, status)
    }

    /// The label of a test because of which it does not count, if there is one.
    #[must_use]
    pub fn excluding_label<'a>(&self, labels: &'a [String]) -> Option<&'a str> {
        let mut labels = labels.iter().map(String::as_str);
        labels.find(|label| has(&self.excluded_labels, label))
    }

    /// Whether a child in this workflow status counts like an exempt one.
    #[must_use]
    pub fn exempts_status(&self, name: &str, id: &str) -> bool {
        has(&self.exempt_statuses, name) || has(&self.exempt_statuses, id)
    }

    /// Whether a child with this resolution counts like an exempt one.
    #[must_use]
    pub fn exempts_resolution(&self, name: &str, id: &str) -> bool {
        has(&self.exempt_resolutions, name) || has(&self.exempt_resolutions, id)
    }

    /// These settings with the given ones in their place.
    #[must_use]
    pub fn with(&self, over: &Choices) -> Self {
        Self {
            final_precedence: chosen(over.final_precedence.as_ref(), &self.final_precedence),
            skipped: chosen(over.skipped.as_ref(), &self.skipped),
            blocked: chosen(over.blocked.as_ref(), &self.blocked),
            retries: chosen(over.retries.as_ref(), &self.retries),
            flaky: FlakySettings {
                window: chosen(over.flaky_window.as_ref(), &self.flaky.window),
                flip_percent: chosen(over.flaky_flip_percent.as_ref(), &self.flaky.flip_percent),
                clears_after: chosen(over.flaky_clears_after.as_ref(), &self.flaky.clears_after),
                effect: chosen(over.flaky_effect.as_ref(), &self.flaky.effect),
            },
            freshness_days: match over.freshness_days {
                None => self.freshness_days,
                Some(days) => (days > 0).then_some(days),
            },
            strict_outdated: chosen(over.strict_outdated.as_ref(), &self.strict_outdated),
            excluded_test_statuses: chosen(
                over.excluded_test_statuses.as_ref(),
                &self.excluded_test_statuses,
            ),
            excluded_labels: chosen(over.excluded_labels.as_ref(), &self.excluded_labels),
            uncovered_children_block: chosen(
                over.uncovered_children_block.as_ref(),
                &self.uncovered_children_block,
            ),
            hierarchy: Hierarchy {
                parent: chosen(over.children_by_parent.as_ref(), &self.hierarchy.parent),
                subtasks: chosen(over.children_by_subtask.as_ref(), &self.hierarchy.subtasks),
                links: chosen(over.children_by_link.as_ref(), &self.hierarchy.links),
            },
            exempt_statuses: chosen(over.exempt_child_statuses.as_ref(), &self.exempt_statuses),
            exempt_resolutions: chosen(
                over.exempt_child_resolutions.as_ref(),
                &self.exempt_resolutions,
            ),
            status_words: match &over.status_words {
                None => self.status_words.clone(),
                Some(words) => words
                    .iter()
                    .map(|(said, means)| (word(said), means.clone()))
                    .collect(),
            },
            statuses: Arc::clone(&self.statuses),
        }
    }
}

fn chosen<T: Clone>(over: Option<&T>, held: &T) -> T {
    over.unwrap_or(held).clone()
}

/// Whether `name` is among them, without case and with straight apostrophes.
fn has(names: &[String], name: &str) -> bool {
    let folded = |text: &str| text.trim().replace('’', "'").to_lowercase();
    !name.is_empty() && names.iter().any(|one| folded(one) == folded(name))
}
