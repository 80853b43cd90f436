//! How the pictures of a format are packed, and what a receiver can take in of them.

use super::plan::{PayloadFormat, StreamPlan};
use crate::codec::Codec;
use crate::codec::video::{H264Parameters, VideoTarget};
use crate::rtp::h264::PacketizationMode;
use crate::rtp::video::PictureFormat;

/// The longest payload: with all headers, also those of SRTP and a tunnel, within one packet.
pub const PAYLOAD_MAX: usize = 1200;

/// How the pictures of a format are packed.
#[must_use]
pub fn picture_format(format: &PayloadFormat) -> Option<PictureFormat> {
    packing(&format.codec, mode(format))
}

/// How a codec of pictures is packed; the mode is that of a receiver of H.264. None for sound, and for
/// what can only be passed on.
#[must_use]
pub fn packing(codec: &Codec, mode: PacketizationMode) -> Option<PictureFormat> {
    Some(match codec {
        Codec::H264 => PictureFormat::H264 { mode },
        Codec::H265 => PictureFormat::H265,
        Codec::H263 => PictureFormat::H263,
        Codec::H263Plus => PictureFormat::H263Plus,
        Codec::H261 => PictureFormat::H261,
        Codec::Vp8 => PictureFormat::Vp8,
        _others => return None,
    })
}

fn mode(format: &PayloadFormat) -> PacketizationMode {
    match H264Parameters::parse(&format.fmtp).packetization_mode {
        0 => PacketizationMode::Single,
        _fragments => PacketizationMode::NonInterleaved,
    }
}

/// What the receiver can take in, within what we give at most.
#[must_use]
pub fn target(to: &PayloadFormat, plan: &StreamPlan) -> VideoTarget {
    let (any, limits) = (VideoTarget::any(), &plan.picture);
    let whole_units = to.codec == Codec::H264 && mode(to) == PacketizationMode::Single;
    VideoTarget {
        sizes: limits.sizes.clone(),
        sides_max: limits.sides_max.unwrap_or(any.sides_max),
        macroblocks_max: limits.macroblocks_max.unwrap_or(usize::MAX).min(any.macroblocks_max),
        frame_rate_max: limits.frame_rate_max.unwrap_or(u32::MAX).min(any.frame_rate_max),
        bitrate_max: limits.bitrate_max,
        slice_max: whole_units.then_some(PAYLOAD_MAX),
    }
}
