//! What is done with hostile bytes, one function for each way in: by libFuzzer in `fuzz_targets/`,
//! and by `tests/hostile_media.rs` and `tests/hostile_text.rs` in every test run. Each holds what it reads to its promises and
//! panics where one is broken.

#![allow(dead_code)] // Each test feeds some of them.

use cordboard::cause::Cause;
use cordboard::codec::Codec;
use cordboard::codec::audio::{AudioDecoder, SAMPLES_MAX};
use cordboard::codec::video::{
    H264Parameters, IMAGE_SIDE_MAX, Image, STILL_BYTES_MAX, VideoDecoder, still,
};
use cordboard::config::Config;
use cordboard::desk::command;
use cordboard::dialog::{self, SavedPhase};
use cordboard::dtls::{DtlsRole, HandshakeEvent, HandshakeFault};
use cordboard::ids::PortId;
use cordboard::leg;
use cordboard::live::{self, SavedInvite, SavedParty};
use cordboard::media;
use cordboard::random::Random;
use cordboard::rtp::h264::PacketizationMode;
use cordboard::rtp::rtcp::{self, RtcpPacket};
use cordboard::rtp::video::{Depacketiser, Packetiser, PictureFormat, UNIT_MAX};
use cordboard::rtp::{
    HEADER_LEN, Packet, TelephoneEvent, h263, h264, h265, is_rtcp, rewrite, strip, vp8, vp9,
};
use cordboard::sdp::SessionDescription;
use cordboard::server::dtls::{DtlsIdentity, HandshakeTable, TableOrder, TableOutcome};
use cordboard::sip;
use cordboard::srtp::{MasterKey, ProtectContext, Suite, UnprotectContext};
use cordboard::stun::{BindingRequest, CheckRefusal, IceCredentials, StunFault, accept, refuse};
use cordboard::time::{Duration, Instant, Now, UnixTime};
use cordboard::transaction::{self, InviteHead};
use cordboard::wire::admin_wire;
use std::net::SocketAddr;

/// The format of [`pictures`], by the first byte of its input modulo their number.
pub const FORMATS: [PictureFormat; 7] = [
    PictureFormat::H264 { mode: PacketizationMode::NonInterleaved },
    PictureFormat::H264 { mode: PacketizationMode::Single },
    PictureFormat::H265,
    PictureFormat::Vp8,
    PictureFormat::H263,
    PictureFormat::H263Plus,
    PictureFormat::H261,
];

/// The codec of [`decoded_pictures`], by the first byte of its input modulo their number.
pub const PICTURE_CODECS: [Codec; 6] =
    [Codec::H264, Codec::Vp8, Codec::H265, Codec::H263, Codec::H263Plus, Codec::H261];

/// The codec of [`decoded_voice`], by the first byte of its input modulo their number.
pub const VOICE_CODECS: [Codec; 8] = [
    Codec::Pcmu,
    Codec::Pcma,
    Codec::G722,
    Codec::Opus,
    Codec::G729,
    Codec::G723,
    Codec::Gsm,
    Codec::Speex { clock_rate: 16_000 },
];

/// Bits of the byte in front of each packet of [`pictures`]: the next number, none of these for a
/// doubled packet.
pub const NEXT: u8 = 1;
/// One packet is lost in front of it.
pub const LOST: u8 = 2;
/// It is of another picture than the one before.
pub const NEW_PICTURE: u8 = 4;
/// It has the marker.
pub const MARKER: u8 = 8;

