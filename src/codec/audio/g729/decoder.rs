//! From payloads to sound (§4), what was lost filled in (§4.4).

use super::bits::{self, Speech};
use super::codebook::Pulses;
use super::filter::{self, FilterMemory, HighPass};
use super::gain::{self, Gains};
use super::lsp::{self, LSP_START, Lsf, Lsp};
use super::noise::{Dice, NoiseState};
use super::pitch::{self, Excitation, LAG_MAX, Lag, PAST};
use super::postfilter::Postfilter;
use super::{FRAME, FRAME_BYTES, FRAMES_MAX, Filter, Half, LOUDEST, NOISE_BYTES, ORDER, SUBFRAME};

/// Lost frames until the sound begins to die away, and those until nothing is left. The standard
/// would let its noise go on for as long as nothing comes.
const FADE_FROM: u32 = 6;
const FADE_TO: u32 = 20;

/// The state of a receiver.
#[derive(Clone, Debug)]
pub(in super::super) struct Decoder {
    spectrum: Spectrum,
    excitation: Excitation,
    /// The last pitch period, a sample longer after each lost frame.
    lag: usize,
    gains: Gains,
    gain_predictor: gain::GainPredictor,
    sharpness: f32,
    synthesis: FilterMemory,
    postfilter: Postfilter,
    high_pass: HighPass,
    dice: Dice,
    last: LastFrame,
}

/// The filters of both halves follow the frequencies.
#[derive(Clone, Debug)]
struct Spectrum {
    predictor: lsp::LspPredictor,
    /// L0 of the last frame of speech.
    chosen: u8,
    lsf: Lsf,
    lsp: Lsp,
}

/// What came last.
#[derive(Clone, Debug)]
enum LastFrame {
    Speech {
        /// Frames that should have come since.
        lost: u32,
    },
    Noise(NoiseState),
}

impl Spectrum {
    fn new() -> Self {
        let lsf = LSP_START.map(f32::acos);
        Self { predictor: lsp::LspPredictor::new(), chosen: 0, lsf, lsp: LSP_START }
    }

    fn speech(&mut self, code: &bits::LspCode) -> [Filter; 2] {
        self.chosen = code.predictor;
        self.lsf = self.predictor.decode(code);
        self.follow(self.lsf)
    }

    fn lost(&mut self) -> [Filter; 2] {
        self.predictor.repeat(&self.lsf, self.chosen);
        self.follow(self.lsf)
    }

    fn follow(&mut self, lsf: Lsf) -> [Filter; 2] {
        let lsp = lsf.map(f32::cos);
        let filters = lsp::interpolate(&self.lsp, &lsp);
        self.lsp = lsp;
        filters
    }
}

impl Decoder {
    pub(in super::super) fn new() -> Self {
        Self {
            spectrum: Spectrum::new(),
            excitation: [0.0; PAST + FRAME],
            lag: 60,
            gains: Gains { pitch: 0.0, code: 0.0 },
            gain_predictor: gain::GainPredictor::new(),
            sharpness: gain::SHARPNESS_MIN,
            synthesis: [0.0; ORDER],
            postfilter: Postfilter::new(),
            high_pass: HighPass::behind(),
            dice: Dice::new(),
            last: LastFrame::Speech { lost: 0 },
        }
    }

    /// Decodes up to 12 frames of speech and one of comfort noise behind them (RFC 3551 §4.5.6). None
    /// when the payload is none, or `out` too short for all of it.
    pub(in super::super) fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Option<usize> {
        let (speech, noise) = payload.as_chunks::<FRAME_BYTES>();
        if speech.len() > FRAMES_MAX
            || !matches!(noise.len(), 0 | NOISE_BYTES)
            || payload.is_empty()
        {
            return None;
        }
        let noise = noise.first_chunk::<NOISE_BYTES>();
        let samples = (speech.len() + usize::from(noise.is_some())) * FRAME;
        let mut frames = out.get_mut(..samples)?.as_chunks_mut::<FRAME>().0.iter_mut();
        for (bytes, out) in speech.iter().zip(frames.by_ref()) {
            *out = self.speech(&Speech::unpack(*bytes));
        }
        if let (Some(bytes), Some(out)) = (noise, frames.next()) {
            self.begin_noise(&bits::NoiseFrame::unpack(*bytes));
            *out = self.go_on();
        }
        Some(samples)
    }

    /// Fills `out` with what may have been lost; behind comfort noise, with more of it.
    pub(in super::super) fn conceal(&mut self, out: &mut [i16]) {
        for out in out.chunks_mut(FRAME) {
            out.copy_from_slice(&self.go_on()[..out.len()]);
        }
    }

