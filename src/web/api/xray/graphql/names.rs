//! Ids of runs, of steps and of evidence, and times, as this interface writes them.
//!
//! A run has no row of its own to take an id from: its id is its execution's, in hexadecimal, and its
//! number. A step of a test is named by the test and what it is known by within it; a step of a run by
//! its place.

use jiff::Timestamp;
use uuid::Uuid;

/// Hexadecimal digits of a number.
const DIGITS: usize = 8;

/// An id made of a row's and a number.
fn joined(id: Uuid, number: i64) -> String {
    format!("{}{number:08x}", id.simple())
}

fn split(text: &str) -> Option<(Uuid, i64)> {
    let (id, number) = text.trim().split_at_checked(32)?;
    let is_hex = number.len() >= DIGITS && number.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hex {
        return None;
    }
    Some((
        Uuid::try_parse(id).ok()?,
        i64::from_str_radix(number, 16).ok()?,
    ))
}

/// The id of a run.
pub(in crate::web::api::xray) fn run_id(execution: Uuid, number: i64) -> String {
    joined(execution, number)
}

/// Execution and number of a run.
pub(in crate::web::api::xray) fn run_of(id: &str) -> Option<(Uuid, i64)> {
    split(id)
}

/// The id of a step of a test.
pub(in crate::web::api::xray) fn step_id(test: Uuid, step: i32) -> String {
    joined(test, i64::from(step))
}

/// The test, and what the step is known by in it.
pub(in crate::web::api::xray) fn step_of(id: &str) -> Option<(Uuid, i32)> {
    let (test, step) = split(id)?;
    Some((test, i32::try_from(step).ok()?))
}

/// The id of a step of a run, by its place from 1.
pub(in crate::web::api::xray) fn run_step_id(execution: Uuid, number: i64, place: usize) -> String {
    format!("{}-{place}", run_id(execution, number))
}

/// The place of a step of this run.
pub(in crate::web::api::xray) fn run_step_of(
    id: &str,
    execution: Uuid,
    number: i64,
) -> Option<usize> {
    let place = id.trim().strip_prefix(&run_id(execution, number))?;
    place
        .strip_prefix('-')?
        .parse()
        .ok()
        .filter(|place| *place > 0)
}

/// The id of a step of an iteration of a run, by rank and place from 1.
pub(in crate::web::api::xray) fn iteration_step_id(
    execution: Uuid,
    number: i64,
    rank: usize,
    place: usize,
) -> String {
    format!("{}-{rank}-{place}", run_id(execution, number))
}

/// Rank and place of a step of an iteration of this run.
pub(in crate::web::api::xray) fn iteration_step_of(
    id: &str,
    execution: Uuid,
    number: i64,
) -> Option<(usize, usize)> {
    let rest = id.trim().strip_prefix(&run_id(execution, number))?;
    let (rank, place) = rest.strip_prefix('-')?.split_once('-')?;
    let (rank, place) = (rank.parse().ok()?, place.parse().ok()?);
    (rank > 0 && place > 0).then_some((rank, place))
}

/// The id of an example of a run, by its place from 1.
pub(in crate::web::api::xray) fn example_id(execution: Uuid, number: i64, rank: usize) -> String {
    format!("{}-e{rank}", run_id(execution, number))
}

/// The id of the run of an example, and the example's place in it.
pub(in crate::web::api::xray) fn example_of(id: &str) -> Option<(&str, usize)> {
    let (run, rank) = id.trim().rsplit_once("-e")?;
    Some((run, rank.parse().ok().filter(|rank| *rank > 0)?))
}

/// A time, as RFC 3339 has it.
pub(in crate::web::api::xray) fn time(ms: i64) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or_default();
    format!("{time:.3}")
}

/// A time that was given, milliseconds since the Unix epoch.
pub(in crate::web::api::xray) fn time_ms(text: &str) -> Option<i64> {
    crate::results::when::instant_ms(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        let id = Uuid::from_u128(0x0193_5c3e_0000_7000_8000_0000_0000_0001);
        assert_eq!(
            run_of(&run_id(id, 4_000_000_000)),
            Some((id, 4_000_000_000))
        );
        assert_eq!(step_of(&step_id(id, 7)), Some((id, 7)));
        assert_eq!(run_step_of(&run_step_id(id, 3, 12), id, 3), Some(12));
        let step = iteration_step_id(id, 3, 2, 5);
        assert_eq!(iteration_step_of(&step, id, 3), Some((2, 5)));
        assert_eq!(run_step_of(&step, id, 3), None);
        let example = example_id(id, 3, 2);
        assert_eq!(example_of(&example), Some((run_id(id, 3).as_str(), 2)));
        assert_eq!(
            run_step_of(&run_step_id(id, 3, 12), id, 4),
            None,
            "another run"
        );
        for bad in [
            "",
            "12",
            "é",
            &"0".repeat(33),
            &format!("{}-0000001", "0".repeat(32)),
        ] {
            assert_eq!(run_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn times_are_instants() {
        assert_eq!(time(1_795_132_800_123), "2026-11-20T00:00:00.123Z");
        assert_eq!(
            time_ms("2026-11-20T01:00:00.123+01:00"),
            Some(1_795_132_800_123)
        );
    }
}
