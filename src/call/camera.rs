//! A call that shows a camera: answered at once, silence as its sound, until the caller hangs up.
//!
//! ```text
//!   admitted, with video, place left ── 200 ──▶ watching ── BYE, or the longest time is over ──▶ ended
//!   no video in the offer ── 488      too many look already ── 486
//! ```

use super::admission::CallOrigin;
use super::call_record::EndedBy;
use super::context::CallContext;
use super::direct::{DirectCall, DirectCallState};
use super::log_event::LogEvent;
use crate::cause::Cause;
use crate::directory::Camera;
use crate::ids::CameraId;
use crate::leg::{CodecChoice, Command, Event, Party};

impl DirectCall {
    /// Shows a camera, or says why not.
    pub(super) fn show(&mut self, camera: CameraId, ctx: &mut CallContext<'_>) {
        let Some(camera) = ctx.facts.world.directory.plan().camera(camera).cloned() else {
            return self.finish(Cause::UnknownNumber, EndedBy::Server, ctx);
        };
        self.record.callee = camera.number.clone();
        let refusal = match () {
            () if !self.sees => Some(Cause::NoPicture),
            () if ctx.facts.viewers(camera.id) >= camera.viewers_max => Some(Cause::Busy),
            () => None,
        };
        match refusal {
            Some(cause) => self.finish(cause, EndedBy::Server, ctx),
            None => self.watch(&camera, ctx),
        }
    }

    fn watch(&mut self, camera: &Camera, ctx: &mut CallContext<'_>) {
        let number = camera.number.clone().unwrap_or_else(|| self.record.dialled.clone());
        if !std::mem::replace(&mut self.answered, true) {
            // A guest is asserted nothing (RFC 3325).
            let identify =
                (!matches!(self.identity.origin, CallOrigin::Guest { .. })).then(|| Party {
                    number: number.to_string(),
                    display: Some(camera.display.clone()).filter(|name| !name.is_empty()),
                    ..Party::default()
                });
            ctx.leg(Command::Answer { leg: self.caller, choice: CodecChoice::default(), identify });
        }
        self.record.answer(ctx.facts.now.unix);
        self.record.enter("watching", ctx.facts.now.unix, &camera.name);
        ctx.log(LogEvent::Answered { call: self.id, callee: number.clone() });
        let until = ctx.facts.now.instant + camera.watch_max;
        self.state = DirectCallState::Watching { camera: camera.id, number, until };
        ctx.leg(Command::Listen(self.sources()));
        ctx.keep(&self.record);
    }

    /// The camera that this call shows.
    pub fn camera(&self) -> Option<CameraId> {
        match self.state {
            DirectCallState::Watching { camera, .. } => Some(camera),
            DirectCallState::Arrived
            | DirectCallState::Ringing { .. }
            | DirectCallState::Talking { .. }
            | DirectCallState::Transferring { .. }
            | DirectCallState::Ended => None,
        }
    }

    /// A caller whose INVITE had no SDP says with its ACK whether it can see.
    pub(super) fn settled(&mut self, event: &Event, ctx: &mut CallContext<'_>) {
        if let (DirectCallState::Watching { .. }, Event::Confirmed { spoken, .. }) =
            (&self.state, event)
            && spoken.video.is_none()
        {
            self.finish(Cause::NoPicture, EndedBy::Server, ctx);
        }
    }
}
