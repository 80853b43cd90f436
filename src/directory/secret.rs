//! Digest secrets: what is kept instead of a password (RFC 7616 §3.4.2, `H(user:realm:password)`).

use md5::Md5;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

/// The longest password, in bytes.
pub const PASSWORD_MAX: usize = 256;

/// The hashes of one account, each good for one realm; at least one is there.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret {
    md5_ha1: Option<[u8; 16]>,
    sha256_ha1: Option<[u8; 32]>,
}

/// What is wrong with a password or a written secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SecretFault {
    /// No password at all.
    #[error("the password is empty: give at least one character")]
    Empty,
    /// Longer than [`PASSWORD_MAX`].
    #[error("the password is too long: give at most {PASSWORD_MAX} bytes")]
    TooLong,
    /// Not what [`Secret`] prints.
    #[error(
        "the HA1 cannot be read: write `ha1:` and 32 (MD5) or 64 (SHA-256) hexadecimal digits, \
         or both joined by `:`"
    )]
    BadHa1,
}

impl Secret {
    /// Hashes a password for the account `user` of `realm`; the password itself is not kept.
    ///
    /// # Errors
    /// When the password is empty or longer than [`PASSWORD_MAX`].
    pub fn from_password(user: &str, realm: &str, password: &str) -> Result<Self, SecretFault> {
        if password.is_empty() {
            return Err(SecretFault::Empty);
        }
        if password.len() > PASSWORD_MAX {
            return Err(SecretFault::TooLong);
        }
        let text = format!("{user}:{realm}:{password}");
        Ok(Self {
            md5_ha1: Some(Md5::digest(&text).into()),
            sha256_ha1: Some(Sha256::digest(&text).into()),
        })
    }

    /// The MD5 hash in hexadecimal, as it enters the response.
    #[must_use]
    pub fn md5_ha1(&self) -> Option<String> {
        self.md5_ha1.as_ref().map(|hash| hex(hash))
    }

    /// The SHA-256 hash in hexadecimal, as it enters the response.
    #[must_use]
    pub fn sha256_ha1(&self) -> Option<String> {
        self.sha256_ha1.as_ref().map(|hash| hex(hash))
    }

    /// What the store and `terminal export` write, and [`FromStr`] reads: `ha1:MD5:SHA256`, or one
    /// of the two. Deliberately no `Display`: a secret is never printed by accident.
    #[must_use]
    pub fn export(&self) -> String {
        let hashes: Vec<_> = self.md5_ha1().into_iter().chain(self.sha256_ha1()).collect();
        format!("ha1:{}", hashes.join(":"))
    }
}

impl FromStr for Secret {
    type Err = SecretFault;

    fn from_str(text: &str) -> Result<Self, SecretFault> {
        let hashes = text.strip_prefix("ha1:").ok_or(SecretFault::BadHa1)?;
        let (md5, sha256) = match (hashes.split_once(':'), hashes.len()) {
            (Some((md5, sha256)), _) => (Some(md5), Some(sha256)),
            (None, 32) => (Some(hashes), None),
            (None, _) => (None, Some(hashes)),
        };
        Ok(Self {
            md5_ha1: md5.map(unhex).transpose()?,
            sha256_ha1: sha256.map(unhex).transpose()?,
        })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex<const N: usize>(text: &str) -> Result<[u8; N], SecretFault> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(SecretFault::BadHa1);
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| SecretFault::BadHa1)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 §3.9.1: user Mufasa, realm http-auth@example.org, password "Circle of Life".
    #[test]
    fn the_hashes_are_those_of_the_rfc() {
        let secret =
            Secret::from_password("Mufasa", "http-auth@example.org", "Circle of Life").unwrap();
        assert_eq!(secret.md5_ha1().unwrap(), "3d78807defe7de2157e2b0b6573a855f");
        assert_eq!(
            secret.sha256_ha1().unwrap(),
            "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"
        );
    }

    #[test]
    fn a_secret_reads_back_whole_or_half() {
        let secret = Secret::from_password("3001", "cordboard.local", "geheim").unwrap();
        assert_eq!(secret.export().parse(), Ok(secret.clone()));
        for half in [secret.md5_ha1(), secret.sha256_ha1()].into_iter().flatten() {
            let text = format!("ha1:{half}");
            assert_eq!(text.parse::<Secret>().unwrap().export(), text);
        }
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for wrong in ["", "ha1:", "ha1:zz", "geheim", "ha1::", &format!("ha1:{}", "ä".repeat(16))]
        {
            assert_eq!(wrong.parse::<Secret>(), Err(SecretFault::BadHa1), "{wrong}");
        }
        let long = "x".repeat(PASSWORD_MAX + 1);
        assert_eq!(Secret::from_password("1", "r", ""), Err(SecretFault::Empty));
        assert_eq!(Secret::from_password("1", "r", &long), Err(SecretFault::TooLong));
    }
}
