//! Name and password of an agent (RFC 8445 §5.3), under which checks are proven.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use std::fmt;
use std::ops::RangeInclusive;

/// The lengths of a name and of a password that are taken (RFC 8839 §5.4).
const UFRAG_LEN: RangeInclusive<usize> = 4..=256;
const PASSWORD_LEN: RangeInclusive<usize> = 22..=256;
/// Bytes of ours: 48 bits and 144, of which RFC 8445 wants 24 and 128.
const OUR_UFRAG: usize = 6;
const OUR_PASSWORD: usize = 18;

/// What an agent is called, and what proves checks to it.
#[derive(Clone, Eq, PartialEq)]
pub struct IceCredentials {
    /// Its name, `ice-ufrag`.
    pub ufrag: Box<str>,
    /// Its password, `ice-pwd`.
    pub password: Box<str>,
}

impl IceCredentials {
    /// Those of a description; none where they are too short to prove anything, or too long.
    #[must_use]
    pub fn new(ufrag: &str, password: &str) -> Option<Self> {
        let is_ice = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
        };
        let fits = UFRAG_LEN.contains(&ufrag.len()) && PASSWORD_LEN.contains(&password.len());
        let all = fits && is_ice(ufrag) && is_ice(password);
        all.then(|| Self { ufrag: ufrag.into(), password: password.into() })
    }

    /// Fresh ones out of random bytes, which they tell nothing of.
    ///
    /// # Panics
    /// Never: HMAC takes keys of every length.
    #[must_use]
    pub fn fresh(seed: &[u8]) -> Self {
        let derived = |label: &[u8], len: usize| {
            let mac = Hmac::<Sha1>::new_from_slice(seed);
            let mut mac = mac.expect("HMAC takes keys of every length");
            mac.update(label);
            STANDARD_NO_PAD.encode(&mac.finalize().into_bytes()[..len]).into()
        };
        Self {
            ufrag: derived(b"ice-ufrag", OUR_UFRAG),
            password: derived(b"ice-pwd", OUR_PASSWORD),
        }
    }
}

/// The password is for no log.
impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IceCredentials({}, …)", self.ufrag)
    }
}
