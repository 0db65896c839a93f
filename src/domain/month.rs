//! Calendar months, UTC: what run data is kept and dropped by.
//!
//! Ids of ours begin with the time they were made at, so a month is also a range of ids.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// A month of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month(Date);

impl Month {
    /// The month that `ms` (milliseconds since the Unix epoch) lies in; what no calendar reaches is
    /// the first of 1970.
    #[must_use]
    pub fn of_ms(ms: i64) -> Self {
        let at = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
        Self(at.to_zoned(TimeZone::UTC).date().first_of_month())
    }

    /// The month so many months later; earlier where `months` is negative.
    #[must_use]
    pub fn plus(self, months: i32) -> Self {
        Self(self.0.saturating_add(months.months()).first_of_month())
    }

    /// When it begins, milliseconds since the Unix epoch.
    #[must_use]
    pub fn begins_ms(self) -> i64 {
        let began = self.0.to_zoned(TimeZone::UTC);
        began.map_or(0, |began| began.timestamp().as_millisecond())
    }

    /// The month that [`Month`]'s display wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('_')?;
        let date = Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()?;
        Some(Self(date))
    }
}

impl fmt::Display for Month {
    /// `2026_11`: sorts by time, and may stand in the name of a table.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}_{:02}", self.0.year(), self.0.month())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24T15:00:00Z.
    const NOW_MS: i64 = 1_795_532_400_000;

    #[test]
    fn a_month_is_counted_from_and_written_down() {
        let november = Month::of_ms(NOW_MS);
        assert_eq!(november.to_string(), "2026_11");
        assert_eq!(november.plus(2).to_string(), "2027_01");
        assert_eq!(november.plus(-11).to_string(), "2025_12");
        assert_eq!(Month::parse("2026_11"), Some(november));
        assert!(november < november.plus(1) && Month::parse("other").is_none());
    }

    #[test]
    fn it_begins_with_its_first_millisecond() {
        let november = Month::of_ms(NOW_MS);
        let begins = november.begins_ms();
        assert_eq!(Month::of_ms(begins), november);
        assert_eq!(Month::of_ms(begins - 1), november.plus(-1));
        assert_eq!(november.plus(1).begins_ms() - begins, 30 * 24 * 3600 * 1000);
    }
}
