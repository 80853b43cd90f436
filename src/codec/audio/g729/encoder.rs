//! From sound to payloads (§3), with the searches of Annex A. The sound comes back 5 ms late: so far
//! the analysis looks ahead.

use super::bits::{HalfCode, Speech};
use super::codebook;
use super::filter::{self, FilterMemory, HighPass};
use super::gain::{self, GainParts, Taming};
use super::lpc::{self, Analysis, WINDOW};
use super::lsp::{self, LSP_START, Lsp};
use super::pitch::{self, Excitation, LAG_MAX, Near, PAST};
use super::{FRAME, FRAME_BYTES, Filter, Half, ORDER, SUBFRAME};

/// How much wider the formants are in which errors are hidden (A.3.3).
const WEIGHTING: f32 = 0.75;
/// What the sound's tilt is taken back by before the pitch is looked for (A.3.4).
const UNTILT: f32 = 0.7;
/// Where the frame begins in the window.
const FRAME_AT: usize = WINDOW - FRAME - SUBFRAME;

/// The state of a sender.
#[derive(Clone, Debug)]
pub(in super::super) struct Encoder {
    high_pass: HighPass,
    analysis: Analysis,
    /// The window: 120 samples that were, the frame, 40 samples to come.
    sound: [f32; WINDOW],
    predictor: lsp::LspPredictor,
    /// The last that was found, and the last that was said.
    lsp: Lsp,
    said: Lsp,
    /// The weighted sound, for the pitch.
    weighted: [f32; LAG_MAX + FRAME],
    weighting: FilterMemory,
    excitation: Excitation,
    gain_predictor: gain::GainPredictor,
    taming: Taming,
    sharpness: f32,
    /// What is left between the sound and what the decoder will make of it, weighted.
    error: FilterMemory,
}

impl Encoder {
    pub(in super::super) fn new() -> Self {
        Self {
            high_pass: HighPass::before(),
            analysis: Analysis::new(),
            sound: [0.0; WINDOW],
            predictor: lsp::LspPredictor::new(),
            lsp: LSP_START,
            said: LSP_START,
            weighted: [0.0; LAG_MAX + FRAME],
            weighting: [0.0; ORDER],
            excitation: [0.0; PAST + FRAME],
            gain_predictor: gain::GainPredictor::new(),
            taming: Taming::new(),
            sharpness: gain::SHARPNESS_MIN,
            error: [0.0; ORDER],
        }
    }

    /// Codes frames of 10 ms, 10 bytes each; none when the samples are no whole frames, or `out` too
    /// short.
    pub(in super::super) fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Option<usize> {
        let (frames, rest) = pcm.as_chunks::<FRAME>();
        let len = frames.len() * FRAME_BYTES;
        if !rest.is_empty() || frames.is_empty() || out.len() < len {
            return None;
        }
        for (frame, out) in frames.iter().zip(out.as_chunks_mut::<FRAME_BYTES>().0) {
            *out = self.frame(frame).pack();
        }
        Some(len)
    }

    fn frame(&mut self, pcm: &[i16; FRAME]) -> Speech {
        let mut sound = pcm.map(f32::from);
        self.high_pass.run(&mut sound);
        self.sound.copy_within(FRAME.., 0);
        self.sound[WINDOW - FRAME..].copy_from_slice(&sound);

        let mut frame = Speech { pitch_intact: true, ..Speech::default() };
        let found = lpc::to_lsp(&self.analysis.run(&self.sound));
        self.lsp = found.unwrap_or(self.lsp);
        let (code, lsf) = self.predictor.quantise(&self.lsp.map(f32::acos));
        frame.lsp = code;
        let said = lsf.map(f32::cos);
        let filters = lsp::interpolate(&self.said, &said);
        self.said = said;

        let weighted = filters.map(|a| filter::bandwidth_expanded(&a, WEIGHTING));
        for (at, (a, weighted)) in filters.iter().zip(&weighted).enumerate() {
            self.weigh(at, a, weighted);
        }
        let mut near = Near::OpenLoop(pitch::open_loop(&self.weighted));
        self.weighted.copy_within(FRAME.., 0);
        for (at, a) in weighted.iter().enumerate() {
            let (half, lag) = self.half(at, a, near);
            frame.halves[at] = half;
            near = Near::First(lag);
        }
        self.excitation.copy_within(FRAME.., 0);
        frame
    }

