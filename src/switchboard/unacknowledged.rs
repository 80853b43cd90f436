//! The callers that are answered and not acknowledged, or told why before they are.

use crate::acd::Share;
use crate::call::AnyCall;
use crate::ids::CallId;
use crate::time::Instant;
use std::collections::BTreeMap;

/// The calls of people who have neither a place nor proved that they are there, since when and of whom.
/// As many of one share may arrive as it has places in the queue, beside those that wait, and as many be
/// told why they cannot wait.
#[derive(Debug, Default)]
pub(super) struct Arriving {
    pub arrive: UnacknowledgedCallers,
    pub are_told: UnacknowledgedCallers,
}

#[derive(Debug, Default)]
pub(super) struct UnacknowledgedCallers(BTreeMap<CallId, (Instant, Share)>);

impl Arriving {
    /// Notes where a call stands.
    pub fn note(&mut self, now: Instant, id: CallId, call: &AnyCall) {
        let (arrives, is_told) = match call {
            AnyCall::Operator(call) => call.on_the_doorstep(),
            AnyCall::Direct(_) => (false, false),
        };
        let share = |stands: bool| match call {
            AnyCall::Operator(call) if stands => Some(call.identity.share()),
            AnyCall::Operator(_) | AnyCall::Direct(_) => None,
        };
        self.arrive.note(now, id, share(arrives));
        self.are_told.note(now, id, share(is_told));
    }
}

impl UnacknowledgedCallers {
    fn note(&mut self, now: Instant, id: CallId, share: Option<Share>) {
        match share {
            Some(share) => {
                self.0.entry(id).or_insert_with(|| (now, share));
            }
            None => drop(self.0.remove(&id)),
        }
    }

    /// Those of one share, since when.
    pub fn of<'a>(&'a self, share: &'a Share) -> impl Iterator<Item = (CallId, Instant)> {
        self.0.iter().filter(move |(_, (_, of))| of == share).map(|(id, (since, _))| (*id, *since))
    }
}
