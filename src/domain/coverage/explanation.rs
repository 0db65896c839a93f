//! The reason in the one form in which it leaves the service: in answers, exports and snapshots.
//!
//! Names, not codes, and the words for people beside the data, so that whoever keeps it needs nothing
//! else to understand it years later.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::children::ChildExclusion;
use super::flaky::FlakyEvidence;
use super::reason::{
    ChildLine, Children, Decider, DecidingRun, Excluded, ExcludedRun, Exclusion, Reason,
};
use super::test_status::Outdated;
use crate::domain::exemption::Exemption;
use crate::domain::quarantine::Quarantine;

/// Why an issue has its status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The status it explains.
    #[schema(example = "NOK")]
    pub status: String,
    /// One sentence for people.
    pub sentence: String,
    /// The rule that applied.
    #[schema(example = "a-test-failed")]
    pub rule: String,
    /// Which runs were looked at.
    #[schema(example = "latest")]
    pub scope: String,
    /// The environment it is confined to.
    pub environment: Option<String>,
    /// How many tests count.
    pub counted: usize,
    /// The tests that decided.
    pub decided_by: Vec<ExplainedTest>,
    /// What was left out.
    pub excluded: Vec<ExplainedExclusion>,
    /// What a person recorded about the issue's needing no test, while it holds.
    pub exemption: Option<Exemption>,
    /// What its children say, when it has any.
    pub children: Option<ExplainedChildren>,
    /// The same in lines for people.
    pub lines: Vec<String>,
    /// When it was worked out, milliseconds since 1970.
    pub computed_ms: i64,
}

/// A test that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedTest {
    /// The key of the test.
    #[schema(example = "SHOP-T12")]
    pub test: String,
    /// The name of the test.
    pub name: String,
    /// Its status: a built-in one, or one that the site made.
    #[schema(example = "FAILED")]
    pub status: String,
    /// Whether the service cannot read it any more.
    pub unreadable: bool,
    /// The runs that gave it this status; none when it was never run.
    pub runs: Vec<ExplainedRun>,
    /// What counted in other environments and was not as bad.
    pub others: Vec<ExplainedRun>,
}

/// A run that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedRun {
    /// The environment it was picked for; none when the execution named none.
    pub environment: Option<String>,
    /// The key of the execution.
    #[schema(example = "SHOP-E7")]
    pub execution: String,
    /// The number of the run within it.
    pub run: i64,
    /// How it ended: a built-in status, or one that the site made.
    #[schema(example = "FAILED")]
    pub status: String,
    /// Why that is not taken at its word.
    #[schema(example = "incomplete")]
    pub doubt: Option<String>,
    /// Whether that is not believed, because results are missing.
    pub incomplete: bool,
    /// What has changed since it was made.
    #[schema(example = "issue-changed")]
    pub outdated: Option<String>,
    /// Why the test is flaky in this environment.
    pub flaky: Option<ExplainedFlaky>,
    /// When it ended, milliseconds since 1970.
    pub finished_ms: i64,
}

/// Why a test is flaky.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExplainedFlaky {
    /// Of what kind the evidence is.
    #[schema(example = "same-revision")]
    pub evidence: String,
    /// Where attempts disagreed, or where it passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// The number of that run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<i64>,
    /// The revision on which it passed and failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The branch on which it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// How often it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flips: Option<usize>,
    /// In how many results.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub results: Option<usize>,
}

/// Something that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedExclusion {
    /// The key of the test.
    #[schema(example = "SHOP-T12")]
    pub test: String,
    /// Why.
    #[schema(example = "archived")]
    pub why: String,
    /// The workflow status or the label that does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The quarantine it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Quarantine>,
    /// The run, when it is one run of the test that does not count.
    pub run: Option<ExplainedExcludedRun>,
}

/// A run that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedExcludedRun {
    /// The environment that another run counts for, when there is one; none when the execution named
    /// none.
    pub environment: Option<String>,
    /// The environments of its execution.
    pub environments: Vec<String>,
    /// The key of the execution.
    pub execution: String,
    /// The number of the run within it.
    pub run: i64,
    /// Where the run stands.
    #[schema(example = "EXECUTING")]
    pub status: String,
}

/// What the children of the issue say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExplainedChildren {
    /// How many there are.
    pub total: usize,
    /// How many of those that count are not covered.
    pub uncovered: usize,
    /// Those that decided.
    pub decided_by: Vec<ExplainedChild>,
    /// Those that were left out.
    pub left_out: Vec<ExplainedChild>,
}

