//! Which connections there are, and what waits for one.

use crate::ids::{ConnectionId, LegId, Number};
use crate::sip::{Destination, Flow, Request, Response};
use crate::time::{Fading, Instant};
use crate::transaction::{Branch, ClientId, ServerId};
use std::collections::{BTreeMap, BTreeSet};

/// So many messages wait for a way at a time; one more is not carried.
pub const WITHOUT_WAY_MAX: usize = 4_096;
/// Of them so many for peers whom neither a password nor the configuration knows.
pub const UNVOUCHED_MAX: usize = WITHOUT_WAY_MAX / 4;
/// Of so many messages that go over a new connection it is known since when they have looked for a way; the oldest
/// give way, and have their time again when that connection fails, too.
pub const TRIED_MAX: usize = 4 * WITHOUT_WAY_MAX;

/// Which connections there are, and what waits for one.
#[derive(Debug)]
pub(super) struct NextHops {
    /// The connections that were heard and are not closed.
    open: BTreeSet<ConnectionId>,
    pub waiting: BTreeMap<WaitingKey, WaitingSend>,
    /// How many of them are for peers whom nobody vouches for.
    unvouched: usize,
    /// When each of them is due.
    pub due: BTreeSet<(Instant, WaitingKey)>,
    /// Whose return may give them a way.
    by_whose: BTreeSet<(Whose, WaitingKey)>,
    /// Those of them that are on their way over a new connection, which may still fail.
    pub tried: Fading<WaitingKey, Since>,
    pub acks: u64,
}

/// Whose return is awaited.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Whose {
    /// The peer of this leg.
    Leg(LegId),
    /// A phone of this terminal.
    Terminal(Number),
}

/// What waits; an ACK before the BYE that follows it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum WaitingKey {
    Ack(u64),
    Client(ClientId),
    Server(ServerId),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    /// The way that is no more.
    pub gone: Destination,
    /// The address to which no connection could be made last.
    pub failed: Option<Destination>,
    pub until: Instant,
}

#[derive(Debug)]
pub(super) struct WaitingSend {
    pub what: WaitingWhat,
    pub since: Since,
    /// When its Contact is tried.
    pub again: Instant,
    pub whose: Vec<Whose>,
    /// A password or the configuration knows the peer.
    pub is_vouched: bool,
}

impl WaitingSend {
    fn due(&self) -> Instant {
        self.again.min(self.since.until)
    }
}

#[derive(Debug)]
pub(super) enum WaitingWhat {
    Ack(Request),
    /// Without a branch when it has not been sent before.
    Request(Option<Branch>, Request),
    /// The answer to an INVITE, with what it was told last.
    Answer(Box<Response>),
}

impl Default for NextHops {
    fn default() -> Self {
        Self {
            open: BTreeSet::new(),
            waiting: BTreeMap::new(),
            unvouched: 0,
            due: BTreeSet::new(),
            by_whose: BTreeSet::new(),
            tried: Fading::new(TRIED_MAX),
            acks: 0,
        }
    }
}

impl NextHops {
    /// With connections that are open already.
    pub fn over(connections: &[Flow]) -> Self {
        let mut next_hops = Self::default();
        connections.iter().for_each(|flow| next_hops.heard(*flow));
        next_hops
    }

    /// Something has come by this flow.
    pub fn heard(&mut self, flow: Flow) {
        if flow.transport.is_reliable() {
            self.open.insert(flow.connection);
        }
    }

    /// Nothing can be carried by it any more.
    pub fn close(&mut self, destination: Destination) {
        if let Destination::Flow(flow) = destination
            && flow.transport.is_reliable()
        {
            self.open.remove(&flow.connection);
        }
    }

    /// Whether a connection is closed.
    pub fn is_gone(&self, flow: &Flow) -> bool {
        flow.transport.is_reliable() && !self.open.contains(&flow.connection)
    }

    /// Whether nothing can be carried there.
    pub fn leads_nowhere(&self, destination: &Destination) -> bool {
        match destination {
            Destination::Flow(flow) => self.is_gone(flow),
            Destination::Address { .. } => false,
        }
    }

    /// When something is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Whether one more may wait.
    pub fn has_room(&self, is_vouched: bool) -> bool {
        self.waiting.len() < WITHOUT_WAY_MAX && (is_vouched || self.unvouched < UNVOUCHED_MAX)
    }

