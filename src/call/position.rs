//! What an operator has in hand: its calls, of which one is at its ear, and the phone for all of them.

use crate::ids::{CallId, LegId, RequestId};

/// One call in hand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct HeldCall {
    turn: u64,
    call: CallId,
    request: RequestId,
}

/// The phone that an operator has for all of its calls.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum OperatorLine {
    /// It is not on the line.
    #[default]
    Idle,
    /// This leg, from its answer to its end.
    Up(LegId),
    /// It was lost, not hung up, and has not come back since.
    Lost,
}

/// The calls of one operator.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Position {
    /// In the order in which they came.
    held: Vec<HeldCall>,
    /// The one that the phone is in.
    pub at_ear: Option<CallId>,
    pub line: OperatorLine,
    /// The call for which it is called again meanwhile.
    pub rejoining: Option<CallId>,
    /// All that waits here is on its way to the queue.
    pub is_given_up: bool,
}

impl Position {
    /// The calls in hand, in the order in which they came.
    pub fn calls(&self) -> impl DoubleEndedIterator<Item = CallId> {
        self.held.iter().map(|held| held.call)
    }

    /// The place of a call among those in hand: it rises with each that comes.
    pub fn turn_of(&self, call: CallId) -> Option<u64> {
        self.held.iter().find(|held| held.call == call).map(|held| held.turn)
    }

    /// How many are in hand.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Takes a call in hand, behind those that are there.
    pub fn add(&mut self, call: CallId, request: RequestId) {
        let turn = self.held.last().map_or(1, |held| held.turn.saturating_add(1));
        self.held.push(HeldCall { turn, call, request });
    }

    /// Puts a call back in hand, at the place that it had.
    pub fn put_back(&mut self, turn: u64, call: CallId, request: RequestId) {
        self.held.push(HeldCall { turn, call, request });
        self.held.sort_by_key(|held| (held.turn, held.call));
    }

    /// A call is in hand no longer.
    pub fn remove(&mut self, is_it: impl Fn(CallId, RequestId) -> bool) {
        let gone = self.held.iter().find(|held| is_it(held.call, held.request)).copied();
        self.held.retain(|held| Some(*held) != gone);
        self.at_ear = self.at_ear.filter(|ear| Some(*ear) != gone.map(|held| held.call));
    }

    /// Whether another call than this one is in hand.
    pub fn has_other_than(&self, call: CallId) -> bool {
        self.calls().any(|other| other != call)
    }

    /// The leg of the phone, while it is on the line.
    pub fn phone(&self) -> Option<LegId> {
        match self.line {
            OperatorLine::Up(leg) => Some(leg),
            OperatorLine::Idle | OperatorLine::Lost => None,
        }
    }

    /// Whether the phone was lost, and is not back.
    pub fn is_lost(&self) -> bool {
        self.line == OperatorLine::Lost
    }

    /// The call of which an operator hears that has to wait with something else: the one at the ear, else the
    /// one that came last.
    pub fn main(&self) -> Option<CallId> {
        self.at_ear.or_else(|| self.calls().next_back())
    }

    /// The call that comes to the ear next: the one behind that at the ear, and behind the last the first.
    pub fn next(&self) -> Option<CallId> {
        let at = self.at_ear.and_then(|ear| self.calls().position(|call| call == ear));
        let behind = at.map_or(0, |at| at + 1);
        let mut turn = self.calls().skip(behind).chain(self.calls().take(behind));
        turn.find(|call| Some(*call) != self.at_ear)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls_in_hand_come_to_the_ear_in_turn() {
        let mut position = Position::default();
        assert_eq!(position.next(), None);
        (1..=3).for_each(|n| position.add(CallId(n), RequestId(n)));
        assert_eq!(position.next(), Some(CallId(1)));
        for (ear, next) in [(1, 2), (2, 3), (3, 1)] {
            position.at_ear = Some(CallId(ear));
            assert_eq!(position.next(), Some(CallId(next)));
        }
        position.remove(|_, request| request == RequestId(3));
        assert_eq!((position.at_ear, position.len()), (None, 2));
        position.remove(|call, _| call == CallId(1));
        position.at_ear = Some(CallId(2));
        assert_eq!(position.next(), None, "it is there already");
    }
}
