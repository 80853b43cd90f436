//! What the switchboard wants of a leg, carried out.

use super::agreement::{Led, NegotiatedStream, NegotiatedStreams};
use super::api::{
    CodecChoice, Command, Event, InviteRefusal, LegSenses, LegSource, OfferedCodecs,
    OfferedSecurity, OutgoingLeg,
};
use super::formats::{Capabilities, PeerFormat};
use super::legacy_info;
use super::machine::{Effect, Machine};
use super::nat;
use super::our_stream::OurStream;
use super::party::{IdentityPrivacy, OwnHeader, Party};
use super::ports::{DISCARD, carrier_of};
use super::state::{Leg, LegPhase, PeerRole, SentAnswer};
use super::streams::{self, CodecPreference};
use crate::cause::Cause;
use crate::codec::{Codec, Kind};
use crate::dialog::{self, Body, EndingSide};
use crate::dtls::Fingerprint;
use crate::ids::{CallId, LegId};
use crate::media;
use crate::sip::{HeaderName, MAX_FORWARDS, Transport};
use crate::srtp::Seed;
use crate::time::Instant;

/// The tag of the INFOs that this room sends for itself.
pub const OWN_TAG: u64 = u64::MAX;

/// The package of the desks' control dialogs.
pub(super) const DESK_PACKAGE: &str = "operator-desk";

/// After how many seconds a caller may try again when the relay is full.
const RETRY_AFTER: u32 = 10;

/// What an answer is to be like.
#[derive(Debug)]
pub(super) struct Like {
    /// The partner's streams, as far as they are known.
    pub streams: NegotiatedStreams,
    /// Whether there is anybody to see: with a partner without pictures the first answer takes none, so
    /// that the camera stays off.
    pub picture: bool,
}

impl Machine {
    /// Carries a command out at once.
    pub(super) fn obey(&mut self, now: Instant, command: Command, out: &mut Vec<Effect>) {
        match command {
            Command::Call { leg, call } => self.call(now, leg, *call, out),
            Command::Progress { leg, status, phrase, media } => {
                self.progress(now, leg, (status, phrase), media, out);
            }
            Command::Answer { leg, choice, identify } => {
                self.answer(now, leg, &choice, identify.as_ref(), out);
            }
            Command::AcceptDesk { leg } => self.accept_desk(now, leg, out),
            Command::Refuse { leg, refusal } => {
                let cause = Cause::from_status(refusal.status);
                self.refuse(now, leg, refusal, cause, out);
            }
            Command::End { leg, cause } => self.end(now, leg, cause, out),
            Command::Listen(sources) => self.listen(sources, out),
            Command::Watch { leg, on } => self.watch(leg, on, out),
            Command::Record { leg, recording } => self.record(leg, recording, out),
            Command::Preview { leg, on } => self.preview(leg, on, out),
            Command::RequestKeyFrame { leg } => self.request_key_frame(leg, out),
            Command::SendDtmf { leg, digit } => self.send_dtmf(now, leg, digit, out),
            Command::InterceptDtmf { leg, on } => self.intercept(leg, on, out),
            Command::Identify { leg, party } => self.identify(now, leg, party, out),
            Command::Probe { leg } => {
                let (body, headers) = (None, vec![]);
                self.want(now, leg, dialog::Command::Update { body, headers }, out);
            }
            Command::Align { leg, to } => self.align(now, leg, to, out),
            Command::Rekey { leg } => self.rekey(now, leg, out),
            Command::Info { leg, tag, package, body } => {
                let headers = vec![
                    (HeaderName::InfoPackage, package),
                    (HeaderName::ContentDisposition, "Info-Package".to_owned()),
                ];
                let info = dialog::Command::Info { tag, headers, body: Some(body) };
                self.want(now, leg, info, out);
            }
            Command::Respond { leg, transaction, status, phrase, retry_after } => {
                let mut headers = retry_header(retry_after);
                headers.extend(self.headers_of_response(leg, status));
                let respond =
                    dialog::Command::Respond { transaction, status, reason: phrase, headers };
                self.want(now, leg, respond, out);
            }
            Command::ReferProgress { leg, status } => self.refer_progress(now, leg, status, out),
        }
    }

