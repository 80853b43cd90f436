//! Bits of an H.264 stream (ITU-T H.264 §7.2, §9.1), and the escape of its NAL units (§7.4.1).

/// Writes from the highest bit of each byte down.
#[derive(Clone, Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits in use of the last byte; 0 when it is full or there is none.
    used: u32,
}

impl BitWriter {
    /// The `count` low bits of `value`.
    pub(super) fn put(&mut self, value: u32, count: u32) {
        for bit in (0..count).rev() {
            if self.used == 0 {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> bit & 1) as u8) << (7 - self.used);
            }
            self.used = (self.used + 1) % 8;
        }
    }

    /// `ue(v)`: an Exp-Golomb code.
    pub(super) fn put_ue(&mut self, value: u32) {
        let bits = 32 - (value + 1).leading_zeros();
        self.put(0, bits - 1);
        self.put(value + 1, bits);
    }

    /// The length so far.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The NAL unit with this header: closed by its stop bit, and so escaped that it contains no
    /// start code.
    pub(super) fn into_nal(mut self, header: u8) -> Vec<u8> {
        self.put(1, 1);
        let mut nal = Vec::with_capacity(self.bytes.len() + 8);
        nal.push(header);
        let mut zeros = 0;
        for byte in self.bytes {
            if zeros >= 2 && byte <= 3 {
                nal.push(3);
                zeros = 0;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            nal.push(byte);
        }
        nal
    }
}

/// Reads what [`BitWriter`] wrote; none beyond the end.
#[derive(Debug)]
pub(super) struct BitReader {
    bytes: Vec<u8>,
    at: usize,
}

impl BitReader {
    /// The payload of a NAL unit, unescaped; of a long one only the first `bytes_max` bytes.
    pub(super) fn new(nal: &[u8], bytes_max: usize) -> Self {
        let mut bytes = Vec::with_capacity(bytes_max.min(nal.len()));
        let mut zeros = 0;
        for byte in nal.iter().skip(1).take(bytes_max) {
            if zeros >= 2 && *byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if *byte == 0 { zeros + 1 } else { 0 };
            bytes.push(*byte);
        }
        Self { bytes, at: 0 }
    }

    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Some(value)
    }

    pub(super) fn take_ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.take(1)? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1_u32 << zeros) - 1 + self.take(zeros)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_nal_unit_never_contains_a_start_code() {
        let mut writer = BitWriter::default();
        (0..10).for_each(|_| writer.put(0, 8));
        writer.put(1, 8);
        let nal = writer.into_nal(0x65);
        assert!(nal.windows(3).all(|w| w[..2] != [0, 0] || w[2] == 3));
        let mut reader = BitReader::new(&nal, 100);
        assert!((0..10).all(|_| reader.take(8) == Some(0)));
        assert_eq!(reader.take(8), Some(1));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(values in prop::collection::vec(0_u32..1_000_000, 0..30)) {
            let mut writer = BitWriter::default();
            for value in &values {
                writer.put_ue(*value);
                writer.put(*value & 7, 3);
            }
            let mut reader = BitReader::new(&writer.into_nal(1), 1000);
            for value in values {
                prop_assert_eq!(reader.take_ue(), Some(value));
                prop_assert_eq!(reader.take(3), Some(value & 7));
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic(nal in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut reader = BitReader::new(&nal, 20);
            while reader.take_ue().is_some() {}
        }
    }
}
