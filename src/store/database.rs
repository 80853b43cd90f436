//! One open database file.

use super::error::StoreError;
use super::schema;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use std::path::{Path, PathBuf};

/// How long a statement waits for another process's transaction.
const BUSY: std::time::Duration = std::time::Duration::from_secs(5);

/// The journal's file, `cordboard.db` in the data directory.
#[derive(Debug)]
pub struct Database {
    pub(super) connection: Connection,
    path: PathBuf,
}

impl Database {
    /// Opens the database of `data` for writing; makes it, and brings an older one up to date.
    ///
    /// Whoever writes holds the [`Lock`](super::Lock).
    ///
    /// # Errors
    /// When the file cannot be opened, or is of a later version.
    pub fn open(data: &Path) -> Result<Self, StoreError> {
        let path = data.join("cordboard.db");
        let sqlite = |error| StoreError::Sqlite { path: path.clone(), error };
        let mut connection = Connection::open(&path).map_err(sqlite)?;
        let found = Self::prepare(&connection).map_err(sqlite)?;
        if found > schema::VERSION {
            return Err(StoreError::TooNew { path, found, known: schema::VERSION });
        }
        schema::upgrade(&mut connection).map_err(sqlite)?;
        Ok(Self { connection, path })
    }

    /// Opens the database of `data` for reading, also while a server writes; `None` when there is
    /// none yet.
    ///
    /// # Errors
    /// When the file cannot be opened, or is of another version.
    pub fn open_to_read(data: &Path) -> Result<Option<Self>, StoreError> {
        let path = data.join("cordboard.db");
        if !path.exists() {
            return Ok(None);
        }
        let sqlite = |error| StoreError::Sqlite { path: path.clone(), error };
        // Not read-only: the first reader after a crash has to replay the log.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags).map_err(sqlite)?;
        let found = Self::prepare(&connection).map_err(sqlite)?;
        if found > schema::VERSION {
            return Err(StoreError::TooNew { path, found, known: schema::VERSION });
        }
        if found < schema::VERSION {
            return Err(StoreError::Outdated { path });
        }
        connection.pragma_update(None, "query_only", true).map_err(sqlite)?;
        Ok(Some(Self { connection, path }))
    }

    fn prepare(connection: &Connection) -> rusqlite::Result<u32> {
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // FULL: what was reported as committed outlives the power, not only the process. It costs
        // 4 ms a commit where NORMAL costs 0.1, but the group shares it: 30,000 batches a second
        // with 100 under way (one virtual disk, November 2026).
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.set_prepared_statement_cache_capacity(64);
        schema::version(connection)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn fault(&self, error: rusqlite::Error) -> StoreError {
        StoreError::Sqlite { path: self.path.clone(), error }
    }

    /// Notes the realm unless one is noted already: the server's start is to find the difference.
    pub(super) fn note_first_realm(&self, realm: &str) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO facts (name, value) VALUES ('realm', ?1)";
        self.connection.execute(sql, [realm]).map(drop).map_err(|error| self.fault(error))
    }

    /// Notes the realm of this start and returns the one before, when it was another and there are
    /// passwords: those were hashed for it, so every one of them has to be set anew.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn adopt_realm(&self, realm: &str) -> Result<Option<String>, StoreError> {
        let adopt = || {
            let sql = "SELECT value FROM facts WHERE name = 'realm'
                       AND (EXISTS (SELECT 1 FROM terminals WHERE secret IS NOT NULL)
                            OR EXISTS (SELECT 1 FROM operators WHERE secret IS NOT NULL))";
            let before = self.connection.query_row(sql, [], |row| row.get(0)).optional()?;
            let sql = "INSERT OR REPLACE INTO facts (name, value) VALUES ('realm', ?1)";
            self.connection.execute(sql, [realm])?;
            Ok(before.filter(|before: &String| before != realm))
        };
        adopt().map_err(|error| self.fault(error))
    }
}
