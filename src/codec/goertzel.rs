//! How much of a sound is one tone: the proof of who hears whom.

use std::f64::consts::TAU;

/// The share of the power that lies at `hz`: near 1 for a pure tone of this frequency, near 0 for
/// silence and other sounds. At least 20 ms; the longer, the sharper.
#[must_use]
pub fn share(pcm: &[i16], sample_rate: u32, hz: u32) -> f64 {
    let total: f64 = pcm.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
    // Noise of the last bit is silence.
    if total <= 4.0 * pcm.len() as f64 {
        return 0.0;
    }
    let (mut before, mut last) = (0.0, 0.0);
    let factor = 2.0 * (TAU * f64::from(hz) / f64::from(sample_rate)).cos();
    for sample in pcm {
        let next = f64::from(*sample) + factor * last - before;
        (before, last) = (last, next);
    }
    let power = last * last + before * before - factor * last * before;
    (2.0 * power / (pcm.len() as f64 * total)).clamp(0.0, 1.0)
}

/// Which of these tones is heard: the one with the largest share, if it is at least a third.
#[must_use]
pub fn strongest(pcm: &[i16], sample_rate: u32, tones: &[u32]) -> Option<u32> {
    let shares = tones.iter().map(|hz| (share(pcm, sample_rate, *hz), *hz));
    let best = shares.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 > 1.0 / 3.0).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::super::tone::Sound;
    use super::*;

    #[test]
    fn a_tone_is_told_from_its_neighbours_and_from_silence() {
        let pcm = Sound::Sine { hz: 600 }.samples(8000);
        assert!(share(&pcm, 8000, 600) > 0.99);
        assert!(share(&pcm, 8000, 640) < 0.01);
        assert_eq!(strongest(&pcm[..800], 8000, &[400, 500, 600, 700]), Some(600));
        assert_eq!(strongest(&pcm, 8000, &[400, 500]), None);
        assert_eq!(strongest(&[0; 800], 8000, &[400]), None);
        assert_eq!(strongest(&[], 8000, &[400]), None);
    }
}
