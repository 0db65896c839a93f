//! What clients ask of issues when Jira's address is set to ours: searches, one issue, changes.
//!
//! What is kept here (tests, executions, plans, sets, preconditions) is answered and changed here. An
//! issue of Jira is answered from the mirror, and only as the client's projects allow; what is to change
//! in it goes to Jira by the outbox, like everything else does (`of_jira`).

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::auth::XrayCaller;
use super::super::graphql::change::document::{Document, long};
use super::super::graphql::desk::{Answer, Desk, Failure, refused};
use super::super::graphql::execution::TestExecution;
use super::super::graphql::group::told;
use super::super::graphql::jira::fields_of_issue;
use super::super::graphql::page::Texts;
use super::super::graphql::plan::TestPlan;
use super::super::graphql::query::find;
use super::super::graphql::test_facts::TestFacts;
use super::super::ids;
use super::of_jira;
use crate::app::App;
use crate::app::edit_execution::{create_execution, edit_execution};
use crate::app::edit_group::create_group;
use crate::app::edit_plan::create_plan;
use crate::app::edit_test::{Surroundings, create_test, edit_test};
use crate::domain::execution::{Execution, Particulars};
use crate::domain::issue::MirroredIssue;
use crate::domain::jql;
use crate::domain::keys::GroupKind;
use crate::domain::test::TestContent;
use crate::problem::Problem;
use crate::store::groups::{Group, GroupContent};
use crate::store::plans::Plan;
use crate::store::search::{self, Kind};
use crate::store::stored_tests::StoredTest;
use crate::store::{executions, groups, issues, plans, projects, stored_tests};

/// What a key can name, in the order in which a search tells of it.
pub(super) const KINDS: [Kind; 6] = [
    Kind::Test,
    Kind::Execution,
    Kind::Plan,
    Kind::Group(GroupKind::TestSet),
    Kind::Group(GroupKind::Precondition),
    Kind::Issue,
];

/// What a key names.
pub(super) enum Thing {
    Test(StoredTest),
    Execution(Execution),
    Plan(Plan),
    Group(Group),
    Issue(MirroredIssue),
}

impl Thing {
    /// What this key or id names, of what the client may see.
    pub async fn named(desk: &Desk, key: &str) -> Answer<Self> {
        for kind in KINDS {
            let Some(id) = find::keyed(desk, kind, key).await? else {
                continue;
            };
            if let Some(found) = Self::all(desk, kind, &[id]).await?.pop() {
                return Ok(found);
            }
        }
        let short: String = key.chars().take(80).collect();
        Err(Problem::not_found(format!("There is no issue `{short}`.")).into())
    }

    /// The things of a kind with these ids, in that order.
    async fn all(desk: &Desk, kind: Kind, wanted: &[Uuid]) -> Answer<Vec<Self>> {
        let (on, site) = (desk.read(), desk.site());
        let mut found: std::collections::HashMap<Uuid, Self> = match kind {
            Kind::Test => {
                let all = stored_tests::by_ids(on, site, wanted).await?;
                all.into_iter()
                    .map(|(id, one)| (id, Self::Test(one)))
                    .collect()
            }
            Kind::Execution => {
                let all = executions::by_ids(on, site, wanted).await?;
                all.into_iter()
                    .map(|(id, one)| (id, Self::Execution(one)))
                    .collect()
            }
            Kind::Plan => {
                let all = plans::by_ids(on, site, wanted).await?;
                all.into_iter()
                    .map(|(id, one)| (id, Self::Plan(one)))
                    .collect()
            }
            Kind::Group(_) => {
                let all = groups::by_ids(on, site, wanted).await?;
                all.into_iter()
                    .map(|(id, one)| (id, Self::Group(one)))
                    .collect()
            }
            Kind::Issue => {
                let all = issues::by_ids(on, site, wanted).await?;
                all.into_iter()
                    .map(|(id, one)| (id, Self::Issue(one)))
                    .collect()
            }
        };
        Ok(wanted.iter().filter_map(|id| found.remove(id)).collect())
    }

    fn id_and_key(&self) -> (String, String) {
        match self {
            Self::Test(test) => (ids::of(test.id), test.key.to_string()),
            Self::Execution(one) => (ids::of(one.id), one.key.to_string()),
            Self::Plan(plan) => (ids::of(plan.id), plan.key.to_string()),
            Self::Group(group) => (ids::of(group.id), group.key.to_string()),
            Self::Issue(issue) => {
                let it = &issue.snapshot;
                (it.jira_id.to_string(), it.key.clone())
            }
        }
    }

