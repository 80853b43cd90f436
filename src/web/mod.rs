//! Pages by HTTP/1.1: the desk page, sessions, what operators keep and look up, and the way into SIP over WebSocket.
//!
//! It speaks HTTP and nothing else: who is logged in, and what a session may, the loop says, by the channel that
//! administration has; a full one is 503. Connections come accepted and sealed, and one that becomes SIP goes on to whoever
//! speaks it. No other site is let near: there are no CORS headers, and whatever changes something has to come from a page
//! of ours.
//!
//! ```text
//! layer 5  service                          a connection, its requests
//! layer 4  login  kept  history  stills  upgrade  what is asked for
//! layer 3  site  console                    what all share; the files of the page
//! layer 2  cookie  origin  body  archive
//! layer 1  refusal  peer  patient_stream
//! ```

mod archive;
mod body;
mod console;
mod cookie;
mod history;
mod kept;
mod login;
mod origin;
mod patient_stream;
mod peer;
mod refusal;
mod service;
mod site;
mod stills;
mod upgrade;

pub use body::BODY_BYTES_MAX;
pub use service::{HEAD_BYTES_MAX, IDLE_MAX, WebParts, serve};
