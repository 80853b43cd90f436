//! RTP packets (RFC 3550 §5.1): reading, rewriting in place, writing headers.

use rtp_rs::{RtpReader, RtpReaderError};

/// The length of a header without contributing sources and extension.
pub const HEADER_LEN: usize = 12;

/// The first byte of a header that is followed by the payload alone: version 2, nothing else.
const BARE: u8 = 0x80;

/// A packet that was checked whole: no accessor can fail.
#[derive(Debug)]
pub struct Packet<'a>(RtpReader<'a>);

/// Why bytes are no RTP packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// Shorter than what its header announces.
    #[error("{0} bytes are too few for the header")]
    Truncated(usize),
    /// Not version 2: STUN, DTLS, or noise.
    #[error("version {0} is not 2")]
    Version(u8),
    /// More padding than packet, or none where some is announced.
    #[error("impossible padding")]
    Padding,
}

impl<'a> Packet<'a> {
    /// Checks and reads a packet.
    ///
    /// # Errors
    /// When the bytes are no whole RTP packet.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        RtpReader::new(bytes).map(Self).map_err(|error| match error {
            RtpReaderError::BufferTooShort(_) | RtpReaderError::HeadersTruncated { .. } => {
                Error::Truncated(bytes.len())
            }
            RtpReaderError::UnsupportedVersion(version) => Error::Version(version),
            RtpReaderError::PaddingLengthInvalid(_) => Error::Padding,
        })
    }

    /// 0 to 127.
    #[must_use]
    pub fn payload_type(&self) -> u8 {
        self.0.payload_type()
    }

    /// The first packet after silence, or the last one of a picture.
    #[must_use]
    pub fn marker(&self) -> bool {
        self.0.mark()
    }

    /// Rises by one per packet, modulo 2^16.
    #[must_use]
    pub fn sequence(&self) -> u16 {
        self.0.sequence_number().into()
    }

    /// In units of the payload type's clock, modulo 2^32.
    #[must_use]
    pub fn timestamp(&self) -> u32 {
        self.0.timestamp()
    }

    /// Who sends.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.0.ssrc()
    }

    /// The payload, padding left out.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.0.payload()
    }

    /// Where the payload begins.
    #[must_use]
    pub fn payload_offset(&self) -> usize {
        self.0.payload_offset()
    }

    /// The header fields together.
    #[must_use]
    pub fn header(&self) -> RtpHeader {
        RtpHeader {
            payload_type: self.payload_type(),
            marker: self.marker(),
            sequence: self.sequence(),
            timestamp: self.timestamp(),
            ssrc: self.ssrc(),
        }
    }

    /// The header-extension elements: id and data (RFC 8285), in both of its forms.
    #[must_use]
    pub fn elements(&self) -> ExtensionElements<'a> {
        match self.0.extension() {
            Some((0xbede, data)) => ExtensionElements { data, long: false },
            // §4.3: the lowest four bits are the application's.
            Some((profile, data)) if profile & 0xfff0 == 0x1000 => {
                ExtensionElements { data, long: true }
            }
            Some(_) | None => ExtensionElements { data: &[], long: false },
        }
    }
}

/// The elements of a header extension; ends at the first broken one.
#[derive(Clone, Debug)]
pub struct ExtensionElements<'a> {
    data: &'a [u8],
    long: bool,
}

impl<'a> Iterator for ExtensionElements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while let [0, rest @ ..] = self.data {
            self.data = rest;
        }
        let (id, len, rest) = match (self.long, self.data) {
            // §4.2: id 15 is reserved and ends the list.
            (false, [head, rest @ ..]) if head >> 4 != 15 => {
                (head >> 4, usize::from(head & 15) + 1, rest)
            }
            (true, [id, len, rest @ ..]) => (*id, usize::from(*len), rest),
            (false | true, _) => {
                self.data = &[];
                return None;
            }
        };
        let Some((element, rest)) = rest.split_at_checked(len) else {
            self.data = &[];
            return None;
        };
        self.data = rest;
        Some((id, element))
    }
}

