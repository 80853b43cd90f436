//! A connection that is gone is not the end of a dialog (RFC 3261 §18.1.1, §18.2.2).
//!
//! ```text
//!   BYE, re-INVITE, UPDATE, INFO, ACK … over a connection that is closed
//!     ──▶ where the dialog's peer has been heard since
//!     ──▶ else by the latest flow of its registration: of its instance, else of its account and host
//!     ──▶ else over a new connection to its Contact, or its first Route
//!     ──▶ else over one to the Contact of its registration: some phones name in a dialog the port that their
//!         connection had, and nobody listens there
//!     ──▶ else it waits, for at most 32 s, and tries again ── in vain ──▶ not carried
//!   the answer to an INVITE ──▶ the same, to the address in the INVITE's Via
//! ```
//!
//! Where a request came from that can be answered is known for sure; a Contact is only what the peer has
//! written. So no connection is opened but to the host that the dialog was with, or, for those whom a
//! password or the configuration knows, to another that they could have called us from.

use super::leg_peers::PeerFlows;
use super::rooms::Machine;
use super::stranded::{Since, WaitingKey, WaitingSend, WaitingWhat, Whose};
use crate::dialog::{self, ClientTx, RequestFailure};
use crate::ids::LegId;
use crate::leg;
use crate::registrar::NextHop;
use crate::sip::{
    Destination, Flow, HeaderName, Message, NameAddr, Request, Response, Transport, is_private,
};
use crate::time::{Duration, Now};
use crate::transaction::{self, ClientId, StrandedRequest};

/// For so long a message waits for a way: as long as its transaction would for an answer.
pub const WAY_MAX: Duration = Duration::from_secs(32);
/// A connection that could not be made is tried again after this.
pub const TRY_AGAIN: Duration = Duration::from_secs(4);

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
        let until = tried.as_ref().map_or(now.instant + WAY_MAX, |since| since.until);
        // What is told that a connection cannot be made is not told so again at once.
        let failed = matches!(gone, Destination::Address { .. }).then_some(gone);
        let again = if failed.is_none() { now.instant } else { now.instant + TRY_AGAIN };
        let since = Since { gone: tried.map_or(gone, |since| since.gone), failed, until };
        let is_over = since.until <= now.instant;
        let leg = self.leg_behind(&what);
        let is_vouched = leg.and_then(|leg| self.place(leg)).is_some_and(|place| place.is_vouched);
        if is_over || !self.next_hops.has_room(is_vouched) {
            return self.give_way_up(now, key);
        }
        let terminal = leg.and_then(|leg| self.peers.terminal(leg)).cloned();
        let whose = leg.map(Whose::Leg).into_iter().chain(terminal.map(Whose::Terminal));
        let whose = whose.collect();
        self.next_hops.put(key, WaitingSend { what, since, again, whose, is_vouched });
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
        let (since, may_connect) = (waiting.since, waiting.again <= now.instant);
        let way = match &waiting.what {
            WaitingWhat::Ack(request) | WaitingWhat::Request(_, request) => {
                self.way_for(since.gone, since.failed, request, may_connect)
            }
            WaitingWhat::Answer(last) => self.way_back(since.gone, last, may_connect),
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
            Message::Request(request) => self.way_for(to, None, request, true),
            Message::Response(response) => self.way_back(to, response, true),
        };
        way.filter(|way| way.transport() == to.transport()).unwrap_or(to)
    }

    // ---- which way ----

    fn way_for(
        &self,
        gone: Destination,
        failed: Option<Destination>,
        request: &Request,
        may_connect: bool,
    ) -> Option<Destination> {
        let leg = request.headers.from_tag().and_then(|ours| self.legs.leg_of(ours));
        if let Some(leg) = leg
            && let Some(known) = self.known_way(gone, leg, |_| true)
        {
            return Some(known);
        }
        let contact = match gone {
            Destination::Address { .. } => Some(gone),
            Destination::Flow(flow) => self.way_to_contact(flow, leg, request),
        };
        let contact = contact.filter(|_| may_connect);
        // One that has failed at this moment is not tried again at once.
        contact.or_else(|| self.registered_contact(leg?).filter(|way| Some(*way) != failed))
    }

    /// Over a new connection to where the peer of a leg said that it listens when it registered.
    fn registered_contact(&self, leg: LegId) -> Option<Destination> {
        let (transport, remote) = self.place(leg)?.listens?;
        Some(Destination::Address { transport, remote })
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
        let unseals = gone.transport.is_secure() && !transport.is_secure();
        let (there, known) = (remote.ip().to_canonical(), gone.remote.ip().to_canonical());
        let is_vouched = leg.and_then(|leg| self.place(leg)).is_some_and(|place| place.is_vouched);
        let reaches = is_private(known) || !is_private(there);
        let fits = there == known || is_vouched && reaches;
        (fits && !is_browser && !unseals).then_some(Destination::Address { transport, remote })
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
