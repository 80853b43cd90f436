//! Who is behind an INVITE.

use crate::call::admission::CallerIdentity;
use crate::ids::{Number, OperatorId};
use crate::sip::Flow;

/// Who is behind an INVITE, authenticated, before its leg is known to be answerable.
#[derive(Debug)]
pub(super) enum InviteSource {
    /// Somebody who calls a number.
    Party {
        identity: CallerIdentity,
        dialled: Number,
        params: String,
        no_queue: bool,
        sips: bool,
        flow: Flow,
    },
    /// A desk.
    Desk { operator: OperatorId, flow: Flow },
}

impl InviteSource {
    /// Whether a phone of the house calls.
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Party { identity, .. } => identity.terminal().is_some(),
            Self::Desk { .. } => false,
        }
    }
}
