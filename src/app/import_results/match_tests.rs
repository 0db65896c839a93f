//! Finds the test case of every reported run, or makes it.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::ImportError;
use super::prepare::{PreparedRun, TestName};
use crate::domain::test::TestKind;
use crate::ids;
use crate::store::projects::{Counter, Project};
use crate::store::tests::{KnownTest, NewTest};
use crate::store::{Conn, SiteId, projects, tests};

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
}

/// The test of every run, in order. What a new test needs is moved out of its run.
pub(super) async fn match_tests(
    on: &impl Conn,
    site: SiteId,
    project: &Project,
    runs: &mut [PreparedRun],
    now_ms: i64,
) -> Result<Vec<MatchedTest>, ImportError> {
    let known = look_up(on, site, project, runs).await?;
    let places = place_all(&known, project, runs)?;
    drop(known);
    let mut new_tests = take_new_tests(&places, runs);
    if !new_tests.is_empty() {
        let count = i64::try_from(new_tests.len()).unwrap_or(i64::MAX);
        let first = projects::take_numbers(on, site, project.id, Counter::Tests, count).await?;
        for (test, number) in new_tests.iter_mut().zip(first..) {
            test.number = number;
        }
        tests::insert_all(on, site, project.id, &new_tests, now_ms).await?;
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
    for run in runs {
        match &run.test {
            TestName::Identity(identity) => identities.push(identity.as_slice()),
            TestName::Key(key) => numbers.push(key.number),
            TestName::Id(id) => ids.push(*id),
        }
    }
    Ok(Known {
        identities: tests::by_identities(on, site, project.id, &identities).await?,
        numbers: tests::by_numbers(on, site, project.id, &numbers).await?,
        ids: tests::by_ids(on, site, project.id, &ids).await?,
    })
}

/// The place of every run's test; only one that is named by its identity may be new.
fn place_all(
    known: &Known,
    project: &Project,
    runs: &[PreparedRun],
) -> Result<Vec<Place>, ImportError> {
    let mut new: HashMap<&[u8], usize> = HashMap::new();
    let place = |run: &PreparedRun, given: String, found: Option<&KnownTest>| match found {
        Some(test) => Ok(Place::Known(*test)),
        None => Err(ImportError::UnknownTest {
            test: run.name.clone(),
            given,
        }),
    };
    let mut places = Vec::with_capacity(runs.len());
    for run in runs {
        places.push(match &run.test {
            TestName::Identity(identity) => {
                let next = new.len();
                known.identities.get(identity).map_or_else(
                    || Place::New(*new.entry(identity).or_insert(next)),
                    |test| Place::Known(*test),
                )
            }
            TestName::Key(key) => {
                let is_ours = key.project == project.key;
                let found = known.numbers.get(&key.number).filter(|_| is_ours);
                place(run, key.to_string(), found)?
            }
            TestName::Id(id) => place(run, id.to_string(), known.ids.get(id))?,
        });
    }
    Ok(places)
}

/// The tests to be made, still without a number.
fn take_new_tests(places: &[Place], runs: &mut [PreparedRun]) -> Vec<NewTest> {
    let mut new_tests = Vec::new();
    for (place, run) in places.iter().zip(runs) {
        let is_first = matches!(place, Place::New(index) if *index == new_tests.len());
        if let (true, TestName::Identity(identity)) = (is_first, &mut run.test) {
            new_tests.push(NewTest {
                id: ids::next(),
                number: 0,
                identity: Some(std::mem::take(identity)),
                name: std::mem::take(&mut run.name),
                class_name: std::mem::take(&mut run.class_name),
                suite: Arc::clone(&run.suite),
                kind: TestKind::Automated,
                description: run.description.take(),
                labels: std::mem::take(&mut run.labels),
            });
        }
    }
    new_tests
}
