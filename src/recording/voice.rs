//! The voice of one side: decoded, and laid on the time of the recording where its timestamps say.

use super::track::TrackPacket;
use crate::codec::Codec;
use crate::codec::audio::{AudioDecoder, SAMPLES_MAX};
use crate::codec::resample::Resampler;
use std::collections::VecDeque;

/// Samples a second of a recording.
pub const RATE: u32 = 16_000;
/// Timestamps are believed while they lie within this of the arrival, in samples: half a second.
const DRIFT_MAX: u64 = RATE as u64 / 2;
/// A gap up to this is concealed, in samples: three packets.
const CONCEALED_MAX: u64 = RATE as u64 * 60 / 1000;
/// The most that is held, in samples.
const HELD_MAX: usize = RATE as usize * 5;

/// One side's voice.
#[derive(Debug, Default)]
pub struct RecordedVoice {
    decoding: Option<VoiceDecoding>,
    anchor: Option<Anchor>,
    /// What is not played yet.
    held: VecDeque<i16>,
    /// The place of its first sample, counted from the beginning of the recording.
    begins: u64,
    /// Behind the last sample that was decoded.
    ends: u64,
    samples: Vec<i16>,
}

#[derive(Debug)]
struct VoiceDecoding {
    codec: Codec,
    decoder: AudioDecoder,
    resampler: Option<Resampler>,
    room: Box<[i16]>,
}

/// Which timestamp lies at which place.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    ssrc: u32,
    timestamp: u32,
    place: u64,
}

impl RecordedVoice {
    /// Another person speaks from now on.
    pub fn cut(&mut self) {
        self.decoding = None;
        self.anchor = None;
    }

    /// Decodes a packet that came when the recording was at this sample. What cannot be decoded is
    /// silence.
    pub fn take(&mut self, arrived: u64, packet: &TrackPacket) {
        if !self.decodes(&packet.codec) {
            return;
        }
        let place = self.place(arrived, packet);
        let Some(decoding) = &mut self.decoding else { return };
        self.samples.clear();
        let gap = place.saturating_sub(self.ends);
        if gap > 0 && gap <= CONCEALED_MAX {
            decoding.conceal(gap, &packet.payload, &mut self.samples);
            self.samples.resize(gap as usize, 0);
        }
        let from = place - self.samples.len() as u64;
        if decoding.decode(&packet.payload, &mut self.samples) {
            self.lay(from);
        }
    }

    /// The next samples, silence where there are none.
    pub fn play(&mut self, out: &mut [i16]) {
        out.fill_with(|| self.held.pop_front().unwrap_or(0));
        self.begins += out.len() as u64;
    }

    fn decodes(&mut self, codec: &Codec) -> bool {
        if self.decoding.as_ref().is_none_or(|decoding| decoding.codec != *codec) {
            let Some(decoder) = AudioDecoder::new(codec, RATE) else { return false };
            let resampler = Resampler::new(decoder.sample_rate(), RATE);
            let room = vec![0; SAMPLES_MAX].into();
            self.decoding = Some(VoiceDecoding { codec: codec.clone(), decoder, resampler, room });
        }
        true
    }

    /// Where a packet lies: as its timestamp says, as long as that is near to when it came.
    fn place(&mut self, arrived: u64, packet: &TrackPacket) -> u64 {
        let clock_rate = i64::from(packet.codec.clock_rate().max(1));
        let believed = self.anchor.filter(|anchor| anchor.ssrc == packet.ssrc).map(|anchor| {
            let ticks = i64::from(packet.timestamp.wrapping_sub(anchor.timestamp).cast_signed());
            anchor.place.saturating_add_signed(ticks * i64::from(RATE) / clock_rate)
        });
        let believed = believed.filter(|place| place.abs_diff(arrived) <= DRIFT_MAX);
        let place = believed.unwrap_or(arrived);
        self.anchor = Some(Anchor { ssrc: packet.ssrc, timestamp: packet.timestamp, place });
        place
    }

