//! The client transactions: requests that we sent, and the answers that come.

use super::client_invite::{self, ClientInvite, InviteWait};
use super::client_non_invite::{self, ClientNonInvite};
use super::effect::{Effect, TransactionFailure};
use super::id::{Branch, ClientId};
use super::settings::Settings;
use crate::random::{KeyedMap, Random, take_out};
use crate::sip::{
    Destination, HeaderName, Host, Method, Network, Request, Response, Transport, printed_len,
};
use crate::time::{Duration, Instant, earliest};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

/// All client transactions.
#[derive(Debug)]
pub struct Clients {
    settings: Settings,
    random: Random,
    pub(super) entries: BTreeMap<ClientId, Box<ClientEntry>>,
    pub(super) by_branch: KeyedMap<Branch, ClientId>,
    pub(super) by_destination: BTreeSet<(Destination, ClientId)>,
    timers: BTreeSet<(Instant, ClientId)>,
    /// Where no stream came about, and until when none is tried there.
    streamless: BTreeMap<SocketAddr, Instant>,
}

/// For so long no stream is tried where none came about: each try may cost a caller the seconds in which a
/// firewall says nothing.
const STREAMLESS: Duration = Duration::from_secs(600);
/// So many such places are known; who comes beyond is tried each time.
const STREAMLESS_MAX: usize = 1_000;

#[derive(Debug)]
pub(super) struct ClientEntry {
    pub transaction: ClientTransaction,
    pub request: Request,
    pub branch: Branch,
    pub to: Destination,
    /// Where the request goes when the stream that its length asked for does not come about.
    pub fallback: Option<Destination>,
    /// The last datagram could not leave.
    pub stuck: bool,
    pub armed: Option<Instant>,
}

#[derive(Debug)]
pub(super) enum ClientTransaction {
    Invite { invite: ClientInvite, cancel: Option<Box<Cancel>> },
    Other(ClientNonInvite),
}

/// The CANCEL of an INVITE: a transaction of its own under the same branch (§9.1). What it is
/// answered decides nothing.
#[derive(Debug)]
pub(super) struct Cancel {
    transaction: ClientNonInvite,
    request: Request,
}

/// What either kind of transaction meets.
#[derive(Debug)]
enum ClientEvent {
    Response(Response),
    Cancel(Option<String>),
    TransportError,
    Tick,
}

impl Clients {
    /// No transactions yet.
    pub fn new(settings: Settings, mut random: Random) -> Self {
        Self {
            settings,
            entries: BTreeMap::new(),
            by_branch: HashMap::with_hasher(random.map_keys()),
            by_destination: BTreeSet::new(),
            timers: BTreeSet::new(),
            streamless: BTreeMap::new(),
            random,
        }
    }

    /// Packets leave from other addresses of ours from now on.
    pub fn set_routes(&mut self, routes: Vec<(Network, IpAddr)>) {
        self.settings.own.set_routes(routes);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.entries.len()
    }

    /// Whether one has this branch.
    pub fn is_awaited(&self, branch: &str) -> bool {
        Branch::of(branch).is_some_and(|branch| self.by_branch.contains_key(&branch))
    }

    /// Starts a transaction (§17.1).
    pub fn send(
        &mut self,
        now: Instant,
        id: ClientId,
        to: Destination,
        request: Request,
        out: &mut Vec<Effect>,
    ) {
        assert!(!self.entries.contains_key(&id), "the number of a client transaction is new");
        if self.streamless.get(&to.remote()).is_some_and(|until| *until <= now) {
            self.streamless.remove(&to.remote());
        }
        let branch = self.branch();
        let (to, fallback, request) = self.address(to, request, branch);
        self.open(now, id, Addressed { branch, to, fallback, request }, out);
    }

    /// Takes out the requests within dialogs that were on their way to where nothing can be carried any
    /// more: a dialog outlives its connection (§18.1.1), and so they can go by another.
    pub fn strand(&mut self, destination: Destination) -> Vec<StrandedRequest> {
        let (first, last) = ((destination, ClientId(0)), (destination, ClientId(u64::MAX)));
        let within = self.by_destination.range(first..=last).map(|(_, id)| *id).filter(|id| {
            self.entries.get(id).is_some_and(|entry| {
                let is_pending = match &entry.transaction {
                    ClientTransaction::Invite { invite, .. } => invite.is_pending(),
                    ClientTransaction::Other(other) => other.is_pending(),
                };
                let within = entry.request.headers.to_tag().is_some();
                is_pending && within && entry.fallback.is_none()
            })
        });
        let ids: Vec<_> = within.collect();
        let stranded = ids.into_iter().filter_map(|id| {
            let ClientEntry { mut request, branch, .. } = *self.close(id)?;
            request.headers.pop_front_element(HeaderName::Via);
            Some(StrandedRequest { id, branch, request })
        });
        stranded.collect()
    }

