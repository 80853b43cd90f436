//! The timers of RFC 3261 §17 (table 4, appendix A), 6026 §8.4 and 4320 §4.1.

use crate::time::{Duration, Instant, Repeat};

/// The estimated round trip.
pub const T1: Duration = Duration::from_millis(500);
/// The longest interval between copies of a non-INVITE request or of a response to an INVITE.
pub const T2: Duration = Duration::from_secs(4);
/// How long a message can stay in the network.
pub const T4: Duration = Duration::from_secs(5);
/// Timers B, F, H, J, L and M, and the end of an INVITE that was cancelled (§9.1): 64 × T1.
pub const GIVE_UP: Duration = Duration::from_secs(32);
/// Timer C (§16.6): an INVITE to which nothing new was said for so long is cancelled. How long a phone
/// may ring is for the transaction user to say, and is less; whoever takes longer says so each
/// minute (§13.3.1.1). Without it an INVITE that nobody wants any more could stay for ever.
pub const TIMER_C: Duration = Duration::from_secs(240);
/// Timer D over UDP.
pub const TIMER_D: Duration = Duration::from_secs(32);
/// RFC 3261 §17.2.1: a 100 is due when the transaction user says nothing for so long.
pub const TRYING: Duration = Duration::from_millis(200);
/// RFC 4320 §4.1: a 100 to another request is due when timer E reaches T2 (T1 + 2 T1 + 4 T1).
pub const TRYING_NON_INVITE: Duration = Duration::from_millis(3_500);

/// Timer A: doubles without end; timer B ends it.
#[must_use]
pub fn timer_a(now: Instant) -> Repeat {
    Repeat::new(now, T1, GIVE_UP)
}

/// Timers E and G: double up to T2.
#[must_use]
pub fn timer_e_or_g(now: Instant) -> Repeat {
    Repeat::new(now, T1, T2)
}

/// Timer E after a provisional response (§17.1.2.2): every T2.
#[must_use]
pub fn timer_e_proceeding(now: Instant) -> Repeat {
    Repeat::new(now, T2, T2)
}
