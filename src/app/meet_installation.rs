//! An installation of the Forge app calls: which site is that?

use std::sync::Arc;

use secrecy::SecretString;

use super::App;
use super::sites::SitesError;
use crate::domain::site::Site;

/// What an invocation tells of its installation.
#[derive(Debug, Clone, Copy)]
pub struct Met<'a> {
    /// The installation's ARI.
    pub installation_id: &'a str,
    /// Atlassian's id of the site.
    pub cloud_id: &'a str,
    /// Where the site's REST API is.
    pub api_base_url: &'a str,
    /// The version of the app.
    pub app_version: &'a str,
    /// `DEVELOPMENT`, `STAGING` or `PRODUCTION`.
    pub environment_type: &'a str,
    /// The environment's ARI.
    pub environment_id: &'a str,
    /// The address people see the site under, when it is told.
    pub site_url: Option<&'a str>,
    /// The app's own token for Jira, when one was delivered.
    pub system_token: Option<&'a SecretString>,
}

/// Why the site is not known.
#[derive(Debug, thiserror::Error)]
pub enum MeetError {
    /// The sites cannot be read.
    #[error(transparent)]
    Sites(#[from] SitesError),
    /// No site has the installation.
    #[error("no site has this installation")]
    Unknown,
}

/// The site of an installation that calls.
pub async fn meet_installation(app: &App, met: &Met<'_>) -> Result<Arc<Site>, MeetError> {
    app.sites
        .find(met.cloud_id)
        .await?
        .ok_or(MeetError::Unknown)
}
