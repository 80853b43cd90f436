//! Sequence numbers and what they tell of the network (RFC 3550 §6.4.1, A.1, A.3, A.8).

use crate::time::{Instant, Now};

/// A jump ahead of this size is a restart of the source, not a loss (A.1).
const DROPOUT_MAX: u16 = 3000;
/// A packet so far behind is a restart, not a late one (A.1).
const MISORDER_MAX: u16 = 100;
/// Numbers behind the highest whose arrival is remembered, to tell late packets from doubles.
const WINDOW: u32 = 128;
/// Counting begins one cycle above zero, so that a number below the first one is never negative.
const FIRST_CYCLE: u32 = 0x1_0000;

/// How far `sequence` lies ahead of `than`, negative when behind, modulo 2^16.
#[must_use]
pub fn later_by(sequence: u16, than: u16) -> i16 {
    sequence.wrapping_sub(than).cast_signed()
}

/// Whether `sequence` was sent after `than`.
#[must_use]
pub fn is_later(sequence: u16, than: u16) -> bool {
    later_by(sequence, than) > 0
}

/// What an arriving packet is among those of its source.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PacketArrival {
    /// The first of its source.
    First,
    /// The next one, after `missing` others that may still come late.
    Next {
        /// Numbers left out; 0 in good order.
        missing: u16,
    },
    /// Behind the highest, and not seen before.
    Late,
    /// Seen before.
    Duplicate,
    /// Far from all others; the second in a row is a [`Restart`](Self::Restart).
    Stray,
    /// The source began to count anew; the statistics do so too.
    Restart,
}

/// What a report block says of the packets of one source.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Loss {
    /// Lost since the report before, in 1/256.
    pub fraction: u8,
    /// Lost since the beginning, less doubles; within 24 bits.
    pub cumulative: i32,
    /// The highest sequence number, with the number of its cycles above.
    pub highest: u32,
    /// Interarrival jitter in units of the RTP clock.
    pub jitter: u32,
}

/// The reception of one source.
#[derive(Clone, Debug)]
pub struct Reception {
    clock_rate: u32,
    run: Option<ReceptionRun>,
    stray: Option<u16>,
}

/// What has come of a source since it began to count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ReceptionRun {
    /// The first number, one cycle above zero.
    pub first: u32,
    /// The highest one.
    pub highest: u32,
    /// Bit n: the number n below `highest` has come.
    pub seen: u128,
    /// Packets that came, doubles left out.
    pub received: u32,
    /// Those that should have come by the last report.
    pub reported_expected: u32,
    /// Those that had come by then.
    pub reported_received: u32,
    /// How far the last packet's arrival was behind its timestamp, on clocks of any beginning.
    pub transit: u32,
    /// Sixteen times the jitter (A.8).
    pub jitter: u32,
}

/// A reception as a value; its arrivals are counted on the clock of people.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SavedReception {
    /// Ticks in a second.
    pub clock_rate: u32,
    /// Once a packet has come.
    pub run: Option<ReceptionRun>,
    /// What would confirm a stray packet.
    pub stray: Option<u16>,
}

impl SavedReception {
    /// That of a source of which no more is known than its highest number, with its cycles. What came before
    /// does not come late.
    #[must_use]
    pub fn behind(clock_rate: u32, highest: u32) -> Self {
        let highest = highest.wrapping_add(FIRST_CYCLE);
        let run = ReceptionRun { seen: u128::MAX, ..ReceptionRun::new(0, 0) };
        let run = ReceptionRun { first: highest, highest, ..run };
        Self { clock_rate, run: Some(run), stray: None }
    }

    /// The highest sequence number so far, with its cycles; none before the first packet.
    #[must_use]
    pub fn highest(&self) -> Option<u32> {
        self.run.map(|run| run.highest.wrapping_sub(FIRST_CYCLE))
    }
}

impl Reception {
    /// Nothing has come yet from a source with this RTP clock.
    #[must_use]
    pub fn new(clock_rate: u32) -> Self {
        Self { clock_rate, run: None, stray: None }
    }

    /// As a value, for another process.
    #[must_use]
    pub fn saved(&self, now: Now) -> SavedReception {
        let shift =
            ticks(now.unix.as_micros(), self.clock_rate).wrapping_sub(self.clock(now.instant));
        let run =
            |run: ReceptionRun| ReceptionRun { transit: run.transit.wrapping_add(shift), ..run };
        SavedReception { clock_rate: self.clock_rate, run: self.run.map(run), stray: self.stray }
    }

    /// The one that was saved.
    #[must_use]
    pub fn restored(now: Now, saved: SavedReception) -> Self {
        let SavedReception { clock_rate, run, stray } = saved;
        let mut reception = Self { clock_rate, run, stray };
        let shift =
            reception.clock(now.instant).wrapping_sub(ticks(now.unix.as_micros(), clock_rate));
        if let Some(run) = &mut reception.run {
            run.transit = run.transit.wrapping_add(shift);
        }
        reception
    }

