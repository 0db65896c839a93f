//! The rules of `test-management.md` 8.3 in the form every rule has, for lists and for people who
//! make their own after them. Their conclusions are drawn in `defect`, `failure`, `reopened`,
//! `passing`, `coverage` and `unclaimed`, because some of their conditions are about all tests of an
//! issue at once and about what came before.

use super::{Condition, Is, Rule, Then, When};
use crate::domain::issue::StatusCategory;
use crate::domain::settings::{RuleName, Settings};

/// A built-in rule as it holds under these settings.
#[must_use]
pub fn built_in(name: RuleName, settings: &Settings) -> Rule {
    let (when, conditions, actions) = parts(name, settings);
    Rule {
        name: name.code().to_owned(),
        title: title(name).to_owned(),
        is_on: settings.is_on(name),
        pause_minutes: 60,
        projects: Vec::new(),
        when,
        conditions,
        actions,
    }
}

/// What a rule does, in a line.
const fn title(name: RuleName) -> &'static str {
    match name {
        RuleName::D1 => "Offer to create a defect when a test without one fails",
        RuleName::D1Automatic => "Create that defect without being asked",
        RuleName::D2 => "Say on the defect that its test failed again",
        RuleName::D3 => "Reopen a resolved defect when its test fails again",
        RuleName::D4 => "Create and reopen nothing for a flaky failure",
        RuleName::D5 => "Ask for a retest when a defect is resolved",
        RuleName::D5Execution => "Also make an execution of the tests to be run again",
        RuleName::D6 => "Confirm the fix when every retest has passed",
        RuleName::D6Transition => "Also close the defect then",
        RuleName::D7 => "Say once on an open defect that its tests pass now",
        RuleName::D8 => "Follow a defect that is closed as a duplicate",
        RuleName::D9 => "Accept the failures of a defect that will not be fixed",
        RuleName::D10 => "Keep the last known state of a defect that is gone",
        RuleName::D11 => "Say on an issue that is done that its tests do not say so",
        RuleName::D12 => "Tell Jira in a property how each issue is covered",
        RuleName::D12Transition => "Also move the issue when its tests became good or bad",
        RuleName::D13 => "Ask for a retest when an issue is reopened",
        RuleName::D14 => {
            "Keep how a version stood when it was released, and a sprint when it was closed"
        }
    }
}

fn one_of(field: &str, values: &[&str]) -> Condition {
    Condition {
        field: field.to_owned(),
        is: Is::In,
        values: values.iter().map(|&value| value.to_owned()).collect(),
    }
}

fn parts(name: RuleName, settings: &Settings) -> (When, Vec<Condition>, Vec<Then>) {
    let defect = || one_of("role", &["defect"]);
    let done = || one_of("statusCategory", &["done"]);
    let open = || one_of("statusCategory", &["new", "indeterminate", "undefined"]);
    let steady = || one_of("flaky", &["no"]);
    let comment = |template: &str| Then::Comment {
        template: template.to_owned(),
    };
    let to = |statuses: &[String]| Then::Transition {
        statuses: statuses.to_vec(),
        category: None,
    };
    let in_a_row = || Condition {
        field: "failuresInARow".to_owned(),
        is: Is::AtLeast,
        values: vec!["2".to_owned()],
    };
    let without_fix = |is| Condition {
        field: "resolution".to_owned(),
        is,
        values: settings.resolutions_without_fix.clone(),
    };
    match name {
        RuleName::D1 => (When::RunFailed, Vec::new(), vec![Then::CreateDefect]),
        RuleName::D1Automatic => {
            let conditions = vec![steady(), in_a_row()];
            (When::RunFailed, conditions, vec![Then::CreateDefect])
        }
        RuleName::D2 => {
            let say = comment("{tests} still fails in {execution} ({environments}; {version}).");
            (When::RunFailed, vec![defect(), open()], vec![say])
        }
        RuleName::D3 => {
            let conditions = vec![defect(), done(), without_fix(Is::NotIn), steady()];
            let reopen = Then::Transition {
                statuses: Vec::new(),
                category: Some(StatusCategory::Indeterminate),
            };
            let say = comment("{tests} failed in {execution} after this issue was resolved.");
            (When::RunFailed, conditions, vec![say, reopen])
        }
        RuleName::D4 => {
            let flaky = one_of("flaky", &["yes"]);
            (When::RunFailed, vec![defect(), flaky], Vec::new())
        }
        RuleName::D5 => (When::DefectMoved, vec![done()], vec![Then::MarkRetest]),
        RuleName::D5Execution => (When::DefectMoved, vec![done()], vec![Then::MakeExecution]),
        RuleName::D6 => {
            let say =
                comment("Verified. Every linked test has passed since this issue was resolved.");
            (When::RunPassed, vec![defect(), done()], vec![say])
        }
        RuleName::D6Transition => {
            let actions = vec![to(&settings.verified_statuses)];
            (When::RunPassed, vec![defect(), done()], actions)
        }
        RuleName::D7 => {
            let say =
                comment("Passes now. Every linked test passes, and this issue is still open.");
            (When::RunPassed, vec![defect(), open()], vec![say])
        }
        RuleName::D8 => (When::DefectMoved, vec![done()], vec![Then::FollowDuplicate]),
        RuleName::D9 => {
            let conditions = vec![done(), without_fix(Is::In)];
            (When::DefectMoved, conditions, vec![Then::KeepState])
        }
        RuleName::D10 => (When::DefectGone, Vec::new(), vec![Then::KeepState]),
        RuleName::D11 => {
            let say = comment("This issue is done, and its tests do not say so.");
            (When::IssueMoved, vec![done()], vec![say])
        }
        RuleName::D12 => (When::CoverageChanged, Vec::new(), vec![Then::SetProperty]),
        RuleName::D12Transition => {
            let changed = one_of("coverage", &["OK", "NOK"]);
            let actions = vec![to(&settings.good_statuses), to(&settings.bad_statuses)];
            (When::CoverageChanged, vec![changed], actions)
        }
        RuleName::D13 => {
            let conditions = vec![one_of("categoryBefore", &["done"]), open()];
            (When::IssueMoved, conditions, vec![Then::MarkRetest])
        }
        RuleName::D14 => (When::VersionReleased, Vec::new(), vec![Then::KeepReadiness]),
    }
}
