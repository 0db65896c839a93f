//! What every change through `/api/v1` shares: it says what it changes (`If-Match`), may be repeated
//! (`Idempotency-Key`), happens in one transaction, and answers with the thing as it is now.

use actix_web::http::header::{ETAG, IF_MATCH, LOCATION};
use actix_web::http::{StatusCode, header::HeaderMap};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::auth::ApiCaller;
use crate::app::App;
use crate::app::answer_once::{Answered, answer_once};
use crate::crypto::{hex, sha256};
use crate::problem::Problem;
use crate::store::Txn;
use crate::store::idempotency::{KeptAnswer, Repeatable};

/// Longest `Idempotency-Key`, in characters.
const KEY_CHARS: usize = 255;
/// How long a request under an `Idempotency-Key` is a repeat of the first.
const KEY_LASTS_MS: i64 = 24 * 60 * 60 * 1000;
/// How long an upload that is the same to the byte is a repeat of the first.
const UPLOAD_REPEATS_MS: i64 = 10 * 60 * 1000;

/// An answer that a transaction makes.
#[derive(Debug)]
pub(in crate::web::api) struct Answer(KeptAnswer);

impl Answer {
    /// 200, with the thing as it is now.
    pub fn ok(thing: &impl Serialize) -> Self {
        Self::of(StatusCode::OK, thing)
    }

    /// 201, with the new thing and its address.
    pub fn created(location: String, thing: &impl Serialize) -> Self {
        let mut answer = Self::of(StatusCode::CREATED, thing);
        answer.0.location = Some(location);
        answer
    }

    /// 200, with what became of the request: no thing that could be edited.
    pub fn done(report: &impl Serialize) -> Self {
        let mut answer = Self::of(StatusCode::OK, report);
        answer.0.etag = None;
        answer
    }

    /// 204.
    pub fn nothing() -> Self {
        Self(KeptAnswer {
            status: StatusCode::NO_CONTENT.as_u16(),
            etag: None,
            location: None,
            body: String::new(),
        })
    }

    fn of(status: StatusCode, thing: &impl Serialize) -> Self {
        let body = serde_json::to_string(thing).unwrap_or_default();
        Self(KeptAnswer {
            status: status.as_u16(),
            etag: Some(etag_of(&body)),
            location: None,
            body,
        })
    }

    /// The same under another tag, for a thing whose answer holds more than can be edited.
    pub fn tagged(mut self, etag: String) -> Self {
        self.0.etag = Some(etag);
        self
    }

    /// The answer, ready to be sent.
    pub fn response(self) -> HttpResponse {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::OK);
        let mut answer = HttpResponse::build(status);
        if let Some(etag) = self.0.etag {
            answer.insert_header((ETAG, etag));
        }
        if let Some(location) = self.0.location {
            answer.insert_header((LOCATION, location));
        }
        if status == StatusCode::NO_CONTENT {
            return answer.finish();
        }
        answer.content_type("application/json").body(self.0.body)
    }
}

/// The tag of a thing: changes whenever anything of its answer does.
pub(super) fn etag(thing: &impl Serialize) -> String {
    etag_of(&serde_json::to_string(thing).unwrap_or_default())
}

fn etag_of(text: &str) -> String {
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(sha256(text.as_bytes())))
}

/// What a change expects to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum IfMatch {
    /// Whatever there is.
    Anything,
    /// One of these.
    Tags(Vec<String>),
}

impl IfMatch {
    /// What the request expects; nothing is a 428.
    pub fn required(request: &HttpRequest) -> Result<Self, Problem> {
        Self::given(request.headers()).ok_or_else(Problem::no_precondition)
    }

    fn given(headers: &HeaderMap) -> Option<Self> {
        let mut tags = Vec::new();
        for value in headers.get_all(IF_MATCH) {
            let text = value.to_str().unwrap_or_default().trim();
            if text == "*" {
                return Some(Self::Anything);
            }
            // Compared strongly: a weak tag (`W/"…"`) equals none of ours.
            tags.extend(text.split(',').map(|tag| tag.trim().to_owned()));
        }
        (!tags.is_empty()).then_some(Self::Tags(tags))
    }

    /// Refuses the change of something else than was expected.
    pub fn check(&self, etag: &str) -> Result<(), Problem> {
        match self {
            Self::Tags(tags) if !tags.iter().any(|tag| tag == etag) => Err(Problem::stale()),
            Self::Anything | Self::Tags(_) => Ok(()),
        }
    }
}

