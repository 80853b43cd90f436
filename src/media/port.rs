//! One RTP port: what comes in from its peer, and the one seamless stream that goes out to it.
//!
//! ```text
//!   peer ──▶ latch ──▶ payload type known? ──▶ counted ──▶ Arrived ──▶ receivers
//!   peer ◀── one SSRC ◀── feed:  Made(silence, melody …) ── live packet ──▶ Live
//!                                Live ── switch, or 5 s without a packet ──▶ Made
//! ```

use super::continuity::{Continuity, Numbers, Place};
use super::conversion::Line;
use super::dtmf::{CarriedKey, Dialler, OpenKey, Press};
use super::films::{FilmKey, Projector};
use super::guard::Guard;
use super::health::PortHealth;
use super::hold::{Player, Repertoire};
use super::inbound::{Arrived, Inbound, What};
use super::latch::Candidates;
use super::machine::{Channel, Exit, Outgoing};
use super::patchbay::Source;
use super::picture::{ParameterSets, Picture, Screen};
use super::plan::{Plan, Trust};
use super::reports::Reports;
use super::route::Way;
use super::stock::Stocked;
use super::work::Job;
use crate::codec::Kind;
use crate::ids::{CallId, PortId};
use crate::random::Random;
use crate::rtp::{END_PACKETS, HEADER_LEN, Header, TelephoneEvent, rewrite};
use crate::time::{Duration, Instant};
use std::net::SocketAddr;
use std::sync::Arc;

/// A live source may pause this long before silence fills in, at a switch and after it.
const SWITCH_GRACE: Duration = Duration::from_millis(100);
/// After this long without a live packet, silence is made again.
const LIVE_GAP_MAX: Duration = Duration::from_secs(5);

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
    pub guard: Option<Box<Guard>>,
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

/// An H.264 NAL unit of filler data, empty (ITU-T H.264 §7.3.2.7): it changes no picture.
const FILLER: [u8; 2] = [0x0c, 0x80];

/// What the peer gets.
#[derive(Debug)]
pub struct Outbound {
    /// The numbering.
    pub stream: Continuity,
    /// By the place among the source's formats, what becomes of its packets.
    pub route: Arc<[Way]>,
    /// Keys that we press.
    pub dialler: Dialler,
    /// The conversion that the source's packets go through, if they do.
    pub line: Option<Line>,
    /// Conversions of pictures so far.
    pub conversions: u64,
    /// Those of this source that have broken down.
    pub breakdowns: u8,
    feed: Feed,
    /// The pictures that pass.
    pub screen: Screen,
    open_key: Option<OpenKey>,
    carried: Option<CarriedKey>,
    open_frame: Option<OpenFrame>,
}

/// An H.264 picture of which the last packet has not come yet.
#[derive(Clone, Copy, Debug)]
struct OpenFrame {
    payload_type: u8,
    timestamp: u32,
}

