//! What parsing and printing an INVITE costs, beside copying its bytes.
//!
//! `cargo bench --bench sip`. Each line is the best of several rounds, in nanoseconds.

#![allow(clippy::print_stdout)] // A benchmark speaks to whoever started it.

use cordboard::sip::{Framing, HeaderName, Message, NameAddr, StatusCode, Uri, parse, print};
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: u32 = 400;
const REPETITIONS: u32 = 500;

const HEAD: &str = "INVITE sip:9000@example.com;user=phone SIP/2.0\r\n\
    Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKPj5a1e6bb1c5f04c7c9f;rport\r\n\
    Via: SIP/2.0/TCP 192.0.2.11:5060;branch=z9hG4bK776asdhds;received=192.0.2.11\r\n\
    Max-Forwards: 70\r\n\
    From: \"Alice \\\"A\\\" Example\" <sip:3001@example.com>;tag=4f2c19ab77d0\r\n\
    To: <sip:9000@example.com>\r\n\
    Contact: <sip:3001@192.0.2.10:5060;ob>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\"\r\n\
    Call-ID: 9b1f1b7e-4a0c-4b7c-b0a8-2f1c8a1de7c5\r\n\
    CSeq: 20341 INVITE\r\n\
    Route: <sip:proxy.example.com;lr>\r\n\
    Allow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER, MESSAGE, OPTIONS\r\n\
    Supported: replaces, 100rel, timer, norefersub\r\n\
    Session-Expires: 1800\r\n\
    Min-SE: 90\r\n\
    User-Agent: Phone/1.2.3 (test)\r\n\
    Content-Type: application/sdp\r\n";

fn main() {
    let body = "v=0\r\n".to_owned() + &"a=rtpmap:96 H264/90000\r\n".repeat(18);
    let wire = format!("{HEAD}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
    let message = parse(&wire).expect("the benchmark's INVITE is valid");
    let Message::Request(request) = &message else { panic!("the benchmark has a request") };
    let mut out = Vec::with_capacity(4096);
    println!("an INVITE of {} bytes, {} header lines", wire.len(), message.headers().len() + 1);

    measure("copy its bytes (memcpy)", || {
        out.clear();
        out.extend_from_slice(&wire);
        black_box(out.len())
    });
    measure("parse", || parse(&wire).map_or(0, |message| message.headers().len()));
    measure("parse + what a transaction needs", || {
        let message = parse(&wire).expect("the benchmark's INVITE is valid");
        transaction_headers(&message)
    });
    measure("print", || {
        out.clear();
        print(&message, &mut out);
        out.len()
    });
    measure("make and print 180", || {
        out.clear();
        print(&request.response(StatusCode::RINGING).into(), &mut out);
        out.len()
    });
    let mut framing = Framing::new();
    measure("cut from a stream", || {
        framing.push(&wire);
        usize::from(matches!(framing.next_frame(), Ok(Some(_))))
    });
    measure("From as a value", || {
        let from = message.headers().from().map(|from: NameAddr| from.uri.port());
        usize::from(from.is_ok())
    });
    measure("a URI", || {
        let uri = Uri::parse(black_box("sip:3001@192.0.2.10:5060;transport=tcp;ob"));
        uri.map_or(0, |uri| uri.as_str().len())
    });
}

fn transaction_headers(message: &Message) -> usize {
    let headers = message.headers();
    let branch = headers.via().map_or(0, |via| via.branch().map_or(0, str::len));
    let cseq = headers.cseq().map_or(0, |(number, _)| number as usize);
    let call_id = headers.call_id().map_or(0, str::len);
    let tags = headers.from_tag().map_or(0, str::len) + headers.to_tag().map_or(0, str::len);
    let routes = headers.list(HeaderName::Route).count();
    branch + cseq + call_id + tags + routes
}

fn measure(what: &str, mut work: impl FnMut() -> usize) {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..REPETITIONS {
            black_box(work());
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(REPETITIONS));
    }
    println!("{best:8.0} ns  {what}");
}
