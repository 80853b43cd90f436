//! The relay: every packet of sound and pictures passes here, and one table says to whom.
//!
//! A leg opens a port for each of its streams and patches ports together; a switch changes the
//! table and nothing else. What a peer receives stays one stream under one SSRC, whoever speaks.
//! Media knows no SIP, no SDP beyond the direction, and no call. On the path of a packet nothing
//! is allocated, and the bytes are rewritten where they lie.

mod camera;
mod cameras;
mod continuity;
mod conversion;
mod dropped;
mod dtmf;
mod feed;
mod feedback;
mod films;
mod footage;
mod guard;
mod health;
mod hold;
mod inbound;
mod jitter_buffer;
mod key_frames;
mod latch;
mod machine;
mod openings;
mod patchbay;
mod picture;
mod picture_transcoder;
mod plan;
mod port;
mod ports;
mod rendition;
mod repacker;
mod reports;
mod route;
mod scene;
mod stock;
mod switching;
mod tape;
mod voice_transcoder;
mod wait_picture;
mod work;

pub use camera::{Camera, VideoCodec};
pub use cameras::UNIT_MAX;
pub use dropped::Dropped;
pub use dtmf::KEY_ECHO;
pub use films::{Film, FilmKey, FilmOrder};
pub use health::PortHealth;
pub use hold::{SoundKey, SoundOrder};
pub use machine::{Channel, Command, Event, Machine, Outgoing, Settings};
pub use patchbay::{Change, Patchbay, Source, Tone};
pub use picture_transcoder::packing;
pub use plan::{
    BitrateFeedback, FORMATS_MAX, Feedback, PayloadFormat, PictureLimits, Plan, Protection, Trust,
};
pub use scene::{
    Announcement, Lobby, LobbyId, Message, PLACEHOLDER, Scene, TEXT_MAX, Texts, Voices,
};
pub use tape::{Entry, LOT_BYTES, LOT_ENTRIES, Side, Tape, TapedPacket};
pub use work::{ConversionId, Done, Job, Outcome, Workshop};
