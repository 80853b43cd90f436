//! The legs that wait for relay ports, each with what is wanted of it.

use super::api::Command;
use crate::ids::LegId;
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};

/// So long a leg waits for ports; an answer that is later than this would seem lost to its phone.
pub const PORTS_WAIT: Duration = Duration::from_secs(2);

/// The legs that wait.
#[derive(Debug, Default)]
pub(super) struct Parking {
    legs: BTreeMap<LegId, Parked>,
    /// In the order in which they came.
    order: BTreeSet<(Instant, LegId)>,
    /// The ports that they lack together.
    missing: usize,
}

#[derive(Debug)]
struct Parked {
    until: Instant,
    missing: usize,
    /// What is wanted of it; the first is what it has no ports for.
    commands: Vec<Command>,
}

impl Parking {
    /// The ports that are waited for.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// When the first has waited long enough.
    pub fn deadline(&self) -> Option<Instant> {
        self.order.first().map(|(until, _)| *until)
    }

    /// The first that came: until when it waits, and how many ports it lacks.
    pub fn first(&self) -> Option<(Instant, LegId, usize)> {
        let (until, leg) = self.order.first()?;
        let parked = self.legs.get(leg).expect("who stands in the order waits");
        Some((*until, *leg, parked.missing))
    }

    /// Whether this leg waits.
    pub fn has(&self, leg: LegId) -> bool {
        self.legs.contains_key(&leg)
    }

    /// What is wanted of a leg that waits.
    pub fn commands(&mut self, leg: LegId) -> Option<&mut Vec<Command>> {
        self.legs.get_mut(&leg).map(|parked| &mut parked.commands)
    }

    /// Lets a leg wait.
    pub fn park(&mut self, now: Instant, leg: LegId, missing: usize, command: Command) {
        let until = now + PORTS_WAIT;
        self.missing += missing;
        self.order.insert((until, leg));
        self.legs.insert(leg, Parked { until, missing, commands: vec![command] });
    }

    /// Lets it wait no longer: what is wanted of it; nothing where it did not wait.
    pub fn take(&mut self, leg: LegId) -> Vec<Command> {
        let Some(parked) = self.legs.remove(&leg) else { return Vec::new() };
        self.order.remove(&(parked.until, leg));
        self.missing -= parked.missing;
        parked.commands
    }
}
