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
use super::peers::Place;
use crate::dialog::{self, ClientTx, Failure};
use crate::ids::{ConnectionId, LegId, Number};
use crate::leg;
use crate::registrar::Way;
use crate::sip::{
    Destination, Flow, HeaderName, Message, NameAddr, Request, Response, Transport, is_private,
};
use crate::time::{Duration, Fading, Instant, Now};
use crate::transaction::{self, ClientId, ServerId, Stranded};
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
pub(super) struct Ways {
    /// The connections that were heard and are not closed.
    open: BTreeSet<ConnectionId>,
    waiting: BTreeMap<Key, Waiting>,
    /// When each of them is due.
    due: BTreeSet<(Instant, Key)>,
    /// Whose return may give them a way.
    by_whose: BTreeSet<(Whose, Key)>,
    /// Those of them that are on their way over a new connection, which may still fail.
    tried: Fading<Key, Since>,
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
enum Key {
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
struct Waiting {
    what: What,
    since: Since,
    /// When its Contact is tried.
    again: Instant,
    whose: Vec<Whose>,
}

impl Waiting {
    fn due(&self) -> Instant {
        self.again.min(self.since.until)
    }
}

#[derive(Debug)]
enum What {
    Ack(Request),
    /// Without a branch when it has not been sent before.
    Request(Option<String>, Request),
    /// The answer to an INVITE, with what it was told last.
    Answer(Box<Response>),
}

impl Default for Ways {
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

impl Ways {
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

    fn put(&mut self, key: Key, waiting: Waiting) {
        self.due.insert((waiting.due(), key));
        self.by_whose.extend(waiting.whose.iter().map(|whose| (whose.clone(), key)));
        self.waiting.insert(key, waiting);
    }

    fn take(&mut self, key: Key) -> Option<Waiting> {
        let waiting = self.waiting.remove(&key)?;
        self.due.remove(&(waiting.due(), key));
        for whose in &waiting.whose {
            self.by_whose.remove(&(whose.clone(), key));
        }
        Some(waiting)
    }

    fn of(&self, whose: &Whose) -> Vec<Key> {
        let from = self.by_whose.range((whose.clone(), Key::Ack(0))..);
        from.take_while(|(of, _)| of == whose).map(|(_, key)| *key).collect()
    }
}

impl Machine {
    /// Carries a request of a leg, over another way where its own is closed.
    pub(super) fn ask(&mut self, now: Now, id: ClientId, to: Destination, request: Request) {
        if !self.ways.leads_nowhere(&to) {
            return self.transact(now, transaction::Input::Request { id, to, request });
        }
        let what = What::Request(None, request);
        self.look_for(now, Key::Client(id), what, to);
    }

    /// Carries the ACK for a 2xx, over another way where its own is closed.
    pub(super) fn forward(&mut self, now: Now, to: Destination, request: Request) {
        if !self.ways.leads_nowhere(&to) {
            return self.transact(now, transaction::Input::Forward { to, request });
        }
        self.ways.acks += 1;
        self.look_for(now, Key::Ack(self.ways.acks), What::Ack(request), to);
    }

    /// Nothing can be carried there any more, or could not be: what outlives that looks for another way.
    pub(super) fn lose_way(&mut self, now: Now, gone: Destination) {
        self.ways.close(gone);
        let (requests, invites) = self.transactions.strand(gone);
        self.transact(now, transaction::Input::TransportFailed { destination: gone });
        for Stranded { id, branch, request } in requests {
            let what = What::Request(Some(branch), request);
            self.look_for(now, Key::Client(id), what, gone);
        }
        for (id, last) in invites {
            self.look_for(now, Key::Server(id), What::Answer(Box::new(last)), gone);
        }
    }

    fn look_for(&mut self, now: Now, key: Key, what: What, gone: Destination) {
        self.ways.tried.forget(now.instant);
        let tried = self.ways.tried.remove(&key).map(|(_, since)| since);
        let since = tried.unwrap_or(Since { gone, until: now.instant + WAY_MAX });
        // What is told that a connection cannot be made is not told so again at once.
        let is_new = matches!(gone, Destination::Flow(_));
        let again = if is_new { now.instant } else { now.instant + TRY_AGAIN };
        let is_over = since.until <= now.instant;
        if is_over || self.ways.waiting.len() >= WITHOUT_WAY_MAX {
            return self.give_way_up(now, key);
        }
        let leg = self.leg_behind(&what);
        let terminal = leg.and_then(|leg| self.peers.terminal(leg)).cloned();
        let whose = leg.map(Whose::Leg).into_iter().chain(terminal.map(Whose::Terminal));
        self.ways.put(key, Waiting { what, since, again, whose: whose.collect() });
        self.try_way(now, key);
    }

    fn leg_behind(&self, what: &What) -> Option<LegId> {
        let ours = match what {
            What::Ack(request) | What::Request(_, request) => request.headers.from_tag(),
            What::Answer(last) => last.headers.to_tag(),
        };
        self.legs.leg_of(ours?)
    }