/// Datagrams for a transport's handshake: our role, then each behind a byte of the time that passes before it, in
/// 20 ms, and its length in two bytes.
pub fn handshake(input: &[u8]) {
    let [role, rest @ ..] = input else { return };
    let role = if role % 2 == 0 { DtlsRole::Passive } else { DtlsRole::Active };
    let identity = DtlsIdentity::fresh(1_700_000_000).expect("a pair can be made");
    let mut table = HandshakeTable::new(identity);
    let (port, serial) = (PortId(16_000), 1);
    let mut now = std::time::Instant::now();
    let mut told = 0;
    let mut judge = |outcomes: Vec<TableOutcome>| {
        for outcome in outcomes {
            match outcome {
                TableOutcome::Flight { datagrams, .. } => {
                    assert!(!datagrams.is_empty() && datagrams.len() <= 64);
                    assert!(datagrams.iter().all(|datagram| (1..=1_200).contains(&datagram.len())));
                }
                TableOutcome::Event { event, .. } => {
                    let fault = HandshakeFault::Internal;
                    assert_ne!(event, HandshakeEvent::Failed { port, fault });
                    told += 1;
                    assert!(told <= 2, "keys, and the end");
                }
            }
        }
    };
    judge(table.handle(now, TableOrder::Begin { port, serial, role }));
    for (ticks, bytes) in chunks_with_a_byte(rest) {
        now += std::time::Duration::from_millis(20) * u32::from(ticks);
        judge(table.tick(now));
        judge(table.handle(now, TableOrder::Datagram { port, serial, bytes: bytes.to_vec() }));
        assert!(table.under_way() <= 1);
    }
    now += std::time::Duration::from_secs(60);
    judge(table.tick(now));
    assert_eq!(table.under_way(), 0, "whatever has begun has an end");
    let order = TableOrder::Begin { port: PortId(16_002), serial, role: DtlsRole::Active };
    let beside = table.handle(now, order);
    assert!(matches!(beside[..], [TableOutcome::Flight { .. }]), "others are served");
}

/// Packets of pictures: the format, the size of payloads to pack into, then packets, each behind a
/// byte of what happens to it and its length in two bytes.
pub fn pictures(input: &[u8]) {
    let [format, payload_max, rest @ ..] = input else { return };
    let format = FORMATS[usize::from(*format) % FORMATS.len()];
    let mut depacketiser = Depacketiser::new(format);
    let mut packetiser = Packetiser::new(format, usize::from(*payload_max));
    let (mut sequence, mut timestamp) = (65_530_u16, 0_u32);
    let mut units = 0;
    for (what, payload) in chunks_with_a_byte(rest) {
        sequence = sequence.wrapping_add(u16::from(what & (NEXT | LOST)));
        timestamp = timestamp.wrapping_add(u32::from(what & NEW_PICTURE));
        look_at(payload);
        let marker = what & MARKER != 0;
        depacketiser.take(sequence, timestamp, marker, payload, &mut |unit| {
            assert!(!unit.bytes.is_empty() && unit.bytes.len() <= UNIT_MAX);
            units += 1;
            let mut ended = false;
            packetiser.packetise(unit.bytes, &mut |payload, last| {
                assert!(!payload.is_empty() && !ended);
                ended = last;
            });
        });
    }
    // Whatever came before, a good picture after it comes out as it is.
    let good = good_picture(format);
    let mut came = Vec::new();
    packetiser.packetise(&good, &mut |payload, last| {
        sequence = sequence.wrapping_add(1000);
        depacketiser.take(sequence, timestamp.wrapping_add(1), last, payload, &mut |unit| {
            came.clear();
            came.extend_from_slice(unit.bytes);
        });
    });
    assert_eq!(came, good, "{format:?} after {units} others");
}

/// A picture that goes into one payload of any size.
fn good_picture(format: PictureFormat) -> Vec<u8> {
    match format {
        PictureFormat::H264 { .. } => vec![0, 0, 0, 1, 0x65, 0x88, 0x84, 0x21],
        PictureFormat::H265 => vec![0, 0, 0, 1, 19 << 1, 1, 0xaf, 0x21],
        PictureFormat::H263 | PictureFormat::H263Plus => vec![0, 0, 0x80, 2, 8, 0x21, 0x55],
        PictureFormat::H261 => vec![0, 1, 0, 0x21, 0x55],
        PictureFormat::Vp8 => vec![0x10, 2, 0, 0x9d, 1, 0x2a],
    }
}

/// The looks that the relay has at payloads of every format, whatever was negotiated.
fn look_at(payload: &[u8]) {
    let _ = h264::Contents::of(payload).begins_key_frame();
    let _ = h263::begins_key_frame(payload);
    let _ = h263::begins_key_frame_plus(payload);
    assert!(h265::begins_picture(payload) || !h265::begins_key_frame(payload));
    assert!(vp9::begins_picture(payload) || !vp9::begins_key_frame(payload));
    let key_frame = vp8::begins_key_frame(payload);
    let mut renumbered = payload.to_vec();
    vp8::renumber(&mut renumbered, 0x1234, 7);
    assert_eq!(vp8::begins_key_frame(&renumbered), key_frame);
}

