//! The picture of one side: put together, decoded, and fitted into its half.

use super::lane::Packet;
use crate::codec::Codec;
use crate::codec::video::{Colour, Image, Scaler, VideoDecoder};
use crate::rtp::h264::Mode;
use crate::rtp::video::{AccessUnit, Depacketiser, PictureFormat};

/// The start code of a byte stream of H.264.
const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// One side's picture.
#[derive(Debug)]
pub struct View {
    decoding: Option<Decoding>,
    scaler: Scaler,
    decoded: Image,
    fitted: Image,
    fresh: bool,
}

#[derive(Debug)]
struct Decoding {
    ssrc: u32,
    codec: Codec,
    depacketiser: Depacketiser,
    decoder: VideoDecoder,
    /// Nothing can be decoded before a key frame.
    lost: bool,
}

impl View {
    /// A half of this size without a picture.
    #[must_use]
    pub fn new(width: usize, height: usize) -> Self {
        let fitted = ground(width, height);
        let decoded = Image::new(2, 2);
        Self { decoding: None, scaler: Scaler::default(), decoded, fitted, fresh: false }
    }

    /// Another person is seen from now on, or nobody.
    pub fn cut(&mut self) {
        if self.decoding.take().is_some() {
            self.scaler = Scaler::default();
            self.fitted = ground(self.fitted.width(), self.fitted.height());
            self.fresh = true;
        }
    }

    /// Tells the decoder what the source sends in its SDP alone.
    pub fn learn(&mut self, ssrc: u32, nal: &[u8]) {
        if let Some(decoding) = self.decoding(ssrc, &Codec::H264) {
            // A parameter set makes no picture; a broken one makes none later.
            let _ = decoding.decoder.decode(&[&START_CODE, nal].concat(), &mut Image::new(2, 2));
        }
    }

    /// Takes a packet; pictures that are broken or that cannot be decoded leave the last one standing.
    pub fn take(&mut self, packet: &Packet) {
        if self.decoding(packet.ssrc, &packet.codec).is_none() {
            return;
        }
        let Self { decoding: Some(decoding), scaler, decoded, fitted, fresh } = self else {
            return;
        };
        let Decoding { depacketiser, decoder, lost, .. } = decoding;
        let Packet { sequence, timestamp, marker, payload, .. } = packet;
        depacketiser.take(*sequence, *timestamp, *marker, payload, &mut |unit: AccessUnit<'_>| {
            *lost = !unit.key_frame && (*lost || !unit.intact);
            if *lost {
                return;
            }
            match decoder.decode(unit.bytes, decoded) {
                Ok(true) => {
                    scaler.scale(decoded, fitted);
                    *fresh = true;
                }
                Ok(false) => {}
                Err(_) => *lost = true,
            }
        });
    }

    /// The half as it is now.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.fitted
    }

    /// Whether it has changed since this was last asked.
    pub fn take_fresh(&mut self) -> bool {
        std::mem::take(&mut self.fresh)
    }

    fn decoding(&mut self, ssrc: u32, codec: &Codec) -> Option<&mut Decoding> {
        let same = |decoding: &Decoding| decoding.ssrc == ssrc && decoding.codec == *codec;
        if !self.decoding.as_ref().is_some_and(same) {
            self.decoding = Decoding::new(ssrc, codec);
        }
        self.decoding.as_mut()
    }
}

impl Decoding {
    fn new(ssrc: u32, codec: &Codec) -> Option<Self> {
        let depacketiser = Depacketiser::new(format(codec)?);
        let decoder = VideoDecoder::new(codec)?;
        Some(Self { ssrc, codec: codec.clone(), depacketiser, decoder, lost: true })
    }
}

/// How a codec is packed; fragments of H.264 are understood whatever was negotiated.
fn format(codec: &Codec) -> Option<PictureFormat> {
    Some(match codec {
        Codec::H264 => PictureFormat::H264 { mode: Mode::NonInterleaved },
        Codec::H265 => PictureFormat::H265,
        Codec::H263 => PictureFormat::H263,
        Codec::H263Plus => PictureFormat::H263Plus,
        Codec::H261 => PictureFormat::H261,
        Codec::Vp8 => PictureFormat::Vp8,
        _passed_through => return None,
    })
}

/// What is seen where nobody is.
fn ground(width: usize, height: usize) -> Image {
    let mut image = Image::new(width, height);
    image.fill(Colour::from_rgb(32, 32, 36));
    image
}
