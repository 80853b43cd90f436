//! What a port's peer sends: judged, counted and read, packet by packet.

use super::continuity::Numbers;
use super::dtmf::{DtmfDetector, SavedKeys};
use super::frame::{FrameContents, ParameterSets};
use super::health::{SavedVitals, Vitals};
use super::key_frames::{Requests, SavedRequests};
use super::latch::LatchVerdict;
use super::outgoing::{Event, Outgoing};
use super::path::MediaPath;
use super::peer_packet::{PacketKind, PeerPacket};
use super::plan::{PayloadFormat, StreamPlan, UNMAPPED};
use super::transport::MediaTransport;
use crate::codec::{Codec, Kind};
use crate::ids::PortId;
use crate::rtp::{
    HEADER_LEN, Packet, PacketArrival, Reception, RtpHeader, SavedReception, TelephoneEvent, strip,
};
use crate::time::{Instant, Now, UnixTime};
use std::net::SocketAddr;

/// The least that a timestamp of video rises at a switch: 30 pictures a second.
const PICTURES_PER_SECOND: u32 = 30;

/// What the peer sends.
#[derive(Debug)]
pub struct Inbound {
    /// The peer's keys.
    pub keys: DtmfDetector,
    /// Whether and what has come.
    pub vitals: Vitals,
    /// Key frames that it is asked for.
    pub requests: Requests,
    /// When it was last told how much to send.
    pub bitrate_asked: Option<Instant>,
    /// When it is told the next time, where it has to be told again and again.
    pub limit_due: Option<Instant>,
    /// H.264: what its pictures need to be decoded.
    pub sets: ParameterSets,
    /// The stream that it sends now.
    pub stream: Option<InboundStream>,
    /// It was reported silent.
    pub silent: bool,
    kind: Kind,
    by_payload_type: [u8; 128],
    /// By the place among the plan's formats.
    formats: Box<[InboundFormat]>,
}

/// What the path of a packet has to know of a codec.
#[derive(Clone, Copy, Debug)]
struct InboundFormat {
    clock_rate: u32,
    /// Ticks of one frame.
    frame: u32,
    event: bool,
}

/// One SSRC of the peer.
#[derive(Debug)]
pub struct InboundStream {
    /// The SSRC.
    pub ssrc: u32,
    /// Ticks in a second.
    pub clock_rate: u32,
    /// What has come and what is missing.
    pub reception: Reception,
    /// The place of its payload type among the plan's formats.
    pub format: usize,
}

/// What a peer sends, as a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedInbound {
    /// Its keys.
    pub keys: SavedKeys,
    /// Whether and what has come.
    pub vitals: SavedVitals,
    /// Key frames that it is asked for.
    pub requests: SavedRequests,
    /// When it was last told how much to send.
    pub bitrate_asked: Option<UnixTime>,
    /// When it is told the next time.
    pub limit_due: Option<UnixTime>,
    /// H.264: what its pictures need to be decoded.
    pub sets: ParameterSets,
    /// The stream that it sends now.
    pub stream: Option<SavedInboundStream>,
    /// It was reported silent.
    pub silent: bool,
}

/// One SSRC of a peer, as a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SavedInboundStream {
    /// The SSRC.
    pub ssrc: u32,
    /// What has come and what is missing.
    pub reception: SavedReception,
    /// The place of its payload type among the plan's formats.
    pub format: usize,
}

impl Inbound {
    /// As a value.
    #[must_use]
    pub fn saved(&self, now: Now) -> SavedInbound {
        let clock = |at| now.unix_of(at);
        let stream = |stream: &InboundStream| SavedInboundStream {
            ssrc: stream.ssrc,
            reception: stream.reception.saved(now),
            format: stream.format,
        };
        SavedInbound {
            keys: self.keys.saved(now),
            vitals: self.vitals.by(clock),
            requests: self.requests.by(clock),
            bitrate_asked: self.bitrate_asked.map(clock),
            limit_due: self.limit_due.map(clock),
            sets: self.sets.clone(),
            stream: self.stream.as_ref().map(stream),
            silent: self.silent,
        }
    }

