//! An ordinary call between two parties: dialled directly where the levels permit, or handed over.
//!
//! ```text
//!   ringing ── 200 ──▶ talking ── REFER ──▶ transferring ── 200 ──▶ talking (with another)
//!      │ 3xx, admitted ──▶ ringing             └ target fails ──▶ talking (as before)
//!      │ a camera's number ──▶ watching (camera.rs)
//!      └ refused, no answer ──▶ ended          either hangs up ──▶ ended
//! ```

use super::admission::{self, AdmittedCall, Callee, CallerIdentity};
use super::call_record::{CallRecord, EndedBy};
use super::context::CallContext;
use super::direct_desks::DirectDesks;
use super::log_event::LogEvent;
use super::operator_state::AnsweredCallee;
use super::ringing::{CallAttempt, ForkResult, Permission, RingingPhones};
use super::step::{CallStep, Onward, Owner};
use super::world::{SwitchboardContext, party};
use crate::cause::Cause;
use crate::dialog::ServerTx;
use crate::ids::{CallId, CameraId, LegId, Number};
use crate::leg::{self, CodecChoice, Command, LegSource, OfferedCodecs};
use crate::sip::NameAddr;
use crate::time::Instant;

/// A call is redirected at most so often (RFC 3261 §8.1.3.4 asks for a limit).
pub const REDIRECTIONS_MAX: u8 = 5;

/// One ordinary call.
#[derive(Debug)]
pub(crate) struct DirectCall {
    pub id: CallId,
    pub caller: LegId,
    pub identity: CallerIdentity,
    pub record: CallRecord,
    pub state: DirectCallState,
    pub answered: bool,
    /// The caller's INVITE lets expect that it can see.
    pub sees: bool,
    /// It has dialled a `sips:` URI; of no account once somebody has answered.
    pub sips: bool,
    pub redirections: u8,
    /// The desks of the operators that are parties of it.
    pub desks: DirectDesks,
}

/// Where an ordinary call stands.
#[derive(Debug)]
pub(crate) enum DirectCallState {
    /// It came in, and nobody is called yet.
    Arrived,
    /// `told` once the caller was told to expect early media.
    Ringing {
        callee: RingingPhones,
        told: bool,
    },
    Talking {
        callee: AnsweredCallee,
    },
    Transferring {
        transfer: Transfer,
    },
    Watching {
        camera: CameraId,
        number: Number,
        until: Instant,
    },
    Ended,
}

/// A transfer under way.
#[derive(Debug)]
pub(crate) struct Transfer {
    /// The pair as it was.
    pub callee: AnsweredCallee,
    /// Who asked for it; `None` when that phone has hung up already.
    pub referrer: Option<LegId>,
    /// The same, as the log names it.
    pub by: String,
    /// Who is transferred.
    pub transferee: LegId,
    /// The phones of the target.
    pub target: RingingPhones,
}

impl DirectCall {
    /// A call that has just come in, or comes from a queue (`answered`).
    pub fn new(
        id: CallId,
        caller: LegId,
        identity: CallerIdentity,
        record: CallRecord,
        answered: bool,
    ) -> Self {
        let state = DirectCallState::Arrived;
        let (sees, sips, redirections) = (false, false, 0);
        let desks = DirectDesks::default();
        Self { id, caller, identity, record, state, answered, sees, sips, redirections, desks }
    }

    /// A call that an operator has handed over.
    pub fn handed_over(
        id: CallId,
        caller: LegId,
        identity: CallerIdentity,
        record: CallRecord,
        callee: AnsweredCallee,
    ) -> Self {
        let state = DirectCallState::Talking { callee };
        let (answered, sees, sips, redirections) = (true, false, false, 0);
        let desks = DirectDesks::default();
        Self { id, caller, identity, record, state, answered, sees, sips, redirections, desks }
    }

