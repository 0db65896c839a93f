//! What a change is about: found by its id, and read again once its project is held.

use std::collections::HashMap;

use uuid::Uuid;

use super::super::super::ids;
use super::super::desk::{Answer, Desk, Failure, refused};
use super::super::page::{Part, Texts, rows, texts};
use super::super::query::VersionedTest;
use super::super::query::find::{self, Search};
use super::super::run::{self, TestRun};
use crate::domain::execution::Execution;
use crate::domain::keys::{GroupKind, TestKey};
use crate::store::groups::Group;
use crate::store::plans::Plan;
use crate::store::stored_tests::StoredTest;
use crate::store::{Txn, executions, groups, plans, projects, stored_runs, stored_tests};

/// Most things that are named at once.
const MOST: i64 = 1_000;

fn gone() -> Failure {
    refused("It was deleted a moment ago; nothing was changed.")
}

/// A test and the transaction in which its project is held.
pub(super) async fn test(desk: &Desk, id: &str) -> Answer<(Txn, StoredTest)> {
    let found = find::test(desk, Some(id)).await?.0;
    let txn = desk.write().await?;
    projects::hold(&*txn, desk.site(), &found.key.project).await?;
    let mut held = stored_tests::by_ids(&*txn, desk.site(), &[found.id]).await?;
    let held = held
        .remove(&found.id)
        .filter(|test| test.archived_ms.is_none());
    Ok((txn, held.ok_or_else(gone)?))
}

/// An execution and the transaction in which its project is held.
pub(super) async fn execution(desk: &Desk, id: &str) -> Answer<(Txn, Execution)> {
    let found = find::execution(desk, Some(id)).await?.0;
    let txn = desk.write().await?;
    projects::hold(&*txn, desk.site(), &found.key.project).await?;
    let mut held = executions::by_ids(&*txn, desk.site(), &[found.id]).await?;
    Ok((txn, held.remove(&found.id).ok_or_else(gone)?))
}

/// A plan and the transaction in which its project is held.
pub(super) async fn plan(desk: &Desk, id: &str) -> Answer<(Txn, Plan)> {
    let found = find::plan(desk, Some(id)).await?.0;
    let txn = desk.write().await?;
    projects::hold(&*txn, desk.site(), &found.key.project).await?;
    let mut held = plans::by_ids(&*txn, desk.site(), &[found.id]).await?;
    Ok((txn, held.remove(&found.id).ok_or_else(gone)?))
}

/// A test set or precondition and the transaction in which its project is held.
pub(super) async fn group(desk: &Desk, kind: GroupKind, id: &str) -> Answer<(Txn, Group)> {
    let found = find::group(desk, kind, Some(id)).await?;
    let txn = desk.write().await?;
    projects::hold(&*txn, desk.site(), &found.key.project).await?;
    let mut held = groups::by_ids(&*txn, desk.site(), &[found.id]).await?;
    Ok((txn, held.remove(&found.id).ok_or_else(gone)?))
}

/// A run and the transaction in which its project is held.
pub(super) async fn run(desk: &Desk, id: &str) -> Answer<(Txn, TestRun)> {
    let found = find::run(desk, id).await?;
    let txn = desk.write().await?;
    let (site, of) = (desk.site(), found.execution.id);
    projects::hold(&*txn, site, &found.execution.key.project).await?;
    let execution = executions::by_ids(&*txn, site, &[of]).await?.remove(&of);
    let held = stored_runs::by_number(&*txn, site, of, found.run.number).await?;
    let (execution, run) = execution.zip(held).ok_or_else(gone)?;
    Ok((txn, run::TestRun { execution, run }))
}

/// What ids named, and what is to be said of those that named nothing that could be meant.
#[derive(Debug)]
pub(super) struct Named<T> {
    /// What was found, in the order of its keys.
    pub found: Vec<T>,
    /// What is wrong with the others.
    pub warnings: Vec<String>,
}

impl<T> Named<T> {
    /// Tells of ids that named nothing.
    fn of(given: Option<&[String]>, found: Vec<T>, id: impl Fn(&T) -> Uuid) -> Self {
        let known: Vec<String> = found.iter().map(|one| ids::of(id(one))).collect();
        let unknown = given.unwrap_or_default().iter();
        let unknown = unknown.filter(|text| !known.iter().any(|known| known == text.trim()));
        let warnings = unknown.map(|text| {
            let short: String = text.chars().take(80).collect();
            format!("There is nothing of this kind with the id `{short}`.")
        });
        Self {
            warnings: warnings.collect(),
            found,
        }
    }

    /// Leaves out what is not of a project.
    pub fn of_project(mut self, project: &str, key: impl Fn(&T) -> (String, String)) -> Self {
        let Self { found, warnings } = &mut self;
        found.retain(|one| {
            let (of, key) = key(one);
            let is_of = of == project;
            if !is_of {
                warnings.push(format!("{key} is not of the project {project}."));
            }
            is_of
        });
        self
    }
}