    /// The one that was saved.
    #[must_use]
    pub fn restored(kind: Kind, plan: &StreamPlan, now: Now, saved: SavedInbound) -> Self {
        let clock = |at| now.instant_of(at);
        let stream = |stream: SavedInboundStream| InboundStream {
            ssrc: stream.ssrc,
            clock_rate: stream.reception.clock_rate,
            reception: Reception::restored(now, stream.reception),
            format: stream.format,
        };
        Self {
            keys: DtmfDetector::restored(now, saved.keys),
            vitals: saved.vitals.by(clock),
            requests: saved.requests.by(clock),
            bitrate_asked: saved.bitrate_asked.map(clock),
            limit_due: saved.limit_due.map(clock),
            sets: saved.sets,
            stream: saved.stream.map(stream),
            silent: saved.silent,
            ..Self::new(kind, plan)
        }
    }

    /// Nothing has come yet.
    #[must_use]
    pub fn new(kind: Kind, plan: &StreamPlan) -> Self {
        Self {
            keys: DtmfDetector::default(),
            vitals: Vitals::default(),
            requests: Requests::default(),
            bitrate_asked: None,
            limit_due: None,
            sets: ParameterSets::of_sdp(fmtp_of_h264(plan)),
            stream: None,
            kind,
            silent: false,
            by_payload_type: plan.reception(),
            formats: plan.formats().map(InboundFormat::of).collect(),
        }
    }

    /// Takes up a plan with other formats.
    pub fn replan(&mut self, plan: &StreamPlan) {
        self.by_payload_type = plan.reception();
        self.formats = plan.formats().map(InboundFormat::of).collect();
        self.sets.replace(fmtp_of_h264(plan));
    }

    /// Whether packets of this payload type are of this stream.
    #[must_use]
    pub fn knows(&self, payload_type: u8) -> bool {
        self.by_payload_type[usize::from(payload_type & 0x7f)] != UNMAPPED
    }

