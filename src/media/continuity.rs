//! One outgoing stream: one SSRC, and no seam at a switch (RFC 3550 §5.1).
//!
//! ```text
//!   source A   … 41 42 43 │
//!   source B              │ 900 901 903 902 …     a late 899 is dropped
//!   sent       … 17 18 19 │  20  21  23  22 …     offset −880
//! ```
//!
//! At a cut the next sequence number follows the last one, and the timestamp grows by the time that
//! has passed, at least one frame. Within a source both keep a constant offset, so that its gaps and
//! its order arrive as they are and the receiver's loss statistics stay true.
//!
//! One SSRC has one clock (RFC 7160 §4.1). Where a codec with another cannot be kept away, a new SSRC begins,
//! with numbers of its own.

use crate::time::{Duration, Instant, Now, UnixTime};

/// A jump further ahead than this is a new stream (RFC 3550 A.1, MAX_DROPOUT).
const SEQUENCE_AHEAD_MAX: i64 = 3000;
/// A packet further behind than this is a new stream (RFC 3550 A.1, MAX_MISORDER).
const SEQUENCE_BEHIND_MAX: i64 = 100;
/// No larger gap is left for what was lost: it would be a new stream itself.
const LOST_MAX: u16 = SEQUENCE_AHEAD_MAX as u16;
/// A timestamp further ahead of the clock than this is a new stream.
const TIMESTAMP_AHEAD_MAX: Duration = Duration::from_secs(5);
/// A timestamp further behind the last than this is a new stream; frames sent out of order are not.
const TIMESTAMP_BEHIND_MAX: Duration = Duration::from_millis(500);

/// The numbers of an arriving packet, and how its clock runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Numbers {
    /// The source's SSRC.
    pub ssrc: u32,
    /// The source's sequence number.
    pub sequence: u16,
    /// The source's timestamp.
    pub timestamp: u32,
    /// Ticks of the timestamp in a second.
    pub clock_rate: u32,
    /// Ticks of one frame: what a switch adds at least.
    pub frame: u32,
    /// Whether the timestamp is that of an event's beginning, which audio may have overtaken.
    pub event: bool,
}

/// Where a packet stands in the outgoing stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct StreamPosition {
    /// Its sequence number.
    pub sequence: u16,
    /// Its timestamp.
    pub timestamp: u32,
    /// Whether it is the first after a switch.
    pub first: bool,
}

/// The numbering of one outgoing stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Continuity<At = Instant> {
    /// Under which it is sent.
    pub ssrc: u32,
    /// Ticks in a second of all that was sent under this SSRC; none before the first packet.
    pub clock_rate: Option<u32>,
    /// The sequence numbers that are used up.
    pub given: Given,
    /// The highest timestamp sent, and when; `None` before the first packet.
    pub anchor: Option<(u32, At)>,
    /// The timestamp of the first packet.
    pub first_timestamp: u32,
    /// Whose packets go out.
    pub feed: NumberingSource<At>,
}

/// The same, to be put back in another process.
pub type SavedNumbering = Continuity<UnixTime>;

/// Which of the last sequence numbers were given away under this SSRC. One that went to two packets would
/// seal both with one key stream (RFC 3711 §9.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Given {
    /// The highest; of a stream that has sent nothing, the one before its first.
    pub highest: u16,
    /// Bit n stands for the number n below it.
    pub below: u128,
}

impl Given {
    /// The first number that is behind all others.
    fn next(&self) -> u16 {
        self.highest.wrapping_add(1)
    }

    /// Gives that one away.
    fn give_next(&mut self) -> u16 {
        let next = self.next();
        self.give(next);
        next
    }

    /// Gives a number away; false when that was done before, or is too long ago to tell.
    fn give(&mut self, sequence: u16) -> bool {
        let ahead = sequence.wrapping_sub(self.highest).cast_signed();
        if ahead > 0 {
            self.highest = sequence;
            self.below = self.below.checked_shl(u32::from(ahead.unsigned_abs())).unwrap_or(0) | 1;
            return true;
        }
        let bit = 1_u128.checked_shl(u32::from(ahead.unsigned_abs())).unwrap_or(0);
        let is_free = self.below & bit == 0 && bit != 0;
        self.below |= bit;
        is_free
    }
}

