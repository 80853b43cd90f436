//! How often the loop wakes while much comes: as network cards moderate their interrupts.
//!
//! ```text
//!   little comes ──▶ the loop wakes for each, and meets it at once
//!   four and more within a millisecond ──▶ it looks once a millisecond, and meets all that has come
//! ```
//!
//! To fall asleep and to be woken costs as much CPU as to carry four packets, or a message of SIP. A house with a
//! hundred calls and more would spend most of its time so; nobody hears a millisecond.

use crate::time::{Duration, Instant};

/// Over so long it is counted what comes.
const SPAN: Duration = Duration::from_millis(20);
/// So much within a [`SPAN`] is much.
const MUCH: u32 = 80;
/// Between two looks while much comes.
const PAUSE: Duration = Duration::from_millis(1);

/// What has come lately.
#[derive(Debug, Default)]
pub struct WakeModeration {
    since: Instant,
    met: u32,
    much: bool,
}

impl WakeModeration {
    /// So many packets and messages were met.
    pub fn met(&mut self, count: usize) {
        self.met = self.met.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// For how long to look for nothing, before the next wake.
    #[must_use]
    pub fn pause(&mut self, now: Instant) -> Option<Duration> {
        let counted = now.since(self.since);
        if counted >= SPAN {
            let much = u128::from(MUCH) * counted.as_micros();
            self.much = u128::from(self.met) * SPAN.as_micros() >= much;
            (self.since, self.met) = (now, 0);
        }
        self.much.then_some(PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::START + Duration::from_millis(ms)
    }

    #[test]
    fn while_little_comes_the_loop_wakes_for_each() {
        let mut moderation = WakeModeration::default();
        for ms in 0..1_000 {
            moderation.met(3);
            assert_eq!(moderation.pause(at(ms)), None, "{ms}");
        }
    }

    #[test]
    fn while_much_comes_it_pauses_and_soon_no_more() {
        let mut moderation = WakeModeration::default();
        for ms in 0..100 {
            moderation.met(5);
            assert_eq!(moderation.pause(at(ms)), (ms >= 20).then_some(PAUSE), "{ms}");
        }
        moderation.met(1);
        assert_eq!(moderation.pause(at(130)), None, "its time is over");
    }

    #[test]
    fn what_comes_at_once_after_a_long_time_is_no_crowd_yet() {
        let mut moderation = WakeModeration::default();
        moderation.met(500);
        assert_eq!(moderation.pause(at(10_000)), None);
        moderation.met(500);
        assert_eq!(moderation.pause(at(10_020)), Some(PAUSE));
    }
}
