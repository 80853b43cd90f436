//! Call flows through the dialogs, in both roles: every transition, and its unhappy twin.
//!
//! `peer` is the other end of the wire, below whose messages the transactions are thought away;
//! `user` is the floor above. Bodies are words: `sdp:a`.

#![allow(clippy::unwrap_used)] // A test may panic.

mod calls;
mod changes;
#[path = "../ladder/mod.rs"]
mod ladder;
mod network;
mod saved;
mod saved_early;
mod settled;
mod testbed;
