//! The handshakes on the transports of the legs (RFC 5763, RFC 8842): when one begins and ends, and what its keys are
//! good for.
//!
//! ```text
//!   offered or agreed ──▶ Begin ── Keyed, the peer's SDP is not known yet ──▶ kept
//!                           │                                                  │ known
//!                           └── Keyed, known ──▶ is the certificate the SDP's? ◀┘
//!                                                  ├─ yes ──▶ the relay has the keys
//!                                                  └─ no ───▶ BYE
//!   another fingerprint, or another role ──▶ begins anew        closed, no more checks ──▶ the leg is lost
//! ```

use super::agreement::HandshakeOutcome;
use super::machine::{Effect, Machine};
use super::state::{Leg, LegPhase, PeerRole, StreamHandshake, StreamPort, WantedHandshake};
use crate::cause::Cause;
use crate::codec::Kind;
use crate::dtls::{HandshakeCommand, HandshakeEvent, HandshakeFault};
use crate::ids::{LegId, PortId};
use crate::time::{Duration, Instant};

/// So long a phone that is there may be without keys: as long as a handshake takes at most.
const KEYS_WAIT: Duration = Duration::from_secs(30);

impl Machine {
    /// Brings the handshake of a stream up to what is agreed or offered. A peer that is not the one of which the
    /// description speaks is to be ended.
    pub(super) fn sync_handshake(&mut self, id: LegId, kind: Kind, out: &mut Vec<Effect>) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let wanted = leg.wanted_handshake(kind);
        let stream_port = leg.stream_port_mut(kind);
        let Some(port) = stream_port.port else { return };
        match (&mut stream_port.handshake, wanted) {
            (None, None) => {}
            (Some(_), None) => {
                stream_port.handshake = None;
                out.push(Effect::Handshake(HandshakeCommand::End { port }));
            }
            (None, Some((role, theirs))) => {
                stream_port.handshake = Some(StreamHandshake { role, theirs, keyed: None });
                out.push(Effect::Handshake(HandshakeCommand::Begin { port, role }));
            }
            (Some(handshake), Some((role, theirs))) => {
                follow(handshake, port, (role, theirs), out);
                if handshake.is_foreign() {
                    self.condemned.push((id, Cause::ForeignCertificate));
                }
            }
        }
    }

    /// A port is given back: nothing is to be agreed on it any more.
    pub(super) fn end_handshake(
        handshake: Option<StreamHandshake>,
        port: PortId,
        out: &mut Vec<Effect>,
    ) {
        if handshake.is_some() {
            out.push(Effect::Handshake(HandshakeCommand::End { port }));
        }
    }

    /// Ends those whose peer is another one than its description says. An end has a beginning behind it: what led to
    /// this is told first.
    pub(super) fn end_condemned(&mut self, now: Instant, out: &mut Vec<Effect>) {
        while let Some((id, cause)) = self.condemned.pop() {
            self.end(now, id, cause, out);
        }
    }

    /// Who is there is given some time to prove its address and to agree on keys.
    pub(super) fn expect_keys(&mut self, now: Instant, id: LegId) {
        let is_there = |leg: &Leg| matches!(leg.phase, LegPhase::Up | LegPhase::Answering);
        let awaits = |leg: &Leg| {
            let streams = [Kind::Audio, Kind::Video];
            leg.role == PeerRole::Phone
                && streams.into_iter().any(|kind| leg.stream_port(kind).is_awaiting())
        };
        if self.legs.get(&id).is_some_and(|leg| is_there(leg) && awaits(leg)) {
            self.unkeyed.entry(id).or_insert(now + KEYS_WAIT);
        } else {
            self.unkeyed.remove(&id);
        }
    }

    /// Ends those whose keys have not come in time.
    pub(super) fn end_unkeyed(&mut self, now: Instant, out: &mut Vec<Effect>) {
        let due = self.unkeyed.iter().filter(|(_, until)| **until <= now);
        let due: Vec<LegId> = due.map(|(leg, _)| *leg).collect();
        for leg in due {
            self.unkeyed.remove(&leg);
            self.end(now, leg, Cause::HandshakeFailed, out);
        }
    }

    pub(super) fn on_handshake(
        &mut self,
        now: Instant,
        event: HandshakeEvent,
        out: &mut Vec<Effect>,
    ) {
        let Some((id, kind)) = self.owners.get(&event.port()).copied() else { return };
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Some(handshake) = &mut leg.stream_port_mut(kind).handshake else { return };
        match event {
            HandshakeEvent::Keyed { certificate, keys, .. } => {
                handshake.keyed = Some(HandshakeOutcome { certificate, keys: *keys });
                self.sync(now, id, out);
                self.report_senses_around(id, out);
            }
            HandshakeEvent::Failed { fault, .. } => self.failed(now, id, (kind, fault), out),
            // While it rings nothing is decided: the answer begins another.
            HandshakeEvent::Closed { port } if matches!(leg.phase, LegPhase::Calling { .. }) => {
                leg.stream_port_mut(kind).handshake = None;
                out.push(Effect::Handshake(HandshakeCommand::End { port }));
            }
            HandshakeEvent::Closed { .. } => self.lose(now, id, out),
        }
    }

    /// Without keys there is no call; while it rings nothing is decided: the answer begins another handshake.
    fn failed(
        &mut self,
        now: Instant,
        id: LegId,
        (kind, fault): (Kind, HandshakeFault),
        out: &mut Vec<Effect>,
    ) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let is_keyed = leg.stream_port(kind).keyed().is_some();
        match leg.phase {
            LegPhase::Calling { .. } => {
                let stream_port = leg.stream_port_mut(kind);
                stream_port.handshake = None;
                let end = stream_port.port.map(|port| HandshakeCommand::End { port });
                out.extend(end.map(Effect::Handshake));
            }
            // What goes on under its keys needs no handshake any more.
            _ if is_keyed => {}
            LegPhase::New { .. }
            | LegPhase::Offered { .. }
            | LegPhase::Answering
            | LegPhase::Up
            | LegPhase::Ending => self.end_saying(
                now,
                id,
                (Cause::HandshakeFailed, Cause::HandshakeFailed.reason_saying(&fault.to_string())),
                out,
            ),
        }
    }

    /// The phone is gone: it has said so on the transport, or checks its way to us no longer (RFC 7675).
    pub(super) fn lose(&mut self, now: Instant, id: LegId, out: &mut Vec<Effect>) {
        let Some(leg) = self.legs.get(&id) else { return };
        if !matches!(leg.phase, LegPhase::Calling { .. } | LegPhase::Ending) {
            self.end(now, id, Cause::Lost, out);
        }
    }
}

