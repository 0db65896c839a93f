//! Use cases: the order in which things are done, one verb per file.
//!
//! An edge calls one of these when there is more to do than one plain read. Nothing here knows HTTP
//! or SQL; nothing here decides what is true (`domain` does).

use std::sync::Arc;

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::config::Config;
use crate::crypto::Seal;
use crate::jira;
use crate::metrics::Metrics;
use crate::store::{InboxWriter, Store};

pub mod accept_event;
pub mod answer_once;
pub mod apply_events;
pub mod ask_jira;
pub mod check_projections;
pub mod clear_flaky;
pub mod create_api_client;
pub mod create_defect;
pub mod edit_execution;
pub mod edit_group;
pub mod edit_plan;
pub mod edit_run;
pub mod edit_test;
pub mod exempt_issue;
pub mod forget_old;
pub mod import_results;
pub mod install_site;
pub mod issue_coverage;
pub mod issue_panel;
pub mod join_halves;
pub mod keep_runs;
pub mod link_defect;
pub mod link_test;
pub mod matrix;
pub mod meet_installation;
pub mod note_hour;
pub mod note_lifecycle;
pub mod project_coverage;
pub mod quarantine_test;
pub mod readiness;
pub mod rebuild;
pub mod reconcile;
pub mod rederive;
pub mod remove_site;
pub mod run_rules;
pub mod send_work;
pub mod show_statuses;
pub mod sites;
pub mod snapshot_readiness;
pub mod switch_site;
pub mod test_status;
pub mod try_rules;
pub mod unlink_test;

use sites::Sites;

/// Everything a use case needs; one per process, shared by all requests and workers.
#[derive(Debug)]
pub struct App {
    /// The database.
    pub store: Store,
    /// Keeps accepted events.
    pub inbox: InboxWriter,
    /// The time.
    pub clock: Clock,
    /// Opens and seals secrets.
    pub seal: Arc<Seal>,
    /// The sites that have the app.
    pub sites: Sites,
    /// Calls Jira.
    pub jira: jira::Client,
    /// Rung after a commit that put work into the outbox.
    pub outbox_filled: Notify,
    /// What is counted for the operator.
    pub metrics: Arc<Metrics>,
    /// What the operator configured.
    pub config: Config,
}
