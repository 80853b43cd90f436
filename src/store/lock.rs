//! One writer at a time: a file lock that the system gives back whatever happens to its holder.

use super::error::StoreError;
use std::fs::{File, OpenOptions, TryLockError, create_dir_all};
use std::path::Path;

/// The right to write to a data directory, until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of `data`, making the directory where it is missing.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another process has it.
    pub fn take(data: &Path) -> Result<Self, StoreError> {
        let fault = |error| StoreError::Directory { path: data.to_owned(), error };
        create_dir_all(data).map_err(fault)?;
        let path = data.join("cordboard.lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(fault)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path }),
            Err(TryLockError::Error(error)) => Err(fault(error)),
        }
    }
}
