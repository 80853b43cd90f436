//! Where the rules of time zones are read: from the system's database, else from one that is built in.

use crate::zone::TimeZone;
use jiff::tz;

/// The zone of a name such as `Europe/Berlin`, or of rules such as `CET-1CEST,M3.5.0,M10.5.0/3`.
#[must_use]
pub fn zone(name: &str) -> Option<TimeZone> {
    tz::TimeZone::get(name).ok().map(TimeZone::from).or_else(|| TimeZone::by_rules(name))
}

/// By `TZ`, else by the system's setting; UTC where none is known.
#[must_use]
pub fn zone_of_this_machine() -> TimeZone {
    tz::TimeZone::system().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_known_by_its_name_or_by_its_rules() {
        for known in ["Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3", "NST3:30"] {
            assert!(zone(known).is_some(), "{known}");
        }
        for wrong in ["", "Europe/Nowhere", "no zone", "../../etc/passwd", "/etc/passwd"] {
            assert_eq!(zone(wrong), None, "{wrong}");
        }
    }
}
