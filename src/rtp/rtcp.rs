//! RTCP (RFC 3550 §6, RFC 4585 §6, RFC 5104 §4): reading compound packets, writing our own.

use crate::time::{Duration, UnixTime};
use std::slice::ChunksExact;

/// The longest CNAME that fits an item of a source description.
pub const CNAME_MAX: usize = 255;
/// Report blocks in one report: five bits count them.
pub const BLOCKS_MAX: usize = 31;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;

/// Seconds from 1900 to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

/// One packet of a compound packet.
#[derive(Clone, Debug)]
pub enum RtcpPacket<'a> {
    /// What a source sent so far, and what it hears of others.
    SenderReport(SenderReport, ReportBlocks<'a>),
    /// What one who sends nothing hears of others.
    ReceiverReport(u32, ReportBlocks<'a>),
    /// The lasting name of a source; UTF-8 by the book only.
    Cname(u32, &'a [u8]),
    /// Sources that end.
    Bye(Sources<'a>),
    /// PLI: the picture of `media` is damaged.
    PictureLoss {
        /// Who asks.
        sender: u32,
        /// Whose picture.
        media: u32,
    },
    /// FIR: sources that shall send a key frame, each with a number that rises with each request.
    FullIntra(u32, IntraRequests<'a>),
    /// Packets to be sent again.
    Nack {
        /// Who asks.
        sender: u32,
        /// Whose packets.
        media: u32,
        /// Which packets.
        lost: LostPackets<'a>,
    },
    /// REMB: at most so many bit/s for all these sources together.
    MaxBitrate {
        /// Who asks.
        sender: u32,
        /// bit/s.
        bitrate: u64,
        /// The sources meant.
        sources: Sources<'a>,
    },
    /// TMMBR: at most so many bit/s for each source.
    SourceBitrates(u32, BitrateLimits<'a>),
    /// Anything else: its packet type.
    Other(u8),
}

/// The figures of a sender report.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SenderReport {
    /// Who sends.
    pub ssrc: u32,
    /// The wall clock of the report, as NTP counts: seconds since 1900 in 1/2^32.
    pub ntp: u64,
    /// The same moment on the RTP clock.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Bytes of payload sent.
    pub octets: u32,
}

/// What the reporter hears of one source.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Lost since the report before, in 1/256.
    pub fraction_lost: u8,
    /// Lost in all; 24 bits, negative when doubles came.
    pub cumulative_lost: i32,
    /// The highest sequence number with its cycles.
    pub highest_sequence: u32,
    /// In units of the RTP clock.
    pub jitter: u32,
    /// [`middle`] of the last sender report's `ntp`; 0 before the first.
    pub last_report: u32,
    /// The time since it came, in 1/65536 s.
    pub delay: u32,
}

/// Why bytes are no RTCP.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// Not version 2, or a packet type that is not RTCP's.
    #[error("not RTCP")]
    NotRtcp,
    /// A length beyond the end.
    #[error("a packet is longer than the datagram")]
    Truncated,
}

/// Checks a compound packet and reads its parts; what is broken inside of one is left out. A single
/// feedback packet is accepted too (RFC 5506).
///
/// # Errors
/// When the datagram is no sequence of RTCP packets.
pub fn parse(datagram: &[u8]) -> Result<Messages<'_>, Error> {
    let mut rest = datagram;
    while let Some((_, after)) = split(rest)? {
        rest = after;
    }
    if datagram.is_empty() {
        Err(Error::Truncated)
    } else {
        Ok(Messages { rest: datagram, items: &[] })
    }
}

/// The parts of a checked compound packet.
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
    /// Chunks of a source description that were not read yet.
    items: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = RtcpPacket<'a>;

    fn next(&mut self) -> Option<RtcpPacket<'a>> {
        loop {
            if let Some((ssrc, cname, rest)) = next_cname(self.items) {
                self.items = rest;
                return Some(RtcpPacket::Cname(ssrc, cname));
            }
            self.items = &[];
            let (part, rest) = split(self.rest).ok().flatten()?;
            self.rest = rest;
            if part.kind == SOURCE_DESCRIPTION {
                self.items = part.body;
            } else if let Some(message) = message(part) {
                return Some(message);
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Part<'a> {
    kind: u8,
    count: u8,
    body: &'a [u8],
}

/// The first packet and what follows it; none at the end.
fn split(bytes: &[u8]) -> Result<Option<(Part<'_>, &[u8])>, Error> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let ([first, kind, high, low], rest) = bytes.split_first_chunk().ok_or(Error::Truncated)?;
    if first >> 6 != 2 || !(192..=223).contains(kind) {
        return Err(Error::NotRtcp);
    }
    let len = 4 * usize::from(u16::from_be_bytes([*high, *low]));
    let (body, rest) = rest.split_at_checked(len).ok_or(Error::Truncated)?;
    let padding = match body.last() {
        Some(padding) if first & 0x20 != 0 => usize::from(*padding),
        Some(_) | None => 0,
    };
    let body = body.get(..body.len().saturating_sub(padding)).unwrap_or(&[]);
    Ok(Some((Part { kind: *kind, count: first & 31, body }, rest)))
}

fn message(part: Part<'_>) -> Option<RtcpPacket<'_>> {
    let body = part.body;
    match (part.kind, part.count) {
        (SENDER_REPORT, count) => {
            let (info, blocks) = body.split_at_checked(24)?;
            let report = SenderReport {
                ssrc: word(info, 0),
                ntp: u64::from(word(info, 4)) << 32 | u64::from(word(info, 8)),
                timestamp: word(info, 12),
                packets: word(info, 16),
                octets: word(info, 20),
            };
            Some(RtcpPacket::SenderReport(report, ReportBlocks::of(blocks, count)))
        }
        (RECEIVER_REPORT, count) => {
            let (ssrc, blocks) = body.split_at_checked(4)?;
            Some(RtcpPacket::ReceiverReport(word(ssrc, 0), ReportBlocks::of(blocks, count)))
        }
        (BYE, count) => {
            let sources = body.get(..4 * usize::from(count))?;
            Some(RtcpPacket::Bye(Sources(sources.chunks_exact(4))))
        }
        (TRANSPORT_FEEDBACK | PAYLOAD_FEEDBACK, format) => {
            let (ssrcs, entries) = body.split_at_checked(8)?;
            Some(feedback(part.kind, format, word(ssrcs, 0), word(ssrcs, 4), entries))
        }
        (kind, _) => Some(RtcpPacket::Other(kind)),
    }
}

fn feedback(kind: u8, format: u8, sender: u32, media: u32, entries: &[u8]) -> RtcpPacket<'_> {
    match (kind, format) {
        (TRANSPORT_FEEDBACK, 1) => {
            RtcpPacket::Nack { sender, media, lost: LostPackets::of(entries.chunks_exact(4)) }
        }
        (TRANSPORT_FEEDBACK, 3) => {
            RtcpPacket::SourceBitrates(sender, BitrateLimits(entries.chunks_exact(8)))
        }
        (PAYLOAD_FEEDBACK, 1) => RtcpPacket::PictureLoss { sender, media },
        (PAYLOAD_FEEDBACK, 4) => {
            RtcpPacket::FullIntra(sender, IntraRequests(entries.chunks_exact(8)))
        }
        (PAYLOAD_FEEDBACK, 15) => match entries {
            // draft-alvestrand-rmcat-remb-03 §2.2
            [b'R', b'E', b'M', b'B', count, high, middle, low, sources @ ..] => {
                let mantissa = u32::from_be_bytes([0, high & 3, *middle, *low]);
                let len = sources.len().min(4 * usize::from(*count));
                RtcpPacket::MaxBitrate {
                    sender,
                    bitrate: scaled(mantissa, high >> 2),
                    sources: Sources(sources[..len].chunks_exact(4)),
                }
            }
            _application => RtcpPacket::Other(kind),
        },
        (kind, _) => RtcpPacket::Other(kind),
    }
}

/// The next CNAME of the chunks of a source description, and the chunks behind it.
fn next_cname(mut chunks: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    while let Some((ssrc, items)) = chunks.split_first_chunk::<4>() {
        let (mut items, mut at, mut cname) = (items, 0, None);
        while let [kind @ 1..=255, len, rest @ ..] = items {
            let (text, rest) = rest.split_at_checked(usize::from(*len))?;
            if *kind == 1 {
                cname = cname.or(Some(text));
            }
            at += 2 + text.len();
            items = rest;
        }
        // The list ends with one to four zeros, up to the next word.
        let end = (4 + at + 4) & !3;
        chunks = chunks.get(end..).unwrap_or(&[]);
        if let Some(cname) = cname {
            return Some((u32::from_be_bytes(*ssrc), cname, chunks));
        }
    }
    None
}

/// The report blocks of a report.
#[derive(Clone, Debug)]
pub struct ReportBlocks<'a>(ChunksExact<'a, u8>);

impl<'a> ReportBlocks<'a> {
    fn of(bytes: &'a [u8], count: u8) -> Self {
        // What follows the blocks is a profile's extension.
        Self(bytes[..bytes.len().min(24 * usize::from(count))].chunks_exact(24))
    }
}

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let bytes = self.0.next()?;
        let lost = word(bytes, 4);
        Some(ReportBlock {
            ssrc: word(bytes, 0),
            fraction_lost: (lost >> 24) as u8,
            cumulative_lost: (lost << 8).cast_signed() >> 8,
            highest_sequence: word(bytes, 8),
            jitter: word(bytes, 12),
            last_report: word(bytes, 16),
            delay: word(bytes, 20),
        })
    }
}

