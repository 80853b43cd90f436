//! A port as one value of plain data, to be put back later: here, or in another process.
//!
//! ```text
//!   save ──▶ SavedPort ── restore, with its row and those of all who get it ──▶ goes on:
//!            same SSRC, numbers and timestamps that follow, no index of SRTP twice
//! ```
//!
//! Nobody notices, as long as packets pass. What is made here begins anew: music, pictures, and the codecs of
//! a conversion, whose jitter buffers are empty then. What is said once is not said again.

use super::outgoing::Outgoing;
use super::patchbay::Source;
use super::plan::Plan;
use super::relay::Machine;
use super::stream::{MediaStream, SavedStream};
use super::transport::{MediaTransport, SavedTransport};
use crate::codec::Kind;
use crate::ids::PortId;
use crate::time::{Duration, Now};

/// A port, with all that it needs to go on; its row is not part of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedPort {
    /// Its number.
    pub port: PortId,
    /// Sound or pictures.
    pub kind: Kind,
    /// What was negotiated.
    pub plan: Plan,
    /// Addresses and keys.
    pub transport: SavedTransport,
    /// Numbering and reports.
    pub stream: SavedStream,
    /// How far its leg's wall clock is ahead of ours, in 1/2^32 s modulo 2^64.
    pub clock_ahead: Option<u64>,
}

impl Machine {
    /// A port as a value, to be put back by [`restore`](Self::restore); none while a key is down at it, or
    /// the handshake waits to say something.
    #[must_use]
    pub fn save(&self, now: Now, port: PortId) -> Option<SavedPort> {
        let (transport, stream) = self.ports.both(port)?;
        let is_quiet = stream.is_quiet() && !transport.holds_flight();
        self.save_settled(now, port).filter(|_| is_quiet)
    }

    /// A port as a value, without a key that is down at it.
    #[must_use]
    pub fn save_settled(&self, now: Now, port: PortId) -> Option<SavedPort> {
        let (transport, stream) = self.ports.both(port)?;
        Some(SavedPort {
            port,
            kind: stream.kind,
            plan: Plan {
                transport: transport.plan.clone(),
                stream: stream.plan.clone(),
                carrier: (transport.id != port).then_some(transport.id),
            },
            transport: transport.saved(now, port),
            stream: stream.saved(now),
            clock_ahead: self.clocks.ahead(&stream.plan.cname),
        })
    }

    /// Saves a port and forgets it, without a word to its peer. Whoever got it gets nothing new until it is
    /// put back with their rows.
    #[must_use]
    pub fn take(&mut self, now: Now, port: PortId, out: &mut impl Outgoing) -> Option<SavedPort> {
        let saved = self.save(now, port)?;
        let _orphans = self.vacate(now, port, out);
        Some(saved)
    }

    /// Puts ports back that were saved, here or in another process, and enters these rows without a switch:
    /// those of the ports, and those of all who get them.
    ///
    /// # Panics
    /// When one of them is open: a port carries one stream.
    pub fn restore(
        &mut self,
        now: Now,
        ports: Vec<SavedPort>,
        rows: &[(PortId, Source)],
        out: &mut impl Outgoing,
    ) {
        let mut restored = Vec::with_capacity(ports.len());
        // Those that others are carried by come first.
        let (carried, own): (Vec<_>, Vec<_>) =
            ports.into_iter().partition(|saved| saved.plan.carrier.is_some());
        for saved in own.into_iter().chain(carried) {
            restored.push(saved.port);
            let SavedPort { port, kind, plan, transport, stream, clock_ahead } = saved;
            self.patchbay.open(port);
            self.clocks.open(&plan.stream.cname);
            self.clocks.restore(&plan.stream.cname, clock_ahead);
            let stream = MediaStream::restored(port, kind, plan.stream, now, stream);
            if let Some(carrier) = plan.carrier {
                if let Some(carrying) = self.ports.join(carrier, stream) {
                    carrying.restore_beside(transport);
                }
            } else {
                let transport = MediaTransport::restored(port, plan.transport, now, transport);
                self.ports.insert(transport, stream);
            }
        }
        // The sound and the picture of a wait are there when a worker has made them: by then, too, nothing
        // is said a second time.
        let rows: Vec<_> = rows.iter().map(|(port, source)| (*port, source.begun())).collect();
        let changes = self.patchbay.patch(&rows);
        self.seat_viewers(&changes);
        for (port, _) in rows {
            let source = self.patchbay.source(port);
            if let Some(mut open) = self.ports.get_mut(port)
                && (restored.contains(&port) || open.stream.is_idle())
                // What was live when the row was another one is not now.
                && !(open.stream.is_live() && source.passes())
            {
                let stream = &open.stream;
                let packet = Duration::from_millis(stream.plan.own_packet_ms().into());
                let last = stream.outbound.stream.advanced_at();
                let due = last.map_or(now.instant, |last| now.instant.max(last + packet));
                let picture_due = stream.picture_due;
                open.make(source, due, &mut self.repertoire);
                open.stream.picture_due = picture_due.or(open.stream.picture_due);
            }
            self.reroute(port, out);
            self.settle(now.instant, port);
        }
        self.repertoire.jobs().for_each(|job| out.job(job));
    }
}