/// Makes a change in a transaction of its own.
pub(super) async fn change(
    app: &App,
    work: impl AsyncFnOnce(&Txn) -> Result<Answer, Problem>,
) -> Result<HttpResponse, Problem> {
    let txn = app.store.write().await?;
    let answer = work(&txn).await?;
    txn.commit().await?;
    app.outbox_filled.notify_one();
    Ok(answer.response())
}

/// Makes something new in a transaction of its own, once however often the request, which
/// [`repeatable`] names, is sent.
pub(in crate::web::api) async fn once(
    app: &App,
    caller: &ApiCaller,
    repeatable: Option<Repeatable>,
    work: impl AsyncFnOnce(&Txn) -> Result<Answer, Problem>,
) -> Result<HttpResponse, Problem> {
    let answered = answer_once(
        &app.store,
        caller.0.site,
        repeatable.as_ref(),
        app.clock.now_ms(),
        async |txn: &Txn| work(txn).await.map(|answer| answer.0),
    );
    match answered.await? {
        Answered::Now(answer) => {
            app.outbox_filled.notify_one();
            Ok(Answer(answer).response())
        }
        Answered::Before(answer) => {
            let mut again = Answer(answer).response();
            let name = actix_web::http::header::HeaderName::from_static("idempotency-replayed");
            again.headers_mut().insert(
                name,
                actix_web::http::header::HeaderValue::from_static("true"),
            );
            Ok(again)
        }
        Answered::OtherRequest => Err(Problem::unprocessable(
            "This `Idempotency-Key` was used for another request.",
        )
        .detail("Send each new request under a new key; nothing was stored.")),
    }
}

/// The request, when it has an `Idempotency-Key`: its repeats get the same answer.
pub(super) fn repeatable(
    caller: &ApiCaller,
    request: &HttpRequest,
    body: &[u8],
) -> Result<Option<Repeatable>, Problem> {
    let Some(key) = idempotency_key(request)? else {
        return Ok(None);
    };
    let mut asked = format!("{} {}\n", request.method(), request.uri()).into_bytes();
    asked.extend_from_slice(body);
    Ok(Some(Repeatable {
        client: caller.0.id,
        key,
        request_hash: sha256(&asked),
        within_ms: KEY_LASTS_MS,
    }))
}

/// An upload of results, by its `Idempotency-Key`, else by all it consists of: some clients send the
/// same again when the answer takes long, and CI would have the results twice.
pub(in crate::web::api) fn repeatable_upload(
    caller: &ApiCaller,
    request: &HttpRequest,
    parts: &[&[u8]],
) -> Result<Repeatable, Problem> {
    let mut asked = format!("{} {}\n", request.method(), request.uri()).into_bytes();
    for part in parts {
        asked.extend_from_slice(&sha256(part));
    }
    let request_hash = sha256(&asked);
    Ok(match idempotency_key(request)? {
        Some(key) => Repeatable {
            client: caller.0.id,
            key,
            request_hash,
            within_ms: KEY_LASTS_MS,
        },
        None => Repeatable {
            client: caller.0.id,
            key: format!("upload:{}", hex(&request_hash)),
            request_hash,
            within_ms: UPLOAD_REPEATS_MS,
        },
    })
}

/// The client's own name for the request, when it gives one.
fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(given) = request.headers().get("idempotency-key") else {
        return Ok(None);
    };
    let key = given.to_str().unwrap_or_default().trim();
    if key.is_empty() || key.len() > KEY_CHARS {
        return Err(Problem::bad_request(
            "The `Idempotency-Key` is empty, too long, or not plain text.",
        )
        .detail(format!("It has 1 to {KEY_CHARS} ASCII characters.")));
    }
    Ok(Some(key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_finds_what_it_expects_or_is_refused() {
        let expects = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                let value = actix_web::http::header::HeaderValue::from_static(value);
                headers.append(IF_MATCH, value);
            }
            IfMatch::given(&headers)
        };
        let is_met = |values: &[&'static str]| expects(values).unwrap().check("\"a\"").is_ok();
        assert_eq!(expects(&[]), None);
        assert!(is_met(&["*"]) && is_met(&["\"a\""]) && is_met(&["\"b\", \"a\""]));
        assert!(is_met(&["\"b\"", "\"a\""]));
        assert!(!is_met(&["\"b\""]) && !is_met(&["W/\"a\""]) && !is_met(&["a"]) && !is_met(&[""]));
    }
}
