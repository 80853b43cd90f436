//! The exchange itself: who gets what, in the order in which it was said.

use super::api::{Complaint, Effect, Input};
use super::awaiting::{Awaiting, PendingChanges};
use super::credit::Credit;
use super::intake::Intake;
use super::journal::{JournalEntry, StoredState};
use super::ledger::Ledger;
use super::leg_peers::Peers;
use super::live_rows::LiveRows;
use super::pace::CallRate;
use super::registrations;
use super::requests::ORIGINS_MAX;
use super::retention::PRUNE_INTERVAL;
use super::rooms::{Machine, PageBook, RoomEvent, ServiceState, print, world};
use super::settings::Settings;
use super::stranded::{NextHops, Whose};
use super::turned_away::TurnedAway;
use super::unauthenticated::UnauthenticatedSources;
use crate::call::Keep;
use crate::cause::Cause;
use crate::desk::results::StoredResult;
use crate::dialog::{self, ClientTx, RequestFailure, ServerTx};
use crate::directory::{Directory, NumberingPlan};
use crate::ids::{LegId, LegIds, OperatorId};
use crate::leg;
use crate::locator;
use crate::presence;
use crate::random::Random;
use crate::registrar::{self, RegistrationEvent};
use crate::registration;
use crate::sip::{Destination, Flow, Network, StatusCode, Tags};
use crate::switchboard;
use crate::time::{Instant, Now, earliest};
use crate::transaction::{self, ClientId, ServerId};
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

impl Machine {
    /// The exchange as the journal left it.
    #[must_use]
    pub fn new(
        now: Now,
        settings: Settings,
        plan: NumberingPlan,
        state: StoredState,
        mut random: Random,
    ) -> (Self, Vec<Effect>) {
        let switchboard = switchboard::Machine::new(
            settings.switchboard.clone(),
            random.fork(),
            state.boot,
            state.next_call.saturating_sub(1),
        );
        let mut intake = Intake::new(settings.registrar.expires_max, &mut random);
        for flow in state.bindings.iter().filter_map(|binding| binding.flow) {
            intake.proved(now.instant, flow.remote.ip());
        }
        let directory = Directory::new(plan, state.accounts);
        let (pages, entries) = PageBook::restore(now, state.sessions, state.last_note, &directory);
        let mut exchange = Self {
            intake,
            tags: Tags::new(&mut random),
            transactions: transaction::Machine::new(settings.transaction.clone(), random.fork()),
            registrations: registration::Machine::new(
                now.instant,
                registrations::accounts(directory.plan()),
                settings.leg.dialog.user_agent.clone(),
                random.fork(),
            ),
            directory,
            pages,
            registrar: registrar::Machine::new(settings.registrar.clone(), random.fork()),
            legs: leg::Machine::new(settings.leg.clone(), random.fork()),
            switchboard,
            locator: locator::Machine::new(settings.locator.clone()),
            callers: BTreeMap::new(),
            peers: Peers::default(),
            next_hops: NextHops::over(&state.connections),
            desks: BTreeMap::new(),
            unauthenticated: UnauthenticatedSources::new(settings.guest_calls_max),
            origins: CallRate::new(ORIGINS_MAX),
            unremembered: CallRate::new(1),
            turned_away: TurnedAway::default(),
            credit: Credit::default(),
            received: 0,
            promises: BTreeMap::new(),
            prune_due: now.instant + PRUNE_INTERVAL,
            ledger: Ledger::new(state.boot),
            entries,
            changes: PendingChanges::default(),
            live: LiveRows::new(&mut random),
            leg_ids: LegIds::incoming(state.boot),
            event_queue: VecDeque::new(),
            random,
            service: ServiceState { draining: false, resume: state.resume },
            settings,
        };
        let mut out = Vec::new();
        let restored = exchange.registrar.restore(now, state.bindings, &state.connections);
        exchange.event_queue.extend(restored.into_iter().map(RoomEvent::Registrar));
        exchange.tell(now, switchboard::Input::DirectoryChanged);
        exchange.restore_operators(now, state.operators, state.results);
        exchange.close_orphaned_records(now, state.calls);
        exchange.end_stale_dialogs(now, state.desks);
        exchange.seek_names(now);
        exchange.work(now, &mut out);
        exchange.conclude(now, &mut out);
        (exchange, out)
    }

