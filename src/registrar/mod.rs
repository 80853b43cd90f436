//! Where terminals are, and who a request really comes from.
//!
//! [`Machine`] answers REGISTER (RFC 3261 §10.3, with Path of RFC 3327 and flows of RFC 5626) and
//! challenges requests of any method by digest (RFC 7616, RFC 8760). It knows no call.

mod attempts;
mod authenticator;
mod bindings;
mod machine;
mod nonces;
mod register;
mod target;

pub use attempts::{COUNTS_MAX, FAILURES_PER_ACCOUNT_MAX, FAILURES_PER_SOURCE_MAX, network};
pub use authenticator::{Challenged, Refusal, Verdict};
pub use bindings::{Binding, BindingChange, CONTACTS_MAX};
pub use machine::{Effect, Input, Machine, Settings};
pub use nonces::{NONCE_LIFETIME, NONCES_MAX};
pub use register::{CONTACT_BYTES_MAX, PATH_BYTES_MAX};
pub use target::{Target, Way};
