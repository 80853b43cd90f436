//! A small SIP user agent over TCP: one connection, digest, dialogs. The desk in the terminal and the
//! demonstration's phones are made of it.
//!
//! It shares nothing with the switchboard but the reading and printing of messages, so that it can
//! judge the switchboard. TCP spares it all timers of RFC 3261 §17.

mod account;
mod dialog;
mod wire;

pub use account::{AgentAccount, chance};
pub use dialog::{Dialog, respond};
pub use wire::Wire;
