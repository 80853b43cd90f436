//! Levels: classes of service, and whom each lets in.

use crate::ids::LevelId;
use std::collections::BTreeSet;
use std::fmt;

/// The most levels, and so the most that one of them admits.
pub const LEVELS_MAX: usize = 100;

/// One level, and the caller levels that may call terminals of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Level {
    /// Its name: `A`.
    pub name: LevelId,
    /// The levels of callers that may call terminals of this level; itself among them or not.
    pub admits: BTreeSet<LevelId>,
}

/// The patent's example, which a new database starts with: `A` (inside) may call `A` and `B`; `B`
/// (outside) may not call `A` and gets there through the operator, and neither may `B` call `B`.
#[must_use]
pub fn patent_levels() -> [Level; 2] {
    let (inside, outside) = (LevelId::from("A"), LevelId::from("B"));
    [
        Level { name: inside.clone(), admits: BTreeSet::from([inside.clone()]) },
        Level { name: outside, admits: BTreeSet::from([inside]) },
    ]
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let admits: Vec<_> = self.admits.iter().map(LevelId::as_str).collect();
        write!(f, "{} admits={}", self.name, admits.join(","))
    }
}
