//! A look at a message that may never be read: what it is, and what it claims to belong to.

use super::lexer;
use super::limits::HEADER_LINES_MAX;
use super::parse::LogicalLines;
use super::via::{self, Via};

/// What a glance shows, as it is written: nothing of it is checked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RequestSummary<'a> {
    /// The method; `None` when it is a response.
    pub method: Option<&'a str>,
    /// The topmost Via.
    pub via: &'a str,
    /// Call-ID.
    pub call_id: &'a str,
    /// The tag of From; empty without one.
    pub from_tag: &'a str,
    /// The tag of To.
    pub to_tag: Option<&'a str>,
}

impl RequestSummary<'_> {
    /// The branch of the topmost Via, read without the rest.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        via::branch(self.via)
    }

    /// The topmost Via, read.
    #[must_use]
    pub fn topmost_via(&self) -> Option<Via> {
        Via::parse(self.via).ok()
    }
}

/// Looks at a message, at a fraction of the cost of [`parse`](super::parse()).
///
/// `None` for what has no start line, Via, From, To and Call-ID in plain writing. Few write
/// otherwise, and only [`parse`](super::parse()) says whether they may.
#[must_use]
pub fn summarize(bytes: &[u8]) -> Option<RequestSummary<'_>> {
    let start = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n'))?;
    let mut lines = LogicalLines::of(&bytes[start..]).map(|line| &bytes[start..][line.span()]);
    let first = text(lines.next()?)?;
    let word = first.split(' ').next()?;
    let is_response = word.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("SIP/"));
    let (mut via, mut from, mut to, mut call_id) = (None, None, None, None);
    for line in lines.take(HEADER_LINES_MAX).take_while(|line| !line.is_empty()) {
        let colon = memchr::memchr(b':', &line[..line.len().min(NAME_BYTES_MAX)])?;
        let name = line[..colon].trim_ascii_end();
        let wanted = match name.len() {
            1 => name.eq_ignore_ascii_case(b"v"),
            _ => name.eq_ignore_ascii_case(b"Via"),
        };
        let place = if wanted {
            &mut via
        } else if name.eq_ignore_ascii_case(b"From") || name.eq_ignore_ascii_case(b"f") {
            &mut from
        } else if name.eq_ignore_ascii_case(b"To") || name.eq_ignore_ascii_case(b"t") {
            &mut to
        } else if name.eq_ignore_ascii_case(b"Call-ID") || name.eq_ignore_ascii_case(b"i") {
            &mut call_id
        } else {
            continue;
        };
        if place.is_none() {
            *place = Some(lexer::trim(text(&line[colon + 1..])?));
        }
        if let (Some(via), Some(from), Some(to), Some(call_id)) = (via, from, to, call_id) {
            return Some(RequestSummary {
                method: (!is_response).then_some(word),
                via: lexer::trim_end(via.split(',').next()?),
                call_id,
                from_tag: tag(from).unwrap_or_default(),
                to_tag: tag(to),
            });
        }
    }
    None
}

/// No header that is looked for has a longer name, blanks before the colon included.
const NAME_BYTES_MAX: usize = 64;

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The value of the last parameter `tag`.
fn tag(address: &str) -> Option<&str> {
    let start = address.rfind('>').unwrap_or(0);
    let (_, value) = address[start..].split_once(";tag=")?;
    let end = lexer::find_any(value, b"; \t").unwrap_or(value.len());
    Some(&value[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "\r\nINVITE sip:9000@example.com SIP/2.0\r\n\
        v: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1, SIP/2.0/UDP 192.0.2.8\r\n\
        Max-Forwards: 70\r\n\
        Via: SIP/2.0/UDP 192.0.2.9\r\n\
        From : \"a;tag=x\" <sip:a@b;tag=y>;x=1;tag=f;z\r\n\
        TO: <sip:9000@example.com>;tag=t\r\n\
        i: 1@phone\r\n\r\n";

    #[test]
    fn what_decides_is_seen() {
        let seen = summarize(INVITE.as_bytes()).unwrap();
        assert_eq!(seen.method, Some("INVITE"));
        assert_eq!(seen.via, "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1");
        assert_eq!((seen.from_tag, seen.to_tag, seen.call_id), ("f", Some("t"), "1@phone"));
        assert_eq!(seen.branch(), Some("z9hG4bK1"));
        assert_eq!(seen.topmost_via().unwrap().branch(), seen.branch());
        let response = INVITE.replace("INVITE sip:9000@example.com SIP/2.0", "sip/2.0 200 OK");
        assert_eq!(summarize(response.as_bytes()).unwrap().method, None);
        let outside = INVITE.replace(";tag=t", "");
        assert_eq!(summarize(outside.as_bytes()).unwrap().to_tag, None);
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_parser() {
        for wrong in ["", "\r\n\r\n", "INVITE", "INVITE sip:a SIP/2.0\r\n\r\n", "\u{fffd}\n:\n"] {
            assert_eq!(summarize(wrong.as_bytes()), None, "{wrong:?}");
        }
        for end in 0..INVITE.len() - 4 {
            let cut = summarize(&INVITE.as_bytes()[..end]);
            assert!(end > INVITE.len() - 15 || cut.is_none(), "{end}: {cut:?}");
        }
        let behind = INVITE.replace("i: 1@phone\r\n\r\n", "\r\ni: 1@phone\r\n");
        assert_eq!(summarize(behind.as_bytes()), None, "the body is no header");
    }
}
