//! What is known of one leg.
//!
//! ```text
//!   INVITE comes ──▶ Offered ── 200 ──▶ Answering ── ACK ──▶ Up ── BYE ──▶ Ending ──▶ gone
//!   INVITE goes ───▶ Calling ────────── 200 ───────────────▶ Up
//!                       └─ 300-699, CANCEL ──────────────────────────────▶ Ending ──▶ gone
//! ```

use super::agreement::{HandshakeOutcome, NegotiatedStream, NegotiatedStreams};
use super::api::{LegSenses, LegSource, OfferedSecurity, Spoken};
use super::formats::Capabilities;
use super::keys::ReceivedDigits;
use super::offer_answer::Negotiation;
use super::our_stream::OurStream;
use super::party::Party;
use super::streams;
use crate::cause::Cause;
use crate::codec::Kind;
use crate::dialog::Body;
use crate::dtls::{DtlsRole, Fingerprint};
use crate::ids::{CallId, PortId};
use crate::media::{self, Trust};
use crate::sip::{MAX_FORWARDS, Replaces};
use crate::time::Instant;
use std::net::{IpAddr, SocketAddr};

/// Where a leg stands.
#[derive(Debug)]
pub(super) enum LegPhase {
    /// Their INVITE came, and its dialog and SDP are being looked at: nobody above knows of it.
    New { reliable: bool, replaces: Option<Replaces> },
    /// Their INVITE waits for us.
    Offered { said: SentAnswer },
    /// Our 200 waits for its ACK.
    Answering,
    /// Our INVITE waits for their answer; `early` is what each branch of a fork lets expect in its 18x:
    /// the last of them is heard.
    Calling { early: Vec<EarlyFork> },
    /// Both sides are there.
    Up,
    /// It was ended, and says nothing more but that it is gone.
    Ending,
}

/// What went out in answer to an INVITE that waits.
#[derive(Clone, Debug)]
pub(super) enum SentAnswer {
    /// No SDP yet; theirs is an offer.
    Nothing,
    /// No SDP yet, and theirs neither: the offer is ours. It may go into a reliable 18x only, an
    /// unreliable one would have no answer (RFC 3261 §13.2.1).
    NothingLate { reliable: bool },
    /// This answer, repeated byte for byte in every 18x and in the 200 (media-rules 2).
    Answer(Body),
    /// An offer in a reliable 18x, or an answer that an UPDATE has replaced: the 200 says no more.
    Enough,
}

/// What an unreliable 18x lets expect.
#[derive(Debug)]
pub(super) struct EarlyFork {
    /// Which branch of a downstream fork said it.
    pub fork: usize,
    /// The negotiation as if it were the answer.
    pub negotiation: Negotiation,
}

/// A tone that is heard over what a leg's source says, until the next source is named. The picture goes on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Overlay {
    /// The source is heard.
    None,
    /// It begins at the next change of the relay.
    Due(media::Tone),
    /// It was begun, and ends in silence by itself.
    Over,
}

/// What kind of peer it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PeerRole {
    /// Somebody to hear, and to see.
    Phone,
    /// The control dialog of a desk.
    Desk,
}

/// What has come of one stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Life {
    /// Nothing yet, and perhaps nothing ever will: not everybody sends.
    #[default]
    Unheard,
    /// Packets.
    Heard,
    /// No packets for a while, and no reports either since then.
    Silent { lifeless_since: Instant },
}

/// What is to be agreed on a transport: what we are, and by which certificates the peer is known, once it has said.
pub(super) type WantedHandshake = (DtlsRole, Vec<Fingerprint>);

/// The handshake on a transport of this leg (RFC 5763).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct StreamHandshake {
    /// What we are.
    pub role: DtlsRole,
    /// By which certificates the peer is known; empty as long as it has not said.
    pub theirs: Vec<Fingerprint>,
    /// What has come of it.
    pub keyed: Option<HandshakeOutcome>,
}

/// The leg's place in the relay for one of its streams.
#[derive(Debug, Default)]
pub(super) struct StreamPort {
    /// The port, from the first SDP on that names it.
    pub port: Option<PortId>,
    /// What the relay was told last; `None` while the port is closed.
    pub plan: Option<media::Plan>,
    /// The last report, while watched.
    pub health: Option<media::PortHealth>,
    /// The port whose packets its peer is given, while watched.
    pub fed: Option<PortId>,
    /// Whether it lives.
    pub life: Life,
    /// Where the keys are agreed on the way.
    pub handshake: Option<StreamHandshake>,
}

impl StreamPort {
    /// Whether the keys of its transport are still to come.
    pub fn is_awaiting(&self) -> bool {
        let protection = self.plan.as_ref().map(|plan| &plan.transport.protection);
        protection == Some(&media::Protection::Awaited)
    }

