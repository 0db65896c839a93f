//! What is sent to change the rules of a gate.

use std::collections::BTreeSet;

use serde::Deserialize;
use utoipa::ToSchema;

use super::super::body::Checks;
use super::answer::{level, rule_name};
use crate::domain::readiness::{Gate, Level, RuleName, RuleSetting};

/// What is to change in the rules of a gate; rules that are not named stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GateChange {
    /// The rules, each once.
    #[schema(max_items = 12)]
    rules: Vec<RuleChange>,
}

/// What is to change in a rule; what is not named stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RuleChange {
    /// The rule; `planned` cannot be changed.
    #[schema(schema_with = rule_name)]
    rule: String,
    /// What it means when it fails.
    #[schema(schema_with = level)]
    level: Option<String>,
    /// Its limit: percents with at most one decimal, a count, or days.
    #[schema(minimum = 0, maximum = 1_000_000, value_type = Option<f64>)]
    limit: Option<serde_json::Number>,
    /// Whether the project takes its decision back, so that the rule is as for the whole site.
    #[serde(default)]
    inherit: bool,
}

/// What is decided about a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// It is inherited again.
    Inherit(RuleName),
    /// It is set; what is not named stays.
    Set(RuleName, Option<Level>, Option<u32>),
}

impl Decision {
    /// The rule and how it is set, where `gate` held so far.
    pub fn in_place_of(self, gate: &Gate) -> (RuleName, Option<RuleSetting>) {
        match self {
            Self::Inherit(rule) => (rule, None),
            Self::Set(rule, level, limit) => {
                let held = gate.setting(rule);
                let setting = RuleSetting {
                    level: level.unwrap_or(held.level),
                    limit: limit.unwrap_or(held.limit),
                };
                (rule, Some(setting))
            }
        }
    }
}

impl GateChange {
    /// What the body decides; what is wrong with it is noted.
    pub fn decisions(&self, checks: &mut Checks) -> Vec<Decision> {
        let mut seen = BTreeSet::new();
        let rules = self.rules.iter().enumerate();
        rules
            .filter_map(|(place, given)| {
                given.decision(&format!("/rules/{place}"), &mut seen, checks)
            })
            .collect()
    }
}

impl RuleChange {
    fn decision(
        &self,
        at: &str,
        seen: &mut BTreeSet<RuleName>,
        checks: &mut Checks,
    ) -> Option<Decision> {
        let rule = RuleName::from_code(&self.rule).filter(|rule| rule.is_choosable());
        let Some(rule) = rule else {
            checks.refuse(
                format!("{at}/rule"),
                "There is no rule of this name to change.",
            );
            return None;
        };
        if !seen.insert(rule) {
            checks.refuse(format!("{at}/rule"), "The rule is named more than once.");
        }
        if self.inherit {
            if self.level.is_some() || self.limit.is_some() {
                checks.refuse(at, "A rule is inherited, or it has a level and a limit.");
            }
            return Some(Decision::Inherit(rule));
        }
        let level = self.level.as_deref().and_then(|name| {
            let level = Level::from_name(name);
            if level.is_none() {
                checks.refuse(
                    format!("{at}/level"),
                    "It is `required`, `advisory` or `off`.",
                );
            }
            level
        });
        let limit = self.limit.as_ref().and_then(|number| {
            let read = rule.read_limit(&number.to_string());
            read.map_err(|why| checks.refuse(format!("{at}/limit"), format!("Here {why}.")))
                .ok()
        });
        Some(Decision::Set(rule, level, limit))
    }
}
