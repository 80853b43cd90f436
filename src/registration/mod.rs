//! Our own registrations, at carriers that want to be told where we are (RFC 3261 §10.2).
//!
//! The other way round from the registrar: here we are the phone.

mod machine;

pub use machine::{
    Effect, Machine, RETRY_MAX, RETRY_MIN, RegistrationContext, RegistrationState, TRANSACTIONS,
    TrunkAccount, WANTED,
};
