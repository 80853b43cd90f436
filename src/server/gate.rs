//! Who gets a connection: everybody some, nobody all.
//!
//! A connection is a *stranger's* until a phone has registered over it, or a call or a desk is on it.
//! Strangers have few from each address, and leave some free for what the switchboard itself has to
//! open. What is not a stranger's is counted by nobody but the whole.

use crate::ids::ConnectionId;
use crate::sip::Network;
use crate::sip::network;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Connections that may be open at once.
pub const CONNECTIONS_MAX: usize = 4_096;
/// As many of them are kept free for those that we open.
pub const RESERVE: usize = 256;
/// From trunks and edges so many times as many may come as from others: many speak through them.
pub const TRUSTED_FACTOR: usize = 8;

/// How many connections there may be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Of strangers from one address.
    pub per_source: usize,
    /// Trunks and edges.
    pub trusted: Vec<Network>,
}

/// The connections by where they come from.
#[derive(Debug)]
pub(super) struct Gate {
    settings: Settings,
    open: usize,
    strangers: BTreeMap<ConnectionId, IpAddr>,
    by_source: BTreeMap<IpAddr, usize>,
    refused: usize,
}

impl Gate {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            open: 0,
            strangers: BTreeMap::new(),
            by_source: BTreeMap::new(),
            refused: 0,
        }
    }

    /// Whether somebody at `ip` may have one more. A refusal counts.
    pub fn admits(&mut self, ip: IpAddr) -> bool {
        let trusted = self.settings.trusted.iter().any(|network| network.contains(ip));
        let factor = if trusted { TRUSTED_FACTOR } else { 1 };
        let there = self.by_source.get(&network(ip)).copied().unwrap_or(0);
        let admitted =
            there < self.settings.per_source * factor && self.open < CONNECTIONS_MAX - RESERVE;
        self.refused += usize::from(!admitted);
        admitted
    }

    /// Whether we may open one more.
    pub fn has_room(&self) -> bool {
        self.open < CONNECTIONS_MAX
    }

    /// A connection is open; one that we opened is no stranger's.
    pub fn opened(&mut self, connection: ConnectionId, stranger: Option<IpAddr>) {
        self.open += 1;
        if let Some(ip) = stranger {
            self.be_stranger(connection, ip);
        }
    }

    /// A phone, a call or a desk is on it.
    pub fn be_known(&mut self, connection: ConnectionId) {
        let Some(source) = self.strangers.remove(&connection) else { return };
        if let Some(there) = self.by_source.get_mut(&source) {
            *there -= 1;
            if *there == 0 {
                self.by_source.remove(&source);
            }
        }
    }

    /// Nothing is on it.
    pub fn be_stranger(&mut self, connection: ConnectionId, ip: IpAddr) {
        let source = network(ip);
        if self.strangers.insert(connection, source).is_none() {
            *self.by_source.entry(source).or_default() += 1;
        }
    }

    /// A connection is closed.
    pub fn closed(&mut self, connection: ConnectionId) {
        self.be_known(connection);
        self.open = self.open.saturating_sub(1);
    }

    /// How many are open, and how many were refused since the start.
    pub fn figures(&self) -> (usize, usize) {
        (self.open, self.refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        Gate::new(Settings { per_source: 64, trusted: vec!["192.0.2.10".parse().unwrap()] })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Opens connections from an address, as many as it gets; their names.
    fn fill(gate: &mut Gate, from: &str, first: u64) -> Vec<ConnectionId> {
        let mut names = (first..).map(ConnectionId);
        let mut opened = Vec::new();
        while gate.admits(ip(from)) {
            let name = names.next().unwrap();
            gate.opened(name, Some(ip(from)));
            opened.push(name);
        }
        opened
    }

    #[test]
    fn an_address_gets_some_and_its_neighbour_as_many() {
        let mut gate = gate();
        assert_eq!(fill(&mut gate, "198.51.100.7", 0).len(), 64);
        assert_eq!(fill(&mut gate, "198.51.100.8", 1_000).len(), 64);
        assert_eq!(fill(&mut gate, "2001:db8::1", 2_000).len(), 64);
        assert_eq!(fill(&mut gate, "2001:db8::2", 3_000).len(), 0, "one /64 is one source");
        assert_eq!(fill(&mut gate, "192.0.2.10", 4_000).len(), 64 * TRUSTED_FACTOR);
        assert_eq!(gate.figures(), (3 * 64 + 512, 5));
        gate.closed(ConnectionId(0));
        assert!(gate.admits(ip("198.51.100.7")));
    }

    #[test]
    fn phones_behind_one_router_do_not_take_each_others_places() {
        let mut gate = gate();
        for phone in 0..500 {
            assert!(gate.admits(ip("198.51.100.7")));
            gate.opened(ConnectionId(phone), Some(ip("198.51.100.7")));
            gate.be_known(ConnectionId(phone));
        }
        assert_eq!(fill(&mut gate, "198.51.100.7", 1_000).len(), 64);
        // Whose registration has run out counts again.
        gate.be_stranger(ConnectionId(3), ip("198.51.100.7"));
        gate.closed(ConnectionId(1_000));
        assert!(!gate.admits(ip("198.51.100.7")));
    }

    #[test]
    fn strangers_leave_room_for_what_we_open() {
        let mut gate = gate();
        let mut opened = Vec::new();
        for source in 0..100 {
            opened.extend(fill(&mut gate, &format!("198.51.100.{source}"), source * 1_000));
        }
        assert_eq!(opened.len(), CONNECTIONS_MAX - RESERVE);
        for ours in 0..RESERVE as u64 {
            assert!(gate.has_room());
            gate.opened(ConnectionId(1_000_000 + ours), None);
        }
        assert!(!gate.has_room());
        opened.into_iter().for_each(|connection| gate.closed(connection));
        assert_eq!(gate.figures().0, RESERVE);
        assert!(gate.strangers.is_empty() && gate.by_source.is_empty());
    }
}
