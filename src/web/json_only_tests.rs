//! Handlers that panic, never answer, or are not there.

use actix_web::App;
use actix_web::body::to_bytes;
use actix_web::http::Method;
use actix_web::http::header::AUTHORIZATION;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, init_service, try_call_service};
use actix_web::web::{self, Bytes, PayloadConfig, Query, ServiceConfig};
use clap::Parser;
use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::config::Config;

#[derive(Deserialize)]
struct Page {
    page: u32,
}

fn broken() -> HttpResponse {
    panic!("a bug")
}

fn routes(cfg: &mut ServiceConfig) {
    let refuse = async || Problem::forbidden("No.").error_response();
    let page = async |page: Query<Page>| HttpResponse::Ok().body(page.page.to_string());
    let take = async |_: Bytes| HttpResponse::Ok();
    for base in ["/forge", "/ui", "/other"] {
        cfg.service(
            web::scope(base)
                .route("/panic", web::get().to(async || broken()))
                .route(
                    "/never",
                    web::get().to(std::future::pending::<HttpResponse>),
                )
                .route("/page", web::get().to(page))
                .route("/refused", web::get().to(refuse))
                .service(
                    web::resource("/small")
                        .app_data(PayloadConfig::new(4))
                        .route(web::post().to(take)),
                ),
        );
    }
}

/// Status, content type and body of the answer.
async fn ask(method: Method, path: &str, scheme: &str) -> (u16, String, String) {
    let patience = match path {
        path if path.ends_with("/never") => Duration::from_millis(1),
        _ => Duration::from_mins(1),
    };
    let wrapped = move |request: ServiceRequest, next: Next<_>| async move {
        match Kind::of(&request) {
            Some(kind) => {
                let form = Form::of(kind, &request);
                answered_within(patience, form, request, next).await
            }
            None => json_only(request, next).await,
        }
    };
    let app = App::new().configure(routes).wrap(from_fn(wrapped));
    let app = init_service(app).await;
    let request = TestRequest::with_uri(path)
        .method(method)
        .insert_header((AUTHORIZATION, format!("{scheme} x")))
        .set_payload("12345")
        .to_request();
    let answer = match try_call_service(&app, request).await {
        Ok(answer) => answer.into_parts().1.map_into_boxed_body(),
        Err(error) => error.error_response(),
    };
    let kind = answer.headers().get(CONTENT_TYPE);
    let kind = kind.map_or("", |kind| kind.to_str().unwrap()).to_owned();
    let status = answer.status().as_u16();
    let body = to_bytes(answer.into_body()).await.unwrap();
    (status, kind, String::from_utf8(body.to_vec()).unwrap())
}

#[actix_web::test]
async fn every_failure_is_a_problem_document() {
    for (method, path, status) in [
        (Method::GET, "/panic", 500),
        (Method::GET, "/never", 503),
        (Method::GET, "/nowhere", 404),
        (Method::GET, "", 404),
        (Method::GET, "/page?page=x", 400),
        (Method::GET, "/page", 400),
        (Method::GET, "/small", 405),
        (Method::POST, "/small", 413),
        (Method::GET, "/refused", 403),
    ] {
        for (base, scheme, form) in [
            ("/forge", "JWT", "application/problem+json"),
            ("/ui", "JWT", "application/problem+json"),
            ("/ui", "Bearer", "application/json"),
            ("/ui", "bearer", "application/json"),
            ("/forge", "Bearer", "application/problem+json"),
        ] {
            let what = format!("{method} {base}{path} {scheme}");
            let answer = ask(method.clone(), &format!("{base}{path}"), scheme).await;
            assert_eq!((answer.0, answer.1.as_str()), (status, form), "{what}");
            let problem: Value = serde_json::from_str(&answer.2).unwrap();
            assert_eq!(problem["status"], status, "{what}");
            assert!(problem["title"].as_str().unwrap().ends_with('.'), "{what}");
            assert!(!answer.2.contains("a bug"), "{what}");
        }
    }
}

#[actix_web::test]
async fn the_path_of_our_address_may_stand_before() {
    #[derive(clap::Parser)]
    struct Options {
        #[command(flatten)]
        config: Config,
    }
    let base = ["touchstone", "--base-url", "https://tests.example.com/jira"];
    let connect = Data::new(Connect::new(&Options::parse_from(base).config).unwrap());
    for (path, owed) in [
        ("/jira/ui/nowhere", Some(Kind::Page)),
        ("/jira/forge/nowhere", Some(Kind::Event)),
        ("/ui/nowhere", Some(Kind::Page)),
        ("/jira/other", None),
        ("/other/jira/ui", None),
    ] {
        let request = TestRequest::with_uri(path).app_data(connect.clone());
        assert_eq!(Kind::of(&request.to_srv_request()), owed, "{path}");
    }
}

#[actix_web::test]
async fn what_succeeds_and_what_is_elsewhere_is_left_alone() {
    assert_eq!(ask(Method::GET, "/ui/page?page=7", "JWT").await.2, "7");
    for path in ["/other/nowhere", "/uii/nowhere", "/"] {
        let (status, kind, body) = ask(Method::GET, path, "JWT").await;
        assert_eq!(
            (status, kind.as_str(), body.as_str()),
            (404, "", ""),
            "{path}"
        );
    }
}
