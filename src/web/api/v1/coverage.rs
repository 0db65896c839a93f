//! `GET /api/v1/issues/{KEY}/coverage?scope=latest|version:V|plan:P|sprint:S&environment=E`: the
//! status of an issue, why it is that one, and its tests. Takes an API client's token.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::auth::ApiCaller;
use super::query::Query;
use crate::app::App;
use crate::app::issue_coverage::{IssueCoverage, IssueRef, TestRow, of_issue};
use crate::domain::coverage::{Decider, DecidingRun, Excluded, Exclusion, Reason, Scope};
use crate::domain::issue::IssueKey;
use crate::problem::Problem;

/// Answers the coverage of one issue.
pub async fn show(
    caller: ApiCaller,
    request: HttpRequest,
    key: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    let key: IssueKey = key
        .parse()
        .map_err(|why| Problem::bad_request("That is no issue key.").because(why))?;
    caller.check_project(key.project())?;
    let query = Query::read(request.query_string(), &["scope", "environment"])?;
    let scope = scope(query.one("scope")?, query.one("environment")?)?;
    let (site, now_ms) = (caller.0.site, app.clock.now_ms());
    let issue = IssueRef::ByKey(key.as_str());
    let found = of_issue(&app.store, site, issue, &scope, now_ms).await?;
    let coverage = found.ok_or_else(|| {
        Problem::not_found(format!("{key} is not known here."))
            .detail("Touchstone knows issues it has had an event or a result for.")
    })?;
    caller.check_project(&coverage.issue.snapshot.project_key)?;
    Ok(HttpResponse::Ok().json(answer(&coverage)))
}

fn scope(text: Option<&str>, environment: Option<&str>) -> Result<Scope, Problem> {
    let text = text.unwrap_or("latest");
    Scope::named(text, environment).map_err(|why| {
        let text: String = text.chars().take(80).collect();
        Problem::bad_request(format!("`{text}` is no scope.")).detail(format!("Here {why}."))
    })
}

fn answer(coverage: &IssueCoverage) -> Value {
    let counts = coverage.counts;
    json!({
        "issue": {
            "key": coverage.issue.snapshot.key,
            "summary": coverage.issue.snapshot.summary,
        },
        "status": coverage.status.name(),
        "counts": {
            "tests": counts.total,
            "passed": counts.passed,
            "failed": counts.failed,
            "notRun": counts.not_run,
            "unknown": counts.unknown,
        },
        "reason": reason(&coverage.reason),
        "environments": coverage.environments,
        "tests": coverage.tests.iter().map(test).collect::<Vec<_>>(),
    })
}

fn reason(reason: &Reason) -> Value {
    let lines = reason.lines();
    json!({
        "sentence": reason.sentence().to_string(),
        "rule": reason.rule.name(),
        "scope": reason.scope.name(),
        "environment": reason.scope.environment,
        "decidedBy": reason.decided_by.iter().map(decider).collect::<Vec<_>>(),
        "excluded": reason.excluded.iter().map(excluded).collect::<Vec<_>>(),
        "lines": lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(),
        "computedMs": reason.computed_ms,
    })
}

fn decider(decider: &Decider) -> Value {
    json!({
        "test": decider.test_key,
        "status": decider.status.name(),
        "runs": decider.runs.iter().map(deciding_run).collect::<Vec<_>>(),
        "others": decider.others.iter().map(deciding_run).collect::<Vec<_>>(),
    })
}

fn deciding_run(run: &DecidingRun) -> Value {
    json!({
        "environment": named(&run.environment),
        "execution": run.execution_key,
        "run": run.number,
        "status": run.status.name(),
        "incomplete": run.is_incomplete,
        "finishedMs": run.finished_ms,
    })
}

fn excluded(excluded: &Excluded) -> Value {
    let run = match &excluded.why {
        Exclusion::Archived | Exclusion::NotInPlan => Value::Null,
        Exclusion::OutOfScope {
            execution_key,
            number,
            environments,
            status,
        } => json!({
            "environments": environments,
            "execution": execution_key,
            "run": number,
            "status": status.name(),
        }),
        Exclusion::NotFinal {
            execution_key,
            number,
            environment,
            status,
        } => json!({
            "environment": named(environment),
            "execution": execution_key,
            "run": number,
            "status": status.name(),
        }),
    };
    json!({ "test": excluded.test_key, "why": excluded.why.name(), "run": run })
}

/// The group of runs without an environment has no name.
fn named(environment: &str) -> Option<&str> {
    (!environment.is_empty()).then_some(environment)
}

fn test(row: &TestRow) -> Value {
    let picks = row.picks.iter().map(|pick| {
        json!({
            "name": named(&pick.environment),
            "status": pick.status.name(),
            "execution": pick.execution_key,
            "run": pick.number,
            "finishedMs": pick.finished_ms,
            "attempts": pick.attempts,
            "flaky": pick.is_flaky,
        })
    });
    let recent = row.recent.iter().map(|result| {
        json!({
            "status": result.status.name(),
            "execution": result.execution_key,
            "run": result.number,
            "finishedMs": result.finished_ms,
        })
    });
    let defects = row.defects.iter().map(|defect| {
        json!({
            "key": defect.key,
            "summary": defect.summary,
            "status": defect.status_name,
            "statusCategory": defect.status_category.key(),
            "deleted": defect.is_deleted,
        })
    });
    let marks = row.marks.iter().map(|mark| {
        json!({ "mark": mark.kind.name(), "issue": mark.issue_key, "sinceMs": mark.since_ms })
    });
    json!({
        "key": row.key,
        "name": row.name,
        "kind": row.kind.name(),
        "status": row.status.name(),
        "counted": row.exclusion.is_none(),
        "environments": picks.collect::<Vec<_>>(),
        "flaky": row.picks.iter().any(|pick| pick.is_flaky),
        "attempts": row.last_run.as_ref().map(|run| run.attempts),
        "lastRunMs": row.last_run.as_ref().map(|run| run.finished_ms),
        "execution": row.last_run.as_ref().map(|run| run.execution_key.as_str()),
        "message": row.message,
        "recent": recent.collect::<Vec<_>>(),
        "marks": marks.collect::<Vec<_>>(),
        "defects": defects.collect::<Vec<_>>(),
    })
}
