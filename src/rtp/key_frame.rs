//! Where a decoder can begin: one question to every payload format of pictures.

use super::{h263, h264, vp8};

/// A payload format of pictures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PictureFormat {
    /// RFC 6184.
    H264,
    /// RFC 7798.
    H265,
    /// RFC 2190.
    H263,
    /// RFC 4629.
    H263Plus,
    /// RFC 7741.
    Vp8,
    /// RFC 9628.
    Vp9,
}

/// Whether a decoder that saw nothing before can begin with this payload.
#[must_use]
pub fn begins_key_frame(format: PictureFormat, payload: &[u8]) -> bool {
    match format {
        PictureFormat::H264 => h264::Contents::of(payload).begins_key_frame(),
        PictureFormat::H265 => h265(payload),
        PictureFormat::H263 => h263::begins_key_frame(payload),
        PictureFormat::H263Plus => h263::begins_key_frame_plus(payload),
        PictureFormat::Vp8 => vp8::begins_key_frame(payload),
        PictureFormat::Vp9 => vp9(payload),
    }
}

/// RFC 7798 §4.4: a random-access slice or a parameter set, alone, first in an aggregate, or in the
/// first fragment.
fn h265(payload: &[u8]) -> bool {
    // The type stands in six bits behind the highest one.
    let entry = |header: u8| matches!(header >> 1 & 0x3f, 16..=21 | 32..=34);
    match payload {
        [first, _, rest @ ..] => match (first >> 1 & 0x3f, rest) {
            (48, [_, _, header, ..]) => entry(*header),
            (49, [fragment, ..]) => fragment & 0x80 != 0 && entry(fragment << 1),
            (_, _) => entry(*first),
        },
        [] | [_] => false,
    }
}

/// RFC 9628 §4.2: no prediction from pictures before, the beginning of a frame, the lowest layer.
fn vp9(payload: &[u8]) -> bool {
    let Some((first, mut rest)) = payload.split_first() else { return false };
    let has = |bit: u8| first & bit != 0;
    let (numbered, predicted, layered, begins) = (has(0x80), has(0x40), has(0x20), has(0x08));
    if numbered {
        let skip = if rest.first().is_some_and(|id| id & 0x80 != 0) { 2 } else { 1 };
        rest = rest.get(skip..).unwrap_or(&[]);
    }
    // T (3 bits), U, S (3 bits: the spatial layer), D.
    let lowest = !layered || rest.first().is_some_and(|layer| layer >> 1 & 7 == 0);
    begins && !predicted && lowest && !rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn begins(format: PictureFormat, payload: &[u8]) -> bool {
        begins_key_frame(format, payload)
    }

    #[test]
    fn an_entry_of_h265_is_seen_in_every_kind_of_payload() {
        let h265 = |payload: &[u8]| begins(PictureFormat::H265, payload);
        assert!(h265(&[19 << 1, 1, 0]), "an IDR slice");
        assert!(h265(&[48 << 1, 1, 0, 2, 32 << 1, 1]), "an aggregate with parameters");
        assert!(h265(&[49 << 1, 1, 0x80 | 19, 0]), "the first fragment");
        assert!(!h265(&[49 << 1, 1, 19, 0]), "a later fragment");
        assert!(!h265(&[1 << 1, 1, 0]), "another slice");
        assert!(!h265(&[19 << 1]) && !h265(&[]) && !h265(&[48 << 1, 1]));
    }

    #[test]
    fn an_entry_of_vp9_leans_on_no_picture_and_is_of_the_lowest_layer() {
        let vp9 = |payload: &[u8]| begins(PictureFormat::Vp9, payload);
        assert!(vp9(&[0x08, 1]) && vp9(&[0x88, 5, 1]) && vp9(&[0xa8, 0x85, 5, 0x00, 0, 1]));
        assert!(!vp9(&[0x48, 1]), "predicted");
        assert!(!vp9(&[0x00, 1]), "a later packet");
        assert!(!vp9(&[0xa8, 5, 0x02, 0, 1]), "a higher layer");
        assert!(!vp9(&[0x88, 0x85]) && !vp9(&[]));
    }

    #[test]
    fn every_other_format_is_asked_in_its_own_way() {
        assert!(
            begins(PictureFormat::H264, &[0x65, 1]) && !begins(PictureFormat::H264, &[0x41, 1])
        );
        assert!(begins(PictureFormat::Vp8, &[0x10, 0]) && !begins(PictureFormat::Vp8, &[0x10, 1]));
        assert!(begins(PictureFormat::H263, &[0, 0x40, 0, 0, 0, 0, 0x80]));
        assert!(begins(PictureFormat::H263Plus, &[4, 0, 0x80, 2, 8, 0]));
    }

    proptest! {
        #[test]
        fn no_payload_makes_it_panic(payload in prop::collection::vec(any::<u8>(), 0..10)) {
            let _ = begins(PictureFormat::H265, &payload);
            let _ = begins(PictureFormat::Vp9, &payload);
        }
    }
}
