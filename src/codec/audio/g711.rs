//! G.711 (ITU-T 11/88): both laws as tables that the compiler computes.

/// A-law turns every other bit around, so that silence is no row of zeros.
const A_LAW_TOGGLE: u8 = 0x55;

const U_LAW_ENCODE: &[u8; 1 << 14] = &{
    let mut table = [0; 1 << 14];
    let mut at = 0;
    while at < table.len() {
        table[at] = u_law_of(((at << 2) as u16).cast_signed());
        at += 1;
    }
    table
};

const A_LAW_ENCODE: &[u8; 1 << 12] = &{
    let mut table = [0; 1 << 12];
    let mut at = 0;
    while at < table.len() {
        table[at] = a_law_of(((at << 4) as u16).cast_signed());
        at += 1;
    }
    table
};

const U_LAW_DECODE: &[i16; 256] = &{
    let mut table = [0; 256];
    let mut at = 0;
    while at < table.len() {
        table[at] = linear_of_u_law(at as u8);
        at += 1;
    }
    table
};

const A_LAW_DECODE: &[i16; 256] = &{
    let mut table = [0; 256];
    let mut at = 0;
    while at < table.len() {
        table[at] = linear_of_a_law(at as u8);
        at += 1;
    }
    table
};

/// µ-law to A-law, byte by byte.
pub const MU_TO_A: &[u8; 256] = &translation(U_LAW_DECODE, Law::A);
/// A-law to µ-law, byte by byte.
pub const A_TO_MU: &[u8; 256] = &translation(A_LAW_DECODE, Law::Mu);

const fn translation(decode: &[i16; 256], law: Law) -> [u8; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < table.len() {
        table[at] = match law {
            Law::Mu => u_law_of(decode[at]),
            Law::A => a_law_of(decode[at]),
        };
        at += 1;
    }
    table
}

/// One of the two laws.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Law {
    Mu,
    A,
}

impl Law {
    /// Codes as many samples as both slices have room for.
    pub(super) fn encode(self, pcm: &[i16], out: &mut [u8]) {
        let pairs = out.iter_mut().zip(pcm);
        match self {
            Self::Mu => {
                pairs.for_each(|(code, s)| {
                    *code = U_LAW_ENCODE[usize::from(s.cast_unsigned() >> 2)];
                });
            }
            Self::A => {
                pairs.for_each(|(code, s)| {
                    *code = A_LAW_ENCODE[usize::from(s.cast_unsigned() >> 4)];
                });
            }
        }
    }

    /// Decodes as many samples as both slices have room for.
    pub(super) fn decode(self, payload: &[u8], out: &mut [i16]) {
        let table = match self {
            Self::Mu => U_LAW_DECODE,
            Self::A => A_LAW_DECODE,
        };
        out.iter_mut().zip(payload).for_each(|(s, code)| *s = table[usize::from(*code)]);
    }
}

/// ITU-T G.191, `ulaw_compress`: 14 bits, a negative number by its complement.
const fn u_law_of(sample: i16) -> u8 {
    let magnitude = if sample < 0 { !sample } else { sample };
    let biased = (magnitude >> 2) + 33;
    let biased = if biased > 0x1fff { 0x1fff } else { biased };
    let segment = 10 - biased.leading_zeros();
    let step = (biased >> (segment + 1)) & 0xf;
    let code = 0x7f - ((segment << 4) as u8 | step as u8);
    if sample < 0 { code } else { code | 0x80 }
}

const fn linear_of_u_law(code: u8) -> i16 {
    let code = !code;
    let magnitude = ((((code & 0xf) as i16) << 3) + 132) << ((code >> 4) & 7);
    if code & 0x80 != 0 { 132 - magnitude } else { magnitude - 132 }
}

/// ITU-T G.191, `alaw_compress`: 13 bits, a negative number by its complement.
const fn a_law_of(sample: i16) -> u8 {
    let magnitude = (if sample < 0 { !sample } else { sample }) >> 4;
    let code = if magnitude < 16 {
        magnitude as u8
    } else {
        let segment = 12 - magnitude.leading_zeros();
        (segment << 4) as u8 | ((magnitude >> (segment - 1)) & 0xf) as u8
    };
    (if sample < 0 { code } else { code | 0x80 }) ^ A_LAW_TOGGLE
}

