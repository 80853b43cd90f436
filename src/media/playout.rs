//! What a port is sent of the relay's own: silence, sounds, pictures, keys, and the ends of what a switch cuts.

use super::continuity::StreamPosition;
use super::dtmf::DtmfOutput;
use super::encoded_prompts::{PromptKey, PromptPlayer};
use super::feed::{FrameTimeout, PortFeed};
use super::hold::{Player, Repertoire};
use super::openings::Openings;
use super::outgoing::{Exit, Outgoing};
use super::patchbay::Source;
use super::port::{Follows, Port, transmit, write_packet};
use super::prompt::{PromptMessage, VideoPrompt, WaitingProfileId};
use super::stock::Stocked;
use super::stream::Outbound;
use crate::codec::Kind;
use crate::rtp::{END_PACKETS, HEADER_LEN, RtpHeader};
use crate::time::{Duration, Instant};
use std::net::SocketAddr;

/// After this long without a live packet, silence is made again.
const LIVE_GAP_MAX: Duration = Duration::from_secs(5);

/// A live source may pause this long before silence fills in, at a switch and after it.
const SWITCH_GRACE: Duration = Duration::from_millis(100);

/// What is seen of a source whose pictures do not come.
const NO_PICTURE: VideoPrompt =
    VideoPrompt { waiting_profile: WaitingProfileId::DEFAULT, message: PromptMessage::NoPicture };

/// An H.264 NAL unit of filler data, empty (ITU-T H.264 §7.3.2.7): it changes no picture.
const FILLER: [u8; 2] = [0x0c, 0x80];

