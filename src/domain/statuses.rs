//! Every status a run can have on a site: those that are built in and those its administrators made,
//! with what each means.
//!
//! What a custom status means is data, so effect, rank and finality are asked of [`Statuses`] and
//! never of [`RunStatus`] alone. Rules: `test-management.md` section 2.2.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::run::{Effect, RunStatus};

/// A status that administrators of a site made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomStatus {
    /// The number the store keeps, from [`CustomStatus::FIRST_CODE`] on; never used again for
    /// another status.
    pub code: i16,
    /// The name, as interfaces and pages write it.
    pub name: String,
    /// The colour, `#rrggbb`.
    pub colour: String,
    /// Whether a later look at the same run can no longer change it.
    pub is_final: bool,
    /// What it says about the covered issue.
    pub effect: Effect,
    /// How bad it is; the worst wins among statuses of the same effect. Built-in statuses have 0,
    /// 100, 200 … 900, in the order of [`RunStatus::ALL`].
    pub rank: i32,
}

/// Why a status cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// The name is empty or too long.
    #[error(
        "the name of a status has 1 to {} characters",
        CustomStatus::LONGEST_NAME
    )]
    Name,
    /// A status has this name, or accepts it on input.
    #[error("`{0}` already means the status {1}")]
    Taken(String, String),
    /// The colour cannot be read.
    #[error("a colour is written `#rrggbb`, not `{0}`")]
    Colour(String),
    /// The rank is out of bounds.
    #[error("a rank lies between 0 and {most}, not at {0}", most = CustomStatus::HIGHEST_RANK)]
    Rank(i32),
}

impl CustomStatus {
    /// The number of the first custom status; the built-in ones have those below.
    pub const FIRST_CODE: i16 = 100;
    /// Characters a name may have.
    pub const LONGEST_NAME: usize = 40;
    /// The rank nothing is worse than.
    pub const HIGHEST_RANK: i32 = 1_000;

    /// Whether the status may stand among `others`, which may hold it already.
    ///
    /// # Errors
    ///
    /// [`StatusError`] says what is wrong with it.
    pub fn check(&self, others: &Statuses) -> Result<(), StatusError> {
        let length = self.name.trim().chars().count();
        if length == 0 || length > Self::LONGEST_NAME {
            return Err(StatusError::Name);
        }
        let meant = others.parse(&self.name);
        if let Some(meant) = meant.filter(|meant| *meant != RunStatus::Custom(self.code)) {
            let name = others.name(meant).to_owned();
            return Err(StatusError::Taken(self.name.clone(), name));
        }
        let digits = self.colour.strip_prefix('#').unwrap_or_default();
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(StatusError::Colour(self.colour.clone()));
        }
        if !(0..=Self::HIGHEST_RANK).contains(&self.rank) {
            return Err(StatusError::Rank(self.rank));
        }
        Ok(())
    }
}

/// A status with the name it had when something was said about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamedStatus {
    /// The status.
    pub status: RunStatus,
    /// Its name.
    pub name: Cow<'static, str>,
}

/// The statuses of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statuses {
    /// Those that were made here, each number once.
    pub custom: Vec<CustomStatus>,
}

impl Statuses {
    /// The custom status with this number.
    #[must_use]
    pub fn by_code(&self, code: i16) -> Option<&CustomStatus> {
        self.custom.iter().find(|made| made.code == code)
    }

