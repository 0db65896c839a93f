//! What an administrator decided: which issue types are covered by tests, which are defects, how
//! results count, and which rules act. A site has one set; a project may override single settings.
//!
//! Types are chosen by name, compared without case: team-managed projects give the same type
//! another id in each project, and events name types in the site's language, never the reader's.
//! Defaults of the rules: `test-management.md` section 8.3. A change takes effect with the next
//! look or event; nothing is re-indexed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::coverage::{self, Choices};
use super::defect_settings::{DefectChoices, DefectSettings};
use super::issue::Named;
use super::statuses::Statuses;

/// A rule an administrator can switch; the names are those of `test-management.md` section 8.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleName {
    /// A test failed again and its defect is open: say so on the defect, once per execution.
    D2,
    /// A test failed again and its defect is resolved: reopen the defect.
    D3,
    /// A defect was resolved: its tests need a retest.
    D5,
    /// Every retest of a defect passed: clear the marks and say so on the defect.
    D6,
    /// Every retest of a defect passed: also move the defect to its verified status.
    D6Transition,
    /// A defect was closed without a fix: its failing tests are accepted failures.
    D9,
    /// An issue was reopened: its tests need a retest.
    D13,
}

impl RuleName {
    /// Every rule, in the order pages list them.
    pub const ALL: [Self; 7] = [
        Self::D2,
        Self::D3,
        Self::D5,
        Self::D6,
        Self::D6Transition,
        Self::D9,
        Self::D13,
    ];

    /// The name as stored and as the audit writes it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::D2 => "D2",
            Self::D3 => "D3",
            Self::D5 => "D5",
            Self::D6 => "D6",
            Self::D6Transition => "D6-transition",
            Self::D9 => "D9",
            Self::D13 => "D13",
        }
    }

    /// The rule with this name, if there is one.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.code() == code)
    }

    /// Whether the rule acts where nobody decided.
    #[must_use]
    pub const fn is_on_by_default(self) -> bool {
        !matches!(self, Self::D6Transition)
    }
}

/// Names of issue types, compared without case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TypeNames(Vec<String>);

impl TypeNames {
    /// A set of names, in the order given; blanks and repetitions are dropped.
    pub fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        let mut kept = Self::default();
        for name in names {
            let name = name.as_ref().trim();
            if !name.is_empty() && !kept.contains(name) {
                kept.0.push(name.to_owned());
            }
        }
        kept
    }

    /// Whether the type is among them.
    #[must_use]
    pub fn contains(&self, type_name: &str) -> bool {
        let wanted = type_name.to_lowercase();
        self.0.iter().any(|name| name.to_lowercase() == wanted)
    }

    /// The names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One project's answer: what holds there after site and project were asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Issue types that tests cover.
    pub coverable: TypeNames,
    /// Issue types that are defects.
    pub defects: TypeNames,
    /// Resolutions that close a defect without a fix (D9), by id or by name. Names are localised, so
    /// a site in another language decides its own.
    pub resolutions_without_fix: Vec<String>,
    /// The statuses (Jira's ids) D6 may move a verified defect to, the first preferred.
    pub verified_statuses: Vec<String>,
    /// How results count.
    pub coverage: coverage::Settings,
    /// How defects are made.
    pub defect: DefectSettings,
    rules: BTreeSet<RuleName>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            coverable: TypeNames::new(["Epic", "Story", "Task", "Bug"]),
            defects: TypeNames::new(["Bug"]),
            resolutions_without_fix: ["Won't Do", "Won't Fix", "Cannot Reproduce"]
                .map(str::to_owned)
                .to_vec(),
            verified_statuses: Vec::new(),
            coverage: coverage::Settings::default(),
            defect: DefectSettings::default(),
            rules: RuleName::ALL
                .into_iter()
                .filter(|rule| rule.is_on_by_default())
                .collect(),
        }
    }
}

impl Settings {
    /// Whether tests cover issues of this type.
    #[must_use]
    pub fn is_coverable(&self, type_name: &str) -> bool {
        self.coverable.contains(type_name)
    }

    /// Whether issues of this type are defects.
    #[must_use]
    pub fn is_defect(&self, type_name: &str) -> bool {
        self.defects.contains(type_name)
    }

    /// Whether a rule acts.
    #[must_use]
    pub fn is_on(&self, rule: RuleName) -> bool {
        self.rules.contains(&rule)
    }

