//! The presence machine: one interface for logins, leases, phones and engagements.
//!
//! An input for an operator that does not exist or is not logged in changes nothing; the switchboard
//! refuses such commands by the [`PresenceView`].

use super::operator::{
    ControlDialogState, DeskPhone, LogoutCause, OperatorSession, PhoneFailure, PhoneTrouble,
    PresenceOperator, PresenceView, Stored, WorkMode,
};
use crate::ids::{Number, OperatorId};
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};

/// What is configured.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long a lost desk may come back.
    pub lease: Duration,
    /// How long a phone that failed gets no offers.
    pub phone_pause: Duration,
}

/// What reaches presence.
#[derive(Clone, Debug)]
pub enum Input {
    /// An account exists, or its mode is another from its next login on.
    Add {
        /// Who.
        operator: OperatorId,
        /// How it works.
        mode: WorkMode,
    },
    /// The account is removed; a call in hand is finished first.
    Remove {
        /// Who.
        operator: OperatorId,
    },
    /// What the journal kept, at the start: the lease begins afresh.
    Restore {
        /// Who.
        operator: OperatorId,
        /// Do-not-disturb.
        dnd: bool,
        /// Where it sits.
        phone: DeskPhone,
    },
    /// The desk says `hello`, or the phone dials the feature code: logs in, moves to another phone, or
    /// comes back within the lease. The operator keeps the state that it had.
    Login {
        /// Who.
        operator: OperatorId,
        /// Where it sits.
        phone: DeskPhone,
    },
    /// The human logs out; a call in hand goes on at the phone.
    Logout {
        /// Who.
        operator: OperatorId,
    },
    /// An administrator sets the operator `out`: at once, or at the end of the call in hand.
    Dismiss {
        /// Who.
        operator: OperatorId,
    },
    /// The control dialog is gone: the lease begins.
    DeskLost {
        /// Who.
        operator: OperatorId,
    },
    /// The desk leaves an INFO unanswered.
    DeskUnresponsive {
        /// Who.
        operator: OperatorId,
    },
    /// The desk answers again.
    DeskResponsive {
        /// Who.
        operator: OperatorId,
    },
    /// The human wants no offers.
    Dnd {
        /// Who.
        operator: OperatorId,
    },
    /// The human wants offers; a failed phone is forgiven.
    Ready {
        /// Who.
        operator: OperatorId,
    },
    /// An operator call begins, at the take.
    Engage {
        /// Who.
        operator: OperatorId,
        /// At which phone.
        phone: Number,
    },
    /// The queue has reported the release.
    Disengage {
        /// Who.
        operator: OperatorId,
    },
    /// An ordinary call begins at a phone; passed over where nobody sits.
    CallBegun {
        /// Which phone.
        phone: Number,
    },
    /// An ordinary call is over.
    CallOver {
        /// Which phone.
        phone: Number,
    },
    /// The phone has registered, for the first time or again.
    PhoneRegistered {
        /// Which phone.
        phone: Number,
    },
    /// The phone has no binding any more.
    PhoneUnregistered {
        /// Which phone.
        phone: Number,
    },
    /// The desk phone was called after a take, in vain.
    PhoneFailed {
        /// Who.
        operator: OperatorId,
        /// How.
        failure: PhoneFailure,
    },
}

/// What presence wants done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Keep this for a restart.
    Store(Stored),
    /// The operator is logged in no longer.
    LoggedOut {
        /// Who.
        operator: OperatorId,
        /// Why.
        why: LogoutCause,
    },
    /// The login has changed nothing.
    LoginRefused {
        /// Who.
        operator: OperatorId,
        /// Why.
        why: LoginRefusal,
    },
    /// Others see the operator differently now.
    Changed {
        /// Who.
        operator: OperatorId,
        /// As it is now.
        view: PresenceView,
    },
}