/// Whose packets go out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NumberingSource<At = Instant> {
    /// The next packet begins a new source.
    Cut,
    /// Packets that the relay makes itself follow each other.
    Made,
    /// A source passes.
    Passing(Splice<At>),
}

/// How a source's numbers become ours. Sequence numbers are counted on beyond 16 bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Splice<At = Instant> {
    /// The source.
    pub ssrc: u32,
    /// The first number that belongs to this splice; what comes late from before it is dropped.
    pub first: i64,
    /// The highest one that came.
    pub highest: i64,
    /// What our sequence numbers are ahead of the source's.
    pub sequence_offset: u16,
    /// What our timestamps are ahead of the source's.
    pub timestamp_offset: u32,
    /// The source's last timestamp in order, and when it came.
    pub last: (u32, At),
}

impl<At: Copy> Continuity<At> {
    /// A stream that has sent nothing, with numbers that lie scattered behind this one.
    #[must_use]
    pub fn scattered(number: u32) -> Self {
        let [ssrc, sequence, timestamp] = [1, 2, 3].map(|n| scatter(number, n));
        Self {
            ssrc,
            clock_rate: None,
            // RFC 3711 §3.3.1: a receiver that misses the first packets must not miss a rollover.
            given: Given { highest: sequence as u16 & 0x7fff, below: 0 },
            anchor: None,
            first_timestamp: timestamp,
            feed: NumberingSource::Cut,
        }
    }

    /// The same by another clock.
    fn by<To>(self, clock: impl Fn(At) -> To) -> Continuity<To> {
        let feed = match self.feed {
            NumberingSource::Cut => NumberingSource::Cut,
            NumberingSource::Made => NumberingSource::Made,
            NumberingSource::Passing(splice) => {
                let Splice { ssrc, first, highest, sequence_offset, timestamp_offset, last } =
                    splice;
                let last = (last.0, clock(last.1));
                NumberingSource::Passing(Splice {
                    ssrc,
                    first,
                    highest,
                    sequence_offset,
                    timestamp_offset,
                    last,
                })
            }
        };
        let Self { ssrc, clock_rate, given, first_timestamp, .. } = self;
        let anchor = self.anchor.map(|(timestamp, at)| (timestamp, clock(at)));
        Continuity { ssrc, clock_rate, given, anchor, first_timestamp, feed }
    }
}

