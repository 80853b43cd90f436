//! One encoder or decoder of whichever codec of pictures.

#[cfg(feature = "system-codecs")]
use super::ffmpeg;
use super::h264;
use super::image::Image;
#[cfg(feature = "system-codecs")]
use super::vp8;
use crate::codec::Codec;

/// The longest coded picture that is taken in or given out, in bytes.
pub const CODED_MAX: usize = 1 << 20;

/// Why nothing was coded.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// The peer's picture is broken, too large, or leans on one that never came.
    #[error("a picture that cannot be decoded")]
    Broken,
    /// The library gave up: our bug, or no memory.
    #[error("the encoder failed")]
    Encoder,
}

/// What a stream of coded pictures is to be like; all within what the receiver declared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Points in a row, even.
    pub width: usize,
    /// Rows, even.
    pub height: usize,
    /// Pictures a second, at most.
    pub frame_rate: u32,
    /// bit/s.
    pub bitrate: u32,
    /// H.264: slices no longer than this many bytes, so that packetization-mode 0 needs no
    /// fragments. `None`: one slice a picture.
    pub slice_max: Option<usize>,
}

/// Makes coded pictures.
#[derive(Debug)]
pub struct VideoEncoder(VideoEncoding);

#[derive(Debug)]
enum VideoEncoding {
    H264(h264::Encoder),
    #[cfg(feature = "system-codecs")]
    Vp8(vp8::Encoder),
    #[cfg(feature = "system-codecs")]
    Ffmpeg(ffmpeg::Encoder),
}

/// Makes pictures of coded ones.
#[derive(Debug)]
pub struct VideoDecoder(VideoDecoding);

#[derive(Debug)]
enum VideoDecoding {
    H264(h264::Decoder),
    #[cfg(feature = "system-codecs")]
    Vp8(vp8::Decoder),
    #[cfg(feature = "system-codecs")]
    Ffmpeg(ffmpeg::Decoder),
}

impl VideoEncoder {
    /// An encoder; none when the codec can only be passed through, or not at this size.
    #[must_use]
    pub fn new(codec: &Codec, settings: &Settings) -> Option<Self> {
        Some(Self(match codec {
            Codec::H264 => VideoEncoding::H264(h264::Encoder::new(settings)?),
            #[cfg(feature = "system-codecs")]
            Codec::Vp8 => VideoEncoding::Vp8(vp8::Encoder::new(settings)?),
            #[cfg(feature = "system-codecs")]
            other => VideoEncoding::Ffmpeg(ffmpeg::Encoder::new(other, settings)?),
            #[cfg(not(feature = "system-codecs"))]
            _passed_through => return None,
        }))
    }

    /// Codes one picture of the size of the settings and appends it to `out`: H.264 and H.265 as a
    /// byte stream with start codes (annex B), all others as their bit stream. True for a key frame,
    /// which `key_frame` demands.
    ///
    /// # Errors
    /// [`Error::Encoder`].
    pub fn encode(
        &mut self,
        image: &Image,
        key_frame: bool,
        out: &mut Vec<u8>,
    ) -> Result<bool, Error> {
        match &mut self.0 {
            VideoEncoding::H264(encoder) => encoder.encode(image, key_frame, out),
            #[cfg(feature = "system-codecs")]
            VideoEncoding::Vp8(encoder) => encoder.encode(image, key_frame, out),
            #[cfg(feature = "system-codecs")]
            VideoEncoding::Ffmpeg(encoder) => encoder.encode(image, key_frame, out),
        }
    }

    /// Codes at another rate from now on, in bit/s.
    pub fn set_bitrate(&mut self, bitrate: u32) {
        match &mut self.0 {
            VideoEncoding::H264(encoder) => encoder.set_bitrate(bitrate),
            #[cfg(feature = "system-codecs")]
            VideoEncoding::Vp8(encoder) => encoder.set_bitrate(bitrate),
            #[cfg(feature = "system-codecs")]
            VideoEncoding::Ffmpeg(encoder) => encoder.set_bitrate(bitrate),
        }
    }

