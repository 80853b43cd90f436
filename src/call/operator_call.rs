//! A call through an operator: its states, who hears and sees whom in each, and how it ends.
//!
//! ```text
//!   arriving ── ACK ──▶ queued, as below (arriving.rs)
//!
//!   queued ── take ──▶ taken ── committed ──▶ ringing-you ── 200 ──▶ with-caller ◀───────────────┐
//!     ▲                  │                        │                  │  ▲                        │
//!     │◀─ original place ┴── desk phone fails ────┘          consult ▼  │ callee fails, cancel   │
//!     │                                                      consulting ┘                        │
//!     │◀─ front ── operator's phone lost ──────────────────────── │ 200                          │
//!     │                                                           ▼                              │
//!     │                                     alternated ◀──▶ talking-to-callee ── callee gone ───▶┤
//!     │                                          └──── connect ────┤                             │
//!  announcing                                                      ▼                             │
//!     │                                                        connected ──── callee gone ──────▶┘
//!     ▼                                                            │ release, both healthy
//!   ended                                    releasing ──▶ leaving ── committed ──▶ handed over
//! ```
//!
//! ```text
//!   with-caller, both there ── the operator goes to another call ──▶ in-hand ── back at the ear ──▶ as before
//!   with-caller, in-hand ── park ──▶ parked ── pick ──▶ taken        in_hand.rs
//!   the operator's phone is lost ──▶ rejoining ── it answers anew ──▶ as before             rejoining.rs
//!   with-caller, in-hand ── transfer ──▶ transferring ── 200 ──▶ settling ── both healthy ──▶ handed over
//!                                            └─ nobody ──▶ in-hand again, or the phone rings  blind_transfer.rs
//! ```
//!
//! The table of R5 is [`OperatorCall::sources`]; nothing else decides who hears whom.

use super::admission::{Callee, CallerIdentity};
use super::call_record::{CallRecord, EndedBy, Handover};
use super::checks::Checks;
use super::context::CallContext;
use super::log_event::LogEvent;
use super::operator_state::{AnsweredOperator, OperatorCallState, RecordingState, Then};
use super::phone_loss::{has_hung_up, is_lost, is_unfit};
use super::ringing::{CallAttempt, ForkResult, Permission, RingingPhones};
use super::settings::{AnsweredBy, REFUSALS};
use super::step::{CallStep, Owner};
use super::world::party;
use crate::acd;
use crate::cause::Cause;
use crate::ids::{CallId, CameraId, LegId, Number, OperatorId, QueueId, RequestId};
use crate::leg::{self, CodecChoice, Command, OfferedCodecs};
use crate::media::{Announcement, WaitingProfileId};
use crate::presence;
use crate::time::{Instant, UnixTime};

/// One call through an operator, from its arrival to the hand-over.
#[derive(Debug)]
pub(crate) struct OperatorCall {
    pub id: CallId,
    pub request: RequestId,
    pub queue: QueueId,
    pub caller: LegId,
    pub identity: CallerIdentity,
    pub record: CallRecord,
    pub state: OperatorCallState,
    /// The caller has its 200.
    pub answered: bool,
    pub answered_by: AnsweredBy,
    /// What the caller sees and hears while it waits.
    pub waiting_profile: WaitingProfileId,
    /// Said once to a caller that begins to wait.
    pub greeting: Option<Announcement>,
    /// As last announced, from 1; 0 before.
    pub position: usize,
    /// What the caller sees while it waits, in place of the picture.
    pub camera: Option<CameraId>,
    /// When it came into the queue, and to which position.
    pub joined: Option<(UnixTime, usize)>,
    /// The estimate at this position.
    pub minutes: Option<u32>,
    /// Its recording.
    pub recording: RecordingState,
    /// Stills are made of the caller's picture.
    pub previewed: bool,
    /// When the callee hangs up, the caller comes back to the operator who handed it over.
    pub serial: bool,
    /// What is known of its parties' media.
    pub checks: Checks,
}

