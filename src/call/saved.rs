//! A call as one value of plain data, to be put back later: here, or in another process.
//!
//! ```text
//!   OperatorCall, DirectCall ─┐
//!   acd: its place            ├── SavedCall ── legs() ──▶ the parties that are saved beside it
//!   its operator's hand ──────┘
//! ```
//!
//! Moments are of civil time, because each process has a monotonic clock of its own, and no moment ticks: the
//! value is the same while nothing happens. Who hears whom, which phones are busy, what is parked, recorded or
//! watched follows from the states, and is not saved. How healthy two parties are is measured anew.
//!
//! A take or a release that waits for its commit is saved as one that has it: whoever keeps the value keeps it
//! with the record that is awaited, and not before. A release that waits for health is saved as not asked for.

use super::admission::CallerIdentity;
use super::call_record::CallRecord;
use super::operator_state::{AnsweredCallee, AnsweredOperator, Aside, RecordingState, Then};
use super::ringing::SavedRinging;
use super::settings::AnsweredBy;
use super::step::CommandSource;
use crate::acd::SavedPlace;
use crate::cause::Cause;
use crate::ids::{CallId, LegId, Number, OperatorId};
use crate::media::Announcement;
use crate::time::UnixTime;

/// A call, with all that it needs to go on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedCall {
    /// Which it is, and what happened so far; it has not ended.
    pub record: CallRecord,
    /// The caller's leg.
    pub caller: LegId,
    /// Who calls.
    pub identity: CallerIdentity,
    /// The caller has its 200.
    pub answered: bool,
    /// Through an operator or between two parties.
    pub kind: SavedKind,
}

/// What a call has of its kind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SavedKind {
    /// Through an operator.
    Operator(Box<SavedOperatorCall>),
    /// Between two parties.
    Direct(Box<SavedDirectCall>),
}

/// What a call through an operator has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedOperatorCall {
    /// Where it stands.
    pub state: SavedOperatorState,
    /// Who answers the caller.
    pub answered_by: AnsweredBy,
    /// Said once to a caller that begins to wait.
    pub greeting: Option<Announcement>,
    /// As last announced, from 1; 0 before.
    pub position: usize,
    /// The estimate at this position.
    pub minutes: Option<u32>,
    /// When it came into the queue, and to which position.
    pub joined: Option<(UnixTime, usize)>,
    /// Its recording.
    pub recording: RecordingState,
    /// When the callee hangs up, the caller comes back to the operator who handed it over.
    pub serial: bool,
    /// Its place in its queue; none where the queue has refused it.
    pub place: Option<SavedPlace>,
    /// Its place in its operator's hand.
    pub hand: Option<SavedHand>,
}

/// The place of a call in an operator's hand.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedHand {
    /// Among the calls of that hand: the smaller came first.
    pub turn: u64,
    /// At which phone the operator is.
    pub at: Number,
    /// That phone's leg, where it is in none of the calls. It stands with the first of them.
    pub idle_phone: Option<LegId>,
    /// Keys at its phone are commands.
    pub keys: bool,
}

/// Where a call through an operator stands.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(missing_docs)] // As in `OperatorCallState`, where each is explained.
pub enum SavedOperatorState {
    Arriving {
        until: UnixTime,
    },
    Queued,
    Announcing {
        until: UnixTime,
        cause: Cause,
    },
    Taken {
        operator: OperatorId,
        asker: CommandSource,
        /// The leg of a phone that has answered, and is in no other call.
        phone: Option<LegId>,
        phone_gone: bool,
        abandoned: bool,
        parked: Option<SavedPark>,
    },
    RingingYou {
        operator: OperatorId,
        phone: SavedRinging,
    },
    WithCaller {
        seat: AnsweredOperator,
    },
    Consulting {
        seat: AnsweredOperator,
        callee: SavedRinging,
        rings: bool,
        then: Then,
    },
    Entrusted {
        operator: OperatorId,
        callee: SavedRinging,
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
    Leaving {
        seat: AnsweredOperator,
        callee: AnsweredCallee,
        asker: CommandSource,
        phone_gone: bool,
    },
    InHand {
        operator: OperatorId,
        aside: Aside,
        since: UnixTime,
        recall_at: UnixTime,
    },
    Rejoining {
        operator: OperatorId,
        aside: Aside,
        since: Option<UnixTime>,
        phone: Option<SavedRinging>,
        until: UnixTime,
        consulted: Option<SavedConsulted>,
    },
    Parked(SavedPark),
    Transferring {
        by: OperatorId,
        callee: SavedRinging,
        rings: bool,
    },
    Settling {
        by: OperatorId,
        callee: AnsweredCallee,
        until: Option<UnixTime>,
    },
    Serial {
        by: OperatorId,
        callee: AnsweredCallee,
    },
}

/// The phones of a wanted person that ring while the operator's phone is called again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedConsulted {
    /// Those phones.
    pub callee: SavedRinging,
    /// One has said that it rings.
    pub rings: bool,
}

