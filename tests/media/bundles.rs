//! Sound and pictures of one peer on one transport (BUNDLE, RFC 9143), under keys and in clear.

use super::checks::{USE_CANDIDATE, check_for};
use super::relay::*;
use super::{format, plan, with};
use cordboard::codec::{Codec, Kind};
use cordboard::ids::PortId;
use cordboard::media::{Command, Event, Plan, Protection, Source, SrtpKeys};
use cordboard::rtp::RtpHeader;
use cordboard::rtp::rtcp::{self, ReportBlock, RtcpPacket, RtcpWriter, SenderReport};
use cordboard::srtp::{MasterKey, ProtectContext, Seed, Suite, UnprotectContext};
use cordboard::stun::IceCredentials;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// The browser's pictures, beside its sound on C.
const CV: PortId = PortId(16_001);
/// The pictures of the phone whose sound is on O.
const OV: PortId = PortId(16_006);
const VOICE_SSRC: u32 = 0x0a0a_0a0a;
const PICTURE_SSRC: u32 = 0x0b0b_0b0b;
/// VP8 (RFC 7741 §4): the beginning of a key frame, and of another one.
const KEY_FRAME: [u8; 11] = [0x10, 0, 0, 0, 0x9d, 1, 0x2a, 64, 0, 48, 0];
const DELTA: [u8; 4] = [0x10, 1, 0, 0];

fn key(byte: u8) -> MasterKey {
    MasterKey::fresh(Suite::AeadAes128Gcm, Seed([byte; 46]))
}

fn browser_address() -> SocketAddr {
    "192.0.2.200:61000".parse().unwrap()
}

/// Of the browser: sound as 0, pictures as 96.
fn plan_of(port: PortId, protection: &Protection) -> Plan {
    let format = match port {
        C => format(Codec::Pcmu, 0, 0, ""),
        _pictures => format(Codec::Vp8, 96, 96, ""),
    };
    with(plan(C, vec![format]), |plan| {
        plan.transport.remote = None;
        plan.transport.ice = Some(IceCredentials::fresh(&[7; 46]));
        plan.transport.mux = true;
        plan.transport.handshake = true;
        plan.transport.protection = protection.clone();
        plan.carrier = (port != C).then_some(C);
    })
}

struct Bundle {
    relay: Relay,
    seal: ProtectContext,
    picture_seal: ProtectContext,
    open: UnprotectContext,
    voice: u16,
    picture: u16,
}

impl Bundle {
    fn new() -> Self {
        let mut relay = Relay::new();
        for (port, kind) in [(C, Kind::Audio), (CV, Kind::Video)] {
            let plan = plan_of(port, &Protection::Awaited);
            relay.command(Command::Open { port, kind, plan });
        }
        relay.open(O, Kind::Audio, vec![format(Codec::Pcmu, 0, 0, "")]);
        relay.open(OV, Kind::Video, vec![format(Codec::Vp8, 97, 97, "")]);
        relay.phone(OV).payload_type = 97;
        relay.phone(OV).step = 3_000;
        let rows = [(C, O), (O, C), (CV, OV), (OV, CV)];
        relay.patch(&rows.map(|(receiver, source)| (receiver, Source::Port(source))));
        let ours = IceCredentials::fresh(&[7; 46]);
        let check = check_for(&ours.ufrag, &ours.password, &[USE_CANDIDATE]);
        relay.arrives_from(C, browser_address(), &check);
        let keys = SrtpKeys { sends: key(1), receives: key(2) };
        let keyed = Protection::Keyed(Box::new(keys));
        for port in [C, CV] {
            relay.command(Command::Update { port, plan: plan_of(port, &keyed) });
        }
        let (seal, picture_seal) = (ProtectContext::new(&key(2)), ProtectContext::new(&key(2)));
        let open = UnprotectContext::new(&key(1));
        Self { relay, seal, picture_seal, open, voice: 0, picture: 0 }
    }

    fn says(&mut self) {
        let header = RtpHeader {
            payload_type: 0,
            marker: false,
            sequence: self.voice,
            timestamp: u32::from(self.voice) * 160,
            ssrc: VOICE_SSRC,
        };
        self.voice = self.voice.wrapping_add(1);
        let mut packet = [&header.to_bytes()[..], &[voice(C); 160]].concat();
        self.seal.protect_rtp(&mut packet);
        self.relay.arrives_from(C, browser_address(), &packet);
    }

    fn shows(&mut self, payload: &[u8]) {
        let header = RtpHeader {
            payload_type: 96,
            marker: true,
            sequence: self.picture,
            timestamp: u32::from(self.picture) * 3_000,
            ssrc: PICTURE_SSRC,
        };
        self.picture = self.picture.wrapping_add(1);
        let mut packet = [&header.to_bytes()[..], payload].concat();
        self.picture_seal.protect_rtp(&mut packet);
        self.relay.arrives_from(C, browser_address(), &packet);
    }

