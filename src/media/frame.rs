//! Pictures across a switch: nothing before a key frame, parameter sets in front of it, and picture
//! numbers that go on.
//!
//! ```text
//!   Shut ── key frame, or any picture after 3 s without one ──▶ Open ── switch ──▶ Shut
//! ```
//!
//! It opens at the first packet of a picture only: what is left of one shows a hole that no missing number tells of.

use crate::codec::Codec;
use crate::codec::video::h264_macroblocks;
use crate::rtp::{h261, h263, h264, h265, vp8, vp9};
use crate::time::{Duration, Instant, UnixTime};

/// Some encoders refresh their picture without ever sending a key frame.
pub const KEY_FRAME_WAIT: Duration = Duration::from_secs(3);

/// What a packet of video is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FrameContents {
    /// H.264.
    H264(h264::Contents),
    /// VP8.
    Vp8(PictureStart),
    /// Another codec that is known.
    Other(PictureStart),
    /// A codec whose pictures we cannot tell apart.
    Opaque,
}

/// What begins with a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PictureStart {
    /// A picture with which a decoder can begin.
    KeyFrame,
    /// A picture that leans on others.
    Leaning,
    /// Nothing: it goes on with a picture.
    None,
}

impl PictureStart {
    fn of(is_key_frame: bool, is_picture: bool) -> Self {
        match (is_key_frame, is_picture) {
            (true, _) => Self::KeyFrame,
            (false, true) => Self::Leaning,
            (false, false) => Self::None,
        }
    }
}

impl FrameContents {
    /// Looks into a payload.
    #[must_use]
    pub fn of(codec: &Codec, payload: &[u8]) -> Self {
        match codec {
            Codec::H264 => Self::H264(h264::Contents::of(payload)),
            Codec::Vp8 => Self::Vp8(PictureStart::of(
                vp8::begins_key_frame(payload),
                vp8::begins_picture(payload),
            )),
            Codec::H263 => Self::Other(PictureStart::of(
                h263::begins_key_frame(payload),
                h263::read(payload).is_some_and(|piece| piece.begins_picture()),
            )),
            Codec::H263Plus => Self::Other(PictureStart::of(
                h263::begins_key_frame_plus(payload),
                h263::read_plus(payload).is_some_and(|piece| piece.begins_picture()),
            )),
            // Its pictures are renewed block by block, and none is named a key frame.
            Codec::H261 => {
                let begins = h261::read(payload).is_some_and(|piece| piece.begins_picture());
                Self::Other(PictureStart::of(begins, begins))
            }
            Codec::H265 => Self::Other(PictureStart::of(
                h265::begins_key_frame(payload),
                h265::begins_picture(payload),
            )),
            Codec::Vp9 => Self::Other(PictureStart::of(
                vp9::begins_key_frame(payload),
                vp9::begins_picture(payload),
            )),
            Codec::Other(_)
            | Codec::Pcmu
            | Codec::Pcma
            | Codec::G722
            | Codec::Opus
            | Codec::G729
            | Codec::G723
            | Codec::Gsm
            | Codec::Ilbc
            | Codec::Speex { .. }
            | Codec::ComfortNoise { .. }
            | Codec::TelephoneEvent { .. } => Self::Opaque,
        }
    }

    /// Whether a decoder can begin here.
    #[must_use]
    pub fn begins_key_frame(self) -> bool {
        match self {
            Self::H264(contents) => contents.begins_key_frame(),
            Self::Vp8(start) | Self::Other(start) => start == PictureStart::KeyFrame,
            Self::Opaque => true,
        }
    }

    /// Whether it is the first packet of a picture, or of what stands in front of one.
    #[must_use]
    pub fn begins_picture(self) -> bool {
        match self {
            Self::H264(contents) => contents.first_slice || contents.sequence_parameters,
            Self::Vp8(start) | Self::Other(start) => start != PictureStart::None,
            Self::Opaque => true,
        }
    }
}

