//! Our side of one stream, and the section of our descriptions that says it.

use super::formats::PeerFormat;
use super::handshake::OurHandshake;
use super::ice;
use super::peer::{PeerCrypto, PeerFeedback};
use super::ports::{beside, carrier_of};
use crate::codec::{Codec, Kind};
use crate::dtls::DtlsSetup;
use crate::ids::PortId;
use crate::sdp::{
    Attribute, Bandwidth, Direction, MediaDescription, MediaKind, SessionDescription,
};
use crate::stun::IceCredentials;
use std::borrow::Cow;

/// The most formats of one section of ours.
pub const FORMATS_MAX: usize = 16;

/// The kinds of `b=` that, at 0, leave no room for RTCP of senders and of receivers (RFC 3556).
const NO_REPORTS: [&str; 2] = ["RS", "RR"];

/// What a page knows our stream by.
const MSID: &str = "cordboard";

/// Our side of one stream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OurStream {
    /// Where we receive it.
    pub port: PortId,
    /// The profile.
    pub protocol: Cow<'static, str>,
    /// Under the numbers that we want to receive, the preferred one first.
    pub formats: Vec<PeerFormat>,
    /// What we do.
    pub direction: Direction,
    /// RTCP shares the port.
    pub mux: bool,
    /// What may be asked of us.
    pub feedback: PeerFeedback,
    /// The length of packets, where it was asked for.
    pub packet_ms: Option<u32>,
    /// The rate we can receive.
    pub bandwidth: Vec<Bandwidth>,
    /// The key of what we send, where the stream is sealed.
    pub crypto: Option<PeerCrypto>,
    /// By which certificate we are known, where the keys are agreed on the way by DTLS.
    pub handshake: Option<OurHandshake>,
    /// The name of its section.
    pub mid: Option<Box<str>>,
    /// Our name and password, where the peer checks its ways to us.
    pub ice: Option<IceCredentials>,
}

/// The kind of a section.
#[must_use]
pub fn media_kind(kind: Kind) -> MediaKind {
    match kind {
        Kind::Audio => MediaKind::Audio,
        Kind::Video => MediaKind::Video,
    }
}

impl OurStream {
    /// Whether G.711 is among its formats.
    #[must_use]
    pub fn has_g711(&self) -> bool {
        let g711 = |format: &PeerFormat| matches!(format.codec, Codec::Pcma | Codec::Pcmu);
        self.formats.iter().any(g711)
    }

    /// The same on the transport of another, which is one for both (RFC 9143).
    #[must_use]
    pub fn carried_by(self, carrier: &Self) -> Self {
        let Self { port, ice, handshake, .. } = carrier;
        Self { port: beside(*port), ice: ice.clone(), handshake: *handshake, ..self }
    }

    /// Whether it is on the transport of another.
    #[must_use]
    pub fn is_carried(&self) -> bool {
        carrier_of(self.port).is_some()
    }

    /// Its section.
    ///
    /// # Panics
    /// When its port is no UDP port.
    #[must_use]
    pub fn to_section(&self, kind: Kind) -> MediaDescription {
        let port = carrier_of(self.port).unwrap_or(self.port);
        let port = u16::try_from(port.0).expect("a PortId is the number of a UDP port");
        let mut media = MediaDescription::new(media_kind(kind), port, self.protocol.clone());
        media.bandwidth = self.bandwidth.clone();
        for format in self.formats.iter().take(FORMATS_MAX) {
            let parameters = Some(&*format.parameters).filter(|text| !text.is_empty());
            media.add_format(&format.rtpmap(), parameters);
        }
        let wanted = [
            (self.feedback.pli, "nack pli"),
            (self.feedback.fir, "ccm fir"),
            (self.feedback.remb, "goog-remb"),
            (self.feedback.tmmbr, "ccm tmmbr"),
        ];
        let mut all = fed_back(&self.formats);
        if let Some(first) = all.next() {
            // RFC 4585 §4.2: a star is for all of them. A line for each makes a datagram too long.
            let about = all.next().map_or_else(|| first.number.to_string(), |_| "*".to_owned());
            for (_, what) in wanted.iter().filter(|(wanted, _)| *wanted) {
                media.attributes.push(Attribute::new("rtcp-fb", format!("{about} {what}")));
            }
        }
        if let Some(mid) = &self.mid {
            media.attributes.push(Attribute::new("mid", &**mid));
        }
        media.attributes.push(if self.mux {
            Attribute::flag("rtcp-mux")
        } else {
            Attribute::new("rtcp", (port + 1).to_string())
        });
        if let Some(handshake) = &self.handshake {
            media.attributes.extend(self.of_handshake(handshake, kind));
        }
        if let Some(PeerCrypto { tag, keys }) = &self.crypto {
            let value = format!("{tag} {} inline:{}", keys.suite(), keys.to_inline());
            media.attributes.push(Attribute::new("crypto", value));
        }
        if let Some(IceCredentials { ufrag, password }) = &self.ice {
            media.attributes.push(Attribute::new("ice-ufrag", &**ufrag));
            media.attributes.push(Attribute::new("ice-pwd", &**password));
        }
        if let Some(ms) = self.packet_ms {
            media.attributes.push(Attribute::new("ptime", ms.to_string()));
        }
        media.attributes.push(self.direction.into());
        media
    }

