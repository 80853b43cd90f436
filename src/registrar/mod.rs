//! Where terminals are, and who a request really comes from.
//!
//! [`Machine`] answers REGISTER (RFC 3261 §10.3, with Path of RFC 3327 and flows of RFC 5626) and
//! challenges requests of any method by digest (RFC 7616, RFC 8760). It knows no call.
//!
//! ```text
//! layer 5  machine                                   REGISTER in, answers and rows out
//! layer 4  register  tentative  registration_log     one request; what may be taken back; who came
//! layer 3  bindings  contacts  authenticator  effect
//! layer 2  binding  settings
//! layer 1  target  nonces  attempts  preferences  wrong_passwords
//! ```

mod attempts;
mod authenticator;
mod binding;
mod bindings;
mod contacts;
mod effect;
mod machine;
mod nonces;
mod preferences;
mod register;
mod registration_log;
mod settings;
mod target;
mod tentative;
mod wrong_passwords;

pub use attempts::{
    ACCOUNT, ACCOUNT_AND_SOURCE, DEBTS_MAX, GUESSING_SOURCE, GuessRate, PLACES_MAX, SOURCE,
};
pub use authenticator::{AuthRefusal, AuthVerdict, Challenged, PasswordVerdict, TypedPassword};
pub use binding::{Binding, BindingChange};
pub use bindings::{CONTACTS_MAX, HOSTS_MAX};
pub use effect::Effect;
pub use machine::{Input, Machine};
pub use nonces::{NONCE_LIFETIME, NONCES_MAX};
pub use preferences::{DigestOrder, PREFERENCES_MAX, UNANSWERED};
pub use register::{CONTACT_BYTES_MAX, PATH_BYTES_MAX};
pub use registration_log::{LastRefusal, RegistrationEntry, RegistrationEvent};
pub use settings::Settings;
pub use target::{ContactTarget, NextHop};
pub use wrong_passwords::{COUNTED, SAID_MAX, SOURCES_MAX, WrongPassword};