/// The parameter sets of one source: from its SDP, then as it last sent them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ParameterSets {
    /// One NAL unit each.
    pub sets: Vec<Vec<u8>>,
    /// The macroblocks of the largest picture that was announced in the stream.
    pub macroblocks_max: Option<usize>,
}

impl ParameterSets {
    /// Those of `sprop-parameter-sets`.
    #[must_use]
    pub fn of_sdp(fmtp: &str) -> Self {
        Self { sets: h264::parameter_sets(fmtp), macroblocks_max: None }
    }

    /// The macroblocks of the largest picture that was announced in the stream. It never falls, so that a
    /// source that announces now this and now that does not have everything made anew each time.
    #[must_use]
    pub fn macroblocks_max(&self) -> Option<usize> {
        self.macroblocks_max
    }

    /// What is in the SDP by now; what was announced stays.
    pub fn replace(&mut self, fmtp: &str) {
        self.sets = h264::parameter_sets(fmtp);
    }

    /// Remembers the sets in a payload; allocates only when they are new.
    pub fn learn(&mut self, payload: &[u8]) {
        match h264::Payload::read(payload) {
            Some(h264::Payload::Single(nal)) => self.learn_one(nal),
            Some(h264::Payload::Aggregate(nals)) => nals.for_each(|nal| self.learn_one(nal)),
            Some(h264::Payload::Fragment(_)) | None => {}
        }
    }

    /// One NAL unit each.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.sets.iter().map(Vec::as_slice)
    }

    /// All of them as a byte stream with start codes.
    #[must_use]
    pub fn stream(&self) -> Vec<u8> {
        self.iter().flat_map(|nal| [&[0, 0, 0, 1], nal].concat()).collect()
    }

    fn learn_one(&mut self, nal: &[u8]) {
        let kind = nal.first().map_or(0, |header| header & 0x1f);
        let sequence = kind == h264::SEQUENCE_PARAMETERS;
        if !(sequence || kind == h264::PICTURE_PARAMETERS)
            || nal.len() > h264::PARAMETER_SET_MAX
            || self.sets.iter().any(|known| known == nal)
        {
            return;
        }
        if sequence {
            // A new picture size or level: what was before belongs to the old one.
            self.sets.clear();
            self.macroblocks_max = self.macroblocks_max.max(h264_macroblocks(nal));
        }
        if self.sets.len() < h264::PARAMETER_SETS_MAX {
            self.sets.push(nal.to_vec());
        }
    }
}

/// The pictures that one receiver gets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OutboundVideo<At = Instant> {
    /// Whether pictures of the source pass.
    pub gate: KeyFrameGate<At>,
    /// The source's timestamp of the last parameter sets that were sent.
    pub sets_at: Option<u32>,
    /// Of VP8.
    pub numbers: Vp8Numbers,
}

/// The same, to be put back in another process.
pub type SavedPictures = OutboundVideo<UnixTime>;

/// Whether pictures of the source pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyFrameGate<At = Instant> {
    /// No packet of the new source has come yet.
    Waiting,
    /// No key frame has come yet.
    Shut {
        /// When the first packet came.
        since: At,
    },
    /// They pass.
    Open,
}

impl<At> Default for OutboundVideo<At> {
    fn default() -> Self {
        Self { gate: KeyFrameGate::Waiting, sets_at: None, numbers: Vp8Numbers::default() }
    }
}

impl<At: Copy> OutboundVideo<At> {
    /// The same by another clock.
    pub fn by<To>(&self, clock: impl Fn(At) -> To) -> OutboundVideo<To> {
        let gate = match self.gate {
            KeyFrameGate::Waiting => KeyFrameGate::Waiting,
            KeyFrameGate::Shut { since } => KeyFrameGate::Shut { since: clock(since) },
            KeyFrameGate::Open => KeyFrameGate::Open,
        };
        OutboundVideo { gate, sets_at: self.sets_at, numbers: self.numbers }
    }
}