/// Where a new call through an operator comes from.
pub(crate) struct ArrivedCall {
    pub id: CallId,
    pub request: RequestId,
    pub queue: QueueId,
    pub caller: LegId,
    pub identity: CallerIdentity,
    pub record: CallRecord,
    /// It comes from a call that was answered already.
    pub answered: bool,
    pub answered_by: AnsweredBy,
    pub camera: Option<CameraId>,
    pub waiting_profile: WaitingProfileId,
    /// Every operator of the queue is busy.
    pub crowded: bool,
}

impl OperatorCall {
    pub fn new(arrived: ArrivedCall) -> Self {
        Self {
            id: arrived.id,
            request: arrived.request,
            queue: arrived.queue,
            caller: arrived.caller,
            identity: arrived.identity,
            record: arrived.record,
            state: OperatorCallState::Queued,
            answered: arrived.answered,
            answered_by: arrived.answered_by,
            waiting_profile: arrived.waiting_profile,
            greeting: arrived.crowded.then_some(Announcement::Busy),
            position: 0,
            camera: arrived.camera,
            joined: None,
            minutes: None,
            recording: RecordingState::Off,
            previewed: false,
            serial: false,
            checks: Checks::default(),
        }
    }

    /// The operator's lease is over: nobody is left who could cancel a consultation that rings. A hand-over
    /// was asked for by the phone, which is there.
    pub fn lease_over(&mut self, ctx: &mut CallContext<'_>) {
        if let OperatorCallState::Consulting { then: Then::Talk, .. } = self.state {
            self.drop_callee(Cause::Lost, ctx);
        }
    }

    /// Goes to another state: the patchbay first, then the people, then the record.
    pub(super) fn enter(&mut self, state: OperatorCallState, ctx: &mut CallContext<'_>) {
        self.state = state;
        ctx.leg(Command::Listen(self.sources()));
        self.follow_recording(ctx);
        if let Some(operator) = self.operator().cloned() {
            ctx.tell(&operator, self.view(None));
        }
        self.follow_watch(ctx);
        let who = self.callee().map(Number::as_str).or(self.operator().map(OperatorId::as_str));
        let (phase, who) = (self.phase(), who.unwrap_or_default().to_owned());
        self.record.enter(phase, ctx.facts.now.unix, &who);
        ctx.keep(&self.record);
    }

    // ---- taken ----

    /// The winner's phone is called, or is on the line already.
    pub(super) fn call_operator(&mut self, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Taken { operator, phone, phone_gone, abandoned, .. } = &self.state
        else {
            return;
        };
        // Where it was called again meanwhile, it is at another leg.
        let position = ctx.facts.position(operator);
        let phone =
            phone.as_ref().map(|(leg, _)| position.and_then(|now| now.phone()).unwrap_or(*leg));
        let operator = operator.clone();
        if *abandoned {
            return self.finish("abandoned", Cause::Abandoned, EndedBy::Caller, ctx);
        }
        if ctx.facts.position(&operator).is_some_and(|position| position.rejoining.is_some()) {
            // Its phone is called already, for another of its calls.
            return self.hold_taken(operator, ctx);
        }
        if *phone_gone {
            return self.give_back(operator, acd::QueuePlace::Original, "phone-gone", ctx);
        }
        if let Some(phone) = phone {
            return self.at_the_phone(AnsweredOperator { operator, phone }, ctx);
        }
        self.ring(operator, ctx);
    }

    /// The operator's phone is called.
    pub(super) fn ring(&mut self, operator: OperatorId, ctx: &mut CallContext<'_>) {
        let ring_time = ctx.facts.settings.queues.get(&self.queue).map(|queue| queue.ring_time);
        let number = ctx.facts.phone_of(&operator);
        let callee = Callee::Terminal(number.clone());
        let placing = CallAttempt {
            to: Permission::Appointed(&callee),
            behalf: self.caller,
            caller: party(&self.identity),
            withheld: self.identity.number.is_none(),
            sips: false,
            offer: OfferedCodecs::WithPictures(self.caller),
            auto_answer: true,
            ring_time: ring_time.unwrap_or(ctx.facts.settings.ring_time),
            owner: Owner::Call(self.id),
        };
        let at = ctx.steps.len();
        match RingingPhones::place(placing, ctx) {
            Ok(phone) => {
                // The desk hears that its phone will ring before it does.
                let calls = ctx.steps.split_off(at);
                self.enter(OperatorCallState::RingingYou { operator, phone }, ctx);
                ctx.steps.extend(calls);
            }
            Err(cause) => self.phone_failed(operator, cause, ctx),
        }
    }

