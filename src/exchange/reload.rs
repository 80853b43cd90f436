//! Settings that change while the server runs: they hold from the next call on.

use super::rooms::Machine;
use super::settings::Reload;

impl Machine {
    pub(super) fn reload(&mut self, new: Reload) {
        let Reload { guests, guest_calls_max, retention, switchboard, drain: _ } = new;
        self.settings.guests = guests;
        self.settings.guest_calls_max = guest_calls_max;
        self.settings.retention = retention;
        self.unauthenticated.open_max = guest_calls_max;
        self.switchboard.adjust(switchboard);
    }
}
