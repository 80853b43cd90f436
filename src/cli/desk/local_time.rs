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
        Self { zone: TimeZone::local().unwrap_or_else(|_| TimeZone::utc()) }
    }

    /// Hours, minutes and seconds.
    #[must_use]
    pub fn clock(&self, at: UnixTime) -> String {
        clock(self.zone.as_ref(), at)
    }
}

fn clock(zone: TimeZoneRef<'_>, at: UnixTime) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    let offset = zone.find_local_time_type(seconds).map_or(0, |kind| kind.ut_offset());
    let of_day = seconds.saturating_add(offset.into()).rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_that_of_the_zone() {
        let noon = UnixTime::from_secs(1_795_003_200);
        assert_eq!(clock(TimeZone::utc().as_ref(), noon), "12:00:00");
        let berlin = TimeZone::from_posix_tz("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        assert_eq!(clock(berlin.as_ref(), noon), "13:00:00");
        assert_eq!(clock(berlin.as_ref(), UnixTime::from_secs(1_782_907_200)), "14:00:00");
        let newfoundland = TimeZone::from_posix_tz("NST3:30").unwrap();
        assert_eq!(clock(newfoundland.as_ref(), UnixTime::from_secs(3_600)), "21:30:00");
    }
}
