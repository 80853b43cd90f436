//! What has to be so after each kill, and in the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{AHEAD_MAX, Hears, House, IN_FLIGHT, PATIENCE, name_of};
use crate::talker::Voice;
use crate::wait;

impl House {
    pub(super) fn listing(&self, line: &str) -> Vec<Value> {
        let text = self.board.cli(&format!("{line} --format json"));
        serde_json::from_str(&text).expect("listings come as JSON")
    }

    /// Who waits, and the row of each.
    pub(super) fn queue_rows(&self) -> Vec<(String, Value)> {
        self.listing("queue").into_iter().map(|row| (name_of(&row["caller"]), row)).collect()
    }

    pub(super) fn check(
        &mut self,
        before: &BTreeMap<String, Hears>,
        killed: Instant,
        after_a_kill: bool,
    ) {
        let mut seen = BTreeMap::new();
        let expected: BTreeMap<String, String> =
            self.phases.iter().map(|(name, phase)| (name.clone(), (*phase).to_owned())).collect();
        let right = wait::within(PATIENCE, || {
            let phase = |row: Value| {
                (name_of(&row["caller"]), row["phase"].as_str().unwrap_or("").to_owned())
            };
            seen = self.listing("calls").into_iter().map(phase).collect();
            (seen == expected).then_some(())
        });
        if right.is_none() {
            let there =
                expected.iter().filter(|(name, phase)| seen.get(*name) == Some(phase)).count();
            self.lost.calls += expected.len() - there;
            self.lost.words.push(format!("calls: {seen:?}\ninstead of {expected:?}"));
        }
        self.checked += expected.len();
        let rows = self.queue_rows();
        let order: Vec<&String> = rows.iter().map(|(name, _)| name).collect();
        let is_since = |(name, row): &(String, Value)| {
            self.since.get(name).is_none_or(|since| *since == row["since"])
        };
        if order != self.queue.iter().collect::<Vec<_>>() || !rows.iter().all(is_since) {
            self.lost.places += 1;
            self.lost
                .words
                .push(format!("places: {rows:?}\ninstead of {:?}, {:?}", self.queue, self.since));
        }
        let mut numbers: Vec<String> =
            self.listing("registrations").iter().map(|row| name_of(&row["number"])).collect();
        numbers.sort();
        let registered: Vec<String> = (3001..=3010).map(|number| number.to_string()).collect();
        if numbers != registered {
            self.lost.registrations += registered.iter().filter(|n| !numbers.contains(n)).count();
            self.lost.words.push(format!("registered: {numbers:?}"));
        }
        for (name, hears) in self.hears.clone() {
            self.listens(&name, hears, before.get(&name).copied(), killed, after_a_kill);
        }
    }

    /// Whether it hears whom it should, and nobody else; what it has heard before is allowed, too.
    fn listens(
        &mut self,
        name: &str,
        hears: Hears,
        before: Option<Hears>,
        killed: Instant,
        after_a_kill: bool,
    ) {
        let talker = Arc::clone(&self.talkers[name]);
        let from = killed + if after_a_kill { IN_FLIGHT } else { Duration::ZERO };
        let wanted = match hears {
            Hears::Talker(mark) => Some(Voice::Of(mark)),
            Hears::Music => Some(Voice::Nobody),
            Hears::Nobody => None,
        };
        let first = wanted.map(|voice| {
            wait::within(PATIENCE, || {
                talker.heard_since(from).into_iter().find(|heard| heard.voice == voice)
            })
        });
        let heard = talker.heard_since(from);
        let is_stray = |voice: Voice| match voice {
            Voice::Of(mark) => ![Some(hears), before].contains(&Some(Hears::Talker(mark))),
            Voice::Nobody => false,
        };
        let strays = heard.iter().filter(|heard| is_stray(heard.voice)).count();
        let is_deaf = first.is_some_and(|first| first.is_none());
        if is_deaf || strays > 0 || talker.is_over() {
            self.lost.voices += 1;
            let over = talker.is_over();
            let count = heard.len();
            self.lost.words.push(format!(
                "{name} should hear {hears:?} (before: {before:?}); over: {over}, {count} packets, {strays} strays, {:?}",
                heard.last()
            ));
            return;
        }
        let Hears::Talker(mark) = hears else { return };
        let Some(Some(first)) = first else { return };
        let last = heard.last().expect("it has heard one");
        let ours = before == Some(hears) && after_a_kill;
        if let Some((source, sequence)) =
            self.streams.insert(name.to_owned(), (last.source, last.sequence))
        {
            let ahead = first.sequence.wrapping_sub(sequence);
            if ours && (first.source != source || ahead == 0 || ahead > AHEAD_MAX) {
                self.lost.voices += 1;
                self.lost.words.push(format!(
                    "{name}: source {source:08x} at {sequence} goes on as {:08x} at {}",
                    first.source, first.sequence
                ));
            }
        }
        if ours {
            self.gaps.push((first.at - killed).as_millis());
        }
        let numbers: Vec<u32> =
            heard.iter().filter(|h| h.voice == Voice::Of(mark)).map(|h| h.number).collect();
        if !numbers.is_sorted_by(|a, b| a < b) {
            self.lost
                .words
                .push(format!("{name} hears packets twice or out of order: {numbers:?}"));
        }
    }

