//! What a refusal of Jira's means while the app calls through Forge (`forge.md` 4.2, 4.3).
//!
//! Right after an install the rights of the app's account are still spreading through the site, so a
//! refusal says nothing yet. Later, a token that is not accepted is a bad one: work waits for the
//! next. That Jira refused at all is noted, because an app that was removed is never told so.

use std::time::Duration;

use super::Failure;
use crate::app::App;
use crate::jira::{Gone, JiraError};
use crate::store::outbox::ClaimedWork;
use crate::store::{Conn, SiteId, StoreError, installations};

/// How long an installation's rights may take to spread, milliseconds; minutes on large sites.
const SPREADING_MS: i64 = 30 * 60_000;
/// The shortest and the longest wait while they do.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_mins(5);
/// How long work lies still after a token turned out bad; then it is ready once there is a new one.
const NEXT_TOKEN: Duration = Duration::from_secs(1);

/// A refusal under the token of an installation.
#[derive(Debug)]
pub(super) struct Refused {
    installation: String,
    /// When the token would have expired, if it is the token that is bad.
    bad_token: Option<i64>,
    /// How long to wait, if the refusal is no answer yet.
    pub wait: Option<Duration>,
}

/// The refusal in a failure, if it is one and came while the site was called through Forge.
pub(super) async fn refused(app: &App, work: &ClaimedWork, failure: &Failure) -> Option<Refused> {
    let Failure::Jira(JiraError::Gone(gone)) = failure else {
        return None;
    };
    // The copy the try was made with; if it cannot be had, the failure is judged as any other.
    let site = app.sites.by_id(work.site).await.ok()??;
    let (forge, now_ms) = (site.forge.as_ref()?, app.clock.now_ms());
    if forge.valid_token(now_ms).is_none() {
        // Without a secret it was tried with a token: another try has found it bad meanwhile.
        let is_bad = matches!(gone, Gone::Unauthorized) && site.secret.is_none();
        return is_bad.then(|| Refused {
            installation: forge.installation_id.clone(),
            bad_token: None,
            wait: Some(NEXT_TOKEN),
        });
    }
    let expires_ms = forge.system_token.as_ref()?.expires_ms;
    let age_ms = now_ms - forge.first_seen_ms;
    let (bad_token, wait) = match gone {
        Gone::Unauthorized | Gone::Forbidden if age_ms < SPREADING_MS => {
            // As long again as it has taken so far: the waits grow by themselves.
            let age = Duration::from_millis(u64::try_from(age_ms).unwrap_or(0));
            (None, Some(age.clamp(FIRST_WAIT, LONGEST_WAIT)))
        }
        Gone::Unauthorized => (Some(expires_ms), Some(NEXT_TOKEN)),
        Gone::Forbidden | Gone::NotFound => (None, None),
        Gone::NotInstalled | Gone::Moved => return None,
    };
    Some(Refused {
        installation: forge.installation_id.clone(),
        bad_token,
        wait,
    })
}

impl Refused {
    /// Notes it, and forgets a token that is bad.
    pub async fn keep(&self, on: &impl Conn, site: SiteId, now_ms: i64) -> Result<(), StoreError> {
        installations::note_refusal(on, site, &self.installation, now_ms).await?;
        match self.bad_token {
            Some(expires_ms) => {
                installations::drop_token(on, site, &self.installation, expires_ms).await
            }
            None => Ok(()),
        }
    }
}
