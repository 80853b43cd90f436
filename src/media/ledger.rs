//! The ledger of the relay: what changes with each packet of a port, in 64 bytes, for a process that goes on
//! after this one. One file holds it whole:
//!
//! ```text
//!   head   format, generation, how many slots, boot, when written       64 bytes
//!   hand   what is being looked after: a call, something else, nothing   64
//!   slot   port, SSRC, numbers, clock, counts, indices of SRTP          64 for each open port
//!   …
//! ```
//!
//! It is written several times a second, always from its beginning, and a process may end in the middle of it. A
//! slot says which writing it belongs to: those of the last one and of the last one that was finished are good,
//! what is older is left out. Each has a checksum. Whatever the bytes are, what can be read of them is read.
//!
//! What was sent after a slot was written nobody knows. Sequence numbers go on ahead of what that can be; sealed
//! packets go no further ahead of the file than [`INDICES_AHEAD`], and indices go on behind that.

use crate::ids::{CallId, PortId};
use crate::srtp::INDICES_AHEAD;
use crate::time::{Duration, UnixTime};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Of a head, and of a slot.
const LINE: usize = 64;
/// Where it stands what is in hand.
const HAND_AT: usize = LINE;
/// Where the slots begin.
const SLOTS_AT: usize = 2 * LINE;
const MAGIC: [u8; 8] = *b"crdledgr";
/// Of what is written here.
const VERSION: u16 = 1;
/// The most slots that are read: one for each stream, of which two may share a port and the number above (BUNDLE).
const SLOTS_MAX: usize = 1 << 16;
/// 48 bits.
const INDEX_MAX: u64 = (1 << 48) - 1;
/// The highest number of a port.
const PORT_MAX: u64 = u16::MAX as u64;

/// Which start of the machine it is, as the kernel says.
pub type MachineBoot = [u8; 16];

/// What one port has sent and heard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LedgerSlot {
    /// The port.
    pub port: PortId,
    /// When this was so.
    pub written: UnixTime,
    /// Under which it sends.
    pub ssrc: u32,
    /// Ticks in a second of what it sends; none before the first packet.
    pub clock_rate: Option<u32>,
    /// The highest sequence number that it has sent, or the one before its first.
    pub sequence: u16,
    /// The highest timestamp that it has sent, or its first one.
    pub timestamp: u32,
    /// When that was sent; none before the first packet.
    pub sent: Option<UnixTime>,
    /// It gets the packets of its source.
    pub is_live: bool,
    /// Packets that it has sent.
    pub packets: u32,
    /// Bytes of their payload.
    pub octets: u32,
    /// How far the keys of what it sends are used; none where nothing is sealed, or nobody knows.
    pub sealed: Option<SealedSlot>,
    /// What its peer sends.
    pub peer: Option<PeerSlot>,
}

/// How far the keys of one direction are used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SealedSlot {
    /// Which keys ([`MasterKey::mark`](crate::srtp::MasterKey::mark)).
    pub mark: u32,
    /// The highest index of RTP: rollovers and sequence number.
    pub index: u64,
    /// The last index of RTCP.
    pub rtcp_index: u32,
}

/// What a peer sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PeerSlot {
    /// Under which.
    pub ssrc: u32,
    /// The highest sequence number that came, with its rollovers: where it is sealed, the index of SRTP.
    pub highest: u64,
    /// The place of its payload type among the plan's formats.
    pub format: u8,
    /// Which keys it is sealed with, and the last index of RTCP that came.
    pub sealed: Option<(u32, u32)>,
}

/// What is said of all slots, from one writing to the next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LedgerHead {
    boot: MachineBoot,
    generation: u16,
    /// The last one that was finished.
    finished: (u16, UnixTime),
}

impl LedgerHead {
    /// Nothing has been written in this process.
    #[must_use]
    pub fn new(boot: MachineBoot) -> Self {
        Self { boot, generation: 0, finished: (0, UnixTime::default()) }
    }

    /// A head that goes on from a file that is there: none of its slots is taken for one of ours.
    #[must_use]
    pub fn following(boot: MachineBoot, ledger: &RelayLedger) -> Self {
        Self { boot, generation: ledger.generation, finished: ledger.finished }
    }

