//! What readiness is asked of: a version or a sprint, with the runs made for it.

use std::fmt;

use crate::domain::coverage::{MadeFor, Scope, ScopeError};

/// A version or a sprint.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// The fix version with this name.
    Version(String),
    /// The sprint with this name.
    Sprint(String),
}

/// A text that names neither.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is no scope.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// It is a scope that plans no issues.
    #[error("readiness is asked of `version:V` or `sprint:S`")]
    PlansNothing,
}

impl Target {
    /// The version or sprint that `text` names: `version:1.4`, `sprint:Sprint 7`.
    ///
    /// # Errors
    ///
    /// [`TargetError`] says what is wrong with `text`.
    pub fn named(text: &str) -> Result<Self, TargetError> {
        match Scope::named(text, None)?.made_for {
            Some(MadeFor::Version(name)) => Ok(Self::Version(name)),
            Some(MadeFor::Sprint(name)) => Ok(Self::Sprint(name)),
            Some(MadeFor::Plan(_)) | None => Err(TargetError::PlansNothing),
        }
    }

    /// The scope of the runs made for it, in one environment if one is given.
    #[must_use]
    pub fn scope(&self, environment: Option<&str>) -> Scope {
        Scope {
            made_for: Some(self.made_for()),
            environment: environment.map(str::to_owned),
        }
    }

    /// The name as interfaces write it: what [`Target::named`] reads.
    #[must_use]
    pub fn name(&self) -> String {
        self.scope(None).name()
    }

    fn made_for(&self) -> MadeFor {
        match self {
            Self::Version(name) => MadeFor::Version(name.clone()),
            Self::Sprint(name) => MadeFor::Sprint(name.clone()),
        }
    }
}

impl fmt::Display for Target {
    /// As a sentence begins with it: `Version 1.4`, `Sprint 7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.made_for().to_string();
        let mut letters = words.chars();
        match letters.next() {
            Some(first) => write!(f, "{}{}", first.to_uppercase(), letters.as_str()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_sprints_are_named_and_nothing_else_is() {
        let version = Target::named("version:1.4").unwrap();
        assert_eq!(
            (version.name().as_str(), version.to_string().as_str()),
            ("version:1.4", "Version 1.4")
        );
        assert_eq!(
            Target::named("sprint:Sprint 7").unwrap().to_string(),
            "Sprint 7"
        );
        assert_eq!(Target::named("latest"), Err(TargetError::PlansNothing));
        assert_eq!(
            Target::named("plan:SHOP-P1"),
            Err(TargetError::PlansNothing)
        );
        let why = Target::named("sprint:").unwrap_err();
        assert_eq!(
            why.to_string(),
            "the name of the sprint is missing after the colon"
        );
    }
}
