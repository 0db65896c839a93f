//! Issues of Jira that tests cover.

use std::sync::Arc;

use async_graphql::{Context, Object, SimpleObject};
use serde_json::Value;

use super::desk::{Answer, Desk, refused};
use super::jira::fields_of_issue;
use super::page::{Page, Part, Texts, rows, weight};
use super::query::find::{self, Search};
use super::test::{Test, scope};
use crate::app::issue_coverage::{IssueRef, find as find_linked, of_linked};
use crate::domain::coverage::CoverageStatus;
use crate::domain::issue::MirroredIssue;
use crate::store::search::Of;

/// An issue that tests can cover.
#[derive(Debug, Clone)]
pub(in crate::web::api::xray) struct CoverableIssue(pub MirroredIssue);

/// The status of an issue.
#[derive(Debug, SimpleObject)]
#[graphql(name = "CoverageStatus")]
pub(super) struct Status {
    /// Its name.
    name: &'static str,
    /// What it means.
    description: &'static str,
    /// Its colour.
    color: &'static str,
}

impl Status {
    const fn of(status: CoverageStatus) -> Self {
        let (description, color) = match status {
            CoverageStatus::Ok => ("Every test that counts has passed.", "#95c160"),
            CoverageStatus::Nok => ("A test that counts has failed.", "#d45d52"),
            CoverageStatus::NotRun => ("A test that counts has not passed yet.", "#f1e069"),
            CoverageStatus::Unknown => ("A result that counts cannot be trusted.", "#a2a6ae"),
            CoverageStatus::Uncovered => ("No test that counts covers it.", "#6693cf"),
            CoverageStatus::Exempt => ("A person said that it needs no test.", "#c1c7d0"),
        };
        Self {
            name: status.name(),
            description,
            color,
        }
    }
}

#[Object]
impl CoverableIssue {
    /// Jira's id of it.
    async fn issue_id(&self) -> String {
        self.0.snapshot.jira_id.to_string()
    }

    /// The tests that cover it.
    #[graphql(complexity = "weight(limit, child_complexity)")]
    async fn tests(
        &self,
        context: &Context<'_>,
        issue_ids: Texts,
        limit: Option<i32>,
        start: Option<i32>,
    ) -> Answer<Page<Test>> {
        let of = [Of::CoveringTests(self.0.id)];
        let search = Search::of(&of, rows(issue_ids)?, Part::read(limit, start)?);
        find::tests(Desk::of(context)?, search).await
    }

    /// What Jira says of it.
    async fn jira(&self, fields: Texts) -> Answer<Value> {
        fields_of_issue(&self.0, fields)
    }

    /// Its status: by all runs, or those of one environment, version or plan.
    async fn status(
        &self,
        context: &Context<'_>,
        environment: Option<String>,
        is_final: Option<bool>,
        version: Option<String>,
        test_plan: Option<String>,
    ) -> Answer<Status> {
        let desk = Desk::of(context)?;
        let scope = scope(desk, environment, version, test_plan).await?;
        let (store, site) = (&desk.app.store, desk.site());
        let issue = IssueRef::ByJiraId(self.0.snapshot.jira_id);
        let gone = || refused("The issue is not known here any more.");
        let mut linked = find_linked(store, site, issue, None)
            .await?
            .ok_or_else(gone)?;
        if let Some(is_final) = is_final {
            Arc::make_mut(&mut linked.settings)
                .coverage
                .final_precedence = is_final;
        }
        let coverage = of_linked(store, site, linked, &scope, desk.now_ms).await?;
        Ok(Status::of(coverage.ok_or_else(gone)?.status))
    }
}
