//! Administration of the running server: changes that hold for the next call, and what goes on now.

use super::doorway::Effect;
use super::journal::{Audited, Entry};
use super::machine::{Awaiting, Machine};
use super::views::Status;
use crate::cause::Cause;
use crate::directory::{self, Change};
use crate::ids::OperatorId;
use crate::registrar;
use crate::switchboard::call_record::{CallRecord, EndedBy};
use crate::switchboard::{self, CallView, OperatorView, SetState, WaitingView};
use crate::time::Now;

/// What an administrator can ask of the running server.
#[derive(Clone, Debug)]
pub enum Request {
    /// Change terminals, levels, permits or operators.
    Change(Change),
    /// Set an operator's state.
    SetState {
        /// Whose.
        operator: OperatorId,
        /// To what.
        state: SetState,
    },
    /// All calls.
    Calls,
    /// All waiting calls.
    Queue,
    /// All operators.
    Operators,
    /// The figures.
    Status,
}

/// The answer.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It holds, and is in the journal.
    Done,
    /// It does not, and why.
    Refused(directory::Refusal),
    /// All calls.
    Calls(Vec<CallView>),
    /// All waiting calls.
    Queue(Vec<WaitingView>),
    /// All operators.
    Operators(Vec<OperatorView>),
    /// The figures.
    Status(Status),
}

fn no_operator(operator: &OperatorId) -> directory::Refusal {
    directory::Refusal::NoSuch { thing: directory::Thing::Operator, name: operator.to_string() }
}

impl Machine {
    pub(super) fn administer(
        &mut self,
        now: Now,
        id: u64,
        by: String,
        request: Request,
        out: &mut Vec<Effect>,
    ) {
        let reply = match request {
            Request::Change(change) => return self.change(now, id, by, &change, out),
            Request::SetState { operator, state } => {
                let named = |view: &OperatorView| view.operator == operator;
                let view = self.switchboard.operators().find(named);
                match view {
                    None => Reply::Refused(no_operator(&operator)),
                    Some(view) if view.state == "out" && state != SetState::Out => {
                        Reply::Refused(directory::Refusal::LoggedOut(operator))
                    }
                    Some(_) => {
                        self.tell(now, switchboard::Input::SetState { operator, state });
                        Reply::Done
                    }
                }
            }
            Request::Calls => Reply::Calls(self.switchboard.calls().collect()),
            Request::Queue => Reply::Queue(self.switchboard.waiting().collect()),
            Request::Operators => Reply::Operators(self.switchboard.operators().collect()),
            Request::Status => Reply::Status(self.status()),
        };
        out.push(Effect::Reply { id, reply });
    }

    fn change(&mut self, now: Now, id: u64, by: String, change: &Change, out: &mut Vec<Effect>) {
        let effects = match self.directory.apply(change) {
            Ok(effects) => effects,
            Err(refusal) => {
                return out.push(Effect::Reply { id, reply: Reply::Refused(refusal) });
            }
        };
        let audited =
            Audited { at: now.unix, by, what: change.to_string(), effects: effects.clone() };
        let ticket = Some(self.wait_for_commit(Awaiting::Reply(id, Reply::Done)));
        out.push(Effect::Store { entry: Entry::Directory(audited), ticket });
        for effect in effects {
            match effect {
                directory::Effect::PutTerminal(terminal) => {
                    let number = terminal.number;
                    // It may have gained or lost its fixed contact.
                    let input = match self.registrar.is_reachable(&self.directory, &number) {
                        true => switchboard::Input::Registered(number),
                        false => switchboard::Input::Unregistered(number),
                    };
                    self.tell(now, input);
                }
                directory::Effect::DropTerminal(number) => {
                    self.register(now, registrar::Input::Removed(number));
                }
                directory::Effect::PutLevel(_)
                | directory::Effect::DropLevel(_)
                | directory::Effect::PutPermit(_)
                | directory::Effect::DropPermit(_)
                | directory::Effect::PutOperator(_)
                | directory::Effect::DropOperator(_) => {}
            }
        }
        self.tell(now, switchboard::Input::DirectoryChanged);
        self.seek_names(now);
    }

    /// Calls that a crash has cut get the one record that says so.
    pub(super) fn bury(&mut self, now: Now, calls: Vec<CallRecord>, out: &mut Vec<Effect>) {
        for mut record in calls {
            record.end(now.unix, Cause::Interrupted, EndedBy::Server);
            out.push(Effect::Store { entry: Entry::Call(Box::new(record)), ticket: None });
        }
    }
}
