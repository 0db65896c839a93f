//! Run statuses a site adds to the built-in ones: `test-management.md` section 2.2.
//!
//! Built-in statuses cannot be changed. A custom one has a code from [`CustomStatus::FIRST_CODE`] on,
//! which the store keeps in a run and which is never given to another status.

use super::run::{Effect, RunStatus};

/// A run status of a site's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CustomStatus {
    /// The number the store keeps.
    pub code: i16,
    /// Its name, as people and clients write it.
    pub name: String,
    /// Its colour: `#rrggbb`.
    pub colour: String,
    /// Whether a later look at the same run can no longer change it.
    pub is_final: bool,
    /// What it says about the covered issue.
    pub effect: Effect,
    /// Where it stands among the others, the worst last; a built-in status has a hundred times its
    /// code.
    pub rank: i32,
}

impl CustomStatus {
    /// The lowest code of a custom status.
    pub const FIRST_CODE: i16 = 100;
}

/// The custom statuses of a site, by code.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Statuses {
    /// Each once.
    pub custom: Vec<CustomStatus>,
}

impl Statuses {
    /// The custom status with this code.
    #[must_use]
    pub fn by_code(&self, code: i16) -> Option<&CustomStatus> {
        self.custom.iter().find(|status| status.code == code)
    }

    /// The custom status with this name, compared as [`word`] does.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&CustomStatus> {
        let wanted = word(name);
        self.custom
            .iter()
            .find(|status| word(&status.name) == wanted)
    }
}

/// The name of a status as names are compared: without case, spaces, `_` and `-`.
#[must_use]
pub fn word(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-'))
        .flat_map(char::to_uppercase)
        .collect()
}

/// Whether a name is taken by a built-in status, under one of the spellings clients send.
#[must_use]
pub fn is_built_in(name: &str) -> bool {
    RunStatus::parse(&word(name)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_clients_spell_them() {
        let waived = CustomStatus {
            code: CustomStatus::FIRST_CODE,
            name: "Known issue".to_owned(),
            colour: "#8777d9".to_owned(),
            is_final: true,
            effect: Effect::Ok,
            rank: 50,
        };
        let all = Statuses {
            custom: vec![waived.clone()],
        };
        assert_eq!(all.by_name("KNOWN_ISSUE"), Some(&waived));
        assert_eq!(all.by_name("known"), None);
        assert_eq!(all.by_code(100), Some(&waived));
        assert!(is_built_in("To Do") && is_built_in("pass") && !is_built_in("Known issue"));
    }
}
