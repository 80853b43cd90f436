//! Pictures: each party's camera shows a plain colour; the medians of a decoded picture and of its quarters
//! tell whose.

use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use png::{BitDepth, ColorType};

use crate::program;

/// Red, green and blue, 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

/// Codecs and ranges (16-235) change a colour by some 20 steps; the parties' are 100 and more apart.
const SAME_WITHIN: u8 = 60;
const PIECE_SECONDS: u32 = 10;

impl Colour {
    pub fn looks_like(self, other: Colour) -> bool {
        self.0.iter().zip(other.0).all(|(a, b)| a.abs_diff(b) <= SAME_WITHIN)
    }
}

/// Makes a film of one colour, with a little noise so that every frame carries something. It is coded
/// once for ten seconds, and these are put one behind the other: coding all of it costs four times as much.
pub fn write_clip(path: &Path, colour: Colour, size: &str, seconds: u32) {
    let [red, green, blue] = colour.0;
    let source = format!("color=c=0x{red:02x}{green:02x}{blue:02x}:size={size}:rate=10");
    let piece = path.with_extension("piece.avi");
    program::run(
        Command::new("ffmpeg")
            .args(["-v", "error", "-y", "-f", "lavfi", "-i", &source, "-vf", "noise=alls=6:allf=t"])
            .args(["-t", &PIECE_SECONDS.to_string(), "-c:v", "mpeg4", "-q:v", "3", "-g", "10"])
            .args(["-pix_fmt", "yuv420p"])
            .arg(&piece),
    );
    let more = seconds.div_ceil(PIECE_SECONDS) - 1;
    program::run(
        Command::new("ffmpeg")
            .args(["-v", "error", "-y", "-stream_loop", &more.to_string(), "-i"])
            .arg(&piece)
            .args(["-c", "copy"])
            .arg(path),
    );
}

/// Makes a film as an IP camera sends it, coded as `codec` says to ffmpeg; a key frame every 2 seconds.
pub fn write_camera_clip(path: &Path, colour: Colour, size: &str, codec: &[&str], seconds: u32) {
    let [red, green, blue] = colour.0;
    let source = format!("color=c=0x{red:02x}{green:02x}{blue:02x}:size={size}:rate=10");
    program::run(
        Command::new("ffmpeg")
            .args(["-v", "error", "-y", "-f", "lavfi", "-i", &source, "-t", &seconds.to_string()])
            .args(codec)
            .args(["-g", "20", "-pix_fmt", "yuv420p"])
            .arg(path),
    );
}

/// Red, green and blue of every point of a picture file, row by row; nothing if it is not (yet) a whole
/// picture.
pub fn points(path: &Path) -> Option<Vec<[u8; 3]>> {
    read(path).map(|(points, _)| points)
}

/// The same, and how many points a row has.
fn read(path: &Path) -> Option<(Vec<[u8; 3]>, usize)> {
    let file = std::fs::read(path).ok().filter(|file| is_whole(file))?;
    let mut reader = png::Decoder::new(Cursor::new(file)).read_info().expect("it is a PNG file");
    let mut samples = vec![0; reader.output_buffer_size().expect("a frame has an end")];
    let frame = reader.next_frame(&mut samples).expect("it is whole");
    assert_eq!((frame.color_type, frame.bit_depth), (ColorType::Rgb, BitDepth::Eight));
    samples.truncate(frame.buffer_size());
    Some((samples.as_chunks().0.to_vec(), frame.width as usize))
}

/// Red, green and blue of every point of the first picture of a film from this second on, row by row.
pub fn pixels(path: &Path, second: f64) -> Vec<[u8; 3]> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-i"]).arg(path).args(["-ss", &second.to_string()]);
    command.args(["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]);
    program::run(&mut command).as_chunks().0.to_vec()
}

/// How many of the points of two pictures differ so that people see it, in percent.
pub fn difference(one: &[[u8; 3]], other: &[[u8; 3]]) -> f64 {
    assert_eq!(one.len(), other.len(), "pictures of one size");
    let differs =
        |(a, b): &(&[u8; 3], &[u8; 3])| a.iter().zip(*b).any(|(a, b)| a.abs_diff(*b) > 80);
    100.0 * one.iter().zip(other).filter(differs).count() as f64 / one.len() as f64
}

/// A PNG file ends with its IEND chunk; before that the phone is still writing.
fn is_whole(file: &[u8]) -> bool {
    file.windows(4).any(|w| w == b"IEND")
}

/// The median colour of a picture file; where a quarter of it looks otherwise, the colour of that quarter, so
/// that no picture which is half of one and half of another passes for either. Nothing if it is not (yet) a
/// whole picture.
pub fn colour(path: &Path) -> Option<Colour> {
    let (points, width) = read(path)?;
    let height = points.len() / width;
    let whole = median(points.iter())?;
    let quarter = |n: usize| {
        let at = |(at, point)| ((at % width < width / 2, at / width < height / 2), point);
        let is_in = (n & 1 == 0, n & 2 == 0);
        median(points.iter().enumerate().map(at).filter(|(at, _)| *at == is_in).map(|(_, p)| p))
    };
    let other = (0..4).filter_map(quarter).find(|colour| !colour.looks_like(whole));
    Some(other.unwrap_or(whole))
}

fn median<'a>(points: impl Iterator<Item = &'a [u8; 3]>) -> Option<Colour> {
    let mut channels: [Vec<u8>; 3] = Default::default();
    for point in points {
        channels.iter_mut().zip(point).for_each(|(channel, value)| channel.push(*value));
    }
    let half = channels[0].len() / 2;
    let middle = |mut channel: Vec<u8>| *channel.select_nth_unstable(half).1;
    (half > 0).then(|| Colour(channels.map(middle)))
}
