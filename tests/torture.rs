//! The torture messages of RFC 4475 and RFC 5118, each with the treatment it deserves here.
//!
//! The messages are written anew, each with the trait that gives it its name in the RFC. Where
//! the RFC leaves a choice, the comment says what we chose.

#![allow(clippy::unwrap_used)] // A test may panic.

use cordboard::sip::digest::Credentials;
use cordboard::sip::{
    Contacts, HeaderName, Message, Method, Request, Response, Scheme, SipFault, StatusCode,
    Transport, Via, parse, parse_failure_response, print,
};

/// What becomes of a message that we do not take.
#[derive(Debug, Eq, PartialEq)]
enum Refusal {
    Answered(u16),
    Dropped,
}

/// A message of `start`, the usual lines not replaced by `lines`, `lines`, and a body.
fn wire(start: &str, lines: &[&str], body: &[u8]) -> Vec<u8> {
    let method = start.split(' ').next().unwrap();
    let method = if start.starts_with("SIP/") { "INVITE" } else { method };
    let cseq = format!("CSeq: 8 {method}");
    let usual = [
        "Via: SIP/2.0/UDP host.example.com:5060;branch=z9hG4bKkdju43234",
        "Max-Forwards: 70",
        "From: <sip:caller@example.net>;tag=242etr",
        "To: <sip:user@example.com>",
        "Call-ID: torture.0ha0isndaksdj",
        &cseq,
    ];
    let name = |line: &str| line.split(':').next().unwrap().trim().to_ascii_lowercase();
    let mut wire = format!("{start}\r\n");
    let kept = usual.iter().filter(|line| lines.iter().all(|own| name(own) != name(line)));
    for line in kept.chain(lines.iter()).filter(|line| !line.ends_with(": -")) {
        wire += &format!("{line}\r\n");
    }
    if !lines.iter().any(|line| ["l", "content-length"].contains(&name(line).as_str())) {
        wire += &format!("Content-Length: {}\r\n", body.len());
    }
    wire += "\r\n";
    [wire.as_bytes(), body].concat()
}

/// Taken, and printed and read again without a change.
#[track_caller]
fn taken(bytes: &[u8]) -> Message {
    let message = parse(bytes).unwrap();
    let mut printed = Vec::new();
    print(&message, &mut printed);
    assert_eq!(parse(&printed), Ok(message.clone()));
    message
}

#[track_caller]
fn request(start: &str, lines: &[&str]) -> Request {
    match taken(&wire(start, lines, b"")) {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a request was sent"),
    }
}

#[track_caller]
fn response(start: &str, lines: &[&str]) -> Response {
    match taken(&wire(start, lines, b"")) {
        Message::Response(response) => response,
        Message::Request(_) => panic!("a response was sent"),
    }
}

#[track_caller]
fn refused(bytes: &[u8]) -> Refusal {
    let error = parse(bytes).unwrap_err();
    match parse_failure_response(bytes, &error) {
        Some(response) => Refusal::Answered(response.status.as_u16()),
        None => Refusal::Dropped,
    }
}

// ---- RFC 4475 §3.1.1: valid messages ----

