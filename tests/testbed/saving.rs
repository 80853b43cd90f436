//! Between any two inputs of a script all calls are saved: put back where they were, so that the script goes
//! on with them; and given to a switchboard that has just started, where they end well.

use super::{Testbed, moment};
use cordboard::call::call_record::CallRecord;
use cordboard::call::{
    Keep, SavedCall, SavedDirectState, SavedKind, SavedOperatorState, SwitchboardContext,
};
use cordboard::cause::Cause;
use cordboard::directory::OperatorMode;
use cordboard::ids::{BootNumber, CallId, Tickets};
use cordboard::leg::{self, Command, EndingSide};
use cordboard::live;
use cordboard::presence;
use cordboard::random::Random;
use cordboard::switchboard::{CallView, Effect, Input, Machine};
use cordboard::time::{Duration, Instant, Now};
use std::collections::{BTreeMap, BTreeSet};

impl Testbed {
    fn world(&self) -> SwitchboardContext<'_> {
        SwitchboardContext {
            directory: &self.directory,
            registrar: &self.registrar,
            locator: &self.locator,
            tickets: &self.tickets,
        }
    }

    pub(super) fn save(&mut self, now: Now) {
        if self.what_changed_was_said(now) {
            self.changes += 1;
            self.put_them_back(now);
            if self.changes.is_multiple_of(self.others_each) {
                self.others_go_on(now);
            }
        }
    }

    /// A call that is different is one that was touched; the moment alone makes none different. Whether any is
    /// different.
    fn what_changed_was_said(&mut self, now: Now) -> bool {
        let touched = self.machine.take_touched();
        let ids: Vec<CallId> = self.machine.calls().map(|view| view.call).collect();
        let save = |now| {
            let saved = ids.iter().filter_map(|id| Some((*id, self.machine.save_call(now, *id)?)));
            saved.collect::<BTreeMap<_, _>>()
        };
        let saved = save(now);
        if self.changes.is_multiple_of(self.others_each) {
            assert_eq!(saved, save(now + Duration::from_millis(1)), "a call ticks");
            texts_read_back(&saved);
        }
        for (id, call) in saved.iter().filter(|(id, _)| !touched.contains(id)) {
            assert_eq!(self.saved.get(id), Some(call), "{id} is different, and was not touched");
        }
        let mut legs = BTreeSet::new();
        for leg in saved.values().flat_map(SavedCall::legs) {
            assert!(legs.insert(leg), "{} is in two calls", self.name(leg));
        }
        self.written.retain(|id, _| saved.contains_key(id));
        let written = saved.iter().filter(|(_, call)| !waits_for_commit(call));
        self.written.extend(written.map(|(id, call)| (*id, call.clone())));
        std::mem::replace(&mut self.saved, saved.clone()) != saved
    }

    /// The process is gone, and the next goes on with what the journal has. `with_last`: also with that for
    /// whose commit the old one still waited.
    pub(super) fn is_killed(&mut self, now: Instant, with_last: bool) -> Vec<String> {
        let now = moment(now);
        let calls = if with_last { &self.saved } else { &self.written };
        let texts: Vec<String> = calls.values().map(live::print_call).collect();
        let calls = texts.iter().map(|text| live::parse_call(text).unwrap()).collect();
        self.starts += 1;
        let mut machine = self.started_anew(now, self.starts);
        for ((operator, id), kept) in &self.results {
            let (operator, id, kept) = (operator.clone(), id.clone(), kept.clone());
            let input = Input::RestoreResult { operator, id, kept };
            let _ = machine.handle(now, self.world(), input);
        }
        let calls: Vec<SavedCall> = calls;
        let (effects, left_out) = machine.restore_calls(now, self.world(), &calls);
        assert!(left_out.is_empty(), "{left_out:?}");
        self.machine = machine;
        self.uncommitted.clear();
        self.journal_waits = false;
        let _ = self.what_changed_was_said(now);
        self.follow(now, effects)
    }

    /// All that can be wrong with the texts of calls harms nobody: words are torn out, numbers are others.
    pub fn garbles(&self, now: Instant, seed: u64) {
        let now = moment(now);
        let mut random = Random::from_number(seed);
        let texts = self.saved.values().map(live::print_call);
        let calls: Vec<SavedCall> = texts
            .filter_map(|text| {
                let mut parts: Vec<&str> = text.split_inclusive([',', ':', '[', '{']).collect();
                for _ in 0..1 + random.u64() % 3 {
                    let at = usize::try_from(random.u64()).unwrap() % parts.len();
                    let from = usize::try_from(random.u64()).unwrap() % parts.len();
                    parts[at] = match random.u64() % 6 {
                        0 => "9223372036854775807,",
                        1 => "0,",
                        2 => "\"op9\",",
                        3 => "\"x\":1,",
                        _ => parts[from],
                    };
                }
                live::parse_call(&parts.concat()).ok()
            })
            .collect();
        let mut other = self.started_anew(now, 1_000);
        let mut legs: Vec<_> = calls.iter().flat_map(SavedCall::legs).collect();
        let _ = other.restore_calls(now, self.world(), &calls);
        for view in other.calls().collect::<Vec<_>>() {
            let _ = other.save_call(now, view.call);
        }
        let _ = other.tick(now + Duration::from_secs(70), self.world());
        legs.push(cordboard::ids::LegId(0));
        for leg in legs {
            let (cause, by) = (Cause::NormalClearing, EndingSide::Peer);
            let ended = Input::Leg(leg::Event::Ended { leg, cause, by });
            let _ = other.handle(now, self.world(), ended);
        }
        let _ = other.handle(now, self.world(), Input::ShutDown);
    }

    /// Takes out all calls of which all is saved, and puts them back in another order: nobody hears of it.
    fn put_them_back(&mut self, now: Now) {
        let before = (self.views().collect::<Vec<_>>(), self.waiting().collect::<Vec<_>>());
        let operators: Vec<_> = self.machine.operators(&self.directory).collect();
        let exact: Vec<CallId> =
            self.saved.iter().filter(|(_, call)| self.is_exact(call)).map(|(id, _)| *id).collect();
        let mut taken = Vec::new();
        for id in exact {
            let _ = self.machine.take_call(now, id).unwrap();
            taken.push(self.saved[&id].clone());
        }
        self.put_back.0 += u64::try_from(taken.len()).unwrap();
        taken.reverse();
        let world = SwitchboardContext {
            directory: &self.directory,
            registrar: &self.registrar,
            locator: &self.locator,
            tickets: &self.tickets,
        };
        let effects = self.machine.put_back(now, world, taken);
        assert!(effects.is_empty(), "somebody heard of it: {effects:?}");
        let after = (self.views().collect::<Vec<_>>(), self.waiting().collect::<Vec<_>>());
        assert_eq!(before, after);
        assert_eq!(operators, self.machine.operators(&self.directory).collect::<Vec<_>>());
        for (id, call) in &self.saved {
            assert_eq!(self.machine.save_call(now, *id).as_ref(), Some(call));
        }
        let _ = self.machine.take_touched();
    }

    /// A switchboard that has just started, after so long, as the journal leaves it without its calls.
    fn started_anew(&self, now: Now, boot: u64) -> Machine {
        let boot = BootNumber::new(boot);
        let (settings, random) = (self.settings.clone(), Random::from_number(7));
        let mut other = Machine::new(settings, random, boot, 0);
        let _ = other.handle(now, self.world(), Input::DirectoryChanged);
        for view in self.machine.operators(&self.directory) {
            let stored = presence::Stored {
                operator: view.operator,
                logged_in: view.phone.is_some(),
                dnd: view.dnd,
                phone: view.phone,
            };
            let _ = other.handle(now, self.world(), Input::RestoreOperator(stored));
        }
        other
    }

    /// All calls are there in a switchboard that has just started, each as it was, and it goes on there to
    /// one end.
    fn others_go_on(&mut self, now: Now) {
        let begun = Now { instant: Instant::from_micros(3_000_000), unix: now.unix };
        let saved: Vec<SavedCall> = self.saved.values().rev().cloned().collect();
        let mut other = self.started_anew(begun, 1_000);
        let _ = other.put_back(begun, self.world(), saved.clone());
        for (id, call) in &self.saved {
            assert_eq!(other.save_call(begun, *id).as_ref(), Some(call), "put back elsewhere");
        }
        let known = |view: &CallView| self.saved.contains_key(&view.call);
        let seen = |machine: &Machine| {
            let views = machine.calls().filter(known);
            let views = views.map(|view| CallView { dropped: Default::default(), ..view });
            let held = machine.operators(&self.directory).map(|o| (o.operator, o.call, o.in_hand));
            let waiting: Vec<_> = machine.waiting().collect();
            (views.collect::<Vec<_>>(), waiting, held.collect::<Vec<_>>())
        };
        assert_eq!(seen(&self.machine), seen(&other), "seen elsewhere");
        let mut other = self.started_anew(begun, 1_000);
        let (effects, _) = other.restore_calls(begun, self.world(), &saved);
        self.put_back.1 += u64::try_from(self.saved.len()).unwrap();
        for effect in &effects {
            self.is_quiet_effect(effect);
        }
        self.all_end(&mut other, begun, effects);
    }

    /// Whether nobody at a phone notices it, but where a take or a release is carried out.
    fn is_quiet_effect(&self, effect: &Effect) {
        let carried_out = self.saved.values().any(|call| match &call.kind {
            SavedKind::Operator(kind) => matches!(
                kind.state,
                SavedOperatorState::Taken { .. } | SavedOperatorState::Leaving { .. }
            ),
            SavedKind::Direct(kind) => {
                matches!(kind.state, SavedDirectState::Transferring { .. })
            }
        });
        let Effect::Leg(command) = effect else { return };
        let is_quiet = match command {
            Command::Listen(_)
            | Command::RequestKeyFrame { .. }
            | Command::Watch { .. }
            | Command::Record { .. }
            | Command::Preview { .. }
            | Command::InterceptDtmf { .. }
            | Command::Progress { status: 182 | 183, .. } => true,
            // The phone of an operator without a desk rings for what is offered.
            Command::Call { call, .. } => self.directory.operators().any(|operator| {
                operator.mode == OperatorMode::Phone
                    && operator.phone.as_str() == call.callee.number
            }),
            _ => false,
        };
        assert!(is_quiet || carried_out, "{command:?}");
    }

    /// Everybody hangs up; nothing is left, and each record has its end once.
    fn all_end(&self, other: &mut Machine, now: Now, effects: Vec<Effect>) {
        let tickets = Tickets::new(BootNumber::new(1_000));
        let world = SwitchboardContext { tickets: &tickets, ..self.world() };
        let mut ended: BTreeMap<CallId, CallRecord> = BTreeMap::new();
        let mut legs: BTreeSet<_> = self.saved.values().flat_map(SavedCall::legs).collect();
        let mut effects = effects;
        loop {
            let mut inputs = Vec::new();
            for effect in std::mem::take(&mut effects) {
                match effect {
                    Effect::Leg(Command::Call { leg, .. }) => {
                        legs.insert(leg);
                    }
                    Effect::Leg(Command::End { leg, .. } | Command::Refuse { leg, .. }) => {
                        legs.remove(&leg);
                    }
                    Effect::Keep { keep, ticket } => {
                        inputs.extend(ticket.map(Input::Committed));
                        if let Keep::Call(record) = keep {
                            let before = ended.get(&record.call);
                            assert!(before.is_none_or(|before| before.ended == record.ended));
                            if record.ended.is_some() {
                                ended.insert(record.call, *record);
                            }
                        }
                    }
                    _ => {}
                }
            }
            if inputs.is_empty() {
                let Some(leg) = legs.pop_first() else { break };
                let (cause, by) = (Cause::NormalClearing, EndingSide::Peer);
                inputs.push(Input::Leg(leg::Event::Ended { leg, cause, by }));
            }
            for input in inputs {
                effects.extend(other.handle(now, world, input));
            }
        }
        // What was told that it cannot be served, or rang in vain.
        let late = now + Duration::from_secs(3600);
        let _ = other.tick(late, world);
        for id in self.saved.keys() {
            let was_abandoned = other.calls().all(|view| view.call != *id);
            assert!(was_abandoned && ended.contains_key(id), "{id} has not ended elsewhere");
        }
        assert!(other.is_quiet(), "something is left elsewhere");
    }

    /// Whether a call that is put back is exactly as it was: one that waits for a commit is as if it had that,
    /// and health is measured anew. A phone that rings is not called once more with other codecs.
    fn is_exact(&self, call: &SavedCall) -> bool {
        let rings = match &call.kind {
            SavedKind::Operator(kind) => match kind.state {
                SavedOperatorState::Taken { .. }
                | SavedOperatorState::Leaving { .. }
                | SavedOperatorState::Connected { .. }
                | SavedOperatorState::Settling { .. } => return false,
                SavedOperatorState::RingingYou { .. }
                | SavedOperatorState::Rejoining { .. }
                | SavedOperatorState::Consulting { .. }
                | SavedOperatorState::Transferring { .. }
                | SavedOperatorState::Entrusted { .. } => true,
                _ => false,
            },
            SavedKind::Direct(kind) => !matches!(
                kind.state,
                SavedDirectState::Talking { .. } | SavedDirectState::Watching { .. }
            ),
        };
        !(rings && self.called_once_more || self.measured)
    }
}

fn texts_read_back(calls: &BTreeMap<CallId, SavedCall>) {
    for call in calls.values() {
        let text = live::print_call(call);
        assert_eq!(live::parse_call(&text).as_ref(), Ok(call), "{text}");
    }
}

fn waits_for_commit(call: &SavedCall) -> bool {
    let SavedKind::Operator(kind) = &call.kind else { return false };
    matches!(kind.state, SavedOperatorState::Taken { .. } | SavedOperatorState::Leaving { .. })
}
