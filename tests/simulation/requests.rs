//! What a phone is asked, and how it answers.

use super::network::Event;
use super::phone::{ALLOW, Purpose, Server, State, T1, T2, TIMEOUT};
use super::world::World;
use cordboard::sip::{self, HeaderName, Message, Method, Request, StatusCode};

impl World {
    pub fn on_request(&mut self, phone: usize, request: Request) {
        let via = request.headers.via().ok();
        let branch = via.as_ref().and_then(|via| via.branch()).unwrap_or_default();
        let call_id = request.headers.call_id().unwrap_or_default().to_owned();
        let known = self.by_call.get(&call_id).copied();
        let known = known.filter(|id| self.dialogs[*id as usize].phone == phone);
        if request.method == Method::ACK {
            return self.on_ack(&format!("{branch} INVITE"), known, &request);
        }
        let key = format!("{branch} {}", request.method);
        if let Some(server) = self.servers.get(&key) {
            let again = server.response.clone();
            return again.into_iter().for_each(|bytes| self.send(phone, bytes));
        }
        if known.is_some_and(|id| self.dialog(id).silent) {
            return;
        }
        let in_dialog = request.headers.to_tag().is_some();
        let id = match known {
            Some(id) if in_dialog || request.method == Method::CANCEL => id,
            None if request.method == Method::INVITE && !in_dialog => {
                self.new_dialog(phone, Purpose::Call, State::Ringing, call_id)
            }
            _ => return self.answer_plainly(phone, &request, 481),
        };
        let server = Server {
            phone,
            dialog: id,
            request,
            response: None,
            repeating: false,
            interval: T1,
            until: self.now.instant + TIMEOUT,
        };
        let request = server.request.clone();
        self.servers.insert(key.clone(), server);
        if in_dialog {
            self.on_dialog_request(id, &key, &request);
        } else if request.method == Method::CANCEL {
            self.answer(&key, 200, "");
            if self.dialog(id).state == State::Ringing {
                self.refuse(id, 487);
            }
        } else {
            self.on_invited(id, key, &request);
        }
    }

    fn answer_plainly(&mut self, phone: usize, request: &Request, status: u16) {
        let mut response = request.response(StatusCode::new(status).expect("a status"));
        if response.headers.to_tag().is_none() {
            response.headers.set_to_tag("stranger");
        }
        let mut bytes = Vec::new();
        sip::print(&Message::Response(response), &mut bytes);
        self.send(phone, bytes);
    }

    fn on_invited(&mut self, id: u32, key: String, request: &Request) {
        let tag = self.chance.hex(10);
        let from = request.headers.get(HeaderName::From).unwrap_or_default().to_owned();
        let to = request.headers.get(HeaderName::To).unwrap_or_default().to_owned();
        let contact = request.headers.contact().map(|contact| contact.uri.to_string());
        let dialog = self.dialog(id);
        dialog.local = format!("{to};tag={tag}");
        dialog.remote = from;
        dialog.target = contact.unwrap_or_default();
        dialog.invite = key;
        dialog.sdp = !request.body.is_empty();
        if !request.body.is_empty() {
            self.read(id, &request.body);
        }
        self.on_rung(id);
    }

    fn on_dialog_request(&mut self, id: u32, key: &str, request: &Request) {
        let state = self.dialog(id).state;
        let method = &request.method;
        let busy = self.dialog(id).offering;
        match state {
            State::Over if *method != Method::BYE => return self.answer(key, 481, ""),
            _ => {}
        }
        match *method {
            Method::BYE => {
                self.answer(key, 200, "");
                if state == State::Ringing {
                    self.refuse(id, 487);
                }
                self.stop_repeating(id);
                self.over(id);
            }
            Method::INVITE if busy || matches!(state, State::Ringing | State::Answered) => {
                self.answer(key, 491, "");
            }
            Method::INVITE => {
                self.read(id, &request.body);
                let body = self.describe(id);
                self.answer(key, 200, &body);
            }
            Method::UPDATE if request.body.is_empty() => self.answer(key, 200, ""),
            Method::UPDATE if busy => self.answer(key, 491, ""),
            Method::UPDATE => {
                self.read(id, &request.body);
                let body = self.describe(id);
                self.answer(key, 200, &body);
            }
            Method::INFO => {
                self.answer(key, 200, "");
                if self.dialog(id).purpose == Purpose::Desk {
                    self.on_desk_message(id, &request.body);
                }
            }
            _ => self.answer(key, 200, ""),
        }
    }

