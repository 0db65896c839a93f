//! By what right a call is made: a person's token, Forge's token for the app, or Connect's secret.
//!
//! A person's own act goes under their own token, or not at all. The app's acts go through Forge when
//! its token is good, through Connect when there is a secret, and otherwise wait: a token comes with
//! the next invocation, within the hour (`forge.md` 4.2). Tokens go to the API's host with the
//! installation they came with, never to the site's own address.

use jsonwebtoken::{Algorithm, Header};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use url::Url;

use super::error::{Gone, JiraError};
use super::qsh;
use crate::domain::site::{SharedSecret, Site};

/// Lifetime of a Connect token, seconds.
const TOKEN_S: i64 = 180;

/// By what right a call is made, and to which address.
#[derive(Debug, Clone, Copy)]
pub(super) enum Credential<'a> {
    /// A token that Forge delivered.
    Bearer {
        base_url: &'a str,
        token: &'a SecretString,
    },
    /// A token of our own making, signed with Connect's secret.
    Signed {
        base_url: &'a str,
        secret: &'a SharedSecret,
        client_key: Option<&'a str>,
    },
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
    exp: i64,
    qsh: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<[&'a str; 1]>,
}

impl<'a> Credential<'a> {
    /// The right by which the app, or a person, calls a site at `now_ms`.
    pub fn choose(
        site: &'a Site,
        person: Option<&'a SecretString>,
        now_ms: i64,
    ) -> Result<Self, JiraError> {
        let forge = site.forge.as_ref();
        if let Some(token) = person {
            let base_url = &forge
                .ok_or(JiraError::Gone(Gone::NotInstalled))?
                .api_base_url;
            return Ok(Self::Bearer { base_url, token });
        }
        if let Some(forge) = forge
            && let Some(token) = forge.valid_token(now_ms)
        {
            let base_url = &forge.api_base_url;
            return Ok(Self::Bearer { base_url, token });
        }
        match (&site.base_url, &site.secret) {
            (Some(base_url), Some(secret)) => Ok(Self::Signed {
                base_url,
                secret,
                client_key: site.client_key.as_deref(),
            }),
            _ if forge.is_some() => Err(JiraError::NoToken),
            _ => Err(JiraError::Gone(Gone::NotInstalled)),
        }
    }

    /// The address the REST API is below.
    pub fn base_url(&self) -> &'a str {
        match self {
            Self::Bearer { base_url, .. } | Self::Signed { base_url, .. } => base_url,
        }
    }

    /// The `Authorization` header of a call; a Connect token is good for this one only.
    pub fn authorization(
        &self,
        method: &str,
        url: &Url,
        app_key: &str,
        now_s: i64,
    ) -> Result<HeaderValue, JiraError> {
        let text = match self {
            Self::Bearer { token, .. } => format!("Bearer {}", token.expose_secret()),
            Self::Signed {
                base_url,
                secret,
                client_key,
            } => {
                let target = match url.query() {
                    Some(query) => format!("{}?{query}", url.path()),
                    None => url.path().to_owned(),
                };
                let claims = Claims {
                    iss: app_key,
                    iat: now_s,
                    exp: now_s + TOKEN_S,
                    qsh: qsh::hash(method, &target, qsh::base_path(base_url)),
                    aud: client_key.map(|key| [key]),
                };
                let header = Header::new(Algorithm::HS256);
                let token = jsonwebtoken::encode(&header, &claims, secret.signing());
                format!("JWT {}", token.map_err(|why| no_token(&why))?)
            }
        };
        let mut value = HeaderValue::try_from(text).map_err(|why| no_token(&why))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

fn no_token(why: &dyn std::error::Error) -> JiraError {
    JiraError::Unreadable(format!("no token: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::site::{ForgeAccess, ForgeToken, PRODUCTION, SiteId, SiteState};

    const NOW_MS: i64 = 1_795_132_800_000;

    fn site(has_secret: bool, token: Option<(&str, i64)>, has_forge: bool) -> Site {
        let forge = ForgeAccess {
            installation_id: "i".into(),
            cloud_id: "c".into(),
            api_base_url: "https://api.atlassian.com/ex/jira/c".into(),
            app_version: "1.0.0".into(),
            environment_type: PRODUCTION.into(),
            environment_id: "e".into(),
            account_id: None,
            system_token: token.map(|(secret, expires_ms)| ForgeToken {
                secret: secret.to_owned().into(),
                expires_ms,
            }),
            first_seen_ms: 0,
            last_seen_ms: 0,
        };
        Site {
            id: SiteId(1),
            client_key: has_secret.then(|| "key".into()),
            base_url: has_secret.then(|| "https://acme.atlassian.net".into()),
            display_url: None,
            site_url: None,
            secret: has_secret
                .then(|| SharedSecret::new("ATCO".into()))
                .flatten(),
            app_account_id: None,
            cloud_id: None,
            environment: PRODUCTION.into(),
            forge: has_forge.then_some(forge),
            state: SiteState::Installed,
            is_enabled: true,
        }
    }

    fn chosen(site: &Site, person: Option<&SecretString>) -> String {
        match Credential::choose(site, person, NOW_MS) {
            Ok(Credential::Bearer { base_url, token }) => {
                format!("{} at {base_url}", token.expose_secret())
            }
            Ok(Credential::Signed { base_url, .. }) => format!("secret at {base_url}"),
            Err(why) => why.to_string(),
        }
    }

    #[test]
    fn a_good_token_goes_first_and_each_right_has_its_own_address() {
        let (api, home) = (
            "https://api.atlassian.com/ex/jira/c",
            "https://acme.atlassian.net",
        );
        let (good, old) = (Some(("good", NOW_MS + 60_000)), Some(("old", NOW_MS - 1)));
        let waits = JiraError::NoToken.to_string();
        for (has_secret, token, has_forge, expected) in [
            (true, good, true, format!("good at {api}")),
            (false, good, true, format!("good at {api}")),
            (true, old, true, format!("secret at {home}")),
            (true, None, false, format!("secret at {home}")),
            (false, old, true, waits.clone()),
            (false, None, true, waits),
            (false, None, false, Gone::NotInstalled.to_string()),
        ] {
            assert_eq!(chosen(&site(has_secret, token, has_forge), None), expected);
        }
    }

    #[test]
    fn a_person_acts_under_their_own_token_or_not_at_all() {
        let own = SecretString::from("theirs");
        let site_of = |has_forge| site(true, Some(("good", NOW_MS + 60_000)), has_forge);
        let api = "https://api.atlassian.com/ex/jira/c";
        assert_eq!(
            chosen(&site_of(true), Some(&own)),
            format!("theirs at {api}")
        );
        assert_eq!(
            chosen(&site_of(false), Some(&own)),
            Gone::NotInstalled.to_string()
        );
    }
}
