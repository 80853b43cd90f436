//! How terminals stand, for desks that search and watch them.

use super::machine::{Env, Machine};
use super::watched_terminals::TerminalState;
use crate::desk::event::DeskEvent;
use crate::ids::Number;
use crate::presence;

impl Machine {
    /// How a terminal stands now.
    pub(super) fn terminal_state(&self, env: &Env<'_>, number: &Number) -> TerminalState {
        let operator = self.presence.at_phone(number).and_then(|id| self.presence.view(id));
        let is_busy = operator.is_some_and(|view| view.state == presence::OperatorState::Busy);
        if self.rings_at(number) {
            TerminalState::Ringing
        } else if is_busy || self.calls_at(number) > 0 {
            TerminalState::Talking
        } else if env.world.registrar.is_reachable(env.world.directory, number) {
            TerminalState::Free
        } else {
            TerminalState::Away
        }
    }

    /// Tells the desks of all watched terminals at which something has happened.
    pub(super) fn tell_terminals(&mut self, env: &Env<'_>) {
        for number in self.terminals.take_touched() {
            let state = self.terminal_state(env, &number);
            for operator in self.terminals.note(&number, state) {
                let (number, state) = (number.clone(), state.word());
                self.desks.tell(&operator, DeskEvent::Terminal { number, state });
            }
        }
    }
}
