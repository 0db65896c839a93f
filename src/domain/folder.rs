//! The path of a folder in a repository of tests: `/`, the root, or names behind slashes.

use std::fmt;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FolderPath(String);

/// A text that is no path of a folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAPath {
    /// It does not begin at the root.
    #[error("`{0}` is no path of a folder; a path begins with a slash, like `/Payments/Cards`")]
    Relative(String),
    /// One of its names is empty or too long.
    #[error(
        "the name of a folder has 1 to {} characters and no slash in it",
        FolderPath::LONGEST_NAME
    )]
    Name,
    /// It is too deep.
    #[error("folders lie at most {} deep", FolderPath::DEEPEST)]
    Deep,
}

impl FolderPath {
    /// Characters a name may have.
    pub const LONGEST_NAME: usize = 255;
    /// How many names a path may have.
    pub const DEEPEST: usize = 20;

    /// The folder everything lies in.
    #[must_use]
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// Reads a path; a slash at its end and spaces around names do not matter.
    ///
    /// # Errors
    ///
    /// [`NotAPath`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, NotAPath> {
        let text = text.trim();
        let Some(rest) = text.strip_prefix('/') else {
            return Err(NotAPath::Relative(text.chars().take(80).collect()));
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.is_empty() {
            return Ok(Self::root());
        }
        let names: Vec<&str> = rest.split('/').map(str::trim).collect();
        if names.len() > Self::DEEPEST {
            return Err(NotAPath::Deep);
        }
        names
            .into_iter()
            .try_fold(Self::root(), |path, name| path.child(name))
    }

    /// The folder of this name in this one.
    ///
    /// # Errors
    ///
    /// [`NotAPath`] says what is wrong with the name.
    pub fn child(&self, name: &str) -> Result<Self, NotAPath> {
        let name = name.trim();
        if name.is_empty() || name.contains('/') || name.chars().count() > Self::LONGEST_NAME {
            return Err(NotAPath::Name);
        }
        Ok(Self(match self.0.as_str() {
            "/" => format!("/{name}"),
            path => format!("{path}/{name}"),
        }))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last name; empty for the root.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, name)| name)
    }

    /// The folder it lies in; none for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        match self.0.rsplit_once('/')? {
            (_, "") => None,
            ("", _) => Some(Self::root()),
            (parent, _) => Some(Self(parent.to_owned())),
        }
    }

    /// Whether it is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }

    /// What the paths of everything below it begin with.
    #[must_use]
    pub fn below(&self) -> String {
        if self.is_root() {
            return self.0.clone();
        }
        format!("{}/", self.0)
    }

    /// Whether `other` is this folder or lies somewhere below it.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        self == other || other.0.starts_with(&self.below())
    }
}

impl fmt::Display for FolderPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_and_walked() {
        let path = FolderPath::parse(" /Payments/ Cards /").unwrap();
        assert_eq!((path.as_str(), path.name()), ("/Payments/Cards", "Cards"));
        let parent = path.parent().unwrap();
        assert_eq!(parent.as_str(), "/Payments");
        assert_eq!(parent.parent(), Some(FolderPath::root()));
        assert_eq!(FolderPath::root().parent(), None);
        assert!(parent.holds(&path) && !path.holds(&parent) && FolderPath::root().holds(&path));
        let sibling = FolderPath::parse("/Pay").unwrap();
        assert!(!sibling.holds(&path), "a name that begins alike");
        assert_eq!(FolderPath::parse("/").unwrap(), FolderPath::root());
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let why = |text: &str| FolderPath::parse(text).unwrap_err();
        assert!(matches!(why("Payments"), NotAPath::Relative(_)));
        assert_eq!(why("//a"), NotAPath::Name);
        assert_eq!(why(&format!("/{}", "x".repeat(256))), NotAPath::Name);
        assert_eq!(why(&"/a".repeat(21)), NotAPath::Deep);
        assert_eq!(FolderPath::root().child("a/b"), Err(NotAPath::Name));
    }
}