impl OutboundVideo {
    /// The next packet is of a new source.
    pub fn cut(&mut self) {
        self.gate = KeyFrameGate::Waiting;
        self.sets_at = None;
        self.numbers.offsets = None;
    }

    /// Whether nothing of its source has come yet.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self.gate, KeyFrameGate::Waiting)
    }

    /// Whether a packet may pass.
    pub fn admits(&mut self, now: Instant, picture: FrameContents) -> bool {
        let open = match self.gate {
            KeyFrameGate::Open => true,
            KeyFrameGate::Waiting => picture.begins_key_frame(),
            KeyFrameGate::Shut { since } => {
                let wait_is_over = now.since(since) >= KEY_FRAME_WAIT;
                picture.begins_key_frame() || wait_is_over && picture.begins_picture()
            }
        };
        if open && !matches!(self.gate, KeyFrameGate::Open) {
            // Pictures of our own came in between.
            self.numbers.offsets = None;
        }
        self.gate = match (self.gate, open) {
            (_, true) => KeyFrameGate::Open,
            (KeyFrameGate::Waiting, false) => KeyFrameGate::Shut { since: now },
            (shut, false) => shut,
        };
        open
    }

    /// Whether parameter sets have to be put in front of this packet (RFC 6184 §8.2.2 lets a source
    /// send them in SDP alone, which a receiver of another leg never saw). Where no key frame comes, they stand in front
    /// of the first picture: the receiver has those of what it saw before.
    pub fn wants_sets(&mut self, picture: FrameContents, timestamp: u32) -> bool {
        let FrameContents::H264(contents) = picture else { return false };
        // In front of a later slice they would stand in the place of the first, should that still come.
        let begins = contents.first_slice && (contents.key_frame || self.sets_at.is_none());
        let missing = begins && !contents.sequence_parameters && self.sets_at != Some(timestamp);
        if begins || contents.sequence_parameters {
            self.sets_at = Some(timestamp);
        }
        missing
    }

    /// The next VP8 payload begins a picture whose number says nothing, as in an encoded prompt that repeats.
    pub fn begin_frame(&mut self) {
        self.numbers.offsets = None;
    }

    /// Gives a VP8 payload the numbers that go on from those before.
    pub fn renumber(&mut self, payload: &mut [u8]) {
        self.numbers.renumber(payload);
    }
}

/// RFC 7741 §4.2: PictureID and TL0PICIDX rise by one from picture to picture.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Vp8Numbers {
    /// The highest PictureID sent.
    pub picture: u16,
    /// The highest TL0PICIDX sent.
    pub base_layer: u8,
    /// What ours are ahead of the source's, while it passes.
    pub offsets: Option<(u16, u8)>,
}

