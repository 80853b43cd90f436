//! The server transactions: requests that came, and the answers they get.

use super::effect::Effect;
use super::id::ServerId;
use super::key::{MergeKey, ServerKey, TransactionKeys};
use super::server_invite::{self, ServerInvite};
use super::server_non_invite::{self, ServerNonInvite};
use super::shares::{SourceTrust, TransactionShares};
use crate::random::{KeyedMap, Random, take_out};
use crate::sip::{
    Destination, Flow, HeaderName, Method, Request, Response, StatusCode, Tags, Transport, Via,
    network,
};
use crate::time::Instant;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

/// §21.5.4: the longest wait that an overloaded house asks for, in seconds.
const RETRY_AFTER_MAX: u64 = 10;

/// All server transactions.
#[derive(Debug)]
pub struct Servers {
    random: Random,
    pub(super) keys: TransactionKeys,
    tags: Tags,
    pub(super) shares: TransactionShares,
    pub(super) last_id: u64,
    pub(super) entries: BTreeMap<ServerId, Box<ServerEntry>>,
    pub(super) by_key: KeyedMap<ServerKey, ServerId>,
    pub(super) by_merge_key: KeyedMap<MergeKey, ServerId>,
    /// Those on streams: only of these the transport tells that they are gone.
    pub(super) by_destination: BTreeSet<(Destination, ServerId)>,
    timers: BTreeSet<(Instant, ServerId)>,
}

#[derive(Debug)]
pub(super) struct ServerEntry {
    pub transaction: ServerTransaction,
    pub key: ServerKey,
    pub merge_key: Option<MergeKey>,
    pub to: Destination,
    /// The connection is closed by which the request came, and there is no other yet.
    pub cut: bool,
    pub source: IpAddr,
    pub armed: Option<Instant>,
}

#[derive(Debug)]
pub(super) enum ServerTransaction {
    Invite(ServerInvite),
    Other(ServerNonInvite),
}

/// What either kind of transaction meets.
#[derive(Debug)]
enum ServerEvent {
    Copy,
    Ack,
    Respond(Response),
    TransportError,
    Tick,
}

