//! Pages: their logins, what they keep, and the connections that their sessions name (RFC 7118 §7).
//!
//! ```text
//!   name and password ──▶ registrar: the same book as digest's ─┐
//!   link ──▶ good once ─────────────────────────────────────────┴▶ session ── committed ──▶ LoggedIn
//!   PageCame ── the session holds ──▶ requests on that connection are its operator's
//!            └─ else CloseFlow
//!   logged out, expired and without a call, operator or password gone ──▶ CloseFlow for each
//! ```

use super::api::Effect;
use super::awaiting::Awaiting;
use super::journal::{JournalEntry, StoredNote};
use super::rooms::Machine;
use super::web_request::{LoginSource, SessionView, WebReply, WebRequest};
use crate::ids::{ConnectionId, Number, OperatorId, RequestId};
use crate::registrar::{PasswordVerdict, TypedPassword};
use crate::session::{ClosedSession, LoginSession, SessionKey, SessionToken};
use crate::sip::Flow;
use crate::time::Now;

impl Machine {
    pub(super) fn serve_page(
        &mut self,
        now: Now,
        id: u64,
        request: WebRequest,
        out: &mut Vec<Effect>,
    ) {
        // Whose time is over this very moment is judged first.
        self.expire_sessions(now, out);
        let reply = match request {
            WebRequest::LogIn { operator, password, source } => {
                match self.judge_password(now, &operator, &password.0, source) {
                    PasswordVerdict::Right(operator) => {
                        return self.begin_session(now, id, &operator, source, out);
                    }
                    PasswordVerdict::Wrong => WebReply::WrongPassword,
                    PasswordVerdict::Limited { retry_after } => WebReply::Limited { retry_after },
                }
            }
            WebRequest::Redeem { link, source } => {
                match self.pages.sessions.redeem(now.unix, link.key()) {
                    Some(operator) => return self.begin_session(now, id, &operator, source, out),
                    None => WebReply::WrongLink,
                }
            }
            WebRequest::Session(token) => match self.session_of(now, token) {
                Some(session) => WebReply::Session(self.session_view(&session)),
                None => WebReply::NoSession,
            },
            WebRequest::Still { session, request } => {
                return self.show_still(now, id, (session, request), out);
            }
            WebRequest::LogOut(token) => {
                let key = token.key();
                let closed = self.pages.sessions.close(key);
                // While the journal owes rows, that of this session may be one of them.
                if closed.is_some() || self.ledger.health().owed > 0 {
                    let gone = closed.unwrap_or(ClosedSession { key, flows: Vec::new() });
                    self.end_sessions(now, [gone], out);
                    return self.promise(now, Awaiting::Page(id, Box::new(WebReply::Done)), out);
                }
                WebReply::Done
            }
            WebRequest::Favourites { session, numbers } => match self.session_of(now, session) {
                Some(LoginSession { operator, .. }) => {
                    self.entries.push(JournalEntry::Favourites { operator, numbers });
                    return self.promise(now, Awaiting::Page(id, Box::new(WebReply::Done)), out);
                }
                None => WebReply::NoSession,
            },
            WebRequest::Note { session, number, text } => match self.session_of(now, session) {
                Some(LoginSession { operator, .. }) => {
                    return self.note(now, id, (operator, number, text), out);
                }
                None => WebReply::NoSession,
            },
            WebRequest::DropNote { session, number, id: note } => {
                match self.session_of(now, session) {
                    Some(_) => {
                        self.entries.push(JournalEntry::DropNote { number, id: note });
                        let done = Awaiting::Page(id, Box::new(WebReply::Done));
                        return self.promise(now, done, out);
                    }
                    None => WebReply::NoSession,
                }
            }
        };
        out.push(Effect::WebReply { id, reply });
    }

