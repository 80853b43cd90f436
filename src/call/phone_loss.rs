//! What the end of an operator's phone's leg means: it has hung up, it is lost, or it cannot be spoken with.

use crate::cause::Cause;
use crate::leg::EndingSide;

/// Whether a phone has hung up: one that no longer knows its dialog (481) was started anew.
pub(crate) fn has_hung_up(cause: Cause, by: EndingSide) -> bool {
    by == EndingSide::Peer && cause != Cause::Lost
}

/// Whether a phone is lost: neither has it hung up, nor can it not be spoken with.
pub(crate) fn is_lost(cause: Cause, by: EndingSide) -> bool {
    !has_hung_up(cause, by) && !is_unfit(cause)
}

/// Whether a phone that answers cannot be spoken with: called again it would answer again.
pub(crate) fn is_unfit(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::HandshakeFailed
            | Cause::ForeignCertificate
            | Cause::NoCommonCodec
            | Cause::NoCommonKeys
            | Cause::ProtocolError
    )
}
