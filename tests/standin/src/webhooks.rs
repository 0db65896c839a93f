//! Delivering webhooks as Jira Cloud does: signed afresh for each attempt, twenty at a time (ten
//! for side effects), repeated after 408, 409, 425, 429, 5xx, connection failure and timeout.
//!
//! Faults (duplicates, losses, delays, holding back) are applied here and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::log::{Attempt, Outcome};
use crate::model::Lost;
use crate::server::Shared;
use crate::tokens;

/// Jira tries five times more after the first.
const MOST_RETRIES: u32 = 5;

/// One webhook request to make.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) identifier: String,
    pub(crate) event: String,
    pub(crate) issue_id: Option<u64>,
    /// Path and query below the app's base address.
    pub(crate) target: String,
    pub(crate) body: Vec<u8>,
    pub(crate) secondary: bool,
    pub(crate) trace: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) attempt: u32,
}

/// Takes deliveries off the queue until the site goes away.
pub(crate) async fn run(shared: Arc<Shared>, mut queue: UnboundedReceiver<Delivery>) {
    let primary = Arc::new(Semaphore::new(20));
    let secondary = Arc::new(Semaphore::new(10));
    while let Some(delivery) = queue.recv().await {
        let lane = if delivery.secondary {
            &secondary
        } else {
            &primary
        };
        tokio::spawn(deliver(Arc::clone(&shared), Arc::clone(lane), delivery));
    }
}

async fn deliver(shared: Arc<Shared>, lane: Arc<Semaphore>, mut delivery: Delivery) {
    let (dropped, twice, wait) = shared.act(|state| {
        let faults = state.faults.clone();
        let dropped = state.dice.happens(faults.drop_percent);
        let twice = state.dice.happens(faults.duplicate_percent);
        (
            dropped,
            twice,
            faults.delay_ms + state.dice.below(faults.reorder_ms),
        )
    });
    if dropped {
        settle(&shared, &delivery, None, Outcome::Dropped, 0);
        return;
    }
    if wait > 0 {
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
    if twice {
        shared.act(|state| state.open_deliveries += 1);
        let again = Delivery {
            attempt: 1,
            ..delivery.clone()
        };
        tokio::spawn(attempts(Arc::clone(&shared), Arc::clone(&lane), again));
    }
    delivery.attempt = 0;
    attempts(shared, lane, delivery).await;
}

/// Tries a delivery until it is settled.
async fn attempts(shared: Arc<Shared>, lane: Arc<Semaphore>, mut delivery: Delivery) {
    loop {
        let mut changed = shared.watch();
        while shared.read(|state| state.faults.hold) {
            if changed.changed().await.is_err() {
                return;
            }
        }
        let Ok(permit) = lane.acquire().await else {
            return;
        };
        let started = shared.clock.now_ms();
        let Ok(status) = send(&shared, &delivery).await else {
            settle(&shared, &delivery, None, Outcome::Dropped, 0);
            return;
        };
        drop(permit);
        let took = shared.clock.now_ms() - started;
        let again = status.is_none_or(|it| matches!(it, 408 | 409 | 425 | 429 | 500..=599));
        let outcome = match status {
            Some(200..=299) => Outcome::Delivered,
            _ if again && delivery.attempt < MOST_RETRIES => Outcome::Retrying,
            _ if again => Outcome::Lost,
            _ => Outcome::Refused,
        };
        settle(&shared, &delivery, status, outcome, took);
        if outcome != Outcome::Retrying {
            return;
        }
        let (least, most) = shared.options.retry_delay_ms;
        let wait = shared.act(|state| least + state.dice.below(most.saturating_sub(least) + 1));
        tokio::time::sleep(Duration::from_millis(wait)).await;
        delivery.attempt += 1;
    }
}

/// Notes an attempt; a delivery that will not be tried again is settled.
fn settle(shared: &Shared, delivery: &Delivery, status: Option<u16>, outcome: Outcome, took: i64) {
    shared.act(|state| {
        state.attempts.push(Attempt {
            at_ms: state.now() - took,
            identifier: delivery.identifier.clone(),
            event: delivery.event.clone(),
            issue_id: delivery.issue_id,
            attempt: delivery.attempt,
            status,
            outcome,
            took_ms: took,
        });
        if outcome == Outcome::Lost {
            let base = state
                .app
                .as_ref()
                .map(|app| app.base_url.clone())
                .unwrap_or_default();
            state.lost.push(Lost {
                identifier: delivery.identifier.clone(),
                body: String::from_utf8_lossy(&delivery.body).into_owned(),
                url: format!("{base}{}", delivery.target),
                at_ms: state.now(),
            });
        }
        if outcome != Outcome::Retrying {
            state.open_deliveries = state.open_deliveries.saturating_sub(1);
        }
    });
}

/// The app is not installed any more.
struct Gone;

/// Sends once; no status means no answer.
async fn send(shared: &Shared, delivery: &Delivery) -> Result<Option<u16>, Gone> {
    let signed = shared.read(|state| {
        let app = state.installed_app()?;
        let url = format!("{}{}", app.base_url, delivery.target);
        let token = url_bound_token(
            &state.site.client_key,
            &state.site.shared_secret,
            &app.base_url,
            "POST",
            &delivery.target,
            delivery.subject.as_deref(),
            state.now(),
        );
        Some((url, token))
    });
    let (url, token) = signed.ok_or(Gone)?;
    let Ok(token) = token else { return Ok(None) };
    let flow = if delivery.secondary {
        "Secondary"
    } else {
        "Primary"
    };
    let mut request = shared
        .http
        .post(url)
        .header("Authorization", format!("JWT {token}"))
        .header("Content-Type", "application/json")
        .header("User-Agent", "Atlassian Webhook HTTP Client")
        .header("X-Atlassian-Webhook-Identifier", &delivery.identifier)
        .header("X-Atlassian-Webhook-Flow", flow)
        .body(delivery.body.clone());
    if delivery.attempt > 0 {
        request = request.header("X-Atlassian-Webhook-Retry", delivery.attempt.to_string());
    }
    if let Some(trace) = &delivery.trace {
        request = request.header("X-Atlassian-Webhook-Trace", trace);
    }
    let answer = request.send().await.ok();
    Ok(answer.map(|answer| answer.status().as_u16()))
}

/// A URL-bound token for a request to the app. `target` lies below the app's base address.
pub(crate) fn url_bound_token(
    client_key: &str,
    secret: &str,
    app_base_url: &str,
    method: &str,
    target: &str,
    subject: Option<&str>,
    now_ms: i64,
) -> anyhow::Result<String> {
    let base = url::Url::parse(app_base_url).context("the app's base address")?;
    let base_path = base.path().trim_end_matches('/');
    let qsh = tokens::qsh(method, &format!("{base_path}{target}"), base_path);
    tokens::sign_shared(
        secret,
        &tokens::url_bound_claims(client_key, subject, now_ms, &qsh),
    )
}
