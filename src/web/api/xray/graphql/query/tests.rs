//! Questions about tests.

use async_graphql::{Context, InputObject, Object};

use super::super::desk::{Answer, Desk, refused};
use super::super::expanded::{ExpandedTest, expand};
use super::super::page::{Page, Part, Texts, rows, texts, weight};
use super::super::test::{Test, WantedType};
use super::find::{self, Search};
use super::since;
use crate::domain::folder::FolderPath;
use crate::store::search::Of;

/// In which folder tests are looked for.
#[derive(Debug, InputObject)]
#[graphql(name = "FolderSearchInput")]
struct WantedFolder {
    path: String,
    test_plan_id: Option<String>,
    include_descendants: Option<bool>,
}

/// A test, in a version.
#[derive(Debug, InputObject)]
#[graphql(name = "TestWithVersionInput")]
pub(in crate::web::api::xray) struct VersionedTest {
    pub issue_id: Option<String>,
    pub version_id: Option<i32>,
}

/// What is looked for.
#[derive(Default)]
struct Wanted {
    jql: Option<String>,
    issue_ids: Texts,
    project_id: Option<String>,
    test_type: Option<WantedType>,
    modified_since: Option<String>,
    folder: Option<WantedFolder>,
}

impl Wanted {
    async fn find(self, desk: &Desk, part: Part) -> Answer<Page<Test>> {
        let mut of: Vec<Of> = since(self.modified_since.as_deref())?.into_iter().collect();
        if let Some(wanted) = self.test_type {
            of.push(find::of_type(wanted.name()?));
        }
        let project = self.project_id.as_deref();
        if let Some(folder) = self.folder {
            let plan = folder.test_plan_id.as_deref();
            let owner = find::owner(desk, project, plan).await?;
            let path = FolderPath::parse(&folder.path).map_err(|why| refused(why.to_string()))?;
            let is_deep = folder.include_descendants.unwrap_or(false);
            of.extend(plan.map(|_| Of::PlanTests(owner.id)));
            of.push(Of::Folder(owner.id, path, is_deep));
        }
        let search = Search {
            jql: self.jql.as_deref(),
            project,
            ..Search::of(&of, rows(self.issue_ids)?, part)
        };
        find::tests(desk, search).await
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct TestQuery;

#[Object]
impl TestQuery {
    /// A test.
    async fn get_test(
        &self,
        context: &Context<'_>,
        issue_id: Option<String>,
    ) -> Answer<Option<Test>> {
        find::test(Desk::of(context)?, issue_id.as_deref())
            .await
            .map(Some)
    }

    /// Tests.
    #[expect(clippy::too_many_arguments, reason = "clients know these")]
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn get_tests(
        &self,
        context: &Context<'_>,
        jql: Option<String>,
        issue_ids: Texts,
        project_id: Option<String>,
        test_type: Option<WantedType>,
        modified_since: Option<String>,
        limit: Option<i32>,
        start: Option<i32>,
        folder: Option<WantedFolder>,
    ) -> Answer<Option<Page<Test>>> {
        let part = Part::read(limit, start)?;
        let wanted = Wanted {
            jql,
            issue_ids,
            project_id,
            test_type,
            modified_since,
            folder,
        };
        wanted.find(Desk::of(context)?, part).await.map(Some)
    }

    /// A test with the steps of the tests that it calls, in its version now or another.
    async fn get_expanded_test(
        &self,
        context: &Context<'_>,
        issue_id: String,
        version_id: Option<i32>,
    ) -> Answer<Option<ExpandedTest>> {
        let desk = Desk::of(context)?;
        let test = find::test(desk, Some(&issue_id)).await?.0;
        let expanded = expand(desk, vec![(test, version_id)]).await?.pop();
        expanded
            .ok_or_else(|| refused("The test was deleted a moment ago."))
            .map(Some)
    }

    /// Tests with the steps of the tests that they call; those named by `tests` in that version.
    #[expect(clippy::too_many_arguments, reason = "clients know these")]
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn get_expanded_tests(
        &self,
        context: &Context<'_>,
        jql: Option<String>,
        issue_ids: Texts,
        project_id: Option<String>,
        test_type: Option<WantedType>,
        modified_since: Option<String>,
        limit: Option<i32>,
        start: Option<i32>,
        tests: Option<Vec<Option<VersionedTest>>>,
        folder: Option<WantedFolder>,
    ) -> Answer<Option<Page<ExpandedTest>>> {
        let (desk, part) = (Desk::of(context)?, Part::read(limit, start)?);
        let tests: Vec<VersionedTest> = tests.into_iter().flatten().flatten().collect();
        let named = tests.iter().map(|test| test.issue_id.clone());
        let named: Vec<String> = named
            .flatten()
            .chain(texts(issue_ids)?.unwrap_or_default())
            .collect();
        let issue_ids = (!named.is_empty()).then(|| named.into_iter().map(Some).collect());
        let wanted = Wanted {
            jql,
            issue_ids,
            project_id,
            test_type,
            modified_since,
            folder,
        };
        let found = wanted.find(desk, part).await?;
        let version = |test: &Test| {
            let id = super::super::super::ids::of(test.0.id);
            let named = tests
                .iter()
                .find(|one| one.issue_id.as_deref() == Some(&*id));
            named.and_then(|one| one.version_id)
        };
        let wanted = found.results.into_iter();
        let wanted = wanted.map(|test| (test.0.clone(), version(&test)));
        Ok(Some(
            part.page(found.total, expand(desk, wanted.collect()).await?),
        ))
    }
}
