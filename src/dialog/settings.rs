//! What can be set, and the times that cannot.

use crate::sip::OwnAddresses;
use crate::time::Duration;

/// RFC 3261 §17.1.1.1, for what the transaction user repeats itself.
pub const T1: Duration = Duration::from_millis(500);
/// The longest interval between copies of a 2xx (§13.3.1.4).
pub const T2: Duration = Duration::from_secs(4);
/// 64 × T1: a 2xx without its ACK, or a 1xx without its PRACK, is given up.
pub const GIVE_UP: Duration = Duration::from_secs(32);

/// What can be set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The addresses for Contact.
    pub own: OwnAddresses,
    /// User-Agent and Server.
    pub user_agent: String,
    /// Session-Expires that we ask for, in seconds.
    pub session_expires: u32,
    /// Min-SE, in seconds.
    pub min_se: u32,
    /// The most legs at once, without those that are over; an INVITE beyond is answered 503.
    pub legs_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            own: OwnAddresses::default(),
            user_agent: "cordboard".to_owned(),
            session_expires: 1800,
            min_se: 90,
            legs_max: 20_000,
        }
    }
}

impl Settings {
    /// For a new session timer.
    pub(super) fn wishes(&self) -> Wishes {
        Wishes { session_expires: self.session_expires.max(self.min_se), min_se: self.min_se }
    }
}

/// What this side asks for; in seconds, as in the headers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Wishes {
    /// Session-Expires of our requests, and the most that our answers grant.
    pub session_expires: u32,
    /// Min-SE: shorter intervals are answered 422.
    pub min_se: u32,
}
