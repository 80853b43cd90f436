//! Moments as values: the clock of the cores, and the clock of people; and what is remembered until one.
//!
//! Nothing here reads a clock; `server::clock` does, and hands a [`Now`] down.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::{Add, Sub};

pub use std::time::Duration;

/// A moment on the monotonic clock, in µs since the process started.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instant(u64);

impl Instant {
    /// The moment at which the process started.
    pub const START: Self = Self(0);

    /// The moment `micros` µs after the start.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// µs since the start.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time since `earlier`, or zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The moment so much earlier, or the start.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        self.since(earlier)
    }
}

/// A moment in civil time, in µs since 1970-01-01T00:00:00Z, leap seconds left out.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The moment `micros` µs after the epoch.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The moment `secs` seconds after the epoch.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// µs since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The time since `earlier`, or zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Year, month (1 to 12), day (1 to 31), hour, minute and second in UTC.
    #[must_use]
    pub const fn civil(self) -> (u64, u64, u64, u64, u64, u64) {
        let secs = self.as_secs();
        let (days, rest) = (secs / 86_400, secs % 86_400);
        // Howard Hinnant's days-to-civil, for days on or after 1970-01-01.
        let shifted = days + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + (month <= 2) as u64;
        (year, month, day, rest / 3_600, rest / 60 % 60, rest % 60)
    }
}

impl Add<Duration> for UnixTime {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl Sub<Duration> for UnixTime {
    type Output = Self;

    /// Never before 1970.
    fn sub(self, span: Duration) -> Self {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(micros))
    }
}

/// As RFC 3339 prints it, in UTC and whole seconds: `2026-11-22T12:53:26Z`.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, hour, minute, second) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// One moment on both clocks; what the event loop hands to the exchange.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Now {
    /// For timers.
    pub instant: Instant,
    /// For records, expiry times that survive a restart, and people.
    pub unix: UnixTime,
}

impl Now {
    /// A moment of this process as one that another understands.
    #[must_use]
    pub fn unix_of(self, at: Instant) -> UnixTime {
        self.unix + at.since(self.instant) - self.instant.since(at)
    }

    /// A moment of civil time on the clock of this process; what was before its start, at its start.
    #[must_use]
    pub fn instant_of(self, at: UnixTime) -> Instant {
        (self.instant + at.since(self.unix)).before(self.unix.since(at))
    }
}

impl Add<Duration> for Now {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self { instant: self.instant + span, unix: self.unix + span }
    }
}

/// A moment that comes again, each time after twice the interval, up to a longest one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Repeat {
    at: Instant,
    interval: Duration,
    longest: Duration,
}

impl Repeat {
    /// First `interval` after `now`, and at last every `longest`.
    #[must_use]
    pub fn new(now: Instant, interval: Duration, longest: Duration) -> Self {
        Self { at: now + interval, interval, longest }
    }

    /// One that goes on: it comes next at `at`, which is `ran` after it was begun with this first interval.
    #[must_use]
    pub fn resumed(at: Instant, ran: Duration, first: Duration, longest: Duration) -> Self {
        let (mut after, mut interval) = (first, first);
        while after < ran && !interval.is_zero() {
            interval = (interval * 2).min(longest);
            after += interval;
        }
        Self { at, interval, longest }
    }

    /// The moment that comes next.
    #[must_use]
    pub const fn at(self) -> Instant {
        self.at
    }

    /// The moment after that.
    #[must_use]
    pub fn next(self) -> Self {
        let interval = (self.interval * 2).min(self.longest);
        Self { at: self.at + interval, interval, ..self }
    }
}

/// The earlier of two deadlines, where `None` is never.
#[must_use]
pub fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// What is remembered for a while, in bounded room: each entry ends at a moment of its own, and one too many
/// takes the place of the one that would end first.
#[derive(Clone, Debug)]
pub struct Fading<K, V> {
    most: usize,
    entries: BTreeMap<K, (Instant, V)>,
    by_end: BTreeSet<(Instant, K)>,
}

impl<K: Clone + Ord, V> Fading<K, V> {
    /// Nothing is remembered, and never more than `most`.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self { most, entries: BTreeMap::new(), by_end: BTreeSet::new() }
    }

    /// How much is remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether that is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// An entry and its end, which may have passed: what is over stays until [`forget`](Self::forget).
    #[must_use]
    pub fn get(&self, key: &K) -> Option<(Instant, &V)> {
        self.entries.get(key).map(|(end, value)| (*end, value))
    }

    /// Remembers until then, in place of what is there under this key.
    pub fn put(&mut self, key: K, value: V, end: Instant) {
        if let Some((before, _)) = self.entries.get(&key) {
            self.by_end.remove(&(*before, key.clone()));
        } else if self.entries.len() >= self.most
            && let Some((_, first)) = self.by_end.pop_first()
        {
            self.entries.remove(&first);
        }
        self.by_end.insert((end, key.clone()));
        self.entries.insert(key, (end, value));
    }

    /// Takes an entry out, with its end.
    pub fn remove(&mut self, key: &K) -> Option<(Instant, V)> {
        let (end, value) = self.entries.remove(key)?;
        self.by_end.remove(&(end, key.clone()));
        Some((end, value))
    }

    /// Forgets what is over.
    pub fn forget(&mut self, now: Instant) {
        while self.by_end.first().is_some_and(|(end, _)| *end <= now) {
            if let Some((_, key)) = self.by_end.pop_first() {
                self.entries.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn civil_time_knows_leap_years() {
        for (secs, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_352_006, "2026-11-22T12:53:26Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(UnixTime::from_secs(secs).to_string(), text);
        }
    }

    #[test]
    fn a_repetition_doubles_up_to_its_longest_interval() {
        let second = Duration::from_secs(1);
        let mut repeat = Repeat::new(Instant::START, second, second * 4);
        let mut moments = Vec::new();
        for _ in 0..5 {
            moments.push(repeat.at().as_micros() / 1_000_000);
            repeat = repeat.next();
        }
        assert_eq!(moments, [1, 3, 7, 11, 15]);
    }

    #[test]
    fn a_deadline_that_never_comes_is_no_deadline() {
        let soon = Some(Instant::from_micros(5));
        assert_eq!(earliest(soon, None), soon);
        assert_eq!(earliest(None, None), None);
        assert_eq!(earliest(Some(Instant::from_micros(9)), soon), soon);
    }

    #[test]
    fn what_would_end_first_gives_way_and_what_is_over_is_forgotten() {
        let at = |secs| Instant::START + Duration::from_secs(secs);
        let mut fading = Fading::new(2);
        for (key, value, end) in [("a", 1, 9), ("b", 2, 3), ("b", 3, 5), ("c", 4, 7)] {
            fading.put(key, value, at(end));
        }
        assert_eq!(fading.get(&"b"), None, "it would have ended first");
        assert_eq!(fading.get(&"a"), Some((at(9), &1)));
        fading.put("a", 5, at(6));
        fading.put("d", 6, at(9));
        assert_eq!(fading.get(&"a"), None);
        fading.put("a", 7, at(6));
        assert_eq!((fading.remove(&"x"), fading.remove(&"d")), (None, Some((at(9), 6))));
        fading.put("c", 8, at(7));
        for (now, len) in [(5, 2), (6, 1), (7, 0)] {
            fading.forget(at(now));
            assert_eq!((fading.len(), fading.by_end.len()), (len, len), "at {now} s");
        }
        assert!(fading.is_empty());
    }
}
