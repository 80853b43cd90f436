//! Reading the rows of a query. What makes no sense is named and passed over.

use super::error::UnreadableRow;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result, Row};

/// Reads every row of a query; where `read` finds no sense, the row is noted in `bad` under the
/// text of its first column.
pub(super) fn rows<T>(
    db: &Connection,
    table: &'static str,
    sql: &str,
    bad: &mut Vec<UnreadableRow>,
    read: impl Fn(&Row<'_>) -> Result<Option<T>>,
) -> Result<Vec<T>> {
    let mut statement = db.prepare(sql)?;
    let mut found = statement.query([])?;
    let mut values = Vec::new();
    while let Some(row) = found.next()? {
        match read(row)? {
            Some(value) => values.push(value),
            None => {
                let row = match row.get_ref(0)? {
                    ValueRef::Integer(number) => number.to_string(),
                    name => name.as_str().unwrap_or("?").to_owned(),
                };
                bad.push(UnreadableRow { table, row });
            }
        }
    }
    Ok(values)
}

/// The name that a column holds.
pub(super) fn text<T: for<'a> From<&'a str>>(row: &Row<'_>, column: &str) -> Result<T> {
    Ok(T::from(row.get_ref(column)?.as_str()?))
}

/// The name that a column holds, if it holds any.
pub(super) fn optional<T: for<'a> From<&'a str>>(row: &Row<'_>, column: &str) -> Result<Option<T>> {
    Ok(row.get_ref(column)?.as_str_or_null()?.map(T::from))
}
