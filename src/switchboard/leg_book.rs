//! Who owns which leg.

use crate::call::Owner;
use crate::ids::LegId;
use std::collections::BTreeMap;

/// Who owns which leg. Legs that nobody owns are over for the switchboard, whatever they still say.
#[derive(Debug, Default)]
pub(super) struct LegBook(BTreeMap<LegId, Owner>);

impl LegBook {
    pub fn own(&mut self, leg: LegId, owner: Owner) {
        self.0.insert(leg, owner);
    }

    pub fn owner(&self, leg: LegId) -> Option<&Owner> {
        self.0.get(&leg)
    }

    pub fn forget(&mut self, leg: LegId) -> bool {
        self.0.remove(&leg).is_some()
    }
}
