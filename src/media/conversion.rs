//! The conversion between a source and one receiver, of whichever kind.

use super::repacker::Repacker;
use super::route::PayloadMapping;
use super::video_transcoder::VideoTranscoder;
use super::voice_transcoder::VoiceTranscoder;

/// The conversion that a source's packets go through on their way to one receiver.
#[derive(Debug)]
pub enum ConversionPath {
    /// Sound in another codec.
    Voice(Box<VoiceTranscoder>),
    /// Pictures in another codec.
    Pictures(Box<VideoTranscoder>),
    /// H.264 in whole NAL units.
    Whole(Box<Repacker>, u8),
}

impl ConversionPath {
    /// Whether it decodes and codes anew.
    #[must_use]
    pub fn codes(&self) -> bool {
        match self {
            Self::Voice(_) | Self::Pictures(_) => true,
            Self::Whole(..) => false,
        }
    }

    /// Whether packets that go this way go through it.
    pub fn suits(&self, way: &PayloadMapping) -> bool {
        match (self, way) {
            (Self::Voice(voice), PayloadMapping::Converted(formats)) => voice.converts(formats),
            (Self::Pictures(transcoder), PayloadMapping::Converted(formats)) => {
                transcoder.formats() == formats
            }
            (Self::Whole(_, number), PayloadMapping::Repacked(to)) => number == to,
            (Self::Voice(_) | Self::Pictures(_) | Self::Whole(..), _) => false,
        }
    }

    /// Whether it needs the relay's pace.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        match self {
            Self::Voice(transcoder) => transcoder.is_waiting(),
            Self::Pictures(transcoder) => transcoder.is_waiting(),
            Self::Whole(repacker, _) => repacker.is_waiting(),
        }
    }
}
