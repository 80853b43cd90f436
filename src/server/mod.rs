//! The event loop and what it touches: sockets, the clock, the log. Performing never decides.

pub mod account;
pub mod admin_socket;
pub mod admin_wire;
pub mod clock;
mod codec_workers;
pub mod event_loop;
pub mod media_sockets;
mod resolver;
mod stream;
mod telemetry;
mod udp;

pub use codec_workers::CodecWorkers;

pub use udp::own_address_towards;
