//! Which runs count: all of them, or those made for one version, plan or sprint; in any environment
//! or in one. Section 3, step 2.1.
//!
//! What an execution was made for is what whoever reported it said, compared letter by letter. One
//! that was made for no sprint counts for whichever sprint ran when its runs were finished. A
//! name that nobody has reported for yet is a good scope: nothing has been run in it.

use std::fmt;

use super::{Latest, RunFact};
use crate::domain::execution::Particulars;

/// Which runs count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// What their executions were made for; `None` takes all of them, the scope *latest*.
    pub made_for: Option<MadeFor>,
    /// The only environment that counts.
    pub environment: Option<String>,
}

/// What an execution is made for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MadeFor {
    /// The fix version with this name.
    Version(String),
    /// The plan with this key.
    Plan(String),
    /// The sprint with this name.
    Sprint(String),
}

/// A text that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// It begins with no word a scope begins with.
    #[error("a scope is `latest`, `version:V`, `plan:P` or `sprint:S`")]
    Unknown,
    /// It says of what kind, and not which one.
    #[error("the name of the {0} is missing after the colon")]
    Nameless(&'static str),
}

impl Scope {
    /// The scope that `text` names (`latest`, `version:1.4`), in one environment if one is given.
    ///
    /// # Errors
    ///
    /// [`ScopeError`] says what is wrong with `text`.
    pub fn named(text: &str, environment: Option<&str>) -> Result<Self, ScopeError> {
        let made_for = match text.split_once(':') {
            None if text == "latest" => None,
            None => return Err(ScopeError::Unknown),
            Some((kind, name)) => Some(MadeFor::named(kind, name.trim())?),
        };
        Ok(Self {
            made_for,
            environment: environment.map(str::to_owned),
        })
    }

    /// The name as interfaces write it, without the environment: what [`Scope::named`] reads.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.made_for {
            None => "latest".to_owned(),
            Some(made_for) => format!("{}:{}", made_for.kind(), made_for.name()),
        }
    }

    /// ` in version 1.4`; nothing when all runs count.
    pub(super) fn within(&self) -> String {
        (self.made_for.as_ref()).map_or_else(String::new, |made_for| format!(" in {made_for}"))
    }

    /// Whether it is a plan: that is about the tests that somebody put into it or its executions have
    /// run, in whatever environment (section 3, step 1.3).
    #[must_use]
    pub const fn is_plan(&self) -> bool {
        matches!(self.made_for, Some(MadeFor::Plan(_)))
    }

    /// The last run of a test when this scope leaves it out: what another view, which counts it, may
    /// disagree about.
    pub(super) fn leaves_out<'a>(
        &self,
        history: &'a Latest,
        in_scope: &Latest,
    ) -> Option<&'a RunFact> {
        self.made_for.as_ref()?;
        let environment = self.environment.as_deref();
        let last = history.last_run_in(environment)?;
        let counted = in_scope.last_run_in(environment);
        counted
            .is_none_or(|counted| last.is_later_than(counted))
            .then_some(last)
    }
}

impl MadeFor {
    fn named(kind: &str, name: &str) -> Result<Self, ScopeError> {
        let (kind, make): (_, fn(String) -> Self) = match kind {
            "version" => ("version", Self::Version),
            "plan" => ("plan", Self::Plan),
            "sprint" => ("sprint", Self::Sprint),
            _ => return Err(ScopeError::Unknown),
        };
        if name.is_empty() {
            return Err(ScopeError::Nameless(kind));
        }
        Ok(make(name.to_owned()))
    }

    /// Whether runs of an execution with these particulars count. `store::runs` asks the database
    /// the same question, and for executions without a sprint whether the run was finished while the
    /// sprint ran.
    #[must_use]
    pub fn takes(&self, particulars: &Particulars) -> bool {
        let said = match self {
            Self::Version(_) => &particulars.fix_version,
            Self::Plan(_) => &particulars.plan,
            Self::Sprint(_) => &particulars.sprint,
        };
        said.as_deref() == Some(self.name())
    }

    /// `version`, `plan` or `sprint`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Version(_) => "version",
            Self::Plan(_) => "plan",
            Self::Sprint(_) => "sprint",
        }
    }

    /// Which one.
    #[must_use]
    pub fn name(&self) -> &str {
        let (Self::Version(name) | Self::Plan(name) | Self::Sprint(name)) = self;
        name
    }
}

impl fmt::Display for MadeFor {
    /// `version 1.4`; the bare name where it says itself what it is: `Sprint 7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = (self.kind(), self.name());
        let says_itself =
            (name.get(..kind.len())).is_some_and(|start| start.eq_ignore_ascii_case(kind));
        if says_itself {
            f.write_str(name)
        } else {
            write!(f, "{kind} {name}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_is_written() {
        for text in [
            "latest",
            "version:1.4",
            "plan:SHOP-P3",
            "sprint:Sprint 7: cart",
        ] {
            assert_eq!(Scope::named(text, None).unwrap().name(), text);
        }
        let scope = Scope::named("version: 1.4 ", Some("chrome")).unwrap();
        assert_eq!(scope.made_for, Some(MadeFor::Version("1.4".into())));
        assert_eq!(scope.environment.as_deref(), Some("chrome"));
    }

    #[test]
    fn what_is_no_scope_is_told_apart() {
        for text in [
            "",
            "newest",
            "Latest",
            "latest:",
            "release:1.4",
            "Version:1.4",
        ] {
            assert_eq!(Scope::named(text, None), Err(ScopeError::Unknown), "{text}");
        }
        let why = Scope::named("sprint: ", None).unwrap_err();
        assert_eq!(why, ScopeError::Nameless("sprint"));
        assert_eq!(
            why.to_string(),
            "the name of the sprint is missing after the colon"
        );
    }

    #[test]
    fn a_name_that_says_what_it_is_stands_alone() {
        let words = |made_for: MadeFor| made_for.to_string();
        assert_eq!(words(MadeFor::Version("1.4".into())), "version 1.4");
        assert_eq!(words(MadeFor::Sprint("Sprint 7".into())), "Sprint 7");
        assert_eq!(words(MadeFor::Sprint("7".into())), "sprint 7");
        assert_eq!(words(MadeFor::Plan("Plän".into())), "plan Plän");
    }
}
