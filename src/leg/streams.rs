//! Our side of the streams: what we answer a peer's with, and what we offer.

use super::agreement::NegotiatedStream;
use super::formats::{self, Capabilities, PeerFormat};
use super::handshake::OurHandshake;
use super::our_stream::{FORMATS_MAX, OurStream};
use super::peer::{PeerCrypto, PeerFeedback, PeerStream};
use crate::codec::{Codec, Kind};
use crate::dtls::Fingerprint;
use crate::ids::PortId;
use crate::sdp::Direction;
use crate::srtp::{MasterKey, Seed, Suite};
use crate::stun::IceCredentials;
use std::collections::BTreeSet;

/// How an answer chooses: the partner's stream, if there is one, and the codecs to prefer.
#[derive(Clone, Copy, Debug)]
pub struct CodecPreference<'a> {
    /// What the other party speaks.
    pub partner: Option<&'a NegotiatedStream>,
    /// What the likely partners speak.
    pub prefer: &'a [Codec],
    /// The stream as it was agreed so far: a key of ours that is in use stays.
    pub before: Option<&'a NegotiatedStream>,
    /// Of which a fresh key is made.
    pub seed: Seed,
    /// Of our certificate; none where this house has no DTLS.
    pub fingerprint: Option<Fingerprint>,
}

/// The answer to a peer's audio: one codec, and telephone-event if it is offered.
#[must_use]
pub fn answer_audio(
    peer: &PeerStream,
    port: PortId,
    wish: CodecPreference<'_>,
) -> Option<OurStream> {
    let partner = wish.partner.and_then(NegotiatedStream::format);
    let chosen = formats::choose_audio(&peer.formats, partner, wish.prefer)?;
    let handshake = our_handshake(peer, &wish)?;
    let event = formats::event_for(&peer.beside, &chosen.codec);
    // Comfort noise goes through only where both sides have it (media-rules 3).
    let both = |noise: &&PeerFormat| {
        wish.partner.is_some_and(|partner| partner.agreed.iter().any(|a| a.sent.same(noise)))
    };
    let noise = formats::noise_for(&peer.beside, &chosen.codec).filter(both);
    let format = chosen.answered_for(partner);
    let mut ours = OurStream { handshake, ..answer(peer, port, format, &wish) };
    ours.formats.extend(event.into_iter().chain(noise).map(|format| format.answered_for(None)));
    Some(ours)
}

/// The answer to a peer's video: one codec.
#[must_use]
pub fn answer_video(
    peer: &PeerStream,
    port: PortId,
    wish: CodecPreference<'_>,
) -> Option<OurStream> {
    let partner = wish.partner.and_then(NegotiatedStream::format);
    let chosen = formats::choose_video(&peer.formats, partner, wish.prefer)?;
    let handshake = our_handshake(peer, &wish)?;
    let bandwidth = wish.partner.map(|partner| partner.peer.bandwidth.clone()).unwrap_or_default();
    let format = chosen.answered_for(partner);
    Some(OurStream { bandwidth, handshake, ..answer(peer, port, format, &wish) })
}

/// The answer to audio that carries nothing: a desk's control dialog (operator-desk.md).
#[must_use]
pub fn answer_inactive(
    peer: &PeerStream,
    port: PortId,
    (seed, fingerprint): (Seed, Option<Fingerprint>),
) -> Option<OurStream> {
    let chosen = formats::choose_audio(&peer.formats, None, &[])?;
    let wish = CodecPreference { partner: None, prefer: &[], before: None, seed, fingerprint };
    let handshake = our_handshake(peer, &wish)?;
    let ours = answer(peer, port, chosen.answered_for(None), &wish);
    Some(OurStream { direction: Direction::Inactive, handshake, ..ours })
}

fn answer(
    peer: &PeerStream,
    port: PortId,
    format: PeerFormat,
    wish: &CodecPreference<'_>,
) -> OurStream {
    let PeerFeedback { pli, fir, remb, tmmbr } = peer.feedback;
    OurStream {
        port,
        protocol: peer.protocol.clone(),
        formats: vec![format],
        // RFC 3264 §6.1: never more than they offered. Their hold is answered by recvonly.
        direction: peer.direction.reversed(),
        mux: peer.mux,
        feedback: PeerFeedback { pli, fir, remb, tmmbr },
        packet_ms: peer.packet_ms,
        bandwidth: vec![],
        crypto: peer.keys.first().map(|theirs| our_key(theirs, wish)),
        handshake: None,
        mid: peer.mid.clone(),
        ice: peer.ice.as_ref().map(|theirs| our_ice(theirs, wish)),
    }
}

/// Our key in answer to theirs: the one in use, so that its indices go on (media rule 12), else a
/// fresh one. Where packets of theirs name their key ours do, too, by the same name.
fn our_key(theirs: &PeerCrypto, wish: &CodecPreference<'_>) -> PeerCrypto {
    let (suite, mki) = (theirs.keys.suite(), theirs.keys.mki());
    let before = wish.before.and_then(|stream| stream.ours.crypto.as_ref());
    let keys = match before {
        Some(ours) if (ours.keys.suite(), ours.keys.mki()) == (suite, mki) => ours.keys.clone(),
        Some(_) | None => MasterKey::fresh(suite, wish.seed).named(mki),
    };
    PeerCrypto { tag: theirs.tag, keys }
}

