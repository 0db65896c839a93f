//! Everything that changes the site, in one place: each act checks what Jira checks, writes the
//! history and tells the webhooks. REST calls, the page and tests all come through here.

pub(crate) mod changes;
pub(crate) mod fields;
pub(crate) mod issues;
pub(crate) mod links;
pub(crate) mod planning;
pub(crate) mod talk;
pub(crate) mod workflow;

/// Who acts, and how it is told to the webhooks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actor {
    /// The account that acts.
    pub(crate) account: String,
    /// `X-Atlassian-Webhook-Trace` of the request that caused it.
    pub(crate) trace: Option<String>,
    /// Part of a bulk change: its events go the slow way.
    pub(crate) bulk: bool,
    /// Follows from the deletion of its issue, which Forge tells nothing of.
    pub(crate) cascading: bool,
}

impl Actor {
    /// An account acting by itself.
    pub(crate) fn account(id: &str) -> Self {
        Self {
            account: id.to_owned(),
            ..Self::default()
        }
    }
}
