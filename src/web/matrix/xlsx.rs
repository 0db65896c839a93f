//! The matrix as a workbook: a sheet of issues, one of their tests, one that says what it is about.
//! Text is written as text, so nothing in it is a formula.

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use super::table::{self, Cell};
use super::{Head, failed};
use crate::app::matrix::Row;
use crate::problem::Problem;

/// Lines of a sheet below its heading.
const LINES: u32 = 1_048_575;
/// Characters a cell takes, counted as UTF-16 does.
const CELL: usize = 32_767;
/// Days from 1900, as workbooks count them, to 1970.
const EPOCH: i32 = 25_569;
const DAY_MS: i64 = 86_400_000;

/// The sheets as far as they have been read.
pub struct Sheets {
    issues: Sheet,
    tests: Sheet,
}

struct Sheet {
    of: Worksheet,
    /// Columns, from 0.
    last: u16,
    lines: u32,
    moment: Format,
}

impl Sheets {
    /// Empty sheets with headings.
    pub fn new() -> Result<Self, Problem> {
        Ok(Self {
            issues: Sheet::begin("Issues", &table::ISSUE).map_err(failed)?,
            tests: Sheet::begin("Tests", &table::TEST).map_err(failed)?,
        })
    }

    /// Adds an issue.
    pub fn add(&mut self, row: &Row) -> Result<(), Problem> {
        self.issues.add(&table::of_issue(row))?;
        table::of_tests(row)
            .iter()
            .try_for_each(|line| self.tests.add(line))
    }

    /// The whole file.
    pub fn finish(self, head: &Head) -> Result<Vec<u8>, Problem> {
        self.book(head).map_err(failed)
    }

    fn book(self, head: &Head) -> Result<Vec<u8>, XlsxError> {
        let mut about = Worksheet::new();
        about.set_name("About")?;
        about.set_column_width(0, 24)?.set_column_width(1, 80)?;
        for (line, (name, value)) in (0..).zip(head.lines()) {
            about.write_string(line, 0, name)?;
            about.write_string(line, 1, cut(&value))?;
        }
        let mut book = Workbook::new();
        for sheet in [self.issues.finish()?, self.tests.finish()?, about] {
            book.push_worksheet(sheet);
        }
        book.save_to_buffer()
    }
}

impl Sheet {
    fn begin(name: &str, columns: &[&str]) -> Result<Self, XlsxError> {
        let mut sheet = Worksheet::new();
        sheet.set_name(name)?.set_freeze_panes(1, 1)?;
        let bold = Format::new().set_bold();
        for (column, title) in (0..).zip(columns) {
            let width = match *title {
                "Summary" | "Reason" | "Name" => 50,
                _ => 16,
            };
            sheet.set_column_width(column, width)?;
            sheet.write_string_with_format(0, column, *title, &bold)?;
        }
        Ok(Self {
            of: sheet,
            last: u16::try_from(columns.len()).unwrap_or(u16::MAX) - 1,
            lines: 0,
            moment: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
        })
    }

    fn add(&mut self, cells: &[Cell]) -> Result<(), Problem> {
        if self.lines == LINES {
            return Err(
                Problem::unprocessable("The matrix does not fit into a sheet.")
                    .detail("Ask for fewer issues, or for CSV or JSON."),
            );
        }
        self.lines += 1;
        for (column, cell) in (0..).zip(cells) {
            self.write(column, cell).map_err(failed)?;
        }
        Ok(())
    }

    fn write(&mut self, column: u16, cell: &Cell) -> Result<(), XlsxError> {
        let line = self.lines;
        match cell {
            Cell::Text(text) if text.is_empty() => {}
            Cell::Text(text) => {
                self.of.write_string(line, column, cut(text))?;
            }
            Cell::Number(number) => {
                let number = u32::try_from(*number).unwrap_or(u32::MAX);
                self.of.write_number(line, column, number)?;
            }
            Cell::Moment(at) => {
                if let Some(at) = at.and_then(day) {
                    self.of
                        .write_number_with_format(line, column, at, &self.moment)?;
                }
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Worksheet, XlsxError> {
        self.of.autofilter(0, 0, self.lines, self.last)?;
        Ok(self.of)
    }
}

/// A moment as workbooks write it: days since 1900, with a fraction.
fn day(ms: i64) -> Option<f64> {
    let days = i32::try_from(ms.div_euclid(DAY_MS)).ok()?;
    let rest = i32::try_from(ms.rem_euclid(DAY_MS)).ok()?;
    Some(f64::from(days + EPOCH) + f64::from(rest) / 86_400_000.0)
}

fn cut(text: &str) -> String {
    let mut left = CELL;
    text.chars()
        .take_while(|c| {
            let fits = c.len_utf16() <= left;
            left = left.saturating_sub(c.len_utf16());
            fits
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_days_since_1900() {
        // 24 Nov 2026, 12:00 UTC.
        assert_eq!(day(1_795_521_600_000), Some(46_350.5));
        assert_eq!(day(0), Some(25_569.0));
    }

    #[test]
    fn a_cell_holds_what_fits_and_no_half_of_a_character() {
        assert_eq!(cut("short"), "short");
        let long = "😀".repeat(20_000);
        assert_eq!(cut(&long).encode_utf16().count(), CELL - 1);
    }
}
