//! A connection that is gone is not the end of a dialog (RFC 3261 §18.1.1, §18.2.2).
//!
//! ```text
//!   BYE, re-INVITE, UPDATE, INFO, ACK … over a connection that is closed
//!     ──▶ where the dialog's peer has been heard since
//!     ──▶ else by the latest flow of its registration: of its instance, else of its account and host
//!     ──▶ else over a new connection to its Contact, or its first Route
//!     ──▶ else it waits, for at most 32 s, and tries again ── in vain ──▶ not carried
//!   the answer to an INVITE ──▶ the same, to the address in the INVITE's Via
//! ```
//!
//! Where a request came from that can be answered is known for sure; a Contact is only what the peer has
//! written. So no connection is opened but to the host that the dialog was with, or, for those whom a
//! password or the configuration knows, to another that they could have called us from.

use super::machine::Machine;
use super::peers::PeerFlows;
use crate::dialog::{self, ClientTx, RequestFailure};
use crate::ids::{ConnectionId, LegId, Number};
use crate::leg;
use crate::registrar::NextHop;
use crate::sip::{
    Destination, Flow, HeaderName, Message, NameAddr, Request, Response, Transport, is_private,
};
use crate::time::{Duration, Fading, Instant, Now};
use crate::transaction::{self, ClientId, ServerId, StrandedRequest};
use std::collections::{BTreeMap, BTreeSet};

/// For so long a message waits for a way: as long as its transaction would for an answer.
pub const WAY_MAX: Duration = Duration::from_secs(32);
/// A connection that could not be made is tried again after this.
pub const TRY_AGAIN: Duration = Duration::from_secs(4);
/// So many messages wait for a way at a time; one more is not carried.
pub const WITHOUT_WAY_MAX: usize = 4_096;
/// Of so many messages that go over a new connection it is known since when they have looked for a way; the oldest
/// give way, and have their time again when that connection fails, too.
pub const TRIED_MAX: usize = 4 * WITHOUT_WAY_MAX;

/// Which connections there are, and what waits for one.
#[derive(Debug)]
pub(super) struct NextHops {
    /// The connections that were heard and are not closed.
    open: BTreeSet<ConnectionId>,
    waiting: BTreeMap<WaitingKey, WaitingSend>,
    /// When each of them is due.
    due: BTreeSet<(Instant, WaitingKey)>,
    /// Whose return may give them a way.
    by_whose: BTreeSet<(Whose, WaitingKey)>,
    /// Those of them that are on their way over a new connection, which may still fail.
    tried: Fading<WaitingKey, Since>,
    acks: u64,
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
enum WaitingKey {
    Ack(u64),
    Client(ClientId),
    Server(ServerId),
}

#[derive(Clone, Copy, Debug)]
struct Since {
    /// The way that is no more.
    gone: Destination,
    until: Instant,
}

#[derive(Debug)]
struct WaitingSend {
    what: WaitingWhat,
    since: Since,
    /// When its Contact is tried.
    again: Instant,
    whose: Vec<Whose>,
}

impl WaitingSend {
    fn due(&self) -> Instant {
        self.again.min(self.since.until)
    }
}

#[derive(Debug)]
enum WaitingWhat {
    Ack(Request),
    /// Without a branch when it has not been sent before.
    Request(Option<String>, Request),
    /// The answer to an INVITE, with what it was told last.
    Answer(Box<Response>),
}

impl Default for NextHops {
    fn default() -> Self {
        Self {
            open: BTreeSet::new(),
            waiting: BTreeMap::new(),
            due: BTreeSet::new(),
            by_whose: BTreeSet::new(),
            tried: Fading::new(TRIED_MAX),
            acks: 0,
        }
    }
}

impl NextHops {
    /// Something has come by this flow.
    pub fn heard(&mut self, flow: Flow) {
        if flow.transport.is_reliable() {
            self.open.insert(flow.connection);
        }
    }

