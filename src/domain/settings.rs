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
use super::issue::Named;
use super::rule::{Rule, RuleFault, When};
use super::statuses::Statuses;

/// A rule an administrator can switch; the names are those of `test-management.md` section 8.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleName {
    /// A test failed that has no open defect: offer to create one.
    D1,
    /// The same: create it, once the failure is no accident.
    D1Automatic,
    /// A test failed again and its defect is open: say so on the defect, once per execution.
    D2,
    /// A test failed again and its defect is resolved: reopen the defect.
    D3,
    /// A flaky failure neither creates a defect nor reopens one.
    D4,
    /// A defect was resolved: its tests need a retest.
    D5,
    /// A defect was resolved: also make an execution of its tests.
    D5Execution,
    /// Every retest of a defect passed: clear the marks and say so on the defect.
    D6,
    /// Every retest of a defect passed: also move the defect to its verified status.
    D6Transition,
    /// Every test of an open defect passes: say so on the defect once.
    D7,
    /// A defect was closed as a duplicate: its tests follow to the defect that survives.
    D8,
    /// A defect was closed without a fix: its failing tests are accepted failures.
    D9,
    /// A defect was deleted or moved out of reach: its last known state stays.
    D10,
    /// An issue is done although its tests do not say so: say so on the issue.
    D11,
    /// The coverage of an issue changed: tell Jira in a property.
    D12,
    /// The coverage of an issue became good or bad: also move the issue.
    D12Transition,
    /// An issue was reopened: its tests need a retest.
    D13,
    /// A version was released or a sprint closed: keep how it stood.
    D14,
}

impl RuleName {
    /// Every rule, in the order pages list them.
    pub const ALL: [Self; 18] = [
        Self::D1,
        Self::D1Automatic,
        Self::D2,
        Self::D3,
        Self::D4,
        Self::D5,
        Self::D5Execution,
        Self::D6,
        Self::D6Transition,
        Self::D7,
        Self::D8,
        Self::D9,
        Self::D10,
        Self::D11,
        Self::D12,
        Self::D12Transition,
        Self::D13,
        Self::D14,
    ];

    /// The name as stored and as the audit writes it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::D1 => "D1",
            Self::D1Automatic => "D1-automatic",
            Self::D2 => "D2",
            Self::D3 => "D3",
            Self::D4 => "D4",
            Self::D5 => "D5",
            Self::D5Execution => "D5-execution",
            Self::D6 => "D6",
            Self::D6Transition => "D6-transition",
            Self::D7 => "D7",
            Self::D8 => "D8",
            Self::D9 => "D9",
            Self::D10 => "D10",
            Self::D11 => "D11",
            Self::D12 => "D12",
            Self::D12Transition => "D12-transition",
            Self::D13 => "D13",
            Self::D14 => "D14",
        }
    }

    /// The rule without which this one does nothing.
    #[must_use]
    pub const fn requires(self) -> Option<Self> {
        match self {
            Self::D1Automatic => Some(Self::D1),
            Self::D6Transition => Some(Self::D6),
            _ => None,
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
        !matches!(
            self,
            Self::D1Automatic
                | Self::D5Execution
                | Self::D6Transition
                | Self::D11
                | Self::D12Transition
        )
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
    /// Branches whose failures are no accident, the first failure already (D1).
    pub main_branches: Vec<String>,
    /// The statuses (Jira's ids) an issue whose tests became good is moved to (D12).
    pub good_statuses: Vec<String>,
    /// The statuses (Jira's ids) an issue whose tests became bad is moved back to (D12).
    pub bad_statuses: Vec<String>,
    /// How results count.
    pub coverage: coverage::Settings,
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
            main_branches: ["main", "master", "trunk"].map(str::to_owned).to_vec(),
            good_statuses: Vec::new(),
            bad_statuses: Vec::new(),
            coverage: coverage::Settings::default(),
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
            resolutions_without_fix: chosen(
                over.resolutions_without_fix.as_ref(),
                &self.resolutions_without_fix,
            ),
            verified_statuses: chosen(over.verified_statuses.as_ref(), &self.verified_statuses),
            main_branches: chosen(over.main_branches.as_ref(), &self.main_branches),
            good_statuses: chosen(over.good_statuses.as_ref(), &self.good_statuses),
            bad_statuses: chosen(over.bad_statuses.as_ref(), &self.bad_statuses),
            coverage: self.coverage.with(&over.coverage),
            rules,
        }
    }
}

fn chosen(over: Option<&Vec<String>>, inherited: &[String]) -> Vec<String> {
    over.map_or(inherited, Vec::as_slice).to_vec()
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
    /// Branches whose failures are no accident, if decided.
    pub main_branches: Option<Vec<String>>,
    /// Statuses for issues whose tests became good, if decided.
    pub good_statuses: Option<Vec<String>>,
    /// Statuses for issues whose tests became bad, if decided.
    pub bad_statuses: Option<Vec<String>>,
    /// How results count, as far as decided.
    pub coverage: Choices,
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
    /// The site's own rules, by name; those that cannot run are among them.
    pub own_rules: Vec<OwnRule>,
}

/// A rule of the site's own, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRule {
    /// Its name.
    pub name: String,
    /// What it says, if it can be read.
    pub rule: Option<Rule>,
    /// Why it cannot run: a build that knew other fields or actions made it.
    pub fault: Option<RuleFault>,
}

impl OwnRule {
    /// Reads one as it is stored under its name.
    #[must_use]
    pub fn read(name: &str, stored: &str) -> Self {
        let (rule, fault) = match Rule::read(stored) {
            Ok(rule) => {
                let fault = rule.check().err();
                (Some(rule), fault)
            }
            Err(fault) => (None, Some(fault)),
        };
        Self {
            name: name.to_owned(),
            rule,
            fault,
        }
    }

    /// The rule, if it can run.
    #[must_use]
    pub fn sound(&self) -> Option<&Rule> {
        self.rule.as_ref().filter(|_| self.fault.is_none())
    }
}

impl SiteSettings {
    /// What holds where no project decided otherwise.
    #[must_use]
    pub fn of_site(&self) -> Settings {
        let mut defaults = Settings::default();
        defaults.coverage.statuses = Arc::clone(&self.statuses);
        defaults.with(&self.site)
    }

    /// The site's own rules that can run and look at this.
    pub fn own_rules_for(&self, when: When) -> impl Iterator<Item = &Rule> {
        let sound = self.own_rules.iter().filter_map(OwnRule::sound);
        sound.filter(move |rule| rule.when == when)
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
    fn what_writes_much_into_jira_is_off_by_default() {
        let settings = Settings::default();
        let off: Vec<_> = RuleName::ALL
            .into_iter()
            .filter(|rule| !settings.is_on(*rule))
            .collect();
        let codes: Vec<_> = off.iter().map(|rule| rule.code()).collect();
        assert_eq!(
            codes,
            [
                "D1-automatic",
                "D5-execution",
                "D6-transition",
                "D11",
                "D12-transition"
            ]
        );
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
