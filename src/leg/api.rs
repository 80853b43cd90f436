//! What goes into this room and what comes out: the words the switchboard and the exchange use.

use super::party::{IdentityPrivacy, Party};
use crate::cause::Cause;
use crate::codec::Codec;
use crate::dialog::{self, EndingSide};
use crate::dtls::Fingerprint;
use crate::ids::{CallId, CameraId, LegId};
use crate::media::{self, Dropped};
use crate::sip::{Flow, NameAddr};
use crate::time::Duration;
use std::net::IpAddr;

/// What one leg hears and sees.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LegSource {
    /// Another party: its voice, and its picture, or one that says that it has none.
    Leg(LegId),
    /// A wait: music and the picture of a video prompt. With an announcement, that is heard first.
    Wait(media::VideoPrompt, Option<media::Announcement>),
    /// The same with what a camera sees in place of the picture.
    WaitCamera(CameraId, media::WaitingProfileId, Option<media::Announcement>),
    /// An announcement, then silence, and the picture that says the same.
    Farewell(media::WaitingProfileId, media::Announcement),
    /// Silence and what a camera sees.
    Camera(CameraId),
    /// Silence and the picture of a video prompt.
    Told(media::VideoPrompt),
    /// A ring-back tone of our own.
    RingBack,
    /// A short tone that answers a feature code, then silence until the next source; the picture stays with
    /// the source before it.
    Tone(media::Tone),
    /// Silence, and no picture.
    Silence,
}

/// Which codecs an outgoing INVITE offers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OfferedCodecs {
    /// All that this switchboard can hold media for.
    Everything,
    /// What this leg chose, when its codecs are settled; else all that it offered.
    For(LegId),
    /// As [`OfferedCodecs::For`], with pictures even where that leg has none: an operator and a callee see
    /// each other although the caller has no camera (R5.2).
    WithPictures(LegId),
    /// None: the callee offers, and is answered with one codec of each kind.
    Theirs,
}

/// Under which seal an outgoing INVITE offers its streams.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OfferedSecurity {
    /// In clear; to a phone that is reached over WebSocket, which is a browser (RFC 7118), as with `Handshake`.
    #[default]
    None,
    /// Under keys of the description (RFC 4568).
    Keys,
    /// Under keys that are agreed on the way by DTLS (RFC 5763).
    Handshake,
}

/// How the codecs of an answer are chosen; of no effect once an SDP went out (media-rules 2).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CodecChoice {
    /// The leg whose codecs to take, an answered callee's or one with early media.
    pub like: Option<LegId>,
    /// Else: codecs that the likely partners speak. Of these, the first in the caller's order is
    /// chosen; none of them offered or listed: G.711 first, H.264 before VP8.
    pub prefer: Vec<Codec>,
}

/// A refusal of an incoming call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct InviteRefusal {
    /// The final status, 300 to 699.
    pub status: u16,
    /// The reason phrase, the standard one when empty.
    pub phrase: String,
    /// Value of a Reason header (RFC 3326).
    pub reason: Option<String>,
    /// Value of a Warning header (RFC 3261 §20.43).
    pub warning: Option<String>,
    /// Seconds for Retry-After.
    pub retry_after: Option<u32>,
}

/// An INVITE of ours.
#[derive(Clone, Debug)]
pub struct OutgoingLeg {
    /// Whom the leg reaches: resolved, with its route.
    pub target: dialog::CallTarget,
    /// The leg of the party for whom it is made: our INVITE goes on where that leg's has come, one hop
    /// further (Max-Forwards), so that a call that goes in a circle ends.
    pub behalf: LegId,
    /// Who calls, for From and P-Asserted-Identity.
    pub caller: Party,
    /// The number that was dialled, for To.
    pub callee: Party,
    /// The codecs.
    pub offer: OfferedCodecs,
    /// Whether the caller's number is shown and asserted.
    pub identity: IdentityPrivacy,
    /// Ask the phone to pick up by itself (RFC 5373 and the two headers phones know better).
    pub auto_answer: bool,
    /// Under which seal its streams are offered, if under any.
    pub security: OfferedSecurity,
    /// After so long without a word it counts as 503: there are other servers.
    pub patience: Option<Duration>,
    /// User and password for a peer that challenges us, a trunk.
    pub credentials: Option<dialog::TrunkCredentials>,
}

