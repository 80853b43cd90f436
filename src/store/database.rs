//! One open database file.

use super::error::StoreError;
use super::files;
use super::schema::{self, SchemaOwner};
use crate::ids::STARTS_MAX;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// How long a statement waits for another process's transaction.
const BUSY: std::time::Duration = std::time::Duration::from_secs(5);

/// A machine, and one boot of it: what the kernel's memory holds outlives a process and ends with the boot.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HostBoot {
    /// The machine's id (machine-id(5)); empty where it has none.
    pub machine: String,
    /// The boot's (`/proc/sys/kernel/random/boot_id`); empty where the system has none.
    pub boot: String,
}

/// The journal's file, `cordboard.db` in the data directory.
#[derive(Debug)]
pub struct Database {
    pub(super) connection: Connection,
    path: PathBuf,
    version: u32,
    /// Commits are flushed to the disk.
    is_flushed: bool,
}

impl Database {
    /// Opens the database of `data` for writing; makes it, and brings an older one up to date.
    ///
    /// Whoever writes holds the [`Lock`](super::Lock).
    ///
    /// # Errors
    /// When the file cannot be opened, is damaged, another program's, or of a later version; or when
    /// there was one, and is no more.
    pub fn open(data: &Path) -> Result<Self, StoreError> {
        let path = files::database(data);
        if !files::has_database(data)? {
            make(&path)?;
        }
        let mut database = Self::connect(&path, &path)?;
        database.log_ahead()?;
        database.upgrade()?;
        Ok(database)
    }

    /// Opens the database of `data` for reading, also while a server writes; `None` when there is
    /// none yet.
    ///
    /// # Errors
    /// As [`open`](Self::open), or when the file is of an earlier version.
    pub fn open_to_read(data: &Path) -> Result<Option<Self>, StoreError> {
        let Some(database) = Self::open_of_any_version(data)? else { return Ok(None) };
        if database.version < schema::VERSION {
            return Err(StoreError::Outdated { path: database.path });
        }
        let query_only = database.connection.pragma_update(None, "query_only", true);
        query_only.map_err(|error| database.fault(error))?;
        Ok(Some(database))
    }

    /// As [`open_to_read`](Self::open_to_read), also of an earlier version.
    pub(super) fn open_of_any_version(data: &Path) -> Result<Option<Self>, StoreError> {
        if !files::has_database(data)? {
            return Ok(None);
        }
        let path = files::database(data);
        Self::connect(&path, &path).map(Some)
    }

