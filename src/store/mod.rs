//! The journal: SQLite under the data directory.
//!
//! ```text
//!   start    [`Database::open`] ──▶ [`Database::load`] ──▶ one [`State`](crate::exchange::journal::State)
//!   running  [`StoreWriter::write`] ──▶ bounded channel ──▶ one thread, one transaction per gathered group
//!                                                     └──▶ each batch goes back to the loop, written or not
//!   stopped  [`admin::apply`]: the same rules, straight to the file; [`backup::restore`]
//!   either   [`backup::back_up`]
//! ```
//!
//! One process writes at a time: [`Lock`] says who. Others may read while it does (WAL).
//!
//! ```text
//! layer 8  loader                                  the state at start
//! layer 8  pages                                   what pages look up
//! layer 7  records  writer  admin  backup  check
//! layer 6  database  lock
//! layer 5  files
//! layer 4  schema
//! layer 3  write                                   entries as statements
//! layer 2  query  retention
//! layer 1  rows  error                             values as text, and back
//! ```

pub mod admin;
pub mod backup;
mod check;
mod database;
mod error;
mod files;
mod loader;
mod lock;
mod pages;
mod query;
mod records;
mod retention;
mod rows;
mod schema;
mod write;
mod writer;

pub use check::check_beside;
pub use database::{Database, HostBoot};
pub use error::{StoreError, UnreadableRow};
pub use files::{ENTRIES_MAX, Lax};
pub use lock::Lock;
pub use records::AuditLine;
pub use retention::STEP_MAX;
pub use write::NOTES_OF_A_NUMBER_MAX;
pub use writer::{BatchOutcome, GROUP_MAX, Journal, StoreWriter, WAITING_MAX, WriteRefused};
