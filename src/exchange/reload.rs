//! Settings that change while the server runs: they hold from the next call on.

use super::machine::Machine;
use super::retention::Retention;
use crate::switchboard;

/// What of a new configuration holds without a restart.
#[derive(Clone, Debug)]
pub struct Reload {
    /// Callers of other domains may call.
    pub guests: bool,
    /// So many calls one source of them may have open.
    pub guest_calls_max: usize,
    /// What the journal keeps of calls that are over and of the audit.
    pub retention: Retention,
    /// For the switchboard, as far as [`adjust`](switchboard::Machine::adjust) goes.
    pub switchboard: switchboard::Settings,
}

impl Machine {
    pub(super) fn reload(&mut self, new: Reload) {
        let Reload { guests, guest_calls_max, retention, switchboard } = new;
        self.settings.guests = guests;
        self.settings.guest_calls_max = guest_calls_max;
        self.settings.retention = retention;
        self.unauthenticated.open_max = guest_calls_max;
        self.switchboard.adjust(switchboard);
    }
}
