//! Calls in writing: texts that a released version wrote are read by every later one, and no bytes are a party
//! that breaks us.

#![allow(clippy::unwrap_used, clippy::panic)] // A test may panic.

use cordboard::codec::Codec;
use cordboard::dialog::SavedPhase;
use cordboard::ids::{LegId, PortId};
use cordboard::leg::SavedLeg;
use cordboard::live::{self, PARTY_BYTES_MAX, PartyFault, SavedParty};
use cordboard::media::{Protection, SavedPort};
use cordboard::time::{Now, UnixTime};
use std::fs;

fn now() -> Now {
    Now { unix: UnixTime::from_secs(1_795_000_000), ..Now::default() }
}

/// What version 1 wrote of a party, one line.
fn written(name: &str) -> String {
    let text = fs::read_to_string(format!("tests/fixtures/live/v1-{name}.json")).unwrap();
    text.strip_suffix('\n').unwrap().to_owned()
}

fn parse(text: &str) -> Result<SavedParty, PartyFault> {
    live::parse(text, now(), |_| None)
}

#[track_caller]
fn read(name: &str) -> SavedParty {
    parse(&written(name)).unwrap_or_else(|fault| panic!("{name}: {fault}"))
}

/// The party before as many requests as its text is ahead.
fn before(mut party: SavedParty) -> SavedParty {
    let dialog = &mut party.leg.dialog;
    dialog.dialog.local_cseq -= 500;
    if let SavedPhase::Calling(calling) = &mut dialog.phase {
        calling.forks.iter_mut().for_each(|fork| fork.dialog.local_cseq -= 500);
    }
    let known = dialog.login.iter_mut().flat_map(|login| &mut login.known);
    known.for_each(|known| known.count -= 500);
    party
}

#[test]
fn what_version_1_wrote_is_read_and_written_anew_as_it_was() {
    for name in [
        "caller-udp",
        "phone-tcp-nat",
        "srtp",
        "trunk-login",
        "video-h264",
        "ringing-caller",
        "ringing-phone",
        "without-ack",
        "browser-bundled",
        "browser-two-transports",
        "browser-ringing",
    ] {
        assert_eq!(live::print(&before(read(name))), written(name), "{name}");
    }
}

#[test]
fn what_is_agreed_follows_of_the_two_descriptions() {
    let SavedParty { ports, leg, .. } = read("video-h264");
    let [sound, picture] = &ports[..] else { panic!("sound and pictures") };
    assert_eq!((sound.port, picture.port), (PortId(20_010), PortId(20_012)));
    let codecs = |port: &SavedPort| -> Vec<_> {
        port.plan.stream.formats.iter().map(|format| format.codec.clone()).collect()
    };
    assert_eq!(codecs(sound), [Codec::Pcmu, Codec::TelephoneEvent { clock_rate: 8000 }]);
    assert_eq!(codecs(picture), [Codec::H264]);
    assert_eq!(
        picture.plan.stream.formats[0].fmtp,
        "profile-level-id=42801f;packetization-mode=1;max-mbps=40500"
    );
    assert_eq!(picture.facts().latched, Some("192.0.2.11:5002".parse().unwrap()));
    assert_eq!(leg.dialog.leg, LegId(3_298_534_883_339));
    let sealed = read("srtp");
    let Protection::Keyed(keys) = &sealed.ports[0].plan.transport.protection else {
        panic!("it is sealed")
    };
    assert_eq!(keys.sends.to_inline(), "Y3vNqMrEz+y1YM1m/1bLx4U1Pxwcs7OmYrAZqCfl");
    assert!(sealed.ports[0].needs_new_key(), "nobody knows how far it was used");
}

/// The keys that came of a handshake are in the text, since no other handshake will be; one that is not done begins
/// anew.
#[test]
fn a_browser_goes_on_under_its_keys() {
    let handshake = |port: &SavedPort| match &port.plan.transport.protection {
        Protection::Keyed(keys) => keys.receives.to_inline(),
        Protection::Awaited => "awaited".to_owned(),
        Protection::Clear => panic!("a browser's streams are sealed"),
    };
    let of = |name| -> Vec<_> {
        let SavedParty { ports, .. } = read(name);
        let port = |port: &SavedPort| (port.port.0, port.plan.carrier, handshake(port));
        ports.iter().map(port).collect()
    };
    let keys = || "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQQ==".to_owned();
    let carrier = Some(PortId(20_000));
    assert_eq!(of("browser-bundled"), [(20_000, None, keys()), (20_001, carrier, keys())]);
    assert_eq!(
        of("browser-two-transports"),
        [(20_000, None, keys()), (20_002, None, "awaited".to_owned())]
    );
    // Until it answers nobody knows whose keys they are.
    let awaited = || "awaited".to_owned();
    assert_eq!(of("browser-ringing"), [(20_000, None, awaited()), (20_002, None, awaited())]);
    let SavedParty { ports, leg, .. } = read("browser-ringing");
    assert!(leg.audio.keyed.is_some(), "they are kept for its answer");
    assert_eq!(ports[0].facts().latched, Some("192.0.2.32:61000".parse().unwrap()));
    let sound = &ports[0].plan.transport;
    assert!(sound.handshake && sound.ice.is_some() && sound.remote.is_none());
    let fault = |from: &str, to: &str| {
        let text = written("browser-bundled");
        assert!(text.contains(from), "{from}");
        parse(&text.replace(from, to)).unwrap_err().to_string()
    };
    for (from, to, what) in [
        ("AEAD_AES_128_GCM", "AEAD", "keyed.suite: missing, or not the name of a suite"),
        ("\"sends\":\"AQ", "\"sends\":\"?", "keyed.sends: missing, or not a key"),
        ("\"receives\":\"QU", "\"receives\":\"?", "keyed.receives: missing, or not a key"),
        ("\"certificate\":\"41\"", "\"certificate\":\"4\"", "keyed.certificate: missing, or not"),
    ] {
        let fault = fault(from, to);
        assert!(fault.starts_with(what) && !fault.contains("QUFB"), "{fault}");
    }
}