    /// So many pictures a second come from now on: the bits are shared out among them.
    pub fn set_frame_rate(&mut self, frame_rate: u32) {
        match &mut self.0 {
            VideoEncoding::H264(encoder) => encoder.set_frame_rate(frame_rate),
            #[cfg(feature = "system-codecs")]
            VideoEncoding::Vp8(encoder) => encoder.set_frame_rate(frame_rate),
            #[cfg(feature = "system-codecs")]
            VideoEncoding::Ffmpeg(encoder) => encoder.set_frame_rate(frame_rate),
        }
    }
}

impl VideoDecoder {
    /// A decoder; none when the codec can only be passed through.
    #[must_use]
    pub fn new(codec: &Codec) -> Option<Self> {
        Some(Self(match codec {
            Codec::H264 => VideoDecoding::H264(h264::Decoder::new()?),
            #[cfg(feature = "system-codecs")]
            Codec::Vp8 => VideoDecoding::Vp8(vp8::Decoder::new()?),
            #[cfg(feature = "system-codecs")]
            other => VideoDecoding::Ffmpeg(ffmpeg::Decoder::new(other)?),
            #[cfg(not(feature = "system-codecs"))]
            _passed_through => return None,
        }))
    }

    /// Decodes one coded picture, in the form in which [`VideoEncoder::encode`] gives it. True when a
    /// picture came out, whose size `out` takes; some codecs hold the first one back.
    ///
    /// # Errors
    /// [`Error::Broken`].
    pub fn decode(&mut self, coded: &[u8], out: &mut Image) -> Result<bool, Error> {
        if coded.len() > CODED_MAX {
            return Err(Error::Broken);
        }
        match &mut self.0 {
            VideoDecoding::H264(decoder) => decoder.decode(coded, out),
            #[cfg(feature = "system-codecs")]
            VideoDecoding::Vp8(decoder) => decoder.decode(coded, out),
            #[cfg(feature = "system-codecs")]
            VideoDecoding::Ffmpeg(decoder) => decoder.decode(coded, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{codecs, psnr, settings, test_image};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_codec_gives_back_what_it_was_given() {
        for codec in codecs() {
            let mut encoder = VideoEncoder::new(&codec, &settings(352, 288)).unwrap();
            let mut decoder = VideoDecoder::new(&codec).unwrap();
            let (mut coded, mut decoded) = (Vec::new(), Image::new(2, 2));
            let mut likeness = Vec::new();
            for at in 0..30 {
                coded.clear();
                let key_frame = encoder.encode(&test_image(352, 288, at), at % 10 == 0, &mut coded);
                assert!(key_frame.unwrap() || at % 10 > 0, "{codec}: a key frame was asked for");
                if decoder.decode(&coded, &mut decoded).unwrap() {
                    likeness.push(psnr(&test_image(352, 288, at), &decoded));
                }
            }
            let worst = likeness.iter().copied().fold(f64::MAX, f64::min);
            println!("{codec}: {} of 30 pictures, {worst:.1} dB at least", likeness.len());
            assert!(likeness.len() == 30 && worst > 26.0, "{codec}: {likeness:.1?}");
        }
    }

    /// The test image in CIF, with noise that costs bits.
    fn noisy_image(at: usize) -> Image {
        let mut image = test_image(352, 288, at);
        let [y, ..] = image.planes_mut();
        for (n, point) in y.iter_mut().enumerate() {
            *point = point.wrapping_add(((n * 31 + at * 977) % 61) as u8);
        }
        image
    }

    #[test]
    fn a_lower_rate_makes_smaller_pictures() {
        for codec in codecs() {
            let mut encoder = VideoEncoder::new(&codec, &settings(352, 288)).unwrap();
            let bytes = |encoder: &mut VideoEncoder, from: usize| {
                let mut coded = Vec::new();
                for at in from..from + 30 {
                    encoder.encode(&noisy_image(at), false, &mut coded).unwrap();
                }
                coded.len()
            };
            let before = bytes(&mut encoder, 0);
            encoder.set_bitrate(60_000);
            bytes(&mut encoder, 30);
            let after = bytes(&mut encoder, 60);
            assert!(after * 2 < before, "{codec}: {before} and then {after} bytes");
        }
    }

    #[test]
    fn pictures_that_come_seldom_are_given_more_bits_each() {
        for codec in codecs() {
            let settings = Settings { bitrate: 150_000, frame_rate: 30, ..settings(352, 288) };
            let mut encoder = VideoEncoder::new(&codec, &settings).unwrap();
            let bytes = |from: usize, encoder: &mut VideoEncoder| {
                let mut coded = Vec::new();
                for at in from..from + 30 {
                    encoder.encode(&noisy_image(at), false, &mut coded).unwrap();
                }
                coded.len()
            };
            bytes(0, &mut encoder);
            let often = bytes(30, &mut encoder);
            encoder.set_frame_rate(10);
            bytes(60, &mut encoder);
            let seldom = bytes(90, &mut encoder);
            println!("{codec}: {often} and then {seldom} bytes for 30 pictures");
            // FFmpeg's encoders have begun anew, and still pay for that key frame.
            let times = if matches!(codec, Codec::H264 | Codec::Vp8) { 2 } else { 1 };
            assert!(seldom > often * times, "{codec}: {often} and then {seldom} bytes");
        }
    }

    #[test]
    fn slices_of_h264_fit_into_packets_where_they_have_to() {
        let settings = Settings { slice_max: Some(1200), bitrate: 2_000_000, ..settings(352, 288) };
        let mut encoder = VideoEncoder::new(&Codec::H264, &settings).unwrap();
        let mut coded = Vec::new();
        for at in 0..10 {
            encoder.encode(&test_image(352, 288, at), at == 0, &mut coded).unwrap();
        }
        let starts: Vec<usize> = (0..coded.len() - 3)
            .filter(|at| coded[*at..].starts_with(&[0, 0, 0, 1]))
            .chain([coded.len()])
            .collect();
        let longest = starts.windows(2).map(|pair| pair[1] - pair[0] - 4).max().unwrap();
        assert!(longest <= 1200, "a NAL unit of {longest} bytes");
    }

    #[test]
    fn a_decoder_goes_on_at_the_next_key_frame_after_whatever_was_lost() {
        for codec in codecs() {
            let mut encoder = VideoEncoder::new(&codec, &settings(176, 144)).unwrap();
            let mut decoder = VideoDecoder::new(&codec).unwrap();
            let (mut coded, mut decoded) = (Vec::new(), Image::new(2, 2));
            for at in 0..40 {
                coded.clear();
                encoder.encode(&test_image(176, 144, at), at == 0 || at == 20, &mut coded).unwrap();
                match at {
                    0..5 | 20.. => drop(decoder.decode(&coded, &mut decoded)),
                    5..10 => drop(decoder.decode(&coded[..coded.len() / 2], &mut decoded)),
                    _lost => {}
                }
            }
            let likeness = psnr(&test_image(176, 144, 39), &decoded);
            assert!(likeness > 26.0, "{codec}: {likeness:.1} dB");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn no_stream_makes_a_decoder_panic(
            flips in prop::collection::vec((0..40_usize, any::<u16>(), any::<u8>()), 1..40),
            junk in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            for codec in codecs() {
                let mut encoder = VideoEncoder::new(&codec, &settings(176, 144)).unwrap();
                let mut decoder = VideoDecoder::new(&codec).unwrap();
                let mut decoded = Image::new(2, 2);
                let _ = decoder.decode(&junk, &mut decoded);
                for at in 0..8 {
                    let mut coded = Vec::new();
                    encoder.encode(&test_image(176, 144, at), at == 0, &mut coded).unwrap();
                    for (_, place, byte) in flips.iter().filter(|flip| flip.0 % 8 == at) {
                        let place = usize::from(*place) % coded.len();
                        coded[place] = *byte;
                    }
                    let _ = decoder.decode(&coded, &mut decoded);
                }
                let _ = decoder.decode(&[&[0, 0, 0, 1][..], &junk].concat(), &mut decoded);
            }
        }
    }
}
