//! Who looks at a matrix, and what they may see of it.
//!
//! A person sees the issues that Jira shows them, which Jira is asked for; an API client those of the
//! projects it was made for. An issue that is known by its key only is not shown to a person: Jira
//! cannot be asked about it.

use std::collections::HashSet;

use super::MatrixError;
use crate::app::App;
use crate::domain::site::{Site, SiteId};
use crate::jira::permissions::Asker;

/// Issues that Jira is asked about at once; it takes no more.
const ASKED: usize = 1_000;

/// Who looks.
#[derive(Debug, Clone, Copy)]
pub enum Eyes<'a> {
    /// An API client.
    Client {
        /// The site it belongs to.
        site: SiteId,
        /// The projects it was made for; none of them for all.
        projects: &'a [String],
    },
    /// A person, who sees the project.
    Person {
        /// The site they are on.
        site: &'a Site,
        /// Whose rights are asked for.
        asker: &'a Asker<'a>,
    },
}

/// What may be seen of the issues that were asked for.
#[derive(Debug)]
pub enum Seen<'a> {
    /// Issues of these projects; of all when there is none.
    Projects(&'a [String]),
    /// The issues with these ids of Jira's.
    Issues(HashSet<i64>),
}

impl<'a> Eyes<'a> {
    /// The site.
    #[must_use]
    pub fn site(&self) -> SiteId {
        match self {
            Self::Client { site, .. } => *site,
            Self::Person { site, .. } => site.id,
        }
    }

    /// Looks which of the issues with these ids of Jira's may be seen.
    pub async fn look(
        &self,
        app: &App,
        issues: impl IntoIterator<Item = i64>,
    ) -> Result<Seen<'a>, MatrixError> {
        match self {
            Self::Client { projects, .. } => Ok(Seen::Projects(projects)),
            Self::Person { site, asker } => {
                let mut wanted: Vec<i64> = issues.into_iter().collect();
                wanted.sort_unstable();
                wanted.dedup();
                let mut seen = HashSet::with_capacity(wanted.len());
                for chunk in wanted.chunks(ASKED) {
                    seen.extend(app.jira.visible_issues(site, asker, chunk).await?);
                }
                Ok(Seen::Issues(seen))
            }
        }
    }
}

impl Seen<'_> {
    /// Whether an issue, by Jira's id and its project, may be seen.
    #[must_use]
    pub fn has(&self, jira_id: Option<i64>, project_key: &str) -> bool {
        match self {
            Self::Projects(projects) => {
                projects.is_empty() || projects.iter().any(|held| held == project_key)
            }
            Self::Issues(issues) => jira_id.is_some_and(|id| issues.contains(&id)),
        }
    }
}