    fn call(&mut self, now: Instant, id: LegId, call: OutgoingLeg, out: &mut Vec<Effect>) {
        let capabilities = match call.offer {
            OfferedCodecs::Everything => Some(streams::everything()),
            OfferedCodecs::For(other) => Some(self.capabilities_for(other)),
            OfferedCodecs::WithPictures(other) => {
                Some(streams::with_pictures(self.capabilities_for(other)))
            }
            OfferedCodecs::Theirs => None,
        };
        let destination = call.target.destination;
        let negotiation = self.negotiation(&destination);
        let phase = LegPhase::Calling { early: vec![] };
        let cname = self.random.hex(16);
        let mut leg = Leg::new(phase, negotiation, destination.remote().ip(), cname);
        leg.security = self.offered_security(call.security, destination.transport());
        let before = self.legs.get(&call.behalf).map_or(MAX_FORWARDS, |leg| leg.max_forwards);
        let hops = before.checked_sub(1);
        leg.max_forwards = hops.unwrap_or_default();
        leg.behind_nat = nat::shows_in_target(&call.target);
        let is_shown = matches!(call.identity, IdentityPrivacy::Shown | IdentityPrivacy::Asserted);
        leg.shown = is_shown.then(|| call.caller.clone());
        self.legs.insert(id, leg);
        let Some(max_forwards) = hops else { return self.give_up(now, id, Cause::Loop, out) };
        let partner = match call.offer {
            OfferedCodecs::For(other) | OfferedCodecs::WithPictures(other) => Some(other),
            OfferedCodecs::Everything | OfferedCodecs::Theirs => None,
        };
        let body = capabilities.as_ref().map(|can| self.offer(now, id, (can, partner)));
        if let Some(None) = body {
            return self.give_up(now, id, Cause::Overloaded, out);
        }
        // Checks and the handshake may come before the answer.
        self.sync(now, id, out);
        let mut headers = self.domain.identity(&call.caller, call.identity);
        if call.auto_answer {
            headers.extend(self.domain.auto_answer());
        }
        let call = dialog::OutgoingCall {
            target: call.target,
            from: self.domain.from(&call.caller, call.identity),
            to: self.domain.address(&call.callee),
            body: body.flatten(),
            headers,
            credentials: call.credentials,
            patience: call.patience,
            max_forwards,
        };
        self.want(now, id, dialog::Command::Call(Box::new(call)), out);
    }

    /// Under which seal a phone is offered its streams that is reached so.
    pub(super) fn offered_security(
        &self,
        wanted: OfferedSecurity,
        transport: Transport,
    ) -> OfferedSecurity {
        let is_browser = matches!(transport, Transport::Ws | Transport::Wss);
        match (wanted, self.settings.fingerprint) {
            (OfferedSecurity::None, None) => OfferedSecurity::None,
            (OfferedSecurity::None | OfferedSecurity::Keys, Some(_)) if is_browser => {
                OfferedSecurity::Handshake
            }
            (OfferedSecurity::None, Some(_)) => OfferedSecurity::None,
            // Who has no DTLS offers what else is sealed.
            (OfferedSecurity::Keys, _) | (OfferedSecurity::Handshake, None) => {
                OfferedSecurity::Keys
            }
            (OfferedSecurity::Handshake, Some(_)) => OfferedSecurity::Handshake,
        }
    }

    /// A leg of ours that cannot be called at all.
    fn give_up(&mut self, now: Instant, leg: LegId, cause: Cause, out: &mut Vec<Effect>) {
        self.leave(now, leg, out);
        out.push(Effect::Event(Event::Ended { leg, cause, by: EndingSide::Us }));
    }

    /// What to offer a partner of this leg. Sound is offered for who wants none, too: few phones take a
    /// call without, and the partner may speak with others in it.
    fn capabilities_for(&self, other: LegId) -> Capabilities {
        let partner = self.legs.get(&other).and_then(Leg::for_partner);
        let partner = streams::with_sound(partner.unwrap_or_else(streams::everything));
        streams::with_convertible(partner)
    }

