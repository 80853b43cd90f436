//! What a peer's SDP asks of us: at most one audio and one video stream, and lines to refuse.

use super::formats::{Capabilities, PeerFormat};
use super::handshake::PeerHandshake;
use super::ice;
use super::picture_limits;
use crate::cause::Cause;
use crate::codec::Kind;
use crate::media::PictureLimits;
use crate::sdp::{Bandwidth, Direction, MediaDescription, MediaKind, SessionDescription};
use crate::srtp::{MasterKey, Mki, Suite};
use crate::stun::IceCredentials;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

/// A peer's description, read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerDescription {
    /// All its sections, as they are refused; their order never changes (RFC 3264 §8).
    pub sections: Vec<MediaDescription>,
    /// Its audio stream, if one can be used.
    pub audio: Option<PeerStream>,
    /// Its video stream, if one can be used.
    pub video: Option<PeerStream>,
    /// The names of those two, as far as they may share one transport (RFC 9143), in the order of their group: the
    /// first has the transport of both.
    pub bundle: Vec<Box<str>>,
    /// The first section of the group that it offers, as it is answered where nothing is to go in it: what has the
    /// transport cannot be refused.
    pub tagged: Option<(usize, MediaDescription)>,
    /// Why no sound can be used, where none can: of several sections the one that came nearest.
    /// [`Lack::Media`]: it wants none.
    pub lacks: Lack,
}

/// Why a section cannot be used; the later in this list, the nearer it came.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Lack {
    /// It has port 0, or there is none.
    Media,
    /// Its transport protocol is unknown here, or DTLS without what that needs: ICE, and one port for both.
    Transport,
    /// Its address is of the other family.
    Address,
    /// Its keys are none, or of unknown suites.
    Keys,
    /// It has no codec.
    Codec,
}

impl Lack {
    /// As the cause of a refusal.
    #[must_use]
    pub fn cause(self) -> Cause {
        match self {
            Self::Media => Cause::NoMedia,
            Self::Transport => Cause::NoCommonTransport,
            Self::Address => Cause::NoCommonAddress,
            Self::Keys => Cause::NoCommonKeys,
            Self::Codec => Cause::NoCommonCodec,
        }
    }
}

/// One stream as its peer describes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerStream {
    /// Which section, from 0.
    pub section: usize,
    /// `RTP/AVP`, `RTP/AVPF`, `RTP/SAVP` or `RTP/SAVPF`, the last two over DTLS, too.
    pub protocol: Cow<'static, str>,
    /// The codecs that can be passed on, in its order.
    pub formats: Vec<PeerFormat>,
    /// What travels beside them: telephone-event and comfort noise.
    pub beside: Vec<PeerFormat>,
    /// What the peer does.
    pub direction: Direction,
    /// Where its RTP goes; `None` for a hold by address, and where only a check tells.
    pub rtp: Option<SocketAddr>,
    /// Where its RTCP goes.
    pub rtcp: Option<SocketAddr>,
    /// RTCP may share the RTP port.
    pub mux: bool,
    /// How its camera is asked for a key frame.
    pub feedback: PeerFeedback,
    /// The length of packets it wants, in ms.
    pub packet_ms: Option<u32>,
    /// The rate it can receive.
    pub bandwidth: Vec<Bandwidth>,
    /// The keys that it names, in its order; none where the stream is plain.
    pub keys: Vec<PeerCrypto>,
    /// By which certificates it is known, where the keys are agreed on the way by DTLS (RFC 5763).
    pub handshake: Option<PeerHandshake>,
    /// The name of its section (RFC 5888).
    pub mid: Option<Box<str>>,
    /// It is there only if it shares the transport of another.
    pub bundle_only: bool,
    /// Its name and password, where it checks its ways to us (ICE); none where it is lite, as we are, and checks nothing.
    pub ice: Option<IceCredentials>,
    /// By payload type, what it can take in of pictures.
    pub pictures: Vec<(u8, PictureLimits)>,
}

