//! Times as people say them, with the exact time beside.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A time as people say it, and exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// For example `14 min ago`.
    pub relative: String,
    /// For people: `24 Nov 2026, 09:12 UTC`; the page's script puts it into the reader's zone.
    pub exact: String,
    /// For machines: RFC 3339.
    pub machine: String,
}

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

impl When {
    /// `at_ms` as seen at `now_ms`, both milliseconds since the Unix epoch.
    #[must_use]
    pub fn new(at_ms: i64, now_ms: i64) -> Self {
        let at = Timestamp::from_millisecond(at_ms).unwrap_or_default();
        let zoned = at.to_zoned(TimeZone::UTC);
        Self {
            relative: match now_ms.saturating_sub(at_ms) {
                ..MINUTE_MS => "just now".to_owned(),
                past @ ..HOUR_MS => format!("{} min ago", past / MINUTE_MS),
                past @ ..DAY_MS => format!("{} h ago", past / HOUR_MS),
                past if past < 2 * DAY_MS => "1 day ago".to_owned(),
                past if past < 30 * DAY_MS => format!("{} days ago", past / DAY_MS),
                _ => zoned.strftime("%-d %b %Y").to_string(),
            },
            exact: zoned.strftime("%-d %b %Y, %H:%M UTC").to_string(),
            machine: at.to_string(),
        }
    }
}

/// The day of `at_ms` in UTC, as forms write it: `2026-12-31`.
#[must_use]
pub fn day(at_ms: i64) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.to_zoned(TimeZone::UTC).date().to_string()
}

/// When the day that a form wrote is over in UTC, milliseconds since the Unix epoch; `None` when it is
/// no day.
#[must_use]
pub fn end_of_day(text: &str) -> Option<i64> {
    let day: jiff::civil::Date = text.parse().ok()?;
    let next = day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(next.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_grows_with_the_distance() {
        let now_ms = 1_795_511_520_000;
        let said = |ago_ms: i64| When::new(now_ms - ago_ms, now_ms).relative;
        assert_eq!(said(-5 * MINUTE_MS), "just now");
        assert_eq!(said(59_999), "just now");
        assert_eq!(said(MINUTE_MS), "1 min ago");
        assert_eq!(said(HOUR_MS - 1), "59 min ago");
        assert_eq!(said(23 * HOUR_MS), "23 h ago");
        assert_eq!(said(47 * HOUR_MS), "1 day ago");
        assert_eq!(said(29 * DAY_MS), "29 days ago");
        assert_eq!(said(40 * DAY_MS), "15 Oct 2026");
    }

    #[test]
    fn a_day_ends_when_the_next_begins() {
        let end = end_of_day("2026-11-24").unwrap();
        assert_eq!(
            (day(end - 1), day(end)),
            ("2026-11-24".into(), "2026-11-25".into())
        );
        assert_eq!(end_of_day("2024-02-29"), Some(1_709_251_200_000));
        for no_day in ["", "2026-02-30", "24.11.2026", "tomorrow", "99999-01-01"] {
            assert_eq!(end_of_day(no_day), None, "{no_day}");
        }
    }

    #[test]
    fn the_exact_time_names_its_zone() {
        let when = When::new(1_795_511_520_000, 1_795_511_520_000);
        assert_eq!(when.exact, "24 Nov 2026, 09:12 UTC");
        assert_eq!(when.machine, "2026-11-24T09:12:00Z");
    }
}
