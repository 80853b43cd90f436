//! One writer at a time: a file lock that the system gives back whatever happens to its holder.

use super::error::StoreError;
use super::files::{self, Lax};
use std::fs::{File, TryLockError};
use std::path::Path;

/// The right to write to a data directory, until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    lax: Lax,
}

impl Lock {
    /// Takes the lock of `data`, making the directory where it is missing. Nobody but its owner reads
    /// there from here on.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another process has it.
    pub fn take(data: &Path) -> Result<Self, StoreError> {
        let fault = |error| StoreError::Directory { path: data.to_owned(), error };
        files::make_directory(data).map_err(fault)?;
        let path = files::lock(data);
        let file = files::open_to_lock(&path).map_err(fault)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { path }),
            Err(TryLockError::Error(error)) => return Err(fault(error)),
        }
        let lax = files::tighten(data).map_err(fault)?;
        Ok(Self { _file: file, lax })
    }

    /// What others could read until the lock was taken.
    #[must_use]
    pub fn lax(&self) -> &Lax {
        &self.lax
    }
}
