//! What must hold, whatever the network loses and people do.
//!
//! * Nobody receives a packet of a conversation they are not in: requirements R5, at the moment at
//!   which the packet leaves the relay.
//! * Each INVITE has one final response, each final response its ACK (the phones look at that).
//! * Of any number of takes one wins; a caller's announced position never rises.
//! * What is confirmed stands in the journal before that is said, and for ever.
//! * Each call has one record with one end; no relay port is opened twice or left open.
//! * When all have hung up, nothing is left: no call, leg, transaction or port, no busy operator.

use super::sound;
use super::testbed::{DESKS, PHONE_OPERATORS, TERMINALS};
use super::world::World;
use cordboard::call::LogEvent;
use cordboard::call::call_record::{CallRecord, Ended};
use cordboard::cause::Cause;
use cordboard::exchange::journal::JournalEntry;
use cordboard::exchange::{AdminRequest, Effect, Input, Reply};
use cordboard::ids::{CallId, OperatorId, PortId, RequestId};
use cordboard::media::Command;
use cordboard::sip::{self, HeaderName, Message, Method};
use cordboard::switchboard::CallView;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// Phones outside of the house.
pub const CALLERS: usize = 24;

/// What somebody is in a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Role {
    Caller,
    Operator,
    Callee,
}

#[derive(Debug, Default)]
pub struct Judge {
    /// By Call-ID: the call of a dialog, and what its phone is there.
    links: BTreeMap<String, (CallId, Role)>,
    /// The Call-ID of the INVITE, ACK, REFER or 488 that the house is reading: what it calls now it calls
    /// for that call, a 488 being followed by one more try with all codecs. Answered callers wait from
    /// their ACK on.
    arriving: String,
    views: Option<Vec<CallView>>,
    records: BTreeMap<CallId, Option<Ended>>,
    arrived: BTreeSet<CallId>,
    requests: BTreeMap<RequestId, CallId>,
    taken: BTreeMap<CallId, OperatorId>,
    /// By operator's place and request: how often the log tells of the take, and how often the
    /// desk was told that it has won.
    takes: BTreeMap<(usize, CallId), (u64, u64)>,
    positions: BTreeMap<String, u64>,
    reliable: BTreeSet<(String, u32)>,
    ports: BTreeSet<PortId>,
    refusals: BTreeMap<u16, u64>,
    endings: BTreeMap<String, u64>,
    handed_over: u64,
    transfers: u64,
    packets: u64,
    /// Of those, what browsers have said or heard.
    sealed: u64,
}

/// In these phases a call is at the ear of its operator: one at each.
const AT_EAR: [&str; 5] =
    ["with-caller", "consulting", "talking-to-callee", "alternated", "connected"];

/// R5: who gets whose sound, by the phase of the call.
fn may_hear(phase: &str, speaker: Role, listener: Role) -> bool {
    use Role::{Callee, Caller, Operator};
    match (phase, speaker, listener) {
        ("with-caller" | "alternated", Caller, Operator) => true,
        ("with-caller" | "alternated", Operator, Caller) => true,
        // The callee's early media.
        ("consulting", Callee, Operator) => true,
        ("talking-to-callee", Callee, Operator) => true,
        ("talking-to-callee", Operator, Callee) => true,
        ("connected" | "handed-over", Caller, Callee) => true,
        ("connected" | "handed-over", Callee, Caller) => true,
        ("direct-ringing" | "entrusted", Callee, Caller) => true,
        // Connected before the operator went to another call, or its phone was lost; left to a phone, from its early media on.
        ("in-hand" | "ringing-you" | "handing-over" | "serial", Caller, Callee) => true,
        ("in-hand" | "ringing-you" | "handing-over" | "serial", Callee, Caller) => true,
        // Among the parties of an ordinary call there are no secrets, transfers included.
        ("talking" | "transferring", _, _) => true,
        _ => false,
    }
}

impl Judge {
    pub fn heard_by_house(&mut self, bytes: &[u8]) {
        self.arriving.clear();
        let followed: [&[u8]; 4] = [b"INVITE ", b"ACK ", b"REFER ", b"SIP/2.0 488 "];
        if followed.iter().any(|start| bytes.starts_with(start))
            && let Ok(message) = sip::parse(bytes)
        {
            let headers = match &message {
                Message::Request(request) => &request.headers,
                Message::Response(response) => &response.headers,
            };
            self.arriving = headers.call_id().unwrap_or_default().to_owned();
        }
    }

