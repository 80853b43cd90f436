//! The parts of a session description as values.

use super::direction::Direction;
use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// A whole session description.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SessionDescription {
    /// `o=`: whose description this is, and which version of it.
    pub origin: Origin,
    /// `s=`; `-` where there is none.
    pub name: Cow<'static, str>,
    /// `c=` for the media that have none of their own.
    pub connection: Option<ConnectionData>,
    /// `b=` of the session.
    pub bandwidth: Vec<Bandwidth>,
    /// `a=` of the session, in order.
    pub attributes: Vec<Attribute>,
    /// `m=` sections, in order; none is legal.
    pub media: Vec<MediaDescription>,
}

/// `o=`: who made this description.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    /// The user name; `-` where there is none.
    pub user: Cow<'static, str>,
    /// The session id, constant for the life of the dialog.
    pub id: u64,
    /// Rises by one with each change (RFC 3264 §8).
    pub version: u64,
    /// The machine that made it; not where media go.
    pub address: ConnectionHost,
}

/// An address as SDP writes it: usually numeric, sometimes a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ConnectionHost {
    /// A numeric address.
    Ip(IpAddr),
    /// A domain name, not resolved here.
    Name(String),
}

/// `c=`: where the media go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConnectionData {
    /// The address; a multicast TTL is dropped.
    pub address: ConnectionHost,
}

/// `b=`: a limit such as `AS:512`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bandwidth {
    /// `AS` (kbit/s), `TIAS` (bit/s), `CT`, `RR`, `RS`.
    pub kind: String,
    /// The figure, in the unit of its kind; a fraction is cut off.
    pub value: u64,
}

/// `a=`: a flag, or a name with a value. A key (`a=crypto`) shows itself in no log.
#[derive(Clone, Eq, PartialEq)]
pub struct Attribute {
    /// What stands before the colon.
    pub name: Cow<'static, str>,
    /// What stands behind it.
    pub value: Option<String>,
}

/// What a media section carries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// Real-time text (RFC 4103); pjsip offers it by default.
    Text,
    /// Data channels, floor control.
    Application,
    /// Fax (T.38).
    Image,
    /// Anything else, as it was written.
    Other(String),
}

/// One `m=` section.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MediaDescription {
    /// Audio, video, …
    pub kind: MediaKind,
    /// The port at which its describer receives; 0 refuses the stream.
    pub port: u16,
    /// `RTP/AVP`, `RTP/AVPF`, `RTP/SAVP`, `UDP/TLS/RTP/SAVPF`, …
    pub protocol: Cow<'static, str>,
    /// The formats in order of preference, as they were written; payload types for RTP.
    pub formats: Vec<String>,
    /// `c=` of this section.
    pub connection: Option<ConnectionData>,
    /// `b=` of this section.
    pub bandwidth: Vec<Bandwidth>,
    /// `a=` of this section, in order.
    pub attributes: Vec<Attribute>,
}

impl SessionDescription {
    /// A description without media, made at `address`, where its media go too.
    #[must_use]
    pub fn new(id: u64, version: u64, address: IpAddr) -> Self {
        let address = ConnectionHost::Ip(address);
        Self {
            origin: Origin { user: "-".into(), id, version, address: address.clone() },
            name: "-".into(),
            connection: Some(ConnectionData { address }),
            bandwidth: Vec::new(),
            attributes: Vec::new(),
            media: Vec::new(),
        }
    }

    /// The value of the first session attribute of this name, empty for a flag.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        value_of(&self.attributes, name)
    }
}

impl Default for Origin {
    fn default() -> Self {
        let address = ConnectionHost::Ip(Ipv4Addr::UNSPECIFIED.into());
        Self { user: "-".into(), id: 0, version: 0, address }
    }
}

impl ConnectionHost {
    /// The numeric address, if it is one.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            Self::Name(_) => None,
        }
    }

    /// Whether it is the address that means "send nothing": 0.0.0.0 (RFC 2543 hold), `::`, or a
    /// name under `.invalid` (RFC 6157 §4).
    #[must_use]
    pub fn is_nowhere(&self) -> bool {
        match self {
            Self::Ip(ip) => ip.is_unspecified(),
            Self::Name(name) => {
                let name = name.trim_end_matches('.').to_ascii_lowercase();
                name == "invalid" || name.ends_with(".invalid")
            }
        }
    }
}

impl Attribute {
    /// `a=name`.
    #[must_use]
    pub fn flag(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), value: None }
    }

    /// `a=name:value`.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: Some(value.into()) }
    }

    /// Whether this is the attribute `name`. RFC 8866 §6 tells cases apart; phones do not.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The value, empty for a flag.
    #[must_use]
    pub fn text(&self) -> &str {
        self.value.as_deref().unwrap_or("")
    }
}

impl fmt::Debug for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(_) if self.is("crypto") || self.is("ice-pwd") => {
                write!(f, "Attribute({}:…)", self.name)
            }
            Some(value) => write!(f, "Attribute({}:{value:?})", self.name),
            None => write!(f, "Attribute({})", self.name),
        }
    }
}

impl From<Direction> for Attribute {
    fn from(direction: Direction) -> Self {
        Self::flag(direction.word())
    }
}

impl MediaKind {
    /// The word in the `m=` line.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Text => "text",
            Self::Application => "application",
            Self::Image => "image",
            Self::Other(word) => word,
        }
    }

    /// The kind that this word of an `m=` line means.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        [Self::Audio, Self::Video, Self::Text, Self::Application, Self::Image]
            .into_iter()
            .find(|kind| kind.word().eq_ignore_ascii_case(word))
            .unwrap_or_else(|| Self::Other(word.to_owned()))
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

pub(super) fn value_of<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    attributes.iter().find(|attribute| attribute.is(name)).map(Attribute::text)
}
