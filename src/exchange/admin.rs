//! Administration of the running server: changes that hold for the next call, and what goes on now.

use super::api::Effect;
use super::journal::JournalEntry;
use super::machine::Machine;
use super::views::Status;
use crate::cause::Cause;
use crate::directory::{self, DirectoryChange};
use crate::ids::OperatorId;
use crate::registrar;
use crate::switchboard::call_record::{CallRecord, EndedBy};
use crate::switchboard::{self, CallView, OperatorView, SetState, WaitingView};
use crate::time::Now;

/// What an administrator can ask of the running server.
#[derive(Clone, Debug)]
pub enum AdminRequest {
    /// Change terminals, levels, permits or operators.
    Change(DirectoryChange),
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
    /// All registrations, and the numbers that were refused.
    Registrations,
    /// The figures.
    Status,
}

/// The answer.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It holds, and is in the journal.
    Done,
    /// It does not, and why.
    Refused(directory::ChangeRefusal),
    /// It does not: the journal cannot be written.
    Unwritten,
    /// All calls.
    Calls(Vec<CallView>),
    /// All waiting calls.
    Queue(Vec<WaitingView>),
    /// All operators.
    Operators(Vec<OperatorView>),
    /// All registrations, and the numbers that were refused.
    Registrations(Vec<registrar::RegistrationEntry>),
    /// The figures.
    Status(Status),
}

fn no_operator(operator: &OperatorId) -> directory::ChangeRefusal {
    directory::ChangeRefusal::NoSuch {
        thing: directory::Thing::Operator,
        name: operator.to_string(),
    }
}

impl Machine {
    pub(super) fn administer(
        &mut self,
        now: Now,
        id: u64,
        by: String,
        request: AdminRequest,
        out: &mut Vec<Effect>,
    ) {
        let reply = match request {
            AdminRequest::Change(change) => return self.change(now, id, by, change, out),
            AdminRequest::SetState { operator, state } => {
                let named = |view: &OperatorView| view.operator == operator;
                let view = self.switchboard.operators(&self.directory).find(named);
                match view {
                    None => Reply::Refused(no_operator(&operator)),
                    Some(view) if view.state == "out" && state == SetState::Dnd => {
                        Reply::Refused(directory::ChangeRefusal::LoggedOut(operator))
                    }
                    Some(_) => {
                        let who = operator.clone();
                        self.tell(now, switchboard::Input::SetState { operator: who, state });
                        // Without its desk, or at a phone where another sits, nobody is ready.
                        let named = |view: &OperatorView| view.operator == operator;
                        let view = self.switchboard.operators(&self.directory).find(named);
                        match view.is_some_and(|view| view.state == "out") {
                            true if state == SetState::Ready => {
                                Reply::Refused(directory::ChangeRefusal::LoggedOut(operator))
                            }
                            _ => Reply::Done,
                        }
                    }
                }
            }
            AdminRequest::Calls => Reply::Calls(self.switchboard.calls().collect()),
            AdminRequest::Queue => Reply::Queue(self.switchboard.waiting().collect()),
            AdminRequest::Operators => {
                Reply::Operators(self.switchboard.operators(&self.directory).collect())
            }
            AdminRequest::Registrations => Reply::Registrations(self.registrar.registrations()),
            AdminRequest::Status => Reply::Status(self.status()),
        };
        out.push(Effect::Reply { id, reply });
    }

    /// Calls that a crash has cut get the one record that says so.
    pub(super) fn close_orphaned_records(&mut self, now: Now, calls: Vec<CallRecord>) {
        for mut record in calls {
            record.end(now.unix, Cause::Interrupted, EndedBy::Server);
            self.entries.push(JournalEntry::Call(Box::new(record)));
        }
    }
}
