//! What reaches a call.

use super::admission::{AdmittedCall, Callee};
use super::operator_state::AnsweredCallee;
use super::step::CommandSource;
use crate::acd;
use crate::cause::Cause;
use crate::desk::command::Verb;
use crate::ids::{LegId, OperatorId, Ticket};
use crate::leg::{self, Spoken};

/// What reaches a call of either kind.
#[derive(Debug)]
pub(crate) enum CallInput<'a> {
    /// Nothing yet: it is there now.
    Begun,
    /// One of its legs says something.
    Leg(&'a leg::Event),
    /// Perhaps something is due.
    Tick,
    /// The house ends it, and why; the reason is for its operator's desk.
    End { reason: &'static str, cause: Cause },
    /// Its recording could not be made, or not to its end.
    RecordingFailed { text: String },
    /// It was put back in a new process, and goes on; whether it was being recorded.
    Resumed { recorded: bool },
    /// Only a call through an operator knows what to do with it.
    Operator(OperatorCallInput),
    /// Only a call between two parties knows what to do with it.
    Direct(DirectCallInput),
}

/// What reaches a call through an operator.
#[derive(Debug)]
pub(crate) enum OperatorCallInput {
    /// The caller is answered, and waits from its ACK on.
    Arrive { arrival: acd::Arrival, position: usize, minutes: Option<u32> },
    /// No ACK has come, and others need the place.
    Unacknowledged,
    /// It waits in its queue.
    QueueUp,
    /// The queue has taken it, at this position and for so many minutes, if anybody can tell.
    Queued { position: usize, minutes: Option<u32> },
    /// It has come forward.
    Moved { position: usize, minutes: Option<u32> },
    /// It is to be told again where it waits.
    Repeat,
    /// It was nothing but a guest's: now it is written down.
    LetIn,
    /// It cannot be served, and is told why.
    Announce(Cause),
    /// It goes on to another number.
    GoneOn,
    /// An operator has won it, by a command or at the phone; the ticket is that of the commit.
    Taken {
        operator: OperatorId,
        asker: CommandSource,
        phone: Option<(LegId, Spoken)>,
        ticket: Ticket,
    },
    /// The journal has the take: the winner hears of it.
    TakeWritten,
    /// The journal has the take or the release, and all who had to hear of it have.
    Written,
    /// The journal does not have it.
    Unwritten,
    /// The operator's lease is over.
    LeaseOver,
    /// Its operator goes to another call.
    SetAside,
    /// Its operator comes back to it, on this leg of its phone.
    ToEar { phone: LegId },
    /// The phone at which its operator would come back to it is lost, not hung up.
    PhoneLost,
    /// The phone of its operator has registered, or its desk is back.
    PhoneBack,
    /// The phone of its operator is gone, or the operator; why, for its desk.
    GivenUp { reason: &'static str },
    /// Its operator wants something.
    Command { verb: Verb, asker: CommandSource },
    /// Its operator's phone, on this leg, has the wanted person in a call of its own, and brings them
    /// together.
    Join { callee: AnsweredCallee, referrer: LegId },
}

/// What reaches a call between two parties.
#[derive(Debug)]
pub(crate) enum DirectCallInput {
    /// Somebody is called who may be.
    Place(Box<AdmittedCall>),
    /// Somebody is called by appointment of an administrator.
    Appoint(Callee),
    /// The party opposite this leg goes over to another call, and this one ends.
    Yield { leg: LegId },
    /// The party opposite the referrer talks with the target from now on.
    Join { referrer: LegId, target: AnsweredCallee },
    /// The party of one leg goes on at another.
    GoOnAt { replaced: LegId, leg: LegId },
    /// Somebody else answers while phones ring.
    PickUp(AnsweredCallee),
    /// The desk of this operator, who may be one of the two, is up and knows nothing yet.
    Greet { operator: OperatorId },
}
