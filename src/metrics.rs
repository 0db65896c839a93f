//! What the service counts about itself, told in Prometheus' text format (docs/operations.md lists
//! the series).
//!
//! Counting costs an atomic addition and the look-up of its labels. Every label takes its values from
//! a list that the code ends (routes, methods, statuses, outcomes): never a site, a project, a person
//! or anything else that a request brings along.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

/// The media type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Upper bounds for how long a request took, seconds.
const REQUEST_S: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0];
/// Upper bounds for how long a call to Jira took, seconds.
const JIRA_S: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 20.0];
/// Upper bounds for the events of one commit.
const BATCH: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// It is durable.
    Accepted,
    /// It was there already.
    Repeated,
    /// It has its effects.
    Applied,
    /// It was put aside with an error.
    Parked,
}

/// One of the two queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Queue {
    /// Events that were accepted.
    Inbox,
    /// What is wanted from Jira.
    Outbox,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JiraCall {
    method: &'static str,
    endpoint: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Named {
    queue: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stepped {
    step: &'static str,
}

/// All that is counted; one per process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    request_s: Family<Route, Histogram, fn() -> Histogram>,
    events: Family<Stepped, Counter>,
    batch: Histogram,
    jira_calls: Family<JiraCall, Counter>,
    jira_s: Histogram,
    waiting: Family<Named, Gauge>,
    parked: Family<Named, Gauge>,
    oldest_s: Gauge<f64, AtomicU64>,
    database_up: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("touchstone"),
            requests: Family::default(),
            request_s: Family::new_with_constructor(|| Histogram::new(REQUEST_S)),
            events: Family::default(),
            batch: Histogram::new(BATCH),
            jira_calls: Family::default(),
            jira_s: Histogram::new(JIRA_S),
            waiting: Family::default(),
            parked: Family::default(),
            oldest_s: Gauge::default(),
            database_up: Gauge::default(),
        };
        metrics.register();
        // A series that appears with its first event hides that event from `rate`.
        for step in [Step::Accepted, Step::Repeated, Step::Applied, Step::Parked] {
            metrics.event(step, 0);
        }
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version that runs", build);
        registry.register("http_requests", "Requests answered", self.requests.clone());
        registry.register(
            "http_request_duration_seconds",
            "From the head of a request to the head of its answer",
            self.request_s.clone(),
        );
        registry.register(
            "events",
            "Events by what became of them",
            self.events.clone(),
        );
        registry.register(
            "event_batch_size",
            "Events that shared one commit",
            self.batch.clone(),
        );
        registry.register("jira_calls", "Calls to Jira", self.jira_calls.clone());
        registry.register(
            "jira_call_duration_seconds",
            "How long calls to Jira took, waiting for its limits included",
            self.jira_s.clone(),
        );
        registry.register(
            "queue_waiting",
            "What waits in a queue, in the whole database",
            self.waiting.clone(),
        );
        registry.register(
            "queue_parked",
            "What was put aside in a queue and waits for a person",
            self.parked.clone(),
        );
        registry.register(
            "inbox_oldest_seconds",
            "How long the oldest event that is not applied has waited",
            self.oldest_s.clone(),
        );
        registry.register(
            "database_up",
            "Whether the database answered while this was gathered",
            self.database_up.clone(),
        );
    }

    /// A request was answered. `route` is the pattern of its path, never the path.
    pub fn request(&self, method: &'static str, route: String, status: u16, took: Duration) {
        let of_route = Route {
            route: route.clone(),
        };
        let times = self.request_s.get_or_create(&of_route);
        times.observe(took.as_secs_f64());
        let request = Request {
            method,
            route,
            status,
        };
        self.requests.get_or_create(&request).inc();
    }

    /// Something became of `count` events.
    pub fn event(&self, step: Step, count: u64) {
        let step = match step {
            Step::Accepted => "accepted",
            Step::Repeated => "repeated",
            Step::Applied => "applied",
            Step::Parked => "parked",
        };
        self.events.get_or_create(&Stepped { step }).inc_by(count);
    }

    /// `all` events shared a commit, of which `new` were not known before.
    pub fn kept(&self, all: usize, new: u64) {
        let all = u32::try_from(all).unwrap_or(u32::MAX);
        self.batch.observe(f64::from(all));
        self.event(Step::Accepted, new);
        self.event(Step::Repeated, u64::from(all).saturating_sub(new));
    }

    /// A call to Jira came to its end. `endpoint` is its path without ids.
    pub fn jira_call(
        &self,
        method: &'static str,
        endpoint: &'static str,
        outcome: &'static str,
        took: Duration,
    ) {
        let call = JiraCall {
            method,
            endpoint,
            outcome,
        };
        self.jira_calls.get_or_create(&call).inc();
        self.jira_s.observe(took.as_secs_f64());
    }

    /// What a queue holds now.
    pub fn queue(&self, queue: Queue, waiting: i64, parked: i64) {
        let queue = match queue {
            Queue::Inbox => "inbox",
            Queue::Outbox => "outbox",
        };
        self.waiting.get_or_create(&Named { queue }).set(waiting);
        self.parked.get_or_create(&Named { queue }).set(parked);
    }

    /// How long the oldest event that is not applied has waited.
    pub fn oldest(&self, age: Duration) {
        self.oldest_s.set(age.as_secs_f64());
    }

    /// Whether the database answers. Without it nothing is known of the queues.
    pub fn database(&self, is_up: bool) {
        self.database_up.set(i64::from(is_up));
        if !is_up {
            self.waiting.clear();
            self.parked.clear();
        }
    }

    /// Everything, in Prometheus' text format.
    ///
    /// # Errors
    ///
    /// When it cannot be written, which a text in memory does not say.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
