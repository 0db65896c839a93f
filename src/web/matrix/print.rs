//! The matrix as a page to print: one file that needs no other, with no script in it.

use askama::Template;

use super::{Head, failed, moment};
use crate::app::matrix::Row;
use crate::domain::coverage::CoverageStatus;
use crate::domain::matrix::status_named;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "matrix/print_row.html")]
struct Line<'a> {
    row: &'a Row,
    word: &'static str,
    last_run: String,
}

#[derive(Template)]
#[template(path = "matrix/print.html")]
struct Page<'a> {
    project: &'a str,
    lines: Vec<(String, String)>,
    rows: &'a str,
}

/// Adds an issue to the rows of a page.
pub fn add(rows: &mut String, row: &Row) -> Result<(), Problem> {
    let line = Line {
        row,
        word: status_named(row.status).map_or(row.status, CoverageStatus::word),
        last_run: row.last_run_ms.map_or_else(String::new, moment),
    };
    rows.push_str(&line.render().map_err(failed)?);
    Ok(())
}

/// The whole page around rows that [`add`] made.
pub fn page(head: &Head, rows: &str) -> Result<Vec<u8>, Problem> {
    let page = Page {
        project: &head.project,
        lines: head.lines(),
        rows,
    };
    Ok(page.render().map_err(failed)?.into_bytes())
}
