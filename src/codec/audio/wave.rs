//! A sound file that an administrator gives: WAV, read within limits into what is coded later.

use crate::codec::resample::Resampler;
use std::fmt;
use std::io::Cursor;
use std::sync::Arc;

/// The largest file, in bytes: ten minutes of two channels at 48 kHz and 16 bits.
pub const WAVE_FILE_MAX: u64 = 120 << 20;
/// The longest sound, in seconds.
pub const WAVE_SECONDS_MAX: u32 = 600;
/// The rates of files, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 4000..=192_000;
/// A sound of a file, mono at 16 kHz. Cheap to clone.
#[derive(Clone, Eq, PartialEq)]
pub struct Wave(Arc<[i16]>);

/// Why there is no sound.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WaveError {
    /// No WAV, or broken.
    #[error("this is no WAV file, or it is broken: give another file")]
    Format,
    /// Not PCM of 8 or 16 bits.
    #[error(
        "its samples are not PCM of 8 or 16 bits: convert it, `sox IN -b 16 -e signed OUT.wav`"
    )]
    Samples,
    /// Beyond [`WAVE_FILE_MAX`] or [`WAVE_SECONDS_MAX`].
    #[error("it is longer than 10 minutes: give a shorter one")]
    TooLong,
    /// Without a sample.
    #[error("there is no sound in it: give another file")]
    Empty,
}

impl Wave {
    /// It is kept at this rate, in Hz; phones hear no more of music.
    pub const RATE: u32 = 16_000;

    /// Reads the bytes of a file: 8 or 16 bits, any rate, channels mixed into one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, WaveError> {
        if bytes.len() as u64 > WAVE_FILE_MAX {
            return Err(WaveError::TooLong);
        }
        let mut reader =
            hound::WavReader::new(Cursor::new(bytes)).map_err(|_| WaveError::Format)?;
        let spec = reader.spec();
        let pcm = spec.sample_format == hound::SampleFormat::Int;
        let shift = match spec.bits_per_sample {
            8 if pcm => 8,
            16 if pcm => 0,
            _others => return Err(WaveError::Samples),
        };
        if spec.channels == 0 || !RATES.contains(&spec.sample_rate) {
            return Err(WaveError::Format);
        }
        if u64::from(reader.duration()) > u64::from(WAVE_SECONDS_MAX) * u64::from(spec.sample_rate)
        {
            return Err(WaveError::TooLong);
        }
        let samples: Vec<i16> = reader
            .samples::<i16>()
            .map(|sample| sample.map(|sample| sample << shift))
            .collect::<Result<_, _>>()
            .map_err(|_| WaveError::Format)?;
        let mono: Vec<i16> = samples
            .chunks_exact(usize::from(spec.channels))
            .map(|frame| {
                let sum: i32 = frame.iter().map(|sample| i32::from(*sample)).sum();
                (sum / i32::from(spec.channels)) as i16
            })
            .collect();
        if mono.is_empty() {
            return Err(WaveError::Empty);
        }
        Ok(Self(resampled(&mono, spec.sample_rate, Self::RATE).into()))
    }

    /// How long the sound of a file lasts, in ms, rounded up, by what its head says.
    ///
    /// # Errors
    /// What is wrong with the head.
    pub fn millis_of(bytes: &[u8]) -> Result<u64, WaveError> {
        let reader = hound::WavReader::new(Cursor::new(bytes)).map_err(|_| WaveError::Format)?;
        let (samples, rate) = (u64::from(reader.duration()), reader.spec().sample_rate);
        if !RATES.contains(&rate) {
            return Err(WaveError::Format);
        }
        Ok((samples * 1000).div_ceil(rate.into()))
    }

    /// How long it lasts, in ms, rounded up.
    #[must_use]
    pub fn millis(&self) -> u64 {
        (self.0.len() as u64 * 1000).div_ceil(Self::RATE.into())
    }

    /// The samples at another rate.
    #[must_use]
    pub fn samples(&self, rate: u32) -> Vec<i16> {
        resampled(&self.0, Self::RATE, rate)
    }
}

fn resampled(samples: &[i16], from: u32, to: u32) -> Vec<i16> {
    // The filters of two rates without a common divisor would be millions; nobody hears 0.3 %.
    let Some(mut resampler) = Resampler::new(from.next_multiple_of(25), to) else {
        return samples.to_vec();
    };
    let mut out = Vec::with_capacity(samples.len() * to as usize / from as usize + 1);
    samples.chunks(4096).for_each(|chunk| resampler.run(chunk, &mut out));
    out
}

impl fmt::Debug for Wave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wave({} ms)", self.millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::goertzel;
    use crate::codec::tone::Sound;

    fn file(rate: u32, channels: u16, bits: u16, samples: &[i16]) -> Vec<u8> {
        let sample_format = hound::SampleFormat::Int;
        let spec =
            hound::WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format };
        let mut bytes = Vec::new();
        let mut writer = hound::WavWriter::new(Cursor::new(&mut bytes), spec).unwrap();
        for sample in samples {
            for _ in 0..channels {
                writer.write_sample(i32::from(sample >> (16 - bits))).unwrap();
            }
        }
        writer.finalize().unwrap();
        bytes
    }

    #[test]
    fn a_tone_is_heard_whatever_the_file_is_like() {
        for rate in [8000, 11_025, 16_000, 22_050, 44_100, 44_056, 48_000, 96_000] {
            for (channels, bits) in [(1, 8), (1, 16), (2, 8), (2, 16), (6, 16)] {
                let pcm = Sound::Sine { hz: 440 }.samples(rate);
                let wave = Wave::read(&file(rate, channels, bits, &pcm)).unwrap();
                assert!(wave.millis().abs_diff(1000) <= 5, "{rate}: {wave:?}");
                for to in [8000, 16_000, 48_000] {
                    let samples = wave.samples(to);
                    let middle = &samples[to as usize / 10..to as usize * 9 / 10];
                    let share = goertzel::share(middle, to, 440);
                    assert!(share > 0.9, "{rate} Hz, {bits} bits, at {to}: {share}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_sound_is_refused() {
        let good = file(8000, 1, 16, &[1, 2, 3]);
        assert_eq!(Wave::read(&good[..20]), Err(WaveError::Format));
        assert_eq!(Wave::read(&good[..good.len() - 3]), Err(WaveError::Format));
        assert_eq!(Wave::read(b"ID3 and so on"), Err(WaveError::Format));
        assert_eq!(Wave::read(&file(8000, 1, 16, &[])), Err(WaveError::Empty));
        assert_eq!(Wave::read(&file(1000, 1, 16, &[1])), Err(WaveError::Format));
        let long = file(4000, 1, 8, &vec![0; 4000 * WAVE_SECONDS_MAX as usize + 1]);
        assert_eq!(Wave::read(&long), Err(WaveError::TooLong));
    }

    #[test]
    fn samples_that_are_no_integers_are_refused() {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let mut bytes = Vec::new();
        let mut writer = hound::WavWriter::new(Cursor::new(&mut bytes), spec).unwrap();
        writer.write_sample(0.5_f32).unwrap();
        writer.finalize().unwrap();
        assert_eq!(Wave::read(&bytes), Err(WaveError::Samples));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(at in 0_usize..60, byte: u8) {
            let mut bytes = file(8000, 2, 16, &[500; 200]);
            bytes[at] = byte;
            let _ = Wave::read(&bytes);
        }
    }
}
