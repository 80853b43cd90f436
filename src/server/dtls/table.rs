//! All associations, one for each port. A value: the thread around it gives it the time.
//!
//! ```text
//!   begin, passive ──▶ Waits ── ClientHello ──▶ UnderWay ── keys ──▶ Keyed ── close_notify ──▶ Over
//!   begin, active ─────────────────────────────▲   └── fault ──▶ Over      ── fault ──▶ Waits
//! ```
//!
//! What is keyed stays, to answer a peer that has missed the last flight and to hear that it goes. A fault then costs
//! nobody anything but that: its keys are in use elsewhere.

use super::association::{Association, AssociationNews, begins_handshake};
use super::identity::DtlsIdentity;
use crate::dtls::{DtlsRole, HandshakeEvent, HandshakeFault};
use crate::ids::PortId;
use crate::server::breakdown::caught;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Handshakes that are under way at once; one more fails.
pub const UNDER_WAY_MAX: usize = 1_024;
/// Nobody is asked again sooner.
const WAKE_MIN: Duration = Duration::from_millis(5);

/// What the table is told. A serial tells the users of one port apart.
#[derive(Debug)]
pub enum TableOrder {
    /// A handshake may begin, in place of what was there.
    Begin {
        /// The transport.
        port: PortId,
        /// Whose it is.
        serial: u64,
        /// What we are.
        role: DtlsRole,
    },
    /// What was there is over.
    End {
        /// The transport.
        port: PortId,
    },
    /// A datagram has come. Where nothing was begun, a ClientHello begins.
    Datagram {
        /// The transport.
        port: PortId,
        /// Whose it is.
        serial: u64,
        /// The records.
        bytes: Vec<u8>,
    },
}

/// What comes of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TableOutcome {
    /// To be sent, in this order; it is in place of what was to be sent before.
    Flight {
        /// From this transport.
        port: PortId,
        /// The serial of its order.
        serial: u64,
        /// One or more.
        datagrams: Vec<Vec<u8>>,
    },
    /// To be told.
    Event {
        /// The serial of its order.
        serial: u64,
        /// What.
        event: HandshakeEvent,
    },
}

enum TableState {
    /// For a ClientHello.
    Waits,
    /// There is one; keyed or not.
    Lives(Box<Association>),
    /// Nothing more until it is begun again.
    Over,
}

struct TableEntry {
    serial: u64,
    role: DtlsRole,
    state: TableState,
    /// Where it stands among those that are to be asked again.
    wake: Option<Instant>,
}

impl TableEntry {
    fn waiting(serial: u64, role: DtlsRole) -> Self {
        Self { serial, role, state: TableState::Waits, wake: None }
    }
}

/// The associations.
pub struct HandshakeTable {
    identity: DtlsIdentity,
    entries: BTreeMap<PortId, TableEntry>,
    wakes: BTreeSet<(Instant, PortId)>,
    under_way: usize,
}

impl HandshakeTable {
    /// None yet.
    #[must_use]
    pub fn new(identity: DtlsIdentity) -> Self {
        Self { identity, entries: BTreeMap::new(), wakes: BTreeSet::new(), under_way: 0 }
    }

