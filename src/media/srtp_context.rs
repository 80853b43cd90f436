//! A port's seal: what its peer sends is opened before anything looks at it, what goes out is sealed
//! last of all.

use super::plan::{Protection, SrtpKeys};
use crate::srtp::{IndexBound, ProtectContext, SavedProtect, SavedUnprotect, UnprotectContext};

/// The keys of one port at work.
#[derive(Debug)]
pub struct SrtpContext {
    keys: SrtpKeys,
    /// For what goes out.
    pub protect: ProtectContext,
    /// For what comes in.
    pub unprotect: UnprotectContext,
}

/// How far the keys of one port are used up, in both directions.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SavedSrtp {
    /// What was sent.
    pub sent: SavedProtect,
    /// What came.
    pub came: SavedUnprotect,
}

impl SrtpContext {
    /// How far its keys are used up.
    #[must_use]
    pub fn saved(&self) -> SavedSrtp {
        SavedSrtp { sent: self.protect.saved(), came: self.unprotect.saved() }
    }

    /// That for these keys, which have been used so far; none where there are none.
    #[must_use]
    pub fn restored(protection: &Protection, saved: SavedSrtp) -> Option<Box<Self>> {
        let Protection::Keyed(keys) = protection else { return None };
        Some(Box::new(Self {
            protect: ProtectContext::restored(&keys.sends, saved.sent),
            unprotect: UnprotectContext::restored(&keys.receives, saved.came),
            keys: SrtpKeys::clone(keys),
        }))
    }

    /// How it begins where nobody knows how far these keys were used: it opens what comes, and seals nothing
    /// until there are others.
    #[must_use]
    pub fn spent() -> SavedSrtp {
        let sent = SavedProtect { bound: IndexBound::Spent, ..SavedProtect::default() };
        SavedSrtp { sent, came: SavedUnprotect::default() }
    }

    /// The guard for these keys. Of the one before that side goes on whose keys are the same: its
    /// rollover counter and its indices (RFC 3711 §3.3.1); no index is ever used twice.
    #[must_use]
    pub fn follow(before: Option<Box<Self>>, protection: &Protection) -> Option<Box<Self>> {
        let Protection::Keyed(new) = protection else { return None };
        let Some(mut srtp_context) = before else {
            return Some(Box::new(Self {
                protect: ProtectContext::new(&new.sends),
                unprotect: UnprotectContext::new(&new.receives),
                keys: (**new).clone(),
            }));
        };
        if srtp_context.keys.sends != new.sends {
            srtp_context.protect = ProtectContext::new(&new.sends);
        }
        if srtp_context.keys.receives != new.receives {
            srtp_context.unprotect = UnprotectContext::new(&new.receives);
        }
        srtp_context.keys.clone_from(new);
        Some(srtp_context)
    }
}
