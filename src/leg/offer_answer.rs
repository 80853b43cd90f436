//! Offer and answer of one leg (RFC 3264, RFC 6337): what was said, and what is agreed.
//!
//! ```text
//!             ┌── their offer ──▶ Asked ──── our answer ────┐
//!   Quiet ────┤                                             ├──▶ Quiet, with what is agreed now
//!             └── our offer ────▶ Offered ── their answer ──┘
//!                                   └── refused ──▶ Quiet, with what was agreed before (RFC 6141)
//! ```
//!
//! Glare: their offer in `Offered` gets 491, their second offer in `Asked` gets 500
//! (RFC 3311 §5.2). The order of sections never changes, only their number grows.

use super::agreement::{
    AgreedDescriptions, Led, NegotiatedStream, NegotiatedStreams, OfferingSide, OurOffer,
};
use super::description::Description;
use super::formats::{self, PeerFormat};
use super::handshake::OurHandshake;
use super::ice;
use super::our_stream::{OurStream, is_idle, media_kind};
use super::peer::PeerDescription;
use crate::codec::Kind;
use crate::sdp::{Attribute, MediaDescription, SessionDescription};
use crate::sip::MediaAddress;
use std::sync::Arc;

// One for each leg, and most of the time it is small.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
pub(super) enum OfferAnswerState {
    Quiet,
    Asked(Box<TheirOffer>),
    Offered(Box<OurOffer>),
}

/// Their offer that waits for our answer.
#[derive(Clone, Debug)]
pub(super) struct TheirOffer {
    pub(super) text: Arc<[u8]>,
    peer: PeerDescription,
    /// What our answer says.
    media: MediaAddress,
}

/// The negotiation of one leg.
#[derive(Clone, Debug)]
pub struct Negotiation {
    pub(super) id: u64,
    /// What our descriptions say.
    pub(super) media: MediaAddress,
    pub(super) state: OfferAnswerState,
    /// The last description that left, agreed or not, shared with the message that took it: the next one
    /// differs in version from it.
    pub(super) said: Option<Arc<str>>,
    /// Its version.
    pub(super) version: u64,
    /// Every format that a section of ours has named.
    pub(super) named: Named,
    pub(super) led: Led,
    /// Of which descriptions `streams` follows.
    pub(super) agreed: Option<AgreedDescriptions>,
    pub(super) streams: NegotiatedStreams,
}

/// Formats per kind of stream; bounded, since a peer may offer new ones for ever.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Named {
    /// Of sound.
    pub audio: Vec<PeerFormat>,
    /// Of pictures.
    pub video: Vec<PeerFormat>,
}

/// The largest that the header of RTP has room for.
const PAYLOAD_TYPE_MAX: u8 = 127;
/// The most formats of one kind that a leg remembers.
const NAMED_MAX: usize = 32;

impl Negotiation {
    /// Nothing said yet. The session id is random, so that no two legs share one (RFC 8866 §5.2).
    #[must_use]
    pub fn new(id: u64, media: MediaAddress) -> Self {
        // Phones read id and version as signed numbers of 64 bits, some of 32.
        let id = id & 0x7fff_ffff;
        Self {
            id,
            media,
            state: OfferAnswerState::Quiet,
            said: None,
            version: 1,
            named: Named::default(),
            led: Led::default(),
            agreed: None,
            streams: NegotiatedStreams::default(),
        }
    }

    /// What is agreed now.
    #[must_use]
    pub fn streams(&self) -> &NegotiatedStreams {
        &self.streams
    }

    /// Their offer that waits for our answer.
    #[must_use]
    pub fn asked(&self) -> Option<&PeerDescription> {
        match &self.state {
            OfferAnswerState::Asked(offer) => Some(&offer.peer),
            OfferAnswerState::Quiet | OfferAnswerState::Offered(_) => None,
        }
    }

    /// The last description that left.
    #[must_use]
    pub fn said(&self) -> Option<Arc<str>> {
        self.said.clone()
    }

