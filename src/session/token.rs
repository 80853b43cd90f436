//! What a browser has of its session, and what is kept of it.

use crate::directory::Secret;
use crate::random::Random;
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};

/// What a mark begins with, so that it is no hash of anything else.
const MARK: &[u8] = b"cordboard session\0";

/// 128 random bits, which a browser alone has.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct SessionToken([u8; 16]);

/// The SHA-256 of a token: who reads the journal cannot log in with it, and comparing it says nothing of the token.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct SessionKey([u8; 32]);

/// Which password an account had.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SecretMark([u8; 32]);

impl SessionToken {
    /// A new one.
    #[must_use]
    pub fn new(random: &mut Random) -> Self {
        Self(random.bytes())
    }

    /// What [`reveal`](Self::reveal) has written: 32 hexadecimal digits in small letters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        bytes_of(text).map(Self)
    }

    /// As the browser gets it.
    #[must_use]
    pub fn reveal(&self) -> String {
        hex_of(&self.0)
    }

    /// What is kept of it.
    #[must_use]
    pub fn key(&self) -> SessionKey {
        SessionKey(Sha256::digest(self.0).into())
    }
}

/// A token is never printed by accident.
impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(..)")
    }
}

impl SessionKey {
    /// What it prints itself as.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        bytes_of(text).map(Self)
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex_of(&self.0))
    }
}

impl SecretMark {
    /// That of an account with this secret.
    #[must_use]
    pub fn of(secret: &Secret) -> Self {
        Self(Sha256::new().chain_update(MARK).chain_update(secret.export()).finalize().into())
    }

    /// What it prints itself as.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        bytes_of(text).map(Self)
    }
}

impl fmt::Display for SecretMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex_of(&self.0))
    }
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn bytes_of<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 2 * N || !text.bytes().all(is_hex) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_its_key_is_not_it() {
        let mut random = Random::from_number(7);
        let token = SessionToken::new(&mut random);
        let text = token.reveal();
        assert_eq!((text.len(), SessionToken::parse(&text)), (32, Some(token)));
        assert_eq!(SessionKey::parse(&token.key().to_string()), Some(token.key()));
        assert!(!token.key().to_string().contains(&text));
        assert_eq!(format!("{token:?}"), "SessionToken(..)");
        assert_ne!(token, SessionToken::new(&mut random));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let good = "0f".repeat(16);
        for wrong in ["", &good[1..], &good.to_uppercase(), &format!("{good}00"), &"ä".repeat(16)]
        {
            assert_eq!(SessionToken::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn another_password_has_another_mark() {
        let secret = |password| Secret::from_password("op1", "r", password).unwrap();
        let mark = SecretMark::of(&secret("one"));
        assert_eq!(mark, SecretMark::of(&secret("one")));
        assert_ne!(mark, SecretMark::of(&secret("two")));
        assert_eq!(SecretMark::parse(&mark.to_string()), Some(mark));
    }
}