impl Port<'_> {
    /// Begins to make the sound or the picture for a source that sends nothing itself.
    pub fn make(&mut self, source: Source, due: Instant, repertoire: &mut Repertoire) {
        let before = std::mem::replace(&mut self.stream.outbound.feed, PortFeed::Nothing);
        self.stream.outbound.feed = match self.stream.kind {
            Kind::Audio => {
                let player =
                    Player::new(repertoire, self.stream.id, &self.stream.plan, source, due);
                player.map_or(PortFeed::Nothing, PortFeed::Made)
            }
            Kind::Video => {
                let before = match before {
                    PortFeed::Shown(before) => Some(before),
                    PortFeed::Nothing | PortFeed::Made(_) | PortFeed::Live => None,
                };
                let awaited =
                    matches!(source, Source::Port(_)) && !self.stream.outbound.patience.over;
                self.stream.picture_due = awaited.then(|| due + self.stream.outbound.patience.gap);
                self.project(before, source, due, repertoire)
                    .map_or(PortFeed::Nothing, PortFeed::Shown)
            }
        };
    }

    /// The encoded prompt of a source; what ran before goes on until it is there.
    fn project(
        &self,
        before: Option<PromptPlayer>,
        source: Source,
        due: Instant,
        repertoire: &mut Repertoire,
    ) -> Option<PromptPlayer> {
        let is_port = matches!(source, Source::Port(_));
        let prompt = source.prompt().or_else(|| is_port.then_some(NO_PICTURE));
        let wanted = prompt.and_then(|prompt| PromptKey::of(prompt, &self.stream.plan));
        let Some((key, payload_type)) = wanted else {
            repertoire.encoded_prompts.leave(self.stream.id);
            return None;
        };
        let before = before.filter(|before| before.suits(&key, payload_type));
        if is_port && !self.stream.outbound.patience.over {
            // Until the first picture comes, what was shown before stays.
            repertoire.encoded_prompts.leave(self.stream.id);
            return before;
        }
        match repertoire.encoded_prompts.want(self.stream.id, key.clone()) {
            Stocked::Ready(encoded_prompt) => {
                Some(PromptPlayer::new(encoded_prompt, &key, payload_type, due, before))
            }
            Stocked::Wanted => before,
            Stocked::Never => None,
        }
    }

    /// A peer that held the call, or moves, waits for the next picture as after a switch.
    pub fn watch_for_frame(&mut self, now: Instant) {
        self.stream.picture_due =
            self.stream.picture_due.map(|_| now + self.stream.outbound.patience.gap);
    }

    /// Looks whether pictures of the source still come. Where none has for a while, a picture says so, and
    /// nothing of the source is seen again before its next key frame.
    pub fn check_frame(
        &mut self,
        now: Instant,
        source: Source,
        repertoire: &mut Repertoire,
        exit: &mut Exit<'_, impl Outgoing>,
    ) {
        self.stream.picture_due = None;
        let gap = self.stream.outbound.patience.gap;
        let Outbound { stream, passed_at, .. } = &self.stream.outbound;
        let last = stream.advanced_at().max(*passed_at).filter(|_| self.stream.is_live());
        let due = last.map_or(now, |last| last + gap);
        if !self.has_target() {
            self.stream.picture_due = Some(now + gap);
        } else if due > now {
            self.stream.picture_due = Some(due);
        } else {
            if self.stream.is_live() {
                self.end_frame(now, exit);
                self.end_line(exit);
                self.withhold();
            }
            self.stream.outbound.patience.over = true;
            self.make(source, now, repertoire);
        }
    }

    /// Makes silence again where a live source has fallen silent.
    pub fn fill_gap(&mut self, now: Instant, source: Source, repertoire: &mut Repertoire) {
        let gap = self
            .stream
            .outbound
            .stream
            .advanced_at()
            .is_none_or(|at| now.since(at) >= LIVE_GAP_MAX);
        match self.stream.outbound.feed {
            PortFeed::Live if gap => self.make(source, now, repertoire),
            PortFeed::Live | PortFeed::Made(_) | PortFeed::Shown(_) | PortFeed::Nothing => {}
        }
    }

    /// Sends what is due of keys, sounds and pictures of our own, and of what waits to be converted.
    pub fn play(&mut self, now: Instant, exit: &mut Exit<'_, impl Outgoing>) -> Follows {
        let Some(to) = self.target(now) else {
            return Follows::default();
        };
        if !self.stream.outbound.dtmf_generator.is_idle() && self.dial(now, to, exit) {
            return Follows::default();
        }
        match self.stream.outbound.feed {
            PortFeed::Made(_) => self.sound(now, to, exit),
            PortFeed::Shown(_) => self.show(now, to, exit),
            PortFeed::Live | PortFeed::Nothing => {}
        }
        self.tick_line(now, exit)
    }

    fn sound(&mut self, now: Instant, to: SocketAddr, exit: &mut Exit<'_, impl Outgoing>) {
        let PortFeed::Made(player) = &mut self.stream.outbound.feed else { return };
        while let Some(frame) = player.next(now) {
            if frame.late {
                self.stream.outbound.stream.cut();
            }
            let place = self.stream.outbound.stream.make(now, frame.clock_rate, frame.step);
            let header = RtpHeader {
                payload_type: frame.payload_type,
                marker: place.first,
                sequence: place.sequence,
                timestamp: place.timestamp,
                ssrc: self.stream.outbound.stream.ssrc(),
            };
            write_packet(exit.scratch, &header, frame.payload);
            transmit((self.transport, self.stream.id, &mut self.stream.reports), to, exit);
        }
    }

    fn show(&mut self, now: Instant, to: SocketAddr, exit: &mut Exit<'_, impl Outgoing>) {
        let PortFeed::Shown(prompt_player) = &mut self.stream.outbound.feed else { return };
        let (payload_type, is_vp8) = (prompt_player.payload_type(), prompt_player.is_vp8());
        let Some(picture) = prompt_player.next(now) else { return };
        let stream = &mut self.stream.outbound.stream;
        if picture.late {
            stream.cut();
        }
        let mut place = stream.make(now, picture.clock_rate, picture.step);
        self.stream.outbound.screen.begin_frame();
        for (n, payload) in picture.payloads.iter().enumerate() {
            if n > 0 {
                place = stream.append(place.timestamp);
            }
            let StreamPosition { sequence, timestamp, .. } = place;
            let marker = n + 1 == picture.payloads.len();
            let header =
                RtpHeader { payload_type, marker, sequence, timestamp, ssrc: stream.ssrc() };
            write_packet(exit.scratch, &header, payload);
            if is_vp8 && let Some(payload) = exit.scratch.get_mut(HEADER_LEN..) {
                self.stream.outbound.screen.renumber(payload);
            }
            transmit((self.transport, self.stream.id, &mut self.stream.reports), to, exit);
        }
    }

    /// Presses keys; true while one is down and nothing else may be sent.
    fn dial(&mut self, now: Instant, to: SocketAddr, exit: &mut Exit<'_, impl Outgoing>) -> bool {
        let Some(format) = self.stream.plan.event_format(self.stream.clock_rate()) else {
            self.stream.outbound.dtmf_generator.clear();
            return false;
        };
        let (payload_type, clock_rate) = (format.send_pt & 0x7f, format.codec.clock_rate());
        // Some phones count keys at 8 kHz beside Opus: the timestamps are the voice's all the same.
        let stream_clock = self.stream.clock_rate();
        match self.stream.outbound.dtmf_generator.next(now, clock_rate) {
            DtmfOutput::Begin(event) => {
                self.end_key(now, exit);
                let place = self.stream.outbound.stream.make(now, stream_clock, stream_clock / 50);
                self.stream.outbound.dtmf_generator.begin(place.timestamp);
                self.send_own(payload_type, true, place, &event.to_bytes(), to, exit);
                true
            }
            DtmfOutput::Hold(event, timestamp) => {
                let place = self.stream.outbound.stream.append(timestamp);
                self.send_own(payload_type, false, place, &event.to_bytes(), to, exit);
                true
            }
            DtmfOutput::End(event, timestamp) => {
                for _ in 0..END_PACKETS {
                    let place = self.stream.outbound.stream.append(timestamp);
                    self.send_own(payload_type, false, place, &event.to_bytes(), to, exit);
                }
                self.stream.outbound.stream.cut();
                true
            }
            DtmfOutput::Wait | DtmfOutput::Done => false,
        }
    }

    /// Ends the key that is down at this receiver (media rule: three end packets).
    pub fn end_key(&mut self, now: Instant, exit: &mut Exit<'_, impl Outgoing>) {
        let Some(key) = self.stream.outbound.open_key.take() else { return };
        let Some(to) = self.target(now) else { return };
        for _ in 0..END_PACKETS {
            let place = self.stream.outbound.stream.append(key.timestamp);
            let payload = key.end().to_bytes();
            self.send_own(key.payload_type, false, place, &payload, to, exit);
        }
    }

    /// Ends the H.264 picture that a switch has cut. Some decoders gather packets up to the marker
    /// alone (baresip 1.0.0 with libavcodec): they would put what is left of this picture and the
    /// next one's key frame together, and show neither.
    pub fn end_frame(&mut self, now: Instant, exit: &mut Exit<'_, impl Outgoing>) {
        let Some(frame) = self.stream.outbound.open_frame.take() else { return };
        let Some(to) = self.target(now) else { return };
        let place = self.stream.outbound.stream.append(frame.timestamp);
        self.send_own(frame.payload_type, true, place, &FILLER, to, exit);
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
        self.stream.outbound.breakdowns = 0;
        self.stream.outbound.openings = Openings::default();
        self.stream.outbound.stream.cut();
        self.stream.outbound.screen.cut();
        self.stream.outbound.patience = FrameTimeout::default();
        let due = match (source, self.stream.outbound.stream.advanced_at()) {
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
}
