//! SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966), kept as they were written.

use super::error::{Error, SipFault};
use super::flow::Transport;
use super::host::{self, Host};
use super::lexer;
use super::limits::URI_BYTES_MAX;
use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::sync::Arc;

/// The scheme of a [`Uri`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`: over TLS hop by hop.
    Sips,
    /// `tel:` (RFC 3966)
    Tel,
    /// Any other; only its text is kept.
    Other,
}

/// What a URI says of the transport to its host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UriTransport {
    /// Nothing: UDP, or what the DNS says (RFC 3263 §4.1).
    Open,
    /// This one.
    Only(Transport),
    /// One that we do not speak, or a `sips:` in clear.
    Unusable,
}

/// A URI of at most [`URI_BYTES_MAX`] bytes: its text, and where the parts are.
///
/// `==` compares the text; [`equivalent`](Self::equivalent) compares as RFC 3261 §19.1.4 says.
#[derive(Clone, Eq, PartialEq)]
pub struct Uri {
    text: Arc<str>,
    parts: UriParts,
}

/// Ends of the parts as indices into the text; each part starts where the one before ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct UriParts {
    scheme: Scheme,
    /// After the colon of the scheme.
    scheme_end: u16,
    /// Before the `:` of the password or the `@`; for tel the end of the number.
    user_end: u16,
    /// After the `@`; the end of the user without one.
    host_start: u16,
    /// After the host, before the port's colon.
    host_end: u16,
    port: Option<u16>,
    /// Before the first `;`.
    params_start: u16,
    /// Before the `?`.
    params_end: u16,
}