/// What a relay rewrites in a packet, and what a sender of its own writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RtpHeader {
    /// 0 to 127; a higher bit is dropped.
    pub payload_type: u8,
    /// See [`Packet::marker`].
    pub marker: bool,
    /// See [`Packet::sequence`].
    pub sequence: u16,
    /// See [`Packet::timestamp`].
    pub timestamp: u32,
    /// See [`Packet::ssrc`].
    pub ssrc: u32,
}

impl RtpHeader {
    /// The header of a packet without padding, extension and contributing sources.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = BARE;
        self.put(&mut bytes);
        bytes
    }

    fn put(&self, bytes: &mut [u8; HEADER_LEN]) {
        bytes[1] = u8::from(self.marker) << 7 | self.payload_type & 0x7f;
        bytes[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
    }
}

/// Gives a packet that [`Packet::parse`] accepted another header; padding, extension, contributing
/// sources and payload stay. Shorter bytes stay as they are.
pub fn rewrite(packet: &mut [u8], header: &RtpHeader) {
    if let Some(bytes) = packet.first_chunk_mut() {
        header.put(bytes);
    }
}

/// Leaves nothing of a packet but header and payload, in place; returns its new length. Contributing
/// sources, header extension and padding (RFC 3550 §5.1) are a matter between a sender and whoever
/// negotiated them with it: they are never payload. What is no packet stays as it is.
#[must_use]
pub fn strip(bytes: &mut [u8]) -> usize {
    if bytes.first() == Some(&BARE) {
        return bytes.len();
    }
    let Ok(packet) = Packet::parse(bytes) else { return bytes.len() };
    let (offset, len) = (packet.payload_offset(), packet.payload().len());
    bytes.copy_within(offset..offset + len, HEADER_LEN);
    bytes[0] = BARE;
    HEADER_LEN + len
}

/// Whether bytes on a shared port are RTCP (RFC 5761 §4): packet types 192 to 223.
#[must_use]
pub fn is_rtcp(bytes: &[u8]) -> bool {
    matches!(bytes, [first, 192..=223, ..] if first >> 6 == 2)
}

/// Whether bytes on a port of RTP are STUN (RFC 8489 §5, RFC 7983 §7), of RFC 3489 too, which has no cookie.
#[must_use]
pub fn is_stun(bytes: &[u8]) -> bool {
    let [0..=3, _, high, low, ..] = bytes else { return false };
    let len = usize::from(u16::from_be_bytes([*high, *low]));
    len.is_multiple_of(4) && bytes.len() == STUN_HEADER_LEN + len
}

