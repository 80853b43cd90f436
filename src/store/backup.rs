//! Backups: the database as one file, and back.
//!
//! ```text
//!   backup    the database ── VACUUM INTO ──▶ FILE.part-PID ── flushed ──▶ FILE
//!   restore   FILE ── copied ──▶ .restoring ── ours? whole? brought up to date ──┐
//!             the database ──▶ .replaced-DATE                                    └──▶ the database
//! ```
//!
//! Each has its name only once it is whole, so that a machine that stops in between leaves no half of one.

use super::database::Database;
use super::error::StoreError;
use super::files;
use super::lock::Lock;
use super::write;
use crate::exchange::journal::Audited;
use crate::time::UnixTime;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// So many databases may be replaced in one second.
const REPLACED_MAX: u32 = 100;

/// Why there is no backup, or none was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database of the house cannot be used, or is in use.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is nothing to back up.
    #[error("{}: there is no database yet: nothing was backed up", path.display())]
    Nothing {
        /// Where it would be.
        path: PathBuf,
    },
    /// The file is there.
    #[error("{}: it is there already: name another file, or add --force to replace it", path.display())]
    Exists {
        /// Which.
        path: PathBuf,
    },
    /// The file is the database itself.
    #[error("{}: this is the database itself: name another file", path.display())]
    Itself {
        /// Which.
        path: PathBuf,
    },
    /// The file is no backup that could be used.
    #[error("{}: {why}: nothing was changed", path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// What a restoration has left.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Restored {
    /// The database.
    pub path: PathBuf,
    /// The one before.
    pub replaced: Option<PathBuf>,
}

/// Writes the database of `data` to `file`, as of one moment, also while a server runs; with `force` in
/// the place of a file that is there.
///
/// # Errors
/// When there is no database, it is damaged, or the file is there or cannot be written.
pub fn back_up(data: &Path, file: &Path, force: bool) -> Result<(), BackupError> {
    let path = files::database(data);
    let database = Database::open_of_any_version(data)?;
    let database = database.ok_or_else(|| BackupError::Nothing { path: path.clone() })?;
    if is_same(file, &path) {
        return Err(BackupError::Itself { path: file.to_owned() });
    }
    if !force && file.symlink_metadata().is_ok() {
        return Err(BackupError::Exists { path: file.to_owned() });
    }
    let part = files::beside(file, &format!(".part-{}", std::process::id()));
    let written = write_to(&database, &part).and_then(|()| publish(&part, file, force));
    if written.is_err() {
        // Perhaps it was never there.
        let _ = fs::remove_file(&part);
    }
    written
}

fn write_to(database: &Database, part: &Path) -> Result<(), BackupError> {
    let fault = |error| BackupError::File { path: part.to_owned(), error };
    let name = part.to_str().ok_or_else(|| {
        fault(io::Error::new(ErrorKind::InvalidInput, "name a file in letters that are Unicode"))
    })?;
    let made = files::create(part).map_err(fault)?;
    let written = database.connection.execute("VACUUM INTO ?1", [name]);
    written.map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => fault(ErrorKind::StorageFull.into()),
        _ => database.fault(error).into(),
    })?;
    made.sync_all().map_err(fault)
}

/// Gives what is written its name.
fn publish(part: &Path, file: &Path, force: bool) -> Result<(), BackupError> {
    let fault = |error| BackupError::File { path: file.to_owned(), error };
    if force {
        fs::rename(part, file).map_err(fault)?;
    } else {
        // A link, unlike another name, never takes the place of a file.
        match fs::hard_link(part, file) {
            Ok(()) => fs::remove_file(part).map_err(fault)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(BackupError::Exists { path: file.to_owned() });
            }
            // Sticks and network drives have no links.
            Err(_) => fs::rename(part, file).map_err(fault)?,
        }
    }
    files::sync_directory(file).map_err(fault)
}

/// Puts the backup `file` in the place of the database of `data`, which keeps another name; `by` whom,
/// for the audit. The backup stays as it is.
///
/// # Errors
/// When a server runs, the backup is not ours, not whole or of a later version, or the disk says no; then
/// the database is as it was.
pub fn restore(data: &Path, file: &Path, by: &str, now: UnixTime) -> Result<Restored, BackupError> {
    let path = files::database(data);
    // Before the directory is made, and before it is opened: a pipe would wait for somebody who writes.
    let unreadable = |error| BackupError::File { path: file.to_owned(), error };
    if !fs::metadata(file).map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::new(
            ErrorKind::InvalidInput,
            "this is no file: name one",
        )));
    }
    File::open(file).map_err(unreadable)?;
    let _lock = Lock::take(data)?;
    if is_same(file, &path) {
        return Err(BackupError::Itself { path: file.to_owned() });
    }
    let copy = files::restoring(&path);
    let restored = bring(file, &copy, by, now).and_then(|()| replace(&path, &copy, now));
    if restored.is_err() {
        // What is left of it is removed by the next one.
        let _ = files::remove(&copy);
    }
    restored
}

