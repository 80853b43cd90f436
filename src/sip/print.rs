//! From a message to its bytes.

use super::headers::Headers;
use super::message::Message;
use std::io::Write as _;

/// Appends `message` to `out`, Content-Length included.
///
/// CR, LF and NUL cannot come from header values (see [`Headers`]); in the reason phrase, which is
/// a plain field, they are printed as blanks.
pub fn print(message: &Message, out: &mut Vec<u8>) {
    match message {
        Message::Request(request) => {
            let (method, uri) = (request.method.as_str(), request.uri.as_str());
            reserve(out, uri.len(), &request.headers, &request.body);
            append(out, &[method, " ", uri, " SIP/2.0\r\n"]);
            print_rest(&request.headers, &request.body, out);
        }
        Message::Response(response) => {
            reserve(out, response.reason.len(), &response.headers, &response.body);
            let code = response.status.as_u16();
            let digit = |value: u16| b'0' + (value % 10) as u8;
            append(out, &["SIP/2.0 "]);
            out.extend([digit(code / 100), digit(code / 10), digit(code), b' ']);
            let blank = |b| if matches!(b, b'\r' | b'\n' | 0) { b' ' } else { b };
            out.extend(response.reason.bytes().map(blank));
            append(out, &["\r\n"]);
            print_rest(&response.headers, &response.body, out);
        }
    }
}

fn reserve(out: &mut Vec<u8>, start: usize, headers: &Headers, body: &[u8]) {
    // Each line adds its name, at most this long in practice, and three separators.
    const LINE_EXTRA: usize = 24;
    out.reserve(start + headers.text().len() + headers.len() * LINE_EXTRA + body.len() + 64);
}

fn append(out: &mut Vec<u8>, pieces: &[&str]) {
    for piece in pieces {
        out.extend_from_slice(piece.as_bytes());
    }
}

fn print_rest(headers: &Headers, body: &[u8], out: &mut Vec<u8>) {
    for (name, value) in headers.iter() {
        append(out, &[name.as_str(), ": ", value, "\r\n"]);
    }
    write!(out, "Content-Length: {}\r\n\r\n", body.len()).expect("writing to memory succeeds");
    out.extend_from_slice(body);
}
