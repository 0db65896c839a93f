//! The library's front of the Forge side: what a test does with it.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;

use super::install;
use super::{Installation, Settings, remote};
use crate::acts::Actor;
use crate::control::find_account;
use crate::model::State;
use crate::refusal::Refusal;
use crate::standin::Standin;

fn none() -> Refusal {
    Refusal::missing("No Forge app is installed.")
}

fn live<'a>(state: &'a State, id: Option<&str>) -> Result<&'a Installation, Refusal> {
    state.installation(id).ok_or_else(none)
}

fn signed(key: &super::keys::FitKey, claims: &Value, header: &Value) -> String {
    // A key that was made can sign.
    key.sign(claims, header).unwrap_or_default()
}

impl Standin {
    /// Installs the Forge app in production and waits until the first installation event was
    /// answered, in whatever way. Answers the installation's id.
    ///
    /// # Errors
    /// When the event was not even tried in time.
    pub async fn install_forge(&self, app_url: &str) -> anyhow::Result<String> {
        self.install_forge_in(app_url, "PRODUCTION").await
    }

    /// As [`Standin::install_forge`], in another environment: `DEVELOPMENT` or `STAGING`. An
    /// installation in the same environment is replaced without a word, as after an import.
    ///
    /// # Errors
    /// As [`Standin::install_forge`].
    pub async fn install_forge_in(
        &self,
        app_url: &str,
        environment_type: &str,
    ) -> anyhow::Result<String> {
        let told = |state: &State| {
            let of = state.deliveries().iter();
            of.filter(|it| it.event == "avi:forge:installed:app")
                .count()
        };
        let before = self.read(told);
        let shared = self.shared();
        let id = shared.act(|state| state.install_forge(app_url, environment_type));
        self.wait_for("the app heard of its installation", |state| {
            told(state) > before
        })
        .await?;
        Ok(id)
    }

    /// Installs again in production, which gives a new installation id.
    ///
    /// # Errors
    /// As [`Standin::install_forge`], or when it was not installed.
    pub async fn reinstall_forge(&self) -> anyhow::Result<String> {
        let own = self.read(|state| state.installation(None).cloned());
        let own = own.context("no Forge app is installed")?;
        self.install_forge_in(&own.app_url, &own.environment_type)
            .await
    }

    /// Gives the newest installation another version.
    ///
    /// # Errors
    /// When no Forge app is installed.
    pub fn upgrade_forge(&self, version: &str) -> Result<(), Refusal> {
        let done = self
            .shared()
            .act(|state| state.upgrade_forge(None, version));
        done.ok_or_else(none)
    }

    /// Removes the newest installation; without a call before it when `quietly`.
    ///
    /// # Errors
    /// When no Forge app is installed.
    pub async fn uninstall_forge(&self, quietly: bool) -> anyhow::Result<()> {
        install::uninstall(self.shared(), None, quietly).await
    }

    /// Makes the hourly call of the newest installation now.
    ///
    /// # Errors
    /// When no Forge app is installed.
    pub fn call_hourly(&self) -> Result<(), Refusal> {
        self.shared()
            .act(|state| state.call_hourly(None))
            .ok_or_else(none)
    }

    /// Delivers now what waits for its minute to be delivered again.
    pub fn redeliver_now(&self) {
        self.shared().act(|state| state.forge.hurried += 1);
    }

    /// Turns what a test may turn, from now on.
    pub fn set_forge(&self, settings: Settings) {
        self.shared().act(|state| state.forge.settings = settings);
    }

    /// The app's id, which is the audience of its tokens.
    #[must_use]
    pub fn forge_app_id(&self) -> String {
        self.read(|state| state.forge.app_id.clone())
    }

    /// Where the key set stands.
    #[must_use]
    pub fn jwks_url(&self) -> String {
        format!("{}/forge/.well-known/jwks.json", self.own_url())
    }

    /// Where tokens for the API may be used: `…/ex/jira/{cloudId}`.
    #[must_use]
    pub fn api_base_url(&self) -> String {
        self.read(|state| state.forge.api_url.clone())
    }

    /// The site's cloud id.
    #[must_use]
    pub fn cloud_id(&self) -> String {
        self.read(|state| state.site.cloud_id.clone())
    }

    /// The id of the newest live installation.
    #[must_use]
    pub fn installation_id(&self) -> Option<String> {
        self.read(|state| state.installation(None).map(|it| it.id.clone()))
    }

    /// The claims of an event, schedule or lifecycle call to an endpoint. They are valid now and
    /// for 25 seconds; change them as you like and sign them with [`Standin::sign_fit`].
    ///
    /// # Errors
    /// When no Forge app is installed.
    pub fn event_claims(&self, endpoint: &str) -> Result<Value, Refusal> {
        self.read(|state| Ok(state.event_claims(live(state, None)?, endpoint)))
    }

