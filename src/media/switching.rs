//! Ports come and go, their plans change, and one switch of the table changes what they get.

use super::machine::{Exit, Machine, Outgoing};
use super::patchbay::{PatchChange, Source};
use super::plan::Plan;
use super::port::Port;
use super::route::route;
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

    /// Makes streams follow rows, also rows that are as before while their source is not.
    pub(super) fn change_feeds(
        &mut self,
        now: Now,
        changes: &[PatchChange],
        out: &mut impl Outgoing,
    ) {
        for PatchChange { receiver, from, to } in changes {
            for source in [from, to] {
                if let Source::Port(source) = source
                    && let Some(open) = self.ports.get_mut(*source)
                {
                    open.inbound.keys.withhold_open();
                    open.inbound.vitals.switched();
                }
            }
            if let Some(open) = self.ports.get_mut(*receiver) {
                let mut exit = Exit { scratch: &mut self.scratch, out };
                open.switch(now.instant, *to, &mut self.repertoire, &mut exit);
            }
            self.reroute(*receiver, out);
            self.settle(now.instant, *receiver);
        }
        for change in changes {
            if let Source::Port(source) = change.to
                && self.ports.get(source).is_some_and(|open| open.kind == Kind::Video)
            {
                self.want_first_key_frame(now, source, out);
            }
        }
    }

    /// Finds anew what becomes of each format of a receiver's source.
    pub(super) fn reroute(&mut self, receiver: PortId, out: &mut impl Outgoing) {
        let Some(to) = self.ports.get(receiver) else { return };
        let route = match self.patchbay.source(receiver) {
            Source::Port(source) => self.ports.get(source).map(|from| {
                let shown = from.inbound.sets.macroblocks_max();
                route((&from.plan, shown), &to.plan)
            }),
            other => self.cameras.route(other, (receiver, &to.plan), &mut self.random),
        };
        self.order(out);
        let Some(route) = route else { return };
        if let Some(to) = self.ports.get_mut(receiver).filter(|to| *to.outbound.route != *route) {
            to.outbound.route = route.into();
            to.outbound.breakdowns = 0;
            to.end_line(&mut Exit { scratch: &mut self.scratch, out });
        }
    }

    /// The same for all who get this source: it sends something else from now on.
    pub(super) fn reroute_receivers(&mut self, source: PortId, out: &mut impl Outgoing) {
        for at in 0..self.patchbay.receivers(source).len() {
            self.reroute(self.patchbay.receivers(source)[at], out);
        }
    }
}