    /// The operator is on the line with the caller.
    pub(super) fn seated(&mut self, seat: AnsweredOperator, ctx: &mut CallContext<'_>) {
        self.answer(CodecChoice { like: Some(seat.phone), prefer: vec![] }, ctx);
        self.record.answer(ctx.facts.now.unix);
        self.greeting = None;
        self.record_from_here(ctx);
        self.enter(OperatorCallState::WithCaller { seat }, ctx);
    }

    /// The desk phone could not be reached: the caller is back at its place before anyone notices.
    fn phone_failed(&mut self, operator: OperatorId, cause: Cause, ctx: &mut CallContext<'_>) {
        let failure = if REFUSALS.contains(&cause) {
            presence::PhoneFailure::Refusing
        } else {
            presence::PhoneFailure::Unreachable
        };
        ctx.log(LogEvent::PhoneFailed { call: self.id, operator: operator.clone(), cause });
        // First the phone's state, so that the request is not offered to the same operator again.
        ctx.presence(presence::Input::PhoneFailed { operator: operator.clone(), failure });
        let reason = format!("phone-{}", cause.word());
        self.give_back(operator, acd::QueuePlace::Original, &reason, ctx);
    }

    /// The operator is out of this call, the caller is in the queue again.
    pub(super) fn give_back(
        &mut self,
        operator: OperatorId,
        place: acd::QueuePlace,
        reason: &str,
        ctx: &mut CallContext<'_>,
    ) {
        ctx.tell(&operator, self.ended_view(None, reason));
        self.back_in_queue(Some(operator), place, ctx);
    }

    /// The caller is in the queue again; an operator who had the call is idle.
    pub(super) fn back_in_queue(
        &mut self,
        operator: Option<OperatorId>,
        place: acd::QueuePlace,
        ctx: &mut CallContext<'_>,
    ) {
        self.enter(OperatorCallState::Queued, ctx);
        // Idle first, so that the request is offered to the same operator as to all.
        ctx.steps.extend(operator.map(|operator| CallStep::Free(operator, self.id)));
        ctx.queue(acd::Input::PutBack { request: self.request, place });
    }

    // ---- what the phones do ----

    /// Takes an event of one of this call's legs.
    pub fn on_leg(&mut self, event: &leg::Event, ctx: &mut CallContext<'_>) {
        let leg = event.leg();
        if leg == self.caller {
            return self.on_caller(event, ctx);
        }
        match &mut self.state {
            OperatorCallState::RingingYou { phone, .. } if phone.has(leg) => {
                let rung = phone.on(event, ctx);
                self.on_ringing_operator(rung, ctx);
            }
            OperatorCallState::Taken { phone: Some((phone, _)), phone_gone, .. }
                if *phone == leg =>
            {
                *phone_gone |= matches!(event, leg::Event::Ended { .. });
            }
            OperatorCallState::Consulting { callee, .. } if callee.has(leg) => {
                let rung = callee.on(event, ctx);
                self.on_ringing_callee(rung, ctx);
            }
            OperatorCallState::Entrusted { callee, .. } if callee.has(leg) => {
                let rung = callee.on(event, ctx);
                self.on_entrusted(rung, ctx);
            }
            OperatorCallState::Rejoining { phone: Some(phone), .. } if phone.has(leg) => {
                let rung = phone.on(event, ctx);
                self.on_rejoining(rung, ctx);
            }
            OperatorCallState::Rejoining { consulted: Some(phones), .. }
                if phones.callee.has(leg) =>
            {
                let rung = phones.callee.on(event, ctx);
                self.on_consulted(rung, ctx);
            }
            OperatorCallState::Transferring { callee, .. } if callee.has(leg) => {
                let rung = callee.on(event, ctx);
                self.on_transferring(rung, ctx);
            }
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
            | OperatorCallState::Taken { .. }
            | OperatorCallState::RingingYou { .. }
            | OperatorCallState::WithCaller { .. }
            | OperatorCallState::Consulting { .. }
            | OperatorCallState::Entrusted { .. }
            | OperatorCallState::TalkingToCallee { .. }
            | OperatorCallState::Alternated { .. }
            | OperatorCallState::Connected { .. }
            | OperatorCallState::Releasing { .. }
            | OperatorCallState::Leaving { .. }
            | OperatorCallState::HandedOver { .. }
            | OperatorCallState::InHand { .. }
            | OperatorCallState::Parked(_)
            | OperatorCallState::Rejoining { .. }
            | OperatorCallState::Transferring { .. }
            | OperatorCallState::Settling { .. }
            | OperatorCallState::Serial { .. }
            | OperatorCallState::Ended => {
                self.on_party(leg, event, ctx);
            }
        }
    }

