//! The trend as a picture and as a table: verified issues against all, day by day.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::view::{Word, of_verdict};
use crate::domain::readiness::DAY_MS;
use crate::store::readiness::Day;

/// The picture's size, in its own units.
const WIDTH: u32 = 600;
const HEIGHT: u32 = 120;

/// How it stood day by day.
#[derive(Debug)]
pub(super) struct Trend {
    /// The corners of the line of all issues, and of the verified ones; empty with one day only.
    pub planned: String,
    pub verified: String,
    /// The same in one sentence.
    pub label: String,
    /// The first and the last day.
    pub first: String,
    pub last: String,
    /// The days, the newest first.
    pub rows: Vec<Row>,
}

/// One day.
#[derive(Debug)]
pub(super) struct Row {
    pub day: String,
    pub verdict: Word,
    pub verified: String,
    pub coverage: String,
    pub executed: String,
    pub pass_rate: String,
    pub failing: usize,
    pub defects: usize,
}

impl Trend {
    /// The trend of these days, the oldest first.
    pub fn of(days: &[Day]) -> Self {
        let highest = days
            .iter()
            .map(|day| day.measures.issues)
            .max()
            .unwrap_or(0);
        let line = |count: &dyn Fn(&Day) -> usize| match days {
            [] | [_] => String::new(),
            days => line(days, highest, count),
        };
        let date = |day: Option<&Day>| day.map_or_else(String::new, |day| date(day.day));
        Self {
            planned: line(&|day| day.measures.issues),
            verified: line(&|day| day.measures.ok),
            label: said(days),
            first: date(days.first()),
            last: date(days.last()),
            rows: days.iter().rev().map(row).collect(),
        }
    }
}

/// The corners of a line through a value of each day; days that are missing leave no gap.
fn line(days: &[Day], highest: usize, count: &dyn Fn(&Day) -> usize) -> String {
    let (first, last) = match days {
        [first, .., last] => (first.day, last.day),
        _ => return String::new(),
    };
    let whole = (last - first).max(1);
    let corners = days.iter().map(|day| {
        let x = scaled(day.day - first, whole, WIDTH);
        let high = i64::try_from(count(day)).unwrap_or(i64::MAX);
        let y = scaled(
            high,
            i64::try_from(highest).unwrap_or(i64::MAX).max(1),
            HEIGHT,
        );
        format!("{x},{}", i64::from(HEIGHT) - y)
    });
    corners.collect::<Vec<_>>().join(" ")
}

fn scaled(part: i64, whole: i64, to: u32) -> i64 {
    part.saturating_mul(i64::from(to)) / whole
}

fn said(days: &[Day]) -> String {
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return String::new();
    };
    let (before, now) = (&first.measures, &last.measures);
    format!(
        "Verified issues went from {} of {} on {} to {} of {} on {}.",
        before.ok,
        before.issues,
        date(first.day),
        now.ok,
        now.issues,
        date(last.day)
    )
}

fn row(day: &Day) -> Row {
    let measures = &day.measures;
    Row {
        day: date(day.day),
        verdict: of_verdict(day.verdict),
        verified: format!("{} of {}", measures.ok, measures.issues),
        coverage: measures.coverage().in_words(),
        executed: measures.executed().in_words(),
        pass_rate: measures.pass_rate().in_words(),
        failing: measures.nok,
        defects: measures.open_defects,
    }
}

/// A day as people read it: `24 Nov 2026`.
fn date(day: i64) -> String {
    let at = Timestamp::from_millisecond(day.saturating_mul(DAY_MS)).unwrap_or_default();
    at.to_zoned(TimeZone::UTC).strftime("%-d %b %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::readiness::{Measures, Verdict};

    fn day(day: i64, ok: usize, issues: usize) -> Day {
        Day {
            day,
            verdict: Verdict::NotReady,
            measures: Measures {
                issues,
                ok,
                ..Measures::default()
            },
        }
    }

    #[test]
    fn the_lines_go_from_left_to_right_and_more_is_higher() {
        let trend = Trend::of(&[day(20_780, 0, 8), day(20_781, 4, 8), day(20_784, 10, 10)]);
        assert_eq!(trend.planned, "0,24 150,24 600,0");
        assert_eq!(trend.verified, "0,120 150,72 600,0");
        assert_eq!(
            trend.label,
            "Verified issues went from 0 of 8 on 23 Nov 2026 to 10 of 10 on 27 Nov 2026."
        );
        assert_eq!(trend.rows.first().unwrap().verified, "10 of 10");
    }

    #[test]
    fn one_day_makes_no_line_and_nothing_planned_no_height() {
        assert_eq!(Trend::of(&[day(1, 1, 2)]).planned, "");
        let flat = Trend::of(&[day(1, 0, 0), day(2, 0, 0)]);
        assert_eq!(flat.planned, "0,120 600,120");
    }
}
