//! SIP messages as a whole: what is read, printed, refused and answered, and that nothing panics.

#![allow(clippy::unwrap_used)] // A test may panic.

use cordboard::sip::digest::{Challenge, Credentials};
use cordboard::sip::limits::{
    ADDRESSES_MAX, HEAD_BYTES_MAX, HEADER_LINE_BYTES_MAX, HEADER_LINES_MAX, IDENTIFIER_BYTES_MAX,
    MESSAGE_BYTES_MAX, URI_BYTES_MAX, VIAS_MAX,
};
use cordboard::sip::{
    Contacts, Error, Framing, HeaderName, Headers, Host, Message, Method, NameAddr, Request,
    SipFault, StatusCode, Uri, parse, parse_failure_response, print, printed_len,
};
use proptest::prelude::*;
use std::sync::Arc;

const INVITE: &str = "INVITE sip:9000@example.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1, SIP/2.0/TCP a.example;branch=z9hG4bK0\r\n\
    Record-Route: <sip:proxy.example.com;lr>\r\n\
    Route: <sip:next.example.com;lr>\r\n\
    Max-Forwards: 70\r\n\
    From: \"Alice\" <sip:3001@example.com>;tag=a1\r\n\
    To: <sip:9000@example.com>\r\n\
    Call-ID: c1@192.0.2.1\r\n\
    CSeq: 7 INVITE\r\n\
    Timestamp: 54\r\n\
    Contact: <sip:3001@192.0.2.1:5060>\r\n";

/// The INVITE with `lines` behind it, and no body.
fn wire(lines: &str) -> Vec<u8> {
    format!("{INVITE}{lines}Content-Length: 0\r\n\r\n").into_bytes()
}

#[track_caller]
fn invite() -> Request {
    request(&wire(""))
}

#[track_caller]
fn request(bytes: &[u8]) -> Request {
    match parse(bytes).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a request was sent"),
    }
}

fn printed(message: impl Into<Message>) -> String {
    let mut out = Vec::new();
    print(&message.into(), &mut out);
    String::from_utf8(out).unwrap()
}

fn fault(bytes: &[u8]) -> Option<SipFault> {
    parse(bytes).err().map(|error| error.what)
}

// ---- reading and printing ----

#[test]
fn what_was_canonical_is_printed_byte_by_byte() {
    assert_eq!(printed(invite()).into_bytes(), wire(""));
}

#[test]
fn lines_may_end_without_carriage_return_and_begin_late() {
    let bytes = format!("\r\n\r\n{INVITE}Content-Length: 3\r\n\r\na\rb").replace("\r\n", "\n");
    assert_eq!(request(bytes.as_bytes()).headers, invite().headers);
    assert_eq!(*request(bytes.as_bytes()).body, *b"a\rb");
}

#[test]
fn a_keep_alive_is_no_message_and_not_answered() {
    for bytes in [b"".as_slice(), b"\r\n\r\n", b"\r\n", b"\0\0\0\0", b"\n \r\n"] {
        let error = parse(bytes).unwrap_err();
        assert_eq!(error.what, SipFault::KeepAlive);
        assert_eq!(parse_failure_response(bytes, &error), None);
    }
}

#[test]
fn latin_1_names_are_read_and_tags_stay() {
    let text = String::from_utf8(wire("")).unwrap();
    let (head, tail) = text.split_once("Alice").unwrap();
    let bytes = [head.as_bytes(), b"J\xfcrgen \xc3\xa9", tail.as_bytes()].concat();
    let from = request(&bytes).headers.from().unwrap();
    assert_eq!((from.display.as_deref(), from.tag()), (Some("Jürgen é"), Some("a1")));
}

#[test]
fn a_bare_carriage_return_or_nul_is_refused() {
    for line in ["Subject: a\rb\r\n", "Subject: a\r\r\n", "Subject: a\0b\r\n", "Sub\0ject: a\r\n"] {
        assert_eq!(fault(&wire(line)), Some(SipFault::ControlCharacter), "{line:?}");
    }
}

#[test]
fn a_line_without_name_or_colon_is_refused() {
    for line in ["Subject\r\n", ": x\r\n", "Sub ject: x\r\n", "Sübject: x\r\n"] {
        assert_eq!(fault(&wire(line)), Some(SipFault::HeaderLine), "{line:?}");
    }
    let folded_first = String::from_utf8(wire("")).unwrap().replace("\r\nVia:", "\r\n Via:");
    assert!(fault(folded_first.as_bytes()).is_some());
}