impl Uri {
    /// Reads a URI, without angle brackets and blanks around it.
    ///
    /// # Errors
    /// [`SipFault::Uri`], [`SipFault::UriTooLong`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let parts = scan(text)?;
        Ok(Self { text: text.into(), parts })
    }

    /// Whether [`parse`](Self::parse) would take `text`; without its allocation.
    pub(super) fn check(text: &str) -> Result<(), Error> {
        scan(text).map(drop)
    }

    /// `sip:user@host:port`; the user part is escaped as it needs. What would be longer than
    /// [`URI_BYTES_MAX`] becomes `sip:invalid`, which reaches nobody.
    #[must_use]
    pub fn sip(user: Option<&str>, host: Host<'_>, port: Option<u16>) -> Self {
        let mut text = String::from("sip:");
        if let Some(user) = user {
            escape_user(&mut text, user);
            text.push('@');
        }
        let _ = write!(text, "{host}");
        if let Some(port) = port {
            let _ = write!(text, ":{port}");
        }
        Self::rebuilt(&text, "sip:invalid")
    }

    /// Reads what we have put together; `fallback` stands in for what became too long.
    pub(super) fn rebuilt(text: &str, fallback: &str) -> Self {
        Self::parse(text)
            .or_else(|_| Self::parse(fallback))
            .expect("the fallback of a rebuilt URI is a URI")
    }

    /// This URI with the parameter `name` set; `None` is a name alone. Other characters than a URI
    /// parameter may have are escaped. A URI that would become too long stays as it is.
    ///
    /// # Panics
    /// When `name` is no token: names are ours, not the network's.
    #[must_use]
    pub fn with_param(&self, name: &str, value: Option<&str>) -> Self {
        assert!(lexer::is_token(name), "a parameter name is a token");
        let mut params = self.params_except(name);
        params.push(';');
        params.push_str(name);
        if let Some(value) = value {
            params.push('=');
            // Ours are written as the grammar has them, whatever others do.
            for byte in value.bytes() {
                if byte != b'%' && lexer::is_uri_param_text(byte_text(&[byte])) {
                    params.push(char::from(byte));
                } else {
                    let _ = write!(params, "%{byte:02X}");
                }
            }
        }
        self.with_params_text(&params)
    }

    /// This URI without the parameter `name`.
    #[must_use]
    pub fn without_param(&self, name: &str) -> Self {
        self.with_params_text(&self.params_except(name))
    }

    /// This URI without its headers (`?…`), which no Request-URI may have.
    #[must_use]
    pub fn without_headers(&self) -> Self {
        if usize::from(self.parts.params_end) == self.text.len() {
            return self.clone();
        }
        let text = &self.text[..usize::from(self.parts.params_end)];
        Self::rebuilt(text, &self.text)
    }

    fn params_except(&self, name: &str) -> String {
        let mut text = String::new();
        for (other, value) in self.params().filter(|(other, _)| !other.eq_ignore_ascii_case(name)) {
            let _ = write!(text, ";{other}");
            if let Some(value) = value {
                let _ = write!(text, "={value}");
            }
        }
        text
    }

    fn with_params_text(&self, params: &str) -> Self {
        let start = &self.text[..usize::from(self.parts.params_start)];
        let headers = &self.text[usize::from(self.parts.params_end)..];
        Self::rebuilt(&format!("{start}{params}{headers}"), &self.text)
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.parts.scheme
    }

    /// The user part, unescaped; of a tel URI the number as written. `None` without one.
    #[must_use]
    pub fn user(&self) -> Option<Cow<'_, str>> {
        self.raw_user().map(lexer::unescape)
    }

    /// The user part as it was written.
    #[must_use]
    pub fn raw_user(&self) -> Option<&str> {
        let user = &self.text[usize::from(self.parts.scheme_end)..usize::from(self.parts.user_end)];
        (!user.is_empty()).then_some(user)
    }

    /// The password, as it was written.
    #[must_use]
    pub fn password(&self) -> Option<&str> {
        let between = usize::from(self.parts.user_end)..usize::from(self.parts.host_start);
        self.text[between].strip_prefix(':')?.strip_suffix('@')
    }

    /// The host; `None` for tel and unknown schemes.
    #[must_use]
    pub fn host(&self) -> Option<Host<'_>> {
        let span = usize::from(self.parts.host_start)..usize::from(self.parts.host_end);
        Host::parse(&self.text[span]).ok()
    }

    /// The port, where it is written.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// The parameters in their order, as written; `None` for a name alone.
    pub fn params(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        split_params(self.params_text())
    }

    /// The parameters as they are written, the semicolon before the first included.
    pub(super) fn params_text(&self) -> &str {
        &self.text[usize::from(self.parts.params_start)..usize::from(self.parts.params_end)]
    }

    /// The value of the parameter `name`, unescaped; empty for a name alone.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        self.params()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| lexer::unescape(value.unwrap_or("")))
    }

    /// The transport that scheme and parameter name; a `sips:` URI is for sealed ones alone (RFC 3261 §26.2.2,
    /// RFC 5630 §4), and `tcp` and `ws` in it mean those under TLS.
    #[must_use]
    pub fn transport(&self) -> UriTransport {
        let named = match self.param("transport").as_deref().map(Transport::from_token) {
            None => None,
            Some(None) => return UriTransport::Unusable,
            Some(Some(named)) => Some(named),
        };
        match (self.parts.scheme, named) {
            (Scheme::Sip, None) => UriTransport::Open,
            (Scheme::Sip, Some(named)) => UriTransport::Only(named),
            (Scheme::Sips, None | Some(Transport::Tcp | Transport::Tls)) => {
                UriTransport::Only(Transport::Tls)
            }
            (Scheme::Sips, Some(Transport::Ws | Transport::Wss)) => {
                UriTransport::Only(Transport::Wss)
            }
            (Scheme::Sips, Some(Transport::Udp)) | (Scheme::Tel | Scheme::Other, _) => {
                UriTransport::Unusable
            }
        }
    }

    /// This URI as one of `sips:`; tel and unknown schemes stay what they are.
    #[must_use]
    pub fn sealed(&self) -> Self {
        match self.parts.scheme {
            Scheme::Sip => Self::rebuilt(&self.text.replacen(':', "s:", 1), &self.text),
            Scheme::Sips | Scheme::Tel | Scheme::Other => self.clone(),
        }
    }

    /// True for a loose router's URI (RFC 3261 §19.1.1).
    #[must_use]
    pub fn is_loose_router(&self) -> bool {
        self.param("lr").is_some()
    }

    /// The headers that a request made from this URI would carry, unescaped (`?Replaces=…`).
    pub fn headers(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let text = &self.text[usize::from(self.parts.params_end)..];
        text.trim_start_matches('?').split('&').filter_map(|header| {
            let (name, value) = header.split_once('=')?;
            Some((lexer::unescape(name), lexer::unescape(value)))
        })
    }

    /// Equality as RFC 3261 §19.1.4 defines it; it is not transitive, so it is not `==`.
    #[must_use]
    pub fn equivalent(&self, other: &Self) -> bool {
        if self.parts.scheme != other.parts.scheme {
            return false;
        }
        match self.parts.scheme {
            Scheme::Sip | Scheme::Sips => self.equivalent_sip(other),
            Scheme::Tel => self.tel_digits() == other.tel_digits() && self.equivalent_params(other),
            Scheme::Other => self.text.eq_ignore_ascii_case(&other.text),
        }
    }

    fn equivalent_sip(&self, other: &Self) -> bool {
        let user = |uri: &Self| uri.raw_user().map(normalise);
        let password = |uri: &Self| uri.password().map(normalise);
        let hosts_match = match (self.host(), other.host()) {
            (Some(one), Some(two)) => one.matches(two),
            (None, _) | (_, None) => false,
        };
        user(self) == user(other)
            && password(self) == password(other)
            && hosts_match
            && self.parts.port == other.parts.port
            && self.equivalent_params(other)
            && self.equivalent_headers(other)
    }

    fn equivalent_params(&self, other: &Self) -> bool {
        // These never match their absence, even with their default value.
        const DECIDING: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];
        let agree = |one: &Self, two: &Self| {
            one.params().all(|(name, value)| match two.param(name) {
                Some(there) => lexer::unescape(value.unwrap_or("")).eq_ignore_ascii_case(&there),
                None => !DECIDING.iter().any(|d| name.eq_ignore_ascii_case(d)),
            })
        };
        agree(self, other) && agree(other, self)
    }

    fn equivalent_headers(&self, other: &Self) -> bool {
        let contains = |one: &Self, two: &Self| {
            one.headers().all(|(name, value)| {
                two.headers().any(|(n, v)| n.eq_ignore_ascii_case(&name) && v == value)
            })
        };
        contains(self, other) && contains(other, self)
    }

    /// The number of a tel URI without its visual separators (RFC 3966 §5.1.1).
    #[must_use]
    pub fn tel_digits(&self) -> Option<String> {
        let number = self.raw_user().filter(|_| self.parts.scheme == Scheme::Tel)?;
        Some(number.chars().filter(|c| !"-.()".contains(*c)).collect())
    }
}

