//! From a message to its bytes.

use super::header_name::HeaderName;
use super::headers::Headers;
use super::message::{Message, Request};
use std::io::Write as _;

/// Appends `message` to `out`, Content-Length included.
///
/// CR, LF and NUL cannot come from header values (see [`Headers`]); in the reason phrase, which is
/// a plain field, they are printed as blanks.
pub fn print(message: &Message, out: &mut Vec<u8>) {
    match message {
        Message::Request(request) => {
            out.reserve(printed_len(request));
            let (method, uri) = (request.method.as_str(), request.uri.as_str());
            append(out, &[method, " ", uri, " SIP/2.0\r\n"]);
            print_rest(&request.headers, &request.body, out);
        }
        Message::Response(response) => {
            let start = "SIP/2.0 200 \r\n".len() + response.reason.len();
            out.reserve(start + rest_len(&response.headers, &response.body));
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

/// How many bytes [`print()`] makes of this request.
#[must_use]
pub fn printed_len(request: &Request) -> usize {
    let start = request.method.as_str().len() + request.uri.as_str().len();
    start + "  SIP/2.0\r\n".len() + rest_len(&request.headers, &request.body)
}

fn rest_len(headers: &Headers, body: &[u8]) -> usize {
    let line = |(name, value): (&HeaderName, &str)| name.as_str().len() + value.len() + 4;
    let digits = body.len().checked_ilog10().map_or(1, |log| log as usize + 1);
    let end = "Content-Length: \r\n\r\n".len() + digits;
    headers.iter().map(line).sum::<usize>() + end + body.len()
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
