//! The figures of the running server.

use super::admin_request::Status;
use super::rooms::Machine;
use crate::directory::{ChangeRefusal, Directory};
use crate::ids::ConnectionId;
use crate::sip::{Destination, Flow};
use std::collections::BTreeSet;

impl Machine {
    /// Where the journal and the configuration contradict each other.
    #[must_use]
    pub fn conflicts(&self) -> Vec<ChangeRefusal> {
        self.directory.conflicts()
    }

    /// The figures.
    #[must_use]
    pub fn status(&self) -> Status {
        let (sessions, pages) = self.pages.sessions.counts();
        Status {
            draining: self.service.draining,
            resume: self.service.resume,
            calls: self.switchboard.calls().count(),
            waiting: self.switchboard.waiting().count(),
            operators: self
                .switchboard
                .operators(&self.directory)
                .filter(|o| o.state != "out")
                .count(),
            terminals: self.directory.terminals().len(),
            phones: {
                let numbers = self.registrar.bindings().map(|binding| &binding.number);
                numbers.collect::<BTreeSet<_>>().len()
            },
            bindings: self.registrar.bindings().count(),
            sessions,
            pages,
            legs: self.legs.legs(),
            transactions: self.transactions(),
            unresolved: self.unresolved(),
            trunks: self.registrations.states().map(|(name, now)| (name.to_owned(), now)).collect(),
            journal: self.ledger.health(),
            ledger: None,
            connections: (0, 0),
            failed_handshakes: 0,
            certificate: None,
            certificate_trouble: None,
            refused: self.turned_away.view(),
        }
    }

    /// Whether a phone is registered over a connection.
    #[must_use]
    pub fn is_registered_over(&self, connection: ConnectionId) -> bool {
        self.registrar.is_over(connection)
    }

    /// Tells of each connection whether something is on it: a registration, a call, a desk, a trunk.
    pub fn connections_in_use(&self) -> impl Fn(&Flow) -> bool {
        let mut connections: BTreeSet<_> = self.registrar.connections().collect();
        let mut remotes = BTreeSet::new();
        for destination in self.legs.destinations() {
            match destination {
                Destination::Flow(flow) => drop(connections.insert(flow.connection)),
                // Over the connection that is open to there.
                Destination::Address { transport, remote } => {
                    remotes.insert((transport, remote));
                }
            }
        }
        move |flow| {
            connections.contains(&flow.connection)
                || self.pages.sessions.has_flow(flow.connection)
                || remotes.contains(&(flow.transport, flow.remote))
                || self.directory.plan().trunk_from(flow.remote, flow.transport).is_some()
        }
    }

    /// Who there is.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Whether calls go on.
    #[must_use]
    pub fn has_calls(&self) -> bool {
        self.switchboard.calls().next().is_some() || !self.callers.is_empty()
    }

    /// Whether the journal has been heard of all that it was asked.
    #[must_use]
    pub fn is_written(&self) -> bool {
        self.ledger.is_idle()
    }

    /// Whether nothing is going on: no call, no leg, no BYE that waits for an ACK, no control dialog, no question to
    /// a registrar.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let calls = self.switchboard.is_quiet() && self.callers.is_empty();
        calls && self.legs.are_over() && self.registrations.is_quiet()
    }
}