    /// The keys of the handshake, as far as it is done.
    pub fn keyed(&self) -> Option<&HandshakeOutcome> {
        self.handshake.as_ref().and_then(|handshake| handshake.keyed.as_ref())
    }
}

#[derive(Debug)]
pub(super) struct Leg {
    pub phase: LegPhase,
    pub role: PeerRole,
    /// Its INVITE came to us.
    pub called_us: bool,
    pub negotiation: Negotiation,
    /// Where its SIP comes from.
    pub signalling: IpAddr,
    /// Over how many hops the INVITE that made it may still go.
    pub max_forwards: u8,
    /// Its Via or its Contact shows that a NAT rewrites its addresses.
    pub behind_nat: bool,
    /// An account or a trunk answers for it.
    pub vouched: bool,
    /// It reads what is sent to where its SIP comes from.
    pub proven: bool,
    /// RTCP's name for it, without meaning outside.
    pub cname: String,
    pub audio: StreamPort,
    pub video: StreamPort,
    /// Who it hears and sees.
    pub source: LegSource,
    /// What is heard in place of the source's sound.
    pub tone: Overlay,
    pub watched: bool,
    /// What was said of it last, while watched.
    pub senses: LegSenses,
    /// The call in whose recording it is.
    pub recording: Option<CallId>,
    /// Stills are made of its picture; its call says so anew after a restart.
    pub previewed: bool,
    pub intercepted: bool,
    /// Under which seal we offer it streams, if under any.
    pub security: OfferedSecurity,
    /// All codecs of its last offer, or what its answer took.
    pub can: Capabilities,
    /// What `Held` said last.
    pub held: (bool, bool),
    pub keys: ReceivedDigits,
    /// Why we end it, once we do.
    pub verdict: Option<Cause>,
    /// With whom it was told last that it talks.
    pub shown: Option<Party>,
    /// The Event of the NOTIFYs that its REFER waits for.
    pub refer_event: Option<String>,
}

impl Leg {
    pub fn new(
        phase: LegPhase,
        negotiation: Negotiation,
        signalling: IpAddr,
        cname: String,
    ) -> Self {
        Self {
            phase,
            role: PeerRole::Phone,
            called_us: false,
            negotiation,
            signalling,
            max_forwards: MAX_FORWARDS,
            behind_nat: false,
            shown: None,
            vouched: true,
            proven: false,
            cname,
            audio: StreamPort::default(),
            video: StreamPort::default(),
            source: LegSource::Silence,
            tone: Overlay::None,
            watched: false,
            senses: LegSenses::default(),
            recording: None,
            previewed: false,
            intercepted: false,
            security: OfferedSecurity::None,
            can: Capabilities::default(),
            held: (false, false),
            keys: ReceivedDigits::default(),
            verdict: None,
            refer_event: None,
        }
    }

    /// What is agreed, or in a ringing leg what its early SDP lets expect.
    pub fn streams(&self) -> &NegotiatedStreams {
        match &self.phase {
            LegPhase::Calling { early } => {
                early.last().map_or(&self.negotiation, |early| &early.negotiation).streams()
            }
            LegPhase::New { .. }
            | LegPhase::Offered { .. }
            | LegPhase::Answering
            | LegPhase::Up
            | LegPhase::Ending => self.negotiation.streams(),
        }
    }

    /// One stream of these. While our offer rings its picture stays where it was offered: one branch may have it on the
    /// transport of the sound, and another on that port. What shares a transport waits for the answer.
    pub fn stream(&self, kind: Kind) -> Option<&NegotiatedStream> {
        let streams = self.streams();
        let rings =
            matches!(self.phase, LegPhase::Calling { .. }) && self.negotiation.is_offering();
        match kind {
            Kind::Audio => streams.audio.as_ref(),
            Kind::Video => {
                streams.video.as_ref().filter(|video| !rings || !video.ours.is_carried())
            }
        }
    }

    pub fn stream_port(&self, kind: Kind) -> &StreamPort {
        match kind {
            Kind::Audio => &self.audio,
            Kind::Video => &self.video,
        }
    }

    pub fn stream_port_mut(&mut self, kind: Kind) -> &mut StreamPort {
        match kind {
            Kind::Audio => &mut self.audio,
            Kind::Video => &mut self.video,
        }
    }

    /// Whether packets have come from where its streams are now.
    pub fn is_heard(&self) -> bool {
        [&self.audio, &self.video]
            .iter()
            .any(|stream_port| !matches!(stream_port.life, Life::Unheard))
    }

    /// Under which seal its streams are, or have to be.
    pub fn security(&self) -> OfferedSecurity {
        let NegotiatedStreams { audio, video, .. } = self.negotiation.streams();
        match audio.as_ref().or(video.as_ref()).map(|stream| &stream.ours) {
            Some(OurStream { handshake: Some(_), .. }) => OfferedSecurity::Handshake,
            Some(OurStream { crypto: Some(_), .. }) => OfferedSecurity::Keys,
            Some(_) => OfferedSecurity::None,
            None => self.security,
        }
    }

