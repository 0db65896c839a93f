//! What a resolver needs to know of the request it works for: whose site it is, what the client may
//! see, and what is read once for all of them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpResponse, ResponseError};
use async_graphql::Context;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::app::App;
use crate::domain::settings::{Settings, SiteSettings};
use crate::problem::Problem;
use crate::store::api_clients::ApiClient;
use crate::store::{SiteId, Txn, projects, settings};
use crate::web::api::v1::auth::ApiCaller;

use super::super::error::{told, told_status};
use super::super::ids;

/// A refusal or a failure, as it is told in `errors`.
#[derive(Debug, Clone)]
pub(in crate::web::api::xray) struct Failure(Arc<Problem>);

impl<P: Into<Problem>> From<P> for Failure {
    fn from(problem: P) -> Self {
        let problem = problem.into();
        problem.log();
        Self(Arc::new(problem))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.detail {
            Some(detail) => write!(out, "{} {detail}", self.0.title),
            None => out.write_str(&self.0.title),
        }
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        told_status(&self.0)
    }

    fn error_response(&self) -> HttpResponse {
        told(&self.0, &self.to_string())
    }
}

/// A refusal that one sentence says everything of.
pub(in crate::web::api::xray) fn refused(sentence: impl Into<String>) -> Failure {
    Problem::bad_request(sentence).into()
}

/// What came of a resolver.
pub(in crate::web::api::xray) type Answer<T> = Result<T, Failure>;

/// See the module.
#[derive(Debug)]
pub(in crate::web::api::xray) struct Desk {
    pub app: Data<App>,
    pub client: ApiCaller,
    /// When the request is answered, milliseconds since the Unix epoch.
    pub now_ms: i64,
    settings: OnceCell<SiteSettings>,
    projects: OnceCell<HashMap<Uuid, Option<i64>>>,
}

impl Desk {
    pub fn new(app: Data<App>, client: ApiClient) -> Self {
        Self {
            now_ms: app.clock.now_ms(),
            app,
            client: ApiCaller(client),
            settings: OnceCell::new(),
            projects: OnceCell::new(),
        }
    }

    /// The desk of a request.
    pub fn of<'a>(context: &Context<'a>) -> Answer<&'a Self> {
        context
            .data_opt::<Self>()
            .ok_or_else(|| Problem::internal().into())
    }

    /// The site the client belongs to.
    pub fn site(&self) -> SiteId {
        self.client.0.site
    }

    /// The client's name, for what it makes.
    pub fn by(&self) -> &str {
        &self.client.0.name
    }

    /// Refuses a project that the client was not made for.
    pub fn check(&self, project: &str) -> Answer<()> {
        Ok(self.client.check_project(project)?)
    }

    /// Where to read, once more after every change.
    pub fn read(&self) -> &impl crate::store::Conn {
        self.app.store.read()
    }

    /// Begins a change.
    pub async fn write(&self) -> Answer<Txn> {
        Ok(self.app.store.write().await?)
    }

    /// Ends a change.
    pub async fn commit(&self, txn: Txn) -> Answer<()> {
        txn.commit().await?;
        self.app.outbox_filled.notify_one();
        Ok(())
    }

    /// What holds in a project.
    pub async fn settings(&self, project: &str) -> Answer<Settings> {
        let read = || settings::of_site(self.app.store.read(), self.site());
        let all = self.settings.get_or_try_init(read).await?;
        Ok(all.of_project(project))
    }

    /// Jira's id of a project, or ours while Jira's is not known.
    pub async fn project_id(&self, project: Uuid) -> Answer<String> {
        let read = || projects::jira_ids(self.app.store.read(), self.site());
        let all = self.projects.get_or_try_init(read).await?;
        let known = all.get(&project).copied().flatten();
        Ok(known.map_or_else(|| ids::of(project), |id| id.to_string()))
    }

    /// The project that an argument names by key, name or id.
    pub async fn project(&self, name: &str) -> Answer<projects::Project> {
        let found = projects::named(self.app.store.read(), self.site(), name).await?;
        let found = found.ok_or_else(|| {
            let short: String = name.chars().take(80).collect();
            refused(format!("There is no project `{short}`."))
        })?;
        self.check(&found.key)?;
        Ok(found)
    }

    /// The address of the service, without a slash at its end.
    pub fn base_url(&self) -> &str {
        self.app.config.server.base_url.trim_end_matches('/')
    }
}
