//! The tolerant parser (RFC 8866 §9, and what phones make of it).

use super::session::{
    Attribute, Bandwidth, ConnectionData, ConnectionHost, MediaDescription, MediaKind, Origin,
    SessionDescription,
};
use std::borrow::Cow;

/// The longest description that is read.
pub const BYTES_MAX: usize = 64 * 1024;
/// The longest line.
pub const LINE_MAX: usize = 8 * 1024;
/// `m=` lines in a description.
pub const MEDIA_MAX: usize = 64;
/// Formats in an `m=` line: all payload types there are.
pub const FORMATS_MAX: usize = 128;
/// `a=` lines of the session, and of each `m=` section. Browsers have some 120 in one of pictures.
pub const ATTRIBUTES_MAX: usize = 512;
/// `b=` lines of the session, and of each `m=` section.
pub const BANDWIDTHS_MAX: usize = 16;

/// Why a description was not understood, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("SDP line {line}: {what}")]
pub struct Error {
    /// What is wrong.
    pub what: SdpFault,
    /// The line, counted from 1.
    pub line: usize,
}

/// What can be wrong with a description.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SdpFault {
    /// The first line is not `v=0`.
    #[error("not a session description: the first line is not v=0")]
    NoVersion,
    /// A line is not a letter, an equals sign and a value.
    #[error("not of the form LETTER=VALUE")]
    NotALine,
    /// An `m=` line without kind, port and protocol.
    #[error("an m= line needs a kind, a port and a protocol")]
    ShortMedia,
    /// A port that is no number up to 65535.
    #[error("the port is not a number from 0 to 65535")]
    BadPort,
    /// A `c=` line without an address.
    #[error("a c= line needs a network, an address type and an address")]
    BadConnection,
    /// More than [`BYTES_MAX`].
    #[error("longer than {BYTES_MAX} bytes")]
    TooLong,
    /// More than [`LINE_MAX`].
    #[error("a line longer than {LINE_MAX} bytes")]
    LineTooLong,
    /// More than [`MEDIA_MAX`].
    #[error("more than {MEDIA_MAX} m= lines")]
    TooManyMedia,
    /// More than [`FORMATS_MAX`].
    #[error("more than {FORMATS_MAX} formats in an m= line")]
    TooManyFormats,
    /// More than [`ATTRIBUTES_MAX`].
    #[error("more than {ATTRIBUTES_MAX} a= lines in one section")]
    TooManyAttributes,
    /// More than [`BANDWIDTHS_MAX`].
    #[error("more than {BANDWIDTHS_MAX} b= lines in one section")]
    TooManyBandwidths,
}

impl SdpFault {
    /// The response that a request with such a description deserves: 413 for our limits, 400 for
    /// the peer's mistakes.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::NoVersion
            | Self::NotALine
            | Self::ShortMedia
            | Self::BadPort
            | Self::BadConnection => 400,
            Self::TooLong
            | Self::LineTooLong
            | Self::TooManyMedia
            | Self::TooManyFormats
            | Self::TooManyAttributes
            | Self::TooManyBandwidths => 413,
        }
    }
}

impl SessionDescription {
    /// Reads a description.
    ///
    /// Tolerated: lines ended by LF alone, blank lines, NULs at the end, text that is not UTF-8
    /// (replaced), missing `o=`, `s=` and `t=`, unknown lines, `m=` without formats, fractions in
    /// `b=`, any number of blanks between words.
    ///
    /// # Errors
    /// When the meaning of a line that matters cannot be told, or a limit is passed.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > BYTES_MAX {
            return Err(Error { what: SdpFault::TooLong, line: 1 });
        }
        let mut parsing = Parsing::default();
        for (line, raw) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            let text = raw.trim_ascii_end();
            let text = text.strip_suffix(b"\0").map_or(text, trim_nuls).trim_ascii_end();
            if text.is_empty() {
                continue;
            }
            parsing.line(text).map_err(|what| Error { what, line })?;
        }
        parsing.finish()
    }
}

fn trim_nuls(mut text: &[u8]) -> &[u8] {
    while let Some(shorter) = text.strip_suffix(b"\0") {
        text = shorter;
    }
    text
}

#[derive(Default)]
struct Parsing {
    session: Option<SessionDescription>,
}