    /// What became of the operator's phone that rings.
    fn on_ringing_operator(&mut self, rung: ForkResult, ctx: &mut CallContext<'_>) {
        let OperatorCallState::RingingYou { operator, phone } = &self.state else { return };
        let operator = operator.clone();
        match rung {
            ForkResult::Nothing
            | ForkResult::Ringing
            | ForkResult::EarlyMedia(_)
            | ForkResult::Silenced => {}
            ForkResult::Answered(answered, _) => {
                let follow = self.answered && phone.offers_all_codecs(answered);
                self.seated(AnsweredOperator { operator, phone: answered }, ctx);
                if follow {
                    ctx.leg(Command::Align { leg: self.caller, to: answered });
                }
            }
            ForkResult::Failed(Cause::Interrupted, _) => self.ring_anew(ctx),
            // A desk phone's 3xx is never followed.
            ForkResult::Failed(cause, _) => self.phone_failed(operator, cause, ctx),
        }
    }

    fn on_caller(&mut self, event: &leg::Event, ctx: &mut CallContext<'_>) {
        match event {
            leg::Event::Ended { cause, by, .. } => self.caller_gone(*cause, *by, ctx),
            leg::Event::Confirmed { .. } => self.acknowledged(ctx),
            leg::Event::Health { health, .. } => self.on_health(self.caller, health, ctx),
            leg::Event::Senses { senses, .. } => self.on_senses(self.caller, *senses, ctx),
            leg::Event::Referred { leg, transaction, .. } => {
                ctx.refuse_refer(*leg, *transaction);
            }
            leg::Event::Offered { .. }
            | leg::Event::Ringing { .. }
            | leg::Event::EarlyMedia { .. }
            | leg::Event::EarlyMediaOver { .. }
            | leg::Event::Answered { .. }
            | leg::Event::Refused { .. }
            | leg::Event::Held { .. }
            | leg::Event::Changed { .. }
            | leg::Event::Aligned { .. }
            | leg::Event::Dtmf { .. }
            | leg::Event::Dropped { .. }
            | leg::Event::Silent { .. }
            | leg::Event::Info { .. }
            | leg::Event::InfoAnswered { .. }
            | leg::Event::Moved { .. } => {}
        }
    }

    /// An event of the operator's phone or the callee's, both answered.
    fn on_party(&mut self, leg: LegId, event: &leg::Event, ctx: &mut CallContext<'_>) {
        let is_operator = self.seat().is_some_and(|seat| seat.phone == leg);
        match event {
            leg::Event::Ended { cause, by, .. } if is_operator => {
                self.operator_gone(*cause, *by, ctx);
            }
            leg::Event::Ended { cause, .. } => self.callee_gone(*cause, ctx),
            leg::Event::Health { health, .. } => self.on_health(leg, health, ctx),
            leg::Event::Senses { senses, .. } => self.on_senses(leg, *senses, ctx),
            leg::Event::Referred { transaction, refer_to, .. } if is_operator => {
                self.on_refer(*transaction, refer_to, ctx);
            }
            leg::Event::Referred { leg, transaction, .. } => {
                ctx.refuse_refer(*leg, *transaction);
            }
            leg::Event::Offered { .. }
            | leg::Event::Ringing { .. }
            | leg::Event::EarlyMedia { .. }
            | leg::Event::EarlyMediaOver { .. }
            | leg::Event::Answered { .. }
            | leg::Event::Confirmed { .. }
            | leg::Event::Refused { .. }
            | leg::Event::Held { .. }
            | leg::Event::Changed { .. }
            | leg::Event::Aligned { .. }
            | leg::Event::Dtmf { .. }
            | leg::Event::Dropped { .. }
            | leg::Event::Silent { .. }
            | leg::Event::Info { .. }
            | leg::Event::InfoAnswered { .. }
            | leg::Event::Moved { .. } => {}
        }
    }

