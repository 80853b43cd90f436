//! The registrar (RFC 3261 §10.3).
//!
//! ```text
//!   REGISTER ── Require unknown ──▶ 420
//!      │
//!   digest ── none, wrong or stale ──▶ 401     too many wrong ones ──▶ 503
//!      │
//!   account = To? ── no ──▶ 403
//!      │
//!   contacts ── malformed 400, no phone's 403, too brief 423, out of order 500 (nothing has changed)
//!      │
//!   bindings change ──▶ stored ─┬▶ committed ──▶ 200 with all bindings
//!                               └▶ unwritten ──▶ as before, 500
//! ```

use super::authenticator::{
    AuthRefusal, AuthVerdict, Authenticator, PasswordVerdict, TypedPassword,
};
use super::binding::{Binding, BindingChange};
use super::bindings::Bindings;
use super::contacts::is_believed;
use super::effect::Effect;
use super::register::{self, RegisterFault, RegisterRequest};
use super::registration_log::{self, RegistrationEvent, RegistrationLog};
use super::settings::Settings;
use super::target::{ContactTarget, NextHop};
use super::tentative::Tentative;
use super::wrong_passwords::WrongPassword;
use crate::directory::Directory;
use crate::ids::{ConnectionId, Number, OperatorId};
use crate::random::Random;
use crate::sip::{Destination, Flow, Request, Response, Tags, Transport, Uri};
use crate::time::{Instant, Now, earliest};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// What reaches the registrar.
#[derive(Clone, Debug)]
pub enum Input {
    /// A REGISTER.
    Register {
        /// The name of its server transaction, for the answer.
        transaction: u64,
        /// How it came.
        flow: Flow,
        /// The request.
        request: Request,
    },
    /// A connection has been closed, by whomever.
    Closed(ConnectionId),
    /// An administrator has removed the terminal.
    Removed(Number),
    /// The journal does not have the bindings of this REGISTER: they are taken back.
    Unwritten {
        /// The name that came with the request.
        transaction: u64,
    },
}

/// Who is where.
#[derive(Debug)]
pub struct Machine {
    settings: Settings,
    tags: Tags,
    authenticator: Authenticator,
    bindings: Bindings,
    tentative: Tentative,
    registration_log: RegistrationLog,
}

impl Machine {
    /// A registrar that knows of nobody yet.
    #[must_use]
    pub fn new(settings: Settings, mut random: Random) -> Self {
        let authenticator = Authenticator::new(settings.digest, random.fork());
        Self {
            settings,
            tags: Tags::new(&mut random),
            authenticator,
            bindings: Bindings::default(),
            tentative: Tentative::default(),
            registration_log: RegistrationLog::default(),
        }
    }

    /// Takes over what the journal held. What has expired, what was reachable only over connections
    /// of the last process, and what is behind an edge that is none any more, is forgotten.
    #[must_use]
    pub fn restore(&mut self, now: Now, stored: Vec<Binding>, open: &[Flow]) -> Vec<Effect> {
        for (binding, flow) in stored.iter().filter_map(|binding| Some((binding, binding.flow?))) {
            self.authenticator.was_at(flow.remote, binding.number.as_str());
            if binding.md5_alone {
                self.authenticator.knew_md5_alone(now.instant, flow, binding);
            }
        }
        let is_believed = |binding: &Binding| is_believed(&self.settings, binding);
        let forgotten = self.bindings.restore(now, stored, open, is_believed);
        self.bindings.iter().for_each(|binding| self.registration_log.was_there(binding));
        forgotten.into_iter().map(Effect::Store).collect()
    }

    /// Takes one input and returns all that follows from it.
    #[must_use]
    pub fn handle(&mut self, now: Now, directory: &Directory, input: Input) -> Vec<Effect> {
        match input {
            Input::Register { transaction, flow, request } => {
                let (mut effects, mut response, refusal) =
                    self.register(now, directory, transaction, flow, &request);
                if !response.status.is_success() {
                    let (at, refusal) = (now.unix, refusal.as_ref());
                    self.registration_log.refused(
                        at,
                        directory,
                        flow,
                        &request,
                        (&response, refusal),
                    );
                }
                response.headers.set_to_tag(&self.tags.of(&request.headers));
                let stored = effects.iter().take_while(|e| matches!(e, Effect::Store(_))).count();
                let respond = Effect::Respond { transaction, response, after_commit: stored > 0 };
                effects.insert(stored, respond);
                self.registration_log.note(&effects);
                effects
            }
            Input::Closed(connection) => {
                self.tentative.close(connection);
                let changes = self.bindings.close(connection);
                self.changed(changes)
            }
            Input::Removed(number) => {
                self.authenticator.removed(number.as_str());
                self.tentative.forget(&number);
                self.registration_log.forget(&number);
                let changes = self.bindings.clear(&number);
                self.changed(changes.into_iter().map(|change| (number.clone(), change)).collect())
            }
            Input::Unwritten { transaction } => self.take_back(now, transaction),
        }
    }

