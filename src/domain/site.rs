//! A site: one Jira site that has the app, the tenant of everything stored.
//!
//! A site is known by its client key (Connect), by its installation id (Forge), or by both. Its
//! address is an attribute that changes and may pass to another site; never look a tenant up by it
//! to decide whose data is shown.

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

/// A site as requests and workers need it.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its key in every table.
    pub id: SiteId,
    /// Its name in Connect tokens; absent when only Forge installed the app.
    pub client_key: Option<String>,
    /// Where its REST API is: an address without a slash at its end.
    pub base_url: String,
    /// Where people see it, when it has a domain of its own; never called.
    pub display_url: Option<String>,
    /// The secret; absent when uninstalled or when only Forge installed the app.
    pub secret: Option<SharedSecret>,
    /// The app's own account on the site: what it writes carries this author.
    pub app_account_id: Option<String>,
    /// Atlassian's id of the site, once known.
    pub cloud_id: Option<String>,
    /// The Forge installation, once known.
    pub forge_installation_id: Option<String>,
    /// Whether the app is installed.
    pub state: SiteState,
    /// Whether an administrator left it enabled.
    pub is_enabled: bool,
}

impl Site {
    /// The address for links people follow, without a slash at its end.
    #[must_use]
    pub fn link_base(&self) -> &str {
        self.display_url.as_deref().unwrap_or(&self.base_url)
    }

    /// The origins whose pages may frame ours, for `frame-ancestors`: those of the site's address
    /// and of the domain people see it under.
    #[must_use]
    pub fn frame_ancestors(&self) -> String {
        let base = origin(&self.base_url);
        match self.display_url.as_deref().map(origin) {
            Some(display) if display != base => format!("{base} {display}"),
            _ => base.to_owned(),
        }
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
            base_url: base.into(),
            display_url: display.map(Into::into),
            secret: SharedSecret::new("ATCO-secret".into()),
            app_account_id: None,
            cloud_id: None,
            forge_installation_id: None,
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
}
