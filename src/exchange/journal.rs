//! What outlives the process: the entries that are written, and the state that is read at start.
//!
//! Plain values. What they look like in the database is the store's affair.

use crate::dialog::{DialogKey, StoredDialog};
use crate::directory::{self, Accounts};
use crate::ids::OperatorId;
use crate::presence;
use crate::registrar::{Binding, BindingChange};
use crate::switchboard::call_record::CallRecord;
use crate::switchboard::desk::results::Kept;
use crate::time::UnixTime;

/// One thing to be written. What has to be true together is written together.
#[derive(Clone, Debug)]
pub enum Entry {
    /// An administrator has changed the directory.
    Directory(Audited),
    /// A phone has moved.
    Binding(BindingChange),
    /// An operator is now so.
    Operator(presence::Stored),
    /// A control dialog is up.
    PutDesk(Box<StoredDesk>),
    /// A control dialog is over.
    DropDesk(DialogKey),
    /// A desk command and what came of it; forgotten after ten minutes.
    DeskResult {
        /// Whose.
        operator: OperatorId,
        /// The desk's id for it.
        id: String,
        /// What came of it.
        kept: Kept,
    },
    /// A call's record, whole; replaces what was kept of it.
    Call(Box<CallRecord>),
    /// What has been kept long enough goes, a few rows at a time.
    Prune(Prune),
}

/// What has been kept long enough.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Prune {
    /// Calls that began before it and are over, and lines of the audit from before it.
    pub before: UnixTime,
    /// The oldest of either beyond so many.
    pub keep_max: usize,
    /// Desk results of then or earlier.
    pub results_before: UnixTime,
}

/// A change of the directory, for the journal and for the audit.
#[derive(Clone, Debug)]
pub struct Audited {
    /// When.
    pub at: UnixTime,
    /// Who: an account of the system, or where the request came from.
    pub by: String,
    /// What, as the change prints itself.
    pub what: String,
    /// The rows that it changes.
    pub effects: Vec<directory::Effect>,
}

/// A control dialog. After a restart it gets BYE, so that the desk calls again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredDesk {
    /// Whose desk.
    pub operator: OperatorId,
    /// The dialog.
    pub dialog: StoredDialog,
}

/// All that the journal holds at a start.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Terminals, levels, permits, operators.
    pub accounts: Accounts,
    /// Where the phones were.
    pub bindings: Vec<Binding>,
    /// How the operators were.
    pub operators: Vec<presence::Stored>,
    /// The control dialogs of the last process.
    pub desks: Vec<StoredDesk>,
    /// Desk commands of the last ten minutes, the oldest first.
    pub results: Vec<(OperatorId, String, Kept)>,
    /// Calls that have no end yet: they get the one record that says they were cut.
    pub calls: Vec<CallRecord>,
    /// The id of the next call.
    pub next_call: u64,
}
