//! What a party and the handshakes on its transports say to each other (RFC 5763, RFC 5764): fingerprints, roles,
//! commands and events. It makes no handshake and sees no packet.
//!
//! ```text
//! layer 2  handshake           begin and end; keyed, closed, failed
//! layer 1  fingerprint  setup  what a description says of it
//! ```

mod fingerprint;
mod handshake;
mod setup;

pub use fingerprint::{Fingerprint, FingerprintHash};
pub use handshake::{HandshakeCommand, HandshakeEvent, HandshakeFault, HandshakeKeys};
pub use setup::{DtlsRole, DtlsSetup};
