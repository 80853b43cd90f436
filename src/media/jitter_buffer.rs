//! Packets in the order of their numbers, before a decoder.
//!
//! ```text
//!   41 42 ▶ at once      44 ▶ kept ── 43 comes ──▶ 43 44
//!                                 ├── 45, … fill it ──▶ 44 "after 1 lost"
//!                                 └── it has waited long enough ──▶ the same
//! ```
//!
//! What comes in order waits for nothing, so that a conversion adds no delay; only a packet that
//! overtook another waits, for the other or for its time. The receiver's own jitter buffer, which
//! it needs anyway, evens out the rest.

use crate::rtp::later_by;
use crate::time::{Duration, Instant};

/// A packet so far ahead or behind begins a new source (RFC 3550 A.1).
const JUMP_MAX: i16 = 1000;

/// What a decoder is told of a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct JitterOutput<'a> {
    /// Its number.
    pub sequence: u16,
    /// Its timestamp.
    pub timestamp: u32,
    /// Its marker.
    pub marker: bool,
    /// Packets before it that never came.
    pub lost: u16,
    /// What it carries.
    pub payload: &'a [u8],
}

/// How long a packet may wait for one that it overtook, and with how many others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct JitterLimits {
    /// The time.
    pub span: Duration,
    /// The number.
    pub packets: usize,
}

/// The packets of one stream. Its memory is that of the packets that it may keep.
#[derive(Debug)]
pub struct JitterBuffer {
    patience: JitterLimits,
    next: Option<u16>,
    /// Packets that never came before those that are none of the decoder's.
    lost: u16,
    /// In order.
    kept: Vec<BufferedPacket>,
    /// Payloads of packets that are through, to be used again.
    spare: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct BufferedPacket {
    sequence: u16,
    timestamp: u32,
    marker: bool,
    payload: Vec<u8>,
    since: Instant,
}

impl JitterBuffer {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(patience: JitterLimits) -> Self {
        Self { patience, next: None, lost: 0, kept: Vec::new(), spare: Vec::new() }
    }

    /// Takes in a packet and gives out what may be decoded now. A double or a late one is dropped. One
    /// without a payload is never given out: it holds the place of a packet that is none of the
    /// decoder's, a key or a word about silence.
    pub fn take(
        &mut self,
        now: Instant,
        packet: JitterOutput<'_>,
        mut out: impl FnMut(JitterOutput<'_>),
    ) {
        let next = *self.next.get_or_insert(packet.sequence);
        let ahead = later_by(packet.sequence, next);
        if ahead.unsigned_abs() > JUMP_MAX.unsigned_abs() {
            self.release(usize::MAX, &mut out);
            // Nobody knows what is missing between the two, but it is not nothing.
            self.next = Some(packet.sequence.wrapping_sub(1));
            self.hand_out(packet, &mut out);
        } else if ahead == 0 {
            self.hand_out(packet, &mut out);
        } else if ahead > 0 {
            self.keep(now, packet);
            let surplus = self.kept.len().saturating_sub(self.patience.packets);
            self.release(surplus, &mut out);
        }
        self.release_in_order(&mut out);
    }

    /// When [`tick`](Self::tick) has something to give out; none while nothing waits.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.kept.iter().map(|kept| kept.since + self.patience.span).min()
    }