    /// Calls the callee's phones; a callee without one ends the call.
    pub fn place(&mut self, to: Permission<'_>, ctx: &mut CallContext<'_>) {
        if let Callee::Camera { camera, .. } = to.callee() {
            return self.show(*camera, ctx);
        }
        let number = to.callee().number().clone();
        let placing = CallAttempt {
            to,
            behalf: self.caller,
            caller: party(&self.identity),
            withheld: self.identity.number.is_none(),
            sips: self.sips,
            offer: OfferedCodecs::For(self.caller),
            auto_answer: false,
            ring_time: ctx.facts.settings.ring_time,
            owner: Owner::Call(self.id),
        };
        match RingingPhones::place(placing, ctx) {
            Ok(callee) => {
                self.record.callee = Some(number.clone());
                self.record.enter("direct-ringing", ctx.facts.now.unix, number.as_str());
                self.state = DirectCallState::Ringing { callee, told: false };
                if self.answered {
                    ctx.leg(Command::Listen(self.sources()));
                }
                ctx.keep(&self.record);
            }
            Err(cause) => self.finish(cause, EndedBy::Server, ctx),
        }
    }

    /// Who gets whose voice and picture.
    pub fn sources(&self) -> Vec<(LegId, LegSource)> {
        match &self.state {
            DirectCallState::Ringing { callee, .. } => vec![(self.caller, callee.sound())],
            DirectCallState::Talking { callee } => {
                vec![
                    (self.caller, LegSource::Leg(callee.leg)),
                    (callee.leg, LegSource::Leg(self.caller)),
                ]
            }
            DirectCallState::Transferring { transfer } => {
                let referrer = transfer.referrer.map(|leg| (leg, LegSource::Silence));
                let waiting = (transfer.transferee, transfer.target.sound());
                referrer.into_iter().chain([waiting]).collect()
            }
            DirectCallState::Watching { camera, .. } => {
                vec![(self.caller, LegSource::Camera(*camera))]
            }
            DirectCallState::Arrived | DirectCallState::Ended => vec![],
        }
    }

    /// The number at the other end, while it talks or rings.
    pub fn callee(&self) -> Option<&Number> {
        match &self.state {
            DirectCallState::Ringing { callee, .. } => Some(&callee.number),
            DirectCallState::Talking { callee } => Some(&callee.number),
            DirectCallState::Transferring { transfer } => Some(&transfer.callee.number),
            DirectCallState::Watching { number, .. } => Some(number),
            DirectCallState::Arrived | DirectCallState::Ended => None,
        }
    }

