//! The lists of the matrix page, each a page at a time.

use super::choice::{Choice, List};
use super::snapshots::Stored;
use super::view::{Defect, Issue, Setting, hidden};
use super::{Head, snapshots};
use crate::app::App;
use crate::app::matrix::backward::{self, AtRisk, BrokenTest};
use crate::app::matrix::orphans::{self, Kind};
use crate::app::matrix::{Eyes, Page, forward};
use crate::domain::matrix::status_named;
use crate::problem::Problem;
use crate::web::panel::look;
use crate::web::panel::view::Look;
use crate::web::times::When;
use crate::web::viewer::Viewer;

/// Rows on one page of a list.
const ROWS: usize = 50;

/// What is shown below the choices.
#[derive(Debug)]
pub(super) struct Shown {
    pub of: Rows,
    /// Says that something is left out; empty when nothing is.
    pub hidden: String,
    /// Where the page before is; none on the first.
    pub previous: Option<String>,
    /// Where the next page is; none on the last.
    pub next: Option<String>,
    /// The number of the page, from 1.
    pub page: usize,
    /// Where the numbers of all issues are; they are asked for when the page has been shown.
    pub totals: String,
}

/// The rows of a list.
#[derive(Debug)]
pub(super) enum Rows {
    Issues(Vec<Issue>),
    Defects(Vec<FromDefect>),
    Tests(Vec<FromTest>),
    Orphans(Vec<Orphans>),
    Snapshots(Vec<Stored>),
}

/// A defect with what it puts at risk.
#[derive(Debug)]
pub(super) struct FromDefect {
    pub defect: Defect,
    pub tests: Vec<Test>,
    pub issues: Vec<Risk>,
    pub hidden: String,
}

/// A test with what it protects.
#[derive(Debug)]
pub(super) struct FromTest {
    pub test: Test,
    pub issues: Vec<Risk>,
    pub defects: Vec<Defect>,
    pub hidden: String,
}

/// A test.
#[derive(Debug)]
pub(super) struct Test {
    pub key: String,
    pub name: String,
    /// Its status in words; empty when it covers nothing that may be seen.
    pub status: String,
}

/// An issue that a test covers.
#[derive(Debug)]
pub(super) struct Risk {
    pub key: String,
    pub url: String,
    pub summary: String,
    pub look: Option<(Look, &'static str)>,
}

/// Orphans of one kind.
#[derive(Debug)]
pub(super) struct Orphans {
    pub name: &'static str,
    pub title: &'static str,
    /// What it means, and what to do.
    pub text: &'static str,
    pub items: Vec<Orphan>,
    /// Says that there are more; empty when there are not.
    pub more: String,
    pub hidden: String,
}

/// An orphan.
#[derive(Debug)]
pub(super) struct Orphan {
    pub key: String,
    /// Its page in Jira; none of a test.
    pub url: Option<String>,
    pub text: String,
    pub when: Option<When>,
}

impl Shown {
    /// What is said aloud when the page was asked for again.
    pub fn spoken(&self) -> String {
        let (count, what) = match &self.of {
            Rows::Issues(rows) => (rows.len(), "issues"),
            Rows::Defects(rows) => (rows.len(), "defects"),
            Rows::Tests(rows) => (rows.len(), "tests"),
            Rows::Orphans(kinds) => (kinds.iter().map(|kind| kind.items.len()).sum(), "orphans"),
            Rows::Snapshots(rows) => (rows.len(), "snapshots"),
        };
        format!("{count} {what} on page {}.", self.page)
    }

