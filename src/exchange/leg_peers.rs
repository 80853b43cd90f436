//! Who is at the other end of each leg, and where.

use crate::ids::{LegId, Number};
use crate::live::{LegPeer, Who};
use crate::sip::{Flow, Transport};
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

/// For so long the peer of a leg that is over is known: as long as our BYE may be on its way.
const PARTING: Duration = Duration::from_secs(64);

/// Who is at the other end of each leg.
#[derive(Debug, Default)]
pub(super) struct Peers {
    pub all: BTreeMap<LegId, LegPeer>,
    /// Those whose leg is over: a BYE may still be on its way.
    parting: VecDeque<(Instant, LegId)>,
}

impl Peers {
    /// Who is at the other end of this leg.
    pub fn get(&self, leg: LegId) -> Option<&LegPeer> {
        self.all.get(&leg)
    }

    /// The leg is over.
    pub fn retire(&mut self, now: Instant, leg: LegId) {
        while let Some((_, over)) = self.parting.pop_front_if(|(until, _)| *until <= now) {
            self.all.remove(&over);
        }
        if self.all.contains_key(&leg) {
            self.parting.push_back((now + PARTING, leg));
        }
    }

    /// The terminal of which a phone is there.
    pub fn terminal(&self, leg: LegId) -> Option<&Number> {
        match &self.get(leg)?.who {
            Who::Terminal(number) => Some(number),
            Who::Desk(_) | Who::Trunk(_) | Who::Unauthenticated => None,
        }
    }

    /// The leg has never been.
    pub fn remove(&mut self, leg: LegId) {
        self.all.remove(&leg);
    }
}

/// By which ways a peer can be reached whose connection is closed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PeerFlows {
    /// By which connection it was heard last.
    pub spoke: Option<Flow>,
    /// The latest flow of its registration.
    pub registered: Option<Flow>,
    /// The address of its registration's Contact, where the connection that has registered it is closed, too.
    pub listens: Option<(Transport, SocketAddr)>,
    /// A password or the configuration knows it.
    pub is_vouched: bool,
}
