//! When a queue is served: the hours of each weekday and of holidays, by the clock on the wall of one place.
//!
//! What counts is what the clock shows: a queue that opens at 02:30 opens at 03:00 in the night in which the
//! clock leaves that hour out, and twice in the night in which it shows it twice.

use crate::ids::Number;
use crate::time::UnixTime;
use crate::zone::{CalendarDay, DAY_MINUTES, TimeZone};
use std::collections::BTreeMap;

/// Hours without a break, in minutes from the beginning of the day on which they begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OpenSpan {
    from: u16,
    /// Beyond [`DAY_MINUTES`] on the next day.
    to: u16,
}

/// When a queue is served.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OpeningHours {
    /// The place.
    pub zone: TimeZone,
    /// The hours of each weekday, from Monday.
    pub week: [Vec<OpenSpan>; 7],
    /// The hours of single days, in place of their weekday's.
    pub holidays: BTreeMap<CalendarDay, Vec<OpenSpan>>,
    /// The same for days of every year, by month and day of the month.
    pub yearly: BTreeMap<(i8, i8), Vec<OpenSpan>>,
}

/// What is configured of the night of a queue.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NightRules {
    /// When it is day; `None` is always.
    pub hours: Option<OpeningHours>,
    /// Where calls go at night; `None` tells them and ends them.
    pub to: Option<Number>,
}

impl OpenSpan {
    /// From one minute of the day to another, on the next day where that is not later; `None` where the two
    /// are the same, or none of a day.
    #[must_use]
    pub fn new(from: u16, to: u16) -> Option<Self> {
        let is_within = from < DAY_MINUTES && to <= DAY_MINUTES && from != to;
        is_within.then_some(Self { from, to: if to > from { to } else { to + DAY_MINUTES } })
    }

    /// Whether the two have a minute in common, beginning on the same day.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }

    fn has(self, minute: u32) -> bool {
        (u32::from(self.from)..u32::from(self.to)).contains(&minute)
    }
}

impl OpeningHours {
    /// The hours that begin on a day.
    fn spans(&self, day: CalendarDay) -> &[OpenSpan] {
        let of_the_day = self.holidays.get(&day);
        let holiday = of_the_day.or_else(|| self.yearly.get(&day.month_and_day()));
        holiday.unwrap_or(&self.week[day.weekday()])
    }

    /// Whether the queue is served.
    #[must_use]
    pub fn is_open(&self, at: UnixTime) -> bool {
        let clock = self.zone.shown_at(at);
        let minute = clock.second / 60;
        let begun_today = self.spans(clock.day).iter().any(|span| span.has(minute));
        // Hours that go on after midnight belong to the day on which they begin.
        let before = minute + u32::from(DAY_MINUTES);
        begun_today || self.spans(clock.day.previous()).iter().any(|span| span.has(before))
    }

