//! The sounds that the switchboard makes itself, computed and so the same at every start.

use std::f64::consts::TAU;

/// The power of tones: about -13 dBm0, as ITU-T E.180 has them.
const LEVEL: f64 = 5000.0;

/// A sound that repeats for ever.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Sound {
    /// Nothing.
    Silence,
    /// One tone of whole Hz; demonstrations and tests tell parties apart by it.
    Sine {
        /// Below half the sample rate.
        hz: u32,
    },
    /// The other side rings: 425 Hz, 1 s on, 4 s off (ETSI TR 101 041-2).
    RingBack,
    /// The other side is busy: 425 Hz, half a second on and off.
    Busy,
    /// It worked: two rising notes, then a pause.
    Confirmed,
    /// It did not: two falling notes, then a pause.
    Refused,
    /// Somebody waits: a slow tune of broken chords.
    HoldMelody,
}

/// One note: Hz, and the length in ms; 0 Hz is a rest.
type Note = (f64, u32);

const SILENCE: &[Note] = &[(0.0, 1000)];
const RING_BACK: &[Note] = &[(425.0, 1000), (0.0, 4000)];
const BUSY: &[Note] = &[(425.0, 500), (0.0, 500)];
const CONFIRMED: &[Note] = &[(660.0, 120), (880.0, 180), (0.0, 700)];
const REFUSED: &[Note] = &[(440.0, 180), (330.0, 320), (0.0, 500)];

/// The chords of the tune, each broken upwards and back: C, A minor, F, G.
const CHORDS: &[[f64; 4]] = &[
    [261.63, 329.63, 392.00, 523.25],
    [220.00, 261.63, 329.63, 440.00],
    [174.61, 220.00, 261.63, 349.23],
    [196.00, 246.94, 293.66, 392.00],
];
const CHORD_ORDER: [usize; 8] = [0, 1, 2, 3, 2, 1, 2, 1];
/// So that the tune is 9.6 s, which every packet time divides.
const CHORD_NOTE_MS: u32 = 300;

impl Sound {
    /// One round of the sound, mono.
    #[must_use]
    pub fn samples(self, sample_rate: u32) -> Vec<i16> {
        match self {
            Self::Silence => notes(SILENCE, sample_rate),
            Self::Sine { hz } => sine(hz, sample_rate),
            Self::RingBack => notes(RING_BACK, sample_rate),
            Self::Busy => notes(BUSY, sample_rate),
            Self::Confirmed => notes(CONFIRMED, sample_rate),
            Self::Refused => notes(REFUSED, sample_rate),
            Self::HoldMelody => melody(sample_rate),
        }
    }

    /// The sample rate that loses nothing of it.
    #[must_use]
    pub fn rate_needed(self) -> u32 {
        match self {
            Self::HoldMelody => 16_000,
            Self::Sine { hz } if hz >= 3600 => 16_000,
            Self::Sine { .. }
            | Self::Silence
            | Self::RingBack
            | Self::Busy
            | Self::Confirmed
            | Self::Refused => 8000,
        }
    }
}

/// One second, so that a tone of whole Hz joins its own beginning.
fn sine(hz: u32, sample_rate: u32) -> Vec<i16> {
    let turns = f64::from(hz) / f64::from(sample_rate);
    (0..sample_rate).map(|n| (LEVEL * (TAU * turns * f64::from(n)).sin()) as i16).collect()
}

fn notes(notes: &[Note], sample_rate: u32) -> Vec<i16> {
    let mut pcm = Vec::new();
    for (hz, ms) in notes {
        let len = sample_rate * ms / 1000;
        for n in 0..len {
            let turns = hz * f64::from(n) / f64::from(sample_rate);
            pcm.push((LEVEL * edges(n, len, sample_rate) * (TAU * turns).sin()) as i16);
        }
    }
    pcm
}