impl Parsing {
    fn line(&mut self, text: &[u8]) -> Result<(), SdpFault> {
        if text.len() > LINE_MAX {
            return Err(SdpFault::LineTooLong);
        }
        let [letter, b'=', value @ ..] = text else {
            return Err(if self.session.is_none() {
                SdpFault::NoVersion
            } else {
                SdpFault::NotALine
            });
        };
        let value = String::from_utf8_lossy(value);
        let Some(session) = &mut self.session else {
            if *letter != b'v' || value.trim() != "0" {
                return Err(SdpFault::NoVersion);
            }
            self.session = Some(empty_session());
            return Ok(());
        };
        match letter {
            b'm' => {
                if session.media.len() == MEDIA_MAX {
                    return Err(SdpFault::TooManyMedia);
                }
                session.media.push(media(&value)?);
            }
            b'a' => {
                let section = session.media.last_mut().map(|m| &mut m.attributes);
                let section = section.unwrap_or(&mut session.attributes);
                push(section, attribute(&value), ATTRIBUTES_MAX, SdpFault::TooManyAttributes)?;
            }
            b'b' => {
                let section = session.media.last_mut().map(|m| &mut m.bandwidth);
                let section = section.unwrap_or(&mut session.bandwidth);
                if let Some(bandwidth) = bandwidth(&value) {
                    push(section, bandwidth, BANDWIDTHS_MAX, SdpFault::TooManyBandwidths)?;
                }
            }
            b'c' => {
                let section = session.media.last_mut().map(|m| &mut m.connection);
                // A second c= of one section describes layers; the first one counts (§5.7).
                section.unwrap_or(&mut session.connection).get_or_insert(connection(&value)?);
            }
            b'o' if session.media.is_empty() => session.origin = origin(&value),
            b's' if session.media.is_empty() => session.name = name(&value),
            // t= is always `0 0` in SIP, i= u= e= p= r= z= k= concern no call, and an unknown letter
            // must not cost a call (§5 would have us refuse the whole).
            _other => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<SessionDescription, Error> {
        self.session.ok_or(Error { what: SdpFault::NoVersion, line: 1 })
    }
}

fn push<T>(section: &mut Vec<T>, item: T, limit: usize, fault: SdpFault) -> Result<(), SdpFault> {
    if section.len() == limit {
        return Err(fault);
    }
    section.push(item);
    Ok(())
}

fn empty_session() -> SessionDescription {
    SessionDescription {
        origin: Origin::default(),
        name: "-".into(),
        connection: None,
        bandwidth: Vec::new(),
        attributes: Vec::new(),
        media: Vec::new(),
    }
}

fn name(value: &str) -> Cow<'static, str> {
    if value.trim().is_empty() { "-".into() } else { known(value) }
}

/// What nearly every description has: a name for nothing, protocols, names of attributes.
const KNOWN: [&str; 28] = [
    "-",
    "RTP/AVP",
    "RTP/SAVP",
    "RTP/AVPF",
    "RTP/SAVPF",
    "rtpmap",
    "fmtp",
    "sendrecv",
    "ptime",
    "sendonly",
    "recvonly",
    "inactive",
    "maxptime",
    "rtcp",
    "rtcp-fb",
    "rtcp-mux",
    "crypto",
    "label",
    "UDP/TLS/RTP/SAVPF",
    "extmap",
    "candidate",
    "ssrc",
    "mid",
    "msid",
    "ice-ufrag",
    "ice-pwd",
    "fingerprint",
    "setup",
];

/// A word of its own only where it is none of those that are known.
fn known(word: &str) -> Cow<'static, str> {
    let known = KNOWN.iter().find(|known| **known == word);
    known.map_or_else(|| Cow::Owned(word.to_owned()), |known| Cow::Borrowed(*known))
}

fn origin(value: &str) -> Origin {
    // A user name may hold blanks in spite of §5.2; the five fields behind it may not.
    let mut words: Vec<&str> = value.split_ascii_whitespace().collect();
    let tail = words.split_off(words.len().saturating_sub(5));
    let [id, version, _network, _kind, address] = tail[..] else { return Origin::default() };
    Origin {
        user: if words.is_empty() { "-".into() } else { known(&words.join(" ")) },
        id: number(id),
        version: number(version),
        address: host(address),
    }
}

