//! Asking a source of pictures for a key frame: at once, then every 500 ms or a little more until one comes.
//!
//! ```text
//!   a key frame came ─── switch: asked ─── not asked ─── a second since that key frame: asked ─── every 500 ms
//! ```
//!
//! Many phones send one a second at most, and forget what they were asked in between: a request just before
//! their second is over would be in vain, and would hold back the right one. Some forget as well what they are asked
//! while they code a picture (baresip 1.0), and a camera's pictures go in step with half a second: who has to be asked
//! again is asked when a picture of it has just come.
//!
//! A switch that waits for the journal asks before it is made. What comes too early then is shown to
//! nobody, and the switch asks once more, without regard to what has been answered already.

use crate::time::{Duration, Instant, UnixTime};

/// Between two requests; the receivers' own are held back to the same.
pub const REQUEST_INTERVAL: Duration = Duration::from_millis(500);
/// So long the end of a picture is awaited then: cameras make five in a second, or more.
const PICTURE_WAIT: Duration = Duration::from_millis(200);
/// A phone that has not answered at once may do so when so much time has passed since its last key frame.
const SECOND: Duration = Duration::from_secs(1);
/// A source that has not answered for this long never will.
const GIVE_UP: Duration = Duration::from_secs(10);

/// The key frames asked of one source.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Requests<At = Instant> {
    /// Since when somebody needs one.
    pub wanted_since: Option<At>,
    /// When it was asked last.
    pub last: Option<At>,
    /// When one came last.
    pub came: Option<At>,
    /// RFC 5104 §4.3.1.1: rises with each FIR.
    pub number: u8,
}

/// The same, to be put back in another process.
pub type SavedRequests = Requests<UnixTime>;

impl<At> Default for Requests<At> {
    fn default() -> Self {
        Self { wanted_since: None, last: None, came: None, number: 0 }
    }
}

impl<At: Copy> Requests<At> {
    /// The same by another clock.
    pub fn by<To>(&self, clock: impl Fn(At) -> To) -> Requests<To> {
        Requests {
            wanted_since: self.wanted_since.map(&clock),
            last: self.last.map(&clock),
            came: self.came.map(&clock),
            number: self.number,
        }
    }
}

impl Requests {
    /// Somebody needs a key frame.
    pub fn want(&mut self, now: Instant) {
        self.wanted_since = Some(now);
    }

    /// Somebody new sees the source from now on. A request that was answered before was not this one.
    pub fn switched(&mut self, now: Instant) {
        if self.came > self.last {
            self.last = None;
        }
        self.want(now);
    }

    /// One has begun.
    pub fn came(&mut self, now: Instant) {
        self.wanted_since = None;
        self.came = Some(now);
    }

