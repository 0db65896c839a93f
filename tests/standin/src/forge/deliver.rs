//! Calling the app as Forge does: events, schedules and lifecycle calls, each with a fresh
//! invocation token, and again up to four times, a minute apart, after anything but 2xx.
//!
//! The wait is measured on the site's clock, and can be cut short. Faults apply as to webhooks.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;

use super::Envelope;
use crate::clock;
use crate::log::{Attempt, Outcome};
use crate::model::State;
use crate::server::Shared;

/// Forge tries four times more after the first.
const MOST_RETRIES: u32 = 4;
/// Bigger events are not delivered.
const MOST_BYTES: usize = 200 * 1024;

/// One call to make.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// The stand-in's own name for it, in its log.
    pub(crate) identifier: String,
    /// The event's type, or the module's key.
    pub(crate) event: String,
    pub(crate) issue_id: Option<u64>,
    pub(crate) installation: String,
    pub(crate) endpoint: String,
    pub(crate) body: Value,
    /// Whether the body is an event, which may travel in an envelope.
    pub(crate) is_event: bool,
}

impl State {
    /// Queues a call of the app; what goes wrong on command goes wrong here and in `deliver`.
    pub(crate) fn queue_forge(&mut self, delivery: Delivery) {
        if delivery.is_event && delivery.body.to_string().len() > MOST_BYTES {
            return;
        }
        self.events_sent += 1;
        let twin = self.dice.happens(self.faults.twin_percent);
        let copies = std::iter::once(delivery.clone()).chain(twin.then(|| Delivery {
            identifier: clock::random_hex(20),
            ..delivery
        }));
        for copy in copies {
            let queue = self.forge.outgoing.as_ref();
            let sent = queue.is_some_and(|queue| queue.send(copy).is_ok());
            self.open_deliveries += usize::from(sent);
        }
    }
}

/// Takes deliveries off the queue until the site goes away.
pub(crate) async fn run(shared: Arc<Shared>, mut queue: UnboundedReceiver<Delivery>) {
    let lane = Arc::new(Semaphore::new(20));
    while let Some(delivery) = queue.recv().await {
        tokio::spawn(deliver(Arc::clone(&shared), Arc::clone(&lane), delivery));
    }
}

async fn deliver(shared: Arc<Shared>, lane: Arc<Semaphore>, delivery: Delivery) {
    let (dropped, twice, wait) = shared.act(|state| {
        let faults = state.faults.clone();
        let dropped = state.dice.happens(faults.drop_percent);
        let twice = state.dice.happens(faults.duplicate_percent);
        let wait = faults.delay_ms + state.dice.below(faults.reorder_ms);
        (dropped, twice, wait)
    });
    if dropped {
        note(&shared, &delivery, 0, None, Outcome::Dropped, 0);
        return;
    }
    if wait > 0 {
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
    if twice {
        shared.act(|state| state.open_deliveries += 1);
        let again = attempts(Arc::clone(&shared), Arc::clone(&lane), delivery.clone());
        tokio::spawn(again);
    }
    attempts(shared, lane, delivery).await;
}

/// Tries until the delivery is settled.
async fn attempts(shared: Arc<Shared>, lane: Arc<Semaphore>, delivery: Delivery) {
    let mut reason = "";
    for attempt in 0..=MOST_RETRIES {
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
        let Ok(answer) = send(&shared, &delivery, attempt, reason).await else {
            note(&shared, &delivery, attempt, None, Outcome::Dropped, 0);
            return;
        };
        drop(permit);
        let took = shared.clock.now_ms() - started;
        let outcome = match answer {
            Ok(200..=299) => Outcome::Delivered,
            _ if attempt < MOST_RETRIES => Outcome::Retrying,
            _ => Outcome::Lost,
        };
        reason = match answer {
            Ok(401) => "INVALID_FORGE_INVOCATION_TOKEN",
            Err(Silence::Timeout) => "TIMEOUT_ERROR",
            _ => "INVALID_REMOTE_INVOCATION_ERROR",
        };
        let (due, hurried) = shared.read(|state| {
            (
                state.now() + state.forge.settings.redeliver_ms,
                state.forge.hurried,
            )
        });
        note(&shared, &delivery, attempt, answer.ok(), outcome, took);
        if outcome != Outcome::Retrying {
            return;
        }
        shared
            .reach(due, |state| state.forge.hurried != hurried)
            .await;
    }
}

fn note(
    shared: &Shared,
    delivery: &Delivery,
    attempt: u32,
    status: Option<u16>,
    outcome: Outcome,
    took_ms: i64,
) {
    shared.act(|state| {
        state.attempts.push(Attempt {
            at_ms: state.now() - took_ms,
            identifier: delivery.identifier.clone(),
            event: delivery.event.clone(),
            issue_id: delivery.issue_id,
            attempt,
            status,
            outcome,
            took_ms,
        });
        if outcome != Outcome::Retrying {
            state.open_deliveries = state.open_deliveries.saturating_sub(1);
        }
    });
}

/// The installation is no more.
struct Gone;

/// No answer.
pub(crate) enum Silence {
    /// None in time.
    Timeout,
    /// None at all: refused, cut off.
    Unreachable,
}

async fn send(
    shared: &Shared,
    delivery: &Delivery,
    attempt: u32,
    reason: &str,
) -> Result<Result<u16, Silence>, Gone> {
    let mut body = delivery.body.clone();
    if attempt > 0 && delivery.is_event {
        let retry =
            json!({ "retryCount": attempt, "retryReason": reason, "retryData": Value::Null });
        crate::tokens::set(&mut body, "retryContext", retry);
    }
    let envelope = shared.read(|state| state.forge.settings.envelope);
    if delivery.is_event && envelope == Envelope::Payload {
        body = json!({ "payload": body });
    }
    let timeout = Duration::from_millis(shared.options.forge.event_timeout_ms);
    let request = call(
        shared,
        &delivery.installation,
        &delivery.endpoint,
        &body,
        timeout,
    );
    Ok(match request.ok_or(Gone)?.send().await {
        Ok(answer) => Ok(answer.status().as_u16()),
        Err(error) if error.is_timeout() => Err(Silence::Timeout),
        Err(_error) => Err(Silence::Unreachable),
    })
}

/// A call of an endpoint with everything Forge puts on it; nothing without the installation.
pub(crate) fn call(
    shared: &Shared,
    installation: &str,
    endpoint: &str,
    body: &Value,
    timeout: Duration,
) -> Option<reqwest::RequestBuilder> {
    let (url, fit, system) = shared.act(|state| {
        let own = state.installation(Some(installation))?.clone();
        let declared = state.forge.manifest.endpoint(endpoint);
        let claims = state.event_claims(&own, endpoint);
        let fit = state.forge.keys.current.sign(&claims, &Value::Null).ok()?;
        let lends = declared.system_token && !state.forge.settings.withhold_system_token;
        let system = if lends {
            state.system_token(installation)
        } else {
            None
        };
        let url = url::Url::parse(&own.app_url)
            .ok()?
            .join(&declared.route)
            .ok()?;
        Some((url, fit, system))
    })?;
    let request = shared
        .http
        .post(url)
        .timeout(timeout)
        .bearer_auth(fit)
        .header("User-Agent", "forge")
        .header("X-B3-TraceId", clock::random_hex(16))
        .header("X-B3-SpanId", clock::random_hex(8))
        .json(body);
    Some(match system {
        Some(token) => request.header("X-Forge-OAuth-System", token),
        None => request,
    })
}