    /// The phone's sound and pictures.
    fn phone_speaks(&mut self, picture: &[u8]) {
        let sound = self.relay.phone(O).packet(&[voice(O); 160]);
        self.relay.arrives(O, &sound);
        let picture = self.relay.phone(OV).packet(picture);
        self.relay.arrives(OV, &picture);
    }

    /// What the browser was sent since this was last asked, opened: RTP and RTCP.
    fn got(&mut self) -> (Vec<Sent>, Vec<Sent>) {
        let all = std::mem::take(&mut self.relay.wire.sent);
        let (mine, others) = all.into_iter().partition::<Vec<_>, _>(|sent| sent.port == C);
        self.relay.wire.sent = others;
        let (mut rtp, mut rtcp) = (Vec::new(), Vec::new());
        for mut sent in mine.into_iter().filter(|sent| sent.bytes[0] >= 128) {
            assert_eq!(sent.to, browser_address());
            if cordboard::rtp::is_rtcp(&sent.bytes) {
                let len = self.open.unprotect_rtcp(&mut sent.bytes).expect("sealed by our key");
                sent.bytes.truncate(len);
                rtcp.push(sent);
            } else {
                let len = self.open.unprotect_rtp(&mut sent.bytes).expect("sealed, and new");
                sent.bytes.truncate(len);
                rtp.push(sent);
            }
        }
        (rtp, rtcp)
    }

