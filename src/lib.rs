//! Touchstone shows test status inside Jira and keeps defects in step with it.
//!
//! ```text
//! edges (web | connect | forge | cli) → app → store | jira | results → domain
//! ```
//!
//! Edges translate, `app` decides the order, `domain` decides the truth, `store` and `jira` do what
//! they are told. Two queues in the one database tie it together: the *inbox* keeps every accepted
//! event before it is answered, the *outbox* everything we want from Jira. `docs/architecture.md`
//! walks through a transition, a build's report and a look at the panel.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connect;
pub mod crypto;
pub mod domain;
pub mod forge;
pub mod ids;
pub mod inbox;
pub mod jira;
pub mod metrics;
pub mod outbox;
pub mod problem;
pub mod results;
pub mod startup;
pub mod store;
pub mod telemetry;
#[cfg(test)]
mod testing;
pub mod web;
