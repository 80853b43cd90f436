//! The time of day where the operator sits.

use crate::time::UnixTime;
use tz::{TimeZone, TimeZoneRef};

/// The time zone of this machine; UTC where none is known.
#[derive(Debug)]
pub struct LocalTime {
    zone: TimeZone,
}

impl LocalTime {
    /// By `TZ`, else by the system's setting.
    #[must_use]
    pub fn of_this_machine() -> Self {
        Self { zone: zone(std::env::var("TZ").ok().as_deref()) }
    }

    /// As records and listings for programs have it.
    #[cfg(test)]
    #[must_use]
    pub fn utc() -> Self {
        Self { zone: TimeZone::utc() }
    }

    /// Hours, minutes and seconds.
    #[must_use]
    pub fn clock(&self, at: UnixTime) -> String {
        clock(self.zone.as_ref(), at)
    }

    /// The day, and hours, minutes and seconds.
    #[must_use]
    pub fn day_and_clock(&self, at: UnixTime) -> String {
        day_and_clock(self.zone.as_ref(), at)
    }
}

/// The zone that `TZ` names, as POSIX or the system's database does; without it the system's own.
fn zone(named: Option<&str>) -> TimeZone {
    let zone = match named.filter(|name| !name.is_empty()) {
        Some(name) => TimeZone::from_posix_tz(name),
        None => TimeZone::local(),
    };
    zone.unwrap_or_else(|_| TimeZone::utc())
}

fn clock(zone: TimeZoneRef<'_>, at: UnixTime) -> String {
    let (_, _, _, hour, minute, second) = shifted(zone, at).civil();
    format!("{hour:02}:{minute:02}:{second:02}")
}

fn day_and_clock(zone: TimeZoneRef<'_>, at: UnixTime) -> String {
    let (year, month, day, hour, minute, second) = shifted(zone, at).civil();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// The moment whose time in UTC is the time in the zone; never before 1970.
fn shifted(zone: TimeZoneRef<'_>, at: UnixTime) -> UnixTime {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    let offset = zone.find_local_time_type(seconds).map_or(0, |kind| kind.ut_offset());
    let seconds = seconds.saturating_add(offset.into());
    UnixTime::from_secs(u64::try_from(seconds).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_is_the_one_that_is_named() {
        let noon = UnixTime::from_secs(1_795_003_200);
        assert_eq!(clock(zone(Some("CET-1")).as_ref(), noon), "13:00:00");
        assert_eq!(clock(zone(Some("no zone")).as_ref(), noon), "12:00:00");
        assert_eq!(zone(None), zone(Some("")), "nothing is named");
    }

    #[test]
    fn the_clock_is_that_of_the_zone() {
        let noon = UnixTime::from_secs(1_795_003_200);
        assert_eq!(clock(TimeZone::utc().as_ref(), noon), "12:00:00");
        let berlin = TimeZone::from_posix_tz("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        assert_eq!(clock(berlin.as_ref(), noon), "13:00:00");
        assert_eq!(clock(berlin.as_ref(), UnixTime::from_secs(1_782_907_200)), "14:00:00");
        let newfoundland = TimeZone::from_posix_tz("NST3:30").unwrap();
        assert_eq!(clock(newfoundland.as_ref(), UnixTime::from_secs(90_000)), "21:30:00");
        let eve = day_and_clock(newfoundland.as_ref(), UnixTime::from_secs(90_000));
        assert_eq!(eve, "1970-01-01 21:30:00", "there it is the day before");
    }
}
