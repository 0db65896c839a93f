//! What is sent about rules and what is answered.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::body::nullable;
use super::{Decision, refused};
use crate::app::try_rules::{MOST_TOLD, Trial, Tried};
use crate::domain::rule::{Rule, built_in};
use crate::domain::settings::{OwnRule, RuleName, Settings, SiteSettings};
use crate::problem::Problem;

/// Statuses and the like that a rule may name, and characters in one.
const MOST: usize = 100;
const LONGEST: usize = 255;

/// Every rule of the site.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AllRules {
    /// The built-in ones first.
    pub items: Vec<ListedRule>,
}

/// A rule as it is kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListedRule {
    /// Its name.
    #[schema(example = "D3")]
    name: String,
    /// Whether it is built in: such a rule can be switched, and not changed.
    built_in: bool,
    /// What it says; none when it cannot be read.
    rule: Option<Rule>,
    /// Why it cannot run.
    fault: Option<String>,
    /// What it works with.
    #[serde(skip_serializing_if = "Option::is_none")]
    options: Option<Options>,
}

/// What some built-in rules work with; each has some of these.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Options {
    /// D1-automatic: branches whose first failure is no accident.
    #[serde(skip_serializing_if = "Option::is_none")]
    main_branches: Option<Vec<String>>,
    /// D6-transition: statuses (Jira's ids) for verified defects.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_statuses: Option<Vec<String>>,
    /// D9: resolutions without a fix, by name or id.
    #[serde(skip_serializing_if = "Option::is_none")]
    resolutions_without_fix: Option<Vec<String>>,
    /// D12-transition: statuses for issues whose tests became good.
    #[serde(skip_serializing_if = "Option::is_none")]
    good_statuses: Option<Vec<String>>,
    /// D12-transition: statuses for issues whose tests became bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    bad_statuses: Option<Vec<String>>,
}

impl ListedRule {
    pub fn built_in(name: RuleName, decided: &SiteSettings, project: Option<&str>) -> Self {
        let settings = match project {
            Some(key) => decided.of_project(key),
            None => decided.of_site(),
        };
        Self {
            name: name.code().to_owned(),
            built_in: true,
            rule: Some(built_in(name, &settings)),
            fault: None,
            options: Options::of(name, &settings),
        }
    }

    pub fn own(held: &OwnRule) -> Self {
        Self {
            name: held.name.clone(),
            built_in: false,
            rule: held.rule.clone(),
            fault: held.fault.as_ref().map(ToString::to_string),
            options: None,
        }
    }
}

impl Options {
    fn of(name: RuleName, settings: &Settings) -> Option<Self> {
        let mut options = Self::default();
        match name {
            RuleName::D1Automatic => {
                options.main_branches = Some(settings.main_branches.clone());
            }
            RuleName::D6Transition => {
                options.verified_statuses = Some(settings.verified_statuses.clone());
            }
            RuleName::D9 => {
                options.resolutions_without_fix = Some(settings.resolutions_without_fix.clone());
            }
            RuleName::D12Transition => {
                options.good_statuses = Some(settings.good_statuses.clone());
                options.bad_statuses = Some(settings.bad_statuses.clone());
            }
            _ => return None,
        }
        Some(options)
    }
}

/// A list that may be given, or taken back by `null`.
type Given = Option<Option<Vec<String>>>;

/// What is to change about a built-in rule; what is not named stays, `null` takes it back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BuiltInChange {
    /// Whether it acts.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<bool>)]
    #[expect(clippy::option_option, reason = "the two absences are the point")]
    is_on: Option<Option<bool>>,
    /// D1-automatic: branches whose first failure is no accident.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Vec<String>>)]
    main_branches: Given,
    /// D6-transition: statuses (Jira's ids) for verified defects, the first preferred.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Vec<String>>)]
    verified_statuses: Given,
    /// D9: resolutions without a fix, by name or id.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Vec<String>>)]
    resolutions_without_fix: Given,
    /// D12-transition: statuses for issues whose tests became good, the first preferred.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Vec<String>>)]
    good_statuses: Given,
    /// D12-transition: statuses for issues whose tests became bad, the first preferred.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Vec<String>>)]
    bad_statuses: Given,
}

