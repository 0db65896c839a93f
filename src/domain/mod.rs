//! What is true: pure functions over plain values.
//!
//! No async, no input or output, no clock, nothing of the layers above; times come in as
//! milliseconds since the Unix epoch, UTC. A rule of test management lives here and only here, so
//! that panel, API and reports cannot disagree.

pub mod attempts;
pub mod coverage;
pub mod defect;
pub mod defect_settings;
pub mod execution;
pub mod exemption;
pub mod folder;
pub mod heartbeat;
pub mod hierarchy;
pub mod issue;
pub mod jql;
pub mod keys;
pub mod matrix;
pub mod mirror;
pub mod month;
pub mod plain_text;
pub mod quarantine;
pub mod readiness;
pub mod rule;
pub mod run;
pub mod run_detail;
pub mod settings;
pub mod severity;
pub mod shown_status;
pub mod signature;
pub mod site;
pub mod site_address;
pub mod sprint;
pub mod statuses;
pub mod test;
pub mod transition_path;
pub mod wording;
pub mod work;
