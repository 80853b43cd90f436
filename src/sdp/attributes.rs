//! What the attributes of a media section say.

use super::direction::Direction;
use super::session::{
    Attribute, ConnectionHost, MediaDescription, MediaKind, SessionDescription, value_of,
};
use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The `a=crypto` lines of a section that are looked at.
pub const CRYPTOS_MAX: usize = 16;

/// One `a=crypto` (RFC 4568 §9.1) that can be used as it stands: with one key, and without session
/// parameters that would change the packets.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Crypto<'a> {
    /// By which an answer names it.
    pub tag: u32,
    /// The name of the crypto suite.
    pub suite: &'a str,
    /// Key and salt in base64.
    pub inline: &'a str,
    /// The master key identifier and its length in bytes, where packets carry one.
    pub mki: Option<(u128, usize)>,
}

/// Keys are for no log.
impl fmt::Debug for Crypto<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crypto({} {} …)", self.tag, self.suite)
    }
}

impl<'a> Crypto<'a> {
    fn parse(value: &'a str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next()?.parse().ok()?;
        let suite = words.next()?;
        let mut parameters = words.next()?.split('|');
        let inline = parameters.next()?.strip_prefix("inline:")?;
        // A lifetime has no colon; an identifier is `value:length`. Of several keys in one line, `;` between
        // them, we hold none.
        let mki = match parameters.find_map(|parameter| parameter.split_once(':')) {
            Some((value, length)) => Some((value.parse().ok()?, length.parse().ok()?)),
            None => None,
        };
        let several = inline.contains(';') || parameters.next().is_some();
        // §6.3.7: a parameter that is not understood spoils the line, unless it begins with a minus;
        // WSH is a hint.
        let foreign = words.any(|word| !word.starts_with('-') && !word.starts_with("WSH="));
        (!several && !foreign).then_some(Self { tag, suite, inline, mki })
    }
}

/// What a payload type stands for (`a=rtpmap`, RFC 8866 §6.6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RtpMap<'a> {
    /// 0 to 127.
    pub payload_type: u8,
    /// `PCMU`, `H264`: compared without regard to case.
    pub encoding: &'a str,
    /// The RTP clock in Hz.
    pub clock_rate: u32,
    /// Audio channels; 1 where nothing is said.
    pub channels: u8,
}

/// The static payload types of RFC 3551 §6 that are still met.
const STATIC: &[(u8, &str, u32, u8)] = &[
    (0, "PCMU", 8000, 1),
    (3, "GSM", 8000, 1),
    (4, "G723", 8000, 1),
    (5, "DVI4", 8000, 1),
    (6, "DVI4", 16000, 1),
    (7, "LPC", 8000, 1),
    (8, "PCMA", 8000, 1),
    (9, "G722", 8000, 1),
    (10, "L16", 44100, 2),
    (11, "L16", 44100, 1),
    (12, "QCELP", 8000, 1),
    (13, "CN", 8000, 1),
    (14, "MPA", 90000, 1),
    (15, "G728", 8000, 1),
    (16, "DVI4", 11025, 1),
    (17, "DVI4", 22050, 1),
    (18, "G729", 8000, 1),
    (25, "CelB", 90000, 1),
    (26, "JPEG", 90000, 1),
    (28, "nv", 90000, 1),
    (31, "H261", 90000, 1),
    (32, "MPV", 90000, 1),
    (33, "MP2T", 90000, 1),
    (34, "H263", 90000, 1),
];

impl<'a> RtpMap<'a> {
    /// What a payload type means without an `a=rtpmap`.
    #[must_use]
    pub fn of_static(payload_type: u8) -> Option<Self> {
        let (_, encoding, clock_rate, channels) =
            *STATIC.iter().find(|row| row.0 == payload_type)?;
        Some(Self { payload_type, encoding, clock_rate, channels })
    }

    /// Reads the value of an `a=rtpmap`: `111 opus/48000/2`.
    #[must_use]
    pub fn parse(value: &'a str) -> Option<Self> {
        let (payload_type, rest) = value.trim_start().split_once([' ', '\t'])?;
        let payload_type = payload_type.parse().ok().filter(|pt| *pt < 128)?;
        let mut parts = rest.trim().splitn(3, '/');
        let encoding = parts.next().map(str::trim).filter(|name| !name.is_empty())?;
        let clock_rate = parts.next()?.trim().parse().ok().filter(|rate| *rate > 0)?;
        let channels = parts.next().and_then(|n| n.trim().parse().ok()).unwrap_or(1).max(1);
        Some(Self { payload_type, encoding, clock_rate, channels })
    }
}

