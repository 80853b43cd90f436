//! The smallest pieces of RFC 3261 §25.1: tokens, quoted strings, lists, parameters.
//!
//! Everything here works on unfolded text and borrows from it.

use super::limits::IDENTIFIER_BYTES_MAX;
use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// Marks of a byte in [`CLASSES`].
const TOKEN: u8 = 1;
const HOST: u8 = 2;
const USER: u8 = 4;
const URI_PARAM: u8 = 8;
const PARAM_VALUE: u8 = 16;
const DISPLAY: u8 = 32;

/// What each byte may be part of.
static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128_u8 {
        let alphanumeric = byte.is_ascii_alphanumeric();
        let mut marks = 0;
        if alphanumeric || is_one_of(byte, b"-.!%*_+`'~") {
            marks |= TOKEN;
        }
        // The underscore is no host character in RFC 3261, but is in names that people give hosts.
        if alphanumeric || is_one_of(byte, b"-._") {
            marks |= HOST;
        }
        // `#` is no user character in RFC 3261, but phones send it bare in feature codes.
        if alphanumeric || is_one_of(byte, b"-_.!~*'()&=+$,;?/%#") {
            marks |= USER;
        }
        if alphanumeric || is_one_of(byte, b"-_.!~*'()[]/:&+$%") {
            marks |= URI_PARAM;
        }
        // Tokens and hosts by RFC 3261; the rest because phones leave their quotes away.
        if byte.is_ascii_graphic() && !is_one_of(byte, b"\",;\\<>") {
            marks |= PARAM_VALUE;
        }
        if byte == b' '
            || byte == b'\t'
            || byte.is_ascii_graphic() && !is_one_of(byte, b",:;@\\<>\"")
        {
            marks |= DISPLAY;
        }
        table[byte as usize] = marks;
        byte += 1;
    }
    table
}

const fn is_one_of(byte: u8, set: &[u8]) -> bool {
    let mut at = 0;
    while at < set.len() {
        if set[at] == byte {
            return true;
        }
        at += 1;
    }
    false
}

fn all(text: &str, class: u8) -> bool {
    text.bytes().all(|b| CLASSES[b as usize] & class != 0)
}

/// One or more token characters.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && all(text, TOKEN)
}

/// Only characters of host names.
pub(super) fn is_host_text(text: &str) -> bool {
    !text.is_empty() && all(text, HOST)
}

/// Only characters of the user part of a URI, escapes being whole.
pub(super) fn is_user_text(text: &str) -> bool {
    all(text, USER) && has_whole_escapes(text)
}

/// Only characters of the parameters of a URI, escapes being whole.
pub(super) fn is_uri_param_text(text: &str) -> bool {
    all(text, URI_PARAM) && has_whole_escapes(text)
}

/// Only characters of a parameter's value: those of the grammar, `=` and quotes, which phones leave bare;
/// between quotes whatever can stand in angle brackets.
pub(super) fn is_uri_param_value(text: &str) -> bool {
    if is_uri_param_text(text) {
        return true;
    }
    let is_quoted = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
    let is_fit = |byte: u8| match is_quoted {
        true => byte.is_ascii_graphic() && !b"<>".contains(&byte),
        false => CLASSES[byte as usize] & URI_PARAM != 0 || b"=\"".contains(&byte),
    };
    text.bytes().all(is_fit) && has_whole_escapes(text)
}

/// A byte that stands unescaped in the user part of a URI that we write.
pub(super) fn is_plain_user_byte(byte: u8) -> bool {
    byte != b'%' && byte != b'#' && CLASSES[byte as usize] & USER != 0
}

/// True when two hexadecimal digits follow each `%`.
pub(super) fn has_whole_escapes(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'%', bytes).all(|at| {
        bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    })
}

/// The byte that the two digits after a `%` stand for.
pub(super) fn unescape_byte(digits: &[u8]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    let (high, low) = (value(*digits.first()?)?, value(*digits.get(1)?)?);
    u8::try_from(high * 16 + low).ok()
}

/// `text` with each `%HH` replaced by its byte; bytes that are no UTF-8 become U+FFFD.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        match (first, unescape_byte(tail)) {
            (b'%', Some(byte)) => {
                out.push(byte);
                rest = &tail[2..];
            }
            (byte, _) => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `text` without the blanks and line ends around it.
pub(super) fn trim(text: &str) -> &str {
    trim_end(trim_start(text))
}