/// A child of the issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedChild {
    /// Its key.
    #[schema(example = "SHOP-7")]
    pub issue: String,
    /// Its summary.
    pub summary: String,
    /// Its status.
    #[schema(example = "UNCOVERED")]
    pub status: String,
    /// Why it was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "resolution")]
    pub why: Option<String>,
    /// The workflow status or resolution because of which it was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Explanation {
    /// What explains a status.
    #[must_use]
    pub fn of(reason: &Reason) -> Self {
        Self {
            status: reason.status.name().to_owned(),
            sentence: reason.sentence().to_string(),
            rule: reason.rule.name().to_owned(),
            scope: reason.scope.name(),
            environment: reason.scope.environment.clone(),
            counted: reason.counted,
            decided_by: reason.decided_by.iter().map(ExplainedTest::of).collect(),
            excluded: reason.excluded.iter().map(ExplainedExclusion::of).collect(),
            exemption: reason.exemption.clone(),
            children: reason.children.as_ref().map(ExplainedChildren::of),
            lines: reason.lines().into_iter().map(|line| line.text).collect(),
            computed_ms: reason.computed_ms,
        }
    }
}

impl ExplainedTest {
    fn of(decider: &Decider) -> Self {
        Self {
            test: decider.test_key.clone(),
            name: decider.test_name.clone(),
            status: decider.status.name.to_string(),
            unreadable: decider.is_unreadable,
            runs: decider.runs.iter().map(ExplainedRun::of).collect(),
            others: decider.others.iter().map(ExplainedRun::of).collect(),
        }
    }
}

impl ExplainedRun {
    fn of(run: &DecidingRun) -> Self {
        Self {
            environment: (!run.environment.is_empty()).then(|| run.environment.clone()),
            execution: run.execution_key.clone(),
            run: run.number,
            status: run.status.name.to_string(),
            doubt: run.doubt.map(|doubt| doubt.name().to_owned()),
            incomplete: run.doubt == Some(super::Doubt::Incomplete),
            outdated: run.outdated.map(|it: Outdated| it.name().to_owned()),
            flaky: run.flaky.as_ref().map(ExplainedFlaky::of),
            finished_ms: run.finished_ms,
        }
    }
}

impl ExplainedFlaky {
    /// What explains that a test is flaky.
    #[must_use]
    pub fn of(evidence: &FlakyEvidence) -> Self {
        let kind = Self {
            evidence: evidence.name().to_owned(),
            ..Self::default()
        };
        match evidence {
            FlakyEvidence::Attempts(run) => Self {
                execution: Some(run.execution_key.clone()),
                run: Some(run.number),
                ..kind
            },
            FlakyEvidence::SameRevision {
                revision, passed, ..
            } => Self {
                revision: revision.clone(),
                execution: Some(passed.execution_key.clone()),
                run: Some(passed.number),
                ..kind
            },
            FlakyEvidence::Flips {
                branch,
                flips,
                results,
            } => Self {
                branch: branch.clone(),
                flips: Some(*flips),
                results: Some(*results),
                ..kind
            },
        }
    }
}

impl ExplainedExclusion {
    fn of(excluded: &Excluded) -> Self {
        let (mut name, mut quarantine, mut run) = (None, None, None);
        match &excluded.why {
            Exclusion::Archived | Exclusion::NotInPlan => {}
            Exclusion::Status(it) | Exclusion::Label(it) => name = Some(it.clone()),
            Exclusion::Quarantined(it) => quarantine = Some(it.clone()),
            Exclusion::OutOfScope(it) => run = Some(ExplainedExcludedRun::of(it, None)),
            Exclusion::NotFinal(it) => {
                let environment = it.environments.first().cloned();
                run = Some(ExplainedExcludedRun::of(it, environment));
            }
        }
        Self {
            test: excluded.test_key.clone(),
            why: excluded.why.name().to_owned(),
            name,
            quarantine,
            run,
        }
    }
}

impl ExplainedExcludedRun {
    fn of(run: &ExcludedRun, environment: Option<String>) -> Self {
        Self {
            environment,
            environments: run.environments.clone(),
            execution: run.execution_key.clone(),
            run: run.number,
            status: run.status.name.to_string(),
        }
    }
}

impl ExplainedChildren {
    fn of(children: &Children) -> Self {
        let left_out = children.left_out.iter();
        Self {
            total: children.total,
            uncovered: children.uncovered,
            decided_by: (children.decided_by.iter())
                .map(|child| ExplainedChild::of(child, None))
                .collect(),
            left_out: left_out
                .map(|(child, why)| ExplainedChild::of(child, Some(why)))
                .collect(),
        }
    }
}

impl ExplainedChild {
    fn of(child: &ChildLine, why: Option<&ChildExclusion>) -> Self {
        let name = match why {
            Some(ChildExclusion::Status(name) | ChildExclusion::Resolution(name)) => Some(name),
            _ => None,
        };
        Self {
            issue: child.key.clone(),
            summary: child.summary.clone(),
            status: child.status.name().to_owned(),
            why: why.map(|why| why.name().to_owned()),
            name: name.cloned(),
        }
    }
}
