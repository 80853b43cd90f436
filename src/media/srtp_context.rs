//! A port's seal: what its peer sends is opened before anything looks at it, what goes out is sealed
//! last of all.

use super::plan::{Protection, SrtpKeys};
use crate::srtp::{IndexBound, ProtectContext, SavedProtect, SavedUnprotect, UnprotectContext};

/// The keys of one port at work.
#[derive(Debug)]
pub struct SrtpContext {
    keys: SrtpKeys,
    /// For what goes out.
    protect: ProtectContext,
    /// For what goes out of a second stream: each SSRC counts its own indices (RFC 3711 §3.2.3).
    beside: Option<Box<ProtectContext>>,
    /// For what comes in.
    pub unprotect: UnprotectContext,
}

/// Which of the streams of a transport it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StreamSeat {
    /// The one whose number the transport has.
    Own,
    /// The one beside it.
    Beside,
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
    /// What seals the packets of a stream. Of one that is not carried it is that of the other.
    #[must_use]
    pub fn protect(&self, seat: StreamSeat) -> &ProtectContext {
        match (&self.beside, seat) {
            (Some(beside), StreamSeat::Beside) => beside,
            (_, StreamSeat::Own) | (None, StreamSeat::Beside) => &self.protect,
        }
    }

    /// The same, to be used.
    pub fn protect_mut(&mut self, seat: StreamSeat) -> &mut ProtectContext {
        match (&mut self.beside, seat) {
            (Some(beside), StreamSeat::Beside) => beside,
            (_, StreamSeat::Own) | (None, StreamSeat::Beside) => &mut self.protect,
        }
    }

    /// Has what it takes for a second stream, or no longer.
    pub fn carry_two(&mut self, two: bool) {
        let fresh = || Box::new(ProtectContext::new(&self.keys.sends));
        self.beside = if two { self.beside.take().or_else(|| Some(fresh())) } else { None };
    }

    /// Goes on with a second stream as far as it was saved; what came of it is not heard again.
    pub fn restore_beside(&mut self, saved: SavedSrtp) {
        self.beside = Some(Box::new(ProtectContext::restored(&self.keys.sends, saved.sent)));
        self.unprotect.restore_beside(saved.came);
    }

    /// How far its keys are used up.
    #[must_use]
    pub fn saved(&self, seat: StreamSeat) -> SavedSrtp {
        SavedSrtp { sent: self.protect(seat).saved(), came: self.unprotect.saved() }
    }

    /// That for these keys, which have been used so far; none where there are none.
    #[must_use]
    pub fn restored(protection: &Protection, saved: SavedSrtp) -> Option<Box<Self>> {
        let Protection::Keyed(keys) = protection else { return None };
        Some(Box::new(Self {
            protect: ProtectContext::restored(&keys.sends, saved.sent),
            beside: None,
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
                beside: None,
                unprotect: UnprotectContext::new(&new.receives),
                keys: (**new).clone(),
            }));
        };
        if srtp_context.keys.sends != new.sends {
            srtp_context.protect = ProtectContext::new(&new.sends);
            let beside = srtp_context.beside.take();
            srtp_context.beside = beside.map(|_| Box::new(ProtectContext::new(&new.sends)));
        }
        if srtp_context.keys.receives != new.receives {
            srtp_context.unprotect = UnprotectContext::new(&new.receives);
        }
        srtp_context.keys.clone_from(new);
        Some(srtp_context)
    }
}
