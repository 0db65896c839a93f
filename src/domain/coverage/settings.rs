//! What may be chosen about counting results: for a whole site, or for one project.
//!
//! [`Settings`] is what holds, [`Choices`] what somebody decided; what nobody decided is inherited,
//! and in the end a default. `Choices` is also the form in which settings go in and out, and their
//! field names are the names under which the store keeps them: they are never changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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

/// What somebody decided about counting results; the rest is inherited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Choices {
    /// Whether the latest final result of an environment counts although a newer one is unfinished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_precedence: Option<bool>,
    /// What a skipped test means for the issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Treatment>,
    /// What a blocked test means for the issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<Treatment>,
    /// Which of several attempts decides, when an upload does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<Aggregation>,
    /// What a flaky test means for the issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flaky_effect: Option<FlakyEffect>,
    /// How many of the newest results decide whether a test is flaky.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 5, maximum = 20)]
    pub flaky_window: Option<u8>,
    /// From how many changes between pass and failure on a test is flaky, in a hundred pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100)]
    pub flaky_flip_percent: Option<u8>,
    /// After how many equal results in a row a test is not flaky any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 2, maximum = 20)]
    pub flaky_clears_after: Option<u8>,
    /// After how many days a result is too old to be trusted; 0 for never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 36500)]
    pub freshness_days: Option<u32>,
    /// Whether an outdated result counts as if the test had not been run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict_outdated: Option<bool>,
    /// Workflow statuses whose tests do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded_test_statuses: Option<Vec<String>>,
    /// Labels whose tests do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded_labels: Option<Vec<String>>,
    /// Whether an issue with an uncovered child is not OK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncovered_children_block: Option<bool>,
    /// Whether issues are children of the issue they name as their parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub children_by_parent: Option<bool>,
    /// Whether sub-tasks are children of their issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub children_by_subtask: Option<bool>,
    /// Links that make children.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub children_by_link: Option<Vec<ChildLink>>,
    /// Statuses of children that count like an exemption, by name or id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exempt_child_statuses: Option<Vec<String>>,
    /// Resolutions of children that count like an exemption, by name or id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exempt_child_resolutions: Option<Vec<String>>,
    /// What reports of this project call statuses: each word with the status it means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_words: Option<BTreeMap<String, String>>,
}

/// A choice that cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// A number is out of bounds.
    #[error("`{name}` lies between {least} and {most}, not at {given}")]
    Bounds {
        /// The name of the setting.
        name: &'static str,
        /// The least it can be.
        least: u32,
        /// The most it can be.
        most: u32,
        /// What it should be.
        given: u32,
    },
    /// A list or a name in it is too long, or a name is empty.
    #[error("`{0}` has at most {MOST_NAMES} names of 1 to {LONGEST_NAME} characters")]
    Names(&'static str),
    /// A word of a report should mean a status that does not exist.
    #[error("`statusWords`: there is no status `{0}`")]
    NoStatus(String),
}

/// Names a list may hold.
const MOST_NAMES: usize = 100;
/// Characters a name may have.
const LONGEST_NAME: usize = 255;

impl Choices {
    /// What holds, as choices: every setting says something.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let (flaky, hierarchy) = (settings.flaky, &settings.hierarchy);
        Self {
            final_precedence: Some(settings.final_precedence),
            skipped: Some(settings.skipped),
            blocked: Some(settings.blocked),
            retries: Some(settings.retries),
            flaky_effect: Some(flaky.effect),
            flaky_window: Some(flaky.window),
            flaky_flip_percent: Some(flaky.flip_percent),
            flaky_clears_after: Some(flaky.clears_after),
            freshness_days: Some(settings.freshness_days.unwrap_or(0)),
            strict_outdated: Some(settings.strict_outdated),
            excluded_test_statuses: Some(settings.excluded_test_statuses.clone()),
            excluded_labels: Some(settings.excluded_labels.clone()),
            uncovered_children_block: Some(settings.uncovered_children_block),
            children_by_parent: Some(hierarchy.parent),
            children_by_subtask: Some(hierarchy.subtasks),
            children_by_link: Some(hierarchy.links.clone()),
            exempt_child_statuses: Some(settings.exempt_statuses.clone()),
            exempt_child_resolutions: Some(settings.exempt_resolutions.clone()),
            status_words: Some(settings.status_words.clone()),
        }
    }

    /// These choices, and where they say nothing what `before` says.
    #[must_use]
    pub fn or(self, before: Self) -> Self {
        let mut said = before.entries();
        said.extend(self.entries());
        said.into_iter()
            .fold(Self::default(), |choices, (name, value)| {
                choices.and(&name, value)
            })
    }

    /// Whether nothing was decided.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Every decided setting by its name.
    #[must_use]
    pub fn entries(&self) -> BTreeMap<String, serde_json::Value> {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::Object(entries)) => entries.into_iter().collect(),
            _ => BTreeMap::new(),
        }
    }

    /// These choices with one more, by its name; one that is not understood (an older or newer build
    /// made it) is passed over.
    #[must_use]
    pub fn and(self, name: &str, value: serde_json::Value) -> Self {
        let mut entries = self.entries();
        entries.insert(name.to_owned(), value);
        let entries = entries.into_iter().collect();
        serde_json::from_value(serde_json::Value::Object(entries)).unwrap_or(self)
    }

    /// Whether these can be had on a site with these statuses.
    ///
    /// # Errors
    ///
    /// [`ChoiceError`] names the setting and says what is wrong with it.
    pub fn check(&self, statuses: &Statuses) -> Result<(), ChoiceError> {
        within("flakyWindow", self.flaky_window.map(u32::from), 5, 20)?;
        within(
            "flakyFlipPercent",
            self.flaky_flip_percent.map(u32::from),
            1,
            100,
        )?;
        within(
            "flakyClearsAfter",
            self.flaky_clears_after.map(u32::from),
            2,
            20,
        )?;
        within("freshnessDays", self.freshness_days, 0, 36_500)?;
        for (name, names) in [
            ("excludedTestStatuses", &self.excluded_test_statuses),
            ("excludedLabels", &self.excluded_labels),
            ("exemptChildStatuses", &self.exempt_child_statuses),
            ("exemptChildResolutions", &self.exempt_child_resolutions),
        ] {
            are_names(name, names.iter().flatten())?;
        }
        let links = self.children_by_link.iter().flatten();
        are_names("childrenByLink", links.map(|link| &link.link_type))?;
        let words = self.status_words.iter().flatten();
        are_names("statusWords", words.clone().map(|(word, _)| word))?;
        for (_, means) in words {
            if statuses.parse(means).is_none() {
                return Err(ChoiceError::NoStatus(means.clone()));
            }
        }
        Ok(())
    }
}

