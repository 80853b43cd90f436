//! When a camera is connected: only while somebody looks, and again after each loss.
//!
//! ```text
//!   Off ── watched ──▶ Connecting ── up ──▶ Up
//!    ▲                  │      ▲            │
//!    │             failed    it is time   failed
//!    │                  ▼      │            │
//!    │                 Waiting 1, 2, 4 … 30 s ◀┘   from 1 s again after a good connection
//!    └── nobody looks for 10 s ── from anywhere
//! ```
//!
//! Pure: the time comes in as an argument, what is to be done goes out.

use crate::time::{Duration, Instant, earliest};

/// A camera stays connected for so long after the last one who looked: callers come back.
pub const LINGER: Duration = Duration::from_secs(10);
/// The first pause before another try.
pub const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest.
pub const PAUSE_MAX: Duration = Duration::from_secs(30);
/// A connection that held for so long was a good one.
pub const GOOD: Duration = Duration::from_secs(10);

/// What has happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Input {
    /// Somebody looks.
    Watched,
    /// Nobody looks any more.
    Unwatched,
    /// It plays.
    Up,
    /// It could not be reached, or is gone.
    Failed,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConnectionOrder {
    /// Connect.
    Connect,
    /// Let go of the connection, or of the attempt.
    LetGo,
}

