//! The payload format of VP8 (RFC 7741 §4.2): the descriptor in front of each payload.

/// What the descriptor says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Descriptor {
    /// Whether the payload begins a partition.
    pub start: bool,
    /// The partition that it belongs to; a frame begins with partition 0.
    pub partition: u8,
    /// The number of the picture, if it has one.
    pub picture_id: Option<PictureId>,
    /// `TL0PICIDX`, which counts the pictures of the lowest temporal layer.
    pub base_layer_index: Option<u8>,
    /// The length of the descriptor.
    pub len: usize,
    base_layer_at: usize,
    picture_at: usize,
}

/// The number of a picture, 7 or 15 bits wide.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PictureId {
    /// Rises by one per picture, modulo the width.
    pub value: u16,
    /// 15 bits, not 7.
    pub wide: bool,
}

impl Descriptor {
    /// Reads the descriptor of a payload; none when it is cut off.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let first = *payload.first()?;
        let mut descriptor = Self {
            start: first & 0x10 != 0,
            partition: first & 7,
            picture_id: None,
            base_layer_index: None,
            len: 1,
            base_layer_at: 0,
            picture_at: 0,
        };
        if first & 0x80 == 0 {
            return Some(descriptor);
        }
        let extension = *payload.get(1)?;
        let mut at = 2;
        if extension & 0x80 != 0 {
            let high = *payload.get(at)?;
            let wide = high & 0x80 != 0;
            let value = if wide {
                u16::from_be_bytes([high & 0x7f, *payload.get(at + 1)?])
            } else {
                u16::from(high)
            };
            descriptor.picture_id = Some(PictureId { value, wide });
            descriptor.picture_at = at;
            at += 1 + usize::from(wide);
        }
        if extension & 0x40 != 0 {
            descriptor.base_layer_index = Some(*payload.get(at)?);
            descriptor.base_layer_at = at;
            at += 1;
        }
        // T and K share one byte.
        at += usize::from(extension & 0x30 != 0);
        descriptor.len = at;
        (at <= payload.len()).then_some(descriptor)
    }

    /// Whether a frame begins in this payload.
    #[must_use]
    pub fn begins_frame(&self) -> bool {
        self.start && self.partition == 0
    }
}

/// Whether a payload begins a frame.
#[must_use]
pub fn begins_picture(payload: &[u8]) -> bool {
    Descriptor::read(payload).is_some_and(|descriptor| descriptor.begins_frame())
}

/// Whether a payload begins a key frame: a frame whose lowest bit is 0 (RFC 6386 §9.1).
#[must_use]
pub fn begins_key_frame(payload: &[u8]) -> bool {
    Descriptor::read(payload).is_some_and(|descriptor| {
        descriptor.begins_frame() && payload.get(descriptor.len).is_some_and(|byte| byte & 1 == 0)
    })
}

/// Writes other numbers into a payload, each in the width that it has there; those that it lacks
/// stay away. Browsers discard pictures whose numbers jump.
pub fn renumber(payload: &mut [u8], picture: u16, base_layer_index: u8) {
    let Some(descriptor) = Descriptor::read(payload) else { return };
    if let Some(id) = descriptor.picture_id {
        let [high, low] = picture.to_be_bytes();
        if id.wide {
            payload[descriptor.picture_at] = high | 0x80;
            payload[descriptor.picture_at + 1] = low;
        } else {
            payload[descriptor.picture_at] = low & 0x7f;
        }
    }
    if descriptor.base_layer_index.is_some() {
        payload[descriptor.base_layer_at] = base_layer_index;
    }
}

/// Cuts a frame into payloads of at most `payload_max` bytes, numbered in 15 bits; the last one is
/// named so. `payload` is reused.
pub fn packetise(
    frame: &[u8],
    picture: u16,
    payload_max: usize,
    payload: &mut Vec<u8>,
    each: &mut dyn FnMut(&[u8], bool),
) {
    const DESCRIPTOR_LEN: usize = 4;
    let [high, low] = picture.to_be_bytes();
    let mut pieces = frame.chunks(payload_max - DESCRIPTOR_LEN).enumerate().peekable();
    while let Some((at, piece)) = pieces.next() {
        // X: extended; S: the beginning of partition 0, as which the whole frame goes (§4.2).
        let start = if at == 0 { 0x10 } else { 0 };
        payload.clear();
        payload.extend_from_slice(&[0x80 | start, 0x80, high | 0x80, low]);
        payload.extend_from_slice(piece);
        each(payload, pieces.peek().is_none());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WIDE: [u8; 7] = [0x90, 0xf0, 0x81, 0x02, 7, 0x20, 0x10];

    #[test]
    fn every_field_is_read() {
        let descriptor = Descriptor::read(&WIDE).unwrap();
        assert_eq!(descriptor.picture_id, Some(PictureId { value: 0x102, wide: true }));
        assert_eq!((descriptor.base_layer_index, descriptor.len), (Some(7), 6));
        assert!(begins_key_frame(&WIDE));
        assert!(begins_key_frame(&[0x10, 0x00]), "the shortest descriptor");
    }

    #[test]
    fn what_only_looks_like_a_key_frame_is_none() {
        assert!(!begins_key_frame(&[0x10, 0x01]), "an inter frame");
        assert!(!begins_key_frame(&[0x00, 0x00]), "a later packet of the frame");
        assert!(!begins_key_frame(&[0x11, 0x00]), "a later partition");
        for len in 0..WIDE.len() {
            assert!(!begins_key_frame(&WIDE[..len]), "cut off after {len}");
        }
    }

    #[test]
    fn numbers_are_written_in_the_width_they_have() {
        let mut payload = WIDE;
        renumber(&mut payload, 0x7fff, 9);
        assert_eq!(payload, [0x90, 0xf0, 0xff, 0xff, 9, 0x20, 0x10]);
        let mut narrow = [0x90, 0x80, 0x05, 0x10];
        renumber(&mut narrow, 0x1ff, 9);
        assert_eq!(narrow, [0x90, 0x80, 0x7f, 0x10]);
        let mut none = [0x10, 0x55];
        renumber(&mut none, 1, 2);
        assert_eq!(none, [0x10, 0x55]);
    }

    proptest! {
        #[test]
        fn no_payload_makes_it_panic(mut payload in prop::collection::vec(any::<u8>(), 0..12)) {
            let key_frame = begins_key_frame(&payload);
            let len = Descriptor::read(&payload).map(|d| d.len);
            renumber(&mut payload, 0xabcd, 3);
            prop_assert_eq!(begins_key_frame(&payload), key_frame);
            prop_assert_eq!(Descriptor::read(&payload).map(|d| d.len), len);
        }
    }
}
