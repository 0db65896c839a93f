//! Finds the test case of every reported run, or makes it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::prepare::{Prepared, PreparedRun, TestName};
use super::{ImportError, UnknownTests, Upload};
use crate::domain::issue::IssueKey;
use crate::domain::mirror::MirroredIssue;
use crate::domain::test::{TestKind, TestStep, is_test_type};
use crate::ids;
use crate::results::model::TestDefinition;
use crate::store::projects::{Counter, Project};
use crate::store::tests::{KnownTest, NewTest};
use crate::store::{Conn, SiteId, issues, projects, tests};

/// Results that are left out and told one by one.
const MOST_TOLD: usize = 20;

/// The test of a run.
#[derive(Clone, Copy)]
pub(super) struct MatchedTest {
    pub test: KnownTest,
    /// Whether it was made for this very run: nothing is kept of it yet.
    pub is_new: bool,
}

/// Where the test of a run comes from.
enum Place {
    Known(KnownTest),
    /// The place among the new ones.
    New(usize),
}

/// What the database knows of the tests a file names.
struct Known {
    identities: HashMap<Vec<u8>, KnownTest>,
    numbers: HashMap<i64, KnownTest>,
    ids: HashMap<Uuid, KnownTest>,
    /// Issues that no test stands for yet, by their keys.
    issues: HashMap<String, MirroredIssue>,
}

/// The test of every run, in order. What a new test needs is moved out of its run; a run whose test
/// cannot be had is taken out of the report, or refuses all of it.
pub(super) async fn match_tests(
    on: &impl Conn,
    site: SiteId,
    project: &Project,
    upload: &Upload,
    report: &mut Prepared,
) -> Result<Vec<MatchedTest>, ImportError> {
    let known = look_up(on, site, project, &report.runs).await?;
    leave_out_unknown(&known, project, upload, report)?;
    let places = place_all(&known, &report.runs);
    let mut new_tests = take_new_tests(&known, &places, upload, &mut report.runs);
    drop(known);
    if !new_tests.is_empty() {
        let count = i64::try_from(new_tests.len()).unwrap_or(i64::MAX);
        let first = projects::take_numbers(on, site, project.id, Counter::Tests, count).await?;
        for (test, number) in new_tests.iter_mut().zip(first..) {
            test.number = number;
        }
        tests::insert_all(on, site, project.id, &new_tests, report.arrived_ms).await?;
    }
    let mut met = 0;
    let matched = places.iter().filter_map(|place| match place {
        Place::Known(test) => Some(MatchedTest {
            test: *test,
            is_new: false,
        }),
        Place::New(index) => {
            let NewTest { id, number, .. } = new_tests.get(*index)?;
            let is_new = *index == met;
            met += usize::from(is_new);
            Some(MatchedTest {
                test: KnownTest {
                    id: *id,
                    number: *number,
                    version: tests::FIRST_VERSION,
                },
                is_new,
            })
        }
    });
    Ok(matched.collect())
}