impl Servers {
    /// No transactions yet, and never more than `limit`.
    pub fn new(limit: usize, mut random: Random) -> Self {
        Self {
            keys: TransactionKeys::new(&mut random),
            tags: Tags::new(&mut random),
            shares: TransactionShares::new(limit, &mut random),
            last_id: 0,
            entries: BTreeMap::new(),
            by_key: HashMap::with_hasher(random.map_keys()),
            by_merge_key: HashMap::with_hasher(random.map_keys()),
            by_destination: BTreeSet::new(),
            timers: BTreeSet::new(),
            random,
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Whether the INVITE under this Via is here.
    pub fn has_invite(&self, via: &Via) -> bool {
        self.keys.of_invite(via).is_some_and(|key| self.by_key.contains_key(&key))
    }

    /// Takes a request from the wire (§17.2.3).
    pub fn receive(
        &mut self,
        now: Instant,
        flow: Flow,
        standing: SourceTrust,
        mut request: Request,
        out: &mut Vec<Effect>,
    ) {
        let Some(via) = request.stamp_source(flow.remote) else {
            return; // Nobody could be answered.
        };
        let key = self.keys.of(&request, &via);
        if let Some(id) = self.by_key.get(&key).copied() {
            self.receive_copy(now, id, flow, request, out);
        } else if request.method == Method::ACK {
            out.push(Effect::Ack { flow, request });
        } else if request.method == Method::CANCEL {
            self.receive_cancel(now, key, flow, &request, &via, out);
        } else if !self.shares.has_room(standing, network(flow.remote.ip())) {
            let mut response = self.refusal(&request, StatusCode::SERVICE_UNAVAILABLE);
            let seconds = 1 + self.random.below(RETRY_AFTER_MAX);
            response.headers.push(HeaderName::RetryAfter, seconds);
            out.push(Effect::Send { to: return_path(flow, &via), message: response.into() });
        } else {
            let merge_key = self.keys.of_merged(&request);
            if merge_key.as_ref().is_some_and(|m| self.by_merge_key.contains_key(m)) {
                // §8.2.2.2: the same request came on two ways; the first one is being answered.
                let response = self.refusal(&request, StatusCode::LOOP_DETECTED);
                out.push(Effect::Send { to: return_path(flow, &via), message: response.into() });
                return;
            }
            let id = self.open(now, key, merge_key, flow, &via, &request);
            out.push(Effect::Request { id, flow, request });
        }
    }

    fn receive_copy(
        &mut self,
        now: Instant,
        id: ServerId,
        flow: Flow,
        request: Request,
        out: &mut Vec<Effect>,
    ) {
        if request.method != Method::ACK {
            return self.play(now, id, ServerEvent::Copy, out);
        }
        let accepted = self.entries.get(&id).is_some_and(|entry| match &entry.transaction {
            ServerTransaction::Invite(invite) => invite.is_accepted(),
            ServerTransaction::Other(_) => false,
        });
        if accepted {
            // Only old clients give the ACK for a 2xx the branch of its INVITE.
            out.push(Effect::Ack { flow, request });
        } else {
            self.play(now, id, ServerEvent::Ack, out);
        }
    }

    /// §9.2. Nobody can be asked to prove a CANCEL (§22.1): it comes from where its INVITE came, or means
    /// nothing.
    fn receive_cancel(
        &mut self,
        now: Instant,
        key: ServerKey,
        flow: Flow,
        cancel: &Request,
        via: &Via,
        out: &mut Vec<Effect>,
    ) {
        let invite = self.by_key.get(&self.keys.of_cancelled(cancel, via)).copied();
        let found = invite.and_then(|id| {
            let path = return_path(flow, via);
            let entry = self.entries.get(&id)?;
            // Whoever has lost its connection comes by another.
            let anew = entry.cut
                && entry.to.remote().ip() == flow.remote.ip()
                && entry.to.transport() == flow.transport;
            if entry.to != path && !anew {
                return None;
            }
            match &entry.transaction {
                ServerTransaction::Invite(invite) => {
                    Some((id, invite.can_be_cancelled(), invite.to_tag()))
                }
                ServerTransaction::Other(_) => None,
            }
        });
        let Some((invite, awaits, tag)) = found else {
            let response = self.refusal(cancel, StatusCode::CALL_DOES_NOT_EXIST);
            out.push(Effect::Send { to: return_path(flow, via), message: response.into() });
            return;
        };
        let mut response = cancel.response(StatusCode::OK);
        // §9.2: the tag of the INVITE's responses, where there is one already.
        let tag = tag.map_or_else(|| self.tags.of(&cancel.headers), str::to_owned);
        response.headers.set_to_tag(&tag);
        let id = self.open(now, key, None, flow, via, cancel);
        self.respond(now, id, response, out);
        if awaits {
            let reason = cancel.headers.get(HeaderName::Reason).map(str::to_owned);
            out.push(Effect::Cancelled { id: invite, reason });
        }
    }

    /// A response of this room's own, for which nothing is kept: a copy gets it again (§8.2.7).
    fn refusal(&self, request: &Request, status: StatusCode) -> Response {
        let mut response = request.response(status);
        response.headers.set_to_tag(&self.tags.of(&request.headers));
        response
    }

    fn open(
        &mut self,
        now: Instant,
        key: ServerKey,
        merge_key: Option<MergeKey>,
        flow: Flow,
        via: &Via,
        request: &Request,
    ) -> ServerId {
        self.last_id += 1;
        let id = ServerId(self.last_id);
        let (to, source) = (return_path(flow, via), network(flow.remote.ip()));
        let reliable = to.transport().is_reliable();
        let came = request.clone();
        let transaction = if request.method == Method::INVITE {
            ServerTransaction::Invite(ServerInvite::new(now, reliable, came))
        } else {
            ServerTransaction::Other(ServerNonInvite::new(now, reliable, came))
        };
        self.by_key.insert(key, id);
        if let Some(merge_key) = merge_key {
            self.by_merge_key.insert(merge_key, id);
        }
        if reliable {
            self.by_destination.insert((to, id));
        }
        self.shares.take(source);
        let entry =
            ServerEntry { transaction, key, merge_key, to, cut: false, source, armed: None };
        self.entries.insert(id, Box::new(entry));
        self.arm(id);
        id
    }

    /// The transaction user, or this room, answers.
    pub fn respond(
        &mut self,
        now: Instant,
        id: ServerId,
        response: Response,
        out: &mut Vec<Effect>,
    ) {
        self.play(now, id, ServerEvent::Respond(response), out);
    }

    /// The transaction user answers, and nothing is kept of it.
    pub fn respond_stateless(&mut self, id: ServerId, response: Response, out: &mut Vec<Effect>) {
        if let Some(to) = self.entries.get(&id).map(|entry| entry.to) {
            out.push(Effect::Send { to, message: response.into() });
            self.close(id);
        }
    }

    /// Nothing can be carried to `destination`.
    pub fn transport_failed(
        &mut self,
        now: Instant,
        destination: Destination,
        out: &mut Vec<Effect>,
    ) {
        // A datagram that could not leave is as good as one that was lost on its way: copies of the
        // request ask for it again.
        if !destination.transport().is_reliable() {
            return;
        }
        let first = (destination, ServerId(0));
        let last = (destination, ServerId(u64::MAX));
        let ids: Vec<_> = self.by_destination.range(first..=last).map(|(_, id)| *id).collect();
        for id in ids {
            if self.entries.get(&id).is_some_and(|entry| !entry.cut) {
                self.play(now, id, ServerEvent::TransportError, out);
            }
        }
    }

    /// The INVITEs without a final response whose connection is closed, with what they were told last: each
    /// wants to be [redirected](Self::redirect) or [abandoned](Self::abandon).
    pub fn strand(&mut self, destination: Destination) -> Vec<(ServerId, Response)> {
        if !destination.transport().is_reliable() {
            return vec![];
        }
        let (first, last) = ((destination, ServerId(0)), (destination, ServerId(u64::MAX)));
        let ids: Vec<_> = self.by_destination.range(first..=last).map(|(_, id)| *id).collect();
        let stranded = ids.into_iter().filter_map(|id| {
            let entry = self.entries.get_mut(&id)?;
            let ServerTransaction::Invite(invite) = &entry.transaction else { return None };
            let last = invite.provisional()?;
            entry.cut = true;
            Some((id, last))
        });
        stranded.collect()
    }

    /// The responses of this transaction go by another way from now on (§18.2.2). What was said last goes
    /// there at once: it tells whether there is anybody.
    pub fn redirect(&mut self, id: ServerId, to: Destination, out: &mut Vec<Effect>) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        self.by_destination.remove(&(entry.to, id));
        (entry.to, entry.cut) = (to, false);
        if to.transport().is_reliable() {
            self.by_destination.insert((to, id));
        }
        if let ServerTransaction::Invite(invite) = &entry.transaction
            && let Some(last) = invite.provisional()
        {
            out.push(Effect::Send { to, message: last.into() });
        }
    }

    /// No way has been found.
    pub fn abandon(&mut self, now: Instant, id: ServerId, out: &mut Vec<Effect>) {
        if self.entries.get(&id).is_some_and(|entry| entry.cut) {
            self.play(now, id, ServerEvent::TransportError, out);
        }
    }

    /// The next moment at which a timer fires.
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Fires the timers that are due at `now`.
    pub fn tick(&mut self, now: Instant, out: &mut Vec<Effect>) {
        while let Some((_, id)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.play(now, id, ServerEvent::Tick, out);
        }
    }

    /// Plays one event into one transaction; an unknown one is over.
    fn play(&mut self, now: Instant, id: ServerId, event: ServerEvent, out: &mut Vec<Effect>) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let to = entry.to;
        let send = |response: Response| Effect::Send { to, message: response.into() };
        let terminated = match &mut entry.transaction {
            ServerTransaction::Invite(invite) => {
                use server_invite::{Effect as Own, Input};
                let effects = match event {
                    ServerEvent::Copy => invite.handle(now, Input::Invite),
                    ServerEvent::Ack => invite.handle(now, Input::Ack),
                    ServerEvent::Respond(response) => invite.handle(now, Input::Respond(response)),
                    ServerEvent::TransportError => invite.handle(now, Input::TransportError),
                    ServerEvent::Tick => invite.tick(now),
                };
                for effect in effects {
                    match effect {
                        Own::Send(response) => out.push(send(response)),
                        Own::NoAck => out.push(Effect::NoAck { id }),
                    }
                }
                invite.is_terminated()
            }
            ServerTransaction::Other(other) => {
                use server_non_invite::{Effect as Own, Input};
                let effects = match event {
                    ServerEvent::Copy => other.handle(now, Input::Request),
                    ServerEvent::Ack => Vec::new(),
                    ServerEvent::Respond(response) => other.handle(now, Input::Respond(response)),
                    ServerEvent::TransportError => other.handle(now, Input::TransportError),
                    ServerEvent::Tick => other.tick(now),
                };
                out.extend(effects.into_iter().map(|Own::Send(response)| send(response)));
                other.is_terminated()
            }
        };
        if terminated { self.close(id) } else { self.arm(id) }
    }