    /// Sends a stranded request by another way. It keeps its branch: whoever has it already answers again.
    pub fn resume(
        &mut self,
        now: Instant,
        stranded: StrandedRequest,
        to: Destination,
        out: &mut Vec<Effect>,
    ) {
        let StrandedRequest { id, branch, request } = stranded;
        let (to, fallback, request) = self.address(to, request, branch);
        self.open(now, id, Addressed { branch, to, fallback, request }, out);
    }

    /// Sends an INVITE once more to which nothing was said.
    pub fn repeat(&self, id: ClientId, out: &mut Vec<Effect>) {
        let Some(entry) = self.entries.get(&id) else { return };
        let ClientTransaction::Invite { invite, .. } = &entry.transaction else { return };
        if let Some(InviteWait::Unheard { .. }) = invite.wait() {
            out.push(Effect::Send { to: entry.to, message: entry.request.clone().into() });
        }
    }

    fn branch(&mut self) -> Branch {
        Branch(self.random.u64())
    }

    fn open(&mut self, now: Instant, id: ClientId, addressed: Addressed, out: &mut Vec<Effect>) {
        let Addressed { branch, to, fallback, request } = addressed;
        let reliable = to.transport().is_reliable();
        let transaction = if request.method == Method::INVITE {
            ClientTransaction::Invite { invite: ClientInvite::new(now, reliable), cancel: None }
        } else {
            ClientTransaction::Other(ClientNonInvite::new(now, reliable))
        };
        out.push(Effect::Send { to, message: request.clone().into() });
        self.by_branch.insert(branch, id);
        self.by_destination.insert((to, id));
        let entry =
            ClientEntry { transaction, request, branch, to, fallback, stuck: false, armed: None };
        self.entries.insert(id, Box::new(entry));
        self.arm(id);
    }

    /// Sends an ACK for a 2xx: no transaction.
    pub fn forward(&mut self, to: Destination, request: Request, out: &mut Vec<Effect>) {
        let branch = self.branch();
        let (to, _, request) = self.address(to, request, branch);
        out.push(Effect::Send { to, message: request.into() });
    }

    /// Puts the Via on, and changes to a stream when the request is too long for a datagram
    /// (§18.1.1). On a flow there is no choice.
    fn address(
        &self,
        to: Destination,
        mut request: Request,
        branch: Branch,
    ) -> (Destination, Option<Destination>, Request) {
        self.put_via(&mut request, &to, branch);
        let Destination::Address { transport: Transport::Udp, remote } = to else {
            return (to, None, request);
        };
        let streams = self.settings.own.listens(Transport::Tcp);
        let streams = streams && !self.streamless.contains_key(&remote);
        if !streams || printed_len(&request) <= self.settings.udp_bytes_max {
            return (to, None, request);
        }
        let stream = Destination::Address { transport: Transport::Tcp, remote };
        request.headers.pop_front_element(HeaderName::Via);
        self.put_via(&mut request, &stream, branch);
        (stream, Some(to), request)
    }

    fn put_via(&self, request: &mut Request, to: &Destination, branch: Branch) {
        let ours = self.settings.own.socket(to);
        let (transport, host) = (to.transport().via_token(), Host::from(ours.ip()));
        // RFC 3581 §3
        let via = format_args!("SIP/2.0/{transport} {host}:{};branch={branch};rport", ours.port());
        request.headers.push_front(HeaderName::Via, via);
    }

    /// The transaction user gives its INVITE up.
    pub fn cancel(
        &mut self,
        now: Instant,
        id: ClientId,
        reason: Option<String>,
        out: &mut Vec<Effect>,
    ) {
        self.play(now, id, ClientEvent::Cancel(reason), out);
    }

    /// Where the request went that this response answers.
    pub fn asked(&self, response: &Response) -> Option<Destination> {
        let id = self.answered(response)?;
        Some(self.entries.get(&id)?.to)
    }

    /// Whose branch a response has.
    fn answered(&self, response: &Response) -> Option<ClientId> {
        self.by_branch.get(&Branch::of(response.headers.branch()?)?).copied()
    }

