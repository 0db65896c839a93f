//! `POST /xray/api/v2/graphql`: the queries and mutations that upload clients and scripts know from the
//! market leader's app, over what is stored here.
//!
//! Names of types, fields and arguments are those of its published schema; a field that nothing here
//! stands behind is left out of the schema, so that asking for it is an error. What is answered is
//! always status 200 with `data`, or `errors` beside it. Four things to know before editing: a list
//! argument is `[String]` with elements that may be null, because clients declare their variables so;
//! `issueId` is the row's own id as a decimal number (`ids`), and Jira's id for an issue of Jira; every
//! resolver asks [`desk::Desk`] whose site it is, and whether the client may see the project; and a
//! mutation is one transaction.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use async_graphql::indexmap::IndexMap;
use async_graphql::{EmptySubscription, Name, PathSegment, Response, Schema, Value};

use super::auth::XrayCaller;
use super::error::XrayError;
use crate::app::App;
use crate::problem::Problem;

pub(super) mod change;
pub(super) mod desk;
pub mod download;
pub(super) mod execution;
mod expanded;
mod folder;
pub(super) mod group;
mod history;
mod issue;
pub(super) mod jira;
pub(super) mod names;
pub(super) mod page;
pub(super) mod plan;
pub(super) mod query;
pub(super) mod run;
pub(super) mod run_parts;
mod settings;
pub(super) mod test;
pub(super) mod test_facts;

/// Most bytes of a request: evidence comes in it as base64.
pub const BODY_LIMIT: usize = 16 * 1024 * 1024;
/// Deepest nesting of a query; the usual question for the schema itself goes to 15.
const DEPTH: usize = 20;
/// Most fields that a query may come to, with each list as long as it may get.
const FIELDS: usize = 250_000;

type Xray = Schema<query::Query, change::Mutation, EmptySubscription>;

static SCHEMA: LazyLock<Xray> = LazyLock::new(|| {
    let (query, mutation) = (query::Query::default(), change::Mutation::default());
    Schema::build(query, mutation, EmptySubscription)
        .limit_depth(DEPTH)
        .limit_complexity(FIELDS)
        .finish()
});

/// Answers a query or carries out mutations.
pub async fn answer(
    caller: XrayCaller,
    body: Bytes,
    app: Data<App>,
) -> Result<HttpResponse, XrayError> {
    let request: async_graphql::Request = serde_json::from_slice(&body).map_err(|why| {
        Problem::bad_request("The body is no GraphQL request.")
            .detail("It is JSON with `query` and, if the query has any, `variables`.")
            .because(why)
    })?;
    let desk = desk::Desk::new(app, caller.caller.0);
    let answered = SCHEMA.execute(request.data(desk)).await;
    Ok(HttpResponse::Ok().json(completed(answered)))
}

/// The answer with a null for each question that failed: the library leaves those out, and clients look
/// for them where the specification has them.
fn completed(mut answered: Response) -> Response {
    let failed = answered.errors.iter().filter_map(|why| why.path.first());
    let failed: Vec<Name> = failed
        .filter_map(|step| match step {
            PathSegment::Field(name) => Some(Name::new(name)),
            PathSegment::Index(_) => None,
        })
        .collect();
    if !failed.is_empty() && answered.data == Value::Null {
        answered.data = Value::Object(IndexMap::new());
    }
    if let Value::Object(data) = &mut answered.data {
        for name in failed {
            data.entry(name).or_insert(Value::Null);
        }
    }
    answered
}
