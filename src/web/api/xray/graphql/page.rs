//! Lists and their arguments.

use async_graphql::{OutputType, SimpleObject};
use uuid::Uuid;

use super::super::ids;
use super::desk::{Answer, refused};
use super::execution::TestExecution;
use super::expanded::ExpandedTest;
use super::group::{Precondition, TestSet};
use super::history::HistoryEntry;
use super::issue::CoverableIssue;
use super::plan::TestPlan;
use super::run::TestRun;
use super::run_parts::{IterationStep, RunPrecondition, TestRunIteration};
use super::settings::ProjectSettings;
use super::test::{Test, TestVersion};

/// Most items of a list.
const MOST: i32 = 100;
/// Most ids in an argument.
const MOST_IDS: usize = 1_000;

/// A list of texts as clients declare it.
pub(in crate::web::api::xray) type Texts = Option<Vec<Option<String>>>;

/// A part of a list.
#[derive(Debug, SimpleObject)]
#[graphql(concrete(name = "TestResults", params(Test)))]
#[graphql(concrete(name = "TestVersionResults", params(TestVersion)))]
#[graphql(concrete(name = "TestExecutionResults", params(TestExecution)))]
#[graphql(concrete(name = "TestPlanResults", params(TestPlan)))]
#[graphql(concrete(name = "TestSetResults", params(TestSet)))]
#[graphql(concrete(name = "PreconditionResults", params(Precondition)))]
#[graphql(concrete(name = "TestRunResults", params(TestRun)))]
#[graphql(concrete(name = "TestRunIterationResults", params(TestRunIteration)))]
#[graphql(concrete(name = "TestRunIterationStepResults", params(IterationStep)))]
#[graphql(concrete(name = "TestRunPreconditionResults", params(RunPrecondition)))]
#[graphql(concrete(name = "ExpandedTestResults", params(ExpandedTest)))]
#[graphql(concrete(name = "XrayHistoryResults", params(HistoryEntry)))]
#[graphql(concrete(name = "CoverableIssueResults", params(CoverableIssue)))]
#[graphql(concrete(name = "ProjectsSettingsResults", params(ProjectSettings)))]
pub(in crate::web::api::xray) struct Page<T: OutputType> {
    /// How many there are.
    pub total: i64,
    /// How many were passed over.
    pub start: i64,
    /// How many there are here at the most.
    pub limit: i64,
    /// Those that are here.
    pub results: Vec<T>,
    /// What was passed over, and why.
    pub warnings: Option<Vec<String>>,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web::api::xray) struct Part {
    pub start: i64,
    pub limit: i64,
}

impl Part {
    /// Reads the arguments of a list.
    pub fn read(limit: Option<i32>, start: Option<i32>) -> Answer<Self> {
        let (limit, start) = (limit.unwrap_or(MOST), start.unwrap_or(0));
        if !(1..=MOST).contains(&limit) {
            return Err(refused(format!("`limit` lies between 1 and {MOST}.")));
        }
        if start < 0 {
            return Err(refused("`start` is not below 0."));
        }
        Ok(Self {
            start: start.into(),
            limit: limit.into(),
        })
    }

    /// This part of a list that is all there.
    pub fn of<T: OutputType>(self, all: Vec<T>) -> Page<T> {
        let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
        let index = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        let part = all.into_iter().skip(index(self.start));
        self.page(total, part.take(index(self.limit)).collect())
    }

    /// A part that was read.
    pub const fn page<T: OutputType>(self, total: i64, results: Vec<T>) -> Page<T> {
        Page {
            total,
            start: self.start,
            limit: self.limit,
            results,
            warnings: None,
        }
    }
}

/// How many fields a list can come to: what each of its items does, as often as it has items.
pub(in crate::web::api::xray) fn weight(limit: Option<i32>, child: usize) -> usize {
    let limit = limit.unwrap_or(MOST).clamp(1, MOST);
    usize::try_from(limit)
        .unwrap_or(1)
        .saturating_mul(child.max(1))
}

/// The texts that were given; none when the argument was not.
pub(in crate::web::api::xray) fn texts(given: Texts) -> Answer<Option<Vec<String>>> {
    let Some(given) = given else {
        return Ok(None);
    };
    if given.len() > MOST_IDS {
        return Err(refused(format!("A list has at most {MOST_IDS} items.")));
    }
    Ok(Some(given.into_iter().flatten().collect()))
}

/// The rows that ids name; a text that is no id names none.
pub(in crate::web::api::xray) fn rows(given: Texts) -> Answer<Option<Vec<Uuid>>> {
    let given = texts(given)?;
    Ok(given.map(|given| given.iter().filter_map(|text| ids::read(text)).collect()))
}

/// The row that an id names.
pub(in crate::web::api::xray) fn row(given: Option<&str>) -> Option<Uuid> {
    ids::read(given?)
}