    /// Counts one packet. What it returns as doubles and strays must not be passed on.
    pub fn receive(&mut self, now: Instant, sequence: u16, timestamp: u32) -> PacketArrival {
        let transit = self.clock(now).wrapping_sub(timestamp);
        let Some(run) = &mut self.run else {
            self.run = Some(ReceptionRun::new(sequence, transit));
            return PacketArrival::First;
        };
        let ahead = sequence.wrapping_sub(run.highest as u16);
        if ahead != 0 && ahead < DROPOUT_MAX {
            self.stray = None;
            run.advance(ahead);
            run.measure(transit);
            return PacketArrival::Next { missing: ahead - 1 };
        }
        if ahead.wrapping_neg() <= MISORDER_MAX {
            return run.look_back(u32::from(ahead.wrapping_neg()));
        }
        if self.stray == Some(sequence) {
            self.stray = None;
            self.run = Some(ReceptionRun::new(sequence, transit));
            return PacketArrival::Restart;
        }
        self.stray = Some(sequence.wrapping_add(1));
        PacketArrival::Stray
    }

    /// The highest sequence number so far, with its cycles; none before the first packet.
    #[must_use]
    pub fn highest(&self) -> Option<u32> {
        self.run.as_ref().map(|run| run.highest.wrapping_sub(FIRST_CYCLE))
    }

    /// Packets that came, doubles left out.
    #[must_use]
    pub fn received(&self) -> u32 {
        self.run.as_ref().map_or(0, |run| run.received)
    }

    /// Packets that should have come.
    #[must_use]
    pub fn expected(&self) -> u32 {
        self.run.as_ref().map_or(0, ReceptionRun::expected)
    }

    /// The figures for a report block, and the beginning of the next interval; none before the
    /// first packet.
    pub fn report(&mut self) -> Option<Loss> {
        let run = self.run.as_mut()?;
        let expected = run.expected();
        let new_expected = expected.wrapping_sub(run.reported_expected);
        let new_received = run.received.wrapping_sub(run.reported_received);
        run.reported_expected = expected;
        run.reported_received = run.received;
        let lost = u64::from(new_expected.saturating_sub(new_received));
        let fraction = (lost << 8).checked_div(u64::from(new_expected)).unwrap_or(0);
        let cumulative = i64::from(expected) - i64::from(run.received);
        Some(Loss {
            fraction: u8::try_from(fraction).unwrap_or(u8::MAX),
            cumulative: cumulative.clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest: run.highest.wrapping_sub(FIRST_CYCLE),
            jitter: run.jitter >> 4,
        })
    }

    /// The moment on the source's clock, modulo 2^32.
    fn clock(&self, now: Instant) -> u32 {
        ticks(now.as_micros(), self.clock_rate)
    }
}

/// Ticks of a clock in so many µs, modulo 2^32.
fn ticks(micros: u64, clock_rate: u32) -> u32 {
    (u128::from(micros) * u128::from(clock_rate) / 1_000_000) as u32
}

impl ReceptionRun {
    fn new(sequence: u16, transit: u32) -> Self {
        let first = FIRST_CYCLE | u32::from(sequence);
        Self {
            first,
            highest: first,
            seen: 1,
            received: 1,
            reported_expected: 0,
            reported_received: 0,
            transit,
            jitter: 0,
        }
    }

    fn expected(&self) -> u32 {
        self.highest.wrapping_sub(self.first).wrapping_add(1)
    }

    fn advance(&mut self, ahead: u16) {
        self.highest = self.highest.wrapping_add(u32::from(ahead));
        self.seen = self.seen.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
        self.received = self.received.wrapping_add(1);
    }

    fn look_back(&mut self, behind: u32) -> PacketArrival {
        let bit = 1_u128 << (behind % WINDOW);
        if self.seen & bit != 0 {
            return PacketArrival::Duplicate;
        }
        self.seen |= bit;
        self.received = self.received.wrapping_add(1);
        // A packet that overtook the first one belongs to the run as well.
        self.first = self.first.min(self.highest.wrapping_sub(behind));
        PacketArrival::Late
    }

