//! What Touchstone does, seen from outside: HTTP, the command line, and a Jira that answers.
//!
//! One binary; a module a behaviour. Each test runs on SQLite and on PostgreSQL from one body
//! (`both_databases!`): PostgreSQL's server comes from `TEST_DATABASE_URL`, without which that half
//! is skipped with a printed reason, unless CI is set, where it fails.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test says what went wrong by failing where it went wrong; clocks, ids and settings \
              are its own affair"
)]

mod support;

mod api_edits;
mod api_results;
mod architecture;
mod both_hosts;
mod connect_lifecycle;
mod connect_security;
mod contract;
mod convergence;
mod defects;
mod defects_by_rule;
mod defects_dialog;
mod duplicates;
mod flaky;
mod forge_events;
mod forge_identity;
mod forge_manifest;
mod forge_pages;
mod forge_tokens;
mod forge_tokens_for_jira;
mod forge_viewer;
mod import;
mod import_command;
mod import_json;
mod inbox;
mod issue_coverage;
mod kill;
mod many_issues;
mod matrix;
mod matrix_page;
mod metrics;
mod migrations;
mod model;
mod openapi;
mod outbox;
mod own_rules;
mod panel;
mod panel_choices;
mod project_page;
mod readiness;
mod readme;
mod rebuild;
mod reconcile;
mod retention;
mod rules;
mod scopes;
mod statuses_in_jira;
mod xray_around;
mod xray_auth;
mod xray_graphql;
mod xray_import;