    /// Which desks were told that they took which calls.
    pub fn confirmed_takes(&self) -> impl Iterator<Item = (CallId, &'static str)> {
        let confirmed = self.takes.iter().filter(|(_, (_, confirmed))| *confirmed > 0);
        confirmed.map(|((desk, call), _)| (*call, DESKS[*desk]))
    }

    /// Of the records only those count that the disk has: what was said of others, nobody was promised.
    pub fn only_written_count(&mut self, written: &BTreeMap<CallId, CallRecord>) {
        self.records = written.iter().map(|(call, record)| (*call, record.ended)).collect();
        self.arrived.retain(|call| written.contains_key(call));
        let confirmed: BTreeSet<(CallId, &str)> = self.confirmed_takes().collect();
        self.taken.retain(|call, by| confirmed.contains(&(*call, by.as_str())));
    }

    /// The journal was in trouble before a kill: callers whose end it has not wait again.
    pub fn positions_are_old(&mut self) {
        self.positions.clear();
    }

    /// Whether a call has its end, for another reason than a crash.
    pub fn has_ended_by_itself(&self, call: CallId) -> bool {
        let ended = self.records.get(&call).copied().flatten();
        ended.is_some_and(|ended| ended.cause != Cause::Interrupted)
    }

    /// Another process has these ports open, of which the one before may have had more.
    pub fn ports_resumed(&mut self, ports: BTreeSet<PortId>) {
        self.ports = ports;
        self.arriving.clear();
        self.views = None;
    }

    pub fn views_are_old(&mut self) {
        self.views = None;
    }

    pub fn refused(&mut self, status: u16) {
        *self.refusals.entry(status).or_default() += 1;
    }

    pub fn transferred(&mut self, _: u32) {
        self.transfers += 1;
    }

    pub fn summary(&self, world: &World) -> String {
        format!(
            "{} calls in {} s, {} taken, {} handed over, {} transfers asked for, {} packets heard, {} of them sealed in {} handshakes; \
             {} put back, {} crashes, {} INVITEs forgotten; refusals {:?}; ends {:?}; {} troubles of the journal, {} batches unwritten, {} wishes refused",
            world.calls,
            world.now.instant.as_micros() / 1_000_000,
            self.takes.values().map(|(taken, _)| taken).sum::<u64>(),
            self.handed_over,
            self.transfers,
            self.packets,
            self.sealed,
            world.handshakes.done,
            world.put_back,
            world.crashed.len(),
            world.clients.values().filter(|client| client.answered.is_none()).count(),
            self.refusals,
            self.endings,
            world.journal.troubles,
            world.journal.failed,
            world.testbed.exchange.status().journal.refused,
        )
    }
}

impl World {
    pub fn views(&mut self) -> &[CallView] {
        if self.judge.views.is_none() {
            let (id, by) = (0, "judge".to_owned());
            let input = Input::Admin { id, by, request: AdminRequest::Calls };
            let effects = self.testbed.exchange.handle(self.now, input);
            let views = effects.into_iter().find_map(|effect| match effect {
                Effect::Reply { reply: Reply::Calls(views), .. } => Some(views),
                _ => None,
            });
            self.judge.views = Some(views.unwrap_or_default());
        }
        self.judge.views.as_deref().unwrap_or_default()
    }

    // ---- who hears whom ----

    pub fn judge_sound(&mut self, to: SocketAddr, packet: &[u8]) {
        let Some(listener) = self.places.get(&to).copied() else {
            return self.fail(format!("a packet to {to}, where nobody listens"), &[]);
        };
        let Some(packet) = self.opened(listener, packet) else { return };
        if !sound::is_speech(&packet) {
            return;
        }
        self.judge.packets += 1;
        let Some(speaker) = sound::speaker(&packet) else {
            return self.fail(format!("c{listener} hears what nobody has said"), &[listener]);
        };
        let links = (self.in_call(speaker), self.in_call(listener));
        let (Some((call, from)), Some((other, role))) = links else {
            let what = format!("c{listener} hears c{speaker}, and one of them is in no call");
            return self.fail(what, &[speaker, listener]);
        };
        let phase = self.views().iter().find(|view| view.call == call).map(|view| view.phase);
        let phase = phase.unwrap_or("ended");
        let is_sealed = |id: u32| self.dialogs[id as usize].transport.is_some();
        self.judge.sealed += u64::from(is_sealed(speaker) || is_sealed(listener));
        if call != other || !may_hear(phase, from, role) {
            let what = format!(
                "c{listener}, {role:?} in {other}, hears c{speaker}, {from:?} in {call}: {phase}"
            );
            self.fail(what, &[speaker, listener]);
        }
    }