    fn reports(&mut self, write: impl FnOnce(&mut RtcpWriter<'_>)) {
        let mut packet = Vec::new();
        write(&mut RtcpWriter::new(&mut packet));
        self.seal.protect_rtcp(&mut packet);
        self.relay.arrives_from(C, browser_address(), &packet);
    }
}

#[test]
fn sound_and_pictures_go_each_to_its_own_and_come_back_on_one_port() {
    let mut bundle = Bundle::new();
    bundle.shows(&KEY_FRAME);
    bundle.phone_speaks(&KEY_FRAME);
    for _ in 0..20 {
        bundle.says();
        bundle.shows(&DELTA);
        bundle.phone_speaks(&DELTA);
        bundle.relay.pass(20);
    }
    assert!(bundle.relay.put_back > 0, "other relays went on with it");
    let sounds = bundle.relay.rtp_to(O);
    assert!(sounds.iter().all(|sent| sent.payload() == [voice(C); 160]));
    let pictures = bundle.relay.rtp_to(OV);
    assert!(pictures.iter().all(|sent| sent.header().payload_type == 97));
    assert_eq!((sounds.len(), pictures.len()), (20, 21));
    let (rtp, _) = bundle.got();
    let of = |number: u8| -> Vec<Sent> {
        rtp.iter().filter(|sent| sent.header().payload_type == number).cloned().collect()
    };
    let (sounds, pictures) = (of(0), of(96));
    assert!(sounds.iter().all(|sent| sent.payload() == [voice(O); 160]));
    assert!(sounds.len() >= 20 && pictures.len() >= 20, "{} {}", sounds.len(), pictures.len());
    assert_continuous(&sounds);
    assert_continuous(&pictures);
    assert_ne!(sounds[0].header().ssrc, pictures[0].header().ssrc);
}

/// Each SSRC counts its own rollovers under the one key: no index comes twice, and none is taken for another's.
#[test]
fn many_packets_of_both_keep_their_indices_apart() {
    let mut bundle = Bundle::new();
    bundle.phone_speaks(&KEY_FRAME);
    for n in 0..70_000 {
        let picture = bundle.relay.phone(OV).packet(&DELTA);
        bundle.relay.arrives(OV, &picture);
        if n % 100 == 0 {
            let sound = bundle.relay.phone(O).packet(&[voice(O); 160]);
            bundle.relay.arrives(O, &sound);
            bundle.relay.now = bundle.relay.now + cordboard::time::Duration::from_millis(1);
            let (rtp, _) = bundle.got();
            assert!(rtp.len() >= if n > 0 { 100 } else { 2 }, "{n}: {}", rtp.len());
        }
    }
}

#[test]
fn what_has_another_type_is_told_by_its_ssrc_or_counted() {
    let mut bundle = Bundle::new();
    bundle.shows(&KEY_FRAME);
    bundle.says();
    for (ssrc, sequence) in [(VOICE_SSRC, 1), (PICTURE_SSRC, 1), (77, 1)] {
        let header = RtpHeader { payload_type: 120, marker: false, sequence, timestamp: 0, ssrc };
        let mut packet = [&header.to_bytes()[..], &[1; 20]].concat();
        let seal = if ssrc == PICTURE_SSRC { &mut bundle.picture_seal } else { &mut bundle.seal };
        seal.protect_rtp(&mut packet);
        bundle.relay.arrives_from(C, browser_address(), &packet);
    }
    bundle.relay.pass(6_000);
    let counted = [C, CV].map(|port| bundle.relay.dropped(port).unknown_type);
    assert_eq!(counted.iter().sum::<u64>(), 3);
    let firsts = bundle.relay.wire.events.iter().filter_map(|event| match event {
        Event::FirstPacket { port } => Some(*port),
        _ => None,
    });
    assert_eq!(firsts.collect::<BTreeSet<_>>(), BTreeSet::from([C, CV]));
}

#[test]
fn reports_and_requests_belong_to_the_stream_whose_ssrc_they_name() {
    let mut bundle = Bundle::new();
    for _ in 0..50 {
        bundle.says();
        bundle.shows(&KEY_FRAME);
        bundle.phone_speaks(&KEY_FRAME);
        bundle.relay.pass(20);
    }
    let (rtp, _) = bundle.got();
    let ssrc_of = |number: u8| {
        let sent = rtp.iter().find(|sent| sent.header().payload_type == number);
        sent.unwrap().header().ssrc
    };
    let (sound, pictures) = (ssrc_of(0), ssrc_of(96));
    let block = |ssrc, fraction_lost| ReportBlock {
        ssrc,
        fraction_lost,
        cumulative_lost: 0,
        highest_sequence: 1,
        jitter: 0,
        last_report: 0,
        delay: 0,
    };
    let report = |ssrc| SenderReport { ssrc, ntp: 1 << 32, timestamp: 5, packets: 9, octets: 9 };
    bundle.reports(|writer| {
        writer.sender_report(&report(VOICE_SSRC), &[block(sound, 64)]);
        writer.cname(VOICE_SSRC, "browser");
        writer.sender_report(&report(PICTURE_SSRC), &[block(pictures, 128)]);
    });
    for port in [C, CV] {
        bundle.relay.command(Command::Watch { port, on: true });
    }
    bundle.relay.pass(1_100);
    let lost = |relay: &Relay, at: PortId| {
        relay.wire.events.iter().find_map(|event| match event {
            Event::Health { port, health } if *port == at => health.loss_percent,
            _ => None,
        })
    };
    assert_eq!([C, CV].map(|port| lost(&bundle.relay, port)), [Some(25), Some(50)]);
    // What we say of each, in compounds of their own, and what each is told of itself.
    bundle.relay.pass(6_000);
    let (_, rtcp) = bundle.got();
    let mut said = BTreeSet::new();
    for sent in &rtcp {
        for message in rtcp::parse(&sent.bytes).unwrap() {
            if let RtcpPacket::SenderReport(SenderReport { ssrc, .. }, blocks) = message {
                said.extend(blocks.map(|block| (ssrc, block.ssrc)));
            }
        }
    }
    assert_eq!(said, BTreeSet::from([(sound, VOICE_SSRC), (pictures, PICTURE_SSRC)]));
    // A picture that the browser lacks is asked for at the phone whose it is.
    bundle.relay.pass(1_000);
    bundle.relay.wire.sent.clear();
    bundle.reports(|writer| {
        writer.receiver_report(PICTURE_SSRC, &[]).picture_loss(PICTURE_SSRC, pictures);
    });
    bundle.relay.pass(1_000);
    let asked: BTreeSet<_> =
        bundle.relay.key_frame_requests().into_iter().map(|(_, port, how)| (port, how)).collect();
    assert_eq!(asked, BTreeSet::from([(OV, "PLI")]));
}

#[test]
fn pictures_go_alone_and_come_again_and_the_carrier_takes_all_with_it() {
    let mut bundle = Bundle::new();
    bundle.phone_speaks(&KEY_FRAME);
    bundle.relay.command(Command::Close { port: CV });
    let _ = bundle.got();
    for _ in 0..10 {
        bundle.says();
        bundle.phone_speaks(&DELTA);
        bundle.relay.pass(20);
    }
    let numbers = |sent: &[Sent]| -> BTreeSet<u8> {
        sent.iter().map(|sent| sent.header().payload_type).collect()
    };
    assert_eq!(numbers(&bundle.got().0), BTreeSet::from([0]), "the sound goes on");
    let keys = SrtpKeys { sends: key(1), receives: key(2) };
    let plan = plan_of(CV, &Protection::Keyed(Box::new(keys)));
    bundle.relay.command(Command::Open { port: CV, kind: Kind::Video, plan });
    bundle.relay.patch(&[(CV, Source::Port(OV)), (OV, Source::Port(CV))]);
    bundle.phone_speaks(&KEY_FRAME);
    bundle.relay.pass(20);
    assert_eq!(numbers(&bundle.got().0), BTreeSet::from([0, 96]), "both again");
    bundle.relay.command(Command::Close { port: C });
    let _ = bundle.got();
    bundle.phone_speaks(&KEY_FRAME);
    bundle.relay.pass(10_000);
    assert_eq!(bundle.got().0.len(), 0);
    bundle.relay.command(Command::Close { port: CV });
    assert!(bundle.relay.rtp_to(O).last().is_some_and(|sent| sent.payload() != [voice(C); 160]));
}