/// One datagram at a port of RTP.
pub fn packet(input: &[u8]) {
    let _ = is_rtcp(input);
    let Ok(packet) = Packet::parse(input) else { return };
    let (header, payload) = (packet.header(), packet.payload().to_vec());
    assert!(packet.payload_offset() + payload.len() <= input.len());
    assert!(packet.elements().map(|(_, data)| data.len()).sum::<usize>() <= input.len());
    let _ = TelephoneEvent::parse(&payload).and_then(TelephoneEvent::digit);
    let mut bytes = input.to_vec();
    rewrite(&mut bytes, &header);
    let len = strip(&mut bytes);
    let again = Packet::parse(&bytes[..len]);
    let Ok(again) = again else { panic!("bare it is a packet, too") };
    assert_eq!((again.header(), again.payload()), (header, &payload[..]));
    assert_eq!(&bytes[HEADER_LEN..len], payload);
}

/// One check of ICE, at the agent of RFC 5769 §2.
pub fn check(input: &[u8]) {
    let Ok(request) = BindingRequest::parse(input) else { return };
    let password = "VOkJxbRl1RmTxUk/WvJxBt";
    let agent = |ufrag: &str| IceCredentials { ufrag: ufrag.into(), password: password.into() };
    assert!(!request.is_for(&agent("h6vY")), "it is for nobody else");
    let _ = (request.is_for(&agent("evtj")), request.nominates(), request.is_controlled());
    assert!(4 * request.unknown().len() <= input.len(), "more is read than is there");
    let mut response = Vec::new();
    let mut holds = |say: &dyn Fn(&mut Vec<u8>)| {
        say(&mut response);
        let length = usize::from(u16::from_be_bytes([response[2], response[3]]));
        assert_eq!((length + 20, length % 4), (response.len(), 0));
        assert_eq!(response[4..20], input[4..20], "the transaction of the check");
        assert_eq!(BindingRequest::parse(&response).err(), Some(StunFault::Kind));
    };
    for from in ["192.0.2.7:40000", "[2001:db8::7]:40000"] {
        let from: SocketAddr = from.parse().expect("it is an address");
        holds(&|response| accept(&request, from, password, response));
    }
    for refusal in [CheckRefusal::UnknownAttribute, CheckRefusal::RoleConflict] {
        holds(&|response| refuse(&request, refusal, password, response));
    }
}

/// The keys of [`sealed`]; the suite by the first byte of its input modulo their number.
pub fn keys(suite: u8) -> MasterKey {
    let suite = Suite::ALL[usize::from(suite) % Suite::ALL.len()];
    let (key, salt) = (vec![0x4b; suite.key_len()], vec![0x53; suite.salt_len()]);
    MasterKey::of_parts(suite, &key, &salt).expect("they are as long as the suite has them")
}

/// One datagram of SRTP, or of SRTCP where the second byte is odd.
pub fn sealed(input: &[u8]) {
    let [suite, kind, packet @ ..] = input else { return };
    let keys = keys(*suite);
    let mut theirs = UnprotectContext::new(&keys);
    let mut opened = packet.to_vec();
    if kind % 2 == 1 {
        let length = theirs.unprotect_rtcp(&mut opened);
        assert!(length.is_none_or(|length| length < packet.len()));
        let again = theirs.unprotect_rtcp(&mut packet.to_vec());
        assert!(length.is_none() || again.is_none(), "a repetition is not taken");
        return;
    }
    if let Some(length) = theirs.unprotect_rtp(&mut opened) {
        opened.truncate(length);
        ProtectContext::new(&keys).protect_rtp(&mut opened);
        assert_eq!(opened, packet, "only what was sealed under these keys opens");
        assert_eq!(theirs.unprotect_rtp(&mut opened), None, "a repetition is not taken");
    }
    // As a packet in clear: sealed, it opens, and is what it was.
    let mut own = packet.to_vec();
    ProtectContext::new(&keys).protect_rtp(&mut own);
    if !own.is_empty() {
        let length = UnprotectContext::new(&keys).unprotect_rtp(&mut own);
        assert_eq!(length.map(|length| &own[..length]), Some(packet));
    }
}

