//! Who hears and sees an operator whose phone is in an ordinary call: its desk is told, as in a call that it has taken.
//!
//! ```text
//!   two talk, an operator sits at the phone of one ── the relay's table changes ──▶ senses (direct, partner)
//!        └── they talk no more, or nobody sits there ──▶ senses without a partner, where it was told before
//! ```

use super::checks::{CallParty, Checks, Watched};
use super::context::CallContext;
use super::direct::{DirectCall, DirectCallState};
use super::direct_desks::{DirectDesk, DirectDesks};
use crate::desk::event::{DeskEvent, Partner};
use crate::ids::{LegId, OperatorId};
use crate::leg::{Command, LegSenses};

impl DirectCall {
    /// Has the media of the two looked at while an operator sits at one of their phones.
    pub(super) fn follow_desks(&mut self, ctx: &mut CallContext<'_>) {
        let parties = self.talking();
        let at = |own| {
            let number = match own {
                CallParty::Caller => self.identity.terminal(),
                CallParty::Callee | CallParty::Operator => self.answered_callee(),
            };
            let operator = ctx.facts.positions.presence.at_phone(number?)?;
            Some((operator.clone(), own))
        };
        let wanted: Vec<_> = match parties {
            Some(_) => [CallParty::Caller, CallParty::Callee].into_iter().filter_map(at).collect(),
            None => vec![],
        };
        let parties = parties.filter(|_| !wanted.is_empty()).map(Vec::from).unwrap_or_default();
        let is_same = |(desk, wanted): (&DirectDesk, &(OperatorId, CallParty))| {
            (&desk.operator, desk.own) == (&wanted.0, wanted.1)
        };
        let before = &self.desks;
        if before.desks.len() == wanted.len()
            && before.desks.iter().zip(&wanted).all(is_same)
            && before.checks.watched().parties == parties
        {
            return;
        }
        let checks = before.checks.followed_by(Watched { parties, talking: None });
        let desks = wanted.into_iter().map(|(operator, own)| {
            let known = before.desks.iter().find(|desk| desk.operator == operator);
            let is_told = known.is_some_and(|desk| desk.is_told);
            DirectDesk { operator, own, is_told }
        });
        let desks = DirectDesks { checks, desks: desks.collect() };
        let before = std::mem::replace(&mut self.desks, desks);
        self.watch_anew(&before.checks, ctx);
        for DirectDesk { operator, own: _, is_told } in before.desks {
            let is_still = self.desks.desks.iter().any(|desk| desk.operator == operator);
            if is_told && !is_still {
                ctx.tell(&operator, self.senses_view(None, Default::default()));
            }
        }
        self.tell_desks(ctx);
    }

    /// The relay's table has changed for a party.
    pub(super) fn on_senses(&mut self, leg: LegId, senses: LegSenses, ctx: &mut CallContext<'_>) {
        if self.desks.checks.take_senses(leg, senses) {
            self.tell_desks(ctx);
        }
    }

    /// The desk of this operator knows nothing yet.
    pub(super) fn greet_desk(&mut self, operator: &OperatorId, ctx: &mut CallContext<'_>) {
        for desk in &mut self.desks.desks {
            desk.is_told &= desk.operator != *operator;
        }
        self.follow_desks(ctx);
        self.tell_desks(ctx);
    }

    /// Whether the desk of this operator is told of it.
    pub fn tells(&self, operator: &OperatorId) -> bool {
        self.desks.desks.iter().any(|desk| desk.operator == *operator)
    }

    /// The two who talk.
    fn talking(&self) -> Option<[(CallParty, LegId); 2]> {
        match &self.state {
            DirectCallState::Talking { callee } => {
                Some([(CallParty::Caller, self.caller), (CallParty::Callee, callee.leg)])
            }
            DirectCallState::Arrived
            | DirectCallState::Ringing { .. }
            | DirectCallState::Transferring { .. }
            | DirectCallState::Watching { .. }
            | DirectCallState::Ended => None,
        }
    }

    fn watch_anew(&self, before: &Checks, ctx: &mut CallContext<'_>) {
        let (before, now) = (&before.watched().parties, &self.desks.checks.watched().parties);
        let is_among = |all: &[(CallParty, LegId)], leg| all.iter().any(|(_, other)| *other == leg);
        for (_, leg) in before.iter().filter(|(_, leg)| !is_among(now, *leg)) {
            ctx.leg(Command::Watch { leg: *leg, on: false });
        }
        for (_, leg) in now.iter().filter(|(_, leg)| !is_among(before, *leg)) {
            // What another has watched says only what changes: all is to be said.
            ctx.leg(Command::Watch { leg: *leg, on: false });
            ctx.leg(Command::Watch { leg: *leg, on: true });
        }
    }

    fn tell_desks(&mut self, ctx: &mut CallContext<'_>) {
        let mut desks = std::mem::take(&mut self.desks.desks);
        for DirectDesk { operator, own, is_told } in &mut desks {
            let senses = self.desks.checks.senses_of(*own);
            if *is_told || senses.iter().any(|list| !list.is_empty()) {
                *is_told = true;
                let partner = self.partner_of(*own, ctx);
                ctx.tell(operator, self.senses_view(Some(partner), senses));
            }
        }
        self.desks.desks = desks;
    }

    fn partner_of(&self, own: CallParty, ctx: &CallContext<'_>) -> Partner {
        let callee = self.answered_callee().filter(|_| own == CallParty::Caller);
        let callee = callee.map(|number| ctx.facts.world.called(number));
        let identity = callee.as_ref().unwrap_or(&self.identity);
        Partner { number: identity.shown(), name: identity.name.clone() }
    }

    fn senses_view(
        &self,
        partner: Option<Partner>,
        [hears_you, you_hear, sees_you, you_see]: [Vec<&'static str>; 4],
    ) -> DeskEvent {
        DeskEvent::DirectSenses { call: self.id, partner, hears_you, you_hear, sees_you, you_see }
    }
}