#[test]
fn wsinv_a_tortuous_invite_is_read_whole() {
    let bytes = b"INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n\
        TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n\
        from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n\
        MaX-fOrWaRdS: 0068\r\n\
        Call-ID: wsinv.ndaksdj@192.0.2.1\r\n\
        Content-Length   : 3\r\n\
        cseq: 0009\r\n  INVITE\r\n\
        Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\n\
        s :\r\n\
        NewFangledHeader:   newfangled value\r\n continued newfangled value\r\n\
        UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n\
        Content-Type: application/sdp\r\n\
        Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n\
        v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n \
        SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n\
        m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =\r\n      newvalue ;\r\n  \
        secondparam ; q = 0.33\r\n\
        \r\nv=0";
    let message = taken(bytes);
    let headers = message.headers();
    assert_eq!(headers.to_tag(), Some("1918181833n"));
    let from = headers.from().unwrap();
    assert_eq!(from.display.as_deref(), Some("J Rosenberg \\\""));
    assert_eq!(from.tag(), Some("98asjd8"));
    assert_eq!(headers.max_forwards(), Ok(Some(68)));
    assert_eq!(headers.cseq(), Ok((9, Method::INVITE)));
    assert_eq!(headers.get(HeaderName::Subject), Some(""));
    let new_fangled = HeaderName::parse("newfangledheader").unwrap();
    assert_eq!(headers.get(new_fangled), Some("newfangled value continued newfangled value"));
    let unusual = HeaderName::parse("UnknownHeaderWithUnusualValue").unwrap();
    assert_eq!(headers.get(unusual), Some(";;,,;;,;"));
    assert!(headers.routes().unwrap()[0].uri.is_loose_router());
    let vias: Vec<_> = headers.list(HeaderName::Via).map(|v| Via::parse(v).unwrap()).collect();
    let transports: Vec<_> = vias.iter().map(|via| via.transport().unwrap()).collect();
    assert_eq!(transports, [Transport::Udp, Transport::Tcp, Transport::Udp]);
    assert_eq!(vias[0].branch(), None, "an RFC 2543 branch");
    assert_eq!(vias[2].branch(), Some("z9hG4bK30239"));
    let contact = headers.contact().unwrap();
    assert_eq!(contact.display.as_deref(), Some("Quoted string \"\""));
    assert_eq!(contact.params.get("q").as_deref(), Some("0.33"));
    assert_eq!(message.body(), b"v=0");
}