/// What is wrong with what was asked for, in one text; nothing when nothing is.
pub(super) fn warning(warnings: &[String]) -> Option<String> {
    (!warnings.is_empty()).then(|| warnings.join(" "))
}

fn all(ids: Option<Vec<Uuid>>) -> Search<'static> {
    Search::of(
        &[],
        Some(ids.unwrap_or_default()),
        Part {
            start: 0,
            limit: MOST,
        },
    )
}

/// Tests by their ids.
pub(super) async fn tests(desk: &Desk, given: Texts) -> Answer<Named<StoredTest>> {
    let (given, ids) = (texts(given.clone())?, rows(given)?);
    let found = find::tests(desk, all(ids)).await?.results;
    let found = found.into_iter().map(|test| test.0).collect();
    Ok(Named::of(given.as_deref(), found, |test| test.id))
}

/// Tests by their ids, those named with a version in that version.
pub(super) async fn versioned(
    desk: &Desk,
    given: Texts,
    tests: Option<Vec<Option<VersionedTest>>>,
) -> Answer<(Named<StoredTest>, HashMap<Uuid, i32>)> {
    let tests: Vec<VersionedTest> = tests.into_iter().flatten().flatten().collect();
    let of_ids = texts(given)?.unwrap_or_default();
    let of_tests = tests.iter().filter_map(|test| test.issue_id.clone());
    let all = of_tests.chain(of_ids).map(Some).collect();
    let mut named = self::tests(desk, Some(all)).await?;
    let mut versions = HashMap::new();
    for test in &tests {
        let id = super::super::page::row(test.issue_id.as_deref());
        if let Some((id, version)) = id.zip(test.version_id) {
            versions.insert(id, version);
        }
    }
    let Named { found, warnings } = &mut named;
    found.retain(|test| {
        let version = versions.get(&test.id).copied().unwrap_or(test.version);
        let is_there = (1..=test.version).contains(&version);
        if !is_there {
            warnings.push(format!("{} has no version {version}.", test.key));
        }
        is_there
    });
    Ok((named, versions))
}

/// Refuses another version of tests than the one there is: what belongs to a test belongs to all its
/// versions here.
pub(super) fn demand_current(found: &[StoredTest], versions: &HashMap<Uuid, i32>) -> Answer<()> {
    let other = found.iter().find(|test| {
        versions
            .get(&test.id)
            .is_some_and(|version| *version != test.version)
    });
    other.map_or(Ok(()), |test| Err(only_current(&test.key, test.version)))
}

/// What is said of a version that cannot be meant.
pub(super) fn only_current(key: &TestKey, version: i32) -> Failure {
    refused(format!(
        "Only the version of {key} that there is, {version}, can be changed."
    ))
}

/// Executions by their ids.
pub(super) async fn executions_of(desk: &Desk, given: Texts) -> Answer<Named<Execution>> {
    let (given, ids) = (texts(given.clone())?, rows(given)?);
    let found = find::executions(desk, all(ids)).await?.results;
    let found = found.into_iter().map(|execution| execution.0).collect();
    Ok(Named::of(given.as_deref(), found, |execution| execution.id))
}

/// Plans by their ids.
pub(super) async fn plans_of(desk: &Desk, given: Texts) -> Answer<Named<Plan>> {
    let (given, ids) = (texts(given.clone())?, rows(given)?);
    let found = find::plans(desk, all(ids)).await?.results;
    let found = found.into_iter().map(|plan| plan.0).collect();
    Ok(Named::of(given.as_deref(), found, |plan| plan.id))
}

/// Test sets or preconditions by their ids.
pub(super) async fn groups_of(desk: &Desk, kind: GroupKind, given: Texts) -> Answer<Named<Group>> {
    let (given, ids) = (texts(given.clone())?, rows(given)?);
    let found = find::all_groups(desk, kind, all(ids)).await?;
    Ok(Named::of(given.as_deref(), found, |group| group.id))
}

/// Project and key of a test, for [`Named::of_project`].
pub(super) fn test_name(test: &StoredTest) -> (String, String) {
    (test.key.project.clone(), test.key.to_string())
}

/// Project and key of an execution, for [`Named::of_project`].
pub(super) fn execution_name(execution: &Execution) -> (String, String) {
    (execution.key.project.clone(), execution.key.to_string())
}

/// An execution as it is now that its project is held.
pub(super) async fn again(txn: &Txn, desk: &Desk, id: Uuid) -> Answer<Option<Execution>> {
    Ok(executions::by_ids(&**txn, desk.site(), &[id])
        .await?
        .remove(&id))
}

/// Project and key of a plan, for [`Named::of_project`].
pub(super) fn plan_name(plan: &Plan) -> (String, String) {
    (plan.key.project.clone(), plan.key.to_string())
}