/// A list of SSRCs.
#[derive(Clone, Debug)]
pub struct Sources<'a>(ChunksExact<'a, u8>);

impl Iterator for Sources<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.0.next().map(|bytes| word(bytes, 0))
    }
}

/// The entries of a FIR: SSRC and request number.
#[derive(Clone, Debug)]
pub struct IntraRequests<'a>(ChunksExact<'a, u8>);

impl Iterator for IntraRequests<'_> {
    type Item = (u32, u8);

    fn next(&mut self) -> Option<(u32, u8)> {
        self.0.next().map(|bytes| (word(bytes, 0), bytes[4]))
    }
}

/// The entries of a TMMBR: SSRC and bit/s.
#[derive(Clone, Debug)]
pub struct BitrateLimits<'a>(ChunksExact<'a, u8>);

impl Iterator for BitrateLimits<'_> {
    type Item = (u32, u64);

    fn next(&mut self) -> Option<(u32, u64)> {
        let bytes = self.0.next()?;
        let limit = word(bytes, 4);
        // RFC 5104 §4.2.1.1: exponent 6 bits, mantissa 17, overhead 9.
        Some((word(bytes, 0), scaled(limit >> 9 & 0x1_ffff, (limit >> 26) as u8)))
    }
}

/// The sequence numbers of a NACK.
#[derive(Clone, Debug)]
pub struct LostPackets<'a> {
    entries: ChunksExact<'a, u8>,
    base: u16,
    mask: u16,
}