/// Copies a backup, sees that it can be used, and makes it a database of this version.
fn bring(file: &Path, copy: &Path, by: &str, now: UnixTime) -> Result<(), BackupError> {
    let fault = |error| BackupError::File { path: copy.to_owned(), error };
    files::remove(copy).map_err(fault)?;
    // It may be a copy of a running database, with its journal.
    for suffix in [""].into_iter().chain(files::JOURNALS) {
        let source = files::beside(file, suffix);
        let mut source = match File::open(&source) {
            Ok(source) => source,
            Err(error) if error.kind() == ErrorKind::NotFound && !suffix.is_empty() => continue,
            Err(error) => return Err(BackupError::File { path: source, error }),
        };
        let mut target = files::create_there(&files::beside(copy, suffix)).map_err(fault)?;
        io::copy(&mut source, &mut target).map_err(fault)?;
    }
    let unusable = |error| unusable(file, error);
    let mut database = Database::connect(copy, file).map_err(unusable)?;
    database.check().map_err(unusable)?;
    database.upgrade().map_err(unusable)?;
    let what = format!("restore {}", file.display());
    let audited = Audited { at: now, by: by.to_owned(), what, effects: Vec::new() };
    database.finish(&audited).map_err(unusable)?;
    drop(database);
    File::open(copy).and_then(|copy| copy.sync_all()).map_err(fault)
}

fn replace(path: &Path, copy: &Path, now: UnixTime) -> Result<Restored, BackupError> {
    let fault = |error| BackupError::File { path: path.to_owned(), error };
    let journals = files::JOURNALS.iter().map(|suffix| files::beside(path, suffix));
    let mut replaced = None;
    if path.exists() || journals.into_iter().any(|journal| journal.exists()) {
        let aside = aside(path, now)?;
        files::rename(path, &aside).map_err(fault)?;
        replaced = Some(aside);
    }
    if let Err(error) = fs::rename(copy, path) {
        if let Some(aside) = &replaced {
            // What it was before is all that can be had.
            let _ = files::rename(aside, path);
        }
        return Err(fault(error));
    }
    files::sync_directory(path).map_err(fault)?;
    Ok(Restored { path: path.to_owned(), replaced })
}

/// A name that is free, with the date.
fn aside(path: &Path, now: UnixTime) -> Result<PathBuf, BackupError> {
    let (year, month, day, hour, minute, second) = now.civil();
    let date = format!("{year:04}-{month:02}-{day:02}-{hour:02}{minute:02}{second:02}");
    let names = (1..=REPLACED_MAX).map(|number| match number {
        1 => files::beside(path, &format!(".replaced-{date}")),
        number => files::beside(path, &format!(".replaced-{date}-{number}")),
    });
    let is_free = |name: &PathBuf| {
        [""].iter().chain(&files::JOURNALS).all(|suffix| !files::beside(name, suffix).exists())
    };
    names.into_iter().find(is_free).ok_or_else(|| BackupError::Exists { path: path.to_owned() })
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

/// What is said of the database of a house, said of a backup.
fn unusable(file: &Path, error: StoreError) -> BackupError {
    let why = match error {
        StoreError::TooNew { found, known, .. } => format!(
            "its schema is version {found}, this cordboard knows {known}: use the newer program"
        ),
        StoreError::Foreign { .. } | StoreError::Emptied { .. } => {
            "this is no database of cordboard: name a file that `cordboard backup` has made".into()
        }
        StoreError::Damaged { what, .. } => format!("it is damaged ({what}): take another backup"),
        StoreError::Sqlite { error, .. } => error.to_string(),
        StoreError::Directory { .. }
        | StoreError::Locked { .. }
        | StoreError::Outdated { .. }
        | StoreError::Gone { .. }
        | StoreError::Panicked => error.to_string(),
    };
    BackupError::Unusable { path: file.to_owned(), why }
}

impl Database {
    /// Notes in the audit what became of it, and leaves it without a journal. What went on when the backup was
    /// made is over.
    fn finish(&mut self, audited: &Audited) -> Result<(), StoreError> {
        let finish = || {
            write::put_audited(&self.connection, audited)?;
            write::drop_all_live(&self.connection)?;
            // Not by closing it, which does not say whether it was done.
            self.connection.pragma_update(None, "journal_mode", "DELETE")
        };
        finish().map_err(|error| self.fault(error))
    }
}
