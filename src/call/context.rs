//! What a call is lent while it thinks: the time, the world, and a place to put its wishes.

use super::admission::{AdmittedCall, CallOrigin, Callee, CallerIdentity};
use super::call_record::CallRecord;
use super::log_event::LogEvent;
use super::settings::QueueSettings;
use super::step::{CallStep, CommandSource, Keep, Owner};
use crate::acd;
use crate::cause::Cause;
use crate::desk::event::{CommandOutcome, DeskEvent};
use crate::dialog;
use crate::directory::{Directory, Meaning, TrunkAddress, TrunkHost, TrunkLogin};
use crate::ids::{CallId, CameraId, LegId, Number, OperatorId, QueueId, Ticket};
use crate::leg;
use crate::locator::{self, Sought};
use crate::presence;
use crate::registrar::{self, NextHop};
use crate::sip::{Destination, DigestClient, Host, NameAddr, Scheme, Transport, Uri};
use crate::time::{Duration, Now};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// The most servers of a trunk that one call tries.
const SERVERS_MAX: usize = 16;

/// What the exchange lends: who there is, and where they are.
#[derive(Clone, Copy)]
pub struct SwitchboardContext<'a> {
    /// Terminals, levels, permits, operators, trunks.
    pub directory: &'a Directory,
    /// Where the terminals' phones are.
    pub registrar: &'a registrar::Machine,
    /// Where the host names of fixed contacts and trunks lead.
    pub locator: &'a locator::Machine,
}

impl SwitchboardContext<'_> {
    /// Who a party is that we called: a terminal of ours, else somebody behind a trunk.
    pub(crate) fn called(&self, number: &Number) -> CallerIdentity {
        let (origin, name) = match self.directory.meaning(number) {
            Meaning::Terminal(terminal) => {
                (CallOrigin::Terminal(number.clone()), terminal.name.clone())
            }
            Meaning::Trunk(trunk) => (CallOrigin::Trunk(trunk.name.clone()), String::new()),
            Meaning::Queue(_)
            | Meaning::Camera(_)
            | Meaning::Desk
            | Meaning::FeatureCode
            | Meaning::Unknown => (CallOrigin::Guest { domain: String::new() }, String::new()),
        };
        CallerIdentity { origin, number: Some(number.clone()), name, params: String::new() }
    }

    /// As whom the trunk of this name knows us.
    #[must_use]
    pub fn credentials(&self, trunk: &str) -> Option<dialog::TrunkCredentials> {
        let mut trunks = self.directory.plan().trunks.iter();
        let trunk = trunks.find(|found| found.name == trunk)?;
        let TrunkLogin { user, password, .. } = trunk.login.clone()?;
        let (trunk, realms) = (trunk.name.clone(), trunk.realms());
        Some(dialog::TrunkCredentials { digest: DigestClient::new(user, password), trunk, realms })
    }
}

/// Who owns which leg. Legs that nobody owns are over for the switchboard, whatever they still say.
#[derive(Debug, Default)]
pub(crate) struct LegBook {
    owners: BTreeMap<LegId, Owner>,
    minted: u64,
}

impl LegBook {
    /// A fresh id for an outgoing leg. The exchange mints even ones for incoming legs.
    pub fn mint(&mut self, owner: Owner) -> LegId {
        self.minted += 1;
        let leg = LegId(self.minted * 2 + 1);
        self.owners.insert(leg, owner);
        leg
    }

    /// A number that differs from leg to leg.
    fn turn(&self) -> u64 {
        self.minted
    }

    pub fn own(&mut self, leg: LegId, owner: Owner) {
        self.owners.insert(leg, owner);
    }

    pub fn owner(&self, leg: LegId) -> Option<&Owner> {
        self.owners.get(&leg)
    }

    pub fn forget(&mut self, leg: LegId) -> bool {
        self.owners.remove(&leg).is_some()
    }
}

/// What is configured, as far as calls go by it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallSettings<'a> {
    /// By queue.
    pub queues: &'a BTreeMap<QueueId, QueueSettings>,
    /// How long a phone rings for a direct call, and a consulted one for an operator.
    pub ring_time: Duration,
    /// The directory of the recordings.
    pub recordings: &'a str,
}

/// What a call is lent for one step.
pub(crate) struct CallContext<'a> {
    pub now: Now,
    pub world: SwitchboardContext<'a>,
    pub settings: CallSettings<'a>,
    pub operators: &'a presence::Machine,
    /// The call that each operator has in hand.
    pub hands: &'a BTreeMap<OperatorId, CallId>,
    /// The camera that each call looks at.
    pub watching: &'a BTreeMap<CallId, CameraId>,
    /// Whether the disk has room for recordings.
    pub recording_room: bool,
    /// What the phone of each operator used last.
    pub spoken: &'a BTreeMap<OperatorId, leg::Spoken>,
    pub book: &'a mut LegBook,
    pub steps: &'a mut Vec<CallStep>,
    pub tickets: &'a mut u64,
}