const fn linear_of_a_law(code: u8) -> i16 {
    let code = code ^ A_LAW_TOGGLE;
    let (segment, step) = ((code >> 4) & 7, (code & 0xf) as i16);
    let magnitude = match segment {
        0 => (step << 4) + 8,
        1.. => (((step + 16) << 4) + 8) << (segment - 1),
    };
    if code & 0x80 != 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coded(law: Law, sample: i16) -> u8 {
        let mut out = [0];
        law.encode(&[sample], &mut out);
        out[0]
    }

    fn decoded(law: Law, code: u8) -> i16 {
        let mut out = [0];
        law.decode(&[code], &mut out);
        out[0]
    }

    #[test]
    fn known_values_of_the_recommendation() {
        for (sample, mu, a) in [
            (0, 0xff, 0xd5),
            (-1, 0x7f, 0x55),
            (32_767, 0x80, 0xaa),
            (-32_768, 0x00, 0x2a),
            (1000, 0xce, 0xfa),
        ] {
            assert_eq!(coded(Law::Mu, sample), mu, "µ of {sample}");
            assert_eq!(coded(Law::A, sample), a, "A of {sample}");
        }
        assert_eq!((decoded(Law::Mu, 0x80), decoded(Law::Mu, 0x00)), (32_124, -32_124));
        assert_eq!((decoded(Law::A, 0xaa), decoded(Law::A, 0x2a)), (32_256, -32_256));
        assert_eq!(decoded(Law::Mu, 0xff), 0);
    }

    /// Columns 1 and 2 of tables 1a and 2a: from the largest segment down, its intervals and their
    /// width. In units of 8 of our samples for A-law, of 4 for µ-law.
    const A_SEGMENTS: [(i32, i32); 7] =
        [(16, 128), (16, 64), (16, 32), (16, 16), (16, 8), (16, 4), (32, 2)];
    const MU_SEGMENTS: [(i32, i32); 9] =
        [(16, 256), (16, 128), (16, 64), (16, 32), (16, 16), (16, 8), (16, 4), (15, 2), (1, 1)];

    /// Each interval of a table from silence on: its decision values, and column 7, the value at the
    /// decoder's output.
    fn intervals(law: Law) -> Vec<(i32, i32, i32)> {
        let segments: &[_] = if law == Law::A { &A_SEGMENTS } else { &MU_SEGMENTS };
        let (mut intervals, mut from) = (Vec::new(), 0);
        for (count, width) in segments.iter().rev() {
            for _ in 0..*count {
                let to = from + width;
                // The first interval of µ-law is that of zero.
                let value = if *width == 1 { 0 } else { i32::midpoint(from, to) };
                intervals.push((from, to, value));
                from = to;
            }
        }
        intervals
    }

    #[test]
    fn every_sample_and_code_is_as_in_the_tables_of_the_recommendation() {
        for (law, unit, positive_zero) in [(Law::A, 8, 0xd5), (Law::Mu, 4, 0xff)] {
            let (intervals, mut samples) = (intervals(law), 0);
            assert_eq!(intervals.len(), 128);
            assert_eq!(intervals[127].1, if law == Law::A { 4096 } else { 8159 }, "virtual");
            for (number, (from, to, value)) in (0..).zip(intervals) {
                // Column 6: numbers from 0x80 on; A-law turns even bits around, µ-law all of them.
                let code = match law {
                    Law::A => (0x80 | number) ^ A_LAW_TOGGLE,
                    Law::Mu => 0xff - number,
                };
                assert!(number > 0 || code == positive_zero);
                let end = if number == 127 { 32_768 } else { to * unit };
                for sample in from * unit..end {
                    samples += 2;
                    assert_eq!(coded(law, sample as i16), code, "{law:?} {sample}");
                    assert_eq!(coded(law, !sample as i16), code ^ 0x80, "{law:?} {}", !sample);
                }
                assert_eq!(i32::from(decoded(law, code)), value * unit, "{law:?} {code:#x}");
                assert_eq!(
                    i32::from(decoded(law, code ^ 0x80)),
                    -value * unit,
                    "{law:?} {code:#x}"
                );
            }
            assert_eq!(samples, 65_536);
        }
    }

    #[test]
    fn every_code_comes_back() {
        for law in [Law::Mu, Law::A] {
            for code in 0..=255 {
                // µ-law has two zeros, and the negative one comes back as the positive.
                let expected = if (law, code) == (Law::Mu, 0x7f) { 0xff } else { code };
                assert_eq!(coded(law, decoded(law, code)), expected, "{law:?} {code:#x}");
            }
        }
    }

    #[test]
    fn the_error_is_at_most_half_a_step_of_the_segment() {
        for law in [Law::Mu, Law::A] {
            for sample in (i16::MIN..=i16::MAX).step_by(7) {
                let error = i32::from(decoded(law, coded(law, sample))) - i32::from(sample);
                let allowed = 20 + i32::from(sample).abs() / 28;
                assert!(error.abs() <= allowed, "{law:?} {sample}: {error}");
            }
        }
    }
}