/// Why no sound of a description can be used, if none can; where it wants none, why no picture can.
fn lacks(session: &SessionDescription, audio: Option<&PeerStream>, ours: IpAddr) -> Lack {
    if audio.is_some() {
        return Lack::Media;
    }
    let of = |kind| {
        let mut all = (0..session.media.len()).map(|at| PeerStream::read(session, at, kind, ours));
        all.try_fold(Lack::Media, |most, read| Some(most.max(read.err()?)))
    };
    match (of(Kind::Audio), of(Kind::Video)) {
        (Some(Lack::Media), Some(picture)) => picture,
        (Some(sound), _) => sound,
        (None, _) => Lack::Media,
    }
}

/// The names of the streams that may share one transport, in the order of their group. What the first that can be used
/// says of the transport holds for the other (RFC 9143 §7.3.1), be that the sound or the picture.
fn bundled(
    session: &SessionDescription,
    audio: &mut Option<PeerStream>,
    video: &mut Option<PeerStream>,
) -> Vec<Box<str>> {
    let place = |stream: &Option<PeerStream>| {
        let mid = stream.as_ref().filter(|stream| stream.handshake.is_some())?.mid.as_deref()?;
        session.bundle().iter().position(|name| *name == mid)
    };
    let carry = |first: &PeerStream, other: &mut PeerStream| {
        (other.handshake, other.ice) = (first.handshake.clone(), first.ice.clone());
    };
    let name = |stream: &Option<PeerStream>| stream.as_ref().and_then(|stream| stream.mid.clone());
    let names = match (place(audio), place(video)) {
        (Some(sound), Some(picture)) if sound == picture => return vec![],
        (Some(sound), Some(picture)) => {
            let mut both = [&mut *audio, &mut *video];
            if picture < sound {
                both.reverse();
            }
            if let [Some(first), Some(other)] = &mut both {
                carry(first, other);
            }
            both.map(|stream| name(stream))
        }
        (Some(_), None) => [name(audio), None],
        (None, Some(_)) => [name(video), None],
        (None, None) => [None, None],
    };
    names.into_iter().flatten().collect()
}

/// The section of streams that has the transport of its group, with its place.
fn tagged(session: &SessionDescription) -> Option<(usize, MediaDescription)> {
    let at = session.tagged()?;
    let media = session.media.get(at)?;
    let is_stream = matches!(media.kind, MediaKind::Audio | MediaKind::Video);
    let is_rtp = media.is_rtp() || media.is_rtp_over_dtls();
    (is_stream && is_rtp).then(|| (at, media.of_first_format()))
}

/// The length of packets that a section asks for, no longer than it takes.
fn packet_ms(media: &MediaDescription) -> Option<u32> {
    let longest = media.maxptime().filter(|ms| PACKET_MS.contains(ms));
    let wanted = media.ptime().filter(|ms| PACKET_MS.contains(ms));
    match (wanted, longest) {
        (Some(wanted), Some(longest)) => Some(wanted.min(longest)),
        (Some(wanted), None) => Some(wanted),
        // What is usual fits, unless the peer takes less.
        (None, Some(longest)) => Some(longest).filter(|ms| *ms < USUAL_MS),
        (None, None) => None,
    }
}

/// Which RTCP feedback a peer takes part in (RFC 4585, RFC 5104).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PeerFeedback {
    /// Picture loss indication.
    pub pli: bool,
    /// Full intra request.
    pub fir: bool,
    /// Receiver estimated maximum bit rate.
    pub remb: bool,
    /// Temporary maximum media stream bit rate request.
    pub tmmbr: bool,
}

/// The longest name of a section, in bytes (RFC 8843 §15.1 wants three).
const MID_MAX: usize = 64;
/// The length of packets where nothing is said, in ms.
const USUAL_MS: u32 = 20;
/// Lengths of packets that we take a peer's word for, in ms.
const PACKET_MS: std::ops::RangeInclusive<u32> = 10..=60;

/// A key of an SDP, and the tag by which an answer names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PeerCrypto {
    /// The tag.
    pub tag: u32,
    /// The key.
    pub keys: MasterKey,
}

impl PeerCrypto {
    /// The keys of a section, of suites that we speak.
    pub fn all_of(media: &MediaDescription) -> impl Iterator<Item = Self> {
        let read = |crypto: crate::sdp::Crypto<'_>| {
            let keys = MasterKey::parse(Suite::named(crypto.suite)?, crypto.inline)?;
            let mki = match crypto.mki {
                Some((value, len)) => Mki::new(value, len)?,
                None => Mki::default(),
            };
            Some(Self { tag: crypto.tag, keys: keys.named(mki) })
        };
        media.cryptos().filter_map(read)
    }
}