impl<'a> LostPackets<'a> {
    fn of(entries: ChunksExact<'a, u8>) -> Self {
        Self { entries, base: 0, mask: 0 }
    }
}

impl Iterator for LostPackets<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.mask != 0 {
            let bit = self.mask.trailing_zeros() as u16;
            self.mask &= self.mask - 1;
            return Some(self.base.wrapping_add(bit + 1));
        }
        let entry = word(self.entries.next()?, 0);
        (self.base, self.mask) = ((entry >> 16) as u16, entry as u16);
        Some(self.base)
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |four| u32::from_be_bytes(*four))
}

fn scaled(mantissa: u32, exponent: u8) -> u64 {
    let room = u64::from(mantissa).leading_zeros();
    if u32::from(exponent) > room { u64::MAX } else { u64::from(mantissa) << (exponent % 64) }
}

/// Appends one packet after another to a reused buffer; all that was appended is one compound packet.
#[derive(Debug)]
pub struct RtcpWriter<'a>(&'a mut Vec<u8>);

impl<'a> RtcpWriter<'a> {
    /// Begins a compound packet in an emptied buffer.
    #[must_use]
    pub fn new(buffer: &'a mut Vec<u8>) -> Self {
        buffer.clear();
        Self(buffer)
    }

    /// Our own figures, and what we hear: [`BLOCKS_MAX`] blocks at most, the rest is left out.
    pub fn sender_report(&mut self, report: &SenderReport, blocks: &[ReportBlock]) -> &mut Self {
        let blocks = &blocks[..blocks.len().min(BLOCKS_MAX)];
        self.packet(SENDER_REPORT, blocks.len() as u8, |out| {
            put(out, &[report.ssrc, (report.ntp >> 32) as u32, report.ntp as u32]);
            put(out, &[report.timestamp, report.packets, report.octets]);
            blocks.iter().for_each(|block| put_block(out, block));
        })
    }

