//! A stand-in for one Jira Cloud site, over real HTTP.
//!
//! It keeps projects, issues, a workflow and permissions in memory, answers the REST calls an app
//! makes, installs a Connect app from its descriptor, delivers signed webhooks with Jira's retry
//! rules, and shows an issue page whose panel runs in the published bridge. It refuses what Jira
//! refuses: that is what it is for. It shares no code with the app under test.
//!
//! [`Standin`] runs it inside a test; the binary `jira-standin` runs it for a demo. Everything a
//! test can do with [`Standin`] can be done over HTTP below `/_standin/`, too.

mod acts;
mod adf;
mod auth;
mod clock;
mod control;
mod descriptor;
mod events;
mod faults;
mod forge;
mod frames;
mod install;
mod jql;
mod jql_field;
mod jql_match;
mod jql_property;
mod limits;
mod log;
mod model;
mod options;
mod page;
mod page_issue;
mod refusal;
mod rest;
mod scheme;
mod seed;
mod server;
mod standin;
mod text;
mod tokens;
mod view;
mod view_issue;
mod webhooks;

pub use faults::{FailNext, Faults};
pub use forge::{Envelope, ForgeOptions, Settings, Spreading};
pub use log::{
    Attempt, ChangeView, CommentView, IssueView, LinkView, Outcome, RemoteLinkView, Request,
};
pub use model::State;
pub use options::{Host, Options, Seed};
pub use refusal::Refusal;
pub use standin::{IssueRef, Standin};

/// The account ids every site begins with.
pub mod accounts {
    pub use crate::seed::{ADMIN, DEVELOPER, ONLOOKER, OUTSIDER, TESTER};
}

/// A data file of the shared reference material, for tests. Its absence is fine on a machine
/// that does not have the material, and an error in CI.
#[cfg(test)]
fn shared_file(path: &str) -> Option<Vec<u8>> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/reference/");
    let found = std::fs::read(format!("{root}{path}")).ok();
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{root}{path} is missing");
        eprintln!("skipped: {root}{path} is not there");
    }
    found
}