    /// A peer has been heard, or a phone has registered: what waits for that may have a way now.
    pub(super) fn try_ways(&mut self, now: Now, whose: &Whose) {
        for key in self.ways.of(whose) {
            self.try_way(now, key);
        }
    }

    fn try_way(&mut self, now: Now, key: Key) {
        let Some(waiting) = self.ways.waiting.get(&key) else { return };
        let (gone, may_connect) = (waiting.since.gone, waiting.again <= now.instant);
        let way = match &waiting.what {
            What::Ack(request) | What::Request(_, request) => {
                self.way_for(gone, request, may_connect)
            }
            What::Answer(last) => self.way_back(gone, last, may_connect),
        };
        let Some(to) = way else { return };
        let Some(Waiting { what, since, .. }) = self.ways.take(key) else { return };
        if let Destination::Address { transport, .. } = to
            && transport.is_reliable()
            && !matches!(what, What::Ack(_))
        {
            // It may fail as late as its transaction would.
            self.ways.tried.put(key, since, since.until + WAY_MAX);
        }
        let input = match (key, what) {
            (Key::Client(id), What::Request(Some(branch), request)) => {
                transaction::Input::Resume { stranded: Stranded { id, branch, request }, to }
            }
            (Key::Client(id), What::Request(None, request)) => {
                transaction::Input::Request { id, to, request }
            }
            (Key::Server(id), _) => transaction::Input::Redirect { id, to },
            (_, What::Ack(request) | What::Request(_, request)) => {
                transaction::Input::Forward { to, request }
            }
            (Key::Ack(_) | Key::Client(_), What::Answer(_)) => return,
        };
        self.transact(now, input);
    }

    /// Does what is due.
    pub(super) fn tick_ways(&mut self, now: Now) {
        while let Some((at, key)) = self.ways.due.first().copied()
            && at <= now.instant
        {
            if self.ways.waiting.get(&key).is_some_and(|it| it.since.until <= now.instant) {
                self.ways.take(key);
                self.give_way_up(now, key);
                continue;
            }
            self.try_way(now, key);
            // What has none yet, later.
            if let Some(waiting) = self.ways.take(key) {
                self.ways.put(key, Waiting { again: now.instant + TRY_AGAIN, ..waiting });
            }
        }
    }

    fn give_way_up(&mut self, now: Now, key: Key) {
        match key {
            Key::Client(id) => {
                let (transaction, why) = (ClientTx(id.0), Failure::Transport);
                self.leg(now, leg::Input::Dialog(dialog::Input::Failed { transaction, why }));
            }
            Key::Server(id) => self.transact(now, transaction::Input::Abandon(id)),
            Key::Ack(_) => {}
        }
    }

    /// Where a message goes that a transaction repeats, or that ends one, when its way is closed.
    pub(super) fn detour(&self, to: Destination, message: &Message) -> Destination {
        if !self.ways.leads_nowhere(&to) {
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
        let Place { spoke, registered, .. } = place;
        let flows = [spoke, registered].into_iter().flatten().map(Destination::Flow);
        let mut ways = moved.into_iter().chain(flows);
        ways.find(|way| *way != gone && !self.ways.leads_nowhere(way) && fits(way.transport()))
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
        let Way::Known(Destination::Address { transport, remote }) = Way::to(&next) else {
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
        let mut ways = Ways::default();
        let gone = Destination::Address {
            transport: Transport::Tcp,
            remote: ([192, 0, 2, 7], 5060).into(),
        };
        let uri = Uri::parse("sip:3001@192.0.2.7").expect("it is one");
        let number = |leg: u64| Whose::Terminal(Number::from(&*(leg % 2).to_string()));
        for leg in 0..10 {
            let what = What::Request(None, Request::new(Method::BYE, uri.clone()));
            let since = Since { gone, until: at(32) };
            let whose = vec![Whose::Leg(LegId(leg)), number(leg)];
            let waiting = Waiting { what, since, again: at(50 - 4 * leg), whose };
            ways.put(Key::Client(ClientId(leg)), waiting);
        }
        assert_eq!(ways.deadline(), Some(at(14)));
        assert_eq!(ways.of(&Whose::Leg(LegId(3))), [Key::Client(ClientId(3))]);
        assert_eq!(ways.of(&Whose::Leg(LegId(10))), []);
        assert_eq!(ways.of(&number(1)), [1, 3, 5, 7, 9].map(|id| Key::Client(ClientId(id))));
        for leg in [9, 8, 7, 6, 5] {
            assert!(ways.take(Key::Client(ClientId(leg))).is_some());
        }
        assert_eq!(ways.deadline(), Some(at(32)), "its time is over before it would try again");
        for key in ways.of(&number(0)).into_iter().chain(ways.of(&number(1))) {
            assert!(ways.take(key).is_some());
        }
        assert!(ways.waiting.is_empty() && ways.due.is_empty() && ways.by_whose.is_empty());
    }
}
