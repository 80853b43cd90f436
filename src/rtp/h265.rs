//! The payload format of H.265 (RFC 7798): single units, aggregates and fragments.

use super::later_by;

/// The longest NAL unit that is put together from fragments.
pub const NAL_MAX: usize = 512 * 1024;

const AGGREGATE: u8 = 48;
const FRAGMENT: u8 = 49;
const FIRST_FRAGMENT: u8 = 0x80;
const LAST_FRAGMENT: u8 = 0x40;
const TYPE: u8 = 0x7e;

/// Whether a decoder can begin with this payload: the first slice of a random-access picture or a
/// parameter set, alone, in an aggregate (§4.4.2), or in the first fragment (§4.4.3).
#[must_use]
pub fn begins_key_frame(payload: &[u8]) -> bool {
    begins(payload, |kind, data| match kind {
        // ITU-T H.265, table 7-1: BLA, IDR, CRA; VPS, SPS, PPS.
        16..=21 => is_first_slice(data),
        _other => matches!(kind, 32..=34),
    })
}

/// Whether the first slice of a picture, or a parameter set, begins in this payload.
#[must_use]
pub fn begins_picture(payload: &[u8]) -> bool {
    begins(payload, |kind, data| match kind {
        0..=31 => is_first_slice(data),
        _other => matches!(kind, 32..=34),
    })
}

/// Whether such a NAL unit begins in a payload: of this type, with this behind its header.
fn begins(payload: &[u8], mut is_it: impl FnMut(u8, &[u8]) -> bool) -> bool {
    let [first, _layer, rest @ ..] = payload else { return false };
    match (kind(*first), rest) {
        (AGGREGATE, _) => {
            let mut found = false;
            aggregate(rest, |nal| found |= is_it(kind(nal[0]), &nal[2..]));
            found
        }
        (FRAGMENT, [header, data @ ..]) => {
            header & FIRST_FRAGMENT != 0 && is_it(header & 0x3f, data)
        }
        (single, data) => is_it(single, data),
    }
}

/// A slice says in its first bit whether it is the first of its picture (§7.3.6.1).
fn is_first_slice(data: &[u8]) -> bool {
    data.first().is_some_and(|bits| bits & 0x80 != 0)
}

/// `nal_unit_type` stands in six bits behind the highest one.
fn kind(header: u8) -> u8 {
    header >> 1 & 0x3f
}

/// Puts fragmented NAL units together; one that lacks a piece is given up.
#[derive(Debug, Default)]
pub struct H265Reassembly {
    nal: Vec<u8>,
    /// The number that the next piece of `nal` must have.
    next: Option<u16>,
}

impl H265Reassembly {
    /// Takes the payload of the packet with this number, in order, and hands out every NAL unit that
    /// is now whole.
    pub fn take(&mut self, sequence: u16, payload: &[u8], mut whole: impl FnMut(&[u8])) {
        let [first, layer, rest @ ..] = payload else { return };
        match (kind(*first), rest) {
            (FRAGMENT, [header, data @ ..]) => {
                let head = [first & !TYPE | (header & 0x3f) << 1, *layer];
                return self.add(sequence, head, *header, data, whole);
            }
            (AGGREGATE, _) => aggregate(rest, whole),
            (0..AGGREGATE, _) => whole(payload),
            _unknown => {}
        }
        if self.next.is_some_and(|next| later_by(sequence, next) >= 0) {
            self.next = None;
        }
    }

    fn add(
        &mut self,
        sequence: u16,
        head: [u8; 2],
        flags: u8,
        data: &[u8],
        mut whole: impl FnMut(&[u8]),
    ) {
        if flags & FIRST_FRAGMENT != 0 {
            self.nal.clear();
            self.nal.extend_from_slice(&head);
        } else if self.next != Some(sequence) || !self.nal.starts_with(&head) {
            self.next = None;
            return;
        }
        if self.nal.len() + data.len() > NAL_MAX {
            self.next = None;
            return;
        }
        self.nal.extend_from_slice(data);
        self.next = Some(sequence.wrapping_add(1));
        if flags & LAST_FRAGMENT != 0 {
            self.next = None;
            whole(&self.nal);
        }
    }
}

/// The units of an aggregate (§4.4.2), up to the first broken one.
fn aggregate(mut rest: &[u8], mut whole: impl FnMut(&[u8])) {
    while let Some((size, more)) = rest.split_first_chunk() {
        let size = usize::from(u16::from_be_bytes(*size));
        let Some((nal, behind)) = more.split_at_checked(size).filter(|(nal, _)| nal.len() > 2)
        else {
            return;
        };
        whole(nal);
        rest = behind;
    }
}

/// Cuts a NAL unit into payloads of at most `payload_max` bytes; the last one is named so. `payload`
/// is reused.
pub fn packetise(
    nal: &[u8],
    payload_max: usize,
    payload: &mut Vec<u8>,
    each: &mut dyn FnMut(&[u8], bool),
) {
    let [first, layer, rest @ ..] = nal else { return };
    if nal.len() <= payload_max {
        return each(nal, true);
    }
    let mut pieces = rest.chunks(payload_max - 3).enumerate().peekable();
    while let Some((at, piece)) = pieces.next() {
        let start = if at == 0 { FIRST_FRAGMENT } else { 0 };
        let end = if pieces.peek().is_none() { LAST_FRAGMENT } else { 0 };
        payload.clear();
        payload.extend_from_slice(&[first & !TYPE | FRAGMENT << 1, *layer]);
        payload.push(start | end | kind(*first));
        payload.extend_from_slice(piece);
        each(payload, end != 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_entry_is_seen_in_every_kind_of_payload() {
        assert!(begins_key_frame(&[19 << 1, 1, 0x80]), "an IDR slice");
        for at in [32, 35] {
            let aggregate = [48 << 1, 1, 0, 3, at << 1, 1, 1, 0, 3, 33 << 1, 1, 1];
            assert!(begins_key_frame(&aggregate), "an aggregate with parameters");
        }
        assert!(begins_key_frame(&[49 << 1, 1, 0x80 | 19, 0x80]), "the first fragment");
    }

    #[test]
    fn what_leans_on_other_pictures_or_is_cut_off_is_none() {
        assert!(!begins_key_frame(&[49 << 1, 1, 19, 0x80]), "a later fragment");
        assert!(!begins_key_frame(&[19 << 1, 1, 0x40]), "a later slice");
        assert!(!begins_key_frame(&[49 << 1, 1, 0x80 | 19, 0x40]), "a later slice, cut");
        assert!(!begins_key_frame(&[1 << 1, 1, 0x80]), "another slice");
        assert!(begins_picture(&[1 << 1, 1, 0x80]) && !begins_picture(&[1 << 1, 1, 0x40]));
        for short in
            [&[][..], &[19 << 1], &[19 << 1, 1], &[48 << 1, 1], &[48 << 1, 1, 0, 2], &[49 << 1, 1]]
        {
            assert!(!begins_key_frame(short), "{short:?}");
        }
    }

    proptest! {
        #[test]
        fn no_payload_makes_it_panic(payload in prop::collection::vec(any::<u8>(), 0..10)) {
            let _ = begins_key_frame(&payload);
        }
    }
}
