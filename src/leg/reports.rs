//! What the dialog of a leg and its share of the relay report, and what follows from it.

use super::agreement::{NegotiatedStream, NegotiatedStreams};
use super::api::{Event, OfferedSecurity, Spoken};
use super::commands::{self, OWN_TAG};
use super::description::Description;
use super::keys::KeyWay;
use super::legacy_info::{self, Legacy};
use super::machine::{Effect, Machine};
use super::nat;
use super::party::OwnHeader;
use super::peer::{Lack, PeerDescription};
use super::state::{EarlyFork, Leg, LegPhase, Life, PeerRole, SentAnswer};
use crate::cause::Cause;
use crate::codec::Kind;
use crate::dialog::{self, Body, EndingSide, ServerTx};
use crate::ids::{LegId, PortId};
use crate::media;
use crate::sip::{Destination, HeaderName, MAX_FORWARDS, Replaces, multipart};
use crate::srtp::Seed;
use crate::time::Instant;

impl Machine {
    /// A new INVITE. The leg shows itself when its SDP is read.
    pub(super) fn incoming(
        &mut self,
        now: Instant,
        incoming: dialog::IncomingInvite,
        out: &mut Vec<Effect>,
    ) {
        let dialog::IncomingInvite { leg, flow, request, .. } = &incoming;
        let (leg, flow) = (*leg, *flow);
        let replaces = request.headers.replaces().ok().flatten();
        let phase = LegPhase::New { reliable: request.headers.supports("100rel"), replaces };
        let negotiation = self.negotiation(&Destination::Flow(flow));
        let cname = self.random.hex(16);
        let mut new = Leg::new(phase, negotiation, flow.remote.ip(), cname);
        // Who writes more than 70 is in no hurry to end; without the header we begin to count (RFC 3261
        // §16.6 step 3).
        let max_forwards = request.headers.max_forwards().ok().flatten();
        new.max_forwards = max_forwards.unwrap_or(MAX_FORWARDS).min(MAX_FORWARDS);
        new.called_us = true;
        new.security = self.offered_security(OfferedSecurity::None, flow.transport);
        new.behind_nat = nat::shows_in_request(request, flow);
        // A connection stands only where both ends hear each other.
        new.proven = flow.transport.is_reliable();
        self.legs.insert(leg, new);
        self.pass(now, dialog::Input::Incoming(incoming), out);
    }

