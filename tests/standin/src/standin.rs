//! The library's front: starting a site inside a test and acting on it.
//!
//! Names of accounts may be account ids, e-mail addresses or first names.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::control;
use crate::faults::Faults;
use crate::frames;
use crate::install;
use crate::log::{Attempt, IssueView, Request};
use crate::model::State;
use crate::options::Options;
use crate::refusal::Refusal;
use crate::server::{self, Running, Shared};

/// An issue by both its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueRef {
    /// Its id, which stays.
    pub id: u64,
    /// Its key, which changes when it is moved.
    pub key: String,
}

/// A running site. Dropping it stops it.
pub struct Standin {
    running: Running,
}

impl Standin {
    /// Starts a site. With an app's address it also installs the app, as soon as that answers.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    #[expect(
        clippy::unused_async,
        reason = "must be called inside a runtime, which this shows"
    )]
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        Ok(Self {
            running: server::start(options)?,
        })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.running.shared
    }

    /// The address the site calls its own, without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.read(|state| state.site.base_url.clone())
    }

    /// The address the server is reached at; other than [`Standin::base_url`] when a proxy stands
    /// before it or the site was renamed.
    #[must_use]
    pub fn own_url(&self) -> String {
        self.shared().own_url.clone()
    }

    /// The address of the key host of installation keys; a key id follows after a slash.
    #[must_use]
    pub fn key_host(&self) -> String {
        format!("{}/_standin/keys", self.shared().own_url)
    }

    /// The client key of the site.
    #[must_use]
    pub fn client_key(&self) -> String {
        self.read(|state| state.site.client_key.clone())
    }

    /// The secret the site shares with the app now.
    #[must_use]
    pub fn shared_secret(&self) -> String {
        self.read(|state| state.site.shared_secret.clone())
    }

    /// Looks at the state.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        self.shared().read(look)
    }

    /// Fetches the app's descriptor and installs it, with a new secret.
    ///
    /// # Errors
    /// When the descriptor is not valid or the app does not take the callback; the site then
    /// stays as it was.
    pub async fn install(&self, app_url: &str) -> anyhow::Result<()> {
        install::install(self.shared(), app_url).await
    }

    /// Installs the app again, which gives it a new secret.
    ///
    /// # Errors
    /// As [`Standin::install`], or when no app was installed.
    pub async fn rotate_secret(&self) -> anyhow::Result<()> {
        let url = self.read(|state| state.app.as_ref().map(|app| app.base_url.clone()));
        self.install(&url.context("no app was installed")?).await
    }

    /// Gives the site another address in everything it says, and tells the app.
    ///
    /// # Errors
    /// As [`Standin::rotate_secret`].
    pub async fn rename_site(&self, base_url: &str) -> anyhow::Result<()> {
        let url = self.read(|state| state.app.as_ref().map(|app| app.base_url.clone()));
        control::rename_site(
            self.shared(),
            base_url,
            &url.context("no app was installed")?,
        )
        .await
    }

    /// Uninstalls the app.
    ///
    /// # Errors
    /// When none is installed or it cannot be reached; it is gone all the same.
    pub async fn uninstall(&self) -> anyhow::Result<()> {
        install::uninstall(self.shared()).await
    }

    /// Enables or disables the app.
    ///
    /// # Errors
    /// When none is installed or it cannot be reached.
    pub async fn set_enabled(&self, enabled: bool) -> anyhow::Result<()> {
        install::set_enabled(self.shared(), enabled).await
    }

    /// Performs an act by its name and body, as `POST /_standin/act/{act}` does.
    ///
    /// # Errors
    /// The refusal of the act.
    pub fn act(&self, act: &str, body: &Value) -> Result<Value, Refusal> {
        self.shared()
            .act(|state| control::perform(state, act, body))
    }

    /// Creates an issue. `fields` holds what else is to be set, in API version 2.
    ///
    /// # Errors
    /// What Jira would refuse.
    pub fn create_issue(
        &self,
        account: &str,
        project: &str,
        kind: &str,
        summary: &str,
        fields: &Value,
    ) -> Result<IssueRef, Refusal> {
        let made = self.act(
            "create",
            &json!({
                "as": account, "project": project, "type": kind, "summary": summary,
                "fields": fields,
            }),
        )?;
        let id = made.get("id").and_then(Value::as_u64).unwrap_or_default();
        let key = made.get("key").and_then(Value::as_str).unwrap_or_default();
        Ok(IssueRef {
            id,
            key: key.to_owned(),
        })
    }

    /// Takes the transition that leads to a status; a resolve screen gets "Done".
    ///
    /// # Errors
    /// When no transition leads there for this account.
    pub fn transition(&self, key: &str, status: &str, account: &str) -> Result<(), Refusal> {
        self.act(
            "transition",
            &json!({ "issue": key, "to": status, "as": account }),
        )
        .map(drop)
    }

    /// As [`Standin::transition`], with a resolution.
    ///
    /// # Errors
    /// When no transition leads there for this account.
    pub fn resolve(&self, key: &str, resolution: &str, account: &str) -> Result<(), Refusal> {
        let body = json!({ "issue": key, "to": "Done", "resolution": resolution, "as": account });
        self.act("transition", &body).map(drop)
    }

    /// Adds a comment and answers its id.
    ///
    /// # Errors
    /// What Jira would refuse.
    pub fn comment(&self, key: &str, text: &str, account: &str) -> Result<u64, Refusal> {
        let made = self.act(
            "comment",
            &json!({ "issue": key, "text": text, "as": account }),
        )?;
        Ok(made.get("id").and_then(Value::as_u64).unwrap_or_default())
    }

    /// Links two issues: `key` shows the outward words of the link type. Answers the link's id.
    ///
    /// # Errors
    /// What Jira would refuse.
    pub fn link(&self, kind: &str, key: &str, other: &str, account: &str) -> Result<u64, Refusal> {
        let body = json!({ "type": kind, "issue": key, "other": other, "as": account });
        let made = self.act("link", &body)?;
        Ok(made.get("id").and_then(Value::as_u64).unwrap_or_default())
    }

    /// Takes a link away.
    ///
    /// # Errors
    /// What Jira would refuse.
    pub fn unlink(&self, link: u64, account: &str) -> Result<(), Refusal> {
        self.act("unlink", &json!({ "id": link, "as": account }))
            .map(drop)
    }

    /// Edits fields of an issue, in API version 2.
    ///
    /// # Errors
    /// What Jira would refuse.
    pub fn edit(&self, key: &str, fields: &Value, account: &str) -> Result<(), Refusal> {
        self.act(
            "edit",
            &json!({ "issue": key, "fields": fields, "as": account }),
        )
        .map(drop)
    }

    /// Deletes an issue with its sub-tasks.
    ///
    /// # Errors
    /// What Jira would refuse.
    pub fn delete(&self, key: &str, account: &str) -> Result<(), Refusal> {
        self.act("delete", &json!({ "issue": key, "as": account }))
            .map(drop)
    }

    /// Moves an issue to another project and answers its new key.
    ///
    /// # Errors
    /// What Jira would refuse.
    pub fn move_issue(&self, key: &str, project: &str, account: &str) -> Result<String, Refusal> {
        let moved = self.act(
            "move",
            &json!({ "issue": key, "project": project, "as": account }),
        )?;
        Ok(moved
            .get("key")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned())
    }

    /// A bulk change: every one of the issues that can takes the step; answers how many did.
    ///
    /// # Errors
    /// When an issue does not exist.
    pub fn bulk_transition(
        &self,
        keys: &[&str],
        status: &str,
        account: &str,
    ) -> Result<u64, Refusal> {
        let body = json!({ "issues": keys, "to": status, "as": account });
        let done = self.act("bulk-transition", &body)?;
        Ok(done
            .get("changed")
            .and_then(Value::as_u64)
            .unwrap_or_default())
    }

    /// Grants or takes a permission in a project; `ADMINISTER` belongs to the site.
    ///
    /// # Errors
    /// When the account or the project does not exist.
    pub fn set_permission(
        &self,
        account: &str,
        project: &str,
        permission: &str,
        granted: bool,
    ) -> Result<(), Refusal> {
        self.shared().act(|state| {
            let account = control::find_account(state, account)?;
            control::set_permission(state, &account, project, permission, granted)
        })
    }

    /// Lets nobody create an issue without these fields, by id, from now on.
    pub fn demand_fields(&self, fields: &[&str]) {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        self.shared().act(|state| state.demanded = fields);
    }

    /// Sets what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.shared()
            .act(|state| control::set_faults(state, faults));
    }

    /// Pushes the site's clock forward (or, negative, back).
    pub fn advance_ms(&self, by: i64) {
        self.shared().act(|state| state.clock.advance_ms(by));
    }

    /// Stops the site's clock; from then on only [`Standin::advance_ms`] moves it.
    pub fn stop_clock(&self) {
        self.shared().act(|state| state.clock.stop());
    }

    /// A URL-bound token for a request to the app. `target` is path and query below the app's
    /// base address.
    ///
    /// # Errors
    /// When no app is installed.
    pub fn url_bound_jwt(
        &self,
        method: &str,
        target: &str,
        account: &str,
    ) -> Result<String, Refusal> {
        self.read(|state| {
            let account = control::find_account(state, account)?;
            state.url_token(method, target, Some(&account))
        })
    }

    /// A context token as `AP.context.getToken` gives it to the page on an issue, or on none.
    ///
    /// # Errors
    /// When no app is installed or the account does not see the issue.
    pub fn context_jwt(&self, issue: Option<&str>, account: &str) -> Result<String, Refusal> {
        self.read(|state| {
            let account = control::find_account(state, account)?;
            let id = issue
                .map(|name| state.visible_issue(&account, name))
                .transpose()?;
            state.context_token(id, &account)
        })
    }

    /// The address Jira would load the app's issue panel from.
    ///
    /// # Errors
    /// When no app with such a module is installed or the account does not see the issue.
    pub fn frame_url(&self, issue: &str, account: &str) -> Result<String, Refusal> {
        self.read(|state| {
            let account = control::find_account(state, account)?;
            let id = state.visible_issue(&account, issue)?;
            let module = state.installed_app().and_then(frames::issue_module);
            let module = module.ok_or_else(|| Refusal::missing("The app has no issue module."))?;
            state.module_url(&module, Some(id), &account, &[])
        })
    }

    /// The address Jira would load the app's administration page from, whoever asks.
    ///
    /// # Errors
    /// When no app with such a module is installed.
    pub fn admin_frame_url(&self, account: &str) -> Result<String, Refusal> {
        self.read(|state| {
            let account = control::find_account(state, account)?;
            let module = state.installed_app().and_then(frames::admin_module);
            let module = module.ok_or_else(|| Refusal::missing("The app has no admin module."))?;
            state.module_url(&module, None, &account, &[])
        })
    }

    /// An issue as it stands.
    #[must_use]
    pub fn issue(&self, key: &str) -> Option<IssueView> {
        self.read(|state| state.issue(key))
    }

    /// Every attempt to deliver a webhook, oldest first.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Attempt> {
        self.read(|state| state.deliveries().to_vec())
    }

    /// Every API request, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.read(|state| state.requests().to_vec())
    }

    /// Waits until every webhook delivery has ended for good, at most a minute.
    ///
    /// # Errors
    /// When deliveries are still open after that.
    pub async fn settle(&self) -> anyhow::Result<()> {
        let wait = Duration::from_mins(1);
        self.wait_until("every webhook has been delivered", wait, |state| {
            state.open_deliveries() == 0
        })
        .await
    }

    /// Waits until a condition holds, at most 15 seconds.
    ///
    /// # Errors
    /// When it does not hold in time; the error names it.
    pub async fn wait_for(
        &self,
        name: &str,
        condition: impl Fn(&State) -> bool,
    ) -> anyhow::Result<()> {
        self.wait_until(name, Duration::from_secs(15), condition)
            .await
    }

    /// Waits until a condition holds, at most as long as given.
    ///
    /// # Errors
    /// When it does not hold in time; the error names it.
    pub async fn wait_until(
        &self,
        name: &str,
        most: Duration,
        condition: impl Fn(&State) -> bool,
    ) -> anyhow::Result<()> {
        let mut changed = self.shared().watch();
        let waiting = async {
            while !self.read(&condition) {
                changed.changed().await.context("the site went away")?;
            }
            Ok(())
        };
        tokio::time::timeout(most, waiting)
            .await
            .unwrap_or_else(|_elapsed| Err(anyhow::anyhow!("waited in vain until {name}")))
    }
}
