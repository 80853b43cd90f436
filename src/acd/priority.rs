//! Who goes before others: the priorities of a queue's callers.

use crate::ids::{LevelId, Number};
use std::collections::BTreeMap;

/// The highest priority; who is not named has the lowest, 0.
pub const PRIORITY_MAX: u8 = 9;

/// The priorities of callers that are named; what says most of a caller counts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct QueuePriorities {
    /// By level.
    pub levels: BTreeMap<LevelId, u8>,
    /// By the trunk that the call comes over.
    pub trunks: BTreeMap<String, u8>,
    /// By number.
    pub numbers: BTreeMap<Number, u8>,
}

impl QueuePriorities {
    /// That of a caller: its number's, else its trunk's, else its level's, else 0. `number` is one that
    /// somebody vouches for.
    #[must_use]
    pub fn of(&self, number: Option<&Number>, trunk: Option<&str>, level: &LevelId) -> u8 {
        let by_number = number.and_then(|number| self.numbers.get(number));
        let by_trunk = trunk.and_then(|trunk| self.trunks.get(trunk));
        by_number.or(by_trunk).or_else(|| self.levels.get(level)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_most_of_a_caller_counts_even_where_it_is_less() {
        let priorities = QueuePriorities {
            levels: [(LevelId::from("A"), 7)].into(),
            trunks: [("carrier".to_owned(), 5)].into(),
            numbers: [(Number::from("4001"), 0), (Number::from("030"), 9)].into(),
        };
        let of = |number: &str, trunk, level: &str| {
            let number = Number::from(number);
            priorities.of(Some(&number), trunk, &LevelId::from(level))
        };
        assert_eq!(of("030", Some("carrier"), "A"), 9);
        assert_eq!(of("031", Some("carrier"), "A"), 5);
        assert_eq!(of("031", Some("other"), "A"), 7);
        assert_eq!(of("4001", None, "A"), 0);
        assert_eq!(of("4002", None, "B"), 0);
        assert_eq!(priorities.of(None, None, &LevelId::from("A")), 7);
    }
}