    /// Gives out what has waited long enough.
    pub fn tick(&mut self, now: Instant, mut out: impl FnMut(JitterOutput<'_>)) {
        let due = |kept: &BufferedPacket| kept.since + self.patience.span <= now;
        let through = self.kept.iter().rposition(due).map_or(0, |at| at + 1);
        self.release(through, &mut out);
        self.release_in_order(&mut out);
    }

    fn keep(&mut self, now: Instant, packet: JitterOutput<'_>) {
        let place = self.kept.iter().position(|kept| later_by(kept.sequence, packet.sequence) >= 0);
        let place = place.unwrap_or(self.kept.len());
        if self.kept.get(place).is_some_and(|kept| kept.sequence == packet.sequence) {
            return;
        }
        let mut payload = self.spare.pop().unwrap_or_default();
        payload.clear();
        payload.extend_from_slice(packet.payload);
        let JitterOutput { sequence, timestamp, marker, .. } = packet;
        self.kept
            .insert(place, BufferedPacket { sequence, timestamp, marker, payload, since: now });
    }

    /// Gives out the first `count` packets, whatever is missing before them.
    fn release(&mut self, count: usize, out: &mut impl FnMut(JitterOutput<'_>)) {
        for _ in 0..count.min(self.kept.len()) {
            let kept = self.kept.remove(0);
            let BufferedPacket { sequence, timestamp, marker, .. } = kept;
            let packet =
                JitterOutput { sequence, timestamp, marker, lost: 0, payload: &kept.payload };
            self.hand_out(packet, out);
            self.spare.push(kept.payload);
        }
    }

    fn release_in_order(&mut self, out: &mut impl FnMut(JitterOutput<'_>)) {
        while self.kept.first().is_some_and(|kept| Some(kept.sequence) == self.next) {
            self.release(1, out);
        }
    }

    fn hand_out(&mut self, packet: JitterOutput<'_>, out: &mut impl FnMut(JitterOutput<'_>)) {
        let next = self.next.unwrap_or(packet.sequence);
        self.next = Some(packet.sequence.wrapping_add(1));
        self.lost = self.lost.saturating_add(packet.sequence.wrapping_sub(next));
        if !packet.payload.is_empty() {
            out(JitterOutput { lost: std::mem::take(&mut self.lost), ..packet });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PATIENCE: JitterLimits = JitterLimits { span: Duration::from_millis(20), packets: 2 };

    fn ms(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    fn packet(sequence: u16) -> JitterOutput<'static> {
        JitterOutput {
            sequence,
            timestamp: u32::from(sequence) * 160,
            marker: false,
            lost: 0,
            payload: b"x",
        }
    }

    /// Numbers given out, each with how many were lost before it.
    fn taken(buffer: &mut JitterBuffer, at: u64, sequence: u16) -> Vec<(u16, u16)> {
        let mut out = Vec::new();
        buffer.take(ms(at), packet(sequence), |turn| out.push((turn.sequence, turn.lost)));
        out
    }

    #[test]
    fn what_comes_in_order_waits_for_nothing() {
        let mut buffer = JitterBuffer::new(PATIENCE);
        for sequence in [65_534, 65_535, 0, 1] {
            assert_eq!(taken(&mut buffer, 0, sequence), [(sequence, 0)]);
        }
        assert_eq!(buffer.deadline(), None);
    }

    #[test]
    fn one_that_overtook_another_waits_for_it() {
        let mut buffer = JitterBuffer::new(PATIENCE);
        taken(&mut buffer, 0, 7);
        assert_eq!(taken(&mut buffer, 20, 9), []);
        assert_eq!(buffer.deadline(), Some(ms(40)));
        assert_eq!(taken(&mut buffer, 25, 8), [(8, 0), (9, 0)]);
        assert_eq!(taken(&mut buffer, 30, 8), [], "a double");
    }

    #[test]
    fn a_lost_one_is_given_up_in_time_or_when_too_many_wait() {
        let mut buffer = JitterBuffer::new(PATIENCE);
        taken(&mut buffer, 0, 7);
        taken(&mut buffer, 20, 9);
        let mut out = Vec::new();
        buffer.tick(ms(39), |turn| out.push((turn.sequence, turn.lost)));
        assert_eq!(out, []);
        buffer.tick(ms(40), |turn| out.push((turn.sequence, turn.lost)));
        assert_eq!(out, [(9, 1)]);
        assert_eq!(taken(&mut buffer, 41, 8), [], "too late");
        assert_eq!(taken(&mut buffer, 42, 12), []);
        assert_eq!(taken(&mut buffer, 43, 15), []);
        assert_eq!(taken(&mut buffer, 44, 13), [(12, 2), (13, 0)]);
    }

    #[test]
    fn a_packet_of_another_kind_keeps_its_place_and_is_not_given_out() {
        let mut buffer = JitterBuffer::new(PATIENCE);
        taken(&mut buffer, 0, 7);
        let mut out = Vec::new();
        let key = JitterOutput { payload: &[], ..packet(8) };
        buffer.take(ms(20), key, |turn| out.push(turn.sequence));
        assert!(out.is_empty());
        assert_eq!(taken(&mut buffer, 40, 9), [(9, 0)], "nothing is missing");
        buffer.take(ms(60), JitterOutput { payload: &[], ..packet(11) }, |_| {
            unreachable!("it is a key")
        });
        buffer.tick(ms(80), |_| unreachable!("it is a key"));
        assert_eq!(
            taken(&mut buffer, 90, 12),
            [(12, 1)],
            "what was lost before it is not forgotten"
        );
    }

    #[test]
    fn a_source_that_counts_anew_is_followed() {
        let mut buffer = JitterBuffer::new(PATIENCE);
        taken(&mut buffer, 0, 7);
        taken(&mut buffer, 20, 9);
        assert_eq!(taken(&mut buffer, 21, 40_000), [(9, 1), (40_000, 1)]);
        assert_eq!(taken(&mut buffer, 22, 40_001), [(40_001, 0)]);
    }

    proptest! {
        #[test]
        fn whatever_comes_goes_out_at_most_once_and_in_order(
            numbers in prop::collection::vec(0..60_u16, 0..200),
        ) {
            let mut buffer = JitterBuffer::new(JitterLimits { packets: 5, ..PATIENCE });
            let mut out = Vec::new();
            for (at, number) in (0..).zip(numbers) {
                buffer.take(ms(at), packet(number), |turn| out.push(turn.sequence));
                prop_assert!(buffer.kept.len() <= 5 && buffer.spare.len() <= 6);
                buffer.tick(ms(at), |turn| out.push(turn.sequence));
            }
            prop_assert!(out.is_sorted_by(|a, b| a < b), "{:?}", out);
        }
    }
}
