//! Time zones: what the clock on the wall shows at a moment, and at which moments it shows what.
//!
//! A zone is a value: the same moment has the same clock. Where its rules are read from is `config`'s.

use crate::time::{Duration, UnixTime};
use jiff::tz::{self, AmbiguousOffset, Offset};
use jiff::{SignedDuration, Timestamp, civil};
use std::fmt;

/// Minutes of a day.
pub const DAY_MINUTES: u16 = 24 * 60;

/// The clock of a place, with all its changes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TimeZone(tz::TimeZone);

/// A day of the calendar.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct CalendarDay(civil::Date);

/// What the clock on the wall shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClockReading {
    /// The day.
    pub day: CalendarDay,
    /// The seconds of the day that the clock has counted: 3600 at one o'clock, whatever was left out.
    pub second: u32,
}

impl TimeZone {
    /// The clock that never changes.
    #[must_use]
    pub const fn utc() -> Self {
        Self(tz::TimeZone::UTC)
    }

    /// The zone of rules such as `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX.1-2017 §8.3).
    #[must_use]
    pub fn by_rules(rules: &str) -> Option<Self> {
        tz::TimeZone::posix(rules).ok().map(Self)
    }

    /// A zone of the database.
    #[cfg(test)]
    #[must_use]
    pub fn of_database(name: &str) -> Option<Self> {
        tz::TimeZone::get(name).ok().map(Self)
    }

    /// What the clock shows.
    #[must_use]
    pub fn shown_at(&self, at: UnixTime) -> ClockReading {
        let shown = self.0.to_datetime(timestamp(at));
        let [hour, minute, second] =
            [shown.hour(), shown.minute(), shown.second()].map(i8::unsigned_abs).map(u32::from);
        ClockReading { day: CalendarDay(shown.date()), second: (hour * 60 + minute) * 60 + second }
    }

    /// When the clock shows this minute of a day, for the first and for the last time: twice where it is put
    /// back. A minute that it leaves out comes when it has been put forward. Minutes beyond the day's are those
    /// of the next.
    #[must_use]
    pub fn moments(&self, day: CalendarDay, minute: u16) -> (UnixTime, UnixTime) {
        let after_midnight = SignedDuration::from_mins(minute.into());
        let Ok(clock) = day.0.at(0, 0, 0, 0).checked_add(after_midnight) else {
            return (unix(Timestamp::MAX), unix(Timestamp::MAX));
        };
        let at = |offset: Offset| offset.to_timestamp(clock).unwrap_or(Timestamp::MAX);
        let (first, last) = match self.0.to_ambiguous_timestamp(clock).offset() {
            AmbiguousOffset::Unambiguous { offset } => (at(offset), at(offset)),
            AmbiguousOffset::Fold { before, after } => (at(before), at(after)),
            AmbiguousOffset::Gap { after, .. } => {
                let shift = self.0.following(at(after)).next();
                let shift = shift.map_or(at(after), |shift| shift.timestamp());
                (shift, shift)
            }
        };
        (unix(first), unix(last))
    }

    /// When the clock is put forward or back next.
    #[must_use]
    pub fn next_shift(&self, after: UnixTime) -> Option<UnixTime> {
        self.0.following(timestamp(after)).next().map(|shift| unix(shift.timestamp()))
    }
}

impl From<tz::TimeZone> for TimeZone {
    fn from(zone: tz::TimeZone) -> Self {
        Self(zone)
    }
}

impl CalendarDay {
    /// A day by year, month and day of the month, each from 1; `None` for one that no calendar has.
    #[must_use]
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        civil::Date::new(year, month, day).ok().map(Self)
    }

    /// Month and day of the month, each from 1.
    #[must_use]
    pub fn month_and_day(self) -> (i8, i8) {
        (self.0.month(), self.0.day())
    }

    /// The days since Monday.
    #[must_use]
    pub fn weekday(self) -> usize {
        usize::from(self.0.weekday().to_monday_zero_offset().unsigned_abs())
    }

    /// The day after; the last day of all is followed by itself.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.tomorrow().unwrap_or(self.0))
    }

    /// The day before; the first day of all comes after itself.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.yesterday().unwrap_or(self.0))
    }
}

