//! Terminals on which desks keep an eye: how each stands is told at every change (`watch`, `terminal`).

use crate::ids::{Number, OperatorId};
use std::collections::{BTreeMap, BTreeSet};

/// How a terminal stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum TerminalState {
    Free,
    Ringing,
    Talking,
    /// No phone is registered there.
    Away,
}

impl TerminalState {
    /// As the desk protocol names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Ringing => "ringing",
            Self::Talking => "talking",
            Self::Away => "away",
        }
    }
}

/// The lists of all desks.
#[derive(Debug, Default)]
pub(super) struct WatchedTerminals {
    /// With what each desk was told last.
    lists: BTreeMap<OperatorId, BTreeMap<Number, Option<TerminalState>>>,
    watchers: BTreeMap<Number, BTreeSet<OperatorId>>,
    /// Those that may stand otherwise than was told.
    touched: BTreeSet<Number>,
}

impl WatchedTerminals {
    /// A desk wants to know of these and of no others.
    pub fn watch(&mut self, operator: &OperatorId, numbers: BTreeSet<Number>) {
        self.forget(operator);
        for number in &numbers {
            self.watchers.entry(number.clone()).or_default().insert(operator.clone());
        }
        self.touched.extend(numbers.iter().cloned());
        if !numbers.is_empty() {
            let untold = numbers.into_iter().map(|number| (number, None)).collect();
            self.lists.insert(operator.clone(), untold);
        }
    }

    /// A desk is gone, or begins anew.
    pub fn forget(&mut self, operator: &OperatorId) {
        for number in self.lists.remove(operator).unwrap_or_default().into_keys() {
            if let Some(watchers) = self.watchers.get_mut(&number) {
                watchers.remove(operator);
                if watchers.is_empty() {
                    self.watchers.remove(&number);
                }
            }
        }
    }

    /// Something has happened at this number.
    pub fn touch(&mut self, number: &Number) {
        if self.watchers.contains_key(number) {
            self.touched.insert(number.clone());
        }
    }

    /// The numbers at which something has happened since this was last asked.
    pub fn take_touched(&mut self) -> BTreeSet<Number> {
        std::mem::take(&mut self.touched)
    }

    /// Notes how a terminal stands; the desks for which that is news.
    pub fn note(&mut self, number: &Number, state: TerminalState) -> Vec<OperatorId> {
        let watchers = self.watchers.get(number).into_iter().flatten();
        let lists = &mut self.lists;
        let is_news = |operator: &&OperatorId| {
            let told = lists.get_mut(*operator).and_then(|list| list.get_mut(number));
            told.is_some_and(|told| told.replace(state) != Some(state))
        };
        watchers.filter(is_news).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desk_is_told_what_is_new_of_what_it_watches() {
        let (op1, op2) = (OperatorId::from("op1"), OperatorId::from("op2"));
        let (ada, max) = (Number::from("3002"), Number::from("3003"));
        let mut watched = WatchedTerminals::default();
        watched.touch(&ada);
        assert!(watched.take_touched().is_empty(), "nobody asked");
        watched.watch(&op1, [ada.clone(), max.clone()].into());
        assert_eq!(watched.take_touched().len(), 2, "all are told once");
        assert_eq!(watched.note(&ada, TerminalState::Free), std::slice::from_ref(&op1));
        assert!(watched.note(&ada, TerminalState::Free).is_empty());
        watched.watch(&op2, [ada.clone()].into());
        assert_eq!(watched.note(&ada, TerminalState::Free), std::slice::from_ref(&op2));
        assert_eq!(watched.note(&ada, TerminalState::Talking), [op1.clone(), op2.clone()]);
        watched.watch(&op1, [max].into());
        assert_eq!(
            watched.note(&ada, TerminalState::Free),
            std::slice::from_ref(&op2),
            "another list"
        );
        watched.forget(&op2);
        watched.touch(&ada);
        assert!(watched.note(&ada, TerminalState::Away).is_empty());
    }
}