    /// Begins a file in this buffer.
    pub fn begin(&mut self, buffer: &mut Vec<u8>) {
        self.generation = self.generation.wrapping_add(1);
        buffer.clear();
        buffer.resize(SLOTS_AT, 0);
    }

    /// Adds a slot.
    pub fn add(&self, slot: &LedgerSlot, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(&slot.print(self.generation));
    }

    /// Ends it.
    pub fn end(&self, now: UnixTime, in_hand: Handling, buffer: &mut [u8]) {
        let slots = (buffer.len() / LINE).saturating_sub(SLOTS_AT / LINE);
        let Some((head, rest)) = buffer.split_first_chunk_mut::<LINE>() else { return };
        let mut print = FieldPrinter::new(head);
        print.put(MAGIC);
        print.put(VERSION.to_le_bytes());
        print.put(self.generation.to_le_bytes());
        print.put(u32::try_from(slots).unwrap_or(u32::MAX).to_le_bytes());
        print.put(self.boot);
        print.put(now.as_micros().to_le_bytes());
        print.put(self.finished.0.to_le_bytes());
        print.put(self.finished.1.as_micros().to_le_bytes());
        print.seal();
        if let Some(hand) = rest.first_chunk_mut::<LINE>() {
            *hand = Self::hand(in_hand).1;
        }
    }

    /// What is in hand, and where in the file it is written: beside the slots, at any time.
    #[must_use]
    pub fn hand(in_hand: Handling) -> (u64, [u8; LINE]) {
        let mut line = [0; LINE];
        let said = match in_hand {
            Handling::Nothing => None,
            Handling::Something => Some((0_u64, 1_u8)),
            Handling::Start => Some((0, 2)),
            Handling::Call(call) => Some((call.0, 0)),
        };
        if let Some((call, other)) = said {
            let mut print = FieldPrinter::new(&mut line);
            print.put(call.to_le_bytes());
            print.put([other]);
            print.seal();
        }
        (HAND_AT as u64, line)
    }

    /// What was begun last is in the file.
    pub fn is_written(&mut self, now: UnixTime) {
        self.finished = (self.generation, now);
    }
}

impl LedgerSlot {
    fn print(&self, generation: u16) -> [u8; LINE] {
        let mut bytes = [0; LINE];
        let mut print = FieldPrinter::new(&mut bytes);
        let rate = self.clock_rate.unwrap_or(0);
        // What was sent longer ago than the field can say was sent by a clock that has gone on since.
        let age = self.sent.map_or(Duration::ZERO, |sent| self.written.since(sent));
        let most = Duration::from_micros(u32::MAX.into());
        let older = age.saturating_sub(most);
        let timestamp =
            self.timestamp.wrapping_add((older.as_micros() * u128::from(rate) / 1_000_000) as u32);
        let format = self.peer.map_or(0, |peer| peer.format & 0x1f);
        let flags = u8::from(self.is_live)
            | u8::from(self.sent.is_some()) << 1
            | u8::from(self.peer.is_some()) << 2
            | format << 3;
        print.put((self.port.0.min(PORT_MAX) as u16).to_le_bytes());
        print.put(generation.to_le_bytes());
        print.put([flags]);
        print.put(first_of::<3>(rate.into()));
        print.put(self.ssrc.to_le_bytes());
        let index = self.sealed.map_or(u64::from(self.sequence), |sealed| sealed.index);
        print.put(first_of::<6>(index));
        print.put(timestamp.to_le_bytes());
        print.put((age.min(most).as_micros() as u32).to_le_bytes());
        print.put(self.packets.to_le_bytes());
        print.put(self.octets.to_le_bytes());
        let (mark, rtcp_index) =
            self.sealed.map_or((0, 0), |sealed| (sealed.mark, sealed.rtcp_index));
        print.put(rtcp_index.to_le_bytes());
        print.put(mark.to_le_bytes());
        let (ssrc, highest, sealed) =
            self.peer.map_or((0, 0, None), |peer| (peer.ssrc, peer.highest, peer.sealed));
        print.put(ssrc.to_le_bytes());
        print.put(first_of::<6>(highest.min(INDEX_MAX)));
        let (mark, rtcp_index) = sealed.unwrap_or_default();
        print.put(rtcp_index.to_le_bytes());
        print.put(mark.to_le_bytes());
        print.seal();
        bytes
    }

