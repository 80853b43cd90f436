//! Hand-over: the operator leaves only when both parties really hear and see each other (R5.3, R5.4).
//!
//! ```text
//!   connected ── release ──▶ both healthy? ──yes──▶ leaving ── committed ──▶ handed over
//!                              │no
//!                              ▼
//!                          releasing ── healthy within 5 s ──▶ leaving
//!                              └ 5 s over ──▶ connected, result `unhealthy` with the figures
//! ```

use super::call::{AnsweredCallee, OperatorCall, OperatorCallState};
use super::call_record::Handover;
use super::consultation::Accepted;
use super::context::{CallContext, CallStep, CommandSource, Keep};
use super::desk::event::{CommandOutcome, CommandRefusal, DeskEvent};
use super::log_event::LogEvent;
use super::settings::HEALTH_WAIT;
use crate::acd;
use crate::cause::Cause;
use crate::leg::{Command, LegHealth, Quality};
use serde_json::{Value, json};

/// What the two parties' media reported since they were connected.
#[derive(Clone, Debug, Default)]
pub(super) struct Checks {
    caller: Option<LegHealth>,
    callee: Option<LegHealth>,
    /// One of the two is newer than what the desk was told.
    fresh: (bool, bool),
}

impl Checks {
    /// What keeps the operator from leaving, as the desk protocol names it.
    fn blocking(&self) -> Vec<String> {
        let mut blocking = Vec::new();
        let pair = [("caller", &self.caller, &self.callee), ("callee", &self.callee, &self.caller)];
        for (name, health, other) in pair {
            let health = health.clone().unwrap_or_default();
            // Nobody asks a camera for a key frame that nobody looks at, and who speaks with the hands
            // hears nothing.
            let is_watched = other.as_ref().is_some_and(|other| other.video != Quality::Absent);
            let is_heard = other.as_ref().is_none_or(|other| !other.is_soundless());
            let mut block = |what: &str| blocking.push(format!("{name}.{what}"));
            if !health.dialog {
                block("dialog");
            }
            if health.hold {
                block("hold");
                continue;
            }
            if health.audio == Quality::None && is_heard {
                block("audio");
            }
            // Who hears nothing has nothing of a partner without a picture.
            if (health.video == Quality::None && is_watched)
                || (health.video == Quality::Absent && !is_heard)
            {
                block("video");
            }
        }
        blocking
    }

    fn is_healthy(&self) -> bool {
        self.caller.is_some() && self.callee.is_some() && self.blocking().is_empty()
    }

    /// The report's fields, as `health` events and `unhealthy` results carry them.
    fn report(&self) -> Value {
        let blocking = self.blocking();
        json!({
            "ok": self.is_healthy(), "blocking": blocking,
            "caller": view(self.caller.as_ref()), "callee": view(self.callee.as_ref()),
        })
    }
}

fn view(health: Option<&LegHealth>) -> Value {
    let Some(health) = health else { return json!({"dialog": "none"}) };
    let mut value = json!({
        "dialog": if health.dialog { "ok" } else { "none" },
        "audio": word(health.audio), "video": word(health.video),
        "jitter_ms": health.jitter_ms, "transcoding": health.transcoding,
    });
    if let Some(loss) = health.loss_percent {
        value["loss_percent"] = loss.into();
    }
    if let Some(rtt) = health.rtt_ms {
        value["rtt_ms"] = rtt.into();
    }
    if let Some(fps) = health.fps {
        value["fps"] = fps.into();
    }
    if let Some(codec) = &health.spoken.audio {
        value["codec"] = codec.facts().name.into();
    }
    value
}

fn word(quality: Quality) -> &'static str {
    match quality {
        Quality::Ok => "ok",
        Quality::Poor => "poor",
        Quality::None => "none",
        Quality::Absent => "absent",
    }
}

impl OperatorCall {
    pub(super) fn release(
        &mut self,
        force: bool,
        asker: CommandSource,
        ctx: &mut CallContext<'_>,
    ) -> Result<Accepted, CommandRefusal> {
        // A forced release overtakes one that waits; the first is answered by the same hand-over.
        if let OperatorCallState::Releasing { seat, callee, checks, asker: first, .. } = &self.state
            && force
        {
            let first = first.clone();
            self.state = OperatorCallState::Connected {
                seat: seat.clone(),
                callee: callee.clone(),
                checks: checks.clone(),
            };
            ctx.answer(first, CommandOutcome::Ok);
        }
        let Some((seat, callee)) = self.both_there() else { return Err(self.wrong_phase()) };
        let checks = match &self.state {
            OperatorCallState::Connected { checks, .. } => checks.clone(),
            _ => {
                let checks = Checks::default();
                let (seat, callee) = (seat.clone(), callee.clone());
                self.enter(
                    OperatorCallState::Connected { seat, callee: callee.clone(), checks },
                    ctx,
                );
                self.watch(&callee, true, ctx);
                Checks::default()
            }
        };
        let until = ctx.now.instant + HEALTH_WAIT;
        let healthy = checks.is_healthy();
        self.state = OperatorCallState::Releasing { seat, callee, checks, until, asker };
        if force {
            let handover = if healthy { Handover::Checked } else { Handover::Forced };
            self.record_release(handover, ctx);
        } else {
            self.release_if_healthy(ctx);
        }
        Ok(Accepted::Later)
    }