    /// Our offer with these capabilities, for a partner; `None` when no relay port is left.
    fn offer(
        &mut self,
        now: Instant,
        id: LegId,
        (can, partner): (&Capabilities, Option<LegId>),
    ) -> Option<Body> {
        // Of a partner that speaks already the one codec that it speaks stands first.
        let spoken = partner.and_then(|partner| self.legs.get(&partner)).map(Leg::streams);
        let led = spoken
            .filter(|spoken| spoken.carry_a_call())
            .map(|spoken| Led { audio: spoken.audio.is_some(), video: spoken.video.is_some() });
        let mut audio = streams::offer_audio(can, self.port(now, id, Kind::Audio)?);
        // Where the relay has no room for the picture the sound goes alone.
        let mut video = None;
        if !can.video.is_empty()
            && let Some(port) = self.port(now, id, Kind::Video)
        {
            video = Some(streams::offer_video(can, port));
        }
        let seeds = [(); 2].map(|()| Seed(self.random.bytes()));
        let leg = self.legs.get_mut(&id)?;
        let before = leg.negotiation.streams();
        let [audio_seed, video_seed] = seeds;
        match (leg.security(), self.settings.fingerprint) {
            (OfferedSecurity::None, _) | (OfferedSecurity::Handshake, None) => {}
            (OfferedSecurity::Keys, _) => {
                audio = streams::sealed(audio, before.audio.as_ref(), audio_seed);
                video = video.map(|ours| streams::sealed(ours, before.video.as_ref(), video_seed));
            }
            (OfferedSecurity::Handshake, Some(own)) => {
                audio = streams::by_handshake(audio, own, audio_seed);
                video = video.map(|ours| streams::by_handshake(ours, own, video_seed));
            }
        }
        audio = streams::on_the_way_of(audio, before.audio.as_ref());
        video = video.map(|ours| streams::on_the_way_of(ours, before.video.as_ref()));
        leg.negotiation.lead(led.unwrap_or_default());
        Some(Body::sdp(leg.negotiation.offer(Some(audio), video)))
    }

    fn progress(
        &mut self,
        now: Instant,
        id: LegId,
        (status, reason): (u16, String),
        media: Option<CodecChoice>,
        out: &mut Vec<Effect>,
    ) {
        let Some(LegPhase::Offered { said }) = self.legs.get(&id).map(|leg| &leg.phase) else {
            return;
        };
        let body = match (said.clone(), media) {
            (SentAnswer::Nothing | SentAnswer::NothingLate { reliable: true }, Some(choice)) => {
                match self.describe(now, id, &choice, out) {
                    Ok(body) => Some(body),
                    Err(cause) => return self.end(now, id, cause, out),
                }
            }
            (SentAnswer::Answer(body), _) => Some(body),
            (SentAnswer::Nothing | SentAnswer::NothingLate { .. } | SentAnswer::Enough, _) => None,
        };
        let progress = dialog::Command::Provisional { status, reason, body, headers: vec![] };
        self.want(now, id, progress, out);
    }

    fn answer(
        &mut self,
        now: Instant,
        id: LegId,
        choice: &CodecChoice,
        identify: Option<&Party>,
        out: &mut Vec<Effect>,
    ) {
        let Some(LegPhase::Offered { said }) = self.legs.get(&id).map(|leg| &leg.phase) else {
            return;
        };
        let body = match said.clone() {
            SentAnswer::Answer(body) => Some(body),
            SentAnswer::Enough => None,
            SentAnswer::Nothing | SentAnswer::NothingLate { .. } => {
                match self.describe(now, id, choice, out) {
                    Ok(body) => Some(body),
                    Err(cause) => return self.end(now, id, cause, out),
                }
            }
        };
        let headers = identify.map(|party| self.asserted(party)).into_iter().collect();
        if let (Some(leg), Some(party)) = (self.legs.get_mut(&id), identify) {
            leg.shown = Some(party.clone());
        }
        self.accept(now, id, body, headers, out);
    }

