//! The free relay ports. A port that was in use rests before another call gets it, so that the
//! last packets of the old call never reach the new one.

use crate::ids::PortId;
use crate::time::{Duration, Instant};
use std::collections::VecDeque;

/// With fewer free ports than this, more are asked for.
pub const PORTS_LOW: usize = 32;

/// The pool. Its size is bounded by the range of ports that the server binds.
#[derive(Debug)]
pub struct Ports {
    /// The longest-rested first.
    free: VecDeque<PortId>,
    /// In the order in which they may be used again.
    resting: VecDeque<(Instant, PortId)>,
    rest: Duration,
    asked: bool,
}

impl Ports {
    /// An empty pool whose ports rest for `rest` after use.
    #[must_use]
    pub fn new(rest: Duration) -> Self {
        Self { free: VecDeque::new(), resting: VecDeque::new(), rest, asked: false }
    }

    /// Takes in ports that the server has bound.
    pub fn add(&mut self, ports: impl IntoIterator<Item = PortId>) {
        self.free.extend(ports);
        self.asked = false;
    }

    /// A port for a new stream, or `None` when all are in use or resting.
    pub fn take(&mut self, now: Instant) -> Option<PortId> {
        while let Some((_, port)) = self.resting.pop_front_if(|(until, _)| *until <= now) {
            self.free.push_back(port);
        }
        self.free.pop_front()
    }

    /// Lays a port to rest.
    pub fn give_back(&mut self, now: Instant, port: PortId) {
        self.resting.push_back((now + self.rest, port));
    }

    /// True once each time that the pool runs low.
    pub fn runs_low(&mut self) -> bool {
        let low = self.free.len() < PORTS_LOW && !self.asked;
        self.asked |= low;
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(secs: u64) -> Instant {
        Instant::START + Duration::from_secs(secs)
    }

    #[test]
    fn a_port_rests_between_two_calls() {
        let mut ports = Ports::new(Duration::from_secs(10));
        ports.add([PortId(20000)]);
        assert_eq!(ports.take(after(0)), Some(PortId(20000)));
        ports.give_back(after(1), PortId(20000));
        assert_eq!(ports.take(after(10)), None, "it rests");
        assert_eq!(ports.take(after(11)), Some(PortId(20000)));
        assert_eq!(ports.take(after(99)), None, "it is in use");
    }

    #[test]
    fn the_port_that_rested_longest_comes_first() {
        let mut ports = Ports::new(Duration::from_secs(10));
        ports.add([PortId(20000), PortId(20002)]);
        let first = ports.take(after(0)).unwrap();
        ports.give_back(after(0), first);
        assert_eq!(ports.take(after(60)), Some(PortId(20002)));
        assert_eq!(ports.take(after(60)), Some(first));
    }

    #[test]
    fn a_low_pool_asks_once_until_ports_come() {
        let mut ports = Ports::new(Duration::ZERO);
        assert!(ports.runs_low());
        assert!(!ports.runs_low(), "it has asked");
        ports.add([PortId(20000)]);
        assert!(ports.runs_low());
        ports.add((0..PORTS_LOW as u64).map(PortId));
        assert!(!ports.runs_low());
    }
}
