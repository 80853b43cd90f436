//! What is recorded of a call: the packets of its two sides, gathered here and carried to a recorder
//! in lots, so that the path of a packet copies bytes and does nothing else.
//!
//! ```text
//!   subject's port ─ what its peer says ────────────▶ Left  ┐
//!   its source     ─ what its peer is given of a port ▶ Right ┴─▶ RecordingTap ── 200 ms or 16 kB ──▶ recorder
//!
//!   Paused ── the subject's row names a port ──▶ Running ── music, silence, nothing ──▶ Paused
//! ```
//!
//! Keys are not recorded: a card number that is keyed in belongs into no file.

use crate::codec::{Codec, Kind};
use crate::ids::CallId;
use crate::time::Instant;

/// A lot is given away when it has so many bytes of payload.
pub const LOT_BYTES: usize = 16 * 1024;
/// Or so many entries.
pub const LOT_ENTRIES: usize = 256;

/// Which of the two sides of a recording.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Side {
    /// The subject: who called.
    Left,
    /// Whom it hears and sees.
    Right,
}

/// A lot of what is recorded of one call, in the order in which it came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordingTap {
    /// Whose.
    pub call: CallId,
    /// What came.
    pub entries: Vec<TapEntry>,
    /// The payloads of the entries, one after another.
    pub bytes: Vec<u8>,
}

/// One thing that came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TapEntry {
    /// From here on the two talk; whoever was seen before may be another one now.
    Resume(Instant),
    /// From here on nothing is recorded.
    Pause(Instant),
    /// A packet, whose payload comes next in [`RecordingTap::bytes`].
    Packet(TappedPacket),
    /// H.264 parameter sets, which its source may send in its SDP alone: a byte stream with start codes,
    /// next in [`RecordingTap::bytes`].
    ParameterSets {
        /// Whose.
        side: Side,
        /// Its length.
        len: usize,
    },
}

/// One packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TappedPacket {
    /// When it came.
    pub at: Instant,
    /// From whom.
    pub side: Side,
    /// Of what.
    pub codec: Codec,
    /// As in its header.
    pub ssrc: u32,
    /// As in its header.
    pub sequence: u16,
    /// As in its header.
    pub timestamp: u32,
    /// As in its header.
    pub marker: bool,
    /// The length of its payload.
    pub len: usize,
}

impl TappedPacket {
    /// Sound or pictures.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.codec.kind()
    }
}