/// Of STUN.
const STUN_HEADER_LEN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stun_is_told_from_rtp_and_from_noise() {
        let binding = |len: u8, attributes: usize| {
            [&[0, 1, 0, len, 0x21, 0x12, 0xa4, 0x42], &[7; 12][..], &vec![0; attributes]].concat()
        };
        assert!(is_stun(&binding(0, 0)) && is_stun(&binding(8, 8)));
        let indication = [&[0, 0x11, 0, 0][..], &[9; 16]].concat();
        assert!(is_stun(&indication), "of RFC 3489");
        for none in
            [&binding(8, 4)[..], &binding(3, 3), &binding(0, 0)[..19], &[], &[0; 8], &[0x80; 20]]
        {
            assert!(!is_stun(none), "{none:?}");
        }
    }

    const HEADER: RtpHeader = RtpHeader {
        payload_type: 96,
        marker: true,
        sequence: 0xfffe,
        timestamp: 0x0102_0304,
        ssrc: 0xdead_beef,
    };

    fn with_extension(profile: u16, data: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut bytes = HEADER.to_bytes().to_vec();
        bytes[0] |= 0x10;
        bytes.extend(profile.to_be_bytes());
        bytes.extend(u16::try_from(data.len() / 4).unwrap().to_be_bytes());
        bytes.extend(data);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn a_written_header_reads_back() {
        let mut bytes = HEADER.to_bytes().to_vec();
        bytes.extend(b"sound");
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.header(), HEADER);
        assert_eq!(packet.payload(), b"sound");
    }

    #[test]
    fn rewriting_leaves_the_rest_of_the_packet() {
        let mut bytes = with_extension(0xbede, &[0x10, 7, 0, 0], b"pictures\0\0\x03");
        bytes[0] |= 0x20;
        let header =
            RtpHeader { payload_type: 8, marker: false, sequence: 1, timestamp: 2, ssrc: 3 };
        rewrite(&mut bytes, &header);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.header(), header);
        assert_eq!(packet.payload(), b"pictures");
        assert_eq!(packet.elements().collect::<Vec<_>>(), [(1, &[7][..])]);
    }

    #[test]
    fn elements_are_read_in_both_forms() {
        let short = [0x51, 0xaa, 0xbb, 0, 0x30, 0xcc, 0, 0];
        let bytes = with_extension(0xbede, &short, b"");
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(
            packet.elements().collect::<Vec<_>>(),
            [(5, &[0xaa, 0xbb][..]), (3, &[0xcc][..])]
        );
        let bytes = with_extension(0x1000, &[9, 0, 7, 1, 0xdd, 0, 0, 0], b"");
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.elements().collect::<Vec<_>>(), [(9, &[][..]), (7, &[0xdd][..])]);
    }

    #[test]
    fn an_element_longer_than_its_extension_ends_the_list() {
        let bytes = with_extension(0xbede, &[0x10, 1, 0x2f, 2], b"");
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.elements().collect::<Vec<_>>(), [(1, &[1][..])]);
    }

    #[test]
    fn stripping_keeps_header_and_payload_and_nothing_else() {
        let mut bytes = with_extension(0xbede, &[0x10, 1, 0, 0], b"picture\0\0\0\x04");
        bytes.splice(12..12, [9, 9, 9, 9, 8, 8, 8, 8]);
        bytes[0] |= 0x20 | 2;
        let len = strip(&mut bytes);
        assert_eq!(len, HEADER_LEN + 7);
        assert_eq!(bytes[..HEADER_LEN], HEADER.to_bytes());
        assert_eq!(&bytes[HEADER_LEN..len], b"picture");
        assert_eq!(strip(&mut bytes[..len]), len, "nothing more to remove");
        let mut padding_alone = [&HEADER.to_bytes()[..], &[0, 0, 3]].concat();
        padding_alone[0] |= 0x20;
        assert_eq!(strip(&mut padding_alone), HEADER_LEN);
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        assert_eq!(Packet::parse(b"").unwrap_err(), Error::Truncated(0));
        assert_eq!(Packet::parse(&[0; 20]).unwrap_err(), Error::Version(0));
        let mut bytes = HEADER.to_bytes();
        bytes[0] |= 0x0f;
        assert_eq!(Packet::parse(&bytes).unwrap_err(), Error::Truncated(12));
        bytes[0] = 0xa0;
        assert_eq!(Packet::parse(&bytes).unwrap_err(), Error::Truncated(12));
        assert_eq!(Packet::parse(&[&bytes[..], &[2]].concat()).unwrap_err(), Error::Padding);
    }

    #[test]
    fn rtcp_on_the_rtp_port_is_told_apart() {
        assert!(is_rtcp(&[0x80, 200, 0, 6]));
        assert!(!is_rtcp(&HEADER.to_bytes()));
        assert!(!is_rtcp(&[0x00, 200]) && !is_rtcp(&[0x80]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Some(first) = bytes.first_mut() {
                *first = *first & 0x3f | 0x80;
            }
            if let Ok(packet) = Packet::parse(&bytes) {
                prop_assert!(packet.elements().count() <= bytes.len());
                prop_assert!(packet.payload().len() + HEADER_LEN <= bytes.len());
                let payload = packet.payload().to_vec();
                let len = strip(&mut bytes);
                prop_assert_eq!(len, HEADER_LEN + payload.len());
                rewrite(&mut bytes[..len], &HEADER);
                let packet = Packet::parse(&bytes[..len]).unwrap();
                prop_assert_eq!(packet.payload(), payload);
            }
        }
    }
}
