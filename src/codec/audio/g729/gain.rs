//! How loud the two parts of the excitation are (§3.9, §4.1.5), and how the encoder keeps the pitch
//! gain tame (§3.9.2 and Annex C's `taming`).

use super::filter::dot;
use super::tables::{GAIN_FIRST, GAIN_FIRST_CODES, GAIN_PREDICTOR, GAIN_SECOND, GAIN_SECOND_CODES};
use super::{Half, SUBFRAME};

/// dB: the mean of the excitation's energy, which the predictor adds to.
const MEAN_ENERGY: f32 = 36.0;
/// dB: a gain error of nothing, and the least that is remembered.
const ERROR_MIN: f32 = -14.0;
/// The most that the pitch gain is before it is quantised.
const PITCH_GAIN_MAX: f32 = 1.2;

/// Both gains, quantised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gains {
    /// Of the adaptive codebook: 0.05 to 1.36.
    pub(super) pitch: f32,
    /// Of the pulses.
    pub(super) code: f32,
}

impl Gains {
    /// How much the next half frame's pulses repeat (equation 47).
    pub(super) fn sharpness(&self) -> f32 {
        self.pitch.clamp(SHARPNESS_MIN, 0.7945)
    }
}

/// The sharpness before the first frame and behind comfort noise.
pub(super) const SHARPNESS_MIN: f32 = 0.2;

/// Expects the gain of the pulses from those of four half frames before. Both sides keep one.
#[derive(Clone, Debug)]
pub(super) struct GainPredictor {
    /// dB, the latest first.
    errors: [f32; 4],
}

impl GainPredictor {
    pub(super) fn new() -> Self {
        Self { errors: [ERROR_MIN; 4] }
    }

    /// Of GA and GB.
    pub(super) fn decode(&mut self, (first, second): (u8, u8), pulses: &Half) -> Gains {
        let at = |codes: &[u8], code| codes.iter().position(|c| *c == code).unwrap_or(0);
        let pair = (at(GAIN_FIRST_CODES, first & 7), at(GAIN_SECOND_CODES, second & 15));
        let expected = self.expected(pulses);
        self.choose(pair, expected)
    }

    /// Half a frame was lost: both gains die away (§4.4.2).
    pub(super) fn lose(&mut self, gains: Gains) -> Gains {
        let mean = self.errors.iter().sum::<f32>() / 4.0;
        self.push((mean - 4.0).max(ERROR_MIN));
        Gains { pitch: (0.9 * gains.pitch).min(0.9), code: 0.98 * gains.code }
    }

    /// The gains with which the two parts come nearest to the target, and GA and GB. All pairs are
    /// tried: 128 cost less than the rules for trying 32.
    pub(super) fn quantise(
        &mut self,
        parts: &GainParts,
        pulses: &Half,
        tame: bool,
    ) -> ((u8, u8), Gains) {
        let expected = self.expected(pulses);
        let mut best = ((0, 0), f32::MAX);
        for (i, first) in GAIN_FIRST.iter().enumerate() {
            for (j, second) in GAIN_SECOND.iter().enumerate() {
                let (pitch, code) = (first[0] + second[0], expected * (first[1] + second[1]));
                let error = parts.error(pitch, code);
                if error < best.1 && !(tame && pitch >= 0.9999) {
                    best = ((i, j), error);
                }
            }
        }
        let (i, j) = best.0;
        ((GAIN_FIRST_CODES[i], GAIN_SECOND_CODES[j]), self.choose(best.0, expected))
    }

    fn choose(&mut self, (i, j): (usize, usize), expected: f32) -> Gains {
        let (first, second) = (GAIN_FIRST[i], GAIN_SECOND[j]);
        let factor = first[1] + second[1];
        self.push(20.0 * factor.log10());
        Gains { pitch: first[0] + second[0], code: factor * expected }
    }

    /// The gain that pulses of this power are expected to have.
    fn expected(&self, pulses: &Half) -> f32 {
        let power = 10.0 * ((dot(pulses, pulses) + 0.01) / SUBFRAME as f32).log10();
        let energy = MEAN_ENERGY + dot(&GAIN_PREDICTOR[..], &self.errors);
        10.0_f32.powf((energy - power) / 20.0)
    }

    fn push(&mut self, error: f32) {
        self.errors.rotate_right(1);
        self.errors[0] = error;
    }
}

/// The target, and the two parts of the excitation as they are heard in it.
#[derive(Clone, Debug)]
pub(super) struct GainParts {
    pitch_power: f32,
    pitch_wanted: f32,
    code_power: f32,
    code_wanted: f32,
    alike: f32,
}

impl GainParts {
    pub(super) fn new(target: &Half, pitch: &Half, code: &Half) -> Self {
        Self {
            pitch_power: dot(pitch, pitch),
            pitch_wanted: dot(target, pitch),
            code_power: dot(code, code),
            code_wanted: dot(target, code),
            alike: dot(pitch, code),
        }
    }