    /// In which call somebody is, and as what. An operator talks at one phone to all that are in its hand, to
    /// one at a time.
    fn in_call(&mut self, id: u32) -> Option<(CallId, Role)> {
        let dialog = &self.dialogs[id as usize];
        let (phone, call_id) = (dialog.phone, dialog.call_id.clone());
        let link = self.judge.links.get(&call_id).copied()?;
        if link.1 != Role::Operator {
            return Some(link);
        }
        let number = self.phones[phone].name.clone();
        let operators = DESKS.iter().chain(&PHONE_OPERATORS).zip(&TERMINALS);
        let mut own = operators.filter(|(_, terminal)| terminal.number == number);
        let operator = own.next().map(|(name, _)| *name)?;
        let at_ear: Vec<CallId> = self
            .views()
            .iter()
            .filter(|view| view.operator.as_ref().is_some_and(|by| by.as_str() == operator))
            .filter(|view| AT_EAR.contains(&view.phase))
            .map(|view| view.call)
            .collect();
        if at_ear.len() > 1 {
            self.fail(format!("{operator} has {at_ear:?} at the ear"), &[id]);
        }
        at_ear.first().map_or(Some(link), |call| Some((*call, Role::Operator)))
    }

    /// A message that the house sends: whom it calls for which call, and what it announces.
    pub fn judge_message(&mut self, phone: usize, bytes: &[u8]) {
        if bytes.starts_with(b"SIP/2.0 200 ") {
            self.judge_registration(bytes);
        }
        if bytes.starts_with(b"SIP/2.0 182 ") {
            return self.judge_position(bytes);
        }
        if !bytes.starts_with(b"INVITE ") {
            return;
        }
        let Ok(Message::Request(invite)) = sip::parse(bytes) else { return };
        let call_id = invite.headers.call_id().unwrap_or_default().to_owned();
        if invite.headers.to_tag().is_some() || self.judge.links.contains_key(&call_id) {
            return;
        }
        let Ok(from) = invite.headers.from() else { return };
        let callee = self.phones[phone].name.clone();
        self.judge.views = None;
        let link = self.link(
            from.display.as_deref().unwrap_or_default(),
            &from.uri.user().unwrap_or_default(),
            &callee,
        );
        match link {
            Some(link) => {
                self.judge.links.insert(call_id, link);
            }
            None => self.fail(format!("the house calls {callee} for no call, {from}"), &[]),
        }
    }

    fn link(&mut self, display: &str, user: &str, callee: &str) -> Option<(CallId, Role)> {
        let named = display.strip_prefix('c').and_then(|id| id.parse::<usize>().ok());
        let named = named.and_then(|id| self.dialogs.get(id)).map(|dialog| dialog.call_id.clone());
        let named = named.and_then(|call_id| self.judge.links.get(&call_id)).copied();
        // An attacker's call bears its Call-ID.
        let named = named.or_else(|| self.judge.links.get(user).copied());
        let operator = DESKS.iter().chain(&PHONE_OPERATORS).zip(&TERMINALS);
        let operator =
            operator.clone().find(|(_, phone)| phone.number == user).map(|(name, _)| *name);
        let views = self.views();
        let wanted = |view: &&CallView| view.callee.as_ref().is_some_and(|c| c.as_str() == callee);
        if let Some((call, _)) = named {
            let view = views.iter().find(|view| view.call == call)?;
            let direct = matches!(
                view.phase,
                "direct-ringing" | "talking" | "transferring" | "handing-over"
            );
            return Some((call, if direct { Role::Callee } else { Role::Operator }));
        }
        let own = |view: &&CallView| {
            view.operator.as_ref().is_some_and(|own| operator == Some(own.as_str()))
        };
        // Another of its calls may wait with a callee of the same number.
        let rings = views.iter().filter(wanted).filter(own).find(|view| view.phase == "consulting");
        let consulting = rings.or_else(|| views.iter().filter(wanted).find(own));
        if let Some(view) = consulting {
            return Some((view.call, Role::Callee));
        }
        let (call, _) = self.judge.links.get(&self.judge.arriving)?;
        Some((*call, Role::Callee))
    }

