//! Master keys, as `a=crypto` carries them: key and salt in one line of base64.

use super::mki::Mki;
use super::suite::Suite;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use std::fmt;

/// The most that any suite needs: a key of 256 bits and a salt of 112.
const MASTER_MAX: usize = 46;
/// The longest salt (RFC 3711 §4.1.1).
pub(super) const SALT_MAX: usize = 14;

/// Random bytes of which fresh keys are made.
#[derive(Clone, Copy)]
pub struct Seed(pub [u8; MASTER_MAX]);

/// Keys are for no log.
impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// The master key and salt of one direction.
#[derive(Clone, Eq, PartialEq)]
pub struct MasterKey {
    suite: Suite,
    master: [u8; MASTER_MAX],
    mki: Mki,
}

impl MasterKey {
    /// Keys out of random bytes, as many as the suite needs.
    #[must_use]
    pub fn fresh(suite: Suite, seed: Seed) -> Self {
        let Seed(mut master) = seed;
        master[suite.master_len()..].fill(0);
        Self { suite, master, mki: Mki::default() }
    }

    /// Other keys of the same suite, out of random bytes.
    #[must_use]
    pub fn renewed(&self, seed: Seed) -> Self {
        Self::fresh(self.suite, seed)
    }

    /// The same under a name that its packets carry.
    #[must_use]
    pub fn named(self, mki: Mki) -> Self {
        Self { mki, ..self }
    }

    /// The name that its packets carry, if they do.
    #[must_use]
    pub fn mki(&self) -> Mki {
        self.mki
    }

    /// The `key||salt` of an `inline:` parameter; none where it is not of the suite's length.
    #[must_use]
    pub fn parse(suite: Suite, inline: &str) -> Option<Self> {
        let bytes = STANDARD.decode(inline.trim()).ok()?;
        if bytes.len() != suite.master_len() {
            return None;
        }
        let mut master = [0; MASTER_MAX];
        master[..bytes.len()].copy_from_slice(&bytes);
        Some(Self { suite, master, mki: Mki::default() })
    }

    /// That of a key and a salt; none where they are not of the suite's lengths.
    #[must_use]
    pub fn of_parts(suite: Suite, key: &[u8], salt: &[u8]) -> Option<Self> {
        if key.len() != suite.key_len() || salt.len() != suite.salt_len() {
            return None;
        }
        let mut master = [0; MASTER_MAX];
        master[..key.len()].copy_from_slice(key);
        master[key.len()..key.len() + salt.len()].copy_from_slice(salt);
        Some(Self { suite, master, mki: Mki::default() })
    }

    /// As SDP carries it, with its name. For the wire alone.
    #[must_use]
    pub fn to_inline(&self) -> String {
        let key = STANDARD.encode(&self.master[..self.suite.master_len()]);
        format!("{key}{}", self.mki)
    }

    /// The suite that it is for.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// A mark that is the same for the same key, and tells nothing of it.
    #[must_use]
    pub fn mark(&self) -> u32 {
        let mac = Hmac::<Sha1>::new_from_slice(&self.master);
        let mut mac = mac.expect("HMAC takes keys of every length");
        mac.update(b"mark of a key");
        mac.finalize()
            .into_bytes()
            .iter()
            .take(4)
            .fold(0, |mark, byte| mark << 8 | u32::from(*byte))
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.master[..self.suite.key_len()]
    }

    pub(super) fn salt(&self) -> &[u8] {
        &self.master[self.suite.key_len()..self.suite.master_len()]
    }
}

/// Keys are for no log.
impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({}, …)", self.suite)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_from_its_line_and_shows_itself_nowhere() {
        for suite in Suite::ALL {
            let keys = MasterKey::fresh(suite, Seed([7; MASTER_MAX]));
            let inline = keys.to_inline();
            assert_eq!(MasterKey::parse(suite, &inline).as_ref(), Some(&keys));
            assert!(!format!("{keys:?}").contains(&inline[..8]));
            let other = MasterKey::fresh(suite, Seed([8; MASTER_MAX]));
            assert_ne!(keys.mark(), other.mark());
        }
    }

    #[test]
    fn a_line_of_another_length_is_no_key() {
        let suite = Suite::AesCm128Sha1_80;
        for inline in ["", "AAAA", "!", &"A".repeat(39), &"A".repeat(44), &"A".repeat(10_000)] {
            assert_eq!(MasterKey::parse(suite, inline), None, "{inline}");
        }
        // The example of RFC 4568 §6.1.
        assert!(MasterKey::parse(suite, "PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR").is_some());
    }
}
