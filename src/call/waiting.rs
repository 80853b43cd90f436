//! The caller's side of the wait: 182 with its position, the answer, the announcement, the overflow.

use super::context::CallContext;
use super::facts::CallFacts;
use super::operator_call::OperatorCall;
use super::operator_state::OperatorCallState;
use super::refusal::announcement;
use super::settings::{AFTER_ANNOUNCEMENT, ANNOUNCEMENT, AnsweredBy};
use super::step::Onward;
use crate::cause::Cause;
use crate::ids::Number;
use crate::leg::{CodecChoice, Command, LegSource};
use crate::media::{Announcement, PromptMessage, VideoPrompt};
use crate::time::Instant;

impl OperatorCall {
    /// The caller waits as before: 182 again.
    pub fn wait_on(&mut self, ctx: &mut CallContext<'_>) {
        self.wait(self.position, self.minutes, ctx);
    }

    /// The caller waits, now at this position and for so many minutes still, if anybody can tell: both are
    /// shown, and the position is told by 182 until the answer; at first with the answer or early media.
    pub fn wait(&mut self, position: usize, minutes: Option<u32>, ctx: &mut CallContext<'_>) {
        let before = std::mem::replace(&mut self.position, position);
        let (first, moved) = (before == 0, before != position);
        let (_, places) = self.joined.get_or_insert((ctx.facts.now.unix, position));
        if !first {
            // Those who go before it have to be served, too, ere its turn comes.
            *places += position.saturating_sub(before);
        }
        if moved {
            self.minutes = minutes;
        }
        if let OperatorCallState::Arriving { .. } | OperatorCallState::Queued = self.state
            && moved
        {
            ctx.leg(Command::Listen(self.sources()));
        }
        if self.answered {
            return;
        }
        let media = match self.answered_by {
            AnsweredBy::Queue => None,
            AnsweredBy::Operator => Some(ctx.facts.choice_for(&self.queue)),
        };
        if first && self.answered_by == AnsweredBy::Operator {
            // The session description travels in a 183, reliably where the caller asks for it; each
            // 182 repeats it (R3.5).
            let (phrase, media) = (String::new(), media.clone());
            ctx.leg(Command::Progress { leg: self.caller, status: 183, phrase, media });
        }
        let phrase = format!("Queued, position {position}");
        ctx.leg(Command::Progress { leg: self.caller, status: 182, phrase, media });
        if self.answered_by == AnsweredBy::Queue {
            self.answer(ctx.facts.choice_for(&self.queue), ctx);
        }
    }

    /// Hold media, with the position once there is one.
    pub(super) fn waiting_source(&self) -> LegSource {
        let message = match u32::try_from(self.position) {
            Ok(0) | Err(_) => PromptMessage::Hold,
            Ok(number) => {
                let crowded = self.greeting.is_some();
                PromptMessage::Position { number, minutes: self.minutes, crowded }
            }
        };
        self.wait_with(message, self.greeting)
    }

    /// A wait in this caller's waiting profile, with the camera that its queue shows.
    pub(super) fn wait_with(
        &self,
        message: PromptMessage,
        greeting: Option<Announcement>,
    ) -> LegSource {
        match self.camera {
            Some(camera) => LegSource::WaitCamera(camera, self.waiting_profile, greeting),
            None => LegSource::Wait(self.prompt(message), greeting),
        }
    }

    /// A picture in this caller's waiting profile.
    pub(super) fn prompt(&self, message: PromptMessage) -> VideoPrompt {
        VideoPrompt { waiting_profile: self.waiting_profile, message }
    }

    /// While it waits, operators may see stills of the caller, where its queue has them; whatever else comes of
    /// it, they may no longer.
    pub(super) fn follow_preview(&mut self, ctx: &mut CallContext<'_>) {
        let on = self.is_to_be_seen(&ctx.facts);
        if std::mem::replace(&mut self.previewed, on) != on {
            ctx.leg(Command::Preview { leg: self.caller, on });
        }
    }

    pub(super) fn is_to_be_seen(&self, facts: &CallFacts<'_>) -> bool {
        let waits = matches!(self.state, OperatorCallState::Queued) && self.position > 0;
        waits && facts.settings.queues.get(&self.queue).is_some_and(|queue| queue.preview)
    }

    /// Begins to wait in the queue.
    pub fn queue_up(&mut self, ctx: &mut CallContext<'_>) {
        self.enter(OperatorCallState::Queued, ctx);
    }

    pub(super) fn answer(&mut self, choice: CodecChoice, ctx: &mut CallContext<'_>) {
        if !self.answered {
            self.answered = true;
            ctx.leg(Command::Answer { leg: self.caller, choice, identify: None });
        }
    }

    /// Tells the caller why it cannot be served, then ends the call.
    pub fn announce(&mut self, cause: Cause, ctx: &mut CallContext<'_>) {
        if !self.answered {
            let media = Some(ctx.facts.choice_for(&self.queue));
            let phrase = cause.text().to_owned();
            ctx.leg(Command::Progress { leg: self.caller, status: 183, phrase, media });
        }
        let until = self.end_of_announcement(cause, ctx);
        self.enter(OperatorCallState::Announcing { until, cause }, ctx);
    }

    /// When an announcement is over that begins now.
    pub(super) fn end_of_announcement(&self, cause: Cause, ctx: &CallContext<'_>) -> Instant {
        let settings = ctx.facts.settings.queues.get(&self.queue);
        let length = settings.and_then(|queue| queue.announcements.get(&announcement(cause)));
        let length = length.copied().unwrap_or(ANNOUNCEMENT);
        ctx.facts.now.instant + length + AFTER_ANNOUNCEMENT
    }

    /// With which it goes on to another number.
    pub fn onward(&self, to: Number) -> Onward {
        Onward {
            call: self.id,
            leg: self.caller,
            identity: self.identity.clone(),
            record: self.record.clone(),
            to,
            answered: self.answered,
        }
    }

    /// Leaves the queue for another number.
    pub(super) fn go_on(&mut self) {
        self.state = OperatorCallState::Ended;
    }
}