#[test]
fn the_error_says_where() {
    let bytes = wire("Subject\r\n");
    let error = parse(&bytes).unwrap_err();
    assert_eq!(error.offset, INVITE.len());
    assert_eq!(error.to_string(), format!("malformed header line at byte {}", INVITE.len()));
}

#[test]
fn a_response_keeps_its_phrase_and_cannot_be_broken_by_it() {
    let response = invite().response(StatusCode::QUEUED).with_reason("Place 3\r\nEvil: 1");
    let text = printed(response);
    assert!(text.starts_with("SIP/2.0 182 Place 3  Evil: 1\r\nVia:"), "{text}");
}

#[test]
fn a_message_over_a_websocket_needs_no_content_length() {
    let bytes = format!("{INVITE}\r\nv=0").into_bytes();
    assert_eq!(*request(&bytes).body, *b"v=0");
}

// ---- what follows from a request ----

#[test]
fn a_response_carries_what_the_rfc_wants() {
    let request = invite();
    let mut response = request.response(StatusCode::OK);
    response.headers.set_to_tag("b2");
    response.headers.set_to_tag("never");
    assert_eq!(
        printed(response),
        "SIP/2.0 200 OK\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1, SIP/2.0/TCP a.example;branch=z9hG4bK0\r\n\
         From: \"Alice\" <sip:3001@example.com>;tag=a1\r\n\
         To: <sip:9000@example.com>;tag=b2\r\n\
         Call-ID: c1@192.0.2.1\r\n\
         CSeq: 7 INVITE\r\n\
         Record-Route: <sip:proxy.example.com;lr>\r\n\
         Content-Length: 0\r\n\r\n"
    );
    let trying = request.response(StatusCode::TRYING).headers;
    assert!(trying.contains(HeaderName::Timestamp) && !trying.contains(HeaderName::RecordRoute));
    let busy = request.response(StatusCode::BUSY_HERE).headers;
    assert!(!busy.contains(HeaderName::RecordRoute));
}

#[test]
fn a_cancel_is_the_requests_own() {
    let cancel = printed(invite().cancel());
    assert_eq!(
        cancel,
        "CANCEL sip:9000@example.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1\r\n\
         Max-Forwards: 70\r\n\
         Route: <sip:next.example.com;lr>\r\n\
         From: \"Alice\" <sip:3001@example.com>;tag=a1\r\n\
         Call-ID: c1@192.0.2.1\r\n\
         CSeq: 7 CANCEL\r\n\
         To: <sip:9000@example.com>\r\n\
         Content-Length: 0\r\n\r\n"
    );
}

#[test]
fn an_ack_for_a_failure_takes_the_to_of_the_response() {
    let invite = invite();
    let mut busy = invite.response(StatusCode::BUSY_HERE);
    busy.headers.set_to_tag("b2");
    let ack = invite.ack_for_failure(&busy);
    assert_eq!((ack.method.clone(), ack.headers.to_tag()), (Method::ACK, Some("b2")));
    assert_eq!(ack.headers.cseq(), Ok((7, Method::ACK)));
    assert_eq!(ack.headers.list(HeaderName::Via).count(), 1);
    assert_eq!(ack.headers.routes().unwrap().len(), 1);
}

#[test]
fn the_source_is_noted_where_it_is_asked_for_or_differs() {
    let stamped = |via: &str, source: &str| {
        let mut request = Request::new(Method::OPTIONS, Uri::parse("sip:a").unwrap());
        request.headers.push(HeaderName::Via, via);
        request.stamp_source(source.parse().unwrap());
        request.headers.all(HeaderName::Via).collect::<Vec<_>>().join(" | ")
    };
    let asks = "SIP/2.0/UDP 10.0.0.1;rport;branch=x;received=1.2.3.4, SIP/2.0/UDP b";
    let noted = "SIP/2.0/UDP 10.0.0.1;branch=x;rport=9;received=192.0.2.9 | SIP/2.0/UDP b";
    assert_eq!(stamped(asks, "192.0.2.9:9"), noted);
    let differs = "SIP/2.0/TCP phone.example;branch=x";
    assert_eq!(stamped(differs, "[::1]:9"), "SIP/2.0/TCP phone.example;branch=x;received=::1");
    let same = "SIP/2.0/UDP 192.0.2.9:5060;branch=x";
    assert_eq!(stamped(same, "192.0.2.9:5060"), same);
}

