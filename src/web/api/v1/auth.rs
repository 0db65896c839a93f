//! Who calls `/api/v1`: an API client, by its token (`Authorization: Bearer tst_…`) and nothing else.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use uuid::Uuid;

use super::limits::RateLimits;
use crate::app::App;
use crate::crypto::sha256;
use crate::domain::issue::is_project_key;
use crate::problem::Problem;
use crate::store::api_clients::{self, ApiClient};

/// A use is noted at most once in this time, so that a busy client costs no write per request.
const TOUCH_EVERY_MS: i64 = 60_000;

/// A verified API client.
#[derive(Debug)]
pub struct ApiCaller(pub ApiClient);

impl ApiCaller {
    /// Lets a client in that has proven who it is: counts the request and notes the use.
    pub async fn admit(
        request: &HttpRequest,
        app: &App,
        client: ApiClient,
    ) -> Result<Self, Problem> {
        count(request, app, client.id)?;
        let now_ms = app.clock.now_ms();
        let is_noted = |last| now_ms - last < TOUCH_EVERY_MS;
        if !client.last_used_ms.is_some_and(is_noted) {
            let txn = app.store.write().await?;
            api_clients::touch(&*txn, client.site, client.id, now_ms).await?;
            txn.commit().await?;
        }
        Ok(Self(client))
    }

    /// The project that a path names, which the client may use.
    pub fn project(&self, key: &str) -> Result<String, Problem> {
        let key = key.to_ascii_uppercase();
        if !is_project_key(&key) {
            return Err(Problem::bad_request("The path names no project.")
                .detail("A project key looks like SHOP."));
        }
        self.check_project(&key)?;
        Ok(key)
    }

    /// Refuses a client that was made for some projects only: what it wants holds for all of them.
    pub fn check_site(&self) -> Result<(), Problem> {
        if self.0.projects.is_empty() {
            return Ok(());
        }
        Err(
            Problem::forbidden("This API client may not change what holds for the whole site.")
                .detail(format!("It was made for {}.", self.0.projects.join(", "))),
        )
    }

    /// Refuses a project the client was not made for.
    pub fn check_project(&self, key: &str) -> Result<(), Problem> {
        if self.0.projects.is_empty() || self.0.projects.iter().any(|held| held == key) {
            return Ok(());
        }
        Err(
            Problem::forbidden("This API client may not use that project.")
                .detail(format!("It was made for {}.", self.0.projects.join(", "))),
        )
    }
}

impl FromRequest for ApiCaller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let app = request
                .app_data::<Data<App>>()
                .ok_or_else(Problem::internal)?;
            let token = bearer(&request).ok_or_else(|| {
                Problem::unauthorized("This address needs an API client's token.")
                    .detail("Send it as `Authorization: Bearer tst_…`; an administrator makes one.")
            })?;
            let known = api_clients::by_token_hash(app.store.read(), sha256(token.as_bytes()));
            let client = known
                .await?
                .ok_or_else(|| Problem::unauthorized("The token is unknown or was revoked."))?;
            Self::admit(&request, app, client).await
        })
    }
}

/// Counts the request; refuses what is more than the client may ask for.
fn count(request: &HttpRequest, app: &App, client: Uuid) -> Result<(), Problem> {
    let limit = app.config.server.api_requests_per_minute;
    let limits = request.app_data::<Data<RateLimits>>();
    let Some(limits) = limits.filter(|_| limit > 0) else {
        return Ok(());
    };
    let allowance = limits.count(client, limit, app.clock.now_s());
    request.extensions_mut().insert(allowance);
    if allowance.is_granted {
        return Ok(());
    }
    Err(Problem::too_many_requests(limit, allowance.reset_s))
}

fn bearer(request: &HttpRequest) -> Option<&str> {
    let (scheme, token) = request
        .headers()
        .get(AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && token.starts_with("tst_")).then_some(token)
}
