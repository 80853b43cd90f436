//! The log: stories of calls, complaints about peers, broken promises.

use crate::registrar::WrongPassword;
use crate::sip::Flow;
use crate::switchboard::Story;

/// What an operator would tell a colleague.
pub fn tell(story: &Story) {
    match story {
        Story::PhoneFailed { .. } | Story::Refused { .. } => tracing::warn!("{story}"),
        Story::Arrived { .. }
        | Story::Queued { .. }
        | Story::Taken { .. }
        | Story::Recorded { .. }
        | Story::HandedOver { .. }
        | Story::Answered { .. }
        | Story::Transferred { .. }
        | Story::Ended { .. }
        | Story::DeskUp { .. }
        | Story::DeskGone { .. } => tracing::info!("{story}"),
    }
}

/// Somebody does not know a password; the filter of fail2ban in `conf/fail2ban` reads this line.
pub fn suspect(wrong: &WrongPassword) {
    tracing::warn!("{wrong}");
}

/// A peer misbehaved, or a limit was reached.
pub fn complain(flow: &Flow, what: &str) {
    tracing::warn!(peer = %flow.remote, transport = %flow.transport, "{what}");
}