    /// A slot, and the writing that it belongs to; none where its checksum is wrong.
    fn parse(bytes: &[u8; LINE]) -> Option<(u16, Age, Self)> {
        let mut read = FieldReader::new(bytes)?;
        let port = PortId(read.number::<2>());
        let generation = read.number::<2>() as u16;
        let flags = read.number::<1>() as u8;
        let rate = read.number::<3>() as u32;
        let ssrc = read.number::<4>() as u32;
        let index = read.number::<6>();
        let timestamp = read.number::<4>() as u32;
        let age = Duration::from_micros(read.number::<4>());
        let (packets, octets) = (read.number::<4>() as u32, read.number::<4>() as u32);
        let (rtcp_index, mark) = (read.number::<4>() as u32, read.number::<4>() as u32);
        let sealed = SealedSlot { mark, index, rtcp_index };
        let (peer_ssrc, highest) = (read.number::<4>() as u32, read.number::<6>());
        let (rtcp_index, peer_mark) = (read.number::<4>() as u32, read.number::<4>() as u32);
        let peer = PeerSlot {
            ssrc: peer_ssrc,
            highest,
            format: flags >> 3,
            sealed: (peer_mark != 0).then_some((peer_mark, rtcp_index)),
        };
        // An odd one is a stream that the transport of the one below carries.
        if port.0 == 0 {
            return None;
        }
        let slot = Self {
            port,
            written: UnixTime::default(),
            ssrc,
            clock_rate: (rate != 0).then_some(rate),
            sequence: index as u16,
            timestamp,
            sent: None,
            is_live: flags & 1 != 0,
            packets,
            octets,
            sealed: (mark != 0).then_some(sealed),
            peer: (flags & 4 != 0).then_some(peer),
        };
        Some((generation, (flags & 2 != 0).then_some(age), slot))
    }
}

/// How long before the writing something was sent, if anything was.
type Age = Option<Duration>;

/// What a process is looking after: what was in hand when it ended may have ended it. Packets that pass are not
/// looked at one by one.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Handling {
    /// It sleeps, or lets packets pass.
    #[default]
    Nothing,
    /// Something of no call, or of several: a timer, a registration.
    Something,
    /// It has just started.
    Start,
    /// A message of this call.
    Call(CallId),
}

impl Handling {
    /// A message of this call, if it is of one.
    #[must_use]
    pub fn message_of(call: Option<CallId>) -> Self {
        call.map_or(Self::Something, Self::Call)
    }
}

/// A ledger that was read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RelayLedger {
    /// When it was written.
    pub written: UnixTime,
    /// What was in hand.
    pub in_hand: Handling,
    /// What is known of each port.
    pub slots: BTreeMap<PortId, LedgerSlot>,
    /// What cannot be used.
    pub left_out: LeftOut,
    generation: u16,
    /// The oldest writing of which slots are good.
    finished: (u16, UnixTime),
}

/// Slots that cannot be used, by reason.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LeftOut {
    /// Of an earlier writing, or not there: the last one was not finished.
    pub torn: usize,
    /// Of a port that has another one as good.
    pub doubled: usize,
    /// Their checksum is wrong, or they are of no port.
    pub broken: usize,
}

impl LeftOut {
    /// All of them.
    #[must_use]
    pub fn total(self) -> usize {
        let Self { torn, doubled, broken } = self;
        torn + doubled + broken
    }
}

/// Why a ledger says nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LedgerFault {
    /// It does not begin as a ledger.
    #[error("it is no ledger of the relay, or its beginning is damaged")]
    Foreign,
    /// Another release wrote it.
    #[error("it is of version {0}, and this release reads version {VERSION} only")]
    Version(u16),
    /// The machine has been started anew since.
    #[error("it is of another boot of this machine, or of another machine: its calls are over")]
    OtherBoot,
}

