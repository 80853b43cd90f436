//! The number in an address: what stands before the parameters of the user part (RFC 3261 §19.1.6,
//! RFC 3966).
//!
//! ```text
//!   sip:+49-30-1234;cpc=ordinary@carrier.example;user=phone
//!       '--number-''parameters-'
//!   tel:1002;phone-context=example.com
//! ```

use super::host::Host;
use super::lexer;
use super::uri::{self, Scheme, Uri};
use std::borrow::Cow;
use std::fmt::Write as _;

/// The longest parameters of a number that are kept, in bytes; longer ones are left out.
pub const NUMBER_PARAMS_BYTES_MAX: usize = 256;

impl Uri {
    /// The number, unescaped; of a tel URI without visual separators. `None` where there is none.
    #[must_use]
    pub fn number(&self) -> Option<Cow<'_, str>> {
        match self.scheme() {
            Scheme::Tel => self.tel_digits().map(Cow::Owned),
            Scheme::Sip | Scheme::Sips => {
                let user = self.raw_user()?;
                let number = user.split_once(';').map_or(user, |(number, _)| number);
                (!number.is_empty()).then(|| lexer::unescape(number))
            }
            Scheme::Other => None,
        }
    }

    /// The parameters of the number as they are written, `;npdi;rn=+4930`; empty without any, and where
    /// they are longer than [`NUMBER_PARAMS_BYTES_MAX`].
    #[must_use]
    pub fn number_params(&self) -> &str {
        let params = match self.scheme() {
            Scheme::Tel => self.params_text(),
            Scheme::Sip | Scheme::Sips => {
                let user = self.raw_user().unwrap_or("");
                user.find(';').map_or("", |at| &user[at..])
            }
            Scheme::Other => "",
        };
        if params.len() > NUMBER_PARAMS_BYTES_MAX { "" } else { params }
    }

    /// `sip:number;params@host:port`: as [`Uri::sip`], with the parameters of another URI's number.
    #[must_use]
    pub fn numbered(number: &str, params: &str, host: Host<'_>, port: Option<u16>) -> Self {
        let plain = Self::sip(Some(number).filter(|number| !number.is_empty()), host, port);
        if number.is_empty() || params.is_empty() || params.len() > NUMBER_PARAMS_BYTES_MAX {
            return plain;
        }
        let mut text = String::from("sip:");
        uri::escape_user(&mut text, number);
        escape_params(&mut text, params);
        let _ = write!(text, "@{host}");
        if let Some(port) = port {
            let _ = write!(text, ":{port}");
        }
        Self::rebuilt(&text, plain.as_str())
    }
}

/// Writes the parameters of a tel URI as the user part of a SIP URI has them: escapes stay, and what may
/// not stand there becomes one (RFC 3261 §19.1.6).
fn escape_params(out: &mut String, params: &str) {
    for (at, byte) in params.bytes().enumerate() {
        let is_escape =
            byte == b'%' && lexer::unescape_byte(&params.as_bytes()[at + 1..]).is_some();
        if is_escape || lexer::is_plain_user_byte(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// A telephone number without its visual separators (RFC 3966 §5.1.1), and without the blanks and strokes
/// that people write; `None` for what is no telephone number.
#[must_use]
pub fn without_separators(number: &str) -> Option<String> {
    const SEPARATORS: &str = "-.()/ ";
    let digits = number.strip_prefix('+').unwrap_or(number);
    let fit = |c: char| c.is_ascii_digit() || "*#".contains(c) || SEPARATORS.contains(c);
    if !digits.chars().all(fit) || !digits.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some(number.chars().filter(|c| !SEPARATORS.contains(*c)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap()
    }

    #[test]
    fn the_number_is_what_stands_before_its_parameters() {
        for (text, number, params) in [
            ("sip:1002@h", "1002", ""),
            ("sip:1002;npdi;rn=+01234567890@h", "1002", ";npdi;rn=+01234567890"),
            ("sip:1002;phone-context=a.example@h;user=phone", "1002", ";phone-context=a.example"),
            ("sip:+6583199881;cpc=ordinary@h;user=phone", "+6583199881", ";cpc=ordinary"),
            (
                "sip:1002;tgrp=t1;trunk-context=a.example:secret@h",
                "1002",
                ";tgrp=t1;trunk-context=a.example",
            ),
            ("sip:%2B49;isub=1%3B2@h", "+49", ";isub=1%3B2"),
            ("sip:a%3Bb@h", "a;b", ""),
            ("tel:+49-30-1234;isub=12;ext=3", "+49301234", ";isub=12;ext=3"),
            ("tel:1002;phone-context=+49", "1002", ";phone-context=+49"),
        ] {
            let uri = uri(text);
            let found = (uri.number().unwrap_or_default().into_owned(), uri.number_params());
            assert_eq!(found, (number.to_owned(), params), "{text}");
        }
        for nobody in ["sip:h", "sip:;cpc=ordinary@h", "mailto:a@b"] {
            assert_eq!(uri(nobody).number(), None, "{nobody}");
        }
    }

    #[test]
    fn the_parameters_of_a_number_go_on_with_it() {
        let host = Host::parse("192.0.2.1").unwrap();
        for (from, written) in [
            ("sip:1002;npdi;rn=+49@h", "sip:1002;npdi;rn=+49@192.0.2.1:5070"),
            ("tel:1002;phone-context=a.example", "sip:1002;phone-context=a.example@192.0.2.1:5070"),
            ("tel:1;x=[a:b]", "sip:1;x=%5Ba%3Ab%5D@192.0.2.1:5070"),
            ("sip:%23a%20;x=%3B@h", "sip:%23a%20;x=%3B@192.0.2.1:5070"),
        ] {
            let from = uri(from);
            let number = from.number().unwrap();
            let made = Uri::numbered(&number, from.number_params(), host, Some(5070));
            assert_eq!(made.as_str(), written);
        }
        let long = format!(";x={}", "y".repeat(NUMBER_PARAMS_BYTES_MAX));
        assert_eq!(Uri::numbered("1", &long, host, None).as_str(), "sip:1@192.0.2.1");
        assert_eq!(uri(&format!("sip:1{long}@h")).number_params(), "");
        assert_eq!(Uri::numbered("", ";x", host, None).as_str(), "sip:192.0.2.1");
    }

    #[test]
    fn separators_are_taken_from_telephone_numbers_only() {
        for (written, plain) in
            [("+49-30.1234", "+49301234"), ("(030) 12/34", "0301234"), ("*50-1", "*501")]
        {
            assert_eq!(without_separators(written).as_deref(), Some(plain));
        }
        for other in ["anna-lena", "", "-", "+", "12é"] {
            assert_eq!(without_separators(other), None, "{other}");
        }
    }
}
