//! Our codecs beside those of FFmpeg: what one codes the other decodes, and the figures of both.

use super::ffmpeg::{self, FfmpegFormat, Reference};
use super::voice::{delay, saying, segmental_snr};
use super::{AudioDecoder, AudioEncoder, PAYLOAD_MAX, SAMPLES_MAX};
use crate::codec::Codec;
use std::ffi::CStr;

/// FFmpeg's coders of one codec at a rate, in frames of 20 ms.
fn reference(encoder: &'static CStr, decoder: &'static CStr, sample_rate: u32) -> FfmpegFormat {
    let frame_samples = sample_rate as usize / 50;
    FfmpegFormat::Reference(Reference { encoder, decoder, sample_rate, frame_samples })
}

fn coded_by_us(codec: &Codec, pcm: &[i16], rate: u32) -> Vec<Vec<u8>> {
    let mut encoder = AudioEncoder::new(codec, rate).unwrap();
    assert_eq!(encoder.sample_rate(), rate, "{codec}");
    let mut out = [0; PAYLOAD_MAX];
    let code = |frame: &[i16]| {
        let len = encoder.encode(frame, &mut out).unwrap();
        out[..len].to_vec()
    };
    pcm.chunks_exact(rate as usize / 50).map(code).collect()
}

fn coded_by_them(format: FfmpegFormat, pcm: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = ffmpeg::Encoder::new(format).unwrap();
    let mut out = [0; PAYLOAD_MAX];
    let code = |frame: &[i16]| {
        let len = encoder.encode(frame, &mut out).unwrap();
        out[..len].to_vec()
    };
    pcm.chunks_exact(format.frame_samples()).map(code).collect()
}

fn decoded_by_us(codec: &Codec, payloads: &[Vec<u8>], rate: u32) -> Vec<i16> {
    let mut decoder = AudioDecoder::new(codec, rate).unwrap();
    assert_eq!(decoder.sample_rate(), rate, "{codec}");
    let mut out = [0; SAMPLES_MAX];
    let decode = |payload: &Vec<u8>| {
        let len = decoder.decode(payload, &mut out).unwrap();
        out[..len].to_vec()
    };
    payloads.iter().flat_map(decode).collect()
}

fn decoded_by_them(format: FfmpegFormat, payloads: &[Vec<u8>]) -> Vec<i16> {
    let mut decoder = ffmpeg::Decoder::new(format).unwrap();
    let mut out = [0; SAMPLES_MAX];
    let decode = |payload: &Vec<u8>| {
        let len = decoder.decode(payload, &mut out).unwrap();
        out[..len].to_vec()
    };
    payloads.iter().flat_map(decode).collect()
}

/// How many are others than those of the same place, and the place of the last of them.
fn differences<T: PartialEq>(one: &[T], other: &[T]) -> (usize, Option<usize>) {
    assert_eq!(one.len(), other.len());
    let places = (0..one.len()).filter(|at| one[*at] != other[*at]);
    (places.clone().count(), places.last())
}