    /// Takes a response from the wire (§17.1.3); a stray one is dropped.
    pub fn receive(&mut self, now: Instant, response: Response, out: &mut Vec<Effect>) {
        // §8.1.3.3: with a second Via it was meant for somebody behind us.
        if response.headers.list(HeaderName::Via).count() != 1 {
            return;
        }
        let Ok((_, method)) = response.headers.cseq() else {
            return;
        };
        let id = self.answered(&response);
        let Some((id, entry)) = id.and_then(|id| Some((id, self.entries.get_mut(&id)?))) else {
            return;
        };
        if method == entry.request.method {
            self.play(now, id, ClientEvent::Response(response), out);
        } else if method == Method::CANCEL
            && let ClientTransaction::Invite { cancel: Some(cancel), .. } = &mut entry.transaction
        {
            let input = client_non_invite::Input::Response(response.status.as_u16());
            // Nothing follows: the answer to a CANCEL is not passed on.
            let _ = cancel.transaction.handle(now, input);
            self.arm(id);
        }
    }

    /// Nothing can be carried to `destination`.
    pub fn transport_failed(
        &mut self,
        now: Instant,
        destination: Destination,
        out: &mut Vec<Effect>,
    ) {
        let first = (destination, ClientId(0));
        let last = (destination, ClientId(u64::MAX));
        let ids: Vec<_> = self.by_destination.range(first..=last).map(|(_, id)| *id).collect();
        for id in ids {
            let fallback = self.entries.get_mut(&id).and_then(|entry| entry.fallback.take());
            match fallback {
                Some(to) => self.fall_back(now, id, to, out),
                None => self.play(now, id, ClientEvent::TransportError, out),
            }
        }
    }

    /// §18.1.1: the peer has no stream, which is remembered for a while; better a long datagram than none.
    /// The transaction starts anew, for the peer has seen nothing of it.
    fn fall_back(&mut self, now: Instant, id: ClientId, to: Destination, out: &mut Vec<Effect>) {
        let Some(entry) = self.close(id) else { return };
        let ClientEntry { mut request, branch, .. } = *entry;
        if self.streamless.len() >= STREAMLESS_MAX {
            self.streamless.retain(|_, until| *until > now);
        }
        if self.streamless.len() < STREAMLESS_MAX {
            self.streamless.insert(to.remote(), now + STREAMLESS);
        }
        request.headers.pop_front_element(HeaderName::Via);
        self.put_via(&mut request, &to, branch);
        self.open(now, id, Addressed { branch, to, fallback: None, request }, out);
    }

    /// The next moment at which a timer fires.
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Fires the timers that are due at `now`.
    pub fn tick(&mut self, now: Instant, out: &mut Vec<Effect>) {
        while let Some((_, id)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.play(now, id, ClientEvent::Tick, out);
        }
    }

    /// Plays one event into one transaction; an unknown one is over.
    fn play(&mut self, now: Instant, id: ClientId, event: ClientEvent, out: &mut Vec<Effect>) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let over = match &mut entry.transaction {
            ClientTransaction::Invite { .. } => entry.play_invite(now, id, event, out),
            ClientTransaction::Other(_) => entry.play_other(now, id, event, out),
        };
        if over {
            self.close(id);
        } else {
            self.arm(id);
        }
    }

    /// Puts the transaction's deadline into the order of timers.
    pub(super) fn arm(&mut self, id: ClientId) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let deadline = entry.deadline();
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

    pub(super) fn close(&mut self, id: ClientId) -> Option<Box<ClientEntry>> {
        let entry = self.entries.remove(&id)?;
        take_out(&mut self.by_branch, &entry.branch);
        self.by_destination.remove(&(entry.to, id));
        if let Some(at) = entry.armed {
            self.timers.remove(&(at, id));
        }
        Some(entry)
    }
}

/// A request within a dialog that was on its way when its connection was gone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StrandedRequest {
    /// Its transaction.
    pub id: ClientId,
    /// The branch of its Via.
    pub branch: Branch,
    /// The request, without Via.
    pub request: Request,
}

/// A request with its Via, and where it goes.
struct Addressed {
    branch: Branch,
    to: Destination,
    fallback: Option<Destination>,
    request: Request,
}

impl ClientEntry {
    fn deadline(&self) -> Option<Instant> {
        match &self.transaction {
            ClientTransaction::Invite { invite, cancel } => earliest(
                invite.deadline(),
                cancel.as_ref().and_then(|cancel| cancel.transaction.deadline()),
            ),
            ClientTransaction::Other(other) => other.deadline(),
        }
    }