    /// A phone is told that it is registered.
    fn judge_registration(&mut self, bytes: &[u8]) {
        let Ok(Message::Response(response)) = sip::parse(bytes) else { return };
        let headers = &response.headers;
        let is_register = headers.cseq().is_ok_and(|(_, method)| method == Method::REGISTER);
        if !is_register || headers.get(HeaderName::Contact).is_none() {
            return;
        }
        let to = headers.to().ok().and_then(|to| to.uri.user().map(|user| user.into_owned()));
        let number = to.unwrap_or_default();
        if !self.journal.has_contact(&number) {
            self.fail(format!("{number} was told that it is registered, and is not"), &[]);
        }
    }

    fn judge_position(&mut self, bytes: &[u8]) {
        let Ok(Message::Response(response)) = sip::parse(bytes) else { return };
        let position = response.reason.rsplit(' ').next().and_then(|word| word.parse().ok());
        let (Some(position), Ok(call_id)) = (position, response.headers.call_id()) else { return };
        // A reliable one that is repeated until its PRACK says nothing new (RFC 3262 §3).
        let rseq = response.headers.rseq().ok().flatten().map(|rseq| (call_id.to_owned(), rseq));
        if rseq.is_some_and(|rseq| !self.judge.reliable.insert(rseq)) {
            return;
        }
        let before = self.judge.positions.insert(call_id.to_owned(), position);
        // One caller of higher priority pushes it back by one place.
        if before.is_some_and(|before| before + 1 < position) {
            let what = format!("the position of {call_id} rises from {before:?} to {position}");
            let id = self.by_call.get(call_id).copied();
            self.fail(what, id.as_slice());
        }
    }

    // ---- takes, records, ports ----

    pub fn judge_log_event(&mut self, log_event: &LogEvent) {
        let judge = &mut self.judge;
        match log_event {
            LogEvent::Arrived { call, dialled, .. } => {
                judge.links.insert(judge.arriving.clone(), (*call, Role::Caller));
                // A feature code is a command, not a call.
                if !dialled.as_str().starts_with('*') {
                    judge.arrived.insert(*call);
                }
            }
            LogEvent::Queued { call, request, .. } => {
                judge.requests.insert(*request, *call);
                judge.taken.remove(call);
            }
            LogEvent::Taken { call, operator, .. } => {
                let at = DESKS.iter().position(|name| *name == operator.as_str());
                if let Some(at) = at {
                    judge.takes.entry((at, *call)).or_default().0 += 1;
                }
                if let Some(other) = judge.taken.insert(*call, operator.clone()) {
                    self.fail(format!("{call} is taken by {operator} and by {other}"), &[]);
                }
            }
            LogEvent::Parked { call, .. }
            | LogEvent::PhoneFailed { call, .. }
            | LogEvent::NotHandedOver { call, .. }
            | LogEvent::Unwritten { call, what: "take", .. } => {
                judge.taken.remove(call);
            }
            LogEvent::HandedOver { .. } => judge.handed_over += 1,
            LogEvent::Ended { call, cause: Cause::Internal, .. } => {
                self.fail(format!("{call} ended for a reason of ours"), &[]);
            }
            LogEvent::Ended { cause, .. } => *judge.endings.entry(cause.word()).or_default() += 1,
            LogEvent::Answered { .. }
            | LogEvent::Recorded { .. }
            | LogEvent::GoesOn { .. }
            | LogEvent::SentOn { .. }
            | LogEvent::Night { .. }
            | LogEvent::CameBack { .. }
            | LogEvent::Transferred { .. }
            | LogEvent::Refused { .. }
            | LogEvent::Unwritten { .. }
            | LogEvent::DeskUp { .. }
            | LogEvent::DeskGone { .. } => {}
        }
    }