impl Continuity {
    /// A stream that has sent nothing; its numbers start anywhere (RFC 3550 §5.1).
    #[must_use]
    pub fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            clock_rate: None,
            given: Given { highest: sequence, below: 0 },
            anchor: None,
            first_timestamp: timestamp,
            feed: NumberingSource::Cut,
        }
    }

    /// As a value, for another process.
    #[must_use]
    pub fn saved(&self, now: Now) -> SavedNumbering {
        self.by(|at| now.unix_of(at))
    }

    /// The one that was saved: its clock has gone on meanwhile, also before this process began.
    #[must_use]
    pub fn restored(now: Now, saved: SavedNumbering) -> Self {
        let mut stream = saved.by(|at| now.instant_of(at));
        if let (Some((_, then)), Some((timestamp, at))) = (saved.anchor, &mut stream.anchor) {
            let before_start = now.unix.since(then).saturating_sub(now.instant.since(*at));
            let clock_rate = saved.clock_rate.unwrap_or_default();
            *timestamp = timestamp.wrapping_add(ticks(before_start, clock_rate));
        }
        stream
    }

    /// The SSRC, as long as the clock is the same.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Ticks in a second of what was sent last; none before the first packet.
    #[must_use]
    pub fn clock_rate(&self) -> Option<u32> {
        self.clock_rate
    }

    /// When the stream last advanced.
    #[must_use]
    pub fn advanced_at(&self) -> Option<Instant> {
        self.anchor.map(|(_, at)| at)
    }

    /// The next packet begins a new source.
    pub fn cut(&mut self) {
        self.feed = NumberingSource::Cut;
    }

    /// Whether packets of the source that this one is from pass as they are, under a clock that it shares.
    #[must_use]
    pub fn is_passed(&self, packet: &Numbers) -> bool {
        let is_its = match self.feed {
            NumberingSource::Passing(splice) => splice.ssrc == packet.ssrc,
            NumberingSource::Cut | NumberingSource::Made => false,
        };
        is_its && self.clock_rate == Some(packet.clock_rate)
    }

    /// What our timestamps are ahead of those of the source with this SSRC, while it passes.
    #[must_use]
    pub fn timestamp_offset(&self, ssrc: u32) -> Option<u32> {
        match self.feed {
            NumberingSource::Passing(splice) if splice.ssrc == ssrc => {
                Some(splice.timestamp_offset)
            }
            NumberingSource::Passing(_) | NumberingSource::Cut | NumberingSource::Made => None,
        }
    }

    /// Our timestamp at `now`, for a report.
    #[must_use]
    pub fn timestamp_at(&self, now: Instant, clock_rate: u32) -> u32 {
        match self.anchor {
            Some((timestamp, at)) => timestamp.wrapping_add(ticks(now.since(at), clock_rate)),
            None => self.first_timestamp,
        }
    }

    /// The clock of what comes next.
    fn tick_by(&mut self, clock_rate: u32) {
        let before = self.clock_rate.replace(clock_rate);
        if before.is_some_and(|before| before != clock_rate) {
            *self = Self { clock_rate: Some(clock_rate), ..Self::scattered(self.ssrc) };
        }
    }

    /// Places a packet of the source; `None` when it comes too late to have a place, or has had it.
    pub fn pass(&mut self, now: Instant, packet: Numbers) -> Option<StreamPosition> {
        self.tick_by(packet.clock_rate);
        let place = self.place(now, packet)?;
        if !self.given.give(place.sequence) {
            return None;
        }
        if self.anchor.is_none_or(|(last, _)| distance(last, place.timestamp) > 0) {
            self.anchor = Some((place.timestamp, now));
        }
        Some(place)
    }

    /// Closes the gap that a packet of the source leaves which is not sent on.
    pub fn skip(&mut self, sequence: u16) {
        if let NumberingSource::Passing(splice) = &mut self.feed {
            let number = splice.extend(sequence);
            if number > splice.highest {
                splice.highest = number;
                splice.first = number + 1;
                splice.sequence_offset = splice.sequence_offset.wrapping_sub(1);
            }
        }
    }

    /// Places a packet of our own in front of the next packet of the source, under its timestamp; `None` where
    /// that was overtaken: in front of it there is no room.
    pub fn insert_before(&mut self, now: Instant, packet: Numbers) -> Option<StreamPosition> {
        let overtaken = match &self.feed {
            NumberingSource::Passing(splice) if splice.ssrc == packet.ssrc => {
                let behind = splice.highest - splice.extend(packet.sequence);
                (1..=SEQUENCE_BEHIND_MAX).contains(&behind)
            }
            NumberingSource::Passing(_) | NumberingSource::Cut | NumberingSource::Made => false,
        };
        if overtaken {
            return None;
        }
        let place = self.pass(now, packet)?;
        if let NumberingSource::Passing(splice) = &mut self.feed {
            // The source's packet takes the number after the one that was just given away.
            splice.sequence_offset = splice.sequence_offset.wrapping_add(1);
            splice.first = splice.highest;
            splice.highest -= 1;
        }
        Some(place)
    }

    /// Places a packet that carries what a source sent in another packing: under the source's
    /// timestamp, and with the next number of ours, behind so many that stand for what was lost.
    pub fn follow(&mut self, now: Instant, packet: Numbers, lost: u16) -> StreamPosition {
        self.tick_by(packet.clock_rate);
        let place = match &mut self.feed {
            NumberingSource::Passing(splice)
                if splice.ssrc == packet.ssrc && !splice.clock_jumps(now, packet) =>
            {
                let sequence = self.given.next().wrapping_add(lost.min(LOST_MAX));
                // A packet that passes as it is may come next.
                let number = splice.extend(packet.sequence);
                (splice.first, splice.highest) = (number, number);
                splice.sequence_offset = sequence.wrapping_sub(packet.sequence);
                splice.last = (packet.timestamp, now);
                let timestamp = packet.timestamp.wrapping_add(splice.timestamp_offset);
                StreamPosition { sequence, timestamp, first: false }
            }
            NumberingSource::Passing(_) | NumberingSource::Cut | NumberingSource::Made => {
                self.splice(now, packet)
            }
        };
        self.given.give(place.sequence);
        if self.anchor.is_none_or(|(last, _)| distance(last, place.timestamp) > 0) {
            self.anchor = Some((place.timestamp, now));
        }
        place
    }

    /// Places a packet that the relay makes itself, `frame` ticks after the one before.
    pub fn make(&mut self, now: Instant, clock_rate: u32, frame: u32) -> StreamPosition {
        self.tick_by(clock_rate);
        let first = !matches!(self.feed, NumberingSource::Made);
        let timestamp = match (self.anchor, first) {
            (None, _) => self.first_timestamp,
            (Some(_), true) => self.after_switch(now, clock_rate, frame),
            (Some((last, _)), false) => last.wrapping_add(frame),
        };
        self.feed = NumberingSource::Made;
        self.anchor = Some((timestamp, now));
        StreamPosition { sequence: self.given.give_next(), timestamp, first }
    }

    /// Places a packet that the relay makes itself and that belongs to a timestamp already sent.
    pub fn append(&mut self, timestamp: u32) -> StreamPosition {
        if let NumberingSource::Passing(splice) = &mut self.feed {
            // The source goes on behind this number; what comes late from before it has none any more.
            splice.sequence_offset = splice.sequence_offset.wrapping_add(1);
            splice.first = splice.highest + 1;
        }
        StreamPosition { sequence: self.given.give_next(), timestamp, first: false }
    }

    /// The time, by the clock of this stream, at which a key goes down beside packets that the relay makes,
    /// which it does not disturb.
    #[must_use]
    pub fn key_time(&self, now: Instant) -> u32 {
        match self.clock_rate {
            Some(clock_rate) => self.after_switch(now, clock_rate, clock_rate / 50),
            None => self.first_timestamp,
        }
    }

    fn place(&mut self, now: Instant, packet: Numbers) -> Option<StreamPosition> {
        match &mut self.feed {
            NumberingSource::Passing(splice) if splice.ssrc == packet.ssrc => {
                let number = splice.extend(packet.sequence);
                let ahead = number - splice.highest;
                if !(-SEQUENCE_BEHIND_MAX..=SEQUENCE_AHEAD_MAX).contains(&ahead) {
                    // The port lets a stray number through only when the next one confirms it.
                    return Some(self.splice(now, packet));
                }
                if ahead > 0 && !packet.event && splice.clock_jumps(now, packet) {
                    return Some(self.splice(now, packet));
                }
                if number < splice.first {
                    return None;
                }
                let sequence = packet.sequence.wrapping_add(splice.sequence_offset);
                if ahead > 0 {
                    splice.highest = number;
                    if !packet.event {
                        splice.last = (packet.timestamp, now);
                    }
                }
                let timestamp = packet.timestamp.wrapping_add(splice.timestamp_offset);
                Some(StreamPosition { sequence, timestamp, first: false })
            }
            NumberingSource::Passing(_) | NumberingSource::Cut | NumberingSource::Made => {
                Some(self.splice(now, packet))
            }
        }
    }

    /// Begins a source with this packet.
    fn splice(&mut self, now: Instant, packet: Numbers) -> StreamPosition {
        let timestamp = match self.anchor {
            None => self.first_timestamp,
            Some(_) => self.after_switch(now, packet.clock_rate, packet.frame),
        };
        let (sequence, number) = (self.given.next(), i64::from(packet.sequence));
        self.feed = NumberingSource::Passing(Splice {
            ssrc: packet.ssrc,
            first: number,
            highest: number,
            sequence_offset: sequence.wrapping_sub(packet.sequence),
            timestamp_offset: timestamp.wrapping_sub(packet.timestamp),
            last: (packet.timestamp, now),
        });
        StreamPosition { sequence, timestamp, first: true }
    }

    fn after_switch(&self, now: Instant, clock_rate: u32, frame: u32) -> u32 {
        let (last, at) = self.anchor.unwrap_or((self.first_timestamp, now));
        last.wrapping_add(ticks(now.since(at), clock_rate).max(frame))
    }
}