    /// By the book in which digest's wrong passwords stand.
    fn judge_password(
        &mut self,
        now: Now,
        operator: &str,
        password: &str,
        source: LoginSource,
    ) -> PasswordVerdict {
        let flow = Flow {
            transport: source.transport,
            local: source.local,
            remote: source.remote,
            connection: ConnectionId(0),
        };
        let typed = TypedPassword { user: operator, password, flow };
        self.registrar.judge_password(now.instant, &self.directory, typed)
    }

    fn begin_session(
        &mut self,
        now: Now,
        id: u64,
        operator: &OperatorId,
        source: LoginSource,
        out: &mut Vec<Effect>,
    ) {
        let opened = self
            .directory
            .operator(operator)
            .and_then(|operator| self.pages.sessions.open(now.unix, operator, &mut self.random));
        // One without a password has proved nothing, and a link does not outlive its operator.
        let Some((token, session, displaced)) = opened else {
            return out.push(Effect::WebReply { id, reply: WebReply::WrongLink });
        };
        self.intake.proved(now.instant, source.remote.ip());
        self.end_sessions(now, displaced, out);
        let view = self.session_view(&session);
        self.entries.push(JournalEntry::PutSession(session));
        self.note_session_end(now);
        let reply = WebReply::LoggedIn { token, session: view };
        self.promise(now, Awaiting::Page(id, Box::new(reply)), out);
    }

    fn note(
        &mut self,
        now: Now,
        id: u64,
        (by, number, text): (OperatorId, Number, String),
        out: &mut Vec<Effect>,
    ) {
        self.pages.last_note += 1;
        let note = StoredNote { id: self.pages.last_note, number, text, by, at: now.unix };
        self.entries.push(JournalEntry::PutNote(Box::new(note.clone())));
        self.promise(now, Awaiting::Page(id, Box::new(WebReply::Noted(note))), out);
    }

    /// The relay has it, where the session's operator may see it.
    fn show_still(
        &self,
        now: Now,
        id: u64,
        (session, request): (SessionToken, RequestId),
        out: &mut Vec<Effect>,
    ) {
        let Some(LoginSession { operator, .. }) = self.session_of(now, session) else {
            return out.push(Effect::WebReply { id, reply: WebReply::NoSession });
        };
        let caller = self.switchboard.shown_caller(&operator, request);
        out.push(match caller.and_then(|caller| self.legs.picture_port(caller)) {
            Some(port) => Effect::WebStill { id, port },
            None => Effect::WebReply { id, reply: WebReply::Still(None) },
        });
    }

    /// What a page was promised is not in the journal: what can be taken back is.
    pub(super) fn take_back_page(&mut self, id: u64, reply: &WebReply, out: &mut Vec<Effect>) {
        match reply {
            WebReply::LoggedIn { token, .. } => {
                let closed = self.pages.sessions.close(token.key());
                if let Some(ClosedSession { key, flows }) = closed {
                    self.entries.push(JournalEntry::DropSession(key));
                    out.extend(flows.into_iter().map(Effect::CloseFlow));
                }
            }
            WebReply::Noted(note) => {
                let (number, id) = (note.number.clone(), note.id);
                self.entries.push(JournalEntry::DropNote { number, id });
            }
            // It is owed, and may be written yet: the page says the same once more.
            WebReply::Done
            | WebReply::Session(_)
            | WebReply::Still(_)
            | WebReply::NoSession
            | WebReply::WrongPassword
            | WebReply::WrongLink
            | WebReply::Limited { .. }
            | WebReply::Unwritten => {}
        }
        out.push(Effect::WebReply { id, reply: WebReply::Unwritten });
    }

    fn session_of(&self, now: Now, token: SessionToken) -> Option<LoginSession> {
        self.pages.sessions.find(now.unix, token.key()).cloned()
    }

