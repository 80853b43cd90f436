//! Administration of the running server: changes that hold for the next call, and what goes on now.

use super::admin_request::{AdminRequest, Reply};
use super::api::Effect;
use super::journal::JournalEntry;
use super::rooms::Machine;
use crate::call::call_record::{CallRecord, EndedBy};
use crate::cause::Cause;
use crate::directory;
use crate::ids::OperatorId;
use crate::switchboard::{self, OperatorView, SetState};
use crate::time::Now;

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
            AdminRequest::Change(change) => return self.change(now, Some(id), by, change, out),
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
            AdminRequest::Queues => Reply::Queues(self.switchboard.queues(now.unix).collect()),
            AdminRequest::Operators => {
                Reply::Operators(self.switchboard.operators(&self.directory).collect())
            }
            AdminRequest::Registrations => Reply::Registrations(self.registrar.registrations()),
            AdminRequest::Status => Reply::Status(Box::new(self.status())),
            AdminRequest::LoginLink(operator) => match self.directory.operator(&operator) {
                None => Reply::Refused(no_operator(&operator)),
                Some(_) => {
                    let link = self.pages.sessions.link(now.unix, &operator, &mut self.random);
                    Reply::LoginLink(link)
                }
            },
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
