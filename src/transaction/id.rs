//! The names of transactions.

use crate::sip::MAGIC_COOKIE;
use std::fmt;

/// A client transaction; the transaction user chooses the number and never chooses it twice.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientId(pub u64);

/// A server transaction; rises by one per request.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ServerId(pub u64);

/// The branch of a request of ours: by it the answers find back (RFC 3261 §17.1.3). It is drawn by chance, so
/// that only who has seen the request can name it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Branch(pub u64);

/// As many as 64 bits have.
const DIGITS: usize = 16;

impl Branch {
    /// The branch that is written so, if we could have written it.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let digits = text.get(MAGIC_COOKIE.len()..)?;
        let is_ours = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        let ours = digits.len() == DIGITS && digits.bytes().all(is_ours);
        u64::from_str_radix(digits, 16).ok().filter(|_| ours).map(Self)
    }
}

/// With its magic cookie, as it stands in Via.
impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{MAGIC_COOKIE}{:0DIGITS$x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_reads_back_and_others_are_none_of_ours() {
        for number in [0, 7, 1 << 60, u64::MAX] {
            assert_eq!(Branch::of(&Branch(number).to_string()), Some(Branch(number)));
        }
        let ours = Branch(0xa1b2).to_string();
        let others = ["z9hG4bK", "z9hG4bKa1b2", "z9hG4bK+00000000000a1b2", "z9hG4bK\u{e9}"];
        for other in others.into_iter().map(str::to_owned).chain([ours.to_uppercase(), ours + "0"])
        {
            assert_eq!(Branch::of(&other), None, "{other}");
        }
    }
}
