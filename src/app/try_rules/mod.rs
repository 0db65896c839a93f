//! Tries rules against what is kept of the past: what they would have done, and what not, and why.
//! Nothing is sent and nothing is stored.
//!
//! The past is followed moment by moment with the functions that decide in earnest; only the guards
//! and the marks are kept in memory instead of the store. Events are kept for some days, so an issue
//! of which none is kept is taken as it is now.

use crate::app::App;
use crate::domain::rule::{Rule, RuleFault};
use crate::domain::settings::{OwnRule, RuleName, SiteSettings};
use crate::store::{SiteId, StoreError, settings};

mod history;
mod replay;

pub use replay::Tried;

use history::History;
use replay::Replay;

/// The longest span that is tried, milliseconds: as long as events are kept.
pub const LONGEST_MS: i64 = 14 * 24 * 3_600_000;
/// Decisions that are told at the most.
pub const MOST_TOLD: usize = 1_000;

/// What is tried.
#[derive(Debug, Clone)]
pub enum Candidate {
    /// A rule of the site's own, new or in the place of the one with its name.
    Own(Box<Rule>),
    /// A built-in rule, switched on everywhere.
    BuiltIn(RuleName),
}

/// What came of a trial.
#[derive(Debug, Clone, Default)]
pub struct Trial {
    /// What the rule would have done and not done, in the order of time, at most [`MOST_TOLD`].
    pub decisions: Vec<Tried>,
    /// How much of it would have been done, told or not.
    pub done: usize,
    /// How often it would have decided to do nothing.
    pub not_done: usize,
    /// How many moments of the span were followed.
    pub moments: usize,
    /// Since when events are kept, milliseconds since the Unix epoch.
    pub events_since_ms: Option<i64>,
    /// Whether everything in the span was followed; else there was too much.
    pub is_whole: bool,
}

/// Why a rule was not tried.
#[derive(Debug, thiserror::Error)]
pub enum TryError {
    /// It cannot run.
    #[error(transparent)]
    Fault(#[from] RuleFault),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Tries a rule against a span of the past, in one project or in all; instants are milliseconds since
/// the Unix epoch.
pub async fn try_rule(
    app: &App,
    site: SiteId,
    candidate: &Candidate,
    project: Option<&str>,
    (from_ms, until_ms): (i64, i64),
) -> Result<Trial, TryError> {
    if let Candidate::Own(rule) = candidate {
        rule.check()?;
    }
    let on = app.store.read();
    let settings = with(settings::of_site(on, site).await?, candidate);
    let history = History::read(on, site, (from_ms, until_ms)).await?;
    let replay = Replay::new(&history, settings, candidate, project, from_ms);
    Ok(replay.run())
}

/// The settings with the candidate in force, and no other rule of the site's own in its way.
fn with(mut settings: SiteSettings, candidate: &Candidate) -> SiteSettings {
    match candidate {
        Candidate::Own(rule) => {
            let mut rule = Rule::clone(rule);
            rule.is_on = true;
            settings.own_rules = vec![OwnRule {
                name: rule.name.clone(),
                rule: Some(rule),
                fault: None,
            }];
        }
        Candidate::BuiltIn(name) => {
            settings.own_rules.clear();
            let mut wanted = vec![*name];
            // A rule that goes further needs the one it goes further than.
            wanted.extend(name.requires());
            for over in settings.projects.values_mut() {
                over.rules.retain(|rule, _| !wanted.contains(rule));
            }
            for rule in wanted {
                settings.site.rules.insert(rule, true);
            }
        }
    }
    settings
}
