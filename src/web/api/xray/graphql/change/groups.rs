//! Changes of test sets and preconditions, and of which tests they have.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use serde_json::Value;
use uuid::Uuid;

use super::super::super::ids;
use super::super::desk::{Answer, Desk, refused};
use super::super::group::{Precondition, TestSet};
use super::super::page::Texts;
use super::super::query::{VersionedTest, find};
use super::super::test::GivenType;
use super::document::{Document, long};
use super::folders::into_folder;
use super::hold::{self, Named, warning};
use super::plans::{AddedTests, done};
use crate::app::edit_group::create_group;
use crate::domain::folder::FolderPath;
use crate::domain::keys::GroupKind;
use crate::domain::test::MANUAL;
use crate::store::groups::{self, Group, GroupContent};
use crate::store::projects;
use crate::store::search::{self, Kind, Of};
use crate::store::stored_tests::StoredTest;

/// What came of making a test set.
#[derive(Debug, SimpleObject)]
struct CreateTestSetResult {
    test_set: TestSet,
    warnings: Vec<String>,
}

/// What came of making a precondition.
#[derive(Debug, SimpleObject)]
struct CreatePreconditionResult {
    precondition: Precondition,
    warnings: Vec<String>,
}

/// Which test sets were added.
#[derive(Debug, SimpleObject)]
struct AddTestSetsResult {
    added_test_sets: Vec<String>,
    warning: Option<String>,
}

/// Which preconditions were added.
#[derive(Debug, SimpleObject)]
struct AddPreconditionsResult {
    added_preconditions: Vec<String>,
    warning: Option<String>,
}

/// The type of a precondition, as it is given.
#[derive(Debug, InputObject)]
#[graphql(name = "UpdatePreconditionTypeInput")]
struct PreconditionType {
    id: Option<String>,
    name: Option<String>,
}

impl PreconditionType {
    fn name(&self) -> Answer<&'static str> {
        let given = GivenType {
            id: self.id.clone(),
            name: self.name.clone(),
        };
        given.name()
    }
}

/// What is to change in a precondition.
#[derive(Debug, InputObject)]
#[graphql(name = "UpdatePreconditionInput")]
struct PreconditionChange {
    precondition_type: Option<PreconditionType>,
    definition: Option<String>,
    folder_path: Option<String>,
}

