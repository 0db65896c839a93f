//! What rules want looked up that takes more than they read: nothing here is sent to Jira.

use super::Failure;
use crate::app::App;
use crate::app::issue_coverage::{self, IssueRef};
use crate::app::readiness::{Asked, readiness};
use crate::app::run_rules;
use crate::domain::coverage::Scope;
use crate::domain::readiness::Target;
use crate::store::outbox::ClaimedWork;
use crate::store::readiness::{Ending, keep_ending, planning};

/// How an issue that is done is covered, for rule D11.
pub(super) async fn compare(app: &App, work: &ClaimedWork, issue: i64) -> Result<(), Failure> {
    let now_ms = app.clock.now_ms();
    let which = IssueRef::ByJiraId(issue);
    let scope = Scope::default();
    let found = issue_coverage::of_issue(&app.store, work.site, which, &scope, now_ms).await?;
    let Some(covered) = found else {
        return Ok(());
    };
    let told = (covered.status, covered.reason.sentence().to_string());
    let txn = app.store.write().await?;
    let told = (told.0, told.1.as_str());
    run_rules::on_done(
        &*txn,
        work.site,
        now_ms,
        covered.issue.id,
        told,
        &work.cause,
    )
    .await?;
    txn.commit().await?;
    Ok(())
}

/// Keeps how a version or a sprint stands, in every project that plans for it; returns in how many.
pub(super) async fn keep_readiness(
    app: &App,
    work: &ClaimedWork,
    id: &str,
    target: &str,
) -> Result<usize, Failure> {
    let target = Target::named(target).map_err(|why| Failure::Stuck(why.to_string()))?;
    let site = work.site;
    let mut count = 0;
    for project in planning(app.store.read(), site, &target, id).await? {
        let now_ms = app.clock.now_ms();
        let asked = Asked {
            project: &project,
            target: &target,
            environment: None,
        };
        let report = readiness(&app.store, site, asked, now_ms).await?;
        let ending = Ending {
            project_key: project.clone(),
            target: target.clone(),
            cause: work.cause.clone(),
            at_ms: now_ms,
            verdict: report.judgement().verdict,
            measures: report.measures(),
        };
        let txn = app.store.write().await?;
        count += usize::from(keep_ending(&*txn, site, &ending).await?);
        txn.commit().await?;
    }
    Ok(count)
}
