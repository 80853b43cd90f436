//! From bytes to a message: one datagram, one WebSocket message, or one that
//! [`Framing`](super::Framing) has cut out of a stream.

use super::error::{Error, SipFault};
use super::header_name::HeaderName;
use super::headers::Headers;
use super::host::parse_digits;
use super::lexer;
use super::limits::{HEAD_BYTES_MAX, HEADER_LINE_BYTES_MAX, HEADER_LINES_MAX, MESSAGE_BYTES_MAX};
use super::message::{Message, Request, Response};
use super::method::Method;
use super::status::StatusCode;
use super::uri::{Scheme, Uri};
use std::borrow::Cow;
use std::ops::Range;

/// Reads one message.
///
/// Line ends may be CRLF or LF alone; line ends before the message are skipped; folded lines are
/// unfolded; bytes after Content-Length are dropped (RFC 3261 §18.3). Via, From, To, Call-ID and
/// CSeq are there and well formed in what is returned. Bytes of the headers that are no UTF-8 are
/// taken for ISO 8859-1, which is what old phones write.
///
/// # Errors
/// [`SipFault::KeepAlive`] for a datagram of nothing but line ends, blanks and NULs. Any other error
/// says what is wrong with the message; [`parse_failure_response`] makes the answer.
pub fn parse(bytes: &[u8]) -> Result<Message, Error> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(SipFault::MessageTooLarge.at(MESSAGE_BYTES_MAX));
    }
    let start = message_start(bytes)?;
    let (head_len, body_start) = find_head_end(&bytes[start..], 0)?.ok_or_else(|| {
        let long = bytes.len() - start > HEAD_BYTES_MAX;
        if long { SipFault::HeadersTooLarge } else { SipFault::Truncated }.at(bytes.len())
    })?;
    let head = &bytes[start..start + head_len];
    let body = &bytes[start + body_start..];
    parse_parts(head, body).map_err(|error| error.moved(start))
}

/// The index of the first byte that is no line end.
fn message_start(bytes: &[u8]) -> Result<usize, Error> {
    let start = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(bytes.len());
    // Some phones send a few NULs or blanks to keep a binding of their router open.
    if bytes[start..].iter().all(|b| matches!(b, b'\r' | b'\n' | b' ' | 0)) {
        return Err(SipFault::KeepAlive.at(start));
    }
    Ok(start)
}

/// The length of the head with its last line end, and the start of the body behind the blank line.
/// `from` is where an earlier search over fewer bytes ended.
pub(super) fn find_head_end(bytes: &[u8], from: usize) -> Result<Option<(usize, usize)>, Error> {
    for line_end in memchr::memchr_iter(b'\n', &bytes[from..]) {
        let next = from + line_end + 1;
        let blank = match bytes.get(next..) {
            Some([b'\n', ..]) => 1,
            Some([b'\r', b'\n', ..]) => 2,
            Some(_) | None => continue,
        };
        if next > HEAD_BYTES_MAX {
            return Err(SipFault::HeadersTooLarge.at(HEAD_BYTES_MAX));
        }
        return Ok(Some((next, next + blank)));
    }
    Ok(None)
}

fn parse_parts(head: &[u8], body: &[u8]) -> Result<Message, Error> {
    check_controls(head)?;
    let head = to_text(head);
    let line_end = memchr::memchr(b'\n', head.as_bytes()).expect("the head ends with a line end");
    let start_line = lexer::trim_end(&head[..line_end]);
    let mut message = if start_line.get(..4).is_some_and(|s| s.eq_ignore_ascii_case("SIP/")) {
        parse_status_line(start_line).map(Message::Response)?
    } else {
        parse_request_line(start_line).map(Message::Request)?
    };
    let headers_start = line_end + 1;
    let block = parse_block(&head[headers_start..]).map_err(|e| e.moved(headers_start))?;
    let length = block.content_length.unwrap_or(body.len());
    let body = body.get(..length).ok_or(SipFault::BodyTooShort.at(head.len()))?.into();
    match &mut message {
        Message::Request(request) => {
            let (_, method) = block.headers.cseq()?;
            if method != request.method {
                return Err(SipFault::CSeqMethod.at(headers_start));
            }
            (request.headers, request.body) = (block.headers, body);
        }
        Message::Response(response) => {
            block.headers.cseq()?;
            (response.headers, response.body) = (block.headers, body);
        }
    }
    Ok(message)
}

