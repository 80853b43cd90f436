//! A call as a Matroska file: both voices, each on its own channel, and both pictures side by side.
//!
//! ```text
//!   Tap  ──▶ tracks ─ in order ──▶ voices ──▶ Opus, stereo ──┐
//!            (one a side         ▶ views  ──▶ H.264         ─┴▶ Matroska ──▶ Ink, for a file
//!             and kind)
//! ```
//!
//! Left is who called, right is whom they talk to. Pauses are cut out. A recording knows no file: it
//! gives out what is to be written, and where.
//!
//! ```text
//! layer 3  recorder                one recording: its time and its two sides
//! layer 2  matroska  view  voice
//! layer 1  ebml  track
//! ```

mod ebml;
mod matroska;
mod recorder;
mod track;
mod view;
mod voice;

pub use matroska::FileWrite;
pub use recorder::{FRAME_RATE, HORIZON, Recorder, SIDE};