fn within(
    name: &'static str,
    given: Option<u32>,
    least: u32,
    most: u32,
) -> Result<(), ChoiceError> {
    match given.filter(|given| !(least..=most).contains(given)) {
        None => Ok(()),
        Some(given) => Err(ChoiceError::Bounds {
            name,
            least,
            most,
            given,
        }),
    }
}

fn are_names<'a>(
    setting: &'static str,
    names: impl Iterator<Item = &'a String>,
) -> Result<(), ChoiceError> {
    let mut count = 0;
    for name in names {
        count += 1;
        let length = name.chars().count();
        if count > MOST_NAMES || length == 0 || length > LONGEST_NAME {
            return Err(ChoiceError::Names(setting));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Choices {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_chosen_holds_and_the_rest_stays() {
        let site = Settings::default().with(&read(r#"{"freshnessDays": 30, "skipped": "nok"}"#));
        let project = site.with(&read(r#"{"freshnessDays": 0, "flakyEffect": "unknown"}"#));
        assert_eq!(site.freshness_days, Some(30));
        assert_eq!(
            (
                project.freshness_days,
                project.skipped,
                project.flaky.effect
            ),
            (None, Treatment::Nok, FlakyEffect::Unknown)
        );
        assert_eq!(Settings::default().with(&Choices::of(&project)), project);
    }

    #[test]
    fn a_choice_nobody_understands_is_passed_over() {
        let choices = Choices::default()
            .and("strictOutdated", true.into())
            .and("strictOutdated", "maybe".into())
            .and("somethingNew", 1.into());
        assert_eq!(choices, read(r#"{"strictOutdated": true}"#));
        let later = read(r#"{"blocked": "ignore"}"#).or(choices);
        assert_eq!(
            later,
            read(r#"{"blocked": "ignore", "strictOutdated": true}"#)
        );
    }

    #[test]
    fn a_project_has_its_own_words_for_statuses() {
        let words = read(r#"{"statusWords": {"WARNUNG": "passed", "Not run": "skipped"}}"#);
        words.check(&Statuses::default()).unwrap();
        let settings = Settings::default().with(&words);
        assert_eq!(settings.read_status("warnung"), Some(RunStatus::Passed));
        assert_eq!(settings.read_status("NOT_RUN"), Some(RunStatus::Skipped));
        assert_eq!(settings.read_status("failed"), Some(RunStatus::Failed));
        assert_eq!(settings.read_status("warning"), None);
    }

    #[test]
    fn choices_out_of_bounds_are_refused_by_name() {
        let why = |json: &str| {
            read(json)
                .check(&Statuses::default())
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            why(r#"{"flakyWindow": 21}"#),
            "`flakyWindow` lies between 5 and 20, not at 21"
        );
        assert_eq!(
            why(r#"{"excludedLabels": [""]}"#),
            "`excludedLabels` has at most 100 names of 1 to 255 characters"
        );
        assert_eq!(
            why(r#"{"statusWords": {"x": "fine"}}"#),
            "`statusWords`: there is no status `fine`"
        );
        assert_eq!(read("{}").check(&Statuses::default()), Ok(()));
        assert!(serde_json::from_str::<Choices>(r#"{"freshnessDay": 3}"#).is_err());
    }

    #[test]
    fn names_are_compared_as_people_write_them() {
        let settings = Settings::default().with(&read(
            r#"{"excludedLabels": ["WIP"], "excludedTestStatuses": ["Draft"], "exemptChildStatuses": ["10007"]}"#,
        ));
        let labels = ["smoke".to_owned(), "wip".to_owned()];
        assert_eq!(settings.excluding_label(&labels), Some("wip"));
        assert!(settings.excludes_status("draft ") && !settings.excludes_status(""));
        assert!(settings.exempts_status("Dropped", "10007"));
        assert!(settings.exempts_resolution("Won’t do", "10001"));
        assert!(!settings.exempts_resolution("Done", "10000"));
    }
}