    /// The custom status with this name, compared as [`word`] does.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&CustomStatus> {
        let wanted = word(name);
        self.custom.iter().find(|made| word(&made.name) == wanted)
    }

    /// Every status a run can have, the built-in ones first.
    pub fn all(&self) -> impl Iterator<Item = RunStatus> {
        let custom = self.custom.iter().map(|made| RunStatus::Custom(made.code));
        RunStatus::ALL.into_iter().chain(custom)
    }

    /// What is known of a status that was made here; `None` for one that is built in, or was removed.
    #[must_use]
    pub fn made(&self, status: RunStatus) -> Option<&CustomStatus> {
        match status {
            RunStatus::Custom(code) => self.by_code(code),
            _ => None,
        }
    }

    /// What the status says about the covered issue; a status that was removed says nothing that can
    /// be trusted.
    #[must_use]
    pub fn effect(&self, status: RunStatus) -> Effect {
        (self.made(status)).map_or_else(|| status.effect(), |made| made.effect)
    }

    /// Whether a later look at the same run can no longer change it.
    #[must_use]
    pub fn is_final(&self, status: RunStatus) -> bool {
        (self.made(status)).map_or_else(|| status.is_final(), |made| made.is_final)
    }

    /// How bad it is among statuses of the same effect. Built-in ones have 0, 100 … 900; the number
    /// makes the order total.
    #[must_use]
    pub fn rank(&self, status: RunStatus) -> (i32, i16) {
        let rank = match status {
            RunStatus::Custom(_) => self.made(status).map_or(700, |made| made.rank),
            built_in => i32::from(built_in.code()) * 100,
        };
        (rank, status.code())
    }

    /// The worst of these: the worst effect wins, and within it the highest rank.
    #[must_use]
    pub fn worst(&self, statuses: impl IntoIterator<Item = RunStatus>) -> Option<RunStatus> {
        let badness = |status: &RunStatus| (self.effect(*status), self.rank(*status));
        statuses.into_iter().max_by_key(badness)
    }

    /// The name as interfaces and pages write it.
    #[must_use]
    pub fn name(&self, status: RunStatus) -> &str {
        (self.made(status)).map_or_else(|| status.name(), |made| &made.name)
    }

    /// The status with its name.
    #[must_use]
    pub fn named(&self, status: RunStatus) -> NamedStatus {
        let built_in = || Cow::Borrowed(status.name());
        let made = self.made(status);
        NamedStatus {
            status,
            name: made.map_or_else(built_in, |made| Cow::Owned(made.name.clone())),
        }
    }

    /// The status that an API client or a person means by `text`; case, spaces, `_` and `-` do not
    /// matter. `None` is for the caller to refuse by name, never to be read as UNKNOWN.
    #[must_use]
    pub fn parse(&self, text: &str) -> Option<RunStatus> {
        let custom = || Some(RunStatus::Custom(self.by_name(text)?.code));
        RunStatus::parse(text).or_else(custom)
    }
}

/// The name of a status without what does not matter in it: case, spaces, `_` and `-`.
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
    RunStatus::parse(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waived() -> CustomStatus {
        CustomStatus {
            code: 100,
            name: "Passed with remarks".to_owned(),
            colour: "#36b37e".to_owned(),
            is_final: true,
            effect: Effect::Ok,
            rank: 50,
        }
    }

    #[test]
    fn a_custom_status_is_what_its_site_says() {
        let statuses = Statuses {
            custom: vec![waived()],
        };
        let status = statuses.parse("passed-with REMARKS").unwrap();
        assert_eq!(status, RunStatus::Custom(100));
        assert_eq!(statuses.name(status), "Passed with remarks");
        assert_eq!(
            (statuses.effect(status), statuses.is_final(status)),
            (Effect::Ok, true)
        );
        assert!(statuses.rank(RunStatus::Passed) < statuses.rank(status));
        assert!(statuses.rank(status) < statuses.rank(RunStatus::Todo));
        assert_eq!(statuses.all().count(), RunStatus::ALL.len() + 1);
    }

    #[test]
    fn a_status_that_was_removed_cannot_be_trusted() {
        let (none, removed) = (Statuses::default(), RunStatus::Custom(100));
        assert_eq!(none.effect(removed), Effect::Unknown);
        assert!(!none.is_final(removed));
        assert_eq!(none.parse("Passed with remarks"), None);
        assert!(none.rank(removed) > none.rank(RunStatus::Unknown));
        assert!(none.rank(removed) < none.rank(RunStatus::Error));
    }

    #[test]
    fn a_status_is_refused_by_what_is_wrong_with_it() {
        let held = Statuses {
            custom: vec![waived()],
        };
        assert_eq!(waived().check(&held), Ok(()), "itself is no obstacle");
        let other = CustomStatus {
            code: 101,
            ..waived()
        };
        let why = other.check(&held).unwrap_err().to_string();
        assert_eq!(
            why,
            "`Passed with remarks` already means the status Passed with remarks"
        );
        let wrong = |change: fn(&mut CustomStatus)| {
            let mut status = waived();
            change(&mut status);
            status.check(&Statuses::default()).unwrap_err()
        };
        assert_eq!(wrong(|it| it.name = " ".into()), StatusError::Name);
        assert_eq!(wrong(|it| it.name = "x".repeat(41)), StatusError::Name);
        assert_eq!(
            wrong(|it| it.name = "not run".into()),
            StatusError::Taken("not run".into(), "TODO".into())
        );
        assert_eq!(
            wrong(|it| it.colour = "green".into()),
            StatusError::Colour("green".into())
        );
        assert_eq!(wrong(|it| it.rank = -1), StatusError::Rank(-1));
    }
}