/// As the value of an `a=rtpmap`.
impl fmt::Display for RtpMap<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.payload_type, self.encoding, self.clock_rate)?;
        if self.channels > 1 { write!(f, "/{}", self.channels) } else { Ok(()) }
    }
}

impl MediaDescription {
    /// A section without formats.
    #[must_use]
    pub fn new(kind: MediaKind, port: u16, protocol: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            port,
            protocol: protocol.into(),
            formats: Vec::new(),
            connection: None,
            bandwidth: Vec::new(),
            attributes: Vec::new(),
        }
    }

    /// The answer that refuses this section (RFC 3264 §6): port 0, the same formats and name.
    #[must_use]
    pub fn refusal(&self) -> Self {
        let formats = self.formats.clone();
        let attributes = self.attributes.iter().find(|attribute| attribute.is("mid")).cloned();
        Self {
            formats,
            attributes: attributes.into_iter().collect(),
            ..Self::new(self.kind.clone(), 0, self.protocol.clone())
        }
    }

    /// The section with its first format alone, known or not, and its name: what an answer says again of one in which nothing
    /// is to go. Its port is 0 yet.
    #[must_use]
    pub fn of_first_format(&self) -> Self {
        let mut media = self.refusal();
        media.formats.truncate(1);
        let number = media.formats.first().and_then(|format| format.parse().ok());
        let meaning = self.attributes.iter().filter(|attribute| {
            let names = attribute.is("rtpmap") || attribute.is("fmtp");
            names && number.is_some_and(|n| of_payload_type(attribute.text(), n).is_some())
        });
        media.attributes.extend(meaning.cloned());
        media
    }

    /// Appends a payload type with its `a=rtpmap` and, where given, its `a=fmtp`.
    pub fn add_format(&mut self, map: &RtpMap<'_>, fmtp: Option<&str>) {
        self.formats.push(map.payload_type.to_string());
        self.attributes.push(Attribute::new("rtpmap", map.to_string()));
        if let Some(parameters) = fmtp {
            let value = format!("{} {parameters}", map.payload_type);
            self.attributes.push(Attribute::new("fmtp", value));
        }
    }

    /// The value of the first attribute of this name, empty for a flag.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        value_of(&self.attributes, name)
    }

    /// The values of all attributes of this name, in order.
    pub fn attributes_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.attributes.iter().filter(move |a| a.is(name)).map(Attribute::text)
    }

    /// What each payload type of the `m=` line stands for, in its order. Types that neither an
    /// `a=rtpmap` nor RFC 3551 explains are left out, doubles too.
    pub fn rtpmaps(&self) -> impl Iterator<Item = RtpMap<'_>> {
        let numbers = self.formats.iter().map(|format| format.parse::<u8>().ok());
        let first = move |at: usize| {
            let format = &self.formats[at];
            !self.formats[..at].contains(format)
        };
        numbers.enumerate().filter(move |(at, _)| first(*at)).filter_map(|(_, n)| self.rtpmap(n?))
    }

    /// What one payload type stands for.
    #[must_use]
    pub fn rtpmap(&self, payload_type: u8) -> Option<RtpMap<'_>> {
        self.attributes_named("rtpmap")
            .filter(|value| of_payload_type(value, payload_type).is_some())
            .find_map(RtpMap::parse)
            .or_else(|| RtpMap::of_static(payload_type))
    }

    /// The format parameters of a payload type.
    #[must_use]
    pub fn fmtp(&self, payload_type: u8) -> Option<&str> {
        self.attributes_named("fmtp").find_map(|value| of_payload_type(value, payload_type))
    }

    /// The feedback that a payload type may be answered with (RFC 4585 §4.2): `nack pli`.
    pub fn rtcp_fb(&self, payload_type: u8) -> impl Iterator<Item = &str> {
        self.attributes_named("rtcp-fb").filter_map(move |value| {
            let all = value.trim_start().strip_prefix('*').map(str::trim);
            all.or_else(|| of_payload_type(value, payload_type))
        })
    }

    /// The direction that the attributes state, the session's where this section is silent.
    #[must_use]
    pub fn stated_direction(&self, session: &SessionDescription) -> Direction {
        let stated = |attributes: &[Attribute]| {
            attributes.iter().find_map(|a| Direction::from_word(&a.name))
        };
        stated(&self.attributes).or_else(|| stated(&session.attributes)).unwrap_or_default()
    }

    /// The direction that is meant: as stated, but who gives the address 0.0.0.0 receives nothing
    /// (the hold of RFC 2543, RFC 3264 §8.4), and a refused stream is inactive.
    #[must_use]
    pub fn direction(&self, session: &SessionDescription) -> Direction {
        let stated = self.stated_direction(session);
        if self.is_refused() {
            return Direction::Inactive;
        }
        // Who checks its ways (ICE) has none yet that it could name (RFC 8839 §4.3.1).
        let checks = [&self.attributes, &session.attributes]
            .iter()
            .any(|attributes| attributes.iter().any(|a| a.is("ice-ufrag")));
        let nowhere = !checks && self.host(session).is_some_and(ConnectionHost::is_nowhere);
        if nowhere { stated.intersection(Direction::SendOnly) } else { stated }
    }

    /// Where the media go, if a numeric address is given; the session's where this section is
    /// silent. Callers check [`direction`](Self::direction) before sending to 0.0.0.0.
    #[must_use]
    pub fn address(&self, session: &SessionDescription) -> Option<IpAddr> {
        self.host(session).and_then(ConnectionHost::ip)
    }

    /// Address and port of the RTP, or none for a refused stream or a hold by address.
    #[must_use]
    pub fn rtp_address(&self, session: &SessionDescription) -> Option<SocketAddr> {
        let ip = self.address(session).filter(|ip| !ip.is_unspecified())?;
        (self.port != 0).then(|| SocketAddr::new(ip, self.port))
    }

    /// Address and port of the RTCP: `a=rtcp` (RFC 3605), else the next port.
    #[must_use]
    pub fn rtcp_address(&self, session: &SessionDescription) -> Option<SocketAddr> {
        let rtp = self.rtp_address(session)?;
        let stated = self.attribute("rtcp").and_then(|value| value.split_ascii_whitespace().nth(3));
        let ip = stated.and_then(|text| text.parse().ok()).unwrap_or(rtp.ip());
        Some(SocketAddr::new(ip, self.rtcp_port()?))
    }

    /// The port of the RTCP: `a=rtcp`, the same with `a=rtcp-mux`, else the next.
    #[must_use]
    pub fn rtcp_port(&self) -> Option<u16> {
        let stated = self.attribute("rtcp").and_then(|value| value.split_ascii_whitespace().next());
        match stated.and_then(|port| port.parse().ok()).filter(|port| *port != 0) {
            Some(port) => Some(port),
            None if self.port == 0 => None,
            None if self.rtcp_mux() => Some(self.port),
            None => self.port.checked_add(1),
        }
    }

    /// Whether RTP and RTCP may share a port (RFC 5761).
    #[must_use]
    pub fn rtcp_mux(&self) -> bool {
        self.attribute("rtcp-mux").is_some()
    }

    /// The name of this section (RFC 5888).
    #[must_use]
    pub fn mid(&self) -> Option<&str> {
        self.attribute("mid")
    }

    /// The wanted length of a packet in ms (RFC 8866 §6.4).
    #[must_use]
    pub fn ptime(&self) -> Option<u32> {
        whole(self.attribute("ptime")?)
    }

    /// The longest packet in ms that its describer takes.
    #[must_use]
    pub fn maxptime(&self) -> Option<u32> {
        whole(self.attribute("maxptime")?)
    }

    /// Whether the port is 0: refused in an answer, absent in an offer.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.port == 0
    }

    /// Whether it is RTP over UDP, whose keys, if any, stand in the SDP: `RTP/AVP` and its kin, but
    /// neither `UDP/TLS/RTP/SAVPF` (RFC 5764) nor `TCP/RTP/AVP` (RFC 4571).
    #[must_use]
    pub fn is_rtp(&self) -> bool {
        self.protocol.split_once('/').is_some_and(|(rtp, profile)| {
            let known = ["AVP", "AVPF", "SAVP", "SAVPF"];
            rtp.eq_ignore_ascii_case("RTP")
                && known.iter().any(|known| profile.eq_ignore_ascii_case(known))
        })
    }

    /// Whether it is RTP over UDP whose keys are agreed on the way by DTLS: `UDP/TLS/RTP/SAVP` and `…/SAVPF`
    /// (RFC 5764 §8).
    #[must_use]
    pub fn is_rtp_over_dtls(&self) -> bool {
        let known = ["UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"];
        known.iter().any(|known| self.protocol.eq_ignore_ascii_case(known))
    }

    /// Whether the profile is encrypted: RTP/SAVP, RTP/SAVPF, also over DTLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.profile().starts_with("SAVP")
    }

    /// The `a=crypto` lines that can be used, in order, at most `CRYPTOS_MAX`.
    pub fn cryptos(&self) -> impl Iterator<Item = Crypto<'_>> {
        self.attributes_named("crypto").filter_map(Crypto::parse).take(CRYPTOS_MAX)
    }

    /// Whether the profile allows early feedback (RFC 4585).
    #[must_use]
    pub fn has_feedback_profile(&self) -> bool {
        self.profile().ends_with("AVPF")
    }

    fn profile(&self) -> String {
        self.protocol.rsplit('/').next().unwrap_or("").to_ascii_uppercase()
    }

    fn host<'a>(&'a self, session: &'a SessionDescription) -> Option<&'a ConnectionHost> {
        self.connection.as_ref().or(session.connection.as_ref()).map(|c| &c.address)
    }
}

