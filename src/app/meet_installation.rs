//! A Forge installation calls: which site is that, and what is new about it?
//!
//! Every verified invocation comes by here, so a lost install event costs nothing: whoever calls is
//! installed. Most calls tell nothing new and cost a look into memory. An installation nobody knows is
//! found by Atlassian's id of the site and its environment (`forge.md` 9.3): then it is a re-install,
//! or the Forge half of a site that came through Connect, and it gets that site with all its data;
//! otherwise it gets a new site. Nothing here calls Jira; what must be asked there is put into the
//! outbox.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::App;
use super::sites::SitesError;
use crate::crypto::SealError;
use crate::domain::site::{ForgeAccess, Site};
use crate::domain::site_address::{Allowed, display_address};
use crate::domain::work::{Priority, Work};
use crate::store::audit::{self, NewEntry};
use crate::store::installations::{self, ForgeInstallation, InstallationState, Told, token_place};
use crate::store::outbox::{self, NewWork};
use crate::store::{Conn, SiteId, StoreError, sites};

/// How often it is noted that an installation was heard of, milliseconds.
const NOTED_EVERY_MS: i64 = 60_000;
/// How long an ended installation may go on talking before that means that it is back: Forge repeats
/// an event four times, a minute apart, and is up to three minutes late. Milliseconds.
const LAST_WORDS_MS: i64 = 10 * 60_000;
/// How long a token is used that does not say when it expires: it was good for two hours at the least
/// when Forge sent it (`forge.md` 4.1). Milliseconds.
const UNSAID_LIFETIME_MS: i64 = 60 * 60_000;

/// What an invocation tells of its installation.
#[derive(Debug, Clone, Copy)]
pub struct Met<'a> {
    /// The installation's resource name.
    pub installation_id: &'a str,
    /// Atlassian's id of the site.
    pub cloud_id: &'a str,
    /// Where the site's REST API is; its host was checked.
    pub api_base_url: &'a str,
    /// The version of the app.
    pub app_version: &'a str,
    /// `DEVELOPMENT`, `STAGING` or `PRODUCTION`.
    pub environment_type: &'a str,
    /// Forge's id of the environment.
    pub environment_id: &'a str,
    /// The address people see the site under, when it is told.
    pub site_url: Option<&'a str>,
    /// The app's own token for Jira, when one was delivered. Only Forge itself delivers it: a page's
    /// request may carry headers of the browser's making.
    pub system_token: Option<&'a SecretString>,
}

