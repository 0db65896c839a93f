//! What a form of ours sends: names and values, a name any number of times.

use actix_web::web::PathConfig;
use url::form_urlencoded;

use crate::problem::Problem;

/// The fields of a form, or of an address.
#[derive(Debug, Clone, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `name=value&…`.
    #[must_use]
    pub fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// The first value of a name, without spaces around it; none when it is empty.
    #[must_use]
    pub fn chosen(&self, name: &str) -> Option<&str> {
        let values = self.0.iter().filter(|(held, _)| held == name);
        let mut values = values.map(|(_, value)| value.trim());
        values.find(|value| !value.is_empty())
    }

    /// Every value of a name that is not empty.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(held, _)| held == name)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// Whether a name was sent at all, as a ticked box is.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(held, _)| held == name)
    }
}

/// An address that holds no usable ids names nothing.
#[must_use]
pub fn refusal_of_path() -> PathConfig {
    PathConfig::default()
        .error_handler(|_, _| Problem::not_found("There is nothing at this address.").into())
}