/// Rises and falls within 5 ms, without which a tone clicks.
fn edges(n: u32, len: u32, sample_rate: u32) -> f64 {
    let edge = f64::from(sample_rate) / 200.0;
    (f64::from(n.min(len - n)) / edge).min(1.0)
}

/// Plucked strings that ring on into the next notes, over the loop's end too.
fn melody(sample_rate: u32) -> Vec<i16> {
    let note_len = (sample_rate * CHORD_NOTE_MS / 1000) as usize;
    let mut sum = vec![0.0; note_len * CHORDS.len() * CHORD_ORDER.len()];
    let total = sum.len();
    for (chord, pitches) in CHORDS.iter().enumerate() {
        let strings = pitches.map(|hz| plucked(hz, sample_rate, note_len * 5));
        for (place, string) in CHORD_ORDER.iter().enumerate() {
            let start = (chord * CHORD_ORDER.len() + place) * note_len;
            for (n, sample) in strings[*string].iter().enumerate() {
                sum[(start + n) % total] += sample;
            }
        }
    }
    let peak = sum.iter().fold(1.0_f64, |peak, s| peak.max(s.abs()));
    sum.iter().map(|s| (s / peak * 1.6 * LEVEL) as i16).collect()
}

/// One string: the ground and two overtones, which die sooner.
fn plucked(hz: f64, sample_rate: u32, len: usize) -> Vec<f64> {
    let step = 1.0 / f64::from(sample_rate);
    let fading = |per_second: f64| (-per_second * step).exp();
    let (ground_fade, second_fade, third_fade) = (fading(2.5), fading(5.5), fading(8.5));
    let (mut ground, mut second, mut third) = (1.0, 0.4, 0.15);
    let sample = |n: usize| {
        let secs = n as f64 * step;
        let (sin, cos) = (TAU * hz * secs).sin_cos();
        // The sines of the double and the threefold angle.
        let (double, triple) = (2.0 * sin * cos, 3.0 * sin - 4.0 * sin.powi(3));
        let tone = ground * sin + second * double + third * triple;
        ground *= ground_fade;
        second *= second_fade;
        third *= third_fade;
        (secs * 100.0).min(1.0) * tone
    };
    (0..len).map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::super::goertzel;
    use super::*;

    #[test]
    fn ring_back_sounds_one_second_in_five() {
        let pcm = Sound::RingBack.samples(8000);
        assert_eq!(pcm.len(), 40_000);
        assert!(goertzel::share(&pcm[..8000], 8000, 425) > 0.95);
        assert!(pcm[8000..].iter().all(|s| *s == 0));
    }

    #[test]
    fn a_sound_joins_its_own_beginning_without_a_click() {
        for sound in [
            Sound::Silence,
            Sound::Sine { hz: 1000 },
            Sound::Busy,
            Sound::Confirmed,
            Sound::Refused,
            Sound::HoldMelody,
        ] {
            let pcm = sound.samples(8000);
            let steepest = pcm.windows(2).map(|w| w[0].abs_diff(w[1])).max().unwrap();
            assert!(pcm[0].abs_diff(pcm[pcm.len() - 1]) <= steepest, "{sound:?}");
        }
    }

    #[test]
    fn the_tune_is_loud_enough_and_never_clipped() {
        let pcm = Sound::HoldMelody.samples(16_000);
        let loudest = pcm.iter().map(|s| s.unsigned_abs()).max().unwrap();
        assert!((6000..12_000).contains(&loudest), "{loudest}");
        assert_eq!(pcm, Sound::HoldMelody.samples(16_000));
    }

    #[test]
    fn high_and_low_confirmation_differ_in_their_tones() {
        let yes = Sound::Confirmed.samples(8000);
        let no = Sound::Refused.samples(8000);
        let tones = [330, 440, 660, 880];
        assert_eq!(goertzel::strongest(&yes[960..2400], 8000, &tones), Some(880));
        assert_eq!(goertzel::strongest(&no[1440..4000], 8000, &tones), Some(330));
    }
}
