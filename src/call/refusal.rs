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
        Cause::Closed => Announcement::Closed,
        Cause::WaitedTooLong => Announcement::TooLong,
        Cause::Busy => Announcement::Busy,
        Cause::NormalClearing
        | Cause::AnsweredElsewhere
        | Cause::Abandoned
        | Cause::NoAnswer
        | Cause::Declined
        | Cause::NotPermitted
        | Cause::UnknownNumber
        | Cause::Unreachable
        | Cause::SipsNotAllowed
        | Cause::NoCommonCodec
        | Cause::NoMedia
        | Cause::NoCommonTransport
        | Cause::NoCommonAddress
        | Cause::NoCommonKeys
        | Cause::NoPicture
        | Cause::NoOperator
        | Cause::TooManyOwn
        | Cause::TooManyGuests
        | Cause::Unacknowledged
        | Cause::Lost
        | Cause::MediaStopped
        | Cause::Interrupted
        | Cause::ForeignCertificate
        | Cause::HandshakeFailed
        | Cause::Overloaded
        | Cause::Loop
        | Cause::ProtocolError
        | Cause::Transferred
        | Cause::Administrative
        | Cause::Internal => Announcement::Nobody,
    }
}
