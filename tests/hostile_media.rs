//! Hostile media at every way in: real packets, changed at random, a hundred thousand in a run. The same
//! functions run under libFuzzer for as long as one likes: `fuzz/README.md`.

#![allow(clippy::unwrap_used)] // A test may panic.

#[path = "fuzz/feed.rs"]
mod feed;
#[path = "fuzz/targets.rs"]
mod targets;

use cordboard::dtls::DtlsRole;
use cordboard::ids::PortId;
use cordboard::random::Random;
use cordboard::rtp::Packet;
use cordboard::rtp::rtcp::{ReportBlock, RtcpWriter, SenderReport};
use cordboard::rtp::video::{Depacketiser, PictureFormat};
use cordboard::server::dtls::{DtlsIdentity, HandshakeTable, TableOrder, TableOutcome};
use cordboard::srtp::ProtectContext;
use feed::{corpus, feed};
use targets::{FORMATS, LOST, MARKER, NEW_PICTURE, NEXT, PICTURE_CODECS, VOICE_CODECS};

/// In the order of [`FORMATS`].
const STREAMS: [&[u8]; 7] = [
    include_bytes!("media/streams/h264_mode1.rtp"),
    include_bytes!("media/streams/h264_mode0.rtp"),
    include_bytes!("media/streams/h265.rtp"),
    include_bytes!("media/streams/vp8.rtp"),
    include_bytes!("media/streams/h263_rfc2190.rtp"),
    include_bytes!("media/streams/h263_rfc4629.rtp"),
    include_bytes!("media/streams/h261.rtp"),
];

/// The stream of each of [`PICTURE_CODECS`].
const STREAM_OF_CODEC: [usize; 6] = [0, 3, 2, 4, 5, 6];

fn packets(stream: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut packets) = (stream, Vec::new());
    while let Some((len, more)) = rest.split_first_chunk() {
        let (packet, behind) = more.split_at(u16::from_be_bytes(*len).into());
        packets.push(packet);
        rest = behind;
    }
    packets
}

