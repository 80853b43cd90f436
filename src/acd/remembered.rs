//! Who took the requests that are over, so that a late take hears `already-taken`.

use crate::ids::{OperatorId, RequestId};
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};

/// How long a request that is over is remembered.
pub(super) const REMEMBERED: Duration = Duration::from_secs(600);
/// How many are remembered; beyond it the oldest is forgotten early.
pub(super) const REMEMBERED_MAX: usize = 10_000;

/// The requests that were taken and are over.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    takers: BTreeMap<RequestId, OperatorId>,
    order: VecDeque<(Instant, RequestId)>,
}

impl Remembered {
    pub fn insert(&mut self, now: Instant, request: RequestId, taker: OperatorId) {
        self.forget(now);
        if self.takers.insert(request, taker).is_none() {
            self.order.push_back((now, request));
        }
        if self.order.len() > REMEMBERED_MAX {
            self.forget_oldest();
        }
    }

    /// Who took the request, if it was over no more than [`REMEMBERED`] ago.
    pub fn taker(&mut self, now: Instant, request: RequestId) -> Option<&OperatorId> {
        self.forget(now);
        self.takers.get(&request)
    }

    fn forget(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(at, _)| now.since(*at) >= REMEMBERED) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, request)) = self.order.pop_front() {
            self.takers.remove(&request);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_limit_the_oldest_is_forgotten() {
        let (mut remembered, now) = (Remembered::default(), Instant::START);
        for number in 0..=REMEMBERED_MAX as u64 {
            remembered.insert(now, RequestId(number), OperatorId::from("op1"));
        }
        assert_eq!(remembered.taker(now, RequestId(0)), None);
        assert!(remembered.taker(now, RequestId(1)).is_some());
        assert_eq!(remembered.order.len(), REMEMBERED_MAX);
        assert_eq!(remembered.takers.len(), REMEMBERED_MAX);
    }

    #[test]
    fn after_ten_minutes_it_is_forgotten() {
        let mut remembered = Remembered::default();
        remembered.insert(Instant::START, RequestId(1), OperatorId::from("op1"));
        let later = Instant::START + REMEMBERED;
        assert!(remembered.taker(later, RequestId(1)).is_none());
        assert!(remembered.order.is_empty() && remembered.takers.is_empty());
    }
}
