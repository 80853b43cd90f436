//! What can go wrong with the database file.

use crate::exchange::journal::WriteFault;
use std::path::{Path, PathBuf};

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data directory cannot be made or opened.
    #[error("{}: {error}: make it writable for cordboard, or name another with --data", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Another process writes.
    #[error("{}: a running cordboard holds it: ask that one, or stop it first", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The file was written by a later version.
    #[error(
        "{}: its schema is version {found}, this cordboard knows {known}: use the newer program, \
         or go back to a backup of this one's with `cordboard restore FILE`",
        path.display()
    )]
    TooNew {
        /// The database.
        path: PathBuf,
        /// The version in the file.
        found: u32,
        /// Our version.
        known: u32,
    },
    /// The file was written by an earlier version, and only read here.
    #[error("{}: an earlier cordboard made it: start this one once, which brings it up to date", path.display())]
    Outdated {
        /// The database.
        path: PathBuf,
    },
    /// The file is another program's.
    #[error(
        "{}: a database of another program: name another directory as `data`, or put a backup of \
         cordboard's in its place with `cordboard restore FILE`",
        path.display()
    )]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// The file has lost its content.
    #[error(
        "{}: it is empty, which a database of cordboard never is: put a backup in its place with \
         `cordboard restore FILE`, or remove it to begin a new house",
        path.display()
    )]
    Emptied {
        /// The database.
        path: PathBuf,
    },
    /// The file is missing, and was there.
    #[error(
        "{}: it is missing, but {} shows that there was one: put a backup in its place with \
         `cordboard restore FILE`, or move that away to begin a new house",
        path.display(),
        rest.display()
    )]
    Gone {
        /// The database.
        path: PathBuf,
        /// What it has left behind.
        rest: PathBuf,
    },
    /// What is in the file is not what was written.
    #[error(
        "{}: it is damaged ({what}): put a backup in its place with `cordboard restore FILE`",
        path.display()
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        what: String,
    },
    /// SQLite refuses.
    #[error("{}: {error}", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// Why.
        error: rusqlite::Error,
    },
    /// A library has panicked; what it said is on standard error.
    #[error("writing it failed from within: please report it, with what stands above")]
    Panicked,
}

impl StoreError {
    /// What SQLite says of the database at `path`.
    pub(super) fn of(path: &Path, error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let path = path.to_owned();
        match error.sqlite_error_code() {
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => {
                Self::Damaged { path, what: error.to_string() }
            }
            _ => Self::Sqlite { path, error },
        }
    }

    /// Whose fault it is that a batch was not written: its own, or the journal's as a whole.
    #[must_use]
    pub fn fault(&self) -> WriteFault {
        match self {
            Self::Sqlite { error, .. } if !lies_in_the_file(error) => {
                WriteFault::OfBatch(self.to_string())
            }
            Self::Panicked => WriteFault::OfBatch(self.to_string()),
            Self::Sqlite { .. }
            | Self::Directory { .. }
            | Self::Locked { .. }
            | Self::TooNew { .. }
            | Self::Outdated { .. }
            | Self::Foreign { .. }
            | Self::Emptied { .. }
            | Self::Gone { .. }
            | Self::Damaged { .. } => WriteFault::OfJournal(self.to_string()),
        }
    }

    /// Whether another process holds the file: whoever tries again waits again.
    #[must_use]
    pub fn is_held(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        let Self::Sqlite { error, .. } = self else { return false };
        matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
    }
}

/// Whether it lies in the disk, the file, or whoever holds it: then it will pass, and what was to be
/// written is not to blame.
fn lies_in_the_file(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode as Code;
    matches!(
        error.sqlite_error_code(),
        Some(
            Code::PermissionDenied
                | Code::OperationAborted
                | Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::OutOfMemory
                | Code::ReadOnly
                | Code::OperationInterrupted
                | Code::SystemIoFailure
                | Code::DatabaseCorrupt
                | Code::DiskFull
                | Code::CannotOpen
                | Code::FileLockingProtocolFailed
                | Code::SchemaChanged
                | Code::NoLargeFileSupport
                | Code::NotADatabase
        )
    )
}

/// A row that could not be understood and was left out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnreadableRow {
    /// The table.
    pub table: &'static str,
    /// What names the row.
    pub row: String,
}