impl RelayLedger {
    /// Reads a ledger that was written since the machine was started.
    ///
    /// # Errors
    /// When nothing of it holds.
    pub fn parse(bytes: &[u8], boot: &MachineBoot) -> Result<Self, LedgerFault> {
        let head = bytes.first_chunk::<LINE>().ok_or(LedgerFault::Foreign)?;
        if head[..MAGIC.len()] != MAGIC {
            return Err(LedgerFault::Foreign);
        }
        let mut read = FieldReader::new(head);
        // Another version may have its checksum elsewhere.
        let version = u16::from_le_bytes([head[MAGIC.len()], head[MAGIC.len() + 1]]);
        if version != VERSION {
            return Err(LedgerFault::Version(version));
        }
        let read = read.as_mut().ok_or(LedgerFault::Foreign)?;
        read.number::<8>();
        read.number::<2>();
        let generation = read.number::<2>() as u16;
        let count = (read.number::<4>() as usize).min(SLOTS_MAX);
        if read.take::<16>() != *boot {
            return Err(LedgerFault::OtherBoot);
        }
        let written = UnixTime::from_micros(read.number::<8>());
        let finished = (read.number::<2>() as u16, UnixTime::from_micros(read.number::<8>()));
        let mut ledger = Self { written, generation, finished, ..Self::default() };
        let hand = bytes.get(HAND_AT..).and_then(|rest| rest.first_chunk::<LINE>());
        let hand =
            hand.filter(|line| line.iter().any(|byte| *byte != 0)).and_then(FieldReader::new);
        ledger.in_hand = hand.map_or(Handling::Nothing, |mut read| {
            match (read.number::<8>(), read.number::<1>()) {
                (call, 0) => Handling::Call(CallId(call)),
                (_, 2) => Handling::Start,
                (_, _) => Handling::Something,
            }
        });
        if ledger.take_slots(bytes.get(SLOTS_AT..).unwrap_or_default(), count) {
            ledger.finished = (generation, written);
        }
        Ok(ledger)
    }

    /// Whether all of them are of the last writing.
    fn take_slots(&mut self, bytes: &[u8], count: usize) -> bool {
        let finished = self.finished;
        let (lines, _cut_off) = bytes.as_chunks::<LINE>();
        self.left_out.torn = count.saturating_sub(lines.len());
        let mut is_whole = self.left_out.torn == 0;
        // By port, how many writings ago that was which is known of it; none where two say the same.
        let mut known: BTreeMap<PortId, Option<u16>> = BTreeMap::new();
        let unfinished = self.generation.wrapping_sub(finished.0);
        for line in lines.iter().take(count) {
            let Some((generation, age, mut slot)) = LedgerSlot::parse(line) else {
                self.left_out.broken += 1;
                continue;
            };
            let back = self.generation.wrapping_sub(generation);
            is_whole &= back == 0;
            if back > unfinished {
                self.left_out.torn += 1;
                continue;
            }
            slot.written = if back == 0 { self.written } else { finished.1 };
            slot.sent = age.map(|age| slot.written - age);
            match known.entry(slot.port) {
                Entry::Vacant(entry) => {
                    entry.insert(Some(back));
                    self.slots.insert(slot.port, slot);
                }
                Entry::Occupied(mut entry) => {
                    self.left_out.doubled += 1;
                    match entry.get() {
                        Some(known) if back < *known => {
                            entry.insert(Some(back));
                            self.slots.insert(slot.port, slot);
                        }
                        Some(known) if back == *known => {
                            self.left_out.doubled += 1;
                            entry.insert(None);
                            self.slots.remove(&slot.port);
                        }
                        Some(_) | None => {}
                    }
                }
            }
        }
        is_whole
    }
}

/// Sequence numbers that a stream may have used since its slot was written, at this rate, when the time is
/// over: more than that would be a new stream to its receivers (RFC 3550 A.1, MAX_DROPOUT).
#[must_use]
pub fn numbers_ahead(passed: Duration, packets_per_second: u32) -> u16 {
    /// With one for a packet that was under way, and room for those of the network's own losses.
    const AHEAD_MAX: u128 = 2_900;
    let packets = passed.as_micros() * u128::from(packets_per_second);
    packets.div_ceil(1_000_000).min(AHEAD_MAX) as u16
}

/// Indices by which a sealed stream goes on ahead of its slot.
pub const SEALED_AHEAD: u16 = INDICES_AHEAD as u16 + 1;

/// Writes fields one behind the other.
struct FieldPrinter<'a> {
    bytes: &'a mut [u8; LINE],
    at: usize,
}

