//! What a phone is answered.

use super::network::{Deed, Event};
use super::phone::State;
use super::testbed::password;
use super::world::World;
use cordboard::sip::digest::{Challenge, Chance, DigestLogin, Protected};
use cordboard::sip::{self, HeaderName, Message, Method, Response, StatusCode};
use cordboard::time::{Duration, Instant};

/// So long before its end a process may say what the next one knows nothing of.
const SAID_LAST: Duration = Duration::from_millis(50);
/// So long a datagram takes at most.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

impl World {
    pub fn on_response(&mut self, response: &Response) {
        let via = response.headers.via().ok();
        let branch = via.as_ref().and_then(|via| via.branch()).unwrap_or_default();
        let Ok((cseq, method)) = response.headers.cseq() else { return };
        let key = format!("{branch} {method}");
        let Some(client) = self.clients.get_mut(&key) else {
            return self.fail(format!("a response to what nobody asked: {key}"), &[]);
        };
        let (id, status) = (client.dialog, response.status.as_u16());
        if response.status.is_provisional() {
            client.provisional = true;
            if client.answered.is_none() && method == Method::INVITE {
                self.on_provisional(id, cseq, response);
            }
            return;
        }
        if let Some(before) = client.answered {
            // Of two copies of a request two processes may have had one each.
            let is_copy = !self.crashed.is_empty() && method != Method::INVITE;
            // Or what a process said in its last moment is not what the next one says; and one that has nothing but
            // the copy of an INVITE refuses that.
            let at = client.answered_at.expect("it was answered");
            let is_last_word = |crash: &Instant| {
                let was_just_said = *crash <= at + SAID_LAST && at <= *crash + ON_ITS_WAY;
                was_just_said || status >= 300 && at <= *crash
            };
            let is_copy = is_copy || self.crashed.iter().any(is_last_word);
            if before != status && !is_copy {
                let what = format!("c{id}: {method} was answered {before}, then {status}");
                return self.fail(what, &[id]);
            }
            if let Some(ack) = client.ack.clone() {
                let phone = client.phone;
                self.send(phone, ack);
            }
            if let Some(ack) = self.dialog(id).acks.get(&cseq).cloned()
                && method == Method::INVITE
                && (200..300).contains(&status)
            {
                let phone = self.dialog(id).phone;
                self.send(phone, ack);
            }
            return;
        }
        client.answered = Some(status);
        client.answered_at = Some(self.now.instant);
        if method == Method::INVITE && status >= 300 {
            let mut ack = Vec::new();
            sip::print(&Message::Request(client.request.ack_for_failure(response)), &mut ack);
            client.ack = Some(ack.clone());
            let phone = client.phone;
            self.send(phone, ack);
        }
        if status == 401 && matches!(method, Method::INVITE | Method::REGISTER) {
            return self.authenticate(id, &method, response);
        }
        match method {
            Method::INVITE => self.on_invite_answered(id, cseq, status, response),
            Method::BYE => self.over(id),
            Method::REGISTER => self.over(id),
            Method::INFO => self.on_info_answered(id, status),
            _ => {}
        }
    }

    fn authenticate(&mut self, id: u32, method: &Method, response: &Response) {
        let user = self.phones[self.dialogs[id as usize].phone].name.clone();
        let challenge = Challenge::strongest(response.headers.all(HeaderName::WwwAuthenticate));
        // Another process knows no nonce of the one before.
        let is_stale =
            !self.crashed.is_empty() && challenge.as_ref().is_some_and(|challenge| challenge.stale);
        if std::mem::replace(&mut self.dialog(id).tried, true) && !is_stale {
            return self.fail(format!("c{id}: good credentials were refused"), &[id]);
        }
        if self.dialog(id).state == State::GivenUp {
            return self.over(id);
        }
        let Some(challenge) = challenge else {
            return self.fail(format!("c{id}: 401 without a challenge"), &[id]);
        };
        let password = password(&user);
        let login = DigestLogin { user: &user, password: &password };
        let target = self.dialog(id).target.clone();
        let protected = Protected { method: method.as_str(), uri: &target };
        let cnonce = self.chance.hex(12);
        let chance = Chance { cnonce: &cnonce, count: 1 };
        let credentials = challenge.answer(&login, &protected, &chance);
        let extra = format!("{}Authorization: {credentials}\r\n", self.dialog(id).extra);
        let invites = *method == Method::INVITE;
        let body = if invites && self.dialog(id).sdp { self.describe(id) } else { String::new() };
        let key = self.request(id, method.clone(), &extra, &body);
        self.dialog(id).invite = key;
    }

    fn on_provisional(&mut self, id: u32, cseq: u32, response: &Response) {
        match self.dialog(id).state {
            State::GivenUp => return self.cancel(id),
            State::Calling => {}
            _ => return,
        }
        if response.status == StatusCode::TRYING {
            return;
        }
        if self.dialog(id).sdp {
            self.read(id, &response.body);
        }
        let rseq = response.headers.rseq().ok().flatten().unwrap_or_default();
        let last = self.dialog(id).last_rseq;
        if !response.headers.requires("100rel") || (last > 0 && rseq != last + 1) {
            return;
        }
        self.learn(id, response);
        self.dialog(id).last_rseq = rseq;
        let late_offer = !self.dialog(id).sdp && !response.body.is_empty();
        let body = if late_offer { self.describe(id) } else { String::new() };
        if late_offer {
            self.read(id, &response.body);
            self.dialog(id).sdp = true;
        }
        self.request(id, Method::PRACK, &format!("RAck: {rseq} {cseq} INVITE\r\n"), &body);
    }

    /// The far end's tag and address.
    fn learn(&mut self, id: u32, response: &Response) {
        let to = response.headers.get(HeaderName::To).unwrap_or_default().to_owned();
        let contact = response.headers.contact().map(|contact| contact.uri.to_string());
        let dialog = self.dialog(id);
        dialog.remote = to;
        if let Ok(contact) = contact {
            dialog.target = contact;
        }
    }

    fn on_invite_answered(&mut self, id: u32, cseq: u32, status: u16, response: &Response) {
        self.dialog(id).offering = false;
        if status >= 300 {
            let state = self.dialog(id).state;
            return match (state, status) {
                (State::Calling | State::GivenUp, _) => {
                    self.dialog(id).state = State::Over;
                    self.on_refused(id, status);
                }
                // RFC 3261 §12.2.1.2: the dialog is gone at the far end.
                (State::Up, 408 | 481) => self.over(id),
                (State::Up, 491) => self.after(200, 3_000, Event::Act(id, Deed::Hold)),
                _ => {}
            };
        }
        let first = matches!(self.dialog(id).state, State::Calling | State::GivenUp);
        let late_offer = first && !self.dialog(id).sdp;
        self.learn(id, response);
        let answer = if late_offer { self.describe(id) } else { String::new() };
        let ack = self.write(id, &Method::ACK, cseq, "", &answer);
        self.dialog(id).acks.insert(cseq, ack.clone());
        let phone = self.dialog(id).phone;
        self.send(phone, ack);
        match self.dialog(id).state {
            State::Calling => {
                self.dialog(id).state = State::Up;
                self.read(id, &response.body);
                self.on_up(id);
            }
            State::GivenUp => {
                self.dialog(id).state = State::Up;
                self.hang_up(id);
            }
            State::Up => self.read(id, &response.body),
            State::Ringing | State::Answered | State::Closing | State::Over => {}
        }
    }

    pub fn over(&mut self, id: u32) {
        if self.dialog(id).state != State::Over {
            self.dialog(id).state = State::Over;
            self.on_over(id);
        }
    }
}