/// Text of one byte or of nothing, for bytes that are no ASCII.
fn byte_text(byte: &[u8; 1]) -> &str {
    std::str::from_utf8(byte).unwrap_or(" ")
}

pub(super) fn escape_user(out: &mut String, user: &str) {
    for byte in user.bytes() {
        if lexer::is_plain_user_byte(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// Unescapes all but the reserved characters, which are not equal to their escapes (§19.1.4).
fn normalise(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match (first, lexer::unescape_byte(tail)) {
            (b'%', Some(byte)) if !b";/?:@&=+$,".contains(&byte) => {
                out.push(byte);
                rest = &tail[2..];
            }
            (b'%', Some(_)) => {
                out.push(b'%');
                out.extend(tail[..2].to_ascii_uppercase());
                rest = &tail[2..];
            }
            (byte, _) => out.push(byte),
        }
    }
    out
}

fn split_params(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = text.strip_prefix(';');
    std::iter::from_fn(move || {
        let text = rest?;
        let len = find_unquoted(text, b';').unwrap_or(text.len());
        let param = &text[..len];
        rest = text.get(len + 1..);
        Some(match param.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (param, None),
        })
    })
}

/// Where `wanted` first stands outside quotes. RFC 3261 knows no quotes in a URI, but phones send them; a
/// quote without an end is a character like others.
fn find_unquoted(text: &str, wanted: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte == wanted {
            return Some(at);
        }
        let quoted = (*byte == b'"').then(|| memchr::memchr(b'"', &bytes[at + 1..])).flatten();
        at += quoted.map_or(1, |len| len + 2);
    }
    None
}

