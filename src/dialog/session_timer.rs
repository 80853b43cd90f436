//! The session timer: how the loss of a peer, or of its BYE, is noticed (RFC 4028).
//!
//! ```text
//!              2xx to INVITE or UPDATE
//!                 │                 │
//!      we refresh ▼                 ▼ the peer refreshes
//!            Refreshing ◀──2xx──▶ Watching
//!              │  │                 │ expires − min(32 s, expires / 3)
//!   half of it │  └── expires ──────┤
//!              ▼                    ▼
//!      UPDATE or re-INVITE         BYE (§10)
//! ```
//!
//! A peer without `timer` is refreshed by us, and anything it answers but 408 and 481 counts as
//! a sign of life.

use super::settings::Wishes;
use crate::sip::{Headers, Refresher as Role, SessionExpires};
use crate::time::{Duration, Instant, Now, UnixTime, earliest};

/// What a request says of session timers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TimerRequest {
    /// `timer` is in Supported or Require.
    pub supported: bool,
    /// Its Session-Expires.
    pub expires: Option<SessionExpires>,
    /// Its Min-SE, in seconds.
    pub min_se: Option<u32>,
}

impl TimerRequest {
    /// Reads the headers of an INVITE or UPDATE; malformed ones are as good as none.
    #[must_use]
    pub fn of(headers: &Headers) -> Self {
        Self {
            supported: headers.supports("timer"),
            expires: headers.session_expires().ok().flatten(),
            min_se: headers.min_se().ok().flatten(),
        }
    }
}

/// The interval is shorter than our Min-SE: 422.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TooSmall;

/// What our 2xx says to what was asked (§9).
///
/// # Errors
/// [`TooSmall`] when the request deserves 422.
pub fn grant(wishes: Wishes, asked: TimerRequest) -> Result<SessionExpires, TooSmall> {
    let seconds = match asked.expires {
        None => wishes.session_expires.max(asked.min_se.unwrap_or(0)),
        // §9: a 422 is for those who understand it; for others a proxy chose the value.
        Some(theirs) if theirs.secs < wishes.min_se && asked.supported => return Err(TooSmall),
        Some(theirs) => {
            let least = asked.min_se.unwrap_or(0).max(wishes.min_se);
            theirs.secs.min(wishes.session_expires.max(least)).max(wishes.min_se)
        }
    };
    let refresher = match (asked.supported, asked.expires.and_then(|e| e.refresher)) {
        (false, _) => Role::Uas,
        (true, wanted) => wanted.unwrap_or(Role::Uac),
    };
    Ok(SessionExpires { secs: seconds, refresher: Some(refresher) })
}

/// Who of the two keeps the session alive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RefreshingSide {
    /// This side.
    Us,
    /// The other side.
    Peer,
}

/// What the timer wants done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TimerDue {
    /// Send a refresh.
    Refresh,
    /// The session is over: send BYE.
    Expired,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum SessionTimerState {
    /// Before the first 2xx.
    Unarmed,
    Refreshing {
        refresh_at: Option<Instant>,
        ends: Option<Instant>,
    },
    Watching {
        ends: Instant,
    },
}

/// A session timer as a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SavedTimer {
    /// The interval that was agreed.
    pub seconds: u32,
    /// The Min-SE of our requests.
    pub min_se: u32,
    /// Who refreshes; nobody before the first 2xx.
    pub refresher: Option<RefreshingSide>,
    /// When we refresh.
    pub refresh_at: Option<UnixTime>,
    /// When the session is given up.
    pub ends: Option<UnixTime>,
}

/// The session timer of one dialog.
#[derive(Clone, Copy, Debug)]
pub struct SessionTimer {
    state: SessionTimerState,
    /// Agreed, or until then what we ask for; rises with each 422.
    seconds: u32,
    /// The Min-SE of our requests; rises with each 422 (§7.3).
    min_se: u32,
}

impl SessionTimer {
    /// A timer that starts with the first 2xx.
    #[must_use]
    pub fn new(wishes: Wishes) -> Self {
        Self {
            state: SessionTimerState::Unarmed,
            seconds: wishes.session_expires,
            min_se: wishes.min_se,
        }
    }

