//! What the matrix page says, in words and signs: the templates' only input.

use super::choice::Choice;
use crate::app::matrix::forward::{self, Choices};
use crate::app::matrix::{Asked, Row, RowDefect, RowTest};
use crate::domain::coverage::CoverageStatus;
use crate::domain::matrix::{STATUSES, status_named};
use crate::web::panel::look;
use crate::web::panel::present::{bar, counted};
use crate::web::panel::view::{Look, RunLook, Segment};
use crate::web::project::overview::tally;
use crate::web::times::When;

/// What the words depend on besides the facts.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// Where the page's fragment lives.
    pub base: &'a str,
    /// What the reader chose.
    pub choice: &'a Choice,
    /// Where people see the site, without a slash at its end.
    pub site_url: &'a str,
    /// The time, milliseconds since the Unix epoch.
    pub now_ms: i64,
}

impl Setting<'_> {
    fn url(self, key: &str) -> String {
        format!("{}/browse/{key}", self.site_url)
    }

    fn when(self, at_ms: i64) -> When {
        When::new(at_ms, self.now_ms)
    }
}

/// What can be chosen in a form.
#[derive(Debug, Default)]
pub struct Menus {
    /// The menus, in order.
    pub of: Vec<Menu>,
    /// The text that is looked for.
    pub text: String,
}

/// A menu.
#[derive(Debug)]
pub struct Menu {
    /// The name of the field.
    pub name: &'static str,
    /// What people read.
    pub label: &'static str,
    /// Whether it narrows the issues, and not the runs.
    pub is_filter: bool,
    /// Value, words, and whether it is chosen.
    pub options: Vec<(String, String, bool)>,
}

impl Menus {
    /// The menus, with what is chosen marked.
    pub fn of(known: &Choices, asked: &Asked) -> Self {
        let filters = &asked.filters;
        let scope = Some(asked.scope.name()).filter(|name| name != "latest");
        let versions = known.versions.iter().map(|name| format!("version:{name}"));
        let sprints = known.sprints.iter().map(|name| format!("sprint:{name}"));
        let scopes: Vec<String> = versions.chain(sprints).collect();
        let words = |scope: &str| match scope.split_once(':') {
            Some(("version", name)) => format!("Runs for version {name}"),
            Some(("sprint", name)) => format!("Runs in {name}"),
            Some((kind, name)) => format!("Runs for {kind} {name}"),
            None => scope.to_owned(),
        };
        let statuses = STATUSES.map(|status| status.name().to_owned());
        let word = |name: &str| {
            status_named(name).map_or_else(String::new, |status| status.word().to_owned())
        };
        let plain = str::to_owned;
        Self {
            of: vec![
                menu(
                    "scope",
                    "Latest runs",
                    false,
                    &scopes,
                    scope.as_slice(),
                    words,
                ),
                menu(
                    "environment",
                    "All environments",
                    false,
                    &known.environments,
                    asked.scope.environment.as_slice(),
                    plain,
                ),
                menu(
                    "status",
                    "All statuses",
                    true,
                    &statuses,
                    &filters.status,
                    word,
                ),
                menu(
                    "type",
                    "All types",
                    true,
                    &known.types,
                    &filters.types,
                    plain,
                ),
                menu(
                    "version",
                    "All versions",
                    true,
                    &known.versions,
                    filters.version.as_slice(),
                    plain,
                ),
                menu(
                    "sprint",
                    "All sprints",
                    true,
                    &known.sprints,
                    filters.sprint.as_slice(),
                    plain,
                ),
                menu(
                    "priority",
                    "All priorities",
                    true,
                    &known.priorities,
                    &filters.priority,
                    plain,
                ),
            ],
            text: filters.text.clone().unwrap_or_default(),
        }
    }
}

