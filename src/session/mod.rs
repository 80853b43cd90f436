//! Who is logged in at a page: sessions of operators, and which connections they name.
//!
//! A session is known by 128 random bits that its browser alone has; here, and in the journal, stands their hash. It
//! holds for 12 hours and to the end of the call that its operator has then, as long as that one is there and has the
//! password that it had. It knows no HTTP.
//!
//! ```text
//! layer 2  table      all that hold, and their connections
//! layer 1  token      what a browser has, and what is kept of it
//! ```

mod table;
mod token;

pub use table::{
    ClosedSession, FLOWS_MAX, LINK_LIFETIME, LINKS_MAX, LoginSession, OVERTIME_MAX,
    SESSION_LIFETIME, SESSIONS_MAX, SessionTable,
};
pub use token::{SecretMark, SessionKey, SessionToken};
