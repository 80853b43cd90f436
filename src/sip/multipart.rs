//! The session description in the body of a message, which may have several parts (RFC 5621).
//!
//! Carriers put a location or ISUP beside the SDP, old proxies a fallback for older phones. A part that
//! is not understood is passed over, unless its sender says that it has to be (`handling=required`).

use super::header_name::HeaderName;
use super::headers::Headers;
use super::lexer;
use super::values::{Disposition, MediaType};

/// The most parts of one body that are looked at, those of parts within parts among them.
pub const PARTS_MAX: usize = 32;
/// The most bodies within one another.
pub const NESTING_MAX: usize = 4;
/// The longest head of a part.
pub const PART_HEAD_BYTES_MAX: usize = 4 * 1024;
/// The longest boundary (RFC 2046 §5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// What is understood: for the Accept header (RFC 3261 §21.4.13).
pub const ACCEPTED: &str =
    "application/sdp, multipart/mixed, multipart/alternative, multipart/related";

/// The session description of a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Content<'a> {
    /// There is none, and nothing that had to be understood.
    Nothing,
    /// This text.
    Sdp(&'a [u8]),
    /// A type, an encoding or a make-up that is not understood, and should be.
    Foreign,
}

/// What the head of a message or a part says of its body.
struct Head<'a> {
    content_type: Option<&'a str>,
    disposition: Option<&'a str>,
    /// Content-Encoding, and what Content-Transfer-Encoding says against SIP's custom.
    encoded: bool,
}

impl<'a> Content<'a> {
    /// Looks for the session description of a message. One without Content-Type is taken for one.
    #[must_use]
    pub fn of(headers: &'a Headers, body: &'a [u8]) -> Self {
        if body.is_empty() {
            return Self::Nothing;
        }
        let encoding = headers.get(HeaderName::ContentEncoding).unwrap_or("identity");
        let head = Head {
            content_type: headers.get(HeaderName::ContentType),
            disposition: headers.get(HeaderName::ContentDisposition),
            encoded: !encoding.trim().eq_ignore_ascii_case("identity"),
        };
        let mut left = PARTS_MAX;
        match read(&head, body, 0, &mut left) {
            // RFC 3261 §20.11: a whole body has to be understood, unless it says otherwise.
            Self::Nothing if !is_optional(&head) && !is_multipart(&head) => Self::Foreign,
            content => content,
        }
    }
}

fn read<'a>(head: &Head<'a>, body: &'a [u8], depth: usize, left: &mut usize) -> Content<'a> {
    let foreign = if is_required(head) { Content::Foreign } else { Content::Nothing };
    let kind = MediaType::parse_kindly(head.content_type.unwrap_or("application/sdp"));
    let (Ok(kind), false, true) = (kind, head.encoded, depth < NESTING_MAX) else {
        return if depth == 0 { Content::Foreign } else { foreign };
    };
    match (kind.essence.as_str(), kind.essence.strip_prefix("multipart/")) {
        ("application/sdp", _) if is_session(head) => Content::Sdp(body),
        (_, Some(subtype)) => {
            let boundary = kind.params.get("boundary").unwrap_or_default();
            if boundary.is_empty() || boundary.len() > BOUNDARY_BYTES_MAX {
                return Content::Foreign;
            }
            let parts = BodyParts { rest: body, boundary: boundary.as_bytes(), first: true };
            read_parts(parts, subtype == "alternative", depth, left)
        }
        _ => foreign,
    }
}

/// Of alternatives the last that is understood (RFC 2046 §5.1.4), of all else the first.
fn read_parts<'a>(
    parts: BodyParts<'a, '_>,
    alternatives: bool,
    depth: usize,
    left: &mut usize,
) -> Content<'a> {
    let (mut found, mut foreign, mut any) = (Content::Nothing, false, false);
    for part in parts {
        any = true;
        if *left == 0 {
            return Content::Foreign;
        }
        *left -= 1;
        let Some((head, body)) = Head::of_part(part) else { return Content::Foreign };
        match read(&head, body, depth + 1, left) {
            Content::Sdp(sdp) if alternatives || found == Content::Nothing => {
                found = Content::Sdp(sdp);
            }
            Content::Sdp(_) | Content::Nothing => {}
            Content::Foreign => foreign = true,
        }
    }
    match found {
        // RFC 5621 §5: of alternatives one has to be understood, not each.
        Content::Sdp(_) if alternatives || !foreign => found,
        _ if foreign || !any => Content::Foreign,
        _ => Content::Nothing,
    }
}

fn is_multipart(head: &Head<'_>) -> bool {
    let kind = head.content_type.and_then(|value| MediaType::parse_kindly(value).ok());
    kind.is_some_and(|kind| kind.essence.starts_with("multipart/"))
}

/// Whether a part says by itself that it has to be understood.
fn is_required(head: &Head<'_>) -> bool {
    handling(head).is_some_and(|handling| handling.eq_ignore_ascii_case("required"))
}

fn is_optional(head: &Head<'_>) -> bool {
    handling(head).is_some_and(|handling| handling.eq_ignore_ascii_case("optional"))
}

