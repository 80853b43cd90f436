//! Unauthenticated calls that were refused: counted by cause and by source, never written down.

use crate::sip::network;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// So many sources are counted at a time. Beyond, the one with the fewest gives way, and who comes in its
/// place goes on from its count: whoever floods stays (the *space saving* of Metwally et al., 2005).
pub const COUNTED_SOURCES_MAX: usize = 256;
/// So many sources are shown, those with the most refusals.
pub const SHOWN_SOURCES_MAX: usize = 10;

/// The counts since the start.
#[derive(Debug, Default)]
pub(super) struct TurnedAway {
    /// By the cause's word, or the status where the request did not come so far.
    causes: BTreeMap<String, u64>,
    sources: BTreeMap<IpAddr, u64>,
    /// The sources by their counts.
    order: BTreeSet<(u64, IpAddr)>,
}

/// The counts, for people.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Refusals {
    /// How many for each cause: `queue-full`, or the status.
    pub causes: BTreeMap<String, u64>,
    /// The sources with the most.
    pub sources: Vec<(IpAddr, u64)>,
}

impl TurnedAway {
    /// One more.
    pub fn count(&mut self, source: IpAddr, cause: String) {
        *self.causes.entry(cause).or_default() += 1;
        let source = network(source);
        let before = match self.sources.remove(&source) {
            Some(count) => {
                self.order.remove(&(count, source));
                count
            }
            None if self.sources.len() >= COUNTED_SOURCES_MAX => {
                let fewest = self.order.pop_first();
                fewest.map_or(0, |(count, gives_way)| {
                    self.sources.remove(&gives_way);
                    count
                })
            }
            None => 0,
        };
        self.sources.insert(source, before + 1);
        self.order.insert((before + 1, source));
    }

    pub fn view(&self) -> Refusals {
        let most = self.order.iter().rev().take(SHOWN_SOURCES_MAX);
        Refusals {
            causes: self.causes.clone(),
            sources: most.map(|(count, source)| (*source, *count)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn refusals_are_counted_by_cause_and_source() {
        let mut turned_away = TurnedAway::default();
        for (n, cause) in [(1, "queue-full"), (2, "403"), (1, "403")] {
            turned_away.count(source(n), cause.into());
        }
        let view = turned_away.view();
        assert_eq!(view.causes, [("403".into(), 2), ("queue-full".into(), 1)].into());
        assert_eq!(view.sources, [(source(1), 2), (source(2), 1)]);
    }

    #[test]
    fn memory_is_bounded_and_whoever_floods_stays() {
        let mut turned_away = TurnedAway::default();
        let flooder = source(9_999_999);
        for n in 0..10_000 {
            turned_away.count(source(n), "403".into());
            turned_away.count(flooder, "403".into());
        }
        assert_eq!(turned_away.sources.len(), COUNTED_SOURCES_MAX);
        assert_eq!(turned_away.order.len(), COUNTED_SOURCES_MAX);
        let view = turned_away.view();
        assert_eq!(view.sources.len(), SHOWN_SOURCES_MAX);
        assert_eq!(view.sources[0], (flooder, 10_000));
        assert_eq!(view.causes["403"], 20_000);
    }
}
