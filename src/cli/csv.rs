//! Comma-separated values (RFC 4180): rows in, rows out.
//!
//! A cell that a spreadsheet would take for a formula is written behind an apostrophe, and read without
//! it, so that what was written reads back as it was. Plain numbers stay: `+4930123` computes nothing.

use crate::text::harmless;

/// The most cells of one row.
pub const CELLS_MAX: usize = 100;

/// One row of a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CsvRow {
    /// The line on which it begins, from 1.
    pub line: usize,
    /// Its cells.
    pub cells: Vec<String>,
}

/// What makes a text unreadable.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CsvFault {
    /// A quote that is never closed.
    #[error("line {line}: a quoted cell begins here and does not end: close it with `\"`")]
    Open {
        /// Where it begins.
        line: usize,
    },
    /// Text behind a closing quote.
    #[error("line {line}: text follows a closing quote: write `\"\"` for a quote within a cell")]
    Behind {
        /// Where.
        line: usize,
    },
    /// More cells than [`CELLS_MAX`].
    #[error("line {line}: more than {CELLS_MAX} cells: is this a file of terminals?")]
    TooMany {
        /// Where.
        line: usize,
    },
}

/// Cuts a text into rows; empty lines are left out, a byte order mark is skipped.
///
/// # Errors
/// At the first row that cannot be cut.
pub fn read(text: &str) -> Result<Vec<CsvRow>, CsvFault> {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut rows, mut line) = (Vec::new(), 1);
    while !rest.is_empty() {
        let mut row = CsvRow { line, cells: Vec::new() };
        loop {
            let (cell, after) = read_cell(rest, line)?;
            line += cell.matches('\n').count();
            row.cells.push(cell);
            if row.cells.len() > CELLS_MAX {
                return Err(CsvFault::TooMany { line });
            }
            let Some(next) = after.strip_prefix(',') else {
                rest = after.strip_prefix('\r').unwrap_or(after);
                break;
            };
            rest = next;
        }
        rest = match rest.strip_prefix('\n') {
            Some(next) => next,
            None if rest.is_empty() => rest,
            None => return Err(CsvFault::Behind { line }),
        };
        line += 1;
        if row.cells != [""] {
            rows.push(row);
        }
    }
    Ok(rows)
}

/// One cell and what follows it: a comma, a line end or nothing.
fn read_cell(text: &str, line: usize) -> Result<(String, &str), CsvFault> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([',', '\n']).unwrap_or(text.len());
        let cell = text[..end].trim_end_matches('\r');
        return Ok((unguarded(cell.trim()).to_owned(), &text[end..]));
    };
    let mut cell = String::new();
    loop {
        let end = rest.find('"').ok_or(CsvFault::Open { line })?;
        cell += &rest[..end];
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(next) => {
                cell.push('"');
                rest = next;
            }
            None => return Ok((unguarded(&cell).to_owned(), rest)),
        }
    }
}

/// One row with its line end; each cell is one line that can be shown anywhere.
pub fn line(cells: impl Iterator<Item = String>) -> String {
    let quoted = |cell: String| match guarded(harmless(&cell)) {
        cell if cell.contains([',', '"']) => format!("\"{}\"", cell.replace('"', "\"\"")),
        cell => cell,
    };
    let cells: Vec<_> = cells.map(quoted).collect();
    cells.join(",") + "\r\n"
}

/// Puts an apostrophe before what a spreadsheet would compute.
fn guarded(cell: String) -> String {
    if begins_formula(&cell) && !is_number(&cell) { format!("'{cell}") } else { cell }
}

/// Takes the apostrophe of [`guarded`] away.
fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| begins_formula(rest)).unwrap_or(cell)
}

/// Whether a formula begins here, perhaps behind apostrophes.
fn begins_formula(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(['=', '+', '-', '@'])
}

/// A sign and digits.
fn is_number(cell: &str) -> bool {
    let digits = cell.strip_prefix(['+', '-']).unwrap_or("");
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<Vec<String>> {
        read(text).unwrap().into_iter().map(|row| row.cells).collect()
    }

    #[test]
    fn rows_are_cut_at_commas_outside_quotes() {
        let text = "\u{feff}number,name\r\n3001,\"Berg, \"\"A\"\"\"\n\n3002,\n3003, Ceh ";
        let rows = [
            vec!["number", "name"],
            vec!["3001", "Berg, \"A\""],
            vec!["3002", ""],
            vec!["3003", "Ceh"],
        ];
        assert_eq!(cells(text), rows);
    }

    #[test]
    fn a_row_knows_its_line_behind_a_cell_of_two_lines() {
        let rows = read("a\n\"b\nb\"\n\nc\n").unwrap();
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [1, 2, 5]);
    }

    #[test]
    fn what_was_written_reads_back() {
        let row = ["", "a b", "x,y", "\"", "+4930123", "-1", "'a'", "=1+2", "'=1+2", "@a,b"];
        let row = row.map(str::to_owned);
        assert_eq!(cells(&line(row.clone().into_iter())), [row]);
    }

    #[test]
    fn a_spreadsheet_computes_nothing() {
        let hostile = ["=cmd|' /C calc'!A0", "+1+2", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "+", "-"];
        for cell in hostile {
            let line = line([cell.to_owned()].into_iter());
            let cell = line.trim_start_matches('"');
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{line:?}");
        }
        assert_eq!(line(["+4930123".to_owned()].into_iter()), "+4930123\r\n");
        // As somebody may write it who knows spreadsheets.
        assert_eq!(cells("'+4930123\n'=1,\"'@b\"\n"), [vec!["+4930123"], vec!["=1", "@b"]]);
    }

    #[test]
    fn a_written_cell_is_one_line() {
        let line = line(["two\r\nlines\u{9b}".to_owned()].into_iter());
        assert_eq!(line, "two\u{fffd}\u{fffd}lines\u{fffd}\r\n");
    }

    #[test]
    fn what_cannot_be_cut_names_its_line() {
        assert_eq!(read("a\n\"b"), Err(CsvFault::Open { line: 2 }));
        assert_eq!(read("a\n\"b\"c\n"), Err(CsvFault::Behind { line: 2 }));
        assert_eq!(read(&",".repeat(CELLS_MAX)), Err(CsvFault::TooMany { line: 1 }));
    }
}
