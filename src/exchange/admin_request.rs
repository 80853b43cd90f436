//! What an administrator can ask of the running server, and what it answers.

use super::journal;
use super::turned_away::Refusals;
use crate::directory::{self, DirectoryChange};
use crate::ids::OperatorId;
use crate::registrar;
use crate::registration;
use crate::session::SessionToken;
use crate::switchboard::{CallView, OperatorView, QueueView, SetState, WaitingView};

/// What an administrator can ask of the running server.
#[derive(Clone, Debug)]
pub enum AdminRequest {
    /// Change terminals, levels, permits or operators.
    Change(DirectoryChange),
    /// Set an operator's state.
    SetState {
        /// Whose.
        operator: OperatorId,
        /// To what.
        state: SetState,
    },
    /// All calls.
    Calls,
    /// All waiting calls.
    Queue,
    /// All queues.
    Queues,
    /// All operators.
    Operators,
    /// All registrations, and the numbers that were refused.
    Registrations,
    /// The figures.
    Status,
    /// A link that logs an operator in at its page once.
    LoginLink(OperatorId),
}

/// The answer.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It holds, and is in the journal.
    Done,
    /// It does not, and why.
    Refused(directory::ChangeRefusal),
    /// It does not: the journal cannot be written.
    Unwritten,
    /// All calls.
    Calls(Vec<CallView>),
    /// All waiting calls.
    Queue(Vec<WaitingView>),
    /// All queues.
    Queues(Vec<QueueView>),
    /// All operators.
    Operators(Vec<OperatorView>),
    /// All registrations, and the numbers that were refused.
    Registrations(Vec<registrar::RegistrationEntry>),
    /// The figures.
    Status(Box<Status>),
    /// What the link has.
    LoginLink(SessionToken),
}

/// The figures of the running server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Status {
    /// New calls are refused, since the server stops when those that are there are over.
    pub draining: bool,
    /// Which calls went on at the start.
    pub resume: journal::Resume,
    /// Calls that are up, waiting or ringing.
    pub calls: usize,
    /// Calls that wait for an operator.
    pub waiting: usize,
    /// Operators logged in.
    pub operators: usize,
    /// Terminals in the directory.
    pub terminals: usize,
    /// Numbers with a phone registered now.
    pub phones: usize,
    /// Contacts registered now: a number may have several.
    pub bindings: usize,
    /// Sessions of operators' pages.
    pub sessions: usize,
    /// The connections that they name.
    pub pages: usize,
    /// Legs.
    pub legs: usize,
    /// Transactions that are going on: client and server.
    pub transactions: (usize, usize),
    /// Trunks and terminals whose name leads nowhere at the moment.
    pub unresolved: Vec<String>,
    /// The trunks that we register at, and how that stands.
    pub trunks: Vec<(String, registration::RegistrationState)>,
    /// How the journal fares.
    pub journal: journal::Health,
    /// Why the ledger of the relay cannot be written, if it cannot: whoever writes it says so here.
    pub ledger: Option<String>,
    /// Connections that are open, and those that were refused since the start. The exchange has no
    /// sockets: whoever has them writes it here.
    pub connections: (usize, usize),
    /// Handshakes of TLS and WebSocket that came to nothing since the start; written there as well,
    pub failed_handshakes: usize,
    /// and the fingerprint of our certificate, if we have one,
    pub certificate: Option<String>,
    /// and what is wrong with it.
    pub certificate_trouble: Option<String>,
    /// Calls without credentials that were refused, since the start.
    pub refused: Refusals,
}
