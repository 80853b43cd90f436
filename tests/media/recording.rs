//! What is recorded: what the subject says and is given of a party, nothing else, and no keys.

use crate::relay::*;
use cordboard::codec::{Codec, Kind};
use cordboard::ids::{CallId, PortId};
use cordboard::media::{Command, LOT_BYTES, LOT_ENTRIES, Side, Source, TapEntry};
use cordboard::rtp::TelephoneEvent;

const CALL: CallId = CallId(17);

fn record(relay: &mut Relay, port: PortId, recording: Option<CallId>) {
    relay.command(Command::Record { port, recording });
}

/// What is recorded: `<` and `>` for the sides with who is heard, `|` and `[` for pause and resume;
/// the same again is said once.
fn recorded(relay: &mut Relay) -> String {
    let mut heard_entries = Vec::new();
    for tap in std::mem::take(&mut relay.wire.taps) {
        assert_eq!(tap.call, CALL);
        let mut bytes = &tap.bytes[..];
        for entry in &tap.entries {
            heard_entries.push(match entry {
                TapEntry::Resume(_) => "[".to_owned(),
                TapEntry::Pause(_) => "|".to_owned(),
                TapEntry::ParameterSets { .. } => unreachable!("nobody has a camera"),
                TapEntry::Packet(piece) => {
                    let (payload, rest) = bytes.split_at(piece.len);
                    bytes = rest;
                    let who = [(C, "C"), (O, "O"), (U, "U")];
                    let who = who.iter().find(|(port, _)| voice(*port) == payload[0]);
                    let who = who.map_or("?", |(_, name)| name);
                    format!("{}{who}", if piece.side == Side::Left { "<" } else { ">" })
                }
            });
        }
        assert!(bytes.is_empty(), "every payload has its entry");
    }
    let mut told: Vec<String> = Vec::new();
    for word in heard_entries {
        let twice = told.len() >= 2 && told[told.len() - 2] == word;
        if !(twice || told.last() == Some(&word)) {
            told.push(word);
        }
    }
    told.join(" ")
}

#[test]
fn a_recording_follows_its_subject_from_partner_to_partner_and_pauses_while_it_waits() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    relay.speak(&[C, O, U], 400);
    assert_eq!(recorded(&mut relay), "", "nothing is recorded unasked");
    record(&mut relay, C, Some(CALL));
    relay.speak(&[C, O, U], 400);
    relay.patch(&[(C, HOLD), (O, Source::Port(U)), (U, Source::Port(O))]);
    assert_eq!(recorded(&mut relay), "[ <C >O |");
    relay.speak(&[C, O, U], 400);
    assert_eq!(recorded(&mut relay), "", "a consultation is private");
    relay.patch(&[(C, Source::Port(U)), (O, Source::Silence), (U, Source::Port(C))]);
    relay.speak(&[C, O, U], 400);
    record(&mut relay, C, None);
    relay.speak(&[C, O, U], 400);
    assert_eq!(recorded(&mut relay), "[ <C >U |");
}

#[test]
fn another_subject_takes_over_without_an_end() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C)), (U, Source::Port(O))]);
    record(&mut relay, C, Some(CALL));
    relay.speak(&[C, O, U], 20);
    relay.patch(&[(C, HOLD), (O, Source::Port(U))]);
    record(&mut relay, O, Some(CALL));
    record(&mut relay, C, None);
    relay.speak(&[C, O, U], 400);
    relay.command(Command::Close { port: O });
    let told = recorded(&mut relay);
    assert!(told.starts_with("[ <C >O | [ "), "{told}");
    assert!(told.ends_with("<O >U |"), "{told}");
    record(&mut relay, O, Some(CALL));
    record(&mut relay, PortId(40_000), Some(CALL));
    assert_eq!(recorded(&mut relay), "", "ports that are not open have nothing to record");
}

#[test]
fn keys_are_not_recorded() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    record(&mut relay, C, Some(CALL));
    relay.speak(&[C, O, U], 400);
    for (port, number) in [(C, 101), (O, 101)] {
        let key = TelephoneEvent { event: 5, end: true, volume: 10, duration: 800 }.to_bytes();
        let timestamp = relay.phone(port).timestamp;
        let packet = relay.phone(port).packet_of(number, timestamp, &key);
        relay.arrives(port, &packet);
    }
    record(&mut relay, C, None);
    let entries = relay.wire.taps.iter().flat_map(|tap| &tap.entries);
    let packets = entries.filter(|entry| matches!(entry, TapEntry::Packet(_)));
    assert_eq!(packets.count(), 40, "20 of each, and no key");
}

#[test]
fn a_lot_is_given_away_in_time_and_before_it_grows() {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    record(&mut relay, C, Some(CALL));
    relay.speak(&[C, O, U], 2000);
    let lots = std::mem::take(&mut relay.wire.taps);
    assert!((9..=12).contains(&lots.len()), "{} lots in two seconds", lots.len());
    for _ in 0..200 {
        let packet = relay.phone(C).packet(&[7; 1000]);
        relay.arrives(C, &packet);
    }
    let lots = std::mem::take(&mut relay.wire.taps);
    assert!(lots.len() > 5 && lots.iter().all(|lot| lot.bytes.len() < LOT_BYTES + 1500));
    for _ in 0..3 * LOT_ENTRIES {
        let packet = relay.phone(C).packet(&[7]);
        relay.arrives(C, &packet);
    }
    let lots = std::mem::take(&mut relay.wire.taps);
    assert!(lots.len() >= 3 && lots.iter().all(|lot| lot.entries.len() <= LOT_ENTRIES));
}

#[test]
fn a_recorder_is_given_a_key_frame_and_the_parameter_sets_of_the_sdp() {
    let sprop = "packetization-mode=1;sprop-parameter-sets=Z0LADJoFAW6AgAAA,aM4yyA==";
    let mut relay = Relay::with_three_cameras(&Codec::H264, sprop);
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    for port in [C, O, C, O] {
        let packet = relay.phone(port).packet(&[0x41, 1, 2, 3]);
        relay.arrives(port, &packet);
    }
    relay.pass(5000);
    relay.wire.sent.clear();
    record(&mut relay, C, Some(CALL));
    relay.pass(500);
    for port in [C, O] {
        assert!(relay.wire.sent.iter().any(|sent| sent.port == port), "a key frame is asked for");
    }
    for port in [C, O] {
        let packet = relay.phone(port).packet(&[0x65, 1, 2, 3]);
        relay.arrives(port, &packet);
    }
    record(&mut relay, C, None);
    let taps = std::mem::take(&mut relay.wire.taps);
    let entries: Vec<&TapEntry> = taps.iter().flat_map(|tap| &tap.entries).collect();
    let told = |wanted| {
        let is_told = |entry: &&&TapEntry| matches!(entry, TapEntry::ParameterSets { side, len } if *side == wanted && *len > 20);
        entries.iter().filter(is_told).count()
    };
    assert_eq!((told(Side::Left), told(Side::Right)), (1, 1), "{entries:?}");
    let kinds = entries.iter().filter_map(|entry| match entry {
        TapEntry::Packet(piece) => Some(piece.kind()),
        _ => None,
    });
    assert_eq!(kinds.collect::<Vec<_>>(), [Kind::Video, Kind::Video]);
}