    /// Nothing can be carried by it any more.
    fn close(&mut self, destination: Destination) {
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

    fn leads_nowhere(&self, destination: &Destination) -> bool {
        match destination {
            Destination::Flow(flow) => self.is_gone(flow),
            Destination::Address { .. } => false,
        }
    }

    /// When [`tick`](Machine::tick_ways) has something to do.
    pub fn deadline(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    fn put(&mut self, key: WaitingKey, waiting: WaitingSend) {
        self.due.insert((waiting.due(), key));
        self.by_whose.extend(waiting.whose.iter().map(|whose| (whose.clone(), key)));
        self.waiting.insert(key, waiting);
    }

    fn take(&mut self, key: WaitingKey) -> Option<WaitingSend> {
        let waiting = self.waiting.remove(&key)?;
        self.due.remove(&(waiting.due(), key));
        for whose in &waiting.whose {
            self.by_whose.remove(&(whose.clone(), key));
        }
        Some(waiting)
    }

    fn of(&self, whose: &Whose) -> Vec<WaitingKey> {
        let from = self.by_whose.range((whose.clone(), WaitingKey::Ack(0))..);
        from.take_while(|(of, _)| of == whose).map(|(_, key)| *key).collect()
    }
}

impl Machine {
    /// Carries a request of a leg, over another way where its own is closed.
    pub(super) fn ask(&mut self, now: Now, id: ClientId, to: Destination, request: Request) {
        if !self.next_hops.leads_nowhere(&to) {
            return self.transact(now, transaction::Input::Request { id, to, request });
        }
        let what = WaitingWhat::Request(None, request);
        self.look_for(now, WaitingKey::Client(id), what, to);
    }

    /// Carries the ACK for a 2xx, over another way where its own is closed.
    pub(super) fn forward(&mut self, now: Now, to: Destination, request: Request) {
        if !self.next_hops.leads_nowhere(&to) {
            return self.transact(now, transaction::Input::Forward { to, request });
        }
        self.next_hops.acks += 1;
        self.look_for(now, WaitingKey::Ack(self.next_hops.acks), WaitingWhat::Ack(request), to);
    }

    /// Nothing can be carried there any more, or could not be: what outlives that looks for another way.
    pub(super) fn lose_way(&mut self, now: Now, gone: Destination) {
        self.next_hops.close(gone);
        let (requests, invites) = self.transactions.strand(gone);
        self.transact(now, transaction::Input::TransportFailed { destination: gone });
        for StrandedRequest { id, branch, request } in requests {
            let what = WaitingWhat::Request(Some(branch), request);
            self.look_for(now, WaitingKey::Client(id), what, gone);
        }
        for (id, last) in invites {
            self.look_for(now, WaitingKey::Server(id), WaitingWhat::Answer(Box::new(last)), gone);
        }
    }

    fn look_for(&mut self, now: Now, key: WaitingKey, what: WaitingWhat, gone: Destination) {
        self.next_hops.tried.forget(now.instant);
        let tried = self.next_hops.tried.remove(&key).map(|(_, since)| since);
        let since = tried.unwrap_or(Since { gone, until: now.instant + WAY_MAX });
        // What is told that a connection cannot be made is not told so again at once.
        let is_new = matches!(gone, Destination::Flow(_));
        let again = if is_new { now.instant } else { now.instant + TRY_AGAIN };
        let is_over = since.until <= now.instant;
        if is_over || self.next_hops.waiting.len() >= WITHOUT_WAY_MAX {
            return self.give_way_up(now, key);
        }
        let leg = self.leg_behind(&what);
        let terminal = leg.and_then(|leg| self.peers.terminal(leg)).cloned();
        let whose = leg.map(Whose::Leg).into_iter().chain(terminal.map(Whose::Terminal));
        self.next_hops.put(key, WaitingSend { what, since, again, whose: whose.collect() });
        self.try_way(now, key);
    }

    fn leg_behind(&self, what: &WaitingWhat) -> Option<LegId> {
        let ours = match what {
            WaitingWhat::Ack(request) | WaitingWhat::Request(_, request) => {
                request.headers.from_tag()
            }
            WaitingWhat::Answer(last) => last.headers.to_tag(),
        };
        self.legs.leg_of(ours?)
    }

    /// A peer has been heard, or a phone has registered: what waits for that may have a way now.
    pub(super) fn try_ways(&mut self, now: Now, whose: &Whose) {
        for key in self.next_hops.of(whose) {
            self.try_way(now, key);
        }
    }

    fn try_way(&mut self, now: Now, key: WaitingKey) {
        let Some(waiting) = self.next_hops.waiting.get(&key) else { return };
        let (gone, may_connect) = (waiting.since.gone, waiting.again <= now.instant);
        let way = match &waiting.what {
            WaitingWhat::Ack(request) | WaitingWhat::Request(_, request) => {
                self.way_for(gone, request, may_connect)
            }
            WaitingWhat::Answer(last) => self.way_back(gone, last, may_connect),
        };
        let Some(to) = way else { return };
        let Some(WaitingSend { what, since, .. }) = self.next_hops.take(key) else { return };
        if let Destination::Address { transport, .. } = to
            && transport.is_reliable()
            && !matches!(what, WaitingWhat::Ack(_))
        {
            // It may fail as late as its transaction would.
            self.next_hops.tried.put(key, since, since.until + WAY_MAX);
        }
        let input = match (key, what) {
            (WaitingKey::Client(id), WaitingWhat::Request(Some(branch), request)) => {
                transaction::Input::Resume { stranded: StrandedRequest { id, branch, request }, to }
            }
            (WaitingKey::Client(id), WaitingWhat::Request(None, request)) => {
                transaction::Input::Request { id, to, request }
            }
            (WaitingKey::Server(id), _) => transaction::Input::Redirect { id, to },
            (_, WaitingWhat::Ack(request) | WaitingWhat::Request(_, request)) => {
                transaction::Input::Forward { to, request }
            }
            (WaitingKey::Ack(_) | WaitingKey::Client(_), WaitingWhat::Answer(_)) => return,
        };
        self.transact(now, input);
    }

    /// Does what is due.
    pub(super) fn tick_ways(&mut self, now: Now) {
        while let Some((at, key)) = self.next_hops.due.first().copied()
            && at <= now.instant
        {
            if self.next_hops.waiting.get(&key).is_some_and(|it| it.since.until <= now.instant) {
                self.next_hops.take(key);
                self.give_way_up(now, key);
                continue;
            }
            self.try_way(now, key);
            // What has none yet, later.
            if let Some(waiting) = self.next_hops.take(key) {
                self.next_hops.put(key, WaitingSend { again: now.instant + TRY_AGAIN, ..waiting });
            }
        }
    }

    fn give_way_up(&mut self, now: Now, key: WaitingKey) {
        match key {
            WaitingKey::Client(id) => {
                let (transaction, why) = (ClientTx(id.0), RequestFailure::Transport);
                self.leg(now, leg::Input::Dialog(dialog::Input::Failed { transaction, why }));
            }
            WaitingKey::Server(id) => self.transact(now, transaction::Input::Abandon(id)),
            WaitingKey::Ack(_) => {}
        }
    }

    /// Where a message goes that a transaction repeats, or that ends one, when its way is closed.
    pub(super) fn detour(&self, to: Destination, message: &Message) -> Destination {
        if !self.next_hops.leads_nowhere(&to) {
            return to;
        }
        let way = match message {
            Message::Request(request) => self.way_for(to, request, true),
            Message::Response(response) => self.way_back(to, response, true),
        };
        way.filter(|way| way.transport() == to.transport()).unwrap_or(to)
    }

    // ---- which way ----

    fn way_for(
        &self,
        gone: Destination,
        request: &Request,
        may_connect: bool,
    ) -> Option<Destination> {
        let leg = request.headers.from_tag().and_then(|ours| self.legs.leg_of(ours));
        if let Some(leg) = leg
            && let Some(known) = self.known_way(gone, leg, |_| true)
        {
            return Some(known);
        }
        match gone {
            Destination::Address { .. } => may_connect.then_some(gone),
            Destination::Flow(flow) if may_connect => self.way_to_contact(flow, leg, request),
            Destination::Flow(_) => None,
        }
    }

    /// By which flow the peer of a leg was heard last, or is registered.
    fn known_way(
        &self,
        gone: Destination,
        leg: LegId,
        fits: impl Fn(Transport) -> bool,
    ) -> Option<Destination> {
        let moved = self.legs.destination(leg).filter(|moved| *moved != gone);
        let place = self.place(leg).unwrap_or_default();
        let PeerFlows { spoke, registered, .. } = place;
        let flows = [spoke, registered].into_iter().flatten().map(Destination::Flow);
        let mut next_hops = moved.into_iter().chain(flows);
        next_hops
            .find(|way| *way != gone && !self.next_hops.leads_nowhere(way) && fits(way.transport()))
    }

    /// Over a new connection to the next hop that the request itself names.
    fn way_to_contact(
        &self,
        gone: Flow,
        leg: Option<LegId>,
        request: &Request,
    ) -> Option<Destination> {
        let route = request.headers.list(HeaderName::Route).next();
        let route = route.and_then(|route| NameAddr::parse(route, &HeaderName::Route).ok());
        let next = route.map_or_else(|| request.uri.clone(), |route| route.uri);
        let NextHop::Known(Destination::Address { transport, remote }) = NextHop::to(&next) else {
            return None;
        };
        let is_browser = matches!(gone.transport, Transport::Ws | Transport::Wss);
        // Nobody listens at the port that a connection came from, whatever its URI says.
        let transport = if remote == gone.remote { gone.transport } else { transport };
        let (there, known) = (remote.ip().to_canonical(), gone.remote.ip().to_canonical());
        let is_vouched = leg.and_then(|leg| self.place(leg)).is_some_and(|place| place.is_vouched);
        let reaches = is_private(known) || !is_private(there);
        let fits = there == known || is_vouched && reaches;
        (fits && !is_browser).then_some(Destination::Address { transport, remote })
    }

    /// §18.2.2: to the address that the request came from, at the port that its Via names.
    fn way_back(
        &self,
        gone: Destination,
        response: &Response,
        may_connect: bool,
    ) -> Option<Destination> {
        let transport = gone.transport();
        let leg = response.headers.to_tag().and_then(|ours| self.legs.leg_of(ours));
        if let Some(leg) = leg
            && let Some(known) = self.known_way(gone, leg, |other| other == transport)
        {
            return Some(known);
        }
        let is_browser = matches!(transport, Transport::Ws | Transport::Wss);
        if !may_connect || is_browser {
            return None;
        }
        let Destination::Flow(flow) = gone else { return Some(gone) };
        let via = response.headers.via().ok()?;
        let port = via.port().unwrap_or(transport.default_port());
        let remote = std::net::SocketAddr::new(flow.remote.ip(), port);
        Some(Destination::Address { transport, remote })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::{Method, Uri};

    fn at(secs: u64) -> Instant {
        Instant::START + Duration::from_secs(secs)
    }

    #[test]
    fn what_is_taken_leaves_nothing_and_each_finds_its_own() {
        let mut next_hops = NextHops::default();
        let gone = Destination::Address {
            transport: Transport::Tcp,
            remote: ([192, 0, 2, 7], 5060).into(),
        };
        let uri = Uri::parse("sip:3001@192.0.2.7").expect("it is one");
        let number = |leg: u64| Whose::Terminal(Number::from(&*(leg % 2).to_string()));
        for leg in 0..10 {
            let what = WaitingWhat::Request(None, Request::new(Method::BYE, uri.clone()));
            let since = Since { gone, until: at(32) };
            let whose = vec![Whose::Leg(LegId(leg)), number(leg)];
            let waiting = WaitingSend { what, since, again: at(50 - 4 * leg), whose };
            next_hops.put(WaitingKey::Client(ClientId(leg)), waiting);
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
