//! What a call wants done, step by step.

use super::admission::CallerIdentity;
use super::call_record::CallRecord;
use super::log_event::LogEvent;
use crate::acd;
use crate::cause::Cause;
use crate::desk::event::{CommandOutcome, DeskEvent};
use crate::desk::results::StoredResult;
use crate::ids::{CallId, LegId, Number, OperatorId, Ticket};
use crate::leg;
use crate::presence;

/// Something to be kept in the journal.
#[derive(Clone, Debug)]
pub enum Keep {
    /// A call's record, whole; replaces what was kept of it.
    Call(Box<CallRecord>),
    /// An operator's state.
    Operator(presence::Stored),
    /// A desk command and its result.
    DeskResult {
        /// Whose.
        operator: OperatorId,
        /// The desk's id for it.
        id: String,
        /// What came of it.
        kept: StoredResult,
    },
}

/// One wish of a call; the machine carries them out in order.
#[derive(Debug)]
pub(crate) enum CallStep {
    /// For a leg.
    Leg(leg::Command),
    /// A phone is called on a leg that is new, and whose it is.
    Call(LegId, Owner, Box<leg::OutgoingLeg>),
    /// A leg that is there belongs to somebody else from here on.
    Own(LegId, Owner),
    /// A leg ends, if it has not by itself.
    HangUp(LegId, Cause),
    /// A caller that was not answered gets its final response, if it is still there.
    Refuse(LegId, leg::InviteRefusal),
    /// For the queue.
    Queue(acd::Input),
    /// For the operators' states.
    Presence(presence::Input),
    /// The operator does not have this call in hand any more.
    Free(OperatorId, CallId),
    /// The operator has this call in hand.
    Hold(OperatorId, CallId),
    /// A call is done with the phone of its operator: that ends, if no other call is in its hand.
    LeavePhone {
        /// Which call.
        call: CallId,
        /// Whose phone.
        operator: OperatorId,
        /// Its leg.
        phone: LegId,
        /// Why.
        cause: Cause,
    },
    /// The operator's phone is on the line again, and all of its calls wait in its hand.
    AtHand(OperatorId, LegId),
    /// The operator's phone is not waited for any longer: what is in its hand is given up.
    DropHand(OperatorId),
    /// A call waits for the operator: its phone says so, where it talks with nobody.
    RecallTone(OperatorId),
    /// For a desk, if it is up.
    Tell(OperatorId, DeskEvent),
    /// The outcome of a command that was accepted earlier.
    Answer(CommandSource, CommandOutcome),
    /// For the journal; with a ticket, its commit is awaited.
    Keep(Keep, Option<Ticket>),
    /// For the recorder.
    Recording(RecordingCommand),
    /// For the log.
    Log(LogEvent),
    /// A caller goes on to another number.
    Onward(Box<Onward>),
}

/// Who gave a command, and so who hears of its outcome.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CommandSource {
    /// A desk, under the desk's own id and with the command in canonical form.
    Desk {
        /// The desk's operator.
        operator: OperatorId,
        /// The desk's id for the command.
        id: String,
        /// The command.
        content: String,
    },
    /// Keys pressed at the operator's phone; the outcome is a tone there.
    Keys {
        /// The phone's leg.
        leg: LegId,
    },
    /// A REFER from the operator's phone; the outcome is a NOTIFY there.
    Refer {
        /// The leg that sent it.
        leg: LegId,
    },
    /// Nobody waits for an outcome: the phone acted by itself.
    Nobody,
}

/// Whose a leg is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Owner {
    /// A party of a call, or a phone that rings for it.
    Call(CallId),
    /// The phone of an operator whose calls all wait in hand.
    Position(OperatorId),
    /// A control dialog.
    Desk(OperatorId),
    /// A phone that rings for a phone-only operator's offer.
    PhoneOffer(OperatorId),
    /// A feature code that is being answered.
    FeatureCode,
}

/// A caller that leaves one call for another number, answered or not.
#[derive(Clone, Debug)]
pub(crate) struct Onward {
    pub call: CallId,
    pub leg: LegId,
    pub identity: CallerIdentity,
    pub record: CallRecord,
    pub to: Number,
    pub answered: bool,
}

/// What the recorder is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RecordingCommand {
    /// A file is wanted, before anything is recorded.
    Begin {
        /// Of which call.
        call: CallId,
        /// Which file.
        path: String,
    },
    /// Nothing more will be recorded of this call.
    End {
        /// Of which call.
        call: CallId,
    },
}

/// When the outcome of a command is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Accepted {
    /// Now.
    Now,
    /// [`CallContext::answer`] brings it.
    Later,
}
