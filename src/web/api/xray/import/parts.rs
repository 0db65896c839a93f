//! What an upload consists of: the results, alone as the body or as one of several parts.
//!
//! Clients disagree on the names of parts, on media types and on whether XML comes as a body or as a
//! part, so each form is taken at each address.

use actix_multipart::{Field, Multipart};
use actix_web::HttpRequest;
use actix_web::dev::Decompress;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use crate::problem::Problem;
use crate::results::Limits;
use crate::web::api::v1::body::{JSON_LIMIT, collect};

/// Most parts of one upload.
const MOST_PARTS: usize = 20;

/// The parts of an upload.
#[derive(Debug, Default)]
pub(in crate::web::api::xray) struct Parts {
    /// The result file.
    pub file: Bytes,
    /// What is said of the execution: JSON.
    pub info: Option<Bytes>,
    /// What is said of tests that are made: JSON.
    pub test_info: Option<Bytes>,
    /// What is said of preconditions that are made: JSON.
    pub precondition_info: Option<Bytes>,
}

impl Parts {
    /// Everything that makes an upload the same as another.
    pub fn all(&self) -> [&[u8]; 4] {
        [
            &self.file,
            self.info.as_deref().unwrap_or_default(),
            self.test_info.as_deref().unwrap_or_default(),
            self.precondition_info.as_deref().unwrap_or_default(),
        ]
    }
}

/// Takes the upload in, decompressed.
pub(in crate::web::api::xray) async fn take(
    request: &HttpRequest,
    body: Payload,
) -> Result<Parts, Problem> {
    let limit = Limits::default().bytes;
    let sent = request.headers().get(CONTENT_TYPE);
    let sent = sent
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !sent
        .trim_start()
        .to_ascii_lowercase()
        .starts_with("multipart/")
    {
        return Ok(Parts {
            file: collect(request, body, limit).await?,
            ..Parts::default()
        });
    }
    let chunks = Decompress::from_headers(body, request.headers());
    let mut form = Multipart::new(request.headers(), chunks);
    let (mut parts, mut file, mut count) = (Parts::default(), None, 0);
    while let Some(field) = form.next().await {
        let field = field.map_err(|why| broken(&why))?;
        count += 1;
        if count > MOST_PARTS {
            return Err(Problem::bad_request("The body has too many parts.")
                .detail(format!("At most {MOST_PARTS} are taken.")));
        }
        let name = field.name().unwrap_or_default().to_owned();
        let (place, limit) = match name.as_str() {
            "results" | "result" | "file" => (&mut file, limit),
            "info" => (&mut parts.info, JSON_LIMIT),
            "testInfo" => (&mut parts.test_info, JSON_LIMIT),
            "precondInfo" | "preCondInfo" => (&mut parts.precondition_info, JSON_LIMIT),
            // Nothing we know; read past.
            _ => {
                content(field, limit).await?;
                continue;
            }
        };
        if place.is_some() {
            return Err(Problem::bad_request(format!(
                "The part `{name}` is there twice, or the results are, under two names."
            ))
            .detail("Send one file at a time, or a zip of several."));
        }
        *place = Some(content(field, limit).await?);
    }
    parts.file = file.ok_or_else(|| {
        Problem::bad_request("The body has no part with the results.")
            .detail("Its name is `results`, `result` or `file`.")
    })?;
    Ok(parts)
}

/// The content of a part. A little more than the limit is read and thrown away, so that the client
/// has sent its file and looks at the answer.
async fn content(mut field: Field, limit: usize) -> Result<Bytes, Problem> {
    let (mut kept, mut thrown_away) = (BytesMut::new(), 0);
    while let Some(chunk) = field.next().await {
        let chunk = chunk.map_err(|why| broken(&why))?;
        if thrown_away > 0 || kept.len() + chunk.len() > limit {
            thrown_away += chunk.len();
        } else {
            kept.extend_from_slice(&chunk);
        }
        if thrown_away > limit {
            break;
        }
    }
    if thrown_away > 0 {
        return Err(Problem::too_large(limit));
    }
    Ok(kept.freeze())
}

fn broken(why: &actix_multipart::MultipartError) -> Problem {
    Problem::bad_request("The body is not the multipart form that its header announces.")
        .detail(format!("{why}."))
}