fn handling(head: &Head<'_>) -> Option<String> {
    let disposition = Disposition::parse(head.disposition?).ok()?;
    disposition.params.get("handling").map(|value| value.into_owned())
}

/// RFC 3261 §20.11: SDP is the session's where nothing else is said, such as `early-session`
/// (RFC 3959).
fn is_session(head: &Head<'_>) -> bool {
    let read = |text| Disposition::parse(text).ok();
    head.disposition.and_then(read).is_none_or(|disposition| disposition.kind == "session")
}

impl<'a> Head<'a> {
    /// Splits a part; `None` when its head is too long or no text.
    fn of_part(part: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (mut content_type, mut disposition, mut encoded) = (None, None, false);
        let mut rest = part;
        loop {
            let (line, behind) = line(rest);
            let read = part.len() - behind.len();
            if read > PART_HEAD_BYTES_MAX {
                return None;
            }
            rest = behind;
            let text = lexer::trim(std::str::from_utf8(line).ok()?);
            if text.is_empty() {
                break;
            }
            // A folded line goes on; nothing that is looked at needs to be so long.
            let Some((name, value)) = text.split_once(':') else { continue };
            let (name, value) = (lexer::trim(name), lexer::trim(value));
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            let among = |known: &[&str]| known.iter().any(|k| value.eq_ignore_ascii_case(k));
            if is("Content-Type") || is("c") {
                content_type = Some(value);
            } else if is("Content-Disposition") {
                disposition = Some(value);
            } else if is("Content-Encoding") || is("e") {
                encoded |= !among(&["identity"]);
            } else if is("Content-Transfer-Encoding") {
                encoded |= !among(&["7bit", "8bit", "binary"]);
            }
        }
        // RFC 2046 §5.1: a part that names no type is plain text.
        let content_type = content_type.or(Some("text/plain"));
        Some((Self { content_type, disposition, encoded }, rest))
    }
}

/// The next line without its end, and what stands behind it.
fn line(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| *byte == b'\n');
    let (line, rest) = end.map_or((text, &[][..]), |end| (&text[..end], &text[end + 1..]));
    (line.strip_suffix(b"\r").unwrap_or(line), rest)
}

/// The parts between the boundaries; what stands before the first and behind the last is for readers
/// of another age.
struct BodyParts<'a, 'b> {
    rest: &'a [u8],
    boundary: &'b [u8],
    first: bool,
}

impl<'a> BodyParts<'a, '_> {
    /// What kind of boundary a line is: `Some(true)` for the last one.
    fn is_boundary(&self, line: &[u8]) -> Option<bool> {
        let behind = line.strip_prefix(b"--")?.strip_prefix(self.boundary)?;
        match behind.trim_ascii_end() {
            b"" => Some(false),
            b"--" => Some(true),
            _ => None,
        }
    }

    /// What stands before the next boundary, without the line end that belongs to it.
    fn up_to_boundary(&mut self) -> Option<(&'a [u8], bool)> {
        let all = self.rest;
        let mut rest = all;
        while !rest.is_empty() {
            let start = all.len() - rest.len();
            let (line, behind) = line(rest);
            rest = behind;
            if let Some(last) = self.is_boundary(line) {
                self.rest = if last { &[] } else { rest };
                let before = &all[..start];
                let before = before.strip_suffix(b"\n").unwrap_or(before);
                return Some((before.strip_suffix(b"\r").unwrap_or(before), last));
            }
        }
        self.rest = &[];
        None
    }
}

