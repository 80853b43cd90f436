//! What outlives the process: the entries that are written, and the state that is read at start.
//!
//! Plain values. What they look like in the database is the store's affair.

use crate::directory::{self, Accounts};
use crate::ids::{CallId, LegId, OperatorId, QueueId, RequestId};
use crate::presence;
use crate::registrar::{Binding, BindingChange};
use crate::sip::{Destination, NameAddr, Uri};
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
    /// A call request is now so.
    PutRequest(StoredRequest),
    /// A call request has left the queue and its operator for good.
    DropRequest(RequestId),
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
    /// A leg with an established dialog is now so.
    PutLeg(Box<StoredLeg>),
    /// A leg is over.
    DropLeg(DialogKey),
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

/// A caller's wait, or its time with the operator who took it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredRequest {
    /// Its request id.
    pub request: RequestId,
    /// Its call; who calls stands in that record.
    pub call: CallId,
    /// The queue.
    pub queue: QueueId,
    /// When it arrived.
    pub arrived: UnixTime,
    /// Its place among those of its queue and priority, the smaller first.
    pub turn: i64,
    /// The higher goes first.
    pub priority: u8,
    /// The operator who calls from its own phone.
    pub never_to: Option<OperatorId>,
    /// The operator who has it, if it does not wait.
    pub taken_by: Option<OperatorId>,
}

/// What names a dialog on our side (RFC 3261 §12).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct DialogKey {
    /// Its Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
}

/// An established dialog, with all that a further request in it needs (RFC 3261 §12.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredDialog {
    /// Call-ID and our tag.
    pub key: DialogKey,
    /// The far end's tag.
    pub remote_tag: String,
    /// We, as in From or To, without the tag.
    pub local: NameAddr,
    /// The far end, as in To or From, without the tag.
    pub remote: NameAddr,
    /// Where requests go in the end.
    pub target: Uri,
    /// By which proxies, nearest first.
    pub routes: Vec<Uri>,
    /// Our last CSeq.
    pub local_cseq: u32,
    /// The far end's last CSeq, when it has sent a request.
    pub remote_cseq: Option<u32>,
    /// The first hop.
    pub hop: Destination,
}

/// A control dialog. After a restart it gets BYE, so that the desk calls again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredDesk {
    /// Whose desk.
    pub operator: OperatorId,
    /// The dialog.
    pub dialog: StoredDialog,
}

/// One party of a call that is up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredLeg {
    /// Its id in the process that wrote this.
    pub leg: LegId,
    /// Its call.
    pub call: CallId,
    /// What it is there: `caller`, `operator`, `callee`.
    pub party: String,
    /// The dialog.
    pub dialog: StoredDialog,
    /// Our last session description.
    pub local_sdp: String,
    /// The far end's last session description.
    pub remote_sdp: String,
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
    /// Who waited or was with an operator: by queue, priority and turn.
    pub requests: Vec<StoredRequest>,
    /// The control dialogs of the last process.
    pub desks: Vec<StoredDesk>,
    /// Desk commands of the last ten minutes, the oldest first.
    pub results: Vec<(OperatorId, String, Kept)>,
    /// Calls that have no end yet: they go on, or get the one record that says they were cut.
    pub calls: Vec<CallRecord>,
    /// The parties of those calls.
    pub legs: Vec<StoredLeg>,
    /// The id of the next call.
    pub next_call: u64,
}
