//! What goes on now, for people who look: calls, queues, operators.

use super::machine::Machine;
use super::offering::NoOffers;
use crate::call::AnyCall;
use crate::call::admission::CallOrigin;
use crate::directory::{Directory, NightSwitch};
use crate::ids::{CallId, LegId, Number, OperatorId, QueueId, RequestId};
use crate::media::Dropped;
use crate::presence::{self, PresenceView};
use crate::time::UnixTime;

/// One call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallView {
    /// Which.
    pub call: CallId,
    /// Its phase, as the desk protocol or the record names it.
    pub phase: &'static str,
    /// Who called.
    pub caller: String,
    /// How the caller came: `terminal`, `trunk`, `guest`.
    pub origin: &'static str,
    /// The number that was dialled.
    pub dialled: Number,
    /// The operator who has it.
    pub operator: Option<OperatorId>,
    /// The number that is called or talks.
    pub callee: Option<Number>,
    /// Since when.
    pub began: UnixTime,
    /// It is being recorded.
    pub recording: bool,
    /// What came from its phones and was not taken.
    pub dropped: Dropped,
}

/// One waiting call.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WaitingView {
    /// Which.
    pub request: RequestId,
    /// Where.
    pub queue: QueueId,
    /// From 1.
    pub position: usize,
    /// Who called.
    pub caller: String,
    /// How the caller came: `terminal`, `trunk`, `guest`.
    pub origin: &'static str,
    /// Since when.
    pub since: UnixTime,
    /// From 0; the higher goes first.
    pub priority: u8,
}

/// One queue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QueueView {
    /// Which.
    pub queue: QueueId,
    /// The number that callers dial.
    pub number: Number,
    /// How many wait.
    pub waiting: usize,
    /// It is night: new callers are not taken.
    pub is_night: bool,
    /// How its night service is switched.
    pub switch: NightSwitch,
}

/// One operator.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OperatorView {
    /// Who.
    pub operator: OperatorId,
    /// `out`, `idle` or `busy`.
    pub state: &'static str,
    /// Do-not-disturb.
    pub dnd: bool,
    /// Where the operator sits.
    pub phone: Option<Number>,
    /// `ok`, `unregistered`, `unreachable` or `refusing`.
    pub phone_state: &'static str,
    /// `none`, `up`, `unresponsive` or `lost`.
    pub desk: &'static str,
    /// The call in hand; of several the one at the ear, else the last.
    pub call: Option<CallId>,
    /// How many it has in hand.
    pub in_hand: usize,
    /// How many it may have.
    pub max_calls: u8,
    /// Why it is offered no calls, if it is not.
    pub no_offers: Option<NoOffers>,
}

impl Machine {
    /// All calls, by number.
    pub fn calls(&self) -> impl Iterator<Item = CallView> {
        self.calls.iter().map(|(id, call)| match call {
            AnyCall::Operator(call) => CallView {
                call: *id,
                phase: call.phase(),
                caller: call.identity.shown(),
                origin: call.identity.origin.kind(),
                dialled: call.record.dialled.clone(),
                operator: call.operator().cloned(),
                callee: call.callee().cloned(),
                began: call.record.began,
                recording: call.is_recorded(),
                dropped: self.dropped_of(*id),
            },
            AnyCall::Direct(call) => CallView {
                call: *id,
                phase: call.phase(),
                caller: call.identity.shown(),
                origin: call.identity.origin.kind(),
                dialled: call.record.dialled.clone(),
                operator: None,
                callee: call.callee().cloned(),
                began: call.record.began,
                recording: self.recordings.contains(id),
                dropped: self.dropped_of(*id),
            },
        })
    }

    fn dropped_of(&self, call: CallId) -> Dropped {
        self.dropped.get(&call).copied().unwrap_or_default()
    }