#[test]
fn intmeth_the_wide_range_of_characters_is_read() {
    let method = "!interesting-Method0123456789_*+`.%indeed'~";
    let uri = "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:\
               &it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com";
    let bytes = [
        format!("{method} {uri} SIP/2.0\r\n").as_bytes(),
        b"Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~\r\n",
        b"To: \"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f\" <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>\r\n",
        b"From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%=\"\xd1\x80\xd0\xb0\xd0\xb1\xd0\xbe\";tag=_token~1'+`*%!-.\r\n",
        b"Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{\r\n",
        format!("CSeq: 139122385 {method}\r\nMax-Forwards: 255\r\n").as_bytes(),
        b"extensionHeader-!.%*+_`'~:\xef\xbb\xbf\xe5\xa4\xa7\xe5\x81\x9c\xe9\x9b\xbb\r\nContent-Length: 0\r\n\r\n",
    ]
    .concat();
    let Message::Request(request) = taken(&bytes) else { panic!("a request was sent") };
    assert_eq!(request.method.as_str(), method);
    assert_eq!(request.uri.raw_user(), Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
    let to = request.headers.to().unwrap();
    assert_eq!(to.display.as_deref(), Some("BEL:\x07 NUL:\0 DEL:\x7f"));
    assert_eq!(request.headers.from_tag(), Some("_token~1'+`*%!-."));
    // The answer carries the To byte by byte, its quoted NUL included.
    let mut printed = Vec::new();
    print(&request.response(StatusCode::OK).into(), &mut printed);
    assert!(printed.windows(6).any(|bytes| bytes == b"NUL:\\\0"));
}

#[test]
fn esc01_escapes_are_undone_in_the_parts_only() {
    let request = request(
        "INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0",
        &[
            "To: sip:%75se%72@example.com",
            "Contact: <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>",
        ],
    );
    assert_eq!(request.uri.user().as_deref(), Some("sips:user@example.com"));
    assert_eq!(request.uri.host().unwrap().to_string(), "example.net");
    assert_eq!(request.headers.to().unwrap().uri.user().as_deref(), Some("user"));
    // "%6C%72" is a name of its own, not lr: the RFC wants escapes undone once, after splitting.
    let contact = request.headers.contact().unwrap();
    assert_eq!(contact.uri.user().as_deref(), Some("caller"));
    let (name, value) = contact.uri.params().nth(1).unwrap();
    assert_eq!((name, value), ("n%61me", Some("v%61lue%25%34%31")));
}

#[test]
fn escnull_escaped_nulls_are_user_parts() {
    let request = request(
        "REGISTER sip:example.com SIP/2.0",
        &[
            "To: sip:null-%00-null@example.com",
            "Contact: <sip:%00@host5.example.com>",
            "Contact: <sip:%00%00@host5.example.com>",
        ],
    );
    let Ok(Contacts::List(contacts)) = request.headers.contacts() else { panic!("a list") };
    let users: Vec<_> = contacts.iter().map(|c| c.uri.user().unwrap().into_owned()).collect();
    assert_eq!(users, ["\0", "\0\0"]);
    assert!(!contacts[0].uri.equivalent(&contacts[1].uri));
}

#[test]
fn esc02_percent_signs_that_escape_nothing_are_text() {
    let request = request(
        "RE%47IST%45R sip:registrar.example.com SIP/2.0",
        &["To: \"%Z%45\" <sip:resource@example.com>", "m: <sip:alias2@host2.example.com>"],
    );
    assert_ne!(request.method, Method::REGISTER);
    assert_eq!(request.headers.to().unwrap().display.as_deref(), Some("%Z%45"));
}

#[test]
fn lwsdisp_no_blank_before_the_bracket() {
    let from = "From: caller<sip:caller@example.com>;tag=323";
    let request = request("OPTIONS sip:user@example.com SIP/2.0", &[from]);
    assert_eq!(request.headers.from().unwrap().display.as_deref(), Some("caller"));
}

#[test]
fn longreq_long_values_are_read() {
    let to = format!(
        "To: \"I have a user name of {}\" <sip:user@example.com:6000;unknownparam1={};unknown>",
        "extremely".repeat(20),
        "very".repeat(20)
    );
    let long = format!("Unknown-{}-Name: value", "Long".repeat(20));
    let vias: Vec<_> =
        (0..34).map(|n| format!("Via: SIP/2.0/TCP sip{n}.example.com;branch=z9hG4bK{n}")).collect();
    let mut lines = vec![to.as_str(), long.as_str()];
    lines.extend(vias.iter().map(String::as_str));
    let request = request("INVITE sip:user@example.com SIP/2.0", &lines);
    assert_eq!(request.headers.list(HeaderName::Via).count(), 34);
}

#[test]
fn dblreq_bytes_behind_the_message_are_dropped() {
    let second = wire("INVITE sip:joe@example.com SIP/2.0", &[], b"");
    let bytes = wire("REGISTER sip:example.com SIP/2.0", &["l: 0"], &second);
    let Message::Request(request) = taken(&bytes) else { panic!("a request was sent") };
    assert_eq!((request.method, request.body.len()), (Method::REGISTER, 0));
}

#[test]
fn semiuri_semicolons_are_part_of_the_user() {
    let request = request("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0", &[]);
    assert_eq!(request.uri.user().as_deref(), Some("user;par=u@example.net"));
    assert_eq!(request.uri.params().count(), 0);
}

#[test]
fn transports_may_have_any_name_in_via() {
    let request = request(
        "OPTIONS sip:user@example.com SIP/2.0",
        &[
            "Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw",
            "Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf",
            "Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj",
            "Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en",
            "Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee",
        ],
    );
    let transports = request.headers.list(HeaderName::Via).map(|v| Via::parse(v).unwrap());
    let known: Vec<_> = transports.filter_map(|via| via.transport()).collect();
    assert_eq!(known, [Transport::Udp, Transport::Tls, Transport::Tcp]);
}

#[test]
fn mpart01_a_binary_body_is_kept_byte_by_byte() {
    let body: Vec<u8> = (0..=255).chain(*b"\r\n--7a9cbec02ceef655\r\n\0\r\n\r\n").collect();
    let kind = "Content-Type: multipart/signed;protocol=\"application/pkcs7-signature\";\
                micalg=sha1;boundary=7a9cbec02ceef655";
    let message = taken(&wire("MESSAGE sip:kumiko@example.org SIP/2.0", &[kind], &body));
    assert_eq!(message.body(), body);
    let kind = message.headers().content_type().unwrap().unwrap();
    assert_eq!(kind.params.get("boundary").as_deref(), Some("7a9cbec02ceef655"));
}

#[test]
fn unreason_phrases_in_any_script_are_kept() {
    let phrase = "= 2**3 * 5**2 но сто девяносто девять - простое";
    let response = response(&format!("SIP/2.0 200 {phrase}"), &[]);
    assert_eq!(response.reason, phrase);
}

#[test]
fn noreason_the_phrase_may_be_empty() {
    assert_eq!(response("SIP/2.0 100 ", &[]).reason, "");
    // Not in the RFC: phones that leave the blank away as well.
    assert_eq!(response("SIP/2.0 100", &[]).status.as_u16(), 100);
}

// ---- RFC 4475 §3.1.2: invalid messages ----

const INVITE: &str = "INVITE sip:user@example.com SIP/2.0";

#[test]
fn badinv01_extra_separators_are_refused() {
    let via = "Via: SIP/2.0/UDP 192.0.2.15;;,;,,";
    assert_eq!(refused(&wire(INVITE, &[via], b"")), Refusal::Answered(400));
    let contact = "Contact: \"Joe\" <sip:joe@example.org>;;;;";
    let request = request(INVITE, &[contact]);
    let fault = request.headers.contacts().map_err(|e| e.what);
    assert_eq!(fault, Err(SipFault::Header(HeaderName::Contact)));
}

#[test]
fn clerr_a_body_shorter_than_promised_is_refused() {
    let bytes = wire(INVITE, &["Content-Length: 9999"], b"v=0\r\n");
    assert_eq!(refused(&bytes), Refusal::Answered(400));
}

#[test]
fn ncl_a_negative_length_is_refused() {
    let bytes = wire(INVITE, &["Content-Length: -999"], b"v=0\r\n");
    assert_eq!(refused(&bytes), Refusal::Answered(400));
}

#[test]
fn scalar02_numbers_out_of_range_are_refused() {
    let register = "REGISTER sip:example.com SIP/2.0";
    for line in ["CSeq: 36893488147419103232 REGISTER", "Max-Forwards: 300"] {
        assert_eq!(refused(&wire(register, &[line], b"")), Refusal::Answered(400), "{line}");
    }
    // "As large as possible" is meant, says the RFC.
    let request = request(register, &["Expires: 10000000000000000000000"]);
    assert_eq!(request.headers.expires(), Ok(Some(u32::MAX)));
}

#[test]
fn scalarlg_a_response_with_numbers_out_of_range_is_dropped() {
    let lines =
        ["CSeq: 9292394834772304023312 OPTIONS", "Retry-After: 949302838503028349304023988"];
    let bytes = wire("SIP/2.0 503 Service Unavailable", &lines, b"");
    assert_eq!(refused(&bytes), Refusal::Dropped);
    let response = response("SIP/2.0 503 Service Unavailable", &[lines[1]]);
    assert!(response.headers.retry_after().is_err());
}

#[test]
fn quotbal_a_quote_without_an_end_is_refused() {
    let to = "To: \"Mr. J. User <sip:j.user@example.com>";
    assert_eq!(refused(&wire(INVITE, &[to], b"")), Refusal::Answered(400));
}

#[test]
fn ltgtruri_brackets_around_the_request_uri_are_refused() {
    let bytes = wire("INVITE <sip:user@example.com> SIP/2.0", &[], b"");
    assert_eq!(refused(&bytes), Refusal::Answered(400));
}

#[test]
fn lwsruri_blanks_in_the_request_uri_are_refused() {
    let bytes = wire("INVITE sip:user@example.com; lr SIP/2.0", &[], b"");
    assert_eq!(refused(&bytes), Refusal::Answered(400));
}

#[test]
fn lwsstart_several_blanks_in_the_request_line_are_refused() {
    let bytes = wire("INVITE  sip:user@example.com  SIP/2.0", &[], b"");
    assert_eq!(refused(&bytes), Refusal::Answered(400));
}

/// The RFC allows to ignore them or to refuse; they hide nothing, so we ignore them.
#[test]
fn trws_blanks_behind_the_request_line_are_ignored() {
    let request = request("OPTIONS sip:remote-target@example.com SIP/2.0  ", &[]);
    assert_eq!(request.method, Method::OPTIONS);
}

/// The RFC allows to ignore or to refuse headers in the Request-URI; we ignore them.
#[test]
fn escruri_headers_in_the_request_uri_have_no_effect() {
    let request = request("INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0", &[]);
    assert!(!request.headers.contains(HeaderName::Route));
    assert_eq!(request.uri.without_headers().as_str(), "sip:user@example.com");
}

/// The RFC allows to ignore what is not needed; nothing here reads Date.
#[test]
fn baddate_a_date_in_another_zone_is_ignored() {
    let date = "Date: Fri, 01 Jan 2010 16:00:00 EST";
    assert_eq!(request(INVITE, &[date]).headers.all(HeaderName::Date).count(), 1);
}

#[test]
fn regbadct_a_contact_with_headers_and_no_brackets_is_refused() {
    let contact = "Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E";
    let request = request("REGISTER sip:example.com SIP/2.0", &[contact]);
    assert_eq!(request.headers.contacts().unwrap_err().status().as_u16(), 400);
}

/// The RFC allows to be lenient; who an address belongs to must not be guessed, so we refuse.
#[test]
fn badaspec_blanks_within_the_brackets_are_refused() {
    let to = "To: \"Watson, Thomas\" < sip:t.watson@example.org >";
    assert_eq!(refused(&wire(INVITE, &[to], b"")), Refusal::Answered(400));
}

/// The RFC allows to guess; who an address belongs to must not be guessed, so we refuse.
#[test]
fn baddn_an_unquoted_comma_in_the_display_name_is_refused() {
    let from = "From: Bell, Alexander <sip:a.g.bell@example.com>;tag=43";
    assert_eq!(refused(&wire(INVITE, &[from], b"")), Refusal::Answered(400));
}

#[test]
fn badvers_another_version_gets_505() {
    let bytes = wire("OPTIONS sip:t.watson@example.org SIP/7.0", &[], b"");
    assert_eq!(refused(&bytes), Refusal::Answered(505));
}

#[test]
fn mismatch01_cseq_names_another_method() {
    let bytes = wire("OPTIONS sip:user@example.com SIP/2.0", &["CSeq: 8 INVITE"], b"");
    assert_eq!(refused(&bytes), Refusal::Answered(400));
}

#[test]
fn mismatch02_cseq_names_another_method_than_an_unknown_one() {
    let bytes = wire("NEWMETHOD sip:user@example.com SIP/2.0", &["CSeq: 8 INVITE"], b"");
    assert_eq!(refused(&bytes), Refusal::Answered(400));
}

#[test]
fn bigcode_a_status_code_out_of_range_is_dropped() {
    let bytes = wire("SIP/2.0 4294967301 better not break the receiver", &[], b"");
    assert_eq!(refused(&bytes), Refusal::Dropped);
}

// ---- RFC 4475 §3.2 and §3.3: transaction and application layer ----

#[test]
fn badbranch_the_bare_cookie_counts_as_no_branch() {
    let via = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK";
    let request = request("OPTIONS sip:user@example.com SIP/2.0", &[via]);
    assert_eq!(request.headers.via().unwrap().branch(), None);
}

#[test]
fn insuf_missing_headers_are_named() {
    for (line, name) in [
        ("Call-ID: -", HeaderName::CallId),
        ("From: -", HeaderName::From),
        ("To: -", HeaderName::To),
        ("CSeq: -", HeaderName::CSeq),
    ] {
        let bytes = wire(INVITE, &[line], b"");
        assert_eq!(refused(&bytes), Refusal::Answered(400), "{line}");
        let error = parse(&bytes).unwrap_err();
        let reason = parse_failure_response(&bytes, &error).unwrap().reason;
        assert_eq!(reason, format!("{name} is missing"));
    }
    assert_eq!(refused(&wire(INVITE, &["Via: -"], b"")), Refusal::Dropped);
}

#[test]
fn unkscm_an_unknown_scheme_gets_416() {
    let bytes = wire("OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0", &[], b"");
    assert_eq!(refused(&bytes), Refusal::Answered(416));
}

#[test]
fn novelsc_a_known_scheme_that_is_not_ours_gets_416() {
    let bytes = wire("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0", &[], b"");
    assert_eq!(refused(&bytes), Refusal::Answered(416));
}

/// What to make of the schemes in a REGISTER is the registrar's affair.
#[test]
fn unksm2_other_schemes_are_read_in_to_and_contact() {
    let request = request(
        "REGISTER sip:example.com SIP/2.0",
        &["To: isbn:2983792873", "Contact: <name:John_Smith>"],
    );
    assert_eq!(request.headers.to().unwrap().uri.scheme(), Scheme::Other);
    assert_eq!(request.headers.contact().unwrap().uri.as_str(), "name:John_Smith");
}

/// 420 is the transaction user's answer; here the options can be seen.
#[test]
fn bext01_unknown_extensions_can_be_seen() {
    let lines = [
        "Require: nothingSupportsThis, nothingSupportsThisEither",
        "Proxy-Require: noProxiesSupportThis",
    ];
    let request = request("OPTIONS sip:user@example.com SIP/2.0", &lines);
    assert!(request.headers.requires("nothingSupportsThisEither"));
    assert!(!request.headers.requires("noProxiesSupportThis"));
}

/// 415 is the transaction user's answer; here the type can be seen.
#[test]
fn invut_an_unknown_body_type_can_be_seen() {
    let kind = "Content-Type: application/unknownformat";
    let message = taken(&wire(INVITE, &[kind], b"<audio>\r\n"));
    assert!(!message.headers().content_type().unwrap().unwrap().is("application/sdp"));
}

#[test]
fn regaut01_an_unknown_scheme_is_as_good_as_no_credentials() {
    let line = "Authorization: NoOneKnowsThisScheme opaque-data=here";
    let request = request("REGISTER sip:example.com SIP/2.0", &[line]);
    let value = request.headers.get(HeaderName::Authorization).unwrap();
    assert_eq!(Credentials::parse(value), Ok(None));
}

#[test]
fn multi01_single_headers_that_come_twice_are_refused() {
    for line in [
        "CSeq: 5 INVITE",
        "Call-ID: multi01.98asdh@192.0.2.1",
        "From: sip:other@example.com;tag=other",
        "To: sip:other@example.com",
        "Max-Forwards: 5",
    ] {
        let usual = String::from_utf8(wire(INVITE, &[], b"")).unwrap();
        let twice = usual.replace("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"));
        assert_eq!(refused(twice.as_bytes()), Refusal::Answered(400), "{line}");
    }
}

