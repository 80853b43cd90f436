//! A still of a key frame: small, and in a form that every browser shows (JPEG, JFIF).
//!
//! ```text
//!   coded key frame ──▶ a decoder of its own ──▶ 160 points wide ──▶ JPEG, some 4 kB
//! ```

use super::coder::VideoDecoder;
use super::image::{IMAGE_SIDE_MAX, Image};
use super::scale::{Scaler, fitted};
use crate::codec::Codec;
use jpeg_encoder::{Encoder, ImageBuffer, JpegColorType, SamplingFactor};

/// Points in a row of a still, but for a picture that stands very high.
pub const STILL_WIDTH: usize = 160;
/// The most rows of a still; a picture of another shape is narrower.
pub const STILL_HEIGHT_MAX: usize = 240;
/// The most bytes of a still: noise in the largest size has fewer.
pub const STILL_BYTES_MAX: usize = 48 * 1024;
/// Of 100: above it stills grow, and look no better at their size.
const QUALITY: u8 = 75;

/// What JPEG (ITU-T T.871: 0 to 255) has for 16 to 235 of luma, and for 16 to 240 of the colour differences.
const FULL_LUMA: [u8; 256] = full_range(16, 219, 0);
const FULL_CHROMA: [u8; 256] = full_range(128, 224, 128);

/// The still of a key frame, in the form in which the codec's decoder takes it, with all parameter sets that
/// it needs. None where it cannot be decoded. The decoder is a fresh one: nothing of any other picture can
/// be seen in it.
#[must_use]
pub fn still(codec: &Codec, coded: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = VideoDecoder::new(codec)?;
    let mut whole = Image::new(2, 2);
    // What may have to put pictures in order holds the first one back: the same once more pushes it out.
    if !decoder.decode(coded, &mut whole).ok()? && !decoder.decode(coded, &mut whole).ok()? {
        return None;
    }
    let (width, height) = fitted((whole.width(), whole.height()), (STILL_WIDTH, STILL_HEIGHT_MAX));
    let mut small = Image::new(width, height);
    Scaler::default().scale(&whole, &mut small);
    let mut jpeg = Vec::new();
    let mut encoder = Encoder::new(&mut jpeg, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode_image(&small).ok()?;
    (jpeg.len() <= STILL_BYTES_MAX).then_some(jpeg)
}

const _: () = assert!(IMAGE_SIDE_MAX <= u16::MAX as usize, "JPEG counts sides in 16 bits");

impl ImageBuffer for &Image {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        Image::width(self) as u16
    }

    fn height(&self) -> u16 {
        Image::height(self) as u16
    }

    fn fill_buffers(&self, row: u16, buffers: &mut [Vec<u8>; 4]) {
        let (width, row) = (Image::width(self), usize::from(row));
        let [luma, blue, red] = self.planes();
        let [to_luma, to_blue, to_red, _] = buffers;
        let full = |table: &'static [u8; 256]| move |point: &u8| table[usize::from(*point)];
        to_luma.extend(luma[row * width..][..width].iter().map(full(&FULL_LUMA)));
        for (from, to) in [(blue, to_blue), (red, to_red)] {
            let half = from[row / 2 * (width / 2)..][..width / 2].iter().map(full(&FULL_CHROMA));
            to.extend(half.flat_map(|point| [point, point]));
        }
    }
}

