//! What the tests of this room code, and how they judge it.

use super::{Colour, Image, Settings};
use crate::codec::Codec;

/// All that this build can convert.
pub(super) fn codecs() -> Vec<Codec> {
    let known = [Codec::H264, Codec::Vp8, Codec::H265, Codec::H263, Codec::H263Plus, Codec::H261];
    known.into_iter().filter(Codec::can_transcode).collect()
}

pub(super) fn settings(width: usize, height: usize) -> Settings {
    Settings { width, height, frame_rate: 15, bitrate: 400_000, slice_max: None }
}

/// A slope with a bright macroblock that moves.
pub(super) fn test_image(width: usize, height: usize, at: usize) -> Image {
    let mut image = Image::new(width, height);
    image.fill(Colour { y: 0, cb: 110, cr: 150 });
    let [y, ..] = image.planes_mut();
    for (n, point) in y.iter_mut().enumerate() {
        let (column, row) = (n % width, n / width);
        let inside = column.abs_diff(40 + at * 4) < 20 && row.abs_diff(70) < 20;
        *point = if inside { 220 } else { (40 + column * 100 / width + row * 50 / height) as u8 };
    }
    image
}

/// The likeness of two pictures' luma, in dB; 0 for those of different sizes.
pub(super) fn psnr(one: &Image, other: &Image) -> f64 {
    if (one.width(), one.height()) != (other.width(), other.height()) {
        return 0.0;
    }
    let points = one.planes()[0].iter().zip(other.planes()[0]);
    let error: f64 = points.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    let mean = error / one.planes()[0].len() as f64;
    10.0 * (255.0 * 255.0 / mean.max(1e-9)).log10()
}
