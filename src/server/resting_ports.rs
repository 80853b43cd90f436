//! Relay ports that another process has used for calls that did not go on: for a while phones may still send
//! there, and whoever got such a port would hear a stranger.

use crate::ids::PortId;
use crate::time::{Duration, Instant};
use std::collections::BTreeSet;

/// For so long.
const REST: Duration = Duration::from_secs(60);

/// Ports that are given to nobody yet.
#[derive(Debug, Default)]
pub struct RestingPorts {
    /// None once they have rested.
    until: Option<Instant>,
    resting: BTreeSet<PortId>,
    /// Those of them that are bound.
    held: Vec<PortId>,
}

impl RestingPorts {
    /// These rest from now on.
    #[must_use]
    pub fn new(now: Instant, ports: impl IntoIterator<Item = PortId>) -> Self {
        let resting: BTreeSet<PortId> = ports.into_iter().collect();
        let until = (!resting.is_empty()).then_some(now + REST);
        Self { until, resting, held: Vec::new() }
    }

    /// Those of some bound ports that may be given out.
    #[must_use]
    pub fn hold(&mut self, ports: Vec<PortId>) -> Vec<PortId> {
        let (held, free) = ports.into_iter().partition(|port| self.resting.contains(port));
        self.held.extend::<Vec<_>>(held);
        free
    }

    /// When they have rested.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.until
    }

    /// Those that may be given out now that they have rested, where it is time.
    pub fn tick(&mut self, now: Instant) -> Option<Vec<PortId>> {
        self.until.filter(|until| *until <= now)?;
        let held = std::mem::take(self).held;
        (!held.is_empty()).then_some(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_calls_that_are_gone_are_given_to_nobody_for_a_minute() {
        let at = |secs| Instant::START + Duration::from_secs(secs);
        let mut ports = RestingPorts::new(at(1), [16_000, 16_006].map(PortId));
        assert_eq!(ports.hold(vec![PortId(16_000), PortId(16_002)]), [PortId(16_002)]);
        assert_eq!(ports.deadline(), Some(at(61)));
        assert_eq!(ports.tick(at(60)), None);
        assert_eq!(ports.tick(at(61)), Some(vec![PortId(16_000)]));
        assert_eq!(ports.hold(vec![PortId(16_006)]), [PortId(16_006)]);
        assert_eq!((ports.deadline(), ports.tick(at(99))), (None, None));
        assert_eq!(RestingPorts::new(at(1), []).deadline(), None);
    }
}
