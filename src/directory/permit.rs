//! Permits: single callers let in whatever the levels say.

use crate::ids::Number;
use std::fmt;

/// This caller may always call this terminal. A permit only grants, it never forbids.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Permit {
    /// The terminal that is called.
    pub callee: Number,
    /// The number of the caller: a terminal's, or one that a trunk vouches for.
    pub caller: Number,
}

impl fmt::Display for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.callee, self.caller)
    }
}