    /// As Jira shows an issue, with these fields.
    async fn shown(self, desk: &Desk, fields: Texts) -> Answer<Value> {
        let (id, key) = self.id_and_key();
        let fields = match self {
            Self::Test(test) => TestFacts(test).told(desk, fields).await?,
            Self::Execution(one) => TestExecution(one).told(desk, fields).await?,
            Self::Plan(plan) => TestPlan(plan).told(desk, fields).await?,
            Self::Group(group) => told(&group, desk, fields).await?,
            Self::Issue(issue) => fields_of_issue(&issue, fields)?,
        };
        Ok(json!({ "id": id, "key": key, "self": address(desk, &id), "fields": fields }))
    }
}

/// Where something is found here as an issue.
fn address(desk: &Desk, id: &str) -> String {
    format!("{}/xray/rest/api/2/issue/{id}", desk.base_url())
}

/// `GET …/issuetype`: the types of what is kept here.
pub async fn types(_: XrayCaller) -> Answer<HttpResponse> {
    let names = KINDS.iter().filter_map(|kind| kind.issue_type());
    let one = |name: &str| json!({ "id": name, "name": name, "subtask": false });
    Ok(HttpResponse::Ok().json(names.map(one).collect::<Value>()))
}

/// What a search is asked for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    #[serde(default)]
    jql: String,
    fields: Option<Vec<String>>,
    #[serde(default)]
    start_at: i64,
    max_results: Option<i64>,
}

/// `POST …/search`: what is found, kind by kind.
pub async fn search(
    caller: XrayCaller,
    app: Data<App>,
    asked: Json<Asked>,
) -> Answer<HttpResponse> {
    /// Most results of one answer.
    const MOST: i64 = 100;
    let desk = Desk::new(app, caller.caller.0);
    let query = jql::parse(&asked.jql)
        .map_err(|why| refused(format!("The JQL is not understood: {why}.")))?;
    let (start, most) = (
        asked.start_at.max(0),
        asked.max_results.unwrap_or(50).clamp(0, MOST),
    );
    let (mut total, mut shown) = (0, Vec::new());
    for kind in KINDS {
        let held = i64::try_from(shown.len()).unwrap_or(i64::MAX);
        let search = search::Search {
            kind,
            projects: &desk.client.0.projects,
            query: Some(&query),
            ids: None,
            project: None,
            of: &[],
            start: (start - total).max(0),
            limit: most - held,
        };
        let found = search::find(desk.read(), desk.site(), &search).await?;
        total += found.total;
        for thing in Thing::all(&desk, kind, &found.ids).await? {
            let fields = asked.fields.clone();
            let fields = fields.map(|all| all.into_iter().map(Some).collect());
            shown.push(thing.shown(&desk, fields).await?);
        }
    }
    Ok(HttpResponse::Ok().json(json!({
        "startAt": start,
        "maxResults": most,
        "total": total,
        "issues": shown,
    })))
}

/// `GET …/issue/{key}`.
pub async fn read(
    caller: XrayCaller,
    app: Data<App>,
    at: Path<(String, String)>,
) -> Answer<HttpResponse> {
    let desk = Desk::new(app, caller.caller.0);
    let thing = Thing::named(&desk, &at.1).await?;
    Ok(HttpResponse::Ok().json(thing.shown(&desk, None).await?))
}

/// `POST …/issue`: makes a test, an execution, a plan, a set or a precondition.
pub async fn create(caller: XrayCaller, app: Data<App>, body: Json<Value>) -> Answer<HttpResponse> {
    let desk = Desk::new(app, caller.caller.0);
    let kind = kind_of(body.pointer("/fields/issuetype"))?;
    let document = Document::read(&desk, &body).await?;
    let txn = desk.write().await?;
    let (site, by, now_ms) = (desk.site(), desk.by(), desk.now_ms);
    let project = projects::hold(&*txn, site, &document.project).await?;
    let texts = (document.summary.as_str(), document.description.as_deref());
    let thing = match kind {
        Kind::Test => {
            let content = TestContent {
                name: document.summary.clone(),
                description: document.description.clone(),
                ..TestContent::default()
            };
            let surroundings = Surroundings {
                labels: document.labels.clone(),
                workflow_status: None,
            };
            let made = create_test(&*txn, site, &project, &content, &surroundings, by, now_ms);
            Thing::Test(made.await?)
        }
        Kind::Execution => {
            let particulars = Particulars {
                fix_version: document.fix_version.clone(),
                ..Particulars::default()
            };
            let name = &document.summary;
            let made = create_execution(&*txn, site, &project, name, &particulars, by, now_ms);
            Thing::Execution(made.await?)
        }
        Kind::Plan => {
            Thing::Plan(create_plan(&*txn, site, &project, texts, &[], by, now_ms).await?)
        }
        Kind::Group(kind) => {
            let content = GroupContent {
                name: document.summary.clone(),
                description: document.description.clone(),
                ..GroupContent::default()
            };
            let made = create_group(&*txn, site, &project, kind, &content, by, now_ms);
            Thing::Group(made.await?)
        }
        Kind::Issue => return Err(no_type()),
    };
    desk.commit(txn).await?;
    let (id, key) = thing.id_and_key();
    let place = address(&desk, &id);
    Ok(HttpResponse::Created().json(json!({ "id": id, "key": key, "self": place })))
}

