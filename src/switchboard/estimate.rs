//! How long a caller will wait: from how fast the last ones came forward in their queue.

use crate::time::Duration;
use std::collections::VecDeque;

/// So many of the last takes count.
const TAKES: usize = 8;
/// With fewer takes nothing is said.
const TAKES_MIN: usize = 3;
/// Estimates are rounded up to one of these, in minutes: finer steps would promise what nobody knows,
/// and change the picture all the time. Longer waits are not told.
const STEPS: [u32; 11] = [1, 2, 3, 4, 5, 10, 15, 20, 30, 45, 60];

/// The pace of one queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Estimate {
    /// How long each of the last callers that were taken waited for each place before it.
    places: VecDeque<Duration>,
}

impl Estimate {
    /// A caller was taken, which had come to this position.
    pub fn taken(&mut self, waited: Duration, came_to: usize) {
        if self.places.len() == TAKES {
            self.places.pop_front();
        }
        let places = u64::try_from(came_to.max(1)).unwrap_or(u64::MAX);
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.places.push_back(Duration::from_micros(micros / places));
    }

    /// The wait of a caller at this position, in minutes; none when nobody can tell.
    pub fn minutes(&self, position: usize) -> Option<u32> {
        if self.places.len() < TAKES_MIN {
            return None;
        }
        let sum: u128 = self.places.iter().map(|place| u128::from(place.as_micros() as u64)).sum();
        let wait = sum * position as u128 / self.places.len() as u128;
        let minutes = wait.div_ceil(60_000_000);
        STEPS.into_iter().find(|step| u128::from(*step) >= minutes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(takes: &[(u64, usize)]) -> Estimate {
        let mut estimate = Estimate::default();
        for (secs, position) in takes {
            estimate.taken(Duration::from_secs(*secs), *position);
        }
        estimate
    }

    #[test]
    fn nothing_is_said_before_enough_is_known() {
        assert_eq!(after(&[]).minutes(1), None);
        assert_eq!(after(&[(60, 1), (60, 1)]).minutes(1), None);
        assert_eq!(after(&[(60, 1), (60, 1), (60, 1)]).minutes(1), Some(1));
    }

    #[test]
    fn each_place_takes_as_long_as_it_took_the_last_ones() {
        let estimate = after(&[(60, 1), (240, 2), (180, 2)]);
        // 60, 120 and 90 s for a place.
        assert_eq!(estimate.minutes(1), Some(2));
        assert_eq!(estimate.minutes(2), Some(3));
        assert_eq!(estimate.minutes(4), Some(10), "6 minutes, rounded up");
    }

    #[test]
    fn only_the_last_takes_count() {
        let mut estimate = after(&[(3600, 1); 8]);
        assert_eq!(estimate.minutes(1), Some(60));
        for _ in 0..8 {
            estimate.taken(Duration::from_secs(30), 1);
        }
        assert_eq!(estimate.minutes(1), Some(1));
    }

    #[test]
    fn a_wait_beyond_an_hour_is_not_told_and_absurd_ones_do_no_harm() {
        let estimate = after(&[(u64::MAX / 1_000_000, 1), (0, 0), (0, usize::MAX)]);
        assert_eq!(estimate.minutes(usize::MAX), None);
        assert_eq!(after(&[(60, 1); 3]).minutes(61), None);
        assert_eq!(after(&[(0, 1); 3]).minutes(9), Some(1));
    }
}