    /// Whether a resolution says that nothing was fixed: its id is among
    /// [`Settings::resolutions_without_fix`], or its name, compared without case and with straight
    /// apostrophes.
    #[must_use]
    pub fn is_without_fix(&self, resolution: &Named) -> bool {
        let folded = |text: &str| text.trim().replace('’', "'").to_lowercase();
        self.resolutions_without_fix
            .iter()
            .any(|wanted| *wanted == resolution.id || folded(wanted) == folded(&resolution.name))
    }

    /// These settings with the given ones in their place.
    #[must_use]
    pub fn with(&self, over: &Overrides) -> Self {
        let mut rules = self.rules.clone();
        for (rule, is_on) in &over.rules {
            if *is_on {
                rules.insert(*rule);
            } else {
                rules.remove(rule);
            }
        }
        Self {
            coverable: over.coverable.as_ref().unwrap_or(&self.coverable).clone(),
            defects: over.defects.as_ref().unwrap_or(&self.defects).clone(),
            resolutions_without_fix: over
                .resolutions_without_fix
                .as_ref()
                .unwrap_or(&self.resolutions_without_fix)
                .clone(),
            verified_statuses: over
                .verified_statuses
                .as_ref()
                .unwrap_or(&self.verified_statuses)
                .clone(),
            coverage: self.coverage.with(&over.coverage),
            defect: self.defect.with(&over.defect),
            rules,
        }
    }
}

/// The settings somebody decided, for a site or for one project; the rest is inherited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Issue types that tests cover, if decided.
    pub coverable: Option<TypeNames>,
    /// Issue types that are defects, if decided.
    pub defects: Option<TypeNames>,
    /// Resolutions that close a defect without a fix, if decided.
    pub resolutions_without_fix: Option<Vec<String>>,
    /// Statuses for verified defects, if decided.
    pub verified_statuses: Option<Vec<String>>,
    /// How results count, as far as decided.
    pub coverage: Choices,
    /// How defects are made, as far as decided.
    pub defect: DefectChoices,
    /// Rules that were switched.
    pub rules: BTreeMap<RuleName, bool>,
}

impl Overrides {
    /// Whether nothing was decided.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Everything decided on a site: its own settings and those of its projects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteSettings {
    /// Decided for the whole site.
    pub site: Overrides,
    /// Decided for single projects, by project key.
    pub projects: BTreeMap<String, Overrides>,
    /// The statuses of runs; a project has no others.
    pub statuses: Arc<Statuses>,
}

impl SiteSettings {
    /// What holds where no project decided otherwise.
    #[must_use]
    pub fn of_site(&self) -> Settings {
        let mut defaults = Settings::default();
        defaults.coverage.statuses = Arc::clone(&self.statuses);
        defaults.with(&self.site)
    }

    /// What holds in a project.
    #[must_use]
    pub fn of_project(&self, key: &str) -> Settings {
        let site = self.of_site();
        match self.projects.get(key) {
            Some(over) => site.with(over),
            None => site,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_overrides_single_settings_and_inherits_the_rest() {
        let mut all = SiteSettings::default();
        all.site.defects = Some(TypeNames::new(["Bug", "Incident"]));
        all.site.rules.insert(RuleName::D3, false);
        all.projects.insert(
            "SHOP".to_owned(),
            Overrides {
                coverable: Some(TypeNames::new(["Story"])),
                rules: BTreeMap::from([(RuleName::D3, true)]),
                ..Overrides::default()
            },
        );

        let shop = all.of_project("SHOP");
        assert!(shop.is_coverable("story") && !shop.is_coverable("Epic"));
        assert!(shop.is_defect("Incident"));
        assert!(shop.is_on(RuleName::D3));

        let other = all.of_project("PAY");
        assert_eq!(other, all.of_site());
        assert!(other.is_coverable("Epic") && !other.is_on(RuleName::D3));
    }

    #[test]
    fn only_the_closing_transition_is_off_by_default() {
        let settings = Settings::default();
        let off: Vec<_> = RuleName::ALL
            .into_iter()
            .filter(|rule| !settings.is_on(*rule))
            .collect();
        assert_eq!(off, [RuleName::D6Transition]);
        assert!(!settings.is_coverable("Sub-task"));
    }

    #[test]
    fn names_are_trimmed_and_kept_once() {
        let names = TypeNames::new([" Story", "story ", "", "Épic"]);
        assert_eq!(names.iter().collect::<Vec<_>>(), ["Story", "Épic"]);
        assert!(names.contains("éPIC"));
        for rule in RuleName::ALL {
            assert_eq!(RuleName::from_code(rule.code()), Some(rule));
        }
    }
}