/// `2026-11-22`
impl fmt::Display for CalendarDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// `12:53:26`
impl fmt::Display for ClockReading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second) = (self.second / 3600, self.second / 60 % 60, self.second % 60);
        write!(f, "{hour:02}:{minute:02}:{second:02}")
    }
}

/// The last one there is for what lies behind it.
fn timestamp(at: UnixTime) -> Timestamp {
    let micros = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

/// The epoch for what lies before it.
fn unix(at: Timestamp) -> UnixTime {
    let micros = u64::try_from(at.as_microsecond()).unwrap_or(0);
    UnixTime::from_micros(0) + Duration::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        TimeZone::of_database("Europe/Berlin").unwrap()
    }

    fn day(text: &str) -> CalendarDay {
        let parts: Vec<i16> = text.split('-').map(|part| part.parse().unwrap()).collect();
        CalendarDay::new(parts[0], parts[1] as i8, parts[2] as i8).unwrap()
    }

    fn shown(zone: &TimeZone, secs: u64) -> String {
        let clock = zone.shown_at(UnixTime::from_secs(secs));
        format!("{} {clock}", clock.day)
    }

    #[test]
    fn the_clock_is_that_of_the_place() {
        // 2026-11-18T12:00:00Z and 2026-07-01T12:00:00Z.
        let (winter, summer) = (1_795_003_200, 1_782_907_200);
        for zone in [berlin(), TimeZone::by_rules("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()] {
            assert_eq!(shown(&zone, winter), "2026-11-18 13:00:00", "{zone:?}");
            assert_eq!(shown(&zone, summer), "2026-07-01 14:00:00", "{zone:?}");
        }
        let newfoundland = TimeZone::by_rules("NST3:30").unwrap();
        assert_eq!(
            shown(&newfoundland, 90_000),
            "1970-01-01 21:30:00",
            "there it is the day before"
        );
        assert_eq!(shown(&TimeZone::utc(), winter), "2026-11-18 12:00:00");
    }

    #[test]
    fn a_minute_that_the_clock_leaves_out_comes_when_it_has_been_put_forward() {
        let at = |minute| berlin().moments(day("2026-03-29"), minute).0.to_string();
        assert_eq!(at(119), "2026-03-29T00:59:00Z");
        for left_out in [120, 150, 179, 180] {
            assert_eq!(at(left_out), "2026-03-29T01:00:00Z", "{left_out}");
        }
        assert_eq!(at(181), "2026-03-29T01:01:00Z");
    }

    #[test]
    fn a_minute_that_the_clock_shows_twice_comes_twice() {
        let (first, last) = berlin().moments(day("2026-10-25"), 150);
        assert_eq!(first.to_string(), "2026-10-25T00:30:00Z");
        assert_eq!(last.to_string(), "2026-10-25T01:30:00Z");
        let shift = berlin().next_shift(first).unwrap();
        assert_eq!(shift.to_string(), "2026-10-25T01:00:00Z");
    }

    #[test]
    fn minutes_beyond_the_day_are_those_of_the_next() {
        let (beyond, _) = berlin().moments(day("2026-12-31"), DAY_MINUTES + 30);
        assert_eq!(beyond, berlin().moments(day("2027-01-01"), 30).0);
        assert_eq!(day("2026-12-31").next(), day("2027-01-01"));
        assert_eq!(day("2026-12-31").weekday(), 3);
        assert_eq!(CalendarDay::new(2026, 2, 29), None);
    }

    #[test]
    fn moments_beyond_all_calendars_do_no_harm() {
        let last = UnixTime::from_micros(u64::MAX);
        let clock = berlin().shown_at(last);
        assert_eq!(clock.day.to_string(), "9999-12-30");
        let _ = berlin().moments(clock.day, 2 * DAY_MINUTES);
        let _ = (clock.day.next(), berlin().next_shift(last));
    }
}
