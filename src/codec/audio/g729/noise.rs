//! Comfort noise (Annex B): what is heard while the far end, which is silent, sends nothing.

use super::bits;
use super::filter::dot;
use super::lsp::{Lsf, LspPredictor};
use super::tables::{LSF_FIRST, LSF_SECOND, NOISE_FIRST, NOISE_SECOND};
use super::{Half, ORDER, SUBFRAME};

/// How much of the loudness stays from frame to frame (B.4.4).
const STAYS: f32 = 0.875;

/// Numbers without order, the same in every run.
#[derive(Clone, Debug)]
pub(super) struct Dice(u16);

impl Dice {
    pub(super) fn new() -> Self {
        Self(21_845)
    }

    /// The generator of §4.4.4.
    pub(super) fn roll(&mut self) -> u16 {
        self.0 = self.0.wrapping_mul(31_821).wrapping_add(13_849);
        self.0
    }
}

/// The noise that the last frame of it asked for.
#[derive(Clone, Debug)]
pub(super) struct NoiseState {
    /// Its spectrum.
    pub(super) lsf: Lsf,
    /// The root of its excitation's mean power.
    level: f32,
    /// The level so far, which follows slowly.
    current: f32,
}

impl NoiseState {
    /// Begins with this frame, or takes it in where there is `before`. The tables name rows of those
    /// for speech.
    pub(super) fn decode(
        frame: &bits::NoiseFrame,
        predictor: &mut LspPredictor,
        before: Option<&Self>,
    ) -> Self {
        let first = &LSF_FIRST[usize::from(NOISE_FIRST[usize::from(frame.first & 31)])];
        let second = usize::from(frame.second & 15);
        let [low, high] = NOISE_SECOND.map(|rows| &LSF_SECOND[usize::from(rows[second])]);
        let word = std::array::from_fn(|j| first[j] + if j < ORDER / 2 { low[j] } else { high[j] });
        let level = level(frame.gain);
        let current = before.map_or(level, |before| before.current);
        Self { lsf: predictor.decode_noise(frame.predictor, word), level, current }
    }

    /// The level moves on by a frame.
    pub(super) fn step(&mut self) {
        self.current = STAYS * self.current + (1.0 - STAYS) * self.level;
    }

    /// Excitation for half a frame. The standard mixes pulses and a pitch drawn by lot into it; noise
    /// alone of the same power sounds alike.
    pub(super) fn excitation(&self, dice: &mut Dice) -> Half {
        // The sum of four is round enough.
        let mut half: Half = std::array::from_fn(|_| {
            (0..4).map(|_| f32::from(dice.roll().cast_signed())).sum::<f32>()
        });
        let factor = self.current * (SUBFRAME as f32 / (dot(&half, &half) + 1.0)).sqrt();
        half.iter_mut().for_each(|sample| *sample *= factor);
        half
    }
}

/// The 32 levels: -12, -4, 0, 4 … 16 dB and from there in steps of 2, over a level of 2 (B.4.2.1).
fn level(gain: u8) -> f32 {
    let db = match gain & 31 {
        0 => -12.0,
        step @ 1..=6 => 4.0 * (f32::from(step) - 2.0),
        step => 2.0 * f32::from(step) + 4.0,
    };
    2.0 * 10.0_f32.powf(db / 20.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_levels_are_those_of_the_standard() {
        let known = [(0, 0.502), (1, 1.262), (2, 2.0), (6, 12.619), (7, 15.887), (31, 3990.525)];
        for (gain, known) in known {
            assert!((level(gain) / known - 1.0).abs() < 0.002, "{gain}");
        }
    }

    #[test]
    fn the_level_follows_slowly() {
        let frame = |gain| bits::NoiseFrame { predictor: 0, first: 3, second: 2, gain };
        let mut predictor = LspPredictor::new();
        let mut noise = NoiseState::decode(&frame(20), &mut predictor, None);
        let mut dice = Dice::new();
        let power = |noise: &NoiseState, dice: &mut Dice| {
            let half = noise.excitation(dice);
            (dot(&half, &half) / SUBFRAME as f32).sqrt()
        };
        assert!((power(&noise, &mut dice) / level(20) - 1.0).abs() < 0.01);
        noise = NoiseState::decode(&frame(10), &mut predictor, Some(&noise));
        noise.step();
        assert!(power(&noise, &mut dice) > 0.8 * level(20));
        (0..100).for_each(|_| noise.step());
        assert!((power(&noise, &mut dice) / level(10) - 1.0).abs() < 0.01);
    }
}
