//! The matrix as CSV. What it is about stands in front, in lines that begin with `#`.
//!
//! Text comes from people, and a spreadsheet takes a cell that begins with `=` for a formula: such
//! text gets an apostrophe in front.

use std::io::Write;

use csv::{Writer, WriterBuilder};

use super::table::{self, Cell};
use super::{Head, failed, moment};
use crate::app::matrix::Row;
use crate::problem::Problem;

/// The lines as far as they have been read.
pub struct Lines {
    writer: Writer<Vec<u8>>,
    is_of_tests: bool,
}

impl Lines {
    /// One line an issue.
    pub fn of_issues() -> Result<Self, Problem> {
        Self::begin(&table::ISSUE, false)
    }

    /// One line for each counting run of each test.
    pub fn of_tests() -> Result<Self, Problem> {
        Self::begin(&table::TEST, true)
    }

    fn begin(columns: &[&str], is_of_tests: bool) -> Result<Self, Problem> {
        let mut writer = WriterBuilder::new().from_writer(Vec::new());
        writer.write_record(columns).map_err(failed)?;
        Ok(Self {
            writer,
            is_of_tests,
        })
    }

    /// Adds an issue.
    pub fn add(&mut self, row: &Row) -> Result<(), Problem> {
        if !self.is_of_tests {
            return self.write(&table::of_issue(row));
        }
        table::of_tests(row)
            .iter()
            .try_for_each(|line| self.write(line))
    }

    fn write(&mut self, cells: &[Cell]) -> Result<(), Problem> {
        let written = self.writer.write_record(cells.iter().map(written));
        written.map_err(failed)
    }

    /// The whole file.
    pub fn finish(self, head: &Head) -> Result<Vec<u8>, Problem> {
        let lines = self
            .writer
            .into_inner()
            .map_err(|why| failed(why.into_error()))?;
        let mut file = Vec::new();
        for (name, value) in head.lines() {
            let value = value.replace(['\r', '\n'], " ");
            writeln!(file, "# {name}: {value}").map_err(failed)?;
        }
        file.extend(lines);
        Ok(file)
    }
}

fn written(cell: &Cell) -> String {
    match cell {
        Cell::Number(number) => number.to_string(),
        Cell::Moment(at) => at.map_or_else(String::new, moment),
        Cell::Text(text) => {
            let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
            let guard = if is_formula { "'" } else { "" };
            format!("{guard}{text}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_person_is_a_formula_for_a_spreadsheet() {
        let said = |text: &str| written(&Cell::Text(text.to_owned()));
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(said(formula), format!("'{formula}"));
        }
        assert_eq!(said("Pays by card = fast"), "Pays by card = fast");
        assert_eq!(written(&Cell::Number(3)), "3");
        assert_eq!(written(&Cell::Moment(Some(0))), "1970-01-01T00:00:00Z");
        assert_eq!(written(&Cell::Moment(None)), "");
    }
}