    fn caller_gone(&mut self, cause: Cause, by: leg::EndingSide, ctx: &mut CallContext<'_>) {
        match &mut self.state {
            OperatorCallState::Taken { abandoned, .. } => *abandoned = true,
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
            | OperatorCallState::RingingYou { .. } => {
                let (word, cause, by) = match (cause, by) {
                    // Whose media stopped has not given up, but is gone.
                    (Cause::MediaStopped, _) => ("abandoned", cause, EndedBy::Caller),
                    // No more has one that could not be answered.
                    (_, leg::EndingSide::Us) => ("refused", cause, EndedBy::Server),
                    (
                        _,
                        leg::EndingSide::Peer | leg::EndingSide::Timer | leg::EndingSide::Transport,
                    ) => ("abandoned", Cause::Abandoned, EndedBy::Caller),
                };
                self.finish(word, cause, by, ctx);
            }
            OperatorCallState::WithCaller { .. }
            | OperatorCallState::Consulting { .. }
            | OperatorCallState::TalkingToCallee { .. }
            | OperatorCallState::Alternated { .. }
            | OperatorCallState::Connected { .. }
            | OperatorCallState::Releasing { .. }
            | OperatorCallState::Entrusted { .. }
            | OperatorCallState::InHand { .. }
            | OperatorCallState::Parked(_)
            | OperatorCallState::Rejoining { .. }
            | OperatorCallState::Transferring { .. }
            | OperatorCallState::Settling { .. }
            | OperatorCallState::Serial { .. }
            | OperatorCallState::Leaving { .. } => {
                self.finish("caller-hung-up", cause, EndedBy::Caller, ctx);
            }
            OperatorCallState::HandedOver { .. } | OperatorCallState::Ended => {}
        }
    }

    pub(super) fn operator_gone(
        &mut self,
        cause: Cause,
        by: leg::EndingSide,
        ctx: &mut CallContext<'_>,
    ) {
        let hung_up = has_hung_up(cause, by);
        if is_lost(cause, by) && self.wait_for_phone(ctx) {
            return;
        }
        if let Some(seat) = self.seat().filter(|_| is_unfit(cause)) {
            // Else it would be offered there again at once.
            let (operator, failure) = (seat.operator.clone(), presence::PhoneFailure::Refusing);
            ctx.presence(presence::Input::PhoneFailed { operator, failure });
        }
        match &mut self.state {
            OperatorCallState::WithCaller { .. } if hung_up => {
                self.finish("operator-hung-up", cause, EndedBy::Operator, ctx);
            }
            OperatorCallState::WithCaller { seat } => {
                let operator = seat.operator.clone();
                self.give_back(operator, acd::QueuePlace::Front, "phone-gone", ctx);
            }
            OperatorCallState::Consulting { seat, callee, then: Then::HandOver, .. } => {
                let (operator, callee) = (seat.operator.clone(), callee.clone());
                self.entrust(operator, callee, ctx);
            }
            OperatorCallState::Consulting { seat, callee, then: Then::Talk, .. } => {
                let operator = seat.operator.clone();
                callee.call_off(Cause::Abandoned, ctx);
                self.give_back(operator, acd::QueuePlace::Front, "phone-gone", ctx);
            }
            OperatorCallState::TalkingToCallee { .. }
            | OperatorCallState::Alternated { .. }
            | OperatorCallState::Connected { .. }
            | OperatorCallState::Releasing { .. } => self.hand_over(Handover::Unchecked, ctx),
            // The record of the release is on its way; it completes with it.
            OperatorCallState::Leaving { phone_gone, .. } => *phone_gone = true,
            OperatorCallState::Arriving { .. }
            | OperatorCallState::Queued
            | OperatorCallState::Announcing { .. }
            | OperatorCallState::Taken { .. }
            | OperatorCallState::RingingYou { .. }
            | OperatorCallState::Entrusted { .. }
            | OperatorCallState::InHand { .. }
            | OperatorCallState::Parked(_)
            | OperatorCallState::Rejoining { .. }
            | OperatorCallState::Transferring { .. }
            | OperatorCallState::Settling { .. }
            | OperatorCallState::Serial { .. }
            | OperatorCallState::HandedOver { .. }
            | OperatorCallState::Ended => {}
        }
    }

