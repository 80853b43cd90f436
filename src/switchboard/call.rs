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
//! The table of R5 is [`OperatorCall::sources`]; nothing else decides who hears whom.

use super::admission::{Callee, Identity};
use super::call_record::{CallRecord, EndedBy, Handover};
use super::context::{Asker, Context, Owner, Permission, Step, party};
use super::handover::Checks;
use super::recording::RecordingState;
use super::ringing::{Placing, Ringing, Rung};
use super::settings::{AnsweredBy, REFUSALS};
use super::story::Story;
use super::waiting::announcement;
use crate::acd;
use crate::cause::Cause;
use crate::ids::{CallId, CameraId, LegId, Number, OperatorId, QueueId, RequestId, Ticket};
use crate::leg::{self, Choice, Command, Offer, Source, Spoken};
use crate::media::{Announcement, LobbyId, Message};
use crate::presence;
use crate::time::Instant;

/// One call through an operator, from its arrival to the hand-over.
#[derive(Debug)]
pub(super) struct OperatorCall {
    pub id: CallId,
    pub request: RequestId,
    pub queue: QueueId,
    pub caller: LegId,
    pub identity: Identity,
    pub record: CallRecord,
    pub(super) state: State,
    /// The caller has its 200.
    pub(super) answered: bool,
    pub(super) answered_by: AnsweredBy,
    /// What the caller sees and hears while it waits.
    pub(super) lobby: LobbyId,
    /// Said once to a caller that begins to wait.
    pub(super) greeting: Option<Announcement>,
    /// As last announced, from 1; 0 before.
    pub(super) position: usize,
    /// What the caller sees while it waits, in place of the picture.
    pub(super) camera: Option<CameraId>,
    /// When it came into the queue, and to which position.
    pub(super) joined: Option<(Instant, usize)>,
    /// The estimate at this position.
    pub(super) minutes: Option<u32>,
    /// Its recording.
    pub(super) recording: RecordingState,
}

/// Where a call through an operator stands.
#[derive(Debug)]
pub(super) enum State {
    /// The caller has its 200, and no operator hears of it before its ACK.
    Arriving {
        until: Instant,
        arrival: Box<acd::Arrival>,
    },
    Queued,
    /// The caller hears why it cannot be served; a take still wins.
    Announcing {
        until: Instant,
        cause: Cause,
    },
    /// The take waits for its commit. A phone-only operator has answered already.
    Taken {
        operator: OperatorId,
        asker: Asker,
        ticket: Ticket,
        phone: Option<(LegId, Spoken)>,
        /// That phone has hung up since.
        phone_gone: bool,
        abandoned: bool,
    },
    RingingYou {
        operator: OperatorId,
        phone: Ringing,
    },
    WithCaller {
        seat: Seat,
    },
    Consulting {
        seat: Seat,
        callee: Ringing,
        rings: bool,
        then: Then,
    },
    /// The operator's phone hung up after its REFER: the caller waits for the phones that ring.
    Entrusted {
        operator: OperatorId,
        callee: Ringing,
    },
    TalkingToCallee {
        seat: Seat,
        callee: Wanted,
    },
    Alternated {
        seat: Seat,
        callee: Wanted,
    },
    Connected {
        seat: Seat,
        callee: Wanted,
        checks: Checks,
    },
    /// `release` waits for both parties to be healthy.
    Releasing {
        seat: Seat,
        callee: Wanted,
        checks: Checks,
        until: Instant,
        asker: Asker,
    },
    /// The release waits for its commit.
    Leaving {
        seat: Seat,
        callee: Wanted,
        ticket: Ticket,
        asker: Asker,
    },
    /// Caller and callee are among themselves; the machine makes an ordinary call of it.
    HandedOver {
        callee: Wanted,
    },
    Ended,
}

/// What the operator wants of the wanted person, once it answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Then {
    /// To talk.
    Talk,
    /// To leave the caller to it: a blind transfer.
    HandOver,
}

/// The operator at the phone that answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Seat {
    pub operator: OperatorId,
    pub phone: LegId,
}

/// The wanted person at the phone that answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Wanted {
    pub number: Number,
    pub leg: LegId,
}

/// Where a new call through an operator comes from.
pub(super) struct Arrived {
    pub id: CallId,
    pub request: RequestId,
    pub queue: QueueId,
    pub caller: LegId,
    pub identity: Identity,
    pub record: CallRecord,
    /// It comes from a call that was answered already.
    pub answered: bool,
    pub answered_by: AnsweredBy,
    pub camera: Option<CameraId>,
    pub lobby: LobbyId,
    /// Every operator of the queue is busy.
    pub crowded: bool,
}

