//! From the projections to words and signs: fills `view` from what `app` found.

use super::view::{Coverage, Defect, Environment, FoundBy, History, Lozenge, Row, Segment, Span};
use super::{ROWS, look, scope};
use crate::app::issue_coverage::{IssueCoverage, TestRow};
use crate::app::issue_panel::IssuePanel;
use crate::domain::coverage::{
    self, Counts, CoverageStatus, Doubt, Exclusion, NO_ENVIRONMENT, Outdated, Recent, Scope,
};
use crate::domain::issue::{MirroredIssue, StatusCategory};
use crate::domain::rule::MarkKind;
use crate::domain::run::Effect;
use crate::domain::statuses::Statuses;
use crate::domain::test::TestKind;
use crate::store::issue_tests::{LinkedDefect, SetMark};
use crate::web::times::{When, day};

/// What the words depend on besides the facts.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// Where people see the site, without a slash at its end.
    pub site_url: &'a str,
    /// The time, milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// The statuses of the site.
    pub statuses: &'a Statuses,
}

impl Setting<'_> {
    fn when(self, at_ms: i64) -> When {
        When::new(at_ms, self.now_ms)
    }

    /// The tests of an issue and what they say, as the reader chose to see them.
    #[must_use]
    pub(super) fn coverage(self, panel: &IssuePanel, is_all: bool) -> Coverage {
        let shown = if is_all { usize::MAX } else { ROWS };
        let found = &panel.coverage;
        let environment = panel.scope.environment.as_deref();
        let (look, tint) = look::of_issue(found.status);
        let spans = found.reason.sentence().0.into_iter();
        let lines = found.reason.lines().into_iter();
        Coverage {
            look,
            tint,
            tally: tally(found),
            sentence: spans.map(span).collect(),
            reasons: lines
                .map(|line| (line.text, line.at_ms.map(|at_ms| self.when(at_ms))))
                .collect(),
            segments: segments(found.counts),
            scopes: scope::choices(panel),
            environments: choices(&found.environments, environment),
            within: within(&panel.scope),
            more: found.tests.len().saturating_sub(shown),
            is_all,
            is_exempt: found.exemption.is_some(),
            rows: found
                .tests
                .iter()
                .take(shown)
                .map(|test| Row {
                    is_unlinkable: true,
                    ..self.row(test)
                })
                .collect(),
        }
    }

    /// The tests that found a defect, and what has to happen next.
    #[must_use]
    pub fn found_by(self, defect: &MirroredIssue, tests: &[TestRow]) -> FoundBy {
        let has = |test: &TestRow, kind| {
            let mut about = test.marks.iter();
            about.any(|mark| mark.kind == kind && mark.issue_key == defect.snapshot.key)
        };
        let count = |test: &dyn Fn(&TestRow) -> bool| tests.iter().filter(|one| test(one)).count();
        let retest = count(&|test| has(test, MarkKind::RetestNeeded));
        let accepted = count(&|test| has(test, MarkKind::AcceptedFailure));
        let failing = count(&|test| test.effect == Effect::Nok);
        let all = tests.len();
        let (word, tint, sentence) = match (all, defect.is_done()) {
            (0, _) => (
                "",
                "",
                "No test is linked to this defect; link it from a failing test.".to_owned(),
            ),
            (_, true) if accepted > 0 => (
                "Accepted failure",
                "info",
                format!(
                    "Closed without a fix; {} still failing.",
                    are(accepted, "test")
                ),
            ),
            (_, true) if retest > 0 => (
                "Retest needed",
                "notrun",
                format!(
                    "{} of {} passed since it was resolved.",
                    all - retest,
                    counted(all, "test")
                ),
            ),
            (_, _) if failing > 0 => (
                "Failing",
                "nok",
                format!("{failing} of {} that found it.", counted(all, "test")),
            ),
            (_, true) => (
                "Verified",
                "ok",
                format!("{} passed since it was resolved.", everyone(all)),
            ),
            (_, false) => (
                "Not failing",
                "neutral",
                format!("Found by {}.", counted(all, "test")),
            ),
        };
        FoundBy {
            state: (all > 0).then(|| lozenge(word, tint, "")),
            sentence,
            rows: tests
                .iter()
                .map(|test| Row {
                    defects: Vec::new(),
                    wants_defect: false,
                    ..self.row(test)
                })
                .collect(),
        }
    }

    /// One test.
    #[must_use]
    pub fn row(self, test: &TestRow) -> Row {
        let is_failing = test.effect == Effect::Nok;
        let is_open = |defect: &LinkedDefect| {
            !defect.is_deleted && defect.status_category != StatusCategory::Done
        };
        let is_accepted = |mark: &SetMark| mark.kind == MarkKind::AcceptedFailure;
        let is_dealt_with = test.defects.iter().any(is_open) || test.marks.iter().any(is_accepted);
        let attempts = test.picks.iter().map(|pick| pick.attempts).max();
        Row {
            id: test.id.to_string(),
            key: test.key.clone(),
            name: test.name.clone(),
            look: look::of_run(&test.named, test.effect),
            environments: environments(test),
            marks: self.marks(test),
            attempts: attempts
                .filter(|count| *count > 1)
                .map(|count| format!("{count} attempts")),
            defects: test
                .defects
                .iter()
                .map(|defect| self.defect(defect))
                .collect(),
            when: test.last_run.as_ref().map(|run| self.when(run.finished_ms)),
            history: self.history(&test.recent),
            said: test.message.clone(),
            wants_defect: is_failing && !is_dealt_with && test.exclusion.is_none(),
            may_have_defect: is_failing,
            is_unlinkable: false,
            is_quarantined: test.quarantine.is_some(),
        }
    }

    fn marks(self, test: &TestRow) -> Vec<Lozenge> {
        let mut marks: Vec<Lozenge> = Vec::new();
        if test.kind == TestKind::Manual {
            marks.push(lozenge(
                "Manual",
                "neutral",
                "A person carries this test out.",
            ));
        }
        marks.extend(test.exclusion.as_ref().and_then(excluded));
        if let Some(quarantine) = &test.quarantine {
            let title = format!(
                "Does not count until {}: {} {} sees to it.",
                day(quarantine.ends_ms),
                sentence(&quarantine.reason),
                quarantine.owner
            );
            marks.push(lozenge("Quarantined", "flag", &title));
        }
        for mark in &test.marks {
            let (word, tint, why) = match mark.kind {
                MarkKind::RetestNeeded => ("Retest", "notrun", "Has to pass again, because of"),
                MarkKind::AcceptedFailure => (
                    "Accepted failure",
                    "info",
                    "Fails, and is accepted because of",
                ),
            };
            let since = self.when(mark.since_ms).exact;
            let title = format!("{why} {}, since {since}", mark.issue_key);
            if marks.iter().all(|held| held.text != word) {
                marks.push(lozenge(word, tint, &title));
            }
        }
        if let Some(evidence) = &test.flaky {
            marks.push(lozenge("Flaky", "flag", &evidence.remark(NO_ENVIRONMENT)));
        } else if test.picks.iter().any(|pick| pick.is_flaky) {
            let title = "Its attempts disagreed: it failed and then passed.";
            marks.push(lozenge("Flaky", "flag", title));
        }
        let outdated = test.picks.iter().find_map(|pick| pick.outdated);
        marks.extend(outdated.map(|outdated| self.outdated(outdated)));
        if test
            .picks
            .iter()
            .any(|pick| pick.doubt == Some(Doubt::Stale))
        {
            let title = "Its result is older than results may be in this project.";
            marks.push(lozenge("Old result", "notrun", title));
        }
        marks
    }

    fn outdated(self, outdated: Outdated) -> Lozenge {
        let title = match outdated {
            Outdated::Test { made_with, now } => {
                format!("Its result is of version {made_with} of the test, which is at {now} now.")
            }
            Outdated::Issue { changed_ms } => {
                let when = self.when(changed_ms).exact;
                format!("The issue's text changed after its result, on {when}.")
            }
        };
        lozenge("Outdated", "notrun", &title)
    }

    fn history(self, recent: &[Recent]) -> Option<History> {
        const EFFECTS: [(Effect, &str); 4] = [
            (Effect::Ok, "passed"),
            (Effect::Nok, "failed"),
            (Effect::Unknown, "unknown"),
            (Effect::NotRun, "not run"),
        ];
        if recent.len() < 2 {
            return None;
        }
        let effects = || {
            recent
                .iter()
                .map(|result| self.statuses.effect(result.status))
        };
        let parts: Vec<String> = EFFECTS
            .into_iter()
            .map(|(effect, word)| (effects().filter(|one| *one == effect).count(), word))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        Some(History {
            bars: effects().rev().map(look::tone).collect(),
            label: format!("Last {} results: {}", recent.len(), parts.join(", ")),
        })
    }

    fn defect(self, defect: &LinkedDefect) -> Defect {
        let status = if defect.is_deleted {
            lozenge("Deleted", "neutral", "This issue was deleted in Jira.")
        } else if defect.status_name.is_empty() {
            lozenge(
                "Not seen yet",
                "neutral",
                "Jira has not told of this issue yet.",
            )
        } else {
            let tint = look::of_category(defect.status_category);
            lozenge(&defect.status_name, tint, &defect.summary)
        };
        let url = format!("{}/browse/{}", self.site_url, defect.key);
        Defect {
            key: defect.key.clone(),
            url: (!defect.is_deleted).then_some(url),
            summary: defect.summary.clone(),
            status,
            id: defect.issue_id.to_string(),
        }
    }
}