#[derive(Debug)]
enum Feed {
    /// Nothing: pictures without a source, or a codec that we cannot code.
    Nothing,
    /// Sound of our own.
    Made(Player),
    /// Pictures of our own.
    Shown(Projector),
    /// Packets of the source.
    Live,
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
                dialler: Dialler::default(),
                line: None,
                conversions: 0,
                breakdowns: 0,
                feed: Feed::Nothing,
                screen: Screen::default(),
                open_key: None,
                carried: None,
                open_frame: None,
            },
            guard: Guard::follow(None, plan.protection.as_ref()),
            reports: Reports::new(now, report_candidates(&plan), first_report),
            recording: None,
            watch_due: None,
            deadline: None,
            silence_due: None,
            spared_at: None,
            plan,
        }
    }

    /// Takes up another plan; true when what the relay makes for it itself has to be made anew.
    pub fn replan(&mut self, now: Instant, plan: Plan) -> bool {
        let anew = plan.formats != self.plan.formats || plan.packet_ms != self.plan.packet_ms;
        self.inbound.replan(now, &plan, anew);
        self.guard = Guard::follow(self.guard.take(), plan.protection.as_ref());
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
    ) -> Option<Arrived> {
        let len = match &mut self.guard {
            Some(guard) => guard.opener.open_rtp(bytes),
            None => Some(bytes.len()),
        };
        let len = self.unsealed(len)?;
        self.inbound.receive(now, (self.id, &self.plan), from, &mut bytes[..len], out)
    }

    /// Opens a report; `None` when it is not the peer's.
    pub fn open_report<'a>(&mut self, bytes: &'a mut [u8]) -> Option<&'a [u8]> {
        let len = match &mut self.guard {
            Some(guard) => guard.opener.open_rtcp(bytes),
            None => Some(bytes.len()),
        };
        let len = self.unsealed(len)?;
        Some(&bytes[..len])
    }

    /// Counts what could not be opened.
    fn unsealed(&mut self, opened: Option<usize>) -> Option<usize> {
        self.inbound.dropped.unsealed += u64::from(opened.is_none());
        opened
    }

    /// Sends the packet that is written in the scratch buffer.
    fn transmit(&mut self, to: SocketAddr, exit: &mut Exit<'_, impl Outgoing>) {
        transmit(self.id, (&mut self.guard, &mut self.reports), to, exit);
    }

    /// Sends on, under our numbers, what arrived at the source; the header of `bytes` is the
    /// receiver's afterwards.
    pub fn forward(
        &mut self,
        now: Instant,
        arrived: &Arrived,
        bytes: &mut [u8],
        sets: &ParameterSets,
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        let Some(to) = self.target(now) else {
            self.withhold();
            return Follows::default();
        };
        let route = Arc::clone(&self.outbound.route);
        let way = route.get(arrived.format).unwrap_or(&Way::Closed);
        let withheld = matches!(arrived.what, What::Withheld);
        if withheld || arrived.is_empty() || self.outbound.dialler.is_down() {
            return self.leave_out(now, arrived, exit);
        }
        if let What::Key { event, .. } = arrived.what
            && let Way::Same(number) = way
        {
            let converted = route.iter().any(|way| matches!(way, Way::Converted(_)));
            let Follows { settle, .. } = self.pass_over(now, arrived, exit);
            let key = (arrived, event, converted);
            let carried = self.carry_key(now, key, *number, bytes, to, exit);
            return Follows::settling(settle | carried.settle);
        }
        let settle = match way {
            Way::Closed => return self.leave_out(now, arrived, exit),
            Way::Same(number) => {
                return self.pass(now, arrived, *number, bytes, (to, sets), exit);
            }
            Way::OtherLaw(number, table) => {
                self.translate(now, arrived, (*number, table), bytes, to, exit)
            }
            Way::Repacked(number) => {
                return self.repack(now, arrived, *number, bytes, (to, sets), exit);
            }
            Way::Converted(formats) if self.kind == Kind::Video => {
                return self.convert_picture(now, arrived, formats, (bytes, sets), exit);
            }
            Way::Converted(formats) => self.convert_voice(now, arrived, formats, bytes, exit),
            Way::Noise(formats) => self.convert_noise(now, arrived, formats, bytes, exit),
            Way::Pressed => {
                let follows = self.leave_out(now, arrived, exit);
                follows.settle | self.press_again(arrived)
            }
        };
        Follows::settling(settle)
    }

    /// A packet that this receiver does not get: no number is missing in its place.
    fn leave_out(
        &mut self,
        now: Instant,
        arrived: &Arrived,
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
        (arrived, event, voice_is_made): (&Arrived, TelephoneEvent, bool),
        payload_type: u8,
        bytes: &[u8],
        to: SocketAddr,
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        let Header { ssrc, timestamp: said, marker, .. } = arrived.header;
        let known = self.outbound.carried.and_then(|key| key.timestamp(ssrc, said, event.event));
        let stream = &mut self.outbound.stream;
        let place = if voice_is_made {
            let Numbers { clock_rate, frame, .. } = arrived.numbers;
            let timestamp = known.unwrap_or_else(|| stream.key_time(now, clock_rate, frame));
            stream.append(timestamp)
        } else {
            let Some(place) = stream.pass(now, arrived.numbers) else { return Follows::default() };
            Place { timestamp: known.unwrap_or(place.timestamp), ..place }
        };
        let timestamp = place.timestamp;
        self.outbound.carried = Some(CarriedKey { ssrc, said, event: event.event, timestamp });
        let open = OpenKey { event, timestamp, payload_type };
        self.outbound.open_key = (!event.end).then_some(open);
        let payload = bytes.get(HEADER_LEN..).unwrap_or_default();
        self.send_own(payload_type, marker || place.first, place, payload, to, exit);
        Follows::settling(self.goes_live())
    }

    /// A packet that needs no other payload.
    fn pass(
        &mut self,
        now: Instant,
        arrived: &Arrived,
        payload_type: u8,
        bytes: &mut [u8],
        (to, sets): (SocketAddr, &ParameterSets),
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        if let What::Picture(picture) = arrived.what {
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
            What::Picture(Picture::Vp8(_)) => {
                if let Some(payload) = bytes.get_mut(HEADER_LEN..) {
                    self.outbound.screen.renumber(payload);
                }
            }
            What::Picture(Picture::H264(_)) => {
                let open = OpenFrame { payload_type, timestamp: place.timestamp };
                self.outbound.open_frame = (!marker).then_some(open);
            }
            What::Sound | What::Key { .. } | What::Withheld | What::Picture(_) => {}
        }
        if self.guard.is_some() {
            // A seal makes it longer, and other receivers want it open.
            exit.scratch.clear();
            exit.scratch.extend_from_slice(bytes);
            self.transmit(to, exit);
        } else {
            self.reports.sent(bytes.len().saturating_sub(HEADER_LEN));
            exit.out.send(self.id, Channel::Rtp, to, bytes);
        }
        Follows::settling(self.goes_live())
    }

    /// A packet of G.711 in the other law. The source's bytes stay as they are for its other
    /// receivers.
    fn translate(
        &mut self,
        now: Instant,
        arrived: &Arrived,
        (payload_type, table): (u8, &[u8; 256]),
        bytes: &[u8],
        to: SocketAddr,
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> bool {
        let Some(place) = self.outbound.stream.pass(now, arrived.numbers) else { return false };
        let marker = arrived.header.marker || place.first;
        let header = self.header(payload_type, marker, place);
        let payload = bytes.get(HEADER_LEN..).unwrap_or_default();
        exit.scratch.clear();
        exit.scratch.extend_from_slice(&header.to_bytes());
        exit.scratch.extend(payload.iter().map(|code| table[usize::from(*code)]));
        self.transmit(to, exit);
        self.goes_live()
    }

    /// A key for a receiver that counts it by another clock, or beside another codec.
    fn press_again(&mut self, arrived: &Arrived) -> bool {
        let What::Key { event, pressed: true } = arrived.what else { return false };
        self.outbound.dialler.push(event.event)
    }

    /// The source is heard or seen now; true when that ends something of our own.
    pub fn goes_live(&mut self) -> bool {
        let before = std::mem::replace(&mut self.outbound.feed, Feed::Live);
        matches!(before, Feed::Made(_) | Feed::Shown(_))
    }

    /// Puts the source's parameter sets in front of a key frame that comes without.
    fn send_sets(
        &mut self,
        now: Instant,
        arrived: &Arrived,
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
        self.outbound.stream.cut();
        self.outbound.screen.cut();
        let due = match (source, self.outbound.stream.advanced_at()) {
            (Source::Port(_), Some(last)) => now.max(last + SWITCH_GRACE),
            (Source::Port(_), None)
            | (
                Source::Hold(_)
                | Source::Scene(_)
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

    /// Begins to make the sound or the picture for a source that sends nothing itself.
    pub fn make(&mut self, source: Source, due: Instant, repertoire: &mut Repertoire) {
        let before = std::mem::replace(&mut self.outbound.feed, Feed::Nothing);
        self.outbound.feed = match self.kind {
            Kind::Audio => {
                let player = Player::new(repertoire, self.id, &self.plan, source, due);
                player.map_or(Feed::Nothing, Feed::Made)
            }
            Kind::Video => {
                let before = match before {
                    Feed::Shown(before) => Some(before),
                    Feed::Nothing | Feed::Made(_) | Feed::Live => None,
                };
                self.project(before, source, due, repertoire).map_or(Feed::Nothing, Feed::Shown)
            }
        };
    }

    /// The film of a source; what ran before goes on until it is there.
    fn project(
        &self,
        before: Option<Projector>,
        source: Source,
        due: Instant,
        repertoire: &mut Repertoire,
    ) -> Option<Projector> {
        let wanted = source.scene().and_then(|scene| FilmKey::of(scene, &self.plan));
        let Some((key, payload_type)) = wanted else {
            repertoire.films.leave(self.id);
            return None;
        };
        let before = before.filter(|before| before.suits(&key, payload_type));
        match repertoire.films.want(self.id, key.clone()) {
            Stocked::Ready(film) => Some(Projector::new(film, &key, payload_type, due, before)),
            Stocked::Wanted => before,
            Stocked::Never => None,
        }
    }

    /// Makes silence again where a live source has fallen silent.
    pub fn fill_gap(&mut self, now: Instant, source: Source, repertoire: &mut Repertoire) {
        let gap = self.outbound.stream.advanced_at().is_none_or(|at| now.since(at) >= LIVE_GAP_MAX);
        match self.outbound.feed {
            Feed::Live if gap => self.make(source, now, repertoire),
            Feed::Live | Feed::Made(_) | Feed::Shown(_) | Feed::Nothing => {}
        }
    }

    /// Whether the relay has to send something of its own every 20 ms.
    #[must_use]
    pub fn is_making(&self) -> bool {
        let made = matches!(self.outbound.feed, Feed::Made(_) | Feed::Shown(_))
            || !self.outbound.dialler.is_idle()
            || self.outbound.line.as_ref().is_some_and(Line::is_waiting);
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

    /// Sends what is due of keys, sounds and pictures of our own, and of what waits to be converted.
    pub fn play(&mut self, now: Instant, exit: &mut Exit<'_, impl Outgoing>) -> Follows {
        let Some(to) = self.target(now) else {
            return Follows::default();
        };
        if !self.outbound.dialler.is_idle() && self.dial(now, to, exit) {
            return Follows::default();
        }
        match self.outbound.feed {
            Feed::Made(_) => self.sound(now, to, exit),
            Feed::Shown(_) => self.show(now, to, exit),
            Feed::Live | Feed::Nothing => {}
        }
        self.tick_line(now, exit)
    }

    fn sound(&mut self, now: Instant, to: SocketAddr, exit: &mut Exit<'_, impl Outgoing>) {
        let Feed::Made(player) = &mut self.outbound.feed else { return };
        while let Some(frame) = player.next(now) {
            if frame.late {
                self.outbound.stream.cut();
            }
            let place = self.outbound.stream.make(now, frame.clock_rate, frame.step);
            let header = Header {
                payload_type: frame.payload_type,
                marker: place.first,
                sequence: place.sequence,
                timestamp: place.timestamp,
                ssrc: self.outbound.stream.ssrc(),
            };
            write_packet(exit.scratch, &header, frame.payload);
            transmit(self.id, (&mut self.guard, &mut self.reports), to, exit);
        }
    }

    fn show(&mut self, now: Instant, to: SocketAddr, exit: &mut Exit<'_, impl Outgoing>) {
        let Feed::Shown(projector) = &mut self.outbound.feed else { return };
        let (payload_type, is_vp8) = (projector.payload_type(), projector.is_vp8());
        let Some(picture) = projector.next(now) else { return };
        let stream = &mut self.outbound.stream;
        if picture.late {
            stream.cut();
        }
        let mut place = stream.make(now, picture.clock_rate, picture.step);
        self.outbound.screen.begin_picture();
        for (n, payload) in picture.payloads.iter().enumerate() {
            if n > 0 {
                place = stream.append(place.timestamp);
            }
            let Place { sequence, timestamp, .. } = place;
            let marker = n + 1 == picture.payloads.len();
            let header = Header { payload_type, marker, sequence, timestamp, ssrc: stream.ssrc() };
            write_packet(exit.scratch, &header, payload);
            if is_vp8 && let Some(payload) = exit.scratch.get_mut(HEADER_LEN..) {
                self.outbound.screen.renumber(payload);
            }
            transmit(self.id, (&mut self.guard, &mut self.reports), to, exit);
        }
    }

    /// Presses keys; true while one is down and nothing else may be sent.
    fn dial(&mut self, now: Instant, to: SocketAddr, exit: &mut Exit<'_, impl Outgoing>) -> bool {
        let Some(format) = self.plan.event_format(self.clock_rate()) else {
            self.outbound.dialler.clear();
            return false;
        };
        let (payload_type, clock_rate) = (format.send_pt & 0x7f, format.codec.clock_rate());
        // Some phones count keys at 8 kHz beside Opus: the timestamps are the voice's all the same.
        let stream_clock = self.clock_rate();
        match self.outbound.dialler.next(now, clock_rate) {
            Press::Begin(event) => {
                self.end_key(now, exit);
                let place = self.outbound.stream.make(now, stream_clock, stream_clock / 50);
                self.outbound.dialler.begin(place.timestamp);
                self.send_own(payload_type, true, place, &event.to_bytes(), to, exit);
                true
            }
            Press::Hold(event, timestamp) => {
                let place = self.outbound.stream.append(timestamp);
                self.send_own(payload_type, false, place, &event.to_bytes(), to, exit);
                true
            }
            Press::End(event, timestamp) => {
                for _ in 0..END_PACKETS {
                    let place = self.outbound.stream.append(timestamp);
                    self.send_own(payload_type, false, place, &event.to_bytes(), to, exit);
                }
                self.outbound.stream.cut();
                true
            }
            Press::Wait | Press::Done => false,
        }
    }

    /// Ends the key that is down at this receiver (media rule: three end packets).
    fn end_key(&mut self, now: Instant, exit: &mut Exit<'_, impl Outgoing>) {
        let Some(key) = self.outbound.open_key.take() else { return };
        let Some(to) = self.target(now) else { return };
        for _ in 0..END_PACKETS {
            let place = self.outbound.stream.append(key.timestamp);
            let payload = key.end().to_bytes();
            self.send_own(key.payload_type, false, place, &payload, to, exit);
        }
    }

    /// Ends the H.264 picture that a switch has cut. Some decoders gather packets up to the marker
    /// alone (baresip 1.0.0 with libavcodec): they would put what is left of this picture and the
    /// next one's key frame together, and show neither.
    fn end_frame(&mut self, now: Instant, exit: &mut Exit<'_, impl Outgoing>) {
        let Some(frame) = self.outbound.open_frame.take() else { return };
        let Some(to) = self.target(now) else { return };
        let place = self.outbound.stream.append(frame.timestamp);
        self.send_own(frame.payload_type, true, place, &FILLER, to, exit);
    }

    /// Sends a packet that is written here.
    pub fn send_own(
        &mut self,
        payload_type: u8,
        marker: bool,
        place: Place,
        payload: &[u8],
        to: SocketAddr,
        exit: &mut Exit<'_, impl Outgoing>,
    ) {
        write_packet(exit.scratch, &self.header(payload_type, marker, place), payload);
        self.transmit(to, exit);
    }

    /// The header of a packet of ours.
    pub fn header(&self, payload_type: u8, marker: bool, place: Place) -> Header {
        let Place { sequence, timestamp, .. } = place;
        Header { payload_type, marker, sequence, timestamp, ssrc: self.outbound.stream.ssrc() }
    }

    /// Ticks in a second of what this port sends.
    #[must_use]
    pub fn clock_rate(&self) -> u32 {
        let primary = self.plan.formats().find(|format| format.codec.is_primary());
        primary.map_or(8000, |format| format.codec.clock_rate())
    }

    /// How the stream of this port fares.
    pub fn health(&mut self, now: Instant) -> PortHealth {
        let vitals = &mut self.inbound.vitals;
        let stream = self.inbound.stream.as_ref();
        let format = stream.and_then(|stream| self.plan.formats.get(stream.format));
        let far_end = self.reports.far_end;
        let sent_rate = self.plan.formats().find(|format| format.codec.is_primary());
        let sent_rate = sent_rate.map_or(8000, |format| format.codec.clock_rate().max(1));
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
            converted: self.outbound.line.as_ref().is_some_and(Line::codes),
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
            (Feed::Shown(projector), _) => projector.leap(),
            (Feed::Live, Some(Line::Pictures(transcoder))) => {
                out.job(Job::KeyFrame { conversion: transcoder.id() });
            }
            (Feed::Nothing | Feed::Made(_) | Feed::Live, _) => return false,
        }
        true
    }

    /// The peer takes so many bit/s only; true where we code for it.
    pub fn limits_bitrate(&mut self, bitrate: u64, out: &mut impl Outgoing) -> bool {
        let Some(Line::Pictures(transcoder)) = &self.line else { return false };
        out.job(Job::Bitrate { conversion: transcoder.id(), bitrate });
        true
    }
}

/// Counts, seals and sends the packet in the scratch buffer: the last station of all that is written
/// here.
fn transmit(
    id: PortId,
    (guard, reports): (&mut Option<Box<Guard>>, &mut Reports),
    to: SocketAddr,
    exit: &mut Exit<'_, impl Outgoing>,
) {
    reports.sent(exit.scratch.len().saturating_sub(HEADER_LEN));
    if let Some(guard) = guard {
        guard.sealer.seal_rtp(exit.scratch);
    }
    exit.out.send(id, Channel::Rtp, to, exit.scratch);
}

fn write_packet(scratch: &mut Vec<u8>, header: &Header, payload: &[u8]) {
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
