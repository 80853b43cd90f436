//! What registrations have changed that are not in the journal yet, and what was before: when the
//! commit fails, "all tentative binding updates MUST be removed" (RFC 3261 §10.3, step 7).

use super::binding::{Binding, BindingChange};
use super::bindings::TakenBack;
use crate::ids::{ConnectionId, Number};
use std::collections::BTreeMap;

/// The tentative registrations by the names of their transactions, which rise in the order in which
/// they came. None waits for long.
#[derive(Debug, Default)]
pub(super) struct Tentative {
    registrations: BTreeMap<u64, (Number, Vec<TakenBack>)>,
}

impl Tentative {
    /// Notes what a REGISTER has changed of the bindings that were there before.
    pub fn note(
        &mut self,
        transaction: u64,
        number: &Number,
        before: &[Binding],
        changes: &[BindingChange],
    ) {
        let mut rows: BTreeMap<String, TakenBack> = BTreeMap::new();
        for change in changes {
            let (key, made) = match change {
                BindingChange::Put(binding) => (binding.key(), Some(Binding::clone(binding))),
                BindingChange::Drop { key, .. } => (key.clone(), None),
            };
            let before = before.iter().find(|binding| binding.key() == key).cloned();
            rows.insert(key.clone(), TakenBack { key, before, made });
        }
        let rows = rows.into_values().collect();
        self.registrations.insert(transaction, (number.clone(), rows));
    }

    /// It is in the journal.
    pub fn remove(&mut self, transaction: u64) {
        self.registrations.remove(&transaction);
    }

    /// It is not in the journal. What a later REGISTER has changed again is left to that one: should
    /// it fail, too, what was before this one is what it takes back to.
    pub fn take_back(&mut self, transaction: u64) -> Option<(Number, Vec<TakenBack>)> {
        let (number, mut rows) = self.registrations.remove(&transaction)?;
        rows.retain(|row| {
            let mut later = self.registrations.range_mut(transaction..);
            let again = later.find_map(|(_, (of, rows))| {
                rows.iter_mut().find(|again| *of == number && again.key == row.key)
            });
            if let Some(again) = again {
                again.before.clone_from(&row.before);
                return false;
            }
            true
        });
        Some((number, rows))
    }

    /// A connection is closed: what was reachable over it is not taken back to.
    pub fn close(&mut self, connection: ConnectionId) {
        let over = |before: &Binding| {
            let flow = before.flow.filter(|flow| flow.transport.is_reliable());
            flow.is_some_and(|flow| flow.connection == connection)
        };
        for row in self.registrations.values_mut().flat_map(|(_, rows)| rows) {
            row.before.take_if(|before| over(before));
        }
    }

    /// The terminal is no more.
    pub fn forget(&mut self, number: &Number) {
        self.registrations.retain(|_, (of, _)| of != number);
    }
}
