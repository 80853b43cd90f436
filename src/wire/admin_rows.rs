//! What administration sees: one row for each call, operator, registration and so on, in words.

use crate::exchange::Status;
use crate::media::Dropped;
use crate::registrar::{LastRefusal, RegistrationEntry};
use crate::switchboard::{CallView, OperatorView, QueueView, WaitingView};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The sections of a configuration that was read again.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct ReloadedRow {
    /// Something new in them holds from now on.
    pub taken_over: Vec<String>,
    /// Something new in them holds only after a restart.
    pub needs_restart: Vec<String>,
    /// Why the certificate of before stays, if its files are new and cannot be used.
    #[serde(default)]
    pub certificate_trouble: Option<String>,
}

/// One call.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct CallRow {
    /// Which.
    pub call: String,
    /// Its phase, as the desk protocol or the record names it.
    pub phase: String,
    /// Who called.
    pub caller: String,
    /// How the caller came: `terminal`, `trunk`, `guest`.
    pub origin: String,
    /// The number that was dialled.
    pub dialled: String,
    /// The operator who has it.
    pub operator: Option<String>,
    /// The number that is called or talks.
    pub callee: Option<String>,
    /// Since when.
    pub began: String,
    /// It is being recorded.
    pub recording: bool,
    /// What came from its phones and was not taken.
    pub dropped: DroppedRow,
}

/// What was not taken, by reason.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct DroppedRow {
    /// No RTP.
    pub malformed: u64,
    /// Of a payload type that was not negotiated.
    pub unknown_type: u64,
    /// From an address that is not the phone's.
    #[serde(rename = "stranger")]
    pub wrong_source: u64,
    /// Not sealed with the phone's key.
    pub unsealed: u64,
    /// Pictures of which a decoder here could make nothing.
    pub undecodable: u64,
    /// STUN, with which a phone keeps its way open.
    #[serde(default)]
    pub stun: u64,
    /// Of ours, sealed: held back while the ledger of the relay could not be written.
    #[serde(default)]
    pub held_back: u64,
}

/// One waiting call.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct WaitingRow {
    /// Which.
    pub request: String,
    /// Where.
    pub queue: String,
    /// From 1.
    pub position: usize,
    /// Who called.
    pub caller: String,
    /// How the caller came: `terminal`, `trunk`, `guest`.
    pub origin: String,
    /// Since when.
    pub since: String,
    /// From 0; the higher goes first.
    #[serde(default)]
    pub priority: u8,
}

/// One queue.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct QueueRow {
    /// Which.
    pub queue: String,
    /// The number that callers dial.
    pub number: String,
    /// How many wait.
    pub waiting: usize,
    /// It is night: new callers are not taken.
    pub night: bool,
    /// How its night service is switched: `auto`, `on`, `off`.
    pub switch: String,
}

/// One operator.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct OperatorRow {
    /// Who.
    pub operator: String,
    /// `out`, `idle` or `busy`.
    pub state: String,
    /// Do-not-disturb.
    pub dnd: bool,
    /// Where the operator sits.
    pub phone: Option<String>,
    /// `ok`, `unregistered`, `unreachable` or `refusing`.
    pub phone_state: String,
    /// `none`, `up`, `unresponsive` or `lost`.
    pub desk: String,
    /// The call in hand; of several the one at the ear, else the one that came last.
    pub call: Option<String>,
    /// How many it has in hand.
    pub in_hand: usize,
    /// How many it may have.
    pub max_calls: u8,
    /// Why it is offered no calls, if it is not.
    pub no_offers: Option<String>,
}

/// The figures.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct StatusRow {
    /// `serving`, or `draining`: new calls are refused, and those that are there go on.
    pub state: String,
    /// Which calls went on at the start: `all`, or which did not, and why.
    pub resumed: String,
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
    #[serde(default)]
    pub sessions: usize,
    /// WebSockets of those pages.
    #[serde(default)]
    pub pages: usize,
    /// Legs.
    pub legs: usize,
    /// Transactions that go on as a client.
    pub client_transactions: usize,
    /// Transactions that go on as a server.
    pub server_transactions: usize,
    /// Trunks and terminals whose name leads nowhere at the moment.
    pub unresolved: Vec<String>,
    /// `ok`, or since when the journal cannot be written, and why.
    pub journal: String,
    /// Rows that could not be written and will be when that is possible.
    pub unwritten: usize,
    /// Since the start: takes, releases, registrations and changes refused because they could not be
    /// written.
    pub unwritten_refused: u64,
    /// Since the start: rows that were given up.
    pub unwritten_lost: u64,
    /// `ok`, or why the ledger of the relay cannot be written.
    #[serde(default)]
    pub ledger: String,
    /// The trunks that we register at, and how that stands.
    pub trunks: Vec<(String, String)>,
    /// Connections: TCP, TLS and WebSocket.
    pub connections: usize,
    /// Connections that were refused since the start.
    pub refused_connections: usize,
    /// Handshakes of TLS and WebSocket that came to nothing since the start.
    #[serde(default)]
    pub failed_handshakes: usize,
    /// The SHA-256 of our certificate, where somebody may connect by TLS.
    #[serde(default)]
    pub certificate: Option<String>,
    /// What is to be done about it.
    #[serde(default)]
    pub certificate_trouble: Option<String>,
    /// Calls without credentials that were refused since the start: how many for each cause.
    pub refused: BTreeMap<String, u64>,
    /// The sources with the most of them.
    pub refused_sources: Vec<(String, u64)>,
}