/// Stretches `span` steps, of which `zero` becomes `to_zero`, to 255.
const fn full_range(zero: i32, span: i32, to_zero: i32) -> [u8; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let offset = at as i32 - zero;
        let stretched = to_zero + (offset * 510 + offset.signum() * span) / (2 * span);
        table[at] = match stretched {
            ..=0 => 0,
            255.. => 255,
            within => within as u8,
        };
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::coder::{Settings, VideoEncoder};
    use super::super::mosaic::Colour;
    use super::super::trial::{codecs, test_image};
    use super::*;
    use zune_jpeg::JpegDecoder;

    /// Width, height, and three bytes of each point.
    fn shown(jpeg: &[u8]) -> ((usize, usize), Vec<u8>) {
        let mut decoder = JpegDecoder::new(zune_jpeg::zune_core::bytestream::ZCursor::new(jpeg));
        let points = decoder.decode().unwrap();
        (decoder.dimensions().unwrap(), points)
    }

    fn key_frame(codec: &Codec, image: &Image) -> Vec<u8> {
        let (width, height) = (Image::width(image), Image::height(image));
        let settings =
            Settings { width, height, frame_rate: 15, bitrate: 900_000, slice_max: None };
        let mut coded = Vec::new();
        let mut encoder = VideoEncoder::new(codec, &settings).unwrap();
        assert!(encoder.encode(image, true, &mut coded).unwrap());
        coded
    }

    #[test]
    fn a_still_has_the_colours_of_its_key_frame_in_every_codec() {
        for codec in codecs() {
            for rgb in [[200, 30, 40], [20, 160, 60], [40, 60, 190], [250, 250, 250], [5, 5, 5]] {
                let mut image = Image::new(352, 288);
                image.fill(Colour::from_rgb(rgb[0], rgb[1], rgb[2]));
                let jpeg = still(&codec, &key_frame(&codec, &image)).unwrap();
                let (size, points) = shown(&jpeg);
                assert_eq!(size, (160, 132), "{codec}");
                let middle = &points[(66 * 160 + 80) * 3..][..3];
                let is_near = middle.iter().zip(rgb).all(|(one, other)| one.abs_diff(other) < 12);
                assert!(is_near, "{codec}: {middle:?} for {rgb:?}");
            }
        }
    }

    #[test]
    fn a_still_is_160_points_wide_and_small_whatever_its_picture() {
        for (from, to) in [
            ((640, 480), (160, 120)),
            ((1280, 720), (160, 92)),
            ((128, 96), (160, 120)),
            ((480, 640), (160, 212)),
            ((360, 640), (136, 240)),
            ((16, 640), (8, 240)),
        ] {
            let image = test_image(from.0, from.1, 0);
            let jpeg = still(&Codec::H264, &key_frame(&Codec::H264, &image)).unwrap();
            println!("{from:?}: {} bytes", jpeg.len());
            assert_eq!(shown(&jpeg).0, to, "{from:?}");
            assert!(jpeg.len() < 12_000, "{from:?}: {} bytes", jpeg.len());
        }
    }

    #[test]
    fn a_key_frame_that_its_decoder_holds_back_is_seen() {
        let stream = include_bytes!("../../../tests/fixtures/h264/main.264");
        let second = (4..).find(|at| stream[*at..].starts_with(&[0, 0, 0, 1, 9])).unwrap();
        let jpeg = still(&Codec::H264, &stream[..second]).unwrap();
        assert_eq!(shown(&jpeg).0.0, 160);
    }

    #[test]
    fn what_is_no_key_frame_gives_none() {
        for codec in codecs() {
            assert_eq!(still(&codec, &[]), None, "{codec}");
            assert_eq!(still(&codec, &[0xff; 300]), None, "{codec}");
        }
        assert_eq!(still(&Codec::Vp9, &[1; 300]), None);
        // A key frame of 16383 by 16383 points.
        let giant =
            [&[0x10, 2, 0, 0x9d, 1, 0x2a, 0xff, 0x3f, 0xff, 0x3f][..], &[0x5a; 300]].concat();
        assert_eq!(still(&Codec::Vp8, &giant), None);
    }

    #[test]
    fn the_ranges_end_where_those_of_jpeg_do() {
        assert_eq!((FULL_LUMA[0], FULL_LUMA[16], FULL_LUMA[235], FULL_LUMA[255]), (0, 0, 255, 255));
        assert_eq!((FULL_CHROMA[16], FULL_CHROMA[128], FULL_CHROMA[240]), (0, 128, 255));
    }
}
