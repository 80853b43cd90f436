//! Wrong passwords, and how fast anybody may guess (RFC 5039 §4, in spirit).
//!
//! Each wrong password is a debt in time, which passes as time does; whoever owes more than is allowed
//! at once is not listened to, right or wrong, and owes no more for it. Three debts are kept:
//!
//! ```text
//!   of a source for one account    20 at once, then 10 a minute
//!   of a source for all accounts   100 at once, then 100 a minute; beyond, one a minute for each
//!                                  account: a first try with the right password is always let in
//!   for one account everywhere     60 at once, then 60 a minute
//! ```
//!
//! An account that has proved itself from a source is not concerned by what others there do, nor by what
//! is guessed elsewhere; and from the very address and port where it has done so its password
//! is looked at in any case. So nobody can bar a phone that is at its place, neither from behind the
//! same router nor with many machines.

use crate::directory::{NAME_MAX, OPERATORS_MAX, TERMINALS_MAX};
use crate::sip::network;
use crate::time::{Duration, Fading, Instant};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// How fast may be guessed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GuessRate {
    /// So many at once,
    pub at_once: u32,
    /// then one in each of these times.
    pub each: Duration,
}

/// One source at one account.
pub const ACCOUNT_AND_SOURCE: GuessRate = GuessRate { at_once: 20, each: Duration::from_secs(6) };
/// One source at all accounts that have not proved themselves from there: an office behind one address
/// may have several phones set up wrongly.
pub const SOURCE: GuessRate = GuessRate { at_once: 100, each: Duration::from_millis(600) };
/// One source at one such account, when it is beyond [`SOURCE`].
pub const GUESSING_SOURCE: GuessRate = GuessRate { at_once: 1, each: Duration::from_secs(60) };
/// All sources from which an account has not proved itself.
pub const ACCOUNT: GuessRate = GuessRate { at_once: 60, each: Duration::from_secs(1) };

/// The most debts of a kind; beyond, the smallest are forgiven: to have a large one forgiven, somebody
/// would have to make as many that are larger.
pub const DEBTS_MAX: usize = 10_000;
/// The places that are remembered for each account, the latest.
pub const PLACES_MAX: usize = 10;

/// What an account has shown of a place before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Proof {
    /// Its password, from this address and port.
    Here,
    /// Its password, from this source.
    Near,
    Never,
}

/// The wrong passwords of late, and the places of right ones.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    of_source_at_account: Debts<(IpAddr, String)>,
    of_source: Debts<IpAddr>,
    at_account: Debts<String>,
    /// Where each account has proved itself, the latest place last.
    places: BTreeMap<String, Vec<SocketAddr>>,
}

impl Attempts {
    /// How long it takes until a password for `account` from `remote` is looked at; `None` when this one
    /// is.
    pub fn barred(&mut self, now: Instant, remote: SocketAddr, account: &str) -> Option<Duration> {
        self.of_source_at_account.0.forget(now);
        self.of_source.0.forget(now);
        self.at_account.0.forget(now);
        let account = shortened(account);
        let key = (network(remote.ip()), account.clone());
        match self.proof(remote, &account) {
            Proof::Here => None,
            Proof::Near => self.of_source_at_account.wait(now, &key, ACCOUNT_AND_SOURCE),
            Proof::Never => {
                let pace = self.pace(now, key.0);
                let here = self.of_source_at_account.wait(now, &key, pace);
                here.max(self.at_account.wait(now, &account, ACCOUNT))
            }
        }
    }

    /// Notes a wrong password.
    pub fn failed(&mut self, now: Instant, remote: SocketAddr, account: &str) {
        let account = shortened(account);
        let key = (network(remote.ip()), account.clone());
        match self.proof(remote, &account) {
            Proof::Here => {
                self.of_source_at_account.owe(now, key.clone(), ACCOUNT_AND_SOURCE);
                if self.of_source_at_account.wait(now, &key, ACCOUNT_AND_SOURCE).is_some() {
                    // Another phone has got this port, or the password is another one now.
                    self.places.entry(account).or_default().retain(|place| *place != remote);
                }
            }
            Proof::Near => self.of_source_at_account.owe(now, key, ACCOUNT_AND_SOURCE),
            Proof::Never => {
                let (source, pace) = (key.0, self.pace(now, key.0));
                self.of_source_at_account.owe(now, key, pace);
                self.of_source.owe(now, source, SOURCE);
                self.at_account.owe(now, account, ACCOUNT);
            }
        }
    }