    /// True when the transaction is over.
    fn play_invite(
        &mut self,
        now: Instant,
        id: ClientId,
        event: ClientEvent,
        out: &mut Vec<Effect>,
    ) -> bool {
        use client_invite::{Effect as Own, Input};
        let ClientTransaction::Invite { invite, cancel } = &mut self.transaction else {
            return false;
        };
        let to = self.to;
        let send = |request: &Request| Effect::Send { to, message: request.clone().into() };
        let mut response = None;
        let effects = match event {
            ClientEvent::Response(came) => {
                let status = came.status.as_u16();
                response = Some(came);
                invite.handle(now, Input::Response(status))
            }
            ClientEvent::Cancel(reason) => invite.handle(now, Input::Cancel(reason)),
            // The phone rings, and answers by another connection (§18.2.2).
            ClientEvent::TransportError
                if to.transport().is_reliable() && invite.is_proceeding() =>
            {
                vec![]
            }
            ClientEvent::TransportError => invite.handle(now, Input::TransportError),
            ClientEvent::Tick => {
                let again = cancel
                    .iter_mut()
                    .any(|c| c.transaction.tick(now).contains(&client_non_invite::Effect::Send));
                if let Some(cancel) = cancel.as_ref().filter(|_| again) {
                    out.push(send(&cancel.request));
                }
                invite.tick(now)
            }
        };
        for effect in effects {
            match effect {
                Own::Send => out.push(send(&self.request)),
                Own::SendCancel(reason) => {
                    let mut request = self.request.cancel();
                    if let Some(reason) = reason {
                        request.headers.push(HeaderName::Reason, reason);
                    }
                    out.push(send(&request));
                    let transaction = ClientNonInvite::new(now, to.transport().is_reliable());
                    *cancel = Some(Box::new(Cancel { transaction, request }));
                }
                Own::Ack => {
                    let acked = response.as_ref().expect("only a response is acknowledged");
                    out.push(send(&self.request.ack_for_failure(acked)));
                }
                Own::Pass => {
                    let response = response.take().expect("only a response is passed on");
                    out.push(Effect::Response { id, response });
                }
                Own::Timeout => out.push(Effect::Failed { id, why: TransactionFailure::Timeout }),
                Own::TransportError => {
                    out.push(Effect::Failed { id, why: TransactionFailure::Transport })
                }
            }
        }
        // The answer to the CANCEL may come after that to the INVITE.
        invite.is_terminated() && cancel.as_ref().is_none_or(|c| c.transaction.is_terminated())
    }

    /// True when the transaction is over.
    ///
    /// A datagram that could not leave is repeated like a lost one, so that a BYE outlives a line that is
    /// down for a moment; an INVITE fails at once, since there may be another server for it.
    fn play_other(
        &mut self,
        now: Instant,
        id: ClientId,
        event: ClientEvent,
        out: &mut Vec<Effect>,
    ) -> bool {
        use client_non_invite::{Effect as Own, Input};
        let ClientTransaction::Other(other) = &mut self.transaction else {
            return false;
        };
        let mut response = None;
        let effects = match event {
            ClientEvent::Response(came) => {
                let status = came.status.as_u16();
                response = Some(came);
                other.handle(now, Input::Response(status))
            }
            // §9.1: there is no CANCEL for anything but INVITE.
            ClientEvent::Cancel(_) => Vec::new(),
            ClientEvent::TransportError if !self.to.transport().is_reliable() => {
                self.stuck = true;
                Vec::new()
            }
            ClientEvent::TransportError => other.handle(now, Input::TransportError),
            ClientEvent::Tick => other.tick(now),
        };
        for effect in effects {
            match effect {
                Own::Send => {
                    self.stuck = false;
                    out.push(Effect::Send { to: self.to, message: self.request.clone().into() });
                }
                Own::Pass => {
                    let response = response.take().expect("only a response is passed on");
                    out.push(Effect::Response { id, response });
                }
                Own::Timeout if self.stuck => {
                    out.push(Effect::Failed { id, why: TransactionFailure::Transport });
                }
                Own::Timeout => out.push(Effect::Failed { id, why: TransactionFailure::Timeout }),
                Own::TransportError => {
                    out.push(Effect::Failed { id, why: TransactionFailure::Transport })
                }
            }
        }
        other.is_terminated()
    }
}