    /// The timer that was saved.
    #[must_use]
    pub fn restored(now: Now, saved: SavedTimer) -> Self {
        let SavedTimer { seconds, min_se, refresher, refresh_at, ends } = saved;
        let moment = |at: Option<UnixTime>| at.map(|at| now.instant_of(at));
        let (refresh_at, ends) = (moment(refresh_at), moment(ends));
        let state = match (refresher, ends) {
            (Some(RefreshingSide::Us), _) => SessionTimerState::Refreshing { refresh_at, ends },
            (Some(RefreshingSide::Peer), Some(ends)) => SessionTimerState::Watching { ends },
            (Some(RefreshingSide::Peer), None) | (None, _) => SessionTimerState::Unarmed,
        };
        Self { state, seconds, min_se }
    }

    /// As a value.
    #[must_use]
    pub fn saved(&self, now: Now) -> SavedTimer {
        let (refresher, refresh_at, ends) = match self.state {
            SessionTimerState::Unarmed => (None, None, None),
            SessionTimerState::Refreshing { refresh_at, ends } => {
                (Some(RefreshingSide::Us), refresh_at, ends)
            }
            SessionTimerState::Watching { ends } => (Some(RefreshingSide::Peer), None, Some(ends)),
        };
        let moment = |at: Option<Instant>| at.map(|at| now.unix_of(at));
        let (refresh_at, ends) = (moment(refresh_at), moment(ends));
        SavedTimer { seconds: self.seconds, min_se: self.min_se, refresher, refresh_at, ends }
    }

    /// Session-Expires of our next request. §7.4: a refresh names the roles as they are.
    #[must_use]
    pub fn ask(&self) -> SessionExpires {
        let refresher = match self.state {
            SessionTimerState::Unarmed => None,
            SessionTimerState::Refreshing { .. } => Some(Role::Uac),
            SessionTimerState::Watching { .. } => Some(Role::Uas),
        };
        SessionExpires { secs: self.seconds, refresher }
    }

    /// Min-SE of our next request, in seconds.
    #[must_use]
    pub fn min_se(&self) -> u32 {
        self.min_se
    }

    /// Takes the Min-SE of a 422; false when it asks for no more than we did, so that a retry is
    /// in vain.
    pub fn raise(&mut self, min_se: Option<u32>) -> bool {
        // A day is longer than any call: whoever asks for more is refused.
        const MIN_SE_MAX: u32 = 86_400;
        match min_se {
            Some(wanted) if wanted > self.seconds && wanted <= MIN_SE_MAX => {
                self.seconds = wanted;
                self.min_se = wanted;
                true
            }
            Some(_) | None => false,
        }
    }

    /// Starts anew after our 2xx (what [`grant`] said) to the peer's request.
    pub fn granted(&mut self, now: Instant, answer: SessionExpires, peer_supports: bool) {
        let refresher = match answer.refresher {
            Some(Role::Uac) => RefreshingSide::Peer,
            Some(Role::Uas) | None => RefreshingSide::Us,
        };
        self.arm(now, answer.secs, refresher, peer_supports);
    }

    /// Starts anew after the peer's 2xx to our request.
    pub fn answered(&mut self, now: Instant, answer: Option<SessionExpires>) {
        match answer {
            None => self.arm(now, self.seconds, RefreshingSide::Us, false),
            Some(SessionExpires { secs, refresher }) => {
                let refresher = match refresher {
                    Some(Role::Uas) => RefreshingSide::Peer,
                    Some(Role::Uac) | None => RefreshingSide::Us,
                };
                // A value below what we allow would make us send refreshes without end.
                self.arm(now, secs.max(self.min_se), refresher, true);
            }
        }
    }

