//! The payload format of H.264 (RFC 6184): packetization modes 0 and 1.
//!
//! ```text
//!   single NAL unit   | header | slice …                                  modes 0 and 1
//!   STAP-A (24)       | header | size | NAL unit | size | NAL unit …      mode 1
//!   FU-A (28)         | indicator | S E type | fragment …                 mode 1
//! ```
//!
//! Loss-aware: a fragment that is missing costs its whole NAL unit, and never glues two halves of
//! different ones together.

use super::sequence::later_by;

/// The longest NAL unit that is put together from fragments.
pub const NAL_MAX: usize = 512 * 1024;
/// The longest NAL unit that goes whole into one packet: what UDP carries, less all headers.
pub const SINGLE_MAX: usize = 65_000;
/// Parameter sets in an `sprop-parameter-sets`.
pub const PARAMETER_SETS_MAX: usize = 16;
/// The longest parameter set in an `sprop-parameter-sets`, in bytes.
pub const PARAMETER_SET_MAX: usize = 512;

/// `nal_unit_type` of a slice of a picture that others lead up to.
pub const SLICE: u8 = 1;
/// `nal_unit_type` of a slice of a key frame.
pub const IDR_SLICE: u8 = 5;
/// `nal_unit_type` of a sequence parameter set.
pub const SEQUENCE_PARAMETERS: u8 = 7;
/// `nal_unit_type` of a picture parameter set.
pub const PICTURE_PARAMETERS: u8 = 8;

const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const TYPE: u8 = 0x1f;
const START: u8 = 0x80;
const END: u8 = 0x40;

/// One payload, read.
#[derive(Clone, Debug)]
pub enum Payload<'a> {
    /// One NAL unit, whole.
    Single(&'a [u8]),
    /// Several NAL units, whole.
    Aggregate(Aggregate<'a>),
    /// A piece of one.
    Fragment(Fragment<'a>),
}

/// The NAL units of a STAP-A; ends at the first broken one.
#[derive(Clone, Debug)]
pub struct Aggregate<'a>(&'a [u8]);

/// A piece of a NAL unit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fragment<'a> {
    /// The header of the whole NAL unit.
    pub header: u8,
    /// Whether it is the first piece.
    pub start: bool,
    /// Whether it is the last piece.
    pub end: bool,
    /// The bytes of the piece, without the header.
    pub data: &'a [u8],
}

impl<'a> Payload<'a> {
    /// Reads a payload; none when it is empty, cut off, or of the interleaved mode 2.
    #[must_use]
    pub fn read(payload: &'a [u8]) -> Option<Self> {
        let (first, rest) = payload.split_first()?;
        match (first & TYPE, rest) {
            (1..=23, _) => Some(Self::Single(payload)),
            (STAP_A, rest) => Some(Self::Aggregate(Aggregate(rest))),
            (FU_A, [second, data @ ..]) if !data.is_empty() => Some(Self::Fragment(Fragment {
                header: first & !TYPE | second & TYPE,
                start: second & START != 0,
                end: second & END != 0,
                data,
            })),
            (_, _) => None,
        }
    }
}

impl<'a> Iterator for Aggregate<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let next = self
            .0
            .split_first_chunk()
            .and_then(|(size, rest)| rest.split_at_checked(usize::from(u16::from_be_bytes(*size))));
        let (nal, rest) = next.filter(|(nal, _)| !nal.is_empty()).unwrap_or((&[], &[]));
        self.0 = rest;
        (!nal.is_empty()).then_some(nal)
    }
}

/// What begins in a payload.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Contents {
    /// A slice of a key frame.
    pub key_frame: bool,
    /// A slice of another picture.
    pub other_picture: bool,
    /// The first slice of a picture.
    pub first_slice: bool,
    /// A sequence parameter set.
    pub sequence_parameters: bool,
    /// A picture parameter set.
    pub picture_parameters: bool,
}

impl Contents {
    /// Looks into a payload; of a fragmented NAL unit only the first piece counts.
    #[must_use]
    pub fn of(payload: &[u8]) -> Self {
        let mut contents = Self::default();
        match Payload::read(payload) {
            Some(Payload::Single(nal)) => contents.add(nal[0], &nal[1..]),
            Some(Payload::Aggregate(nals)) => nals.for_each(|nal| contents.add(nal[0], &nal[1..])),
            Some(Payload::Fragment(piece)) if piece.start => {
                contents.add(piece.header, piece.data);
            }
            Some(Payload::Fragment(_)) | None => {}
        }
        contents
    }