    /// When the next request is due at the latest, whatever the source sends.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let allowed = self.allowed()?;
        let at_once = self.wanted_since == Some(allowed);
        Some(if at_once { allowed } else { allowed + PICTURE_WAIT })
    }

    /// From when on the source may be asked.
    fn allowed(&self) -> Option<Instant> {
        let since = self.wanted_since?;
        let due = self.last.map_or(since, |last| since.max(last + REQUEST_INTERVAL));
        // It was asked since then, and has not answered.
        let again = self.came.filter(|came| self.last > Some(*came)).map(|came| came + SECOND);
        Some(again.map_or(due, |again| due.max(again)))
    }

    /// Whether to ask now; gives the number of the request.
    pub fn due(&mut self, now: Instant) -> Option<u8> {
        self.ask_from(now, self.deadline()?)
    }

    /// The same where a picture of the source has just come, and the next one is not coded yet.
    pub fn due_between_pictures(&mut self, now: Instant) -> Option<u8> {
        self.ask_from(now, self.allowed()?)
    }

    fn ask_from(&mut self, now: Instant, from: Instant) -> Option<u8> {
        if self.wanted_since.is_some_and(|since| now.since(since) > GIVE_UP) {
            self.wanted_since = None;
            return None;
        }
        (now >= from).then(|| self.ask(now))
    }

    /// When the source may be asked for a key frame that nobody needs at once: so long after the last one, and after
    /// the last request, and not while it is asked anyway.
    #[must_use]
    pub fn spare_due(&self, interval: Duration) -> Option<Instant> {
        let last = self.last.max(self.came).map_or(Instant::START, |at| at + interval);
        self.wanted_since.is_none().then_some(last)
    }

    /// Asks once; gives the number of the request.
    pub fn ask(&mut self, now: Instant) -> u8 {
        self.last = Some(now);
        self.number = self.number.wrapping_add(1);
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    /// Of a source that sends nothing.
    fn asked(requests: &mut Requests, until_ms: u64) -> Vec<u64> {
        (0..=until_ms).step_by(20).filter(|at| requests.due(ms(*at)).is_some()).collect()
    }

    #[test]
    fn a_request_is_repeated_until_a_key_frame_comes() {
        let mut requests = Requests::default();
        requests.want(ms(0));
        assert_eq!(asked(&mut requests, 1400), [0, 700, 1400]);
        requests.came(ms(1400));
        assert_eq!(requests.deadline(), None);
        assert_eq!((requests.due(ms(5000)), requests.due_between_pictures(ms(5000))), (None, None));
    }

    /// It forgets what it is asked while it codes, which takes it most of the time.
    #[test]
    fn a_phone_that_is_asked_in_vain_is_asked_again_between_two_pictures() {
        for (interval, phase) in [(100, 70), (100, 95), (40, 35), (200, 190)] {
            let mut requests = Requests::default();
            requests.want(ms(phase));
            let steps = (phase..2000).step_by(5);
            let asked: Vec<u64> = steps
                .filter(|at| {
                    let between =
                        at % interval == 0 && requests.due_between_pictures(ms(*at)).is_some();
                    between || requests.due(ms(*at)).is_some()
                })
                .collect();
            assert_eq!(asked[0], phase, "the first time at once");
            assert!(asked[1..].iter().all(|at| at % interval == 0), "{asked:?}");
            let intervals = asked.windows(2).map(|two| two[1] - two[0]);
            assert!(intervals.clone().all(|one| (500..=700).contains(&one)), "{asked:?}");
        }
    }

    #[test]
    fn a_receiver_that_asks_without_end_is_held_back() {
        let mut requests = Requests::default();
        let mut sent = 0;
        for at in 0..1000 {
            requests.want(ms(at));
            sent += usize::from(requests.due(ms(at)).is_some());
            requests.came(ms(at));
        }
        assert_eq!(sent, 2);
    }

    /// One that came just before the switch, and a phone that forgets what it is asked within a second.
    #[test]
    fn a_phone_that_answers_once_a_second_is_asked_when_its_second_is_over() {
        for came in (0..1000).step_by(20) {
            let mut requests = Requests::default();
            requests.want(ms(0));
            assert!(requests.due(ms(0)).is_some());
            requests.came(ms(came));
            requests.want(ms(1000));
            let answers = |at: &u64| {
                *at >= 1000
                    && requests.due_between_pictures(ms(*at)).is_some()
                    && *at >= came + 1000
            };
            let answered = (1000..4000).step_by(20).find(answers).unwrap();
            assert!(answered <= 2000, "came at {came}, then at {answered}");
        }
    }

    #[test]
    fn a_switch_asks_at_once_unless_it_was_asked_for_just_before() {
        let mut requests = Requests::default();
        requests.want(ms(0));
        assert_eq!(asked(&mut requests, 0), [0]);
        requests.switched(ms(20));
        assert_eq!(requests.due(ms(20)), None, "the answer is on its way");
        requests.came(ms(40));
        requests.want(ms(60));
        assert_eq!(requests.due(ms(60)), None, "a receiver's own wish is held back");
        requests.switched(ms(80));
        assert!(requests.due(ms(80)).is_some(), "that key frame was taken before the switch");
        assert_eq!(requests.deadline(), Some(ms(1240)), "and again, a second after it");
    }

    #[test]
    fn a_source_that_never_answers_is_left_alone() {
        let mut requests = Requests::default();
        requests.want(ms(0));
        assert_eq!(asked(&mut requests, 60_000).len(), 15);
        requests.want(ms(100_000));
        let pictures = (100_000..160_000).step_by(100);
        let asked = pictures.filter(|at| requests.due_between_pictures(ms(*at)).is_some());
        assert_eq!(asked.count(), 21, "also one that sends pictures");
    }
}