    /// Handshakes that are under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.under_way
    }

    /// When [`HandshakeTable::tick`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.wakes.first().map(|(at, _)| *at)
    }

    /// Takes in one order.
    pub fn handle(&mut self, now: Instant, order: TableOrder) -> Vec<TableOutcome> {
        let mut outcomes = Vec::new();
        match order {
            TableOrder::Begin { port, serial, role } => {
                self.take_out(port);
                self.entries.insert(port, TableEntry::waiting(serial, role));
                if role == DtlsRole::Active {
                    self.begin(now, port, &mut outcomes);
                }
            }
            TableOrder::End { port } => self.take_out(port),
            TableOrder::Datagram { port, serial, bytes } => {
                let of_itself = || TableEntry::waiting(serial, DtlsRole::Passive);
                let entry = self.entries.entry(port).or_insert_with(of_itself);
                let waits = matches!(entry.state, TableState::Waits);
                let begins = waits && entry.role == DtlsRole::Passive;
                if begins && begins_handshake(&bytes) {
                    self.begin(now, port, &mut outcomes);
                }
                self.step(now, port, Some(&bytes), &mut outcomes);
            }
        }
        outcomes
    }

    /// Sends anew what has come to nobody, and ends what takes too long.
    pub fn tick(&mut self, now: Instant) -> Vec<TableOutcome> {
        let mut outcomes = Vec::new();
        while let Some((at, port)) = self.wakes.first().copied()
            && at <= now
        {
            self.step(now, port, None, &mut outcomes);
        }
        outcomes
    }

    fn begin(&mut self, now: Instant, port: PortId, outcomes: &mut Vec<TableOutcome>) {
        let Some(entry) = self.entries.get_mut(&port) else { return };
        let mut flight = Vec::new();
        let begun = if self.under_way >= UNDER_WAY_MAX {
            Err(HandshakeFault::TooMany)
        } else {
            let begin = || Association::begin(&self.identity, entry.role, now, &mut flight);
            caught(begin).unwrap_or_else(|said| broken_down(port, &said))
        };
        let serial = entry.serial;
        match begun {
            Ok(association) => {
                self.under_way += 1;
                wake_at(&mut self.wakes, (port, entry), Some(association.wake()));
                entry.state = TableState::Lives(Box::new(association));
            }
            Err(fault) => {
                entry.state = TableState::Over;
                let event = HandshakeEvent::Failed { port, fault };
                outcomes.push(TableOutcome::Event { serial, event });
            }
        }
        push_flight(outcomes, (port, serial), flight);
    }

    fn step(
        &mut self,
        now: Instant,
        port: PortId,
        datagram: Option<&[u8]>,
        outcomes: &mut Vec<TableOutcome>,
    ) {
        let Some(entry) = self.entries.get_mut(&port) else { return };
        let TableState::Lives(association) = &mut entry.state else { return };
        let (serial, was_connected) = (entry.serial, association.is_connected());
        let mut flight = Vec::new();
        let stepped = caught(|| association.step(now, datagram, &mut flight))
            .unwrap_or_else(|said| broken_down(port, &said));
        // Also where it is closed before it was connected.
        let is_done = association.is_connected() || !matches!(stepped, Ok(None));
        self.under_way -= usize::from(!was_connected && is_done);
        // A library that wants to be asked again at once would keep all others waiting.
        let mut wake = Some(association.wake().max(now + WAKE_MIN));
        push_flight(outcomes, (port, serial), flight);
        let (over, event) = match stepped {
            Ok(None) => (None, None),
            Ok(Some(AssociationNews::Keyed(certificate, keys))) => {
                (None, Some(HandshakeEvent::Keyed { port, certificate, keys }))
            }
            Ok(Some(AssociationNews::Closed)) => {
                (Some(TableState::Over), Some(HandshakeEvent::Closed { port }))
            }
            Err(_) if was_connected => (Some(TableState::Waits), None),
            Err(fault) => (Some(TableState::Over), Some(HandshakeEvent::Failed { port, fault })),
        };
        if let Some(state) = over {
            wake = None;
            let_go(port, entry, state);
        }
        wake_at(&mut self.wakes, (port, entry), wake);
        outcomes.extend(event.map(|event| TableOutcome::Event { serial, event }));
    }

    fn take_out(&mut self, port: PortId) {
        let Some(mut entry) = self.entries.remove(&port) else { return };
        if let TableState::Lives(association) = &entry.state {
            self.under_way -= usize::from(!association.is_connected());
        }
        wake_at(&mut self.wakes, (port, &mut entry), None);
        let_go(port, &mut entry, TableState::Over);
    }
}

/// Enters when a port is to be asked again, in place of what was entered.
fn wake_at(
    wakes: &mut BTreeSet<(Instant, PortId)>,
    (port, entry): (PortId, &mut TableEntry),
    wake: Option<Instant>,
) {
    let before = std::mem::replace(&mut entry.wake, wake);
    if let Some(before) = before {
        wakes.remove(&(before, port));
    }
    wakes.extend(wake.map(|at| (at, port)));
}

/// What broke down may break down once more when it is let go.
fn let_go(port: PortId, entry: &mut TableEntry, state: TableState) {
    let before = std::mem::replace(&mut entry.state, state);
    if let Err(said) = caught(|| drop(before)) {
        tracing::error!("the DTLS association of {port} cannot be let go: {said}");
    }
}

fn broken_down<T>(port: PortId, said: &str) -> Result<T, HandshakeFault> {
    tracing::error!("the DTLS association of {port} broke down: {said}");
    Err(HandshakeFault::Internal)
}

fn push_flight(
    outcomes: &mut Vec<TableOutcome>,
    (port, serial): (PortId, u64),
    datagrams: Vec<Vec<u8>>,
) {
    if !datagrams.is_empty() {
        outcomes.push(TableOutcome::Flight { port, serial, datagrams });
    }
}