/// What the switchboard wants of a leg. Commands to a leg that has ended do nothing.
#[derive(Clone, Debug)]
pub enum Command {
    /// Make an outgoing leg; the id was minted for it and names no other.
    Call {
        /// The new leg.
        leg: LegId,
        /// What to send.
        call: Box<OutgoingLeg>,
    },
    /// Tell a caller how it goes: 180, 182, 183.
    Progress {
        /// The caller's leg.
        leg: LegId,
        /// 101 to 199.
        status: u16,
        /// The reason phrase, the standard one when empty.
        phrase: String,
        /// With SDP, so that the caller hears and sees us from now on.
        media: Option<CodecChoice>,
    },
    /// Answer a caller with 200.
    Answer {
        /// The caller's leg.
        leg: LegId,
        /// Its codecs.
        choice: CodecChoice,
        /// Who answers, for P-Asserted-Identity towards trusted callers.
        identify: Option<Party>,
    },
    /// Accept the control dialog of a desk: no media, `Recv-Info: operator-desk`.
    AcceptDesk {
        /// The dialog.
        leg: LegId,
    },
    /// Refuse a caller before the answer.
    Refuse {
        /// The caller's leg.
        leg: LegId,
        /// With what.
        refusal: InviteRefusal,
    },
    /// End a leg in whatever state it is: CANCEL, BYE or a refusal.
    End {
        /// The leg.
        leg: LegId,
        /// Why, for the Reason header.
        cause: Cause,
    },
    /// Who hears and sees whom: one atomic change, audio and video together. A leg that is not
    /// named keeps its source; a source that has no media yet is silence until it has.
    Listen(Vec<(LegId, LegSource)>),
    /// Report the health of a leg once a second, or no longer.
    Watch {
        /// The leg.
        leg: LegId,
        /// From now on, or no longer.
        on: bool,
    },
    /// Record what this leg says and what it is given of another, or no longer.
    Record {
        /// The leg.
        leg: LegId,
        /// The call whose recording it is.
        recording: Option<CallId>,
    },
    /// Make stills of the picture that this leg sends, or no longer.
    Preview {
        /// The leg.
        leg: LegId,
        /// From now on, or no longer.
        on: bool,
    },
    /// Ask the camera of this leg for a key frame.
    RequestKeyFrame {
        /// The leg.
        leg: LegId,
    },
    /// Send a digit to this leg's phone, by RFC 4733 or else by INFO.
    SendDtmf {
        /// The leg.
        leg: LegId,
        /// 0 to 9, `*`, `#`, A to D.
        digit: char,
    },
    /// Keep the digits of this leg from the other party, who gets them by `SendDtmf` only.
    InterceptDtmf {
        /// The leg.
        leg: LegId,
        /// From now on, or no longer.
        on: bool,
    },
    /// Tell this leg's phone with whom it talks now (RFC 4916).
    Identify {
        /// The leg.
        leg: LegId,
        /// The other party.
        party: Party,
    },
    /// Ask the phone whether it still knows the call, by an UPDATE that changes nothing: a dead one
    /// ends with the cause `Lost`.
    Probe {
        /// The leg.
        leg: LegId,
    },
    /// One re-INVITE that changes this leg's codecs to what another leg speaks (media-rules 1);
    /// answered by `Aligned`.
    Align {
        /// The leg to change.
        leg: LegId,
        /// The leg to follow.
        to: LegId,
    },
    /// Give a sealed leg new keys for what it is sent, by one re-INVITE that changes nothing else.
    Rekey {
        /// The leg.
        leg: LegId,
    },
    /// Send an INFO; answered by `InfoAnswered` under the same tag.
    Info {
        /// The leg.
        leg: LegId,
        /// The switchboard's own number for it, below [`u64::MAX`].
        tag: u64,
        /// The Info-Package (RFC 6086).
        package: String,
        /// The body.
        body: dialog::Body,
    },
    /// Answer an `Info` or a `Referred`.
    Respond {
        /// The leg.
        leg: LegId,
        /// The request, as the event named it.
        transaction: dialog::ServerTx,
        /// The final status.
        status: u16,
        /// The reason phrase, the standard one when empty.
        phrase: String,
        /// Seconds for Retry-After.
        retry_after: Option<u32>,
    },
    /// Tell the phone that sent a REFER how its transfer goes (RFC 3515), by its status line.
    ReferProgress {
        /// The leg that sent it.
        leg: LegId,
        /// 100 to 699; from 200 on the subscription ends.
        status: u16,
    },
}

