//! What goes into the switchboard, and what comes out.

use crate::call::admission::CallerIdentity;
use crate::call::{Keep, LogEvent, RecordingCommand};
use crate::cause::Cause;
use crate::directory::DirectoryChange;
use crate::ids::{CallId, LegId, Number, OperatorId, Ticket};
use crate::leg;
use crate::presence;
use crate::sip::Flow;

/// What reaches the switchboard.
#[derive(Debug)]
pub enum Input {
    /// A new call, its caller authenticated.
    Incoming(IncomingCall),
    /// A new control dialog, its operator authenticated.
    Desk {
        /// The dialog.
        leg: LegId,
        /// Whose.
        operator: OperatorId,
        /// It came by UDP: messages have to fit a datagram.
        over_udp: bool,
        /// It came by TLS or WSS.
        secure: bool,
    },
    /// A leg says something.
    Leg(leg::Event),
    /// A phone has registered, for the first time or again.
    Registered(Number),
    /// A phone has no contact any more.
    Unregistered(Number),
    /// The journal has what was awaited.
    Committed(Ticket),
    /// The journal does not have what was awaited: it is not to be.
    Unwritten(Ticket),
    /// A recording could not be made, or not to its end.
    RecordingFailed {
        /// Of which call.
        call: CallId,
        /// What is wrong, for people.
        text: String,
    },
    /// Whether the disk of the recordings has room; it has until this is said.
    RecordingRoom(bool),
    /// Operators, terminals or levels were changed.
    DirectoryChanged,
    /// An administrator sets an operator's state.
    SetState {
        /// Whose.
        operator: OperatorId,
        /// To what.
        state: SetState,
    },
    /// The process is about to stop: all calls and control dialogs end.
    ShutDown,
    /// What the journal kept of an operator, at the start.
    RestoreOperator(presence::Stored),
    /// What the journal kept of a desk command, at the start.
    RestoreResult {
        /// Whose.
        operator: OperatorId,
        /// The desk's id for it.
        id: String,
        /// What came of it.
        kept: crate::desk::results::StoredResult,
    },
}

/// What an administrator can make of an operator.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SetState {
    /// Clears do-not-disturb; logs in who works by phone alone.
    Ready,
    /// Sets do-not-disturb.
    Dnd,
    /// Logs out; a call in hand is finished first.
    Out,
}

/// What the switchboard wants done.
#[derive(Debug)]
pub enum Effect {
    /// A leg's part.
    Leg(leg::Command),
    /// The journal's part; with a ticket, [`Input::Committed`] or [`Input::Unwritten`] is awaited.
    Keep {
        /// What.
        keep: Keep,
        /// Under which name its commit is reported.
        ticket: Option<Ticket>,
    },
    /// The recorder's part.
    Recording(RecordingCommand),
    /// An operator changes from its phone what an administrator may change.
    Change {
        /// What.
        change: DirectoryChange,
        /// Who, for the audit.
        by: String,
    },
    /// The log's part.
    Log(LogEvent),
    /// A guest's call has ended before it was let in: it is counted, and not written down.
    TurnedAway {
        /// Where it came from.
        flow: Flow,
        /// Why.
        cause: Cause,
        /// The same as a sentence, with caller and number.
        what: String,
    },
}

/// A new call from an authenticated caller.
#[derive(Clone, Debug)]
pub struct IncomingCall {
    /// The caller's leg.
    pub leg: LegId,
    /// How its INVITE came.
    pub flow: Flow,
    /// Who calls.
    pub identity: CallerIdentity,
    /// The number that was dialled.
    pub dialled: Number,
    /// Its parameters, `;npdi;rn=+4930`; may be empty.
    pub params: String,
    /// The caller does not want to wait (RFC 3841 `no-queue`).
    pub no_queue: bool,
    /// It has dialled a `sips:` URI.
    pub sips: bool,
    /// What its INVITE offers.
    pub offer: Offered,
    /// The leg whose place it wants (RFC 3891).
    pub replaces: Option<LegId>,
}

/// What an INVITE offers, as far as it decides where the call may go.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Offered {
    /// Video, or the offer is left to us.
    pub video: bool,
    /// Why it can never be answered.
    pub unmet: Option<Cause>,
    /// Sound that we can make, or pictures where no sound is wanted, so that it can wait.
    pub convertible: bool,
}

impl Offered {
    /// Why we cannot answer it ourselves.
    pub(super) fn keeps_from_waiting(self) -> Option<Cause> {
        self.unmet.or((!self.convertible).then_some(Cause::NoCommonCodec))
    }
}
