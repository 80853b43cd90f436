//! The files of a data directory: their names, and that nobody but their owner reads them.
//!
//! The database holds what for digest is as good as every password, so the directory is 0700 and each
//! file 0600 from its first byte on. SQLite gives `-wal` and `-shm` the mode of the database.

use super::error::StoreError;
use super::schema;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown,
};
use std::path::{Path, PathBuf};

const DATABASE: &str = "cordboard.db";
const LOCK: &str = "cordboard.lock";
/// A new database on its way, which becomes one by its name.
const NEW: &str = ".new";
/// A backup on its way back.
const RESTORING: &str = ".restoring";
/// What SQLite keeps beside a database; without these it is another one.
pub(super) const JOURNALS: [&str; 2] = ["-wal", "-journal"];
/// What is committed and not in the database yet.
pub(super) fn log_ahead(database: &Path) -> PathBuf {
    beside(database, JOURNALS[0])
}

const SHARED_MEMORY: &str = "-shm";

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// Everything that others could do.
const OTHERS: u32 = 0o077;
/// Of a directory that belongs to everybody, such as `/tmp`.
const STICKY: u32 = 0o1000;
/// So many files of a data directory are looked at.
pub const ENTRIES_MAX: usize = 10_000;

/// The database of a data directory.
pub(super) fn database(data: &Path) -> PathBuf {
    data.join(DATABASE)
}

pub(super) fn lock(data: &Path) -> PathBuf {
    data.join(LOCK)
}

/// Where a new database is made.
pub(super) fn new(database: &Path) -> PathBuf {
    beside(database, NEW)
}

/// Where a backup is looked at before it becomes the database.
pub(super) fn restoring(database: &Path) -> PathBuf {
    beside(database, RESTORING)
}

/// The file whose name goes on so.
pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Makes the data directory where it is missing.
pub(super) fn make_directory(data: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(data)
}

/// A file that nobody else reads; never over another.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)
}

/// As [`create`], in a data directory.
pub(super) fn create_there(path: &Path) -> io::Result<File> {
    let file = create(path)?;
    give_away(&file, path)?;
    Ok(file)
}

/// Opens a file of a data directory to be locked, and makes it where it is missing.
pub(super) fn open_to_lock(path: &Path) -> io::Result<File> {
    match create_there(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            // Whatever it is, perhaps a link to a file of somebody else: it is not given away.
            OpenOptions::new().write(true).open(path)
        }
        made => made,
    }
}

/// What root makes belongs to whom the directory belongs to, who could not open it otherwise: the
/// server has an account of its own, and administrators come by `sudo`.
fn give_away(file: &File, path: &Path) -> io::Result<()> {
    let Some(directory) = path.parent() else { return Ok(()) };
    let (owner, made) = (fs::metadata(directory)?, file.metadata()?);
    if (made.uid(), made.gid()) == (owner.uid(), owner.gid()) {
        return Ok(());
    }
    match fchown(file, Some(owner.uid()), Some(owner.gid())) {
        Err(error) if error.kind() != ErrorKind::PermissionDenied => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Removes a database that was being made, with all that is beside it.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    for suffix in ["", SHARED_MEMORY].into_iter().chain(JOURNALS) {
        match fs::remove_file(beside(path, suffix)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Gives a database that lies still another name, with its journals: the database first, so that one
/// is missing beside its journal, and not the other way round, when the machine stops in between.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    for suffix in [""].into_iter().chain(JOURNALS) {
        match fs::rename(beside(from, suffix), beside(to, suffix)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    match fs::remove_file(beside(from, SHARED_MEMORY)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Waits until the names in the directory of `file` outlive the power.
pub(super) fn sync_directory(file: &Path) -> io::Result<()> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// Whether a database is shorter than it should be. Beside a journal that cannot be said: what is
/// missing may be there.
pub(super) fn is_shorter(database: &Path, len: u64) -> bool {
    let len_of = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    let is_alone = JOURNALS.iter().all(|suffix| len_of(&beside(database, suffix)) == 0);
    is_alone && len_of(database) < len
}

/// Whether the house has a database. A database that has gone or become empty is not taken for a new
/// house, which would have neither terminals nor passwords.
///
/// # Errors
/// When there was one.
pub(super) fn has_database(data: &Path) -> Result<bool, StoreError> {
    let path = database(data);
    let unreadable = |error| StoreError::Directory { path: data.to_owned(), error };
    match fs::metadata(&path) {
        Ok(file) if file.len() == 0 => Err(StoreError::Emptied { path }),
        Ok(_) => Ok(true),
        // A name that leads nowhere: what it led to may come back with its disk.
        Err(error) if path.is_symlink() => Err(unreadable(error)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            match rest(data).map_err(unreadable)? {
                Some(rest) => Err(StoreError::Gone { path, rest }),
                None => Ok(false),
            }
        }
        Err(error) => Err(unreadable(error)),
    }
}

/// What a database that is missing has left behind: a journal that is not empty, or a backup.
fn rest(data: &Path) -> io::Result<Option<PathBuf>> {
    let path = database(data);
    let journals = JOURNALS.into_iter().map(|suffix| beside(&path, suffix));
    for journal in journals {
        if fs::metadata(&journal).is_ok_and(|file| file.len() > 0) {
            return Ok(Some(journal));
        }
    }
    let under_way = [new(&path), restoring(&path)];
    let files = entries(data)?.into_iter().filter(|file| !under_way.contains(file));
    Ok(files.into_iter().find(|file| is_ours(file)))
}

/// The files of a directory, in order; none when there is no such directory.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let paths = entries.take(ENTRIES_MAX).map(|entry| Ok(entry?.path()));
    let mut paths = paths.collect::<io::Result<Vec<_>>>()?;
    // No link: root would change what it leads to for whoever may write here.
    paths.retain(|path| path.symlink_metadata().is_ok_and(|file| file.is_file()));
    paths.sort();
    Ok(paths)
}

/// Whether a file is a database of cordboard, by its first bytes (SQLite's file format, 1.3).
fn is_ours(path: &Path) -> bool {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let mut head = [0; 72];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && head.starts_with(MAGIC) && head[68..] == schema::APPLICATION.to_be_bytes()
}

/// Files that others could read.
#[derive(Debug, Default)]
pub struct Lax {
    /// Now only their owner can.
    pub tightened: Vec<PathBuf>,
    /// These still: they are not ours to change.
    pub left: Vec<(PathBuf, io::Error)>,
}

/// Takes from everybody but the owner what they can do with the data directory and its databases,
/// journals and backups. What else lies there, such as music and the socket, is left as it is.
pub(super) fn tighten(data: &Path) -> io::Result<Lax> {
    let mut lax = Lax::default();
    // Who names a directory that belongs to everybody would take it from them.
    if fs::metadata(data)?.permissions().mode() & STICKY == 0 {
        lax.take(data);
    }
    for path in entries(data)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name == LOCK || name.starts_with(DATABASE) || is_ours(&path) {
            lax.take(&path);
        }
    }
    Ok(lax)
}

impl Lax {
    fn take(&mut self, path: &Path) {
        let taken = fs::metadata(path).and_then(|file| {
            let mode = file.permissions().mode();
            if mode & OTHERS == 0 {
                return Ok(false);
            }
            fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS)).map(|()| true)
        });
        match taken {
            Ok(true) => self.tightened.push(path.to_owned()),
            Ok(false) => {}
            Err(error) => self.left.push((path.to_owned(), error)),
        }
    }
}