impl Vp8Numbers {
    fn renumber(&mut self, payload: &mut [u8]) {
        let Some(descriptor) = vp8::Descriptor::read(payload) else { return };
        let picture = descriptor.picture_id.map_or(0, |id| id.value);
        let base_layer = descriptor.base_layer_index.unwrap_or(0);
        let (picture_offset, base_offset) = *self.offsets.get_or_insert((
            self.picture.wrapping_add(1).wrapping_sub(picture),
            self.base_layer.wrapping_add(1).wrapping_sub(base_layer),
        ));
        let picture = picture.wrapping_add(picture_offset) & 0x7fff;
        let base_layer = base_layer.wrapping_add(base_offset);
        vp8::renumber(payload, picture, base_layer);
        // 15 bits wrap at half of 16.
        if (picture.wrapping_sub(self.picture) << 1).cast_signed() > 0 {
            self.picture = picture;
        }
        if base_layer.wrapping_sub(self.base_layer).cast_signed() > 0 {
            self.base_layer = base_layer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    #[test]
    fn nothing_passes_before_a_key_frame() {
        let mut screen = OutboundVideo::default();
        assert!(!screen.admits(ms(0), FrameContents::Vp8(PictureStart::Leaning)));
        assert!(screen.admits(ms(40), FrameContents::Vp8(PictureStart::KeyFrame)));
        assert!(screen.admits(ms(80), FrameContents::Vp8(PictureStart::Leaning)));
        screen.cut();
        assert!(!screen.admits(ms(120), FrameContents::Vp8(PictureStart::Leaning)));
    }

    #[test]
    fn an_encoder_without_key_frames_passes_after_three_seconds_of_packets() {
        let mut screen = OutboundVideo::default();
        assert!(!screen.admits(ms(9000), FrameContents::Vp8(PictureStart::Leaning)));
        assert!(!screen.admits(ms(11_999), FrameContents::Vp8(PictureStart::Leaning)));
        assert!(screen.admits(ms(12_000), FrameContents::Vp8(PictureStart::Leaning)));
    }

    #[test]
    fn a_codec_that_we_cannot_read_passes_at_once() {
        assert!(OutboundVideo::default().admits(ms(0), FrameContents::Opaque));
    }

    #[test]
    fn parameter_sets_are_wanted_once_in_front_of_a_bare_key_frame() {
        let (idr, sps) = (
            FrameContents::of(&Codec::H264, &[0x65, 0x88]),
            FrameContents::of(&Codec::H264, &[0x67, 1]),
        );
        let mut screen = OutboundVideo::default();
        assert!(screen.wants_sets(idr, 1000));
        assert!(!screen.wants_sets(idr, 1000), "a second slice of the same picture");
        assert!(!screen.wants_sets(sps, 4000));
        assert!(!screen.wants_sets(idr, 4000), "they stand in front of it already");
        assert!(screen.wants_sets(idr, 7000));
    }

    #[test]
    fn new_sequence_parameters_replace_the_old_ones() {
        let mut sets = ParameterSets::of_sdp("sprop-parameter-sets=Z0IACpZTBYmI,aMljiA==");
        assert_eq!(sets.iter().count(), 2);
        sets.learn(&[0x67, 1, 2]);
        sets.learn(&[0x68, 3]);
        sets.learn(&[0x68, 3]);
        sets.learn(&[0x65, 9]);
        assert_eq!(sets.iter().collect::<Vec<_>>(), [&[0x67, 1, 2][..], &[0x68, 3]]);
    }

    #[test]
    fn a_source_that_floods_us_with_parameter_sets_fills_no_memory() {
        let mut sets = ParameterSets::default();
        for n in 0..10_000_u32 {
            let [a, b, c, d] = n.to_be_bytes();
            sets.learn(&[0x68, a, b, c, d]);
        }
        sets.learn(&[0x68; 5000]);
        assert_eq!(sets.iter().count(), h264::PARAMETER_SETS_MAX);
    }

    #[test]
    fn vp8_numbers_go_on_across_a_switch() {
        let payload = |picture: u16, base: u8| {
            let [high, low] = picture.to_be_bytes();
            [0x90, 0xc0, high | 0x80, low, base, 0, 0]
        };
        let numbers = |payload: &[u8]| {
            let descriptor = vp8::Descriptor::read(payload).unwrap();
            (descriptor.picture_id.unwrap().value, descriptor.base_layer_index.unwrap())
        };
        let mut screen = OutboundVideo::default();
        let mut sent = Vec::new();
        for (picture, base) in [(0x7ffe, 254), (0x7fff, 255), (0, 0)] {
            let mut bytes = payload(picture, base);
            screen.renumber(&mut bytes);
            sent.push(numbers(&bytes));
        }
        screen.cut();
        let mut bytes = payload(500, 40);
        screen.renumber(&mut bytes);
        sent.push(numbers(&bytes));
        assert_eq!(sent, [(1, 1), (2, 2), (3, 3), (4, 4)]);
    }
}
