//! Values as the words of a text, and back.

use super::fault::{PartyFault, few, need};
use crate::codec::Kind;
use crate::dialog::HeaderLines;
use crate::ids::ConnectionId;
use crate::leg::PeerFormat;
use crate::sdp::RtpMap;
use crate::sip::{Destination, Flow, HeaderName, NameAddr, Transport, Uri};
use crate::time::UnixTime;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;

/// The most formats of a list.
const FORMATS_MAX: usize = 128;
/// The most routes of a dialog.
const ROUTES_MAX: usize = 64;
/// The most header lines.
const LINES_MAX: usize = 32;
/// The most branches of a fork.
pub const FORKS_MAX: usize = 16;
/// The most of a sequence number (RFC 3261 §8.1.1.5).
pub const CSEQ_MAX: u32 = (1 << 31) - 1;
/// A number that counts up and is written down less often is written so far ahead.
const AHEAD: u32 = 1_000;
/// As soon as it comes so near, the next is written.
const NEAR: u32 = 100;

/// Whether a value is what stands for a missing one.
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A number that the next process counts on from: above all that this one will have used when the text is
/// written anew.
#[must_use]
pub fn ahead(number: u32) -> u32 {
    let next = (number / AHEAD).saturating_add(1).saturating_mul(AHEAD);
    if next - number < NEAR { next.saturating_add(AHEAD) } else { next }
}

/// `UDP 192.0.2.1:5060 192.0.2.7:5060 0`: transport, our socket, the peer's, the number of the connection.
#[must_use]
pub fn flow(flow: &Flow) -> String {
    let Flow { transport, local, remote, connection } = flow;
    format!("{transport} {local} {remote} {}", connection.0)
}

pub fn read_flow(field: &'static str, text: &str) -> Result<Flow, PartyFault> {
    let read = || {
        let mut words = text.split(' ');
        let flow = Flow {
            transport: Transport::from_token(words.next()?)?,
            local: words.next()?.parse().ok()?,
            remote: words.next()?.parse().ok()?,
            connection: ConnectionId(words.next()?.parse().ok()?),
        };
        words.next().is_none().then_some(flow)
    };
    need(field, "transport, two sockets and a number", read())
}

/// As a flow, or only `TCP 192.0.2.7:5060`.
#[must_use]
pub fn hop(hop: &Destination) -> String {
    match hop {
        Destination::Flow(way) => flow(way),
        Destination::Address { transport, remote } => format!("{transport} {remote}"),
    }
}

pub fn read_hop(field: &'static str, text: &str) -> Result<Destination, PartyFault> {
    let address = || {
        let (transport, remote) = text.split_once(' ')?;
        let transport = Transport::from_token(transport)?;
        Some(Destination::Address { transport, remote: remote.parse().ok()? })
    };
    match address() {
        Some(address) => Ok(address),
        None => read_flow(field, text).map(Destination::Flow),
    }
}

/// `97 H264/90000 packetization-mode=1`: as in `a=rtpmap`, and behind it as in `a=fmtp`.
#[must_use]
pub fn formats(formats: &[PeerFormat]) -> Vec<Cow<'static, str>> {
    let word = |format: &PeerFormat| format!("{} {}", format.rtpmap(), format.parameters).into();
    formats.iter().map(word).collect()
}

pub fn read_formats(
    field: &'static str,
    kind: Kind,
    list: Vec<Cow<'_, str>>,
) -> Result<Vec<PeerFormat>, PartyFault> {
    let read = |text: Cow<'_, str>| {
        let number = text.find(' ')?;
        let map = text[number + 1..].find(' ')? + number + 1;
        let (map, parameters) = text.split_at(map);
        PeerFormat::of_map(&RtpMap::parse(map)?, kind, parameters.trim_start())
    };
    let list = few(field, list, FORMATS_MAX)?;
    let read = |text| need(field, "a payload type, its codec and parameters", read(text));
    list.into_iter().map(read).collect()
}

/// Bytes in hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _never_fails = write!(text, "{byte:02x}");
        text
    })
}

pub fn read_hex(field: &'static str, text: &str) -> Result<Vec<u8>, PartyFault> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _others => None,
    };
    need(field, "bytes in hexadecimal digits", pairs.map(byte).collect())
}

/// Milliseconds since 1970.
#[must_use]
pub fn moment(at: UnixTime) -> u64 {
    at.as_micros() / 1_000
}

#[must_use]
pub fn read_moment(ms: u64) -> UnixTime {
    UnixTime::from_micros(ms.saturating_mul(1_000))
}

