//! How defects are made: what a new one carries, when one is used again instead, how many an
//! execution may open by itself, and what a duplicate is (`test-management.md` 8.1 to 8.3).
//!
//! A site has one set; a project may override single choices.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::issue::Named;

/// Most labels, components, fields and resolutions.
const MOST: usize = 100;
/// Longest name of one, in characters; longest value of a field, in bytes.
const NAME: usize = 255;
const TEXT: usize = 32_000;

/// When a failure uses the open defect of *another* test that failed for the same cause. The defect
/// of the same test and failure is used in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reuse {
    /// Never: each test gets a defect of its own.
    Never,
    /// Within one execution: one cause, many tests.
    #[default]
    Execution,
    /// Whenever one is open.
    Always,
}

/// What holds in a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefectSettings {
    /// Labels of a new defect.
    pub labels: Vec<String>,
    /// Names of the components; those of the covered issue when none is named.
    pub components: Vec<String>,
    /// Account id of the assignee; the covered issue's when none is named.
    pub assignee: Option<String>,
    /// Further fields of the create screen, by id, as a person would type them.
    pub fields: BTreeMap<String, String>,
    /// Name of the link between the defect and an issue at risk, as Jira has it.
    pub link_type: String,
    /// When the defect of another test is used.
    pub reuse: Reuse,
    /// How many defects an execution may open by itself; one more lists the rest.
    pub most_per_execution: u32,
    /// Resolutions that mark a duplicate, by id or name.
    pub duplicate_resolutions: Vec<String>,
    /// Name of the link from a duplicate to the issue that stays, as Jira has it.
    pub duplicate_link: String,
}

impl Default for DefectSettings {
    fn default() -> Self {
        Self {
            labels: vec!["touchstone".to_owned()],
            components: Vec::new(),
            assignee: None,
            fields: BTreeMap::new(),
            link_type: "Relates".to_owned(),
            reuse: Reuse::default(),
            most_per_execution: 10,
            duplicate_resolutions: vec!["Duplicate".to_owned()],
            duplicate_link: "Duplicate".to_owned(),
        }
    }
}

/// What somebody decided; the rest is inherited. The names are those of settings files and the API.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct DefectChoices {
    /// Labels of a new defect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// Names of components; an empty list takes those of the covered issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub components: Option<Vec<String>>,
    /// Account id of the assignee; an empty text takes the covered issue's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// Further fields of the create screen, by id, as a person would type them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<BTreeMap<String, String>>,
    /// Name of the link between the defect and an issue at risk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_type: Option<String>,
    /// When the open defect of another test is used: never, within one execution, or always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reuse: Option<Reuse>,
    /// How many defects an execution may open by itself; one more lists the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub most_per_execution: Option<u32>,
    /// Resolutions that mark a duplicate, by id or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_resolutions: Option<Vec<String>>,
    /// Name of the link from a duplicate to the issue that stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_link: Option<String>,
}

impl DefectSettings {
    /// These settings with the given ones in their place.
    #[must_use]
    pub fn with(&self, over: &DefectChoices) -> Self {
        fn or<T: Clone>(over: Option<&T>, held: &T) -> T {
            over.unwrap_or(held).clone()
        }
        let assignee = over.assignee.as_ref();
        let named = assignee.map(|one| Some(one.clone()).filter(|one| !one.is_empty()));
        Self {
            labels: or(over.labels.as_ref(), &self.labels),
            components: or(over.components.as_ref(), &self.components),
            assignee: named.unwrap_or_else(|| self.assignee.clone()),
            fields: or(over.fields.as_ref(), &self.fields),
            link_type: or(over.link_type.as_ref(), &self.link_type),
            reuse: over.reuse.unwrap_or(self.reuse),
            most_per_execution: over.most_per_execution.unwrap_or(self.most_per_execution),
            duplicate_resolutions: or(
                over.duplicate_resolutions.as_ref(),
                &self.duplicate_resolutions,
            ),
            duplicate_link: or(over.duplicate_link.as_ref(), &self.duplicate_link),
        }
    }

    /// All of them, as if each had been decided.
    #[must_use]
    pub fn in_full(self) -> DefectChoices {
        DefectChoices {
            labels: Some(self.labels),
            components: Some(self.components),
            assignee: Some(self.assignee.unwrap_or_default()),
            fields: Some(self.fields),
            link_type: Some(self.link_type),
            reuse: Some(self.reuse),
            most_per_execution: Some(self.most_per_execution),
            duplicate_resolutions: Some(self.duplicate_resolutions),
            duplicate_link: Some(self.duplicate_link),
        }
    }

