//! Finds the test case of every reported run, or makes it.

use std::collections::HashMap;

use uuid::Uuid;

use super::ImportError;
use super::prepare::{PreparedRun, TestName};
use crate::domain::test::TestKind;
use crate::ids;
use crate::store::projects::{Counter, Project};
use crate::store::tests::{KnownTest, NewTest};
use crate::store::{Conn, SiteId, projects, tests};

/// The tests of an import.
pub(super) struct Matched {
    /// One for each run, in order.
    pub tests: Vec<KnownTest>,
    /// Those that were there before.
    pub known: Vec<Uuid>,
}

/// What the database knows of the tests a file names.
struct Known {
    by_identity: HashMap<Vec<u8>, KnownTest>,
    by_number: HashMap<i64, KnownTest>,
    by_id: HashMap<Uuid, KnownTest>,
}

/// See the module. What a new test needs is moved out of its run.
pub(super) async fn match_tests(
    on: &impl Conn,
    site: SiteId,
    project: &Project,
    runs: &mut [PreparedRun],
    now_ms: i64,
) -> Result<Matched, ImportError> {
    let mut known = look_up(on, site, project, runs).await?;
    let old: Vec<Uuid> = (known.by_identity.values())
        .chain(known.by_number.values())
        .chain(known.by_id.values())
        .map(|test| test.id)
        .collect();
    let mut new_tests = take_new_tests(project, runs, &known)?;
    if !new_tests.is_empty() {
        let count = i64::try_from(new_tests.len()).unwrap_or(i64::MAX);
        let first = projects::take_numbers(on, site, project.id, Counter::Tests, count).await?;
        for (test, number) in new_tests.iter_mut().zip(first..) {
            test.number = number;
        }
        tests::insert_all(on, site, project.id, &new_tests, now_ms).await?;
    }
    for test in new_tests {
        let KnownTest { id, number } = KnownTest {
            id: test.id,
            number: test.number,
        };
        if let Some(identity) = test.identity {
            known.by_identity.insert(identity, KnownTest { id, number });
        }
    }
    let matched = runs
        .iter()
        .filter_map(|run| known.of(&run.test, project))
        .collect();
    Ok(Matched {
        tests: matched,
        known: old,
    })
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
        by_identity: tests::by_identities(on, site, project.id, &identities).await?,
        by_number: tests::by_numbers(on, site, project.id, &numbers).await?,
        by_id: tests::by_ids(on, site, project.id, &ids).await?,
    })
}

impl Known {
    fn of(&self, name: &TestName, project: &Project) -> Option<KnownTest> {
        match name {
            TestName::Identity(identity) => self.by_identity.get(identity).copied(),
            TestName::Key(key) if key.project == project.key => {
                self.by_number.get(&key.number).copied()
            }
            TestName::Key(_) => None,
            TestName::Id(id) => self.by_id.get(id).copied(),
        }
    }
}

/// The tests to be made, still without a number.
fn take_new_tests(
    project: &Project,
    runs: &mut [PreparedRun],
    known: &Known,
) -> Result<Vec<NewTest>, ImportError> {
    let mut new_tests = Vec::new();
    for run in runs {
        if known.of(&run.test, project).is_some() {
            continue;
        }
        let identity = match &run.test {
            TestName::Identity(identity) => identity.clone(),
            TestName::Key(key) => return Err(unknown(&run.name, key.to_string())),
            TestName::Id(id) => return Err(unknown(&run.name, id.to_string())),
        };
        new_tests.push(NewTest {
            id: ids::next(),
            number: 0,
            identity: Some(identity),
            name: std::mem::take(&mut run.name),
            class_name: std::mem::take(&mut run.class_name),
            suite: std::mem::take(&mut run.suite),
            kind: TestKind::Automated,
            description: run.description.take(),
            labels: std::mem::take(&mut run.labels),
        });
    }
    Ok(new_tests)
}

fn unknown(test: &str, given: String) -> ImportError {
    ImportError::UnknownTest {
        test: test.to_owned(),
        given,
    }
}