/// One datagram of RTCP.
pub fn control(input: &[u8]) {
    let Ok(messages) = rtcp::parse(input) else { return };
    let mut entries = 0;
    for message in messages {
        entries += 1 + match message {
            RtcpPacket::SenderReport(_, blocks) | RtcpPacket::ReceiverReport(_, blocks) => {
                blocks.count()
            }
            RtcpPacket::Cname(_, name) => name.len(),
            RtcpPacket::Bye(sources) | RtcpPacket::MaxBitrate { sources, .. } => sources.count(),
            RtcpPacket::FullIntra(_, requests) => requests.count(),
            // 16 packets and the one that is named, in four bytes.
            RtcpPacket::Nack { lost, .. } => lost.count() / 5,
            RtcpPacket::SourceBitrates(_, limits) => limits.count(),
            RtcpPacket::PictureLoss { .. } | RtcpPacket::Other(_) => 0,
        };
    }
    assert!(entries <= input.len(), "more is read than is there");
}

/// The body of an offer or an answer, and what its media lines say.
pub fn description(input: &[u8]) {
    let Ok(session) = SessionDescription::parse(input) else { return };
    for media in &session.media {
        let _ =
            (media.direction(&session), media.rtp_address(&session), media.rtcp_address(&session));
        let _ = (media.rtcp_mux(), media.ptime(), media.maxptime(), media.is_rtp());
        for map in media.rtpmaps() {
            let fmtp = media.fmtp(map.payload_type).unwrap_or("");
            let _ = (H264Parameters::parse(fmtp), h264::parameter_sets(fmtp));
            let _ = media.rtcp_fb(map.payload_type).count();
        }
    }
    // What the parser tolerated may be gone from the first print; the second one is by the book.
    let print =
        |text: &str| SessionDescription::parse(text.as_bytes()).map(|session| session.to_string());
    let printed = print(&session.to_string());
    let Ok(printed) = printed else { panic!("what is printed is read again: {printed:?}") };
    assert_eq!(print(&printed), Ok(printed), "what is printed is what was read");
}

/// A party in writing. What is one goes on: it is put back, taken out and written anew, and hangs up.
pub fn party(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let unix = UnixTime::from_secs(1_795_000_000);
    let now = Now { instant: Instant::from_micros(1_000_000_000), unix };
    let Ok(party) = live::parse(text, now, |_| None) else { return };
    let settings = leg::Settings {
        domain: "example.com".to_owned(),
        media_addresses: vec![],
        port_rest: Duration::from_secs(10),
        rtp_timeout: Duration::from_secs(60),
        fingerprint: None,
        dialog: dialog::Settings::default(),
    };
    let mut legs = leg::Machine::new(settings, Random::from_number(1));
    let mut relay = media::Machine::new(media::Settings::default(), Random::from_number(2));
    let SavedParty { leg, ports, peer, invite, credit } = party;
    let transactions = transaction::Settings::default();
    let mut transactions = transaction::Machine::new(transactions, Random::from_number(3));
    let _is_new = match (invite.clone(), &leg.dialog.phase) {
        (Some(SavedInvite::Theirs(invite)), SavedPhase::Ringing(ringing)) => {
            let (uri, headers) = (ringing.request.uri.as_str(), &ringing.request.headers);
            transactions.restore_server(now, invite, InviteHead { uri, headers })
        }
        (Some(SavedInvite::Ours(invite)), SavedPhase::Calling(calling)) => {
            transactions.restore_client(now, invite, calling.request.clone())
        }
        _ => false,
    };
    let id = leg.dialog.leg;
    let restored = legs.restore(now, leg, None);
    relay.restore(now, ports, &restored.rows, &mut Nowhere);
    for command in restored.commands {
        relay.handle(now, command, &mut Nowhere);
    }
    let saved = legs.save(now, id).expect("nothing is under way");
    let ports = [&saved.audio, &saved.video].into_iter().filter(|stream| stream.is_open);
    let ports = ports.filter_map(|stream| relay.save(now, stream.port?)).collect();
    let again = live::print(&SavedParty { leg: saved, ports, peer, invite, credit });
    if let Err(fault) = live::parse(&again, now, |_| None) {
        panic!("{fault}: {again}");
    }
    let later = now + Duration::from_secs(20);
    relay.tick(later, &mut Nowhere);
    let _ = legs.tick(later.instant);
    let _ = transactions.tick(later.instant);
    let end = leg::Command::End { leg: id, cause: Cause::NormalClearing };
    let effects = legs.handle(later.instant, leg::Input::Command(end));
    for effect in effects {
        if let leg::Effect::Request { request, .. } = effect {
            let mut bytes = Vec::new();
            sip::print(&sip::Message::Request(request), &mut bytes);
        }
    }
}

struct Nowhere;

