//! A site: one Jira site that has the app, the tenant of everything stored.
//!
//! A site is known by its client key (Connect), by its installations (Forge), or by both. What
//! identifies it beyond a re-install is Atlassian's id of the site together with the Forge
//! environment: development and production on one Jira are two tenants. Its address is an attribute
//! that changes and may pass to another site; never look a tenant up by it to decide whose data is
//! shown.

use jsonwebtoken::{DecodingKey, EncodingKey};
use secrecy::{ExposeSecret, SecretString};

/// The key of a site (tenant) in every table.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct SiteId(pub i64);

impl std::fmt::Display for SiteId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether the app is on the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteState {
    /// Installed: calls are taken and made.
    Installed,
    /// Removed; the data is kept until the grace period ends and comes back with a re-install.
    Uninstalled,
}

/// The secret a site and the app share, with the keys made from it once.
#[derive(Clone)]
pub struct SharedSecret {
    secret: SecretString,
    verifying: DecodingKey,
    signing: EncodingKey,
}

impl SharedSecret {
    /// Prepares a secret; `None` for an empty one, under which anybody could sign.
    #[must_use]
    pub fn new(secret: String) -> Option<Self> {
        (!secret.is_empty()).then(|| Self {
            verifying: DecodingKey::from_secret(secret.as_bytes()),
            signing: EncodingKey::from_secret(secret.as_bytes()),
            secret: secret.into(),
        })
    }

    /// Verifies what the site signed (HS256).
    #[must_use]
    pub fn verifying(&self) -> &DecodingKey {
        &self.verifying
    }

    /// Signs what is sent to the site (HS256).
    #[must_use]
    pub fn signing(&self) -> &EncodingKey {
        &self.signing
    }
}

impl PartialEq for SharedSecret {
    fn eq(&self, other: &Self) -> bool {
        self.secret.expose_secret() == other.secret.expose_secret()
    }
}

impl std::fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedSecret")
    }
}

/// The Forge environment whose tenants may have a Connect half.
pub const PRODUCTION: &str = "PRODUCTION";

/// A token that lets the app act on a site through Forge.
#[derive(Debug, Clone)]
pub struct ForgeToken {
    /// The token; opaque.
    pub secret: SecretString,
    /// When it expires, milliseconds since the Unix epoch.
    pub expires_ms: i64,
}

/// The Forge installation of a site that is live: what names it, and how to reach Jira through it.
#[derive(Debug, Clone)]
pub struct ForgeAccess {
    /// Its resource name; another one after every re-install.
    pub installation_id: String,
    /// Atlassian's id of the site.
    pub cloud_id: String,
    /// Where the REST API is for tokens of this installation, without a slash at its end.
    pub api_base_url: String,
    /// The version of the app there.
    pub app_version: String,
    /// `DEVELOPMENT`, `STAGING` or `PRODUCTION`.
    pub environment_type: String,
    /// Forge's id of the environment; compared whole, never parsed.
    pub environment_id: String,
    /// The account the app acts as through this installation, once known.
    pub account_id: Option<String>,
    /// The app's own token, if one was delivered; it may have expired.
    pub system_token: Option<ForgeToken>,
    /// When it was first heard of, milliseconds since the Unix epoch.
    pub first_seen_ms: i64,
    /// When it was last heard of, to the minute or so, milliseconds since the Unix epoch.
    pub last_seen_ms: i64,
}

impl ForgeAccess {
    /// The app's own token, while it can still make a call at `now_ms`.
    #[must_use]
    pub fn valid_token(&self, now_ms: i64) -> Option<&SecretString> {
        /// What a call may take to get there, milliseconds.
        const ON_THE_WAY_MS: i64 = 5_000;
        let token = self.system_token.as_ref()?;
        (token.expires_ms > now_ms.saturating_add(ON_THE_WAY_MS)).then_some(&token.secret)
    }
}

/// A site as requests and workers need it.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its key in every table.
    pub id: SiteId,
    /// Its name in Connect tokens; absent when only Forge installed the app.
    pub client_key: Option<String>,
    /// Where its REST API is for Connect: an address without a slash at its end; absent when only
    /// Forge installed the app.
    pub base_url: Option<String>,
    /// Where people see it, when it has a domain of its own; never called.
    pub display_url: Option<String>,
    /// Where people see it as Forge says, once it did; newer than what Connect says, which is silent
    /// when a site is renamed. Never called.
    pub site_url: Option<String>,
    /// The secret; absent when uninstalled or when only Forge installed the app.
    pub secret: Option<SharedSecret>,
    /// The app's own account on the site under Connect: what it writes carries this author.
    pub app_account_id: Option<String>,
    /// Atlassian's id of the site, once known.
    pub cloud_id: Option<String>,
    /// The Forge environment the site is a tenant of; what came through Connect counts as
    /// [`PRODUCTION`].
    pub environment: String,
    /// The live Forge installation.
    pub forge: Option<ForgeAccess>,
    /// Whether the app is installed.
    pub state: SiteState,
    /// Whether an administrator left it enabled.
    pub is_enabled: bool,
}