impl OperatorCall {
    pub fn new(arrived: Arrived) -> Self {
        Self {
            id: arrived.id,
            request: arrived.request,
            queue: arrived.queue,
            caller: arrived.caller,
            identity: arrived.identity,
            record: arrived.record,
            state: State::Queued,
            answered: arrived.answered,
            answered_by: arrived.answered_by,
            lobby: arrived.lobby,
            greeting: arrived.crowded.then_some(Announcement::Busy),
            position: 0,
            camera: arrived.camera,
            joined: None,
            minutes: None,
            recording: RecordingState::Off,
        }
    }

    /// Who gets whose voice and picture (R5, normative).
    pub fn sources(&self) -> Vec<(LegId, Source)> {
        let c = self.caller;
        let asking = self.wait_with(Message::Asking, None);
        match &self.state {
            State::Arriving { .. }
            | State::Queued
            | State::Taken { .. }
            | State::RingingYou { .. } => {
                vec![(c, self.waiting_source())]
            }
            State::Announcing { cause, .. } => {
                vec![(c, Source::Farewell(self.lobby, announcement(*cause)))]
            }
            State::WithCaller { seat: o } => {
                vec![(c, Source::Leg(o.phone)), (o.phone, Source::Leg(c))]
            }
            State::Consulting { seat: o, callee, .. } => {
                vec![(c, asking), (o.phone, callee.sound())]
            }
            State::Entrusted { callee, .. } => vec![(c, callee.sound())],
            State::TalkingToCallee { seat: o, callee: u } => {
                vec![(c, asking), (o.phone, Source::Leg(u.leg)), (u.leg, Source::Leg(o.phone))]
            }
            State::Alternated { seat: o, callee: u } => {
                let hold = Source::Wait(self.scene(Message::Hold), None);
                vec![(c, Source::Leg(o.phone)), (o.phone, Source::Leg(c)), (u.leg, hold)]
            }
            State::Connected { seat: o, callee: u, .. }
            | State::Releasing { seat: o, callee: u, .. }
            | State::Leaving { seat: o, callee: u, .. } => {
                // Else the last face would stand there.
                let told = Source::Told(self.scene(Message::Connected));
                vec![(c, Source::Leg(u.leg)), (o.phone, told), (u.leg, Source::Leg(c))]
            }
            State::HandedOver { callee: u } => {
                vec![(c, Source::Leg(u.leg)), (u.leg, Source::Leg(c))]
            }
            State::Ended => vec![],
        }
    }

    /// The operator who has this call, if one has.
    pub fn operator(&self) -> Option<&OperatorId> {
        match &self.state {
            State::Taken { operator, .. } | State::RingingYou { operator, .. } => Some(operator),
            State::WithCaller { seat }
            | State::Consulting { seat, .. }
            | State::TalkingToCallee { seat, .. }
            | State::Alternated { seat, .. }
            | State::Connected { seat, .. }
            | State::Releasing { seat, .. }
            | State::Leaving { seat, .. } => Some(&seat.operator),
            State::Arriving { .. }
            | State::Queued
            | State::Announcing { .. }
            | State::Entrusted { .. }
            | State::HandedOver { .. }
            | State::Ended => None,
        }
    }

    /// The number that was consulted, while it matters.
    pub fn callee(&self) -> Option<&Number> {
        match &self.state {
            State::Consulting { callee, .. } | State::Entrusted { callee, .. } => {
                Some(&callee.number)
            }
            State::TalkingToCallee { callee, .. }
            | State::Alternated { callee, .. }
            | State::Connected { callee, .. }
            | State::Releasing { callee, .. }
            | State::Leaving { callee, .. }
            | State::HandedOver { callee } => Some(&callee.number),
            State::Arriving { .. }
            | State::Queued
            | State::Announcing { .. }
            | State::Taken { .. }
            | State::RingingYou { .. }
            | State::WithCaller { .. }
            | State::Ended => None,
        }
    }

    /// The number that was consulted and has answered, while it is on the line.
    pub fn answered_callee(&self) -> Option<&Number> {
        match &self.state {
            State::Consulting { .. } | State::Entrusted { .. } => None,
            _ => self.callee(),
        }
    }

