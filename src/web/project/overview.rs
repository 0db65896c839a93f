//! What the project page says, in words and signs: the template's only input.

use super::tabs::{Tab, View, tabs};
use crate::app::project_coverage::{ListedIssue, ProjectCoverage};
use crate::domain::coverage::{Counts, CoverageStatus};
use crate::web::panel::look;
use crate::web::panel::present::{bar, counted};
use crate::web::panel::view::{Look, Segment};

/// The statuses an issue with tests can have, the worst first.
pub const STATUSES: [CoverageStatus; 5] = [
    CoverageStatus::Nok,
    CoverageStatus::Unknown,
    CoverageStatus::NotRun,
    CoverageStatus::Uncovered,
    CoverageStatus::Ok,
];

/// What is shown of a project's coverage.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The path the service stands under, without a slash at its end.
    pub root: &'a str,
    /// Where people see the site, without a slash at its end.
    pub site_url: &'a str,
    /// The project's key.
    pub project: &'a str,
    /// The status the reader chose.
    pub status: Option<CoverageStatus>,
    /// The page of the list, from 1.
    pub number: usize,
    /// How many pages there are.
    pub pages: usize,
    /// Issues of this page that the reader may not see.
    pub hidden: usize,
    /// The issues of this page.
    pub rows: &'a [ListedIssue],
}

/// The project page.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// Where its fragment lives.
    pub base: String,
    /// What leads to the other views.
    pub tabs: Vec<Tab>,
    /// The project's key.
    pub project: String,
    /// The verdict in one sentence.
    pub heading: String,
    /// The worst status there is; none without issues.
    pub worst: Option<(Look, &'static str)>,
    /// The bar of issues by status.
    pub segments: Vec<Segment>,
    /// For example `3 open defects`; empty without any.
    pub defects: String,
    /// Statuses to choose from.
    pub filters: Vec<Filter>,
    /// The chosen status, as an address names it; empty for all.
    pub status: &'static str,
    /// The issues.
    pub rows: Vec<Row>,
    /// Says that issues of this page are left out; empty when none is.
    pub hidden: String,
    /// The page of the list, from 1, and how many there are.
    pub place: (usize, usize),
    /// What to say aloud after a change.
    pub say: String,
}

/// A status to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// How an address names it.
    pub name: &'static str,
    /// What people read, with the number of issues.
    pub label: String,
    /// Whether it is the chosen one.
    pub is_chosen: bool,
}

/// One issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its key.
    pub key: String,
    /// Its page in Jira.
    pub url: String,
    /// Its summary.
    pub summary: String,
    /// Its status, and the tint of the word.
    pub look: (Look, &'static str),
    /// For example `1 of 4 tests failed`.
    pub tally: String,
    /// For example `2 open defects`; empty without any.
    pub defects: String,
}

impl Overview {
    /// Puts a project's coverage into words.
    #[must_use]
    pub fn new(coverage: &ProjectCoverage, shown: &Shown<'_>) -> Self {
        let total = coverage.issues.len();
        let worst = STATUSES
            .into_iter()
            .find(|status| coverage.count(*status) > 0);
        let filters = STATUSES.into_iter().filter_map(|status| {
            let count = coverage.count(status);
            let is_chosen = shown.status == Some(status);
            (count > 0 || is_chosen).then(|| Filter {
                name: status.name(),
                label: format!("{} ({count})", status.word()),
                is_chosen,
            })
        });
        Self {
            base: format!("{}/ui/project/{}", shown.root, shown.project),
            tabs: tabs(shown.root, shown.project, View::Overview),
            project: shown.project.to_owned(),
            heading: heading(coverage, worst, shown.project),
            worst: worst.map(look::of_issue),
            segments: segments(coverage),
            defects: match coverage.open_defects {
                0 => String::new(),
                1 => "1 open defect".to_owned(),
                count => format!("{count} open defects"),
            },
            filters: filters.filter(|_| total > 0).collect(),
            status: shown.status.map_or("", CoverageStatus::name),
            rows: shown.rows.iter().map(|row| of_issue(row, shown)).collect(),
            hidden: match shown.hidden {
                0 => String::new(),
                1 => "1 issue is left out because you may not see it.".to_owned(),
                count => format!("{count} issues are left out because you may not see them."),
            },
            place: (shown.number, shown.pages),
            say: String::new(),
        }
    }

    /// What is said aloud when the page was asked for again.
    #[must_use]
    pub fn spoken(&self) -> String {
        let chosen = self.filters.iter().find(|filter| filter.is_chosen);
        let what = chosen.map_or_else(|| self.heading.clone(), |filter| filter.label.clone());
        match self.place {
            (_, 1) => format!("{what}."),
            (number, pages) => format!("{what}. Page {number} of {pages}."),
        }
    }
}

/// The answer in one sentence: how many issues are in the worst status there is.
#[must_use]
pub fn heading(coverage: &ProjectCoverage, worst: Option<CoverageStatus>, project: &str) -> String {
    let total = coverage.issues.len();
    let Some(worst) = worst else {
        return format!("No issue of {project} has tests yet");
    };
    let count = coverage.count(worst);
    let of = format!("{count} of {}", counted(total, "issue"));
    match worst {
        CoverageStatus::Ok | CoverageStatus::Exempt if total == 1 => {
            "The one issue with tests passes them".to_owned()
        }
        CoverageStatus::Ok | CoverageStatus::Exempt => {
            format!("All {total} issues pass their tests")
        }
        CoverageStatus::Nok if count == 1 => format!("{of} is failing"),
        CoverageStatus::Nok => format!("{of} are failing"),
        CoverageStatus::Unknown if count == 1 => format!("{of} has results that are not certain"),
        CoverageStatus::Unknown => format!("{of} have results that are not certain"),
        CoverageStatus::NotRun if count == 1 => format!("{of} has tests that were not run"),
        CoverageStatus::NotRun => format!("{of} have tests that were not run"),
        CoverageStatus::Uncovered if count == 1 => format!("{of} has no test that counts"),
        CoverageStatus::Uncovered => format!("{of} have no test that counts"),
    }
}

