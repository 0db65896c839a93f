//! Changes of folders, and of what lies in them.

use async_graphql::{Context, Object, SimpleObject};
use uuid::Uuid;

use super::super::desk::{Answer, Desk, refused};
use super::super::folder::{SimpleFolderResults, Tree};
use super::super::page::Texts;
use super::super::query::find::{self, Owner, demand_folder};
use super::hold::{self, Named};
use super::plans::done;
use crate::domain::folder::FolderPath;
use crate::domain::keys::GroupKind;
use crate::store::{Conn, Txn, folders, plans, projects};

/// A folder after a change.
#[derive(Debug, SimpleObject)]
struct ActionFolderResult {
    folder: SimpleFolderResults,
    warnings: Vec<String>,
}

/// Puts tests or preconditions into a folder, which is made if it is not there.
pub(super) async fn into_folder(
    on: &impl Conn,
    desk: &Desk,
    owner: Uuid,
    path: &FolderPath,
    items: &[(Uuid, bool)],
) -> Answer<()> {
    folders::create(on, desk.site(), owner, path, desk.now_ms).await?;
    folders::put(on, desk.site(), owner, path, items).await?;
    Ok(())
}

fn read_path(text: &str) -> Answer<FolderPath> {
    FolderPath::parse(text).map_err(|why| refused(why.to_string()))
}

/// What is said of a place within a folder.
fn unordered(index: Option<i32>) -> Vec<String> {
    let said = "`index` was passed over: folders are in the order of their names here, tests in that of \
                their keys.";
    index.map(|_| said.to_owned()).into_iter().collect()
}

/// A project's or a plan's folders, held.
async fn held(desk: &Desk, project: Option<&str>, test_plan: Option<&str>) -> Answer<(Txn, Owner)> {
    let owner = find::owner(desk, project, test_plan).await?;
    let txn = desk.write().await?;
    projects::hold(&*txn, desk.site(), &owner.project).await?;
    Ok((txn, owner))
}

async fn shown(
    desk: &Desk,
    owner: &Owner,
    path: &FolderPath,
    warnings: Vec<String>,
) -> Answer<ActionFolderResult> {
    let tree = Tree::read(desk, owner.id).await?;
    Ok(ActionFolderResult {
        folder: tree.simple(path),
        warnings,
    })
}

/// What ids name that can lie in a folder: tests, and in a project's folder preconditions.
async fn items(
    desk: &Desk,
    owner: &Owner,
    tests: Texts,
    either: Texts,
) -> Answer<Named<(Uuid, bool)>> {
    let named = hold::tests(desk, tests).await?;
    let named = named.of_project(&owner.project, hold::test_name);
    let mut found: Vec<_> = named.found.iter().map(|test| (test.id, true)).collect();
    let mut warnings = named.warnings;
    if let Some(either) = either {
        let some_tests = hold::tests(desk, Some(either.clone())).await?;
        let kind = GroupKind::Precondition;
        let some_conditions = hold::groups_of(desk, kind, Some(either)).await?;
        // What the one search does not find the other may.
        let neither = some_tests
            .warnings
            .iter()
            .filter(|why| some_conditions.warnings.contains(why));
        warnings.extend(neither.cloned());
        let of_here = |key: &str| key == owner.project;
        let tests = some_tests
            .found
            .iter()
            .filter(|test| of_here(&test.key.project));
        found.extend(tests.map(|test| (test.id, true)));
        let conditions = some_conditions.found.iter();
        let conditions = conditions.filter(|group| of_here(&group.key.project) && !owner.is_plan);
        found.extend(conditions.map(|group| (group.id, false)));
    }
    Ok(Named { found, warnings })
}

