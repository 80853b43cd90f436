//! Ports come and go, their plans change, and one switch of the table changes what they get.

use super::outgoing::{Exit, Outgoing};
use super::patchbay::{PatchChange, Source};
use super::plan::Plan;
use super::port::Port;
use super::relay::Machine;
use crate::codec::Kind;
use crate::ids::PortId;
use crate::time::Now;

impl Machine {
    pub(super) fn open(&mut self, now: Now, port: PortId, kind: Kind, plan: Plan) {
        self.patchbay.open(port);
        self.clocks.open(&plan.cname);
        let mut open = Port::new(port, kind, plan, now.instant, &mut self.random);
        open.make(Source::Nothing, now.instant, &mut self.repertoire);
        self.ports.insert(open);
        self.settle(now.instant, port);
    }

    pub(super) fn update(&mut self, now: Now, port: PortId, plan: Plan, out: &mut impl Outgoing) {
        let source = self.patchbay.source(port);
        let Some(open) = self.ports.get_mut(port) else { return };
        if plan.cname != open.plan.cname {
            self.clocks.close(&open.plan.cname);
            self.clocks.open(&plan.cname);
        }
        if open.replan(now.instant, plan) {
            open.make(source, now.instant, &mut self.repertoire);
            self.reroute(port, out);
            self.reroute_receivers(port, out);
        } else {
            open.watch_for_frame(now.instant);
        }
        self.settle(now.instant, port);
    }

    pub(super) fn close(&mut self, now: Now, port: PortId, out: &mut impl Outgoing) {
        let Some(mut open) = self.ports.remove(port) else { return };
        open.end_line(&mut Exit { scratch: &mut self.scratch, out });
        if let Some(call) = open.recording {
            self.taps.detach(now.instant, call, port, out);
        }
        self.clocks.close(&open.plan.cname);
        self.stop_making(port);
        self.repertoire.leave(port);
        if let Some(at) = open.deadline {
            self.deadlines.remove(&(at, port));
        }
        self.cameras.leave(self.patchbay.source(port), port);
        self.order(out);
        let orphans = self.patchbay.close(port);
        self.switch(now, &orphans, out);
    }

    /// Makes streams follow the rows that have changed.
    pub(super) fn switch(&mut self, now: Now, changes: &[PatchChange], out: &mut impl Outgoing) {
        self.seat_viewers(changes);
        self.change_feeds(now, changes, out);
        self.recut(now, changes, out);
        for change in changes {
            self.welcome(now, *change, out);
        }
    }
}
