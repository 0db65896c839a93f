//! `GET /metrics`: what the service counts about itself, for Prometheus. Takes no token and tells no
//! tenant's data. And the place where requests are counted, around everything else.

use std::time::{Duration, Instant};

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};

use crate::app::App;
use crate::metrics::{CONTENT_TYPE, Queue};
use crate::problem::Problem;
use crate::store::{StoreError, inbox, outbox};

/// Answers all series; the queues are looked at for it.
pub async fn show(app: Data<App>) -> Result<HttpResponse, Problem> {
    if let Err(why) = look_at_queues(&app).await {
        tracing::error!("the database does not answer: {why:?}");
        app.metrics.database(false);
    }
    let text = app.metrics.text();
    let text = text.map_err(|why| Problem::internal().because(why))?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .content_type(CONTENT_TYPE)
        .body(text))
}

async fn look_at_queues(app: &App) -> Result<(), StoreError> {
    let inbox = inbox::depth(app.store.read(), None).await?;
    let outbox = outbox::counts(app.store.read(), None).await?;
    let now_ms = app.clock.now_ms();
    let age_ms = inbox.oldest_ms.map_or(0, |since| (now_ms - since).max(0));
    app.metrics.database(true);
    app.metrics.queue(Queue::Inbox, inbox.waiting, inbox.parked);
    app.metrics
        .queue(Queue::Outbox, outbox.waiting, outbox.parked);
    app.metrics
        .oldest(Duration::from_millis(age_ms.unsigned_abs()));
    Ok(())
}

/// Counts a request by the pattern of its path; what matches none is one series together.
pub async fn measure<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let since = Instant::now();
    let method = name(request.method());
    let route = request.match_pattern();
    let app = request.app_data::<Data<App>>().cloned();
    let answer = next.call(request).await;
    let status = match &answer {
        Ok(answer) => answer.status(),
        Err(error) => error.as_response_error().status_code(),
    };
    if let Some(app) = app {
        let route = route.unwrap_or_else(|| "unknown".to_owned());
        app.metrics
            .request(method, route, status.as_u16(), since.elapsed());
    }
    answer
}

/// The name of a method; a request may bring any.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