    /// What the peer said of that which is agreed.
    #[must_use]
    pub fn theirs(&self) -> Option<Arc<[u8]>> {
        self.agreed.as_ref().map(|agreed| Arc::clone(&agreed.theirs))
    }

    /// Whether no offer is open.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        matches!(self.state, OfferAnswerState::Quiet)
    }

    /// Whether our offer waits for their answer.
    #[must_use]
    pub fn is_offering(&self) -> bool {
        matches!(self.state, OfferAnswerState::Offered(_))
    }

    /// Takes their offer.
    ///
    /// # Errors
    /// The status to refuse it with: an offer is open already.
    pub fn take_offer(&mut self, offer: &Description) -> Result<&PeerDescription, u16> {
        self.take_offer_at(offer, self.media)
    }

    /// Takes an offer of theirs that came by this address of ours. Where it begins ICE anew it is answered with that one, for
    /// the peer may be in another network (RFC 8839 §4.4.1.1.1); else ours stays.
    ///
    /// # Errors
    /// As [`take_offer`](Self::take_offer).
    pub fn take_new_offer(
        &mut self,
        offer: &Description,
        reached: MediaAddress,
    ) -> Result<&PeerDescription, u16> {
        let begins_anew = |stream: &NegotiatedStream| {
            let section = offer.session.media.get(stream.section);
            let theirs = section.and_then(|media| ice::credentials(&offer.session, media));
            theirs.is_some() && stream.peer.ice.is_some() && theirs != stream.peer.ice
        };
        let in_use = [&self.streams.audio, &self.streams.video];
        let is_anew = in_use.into_iter().flatten().any(begins_anew);
        self.take_offer_at(offer, if is_anew { reached } else { self.media })
    }

    fn take_offer_at(
        &mut self,
        offer: &Description,
        media: MediaAddress,
    ) -> Result<&PeerDescription, u16> {
        match self.state {
            OfferAnswerState::Offered(_) => return Err(491),
            OfferAnswerState::Asked(_) => return Err(500),
            OfferAnswerState::Quiet => {}
        }
        let in_use =
            |stream: &Option<NegotiatedStream>| stream.as_ref().map(|stream| stream.section);
        let (audio, video) = (in_use(&self.streams.audio), in_use(&self.streams.video));
        let peer = PeerDescription::offering(&offer.session, audio, video, media.told);
        let text = Arc::clone(&offer.text);
        self.state = OfferAnswerState::Asked(Box::new(TheirOffer { text, peer, media }));
        Ok(self.asked().expect("the offer was stored in the line above"))
    }

    /// Forgets their offer, which is refused, or ours, which they refused: what was agreed holds.
    pub fn withdraw(&mut self) {
        self.state = OfferAnswerState::Quiet;
    }

    /// Answers their offer. A stream for which we give nothing is refused.
    ///
    /// # Panics
    /// When no offer of theirs is open.
    #[must_use]
    pub fn answer(&mut self, audio: Option<OurStream>, video: Option<OurStream>) -> Arc<str> {
        let state = std::mem::replace(&mut self.state, OfferAnswerState::Quiet);
        let OfferAnswerState::Asked(offer) = state else { panic!("an answer has an offer") };
        let TheirOffer { text: theirs, mut peer, media } = *offer;
        self.media = media;
        audio.iter().for_each(|ours| remember(ours, &mut self.named.audio));
        video.iter().for_each(|ours| remember(ours, &mut self.named.video));
        let sections = std::mem::take(&mut peer.sections);
        let mut bundle = std::mem::take(&mut peer.bundle);
        let tagged = peer.tagged.take();
        self.streams = NegotiatedStreams::answered(peer, audio, video);
        let in_use = [(Kind::Audio, &self.streams.audio), (Kind::Video, &self.streams.video)];
        let streams = in_use.into_iter().filter_map(|(kind, stream)| {
            stream.as_ref().map(|stream| (stream.section, stream.ours.to_section(kind)))
        });
        let mut streams: Vec<_> = streams.collect();
        let is_carried = self.streams.video.as_ref().is_some_and(|video| video.ours.is_carried());
        // One alone is a group, too: a browser of max-bundle takes no answer without (RFC 9143 §7.3).
        let is_one = streams.len() == 1 || is_carried;
        let is_met = |name: &str| streams.iter().any(|(_, media)| media.mid() == Some(name));
        bundle.retain(|name| is_one && is_met(name));
        // RFC 9143 §7.3.1 lets us refuse the first section of a group and name another first. Chromium 156 takes no other
        // with max-bundle, which its offer does not show: what we refuse there is answered as a section in which nothing goes.
        let is_new = |at: usize| streams.iter().all(|(taken, _)| *taken != at);
        if let Some((at, section)) = tagged.filter(|(at, _)| !bundle.is_empty() && is_new(*at))
            && let Some(carrier) = self.streams.audio.as_ref().or(self.streams.video.as_ref())
        {
            bundle.splice(..0, section.mid().map(Box::from));
            streams.push((at, carrier.ours.idle(&section)));
        }
        let session = self.describe(sections, streams, &bundle);
        let ours = self.say(session);
        let (offering, led) = (OfferingSide::Peer, Led::default());
        self.agreed = Some(AgreedDescriptions { ours: Arc::clone(&ours), theirs, offering, led });
        ours
    }

    /// From now on the first codec of an offer of ours is what is sent wherever the answer has it, whatever
    /// the answer has before it: where all hold one codec no switch changes what a leg gets.
    pub fn lead(&mut self, led: Led) {
        self.led = led;
    }

    /// Makes an offer of ours. A stream for which we give nothing stays out, or is refused where
    /// it was in use.
    #[must_use]
    pub fn offer(&mut self, audio: Option<OurStream>, video: Option<OurStream>) -> Arc<str> {
        let numbered = |ours: Option<OurStream>, named: &mut Vec<PeerFormat>, taken: &[u8]| {
            let mut ours = ours?;
            formats::number(&mut ours.formats, named, taken);
            remember(&ours, named);
            Some(ours)
        };
        let bundles = self.may_bundle(audio.as_ref(), video.as_ref());
        let said = self.said.as_ref().and_then(|s| SessionDescription::parse(s.as_bytes()).ok());
        let said = said.iter().flat_map(|said| &said.media);
        let idle = said.clone().enumerate().filter(|(_, media)| bundles && is_idle(media));
        // On one transport a number has one meaning (RFC 9143 §10.1.2).
        let of_idle = idle.clone().flat_map(|(_, media)| &media.formats);
        let of_idle = of_idle.filter_map(|format| format.parse().ok());
        let mut taken: Vec<u8> = of_idle.filter(|number| *number <= PAYLOAD_TYPE_MAX).collect();
        let audio = numbered(audio, &mut self.named.audio, &taken);
        let of_sound = audio.iter().filter(|_| bundles).flat_map(|ours| &ours.formats);
        taken.extend(of_sound.map(|format| format.number));
        let video = numbered(video, &mut self.named.video, &taken);
        let sections: Vec<MediaDescription> = said.map(MediaDescription::refusal).collect();
        let mut next = sections.len();
        let mut place = |kind: Kind, ours: Option<OurStream>, stream: &Option<NegotiatedStream>| {
            let ours = ours?;
            // A section that was refused may be used again for its kind (RFC 3264 §8.1).
            let old = sections.iter().position(|section| section.kind == media_kind(kind));
            let at = stream.as_ref().map(|stream| stream.section).or(old).unwrap_or_else(|| {
                next += 1;
                next - 1
            });
            Some((at, ours))
        };
        let mut audio = place(Kind::Audio, audio, &self.streams.audio);
        let mut video = place(Kind::Video, video, &self.streams.video);
        for (at, ours) in audio.iter_mut().chain(&mut video) {
            if let Some(handshake) = &mut ours.handshake {
                *handshake = OurHandshake::offered(handshake.fingerprint);
                ours.mid.get_or_insert_with(|| unused_mid(*at, &sections));
            }
        }
        let print_at = |kind, place: &Option<(usize, OurStream)>| {
            place.as_ref().map(|(at, ours)| (*at, ours.to_section(kind)))
        };
        let streams = [print_at(Kind::Audio, &audio), print_at(Kind::Video, &video)];
        let mut streams: Vec<_> = streams.into_iter().flatten().collect();
        if let Some((_, carrier)) = audio.as_ref().or(video.as_ref()) {
            let is_new = |at: usize| streams.iter().all(|(taken, _)| *taken != at);
            let idle = idle.filter(|(at, _)| is_new(*at));
            let idle: Vec<_> = idle.map(|(at, media)| (at, carrier.idle(media))).collect();
            streams.extend(idle);
        }
        streams.sort_by_key(|(at, _)| *at);
        let named = streams.iter().filter(|_| bundles).filter_map(|(_, media)| media.mid());
        let bundle: Vec<Box<str>> = named.map(Box::from).collect();
        self.state = OfferAnswerState::Offered(Box::new(OurOffer { audio, video, bundles }));
        let session = self.describe(sections, streams, &bundle);
        self.say(session)
    }

    /// Whether an offer of these lets the peer have them on one transport: what is on two stays there.
    fn may_bundle(&self, audio: Option<&OurStream>, video: Option<&OurStream>) -> bool {
        let mut all = audio.iter().chain(&video).peekable();
        let is_alone = audio.is_none() || video.is_none();
        let apart = self.streams.video.as_ref().is_some_and(|video| !video.ours.is_carried());
        all.peek().is_some() && all.all(|ours| ours.handshake.is_some()) && (is_alone || !apart)
    }

    /// Our stream of this kind in an offer that waits for its answer.
    #[must_use]
    pub fn offered(&self, kind: Kind) -> Option<&OurStream> {
        let OfferAnswerState::Offered(offer) = &self.state else { return None };
        let place = match kind {
            Kind::Audio => &offer.audio,
            Kind::Video => &offer.video,
        };
        place.as_ref().map(|(_, ours)| ours)
    }

    /// Takes their answer to our offer. Without an open offer it is a repetition, and nothing
    /// changes.
    pub fn take_answer(&mut self, answer: &Description) {
        let state = std::mem::replace(&mut self.state, OfferAnswerState::Quiet);
        let OfferAnswerState::Offered(offer) = state else {
            self.state = state;
            return;
        };
        let ours = self.said.clone().expect("what was offered was said");
        self.streams =
            NegotiatedStreams::accepted(*offer, &answer.session, self.led, self.media.told);
        let (theirs, offering) = (Arc::clone(&answer.text), OfferingSide::Us);
        self.agreed = Some(AgreedDescriptions { ours, theirs, offering, led: self.led });
    }

    fn describe(
        &self,
        mut sections: Vec<MediaDescription>,
        streams: Vec<(usize, MediaDescription)>,
        bundle: &[Box<str>],
    ) -> SessionDescription {
        let group = Attribute::new("group", format!("BUNDLE {}", bundle.join(" ")));
        let group = Some(group).filter(|_| !bundle.is_empty());
        let first = |media: &MediaDescription| media.mid() == bundle.first().map(|name| &**name);
        let carrier = streams.iter().find(|(_, media)| !bundle.is_empty() && first(media));
        let carrier = carrier.map(|(_, media)| media.port);
        for (at, media) in streams {
            if at < sections.len() {
                sections[at] = media;
            } else {
                sections.push(media);
            }
        }
        let mut session = SessionDescription::new(self.id, 1, self.media.told);
        for media in &mut sections {
            let addresses = (self.media.told, self.media.beside);
            if let Some(candidates) = ice::candidates(media, addresses) {
                // One transport has its addresses in one place, the first section of its bundle.
                if carrier != Some(media.port) || first(media) {
                    media.attributes.extend(candidates);
                }
                session.attributes = vec![Attribute::flag("ice-lite")];
            }
        }
        session.attributes.extend(group);
        SessionDescription { media: sections, ..session }
    }

    /// Gives a description its version: one more than the last, or the last where both say the
    /// same (RFC 3264 §8).
    fn say(&mut self, mut session: SessionDescription) -> Arc<str> {
        session.origin.version = self.version;
        let mut text = session.to_string();
        if let Some(said) = &self.said {
            if **said == *text {
                return Arc::clone(said);
            }
            self.version += 1;
            session.origin.version = self.version;
            text = session.to_string();
        }
        Arc::clone(self.said.insert(text.into()))
    }
}