/// The line to one camera.
#[derive(Debug)]
pub struct CameraConnection {
    state: CameraConnectionState,
    audience: Audience,
    /// The pause after the next failure.
    pause: Duration,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum CameraConnectionState {
    Off,
    Connecting,
    Up { since: Instant },
    Waiting { until: Instant },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Audience {
    Here,
    Gone { since: Instant },
}

impl CameraConnection {
    /// Nobody looks, nothing is connected.
    #[must_use]
    pub fn new() -> Self {
        let audience = Audience::Gone { since: Instant::START };
        Self { state: CameraConnectionState::Off, audience, pause: PAUSE_MIN }
    }

    /// Takes in what has happened.
    pub fn handle(&mut self, now: Instant, input: Input) -> Option<ConnectionOrder> {
        match (input, self.state) {
            (Input::Watched, CameraConnectionState::Off) => {
                self.audience = Audience::Here;
                self.pause = PAUSE_MIN;
                self.state = CameraConnectionState::Connecting;
                Some(ConnectionOrder::Connect)
            }
            (
                Input::Watched,
                CameraConnectionState::Connecting
                | CameraConnectionState::Up { .. }
                | CameraConnectionState::Waiting { .. },
            ) => {
                self.audience = Audience::Here;
                None
            }
            (Input::Unwatched, CameraConnectionState::Off) => None,
            (
                Input::Unwatched,
                CameraConnectionState::Connecting
                | CameraConnectionState::Up { .. }
                | CameraConnectionState::Waiting { .. },
            ) => {
                self.audience = Audience::Gone { since: now };
                None
            }
            (Input::Up, CameraConnectionState::Connecting) => {
                self.state = CameraConnectionState::Up { since: now };
                None
            }
            (
                Input::Failed,
                CameraConnectionState::Connecting | CameraConnectionState::Up { .. },
            ) => {
                if let CameraConnectionState::Up { since } = self.state
                    && now.since(since) >= GOOD
                {
                    self.pause = PAUSE_MIN;
                }
                self.state = CameraConnectionState::Waiting { until: now + self.pause };
                self.pause = (self.pause * 2).min(PAUSE_MAX);
                None
            }
            // Said by a connection that was let go of.
            (
                Input::Up,
                CameraConnectionState::Off
                | CameraConnectionState::Up { .. }
                | CameraConnectionState::Waiting { .. },
            )
            | (Input::Failed, CameraConnectionState::Off | CameraConnectionState::Waiting { .. }) => {
                None
            }
        }
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let again = match self.state {
            CameraConnectionState::Waiting { until } => Some(until),
            CameraConnectionState::Off => return None,
            CameraConnectionState::Connecting | CameraConnectionState::Up { .. } => None,
        };
        let over = match self.audience {
            Audience::Gone { since } => Some(since + LINGER),
            Audience::Here => None,
        };
        earliest(again, over)
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant) -> Option<ConnectionOrder> {
        if self.deadline().is_none_or(|at| now < at) {
            return None;
        }
        if let Audience::Gone { since } = self.audience
            && now.since(since) >= LINGER
        {
            self.state = CameraConnectionState::Off;
            return Some(ConnectionOrder::LetGo);
        }
        self.state = CameraConnectionState::Connecting;
        Some(ConnectionOrder::Connect)
    }

    /// How long it is to the next try, while it waits for one.
    #[must_use]
    pub fn pause(&self, now: Instant) -> Option<Duration> {
        match self.state {
            CameraConnectionState::Waiting { until } => Some(until.since(now)),
            CameraConnectionState::Off
            | CameraConnectionState::Connecting
            | CameraConnectionState::Up { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    /// A line that is watched and up since the beginning.
    fn up() -> CameraConnection {
        let mut line = CameraConnection::new();
        assert_eq!(line.handle(at(0), Input::Watched), Some(ConnectionOrder::Connect));
        line.handle(at(0), Input::Up);
        line
    }

    #[test]
    fn a_camera_is_connected_when_somebody_looks_and_let_go_a_while_after() {
        let mut line = up();
        assert_eq!(line.deadline(), None);
        line.handle(at(5_000), Input::Unwatched);
        assert_eq!(line.deadline(), Some(at(15_000)));
        assert_eq!(line.tick(at(14_999)), None);
        assert_eq!(line.tick(at(15_000)), Some(ConnectionOrder::LetGo));
        assert_eq!(line.deadline(), None);
        assert_eq!(line.handle(at(20_000), Input::Watched), Some(ConnectionOrder::Connect));
    }

    #[test]
    fn who_comes_back_in_time_finds_it_connected() {
        let mut line = up();
        line.handle(at(5_000), Input::Unwatched);
        assert_eq!(line.handle(at(9_000), Input::Watched), None);
        assert_eq!((line.deadline(), line.tick(at(60_000))), (None, None));
    }

    #[test]
    fn the_pauses_double_up_to_the_longest() {
        let mut line = CameraConnection::new();
        assert_eq!(line.handle(at(0), Input::Watched), Some(ConnectionOrder::Connect));
        let mut now = at(0);
        for secs in [1, 2, 4, 8, 16, 30, 30] {
            line.handle(now, Input::Failed);
            let due = now + Duration::from_secs(secs);
            assert_eq!(line.pause(now), Some(Duration::from_secs(secs)));
            assert_eq!(line.deadline(), Some(due));
            assert_eq!(line.tick(due), Some(ConnectionOrder::Connect));
            now = due;
        }
    }

    #[test]
    fn a_good_connection_starts_the_pauses_anew_and_a_short_one_does_not() {
        let mut line = up();
        line.handle(at(1_000), Input::Failed);
        line.tick(at(2_000));
        line.handle(at(2_000), Input::Up);
        line.handle(at(3_000), Input::Failed);
        assert_eq!(line.pause(at(3_000)), Some(Duration::from_secs(2)));
        line.tick(at(5_000));
        line.handle(at(5_000), Input::Up);
        line.handle(at(15_000), Input::Failed);
        assert_eq!(line.pause(at(15_000)), Some(PAUSE_MIN));
    }

    #[test]
    fn nobody_who_looks_no_more_tries() {
        let mut line = up();
        line.handle(at(0), Input::Failed);
        line.handle(at(500), Input::Unwatched);
        assert_eq!(line.tick(at(1_000)), Some(ConnectionOrder::Connect), "it lingers");
        line.handle(at(1_000), Input::Failed);
        for ms in (1_000..10_500).step_by(100) {
            line.tick(at(ms));
        }
        assert_eq!(line.tick(at(10_500)), Some(ConnectionOrder::LetGo));
        assert_eq!(line.deadline(), None);
    }

    #[test]
    fn what_an_old_connection_says_changes_nothing() {
        let mut line = CameraConnection::new();
        for input in [Input::Up, Input::Failed, Input::Unwatched] {
            assert_eq!(line.handle(at(0), input), None);
            assert_eq!(line.deadline(), None);
        }
        let mut line = up();
        line.handle(at(0), Input::Failed);
        let due = line.deadline();
        line.handle(at(100), Input::Failed);
        line.handle(at(100), Input::Up);
        assert_eq!(line.deadline(), due);
    }

    proptest! {
        #[test]
        fn a_connection_is_never_asked_for_twice(
            steps in prop::collection::vec((0..5_u8, 1..12_000_u64), 1..200)
        ) {
            let mut line = CameraConnection::new();
            let (mut now, mut open) = (0, false);
            for (what, ms) in steps {
                now += ms;
                let input = match what {
                    0 => Some(Input::Watched),
                    1 => Some(Input::Unwatched),
                    2 => Some(Input::Up),
                    3 => Some(Input::Failed),
                    4.. => None,
                };
                // A failure is said once by each connection.
                let input = input.filter(|input| open || !matches!(input, Input::Up | Input::Failed));
                let order = match input {
                    Some(input) => line.handle(at(now), input),
                    None => line.tick(at(now)),
                };
                open &= input != Some(Input::Failed);
                match order {
                    Some(ConnectionOrder::Connect) => { prop_assert!(!open); open = true; }
                    Some(ConnectionOrder::LetGo) => open = false,
                    None => {}
                }
            }
        }
    }
}