impl<'a> Iterator for BodyParts<'a, '_> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if std::mem::take(&mut self.first) {
            self.up_to_boundary()?;
        }
        if self.rest.is_empty() {
            return None;
        }
        let rest = self.rest;
        // Some leave out the last boundary.
        Some(self.up_to_boundary().map_or(rest, |(part, _)| part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SDP: &str = "v=0\r\ns=-\r\n";

    fn of<'a>(headers: &'a mut Headers, kind: &str, body: &'a str) -> Content<'a> {
        headers.push(HeaderName::ContentType, kind);
        Content::of(headers, body.as_bytes())
    }

    /// Parts, each with the lines of its head.
    fn parts(parts: &[(&str, &str)]) -> String {
        let part = |(head, body): &(&str, &str)| format!("--b\r\n{head}\r\n\r\n{body}\r\n");
        parts.iter().map(part).collect::<String>() + "--b--\r\n"
    }

    #[track_caller]
    fn check(kind: &str, body: &str, expected: Content<'_>) {
        assert_eq!(of(&mut Headers::default(), kind, body), expected, "{kind}\n{body}");
    }

    const TYPE: &str = "Content-Type: application/sdp";
    const ISUP: &str = "Content-Type: application/isup;version=x";

    #[test]
    fn a_body_of_one_part() {
        let sdp = Content::Sdp(SDP.as_bytes());
        check("application/sdp", SDP, sdp);
        check("Application/SDP ; charset=utf-8", SDP, sdp);
        check("text/plain", "hello", Content::Foreign);
        check("application/sdp", "", Content::Nothing);
        check("nonsense", SDP, Content::Foreign);
        assert_eq!(Content::of(&Headers::default(), SDP.as_bytes()), sdp);
        let mut optional = Headers::default();
        optional.push(HeaderName::ContentDisposition, "render;handling=optional");
        assert_eq!(of(&mut optional, "text/plain", "hello"), Content::Nothing);
        for encoding in ["gzip", "x, identity"] {
            let mut encoded = Headers::default();
            encoded.push(HeaderName::ContentEncoding, encoding);
            assert_eq!(of(&mut encoded, "application/sdp", SDP), Content::Foreign);
        }
    }

    #[test]
    fn the_description_is_found_among_the_parts() {
        let sdp = Content::Sdp(SDP.as_bytes());
        let mixed = "multipart/mixed;boundary=b";
        check(mixed, &parts(&[(TYPE, SDP), (ISUP, "\u{1}\u{0}I")]), sdp);
        check(mixed, &parts(&[(ISUP, "x"), (TYPE, SDP), (TYPE, "v=1")]), sdp);
        check("multipart/related; boundary=\"b\"", &parts(&[(ISUP, "x"), (TYPE, SDP)]), sdp);
        check("multipart/alternative;boundary=b", &parts(&[(TYPE, "v=1"), (TYPE, SDP)]), sdp);
        check(mixed, &("for old readers\r\n".to_owned() + &parts(&[(TYPE, SDP)])), sdp);
        // Without the last boundary, and with it as the first line.
        check(mixed, &format!("--b\r\n{TYPE}\r\n\r\n{SDP}"), sdp);
        let lines = parts(&[("content-type: application/sdp", "v=0\ns=-\n")]).replace('\r', "");
        check(mixed, &lines, Content::Sdp(b"v=0\ns=-\n"));
        // An early session is another one.
        let early = format!("{TYPE}\r\nContent-Disposition: early-session;handling=optional");
        check(mixed, &parts(&[(&early, "v=1"), (TYPE, SDP)]), sdp);
    }

    #[test]
    fn what_has_to_be_understood_and_is_not_is_foreign() {
        let mixed = "multipart/mixed;boundary=b";
        let required = "Content-Type: x/y\r\nContent-Disposition: session;handling=REQUIRED";
        let optional = "Content-Type: x/y\r\nContent-Disposition: session;handling=optional";
        check(mixed, &parts(&[(required, "x")]), Content::Foreign);
        check(mixed, &parts(&[(TYPE, SDP), (required, "x")]), Content::Foreign);
        check(mixed, &parts(&[(optional, "x")]), Content::Nothing);
        check(mixed, &parts(&[(ISUP, "x")]), Content::Nothing);
        let alternative = "multipart/alternative;boundary=b";
        check(alternative, &parts(&[(required, "x"), (TYPE, SDP)]), Content::Sdp(SDP.as_bytes()));
        let coded = format!(
            "{TYPE}\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: session;handling=required"
        );
        check(mixed, &parts(&[(&coded, "dj0w")]), Content::Foreign);
        check("multipart/mixed", &parts(&[(TYPE, SDP)]), Content::Foreign);
        check(mixed, "no boundary at all", Content::Foreign);
        check(&format!("multipart/mixed;boundary={}", "b".repeat(71)), "x", Content::Foreign);
    }

    #[test]
    fn parts_within_parts_have_a_limit() {
        let wrap = |times: usize| {
            let (mut head, mut body) = (TYPE.to_owned(), SDP.to_owned());
            for n in 0..times {
                body = format!("--b{n}\r\n{head}\r\n\r\n{body}\r\n--b{n}--\r\n");
                head = format!("Content-Type: multipart/mixed;boundary=b{n}");
            }
            (head.split_once(' ').unwrap().1.to_owned(), body)
        };
        let (kind, body) = wrap(NESTING_MAX - 1);
        check(&kind, &body, Content::Sdp(SDP.as_bytes()));
        let (kind, body) = wrap(NESTING_MAX);
        assert!(!matches!(of(&mut Headers::default(), &kind, &body), Content::Sdp(_)));
        let mixed = "multipart/mixed;boundary=b";
        let mut many = vec![(ISUP, "x"); PARTS_MAX - 1];
        many.push((TYPE, SDP));
        check(mixed, &parts(&many), Content::Sdp(SDP.as_bytes()));
        many.insert(0, (ISUP, "x"));
        check(mixed, &parts(&many), Content::Foreign);
        let long = format!("{TYPE}\r\nX: {}", "x".repeat(PART_HEAD_BYTES_MAX));
        check(mixed, &parts(&[(&long, SDP)]), Content::Foreign);
    }

    proptest! {
        #[test]
        fn no_body_breaks_it(body in "(--b|--|\r\n|\n|:|;|Content-Type: multipart/mixed;boundary=b|[a-z]|\u{0})*") {
            let _ = of(&mut Headers::default(), "multipart/mixed;boundary=b", &body);
        }
    }
}