    // ---- the end ----

    /// Whether nothing of this call is left.
    pub fn is_over(&self) -> bool {
        matches!(self.state, OperatorCallState::Ended)
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.state {
            OperatorCallState::Arriving { until, .. }
            | OperatorCallState::Announcing { until, .. }
            | OperatorCallState::Releasing { until, .. } => Some(*until),
            OperatorCallState::RingingYou { phone, .. } => Some(phone.until),
            OperatorCallState::Consulting { callee, .. }
            | OperatorCallState::Transferring { callee, .. }
            | OperatorCallState::Entrusted { callee, .. } => Some(callee.until),
            OperatorCallState::InHand { recall_at, .. } => Some(*recall_at),
            OperatorCallState::Rejoining { until, consulted, .. } => {
                Some(consulted.as_ref().map_or(*until, |phones| phones.callee.until.min(*until)))
            }
            OperatorCallState::Parked(parked) => Some(parked.recall_at),
            OperatorCallState::Settling { until, .. } => *until,
            OperatorCallState::Queued
            | OperatorCallState::Taken { .. }
            | OperatorCallState::WithCaller { .. }
            | OperatorCallState::TalkingToCallee { .. }
            | OperatorCallState::Alternated { .. }
            | OperatorCallState::Connected { .. }
            | OperatorCallState::Leaving { .. }
            | OperatorCallState::Serial { .. }
            | OperatorCallState::HandedOver { .. }
            | OperatorCallState::Ended => None,
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, ctx: &mut CallContext<'_>) {
        if self.deadline().is_none_or(|at| ctx.facts.now.instant < at) {
            return;
        }
        match &mut self.state {
            OperatorCallState::Arriving { .. } => self.not_acknowledged(ctx),
            OperatorCallState::Announcing { cause, .. } => {
                let cause = *cause;
                self.finish("timeout", cause, EndedBy::Server, ctx);
            }
            OperatorCallState::RingingYou { operator, phone } => {
                let operator = operator.clone();
                phone.call_off(Cause::NoAnswer, ctx);
                self.phone_failed(operator, Cause::NoAnswer, ctx);
            }
            OperatorCallState::Consulting { callee, .. } => {
                callee.call_off(Cause::NoAnswer, ctx);
                self.on_ringing_callee(ForkResult::Failed(Cause::NoAnswer, vec![]), ctx);
            }
            OperatorCallState::Entrusted { callee, .. } => {
                callee.call_off(Cause::NoAnswer, ctx);
                self.on_entrusted(ForkResult::Failed(Cause::NoAnswer, vec![]), ctx);
            }
            OperatorCallState::Releasing { .. } => self.give_up_release(ctx),
            OperatorCallState::InHand { .. } | OperatorCallState::Parked(_) => self.recall(ctx),
            OperatorCallState::Rejoining { .. } => self.tick_rejoining(ctx),
            OperatorCallState::Transferring { callee, .. } => {
                callee.call_off(Cause::NoAnswer, ctx);
                self.on_transferring(ForkResult::Failed(Cause::NoAnswer, vec![]), ctx);
            }
            OperatorCallState::Settling { .. } => self.not_settled(ctx),
            OperatorCallState::Queued
            | OperatorCallState::Taken { .. }
            | OperatorCallState::WithCaller { .. }
            | OperatorCallState::TalkingToCallee { .. }
            | OperatorCallState::Alternated { .. }
            | OperatorCallState::Connected { .. }
            | OperatorCallState::Leaving { .. }
            | OperatorCallState::Serial { .. }
            | OperatorCallState::HandedOver { .. }
            | OperatorCallState::Ended => {}
        }
    }
}