pub fn read_ip(field: &'static str, text: &str) -> Result<IpAddr, PartyFault> {
    need(field, "an IP address", text.parse().ok())
}

pub fn read_uri(field: &'static str, text: &str) -> Result<Uri, PartyFault> {
    need(field, "a URI", Uri::parse(text).ok())
}

pub fn read_uris(field: &'static str, list: Vec<Cow<'_, str>>) -> Result<Vec<Uri>, PartyFault> {
    few(field, list, ROUTES_MAX)?.iter().map(|text| read_uri(field, text)).collect()
}

/// An address as in From and To, with its tag.
pub fn read_name_addr(field: &'static str, text: &str) -> Result<NameAddr, PartyFault> {
    let address = NameAddr::parse(text, &HeaderName::From).ok();
    need(field, "an address with a tag", address.filter(|address| address.tag().is_some()))
}

/// An address as in To before anybody has answered, or of who is older than tags.
pub fn read_address(field: &'static str, text: &str) -> Result<NameAddr, PartyFault> {
    need(field, "an address", NameAddr::parse(text, &HeaderName::To).ok())
}

pub fn read_cseq(field: &'static str, cseq: u32) -> Result<u32, PartyFault> {
    need(field, "below 2^31", Some(cseq).filter(|cseq| *cseq <= CSEQ_MAX))
}

/// Text that is not empty and has no line ends.
pub fn read_line(field: &'static str, text: Cow<'_, str>) -> Result<String, PartyFault> {
    let is_line = !text.is_empty() && !text.contains(char::is_control);
    need(field, "a line of text", is_line.then(|| text.into_owned()))
}

/// Header lines as pairs.
pub fn lines(lines: &HeaderLines) -> Vec<(Cow<'_, str>, Cow<'_, str>)> {
    lines.iter().map(|(name, value)| (name.as_str().into(), value.into())).collect()
}

pub fn read_lines(
    field: &'static str,
    lines: Vec<(Cow<'_, str>, Cow<'_, str>)>,
) -> Result<HeaderLines, PartyFault> {
    let read = |(name, value): (Cow<'_, str>, Cow<'_, str>)| {
        let name = need(field, "headers", HeaderName::parse(&name))?;
        Ok((name, read_line(field, value)?))
    };
    few(field, lines, LINES_MAX)?.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_read_back() {
        for text in [
            "UDP 192.0.2.1:5060 192.0.2.7:5060 0",
            "WSS [2001:db8::1]:443 [2001:db8::7]:40000 17",
            "TCP 192.0.2.7:5060",
        ] {
            assert_eq!(read_hop("hop", text).map(|way| hop(&way)).as_deref(), Ok(text));
        }
        for wrong in ["", "UDP", "UDP x", "SCTP 192.0.2.7:5060", "UDP 1.1.1.1:1 1.1.1.1:1 0 0"] {
            assert!(read_hop("hop", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn formats_read_back() {
        let all = [
            "0 PCMU/8000 ",
            "96 opus/48000/2 useinbandfec=1",
            "101 telephone-event/8000 0-16",
            "120 SMTH/16000/2 a=b;c=d",
        ];
        let list = |all: &[&'static str]| all.iter().map(|text| Cow::from(*text)).collect();
        let read = read_formats("can", Kind::Audio, list(&all)).unwrap();
        assert_eq!(formats(&read), all);
        let pictures = ["97 H264/90000 packetization-mode=1", "98 H263-2000/90000 CIF=1"];
        let read = read_formats("can", Kind::Video, list(&pictures)).unwrap();
        assert_eq!(formats(&read), pictures);
        for wrong in
            ["", " ", "0", "0 ", "0 PCMU", "0 PCMU/8000", "x PCMU/8000 ", "128 a/1 ", "1  "]
        {
            assert!(read_formats("can", Kind::Audio, list(&[wrong])).is_err(), "{wrong}");
        }
        assert_eq!(
            read_formats("can", Kind::Audio, list(&["0 PCMU/8000 "; FORMATS_MAX + 1])),
            Err(PartyFault::TooMany { field: "can", most: FORMATS_MAX })
        );
    }

    #[test]
    fn a_number_is_written_ahead_and_seldom() {
        assert_eq!([0, 1, 899, 900].map(ahead), [1_000; 4]);
        assert_eq!([901, 999, 1_000, 1_900].map(ahead), [2_000; 4]);
        assert!((0..5_000).all(|number| ahead(number) >= number + NEAR));
        let _ =
            [u32::MAX, u32::MAX - 1, u32::MAX - 295, u32::MAX - 296, u32::MAX - 1_000].map(ahead);
    }
}
