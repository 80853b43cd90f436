//! Terminals in a file: number,name,level,password,contact.

use super::administration::Administration;
use super::csv;
use super::table::print;
use super::terminal_fields::{contact, srtp};
use crate::directory::{DirectoryChange, DraftField, Secret, TerminalDraft};
use crate::ids::{LevelId, Number};
use anyhow::{Context as _, bail};
use std::path::Path;

const COLUMNS: [&str; 6] = ["number", "name", "level", "password", "contact", "srtp"];

/// Reads a file and carries it out as one change.
///
/// # Errors
/// With the file and the line of what cannot stay so; nothing has happened then.
pub fn import(administration: &Administration, file: &Path) -> anyhow::Result<()> {
    let bytes =
        std::fs::read(file).with_context(|| format!("{}: it cannot be read", file.display()))?;
    let text = String::from_utf8(bytes).ok().with_context(|| {
        format!("{}: this is not UTF-8: save it as \"CSV UTF-8\"", file.display())
    })?;
    // What spreadsheets write before it.
    let text = text.trim_start_matches('\u{feff}');
    let drafts = read(text, administration.realm()).with_context(|| file.display().to_string())?;
    let count = drafts.len();
    let change = DirectoryChange::ImportTerminals(drafts);
    administration.change(&change).with_context(|| file.display().to_string())?;
    Ok(print(&format!("{count} terminals\n"))?)
}

/// Prints all terminals as [`import`] reads them.
///
/// # Errors
/// When the database cannot be read.
pub fn export(administration: &Administration) -> anyhow::Result<()> {
    let mut text = csv::line(COLUMNS.map(str::to_owned).into_iter());
    for terminal in administration.directory()?.terminals() {
        let cells = [
            terminal.number.to_string(),
            terminal.name.clone(),
            terminal.level.to_string(),
            terminal.secret.as_ref().map_or_else(String::new, Secret::export),
            terminal.contact.as_ref().map_or_else(String::new, ToString::to_string),
            terminal.srtp.name().to_owned(),
        ];
        text += &csv::line(cells.into_iter());
    }
    Ok(print(&text)?)
}

fn read(text: &str, realm: &str) -> anyhow::Result<Vec<TerminalDraft>> {
    let mut rows = csv::read(text)?.into_iter();
    let heading =
        rows.next().context("it is empty: begin with number,name,level,password,contact")?;
    if let [only] = &heading.cells[..]
        && let Some(separator) = [';', '\t'].into_iter().find(|separator| only.contains(*separator))
    {
        bail!("line 1: its cells are separated by {separator:?}: save it with commas between them");
    }
    for name in &heading.cells {
        if !COLUMNS.contains(&name.as_str()) {
            bail!("line 1: there is no column {name:?}: the columns are {}", COLUMNS.join(","));
        }
    }
    if !heading.cells.iter().any(|name| name == "number") {
        bail!("line 1: the column number is missing: begin with {}", COLUMNS.join(","));
    }
    rows.map(|row| draft(&heading.cells, &row, realm).with_context(|| format!("line {}", row.line)))
        .collect()
}

fn draft(columns: &[String], row: &csv::CsvRow, realm: &str) -> anyhow::Result<TerminalDraft> {
    if row.cells.len() > columns.len() {
        bail!(
            "{} cells under {} columns: quote cells that hold commas",
            row.cells.len(),
            columns.len()
        );
    }
    let cell = |name: &str| {
        let at = columns.iter().position(|column| column == name)?;
        row.cells.get(at).map(String::as_str).filter(|text| !text.is_empty())
    };
    let number = cell("number").context("the number is missing")?;
    let mut draft = TerminalDraft::new(Number::from(number));
    draft.name = cell("name").map(str::to_owned);
    draft.level = cell("level").map(LevelId::from);
    draft.secret = match cell("password") {
        None => None,
        Some(text) if text.starts_with("ha1:") => Some(text.parse()?),
        Some(password) => Some(Secret::from_password(number, realm, password)?),
    };
    draft.contact = match cell("contact") {
        None => DraftField::Keep,
        Some(text) => DraftField::Set(contact(text)?),
    };
    draft.srtp = cell("srtp").map(srtp).transpose()?;
    Ok(draft)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_in_any_order_and_cells_may_be_empty() {
        let text = "password,number,level\ngeheim,3001,A\n,3002\n";
        let drafts = read(text, "cordboard.local").unwrap();
        assert_eq!(drafts.len(), 2);
        assert_eq!(
            drafts[0].secret,
            Some(Secret::from_password("3001", "cordboard.local", "geheim").unwrap())
        );
        assert_eq!(drafts[1], TerminalDraft::new(Number::from("3002")));
    }

    #[test]
    fn a_faulty_row_names_its_line() {
        for (text, said) in [
            ("", "it is empty"),
            ("name,level\n", "line 1: the column number is missing"),
            ("number,pin\n", "line 1: there is no column \"pin\""),
            ("number,name\n3001,Ada\n,Bob\n", "line 3: the number is missing"),
            ("number,name\n3001,Berg, A\n", "line 2: 3 cells under 2 columns"),
            ("number,contact\n3001,nowhere\n", "line 2: contact \"nowhere\""),
            ("number,password\n3001,ha1:x\n", "line 2: the HA1"),
        ] {
            let error = format!("{:#}", read(text, "r").unwrap_err());
            assert!(error.contains(said), "{text:?}: {error}");
        }
    }
}
