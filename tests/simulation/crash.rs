//! The process is killed at any moment, and another one goes on with what the disk has: phones, desks and the
//! network have not stopped meanwhile.

use super::testbed::{Relayed, Testbed};
use super::world::World;
use cordboard::exchange::journal::Resume;
use cordboard::exchange::{LeftBehind, Resumption};
use cordboard::ids::{CallId, LegId, PortId};
use cordboard::live;
use cordboard::switchboard::CallView;
use cordboard::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

/// A call that is older has its row, whatever of it is under way: 40 ms later it is written, within 5 at most, and a
/// batch that is older than 20 ms is in the file.
const WRITTEN_AFTER: Duration = Duration::from_millis(70);
/// Of so many crashes one is followed by another before anything else happens.
const AT_ONCE: u64 = 5;

impl World {
    /// Kills the process, once or more often, and starts another.
    pub fn crash(&mut self) {
        loop {
            self.crashed.push(self.now.instant);
            self.note(format!("crash {}", self.crashed.len()));
            self.kill_and_resume();
            if self.lots.below(AT_ONCE) > 0 {
                return;
            }
        }
    }

    fn kill_and_resume(&mut self) {
        let now = self.now.unix;
        let alive: BTreeSet<CallId> = self.views().iter().map(|view| view.call).collect();
        let is_old = |view: &&CallView| view.began + WRITTEN_AFTER <= now;
        // Of a guest's call nothing is written down but its INVITE, until it is let in.
        let is_known = |view: &&CallView| view.origin != "guest";
        let old: Vec<_> = self.views().iter().filter(is_old).filter(is_known).cloned().collect();
        self.journal.is_cut(self.now.instant, &mut self.lots);
        self.judge.only_written_count(&self.journal.held.calls);
        if self.journal.troubles > 0 {
            self.judge.positions_are_old();
        }
        let relay = &self.testbed.relay;
        let open = self.testbed.ports().filter_map(|port| relay.slot(self.now, port));
        let slots: BTreeMap<PortId, _> = open.map(|slot| (slot.port, slot)).collect();
        let mut state = self.journal.held.state(self.crashed.len() as u64 + 1);
        state.skip_numbers();
        let parties: BTreeSet<LegId> = state.live.parties.iter().map(|(leg, _)| *leg).collect();
        let mut written = BTreeSet::new();
        for (call, text) in &state.live.calls {
            let legs = live::parse_call(text).expect("what was written is read").legs();
            match legs.iter().find(|leg| !parties.contains(leg)) {
                None => drop(written.insert(*call)),
                // What could not be written is tried again row by row.
                Some(_) if self.journal.troubles > 0 => {}
                Some(lost) => self.fail(format!("{call} was written down without {lost}"), &[]),
            }
        }
        let has_row = |view: &CallView| state.live.calls.iter().any(|(call, _)| *call == view.call);
        let unwritten = old.into_iter().find(|view| !has_row(view));
        if let Some(view) = unwritten.filter(|_| self.journal.troubles == 0) {
            self.fail(format!("nothing is written down of {view:?}"), &[]);
        }
        self.handshakes.forget();
        let left = LeftBehind::take_from(self.now, &mut state, &slots);
        let bound: BTreeSet<PortId> = left.ports().into_iter().collect();
        let addresses = self.addresses_by_name();
        let (testbed, effects) = Testbed::start(self.now, &addresses, state, &mut self.lots);
        self.testbed = testbed;
        self.perform(effects);
        let mut out = Relayed::default();
        let Testbed { exchange, relay, .. } = &mut self.testbed;
        let resumption = Resumption { which: Resume::All, bound: &bound };
        let effects = exchange.resume(self.now, relay, left, resumption, &mut out);
        let is_open = |port: &PortId| relay.slot(self.now, *port).is_some();
        self.judge.ports_resumed(bound.iter().copied().filter(is_open).collect());
        self.perform(effects);
        self.relayed(out);
        let there: BTreeSet<CallId> = self.views().iter().map(|view| view.call).collect();
        // One whose caller had gone may end now, and one that had ended, of which the disk did not know yet.
        let mut lost = written.difference(&there).filter(|call| alive.contains(call));
        if let Some(lost) = lost.find(|call| !self.judge.has_ended_by_itself(**call)).copied() {
            self.fail(format!("{lost} was written down, and is lost"), &[]);
        }
    }
}