/// Our side of the handshake in answer to theirs, if they want one; none at all where they do and we cannot.
fn our_handshake(peer: &PeerStream, wish: &CodecPreference<'_>) -> Option<Option<OurHandshake>> {
    let Some(theirs) = &peer.handshake else { return Some(None) };
    let before = wish.before.and_then(NegotiatedStream::role);
    let fingerprint = wish.fingerprint?;
    Some(Some(OurHandshake::answering(fingerprint, theirs, before)))
}

/// Our name and password in answer to theirs: those in use, unless they begin anew (RFC 8839 §4.4.1.1.1).
fn our_ice(theirs: &IceCredentials, wish: &CodecPreference<'_>) -> IceCredentials {
    let goes_on = |before: &&NegotiatedStream| before.peer.ice.as_ref() == Some(theirs);
    let before = wish.before.filter(goes_on).and_then(|stream| stream.ours.ice.clone());
    before.unwrap_or_else(|| IceCredentials::fresh(&wish.seed.0))
}

/// An offer of audio with these capabilities.
#[must_use]
pub fn offer_audio(capabilities: &Capabilities, port: PortId) -> OurStream {
    let mut all = distinct(&capabilities.audio);
    // One telephone-event for each clock in use, also where the caller has none: its keys may come
    // by INFO.
    let rates: BTreeSet<u32> = all.iter().map(|format| format.codec.clock_rate()).collect();
    for clock_rate in rates.into_iter().take(CLOCK_RATES_MAX) {
        let event = Codec::TelephoneEvent { clock_rate };
        let known = capabilities.beside.iter().find(|format| format.codec == event);
        all.push(PeerFormat::event(clock_rate, known.map_or(EVENT_NUMBER, |known| known.number)));
    }
    let noise = Codec::ComfortNoise { clock_rate: 8000 };
    all.extend(capabilities.beside.iter().find(|format| format.codec == noise).cloned());
    offer(all, port)
}

/// An offer of video with these capabilities.
#[must_use]
pub fn offer_video(capabilities: &Capabilities, port: PortId) -> OurStream {
    OurStream { feedback: PeerFeedback::OFFERED, ..offer(distinct(&capabilities.video), port) }
}

/// The most clocks of audio in one offer, each with its telephone-event.
const CLOCK_RATES_MAX: usize = 4;
/// The number for telephone-event that most phones use.
const EVENT_NUMBER: u8 = 101;

fn offer(mut all: Vec<PeerFormat>, port: PortId) -> OurStream {
    all.truncate(FORMATS_MAX);
    OurStream {
        port,
        protocol: "RTP/AVP".into(),
        formats: all,
        direction: Direction::SendRecv,
        mux: false,
        feedback: PeerFeedback::default(),
        packet_ms: None,
        bandwidth: vec![],
        crypto: None,
        handshake: None,
        mid: None,
        ice: None,
    }
}

/// The same offer, with keys that are agreed on the way by DTLS: to a browser.
#[must_use]
pub fn by_handshake(ours: OurStream, fingerprint: Fingerprint, seed: Seed) -> OurStream {
    let is_picture = ours.feedback != PeerFeedback::default();
    let feedback =
        if is_picture { PeerFeedback::OFFERED_TO_BROWSERS } else { PeerFeedback::default() };
    OurStream {
        protocol: "UDP/TLS/RTP/SAVPF".into(),
        mux: true,
        feedback,
        handshake: Some(OurHandshake::offered(fingerprint)),
        ice: Some(IceCredentials::fresh(&seed.0)),
        ..ours
    }
}

/// The same offer, sealed under the key in use, else under a fresh one of the suite that all have.
#[must_use]
pub fn sealed(ours: OurStream, before: Option<&NegotiatedStream>, seed: Seed) -> OurStream {
    let before = before.and_then(|stream| stream.ours.crypto.as_ref());
    let keys = before
        .map_or_else(|| MasterKey::fresh(Suite::AesCm128Sha1_80, seed), |ours| ours.keys.clone());
    OurStream { protocol: "RTP/SAVP".into(), crypto: Some(PeerCrypto { tag: 1, keys }), ..ours }
}

/// The same offer with the transport on which the stream runs: its profile, early feedback among it
/// (RFC 4585), and one port for both where that is agreed.
#[must_use]
pub fn on_the_way_of(ours: OurStream, before: Option<&NegotiatedStream>) -> OurStream {
    let alike = |before: &&NegotiatedStream| {
        before.ours.crypto.is_some() == ours.crypto.is_some()
            && before.ours.handshake.is_some() == ours.handshake.is_some()
    };
    match before.filter(alike) {
        Some(NegotiatedStream { ours: before, peer, .. }) => {
            let (protocol, mux) = (before.protocol.clone(), before.mux && peer.mux);
            let ice = before.ice.clone().filter(|_| peer.ice.is_some());
            OurStream { protocol, mux, ice, mid: before.mid.clone(), ..ours }
        }
        None => ours,
    }
}

