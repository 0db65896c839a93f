//! `GET /api/v1/openapi.json`: the description of this interface (OpenAPI 3.1), made from the code
//! that answers. Takes no token. `touchstone openapi` prints the same.
//!
//! What holds for every operation is added here once: the token, and how each may fail.

use actix_web::http::header::ALLOW;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpResponse, ResponseError, get};
use utoipa::OpenApi as _;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, Required, Response, ResponseBuilder, Server};
use utoipa_actix_web::AppExt;

use crate::app::App;
use crate::problem::Problem;

/// The name of the token in the description.
const TOKEN: &str = "apiClient";
/// The operation that posts without storing anything.
const TRIAL: &str = "tryRule";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Touchstone",
        description = "Results in, coverage out: the interface for scripts and CI. Instants are \
                       integers, milliseconds since 1970, UTC, in members that end in `Ms`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem)),
    security(("apiClient" = []))
)]
struct Frame;

/// This description
#[utoipa::path(
    operation_id = "describe",
    tag = "description",
    security(()),
    responses((status = 200, description = "An OpenAPI 3.1 document.", body = serde_json::Value))
)]
#[get("/api/v1/openapi.json")]
pub async fn show(app: Data<App>) -> HttpResponse {
    let mut document = document();
    document.servers = Some(vec![Server::new(
        app.config.server.base_url.trim_end_matches('/'),
    )]);
    HttpResponse::Ok().json(document)
}

/// The description of everything below `/api/v1`.
#[must_use]
pub fn document() -> OpenApi {
    let described = actix_web::App::new()
        .into_utoipa_app()
        .openapi(Frame::openapi())
        .configure(super::operations);
    let (_, mut document) = described.split_for_parts();
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("tst_…")
        .description(Some(
            "The token of an API client; an administrator makes one.",
        ))
        .build();
    document
        .components
        .get_or_insert_default()
        .add_security_scheme(TOKEN, SecurityScheme::Http(token));
    for item in document.paths.paths.values_mut() {
        // A trial stores nothing, so there is nothing to repeat.
        let stores = |operation: &&mut Operation| operation.operation_id.as_deref() != Some(TRIAL);
        if let Some(operation) = item.post.as_mut().filter(stores) {
            add_header(operation, "Idempotency-Key", false, REPEAT);
        }
        for operation in operations(item) {
            // Whatever names its own security takes none.
            if operation.security.is_none() {
                add_failures(operation);
            }
            if operation.responses.responses.contains_key("412") {
                let is_needed = operation.responses.responses.contains_key("428");
                add_header(operation, "If-Match", is_needed, EXPECT);
            }
        }
    }
    document
}

/// Answers 405 for methods an address of the description does not take; added after the operations,
/// so that it gets what none of them takes.
pub(super) fn refuse_other_methods(routes: &mut ServiceConfig) {
    for (path, item) in document().paths.paths {
        let allowed = methods(&item).join(", ");
        let refuse = move || {
            let mut answer = Problem::wrong_method()
                .detail(format!("It takes {allowed}."))
                .error_response();
            if let Ok(allowed) = allowed.parse() {
                answer.headers_mut().insert(ALLOW, allowed);
            }
            std::future::ready(answer)
        };
        routes.service(web::resource(path).to(refuse));
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem {
        get,
        post,
        put,
        patch,
        delete,
        ..
    } = item;
    [get, post, put, patch, delete].into_iter().flatten()
}

fn methods(item: &PathItem) -> Vec<&'static str> {
    let all = [
        ("GET", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    let taken = all.into_iter().filter(|(_, operation)| operation.is_some());
    taken.map(|(method, _)| method).collect()
}

/// How every operation that takes the token may fail.
fn add_failures(operation: &mut Operation) {
    let failures = [
        ("400", "The request cannot be understood."),
        ("401", "The token is missing, unknown or revoked."),
        ("403", "The token was not made for this project."),
        ("404", "There is no such thing for this token."),
        (
            "500",
            "Something went wrong in Touchstone; its log says what.",
        ),
    ];
    let responses = &mut operation.responses.responses;
    for (status, description) in failures {
        let failure = || failure(description).build().into();
        responses.entry(status.to_owned()).or_insert_with(failure);
    }
    let mut seconds = Header::new(Object::with_type(Type::Integer));
    seconds.description = Some("Seconds to wait.".to_owned());
    for (status, description) in [
        (
            "429",
            "The client has asked more often than it may in a minute.",
        ),
        ("503", "Nothing was stored; send it again."),
    ] {
        let later = failure(description).header("Retry-After", seconds.clone());
        responses.insert(status.to_owned(), later.build().into());
    }
    if operation.request_body.is_some() {
        for (status, description) in [
            ("413", "The body is too large."),
            (
                "422",
                "The body is refused; `errors` says what is wrong with it.",
            ),
        ] {
            let failure = || failure(description).build().into();
            responses.entry(status.to_owned()).or_insert_with(failure);
        }
    }
}

const REPEAT: &str = "A name of the client's for this request: sent again under the same name within \
    24 hours, it does nothing and gets the same answer. With other content it is refused (422).";
const EXPECT: &str = "The `ETag` of what was read, or `*`: the change is refused (412) when something \
    else is there by now.";

fn add_header(operation: &mut Operation, name: &str, is_needed: bool, description: &str) {
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(if is_needed {
            Required::True
        } else {
            Required::False
        })
        .description(Some(description))
        .schema(Some(Object::with_type(Type::String)))
        .build();
    operation
        .parameters
        .get_or_insert_default()
        .push(parameter.into());
}

fn failure(description: &str) -> ResponseBuilder {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem")));
    Response::builder()
        .description(description)
        .content("application/problem+json", problem.build())
}