/// Why the site is not known.
#[derive(Debug, thiserror::Error)]
pub enum MeetError {
    /// The sites cannot be read.
    #[error(transparent)]
    Sites(#[from] SitesError),
    /// What is new could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The token could not be sealed.
    #[error("the token of an installation cannot be sealed")]
    Seal(#[from] SealError),
    /// What was just written is not there.
    #[error("the installation cannot be read back")]
    Lost,
}

/// The site of an installation that calls; what is new about it is kept first.
///
/// An installation that was removed a moment ago still says its last words: its site is given as it
/// is, uninstalled or not, and nothing is kept of them.
pub async fn meet_installation(app: &App, met: &Met<'_>) -> Result<Arc<Site>, MeetError> {
    let known = app.sites.by_installation(met.installation_id).await?;
    let _turn = match known.as_ref().map(|site| (site, news(app, site, met))) {
        Some((site, News::None)) => return Ok(Arc::clone(site)),
        Some((site, News::Alive)) => match app.sites.telling.try_lock() {
            Ok(turn) => turn,
            // Another call is at it; a sign of life may as well be noted by the next one.
            Err(_) => return Ok(Arc::clone(site)),
        },
        Some((_, News::Facts)) | None => app.sites.telling.lock().await,
    };
    // Whoever held the turn before may have written the same.
    if let Some(site) = app.sites.by_installation(met.installation_id).await?
        && news(app, &site, met) == News::None
    {
        return Ok(site);
    }
    let (site, has_work) = write_down(app, met).await?;
    app.sites.forget(site).await;
    if has_work {
        app.outbox_filled.notify_one();
    }
    let site = app.sites.by_installation(met.installation_id).await?;
    site.ok_or(MeetError::Lost)
}

/// What an invocation tells that is not known of its installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    /// Nothing.
    None,
    /// That it is still there; the last time that was noted is a while ago.
    Alive,
    /// Something about it, or a token.
    Facts,
}

fn news(app: &App, site: &Site, met: &Met<'_>) -> News {
    let now_ms = app.clock.now_ms();
    let Some(known) = &site.forge else {
        return News::Facts;
    };
    let is_as_known = known.installation_id == met.installation_id
        && known.api_base_url == met.api_base_url
        && known.app_version == met.app_version
        && known.environment_id == met.environment_id
        && known.cloud_id == met.cloud_id
        && known.environment_type == met.environment_type
        && site_url(app, met).is_none_or(|url| site.site_url.as_deref() == Some(&*url))
        && met
            .system_token
            .is_none_or(|token| !outlasts(token, known, now_ms));
    if !is_as_known {
        News::Facts
    } else if now_ms - known.last_seen_ms < NOTED_EVERY_MS {
        News::None
    } else {
        News::Alive
    }
}

async fn write_down(app: &App, met: &Met<'_>) -> Result<(SiteId, bool), MeetError> {
    let now_ms = app.clock.now_ms();
    let txn = app.store.write().await?;
    installations::hold_cloud(&*txn, met.cloud_id).await?;
    let known = installations::by_id(&*txn, met.installation_id).await?;
    if let Some(ended) = known
        .as_ref()
        .filter(|known| is_saying_last_words(known, now_ms))
    {
        return Ok((ended.site, false));
    }
    let told = Told {
        cloud_id: met.cloud_id.to_owned(),
        environment: met.environment_type.to_owned(),
        environment_id: met.environment_id.to_owned(),
        api_base_url: met.api_base_url.to_owned(),
        app_version: met.app_version.to_owned(),
    };
    let site = match &known {
        Some(known) if known.state == InstallationState::Live => {
            let is_other_version =
                known.told.as_ref().map(|told| &told.app_version) != Some(&told.app_version);
            installations::tell(&*txn, known.site, &known.id, &told, now_ms).await?;
            if is_other_version {
                look_around(&*txn, known.site, &known.id, now_ms).await?;
            }
            known.site
        }
        _ => take_in(&*txn, met, known.as_ref(), &told, now_ms).await?,
    };
    if let Some(url) = site_url(app, met) {
        sites::set_site_url(&*txn, site, &url).await?;
    }
    let is_new_token = keep_token(app, &*txn, site, met, known.as_ref(), now_ms).await?;
    txn.commit().await?;
    let is_new = known.is_none_or(|known| known.state != InstallationState::Live);
    if is_new {
        tracing::info!(site.id = %site, site.cloud_id = met.cloud_id, "the app is installed through Forge");
    }
    Ok((site, is_new || is_new_token))
}

/// Keeps a delivered token that lasts longer than the one at hand; tells whether it did.
async fn keep_token(
    app: &App,
    on: &impl Conn,
    site: SiteId,
    met: &Met<'_>,
    known: Option<&ForgeInstallation>,
    now_ms: i64,
) -> Result<bool, MeetError> {
    let Some(token) = met.system_token else {
        return Ok(false);
    };
    let place = token_place(met.installation_id);
    let held = known.and_then(|known| known.sealed_token.as_deref());
    let held = held.and_then(|sealed| app.seal.open(&place, sealed).ok());
    let token_text = token.expose_secret().as_bytes();
    // One that does not say when it expires must not last longer each time it comes.
    if held.as_deref() == Some(token_text) {
        return Ok(false);
    }
    let sealed = app.seal.seal(&place, token_text)?;
    let (id, expires_ms) = (met.installation_id, expires_ms(token, now_ms));
    Ok(installations::keep_token(on, site, id, sealed, expires_ms).await?)
}

fn is_saying_last_words(known: &ForgeInstallation, now_ms: i64) -> bool {
    matches!(
        known.state,
        InstallationState::Removed | InstallationState::Replaced
    ) && known
        .ended_ms
        .is_none_or(|ended_ms| now_ms - ended_ms < LAST_WORDS_MS)
}

/// Takes in an installation that is not the live one of any site.
async fn take_in(
    on: &impl Conn,
    met: &Met<'_>,
    known: Option<&ForgeInstallation>,
    told: &Told,
    now_ms: i64,
) -> Result<SiteId, StoreError> {
    let of_cloud = match known {
        Some(_) => None,
        None => sites::by_cloud_id(on, met.cloud_id, met.environment_type).await?,
    };
    let (site, reason) = match (known, of_cloud) {
        (Some(known), _) => (
            known.site,
            "Forge speaks for an installation that was known.",
        ),
        (None, Some(found)) if found.site.client_key.is_some() && found.site.forge.is_none() => (
            found.site.id,
            "Forge installed the app on the site that came through Connect.",
        ),
        (None, Some(found)) => (
            found.site.id,
            "The app was installed again; the site has its data back.",
        ),
        (None, None) => (
            sites::insert_for_forge(on, met.cloud_id, met.environment_type, now_ms).await?,
            "Forge installed the app on a new site.",
        ),
    };
    installations::go_live(on, site, met.installation_id, told, now_ms).await?;
    sites::set_cloud_id(on, site, met.cloud_id, met.environment_type).await?;
    sites::revive(on, site, now_ms).await?;
    // A Connect half may have been disabled on its way out.
    sites::set_enabled(on, site, true).await?;
    note(
        on,
        site,
        met.installation_id,
        "installation",
        reason,
        now_ms,
    )
    .await?;
    look_around(on, site, met.installation_id, now_ms).await?;
    Ok(site)
}

/// Wants what only Jira can tell of a new or upgraded installation: whether the site has a Connect
/// half, and where people see it.
pub async fn look_around(
    on: &impl Conn,
    site: SiteId,
    installation: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    let cause = format!("installation {installation}");
    for work in [Work::JoinConnect, Work::LearnAddress] {
        let new = NewWork::new(&work, cause.clone(), now_ms)
            .once(work.kind())
            .with_priority(Priority::Background);
        outbox::put(on, site, &new).await?;
    }
    Ok(())
}

/// Writes an entry about an installation into the audit.
pub(super) async fn note(
    on: &impl Conn,
    site: SiteId,
    installation: &str,
    action: &'static str,
    reason: &str,
    now_ms: i64,
) -> Result<(), StoreError> {
    let entry = NewEntry {
        rule: "installation".into(),
        actor: None,
        issue_id: None,
        test_id: None,
        action,
        is_done: true,
        reason: reason.to_owned(),
        cause: format!("installation {installation}"),
    };
    audit::insert_all(on, site, &[entry], now_ms).await
}

/// The address an invocation tells, when it is one that may be shown.
fn site_url(app: &App, met: &Met<'_>) -> Option<String> {
    let allowed = Allowed {
        suffixes: &[],
        loopback: app.config.server.insecure_sites,
    };
    display_address(met.site_url?, allowed)
}

/// Whether a token is another one than is known, and good for longer. The same token comes many
/// times, an older one too; none at all never replaces one.
fn outlasts(token: &SecretString, known: &ForgeAccess, now_ms: i64) -> bool {
    known.system_token.as_ref().is_none_or(|held| {
        held.secret.expose_secret() != token.expose_secret()
            && expires_ms(token, now_ms) > held.expires_ms
    })
}

/// When a token expires. It is opaque but for this one claim, and not ours to verify: Forge itself
/// delivered it.
fn expires_ms(token: &SecretString, now_ms: i64) -> i64 {
    #[derive(Deserialize)]
    struct Claims {
        exp: f64,
    }
    let read = || {
        let claims = token.expose_secret().split('.').nth(1)?;
        let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
        let claims: Claims = serde_json::from_slice(&claims).ok()?;
        whole_ms(claims.exp)
    };
    read().unwrap_or(now_ms + UNSAID_LIFETIME_MS)
}

/// Seconds since the Unix epoch as milliseconds; `None` for what no clock will show.
fn whole_ms(seconds: f64) -> Option<i64> {
    let since = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    i64::try_from(since.as_millis()).ok()
}