impl BuiltInChange {
    /// What it decides about a rule.
    pub fn decisions(self, rule: RuleName) -> Result<Vec<Decision>, Problem> {
        let (main, verified) = (self.main_branches, self.verified_statuses);
        let without_fix = self.resolutions_without_fix;
        let options = [
            option(
                RuleName::D1Automatic,
                "mainBranches",
                main,
                Decision::MainBranches,
            ),
            option(
                RuleName::D6Transition,
                "verifiedStatuses",
                verified,
                Decision::VerifiedStatuses,
            ),
            option(
                RuleName::D9,
                "resolutionsWithoutFix",
                without_fix,
                Decision::ResolutionsWithoutFix,
            ),
            option(
                RuleName::D12Transition,
                "goodStatuses",
                self.good_statuses,
                Decision::GoodStatuses,
            ),
            option(
                RuleName::D12Transition,
                "badStatuses",
                self.bad_statuses,
                Decision::BadStatuses,
            ),
        ];
        let switch = self.is_on.map(|is_on| Decision::Rule(rule, is_on));
        let mut decisions: Vec<Decision> = switch.into_iter().collect();
        for option in options {
            let Some((of, name, decision)) = option? else {
                continue;
            };
            if of != rule {
                let of = of.code();
                return Err(refused(format!("`{name}` belongs to the rule {of}.")));
            }
            decisions.push(decision);
        }
        Ok(decisions)
    }
}

/// What is decided about an option of a rule, if something is.
fn option(
    of: RuleName,
    name: &'static str,
    given: Given,
    decide: fn(Option<Vec<String>>) -> Decision,
) -> Result<Option<(RuleName, &'static str, Decision)>, Problem> {
    let Some(given) = given else {
        return Ok(None);
    };
    let names = given.as_deref().unwrap_or_default();
    if names.len() > MOST || !names.iter().all(|text| is_name(text)) {
        return Err(refused(format!(
            "`{name}` has at most {MOST} entries of 1 to {LONGEST} characters."
        )));
    }
    Ok(Some((of, name, decide(given))))
}

fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= LONGEST && !text.contains(char::is_control)
}

/// What is to be tried.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WantedTrial {
    /// A rule of the site's own, as it is to be.
    pub rule: Option<Rule>,
    /// Or the name of a rule there is; it is tried as if it were switched on.
    pub name: Option<String>,
    /// The key of the only project that is looked at.
    pub project: Option<String>,
    /// The beginning of the span, milliseconds since 1970.
    #[schema(minimum = 0)]
    pub from_ms: i64,
    /// Its end.
    #[schema(minimum = 0)]
    pub until_ms: i64,
}

/// What a rule would have done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TriedRule {
    /// How often it would have done something.
    done: usize,
    /// How often it would have decided to do nothing.
    not_done: usize,
    /// How many events and imports were looked at.
    moments: usize,
    /// Since when events are kept; none when none is. Issues without one are taken as they are now.
    events_since_ms: Option<i64>,
    /// Whether everything in the span was looked at; else there was too much of it.
    whole: bool,
    /// Whether all decisions are told; else these are the first 1,000.
    all_told: bool,
    /// The decisions, in the order of time.
    decisions: Vec<TriedDecision>,
}

/// Something a rule would have done or not done.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TriedDecision {
    /// When, milliseconds since 1970.
    at_ms: i64,
    /// The key of the issue it is about.
    issue: Option<String>,
    /// The key of the test it is about.
    test: Option<String>,
    /// What would have been done or not done.
    action: &'static str,
    /// Whether it would have been done.
    done: bool,
    /// Why.
    reason: String,
    /// What it follows from.
    cause: String,
}

impl TriedRule {
    pub fn of(trial: &Trial) -> Self {
        Self {
            done: trial.done,
            not_done: trial.not_done,
            moments: trial.moments,
            events_since_ms: trial.events_since_ms,
            whole: trial.is_whole,
            all_told: trial.done + trial.not_done <= MOST_TOLD,
            decisions: trial.decisions.iter().map(TriedDecision::of).collect(),
        }
    }
}

impl TriedDecision {
    fn of(tried: &Tried) -> Self {
        Self {
            at_ms: tried.at_ms,
            issue: tried.issue_key.clone(),
            test: tried.test_key.clone(),
            action: tried.action,
            done: tried.is_done,
            reason: tried.reason.clone(),
            cause: tried.cause.clone(),
        }
    }
}