    /// Puts the residual where the excitation will be, and the weighted sound where the pitch is
    /// looked for.
    fn weigh(&mut self, at: usize, a: &Filter, weighted: &Filter) {
        let start = FRAME_AT + at * SUBFRAME;
        let residual = filter::residual(a, &self.sound[start - ORDER..start + SUBFRAME]);
        self.excitation[PAST + at * SUBFRAME..][..SUBFRAME].copy_from_slice(&residual);
        let mut untilted = *weighted;
        for n in 1..=ORDER {
            untilted[n] -= UNTILT * weighted[n - 1];
        }
        let half = filter::synthesis(&untilted, &residual, &mut self.weighting);
        self.weighted[LAG_MAX + at * SUBFRAME..][..SUBFRAME].copy_from_slice(&half);
    }

    /// Codes half a frame; the lag is where the next is looked for.
    fn half(&mut self, at: usize, weighted: &Filter, near: Near) -> (HalfCode, usize) {
        let start = PAST + at * SUBFRAME;
        let response = filter::impulse_response(&[1.0], weighted);
        let residual: Half = std::array::from_fn(|n| self.excitation[start + n]);
        let target = filter::synthesis(weighted, &residual, &mut { self.error });

        let lag = pitch::closed_loop(&mut self.excitation, start, &target, &response, near);
        let pitch_code = match near {
            Near::OpenLoop(_) => lag.encode_first(),
            Near::First(first) => lag.encode_second(first),
        };
        let adaptive: Half = std::array::from_fn(|n| self.excitation[start + n]);
        let adaptive_heard = filter::convolve(&adaptive, &response);
        let tame = self.taming.is_needed(lag);
        let pitch_gain = gain::pitch_gain(&target, &adaptive_heard, tame);
        let rest: Half = std::array::from_fn(|n| target[n] - pitch_gain * adaptive_heard[n]);

        let found = codebook::search(&rest, &response, lag.whole, self.sharpness);
        let pulses = found.sound(lag.whole, self.sharpness);
        let pulses_heard = filter::convolve(&pulses, &response);
        let parts = GainParts::new(&target, &adaptive_heard, &pulses_heard);
        let ((gain_first, gain_second), gains) =
            self.gain_predictor.quantise(&parts, &pulses, tame);

        // Both sides go on from what the decoder will have.
        self.sharpness = gains.sharpness();
        self.taming.note(gains.pitch, lag.whole);
        for n in 0..SUBFRAME {
            self.excitation[start + n] = gains.pitch * adaptive[n] + gains.code * pulses[n];
        }
        for (error, n) in self.error.iter_mut().zip(SUBFRAME - ORDER..) {
            *error = target[n] - gains.pitch * adaptive_heard[n] - gains.code * pulses_heard[n];
        }
        let (places, signs) = found.encode();
        (HalfCode { pitch: pitch_code, places, signs, gain_first, gain_second }, lag.whole)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Decoder;
    use super::super::filter::dot;
    use super::*;

    const SPEECH: &[u8] = include_bytes!("../../../../tests/media/g729/speech.pcm");
    /// The same, coded by the reference encoder.
    const REFERENCE: &[u8] = include_bytes!("../../../../tests/media/g729/speech.g729");
    /// Samples from the encoder's ear to the decoder's mouth.
    const DELAY: usize = 40;

    fn speech() -> Vec<i16> {
        SPEECH.as_chunks::<2>().0.iter().map(|sample| i16::from_le_bytes(*sample)).collect()
    }

    fn round_trip(pcm: &[i16]) -> Vec<i16> {
        let (mut encoder, mut decoder) = (Encoder::new(), Decoder::new());
        let (mut payload, mut out) = ([0; 2 * FRAME_BYTES], [0; 2 * FRAME]);
        let mut heard = Vec::new();
        for packet in pcm.chunks_exact(2 * FRAME) {
            assert_eq!(encoder.encode(packet, &mut payload), Some(20));
            assert_eq!(decoder.decode(&payload, &mut out), Some(160));
            heard.extend_from_slice(&out);
        }
        heard
    }

    /// dB: the mean over all frames that are not silent, both sounds weighted as an ear would (§3.3).
    fn weighted_snr(pcm: &[i16], heard: &[i16]) -> f32 {
        let analysis = Analysis::new();
        // Both ends take the hum away, which turns the phase of what is near it.
        let (mut before, mut behind) = (HighPass::before(), HighPass::behind());
        let mut filtered = Vec::new();
        for frame in pcm.as_chunks::<FRAME>().0 {
            let mut frame = frame.map(f32::from);
            before.run(&mut frame);
            behind.run(&mut frame);
            filtered.extend_from_slice(&frame);
        }
        let pcm = filtered;
        let heard: Vec<f32> = heard[DELAY..].iter().map(|s| f32::from(*s)).collect();
        let (mut memory, mut error_memory) = ([0.0; ORDER], [0.0; ORDER]);
        let (mut sum, mut frames) = (0.0, 0);
        for at in (WINDOW..heard.len() - SUBFRAME).step_by(SUBFRAME) {
            let window = pcm[at - WINDOW / 2..].first_chunk::<WINDOW>();
            let Some(window) = window else { break };
            let a = analysis.run(window);
            let wide = filter::bandwidth_expanded(&a, WEIGHTING);
            let here = at - ORDER..at + SUBFRAME;
            let errors: Vec<f32> = here.clone().map(|n| pcm[n] - heard[n]).collect();
            let signal = filter::synthesis(&wide, &filter::residual(&a, &pcm[here]), &mut memory);
            let error = filter::synthesis(&wide, &filter::residual(&a, &errors), &mut error_memory);
            if dot(&signal, &signal) > SUBFRAME as f32 * 900.0 {
                let ratio = dot(&signal, &signal) / (dot(&error, &error) + 1.0);
                sum += 10.0 * ratio.log10();
                frames += 1;
            }
        }
        sum / frames as f32
    }

    #[test]
    fn speech_comes_back_as_an_ear_would_have_it() {
        let pcm = speech();
        let ours = weighted_snr(&pcm, &round_trip(&pcm));
        let mut theirs = vec![0; REFERENCE.len() * 8];
        let mut decoder = Decoder::new();
        for (payload, out) in REFERENCE.chunks(FRAME_BYTES).zip(theirs.chunks_mut(FRAME)) {
            decoder.decode(payload, out);
        }
        let theirs = weighted_snr(&pcm, &theirs);
        assert!(ours > 5.0 && ours > theirs - 0.3, "{ours} dB, the reference {theirs} dB");
    }

    #[test]
    fn the_loudest_sounds_and_silence_come_back() {
        let square: Vec<i16> =
            (0..8000).map(|n| if n / 11 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let power = |pcm: &[i16]| pcm.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
        let ratio = power(&round_trip(&square)) / power(&square);
        assert!((0.5..1.5).contains(&ratio), "{ratio}");
        let silence = round_trip(&[0; 8000]);
        assert!(silence.iter().all(|s| s.abs() < 8), "{silence:?}");
    }

    #[test]
    fn what_is_no_whole_frame_is_refused() {
        let mut encoder = Encoder::new();
        let mut out = [0; 30];
        assert_eq!(encoder.encode(&[0; 81], &mut out), None);
        assert_eq!(encoder.encode(&[], &mut out), None);
        assert_eq!(encoder.encode(&[0; 320], &mut out), None, "no room for four frames");
        assert_eq!(encoder.encode(&[0; 240], &mut out), Some(30));
    }
}