// ---- refusals ----

#[test]
fn a_refusal_saves_what_it_can() {
    let text = String::from_utf8(wire("")).unwrap();
    let bytes = text.replace("CSeq: 7 INVITE", "CSeq: seven").replace("To: <sip:9000", "To <sip:");
    let error = parse(bytes.as_bytes()).unwrap_err();
    let response = parse_failure_response(bytes.as_bytes(), &error).unwrap();
    assert_eq!(response.status, StatusCode::BAD_REQUEST);
    assert_eq!(response.reason, "malformed header line");
    assert_eq!(response.headers.call_id(), Ok("c1@192.0.2.1"));
    assert_eq!(response.headers.get(HeaderName::CSeq), Some("seven"));
    assert!(!response.headers.contains(HeaderName::To));
}

#[test]
fn nobody_waits_for_an_answer_to_these() {
    for text in [
        String::from_utf8(wire("")).unwrap().replace("INVITE", "ACK").replace("CSeq", "SeqC"),
        String::from_utf8(wire(""))
            .unwrap()
            .replace("INVITE sip:9000@example.com SIP/2.0", "SIP/2.0 99 x"),
        "garbage".to_owned(),
        "\u{1}\u{2}\r\n\r\n".to_owned(),
        "INVITE sip:a SIP/2.0\r\n\r\n".to_owned(),
    ] {
        let error = parse(text.as_bytes()).unwrap_err();
        assert_eq!(parse_failure_response(text.as_bytes(), &error), None, "{text}");
    }
}

#[test]
fn every_limit_is_kept() {
    let lines = |n| "Subject: a\r\n".repeat(n);
    let have = INVITE.lines().count();
    assert_eq!(fault(&wire(&lines(HEADER_LINES_MAX - have))), None);
    assert_eq!(fault(&wire(&lines(HEADER_LINES_MAX - have + 1))), Some(SipFault::HeadersTooLarge));

    let line = |len: usize| format!("Subject: {}\r\n", "a".repeat(len - "Subject: ".len()));
    assert_eq!(fault(&wire(&line(HEADER_LINE_BYTES_MAX))), None);
    assert_eq!(fault(&wire(&line(HEADER_LINE_BYTES_MAX + 1))), Some(SipFault::HeadersTooLarge));
    let folded = "Subject: a".to_owned() + &"\r\n a".repeat(HEADER_LINE_BYTES_MAX / 4) + "\r\n";
    assert_eq!(fault(&wire(&folded)), Some(SipFault::HeadersTooLarge));

    let head = line(HEADER_LINE_BYTES_MAX).repeat(HEAD_BYTES_MAX / HEADER_LINE_BYTES_MAX);
    assert_eq!(fault(&wire(&head)), Some(SipFault::HeadersTooLarge));
    assert_eq!(
        fault(&head.repeat(2).into_bytes()[..MESSAGE_BYTES_MAX - 1]),
        Some(SipFault::HeadersTooLarge)
    );
    assert_eq!(fault(&vec![b'a'; MESSAGE_BYTES_MAX + 1]), Some(SipFault::MessageTooLarge));

    let vias = |n| "v: SIP/2.0/UDP a, SIP/2.0/UDP b\r\n".repeat(n / 2);
    assert_eq!(fault(&wire(&vias(VIAS_MAX - 2))), None);
    assert_eq!(fault(&wire(&vias(VIAS_MAX))), Some(SipFault::TooMany(HeaderName::Via)));

    let call_id = |len: usize| {
        let text = String::from_utf8(wire("")).unwrap();
        text.replace("c1@192.0.2.1", &"c".repeat(len)).into_bytes()
    };
    assert_eq!(fault(&call_id(IDENTIFIER_BYTES_MAX)), None);
    let refused = |name| Some(SipFault::Header(name));
    assert_eq!(fault(&call_id(IDENTIFIER_BYTES_MAX + 1)), refused(HeaderName::CallId));
    let longer = |what: &str, len: usize| {
        let text = String::from_utf8(wire("")).unwrap();
        text.replace(what, &format!("{what}{}", "x".repeat(len - 2))).into_bytes()
    };
    assert_eq!(fault(&longer("tag=a1", IDENTIFIER_BYTES_MAX)), None);
    let long_tag = longer("tag=a1", IDENTIFIER_BYTES_MAX + 1);
    assert_eq!(fault(&long_tag), refused(HeaderName::From));
    let long_branch = longer("branch=z9hG4bK1", IDENTIFIER_BYTES_MAX);
    assert_eq!(fault(&long_branch), refused(HeaderName::Via));
}

