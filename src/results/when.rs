//! Durations and instants as reports write them, in the many notations of their writers.
//!
//! A time without a zone is taken as UTC: the report does not say more, and the same file must
//! always give the same instants. What cannot be read is nothing, for the caller to warn about.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::{Timestamp, fmt::rfc2822, fmt::strtime, tz::TimeZone};

/// Longer than this is no duration of a test: ten years, in milliseconds.
const LONGEST_MS: i64 = 10 * 366 * 24 * 3600 * 1000;

/// A duration in milliseconds from seconds (`1.5`, `1,234.5`, `4.5e-05`, `2 s`), from milliseconds
/// with a unit (`12ms`), or from `h:m:s`. Negative and endless ones are nothing.
#[must_use]
pub fn duration_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    let seconds = match text.strip_suffix("ms") {
        Some(number) => decimal(number)? / 1000.0,
        None => clock_seconds(text.strip_suffix('s').unwrap_or(text))?,
    };
    let duration = Duration::try_from_secs_f64(seconds).ok()?;
    let rounded = duration.checked_add(Duration::from_micros(500))?;
    i64::try_from(rounded.as_millis())
        .ok()
        .filter(|ms| *ms <= LONGEST_MS)
}

/// Seconds, or minutes and hours before them with colons.
fn clock_seconds(text: &str) -> Option<f64> {
    if !text.contains(':') {
        return decimal(text);
    }
    let mut seconds = 0.0;
    for (count, part) in text.split(':').enumerate() {
        let part = decimal(part)?;
        if count > 2 || part < 0.0 {
            return None;
        }
        seconds = seconds * 60.0 + part;
    }
    Some(seconds)
}

/// A number with an optional decimal point or comma and optional thousands separators.
fn decimal(text: &str) -> Option<f64> {
    let text = text.trim();
    if !text.contains(',') {
        return text.parse().ok();
    }
    let last_comma = text.rfind(',')?;
    let decimals = text.len() - last_comma - 1;
    let comma_is_point = match text.rfind('.') {
        Some(point) => point < last_comma,
        // One comma and three digits is a thousand ("1,234"), unless nothing else stands before.
        None => text.find(',') == Some(last_comma) && (decimals != 3 || text.starts_with("0,")),
    };
    let plain: String = text
        .char_indices()
        .filter_map(|(at, c)| match c {
            ',' if comma_is_point && at == last_comma => Some('.'),
            ',' => None,
            '.' if comma_is_point => None,
            c => Some(c),
        })
        .collect();
    plain.parse().ok()
}

/// An instant in milliseconds since 1970 from ISO 8601 with or without zone, from RFC 2822, from
/// `Date.toString` of Java and JavaScript's cousins in UTC, or from a count of (milli)seconds.
#[must_use]
pub fn instant_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    let parsed = iso(text).or_else(|| other_notation(text))?;
    Some(parsed.as_millisecond()).filter(|ms| *ms >= 0)
}

fn iso(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let civil = text.parse::<DateTime>().ok()?;
    civil
        .to_zoned(TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

fn other_notation(text: &str) -> Option<Timestamp> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let count = text.parse().ok()?;
        return match text.len() {
            9..=10 => Timestamp::from_second(count).ok(),
            12..=13 => Timestamp::from_millisecond(count).ok(),
            _ => None,
        };
    }
    // "2024-01-03T 12:40:13": some writers put a space on top of the T.
    if let Some((date, time)) = text.split_once("T ") {
        return iso(&format!("{date}T{}", time.trim_start()));
    }
    if let Ok(zoned) = rfc2822::parse(text) {
        return Some(zoned.timestamp());
    }
    [
        "%a %b %d %H:%M:%S UTC %Y",
        "%a %b %d %H:%M:%S GMT %Y",
        "%a %b %d %H:%M:%S %Y",
    ]
    .into_iter()
    .find_map(|notation| strtime::parse(notation, text).ok()?.to_datetime().ok())
    .and_then(|civil| civil.to_zoned(TimeZone::UTC).ok())
    .map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_many_writers() {
        for (text, ms) in [
            ("0.774", 774),
            ("0", 0),
            ("", -1),
            ("100", 100_000),
            ("1,234.5", 1_234_500),
            ("1.234,5", 1_234_500),
            ("1,234", 1_234_000),
            ("0,123", 123),
            ("1,5", 1_500),
            ("1,234,567", 1_234_567_000),
            ("4.50611114501953e-05", 0),
            ("0.0006", 1),
            (" 2 s", 2_000),
            ("12ms", 12),
            ("1:02:03.5", 3_723_500),
            ("1:2:3:4", -1),
            ("-345345", -1),
            ("NaN", -1),
            ("inf", -1),
            ("1e300", -1),
            ("99999999999", -1),
            ("soon", -1),
        ] {
            assert_eq!(duration_ms(text).unwrap_or(-1), ms, "{text}");
        }
    }

    #[test]
    fn instants_of_many_writers() {
        let noon = 1_704_283_200_000;
        for text in [
            "2024-01-03T12:00:00",
            "2024-01-03T12:00:00.00",
            "2024-01-03T12:00:00Z",
            "2024-01-03 12:00:00Z",
            "2024-01-03 12:00:00",
            "2024-01-03T 12:00:00",
            "2024-01-03T12:00:00.000+0000",
            "2024-01-03T13:00:00+01:00",
            "2024-01-03T11:00:00.000-01:00",
            "20240103T120000Z",
            "Wed, 03 Jan 2024 12:00:00 GMT",
            "Wed, 3 Jan 2024 13:00:00 +0100",
            "Wed Jan 03 12:00:00 UTC 2024",
            "Wed Jan  3 12:00:00 2024",
            "1704283200",
            "1704283200000",
        ] {
            assert_eq!(instant_ms(text), Some(noon), "{text}");
        }
        assert_eq!(instant_ms("2024-01-03"), Some(noon - 12 * 3_600_000));
        for text in [
            "",
            "yesterday",
            "12",
            "2024-13-01T00:00:00",
            "1900-01-01",
            "10:00",
        ] {
            assert_eq!(instant_ms(text), None, "{text}");
        }
    }
}
