//! Moments as people type them.

use crate::time::{Duration, UnixTime};
use anyhow::Context as _;

/// A day or a second in UTC, as RFC 3339 writes it.
///
/// # Errors
/// When it is neither.
pub fn moment(text: &str) -> anyhow::Result<UnixTime> {
    read_moment(text).with_context(|| {
        format!("{text:?}: write it as 2026-11-22, or 2026-11-22T12:53:26Z, in UTC")
    })
}

/// As [`moment`]; none for what is neither.
pub fn read_moment(text: &str) -> Option<UnixTime> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (day, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
    let mut day = day.splitn(3, '-').map(|part| part.parse::<u64>().ok());
    let (year, month, date) = (day.next()??, day.next()??, day.next()??);
    let mut clock = clock.splitn(3, ':').map(|part| part.parse::<u64>().ok());
    let (hour, minute) = (clock.next()??, clock.next()??);
    let second = clock.next().unwrap_or(Some(0))?;
    if !(1970..=9999).contains(&year) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Counting days by asking each year and month for its length needs no formula to get wrong.
    let leap =
        |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let february = if leap(year) { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(month).ok()?.checked_sub(1)?;
    if !(1..=*lengths.get(month)?).contains(&date) {
        return None;
    }
    let years: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let days = years + lengths[..month].iter().sum::<u64>() + date - 1;
    Some(UnixTime::from_secs(((days * 24 + hour) * 60 + minute) * 60 + second))
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