    /// Notes a right password.
    pub fn proved(&mut self, remote: SocketAddr, account: &str) {
        if self.places.len() >= TERMINALS_MAX + OPERATORS_MAX && !self.places.contains_key(account)
        {
            self.places.pop_first();
        }
        let places = self.places.entry(account.to_owned()).or_default();
        places.retain(|place| *place != remote);
        places.push(remote);
        if places.len() > PLACES_MAX {
            places.remove(0);
        }
    }

    /// The account is gone; another one may get its name.
    pub fn removed(&mut self, account: &str) {
        self.places.remove(account);
    }

    fn proof(&self, remote: SocketAddr, account: &str) -> Proof {
        let Some(places) = self.places.get(account) else { return Proof::Never };
        if places.contains(&remote) {
            return Proof::Here;
        }
        let source = network(remote.ip());
        let near = places.iter().any(|place| network(place.ip()) == source);
        if near { Proof::Near } else { Proof::Never }
    }

    /// How fast a source may guess at an account that has not proved itself from there.
    fn pace(&self, now: Instant, source: IpAddr) -> GuessRate {
        match self.of_source.wait(now, &source, SOURCE) {
            Some(_) => GUESSING_SOURCE,
            None => ACCOUNT_AND_SOURCE,
        }
    }
}

/// Debts of one kind, each until it is paid.
#[derive(Debug)]
struct Debts<K>(Fading<K, ()>);

impl<K: Clone + Ord> Default for Debts<K> {
    fn default() -> Self {
        Self(Fading::new(DEBTS_MAX))
    }
}

impl<K: Clone + Ord> Debts<K> {
    /// How long until there is room for one more; `None` when there is.
    fn wait(&self, now: Instant, debtor: &K, pace: GuessRate) -> Option<Duration> {
        let owed = self.0.get(debtor)?.0.since(now);
        let allowed = pace.each * (pace.at_once - 1);
        (owed > allowed).then(|| owed.saturating_sub(allowed))
    }

    fn owe(&mut self, now: Instant, debtor: K, pace: GuessRate) {
        // Nobody owes more than twice what is allowed: who has stopped is soon believed again.
        let most = now + pace.each * (2 * pace.at_once);
        let old = self.0.get(&debtor).map_or(now, |(old, ())| old.max(now));
        self.0.put(debtor, (), (old + pace.each).min(most));
    }
}

