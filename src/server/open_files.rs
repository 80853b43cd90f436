//! How many files and sockets may be open at once: as many as the system allows, spoken of where these are
//! few, and not used up to the last one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::time::Duration;
use tokio::time::Instant;

/// With fewer there is nothing left for calls.
pub const FILES_MIN: u64 = 128;
/// With fewer it is said for how many calls they are.
pub const FILES_PLENTY: u64 = 4_096;
/// For all but the relay: the journal, the listeners, phones over TCP, recordings, administration.
const FILES_OF_THE_HOUSE: u64 = 80;
/// Two sockets for each of sound and picture, for the caller, the operator and the wanted person.
const FILES_PER_CALL: u64 = 12;

/// Connections of phones leave so many to open.
const FILES_KEPT: usize = 8;

/// How long a listener rests at first when nothing more can be opened.
const REST_FIRST: Duration = Duration::from_millis(50);
/// The longest rest.
const REST_MAX: Duration = Duration::from_secs(1);
/// How often it is said.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// The limit is so low that no call would find its sockets.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "only {0} files may be open at once, at least {FILES_MIN} are needed: raise the limit, by LimitNOFILE=65536 in \
     the unit of systemd or `ulimit -n 65536` in the shell"
)]
pub struct TooFew(pub u64);

/// Lets this process open as many files as the system allows it; returns how many.
///
/// # Errors
/// When the system does not allow what it says that it allows.
pub fn raise() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    }
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// What is to be said about this limit; nothing when it is high.
///
/// # Errors
/// When it is too low to begin with.
pub fn advice(limit: u64) -> Result<Option<String>, TooFew> {
    match limit {
        ..FILES_MIN => Err(TooFew(limit)),
        FILES_MIN..FILES_PLENTY => {
            let calls = limit.saturating_sub(FILES_OF_THE_HOUSE) / FILES_PER_CALL;
            Ok(Some(format!(
                "only {limit} files may be open at once, enough for {calls} calls with pictures through an operator: \
                 raise the limit, by LimitNOFILE=65536 in the unit of systemd or `ulimit -n 65536` in the shell"
            )))
        }
        FILES_PLENTY.. => Ok(None),
    }
}

/// The part of the relay's ports that may be used under this limit, so that something is left for the
/// rest of the house.
#[must_use]
pub fn ports_within(limit: u64, ports: &RangeInclusive<u16>) -> RangeInclusive<u16> {
    let most = limit.saturating_sub(FILES_OF_THE_HOUSE).clamp(2, 1 << 16);
    let last = u64::from(*ports.start()) + most - 1;
    *ports.start()..=u16::try_from(last).unwrap_or(u16::MAX).min(*ports.end())
}

/// Whether an error says that this process, or the whole system, can open nothing more.
#[must_use]
pub fn are_used_up(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let out = [Errno::MFILE, Errno::NFILE];
    out.iter().any(|out| error.raw_os_error() == Some(out.raw_os_error()))
}

/// Whether something is left for administration, recordings and the DNS, when phones have all that they
/// could open.
///
/// # Errors
/// What the system says to one file too many.
pub fn leave_some() -> io::Result<()> {
    // Opened and closed again: to ask costs less than to be told too late.
    let opened: io::Result<Vec<File>> = (0..FILES_KEPT).map(|_| File::open("/dev/null")).collect();
    opened.map(drop)
}

/// How a listener rests while it can accept nothing, and says so from time to time.
#[derive(Debug)]
pub struct Rest {
    next: Duration,
    said: Option<Instant>,
}

impl Default for Rest {
    fn default() -> Self {
        Self { next: REST_FIRST, said: None }
    }
}

impl Rest {
    /// Rests after an error, longer each time.
    pub async fn after(&mut self, what: &str, error: &io::Error) {
        let (rest, is_said) = self.next(Instant::now());
        if is_said {
            tracing::warn!("{what}: {error}");
        }
        tokio::time::sleep(rest).await;
    }

    /// How long to rest now, and whether to speak of it.
    fn next(&mut self, now: Instant) -> (Duration, bool) {
        let is_said = self.said.is_none_or(|said| now - said >= SAID_EVERY);
        if is_said {
            self.said = Some(now);
        }
        let rest = self.next;
        self.next = (rest * 2).min(REST_MAX);
        (rest, is_said)
    }

    /// Something was accepted: the next rest is short again.
    pub fn over(&mut self) {
        self.next = REST_FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_rises_to_what_is_allowed() {
        let limit = raise().unwrap();
        assert_eq!(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX), limit);
    }

    #[test]
    fn a_low_limit_is_spoken_of_and_too_low_a_one_refused() {
        assert_eq!(advice(u64::MAX), Ok(None));
        assert_eq!(advice(FILES_PLENTY), Ok(None));
        let said = advice(255).unwrap().unwrap();
        assert!(said.starts_with("only 255 files") && said.contains("for 14 calls"), "{said}");
        assert!(said.contains("LimitNOFILE=") && said.contains("ulimit"), "{said}");
        assert!(advice(FILES_MIN).unwrap().is_some());
        let refused = advice(FILES_MIN - 1).unwrap_err();
        assert_eq!(refused, TooFew(127));
        assert!(refused.to_string().contains("LimitNOFILE="), "{refused}");
    }

    #[test]
    fn the_relay_leaves_something_for_the_rest_of_the_house() {
        assert_eq!(ports_within(u64::MAX, &(20_000..=29_999)), 20_000..=29_999);
        assert_eq!(ports_within(1_024, &(20_000..=29_999)), 20_000..=20_943);
        assert_eq!(ports_within(128, &(20_000..=29_999)), 20_000..=20_047);
        assert_eq!(ports_within(255, &(65_000..=65_535)), 65_000..=65_174);
        assert_eq!(ports_within(100_000, &(65_000..=65_535)), 65_000..=65_535);
        assert_eq!(ports_within(0, &(20_000..=29_999)), 20_000..=20_001);
    }

    #[test]
    fn a_listener_rests_longer_each_time_and_speaks_seldom() {
        let error = io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error());
        assert!(are_used_up(&error) && !are_used_up(&io::ErrorKind::WouldBlock.into()));
        let (mut rest, now) = (Rest::default(), Instant::now());
        let rests: Vec<_> = (0..7).map(|_| rest.next(now)).collect();
        let millis: Vec<_> = rests.iter().map(|(rest, _)| rest.as_millis()).collect();
        assert_eq!(millis, [50, 100, 200, 400, 800, 1_000, 1_000]);
        assert_eq!(rests.iter().filter(|(_, is_said)| *is_said).count(), 1);
        rest.over();
        assert_eq!(rest.next(now + SAID_EVERY), (REST_FIRST, true));
    }
}