/// Behind its length in two bytes.
fn with_length(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

fn pictures_of(format: PictureFormat, stream: &[u8]) -> Vec<Vec<u8>> {
    let (mut depacketiser, mut pictures) = (Depacketiser::new(format), Vec::new());
    for packet in packets(stream) {
        let packet = Packet::parse(packet).unwrap();
        let (sequence, timestamp) = (packet.sequence(), packet.timestamp());
        depacketiser.take(sequence, timestamp, packet.marker(), packet.payload(), &mut |unit| {
            pictures.push(unit.bytes.to_vec());
        });
    }
    pictures
}

fn report() -> Vec<u8> {
    let (mut report, block) = (Vec::new(), ReportBlock { ssrc: 7, ..ReportBlock::default() });
    RtcpWriter::new(&mut report).receiver_report(1, &[block]).cname(1, "a");
    report
}

#[test]
fn no_packet_breaks_the_reading_of_checks() {
    feed(targets::check, &corpus("check"), 60_000);
}

#[test]
fn no_packet_breaks_what_is_sealed() {
    let clear = packets(STREAMS[3]);
    let mut seeds = Vec::new();
    for suite in 0..5 {
        let (mut voice, mut report) = (clear[0].to_vec(), report());
        let mut ours = ProtectContext::new(&targets::keys(suite));
        ours.protect_rtp(&mut voice);
        ours.protect_rtcp(&mut report);
        assert!(!voice.is_empty() && !report.is_empty());
        for (kind, packet) in [(0, voice), (1, report), (0, clear[1].to_vec())] {
            seeds.push([&[suite, kind][..], &packet].concat());
        }
    }
    feed(targets::sealed, &seeds, 20_000);
}

#[test]
fn no_packets_of_pictures_break_a_depacketiser() {
    for (format, stream) in (0..).zip(STREAMS) {
        let packets: Vec<_> =
            packets(stream).into_iter().map(|packet| Packet::parse(packet).unwrap()).collect();
        let mut timestamp = 0;
        let packed = packets.iter().map(|packet| {
            let new = if packet.timestamp() == timestamp { 0 } else { NEW_PICTURE };
            timestamp = packet.timestamp();
            let marker = if packet.marker() { MARKER } else { 0 };
            [vec![NEXT | new | marker], with_length(packet.payload())].concat()
        });
        let packed: Vec<Vec<u8>> = packed.collect();
        let mut seeds: Vec<Vec<u8>> =
            packed.chunks(6).map(|some| [vec![format, 200], some.concat()].concat()).collect();
        // With every third one lost.
        let lossy = packed.iter().enumerate().filter(|(at, _)| at % 3 != 2).map(|(at, packet)| {
            let lost = if at % 3 == 0 { LOST } else { 0 };
            [&[packet[0] ^ lost], &packet[1..]].concat()
        });
        seeds.push([vec![format, 0], lossy.flatten().collect()].concat());
        feed(targets::pictures, &seeds, 6000);
    }
    assert_eq!(FORMATS.len(), STREAMS.len());
}

#[test]
fn no_datagram_breaks_the_reading_of_rtp() {
    let mut seeds: Vec<_> = STREAMS
        .iter()
        .flat_map(|stream| packets(stream))
        .map(|p| p[..p.len().min(80)].to_vec())
        .collect();
    let extended = [0x90, 96, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 0xbe, 0xde, 0, 1, 0x10, 5, 0, 0, 1, 2];
    let long =
        [0xb1, 96, 0, 1, 0, 0, 0, 9, 0, 0, 0, 7, 0, 0, 0, 3, 0x10, 0, 0, 1, 7, 1, 5, 0, 9, 0, 0, 3];
    seeds.extend([extended.to_vec(), long.to_vec()]);
    feed(targets::packet, &seeds, 40_000);
}

#[test]
fn no_datagram_breaks_the_reading_of_rtcp() {
    let mut compound = Vec::new();
    let block = ReportBlock { ssrc: 7, ..ReportBlock::default() };
    RtcpWriter::new(&mut compound)
        .sender_report(&SenderReport::default(), &[block, block])
        .cname(1, "a@example.com")
        .picture_loss(1, 7)
        .full_intra(1, 7, 3)
        .max_bitrate(1, 7, 300_000)
        .source_bitrate(1, 7, 300_000)
        .bye(1);
    let mut short = Vec::new();
    RtcpWriter::new(&mut short).receiver_report(1, &[block]).cname(1, "b");
    let nack = vec![0x81, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 7, 0, 9, 0xff, 0xff, 0, 50, 0, 1];
    feed(targets::control, &[compound, short, nack], 40_000);
}

/// Without the libraries of the system only the decoder of H.264 is there.
#[test]
fn no_coded_picture_breaks_a_decoder() {
    for (codec, stream) in (0..).zip(STREAM_OF_CODEC) {
        let pictures = pictures_of(FORMATS[stream], STREAMS[stream]);
        let pictures: Vec<_> = pictures.iter().map(|picture| with_length(picture)).collect();
        let seeds = [[vec![codec], pictures.concat()].concat()];
        feed(targets::decoded_pictures, &seeds, 150);
    }
    assert_eq!(PICTURE_CODECS.len(), STREAM_OF_CODEC.len());
}

#[test]
fn no_coded_voice_breaks_a_decoder() {
    for codec in 0..VOICE_CODECS.len() as u8 {
        let mut random = Random::from_number(codec.into());
        let seed = |len: usize| {
            let payload: Vec<_> = (0..len).map(|_| random.u32() as u8).collect();
            [vec![codec], with_length(&payload).repeat(3)].concat()
        };
        let seeds: Vec<_> = [10, 20, 24, 33, 160].map(seed).into();
        feed(targets::decoded_voice, &seeds, 1000);
    }
}

#[test]
fn no_records_break_a_handshake() {
    let table = || HandshakeTable::new(DtlsIdentity::fresh(1_700_000_000).unwrap());
    let mut sides = [table(), table()];
    let (port, serial, now) = (PortId(16_000), 1, std::time::Instant::now());
    let mut said: [Vec<Vec<u8>>; 2] = Default::default();
    let roles = [DtlsRole::Passive, DtlsRole::Active];
    let mut waiting = Vec::new();
    let flights = |outcomes: Vec<TableOutcome>| -> Vec<Vec<u8>> {
        let flight = |outcome| match outcome {
            TableOutcome::Flight { datagrams, .. } => datagrams,
            TableOutcome::Event { .. } => Vec::new(),
        };
        outcomes.into_iter().flat_map(flight).collect()
    };
    for (side, role) in (0..).zip(roles) {
        let first = flights(sides[side].handle(now, TableOrder::Begin { port, serial, role }));
        waiting.extend(first.into_iter().map(|bytes| (1 - side, bytes)));
    }
    while let Some((to, bytes)) = waiting.pop() {
        said[to].push(bytes.clone());
        let answer = flights(sides[to].handle(now, TableOrder::Datagram { port, serial, bytes }));
        waiting.splice(0..0, answer.into_iter().rev().map(|bytes| (1 - to, bytes)));
    }
    // What each role hears: keys are others each time, and so each seed goes as far as before they matter.
    let seed = |role: u8, heard: &[Vec<u8>]| -> Vec<u8> {
        let records = heard.iter().flat_map(|bytes| [vec![3], with_length(bytes)].concat());
        std::iter::once(role).chain(records).collect()
    };
    assert!(said.iter().all(|heard| !heard.is_empty()));
    let seeds = [seed(0, &said[0]), seed(1, &said[1]), seed(0, &said[1]), seed(1, &said[0])];
    feed(targets::handshake, &seeds, 1_000);
}