/// One registration, or a number that was refused.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RegistrationRow {
    /// The number.
    pub number: String,
    /// Where its phone is called.
    pub contact: Option<String>,
    /// From where it has registered.
    pub from: Option<String>,
    /// How: UDP or TCP.
    pub transport: Option<String>,
    /// What it calls itself.
    pub phone: Option<String>,
    /// Since when, as far as this server knows.
    pub since: Option<String>,
    /// Until when.
    pub until: Option<String>,
    /// The last refusal of the number: when, from where, of which phone, and why.
    pub refused: Option<String>,
}

impl From<CallView> for CallRow {
    fn from(view: CallView) -> Self {
        Self {
            call: view.call.to_string(),
            phase: view.phase.to_owned(),
            caller: view.caller,
            origin: view.origin.to_owned(),
            dialled: view.dialled.to_string(),
            operator: view.operator.map(|name| name.to_string()),
            callee: view.callee.map(|number| number.to_string()),
            began: view.began.to_string(),
            recording: view.recording,
            dropped: view.dropped.into(),
        }
    }
}

impl From<Dropped> for DroppedRow {
    fn from(dropped: Dropped) -> Self {
        let Dropped {
            malformed,
            unknown_type,
            wrong_source,
            unsealed,
            undecodable,
            stun,
            held_back,
        } = dropped;
        Self { malformed, unknown_type, wrong_source, unsealed, undecodable, stun, held_back }
    }
}

impl From<WaitingView> for WaitingRow {
    fn from(view: WaitingView) -> Self {
        Self {
            request: view.request.to_string(),
            queue: view.queue.to_string(),
            position: view.position,
            caller: view.caller,
            origin: view.origin.to_owned(),
            since: view.since.to_string(),
            priority: view.priority,
        }
    }
}

impl From<QueueView> for QueueRow {
    fn from(view: QueueView) -> Self {
        Self {
            queue: view.queue.to_string(),
            number: view.number.to_string(),
            waiting: view.waiting,
            night: view.is_night,
            switch: view.switch.to_string(),
        }
    }
}

impl From<OperatorView> for OperatorRow {
    fn from(view: OperatorView) -> Self {
        Self {
            operator: view.operator.to_string(),
            state: view.state.to_owned(),
            dnd: view.dnd,
            phone: view.phone.map(|number| number.to_string()),
            phone_state: view.phone_state.to_owned(),
            desk: view.desk.to_owned(),
            call: view.call.map(|call| call.to_string()),
            in_hand: view.in_hand,
            max_calls: view.max_calls,
            no_offers: view.no_offers.map(|why| why.to_string()),
        }
    }
}

impl From<RegistrationEntry> for RegistrationRow {
    fn from(registration: RegistrationEntry) -> Self {
        let RegistrationEntry { number, binding, refused } = registration;
        let binding = binding.as_ref();
        let flow = binding.and_then(|binding| binding.flow);
        let phone = binding.map(|binding| binding.user_agent.clone());
        Self {
            number: number.to_string(),
            contact: binding.map(|binding| binding.contact.uri.to_string()),
            from: flow.map(|flow| flow.remote.to_string()),
            transport: flow.map(|flow| flow.transport.to_string()),
            phone: phone.filter(|phone| !phone.is_empty()),
            since: binding.and_then(|binding| binding.since).map(|since| since.to_string()),
            until: binding.map(|binding| binding.expires.to_string()),
            refused: refused.map(|refusal| {
                let LastRefusal { at, flow, user_agent, why } = refusal;
                let from = flow.remote;
                match user_agent.is_empty() {
                    true => format!("{at} from {from}: {why}"),
                    false => format!("{at} from {from}, {user_agent}: {why}"),
                }
            }),
        }
    }
}

impl From<Status> for StatusRow {
    fn from(status: Status) -> Self {
        Self {
            state: if status.draining { "draining" } else { "serving" }.to_owned(),
            resumed: status.resume.to_string(),
            calls: status.calls,
            waiting: status.waiting,
            operators: status.operators,
            terminals: status.terminals,
            phones: status.phones,
            bindings: status.bindings,
            sessions: status.sessions,
            pages: status.pages,
            legs: status.legs,
            client_transactions: status.transactions.0,
            server_transactions: status.transactions.1,
            unresolved: status.unresolved,
            journal: match status.journal.trouble {
                None => "ok".to_owned(),
                Some((since, why)) => format!("failing since {since}: {why}"),
            },
            unwritten: status.journal.owed,
            unwritten_refused: status.journal.refused,
            unwritten_lost: status.journal.lost,
            ledger: status.ledger.unwrap_or_else(|| "ok".to_owned()),
            trunks: {
                let trunks = status.trunks.into_iter();
                trunks.map(|(name, state)| (name, state.to_string())).collect()
            },
            connections: status.connections.0,
            refused_connections: status.connections.1,
            failed_handshakes: status.failed_handshakes,
            certificate: status.certificate,
            certificate_trouble: status.certificate_trouble,
            refused: status.refused.causes,
            refused_sources: {
                let sources = status.refused.sources.into_iter();
                sources.map(|(source, count)| (source.to_string(), count)).collect()
            },
        }
    }
}