impl Site {
    /// The address for links people follow, without a slash at its end; empty while it is unknown,
    /// which makes links of it relative to Jira.
    #[must_use]
    pub fn link_base(&self) -> &str {
        let told = [&self.site_url, &self.display_url, &self.base_url];
        told.into_iter()
            .find_map(|address| address.as_deref())
            .unwrap_or_default()
    }

    /// What to call the site in logs and lists: its address, or Atlassian's id of it.
    #[must_use]
    pub fn name(&self) -> &str {
        match (self.link_base(), &self.cloud_id) {
            ("", Some(cloud_id)) => cloud_id,
            (address, _) => address,
        }
    }

    /// The origins whose pages may frame ours, for `frame-ancestors`: those of the site's addresses,
    /// which are several for a site with a domain of its own and one that was renamed.
    #[must_use]
    pub fn frame_ancestors(&self) -> String {
        let told = [&self.base_url, &self.display_url, &self.site_url];
        let mut origins: Vec<&str> = Vec::new();
        for address in told.into_iter().filter_map(|address| address.as_deref()) {
            if !origins.contains(&origin(address)) {
                origins.push(origin(address));
            }
        }
        origins.join(" ")
    }
}

/// Scheme, host and port of an absolute address.
fn origin(address: &str) -> &str {
    let host_at = address.find("://").map_or(0, |at| at + 3);
    let rest = address.get(host_at..).unwrap_or_default();
    let end = rest.find('/').map_or(address.len(), |at| host_at + at);
    address.get(..end).unwrap_or(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(base: &str, display: Option<&str>) -> Site {
        Site {
            id: SiteId(1),
            client_key: Some("key".into()),
            base_url: Some(base.into()),
            display_url: display.map(Into::into),
            site_url: None,
            secret: SharedSecret::new("ATCO-secret".into()),
            app_account_id: None,
            cloud_id: None,
            environment: PRODUCTION.into(),
            forge: None,
            state: SiteState::Installed,
            is_enabled: true,
        }
    }

    #[test]
    fn pages_may_be_framed_by_both_addresses_of_the_site() {
        let plain = site("https://acme.atlassian.net", None);
        assert_eq!(plain.frame_ancestors(), "https://acme.atlassian.net");
        assert_eq!(plain.link_base(), "https://acme.atlassian.net");
        let same = site(
            "https://acme.atlassian.net",
            Some("https://acme.atlassian.net"),
        );
        assert_eq!(same.frame_ancestors(), "https://acme.atlassian.net");
        let own = site(
            "http://127.0.0.1:8090/jira",
            Some("https://jira.acme.example/x"),
        );
        assert_eq!(
            own.frame_ancestors(),
            "http://127.0.0.1:8090 https://jira.acme.example"
        );
    }

    #[test]
    fn a_secret_is_never_empty_and_never_shown() {
        assert!(SharedSecret::new(String::new()).is_none());
        let shown = format!("{:?}", site("https://acme.atlassian.net", None));
        assert!(!shown.contains("ATCO-secret"), "{shown}");
    }
    #[test]
    fn a_renamed_site_is_shown_where_forge_last_saw_it_and_framed_there_too() {
        let mut site = site("https://acme.atlassian.net", None);
        site.site_url = Some("https://acme-new.atlassian.net".into());
        assert_eq!(site.link_base(), "https://acme-new.atlassian.net");
        assert_eq!(
            site.frame_ancestors(),
            "https://acme.atlassian.net https://acme-new.atlassian.net"
        );
        (site.base_url, site.site_url, site.cloud_id) = (None, None, Some("cloud".into()));
        assert_eq!((site.link_base(), site.name()), ("", "cloud"));
    }

    #[test]
    fn a_token_that_expires_on_its_way_is_not_used() {
        let forge = |expires_ms| ForgeAccess {
            installation_id: "i".into(),
            cloud_id: "c".into(),
            api_base_url: "https://api.atlassian.com/ex/jira/c".into(),
            app_version: "1.0.0".into(),
            environment_type: PRODUCTION.into(),
            environment_id: "e".into(),
            account_id: None,
            system_token: Some(ForgeToken {
                secret: "opaque-secret".to_owned().into(),
                expires_ms,
            }),
            first_seen_ms: 0,
            last_seen_ms: 0,
        };
        assert!(forge(20_000).valid_token(10_000).is_some());
        assert!(forge(20_000).valid_token(15_000).is_none());
        assert!(!format!("{:?}", forge(1)).contains("opaque-secret"));
    }
}