/// The bar of a project: its issues by status.
#[must_use]
pub fn segments(coverage: &ProjectCoverage) -> Vec<Segment> {
    bar(&[
        ("passed", coverage.count(CoverageStatus::Ok), "passing"),
        ("failed", coverage.count(CoverageStatus::Nok), "failing"),
        (
            "unknown",
            coverage.count(CoverageStatus::Unknown),
            "unknown",
        ),
        ("notrun", coverage.count(CoverageStatus::NotRun), "not run"),
        (
            "uncovered",
            coverage.count(CoverageStatus::Uncovered),
            "not covered",
        ),
    ])
}

fn of_issue(row: &ListedIssue, shown: &Shown<'_>) -> Row {
    let snapshot = &row.issue.snapshot;
    Row {
        key: snapshot.key.clone(),
        url: format!("{}/browse/{}", shown.site_url, snapshot.key),
        summary: snapshot.summary.clone(),
        look: look::of_issue(row.status),
        tally: tally(row.counts),
        defects: match row.open_defects {
            0 => String::new(),
            1 => "1 open defect".to_owned(),
            count => format!("{count} open defects"),
        },
    }
}

/// What an issue's tests say, the worst of it.
#[must_use]
pub fn tally(counts: Counts) -> String {
    let of =
        |count: usize, what: &str| format!("{count} of {} {what}", counted(counts.total, "test"));
    match counts {
        Counts { total: 0, .. } => "no test counts".to_owned(),
        Counts { failed: 1.., .. } => of(counts.failed, "failed"),
        Counts { unknown: 1.., .. } => of(counts.unknown, "unknown"),
        Counts { not_run: 1.., .. } => of(counts.not_run, "not run"),
        _ => format!("{} passed", counted(counts.total, "test")),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::app::project_coverage::IssueStatus;
    use crate::domain::issue::{IssueSnapshot, MirroredIssue};

    fn coverage(statuses: &[CoverageStatus]) -> ProjectCoverage {
        let issues = statuses.iter().map(|status| IssueStatus {
            id: Uuid::nil(),
            jira_id: 1,
            key: "SHOP-1".to_owned(),
            status: *status,
            counts: Counts::default(),
        });
        ProjectCoverage {
            issues: issues.collect(),
            open_defects: 1,
        }
    }

    fn shown(rows: &[ListedIssue]) -> Shown<'_> {
        Shown {
            root: "",
            site_url: "https://acme.atlassian.net",
            project: "SHOP",
            status: None,
            number: 1,
            pages: 1,
            hidden: 0,
            rows,
        }
    }

    #[test]
    fn the_title_is_the_answer() {
        use CoverageStatus::{Nok, NotRun, Ok, Uncovered};
        let said =
            |statuses: &[CoverageStatus]| Overview::new(&coverage(statuses), &shown(&[])).heading;
        assert_eq!(said(&[]), "No issue of SHOP has tests yet");
        assert_eq!(said(&[Ok]), "The one issue with tests passes them");
        assert_eq!(said(&[Ok, Ok]), "All 2 issues pass their tests");
        assert_eq!(said(&[Nok, NotRun, Ok]), "1 of 3 issues is failing");
        assert_eq!(
            said(&[NotRun, NotRun, Ok]),
            "2 of 3 issues have tests that were not run"
        );
        assert_eq!(
            said(&[Uncovered, Ok]),
            "1 of 2 issues has no test that counts"
        );
    }

    #[test]
    fn an_issue_is_a_row_with_its_link_and_the_worst_its_tests_say() {
        let issue = MirroredIssue {
            id: Uuid::nil(),
            snapshot: IssueSnapshot {
                key: "SHOP-7".to_owned(),
                summary: "Pay by card".to_owned(),
                ..IssueSnapshot::default()
            },
            event_ms: 0,
            changelog_id: 0,
            behind: std::collections::BTreeMap::new(),
            seen_ms: 0,
            deleted_ms: None,
        };
        let rows = [ListedIssue {
            issue,
            status: CoverageStatus::Nok,
            counts: Counts {
                total: 4,
                passed: 2,
                failed: 1,
                not_run: 1,
                unknown: 0,
            },
            open_defects: 2,
        }];
        let all = coverage(&[CoverageStatus::Nok, CoverageStatus::Ok]);
        let overview = Overview::new(&all, &shown(&rows));
        let row = overview.rows.first().unwrap();
        assert_eq!(row.url, "https://acme.atlassian.net/browse/SHOP-7");
        assert_eq!(
            (row.tally.as_str(), row.defects.as_str()),
            ("1 of 4 tests failed", "2 open defects")
        );
        let filters: Vec<_> = overview
            .filters
            .iter()
            .map(|one| one.label.as_str())
            .collect();
        assert_eq!(filters, ["Failing (1)", "Passing (1)"]);
        assert_eq!(overview.defects, "1 open defect");
    }
}
