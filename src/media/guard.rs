//! A port's seal: what its peer sends is opened before anything looks at it, what goes out is sealed
//! last of all.

use super::plan::Protection;
use crate::srtp::{Opener, Sealer};

/// The keys of one port at work.
#[derive(Debug)]
pub struct Guard {
    protection: Protection,
    /// For what goes out.
    pub sealer: Sealer,
    /// For what comes in.
    pub opener: Opener,
}

impl Guard {
    /// The guard for these keys. Of the one before that side goes on whose keys are the same: its
    /// rollover counter and its indices (RFC 3711 §3.3.1); no index is ever used twice.
    #[must_use]
    pub fn follow(before: Option<Box<Self>>, protection: Option<&Protection>) -> Option<Box<Self>> {
        let new = protection?;
        let Some(mut guard) = before else {
            return Some(Box::new(Self {
                sealer: Sealer::new(&new.sends),
                opener: Opener::new(&new.receives),
                protection: new.clone(),
            }));
        };
        if guard.protection.sends != new.sends {
            guard.sealer = Sealer::new(&new.sends);
        }
        if guard.protection.receives != new.receives {
            guard.opener = Opener::new(&new.receives);
        }
        guard.protection = new.clone();
        Some(guard)
    }
}