    fn restore_operators(
        &mut self,
        now: Now,
        operators: Vec<presence::Stored>,
        results: Vec<(OperatorId, String, StoredResult)>,
    ) {
        let operators = operators.into_iter().map(switchboard::Input::RestoreOperator);
        operators.for_each(|operator| self.tell(now, operator));
        for (operator, id, kept) in results {
            self.tell(now, switchboard::Input::RestoreResult { operator, id, kept });
        }
    }

    /// Takes one input and returns all that follows from it, in the order of performing.
    #[must_use]
    pub fn handle(&mut self, now: Now, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        match input {
            Input::TransportFailed(destination) => self.lose_way(now, destination),
            Input::FlowClosed(flow) => self.close(now, flow),
            Input::Media(event) => self.leg(now, leg::Input::Media(event)),
            Input::Handshake(event) => self.leg(now, leg::Input::Handshake(event)),
            Input::Ports(ports) => self.leg(now, leg::Input::Ports(ports)),
            Input::Committed(batch) => self.committed(now, &batch, &mut out),
            Input::Unwritten { batch, fault } => self.unwritten(now, batch, fault, &mut out),
            Input::RecordingFailed { call, text } => {
                self.tell(now, switchboard::Input::RecordingFailed { call, text });
            }
            Input::RecordingRoom(room) => {
                self.tell(now, switchboard::Input::RecordingRoom(room));
            }
            Input::Resolved { question, answer } => {
                self.locate(now, locator::Input::Answered { question, answer });
            }
            Input::Routes(routes) => self.set_routes(routes),
            Input::Reload(reload) => self.reload(*reload),
            Input::Drain => self.service.draining = true,
            Input::Admin { id, by, request } => self.administer(now, id, by, request, &mut out),
            Input::Web { id, request } => self.serve_page(now, id, request, &mut out),
            Input::PageCame { flow, session } => self.page_came(now, flow, session, &mut out),
        }
        self.work(now, &mut out);
        self.conclude(now, &mut out);
        out
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let sip = earliest(self.transactions.deadline(), self.legs.deadline());
        let house = earliest(self.registrar.deadline(), self.switchboard.deadline());
        let journal = earliest(self.ledger.deadline(), self.changes.deadline());
        let kept = earliest(self.locator.deadline(), Some(self.prune_due));
        let all = earliest(earliest(sip, house), earliest(journal, kept));
        let all = earliest(all, self.registrations.deadline());
        let all = earliest(all, self.pages.due);
        earliest(all, self.next_hops.deadline())
    }

