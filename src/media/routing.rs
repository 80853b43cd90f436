//! Rows of the table as streams follow them: what a receiver is sent from now on, and in which form.

use super::outgoing::{Exit, Outgoing};
use super::patchbay::{PatchChange, Source};
use super::relay::Machine;
use super::route::route;
use crate::codec::Kind;
use crate::ids::PortId;
use crate::time::Now;

impl Machine {
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
                    open.stream.inbound.keys.withhold_open();
                    open.stream.inbound.vitals.switched();
                }
            }
            if let Some(mut open) = self.ports.get_mut(*receiver) {
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
        let to = self.ports.get_mut(receiver);
        if let Some(mut to) = to.filter(|to| *to.stream.outbound.route != *route) {
            to.stream.outbound.route = route.into();
            to.stream.outbound.breakdowns = 0;
            to.end_line(&mut Exit { scratch: &mut self.scratch, out });
        }
    }

    /// The same for all who get this source: it sends something else from now on.
    pub(super) fn reroute_receivers(&mut self, source: PortId, out: &mut impl Outgoing) {
        for at in 0..self.patchbay.receivers(source).len() {
            self.reroute(self.patchbay.receivers(source)[at], out);
        }
    }

    /// Gives the workers what the cameras have for them.
    pub(super) fn order(&mut self, out: &mut impl Outgoing) {
        self.cameras.jobs.drain(..).for_each(|job| out.job(job));
    }
}
