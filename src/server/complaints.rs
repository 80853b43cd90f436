//! How often the log repeats itself about garbage: the first complaint of a kind about a source is said,
//! the others are counted and said every ten seconds.

use crate::exchange::Complaint;
use crate::sip::network;
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

/// How long complaints are counted before the count is said.
pub const COUNTED: Duration = Duration::from_secs(10);
/// So many kinds and sources are counted apart at a time; the rest is one count.
pub const COUNTS_MAX: usize = 1_000;

/// What is being counted.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    counts: BTreeMap<(IpAddr, Complaint), u64>,
    /// When each count is due, the first one first.
    due: VecDeque<(Instant, (IpAddr, Complaint))>,
    /// Complaints about sources that are not counted apart, and when their count is due.
    others: Option<(Instant, u64)>,
}

impl Complaints {
    /// Whether this complaint is to be said; else it is counted.
    pub fn is_news(&mut self, now: Instant, source: IpAddr, about: Complaint) -> bool {
        let key = (network(source), about);
        if let Some(more) = self.counts.get_mut(&key) {
            *more += 1;
            return false;
        }
        if self.counts.len() >= COUNTS_MAX {
            self.others.get_or_insert((now + COUNTED, 0)).1 += 1;
            return false;
        }
        self.counts.insert(key, 0);
        self.due.push_back((now + COUNTED, key));
        true
    }

    /// When [`tick`](Self::tick) has something to say.
    pub fn deadline(&self) -> Option<Instant> {
        let first = self.due.front().map(|(at, _)| *at);
        first.into_iter().chain(self.others.map(|(at, _)| at)).min()
    }

    /// The counts that are due, as sentences. Who has stopped is forgotten.
    pub fn tick(&mut self, now: Instant) -> Vec<String> {
        let mut sentences = Vec::new();
        while let Some((_, key)) = self.due.pop_front_if(|(at, _)| *at <= now) {
            match self.counts.get_mut(&key).map(std::mem::take) {
                Some(0) | None => drop(self.counts.remove(&key)),
                Some(more) => {
                    self.due.push_back((now + COUNTED, key));
                    let (source, about) = key;
                    sentences.push(format!("{more} more from {source} in 10 s: {about}"));
                }
            }
        }
        if let Some((_, more)) = self.others.take_if(|(at, _)| *at <= now) {
            sentences.push(format!("{more} more from other sources in 10 s: malformed or refused"));
        }
        sentences
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

    fn at(ms: u64) -> Instant {
        Instant::START + Duration::from_millis(ms)
    }

    #[test]
    fn the_first_is_said_and_the_others_are_counted() {
        let mut complaints = Complaints::default();
        assert!(complaints.is_news(at(0), SOURCE, Complaint::Malformed));
        for ms in 0..500 {
            assert!(!complaints.is_news(at(ms), SOURCE, Complaint::Malformed));
        }
        assert!(complaints.is_news(at(500), SOURCE, Complaint::Refused(403)), "another kind");
        let other = IpAddr::from([198, 51, 100, 8]);
        assert!(complaints.is_news(at(500), other, Complaint::Malformed), "another source");
        assert_eq!(complaints.deadline(), Some(at(10_000)));
        assert_eq!(complaints.tick(at(9_999)), [] as [&str; 0]);
        assert_eq!(complaints.tick(at(10_000)), ["500 more from 198.51.100.7 in 10 s: malformed"]);
        // It goes on, so it is counted on.
        assert!(!complaints.is_news(at(11_000), SOURCE, Complaint::Malformed));
        assert_eq!(complaints.tick(at(20_000)), ["1 more from 198.51.100.7 in 10 s: malformed"]);
        // It has stopped: the next one is news.
        assert!(complaints.tick(at(30_000)).is_empty());
        assert_eq!(complaints.deadline(), None);
        assert!(complaints.is_news(at(31_000), SOURCE, Complaint::Malformed));
    }

    #[test]
    fn memory_is_bounded_and_the_rest_is_one_count() {
        let mut complaints = Complaints::default();
        let source = |n: usize| IpAddr::V4((n as u32).into());
        for n in 0..2 * COUNTS_MAX {
            complaints.is_news(at(0), source(n), Complaint::Malformed);
        }
        assert_eq!((complaints.counts.len(), complaints.due.len()), (COUNTS_MAX, COUNTS_MAX));
        let said = complaints.tick(at(10_000));
        assert_eq!(said, ["1000 more from other sources in 10 s: malformed or refused"]);
        assert!(complaints.counts.is_empty() && complaints.others.is_none());
    }
}
