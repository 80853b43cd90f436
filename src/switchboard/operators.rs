//! What presence says of the operators.

use super::api::Effect;
use super::commands::state_event;
use super::machine::{Env, Machine};
use crate::call::{AnyCall, CallInput, Keep, OperatorCallInput};
use crate::cause::Cause;
use crate::ids::{CallId, OperatorId};
use crate::presence;

impl Machine {
    pub(super) fn on_presence(&mut self, env: &mut Env<'_>, input: presence::Input) {
        for effect in self.presence.handle(env.now.instant, input) {
            self.on_presence_effect(env, effect);
        }
    }

    pub(super) fn on_presence_effect(&mut self, env: &mut Env<'_>, effect: presence::Effect) {
        match effect {
            presence::Effect::Store(stored) => {
                env.out.push(Effect::Keep { keep: Keep::Operator(stored), ticket: None });
            }
            presence::Effect::LoggedOut { operator, why } => {
                self.logged_out(env, &operator, why);
            }
            // The command that tried is told by the view.
            presence::Effect::LoginRefused { .. } => {}
            presence::Effect::Changed { operator, view } => {
                if let Some(phone) = &view.phone {
                    self.terminals.touch(phone);
                }
                self.desks.tell(&operator, state_event(&view));
                let is_lost = self.positions.get(&operator).is_some_and(|held| held.is_lost());
                if is_lost && view.availability == presence::AgentAvailability::Absent {
                    // It is to leave, and nobody calls its phone any more.
                    self.drop_hand(env, &operator, "logged-out");
                }
                self.set_agent_state(env, operator, view.availability);
            }
        }
    }

    /// The ordinary calls at the phone of this operator, and those that its desk knows of.
    pub(super) fn direct_calls_of(&self, operator: &OperatorId) -> Vec<CallId> {
        let phone = self.presence.view(operator).and_then(|view| view.phone);
        let is_own = |call: &AnyCall| match call {
            AnyCall::Operator(_) => false,
            AnyCall::Direct(direct) => {
                let at_phone = || phone.as_ref().is_some_and(|phone| call.phones().contains(phone));
                direct.tells(operator) || at_phone()
            }
        };
        self.calls.iter().filter(|(_, call)| is_own(call)).map(|(id, _)| *id).collect()
    }

    fn logged_out(&mut self, env: &mut Env<'_>, operator: &OperatorId, why: presence::LogoutCause) {
        let cause = match why {
            presence::LogoutCause::Command => Cause::NormalClearing,
            presence::LogoutCause::Lease => Cause::Lost,
            presence::LogoutCause::Dismissed | presence::LogoutCause::Removed => {
                Cause::Administrative
            }
        };
        self.desks.close(operator, env.now.instant, cause);
        self.spoken.remove(operator);
        self.terminals.forget(operator);
        self.forget_phone(env, operator);
        // Nobody is left who could cancel a consultation that rings.
        if why == presence::LogoutCause::Lease {
            let position = self.positions.get(operator);
            let held: Vec<_> = position.into_iter().flat_map(|position| position.calls()).collect();
            for id in held {
                self.with_call(env, id, CallInput::Operator(OperatorCallInput::LeaseOver));
            }
        }
        // Nor who could come back to those that wait.
        self.drop_hand(env, operator, "logged-out");
    }
}