/// ` on chrome`, ` in version 1.4 on chrome`; nothing where everything counts.
fn within(scope: &Scope) -> String {
    let made_for = scope.made_for.as_ref();
    let made_for = made_for.map_or_else(String::new, |made_for| format!(" in {made_for}"));
    let environment = scope.environment.as_ref();
    let environment = environment.map_or_else(String::new, |name| format!(" on {name}"));
    format!("{made_for}{environment}")
}

/// Why a test does not count, where that is no quarantine.
fn excluded(why: &Exclusion) -> Option<Lozenge> {
    Some(match why {
        Exclusion::Archived => lozenge("Archived", "neutral", "An archived test does not count."),
        Exclusion::Status(status) => {
            let title = format!("Tests in the status {status} do not count.");
            lozenge(status, "neutral", &title)
        }
        Exclusion::Label(label) => {
            let title = format!("Tests with the label {label} do not count.");
            lozenge(label, "neutral", &title)
        }
        Exclusion::NotInPlan => lozenge("Not in the plan", "neutral", "The plan does not run it."),
        Exclusion::Quarantined(_) | Exclusion::OutOfScope(_) | Exclusion::NotFinal(_) => {
            return None;
        }
    })
}

/// What a person wrote, with a full stop at its end.
fn sentence(text: &str) -> String {
    let text = text.trim();
    match text.chars().last() {
        Some('.' | '!' | '?') => text.to_owned(),
        _ => format!("{text}."),
    }
}

