//! Real reports of many writers, with counts that an independent counter reached.
//!
//! The files stand outside the project; without them these tests say so and pass, except in CI.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::model::{Counts, Explicit, Remarks, Report, ReportedRun};
use super::{Limits, read};
use crate::domain::attempts::Aggregation;
use crate::domain::run::RunStatus::{self, Failed, Passed, Skipped};

fn corpus() -> Option<PathBuf> {
    let folder = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/reference/results"
    ));
    if folder.join("README.md").exists() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{} is missing",
        folder.display()
    );
    eprintln!("skipped: {} is not there", folder.display());
    None
}

fn read_file(folder: &std::path::Path, name: &str) -> Result<Report, super::ReadError> {
    read(&fs::read(folder.join(name)).unwrap(), &Limits::default())
}

fn made(name: &str) -> Option<Result<Report, super::ReadError>> {
    corpus().map(|folder| read_file(&folder, name))
}

/// What the corpus calls the formats that are read.
const FORMATS: [&str; 12] = [
    "allure", "ctrf", "cucumber", "junit", "nunit2", "nunit3", "robot", "tap", "testng", "trx",
    "xrayjson", "xunit",
];

/// The rows of the corpus' table: file name and the other cells.
fn rows(readme: &str) -> Vec<(String, Vec<String>)> {
    let rows: Vec<_> = readme
        .lines()
        .map(|line| {
            let mut cells = line.split('|').map(|cell| cell.trim().to_owned()).skip(1);
            (cells.next().unwrap_or_default(), cells.collect::<Vec<_>>())
        })
        .filter(|(_, cells)| {
            cells
                .first()
                .is_some_and(|format| FORMATS.contains(&format.as_str()))
        })
        .collect();
    assert!(
        rows.len() > 65,
        "the table has changed its form: {} rows",
        rows.len()
    );
    rows
}

