//! A voice for tests: pulses of a changing pitch through the resonances of vowels, with hissing
//! consonants and short pauses between them, below 3.4 kHz. Nobody would take it for a person, but
//! codecs of speech do.

use std::f64::consts::{PI, TAU};

/// The first three resonances of vowels in Hz.
const VOWELS: [[f64; 3]; 5] = [
    [730.0, 1090.0, 2440.0],
    [270.0, 2290.0, 3010.0],
    [570.0, 840.0, 2410.0],
    [530.0, 1840.0, 2480.0],
    [300.0, 870.0, 2240.0],
];
const BANDWIDTHS: [f64; 3] = [80.0, 110.0, 160.0];
/// A syllable: a consonant, a vowel that swells and fades, and a pause.
const HISS_MS: u32 = 60;
const VOWEL_MS: u32 = 220;
const SYLLABLE_MS: u32 = 320;
const PEAK: f64 = 12_000.0;

/// A saying of so many syllables, the same at each call.
pub(super) fn saying(sample_rate: u32, syllables: u32) -> Vec<i16> {
    let rate = f64::from(sample_rate);
    let (mut turn, mut chance) = (0.0_f64, 1_u32);
    let mut resonators = [[0.0_f64; 2]; 3];
    let mut sound = Vec::new();
    for n in 0..sample_rate / 1000 * SYLLABLE_MS * syllables {
        let secs = f64::from(n) / rate;
        let (syllable, at) = (
            n / (sample_rate / 1000 * SYLLABLE_MS),
            f64::from(n % (sample_rate / 1000 * SYLLABLE_MS)) / rate * 1000.0,
        );
        chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = f64::from(chance >> 8) / f64::from(1 << 23) - 1.0;
        turn += (125.0 + 25.0 * (TAU * 0.7 * secs).sin() + 4.0 * (TAU * 5.0 * secs).sin()) / rate;
        // A pulse each turn, smooth enough to hold nothing that would fold over.
        let phase = turn.fract();
        let pulse = (-((phase - 0.5) * 22.0 * 8000.0_f64.min(rate) / 8000.0).powi(2)).exp();
        let voiced = at - f64::from(HISS_MS);
        let source = if voiced < 0.0 {
            noise * 0.02 * (PI * at / f64::from(HISS_MS)).sin()
        } else if voiced < f64::from(VOWEL_MS) {
            pulse * (PI * voiced / f64::from(VOWEL_MS)).sin().powf(0.6)
        } else {
            0.0
        };
        let vowel = VOWELS[syllable as usize * 3 % VOWELS.len()];
        let mut out = 0.0;
        for (resonator, (hz, width)) in resonators.iter_mut().zip(vowel.iter().zip(BANDWIDTHS)) {
            let radius = (-PI * width / rate).exp();
            let next = source * (1.0 - radius) * 4.0
                + 2.0 * radius * (TAU * hz / rate).cos() * resonator[0]
                - radius * radius * resonator[1];
            *resonator = [next, resonator[0]];
            out += next;
        }
        sound.push(out + noise * 1e-4);
    }
    let peak = sound.iter().fold(1e-9_f64, |peak, s| peak.max(s.abs()));
    sound.iter().map(|s| (s / peak * PEAK) as i16).collect()
}

/// The mean over stretches of 16 ms of the signal's power to that of the error, in dB, each between -10
/// and 35, stretches of near silence left out: closer to the ear than one figure for the whole.
pub(super) fn segmental_snr(reference: &[i16], heard: &[i16], sample_rate: u32) -> f64 {
    let stretch = sample_rate as usize * 16 / 1000;
    let (mut sum, mut count) = (0.0, 0.0_f64);
    for (wanted, got) in reference.chunks_exact(stretch).zip(heard.chunks_exact(stretch)) {
        let power: f64 = wanted.iter().map(|s| f64::from(*s).powi(2)).sum();
        let error: f64 =
            wanted.iter().zip(got).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
        if power > 1e4 * stretch as f64 {
            sum += (10.0 * (power / error.max(1.0)).log10()).clamp(-10.0, 35.0);
            count += 1.0;
        }
    }
    sum / count.max(1.0)
}

/// A syllable at the highest rate: enough to find it again.
const LIKENESS_LEN: usize = 16_000;

/// The delay of `heard` behind `reference` in samples, at most `most`: where they are most alike.
pub(super) fn delay(reference: &[i16], heard: &[i16], most: usize) -> usize {
    let len = reference.len().min(heard.len()).saturating_sub(most).min(LIKENESS_LEN);
    let likeness = |shift: usize| -> i64 {
        let pairs = reference[..len].iter().zip(&heard[shift..]);
        pairs.map(|(a, b)| i64::from(*a) * i64::from(*b)).sum()
    };
    (0..=most).max_by_key(|shift| likeness(*shift)).unwrap_or(0)
}
