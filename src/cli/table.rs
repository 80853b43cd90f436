//! Listings: one set of rows, printed for people, for spreadsheets or for programs.

use super::columns::{padded, width};
use super::csv;
use crate::text::{harmless, is_harmful};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, Write as _};

/// How a listing is printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum ListingFormat {
    /// Aligned columns
    #[default]
    Table,
    /// RFC 4180, with a heading
    Csv,
    /// One array of objects; `show` prints one object
    Json,
}

/// The option of every listing.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Listing {
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: ListingFormat,
}

/// Rows under named columns.
#[derive(Clone, Debug)]
pub struct Table {
    columns: &'static [&'static str],
    rows: Vec<Vec<Value>>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Appends a row.
    ///
    /// # Panics
    /// When it has not one cell per column.
    pub fn push(&mut self, row: impl IntoIterator<Item = Value>) {
        let row: Vec<Value> = row.into_iter().collect();
        assert_eq!(row.len(), self.columns.len(), "a row has one cell per column");
        self.rows.push(row);
    }

    /// The rows as text.
    #[must_use]
    pub fn listing(&self, format: ListingFormat) -> String {
        match format {
            ListingFormat::Table => self.aligned(),
            ListingFormat::Csv => self.csv(),
            ListingFormat::Json => {
                let rows: Vec<_> = self.rows.iter().map(|row| self.object(row)).collect();
                match rows.is_empty() {
                    true => "[]\n".to_owned(),
                    false => format!("[\n{}\n]\n", rows.join(",\n")),
                }
            }
        }
    }

    /// The only row as text: one line per column for people.
    #[must_use]
    pub fn single(&self, format: ListingFormat) -> String {
        let Some(row) = self.rows.first() else { return String::new() };
        match format {
            ListingFormat::Table => {
                let width = self.columns.iter().map(|name| name.len()).max().unwrap_or(0);
                let line =
                    |(name, cell): (&&str, &Value)| format!("{name:width$}  {}\n", shown(cell));
                self.columns.iter().zip(row).map(line).collect()
            }
            ListingFormat::Csv => self.csv(),
            ListingFormat::Json => format!("{}\n", self.object(row)),
        }
    }

    fn csv(&self) -> String {
        let heading = csv::line(self.columns.iter().map(|name| (*name).to_owned()));
        let row = |row: &Vec<Value>| csv::line(row.iter().map(written));
        heading + &self.rows.iter().map(row).collect::<String>()
    }

    /// The keys in the order of the columns, which a JSON map would not keep.
    fn object(&self, row: &[Value]) -> String {
        let pair = |(name, cell): (&&str, &Value)| format!("\"{name}\": {}", escaped(cell));
        let pairs: Vec<_> = self.columns.iter().zip(row).map(pair).collect();
        format!("{{{}}}", pairs.join(", "))
    }

    fn aligned(&self) -> String {
        let heading = self.columns.iter().map(|name| name.to_uppercase()).collect();
        let rows = self.rows.iter().map(|row| row.iter().map(shown).collect());
        let lines: Vec<Vec<String>> = std::iter::once(heading).chain(rows).collect();
        let widest =
            |column: usize| lines.iter().map(|line| width(&line[column])).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.columns.len()).map(widest).collect();
        let mut text = String::new();
        for line in &lines {
            let cells = line.iter().zip(&widths).map(|(cell, width)| padded(cell, *width));
            text += cells.collect::<Vec<_>>().join("  ").trim_end();
            text.push('\n');
        }
        text
    }
}

/// A cell for people.
fn shown(cell: &Value) -> String {
    match cell {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            match written(cell) {
                text if text.is_empty() => "-".to_owned(),
                text => harmless(&text),
            }
        }
    }
}

/// JSON that can be shown, too: what a terminal would take for a command stands in strings only, where
/// JSON has an escape for it (RFC 8259 §7).
fn escaped(cell: &Value) -> String {
    let mut text = String::new();
    for c in cell.to_string().chars() {
        if is_harmful(c) {
            let units = &mut [0; 2];
            for unit in c.encode_utf16(units) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    text
}

/// A cell for programs: a list is joined by commas, and so are names with their values.
fn written(cell: &Value) -> String {
    match cell {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(cells) => cells.iter().map(written).collect::<Vec<_>>().join(","),
        Value::Object(cells) => {
            let pair = |(name, cell): (&String, &Value)| format!("{name} {}", written(cell));
            cells.iter().map(pair).collect::<Vec<_>>().join(",")
        }
        Value::Bool(_) | Value::Number(_) => cell.to_string(),
    }
}

/// Writes to stdout; a reader that has seen enough (`| head`) is no failure.
///
/// # Errors
/// When stdout cannot be written.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

/// Writes a sentence to stderr, or one for each line.
pub fn warn(sentence: &str) {
    for line in sentence.lines() {
        // Nothing is left to be done when even stderr is closed.
        let _ = writeln!(io::stderr(), "{}", harmless(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn example() -> Table {
        let mut table = Table::new(&["number", "name", "queues", "since"]);
        table.push([json!("3001"), json!("Anna \"A\", Berg"), json!(["a", "b"]), Value::Null]);
        table.push([json!("30020"), json!(""), json!({"a": 1, "b": 2}), json!(7)]);
        table
    }

    #[test]
    fn people_get_aligned_columns() {
        let text = "NUMBER  NAME            QUEUES   SINCE\n\
                    3001    Anna \"A\", Berg  a,b      -\n\
                    30020   -               a 1,b 2  7\n";
        assert_eq!(example().listing(ListingFormat::Table), text);
    }

    #[test]
    fn wide_letters_move_no_column() {
        let mut table = Table::new(&["name", "level"]);
        table.push([json!("王小明"), json!("A")]);
        table.push([json!("Ada"), json!("B")]);
        assert_eq!(table.listing(ListingFormat::Table), "NAME    LEVEL\n王小明  A\nAda     B\n");
    }

    #[test]
    fn spreadsheets_get_quoted_cells() {
        let text = "number,name,queues,since\r\n3001,\"Anna \"\"A\"\", Berg\",\"a,b\",\r\n30020,,\"a 1,b 2\",7\r\n";
        assert_eq!(example().listing(ListingFormat::Csv), text);
    }

    #[test]
    fn programs_get_json_even_of_nothing() {
        let rows: Value = serde_json::from_str(&example().listing(ListingFormat::Json)).unwrap();
        assert_eq!(rows[0]["queues"], json!(["a", "b"]));
        assert_eq!(rows[1]["since"], 7);
        assert_eq!(Table::new(&["number"]).listing(ListingFormat::Json), "[]\n");
    }

    #[test]
    fn one_thing_stands_line_by_line() {
        let text = "number  3001\nname    Anna \"A\", Berg\nqueues  a,b\nsince   -\n";
        assert_eq!(example().single(ListingFormat::Table), text);
    }

    #[test]
    fn a_name_cannot_paint_the_terminal() {
        let mut table = Table::new(&["name"]);
        let name = "\u{1b}[31mred\u{9b}2J\u{202e}\r\nblue";
        table.push([json!(name)]);
        for format in [ListingFormat::Table, ListingFormat::Csv, ListingFormat::Json] {
            let text = table.listing(format);
            assert!(!text.replace("\r\n", "\n").replace('\n', "").contains(is_harmful), "{text:?}");
            assert_eq!(
                text.lines().count(),
                if format == ListingFormat::Json { 3 } else { 2 },
                "{text}"
            );
        }
        let rows: Value = serde_json::from_str(&table.listing(ListingFormat::Json)).unwrap();
        assert_eq!(rows[0]["name"], name, "programs get it whole");
    }
}