/// A call on the list of parked ones.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedPark {
    /// Who parked it.
    pub by: OperatorId,
    /// Whom the caller wants, as far as was said.
    pub wanted: Option<Number>,
    /// Since when.
    pub since: UnixTime,
    /// When who parked it is told.
    pub recall_at: UnixTime,
    /// How often it was recalled.
    pub recalls: u32,
}

/// What a call between two parties has.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedDirectCall {
    /// Where it stands.
    pub state: SavedDirectState,
    /// The caller's INVITE lets expect that it can see.
    pub sees: bool,
    /// How often it was redirected.
    pub redirections: u8,
    /// It is recorded still, behind a hand-over.
    pub recorded: bool,
}

/// Where a call between two parties stands.
#[derive(Clone, Debug, Eq, PartialEq)]
#[allow(missing_docs)] // As in `DirectCallState`, where each is explained.
pub enum SavedDirectState {
    Ringing { callee: SavedRinging, told: bool },
    Talking { callee: AnsweredCallee },
    Transferring(Box<SavedTransfer>),
    Watching { number: Number, until: UnixTime },
}

/// A transfer under way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedTransfer {
    /// The pair as it was.
    pub callee: AnsweredCallee,
    /// Who asked for it; `None` when that phone has hung up already.
    pub referrer: Option<LegId>,
    /// The same, as the log names it.
    pub by: String,
    /// Who is transferred.
    pub transferee: LegId,
    /// The phones of the target.
    pub target: SavedRinging,
}

impl SavedCall {
    /// Its number.
    #[must_use]
    pub fn id(&self) -> CallId {
        self.record.call
    }

    /// The legs that belong to it: the parties to save beside it. No two calls of one switchboard have one
    /// in common.
    #[must_use]
    pub fn legs(&self) -> Vec<LegId> {
        let mut legs = match &self.kind {
            SavedKind::Operator(call) => call.legs(self.caller),
            SavedKind::Direct(call) => call.legs(self.caller),
        };
        legs.sort();
        legs.dedup();
        legs
    }
}

impl SavedOperatorCall {
    fn legs(&self, caller: LegId) -> Vec<LegId> {
        let mut legs = vec![caller];
        legs.extend(self.hand.as_ref().and_then(|hand| hand.idle_phone));
        match &self.state {
            SavedOperatorState::Arriving { .. }
            | SavedOperatorState::Queued
            | SavedOperatorState::Announcing { .. }
            | SavedOperatorState::Parked(_) => {}
            SavedOperatorState::Taken { phone, phone_gone, abandoned, .. } => {
                legs.extend(phone.filter(|_| !phone_gone));
                legs.retain(|leg| !abandoned || *leg != caller);
            }
            SavedOperatorState::RingingYou { phone: ringing, .. }
            | SavedOperatorState::Entrusted { callee: ringing, .. }
            | SavedOperatorState::Transferring { callee: ringing, .. } => {
                legs.extend(&ringing.legs);
            }
            SavedOperatorState::WithCaller { seat } => legs.push(seat.phone),
            SavedOperatorState::Consulting { seat, callee, .. } => {
                legs.push(seat.phone);
                legs.extend(&callee.legs);
            }
            SavedOperatorState::TalkingToCallee { seat, callee }
            | SavedOperatorState::Alternated { seat, callee }
            | SavedOperatorState::Connected { seat, callee } => {
                legs.extend([seat.phone, callee.leg]);
            }
            SavedOperatorState::Leaving { seat, callee, phone_gone, .. } => {
                legs.push(callee.leg);
                legs.extend(Some(seat.phone).filter(|_| !phone_gone));
            }
            SavedOperatorState::InHand { aside, .. } => {
                legs.extend(aside.callee().map(|callee| callee.leg));
            }
            SavedOperatorState::Rejoining { aside, phone, consulted, .. } => {
                legs.extend(aside.callee().map(|callee| callee.leg));
                let consulted = consulted.as_ref().map(|phones| &phones.callee);
                legs.extend(phone.iter().chain(consulted).flat_map(|phones| &phones.legs));
            }
            SavedOperatorState::Settling { callee, .. }
            | SavedOperatorState::Serial { callee, .. } => legs.push(callee.leg),
        }
        legs
    }
}

impl SavedDirectCall {
    fn legs(&self, caller: LegId) -> Vec<LegId> {
        match &self.state {
            SavedDirectState::Ringing { callee, .. } => {
                [caller].into_iter().chain(callee.legs.iter().copied()).collect()
            }
            SavedDirectState::Talking { callee } => vec![caller, callee.leg],
            SavedDirectState::Transferring(transfer) => {
                let pair = [Some(transfer.transferee), transfer.referrer].into_iter().flatten();
                pair.chain(transfer.target.legs.iter().copied()).collect()
            }
            SavedDirectState::Watching { .. } => vec![caller],
        }
    }
}