    /// Something waits.
    pub fn put(&mut self, key: WaitingKey, waiting: WaitingSend) {
        self.due.insert((waiting.due(), key));
        self.by_whose.extend(waiting.whose.iter().map(|whose| (whose.clone(), key)));
        self.unvouched += usize::from(!waiting.is_vouched);
        self.waiting.insert(key, waiting);
    }

    /// Something waits no more.
    pub fn take(&mut self, key: WaitingKey) -> Option<WaitingSend> {
        let waiting = self.waiting.remove(&key)?;
        self.unvouched -= usize::from(!waiting.is_vouched);
        self.due.remove(&(waiting.due(), key));
        for whose in &waiting.whose {
            self.by_whose.remove(&(whose.clone(), key));
        }
        Some(waiting)
    }

    /// What waits for the return of somebody.
    pub fn of(&self, whose: &Whose) -> Vec<WaitingKey> {
        let from = self.by_whose.range((whose.clone(), WaitingKey::Ack(0))..);
        from.take_while(|(of, _)| of == whose).map(|(_, key)| *key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::{Method, Transport, Uri};
    use crate::time::Duration;

    fn at(secs: u64) -> Instant {
        Instant::START + Duration::from_secs(secs)
    }

    fn waiting(again: Instant, whose: Vec<Whose>, is_vouched: bool) -> WaitingSend {
        let remote = ([192, 0, 2, 7], 5060).into();
        let gone = Destination::Address { transport: Transport::Tcp, remote };
        let uri = Uri::parse("sip:3001@192.0.2.7").expect("it is one");
        let what = WaitingWhat::Request(None, Request::new(Method::BYE, uri));
        let since = Since { gone, failed: None, until: at(32) };
        WaitingSend { what, since, again, whose, is_vouched }
    }

    #[test]
    fn whom_nobody_vouches_for_leaves_room_for_the_others() {
        let mut next_hops = NextHops::default();
        let mut key = (0..).map(|id| WaitingKey::Client(ClientId(id)));
        let mut fill = |next_hops: &mut NextHops, is_vouched| {
            let mut count = 0;
            while next_hops.has_room(is_vouched) {
                next_hops.put(key.next().expect("no end"), waiting(at(0), vec![], is_vouched));
                count += 1;
            }
            count
        };
        assert_eq!(fill(&mut next_hops, false), UNVOUCHED_MAX);
        assert_eq!(fill(&mut next_hops, true), WITHOUT_WAY_MAX - UNVOUCHED_MAX);
        assert!(next_hops.take(WaitingKey::Client(ClientId(0))).is_some());
        assert!(next_hops.has_room(false), "one of them waits no more");
    }

    #[test]
    fn what_is_taken_leaves_nothing_and_each_finds_its_own() {
        let mut next_hops = NextHops::default();
        let number = |leg: u64| Whose::Terminal(Number::from(&*(leg % 2).to_string()));
        for leg in 0..10 {
            let whose = vec![Whose::Leg(LegId(leg)), number(leg)];
            next_hops
                .put(WaitingKey::Client(ClientId(leg)), waiting(at(50 - 4 * leg), whose, true));
        }
        assert_eq!(next_hops.deadline(), Some(at(14)));
        assert_eq!(next_hops.of(&Whose::Leg(LegId(3))), [WaitingKey::Client(ClientId(3))]);
        assert_eq!(next_hops.of(&Whose::Leg(LegId(10))), []);
        assert_eq!(
            next_hops.of(&number(1)),
            [1, 3, 5, 7, 9].map(|id| WaitingKey::Client(ClientId(id)))
        );
        for leg in [9, 8, 7, 6, 5] {
            assert!(next_hops.take(WaitingKey::Client(ClientId(leg))).is_some());
        }
        assert_eq!(
            next_hops.deadline(),
            Some(at(32)),
            "its time is over before it would try again"
        );
        for key in next_hops.of(&number(0)).into_iter().chain(next_hops.of(&number(1))) {
            assert!(next_hops.take(key).is_some());
        }
        assert!(
            next_hops.waiting.is_empty()
                && next_hops.due.is_empty()
                && next_hops.by_whose.is_empty()
        );
    }
}