/// Whom to ring, and with whose permission.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Permission<'a> {
    /// A call between parties.
    Admitted(&'a AdmittedCall),
    /// An operator's own phone, or the number that an administrator set for overflowing calls.
    Appointed(&'a Callee),
}

impl Permission<'_> {
    pub fn callee(&self) -> &Callee {
        match self {
            Self::Admitted(call) => call.callee(),
            Self::Appointed(callee) => callee,
        }
    }
}

impl CallContext<'_> {
    pub fn leg(&mut self, command: leg::Command) {
        self.steps.push(CallStep::Leg(command));
    }

    pub fn queue(&mut self, input: acd::Input) {
        self.steps.push(CallStep::Queue(input));
    }

    pub fn presence(&mut self, input: presence::Input) {
        self.steps.push(CallStep::Presence(input));
    }

    pub fn tell(&mut self, operator: &OperatorId, event: DeskEvent) {
        self.steps.push(CallStep::Tell(operator.clone(), event));
    }

    pub fn log(&mut self, log_event: LogEvent) {
        self.steps.push(CallStep::Log(log_event));
    }

    /// Ends a leg; whatever it still says is no longer heard. A leg that is gone already stays so.
    pub fn hang_up(&mut self, leg: LegId, cause: Cause) {
        if self.book.forget(leg) {
            self.leg(leg::Command::End { leg, cause });
        }
    }

    pub fn ticket(&mut self) -> Ticket {
        *self.tickets += 1;
        Ticket(*self.tickets)
    }

    /// The outcome of a command that was accepted earlier.
    pub fn answer(&mut self, asker: CommandSource, outcome: CommandOutcome) {
        self.steps.push(CallStep::Answer(asker, outcome));
    }

    /// Answers a request within a dialog.
    pub fn respond(&mut self, leg: LegId, transaction: dialog::ServerTx, status: u16) {
        let (phrase, retry_after) = (String::new(), None);
        self.leg(leg::Command::Respond { leg, transaction, status, phrase, retry_after });
    }

    /// Transfers are for calls between two parties.
    pub fn refuse_refer(&mut self, leg: LegId, transaction: dialog::ServerTx) {
        self.respond(leg, transaction, 603);
    }

    /// The phone at which an operator sits, or would.
    pub fn phone_of(&self, operator: &OperatorId) -> Number {
        let seat = self.operators.view(operator).and_then(|view| view.phone);
        let own = || self.world.directory.operator(operator).map(|found| found.phone.clone());
        seat.or_else(own).unwrap_or_else(|| Number::from(operator.as_str()))
    }

    /// The codecs to answer a waiting caller with, if it offers them: what the phones of the
    /// queue's idle operators used last (media-rules 1).
    pub fn choice_for(&self, queue: &QueueId) -> leg::CodecChoice {
        let serves = |operator: &OperatorId| {
            let account = self.world.directory.operator(operator);
            account.is_some_and(|account| account.queues.contains(queue))
        };
        let is_idle = |operator: &OperatorId| {
            let view = self.operators.view(operator);
            view.is_some_and(|view| view.availability == presence::AgentAvailability::Idle)
        };
        let idle = self.spoken.iter().filter(|(operator, _)| serves(operator) && is_idle(operator));
        let mut prefer = Vec::new();
        for codec in idle.flat_map(|(_, spoken)| [&spoken.audio, &spoken.video]).flatten() {
            if !prefer.contains(codec) {
                prefer.push(codec.clone());
            }
        }
        leg::CodecChoice { like: None, prefer }
    }

    /// Whether the operator at this phone has a call in hand (R4.5).
    pub fn is_in_operator_call(&self, phone: &Number) -> bool {
        let operator = self.operators.at_phone(phone);
        operator.is_some_and(|operator| self.hands.contains_key(operator))
    }

    /// How many calls look at a camera.
    pub fn viewers(&self, camera: CameraId) -> usize {
        self.watching.values().filter(|seen| **seen == camera).count()
    }

    /// The display name of a terminal, may be empty.
    pub fn name_of(&self, number: &Number) -> String {
        let terminal = self.world.directory.terminal(number);
        terminal.map(|terminal| terminal.name.clone()).unwrap_or_default()
    }

    /// The number that an address stands for, when it is one of our domain's, or a telephone number.
    pub fn number_of(&self, address: &NameAddr) -> Option<Number> {
        let plan = self.world.directory.plan();
        let uri = &address.uri;
        let is_telephone = uri.scheme() == Scheme::Tel;
        if !is_telephone && !plan.is_ours(uri.host()?) {
            return None;
        }
        self.world.directory.number_in(uri)
    }

    /// Where a callee's phones are; each with the servers that lead to it, the first first.
    pub fn targets(&self, callee: &Callee) -> Vec<Vec<dialog::CallTarget>> {
        let targets = match callee {
            Callee::Terminal(number) => {
                let contacts = self.world.registrar.contacts(self.world.directory, number);
                contacts.into_iter().map(|contact| self.phone_targets(contact)).collect()
            }
            Callee::Trunk { trunk, number, params } => {
                let plan = self.world.directory.plan();
                let trunk = plan.trunks.iter().find(|found| found.name == *trunk);
                let addresses = trunk.into_iter().flat_map(|trunk| &trunk.addresses);
                // The next one is tried when one does not take the call.
                let servers = addresses.flat_map(|to| self.trunk_targets((number, params), to));
                vec![servers.take(SERVERS_MAX).collect()]
            }
            // Nobody is there to be rung.
            Callee::Camera { .. } => vec![],
        };
        targets.into_iter().filter(|servers: &Vec<_>| !servers.is_empty()).collect()
    }

    fn phone_targets(&self, contact: registrar::ContactTarget) -> Vec<dialog::CallTarget> {
        let destinations = match &contact.way {
            NextHop::Known(destination) => vec![*destination],
            NextHop::Resolve(uri) => Sought::of(uri).map_or(vec![], |sought| self.servers(&sought)),
        };
        let route: Vec<_> = contact.route.into_iter().map(NameAddr::new).collect();
        let target = |destination| dialog::CallTarget {
            uri: contact.uri.clone(),
            route: route.clone(),
            destination,
        };
        destinations.into_iter().map(target).collect()
    }

    fn trunk_targets(
        &self,
        (number, params): (&Number, &str),
        address: &TrunkAddress,
    ) -> Vec<dialog::CallTarget> {
        let target = |uri: Uri, destination| dialog::CallTarget { uri, route: vec![], destination };
        let uri = |host, port| Uri::numbered(number.as_str(), params, host, port);
        match &address.host {
            TrunkHost::Address(ip) => {
                let transport = Transport::Udp;
                let port = address.port.unwrap_or(transport.default_port());
                let remote = SocketAddr::new(*ip, port);
                let uri = uri(Host::from(*ip), Some(port));
                vec![target(uri, Destination::Address { transport, remote })]
            }
            TrunkHost::Name { name, .. } => {
                // RFC 3263 §4: wherever the request is sent, its URI names the domain.
                let Ok(host) = Host::parse(name) else { return vec![] };
                let uri = uri(host, address.port);
                let servers = self.servers(&Sought::new(name, address.port));
                servers.into_iter().map(|server| target(uri.clone(), server)).collect()
            }
        }
    }

    fn servers(&self, sought: &Sought) -> Vec<Destination> {
        self.world.locator.destinations(sought, self.book.turn())
    }

    /// Each of two phones shows with whom it talks now (RFC 4916). Other domains' phones are not
    /// told, nor is anyone told a number that is withheld: what is sent is an assertion (RFC 3325).
    pub fn introduce(&mut self, one: (LegId, &CallerIdentity), other: (LegId, &CallerIdentity)) {
        for ((leg, own), (_, shown)) in [(one, other), (other, one)] {
            let is_guest = matches!(own.origin, CallOrigin::Guest { .. });
            if !is_guest && shown.number.is_some() {
                self.leg(leg::Command::Identify { leg, party: party(shown) });
            }
        }
    }

    pub fn keep(&mut self, record: &CallRecord) {
        self.steps.push(CallStep::Keep(Keep::Call(Box::new(record.clone())), None));
    }
}

/// The caller as phones show it: a guest under its own domain, never under ours, and where it has no
/// name that may be shown, its whole address stands in the place of one, since many phones show the
/// user part alone.
pub(crate) fn party(caller: &CallerIdentity) -> leg::Party {
    let number = caller.number.as_ref().map(Number::to_string).unwrap_or_default();
    let name = Some(caller.name.clone()).filter(|name| !name.is_empty());
    let params = caller.params.clone();
    let CallOrigin::Guest { domain } = &caller.origin else {
        return leg::Party { number, params, display: name, domain: None };
    };
    match Host::parse(domain) {
        Ok(host) if !number.is_empty() => leg::Party {
            number,
            params,
            display: name.or_else(|| Some(caller.shown())),
            domain: Some(leg::Domain::of(host)),
        },
        Ok(_) | Err(_) => leg::Party::default(),
    }
}