fn read_path(text: Option<&str>) -> Answer<Option<FolderPath>> {
    let path = text.map(FolderPath::parse).transpose();
    path.map_err(|why| refused(why.to_string()))
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct GroupMutation;

#[Object]
impl GroupMutation {
    /// Makes a test set of tests.
    async fn create_test_set(
        &self,
        context: &Context<'_>,
        test_issue_ids: Texts,
        jira: Value,
    ) -> Answer<Option<CreateTestSetResult>> {
        let desk = Desk::of(context)?;
        let document = Document::read(desk, &jira).await?;
        let named = hold::tests(desk, test_issue_ids).await?;
        let content = GroupContent {
            name: document.summary.clone(),
            description: document.description.clone(),
            ..GroupContent::default()
        };
        let group = create(
            desk,
            &document,
            &content,
            (GroupKind::TestSet, None),
            &named,
        );
        Ok(Some(CreateTestSetResult {
            test_set: TestSet(group.await?),
            warnings: [document.warnings, named.warnings].concat(),
        }))
    }

    /// Makes a precondition of tests.
    #[expect(clippy::too_many_arguments, reason = "clients know these")]
    async fn create_precondition(
        &self,
        context: &Context<'_>,
        precondition_type: Option<PreconditionType>,
        definition: Option<String>,
        test_issue_ids: Texts,
        tests: Option<Vec<Option<VersionedTest>>>,
        folder_path: Option<String>,
        jira: Value,
    ) -> Answer<Option<CreatePreconditionResult>> {
        let desk = Desk::of(context)?;
        let document = Document::read(desk, &jira).await?;
        let (named, versions) = hold::versioned(desk, test_issue_ids, tests).await?;
        hold::demand_current(&named.found, &versions)?;
        let path = read_path(folder_path.as_deref())?;
        let of_type = precondition_type.as_ref().map(PreconditionType::name);
        let content = GroupContent {
            name: document.summary.clone(),
            description: document.description.clone(),
            test_type: Some(of_type.transpose()?.unwrap_or(MANUAL).to_owned()),
            definition: long("definition", definition.as_deref())?,
        };
        let kind = (GroupKind::Precondition, path.as_ref());
        let group = create(desk, &document, &content, kind, &named).await?;
        Ok(Some(CreatePreconditionResult {
            precondition: Precondition(group),
            warnings: [document.warnings, named.warnings].concat(),
        }))
    }

    /// Changes a precondition; what is not named stays.
    async fn update_precondition(
        &self,
        context: &Context<'_>,
        issue_id: String,
        data: Option<PreconditionChange>,
    ) -> Answer<Option<Precondition>> {
        let desk = Desk::of(context)?;
        let (txn, mut group) = hold::group(desk, GroupKind::Precondition, &issue_id).await?;
        if let Some(data) = data {
            if let Some(given) = &data.precondition_type {
                group.content.test_type = Some(given.name()?.to_owned());
            }
            if data.definition.is_some() {
                group.content.definition = long("definition", data.definition.as_deref())?;
            }
            if let Some(path) = read_path(data.folder_path.as_deref())? {
                let item = [(group.id, false)];
                into_folder(&*txn, desk, group.project_id, &path, &item).await?;
            }
        }
        group.changed_ms = desk.now_ms;
        groups::put(&*txn, desk.site(), &group).await?;
        desk.commit(txn).await?;
        Ok(Some(Precondition(group)))
    }

    /// Deletes a test set; its tests stay.
    async fn delete_test_set(
        &self,
        context: &Context<'_>,
        issue_id: String,
    ) -> Answer<Option<String>> {
        delete(Desk::of(context)?, GroupKind::TestSet, &issue_id)
            .await
            .map(Some)
    }

    /// Deletes a precondition; its tests stay.
    async fn delete_precondition(
        &self,
        context: &Context<'_>,
        issue_id: String,
    ) -> Answer<Option<String>> {
        delete(Desk::of(context)?, GroupKind::Precondition, &issue_id)
            .await
            .map(Some)
    }

    /// Puts tests into a test set.
    async fn add_tests_to_test_set(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_issue_ids: Vec<Option<String>>,
    ) -> Answer<Option<AddedTests>> {
        let desk = Desk::of(context)?;
        let named = hold::tests(desk, Some(test_issue_ids)).await?;
        add_tests(desk, GroupKind::TestSet, &issue_id, named)
            .await
            .map(Some)
    }

    /// Gives a precondition to tests.
    async fn add_tests_to_precondition(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_issue_ids: Texts,
        tests: Option<Vec<Option<VersionedTest>>>,
    ) -> Answer<Option<AddedTests>> {
        let desk = Desk::of(context)?;
        let (named, versions) = hold::versioned(desk, test_issue_ids, tests).await?;
        hold::demand_current(&named.found, &versions)?;
        add_tests(desk, GroupKind::Precondition, &issue_id, named)
            .await
            .map(Some)
    }

    /// Takes tests out of a test set.
    async fn remove_tests_from_test_set(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_issue_ids: Vec<Option<String>>,
    ) -> Answer<Option<String>> {
        let desk = Desk::of(context)?;
        let named = hold::tests(desk, Some(test_issue_ids)).await?;
        remove_tests(desk, GroupKind::TestSet, &issue_id, &named)
            .await
            .map(Some)
    }

    /// Takes a precondition from tests.
    async fn remove_tests_from_precondition(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_issue_ids: Texts,
        tests: Option<Vec<Option<VersionedTest>>>,
    ) -> Answer<Option<String>> {
        let (desk, kind) = (Desk::of(context)?, GroupKind::Precondition);
        let (named, versions) = hold::versioned(desk, test_issue_ids, tests).await?;
        hold::demand_current(&named.found, &versions)?;
        remove_tests(desk, kind, &issue_id, &named).await.map(Some)
    }

    /// Puts a test into test sets.
    async fn add_test_sets_to_test(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_set_issue_ids: Vec<Option<String>>,
    ) -> Answer<Option<AddTestSetsResult>> {
        let kind = GroupKind::TestSet;
        let given = Some(test_set_issue_ids);
        let (added, warning) = add_to_test(Desk::of(context)?, kind, &issue_id, given).await?;
        Ok(Some(AddTestSetsResult {
            added_test_sets: added,
            warning,
        }))
    }

    /// Gives a test preconditions.
    async fn add_preconditions_to_test(
        &self,
        context: &Context<'_>,
        issue_id: String,
        precondition_issue_ids: Vec<Option<String>>,
        version_id: Option<i32>,
    ) -> Answer<Option<AddPreconditionsResult>> {
        let (desk, kind) = (Desk::of(context)?, GroupKind::Precondition);
        demand_version(desk, &issue_id, version_id).await?;
        let given = Some(precondition_issue_ids);
        let (added, warning) = add_to_test(desk, kind, &issue_id, given).await?;
        Ok(Some(AddPreconditionsResult {
            added_preconditions: added,
            warning,
        }))
    }

    /// Takes a test out of test sets.
    async fn remove_test_sets_from_test(
        &self,
        context: &Context<'_>,
        issue_id: String,
        test_set_issue_ids: Vec<Option<String>>,
    ) -> Answer<Option<String>> {
        let given = Some(test_set_issue_ids);
        remove_from_test(Desk::of(context)?, GroupKind::TestSet, &issue_id, given)
            .await
            .map(Some)
    }

    /// Takes preconditions from a test.
    async fn remove_preconditions_from_test(
        &self,
        context: &Context<'_>,
        issue_id: String,
        precondition_issue_ids: Vec<Option<String>>,
        version_id: Option<i32>,
    ) -> Answer<Option<String>> {
        let (desk, kind) = (Desk::of(context)?, GroupKind::Precondition);
        demand_version(desk, &issue_id, version_id).await?;
        let given = Some(precondition_issue_ids);
        remove_from_test(desk, kind, &issue_id, given)
            .await
            .map(Some)
    }
}

/// Refuses another version of a test than the one there is.
async fn demand_version(desk: &Desk, id: &str, version: Option<i32>) -> Answer<()> {
    let Some(version) = version else {
        return Ok(());
    };
    let test = find::test(desk, Some(id)).await?.0;
    if version == test.version {
        return Ok(());
    }
    Err(hold::only_current(&test.key, test.version))
}

async fn create(
    desk: &Desk,
    document: &Document,
    content: &GroupContent,
    (kind, path): (GroupKind, Option<&FolderPath>),
    tests: &Named<StoredTest>,
) -> Answer<Group> {
    let txn = desk.write().await?;
    let (site, by, now_ms) = (desk.site(), desk.by(), desk.now_ms);
    let project = projects::hold(&*txn, site, &document.project).await?;
    let group = create_group(&*txn, site, &project, kind, content, by, now_ms).await?;
    let ids: Vec<Uuid> = tests.found.iter().map(|test| test.id).collect();
    groups::add_tests(&*txn, site, &[group.id], &ids).await?;
    if let Some(path) = path {
        into_folder(&*txn, desk, project.id, path, &[(group.id, false)]).await?;
    }
    desk.commit(txn).await?;
    Ok(group)
}

async fn delete(desk: &Desk, kind: GroupKind, id: &str) -> Answer<String> {
    let (txn, group) = hold::group(desk, kind, id).await?;
    groups::delete(&*txn, desk.site(), group.id).await?;
    desk.commit(txn).await?;
    Ok(format!("{} is deleted.", group.key))
}

/// Which of these are on the other side of a membership already.
async fn held_among(desk: &Desk, kind: Kind, of: Of, ids: &[Uuid]) -> Answer<Vec<Uuid>> {
    let search = search::Search {
        kind,
        projects: &[],
        query: None,
        ids: Some(ids),
        project: None,
        of: &[of],
        start: 0,
        limit: i64::try_from(ids.len()).unwrap_or(i64::MAX),
    };
    Ok(search::find(desk.read(), desk.site(), &search).await?.ids)
}

async fn add_tests(
    desk: &Desk,
    kind: GroupKind,
    id: &str,
    mut named: Named<StoredTest>,
) -> Answer<AddedTests> {
    let (txn, group) = hold::group(desk, kind, id).await?;
    let all: Vec<Uuid> = named.found.iter().map(|test| test.id).collect();
    let held = held_among(desk, Kind::Test, Of::GroupTests(group.id), &all).await?;
    for test in named.found.iter().filter(|test| held.contains(&test.id)) {
        named
            .warnings
            .push(format!("{} is among its tests already.", test.key));
    }
    let new: Vec<Uuid> = all.into_iter().filter(|id| !held.contains(id)).collect();
    groups::add_tests(&*txn, desk.site(), &[group.id], &new).await?;
    desk.commit(txn).await?;
    Ok(AddedTests {
        added_tests: new.into_iter().map(ids::of).collect(),
        warning: warning(&named.warnings),
    })
}

async fn remove_tests(
    desk: &Desk,
    kind: GroupKind,
    id: &str,
    named: &Named<StoredTest>,
) -> Answer<String> {
    let (txn, group) = hold::group(desk, kind, id).await?;
    let tests: Vec<Uuid> = named.found.iter().map(|test| test.id).collect();
    groups::remove_tests(&*txn, desk.site(), &[group.id], &tests).await?;
    desk.commit(txn).await?;
    Ok(done(&named.warnings))
}

async fn add_to_test(
    desk: &Desk,
    kind: GroupKind,
    id: &str,
    given: Texts,
) -> Answer<(Vec<String>, Option<String>)> {
    let mut named = hold::groups_of(desk, kind, given).await?;
    let (txn, test) = hold::test(desk, id).await?;
    let all: Vec<Uuid> = named.found.iter().map(|group| group.id).collect();
    let held = held_among(desk, Kind::Group(kind), Of::TestGroups(test.id), &all).await?;
    for group in named.found.iter().filter(|group| held.contains(&group.id)) {
        named
            .warnings
            .push(format!("{} has {} already.", test.key, group.key));
    }
    let new: Vec<Uuid> = all.into_iter().filter(|id| !held.contains(id)).collect();
    groups::add_tests(&*txn, desk.site(), &new, &[test.id]).await?;
    desk.commit(txn).await?;
    Ok((
        new.into_iter().map(ids::of).collect(),
        warning(&named.warnings),
    ))
}

async fn remove_from_test(desk: &Desk, kind: GroupKind, id: &str, given: Texts) -> Answer<String> {
    let named = hold::groups_of(desk, kind, given).await?;
    let (txn, test) = hold::test(desk, id).await?;
    let groups: Vec<Uuid> = named.found.iter().map(|group| group.id).collect();
    groups::remove_tests(&*txn, desk.site(), &groups, &[test.id]).await?;
    desk.commit(txn).await?;
    Ok(done(&named.warnings))
}
