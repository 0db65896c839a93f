//! Archives: what comes out of honest ones, and that hostile ones get nowhere.

use std::io::{Cursor, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Limits, Report, read};
use crate::domain::attempts::Aggregation;
use crate::domain::run::RunStatus::{Failed, Passed};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn suite(cases: &str) -> Vec<u8> {
    format!("<testsuite name='s'>{cases}</testsuite>").into_bytes()
}

fn of(bytes: &[u8]) -> Report {
    read(bytes, &Limits::default()).unwrap()
}

fn refusal(bytes: &[u8], limits: &Limits) -> String {
    read(bytes, limits).unwrap_err().to_string()
}

#[test]
fn a_gzipped_report_is_the_report() {
    let plain = suite("<testcase classname='C' name='a'/>");
    assert_eq!(of(&gzip(&plain)), of(&plain));
    let (one, two) = plain.split_at(20);
    let members = [gzip(one), gzip(two)].concat();
    assert_eq!(of(&members), of(&plain), "several members are one file");
}

#[test]
fn the_files_of_a_zip_are_one_report() {
    let trx = include_bytes!("../../tests/data/results/trx.trx");
    let report = of(&zip(&[
        (
            "build/TEST-a.xml",
            &suite(
                "<testcase classname='C' name='a'/><testcase classname='C' name='b'><failure/></testcase>",
            ),
        ),
        ("build/", b""),
        (
            "build/TEST-b.xml",
            &suite("<testcase classname='C' name='a' time='soon'><error/></testcase>"),
        ),
        ("__MACOSX/TEST-a.xml", b"junk"),
        (
            "log.html",
            b"<!DOCTYPE html PUBLIC 'x' 'http://127.0.0.1/'><html></html>",
        ),
        ("shot.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("notes.txt", b"hello"),
        ("more.zip", &zip(&[("a.xml", b"<testsuite/>")])),
        ("old.gz", &gzip(b"<testsuite/>")),
        ("result.trx", trx),
    ]));
    let alone = of(trx);
    assert_eq!(report.counts.tests, 3 + alone.counts.tests);
    assert_eq!(report.counts.error, 1 + alone.counts.error);
    assert_eq!(report.runs.len(), 2 + alone.runs.len());
    assert_eq!(report.format, "several formats");
    let twice = &report.runs[0];
    assert_eq!((twice.name.as_str(), twice.attempts.len()), ("a", 2));
    assert_ne!(
        twice.status(Aggregation::Worst).0,
        Passed,
        "the worst counts"
    );
    assert_eq!(report.runs[1].status(Aggregation::Worst).0, Failed);
    let passed_over = "5 files of the archive are no result files and were passed over: ";
    assert!(
        report.warnings[0].starts_with(passed_over),
        "{:?}",
        report.warnings
    );
    let warning =
        "build/TEST-b.xml: line 1: the duration of a case cannot be read and was left out";
    assert_eq!(report.warnings[1], warning);
    assert!(report.incomplete.unwrap().starts_with("result.trx: "));
}

#[test]
fn names_that_several_files_share_are_told_apart_by_their_suites() {
    let in_suite = |suite: &str| {
        format!("<testsuite name='{suite}'><testcase classname='C' name='a'/></testsuite>")
            .into_bytes()
    };
    let report = of(&zip(&[
        ("1.xml", &in_suite("chrome")),
        ("2.xml", &in_suite("firefox")),
    ]));
    let keys: Vec<_> = report.runs.iter().map(|run| run.identity.key()).collect();
    assert_eq!(keys, ["suite:chrome\nC\na", "suite:firefox\nC\na"]);
}

#[test]
fn one_broken_file_refuses_the_archive_by_its_name() {
    let files: [(&str, &[u8]); 2] = [
        ("good.xml", b"<testsuite><testcase name='a'/></testsuite>"),
        ("bad.xml", b"<testsuite>\n<testcase"),
    ];
    let why = refusal(&zip(&files), &Limits::default());
    assert!(
        why.starts_with("bad.xml: line 2, column 1: not well-formed"),
        "{why}"
    );
    let none = refusal(&zip(&[("a.txt", b"hello")]), &Limits::default());
    assert!(none.contains("no result file"), "{none}");
    assert!(refusal(&zip(&[]), &Limits::default()).contains("no result file"));
}

#[test]
fn paths_that_lead_out_are_refused() {
    for name in [
        "../a.xml",
        "a/../../b.xml",
        "/etc/a.xml",
        "\\\\host\\a.xml",
        "C:\\a.xml",
        "a\\..\\b.xml",
    ] {
        // The writer mends some of these names, so the right ones are put in place afterwards.
        let mild = "x".repeat(name.len());
        let mut bytes = zip(&[(&mild, b"<testsuite/>")]);
        let places: Vec<usize> = (0..bytes.len())
            .filter(|at| bytes[*at..].starts_with(mild.as_bytes()))
            .collect();
        assert_eq!(places.len(), 2, "in the header and in the directory");
        for at in places {
            bytes[at..at + name.len()].copy_from_slice(name.as_bytes());
        }
        let why = refusal(&bytes, &Limits::default());
        assert!(why.contains("leads out of it"), "{name}: {why}");
    }
}

#[test]
fn links_are_not_followed() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .add_symlink("a.xml", "/etc/passwd", SimpleFileOptions::default())
        .unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    assert!(refusal(&bytes, &Limits::default()).contains("no result file"));
}

