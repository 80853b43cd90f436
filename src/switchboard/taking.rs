//! What waits for the journal: with a take or a release, the withdrawals that it causes (R4.2).

use super::machine::{Env, Machine};
use crate::call::{AnyCall, CallInput, OperatorCallInput};
use crate::ids::{CallId, Ticket};

impl Machine {
    /// The call whose take or release waits for this commit.
    fn waiting_for(&self, ticket: Ticket) -> Option<CallId> {
        let waits = |call: &CallId| match self.calls.get(call) {
            Some(AnyCall::Operator(call)) => call.waits_for(ticket),
            Some(AnyCall::Direct(_)) | None => false,
        };
        self.positions.values().flat_map(|position| position.calls()).find(waits)
    }

    pub(super) fn committed(&mut self, env: &mut Env<'_>, ticket: Ticket) {
        let Some(id) = self.waiting_for(ticket) else { return };
        if let Some(withdrawals) = self.held.remove(&ticket) {
            self.with_call(env, id, CallInput::Operator(OperatorCallInput::TakeWritten));
            withdrawals.into_iter().for_each(|effect| self.on_queue(env, effect));
            // All this is on its way before the desk phone is called (R4.2).
            self.pump(env);
        }
        self.clear_ear_for(env, id);
        self.with_call(env, id, CallInput::Operator(OperatorCallInput::Written));
    }

    /// A take or a release that is not in the journal is not to be (R4.2): whoever asked is told, and
    /// the call is where it was.
    pub(super) fn unwritten(&mut self, env: &mut Env<'_>, ticket: Ticket) {
        let Some(id) = self.waiting_for(ticket) else { return };
        // The others lose the call before it is offered to them again.
        let withdrawals = self.held.remove(&ticket).unwrap_or_default();
        withdrawals.into_iter().for_each(|effect| self.on_queue(env, effect));
        self.with_call(env, id, CallInput::Operator(OperatorCallInput::Unwritten));
    }
}
