//! A piece of a page as its host takes it: HTML under Connect, JSON around the HTML under Forge.
//!
//! Handlers return a [`Fragment`] and do not know who asked. Forge hands a page nothing but JSON
//! (`forge.md` 2.4), so there the HTML travels as `{"html": …}` and the script unwraps it
//! (`ui/src/forge/host.ts`). The scheme of the token tells the hosts apart, as it does for
//! [`Viewer`](super::viewer::Viewer), which has verified it before a handler runs.

use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};
use askama::Template;
use serde::Serialize;

use super::headers;
use crate::app::App;
use crate::problem::Problem;

/// A piece of a page.
#[derive(Debug, Serialize)]
pub struct Fragment {
    html: String,
}

impl Fragment {
    /// What a template makes.
    pub fn of(template: &impl Template) -> Result<Self, Problem> {
        let html = template
            .render()
            .map_err(|why| Problem::internal().because(why))?;
        Ok(Self { html })
    }
}

impl Responder for Fragment {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let mut answer = HttpResponse::Ok();
        if is_from_forge(request) {
            return answer.insert_header((CACHE_CONTROL, "no-store")).json(self);
        }
        let Some(app) = request.app_data::<Data<App>>() else {
            return Problem::internal().error_response();
        };
        headers::protect(&mut answer, &app.config, None);
        answer
            .content_type("text/html; charset=utf-8")
            .body(self.html)
    }
}

/// Whether a request carries the kind of token that Forge sends.
fn is_from_forge(request: &HttpRequest) -> bool {
    let sent = request.headers().get(AUTHORIZATION);
    let scheme = sent
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.trim_start().split_once(' '));
    scheme.is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"))
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn forge_gets_json_around_the_same_html() {
        let request = TestRequest::default()
            .insert_header((AUTHORIZATION, "bearer x.y.z"))
            .to_http_request();
        let fragment = Fragment {
            html: "<p class=\"a\">1 &lt; 2</p>".to_owned(),
        };
        let answer = fragment.respond_to(&request);
        assert_eq!(
            answer.headers().get("content-type").unwrap(),
            "application/json"
        );
        let body = answer.into_body().try_into_bytes().unwrap();
        assert_eq!(body, r#"{"html":"<p class=\"a\">1 &lt; 2</p>"}"#);
    }

    #[test]
    fn the_scheme_decides_and_nothing_else() {
        let sent = |value: &'static str| {
            let request = TestRequest::default().insert_header((AUTHORIZATION, value));
            is_from_forge(&request.to_http_request())
        };
        assert!(sent("Bearer x") && sent("BEARER x"));
        assert!(!sent("JWT x") && !sent("Bearerx") && !sent("JWT Bearer x"));
        assert!(!is_from_forge(&TestRequest::default().to_http_request()));
    }
}
