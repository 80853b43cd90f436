//! A packet that is the peer's, on its way from the port that it came to.

use super::continuity::Numbers;
use super::frame::FrameContents;
use super::jitter_buffer::JitterOutput;
use crate::rtp::{HEADER_LEN, RtpHeader, TelephoneEvent};

/// A packet that is the peer's, and what it is.
#[derive(Clone, Copy, Debug)]
pub struct PeerPacket {
    /// Its header as it came.
    pub header: RtpHeader,
    /// Its length: header and payload, and nothing else.
    pub len: usize,
    /// Where it stands in the source's stream.
    pub numbers: Numbers,
    /// The place of its payload type among the source's formats.
    pub format: usize,
    /// What it carries.
    pub what: PacketKind,
}

/// What a packet carries.
#[derive(Clone, Copy, Debug)]
pub enum PacketKind {
    /// Voice, or comfort noise.
    Sound,
    /// A key.
    Key {
        /// What is said of it.
        event: TelephoneEvent,
        /// This is the first packet of it.
        pressed: bool,
    },
    /// Nothing that is passed on: a key that is kept back, or what was not agreed on.
    Withheld,
    /// A piece of a picture.
    Picture(FrameContents),
}

impl PeerPacket {
    /// Whether it has no payload: padding alone, as senders use it to try out a line, or to keep a way open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len <= HEADER_LEN
    }

    /// Its turn before a decoder; without bytes it holds the place of what is none of the decoder's.
    #[must_use]
    pub fn turn<'a>(&self, bytes: &'a [u8]) -> JitterOutput<'a> {
        JitterOutput {
            sequence: self.header.sequence,
            timestamp: self.header.timestamp,
            marker: self.header.marker,
            lost: 0,
            payload: bytes.get(HEADER_LEN..).unwrap_or_default(),
        }
    }
}
