//! The calls that have a recording, and the disk that may have no room for it.

use super::api::Effect;
use super::machine::{Env, Machine};
use crate::call::{CallInput, LogEvent, NO_ROOM, RecordingCommand};
use crate::ids::CallId;

impl Machine {
    pub(super) fn on_recording(&mut self, env: &mut Env<'_>, recording: RecordingCommand) {
        match &recording {
            RecordingCommand::Begin { call, path } => {
                self.touched.insert(*call);
                self.recordings.insert(*call);
                let (call, path) = (*call, path.clone());
                env.out.push(Effect::Log(LogEvent::Recorded { call, path }));
            }
            RecordingCommand::End { call } => {
                self.touched.insert(*call);
                self.recordings.remove(call);
            }
        }
        env.out.push(Effect::Recording(recording));
    }

    /// A call is over, and its file with it.
    pub(super) fn end_recording(&mut self, env: &mut Env<'_>, call: CallId) {
        if self.recordings.contains(&call) {
            self.on_recording(env, RecordingCommand::End { call });
        }
    }

    /// What is recorded ends while the disk is not full yet, and its file is whole.
    pub(super) fn recording_room(&mut self, env: &mut Env<'_>, room: bool) {
        self.recording_room = room;
        if !room {
            for call in self.recordings.clone() {
                self.recording_failed(env, call, NO_ROOM.to_owned());
            }
        }
    }

    /// The disk said no. The file is ended all the same: perhaps another one has begun meanwhile.
    pub(super) fn recording_failed(&mut self, env: &mut Env<'_>, call: CallId, text: String) {
        if !self.recordings.contains(&call) {
            return;
        }
        self.with_call(env, call, CallInput::RecordingFailed { text });
        self.end_recording(env, call);
    }
}
