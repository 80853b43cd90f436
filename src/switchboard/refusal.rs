//! The final response to a caller that is not served.

use crate::cause::Cause;
use crate::leg;

/// After how many seconds a caller may try again whom we cannot serve now.
const RETRY_AFTER: u32 = 5;

/// The final response that refuses a caller for `cause`.
pub(super) fn refusal(cause: Cause) -> leg::InviteRefusal {
    leg::InviteRefusal {
        status: cause.status(),
        phrase: cause.text().to_owned(),
        reason: Some(cause.reason()),
        warning: cause.warning(),
        retry_after: (cause == Cause::Overloaded).then_some(RETRY_AFTER),
    }
}
