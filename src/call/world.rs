//! Who there is and where they are, as far as calls ask.

use super::admission::{CallOrigin, Callee, CallerIdentity};
use crate::dialog;
use crate::directory::{Directory, Meaning, TrunkAddress, TrunkHost, TrunkLogin};
use crate::ids::{Number, Tickets};
use crate::leg;
use crate::locator::{self, Sought};
use crate::registrar::{self, NextHop};
use crate::sip::{Destination, DigestClient, Host, NameAddr, Scheme, Transport, Uri};
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
    /// For what waits for a commit.
    pub tickets: &'a Tickets,
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

    /// The display name of a terminal, may be empty.
    pub(crate) fn name_of(&self, number: &Number) -> String {
        let terminal = self.directory.terminal(number);
        terminal.map(|terminal| terminal.name.clone()).unwrap_or_default()
    }

    /// The number that an address stands for, when it is one of our domain's, or a telephone number.
    pub(crate) fn number_of(&self, address: &NameAddr) -> Option<Number> {
        let plan = self.directory.plan();
        let uri = &address.uri;
        let is_telephone = uri.scheme() == Scheme::Tel;
        if !is_telephone && !plan.is_ours(uri.host()?) {
            return None;
        }
        self.directory.number_in(uri)
    }

    /// Where a callee's phones are; each with the servers that lead to it, the first first. Servers that are
    /// as good as each other take turns.
    pub(crate) fn targets(&self, callee: &Callee, turn: u64) -> Vec<Vec<dialog::CallTarget>> {
        let targets = match callee {
            Callee::Terminal(number) => {
                let contacts = self.registrar.contacts(self.directory, number);
                contacts.into_iter().map(|contact| self.phone_targets(contact, turn)).collect()
            }
            Callee::Trunk { trunk, number, params } => {
                let plan = self.directory.plan();
                let trunk = plan.trunks.iter().find(|found| found.name == *trunk);
                let addresses = trunk.into_iter().flat_map(|trunk| &trunk.addresses);
                // The next one is tried when one does not take the call.
                let servers =
                    addresses.flat_map(|to| self.trunk_targets((number, params), to, turn));
                vec![servers.take(SERVERS_MAX).collect()]
            }
            // Nobody is there to be rung.
            Callee::Camera { .. } => vec![],
        };
        targets.into_iter().filter(|servers: &Vec<_>| !servers.is_empty()).collect()
    }

    fn phone_targets(
        &self,
        contact: registrar::ContactTarget,
        turn: u64,
    ) -> Vec<dialog::CallTarget> {
        let destinations = match &contact.way {
            NextHop::Known(destination) => vec![*destination],
            NextHop::Resolve(uri) => {
                Sought::of(uri).map_or(vec![], |sought| self.servers(&sought, turn))
            }
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
        turn: u64,
    ) -> Vec<dialog::CallTarget> {
        let target = |uri: Uri, destination| dialog::CallTarget { uri, route: vec![], destination };
        let uri = |host, port| Uri::numbered(number.as_str(), params, host, port);
        match &address.host {
            TrunkHost::Address(ip) => {
                let transport = address.transport.unwrap_or(Transport::Udp);
                let port = address.port.unwrap_or(transport.default_port());
                let remote = SocketAddr::new(*ip, port);
                let uri = uri(Host::from(*ip), Some(port));
                vec![target(uri, Destination::Address { transport, remote })]
            }
            TrunkHost::Name { name, .. } => {
                // RFC 3263 §4: wherever the request is sent, its URI names the domain.
                let Ok(host) = Host::parse(name) else { return vec![] };
                let uri = uri(host, address.port);
                let sought = Sought::new(name, address.port);
                let sought = Sought { transport: address.transport, ..sought };
                let servers = self.servers(&sought, turn);
                servers.into_iter().map(|server| target(uri.clone(), server)).collect()
            }
        }
    }

    fn servers(&self, sought: &Sought, turn: u64) -> Vec<Destination> {
        self.locator.destinations(sought, turn)
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
