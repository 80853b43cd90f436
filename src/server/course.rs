//! How the server ends, whatever signals come in which order.
//!
//! ```text
//!   serving ── SIGTERM ──▶ draining ── no call goes on, or the time is over, or a signal ──▶ farewell ──▶ over
//!      │ └──── SIGINT ─────────────────────────────────────────────────────────────────────────▲
//!      └────── SIGUSR1 ───────┴──▶ leaving ──▶ over
//! ```
//!
//! *Draining*: calls go on until they are over, new ones are refused. *Farewell*: each call, desk and registration of ours
//! is ended in its own words. *Leaving*: what waits is written, and nobody is told, since the next process goes on.

use crate::time::{Duration, Instant};

/// What the server is told by whoever may.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StopSignal {
    /// SIGTERM: end when nobody is cut off by it; said again: now.
    Terminate,
    /// SIGINT: end now.
    Interrupt,
    /// SIGUSR1: make room for the next process, which goes on.
    Restart,
}

/// At the end, phones and the journal get this long.
pub const FAREWELL: Duration = Duration::from_secs(2);

/// Where the server is between its start and its end.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Course {
    #[default]
    Serving,
    Draining {
        until: Instant,
    },
    Farewell {
        until: Instant,
    },
    Leaving {
        until: Instant,
    },
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum CourseStep {
    /// No new calls.
    Drain,
    /// End all that goes on.
    SayFarewell,
    /// Have all written.
    Leave,
}

impl Course {
    /// A signal; `drain` is how long calls may go on.
    pub fn signal(
        &mut self,
        now: Instant,
        signal: StopSignal,
        drain: Duration,
    ) -> Option<CourseStep> {
        use StopSignal::{Interrupt, Restart, Terminate};
        match (*self, signal) {
            (Self::Serving, Terminate) => {
                *self = Self::Draining { until: now + drain };
                Some(CourseStep::Drain)
            }
            (Self::Draining { .. }, Terminate)
            | (Self::Serving | Self::Draining { .. }, Interrupt) => Some(self.farewell(now)),
            (Self::Serving | Self::Draining { .. }, Restart) => {
                *self = Self::Leaving { until: now + FAREWELL };
                Some(CourseStep::Leave)
            }
            // It is told already, and over in a moment.
            (Self::Farewell { .. } | Self::Leaving { .. }, Terminate | Interrupt | Restart) => None,
        }
    }

    /// Whether the time of draining is over, or no call needs it.
    pub fn tick(&mut self, now: Instant, has_calls: bool) -> Option<CourseStep> {
        match *self {
            Self::Draining { until } if now >= until || !has_calls => Some(self.farewell(now)),
            Self::Serving
            | Self::Draining { .. }
            | Self::Farewell { .. }
            | Self::Leaving { .. } => None,
        }
    }

    fn farewell(&mut self, now: Instant) -> CourseStep {
        *self = Self::Farewell { until: now + FAREWELL };
        CourseStep::SayFarewell
    }

    /// Whether the process may end. `is_quiet`: nobody has to be told anything more; `is_written`: nothing waits for the
    /// journal.
    pub fn is_over(self, now: Instant, is_quiet: bool, is_written: bool) -> bool {
        match self {
            Self::Serving | Self::Draining { .. } => false,
            Self::Farewell { until } => now >= until || is_quiet,
            Self::Leaving { until } => now >= until || is_written,
        }
    }

    /// When something is due.
    pub fn deadline(self) -> Option<Instant> {
        match self {
            Self::Serving => None,
            Self::Draining { until } | Self::Farewell { until } | Self::Leaving { until } => {
                Some(until)
            }
        }
    }

    /// Whether what comes is read; the next process does otherwise.
    pub fn reads(self) -> bool {
        !matches!(self, Self::Leaving { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::StopSignal::{Interrupt, Restart, Terminate};
    use super::*;

    const DRAIN: Duration = Duration::from_secs(600);

    fn at(secs: u64) -> Instant {
        Instant::START + Duration::from_secs(secs)
    }

    #[test]
    fn every_signal_is_heard_in_every_order_and_the_end_comes() {
        let signals = [Terminate, Interrupt, Restart];
        for order in signals.iter().flat_map(|one| signals.map(|two| [*one, two])) {
            for third in signals {
                let mut course = Course::default();
                let steps: Vec<_> = [order[0], order[1], third]
                    .iter()
                    .filter_map(|signal| course.signal(at(1), *signal, DRAIN))
                    .collect();
                let (last, before) = steps.split_last().unwrap();
                let has_drained = order[0] == Terminate;
                assert_eq!(before, &[CourseStep::Drain][..usize::from(has_drained)], "{order:?}");
                let decides = if has_drained { order[1] } else { order[0] };
                let expected = match decides {
                    Terminate | Interrupt => CourseStep::SayFarewell,
                    Restart => CourseStep::Leave,
                };
                assert_eq!(*last, expected, "{order:?}");
                assert!(
                    !course.is_over(at(2), false, false) && course.is_over(at(3), false, false)
                );
                assert_eq!(course.deadline(), Some(at(3)));
                assert_eq!(course.is_over(at(1), true, false), expected == CourseStep::SayFarewell);
                assert_eq!(course.is_over(at(1), false, true), expected == CourseStep::Leave);
                assert_eq!(course.reads(), expected == CourseStep::SayFarewell);
            }
        }
    }

    #[test]
    fn draining_is_over_when_no_call_goes_on_or_its_time_is() {
        let mut course = Course::default();
        assert_eq!(course.tick(at(0), false), None);
        assert_eq!(course.signal(at(0), Terminate, DRAIN), Some(CourseStep::Drain));
        assert_eq!(course.tick(at(599), true), None);
        assert!(!course.is_over(at(599), true, true) && course.reads());
        let mut other = course;
        assert_eq!(course.tick(at(600), true), Some(CourseStep::SayFarewell));
        assert_eq!(other.tick(at(5), false), Some(CourseStep::SayFarewell));
        assert_eq!(other.deadline(), Some(at(7)));
    }
}
