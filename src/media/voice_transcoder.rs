//! The voice of one source in another codec: decoded, brought to the other rate, coded anew.
//!
//! ```text
//!   packet ──▶ jitter buffer ──▶ decoder ──▶ resampler ──▶ samples ──▶ encoder ──▶ packets
//!                  │ lost: concealed                          ▲ one packet time is full
//!                  └ comfort noise, a pause ──────────────────┘
//! ```
//!
//! The source's packets drive it: as soon as a packet time of samples is there it is coded and sent,
//! so that nothing waits but what a longer packet needs. Only noise in a pause of the source, and a
//! packet that overtook another, go by the relay's pace of 20 ms.

use super::jitter_buffer::{JitterBuffer, JitterLimits, JitterOutput};
use super::route::Conversion;
use crate::codec::Codec;
use crate::codec::audio::{
    AudioDecoder, AudioEncoder, ComfortNoise, NoiseGenerator, PAYLOAD_MAX, SAMPLES_MAX,
};
use crate::codec::resample::Resampler;
use crate::time::{Duration, Instant};
use std::sync::Arc;

/// A voice waits this long for a packet that was overtaken: no longer than its own packet time.
const PATIENCE: JitterLimits = JitterLimits { span: Duration::from_millis(20), packets: 3 };
/// A gap longer than this is a pause, or a jump of the source's clock, and is not filled.
const CONCEALED_MAX_MS: u32 = 120;

/// A source that is silent says so again from time to time; one of which nothing is heard for this
/// long is gone.
const NOISE_MAX: Duration = Duration::from_secs(60);
/// After a pause of the event loop no more noise than this is made up for.
const NOISE_PACKETS_MAX: usize = 10;
/// Noise is noise, whoever is silent.
const NOISE_SEED: u64 = 1;

/// One coded packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Coded<'a> {
    /// Ticks of the receiver's clock.
    pub step: u32,
    /// The payload.
    pub payload: &'a [u8],
    /// Whether the source paused before it.
    pub after_pause: bool,
}

/// The conversion of one voice for one receiver.
#[derive(Debug)]
pub struct VoiceTranscoder {
    formats: Arc<Conversion>,
    /// For so long noise is made without a word of the source.
    hushed_until: Option<Instant>,
    buffer: JitterBuffer,
    line: TranscoderPath,
}

/// From payload to payload.
#[derive(Debug)]
struct TranscoderPath {
    source_clock: u32,
    decoder: AudioDecoder,
    resampler: Option<Resampler>,
    encoder: AudioEncoder,
    clock_rate: u32,
    /// Samples of one packet of ours.
    packet: usize,
    /// What a payload was decoded to.
    decoded: Box<[i16]>,
    /// What waits to be coded, at the encoder's rate.
    samples: Vec<i16>,
    payload: Box<[u8]>,
    /// The timestamp that the next packet of the source has, if nothing is missing.
    expected: Option<u32>,
    after_pause: bool,
    noise: NoiseGenerator,
    /// The source is silent, and noise is made in its place since the last tick.
    noisy: Option<Instant>,
}

impl VoiceTranscoder {
    /// From the source's format to the receiver's, in packets of `packet_ms`; none where one of the
    /// two cannot be coded here.
    #[must_use]
    pub fn new(formats: &Arc<Conversion>, packet_ms: u32) -> Option<Self> {
        let Conversion { from, to } = &**formats;
        let decoder = AudioDecoder::new(&from.codec, to.codec.facts().sample_rate)?;
        let encoder = AudioEncoder::with_parameters(&to.codec, decoder.sample_rate(), &to.fmtp)?;
        let line = TranscoderPath {
            source_clock: from.codec.clock_rate(),
            resampler: Resampler::new(decoder.sample_rate(), encoder.sample_rate()),
            clock_rate: to.codec.clock_rate(),
            packet: packet_samples(&to.codec, &encoder, packet_ms),
            decoder,
            encoder,
            decoded: vec![0; SAMPLES_MAX].into(),
            samples: Vec::new(),
            payload: vec![0; PAYLOAD_MAX].into(),
            expected: None,
            after_pause: false,
            noise: NoiseGenerator::new(NOISE_SEED),
            noisy: None,
        };
        let buffer = JitterBuffer::new(PATIENCE);
        Some(Self { formats: Arc::clone(formats), hushed_until: None, buffer, line })
    }

    /// From which format to which.
    #[must_use]
    pub fn formats(&self) -> &Arc<Conversion> {
        &self.formats
    }

    /// Whether it converts between just these. Packets of one route name the same allocation, of which
    /// no text is compared.
    #[must_use]
    pub fn converts(&self, formats: &Arc<Conversion>) -> bool {
        self.formats == *formats
    }

