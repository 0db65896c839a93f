//! The traceability matrix as a file: CSV, XLSX, JSON, or a page to print. Asked for by API clients
//! and by people on the matrix page.
//!
//! Every form says what it shows: project, scope, filters, the settings that held, the time, and how
//! much was left out. Rows are folded into the file as they are read; the head, which knows how many
//! were hidden, is put before them at the end.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

mod csv;
mod print;
mod table;
mod xlsx;

use crate::app::App;
use crate::app::matrix::{Asked, Eyes, MatrixError, Row, forward};
use crate::domain::coverage::Choices;
use crate::domain::matrix::Filters;
use crate::problem::Problem;
use crate::store::settings;

/// A kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values, one line an issue.
    Csv,
    /// The same with a line for every counting run of every test.
    CsvOfTests,
    /// A workbook with sheets of issues and tests.
    Xlsx,
    /// Everything, nested.
    Json,
    /// A page to print.
    Html,
}

impl Format {
    /// The media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv | Self::CsvOfTests => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Json => "application/json",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    const fn ending(self) -> &'static str {
        match self {
            Self::Csv | Self::CsvOfTests => "csv",
            Self::Xlsx => "xlsx",
            Self::Json => "json",
            Self::Html => "html",
        }
    }
}

/// A finished file.
#[derive(Debug)]
pub struct File {
    /// What to call it: letters, digits, dots, dashes and underscores.
    pub name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// What is in it.
    pub content: Vec<u8>,
}

/// What a file is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    /// The key of the project.
    project: String,
    /// Which runs counted.
    scope: String,
    /// The environment it is confined to.
    environment: Option<String>,
    /// Which issues were asked for.
    filters: Filters,
    /// How results counted.
    settings: Choices,
    /// When it was worked out, milliseconds since 1970.
    computed_ms: i64,
    /// How many issues are left out because the reader may not see them.
    hidden: usize,
}

impl Head {
    /// The same for people: names and values.
    fn lines(&self) -> Vec<(String, String)> {
        let line = |name: &str, value: String| (name.to_owned(), value);
        let mut lines = vec![
            line("Traceability matrix of", self.project.clone()),
            line("Scope", self.scope.clone()),
        ];
        lines.extend(
            self.environment
                .clone()
                .map(|name| line("Environment", name)),
        );
        let filters = self.filters.said();
        if filters.is_empty() {
            lines.push(line("Filters", "none".to_owned()));
        }
        lines.extend(filters.into_iter().map(|(name, value)| line(name, value)));
        let settings = serde_json::to_string(&self.settings).unwrap_or_default();
        lines.push(line("Settings", settings));
        lines.push(line("Computed", moment(self.computed_ms)));
        lines.push(line(
            "Hidden",
            match self.hidden {
                0 => "no issue".to_owned(),
                1 => "1 issue that the reader may not see".to_owned(),
                count => format!("{count} issues that the reader may not see"),
            },
        ));
        lines
    }
}

/// A moment for machines and people, RFC 3339 in UTC.
fn moment(ms: i64) -> String {
    Timestamp::from_millisecond(ms)
        .unwrap_or_default()
        .to_string()
}

/// The matrix as a file.
pub async fn export(
    app: &App,
    eyes: &Eyes<'_>,
    asked: &Asked,
    format: Format,
) -> Result<File, Problem> {
    let now_ms = app.clock.now_ms();
    let settings = settings::of_project(app.store.read(), eyes.site(), &asked.project).await?;
    let mut head = Head {
        project: asked.project.clone(),
        scope: asked.scope.name(),
        environment: asked.scope.environment.clone(),
        filters: asked.filters.clone(),
        settings: Choices::of(&settings.coverage),
        computed_ms: now_ms,
        hidden: 0,
    };
    let mut body = Body::new(format)?;
    let mut failed = None;
    head.hidden = forward::each(app, eyes, asked, now_ms, |row| {
        if failed.is_none() {
            failed = body.add(&row).err();
        }
    })
    .await?;
    if let Some(why) = failed {
        return Err(why);
    }
    let day = moment(now_ms).chars().take(10).collect::<String>();
    Ok(File {
        name: format!("{}-matrix-{day}.{}", asked.project, format.ending()),
        media_type: format.media_type(),
        content: body.finish(&head)?,
    })
}

/// The rows of a file as far as they have been read.
enum Body {
    Csv(Box<csv::Lines>),
    Xlsx(Box<xlsx::Sheets>),
    Json(String),
    Html(String),
}

impl Body {
    fn new(format: Format) -> Result<Self, Problem> {
        Ok(match format {
            Format::Csv => Self::Csv(Box::new(csv::Lines::of_issues()?)),
            Format::CsvOfTests => Self::Csv(Box::new(csv::Lines::of_tests()?)),
            Format::Xlsx => Self::Xlsx(Box::new(xlsx::Sheets::new()?)),
            Format::Json => Self::Json(String::new()),
            Format::Html => Self::Html(String::new()),
        })
    }

    fn add(&mut self, row: &Row) -> Result<(), Problem> {
        match self {
            Self::Csv(lines) => lines.add(row),
            Self::Xlsx(sheets) => sheets.add(row),
            Self::Json(rows) => {
                let text = serde_json::to_string(row).map_err(failed)?;
                rows.push_str(if rows.is_empty() { "" } else { "," });
                rows.push_str(&text);
                Ok(())
            }
            Self::Html(rows) => print::add(rows, row),
        }
    }

    fn finish(self, head: &Head) -> Result<Vec<u8>, Problem> {
        #[derive(Serialize)]
        struct Whole<'a> {
            #[serde(flatten)]
            head: &'a Head,
            rows: Box<RawValue>,
        }
        match self {
            Self::Csv(lines) => lines.finish(head),
            Self::Xlsx(sheets) => sheets.finish(head),
            Self::Json(rows) => {
                let rows = RawValue::from_string(format!("[{rows}]")).map_err(failed)?;
                serde_json::to_vec(&Whole { head, rows }).map_err(failed)
            }
            Self::Html(rows) => print::page(head, &rows),
        }
    }
}

/// A file that cannot be made for a reason of ours.
fn failed(why: impl Into<anyhow::Error>) -> Problem {
    Problem::internal().because(why)
}

impl From<MatrixError> for Problem {
    fn from(why: MatrixError) -> Self {
        match why {
            MatrixError::Store(why) => why.into(),
            MatrixError::Jira(why) => why.into(),
        }
    }
}
