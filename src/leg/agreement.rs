//! What two descriptions agree on, and which two they were.

use super::formats::PeerFormat;
use super::our_stream::{OurStream, place_of};
use super::peer::{PeerCrypto, PeerDescription, PeerFeedback, PeerStream};
use crate::codec::{Codec, Kind};
use crate::dtls::{DtlsRole, HandshakeKeys};
use crate::media::{Protection, SrtpKeys};
use crate::sdp::{Direction, SessionDescription};
use std::net::IpAddr;
use std::sync::Arc;

/// A codec that both sides use, under both sides' numbers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AgreedCodec {
    /// Under the peer's number and with its parameters: what we send.
    pub sent: PeerFormat,
    /// Under our number and with our parameters: what we receive.
    pub received: PeerFormat,
}

/// What has come of the handshake on a transport; whose it is, the peer's description says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HandshakeOutcome {
    /// The peer's certificate, in DER.
    pub certificate: Arc<[u8]>,
    /// The keys of both directions.
    pub keys: HandshakeKeys,
}

/// A stream in use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NegotiatedStream {
    /// Which section, from 0.
    pub section: usize,
    /// What we said.
    pub ours: OurStream,
    /// What the peer said.
    pub peer: PeerStream,
    /// The codecs, the one to send first, telephone-event among them.
    pub agreed: Vec<AgreedCodec>,
}

/// What is agreed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NegotiatedStreams {
    /// Sound.
    pub audio: Option<NegotiatedStream>,
    /// Pictures.
    pub video: Option<NegotiatedStream>,
    /// The peer wants no sound: its pictures are its call.
    pub soundless: bool,
}

/// Our streams by their sections.
#[derive(Clone, Debug)]
pub struct OurOffer {
    /// Of sound.
    pub audio: Option<(usize, OurStream)>,
    /// Of pictures.
    pub video: Option<(usize, OurStream)>,
    /// All may share one transport.
    pub bundles: bool,
}

impl OurOffer {
    /// The offer that says this.
    #[must_use]
    pub fn of(said: &SessionDescription) -> Self {
        let stream = |kind, unsaid| {
            let at = place_of(said, kind)?;
            Some((at, OurStream::of_section((said, at), kind, unsaid)?))
        };
        Self {
            audio: stream(Kind::Audio, PeerFeedback::default()),
            video: stream(Kind::Video, PeerFeedback::OFFERED),
            bundles: !said.bundle().is_empty(),
        }
    }
}

/// Whether the first codec of an offer of ours is the one that all others of the call speak, of sound and of
/// pictures.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Led {
    /// Of sound.
    pub audio: bool,
    /// Of pictures.
    pub video: bool,
}

/// Who made the offer of an agreement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OfferingSide {
    /// This side.
    Us,
    /// The other side.
    Peer,
}

/// An offer and its answer: what is agreed follows of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AgreedDescriptions {
    /// What we said.
    pub ours: Arc<str>,
    /// What the peer said.
    pub theirs: Arc<[u8]>,
    /// Whose the offer was.
    pub offering: OfferingSide,
    /// Of an offer of ours, whether its first codec leads.
    pub led: Led,
}

impl AgreedDescriptions {
    /// What is agreed by them, where our media are at this address; nothing where they cannot be read.
    #[must_use]
    pub fn streams(&self, address: IpAddr) -> NegotiatedStreams {
        let both = (
            SessionDescription::parse(self.ours.as_bytes()),
            SessionDescription::parse(&self.theirs),
        );
        let (Ok(ours), Ok(theirs)) = both else { return NegotiatedStreams::default() };
        let (audio, video) = (place_of(&ours, Kind::Audio), place_of(&ours, Kind::Video));
        let stream = |kind, at: Option<usize>, unsaid| {
            Some((at?, OurStream::of_section((&ours, at?), kind, unsaid)?))
        };
        match self.offering {
            OfferingSide::Us => {
                NegotiatedStreams::accepted(OurOffer::of(&ours), &theirs, self.led, address)
            }
            OfferingSide::Peer => {
                let peer = PeerDescription::offering(&theirs, audio, video, address);
                let asked = |peer: &Option<PeerStream>| {
                    peer.as_ref().map(|peer| peer.feedback).unwrap_or_default()
                };
                let audio = stream(Kind::Audio, audio, asked(&peer.audio));
                let video = stream(Kind::Video, video, asked(&peer.video));
                let ours = |stream: Option<(usize, OurStream)>| stream.map(|(_, ours)| ours);
                NegotiatedStreams::answered(peer, ours(audio), ours(video))
            }
        }
    }
}