#[test]
fn mcl01_two_lengths_are_refused() {
    let lines = ["Content-Length: 13", "Content-Length: 5"];
    let bytes = wire("OPTIONS sip:user@example.com SIP/2.0", &lines, b"There's no way");
    assert_eq!(refused(&bytes), Refusal::Answered(400));
}

/// Via may name the broadcast address; no response of ours follows it, for we are no proxy.
#[test]
fn bcast_a_response_for_the_broadcast_address_can_be_seen() {
    let lines = [
        "Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923",
        "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23",
    ];
    assert_eq!(response("SIP/2.0 200 OK", &lines).headers.list(HeaderName::Via).count(), 2);
}

#[test]
fn zeromf_no_hops_left_can_be_seen() {
    let request = request("OPTIONS sip:user@example.com SIP/2.0", &["Max-Forwards: 0"]);
    assert_eq!(request.headers.max_forwards(), Ok(Some(0)));
}

#[test]
fn cparam01_without_brackets_parameters_are_the_headers() {
    let contact = "Contact: sip:+19725552222@gw1.example.net;unknownparam";
    let request = request("REGISTER sip:example.com SIP/2.0", &[contact]);
    let contact = request.headers.contact().unwrap();
    assert!(contact.params.contains("unknownparam"));
    assert_eq!(contact.uri.as_str(), "sip:+19725552222@gw1.example.net");
}

