//! Key frames in the payload format of VP9 (RFC 9628), which is passed through only.

const NUMBERED: u8 = 0x80;
const PREDICTED: u8 = 0x40;
const LAYERED: u8 = 0x20;
const BEGINS: u8 = 0x08;

/// Whether a decoder can begin with this payload: the beginning of a frame of the lowest spatial
/// layer that leans on no picture before it (§4.2).
#[must_use]
pub fn begins_key_frame(payload: &[u8]) -> bool {
    begins_picture(payload) && payload[0] & PREDICTED == 0
}

/// Whether a frame of the lowest spatial layer begins.
#[must_use]
pub fn begins_picture(payload: &[u8]) -> bool {
    let Some((first, mut rest)) = payload.split_first() else { return false };
    if first & NUMBERED != 0 {
        let wide = rest.first().is_some_and(|id| id & 0x80 != 0);
        rest = rest.get(1 + usize::from(wide)..).unwrap_or(&[]);
    }
    // T (3 bits), U, SID (3 bits, the spatial layer), D.
    let lowest = first & LAYERED == 0 || rest.first().is_some_and(|layer| layer >> 1 & 7 == 0);
    first & BEGINS != 0 && lowest && !rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_entry_is_seen_behind_every_kind_of_descriptor() {
        assert!(begins_key_frame(&[0x08, 1]));
        assert!(begins_key_frame(&[0x88, 5, 1]), "a short number");
        assert!(begins_key_frame(&[0xa8, 0x85, 5, 0x00, 0, 1]), "a long number and layers");
    }

    #[test]
    fn what_leans_on_other_pictures_or_is_cut_off_is_none() {
        assert!(!begins_key_frame(&[0x48, 1]) && begins_picture(&[0x48, 1]), "predicted");
        assert!(!begins_key_frame(&[0x00, 1]), "a later packet");
        assert!(!begins_key_frame(&[0xa8, 5, 0x02, 0, 1]), "a higher layer");
        assert!(!begins_key_frame(&[0x88, 0x85]) && !begins_key_frame(&[]));
    }

    proptest! {
        #[test]
        fn no_payload_makes_it_panic(payload in prop::collection::vec(any::<u8>(), 0..10)) {
            let _ = begins_key_frame(&payload);
        }
    }
}
