//! Who is recorded: the call's ports are entered and taken out, and what they are given is copied.

use super::outgoing::Outgoing;
use super::patchbay::{PatchChange, Source};
use super::relay::Machine;
use super::tap::Side;
use super::taps::TapInput;
use crate::ids::{CallId, PortId};
use crate::time::Now;

impl Machine {
    /// Begins or ends to record what a port's peer says and is given.
    pub(super) fn record(
        &mut self,
        now: Now,
        port: PortId,
        recording: Option<CallId>,
        out: &mut impl Outgoing,
    ) {
        let Some(open) = self.ports.get_mut(port) else { return };
        let before = std::mem::replace(&mut open.stream.recording, recording);
        if let Some(call) = before.filter(|_| before != recording) {
            self.taps.detach(now.instant, call, port, out);
        }
        let Some(call) = recording.filter(|_| before != recording) else { return };
        let source = self.patchbay.source(port);
        let given = matches!(source, Source::Port(_));
        self.taps.attach(now.instant, call, (port, given), out);
        self.refresh(now, port, source, out);
    }

    /// Rows have changed: what is recorded pauses, goes on, or is of another party now.
    pub(super) fn recut(&mut self, now: Now, changes: &[PatchChange], out: &mut impl Outgoing) {
        for PatchChange { receiver, to, .. } in changes {
            let recording = self.ports.get(*receiver).and_then(|open| open.recording);
            if let Some(call) = recording {
                let given = matches!(to, Source::Port(_));
                self.taps.attach(now.instant, call, (*receiver, given), out);
                self.refresh(now, *receiver, *to, out);
            }
        }
    }

    /// A recorder can begin with a key frame only, from either side.
    fn refresh(&mut self, now: Now, port: PortId, source: Source, out: &mut impl Outgoing) {
        if let Source::Port(source) = source {
            self.want_key_frame(now, port, out);
            self.want_key_frame(now, source, out);
        }
    }

    /// Copies a packet of `source` to a recording, while it runs.
    pub(super) fn tap(
        &mut self,
        now: Now,
        (call, side): (CallId, Side),
        heard: &TapInput<'_>,
        out: &mut impl Outgoing,
    ) {
        let Some(open) = self.ports.get(heard.source) else { return };
        let Some(format) = open.plan.formats.get(heard.arrived.format) else { return };
        self.taps.copy(now.instant, (call, side), (heard, &format.codec), out);
    }

    /// The recording in which a port's peer, and whom it is given, are heard.
    pub(super) fn recording_of(&self, port: PortId) -> Option<CallId> {
        self.ports.get(port).and_then(|open| open.recording)
    }
}