async fn look_up(
    on: &impl Conn,
    site: SiteId,
    project: &Project,
    runs: &[PreparedRun],
) -> Result<Known, ImportError> {
    let (mut identities, mut numbers, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    let mut issue_keys = HashMap::new();
    for run in runs {
        match &run.test {
            TestName::Identity(identity) => identities.push(identity.as_slice()),
            TestName::Key(key) if key.project == project.key => numbers.push(key.number),
            TestName::Id(id) => ids.push(*id),
            TestName::Issue(key) => {
                issue_keys.insert(key.as_str(), of_issue(key));
            }
            TestName::Key(_) | TestName::Nothing(_) => {}
        }
    }
    identities.extend(issue_keys.values().map(Vec::as_slice));
    let identities = tests::by_identities(on, site, project.id, &identities).await?;
    let mut issues = HashMap::new();
    for (key, identity) in &issue_keys {
        if !identities.contains_key(identity)
            && let Some(issue) = issues::by_key(on, site, key).await?
        {
            issues.insert((*key).to_owned(), issue);
        }
    }
    Ok(Known {
        identities,
        numbers: tests::by_numbers(on, site, project.id, &numbers).await?,
        ids: tests::by_ids(on, site, project.id, &ids).await?,
        issues,
    })
}

/// What a test is known by that an issue stands for.
fn of_issue(key: &IssueKey) -> Vec<u8> {
    format!("key:{key}").into_bytes()
}

impl Known {
    /// Why there can be no test for a run, if there cannot.
    fn refusal(&self, project: &Project, run: &PreparedRun) -> Option<ImportError> {
        let unknown = |given: String| ImportError::UnknownTest {
            test: run.name.clone(),
            given,
        };
        match &run.test {
            TestName::Identity(_) => None,
            TestName::Key(key) => {
                let is_known = key.project == project.key && self.numbers.contains_key(&key.number);
                (!is_known).then(|| unknown(key.to_string()))
            }
            TestName::Id(id) => (!self.ids.contains_key(id)).then(|| unknown(id.to_string())),
            TestName::Issue(key) if self.identities.contains_key(&of_issue(key)) => None,
            TestName::Issue(key) => match self.issues.get(key.as_str()) {
                Some(issue) if is_test_type(&issue.snapshot.issue_type.name) => None,
                Some(issue) if !issue.snapshot.issue_type.name.is_empty() => {
                    Some(ImportError::NotATest {
                        test: run.name.clone(),
                        given: key.to_string(),
                        type_name: issue.snapshot.issue_type.name.clone(),
                    })
                }
                _ if run.makes_test => None,
                _ => Some(unknown(key.to_string())),
            },
            TestName::Nothing(given) => Some(unknown(given.chars().take(80).collect())),
        }
    }
}

/// Takes out the runs whose test cannot be had, each with a warning; unless the upload wants them all,
/// or nothing would be left.
fn leave_out_unknown(
    known: &Known,
    project: &Project,
    upload: &Upload,
    report: &mut Prepared,
) -> Result<(), ImportError> {
    let mut refusals = Vec::new();
    report.runs.retain(|run| match known.refusal(project, run) {
        None => true,
        Some(why) => {
            refusals.push(why);
            false
        }
    });
    if refusals.is_empty() {
        return Ok(());
    }
    // A file that says so much of its execution comes from a tool that knows tests by their keys.
    let may_leave_out = upload.unknown_tests == UnknownTests::LeaveOut || report.info.is_some();
    if !may_leave_out || report.runs.is_empty() {
        return Err(refusals.swap_remove(0));
    }
    let told = refusals.iter().take(MOST_TOLD);
    report
        .warnings
        .extend(told.map(|why| format!("{why}; that result is left out")));
    if refusals.len() > MOST_TOLD {
        report.warnings.push(format!(
            "{} more results are left out, because their tests do not exist",
            refusals.len() - MOST_TOLD
        ));
    }
    Ok(())
}

/// The place of the test of every run that has one. Runs that have none are not there any more.
fn place_all(known: &Known, runs: &[PreparedRun]) -> Vec<Place> {
    let mut new: HashMap<Cow<'_, [u8]>, usize> = HashMap::new();
    let mut places = Vec::with_capacity(runs.len());
    for run in runs {
        let identity = match &run.test {
            TestName::Identity(identity) => Cow::Borrowed(identity.as_slice()),
            TestName::Issue(key) => Cow::Owned(of_issue(key)),
            TestName::Key(key) => {
                places.extend(known.numbers.get(&key.number).copied().map(Place::Known));
                continue;
            }
            TestName::Id(id) => {
                places.extend(known.ids.get(id).copied().map(Place::Known));
                continue;
            }
            TestName::Nothing(_) => continue,
        };
        let next = new.len();
        places.push(match known.identities.get(identity.as_ref()) {
            Some(test) => Place::Known(*test),
            None => Place::New(*new.entry(identity).or_insert(next)),
        });
    }
    places
}

/// How a test is carried out, and its steps, by what the file says of it.
fn carried_out(definition: Option<Box<TestDefinition>>) -> (TestKind, Vec<TestStep>) {
    match definition {
        Some(manual) if manual.is_manual() => (TestKind::Manual, manual.steps),
        Some(other) => (TestKind::Automated, other.steps),
        None => (TestKind::Automated, Vec::new()),
    }
}

/// The tests to be made, still without a number.
fn take_new_tests(
    known: &Known,
    places: &[Place],
    upload: &Upload,
    runs: &mut [PreparedRun],
) -> Vec<NewTest> {
    let mut new_tests = Vec::new();
    for (place, run) in places.iter().zip(runs) {
        let is_first = matches!(place, Place::New(index) if *index == new_tests.len());
        let (identity, issue) = match &mut run.test {
            _ if !is_first => continue,
            TestName::Identity(identity) => (std::mem::take(identity), None),
            TestName::Issue(key) => {
                let issue = known.issues.get(key.as_str());
                // Of a placeholder no more than the key is known.
                (of_issue(key), issue.filter(|issue| !issue.is_placeholder()))
            }
            TestName::Key(_) | TestName::Id(_) | TestName::Nothing(_) => continue,
        };
        let mut labels = std::mem::take(&mut run.labels);
        for label in &upload.for_new_tests.labels {
            if !labels.contains(label) {
                labels.push(label.clone());
            }
        }
        let description = run.description.take();
        let (kind, steps) = carried_out(run.definition.take());
        new_tests.push(NewTest {
            id: ids::next(),
            number: 0,
            identity: Some(identity),
            steps,
            name: match issue {
                Some(issue) => issue.snapshot.summary.clone(),
                None => std::mem::take(&mut run.name),
            },
            class_name: std::mem::take(&mut run.class_name),
            suite: Arc::clone(&run.suite),
            kind,
            description: description.or_else(|| upload.for_new_tests.description.clone()),
            labels,
        });
    }
    new_tests
}