    pub(super) fn caller_health(&mut self, health: &LegHealth, ctx: &mut CallContext<'_>) {
        if let Some(checks) = self.checks() {
            checks.caller = Some(health.clone());
            checks.fresh.0 = true;
            self.report_health(ctx);
        }
    }

    pub(super) fn callee_health(&mut self, health: &LegHealth, ctx: &mut CallContext<'_>) {
        if let Some(checks) = self.checks() {
            checks.callee = Some(health.clone());
            checks.fresh.1 = true;
            self.report_health(ctx);
        }
    }

    fn checks(&mut self) -> Option<&mut Checks> {
        match &mut self.state {
            OperatorCallState::Connected { checks, .. }
            | OperatorCallState::Releasing { checks, .. } => Some(checks),
            _ => None,
        }
    }

    /// Tells the desk once both figures are new: once a second, and never half of it.
    fn report_health(&mut self, ctx: &mut CallContext<'_>) {
        let request = self.request;
        let Some(checks) = self.checks().filter(|checks| checks.fresh == (true, true)) else {
            return;
        };
        checks.fresh = (false, false);
        let report = checks.report();
        self.record.health = report.to_string();
        if let Some(operator) = self.operator().cloned() {
            ctx.tell(&operator, DeskEvent::Health { request, report });
        }
        self.release_if_healthy(ctx);
    }

    fn release_if_healthy(&mut self, ctx: &mut CallContext<'_>) {
        if let OperatorCallState::Releasing { checks, .. } = &self.state
            && checks.is_healthy()
        {
            self.record_release(Handover::Checked, ctx);
        }
    }

    /// The five seconds are over.
    pub(super) fn give_up_release(&mut self, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Releasing { seat, callee, checks, asker, .. } =
            std::mem::replace(&mut self.state, OperatorCallState::Ended)
        else {
            unreachable!("only a release waits for health")
        };
        let report = checks.report();
        ctx.answer(asker, CommandOutcome::Refused(CommandRefusal::Unhealthy { report }));
        self.state = OperatorCallState::Connected { seat, callee, checks };
    }

    /// The release is decided; the operator leaves when the journal has it.
    fn record_release(&mut self, handover: Handover, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Releasing { seat, callee, asker, .. } =
            std::mem::replace(&mut self.state, OperatorCallState::Ended)
        else {
            unreachable!("a release is recorded from releasing")
        };
        let ticket = ctx.ticket();
        self.record.handover = Some(handover);
        self.record.enter("handed-over", ctx.now.unix, callee.number.as_str());
        let record = Box::new(self.record.clone());
        self.state = OperatorCallState::Leaving { seat, callee, ticket, asker };
        ctx.steps.push(CallStep::Keep(Keep::Call(record), Some(ticket)));
    }

    /// The journal has the release: the operator's leg ends, the queue reports it, then it is idle.
    pub(super) fn leave(&mut self, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Leaving { seat, callee, asker, .. } =
            std::mem::replace(&mut self.state, OperatorCallState::Ended)
        else {
            unreachable!("only a leaving operator waits for the commit of its release")
        };
        self.watch(&callee, false, ctx);
        // A phone that sent REFER hears of its outcome while it has a dialog.
        ctx.answer(asker, CommandOutcome::Ok);
        ctx.hang_up(seat.phone, Cause::NormalClearing);
        self.among_themselves(&seat.operator, callee, ctx);
    }

    /// The journal does not have the release: the operator stays, unless its phone has hung up since.
    pub(super) fn stay(&mut self, ctx: &mut CallContext<'_>) {
        let OperatorCallState::Leaving { seat, callee, asker, .. } =
            std::mem::replace(&mut self.state, OperatorCallState::Ended)
        else {
            unreachable!("only a leaving operator waits for the commit of its release")
        };
        ctx.answer(asker, CommandOutcome::Refused(CommandRefusal::Unwritten));
        let (operator, what) = (seat.operator.clone(), "release");
        ctx.log(LogEvent::Unwritten { call: self.id, operator, what });
        self.record.handover = None;
        let phone_is_there = ctx.book.owner(seat.phone).is_some();
        self.enter(OperatorCallState::Connected { seat, callee, checks: Checks::default() }, ctx);
        if !phone_is_there {
            self.hand_over(Handover::Unchecked, ctx);
        }
    }