    /// A moment until which that does not change, two days later at most.
    #[must_use]
    pub fn next_look(&self, at: UnixTime) -> UnixTime {
        let today = self.zone.shown_at(at).day;
        let days = [today.previous(), today, today.next()];
        let bounds = days.into_iter().flat_map(|day| {
            let minutes = self.spans(day).iter().flat_map(|span| [span.from, span.to]);
            minutes.map(move |minute| self.zone.moments(day, minute))
        });
        let (end, _) = self.zone.moments(today.next(), DAY_MINUTES);
        let looks = bounds.flat_map(|(first, last)| [first, last]);
        let looks = looks.chain(self.zone.next_shift(at)).chain([end]);
        looks.filter(|look| *look > at).min().unwrap_or(UnixTime::from_micros(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::time::Duration;

    fn span(text: &str) -> OpenSpan {
        let minutes: Vec<u16> = text.split(['-', ':']).map(|part| part.parse().unwrap()).collect();
        OpenSpan::new(minutes[0] * 60 + minutes[1], minutes[2] * 60 + minutes[3]).unwrap()
    }

    fn hours(week: [&str; 7]) -> OpeningHours {
        OpeningHours {
            zone: TimeZone::of_database("Europe/Berlin").unwrap(),
            week: week.map(|day| day.split_whitespace().map(span).collect()),
            holidays: BTreeMap::new(),
            yearly: BTreeMap::new(),
        }
    }

    /// `2026-11-23 12:00`, the first time that the clock in Berlin shows it.
    fn at(hours: &OpeningHours, text: &str) -> UnixTime {
        let parts: Vec<i16> =
            text.split(['-', ' ', ':']).map(|part| part.parse().unwrap()).collect();
        let day = CalendarDay::new(parts[0], parts[1] as i8, parts[2] as i8).unwrap();
        hours.zone.moments(day, (parts[3] * 60 + parts[4]) as u16).0
    }

    #[test]
    fn a_day_has_its_hours_and_its_breaks() {
        let weekday = "08:00-12:00 13:00-17:30";
        let mut hours = hours([weekday, weekday, "", weekday, weekday, "00:00-24:00", ""]);
        let day = CalendarDay::new(2026, 11, 26).unwrap();
        hours.holidays.insert(day, vec![span("10:00-11:00")]);
        hours.yearly.insert((11, 26), vec![]);
        hours.yearly.insert((12, 25), vec![]);
        for (text, open) in [
            ("2026-11-23 07:59", false), // a Monday
            ("2026-11-23 08:00", true),
            ("2026-11-23 12:00", false),
            ("2026-11-23 17:29", true),
            ("2026-11-23 17:30", false),
            ("2026-11-25 12:00", false),
            ("2026-11-26 09:00", false),
            ("2026-11-26 10:30", true),
            ("2026-11-28 00:00", true),
            ("2026-11-28 23:59", true),
            ("2026-11-29 00:00", false),
            ("2026-12-25 09:00", false), // a Friday
            ("2028-12-25 09:00", false), // a Monday
        ] {
            assert_eq!(hours.is_open(at(&hours, text)), open, "{text}");
        }
    }

    #[test]
    fn hours_that_go_on_after_midnight_belong_to_the_day_on_which_they_begin() {
        let mut hours = hours(["", "", "", "", "22:00-06:00", "", ""]);
        let is_open = |hours: &OpeningHours, text| hours.is_open(at(hours, text));
        assert!(is_open(&hours, "2026-11-27 22:00"));
        assert!(is_open(&hours, "2026-11-28 05:59"));
        assert!(!is_open(&hours, "2026-11-28 06:00"));
        assert!(!is_open(&hours, "2026-11-27 05:59"), "that night began on a Thursday");
        hours.holidays.insert(CalendarDay::new(2026, 11, 28).unwrap(), vec![]);
        assert!(is_open(&hours, "2026-11-28 05:59"), "it began before the holiday");
        hours.holidays.insert(CalendarDay::new(2026, 11, 27).unwrap(), vec![]);
        assert!(!is_open(&hours, "2026-11-28 05:59"));
    }

    #[test]
    fn what_the_clock_shows_counts_where_it_is_put_forward_or_back() {
        let hours = hours(["", "", "", "", "", "", "02:30-03:30"]);
        let second = |text: &str| {
            let secs: u64 = text.parse().unwrap();
            UnixTime::from_secs(secs)
        };
        // 2026-03-29T01:00:00Z: the clock goes from 02:00 to 03:00.
        let forward = second("1774746000");
        assert!(!hours.is_open(forward - Duration::from_secs(1)));
        assert!(hours.is_open(forward));
        assert!(!hours.is_open(forward + Duration::from_secs(1800)));
        // 2026-10-25T01:00:00Z: from 03:00 back to 02:00.
        let back = second("1792890000");
        let is_open = |before: u64| hours.is_open(back - Duration::from_secs(before * 60));
        assert!(!is_open(31) && is_open(30) && is_open(1), "the first time");
        let is_open = |after: u64| hours.is_open(back + Duration::from_secs(after * 60));
        assert!(!is_open(0) && is_open(30) && is_open(89) && !is_open(90), "the second time");
    }

    /// The nights in which clocks change, and the days of the holidays, above all.
    #[test]
    fn until_the_next_look_nothing_changes() {
        let mut random = Random::from_number(1);
        let zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"];
        let shifts = [1_774_746_000, 1_792_890_000, 1_772_953_200, 1_775_307_600, 1_798_156_800];
        for _ in 0..400 {
            let mut spans = || -> Vec<OpenSpan> {
                let count = random.below(3);
                (0..count)
                    .filter_map(|_| {
                        let minute =
                            |most: u64, random: &mut Random| random.below(most) as u16 * 30;
                        OpenSpan::new(minute(48, &mut random), minute(49, &mut random))
                    })
                    .collect()
            };
            let week = std::array::from_fn(|_| spans());
            let yearly = [((12, 25), spans()), ((10, 25), spans())].into();
            let zone = TimeZone::of_database(zones[random.below(4) as usize]).unwrap();
            let hours = OpeningHours { zone, week, holidays: BTreeMap::new(), yearly };
            let near = shifts[random.below(5) as usize] + random.below(200_000) - 100_000;
            let begin = UnixTime::from_secs(near);
            let look = hours.next_look(begin);
            assert!(
                look > begin && look.since(begin) <= Duration::from_secs(50 * 3600),
                "{hours:?}"
            );
            let mut now = begin;
            while now < look {
                assert_eq!(hours.is_open(now), hours.is_open(begin), "{now} {hours:?}");
                now =
                    now + Duration::from_secs(600).min(look.since(now).max(Duration::from_secs(1)));
            }
            let before = look - Duration::from_micros(1);
            assert_eq!(hours.is_open(before), hours.is_open(begin), "{look} {hours:?}");
        }
    }
}
