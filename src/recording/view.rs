//! The picture of one side: put together, decoded, and, when a picture of both is due, fitted into its
//! half.

use super::track::TrackPacket;
use crate::codec::Codec;
use crate::codec::video::{Colour, Image, Scaler, VideoDecoder};
use crate::media::packing;
use crate::rtp::h264::PacketizationMode;
use crate::rtp::video::{AccessUnit, Depacketiser};

/// One side's picture.
#[derive(Debug)]
pub struct RecordedView {
    decoding: Option<ViewDecoding>,
    decoded: Image,
    scaler: Scaler,
    half: Image,
    news: ViewChange,
}

/// What is not in the half yet.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum ViewChange {
    #[default]
    None,
    /// Whoever was seen is gone.
    Nobody,
    /// Another picture was decoded.
    Decoded,
}

#[derive(Debug)]
struct ViewDecoding {
    ssrc: u32,
    codec: Codec,
    depacketiser: Depacketiser,
    decoder: VideoDecoder,
    /// Nothing can be decoded before a key frame.
    lost: bool,
}

impl RecordedView {
    /// A half of this size without a picture.
    #[must_use]
    pub fn new(width: usize, height: usize) -> Self {
        let mut half = Image::new(width, height);
        half.fill(ground());
        let (scaler, decoded) = (Scaler::default(), Image::new(2, 2));
        Self { decoding: None, decoded, scaler, half, news: ViewChange::None }
    }

    /// Another person is seen from now on, or nobody.
    pub fn cut(&mut self) {
        if self.decoding.take().is_some() {
            self.news = ViewChange::Nobody;
        }
    }

    /// Takes a packet; pictures that are broken or that cannot be decoded leave the last one standing.
    pub fn take(&mut self, packet: &TrackPacket) {
        let Self { decoding, decoded, news, .. } = self;
        let TrackPacket { ssrc, codec, sequence, timestamp, marker, payload, sets, .. } = packet;
        let same = |known: &ViewDecoding| known.ssrc == *ssrc && known.codec == *codec;
        if !decoding.as_ref().is_some_and(same) {
            *decoding = ViewDecoding::new(*ssrc, codec);
        }
        let Some(ViewDecoding { depacketiser, decoder, lost, .. }) = decoding else { return };
        if !sets.is_empty() {
            // They make no picture; broken ones make none later.
            let _ = decoder.decode(sets, decoded);
        }
        depacketiser.take(*sequence, *timestamp, *marker, payload, &mut |unit: AccessUnit<'_>| {
            *lost = !unit.key_frame && (*lost || !unit.intact);
            if *lost {
                return;
            }
            match decoder.decode(unit.bytes, decoded) {
                Ok(true) => *news = ViewChange::Decoded,
                Ok(false) => {}
                Err(_) => *lost = true,
            }
        });
    }

    /// Brings the half up to date; false when it was.
    pub fn fit(&mut self) -> bool {
        match std::mem::take(&mut self.news) {
            ViewChange::None => return false,
            ViewChange::Nobody => {
                self.scaler = Scaler::default();
                self.half.fill(ground());
            }
            ViewChange::Decoded => self.scaler.scale(&self.decoded, &mut self.half),
        }
        true
    }

    /// The half, as it was last fitted.
    #[must_use]
    pub fn half(&self) -> &Image {
        &self.half
    }
}

impl ViewDecoding {
    fn new(ssrc: u32, codec: &Codec) -> Option<Self> {
        // Fragments of H.264 are understood whatever was negotiated.
        let depacketiser = Depacketiser::new(packing(codec, PacketizationMode::NonInterleaved)?);
        let decoder = VideoDecoder::new(codec)?;
        Some(Self { ssrc, codec: codec.clone(), depacketiser, decoder, lost: true })
    }
}

/// What is seen where nobody is.
fn ground() -> Colour {
    Colour::from_rgb(32, 32, 36)
}