    /// A desk is told that it has won.
    pub fn judge_take(&mut self, desk: usize, request: &str, id: u32) {
        let call = RequestId::parse(request).and_then(|id| self.judge.requests.get(&id)).copied();
        let Some(call) = call else {
            return self.fail(format!("c{id} has taken {request}, which nobody knows"), &[id]);
        };
        let (told, confirmed) = self.judge.takes.entry((desk, call)).or_default();
        *confirmed += 1;
        if confirmed > told {
            return self.fail(format!("c{id} was told that it took {call}, and did not"), &[id]);
        }
        let kept = self.journal.held.calls.get(&call);
        let operator = DESKS[desk];
        if !kept.is_some_and(|record| record.operators.iter().any(|by| by.as_str() == operator)) {
            self.fail(format!("c{id} was told that it took {call} before that was written"), &[id]);
        }
    }

    pub fn judge_entry(&mut self, entry: &JournalEntry) {
        let JournalEntry::Call(record) = entry else { return };
        let before = self.judge.records.insert(record.call, record.ended);
        if let Some(Some(before)) = before
            && Some(before) != record.ended
        {
            let what = format!("{} ended as {before:?} and now as {:?}", record.call, record.ended);
            self.fail(what, &[]);
        }
    }

    pub fn judge_media(&mut self, command: &Command) {
        let fault = match command {
            Command::Open { port, .. } => {
                (!self.judge.ports.insert(*port)).then_some((port, "opened twice"))
            }
            Command::Close { port } => {
                (!self.judge.ports.remove(port)).then_some((port, "closed, but not open"))
            }
            Command::Update { port, .. } => {
                (!self.judge.ports.contains(port)).then_some((port, "used, but not open"))
            }
            Command::Patch(_)
            | Command::KeyFrame { .. }
            | Command::Dtmf { .. }
            | Command::Pressed { .. }
            | Command::Intercept { .. }
            | Command::Watch { .. }
            | Command::Record { .. }
            | Command::Preview { .. } => None,
        };
        if let Some((port, what)) = fault {
            self.fail(format!("{port} is {what}"), &[]);
        }
    }

    // ---- the end ----

    /// Everybody has hung up and every timer has run out.
    pub fn judge_the_end(&mut self) {
        let status = self.testbed.exchange.status();
        let left = (status.calls, status.waiting, status.legs, status.transactions);
        if left != (0, 0, 0, (0, 0)) || !self.testbed.exchange.is_quiet() {
            let views = self.views().to_vec();
            return self.fail(format!("something is left: {status:?} {views:?}"), &[]);
        }
        if self.judge.sealed == 0 {
            return self.fail("no browser was ever heard".into(), &[]);
        }
        if let Some(port) = self.judge.ports.first() {
            return self.fail(format!("{port} is left open"), &[]);
        }
        if let Some((call, _)) = self.judge.records.iter().find(|(_, ended)| ended.is_none()) {
            return self.fail(format!("{call} has a record without an end"), &[]);
        }
        let missing =
            self.judge.arrived.iter().find(|call| !self.journal.held.calls.contains_key(call));
        if let Some(call) = missing {
            return self.fail(format!("{call} has no record"), &[]);
        }
        // What a process took on in its last milliseconds the next one knows nothing of.
        let mut waiting = self.clients.iter().filter(|(_, client)| client.answered.is_none());
        let few = if self.journal.troubles > 0 { 1 } else { 3 };
        if let Some((key, client)) = waiting.nth(self.crashed.len() / few) {
            let (what, id) = (format!("{key} was never answered"), client.dialog);
            return self.fail(what, &[id]);
        }
        self.judge_journal();
        if let Some((id, command)) = self.unresolved() {
            return self.fail(format!("{command} has no result"), &[id]);
        }
        let (id, by) = (0, "judge".to_owned());
        let input = Input::Admin { id, by, request: AdminRequest::Operators };
        for effect in self.testbed.exchange.handle(self.now, input) {
            if let Effect::Reply { reply: Reply::Operators(views), .. } = effect
                && let Some(view) =
                    views.iter().find(|view| view.state == "busy" || view.call.is_some())
            {
                self.fail(format!("an operator is left busy: {view:?}"), &[]);
            }
        }
    }
}