#[test]
fn a_request_uri_too_long_gets_414() {
    let text = String::from_utf8(wire("")).unwrap();
    let bytes = text.replacen("9000", &"9".repeat(URI_BYTES_MAX), 1).into_bytes();
    let error = parse(&bytes).unwrap_err();
    assert_eq!(error.status(), StatusCode::REQUEST_URI_TOO_LONG);
    assert!(parse_failure_response(&bytes, &error).is_some());
}

#[test]
fn too_many_addresses_are_refused_and_a_star_stands_alone() {
    let contacts = |value: &str| {
        let mut headers = Headers::new();
        headers.push(HeaderName::Contact, value);
        headers.contacts()
    };
    let list = |n| "<sip:a@b>,".repeat(n);
    assert!(contacts(&list(ADDRESSES_MAX)).is_ok());
    let too_many = contacts(&list(ADDRESSES_MAX + 1)).map_err(|error| error.what);
    assert_eq!(too_many, Err(SipFault::TooMany(HeaderName::Contact)));
    assert_eq!(contacts("*"), Ok(Contacts::Star));
    assert!(contacts("*, <sip:a@b>").is_err() && contacts("<sip:a@b>, *").is_err());
    assert_eq!(Headers::new().contacts(), Ok(Contacts::List(vec![])));
}

#[test]
fn typed_headers_say_what_is_wrong() {
    let mut headers = Headers::new();
    headers.push(HeaderName::MaxForwards, "256");
    headers.push(HeaderName::MinSe, "90;x=y");
    headers.push(HeaderName::RetryAfter, "120 (busy);duration=3");
    headers.push(HeaderName::Privacy, "id; critical");
    headers.push(HeaderName::Reason, "SIP;cause=200, ;, Q.850;cause=16");
    headers.push(HeaderName::Allow, "INVITE, bye");
    headers.push(HeaderName::Supported, "100REL,timer");
    let wrong = |name| Err::<(), _>(SipFault::Header(name));
    let what = |error: Error| error.what;
    assert_eq!(headers.max_forwards().map(drop).map_err(what), wrong(HeaderName::MaxForwards));
    assert_eq!((headers.min_se(), headers.retry_after()), (Ok(Some(90)), Ok(Some(120))));
    assert!(headers.wants_privacy("ID") && !headers.wants_privacy("header"));
    assert_eq!(headers.reasons().filter_map(|reason| reason.cause).collect::<Vec<_>>(), [200, 16]);
    assert!(headers.allows(&Method::INVITE) && !headers.allows(&Method::BYE));
    assert!(headers.supports("100rel") && !headers.requires("100rel"));
    assert_eq!(headers.from().map_err(what), Err(SipFault::Missing(HeaderName::From)));
    assert_eq!(
        (headers.expires(), headers.rack(), headers.event()),
        (Ok(None), Ok(None), Ok(None))
    );
}

// ---- properties ----

fn header_value() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[ -~äж\t\r\n\0]{0,40}").unwrap()
}