impl NegotiatedStreams {
    /// By our answer to their offer.
    #[must_use]
    pub fn answered(
        peer: PeerDescription,
        audio: Option<OurStream>,
        video: Option<OurStream>,
    ) -> Self {
        let stream = |peer: Option<PeerStream>, ours: Option<OurStream>| {
            let (peer, ours) = (peer?, ours?);
            Some(NegotiatedStream {
                section: peer.section,
                agreed: agree(&ours, &peer, false),
                ours,
                peer,
            })
        };
        let soundless = peer.is_soundless();
        let (audio, video) = (stream(peer.audio, audio), stream(peer.video, video));
        // Nothing is carried by nothing.
        let is_borne = |video: &NegotiatedStream| audio.is_some() || !video.ours.is_carried();
        let video = video.filter(is_borne);
        Self { audio, video, soundless }
    }

    /// By their answer to our offer, of which the first codec of each kind is `led` or not.
    #[must_use]
    pub fn accepted(
        offer: OurOffer,
        answer: &SessionDescription,
        led: Led,
        address: IpAddr,
    ) -> Self {
        let OurOffer { audio, video, bundles } = offer;
        let at = |place: &Option<(usize, OurStream)>| place.as_ref().map(|(at, _)| *at);
        let peer = PeerDescription::answering(answer, at(&audio), at(&video), address);
        let stream = |place: Option<(usize, OurStream)>, peer: Option<PeerStream>, led: bool| {
            let ((section, ours), peer) = (place?, peer?);
            // RFC 4568 §5.1.3: what was offered sealed is answered so, under the offered tag and with
            // the offered suite.
            let answers = |ours: &PeerCrypto, theirs: &PeerCrypto| {
                theirs.tag == ours.tag && theirs.keys.suite() == ours.keys.suite()
            };
            let named = |ours: &PeerCrypto| peer.keys.iter().any(|theirs| answers(ours, theirs));
            if !ours.crypto.as_ref().map_or(peer.keys.is_empty(), named)
                || ours.handshake.is_some() != peer.handshake.is_some()
            {
                return None;
            }
            let agreed = agree(&ours, &peer, led);
            agreed.first().filter(|first| first.sent.codec.is_primary())?;
            Some(NegotiatedStream { section, ours, peer, agreed })
        };
        // Who refuses G.711 has no sound at all, and not merely other codecs.
        let all_refused = audio.as_ref().is_none_or(|(_, ours)| ours.has_g711());
        let soundless = peer.is_soundless() && all_refused;
        let is_bundled = bundles && peer.bundles();
        let audio = stream(audio, peer.audio, led.audio);
        let video = stream(video, peer.video, led.video);
        let carrier = audio.as_ref().map(|audio: &NegotiatedStream| &audio.ours);
        let video = video.and_then(|video| video.bundled(carrier.filter(|_| is_bundled)));
        Self { audio, video, soundless }
    }

    /// Whether there is a call in it: sound, or pictures of a peer that wants no sound.
    #[must_use]
    pub fn carry_a_call(&self) -> bool {
        self.audio.is_some() || (self.soundless && self.video.is_some())
    }
}

impl NegotiatedStream {
    /// The stream on the transport of the carrier, where there is one; nothing where it cannot be on one of its own.
    fn bundled(self, carrier: Option<&OurStream>) -> Option<Self> {
        match carrier {
            Some(carrier) => Some(Self { ours: self.ours.carried_by(carrier), ..self }),
            None => Some(self).filter(|stream| !stream.ours.is_carried()),
        }
    }

