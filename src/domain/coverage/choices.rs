//! What somebody decided about counting results: for a whole site, or for one project.
//!
//! This is also the form in which settings go in and out, and the field names are the names under
//! which the store keeps them: they are never changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::settings::{ChildLink, FlakyEffect, Settings, Treatment};
use crate::domain::attempts::Aggregation;
use crate::domain::statuses::Statuses;

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
    use crate::domain::run::RunStatus;

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
