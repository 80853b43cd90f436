//! RTP and RTCP (RFC 3550) as values: reading, rewriting in place, statistics, payload formats.
//!
//! Everything here takes hostile bytes and never panics; nothing on the path of a packet
//! allocates. Which packet goes where is for the media floor.
//!
//! ```text
//! layer 3  video                                            pictures out of packets, and into them
//! layer 2  h261  h263  h264  h265
//! layer 1  packet  rtcp  sequence  telephone_event  piece  vp8  vp9
//! ```

pub mod h261;
pub mod h263;
pub mod h264;
pub mod h265;
pub mod rtcp;
pub mod video;
pub mod vp8;
pub mod vp9;

mod packet;
mod piece;
mod sequence;
mod telephone_event;

pub use packet::{
    Error, ExtensionElements, HEADER_LEN, Packet, RtpHeader, is_rtcp, is_stun, rewrite, strip,
};
pub use piece::{FramePiece, Start};
pub use sequence::{
    Loss, PacketArrival, Reception, ReceptionRun, SavedReception, is_later, later_by,
};
pub use telephone_event::{END_PACKETS, TelephoneEvent, digit, event};