    /// Whether a decoder can begin here, given parameter sets from here or from before. At a later slice
    /// it would show a hole in place of the first, and lean on it until the next key frame.
    #[must_use]
    pub fn begins_key_frame(self) -> bool {
        self.key_frame && self.first_slice || self.sequence_parameters
    }

    fn add(&mut self, header: u8, data: &[u8]) {
        let kind = header & TYPE;
        self.first_slice |= matches!(kind, SLICE | 2 | IDR_SLICE) && is_first_slice(data);
        match kind {
            IDR_SLICE => self.key_frame = true,
            SLICE | 2 => self.other_picture = true,
            SEQUENCE_PARAMETERS => self.sequence_parameters = true,
            PICTURE_PARAMETERS => self.picture_parameters = true,
            _of_no_interest => {}
        }
    }
}

/// A slice begins with `first_mb_in_slice` (ITU-T H.264 §7.3.3), of which 0 is written as a single 1 (§9.1).
fn is_first_slice(data: &[u8]) -> bool {
    data.first().is_some_and(|bits| bits & 0x80 != 0)
}

/// Puts whole NAL units together again.
#[derive(Debug, Default)]
pub struct H264Reassembly {
    nal: Vec<u8>,
    /// The number that the next piece of `nal` must have.
    next: Option<u16>,
}

impl H264Reassembly {
    /// Takes the payload of the packet with this sequence number and hands every NAL unit that is
    /// now whole to `whole`. Packets in order; one out of order costs the NAL unit that it belongs to.
    pub fn take(&mut self, sequence: u16, payload: &[u8], mut whole: impl FnMut(&[u8])) {
        match Payload::read(payload) {
            Some(Payload::Single(nal)) => whole(nal),
            Some(Payload::Aggregate(nals)) => nals.for_each(whole),
            Some(Payload::Fragment(piece)) => return self.add(sequence, piece, whole),
            None => {}
        }
        // Nothing stands between the pieces of one NAL unit (§5.8); a late packet is none of them.
        if self.next.is_some_and(|next| later_by(sequence, next) >= 0) {
            self.next = None;
        }
    }

    fn add(&mut self, sequence: u16, piece: Fragment<'_>, mut whole: impl FnMut(&[u8])) {
        if piece.start {
            self.nal.clear();
            self.nal.push(piece.header);
        } else if self.next != Some(sequence) || self.nal.first() != Some(&piece.header) {
            self.next = None;
            return;
        }
        if self.nal.len() + piece.data.len() > NAL_MAX {
            self.next = None;
            return;
        }
        self.nal.extend_from_slice(piece.data);
        self.next = Some(sequence.wrapping_add(1));
        if piece.end {
            self.next = None;
            whole(&self.nal);
        }
    }
}

/// `packetization-mode` of `a=fmtp`: what a receiver understands.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PacketizationMode {
    /// 0: whole NAL units only, however long.
    #[default]
    Single,
    /// 1: fragments and aggregates too.
    NonInterleaved,
}

/// Cuts a NAL unit into payloads of at most `payload_max` bytes, at least 3; in mode
/// [`Single`](PacketizationMode::Single) it stays whole, and the network has to cut it.
#[must_use]
pub fn packetise(nal: &[u8], mode: PacketizationMode, payload_max: usize) -> Pieces<'_> {
    let whole = nal.len() <= payload_max.max(3) || mode == PacketizationMode::Single;
    let (header, rest) = match nal {
        [header, rest @ ..] if !whole => (Some(*header), rest),
        _whole => (None, nal),
    };
    Pieces { header, rest, room: payload_max.max(3) - 2, start: true }
}

/// The payloads of one NAL unit.
#[derive(Clone, Debug)]
pub struct Pieces<'a> {
    /// Of a NAL unit that is cut.
    header: Option<u8>,
    rest: &'a [u8],
    room: usize,
    start: bool,
}

