//! The rooms that the exchange wires together, and how one is spoken to.
//!
//! Effects of one room are inputs of the next. They wait in one line, first in first out: what a
//! room has said is carried out before what follows from it, so that no room ever sees the answer to
//! a wish before its next wish has been heard.

use super::api::Effect;
use super::awaiting::{Awaiting, PendingChanges};
use super::credit::Credit;
use super::desk_dialog::DeskDialog;
use super::intake::Intake;
use super::invite_source::InviteSource;
use super::journal::{JournalEntry, Resume};
use super::ledger::Ledger;
use super::leg_peers::Peers;
use super::live_rows::LiveRows;
use super::pace::CallRate;
use super::settings::Settings;
use super::stranded::NextHops;
use super::turned_away::TurnedAway;
use super::unauthenticated::UnauthenticatedSources;
use crate::call::SwitchboardContext;
use crate::call::admission::CallOrigin;
use crate::directory::Directory;
use crate::ids::{LegId, LegIds, Ticket, Tickets};
use crate::leg;
use crate::locator;
use crate::random::Random;
use crate::registrar;
use crate::registration;
use crate::session::{LoginSession, SessionTable};
use crate::sip::{self, Destination, Message, Response, Tags};
use crate::switchboard;
use crate::time::{Instant, Now};
use crate::transaction::{self, ServerId};
use std::collections::{BTreeMap, VecDeque};

/// All cores of the switchboard.
#[derive(Debug)]
pub struct Machine {
    pub(super) settings: Settings,
    pub(super) directory: Directory,
    pub(super) random: Random,
    /// The To tags of answers that leave nothing behind.
    pub(super) tags: Tags,
    /// What is not read yet.
    pub(super) intake: Intake,
    pub(super) transactions: transaction::Machine,
    pub(super) registrar: registrar::Machine,
    /// Ours at the trunks.
    pub(super) registrations: registration::Machine,
    pub(super) legs: leg::Machine,
    pub(super) switchboard: switchboard::Machine,
    pub(super) locator: locator::Machine,
    /// Who is behind an INVITE whose leg has not said yet that it can be answered.
    pub(super) callers: BTreeMap<LegId, InviteSource>,
    /// Who is at the other end of each leg.
    pub(super) peers: Peers,
    /// Which connections there are, and what waits for one.
    pub(super) next_hops: NextHops,
    /// The control dialogs.
    pub(super) desks: BTreeMap<LegId, DeskDialog>,
    /// What callers without credentials ask at the moment.
    pub(super) unauthenticated: UnauthenticatedSources,
    /// What may be sent to those of them that have proved nothing.
    pub(super) credit: Credit,
    /// The length of the message that is being taken in.
    pub(super) received: usize,
    /// How fast terminals and trunks begin calls.
    pub(super) origins: CallRate<CallOrigin>,
    /// How fast answers to INVITEs that nobody remembers are ended.
    pub(super) unremembered: CallRate<()>,
    /// What became of calls without credentials that were refused.
    pub(super) turned_away: TurnedAway,
    /// What waits for which commit.
    pub(super) promises: BTreeMap<Ticket, Awaiting>,
    /// What was asked of the journal.
    pub(super) ledger: Ledger,
    /// What the journal is to be asked for next.
    pub(super) entries: Vec<JournalEntry>,
    /// The administrators' changes that are not in the journal yet.
    pub(super) changes: PendingChanges,
    /// What is known of pages.
    pub(super) pages: PageBook,
    /// The rows of what goes on.
    pub(super) live: LiveRows,
    pub(super) service: ServiceState,
    pub(super) prune_due: Instant,
    pub(super) leg_ids: LegIds,
    pub(super) event_queue: VecDeque<RoomEvent>,
}

/// How this process began, and whether it is to end.
#[derive(Debug)]
pub(super) struct ServiceState {
    /// No new calls.
    pub draining: bool,
    /// Which calls of the process before go on.
    pub resume: Resume,
}

/// What is known of pages.
#[derive(Debug)]
pub(super) struct PageBook {
    /// Who is logged in.
    pub sessions: SessionTable,
    /// When the next session ends.
    pub due: Option<Instant>,
    /// The highest number that a note has.
    pub last_note: u64,
}

impl PageBook {
    /// As the journal has it; with what is to be written of those that hold no longer.
    pub fn restore(
        now: Now,
        sessions: Vec<LoginSession>,
        last_note: u64,
        directory: &Directory,
    ) -> (Self, Vec<JournalEntry>) {
        let (sessions, gone) = SessionTable::restore(now.unix, sessions, directory);
        let due = sessions.next_end().map(|end| now.instant_of(end));
        let gone = gone.into_iter().map(JournalEntry::DropSession).collect();
        (Self { sessions, due, last_note }, gone)
    }
}

/// What a room has said, still to be carried out.
#[derive(Debug)]
pub(super) enum RoomEvent {
    Transaction(transaction::Effect),
    Registrar(registrar::Effect),
    Leg(leg::Effect),
    Locator(locator::Effect),
    Switchboard(switchboard::Effect),
}

impl Machine {
    pub(super) fn transact(&mut self, now: Now, input: transaction::Input) {
        let effects = self.transactions.handle(now.instant, input);
        self.event_queue.extend(effects.into_iter().map(RoomEvent::Transaction));
    }

    pub(super) fn leg(&mut self, now: Now, input: leg::Input) {
        let effects = self.legs.handle(now.instant, input);
        self.event_queue.extend(effects.into_iter().map(RoomEvent::Leg));
    }

    pub(super) fn tell(&mut self, now: Now, input: switchboard::Input) {
        let world = world(&self.directory, &self.registrar, &self.locator, self.ledger.tickets());
        let effects = self.switchboard.handle(now, world, input);
        self.event_queue.extend(effects.into_iter().map(RoomEvent::Switchboard));
    }

    pub(super) fn locate(&mut self, now: Now, input: locator::Input) {
        let effects = self.locator.handle(now.instant, input);
        self.event_queue.extend(effects.into_iter().map(RoomEvent::Locator));
    }

    /// Returns whether a REGISTER was accepted.
    pub(super) fn register(&mut self, now: Now, input: registrar::Input) -> bool {
        let effects = self.registrar.handle(now, &self.directory, input);
        let accepted = effects.iter().any(|effect| match effect {
            registrar::Effect::Respond { response, .. } => response.status.is_success(),
            registrar::Effect::Store(_)
            | registrar::Effect::Registered(_)
            | registrar::Effect::Unregistered(_) => false,
        });
        self.event_queue.extend(effects.into_iter().map(RoomEvent::Registrar));
        accepted
    }

    pub(super) fn respond(&mut self, now: Now, id: ServerId, response: Response) {
        self.transact(now, transaction::Input::Respond { id, response });
    }

    /// Answers a request of which nothing has come; nothing is kept of the answer (RFC 3261 §8.2.7,
    /// §26.3.2.4).
    pub(super) fn respond_stateless(&mut self, now: Now, id: ServerId, response: Response) {
        self.transact(now, transaction::Input::RespondStateless { id, response });
    }
}

/// What the switchboard is lent.
pub(super) fn world<'a>(
    directory: &'a Directory,
    registrar: &'a registrar::Machine,
    locator: &'a locator::Machine,
    tickets: &'a Tickets,
) -> SwitchboardContext<'a> {
    SwitchboardContext { directory, registrar, locator, tickets }
}

pub(super) fn send(to: Destination, message: &Message) -> Effect {
    Effect::Send { to, bytes: print(message) }
}

pub(super) fn print(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    sip::print(message, &mut bytes);
    bytes
}