/// `text` without the blanks and line ends before it.
pub(super) fn trim_start(text: &str) -> &str {
    let len = text.bytes().position(|b| !is_blank(b)).unwrap_or(text.len());
    &text[len..]
}

/// `text` without the blanks and line ends behind it.
pub(super) fn trim_end(text: &str) -> &str {
    let len = text.bytes().rposition(|b| !is_blank(b)).map_or(0, |last| last + 1);
    &text[..len]
}

/// Where the first byte of the ASCII characters `set` is.
pub(super) fn find_any(text: &str, set: &[u8]) -> Option<usize> {
    text.bytes().position(|b| set.contains(&b))
}

/// Whether `text` may stand before an angle bracket without quotes: tokens by RFC 3261, other
/// letters because phones forget the quotes; never what looks like a URI or ends an element.
pub(super) fn is_bare_display(text: &str) -> bool {
    text.bytes().all(|b| !b.is_ascii() || CLASSES[b as usize] & DISPLAY != 0)
}

/// The length of the quoted string at the start of `text`, quotes included; `None` without an end.
pub(super) fn quoted_len(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The meaning of a parameter value: without its quotes and escapes when it has them.
pub(super) fn unquote(text: &str) -> Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut out = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        out.push(if letter == '\\' { letters.next().unwrap_or('\\') } else { letter });
    }
    Cow::Owned(out)
}

/// Shows text as a quoted string. Line ends and NUL become blanks, so nothing can be injected.
pub(super) struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        f.write_char('"')?;
        while let Some(at) = find_any(rest, b"\"\\\r\n\0") {
            f.write_str(&rest[..at])?;
            match &rest[at..=at] {
                special @ ("\"" | "\\") => write!(f, "\\{special}")?,
                _ => f.write_char(' ')?,
            }
            rest = &rest[at + 1..];
        }
        f.write_str(rest)?;
        f.write_char('"')
    }
}

/// The first `wanted` outside quotes and angle brackets, as an index.
fn find_outside(text: &str, wanted: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    // Most values have no quote and no bracket before the wanted byte.
    let candidate = memchr::memchr(wanted, bytes)?;
    if memchr::memchr2(b'"', b'<', &bytes[..candidate]).is_none() {
        return Some(candidate);
    }
    let mut in_angles = false;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' if !in_angles => at += quoted_len(&text[at..])? - 1,
            b'<' => in_angles = true,
            b'>' => in_angles = false,
            byte if byte == wanted && !in_angles => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The elements of a comma-separated list, trimmed, empty ones left out (RFC 3261 §7.3.1).
///
/// Commas inside quotes and angle brackets do not separate. After a quote without an end, the rest
/// is one element.
#[derive(Clone, Debug)]
pub(super) struct ListElements<'a> {
    rest: &'a str,
}

impl<'a> ListElements<'a> {
    pub(super) fn of(value: &'a str) -> Self {
        Self { rest: value }
    }

    /// What follows the elements that were taken, without its comma.
    pub(super) fn rest(&self) -> &'a str {
        trim(self.rest)
    }
}

impl<'a> Iterator for ListElements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        while !self.rest.is_empty() {
            let (element, rest) = match find_outside(self.rest, b',') {
                Some(comma) => (&self.rest[..comma], &self.rest[comma + 1..]),
                None => (self.rest, ""),
            };
            self.rest = rest;
            let element = trim(element);
            if !element.is_empty() {
                return Some(element);
            }
        }
        None
    }
}

/// The parameters of a header value: `;name=value;flag;quoted="a;b"`, blanks around `;` and `=`.
///
/// Yields the value with its quotes; ends after the first fault, which [`failed`](Self::failed) tells.
#[derive(Clone, Debug)]
pub(super) struct ParamScan<'a> {
    text: &'a str,
    at: usize,
    failed: bool,
}

/// Where the parameters `text` break their grammar, or where the one called `identifier` is longer
/// than [`IDENTIFIER_BYTES_MAX`].
pub(super) fn check_params(text: &str, identifier: &str) -> Option<usize> {
    let mut scan = ParamScan::of(text);
    while let Some((name, value)) = scan.next() {
        let long = value.is_some_and(|value| value.len() > IDENTIFIER_BYTES_MAX);
        if long && name.eq_ignore_ascii_case(identifier) {
            return Some(scan.at);
        }
    }
    scan.failed()
}