/// A bare CR could end a line for the next reader, a bare NUL could end the text.
fn check_controls(head: &[u8]) -> Result<(), Error> {
    let bare_return = memchr::memchr_iter(b'\r', head).find(|at| head.get(at + 1) != Some(&b'\n'));
    // RFC 3261 §25.1 allows NUL in a quoted pair only; RFC 4475 §3.1.1.2 has one.
    let bare_nul = memchr::memchr_iter(0, head).find(|at| *at == 0 || head[at - 1] != b'\\');
    match bare_return.or(bare_nul) {
        Some(at) => Err(SipFault::ControlCharacter.at(at)),
        None => Ok(()),
    }
}

/// The head as text; what is no UTF-8 is read as ISO 8859-1.
fn to_text(head: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(head) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(head.len() + 16);
    for chunk in head.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|b| char::from(*b)));
    }
    Cow::Owned(text)
}

fn parse_request_line(line: &str) -> Result<Request, Error> {
    let mut parts = line.split(' ');
    let (Some(method), Some(uri), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(SipFault::StartLine.at(0));
    };
    let uri_start = method.len() + 1;
    check_version(version, uri_start + uri.len() + 1)?;
    let method = Method::parse(method)?;
    let uri = Uri::parse(uri).map_err(|error| error.moved(uri_start))?;
    match uri.scheme() {
        Scheme::Sip | Scheme::Sips | Scheme::Tel => Ok(Request::new(method, uri)),
        Scheme::Other => Err(SipFault::Scheme.at(uri_start)),
    }
}

fn parse_status_line(line: &str) -> Result<Response, Error> {
    let (version, rest) = line.split_once(' ').ok_or(SipFault::StartLine.at(0))?;
    check_version(version, 0)?;
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let wrong = || SipFault::Status.at(version.len() + 1);
    let code = parse_digits(code).filter(|_| code.len() == 3).ok_or_else(wrong)?;
    let status = u16::try_from(code).ok().and_then(StatusCode::new);
    Ok(Response::new(status.ok_or_else(wrong)?).with_reason(reason))
}

fn check_version(version: &str, offset: usize) -> Result<(), Error> {
    if version.eq_ignore_ascii_case("SIP/2.0") {
        return Ok(());
    }
    let numbers = version.get(..4).filter(|name| name.eq_ignore_ascii_case("SIP/"));
    let numbers = numbers.and_then(|_| version[4..].split_once('.'));
    let is_version = numbers
        .is_some_and(|(one, two)| parse_digits(one).is_some() && parse_digits(two).is_some());
    Err(if is_version { SipFault::Version } else { SipFault::StartLine }.at(offset))
}

struct HeaderBlock {
    headers: Headers,
    content_length: Option<usize>,
}

/// Headers that may appear once and of which two would be read differently by different readers.
const SINGLE: [HeaderName; 6] = [
    HeaderName::From,
    HeaderName::To,
    HeaderName::CallId,
    HeaderName::CSeq,
    HeaderName::MaxForwards,
    HeaderName::ContentLength,
];

fn parse_block(text: &str) -> Result<HeaderBlock, Error> {
    // A line has some 45 bytes; one reservation serves most messages, and what is stamped on them.
    const STAMP_BYTES: usize = 128;
    let mut owned = String::with_capacity(text.len() + STAMP_BYTES);
    owned.push_str(text);
    let mut headers = Headers::over(owned, text.len() / 32 + 2);
    let mut content_length = None;
    let mut seen: u128 = 0;
    let single = SINGLE.iter().fold(0_u128, |set, name| set | 1 << name.index());
    for (count, line) in LogicalLines::of(text.as_bytes()).enumerate() {
        let span = line.span.clone();
        if count == HEADER_LINES_MAX || span.len() > HEADER_LINE_BYTES_MAX {
            return Err(SipFault::HeadersTooLarge.at(span.start));
        }
        let (name, value) = line.split(text)?;
        let bit = 1_u128 << name.index();
        if seen & single & bit != 0 {
            return Err(SipFault::Repeated(name).at(span.start));
        }
        seen |= bit;
        let value = if line.folded { headers.append_unfolded(value) } else { value };
        if name == HeaderName::ContentLength {
            content_length = Some(read_length(&headers.text()[value], span.start)?);
        } else {
            headers.push_span(name, value);
        }
    }
    headers.check_required().map_err(|error| Error { offset: text.len(), ..error })?;
    Ok(HeaderBlock { headers, content_length })
}

fn read_length(value: &str, offset: usize) -> Result<usize, Error> {
    let length = parse_digits(value).and_then(|length| usize::try_from(length).ok());
    length.ok_or(SipFault::Header(HeaderName::ContentLength).at(offset))
}

