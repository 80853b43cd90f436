//! The way from a 2xx to its ACK, in both directions (RFC 3261 §13.2.2.4, §13.3.1.4).

use super::context::DialogContext;
use super::effect::{Effect, EndingSide, Event};
use super::handshake::{AckDue, Handshake};
use super::identity::DialogIdentity;
use super::message::{Body, description_of, put_body, put_lines};
use super::sent::Purpose;
use super::session::{InviteSession, SessionState};
use super::settings::{GIVE_UP, Settings, T1, T2};
use super::transactions::{ClientTx, ServerTx};
use crate::cause::Cause;
use crate::sip::{Destination, Method, Request, Response};
use crate::time::Repeat;

impl InviteSession {
    /// Sends the ACK of a 2xx and keeps it for the copies of the 2xx.
    pub(super) fn acknowledge(
        &mut self,
        cx: &mut DialogContext<'_>,
        invite: ClientTx,
        seq: u32,
        body: Option<&Body>,
    ) {
        let ack = self.ack(&self.dialog, cx.settings, seq, body);
        let tag = self.dialog.remote_tag().to_owned();
        self.send_ack(cx, invite, tag, (self.dialog.way.destination, ack));
    }

    /// The ACK of a 2xx in this dialog, ours or that of another branch.
    fn ack(
        &self,
        dialog: &DialogIdentity,
        settings: &Settings,
        seq: u32,
        body: Option<&Body>,
    ) -> Request {
        let mut ack = dialog.ack(seq, settings);
        put_lines(&mut ack.headers, self.credentials.of_ack());
        put_body(&mut ack, body);
        ack
    }

    fn send_ack(
        &mut self,
        cx: &mut DialogContext<'_>,
        invite: ClientTx,
        tag: String,
        (to, ack): (Destination, Request),
    ) {
        cx.out.push(Effect::Forward { to, request: ack.clone() });
        self.acks.keep(cx, invite, tag, (to, ack));
    }

    /// A 2xx to an INVITE that was answered already: a copy gets its ACK again; what another
    /// branch of the fork says gets ACK and BYE (§13.2.2.4).
    pub(super) fn on_late_success(
        &mut self,
        cx: &mut DialogContext<'_>,
        invite: ClientTx,
        response: &Response,
    ) {
        let tag = response.headers.to_tag().unwrap_or_default();
        if let Some((to, ack)) = self.acks.of(invite, tag) {
            cx.out.push(Effect::Forward { to, request: ack.clone() });
            return;
        }
        if let Handshake::AnswerDue { invite: due, .. } = &self.handshake
            && *due == invite
            && self.dialog.remote_tag() == tag
        {
            return; // The answer is on its way from the floor above.
        }
        let Ok((seq, _)) = response.headers.cseq() else {
            return;
        };
        let mut other = self.dialog.with_response(response);
        let to = other.way.destination;
        let ack = self.ack(&other, cx.settings, seq, None);
        self.send_ack(cx, invite, other.remote_tag().to_owned(), (to, ack));
        let bye = other.request(Method::BYE, cx.settings);
        self.send_request(cx, to, bye, Purpose::Nothing);
    }

    /// A copy of a 2xx whose transaction is gone: it gets its ACK again, where that is still kept.
    pub(super) fn on_copied_success(&mut self, cx: &mut DialogContext<'_>, response: &Response) {
        let tag = response.headers.to_tag().unwrap_or_default();
        let Ok((seq, _)) = response.headers.cseq() else { return };
        match self.acks.of_numbered(seq, tag) {
            Some((to, ack)) => cx.out.push(Effect::Forward { to, request: ack.clone() }),
            None => self.on_unremembered_success(cx, seq, response),
        }
    }

    /// The floor above answers the offer in a 2xx, or ends the leg without.
    pub(super) fn answer_due(&mut self, cx: &mut DialogContext<'_>, body: Option<Body>) {
        if let Handshake::AnswerDue { invite, seq } = self.handshake {
            self.handshake = Handshake::Done;
            self.acknowledge(cx, invite, seq, body.as_ref());
            if body.is_some() {
                self.last_body = body;
            }
            self.next_change(cx);
        }
    }

    /// The ACK of our 2xx. Nobody can be asked to prove one (§22.1). One from elsewhere counts, for it may
    /// come past a proxy that stays out of the way; but not where it has to bring an answer, which says
    /// where sound and picture go.
    pub fn on_ack(&mut self, cx: &mut DialogContext<'_>, believed: bool, ack: &Request) {
        let seq = ack.headers.cseq().map(|(number, _)| number).ok();
        match &self.handshake {
            Handshake::AckDue(due) if due.wants_answer && !believed => {}
            Handshake::AckDue(due) if Some(due.seq) == seq => {
                let body = description_of(&ack.headers, &ack.body);
                self.acked_by_peer(cx, body);
            }
            Handshake::AckDue(_) | Handshake::AnswerDue { .. } | Handshake::Done => {}
        }
    }

    /// The peer has our 2xx: its ACK came, or something that it sends only after it.
    pub(super) fn acked_by_peer(&mut self, cx: &mut DialogContext<'_>, body: Option<Body>) {
        let Handshake::AckDue(due) = std::mem::replace(&mut self.handshake, Handshake::Done) else {
            return;
        };
        let body = body.filter(|_| due.wants_answer);
        match &mut self.state {
            SessionState::Over { bye, .. } => {
                if let Some(headers) = bye.take() {
                    self.send_bye(cx, &headers);
                }
            }
            SessionState::Established | SessionState::Calling(_) | SessionState::Ringing(_) => {
                match body {
                    body if due.first => cx.tell(Event::Confirmed { body }),
                    Some(body) => cx.tell(Event::ReofferConfirmed { body }),
                    None => {}
                }
                self.next_change(cx);
            }
        }
    }

    /// Starts to repeat a 2xx of ours.
    pub(super) fn repeat_until_ack(
        &mut self,
        cx: &mut DialogContext<'_>,
        transaction: ServerTx,
        response: Response,
        wants_answer: bool,
        first: bool,
    ) {
        let seq = response.headers.cseq().map_or(0, |(number, _)| number);
        let repeat = Repeat::new(cx.now, T1, T2);
        let give_up = cx.now + GIVE_UP;
        cx.respond(transaction, response.clone());
        let due = AckDue { transaction, seq, response, repeat, give_up, wants_answer, first };
        self.handshake = Handshake::AckDue(Box::new(due));
    }

    pub(super) fn tick_handshake(&mut self, cx: &mut DialogContext<'_>) {
        let Handshake::AckDue(due) = &mut self.handshake else {
            return;
        };
        if cx.now >= due.give_up {
            self.handshake = Handshake::Done;
            match &mut self.state {
                // §13.3.1.4: no ACK, so BYE.
                SessionState::Over { bye, .. } => {
                    if let Some(headers) = bye.take() {
                        self.send_bye(cx, &headers);
                    }
                }
                SessionState::Established | SessionState::Calling(_) | SessionState::Ringing(_) => {
                    self.give_up(cx, Cause::Lost, EndingSide::Timer);
                }
            }
        } else if cx.now >= due.repeat.at() {
            due.repeat = due.repeat.next();
            let (transaction, response) = (due.transaction, due.response.clone());
            cx.out.push(Effect::Respond { transaction, response });
        }
    }
}