/// How far dialog, leg and offer are has to fit, or it is a text that nobody has written.
#[test]
fn an_invite_without_its_end_is_read_whole_or_not_at_all() {
    let SavedPhase::Ringing(ringing) = read("ringing-caller").leg.dialog.phase else {
        panic!("it rings")
    };
    assert_eq!(ringing.request.headers.from_tag(), Some("a1"));
    assert_eq!(ringing.said.unwrap().response.status.as_u16(), 180);
    let fault = |name: &str, from: &str, to: &str| {
        let text = written(name);
        assert!(text.contains(from), "{from}");
        parse(&text.replace(from, to)).unwrap_err().to_string()
    };
    let fits = "phase: missing, or not that of the dialog and the offer";
    for (name, from, to, what) in [
        ("ringing-caller", "\"phase\":{\"offered\":\"nothing\"},", "", fits),
        ("ringing-caller", "{\"offered\":\"nothing\"}", "\"answering\"", fits),
        ("ringing-phone", "\"phase\":{\"calling\":[]},", "", fits),
        ("without-ack", "\"phase\":\"answering\",", "\"phase\":{\"calling\":[]},", fits),
        (
            "ringing-caller",
            "INVITE sip:4001",
            "OPTIONS sip:4001",
            "dialog.phase.request: missing, or not an INVITE",
        ),
        (
            "ringing-caller",
            "\"state\":\"said\"",
            "\"state\":{\"accepted\":1}",
            "invite: missing, or not that of the dialog",
        ),
        ("ringing-phone", "\"open\":\"ours\"", "\"open\":{\"theirs\":\"x\"}", {
            "sdp.open.theirs: missing, or not a session description"
        }),
        ("without-ack", "SIP/2.0 200 OK", "BYE sip:a SIP/2.0", {
            "dialog.phase: missing, or not a response"
        }),
    ] {
        assert_eq!(fault(name, from, to), what, "{name}: {from}");
    }
}

/// A later version may write more, of which this one knows nothing.
#[test]
fn unknown_fields_are_left_out_and_missing_ones_have_defaults() {
    let text = written("srtp");
    let more =
        text.replace("\"dialog\":{", "\"shape\":[1,{\"a\":null}],\"dialog\":{\"shape\":\"round\",");
    assert_eq!(parse(&more), parse(&text));
    let SavedLeg { audio, held, recording, shown, .. } = read("srtp").leg;
    assert_eq!((audio.is_heard, held, recording, shown), (false, (false, false), None, None));
}

#[test]
fn a_fault_says_what_is_wrong_and_where_and_repeats_no_key() {
    let text = written("srtp");
    let fault = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        let fault = parse(&text.replace(from, to)).unwrap_err().to_string();
        assert!(!fault.contains("Y3vN"), "{fault}");
        fault
    };
    for (from, to, what) in [
        ("\"v\":1", "\"v\":2", "of version 2, and only 1 is known here"),
        ("\"v\":1,", "", "of version 0, and only 1 is known here"),
        (
            "\"v\":1,\"leg\":3298534883336",
            "\"v\":7,\"leg\":\"a\"",
            "of version 7, and only 1 is known here",
        ),
        ("\"leg\":3298534883336", "\"leg\":0", "leg: missing, or not the name of a leg"),
        ("\"leg\":3298534883336", "\"leg\":-1", "not the JSON of a party at line 1, column 15"),
        ("\"call_id\":\"srtp-1\",", "", "dialog.call_id: missing, or not a line of text"),
        (";tag=5e5e5e2f0960a586", "", "dialog.local: missing, or not an address with a tag"),
        (
            "\"local_cseq\":43000",
            "\"local_cseq\":2147483648",
            "dialog.local_cseq: missing, or not below 2^31",
        ),
        (
            "TLS 192.0.2.1:5061",
            "TLS 192.0.2.1",
            "dialog.hop: missing, or not transport, two sockets and a number",
        ),
        (
            "\"contact\":\"<",
            "\"contact\":\"\\r\\nX: <",
            "dialog.contact: missing, or not a line of text",
        ),
        ("m=audio 4000", "m=audio x", "sdp.agreed.theirs: missing, or not a session description"),
        ("m=audio 20006", "m=audio 65535", "port: missing, or not that of the session description"),
        ("\"port\":20006", "\"port\":65535", "port: missing, or not the port of RTP"),
        (
            "\"signalling\":\"198.51.100.9\"",
            "\"signalling\":\"\"",
            "signalling: missing, or not an IP address",
        ),
    ] {
        assert_eq!(fault(from, to), what);
    }
    let torn = parse(&text[..text.len() / 2]).unwrap_err();
    assert!(matches!(torn, PartyFault::Json { line: 1, .. }), "{torn}");
    let many = vec!["\"sip:a;lr\""; 65].join(",");
    let routes = text.replace("\"hop\"", &format!("\"routes\":[{many}],\"hop\""));
    assert_eq!(parse(&routes), Err(PartyFault::TooMany { field: "dialog.routes", most: 64 }));
    let long = text + &" ".repeat(PARTY_BYTES_MAX);
    assert_eq!(parse(&long), Err(PartyFault::TooLong));
}
