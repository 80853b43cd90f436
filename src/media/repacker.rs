//! H.264 for a receiver that knows whole NAL units only: fragments are put together, aggregates
//! taken apart (RFC 6184 §6.2). A unit that is longer than a packet is left to IP to cut.

use super::continuity::Numbers;
use super::jitter_buffer::{JitterBuffer, JitterLimits, JitterOutput};
use crate::rtp::h264::H264Reassembly;
use crate::time::{Duration, Instant};

/// Pictures come in bursts; a piece that was overtaken may be this far behind.
const PATIENCE: JitterLimits = JitterLimits { span: Duration::from_millis(60), packets: 64 };

/// One stream for one receiver.
#[derive(Debug)]
pub struct Repacker {
    buffer: JitterBuffer,
    packing: Packing,
}

#[derive(Debug)]
struct Packing {
    /// All of the source's numbers but those that each packet brings.
    numbers: Numbers,
    reassembly: H264Reassembly,
    /// The unit that came last; whether it ends its picture shows when its packet is done.
    last: Vec<u8>,
    /// Counts the payloads; what is lost between two is counted with them.
    count: u16,
    /// Packets that were lost since the last unit was given out.
    lost: u16,
}

/// A whole NAL unit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unit<'a> {
    /// Of the packet that completed it.
    pub numbers: Numbers,
    /// Packets that were lost in front of it, its own pieces or others.
    pub lost: u16,
    /// Whether its picture ends with it.
    pub marker: bool,
    /// The unit.
    pub nal: &'a [u8],
}

impl Repacker {
    /// Nothing has come yet of the source with these numbers.
    #[must_use]
    pub fn new(numbers: Numbers) -> Self {
        let (reassembly, last) = (H264Reassembly::default(), Vec::new());
        let packing = Packing { numbers, reassembly, last, count: 0, lost: 0 };
        Self { buffer: JitterBuffer::new(PATIENCE), packing }
    }

    /// Takes in a packet and gives out the units that it completes.
    pub fn take(
        &mut self,
        now: Instant,
        numbers: Numbers,
        packet: JitterOutput<'_>,
        mut each: impl FnMut(Unit<'_>),
    ) {
        let Self { buffer, packing } = self;
        packing.numbers = numbers;
        buffer.take(now, packet, |turn| packing.turn(turn, &mut each));
    }

    /// Whether [`tick`](Self::tick) has to be called every 20 ms.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.buffer.deadline().is_some()
    }

    /// Gives out what has waited long enough.
    pub fn tick(&mut self, now: Instant, mut each: impl FnMut(Unit<'_>)) {
        let Self { buffer, packing } = self;
        buffer.tick(now, |turn| packing.turn(turn, &mut each));
    }
}

impl Packing {
    fn turn(&mut self, turn: JitterOutput<'_>, each: &mut impl FnMut(Unit<'_>)) {
        let Self { numbers, reassembly, last, count, lost } = self;
        let JitterOutput { sequence, timestamp, .. } = turn;
        let numbers = Numbers { sequence, timestamp, ..*numbers };
        *count = count.wrapping_add(turn.lost).wrapping_add(1);
        *lost = lost.saturating_add(turn.lost);
        last.clear();
        reassembly.take(*count, turn.payload, |nal| {
            if !last.is_empty() {
                each(Unit { numbers, lost: std::mem::take(lost), marker: false, nal: last });
            }
            last.clear();
            last.extend_from_slice(nal);
        });
        if !last.is_empty() {
            each(Unit { numbers, lost: std::mem::take(lost), marker: turn.marker, nal: last });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::h264::{PacketizationMode, packetise};

    const NUMBERS: Numbers = Numbers {
        ssrc: 1,
        sequence: 0,
        timestamp: 0,
        clock_rate: 90_000,
        frame: 3000,
        event: false,
    };

    fn units(packets: &[(u16, bool, Vec<u8>)]) -> Vec<(usize, bool, u16)> {
        let (mut repacker, mut units) = (Repacker::new(NUMBERS), Vec::new());
        let mut note = |unit: Unit<'_>| {
            assert_eq!(unit.numbers.timestamp, 5);
            units.push((unit.nal.len(), unit.marker, unit.lost));
        };
        for (sequence, marker, payload) in packets {
            let turn = JitterOutput {
                sequence: *sequence,
                timestamp: 5,
                marker: *marker,
                lost: 0,
                payload,
            };
            repacker.take(Instant::START, NUMBERS, turn, &mut note);
        }
        repacker.tick(Instant::START + Duration::from_secs(1), &mut note);
        units
    }

    #[test]
    fn fragments_become_one_unit_and_aggregates_several() {
        let nal = [&[0x65][..], &[9; 3000]].concat();
        let aggregate = vec![0x78, 0, 3, 0x67, 1, 2, 0, 2, 0x68, 1];
        let mut packets = vec![(10, false, aggregate)];
        for (sequence, piece) in
            (11..).zip(packetise(&nal, PacketizationMode::NonInterleaved, 1000))
        {
            let mut payload = Vec::new();
            piece.write(&mut payload);
            packets.push((sequence, sequence == 14, payload));
        }
        packets.swap(2, 3);
        assert_eq!(units(&packets), [(3, false, 0), (2, false, 0), (3001, true, 0)]);
    }

    #[test]
    fn a_lost_fragment_costs_its_unit_and_the_next_one_says_so() {
        let nal = [&[0x65][..], &[9; 1500]].concat();
        let mut packets: Vec<_> = (11..)
            .zip(packetise(&nal, PacketizationMode::NonInterleaved, 1000))
            .map(|(sequence, piece)| {
                let mut payload = Vec::new();
                piece.write(&mut payload);
                (sequence, false, payload)
            })
            .collect();
        packets.push((13, true, vec![0x41, 1]));
        assert_eq!(units(&packets), [(1501, false, 0), (2, true, 0)]);
        packets.insert(0, (10, true, vec![0x41, 1, 1]));
        packets.remove(1);
        assert_eq!(units(&packets), [(3, true, 0), (2, true, 1)]);
    }
}
