//! Our own registrations at trunks that want them.

use super::api::Effect;
use super::names::names_of;
use super::rooms::Machine;
use crate::dialog;
use crate::directory::{Directory, NumberingPlan, Trunk, TrunkHost};
use crate::leg;
use crate::locator::{self, Sought};
use crate::registration::{self, RegistrationContext, TrunkAccount};
use crate::sip::{Destination, Flow, Request, Transport, Uri};
use crate::time::Now;
use crate::transaction::{self, ClientId, TransactionFailure};
use std::net::SocketAddr;

/// The trunks that want us to register.
pub(super) fn accounts(plan: &NumberingPlan) -> Vec<TrunkAccount> {
    let registering = plan.trunks.iter().filter(|trunk| trunk.register);
    let account = |trunk: &Trunk| {
        let (login, first) = (trunk.login.as_ref()?, trunk.addresses.first()?);
        Some(TrunkAccount {
            trunk: trunk.name.clone(),
            domain: first.authority(),
            login: login.clone(),
            realms: trunk.realms(),
        })
    };
    registering.filter_map(account).collect()
}

/// Where a trunk is, all its addresses in their order.
fn servers(directory: &Directory, locator: &locator::Machine, name: &str) -> Vec<Destination> {
    let trunk = directory.plan().trunks.iter().find(|trunk| trunk.name == name);
    let addresses = trunk.into_iter().flat_map(|trunk| &trunk.addresses);
    let servers = addresses.flat_map(|address| match &address.host {
        TrunkHost::Address(ip) => {
            let transport = address.transport.unwrap_or(Transport::Udp);
            let port = address.port.unwrap_or(transport.default_port());
            vec![Destination::Address { transport, remote: SocketAddr::new(*ip, port) }]
        }
        TrunkHost::Name { name, .. } => {
            let sought = Sought::new(name, address.port);
            locator.destinations(&Sought { transport: address.transport, ..sought }, 0)
        }
    });
    servers.collect()
}

impl Machine {
    /// Registers where it is due.
    pub(super) fn register_at_trunks(&mut self, now: Now, out: &mut Vec<Effect>) {
        let effects = self.registering(|machine, world| machine.tick(now.instant, world));
        self.follow_registrations(now, effects, out);
    }

    /// Has the trunks forget us: the process is about to stop.
    pub(super) fn unregister_at_trunks(&mut self, now: Now, out: &mut Vec<Effect>) {
        let effects = self.registering(|machine, world| machine.end(now.instant, world));
        self.follow_registrations(now, effects, out);
    }

    /// The DNS has said something of a name: those of its trunks that are not reached may be now.
    pub(super) fn is_located(&mut self, now: Now, sought: &Sought, out: &mut Vec<Effect>) {
        let trunks = self.directory.plan().trunks.iter();
        let trunks = trunks.filter(|trunk| names_of(trunk).any(|name| name == *sought));
        let names: Vec<_> = trunks.map(|trunk| trunk.name.clone()).collect();
        for name in names {
            let effects = self.registering(|all, world| all.located(now.instant, &name, world));
            self.follow_registrations(now, effects, out);
        }
    }

    /// Gives an event of a transaction to the registrations; false when it is not one of theirs.
    pub(super) fn is_of_registration(
        &mut self,
        now: Now,
        effect: &transaction::Effect,
        out: &mut Vec<Effect>,
    ) -> bool {
        let effects = match effect {
            transaction::Effect::Response { id: ClientId(id), response }
                if *id >= registration::TRANSACTIONS =>
            {
                self.registering(|all, world| all.answered(now.instant, *id, response, world))
            }
            transaction::Effect::Failed {
                id: ClientId(id),
                why: TransactionFailure::Timeout | TransactionFailure::Transport,
            } if *id >= registration::TRANSACTIONS => {
                self.registering(|all, world| all.unanswered(now.instant, *id, world))
            }
            _ => return false,
        };
        self.follow_registrations(now, effects, out);
        true
    }

    fn follow_registrations(
        &mut self,
        now: Now,
        effects: Vec<registration::Effect>,
        out: &mut Vec<Effect>,
    ) {
        for effect in effects {
            match effect {
                registration::Effect::Request { transaction, to, request } => {
                    let id = ClientId(transaction);
                    self.transact(now, transaction::Input::Request { id, to, request });
                }
                registration::Effect::Named { trunk, realms } => {
                    self.leg(now, leg::Input::Dialog(dialog::Input::Realms { trunk, realms }));
                }
                registration::Effect::Changed { trunk, state } => {
                    out.push(Effect::RegisteredAt { trunk, state });
                }
            }
        }
    }

    fn registering<R>(
        &mut self,
        act: impl FnOnce(&mut registration::Machine, &RegistrationContext<'_>) -> R,
    ) -> R {
        let (directory, locator) = (&self.directory, &self.locator);
        let servers = |trunk: &str| servers(directory, locator, trunk);
        act(
            &mut self.registrations,
            &RegistrationContext { own: self.legs.own(), servers: &servers },
        )
    }

    /// What a request calls: its Request-URI, but where that is only the Contact under which we are
    /// registered at the trunk that it comes from: then what was dialled stands in To.
    pub(super) fn called<'a>(&self, request: &'a Request, flow: Flow) -> std::borrow::Cow<'a, Uri> {
        let is_contact = |trunk: &&Trunk| {
            let user = trunk.login.as_ref().map(|login| login.user.as_str());
            trunk.register
                && trunk.is_at(flow.remote, flow.transport)
                && user == request.uri.user().as_deref()
        };
        let is_ours = self.directory.plan().trunks.iter().any(|trunk| is_contact(&trunk));
        match request.headers.to() {
            Ok(to) if is_ours => std::borrow::Cow::Owned(to.uri),
            Ok(_) | Err(_) => std::borrow::Cow::Borrowed(&request.uri),
        }
    }
}
