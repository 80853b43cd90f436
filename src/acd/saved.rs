//! A request as its queue knows it, as one value of plain data, to be put back later: here, or in another
//! process.
//!
//! What the desks were told of it is not saved: each gets a snapshot when it comes. Who has declined it is
//! offered it again.

use super::effect::Effect;
use super::machine::{Machine, QueuedRequest};
use super::queue::{QueueTurn, QueuedCaller, WaitingQueue};
use super::seat_set::SeatSet;
use super::shares::Share;
use crate::ids::{OperatorId, QueueId, RequestId};
use crate::time::{Duration, Now, UnixTime};
use std::cmp::Reverse;

/// Turns are counted within these bounds; what is beyond them was not made here.
const TURN_MAX: i64 = 1 << 53;

/// The place of a request in its queue: the one where it waits, or to which it may come back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedPlace {
    /// The higher goes first.
    pub priority: u8,
    /// Among those of one priority the smaller goes first.
    pub turn: i64,
    /// The operator who calls from its own phone.
    pub never_to: Option<OperatorId>,
    /// The position it was last told, which does not rise any more.
    pub told: Option<usize>,
    /// The caller had its 200 when it came here.
    pub answered: bool,
    /// What is left of the longest wait.
    pub wait: SavedWait,
}

/// What is left of the longest wait of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SavedWait {
    /// It may wait for ever.
    Unbounded,
    /// It waits until then.
    Until(UnixTime),
    /// It does not wait now, and may wait for so long when it is back.
    Left(Duration),
}

impl SavedPlace {
    /// Behind all others: for a request of whose place nothing is known.
    #[must_use]
    pub fn last() -> Self {
        Self {
            priority: 0,
            turn: i64::MAX,
            never_to: None,
            told: None,
            answered: true,
            wait: SavedWait::Unbounded,
        }
    }
}

/// How a request stands that is put back.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RestoredState {
    /// It waits.
    Waiting,
    /// Its caller hears why it cannot be served.
    Ending,
    /// An operator has it.
    Taken {
        /// Who.
        by: OperatorId,
        /// The operator waits for nothing more of it.
        is_free: bool,
    },
}

/// A request that is put back.
#[derive(Clone, Debug)]
pub struct RestoredRequest {
    /// Which.
    pub request: RequestId,
    /// Where; a request whose queue is not configured any more is passed over if it waits.
    pub queue: QueueId,
    /// Whose part of the queue it takes.
    pub share: Share,
    /// Its place there.
    pub place: SavedPlace,
    /// How it stands.
    pub standing: RestoredState,
}

impl Machine {
    /// The place of a request; `None` for one that is not here.
    #[must_use]
    pub fn save(&self, now: Now, request: RequestId) -> Option<SavedPlace> {
        let (caller, wait) = match self.requests.get(&request)? {
            QueuedRequest::Waiting { queue, turn } => {
                let waiting = self.queues.get(queue)?.get(*turn);
                let until = waiting.wait_until.map(|until| SavedWait::Until(now.unix_of(until)));
                (&waiting.caller, until)
            }
            QueuedRequest::Ending { caller, .. } | QueuedRequest::Taken { caller, .. } => {
                (caller, caller.wait_left.map(SavedWait::Left))
            }
        };
        Some(SavedPlace {
            priority: caller.turn.urgency.0,
            turn: caller.turn.number,
            never_to: caller.never_to.clone(),
            told: Some(caller.announced).filter(|told| *told != usize::MAX),
            answered: caller.answered,
            wait: wait.unwrap_or(SavedWait::Unbounded),
        })
    }

    /// Puts requests back, in the order that they had. Those that are here already stay as they are. No caller
    /// is told anything; operators who are idle get their offers.
    #[must_use]
    pub fn restore(&mut self, now: Now, mut requests: Vec<RestoredRequest>) -> Vec<Effect> {
        requests.sort_by_key(|restored| (restored.place.turn, restored.request));
        let mut last = i64::MIN;
        for restored in requests {
            if !self.requests.contains_key(&restored.request) {
                last = self.put_in(now, restored, last);
            }
        }
        let mut out = Vec::new();
        for queue in self.queues.values_mut() {
            queue.settle_all(now.instant, &self.operators, &mut out);
        }
        out
    }

    /// Puts one back behind `last`, and says which turn it has.
    fn put_in(&mut self, now: Now, restored: RestoredRequest, last: i64) -> i64 {
        let RestoredRequest { request, queue, share, place, standing } = restored;
        let known = self.queues.get(&queue);
        let turn = QueueTurn { urgency: Reverse(place.priority), number: place.turn };
        let turn = free_turn(known, turn, last);
        self.last = self.last.max(turn.number);
        self.front = self.front.min(turn.number);
        let caller = QueuedCaller {
            request,
            turn,
            share,
            never_to: place.never_to,
            answered: place.answered,
            announced: place.told.map_or(usize::MAX, |told| told.max(1)),
            wait_left: match place.wait {
                SavedWait::Unbounded => None,
                SavedWait::Until(until) => Some(until.since(now.unix)),
                SavedWait::Left(left) => Some(left),
            },
            known: SeatSet::default(),
        };
        let stands = match standing {
            RestoredState::Waiting => {
                let Some(found) = self.queues.get_mut(&queue) else { return turn.number };
                found.put(now.instant, caller);
                QueuedRequest::Waiting { queue, turn }
            }
            RestoredState::Ending => QueuedRequest::Ending { queue, caller },
            RestoredState::Taken { by, is_free } => {
                QueuedRequest::Taken { queue, caller, by, is_free }
            }
        };
        self.requests.insert(request, stands);
        turn.number
    }
}

/// The turn itself, or the next one that nobody has.
fn free_turn(queue: Option<&WaitingQueue>, mut turn: QueueTurn, last: i64) -> QueueTurn {
    turn.number = turn.number.clamp(-TURN_MAX, TURN_MAX).max(last.saturating_add(1));
    while queue.is_some_and(|queue| queue.has(turn)) {
        turn.number += 1;
    }
    turn
}