impl<'a> FieldPrinter<'a> {
    fn new(bytes: &'a mut [u8; LINE]) -> Self {
        Self { bytes, at: 0 }
    }

    fn put<const N: usize>(&mut self, field: [u8; N]) {
        if let Some(place) = self.bytes.get_mut(self.at..self.at + N) {
            place.copy_from_slice(&field);
        }
        self.at += N;
    }

    fn seal(self) {
        let sum = checksum(self.bytes);
        if let Some(place) = self.bytes.last_chunk_mut() {
            *place = sum.to_le_bytes();
        }
    }
}

/// Reads them.
struct FieldReader<'a> {
    bytes: &'a [u8; LINE],
    at: usize,
}

impl<'a> FieldReader<'a> {
    /// None where the checksum is wrong.
    fn new(bytes: &'a [u8; LINE]) -> Option<Self> {
        let sum = bytes.last_chunk().map(|sum| u32::from_le_bytes(*sum));
        (sum == Some(checksum(bytes))).then_some(Self { bytes, at: 0 })
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        let field = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk());
        self.at += N;
        field.copied().unwrap_or([0; N])
    }

    fn number<const N: usize>(&mut self) -> u64 {
        self.take::<N>().iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

fn first_of<const N: usize>(number: u64) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.iter_mut().zip(number.to_le_bytes()).for_each(|(byte, from)| *byte = from);
    bytes
}

