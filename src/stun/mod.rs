//! Connectivity checks of ICE, and what a lite agent says to them (RFC 8489, RFC 8445 §7.3): values in, bytes out.
//!
//! ```text
//!   bytes ──▶ BindingRequest ── under our name and password? ──▶ response with the address it came from
//!                  └── nominates: this is the address to send to
//! ```
//!
//! An agent that is lite gathers nothing, asks nothing and waits for nothing: all its addresses are known to all.
//!
//! ```text
//! layer 3  response
//! layer 2  request
//! layer 1  message  credentials
//! ```

mod credentials;
mod message;
mod request;
mod response;

pub use credentials::IceCredentials;
pub use request::{BindingRequest, StunFault};
pub use response::{CheckRefusal, accept, refuse};