    /// Takes in a packet of the source; gives out the packets that it completes.
    pub fn take(
        &mut self,
        now: Instant,
        packet: JitterOutput<'_>,
        mut each: impl FnMut(Coded<'_>),
    ) {
        let Self { buffer, line, .. } = self;
        buffer.take(now, packet, |turn| line.turn(turn, &mut each));
    }

    /// Takes in what the source says of its silence (RFC 3389): from now on noise is made by the pace,
    /// until the source speaks, or for [`NOISE_MAX`].
    pub fn hush(&mut self, now: Instant, payload: &[u8], mut each: impl FnMut(Coded<'_>)) {
        let Some(noise) = ComfortNoise::parse(payload) else { return };
        self.line.noise.tune(&noise);
        if self.line.noisy.is_none() {
            self.line.pause(&mut each);
        }
        self.line.noisy.get_or_insert(now);
        self.hushed_until = Some(now + NOISE_MAX);
    }

    /// Whether [`tick`](Self::tick) has to be called every 20 ms.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.buffer.deadline().is_some() || self.line.noisy.is_some()
    }

    /// Gives out what has waited long enough.
    pub fn tick(&mut self, now: Instant, mut each: impl FnMut(Coded<'_>)) {
        let Self { buffer, line, hushed_until, .. } = self;
        buffer.tick(now, |turn| line.turn(turn, &mut each));
        if hushed_until.is_some_and(|until| now >= until) {
            line.noisy = None;
        }
        line.rustle(now, &mut each);
    }
}

impl TranscoderPath {
    fn turn(&mut self, turn: JitterOutput<'_>, each: &mut impl FnMut(Coded<'_>)) {
        if self.noisy.take().is_some() {
            // The noise has kept the time; the voice begins anew.
            self.expected = None;
            self.pause(each);
        }
        self.mind_the_gap(turn, each);
        let samples = match self.decoder.decode(turn.payload, &mut self.decoded) {
            Ok(samples) => samples,
            // A broken payload is a lost one.
            Err(_) => {
                let len = (self.decoder.sample_rate() / 50) as usize;
                self.decoder.conceal(&mut self.decoded[..len]);
                len
            }
        };
        self.expected = Some(turn.timestamp.wrapping_add(self.ticks(samples)));
        self.code(samples, each);
    }

    /// Fills the time between this packet and the one before: what was lost is concealed, what was
    /// never said is a pause.
    fn mind_the_gap(&mut self, turn: JitterOutput<'_>, each: &mut impl FnMut(Coded<'_>)) {
        let Some(expected) = self.expected else { return };
        let missing = turn.timestamp.wrapping_sub(expected);
        if missing == 0 {
            return;
        }
        if turn.lost == 0 || missing > self.source_clock / 1000 * CONCEALED_MAX_MS {
            return self.pause(each);
        }
        let rate = u64::from(self.decoder.sample_rate());
        let samples = u64::from(missing) * rate / u64::from(self.source_clock);
        let samples = (samples as usize).min(self.decoded.len());
        self.decoder.conceal_before(turn.payload, &mut self.decoded[..samples]);
        self.code(samples, each);
    }

    /// The source is silent: what waits goes out, filled up with silence.
    fn pause(&mut self, each: &mut impl FnMut(Coded<'_>)) {
        if !self.samples.is_empty() {
            self.samples.resize(self.samples.len().next_multiple_of(self.packet), 0);
            self.send(each);
        }
        self.after_pause = true;
    }

    /// Makes the noise of the time that has passed, in whole packets.
    fn rustle(&mut self, now: Instant, each: &mut impl FnMut(Coded<'_>)) {
        let Some(since) = self.noisy else { return };
        let rate = u128::from(self.encoder.sample_rate());
        let passed = (now.since(since).as_micros() * rate / 1_000_000) as usize;
        let packets = (passed / self.packet).min(NOISE_PACKETS_MAX);
        if packets == 0 {
            return;
        }
        let made = packets * self.packet;
        let from = self.samples.len();
        self.samples.resize(from + made, 0);
        self.noise.fill(&mut self.samples[from..]);
        self.noisy = Some(since + Duration::from_micros((made as u128 * 1_000_000 / rate) as u64));
        self.send(each);
    }

    /// Codes so many decoded samples.
    fn code(&mut self, samples: usize, each: &mut impl FnMut(Coded<'_>)) {
        let decoded = &self.decoded[..samples];
        match &mut self.resampler {
            Some(resampler) => resampler.run(decoded, &mut self.samples),
            None => self.samples.extend_from_slice(decoded),
        }
        self.send(each);
    }

    /// Sends every packet that is full.
    fn send(&mut self, each: &mut impl FnMut(Coded<'_>)) {
        let mut sent = 0;
        for samples in self.samples.chunks_exact(self.packet) {
            sent += self.packet;
            let Ok(len) = self.encoder.encode(samples, &mut self.payload) else { continue };
            let rate = u64::from(self.encoder.sample_rate());
            let step = (self.packet as u64 * u64::from(self.clock_rate) / rate) as u32;
            let after_pause = std::mem::take(&mut self.after_pause);
            each(Coded { step, payload: &self.payload[..len], after_pause });
        }
        self.samples.drain(..sent);
    }

    /// The source's clock for so many decoded samples.
    fn ticks(&self, samples: usize) -> u32 {
        let rate = u64::from(self.decoder.sample_rate());
        (samples as u64 * u64::from(self.source_clock) / rate) as u32
    }
}

/// Samples of one packet: the time that the receiver wants, in whole frames of its codec.
fn packet_samples(codec: &Codec, encoder: &AudioEncoder, packet_ms: u32) -> usize {
    let rate = encoder.sample_rate() as usize;
    let wanted = rate / 1000 * packet_ms as usize;
    if *codec == Codec::Opus && packet_ms == 10 {
        return wanted;
    }
    let frame = encoder.frame_samples();
    let packet = (wanted / frame).max(1) * frame;
    // RFC 6716 §2.1.4: frames of Opus are 20, 40 or 60 ms long.
    if *codec == Codec::Opus { packet.min(3 * frame) } else { packet }
}
