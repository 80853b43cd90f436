//! `[queue.NAME.hours]`: when a queue takes callers.

use super::reader::{Reader, Remedy, Section};
use super::zones::{zone, zone_of_this_machine};
use super::{set, values};
use crate::acd::{OpenSpan, OpeningHours};
use crate::zone::CalendarDay;
use std::collections::BTreeMap;
use toml::de::DeValue;

/// The weekdays, from Monday.
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// The most hours without a break that one day has.
const SPANS_MAX: usize = 10;

/// A day that has hours of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Holiday {
    Once(CalendarDay),
    /// Month and day of the month.
    Yearly(i8, i8),
}

/// The hours of a queue; `None` where it says none.
pub(super) fn hours<'a>(reader: &mut Reader<'_>, queue: &Section<'a>) -> Option<OpeningHours> {
    let section = reader.section(queue, "hours")?;
    reader.allow(&section, &[&WEEKDAYS[..], &["holidays", "time_zone"]].concat());
    let named = |value: &DeValue<'_>| match values::text(value)? {
        "" => Ok(zone_of_this_machine()),
        name => zone(name).ok_or_else(|| {
            let remedy =
                "nobody knows this time zone: write it as \"Europe/Berlin\", or leave it out";
            Remedy::from(format!("{remedy} for the machine's own"))
        }),
    };
    let mut place = zone_of_this_machine();
    set(&mut place, reader.value(&section, "time_zone", named));
    let of_day = |value: &DeValue<'_>| spans(values::text(value)?);
    let days = WEEKDAYS.map(|day| reader.value(&section, day, of_day));
    if WEEKDAYS.iter().all(|day| !section.has(day)) {
        let remedy = "give the hours of at least one weekday, mon to sun, or leave it out";
        reader.refuse_section(&section, remedy.into());
    }
    let listed = reader.value(&section, "holidays", |value| {
        values::list(value, values::LIST_MAX, holiday).and_then(each_once)
    });
    let (mut holidays, mut yearly) = (BTreeMap::new(), BTreeMap::new());
    for (day, spans) in listed.unwrap_or_default() {
        match day {
            Holiday::Once(day) => drop(holidays.insert(day, spans)),
            Holiday::Yearly(month, day) => drop(yearly.insert((month, day), spans)),
        }
    }
    let week = days.map(Option::unwrap_or_default);
    Some(OpeningHours { zone: place, week, holidays, yearly })
}

fn each_once(
    holidays: Vec<(Holiday, Vec<OpenSpan>)>,
) -> Result<Vec<(Holiday, Vec<OpenSpan>)>, Remedy> {
    let mut rest = holidays.as_slice();
    while let [(day, _), later @ ..] = rest {
        if later.iter().any(|(other, _)| other == day) {
            let day = match day {
                Holiday::Once(day) => day.to_string(),
                Holiday::Yearly(month, day) => format!("{month:02}-{day:02}"),
            };
            return Err(format!("{day} stands there twice: keep one").into());
        }
        rest = later;
    }
    Ok(holidays)
}

/// `2026-12-25`, or every year `12-25`; with hours behind it where it is not closed: `12-24 08:00-12:00`.
fn holiday(text: &str) -> Result<(Holiday, Vec<OpenSpan>), Remedy> {
    let text = text.trim();
    let (day, hours) = text.split_once(' ').unwrap_or((text, ""));
    let parts: Option<Vec<i16>> = day.split('-').map(digits).collect();
    let of_month = |month, day| Some((i8::try_from(month).ok()?, i8::try_from(day).ok()?));
    let found = match parts.as_deref() {
        Some([year, month, day]) => of_month(*month, *day)
            .and_then(|(month, day)| CalendarDay::new(*year, month, day))
            .map(Holiday::Once),
        // Some years have a 29th of February.
        Some([month, day]) => of_month(*month, *day)
            .filter(|(month, day)| CalendarDay::new(2024, *month, *day).is_some())
            .map(|(month, day)| Holiday::Yearly(month, day)),
        _ => None,
    };
    let found = found.ok_or_else(|| {
        Remedy::from(format!(
            "{day:?} is no day: write \"2026-12-25\", for every year \"12-25\", and with hours \"12-24 08:00-12:00\""
        ))
    })?;
    Ok((found, spans(hours)?))
}