    /// Whether its streams are sealed, or have to be.
    pub fn is_srtp(&self) -> bool {
        self.security() != OfferedSecurity::None
    }

    /// Our stream in an offer of a handshake that is not answered yet, where none of this kind is agreed: checks and
    /// the handshake may come before the answer.
    pub fn offered_by_handshake(&self, kind: Kind) -> Option<&OurStream> {
        let offered = self.negotiation.offered(kind);
        offered.filter(|ours| ours.handshake.is_some() && self.stream(kind).is_none())
    }

    /// What is to be agreed by DTLS for a stream of this leg. Who is offered either role may begin at once.
    pub fn wanted_handshake(&self, kind: Kind) -> Option<WantedHandshake> {
        let own = self.stream(kind).filter(|stream| !stream.ours.is_carried());
        let agreed = own.and_then(|stream| {
            let theirs = stream.peer.handshake.as_ref()?;
            Some((stream.role()?, theirs.fingerprints.clone()))
        });
        agreed.or_else(|| self.offered_by_handshake(kind).map(|_| (DtlsRole::Passive, Vec::new())))
    }

    /// The port of a stream that the relay carries now.
    pub fn open_port(&self, kind: Kind) -> Option<PortId> {
        let stream_port = self.stream_port(kind);
        stream_port.port.filter(|_| stream_port.plan.is_some())
    }

    pub fn spoken(&self) -> Spoken {
        let codec = |kind| self.stream(kind).and_then(NegotiatedStream::codec);
        Spoken { audio: codec(Kind::Audio), video: codec(Kind::Video) }
    }

    /// What a partner of this leg is offered: its codecs in use alone, or all that it can.
    pub fn for_partner(&self) -> Option<Capabilities> {
        let streams = self.streams();
        if streams.carry_a_call() {
            return Some(streams::in_use(streams.audio.as_ref(), streams.video.as_ref()));
        }
        Some(self.can.clone()).filter(|can| !can.audio.is_empty() || !can.video.is_empty())
    }

    /// Whether it is there to be talked to, and without a picture for others: it has no camera, sends
    /// nothing from it, or was never asked for it.
    pub fn shows_nothing(&self) -> bool {
        let talks = matches!(self.phase, LegPhase::Up | LegPhase::Answering)
            && self.stream(Kind::Audio).is_some_and(|sound| !sound.is_held());
        let shows = |picture: &NegotiatedStream| picture.peer.direction.sends();
        talks && !self.stream(Kind::Video).is_some_and(shows)
    }

    /// Whether others get hold media in place of one of its streams (media-rules 11: hold is per stream).
    /// A picture that is sent and not wanted back is a camera at a door, or one beside a hold of the
    /// sound, as the sound tells.
    pub fn withholds(&self, kind: Kind) -> bool {
        let (sound, picture) = self.held;
        match kind {
            Kind::Audio => sound,
            Kind::Video => {
                let shows = |picture: &NegotiatedStream| picture.peer.direction.sends();
                sound && (picture || !self.stream(Kind::Video).is_some_and(shows))
            }
        }
    }

    /// What the relay may send to this address of its SDP before it has heard from there.
    pub fn trust_in(&self, remote: Option<SocketAddr>) -> Trust {
        match self.proven {
            _ if self.vouched => Trust::Full,
            false => Trust::None,
            true if remote.is_some_and(|remote| remote.ip() == self.signalling) => Trust::Full,
            true => Trust::Sparing,
        }
    }

    /// Its own hold, per stream. Who wants no sound holds the call when its picture goes neither way: a
    /// picture that is sent alone is a camera at a door.
    pub fn holds(&self) -> (bool, bool) {
        let held = |kind| self.stream(kind).is_some_and(NegotiatedStream::is_held);
        let sound = match self.first_kind() {
            Kind::Audio => held(Kind::Audio),
            Kind::Video => {
                let sends = |stream: &NegotiatedStream| stream.peer.direction.sends();
                held(Kind::Video) && !self.stream(Kind::Video).is_some_and(sends)
            }
        };
        (sound, held(Kind::Video))
    }

    /// The stream by which its life is judged: its sound, or its picture where it wants no sound.
    pub fn first_kind(&self) -> Kind {
        match self.streams() {
            NegotiatedStreams { audio: None, video: Some(_), .. } => Kind::Video,
            _ => Kind::Audio,
        }
    }

    /// The streams in use, offered once more: to a re-INVITE without SDP.
    pub fn offer_again(&mut self) -> Body {
        let streams = self.negotiation.streams();
        let audio = streams.audio.as_ref().map(|stream| streams::again(stream, Kind::Audio));
        let video = streams.video.as_ref().map(|stream| streams::again(stream, Kind::Video));
        Body::sdp(self.negotiation.offer(audio, video))
    }
}
