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
use super::frame::{FrameContents, OutboundVideo, ParameterSets};
use super::health::PortHealth;
use super::hold::Repertoire;
use super::inbound::{Inbound, PacketKind, PeerPacket};
use super::latch::Candidates;
use super::machine::{Channel, Exit, Outgoing};
use super::openings::Openings;
use super::patchbay::Source;
use super::plan::{Plan, Trust};
use super::reports::Reports;
use super::route::PayloadMapping;
use super::srtp_context::SrtpContext;
use super::work::Job;
use crate::codec::Kind;
use crate::ids::{CallId, PortId};
use crate::random::Random;
use crate::rtp::{HEADER_LEN, RtpHeader, TelephoneEvent, rewrite};
use crate::time::{Duration, Instant};
use std::net::SocketAddr;
use std::sync::Arc;

/// A live source may pause this long before silence fills in, at a switch and after it.
const SWITCH_GRACE: Duration = Duration::from_millis(100);

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
    carried: Option<CarriedKey>,
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
    fn transmit(&mut self, to: SocketAddr, exit: &mut Exit<'_, impl Outgoing>) {
        transmit(self.id, (&mut self.srtp_context, &mut self.reports), to, exit);
    }

    /// Sends on, under our numbers, what arrived at the source; the header of `bytes` is the
    /// receiver's afterwards.
    pub fn forward(
        &mut self,
        now: Instant,
        arrived: &PeerPacket,
        bytes: &mut [u8],
        sets: &ParameterSets,
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        let Some(to) = self.target(now) else {
            self.withhold();
            return Follows::default();
        };
        let route = Arc::clone(&self.outbound.route);
        let way = route.get(arrived.format).unwrap_or(&PayloadMapping::Closed);
        let withheld = matches!(arrived.what, PacketKind::Withheld);
        if withheld || arrived.is_empty() || self.outbound.dtmf_generator.is_down() {
            return self.leave_out(now, arrived, exit);
        }
        if let PacketKind::Key { event, .. } = arrived.what
            && let PayloadMapping::Same(number) = way
        {
            let Follows { settle, .. } = self.pass_over(now, arrived, exit);
            // Of a source with several codecs some are converted and others pass: what counts is which of
            // them speaks.
            let converted = route.iter().any(|way| matches!(way, PayloadMapping::Converted(_)))
                && !self.outbound.stream.is_passed(&arrived.numbers);
            let key = (arrived, event, converted);
            let carried = self.carry_key(now, key, *number, bytes, to, exit);
            return Follows::settling(settle | carried.settle);
        }
        let leaves = match way {
            PayloadMapping::Closed | PayloadMapping::Pressed | PayloadMapping::Noise(_) => false,
            PayloadMapping::Converted(_) if !self.may_convert(now, way) => {
                return self.leave_out(now, arrived, exit);
            }
            PayloadMapping::Same(_)
            | PayloadMapping::OtherLaw(..)
            | PayloadMapping::Repacked(_)
            | PayloadMapping::Converted(_) => self.leave_line(way, exit),
        };
        let mut follows = match way {
            PayloadMapping::Closed => self.leave_out(now, arrived, exit),
            PayloadMapping::Same(number) => {
                self.pass(now, arrived, *number, bytes, (to, sets), exit)
            }
            PayloadMapping::OtherLaw(number, table) => {
                self.translate(now, arrived, (*number, table), bytes, to, exit)
            }
            PayloadMapping::Repacked(number) => {
                self.repack(now, arrived, *number, bytes, (to, sets), exit)
            }
            PayloadMapping::Converted(formats) if self.kind == Kind::Video => {
                self.convert_frame(now, arrived, formats, (bytes, sets), exit)
            }
            PayloadMapping::Converted(formats) => {
                Follows::settling(self.convert_voice(now, arrived, formats, bytes, exit))
            }
            PayloadMapping::Noise(noise) => self.hush(now, arrived, noise, bytes, (to, sets), exit),
            PayloadMapping::Pressed => {
                let mut follows = self.leave_out(now, arrived, exit);
                follows.settle |= self.press_again(arrived);
                follows
            }
        };
        follows.settle |= leaves;
        follows
    }

    /// A packet that this receiver does not get: no number is missing in its place.
    pub fn leave_out(
        &mut self,
        now: Instant,
        arrived: &PeerPacket,
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        self.outbound.stream.skip(arrived.header.sequence);
        self.pass_over(now, arrived, exit)
    }

    /// A packet of a key that the receiver counts by the same clock. All packets of one key have one
    /// timestamp (RFC 4733 §2.5.1.2), whatever becomes of the voice that comes between them.
    fn carry_key(
        &mut self,
        now: Instant,
        (arrived, event, voice_is_made): (&PeerPacket, TelephoneEvent, bool),
        payload_type: u8,
        bytes: &[u8],
        to: SocketAddr,
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        let RtpHeader { ssrc, timestamp: said, marker, .. } = arrived.header;
        let known = self.outbound.carried.and_then(|key| key.timestamp(ssrc, said, event.event));
        let stream = &mut self.outbound.stream;
        let place = if voice_is_made {
            let timestamp = known.unwrap_or_else(|| stream.key_time(now));
            stream.append(timestamp)
        } else {
            let Some(place) = stream.pass(now, arrived.numbers) else { return Follows::default() };
            StreamPosition { timestamp: known.unwrap_or(place.timestamp), ..place }
        };
        let timestamp = place.timestamp;
        self.outbound.carried = Some(CarriedKey { ssrc, said, event: event.event, timestamp });
        let open = OpenKey { event, timestamp, payload_type };
        self.outbound.open_key = (!event.end).then_some(open);
        let payload = bytes.get(HEADER_LEN..).unwrap_or_default();
        self.send_own(payload_type, marker || place.first, place, payload, to, exit);
        Follows::settling(self.goes_live(now))
    }

    /// A packet that needs no other payload.
    pub fn pass(
        &mut self,
        now: Instant,
        arrived: &PeerPacket,
        payload_type: u8,
        bytes: &mut [u8],
        (to, sets): (SocketAddr, &ParameterSets),
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        if let PacketKind::Picture(picture) = arrived.what {
            let waited = self.outbound.screen.is_waiting();
            if !self.outbound.screen.admits(now, picture) {
                return Follows { settle: false, key_frame: waited };
            }
            if self.outbound.screen.wants_sets(picture, arrived.header.timestamp) {
                self.send_sets(now, arrived, payload_type, to, sets, exit);
            }
        }
        let place = self.outbound.stream.pass(now, arrived.numbers);
        let Some(place) = place else { return Follows::default() };
        let marker = arrived.header.marker || self.kind == Kind::Audio && place.first;
        rewrite(bytes, &self.header(payload_type, marker, place));
        match arrived.what {
            PacketKind::Picture(FrameContents::Vp8(_)) => {
                if let Some(payload) = bytes.get_mut(HEADER_LEN..) {
                    self.outbound.screen.renumber(payload);
                }
            }
            PacketKind::Picture(FrameContents::H264(_)) => {
                let open = OpenFrame { payload_type, timestamp: place.timestamp };
                self.outbound.open_frame = (!marker).then_some(open);
            }
            PacketKind::Sound
            | PacketKind::Key { .. }
            | PacketKind::Withheld
            | PacketKind::Picture(_) => {}
        }
        if self.srtp_context.is_some() {
            // A seal makes it longer, and other receivers want it open.
            exit.scratch.clear();
            exit.scratch.extend_from_slice(bytes);
            self.transmit(to, exit);
        } else {
            let ssrc = self.outbound.stream.ssrc();
            self.reports.sent(ssrc, bytes.len().saturating_sub(HEADER_LEN));
            exit.out.send(self.id, Channel::Rtp, to, bytes);
        }
        Follows::settling(self.goes_live(now))
    }

    /// A packet of G.711 in the other law. The source's bytes stay as they are for its other
    /// receivers.
    fn translate(
        &mut self,
        now: Instant,
        arrived: &PeerPacket,
        (payload_type, table): (u8, &[u8; 256]),
        bytes: &[u8],
        to: SocketAddr,
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        let place = self.outbound.stream.pass(now, arrived.numbers);
        let Some(place) = place else { return Follows::default() };
        let marker = arrived.header.marker || place.first;
        let header = self.header(payload_type, marker, place);
        let payload = bytes.get(HEADER_LEN..).unwrap_or_default();
        exit.scratch.clear();
        exit.scratch.extend_from_slice(&header.to_bytes());
        exit.scratch.extend(payload.iter().map(|code| table[usize::from(*code)]));
        self.transmit(to, exit);
        Follows::settling(self.goes_live(now))
    }

    /// A key for a receiver that counts it by another clock, or beside another codec.
    fn press_again(&mut self, arrived: &PeerPacket) -> bool {
        let PacketKind::Key { event, pressed: true } = arrived.what else { return false };
        self.outbound.dtmf_generator.push(event.event)
    }

    /// Puts the source's parameter sets in front of a key frame that comes without.
    fn send_sets(
        &mut self,
        now: Instant,
        arrived: &PeerPacket,
        payload_type: u8,
        to: SocketAddr,
        sets: &ParameterSets,
        exit: &mut Exit<'_, impl Outgoing>,
    ) {
        for set in sets.iter() {
            let Some(place) = self.outbound.stream.insert_before(now, arrived.numbers) else {
                return;
            };
            self.send_own(payload_type, false, place, set, to, exit);
        }
    }

    /// A switch: the open key ends, the next packet begins a new source.
    pub fn switch(
        &mut self,
        now: Instant,
        source: Source,
        repertoire: &mut Repertoire,
        exit: &mut Exit<'_, impl Outgoing>,
    ) {
        self.end_key(now, exit);
        self.end_frame(now, exit);
        self.end_line(exit);
        self.outbound.breakdowns = 0;
        self.outbound.openings = Openings::default();
        self.outbound.stream.cut();
        self.outbound.screen.cut();
        self.outbound.patience = FrameTimeout::default();
        let due = match (source, self.outbound.stream.advanced_at()) {
            (Source::Port(_), Some(last)) => now.max(last + SWITCH_GRACE),
            (Source::Port(_), None)
            | (
                Source::Hold(_)
                | Source::Prompt(_)
                | Source::Greeting(..)
                | Source::Farewell(..)
                | Source::Camera(_)
                | Source::RingBack
                | Source::Tone(_)
                | Source::Silence
                | Source::Nothing,
                _,
            ) => now,
        };
        self.make(source, due, repertoire);
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