/// What of the voice is left in dB, whatever the codec's delay.
fn left(voice: &[i16], heard: &[i16], rate: u32) -> f64 {
    let second = rate as usize;
    let shift = delay(&voice[second / 2..second], &heard[second / 2..], second / 25);
    segmental_snr(voice, &heard[shift..], rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The four ways from a coder to a decoder: ours both, ours to theirs, theirs to ours, theirs both.
    fn four_ways(codec: &Codec, format: FfmpegFormat, voice: &[i16], rate: u32) -> [Vec<i16>; 4] {
        let (ours, theirs) = (coded_by_us(codec, voice, rate), coded_by_them(format, voice));
        let ways = [
            decoded_by_us(codec, &ours, rate),
            decoded_by_them(format, &ours),
            decoded_by_us(codec, &theirs, rate),
            decoded_by_them(format, &theirs),
        ];
        let [own, out, back, foreign] = ways.each_ref().map(|heard| left(voice, heard, rate));
        println!(
            "{codec} at {rate} Hz: {own:.1} dB by us, {out:.1} from us to FFmpeg, \
             {back:.1} from FFmpeg to us, {foreign:.1} by FFmpeg"
        );
        assert!((out - own).abs() < 0.5, "{codec}: FFmpeg hears us otherwise than we do");
        assert!((back - foreign).abs() < 0.5, "{codec}: we hear FFmpeg otherwise than it does");
        ways
    }

    #[test]
    fn g711_is_that_of_ffmpeg_but_for_the_limits_of_intervals() {
        for (codec, name, unit) in [(Codec::Pcmu, c"pcm_mulaw", 8), (Codec::Pcma, c"pcm_alaw", 32)]
        {
            let format = reference(name, name, 8000);
            let codes: Vec<Vec<u8>> = vec![(0..=255).collect()];
            let ours = decoded_by_us(&codec, &codes, 8000);
            assert_eq!(ours, decoded_by_them(format, &codes), "{codec}: every code");
            // Whole frames, the last one filled up.
            let all: Vec<i16> = (i16::MIN..=i16::MAX).chain([0; 64]).collect();
            let ours = coded_by_us(&codec, &all, 8000).concat();
            let theirs = coded_by_them(format, &all).concat();
            let (others, _) = differences(&ours, &theirs);
            println!("{codec}: {others} of 65536 samples have another code at FFmpeg");
            assert!(others < 1000, "{codec}");
            // FFmpeg takes the nearest value, also between two segments, where the recommendation puts
            // the limit elsewhere. `g711.rs` is tested by the tables of the recommendation.
            let of = |codes: &[u8]| codes.chunks(160).map(<[u8]>::to_vec).collect::<Vec<_>>();
            let values = decoded_by_us(&codec, &of(&ours), 8000);
            let their_values = decoded_by_us(&codec, &of(&theirs), 8000);
            for (sample, (value, theirs)) in all.iter().zip(values.iter().zip(&their_values)) {
                let [one, other] = [value, theirs].map(|v| sample.abs_diff(*v));
                assert!(other <= one + unit, "{codec}: {sample} as {value}, {theirs}");
            }
            four_ways(&codec, format, &saying(8000, 6), 8000);
        }
    }

    /// FFmpeg's passes the tests of ITU-T (so its source says). The library that we use begins with
    /// other widths of steps than the recommendation, so noise goes ahead at full level, after which
    /// nothing of the beginning is left in the state of either.
    #[test]
    fn g722_is_that_of_ffmpeg_bit_by_bit_once_the_beginning_is_over() {
        let format = reference(c"g722", c"g722", 16_000);
        let voice = saying(16_000, 6);
        four_ways(&Codec::G722, format, &voice, 16_000);
        let mut chance = 1_u32;
        let noise = (0..16_000).map(|_| {
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (chance >> 16) as i16
        });
        let pcm: Vec<i16> = noise.chain(voice).collect();
        let ours = coded_by_us(&Codec::G722, &pcm, 16_000);
        let theirs = coded_by_them(format, &pcm);
        let (others, last) = differences(&ours.concat(), &theirs.concat());
        println!("G722: {others} of {} bytes are others, the last at {last:?}", pcm.len() / 2);
        assert!(last.is_none_or(|at| at < 100), "{last:?}");
        for coded in [ours, theirs] {
            let heard = decoded_by_us(&Codec::G722, &coded, 16_000);
            let (others, last) = differences(&heard, &decoded_by_them(format, &coded));
            println!("G722: {others} of {} samples are others, the last at {last:?}", heard.len());
            assert!(last.is_none_or(|at| at < 16_000), "{last:?}");
        }
    }

    /// The second decoder shares no line with libopus.
    #[test]
    fn two_other_decoders_hear_our_opus_as_we_do_and_we_hear_libopus() {
        for decoder in [c"libopus", c"opus"] {
            let format = reference(c"libopus", decoder, 48_000);
            let voice = saying(48_000, 6);
            let [own, out, back, foreign] = four_ways(&Codec::Opus, format, &voice, 48_000);
            for (ours, theirs) in [(own, out), (back, foreign)] {
                let alike = left(&ours, &theirs, 48_000);
                println!("Opus: {alike:.1} dB between us and {}", decoder.to_string_lossy());
                assert!(alike > 30.0, "{alike:.1} dB");
            }
        }
    }

    #[test]
    fn gsm_is_heard_as_libgsm_does_sample_by_sample() {
        let format = reference(c"libgsm", c"libgsm", 8000);
        let [own, out, back, foreign] = four_ways(&Codec::Gsm, format, &saying(8000, 6), 8000);
        assert_eq!(own, out);
        assert_eq!(back, foreign);
    }
}