    /// A section of the peer's on the same transport in which nothing goes, neither media nor reports of them (RFC 3556 §2).
    ///
    /// # Panics
    /// When the port of this stream is no UDP port.
    #[must_use]
    pub fn idle(&self, section: &MediaDescription) -> MediaDescription {
        let none = |kind: &str| Bandwidth { kind: kind.to_owned(), value: 0 };
        let ours = Self {
            formats: vec![],
            direction: Direction::Inactive,
            feedback: PeerFeedback::default(),
            packet_ms: None,
            bandwidth: NO_REPORTS.map(none).into(),
            mid: None,
            ..self.clone()
        };
        let of_transport = ours.to_section(Kind::Video);
        let mut media = section.of_first_format();
        media.attributes.extend(of_transport.attributes);
        MediaDescription { port: of_transport.port, bandwidth: of_transport.bandwidth, ..media }
    }

    /// What a section says of its handshake, and what browsers want to know beside.
    fn of_handshake(&self, handshake: &OurHandshake, kind: Kind) -> Vec<Attribute> {
        let OurHandshake { fingerprint, setup } = handshake;
        let mut attributes = vec![
            Attribute::new("fingerprint", fingerprint.to_string()),
            Attribute::new("setup", setup.as_str()),
        ];
        if *setup == DtlsSetup::ActPass {
            // RFC 8858: there is no other port to fall back on.
            attributes.push(Attribute::flag("rtcp-mux-only"));
        }
        if self.direction.sends() {
            // Sound and pictures are one stream to the page, which keeps them in time (RFC 8830).
            let track = media_kind(kind);
            attributes.push(Attribute::new("msid", format!("{MSID} {track}")));
        }
        attributes
    }

    /// The stream of a section that [`to_section`](Self::to_section) made; where a section says nothing of
    /// feedback because its codecs know none, what we mean all the same is `unsaid`.
    #[must_use]
    pub fn of_section(
        (session, at): (&SessionDescription, usize),
        kind: Kind,
        unsaid: PeerFeedback,
    ) -> Option<Self> {
        let media = session.media.get(at)?;
        let formats: Vec<PeerFormat> = PeerFormat::all_of(media, kind).collect();
        let first = fed_back(&formats).next().map(|format| format.number);
        let own = PortId(media.port.into());
        Some(Self {
            port: if is_carried(session, media) { beside(own) } else { own },
            protocol: media.protocol.clone(),
            direction: media.stated_direction(session),
            mux: media.rtcp_mux(),
            feedback: first.map_or(unsaid, |number| PeerFeedback::of(media, number)),
            packet_ms: media.ptime(),
            bandwidth: media.bandwidth.clone(),
            crypto: PeerCrypto::all_of(media).next(),
            handshake: OurHandshake::of(media),
            mid: media.mid().map(Box::from),
            ice: ice::credentials(session, media),
            formats,
        })
    }
}

/// Whether nothing goes in this section of ours, which is there for the transport that it has.
#[must_use]
pub fn is_idle(media: &MediaDescription) -> bool {
    let none = |kind| media.bandwidth.iter().any(|limit| limit.kind == kind && limit.value == 0);
    let inactive = media.attribute(Direction::Inactive.word()).is_some();
    media.port != 0 && inactive && NO_REPORTS.into_iter().all(none)
}

/// The place of a stream of ours in what we said.
#[must_use]
pub fn place_of(said: &SessionDescription, kind: Kind) -> Option<usize> {
    let in_use = |media: &MediaDescription| {
        media.kind == media_kind(kind) && media.port != 0 && !is_idle(media)
    };
    said.media.iter().position(in_use)
}

/// Whether a section of ours is a picture on the port of the sound: among us that carries it, whichever of both is the
/// first of their bundle.
fn is_carried(session: &SessionDescription, media: &MediaDescription) -> bool {
    let bundle = session.bundle();
    let is_bundled = |one: &MediaDescription| one.mid().is_some_and(|mid| bundle.contains(&mid));
    let carries = |other: &MediaDescription| {
        other.kind == MediaKind::Audio && other.port == media.port && is_bundled(other)
    };
    media.kind == MediaKind::Video && is_bundled(media) && session.media.iter().any(carries)
}

/// The formats of which feedback is asked. Phones as old as H.263 know nothing of it.
fn fed_back(formats: &[PeerFormat]) -> impl Iterator<Item = &PeerFormat> {
    let old = [Codec::H263Plus, Codec::H263, Codec::H261];
    formats.iter().filter(move |format| format.codec.is_primary() && !old.contains(&format.codec))
}