#[test]
fn bombs_do_not_go_off() {
    let zeros = vec![b' '; 20 * 1024 * 1024];
    let why = refusal(&gzip(&zeros), &Limits::default());
    assert_eq!(
        why,
        "the gzip data becomes too large when it is unpacked; split the report"
    );
    let why = refusal(&zip(&[("a.xml", &zeros)]), &Limits::default());
    assert!(why.starts_with("a.xml becomes too large"), "{why}");
    let inside = gzip(&gzip(b"<testsuite/>"));
    assert!(refusal(&inside, &Limits::default()).contains("archive inside the archive"));
    let limits = Limits {
        bytes: 3_000,
        files: 3,
        ..Limits::default()
    };
    let kilobyte = suite(&" ".repeat(1_100));
    let three: Vec<(&str, &[u8])> = ["a", "b", "c"]
        .into_iter()
        .map(|name| (name, &kilobyte[..]))
        .collect();
    assert!(
        refusal(&zip(&three), &limits).starts_with("c becomes too large"),
        "all files together"
    );
    let many: Vec<(&str, &[u8])> = ["a", "b", "c", "d"]
        .into_iter()
        .map(|name| (name, &b""[..]))
        .collect();
    assert!(refusal(&zip(&many), &limits).contains("more than 3 files in one archive"));
    let cases = suite("<testcase classname='C' name='a'/>");
    let few = Limits {
        cases: 1,
        ..Limits::default()
    };
    let two = zip(&[("a.xml", &cases), ("b.xml", &cases)]);
    assert!(refusal(&two, &few).contains("more than 1 test cases in one archive"));
}

#[test]
fn damage_is_refused_wherever_it_is() {
    let text = suite(&"<testcase classname='C' name='a'/>".repeat(50));
    for packed in [gzip(&text), zip(&[("a.xml", &text), ("b.xml", &text)])] {
        for end in 0..packed.len() {
            assert!(
                read(&packed[..end], &Limits::default()).is_err(),
                "cut at {end}"
            );
        }
        for at in 0..packed.len() {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x55;
            if let Ok(report) = read(&damaged, &Limits::default()) {
                let tests: usize = report.runs.iter().map(|run| run.attempts.len()).sum();
                assert_eq!(tests, report.counts.tests, "changed at {at}");
            }
        }
    }
    let mut encrypted = zip(&[("a.xml", &text)]);
    let directory = encrypted
        .windows(4)
        .position(|at| at == b"PK\x01\x02")
        .unwrap();
    encrypted[directory + 8] |= 1;
    assert!(refusal(&encrypted, &Limits::default()).contains("encrypted"));
}