/// `08:00-12:00 13:00-17:30`; empty: closed all day.
fn spans(text: &str) -> Result<Vec<OpenSpan>, Remedy> {
    let mut spans: Vec<(&str, OpenSpan)> = Vec::new();
    for word in text.split([' ', ',']).filter(|word| !word.is_empty()) {
        let unclear = || {
            Remedy::from(format!(
                "{word:?}: write from when to when, 00:00 to 24:00, such as \"08:00-12:00 13:00-17:30\", or \"\" for closed"
            ))
        };
        let (from, to) = word.split_once('-').ok_or_else(unclear)?;
        let (from, to) = (minute(from).ok_or_else(unclear)?, minute(to).ok_or_else(unclear)?);
        if from == to {
            return Err(format!("{word:?} has no end: write \"00:00-24:00\" for all day").into());
        }
        let span = OpenSpan::new(from, to).ok_or_else(unclear)?;
        if let Some((other, _)) = spans.iter().find(|(_, other)| other.overlaps(span)) {
            return Err(format!("{other} and {word} overlap: make them one").into());
        }
        spans.push((word, span));
    }
    if spans.len() > SPANS_MAX {
        return Err(format!("give at most {SPANS_MAX} of one day").into());
    }
    Ok(spans.into_iter().map(|(_, span)| span).collect())
}

/// `17:30`, in minutes of the day; `24:00` is its end.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':').filter(|(_, minute)| minute.len() == 2)?;
    let (hour, minute) = (digits(hour)?, digits(minute)?);
    let is_one = hour < 24 && minute < 60 || (hour, minute) == (24, 0);
    is_one.then(|| (hour * 60 + minute).unsigned_abs())
}

/// Up to four of them.
fn digits(text: &str) -> Option<i16> {
    let is_number = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_written_as_people_write_them() {
        let span = |from, to| OpenSpan::new(from, to).unwrap();
        assert_eq!(spans("").unwrap(), []);
        assert_eq!(spans("8:00-12:00, 13:00-17:30").unwrap(), [span(480, 720), span(780, 1050)]);
        assert_eq!(spans("00:00-24:00").unwrap(), [span(0, 1440)]);
        assert_eq!(spans("22:00-06:00").unwrap(), [span(1320, 360)]);
        assert_eq!(spans("22:00-00:00").unwrap(), [span(1320, 1440)]);
    }

    #[test]
    fn what_are_no_hours_is_refused_with_what_to_write() {
        for (text, remedy) in [
            ("8-12", "\"8-12\": write from when to when"),
            ("08:00", "write from when to when"),
            ("08:00-12:60", "write from when to when"),
            ("08:00-24:01", "write from when to when"),
            ("24:00-06:00", "write from when to when"),
            ("08:00 - 12:00", "\"08:00\": write from when to when"),
            ("+8:00-12:00", "write from when to when"),
            ("08:00-08:00", "for all day"),
            ("08:00-12:00 11:00-13:00", "08:00-12:00 and 11:00-13:00 overlap"),
            ("22:00-06:00 23:00-24:00", "overlap"),
        ] {
            let refused = spans(text).unwrap_err();
            assert!(refused.contains(remedy), "{text}: {refused}");
        }
        let many: String = (0..11).map(|hour| format!("{hour:02}:00-{hour:02}:30 ")).collect();
        assert!(spans(&many).unwrap_err().contains("at most 10"));
    }

    #[test]
    fn a_holiday_is_a_day_of_one_year_or_of_all() {
        let day = CalendarDay::new(2026, 12, 25).unwrap();
        assert_eq!(holiday("2026-12-25").unwrap(), (Holiday::Once(day), vec![]));
        assert_eq!(holiday("02-29").unwrap().0, Holiday::Yearly(2, 29));
        let (eve, hours) = holiday("12-24 08:00-12:00 13:00-14:00").unwrap();
        assert_eq!((eve, hours.len()), (Holiday::Yearly(12, 24), 2));
        for wrong in ["", "25.12.2026", "2026-02-29", "02-30", "12", "2026-12-25-1", "-5", "a-b"] {
            assert!(holiday(wrong).unwrap_err().contains("is no day"), "{wrong}");
        }
        assert!(holiday("12-24 8").unwrap_err().contains("from when to when"));
    }
}
