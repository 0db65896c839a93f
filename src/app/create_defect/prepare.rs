//! Gathers what a defect would say and what Jira would demand.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use super::screen::{AskedField, Screen};
use super::{DefectError, Request, facts, marker};
use crate::app::App;
use crate::domain::defect::{self, FailedRun};
use crate::domain::defect_settings::{DefectSettings, Reuse};
use crate::domain::issue::{IssueSnapshot, Named};
use crate::domain::plain_text;
use crate::domain::run::Effect;
use crate::domain::signature::Signature;
use crate::domain::site::{Site, SiteId};
use crate::domain::test::TestCase;
use crate::domain::work::{Block, DefectDraft, Wishes};
use crate::jira::permissions::Permission;
use crate::jira::{CreatedIssue, IssueType};
use crate::store::claim_tests::ClaimTest;
use crate::store::defects::NewDefectLink;
use crate::store::failed_runs::FoundRun;
use crate::store::open_defects::{self, OpenDefect};
use crate::store::{Conn, StoreError, defects, failed_runs, latest, settings, tests};

/// What the defect would say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The project it goes to.
    pub project_key: String,
    /// The name of its type.
    pub issue_type: String,
    /// Its summary; the person may change it.
    pub summary: String,
    /// Its description; the person may change it.
    pub description: String,
    /// Fields the person is asked for, the demanded ones first.
    pub fields: Vec<AskedField>,
    /// Fields that Jira demands and nobody can fill in here; with one of them it cannot be made here.
    pub missing_fields: Vec<String>,
    /// The open defect this failure has already, or that another test has for the same cause.
    pub existing: Option<String>,
    /// Open defects of the test for other failures: key and summary.
    pub others: Vec<(String, String)>,
}

/// Everything known before the first write.
pub(super) struct Prepared {
    project_key: String,
    issue_type: IssueType,
    summary: String,
    description: Vec<Block>,
    labels: Vec<String>,
    fields: BTreeMap<String, Value>,
    asked: Vec<AskedField>,
    missing_fields: Vec<String>,
    unaskable: Vec<String>,
    pub existing: Option<OpenDefect>,
    pub others: Vec<OpenDefect>,
    pub signature: Signature,
    pub cause: Option<Signature>,
    /// The failing run: its execution and number.
    pub run: (Uuid, i64),
}

impl From<Prepared> for Preview {
    fn from(prepared: Prepared) -> Self {
        let named = |one: OpenDefect| (one.key, one.summary);
        Self {
            project_key: prepared.project_key,
            issue_type: prepared.issue_type.name,
            summary: prepared.summary,
            description: plain_text::write(&prepared.description),
            fields: prepared.asked,
            missing_fields: prepared.unaskable,
            existing: prepared.existing.map(|one| one.key),
            others: prepared.others.into_iter().map(named).collect(),
        }
    }
}

pub(super) async fn prepare(
    app: &App,
    site: &Site,
    request: &Request<'_>,
) -> Result<Prepared, DefectError> {
    let on = app.store.read();
    let test = tests::by_id(on, site.id, request.test).await?;
    let test = test.ok_or(DefectError::UnknownTest)?;
    let (run, found) = failing_run(app, site, &test).await?;
    let (message, trace) = (found.message.as_deref(), found.trace.as_deref());
    let signature = Signature::of(test.id, message, trace);
    let cause = Signature::of_cause(message, trace);
    let of_project = settings::of_project(on, site.id, request.project_key).await?;
    let settings = &of_project.defect;
    let (existing, others) = known(on, site.id, &test, (signature, cause), run.0, settings).await?;

    let client = request.client(app, site);
    let project = client.project(request.project_key).await?;
    let may = Permission::CreateIssues {
        project: project.id,
    };
    if !app.jira.may(site, &request.asker(), may).await? {
        return Err(DefectError::NotAllowed(project.key));
    }
    let screen = Screen::of(&client, &project.key, &of_project).await?;
    let covered = defects::covered_by(on, site.id, &[test.id]).await?;
    let wishes = Wishes {
        priority: facts::worst(&covered),
        version: found.fix_version.clone(),
        covered_jira_id: facts::foremost(&covered),
    };
    let theirs = screen.covered(&client, settings, &wishes).await?;
    let suggested = screen.suggested(settings, &wishes, &theirs);
    let fields = match request.answers {
        Some(answers) => screen.answered(&suggested, &answers.fields)?,
        None => suggested,
    };
    let at_risk = facts::at_risk(site, &covered);
    let (summary, description) = texts(request, &test, &found, run.1, &at_risk);
    let kept = |id: &str| screen.field(id).is_some();
    Ok(Prepared {
        project_key: project.key,
        summary,
        description: if kept("description") {
            description
        } else {
            Vec::new()
        },
        labels: if kept("labels") {
            settings.labels.clone()
        } else {
            Vec::new()
        },
        asked: screen.asked(&fields, &theirs, settings),
        missing_fields: screen.missing(&fields, false),
        unaskable: screen.missing(&fields, true),
        fields,
        existing,
        others,
        signature,
        cause,
        run,
        issue_type: screen.issue_type,
    })
}

