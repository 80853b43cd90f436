//! Failed attempts to authenticate, counted per source (RFC 5039 §4, in spirit).

use crate::directory::NAME_MAX;
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};

/// How many wrong passwords one source may send for one account in a minute.
pub const FAILURES_PER_ACCOUNT_MAX: u32 = 10;

/// How many wrong passwords one source may send for all accounts in a minute: an office behind one
/// address may have several phones set up wrongly.
pub const FAILURES_PER_SOURCE_MAX: u32 = 100;

/// The most counts at a time; beyond, the oldest give way.
pub const COUNTS_MAX: usize = 10_000;

/// The length of a count.
const MINUTE: Duration = Duration::from_secs(60);

/// A source, and the account that it tried; `None` counts all of them.
type Key = (IpAddr, Option<String>);

/// The failures of the last minute.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    counts: BTreeMap<Key, Count>,
    /// When each count began, the oldest first.
    begun: VecDeque<(Instant, Key)>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    begun: Instant,
    failures: u32,
}

impl Attempts {
    /// How long `source` has to wait before it may try `account` again; `None` when it need not.
    pub fn barred(&mut self, now: Instant, source: IpAddr, account: &str) -> Option<Duration> {
        let account = shortened(account);
        self.forget(now);
        let over = |key: &Key, max| {
            let count = self.counts.get(key).filter(|count| count.failures >= max)?;
            Some(MINUTE.saturating_sub(now.since(count.begun)))
        };
        let source = network(source);
        over(&(source, None), FAILURES_PER_SOURCE_MAX)
            .or_else(|| over(&(source, Some(account)), FAILURES_PER_ACCOUNT_MAX))
    }

    /// Notes a wrong password.
    pub fn failed(&mut self, now: Instant, source: IpAddr, account: &str) {
        self.forget(now);
        let source = network(source);
        for key in [(source, None), (source, Some(shortened(account)))] {
            if let Some(count) = self.counts.get_mut(&key) {
                count.failures += 1;
                continue;
            }
            if self.counts.len() >= COUNTS_MAX {
                self.drop_oldest();
            }
            self.counts.insert(key.clone(), Count { begun: now, failures: 1 });
            self.begun.push_back((now, key));
        }
    }

    fn forget(&mut self, now: Instant) {
        while self.begun.front().is_some_and(|(begun, _)| now.since(*begun) >= MINUTE) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, key)) = self.begun.pop_front() {
            self.counts.remove(&key);
        }
    }
}

/// No account has a longer name, so guesses at longer ones need not be told apart.
fn shortened(account: &str) -> String {
    account.chars().take(NAME_MAX + 1).collect()
}

/// What counts as one source: an IPv4 address, or the /64 that one IPv6 subscriber has.
#[must_use]
pub fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from(u128::from(ip) & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::from_micros(secs * 1_000_000)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn ten_failures_bar_one_account_for_the_rest_of_the_minute() {
        let mut attempts = Attempts::default();
        let source = ip("192.0.2.7");
        for failure in 0..FAILURES_PER_ACCOUNT_MAX {
            assert_eq!(attempts.barred(at(1), source, "3001"), None, "after {failure}");
            attempts.failed(at(1), source, "3001");
        }
        assert_eq!(attempts.barred(at(11), source, "3001"), Some(Duration::from_secs(50)));
        assert_eq!(attempts.barred(at(11), source, "3002"), None, "its neighbour is innocent");
        assert_eq!(attempts.barred(at(11), ip("192.0.2.8"), "3001"), None);
        assert_eq!(attempts.barred(at(61), source, "3001"), None);
    }

    #[test]
    fn guessing_through_all_accounts_bars_the_source() {
        let mut attempts = Attempts::default();
        for account in 0..FAILURES_PER_SOURCE_MAX {
            let source = ip(&format!("2001:db8::{account:x}"));
            assert_eq!(attempts.barred(at(1), source, "3001"), None);
            attempts.failed(at(1), source, &account.to_string());
        }
        let subscriber = ip("2001:db8::ffff");
        assert!(attempts.barred(at(2), subscriber, "3001").is_some(), "one /64 is one source");
        assert_eq!(attempts.barred(at(2), ip("2001:db8:0:1::1"), "3001"), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut attempts = Attempts::default();
        attempts.failed(at(0), ip("192.0.2.7"), &"x".repeat(8000));
        assert!(attempts.counts.keys().all(|(_, account)| account.iter().all(|a| a.len() < 34)));
        for n in 0..2 * COUNTS_MAX as u32 {
            attempts.failed(at(1), IpAddr::V4(n.into()), "3001");
        }
        assert_eq!((attempts.counts.len(), attempts.begun.len()), (COUNTS_MAX, COUNTS_MAX));
        attempts.forget(at(61));
        assert_eq!((attempts.counts.len(), attempts.begun.len()), (0, 0));
    }
}
