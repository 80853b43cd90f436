//! The time of day where the operator sits.

use crate::config::zone_of_this_machine;
use crate::time::UnixTime;
use crate::zone::TimeZone;

/// The clock on the wall of this machine's place.
#[derive(Debug)]
pub struct LocalTime {
    zone: TimeZone,
}

impl LocalTime {
    /// By `TZ`, else by the system's setting.
    #[must_use]
    pub fn of_this_machine() -> Self {
        Self { zone: zone_of_this_machine() }
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
        self.zone.shown_at(at).to_string()
    }

    /// The day, and hours, minutes and seconds.
    #[must_use]
    pub fn day_and_clock(&self, at: UnixTime) -> String {
        let clock = self.zone.shown_at(at);
        format!("{} {clock}", clock.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_that_of_the_zone() {
        let noon = UnixTime::from_secs(1_795_003_200);
        let berlin = LocalTime { zone: crate::config::zone("Europe/Berlin").unwrap() };
        assert_eq!(berlin.clock(noon), "13:00:00");
        assert_eq!(berlin.day_and_clock(noon), "2026-11-18 13:00:00");
        assert_eq!(LocalTime::utc().clock(noon), "12:00:00");
    }
}