    /// Whether a resolution says that the issue is a duplicate.
    #[must_use]
    pub fn is_duplicate(&self, resolution: &Named) -> bool {
        let folded = |text: &str| text.trim().to_lowercase();
        self.duplicate_resolutions
            .iter()
            .any(|wanted| *wanted == resolution.id || folded(wanted) == folded(&resolution.name))
    }
}

impl DefectChoices {
    /// Only what is decided otherwise than it is inherited.
    #[must_use]
    pub fn beside(self, inherited: DefectSettings) -> Self {
        fn own<T: PartialEq>(chosen: Option<T>, before: Option<&T>) -> Option<T> {
            chosen.filter(|one| before != Some(one))
        }
        let before = inherited.in_full();
        Self {
            labels: own(self.labels, before.labels.as_ref()),
            components: own(self.components, before.components.as_ref()),
            assignee: own(self.assignee, before.assignee.as_ref()),
            fields: own(self.fields, before.fields.as_ref()),
            link_type: own(self.link_type, before.link_type.as_ref()),
            reuse: own(self.reuse, before.reuse.as_ref()),
            most_per_execution: own(self.most_per_execution, before.most_per_execution.as_ref()),
            duplicate_resolutions: own(
                self.duplicate_resolutions,
                before.duplicate_resolutions.as_ref(),
            ),
            duplicate_link: own(self.duplicate_link, before.duplicate_link.as_ref()),
        }
    }

    /// Whether these can be had; the error says what cannot, as part of a sentence.
    pub fn check(&self) -> Result<(), &'static str> {
        let is_name = |text: &String| !text.trim().is_empty() && text.chars().count() <= NAME;
        let lists = [&self.labels, &self.components, &self.duplicate_resolutions];
        let is_list = |list: &Vec<String>| list.len() <= MOST && list.iter().all(is_name);
        if !lists.into_iter().flatten().all(is_list) {
            return Err("a list is too long, or holds an empty or very long name");
        }
        let mut labels = self.labels.iter().flatten();
        if labels.any(|label| label.contains(char::is_whitespace)) {
            return Err("a label has a blank in it, which Jira does not take");
        }
        let mut names = [&self.link_type, &self.duplicate_link]
            .into_iter()
            .flatten();
        if !names.all(is_name) {
            return Err("the name of a link is empty or very long");
        }
        let mut assignee = self.assignee.iter();
        if assignee.any(|one| one.chars().count() > NAME) {
            return Err("the assignee is no account id");
        }
        let fields = self.fields.iter().flatten();
        if self.fields.as_ref().is_some_and(|all| all.len() > MOST)
            || fields.into_iter().any(|(_, text)| text.len() > TEXT)
        {
            return Err("there are too many fields, or one is very long");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_overrides_single_choices_and_can_take_the_assignee_back() {
        let site: DefectChoices =
            serde_json::from_str(r#"{"assignee": "712020:a", "mostPerExecution": 3}"#).unwrap();
        let project: DefectChoices =
            serde_json::from_str(r#"{"assignee": "", "reuse": "always"}"#).unwrap();
        let held = DefectSettings::default().with(&site);
        assert_eq!(
            (held.assignee.as_deref(), held.most_per_execution),
            (Some("712020:a"), 3)
        );
        let held = held.with(&project);
        assert_eq!(
            (held.assignee, held.most_per_execution, held.reuse),
            (None, 3, Reuse::Always)
        );
        assert_eq!(held.labels, ["touchstone"]);
        assert!(serde_json::from_str::<DefectChoices>(r#"{"lables": []}"#).is_err());
    }

    #[test]
    fn only_what_differs_is_a_decision_and_what_jira_refuses_is_refused() {
        let mut all = DefectSettings::default().in_full();
        all.labels = Some(vec!["shop".to_owned()]);
        let own = all.clone().beside(DefectSettings::default());
        assert_eq!(
            serde_json::to_string(&own).unwrap(),
            r#"{"labels":["shop"]}"#
        );
        assert_eq!(own.check(), Ok(()));
        all.labels = Some(vec!["two words".to_owned()]);
        assert!(all.check().unwrap_err().contains("blank"));
        let empty = DefectChoices {
            link_type: Some(" ".to_owned()),
            ..DefectChoices::default()
        };
        assert!(empty.check().is_err());
    }

    #[test]
    fn a_duplicate_is_told_by_name_or_id() {
        let settings = DefectSettings {
            duplicate_resolutions: vec!["Duplicate".to_owned(), "10003".to_owned()],
            ..DefectSettings::default()
        };
        let named = |id: &str, name: &str| Named {
            id: id.to_owned(),
            name: name.to_owned(),
        };
        assert!(settings.is_duplicate(&named("1", "duplicate ")));
        assert!(settings.is_duplicate(&named("10003", "Duplikat")));
        assert!(!settings.is_duplicate(&named("1", "Done")));
    }
}
