//! Codecs as facts and as arithmetic: what each is called, how its clock runs, and plain calls
//! over samples into the caller's buffers.
//!
//! A codec that nobody here can code ([`Codec::Other`]) is still passed between parties that share
//! it. Instances belong to one thread; nothing here knows of packets or calls.
//!
//! ```text
//! layer 2  audio  video                    one file for each codec
//! layer 1  facts  goertzel  resample  tone
//! ```

pub mod audio;
pub mod goertzel;
pub mod resample;
pub mod tone;
pub mod video;

mod facts;

pub use facts::{Codec, Facts, Kind, NAME_MAX, OtherCodec};
