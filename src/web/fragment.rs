//! A piece of a page as its host takes it: HTML under Connect, JSON around the HTML under Forge.
//!
//! Handlers return a [`Fragment`] and do not know who asked. Forge hands a page nothing but JSON
//! (`forge.md` 2.4), so there the HTML travels as `{"html": …}` and the script unwraps it
//! (`ui/src/forge/host.ts`). The scheme of the token tells the hosts apart, as it does for
//! [`Viewer`](super::viewer::Viewer), which has verified it before a handler runs.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError};
use askama::Template;
use serde::Serialize;

use super::headers;
use crate::app::App;
use crate::forge::auth::is_from_forge;
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
        if is_from_forge(request.headers()) {
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

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody;
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn forge_gets_json_around_the_same_html() {
        let request = TestRequest::default()
            .insert_header(("authorization", "bearer x.y.z"))
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
}
