//! Seeded chance: tags, branches, nonces, SSRCs, and the keys of hashed maps.
//!
//! The stream is ChaCha12, so that who sees many tags cannot foretell the next nonce.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use siphasher::sip::SipHasher13;
use siphasher::sip128::{self, Hasher128 as _};
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};

/// The source of all chance below `server/`; the same seed gives the same run.
#[derive(Clone, Debug)]
pub struct Random(ChaCha12Rng);

impl Random {
    /// A source that draws from the operating system's 32 bytes.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// A source for tests and simulations, named by a number that can be printed.
    #[must_use]
    pub fn from_number(seed: u64) -> Self {
        Self(ChaCha12Rng::seed_from_u64(seed))
    }

    /// A source for another room, independent of this one from here on.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        Self::from_seed(seed)
    }

    /// 32 random bits.
    pub fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// 64 random bits.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.u64().to_be_bytes()[..chunk.len()]);
        }
        bytes
    }

    /// A number from 0 up to, but not including, `limit`.
    ///
    /// # Panics
    /// When `limit` is 0: there is no such number.
    pub fn below(&mut self, limit: u64) -> u64 {
        assert!(limit > 0, "nothing is below 0");
        // The bias of a 64-bit multiply-shift is below 2^-32 for every limit in use here.
        ((u128::from(self.u64()) * u128::from(limit)) >> 64) as u64
    }

    /// `digits` lower-case hexadecimal digits: a tag, a branch, a nonce.
    pub fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits);
        while text.len() < digits {
            let bits = self.u64();
            for shift in (0..64).step_by(4).take(digits - text.len()) {
                text.push(char::from(b"0123456789abcdef"[(bits >> shift) as usize & 15]));
            }
        }
        text
    }

    /// The keys for one hashed map, or for one kind of fingerprints.
    pub fn map_keys(&mut self) -> KeyedState {
        KeyedState(self.u64(), self.u64())
    }
}

/// A map for keys that the network chooses (Call-IDs, branches). Its order must never show.
pub type KeyedMap<K, V> = HashMap<K, V, KeyedState>;

/// So many entries are no burden to keep room for.
const KEPT_ROOM: usize = 1_024;

/// Takes an entry out. A map that holds an eighth of what it has room for gives most of it back: a flood ends.
pub fn take_out<K, V, Q>(map: &mut KeyedMap<K, V>, key: &Q) -> Option<V>
where
    K: Hash + Eq + Borrow<Q>,
    Q: Hash + Eq + ?Sized,
{
    let taken = map.remove(key);
    if map.capacity() > KEPT_ROOM && map.len() < map.capacity() / 8 {
        map.shrink_to(2 * map.len());
    }
    taken
}

/// SipHash-1-3 under keys from [`Random::map_keys`].
#[derive(Clone, Copy, Debug)]
pub struct KeyedState(u64, u64);

impl BuildHasher for KeyedState {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }
}

impl KeyedState {
    /// Names a value by 128 bits in place of its text: under secret keys nobody can make two values that have
    /// one name.
    #[must_use]
    pub fn fingerprint(&self, value: impl Hash) -> u128 {
        let mut hasher = sip128::SipHasher13::new_with_keys(self.0, self.1);
        value.hash(&mut hasher);
        hasher.finish128().as_u128()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_of_one_value_and_one_house() {
        let (mut one, mut other) = (Random::from_number(7), Random::from_number(8));
        let prints = one.map_keys();
        assert_eq!(prints.fingerprint(("a", "b")), prints.fingerprint(("a", "b")));
        for value in [("ab", ""), ("", "ab"), ("b", "a")] {
            assert_ne!(prints.fingerprint(("a", "b")), prints.fingerprint(value), "{value:?}");
        }
        assert_ne!(prints.fingerprint("a"), other.map_keys().fingerprint("a"));
    }

    #[test]
    fn a_map_that_was_large_gives_its_room_back() {
        let mut map = KeyedMap::with_hasher(Random::from_number(7).map_keys());
        map.extend((0..100_000).map(|n| (n, n)));
        let large = map.capacity();
        assert!((0..95_000).all(|n| take_out(&mut map, &n) == Some(n)));
        assert!(map.capacity() < large / 2 && map.len() == 5_000, "{}", map.capacity());
        assert!((95_000..100_000).all(|n| take_out(&mut map, &n) == Some(n)));
        assert!(map.capacity() <= 2 * KEPT_ROOM, "{}", map.capacity());
        assert_eq!(take_out(&mut map, &1), None);
    }

    #[test]
    fn the_same_seed_gives_the_same_run() {
        let (mut one, mut two) = (Random::from_number(7), Random::from_number(7));
        assert_eq!(one.hex(33), two.hex(33));
        assert_eq!(one.fork().u64(), two.fork().u64());
        assert_ne!(Random::from_number(8).u64(), Random::from_number(7).u64());
    }

    #[test]
    fn hex_has_the_length_that_was_asked_for() {
        let mut random = Random::from_number(1);
        for digits in [0, 1, 16, 17, 40] {
            assert_eq!(random.hex(digits).len(), digits);
        }
    }

    #[test]
    fn below_stays_below() {
        let mut random = Random::from_number(1);
        assert!((0..1000).all(|_| random.below(3) < 3));
    }
}
