//! The address a site says it has: where the app's secret-bearing calls will go, so it is believed
//! only when it is plainly an Atlassian host.
//!
//! The text must be the address and nothing else: it is compared with what a URL parser makes of
//! it, so that no trick of spelling (user info, backslashes, another port) survives.

use url::{Host, Url};

/// Which addresses sites may have.
#[derive(Debug, Clone, Copy)]
pub struct Allowed<'a> {
    /// Endings of host names, such as `.atlassian.net`; they count from a dot.
    pub suffixes: &'a [String],
    /// Whether plain http, ports and paths are taken on loopback hosts: tests and the demo.
    pub loopback: bool,
}

/// The site's address without a slash at its end, or `None` when it is not one that is allowed.
#[must_use]
pub fn site_address(text: &str, allowed: Allowed<'_>) -> Option<String> {
    let url = plain(text)?;
    let is_loopback = allowed.loopback && is_loopback(&url);
    let is_site = url.scheme() == "https"
        && url.port().is_none()
        && url.path() == "/"
        && is_under(&url, allowed.suffixes);
    (is_loopback || is_site).then(|| without_slash(&url))
}

/// The address people see a site under: any https host, for links and for framing only.
#[must_use]
pub fn display_address(text: &str, allowed: Allowed<'_>) -> Option<String> {
    let url = plain(text)?;
    let is_allowed = url.scheme() == "https" || (allowed.loopback && is_loopback(&url));
    is_allowed.then(|| without_slash(&url))
}

/// Parses an http address that is spelt as plainly as it can be.
fn plain(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let spelt = without_slash(&url);
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && text
            .strip_suffix('/')
            .unwrap_or(text)
            .eq_ignore_ascii_case(&spelt);
    is_plain.then_some(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn is_under(url: &Url, suffixes: &[String]) -> bool {
    let Some(Host::Domain(name)) = url.host() else {
        return false;
    };
    suffixes.iter().any(|suffix| {
        let suffix = suffix.trim().trim_start_matches('.');
        !suffix.is_empty()
            && name
                .strip_suffix(suffix)
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|label| !label.is_empty())
    })
}

fn without_slash(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(text: &str, loopback: bool) -> Option<String> {
        let suffixes = [".atlassian.net".to_owned(), "jira.com".to_owned()];
        site_address(
            text,
            Allowed {
                suffixes: &suffixes,
                loopback,
            },
        )
    }

    #[test]
    fn hosts_under_an_allowed_ending_are_taken() {
        for text in [
            "https://acme.atlassian.net",
            "https://acme.atlassian.net/",
            "https://ACME.atlassian.net",
        ] {
            assert_eq!(
                site(text, false).as_deref(),
                Some("https://acme.atlassian.net"),
                "{text}"
            );
        }
        assert!(site("https://acme.jira.com", false).is_some());
    }

    #[test]
    fn everything_else_is_refused_with_or_without_insecure_sites() {
        for text in [
            "",
            "acme.atlassian.net",
            "http://acme.atlassian.net",
            "https://acme.atlassian.net:443",
            "https://acme.atlassian.net:8443",
            "https://acme.atlassian.net/wiki",
            "https://acme.atlassian.net?x=1",
            "https://acme.atlassian.net#x",
            "https://acme.atlassian.net.evil.example",
            "https://evil-atlassian.net",
            "https://atlassian.net",
            "https://.atlassian.net",
            "https://evilatlassian.net",
            "https://acme.atlassian.net@evil.example",
            "https://user@acme.atlassian.net",
            "https:\\\\acme.atlassian.net",
            "https://evil.example\\.atlassian.net",
            "https://acme.atlassian.net\n",
            " https://acme.atlassian.net",
            "https://169.254.169.254",
            "https://[::ffff:169.254.169.254]",
            "http://10.0.0.1",
            "http://localhost.evil.example",
            "ftp://acme.atlassian.net",
            "javascript:alert(1)",
        ] {
            assert_eq!(site(text, false), None, "{text}");
            assert_eq!(site(text, true), None, "{text}");
        }
    }

    #[test]
    fn loopback_hosts_are_taken_only_when_insecure_sites_are_allowed() {
        for text in [
            "http://127.0.0.1:8090",
            "http://localhost:8090/jira",
            "http://[::1]:8090",
            "http://acme.localhost:1",
        ] {
            assert_eq!(site(text, true).as_deref(), Some(text));
            assert_eq!(site(text, false), None);
        }
    }

    #[test]
    fn a_display_address_may_be_any_https_host_but_nothing_that_breaks_a_header() {
        let allowed = Allowed {
            suffixes: &[],
            loopback: false,
        };
        let display = |text| display_address(text, allowed);
        assert_eq!(
            display("https://jira.acme.example/").as_deref(),
            Some("https://jira.acme.example")
        );
        for text in [
            "http://jira.acme.example",
            "https://a.example; script-src *",
            "https://a b",
            "*",
        ] {
            assert_eq!(display(text), None, "{text}");
        }
    }
}