/// Finds and checks the parts of a URI.
fn scan(text: &str) -> Result<UriParts, Error> {
    if text.len() > URI_BYTES_MAX {
        return Err(SipFault::UriTooLong.at(URI_BYTES_MAX));
    }
    let colon = memchr::memchr(b':', text.as_bytes()).ok_or(SipFault::Uri.at(0))?;
    let (scheme, rest) = (&text[..colon], &text[colon + 1..]);
    let parts = if scheme.eq_ignore_ascii_case("sip") {
        scan_sip(Scheme::Sip, rest)
    } else if scheme.eq_ignore_ascii_case("sips") {
        scan_sip(Scheme::Sips, rest)
    } else if scheme.eq_ignore_ascii_case("tel") {
        scan_tel(rest)
    } else {
        scan_other(scheme, rest)
    };
    let base = colon + 1;
    parts.map(|parts| parts.moved(index(base))).map_err(|error| error.moved(base))
}

/// Indices fit 16 bits because a URI has at most `URI_BYTES_MAX` bytes.
fn index(at: usize) -> u16 {
    u16::try_from(at).expect("a URI is shorter than 64 KiB")
}

impl UriParts {
    fn moved(self, by: u16) -> Self {
        Self {
            scheme_end: by,
            user_end: self.user_end + by,
            host_start: self.host_start + by,
            host_end: self.host_end + by,
            params_start: self.params_start + by,
            params_end: self.params_end + by,
            ..self
        }
    }
}

fn scan_sip(scheme: Scheme, rest: &str) -> Result<UriParts, Error> {
    // '@' must be escaped in every part, so the only one ends the user (§25.1).
    let at = memchr::memchr(b'@', rest.as_bytes());
    let (userinfo, host_start) = at.map_or(("", 0), |at| (&rest[..at], at + 1));
    let user_end = userinfo.find(':').unwrap_or(userinfo.len());
    if at.is_some() && user_end == 0 {
        return Err(SipFault::Uri.at(0));
    }
    let password = userinfo.get(user_end + 1..).unwrap_or("");
    if !lexer::is_user_text(&userinfo[..user_end]) || !lexer::is_user_text(password) {
        return Err(SipFault::Uri.at(0));
    }
    let tail = &rest[host_start..];
    let host_port_len = lexer::find_any(tail, b";?").unwrap_or(tail.len());
    let host_port = &tail[..host_port_len];
    let (_, port) = host::parse_host_port(host_port).map_err(|e| e.moved(host_start))?;
    let host_len = if port.is_some() { host_port.rfind(':') } else { None };
    let params_start = host_start + host_port_len;
    Ok(UriParts {
        scheme,
        scheme_end: 0,
        user_end: index(user_end),
        host_start: index(host_start),
        host_end: index(host_start + host_len.unwrap_or(host_port_len)),
        port,
        params_start: index(params_start),
        params_end: index(params_start + scan_params(&rest[params_start..], params_start)?),
    })
}

/// The length of the parameters; checks them and the headers behind.
fn scan_params(text: &str, offset: usize) -> Result<usize, Error> {
    let len = find_unquoted(text, b'?').unwrap_or(text.len());
    if text.is_empty() {
        return Ok(0);
    }
    let (params, headers) = text.split_at(len);
    let valid = split_params(params).all(|(name, value)| {
        !name.is_empty()
            && lexer::is_uri_param_text(name)
            && value.is_none_or(lexer::is_uri_param_value)
    });
    let headers_valid = headers.is_empty()
        || headers[1..].split('&').all(|header| {
            header.split_once('=').is_some_and(|(name, value)| {
                let text = |t: &str| t.split('?').all(lexer::is_uri_param_text);
                !name.is_empty() && text(name) && text(value)
            })
        });
    if valid && headers_valid { Ok(len) } else { Err(SipFault::Uri.at(offset)) }
}

fn scan_tel(rest: &str) -> Result<UriParts, Error> {
    let number_len = rest.find(';').unwrap_or(rest.len());
    let number = &rest[..number_len];
    let digits = number.strip_prefix('+').unwrap_or(number);
    let allowed = |b: u8| b.is_ascii_hexdigit() || b"*#-.()".contains(&b);
    if !digits.bytes().all(allowed) || !digits.bytes().any(|b| !b"-.()".contains(&b)) {
        return Err(SipFault::Uri.at(0));
    }
    let end = number_len + scan_params(&rest[number_len..], number_len)?;
    if end != rest.len() {
        return Err(SipFault::Uri.at(end));
    }
    let number_end = index(number_len);
    Ok(UriParts {
        scheme: Scheme::Tel,
        scheme_end: 0,
        user_end: number_end,
        host_start: number_end,
        host_end: number_end,
        port: None,
        params_start: number_end,
        params_end: index(end),
    })
}

