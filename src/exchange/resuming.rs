//! What a process may go on with of what the one before it has left.

use super::journal::Resume;
use crate::ids::PortId;
use crate::time::Duration;
use std::collections::BTreeSet;
use std::fmt;

/// A clock that was set back by less is not worth a word.
const CLOCK_AHEAD_TOLD: Duration = Duration::from_secs(5);

/// With what it goes on.
#[derive(Clone, Copy, Debug)]
pub struct Resumption<'a> {
    /// What goes on.
    pub which: Resume,
    /// The relay's ports that could be had.
    pub bound: &'a BTreeSet<PortId>,
}

/// What became of what was left; for the log.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ResumeReport {
    /// Calls that go on.
    pub calls: usize,
    /// Their parties that were put back.
    pub parties: usize,
    /// Calls that do not.
    pub given_up: usize,
    /// What was left and cannot be used: which, and why.
    pub faults: Vec<String>,
    /// So far the clock has been set back since they were written.
    pub clock_ahead: Duration,
}

impl ResumeReport {
    /// Whether there is anything to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for ResumeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, parties, given_up, faults, clock_ahead } = self;
        write!(f, "{calls} calls with {parties} parties go on")?;
        if *given_up > 0 {
            write!(f, ", {given_up} were ended")?;
        }
        if *clock_ahead >= CLOCK_AHEAD_TOLD {
            let secs = clock_ahead.as_secs();
            write!(f, ", by a clock that was {secs} s ahead of this one: see that it is right")?;
        }
        match faults.len() {
            0 => Ok(()),
            1 => f.write_str(", 1 row of the journal could not be used"),
            more => write!(f, ", {more} rows of the journal could not be used"),
        }
    }
}
