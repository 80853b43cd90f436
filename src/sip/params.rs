//! Parameters of a header value, `;name=value;flag`: order kept, names compared without case.

use super::error::Error;
use super::lexer::{self, ParamScan, Quoted};
use std::borrow::Cow;
use std::fmt;

/// The parameters behind an address, a Via or another header value.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Params {
    /// Valid parameters, without blanks around `;` and `=`.
    text: String,
}

impl Params {
    /// Reads `;a=b;c`; the empty text has no parameters. The error names the place only.
    pub(super) fn parse(text: &str, fault: impl Fn(usize) -> Error) -> Result<Self, Error> {
        let mut params = Self { text: String::with_capacity(text.len()) };
        let mut scan = ParamScan::of(text);
        for (name, value) in scan.by_ref() {
            params.append(name, value);
        }
        scan.failed().map_or(Ok(params), |at| Err(fault(at)))
    }

    fn append(&mut self, name: &str, value: Option<&str>) {
        self.text.push(';');
        self.text.push_str(name);
        if let Some(value) = value {
            self.text.push('=');
            self.text.push_str(value);
        }
    }

    /// Names and values as they are written, quotes included; `None` for a name alone.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        ParamScan::of(&self.text)
    }

    /// The value of `name` without quotes; empty for a name alone, `None` when it is not there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.raw(name).map(lexer::unquote)
    }

    /// Like [`get`](Self::get), quotes and escapes left as they are.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        find(&self.text, name)
    }

    /// Whether `name` is there, with or without a value.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// Sets `name`, replacing it where it is; `None` is a name alone. A value that is no token or
    /// host is quoted.
    ///
    /// # Panics
    /// When `name` is no token: names are ours, not the network's.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        assert!(lexer::is_token(name), "a parameter name is a token");
        self.remove(name);
        let plain = |v: &str| lexer::is_token(v) || v.parse::<std::net::IpAddr>().is_ok();
        match value {
            Some(text) if !plain(text) => self.append(name, Some(&Quoted(text).to_string())),
            Some(_) | None => self.append(name, value),
        }
    }

    /// Removes `name`; true when it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        if !self.contains(name) {
            return false;
        }
        let mut kept = Self::default();
        for (other, value) in self.iter().filter(|(other, _)| !other.eq_ignore_ascii_case(name)) {
            kept.append(other, value);
        }
        *self = kept;
        true
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// The value of `name` in the parameters `text`, quotes kept.
pub(super) fn find<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    ParamScan::of(text)
        .find(|(other, _)| other.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.unwrap_or(""))
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Names only: values may be addresses of people.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::SipFault;
    use super::*;

    fn params(text: &str) -> Params {
        Params::parse(text, |at| SipFault::Uri.at(at)).unwrap()
    }

    #[test]
    fn values_are_found_without_case_and_without_quotes() {
        let params = params(r#"; Tag = a1 ; lr;+sip.instance="<urn:\"u\">""#);
        assert_eq!(params.to_string(), r#";Tag=a1;lr;+sip.instance="<urn:\"u\">""#);
        assert_eq!(params.get("tag").as_deref(), Some("a1"));
        assert_eq!(params.get("LR").as_deref(), Some(""));
        assert_eq!(params.get("+sip.instance").as_deref(), Some("<urn:\"u\">"));
        assert_eq!(params.get("ta"), None);
    }

    #[test]
    fn setting_replaces_and_quotes() {
        let mut params = params(";a=1;b;A=2");
        params.set("a", Some("x y"));
        params.set("received", Some("2001:db8::1"));
        params.set("rport", None);
        assert_eq!(params.to_string(), ";b;a=\"x y\";received=2001:db8::1;rport");
        assert!(params.remove("B") && !params.remove("b"));
        assert_eq!(params.to_string(), ";a=\"x y\";received=2001:db8::1;rport");
    }

    #[test]
    fn a_set_value_cannot_break_out() {
        let mut params = Params::default();
        params.set("text", Some("a\"\r\nEvil: 1;tag=x"));
        assert_eq!(params.to_string(), ";text=\"a\\\"  Evil: 1;tag=x\"");
        assert_eq!(params.iter().count(), 1);
    }
}
