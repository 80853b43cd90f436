//! Sound that is coded once and sent for ever: hold music, ring-back, silence.

use super::stream::{AudioEncoder, PAYLOAD_MAX};
use super::wave::Wave;
use crate::codec::tone::Sound;
use crate::codec::{Codec, Kind};
use std::sync::Arc;

/// The longest packet time in ms: that of Opus.
const PACKET_MS_MAX: u32 = 60;
/// How much of the past an encoder still remembers, in ms.
const WARM_UP_MS: u32 = 500;

/// A sound in payloads of equal time, so that a packet costs a look-up. Cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EncodedLoop {
    frames: Arc<[Box<[u8]>]>,
    timestamp_step: u32,
}

impl EncodedLoop {
    /// The payload at any place of the endless sound.
    #[must_use]
    pub fn frame(&self, index: u64) -> &[u8] {
        // The remainder is below a usize.
        &self.frames[(index % self.frames.len() as u64) as usize]
    }

    /// Whether there are clones of it.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.frames) > 1
    }

    /// By how much the RTP timestamp rises from one payload to the next.
    #[must_use]
    pub fn timestamp_step(&self) -> u32 {
        self.timestamp_step
    }

    /// Payloads until the sound begins anew; at least one.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // It is never empty.
    pub fn len(&self) -> usize {
        self.frames.len()
    }
}

/// Codes one round of a sound, which takes a while (Opus: about 4 ms for each second): once at the
/// start, not once a call. None when the codec can only be passed through, or the packet time is not
/// one of 10, 20, 40 and 60 ms (30 and 50 for all but Opus); peers ask for odd ones, whose loops would
/// be very long.
#[must_use]
pub fn encode_loop(codec: &Codec, sound: Sound, packet_ms: u32) -> Option<EncodedLoop> {
    encode(codec, sound.rate_needed(), packet_ms, |rate, frame_len| {
        let pcm = sound.samples(rate);
        // As many rounds of the sound as make whole packets: a sound of 1 s has no whole 30 ms
        // packets.
        let rounds = (1..=6).find(|n| (n * pcm.len()).is_multiple_of(frame_len))?;
        Some(pcm.repeat(rounds))
    })
}

/// As [`encode_loop`], for the sound of a file; its last packet is filled up with silence.
#[must_use]
pub fn encode_wave(codec: &Codec, wave: &Wave, packet_ms: u32) -> Option<EncodedLoop> {
    encode(codec, Wave::RATE, packet_ms, |rate, frame_len| {
        let mut pcm = wave.samples(rate);
        pcm.resize(pcm.len().next_multiple_of(frame_len), 0);
        Some(pcm)
    })
}

/// Codes samples of whole packets, which `samples` gives for a rate and the length of a packet.
fn encode(
    codec: &Codec,
    wanted_rate: u32,
    packet_ms: u32,
    samples: impl FnOnce(u32, usize) -> Option<Vec<i16>>,
) -> Option<EncodedLoop> {
    let whole = (10..=PACKET_MS_MAX).contains(&packet_ms) && packet_ms.is_multiple_of(10);
    if !whole || codec.kind() != Kind::Audio {
        return None;
    }
    let mut encoder = AudioEncoder::new(codec, wanted_rate)?;
    let rate = encoder.sample_rate();
    let frame_len = (rate * packet_ms / 1000) as usize;
    let pcm = samples(rate, frame_len)?;
    let total = pcm.len() / frame_len;
    // The end of the sound goes first and is thrown away: it only teaches the encoder what the
    // beginning follows, so that the seam does not click.
    let warm_up = total.min((WARM_UP_MS / packet_ms) as usize);
    let first = pcm.chunks_exact(frame_len).skip(total - warm_up);
    let mut frames = Vec::with_capacity(total);
    for (at, frame) in first.chain(pcm.chunks_exact(frame_len)).enumerate() {
        let mut payload = [0; PAYLOAD_MAX];
        let len = encoder.encode(frame, &mut payload).ok()?;
        if at >= warm_up {
            frames.push(payload[..len].into());
        }
    }
    let timestamp_step = codec.clock_rate() * packet_ms / 1000;
    (!frames.is_empty()).then(|| EncodedLoop { frames: frames.into(), timestamp_step })
}

#[cfg(test)]
mod tests {
    use super::super::{AudioDecoder, SAMPLES_MAX};
    use super::*;
    use crate::codec::goertzel;

    #[test]
    fn a_loop_sounds_like_its_sound_over_its_seam() {
        for codec in [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::G729, Codec::Opus] {
            let sound = encode_loop(&codec, Sound::Sine { hz: 425 }, 20).unwrap();
            let mut decoder = AudioDecoder::new(&codec, 8000).unwrap();
            let (mut heard, mut out) = (Vec::new(), [0; SAMPLES_MAX]);
            let len = sound.len() as u64;
            for index in len - 25..len + 25 {
                let samples = decoder.decode(sound.frame(index), &mut out).unwrap();
                heard.extend_from_slice(&out[..samples]);
            }
            let share = goertzel::share(&heard[heard.len() / 4..], decoder.sample_rate(), 425);
            assert!(share > 0.9, "{codec}: {share}");
        }
    }

    #[test]
    fn the_timestamp_rises_with_the_clock_of_rtp() {
        let step = |codec, ms| encode_loop(&codec, Sound::Silence, ms).map(|l| l.timestamp_step());
        assert_eq!(step(Codec::Pcmu, 20), Some(160));
        assert_eq!(step(Codec::G722, 20), Some(160), "G.722 has the clock of 8 kHz");
        assert_eq!(step(Codec::Opus, 20), Some(960));
        assert_eq!(step(Codec::Pcma, 30), Some(240));
    }

    #[test]
    fn what_cannot_be_coded_has_no_loop() {
        assert_eq!(encode_loop(&Codec::Ilbc, Sound::Silence, 20), None);
        assert_eq!(encode_loop(&Codec::H264, Sound::Silence, 20), None);
        assert_eq!(encode_loop(&Codec::Pcmu, Sound::Silence, 0), None);
        assert_eq!(encode_loop(&Codec::Pcmu, Sound::Silence, PACKET_MS_MAX + 10), None);
        assert_eq!(encode_loop(&Codec::Pcmu, Sound::HoldMelody, 23), None);
        assert_eq!(encode_loop(&Codec::Opus, Sound::Silence, 30), None, "no frame of Opus");
    }

    #[test]
    fn the_melody_fits_every_packet_time_in_one_round() {
        for packet_ms in (10..=PACKET_MS_MAX).step_by(10) {
            let len = encode_loop(&Codec::Pcmu, Sound::HoldMelody, packet_ms).unwrap().len();
            assert_eq!(len, 9600 / packet_ms as usize);
        }
    }
}