    fn speech(&mut self, frame: &Speech) -> [i16; FRAME] {
        let filters = self.spectrum.speech(&frame.lsp);
        let [first, second] = &frame.halves;
        let first_lag = if frame.pitch_intact {
            let lag = Lag::decode_first(first.pitch);
            self.lag = lag.whole;
            lag
        } else {
            self.lost_lag()
        };
        let second_lag = Lag::decode_second(second.pitch, first_lag.whole);
        self.lag = second_lag.whole;
        let mut sound = [0.0; FRAME];
        for (at, (code, lag)) in [(first, first_lag), (second, second_lag)].into_iter().enumerate()
        {
            let pulses = self.pulses(code.places, code.signs, lag);
            self.gains = self.gain_predictor.decode((code.gain_first, code.gain_second), &pulses);
            self.excite(at, lag, &pulses);
            self.synthesise(at, &filters[at], Some(lag.whole), &mut sound);
        }
        self.last = LastFrame::Speech { lost: 0 };
        self.finish(sound, 1.0)
    }

    fn lost_speech(&mut self, lost: u32) -> [i16; FRAME] {
        let filters = self.spectrum.lost();
        let mut sound = [0.0; FRAME];
        for (at, filter) in filters.iter().enumerate() {
            let lag = self.lost_lag();
            let (places, signs) = (self.dice.roll() & 0x1fff, self.dice.roll() as u8 & 15);
            let pulses = self.pulses(places, signs, lag);
            self.gains = self.gain_predictor.lose(self.gains);
            self.excite(at, lag, &pulses);
            self.synthesise(at, filter, Some(lag.whole), &mut sound);
        }
        let left = FADE_TO.saturating_sub(lost.max(FADE_FROM));
        self.finish(sound, left as f32 / (FADE_TO - FADE_FROM) as f32)
    }

    fn begin_noise(&mut self, frame: &bits::NoiseFrame) {
        let before = match &self.last {
            LastFrame::Noise(noise) => Some(noise),
            LastFrame::Speech { .. } => None,
        };
        let noise = NoiseState::decode(frame, &mut self.spectrum.predictor, before);
        self.last = LastFrame::Noise(noise);
    }

    /// A frame more of what was last heard.
    fn go_on(&mut self) -> [i16; FRAME] {
        match &mut self.last {
            LastFrame::Speech { lost } => {
                *lost = lost.saturating_add(1);
                let lost = *lost;
                self.lost_speech(lost)
            }
            LastFrame::Noise(noise) => {
                noise.step();
                let halves = [noise.excitation(&mut self.dice), noise.excitation(&mut self.dice)];
                self.spectrum.lsf = noise.lsf;
                self.noise(&halves)
            }
        }
    }

    fn noise(&mut self, halves: &[Half; 2]) -> [i16; FRAME] {
        let filters = self.spectrum.follow(self.spectrum.lsf);
        let mut sound = [0.0; FRAME];
        for (at, half) in halves.iter().enumerate() {
            self.excitation[PAST + at * SUBFRAME..][..SUBFRAME].copy_from_slice(half);
            self.synthesise(at, &filters[at], None, &mut sound);
        }
        self.sharpness = gain::SHARPNESS_MIN;
        self.finish(sound, 1.0)
    }

    /// The period goes on, and grows so that it does not buzz (§4.4.4).
    fn lost_lag(&mut self) -> Lag {
        let whole = self.lag;
        self.lag = (whole + 1).min(LAG_MAX);
        Lag { whole, third: 0 }
    }

    fn pulses(&self, places: u16, signs: u8, lag: Lag) -> Half {
        Pulses::decode(places, signs).sound(lag.whole, self.sharpness)
    }

    /// The excitation of a half: what was a period ago, and the pulses (§4.1.6).
    fn excite(&mut self, at: usize, lag: Lag, pulses: &Half) {
        let start = PAST + at * SUBFRAME;
        pitch::repeat(&mut self.excitation, start, lag);
        for (excitation, pulse) in self.excitation[start..].iter_mut().zip(pulses) {
            let sum = self.gains.pitch * *excitation + self.gains.code * pulse;
            *excitation = sum.clamp(-LOUDEST, LOUDEST);
        }
        self.sharpness = self.gains.sharpness();
    }

    fn synthesise(&mut self, at: usize, a: &Filter, lag: Option<usize>, sound: &mut [f32; FRAME]) {
        let start = PAST + at * SUBFRAME;
        let excitation: Half = std::array::from_fn(|n| self.excitation[start + n]);
        let half = filter::synthesis(a, &excitation, &mut self.synthesis);
        let half = self.postfilter.run(&half, a, lag);
        sound[at * SUBFRAME..][..SUBFRAME].copy_from_slice(&half);
    }

