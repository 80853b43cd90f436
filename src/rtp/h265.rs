//! Key frames in the payload format of H.265 (RFC 7798), which is passed through only.

const AGGREGATE: u8 = 48;
const FRAGMENT: u8 = 49;
const FIRST_FRAGMENT: u8 = 0x80;

/// Whether a decoder can begin with this payload: a random-access slice or a parameter set, alone,
/// first in an aggregate (§4.4.2), or in the first fragment (§4.4.3).
#[must_use]
pub fn begins_key_frame(payload: &[u8]) -> bool {
    let [first, _layer, rest @ ..] = payload else { return false };
    match (kind(*first), rest) {
        (AGGREGATE, [_size, _size_too, header, ..]) => is_entry(kind(*header)),
        (FRAGMENT, [header, ..]) => header & FIRST_FRAGMENT != 0 && is_entry(header & 0x3f),
        (single, _) => is_entry(single),
    }
}

/// `nal_unit_type` stands in six bits behind the highest one.
fn kind(header: u8) -> u8 {
    header >> 1 & 0x3f
}

/// ITU-T H.265, table 7-1: BLA, IDR, CRA; VPS, SPS, PPS.
fn is_entry(kind: u8) -> bool {
    matches!(kind, 16..=21 | 32..=34)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_entry_is_seen_in_every_kind_of_payload() {
        assert!(begins_key_frame(&[19 << 1, 1, 0]), "an IDR slice");
        assert!(begins_key_frame(&[48 << 1, 1, 0, 2, 32 << 1, 1]), "an aggregate with parameters");
        assert!(begins_key_frame(&[49 << 1, 1, 0x80 | 19, 0]), "the first fragment");
    }

    #[test]
    fn what_leans_on_other_pictures_or_is_cut_off_is_none() {
        assert!(!begins_key_frame(&[49 << 1, 1, 19, 0]), "a later fragment");
        assert!(!begins_key_frame(&[1 << 1, 1, 0]), "another slice");
        for short in [&[][..], &[19 << 1], &[48 << 1, 1], &[48 << 1, 1, 0, 2], &[49 << 1, 1]] {
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