/// The logical lines of a header block: folded ones are one.
pub(super) struct LogicalLines<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// One logical line.
pub(super) struct RawLine {
    /// Without its line end.
    span: Range<usize>,
    folded: bool,
}

impl<'a> LogicalLines<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }
}

impl Iterator for LogicalLines<'_> {
    type Item = RawLine;

    fn next(&mut self) -> Option<RawLine> {
        let start = self.at;
        if start >= self.bytes.len() {
            return None;
        }
        let mut folded = false;
        let end = loop {
            let rest = &self.bytes[self.at..];
            let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let end = self.at + len;
            self.at = end + 1;
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t') => folded = true,
                Some(_) | None => break end,
            }
        };
        let end = end - usize::from(end > start && self.bytes[end - 1] == b'\r');
        Some(RawLine { span: start..end, folded })
    }
}

impl RawLine {
    /// Where it is, without its line end.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The name, and where the trimmed value is. `text` is what the lines were cut from.
    fn split(&self, text: &str) -> Result<(HeaderName, Range<usize>), Error> {
        let wrong = || SipFault::HeaderLine.at(self.span.start);
        let line = &text[self.span.clone()];
        let colon = line.bytes().position(|b| b == b':');
        let colon = colon.ok_or_else(wrong)?;
        let name = HeaderName::parse(lexer::trim_end(&line[..colon])).ok_or_else(wrong)?;
        let value = lexer::trim_start(&line[colon + 1..]);
        let start = self.span.end - value.len();
        let end = start + lexer::trim_end(value).len();
        Ok((name, start..end))
    }
}

/// What a header block says of the body's length; for streams, where it must say it.
pub(super) fn content_length(head: &[u8]) -> Result<Option<usize>, Error> {
    let mut found = None;
    for line in LogicalLines::of(head).skip(1) {
        let bytes = &head[line.span.clone()];
        if !matches!(bytes.first(), Some(b'C' | b'c' | b'L' | b'l')) {
            continue;
        }
        let Some(colon) = memchr::memchr(b':', bytes) else { continue };
        let name = std::str::from_utf8(&bytes[..colon]).unwrap_or("").trim_end();
        if !name.eq_ignore_ascii_case("Content-Length") && !name.eq_ignore_ascii_case("l") {
            continue;
        }
        if found.is_some() {
            return Err(SipFault::Repeated(HeaderName::ContentLength).at(line.span.start));
        }
        let value = std::str::from_utf8(&bytes[colon + 1..]).unwrap_or("-");
        found = Some(read_length(lexer::trim(value), line.span.start)?);
    }
    Ok(found)
}

/// The response to a request that [`parse`] refused, with what can be saved of Via, From, To,
/// Call-ID and CSeq, and a phrase that names the fault (RFC 3261 §21.4.1).
///
/// `None` for keep-alives, responses, ACK, and what has no Via: nobody waits for an answer.
#[must_use]
pub fn parse_failure_response(bytes: &[u8], error: &Error) -> Option<Response> {
    if error.what == SipFault::KeepAlive {
        return None;
    }
    let mut response = salvage(bytes, error.status())?;
    response.reason = error.what.to_string().into();
    Some(response)
}

/// The 503 to a request that nobody has read and nobody will; `None` as above.
#[must_use]
pub fn busy_response(bytes: &[u8]) -> Option<Response> {
    salvage(bytes, StatusCode::SERVICE_UNAVAILABLE)
}

/// The response `status` with what can be saved of a request that was not read.
fn salvage(bytes: &[u8], status: StatusCode) -> Option<Response> {
    let start = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n'))?;
    let head = &bytes[start..bytes.len().min(start + HEAD_BYTES_MAX)];
    let head = find_head_end(head, 0).ok().flatten().map_or(head, |(len, _)| &head[..len]);
    let head = to_text(head);
    let (start_line, block) = head.split_once('\n')?;
    let method = start_line.split(' ').next().unwrap_or("");
    if method == Method::ACK.as_str() || !lexer::is_token(method) {
        return None;
    }
    let mut response = Response::new(status);
    let headers = &mut response.headers;
    for line in LogicalLines::of(block.as_bytes()).take(HEADER_LINES_MAX) {
        let Ok((name, value)) = line.split(block) else { continue };
        let wanted = match name {
            HeaderName::Via => true,
            HeaderName::From | HeaderName::To | HeaderName::CallId | HeaderName::CSeq => {
                !headers.contains(&name)
            }
            _ => false,
        };
        if wanted {
            headers.push(name, &block[value]);
        }
    }
    headers.contains(HeaderName::Via).then_some(response)
}