impl<'a> ParamScan<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, at: 0, failed: false }
    }

    /// The index of the fault that ended the scan.
    pub(super) fn failed(&self) -> Option<usize> {
        self.failed.then_some(self.at)
    }

    fn skip_blanks(&mut self) {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(|b| *b == b' ' || *b == b'\t') {
            self.at += 1;
        }
    }

    fn take(&mut self, class: u8) -> &'a str {
        let rest = &self.text[self.at..];
        let len = rest.bytes().position(|b| CLASSES[b as usize] & class == 0).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn skip(&mut self, byte: u8) -> bool {
        let there = self.text.as_bytes().get(self.at) == Some(&byte);
        self.at += usize::from(there);
        there
    }

    fn param(&mut self) -> Option<(&'a str, Option<&'a str>)> {
        if !self.skip(b';') {
            return None;
        }
        self.skip_blanks();
        let name = self.take(TOKEN);
        if name.is_empty() {
            return None;
        }
        self.skip_blanks();
        if !self.skip(b'=') {
            return Some((name, None));
        }
        self.skip_blanks();
        let rest = &self.text[self.at..];
        let value = if rest.starts_with('"') {
            let len = quoted_len(rest)?;
            self.at += len;
            &rest[..len]
        } else {
            self.take(PARAM_VALUE)
        };
        self.skip_blanks();
        (!value.is_empty()).then_some((name, Some(value)))
    }
}

impl<'a> Iterator for ParamScan<'a> {
    type Item = (&'a str, Option<&'a str>);

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_blanks();
        if self.failed || self.at == self.text.len() {
            return None;
        }
        let param = self.param();
        self.failed = param.is_none();
        param
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(value: &str) -> Vec<&str> {
        ListElements::of(value).collect()
    }

    #[test]
    fn a_parameter_may_have_several_colons() {
        let params: Vec<_> = ParamScan::of(";x=urn:a:b;y=[::1]:5").collect();
        assert_eq!(params, [("x", Some("urn:a:b")), ("y", Some("[::1]:5"))]);
    }

    #[test]
    fn commas_in_quotes_and_brackets_do_not_separate() {
        assert_eq!(elements("a, b ,,c"), ["a", "b", "c"]);
        let value = r#""Watson, \", Thomas" <sip:a,b@c;x=1,2>;q=1, <sip:d@e>"#;
        let expected = [r#""Watson, \", Thomas" <sip:a,b@c;x=1,2>;q=1"#, "<sip:d@e>"];
        assert_eq!(elements(value), expected);
    }

    #[test]
    fn a_quote_without_an_end_takes_the_rest() {
        assert_eq!(elements(r#"a, "b, c"#), ["a", r#""b, c"#]);
        assert_eq!(elements(r#""b\"#), [r#""b\"#]);
    }

    #[test]
    fn parameters_may_have_blanks_and_quotes() {
        let mut scan = ParamScan::of(" ; branch =\tz9 ;rport; +sip.instance=\"<urn:a;b>\" ");
        let params: Vec<_> = scan.by_ref().collect();
        let quoted = Some("\"<urn:a;b>\"");
        assert_eq!(params, [("branch", Some("z9")), ("rport", None), ("+sip.instance", quoted)]);
        assert_eq!(scan.failed(), None);
    }

    #[test]
    fn broken_parameters_are_reported() {
        for wrong in [";;", ";a=", ";=b", "a=b", ";a=\"b", ";a b", ";a=1,2", ";\u{e9}=1"] {
            let mut scan = ParamScan::of(wrong);
            scan.by_ref().for_each(drop);
            assert!(scan.failed().is_some(), "{wrong:?}");
        }
    }

    #[test]
    fn quoting_reads_back_and_cannot_be_left() {
        let quoted = Quoted("a\"b\\c").to_string();
        assert_eq!(quoted, r#""a\"b\\c""#);
        assert_eq!(unquote(&quoted), "a\"b\\c");
        assert_eq!(Quoted("x\r\nEvil: 1\0").to_string(), "\"x  Evil: 1 \"");
    }

    #[test]
    fn escapes_are_whole_or_nothing() {
        assert_eq!(unescape("a%40b%zz%4"), "a@b%zz%4");
        assert!(
            has_whole_escapes("%00%7f") && !has_whole_escapes("%4") && !has_whole_escapes("%g0")
        );
    }
}
