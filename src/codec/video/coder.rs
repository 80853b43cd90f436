//! One encoder or decoder of whichever codec of pictures.

use super::image::Image;
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
pub struct VideoEncoder {}

/// Makes pictures of coded ones.
#[derive(Debug)]
pub struct VideoDecoder {}

impl VideoEncoder {
    /// An encoder; none when the codec can only be passed through.
    #[must_use]
    pub fn new(_codec: &Codec, _settings: &Settings) -> Option<Self> {
        None
    }

    /// Codes one picture of the size of the settings and appends it to `out`: H.264 and H.265 as a
    /// byte stream with start codes (annex B), all others as their bit stream. True for a key frame,
    /// which `key_frame` demands.
    ///
    /// # Errors
    /// [`Error::Encoder`].
    pub fn encode(
        &mut self,
        _image: &Image,
        _key_frame: bool,
        _out: &mut Vec<u8>,
    ) -> Result<bool, Error> {
        Err(Error::Encoder)
    }

    /// Codes at another rate from now on, in bit/s.
    pub fn set_bitrate(&mut self, _bitrate: u32) {}
}

impl VideoDecoder {
    /// A decoder; none when the codec can only be passed through.
    #[must_use]
    pub fn new(_codec: &Codec) -> Option<Self> {
        None
    }

    /// Decodes one coded picture, in the form in which [`VideoEncoder::encode`] gives it. True when a
    /// picture came out, whose size `out` takes; some codecs hold the first one back.
    ///
    /// # Errors
    /// [`Error::Broken`].
    pub fn decode(&mut self, _coded: &[u8], _out: &mut Image) -> Result<bool, Error> {
        Err(Error::Broken)
    }
}
