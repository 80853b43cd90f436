//! Comfort noise (RFC 3389): what a silent party's room sounds like, as a level and a spectral shape.

/// Reflection coefficients beyond these are left out (RFC 3389 §3.2 lets the receiver cut the order).
const ORDER_MAX: usize = 12;
/// No background is louder, in -dBov. A hostile peer would have full noise in the ear.
const LOUDEST: u8 = 30;
/// The level without sound, as far as one byte goes.
const QUIETEST: u8 = 127;
/// The quantised coefficient that means none, and the largest one; 255 would be beyond 1.
const COEFFICIENT_ZERO: u8 = 127;
const COEFFICIENT_MAX: u8 = 254;
/// Of each sample's difference to a new level, this share is made up: some 10 ms at 8 kHz.
const GLIDE: f32 = 1.0 / 80.0;

/// The noise that a payload describes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ComfortNoise {
    /// In -dBov: 0 is the power of a square of full scale.
    level: u8,
    /// Reflection coefficients as the payload has them; those beyond its order are none.
    shape: [u8; ORDER_MAX],
    order: usize,
}

impl ComfortNoise {
    /// White noise of a level in -dBov, at most 127.
    #[must_use]
    pub fn white(level: u8) -> Self {
        Self { level: level.min(QUIETEST), shape: [COEFFICIENT_ZERO; ORDER_MAX], order: 0 }
    }

    /// Reads a payload (RFC 3389 §3); none when it is empty.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let (level, shape) = payload.split_first()?;
        // §3.1: the first bit is always 0; who sets it means the rest.
        let mut noise = Self::white(level & 0x7f);
        noise.order = shape.len().min(ORDER_MAX);
        noise.shape[..noise.order].copy_from_slice(&shape[..noise.order]);
        Some(noise)
    }

    /// The level in -dBov, from 0 (overload) to 127.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.level
    }

    /// Writes the payload into `out` and returns its length, at most 13; none when the room is too
    /// small.
    #[must_use]
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let (level, shape) = out.get_mut(..=self.order)?.split_first_mut()?;
        *level = self.level;
        shape.copy_from_slice(&self.shape[..self.order]);
        Some(self.order + 1)
    }

    /// The root of the mean power, in samples.
    fn amplitude(self) -> f32 {
        32_768.0 * 10_f32.powf(f32::from(self.level.max(LOUDEST)) / -20.0)
    }

    /// Reflection coefficient at a place, between -1 and 1 (§3.2: 258 · (N - 127) of 32768).
    fn reflection(self, at: usize) -> f32 {
        (f32::from(self.shape[at].min(COEFFICIENT_MAX)) - f32::from(COEFFICIENT_ZERO)) * 258.0
            / 32_768.0
    }
}

/// Makes the noise audible; the same seed gives the same noise.
#[derive(Clone, Debug)]
pub struct NoiseGenerator {
    chance: u64,
    amplitude: f32,
    target: f32,
    /// What each stage of the filter turns its two values by: a sine and a cosine.
    stages: [(f32, f32); ORDER_MAX],
    /// The backward values of the sample before.
    past: [f32; ORDER_MAX],
}