fn menu(
    name: &'static str,
    label: &'static str,
    is_filter: bool,
    known: &[String],
    chosen: &[String],
    words: impl Fn(&str) -> String,
) -> Menu {
    let is_chosen = |value: &String| {
        let value = value.to_lowercase();
        chosen.iter().any(|one| one.to_lowercase() == value)
    };
    let unknown = chosen.iter().filter(|one| {
        let one = one.to_lowercase();
        !known.iter().any(|value| value.to_lowercase() == one)
    });
    let all = known.iter().chain(unknown);
    Menu {
        name,
        label,
        is_filter,
        options: all
            .map(|value| (value.clone(), words(value), is_chosen(value)))
            .collect(),
    }
}

/// How many issues have which status.
#[derive(Debug)]
pub struct Totals {
    /// The bar.
    pub segments: Vec<Segment>,
    /// A number in words, and where the list behind it is.
    pub numbers: Vec<(String, String)>,
    /// Says that issues are left out; empty when none is.
    pub hidden: String,
}

impl Totals {
    /// Puts the numbers into words.
    pub fn of(totals: &forward::Totals, base: &str, choice: &Choice) -> Self {
        let parts = STATUSES.map(|status| {
            let word = match status {
                CoverageStatus::Ok => ("passed", "passing"),
                CoverageStatus::Nok => ("failed", "failing"),
                CoverageStatus::NotRun => ("notrun", "not run"),
                CoverageStatus::Unknown => ("unknown", "unknown"),
                CoverageStatus::Uncovered => ("uncovered", "not covered"),
                CoverageStatus::Exempt => ("exempt", "exempt"),
            };
            (status, word)
        });
        let shares = parts.map(|(status, (tone, word))| (tone, totals.of(status), word));
        let numbers = parts
            .iter()
            .filter(|(status, _)| totals.of(*status) > 0)
            .map(|(status, (_, word))| {
                let mut choice = choice.at_first();
                choice.filters.status = vec![status.name().to_owned()];
                let address = format!("{base}?{}", choice.query());
                (format!("{} {word}", totals.of(*status)), address)
            });
        let all = choice.at_first().without_status();
        let all = (
            counted(totals.issues, "issue"),
            format!("{base}?{}", all.query()),
        );
        Self {
            segments: bar(&shares),
            numbers: std::iter::once(all).chain(numbers).collect(),
            hidden: hidden(totals.hidden, "issue"),
        }
    }
}

/// Says that something is left out; nothing when it is not.
pub fn hidden(count: usize, what: &str) -> String {
    match count {
        0 => String::new(),
        1 => format!("1 {what} is left out because you may not see it."),
        count => format!("{count} {what}s are left out because you may not see them."),
    }
}

