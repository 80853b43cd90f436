//! Keys pressed during a call (RFC 4733 §2.3).

/// The end of an event is sent this often, since one packet may be lost (§2.5.1.4).
pub const END_PACKETS: usize = 3;

const DIGITS: &[u8; 16] = b"0123456789*#ABCD";

/// The payload of one telephone-event packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TelephoneEvent {
    /// 0 to 15 are keys, 16 is a hook flash.
    pub event: u8,
    /// Whether the key is up again.
    pub end: bool,
    /// The power in -dBm0, 0 to 63.
    pub volume: u8,
    /// How long it is down already, in units of the RTP clock.
    pub duration: u16,
}

impl TelephoneEvent {
    /// Reads a payload; of several events in one packet, the first.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let [event, flags, high, low] = *payload.first_chunk()?;
        let duration = u16::from_be_bytes([high, low]);
        Some(Self { event, end: flags & 0x80 != 0, volume: flags & 0x3f, duration })
    }

    /// The payload.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 4] {
        let [high, low] = self.duration.to_be_bytes();
        [self.event, u8::from(self.end) << 7 | self.volume.min(63), high, low]
    }

    /// The key: `0` to `9`, `*`, `#`, `A` to `D`.
    #[must_use]
    pub fn digit(self) -> Option<char> {
        digit(self.event)
    }
}

/// The key of an event number.
#[must_use]
pub fn digit(event: u8) -> Option<char> {
    DIGITS.get(usize::from(event)).copied().map(char::from)
}

/// The event number of a key, in either case.
#[must_use]
pub fn event(digit: char) -> Option<u8> {
    let digit = digit.to_ascii_uppercase();
    (0..).zip(DIGITS).find(|(_, d)| char::from(**d) == digit).map(|(event, _)| event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back() {
        for key in "0123456789*#ABCD".chars() {
            assert_eq!(event(key).and_then(digit), Some(key));
        }
        assert_eq!(event('d'), Some(15));
        assert_eq!((event('x'), digit(16)), (None, None));
    }

    #[test]
    fn a_payload_reads_back_and_a_short_one_is_none() {
        let end = TelephoneEvent { event: 11, end: true, volume: 10, duration: 1600 };
        assert_eq!(end.to_bytes(), [11, 0x8a, 6, 64]);
        assert_eq!(TelephoneEvent::parse(&end.to_bytes()), Some(end));
        assert_eq!(end.digit(), Some('#'));
        assert_eq!(TelephoneEvent::parse(&[1, 0, 0]), None);
    }
}
