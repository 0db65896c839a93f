//! What a new defect says: the template of `test-management.md` 8.1.
//!
//! Filled from a failed run; the person who asks for the defect may change it before it is sent.

use super::work::{Block, Inline};

/// The longest summary Jira takes, in characters.
const SUMMARY: usize = 255;
/// Lines of a stack trace that go into the description.
const TRACE_LINES: usize = 30;
/// How much of a stack trace goes into the description, in characters.
const TRACE: usize = 6_000;
/// Issues at risk that are listed.
pub const AT_RISK: usize = 20;
/// Tests that are listed, and how much of what each said, in characters.
const ALIKE: usize = 50;
const ALIKE_SAID: usize = 120;

/// A failed run, as much of it as a defect tells.
#[derive(Debug, Clone, Copy)]
pub struct FailedRun<'a> {
    /// The key of the test.
    pub test_key: &'a str,
    /// Its name.
    pub test_name: &'a str,
    /// The key of the execution.
    pub execution_key: &'a str,
    /// The number of the run within it.
    pub number: i64,
    /// The environments.
    pub environments: &'a [String],
    /// The version it ran.
    pub fix_version: Option<&'a str>,
    /// The revision it ran.
    pub revision: Option<&'a str>,
    /// The branch of it.
    pub branch: Option<&'a str>,
    /// The first line of what it said.
    pub message: Option<&'a str>,
    /// The stack trace or whatever explains the failure.
    pub trace: Option<&'a str>,
}

/// Another test that the defect stands for.
#[derive(Debug, Clone, Copy)]
pub struct Alike<'a> {
    /// Its key.
    pub test_key: &'a str,
    /// Its name.
    pub test_name: &'a str,
    /// The first line of what its run said.
    pub message: Option<&'a str>,
}

/// What failed in an execution beyond what gets a defect of its own.
#[derive(Debug, Clone, Copy)]
pub struct Rest<'a> {
    /// The key of the execution.
    pub execution_key: &'a str,
    /// Its environments.
    pub environments: &'a [String],
    /// The version it ran.
    pub fix_version: Option<&'a str>,
    /// The tests.
    pub tests: &'a [Alike<'a>],
}

/// An issue whose tests include the failed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueAtRisk {
    /// Its key.
    pub key: String,
    /// Its summary.
    pub summary: String,
    /// Where people see it.
    pub href: String,
}

/// The summary: `[SHOP-T1] what went wrong`, one line.
#[must_use]
pub fn summary(run: &FailedRun<'_>) -> String {
    let what = run.message.map(one_line).filter(|line| !line.is_empty());
    let what = what.unwrap_or_else(|| format!("{} fails", one_line(run.test_name)));
    shortened(&format!("[{}] {what}", run.test_key), SUMMARY)
}

/// A summary as a person typed it, made fit for Jira: one line, not too long.
#[must_use]
pub fn fit_summary(text: &str) -> String {
    shortened(&one_line(text), SUMMARY)
}

/// The summary of the one defect that lists the rest of an execution.
#[must_use]
pub fn summary_of_rest(rest: &Rest<'_>) -> String {
    let tests = match rest.tests.len() {
        1 => "1 more test failed".to_owned(),
        n => format!("{n} more tests failed"),
    };
    format!("[{}] {tests}", rest.execution_key)
}

/// Its description.
#[must_use]
pub fn description_of_rest(rest: &Rest<'_>, at_risk: &[IssueAtRisk]) -> Vec<Block> {
    let environments = rest.environments.join(", ");
    let facts = [
        ("Execution", Some(rest.execution_key)),
        ("Environment", Some(environments.as_str())),
        ("Version", rest.fix_version),
    ];
    let known = |(name, value): (&str, Option<&str>)| {
        let value = value.filter(|one| !one.is_empty())?;
        Some(fact(name, value))
    };
    let mut blocks = vec![
        Block::text(
            "So many tests failed at once that not each gets an issue of its own. These are the rest.",
        ),
        Block::Bullets(facts.into_iter().filter_map(known).collect()),
        heading("Tests"),
        Block::Bullets(alike(rest.tests)),
    ];
    if !at_risk.is_empty() {
        blocks.push(heading("Issues at risk"));
        blocks.push(Block::Bullets(risks(at_risk)));
    }
    blocks
}

/// The description. `also` are other tests that failed for the same cause.
#[must_use]
pub fn description(run: &FailedRun<'_>, also: &[Alike<'_>], at_risk: &[IssueAtRisk]) -> Vec<Block> {
    let mut facts = vec![
        fact(
            "Test",
            &format!("{} {}", run.test_key, one_line(run.test_name)),
        ),
        fact(
            "Execution",
            &format!("{}, run {}", run.execution_key, run.number),
        ),
    ];
    let environments = run.environments.join(", ");
    for (name, value) in [
        ("Environment", Some(environments.as_str())),
        ("Version", run.fix_version),
        ("Revision", run.revision),
        ("Branch", run.branch),
    ] {
        facts.extend(
            value
                .filter(|one| !one.is_empty())
                .map(|one| fact(name, one)),
        );
    }
    let mut blocks = vec![
        Block::text("A test failed. This issue was made from its run."),
        Block::Bullets(facts),
    ];
    if let Some(message) = run.message.filter(|text| !text.trim().is_empty()) {
        blocks.push(heading("What it said"));
        blocks.push(Block::Code(first_lines(message)));
    }
    if let Some(trace) = run.trace.filter(|text| !text.trim().is_empty()) {
        blocks.push(heading("Where it failed"));
        blocks.push(Block::Code(first_lines(trace)));
    }
    if !also.is_empty() {
        blocks.push(heading("Failed in the same way"));
        blocks.push(Block::Bullets(alike(also)));
    }
    if !at_risk.is_empty() {
        blocks.push(heading("Issues at risk"));
        blocks.push(Block::Bullets(risks(at_risk)));
    }
    blocks
}

