//! A rule of the site's own, judged by what happened to one issue.
//!
//! The facts are those of one moment, so the same moment always gives the same decisions; that a
//! moment told twice acts once is the guards' part.

use uuid::Uuid;

use super::coverage::CoverageChange;
use super::{
    Action, Condition, Decision, ExecutionFacts, IssueFacts, Mark, MarkKind, Rule, RuleId,
    TestFacts, Then, When, listed, template,
};
use crate::domain::issue::{Named, StatusCategory};
use crate::domain::work::TransitionTarget;

/// What an issue is to the tests that are linked to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// They found it.
    Defect,
    /// They cover it.
    Covered,
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Defect => "defect",
            Self::Covered => "covered",
        }
    }
}

/// A test that just ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The test.
    pub test_id: Uuid,
    /// Its key.
    pub test_key: String,
    /// Whether it is flaky.
    pub is_flaky: bool,
    /// How often it has failed in a row, this run included; 0 when it passed.
    pub failures_in_a_row: usize,
}

/// What happened to an issue at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// What happened.
    pub when: When,
    /// The issue, its tests in this role, and the marks about it.
    pub facts: IssueFacts<'a>,
    /// What it is to those tests; none when it has none.
    pub role: Option<Role>,
    /// Which of them just ran, with that result.
    pub ran: &'a [Ran],
    /// In which execution.
    pub execution: Option<ExecutionFacts<'a>>,
    /// The category of the status it left.
    pub category_before: Option<StatusCategory>,
    /// How its coverage changed.
    pub coverage: Option<&'a CoverageChange>,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: i64,
}

impl Occasion<'_> {
    /// What there is of a field; `None` for one that does not exist.
    fn values(&self, field: &str) -> Option<Vec<String>> {
        let snapshot = &self.facts.issue.snapshot;
        let both = |named: &Named| vec![named.name.clone(), named.id.clone()];
        let all = |names: &[Named]| names.iter().flat_map(both).collect();
        let one = |text: &str| match text {
            "" => Vec::new(),
            text => vec![text.to_owned()],
        };
        let of_run = |name: Option<&str>| name.map(str::to_owned).into_iter().collect();
        Some(match field {
            "project" => one(&snapshot.project_key),
            "type" => both(&snapshot.issue_type),
            "status" => both(&snapshot.status),
            "statusCategory" => one(snapshot.status_category.key()),
            "resolution" => snapshot.resolution.iter().flat_map(both).collect(),
            "priority" => snapshot.priority.iter().flat_map(both).collect(),
            "labels" => snapshot.labels.clone(),
            "fixVersions" => all(&snapshot.fix_versions),
            "sprints" => all(&snapshot.sprints),
            "summary" => one(&snapshot.summary),
            "role" => self
                .role
                .map(|role| role.name().to_owned())
                .into_iter()
                .collect(),
            "categoryBefore" => {
                let before = self
                    .category_before
                    .map(|category| category.key().to_owned());
                before.into_iter().collect()
            }
            "environment" => self
                .execution
                .map(|execution| execution.environments.to_vec())
                .unwrap_or_default(),
            "branch" => of_run(self.execution.and_then(|execution| execution.branch)),
            "version" => of_run(self.execution.and_then(|execution| execution.fix_version)),
            "flaky" => {
                let is_flaky = !self.ran.is_empty() && self.ran.iter().all(|ran| ran.is_flaky);
                one(if is_flaky { "yes" } else { "no" })
            }
            "failuresInARow" => {
                let most = self.ran.iter().map(|ran| ran.failures_in_a_row).max();
                vec![most.unwrap_or(0).to_string()]
            }
            "coverage" => self
                .coverage
                .map(|change| change.to.name().to_owned())
                .into_iter()
                .collect(),
            "coverageBefore" => self
                .coverage
                .and_then(|change| change.from)
                .map(|from| from.name().to_owned())
                .into_iter()
                .collect(),
            _ => return None,
        })
    }

    fn fill(&self, name: &str) -> String {
        let execution = self.execution;
        match name {
            "issue" => self.facts.key().to_owned(),
            "tests" => {
                let ran: Vec<&str> = self.ran.iter().map(|ran| ran.test_key.as_str()).collect();
                if ran.is_empty() {
                    keys(self.facts.tests)
                } else {
                    ran.join(", ")
                }
            }
            "execution" => execution.map_or_else(String::new, |one| one.key.to_owned()),
            "environments" => execution.map_or_else(String::new, |one| listed(one.environments)),
            "version" => {
                let version = execution.and_then(|one| one.fix_version);
                version.unwrap_or("no version").to_owned()
            }
            "branch" => {
                let branch = execution.and_then(|one| one.branch);
                branch.unwrap_or("no branch").to_owned()
            }
            "status" => self.facts.issue.snapshot.status.name.clone(),
            "coverage" => self
                .coverage
                .map_or_else(String::new, |change| change.to.word().to_lowercase()),
            _ => String::new(),
        }
    }
}

fn keys(tests: &[TestFacts]) -> String {
    let mut keys: Vec<&str> = tests.iter().map(|test| test.key.as_str()).collect();
    keys.sort_unstable();
    keys.join(", ")
}

