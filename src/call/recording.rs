//! The recording of operator calls: when it runs, whom it follows, and when its file ends.
//!
//! ```text
//!   Off ── the queue or the operator wants it ──▶ Running ── `record off` ──▶ Stopped
//!    ▲                                              │  ▲ └── `record on` ◀──────┘
//!    └── the disk says no ──────────────────────────┘  └ follows its subject from leg to leg
//! ```
//!
//! A call has a file for each time that it comes to an operator. The relay records what the subject says
//! and whom it is given, and pauses by itself while the subject is given music: so a consultation is
//! private, unless the queue's pauses are off, when the operator is the subject meanwhile.

use super::call_record::CallRecord;
use super::context::CallContext;
use super::operator_call::OperatorCall;
use super::operator_state::{OperatorCallState, RecordingState};
use super::settings::Recorded;
use super::step::{CallStep, RecordingCommand};
use crate::desk::event::{CommandRefusal, DeskEvent};
use crate::ids::{CallId, LegId};
use crate::leg::Command;
use crate::time::UnixTime;

/// What an operator hears of a disk that is nearly full.
pub(crate) const NO_ROOM: &str = "the disk is nearly full: nothing is recorded";

impl OperatorCall {
    /// Whether the call is being recorded, as people are told.
    pub fn is_recorded(&self) -> bool {
        matches!(self.recording, RecordingState::Running { .. })
    }

    /// The operator wants this call recorded, or no longer.
    ///
    /// # Errors
    /// When there is nobody to record, or the queue says otherwise.
    pub(super) fn record(
        &mut self,
        on: bool,
        ctx: &mut CallContext<'_>,
    ) -> Result<(), CommandRefusal> {
        let Some(operator) = self.seat().map(|seat| seat.operator.clone()) else {
            return Err(self.wrong_phase());
        };
        match self.recorded(ctx) {
            Recorded::Never => {
                return Err(CommandRefusal::Refused {
                    text: "calls of this queue are not recorded",
                });
            }
            Recorded::Always if !on => {
                return Err(CommandRefusal::Refused {
                    text: "all calls of this queue are recorded",
                });
            }
            Recorded::Always | Recorded::OnDemand => {}
        }
        if on == self.is_recorded() {
            return Ok(());
        }
        if on && !ctx.facts.recording_room {
            return Err(CommandRefusal::Refused { text: NO_ROOM });
        }
        if on {
            self.begin_recording(ctx);
        } else {
            self.stop_recording(ctx);
        }
        ctx.tell(&operator, self.view(None));
        Ok(())
    }

    /// An operator is on the line: what the queue records is recorded from here on.
    pub(super) fn record_from_here(&mut self, ctx: &mut CallContext<'_>) {
        if self.recorded(ctx) != Recorded::Always || self.is_recorded() {
            return;
        }
        if ctx.facts.recording_room {
            self.begin_recording(ctx);
        } else if let Some(operator) = self.operator().cloned() {
            ctx.tell(&operator, DeskEvent::Notice { text: NO_ROOM.to_owned() });
        }
    }

    /// The state has changed: another leg may be the subject, or the operator's wish be over.
    pub(super) fn follow_recording(&mut self, ctx: &mut CallContext<'_>) {
        let is_alone = matches!(
            self.state,
            OperatorCallState::Queued
                | OperatorCallState::Entrusted { .. }
                | OperatorCallState::Transferring { .. }
                | OperatorCallState::Settling { .. }
                | OperatorCallState::Serial { .. }
                | OperatorCallState::Parked(_)
                | OperatorCallState::HandedOver { .. }
        );
        if is_alone
            && self.recorded(ctx) == Recorded::OnDemand
            && self.recording != RecordingState::Off
        {
            return self.stop_recording(ctx);
        }
        let RecordingState::Running { subject: before } = self.recording else { return };
        let subject = self.subject(ctx);
        if subject != before {
            let recording = Some(self.id);
            // First the new one, so that the relay sees no end between them.
            ctx.leg(Command::Record { leg: subject, recording });
            ctx.leg(Command::Record { leg: before, recording: None });
            self.recording = RecordingState::Running { subject };
        }
    }

    pub(super) fn begin_recording(&mut self, ctx: &mut CallContext<'_>) {
        if self.recording == RecordingState::Off {
            let path = next_file(&self.record, ctx);
            self.record.recordings.push(path.clone());
            ctx.keep(&self.record);
            ctx.steps.push(CallStep::Recording(RecordingCommand::Begin { call: self.id, path }));
        }
        let subject = self.subject(ctx);
        ctx.leg(Command::Record { leg: subject, recording: Some(self.id) });
        self.recording = RecordingState::Running { subject };
    }

    fn stop_recording(&mut self, ctx: &mut CallContext<'_>) {
        if let RecordingState::Running { subject } = self.recording {
            ctx.leg(Command::Record { leg: subject, recording: None });
            self.recording = RecordingState::Stopped;
        }
        if matches!(self.state, OperatorCallState::HandedOver { .. }) {
            ctx.steps.push(CallStep::Recording(RecordingCommand::End { call: self.id }));
        }
    }

    /// The disk says no; the operator is told.
    pub fn recording_failed(&mut self, text: String, ctx: &mut CallContext<'_>) {
        self.stop_recording(ctx);
        self.recording = RecordingState::Off;
        if let Some(operator) = self.operator().cloned() {
            ctx.tell(&operator, DeskEvent::Notice { text });
            ctx.tell(&operator, self.view(None));
        }
    }

    /// Whose voice is on the left.
    fn subject(&self, ctx: &CallContext<'_>) -> LegId {
        let queue = ctx.facts.settings.queues.get(&self.queue);
        let goes_on = queue.is_some_and(|queue| !queue.record_pauses);
        if let OperatorCallState::Consulting { seat, .. }
        | OperatorCallState::TalkingToCallee { seat, .. } = &self.state
            && goes_on
        {
            return seat.phone;
        }
        self.caller
    }

    fn recorded(&self, ctx: &CallContext<'_>) -> Recorded {
        ctx.facts.settings.queues.get(&self.queue).map_or(Recorded::Never, |queue| queue.record)
    }
}

/// The next file of a call, in the directory of the recordings.
pub(super) fn next_file(record: &CallRecord, ctx: &CallContext<'_>) -> String {
    let directory = ctx.facts.settings.recordings;
    let path = path(directory, ctx.facts.now.unix, record.call, "");
    if !record.recordings.contains(&path) {
        return path;
    }
    // Two began within one second.
    let count = format!("-{}", record.recordings.len() + 1);
    self::path(directory, ctx.facts.now.unix, record.call, &count)
}

/// Sorted by day, and within it by time.
fn path(directory: &str, at: UnixTime, call: CallId, count: &str) -> String {
    let (year, month, day, hour, minute, second) = at.civil();
    let day = format!("{directory}/{year:04}-{month:02}-{day:02}");
    format!("{day}/{hour:02}{minute:02}{second:02}-{call}{count}.mkv")
}
