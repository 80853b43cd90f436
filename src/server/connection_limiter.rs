//! Who gets a connection: everybody some, nobody all.
//!
//! A connection is *unauthenticated* until a phone has registered over it, or a call or a desk is on it.
//! Unauthenticated ones are few from each address, and leave some free for what the switchboard itself has to
//! open. What is authenticated is counted by nobody but the whole.

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
    /// Unauthenticated ones from one address.
    pub per_source: usize,
    /// Trunks and edges.
    pub trusted: Vec<Network>,
}

/// The connections by where they come from.
#[derive(Debug)]
pub(super) struct ConnectionLimiter {
    settings: Settings,
    open: usize,
    unauthenticated: BTreeMap<ConnectionId, IpAddr>,
    by_source: BTreeMap<IpAddr, usize>,
    refused: usize,
}

impl ConnectionLimiter {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            open: 0,
            unauthenticated: BTreeMap::new(),
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

    /// Whether a page may have one more, whose session has been seen.
    pub fn has_room_for_page(&self) -> bool {
        self.open < CONNECTIONS_MAX - RESERVE
    }

    /// Whether we may open one more.
    pub fn has_room(&self) -> bool {
        self.open < CONNECTIONS_MAX
    }

    /// A connection is open; one that we opened is not unauthenticated.
    pub fn opened(&mut self, connection: ConnectionId, wrong_source: Option<IpAddr>) {
        self.open += 1;
        if let Some(ip) = wrong_source {
            self.mark_unauthenticated(connection, ip);
        }
    }

    /// A phone, a call or a desk is on it.
    pub fn be_known(&mut self, connection: ConnectionId) {
        let Some(source) = self.unauthenticated.remove(&connection) else { return };
        if let Some(there) = self.by_source.get_mut(&source) {
            *there -= 1;
            if *there == 0 {
                self.by_source.remove(&source);
            }
        }
    }

    /// Nothing is on it.
    pub fn mark_unauthenticated(&mut self, connection: ConnectionId, ip: IpAddr) {
        let source = network(ip);
        if self.unauthenticated.insert(connection, source).is_none() {
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

    fn connection_limiter() -> ConnectionLimiter {
        ConnectionLimiter::new(Settings {
            per_source: 64,
            trusted: vec!["192.0.2.10".parse().unwrap()],
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Opens connections from an address, as many as it gets; their names.
    fn fill(
        connection_limiter: &mut ConnectionLimiter,
        from: &str,
        first: u64,
    ) -> Vec<ConnectionId> {
        let mut names = (first..).map(ConnectionId);
        let mut opened = Vec::new();
        while connection_limiter.admits(ip(from)) {
            let name = names.next().unwrap();
            connection_limiter.opened(name, Some(ip(from)));
            opened.push(name);
        }
        opened
    }

    #[test]
    fn an_address_gets_some_and_its_neighbour_as_many() {
        let mut connection_limiter = connection_limiter();
        assert_eq!(fill(&mut connection_limiter, "198.51.100.7", 0).len(), 64);
        assert_eq!(fill(&mut connection_limiter, "198.51.100.8", 1_000).len(), 64);
        assert_eq!(fill(&mut connection_limiter, "2001:db8::1", 2_000).len(), 64);
        assert_eq!(
            fill(&mut connection_limiter, "2001:db8::2", 3_000).len(),
            0,
            "one /64 is one source"
        );
        assert_eq!(fill(&mut connection_limiter, "192.0.2.10", 4_000).len(), 64 * TRUSTED_FACTOR);
        assert_eq!(connection_limiter.figures(), (3 * 64 + 512, 5));
        connection_limiter.closed(ConnectionId(0));
        assert!(connection_limiter.admits(ip("198.51.100.7")));
    }

    #[test]
    fn phones_behind_one_router_do_not_take_each_others_places() {
        let mut connection_limiter = connection_limiter();
        for phone in 0..500 {
            assert!(connection_limiter.admits(ip("198.51.100.7")));
            connection_limiter.opened(ConnectionId(phone), Some(ip("198.51.100.7")));
            connection_limiter.be_known(ConnectionId(phone));
        }
        assert_eq!(fill(&mut connection_limiter, "198.51.100.7", 1_000).len(), 64);
        // Whose registration has run out counts again.
        connection_limiter.mark_unauthenticated(ConnectionId(3), ip("198.51.100.7"));
        connection_limiter.closed(ConnectionId(1_000));
        assert!(!connection_limiter.admits(ip("198.51.100.7")));
    }

    #[test]
    fn unauthenticated_connections_leave_room_for_what_we_open() {
        let mut connection_limiter = connection_limiter();
        let mut opened = Vec::new();
        for source in 0..100 {
            opened.extend(fill(
                &mut connection_limiter,
                &format!("198.51.100.{source}"),
                source * 1_000,
            ));
        }
        assert_eq!(opened.len(), CONNECTIONS_MAX - RESERVE);
        for ours in 0..RESERVE as u64 {
            assert!(connection_limiter.has_room());
            connection_limiter.opened(ConnectionId(1_000_000 + ours), None);
        }
        assert!(!connection_limiter.has_room());
        opened.into_iter().for_each(|connection| connection_limiter.closed(connection));
        assert_eq!(connection_limiter.figures().0, RESERVE);
        assert!(
            connection_limiter.unauthenticated.is_empty()
                && connection_limiter.by_source.is_empty()
        );
    }
}
