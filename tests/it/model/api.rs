//! The service as a client of its interface sees it; every replica in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::support::PATIENCE;
use crate::support::service::deliver;
use crate::support::site::Site;

/// A client of one or more replicas.
#[derive(Debug, Clone)]
pub struct Api {
    pub replicas: Vec<String>,
    pub token: String,
    pub site: Site,
    pub http: reqwest::Client,
    pub turn: Arc<AtomicUsize>,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub etag: Option<String>,
    pub body: Value,
}

impl Answer {
    /// The body of an answer that must have this status.
    pub fn expect(self, status: u16, what: &str) -> Value {
        assert_eq!(self.status, status, "{what}: {}", self.body);
        self.body
    }

    pub fn etag(&self) -> &str {
        self.etag.as_deref().unwrap()
    }
}

impl Api {
    /// The replica whose turn it is.
    pub fn replica(&self) -> &str {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        &self.replicas[turn % self.replicas.len()]
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body), None).await
    }

    /// Makes something once, although the request is sent twice: at the same time, and to every replica.
    pub async fn post_twice(&self, path: &str, body: &Value, key: &str) -> [Answer; 2] {
        let send = async |replica: &str| {
            let url = format!("{replica}/api/v1/{path}");
            let request = self.http.post(url).bearer_auth(&self.token).json(body);
            Self::taken(request.header("Idempotency-Key", key)).await
        };
        tokio::join!(send(self.replica()), send(self.replica())).into()
    }

    pub async fn put(&self, path: &str, body: Option<&Value>) -> Answer {
        self.send(Method::PUT, path, body, None).await
    }

    pub async fn patch(&self, path: &str, body: &Value, etag: &str) -> Answer {
        self.send(Method::PATCH, path, Some(body), Some(etag)).await
    }

    pub async fn delete(&self, path: &str, etag: Option<&str>) -> Answer {
        self.send(Method::DELETE, path, None, etag).await
    }

    /// Changes something whoever changed it before: reads it first.
    pub async fn edit(&self, path: &str, body: &Value) -> Answer {
        let held = self.get(path).await;
        assert_eq!(held.status, 200, "{path}: {}", held.body);
        self.patch(path, body, held.etag()).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        etag: Option<&str>,
    ) -> Answer {
        let url = format!("{}/api/v1/{path}", self.replica());
        let is_post = method == Method::POST;
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        if is_post {
            // What makes something may be sent a second time, and must make it once.
            request = request.header("Idempotency-Key", uuid::Uuid::now_v7().to_string());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(etag) = etag {
            request = request.header("If-Match", etag);
        }
        Self::taken(request).await
    }

    /// Reports results.
    pub async fn upload(&self, query: &[(&str, String)], file: String) -> Answer {
        let query = {
            let mut text = url::form_urlencoded::Serializer::new(String::new());
            text.extend_pairs(query).finish()
        };
        let url = format!("{}/api/v1/projects/SHOP/results?{query}", self.replica());
        let request = self.http.post(url).bearer_auth(&self.token);
        Self::taken(request.body(file)).await
    }

    /// Tells of an event as Jira does.
    pub async fn tell(&self, delivery: &str, body: &Value) {
        let since = Instant::now();
        loop {
            let answer = deliver(&self.http, self.replica(), &self.site, delivery, body);
            let status = answer.await.unwrap().status();
            if !is_too_busy(status, since) {
                return assert_eq!(status, 204);
            }
        }
    }

    /// The answer of a service that can take the request. One that cannot right now, on a machine
    /// with too much to do, says that nothing was stored; so sending it again must be harmless.
    async fn taken(request: reqwest::RequestBuilder) -> Answer {
        let since = Instant::now();
        loop {
            let answer = request.try_clone().unwrap().send().await.unwrap();
            if !is_too_busy(answer.status(), since) {
                return Self::read(answer).await;
            }
        }
    }

    async fn read(answer: reqwest::Response) -> Answer {
        let status = answer.status().as_u16();
        let etag = answer.headers().get("ETag");
        let etag = etag.map(|etag| etag.to_str().unwrap().to_owned());
        let text = answer.text().await.unwrap();
        assert!(status < 500, "{status}: {text}");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, etag, body }
    }
}

/// Whether the service asks to be left alone for a moment, and there is still patience for it. It asks
/// after seconds of waiting for the database, so there is no need to wait before the next try.
fn is_too_busy(status: StatusCode, since: Instant) -> bool {
    status == StatusCode::SERVICE_UNAVAILABLE && since.elapsed() < PATIENCE
}