    /// Puts the transaction's deadline into the order of timers.
    pub(super) fn arm(&mut self, id: ServerId) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let deadline = match &entry.transaction {
            ServerTransaction::Invite(invite) => invite.deadline(),
            ServerTransaction::Other(other) => other.deadline(),
        };
        if entry.armed == deadline {
            return;
        }
        if let Some(at) = entry.armed {
            self.timers.remove(&(at, id));
        }
        if let Some(at) = deadline {
            self.timers.insert((at, id));
        }
        entry.armed = deadline;
    }

    pub(super) fn close(&mut self, id: ServerId) {
        let Some(entry) = self.entries.remove(&id) else {
            return;
        };
        self.shares.give_back(entry.source);
        take_out(&mut self.by_key, &entry.key);
        if let Some(merge_key) = &entry.merge_key {
            take_out(&mut self.by_merge_key, merge_key);
        }
        self.by_destination.remove(&(entry.to, id));
        if let Some(at) = entry.armed {
            self.timers.remove(&(at, id));
        }
    }
}

/// Where responses go (§18.2.2, RFC 3581 §4): a stream's own connection; by UDP the source port
/// when the client asks for it, else the port that it names. Its address is always the source
/// address, so that nobody has answers sent to others.
fn return_path(flow: Flow, via: &Via) -> Destination {
    if flow.transport.is_reliable() || via.asks_for_rport() {
        return Destination::Flow(flow);
    }
    let port = via.port().unwrap_or(Transport::Udp.default_port());
    Destination::Flow(Flow { remote: SocketAddr::new(flow.remote.ip(), port), ..flow })
}
