//! Reports with things done to them: whatever comes, the answer is a report or a refusal.
//!
//! The same as the fuzz targets in `tests/fuzz` assert, with a generator that needs no other compiler
//! and starts from every sample. `MUTATIONS=100000 cargo test --lib mutation_tests` looks longer.

use std::fs;

use super::{Limits, read};
use crate::domain::attempts::Aggregation;

/// Pieces of reports that a change may put anywhere.
const PIECES: [&str; 46] = [
    "<",
    ">",
    "/>",
    "</",
    "&",
    ";",
    "\"",
    "'",
    "=",
    "]]>",
    "<![CDATA[",
    "<!--",
    "&#0;",
    "&lt;",
    "\r\n",
    "\u{fffd}",
    "-1",
    "1e999",
    "9999999999999",
    "NaN",
    "<testcase/>",
    "<test/>",
    "<test-case/>",
    "<test-method retried='true'/>",
    "<UnitTestResult/>",
    "<InnerResults>",
    "<status status='FAIL'/>",
    "<kw type='teardown'>",
    "<suite>",
    "</suite>",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\\",
    "\\ud800",
    "\\u0000",
    "null",
    "{\"tests\":[",
    "\"status\":\"passed\",",
    "\nok 1 - a\n",
    "\nnot ok 2\n  ---\n",
    "\n  ...\n",
    "\n1..3\n",
    "\nBail out!\n",
];

/// A small generator of numbers: the same seed gives the same changes on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = (self.0)
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }

    /// A range of at most `longest` bytes.
    fn range(&mut self, bytes: &[u8], longest: usize) -> std::ops::Range<usize> {
        let start = self.below(bytes.len() + 1);
        let end = bytes.len().min(start + self.below(longest));
        start..end
    }
}

fn change(bytes: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Random) {
    let place = random.range(bytes, 200);
    match random.below(6) {
        0 => bytes.truncate(place.start),
        1 => drop(bytes.drain(place)),
        2 => {
            let again = bytes[place.clone()].to_vec();
            bytes.splice(place.start..place.start, again);
        }
        3 => {
            let piece = PIECES[random.below(PIECES.len())];
            let end = place.end.min(place.start + random.below(4));
            bytes.splice(place.start..end, piece.bytes());
        }
        4 => {
            let other = &others[random.below(others.len())];
            let taken = other[random.range(other, 300)].to_vec();
            bytes.splice(place, taken);
        }
        _ => {
            let value = u8::try_from(random.below(256)).unwrap();
            if let Some(byte) = bytes.get_mut(place.start) {
                *byte = value;
            }
        }
    }
}

#[test]
fn no_change_to_a_sample_breaks_a_reader() {
    let asked = std::env::var_os("MUTATIONS");
    let changes = asked.map_or(100, |count| count.to_str().unwrap().parse().unwrap());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/results");
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    let samples: Vec<_> = names.iter().map(|name| fs::read(name).unwrap()).collect();
    let limits = Limits::default();
    let mut random = Random(20_261_124);
    let mut still_read = 0;
    for (sample, name) in samples.iter().zip(&names) {
        for _ in 0..changes {
            let mut bytes = sample.clone();
            for _ in 0..=random.below(4) {
                change(&mut bytes, &samples, &mut random);
            }
            let Ok(report) = read(&bytes, &limits) else {
                continue;
            };
            still_read += 1;
            let attempts: usize = report.runs.iter().map(|run| run.attempts.len()).sum();
            assert!(
                attempts >= report.counts.tests,
                "a case of {} is lost",
                name.display()
            );
            for run in &report.runs {
                assert!(!run.attempts.is_empty() && run.identity.key().len() <= 400);
                let _ = run.status(Aggregation::Worst);
            }
        }
    }
    assert!(
        still_read > samples.len(),
        "hardly any change left a report: {still_read}"
    );
}