/// The formats without repetitions, few enough to leave room for what is added to them: the keys and
/// comfort noise.
fn distinct(formats: &[PeerFormat]) -> Vec<PeerFormat> {
    let mut all: Vec<PeerFormat> = Vec::new();
    for format in formats {
        if all.len() < FORMATS_MAX - CLOCK_RATES_MAX - 1
            && !all.iter().any(|known| known.answers(format))
        {
            all.push(format.clone());
        }
    }
    all
}

/// All that we can code, G.711 and H.264 first, which any phone that comes later speaks.
#[must_use]
pub fn everything() -> Capabilities {
    let all = Capabilities {
        audio: vec![
            PeerFormat::new(Codec::Pcma, 8, ""),
            PeerFormat::new(Codec::Pcmu, 0, ""),
            PeerFormat::new(Codec::G722, 9, ""),
            PeerFormat::new(Codec::Opus, 96, "useinbandfec=1"),
            PeerFormat::new(Codec::G729, 18, "annexb=no"),
            PeerFormat::new(Codec::Gsm, 3, ""),
            PeerFormat::new(Codec::G723, 4, "annexa=no"),
            // Who has the ultra-wide band has these, too.
            PeerFormat::new(Codec::Speex { clock_rate: 16_000 }, 106, ""),
            PeerFormat::new(Codec::Speex { clock_rate: 8000 }, 107, ""),
        ],
        beside: vec![],
        video: vec![
            PeerFormat::new(Codec::H264, 97, "packetization-mode=1;profile-level-id=42e01f"),
            // Old phones know single NAL units only.
            PeerFormat::new(Codec::H264, 98, "packetization-mode=0;profile-level-id=42e01f"),
            PeerFormat::new(Codec::Vp8, 99, ""),
            PeerFormat::new(Codec::H265, 100, ""),
            PeerFormat::new(Codec::H263Plus, 102, "CIF=1;QCIF=1"),
            PeerFormat::h263_2000(103, "CIF=1;QCIF=1"),
            PeerFormat::new(Codec::H263, 34, "CIF=1;QCIF=1"),
            PeerFormat::new(Codec::H261, 31, "CIF=1;QCIF=1"),
        ],
    };
    let ours = |formats: Vec<PeerFormat>| {
        formats.into_iter().filter(|format| format.codec.can_transcode()).collect()
    };
    Capabilities { audio: ours(all.audio), beside: vec![], video: ours(all.video) }
}

/// The same, with all our sounds where there are none.
#[must_use]
pub fn with_sound(mut capabilities: Capabilities) -> Capabilities {
    if capabilities.audio.is_empty() {
        capabilities.audio = everything().audio;
    }
    capabilities
}

/// The same, with all our pictures where there are none.
#[must_use]
pub fn with_pictures(mut capabilities: Capabilities) -> Capabilities {
    if capabilities.video.is_empty() {
        capabilities.video = everything().video;
    }
    capabilities
}

/// The same and behind it, for sound and for pictures apart, all that the relay can convert from one
/// of these.
#[must_use]
pub fn with_convertible(mut capabilities: Capabilities) -> Capabilities {
    let Capabilities { audio, video, .. } = &mut capabilities;
    let everything = everything();
    for (known, more) in [(audio, everything.audio), (video, everything.video)] {
        if known.iter().any(|format| format.codec.can_transcode()) {
            let new = |format: &PeerFormat| !known.iter().any(|other| other.answers(format));
            let more: Vec<PeerFormat> =
                more.into_iter().filter(|f| f.codec.can_transcode() && new(f)).collect();
            known.extend(more);
        }
    }
    capabilities
}

/// A stream that is in use, offered once more: its codecs first, then all that can be converted to
/// them (RFC 3261 §14.2: an offer that nobody asked for is as one for a new call).
#[must_use]
pub fn again(stream: &NegotiatedStream, kind: Kind) -> OurStream {
    let ours = stream.offered_again();
    let (known, beside) =
        ours.formats.iter().cloned().partition(|format| format.codec.is_primary());
    let formats = match kind {
        Kind::Audio => {
            let known = Capabilities { audio: known, beside, video: vec![] };
            offer_audio(&with_convertible(known), ours.port).formats
        }
        Kind::Video => {
            let known = Capabilities { video: known, ..Capabilities::default() };
            offer_video(&with_convertible(known), ours.port).formats
        }
    };
    OurStream { formats, ..ours }
}

/// What a settled leg can get: its codecs in use, alone.
#[must_use]
pub fn in_use(audio: Option<&NegotiatedStream>, video: Option<&NegotiatedStream>) -> Capabilities {
    let one =
        |stream: Option<&NegotiatedStream>| stream.and_then(NegotiatedStream::format).cloned();
    Capabilities {
        audio: one(audio).into_iter().collect(),
        beside: audio.iter().flat_map(|stream| stream.beside()).cloned().collect(),
        video: one(video).into_iter().collect(),
    }
}