    /// The operator's phone hung up: the hand-over completes as it stands.
    pub(super) fn hand_over(&mut self, handover: Handover, ctx: &mut CallContext<'_>) {
        let (seat, callee) = match std::mem::replace(&mut self.state, OperatorCallState::Ended) {
            OperatorCallState::TalkingToCallee { seat, callee }
            | OperatorCallState::Alternated { seat, callee }
            | OperatorCallState::Connected { seat, callee, .. } => (seat, callee),
            OperatorCallState::Releasing { seat, callee, asker, .. } => {
                ctx.answer(asker, CommandOutcome::Ok);
                (seat, callee)
            }
            _ => unreachable!("only a call with an answered callee is handed over"),
        };
        self.watch(&callee, false, ctx);
        self.record.handover = Some(handover);
        self.record.enter("handed-over", ctx.now.unix, callee.number.as_str());
        self.among_themselves(&seat.operator, callee, ctx);
    }

    fn among_themselves(
        &mut self,
        operator: &crate::ids::OperatorId,
        callee: AnsweredCallee,
        ctx: &mut CallContext<'_>,
    ) {
        ctx.tell(operator, self.view(Some("handed-over".into())));
        self.go_among_themselves(operator, callee, ctx);
    }

    /// The same when the operator has been told already.
    pub(super) fn go_among_themselves(
        &mut self,
        operator: &crate::ids::OperatorId,
        callee: AnsweredCallee,
        ctx: &mut CallContext<'_>,
    ) {
        ctx.queue(acd::Input::Leave { request: self.request });
        let (caller, wanted) = (self.caller, callee.leg);
        let other = ctx.world.called(&callee.number);
        self.state = OperatorCallState::HandedOver { callee };
        ctx.leg(Command::Listen(self.sources()));
        self.follow_recording(ctx);
        ctx.introduce((caller, &self.identity), (wanted, &other));
        ctx.log(LogEvent::HandedOver { call: self.id, operator: operator.clone() });
        ctx.keep(&self.record);
    }

    pub(super) fn watch(&self, callee: &AnsweredCallee, on: bool, ctx: &mut CallContext<'_>) {
        ctx.leg(Command::Watch { leg: self.caller, on });
        ctx.leg(Command::Watch { leg: callee.leg, on });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::leg::Spoken;

    /// What blocks the release when the callee's camera brings nothing, by what the caller has.
    fn blocking(callers_picture: Quality) -> Vec<String> {
        let party = |video| {
            Some(LegHealth { dialog: true, audio: Quality::Ok, video, ..LegHealth::default() })
        };
        let (caller, callee) = (party(callers_picture), party(Quality::None));
        Checks { caller, callee, ..Checks::default() }.blocking()
    }

    #[test]
    fn a_camera_that_nobody_can_see_holds_up_no_release() {
        assert_eq!(blocking(Quality::Absent), [] as [&str; 0]);
    }

    /// A party as its media are, with sound or without.
    fn party(sound: bool, audio: Quality, video: Quality) -> Option<LegHealth> {
        let codec = |there: bool, codec| there.then_some(codec);
        let picture = video != Quality::Absent;
        let spoken =
            Spoken { audio: codec(sound, Codec::Pcma), video: codec(picture, Codec::H264) };
        Some(LegHealth { dialog: true, audio, video, spoken, ..LegHealth::default() })
    }

    #[test]
    fn no_sound_is_waited_for_that_cannot_come_or_that_nobody_hears() {
        let (ok, none, absent) = (Quality::Ok, Quality::None, Quality::Absent);
        let blocking = |callee| {
            let caller = party(false, absent, ok);
            Checks { caller, callee, ..Checks::default() }.blocking()
        };
        assert_eq!(blocking(party(true, ok, ok)), [] as [&str; 0]);
        assert_eq!(blocking(party(true, none, ok)), [] as [&str; 0], "who hears it?");
        assert_eq!(blocking(party(false, absent, ok)), [] as [&str; 0], "both by hand");
        assert_eq!(blocking(party(true, ok, none)), ["callee.video"]);
        assert_eq!(blocking(party(true, ok, absent)), ["callee.video"], "nothing for the caller");
    }

    #[test]
    fn a_dark_camera_that_is_watched_holds_it_up() {
        assert_eq!(blocking(Quality::Ok), ["callee.video"]);
    }
}
