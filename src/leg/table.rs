//! All legs by name, and which of them may have changed.

use super::state::Leg;
use crate::ids::LegId;
use std::collections::BTreeMap;

/// All legs. Whoever can change one marks it by that: nobody has to remember to say so.
#[derive(Debug, Default)]
pub(super) struct LegTable {
    all: BTreeMap<LegId, Leg>,
    changed: Vec<LegId>,
}

impl LegTable {
    /// One, to be looked at.
    pub fn get(&self, id: &LegId) -> Option<&Leg> {
        self.all.get(id)
    }

    /// One, to be changed.
    pub fn get_mut(&mut self, id: &LegId) -> Option<&mut Leg> {
        self.mark(*id);
        self.all.get_mut(id)
    }

    pub fn insert(&mut self, id: LegId, leg: Leg) {
        self.mark(id);
        self.all.insert(id, leg);
    }

    pub fn remove(&mut self, id: &LegId) -> Option<Leg> {
        self.mark(*id);
        self.all.remove(id)
    }

    pub fn contains_key(&self, id: &LegId) -> bool {
        self.all.contains_key(id)
    }

    pub fn keys(&self) -> impl Iterator<Item = LegId> {
        self.all.keys().copied()
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Those that may have changed since they were last asked for; a leg may be named more than once.
    pub fn take_changed(&mut self) -> std::vec::Drain<'_, LegId> {
        self.changed.drain(..)
    }

    fn mark(&mut self, id: LegId) {
        if self.changed.last() != Some(&id) {
            self.changed.push(id);
        }
    }
}
