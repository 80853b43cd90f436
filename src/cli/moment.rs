//! Moments as people type them.

use crate::config::zone_of_this_machine;
use crate::time::{Duration, UnixTime};
use crate::zone::{CalendarDay, TimeZone};
use anyhow::Context as _;

/// A day or a second where this machine is, or a second in UTC as RFC 3339 writes it.
///
/// # Errors
/// When it is neither.
pub fn moment(text: &str) -> anyhow::Result<UnixTime> {
    local_moment(text, &zone_of_this_machine()).with_context(|| {
        format!(
            "{text:?}: write it as 2026-11-22 or 2026-11-22T12:53:26 in local time, \
             or 2026-11-22T12:53:26Z in UTC"
        )
    })
}

/// As RFC 3339 writes it, in UTC; none for what is no moment.
pub fn read_moment(text: &str) -> Option<UnixTime> {
    at(text.strip_suffix('Z').unwrap_or(text), &TimeZone::utc())
}

/// In UTC where it ends so, else by the clock on the wall: the first time that it shows this.
fn local_moment(text: &str, zone: &TimeZone) -> Option<UnixTime> {
    match text.strip_suffix('Z') {
        Some(text) => at(text, &TimeZone::utc()),
        None => at(text, zone),
    }
}

fn at(text: &str, zone: &TimeZone) -> Option<UnixTime> {
    let (day, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
    let mut day = day.splitn(3, '-').map(|part| part.parse::<u16>().ok());
    let (year, month, date) = (day.next()??, day.next()??, day.next()??);
    let mut clock = clock.splitn(3, ':').map(|part| part.parse::<u16>().ok());
    let (hour, minute) = (clock.next()??, clock.next()??);
    let second = clock.next().unwrap_or(Some(0))?;
    if !(1970..=9999).contains(&year) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (month, date) = (i8::try_from(month).ok()?, i8::try_from(date).ok()?);
    let day = CalendarDay::new(i16::try_from(year).ok()?, month, date)?;
    let (first, _) = zone.moments(day, hour * 60 + minute);
    Some(first + Duration::from_secs(second.into()))
}

/// Minutes and seconds, or hours.
#[must_use]
pub fn span(span: Duration) -> String {
    let secs = span.as_secs();
    match secs / 3_600 {
        0 => format!("{}:{:02}", secs / 60, secs % 60),
        hours => format!("{hours}:{:02}:{:02}", secs / 60 % 60, secs % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_back() {
        for secs in [0, 951_782_400, 1_795_352_006, 4_107_542_399, 4_107_542_400] {
            let time = UnixTime::from_secs(secs);
            assert_eq!(read_moment(&time.to_string()), Some(time));
        }
        assert_eq!(read_moment("1970-01-02"), Some(UnixTime::from_secs(86_400)));
        assert_eq!(read_moment("1970-01-01T01:30"), Some(UnixTime::from_secs(5_400)));
    }

    #[test]
    fn a_day_is_that_of_the_place_and_what_says_utc_is_utc() {
        let berlin = crate::config::zone("Europe/Berlin").unwrap();
        for (text, utc) in [
            ("2026-11-22", "2026-11-21T23:00:00Z"),
            ("2026-07-01", "2026-06-30T22:00:00Z"),
            ("2026-11-22T12:53:26", "2026-11-22T11:53:26Z"),
            ("2026-11-22T12:53:26Z", "2026-11-22T12:53:26Z"),
            ("2026-03-29 02:30:00", "2026-03-29T01:00:00Z"),
            ("2026-10-25 02:30", "2026-10-25T00:30:00Z"),
        ] {
            let read = local_moment(text, &berlin).map(|at| at.to_string());
            assert_eq!(read.as_deref(), Some(utc), "{text}");
        }
    }

    #[test]
    fn a_span_has_hours_only_where_there_are_some() {
        for (secs, text) in [(0, "0:00"), (75, "1:15"), (3_599, "59:59"), (36_061, "10:01:01")] {
            assert_eq!(span(Duration::from_secs(secs)), text);
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for wrong in
            ["", "yesterday", "2026", "2026-13-01", "2026-02-29", "2026-11-22T25:00", "2026-11-00"]
        {
            assert_eq!(read_moment(wrong), None, "{wrong}");
        }
    }
}