/// What follows `payload_type` in a value such as `96 profile-level-id=42e01f`.
fn of_payload_type(value: &str, payload_type: u8) -> Option<&str> {
    let value = value.trim_start();
    let (number, rest) = value.split_once([' ', '\t']).unwrap_or((value, ""));
    (number.parse() == Ok(payload_type)).then(|| rest.trim())
}

/// A number of which some phones give fractions: `20.0`.
fn whole(text: &str) -> Option<u32> {
    let text = text.trim();
    text.split_once('.').map_or(text, |(whole, _)| whole).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(text: &str) -> SessionDescription {
        SessionDescription::parse(format!("v=0\n{text}").as_bytes()).unwrap()
    }

    #[test]
    fn static_payload_types_need_no_map_and_unknown_ones_are_left_out() {
        let session = session(
            "m=audio 4000 RTP/AVP 0 111 8 97 9 111 200 x\n\
             a=rtpmap:111 opus/48000/2\na=rtpmap:8 PCMA/8000/1\na=rtpmap:broken\n",
        );
        let maps: Vec<String> = session.media[0].rtpmaps().map(|map| map.to_string()).collect();
        assert_eq!(maps, ["0 PCMU/8000", "111 opus/48000/2", "8 PCMA/8000", "9 G722/8000"]);
    }

    #[test]
    fn a_map_without_a_clock_is_no_map() {
        for wrong in ["", "96", "96 ", "96 H264", "96 H264/0", "128 H264/90000", "96 /90000"] {
            assert_eq!(RtpMap::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn parameters_and_feedback_belong_to_their_payload_type() {
        let session = session(
            "m=video 4000 RTP/AVPF 96 97\na=fmtp:97 apt=96\na=fmtp:96  profile-level-id=42e01f\n\
             a=rtcp-fb:* nack pli\na=rtcp-fb:96 ccm fir\na=rtcp-fb:97 nack\n",
        );
        let media = &session.media[0];
        assert_eq!(media.fmtp(96), Some("profile-level-id=42e01f"));
        assert_eq!(media.fmtp(9), None);
        assert_eq!(media.rtcp_fb(96).collect::<Vec<_>>(), ["nack pli", "ccm fir"]);
        assert!(media.has_feedback_profile() && !media.is_secure());
    }

    #[test]
    fn a_direction_of_the_session_holds_where_the_section_is_silent() {
        let session =
            session("a=recvonly\nm=audio 4 RTP/AVP 0\nm=video 6 RTP/AVP 34\na=inactive\n");
        assert_eq!(session.media[0].direction(&session), Direction::RecvOnly);
        assert_eq!(session.media[1].direction(&session), Direction::Inactive);
    }

    #[test]
    fn an_address_of_nowhere_is_a_hold() {
        for nowhere in ["IP4 0.0.0.0", "IP6 ::", "IP4 x.invalid"] {
            let session = session(&format!(
                "c=IN {nowhere}\nm=audio 4 RTP/AVP 0\nm=audio 6 RTP/AVP 0\nc=IN IP4 192.0.2.1\n"
            ));
            let [held, talking] = &session.media[..] else { panic!() };
            assert_eq!(held.stated_direction(&session), Direction::SendRecv);
            assert_eq!(held.direction(&session), Direction::SendOnly);
            assert_eq!(held.rtp_address(&session), None);
            assert_eq!(talking.direction(&session), Direction::SendRecv);
            assert_eq!(talking.rtp_address(&session).unwrap().to_string(), "192.0.2.1:6");
        }
    }

    #[test]
    fn a_refused_stream_is_inactive_and_has_no_address() {
        let session = session("c=IN IP4 192.0.2.1\nm=audio 4 RTP/AVP 0 8\na=ptime:20\n");
        let mut refused = session.clone();
        refused.media[0] = session.media[0].refusal();
        assert_eq!(refused.media[0].formats, ["0", "8"]);
        assert!(refused.media[0].is_refused());
        assert_eq!(refused.media[0].direction(&refused), Direction::Inactive);
        assert_eq!(refused.media[0].rtp_address(&refused), None);
        assert_eq!(refused.media[0].rtcp_port(), None);
    }

    #[test]
    fn rtcp_goes_where_it_is_told_or_one_above() {
        let session = session(
            "c=IN IP4 192.0.2.1\nm=audio 4 RTP/AVP 0\nm=audio 4 RTP/AVP 0\na=rtcp:9 IN IP4 192.0.2.7\n\
             m=audio 4 RTP/AVP 0\na=rtcp-mux\nm=audio 65535 RTP/AVP 0\nm=audio 4 RTP/AVP 0\na=rtcp:0\n",
        );
        let to: Vec<_> = session.media.iter().map(|m| m.rtcp_address(&session)).collect();
        let text = |at: usize| to[at].map(|address| address.to_string()).unwrap_or_default();
        assert_eq!(text(0), "192.0.2.1:5");
        assert_eq!(text(1), "192.0.2.7:9");
        assert_eq!(text(2), "192.0.2.1:4");
        assert_eq!((text(3).as_str(), text(4).as_str()), ("", "192.0.2.1:5"));
    }

    #[test]
    fn of_the_keys_those_are_read_that_can_be_used_as_they_stand() {
        let mut media = MediaDescription::new(MediaKind::Audio, 9, "RTP/SAVP");
        for value in [
            "1 AES_CM_128_HMAC_SHA1_80 inline:abc|2^20|1:4",
            "2 AES_CM_128_HMAC_SHA1_80 inline:def|2^31 WSH=128",
            "3 AES_CM_128_HMAC_SHA1_80 inline:ghi UNENCRYPTED_SRTP",
            "4 AES_CM_128_HMAC_SHA1_32 inline:jkl -odd",
            "x y",
            "5 AES prompt:abc",
            "",
            "6 AES_CM_128_HMAC_SHA1_80 inline:mno|2^20|1:4;inline:pqr|2^20|2:4",
            "7 AES_CM_128_HMAC_SHA1_80 inline:stu|x:4",
            "8 AES_CM_128_HMAC_SHA1_80 inline:vwx|1:4|2:4",
            "9 AES_CM_128_HMAC_SHA1_80 inline:yza|77:2",
            "10 AES_CM_128_HMAC_SHA1_80 inline:bcd;inline:efg",
        ] {
            media.attributes.push(Attribute::new("crypto", value.to_owned()));
        }
        let read: Vec<_> = media.cryptos().map(|c| (c.tag, c.inline, c.mki)).collect();
        let named = [(1, "abc", Some((1, 4))), (9, "yza", Some((77, 2)))];
        assert_eq!(read, [named[0], (2, "def", None), (4, "jkl", None), named[1]]);
        assert!(!format!("{:?}", media.cryptos().next()).contains("def"));
        assert!(!format!("{media:?}").contains("def"));
    }

    #[test]
    fn profiles_tell_encryption_and_feedback() {
        let secure = MediaDescription::new(MediaKind::Video, 9, "RTP/SAVPF");
        assert!(secure.is_secure() && secure.has_feedback_profile() && secure.is_rtp());
        for elsewhere in ["UDP/TLS/RTP/SAVPF", "TCP/RTP/AVP", "RTP/AVP/TCP", "RTP"] {
            assert!(!MediaDescription::new(MediaKind::Audio, 9, elsewhere).is_rtp(), "{elsewhere}");
        }
        let fax = MediaDescription::new(MediaKind::Image, 9, "udptl");
        assert!(!fax.is_secure() && !fax.has_feedback_profile() && !fax.is_rtp());
    }
}
