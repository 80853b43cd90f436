//! One clock under one SSRC (RFC 7160), whoever speaks in whichever codec.

use super::relay::*;
use cordboard::codec::{Codec, Kind};
use cordboard::media::{Channel, Source};
use cordboard::rtp::rtcp::{self, RtcpPacket};
use std::collections::BTreeSet;

/// C answered with two codecs; O speaks one of them and U the other.
fn speakers(one: &Codec, other: &Codec) -> Relay {
    let mut relay = Relay::new();
    let both = vec![format(one.clone(), 8, 8, ""), format(other.clone(), 96, 96, "")];
    relay.open(C, Kind::Audio, both);
    for (port, codec) in [(O, one), (U, other)] {
        relay.open(port, Kind::Audio, vec![format(codec.clone(), 100, 100, "")]);
        let facts = codec.facts();
        let phone = relay.phone(port);
        (phone.payload_type, phone.step) = (100, facts.clock_rate / 50);
    }
    relay
}

/// C hears music, O, U, O and U, each for a while; gives out what it was sent.
fn heard_by_turns(relay: &mut Relay, payload: &[u8]) -> Vec<Sent> {
    for source in [HOLD, Source::Port(O), Source::Port(U), Source::Port(O), Source::Port(U)] {
        relay.patch(&[(C, source)]);
        for _ in 0..25 {
            for port in [O, U] {
                let packet = relay.phone(port).packet(payload);
                relay.arrives(port, &packet);
            }
            relay.pass(20);
        }
    }
    relay.rtp_to(C)
}

#[test]
fn a_phone_that_answered_with_two_clocks_hears_one_stream_of_one_clock() {
    let mut relay = speakers(&Codec::Pcma, &Codec::Opus);
    // A frame of Opus that says nothing (RFC 6716 §3.1), and G.711 as well.
    let sent = heard_by_turns(&mut relay, &[0xf8, 0xff, 0xfe]);
    let types: BTreeSet<u8> = sent.iter().map(|sent| sent.header().payload_type).collect();
    assert_eq!(types, BTreeSet::from([8]));
    assert_continuous(&sent);
    let (first, last) = (&sent[0], &sent[sent.len() - 1]);
    let ticks = last.at.since(first.at).as_millis() as u32 * 8;
    let said = last.header().timestamp.wrapping_sub(first.header().timestamp);
    assert!(said.abs_diff(ticks) < 1600, "{said} ticks in {ticks}");
}

#[test]
fn what_cannot_be_converted_to_its_clock_begins_a_stream_of_its_own_under_the_same_name() {
    let wide = Codec::from_rtpmap(Kind::Audio, "EVS", 16_000, 1).unwrap();
    let mut relay = speakers(&Codec::Pcma, &wide);
    let sent = heard_by_turns(&mut relay, &[1; 33]);
    for pair in sent.windows(2) {
        let (one, other) = (pair[0].header(), pair[1].header());
        let same = one.ssrc == other.ssrc;
        assert_eq!(same, one.payload_type == other.payload_type, "{one:?} {other:?}");
        assert!(!same || one.sequence.wrapping_add(1) == other.sequence);
    }
    let all: BTreeSet<u32> = sent.iter().map(|sent| sent.header().ssrc).collect();
    assert_eq!(all.len(), 4, "music and O; U; O again; U again");
    relay.wire.sent.clear();
    relay.pass(6_000);
    let now = sent.last().unwrap().header().ssrc;
    let mut told = false;
    for report in relay.wire.sent.iter().filter(|s| s.port == C && s.channel == Channel::Rtcp) {
        for message in rtcp::parse(&report.bytes).unwrap() {
            match message {
                RtcpPacket::Cname(ssrc, name) if ssrc == now => {
                    told |= name == C.to_string().as_bytes()
                }
                RtcpPacket::SenderReport(report, _) if report.ssrc == now => {
                    assert_eq!(report.packets, 25, "of this stream alone");
                }
                _ => {}
            }
        }
    }
    assert!(told, "its name");
}
