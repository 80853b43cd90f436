//! The free relay ports. A port that was in use rests before another call gets it, so that the
//! last packets of the old call never reach the new one.

use crate::ids::PortId;
use crate::time::{Duration, Instant};
use std::collections::VecDeque;

/// With fewer free ports than this more are asked for, and with fewer than a quarter of those in use: a
/// full house gets its calls in larger bursts.
pub const PORTS_LOW: usize = 32;
/// At least so many ports are asked for at a time.
pub const PORTS_MORE: usize = 64;
/// A call that would find no port gets one that has rested for this part of its time.
const REST_PART: u32 = 5;
/// When there were none to be had, others are asked for after this long.
pub const PORTS_AGAIN: Duration = Duration::from_secs(5);

/// A desk's one audio line is answered with this port; nothing ever listens there.
pub const DISCARD: PortId = PortId(9);

/// The number of a stream that the transport of this port carries beside its own (RFC 9143): that of its RTCP, which
/// needs none then.
#[must_use]
pub fn beside(carrier: PortId) -> PortId {
    PortId(carrier.0 + 1)
}

/// The port whose transport carries the stream of this number, where that is none of its own: those of the pool are even.
#[must_use]
pub fn carrier_of(port: PortId) -> Option<PortId> {
    (port != DISCARD && port.0 % 2 == 1).then(|| PortId(port.0 - 1))
}

/// The pool. Its size is bounded by the range of ports that the server binds.
#[derive(Debug)]
pub struct PortPool {
    /// The longest-rested first.
    free: VecDeque<PortId>,
    /// Since when each rests, the longest-rested first.
    resting: VecDeque<(Instant, PortId)>,
    rest: Duration,
    used: usize,
    growth: Growth,
}

#[derive(Clone, Copy, Debug)]
enum Growth {
    /// Nothing was asked for, or it came.
    Idle,
    /// More are on their way.
    Asked,
    /// There were none.
    Refused { until: Instant },
}

impl PortPool {
    /// An empty pool whose ports rest for `rest` after use, or a fifth of that when there are no others.
    #[must_use]
    pub fn new(rest: Duration) -> Self {
        let (free, resting) = (VecDeque::new(), VecDeque::new());
        Self { free, resting, rest, used: 0, growth: Growth::Idle }
    }

    /// Takes in ports that the server has bound; none: it cannot have more now.
    pub fn add(&mut self, now: Instant, ports: Vec<PortId>) {
        self.growth = match ports.is_empty() {
            true => Growth::Refused { until: now + PORTS_AGAIN },
            false => Growth::Idle,
        };
        self.free.extend(ports);
    }

    /// A port for a new stream, or `None` when all are in use or resting.
    pub fn take(&mut self, now: Instant) -> Option<PortId> {
        self.wake(now);
        let least = self.rest / REST_PART;
        let is_enough = |(since, _): &mut (Instant, PortId)| now.since(*since) >= least;
        let resting = &mut self.resting;
        let in_need = || resting.pop_front_if(is_enough).map(|(_, port)| port);
        let port = self.free.pop_front().or_else(in_need);
        self.used += usize::from(port.is_some());
        port
    }

    /// A port that was in use before: it is taken out of those that may be had.
    pub fn occupy(&mut self, port: PortId) {
        self.free.retain(|free| *free != port);
        self.resting.retain(|(_, resting)| *resting != port);
        self.used += 1;
    }

    /// A port that is used on elsewhere.
    pub fn forget(&mut self) {
        self.used = self.used.saturating_sub(1);
    }

    /// Lays a port to rest.
    pub fn give_back(&mut self, now: Instant, port: PortId) {
        self.used = self.used.saturating_sub(1);
        self.resting.push_back((now, port));
    }

    /// Whether so many ports may be had soon, but not yet.
    pub fn is_waiting_for(&mut self, now: Instant, wanted: usize) -> bool {
        self.wake(now);
        self.free.len() < wanted && !self.is_refused(now)
    }

    /// How many more to bind, said once until they come; `missing` are waited for.
    pub fn wants(&mut self, now: Instant, missing: usize) -> Option<usize> {
        self.wake(now);
        if matches!(self.growth, Growth::Asked) || self.is_refused(now) {
            return None;
        }
        let enough = missing + PORTS_LOW.max(self.used / 4);
        let short = enough.checked_sub(self.free.len()).filter(|short| *short > 0)?;
        self.growth = Growth::Asked;
        Some(short.max(PORTS_MORE))
    }