    pub(super) fn on_dialog(
        &mut self,
        now: Instant,
        id: LegId,
        event: dialog::Event,
        out: &mut Vec<Effect>,
    ) {
        if !self.legs.contains_key(&id) {
            return;
        }
        match event {
            dialog::Event::Invited { body } => self.invited(now, id, body, out),
            dialog::Event::Provisional { status, body: Some(body), wants_answer: true, .. } => {
                if let Some(body) = self.answer_late(now, id, &body, out) {
                    self.want(now, id, dialog::Command::AnswerPrack { body }, out);
                }
                out.push(Effect::Event(Event::Ringing { leg: id, status }));
            }
            dialog::Event::Provisional { status, body, fork, .. } => {
                self.provisional(now, id, (status, fork), body, out);
            }
            dialog::Event::ForkGone { fork } => self.fork_gone(now, id, fork, out),
            dialog::Event::Answered { body: Some(body), wants_answer: true, fork, .. } => {
                if let Some(body) = self.answer_late(now, id, &body, out) {
                    self.want(now, id, dialog::Command::Ack { body }, out);
                }
                self.answered(now, id, (fork, None), out);
            }
            dialog::Event::Answered { body, fork, .. } => {
                self.answered(now, id, (fork, body), out);
            }
            dialog::Event::ProvisionalAnswered { body } => {
                self.take_answer(id, &body);
                self.sync(now, id, out);
            }
            dialog::Event::Confirmed { body } => self.confirmed(now, id, body, out),
            dialog::Event::Refused { status, contacts, .. } => {
                let cause = Cause::from_status(status);
                out.push(Effect::Event(Event::Refused { leg: id, cause, status, contacts }));
            }
            dialog::Event::Ended { cause, by, .. } => self.ended(now, id, cause, by, out),
            dialog::Event::Reoffered { body, fork } => {
                self.reoffered(now, id, (fork, body), out);
            }
            dialog::Event::ReofferAnswered { body } => {
                let before = self.spoken(id);
                self.take_answer(id, &body);
                self.settle(now, id, &before, out);
                self.aligned(id, out);
                self.end_unheard(now, id, out);
            }
            dialog::Event::ReofferRefused { .. } => {
                // RFC 6141 §3.1: what was agreed before holds.
                if let Some(leg) = self.legs.get_mut(&id) {
                    leg.negotiation.withdraw();
                }
                self.sync(now, id, out);
                self.aligned(id, out);
            }
            dialog::Event::ReofferConfirmed { body } => {
                let before = self.spoken(id);
                self.take_answer(id, &body);
                self.settle(now, id, &before, out);
                self.end_unheard(now, id, out);
            }
            dialog::Event::Moved { flow } => {
                if let Some(leg) = self.legs.get_mut(&id) {
                    leg.signalling = flow.remote.ip();
                }
                self.sync(now, id, out);
                out.push(Effect::Event(Event::Moved { leg: id, flow }));
            }
            dialog::Event::Info { transaction, package, content_type, body } => {
                let body = Body::of(content_type, body);
                self.info(now, id, transaction, package, body, out);
            }
            dialog::Event::InfoAnswered { tag, status } if tag != OWN_TAG => {
                out.push(Effect::Event(Event::InfoAnswered { leg: id, tag, status }));
            }
            dialog::Event::Referred { transaction, refer_to, replaces, event, .. } => {
                let replaces = match self.replaced(replaces) {
                    Ok(replaces) => replaces,
                    Err(status) => return self.respond(now, id, transaction, status, vec![], out),
                };
                if let Some(leg) = self.legs.get_mut(&id) {
                    leg.refer_event = Some(event);
                }
                let referred = Event::Referred { leg: id, transaction, refer_to, replaces };
                out.push(Effect::Event(referred));
            }
            // A desk that is not spoken to is none; a phone never was.
            dialog::Event::WantsNoInfo => {
                if self.legs.get(&id).is_some_and(|leg| leg.role == PeerRole::Desk) {
                    self.end(now, id, Cause::NormalClearing, out);
                }
            }
            // INFOs of our own are not repeated, and this room sends no REFER.
            dialog::Event::InfoAnswered { .. }
            | dialog::Event::ReferAnswered { .. }
            | dialog::Event::Notified { .. }
            | dialog::Event::Refreshed => {}
        }
    }

    /// What a branch that is gone has described is nobody's any more.
    fn fork_gone(&mut self, now: Instant, id: LegId, fork: usize, out: &mut Vec<Effect>) {
        if let Some(LegPhase::Calling { early }) = self.phase(id) {
            early.retain(|early| early.fork != fork);
        }
        self.sync(now, id, out);
    }

