//! What a form of ours sends: names and values, a name any number of times.
//!
//! A browser writes a form as `name=value&…`. Forge's bridge carries JSON only, so the script writes
//! the same form as an object there, with the values of a name in a list (`ui/src/forge/host.ts`).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::{Bytes, PathConfig};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use url::form_urlencoded;

use crate::problem::Problem;

/// The fields of a form, or of an address.
#[derive(Debug, Clone, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `name=value&…`.
    #[must_use]
    pub fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// The first value of a name, without spaces around it; none when it is empty.
    #[must_use]
    pub fn chosen(&self, name: &str) -> Option<&str> {
        let values = self.0.iter().filter(|(held, _)| held == name);
        let mut values = values.map(|(_, value)| value.trim());
        values.find(|value| !value.is_empty())
    }

    /// Every value of a name that is not empty.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(held, _)| held == name)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// The first value of a name as it was typed, empty ones too; none when the name was not sent.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        let mut values = self.iter().filter(|(held, _)| *held == name);
        values.next().map(|(_, value)| value)
    }

    /// Every name with every value of it, as they were sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether a name was sent at all, as a ticked box is.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(held, _)| held == name)
    }
}

/// The body of a request as it came: whether it is a form shows when somebody asks, which is after
/// the caller is known.
#[derive(Debug)]
pub struct SentForm {
    body: Result<Bytes, Problem>,
    is_json: bool,
}

impl SentForm {
    /// The fields of the form.
    pub fn fields(self) -> Result<Fields, Problem> {
        let body = self.body?;
        // An action that needs no fields sends none.
        if !self.is_json || body.is_empty() {
            return Ok(Fields::parse(&body));
        }
        let names: BTreeMap<String, Vec<String>> =
            serde_json::from_slice(&body).map_err(|why| {
                Problem::bad_request("The form cannot be read.")
                    .detail("It is an object with a list of texts for each name.")
                    .because(why)
            })?;
        let pairs = names
            .into_iter()
            .flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)));
        Ok(Fields(pairs.collect()))
    }
}

impl FromRequest for SentForm {
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Infallible>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = request.content_type() == "application/json";
        let body = Bytes::from_request(request, payload);
        Box::pin(async move {
            let body = body.await;
            Ok(Self {
                body: body.map_err(|why| Problem::unreadable_body(&why, LIMIT)),
                is_json,
            })
        })
    }
}

/// Bytes a form may have: what actix-web takes where nothing else is set.
const LIMIT: usize = 256 * 1024;

/// An address that holds no usable ids names nothing.
#[must_use]
pub fn refusal_of_path() -> PathConfig {
    PathConfig::default()
        .error_handler(|_, _| Problem::not_found("There is nothing at this address.").into())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    async fn read(kind: &str, body: &'static str) -> Result<Fields, Problem> {
        let request = TestRequest::post()
            .insert_header(("content-type", kind))
            .set_payload(body);
        let (request, mut payload) = request.to_http_parts();
        let form = SentForm::from_request(&request, &mut payload).await;
        form.unwrap().fields()
    }

    #[actix_web::test]
    async fn both_hosts_send_the_same_form() {
        let browser = read(
            "application/x-www-form-urlencoded",
            "test=SHOP-T1&q=a+b&test=SHOP-T2&empty=",
        );
        let bridge = read(
            "application/json",
            r#"{"test":["SHOP-T1","SHOP-T2"],"q":["a b"],"empty":[""]}"#,
        );
        for fields in [browser.await.unwrap(), bridge.await.unwrap()] {
            let tests: Vec<_> = fields.all("test").collect();
            assert_eq!(tests, ["SHOP-T1", "SHOP-T2"]);
            assert_eq!(fields.chosen("q"), Some("a b"));
            assert!(fields.has("empty") && fields.chosen("empty").is_none());
            assert_eq!(
                (fields.first("empty"), fields.first("no")),
                (Some(""), None)
            );
            assert!(!fields.has("other"));
        }
    }

    #[actix_web::test]
    async fn what_is_no_form_is_refused() {
        for body in [r#"{"q":"one"}"#, r#"["q"]"#, "q=1", r#"{"q":[1]}"#] {
            assert_eq!(
                read("application/json", body).await.unwrap_err().status,
                400
            );
        }
        assert!(!read("application/json", "").await.unwrap().has("q"));
    }
}