impl Splice {
    /// The sequence number counted on, nearest to the highest so far.
    fn extend(&self, sequence: u16) -> i64 {
        let ahead = sequence.wrapping_sub(self.highest as u16).cast_signed();
        self.highest + i64::from(ahead)
    }

    fn clock_jumps(&self, now: Instant, packet: Numbers) -> bool {
        let (last, at) = self.last;
        let grown = i64::from(distance(last, packet.timestamp));
        let clock = |span| i64::from(ticks(span, packet.clock_rate));
        grown > clock(now.since(at) + TIMESTAMP_AHEAD_MAX) || grown < -clock(TIMESTAMP_BEHIND_MAX)
    }
}

/// Ticks of a clock in a time; a clock that has run around shows where it stands.
#[must_use]
pub fn ticks(span: Duration, clock_rate: u32) -> u32 {
    (span.as_micros() * u128::from(clock_rate) / 1_000_000) as u32
}

/// Another number, by the finaliser of MurmurHash3: no two SSRCs come to the same, and none to itself soon.
fn scatter(number: u32, n: u32) -> u32 {
    let mut number = number.wrapping_add(n.wrapping_mul(0x9e37_79b9));
    number = (number ^ (number >> 16)).wrapping_mul(0x85eb_ca6b);
    number = (number ^ (number >> 13)).wrapping_mul(0xc2b2_ae35);
    number ^ (number >> 16)
}