    /// Whether this is what the peer sends it under now.
    #[must_use]
    pub fn is_of(&self, ssrc: u32) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.ssrc == ssrc)
    }

    /// Judges, counts and reads a packet; `None` when it ends here.
    pub fn receive(
        &mut self,
        now: Instant,
        (port, plan): (PortId, &StreamPlan),
        (transport, path): (&mut MediaTransport, MediaPath),
        bytes: &mut [u8],
        out: &mut impl Outgoing,
    ) -> Option<PeerPacket> {
        let Ok(packet) = Packet::parse(bytes) else {
            transport.dropped.malformed += 1;
            return None;
        };
        let header = packet.header();
        let format = self.by_payload_type[usize::from(header.payload_type & 0x7f)];
        if !plan.direction.receives() {
            return self.leave_out(now, (transport, path.remote), header);
        }
        if format == UNMAPPED {
            transport.dropped.unknown_type += 1;
            return self.leave_out(now, (transport, path.remote), header);
        }
        match transport.judge(now, path, &header) {
            LatchVerdict::Refuse => return None,
            LatchVerdict::Latched => out.report(Event::Latched { port, remote: path.remote }),
            LatchVerdict::Accept => {}
        }
        let format = usize::from(format);
        let InboundFormat { clock_rate, frame, event } = *self.formats.get(format)?;
        if !self.count(now, &header, format, (clock_rate, event)) {
            return None;
        }
        self.vitals.packet(now);
        if self.vitals.packets == 1 || self.silent {
            self.silent = false;
            out.report(Event::FirstPacket { port });
        }
        let what = if event {
            let Some(event) = TelephoneEvent::parse(packet.payload()) else {
                transport.dropped.malformed += u64::from(!packet.payload().is_empty());
                return self.withheld(header, format);
            };
            let heard = self.keys.hear(now, header.ssrc, header.timestamp, event);
            if let Some(digit) = heard.digit {
                out.report(Event::Dtmf { port, digit });
            }
            let pressed = heard.digit.is_some();
            if heard.passes { PacketKind::Key { event, pressed } } else { PacketKind::Withheld }
        } else if self.kind == Kind::Video {
            let codec = &plan.formats.get(format)?.codec;
            PacketKind::Picture(self.look(now, codec, packet.payload(), header.timestamp))
        } else {
            PacketKind::Sound
        };
        // From here on whatever stands behind the header is payload.
        let len = strip(bytes);
        Some(PeerPacket { header, len, numbers: self.numbers(&header, frame, event), format, what })
    }

    /// A packet that is not taken, though it is of the peer's stream: it is not lost, neither here nor at
    /// whoever gets that stream.
    fn leave_out(
        &mut self,
        now: Instant,
        (transport, from): (&MediaTransport, SocketAddr),
        header: RtpHeader,
    ) -> Option<PeerPacket> {
        let stream = self.stream.as_mut().filter(|stream| stream.ssrc == header.ssrc)?;
        let format = stream.format;
        if !transport.is_latched_to(from) {
            return None;
        }
        match stream.reception.receive(now, header.sequence, header.timestamp) {
            PacketArrival::First
            | PacketArrival::Next { .. }
            | PacketArrival::Late
            | PacketArrival::Restart => {}
            PacketArrival::Duplicate | PacketArrival::Stray => return None,
        }
        self.withheld(header, format)
    }

    fn withheld(&self, header: RtpHeader, format: usize) -> Option<PeerPacket> {
        let InboundFormat { frame, event, .. } = *self.formats.get(format)?;
        let numbers = self.numbers(&header, frame, event);
        Some(PeerPacket { header, len: HEADER_LEN, numbers, format, what: PacketKind::Withheld })
    }

    fn numbers(&self, header: &RtpHeader, frame: u32, event: bool) -> Numbers {
        let RtpHeader { ssrc, sequence, timestamp, .. } = *header;
        let clock_rate = self.stream.as_ref().map_or(8000, |stream| stream.clock_rate);
        let frame = if event { clock_rate / 50 } else { frame };
        Numbers { ssrc, sequence, timestamp, clock_rate, frame, event }
    }

    /// Counts a packet; false for a double or a stray.
    fn count(
        &mut self,
        now: Instant,
        header: &RtpHeader,
        format: usize,
        (clock_rate, event): (u32, bool),
    ) -> bool {
        // Some phones count keys at 8 kHz beside Opus, in the one stream whose clock is the voice's.
        let voice =
            || self.formats.iter().find(|format| !format.event).map(|format| format.clock_rate);
        let clock_rate = if event { voice().unwrap_or(clock_rate) } else { clock_rate };
        let is_it = |stream: &InboundStream| {
            stream.ssrc == header.ssrc && (event || stream.clock_rate == clock_rate)
        };
        let stream = match &mut self.stream {
            Some(stream) if is_it(stream) => stream,
            other => other.insert(InboundStream {
                ssrc: header.ssrc,
                clock_rate,
                reception: Reception::new(clock_rate),
                format,
            }),
        };
        if !event {
            stream.format = format;
        }
        match stream.reception.receive(now, header.sequence, header.timestamp) {
            PacketArrival::First
            | PacketArrival::Next { .. }
            | PacketArrival::Late
            | PacketArrival::Restart => true,
            PacketArrival::Duplicate | PacketArrival::Stray => false,
        }
    }

    fn look(
        &mut self,
        now: Instant,
        codec: &Codec,
        payload: &[u8],
        timestamp: u32,
    ) -> FrameContents {
        let picture = FrameContents::of(codec, payload);
        let key_frame = picture.begins_key_frame();
        self.vitals.frame(timestamp, key_frame);
        if key_frame {
            self.requests.came(now);
        }
        if let FrameContents::H264(contents) = picture
            && (contents.sequence_parameters || contents.picture_parameters)
        {
            self.sets.learn(payload);
        }
        picture
    }
}

impl InboundFormat {
    fn of(format: &PayloadFormat) -> Self {
        let facts = format.codec.facts();
        let frame = match facts.kind {
            Kind::Audio => facts.clock_rate / 1000 * facts.frame_ms,
            Kind::Video => facts.clock_rate / PICTURES_PER_SECOND,
        };
        let event = matches!(format.codec, Codec::TelephoneEvent { .. });
        Self { clock_rate: facts.clock_rate, frame, event }
    }
}

fn fmtp_of_h264(plan: &StreamPlan) -> &str {
    let format = plan.formats().find(|format| format.codec == Codec::H264);
    format.map_or("", |format| &format.fmtp)
}