    /// A word for listings.
    pub fn phase(&self) -> &'static str {
        match &self.state {
            DirectCallState::Ringing { .. } => "direct-ringing",
            DirectCallState::Talking { .. } => "talking",
            DirectCallState::Transferring { .. } => "transferring",
            DirectCallState::Watching { .. } => "watching",
            DirectCallState::Arrived => "arrived",
            DirectCallState::Ended => "ended",
        }
    }

    /// Takes an event of one of this call's legs.
    pub fn on_leg(&mut self, event: &leg::Event, ctx: &mut CallContext<'_>) {
        let leg = event.leg();
        if let leg::Event::Referred { transaction, refer_to, replaces: None, .. } = event {
            return self.on_refer(leg, *transaction, refer_to, ctx);
        }
        if let leg::Event::Senses { senses, .. } = event {
            return self.on_senses(leg, *senses, ctx);
        }
        match &mut self.state {
            DirectCallState::Ringing { callee, .. } if callee.has(leg) => {
                let rung = callee.on(event, ctx);
                self.on_ringing(rung, ctx);
            }
            DirectCallState::Transferring { transfer } if transfer.target.has(leg) => {
                let rung = transfer.target.on(event, ctx);
                self.on_target(rung, ctx);
            }
            DirectCallState::Arrived
            | DirectCallState::Ringing { .. }
            | DirectCallState::Talking { .. }
            | DirectCallState::Transferring { .. }
            | DirectCallState::Watching { .. }
            | DirectCallState::Ended => {
                if let leg::Event::Ended { cause, .. } = event {
                    self.on_gone(leg, *cause, ctx);
                }
                self.settled(event, ctx);
            }
        }
    }

    fn on_ringing(&mut self, rung: ForkResult, ctx: &mut CallContext<'_>) {
        let DirectCallState::Ringing { callee, told } = &mut self.state else { return };
        match rung {
            ForkResult::Nothing => {}
            // Before any early media there is nothing that could fall silent.
            ForkResult::Silenced => ctx.leg(Command::Listen(self.sources())),
            ForkResult::Ringing if self.answered => {}
            ForkResult::Ringing => ctx.leg(Command::Progress {
                leg: self.caller,
                status: 180,
                phrase: String::new(),
                media: None,
            }),
            ForkResult::EarlyMedia(leg) => {
                if !std::mem::replace(told, true) && !self.answered {
                    ctx.leg(Command::Progress {
                        leg: self.caller,
                        status: 183,
                        phrase: String::new(),
                        media: Some(CodecChoice { like: Some(leg), prefer: vec![] }),
                    });
                }
                ctx.leg(Command::Listen(self.sources()));
            }
            ForkResult::Answered(leg, _) => {
                let number = callee.number.clone();
                let follow = self.answered && callee.offers_all_codecs(leg);
                self.talk(AnsweredCallee { number, leg }, ctx);
                self.follow(follow, leg, ctx);
            }
            ForkResult::Failed(cause, contacts) => self.redirect(cause, &contacts, ctx),
        }
    }

    pub(super) fn talk(&mut self, callee: AnsweredCallee, ctx: &mut CallContext<'_>) {
        if !std::mem::replace(&mut self.answered, true) {
            let choice = CodecChoice { like: Some(callee.leg), prefer: vec![] };
            ctx.leg(Command::Answer { leg: self.caller, choice, identify: None });
        }
        self.record.answer(ctx.facts.now.unix);
        self.record.enter("talking", ctx.facts.now.unix, callee.number.as_str());
        ctx.log(LogEvent::Answered { call: self.id, callee: callee.number.clone() });
        self.state = DirectCallState::Talking { callee };
        ctx.leg(Command::Listen(self.sources()));
        ctx.keep(&self.record);
    }

    /// The caller, who was answered before, takes over what the other phone speaks.
    fn follow(&self, follow: bool, to: LegId, ctx: &mut CallContext<'_>) {
        if follow {
            ctx.leg(Command::Align { leg: self.caller, to });
        }
    }

    /// All phones said no; a 3xx among them is followed where both the caller and who says so may call
    /// the new number.
    fn redirect(&mut self, cause: Cause, contacts: &[NameAddr], ctx: &mut CallContext<'_>) {
        let DirectCallState::Ringing { callee, .. } = &self.state else { return };
        let asker = ctx.facts.world.called(&callee.number);
        self.redirections += 1;
        let onward = contacts.iter().filter(|_| self.redirections <= REDIRECTIONS_MAX);
        let mut refused = None;
        for contact in onward {
            let Some(to) = ctx.facts.world.number_of(contact) else { continue };
            match admission::admit_moved(ctx.facts.world.directory, &asker, &self.identity, &to) {
                Ok(call) => {
                    let call = call.with_params(contact.uri.number_params());
                    return self.divert(&asker, &call, ctx);
                }
                Err((whom, rule)) => {
                    refused.get_or_insert((whom.described(), to, rule));
                }
            }
        }
        if let Some((caller, dialled, rule)) = refused {
            let (call, why) = (self.id, rule.to_string());
            ctx.log(LogEvent::Refused { call, caller, dialled, why });
        }
        self.finish(cause, EndedBy::Callee, ctx);
    }

    fn divert(&mut self, asker: &CallerIdentity, call: &AdmittedCall, ctx: &mut CallContext<'_>) {
        let (to, by) = (call.callee().number().clone(), asker.shown());
        self.record.moved(ctx.facts.now.unix, &by);
        ctx.log(LogEvent::Transferred { call: self.id, to, by });
        self.place(Permission::Admitted(call), ctx);
    }

    // ---- transfer (RFC 3515, RFC 5589) ----

    fn on_refer(
        &mut self,
        referrer: LegId,
        transaction: ServerTx,
        refer_to: &NameAddr,
        ctx: &mut CallContext<'_>,
    ) {
        let DirectCallState::Talking { callee } = &self.state else {
            return ctx.refuse_refer(referrer, transaction);
        };
        let callee = callee.clone();
        let transferee = if referrer == self.caller { callee.leg } else { self.caller };
        let identity = self.identity_of(transferee, ctx.facts.world);
        let Some(number) = ctx.facts.world.number_of(refer_to) else {
            return ctx.refuse_refer(referrer, transaction);
        };
        if ctx.facts.world.directory.queue_of(&number).is_some() {
            return self.transfer_to_queue(referrer, transaction, transferee, number, ctx);
        }
        let asker = self.identity_of(referrer, ctx.facts.world);
        let moved = admission::admit_moved(ctx.facts.world.directory, &asker, &identity, &number);
        let admitted = match moved {
            Ok(admitted) => admitted.with_params(refer_to.uri.number_params()),
            Err((whom, rule)) => {
                let why = rule.to_string();
                let (call, caller) = (self.id, whom.described());
                ctx.log(LogEvent::Refused { call, caller, dialled: number, why });
                return ctx.respond(referrer, transaction, rule.cause().status());
            }
        };
        self.transfer(referrer, transaction, transferee, (&identity, &admitted), callee, ctx);
    }

    /// Back to the operators, who are open to every caller (R1.1).
    fn transfer_to_queue(
        &mut self,
        referrer: LegId,
        transaction: ServerTx,
        transferee: LegId,
        to: Number,
        ctx: &mut CallContext<'_>,
    ) {
        let identity = self.identity_of(transferee, ctx.facts.world);
        self.note_mover(referrer, ctx);
        ctx.respond(referrer, transaction, 202);
        ctx.leg(Command::ReferProgress { leg: referrer, status: 200 });
        ctx.hang_up(referrer, Cause::Transferred);
        self.state = DirectCallState::Ended;
        let (call, record) = (self.id, self.record.clone());
        let onward = Onward { call, leg: transferee, identity, record, to, answered: true };
        ctx.steps.push(CallStep::Onward(Box::new(onward)));
    }

    fn transfer(
        &mut self,
        referrer: LegId,
        transaction: ServerTx,
        transferee: LegId,
        (identity, admitted): (&CallerIdentity, &AdmittedCall),
        callee: AnsweredCallee,
        ctx: &mut CallContext<'_>,
    ) {
        let placing = CallAttempt {
            to: Permission::Admitted(admitted),
            behalf: transferee,
            caller: party(identity),
            withheld: identity.number.is_none(),
            sips: false,
            offer: OfferedCodecs::For(transferee),
            auto_answer: false,
            ring_time: ctx.facts.settings.ring_time,
            owner: Owner::Call(self.id),
        };
        let at = ctx.steps.len();
        match RingingPhones::place(placing, ctx) {
            Ok(target) => {
                let calls = ctx.steps.split_off(at);
                ctx.respond(referrer, transaction, 202);
                ctx.leg(Command::ReferProgress { leg: referrer, status: 100 });
                let by = self.note_mover(referrer, ctx);
                self.record.enter("transferring", ctx.facts.now.unix, target.number.as_str());
                let referrer = Some(referrer);
                let transfer = Transfer { callee, referrer, by, transferee, target };
                self.state = DirectCallState::Transferring { transfer };
                ctx.leg(Command::Listen(self.sources()));
                ctx.keep(&self.record);
                ctx.steps.extend(calls);
            }
            Err(cause) => ctx.respond(referrer, transaction, cause.status()),
        }
    }

    fn on_target(&mut self, rung: ForkResult, ctx: &mut CallContext<'_>) {
        let DirectCallState::Transferring { transfer } = &mut self.state else { return };
        match rung {
            ForkResult::Nothing => {}
            ForkResult::EarlyMedia(_) | ForkResult::Silenced => {
                ctx.leg(Command::Listen(self.sources()))
            }
            ForkResult::Ringing => {
                if let Some(leg) = transfer.referrer {
                    ctx.leg(Command::ReferProgress { leg, status: 180 });
                }
            }
            ForkResult::Answered(leg, _) => {
                let number = transfer.target.number.clone();
                let follow = transfer.target.offers_all_codecs(leg);
                let (referrer, transferee) = (transfer.referrer, transfer.transferee);
                if let Some(leg) = referrer {
                    ctx.leg(Command::ReferProgress { leg, status: 200 });
                    ctx.hang_up(leg, Cause::Transferred);
                }
                let by = std::mem::take(&mut transfer.by);
                self.identity = self.identity_of(transferee, ctx.facts.world);
                self.caller = transferee;
                self.record.callee = Some(number.clone());
                ctx.log(LogEvent::Transferred { call: self.id, to: number.clone(), by });
                self.talk_anew(AnsweredCallee { number, leg }, ctx);
                self.follow(follow, leg, ctx);
            }
            ForkResult::Failed(cause, _) => self.transfer_failed(cause, ctx),
        }
    }

    pub(super) fn transfer_failed(&mut self, cause: Cause, ctx: &mut CallContext<'_>) {
        let DirectCallState::Transferring { transfer } = &self.state else { return };
        let Some(referrer) = transfer.referrer else {
            // Nobody is left for the transferred party to return to.
            return self.finish(cause, EndedBy::Callee, ctx);
        };
        ctx.leg(Command::ReferProgress { leg: referrer, status: cause.status() });
        let callee = transfer.callee.clone();
        self.record.enter("talking", ctx.facts.now.unix, callee.number.as_str());
        self.state = DirectCallState::Talking { callee };
        ctx.leg(Command::Listen(self.sources()));
    }

    /// Who would be transferred if `referrer` asked for it, for admission.
    pub fn transferee_of(
        &self,
        referrer: LegId,
        world: SwitchboardContext<'_>,
    ) -> Option<CallerIdentity> {
        let DirectCallState::Talking { callee } = &self.state else { return None };
        let transferee = if referrer == self.caller { callee.leg } else { self.caller };
        Some(self.identity_of(transferee, world))
    }

    /// The number of the party of this leg, while two talk.
    pub fn number_of_leg(&self, leg: LegId) -> Option<&Number> {
        match &self.state {
            DirectCallState::Talking { callee } if callee.leg == leg => Some(&callee.number),
            DirectCallState::Talking { .. } if self.caller == leg => self.identity.number.as_ref(),
            DirectCallState::Talking { .. }
            | DirectCallState::Ringing { .. }
            | DirectCallState::Transferring { .. }
            | DirectCallState::Watching { .. }
            | DirectCallState::Arrived
            | DirectCallState::Ended => None,
        }
    }

    /// The number opposite the party of this leg.
    pub fn far_number(&self, leg: LegId) -> Option<Number> {
        let DirectCallState::Talking { callee } = &self.state else { return None };
        if leg == self.caller { Some(callee.number.clone()) } else { self.identity.number.clone() }
    }

    /// The number that has answered, while it is on the line.
    pub fn answered_callee(&self) -> Option<&Number> {
        match &self.state {
            DirectCallState::Talking { callee } => Some(&callee.number),
            DirectCallState::Transferring { transfer } => Some(&transfer.callee.number),
            DirectCallState::Arrived
            | DirectCallState::Ringing { .. }
            | DirectCallState::Watching { .. }
            | DirectCallState::Ended => None,
        }
    }

    /// The number whose phones ring for it.
    pub fn ringing_at(&self) -> Option<&Number> {
        match &self.state {
            DirectCallState::Ringing { callee, .. } => Some(&callee.number),
            DirectCallState::Transferring { transfer } => Some(&transfer.target.number),
            DirectCallState::Arrived
            | DirectCallState::Talking { .. }
            | DirectCallState::Watching { .. }
            | DirectCallState::Ended => None,
        }
    }

    /// The party opposite `leg`, while the two talk.
    pub fn opposite(&self, leg: LegId) -> Option<AnsweredCallee> {
        let DirectCallState::Talking { callee } = &self.state else { return None };
        if leg == self.caller {
            return Some(callee.clone());
        }
        Some(AnsweredCallee { number: self.identity.number.clone()?, leg: self.caller })
    }

    /// Gives up the party opposite `leg` to another call, and ends.
    pub(super) fn yield_other(&mut self, leg: LegId, ctx: &mut CallContext<'_>) {
        self.state = DirectCallState::Ended;
        ctx.hang_up(leg, Cause::Transferred);
        self.record.end(ctx.facts.now.unix, Cause::Transferred, EndedBy::Caller);
        ctx.keep(&self.record);
    }

    /// Completes an attended transfer: the party opposite `referrer` talks with `target` now.
    pub fn join(&mut self, referrer: LegId, target: AnsweredCallee, ctx: &mut CallContext<'_>) {
        let DirectCallState::Talking { callee } = &self.state else { return };
        let transferee = if referrer == self.caller { callee.leg } else { self.caller };
        let by = self.note_mover(referrer, ctx);
        self.identity = self.identity_of(transferee, ctx.facts.world);
        self.caller = transferee;
        ctx.leg(Command::ReferProgress { leg: referrer, status: 200 });
        ctx.hang_up(referrer, Cause::Transferred);
        ctx.steps.push(CallStep::Own(target.leg, Owner::Call(self.id)));
        self.record.callee = Some(target.number.clone());
        ctx.log(LogEvent::Transferred { call: self.id, to: target.number.clone(), by });
        self.talk_anew(target, ctx);
    }

    /// Two talk who did not before; each phone is told of the other.
    fn talk_anew(&mut self, target: AnsweredCallee, ctx: &mut CallContext<'_>) {
        let (leg, other) = (target.leg, ctx.facts.world.called(&target.number));
        self.talk(target, ctx);
        ctx.introduce((self.caller, &self.identity), (leg, &other));
    }

    /// The record says who asked for what comes next.
    fn note_mover(&mut self, asker: LegId, ctx: &CallContext<'_>) -> String {
        let by = self.identity_of(asker, ctx.facts.world).shown();
        self.record.moved(ctx.facts.now.unix, &by);
        by
    }

    /// Who a leg of this call is, for admission.
    pub fn identity_of(&self, leg: LegId, world: SwitchboardContext<'_>) -> CallerIdentity {
        let callee = match &self.state {
            DirectCallState::Talking { callee } => Some(callee),
            DirectCallState::Transferring { transfer } => Some(&transfer.callee),
            DirectCallState::Arrived
            | DirectCallState::Ringing { .. }
            | DirectCallState::Watching { .. }
            | DirectCallState::Ended => None,
        };
        match callee.filter(|callee| callee.leg == leg) {
            None => self.identity.clone(),
            Some(callee) => world.called(&callee.number),
        }
    }

    // ---- the end ----

    fn on_gone(&mut self, leg: LegId, cause: Cause, ctx: &mut CallContext<'_>) {
        if let DirectCallState::Transferring { transfer } = &mut self.state
            && transfer.referrer == Some(leg)
        {
            transfer.referrer = None;
            return;
        }
        let by = if leg == self.caller { EndedBy::Caller } else { EndedBy::Callee };
        let cause = match &self.state {
            DirectCallState::Ringing { .. } => Cause::Abandoned,
            DirectCallState::Talking { .. }
            | DirectCallState::Transferring { .. }
            | DirectCallState::Watching { .. }
            | DirectCallState::Arrived
            | DirectCallState::Ended => cause,
        };
        self.finish(cause, by, ctx);
    }

    /// Ends the whole call.
    pub fn finish(&mut self, cause: Cause, by: EndedBy, ctx: &mut CallContext<'_>) {
        match std::mem::replace(&mut self.state, DirectCallState::Ended) {
            DirectCallState::Ringing { mut callee, .. } => callee.call_off(cause, ctx),
            DirectCallState::Talking { callee } => ctx.hang_up(callee.leg, cause),
            DirectCallState::Transferring { mut transfer } => {
                transfer.target.call_off(cause, ctx);
                // The phone hears what became of its REFER while it has a dialog.
                if let Some(leg) = transfer.referrer {
                    let status = Cause::Abandoned.status();
                    ctx.leg(Command::ReferProgress { leg, status });
                }
                ctx.hang_up(transfer.callee.leg, cause);
            }
            DirectCallState::Arrived
            | DirectCallState::Watching { .. }
            | DirectCallState::Ended => {}
        }
        if self.answered {
            ctx.hang_up(self.caller, cause);
        } else {
            ctx.refuse(self.caller, cause);
        }
        self.record.end(ctx.facts.now.unix, cause, by);
        ctx.log(LogEvent::Ended { call: self.id, cause, by });
        ctx.keep(&self.record);
    }

    /// Whether nothing of this call is left.
    pub fn is_over(&self) -> bool {
        matches!(self.state, DirectCallState::Ended)
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.state {
            DirectCallState::Ringing { callee, .. } => Some(callee.until),
            DirectCallState::Transferring { transfer } => Some(transfer.target.until),
            DirectCallState::Watching { until, .. } => Some(*until),
            DirectCallState::Arrived | DirectCallState::Talking { .. } | DirectCallState::Ended => {
                None
            }
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, ctx: &mut CallContext<'_>) {
        if self.deadline().is_none_or(|at| ctx.facts.now.instant < at) {
            return;
        }
        match &mut self.state {
            DirectCallState::Ringing { callee, .. } => {
                callee.call_off(Cause::NoAnswer, ctx);
                self.finish(Cause::NoAnswer, EndedBy::Server, ctx);
            }
            DirectCallState::Transferring { transfer } => {
                transfer.target.call_off(Cause::NoAnswer, ctx);
                self.transfer_failed(Cause::NoAnswer, ctx);
            }
            DirectCallState::Watching { .. } => {
                self.finish(Cause::NormalClearing, EndedBy::Server, ctx)
            }
            DirectCallState::Arrived | DirectCallState::Talking { .. } | DirectCallState::Ended => {
            }
        }
    }
}