    /// What is left of the target with these gains, but for a constant.
    fn error(&self, pitch: f32, code: f32) -> f32 {
        pitch * (pitch * self.pitch_power - 2.0 * self.pitch_wanted)
            + code * (code * self.code_power - 2.0 * self.code_wanted)
            + 2.0 * pitch * code * self.alike
    }
}

/// The gain of the adaptive codebook alone, before the pulses are looked for (§3.7.3).
pub(super) fn pitch_gain(target: &Half, pitch: &Half, tame: bool) -> f32 {
    let most = if tame { 0.95 } else { PITCH_GAIN_MAX };
    (dot(target, pitch) / (dot(pitch, pitch) + 0.01)).clamp(0.0, most)
}

/// Counts how far a decoder that lost something could drift away, so that gains above one end in time.
#[derive(Clone, Debug)]
pub(super) struct Taming {
    /// The worst growth of an error in the last half frames, the latest first.
    growth: [f32; 4],
}

/// The growth from which on pitch gains are kept below one.
const GROWTH_MAX: f32 = 60_000.0;

impl Taming {
    pub(super) fn new() -> Self {
        Self { growth: [1.0; 4] }
    }

    /// Whether excitation from this long ago needs a gain below one.
    pub(super) fn is_needed(&self, lag: super::pitch::Lag) -> bool {
        let lag = if lag.third > 0 { lag.whole + 1 } else { lag.whole };
        let zones = lag.saturating_sub(SUBFRAME + 10) / SUBFRAME..=(lag + 8) / SUBFRAME;
        self.growth
            .iter()
            .enumerate()
            .any(|(at, growth)| zones.contains(&at) && *growth > GROWTH_MAX)
    }

    pub(super) fn note(&mut self, gain: f32, lag: usize) {
        let once = |growth: f32| 1.0 + gain * growth;
        let worst = if lag < SUBFRAME {
            let first = once(self.growth[0]);
            first.max(once(first))
        } else {
            let zones = (lag - SUBFRAME) / SUBFRAME..=(lag - 1) / SUBFRAME;
            let known = self.growth.iter().enumerate().filter(|(at, _)| zones.contains(at));
            known.map(|(_, growth)| once(*growth)).fold(-1.0, f32::max)
        };
        self.growth.rotate_right(1);
        // It only matters that it is too much.
        self.growth[0] = worst.min(1e9);
    }
}

#[cfg(test)]
mod tests {
    use super::super::pitch::Lag;
    use super::*;

    fn ramp(step: usize) -> Half {
        std::array::from_fn(|n| ((n * step) % 17) as f32 - 8.0)
    }

    #[test]
    fn both_sides_have_the_same_gains_near_the_wanted_ones() {
        let (mut ours, mut theirs) = (GainPredictor::new(), GainPredictor::new());
        let (pitch, code) = (ramp(3).map(|s| 20.0 * s), ramp(5));
        let target = std::array::from_fn(|n| 0.7 * pitch[n] + 9.0 * code[n]);
        for round in 0..12 {
            let parts = GainParts::new(&target, &pitch, &code);
            let (codes, gains) = ours.quantise(&parts, &code, false);
            assert_eq!(theirs.decode(codes, &code), gains);
            assert!(round < 6 || (gains.code - 9.0).abs() < 2.0, "{gains:?}");
            assert!((gains.pitch - 0.7).abs() < 0.4, "{gains:?}");
        }
    }

    #[test]
    fn lost_gains_die_away() {
        let mut predictor = GainPredictor::new();
        let mut gains = predictor.decode((2, 5), &ramp(3));
        for _ in 0..200 {
            gains = predictor.lose(gains);
        }
        assert!(gains.pitch < 0.01 && gains.code < 1.0, "{gains:?}");
        assert_eq!(predictor.errors, [ERROR_MIN; 4]);
    }

    #[test]
    fn no_row_of_codes_makes_a_gain_without_bounds() {
        let mut predictor = GainPredictor::new();
        for _ in 0..1000 {
            let gains = predictor.decode((2, 11), &[0.0; SUBFRAME]);
            assert!(gains.code.is_finite() && gains.code < 1e6, "{gains:?}");
        }
    }

    #[test]
    fn gains_above_one_end_in_time() {
        let (mut taming, lag) = (Taming::new(), Lag { whole: 50, third: 1 });
        let rounds = (0..1000).take_while(|_| {
            taming.note(1.2, lag.whole);
            !taming.is_needed(lag)
        });
        assert!((20..200).contains(&rounds.count()));
        for _ in 0..1000 {
            taming.note(0.9, lag.whole);
        }
        assert!(!taming.is_needed(lag));
    }
}