    fn finish(&mut self, mut sound: [f32; FRAME], loudness: f32) -> [i16; FRAME] {
        self.excitation.copy_within(FRAME.., 0);
        self.high_pass.run(&mut sound);
        // The cast keeps within the range.
        sound.map(|sample| (sample * loudness).round() as i16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Speech, coded by the reference encoder, and what another decoder (FFmpeg's) makes of it.
    const CODED: &[u8] = include_bytes!("../../../../tests/media/g729/speech.g729");
    const DECODED: &[u8] = include_bytes!("../../../../tests/media/g729/decoded.pcm");

    fn theirs() -> Vec<i16> {
        DECODED.as_chunks::<2>().0.iter().map(|sample| i16::from_le_bytes(*sample)).collect()
    }

    /// The speech, with the frames lost that `is_lost` says.
    fn ours(is_lost: impl Fn(usize) -> bool) -> Vec<i16> {
        let (mut decoder, mut out) = (Decoder::new(), [0; FRAME]);
        let mut all = Vec::new();
        for (at, frame) in CODED.chunks_exact(FRAME_BYTES).enumerate() {
            if is_lost(at) {
                decoder.conceal(&mut out);
            } else {
                assert_eq!(decoder.decode(frame, &mut out), Some(FRAME));
            }
            all.extend_from_slice(&out);
        }
        all
    }

    /// dB.
    fn snr(wanted: &[i16], got: &[i16]) -> f64 {
        let power = |samples: &mut dyn Iterator<Item = f64>| samples.map(|s| s * s).sum::<f64>();
        let errors = wanted.iter().zip(got).map(|(a, b)| f64::from(*a) - f64::from(*b));
        let signal = power(&mut wanted.iter().map(|s| f64::from(*s)));
        10.0 * (signal / power(&mut { errors })).log10()
    }

    fn loudness(pcm: &[i16]) -> f64 {
        (pcm.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / pcm.len() as f64).sqrt()
    }

    #[test]
    fn another_decoder_makes_the_same_of_the_reference_stream() {
        let snr = snr(&theirs(), &ours(|_| false));
        // The other has the postfilter of the main body, ours is that of Annex A.
        assert!(snr > 20.0, "{snr} dB");
    }

    #[test]
    fn a_lost_frame_now_and_then_is_covered() {
        let (whole, lossy) = (ours(|_| false), ours(|at| at % 12 == 9));
        let snr = snr(&whole, &lossy);
        assert!(snr > 6.0, "{snr} dB");
        let (whole, lossy) = (loudness(&whole), loudness(&lossy));
        assert!((0.8..1.1).contains(&(lossy / whole)), "{lossy} for {whole}");
    }

    #[test]
    fn a_wrong_parity_bit_keeps_the_last_pitch() {
        let (mut right, mut wrong) = (Decoder::new(), Decoder::new());
        let mut out = [0; FRAME];
        for frame in CODED.chunks_exact(FRAME_BYTES).take(60) {
            right.decode(frame, &mut out);
            wrong.decode(frame, &mut out);
        }
        let before = wrong.lag;
        let mut frame = *CODED[600..].first_chunk::<FRAME_BYTES>().unwrap();
        frame[3] ^= 0x20;
        let code = Speech::unpack(frame);
        wrong.decode(&frame, &mut out);
        assert!(!code.pitch_intact);
        assert_eq!(wrong.lag, Lag::decode_second(code.halves[1].pitch, before).whole);
    }

    #[test]
    fn a_payload_is_frames_of_speech_and_perhaps_one_of_noise() {
        let (mut decoder, mut out) = (Decoder::new(), [0; 13 * FRAME]);
        for (len, samples) in
            [(2, 80), (10, 80), (12, 160), (20, 160), (22, 240), (120, 960), (122, 1040)]
        {
            assert_eq!(decoder.decode(&CODED[..len], &mut out), Some(samples), "{len} bytes");
        }
        for len in [0, 1, 3, 9, 11, 14, 130] {
            assert_eq!(decoder.decode(&CODED[..len], &mut out), None, "{len} bytes");
        }
        assert_eq!(decoder.decode(&CODED[..20], &mut out[..159]), None, "no room");
    }

    #[test]
    fn comfort_noise_goes_on_until_speech_does() {
        let (mut decoder, mut out) = (Decoder::new(), [0; FRAME]);
        // Level 15 of 32, which is 34 dB over 2.
        decoder.decode(&[0x14, 0b0010_1111 << 1], &mut out);
        let mut noise = Vec::new();
        for _ in 0..100 {
            decoder.conceal(&mut out);
            noise.extend_from_slice(&out);
        }
        let (first, last) = (loudness(&noise[..1600]), loudness(&noise[6400..]));
        assert!((20.0..3000.0).contains(&first) && (0.5..2.0).contains(&(last / first)));
        for frame in CODED.chunks_exact(FRAME_BYTES) {
            decoder.decode(frame, &mut out);
        }
        (0..FADE_TO).for_each(|_| decoder.conceal(&mut out));
        assert_eq!(out, [0; FRAME], "what is lost behind speech dies away");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn no_payloads_leave_a_number_that_is_none(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..30), 1..40),
        ) {
            let (mut decoder, mut out) = (Decoder::new(), [0; 4 * FRAME]);
            for payload in &payloads {
                if decoder.decode(payload, &mut out).is_none() {
                    decoder.conceal(&mut out);
                }
                prop_assert!(decoder.excitation.iter().all(|e| e.is_finite()));
                prop_assert!(decoder.synthesis.iter().all(|s| s.is_finite()));
                prop_assert!(decoder.gains.code.is_finite() && decoder.sharpness.is_finite());
            }
            // Speech is understood again.
            for frame in CODED.chunks_exact(FRAME_BYTES) {
                decoder.decode(frame, &mut out);
            }
            prop_assert!(out[..FRAME].iter().all(|s| s.unsigned_abs() < 30_000));
        }
    }
}
