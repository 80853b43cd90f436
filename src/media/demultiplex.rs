//! What came to a socket, told by its first byte (RFC 7983 §7): several protocols share one transport.
//!
//! ```text
//!   0-3 STUN    20-63 DTLS    128-191 RTP and RTCP    16-19 ZRTP, 64-79 TURN, all else: not understood
//! ```

use crate::rtp::{is_rtcp, is_stun};

/// The protocols that are told apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// RFC 8489. A whole message: of what only begins like one nothing is known.
    Stun,
    /// RFC 9147.
    Dtls,
    /// RFC 3550.
    Rtp,
    /// RFC 3550; on the port of RTP by its packet type (RFC 5761 §4).
    Rtcp,
}

impl Protocol {
    /// Of these bytes; none where nobody here speaks it.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes.first()? {
            0..=3 if is_stun(bytes) => Some(Self::Stun),
            20..=63 => Some(Self::Dtls),
            128..=191 if is_rtcp(bytes) => Some(Self::Rtcp),
            128..=191 => Some(Self::Rtp),
            _others => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_tells_protocols_apart() {
        let of = |first: u8, second: u8| {
            let mut bytes = [0; 20];
            (bytes[0], bytes[1]) = (first, second);
            Protocol::of(&bytes)
        };
        for first in 0..=u8::MAX {
            let (rtp, rtcp) = match first {
                0..=3 => (Some(Protocol::Stun), Some(Protocol::Stun)),
                20..=63 => (Some(Protocol::Dtls), Some(Protocol::Dtls)),
                128..=191 => (Some(Protocol::Rtp), Some(Protocol::Rtcp)),
                _others => (None, None),
            };
            assert_eq!((of(first, 96), of(first, 200)), (rtp, rtcp), "{first}");
        }
    }

    #[test]
    fn nothing_and_a_broken_message_are_not_understood() {
        assert_eq!(Protocol::of(&[]), None);
        assert_eq!(Protocol::of(&[0; 19]), None, "of STUN no whole header");
    }
}
