//! What happens to calls, as the log says it: what an operator would tell a colleague.

use super::call_record::EndedBy;
use crate::cause::Cause;
use crate::ids::{CallId, Number, OperatorId, QueueId, RequestId};
use crate::time::Duration;
use std::fmt;

/// One sentence of the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LogEvent {
    /// A call came in.
    Arrived {
        /// Which.
        call: CallId,
        /// Its name for other systems.
        session: String,
        /// From whom.
        caller: String,
        /// To which number.
        dialled: Number,
    },
    /// Another process goes on with it.
    GoesOn {
        /// Which.
        call: CallId,
        /// Where it stands.
        phase: &'static str,
        /// From whom.
        caller: String,
        /// To which number.
        dialled: Number,
    },
    /// It waits.
    Queued {
        /// Which.
        call: CallId,
        /// Under this id.
        request: RequestId,
        /// From 1.
        position: usize,
    },
    /// An operator took it.
    Taken {
        /// Which.
        call: CallId,
        /// Who.
        operator: OperatorId,
        /// The caller waited so long.
        waited: Duration,
    },
    /// The operator's phone could not be reached.
    PhoneFailed {
        /// For which call.
        call: CallId,
        /// Whose.
        operator: OperatorId,
        /// Why.
        cause: Cause,
    },
    /// A take or a release was refused, for it could not be written down.
    Unwritten {
        /// Of which call.
        call: CallId,
        /// Whose.
        operator: OperatorId,
        /// `take` or `release`.
        what: &'static str,
    },
    /// It is recorded from here on.
    Recorded {
        /// Which.
        call: CallId,
        /// Where to.
        path: String,
    },
    /// Caller and callee are among themselves.
    HandedOver {
        /// Which.
        call: CallId,
        /// Who brought them together.
        operator: OperatorId,
    },
    /// The wanted person does not answer, and the operator has left: the caller waits again.
    NotHandedOver {
        /// Which.
        call: CallId,
        /// Who meant to bring them together.
        operator: OperatorId,
        /// Why.
        cause: Cause,
    },
    /// It is on the list from which every operator of its queue may pick it.
    Parked {
        /// Which.
        call: CallId,
        /// By whom.
        operator: OperatorId,
    },
    /// The caller is its operator's again.
    CameBack {
        /// Which.
        call: CallId,
        /// Whose.
        operator: OperatorId,
    },
    /// A direct call is answered.
    Answered {
        /// Which.
        call: CallId,
        /// Who answered.
        callee: Number,
    },
    /// A caller does not wait any more, but goes on to another number.
    SentOn {
        /// Which.
        call: CallId,
        /// Where to.
        to: Number,
        /// What sent it there.
        why: String,
    },
    /// A queue is closed, or open again.
    Night {
        /// Which.
        queue: QueueId,
        /// Whether it is closed.
        is_night: bool,
    },
    /// A party went over to another number.
    Transferred {
        /// Which.
        call: CallId,
        /// Where to.
        to: Number,
        /// Who asked for it.
        by: String,
    },
    /// It is over.
    Ended {
        /// Which.
        call: CallId,
        /// Why.
        cause: Cause,
        /// By whom.
        by: EndedBy,
    },
    /// A call was not allowed.
    Refused {
        /// Which.
        call: CallId,
        /// Who called.
        caller: String,
        /// Whom.
        dialled: Number,
        /// The rule.
        why: String,
    },
    /// A desk is up.
    DeskUp {
        /// Whose.
        operator: OperatorId,
    },
    /// A desk is gone.
    DeskGone {
        /// Whose.
        operator: OperatorId,
        /// Why.
        why: &'static str,
    },
}

impl LogEvent {
    /// The call that it is about.
    #[must_use]
    pub fn call(&self) -> Option<CallId> {
        match self {
            Self::Arrived { call, .. }
            | Self::GoesOn { call, .. }
            | Self::Queued { call, .. }
            | Self::Taken { call, .. }
            | Self::PhoneFailed { call, .. }
            | Self::Recorded { call, .. }
            | Self::HandedOver { call, .. }
            | Self::NotHandedOver { call, .. }
            | Self::CameBack { call, .. }
            | Self::Parked { call, .. }
            | Self::Answered { call, .. }
            | Self::SentOn { call, .. }
            | Self::Transferred { call, .. }
            | Self::Ended { call, .. }
            | Self::Unwritten { call, .. }
            | Self::Refused { call, .. } => Some(*call),
            Self::Night { .. } | Self::DeskUp { .. } | Self::DeskGone { .. } => None,
        }
    }
}

impl fmt::Display for LogEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arrived { call, session, caller, dialled } => {
                write!(f, "{call} from {caller} to {dialled}, session {session}")
            }
            Self::GoesOn { call, phase, caller, dialled } => {
                write!(f, "{call} goes on: {phase}, from {caller} to {dialled}")
            }
            Self::Queued { call, request, position } => {
                write!(f, "{call} waits as {request} at position {position}")
            }
            Self::Taken { call, operator, waited } => {
                write!(f, "{call} taken by {operator} after {} s", waited.as_secs())
            }
            Self::PhoneFailed { call, operator, cause } => {
                write!(f, "{call} back in the queue: the phone of {operator}: {cause}")
            }
            Self::Unwritten { call, operator, what } => {
                write!(f, "{call}: the {what} of {operator} could not be written down")
            }
            Self::Recorded { call, path } => write!(f, "{call} is recorded to {path}"),
            Self::HandedOver { call, operator } => {
                write!(f, "{call} handed over by {operator}")
            }
            Self::NotHandedOver { call, operator, cause } => {
                write!(f, "{call} back in the queue, left by {operator} to a phone: {cause}")
            }
            Self::Parked { call, operator } => write!(f, "{call} parked by {operator}"),
            Self::CameBack { call, operator } => write!(f, "{call} came back to {operator}"),
            Self::Answered { call, callee } => write!(f, "{call} answered by {callee}"),
            Self::Transferred { call, to, by } => write!(f, "{call} transferred to {to} by {by}"),
            Self::SentOn { call, to, why } => write!(f, "{call} goes on to {to}: {why}"),
            Self::Night { queue, is_night: true } => write!(f, "queue {queue}: night service"),
            Self::Night { queue, is_night: false } => write!(f, "queue {queue}: day"),
            Self::Ended { call, cause, by } => write!(f, "{call} ended by {}: {cause}", by.word()),
            Self::Refused { call, caller, dialled, why } => {
                write!(f, "{call} from {caller} to {dialled} refused: {why}")
            }
            Self::DeskUp { operator } => write!(f, "desk of {operator} is up"),
            Self::DeskGone { operator, why } => write!(f, "desk of {operator} is gone: {why}"),
        }
    }
}
