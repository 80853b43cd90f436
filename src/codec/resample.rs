//! Sample rates: a windowed-sinc filter in polyphase form, for the 8, 16 and 48 kHz of our codecs.

use std::f64::consts::PI;

/// Taps for each output sample when the rate rises; more in proportion when it falls.
const TAPS: usize = 32;
/// The edge of what passes, as a share of half the lower rate: 3.5 kHz at 8 kHz.
const PASS: f64 = 0.91;
/// The shape of the Kaiser window: what folds over stays 60 dB below.
const KAISER_BETA: f64 = 6.0;

/// Turns the samples of one stream into another rate. A call's worth of delay: 16 samples of the
/// lower rate.
#[derive(Clone, Debug)]
pub struct Resampler {
    up: usize,
    down: usize,
    /// `up` filters of equal length, one after another.
    filters: Vec<f32>,
    taps: usize,
    /// The newest `taps - 1` samples of the past, then those of this call.
    history: Vec<f32>,
    /// The place of the next output, in steps of 1/`up` input samples from the next input.
    phase: usize,
}

impl Resampler {
    /// Between two rates in Hz; none when they are equal.
    ///
    /// # Panics
    /// When a rate is 0.
    #[must_use]
    pub fn new(from: u32, to: u32) -> Option<Self> {
        assert!(from > 0 && to > 0, "a rate is above 0");
        if from == to {
            return None;
        }
        let shared = greatest_divisor(from, to);
        let (up, down) = ((to / shared) as usize, (from / shared) as usize);
        let taps = TAPS * up.max(down) / up;
        let history = vec![0.0; taps - 1];
        Some(Self { up, down, filters: filters(up, down, taps), taps, history, phase: 0 })
    }

    /// Appends what `pcm` becomes at the other rate to `out`.
    pub fn run(&mut self, pcm: &[i16], out: &mut Vec<i16>) {
        self.history.extend(pcm.iter().map(|s| f32::from(*s)));
        let end = pcm.len() * self.up;
        while self.phase < end {
            let filter = &self.filters[self.phase % self.up * self.taps..][..self.taps];
            let window = &self.history[self.phase / self.up..][..self.taps];
            out.push(dot(filter, window).round() as i16);
            self.phase += self.down;
        }
        self.phase -= end;
        self.history.drain(..pcm.len());
    }
}

/// The sum of products, in eight lanes that the compiler makes one of.
fn dot(one: &[f32], other: &[f32]) -> f32 {
    let (ones, others) = (one.chunks_exact(8), other.chunks_exact(8));
    let rest: f32 = ones.remainder().iter().zip(others.remainder()).map(|(a, b)| a * b).sum();
    let mut lanes = [0.0; 8];
    for (a, b) in ones.zip(others) {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += a[lane] * b[lane];
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// Filter `p` is for outputs p/`up` behind an input; its taps run from old to new.
fn filters(up: usize, down: usize, taps: usize) -> Vec<f32> {
    let len = taps * up;
    let cutoff = PASS / up.max(down) as f64;
    let middle = (len - 1) as f64 / 2.0;
    let prototype = |n: usize| {
        let at = n as f64 - middle;
        let sinc = if at == 0.0 { cutoff } else { (PI * cutoff * at).sin() / (PI * at) };
        sinc * kaiser(at / (len as f64 / 2.0))
    };
    let mut filters = Vec::with_capacity(len);
    for phase in 0..up {
        let filter: Vec<f64> = (0..taps).rev().map(|tap| prototype(tap * up + phase)).collect();
        // Each filter passes a constant as it is, or silence would hum.
        let gain: f64 = filter.iter().sum();
        filters.extend(filter.iter().map(|tap| (tap / gain) as f32));
    }
    filters
}

/// The Kaiser window from -1 to 1.
fn kaiser(at: f64) -> f64 {
    bessel(KAISER_BETA * (1.0 - at * at).max(0.0).sqrt()) / bessel(KAISER_BETA)
}

/// The modified Bessel function of order 0, by its series.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for n in 1..32 {
        term *= (x / 2.0 / f64::from(n)).powi(2);
        sum += term;
    }
    sum
}

fn greatest_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::super::goertzel;
    use super::super::tone::Sound;
    use super::*;

    const RATES: [u32; 3] = [8000, 16_000, 48_000];

    fn resampled(hz: u32, from: u32, to: u32) -> Vec<i16> {
        let mut resampler = Resampler::new(from, to).unwrap();
        let mut out = Vec::new();
        let pcm = Sound::Sine { hz }.samples(from);
        for frame in pcm[..from as usize / 5].chunks_exact(from as usize / 50) {
            let before = out.len();
            resampler.run(frame, &mut out);
            assert_eq!(out.len() - before, to as usize / 50);
        }
        out
    }

    fn loudest(pcm: &[i16]) -> u16 {
        pcm.iter().map(|s| s.unsigned_abs()).max().unwrap()
    }

    #[test]
    fn speech_passes_between_all_rates_as_it_is() {
        for (from, to) in RATES.iter().flat_map(|from| RATES.map(|to| (*from, to))) {
            if from == to {
                assert!(Resampler::new(from, to).is_none());
                continue;
            }
            for hz in [100, 1000, 3000] {
                let pcm = &resampled(hz, from, to)[to as usize / 10..];
                assert!(goertzel::share(pcm, to, hz) > 0.999, "{from} to {to}: {hz} Hz");
                assert!((4850..5150).contains(&loudest(pcm)), "{from} to {to}: {hz} Hz");
            }
        }
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_does_not_fold_over() {
        for (from, hz) in [(16_000, 4700), (48_000, 4700), (48_000, 11_000), (16_000, 7900)] {
            let pcm = &resampled(hz, from, 8000)[800..];
            assert!(loudest(pcm) < 15, "{from}: {hz} Hz comes through at {}", loudest(pcm));
        }
    }

    #[test]
    fn the_loudest_sound_is_clipped_and_not_turned_over() {
        let mut resampler = Resampler::new(8000, 48_000).unwrap();
        let square: Vec<i16> =
            (0..800).map(|n| if n / 8 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let mut out = Vec::new();
        resampler.run(&square, &mut out);
        let jumps = out.windows(2).filter(|w| w[0].abs_diff(w[1]) > 40_000).count();
        assert_eq!(jumps, 0);
    }

    #[test]
    fn frames_of_any_length_join_without_a_seam() {
        let pcm = Sound::Sine { hz: 440 }.samples(16_000);
        let (mut whole, mut pieces) = (Vec::new(), Vec::new());
        Resampler::new(16_000, 48_000).unwrap().run(&pcm, &mut whole);
        let mut resampler = Resampler::new(16_000, 48_000).unwrap();
        pcm.chunks(77).for_each(|chunk| resampler.run(chunk, &mut pieces));
        assert_eq!(whole, pieces);
    }
}