    /// What we hear while we send nothing: [`BLOCKS_MAX`] blocks at most, the rest is left out.
    pub fn receiver_report(&mut self, ssrc: u32, blocks: &[ReportBlock]) -> &mut Self {
        let blocks = &blocks[..blocks.len().min(BLOCKS_MAX)];
        self.packet(RECEIVER_REPORT, blocks.len() as u8, |out| {
            put(out, &[ssrc]);
            blocks.iter().for_each(|block| put_block(out, block));
        })
    }

    /// The lasting name of a source, cut after [`CNAME_MAX`] bytes.
    pub fn cname(&mut self, ssrc: u32, cname: &str) -> &mut Self {
        let cname = &cname.as_bytes()[..cname.len().min(CNAME_MAX)];
        self.packet(SOURCE_DESCRIPTION, 1, |out| {
            put(out, &[ssrc]);
            out.extend([1, cname.len() as u8]);
            out.extend(cname);
            let zeros = 4 - (2 + cname.len()) % 4;
            out.resize(out.len() + zeros, 0);
        })
    }

    /// Asks for a key frame since a picture is damaged (RFC 4585 §6.3.1).
    pub fn picture_loss(&mut self, sender: u32, media: u32) -> &mut Self {
        self.packet(PAYLOAD_FEEDBACK, 1, |out| put(out, &[sender, media]))
    }

    /// Demands a key frame; `number` rises with each new demand (RFC 5104 §4.3.1).
    pub fn full_intra(&mut self, sender: u32, media: u32, number: u8) -> &mut Self {
        self.packet(PAYLOAD_FEEDBACK, 4, |out| {
            put(out, &[sender, 0, media, u32::from(number) << 24]);
        })
    }

    /// Asks for at most so many bit/s from one source (REMB).
    pub fn max_bitrate(&mut self, sender: u32, media: u32, bitrate: u64) -> &mut Self {
        let exponent = (64 - bitrate.leading_zeros()).saturating_sub(18);
        let mantissa = (bitrate >> exponent) as u32;
        self.packet(PAYLOAD_FEEDBACK, 15, |out| {
            put(out, &[sender, 0, u32::from_be_bytes(*b"REMB")]);
            put(out, &[1 << 24 | exponent << 18 | mantissa, media]);
        })
    }

    /// Asks for at most so many bit/s from one source (TMMBR, RFC 5104 §4.2.1).
    pub fn source_bitrate(&mut self, sender: u32, media: u32, bitrate: u64) -> &mut Self {
        let exponent = (64 - bitrate.leading_zeros()).saturating_sub(17);
        let mantissa = (bitrate >> exponent) as u32;
        // IP, UDP and RTP headers: 40 bytes a packet.
        self.packet(TRANSPORT_FEEDBACK, 3, |out| {
            put(out, &[sender, 0, media, exponent << 26 | mantissa << 9 | 40]);
        })
    }

    /// Ends a source.
    pub fn bye(&mut self, ssrc: u32) -> &mut Self {
        self.packet(BYE, 1, |out| put(out, &[ssrc]))
    }

    fn packet(&mut self, kind: u8, count: u8, body: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        let start = self.0.len();
        self.0.extend([0x80 | count, kind, 0, 0]);
        body(self.0);
        let words = (self.0.len() - start) / 4 - 1;
        self.0[start + 2..start + 4].copy_from_slice(&(words as u16).to_be_bytes());
        self
    }
}

fn put(out: &mut Vec<u8>, words: &[u32]) {
    out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
}