fn risks(at_risk: &[IssueAtRisk]) -> Vec<Vec<Inline>> {
    let mut items: Vec<_> = at_risk
        .iter()
        .take(AT_RISK)
        .map(|issue| {
            let link = Inline::Link {
                text: issue.key.clone(),
                href: issue.href.clone(),
            };
            vec![link, Inline::text(format!(" {}", issue.summary))]
        })
        .collect();
    if let Some(more) = at_risk.len().checked_sub(AT_RISK).filter(|more| *more > 0) {
        items.push(vec![Inline::text(format!("and {more} more"))]);
    }
    items
}

fn alike(tests: &[Alike<'_>]) -> Vec<Vec<Inline>> {
    let mut items: Vec<_> = tests
        .iter()
        .take(ALIKE)
        .map(|test| {
            let said = test.message.map(one_line).filter(|line| !line.is_empty());
            let said = said.map_or(String::new(), |line| {
                format!(": {}", shortened(&line, ALIKE_SAID))
            });
            vec![
                Inline::Strong(test.test_key.to_owned()),
                Inline::text(format!(" {}{said}", one_line(test.test_name))),
            ]
        })
        .collect();
    if let Some(more) = tests.len().checked_sub(ALIKE).filter(|more| *more > 0) {
        items.push(vec![Inline::text(format!("and {more} more"))]);
    }
    items
}

fn fact(name: &str, value: &str) -> Vec<Inline> {
    vec![
        Inline::Strong(format!("{name}: ")),
        Inline::text(value.to_owned()),
    ]
}

fn heading(text: &str) -> Block {
    Block::Paragraph(vec![Inline::Strong(text.to_owned())])
}

fn first_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().take(TRACE_LINES).collect();
    shortened(&lines.join("\n"), TRACE)
}

/// The text as one line: line breaks and runs of white space become one space.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shortened(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(longest - 1).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<'a>(message: Option<&'a str>, trace: Option<&'a str>) -> FailedRun<'a> {
        FailedRun {
            test_key: "SHOP-T1",
            test_name: "adds\nto cart",
            execution_key: "SHOP-E7",
            number: 3,
            environments: &[],
            fix_version: Some("2.1"),
            revision: None,
            branch: None,
            message,
            trace,
        }
    }

    #[test]
    fn the_summary_names_the_test_and_fits_into_one_line() {
        assert_eq!(
            summary(&run(Some("expected 1\n  but was 2"), None)),
            "[SHOP-T1] expected 1 but was 2"
        );
        assert_eq!(summary(&run(None, None)), "[SHOP-T1] adds to cart fails");
        assert_eq!(
            summary(&run(Some("  "), None)),
            "[SHOP-T1] adds to cart fails"
        );
        let long = summary(&run(Some(&"ü".repeat(400)), None));
        assert_eq!(long.chars().count(), 255);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn the_description_tells_what_is_known_and_no_more() {
        let trace = "at a\n".repeat(100);
        let risk = IssueAtRisk {
            key: "SHOP-1".into(),
            summary: "Cart".into(),
            href: "https://x/browse/SHOP-1".into(),
        };
        let blocks = description(&run(Some("boom"), Some(&trace)), &[], &[risk]);
        let item =
            |name: &str, value: &str| vec![Inline::Strong(name.to_owned()), Inline::text(value)];
        assert_eq!(
            blocks[1],
            Block::Bullets(vec![
                item("Test: ", "SHOP-T1 adds to cart"),
                item("Execution: ", "SHOP-E7, run 3"),
                item("Version: ", "2.1"),
            ])
        );
        let Block::Code(code) = &blocks[5] else {
            panic!("{blocks:?}")
        };
        assert_eq!(code.lines().count(), 30);
        assert_eq!(blocks.len(), 8);
        assert_eq!(description(&run(None, None), &[], &[]).len(), 2);
    }

    #[test]
    fn the_rest_of_a_flood_is_one_issue_that_lists_the_first_and_counts_all() {
        let keys: Vec<String> = (1..=60).map(|n| format!("SHOP-T{n}")).collect();
        let tests: Vec<Alike<'_>> = keys
            .iter()
            .map(|key| Alike {
                test_key: key,
                test_name: "pays",
                message: Some("no such host\nat x"),
            })
            .collect();
        let rest = Rest {
            execution_key: "SHOP-E7",
            environments: &["chrome".to_owned()],
            fix_version: None,
            tests: &tests,
        };
        assert_eq!(summary_of_rest(&rest), "[SHOP-E7] 60 more tests failed");
        let blocks = description_of_rest(&rest, &[]);
        let Some(Block::Bullets(items)) = blocks.last() else {
            panic!("{blocks:?}")
        };
        assert_eq!(items.len(), 51);
        assert_eq!(
            items[0],
            [
                Inline::Strong("SHOP-T1".into()),
                Inline::text(" pays: no such host at x")
            ]
        );
        assert_eq!(items[50], [Inline::text("and 10 more")]);
    }
}