impl media::Outgoing for Nowhere {
    fn send(&mut self, _: PortId, _: media::Channel, _: media::MediaPath, _: &[u8]) {}
    fn report(&mut self, _: media::Event) {}
    fn job(&mut self, _: media::Job) {}
    fn tap(&mut self, _: media::RecordingTap) {}
}

/// A message of SIP in one datagram, and the same bytes out of a stream.
pub fn message(input: &[u8]) {
    match sip::parse(input) {
        Ok(message) => {
            let mut printed = Vec::new();
            sip::print(&message, &mut printed);
            assert_eq!(sip::parse(&printed), Ok(message), "what is printed is what was read");
        }
        Err(error) => {
            let _ = sip::parse_failure_response(input, &error);
        }
    }
    let mut framing = sip::Framing::new();
    let (half, rest) = input.split_at(input.len() / 2);
    for bytes in [half, rest] {
        framing.push(bytes);
        while let Ok(Some(_)) = framing.next_frame() {}
    }
}

/// The body of a desk's INFO.
pub fn desk(input: &[u8]) {
    let Ok(command) = command::read(input) else { return };
    if command.content.len() <= command::BODY_MAX {
        let again = command::read(command.content.as_bytes());
        assert_eq!(again, Ok(command), "the same command by its own content");
    }
}

/// A line at the socket of administration, and the same line as a command line would read an answer.
pub fn administration(input: &[u8]) {
    if let Ok(request) = admin_wire::read_request(input) {
        let written = admin_wire::write_request(&request);
        let Ok(written) = written else { panic!("what was read can be written: {written:?}") };
        assert!(!written.contains('\n'), "one request is one line");
        let again = admin_wire::read_request(written.as_bytes());
        let again = again.map(|again| admin_wire::write_request(&again));
        assert!(
            matches!(&again, Ok(Ok(again)) if *again == written),
            "what is written is what was read: {written} {again:?}"
        );
    }
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = admin_wire::read_answer(text);
    }
}

/// A configuration file.
pub fn configuration(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Err(refusals) = Config::read("cordboard.toml", text) else { return };
    assert!(!refusals.is_empty());
    for refusal in refusals {
        assert!((1..=text.lines().count() + 1).contains(&refusal.line), "{refusal}");
    }
}

/// Coded pictures: the codec, then pictures, each behind its length in two bytes.
pub fn decoded_pictures(input: &[u8]) {
    let [codec, rest @ ..] = input else { return };
    let codec = &PICTURE_CODECS[usize::from(*codec) % PICTURE_CODECS.len()];
    let Some(mut decoder) = VideoDecoder::new(codec) else { return };
    let mut image = Image::new(2, 2);
    let jpeg = chunks(rest).next().and_then(|coded| still(codec, coded));
    assert!(jpeg.is_none_or(|jpeg| jpeg.len() <= STILL_BYTES_MAX));
    for coded in chunks(rest) {
        if decoder.decode(coded, &mut image) == Ok(true) {
            let (width, height) = (image.width(), image.height());
            assert!(
                (1..=IMAGE_SIDE_MAX).contains(&width) && (1..=IMAGE_SIDE_MAX).contains(&height)
            );
            assert_eq!(image.planes()[0].len(), width * height);
        }
    }
}

/// Coded voice: the codec, then payloads, each behind its length in two bytes.
pub fn decoded_voice(input: &[u8]) {
    let [codec, rest @ ..] = input else { return };
    let codec = &VOICE_CODECS[usize::from(*codec) % VOICE_CODECS.len()];
    let Some(mut decoder) = AudioDecoder::new(codec, 48_000) else { return };
    let mut samples = [0; SAMPLES_MAX];
    for payload in chunks(rest) {
        match decoder.decode(payload, &mut samples) {
            Ok(len) => assert!(len <= SAMPLES_MAX),
            Err(_) => decoder.conceal(&mut samples[..960]),
        }
    }
}

/// Pieces behind their lengths; the last one as long as it is.
fn chunks(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, more) = rest.split_first_chunk()?;
        let (chunk, behind) = more.split_at(more.len().min(u16::from_be_bytes(*len).into()));
        rest = behind;
        Some(chunk)
    })
}

fn chunks_with_a_byte(mut rest: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let ([what, high, low], more) = rest.split_first_chunk()?;
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let (chunk, behind) = more.split_at(more.len().min(len));
        rest = behind;
        Some((*what, chunk))
    })
}