#[test]
fn cparam02_within_brackets_parameters_are_the_uris() {
    let contact = "Contact: <sip:+19725552222@gw1.example.net;unknownparam>";
    let request = request("REGISTER sip:example.com SIP/2.0", &[contact]);
    let contact = request.headers.contact().unwrap();
    assert!(contact.params.is_empty());
    assert_eq!(contact.uri.param("unknownparam").as_deref(), Some(""));
}

#[test]
fn regescrt_headers_in_a_contact_uri_are_kept() {
    let contact = "Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>";
    let request = request("REGISTER sip:example.com SIP/2.0", &[contact]);
    let contact = request.headers.contact().unwrap();
    let headers: Vec<_> = contact.uri.headers().collect();
    assert_eq!(headers, [("Route".into(), "<sip:sip.example.com>".into())]);
}

/// 406 is the transaction user's answer; here what is accepted can be seen.
#[test]
fn sdp01_an_accept_without_sdp_can_be_seen() {
    let request = request(INVITE, &["Accept: text/nobodyKnowsThis"]);
    assert!(!request.headers.has_token(HeaderName::Accept, "application/sdp"));
}

#[test]
fn inv2543_a_request_older_than_rfc_3261_is_read() {
    let request = request(
        "INVITE sip:UserB@example.com SIP/2.0",
        &[
            "Via: SIP/2.0/UDP iftgw.example.com",
            "From: <sip:+13035551111@ift.client.example.net;user=phone>",
            "Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>",
            "Max-Forwards: -",
        ],
    );
    assert_eq!(request.headers.from_tag(), None);
    assert_eq!(request.headers.max_forwards(), Ok(None));
    assert_eq!(request.headers.via().unwrap().branch(), None);
}