    fn session_view(&self, session: &LoginSession) -> SessionView {
        let account = self.directory.operator(&session.operator);
        let mut operators = self.switchboard.operators(&self.directory);
        let sits = operators.find(|view| view.operator == session.operator);
        let sits = sits.and_then(|view| view.phone);
        let own = account.map_or_else(|| Number::from(""), |account| account.phone.clone());
        let mut phones: Vec<_> = std::iter::once(own.clone())
            .chain(account.into_iter().flat_map(|account| account.phones.iter().cloned()))
            .collect();
        phones.sort_unstable();
        phones.dedup();
        let queues = self.directory.plan().queues.values();
        let queues = queues.filter(|queue| account.is_some_and(|account| account.serves(queue)));
        SessionView {
            key: session.key,
            operator: session.operator.clone(),
            phone: sits.unwrap_or(own),
            phones,
            domain: self.directory.plan().realm.clone(),
            expires: session.expires,
            queues: queues.cloned().collect(),
            max_calls: account.map_or(1, |account| account.max_calls),
            elsewhere: self.has_desk_elsewhere(session),
        }
    }

    /// Whether a desk of this operator is up that came by no connection of this session.
    fn has_desk_elsewhere(&self, session: &LoginSession) -> bool {
        self.desks.values().any(|desk| {
            let by = self.pages.sessions.of_flow(desk.flow.connection);
            desk.operator == session.operator && by != Some(session.key)
        })
    }

    // ---- connections ----

    pub(super) fn page_came(
        &mut self,
        now: Now,
        flow: Flow,
        session: SessionKey,
        out: &mut Vec<Effect>,
    ) {
        self.expire_sessions(now, out);
        match self.pages.sessions.name_flow(now.unix, session, flow.connection) {
            Some((operator, oldest)) => {
                self.registrar.name_connection(flow.connection, operator);
                self.intake.proved(now.instant, flow.remote.ip());
                if let Some(oldest) = oldest {
                    self.close_page(oldest, out);
                }
            }
            None => out.push(Effect::CloseFlow(flow.connection)),
        }
    }

    pub(super) fn page_gone(&mut self, connection: ConnectionId) {
        self.pages.sessions.flow_closed(connection);
        self.registrar.forget_connection(connection);
    }

    fn close_page(&mut self, connection: ConnectionId, out: &mut Vec<Effect>) {
        // What it still says until it is closed is nobody's.
        self.registrar.forget_connection(connection);
        out.push(Effect::CloseFlow(connection));
    }

    /// Whether a page speaks for a phone at which another operator sits: that one's calls are not its affair.
    pub(super) fn is_others_phone(&self, flow: Flow, phone: &Number) -> bool {
        let session = self.pages.sessions.of_flow(flow.connection);
        let session = session.and_then(|key| self.pages.sessions.known(key));
        let sits = self.switchboard.at_phone(phone);
        session.is_some_and(|session| sits.is_some_and(|sits| *sits != session.operator))
    }

    // ---- how sessions end ----

    pub(super) fn expire_sessions(&mut self, now: Now, out: &mut Vec<Effect>) {
        if self.pages.sessions.next_end().is_none_or(|end| now.unix < end) {
            // Sessions end by the clock on the wall, and that may have been put back since it was last counted when that is.
            return self.note_session_end(now);
        }
        let (switchboard, directory) = (&self.switchboard, &self.directory);
        let has_call = |operator: &OperatorId| switchboard.has_call(directory, operator);
        let closed = self.pages.sessions.expire(now.unix, has_call);
        self.end_sessions(now, closed, out);
    }

    /// The directory is another one.
    pub(super) fn sweep_sessions(&mut self, now: Now, out: &mut Vec<Effect>) {
        let closed = self.pages.sessions.sweep(now.unix, &self.directory);
        self.end_sessions(now, closed, out);
    }

    fn end_sessions(
        &mut self,
        now: Now,
        closed: impl IntoIterator<Item = ClosedSession>,
        out: &mut Vec<Effect>,
    ) {
        for ClosedSession { key, flows } in closed {
            self.entries.push(JournalEntry::DropSession(key));
            flows.into_iter().for_each(|flow| self.close_page(flow, out));
        }
        self.note_session_end(now);
    }

    pub(super) fn note_session_end(&mut self, now: Now) {
        self.pages.due = self.pages.sessions.next_end().map(|end| now.instant_of(end));
    }
}
