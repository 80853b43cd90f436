//! One RTP port: what comes in from its peer, and the one seamless stream that goes out to it.
//!
//! ```text
//!   peer ──▶ latch ──▶ payload type known? ──▶ counted ──▶ Arrived ──▶ receivers
//!   peer ◀── one SSRC ◀── feed:  Made(silence, melody …) ── live packet ──▶ Live
//!                                Live ── switch, or 5 s without a packet ──▶ Made
//! ```

use super::continuity::{Continuity, StreamPosition};
use super::conversion::ConversionPath;
use super::dtmf::{CarriedKey, DtmfGenerator, OpenKey};
use super::feed::{FrameTimeout, PortFeed};
use super::frame::OutboundVideo;
use super::health::PortHealth;
use super::inbound::Inbound;
use super::latch::Candidates;
use super::openings::Openings;
use super::outgoing::{Channel, Exit, Outgoing};
use super::peer_packet::PeerPacket;
use super::plan::{Plan, Trust};
use super::reports::Reports;
use super::route::PayloadMapping;
use super::srtp_context::SrtpContext;
use super::work::Job;
use crate::codec::Kind;
use crate::ids::{CallId, PortId};
use crate::random::Random;
use crate::rtp::{HEADER_LEN, RtpHeader};
use crate::time::{Duration, Instant};
use std::net::SocketAddr;
use std::sync::Arc;

/// Between two packets to an address that is trusted sparingly.
const SPARING_INTERVAL: Duration = Duration::from_millis(400);

/// One RTP port.
#[derive(Debug)]
pub struct Port {
    /// Its number.
    pub id: PortId,
    /// Sound or pictures.
    pub kind: Kind,
    /// What was negotiated.
    pub plan: Plan,
    /// What the peer sends.
    pub inbound: Inbound,
    /// What the peer gets.
    pub outbound: Outbound,
    /// Its seal, where it has one.
    pub srtp_context: Option<Box<SrtpContext>>,
    /// Its RTCP.
    pub reports: Reports,
    /// The call in whose recording it is heard and seen.
    pub recording: Option<CallId>,
    /// When to report its health next.
    pub watch_due: Option<Instant>,
    /// Its entry among the deadlines of all ports.
    pub deadline: Option<Instant>,
    /// When to look whether it has fallen silent.
    pub silence_due: Option<Instant>,
    /// When to look whether the pictures of its source still come.
    pub picture_due: Option<Instant>,
    /// When it was last sent something on [`Trust::Sparing`].
    spared_at: Option<Instant>,
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

/// What the peer gets.
#[derive(Debug)]
pub struct Outbound {
    /// The numbering.
    pub stream: Continuity,
    /// By the place among the source's formats, what becomes of its packets.
    pub route: Arc<[PayloadMapping]>,
    /// Keys that we press.
    pub dtmf_generator: DtmfGenerator,
    /// The conversion that the source's packets go through, if they do.
    pub line: Option<ConversionPath>,
    /// Conversions of pictures so far.
    pub conversions: u64,
    /// Those of this source that have broken down.
    pub breakdowns: u8,
    /// How many may still be opened for it now.
    pub openings: Openings,
    /// What it is made of now.
    pub feed: PortFeed,
    /// The pictures that pass.
    pub screen: OutboundVideo,
    /// A key that is down.
    pub open_key: Option<OpenKey>,
    /// The key that was passed on last.
    pub carried: Option<CarriedKey>,
    /// A picture that is not whole.
    pub open_frame: Option<OpenFrame>,
    /// The wait for the source's pictures.
    pub patience: FrameTimeout,
}

/// An H.264 picture of which the last packet has not come yet.
#[derive(Clone, Copy, Debug)]
pub struct OpenFrame {
    /// The receiver's number.
    pub payload_type: u8,
    /// In the outgoing stream.
    pub timestamp: u32,
}

impl Port {
    /// A port that has sent and heard nothing.
    #[must_use]
    pub fn new(id: PortId, kind: Kind, plan: Plan, now: Instant, random: &mut Random) -> Self {
        // RFC 3711 §3.3.1: a phone that misses our first packets must not miss a rollover with them,
        // or it opens none of the later ones.
        let first = random.u32() as u16 & 0x7fff;
        let stream = Continuity::new(random.u32(), first, random.u32());
        // The first report goes early, since phones show the quality of a call from it.
        let first_report = now + Duration::from_millis(500 + random.below(1000));
        Self {
            id,
            kind,
            inbound: Inbound::new(kind, &plan, now),
            outbound: Outbound {
                stream,
                route: Arc::from([]),
                dtmf_generator: DtmfGenerator::default(),
                line: None,
                conversions: 0,
                breakdowns: 0,
                openings: Openings::default(),
                feed: PortFeed::Nothing,
                screen: OutboundVideo::default(),
                open_key: None,
                carried: None,
                open_frame: None,
                patience: FrameTimeout::default(),
            },
            srtp_context: SrtpContext::follow(None, plan.protection.as_ref()),
            reports: Reports::new(now, report_candidates(&plan), first_report),
            recording: None,
            watch_due: None,
            deadline: None,
            silence_due: None,
            picture_due: None,
            spared_at: None,
            plan,
        }
    }