    fn accept(
        &mut self,
        now: Instant,
        id: LegId,
        body: Option<Body>,
        headers: Vec<OwnHeader>,
        out: &mut Vec<Effect>,
    ) {
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.phase = LegPhase::Answering;
        }
        self.want(now, id, dialog::Command::Accept { body, headers }, out);
    }

    /// Our SDP for an INVITE that waits: the answer to its offer, or the offer that it lacks.
    fn describe(
        &mut self,
        now: Instant,
        id: LegId,
        choice: &CodecChoice,
        out: &mut Vec<Effect>,
    ) -> Result<Body, Cause> {
        let asked = self.legs.get(&id).is_some_and(|leg| leg.negotiation.asked().is_some());
        let body = if asked {
            let like = self.like(choice.like);
            self.answer_offer(now, id, &like, &choice.prefer)?
        } else {
            let can = choice.like.map(|like| self.capabilities_for(like));
            self.offer(now, id, (&can.unwrap_or_else(streams::everything), choice.like))
                .ok_or(Cause::Overloaded)?
        };
        if let Some(LegPhase::Offered { said }) = self.legs.get_mut(&id).map(|leg| &mut leg.phase) {
            *said = if asked { SentAnswer::Answer(body.clone()) } else { SentAnswer::Enough };
        }
        self.sync(now, id, out);
        Ok(body)
    }

    /// Our answer to the offer that is open on this leg.
    pub(super) fn answer_offer(
        &mut self,
        now: Instant,
        id: LegId,
        like: &Like,
        prefer: &[Codec],
    ) -> Result<Body, Cause> {
        let peer = self.legs.get(&id).and_then(|leg| leg.negotiation.asked()).cloned();
        let peer = peer.ok_or(Cause::NoCommonCodec)?;
        let before =
            self.legs.get(&id).map(|leg| leg.negotiation.streams().clone()).unwrap_or_default();
        let [audio_seed, video_seed] = [(); 2].map(|()| Seed(self.random.bytes()));
        let fingerprint = self.settings.fingerprint;
        let wish =
            |partner, before, seed| CodecPreference { partner, prefer, before, seed, fingerprint };
        let audio = match &peer.audio {
            Some(audio) => {
                let port = self.port(now, id, Kind::Audio).ok_or(Cause::Overloaded)?;
                let partner = like.streams.audio.as_ref();
                let wish = wish(partner, before.audio.as_ref(), audio_seed);
                streams::answer_audio(audio, port, wish)
            }
            None => None,
        };
        // A picture that cannot be met leaves the sound alone (media-rules 1), also where the relay has no
        // room for it.
        let bundles = peer.bundles() && audio.is_some() && self.may_bundle(id);
        let video = peer.video.as_ref().filter(|_| like.picture).and_then(|video| {
            let own = |legs: &mut Self| legs.port(now, id, Kind::Video);
            let port = match bundles {
                true => self.port_beside(id),
                false if video.bundle_only => None,
                false => own(self).filter(|port| carrier_of(*port).is_none()),
            }?;
            let partner = like.streams.video.as_ref();
            let wish = wish(partner, before.video.as_ref(), video_seed);
            let ours = streams::answer_video(video, port, wish)?;
            let carrier = audio.as_ref().filter(|_| bundles);
            Some(match carrier {
                Some(carrier) => ours.carried_by(carrier),
                None => ours,
            })
        });
        // Who wants no sound has nothing without pictures.
        if audio.is_none() && (video.is_none() || !peer.is_soundless()) {
            let no_room = self.legs.get(&id).is_some_and(|leg| leg.video.port.is_none());
            let wanted = peer.is_soundless() && like.picture && no_room;
            return Err(if wanted { Cause::Overloaded } else { Cause::NoCommonCodec });
        }
        let leg = self.legs.get_mut(&id).ok_or(Cause::Internal)?;
        Ok(Body::sdp(leg.negotiation.answer(audio, video)))
    }

    /// What to be like when this leg is, or will be, the partner.
    pub(super) fn like(&self, partner: Option<LegId>) -> Like {
        let leg = partner.and_then(|partner| self.legs.get(&partner));
        let streams = leg.map(|leg| leg.streams().clone()).unwrap_or_default();
        let picture = streams.audio.is_none() || streams.video.is_some();
        Like { streams, picture }
    }

    fn accept_desk(&mut self, now: Instant, id: LegId, out: &mut Vec<Effect>) {
        let seal = (Seed(self.random.bytes()), self.settings.fingerprint);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let LegPhase::Offered { .. } = leg.phase else { return };
        leg.role = PeerRole::Desk;
        let body = desk_description(leg, seal);
        let headers = self.headers_of_response(id, 200);
        self.accept(now, id, Some(body), headers, out);
    }

    /// What every 2xx on a desk's dialog repeats (operator-desk.md), and each refusal of an INFO.
    fn headers_of_response(&self, id: LegId, status: u16) -> Vec<OwnHeader> {
        let desk = self.legs.get(&id).is_some_and(|leg| leg.role == PeerRole::Desk);
        match status {
            200..=299 | 469 if desk => {
                vec![(HeaderName::RecvInfo, DESK_PACKAGE.to_owned())]
            }
            415 if desk => {
                vec![(HeaderName::Accept, "application/vnd.cordboard.desk+json".to_owned())]
            }
            _ => vec![],
        }
    }

    fn refuse(
        &mut self,
        now: Instant,
        id: LegId,
        refusal: InviteRefusal,
        cause: Cause,
        out: &mut Vec<Effect>,
    ) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.verdict.get_or_insert(cause);
        leg.phase = LegPhase::Ending;
        let mut headers = retry_header(refusal.retry_after);
        headers.extend(refusal.reason.map(|reason| (HeaderName::Reason, reason)));
        headers.extend(refusal.warning.map(|warning| (HeaderName::Warning, warning)));
        let (status, reason) = (refusal.status, refusal.phrase);
        self.want(now, id, dialog::Command::Reject { status, reason, headers }, out);
    }

    /// Ends a leg as its state demands, for this cause.
    pub(super) fn end(&mut self, now: Instant, id: LegId, cause: Cause, out: &mut Vec<Effect>) {
        self.end_saying(now, id, (cause, cause.reason()), out);
    }

    /// The same, with the value of a Reason header that says more.
    pub(super) fn end_saying(
        &mut self,
        now: Instant,
        id: LegId,
        (cause, reason): (Cause, String),
        out: &mut Vec<Effect>,
    ) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if let LegPhase::Offered { .. } = leg.phase {
            return self.refuse(now, id, refusal(cause), cause, out);
        }
        leg.verdict.get_or_insert(cause);
        leg.phase = LegPhase::Ending;
        self.want(now, id, dialog::Command::End { reason: Some(reason) }, out);
    }

    fn watch(&mut self, id: LegId, on: bool, out: &mut Vec<Effect>) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.watched = on;
        if !on {
            (leg.audio.health, leg.video.health) = (None, None);
            (leg.audio.fed, leg.video.fed) = (None, None);
            leg.senses = LegSenses::default();
        }
        self.each_port(id, |port| media::Command::Watch { port, on }, out);
    }

    fn record(&mut self, id: LegId, recording: Option<CallId>, out: &mut Vec<Effect>) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.recording = recording;
        self.each_port(id, |port| media::Command::Record { port, recording }, out);
    }

    fn preview(&mut self, id: LegId, on: bool, out: &mut Vec<Effect>) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.previewed = on;
        let port = leg.open_port(Kind::Video);
        out.extend(port.map(|port| Effect::Media(media::Command::Preview { port, on })));
    }

    fn intercept(&mut self, id: LegId, on: bool, out: &mut Vec<Effect>) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.intercepted = on;
        let port = leg.open_port(Kind::Audio);
        out.extend(port.map(|port| Effect::Media(media::Command::Intercept { port, on })));
    }

    pub(super) fn send_dtmf(
        &mut self,
        now: Instant,
        id: LegId,
        digit: char,
        out: &mut Vec<Effect>,
    ) {
        let Some(leg) = self.legs.get(&id).filter(|_| legacy_info::is_key(digit)) else { return };
        let takes_events = leg.stream(Kind::Audio).is_some_and(NegotiatedStream::has_events);
        match leg.open_port(Kind::Audio).filter(|_| takes_events) {
            Some(port) => out.push(Effect::Media(media::Command::Dtmf { port, digit })),
            None => {
                let text = legacy_info::dtmf_relay(digit);
                self.legacy_info(now, id, legacy_info::DTMF_RELAY, &text, out);
            }
        }
    }

    pub(super) fn legacy_info(
        &mut self,
        now: Instant,
        id: LegId,
        content_type: &'static str,
        text: &str,
        out: &mut Vec<Effect>,
    ) {
        let body = Body { content_type: content_type.into(), bytes: text.as_bytes().into() };
        let info = dialog::Command::Info { tag: OWN_TAG, headers: vec![], body: Some(body) };
        self.want(now, id, info, out);
    }

    /// One re-INVITE with the other leg's codecs; without effect while an offer is open, and where
    /// the relay can convert between the two.
    fn align(&mut self, now: Instant, id: LegId, to: LegId, out: &mut Vec<Effect>) {
        let wanted = self.legs.get(&to).and_then(Leg::for_partner);
        let Some(leg) = self.legs.get(&id) else { return };
        let own = leg.stream(Kind::Audio).and_then(NegotiatedStream::format);
        let theirs = wanted.as_ref().and_then(|wanted| wanted.audio.first());
        // Nor where one of the two wants no sound.
        let converts = |format: &PeerFormat| format.codec.can_transcode();
        let apart =
            own.zip(theirs).is_some_and(|(own, theirs)| !(converts(own) && converts(theirs)));
        let free = matches!(leg.phase, LegPhase::Up) && leg.negotiation.is_quiet() && apart;
        let body = match wanted {
            Some(wanted) if free => {
                // The picture of this leg is changed, never added: that would ask the human.
                let video = if leg.streams().video.is_some() { wanted.video } else { vec![] };
                self.offer(now, id, (&Capabilities { video, ..wanted }, Some(to)))
            }
            Some(_) | None => None,
        };
        match body {
            Some(body) => {
                self.want(now, id, dialog::Command::Reoffer { body: Some(body) }, out);
            }
            None => self.aligned(id, out),
        }
    }

    pub(super) fn aligned(&self, id: LegId, out: &mut Vec<Effect>) {
        if let Some(leg) = self.legs.get(&id) {
            out.push(Effect::Event(Event::Aligned { leg: id, spoken: leg.spoken() }));
        }
    }

    fn refer_progress(&mut self, now: Instant, id: LegId, status: u16, out: &mut Vec<Effect>) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Some(event) = leg.refer_event.clone() else { return };
        let state = if status < 200 {
            "active;expires=60"
        } else {
            leg.refer_event = None;
            "terminated;reason=noresource"
        };
        let phrase = crate::sip::StatusCode::new(status).map_or("", |code| code.reason_phrase());
        let line = format!("SIP/2.0 {status} {phrase}\r\n");
        let body = Body {
            content_type: "message/sipfrag;version=2.0".into(),
            bytes: line.as_bytes().into(),
        };
        let notify = dialog::Command::Notify { event, state: state.to_owned(), body: Some(body) };
        self.want(now, id, notify, out);
    }

    /// Tells a phone with whom it talks (RFC 4916 §4.1), unless that is what it was told last.
    fn identify(&mut self, now: Instant, id: LegId, party: Party, out: &mut Vec<Effect>) {
        let headers = vec![self.asserted(&party)];
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if leg.shown.as_ref() == Some(&party) {
            return;
        }
        leg.shown = Some(party);
        self.want(now, id, dialog::Command::Update { body: None, headers }, out);
    }

    fn asserted(&self, party: &Party) -> OwnHeader {
        (HeaderName::PAssertedIdentity, self.domain.address(party).to_string())
    }

    /// Who this leg hears, if it is another leg.
    pub(super) fn partner(&self, id: LegId) -> Option<LegId> {
        match self.legs.get(&id)?.source {
            LegSource::Leg(other) => Some(other),
            LegSource::Wait(..)
            | LegSource::WaitCamera(..)
            | LegSource::Camera(_)
            | LegSource::Farewell(..)
            | LegSource::Told(_)
            | LegSource::RingBack
            | LegSource::Tone(_)
            | LegSource::Silence => None,
        }
    }
}

/// The answer to a desk's offer, or the offer that its INVITE lacked: nothing is ever sent.
pub(super) fn desk_description(leg: &mut Leg, seal: (Seed, Option<Fingerprint>)) -> Body {
    let description = match leg.negotiation.asked().map(|peer| peer.audio.clone()) {
        Some(audio) => {
            let audio: Option<OurStream> =
                audio.and_then(|audio| streams::answer_inactive(&audio, DISCARD, seal));
            leg.negotiation.answer(audio, None)
        }
        None => leg.negotiation.offer(None, None),
    };
    Body::sdp(description)
}

/// The refusal that a cause has by the table.
fn refusal(cause: Cause) -> InviteRefusal {
    InviteRefusal {
        status: cause.status(),
        phrase: String::new(),
        reason: Some(cause.reason()),
        warning: cause.warning(),
        retry_after: (cause == Cause::Overloaded).then_some(RETRY_AFTER),
    }
}

fn retry_header(retry_after: Option<u32>) -> Vec<OwnHeader> {
    retry_after.map(|secs| (HeaderName::RetryAfter, secs.to_string())).into_iter().collect()
}