impl PeerFeedback {
    /// What an offer of ours asks for. Key frames may be asked of us by either request, and rates told; they
    /// reach the source's phone or the encoder. `nack` alone would promise a resend cache that the relay does
    /// not have (media-rules 8). REMB is a browser's and no phone's: it is answered where it is offered.
    pub const OFFERED: Self = Self { pli: true, fir: true, remb: false, tmmbr: true };

    /// The same of a browser, which knows no TMMBR.
    pub const OFFERED_TO_BROWSERS: Self = Self { remb: true, tmmbr: false, ..Self::OFFERED };

    /// What a section says of this payload type.
    #[must_use]
    pub fn of(media: &MediaDescription, number: u8) -> Self {
        let said = |what: &str| media.rtcp_fb(number).any(|value| value.eq_ignore_ascii_case(what));
        Self {
            pli: said("nack pli"),
            fir: said("ccm fir"),
            remb: said("goog-remb"),
            tmmbr: said("ccm tmmbr"),
        }
    }
}

impl PeerDescription {
    /// Reads an offer. `audio` and `video` are the sections in use: they stay so while they are
    /// usable, so that a second stream never takes over by its place. `ours` is the address of our
    /// media.
    #[must_use]
    pub fn offering(
        session: &SessionDescription,
        audio: Option<usize>,
        video: Option<usize>,
        ours: IpAddr,
    ) -> Self {
        let spread = &*session.spread();
        let find = |kind, in_use: Option<usize>| {
            let read = |at| PeerStream::read(spread, at, kind, ours).ok();
            let mut all = (0..session.media.len()).filter_map(read).collect::<Vec<_>>();
            // Who offers a stream twice, sealed and plain, prefers the sealed one, and so do we; else one
            // that can be converted, and so does for waiting.
            let worth = |stream: &PeerStream| {
                let converts = stream.formats.iter().any(|format| format.codec.can_transcode());
                (stream.is_sealed(), converts)
            };
            let best = (0..all.len()).rev().max_by_key(|at| worth(&all[*at])).unwrap_or(0);
            in_use.and_then(read).or_else(|| (best < all.len()).then(|| all.swap_remove(best)))
        };
        let (mut audio, mut video) = (find(Kind::Audio, audio), find(Kind::Video, video));
        Self {
            lacks: lacks(spread, audio.as_ref(), ours),
            bundle: bundled(session, &mut audio, &mut video),
            tagged: tagged(session),
            audio,
            video,
            sections: session.media.iter().map(MediaDescription::refusal).collect(),
        }
    }

    /// Reads the answer to an offer of ours that had its streams in these sections, and our media at
    /// this address.
    #[must_use]
    pub fn answering(
        session: &SessionDescription,
        audio: Option<usize>,
        video: Option<usize>,
        ours: IpAddr,
    ) -> Self {
        let spread = &*session.spread();
        let read = |kind, at: Option<usize>| PeerStream::read(spread, at?, kind, ours).ok();
        let (mut audio, mut video) = (read(Kind::Audio, audio), read(Kind::Video, video));
        Self {
            lacks: lacks(spread, audio.as_ref(), ours),
            bundle: bundled(session, &mut audio, &mut video),
            tagged: None,
            audio,
            video,
            sections: session.media.iter().map(MediaDescription::refusal).collect(),
        }
    }

    /// Whether its sound and its picture may share one transport.
    #[must_use]
    pub fn bundles(&self) -> bool {
        self.bundle.len() == 2
    }

    /// Whether all that can be used is sealed (SRTP).
    #[must_use]
    pub fn is_srtp(&self) -> bool {
        let mut streams = self.audio.iter().chain(&self.video).peekable();
        streams.peek().is_some() && streams.all(PeerStream::is_sealed)
    }

    /// Whether it shows pictures and wants no sound, as who speaks with the hands.
    #[must_use]
    pub fn is_soundless(&self) -> bool {
        self.audio.is_none() && self.lacks == Lack::Media && self.video.is_some()
    }

