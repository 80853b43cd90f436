//! `cordboard desk`: an operator's desk in the terminal.

mod link;

pub use link::{Heard, Incoming, Link};
