//! Whether all of a database is what was written. A start reads only what it loads.

use super::database::Database;
use super::error::StoreError;
use std::io;
use std::path::Path;
use std::thread;

impl Database {
    /// Reads all of it, and compares indexes with their tables. A backup is looked at so.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.ask("PRAGMA integrity_check(1)")
    }

    fn ask(&self, question: &str) -> Result<(), StoreError> {
        let found = self.connection.query_row(question, [], |row| row.get::<_, String>(0));
        match found.map_err(|error| self.fault(error))?.as_str() {
            "ok" => Ok(()),
            what => {
                let what = what.lines().last().unwrap_or(what).to_owned();
                Err(StoreError::Damaged { path: self.path().to_owned(), what })
            }
        }
    }
}

/// Reads all of the database of `data` in a thread of its own, and reports what is wrong: no start
/// waits for that. 100 MB take a quarter of a second, and two seconds when the disk has to bring them
/// (November 2026).
///
/// # Errors
/// When the system gives no thread.
pub fn check_beside(
    data: &Path,
    report: impl FnOnce(StoreError) + Send + 'static,
) -> io::Result<()> {
    let data = data.to_owned();
    let look = move || {
        let looked = Database::open_to_read(&data).and_then(|found| match found {
            Some(database) => database.ask("PRAGMA quick_check(1)"),
            None => Ok(()),
        });
        if let Err(error) = looked {
            report(error);
        }
    };
    thread::Builder::new().name("check".to_owned()).spawn(look).map(drop)
}
