//! What a caller gets that is not served: a final response, or a word why.

use crate::cause::Cause;
use crate::leg;
use crate::media::Announcement;

/// After how many seconds a caller may try again whom we cannot serve now.
const RETRY_AFTER: u32 = 5;

/// The final response that refuses a caller for `cause`.
pub(crate) fn refusal(cause: Cause) -> leg::InviteRefusal {
    leg::InviteRefusal {
        status: cause.status(),
        phrase: cause.text().to_owned(),
        reason: Some(cause.reason()),
        warning: cause.warning(),
        retry_after: (cause == Cause::Overloaded).then_some(RETRY_AFTER),
    }
}

/// What a caller is told that cannot be served.
pub(crate) fn announcement(cause: Cause) -> Announcement {
    match cause {
        Cause::QueueFull => Announcement::Full,
        Cause::WaitedTooLong => Announcement::TooLong,
        Cause::Busy => Announcement::Busy,
        _no_operator => Announcement::Nobody,
    }
}
