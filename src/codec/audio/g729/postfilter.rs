//! What makes the decoded sound pleasant: pitch, formants and tilt brought out, the loudness kept
//! (A.4.2).

use super::filter::{self, FilterMemory, dot};
use super::pitch::LAG_MAX;
use super::{Filter, Half, ORDER, SUBFRAME};

/// Formants: how much wider the numerator's and the denominator's are.
const NUMERATOR: f32 = 0.55;
const DENOMINATOR: f32 = 0.7;
/// The most of the period before that is mixed in, against the present.
const PITCH_SHARE: f32 = 0.5;
/// How much of the tilt is taken back.
const TILT: f32 = 0.8;
/// Samples of the impulse response that tell the tilt.
const TILT_SAMPLES: usize = 22;
/// How much of the loudness factor stays from one sample to the next.
const LOUDNESS_STAYS: f32 = 0.9;

#[derive(Clone, Debug)]
pub(super) struct Postfilter {
    /// The last samples before the filter.
    sound: FilterMemory,
    /// What A(z/0.55) left of the last samples, and of the present ones.
    residual: [f32; LAG_MAX + SUBFRAME],
    synthesis: FilterMemory,
    /// The last sample before the tilt filter.
    before_tilt: f32,
    loudness: f32,
}

impl Postfilter {
    pub(super) fn new() -> Self {
        Self {
            sound: [0.0; ORDER],
            residual: [0.0; LAG_MAX + SUBFRAME],
            synthesis: [0.0; ORDER],
            before_tilt: 0.0,
            loudness: 1.0,
        }
    }

    /// Filters half a frame. The lag is that of the pitch; none where the sound has none.
    pub(super) fn run(&mut self, sound: &Half, a: &Filter, lag: Option<usize>) -> Half {
        let numerator = filter::bandwidth_expanded(a, NUMERATOR);
        let denominator = filter::bandwidth_expanded(a, DENOMINATOR);
        let mut joined = [0.0; ORDER + SUBFRAME];
        joined[..ORDER].copy_from_slice(&self.sound);
        joined[ORDER..].copy_from_slice(sound);
        self.sound.copy_from_slice(&joined[SUBFRAME..]);
        self.residual[LAG_MAX..].copy_from_slice(&filter::residual(&numerator, &joined));
        let mut half = match lag {
            Some(lag) => self.with_pitch(lag),
            None => std::array::from_fn(|n| self.residual[LAG_MAX + n]),
        };
        self.residual.copy_within(SUBFRAME.., 0);
        self.untilt(&mut half, tilt(&numerator, &denominator));
        let mut out = filter::synthesis(&denominator, &half, &mut self.synthesis);
        self.keep_loudness(sound, &mut out);
        out
    }

    /// Mixes in what was a period ago, where the two are alike (A.4.2.1).
    fn with_pitch(&self, lag: usize) -> Half {
        let now = &self.residual[LAG_MAX..];
        let from = lag.saturating_sub(3).clamp(1, LAG_MAX - 6);
        let ago = |lag: usize| &self.residual[LAG_MAX - lag..LAG_MAX - lag + SUBFRAME];
        let mut best = (from, f32::MIN);
        for lag in from..=from + 6 {
            let likeness = dot(now, ago(lag));
            if likeness > best.1 {
                best = (lag, likeness);
            }
        }
        let (before, likeness) = (ago(best.0), best.1);
        let power = dot(before, before);
        // Less than 3 dB of gain is no pitch.
        let is_pitch = likeness > 0.0 && likeness * likeness >= 0.5 * power * dot(now, now);
        let gain = if is_pitch { PITCH_SHARE * (likeness / power).min(1.0) } else { 0.0 };
        std::array::from_fn(|n| (now[n] + gain * before[n]) / (1.0 + gain))
    }

    fn untilt(&mut self, half: &mut Half, tilt: f32) {
        for sample in half {
            let now = *sample;
            *sample -= tilt * self.before_tilt;
            self.before_tilt = now;
        }
    }

    /// As loud as before the filter, without steps (A.4.2.4).
    fn keep_loudness(&mut self, sound: &Half, out: &mut Half) {
        let power = dot(out, out);
        if power <= 0.0 {
            self.loudness = 0.0;
            return;
        }
        let wanted = (dot(sound, sound) / power).sqrt();
        for sample in out {
            self.loudness = LOUDNESS_STAYS * self.loudness + (1.0 - LOUDNESS_STAYS) * wanted;
            *sample *= self.loudness;
        }
    }
}

/// How much duller the formant filter makes the sound (A.4.2.3).
fn tilt(numerator: &Filter, denominator: &Filter) -> f32 {
    let response = filter::impulse_response(numerator, denominator);
    let response = &response[..TILT_SAMPLES];
    let likeness = dot(&response[1..], response);
    TILT * likeness.max(0.0) / dot(response, response)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAT: Filter = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];

    #[test]
    fn a_flat_sound_without_pitch_stays_as_it_is() {
        let mut postfilter = Postfilter::new();
        let sound = std::array::from_fn(|n| if n * n % 7 < 3 { 500.0 } else { -700.0 });
        let out = postfilter.run(&sound, &FLAT, None);
        for (out, sound) in out.iter().zip(sound) {
            assert!((out - sound).abs() < 0.1, "{out} {sound}");
        }
    }

    #[test]
    fn loudness_stays_and_silence_is_silent() {
        let mut a = FLAT;
        a[1] = -0.9;
        let mut postfilter = Postfilter::new();
        let sound: Half =
            std::array::from_fn(|n| 1000.0 * (n as f32 * std::f32::consts::PI / 4.0).sin());
        let mut out = sound;
        for _ in 0..20 {
            out = postfilter.run(&sound, &a, Some(40));
        }
        let ratio = dot(&out, &out) / dot(&sound, &sound);
        assert!((0.8..1.25).contains(&ratio), "{ratio}");
        for _ in 0..20 {
            out = postfilter.run(&[0.0; SUBFRAME], &a, Some(143));
        }
        assert!(out.iter().all(|s| s.abs() < 0.01), "{out:?}");
    }
}
