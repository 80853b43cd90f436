//! The elements of a Matroska file (RFC 8794): an identifier, a length, and what is in it.

/// An element's identifier as it is written, its own length marker included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Id(pub u32);

/// The identifier of an element that only takes up room.
const VOID: Id = Id(0xec);

/// Elements one after another.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EbmlElements(pub Vec<u8>);

impl EbmlElements {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An element of bytes.
    pub fn bytes(&mut self, id: Id, bytes: &[u8]) -> &mut Self {
        self.head(id, bytes.len());
        self.0.extend_from_slice(bytes);
        self
    }

    /// An unsigned number, in as few bytes as it takes.
    pub fn number(&mut self, id: Id, value: u64) -> &mut Self {
        let bytes = value.to_be_bytes();
        let from = bytes.iter().position(|byte| *byte != 0).unwrap_or(7);
        self.bytes(id, &bytes[from..])
    }

    /// A number with a fraction.
    pub fn float(&mut self, id: Id, value: f64) -> &mut Self {
        self.bytes(id, &value.to_be_bytes())
    }

    /// A text.
    pub fn text(&mut self, id: Id, text: &str) -> &mut Self {
        self.bytes(id, text.as_bytes())
    }

    /// An element of elements.
    pub fn master(&mut self, id: Id, write: impl FnOnce(&mut Self)) -> &mut Self {
        let mut inner = Self::new();
        write(&mut inner);
        self.bytes(id, &inner.0)
    }

    /// An element of elements whose length is not known yet; all that follows is in it.
    pub fn open(&mut self, id: Id) -> &mut Self {
        self.id(id);
        // RFC 8794 §6.2: all ones is "not known", here in eight bytes, so that it can be filled in.
        self.0.extend_from_slice(&[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        self
    }

    /// Fills up to `len` bytes in all with an element that says nothing.
    ///
    /// # Panics
    /// When there are more bytes already, or just one less, which no element fills.
    pub fn fill(&mut self, len: usize) -> &mut Self {
        let room = len.checked_sub(self.0.len()).expect("what was reserved suffices");
        if room == 0 {
            return self;
        }
        assert!(room != 1, "no element has one byte");
        self.id(VOID);
        if room < 128 {
            self.0.push(0x80 | (room - 2) as u8);
        } else {
            let length = (room - 9) as u64;
            self.0.extend_from_slice(&length_of_eight(length));
        }
        self.0.resize(len, 0);
        self
    }

    fn head(&mut self, id: Id, len: usize) {
        self.id(id);
        let len = len as u64;
        // RFC 8794 §4: as many leading zeros as further bytes; all ones are kept for "not known".
        let width = (1..8).find(|width| len < (1 << (7 * width)) - 1).unwrap_or(8);
        let coded = len | 1 << (7 * width);
        self.0.extend_from_slice(&coded.to_be_bytes()[8 - width..]);
    }

    fn id(&mut self, Id(id): Id) {
        let bytes = id.to_be_bytes();
        let from = bytes.iter().position(|byte| *byte != 0).unwrap_or(3);
        self.0.extend_from_slice(&bytes[from..]);
    }
}

/// A length in eight bytes, as it replaces one that was not known.
#[must_use]
pub fn length_of_eight(len: u64) -> [u8; 8] {
    (len | 1 << 56).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_written_as_the_standard_says() {
        let mut elements = EbmlElements::new();
        elements.number(Id(0x4286), 1).text(Id(0x4282), "webm").number(Id(0xd7), 300);
        let expected = [0x42, 0x86, 0x81, 1, 0x42, 0x82, 0x84, b'w', b'e', b'b', b'm'];
        assert_eq!(elements.0[..11], expected);
        assert_eq!(elements.0[11..], [0xd7, 0x82, 1, 0x2c]);
        let mut long = EbmlElements::new();
        long.bytes(Id(0xa3), &[7; 127]);
        assert_eq!(
            long.0[..3],
            [0xa3, 0x40, 127],
            "127 in one byte would say that it is not known"
        );
    }

    #[test]
    fn room_is_filled_to_the_byte() {
        for len in (2..300).chain([4000]) {
            let mut elements = EbmlElements::new();
            assert_eq!(elements.fill(len).0.len(), len);
        }
        assert_eq!(EbmlElements::new().fill(4).0, [0xec, 0x82, 0, 0]);
    }
}