/// The open defect to use for a failure, and those that the test has for others.
async fn known(
    on: &impl Conn,
    site: SiteId,
    test: &TestCase,
    (signature, cause): (Signature, Option<Signature>),
    execution: Uuid,
    settings: &DefectSettings,
) -> Result<(Option<OpenDefect>, Vec<OpenDefect>), StoreError> {
    let mut own = open_defects::of_tests(on, site, &[test.id]).await?;
    let same = own.iter().position(|one| one.signature == Some(signature));
    if let Some(at) = same {
        return Ok((Some(own.swap_remove(at)), Vec::new()));
    }
    let within = match settings.reuse {
        Reuse::Never => return Ok((None, own)),
        Reuse::Execution => Some(execution),
        Reuse::Always => None,
    };
    let causes: Vec<Signature> = cause.into_iter().collect();
    let shared = open_defects::with_causes(on, site, &causes, within).await?;
    Ok((shared.into_iter().next(), own))
}

/// Summary and description: as the person left them, or the template's.
fn texts(
    request: &Request<'_>,
    test: &TestCase,
    found: &FoundRun,
    number: i64,
    at_risk: &[defect::IssueAtRisk],
) -> (String, Vec<Block>) {
    let (test_key, execution_key) = (test.key.to_string(), found.execution_key.to_string());
    let told = FailedRun {
        test_key: &test_key,
        test_name: &test.name,
        execution_key: &execution_key,
        number,
        environments: &found.environments,
        fix_version: found.fix_version.as_deref(),
        revision: found.revision.as_deref(),
        branch: found.branch.as_deref(),
        message: found.message.as_deref(),
        trace: found.trace.as_deref(),
    };
    let summary = match request.summary.map(defect::fit_summary) {
        Some(summary) if !summary.is_empty() => summary,
        _ => defect::summary(&told),
    };
    let template = defect::description(&told, &[], at_risk);
    let typed = request.answers.and_then(|one| one.description.as_deref());
    let description = match typed.map(|text| text.replace('\r', "")) {
        // What nobody touched keeps its emphasis.
        Some(text) if text.trim() != plain_text::write(&template).trim() => plain_text::read(&text),
        _ => template,
    };
    (summary, description)
}

/// The newest failing run of a test that is failing somewhere.
async fn failing_run(
    app: &App,
    site: &Site,
    test: &TestCase,
) -> Result<((Uuid, i64), FoundRun), DefectError> {
    let on = app.store.read();
    let not_failing = || DefectError::NotFailing(test.key.clone());
    let mut kept = latest::by_tests(on, site.id, &[test.id]).await?;
    let kept = kept.remove(&test.id).ok_or_else(not_failing)?;

    let settings = settings::of_project(on, site.id, &test.key.project).await?;
    let status = kept.status(&settings.coverage);
    let failing = status
        .picks
        .iter()
        .filter(|pick| pick.effect == Effect::Nok)
        .map(|pick| pick.run)
        .max_by_key(|run| run.finished_ms)
        .ok_or_else(not_failing)?;
    let run = (failing.execution_id, failing.number);
    let found = failed_runs::by_number(on, site.id, run.0, run.1).await?;
    Ok((run, found.ok_or_else(not_failing)?))
}

impl Prepared {
    /// Refuses when Jira would: better before anything is sent than after.
    pub(super) fn demand_fields(&self) -> Result<(), DefectError> {
        if self.missing_fields.is_empty() {
            return Ok(());
        }
        Err(DefectError::MissingFields {
            project: self.project_key.clone(),
            issue_type: self.issue_type.name.clone(),
            fields: self.missing_fields.clone(),
        })
    }

    pub(super) fn draft(&self, request: &Request<'_>) -> DefectDraft {
        DefectDraft {
            project_key: self.project_key.clone(),
            issue_type_id: self.issue_type.id.clone(),
            summary: self.summary.clone(),
            description: self.description.clone(),
            labels: self.labels.clone(),
            marker: marker(),
            creator: request.user_token.map(|_| request.account_id.to_owned()),
            fields: self.fields.clone(),
            wishes: Wishes::default(),
        }
    }

    /// The test as it waits for the defect.
    pub(super) fn waiting(&self, test_id: Uuid) -> ClaimTest {
        ClaimTest {
            test_id,
            run_number: self.run.1,
            signature: self.signature,
            cause: self.cause,
        }
    }

    pub(super) fn link<'a>(&self, request: &Request<'a>, issue: Uuid) -> NewDefectLink<'a> {
        NewDefectLink {
            test: request.test,
            issue,
            run: Some(self.run),
            signature: Some(self.signature),
            cause: self.cause,
            created_by: Some(request.account_id),
        }
    }

    /// What is known of the new issue without reading it; its creation's event tells the rest.
    pub(super) fn as_created(&self, created: &CreatedIssue) -> IssueSnapshot {
        IssueSnapshot {
            jira_id: created.id,
            key: created.key.clone(),
            project_key: self.project_key.clone(),
            issue_type: Named {
                id: self.issue_type.id.clone(),
                name: self.issue_type.name.clone(),
            },
            summary: self.summary.clone(),
            ..IssueSnapshot::default()
        }
    }
}