    /// All waiting calls, by queue and position.
    pub fn waiting(&self) -> impl Iterator<Item = WaitingView> {
        self.settings.queues.keys().flat_map(|queue| {
            let waiting = (1..).zip(self.acd.waiting(queue));
            waiting.filter_map(|(position, request)| {
                let call = self.operator_call(request)?;
                Some(WaitingView {
                    request,
                    queue: queue.clone(),
                    position,
                    caller: call.identity.shown(),
                    origin: call.identity.origin.kind(),
                    since: call.record.began,
                    priority: self.acd.priority(request),
                })
            })
        })
    }

    /// The leg of a caller of whom this operator may see stills: it waits, in the list of the operator's desk.
    #[must_use]
    pub fn shown_caller(&self, operator: &OperatorId, request: RequestId) -> Option<LegId> {
        let call = self.operator_call(request).filter(|call| call.previewed)?;
        self.acd.lists(operator, request).then_some(call.caller)
    }

    /// All queues, by name.
    pub fn queues(&self, now: UnixTime) -> impl Iterator<Item = QueueView> {
        self.settings.queues.iter().map(move |(queue, settings)| QueueView {
            queue: queue.clone(),
            number: settings.number.clone(),
            waiting: self.acd.waiting(queue).count(),
            is_night: self.night.is_night(now, queue),
            switch: self.night.switch(queue),
        })
    }

    /// All operators, by name.
    pub fn operators(&self, directory: &Directory) -> impl Iterator<Item = OperatorView> {
        self.presence.views().map(|(operator, view)| {
            let call = self.positions.get(operator).and_then(|position| position.main());
            let in_hand = self.in_hand(operator);
            let max_calls = directory.operator(operator).map_or(1, |account| account.max_calls);
            let no_offers = self.no_offers(directory, operator, &view);
            let view = operator_view(operator.clone(), &view, call);
            OperatorView { no_offers, in_hand, max_calls, ..view }
        })
    }

    /// Whether an operator has a call: in hand, or an ordinary one at a phone of its own.
    #[must_use]
    pub fn has_call(&self, directory: &Directory, operator: &OperatorId) -> bool {
        let account = directory.operator(operator);
        let is_own = |phone: &Number| {
            let sits = || self.at_phone(phone) == Some(operator);
            account.is_some_and(|own| own.phone == *phone || own.phones.contains(phone)) || sits()
        };
        let is_there = |call: &AnyCall| match call {
            AnyCall::Direct(call) => {
                let calls = matches!(&call.identity.origin, CallOrigin::Terminal(it) if is_own(it));
                calls || call.callee().is_some_and(is_own)
            }
            AnyCall::Operator(_) => false,
        };
        self.in_hand(operator) > 0 || self.calls.values().any(is_there)
    }

    /// Who sits at a phone.
    #[must_use]
    pub fn at_phone(&self, phone: &Number) -> Option<&OperatorId> {
        self.presence.at_phone(phone)
    }

    /// How many legs, calls and desks there are: for tests that nothing is left behind.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.calls.is_empty()
            && self.requests.is_empty()
            && self.positions.is_empty()
            && self.parked.is_empty()
            && self.recordings.is_empty()
    }
}

fn operator_view(operator: OperatorId, view: &PresenceView, call: Option<CallId>) -> OperatorView {
    OperatorView {
        operator,
        state: match view.state {
            presence::OperatorState::Out => "out",
            presence::OperatorState::Idle => "idle",
            presence::OperatorState::Busy => "busy",
        },
        dnd: view.dnd,
        phone: view.phone.clone(),
        phone_state: super::commands::phone_word(view.phone_state),
        desk: match view.desk {
            presence::ControlDialogState::None => "none",
            presence::ControlDialogState::Up => "up",
            presence::ControlDialogState::Unresponsive => "unresponsive",
            presence::ControlDialogState::Lost { .. } => "lost",
        },
        call,
        in_hand: 0,
        max_calls: 1,
        no_offers: None,
    }
}