    fn arm(&mut self, now: Instant, seconds: u32, refresher: RefreshingSide, strict: bool) {
        self.seconds = seconds;
        let interval = Duration::from_secs(u64::from(seconds));
        self.state = match refresher {
            RefreshingSide::Us => SessionTimerState::Refreshing {
                refresh_at: Some(now + interval / 2),
                ends: strict.then(|| now + interval),
            },
            // §10: early enough that the BYE arrives before the other side gives up.
            RefreshingSide::Peer => SessionTimerState::Watching {
                ends: now + (interval - (interval / 3).min(Duration::from_secs(32))),
            },
        };
    }

    /// A refresh was refused, and not with 408 or 481: a strict session is tried once more half-way
    /// to its end; one without `timer` has shown that it lives.
    pub fn refused(&mut self, now: Instant) {
        match &mut self.state {
            SessionTimerState::Refreshing { refresh_at, ends: Some(ends) } => {
                *refresh_at = half_way(now, *ends);
            }
            SessionTimerState::Refreshing { ends: None, .. } => {
                self.arm(now, self.seconds, RefreshingSide::Us, false);
            }
            SessionTimerState::Unarmed | SessionTimerState::Watching { .. } => {}
        }
    }

    /// A refresh could not be carried: it is tried again half-way to the end of the session, which a
    /// peer without `timer` has now, too.
    pub fn unreached(&mut self, now: Instant) {
        match &mut self.state {
            SessionTimerState::Refreshing { refresh_at, ends } => {
                let interval = Duration::from_secs(u64::from(self.seconds));
                *refresh_at = half_way(now, *ends.get_or_insert(now + interval / 2));
            }
            SessionTimerState::Unarmed | SessionTimerState::Watching { .. } => {}
        }
    }

    /// Stops for good.
    pub fn stop(&mut self) {
        self.state = SessionTimerState::Unarmed;
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            SessionTimerState::Unarmed => None,
            SessionTimerState::Refreshing { refresh_at, ends } => earliest(refresh_at, ends),
            SessionTimerState::Watching { ends } => Some(ends),
        }
    }

    /// What is due at `now`, if anything.
    pub fn tick(&mut self, now: Instant) -> Option<TimerDue> {
        if self.deadline().is_none_or(|at| now < at) {
            return None;
        }
        match &mut self.state {
            SessionTimerState::Refreshing { ends: Some(ends), .. }
            | SessionTimerState::Watching { ends }
                if now >= *ends =>
            {
                self.state = SessionTimerState::Unarmed;
                Some(TimerDue::Expired)
            }
            SessionTimerState::Refreshing { refresh_at, .. } => {
                *refresh_at = None;
                Some(TimerDue::Refresh)
            }
            SessionTimerState::Watching { .. } | SessionTimerState::Unarmed => None,
        }
    }
}