    fn measure(&mut self, transit: u32) {
        let change = transit.wrapping_sub(self.transit).cast_signed().unsigned_abs();
        self.transit = transit;
        // A jump of the timestamp, as at the switch of a source, is no jitter.
        if change < 1 << 24 {
            self.jitter = self.jitter + change - ((self.jitter + 8) >> 4);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;
    use proptest::prelude::*;

    fn feed(reception: &mut Reception, numbers: &[u16]) -> Vec<PacketArrival> {
        numbers.iter().map(|n| reception.receive(Instant::START, *n, 0)).collect()
    }

    #[test]
    fn another_process_goes_on_counting() {
        let at = |process_ms: u64, unix_ms: u64| Now {
            instant: Instant::from_micros(process_ms * 1000),
            unix: crate::time::UnixTime::from_micros(1_800_000_000_000_000 + unix_ms * 1000),
        };
        let mut reception = Reception::new(8000);
        for n in 0..50_u16 {
            let now = at(60_000 + u64::from(n) * 20, u64::from(n) * 20);
            reception.receive(now.instant, n, u32::from(n) * 160);
        }
        let saved = reception.saved(at(61_000, 1000));
        let mut later = Reception::restored(at(40, 1000), saved);
        assert_eq!(later.saved(at(40, 1000)), saved);
        let now = at(40, 1000).instant;
        assert_eq!(later.receive(now, 49, 49 * 160), PacketArrival::Duplicate);
        assert_eq!(later.receive(now, 52, 50 * 160), PacketArrival::Next { missing: 2 });
        let Some(loss) = later.report() else { panic!("packets came") };
        assert_eq!((loss.cumulative, loss.jitter), (2, 0), "by the clock of people it was in time");
    }

    #[test]
    fn numbers_go_on_over_the_edge_of_sixteen_bits() {
        assert!(is_later(2, 65_530) && !is_later(65_530, 2) && !is_later(7, 7));
        assert_eq!(later_by(65_530, 2), -8);
        let mut reception = Reception::new(8000);
        feed(&mut reception, &[65_534, 65_535, 0, 1]);
        assert_eq!(reception.expected(), 4);
        assert_eq!(reception.report().unwrap().highest, 0x1_0001);
        assert_eq!(reception.report().unwrap().cumulative, 0);
    }

    #[test]
    fn late_packets_and_doubles_are_told_apart() {
        let mut reception = Reception::new(8000);
        let arrivals = feed(&mut reception, &[10, 13, 11, 11, 13, 9, 10]);
        assert_eq!(
            arrivals,
            [
                PacketArrival::First,
                PacketArrival::Next { missing: 2 },
                PacketArrival::Late,
                PacketArrival::Duplicate,
                PacketArrival::Duplicate,
                PacketArrival::Late,
                PacketArrival::Duplicate,
            ]
        );
        assert_eq!((reception.expected(), reception.received()), (5, 4));
    }

    #[test]
    fn a_report_covers_the_time_since_the_one_before() {
        let mut reception = Reception::new(8000);
        assert_eq!(reception.report(), None);
        feed(&mut reception, &[1, 2, 5, 6]);
        let report = reception.report().unwrap();
        assert_eq!((report.fraction, report.cumulative), (85, 2));
        feed(&mut reception, &[7, 8]);
        let report = reception.report().unwrap();
        assert_eq!((report.fraction, report.cumulative), (0, 2));
    }

    #[test]
    fn one_stray_packet_changes_nothing_and_two_in_a_row_are_a_restart() {
        let mut reception = Reception::new(8000);
        let arrivals = feed(&mut reception, &[1, 30_000, 2, 40_000, 40_001, 40_002]);
        assert_eq!(arrivals[1], PacketArrival::Stray);
        assert_eq!(arrivals[2], PacketArrival::Next { missing: 0 });
        assert_eq!(
            arrivals[3..],
            [PacketArrival::Stray, PacketArrival::Restart, PacketArrival::Next { missing: 0 }]
        );
        assert_eq!(reception.expected(), 2);
    }

    #[test]
    fn jitter_follows_the_formula_and_a_steady_source_has_none() {
        let mut reception = Reception::new(8000);
        let at = |ms| Instant::START + Duration::from_millis(ms);
        for n in 0..50_u16 {
            reception.receive(at(u64::from(n) * 20), n, u32::from(n) * 160);
        }
        assert_eq!(reception.report().unwrap().jitter, 0);
        // Every other packet 10 ms late: the estimate settles at 80 units.
        for n in 50..400_u16 {
            let late = u64::from(n % 2) * 10;
            reception.receive(at(u64::from(n) * 20 + late), n, u32::from(n) * 160);
        }
        assert!((75..=80).contains(&reception.report().unwrap().jitter));
    }

    proptest! {
        #[test]
        fn no_order_of_packets_makes_it_panic(
            packets in prop::collection::vec((any::<u64>(), any::<u16>(), any::<u32>()), 0..300),
            near in prop::collection::vec(0_u16..300, 0..300),
        ) {
            let mut reception = Reception::new(90_000);
            for (now, sequence, timestamp) in packets {
                reception.receive(Instant::from_micros(now), sequence, timestamp);
                reception.report();
            }
            let mut reception = Reception::new(8000);
            feed(&mut reception, &near);
            prop_assert!(reception.received() <= reception.expected());
        }
    }
}