/// One payload: what goes in front, and the bytes of the NAL unit behind it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NalPiece<'a> {
    head: Option<[u8; 2]>,
    data: &'a [u8],
}

impl NalPiece<'_> {
    /// Appends the payload to a reused buffer.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.head.iter().flatten());
        out.extend_from_slice(self.data);
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = NalPiece<'a>;

    fn next(&mut self) -> Option<NalPiece<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let Some(header) = self.header else {
            return Some(NalPiece { head: None, data: std::mem::take(&mut self.rest) });
        };
        let (data, rest) = self.rest.split_at(self.room.min(self.rest.len()));
        let start = if self.start { START } else { 0 };
        let end = if rest.is_empty() { END } else { 0 };
        self.rest = rest;
        self.start = false;
        Some(NalPiece { head: Some([header & !TYPE | FU_A, header & TYPE | start | end]), data })
    }
}

/// The parameter sets of an `a=fmtp` (§8.1, `sprop-parameter-sets`); broken and overlong ones are
/// left out.
#[must_use]
pub fn parameter_sets(fmtp: &str) -> Vec<Vec<u8>> {
    let named = |parameter: &'_ str| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("sprop-parameter-sets").then(|| value.trim().to_owned())
    };
    let Some(value) = fmtp.split(';').find_map(named) else { return Vec::new() };
    let sets = value.split(',').filter_map(|set| base64(set.trim()));
    let sets = sets.filter(|set| !set.is_empty() && set.len() <= PARAMETER_SET_MAX);
    sets.take(PARAMETER_SETS_MAX).collect()
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _other => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const IDR: &[u8] = &[0x65, 0x88, 2, 3];
    const SECOND_SLICE: &[u8] = &[0x65, 0x42, 2, 3];
    const SPS: &[u8] = &[0x67, 4, 5];

    fn cut(nal: &[u8], payload_max: usize) -> Vec<Vec<u8>> {
        let written = |piece: NalPiece<'_>| {
            let mut out = Vec::new();
            piece.write(&mut out);
            out
        };
        packetise(nal, PacketizationMode::NonInterleaved, payload_max).map(written).collect()
    }

    fn joined(packets: &[(u16, &[u8])]) -> Vec<Vec<u8>> {
        let (mut reassembly, mut nals) = (H264Reassembly::default(), Vec::new());
        for (sequence, payload) in packets {
            reassembly.take(*sequence, payload, |nal| nals.push(nal.to_vec()));
        }
        nals
    }

    fn aggregate(nals: &[&[u8]]) -> Vec<u8> {
        let sized = |nal: &&[u8]| [&[0, nal.len() as u8], *nal].concat();
        [vec![0x78], nals.iter().flat_map(sized).collect()].concat()
    }

    #[test]
    fn a_key_frame_is_seen_in_every_kind_of_payload() {
        let pieces = cut(&[IDR, &[7; 100]].concat(), 50);
        assert!(Contents::of(IDR).key_frame);
        assert!(Contents::of(&aggregate(&[SPS, IDR])).key_frame);
        assert!(Contents::of(&aggregate(&[SPS, &[0x68, 1]])).begins_key_frame());
        assert!(Contents::of(&pieces[0]).key_frame);
        for other in [&pieces[1], &[0x41, 0x9a][..], &[0x68, 1], &[], &[0x78], &[0x7c, 0x85]] {
            assert!(!Contents::of(other).begins_key_frame(), "{other:x?}");
        }
    }

    #[test]
    fn no_key_frame_begins_at_its_second_slice() {
        let pieces = cut(&[SECOND_SLICE, &[7; 100]].concat(), 50);
        let aggregate = aggregate(&[SECOND_SLICE, SECOND_SLICE]);
        for payload in [SECOND_SLICE, &pieces[0], &aggregate, &[0x65]] {
            let contents = Contents::of(payload);
            assert!(contents.key_frame && !contents.begins_key_frame(), "{payload:x?}");
        }
    }

    #[test]
    fn a_long_nal_unit_is_cut_and_joined_again() {
        let nal: Vec<u8> = [&[0x65][..], &[9; 1000]].concat();
        let pieces = cut(&nal, 400);
        assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [400, 400, 206]);
        let packets: Vec<_> =
            (65_534..=65_535).chain([0]).zip(pieces.iter().map(|p| &p[..])).collect();
        assert_eq!(joined(&packets), std::slice::from_ref(&nal));
        let whole: Vec<_> = packetise(&nal, PacketizationMode::Single, 400).collect();
        assert_eq!(whole, [NalPiece { head: None, data: &nal }]);
    }

    #[test]
    fn a_lost_fragment_costs_its_nal_unit_and_glues_nothing() {
        let nal = [&[0x65][..], &[9; 1000]].concat();
        let pieces = cut(&nal, 400);
        for lost in 0..3 {
            let mut packets: Vec<_> = (10..).zip(pieces.iter().map(|p| &p[..])).collect();
            packets.remove(lost);
            packets.push((13, IDR));
            assert_eq!(joined(&packets), [IDR], "piece {lost} lost");
        }
        // The end of one and the beginning of the next are lost: both have the same type.
        let packets = [(10, &pieces[0][..]), (11, &pieces[1]), (14, &pieces[1]), (15, &pieces[2])];
        assert_eq!(joined(&packets), [] as [&[u8]; 0]);
    }

    #[test]
    fn an_endless_fragment_is_given_up() {
        let mut reassembly = H264Reassembly::default();
        let piece = |flags: u8| [&[0x7c, 5 | flags][..], &[0; 60_000]].concat();
        reassembly.take(0, &piece(START), |_| panic!("not whole"));
        for sequence in 1..20 {
            reassembly.take(sequence, &piece(0), |_| panic!("not whole"));
        }
        reassembly.take(20, &piece(END), |_| panic!("too long"));
        assert!(reassembly.nal.capacity() <= 2 * NAL_MAX);
    }

    #[test]
    fn an_aggregate_is_read_up_to_its_first_broken_unit() {
        let mut payload = aggregate(&[SPS, IDR]);
        assert_eq!(joined(&[(1, &payload)]), [SPS, IDR]);
        payload.pop();
        assert_eq!(joined(&[(1, &payload)]), [SPS]);
    }

    #[test]
    fn parameter_sets_come_out_of_the_format_parameters() {
        let sets = parameter_sets(
            "profile-level-id=42e01f; sprop-parameter-sets=Z0IACpZTBYmI,aMljiA==;x=1",
        );
        assert_eq!(sets.len(), 2);
        assert_eq!((sets[0][0], sets[1].as_slice()), (0x67, &[0x68, 0xc9, 0x63, 0x88][..]));
        assert_eq!(parameter_sets("packetization-mode=1"), [] as [&[u8]; 0]);
        assert_eq!(parameter_sets("sprop-parameter-sets=Z0?A,,%"), [] as [&[u8]; 0]);
        let long = "A".repeat(PARAMETER_SET_MAX * 2);
        assert!(parameter_sets(&format!("sprop-parameter-sets={long}")).is_empty());
        let many = vec!["aMljiA=="; PARAMETER_SETS_MAX + 1].join(",");
        let sets = parameter_sets(&format!("sprop-parameter-sets={many}"));
        assert_eq!(sets.len(), PARAMETER_SETS_MAX);
    }

    proptest! {
        #[test]
        fn no_payload_makes_it_panic(
            packets in prop::collection::vec(
                (0_u16..8, prop::sample::select(&[0x78_u8, 0x7c, 0x65, 0x1c][..]),
                 prop::collection::vec(any::<u8>(), 0..20)), 0..20),
        ) {
            let mut reassembly = H264Reassembly::default();
            for (sequence, first, rest) in packets {
                let payload = [vec![first], rest].concat();
                let _ = Contents::of(&payload);
                reassembly.take(sequence, &payload, |nal| assert!(!nal.is_empty()));
            }
        }

        #[test]
        fn whatever_is_cut_is_joined_again(
            nal in prop::collection::vec(any::<u8>(), 2..300), payload_max in 0_usize..100,
        ) {
            let nal = [vec![0x65], nal].concat();
            let pieces = cut(&nal, payload_max);
            prop_assert!(pieces.iter().all(|piece| piece.len() <= payload_max.max(3)));
            let packets: Vec<_> = (0..).zip(pieces.iter().map(|p| &p[..])).collect();
            prop_assert_eq!(joined(&packets), [nal]);
        }
    }
}