fn lozenge(text: &str, tint: &'static str, title: &str) -> Lozenge {
    Lozenge {
        text: text.to_owned(),
        tint,
        title: title.to_owned(),
    }
}

fn span(span: coverage::Span) -> Span {
    match span {
        coverage::Span::Plain(text) => Span {
            text,
            is_name: false,
        },
        coverage::Span::Name(text) => Span {
            text,
            is_name: true,
        },
    }
}

/// How many of its own tests make the status; of an issue without any, its children.
fn tally(found: &IssueCoverage) -> String {
    let (counts, linked) = (found.counts, found.tests.len());
    let children = found.children.iter();
    if linked == 0 && !found.children.is_empty() {
        let alike = children.filter(|child| child.shown_status() == found.status);
        let all = counted(found.children.len(), "child issue");
        return match alike.count() {
            0 => all,
            some => format!("{some} of {all}"),
        };
    }
    let of = |some: usize| format!("{some} of {}", counted(counts.total, "test"));
    match found.status {
        CoverageStatus::Ok => counted(counts.total, "test"),
        CoverageStatus::Nok => of(counts.failed),
        CoverageStatus::NotRun => of(counts.not_run),
        CoverageStatus::Unknown => of(counts.unknown),
        CoverageStatus::Uncovered | CoverageStatus::Exempt => {
            format!("0 of {} count", counted(linked, "test"))
        }
    }
}

/// `1 test`, `2 tests`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn are(count: usize, what: &str) -> String {
    format!(
        "{} {}",
        counted(count, what),
        if count == 1 { "is" } else { "are" }
    )
}

fn everyone(count: usize) -> String {
    match count {
        1 => "The test that found it has".to_owned(),
        2 => "Both tests that found it have".to_owned(),
        count => format!("All {count} tests that found it have"),
    }
}

fn segments(counts: Counts) -> Vec<Segment> {
    bar(&[
        ("passed", counts.passed, "passed"),
        ("failed", counts.failed, "failed"),
        ("unknown", counts.unknown, "unknown"),
        ("notrun", counts.not_run, "not run"),
    ])
}

/// A bar of all that is counted: for each stretch its tone, how many, and what they are.
#[must_use]
pub fn bar(parts: &[(&'static str, usize, &str)]) -> Vec<Segment> {
    let total: usize = parts.iter().map(|(_, count, _)| count).sum();
    let percent = |count: usize| {
        let share = |value: usize| f64::from(u32::try_from(value).unwrap_or(u32::MAX));
        (share(count) / share(total.max(1)) * 10_000.0).round() / 100.0
    };
    let mut before = 0;
    let mut segments = Vec::new();
    for &(tone, count, word) in parts {
        if count > 0 {
            segments.push(Segment {
                tone,
                label: format!("{count} {word}"),
                start: percent(before),
                length: percent(count),
            });
        }
        before += count;
    }
    segments
}

/// A filter is only worth its place when there is something to choose. What was chosen elsewhere stays
/// in it, though nothing was run there: somebody must be able to see and to change it.
fn choices(names: &[String], chosen: Option<&str>) -> Vec<(String, bool)> {
    if names.len() < 2 && chosen.is_none() {
        return Vec::new();
    }
    let unknown = chosen.filter(|chosen| names.iter().all(|name| name != chosen));
    let names = names.iter().map(String::as_str).chain(unknown);
    let choice = |name: &str| (name.to_owned(), chosen == Some(name));
    names.map(choice).collect()
}

fn environments(test: &TestRow) -> Vec<Environment> {
    if test
        .picks
        .iter()
        .all(|pick| pick.environment == NO_ENVIRONMENT)
    {
        return Vec::new();
    }
    let shown = |pick: &crate::app::issue_coverage::PickedRun| Environment {
        name: match pick.environment.as_str() {
            NO_ENVIRONMENT => "no environment".to_owned(),
            name => name.to_owned(),
        },
        look: look::of_run(&pick.named, pick.effect),
    };
    test.picks.iter().map(shown).collect()
}