    /// Answers a request, and repeats a final answer to an INVITE until its ACK.
    pub fn answer(&mut self, key: &str, status: u16, body: &str) {
        let Some(server) = self.servers.get(key) else { return };
        let (phone, id) = (server.phone, server.dialog);
        let code = StatusCode::new(status).expect("a status");
        let mut response = server.request.response(code);
        let own = &self.phones[phone];
        response
            .headers
            .push(HeaderName::Contact, format_args!("<sip:{}@{}>", own.name, own.address));
        response.headers.push(HeaderName::Allow, ALLOW);
        let local = &self.dialogs[id as usize].local;
        if let Some((_, tag)) = local.rsplit_once(";tag=") {
            response.headers.set_to_tag(tag);
        }
        if self.dialogs[id as usize].purpose == Purpose::Desk {
            let recv_info = HeaderName::RecvInfo;
            response.headers.push(recv_info, "operator-desk");
        }
        if !body.is_empty() {
            response.headers.push(HeaderName::ContentType, "application/sdp");
            response.body = body.as_bytes().into();
        }
        let mut bytes = Vec::new();
        sip::print(&Message::Response(response), &mut bytes);
        let now = self.now.instant;
        let server = self.servers.get_mut(key).expect("it was there a moment ago");
        server.response = Some(bytes.clone());
        if server.request.method == Method::INVITE && status >= 200 {
            server.repeating = true;
            server.until = now + TIMEOUT;
            self.agenda.add(now + T1, Event::RepeatAnswer(key.to_owned()));
            if status < 300 {
                self.dialog(id).unacknowledged = key.to_owned();
            }
        }
        self.send(phone, bytes);
    }

    pub fn repeat_answer(&mut self, key: &str) {
        let now = self.now.instant;
        let Some(server) = self.servers.get_mut(key).filter(|server| server.repeating) else {
            return;
        };
        let id = server.dialog;
        if now >= server.until {
            server.repeating = false;
            // A refusal of what a process asked that is gone.
            if !self.crashed.is_empty() && self.dialog(id).unacknowledged != key {
                return;
            }
            return self.fail(format!("c{id}: a final response was never acknowledged"), &[id]);
        }
        server.interval = (server.interval * 2).min(T2);
        let (at, phone) = (now + server.interval, server.phone);
        let bytes = server.response.clone().unwrap_or_default();
        self.agenda.add(at, Event::RepeatAnswer(key.to_owned()));
        self.send(phone, bytes);
    }

    fn stop_repeating(&mut self, id: u32) {
        let key = self.dialog(id).unacknowledged.clone();
        if let Some(server) = self.servers.get_mut(&key) {
            server.repeating = false;
        }
    }

    fn on_ack(&mut self, refused: &str, known: Option<u32>, request: &Request) {
        if let Some(server) = self.servers.get_mut(refused) {
            server.repeating = false;
            return;
        }
        let Some(id) = known else { return };
        let cseq = request.headers.cseq().map_or(0, |(number, _)| number);
        let Some(server) = self.servers.get_mut(&self.dialogs[id as usize].unacknowledged) else {
            return;
        };
        if server.request.headers.cseq().map_or(0, |(number, _)| number) != cseq {
            return;
        }
        server.repeating = false;
        if self.dialog(id).state != State::Answered {
            return;
        }
        self.dialog(id).state = State::Up;
        if !self.dialog(id).sdp {
            self.read(id, &request.body);
        }
        self.on_up(id);
        if self.dialog(id).hang_up_on_ack {
            self.hang_up(id);
        }
    }

    // ---- what the person does with a ringing phone ----

    pub fn ring(&mut self, id: u32) {
        if self.dialog(id).state == State::Ringing {
            let key = self.dialog(id).invite.clone();
            self.answer(&key, 180, "");
        }
    }

    pub fn pick(&mut self, id: u32) {
        if self.dialog(id).state == State::Ringing {
            let (key, body) = (self.dialog(id).invite.clone(), self.describe(id));
            self.dialog(id).state = State::Answered;
            self.answer(&key, 200, &body);
        }
    }

    pub fn refuse(&mut self, id: u32, status: u16) {
        if self.dialog(id).state == State::Ringing {
            let key = self.dialog(id).invite.clone();
            self.answer(&key, status, "");
            self.over(id);
        }
    }
}