/// The next try of a refresh, while there is time for one.
fn half_way(now: Instant, ends: Instant) -> Option<Instant> {
    let left = ends.since(now);
    (left > Duration::from_secs(10)).then(|| now + left / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::HeaderName;

    const WISHES: Wishes = Wishes { session_expires: 1800, min_se: 90 };

    fn expires(value: &str) -> Option<SessionExpires> {
        let mut headers = Headers::new();
        headers.push(HeaderName::SessionExpires, value);
        headers.session_expires().ok().flatten()
    }

    fn asked(supported: bool, value: &str, min_se: Option<u32>) -> TimerRequest {
        TimerRequest { supported, expires: expires(value), min_se }
    }

    fn granted(supported: bool, value: &str, min_se: Option<u32>) -> Option<String> {
        grant(WISHES, asked(supported, value, min_se)).ok().map(|answer| answer.to_string())
    }

    fn at(seconds: u64) -> Instant {
        Instant::START + Duration::from_secs(seconds)
    }

    #[test]
    fn the_answer_never_exceeds_the_wish_of_either_side() {
        assert_eq!(
            granted(true, "3600;refresher=uac", None).as_deref(),
            Some("1800;refresher=uac")
        );
        assert_eq!(granted(true, "600;refresher=uas", None).as_deref(), Some("600;refresher=uas"));
        assert_eq!(granted(true, "", None).as_deref(), Some("1800;refresher=uac"));
        assert_eq!(granted(true, "9000", Some(7200)).as_deref(), Some("7200;refresher=uac"));
    }

    #[test]
    fn too_short_an_interval_is_refused_only_to_those_who_know_422() {
        assert_eq!(granted(true, "89", None), None);
        assert_eq!(granted(true, "90", None).as_deref(), Some("90;refresher=uac"));
        assert_eq!(granted(false, "60", None).as_deref(), Some("90;refresher=uas"));
    }

    #[test]
    fn we_refresh_at_half_time_and_give_up_at_the_end() {
        let mut timer = SessionTimer::new(WISHES);
        timer.answered(at(0), expires("100;refresher=uac"));
        assert_eq!(timer.deadline(), Some(at(50)));
        assert_eq!(timer.tick(at(49)), None);
        assert_eq!(timer.tick(at(50)), Some(TimerDue::Refresh));
        timer.refused(at(60));
        assert_eq!(timer.deadline(), Some(at(80)));
        assert_eq!(timer.tick(at(80)), Some(TimerDue::Refresh));
        assert_eq!(timer.tick(at(100)), Some(TimerDue::Expired));
        assert_eq!(timer.deadline(), None);
    }

    #[test]
    fn a_peer_that_refreshes_is_given_until_shortly_before_the_end() {
        let mut timer = SessionTimer::new(WISHES);
        timer.answered(at(0), expires("90;refresher=uas"));
        assert_eq!(timer.deadline(), Some(at(60)));
        timer.granted(at(50), SessionExpires { secs: 1800, refresher: Some(Role::Uac) }, true);
        assert_eq!(timer.deadline(), Some(at(50 + 1800 - 32)));
        assert_eq!(timer.tick(at(1818)), Some(TimerDue::Expired));
    }

    #[test]
    fn a_peer_without_timers_is_asked_for_ever() {
        let mut timer = SessionTimer::new(WISHES);
        timer.answered(at(0), None);
        assert_eq!(timer.tick(at(900)), Some(TimerDue::Refresh));
        timer.refused(at(901));
        assert_eq!(timer.deadline(), Some(at(1801)));
    }

    /// No fault of the net ends a call that is up, but nobody is waited for without end.
    #[test]
    fn a_peer_out_of_reach_is_tried_until_the_session_ends() {
        let mut timer = SessionTimer::new(WISHES);
        timer.answered(at(0), None);
        assert_eq!(timer.tick(at(900)), Some(TimerDue::Refresh));
        timer.unreached(at(900));
        assert_eq!(timer.deadline(), Some(at(1350)));
        assert_eq!(timer.tick(at(1350)), Some(TimerDue::Refresh));
        timer.unreached(at(1350));
        let mut tries = 0;
        let mut now = at(1350);
        while timer.tick(now) != Some(TimerDue::Expired) {
            timer.unreached(now);
            now = timer.deadline().expect("it ends");
            tries += 1;
            assert!(tries < 20);
        }
        assert_eq!(now, at(1800));
        // One that is reached again lives on.
        let mut timer = SessionTimer::new(WISHES);
        timer.answered(at(0), None);
        assert_eq!(timer.tick(at(900)), Some(TimerDue::Refresh));
        timer.unreached(at(900));
        timer.answered(at(1350), None);
        assert_eq!(timer.deadline(), Some(at(2250)));
    }

    #[test]
    fn a_422_is_followed_upwards_and_within_reason() {
        let mut timer = SessionTimer::new(WISHES);
        assert!(timer.raise(Some(3600)));
        assert_eq!(timer.ask().to_string(), "3600");
        assert_eq!(timer.min_se(), 3600);
        assert!(!timer.raise(Some(3600)));
        assert!(!timer.raise(None));
        assert!(!timer.raise(Some(u32::MAX)));
    }

    #[test]
    fn a_hostile_answer_does_not_make_us_refresh_without_end() {
        let mut timer = SessionTimer::new(WISHES);
        timer.answered(at(0), expires("1;refresher=uac"));
        assert_eq!(timer.deadline(), Some(at(45)));
    }
}
