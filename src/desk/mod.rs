//! The desk protocol (`operator-desk`, RFC 6086): what desks may say, what they are told, and in
//! which order. Knows JSON and nothing of calls; the switchboard gives the words meaning.
//!
//! ```text
//!   INFO from the desk ──▶ command: read ──▶ results: seen before? ──▶ (the machine acts)
//!   INFO to the desk   ◀── outbox: one at a time ◀── event and result views
//!
//! layer 2  outbox      one message at a time
//! layer 1  command     what desks may say
//! layer 1  event       what they are told
//! layer 1  results     what became of their commands
//! ```

pub mod command;
pub mod event;
pub mod outbox;
pub mod results;

/// The Info Package of RFC 6086 under which all of this travels.
pub const PACKAGE: &str = "operator-desk";
/// The content type of each message.
pub const CONTENT_TYPE: &str = "application/vnd.cordboard.desk+json";
