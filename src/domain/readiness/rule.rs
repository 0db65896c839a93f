//! The rules of the gate, with their limits: what a project may choose.
//!
//! Defaults: `test-management.md` section 7. A rule nobody decided about is inherited.

use std::collections::BTreeMap;
use std::fmt;

use super::measures::percent;
use super::{many, verb};

/// A rule of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleName {
    /// There is something to judge. Always demanded: a misspelt version must not come out as ready.
    Planned,
    /// Issues with a failing test.
    FailingIssues,
    /// Open blockers and criticals.
    SevereDefects,
    /// Issues that are covered.
    Coverage,
    /// Tests with a final result.
    Executed,
    /// Final results that passed.
    PassRate,
    /// Tests that wait for a retest.
    RetestQueue,
    /// Passing issues that depend on a flaky or quarantined test.
    FlakyExposure,
    /// The age of the oldest result.
    ResultAge,
    /// Issues whose tests all passed.
    Verified,
    /// Open defects of any severity.
    OpenDefects,
    /// Results of an older test, or from before the issue changed.
    Outdated,
}

/// What a limit counts, and in which direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// At least so many tenths of a percent.
    AtLeastPerMille,
    /// At most so many tenths of a percent.
    AtMostPerMille,
    /// At least so many.
    AtLeast,
    /// At most so many.
    AtMost,
    /// At most so many days.
    AtMostDays,
}

/// What a failed rule means for the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It is not looked at.
    Off,
    /// The verdict is *at risk* at best.
    Advisory,
    /// The verdict is *not ready*.
    Required,
}

/// How a rule is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleSetting {
    /// What it means when it fails.
    pub level: Level,
    /// Its limit, in the unit of the rule.
    pub limit: u32,
}

/// A text that sets no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Not a number.
    #[error("a limit is a number such as {example}")]
    NotANumber {
        /// One that would be.
        example: &'static str,
    },
    /// A share beyond 100 %, or more than can be counted.
    #[error("the limit is at most {most}")]
    TooLarge {
        /// The largest.
        most: u32,
    },
}

/// The largest limit of a count or of days.
const MOST: u32 = 1_000_000;

impl RuleName {
    /// Every rule, in the order it is shown.
    pub const ALL: [Self; 12] = [
        Self::Planned,
        Self::FailingIssues,
        Self::SevereDefects,
        Self::Coverage,
        Self::Executed,
        Self::PassRate,
        Self::RetestQueue,
        Self::FlakyExposure,
        Self::ResultAge,
        Self::Verified,
        Self::OpenDefects,
        Self::Outdated,
    ];