/// What a rule of the site's own decides at one moment; nothing when it is not about that.
#[must_use]
pub fn judge_own(rule: &Rule, occasion: &Occasion<'_>) -> Vec<Decision> {
    let snapshot = &occasion.facts.issue.snapshot;
    let is_about = rule.when == occasion.when && rule.is_about(&snapshot.project_key);
    if !is_about {
        return Vec::new();
    }
    let id = || RuleId::Own(rule.name.clone());
    let nothing = |reason| {
        vec![Decision::about(
            &occasion.facts,
            id(),
            Action::Nothing,
            reason,
        )]
    };
    if !rule.is_on {
        return nothing(format!("\"{}\" is switched off.", rule.title));
    }
    if occasion.facts.issue.deleted_ms.is_some() {
        return nothing(format!("{} was deleted in Jira.", occasion.facts.key()));
    }
    if let Some(why) = rule
        .conditions
        .iter()
        .find_map(|one| refused(one, occasion))
    {
        return nothing(format!("\"{}\" does nothing: {why}.", rule.title));
    }
    let reason = format!(
        "\"{}\": {} {}.",
        rule.title,
        occasion.facts.key(),
        happened(occasion)
    );
    let actions = rule.actions.iter();
    actions
        .flat_map(|then| decisions(&id(), then, occasion, &reason))
        .collect()
}

/// Why a condition does not hold, if it does not.
fn refused(condition: &Condition, occasion: &Occasion<'_>) -> Option<String> {
    let field = &condition.field;
    let Some(found) = occasion.values(field) else {
        return Some(format!("there is no field {field}"));
    };
    let is_refused = !condition.holds(&found);
    is_refused.then(|| {
        let shown = match found.first() {
            None => "empty".to_owned(),
            // Names stand before ids.
            Some(first) => first.clone(),
        };
        format!(
            "{field} of {} is {shown}, and the rule asks that it {}",
            occasion.facts.key(),
            condition.words()
        )
    })
}

fn happened(occasion: &Occasion<'_>) -> String {
    let tests = || occasion.fill("tests");
    let place = occasion.fill("execution");
    let status = &occasion.facts.issue.snapshot.status.name;
    match occasion.when {
        When::RunFailed => format!("has {} failing in {place}", tests()),
        When::RunPassed => format!("has {} passing in {place}", tests()),
        When::CoverageChanged => match occasion.coverage {
            Some(change) => format!("is {} now", change.to.name()),
            None => "has changed its coverage".to_owned(),
        },
        _ => format!("entered {status}"),
    }
}

fn decisions(rule: &RuleId, then: &Then, occasion: &Occasion<'_>, reason: &str) -> Vec<Decision> {
    let facts = &occasion.facts;
    let decide = |action| Decision::about(facts, rule.clone(), action, reason.to_owned());
    let action = match then {
        Then::Comment { template } => Action::Say(template::fill(template, |n| occasion.fill(n))),
        Then::Transition { statuses, category } => Action::MoveTo(match category {
            Some(category) => TransitionTarget::Categories(vec![*category]),
            None => TransitionTarget::Statuses(statuses.clone()),
        }),
        Then::LinkIssue { issue, link_type } => Action::Link {
            key: issue.clone(),
            link_type: link_type.clone(),
        },
        Then::SetFields(change) => Action::Edit(change.clone()),
        Then::MakeExecution => match facts.tests {
            [] => Action::Nothing,
            tests => {
                let mut tests: Vec<Uuid> = tests.iter().map(|test| test.id).collect();
                tests.sort_unstable();
                Action::Plan(tests)
            }
        },
        Then::MarkRetest => return marks(rule, occasion, reason),
        // No rule of a site's own has these (`Rule::check`).
        Then::CreateDefect
        | Then::SetProperty
        | Then::FollowDuplicate
        | Then::KeepState
        | Then::KeepReadiness => Action::Nothing,
    };
    vec![decide(action)]
}

/// Asks for a retest of the issue's tests, unless one is awaited already.
fn marks(rule: &RuleId, occasion: &Occasion<'_>, reason: &str) -> Vec<Decision> {
    let facts = &occasion.facts;
    let mut tests: Vec<&TestFacts> = facts.tests.iter().collect();
    tests.sort_unstable_by(|a, b| (&a.key, a.id).cmp(&(&b.key, b.id)));
    let mark = |test: &TestFacts| {
        let (action, reason) = if let Some(held) = facts.mark(test.id, MarkKind::RetestNeeded) {
            let by = held.rule.name();
            let reason = format!("{} awaits a retest already ({by}).", test.key);
            (Action::Nothing, reason)
        } else {
            let mark = Mark {
                test_id: test.id,
                issue_id: facts.issue.id,
                kind: MarkKind::RetestNeeded,
                since_ms: occasion.at_ms,
                environments: test.not_run_since(occasion.at_ms),
                rule: rule.clone(),
            };
            (Action::Set(mark), reason.to_owned())
        };
        Decision::about(facts, rule.clone(), action, reason).on_test(test.id)
    };
    tests.into_iter().map(mark).collect()
}

/// Takes off the marks of the site's own rules whose tests have run since, or are linked no more;
/// `others` are the tests that are linked to the issue in its other role.
#[must_use]
pub fn follow_own_marks(facts: &IssueFacts<'_>, others: &[TestFacts]) -> Vec<Decision> {
    let key = facts.key();
    let is_own = |mark: &&Mark| matches!(mark.rule, RuleId::Own(_));
    let answer = |mark: &Mark| {
        let mut tests = facts.tests.iter().chain(others);
        match tests.find(|test| test.id == mark.test_id) {
            Some(test) => test.has_run_since(mark.since_ms).then(|| {
                format!(
                    "{} has run since a retest for {key} was asked for.",
                    test.key
                )
            }),
            None => Some(format!("{key} is no longer linked to this test.")),
        }
    };
    let clear = |mark: &Mark| {
        let reason = answer(mark)?;
        let clear = Action::Clear(mark.kind);
        let decision = Decision::about(facts, mark.rule.clone(), clear, reason);
        Some(decision.on_test(mark.test_id))
    };
    facts
        .marks
        .iter()
        .filter(is_own)
        .filter_map(clear)
        .collect()
}
