//! `[limits]`: how much of the house each kind of caller may take.

use super::reader::{Reader, Section};
use super::{set, values};
use crate::acd::QueueShares;

/// `[limits]`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// TCP connections that one address may have, beside those of registered phones and of calls.
    pub connections: usize,
    /// How many calls one source of guests may have open.
    pub guest_calls: usize,
    /// How much of a queue all guests together may take, in percent.
    pub guests_waiting: usize,
    /// How many calls of one terminal may wait in a queue.
    pub terminal_waiting: usize,
    /// How much of a queue one trunk may take, in percent.
    pub trunk_waiting: usize,
    /// How much of a queue is kept for terminals, in percent.
    pub terminals_reserve: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            guest_calls: 5,
            guests_waiting: 20,
            terminal_waiting: 3,
            trunk_waiting: 60,
            terminals_reserve: 10,
        }
    }
}

impl Limits {
    pub(super) fn read<'a>(&mut self, reader: &mut Reader<'_>, section: &Section<'a>) {
        let known = [
            "connections",
            "guest_calls",
            "guests_waiting",
            "terminal_waiting",
            "trunk_waiting",
            "terminals_reserve",
        ];
        reader.allow(section, &known);
        let connections = |value| values::count(value, 1..=4_000);
        set(&mut self.connections, reader.value(section, "connections", connections));
        let count = |value| values::count(value, 1..=10_000);
        set(&mut self.guest_calls, reader.value(section, "guest_calls", count));
        set(&mut self.terminal_waiting, reader.value(section, "terminal_waiting", count));
        let part = |value| values::percent(value, 1..=100);
        set(&mut self.guests_waiting, reader.value(section, "guests_waiting", part));
        set(&mut self.trunk_waiting, reader.value(section, "trunk_waiting", part));
        let reserve = |value| values::percent(value, 0..=90);
        set(&mut self.terminals_reserve, reader.value(section, "terminals_reserve", reserve));
    }

    /// The shares of a queue in which so many may wait. However small it is, everybody has a chance.
    #[must_use]
    pub fn shares(&self, waiting_max: usize) -> QueueShares {
        let part = |percent: usize| waiting_max * percent / 100;
        QueueShares {
            terminal: self.terminal_waiting,
            trunk: part(self.trunk_waiting).max(1),
            guests: part(self.guests_waiting).max(1),
            reserve: part(self.terminals_reserve),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_small_queue_is_one_place_at_least() {
        let limits = Limits::default();
        let shares =
            |terminal, trunk, guests, reserve| QueueShares { terminal, trunk, guests, reserve };
        assert_eq!(limits.shares(100), shares(3, 60, 20, 10));
        assert_eq!(limits.shares(10), shares(3, 6, 2, 1));
        assert_eq!(limits.shares(1), shares(3, 1, 1, 0));
    }
}