/// The codecs in use on a leg.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Spoken {
    /// `None` before the codecs are settled.
    pub audio: Option<Codec>,
    /// `None` too when the leg has no picture.
    pub video: Option<Codec>,
}

/// What the switchboard learns of a leg.
#[derive(Clone, Debug)]
pub enum Event {
    /// An INVITE came and its SDP was read. The first event of an incoming leg; one whose INVITE
    /// this room refuses by itself has no events at all.
    Offered {
        /// The leg.
        leg: LegId,
        /// `false`: an INVITE without SDP, to which our answer carries the offer.
        sdp: bool,
        /// It can be answered with audio.
        audio: bool,
        /// It can be answered with video.
        video: bool,
        /// Its streams are sealed (SRTP).
        sealed: bool,
        /// Why nobody whom it calls could ever answer it.
        unmet: Option<Cause>,
        /// Its sound, or the pictures of who wants no sound, can be made here: it can wait, and speak
        /// with whoever comes.
        convertible: bool,
        /// The leg that this call shall replace (RFC 3891).
        replaces: Option<LegId>,
    },
    /// The callee's phone makes progress: 180, 182, 183.
    Ringing {
        /// The leg.
        leg: LegId,
        /// 101 to 199.
        status: u16,
    },
    /// Packets came from a callee that has not answered yet.
    EarlyMedia {
        /// The leg.
        leg: LegId,
    },
    /// They were of a branch that is gone, or that another one has followed, of which nothing has come yet.
    EarlyMediaOver {
        /// The leg.
        leg: LegId,
    },
    /// The callee's 200; its codecs are settled.
    Answered {
        /// The leg.
        leg: LegId,
        /// Its codecs.
        spoken: Spoken,
    },
    /// The caller's ACK to our 200; its codecs are settled.
    Confirmed {
        /// The leg.
        leg: LegId,
        /// Its codecs.
        spoken: Spoken,
    },
    /// The callee's final response, or an answer without a codec of ours. `Ended` follows.
    Refused {
        /// The leg.
        leg: LegId,
        /// What it means.
        cause: Cause,
        /// 300 to 699; 408 when nothing came.
        status: u16,
        /// Where a 3xx points to.
        contacts: Vec<NameAddr>,
    },
    /// The leg is gone; exactly once, and its last event.
    Ended {
        /// The leg.
        leg: LegId,
        /// Why.
        cause: Cause,
        /// Who ended it.
        by: EndingSide,
    },
    /// The phone's own hold began, changed or ended, per stream. While it does not want to hear,
    /// those who hear it get hold media; nothing is to be done for that.
    Held {
        /// The leg.
        leg: LegId,
        /// It does not want to hear.
        audio: bool,
        /// It does not want to see.
        video: bool,
    },
    /// The phone changed its codecs or dropped or added its picture.
    Changed {
        /// The leg.
        leg: LegId,
        /// Its codecs.
        spoken: Spoken,
    },
    /// `Align` is through.
    Aligned {
        /// The leg.
        leg: LegId,
        /// Its codecs now; the old ones when the phone refused.
        spoken: Spoken,
    },
    /// A key was pressed, by RFC 4733 or INFO, once however often it is reported.
    Dtmf {
        /// The leg.
        leg: LegId,
        /// 0 to 9, `*`, `#`, A to D.
        digit: char,
    },
    /// Once a second while watched.
    Health {
        /// The leg.
        leg: LegId,
        /// How it does.
        health: LegHealth,
    },
    /// What it hears and sees, at each change while watched.
    Senses {
        /// The leg.
        leg: LegId,
        /// Whose voice and picture.
        senses: LegSenses,
    },
    /// Something that came from its phone was not taken, or what came in the phone's name.
    Dropped {
        /// The leg.
        leg: LegId,
        /// How much since the last event.
        dropped: Dropped,
    },
    /// No packet came for a long time.
    Silent {
        /// The leg.
        leg: LegId,
        /// For how long.
        span: Duration,
    },
    /// An INFO with a package, on a desk's control dialog. Legacy INFO is done with here.
    Info {
        /// The leg.
        leg: LegId,
        /// For `Respond`.
        transaction: dialog::ServerTx,
        /// Info-Package, empty if missing.
        package: String,
        /// The body; the content type is empty if missing.
        body: dialog::Body,
    },
    /// An INFO of ours was answered, or was not (408).
    InfoAnswered {
        /// The leg.
        leg: LegId,
        /// The number that `Command::Info` gave.
        tag: u64,
        /// The final status.
        status: u16,
    },
    /// The phone asks for a transfer (REFER); to be answered by `Respond`.
    Referred {
        /// The leg.
        leg: LegId,
        /// For `Respond`.
        transaction: dialog::ServerTx,
        /// Where to.
        refer_to: NameAddr,
        /// The dialog that the new call shall replace, already looked up, if it is ours.
        replaces: Option<LegId>,
    },
    /// The phone's signalling comes from elsewhere now.
    Moved {
        /// The leg.
        leg: LegId,
        /// From here.
        flow: Flow,
    },
}