/// No account has a longer name, so guesses at longer ones need not be told apart.
fn shortened(account: &str) -> String {
    account.chars().take(NAME_MAX + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::from_micros(secs * 1_000_000)
    }

    fn from(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// Guesses as long as it is listened to, at most 10,000 times; how often that was.
    fn guess(attempts: &mut Attempts, now: Instant, remote: SocketAddr, account: &str) -> u32 {
        for guess in 0..10_000 {
            if attempts.barred(now, remote, account).is_some() {
                return guess;
            }
            attempts.failed(now, remote, account);
        }
        10_000
    }

    #[test]
    fn one_source_guesses_twenty_times_and_then_ten_times_a_minute() {
        let mut attempts = Attempts::default();
        let remote = from("192.0.2.7:5060");
        assert_eq!(guess(&mut attempts, at(1), remote, "3001"), 20);
        assert_eq!(attempts.barred(at(1), remote, "3001"), Some(Duration::from_secs(6)));
        assert_eq!(guess(&mut attempts, at(1), from("192.0.2.7:5062"), "3001"), 0, "another port");
        assert_eq!(attempts.barred(at(1), remote, "3002"), None, "its neighbour is innocent");
        assert_eq!(attempts.barred(at(1), from("192.0.2.8:5060"), "3001"), None);
        assert_eq!((2..62).map(|s| guess(&mut attempts, at(s), remote, "3001")).sum::<u32>(), 10);
        // Who was not listened to does not wait longer for it.
        assert_eq!(attempts.barred(at(67), remote, "3001"), None);
    }

    #[test]
    fn a_phone_at_its_place_is_listened_to_whatever_is_guessed() {
        let mut attempts = Attempts::default();
        let phone = from("192.0.2.7:5060");
        attempts.proved(phone, "3001");
        assert_eq!(guess(&mut attempts, at(1), from("192.0.2.7:5070"), "3001"), 20);
        for machine in 0..1_000_u32 {
            let remote = SocketAddr::from((std::net::Ipv4Addr::from(machine + 1), 5060));
            guess(&mut attempts, at(1), remote, "3001");
        }
        assert_eq!(attempts.barred(at(1), phone, "3001"), None);
        // Nor is a port that once was a phone's a way to guess without end.
        assert!(guess(&mut attempts, at(1), phone, "3001") <= 1);
        assert!(attempts.barred(at(1), phone, "3001").is_some());
    }

    #[test]
    fn who_guesses_through_all_accounts_bars_no_first_try_of_anybody() {
        let mut attempts = Attempts::default();
        attempts.proved(from("192.0.2.7:5060"), "3001");
        let guesser = from("192.0.2.7:40000");
        let mut guesses = 0;
        for account in 4000..4200 {
            guesses += guess(&mut attempts, at(1), guesser, &account.to_string());
        }
        // 100 in five accounts, then one in each.
        assert_eq!(guesses, 100 + 195);
        assert_eq!(attempts.barred(at(1), from("192.0.2.7:5080"), "5001"), None, "a newcomer");
        attempts.failed(at(1), from("192.0.2.7:5080"), "5001");
        let typo = attempts.barred(at(1), from("192.0.2.7:5080"), "5001");
        assert_eq!(typo, Some(Duration::from_secs(60)), "it is slowed, not barred");
        // Who has been here before is not concerned, at another port either.
        assert_eq!(guess(&mut attempts, at(1), from("192.0.2.7:5061"), "3001"), 20);
    }

    #[test]
    fn many_machines_guess_at_one_account_no_faster_than_one_a_second() {
        let mut attempts = Attempts::default();
        let machine = |n: u32| SocketAddr::from((std::net::Ipv4Addr::from(n + 1), 5060));
        let all = |attempts: &mut Attempts, now| {
            (0..1_000).map(|n| guess(attempts, now, machine(n), "3001")).sum::<u32>()
        };
        assert_eq!(all(&mut attempts, at(1)), 60);
        assert_eq!((2..62).map(|s| all(&mut attempts, at(s))).sum::<u32>(), 60);
        let subscriber = |n: u32| from(&format!("[2001:db8::{n:x}]:5060"));
        let one = (0..100).map(|n| guess(&mut attempts, at(62), subscriber(n), "3002"));
        assert_eq!(one.sum::<u32>(), 20, "one /64 is one source");
    }

    #[test]
    fn memory_is_bounded_and_no_flood_of_names_forgives_a_large_debt() {
        let mut attempts = Attempts::default();
        let remote = from("192.0.2.7:5060");
        attempts.failed(at(0), remote, &"x".repeat(8000));
        let kept = attempts.at_account.0.get(&"x".repeat(NAME_MAX + 1));
        assert!(kept.is_some(), "no more of a name is kept");
        assert_eq!(guess(&mut attempts, at(1), remote, "3001"), 20);
        for n in 0..2 * DEBTS_MAX as u32 {
            attempts.failed(at(1), remote, &n.to_string());
        }
        let sizes = |attempts: &Attempts| {
            (attempts.of_source_at_account.0.len(), attempts.at_account.0.len())
        };
        assert_eq!(sizes(&attempts), (DEBTS_MAX, DEBTS_MAX));
        assert_eq!(guess(&mut attempts, at(1), remote, "3001"), 0);
        // A minute later the source is believed again, and two later nothing is left.
        assert_eq!(attempts.pace(at(62), network(remote.ip())), ACCOUNT_AND_SOURCE);
        let _ = attempts.barred(at(200), remote, "3001");
        assert_eq!(sizes(&attempts), (0, 0));
        for port in 1..=2 * PLACES_MAX as u16 {
            attempts.proved(SocketAddr::new(remote.ip(), port), "3001");
        }
        assert_eq!(attempts.places["3001"].len(), PLACES_MAX);
    }
}
