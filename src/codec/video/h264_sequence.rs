//! How large the pictures of an H.264 stream are, read from its sequence parameter sets before a
//! decoder allocates anything for them (ITU-T H.264 §7.3.2.1.1).

use super::bits::BitReader;
use super::image::IMAGE_SIDE_MAX;

/// A set is no longer than this in front of what tells the size, in bytes: all lists of scaling
/// factors that a profile may have there.
const SET_MAX: usize = 1024;
/// Sequence parameter sets, also those of scalable streams (table 7-1).
const SETS: [u8; 2] = [7, 15];
/// Profiles that tell the format of their points.
const HIGH_PROFILES: [u32; 10] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138];

/// Whether some sequence parameter set of the byte stream (annex B) announces sides longer than
/// [`IMAGE_SIDE_MAX`], or cannot be read.
pub(super) fn is_too_large(stream: &[u8]) -> bool {
    let starts = stream.windows(3).enumerate().filter(|(_, bytes)| *bytes == [0, 0, 1]);
    let nals = starts.map(|(at, _)| &stream[at + 3..]);
    let mut sets = nals.filter(|nal| nal.first().is_some_and(|first| SETS.contains(&(first & 31))));
    sets.any(|set| !size(set).is_some_and(fits))
}

/// The macroblocks in each picture of a stream with this sequence parameter set, a NAL
/// unit; none for what cannot be read, or decoded here ([`IMAGE_SIDE_MAX`]).
#[must_use]
pub fn macroblocks(set: &[u8]) -> Option<usize> {
    let (width, height) = size(set).filter(|size| fits(*size))?;
    Some(width as usize / 16 * (height as usize / 16))
}

fn fits((width, height): (u32, u32)) -> bool {
    width as usize <= IMAGE_SIDE_MAX && height as usize <= IMAGE_SIDE_MAX
}

/// The size in points before cropping.
fn size(set: &[u8]) -> Option<(u32, u32)> {
    let mut bits = BitReader::new(set, SET_MAX);
    let profile = bits.take(8)?;
    bits.take(16)?;
    bits.take_ue()?;
    if HIGH_PROFILES.contains(&profile) {
        skip_point_format(&mut bits)?;
    }
    // The length of frame numbers; then how pictures are put in order.
    bits.take_ue()?;
    match bits.take_ue()? {
        0 => drop(bits.take_ue()?),
        1 => {
            bits.take(1)?;
            bits.take_ue()?;
            bits.take_ue()?;
            for _ in 0..bits.take_ue()?.min(255) {
                bits.take_ue()?;
            }
        }
        _by_decoding => {}
    }
    // Pictures that are kept; whether numbers may be left out.
    bits.take_ue()?;
    bits.take(1)?;
    let macroblocks = (bits.take_ue()?, bits.take_ue()?);
    // Fields are half as high as their frame.
    let fields = 2 - bits.take(1)?;
    let side = |macroblocks: u32, times: u32| macroblocks.checked_add(1)?.checked_mul(16 * times);
    Some((side(macroblocks.0, 1)?, side(macroblocks.1, fields)?))
}

fn skip_point_format(bits: &mut BitReader) -> Option<()> {
    let format = bits.take_ue()?;
    if format == 3 {
        bits.take(1)?;
    }
    bits.take_ue()?;
    bits.take_ue()?;
    bits.take(1)?;
    if bits.take(1)? == 1 {
        for list in 0..if format == 3 { 12 } else { 8 } {
            if bits.take(1)? == 1 {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(())
}

/// §7.3.2.1.1.1.
fn skip_scaling_list(bits: &mut BitReader, len: usize) -> Option<()> {
    let (mut last, mut next) = (8_i64, 8_i64);
    for _ in 0..len {
        if next != 0 {
            let code = i64::from(bits.take_ue()?);
            // §9.1.1: positive and negative in turn.
            let delta = if code % 2 == 1 { (code + 1) / 2 } else { -code / 2 };
            next = (last + delta).rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::bits::BitWriter;
    use super::*;
    use proptest::prelude::*;

    /// A set of a profile with sides in macroblocks, in a stream.
    fn stream(profile: u32, width: u32, height: u32) -> Vec<u8> {
        let mut bits = BitWriter::default();
        bits.put(profile, 8);
        bits.put(0x00_1f, 16);
        bits.put_ue(0);
        if HIGH_PROFILES.contains(&profile) {
            // 4:2:0, 8 bits, one flat list of scaling factors that ends after its first.
            bits.put_ue(1);
            bits.put_ue(0);
            bits.put_ue(0);
            bits.put(0b01, 2);
            bits.put(1, 1);
            bits.put_ue(16);
            bits.put(0, 7);
        }
        bits.put_ue(0);
        bits.put_ue(0);
        bits.put_ue(2);
        bits.put_ue(1);
        bits.put(0, 1);
        bits.put_ue(width - 1);
        bits.put_ue(height - 1);
        bits.put(0b1100, 4);
        [&[0, 0, 0, 1][..], &bits.into_nal(0x67), &[0, 0, 1, 0x68, 0xce]].concat()
    }

    #[test]
    fn a_size_is_read_behind_whatever_a_profile_puts_before_it() {
        for profile in [66, 77, 100] {
            assert_eq!(size(&stream(profile, 22, 18)[4..]), Some((352, 288)), "{profile}");
            assert_eq!(macroblocks(&stream(profile, 22, 18)[4..]), Some(396), "{profile}");
            assert!(!is_too_large(&stream(profile, 120, 120)), "{profile}");
            assert!(is_too_large(&stream(profile, 121, 10)), "{profile}");
            assert_eq!(macroblocks(&stream(profile, 121, 10)[4..]), None, "{profile}");
            assert!(is_too_large(&stream(profile, 10, 256)), "{profile}");
        }
        assert!(is_too_large(&stream(66, u32::MAX - 1, 1)));
    }

    #[test]
    fn a_set_that_ends_early_is_refused_and_a_stream_without_one_is_not() {
        assert!(is_too_large(&[0, 0, 1, 0x67, 66, 0xc0, 31]));
        assert!(is_too_large(&[0, 0, 1, 0x6f]));
        assert!(!is_too_large(&[0, 0, 0, 1, 0x65, 0x88, 0x84]));
        assert!(!is_too_large(&[0, 0, 1]) && !is_too_large(&[]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(rest in prop::collection::vec(any::<u8>(), 0..80)) {
            for profile in [66, 100, 244] {
                let stream = [&[0, 0, 1, 0x67, profile, 0, 31][..], &rest].concat();
                let _ = (is_too_large(&stream), macroblocks(&stream[3..]));
            }
        }
    }
}
