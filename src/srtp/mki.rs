//! Which key a packet is sealed under, said in each packet (RFC 3711 §3.1, RFC 4568 §6.1).

use std::fmt;

/// The longest that is taken, in bytes. RFC 4568 allows 128; phones that have one use 1 to 4.
pub const MKI_MAX: usize = 16;

/// A master key identifier, in front of the tag of each packet; by default none.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Mki {
    bytes: [u8; MKI_MAX],
    len: usize,
}

impl Mki {
    /// A value in so many bytes, the highest first; none where that is no length or it does not fit.
    #[must_use]
    pub fn new(value: u128, len: usize) -> Option<Self> {
        let at = MKI_MAX.checked_sub(len).filter(|_| len > 0)?;
        let all = value.to_be_bytes();
        if all[..at].iter().any(|byte| *byte != 0) {
            return None;
        }
        let mut bytes = [0; MKI_MAX];
        bytes[..len].copy_from_slice(&all[at..]);
        Some(Self { bytes, len })
    }

    /// As packets carry it; empty where they carry none.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// As SDP carries it behind a key: `|1:4`, or nothing.
impl fmt::Display for Mki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.len == 0 {
            return Ok(());
        }
        let value =
            self.as_bytes().iter().fold(0_u128, |value, byte| value << 8 | u128::from(*byte));
        write!(f, "|{value}:{}", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stands_in_its_bytes_and_comes_back() {
        let four = Mki::new(258, 4).unwrap();
        assert_eq!((four.as_bytes(), four.to_string().as_str()), (&[0, 0, 1, 2][..], "|258:4"));
        let longest = Mki::new(u128::MAX, MKI_MAX).unwrap();
        assert_eq!(longest.as_bytes(), [255; MKI_MAX]);
        assert_eq!(
            (Mki::default().as_bytes(), Mki::default().to_string()),
            (&[][..], String::new())
        );
    }

    #[test]
    fn what_does_not_fit_is_none() {
        for (value, len) in [(1, 0), (256, 1), (1, MKI_MAX + 1), (1, usize::MAX)] {
            assert_eq!(Mki::new(value, len), None, "{value}:{len}");
        }
    }
}
