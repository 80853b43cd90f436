//! The host names of trunks and fixed contacts: which are sought, and what follows when they move.

use super::api::Effect;
use super::rooms::Machine;
use crate::directory::{Trunk, TrunkAddress, TrunkHost};
use crate::locator::{self, Sought};
use crate::sip::Destination;
use crate::time::Now;
use std::collections::BTreeSet;

impl Machine {
    /// Has the servers of all names sought that trunks and fixed contacts use. The trunks come first:
    /// what is beyond the limit is not sought.
    pub(super) fn seek_names(&mut self, now: Now) {
        let trunks = self.directory.plan().trunks.iter().flat_map(names_of);
        let contacts = self.directory.terminals().filter_map(|terminal| terminal.contact.as_ref());
        let sought = trunks.chain(contacts.filter_map(Sought::of));
        let mut first = BTreeSet::new();
        for sought in sought {
            if first.len() < locator::SOUGHT_MAX {
                first.insert(sought);
            }
        }
        self.locate(now, locator::Input::Seek(first));
    }

    /// What the certificate of whoever is there has to be for (RFC 5922 §7.3): every name of a trunk or a fixed
    /// contact that leads there, and the address where it is given as such, or where no name leads there.
    #[must_use]
    pub fn names_at(&self, there: &Destination) -> BTreeSet<String> {
        let leads = |sought: &Sought| self.locator.destinations(sought, 0).contains(there);
        let trunks = self.directory.plan().trunks.iter();
        let names = trunks.clone().flat_map(names_of);
        let contacts = self.directory.terminals().filter_map(|terminal| terminal.contact.as_ref());
        let sought: BTreeSet<Sought> = names.chain(contacts.filter_map(Sought::of)).collect();
        let mut names: BTreeSet<String> =
            sought.into_iter().filter(leads).map(|sought| sought.host).collect();
        let ip = there.remote().ip().to_canonical();
        let is_ip = |address: &TrunkAddress| address.host == TrunkHost::Address(ip);
        if names.is_empty() || trunks.flat_map(|trunk| &trunk.addresses).any(is_ip) {
            names.insert(ip.to_string());
        }
        names
    }

    pub(super) fn on_locator(&mut self, now: Now, effect: locator::Effect, out: &mut Vec<Effect>) {
        match effect {
            locator::Effect::Ask(question) => out.push(Effect::Resolve(question)),
            locator::Effect::Moved { sought, addresses } => {
                let way = (sought.port, sought.transport);
                self.directory.locate_trunk(&sought.host, way, &addresses);
                self.is_located(now, &sought, out);
                let addresses = addresses.into_iter().collect();
                out.push(Effect::Located { name: sought.to_string(), addresses });
            }
            locator::Effect::Unresolved(sought) => {
                self.is_located(now, &sought, out);
                out.push(Effect::Located { name: sought.to_string(), addresses: Vec::new() });
            }
        }
    }

    /// The trunks and terminals that cannot be called because nobody knows where their name leads.
    pub(super) fn unresolved(&self) -> Vec<String> {
        let unresolved: BTreeSet<&Sought> = self.locator.unresolved().collect();
        if unresolved.is_empty() {
            return Vec::new();
        }
        let trunks = self.directory.plan().trunks.iter().flat_map(|trunk| {
            let names = names_of(trunk).filter(|name| unresolved.contains(name));
            names.map(move |name| format!("trunk {}: {name}", trunk.name))
        });
        let terminals = self.directory.terminals().filter_map(|terminal| {
            let name = Sought::of(terminal.contact.as_ref()?)?;
            unresolved.contains(&name).then(|| format!("terminal {}: {name}", terminal.number))
        });
        trunks.chain(terminals).collect()
    }
}

/// The names among a trunk's addresses.
pub(super) fn names_of(trunk: &Trunk) -> impl Iterator<Item = Sought> {
    trunk.addresses.iter().filter_map(|address| match &address.host {
        TrunkHost::Name { name, .. } => {
            Some(Sought { transport: address.transport, ..Sought::new(name, address.port) })
        }
        TrunkHost::Address(_) => None,
    })
}
