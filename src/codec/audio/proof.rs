//! The proof that every pair of codecs carries a voice: encode, decode, resample, encode, decode.

use super::voice::{delay, saying};
use super::{AudioDecoder, AudioEncoder, PAYLOAD_MAX, SAMPLES_MAX};
use crate::codec::Codec;
use crate::codec::goertzel;
use crate::codec::resample::Resampler;

/// What a pair may lose in dB beyond the worse of the two.
const PAIR_LOSS_MAX: f64 = 7.0;

/// Every codec of this build, and what of the voice is left in dB after its own round trip at least.
fn codecs() -> impl Iterator<Item = (Codec, f64)> {
    let all = [
        (Codec::Pcmu, 40.0),
        (Codec::Pcma, 40.0),
        (Codec::G722, 36.0),
        (Codec::Opus, 22.0),
        (Codec::G729, 17.0),
        (Codec::Gsm, 22.0),
        (Codec::G723, 20.0),
        (Codec::Speex { clock_rate: 8000 }, 17.0),
        (Codec::Speex { clock_rate: 16_000 }, 18.0),
        (Codec::Speex { clock_rate: 32_000 }, 18.0),
    ];
    all.into_iter().filter(|(codec, _)| codec.can_transcode())
}

/// Coded and decoded, and the rate of it.
fn coded(codec: &Codec, pcm: &[i16], rate: u32) -> (Vec<i16>, u32) {
    let mut encoder = AudioEncoder::new(codec, rate).unwrap();
    let mut decoder = AudioDecoder::new(codec, encoder.sample_rate()).unwrap();
    let mut samples = Vec::new();
    match Resampler::new(rate, encoder.sample_rate()) {
        Some(mut resampler) => resampler.run(pcm, &mut samples),
        None => samples.extend_from_slice(pcm),
    }
    let (mut payload, mut out, mut heard) = ([0; PAYLOAD_MAX], [0; SAMPLES_MAX], Vec::new());
    for frame in samples.chunks_exact(encoder.frame_samples()) {
        let len = encoder.encode(frame, &mut payload).unwrap();
        let len = decoder.decode(&payload[..len], &mut out).unwrap();
        assert_eq!(len, frame.len(), "{codec}");
        heard.extend_from_slice(&out[..len]);
    }
    (heard, decoder.sample_rate())
}

fn at(rate: u32, pcm: &[i16], from: u32) -> Vec<i16> {
    let mut out = Vec::new();
    match Resampler::new(from, rate) {
        Some(mut resampler) => resampler.run(pcm, &mut out),
        None => out.extend_from_slice(pcm),
    }
    out
}

/// How like the voice it still is in dB, by the strength of its tones in stretches of 32 ms: coders of
/// speech turn phases at will, which the ear does not mind and a plain difference does.
fn likeness(voice: &[i16], heard: &[i16], rate: u32) -> f64 {
    let heard = at(8000, heard, rate);
    let shift = delay(&voice[4000..8000], &heard[4000..], 8 * 60);
    let strength = |pcm: &[i16], hz: u32| {
        let power: f64 = pcm.iter().map(|s| f64::from(*s).powi(2)).sum();
        (goertzel::share(pcm, 8000, hz) * power).sqrt()
    };
    let (mut power, mut error) = (0.0, 1.0);
    for (wanted, got) in voice.chunks_exact(256).zip(heard[shift..].chunks_exact(256)) {
        for hz in (200..3400).step_by(100) {
            let (wanted, got) = (strength(wanted, hz), strength(got, hz));
            power += wanted * wanted;
            error += (wanted - got).powi(2);
        }
    }
    10.0 * (power / error).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_codecs_carries_a_voice() {
        let voice = saying(8000, 6);
        let own: Vec<(Codec, f64, (Vec<i16>, u32))> = codecs()
            .map(|(codec, floor)| {
                let (heard, rate) = coded(&codec, &voice, 8000);
                let is = likeness(&voice, &heard, rate);
                println!("{codec}: {is:.1} dB");
                assert!(is > floor, "{codec}: {is:.1} dB");
                (codec, is, (heard, rate))
            })
            .collect();
        for (first, first_own, (between, rate)) in &own {
            for (second, second_own, _) in &own {
                let (heard, rate) = coded(second, between, *rate);
                let is = likeness(&voice, &heard, rate);
                println!("{first} to {second}: {is:.1} dB");
                // Two codecs lose more than the worse of them; that it is not much more is the proof.
                let floor = first_own.min(*second_own) - PAIR_LOSS_MAX;
                assert!(is > floor, "{first} to {second}: {is:.1} dB of {floor:.1}");
            }
        }
    }
}