fn put_block(out: &mut Vec<u8>, block: &ReportBlock) {
    let lost = block.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff).cast_unsigned() & 0xff_ffff;
    let lost = u32::from(block.fraction_lost) << 24 | lost;
    put(out, &[block.ssrc, lost, block.highest_sequence]);
    put(out, &[block.jitter, block.last_report, block.delay]);
}

/// A moment as NTP counts: seconds since 1900 in 1/2^32, modulo 2^64 (the year 2036).
#[must_use]
pub fn ntp(time: UnixTime) -> u64 {
    let micros = time.as_micros();
    let fraction = ((micros % 1_000_000) << 32) / 1_000_000;
    (micros / 1_000_000).wrapping_add(NTP_EPOCH) << 32 | fraction
}

/// The middle 32 bits of an NTP time: what report blocks repeat, in 1/65536 s.
#[must_use]
pub fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// A span in the 1/65536 s of report blocks.
#[must_use]
pub fn delay(span: Duration) -> u32 {
    u32::try_from((span.as_micros() << 16) / 1_000_000).unwrap_or(u32::MAX)
}

/// The round trip that a report block of ours proves, arriving at `now` (RFC 3550 §6.4.1); none
/// before the peer heard a sender report, or when its clock contradicts ours.
#[must_use]
pub fn round_trip(now: UnixTime, block: &ReportBlock) -> Option<Duration> {
    if block.last_report == 0 {
        return None;
    }
    let units = middle(ntp(now)).wrapping_sub(block.last_report).wrapping_sub(block.delay);
    // Negative, or more than a minute: the figures are no round trip.
    (units < 60 << 16).then(|| Duration::from_micros((u64::from(units) * 1_000_000) >> 16))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Vec<String> {
        parse(bytes).unwrap().map(|message| format!("{message:?}")).collect()
    }

    #[test]
    fn a_written_report_reads_back() {
        let report =
            SenderReport { ssrc: 1, ntp: 2 << 32 | 3, timestamp: 4, packets: 5, octets: 6 };
        let block = ReportBlock {
            ssrc: 7,
            fraction_lost: 8,
            cumulative_lost: -9,
            highest_sequence: 10,
            jitter: 11,
            last_report: 12,
            delay: 13,
        };
        let mut bytes = Vec::new();
        RtcpWriter::new(&mut bytes).sender_report(&report, &[block]).cname(1, "leg-1").bye(1);
        let messages: Vec<_> = parse(&bytes).unwrap().collect();
        let [
            RtcpPacket::SenderReport(read, blocks),
            RtcpPacket::Cname(1, b"leg-1"),
            RtcpPacket::Bye(bye),
        ] = &messages[..]
        else {
            panic!("{messages:?}")
        };
        assert_eq!(*read, report);
        assert_eq!(blocks.clone().collect::<Vec<_>>(), [block]);
        assert_eq!(bye.clone().collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn requests_for_key_frames_and_rates_read_back() {
        let mut bytes = Vec::new();
        RtcpWriter::new(&mut bytes)
            .receiver_report(1, &[])
            .picture_loss(1, 2)
            .full_intra(1, 2, 250)
            .max_bitrate(1, 2, 512_000)
            .source_bitrate(1, 2, 1_000_000);
        let mut messages = parse(&bytes).unwrap().skip(1);
        let loss = messages.next();
        assert!(matches!(loss, Some(RtcpPacket::PictureLoss { sender: 1, media: 2 })));
        let Some(RtcpPacket::FullIntra(1, mut entries)) = messages.next() else { panic!() };
        assert_eq!(entries.next(), Some((2, 250)));
        let Some(RtcpPacket::MaxBitrate { bitrate, mut sources, .. }) = messages.next() else {
            panic!()
        };
        assert_eq!((bitrate, sources.next()), (512_000, Some(2)));
        let Some(RtcpPacket::SourceBitrates(1, mut entries)) = messages.next() else { panic!() };
        let (ssrc, bitrate) = entries.next().unwrap();
        assert!(ssrc == 2 && (999_000..=1_000_000).contains(&bitrate), "{bitrate}");
    }

    #[test]
    fn a_nack_names_its_packets() {
        let bytes = [0x81, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xff, 0, 0b101, 0, 9, 0, 0];
        let Some(RtcpPacket::Nack { lost, .. }) = parse(&bytes).unwrap().next() else { panic!() };
        assert_eq!(lost.collect::<Vec<_>>(), [65_535, 0, 2, 9]);
    }

    #[test]
    fn a_name_is_found_behind_other_items_and_chunks() {
        let chunk = [0, 0, 0, 1, 2, 3, b'B', b'o', b'b', 1, 1, b'x', 0, 0, 0, 0];
        let empty = [0, 0, 0, 9, 0, 0, 0, 0];
        let bytes = [&[0x83, 202, 0, 10][..], &chunk, &empty, &chunk].concat();
        assert_eq!(read(&bytes), ["Cname(1, [120])", "Cname(1, [120])"]);
    }

    #[test]
    fn the_longest_name_and_the_most_blocks_are_kept_to() {
        let mut bytes = Vec::new();
        let blocks = [ReportBlock::default(); BLOCKS_MAX + 1];
        RtcpWriter::new(&mut bytes).receiver_report(1, &blocks).cname(1, &"n".repeat(300));
        let messages: Vec<_> = parse(&bytes).unwrap().collect();
        let [RtcpPacket::ReceiverReport(_, blocks), RtcpPacket::Cname(_, name)] = &messages[..]
        else {
            panic!()
        };
        assert_eq!((blocks.clone().count(), name.len()), (BLOCKS_MAX, CNAME_MAX));
    }

    #[test]
    fn what_is_cut_off_or_no_rtcp_is_refused() {
        let mut bytes = Vec::new();
        RtcpWriter::new(&mut bytes).receiver_report(1, &[]).picture_loss(1, 2);
        assert_eq!(parse(&bytes[..bytes.len() - 1]).unwrap_err(), Error::Truncated);
        assert_eq!(parse(b"").unwrap_err(), Error::Truncated);
        assert_eq!(parse(&[0x80, 96, 0, 0]).unwrap_err(), Error::NotRtcp);
    }

    #[test]
    fn a_round_trip_is_what_is_left_after_the_delay() {
        let sent = UnixTime::from_secs(1_700_000_000);
        let block = ReportBlock {
            last_report: middle(ntp(sent)),
            delay: delay(Duration::from_secs(5)),
            ..ReportBlock::default()
        };
        let trip = round_trip(sent + Duration::from_millis(5040), &block).unwrap();
        assert!((39_000..41_000).contains(&trip.as_micros()), "{trip:?}");
        assert_eq!(round_trip(sent + Duration::from_secs(4), &block), None, "a clock set back");
        assert_eq!(round_trip(sent, &ReportBlock::default()), None, "no report heard yet");
    }

    #[test]
    fn ntp_counts_from_1900() {
        assert_eq!(ntp(UnixTime::from_micros(500_000)), NTP_EPOCH << 32 | 1 << 31);
    }

    proptest! {
        #[test]
        fn no_datagram_makes_it_panic(
            parts in prop::collection::vec(
                (0_u8..64, 192_u8..=223, prop::collection::vec(any::<u8>(), 0..40)), 0..5),
        ) {
            let mut bytes = Vec::new();
            for (first, kind, body) in parts {
                let body = &body[..body.len() / 4 * 4];
                bytes.extend([0x80 | first, kind, 0, (body.len() / 4) as u8]);
                bytes.extend(body);
            }
            if let Ok(messages) = parse(&bytes) {
                for message in messages {
                    match message {
                        RtcpPacket::SenderReport(_, blocks) | RtcpPacket::ReceiverReport(_, blocks) => {
                            prop_assert!(blocks.count() <= BLOCKS_MAX);
                        }
                        RtcpPacket::Bye(sources) | RtcpPacket::MaxBitrate { sources, .. } => {
                            prop_assert!(sources.count() <= bytes.len());
                        }
                        RtcpPacket::FullIntra(_, entries) => prop_assert!(entries.count() < 64),
                        RtcpPacket::SourceBitrates(_, entries) => prop_assert!(entries.count() < 64),
                        RtcpPacket::Nack { lost, .. } => prop_assert!(lost.count() <= bytes.len() * 5),
                        RtcpPacket::Cname(..) | RtcpPacket::PictureLoss { .. } | RtcpPacket::Other(_) => {}
                    }
                }
            }
        }
    }
}
