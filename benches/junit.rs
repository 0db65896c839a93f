//! How fast JUnit reports are read, next to a bare count of XML events over the same bytes.
//!
//! The report is made in memory: 10 000 or 100 000 cases in suites of 100, one in fifty failing
//! with a stack trace, some with properties and output. The last lines compare both in interleaved
//! rounds of this one run: medians in MB/s and cases per second, and their ratio.
#![expect(clippy::unwrap_used, reason = "a bench stops at the first surprise")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use quick_xml::Reader;
use quick_xml::events::Event;
use touchstone::results::{Limits, read};

const SIZES: [u32; 2] = [10_000, 100_000];
const ROUNDS: usize = 15;

fn report(cases: u32) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for case in 0..cases {
        let suite = case / 100;
        if case % 100 == 0 {
            let close = if case > 0 { "  </testsuite>\n" } else { "" };
            writeln!(
                xml,
                "{close}  <testsuite name=\"shop.unit.Basket{suite}Test\" tests=\"100\" \
                 timestamp=\"2026-05-04T08:00:00\" time=\"1.5\">"
            )
            .unwrap();
        }
        write!(
            xml,
            "    <testcase name=\"puts article {case} &amp; counts\" \
             classname=\"shop.unit.Basket{suite}Test\" time=\"0.0{}\"",
            case % 97
        )
        .unwrap();
        xml.push_str(match case % 50 {
            7 => {
                "><failure message=\"expected 10 but was 9\" type=\"AssertionError\">\
                 <![CDATA[AssertionError: expected 10 but was 9\n\tat shop.Basket.total(Basket.java:31)\n\
                 \tat shop.unit.BasketTest.counts(BasketTest.java:12)]]></failure></testcase>\n"
            }
            13 => "><skipped message=\"needs a printer\"/></testcase>\n",
            21 => {
                "><properties><property name=\"requirement\" value=\"SHOP-7\"/></properties>\
                 <system-out>basket opened\nbasket closed\n</system-out></testcase>\n"
            }
            _ => "/>\n",
        });
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

fn count_events(xml: &str) -> usize {
    let mut reader = Reader::from_str(xml);
    let mut count = 0;
    while !matches!(reader.read_event().unwrap(), Event::Eof) {
        count += 1;
    }
    count
}

fn read_report(xml: &str) -> usize {
    read(xml.as_bytes(), &Limits::default()).unwrap().runs.len()
}

fn junit(criterion: &mut Criterion) {
    for cases in SIZES {
        let xml = report(cases);
        let mut group = criterion.benchmark_group("junit");
        group
            .sample_size(20)
            .throughput(Throughput::Bytes(u64::try_from(xml.len()).unwrap()));
        group.bench_with_input(BenchmarkId::new("events", cases), &xml, |bencher, xml| {
            bencher.iter(|| count_events(black_box(xml)));
        });
        group.bench_with_input(BenchmarkId::new("read", cases), &xml, |bencher, xml| {
            bencher.iter(|| read_report(black_box(xml)));
        });
        group.finish();
    }
}

fn timed(work: impl FnOnce() -> usize) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).unwrap().as_secs_f64()
}

fn compare(cases: u32) {
    let xml = report(cases);
    let (mut bare, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(timed(|| count_events(&xml)));
        whole.push(timed(|| read_report(&xml)));
    }
    let (bare, whole) = (median(bare), median(whole));
    let megabytes = f64::from(u32::try_from(xml.len()).unwrap()) / 1e6;
    println!(
        "{cases} cases, {megabytes:.1} MB: read {:.0} MB/s, {:.0} cases/s; bare events {:.0} MB/s; \
         ratio {:.2}",
        megabytes / whole,
        f64::from(cases) / whole,
        megabytes / bare,
        whole / bare
    );
}

criterion_group!(benches, junit);

fn main() {
    benches();
    Criterion::default().configure_from_args().final_summary();
    for cases in SIZES {
        compare(cases);
    }
}