    /// The codec in use.
    #[must_use]
    pub fn codec(&self) -> Option<Codec> {
        self.agreed.first().map(|agreed| agreed.sent.codec.clone())
    }

    /// The format in use, as the peer receives it.
    #[must_use]
    pub fn format(&self) -> Option<&PeerFormat> {
        self.agreed.first().map(|agreed| &agreed.sent)
    }

    /// What travels beside the codec in use, as the peer receives it.
    pub fn beside(&self) -> impl Iterator<Item = &PeerFormat> {
        self.agreed.iter().map(|agreed| &agreed.sent).filter(|sent| !sent.codec.is_primary())
    }

    /// Whether the peer takes keys as packets.
    #[must_use]
    pub fn has_events(&self) -> bool {
        self.beside().any(|format| matches!(format.codec, Codec::TelephoneEvent { .. }))
    }

    /// Our side with the codecs in use, to be offered once more. A hold was the peer's own and is
    /// not repeated: we offer both directions.
    #[must_use]
    pub fn offered_again(&self) -> OurStream {
        let formats = self.agreed.iter().map(|agreed| agreed.received.clone()).collect();
        OurStream { formats, direction: Direction::SendRecv, ..self.ours.clone() }
    }

    /// What we are in the handshake, where the keys are agreed on the way.
    #[must_use]
    pub fn role(&self) -> Option<DtlsRole> {
        Some(self.ours.handshake.as_ref()?.role(self.peer.handshake.as_ref()?))
    }

    /// Whether the stream is sealed, and under which keys; `keyed` are those of a handshake.
    #[must_use]
    pub fn protection(&self, keyed: Option<&HandshakeOutcome>) -> Protection {
        if let Some(theirs) = &self.peer.handshake {
            let proven = keyed.filter(|keyed| theirs.knows(&keyed.certificate));
            return proven.map_or(Protection::Awaited, |keyed| {
                let HandshakeKeys { sends, receives } = keyed.keys.clone();
                Protection::Keyed(Box::new(SrtpKeys { sends, receives }))
            });
        }
        self.keys().map_or(Protection::Clear, |keys| Protection::Keyed(Box::new(keys)))
    }

    fn keys(&self) -> Option<SrtpKeys> {
        let ours = self.ours.crypto.as_ref()?;
        let theirs = self.peer.keys.iter().find(|theirs| theirs.tag == ours.tag)?;
        Some(SrtpKeys { sends: ours.keys.clone(), receives: theirs.keys.clone() })
    }

    /// The peer does not want to receive: its own hold.
    #[must_use]
    pub fn is_held(&self) -> bool {
        !self.peer.direction.receives()
    }
}

/// Pairs our formats with the peer's, in the peer's order: it sends the first of an answer's, and
/// our answers hold one codec only. The same number counts first, then the same meaning. In front of all
/// stands the first of ours where it leads.
fn agree(ours: &OurStream, peer: &PeerStream, led: bool) -> Vec<AgreedCodec> {
    let mut agreed: Vec<AgreedCodec> = Vec::new();
    for sent in peer.formats.iter().chain(&peer.beside) {
        let known = |received: &&PeerFormat| agreed.iter().all(|a| a.received != **received);
        let left = || ours.formats.iter().filter(known);
        let received = left()
            .find(|f| f.number == sent.number && f.same(sent))
            .or_else(|| left().find(|f| f.answers(sent)))
            .or_else(|| left().find(|f| f.same(sent)));
        if let Some(received) = received {
            let (sent, received) = (sent.clone(), received.clone());
            agreed.push(AgreedCodec { sent, received });
        }
    }
    let leader = ours.formats.first().filter(|_| led);
    if let Some(at) = agreed.iter().position(|agreed| Some(&agreed.received) == leader) {
        agreed[..=at].rotate_right(1);
    }
    agreed
}
