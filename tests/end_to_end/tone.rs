//! Sound: each party sends a sine of its own; a recording tells whose sine is in it.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Sample rate of the tones played. baresip converts 48 kHz to every codec's rate; what it makes of
/// 8 or 16 kHz for another rate is silence.
pub const PLAYED_HZ: u32 = 48_000;
const LEVEL: f64 = 0.5;

/// Pieces in which a recording is judged; two packets long, so that no stray packet drowns.
pub const PIECE_MS: usize = 40;
/// Amplitude (1 = full scale) from which a sine counts as heard. Played is 0.5; G.711 quantises to 0.01.
const AUDIBLE: f64 = 0.05;

/// Writes a WAV file of a sine.
pub fn write_wav(path: &Path, hertz: f64, seconds: u32) {
    let samples = PLAYED_HZ * seconds;
    let bytes = samples * 2;
    let mut wav = Vec::with_capacity(bytes as usize + 44);
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(bytes + 36).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend_from_slice(&PLAYED_HZ.to_le_bytes());
    wav.extend_from_slice(&(PLAYED_HZ * 2).to_le_bytes());
    wav.extend_from_slice(b"\x02\0\x10\0data");
    wav.extend_from_slice(&bytes.to_le_bytes());
    // Whole hertz: each second is as the first.
    let second: Vec<u8> = (0..PLAYED_HZ)
        .map(|n| hertz * f64::from(n) / f64::from(PLAYED_HZ))
        .map(|turn| LEVEL * (turn * std::f64::consts::TAU).sin())
        .flat_map(|value| ((value * f64::from(i16::MAX)) as i16).to_le_bytes())
        .collect();
    for _ in 0..seconds {
        wav.extend_from_slice(&second);
    }
    fs::write(path, wav).expect("the test's directory is writable");
}

/// A WAV file that a phone is still writing.
#[derive(PartialEq, Eq)]
pub struct Recording {
    path: PathBuf,
}

/// A stretch of a recording, mono, -1 to 1.
pub struct Sound {
    pub samples: Vec<f64>,
    pub rate: u32,
}

impl Recording {
    pub fn new(path: &Path) -> Recording {
        Recording { path: path.to_owned() }
    }

    /// How many bytes have been written: a mark in time.
    pub fn length(&self) -> u64 {
        fs::metadata(&self.path).map(|m| m.len()).unwrap_or(0)
    }

    /// What was heard between the mark `from` and now. The file's own lengths are not
    /// written before its end, so they are not looked at.
    pub fn since(&self, from: u64) -> Sound {
        let mut file = File::open(&self.path).expect("a recording that began can be read");
        let mut header = [0; 44];
        if file.read_exact(&mut header).is_err() {
            return Sound { samples: Vec::new(), rate: PLAYED_HZ };
        }
        let channels = usize::from(u16::from_le_bytes([header[22], header[23]]));
        let rate = u32::from_le_bytes([header[24], header[25], header[26], header[27]]);
        let frame = 2 * channels;
        let from = from.max(44);
        let from = from - (from - 44) % frame as u64;
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(from)).expect("a file can be read from anywhere");
        file.read_to_end(&mut bytes).expect("a recording that began can be read");
        let samples = bytes
            .chunks_exact(frame)
            .map(|f| f64::from(i16::from_le_bytes([f[0], f[1]])) / f64::from(i16::MAX))
            .collect();
        Sound { samples, rate }
    }
}

impl Sound {
    /// Length in milliseconds.
    pub fn millis(&self) -> usize {
        self.samples.len() * 1000 / self.rate as usize
    }

    /// Without its first milliseconds.
    pub fn after(&self, millis: usize) -> Sound {
        let skip = (millis * self.rate as usize / 1000).min(self.samples.len());
        Sound { samples: self.samples[skip..].to_vec(), rate: self.rate }
    }

    /// In how many of its pieces is this sine heard, from 0 to 1?
    pub fn share_of(&self, hertz: f64) -> f64 {
        self.share(|piece| goertzel(piece, hertz, self.rate) > AUDIBLE)
    }

    /// For how many milliseconds this sine is heard, in whole pieces.
    pub fn heard_ms(&self, hertz: f64) -> usize {
        self.count(|piece| goertzel(piece, hertz, self.rate) > AUDIBLE) * PIECE_MS
    }

    /// In how many of its pieces is this sine heard, and next to nothing beside it, from 0 to 1?
    pub fn share_pure(&self, hertz: f64) -> f64 {
        self.share(|piece| {
            let power = piece.iter().map(|s| s * s).sum::<f64>() / piece.len() as f64;
            let amplitude = goertzel(piece, hertz, self.rate);
            amplitude > AUDIBLE && amplitude * amplitude / 2.0 > 0.9 * power
        })
    }

    /// In how many of its pieces is anything heard at all, from 0 to 1?
    pub fn share_audible(&self) -> f64 {
        self.share(|piece| {
            let power = piece.iter().map(|s| s * s).sum::<f64>() / piece.len() as f64;
            power.sqrt() > AUDIBLE / 4.0
        })
    }

    /// For how many milliseconds, from its beginning without a gap, this sine is heard.
    pub fn begins_with(&self, hertz: f64) -> usize {
        let heard = self.pieces().take_while(|piece| goertzel(piece, hertz, self.rate) > AUDIBLE);
        heard.count() * PIECE_MS
    }

    /// For how many milliseconds something was heard.
    pub fn audible_ms(&self) -> f64 {
        self.share_audible() * self.millis() as f64
    }

    fn share(&self, holds: impl Fn(&[f64]) -> bool) -> f64 {
        let all = self.pieces().len();
        if all == 0 { 0.0 } else { self.count(holds) as f64 / all as f64 }
    }

    fn count(&self, holds: impl Fn(&[f64]) -> bool) -> usize {
        self.pieces().filter(|piece| holds(piece)).count()
    }

    fn pieces(&self) -> std::slice::ChunksExact<'_, f64> {
        self.samples.chunks_exact(PIECE_MS * self.rate as usize / 1000)
    }
}

/// The amplitude of one frequency (Goertzel's algorithm, under a Hann window against leakage).
fn goertzel(samples: &[f64], hertz: f64, rate: u32) -> f64 {
    let step = std::f64::consts::TAU * hertz / f64::from(rate);
    let coefficient = 2.0 * step.cos();
    let (mut before, mut last) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let place = std::f64::consts::TAU * n as f64 / samples.len() as f64;
        let hann = 0.5 - 0.5 * place.cos();
        let next = sample * hann + coefficient * last - before;
        (before, last) = (last, next);
    }
    let power = last * last + before * before - coefficient * last * before;
    4.0 * power.max(0.0).sqrt() / samples.len() as f64
}