    /// Lays the samples down from this place on; what was played already is over.
    fn lay(&mut self, from: u64) {
        let skipped = self.begins.saturating_sub(from) as usize;
        let Some(samples) = self.samples.get(skipped..) else { return };
        let first = (from.max(self.begins) - self.begins) as usize;
        let end = first + samples.len();
        if end > HELD_MAX {
            return;
        }
        if self.held.len() < end {
            self.held.resize(end, 0);
        }
        self.held.range_mut(first..end).zip(samples).for_each(|(held, sample)| *held = *sample);
        self.ends = self.begins + end as u64;
    }
}

impl VoiceDecoding {
    /// Appends what a payload holds; false when it is broken.
    fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) -> bool {
        match self.decoder.decode(payload, &mut self.room) {
            Ok(samples) => {
                resample(&mut self.resampler, &self.room[..samples], out);
                true
            }
            Err(_) => false,
        }
    }

    /// Appends what is least heard in the place of so many samples of the recording.
    fn conceal(&mut self, samples: u64, next: &[u8], out: &mut Vec<i16>) {
        let own = samples * u64::from(self.decoder.sample_rate()) / u64::from(RATE);
        let len = (own as usize).min(self.room.len());
        self.decoder.conceal_before(next, &mut self.room[..len]);
        resample(&mut self.resampler, &self.room[..len], out);
    }
}

fn resample(resampler: &mut Option<Resampler>, from: &[i16], out: &mut Vec<i16>) {
    match resampler {
        Some(resampler) => resampler.run(from, out),
        None => out.extend_from_slice(from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Instant;

    /// 20 ms of µ-law: every sample the same.
    fn packet(ssrc: u32, number: u32, code: u8) -> TrackPacket {
        TrackPacket {
            at: Instant::START,
            codec: Codec::Pcmu,
            ssrc,
            sequence: number as u16,
            timestamp: number * 160,
            marker: false,
            payload: vec![code; 160].into(),
            sets: Box::default(),
        }
    }

    fn play(voice: &mut RecordedVoice, frames: usize) -> Vec<i16> {
        let mut out = vec![0; frames * 320];
        voice.play(&mut out);
        out
    }

    fn is_loud(samples: &[i16]) -> bool {
        samples.iter().filter(|sample| sample.unsigned_abs() > 1000).count() > samples.len() / 2
    }

    #[test]
    fn jitter_moves_nothing_and_a_short_gap_is_concealed() {
        let mut voice = RecordedVoice::default();
        // The second one came 15 ms late, the fourth one never.
        for (number, arrived) in [(0, 320), (1, 880), (2, 960), (4, 1600)] {
            voice.take(arrived, &packet(7, number, 0x10));
        }
        let out = play(&mut voice, 7);
        assert!(!is_loud(&out[..320]), "nothing had come");
        for (n, frame) in out[320 + 64..1920].chunks(64).enumerate() {
            assert!(is_loud(frame), "a hole in frame {n}");
        }
        assert!(!is_loud(&out[1984..]), "it is over");
    }

    #[test]
    fn a_clock_that_jumps_is_laid_where_it_arrived() {
        let mut voice = RecordedVoice::default();
        voice.take(0, &packet(7, 0, 0x10));
        voice.take(3200, &packet(7, 40_000, 0x10));
        voice.take(6400, &packet(8, 3, 0x10));
        let out = play(&mut voice, 22);
        let loud: Vec<usize> = (0..22).filter(|n| is_loud(&out[n * 320..][..320])).collect();
        assert_eq!(loud, [0, 10, 20]);
    }

    #[test]
    fn what_cannot_be_decoded_is_silence() {
        let mut voice = RecordedVoice::default();
        voice.take(0, &TrackPacket { codec: Codec::Ilbc, ..packet(7, 0, 0x10) });
        let noise = Codec::ComfortNoise { clock_rate: 8000 };
        voice.take(320, &TrackPacket { codec: noise, ..packet(7, 1, 0x10) });
        voice.take(640, &TrackPacket { codec: Codec::Opus, payload: [].into(), ..packet(7, 2, 0) });
        assert_eq!(play(&mut voice, 5), [0; 1600]);
    }

    #[test]
    fn a_packet_whose_time_is_over_changes_nothing() {
        let mut voice = RecordedVoice::default();
        voice.take(0, &packet(7, 0, 0x10));
        play(&mut voice, 10);
        voice.take(3300, &packet(7, 1, 0x10));
        assert!(!is_loud(&play(&mut voice, 2)));
    }
}
