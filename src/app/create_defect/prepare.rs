//! Gathers what a defect would say and what Jira would demand.

use uuid::Uuid;

use super::{DefectError, Request, marker};
use crate::app::App;
use crate::domain::defect::{self, FailedRun, IssueAtRisk};
use crate::domain::issue::{IssueSnapshot, Named};
use crate::domain::run::Effect;
use crate::domain::signature::Signature;
use crate::domain::site::Site;
use crate::domain::test::TestCase;
use crate::domain::work::{Block, DefectDraft};
use crate::jira::permissions::Permission;
use crate::jira::{CreateField, CreatedIssue, IssueType, SiteClient};
use crate::store::defects::NewDefectLink;
use crate::store::failed_runs::FoundRun;
use crate::store::{defects, failed_runs, latest, settings, tests};

/// Label of every issue the app makes.
const LABEL: &str = "touchstone";
/// Fields the app fills, or that Jira fills with the app's own account.
const FILLED: [&str; 6] = [
    "project",
    "issuetype",
    "summary",
    "description",
    "labels",
    "reporter",
];

/// What the defect would say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The project it goes to.
    pub project_key: String,
    /// The name of its type.
    pub issue_type: String,
    /// Its summary; the person may change it.
    pub summary: String,
    /// Its description.
    pub description: Vec<Block>,
    /// Fields that Jira demands and the app cannot fill; with one of them it cannot be made here.
    pub missing_fields: Vec<String>,
    /// The open defect this failure has already.
    pub existing: Option<String>,
}

/// Everything known before the first write.
pub(super) struct Prepared {
    project_key: String,
    issue_type: IssueType,
    summary: String,
    description: Vec<Block>,
    missing_fields: Vec<String>,
    has_labels: bool,
    pub existing: Option<String>,
    pub signature: Signature,
    /// The failing run: its execution and number.
    pub run: (Uuid, i64),
}

impl From<Prepared> for Preview {
    fn from(prepared: Prepared) -> Self {
        Self {
            project_key: prepared.project_key,
            issue_type: prepared.issue_type.name,
            summary: prepared.summary,
            description: prepared.description,
            missing_fields: prepared.missing_fields,
            existing: prepared.existing,
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
    let existing = defects::open_with_signature(on, site.id, test.id, signature).await?;

    let client = request.client(app, site);
    let project = client.project(request.project_key).await?;
    let may = Permission::CreateIssues {
        project: project.id,
    };
    if !app.jira.may(site, &request.asker(), may).await? {
        return Err(DefectError::NotAllowed(project.key));
    }
    let issue_type = defect_type(app, site, &client, &project.key).await?;
    let fields = client.create_fields(&project.key, &issue_type.id).await?;

    let at_risk: Vec<IssueAtRisk> = defects::covered_by(on, site.id, test.id)
        .await?
        .into_iter()
        .map(|issue| IssueAtRisk {
            href: format!("{}/browse/{}", site.link_base(), issue.key),
            key: issue.key,
            summary: issue.summary,
        })
        .collect();
    let (test_key, execution_key) = (test.key.to_string(), found.execution_key.to_string());
    let told = FailedRun {
        test_key: &test_key,
        test_name: &test.name,
        execution_key: &execution_key,
        number: run.1,
        environments: &found.environments,
        fix_version: found.fix_version.as_deref(),
        revision: found.revision.as_deref(),
        branch: found.branch.as_deref(),
        message,
        trace,
    };
    let summary = match request.summary.map(defect::fit_summary) {
        Some(summary) if !summary.is_empty() => summary,
        _ => defect::summary(&told),
    };
    let has = |name: &str| fields.iter().any(|field| field.field_id == name);
    let description = if has("description") {
        defect::description(&told, &at_risk)
    } else {
        Vec::new()
    };
    Ok(Prepared {
        project_key: project.key,
        issue_type,
        summary,
        description,
        has_labels: has("labels"),
        missing_fields: missing(&fields),
        existing: existing.map(|(_, key)| key),
        signature,
        run,
    })
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

/// The first configured defect type that the project has.
async fn defect_type(
    app: &App,
    site: &Site,
    client: &SiteClient<'_>,
    project_key: &str,
) -> Result<IssueType, DefectError> {
    let settings = settings::of_project(app.store.read(), site.id, project_key).await?;
    let offered = client.issue_types(project_key).await?;
    let named = |name: &str| {
        let name = name.to_lowercase();
        let mut offered = offered.iter().filter(|one| !one.is_subtask);
        offered.find(|one| one.name.to_lowercase() == name).cloned()
    };
    let found = settings.defects.iter().find_map(named);
    found.ok_or_else(|| DefectError::NoDefectType {
        project: project_key.to_owned(),
        wanted: settings.defects.iter().collect::<Vec<_>>().join(" or "),
    })
}

fn missing(fields: &[CreateField]) -> Vec<String> {
    fields
        .iter()
        .filter(|field| field.is_required && !field.has_default_value)
        .filter(|field| !FILLED.contains(&field.field_id.as_str()))
        .map(|field| field.name.clone())
        .collect()
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
            labels: if self.has_labels {
                vec![LABEL.to_owned()]
            } else {
                Vec::new()
            },
            marker: marker(),
            creator: request.user_token.map(|_| request.account_id.to_owned()),
        }
    }

    pub(super) fn link<'a>(&self, request: &Request<'a>, issue: Uuid) -> NewDefectLink<'a> {
        NewDefectLink {
            test: request.test,
            issue,
            run: Some(self.run),
            signature: Some(self.signature),
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
