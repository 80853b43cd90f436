//! The event loop and what it touches: sockets, the clock, the log. Performing never decides.

pub mod media_sockets;
