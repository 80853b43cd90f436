//! Where a call through an operator stands, with what each state has.

use super::checks::Checks;
use super::ringing::RingingPhones;
use super::step::CommandSource;
use crate::acd;
use crate::cause::Cause;
use crate::ids::{LegId, Number, OperatorId, Ticket};
use crate::leg::Spoken;
use crate::time::Instant;

/// Where a call through an operator stands.
#[derive(Debug)]
pub(crate) enum OperatorCallState {
    /// The caller has its 200, and no operator hears of it before its ACK.
    Arriving {
        until: Instant,
        arrival: Box<acd::Arrival>,
    },
    Queued,
    /// The caller hears why it cannot be served; a take still wins.
    Announcing {
        until: Instant,
        cause: Cause,
    },
    /// The take waits for its commit. A phone-only operator has answered already.
    Taken {
        operator: OperatorId,
        asker: CommandSource,
        ticket: Ticket,
        phone: Option<(LegId, Spoken)>,
        /// That phone has hung up since.
        phone_gone: bool,
        abandoned: bool,
    },
    RingingYou {
        operator: OperatorId,
        phone: RingingPhones,
    },
    WithCaller {
        seat: AnsweredOperator,
    },
    Consulting {
        seat: AnsweredOperator,
        callee: RingingPhones,
        rings: bool,
        then: Then,
    },
    /// The operator's phone hung up after its REFER: the caller waits for the phones that ring.
    Entrusted {
        operator: OperatorId,
        callee: RingingPhones,
    },
    TalkingToCallee {
        seat: AnsweredOperator,
        callee: AnsweredCallee,
    },
    Alternated {
        seat: AnsweredOperator,
        callee: AnsweredCallee,
    },
    Connected {
        seat: AnsweredOperator,
        callee: AnsweredCallee,
        checks: Checks,
    },
    /// `release` waits for both parties to be healthy.
    Releasing {
        seat: AnsweredOperator,
        callee: AnsweredCallee,
        checks: Checks,
        until: Instant,
        asker: CommandSource,
    },
    /// The release waits for its commit.
    Leaving {
        seat: AnsweredOperator,
        callee: AnsweredCallee,
        ticket: Ticket,
        asker: CommandSource,
        /// The operator's phone has hung up since.
        phone_gone: bool,
    },
    /// Caller and callee are among themselves; the machine makes an ordinary call of it.
    HandedOver {
        callee: AnsweredCallee,
    },
    Ended,
}

/// What the operator wants of the wanted person, once it answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Then {
    /// To talk.
    Talk,
    /// To leave the caller to it: a blind transfer.
    HandOver,
}

/// The operator at the phone that answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AnsweredOperator {
    pub operator: OperatorId,
    pub phone: LegId,
}

/// The wanted person at the phone that answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AnsweredCallee {
    pub number: Number,
    pub leg: LegId,
}

/// Where the recording of a call stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RecordingState {
    /// There is no file.
    Off,
    /// There is a file, and nothing goes into it.
    Stopped,
    /// It follows this leg.
    Running { subject: LegId },
}
