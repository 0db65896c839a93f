//! Tokens for the site's API: lent with calls to the app, good at `/ex/jira/{cloudId}` alone.
//!
//! To the app they are opaque but for `exp`. The same token goes out again and again while more
//! than half of its life is left.

use serde_json::json;

use crate::auth::Caller;
use crate::clock;
use crate::model::State;
use crate::refusal::Refusal;
use crate::tokens;

/// A token that was lent.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    value: String,
    installation: String,
    account: String,
    /// Whether it is the app's own, not a person's.
    system: bool,
    expires_ms: i64,
}

impl State {
    /// The app's own token for an installation.
    pub(crate) fn system_token(&mut self, installation: &str) -> Option<String> {
        let account = self.forge.account.clone()?;
        self.lend(installation, &account, true)
    }

    /// A person's token for an installation.
    pub(crate) fn user_token(&mut self, installation: &str, account: &str) -> Option<String> {
        self.lend(installation, account, false)
    }

    fn lend(&mut self, installation: &str, account: &str, system: bool) -> Option<String> {
        self.installation(Some(installation))?;
        let now = self.now();
        let life = self.forge.settings.token_lifetime_ms;
        let known = self.forge.tokens.iter().find(|it| {
            it.installation == installation
                && it.account == account
                && it.system == system
                && it.expires_ms - now >= life / 2
                && it.expires_ms - now <= life
        });
        if let Some(token) = known {
            return Some(token.value.clone());
        }
        let expires_ms = now + life;
        let claims = json!({
            "jti": clock::random_uuid(), "iat": now.div_euclid(1000),
            "exp": expires_ms.div_euclid(1000), "client_id": self.site.oauth_client_id,
        });
        let value = tokens::sign_shared(&clock::random_hex(32), &claims).ok()?;
        self.forge.tokens.push(Token {
            value: value.clone(),
            installation: installation.to_owned(),
            account: account.to_owned(),
            system,
            expires_ms: expires_ms.div_euclid(1000) * 1000,
        });
        Some(value)
    }

    /// Who calls the API with a token: the app itself or a person.
    pub(crate) fn token_holder(&mut self, bearer: &str) -> Result<Caller, Refusal> {
        let now = self.now();
        let token = self.forge.tokens.iter().find(|it| it.value == bearer);
        let token = token
            .filter(|it| it.expires_ms > now)
            .ok_or_else(Refusal::unauthorized)?
            .clone();
        let mut installations = self.forge.installations.iter_mut();
        let own = installations
            .find(|it| it.live && it.id == token.installation)
            .ok_or_else(Refusal::unauthorized)?;
        if let Some(spreading) = own.refusals.as_mut().filter(|_| token.system)
            && spreading.requests > 0
        {
            spreading.requests -= 1;
            return Err(Refusal::new(
                spreading.status,
                "The app has no permission here yet.",
            ));
        }
        Ok(Caller {
            account: token.account,
            by_app: token.system,
            within_scopes: true,
            forge: true,
        })
    }

    /// Whether the Forge app holds the scope that a call needs in Connect's words.
    pub(crate) fn forge_scope_held(&self, connect_scope: &str, path: &str) -> bool {
        let people = ["/user", "/myself"].iter().any(|part| path.contains(part));
        let wanted = match connect_scope {
            "NONE" => return true,
            "READ" if people => "read:jira-user",
            "READ" | "INACCESSIBLE" if path.contains("/webhook") => "manage:jira-webhook",
            "INACCESSIBLE" if path.contains("/statuses/search") => "manage:jira-configuration",
            "READ" | "INACCESSIBLE" => "read:jira-work",
            "WRITE" | "DELETE" => "write:jira-work",
            "PROJECT_ADMIN" => "manage:jira-project",
            _ => "manage:jira-configuration",
        };
        self.forge.manifest.scopes.contains(wanted)
    }
}