    fn invited(&mut self, now: Instant, id: LegId, body: Option<Body>, out: &mut Vec<Effect>) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let LegPhase::New { reliable, replaces } = &leg.phase else { return };
        let (reliable, replaces, late) = (*reliable, replaces.clone(), body.is_none());
        let offered = match body.as_ref().map(read).transpose() {
            Ok(None) => Ok(()),
            Ok(Some(offer)) => leg.negotiation.take_offer(&offer).map(|peer| {
                leg.can = peer.capabilities();
            }),
            Err(status) => Err(status),
        };
        // RFC 3891 §3: a call that would replace nothing is refused.
        let replaces = offered.and_then(|()| self.replaced(replaces));
        let replaces = match replaces {
            Ok(replaces) => replaces,
            Err(status) => {
                let headers = accept_header(status);
                let reject = dialog::Command::Reject { status, reason: String::new(), headers };
                return self.want(now, id, reject, out);
            }
        };
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let said = if late { SentAnswer::NothingLate { reliable } } else { SentAnswer::Nothing };
        leg.phase = LegPhase::Offered { said };
        let asked = leg.negotiation.asked();
        let event = Event::Offered {
            leg: id,
            sdp: !late,
            audio: late || asked.is_some_and(|peer| peer.audio.is_some()),
            video: late || asked.is_some_and(|peer| peer.video.is_some()),
            sealed: asked.is_some_and(PeerDescription::is_srtp),
            unmet: asked.and_then(PeerDescription::unmet).map(Lack::cause),
            convertible: late || asked.is_some_and(PeerDescription::can_wait),
            replaces,
        };
        out.push(Effect::Event(event));
    }

    /// The leg whose dialog is to be replaced, if any is.
    fn replaced(&self, replaces: Option<Replaces>) -> Result<Option<LegId>, u16> {
        let Some(Replaces { call_id, to_tag, from_tag, early_only }) = replaces else {
            return Ok(None);
        };
        let leg = self.dialog.find_replaces(&call_id, &to_tag, &from_tag).ok_or(481_u16)?;
        let up = self.legs.get(&leg).is_some_and(|leg| matches!(leg.phase, LegPhase::Up));
        if early_only && up { Err(486) } else { Ok(Some(leg)) }
    }

    fn provisional(
        &mut self,
        now: Instant,
        id: LegId,
        (status, fork): (u16, usize),
        body: Option<Body>,
        out: &mut Vec<Effect>,
    ) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let LegPhase::Calling { early } = &mut leg.phase else { return };
        // The branch that began last is heard; one that repeats itself does not take the line back.
        if let Some(answer) = body.and_then(|body| read(&body).ok()) {
            let mut negotiation = leg.negotiation.clone();
            negotiation.take_answer(&answer);
            if negotiation.streams().carry_a_call() {
                match early.iter_mut().find(|early| early.fork == fork) {
                    Some(early) => early.negotiation = negotiation,
                    None => early.push(EarlyFork { fork, negotiation }),
                }
            }
            self.sync(now, id, out);
        }
        out.push(Effect::Event(Event::Ringing { leg: id, status }));
    }

    /// Our answer to the offer that our INVITE left to the callee. An offer of nothing that we can
    /// is answered all the same, with every section refused, before the leg is ended
    /// (RFC 3261 §13.2.2.4).
    fn answer_late(
        &mut self,
        now: Instant,
        id: LegId,
        body: &Body,
        out: &mut Vec<Effect>,
    ) -> Option<Body> {
        let leg = self.legs.get_mut(&id)?;
        let LegPhase::Calling { .. } = leg.phase else { return None };
        let offer = read(body).ok()?;
        leg.negotiation.take_offer(&offer).ok()?;
        let like = self.like(self.partner(id));
        let answer = self.answer_offer(now, id, &like, &[]);
        self.sync(now, id, out);
        answer.ok().or_else(|| {
            let leg = self.legs.get_mut(&id)?;
            Some(Body::sdp(leg.negotiation.answer(None, None)))
        })
    }

    fn answered(
        &mut self,
        now: Instant,
        id: LegId,
        (fork, body): (usize, Option<Body>),
        out: &mut Vec<Effect>,
    ) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let LegPhase::Calling { early } = &mut leg.phase else { return };
        let early = std::mem::take(early).into_iter().find(|early| early.fork == fork);
        match body {
            Some(body) => {
                self.take_answer(id, &body);
            }
            // The answer came in a reliable 1xx, and the 200 says nothing new (RFC 3262 §5).
            None => {
                if let Some(early) = early {
                    leg.negotiation = early.negotiation;
                }
            }
        }
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if !leg.negotiation.streams().carry_a_call() {
            let (cause, status) = (Cause::NoCommonCodec, Cause::NoCommonCodec.status());
            let contacts = vec![];
            out.push(Effect::Event(Event::Refused { leg: id, cause, status, contacts }));
            return self.end(now, id, cause, out);
        }
        leg.phase = LegPhase::Up;
        if let Some(can) = leg.for_partner() {
            leg.can = can;
        }
        self.sync(now, id, out);
        out.push(Effect::Event(Event::Answered { leg: id, spoken: self.spoken(id) }));
        self.report_hold(id, out);
    }

    fn confirmed(&mut self, now: Instant, id: LegId, body: Option<Body>, out: &mut Vec<Effect>) {
        if let Some(body) = body {
            self.take_answer(id, &body);
        }
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let LegPhase::Answering = leg.phase else { return };
        let carries = leg.negotiation.streams().carry_a_call();
        match leg.role {
            PeerRole::Phone if leg.negotiation.is_offering() => {
                return self.end(now, id, Cause::ProtocolError, out);
            }
            PeerRole::Phone if !carries => return self.end(now, id, Cause::NoCommonCodec, out),
            PeerRole::Phone | PeerRole::Desk => leg.phase = LegPhase::Up,
        }
        self.sync(now, id, out);
        out.push(Effect::Event(Event::Confirmed { leg: id, spoken: self.spoken(id) }));
        self.report_hold(id, out);
    }

    fn ended(
        &mut self,
        now: Instant,
        id: LegId,
        cause: Cause,
        by: EndingSide,
        out: &mut Vec<Effect>,
    ) {
        let Some(leg) = self.legs.get(&id) else { return };
        let shown = !matches!(leg.phase, LegPhase::New { .. });
        let cause = leg.verdict.filter(|_| by == EndingSide::Us).unwrap_or(cause);
        self.leave(now, id, out);
        if shown {
            out.push(Effect::Event(Event::Ended { leg: id, cause, by }));
        }
    }

    /// A new offer of the phone's own: its hold, its codecs, its address. It is answered here and
    /// changes nothing for the other party but what the relay sends (media-rules 11).
    fn reoffered(
        &mut self,
        now: Instant,
        id: LegId,
        (fork, body): (Option<usize>, Option<Body>),
        out: &mut Vec<Effect>,
    ) {
        let before = self.spoken(id);
        let seal = (Seed(self.random.bytes()), self.settings.fingerprint);
        // The dialog follows the way of what offers.
        let way = self.dialog.destination(id).filter(|way| matches!(way, Destination::Flow(_)));
        let reached = way.map(|way| self.media_address(&way));
        let Some(leg) = self.legs.get_mut(&id) else { return };
        // An UPDATE before the 200 means that the early answer was a reliable one (RFC 3311 §5.1).
        if let LegPhase::Calling { early } = &mut leg.phase
            && let Some(place) = early.iter().position(|early| Some(early.fork) == fork)
        {
            leg.negotiation = early.swap_remove(place).negotiation;
            early.clear();
        }
        let said = match body.as_ref().map(read).transpose() {
            Err(status) => Err(status),
            Ok(None) if leg.negotiation.is_quiet() => Ok(leg.offer_again()),
            Ok(None) => Err(491),
            Ok(Some(offer)) => match leg
                .negotiation
                .take_new_offer(&offer, reached.unwrap_or(leg.negotiation.media))
                .map(drop)
            {
                Err(status) => Err(status),
                Ok(()) if leg.role == PeerRole::Desk => Ok(commands::desk_description(leg, seal)),
                // What began sealed never goes on in clear.
                Ok(())
                    if leg.is_srtp()
                        && !leg.negotiation.asked().is_some_and(PeerDescription::is_srtp) =>
                {
                    leg.negotiation.withdraw();
                    Err(488)
                }
                Ok(()) => self.answer_again(now, id),
            },
        };
        match said {
            Ok(body) => {
                if let Some(LegPhase::Offered { said }) = self.phase(id) {
                    *said = SentAnswer::Enough;
                }
                self.want(now, id, dialog::Command::Answer { body }, out);
                self.settle(now, id, &before, out);
            }
            Err(status) => self.want(now, id, dialog::Command::Refuse { status }, out),
        }
    }

    /// The answer to a new offer: the codecs in use if they are offered, else the partner's.
    fn answer_again(&mut self, now: Instant, id: LegId) -> Result<Body, u16> {
        let mut like = self.like(self.partner(id));
        if let Some(leg) = self.legs.get_mut(&id)
            && let Some(partner) = like.streams.audio.as_ref().and_then(NegotiatedStream::format)
        {
            // A codec in which the two would not hear each other is refused: what was agreed before
            // holds (RFC 3261 §14.2).
            let asked = leg.negotiation.asked().and_then(|peer| peer.audio.as_ref());
            if asked.is_some_and(|asked| !asked.formats.iter().any(|f| f.reaches(partner))) {
                leg.negotiation.withdraw();
                return Err(Cause::NoCommonCodec.status());
            }
        }
        if let Some(leg) = self.legs.get(&id) {
            let NegotiatedStreams { audio, video, .. } = leg.streams().clone();
            let asked = leg.negotiation.asked();
            let offered = |kind| asked.and_then(|peer| peer.stream(kind)).map(|peer| &peer.formats);
            let kept = |stream: &NegotiatedStream, kind| {
                let both = stream.format().zip(offered(kind));
                both.is_some_and(|(own, offered)| offered.iter().any(|format| format.same(own)))
            };
            // Who offers a picture in the middle of a call was asked for it by a human, and the next
            // partner may have one where this one has none; a switch then needs no re-INVITE.
            like.picture |= matches!(leg.phase, LegPhase::Up);
            like.streams.audio = audio.filter(|own| kept(own, Kind::Audio)).or(like.streams.audio);
            like.streams.video = video.filter(|own| kept(own, Kind::Video)).or(like.streams.video);
        }
        self.answer_offer(now, id, &like, &[]).map_err(|cause| {
            if let Some(leg) = self.legs.get_mut(&id) {
                leg.negotiation.withdraw();
            }
            cause.status()
        })
    }

    /// Takes an answer, or treats one that cannot be read as a refusal.
    fn take_answer(&mut self, id: LegId, body: &Body) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        match read(body) {
            Ok(answer) => leg.negotiation.take_answer(&answer),
            Err(_) => leg.negotiation.withdraw(),
        }
    }

    /// After a new round of offer and answer: the relay, and what the switchboard has to know.
    fn settle(&mut self, now: Instant, id: LegId, before: &Spoken, out: &mut Vec<Effect>) {
        self.sync(now, id, out);
        let spoken = self.spoken(id);
        if spoken != *before {
            out.push(Effect::Event(Event::Changed { leg: id, spoken }));
        }
        self.report_hold(id, out);
    }

    /// An answer that refuses all sound, and has no pictures in its place, leaves a party that nobody
    /// hears and that hears nobody: its call ends, as RFC 3261 §13.2.2.4 has it for the first answer.
    fn end_unheard(&mut self, now: Instant, id: LegId, out: &mut Vec<Effect>) {
        let Some(leg) = self.legs.get(&id).filter(|leg| leg.role == PeerRole::Phone) else {
            return;
        };
        if !leg.negotiation.streams().carry_a_call() {
            self.end(now, id, Cause::NoCommonCodec, out);
        }
    }

    fn report_hold(&mut self, id: LegId, out: &mut Vec<Effect>) {
        self.report_senses_around(id, out);
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.role == PeerRole::Phone) else {
            return;
        };
        let (audio, video) = leg.holds();
        let before = std::mem::replace(&mut leg.held, (audio, video));
        if before == (audio, video) {
            return;
        }
        self.patch_around(id, out);
        if before.1 && !video {
            self.refresh_picture(id, out);
            self.request_key_frame(id, out);
        }
        out.push(Effect::Event(Event::Held { leg: id, audio, video }));
    }

    fn phase(&mut self, id: LegId) -> Option<&mut LegPhase> {
        self.legs.get_mut(&id).map(|leg| &mut leg.phase)
    }

    fn spoken(&self, id: LegId) -> Spoken {
        self.legs.get(&id).map(Leg::spoken).unwrap_or_default()
    }

    fn info(
        &mut self,
        now: Instant,
        id: LegId,
        transaction: ServerTx,
        package: Option<String>,
        body: Body,
        out: &mut Vec<Effect>,
    ) {
        if self.legs.get(&id).is_some_and(|leg| leg.role == PeerRole::Desk) {
            let package = package.unwrap_or_default();
            let info = Event::Info { leg: id, transaction, package, body };
            return out.push(Effect::Event(info));
        }
        if package.is_some() {
            // RFC 6086 §4.2.2: the header says what would be understood here, which is nothing.
            let headers = vec![(HeaderName::RecvInfo, String::new())];
            return self.respond(now, id, transaction, 469, headers, out);
        }
        let legacy = legacy_info::read(&body.content_type, &body.bytes);
        let (status, headers) = match legacy {
            Some(_) => (200, vec![]),
            None => (415, vec![(HeaderName::Accept, legacy_info::ACCEPTED.to_owned())]),
        };
        self.respond(now, id, transaction, status, headers, out);
        match legacy {
            Some(Legacy::Digit(digit)) => self.key(now, id, digit, KeyWay::Request, out),
            Some(Legacy::PictureFastUpdate) => self.refresh_picture(id, out),
            Some(Legacy::Nothing) | None => {}
        }
    }

    fn respond(
        &mut self,
        now: Instant,
        id: LegId,
        transaction: ServerTx,
        status: u16,
        headers: Vec<OwnHeader>,
        out: &mut Vec<Effect>,
    ) {
        let reason = String::new();
        let respond = dialog::Command::Respond { transaction, status, reason, headers };
        self.want(now, id, respond, out);
    }

    fn key(&mut self, now: Instant, id: LegId, digit: char, way: KeyWay, out: &mut Vec<Effect>) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if !leg.keys.press(digit, way, now) {
            return;
        }
        if way == KeyWay::Request {
            // The packets of this press, if some follow, would press it at the partner once more.
            let port = leg.open_port(Kind::Audio);
            let port =
                port.filter(|_| leg.stream(Kind::Audio).is_some_and(NegotiatedStream::has_events));
            out.extend(port.map(|port| Effect::Media(media::Command::Pressed { port, digit })));
        }
        let is_private = leg.intercepted || leg.held.0;
        out.push(Effect::Event(Event::Dtmf { leg: id, digit }));
        if !is_private {
            self.pass_key(now, id, digit, way, out);
        }
    }

    /// Lets those who hear this leg have its key (R6.4). The relay passes the packets of RFC 4733
    /// where both sides take them; what came or has to go by INFO is passed here.
    fn pass_key(
        &mut self,
        now: Instant,
        id: LegId,
        digit: char,
        way: KeyWay,
        out: &mut Vec<Effect>,
    ) {
        for listener in self.around(id).into_iter().filter(|listener| *listener != id) {
            let Some(leg) = self.legs.get(&listener) else { continue };
            let takes_events = leg.stream(Kind::Audio).is_some_and(NegotiatedStream::has_events);
            let relayed = way == KeyWay::Packet && takes_events;
            if matches!(leg.phase, LegPhase::Up) && !relayed {
                self.send_dtmf(now, listener, digit, out);
            }
        }
    }

    pub(super) fn on_media(&mut self, now: Instant, event: media::Event, out: &mut Vec<Effect>) {
        let Some((id, kind)) = self.owners.get(&port_of(&event)).copied() else { return };
        match event {
            // Of a second branch of a fork the first packet is none of the port's.
            media::Event::FirstPacket { .. } | media::Event::Latched { .. } => {
                let Some(leg) = self.legs.get_mut(&id) else { return };
                // A check has chosen an address: nothing of the phone is heard by that.
                if leg.stream_port(kind).is_awaiting() {
                    return;
                }
                let before = leg.is_heard();
                leg.stream_port_mut(kind).life = Life::Heard;
                if matches!(leg.phase, LegPhase::Calling { .. }) && !before {
                    out.push(Effect::Event(Event::EarlyMedia { leg: id }));
                }
            }
            media::Event::Dtmf { digit, .. } => self.key(now, id, digit, KeyWay::Packet, out),
            media::Event::KeyFrameWanted { .. } => {
                let (kind, text) = (legacy_info::MEDIA_CONTROL, legacy_info::PICTURE_FAST_UPDATE);
                self.legacy_info(now, id, kind, text, out);
            }
            media::Event::Silent { span, lifeless, .. } => {
                let Some(leg) = self.legs.get_mut(&id) else { return };
                let lifeless_since = now.before(lifeless);
                let life = Life::Silent { lifeless_since };
                let before = std::mem::replace(&mut leg.stream_port_mut(kind).life, life);
                let first = leg.first_kind();
                if kind == first && !matches!(before, Life::Silent { .. }) {
                    out.push(Effect::Event(Event::Silent { leg: id, span }));
                }
                self.end_lifeless(now, id, out);
            }
            media::Event::Dropped { dropped, .. } => {
                out.push(Effect::Event(Event::Dropped { leg: id, dropped }));
            }
            media::Event::ConsentLost { .. } => self.lose(now, id, out),
            media::Event::Fed { source, .. } => {
                if let Some(leg) = self.legs.get_mut(&id) {
                    leg.stream_port_mut(kind).fed = source;
                }
                self.report_senses(id, out);
            }
            media::Event::Health { health, .. } => {
                let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.watched) else { return };
                leg.stream_port_mut(kind).health = Some(health);
                // Once a second for both streams together.
                if kind == Kind::Audio || leg.open_port(Kind::Audio).is_none() {
                    let Some(leg) = self.legs.get(&id) else { return };
                    let mut health = leg.report();
                    let partner = self.partner(id).and_then(|partner| self.legs.get(&partner));
                    health.transcoding |= partner.is_some_and(|partner| leg.is_converted(partner));
                    out.push(Effect::Event(Event::Health { leg: id, health }));
                }
            }
        }
    }
}

fn port_of(event: &media::Event) -> PortId {
    match event {
        media::Event::FirstPacket { port }
        | media::Event::Latched { port, .. }
        | media::Event::Dtmf { port, .. }
        | media::Event::KeyFrameWanted { port }
        | media::Event::Silent { port, .. }
        | media::Event::Dropped { port, .. }
        | media::Event::ConsentLost { port }
        | media::Event::Fed { port, .. }
        | media::Event::Health { port, .. } => *port,
    }
}

/// Reads a session description.
fn read(body: &Body) -> Result<Description, u16> {
    let kind = body.content_type.split(';').next().unwrap_or("").trim();
    if !kind.eq_ignore_ascii_case("application/sdp") {
        return Err(415);
    }
    Description::read(&body.bytes).map_err(|error| error.what.status())
}

/// RFC 3261 §21.4.13: what would be accepted.
fn accept_header(status: u16) -> Vec<OwnHeader> {
    match status {
        415 => vec![
            (HeaderName::Accept, multipart::ACCEPTED.to_owned()),
            (HeaderName::AcceptEncoding, "identity".to_owned()),
        ],
        _ => vec![],
    }
}