#[test]
fn counts_are_those_of_an_independent_counter() {
    let Some(folder) = corpus() else { return };
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut wrong = Vec::new();
    for (file, cells) in rows(&readme) {
        let result = read_file(&folder, &file);
        if cells[1] == "refuse" {
            match result {
                Ok(_) => wrong.push(format!("{file} was read")),
                Err(why) => wrong.extend(misplaced(&file, &cells.join("|"), &why)),
            }
            continue;
        }
        let numbers: Vec<usize> = cells[1..8]
            .iter()
            .map(|cell| cell.parse().unwrap())
            .collect();
        match result {
            Ok(report) => {
                let Counts {
                    tests,
                    passed,
                    failed,
                    error,
                    skipped,
                    other,
                    flaky,
                } = report.counts;
                let counted = [tests, passed, failed, error, skipped, other, flaky];
                if counted.as_slice() != numbers {
                    wrong.push(format!("{file}: {numbers:?} expected, {counted:?} counted"));
                }
                let attempts: usize = report.runs.iter().map(|run| run.attempts.len()).sum();
                assert!(
                    attempts >= tests,
                    "{file}: every case is an attempt of some run"
                );
            }
            Err(why) => wrong.push(format!("{file}: {why}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The table quotes a reader that counts columns from 0.
fn misplaced(file: &str, cells: &str, why: &super::ReadError) -> Option<String> {
    let (_, place) = cells.split_once("): line ")?;
    let (line, rest) = place.split_once(", column ").unwrap();
    let column: usize = rest
        .split(|c: char| !c.is_ascii_digit())
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let expected = format!("line {line}, column {}: ", column + 1);
    let said = why.to_string();
    (!said.starts_with(&expected)).then(|| format!("{file}: {expected}expected, {said:?} said"))
}

#[test]
fn retries_written_as_repeats_are_attempts_of_one_run() {
    let Some(folder) = corpus() else { return };
    let statuses = |file: &str| -> Vec<(String, usize, RunStatus, bool)> {
        let report = read_file(&folder, file).unwrap();
        let status = |run: &super::model::ReportedRun| run.status(Aggregation::Worst);
        let of = |run: &super::model::ReportedRun| {
            (
                run.name.clone(),
                run.attempts.len(),
                status(run).0,
                status(run).1,
            )
        };
        report.runs.iter().map(of).collect()
    };
    let row =
        |name: &str, attempts, status, is_flaky| (name.to_owned(), attempts, status, is_flaky);
    assert_eq!(
        statuses("made-duplicate-identity.xml"),
        [
            row("retried", 2, Failed, true),
            row("always", 1, Failed, false),
            row("param[a]", 1, Passed, false),
            row("param[b]", 1, Passed, false),
        ]
    );
    assert_eq!(
        statuses("junit-retries-same-name.xml"),
        [row("test_success_first", 3, Failed, false)],
        "a pass before the failures may be a bogus one"
    );
    assert_eq!(
        statuses("junit-retries-class-file.xml"),
        [
            row("test_foo", 3, Failed, true),
            row("test_foo", 1, Passed, false),
            row("test_baz", 1, Passed, false),
        ]
    );
    assert_eq!(
        statuses("made-surefire-rerun.xml"),
        [
            row("flakyThenPass", 3, Failed, true),
            row("failsEachTime", 3, Failed, false),
            row("errorsThenFails", 2, Failed, false),
            row("skippedOne", 1, Skipped, false),
            row("clean", 1, Passed, false),
        ]
    );
}

/// Counts as the table of made files words them.
fn counts(report: &Report) -> [usize; 5] {
    let Counts {
        passed,
        failed,
        error,
        skipped,
        flaky,
        ..
    } = report.counts;
    [passed, failed, error, skipped, flaky]
}

#[test]
fn damaged_and_foreign_bytes_come_out_readable() {
    for (file, expected, warnings) in [
        ("made-char-reference-control.xml", [0, 1, 0, 0, 0], 1),
        ("made-control-characters.xml", [0, 1, 0, 0, 0], 1),
        ("made-invalid-utf8.xml", [2, 0, 0, 0, 0], 1),
        ("made-doctype-harmless.xml", [1, 0, 0, 0, 0], 0),
        ("made-huge-system-out.xml", [1, 1, 0, 0, 0], 0),
        ("made-latin1.xml", [1, 0, 0, 0, 0], 0),
        ("made-utf16.xml", [1, 0, 0, 0, 0], 0),
        ("made-surefire-rerun.xml", [2, 1, 1, 1, 1], 0),
        ("made-xray-properties.xml", [3, 1, 0, 1, 0], 0),
    ] {
        let Some(report) = made(file) else { return };
        let report = report.unwrap();
        assert_eq!(counts(&report), expected, "{file}");
        assert_eq!(
            report.warnings.len(),
            warnings,
            "{file}: {:?}",
            report.warnings
        );
    }
    let name = |file| made(file).unwrap().unwrap().runs[0].name.clone();
    assert!(name("made-latin1.xml").contains("naïve über"));
    assert!(name("made-utf16.xml").contains("日本語"));
    let huge = made("made-huge-system-out.xml").unwrap().unwrap();
    assert!(
        huge.runs
            .iter()
            .any(|run| run.duration_ms == Some(1_234_500))
    );
}

#[test]
fn hostile_files_are_refused_with_a_place() {
    for file in [
        "made-deep-nesting.xml",
        "made-entity-bomb.xml",
        "made-entity-quadratic.xml",
        "made-external-entity.xml",
        "made-wide-attributes.xml",
    ] {
        let Some(result) = made(file) else { return };
        let why = result.unwrap_err();
        assert!(why.position.is_some(), "{file}: {why}");
    }
}

#[test]
fn test_management_properties_are_understood() {
    let Some(report) = made("made-xray-properties.xml") else {
        return;
    };
    let report = report.unwrap();
    let run = |name: &str| report.runs.iter().find(|run| run.name == name).unwrap();
    let keys = |name: &str| -> Vec<&str> {
        run(name)
            .requirements
            .iter()
            .map(|found| found.key.as_str())
            .collect()
    };
    let card = run("pays_by_card");
    assert_eq!(
        card.identity.explicit,
        Some(Explicit::Key("SHOP-101".to_owned()))
    );
    assert_eq!(keys("pays_by_card"), ["SHOP-7", "SHOP-8"]);
    assert_eq!(card.labels, ["smoke", "card"]);
    assert_eq!(remarks(card).summary.as_deref(), Some("Pay by card"));
    assert_eq!(
        remarks(card).comment.as_deref(),
        Some("ran on &lt;staging&gt;"),
        "CDATA is not decoded"
    );
    assert_eq!(keys("pays_by_voucher"), ["SHOP-7"]);
    assert_eq!(keys("legacy_attribute"), ["SHOP-9"]);
    let proof = &remarks(run("has_evidence")).evidence[0];
    assert_eq!(
        (proof.name.as_str(), proof.content.as_slice()),
        ("note.txt", b"hello".as_slice())
    );
    assert_eq!(
        remarks(run("has_evidence")).custom_fields,
        [("Browser".to_owned(), "firefox".to_owned())]
    );
    assert_eq!(
        run("later").identity.key(),
        "id:10001",
        "the id wins over the key"
    );
}

#[test]
fn no_cut_and_no_damage_makes_the_reader_panic() {
    let Some(folder) = corpus() else { return };
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |limit: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(random >> 33).unwrap() % limit.max(1)
    };
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "md") {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let cuts = if bytes.len() > 200_000 { 40 } else { 200 };
        for _ in 0..cuts {
            let mut cut = bytes[..below(bytes.len())].to_vec();
            let _ = read(&cut, &Limits::default());
            if !cut.is_empty() {
                let at = below(cut.len());
                cut[at] = u8::try_from(below(256)).unwrap();
                let _ = read(&cut, &Limits::default());
            }
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(&cut).unwrap();
            let mut packed = gzip.finish().unwrap();
            packed.truncate(below(packed.len()));
            let _ = read(&packed, &Limits::default());
        }
    }
}

fn remarks(run: &ReportedRun) -> &Remarks {
    run.remarks.as_deref().unwrap()
}