    // ---- the end ----

    /// Each call is tried from both ends, and ends with one record.
    pub(super) fn ends(&mut self) {
        if self.lost.any() {
            return;
        }
        self.talkers["3007"].answers();
        let status = self.ringing.take().map(|ringing| ringing.join().expect("it was answered"));
        assert_eq!(status, Some(200), "the phone that rang all the time is answered");
        for name in self.hears.keys().cloned().chain(["3007".into(), "3010".into()]) {
            for direction in ["sendonly", "sendrecv"] {
                let status = self.talkers[&name].offers(direction);
                if status != 200 {
                    self.lost.words.push(format!("{name} offers {direction}: {status}"));
                }
            }
        }
        // Callers hang up, or those whom they talk to.
        let of_op2 = |phase: &str| ["talking-to-callee", "alternated"].contains(&phase);
        for (at, (caller, phase)) in self.phases.clone().into_iter().enumerate() {
            let other = match phase {
                "talking" if *caller != *"3008" => "3006",
                "connected" => "3005",
                "talking" => "3009",
                "direct-ringing" => "3007",
                "with-caller" => "3001",
                phase if of_op2(phase) => "3002",
                _ => &caller,
            };
            // While an operator is in the call it goes on without the person called.
            let by_other = at % 2 == 1 && phase != "connected" && !of_op2(phase);
            let (ends, told) = if by_other { (other, &*caller) } else { (&*caller, other) };
            let status = self.talkers[ends].hangs_up();
            let over = wait::within(PATIENCE, || self.talkers[told].is_over().then_some(()));
            if status != 200 || over.is_none() {
                self.lost.calls += 1;
                self.lost
                    .words
                    .push(format!("{ends} hangs up ({phase}): {status}, {told}: {over:?}"));
            }
        }
        let mut records = Vec::new();
        let calls = self.calls;
        let all = wait::within(PATIENCE, || {
            records = self.listing("records");
            let is_over = records.iter().all(|record| !record["cause"].is_null());
            // A call that the moment of a kill has undone may have got as far as its record.
            let is_all = (calls..=calls + self.unborn).contains(&records.len());
            (is_over && is_all).then_some(())
        });
        if all.is_none() {
            self.lost.records = calls.abs_diff(records.len()).max(1);
            self.lost.words.push(format!("{calls} calls, {} records: {records:?}", records.len()));
        }
        let status = self.board.cli("status --format json");
        let status: Value = serde_json::from_str(&status).expect("it is JSON");
        let left = [&status["calls"], &status["waiting"], &status["legs"]];
        // The legs of the desks.
        if left != [&json!(0), &json!(0), &json!(self.desks.len())] {
            self.lost.words.push(format!("what is left: {left:?}"));
        }
    }

    pub(super) fn report(&mut self) -> String {
        self.gaps.sort_unstable();
        self.written.sort_unstable();
        let share =
            |share: usize| self.gaps.get(self.gaps.len() * share / 100).copied().unwrap_or(0);
        let (gaps, lost) = (self.gaps.len(), &self.lost);
        let steps: Vec<String> = self.steps.iter().map(|(name, n)| format!("{name} {n}")).collect();
        format!(
            "{} kills, during: {}\n\
             lost  calls {} of {}, looked at {} times; places {}; registrations {}; records {}; takes {} of {}; voices {}\n\
             undone in the moment of a kill: {} calls; {} hangings up; {} takes whose phone was forgotten, {} of which was not told\n\
             gap   from the kill to the first packet of the other, {gaps} times: p50 {} ms, p99 {} ms\n\
             a change was written and confirmed after p50 {} ms, at most {} ms",
            self.kills,
            steps.join(", "),
            lost.calls,
            self.calls,
            self.checked,
            lost.places,
            lost.registrations,
            lost.records,
            lost.takes,
            self.takes,
            lost.voices,
            self.unborn,
            self.undone,
            self.back,
            self.zombies.get(),
            share(50),
            share(99),
            self.written.get(self.written.len() / 2).unwrap_or(&0),
            self.written.last().unwrap_or(&0),
        )
    }
}