proptest! {
    #[test]
    fn whatever_is_pushed_reads_back_as_it_was_kept(
        values in proptest::collection::vec(header_value(), 0..8),
        body in proptest::collection::vec(any::<u8>(), 0..200),
        reason in header_value(),
    ) {
        let mut request = invite();
        for (place, value) in values.iter().enumerate() {
            let name = HeaderName::parse(&format!("X-{}", place % 3)).unwrap();
            match place % 3 {
                0 => request.headers.push(name, value),
                1 => request.headers.push_front(name, value),
                _ => request.headers.set(name, value),
            }
        }
        request.body = body.into();
        let mut out = Vec::new();
        print(&request.clone().into(), &mut out);
        prop_assert_eq!(out.len(), printed_len(&request));
        prop_assert_eq!(parse(&out).unwrap(), Message::Request(request.clone()));

        let mut response = request.response(StatusCode::OK).with_reason(&reason);
        response.body = Arc::clone(&request.body);
        out.clear();
        print(&response.clone().into(), &mut out);
        let Message::Response(read) = parse(&out).unwrap() else { panic!("a response was printed") };
        prop_assert_eq!((&read.headers, &read.body), (&response.headers, &response.body));
    }

    #[test]
    fn whatever_people_call_themselves_reads_back(
        display in "[ -~äж]{0,30}", user in "[ -~äж\0\r\n]{1,30}", tag in "[a-zA-Z0-9.~-]{1,20}",
    ) {
        let host = Host::parse("example.com").unwrap();
        let address = NameAddr::new(Uri::sip(Some(&user), host, None))
            .with_display(&display)
            .with_tag(&tag);
        let read = NameAddr::parse(&address.to_string(), &HeaderName::From).unwrap();
        prop_assert_eq!(read.uri.user().unwrap().into_owned(), user);
        prop_assert_eq!(&read, &address);
    }

    #[test]
    fn equivalent_uris_are_so_both_ways(one in "sip:[ab%61]{1,3}@h(;x=[12])?", two in "sip:[ab%61]{1,3}@h(;x=[12])?") {
        if let (Ok(one), Ok(two)) = (Uri::parse(&one), Uri::parse(&two)) {
            prop_assert!(one.equivalent(&one));
            prop_assert_eq!(one.equivalent(&two), two.equivalent(&one));
        }
    }
}

/// A million in an optimised build; what two seconds allow in others.
const MUTATIONS: u32 = if cfg!(debug_assertions) { 25_000 } else { 1_000_000 };

#[test]
fn no_mutation_of_a_message_makes_anything_panic() {
    let original = format!(
        "{INVITE}Authorization: Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"u\", \
         response=\"x\", qop=auth, nc=1, cnonce=\"c\"\r\nReplaces: a;to-tag=1;from-tag=2\r\n\
         RAck: 1 2 INVITE\r\nSession-Expires: 90;refresher=uac\r\nContent-Type: a/b;c=\"d\"\r\n\
         Content-Length: 4\r\n\r\nbody"
    )
    .into_bytes();
    let mut chance = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        // Xorshift: the same run each time.
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        (chance % below as u64) as usize
    };
    const SPICE: &[u8] = b"\r\n\0 \t:;,<>\"\\@%[]()?&=/*-09azAZ\xff\xc3\x80";
    let mut out = Vec::new();
    for round in 0..MUTATIONS {
        let mut bytes = original.clone();
        for _ in 0..=next(4) {
            let (place, spice) = (next(bytes.len()), SPICE[next(SPICE.len())]);
            match next(4) {
                0 => bytes.truncate(place.max(1)),
                1 => bytes.insert(place, spice),
                2 => drop(bytes.remove(place)),
                _ => bytes[place] = spice,
            }
            if bytes.is_empty() {
                bytes.push(spice);
            }
        }
        match parse(&bytes) {
            Ok(message) => {
                if round % 4 == 0 {
                    look_at_everything(&message);
                }
                out.clear();
                print(&message, &mut out);
                assert_eq!(parse(&out), Ok(message), "round {round}");
            }
            Err(error) => drop(parse_failure_response(&bytes, &error)),
        }
        if round % 16 == 0 {
            let mut framing = Framing::new();
            framing.push(&bytes);
            while let Ok(Some(_)) = framing.next_frame() {}
        }
    }
}

fn look_at_everything(message: &Message) {
    let headers = message.headers();
    let _ = (headers.via(), headers.from(), headers.to(), headers.contacts(), headers.routes());
    let _ = (headers.replaces(), headers.rack(), headers.session_expires(), headers.content_type());
    if let Some(value) = headers.get(HeaderName::Authorization) {
        let _ = (Credentials::parse(value), Challenge::strongest([value].into_iter()));
    }
    if let Message::Request(request) = message {
        let mut request = request.clone();
        request.stamp_source("192.0.2.1:5060".parse().unwrap());
        let _ = (request.uri.user(), request.uri.headers().count(), request.cancel());
        assert!(request.uri.equivalent(&request.uri));
    }
}