    fn of<T>(of: Rows, page: &Page<T>, what: &str, head: &Head) -> Self {
        let choice = &head.choice;
        let address = |choice: &Choice| format!("{}?{}", head.base, choice.query());
        Self {
            of,
            hidden: hidden(page.hidden, what),
            previous: choice.at_previous().as_ref().map(address),
            next: page
                .next
                .as_deref()
                .map(|next| address(&choice.at_next(next))),
            page: choice.page(),
            totals: format!("{}/totals?{}", head.base, choice.at_first().query()),
        }
    }
}

/// Finds what is to be shown.
pub(super) async fn find(
    app: &App,
    viewer: &Viewer,
    eyes: &Eyes<'_>,
    head: &Head,
) -> Result<Shown, Problem> {
    let now_ms = app.clock.now_ms();
    let asked = head.choice.asked(&head.project);
    let setting = Setting {
        base: &head.base,
        choice: &head.choice,
        site_url: viewer.site.link_base(),
        now_ms,
    };
    let after = head.choice.after.parse().unwrap_or(0);
    Ok(match head.choice.list {
        List::Issues => {
            let page = forward::page(app, eyes, &asked, after, ROWS, now_ms).await?;
            let rows = page.items.iter();
            let rows = rows.map(|row| Issue::of(row, &setting).closed()).collect();
            Shown::of(Rows::Issues(rows), &page, "issue", head)
        }
        List::Defects => {
            let after = Some(head.choice.after.as_str()).filter(|after| !after.is_empty());
            let page = backward::from_defects(app, eyes, &asked, after, ROWS, now_ms).await?;
            let rows = page.items.iter().map(|row| FromDefect {
                defect: Defect::of(&row.defect, &setting),
                tests: row.tests.iter().map(Test::of).collect(),
                issues: risks(&row.issues, &setting),
                hidden: hidden(row.hidden, "issue"),
            });
            Shown::of(Rows::Defects(rows.collect()), &page, "defect", head)
        }
        List::Tests => {
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            let page = backward::from_tests(app, eyes, &asked, after, ROWS, now_ms).await?;
            let rows = page.items.iter().map(|row| FromTest {
                test: Test::of(&row.test),
                issues: risks(&row.issues, &setting),
                defects: row
                    .defects
                    .iter()
                    .map(|defect| Defect::of(defect, &setting))
                    .collect(),
                hidden: hidden(row.hidden, "issue or defect"),
            });
            Shown::of(Rows::Tests(rows.collect()), &page, "test", head)
        }
        List::Orphans => {
            let mut kinds = Vec::new();
            for kind in Kind::ALL {
                kinds.push(orphans_of(app, eyes, head, kind, &setting).await?);
            }
            let page: Page<()> = Page::default();
            Shown::of(Rows::Orphans(kinds), &page, "orphan", head)
        }
        List::Snapshots => {
            let page = snapshots::find(app, viewer, head, ROWS).await?;
            let next = page.next.clone();
            let counted: Page<()> = Page {
                next,
                ..Page::default()
            };
            Shown::of(Rows::Snapshots(page.items), &counted, "snapshot", head)
        }
    })
}

async fn orphans_of(
    app: &App,
    eyes: &Eyes<'_>,
    head: &Head,
    kind: Kind,
    setting: &Setting<'_>,
) -> Result<Orphans, Problem> {
    let asked = head.choice.without_filters().asked(&head.project);
    let project = asked.project.as_str();
    let url = |key: &str| Some(format!("{}/browse/{key}", setting.site_url));
    let (title, text, (items, unseen, is_whole)) = match kind {
        Kind::Issues => {
            let now_ms = setting.now_ms;
            let page = orphans::issues(app, eyes, &asked, 0, ROWS, now_ms).await?;
            let found = listed(page, |row| Orphan {
                url: url(&row.issue.key),
                key: row.issue.key,
                text: row.issue.summary,
                when: None,
            });
            let text = "Link a test in the issue's Tests panel, or record there why it needs none.";
            ("Issues that no test covers", text, found)
        }
        Kind::Tests => {
            let page = orphans::tests(app, eyes, project, 0, ROWS).await?;
            let found = listed(page, |test| Orphan {
                url: None,
                key: test.key,
                text: test.name,
                when: None,
            });
            let text = "Link them to an issue, or archive them.";
            ("Tests that cover no issue", text, found)
        }
        Kind::Defects => {
            let page = orphans::defects(app, eyes, project, 0, ROWS).await?;
            let found = listed(page, |defect| Orphan {
                url: url(&defect.key),
                key: defect.key,
                text: defect.summary,
                when: None,
            });
            let text = "Link them to the test that should have found them, or write one.";
            ("Defects of no test", text, found)
        }
        Kind::Results => {
            let page = orphans::results(app, eyes, project, 0, ROWS).await?;
            let found = listed(page, |result| {
                let test = result
                    .test
                    .map(|test| format!("{} {}", test.key, test.name));
                Orphan {
                    url: None,
                    key: format!("{}/{}", result.execution, result.run),
                    text: test.unwrap_or_else(|| "a test that is not there any more".to_owned()),
                    when: Some(When::new(result.finished_ms, setting.now_ms)),
                }
            });
            let text = "Their test is archived or gone, so they count nowhere.";
            ("Results without a test", text, found)
        }
    };
    Ok(Orphans {
        name: kind.name(),
        title,
        text,
        items,
        more: if is_whole {
            String::new()
        } else {
            format!("These are the first {ROWS}; the API lists all of them.")
        },
        hidden: hidden(unseen, "issue"),
    })
}

fn listed<T>(page: Page<T>, show: impl Fn(T) -> Orphan) -> (Vec<Orphan>, usize, bool) {
    let is_whole = page.next.is_none();
    (
        page.items.into_iter().map(show).collect(),
        page.hidden,
        is_whole,
    )
}

fn risks(issues: &[AtRisk], setting: &Setting<'_>) -> Vec<Risk> {
    let risk = |issue: &AtRisk| Risk {
        key: issue.key.clone(),
        url: format!("{}/browse/{}", setting.site_url, issue.key),
        summary: issue.summary.clone(),
        look: status_named(issue.status).map(look::of_issue),
    };
    issues.iter().map(risk).collect()
}

impl Test {
    fn of(test: &BrokenTest) -> Self {
        Self {
            key: test.key.clone(),
            name: test.name.clone(),
            status: test.status.clone().unwrap_or_default(),
        }
    }
}