/// Why a login changes nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LoginRefusal {
    /// No such account, or it is about to be removed.
    NoSuchOperator,
    /// Another operator sits at that phone.
    PhoneInUse {
        /// Who.
        by: OperatorId,
    },
    /// In a call nobody changes the phone.
    InCall,
}

/// How a session begins.
#[derive(Clone, Copy, Debug)]
enum Opening {
    Login,
    Restore { dnd: bool, lease_until: Instant },
}

/// All operators of the house.
#[derive(Debug)]
pub struct Machine {
    settings: Settings,
    operators: BTreeMap<OperatorId, PresenceOperator>,
    /// Who sits where: at one phone sits one operator at most.
    seated: BTreeMap<Number, OperatorId>,
    alarms: BTreeSet<(Instant, OperatorId)>,
}

impl Machine {
    /// A house without accounts.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let (operators, seated, alarms) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { settings, operators, seated, alarms }
    }

    /// Takes one input and returns all that follows from it.
    #[must_use]
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        let settings = self.settings;
        match input {
            Input::Add { operator, mode } => self.add(&operator, mode, &mut out),
            Input::Remove { operator } => self.dismiss(&operator, LogoutCause::Removed, &mut out),
            Input::Restore { operator, dnd, phone } => {
                let opening = Opening::Restore { dnd, lease_until: now + settings.lease };
                self.log_in(&operator, phone, opening, &mut out);
            }
            Input::Login { operator, phone } => {
                self.log_in(&operator, phone, Opening::Login, &mut out);
            }
            Input::Logout { operator } => self.log_out(&operator, LogoutCause::Command, &mut out),
            Input::Dismiss { operator } => {
                self.dismiss(&operator, LogoutCause::Dismissed, &mut out);
            }
            Input::DeskLost { operator } => {
                self.lose_desk(now + settings.lease, &operator, &mut out);
            }
            Input::DeskUnresponsive { operator } => {
                self.change_session(&operator, &mut out, |s| {
                    s.desk.turn(ControlDialogState::Unresponsive)
                });
            }
            Input::DeskResponsive { operator } => {
                self.change_session(&operator, &mut out, |s| s.desk.turn(ControlDialogState::Up));
            }
            Input::Dnd { operator } => {
                self.change_session(&operator, &mut out, |s| s.dnd = true);
            }
            Input::Ready { operator } => {
                self.change_session(&operator, &mut out, |s| (s.dnd, s.trouble) = (false, None));
            }
            Input::Engage { operator, phone } => {
                self.change(&operator, &mut out, |o| o.engaged = Some(phone));
            }
            Input::Disengage { operator } => self.disengage(&operator, &mut out),
            Input::CallBegun { phone } => {
                self.change_phone(&phone, &mut out, |s| {
                    s.phone.calls = s.phone.calls.saturating_add(1);
                });
            }
            Input::CallOver { phone } => {
                self.change_phone(&phone, &mut out, |s| {
                    s.phone.calls = s.phone.calls.saturating_sub(1);
                });
            }
            Input::PhoneRegistered { phone } => {
                self.change_phone(&phone, &mut out, |s| {
                    (s.phone.registered, s.trouble) = (true, None);
                });
            }
            Input::PhoneUnregistered { phone } => {
                self.change_phone(&phone, &mut out, |s| s.phone.registered = false);
            }
            Input::PhoneFailed { operator, failure } => {
                let until = now + settings.phone_pause;
                let trouble = Some(PhoneTrouble { failure, until });
                self.change_session(&operator, &mut out, |s| s.trouble = trouble);
            }
        }
        out
    }

    /// Other times, from the next lease and the next failure on.
    pub fn adjust(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.alarms.first().map(|(at, _)| *at)
    }

    /// Ends the leases and forgives the phones that are due at `now`.
    #[must_use]
    pub fn tick(&mut self, now: Instant) -> Vec<Effect> {
        let mut out = Vec::new();
        while let Some((_, id)) = self.alarms.first().filter(|(at, _)| *at <= now).cloned() {
            let session = self.operators.get(&id).and_then(|o| o.session.as_ref());
            let lease = session.and_then(OperatorSession::lease_until);
            if lease.is_some_and(|until| until <= now) {
                self.log_out(&id, LogoutCause::Lease, &mut out);
            } else {
                self.change_session(&id, &mut out, |s| {
                    s.trouble = s.trouble.filter(|t| t.until > now);
                });
            }
        }
        out
    }

    /// How an operator is seen, if there is such an account.
    #[must_use]
    pub fn view(&self, operator: &OperatorId) -> Option<PresenceView> {
        self.operators.get(operator).map(PresenceOperator::view)
    }

    /// How an operator works, if there is such an account.
    #[must_use]
    pub fn mode(&self, operator: &OperatorId) -> Option<WorkMode> {
        self.operators.get(operator).map(|operator| operator.mode)
    }

    /// The phone at which an operator is in an operator call.
    #[must_use]
    pub fn engaged_at(&self, operator: &OperatorId) -> Option<&Number> {
        self.operators.get(operator)?.engaged.as_ref()
    }

    /// Who sits at a phone.
    #[must_use]
    pub fn at_phone(&self, phone: &Number) -> Option<&OperatorId> {
        self.seated.get(phone)
    }

    /// All accounts by name.
    pub fn views(&self) -> impl Iterator<Item = (&OperatorId, PresenceView)> {
        self.operators.iter().map(|(id, operator)| (id, operator.view()))
    }

    fn add(&mut self, id: &OperatorId, mode: WorkMode, out: &mut Vec<Effect>) {
        self.operators.entry(id.clone()).or_insert_with(|| PresenceOperator::new(mode));
        self.change(id, out, |operator| {
            operator.mode = mode;
            // Removed and added again while a call was in hand.
            operator.leaving = operator.leaving.filter(|why| *why != LogoutCause::Removed);
        });
    }

    fn log_in(
        &mut self,
        id: &OperatorId,
        phone: DeskPhone,
        opening: Opening,
        out: &mut Vec<Effect>,
    ) {
        if let Err(why) = self.may_log_in(id, &phone.number) {
            out.push(Effect::LoginRefused { operator: id.clone(), why });
            return;
        }
        self.change(id, out, |operator| {
            let (desk, new_dnd) = match (operator.mode, opening) {
                (WorkMode::Phone, Opening::Login) => (ControlDialogState::None, false),
                (WorkMode::Phone, Opening::Restore { dnd, .. }) => (ControlDialogState::None, dnd),
                (WorkMode::Desk, Opening::Login) => (ControlDialogState::Up, false),
                (WorkMode::Desk, Opening::Restore { dnd, lease_until: until }) => {
                    (ControlDialogState::Lost { until }, dnd)
                }
            };
            let before = operator.session.take();
            let dnd = before.as_ref().map_or(new_dnd, |s| s.dnd);
            let trouble = before.filter(|s| s.phone.number == phone.number).and_then(|s| s.trouble);
            operator.session = Some(OperatorSession { phone, trouble, dnd, desk });
        });
    }

    fn may_log_in(&self, id: &OperatorId, phone: &Number) -> Result<(), LoginRefusal> {
        let operator = self.operators.get(id).ok_or(LoginRefusal::NoSuchOperator)?;
        if operator.leaving == Some(LogoutCause::Removed) {
            return Err(LoginRefusal::NoSuchOperator);
        }
        if let Some(by) = self.seated.get(phone).filter(|by| *by != id) {
            return Err(LoginRefusal::PhoneInUse { by: by.clone() });
        }
        if operator.is_in_call() && operator.seat() != Some(phone) {
            return Err(LoginRefusal::InCall);
        }
        Ok(())
    }

    fn log_out(&mut self, id: &OperatorId, why: LogoutCause, out: &mut Vec<Effect>) {
        if self.operators.get(id).is_none_or(|o| o.session.is_none()) {
            return;
        }
        out.push(Effect::LoggedOut { operator: id.clone(), why });
        self.change(id, out, |o| {
            o.session = None;
            o.leaving = o.leaving.filter(|why| *why == LogoutCause::Removed);
        });
    }

    /// Sends the operator away now, or at the end of the operator call in hand.
    fn dismiss(&mut self, id: &OperatorId, why: LogoutCause, out: &mut Vec<Effect>) {
        let Some(operator) = self.operators.get(id) else { return };
        if operator.engaged.is_none() {
            self.depart(id, why, out);
        } else if operator.session.is_some() || why == LogoutCause::Removed {
            self.change(id, out, |o| {
                o.leaving = o.leaving.filter(|w| *w == LogoutCause::Removed).or(Some(why));
            });
        }
    }

    fn disengage(&mut self, id: &OperatorId, out: &mut Vec<Effect>) {
        match self.operators.get(id).and_then(|o| o.leaving) {
            None => self.change(id, out, |o| o.engaged = None),
            Some(why) => self.depart(id, why, out),
        }
    }

    /// Ends the call and the session in one change, so that the operator is idle at no moment.
    fn depart(&mut self, id: &OperatorId, why: LogoutCause, out: &mut Vec<Effect>) {
        if self.operators.get(id).is_some_and(|o| o.session.is_some()) {
            out.push(Effect::LoggedOut { operator: id.clone(), why });
        }
        self.change(id, out, |o| (o.session, o.engaged, o.leaving) = (None, None, None));
        if why == LogoutCause::Removed {
            self.operators.remove(id);
        }
    }

    fn lose_desk(&mut self, until: Instant, id: &OperatorId, out: &mut Vec<Effect>) {
        if let Some(why) = self.operators.get(id).and_then(|o| o.leaving) {
            // Whoever has to go anyway has no lease.
            return self.log_out(id, why, out);
        }
        self.change_session(id, out, |s| s.desk.turn(ControlDialogState::Lost { until }));
    }

    fn change_phone(
        &mut self,
        phone: &Number,
        out: &mut Vec<Effect>,
        change: impl FnOnce(&mut OperatorSession),
    ) {
        if let Some(id) = self.seated.get(phone).cloned() {
            self.change_session(&id, out, change);
        }
    }

    fn change_session(
        &mut self,
        id: &OperatorId,
        out: &mut Vec<Effect>,
        change: impl FnOnce(&mut OperatorSession),
    ) {
        self.change(id, out, |operator| {
            if let Some(session) = &mut operator.session {
                change(session);
            }
        });
    }

    /// The one way in which an operator changes: seats and alarms follow, and what has really changed
    /// is told.
    fn change(
        &mut self,
        id: &OperatorId,
        out: &mut Vec<Effect>,
        change: impl FnOnce(&mut PresenceOperator),
    ) {
        let Some(operator) = self.operators.get_mut(id) else { return };
        let (view, stored) = (operator.view(), operator.stored(id));
        let seat = operator.seat().cloned();
        change(operator);

        if seat.as_ref() != operator.seat() {
            if let Some(phone) = seat {
                self.seated.remove(&phone);
            }
            self.seated.extend(operator.seat().map(|phone| (phone.clone(), id.clone())));
        }
        let deadline = operator.deadline();
        if deadline != operator.alarm {
            if let Some(at) = operator.alarm {
                self.alarms.remove(&(at, id.clone()));
            }
            self.alarms.extend(deadline.map(|at| (at, id.clone())));
            operator.alarm = deadline;
        }
        if operator.stored(id) != stored {
            out.push(Effect::Store(operator.stored(id)));
        }
        if operator.view() != view {
            out.push(Effect::Changed { operator: id.clone(), view: operator.view() });
        }
    }
}
