//! One stream: what comes in from its peer, and the one seamless stream that goes out to it. Which addresses
//! and keys it uses is its [`MediaTransport`](super::transport::MediaTransport)'s.
//!
//! ```text
//!   transport ──▶ payload type known? ──▶ counted ──▶ PeerPacket ──▶ receivers
//!   transport ◀── one SSRC ◀── feed:  Made(silence, melody …) ── live packet ──▶ Live
//!                                     Live ── switch, or 5 s without a packet ──▶ Made
//! ```

use super::continuity::{Continuity, SavedNumbering, StreamPosition};
use super::conversion::ConversionPath;
use super::dtmf::{CarriedKey, DtmfGenerator, OpenKey};
use super::feed::{FrameTimeout, PortFeed};
use super::frame::{OutboundVideo, SavedPictures};
use super::health::PortHealth;
use super::inbound::{Inbound, SavedInbound};
use super::openings::Openings;
use super::outgoing::Outgoing;
use super::plan::{BitrateFeedback, StreamPlan};
use super::preview::{Preview, STILL_INTERVAL};
use super::reports::{Reports, SavedReports};
use super::route::PayloadMapping;
use super::work::Job;
use crate::codec::Kind;
use crate::ids::{CallId, PortId};
use crate::random::Random;
use crate::rtp::RtpHeader;
use crate::time::{Duration, Instant, Now, UnixTime};
use std::sync::Arc;

/// What a peer is let send whose pictures nobody bounds, in bit/s.
const BITRATE_USUAL: u64 = 1_500_000;
/// Below this there is no picture.
const BITRATE_LEAST: u64 = 50_000;
/// A peer that has to be told how much it may send is told so long after its first picture, and then in this interval.
const LIMIT_FIRST: Duration = Duration::from_millis(100);
/// The interval.
pub const LIMIT_INTERVAL: Duration = Duration::from_secs(1);

/// One stream.
#[derive(Debug)]
pub struct MediaStream {
    /// Its number.
    pub id: PortId,
    /// Sound or pictures.
    pub kind: Kind,
    /// What was negotiated.
    pub plan: StreamPlan,
    /// What the peer sends.
    pub inbound: Inbound,
    /// What the peer gets.
    pub outbound: Outbound,
    /// Its RTCP.
    pub reports: Reports,
    /// The call in whose recording it is heard and seen.
    pub recording: Option<CallId>,
    /// Stills of what its peer sends, where they are made.
    pub preview: Option<Box<Preview>>,
    /// When to report its health next.
    pub watch_due: Option<Instant>,
    /// Its entry among the deadlines of all streams.
    pub deadline: Option<Instant>,
    /// When to look whether it has fallen silent.
    pub silence_due: Option<Instant>,
    /// When to look whether the pictures of its source still come.
    pub picture_due: Option<Instant>,
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
    /// What the peer says that it can take of pictures, in bit/s.
    pub takes: Option<u64>,
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
    /// When a packet of the source last went out. The stream does not advance while a picture takes its time to come.
    pub passed_at: Option<Instant>,
}

/// An H.264 picture of which the last packet has not come yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OpenFrame {
    /// The receiver's number.
    pub payload_type: u8,
    /// In the outgoing stream.
    pub timestamp: u32,
}

/// A stream as a value, its plan aside. What waits to be played or converted is not in it: that begins anew.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedStream {
    /// The numbering of what the peer gets.
    pub numbering: SavedNumbering,
    /// It gets the packets of its source; else what is made here, or nothing.
    pub is_live: bool,
    /// The pictures that pass.
    pub pictures: SavedPictures,
    /// A picture that is not whole.
    pub open_frame: Option<OpenFrame>,
    /// The key that was passed on last.
    pub carried: Option<CarriedKey>,
    /// The wait for the source's pictures.
    pub patience: FrameTimeout,
    /// What the peer sends.
    pub inbound: SavedInbound,
    /// Its RTCP.
    pub reports: SavedReports,
    /// When to report its health next.
    pub watch_due: Option<UnixTime>,
    /// When to look whether it has fallen silent.
    pub silence_due: Option<UnixTime>,
    /// When to look whether the pictures of its source still come.
    pub picture_due: Option<UnixTime>,
}