/// Of all that stands before it.
fn checksum(bytes: &[u8; LINE]) -> u32 {
    let (words, _none) = bytes.as_chunks::<8>();
    let last = words.len() - 1;
    let mut sum = 0x9e37_79b9_7f4a_7c15_u64;
    for (at, word) in words.iter().enumerate() {
        // In the last word it stands itself.
        let word = u64::from_le_bytes(*word) & if at == last { 0xffff_ffff } else { u64::MAX };
        sum = (sum ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
        sum ^= sum >> 32;
    }
    sum as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOOT: MachineBoot = *b"this boot of it.";
    const AT: UnixTime = UnixTime::from_secs(1_800_000_000);
    const HAND: Handling = Handling::Call(CallId(77));

    fn slot(port: u64, sequence: u16) -> LedgerSlot {
        LedgerSlot {
            port: PortId(port),
            written: AT,
            ssrc: 0xdead_beef,
            clock_rate: Some(48_000),
            sequence,
            timestamp: 123_456_789,
            sent: Some(AT - Duration::from_millis(20)),
            is_live: true,
            packets: 1000,
            octets: 160_000,
            sealed: Some(SealedSlot {
                mark: 7,
                index: 5 << 16 | u64::from(sequence),
                rtcp_index: 9,
            }),
            peer: Some(PeerSlot { ssrc: 3, highest: INDEX_MAX, format: 31, sealed: Some((8, 2)) }),
        }
    }

    fn plain(port: u64) -> LedgerSlot {
        let blank = LedgerSlot { sealed: None, peer: None, sent: None, ..slot(port, 0x1234) };
        LedgerSlot { clock_rate: None, is_live: false, ..blank }
    }

    /// A file of these slots, by the next writing of this head.
    fn file(head: &mut LedgerHead, at: UnixTime, slots: &[LedgerSlot]) -> Vec<u8> {
        let mut bytes = vec![1; 7];
        head.begin(&mut bytes);
        slots.iter().for_each(|slot| head.add(&LedgerSlot { written: at, ..*slot }, &mut bytes));
        head.end(at, HAND, &mut bytes);
        bytes
    }

    fn read(bytes: &[u8]) -> RelayLedger {
        RelayLedger::parse(bytes, &BOOT).unwrap()
    }

    fn ports(ledger: &RelayLedger) -> Vec<u64> {
        ledger.slots.keys().map(|port| port.0).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let peer = PeerSlot { sealed: None, ..slot(0, 0).peer.unwrap() };
        let slots =
            [slot(16_000, 65_535), plain(16_002), LedgerSlot { peer: Some(peer), ..plain(65_534) }];
        let bytes = file(&mut LedgerHead::new(BOOT), AT, &slots);
        assert_eq!(bytes.len(), 64 * 5);
        let ledger = read(&bytes);
        assert_eq!(ledger.slots.values().copied().collect::<Vec<_>>(), slots);
        assert_eq!((ledger.written, ledger.in_hand), (AT, HAND));
        assert_eq!(ledger.left_out, LeftOut::default());
        assert!(ports(&read(&file(&mut LedgerHead::new(BOOT), AT, &[]))).is_empty());
    }

    #[test]
    fn a_clock_goes_on_that_has_sent_nothing_for_hours() {
        let sent = Some(AT - Duration::from_secs(3 * 3600));
        let before = LedgerSlot { sent, ..slot(16_000, 1) };
        let after = read(&file(&mut LedgerHead::new(BOOT), AT, &[before])).slots[&PortId(16_000)];
        let shows = |slot: LedgerSlot| {
            let passed = AT.since(slot.sent.unwrap()).as_micros() * 48_000 / 1_000_000;
            slot.timestamp.wrapping_add(passed as u32)
        };
        assert!(shows(after).wrapping_sub(shows(before)).cast_signed().abs() <= 1);
    }

    #[test]
    fn another_version_another_boot_and_another_file_are_named() {
        let bytes = file(&mut LedgerHead::new(BOOT), AT, &[plain(16_000)]);
        let fault = |bytes: &[u8]| RelayLedger::parse(bytes, &BOOT).unwrap_err();
        assert_eq!(RelayLedger::parse(&bytes, &[0; 16]), Err(LedgerFault::OtherBoot));
        let mut newer = bytes.clone();
        newer[8] = 2;
        assert_eq!(
            fault(&newer).to_string(),
            "it is of version 2, and this release reads version 1 only"
        );
        for foreign in [&b""[..], &[0; 64], &bytes[..63], b"SQLite format 3"] {
            assert_eq!(fault(foreign), LedgerFault::Foreign);
        }
        let mut damaged = bytes.clone();
        damaged[30] ^= 1;
        assert_eq!(fault(&damaged), LedgerFault::Foreign);
    }

    /// Wherever the process ended: what was finished before is known of the ports that have not moved, and
    /// nothing older.
    #[test]
    fn a_writing_that_was_not_finished_leaves_the_one_before() {
        let mut head = LedgerHead::new(BOOT);
        let later = AT + Duration::from_millis(200);
        let oldest = [16_000, 16_002, 16_004, 16_006, 16_008].map(plain);
        let mut on_disk = file(&mut head, AT - Duration::from_secs(1), &oldest);
        head.is_written(AT - Duration::from_secs(1));
        let slots = [slot(16_000, 1), slot(16_002, 1)];
        let before = file(&mut head, AT, &slots);
        head.is_written(AT);
        on_disk[..before.len()].copy_from_slice(&before);
        assert_eq!(ports(&read(&on_disk)), [16_000, 16_002]);
        let next = [slot(16_000, 9), slot(16_002, 9), slot(16_004, 9), slot(16_006, 9)];
        let next = file(&mut head, later, &next);
        for len in (64..=next.len()).step_by(64) {
            let mut torn = on_disk.clone();
            torn[..len].copy_from_slice(&next[..len]);
            let ledger = read(&torn);
            let new = len / 64 - 2.min(len / 64);
            assert_eq!(ports(&ledger), [16_000, 16_002, 16_004, 16_006][..new.max(2)]);
            for (at, slot) in ledger.slots.values().enumerate() {
                let (sequence, written) = if at < new { (9, later) } else { (1, AT) };
                assert_eq!((slot.sequence, slot.written), (sequence, written));
            }
            assert_eq!(ledger.left_out.torn, 4 - new.max(2), "the oldest");
            assert_eq!(ledger.left_out.total(), ledger.left_out.torn);
        }
        // Cut off, as in a file that has just grown.
        let ledger = read(&next[..64 * 3 + 10]);
        assert_eq!((ports(&ledger), ledger.left_out.torn), (vec![16_000], 3));
    }

    #[test]
    fn of_two_slots_of_one_port_the_later_is_good_and_of_two_as_late_none() {
        let mut head = LedgerHead::new(BOOT);
        let both = file(&mut head, AT, &[slot(16_000, 1), slot(16_000, 2), plain(16_002)]);
        let ledger = read(&both);
        assert_eq!((ports(&ledger), ledger.left_out.doubled), (vec![16_002], 2));
        // The port has moved between the two writings.
        let mut torn = file(&mut head, AT, &[plain(16_002), slot(16_000, 1)]);
        head.is_written(AT);
        let next = file(&mut head, AT, &[slot(16_000, 2), plain(16_002)]);
        torn[..64 * 3].copy_from_slice(&next[..64 * 3]);
        let ledger = read(&torn);
        assert_eq!((ports(&ledger), ledger.left_out.doubled), (vec![16_000], 1));
        assert_eq!(ledger.slots[&PortId(16_000)].sequence, 2);
    }

    #[test]
    fn what_another_process_left_is_none_of_ours() {
        let mut head = LedgerHead::new(BOOT);
        let bytes = file(&mut head, AT, &[plain(16_000), plain(16_002), plain(16_004)]);
        let mut head = LedgerHead::following(BOOT, &read(&bytes));
        let next = file(&mut head, AT, &[plain(16_008)]);
        assert_eq!(ports(&read(&next)), [16_008]);
        assert_ne!(next[10..12], bytes[10..12]);
    }

    #[test]
    fn what_is_in_hand_is_written_by_itself() {
        let mut bytes = file(&mut LedgerHead::new(BOOT), AT, &[plain(16_000)]);
        let all = [
            Handling::Call(CallId(u64::MAX)),
            Handling::Call(CallId(0)),
            Handling::Something,
            Handling::Start,
            Handling::Nothing,
        ];
        for in_hand in all {
            let (at, line) = LedgerHead::hand(in_hand);
            bytes[at as usize..][..64].copy_from_slice(&line);
            assert_eq!(read(&bytes).in_hand, in_hand);
        }
        bytes[70] = 9;
        let nothing = Handling::Nothing;
        assert_eq!((read(&bytes).in_hand, ports(&read(&bytes))), (nothing, vec![16_000]));
    }

    #[test]
    fn numbers_go_ahead_of_what_can_have_been_sent_and_stay_one_stream() {
        for (ms, rate, wanted) in
            [(0, 100, 0), (1, 100, 1), (500, 100, 50), (500, 1000, 500), (u64::MAX, 1000, 2900)]
        {
            assert_eq!(numbers_ahead(Duration::from_millis(ms), rate), wanted);
        }
    }

    proptest! {
        /// One slot that is damaged is left out, and no other.
        #[test]
        fn a_bit_that_is_wrong_costs_one_slot(at in 128_usize..128 + 64 * 4, bit in 0..8_u8) {
            let slots = [16_000, 16_002, 16_004, 16_006].map(|port| slot(port, port as u16));
            let mut bytes = file(&mut LedgerHead::new(BOOT), AT, &slots);
            bytes[at] ^= 1 << bit;
            let ledger = read(&bytes);
            prop_assert_eq!(ledger.slots.len(), 3);
            prop_assert_eq!(ledger.left_out, LeftOut { broken: 1, ..LeftOut::default() });
            prop_assert!(ledger.slots.values().all(|read| slots.contains(read)));
        }

        #[test]
        fn no_bytes_make_it_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..700),
            count in any::<u32>(),
            sealed in any::<bool>(),
        ) {
            let _ = RelayLedger::parse(&bytes, &BOOT);
            // With a head that is true, and slots of which each checksum is.
            let mut head = [0; 64];
            let mut print = FieldPrinter::new(&mut head);
            print.put(MAGIC);
            print.put(VERSION.to_le_bytes());
            print.put([1, 0]);
            print.put(count.to_le_bytes());
            print.put(BOOT);
            print.put([0xff; 18]);
            print.seal();
            let mut bytes = bytes;
            for line in bytes.as_chunks_mut().0.iter_mut().filter(|_| sealed) {
                FieldPrinter::new(line).seal();
            }
            let all = [&head[..], &bytes].concat();
            let ledger = RelayLedger::parse(&all, &BOOT).unwrap();
            let lines = bytes.len().saturating_sub(64) / 64;
            prop_assert!(ledger.slots.len() <= lines.min(count as usize));
            prop_assert!(ledger.slots.keys().all(|port| (1..=PORT_MAX).contains(&port.0)));
        }
    }
}