    /// The name as stored and as interfaces write it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::FailingIssues => "failing-issues",
            Self::SevereDefects => "severe-defects",
            Self::Coverage => "coverage",
            Self::Executed => "executed",
            Self::PassRate => "pass-rate",
            Self::RetestQueue => "retest-queue",
            Self::FlakyExposure => "flaky-exposure",
            Self::ResultAge => "result-age",
            Self::Verified => "verified",
            Self::OpenDefects => "open-defects",
            Self::Outdated => "outdated",
        }
    }

    /// The rule with this name, if there is one.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.code() == code)
    }

    /// Whether somebody may set it.
    #[must_use]
    pub const fn is_choosable(self) -> bool {
        !matches!(self, Self::Planned)
    }

    /// What its limit counts.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Planned => Unit::AtLeast,
            Self::Coverage | Self::Executed | Self::PassRate | Self::Verified => {
                Unit::AtLeastPerMille
            }
            Self::FlakyExposure | Self::Outdated => Unit::AtMostPerMille,
            Self::FailingIssues | Self::SevereDefects | Self::RetestQueue | Self::OpenDefects => {
                Unit::AtMost
            }
            Self::ResultAge => Unit::AtMostDays,
        }
    }

    /// How it is set where nobody decided.
    #[must_use]
    pub const fn default_setting(self) -> RuleSetting {
        use Level::{Advisory, Off, Required};
        let (level, limit) = match self {
            Self::Planned => (Required, 1),
            Self::FailingIssues | Self::SevereDefects | Self::RetestQueue => (Required, 0),
            Self::Coverage => (Required, 950),
            Self::Executed => (Required, 1000),
            Self::PassRate => (Required, 980),
            Self::FlakyExposure => (Advisory, 50),
            Self::ResultAge => (Advisory, 14),
            Self::Verified => (Off, 1000),
            Self::OpenDefects | Self::Outdated => (Off, 0),
        };
        RuleSetting { level, limit }
    }

    /// The rule with its limit, as a sentence without its period.
    #[must_use]
    pub fn in_words(self, limit: u32) -> String {
        let count = usize::try_from(limit).unwrap_or(usize::MAX);
        let at_most = |what: &str, one: &str, more: &str| match count {
            0 => format!("No {what} {one}"),
            _ => format!("At most {} {}", many(count, what), verb(count, one, more)),
        };
        let at_least = |of: &str| match limit {
            1000 => format!("All {of}"),
            _ => format!("At least {} of the {of}", percent(limit)),
        };
        match self {
            Self::Planned => "At least one issue is planned".to_owned(),
            Self::FailingIssues => at_most("issue", "fails", "fail"),
            Self::SevereDefects => at_most("blocking or critical defect", "is open", "are open"),
            Self::Coverage => format!("{} are covered", at_least("issues")),
            Self::Executed => format!("{} have a final result", at_least("tests")),
            Self::PassRate => format!("{} passed", at_least("final results")),
            Self::RetestQueue => at_most("test", "waits for a retest", "wait for a retest"),
            Self::FlakyExposure => format!(
                "At most {} of the passing issues depend on a flaky or quarantined test",
                percent(limit)
            ),
            Self::ResultAge => format!("No result is older than {}", many(count, "day")),
            Self::Verified => format!("{} are fully tested", at_least("issues")),
            Self::OpenDefects => at_most("defect", "is open", "are open"),
            Self::Outdated => format!("At most {} of the results are outdated", percent(limit)),
        }
    }

    /// Reads a limit as people and interfaces write it: percents with at most one decimal, counts and
    /// days without.
    ///
    /// # Errors
    ///
    /// [`LimitError`] says what a limit looks like.
    pub fn read_limit(self, text: &str) -> Result<u32, LimitError> {
        let text = text.trim();
        let digits = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse::<u32>().unwrap_or(u32::MAX))
        };
        match self.unit() {
            Unit::AtLeastPerMille | Unit::AtMostPerMille => {
                let refused = LimitError::NotANumber {
                    example: "95 or 99.5",
                };
                let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
                // What a number's text may end in: 95.0, 95.50.
                let tenth = match tenth.trim_end_matches('0') {
                    "" if !tenth.is_empty() => "0",
                    tenth => tenth,
                };
                let (Some(whole), Some(tenth), 1) = (digits(whole), digits(tenth), tenth.len())
                else {
                    return Err(refused);
                };
                let per_mille = whole.saturating_mul(10).saturating_add(tenth);
                (per_mille <= 1000)
                    .then_some(per_mille)
                    .ok_or(LimitError::TooLarge { most: 100 })
            }
            Unit::AtLeast | Unit::AtMost | Unit::AtMostDays => {
                let count = digits(text).ok_or(LimitError::NotANumber { example: "0 or 14" })?;
                (count <= MOST)
                    .then_some(count)
                    .ok_or(LimitError::TooLarge { most: MOST })
            }
        }
    }

    /// A limit as [`RuleName::read_limit`] reads it.
    #[must_use]
    pub fn write_limit(self, limit: u32) -> String {
        match self.unit() {
            Unit::AtLeastPerMille | Unit::AtMostPerMille => {
                percent(limit).trim_end_matches(" %").to_owned()
            }
            Unit::AtLeast | Unit::AtMost | Unit::AtMostDays => limit.to_string(),
        }
    }
}

impl Level {
    /// Every level, the strictest first.
    pub const ALL: [Self; 3] = [Self::Required, Self::Advisory, Self::Off];

    /// The name as stored and as interfaces write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Advisory => "advisory",
            Self::Required => "required",
        }
    }

    /// The level with this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

impl fmt::Display for RuleSetting {
    /// As [`RuleSetting::read`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.level.name(), self.limit)
    }
}

impl RuleSetting {
    /// Reads what [`RuleSetting`] writes; none of anything else.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (level, limit) = text.split_once(' ')?;
        Some(Self {
            level: Level::from_name(level)?,
            limit: limit.parse().ok()?,
        })
    }
}

/// The rules of a project's gate, or those somebody decided about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gate(BTreeMap<RuleName, RuleSetting>);

impl Gate {
    /// Decides about a rule; one that nobody may set stays as it is.
    pub fn set(&mut self, rule: RuleName, setting: RuleSetting) {
        if rule.is_choosable() {
            self.0.insert(rule, setting);
        }
    }

    /// What was decided about a rule itself, if anything.
    #[must_use]
    pub fn decided(&self, rule: RuleName) -> Option<RuleSetting> {
        self.0.get(&rule).copied()
    }

    /// How a rule is set here: as it was decided, or by default.
    #[must_use]
    pub fn setting(&self, rule: RuleName) -> RuleSetting {
        self.decided(rule).unwrap_or_else(|| rule.default_setting())
    }

    /// These decisions, with `over` in their place where it decides.
    #[must_use]
    pub fn with(&self, over: &Self) -> Self {
        let mut rules = self.0.clone();
        rules.extend(&over.0);
        Self(rules)
    }
}
