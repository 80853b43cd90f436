//! What an operator has in hand: its calls, of which one is at its ear, and the phone for all of them.

use crate::ids::{CallId, LegId, RequestId};

/// The calls of one operator.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Position {
    /// In the order in which they came.
    held: Vec<(CallId, RequestId)>,
    /// The one that the phone is in.
    pub at_ear: Option<CallId>,
    /// The phone's leg, from its answer to its end.
    pub phone: Option<LegId>,
}

impl Position {
    /// The calls in hand, in the order in which they came.
    pub fn calls(&self) -> impl DoubleEndedIterator<Item = CallId> {
        self.held.iter().map(|(call, _)| *call)
    }

    /// How many are in hand.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Takes a call in hand, behind those that are there.
    pub fn add(&mut self, call: CallId, request: RequestId) {
        self.held.push((call, request));
    }

    /// A call is in hand no longer.
    pub fn remove(&mut self, is_it: impl Fn(CallId, RequestId) -> bool) {
        let gone = self.held.iter().find(|(call, request)| is_it(*call, *request)).copied();
        self.held.retain(|held| Some(*held) != gone);
        self.at_ear = self.at_ear.filter(|ear| Some(*ear) != gone.map(|(call, _)| call));
    }

    /// Whether another call than this one is in hand.
    pub fn has_other_than(&self, call: CallId) -> bool {
        self.calls().any(|other| other != call)
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