    /// Why nobody could ever answer it.
    #[must_use]
    pub fn unmet(&self) -> Option<Lack> {
        (self.audio.is_none() && !self.is_soundless()).then_some(self.lacks)
    }

    /// Whether what it offers can be made here: it can hear, or see, that it waits.
    #[must_use]
    pub fn can_wait(&self) -> bool {
        let stream = if self.is_soundless() { &self.video } else { &self.audio };
        let mut formats = stream.iter().flat_map(|stream| &stream.formats);
        formats.any(|format| format.codec.can_transcode())
    }

    /// Its stream of this kind, if one can be used.
    #[must_use]
    pub fn stream(&self, kind: Kind) -> Option<&PeerStream> {
        match kind {
            Kind::Audio => self.audio.as_ref(),
            Kind::Video => self.video.as_ref(),
        }
    }

    /// All codecs that it can.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        let formats =
            |stream: &Option<PeerStream>| stream.iter().flat_map(|s| s.formats.clone()).collect();
        Capabilities {
            audio: formats(&self.audio),
            beside: self.audio.iter().flat_map(|s| s.beside.clone()).collect(),
            video: formats(&self.video),
        }
    }
}

impl PeerStream {
    /// Whether it is sealed, be the keys here or agreed on the way.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        !self.keys.is_empty() || self.handshake.is_some()
    }

    /// The stream of a section, if it is of this kind and we can take part in it: plain RTP, or SRTP
    /// under a key of a suite that we speak or of a handshake, with a codec.
    fn read(
        session: &SessionDescription,
        at: usize,
        kind: Kind,
        ours: IpAddr,
    ) -> Result<Self, Lack> {
        let media = session.media.get(at).ok_or(Lack::Media)?;
        let wanted = match kind {
            Kind::Audio => MediaKind::Audio,
            Kind::Video => MediaKind::Video,
        };
        if media.kind != wanted || media.is_refused() {
            return Err(Lack::Media);
        }
        if !media.is_rtp() && !media.is_rtp_over_dtls() {
            return Err(Lack::Transport);
        }
        let sealed = Some(media).filter(|media| media.is_secure() && media.is_rtp());
        let keys: Vec<_> = sealed.into_iter().flat_map(PeerCrypto::all_of).collect();
        let ice =
            ice::credentials(session, media).filter(|_| session.attribute("ice-lite").is_none());
        let by_handshake = media.is_secure() && keys.is_empty();
        let handshake = PeerHandshake::of(session, media).filter(|_| by_handshake);
        // A handshake is heard only from an address that a check has proven, on the one port that there is.
        let is_reached = ice.is_some() && media.rtcp_mux();
        if (media.is_rtp_over_dtls() || handshake.is_some()) && !is_reached {
            return Err(Lack::Transport);
        }
        if by_handshake && handshake.is_none() {
            return Err(Lack::Keys);
        }
        // RFC 6157 §5: who cannot send there says so, and gives no address of the other family.
        let there = media.rtp_address(session).map(|there| there.ip().to_canonical());
        let there = there.filter(|_| handshake.is_none());
        if there.is_some_and(|there| there.is_ipv4() != ours.to_canonical().is_ipv4()) {
            return Err(Lack::Address);
        }
        let (formats, beside): (Vec<_>, Vec<_>) =
            PeerFormat::all_of(media, kind).partition(|format| format.codec.is_primary());
        let first = formats.first().ok_or(Lack::Codec)?.number;
        Ok(Self {
            section: at,
            protocol: media.protocol.clone(),
            direction: media.direction(session),
            rtp: media.rtp_address(session).filter(|_| handshake.is_none()),
            rtcp: media.rtcp_address(session).filter(|_| handshake.is_none()),
            mux: media.rtcp_mux(),
            feedback: PeerFeedback::of(media, first),
            packet_ms: packet_ms(media),
            bandwidth: media.bandwidth.clone(),
            keys,
            handshake,
            bundle_only: media.attribute("bundle-only").is_some(),
            mid: media.mid().filter(|mid| mid.len() <= MID_MAX).map(Box::from),
            ice,
            pictures: match kind {
                Kind::Audio => vec![],
                Kind::Video => {
                    formats.iter().map(|f| (f.number, picture_limits::read(media, f))).collect()
                }
            },
            formats,
            beside,
        })
    }
}
