//! Addresses of From, To, Contact, Route and their kin: `"Display" <uri>;params`.

use super::error::{Error, SipFault};
use super::header_name::HeaderName;
use super::lexer::{self, Quoted};
use super::params::Params;
use super::uri::Uri;
use std::borrow::Cow;
use std::fmt;

/// A display name, a URI and the parameters behind it.
#[derive(Clone, Eq, PartialEq)]
pub struct NameAddr {
    /// What people see; unescaped, without quotes. `None` when it is not there or empty.
    pub display: Option<String>,
    /// The address.
    pub uri: Uri,
    /// The header's parameters, such as the tag; never those of the URI.
    pub params: Params,
}

/// The parts of an address, borrowed from the header value.
pub(super) struct AddressParts<'a> {
    /// With its quotes, if it has them.
    display: &'a str,
    uri: &'a str,
    uri_start: usize,
    pub(super) params: &'a str,
}

impl NameAddr {
    /// An address without display name and parameters.
    #[must_use]
    pub fn new(uri: Uri) -> Self {
        Self { display: None, uri, params: Params::default() }
    }

    /// This address with a display name; an empty one is none.
    #[must_use]
    pub fn with_display(mut self, display: &str) -> Self {
        self.display = (!display.is_empty()).then(|| display.to_owned());
        self
    }

    /// This address with the parameter `name` set.
    ///
    /// # Panics
    /// When `name` is no token: names are ours, not the network's.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Self {
        self.params.set(name, value);
        self
    }

    /// This address with its tag set.
    #[must_use]
    pub fn with_tag(self, tag: &str) -> Self {
        self.with_param("tag", Some(tag))
    }

    /// The tag.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.params.raw("tag")
    }

    /// Reads one address; a list of them is split before.
    ///
    /// # Errors
    /// [`SipFault::Header`] naming `header`, or a fault of the URI.
    pub fn parse(value: &str, header: &HeaderName) -> Result<Self, Error> {
        let split = split(value, header)?;
        let uri = Uri::parse(split.uri).map_err(|error| error.moved(split.uri_start))?;
        let params_start = value.len() - split.params.len();
        let fault = |at| SipFault::Header(header.clone()).at(params_start + at);
        let params = Params::parse(split.params, fault)?;
        let display = Some(lexer::unquote(split.display)).filter(|display| !display.is_empty());
        Ok(Self { display: display.map(Cow::into_owned), uri, params })
    }

    /// Whether [`parse`](Self::parse) would take `value`; without its allocations.
    pub(super) fn check(value: &str, header: &HeaderName) -> Result<(), Error> {
        let split = split(value, header)?;
        Uri::check(split.uri).map_err(|error| error.moved(split.uri_start))?;
        let params_start = value.len() - split.params.len();
        let failed = lexer::check_params(split.params, "tag");
        failed.map_or(Ok(()), |at| Err(SipFault::Header(header.clone()).at(params_start + at)))
    }
}

/// Finds the parts. What stands in quotes is display name whatever it looks like: a quoted URI is
/// never taken for the address.
pub(super) fn split<'a>(value: &'a str, header: &HeaderName) -> Result<AddressParts<'a>, Error> {
    let wrong = |at: usize| SipFault::Header(header.clone()).at(at);
    let (display, open) = if value.starts_with('"') {
        let len = lexer::quoted_len(value).ok_or_else(|| wrong(0))?;
        let open = value.len() - lexer::trim_start(&value[len..]).len();
        (&value[..len], Some(open))
    } else {
        let open = memchr::memchr(b'<', value.as_bytes());
        // In `sip:a@b;x="<sip:c@d>"` the bracket is in a parameter.
        let open = open.filter(|open| lexer::find_any(&value[..*open], b";\"").is_none());
        (lexer::trim_end(&value[..open.unwrap_or(0)]), open)
    };
    let Some(open) = open else {
        return split_bare(value, header);
    };
    if !value[open..].starts_with('<') {
        return Err(wrong(open));
    }
    if !value.starts_with('"') && !lexer::is_bare_display(display) {
        return Err(wrong(0));
    }
    let uri_start = open + 1;
    let len = memchr::memchr(b'>', &value.as_bytes()[uri_start..]).ok_or_else(|| wrong(open))?;
    let uri = &value[uri_start..uri_start + len];
    Ok(AddressParts { display, uri, uri_start, params: &value[uri_start + len + 1..] })
}