    /// The source is heard or seen now; true when that ends something of our own.
    pub fn goes_live(&mut self, now: Instant) -> bool {
        let before = std::mem::replace(&mut self.outbound.feed, PortFeed::Live);
        if matches!(before, PortFeed::Live) {
            return false;
        }
        if self.kind == Kind::Video {
            self.outbound.patience.reward();
            self.picture_due = Some(now + self.outbound.patience.gap);
        }
        matches!(before, PortFeed::Made(_) | PortFeed::Shown(_))
    }

    /// Whether packets of the source go out.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(self.outbound.feed, PortFeed::Live)
    }

    /// Takes up another plan; true when what the relay makes for it itself has to be made anew.
    pub fn replan(&mut self, now: Instant, plan: Plan) -> bool {
        let anew = plan.formats != self.plan.formats || plan.packet_ms != self.plan.packet_ms;
        self.inbound.replan(now, &plan, anew);
        self.srtp_context = SrtpContext::follow(self.srtp_context.take(), plan.protection.as_ref());
        self.reports.latch.set_candidates(now, report_candidates(&plan));
        self.plan = plan;
        anew
    }

    /// Opens, judges, counts and reads a packet; `None` when it ends here.
    pub fn receive(
        &mut self,
        now: Instant,
        from: SocketAddr,
        bytes: &mut [u8],
        out: &mut impl Outgoing,
    ) -> Option<PeerPacket> {
        let len = match &mut self.srtp_context {
            Some(srtp_context) => srtp_context.unprotect.unprotect_rtp(bytes),
            None => Some(bytes.len()),
        };
        let len = self.unprotected(len)?;
        self.inbound.receive(now, (self.id, &self.plan), from, &mut bytes[..len], out)
    }

    /// Opens a report; `None` when it is not the peer's.
    pub fn open_report<'a>(&mut self, bytes: &'a mut [u8]) -> Option<&'a [u8]> {
        let len = match &mut self.srtp_context {
            Some(srtp_context) => srtp_context.unprotect.unprotect_rtcp(bytes),
            None => Some(bytes.len()),
        };
        let len = self.unprotected(len)?;
        Some(&bytes[..len])
    }

    /// Counts what could not be opened.
    fn unprotected(&mut self, opened: Option<usize>) -> Option<usize> {
        self.inbound.dropped.unsealed += u64::from(opened.is_none());
        opened
    }

    /// Sends the packet that is written in the scratch buffer.
    pub fn transmit(&mut self, to: SocketAddr, exit: &mut Exit<'_, impl Outgoing>) {
        transmit(self.id, (&mut self.srtp_context, &mut self.reports), to, exit);
    }

    /// Whether the relay has to send something of its own every 20 ms.
    #[must_use]
    pub fn is_making(&self) -> bool {
        let made = matches!(self.outbound.feed, PortFeed::Made(_) | PortFeed::Shown(_))
            || !self.outbound.dtmf_generator.is_idle()
            || self.outbound.line.as_ref().is_some_and(ConversionPath::is_waiting);
        made && self.has_target()
    }

    /// How much may be sent: what the leg says, or everything once the peer has been heard where ours goes.
    #[must_use]
    pub fn trust(&self) -> Trust {
        let heard = self.inbound.latch.is_latched() || self.reports.latch.is_latched();
        if heard { Trust::Full } else { self.plan.trust }
    }

    /// Whether there is a place to send to, now or in a moment.
    #[must_use]
    pub fn has_target(&self) -> bool {
        let may = match self.trust() {
            Trust::Full => true,
            Trust::Sparing => self.kind == Kind::Audio,
            Trust::None => false,
        };
        may && self.plan.direction.sends() && self.inbound.latch.remote().is_some()
    }

    /// Where a packet may go now.
    pub fn target(&mut self, now: Instant) -> Option<SocketAddr> {
        if !self.has_target() {
            return None;
        }
        if self.trust() == Trust::Sparing {
            // A packet asks for its target at more than one station, always with the same time.
            let due = |at: Instant| at == now || now.since(at) >= SPARING_INTERVAL;
            if !self.spared_at.is_none_or(due) {
                return None;
            }
            self.spared_at = Some(now);
        }
        self.inbound.latch.remote()
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
        write_packet(exit.scratch, &self.header(payload_type, marker, place), payload);
        self.transmit(to, exit);
    }

    /// The header of a packet of ours.
    pub fn header(&self, payload_type: u8, marker: bool, place: StreamPosition) -> RtpHeader {
        let StreamPosition { sequence, timestamp, .. } = place;
        RtpHeader { payload_type, marker, sequence, timestamp, ssrc: self.outbound.stream.ssrc() }
    }

    /// Ticks in a second of what this port sends.
    #[must_use]
    pub fn clock_rate(&self) -> u32 {
        self.outbound.stream.clock_rate().unwrap_or_else(|| self.plan.clock_rate())
    }

    /// How the stream of this port fares.
    pub fn health(&mut self, now: Instant) -> PortHealth {
        let sent_rate = self.clock_rate().max(1);
        let vitals = &mut self.inbound.vitals;
        let stream = self.inbound.stream.as_ref();
        let format = stream.and_then(|stream| self.plan.formats.get(stream.format));
        let far_end = self.reports.far_end;
        PortHealth {
            kind: self.kind,
            ok: vitals.ok(now, self.kind),
            codec: format.map(|format| format.codec.clone()),
            packets: vitals.packets,
            silent: vitals.silent(now),
            key_frame: vitals.has_key_frame(),
            frames_per_second: vitals.frames_per_second(now),
            loss_percent: far_end.map(|far_end| far_end.loss_percent),
            jitter_ms: far_end
                .map(|far_end| (u64::from(far_end.jitter) * 1000 / u64::from(sent_rate)) as u32),
            round_trip_ms: far_end
                .and_then(|far_end| far_end.round_trip)
                .map(|round_trip| u32::try_from(round_trip.as_millis()).unwrap_or(u32::MAX)),
            converted: self.outbound.line.as_ref().is_some_and(ConversionPath::codes),
        }
    }

    /// For how long the peer has been silent, and lifeless, by now, said each time that `limit` is over.
    pub fn check_silence(&mut self, now: Instant, limit: Duration) -> Option<(Duration, Duration)> {
        let silent = self.inbound.vitals.silent(now)?;
        let is_silent = silent >= limit;
        self.silence_due = Some(now + if is_silent { limit } else { limit - silent });
        self.inbound.silent |= is_silent;
        let lifeless = self.inbound.vitals.lifeless(now).unwrap_or(silent);
        is_silent.then_some((silent, lifeless))
    }
}

