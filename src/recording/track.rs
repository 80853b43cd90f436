//! The packets of one side and kind, in the order in which they were sent.

use crate::codec::Codec;
use crate::media::TappedPacket;
use crate::rtp::later_by;
use crate::time::Instant;
use std::collections::VecDeque;

/// Packets that wait at most; the oldest give way.
pub const WAITING_MAX: usize = 4096;
/// A packet may have been overtaken by so many.
const OVERTAKEN_MAX: usize = 64;
/// Of one SSRC, a packet that is so far behind is late; further behind, the count began anew.
const LATE_MAX: i16 = 1000;

/// One packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrackPacket {
    /// When it came.
    pub at: Instant,
    /// Of what.
    pub codec: Codec,
    /// As in its header.
    pub ssrc: u32,
    /// As in its header.
    pub sequence: u16,
    /// As in its header.
    pub timestamp: u32,
    /// As in its header.
    pub marker: bool,
    /// What it carries.
    pub payload: Box<[u8]>,
    /// H.264: parameter sets that a decoder has to know in front of it, as a byte stream; may be empty.
    pub sets: Box<[u8]>,
}

/// What waits.
#[derive(Debug, Default)]
pub struct RecordingTrack {
    queue: VecDeque<TrackPacket>,
    /// The SSRC and the number of the last packet that was taken out.
    last: Option<(u32, u16)>,
}

impl RecordingTrack {
    /// Puts a packet in its place; doubles and packets whose turn is over are left out.
    pub fn push(&mut self, piece: &TappedPacket, payload: &[u8], sets: Box<[u8]>) {
        let late = self.last.is_some_and(|(ssrc, sequence)| {
            ssrc == piece.ssrc && (-LATE_MAX..=0).contains(&later_by(piece.sequence, sequence))
        });
        if late {
            return;
        }
        let behind = self.queue.iter().rev().take(OVERTAKEN_MAX).take_while(|other| {
            other.ssrc == piece.ssrc && later_by(other.sequence, piece.sequence) >= 0
        });
        let place = self.queue.len() - behind.count();
        let double =
            |other: &TrackPacket| (other.ssrc, other.sequence) == (piece.ssrc, piece.sequence);
        if self.queue.get(place).is_some_and(double) {
            return;
        }
        if self.queue.len() == WAITING_MAX {
            self.queue.pop_front();
        }
        let packet = TrackPacket {
            at: piece.at,
            codec: piece.codec.clone(),
            ssrc: piece.ssrc,
            sequence: piece.sequence,
            timestamp: piece.timestamp,
            marker: piece.marker,
            payload: payload.into(),
            sets,
        };
        self.queue.insert(place.min(self.queue.len()), packet);
    }

    /// The next packet, if it had come by `until`.
    pub fn pop(&mut self, until: Instant) -> Option<TrackPacket> {
        let packet = self.queue.pop_front_if(|packet| packet.at <= until)?;
        self.last = Some((packet.ssrc, packet.sequence));
        Some(packet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Side;

    fn push(track: &mut RecordingTrack, ms: u64, ssrc: u32, sequence: u16) {
        let at = Instant::from_micros(ms * 1000);
        let (side, codec, timestamp, marker) = (Side::Left, Codec::Pcmu, 0, false);
        let piece = TappedPacket { at, side, codec, ssrc, sequence, timestamp, marker, len: 1 };
        track.push(&piece, &[0], Box::default());
    }

    fn drain(track: &mut RecordingTrack, ms: u64) -> Vec<u16> {
        let until = Instant::from_micros(ms * 1000);
        std::iter::from_fn(|| track.pop(until)).map(|packet| packet.sequence).collect()
    }

    #[test]
    fn packets_come_out_in_the_order_in_which_they_were_sent() {
        let mut track = RecordingTrack::default();
        for (ms, sequence) in [(1, 65_534), (2, 0), (3, 65_535), (4, 1), (5, 0)] {
            push(&mut track, ms, 7, sequence);
        }
        assert_eq!(drain(&mut track, 2), [65_534], "the next one comes at 3 ms");
        assert_eq!(drain(&mut track, 9), [65_535, 0, 1]);
        push(&mut track, 10, 7, 0);
        assert_eq!(drain(&mut track, 20), [0_u16; 0], "too late");
    }

    #[test]
    fn another_source_comes_behind_the_first_whatever_its_numbers() {
        let mut track = RecordingTrack::default();
        push(&mut track, 1, 7, 1000);
        push(&mut track, 2, 8, 5);
        push(&mut track, 3, 8, 4);
        assert_eq!(drain(&mut track, 9), [1000, 4, 5]);
    }

    #[test]
    fn a_flood_costs_no_more_than_the_limit() {
        let mut track = RecordingTrack::default();
        for n in 0..WAITING_MAX as u64 + 10 {
            push(&mut track, n, 7, n as u16);
        }
        let out = drain(&mut track, u64::MAX / 1000);
        assert_eq!((out.len(), out[0]), (WAITING_MAX, 10));
    }
}