/// Puts tests into the plan whose folder they are to lie in; those that are in it stay.
async fn plan_tests(
    on: &impl Conn,
    desk: &Desk,
    owner: &Owner,
    named: &Named<(Uuid, bool)>,
) -> Answer<()> {
    if !owner.is_plan {
        return Ok(());
    }
    let ids: Vec<Uuid> = named.found.iter().map(|(id, _)| *id).collect();
    plans::add_tests(on, desk.site(), owner.id, &ids).await?;
    Ok(())
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct FolderMutation;

#[Object]
impl FolderMutation {
    /// Makes a folder, and those it lies in.
    async fn create_folder(
        &self,
        context: &Context<'_>,
        project_id: Option<String>,
        test_plan_id: Option<String>,
        path: String,
        test_issue_ids: Texts,
        issue_ids: Texts,
    ) -> Answer<Option<ActionFolderResult>> {
        let (desk, path) = (Desk::of(context)?, read_path(&path)?);
        let owner = find::owner(desk, project_id.as_deref(), test_plan_id.as_deref()).await?;
        let named = items(desk, &owner, test_issue_ids, issue_ids).await?;
        let (txn, owner) = held(desk, project_id.as_deref(), test_plan_id.as_deref()).await?;
        let (site, now_ms) = (desk.site(), desk.now_ms);
        if !folders::create(&*txn, site, owner.id, &path, now_ms).await? {
            return Err(refused(format!("There is a folder `{path}` already.")));
        }
        plan_tests(&*txn, desk, &owner, &named).await?;
        folders::put(&*txn, site, owner.id, &path, &named.found).await?;
        desk.commit(txn).await?;
        shown(desk, &owner, &path, named.warnings).await.map(Some)
    }

    /// Deletes a folder with those below it; what lay in them lies in the root then.
    async fn delete_folder(
        &self,
        context: &Context<'_>,
        project_id: Option<String>,
        test_plan_id: Option<String>,
        path: String,
    ) -> Answer<Option<String>> {
        let (desk, path) = (Desk::of(context)?, read_path(&path)?);
        let (txn, owner) = held(desk, project_id.as_deref(), test_plan_id.as_deref()).await?;
        if path.is_root() {
            return Err(refused("The root is no folder that could be deleted."));
        }
        demand_folder(&*txn, desk.site(), owner.id, &path).await?;
        folders::delete(&*txn, desk.site(), owner.id, &path).await?;
        desk.commit(txn).await?;
        Ok(Some(format!("The folder {path} is deleted.")))
    }

    /// Gives a folder another name.
    async fn rename_folder(
        &self,
        context: &Context<'_>,
        project_id: Option<String>,
        test_plan_id: Option<String>,
        path: String,
        new_name: String,
    ) -> Answer<Option<ActionFolderResult>> {
        let (desk, path) = (Desk::of(context)?, read_path(&path)?);
        let (txn, owner) = held(desk, project_id.as_deref(), test_plan_id.as_deref()).await?;
        let parent = path
            .parent()
            .ok_or_else(|| refused("The root has no name."))?;
        let to = parent
            .child(&new_name)
            .map_err(|why| refused(why.to_string()))?;
        relocate(&*txn, desk, &owner, (&path, &to)).await?;
        desk.commit(txn).await?;
        shown(desk, &owner, &to, Vec::new()).await.map(Some)
    }

    /// Moves a folder into another.
    async fn move_folder(
        &self,
        context: &Context<'_>,
        project_id: Option<String>,
        test_plan_id: Option<String>,
        path: String,
        destination_path: String,
        index: Option<i32>,
    ) -> Answer<Option<ActionFolderResult>> {
        let (desk, path) = (Desk::of(context)?, read_path(&path)?);
        let into = read_path(&destination_path)?;
        let (txn, owner) = held(desk, project_id.as_deref(), test_plan_id.as_deref()).await?;
        if path.is_root() || path.holds(&into) {
            return Err(refused("A folder cannot be moved into itself."));
        }
        demand_folder(&*txn, desk.site(), owner.id, &into).await?;
        let to = into
            .child(path.name())
            .map_err(|why| refused(why.to_string()))?;
        relocate(&*txn, desk, &owner, (&path, &to)).await?;
        desk.commit(txn).await?;
        shown(desk, &owner, &to, unordered(index)).await.map(Some)
    }

    /// Puts tests into a folder.
    async fn add_tests_to_folder(
        &self,
        context: &Context<'_>,
        project_id: Option<String>,
        test_plan_id: Option<String>,
        path: String,
        test_issue_ids: Vec<Option<String>>,
        index: Option<i32>,
    ) -> Answer<Option<ActionFolderResult>> {
        let owner = (project_id.as_deref(), test_plan_id.as_deref());
        let named = (Some(test_issue_ids), None);
        add(Desk::of(context)?, owner, &path, named, index)
            .await
            .map(Some)
    }

    /// Puts tests and preconditions into a folder.
    async fn add_issues_to_folder(
        &self,
        context: &Context<'_>,
        project_id: String,
        path: String,
        issue_ids: Vec<Option<String>>,
        index: Option<i32>,
    ) -> Answer<Option<ActionFolderResult>> {
        let owner = (Some(project_id.as_str()), None);
        let named = (None, Some(issue_ids));
        add(Desk::of(context)?, owner, &path, named, index)
            .await
            .map(Some)
    }

    /// Takes tests out of the folder they are in.
    async fn remove_tests_from_folder(
        &self,
        context: &Context<'_>,
        project_id: Option<String>,
        test_plan_id: Option<String>,
        test_issue_ids: Vec<Option<String>>,
    ) -> Answer<Option<String>> {
        let owner = (project_id.as_deref(), test_plan_id.as_deref());
        remove(Desk::of(context)?, owner, Some(test_issue_ids), None)
            .await
            .map(Some)
    }

    /// Takes tests and preconditions out of the folder they are in.
    async fn remove_issues_from_folder(
        &self,
        context: &Context<'_>,
        project_id: String,
        issue_ids: Vec<Option<String>>,
    ) -> Answer<Option<String>> {
        let owner = (Some(project_id.as_str()), None);
        remove(Desk::of(context)?, owner, None, Some(issue_ids))
            .await
            .map(Some)
    }

    /// Puts a test into a folder of its project.
    async fn update_test_folder(
        &self,
        context: &Context<'_>,
        issue_id: String,
        folder_path: String,
    ) -> Answer<Option<String>> {
        let (desk, path) = (Desk::of(context)?, read_path(&folder_path)?);
        let (txn, test) = hold::test(desk, &issue_id).await?;
        demand_folder(&*txn, desk.site(), test.project_id, &path).await?;
        into_folder(&*txn, desk, test.project_id, &path, &[(test.id, true)]).await?;
        desk.commit(txn).await?;
        Ok(Some(format!("{} is in {path}.", test.key)))
    }

    /// Puts a precondition into a folder of its project.
    async fn update_precondition_folder(
        &self,
        context: &Context<'_>,
        issue_id: String,
        folder_path: String,
    ) -> Answer<Option<String>> {
        let (desk, path) = (Desk::of(context)?, read_path(&folder_path)?);
        let (txn, group) = hold::group(desk, GroupKind::Precondition, &issue_id).await?;
        demand_folder(&*txn, desk.site(), group.project_id, &path).await?;
        into_folder(&*txn, desk, group.project_id, &path, &[(group.id, false)]).await?;
        desk.commit(txn).await?;
        Ok(Some(format!("{} is in {path}.", group.key)))
    }
}

/// Gives a folder another path, which must be free.
async fn relocate(
    on: &impl Conn,
    desk: &Desk,
    owner: &Owner,
    (from, to): (&FolderPath, &FolderPath),
) -> Answer<()> {
    demand_folder(on, desk.site(), owner.id, from).await?;
    if from == to {
        return Ok(());
    }
    if folders::exists(on, desk.site(), owner.id, to).await? {
        return Err(refused(format!("There is a folder `{to}` already.")));
    }
    folders::rename(on, desk.site(), owner.id, (from, to)).await?;
    Ok(())
}

async fn add(
    desk: &Desk,
    (project, test_plan): (Option<&str>, Option<&str>),
    path: &str,
    (tests, either): (Texts, Texts),
    index: Option<i32>,
) -> Answer<ActionFolderResult> {
    let path = read_path(path)?;
    let owner = find::owner(desk, project, test_plan).await?;
    let named = items(desk, &owner, tests, either).await?;
    let (txn, owner) = held(desk, project, test_plan).await?;
    demand_folder(&*txn, desk.site(), owner.id, &path).await?;
    plan_tests(&*txn, desk, &owner, &named).await?;
    folders::put(&*txn, desk.site(), owner.id, &path, &named.found).await?;
    desk.commit(txn).await?;
    let warnings = [named.warnings, unordered(index)].concat();
    shown(desk, &owner, &path, warnings).await
}

async fn remove(
    desk: &Desk,
    (project, test_plan): (Option<&str>, Option<&str>),
    tests: Texts,
    either: Texts,
) -> Answer<String> {
    let owner = find::owner(desk, project, test_plan).await?;
    let named = items(desk, &owner, tests, either).await?;
    let (txn, owner) = held(desk, project, test_plan).await?;
    let ids: Vec<Uuid> = named.found.iter().map(|(id, _)| *id).collect();
    folders::take_out(&*txn, desk.site(), owner.id, &ids).await?;
    desk.commit(txn).await?;
    Ok(done(&named.warnings))
}
