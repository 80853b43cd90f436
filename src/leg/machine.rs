//! The machine of this room: all legs, their dialogs, and the pool of relay ports.
//!
//! ```text
//!   switchboard ── Command ──▶ commands ──▶ dialog ──▶ requests and responses
//!        ▲                        │  sync
//!        │                        ▼
//!        └──────── Event ──── reports ◀── dialog ◀── requests and responses
//!                                 │  sync
//!                                 ▼
//!                               relay ──▶ media commands        media events ──▶ reports
//! ```

use super::api::{Command, Event, Settings};
use super::offer_answer::Negotiation;
use super::parking::Parking;
use super::party::Domain;
use super::ports::PortPool;
use super::state::Leg;
use super::table::LegTable;
use crate::cause::Cause;
use crate::codec::Kind;
use crate::dialog::{self, ClientTx, ServerTx};
use crate::dtls::{HandshakeCommand, HandshakeEvent};
use crate::ids::{LegId, PortId};
use crate::media;
use crate::random::Random;
use crate::sip::{Destination, Flow, MediaAddress, Network, OwnAddresses, Request, Response};
use crate::time::{Instant, earliest};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What reaches the legs.
#[derive(Clone, Debug)]
pub enum Input {
    /// From below: a request or response that belongs to a dialog, or begins one.
    Dialog(dialog::Input),
    /// Neither an account nor a trunk answers for this leg: nothing is sent to it before it has shown that
    /// its address is its own.
    Unvouched(LegId),
    /// From the relay.
    Media(media::Event),
    /// What came of a handshake on one of the ports.
    Handshake(HandshakeEvent),
    /// Relay ports that are bound and free; none when there are no more to be had.
    Ports(Vec<PortId>),
    /// From above.
    Command(Command),
}

/// What the legs want done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Send a request in a transaction.
    Request {
        /// The name for the transaction.
        transaction: ClientTx,
        /// Where to.
        to: Destination,
        /// What to send, without Via.
        request: Request,
    },
    /// Answer a request.
    Respond {
        /// The request.
        transaction: ServerTx,
        /// The answer.
        response: Response,
    },
    /// Cancel an INVITE of ours.
    Cancel {
        /// The INVITE.
        transaction: ClientTx,
        /// Value of a Reason header.
        reason: Option<String>,
    },
    /// Send an ACK for a 2xx, outside of any transaction.
    Forward {
        /// Where to.
        to: Destination,
        /// The ACK, without Via.
        request: Request,
    },
    /// For the relay.
    Media(media::Command),
    /// For those who do the handshakes.
    Handshake(HandshakeCommand),
    /// For the switchboard.
    Event(Event),
    /// The pool of relay ports runs low: so many more, to be answered by [`Input::Ports`].
    PortsWanted(usize),
}

/// All legs.
#[derive(Debug)]
pub struct Machine {
    pub(super) settings: Settings,
    pub(super) domain: Domain,
    pub(super) random: Random,
    pub(super) dialog: dialog::Machine,
    pub(super) ports: PortPool,
    /// Who waits for ports.
    pub(super) parking: Parking,
    pub(super) legs: LegTable,
    /// Whose port it is.
    pub(super) owners: BTreeMap<PortId, (LegId, Kind)>,
    /// The relay's table as it stands.
    pub(super) rows: BTreeMap<PortId, media::Source>,
    /// Who hears whom, the source first.
    pub(super) listeners: BTreeSet<(LegId, LegId)>,
    /// Who is there and has no keys yet, and until when that may be.
    pub(super) unkeyed: BTreeMap<LegId, Instant>,
    /// Whom an input has shown to be another than its description says.
    pub(super) condemned: Vec<(LegId, Cause)>,
}

