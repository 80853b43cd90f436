//! A recording as a player plays it: FFmpeg tells what is heard on each side and seen on each half.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::picture::{self, Colour};
use crate::program;
use crate::tone::Sound;

const RATE: u32 = 16_000;
/// Points of a picture: two halves beside each other.
const SIZE: [usize; 2] = [704, 288];

/// A file that was recorded.
pub struct Playback {
    path: PathBuf,
    left: Vec<f64>,
    right: Vec<f64>,
}

impl Playback {
    /// Plays a file; nothing while it has no end yet.
    pub fn of(path: &Path) -> Option<Playback> {
        let probe = ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"];
        let told = program::run(Command::new("ffprobe").args(probe).arg(path));
        let _length: f64 = String::from_utf8(told).ok()?.trim().parse().ok()?;
        let decode = ["-map", "0:a", "-ac", "2", "-ar", "16000", "-f", "s16le", "-"];
        let mut command = Command::new("ffmpeg");
        let pcm = program::run(command.args(["-v", "error", "-i"]).arg(path).args(decode));
        let side = |side: usize| {
            let samples = pcm.chunks_exact(4).map(|both| [both[side * 2], both[side * 2 + 1]]);
            samples
                .map(|bytes| f64::from(i16::from_le_bytes(bytes)) / f64::from(i16::MAX))
                .collect()
        };
        Some(Playback { path: path.to_owned(), left: side(0), right: side(1) })
    }

    /// Its length in seconds.
    pub fn seconds(&self) -> f64 {
        self.left.len() as f64 / f64::from(RATE)
    }

    /// What is heard on the left and on the right for a second from there.
    pub fn sounds(&self, second: f64) -> [Sound; 2] {
        let from = (second * f64::from(RATE)) as usize;
        [&self.left, &self.right].map(|side| {
            let end = (from + RATE as usize).min(side.len());
            Sound { samples: side[from.min(end)..end].to_vec(), rate: RATE }
        })
    }

    /// The colours in the middle of both halves of the first picture from there on.
    pub fn colours(&self, second: f64) -> [Colour; 2] {
        let pixels = picture::pixels(&self.path, second);
        let [width, height] = SIZE;
        assert_eq!(pixels.len(), width * height, "a picture at {second} s");
        [width / 4, width * 3 / 4].map(|column| Colour(pixels[height / 2 * width + column]))
    }
}
