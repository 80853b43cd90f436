//! The figures of the running server.

use super::journal;
use super::machine::Machine;
use crate::directory::Directory;

/// The figures of the running server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Status {
    /// Calls that are up, waiting or ringing.
    pub calls: usize,
    /// Calls that wait for an operator.
    pub waiting: usize,
    /// Operators logged in.
    pub operators: usize,
    /// Terminals in the directory.
    pub terminals: usize,
    /// Contacts registered now.
    pub bindings: usize,
    /// Legs.
    pub legs: usize,
    /// Transactions that are going on: client and server.
    pub transactions: (usize, usize),
    /// Trunks and terminals whose name leads nowhere at the moment.
    pub unresolved: Vec<String>,
    /// How the journal fares.
    pub journal: journal::Health,
}

impl Machine {
    /// The figures.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            calls: self.switchboard.calls().count(),
            waiting: self.switchboard.waiting().count(),
            operators: self.switchboard.operators().filter(|o| o.state != "out").count(),
            terminals: self.directory.terminals().len(),
            bindings: self.registrar.bindings().count(),
            legs: self.legs.legs(),
            transactions: self.transactions(),
            unresolved: self.unresolved(),
            journal: self.ledger.health(),
        }
    }

    /// Who there is.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Whether nothing is going on: no call, no leg, no control dialog.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.switchboard.is_quiet() && self.callers.is_empty() && self.legs.legs() == 0
    }
}
