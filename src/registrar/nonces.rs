//! Nonces for digest authentication (RFC 7616 §3.3): minted without memory, spent once per count.
//!
//! A nonce carries its time of birth, salt and a keyed hash over both and the address it was given
//! to, so a flood of unanswered challenges costs no memory. Only a nonce that has served a right
//! response is remembered, with the counts it was used with.

use crate::random::Random;
use crate::time::{Duration, Instant};
use siphasher::sip128::{Hasher128 as _, SipHasher24};
use std::collections::BTreeMap;
use std::hash::Hasher as _;
use std::net::IpAddr;

/// How long a nonce is good for.
pub const NONCE_LIFETIME: Duration = Duration::from_secs(300);

/// The most nonces whose counts are remembered; beyond, the oldest are no longer accepted.
pub const NONCES_MAX: usize = 65_536;

/// How far behind the highest count a late request may be, for UDP reorders.
const WINDOW: u32 = 64;

/// Hexadecimal digits: time, salt, keyed hash.
const NONCE_DIGITS: usize = 16 + 16 + 32;

/// A nonce of ours that is still good.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Nonce {
    born: Instant,
    salt: u64,
}

/// The nonce is too old, of another process or address, or used up: ask with a fresh one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stale;

/// Which counts a nonce was used with: the highest, and a bit for each of those before it.
#[derive(Clone, Copy, Debug)]
struct Counts {
    highest: u32,
    before: u64,
}

/// Mints and checks nonces.
#[derive(Debug)]
pub(super) struct Nonces {
    key: (u64, u64),
    random: Random,
    used: BTreeMap<Nonce, Counts>,
    /// Nonces born up to here have been forgotten, so they are refused.
    forgotten: Option<Instant>,
}

impl Nonces {
    pub fn new(mut random: Random) -> Self {
        Self { key: (random.u64(), random.u64()), random, used: BTreeMap::new(), forgotten: None }
    }

    /// A fresh nonce for whoever asks from `source`.
    pub fn mint(&mut self, now: Instant, source: IpAddr) -> String {
        let nonce = Nonce { born: now, salt: self.random.u64() };
        let (born, salt) = (nonce.born.as_micros(), nonce.salt);
        format!("{born:016x}{salt:016x}{:032x}", self.seal(nonce, source))
    }

    /// Reads a nonce that came back from `source`.
    pub fn read(&self, now: Instant, text: &str, source: IpAddr) -> Result<Nonce, Stale> {
        if text.len() != NONCE_DIGITS || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Stale);
        }
        let digits = |from, to| u128::from_str_radix(&text[from..to], 16).map_err(|_| Stale);
        let part = |from, to| u64::try_from(digits(from, to)?).map_err(|_| Stale);
        let nonce = Nonce { born: Instant::from_micros(part(0, 16)?), salt: part(16, 32)? };
        let ours = digits(32, NONCE_DIGITS)? == self.seal(nonce, source);
        let fresh = nonce.born <= now && now.since(nonce.born) < NONCE_LIFETIME;
        let kept = self.forgotten.is_none_or(|until| nonce.born > until);
        if ours && fresh && kept { Ok(nonce) } else { Err(Stale) }
    }

    /// Notes that a right response came with this nonce and count. Phones that know no `qop` send
    /// no count: for them a nonce is good once.
    pub fn spend(&mut self, now: Instant, nonce: Nonce, count: Option<u32>) -> Result<(), Stale> {
        while let Some((oldest, _)) = self.used.first_key_value()
            && now.since(oldest.born) >= NONCE_LIFETIME
        {
            self.used.pop_first();
        }
        let count = count.unwrap_or(1);
        // The last number there is: nothing would rise above it, and the nonce be of no use any more.
        if count == u32::MAX {
            return Err(Stale);
        }
        match self.used.get_mut(&nonce) {
            Some(counts) => counts.note(count)?,
            None if count == 0 => return Err(Stale),
            None => {
                self.used.insert(nonce, Counts { highest: count, before: 0 });
            }
        }
        if self.used.len() > NONCES_MAX
            && let Some((oldest, _)) = self.used.pop_first()
        {
            self.forgotten = Some(oldest.born);
        }
        Ok(())
    }

    fn seal(&self, nonce: Nonce, source: IpAddr) -> u128 {
        let mut hasher = SipHasher24::new_with_keys(self.key.0, self.key.1);
        hasher.write(&nonce.born.as_micros().to_be_bytes());
        hasher.write(&nonce.salt.to_be_bytes());
        match source.to_canonical() {
            IpAddr::V4(ip) => hasher.write(&ip.octets()),
            IpAddr::V6(ip) => hasher.write(&ip.octets()),
        }
        hasher.finish128().as_u128()
    }
}