fn no_type() -> Failure {
    refused(
        "Issues of the types Test, Test Execution, Test Plan, Test Set and Precondition are made here; \
         others are made in Jira.",
    )
}

fn kind_of(issue_type: Option<&Value>) -> Answer<Kind> {
    let member = |name: &str| issue_type?.get(name)?.as_str();
    let named = member("name").or_else(|| member("id"));
    let named = named.ok_or_else(no_type)?.trim();
    let mut kinds = KINDS.into_iter();
    let kind = kinds.find(|kind| {
        let own = kind.issue_type();
        own.is_some_and(|own| own.eq_ignore_ascii_case(named))
    });
    kind.ok_or_else(no_type)
}

/// What is to change in an issue: what is not named stays.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Change {
    pub summary: Option<String>,
    pub description: Option<String>,
    pub labels: Option<Vec<String>>,
}

impl Change {
    fn read(body: &Value) -> Answer<Self> {
        let fields = body.get("fields").cloned().unwrap_or_default();
        let change: Self = serde_json::from_value(fields).map_err(|why| {
            refused(format!(
                "`summary`, `description` and `labels` can be changed here: {why}."
            ))
        })?;
        let is_line = |text: &String| {
            let text = text.trim();
            !text.is_empty() && text.chars().count() <= 255 && !text.contains(char::is_control)
        };
        let lines = change.summary.iter().chain(change.labels.iter().flatten());
        if !lines.into_iter().all(is_line) {
            return Err(refused(
                "`summary` and each of the `labels` is a line of 1 to 255 characters.",
            ));
        }
        long("description", change.description.as_deref())?;
        if change
            .labels
            .as_ref()
            .is_some_and(|labels| labels.len() > 50)
        {
            return Err(refused("There are more than 50 labels."));
        }
        Ok(change)
    }

    /// Refuses labels where none are kept.
    fn without_labels(&self, key: &str) -> Answer<()> {
        if self.labels.is_some() {
            return Err(refused(format!("{key} has no labels here.")));
        }
        Ok(())
    }
}

/// `PUT …/issue/{key}`.
pub async fn edit(
    caller: XrayCaller,
    app: Data<App>,
    at: Path<(String, String)>,
    body: Json<Value>,
) -> Answer<HttpResponse> {
    let desk = Desk::new(app, caller.caller.0);
    let change = Change::read(&body)?;
    let thing = Thing::named(&desk, &at.1).await?;
    if let Thing::Issue(issue) = &thing {
        of_jira::edit(&desk, issue, &change).await?;
        return Ok(HttpResponse::NoContent().finish());
    }
    let txn = desk.write().await?;
    let (site, now_ms) = (desk.site(), desk.now_ms);
    let project = match &thing {
        Thing::Test(test) => &test.key.project,
        Thing::Execution(one) => &one.key.project,
        Thing::Plan(plan) => &plan.key.project,
        Thing::Group(group) => &group.key.project,
        Thing::Issue(issue) => &issue.snapshot.project_key,
    };
    projects::hold(&*txn, site, project).await?;
    // Read again, now that nobody else changes it.
    match Thing::named(&desk, &at.1).await? {
        Thing::Test(held) => {
            let mut changed = held.clone();
            changed.content.name = change.summary.unwrap_or(changed.content.name);
            changed.content.description = change.description.or(changed.content.description);
            changed.labels = change.labels.unwrap_or(changed.labels);
            edit_test(&*txn, site, &held, changed, desk.by(), now_ms).await?;
        }
        Thing::Execution(held) => {
            change.without_labels(&held.key.to_string())?;
            let mut changed = held.clone();
            changed.name = change.summary.unwrap_or(changed.name);
            edit_execution(&*txn, site, &held, &changed, now_ms).await?;
        }
        Thing::Plan(mut plan) => {
            change.without_labels(&plan.key.to_string())?;
            plan.name = change.summary.unwrap_or(plan.name);
            plan.description = change.description.or(plan.description);
            plans::put(&*txn, site, &plan).await?;
        }
        Thing::Group(mut group) => {
            change.without_labels(&group.key.to_string())?;
            group.content.name = change.summary.unwrap_or(group.content.name);
            group.content.description = change.description.or(group.content.description);
            group.changed_ms = now_ms;
            groups::put(&*txn, site, &group).await?;
        }
        Thing::Issue(_) => {}
    }
    desk.commit(txn).await?;
    Ok(HttpResponse::NoContent().finish())
}
