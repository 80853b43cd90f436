//! Digest secrets: what is kept instead of a password (RFC 7616 §3.4.2, `H(user:realm:password)`).

use crate::sip::digest::{self, Algorithm};
use std::fmt;
use std::str::FromStr;

/// The longest password, in bytes.
pub const PASSWORD_MAX: usize = 256;

/// The hashes of one account in lower-case hexadecimal, good for one realm; at least one is there.
#[derive(Clone, Eq, PartialEq)]
pub struct Secret {
    md5: Option<String>,
    sha256: Option<String>,
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
        let ha1 = |algorithm| Some(digest::ha1(user, realm, password, algorithm));
        Ok(Self { md5: ha1(Algorithm::Md5), sha256: ha1(Algorithm::Sha256) })
    }

    /// The hash of one algorithm, as it enters the response; imported accounts may lack one.
    #[must_use]
    pub fn ha1(&self, algorithm: Algorithm) -> Option<&str> {
        match algorithm {
            Algorithm::Md5 => self.md5.as_deref(),
            Algorithm::Sha256 => self.sha256.as_deref(),
        }
    }

    /// What the store and `terminal export` write, and [`FromStr`] reads: `ha1:MD5:SHA256`, or one
    /// of the two. Deliberately no `Display`: a secret is never printed by accident.
    #[must_use]
    pub fn export(&self) -> String {
        let hashes: Vec<_> = self.md5.iter().chain(&self.sha256).map(String::as_str).collect();
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
            md5: md5.map(|text| hash(text, 32)).transpose()?,
            sha256: sha256.map(|text| hash(text, 64)).transpose()?,
        })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

fn hash(text: &str, digits: usize) -> Result<String, SecretFault> {
    if text.len() != digits || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(SecretFault::BadHa1);
    }
    Ok(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 §3.9.1: user Mufasa, realm http-auth@example.org, password "Circle of Life".
    #[test]
    fn the_hashes_are_those_of_the_rfc() {
        let secret =
            Secret::from_password("Mufasa", "http-auth@example.org", "Circle of Life").unwrap();
        assert_eq!(secret.ha1(Algorithm::Md5).unwrap(), "3d78807defe7de2157e2b0b6573a855f");
        assert_eq!(
            secret.ha1(Algorithm::Sha256).unwrap(),
            "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"
        );
    }

    #[test]
    fn a_secret_reads_back_whole_or_half() {
        let secret = Secret::from_password("3001", "cordboard.local", "geheim").unwrap();
        assert_eq!(secret.export().parse(), Ok(secret.clone()));
        for algorithm in Algorithm::OFFERED {
            let half = secret.ha1(algorithm).unwrap();
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
