//! Ports come and go, their plans change, and one switch of the table changes what they get.

use super::outgoing::{Event, Exit, Outgoing};
use super::patchbay::{PatchChange, Source};
use super::plan::Plan;
use super::relay::Machine;
use super::stream::MediaStream;
use super::transport::MediaTransport;
use crate::codec::Kind;
use crate::ids::PortId;
use crate::time::Now;

impl Machine {
    pub(super) fn open(&mut self, now: Now, port: PortId, kind: Kind, plan: Plan) {
        let Plan { transport, stream, carrier } = plan;
        let cname = stream.cname.clone();
        let stream = MediaStream::new(port, kind, stream, now.instant, &mut self.random);
        if let Some(carrier) = carrier {
            // Nobody carries it: it is as if it had not been opened.
            let is_carried = self.ports.join(carrier, stream).is_some();
            debug_assert!(is_carried, "{port} is not beside {carrier}");
            if !is_carried {
                return;
            }
        } else {
            let transport = MediaTransport::new(port, transport, now.instant);
            self.ports.insert(transport, stream);
        }
        self.patchbay.open(port);
        self.clocks.open(&cname);
        if let Some(mut open) = self.ports.get_mut(port) {
            open.make(Source::Nothing, now.instant, &mut self.repertoire);
        }
        self.settle(now.instant, port);
    }

    pub(super) fn update(&mut self, now: Now, port: PortId, plan: Plan, out: &mut impl Outgoing) {
        let source = self.patchbay.source(port);
        let Some(mut open) = self.ports.get_mut(port) else { return };
        if plan.stream.cname != open.stream.plan.cname {
            self.clocks.close(&open.stream.plan.cname);
            self.clocks.open(&plan.stream.cname);
        }
        if open.replan(now.instant, plan) {
            open.make(source, now.instant, &mut self.repertoire);
            self.reroute(port, out);
            self.reroute_receivers(port, out);
        } else {
            open.watch_for_frame(now.instant);
        }
        self.settle_carried(now.instant, port);
    }

    pub(super) fn close(&mut self, now: Now, port: PortId, out: &mut impl Outgoing) {
        // What it carries cannot stay.
        let beside = self.ports.carried(port).filter(|carried| carried.0 > port.0);
        let mut orphans = Vec::new();
        for port in beside.chain([port]) {
            orphans.extend(self.vacate(now, port, out));
        }
        self.switch(now, &orphans, out);
    }

    /// Forgets a port, and names those who got it.
    pub(super) fn vacate(
        &mut self,
        now: Now,
        port: PortId,
        out: &mut impl Outgoing,
    ) -> Vec<PatchChange> {
        let Some(mut open) = self.ports.get_mut(port) else { return Vec::new() };
        open.end_line(&mut Exit { scratch: &mut self.scratch, out });
        if let Some(call) = open.stream.recording {
            self.taps.detach(now.instant, call, port, out);
        }
        self.clocks.close(&open.stream.plan.cname);
        self.repertoire.leave(port);
        if let Some(at) = open.stream.deadline {
            self.deadlines.remove(&(at, port));
        }
        self.ports.remove(port);
        self.stop_making(port);
        self.cameras.leave(self.patchbay.source(port), port);
        self.order(out);
        self.patchbay.close(port)
    }

    /// Makes streams follow the rows that have changed.
    pub(super) fn switch(&mut self, now: Now, changes: &[PatchChange], out: &mut impl Outgoing) {
        self.seat_viewers(changes);
        self.change_feeds(now, changes, out);
        self.recut(now, changes, out);
        for change in changes {
            self.welcome(now, *change, out);
            self.report_source(change.receiver, out);
        }
    }

    /// Says of a watched port what its row has.
    pub(super) fn report_source(&mut self, port: PortId, out: &mut impl Outgoing) {
        if self.ports.get_mut(port).is_some_and(|open| open.stream.watch_due.is_some()) {
            let source = match self.patchbay.source(port) {
                Source::Port(source) => Some(source),
                Source::Hold(_)
                | Source::Prompt(_)
                | Source::Greeting(..)
                | Source::Farewell(..)
                | Source::Camera(_)
                | Source::RingBack
                | Source::Tone(_)
                | Source::Silence
                | Source::Nothing => None,
            };
            out.report(Event::Fed { port, source });
        }
    }
}