impl Outbound {
    /// The peer cannot decode what it gets. Where that is made or converted here a key frame comes
    /// next, and it is true.
    pub fn renews_picture(&mut self, out: &mut impl Outgoing) -> bool {
        match (&mut self.feed, &self.line) {
            (PortFeed::Shown(prompt_player), _) => prompt_player.leap(),
            (PortFeed::Live, Some(ConversionPath::Pictures(transcoder))) => {
                out.job(Job::KeyFrame { conversion: transcoder.id() });
            }
            (PortFeed::Nothing | PortFeed::Made(_) | PortFeed::Live, _) => return false,
        }
        true
    }

    /// The peer takes so many bit/s only; true where we code for it.
    pub fn limits_bitrate(&mut self, bitrate: u64, out: &mut impl Outgoing) -> bool {
        let Some(ConversionPath::Pictures(transcoder)) = &self.line else { return false };
        out.job(Job::Bitrate { conversion: transcoder.id(), bitrate });
        true
    }
}

/// Counts, seals and sends the packet in the scratch buffer: the last station of all that is written
/// here.
pub fn transmit(
    id: PortId,
    (srtp_context, reports): (&mut Option<Box<SrtpContext>>, &mut Reports),
    to: SocketAddr,
    exit: &mut Exit<'_, impl Outgoing>,
) {
    let ssrc = exit.scratch.get(8..HEADER_LEN).and_then(|bytes| bytes.try_into().ok());
    let ssrc = ssrc.map_or(0, u32::from_be_bytes);
    reports.sent(ssrc, exit.scratch.len().saturating_sub(HEADER_LEN));
    if let Some(srtp_context) = srtp_context {
        srtp_context.protect.protect_rtp(exit.scratch);
    }
    exit.out.send(id, Channel::Rtp, to, exit.scratch);
}

/// Writes a packet in the scratch buffer.
pub fn write_packet(scratch: &mut Vec<u8>, header: &RtpHeader, payload: &[u8]) {
    scratch.clear();
    scratch.extend_from_slice(&header.to_bytes());
    scratch.extend_from_slice(payload);
}

fn report_candidates(plan: &Plan) -> Candidates {
    // RFC 3605; without it, one port above.
    let above = plan.remote.map(|rtp| SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1)));
    let own = plan.remote_rtcp.or(above);
    Candidates {
        sdp: if plan.mux { plan.remote } else { own },
        signalling: plan.signalling_ip,
        behind_nat: plan.behind_nat,
    }
}