impl Machine {
    /// No legs, and no ports before [`Input::Ports`].
    #[must_use]
    pub fn new(settings: Settings, mut random: Random) -> Self {
        Self {
            domain: Domain::new(&settings.domain),
            dialog: dialog::Machine::new(settings.dialog.clone(), random.fork()),
            ports: PortPool::new(settings.port_rest),
            parking: Parking::default(),
            settings,
            random,
            legs: LegTable::default(),
            owners: BTreeMap::new(),
            rows: BTreeMap::new(),
            listeners: BTreeSet::new(),
            unkeyed: BTreeMap::new(),
            condemned: Vec::new(),
        }
    }

    /// Takes one input and returns all that follows from it.
    #[must_use]
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        match input {
            Input::Dialog(dialog::Input::Incoming(incoming)) => {
                self.incoming(now, incoming, &mut out);
            }
            Input::Dialog(input) => {
                self.prove(now, &input, &mut out);
                self.pass(now, input, &mut out);
            }
            Input::Unvouched(leg) => {
                if let Some(leg) = self.legs.get_mut(&leg) {
                    leg.vouched = false;
                }
            }
            Input::Media(event) => self.on_media(now, event, &mut out),
            Input::Handshake(event) => self.on_handshake(now, event, &mut out),
            Input::Ports(mut ports) => {
                // Those of legs that were put back before are named as well.
                ports.retain(|port| !self.owners.contains_key(port));
                self.ports.add(now, ports);
                self.go_on(now, &mut out);
            }
            Input::Command(command) => self.command(now, command, &mut out),
        }
        self.end_condemned(now, &mut out);
        let wanted = self.ports.wants(now, self.parking.missing());
        out.extend(wanted.map(Effect::PortsWanted));
        out
    }

    /// When [`tick`](Self::tick) has work to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let waiting = earliest(self.parking.deadline(), self.unkeyed.values().min().copied());
        earliest(self.dialog.deadline(), waiting)
    }

    /// Fires what is due at `now`.
    #[must_use]
    pub fn tick(&mut self, now: Instant) -> Vec<Effect> {
        let mut out = Vec::new();
        let effects = self.dialog.tick(now);
        self.follow(now, effects, &mut out);
        self.go_on(now, &mut out);
        self.end_unkeyed(now, &mut out);
        self.end_condemned(now, &mut out);
        out
    }

    /// Whose an in-dialog request is.
    #[must_use]
    pub fn find(&self, request: &Request) -> Option<LegId> {
        self.dialog.find(request)
    }

    /// Whether a request of this Call-ID, To tag and From tag belongs to a leg.
    #[must_use]
    pub fn knows(&self, call_id: &str, to_tag: &str, from_tag: &str) -> bool {
        self.dialog.knows(call_id, to_tag, from_tag)
    }

    /// Whose tag of ours this is.
    #[must_use]
    pub fn leg_of(&self, tag: &str) -> Option<LegId> {
        self.dialog.leg_of(tag)
    }

    /// Under which addresses we are reached.
    #[must_use]
    pub fn own(&self) -> &OwnAddresses {
        self.dialog.own()
    }

    /// Packets leave from other addresses of ours from now on.
    pub fn set_routes(&mut self, routes: Vec<(Network, IpAddr)>) {
        self.dialog.set_routes(routes);
    }

    /// Whether an in-dialog request comes by a flow by which its dialog's peer is known to speak.
    #[must_use]
    pub fn is_known(&self, request: &Request, flow: &Flow) -> bool {
        self.dialog.is_known(request, flow)
    }

    /// The dialog of a leg in writing, while it is established.
    #[must_use]
    pub fn stored(&self, leg: LegId) -> Option<dialog::StoredDialog> {
        self.dialog.stored(leg)
    }

    /// Where the requests of one go.
    #[must_use]
    pub fn destination(&self, leg: LegId) -> Option<Destination> {
        self.dialog.destination(leg)
    }

    /// Where the legs' requests go, in no order.
    pub fn destinations(&self) -> impl Iterator<Item = Destination> {
        self.dialog.destinations()
    }

    /// Whether there is such a leg.
    #[must_use]
    pub fn has(&self, leg: LegId) -> bool {
        self.legs.contains_key(&leg)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = LegId> {
        self.legs.keys()
    }

    /// The legs that may have changed since they were last asked for, some of them more than once.
    pub fn take_changed(&mut self) -> impl Iterator<Item = LegId> {
        self.dialog.take_changed().chain(self.legs.take_changed())
    }

    /// Whether a relay port belongs to one of them.
    #[must_use]
    pub fn uses(&self, port: PortId) -> bool {
        self.owners.contains_key(&port)
    }

    /// Where a leg's picture comes in, while it may.
    #[must_use]
    pub fn picture_port(&self, leg: LegId) -> Option<PortId> {
        self.legs.get(&leg)?.open_port(Kind::Video)
    }

    /// How many legs there are.
    #[must_use]
    pub fn legs(&self) -> usize {
        self.legs.len()
    }

    /// Whether there is no leg, and nobody has to be told any more that one has ended.
    #[must_use]
    pub fn are_over(&self) -> bool {
        self.legs.len() == 0 && !self.dialog.owes_bye()
    }

    /// Whoever asks something under our tag, be it by ACK or PRACK, has read a response of ours.
    fn prove(&mut self, now: Instant, input: &dialog::Input, out: &mut Vec<Effect>) {
        let (dialog::Input::Request { request, .. } | dialog::Input::Ack { request, .. }) = input
        else {
            return;
        };
        let leg = self.dialog.find(request);
        let doubted = |leg: &&mut Leg| !leg.vouched && !leg.proven;
        if let Some(id) = leg
            && let Some(leg) = self.legs.get_mut(&id).filter(doubted)
        {
            leg.proven = true;
            self.sync(now, id, out);
        }
    }

    /// Wants something of a leg's dialog and follows what comes of it.
    pub(super) fn want(
        &mut self,
        now: Instant,
        leg: LegId,
        command: dialog::Command,
        out: &mut Vec<Effect>,
    ) {
        self.pass(now, dialog::Input::Command { leg, command }, out);
    }

    /// Gives the dialogs an input and follows what comes of it.
    pub(super) fn pass(&mut self, now: Instant, input: dialog::Input, out: &mut Vec<Effect>) {
        let effects = self.dialog.handle(now, input);
        self.follow(now, effects, out);
    }

    fn follow(&mut self, now: Instant, effects: Vec<dialog::Effect>, out: &mut Vec<Effect>) {
        let mut events = Vec::new();
        for effect in effects {
            match effect {
                dialog::Effect::Request { transaction, to, request } => {
                    out.push(Effect::Request { transaction, to, request });
                }
                dialog::Effect::Respond { transaction, response } => {
                    out.push(Effect::Respond { transaction, response });
                }
                dialog::Effect::Cancel { transaction, reason } => {
                    out.push(Effect::Cancel { transaction, reason });
                }
                dialog::Effect::Forward { to, request } => {
                    out.push(Effect::Forward { to, request });
                }
                dialog::Effect::Event { leg, event } => events.push((leg, event)),
            }
        }
        // What an event leads to comes after what led to it: no BYE before the ACK.
        for (leg, event) in events {
            self.on_dialog(now, leg, event, out);
        }
    }

    /// A negotiation that speaks for the address at which this phone reaches the relay.
    pub(super) fn negotiation(&mut self, destination: &Destination) -> Negotiation {
        let media = self.media_address(destination);
        Negotiation::new(self.random.u64(), media)
    }

    /// The address at which this phone reaches the relay.
    pub(super) fn media_address(&self, destination: &Destination) -> MediaAddress {
        let local = match destination {
            Destination::Flow(flow) => Some(flow.local.ip()),
            Destination::Address { .. } => None,
        };
        let (own, bound) = (self.dialog.own(), &self.settings.media_addresses);
        own.media(destination.remote().ip(), local, bound)
    }
}