    /// Does all that is due.
    #[must_use]
    pub fn tick(&mut self, now: Now) -> Vec<Effect> {
        let mut out = Vec::new();
        let due = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= now.instant);
        if due(self.transactions.deadline()) {
            let effects = self.transactions.tick(now.instant);
            self.event_queue.extend(effects.into_iter().map(RoomEvent::Transaction));
        }
        if due(self.legs.deadline()) {
            let effects = self.legs.tick(now.instant);
            self.event_queue.extend(effects.into_iter().map(RoomEvent::Leg));
        }
        if due(self.registrar.deadline()) {
            let effects = self.registrar.tick(now.instant);
            self.event_queue.extend(effects.into_iter().map(RoomEvent::Registrar));
        }
        if due(self.locator.deadline()) {
            let effects = self.locator.tick(now.instant);
            self.event_queue.extend(effects.into_iter().map(RoomEvent::Locator));
        }
        self.work(now, &mut out);
        if due(self.switchboard.deadline()) {
            let world =
                world(&self.directory, &self.registrar, &self.locator, self.ledger.tickets());
            let effects = self.switchboard.tick(now, world);
            self.event_queue.extend(effects.into_iter().map(RoomEvent::Switchboard));
            self.work(now, &mut out);
        }
        self.tick_ways(now);
        if due(self.registrations.deadline()) {
            self.register_at_trunks(now, &mut out);
            self.work(now, &mut out);
        }
        if due(self.pages.due) {
            self.expire_sessions(now, &mut out);
        }
        self.prune(now);
        self.tick_journal(now, &mut out);
        self.conclude(now, &mut out);
        out
    }

    /// Ends all calls, control dialogs and registrations at trunks: the process is about to stop.
    #[must_use]
    pub fn shut_down(&mut self, now: Now) -> Vec<Effect> {
        let mut out = Vec::new();
        self.tell(now, switchboard::Input::ShutDown);
        self.work(now, &mut out);
        self.unregister_at_trunks(now, &mut out);
        self.work(now, &mut out);
        self.conclude(now, &mut out);
        out.extend(self.ledger.last_words(now).into_iter().map(Effect::Write));
        out
    }

    /// Has all written that is not yet: the process is about to make room for one that goes on. Nobody is told anything.
    #[must_use]
    pub fn leave(&mut self, now: Now) -> Vec<Effect> {
        let mut out = Vec::new();
        self.conclude(now, &mut out);
        out.extend(self.ledger.last_words(now).into_iter().map(Effect::Write));
        out
    }

    fn set_routes(&mut self, routes: Vec<(Network, IpAddr)>) {
        self.transactions.set_routes(routes.clone());
        self.legs.set_routes(routes);
        self.directory.set_addresses(self.legs.own().all());
    }

    // ---- the queue ----

    pub(super) fn work(&mut self, now: Now, out: &mut Vec<Effect>) {
        while let Some(event) = self.event_queue.pop_front() {
            match event {
                RoomEvent::Transaction(effect) => self.on_transaction(now, effect, out),
                RoomEvent::Registrar(effect) => self.on_registrar(now, effect, out),
                RoomEvent::Leg(effect) => self.on_leg(now, effect, out),
                RoomEvent::Locator(effect) => self.on_locator(now, effect, out),
                RoomEvent::Switchboard(effect) => self.on_switchboard(now, effect, out),
            }
        }
        out.extend(self.registrar.wrong_passwords().into_iter().map(Effect::WrongPassword));
        out.extend(self.registrar.visits().into_iter().map(|visit| match visit {
            RegistrationEvent::Came(_) => Effect::Visit(visit),
            RegistrationEvent::Refused { flow, status, what } => {
                Effect::Complaint { flow, about: Complaint::Refused(status), what }
            }
        }));
    }

    // ---- what the rooms say ----

    fn on_transaction(&mut self, now: Now, effect: transaction::Effect, out: &mut Vec<Effect>) {
        use dialog::Input as D;
        use transaction::Effect as T;
        if self.is_of_registration(now, &effect, out) {
            return;
        }
        let input = match effect {
            T::Send { to, message } => {
                let to = self.detour(to, &message);
                let bytes = print(&message);
                if self.credit.covers(now.instant, to, &message, bytes.len()) {
                    out.push(Effect::Send { to, bytes });
                }
                return;
            }
            T::Request { id, flow, request } => {
                return self.on_request(now, id, flow, request, out);
            }
            T::Ack { flow, request } => {
                let leg = self.legs.find(&request);
                if let Some(leg) = leg {
                    self.note_reader(leg, flow);
                }
                let believed = leg.is_some_and(|leg| self.is_at_home(leg, &flow, &request));
                D::Ack { believed, request }
            }
            T::Cancelled { id, reason } => D::Cancelled { transaction: ServerTx(id.0), reason },
            T::Response { id, response } => D::Response { transaction: ClientTx(id.0), response },
            T::Failed { id, why } => {
                let why = match why {
                    transaction::TransactionFailure::Timeout => RequestFailure::Timeout,
                    transaction::TransactionFailure::Transport => RequestFailure::Transport,
                };
                D::Failed { transaction: ClientTx(id.0), why }
            }
            T::NoAck { id } => D::NoAck { transaction: ServerTx(id.0) },
        };
        self.leg(now, leg::Input::Dialog(input));
    }

    fn on_registrar(&mut self, now: Now, effect: registrar::Effect, out: &mut Vec<Effect>) {
        match effect {
            registrar::Effect::Store(change) => self.entries.push(JournalEntry::Binding(change)),
            registrar::Effect::Respond { transaction, response, after_commit } => {
                let id = ServerId(transaction);
                if !after_commit {
                    // Before a password is looked at, and after a wrong one, nothing is kept.
                    let stateless = [
                        StatusCode::UNAUTHORIZED,
                        StatusCode::BAD_REQUEST,
                        StatusCode::BAD_EXTENSION,
                        StatusCode::SERVICE_UNAVAILABLE,
                    ];
                    return match stateless.contains(&response.status) {
                        true => self.respond_stateless(now, id, response),
                        false => self.respond(now, id, response),
                    };
                }
                // With it goes all that was stored before, which is what it waits for.
                self.promise(now, Awaiting::Response(id, Box::new(response)), out);
            }
            registrar::Effect::Registered(number) => {
                self.tell(now, switchboard::Input::Registered(number.clone()));
                self.try_ways(now, &Whose::Terminal(number));
            }
            registrar::Effect::Unregistered(number) => {
                self.tell(now, switchboard::Input::Unregistered(number));
            }
        }
    }

    fn on_leg(&mut self, now: Now, effect: leg::Effect, out: &mut Vec<Effect>) {
        match effect {
            leg::Effect::Request { transaction, to, request } => {
                let id = ClientId(transaction.0);
                self.ask(now, id, to, request);
            }
            leg::Effect::Respond { transaction, response } => {
                self.respond(now, ServerId(transaction.0), response);
            }
            leg::Effect::Cancel { transaction, reason } => {
                let id = ClientId(transaction.0);
                self.transact(now, transaction::Input::Cancel { id, reason });
            }
            leg::Effect::Forward { to, request } => {
                self.forward(now, to, request);
            }
            leg::Effect::Media(command) => out.push(Effect::Media(command)),
            leg::Effect::Handshake(command) => out.push(Effect::Handshake(command)),
            leg::Effect::PortsWanted(count) => out.push(Effect::PortsWanted(count)),
            leg::Effect::Event(leg::Event::Offered {
                leg,
                video,
                sealed,
                unmet,
                convertible,
                replaces,
                ..
            }) => {
                let offer = switchboard::Offered { video, unmet, convertible };
                self.admit(now, leg, (offer, sealed), replaces);
            }
            leg::Effect::Event(event) => {
                if let leg::Event::Ended { leg, cause, .. } = event {
                    self.note_foreign(leg, cause);
                    self.unauthenticated.closed(leg);
                    self.peers.retire(now.instant, leg);
                }
                self.note_desk(&event);
                self.tell(now, switchboard::Input::Leg(event));
            }
        }
    }

    /// Who does the handshake of somebody else is counted as who is turned away.
    fn note_foreign(&mut self, leg: LegId, cause: Cause) {
        if cause == Cause::ForeignCertificate
            && let Some(peer) = self.peers.all.get(&leg)
        {
            self.turned_away.count(peer.ip, cause.word());
        }
    }

    fn on_switchboard(&mut self, now: Now, effect: switchboard::Effect, out: &mut Vec<Effect>) {
        match effect {
            switchboard::Effect::Leg(command) => {
                if let leg::Command::Call { leg, call } = &command {
                    self.note_called(*leg, call);
                }
                self.leg(now, leg::Input::Command(command));
            }
            switchboard::Effect::Log(log_event) => out.push(Effect::Log(log_event)),
            switchboard::Effect::TurnedAway { flow, cause, what } => {
                self.turned_away.count(flow.remote.ip(), cause.word());
                let about = Complaint::Refused(cause.status());
                out.push(Effect::Complaint { flow, about, what });
            }
            switchboard::Effect::Change { change, by } => self.change(now, None, by, change, out),
            switchboard::Effect::Recording(recording) => out.push(Effect::Recording(recording)),
            switchboard::Effect::Keep { keep, ticket } => {
                self.entries.push(match keep {
                    Keep::Call(record) => JournalEntry::Call(record),
                    Keep::Operator(stored) => JournalEntry::Operator(stored),
                    Keep::DeskResult { operator, id, kept } => {
                        JournalEntry::DeskResult { operator, id, kept }
                    }
                });
                if let Some(own) = ticket {
                    self.promise(now, Awaiting::Switchboard(own), out);
                }
            }
        }
    }

    pub(super) fn transactions(&self) -> (usize, usize) {
        self.transactions.count()
    }

    fn close(&mut self, now: Now, flow: Flow) {
        // First the bindings: what looks for another way takes none that is gone as well.
        self.register(now, registrar::Input::Closed(flow.connection));
        self.lose_way(now, Destination::Flow(flow));
        self.end_desks_on(now, flow);
        self.page_gone(flow.connection);
    }
}