/// `sip:a@b;tag=1`: without brackets all parameters are the header's (RFC 3261 §20).
fn split_bare<'a>(value: &'a str, header: &HeaderName) -> Result<AddressParts<'a>, Error> {
    let len = value.find(';').unwrap_or(value.len());
    let uri = lexer::trim(&value[..len]);
    if lexer::find_any(uri, b"?,<>").is_some() {
        return Err(SipFault::Header(header.clone()).at(0));
    }
    Ok(AddressParts { display: "", uri, uri_start: 0, params: &value[len..] })
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(f, "{} ", Quoted(display))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

/// Without the display name and the user.
impl fmt::Debug for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{:?}>{:?}", self.uri, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> Result<NameAddr, Error> {
        NameAddr::parse(value, &HeaderName::From)
    }

    #[test]
    fn every_form_is_read() {
        for (value, display, uri, tag) in [
            ("<sip:a@b>;tag=1", None, "sip:a@b", Some("1")),
            ("sip:a@b;tag=1", None, "sip:a@b", Some("1")),
            ("sip:a@b ; tag = 1", None, "sip:a@b", Some("1")),
            ("Bell Tone <sip:a@b;x=y>", Some("Bell Tone"), "sip:a@b;x=y", None),
            ("\"\" <sip:a@b>", None, "sip:a@b", None),
            (r#""A \"B\\" <sip:a@b>;tag=z"#, Some(r#"A "B\"#), "sip:a@b", Some("z")),
            ("caller<sip:a@b>", Some("caller"), "sip:a@b", None),
            ("\"caller\"<sip:a@b?x=y>", Some("caller"), "sip:a@b?x=y", None),
            ("Jürgen <sip:a@b>", Some("Jürgen"), "sip:a@b", None),
        ] {
            let address = parse(value).unwrap();
            assert_eq!(address.display.as_deref(), display, "{value}");
            assert_eq!((address.uri.as_str(), address.tag()), (uri, tag), "{value}");
            assert_eq!(parse(&address.to_string()), Ok(address), "{value}");
        }
    }

    #[test]
    fn a_quoted_uri_is_never_the_address() {
        let posing = r#""<sip:boss@example.com>;tag=b" <sip:mallory@example.net>;tag=m"#;
        let address = parse(posing).unwrap();
        assert_eq!(address.uri.as_str(), "sip:mallory@example.net");
        assert_eq!(address.tag(), Some("m"));
        for posing in [
            "sip:boss@example.com <sip:mallory@example.net>",
            "sip:boss@example.com;x=\"<sip:mallory@example.net>\" y",
            "\"sip:boss@example.com\\\" <sip:mallory@example.net>",
            "\"a\" \"b\" <sip:mallory@example.net>",
            "\"a\" sip:mallory@example.net",
        ] {
            assert!(parse(posing).is_err(), "{posing}");
        }
    }

    #[test]
    fn a_bracket_in_a_parameter_is_no_address() {
        let address = parse("sip:a@b;x=\"<sip:c@d>\"").unwrap();
        assert_eq!(address.uri.as_str(), "sip:a@b");
        assert_eq!(address.params.get("x").as_deref(), Some("<sip:c@d>"));
    }

    #[test]
    fn malformed_addresses_are_refused() {
        for wrong in [
            "",
            "<>",
            "<sip:a@b",
            "sip:a@b>",
            "a <sip:a@b> c",
            "<sip:a@b>;;",
            "<sip:a@b>;tag=",
            "Bell, A <sip:a@b>",
            "< sip:a@b>",
            "sip:a@b?x=y",
            "\"a <sip:a@b>",
            "a b",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_people_call_themselves_cannot_break_out() {
        let uri = Uri::parse("sip:a@b").unwrap();
        let address = NameAddr::new(uri).with_display("x\" <sip:c@d>\r\nEvil: 1").with_tag("t");
        assert_eq!(address.to_string(), r#""x\" <sip:c@d>  Evil: 1" <sip:a@b>;tag=t"#);
        assert_eq!(parse(&address.to_string()).unwrap().uri.as_str(), "sip:a@b");
    }

    #[test]
    fn debug_names_nobody() {
        let address = parse("\"Alice\" <sip:alice@example.com>;tag=1").unwrap();
        assert_eq!(format!("{address:?}"), "<Sip:…@example.com>[\"tag\"]");
    }
}
