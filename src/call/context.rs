//! One step of a call while it thinks: what holds outside, and what it wants done so far.

use super::admission::{CallOrigin, CallerIdentity};
use super::call_record::CallRecord;
use super::facts::CallFacts;
use super::log_event::LogEvent;
use super::refusal::refusal;
use super::step::{CallStep, CommandSource, Keep, Owner};
use super::world::party;
use crate::acd;
use crate::cause::Cause;
use crate::desk::event::{CommandOutcome, DeskEvent};
use crate::dialog;
use crate::ids::{LegId, LegIds, OperatorId};
use crate::leg;
use crate::presence;

/// One step of a call.
pub(crate) struct CallContext<'a> {
    pub facts: CallFacts<'a>,
    /// For the legs that go out.
    pub leg_ids: &'a mut LegIds,
    pub steps: Vec<CallStep>,
}

impl<'a> CallContext<'a> {
    pub fn new(facts: CallFacts<'a>, leg_ids: &'a mut LegIds) -> Self {
        Self { facts, leg_ids, steps: Vec::new() }
    }

    /// Calls a phone; the leg is `owner`'s.
    pub fn call(&mut self, owner: Owner, call: Box<leg::OutgoingLeg>) -> LegId {
        let leg = self.leg_ids.mint();
        self.steps.push(CallStep::Call(leg, owner, call));
        leg
    }

    /// A caller that is not served gets its final response; one that is gone needs none.
    pub fn refuse(&mut self, leg: LegId, cause: Cause) {
        self.steps.push(CallStep::Refuse(leg, refusal(cause)));
    }

    pub fn leg(&mut self, command: leg::Command) {
        self.steps.push(CallStep::Leg(command));
    }

    pub fn queue(&mut self, input: acd::Input) {
        self.steps.push(CallStep::Queue(input));
    }

    pub fn presence(&mut self, input: presence::Input) {
        self.steps.push(CallStep::Presence(input));
    }

    pub fn tell(&mut self, operator: &OperatorId, event: DeskEvent) {
        self.steps.push(CallStep::Tell(operator.clone(), event));
    }

    pub fn log(&mut self, log_event: LogEvent) {
        self.steps.push(CallStep::Log(log_event));
    }

    /// Ends a leg; whatever it still says is no longer heard. A leg that is gone already stays so.
    pub fn hang_up(&mut self, leg: LegId, cause: Cause) {
        self.steps.push(CallStep::HangUp(leg, cause));
    }

    /// The outcome of a command that was accepted earlier.
    pub fn answer(&mut self, asker: CommandSource, outcome: CommandOutcome) {
        self.steps.push(CallStep::Answer(asker, outcome));
    }

    /// Answers a request within a dialog.
    pub fn respond(&mut self, leg: LegId, transaction: dialog::ServerTx, status: u16) {
        let (phrase, retry_after) = (String::new(), None);
        self.leg(leg::Command::Respond { leg, transaction, status, phrase, retry_after });
    }

    /// Transfers are for calls between two parties.
    pub fn refuse_refer(&mut self, leg: LegId, transaction: dialog::ServerTx) {
        self.respond(leg, transaction, 603);
    }

    /// Each of two phones shows with whom it talks now (RFC 4916). Other domains' phones are not
    /// told, nor is anyone told a number that is withheld: what is sent is an assertion (RFC 3325).
    pub fn introduce(&mut self, one: (LegId, &CallerIdentity), other: (LegId, &CallerIdentity)) {
        for ((leg, own), (_, shown)) in [(one, other), (other, one)] {
            let is_guest = matches!(own.origin, CallOrigin::Guest { .. });
            if !is_guest && shown.number.is_some() {
                self.leg(leg::Command::Identify { leg, party: party(shown) });
            }
        }
    }

    pub fn keep(&mut self, record: &CallRecord) {
        self.steps.push(CallStep::Keep(Keep::Call(Box::new(record.clone())), None));
    }
}
