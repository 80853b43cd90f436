//! Request methods: the names that rsip knows, and any other token.

use super::error::{Error, SipFault};
use super::lexer;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// A request method; case-sensitive (RFC 3261 §7.1), so `invite` is another method than `INVITE`.
#[derive(Clone, Eq, PartialEq)]
pub struct Method(Name);

#[derive(Clone, Eq, PartialEq)]
enum Name {
    Known(rsip::Method),
    Other(Box<str>),
}

macro_rules! methods {
    ($($(#[$doc:meta])* $constant:ident, $variant:ident;)+) => {
        impl Method {
            $($(#[$doc])* pub const $constant: Self = Self(Name::Known(rsip::Method::$variant));)+

            /// The method as it is written on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match &self.0 {
                    $(Name::Known(rsip::Method::$variant) => stringify!($constant),)+
                    Name::Other(name) => name,
                }
            }

            fn known(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($constant) => Some(Self::$constant),)+
                    _ => None,
                }
            }
        }
    };
}

methods! {
    /// RFC 3261 §13.
    INVITE, Invite;
    /// RFC 3261 §17.1.1.3.
    ACK, Ack;
    /// RFC 3261 §15.
    BYE, Bye;
    /// RFC 3261 §9.
    CANCEL, Cancel;
    /// RFC 3261 §10.
    REGISTER, Register;
    /// RFC 3261 §11.
    OPTIONS, Options;
    /// RFC 6086.
    INFO, Info;
    /// RFC 3262.
    PRACK, PRack;
    /// RFC 3311.
    UPDATE, Update;
    /// RFC 3515.
    REFER, Refer;
    /// RFC 6665.
    NOTIFY, Notify;
    /// RFC 6665.
    SUBSCRIBE, Subscribe;
    /// RFC 3428.
    MESSAGE, Message;
    /// RFC 3903.
    PUBLISH, Publish;
}

impl Method {
    /// Reads a method.
    ///
    /// # Errors
    /// [`SipFault::Method`] when `name` is no token (RFC 3261 §25.1).
    pub fn parse(name: &str) -> Result<Self, Error> {
        if let Some(known) = Self::known(name) {
            return Ok(known);
        }
        if name.len() > super::limits::IDENTIFIER_BYTES_MAX || !lexer::is_token(name) {
            return Err(SipFault::Method.at(0));
        }
        Ok(Self(Name::Other(name.into())))
    }

    /// True for methods whose 2xx makes a dialog (RFC 3261 §12.1, RFC 6665 §4.1, RFC 3515 §2.4.4).
    #[must_use]
    pub fn makes_dialog(&self) -> bool {
        [Self::INVITE, Self::SUBSCRIBE, Self::REFER].contains(self)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Hash for Method {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Ord for Method {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Method {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_the_vocabulary_reads_back() {
        for known in rsip::Method::all() {
            let method = Method(Name::Known(known));
            assert_eq!(Method::parse(method.as_str()), Ok(method.clone()));
            assert_eq!(method.to_string(), known.to_string());
        }
    }

    #[test]
    fn methods_are_case_sensitive() {
        assert_ne!(Method::parse("invite").unwrap(), Method::INVITE);
        assert_eq!(Method::parse("invite").unwrap().as_str(), "invite");
    }

    #[test]
    fn any_token_is_a_method_and_nothing_else_is() {
        assert!(Method::parse("!interesting-Method0123456789_*+`.%indeed'~").is_ok());
        for wrong in ["", "IN VITE", "INVITE\r\nVia:", "INVITE:", "\u{e9}"] {
            assert_eq!(Method::parse(wrong), Err(SipFault::Method.at(0)), "{wrong:?}");
        }
    }

    #[test]
    fn a_constant_works_as_a_pattern() {
        assert!(matches!(Method::parse("BYE").unwrap(), Method::BYE));
    }
}
