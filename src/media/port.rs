//! One RTP port: a stream on its transport, as it is looked at for one packet or one moment.
//!
//! ```text
//!   peer ──▶ transport: opened, latched ──▶ stream ──▶ receivers
//!   peer ◀── transport: sealed ◀──────────── stream
//! ```

use super::continuity::StreamPosition;
use super::conversion::ConversionPath;
use super::feed::PortFeed;
use super::outgoing::{Exit, Outgoing};
use super::path::MediaPath;
use super::peer_packet::PeerPacket;
use super::plan::{Plan, Trust};
use super::reports::Reports;
use super::stream::MediaStream;
use super::transport::MediaTransport;
use crate::codec::Kind;
use crate::ids::PortId;
use crate::rtp::{HEADER_LEN, RtpHeader};
use crate::time::Instant;
use std::net::SocketAddr;

/// A stream and what carries it.
#[derive(Debug)]
pub struct Port<'a> {
    /// Addresses and keys.
    pub transport: &'a mut MediaTransport,
    /// Codecs, numbering and reports.
    pub stream: &'a mut MediaStream,
}

/// What is to be done after a packet went to a port, or should have.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct Follows {
    /// Its need of the relay's pace may have changed.
    pub settle: bool,
    /// Its source has to send a key frame.
    pub key_frame: bool,
}

impl Follows {
    /// The pace alone.
    pub fn settling(settle: bool) -> Self {
        Self { settle, key_frame: false }
    }
}

impl Port<'_> {
    /// Takes up another plan; true when what the relay makes for it itself has to be made anew.
    pub fn replan(&mut self, now: Instant, plan: Plan) -> bool {
        if self.stream.id == self.transport.id {
            self.transport.replan(now, plan.transport);
        }
        self.stream.replan(plan.stream)
    }

    /// Opens, judges, counts and reads a packet; `None` when it ends here.
    pub fn receive(
        &mut self,
        now: Instant,
        path: MediaPath,
        bytes: &mut [u8],
        out: &mut impl Outgoing,
    ) -> Option<PeerPacket> {
        let len = self.transport.open_rtp(bytes)?;
        let MediaStream { id, plan, inbound, .. } = &mut *self.stream;
        inbound.receive(now, (*id, plan), (self.transport, path), &mut bytes[..len], out)
    }

    /// Whether there is a place to send to, now or in a moment.
    #[must_use]
    pub fn has_target(&self) -> bool {
        let may = match self.transport.trust() {
            Trust::Full => true,
            Trust::Sparing => self.stream.kind == Kind::Audio,
            Trust::None => false,
        };
        may && self.stream.plan.direction.sends() && self.transport.remote().is_some()
    }

    /// Where a packet may go now.
    pub fn target(&mut self, now: Instant) -> Option<SocketAddr> {
        if self.has_target() { self.transport.target(now) } else { None }
    }

    /// Whether the relay has to send something of its own every 20 ms.
    #[must_use]
    pub fn is_making(&self) -> bool {
        let made = matches!(self.stream.outbound.feed, PortFeed::Made(_) | PortFeed::Shown(_))
            || !self.stream.outbound.dtmf_generator.is_idle()
            || self.stream.outbound.line.as_ref().is_some_and(ConversionPath::is_waiting);
        made && self.has_target()
    }

    /// Sends the packet that is written in the scratch buffer.
    pub fn transmit(&mut self, to: SocketAddr, exit: &mut Exit<'_, impl Outgoing>) {
        transmit((self.transport, self.stream.id, &mut self.stream.reports), to, exit);
    }

    /// Sends a packet that is written here.
    pub fn send_own(
        &mut self,
        payload_type: u8,
        marker: bool,
        place: StreamPosition,
        payload: &[u8],
        to: SocketAddr,
        exit: &mut Exit<'_, impl Outgoing>,
    ) {
        write_packet(exit.scratch, &self.stream.header(payload_type, marker, place), payload);
        self.transmit(to, exit);
    }
}

/// Counts, seals and sends the packet in the scratch buffer: the last station of all that is written
/// here.
pub fn transmit(
    (transport, of, reports): (&mut MediaTransport, PortId, &mut Reports),
    to: SocketAddr,
    exit: &mut Exit<'_, impl Outgoing>,
) {
    let ssrc = exit.scratch.get(8..HEADER_LEN).and_then(|bytes| bytes.try_into().ok());
    let ssrc = ssrc.map_or(0, u32::from_be_bytes);
    reports.sent(ssrc, exit.scratch.len().saturating_sub(HEADER_LEN));
    transport.send(of, to, exit);
}

/// Writes a packet in the scratch buffer.
pub fn write_packet(scratch: &mut Vec<u8>, header: &RtpHeader, payload: &[u8]) {
    scratch.clear();
    scratch.extend_from_slice(&header.to_bytes());
    scratch.extend_from_slice(payload);
}