// ---- RFC 5118: IPv6 ----

fn register(uri: &str) -> Vec<u8> {
    wire(&format!("REGISTER {uri} SIP/2.0"), &[], b"")
}

#[test]
fn an_address_in_brackets_is_a_host() {
    // §4.1, §4.3: what looks like a port within the brackets belongs to the address.
    for (uri, host, port) in [
        ("sip:[2001:db8::10]", "[2001:db8::10]", None),
        ("sip:[2001:db8::10:5070]", "[2001:db8::10:5070]", None),
        ("sip:[2001:db8::10]:5070", "[2001:db8::10]", Some(5070)),
        ("sip:user@[::ffff:192.0.2.10]:19823", "[::ffff:192.0.2.10]", Some(19823)),
    ] {
        let Message::Request(request) = taken(&register(uri)) else { panic!("a request") };
        assert_eq!(request.uri.host().unwrap().to_string(), host);
        assert_eq!(request.uri.port(), port);
    }
}

#[test]
fn an_address_without_brackets_is_refused() {
    // §4.2
    assert_eq!(refused(&register("sip:2001:db8::10")), Refusal::Answered(400));
    // §4.10: an error of RFC 3261's grammar, which RFC 5954 mended.
    assert_eq!(refused(&register("sip:user@[2001:db8:::192.0.2.1]")), Refusal::Answered(400));
}

#[test]
fn received_has_brackets_or_not() {
    // §4.5
    for received in ["[2001:db8::9:255]", "2001:db8::9:255"] {
        let via =
            format!("Via: SIP/2.0/UDP [2001:db8::9:1];received={received};branch=z9hG4bKas3-111");
        let request = request("BYE sip:[2001:db8::10] SIP/2.0", &[&via]);
        let via = request.headers.via().unwrap();
        assert_eq!(via.received(), "2001:db8::9:255".parse().ok());
        assert_eq!(via.host().to_string(), "[2001:db8::9:1]");
    }
}

#[test]
fn both_families_may_stand_in_one_message() {
    // §4.6 to §4.8: the bodies are the affair of the SDP room.
    let request = request(
        "BYE sip:user@host.example.net SIP/2.0",
        &[
            "Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111",
            "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144",
            "Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200",
        ],
    );
    let vias: Vec<_> =
        request.headers.list(HeaderName::Via).map(|via| Via::parse(via).unwrap()).collect();
    assert_eq!(vias.iter().filter(|via| via.host().address().unwrap().is_ipv6()).count(), 2);
    assert_eq!(vias[2].received(), "192.0.2.200".parse().ok());
}