    fn is_refused(&self, now: Instant) -> bool {
        match self.growth {
            Growth::Refused { until } => now < until,
            Growth::Idle | Growth::Asked => false,
        }
    }

    fn wake(&mut self, now: Instant) {
        while let Some((_, port)) =
            self.resting.pop_front_if(|(since, _)| now.since(*since) >= self.rest)
        {
            self.free.push_back(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(secs: u64) -> Instant {
        Instant::START + Duration::from_secs(secs)
    }

    fn ports(count: usize) -> Vec<PortId> {
        (0..count as u64).map(|n| PortId(20_000 + 2 * n)).collect()
    }

    #[test]
    fn a_port_rests_between_two_calls() {
        let mut pool = PortPool::new(Duration::from_secs(10));
        pool.add(after(0), ports(1));
        assert_eq!(pool.take(after(0)), Some(PortId(20000)));
        pool.give_back(after(1), PortId(20000));
        assert_eq!(pool.take(after(2)), None, "it rests");
        pool.add(after(2), vec![PortId(20002)]);
        assert_eq!(pool.take(after(10)), Some(PortId(20002)), "another one is there");
        assert_eq!(pool.take(after(11)), Some(PortId(20000)));
        assert_eq!(pool.take(after(99)), None, "it is in use");
        pool.give_back(after(100), PortId(20000));
        assert_eq!(pool.take(after(102)), Some(PortId(20000)), "better than to refuse a call");
    }

    #[test]
    fn the_port_that_rested_longest_comes_first() {
        let mut pool = PortPool::new(Duration::from_secs(10));
        pool.add(after(0), ports(2));
        let first = pool.take(after(0)).unwrap();
        pool.give_back(after(0), first);
        assert_eq!(pool.take(after(60)), Some(PortId(20002)));
        assert_eq!(pool.take(after(60)), Some(first));
    }

    #[test]
    fn a_port_that_is_in_use_already_is_not_given_away() {
        let mut pool = PortPool::new(Duration::ZERO);
        pool.add(after(0), ports(3));
        pool.occupy(PortId(20002));
        let all: Vec<_> = std::iter::from_fn(|| pool.take(after(0))).collect();
        assert_eq!(all, [PortId(20000), PortId(20004)]);
        pool.give_back(after(1), PortId(20002));
        assert_eq!(pool.take(after(2)), Some(PortId(20002)));
    }

    #[test]
    fn a_low_pool_asks_once_until_ports_come() {
        let mut pool = PortPool::new(Duration::ZERO);
        assert_eq!(pool.wants(after(0), 0), Some(PORTS_MORE));
        assert_eq!(pool.wants(after(0), 100), None, "it has asked");
        pool.add(after(0), ports(PORTS_LOW - 1));
        assert_eq!(pool.wants(after(0), 0), Some(PORTS_MORE));
        pool.add(after(0), ports(PORTS_MORE));
        assert_eq!(pool.wants(after(0), 0), None);
        assert_eq!(pool.wants(after(0), 200), Some(200 + PORTS_LOW - 95), "what is waited for");
    }

    #[test]
    fn the_more_are_in_use_the_more_are_kept_ready() {
        let mut pool = PortPool::new(Duration::ZERO);
        pool.add(after(0), ports(1_000));
        let in_use = (0..800).filter_map(|_| pool.take(after(0))).count();
        assert_eq!(pool.wants(after(0), 0), None, "{in_use} in use, 200 ready");
        let _ = pool.take(after(0));
        assert_eq!(pool.wants(after(0), 0), Some(PORTS_MORE));
    }

    #[test]
    fn a_pool_that_could_not_grow_asks_again_later_and_lets_nobody_wait() {
        let mut pool = PortPool::new(Duration::ZERO);
        assert!(pool.wants(after(0), 1).is_some());
        assert!(pool.is_waiting_for(after(0), 1));
        pool.add(after(0), vec![]);
        assert!(!pool.is_waiting_for(after(4), 1) && pool.wants(after(4), 1).is_none());
        assert!(pool.is_waiting_for(after(5), 1) && pool.wants(after(5), 1).is_some());
    }
}