/// A name for a new section of ours: its place, unless another has that name.
fn unused_mid(at: usize, sections: &[MediaDescription]) -> Box<str> {
    let is_free = |mid: &String| sections.iter().all(|section| section.mid() != Some(mid));
    let all = (at..).map(|number| number.to_string());
    all.take(sections.len() + 1).find(is_free).unwrap_or_default().into()
}

/// Notes what the numbers of a section mean. Those of a peer's offer are the peer's to choose.
pub(super) fn remember(ours: &OurStream, named: &mut Vec<PeerFormat>) {
    for format in &ours.formats {
        named.retain(|known| known.number != format.number && !known.answers(format));
        named.push(format.clone());
    }
    let surplus = named.len().saturating_sub(NAMED_MAX);
    named.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use super::super::formats::Capabilities;
    use super::super::our_stream::FORMATS_MAX;
    use super::super::streams::{self, CodecPreference};
    use super::*;
    use crate::codec::Codec;
    use crate::ids::PortId;
    use crate::sdp::Direction;
    use crate::srtp::Seed;
    use proptest::prelude::*;

    const AUDIO: PortId = PortId(20000);
    const VIDEO: PortId = PortId(20002);

    /// Sections in short: `audio 4000 0 8 101:telephone-event/8000; video 4002 97:H264/90000
    /// a=sendonly; text 0 98`.
    fn sdp(sections: &str) -> Description {
        let mut text =
            "v=0\r\no=- 7 7 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n".to_owned();
        for section in sections.split(';').map(str::trim).filter(|s| !s.is_empty()) {
            let (mut formats, mut attributes) = (String::new(), String::new());
            let mut words = section.split_whitespace();
            let (kind, port) = (words.next().unwrap(), words.next().unwrap());
            for word in words {
                let (number, map) = word.split_once(':').unwrap_or((word, ""));
                if word.contains('=') {
                    attributes += &format!("{}\r\n", word.replace('_', " "));
                } else {
                    formats += &format!(" {number}");
                    if !map.is_empty() {
                        attributes += &format!("a=rtpmap:{number} {map}\r\n");
                    }
                }
            }
            text += &format!("m={kind} {port} RTP/AVP{formats}\r\n{attributes}");
        }
        Description::read(&text.into_bytes().into()).unwrap()
    }

    /// The same with a change.
    fn changed(sections: &str, change: impl FnOnce(&mut SessionDescription)) -> Description {
        let mut session = sdp(sections).session;
        change(&mut session);
        Description::read(&session.to_string().into_bytes().into()).unwrap()
    }

    fn read(text: &str) -> SessionDescription {
        SessionDescription::parse(text.as_bytes()).unwrap()
    }

    /// The sections of a description in the same notation, without what every one has.
    fn short(session: &SessionDescription) -> String {
        let section = |media: &MediaDescription| {
            let mut words = format!("{} {}", media.kind, media.port);
            for map in media.rtpmaps() {
                words += &format!(" {}:{}/{}", map.payload_type, map.encoding, map.clock_rate);
            }
            let direction = media.stated_direction(session);
            if media.port != 0 && direction != Direction::SendRecv {
                words += &format!(" a={}", direction.word());
            }
            words
        };
        session.media.iter().map(section).collect::<Vec<_>>().join("; ")
    }

    fn leg() -> Negotiation {
        Negotiation::new(1, MediaAddress { told: [192, 0, 2, 1].into(), local: None, beside: None })
    }

    /// Our answer, on the port 20000 for audio and 20002 for video.
    fn answer(negotiation: &mut Negotiation, prefer: &[Codec]) -> SessionDescription {
        let seed = Seed([1; 46]);
        let wish = CodecPreference { partner: None, prefer, before: None, seed, fingerprint: None };
        let peer = negotiation.asked().unwrap().clone();
        let audio = peer.audio.and_then(|peer| streams::answer_audio(&peer, AUDIO, wish));
        let video = peer.video.and_then(|peer| streams::answer_video(&peer, VIDEO, wish));
        read(&negotiation.answer(audio, video))
    }

    fn answered(offer: &str, prefer: &[Codec]) -> String {
        let mut negotiation = leg();
        negotiation.take_offer(&sdp(offer)).unwrap();
        short(&answer(&mut negotiation, prefer))
    }

    fn offer(negotiation: &mut Negotiation, capabilities: &Capabilities) -> SessionDescription {
        let audio = streams::offer_audio(capabilities, AUDIO);
        let video =
            (!capabilities.video.is_empty()).then(|| streams::offer_video(capabilities, VIDEO));
        read(&negotiation.offer(Some(audio), video))
    }

    #[test]
    fn a_caller_is_answered_with_one_codec_of_each_kind() {
        let offer = "audio 4000 96:opus/48000/2 9 8 0 101:telephone-event/8000; video 4002 97:VP8/90000 98:H264/90000";
        assert_eq!(
            answered(offer, &[]),
            "audio 20000 8:PCMA/8000 101:telephone-event/8000; video 20002 98:H264/90000"
        );
        assert_eq!(
            answered(offer, &[Codec::G722, Codec::Opus, Codec::Vp8]),
            "audio 20000 96:opus/48000 101:telephone-event/8000; video 20002 97:VP8/90000",
            "what the partners prefer, in the caller's order"
        );
    }

    #[test]
    fn what_cannot_be_carried_is_refused_in_its_place() {
        assert_eq!(
            answered(
                "text 4004 98:t140/1000; audio 4000 0; audio 4006 0; video 4002 99:rtx/90000",
                &[]
            ),
            "text 0; audio 20000 0:PCMU/8000; audio 0 0:PCMU/8000; video 0"
        );
        let secure = changed("audio 4000 0; video 4002 97:H264/90000", |session| {
            session.media.iter_mut().for_each(|media| media.protocol = "RTP/SAVP".into());
        });
        let mut negotiation = leg();
        let peer = negotiation.take_offer(&secure).unwrap();
        assert_eq!((&peer.audio, &peer.video), (&None, &None));
        assert_eq!(short(&answer(&mut negotiation, &[])), "audio 0 0:PCMU/8000; video 0");
    }

    #[test]
    fn no_sections_are_answered_with_none() {
        assert_eq!(answered("", &[]), "");
    }

    #[test]
    fn a_hold_by_direction_or_by_address_is_answered_per_stream() {
        let held = |offer: &str| {
            let mut negotiation = leg();
            negotiation.take_offer(&sdp(offer)).unwrap();
            let answer = short(&answer(&mut negotiation, &[]));
            (answer, negotiation.streams().audio.as_ref().unwrap().is_held())
        };
        assert_eq!(
            held("audio 4000 0 a=sendonly"),
            ("audio 20000 0:PCMU/8000 a=recvonly".to_owned(), true)
        );
        assert_eq!(
            held("audio 4000 0 a=inactive"),
            ("audio 20000 0:PCMU/8000 a=inactive".to_owned(), true)
        );
        assert_eq!(
            held("audio 4000 0 a=recvonly"),
            ("audio 20000 0:PCMU/8000 a=sendonly".to_owned(), false)
        );
        let nowhere = changed("audio 4000 0", |session| {
            session.connection.as_mut().unwrap().address =
                crate::sdp::ConnectionHost::Ip([0, 0, 0, 0].into());
        });
        let mut negotiation = leg();
        negotiation.take_offer(&nowhere).unwrap();
        assert_eq!(short(&answer(&mut negotiation, &[])), "audio 20000 0:PCMU/8000 a=recvonly");
        assert!(negotiation.streams().audio.as_ref().unwrap().is_held());
    }

    #[test]
    fn the_version_rises_with_a_change_only_and_the_id_never_changes() {
        let mut negotiation = leg();
        let mut round = |offer: &str| {
            negotiation.take_offer(&sdp(offer)).unwrap();
            let origin = answer(&mut negotiation, &[]).origin;
            (origin.id, origin.version)
        };
        assert_eq!(round("audio 4000 0"), (1, 1));
        assert_eq!(round("audio 4010 0"), (1, 1), "their port is not our change");
        assert_eq!(round("audio 4010 0 a=sendonly"), (1, 2));
        assert_eq!(round("audio 4010 0"), (1, 3));
    }

    #[test]
    fn an_open_offer_meets_no_other() {
        let mut negotiation = leg();
        negotiation.take_offer(&sdp("audio 4000 0")).unwrap();
        assert_eq!(negotiation.take_offer(&sdp("audio 4000 0")).err(), Some(500));
        let _ = answer(&mut negotiation, &[]);
        let _ = offer(&mut negotiation, &streams::everything());
        assert_eq!(negotiation.take_offer(&sdp("audio 4000 0")).err(), Some(491), "glare");
        negotiation.withdraw();
        assert!(negotiation.take_offer(&sdp("audio 4000 0")).is_ok());
    }

    #[test]
    fn a_refused_offer_leaves_what_was_agreed() {
        let mut negotiation = leg();
        negotiation.take_offer(&sdp("audio 4000 0")).unwrap();
        let _ = answer(&mut negotiation, &[]);
        let before = negotiation.streams().clone();
        let _ = offer(&mut negotiation, &streams::everything());
        negotiation.withdraw();
        assert_eq!(negotiation.streams(), &before);
        let again = offer(&mut negotiation, &streams::in_use(before.audio.as_ref(), None));
        assert_eq!(again.origin.version, 3, "the refused offer had a version, too");
    }

    #[test]
    fn an_offer_of_ours_repeats_the_sections_that_were_refused() {
        let mut negotiation = leg();
        negotiation.take_offer(&sdp("text 4004 98:t140/1000; audio 4000 0")).unwrap();
        let _ = answer(&mut negotiation, &[]);
        let capabilities = Capabilities { video: vec![], ..streams::everything() };
        let offer = offer(&mut negotiation, &capabilities);
        assert!(short(&offer).starts_with("text 0; audio 20000 8:PCMA/8000"));
        assert_eq!(offer.media.len(), 2);
    }

    #[test]
    fn an_answer_may_number_its_formats_otherwise() {
        let mut negotiation = leg();
        let _ = offer(&mut negotiation, &streams::everything());
        negotiation.take_answer(&sdp(
            "audio 4000 100:opus/48000/2 110:telephone-event/48000; video 0 97:H264/90000",
        ));
        let audio = negotiation.streams().audio.clone().unwrap();
        assert_eq!(audio.codec(), Some(Codec::Opus));
        assert_eq!((audio.agreed[0].sent.number, audio.agreed[0].received.number), (100, 96));
        assert_eq!(negotiation.streams().video, None);
    }

    #[test]
    fn an_answer_without_our_codecs_or_sections_agrees_on_nothing() {
        for answer in [
            "audio 4000 98:AMR/8000",
            "",
            "video 4000 97:H264/90000",
            "audio 0 0",
            "audio 4000 101:telephone-event/8000",
        ] {
            let mut negotiation = leg();
            let _ = offer(&mut negotiation, &streams::everything());
            negotiation.take_answer(&sdp(answer));
            assert_eq!(negotiation.streams(), &NegotiatedStreams::default(), "{answer}");
        }
    }

    fn section() -> impl Strategy<Value = String> {
        let kind = prop::sample::select(vec!["audio", "video", "text", "application"]);
        let port = prop::sample::select(vec![0_u16, 4000, 65535]);
        let format = prop::sample::select(vec![
            "0",
            "8",
            "9",
            "13",
            "18",
            "34",
            "96:opus/48000/2",
            "97:H264/90000",
            "98:VP8/90000",
            "101:telephone-event/8000",
            "102:telephone-event/48000",
            "127:foo/16000",
            "200:x/1",
            "99:rtx/90000",
            "a=inactive",
            "a=sendonly",
            "a=rtcp-mux",
            "a=fmtp:97_profile-level-id=64001f",
            "a=rtcp-fb:*_nack",
        ]);
        (kind, port, prop::collection::vec(format, 0..8))
            .prop_map(|(kind, port, formats)| format!("{kind} {port} {}", formats.join(" ")))
    }

    proptest! {
        #[test]
        fn an_answer_fits_its_offer(sections in prop::collection::vec(section(), 0..6)) {
            let offer = sdp(&sections.join(";"));
            let mut negotiation = leg();
            negotiation.take_offer(&offer).unwrap();
            let answer = answer(&mut negotiation, &[Codec::Opus]);
            prop_assert_eq!(answer.media.len(), offer.session.media.len());
            let mut used = 0;
            for (ours, theirs) in answer.media.iter().zip(&offer.session.media) {
                prop_assert_eq!(&ours.kind, &theirs.kind);
                prop_assert_eq!(&ours.protocol, &theirs.protocol);
                prop_assert!(theirs.port != 0 || ours.port == 0, "a refused stream stays refused");
                if ours.port == 0 {
                    continue;
                }
                used += 1;
                prop_assert!(ours.formats.iter().all(|format| theirs.formats.contains(format)));
                let primary = ours.rtpmaps().filter(|map| map.encoding != "telephone-event").count();
                prop_assert_eq!(primary, 1, "exactly one codec");
                let (ours, theirs) = (ours.direction(&answer), theirs.direction(&offer.session));
                prop_assert_eq!(ours.reversed().intersection(theirs), ours.reversed());
            }
            prop_assert!(used <= 2);
            let printed = answer.to_string();
            prop_assert_eq!(SessionDescription::parse(printed.as_bytes()).unwrap().to_string(), printed);
        }

        #[test]
        fn an_offer_of_what_a_peer_can_has_valid_numbers(sections in prop::collection::vec(section(), 1..4)) {
            let mut negotiation = leg();
            let capabilities = negotiation.take_offer(&sdp(&sections.join(";"))).unwrap().capabilities();
            let offer = offer(&mut leg(), &capabilities);
            for media in &offer.media {
                let mut numbers: Vec<u8> = media.rtpmaps().map(|map| map.payload_type).collect();
                prop_assert!(numbers.len() <= FORMATS_MAX && numbers.iter().all(|n| *n < 128));
                prop_assert_eq!(numbers.len(), media.formats.len());
                numbers.sort_unstable();
                numbers.dedup();
                prop_assert_eq!(numbers.len(), media.formats.len(), "no number twice");
            }
        }

        #[test]
        fn no_answer_of_a_peer_breaks_us(sections in prop::collection::vec(section(), 0..6)) {
            let mut negotiation = leg();
            let _ = offer(&mut negotiation, &streams::everything());
            negotiation.take_answer(&sdp(&sections.join(";")));
            for stream in [&negotiation.streams().audio, &negotiation.streams().video].into_iter().flatten() {
                prop_assert!(stream.codec().is_some_and(|codec| codec.is_primary()));
            }
            let again = read(&negotiation.offer(None, None));
            prop_assert!(again.media.len() >= 2);
        }
    }
}
