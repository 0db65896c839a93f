//! Questions about tests.

use async_graphql::{Context, InputObject, Object};

use super::super::desk::{Answer, Desk, refused};
use super::super::page::{Page, Part, Texts, rows, weight};
use super::super::test::{Test, WantedType};
use super::find::{self, Search};
use super::since;
use crate::domain::folder::FolderPath;
use crate::domain::test::{GENERIC, MANUAL, TestKind};
use crate::store::search::Of;

/// In which folder tests are looked for.
#[derive(Debug, InputObject)]
#[graphql(name = "FolderSearchInput")]
struct WantedFolder {
    path: String,
    test_plan_id: Option<String>,
    include_descendants: Option<bool>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct TestQuery;

#[Object]
impl TestQuery {
    /// A test.
    async fn get_test(&self, context: &Context<'_>, issue_id: Option<String>) -> Answer<Test> {
        find::test(Desk::of(context)?, issue_id.as_deref()).await
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
    ) -> Answer<Page<Test>> {
        let desk = Desk::of(context)?;
        let mut of: Vec<Of> = since(modified_since.as_deref())?.into_iter().collect();
        if let Some(wanted) = test_type {
            let name = wanted.name()?;
            let kind = match name {
                MANUAL => Some(TestKind::Manual.code()),
                GENERIC => Some(TestKind::Automated.code()),
                _ => None,
            };
            of.push(Of::TestType(name.to_owned(), kind));
        }
        if let Some(folder) = folder {
            let plan = folder.test_plan_id.as_deref();
            let owner = find::owner(desk, project_id.as_deref(), plan).await?;
            let path = FolderPath::parse(&folder.path).map_err(|why| refused(why.to_string()))?;
            let is_deep = folder.include_descendants.unwrap_or(false);
            of.extend(plan.map(|_| Of::PlanTests(owner.id)));
            of.push(Of::Folder(owner.id, path, is_deep));
        }
        let search = Search {
            jql: jql.as_deref(),
            project: project_id.as_deref(),
            ..Search::of(&of, rows(issue_ids)?, Part::read(limit, start)?)
        };
        find::tests(desk, search).await
    }
}