/// The digits of a number modulo 2^64: some phones print NTP times with more digits than that,
/// and all that matters is whether it changes.
fn number(text: &str) -> u64 {
    let digits = text.bytes().filter(u8::is_ascii_digit);
    digits.fold(0, |sum: u64, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
}

fn connection(value: &str) -> Result<ConnectionData, SdpFault> {
    let mut words = value.split_ascii_whitespace();
    let (Some(_network), Some(_kind), Some(address)) = (words.next(), words.next(), words.next())
    else {
        return Err(SdpFault::BadConnection);
    };
    Ok(ConnectionData { address: host(address) })
}

fn host(text: &str) -> ConnectionHost {
    // `224.2.1.1/127`: the TTL of a multicast address.
    let text = text.split_once('/').map_or(text, |(address, _)| address);
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    match bare.unwrap_or(text).parse() {
        Ok(ip) => ConnectionHost::Ip(ip),
        Err(_) if text.is_empty() => Origin::default().address,
        Err(_) => ConnectionHost::Name(text.to_owned()),
    }
}

fn bandwidth(value: &str) -> Option<Bandwidth> {
    let (kind, figure) = value.split_once(':')?;
    let figure = figure.trim();
    let whole = figure.split_once('.').map_or(figure, |(whole, _)| whole);
    Some(Bandwidth { kind: kind.trim().to_owned(), value: whole.parse().ok()? })
}

fn attribute(value: &str) -> Attribute {
    match value.split_once(':') {
        Some((name, value)) => Attribute::new(known(name.trim()), value.trim()),
        None => Attribute::flag(known(value.trim())),
    }
}

fn media(value: &str) -> Result<MediaDescription, SdpFault> {
    let mut words = value.split_ascii_whitespace();
    let (Some(kind), Some(port), Some(protocol)) = (words.next(), words.next(), words.next())
    else {
        return Err(SdpFault::ShortMedia);
    };
    // `49170/2` would be two ports of a hierarchical encoding: the first is the stream.
    let port = port.split_once('/').map_or(port, |(port, _)| port);
    let port = port.parse().map_err(|_| SdpFault::BadPort)?;
    let formats: Vec<String> = words.by_ref().take(FORMATS_MAX).map(str::to_owned).collect();
    if words.next().is_some() {
        return Err(SdpFault::TooManyFormats);
    }
    Ok(MediaDescription {
        formats,
        ..MediaDescription::new(MediaKind::from_word(kind), port, known(protocol))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (SdpFault, usize) {
        let error = SessionDescription::parse(text.as_bytes()).unwrap_err();
        (error.what, error.line)
    }

    fn lines(head: &str, line: &str, count: usize) -> String {
        format!("{head}{}", line.repeat(count))
    }

    #[test]
    fn what_phones_get_wrong_is_read_as_it_was_meant() {
        let session = SessionDescription::parse(
            b"\nv=0\no=John  Smith 99999999999999999999999 7 IN IP4 192.0.2.1\ns=\nc=IN IP4 192.0.2.1\n\
              t=0 0\nx=?\nb=AS:1024.5\nb=nonsense\nm=audio  4000/2  RTP/AVP\na=ptime : 20\na=sendonly \r\n\
              a=tool:\xff\n\0\0",
        )
        .unwrap();
        assert_eq!(session.origin.user, "John Smith");
        assert_eq!(session.origin.version, 7);
        assert_eq!(session.name, "-");
        assert_eq!(session.bandwidth, [Bandwidth { kind: "AS".to_owned(), value: 1024 }]);
        let media = &session.media[0];
        assert_eq!((media.port, media.formats.len()), (4000, 0));
        assert_eq!(media.ptime(), Some(20));
        assert_eq!(media.attributes[1], Attribute::flag("sendonly"));
        assert_eq!(media.attribute("tool"), Some("\u{fffd}"));
    }

    #[test]
    fn a_description_without_media_is_legal() {
        assert_eq!(SessionDescription::parse(b"v=0\r\n").unwrap().media, []);
    }

    #[test]
    fn a_fault_names_its_line() {
        assert_eq!(fault(""), (SdpFault::NoVersion, 1));
        assert_eq!(fault("\nhello"), (SdpFault::NoVersion, 2));
        assert_eq!(fault("v=1\n"), (SdpFault::NoVersion, 1));
        assert_eq!(fault("v=0\nhello"), (SdpFault::NotALine, 2));
        assert_eq!(fault("v=0\nm=audio 4000"), (SdpFault::ShortMedia, 2));
        assert_eq!(fault("v=0\nm=audio 65536 RTP/AVP 0"), (SdpFault::BadPort, 2));
        assert_eq!(fault("v=0\nm=audio -1 RTP/AVP 0"), (SdpFault::BadPort, 2));
        assert_eq!(fault("v=0\nc=IN IP4"), (SdpFault::BadConnection, 2));
        let error = Error { what: SdpFault::BadPort, line: 2 };
        assert_eq!(error.to_string(), "SDP line 2: the port is not a number from 0 to 65535");
        assert_eq!((SdpFault::BadPort.status(), SdpFault::TooLong.status()), (400, 413));
    }

    #[test]
    fn every_limit_holds_and_lets_its_last_one_pass() {
        let media = "m=audio 0 RTP/AVP 0\n";
        let check = |head: &str, line: &str, limit: usize, what: SdpFault| {
            assert!(
                SessionDescription::parse(lines(head, line, limit).as_bytes()).is_ok(),
                "{what}"
            );
            assert_eq!(fault(&lines(head, line, limit + 1)).0, what);
        };
        check("v=0\n", media, MEDIA_MAX, SdpFault::TooManyMedia);
        check("v=0\n", "a=x\n", ATTRIBUTES_MAX, SdpFault::TooManyAttributes);
        check(&lines("v=0\n", media, 2), "a=x\n", ATTRIBUTES_MAX, SdpFault::TooManyAttributes);
        check("v=0\n", "b=AS:1\n", BANDWIDTHS_MAX, SdpFault::TooManyBandwidths);
        check("v=0\nm=audio 0 RTP/AVP", " 0", FORMATS_MAX, SdpFault::TooManyFormats);
        check("v=0\na=", "x", LINE_MAX - 2, SdpFault::LineTooLong);
        check("v=0\n", "\n", BYTES_MAX - 4, SdpFault::TooLong);
    }
}