/// An issue.
#[derive(Debug)]
pub struct Issue {
    /// Jira's id of it.
    pub id: i64,
    /// Its key.
    pub key: String,
    /// Its page in Jira.
    pub url: String,
    /// Its summary.
    pub summary: String,
    /// Type, priority, workflow status, versions and sprints.
    pub facts: Vec<String>,
    /// Its coverage status, and the tint of the word.
    pub look: (Look, &'static str),
    /// For example `1 of 4 tests failed`.
    pub tally: String,
    /// When it was last run.
    pub last_run: Option<When>,
    /// Where its counting runs were made.
    pub environments: String,
    /// For example `2 open defects`; empty without any.
    pub defects: String,
    /// For example `worst: critical`; empty without an open one.
    pub worst: String,
    /// Where the row is with, or without, what is inside.
    pub address: String,
    /// What is inside; none while it is closed.
    pub inside: Option<Inside>,
}

/// What is inside the row of an issue.
#[derive(Debug)]
pub struct Inside {
    /// Why it has its status.
    pub reason: String,
    /// Its tests.
    pub tests: Vec<Test>,
    /// Says that defects are left out; empty when none is.
    pub hidden: String,
}

/// A test of an issue.
#[derive(Debug)]
pub struct Test {
    /// Its key.
    pub key: String,
    /// Its name.
    pub name: String,
    /// Its status.
    pub look: RunLook,
    /// Why it does not count, and what else is to be known of it.
    pub marks: Vec<String>,
    /// The runs that count.
    pub runs: Vec<Run>,
    /// Its defects.
    pub defects: Vec<Defect>,
}

/// A run.
#[derive(Debug)]
pub struct Run {
    /// Its status in words.
    pub status: String,
    /// For example `SHOP-E7/3 on chrome`.
    pub place: String,
    /// When it ended.
    pub when: When,
    /// The keys of its defects.
    pub defects: String,
}

/// A defect.
#[derive(Debug, Clone)]
pub struct Defect {
    /// Its key.
    pub key: String,
    /// Its page in Jira.
    pub url: String,
    /// Its summary.
    pub summary: String,
    /// Its status, and the tint of the word.
    pub status: (String, &'static str),
    /// The name of its priority; empty without one.
    pub priority: String,
}

impl Issue {
    /// Puts a row into words, with what is inside.
    pub fn of(row: &Row, setting: &Setting<'_>) -> Self {
        let issue = &row.issue;
        let facts = [
            issue.type_name.clone(),
            issue.priority.clone().unwrap_or_default(),
            issue.workflow_status.clone(),
            issue.fix_versions.join(", "),
            issue.sprints.join(", "),
        ];
        let query = setting.choice.query();
        let tests = row.tests.as_deref().unwrap_or_default();
        Self {
            id: row.jira_id,
            key: issue.key.clone(),
            url: setting.url(&issue.key),
            summary: issue.summary.clone(),
            facts: facts.into_iter().filter(|fact| !fact.is_empty()).collect(),
            look: look::of_issue(row.of),
            tally: tally(row.counted),
            last_run: row.last_run_ms.map(|at_ms| setting.when(at_ms)),
            environments: row.environments.join(", "),
            defects: match row.defects.open.len() {
                0 => String::new(),
                count => counted(count, "open defect"),
            },
            worst: row
                .defects
                .worst_open_severity
                .map_or_else(String::new, |worst| format!("worst: {worst}")),
            address: format!("{}/issues/{}?{query}", setting.base, row.jira_id),
            inside: Some(Inside {
                reason: row.reason.sentence.clone(),
                tests: tests.iter().map(|test| Test::of(test, setting)).collect(),
                hidden: hidden(row.defects.hidden, "defect"),
            }),
        }
    }

    /// The row without what is inside; its address leads to it.
    pub fn closed(self) -> Self {
        Self {
            address: format!("{}&open=1", self.address),
            inside: None,
            ..self
        }
    }
}

impl Test {
    fn of(test: &RowTest, setting: &Setting<'_>) -> Self {
        let runs = test.runs.iter().map(|run| Run {
            status: run.status.clone(),
            place: match &run.environment {
                Some(environment) => format!("{}/{} on {environment}", run.execution, run.run),
                None => format!("{}/{}", run.execution, run.run),
            },
            when: setting.when(run.finished_ms),
            defects: run.defects.join(", "),
        });
        Self {
            key: test.key.clone(),
            name: test.name.clone(),
            look: look::of_run(&test.of, test.effect),
            marks: marks(test),
            runs: runs.collect(),
            defects: test
                .defects
                .iter()
                .map(|defect| Defect::of(defect, setting))
                .collect(),
        }
    }
}

impl Defect {
    /// Puts a defect into words.
    pub fn of(defect: &RowDefect, setting: &Setting<'_>) -> Self {
        Self {
            key: defect.key.clone(),
            url: setting.url(&defect.key),
            summary: defect.summary.clone(),
            status: (
                defect.status.clone(),
                if defect.open { "info" } else { "ok" },
            ),
            priority: defect.priority.clone().unwrap_or_default(),
        }
    }
}

fn marks(test: &RowTest) -> Vec<String> {
    let excluded = test.excluded.map(|why| why.replace('-', " "));
    let mut marks: Vec<String> = excluded.into_iter().collect();
    for (is_set, word) in [
        (test.flaky, "flaky"),
        (test.outdated, "outdated"),
        (test.quarantined, "quarantined"),
    ] {
        if is_set && !marks.iter().any(|mark| mark == word) {
            marks.push(word.to_owned());
        }
    }
    marks
}