    /// The claims of a call from a page: the module's key, who looks, and the issue it stands on.
    ///
    /// # Errors
    /// When no Forge app is installed, it has no such module, or the account does not see the issue.
    pub fn page_claims(
        &self,
        module: &str,
        account: &str,
        issue: Option<&str>,
    ) -> Result<Value, Refusal> {
        self.read(|state| {
            let account = find_account(state, account)?;
            let place = state.place(module, &account, issue.unwrap_or_default(), "")?;
            Ok(state.page_claims(live(state, None)?, Some(&account), &place))
        })
    }

    /// The module key of the first page of a kind, `jira:issuePanel` for example.
    ///
    /// # Errors
    /// When the app has none.
    pub fn module_key(&self, kind: &str) -> Result<String, Refusal> {
        let key = self.read(|state| state.forge.manifest.page_of(kind).map(|it| it.key.clone()));
        key.ok_or_else(|| Refusal::missing(format!("The app has no page of kind {kind}.")))
    }

    /// Signs claims with Forge's key of the moment.
    #[must_use]
    pub fn sign_fit(&self, claims: &Value) -> String {
        self.sign_fit_with(claims, &Value::Null)
    }

    /// As [`Standin::sign_fit`]; members of `header` are put into the token's header.
    #[must_use]
    pub fn sign_fit_with(&self, claims: &Value, header: &Value) -> String {
        self.read(|state| signed(&state.forge.keys.current, claims, header))
    }

    /// Signs claims with a key that stands in no key set, under its own key id.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn sign_fit_as_stranger(&self, claims: &Value) -> anyhow::Result<String> {
        let key = self.shared().act(|state| state.forge.keys.stranger())?;
        Ok(signed(&key, claims, &Value::Null))
    }

    /// Signs with a new key from now on. The old one is withdrawn unless it is kept.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn rotate_keys(&self, keep_old: bool) -> anyhow::Result<()> {
        self.shared().act(|state| state.forge.keys.rotate(keep_old))
    }

    /// Answers the key set with a status instead, or, without one, as it should be.
    pub fn set_key_outage(&self, status: Option<u16>) {
        self.shared().act(|state| state.forge.keys.outage = status);
    }

    /// Whether the key set's numbers are padded, and whether keys of other kinds stand in it.
    pub fn set_key_shape(&self, padded: bool, strange: bool) {
        self.shared().act(|state| {
            state.forge.keys.padded = padded;
            state.forge.keys.strange = strange;
        });
    }

    /// How often the key set was asked for.
    #[must_use]
    pub fn key_fetches(&self) -> u64 {
        self.read(|state| state.forge.keys.fetches)
    }

    /// The app's own token for the API, as the newest installation would get it now.
    ///
    /// # Errors
    /// When no Forge app is installed.
    pub fn system_token(&self) -> Result<String, Refusal> {
        self.shared().act(|state| {
            let id = live(state, None)?.id.clone();
            state.system_token(&id).ok_or_else(none)
        })
    }

    /// A person's token for the API, as a page's call would carry it now.
    ///
    /// # Errors
    /// When no Forge app is installed or there is no such account.
    pub fn user_token(&self, account: &str) -> Result<String, Refusal> {
        self.shared().act(|state| {
            let account = find_account(state, account)?;
            let id = live(state, None)?.id.clone();
            state.user_token(&id, &account).ok_or_else(none)
        })
    }

    /// Makes a call of the app's page: `{as, module, issue?, call: {path, method, headers?,
    /// body?}}`. Answers `{resolved}`, as the bridge is given it, or `{rejected}` with a reason.
    ///
    /// # Errors
    /// When no Forge app is installed, it has no such module, or the account does not see the issue.
    pub async fn invoke_remote(&self, call: &Value) -> Result<Value, Refusal> {
        remote::invoke(self.shared(), call).await
    }

    /// Sends an event the site has no act for, to triggers that ask for it.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn emit_forge(&self, event: &str, members: &Value, account: &str) -> Result<(), Refusal> {
        self.shared().act(|state| {
            let actor = Actor::account(&find_account(state, account)?);
            state.tell_forge(&actor, event, None, members);
            Ok(())
        })
    }

    /// Waits until a delivery waits for its redelivery, at most 15 seconds.
    ///
    /// # Errors
    /// When none does in time.
    pub async fn wait_for_retry(&self) -> anyhow::Result<()> {
        self.wait_until("a delivery failed", Duration::from_secs(15), |state| {
            let last = state.deliveries().last();
            last.is_some_and(|it| it.outcome == crate::Outcome::Retrying)
        })
        .await
    }
}
