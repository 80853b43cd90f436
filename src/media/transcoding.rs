//! What a port's peer gets in another form than the source sent it: coded anew, or packed anew.
//!
//! A conversion belongs to the receiver: its state begins with a source and ends at the switch, and
//! what comes out of it goes on in the receiver's one stream.

use super::continuity::StreamPosition;
use super::conversion::ConversionPath;
use super::frame::ParameterSets;
use super::outgoing::{Exit, Outgoing};
use super::peer_packet::{PacketKind, PeerPacket};
use super::port::{Follows, Port};
use super::repacker::{Repacker, Unit};
use super::route::{Conversion, PayloadMapping};
use super::stream::OpenFrame;
use super::video_transcoder::{TranscoderDemand, VideoTranscoder};
use super::voice_transcoder::{Coded, VoiceTranscoder};
use super::work::{BREAKDOWNS_MAX, CodingOutcome, ConversionId, Job};
use crate::rtp::h264;
use crate::time::Instant;
use std::net::SocketAddr;
use std::sync::Arc;

impl Port<'_> {
    /// Codes a packet of sound anew; true when the port's need of the pace may have changed.
    pub fn convert_voice(
        &mut self,
        now: Instant,
        arrived: &PeerPacket,
        formats: &Arc<Conversion>,
        bytes: &[u8],
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> bool {
        self.voice(now, formats, exit, |voice, each| voice.take(now, arrived.turn(bytes), each))
    }

    /// A packet that is none of a conversion's, among those that are converted: nothing is missing in its
    /// place.
    pub fn pass_over(
        &mut self,
        now: Instant,
        arrived: &PeerPacket,
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        let (place, mut wanted, mut changed) =
            (arrived.turn(&[]), TranscoderDemand::default(), false);
        match self.stream.outbound.line.take() {
            None => return Follows::default(),
            Some(ConversionPath::Voice(voice)) => {
                let formats = Arc::clone(voice.formats());
                self.stream.outbound.line = Some(ConversionPath::Voice(voice));
                changed =
                    self.voice(now, &formats, exit, |voice, each| voice.take(now, place, each));
            }
            Some(ConversionPath::Pictures(mut transcoder)) => {
                transcoder.take(now, place, &mut wanted);
                self.stream.outbound.line = Some(ConversionPath::Pictures(transcoder));
                wanted.jobs.into_iter().for_each(|job| exit.out.job(job));
            }
            Some(ConversionPath::Whole(mut repacker, payload_type)) => {
                repacker.take(now, arrived.numbers, place, |unit| {
                    self.send_unit(now, &unit, payload_type, exit);
                    wanted.key_frame |= unit.lost > 0;
                });
                self.stream.outbound.line = Some(ConversionPath::Whole(repacker, payload_type));
            }
        }
        Follows { settle: changed, key_frame: wanted.key_frame }
    }

    /// Comfort noise through the conversion of a voice.
    pub fn convert_noise(
        &mut self,
        now: Instant,
        arrived: &PeerPacket,
        formats: &Arc<Conversion>,
        bytes: &[u8],
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> bool {
        self.voice(now, formats, exit, |voice, each| {
            voice.take(now, arrived.turn(&[]), &mut *each);
            voice.hush(now, arrived.turn(bytes).payload, each);
        })
    }

    /// Whether packets that go this way may be converted: by the conversion that is open, or by another
    /// one, of which there are not too many.
    pub fn may_convert(&mut self, now: Instant, way: &PayloadMapping) -> bool {
        let suits = self.stream.outbound.line.as_ref().is_some_and(|line| line.suits(way));
        suits || self.stream.outbound.openings.take(now)
    }

    /// Lets the conversion of the voice do its work and sends what comes of it; true when the port's
    /// need of the pace may have changed.
    fn voice(
        &mut self,
        now: Instant,
        formats: &Arc<Conversion>,
        exit: &mut Exit<'_, impl Outgoing>,
        work: impl FnOnce(&mut VoiceTranscoder, &mut dyn FnMut(Coded<'_>)),
    ) -> bool {
        let Some(mut voice) = self.voice_transcoder(formats) else { return false };
        let waited = voice.is_waiting();
        let mut ended_own = false;
        work(&mut voice, &mut |coded| ended_own |= self.send_coded(now, &coded, formats, exit));
        let changed = ended_own || waited != voice.is_waiting();
        self.stream.outbound.line = Some(ConversionPath::Voice(voice));
        changed
    }

    /// The conversion between these formats, taken out of its place or made.
    fn voice_transcoder(&mut self, formats: &Arc<Conversion>) -> Option<Box<VoiceTranscoder>> {
        match self.stream.outbound.line.take() {
            Some(ConversionPath::Voice(transcoder)) => Some(transcoder),
            Some(ConversionPath::Pictures(_) | ConversionPath::Whole(..)) | None => {
                VoiceTranscoder::new(formats, self.stream.plan.own_packet_ms()).map(Box::new)
            }
        }
    }

    fn send_coded(
        &mut self,
        now: Instant,
        coded: &Coded<'_>,
        formats: &Arc<Conversion>,
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> bool {
        let to = self.target(now);
        let Some(to) = to.filter(|_| !self.stream.outbound.dtmf_generator.is_down()) else {
            return false;
        };
        if coded.after_pause {
            self.stream.outbound.stream.cut();
        }
        let place =
            self.stream.outbound.stream.make(now, formats.to.codec.clock_rate(), coded.step);
        self.send_own(formats.to.send_pt & 0x7f, place.first, place, coded.payload, to, exit);
        self.stream.goes_live(now)
    }

    /// Collects a packet of pictures for a worker.
    pub fn convert_frame(
        &mut self,
        now: Instant,
        arrived: &PeerPacket,
        formats: &Arc<Conversion>,
        (bytes, sets): (&[u8], &ParameterSets),
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        let Some(mut transcoder) = self.video_transcoder(formats, sets, exit) else {
            return Follows::default();
        };
        let (waited, mut wanted) = (transcoder.is_waiting(), TranscoderDemand::default());
        transcoder.take(now, arrived.turn(bytes), &mut wanted);
        let settle = waited != transcoder.is_waiting();
        self.stream.outbound.line = Some(ConversionPath::Pictures(transcoder));
        wanted.jobs.into_iter().for_each(|job| exit.out.job(job));
        Follows { settle, key_frame: wanted.key_frame }
    }

    fn video_transcoder(
        &mut self,
        formats: &Arc<Conversion>,
        sets: &ParameterSets,
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Option<Box<VideoTranscoder>> {
        match self.stream.outbound.line.take() {
            Some(ConversionPath::Pictures(transcoder)) => Some(transcoder),
            Some(ConversionPath::Voice(_) | ConversionPath::Whole(..)) | None => {
                if self.stream.outbound.breakdowns >= BREAKDOWNS_MAX {
                    return None;
                }
                self.stream.outbound.conversions += 1;
                let serial = self.stream.outbound.conversions;
                let id = ConversionId { port: self.stream.id, serial };
                let (transcoder, open) = VideoTranscoder::new(id, formats, &self.stream.plan)?;
                exit.out.job(open);
                let sets = sets.stream();
                if !sets.is_empty() {
                    exit.out.job(Job::Learn { conversion: id, sets });
                }
                Some(Box::new(transcoder))
            }
        }
    }

    /// Sends what a worker has made of a picture, if it is still wanted.
    pub fn frame_done(
        &mut self,
        now: Instant,
        (conversion, outcome): (ConversionId, CodingOutcome),
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        let Some(mut line) = self.stream.outbound.line.take() else { return Follows::default() };
        let mut follows = Follows::default();
        if let ConversionPath::Pictures(transcoder) = &mut line
            && transcoder.id() == conversion
        {
            transcoder.done();
            match outcome {
                CodingOutcome::Gone => {
                    // The next packet begins another one, if it may.
                    self.stream.outbound.breakdowns =
                        self.stream.outbound.breakdowns.saturating_add(1);
                    exit.out.job(Job::Close { conversion });
                    return Follows { settle: true, key_frame: true };
                }
                CodingOutcome::Coded { timestamp, coded } => {
                    follows.settle = self.send_frame(now, transcoder, timestamp, &coded, exit);
                }
                CodingOutcome::Broken => follows.key_frame = true,
                CodingOutcome::Nothing => {}
            }
        }
        self.stream.outbound.line = Some(line);
        follows
    }

    fn send_frame(
        &mut self,
        now: Instant,
        transcoder: &mut VideoTranscoder,
        timestamp: u32,
        coded: &[u8],
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> bool {
        let Some(to) = self.target(now) else { return false };
        let format = &transcoder.formats().to;
        let (number, clock_rate) = (format.send_pt & 0x7f, format.codec.clock_rate());
        let step = transcoder.step_to(timestamp);
        if !self.stream.is_live() {
            // A picture of our own has kept another pace.
            self.stream.outbound.stream.cut();
        }
        let mut place = None;
        transcoder.packetise(coded, |payload, last| {
            let stream = &mut self.stream.outbound.stream;
            let at = match place {
                None => stream.make(now, clock_rate, step),
                Some(StreamPosition { timestamp, .. }) => stream.append(timestamp),
            };
            place = Some(at);
            self.send_own(number, last, at, payload, to, exit);
        });
        self.stream.goes_live(now)
    }

    /// Packs H.264 anew, in whole NAL units.
    pub fn repack(
        &mut self,
        now: Instant,
        arrived: &PeerPacket,
        payload_type: u8,
        bytes: &[u8],
        (to, sets): (SocketAddr, &ParameterSets),
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> Follows {
        let PacketKind::Picture(picture) = arrived.what else { return Follows::default() };
        let waited = self.stream.outbound.screen.is_waiting();
        if !self.stream.outbound.screen.admits(now, picture) {
            return Follows { settle: false, key_frame: waited };
        }
        if self.stream.outbound.screen.wants_sets(picture, arrived.header.timestamp) {
            for set in sets.iter() {
                let place = self.stream.outbound.stream.follow(now, arrived.numbers, 0);
                self.send_own(payload_type, false, place, set, to, exit);
            }
        }
        let mut repacker = match self.stream.outbound.line.take() {
            Some(ConversionPath::Whole(repacker, _)) => repacker,
            Some(ConversionPath::Voice(_) | ConversionPath::Pictures(_)) | None => {
                Box::new(Repacker::new(arrived.numbers))
            }
        };
        let waited = repacker.is_waiting();
        let (mut ended_own, mut key_frame) = (false, false);
        repacker.take(now, arrived.numbers, arrived.turn(bytes), |unit| {
            ended_own |= self.send_unit(now, &unit, payload_type, exit);
            // What is missing spoils all pictures up to the next key frame.
            key_frame |= unit.lost > 0;
        });
        let settle = ended_own || waited != repacker.is_waiting();
        self.stream.outbound.line = Some(ConversionPath::Whole(repacker, payload_type));
        Follows { settle, key_frame }
    }

    fn send_unit(
        &mut self,
        now: Instant,
        unit: &Unit<'_>,
        payload_type: u8,
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> bool {
        let Some(to) = self.target(now) else { return false };
        let place = self.stream.outbound.stream.follow(now, unit.numbers, unit.lost);
        if unit.nal.len() > h264::SINGLE_MAX {
            // Its number is missing as it is.
            return false;
        }
        self.send_own(payload_type, unit.marker, place, unit.nal, to, exit);
        let open = OpenFrame { payload_type, timestamp: place.timestamp };
        self.stream.outbound.open_frame = (!unit.marker).then_some(open);
        self.stream.goes_live(now)
    }

    /// What waits in a conversion goes on in its time.
    pub fn tick_line(&mut self, now: Instant, exit: &mut Exit<'_, impl Outgoing>) -> Follows {
        let Some(mut line) = self.stream.outbound.line.take_if(|line| line.is_waiting()) else {
            return Follows::default();
        };
        let mut wanted = TranscoderDemand::default();
        match &mut line {
            ConversionPath::Voice(transcoder) => {
                let formats = Arc::clone(transcoder.formats());
                transcoder.tick(now, |coded| {
                    self.send_coded(now, &coded, &formats, exit);
                });
            }
            ConversionPath::Pictures(transcoder) => transcoder.tick(now, &mut wanted),
            ConversionPath::Whole(repacker, payload_type) => repacker.tick(now, |unit| {
                self.send_unit(now, &unit, *payload_type, exit);
                wanted.key_frame |= unit.lost > 0;
            }),
        }
        self.stream.outbound.line = Some(line);
        wanted.jobs.into_iter().for_each(|job| exit.out.job(job));
        Follows { settle: false, key_frame: wanted.key_frame }
    }

    /// The source's packets go nowhere for a while: what comes afterwards begins anew, under numbers
    /// without a gap, since nothing was lost.
    pub fn withhold(&mut self) {
        self.stream.outbound.stream.cut();
        self.stream.outbound.screen.cut();
        self.stream.outbound.line.take_if(|line| matches!(line, ConversionPath::Whole(..)));
    }

    /// A source of several codecs speaks in another one now: what was converted before this way is over.
    /// True when a conversion ends so.
    pub fn leave_line(&mut self, way: &PayloadMapping, exit: &mut Exit<'_, impl Outgoing>) -> bool {
        let leaves = self.stream.outbound.line.as_ref().is_some_and(|line| !line.suits(way));
        if leaves {
            self.end_line(exit);
        }
        leaves
    }

    /// The source is another one from now on, or has other formats.
    pub fn end_line(&mut self, exit: &mut Exit<'_, impl Outgoing>) {
        if let Some(ConversionPath::Pictures(transcoder)) = self.stream.outbound.line.take() {
            exit.out.job(Job::Close { conversion: transcoder.id() });
            // What passes next begins with a key frame, and what it does not get until then is not lost.
            self.stream.outbound.stream.cut();
            self.stream.outbound.screen.cut();
        }
    }
}