    /// The journal has the bindings of this REGISTER.
    pub fn committed(&mut self, transaction: u64) {
        self.tentative.remove(transaction);
    }

    fn take_back(&mut self, now: Now, transaction: u64) -> Vec<Effect> {
        let Some((number, rows)) = self.tentative.take_back(transaction) else { return vec![] };
        let was_there = self.bindings.contains(&number);
        let changes = self.bindings.take_back(now, &number, rows);
        let mut effects: Vec<_> = changes.into_iter().map(Effect::Store).collect();
        self.registration_log.note(&effects);
        match (was_there, self.bindings.contains(&number)) {
            (true, false) => effects.push(Effect::Unregistered(number)),
            (false, true) => effects.push(Effect::Registered(number)),
            (true, true) | (false, false) => {}
        }
        effects
    }

    /// When the next binding expires, or a count of wrong passwords is to be said.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        earliest(self.bindings.next_end(), self.authenticator.deadline())
    }

    /// What the log is to hear of wrong passwords, for REGISTER and all other requests alike.
    #[must_use]
    pub fn wrong_passwords(&mut self) -> Vec<WrongPassword> {
        self.authenticator.wrong_passwords()
    }

    /// Forgets what has expired.
    #[must_use]
    pub fn tick(&mut self, now: Instant) -> Vec<Effect> {
        self.authenticator.tick(now);
        let changes = self.bindings.expire(now);
        self.changed(changes)
    }

    /// Who sends this request, by digest; for INVITE and all others that are not REGISTER.
    #[must_use]
    pub fn authenticate(
        &mut self,
        now: Now,
        directory: &Directory,
        flow: Flow,
        request: &Request,
    ) -> AuthVerdict {
        self.authenticator.check(now.instant, directory, flow, request)
    }

    /// Whether a password that was typed into a page is an operator's; a wrong one counts as one of digest does.
    #[must_use]
    pub fn judge_password(
        &mut self,
        now: Instant,
        directory: &Directory,
        typed: TypedPassword<'_>,
    ) -> PasswordVerdict {
        self.authenticator.judge_password(now, directory, typed)
    }

    /// From now on a connection is this operator's (RFC 7118 §7): what comes by it in the name of the operator or of one of
    /// its phones is not challenged, and what comes in another name is refused.
    pub fn name_connection(&mut self, connection: ConnectionId, operator: OperatorId) {
        self.authenticator.name_connection(connection, operator);
    }

    /// The connection is closed, or the session over that named it.
    pub fn forget_connection(&mut self, connection: ConnectionId) {
        self.authenticator.forget_connection(connection);
    }

    /// Where a number can be called: its fixed contact and its bindings, the most preferred first.
    #[must_use]
    pub fn contacts(&self, directory: &Directory, number: &Number) -> Vec<ContactTarget> {
        let fixed = directory.terminal(number).and_then(|terminal| terminal.contact.as_ref());
        let fixed = fixed.map(|uri| ContactTarget {
            uri: uri.without_headers(),
            route: Vec::new(),
            way: NextHop::to(uri),
            q: 1000,
        });
        fixed.into_iter().chain(self.bindings.targets(number)).collect()
    }

    /// Whether a number has a contact, fixed or registered.
    #[must_use]
    pub fn is_reachable(&self, directory: &Directory, number: &Number) -> bool {
        let fixed = directory.terminal(number).is_some_and(|terminal| terminal.contact.is_some());
        fixed || self.bindings.contains(number)
    }

    /// The connections over which a phone is registered.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionId> {
        self.bindings.connections()
    }

    /// Whether a phone is registered over a connection.
    #[must_use]
    pub fn is_over(&self, connection: ConnectionId) -> bool {
        self.bindings.is_over(connection)
    }

    /// Whether a phone of this number is registered by this very flow.
    #[must_use]
    pub fn has_flow(&self, number: &Number, flow: &Flow) -> bool {
        self.bindings.has_flow(number, flow)
    }

    /// The `+sip.instance` of the phone of this number at the other end of a way, or with this contact.
    #[must_use]
    pub fn instance_at(&self, number: &Number, to: Destination, contact: &Uri) -> Option<String> {
        self.bindings.instance_at(number, to, contact)
    }

    /// The latest flow by which a phone of this number is registered: that of this instance, or where it
    /// has none, one at this address.
    #[must_use]
    pub fn latest_flow(&self, number: &Number, instance: Option<&str>, ip: IpAddr) -> Option<Flow> {
        self.bindings.latest_flow(number, instance, ip)
    }

    /// Where that phone listens by its Contact, once the connection is closed by which it has registered.
    #[must_use]
    pub fn latest_address(
        &self,
        number: &Number,
        instance: Option<&str>,
        ip: IpAddr,
    ) -> Option<(Transport, SocketAddr)> {
        self.bindings.latest_address(number, instance, ip)
    }

    /// Who has come and who was not let in, that the log has not heard of yet.
    #[must_use]
    pub fn visits(&mut self) -> Vec<RegistrationEvent> {
        self.registration_log.visits()
    }

    /// All registrations by number, then the numbers that were refused and are not there.
    #[must_use]
    pub fn registrations(&self) -> Vec<registration_log::RegistrationEntry> {
        self.registration_log.registrations(self.bindings.iter())
    }

    /// All bindings, by number, for people to see.
    pub fn bindings(&self) -> impl Iterator<Item = &Binding> {
        self.bindings.iter()
    }

    /// Returns the effects without the answer, the answer, and what was not believed.
    fn register(
        &mut self,
        now: Now,
        directory: &Directory,
        transaction: u64,
        flow: Flow,
        request: &Request,
    ) -> (Vec<Effect>, Response, Option<AuthRefusal>) {
        let refused = |fault| (vec![], register::refused(&self.settings, request, &fault), None);
        if let Err(fault) = register::check_extensions(request) {
            return refused(fault);
        }
        let number = match self.authenticator.check(now.instant, directory, flow, request) {
            AuthVerdict::Terminal(number) => number,
            AuthVerdict::Operator(_) => return refused(RegisterFault::NotYours),
            AuthVerdict::Refused(refusal) => {
                return (vec![], refusal.response(request), Some(refusal));
            }
        };
        let md5_alone = self.authenticator.knows_md5_alone(flow, request);
        let read = register::read(now, &self.settings, &number, flow, request, md5_alone);
        let registration = match read {
            Ok(registration) => registration,
            Err(fault) => return refused(fault),
        };
        let before: Vec<Binding> = self.bindings.of(&number).cloned().collect();
        let changes = match registration {
            RegisterRequest::Query => Ok(vec![]),
            RegisterRequest::Clear { call_id, cseq } => {
                self.bindings.clear_in_order(&number, &call_id, cseq)
            }
            RegisterRequest::Update(wishes) => self.bindings.update(now, &number, wishes),
        };
        let Ok(changes) = changes else {
            let response = register::refused(&self.settings, request, &RegisterFault::OutOfOrder);
            return (vec![], response, None);
        };
        if !changes.is_empty() {
            self.tentative.note(transaction, &number, &before, &changes);
        }
        let put = changes.iter().any(|change| matches!(change, BindingChange::Put(_)));
        let mut effects: Vec<_> = changes.into_iter().map(Effect::Store).collect();
        let response = register::accepted(now, request, self.bindings.of(&number));
        if put {
            effects.push(Effect::Registered(number));
        } else if !before.is_empty() && !self.bindings.contains(&number) {
            effects.push(Effect::Unregistered(number));
        }
        (effects, response, None)
    }

    /// The effects of changes that no request has asked for.
    fn changed(&mut self, changes: Vec<(Number, BindingChange)>) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut gone = BTreeSet::new();
        for (number, change) in changes {
            effects.push(Effect::Store(change));
            self.registration_log.note(&effects[effects.len() - 1..]);
            if !self.bindings.contains(&number) {
                gone.insert(number);
            }
        }
        effects.extend(gone.into_iter().map(Effect::Unregistered));
        effects
    }
}
