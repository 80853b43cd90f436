//! The relay: every packet of sound and pictures passes here, and one table says to whom.
//!
//! A leg opens a port for each of its streams and patches ports together; a switch changes the
//! table and nothing else. What a peer receives stays one stream under one SSRC, whoever speaks.
//! Media knows no SIP, no SDP beyond the direction, and no call. On the path of a packet nothing
//! is allocated, and the bytes are rewritten where they lie.

mod camera;
mod camera_frames;
mod cameras;
mod continuity;
mod conversion;
mod dropped;
mod dtmf;
mod encoded_prompts;
mod feed;
mod feedback;
mod frame;
mod health;
mod hold;
mod inbound;
mod jitter_buffer;
mod key_frames;
mod latch;
mod machine;
mod openings;
mod patchbay;
mod plan;
mod port;
mod ports;
mod prompt;
mod rendition;
mod repacker;
mod reports;
mod route;
mod srtp_context;
mod stock;
mod switching;
mod tap;
mod video_transcoder;
mod voice_transcoder;
mod wait_picture;
mod work;

pub use camera::{CameraState, VideoCodec};
pub use cameras::UNIT_MAX;
pub use dropped::Dropped;
pub use dtmf::KEY_ECHO;
pub use encoded_prompts::{EncodedPrompt, PromptKey, PromptOrder};
pub use health::PortHealth;
pub use hold::{SoundKey, SoundOrder};
pub use machine::{Channel, Command, Event, Machine, Outgoing, Settings};
pub use patchbay::{PatchChange, Patchbay, Source, Tone};
pub use plan::{
    BitrateFeedback, FORMATS_MAX, KeyFrameFeedback, PayloadFormat, PictureLimits, Plan, Protection,
    Trust,
};
pub use prompt::{
    Announcement, PLACEHOLDER, PromptMessage, TEXT_MAX, Texts, VideoPrompt, Voices, WaitingProfile,
    WaitingProfileId,
};
pub use tap::{LOT_BYTES, LOT_ENTRIES, RecordingTap, Side, TapEntry, TappedPacket};
pub use video_transcoder::packing;
pub use work::{CodingOutcome, ConversionId, Done, Job, WorkerConversions};