impl Event {
    /// Which leg it is about.
    #[must_use]
    pub fn leg(&self) -> LegId {
        match self {
            Self::Offered { leg, .. }
            | Self::Ringing { leg, .. }
            | Self::EarlyMedia { leg }
            | Self::EarlyMediaOver { leg }
            | Self::Answered { leg, .. }
            | Self::Confirmed { leg, .. }
            | Self::Refused { leg, .. }
            | Self::Ended { leg, .. }
            | Self::Held { leg, .. }
            | Self::Changed { leg, .. }
            | Self::Aligned { leg, .. }
            | Self::Dtmf { leg, .. }
            | Self::Health { leg, .. }
            | Self::Senses { leg, .. }
            | Self::Silent { leg, .. }
            | Self::Dropped { leg, .. }
            | Self::Info { leg, .. }
            | Self::InfoAnswered { leg, .. }
            | Self::Referred { leg, .. }
            | Self::Moved { leg, .. } => *leg,
        }
    }
}

/// Of which party a leg is given the voice and the picture.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LegSenses {
    /// The voice.
    pub hears: Option<LegId>,
    /// The picture.
    pub sees: Option<LegId>,
}

/// How well one direction of one medium does.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Quality {
    /// Arriving, and decodable.
    Ok,
    /// Arriving with losses that people notice.
    Poor,
    /// Negotiated, and nothing usable arrives.
    None,
    /// Not negotiated.
    #[default]
    Absent,
}

/// How a leg does, for the desk's report.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct LegHealth {
    /// The dialog is confirmed and not ended.
    pub dialog: bool,
    /// What the phone says.
    pub audio: Quality,
    /// What its camera shows.
    pub video: Quality,
    /// The phone itself holds the call.
    pub hold: bool,
    /// The worse of both media, as either end reports it; `None` without RTCP.
    pub loss_percent: Option<u8>,
    /// Of the audio.
    pub jitter_ms: u32,
    /// From RTCP.
    pub rtt_ms: Option<u32>,
    /// Pictures a second.
    pub fps: Option<u32>,
    /// The codecs in use.
    pub spoken: Spoken,
    /// What it hears or sees is converted for it.
    pub transcoding: bool,
}

impl LegHealth {
    /// It has pictures and no sound, either way.
    #[must_use]
    pub fn is_soundless(&self) -> bool {
        self.spoken.audio.is_none() && self.spoken.video.is_some()
    }
}

/// What this room is told of the place where it runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The domain of our numbers, for From and To.
    pub domain: String,
    /// The addresses that the media sockets are bound to. Where they listen everywhere, the address for
    /// SDP is where each leg's signalling is reached.
    pub media_addresses: Vec<IpAddr>,
    /// How long a relay port rests before another call gets it.
    pub port_rest: Duration,
    /// A conversation of which no side has sent anything for so long is over.
    pub rtp_timeout: Duration,
    /// Of our certificate; none where this house has no DTLS.
    pub fingerprint: Option<Fingerprint>,
    /// For the dialogs.
    pub dialog: dialog::Settings,
}