    /// The callee, once the two are among themselves; this call is over then.
    pub fn take_handed_over(&mut self) -> Option<Wanted> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::HandedOver { callee } => Some(callee),
            state => {
                self.state = state;
                None
            }
        }
    }

    /// The operator's lease is over: nobody is left who could cancel a consultation that rings. A hand-over
    /// was asked for by the phone, which is there.
    pub fn lease_over(&mut self, ctx: &mut Context<'_>) {
        if let State::Consulting { then: Then::Talk, .. } = self.state {
            self.drop_callee(Cause::Lost, ctx);
        }
    }

    /// Goes to another state: the patchbay first, then the people, then the record.
    pub(super) fn enter(&mut self, state: State, ctx: &mut Context<'_>) {
        self.state = state;
        ctx.leg(Command::Listen(self.sources()));
        self.follow_recording(ctx);
        if let Some(operator) = self.operator().cloned() {
            ctx.tell(&operator, self.view(None));
        }
        let who = self.callee().map(Number::as_str).or(self.operator().map(OperatorId::as_str));
        let (phase, who) = (self.phase(), who.unwrap_or_default().to_owned());
        self.record.enter(phase, ctx.now.unix, &who);
        ctx.keep(&self.record);
    }

    // ---- taken ----

    /// The winner's phone is called, or is on the line already.
    pub(super) fn call_operator(&mut self, ctx: &mut Context<'_>) {
        let State::Taken { operator, phone, phone_gone, abandoned, .. } =
            std::mem::replace(&mut self.state, State::Ended)
        else {
            unreachable!("only a taken call waits for the commit of its take")
        };
        if abandoned {
            if let Some((leg, _)) = phone {
                ctx.hang_up(leg, Cause::Abandoned);
            }
            self.state = State::RingingYou { operator, phone: Ringing::nobody(ctx.now.instant) };
            return self.finish("abandoned", Cause::Abandoned, EndedBy::Caller, ctx);
        }
        if phone_gone {
            self.state = State::RingingYou { operator, phone: Ringing::nobody(ctx.now.instant) };
            return self.give_back(acd::Place::Original, "phone-gone".into(), ctx);
        }
        if let Some((phone, _)) = phone {
            return self.seated(Seat { operator, phone }, ctx);
        }
        let ring_time = ctx.settings.queues.get(&self.queue).map(|queue| queue.ring_time);
        let number = ctx.phone_of(&operator);
        let callee = Callee::Terminal(number.clone());
        let placing = Placing {
            to: Permission::Appointed(&callee),
            behalf: self.caller,
            caller: party(&self.identity),
            withheld: self.identity.number.is_none(),
            offer: Offer::WithPictures(self.caller),
            auto_answer: true,
            ring_time: ring_time.unwrap_or(ctx.settings.ring_time),
            owner: Owner::Call(self.id),
        };
        let at = ctx.steps.len();
        match Ringing::place(placing, ctx) {
            Ok(phone) => {
                // The desk hears that its phone will ring before it does.
                let calls = ctx.steps.split_off(at);
                self.enter(State::RingingYou { operator, phone }, ctx);
                ctx.steps.extend(calls);
            }
            Err(cause) => {
                self.state =
                    State::RingingYou { operator, phone: Ringing::nobody(ctx.now.instant) };
                self.phone_failed(cause, ctx);
            }
        }
    }

    /// The operator is on the line with the caller.
    fn seated(&mut self, seat: Seat, ctx: &mut Context<'_>) {
        self.answer(Choice { like: Some(seat.phone), prefer: vec![] }, ctx);
        self.record.answer(ctx.now.unix);
        self.greeting = None;
        self.record_from_here(ctx);
        self.enter(State::WithCaller { seat }, ctx);
    }

    /// The desk phone could not be reached: the caller is back at its place before anyone notices.
    fn phone_failed(&mut self, cause: Cause, ctx: &mut Context<'_>) {
        let State::RingingYou { operator, .. } = &self.state else {
            unreachable!("a phone fails while it rings")
        };
        let operator = operator.clone();
        let failure = if REFUSALS.contains(&cause) {
            presence::PhoneFailure::Refusing
        } else {
            presence::PhoneFailure::Unreachable
        };
        ctx.log(Story::PhoneFailed { call: self.id, operator: operator.clone(), cause });
        // First the phone's state, so that the request is not offered to the same operator again.
        ctx.presence(presence::Input::PhoneFailed { operator, failure });
        self.give_back(acd::Place::Original, format!("phone-{}", cause.word()), ctx);
    }

    /// The operator is out of this call, the caller is in the queue again.
    pub(super) fn give_back(&mut self, place: acd::Place, reason: String, ctx: &mut Context<'_>) {
        let operator = self.operator().cloned();
        self.state = State::Ended;
        if let Some(operator) = &operator {
            ctx.tell(operator, self.view(Some(reason)));
        }
        self.enter(State::Queued, ctx);
        // Idle first, so that the request is offered to the same operator as to all.
        ctx.steps.extend(operator.map(Step::Free));
        ctx.queue(acd::Input::PutBack { request: self.request, place });
    }

    // ---- what the phones do ----

    /// Takes an event of one of this call's legs.
    pub fn on_leg(&mut self, event: &leg::Event, ctx: &mut Context<'_>) {
        let leg = event.leg();
        if leg == self.caller {
            return self.on_caller(event, ctx);
        }
        match &mut self.state {
            State::RingingYou { operator, phone } if phone.has(leg) => {
                match phone.on(event, ctx) {
                    Rung::Nothing | Rung::Ringing | Rung::EarlyMedia(_) | Rung::Silenced => {}
                    Rung::Answered(answered, _) => {
                        let seat = Seat { operator: operator.clone(), phone: answered };
                        let follow = self.answered && phone.is_widened(answered);
                        self.seated(seat, ctx);
                        if follow {
                            ctx.leg(Command::Align { leg: self.caller, to: answered });
                        }
                    }
                    // A desk phone's 3xx is never followed.
                    Rung::Failed(cause, _) => self.phone_failed(cause, ctx),
                }
            }
            State::Taken { phone: Some((phone, _)), phone_gone, .. } if *phone == leg => {
                *phone_gone |= matches!(event, leg::Event::Ended { .. });
            }
            State::Consulting { callee, .. } if callee.has(leg) => {
                let rung = callee.on(event, ctx);
                self.on_ringing_callee(rung, ctx);
            }
            State::Entrusted { callee, .. } if callee.has(leg) => {
                let rung = callee.on(event, ctx);
                self.on_entrusted(rung, ctx);
            }
            _ => self.on_party(leg, event, ctx),
        }
    }

    fn on_caller(&mut self, event: &leg::Event, ctx: &mut Context<'_>) {
        match event {
            leg::Event::Ended { cause, by, .. } => self.caller_gone(*cause, *by, ctx),
            leg::Event::Confirmed { .. } => self.acknowledged(ctx),
            leg::Event::Health { health, .. } => self.caller_health(health, ctx),
            leg::Event::Referred { leg, transaction, .. } => {
                ctx.refuse_refer(*leg, *transaction);
            }
            _ => {}
        }
    }

    /// An event of the operator's phone or the callee's, both answered.
    fn on_party(&mut self, leg: LegId, event: &leg::Event, ctx: &mut Context<'_>) {
        let is_operator = self.seat().is_some_and(|seat| seat.phone == leg);
        match event {
            leg::Event::Ended { cause, by, .. } if is_operator => {
                self.operator_gone(*cause, *by, ctx);
            }
            leg::Event::Ended { cause, .. } => self.callee_gone(*cause, ctx),
            leg::Event::Health { health, .. } if !is_operator => self.callee_health(health, ctx),
            leg::Event::Referred { transaction, refer_to, .. } if is_operator => {
                self.on_refer(*transaction, refer_to, ctx);
            }
            leg::Event::Referred { leg, transaction, .. } => {
                ctx.refuse_refer(*leg, *transaction);
            }
            _ => {}
        }
    }

    pub(super) fn seat(&self) -> Option<&Seat> {
        match &self.state {
            State::WithCaller { seat }
            | State::Consulting { seat, .. }
            | State::TalkingToCallee { seat, .. }
            | State::Alternated { seat, .. }
            | State::Connected { seat, .. }
            | State::Releasing { seat, .. }
            | State::Leaving { seat, .. } => Some(seat),
            State::Arriving { .. }
            | State::Queued
            | State::Announcing { .. }
            | State::Taken { .. }
            | State::RingingYou { .. }
            | State::Entrusted { .. }
            | State::HandedOver { .. }
            | State::Ended => None,
        }
    }

    /// The operator whose phone this leg is, answered or about to be.
    pub(super) fn operator_at(&self, leg: LegId) -> Option<&OperatorId> {
        match &self.state {
            State::RingingYou { operator, phone } if phone.has(leg) => Some(operator),
            _ => self.seat().filter(|seat| seat.phone == leg).map(|seat| &seat.operator),
        }
    }

    fn caller_gone(&mut self, cause: Cause, by: leg::EndedBy, ctx: &mut Context<'_>) {
        match &mut self.state {
            State::Taken { abandoned, .. } => *abandoned = true,
            State::Arriving { .. }
            | State::Queued
            | State::Announcing { .. }
            | State::RingingYou { .. } => {
                let (word, cause, by) = match (cause, by) {
                    // Whose media stopped has not given up, but is gone.
                    (Cause::MediaStopped, _) => ("abandoned", cause, EndedBy::Caller),
                    // No more has one that could not be answered.
                    (_, leg::EndedBy::Us) => ("refused", cause, EndedBy::Server),
                    (_, leg::EndedBy::Peer | leg::EndedBy::Timer | leg::EndedBy::Transport) => {
                        ("abandoned", Cause::Abandoned, EndedBy::Caller)
                    }
                };
                self.finish(word, cause, by, ctx);
            }
            State::WithCaller { .. }
            | State::Consulting { .. }
            | State::TalkingToCallee { .. }
            | State::Alternated { .. }
            | State::Connected { .. }
            | State::Releasing { .. }
            | State::Entrusted { .. }
            | State::Leaving { .. } => {
                self.finish("caller-hung-up", cause, EndedBy::Caller, ctx);
            }
            State::HandedOver { .. } | State::Ended => {}
        }
    }

    fn operator_gone(&mut self, cause: Cause, by: leg::EndedBy, ctx: &mut Context<'_>) {
        // A phone that no longer knows the dialog (481) has not hung up: it was started anew.
        let hung_up = by == leg::EndedBy::Peer && cause != Cause::Lost;
        match &mut self.state {
            State::WithCaller { .. } if hung_up => {
                self.finish("operator-hung-up", cause, EndedBy::Operator, ctx);
            }
            State::WithCaller { .. } => {
                self.give_back(acd::Place::Front, "phone-gone".into(), ctx);
            }
            State::Consulting { then: Then::HandOver, .. } => self.entrust(ctx),
            State::Consulting { callee, .. } => {
                callee.call_off(Cause::Abandoned, ctx);
                self.give_back(acd::Place::Front, "phone-gone".into(), ctx);
            }
            State::TalkingToCallee { .. }
            | State::Alternated { .. }
            | State::Connected { .. }
            | State::Releasing { .. } => self.hand_over(Handover::Unchecked, ctx),
            // The record of the release is on its way; it completes with it.
            State::Leaving { .. }
            | State::Arriving { .. }
            | State::Queued
            | State::Announcing { .. }
            | State::Taken { .. }
            | State::RingingYou { .. }
            | State::Entrusted { .. }
            | State::HandedOver { .. }
            | State::Ended => {}
        }
    }

    // ---- the end ----

    /// Whether nothing of this call is left.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Arriving { until, .. }
            | State::Announcing { until, .. }
            | State::Releasing { until, .. } => Some(*until),
            State::RingingYou { phone, .. } => Some(phone.until),
            State::Consulting { callee, .. } | State::Entrusted { callee, .. } => {
                Some(callee.until)
            }
            State::Queued
            | State::Taken { .. }
            | State::WithCaller { .. }
            | State::TalkingToCallee { .. }
            | State::Alternated { .. }
            | State::Connected { .. }
            | State::Leaving { .. }
            | State::HandedOver { .. }
            | State::Ended => None,
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, ctx: &mut Context<'_>) {
        if self.deadline().is_none_or(|at| ctx.now.instant < at) {
            return;
        }
        match &mut self.state {
            State::Arriving { .. } => self.not_acknowledged(ctx),
            State::Announcing { cause, .. } => {
                let cause = *cause;
                self.finish("timeout", cause, EndedBy::Server, ctx);
            }
            State::RingingYou { phone, .. } => {
                phone.call_off(Cause::NoAnswer, ctx);
                self.phone_failed(Cause::NoAnswer, ctx);
            }
            State::Consulting { callee, .. } => {
                callee.call_off(Cause::NoAnswer, ctx);
                self.on_ringing_callee(Rung::Failed(Cause::NoAnswer, vec![]), ctx);
            }
            State::Entrusted { callee, .. } => {
                callee.call_off(Cause::NoAnswer, ctx);
                self.on_entrusted(Rung::Failed(Cause::NoAnswer, vec![]), ctx);
            }
            State::Releasing { .. } => self.give_up_release(ctx),
            _ => {}
        }
    }
}
