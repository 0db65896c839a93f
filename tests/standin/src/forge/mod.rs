//! The Forge side of the site: an app installed from a manifest, reached through Forge Remote.
//!
//! Forge signs invocation tokens (`keys`, `fit`), sends events, schedules and lifecycle calls with
//! its redelivery (`events`, `deliver`, `install`), lends tokens for the site's API (`oauth`), and
//! carries calls of the app's pages to its server (`remote`). A site may have a Connect app, a
//! Forge app, or both. What a test may turn stands in [`Settings`].

pub(crate) mod cdn;
pub(crate) mod deliver;
mod events;
mod fit;
mod front;
pub(crate) mod install;
mod keys;
mod manifest;
pub(crate) mod oauth;
pub(crate) mod page;
mod remote;
pub(crate) mod routes;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use crate::model::State;
use deliver::Delivery;
use keys::Keys;
use manifest::Manifest;

/// The app every site knows, unless it is told another.
pub(crate) const APP: &str = "ari:cloud:ecosystem::app/5b0c7a7e-52a4-4a9f-9d53-3b1f0f6c2a11";

/// How the Forge side of a site is started.
#[derive(Clone, Debug)]
pub struct ForgeOptions {
    /// The app's id, `ari:cloud:ecosystem::app/…`.
    pub app_id: String,
    /// The app's `manifest.yml`; a built-in sample, if absent.
    pub manifest: Option<PathBuf>,
    /// The Connect app that this one takes over; what the manifest says, if absent.
    pub connect_key: Option<String>,
    /// The folder the manifest's resources were built into, for the pages.
    pub ui_dir: Option<PathBuf>,
    /// How long an event, a schedule or a lifecycle call may take, in milliseconds.
    pub event_timeout_ms: u64,
    /// How long a call of a page may take, in milliseconds.
    pub ui_timeout_ms: u64,
}

impl Default for ForgeOptions {
    fn default() -> Self {
        Self {
            app_id: APP.to_owned(),
            manifest: None,
            connect_key: None,
            ui_dir: None,
            event_timeout_ms: 5_000,
            ui_timeout_ms: 25_000,
        }
    }
}

/// Around which member an event's body is built; Atlassian's pages show both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Envelope {
    /// The event's members stand at the top.
    #[default]
    Flat,
    /// The event stands in `payload`.
    Payload,
}

/// API calls with the app's own token that are refused after each installation, while its
/// permissions spread through the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Spreading {
    /// 401 or 403.
    pub status: u16,
    /// How many calls are refused.
    pub requests: u32,
}

/// What a test may turn on the Forge side.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each switch is one thing a test may turn"
)]
pub struct Settings {
    /// Overrules the manifest's `ignoreSelf`.
    pub ignore_self: Option<bool>,
    /// The events every trigger asks for, instead of the manifest's.
    pub events: Option<BTreeSet<String>>,
    /// The shape of event bodies.
    pub envelope: Envelope,
    /// Ids in link events are numbers instead of strings.
    pub numeric_link_ids: bool,
    /// Lifecycle bodies name their `eventType`.
    pub named_lifecycle: bool,
    /// How long tokens for the API live, in milliseconds.
    pub token_lifetime_ms: i64,
    /// No `x-forge-oauth-system` goes out.
    pub withhold_system_token: bool,
    /// No `x-forge-oauth-user` goes out.
    pub withhold_user_token: bool,
    /// Refusals after the next installation.
    pub spreading: Option<Spreading>,
    /// How long Forge waits before it delivers again, in milliseconds of the site's clock.
    pub redeliver_ms: i64,
    /// The licence in tokens of a paid app in production.
    pub license: Option<Value>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ignore_self: None,
            events: None,
            envelope: Envelope::Flat,
            numeric_link_ids: false,
            named_lifecycle: false,
            token_lifetime_ms: 4 * 3_600_000,
            withhold_system_token: false,
            withhold_user_token: false,
            spreading: None,
            redeliver_ms: 60_000,
            license: None,
        }
    }
}

/// An installation of the app on the site.
#[derive(Clone, Debug)]
pub(crate) struct Installation {
    /// `ari:cloud:ecosystem::installation/…`.
    pub(crate) id: String,
    /// The remote's base address.
    pub(crate) app_url: String,
    pub(crate) version: String,
    /// `DEVELOPMENT`, `STAGING` or `PRODUCTION`.
    pub(crate) environment_type: String,
    /// The bare id of the environment.
    pub(crate) environment_id: String,
    /// False once it was removed or replaced.
    pub(crate) live: bool,
    /// When the hourly schedule is due.
    pub(crate) next_hourly_ms: i64,
    /// Calls that are still refused because permissions spread.
    pub(crate) refusals: Option<Spreading>,
}

/// The Forge side of a site.
pub(crate) struct Side {
    pub(crate) app_id: String,
    /// `…/ex/jira/{cloudId}`: where tokens may be used.
    pub(crate) api_url: String,
    pub(crate) manifest: Manifest,
    pub(crate) keys: Keys,
    pub(crate) settings: Settings,
    /// Oldest first, removed ones too.
    pub(crate) installations: Vec<Installation>,
    pub(crate) tokens: Vec<oauth::Token>,
    /// The account of the app's own user, once it was installed.
    pub(crate) account: Option<String>,
    pub(crate) outgoing: Option<UnboundedSender<Delivery>>,
    /// Where the app's pages are served from, if they are.
    pub(crate) cdn_url: Option<String>,
    /// The configuration of the one gadget on the dashboard.
    pub(crate) gadget: Value,
    /// How often waiting redeliveries were told not to wait.
    pub(crate) hurried: u64,
}

impl Side {
    /// A side without installations. The cloud's API address is set once it is known.
    pub(crate) fn new(options: &ForgeOptions) -> anyhow::Result<Self> {
        let mut manifest = Manifest::load(options.manifest.as_deref())?;
        manifest.connect_key = options.connect_key.clone().or(manifest.connect_key);
        Ok(Self {
            app_id: options.app_id.clone(),
            api_url: String::new(),
            manifest,
            keys: Keys::new()?,
            settings: Settings::default(),
            installations: Vec::new(),
            tokens: Vec::new(),
            account: None,
            outgoing: None,
            cdn_url: None,
            gadget: Value::Null,
            hurried: 0,
        })
    }

    /// The bare id of the app.
    fn app_uuid(&self) -> &str {
        self.app_id.rsplit('/').next().unwrap_or_default()
    }
}

impl State {
    /// The installation of an id; without an id the newest live one.
    pub(crate) fn installation(&self, id: Option<&str>) -> Option<&Installation> {
        let mut newest_first = self.forge.installations.iter().rev();
        newest_first.find(|it| it.live && id.is_none_or(|id| it.id == id))
    }
}
