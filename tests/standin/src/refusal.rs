//! How the site says no, in Jira's shape: `errorMessages` for the whole, `errors` by field.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

/// A refused request.
#[derive(Clone, Debug, Default)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What is wrong as a whole.
    pub messages: Vec<String>,
    /// What is wrong by field.
    pub errors: BTreeMap<String, String>,
    /// Headers that go with the answer.
    pub headers: Vec<(&'static str, String)>,
}

impl Refusal {
    /// A refusal with one message.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            messages: vec![message.into()],
            ..Self::default()
        }
    }

    /// 400 with one message.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// 400 about one field.
    pub fn field(name: &str, message: impl Into<String>) -> Self {
        let errors = BTreeMap::from([(name.to_owned(), message.into())]);
        Self {
            status: 400,
            errors,
            ..Self::default()
        }
    }

    /// 404 with one message.
    pub fn missing(message: impl Into<String>) -> Self {
        Self::new(404, message)
    }

    /// 404 for an issue that is not there or not to be seen.
    #[must_use]
    pub fn no_issue() -> Self {
        Self::missing("Issue does not exist or you do not have permission to see it.")
    }

    /// 403 with one message.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, message)
    }

    /// 401: nobody is logged in.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(401, "Client must be authenticated to access this resource.")
    }

    /// The body of the answer.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({ "errorMessages": self.messages, "errors": self.errors })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.messages.join(" "))?;
        self.errors
            .iter()
            .try_for_each(|(name, text)| write!(f, " {name}: {text}"))
    }
}

impl std::error::Error for Refusal {}