impl Leg {
    /// The handshakes that are not done yet.
    pub(super) fn open_handshakes(&self) -> Vec<HandshakeCommand> {
        let open = [Kind::Audio, Kind::Video].into_iter().filter_map(|kind| {
            let StreamPort { port, handshake, .. } = self.stream_port(kind);
            let handshake = handshake.as_ref().filter(|handshake| handshake.keyed.is_none())?;
            Some(HandshakeCommand::Begin { port: (*port)?, role: handshake.role })
        });
        open.collect()
    }
}

/// One that is under way or done follows what is agreed now.
fn follow(
    handshake: &mut StreamHandshake,
    port: PortId,
    (role, theirs): WantedHandshake,
    out: &mut Vec<Effect>,
) {
    if theirs.is_empty() {
        // A branch is gone, and no other has said anything: what there is may still be the right one's.
        return;
    }
    let is_other_role = handshake.role != role;
    let is_other_peer = !handshake.theirs.is_empty() && handshake.theirs != theirs;
    let knows = |keyed: &HandshakeOutcome| theirs.iter().any(|f| f.is_of(&keyed.certificate));
    let goes_on = handshake.keyed.as_ref().is_some_and(knows);
    (handshake.role, handshake.theirs) = (role, theirs);
    // RFC 8842 §4: another certificate is another association.
    if is_other_role || (is_other_peer && !goes_on) {
        handshake.keyed = None;
        if !is_other_role {
            out.push(Effect::Handshake(HandshakeCommand::End { port }));
        }
        out.push(Effect::Handshake(HandshakeCommand::Begin { port, role }));
    }
}

impl StreamHandshake {
    /// Whether it was done with another one than the peer of the description.
    fn is_foreign(&self) -> bool {
        let foreign = |keyed: &HandshakeOutcome| {
            !self.theirs.iter().any(|fingerprint| fingerprint.is_of(&keyed.certificate))
        };
        !self.theirs.is_empty() && self.keyed.as_ref().is_some_and(foreign)
    }
}
