//! Where a call through an operator stands, with what each state has.

use super::ringing::RingingPhones;
use super::step::CommandSource;
use crate::acd;
use crate::cause::Cause;
use crate::ids::{LegId, Number, OperatorId, Ticket};
use crate::leg::Spoken;
use crate::time::{Instant, UnixTime};

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
        /// It was picked from the list of parked calls, and is there until the commit.
        parked: Option<Box<ParkedCall>>,
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
    },
    /// `release` waits for both parties to be healthy.
    Releasing {
        seat: AnsweredOperator,
        callee: AnsweredCallee,
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
    /// The operator is with another call: these wait in its hand.
    InHand {
        operator: OperatorId,
        aside: Aside,
        since: UnixTime,
        recall_at: Instant,
    },
    /// The operator's phone was lost, not hung up: it is called again, and these wait for it.
    Rejoining {
        operator: OperatorId,
        aside: Aside,
        /// Since when it has waited in hand, where it is to do so again when the phone is back.
        since: Option<UnixTime>,
        /// None: it cannot be called until it registers anew.
        phone: Option<RingingPhones>,
        until: Instant,
        /// The wanted person rings on meanwhile.
        consulted: Option<Box<ConsultedPhones>>,
    },
    /// On the list that all operators of the queue see.
    Parked(ParkedCall),
    /// The caller is left to phones that ring, and comes back to this operator if nobody answers.
    Transferring {
        by: OperatorId,
        callee: RingingPhones,
        rings: bool,
    },
    /// Somebody has answered the transfer: handed over as soon as the two hear and see each other.
    Settling {
        by: OperatorId,
        callee: AnsweredCallee,
        /// When the operator is told that they do not yet.
        until: Option<Instant>,
    },
    /// Handed over; when the callee hangs up, the caller comes back to this operator.
    Serial {
        by: OperatorId,
        callee: AnsweredCallee,
    },
    /// Caller and callee are among themselves; the machine makes an ordinary call of it.
    HandedOver {
        callee: AnsweredCallee,
    },
    Ended,
}

/// What waits in a hand, and to what the operator comes back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Aside {
    /// The caller.
    Caller,
    /// Both; the operator talked to the callee.
    TalkingToCallee(AnsweredCallee),
    /// Both; the operator talked to the caller.
    Alternated(AnsweredCallee),
    /// Nobody waits: the two are connected with each other.
    Connected(AnsweredCallee),
}

impl Aside {
    /// Who waits beside the caller.
    #[must_use]
    pub fn callee(&self) -> Option<&AnsweredCallee> {
        match self {
            Self::Caller => None,
            Self::TalkingToCallee(callee) | Self::Alternated(callee) | Self::Connected(callee) => {
                Some(callee)
            }
        }
    }
}

/// The phones of a wanted person that ring while the operator's phone is called again.
#[derive(Debug)]
pub(crate) struct ConsultedPhones {
    pub callee: RingingPhones,
    /// One has said that it rings.
    pub rings: bool,
}

/// A call on the list of parked ones.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ParkedCall {
    /// Who parked it.
    pub by: OperatorId,
    /// Whom the caller wants, as far as was said.
    pub wanted: Option<Number>,
    pub since: UnixTime,
    pub recall_at: Instant,
    /// How often it was recalled.
    pub recalls: u32,
}

/// What the operator wants of the wanted person, once it answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Then {
    /// To talk.
    Talk,
    /// To leave the caller to it: a blind transfer.
    HandOver,
}

/// The operator at the phone that answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AnsweredOperator {
    /// Who.
    pub operator: OperatorId,
    /// The phone's leg.
    pub phone: LegId,
}

/// The wanted person at the phone that answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AnsweredCallee {
    /// The number that was called.
    pub number: Number,
    /// The phone's leg.
    pub leg: LegId,
}

/// Where the recording of a call stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RecordingState {
    /// There is no file.
    Off,
    /// There is a file, and nothing goes into it.
    Stopped,
    /// It follows this leg.
    Running {
        /// Whose voice is on the left.
        subject: LegId,
    },
}