fn scan_other(scheme: &str, rest: &str) -> Result<UriParts, Error> {
    let letter = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    let starts_well = scheme.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    if !starts_well || !scheme.bytes().all(letter) {
        return Err(SipFault::Uri.at(0));
    }
    if rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"".contains(&b)) {
        return Err(SipFault::Uri.at(0));
    }
    let end = index(rest.len());
    Ok(UriParts {
        scheme: Scheme::Other,
        scheme_end: 0,
        user_end: 0,
        host_start: end,
        host_end: end,
        port: None,
        params_start: end,
        params_end: end,
    })
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Scheme, host and port; never the user.
impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.parts.scheme)?;
        if self.raw_user().is_some() {
            f.write_str(":…")?;
        }
        if let Some(host) = self.host() {
            write!(f, "@{host}")?;
        }
        self.parts.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl std::str::FromStr for Uri {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap()
    }

    #[test]
    fn the_parts_are_found() {
        let uri =
            uri("sip:al%69ce;x=1:s%3Acret@[2001:db8::1]:5070;transport=tcp;lr?Subject=a%20b&To=c");
        assert_eq!(uri.user().as_deref(), Some("alice;x=1"));
        assert_eq!(uri.raw_user(), Some("al%69ce;x=1"));
        assert_eq!(uri.password(), Some("s%3Acret"));
        assert_eq!(uri.host().map(|h| h.to_string()).as_deref(), Some("[2001:db8::1]"));
        assert_eq!(uri.port(), Some(5070));
        assert_eq!(uri.param("TRANSPORT").as_deref(), Some("tcp"));
        assert!(uri.is_loose_router());
        let headers: Vec<_> = uri.headers().map(|(n, v)| format!("{n}: {v}")).collect();
        assert_eq!(headers, ["Subject: a b", "To: c"]);
        assert_eq!(uri.without_headers().headers().count(), 0);
    }

    #[test]
    fn what_is_not_there_is_none() {
        let uri = uri("SIPS:example.com");
        assert_eq!((uri.scheme(), uri.user(), uri.password()), (Scheme::Sips, None, None));
        assert_eq!((uri.port(), uri.param("lr"), uri.params().count()), (None, None, 0));
        assert_eq!(uri.as_str(), "SIPS:example.com");
    }

    #[test]
    fn malformed_uris_are_refused() {
        for wrong in [
            "",
            "sip",
            "sip:",
            "sip:@example.com",
            "sip:a@b@c",
            "sip:a b@c",
            "sip:a@",
            "sip:a@b:",
            "sip:a@b;",
            "sip:a@b;x y",
            "sip:a@b?",
            "sip:a@b?x",
            "sip:a%4@b",
            "sip:a@2001:db8::1",
            "<sip:a@b>",
            "sip:a@b\r\nVia: x",
            "sip:\"a\"@b",
            "tel:",
            "tel:+",
            "tel:12x",
            "1a:b",
            "sip:a@b:5060:5061",
            "sip:a@[::1]x",
            "sip:é@b",
        ] {
            assert_eq!(Uri::parse(wrong).map_err(|e| e.what), Err(SipFault::Uri), "{wrong}");
        }
    }

    #[test]
    fn a_uri_has_its_limit() {
        let long = |len: usize| format!("sip:{}@b", "a".repeat(len - 6));
        assert!(Uri::parse(&long(URI_BYTES_MAX)).is_ok());
        let refused = Uri::parse(&long(URI_BYTES_MAX + 1));
        assert_eq!(refused, Err(SipFault::UriTooLong.at(URI_BYTES_MAX)));
    }

    #[test]
    fn a_made_uri_escapes_what_it_is_given() {
        let host = Host::parse("example.com").unwrap();
        let made = Uri::sip(Some("a b@c\r\n%#é"), host, Some(5080));
        assert_eq!(made.as_str(), "sip:a%20b%40c%0D%0A%25%23%C3%A9@example.com:5080");
        assert_eq!(made.user().as_deref(), Some("a b@c\r\n%#é"));
        assert_eq!(Uri::sip(None, host, None).as_str(), "sip:example.com");
        let endless = "x".repeat(URI_BYTES_MAX);
        assert_eq!(Uri::sip(Some(&endless), host, None).as_str(), "sip:invalid");
    }

    #[test]
    fn parameters_are_set_and_removed() {
        let uri = uri("sip:a@b;transport=udp;x?y=z").with_param("Transport", Some("t c;p"));
        assert_eq!(uri.as_str(), "sip:a@b;x;Transport=t%20c%3Bp?y=z");
        assert_eq!(uri.param("transport").as_deref(), Some("t c;p"));
        assert_eq!(uri.with_param("lr", None).without_param("x").params().count(), 2);
        let long = uri.with_param("x", Some(&"y".repeat(URI_BYTES_MAX)));
        assert_eq!(long, uri);
    }

    #[test]
    fn equivalence_is_that_of_the_rfc() {
        // RFC 3261 §19.1.4, both of its lists.
        for (one, two) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
            ("tel:+1-201-555-0123", "tel:+12015550123"),
        ] {
            assert!(uri(one).equivalent(&uri(two)), "{one} {two}");
        }
        for (one, two) in [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:a@b", "sips:a@b"),
            ("sip:a%3Bb@c", "sip:a;b@c"),
        ] {
            assert!(!uri(one).equivalent(&uri(two)), "{one} {two}");
        }
    }

    #[test]
    fn values_of_parameters_are_kept_as_they_came() {
        for text in [
            "sip:1001@192.0.2.1;HostName=cmFkaA==",
            "sip:1001@192.0.2.1;transport=udp;thinfo=VG8+PoIUYHSD/sWAZZw/BCEaSdGA=",
            "sip:1001@192.0.2.1;ob=;x=",
            "sip:1001@192.0.2.1;x=\"a;b?c=,d\";lr?Subject=s",
            "sip:1001@192.0.2.1;x=a\"b",
            "tel:1002;phone-context=\"a;b\"",
        ] {
            assert_eq!(uri(text).as_str(), text);
            assert_eq!(uri(text).with_param("q", None).without_param("q").as_str(), text);
        }
        let uri = uri("sip:a@b;x=\"a;b?c=,d\";y=c=;lr?Subject=s");
        assert_eq!(uri.param("x").as_deref(), Some("\"a;b?c=,d\""));
        assert_eq!(uri.param("y").as_deref(), Some("c="));
        assert!(uri.is_loose_router() && uri.headers().count() == 1);
        for wrong in ["sip:a@b;x=\"a b\"", "sip:a@b;x=\"<\"", "sip:a@b;\"x\"=1"] {
            assert!(Uri::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn scheme_and_parameter_name_the_transport() {
        use Transport::{Tcp, Tls, Udp, Ws, Wss};
        use UriTransport::{Only, Open, Unusable};
        for (text, expected) in [
            ("sip:a@b", Open),
            ("sip:a@b;transport=UDP", Only(Udp)),
            ("sip:a@b;transport=tcp", Only(Tcp)),
            ("sip:a@b;transport=tls", Only(Tls)),
            ("sip:a@b;transport=ws", Only(Ws)),
            ("sip:a@b;transport=wss", Only(Wss)),
            ("sip:a@b;transport=sctp", Unusable),
            ("sips:a@b", Only(Tls)),
            ("sips:a@b;transport=tcp", Only(Tls)),
            ("sips:a@b;transport=tls", Only(Tls)),
            ("sips:a@b;transport=ws", Only(Wss)),
            ("sips:a@b;transport=udp", Unusable),
            ("tel:+4912", Unusable),
        ] {
            assert_eq!(uri(text).transport(), expected, "{text}");
        }
        assert_eq!(uri("SIP:a@b;lr").sealed().as_str(), "SIPs:a@b;lr");
        assert_eq!(uri("SIP:a@b;lr").sealed().scheme(), Scheme::Sips);
        assert_eq!(uri("tel:+4912").sealed().as_str(), "tel:+4912");
        let ports = Transport::ALL.map(Transport::default_port);
        assert_eq!(ports, [5060, 5060, 5061, 80, 443]);
    }

    #[test]
    fn debug_names_nobody() {
        assert_eq!(
            format!("{:?}", uri("sip:alice:pw@example.com:5060;x=y")),
            "Sip:…@example.com:5060"
        );
    }
}