impl NoiseGenerator {
    /// Silent until it is told what to sound like.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let stages = [(0.0, 1.0); ORDER_MAX];
        Self { chance: seed, amplitude: 0.0, target: 0.0, stages, past: [0.0; ORDER_MAX] }
    }

    /// Goes over to another noise within some 10 ms. Louder than -30 dBov it does not get.
    pub fn tune(&mut self, noise: &ComfortNoise) {
        self.target = noise.amplitude();
        for (at, stage) in self.stages.iter_mut().enumerate() {
            let sine = noise.reflection(at);
            *stage = (sine, (1.0 - sine * sine).sqrt());
        }
    }

    /// Fills `out` with the next samples.
    pub fn fill(&mut self, out: &mut [i16]) {
        for sample in out {
            self.amplitude += (self.target - self.amplitude) * GLIDE;
            *sample = (self.next() * self.amplitude) as i16;
        }
    }

    /// The next value of noise with a mean power of 1.
    ///
    /// The filter 1/A(z) in its normalised lattice form: each stage is a rotation, so that it keeps the
    /// power, whatever the coefficients, and when they change.
    fn next(&mut self) -> f32 {
        let mut forward = self.white();
        for at in (0..ORDER_MAX).rev() {
            let (sine, cosine) = self.stages[at];
            let backward = self.past[at];
            let up = sine * forward + cosine * backward;
            forward = cosine * forward - sine * backward;
            if let Some(next) = self.past.get_mut(at + 1) {
                *next = up;
            }
        }
        self.past[0] = forward;
        forward
    }

    /// A value of white noise with a mean power of 1, nearly of normal distribution.
    fn white(&mut self) -> f32 {
        // SplitMix64, whose output gives four numbers of 16 bits.
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let sum: u64 = (0..4).map(|at| mixed >> (16 * at) & 0xffff).sum();
        // Four uniform numbers have a third of the power of their span.
        (sum as f32 - 131_070.0) / 65_536.0 * 3_f32.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::goertzel;
    use proptest::prelude::*;

    fn heard(noise: &ComfortNoise, seed: u64) -> Vec<i16> {
        let mut generator = NoiseGenerator::new(seed);
        generator.tune(noise);
        let mut pcm = vec![0; 80_000];
        generator.fill(&mut pcm);
        pcm.split_off(8000)
    }

    fn level(pcm: &[i16]) -> f64 {
        let power: f64 = pcm.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / pcm.len() as f64;
        -10.0 * (power / 32_768_f64.powi(2)).log10()
    }

    #[test]
    fn a_payload_is_read_and_written_as_it_was() {
        for payload in [&[40][..], &[0], &[127, 0, 127, 254], &[63; 13]] {
            let (noise, mut out) = (ComfortNoise::parse(payload).unwrap(), [0; 13]);
            assert_eq!(noise.level(), payload[0]);
            let len = noise.write(&mut out).unwrap();
            assert_eq!(&out[..len], payload);
            assert_eq!(noise.write(&mut out[..len - 1]), None, "no room");
        }
    }

    #[test]
    fn odd_payloads_are_read_as_far_as_they_mean_something() {
        assert_eq!(ComfortNoise::parse(&[]), None);
        assert_eq!(ComfortNoise::parse(&[0x80 | 50]), Some(ComfortNoise::white(50)));
        let long = ComfortNoise::parse(&[40; 1500]).unwrap();
        assert_eq!(long.write(&mut [0; 1500]), Some(ORDER_MAX + 1));
        assert_eq!(ComfortNoise::white(255).level(), QUIETEST);
    }

    #[test]
    fn the_noise_has_its_level_whatever_its_shape() {
        for shape in [&[][..], &[60], &[200, 90], &[20, 200, 60, 150, 127, 100]] {
            for wanted in [35_u8, 50, 65] {
                let noise = ComfortNoise::parse(&[&[wanted], shape].concat()).unwrap();
                let is = level(&heard(&noise, 7));
                println!("{shape:?}: -{wanted} dBov wanted, {:.2} heard", -is);
                assert!((is - f64::from(wanted)).abs() < 1.0, "{shape:?} at {wanted}: {is}");
            }
        }
    }

    #[test]
    fn the_shape_decides_whether_it_rumbles_or_hisses() {
        let share = |first: u8| {
            let pcm = heard(&ComfortNoise::parse(&[40, first]).unwrap(), 3);
            let at = |hz| pcm.chunks(800).map(|c| goertzel::share(c, 8000, hz)).sum::<f64>();
            (at(200) + at(300), at(3700) + at(3800))
        };
        // A first coefficient below zero means that neighbours are alike: deep noise.
        let (deep, high) = share(30);
        assert!(deep > 10.0 * high, "{deep} {high}");
        let (deep, high) = share(224);
        assert!(high > 10.0 * deep, "{deep} {high}");
    }

    #[test]
    fn a_seed_gives_one_noise_and_no_other() {
        let noise = ComfortNoise::white(45);
        assert_eq!(heard(&noise, 1), heard(&noise, 1));
        assert_ne!(heard(&noise, 1), heard(&noise, 2));
    }

    #[test]
    fn no_peer_makes_it_loud() {
        let is = level(&heard(&ComfortNoise::white(0), 5));
        assert!(is > f64::from(LOUDEST) - 1.0, "{is}");
    }

    #[test]
    fn it_is_silent_until_it_is_tuned() {
        let mut pcm = [1; 100];
        NoiseGenerator::new(1).fill(&mut pcm);
        assert_eq!(pcm, [0; 100]);
    }

    proptest! {
        #[test]
        fn no_payloads_make_it_loud_or_ring_on(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 1..8),
        ) {
            let mut generator = NoiseGenerator::new(9);
            let mut pcm = [0; 800];
            for noise in payloads.iter().filter_map(|payload| ComfortNoise::parse(payload)) {
                generator.tune(&noise);
                generator.fill(&mut pcm);
                // A narrow resonance may be 20 dB above its mean for a moment.
                prop_assert!(level(&pcm) > f64::from(LOUDEST) - 20.0);
            }
            generator.tune(&ComfortNoise::white(QUIETEST));
            (0..20).for_each(|_| generator.fill(&mut pcm));
            prop_assert!(pcm.iter().all(|s| s.unsigned_abs() < 10));
        }
    }
}