impl MediaStream {
    /// Whether nothing of it is half done: no key is down, nor waits to be pressed.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.outbound.open_key.is_none() && self.outbound.dtmf_generator.is_idle()
    }

    /// As a value.
    #[must_use]
    pub fn saved(&self, now: Now) -> SavedStream {
        let clock = |at| now.unix_of(at);
        SavedStream {
            numbering: self.outbound.stream.saved(now),
            is_live: self.is_live(),
            pictures: self.outbound.screen.by(clock),
            open_frame: self.outbound.open_frame,
            carried: self.outbound.carried,
            patience: self.outbound.patience,
            inbound: self.inbound.saved(now),
            reports: self.reports.by(clock),
            watch_due: self.watch_due.map(clock),
            silence_due: self.silence_due.map(clock),
            picture_due: self.picture_due.map(clock),
        }
    }

    /// The one that was saved; what is not live has to be made.
    #[must_use]
    pub fn restored(
        id: PortId,
        kind: Kind,
        plan: StreamPlan,
        now: Now,
        saved: SavedStream,
    ) -> Self {
        let clock = |at| now.instant_of(at);
        let feed = if saved.is_live { PortFeed::Live } else { PortFeed::Nothing };
        let outbound = Outbound {
            screen: saved.pictures.by(clock),
            open_frame: saved.open_frame,
            carried: saved.carried,
            patience: saved.patience,
            feed,
            ..Outbound::new(Continuity::restored(now, saved.numbering))
        };
        Self {
            id,
            kind,
            inbound: Inbound::restored(kind, &plan, now, saved.inbound),
            outbound,
            reports: saved.reports.by(clock),
            recording: None,
            preview: None,
            watch_due: saved.watch_due.map(clock),
            deadline: None,
            silence_due: saved.silence_due.map(clock),
            picture_due: saved.picture_due.map(clock),
            plan,
        }
    }

    /// A stream that has sent and heard nothing.
    #[must_use]
    pub fn new(
        id: PortId,
        kind: Kind,
        plan: StreamPlan,
        now: Instant,
        random: &mut Random,
    ) -> Self {
        // RFC 3711 §3.3.1: a phone that misses our first packets must not miss a rollover with them,
        // or it opens none of the later ones.
        let first = random.u32() as u16 & 0x7fff;
        let stream = Continuity::new(random.u32(), first, random.u32());
        // The first report goes early, since phones show the quality of a call from it.
        let first_report = now + Duration::from_millis(500 + random.below(1000));
        Self {
            id,
            kind,
            inbound: Inbound::new(kind, &plan),
            outbound: Outbound::new(stream),
            reports: Reports::new(first_report),
            recording: None,
            preview: None,
            watch_due: None,
            deadline: None,
            silence_due: None,
            picture_due: None,
            plan,
        }
    }

    /// Takes up another plan; true when what the relay makes for it itself has to be made anew.
    pub fn replan(&mut self, plan: StreamPlan) -> bool {
        let anew = plan.formats != self.plan.formats || plan.packet_ms != self.plan.packet_ms;
        if anew {
            self.inbound.replan(&plan);
        }
        self.plan = plan;
        anew
    }

    /// The source is heard or seen now; true when that ends something of our own.
    pub fn goes_live(&mut self, now: Instant) -> bool {
        self.outbound.passed_at = Some(now);
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

    /// Whether nothing goes out.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.outbound.feed, PortFeed::Nothing)
    }

    /// The header of a packet of ours.
    pub fn header(&self, payload_type: u8, marker: bool, place: StreamPosition) -> RtpHeader {
        let StreamPosition { sequence, timestamp, .. } = place;
        RtpHeader { payload_type, marker, sequence, timestamp, ssrc: self.outbound.stream.ssrc() }
    }

    /// Ticks in a second of what it sends.
    #[must_use]
    pub fn clock_rate(&self) -> u32 {
        self.outbound.stream.clock_rate().unwrap_or_else(|| self.plan.clock_rate())
    }

    /// How it fares.
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

impl MediaStream {
    /// When the peer is told the next time how much it may send, where it has to be told again and again (REMB):
    /// without a word it sends less and less.
    pub fn limit_due(&mut self, now: Instant) -> Option<Instant> {
        let has_to_be_told = self.kind == Kind::Video
            && self.plan.bitrate_feedback == BitrateFeedback::Remb
            && self.inbound.stream.is_some();
        let due = self.inbound.limit_due.unwrap_or(now + LIMIT_FIRST);
        self.inbound.limit_due = has_to_be_told.then_some(due);
        self.inbound.limit_due
    }

    /// When the peer is asked for a key frame of which a still is made; never while it sends nothing.
    #[must_use]
    pub fn still_due(&self, now: Instant) -> Option<Instant> {
        self.preview.as_ref()?;
        self.inbound.vitals.silent(now).filter(|gap| *gap < STILL_INTERVAL)?;
        self.inbound.requests.spare_due(STILL_INTERVAL)
    }

    /// How much the peer can take of pictures, in bit/s. What is converted for it is bounded there.
    #[must_use]
    pub fn bitrate_taken(&self) -> u64 {
        if matches!(self.outbound.line, Some(ConversionPath::Pictures(_))) {
            return BITRATE_USUAL;
        }
        let stated = self.plan.picture.bitrate_max.map(u64::from);
        let all = [stated, self.outbound.takes, Some(BITRATE_USUAL)];
        all.into_iter().flatten().min().unwrap_or(BITRATE_USUAL).max(BITRATE_LEAST)
    }
}

impl Outbound {
    fn new(stream: Continuity) -> Self {
        Self {
            stream,
            route: Arc::from([]),
            dtmf_generator: DtmfGenerator::default(),
            takes: None,
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
            passed_at: None,
        }
    }

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
        self.takes = Some(bitrate);
        let Some(ConversionPath::Pictures(transcoder)) = &self.line else { return false };
        out.job(Job::Bitrate { conversion: transcoder.id(), bitrate });
        true
    }
}