/// How far `to` is ahead of `from` on a clock that wraps.
fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FRAME: u32 = 160;

    fn ms(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    fn audio(ssrc: u32, sequence: u16, timestamp: u32) -> Numbers {
        Numbers { ssrc, sequence, timestamp, clock_rate: 8000, frame: FRAME, event: false }
    }

    fn stream() -> Continuity {
        Continuity::new(1, 99, 1000)
    }

    fn now(process_ms: u64, unix_ms: u64) -> Now {
        let unix = UnixTime::from_micros(1_800_000_000_000_000 + unix_ms * 1000);
        Now { instant: ms(process_ms), unix }
    }

    #[test]
    fn a_stream_goes_on_in_a_process_that_began_later() {
        let mut stream = stream();
        assert_eq!(place(stream.pass(ms(60_000), audio(7, 500, 4000))), (100, 1000, true));
        let saved = stream.saved(now(60_000, 0));
        // Two seconds later; that process is one second old.
        let then = now(1000, 2000);
        let mut passing = Continuity::restored(then, saved);
        let next = place(passing.pass(then.instant, audio(7, 501, 4000 + 16_000)));
        assert_eq!(next, (101, 1000 + 16_000, false), "the same source");
        let mut other = Continuity::restored(then, saved);
        let next = place(other.pass(then.instant, audio(8, 9, 9)));
        assert_eq!(next, (101, 1000 + 16_000, true), "another, after so long");
        assert_eq!(other.timestamp_at(now(2000, 3000).instant, 8000), 1000 + 24_000);
    }

    fn place(place: Option<StreamPosition>) -> (u16, u32, bool) {
        let place = place.expect("the packet has a place");
        (place.sequence, place.timestamp, place.first)
    }

    #[test]
    fn a_switch_goes_on_where_the_old_source_stopped() {
        let mut stream = stream();
        assert_eq!(place(stream.pass(ms(0), audio(7, 40, 8000))), (100, 1000, true));
        assert_eq!(place(stream.pass(ms(20), audio(7, 41, 8160))), (101, 1160, false));
        stream.cut();
        assert_eq!(place(stream.pass(ms(50), audio(8, 900, 5))), (102, 1400, true));
        assert_eq!(place(stream.pass(ms(70), audio(8, 901, 165))), (103, 1560, false));
    }

    #[test]
    fn a_switch_within_one_frame_still_advances_by_a_frame() {
        let mut stream = stream();
        stream.pass(ms(0), audio(7, 40, 8000));
        stream.cut();
        assert_eq!(place(stream.pass(ms(1), audio(8, 900, 5))), (101, 1160, true));
    }

    #[test]
    fn gaps_and_order_of_a_source_are_kept() {
        let mut stream = stream();
        let sent = [65_535, 2, 1, 3]
            .map(|n| place(stream.pass(ms(0), audio(7, n, u32::from(n.wrapping_add(1)) * FRAME))));
        assert_eq!(sent.map(|(sequence, _, _)| sequence), [100, 103, 102, 104]);
        assert_eq!(sent.map(|(_, timestamp, _)| timestamp), [1000, 1480, 1320, 1640]);
    }

    #[test]
    fn a_packet_that_left_before_the_first_of_its_source_has_no_place() {
        let mut stream = stream();
        stream.pass(ms(0), audio(7, 40, 8000));
        stream.cut();
        stream.pass(ms(20), audio(8, 900, 5000));
        assert_eq!(stream.pass(ms(21), audio(8, 899, 4840)), None);
    }

    #[test]
    fn a_source_that_changes_its_ssrc_or_jumps_is_a_new_source() {
        for jump in
            [audio(8, 41, 8160), audio(7, 41, 4_000_000), audio(7, 41, 0), audio(7, 9000, 8160)]
        {
            let mut stream = stream();
            stream.pass(ms(0), audio(7, 40, 8000));
            assert_eq!(place(stream.pass(ms(20), jump)), (101, 1160, true), "{jump:?}");
        }
    }

    #[test]
    fn a_pause_that_the_source_counts_is_no_jump() {
        let mut stream = stream();
        stream.pass(ms(0), audio(7, 40, 8000));
        let after = audio(7, 41, 8000 + 60 * 8000);
        assert_eq!(place(stream.pass(ms(60_000), after)), (101, 1000 + 60 * 8000, false));
    }

    #[test]
    fn the_gap_of_a_packet_that_is_held_back_is_closed() {
        let mut stream = stream();
        stream.pass(ms(0), audio(7, 40, 8000));
        stream.skip(41);
        assert_eq!(stream.pass(ms(30), audio(7, 41, 8160)), None);
        assert_eq!(place(stream.pass(ms(40), audio(7, 42, 8320))), (101, 1320, false));
    }

    #[test]
    fn packets_in_front_of_a_key_frame_take_no_number_twice() {
        let mut stream = stream();
        stream.pass(ms(0), audio(7, 40, 8000));
        let key = audio(7, 42, 8160);
        let sets = [stream.insert_before(ms(20), key), stream.insert_before(ms(20), key)];
        assert_eq!(sets.map(|set| place(set).0), [102, 103]);
        assert_eq!(place(stream.pass(ms(20), key)), (104, 1160, false));
        assert_eq!(stream.pass(ms(20), audio(7, 41, 8000)), None);
        assert_eq!(place(stream.pass(ms(40), audio(7, 43, 8320))), (105, 1320, false));
    }

    #[test]
    fn our_own_packets_follow_each_other_and_live_ones() {
        let mut stream = stream();
        stream.pass(ms(0), audio(7, 40, 8000));
        let made = [ms(100), ms(125)].map(|now| stream.make(now, 8000, FRAME));
        assert_eq!(
            made.map(|p| (p.sequence, p.timestamp, p.first)),
            [(101, 1800, true), (102, 1960, false)]
        );
        assert_eq!(place(stream.pass(ms(145), audio(7, 45, 8800))), (103, 2120, true));
    }

    #[test]
    fn another_clock_begins_another_stream_and_the_same_one_none() {
        let mut stream = stream();
        stream.pass(ms(0), audio(7, 40, 8000));
        stream.cut();
        let wide = Numbers { clock_rate: 48_000, frame: 960, ..audio(8, 900, 5) };
        let first = place(stream.pass(ms(20), wide));
        let ssrc = stream.ssrc();
        assert_ne!(ssrc, 1);
        assert!(first.0 < 0x8000 && first.2);
        stream.cut();
        let made = stream.make(ms(40), 48_000, 960);
        assert_eq!((made.sequence, made.timestamp), (first.0 + 1, first.1.wrapping_add(960)));
        assert_eq!(stream.ssrc(), ssrc);
        stream.make(ms(60), 8000, FRAME);
        assert!(![1, ssrc].contains(&stream.ssrc()));
    }

    #[test]
    fn an_event_keeps_the_timestamp_of_its_beginning() {
        let mut stream = stream();
        stream.pass(ms(0), audio(7, 40, 8000));
        stream.pass(ms(20), audio(7, 41, 8160));
        let event = Numbers { event: true, ..audio(7, 42, 8000) };
        assert_eq!(place(stream.pass(ms(40), event)), (102, 1000, false));
        assert_eq!(place(stream.pass(ms(60), audio(7, 43, 8480))), (103, 1480, false));
    }

    #[test]
    fn a_packet_of_our_own_between_those_of_a_source_takes_no_number_of_theirs() {
        let mut stream = stream();
        stream.pass(ms(0), audio(7, 10, 8000));
        assert_eq!(stream.append(1160).sequence, 101);
        assert_eq!(place(stream.pass(ms(20), audio(7, 11, 8160))).0, 102);
        assert_eq!(stream.pass(ms(20), audio(7, 10, 8000)), None);
        assert_eq!(stream.pass(ms(20), audio(7, 11, 8160)), None, "twice");
    }

    /// Whoever numbers packets of nothing far apart goes on under numbers that rise.
    #[test]
    fn however_many_are_lost_the_next_number_is_a_later_one() {
        let mut stream = stream();
        stream.follow(ms(0), audio(7, 10, 8000), 0);
        let next = stream.follow(ms(20), audio(7, 11, 8160), u16::MAX).sequence;
        assert_eq!(next, 101 + LOST_MAX);
        assert_eq!(place(stream.pass(ms(40), audio(7, 12, 8320))).0, next + 1);
    }

    #[test]
    fn a_key_beside_a_converted_voice_is_timed_by_the_clock_of_the_voice() {
        let mut stream = stream();
        assert_eq!(stream.key_time(ms(0)), 1000);
        stream.make(ms(0), 8000, FRAME);
        assert_eq!(stream.key_time(ms(5)), 1160);
        assert_eq!(stream.key_time(ms(2000)), 1000 + 16_000);
    }

    proptest! {
        /// Whatever comes in whatever order, no two packets under one SSRC have one number.
        #[test]
        fn no_number_is_given_twice(
            packets in prop::collection::vec((0..30_u16, 0..2_u32, 0..20_u8), 0..300),
        ) {
            let (mut stream, mut given, mut now) = (stream(), std::collections::BTreeSet::new(), 0);
            for (ahead, ssrc, what) in packets {
                now += 5;
                let sequence = (now / 20) as u16 + ahead;
                let packet = Numbers {
                    event: what == 1,
                    ..audio(ssrc, sequence, u32::from(sequence) * FRAME)
                };
                let place = match what {
                    0 => { stream.skip(sequence); None }
                    1..3 => Some(stream.append(8000)),
                    3 => stream.insert_before(ms(now), packet),
                    4 => { stream.cut(); None }
                    5 => Some(stream.make(ms(now), 8000, FRAME)),
                    6 => Some(stream.make(ms(now), 48_000, 960)),
                    7 => Some(stream.follow(ms(now), packet, ahead % 3)),
                    8.. => stream.pass(ms(now), packet),
                };
                if let Some(place) = place {
                    let number = (stream.ssrc(), place.sequence);
                    prop_assert!(given.insert(number), "{number:?} twice");
                }
            }
        }

        /// Sources in good order, with pauses and switches at any time.
        #[test]
        fn sequence_is_contiguous_and_time_never_runs_back(
            starts in prop::collection::vec((any::<u32>(), any::<u16>(), any::<u32>(), 0..20_u16), 1..100),
            pauses in prop::collection::vec(0..100_u64, 100),
        ) {
            let mut stream = Continuity::new(1, 65_500, u32::MAX - 10);
            let (mut now, mut last) = (Instant::START, None::<StreamPosition>);
            for ((ssrc, sequence, timestamp, packets), pause) in starts.into_iter().zip(pauses) {
                now = now + Duration::from_millis(pause);
                stream.cut();
                for n in 0..packets {
                    let packet = audio(ssrc, sequence.wrapping_add(n), timestamp.wrapping_add(u32::from(n) * FRAME));
                    let place = stream.pass(now, packet).expect("nothing comes late here");
                    if let Some(last) = last {
                        prop_assert_eq!(place.sequence, last.sequence.wrapping_add(1));
                        prop_assert!(distance(last.timestamp, place.timestamp) >= FRAME.cast_signed());
                    }
                    prop_assert_eq!(place.first, n == 0);
                    last = Some(place);
                    now = now + Duration::from_millis(20);
                }
            }
        }

        #[test]
        fn hostile_numbers_neither_panic_nor_change_the_ssrc(
            packets in prop::collection::vec((0..3_u32, any::<u16>(), any::<u32>(), 0..5_u8), 0..200),
        ) {
            let mut stream = stream();
            for (ssrc, sequence, timestamp, what) in packets {
                let packet = audio(ssrc, sequence, timestamp);
                match what {
                    0 => stream.skip(sequence),
                    1 => { stream.insert_before(ms(5), packet); }
                    2 => stream.cut(),
                    3.. => { stream.pass(ms(5), packet); }
                }
            }
            prop_assert_eq!(stream.ssrc(), 1);
        }
    }
}
