//! Administration without a running server: the same rules, straight to the file.

use super::database::Database;
use super::error::StoreError;
use super::lock::Lock;
use super::write;
use crate::directory::{
    Accounts, ChangeRefusal, Directory, DirectoryChange, NumberingPlan, patent_levels,
};
use crate::exchange::journal::Audited;
use crate::time::UnixTime;
use std::path::Path;

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// It breaks a rule.
    #[error(transparent)]
    Refused(#[from] ChangeRefusal),
    /// The file cannot be used; [`StoreError::Locked`] means that a server runs and is to be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Carries out one change in the database of `data` and writes it to the audit.
///
/// # Errors
/// When a server holds the database, the change breaks a rule, or the file cannot be written.
pub fn apply(
    data: &Path,
    plan: NumberingPlan,
    change: &DirectoryChange,
    by: &str,
    now: UnixTime,
) -> Result<(), AdminError> {
    let _lock = Lock::take(data)?;
    let mut database = Database::open(data)?;
    database.note_first_realm(&plan.realm)?;
    let (accounts, _) = database.accounts()?;
    let effects = Directory::new(plan, accounts).apply(change)?;
    let audited = Audited { at: now, by: by.to_owned(), what: change.to_string(), effects };
    database.write_audited(&audited)?;
    Ok(())
}

/// The directory as the database of `data` has it, also while a server runs; the built-in one when
/// there is no database yet.
///
/// # Errors
/// When the file cannot be read.
pub fn directory(data: &Path, plan: NumberingPlan) -> Result<Directory, StoreError> {
    let accounts = match Database::open_to_read(data)? {
        Some(database) => database.accounts()?.0,
        None => Accounts { levels: patent_levels().to_vec(), ..Accounts::default() },
    };
    Ok(Directory::new(plan, accounts))
}

impl Database {
    fn write_audited(&mut self, audited: &Audited) -> Result<(), StoreError> {
        let written = (|| {
            let transaction = self.connection.transaction()?;
            write::put_audited(&transaction, audited)?;
            transaction.commit()
        })();
        written.map_err(|error| self.fault(error))
    }
}