    /// Opens the database `file`, which people know as `shown`, and looks whose it is; changes
    /// nothing.
    pub(super) fn connect(file: &Path, shown: &Path) -> Result<Self, StoreError> {
        // Not read-only: the first reader after a crash has to replay the log.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let identified = Connection::open_with_flags(file, flags).and_then(|connection| {
            connection.busy_timeout(BUSY)?;
            connection.set_prepared_statement_cache_capacity(64);
            let identity = schema::identify(&connection)?;
            let len = schema::len(&connection)?;
            Ok((connection, identity, len))
        });
        let (connection, identity, len) =
            identified.map_err(|error| StoreError::of(shown, error))?;
        let path = shown.to_owned();
        match identity {
            // SQLite itself misses the end of the last page.
            SchemaOwner::Ours(_) if files::is_shorter(file, len) => {
                let what = format!("it should have {len} bytes");
                Err(StoreError::Damaged { path, what })
            }
            SchemaOwner::Ours(version) => Ok(Self { connection, path, version, is_flushed: false }),
            SchemaOwner::Newer(found) => {
                Err(StoreError::TooNew { path, found, known: schema::VERSION })
            }
            SchemaOwner::Blank => Err(StoreError::Emptied { path }),
            SchemaOwner::Foreign => Err(StoreError::Foreign { path }),
        }
    }

    fn log_ahead(&mut self) -> Result<(), StoreError> {
        let set = self.connection.pragma_update(None, "journal_mode", "WAL");
        set.and_then(|()| self.flush_commits(true)).map_err(|error| self.fault(error))
    }

    /// Whether the commits from here on are flushed to the disk, and so outlive the power. Those that are not
    /// outlive the process; the next one that is flushed takes them along.
    ///
    /// A flush costs 4 ms a commit where none costs 0.1, but the group shares it: 30,000 batches a second
    /// with 100 under way (one virtual disk, November 2026).
    pub(super) fn flush_commits(&mut self, flushed: bool) -> rusqlite::Result<()> {
        if self.is_flushed != flushed {
            let synchronous = if flushed { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", synchronous)?;
            self.is_flushed = flushed;
        }
        Ok(())
    }

    /// Brings an older database up to date, and sees that it has all its tables.
    pub(super) fn upgrade(&mut self) -> Result<(), StoreError> {
        let upgraded = schema::upgrade(&mut self.connection);
        upgraded.map_err(|error| self.fault(error))?;
        self.version = schema::VERSION;
        match schema::missing(&self.connection).map_err(|error| self.fault(error))? {
            None => Ok(()),
            Some(column) => {
                let what = format!("it lacks {column}");
                Err(StoreError::Damaged { path: self.path.clone(), what })
            }
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn fault(&self, error: rusqlite::Error) -> StoreError {
        StoreError::of(&self.path, error)
    }

    /// Notes the realm unless one is noted already: the server's start is to find the difference.
    pub(super) fn note_first_realm(&self, realm: &str) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO facts (name, value) VALUES ('realm', ?1)";
        self.connection.execute(sql, [realm]).map(drop).map_err(|error| self.fault(error))
    }

    /// Counts a start of the server; [`load`](Self::load) says which it is.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn count_start(&self) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO facts (name, value) VALUES ('starts', 1) ON CONFLICT (name) DO UPDATE
             SET value = max(CAST(value AS INTEGER), 0) % {STARTS_MAX} + 1"
        );
        self.connection.execute(&sql, []).map(drop).map_err(|error| self.fault(error))
    }

    /// Notes on which machine, and under which boot of it, this start is, and returns where the one before was;
    /// `None` where there was none or it did not say.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn adopt_host(&self, host: &HostBoot) -> Result<Option<HostBoot>, StoreError> {
        let fact = |name: &str, value: &str| -> rusqlite::Result<Option<String>> {
            let sql = "SELECT value FROM facts WHERE name = ?1";
            let before = self.connection.query_row(sql, [name], |row| row.get(0)).optional()?;
            let sql = "INSERT OR REPLACE INTO facts (name, value) VALUES (?1, ?2)";
            self.connection.execute(sql, [name, value])?;
            Ok(before)
        };
        let adopt = || {
            let (machine, boot) = (fact("machine", &host.machine)?, fact("boot", &host.boot)?);
            Ok(machine.zip(boot).map(|(machine, boot)| HostBoot { machine, boot }))
        };
        adopt().map_err(|error| self.fault(error))
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

/// Makes a new database, which has its name only once it is whole: an empty one was never ours.
fn make(path: &Path) -> Result<(), StoreError> {
    let new = files::new(path);
    let fault = |error| StoreError::Directory { path: path.to_owned(), error };
    files::remove(&new).map_err(fault)?;
    let file = files::create_there(&new).map_err(fault)?;
    let made = Connection::open_with_flags(&new, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .and_then(|mut connection| schema::upgrade(&mut connection));
    made.map_err(|error| StoreError::of(path, error))?;
    file.sync_all().map_err(fault)?;
    std::fs::rename(&new, path).map_err(fault)?;
    files::sync_directory(path).map_err(fault)
}

/// Flushes to the disk what was committed to this database without a flush. It all stands in the log ahead.
pub(super) fn sync_log(database: &Path) -> Result<(), StoreError> {
    let fault = |error| StoreError::Directory { path: database.to_owned(), error };
    // Where there is none all of it is in the database already, which is flushed before the log goes.
    match File::open(files::log_ahead(database)) {
        Ok(log) => log.sync_data().map_err(fault),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(fault(error)),
    }
}