impl Counts {
    fn note(&mut self, count: u32) -> Result<(), Stale> {
        if count > self.highest {
            let ahead = count - self.highest;
            let shifted = self.before.checked_shl(ahead).unwrap_or(0);
            // The old highest becomes the bit `ahead` places back.
            let old = 1_u64.checked_shl(ahead - 1).unwrap_or(0);
            *self = Self { highest: count, before: shifted | old };
            return Ok(());
        }
        let behind = self.highest - count;
        if behind == 0 || behind > WINDOW || count == 0 {
            return Err(Stale);
        }
        let bit = 1_u64 << (behind - 1);
        if self.before & bit != 0 {
            return Err(Stale);
        }
        self.before |= bit;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

    fn at(secs: u64) -> Instant {
        Instant::from_micros(secs * 1_000_000)
    }

    fn nonces() -> Nonces {
        Nonces::new(Random::from_number(1))
    }

    #[test]
    fn a_nonce_is_good_for_five_minutes_and_for_one_address() {
        let mut nonces = nonces();
        let text = nonces.mint(at(10), PHONE);
        assert_eq!(text.len(), NONCE_DIGITS);
        assert!(nonces.read(at(309), &text, PHONE).is_ok());
        assert_eq!(nonces.read(at(310), &text, PHONE), Err(Stale));
        assert_eq!(nonces.read(at(9), &text, PHONE), Err(Stale), "born in the future");
        assert_eq!(nonces.read(at(11), &text, "192.0.2.8".parse().unwrap()), Err(Stale));
        let mapped = "::ffff:192.0.2.7".parse().unwrap();
        assert!(nonces.read(at(11), &text, mapped).is_ok(), "one peer on a dual-stack socket");
    }

    #[test]
    fn a_nonce_of_another_process_or_none_at_all_is_stale() {
        let text = Nonces::new(Random::from_number(2)).mint(at(10), PHONE);
        let long = "ä".repeat(NONCE_DIGITS / 2);
        for wrong in [text.as_str(), "", "0", &text[1..], &long] {
            assert_eq!(nonces().read(at(11), wrong, PHONE), Err(Stale), "{wrong}");
        }
        let mut nonces = nonces();
        let mut forged = nonces.mint(at(10), PHONE);
        forged.replace_range(0..16, &format!("{:016x}", at(11).as_micros()));
        assert_eq!(nonces.read(at(12), &forged, PHONE), Err(Stale));
    }

    #[test]
    fn each_count_is_good_once_even_when_late() {
        let mut nonces = nonces();
        let text = nonces.mint(at(1), PHONE);
        let nonce = nonces.read(at(1), &text, PHONE).unwrap();
        let mut spend = |count| nonces.spend(at(2), nonce, Some(count)).is_ok();
        assert!(!spend(0), "counts begin at 1");
        assert!(spend(1) && !spend(1));
        assert!(spend(4) && spend(3) && spend(2));
        assert!(!spend(3) && !spend(1) && !spend(4));
        assert!(spend(100) && spend(36) && !spend(35), "at most {WINDOW} behind");
        assert!(!spend(u32::MAX), "no count rises above it");
        assert!(spend(u32::MAX - 1) && !spend(101));
    }

    #[test]
    fn without_a_count_a_nonce_is_good_once() {
        let mut nonces = nonces();
        let text = nonces.mint(at(1), PHONE);
        let nonce = nonces.read(at(1), &text, PHONE).unwrap();
        assert_eq!(nonces.spend(at(1), nonce, None), Ok(()));
        assert_eq!(nonces.spend(at(1), nonce, None), Err(Stale));
    }

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_is_never_accepted_again() {
        let mut nonces = nonces();
        let nonce = |nonces: &mut Nonces, micros| {
            let born = Instant::from_micros(micros);
            let text = nonces.mint(born, PHONE);
            let nonce = nonces.read(born, &text, PHONE).unwrap();
            nonces.spend(born, nonce, Some(1)).unwrap();
            text
        };
        let first = nonce(&mut nonces, 1);
        for micros in 2..=NONCES_MAX as u64 {
            nonce(&mut nonces, micros);
        }
        assert!(nonces.read(at(1), &first, PHONE).is_ok(), "just full");
        nonce(&mut nonces, NONCES_MAX as u64 + 1);
        assert_eq!(nonces.used.len(), NONCES_MAX);
        assert_eq!(nonces.read(at(1), &first, PHONE), Err(Stale));
        let text = nonces.mint(at(400), PHONE);
        let late = nonces.read(at(400), &text, PHONE).unwrap();
        nonces.spend(at(400), late, Some(1)).unwrap();
        assert_eq!(nonces.used.len(), 1, "old ones go by themselves");
    }
}
