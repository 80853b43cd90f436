//! Every pair of states of two calls in one hand, and of a parked call, with whatever happens: what is
//! judged after each step is who hears whom, and in the end that nothing is left.

use crate::day::Machine as _;
use crate::testbed::Testbed;
use cordboard::call::AnsweredBy;
use cordboard::time::{Duration, Instant};

/// Ada waits in hand; how she came there.
const IN_HAND: [&[&str]; 4] = [
    &[],
    &["op1: consult 3002 of r1", "3002 answers"],
    &["op1: consult 3002 of r1", "3002 answers", "op1: alternate caller of r1"],
    &["op1: consult 3002 of r1", "3002 answers", "op1: connect of r1"],
];

/// Bob is at the ear, and how far that has come.
const AT_EAR: [&[&str]; 10] = [
    &[],
    &["op1: consult 3003 of r2"],
    &["op1: consult 3003 of r2", "3003 rings"],
    &["op1: consult 3003 of r2", "3003 answers"],
    &["op1: consult 3003 of r2", "3003 answers", "op1: alternate caller of r2"],
    &["op1: consult 3003 of r2", "3003 answers", "op1: connect of r2"],
    &["op1: consult 3003 of r2", "3003 answers", "op1: release of r2"],
    &["op1: transfer 3003 of r2"],
    &["op1: transfer 3003 of r2", "3003 answers"],
    &["op1: swap r1", "op1: swap r2"],
];

/// What happens then.
const EVENTS: [&[&str]; 33] = [
    &["op1: swap"],
    &["op1: swap r1"],
    &["op1: swap", "op1: swap"],
    &["eve calls 9000", "op1: take r3"],
    &["op1: park of r1"],
    &["op1: park of r2"],
    &["op1: park of r1", "op1: pick r1"],
    &["op1: park of r2", "op2: pick r2", "3011 answers"],
    &["op1: transfer 4001 of r1"],
    &["op1: transfer 4001 of r1", "4001 answers", "4001 hangs up"],
    &["op1: transfer 4001 of r1", "4001 refuses 486"],
    &["op1: transfer 4001 of r2", "op1: cancel of r2"],
    &["op1: serial of r1", "op1: serial of r2"],
    &["op1: release of r1"],
    &["op1: release force of r2"],
    &["op1: release force of r2", "op1: swap"],
    &["op1: cancel of r2"],
    &["op1: connect of r2"],
    &["op1: retrieve caller of r2"],
    &["op1: hangup of r1"],
    &["op1: hangup of r2"],
    &["op1: hangup of r2", "op1: swap"],
    &["op1: logout"],
    &["op1 hangs up"],
    &["ada hangs up"],
    &["bob hangs up"],
    &["3002 hangs up"],
    &["3003 hangs up"],
    &["3001 hangs up"],
    &["3001 is lost"],
    &["ada is lost", "bob is lost"],
    &["op1 may have 1 call", "op1: swap"],
    &["op1 is set out"],
];

struct Play {
    testbed: Testbed,
    now: Instant,
    lines: Vec<String>,
}

impl Play {
    fn new() -> Self {
        let mut testbed = Testbed::new(AnsweredBy::Queue);
        testbed.others_each = 7;
        Self { testbed, now: Instant::START, lines: vec![] }
    }

    fn play(&mut self, line: &str) {
        self.now = self.now + Duration::from_millis(100);
        self.lines.push(line.to_owned());
        let words: Vec<&str> = line.split_whitespace().collect();
        // Who is not there can do nothing.
        let is_person = !line.contains(':') && !line.starts_with("op");
        if is_person && words[1] != "calls" && !self.testbed.is_there(words[0]) {
            return;
        }
        let came = self.testbed.play(self.now, &words);
        self.lines.extend(came.into_iter().map(|line| format!("    {line}")));
        self.judge();
    }

    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.testbed.deadline().filter(|at| *at <= end) {
            let came = self.testbed.tick(at);
            self.lines.push("alarm".to_owned());
            self.lines.extend(came.into_iter().map(|line| format!("    {line}")));
            self.judge();
        }
        self.now = end;
    }

    /// Nobody hears the other conversation, and an operator is in one at most.
    #[track_caller]
    fn judge(&self) {
        let side = |who: &str| match who {
            "ada" | "3002" => Some("ada"),
            "bob" | "3003" => Some("bob"),
            "eve" => Some("eve"),
            _ => None,
        };
        let heard = self.testbed.heard();
        for (listener, speaker) in &heard {
            if let (Some(own), Some(other)) = (side(listener), side(speaker)) {
                assert_eq!(own, other, "{listener} hears {speaker}\n{}", self.lines.join("\n"));
            }
        }
        for phone in ["3001", "3011"] {
            let with: std::collections::BTreeSet<_> = heard
                .iter()
                .filter(|(listener, speaker)| listener == phone || speaker == phone)
                .filter_map(|(listener, speaker)| side(listener).or(side(speaker)))
                .collect();
            assert!(with.len() <= 1, "{phone} is with {with:?}\n{}", self.lines.join("\n"));
        }
        // Each caller has somebody to hear, or a wait.
        for caller in ["ada", "bob", "eve"] {
            let has = self.testbed.is_there(caller) == self.testbed.hears_something(caller);
            assert!(has, "{caller} hears nothing\n{}", self.lines.join("\n"));
        }
    }

    fn begin(&mut self, ada: &[&str]) {
        self.play("op1 may have 3 calls");
        self.play("op2 may have 2 calls");
        self.play("op2 logs in");
        self.play("op1 talks to ada");
        ada.iter().for_each(|line| self.play(line));
    }

    fn end(mut self) {
        self.pass(Duration::from_secs(200));
        for _ in 0..3 {
            for who in ["ada", "bob", "eve", "3002", "3003", "4001", "3001", "3011"] {
                self.play(&format!("{who} hangs up"));
            }
            self.pass(Duration::from_secs(70));
        }
        assert!(self.testbed.is_quiet(), "something is left\n{}", self.lines.join("\n"));
    }
}

#[test]
fn two_calls_in_one_hand_keep_apart_whatever_happens() {
    for ada in IN_HAND {
        for bob in AT_EAR {
            for event in EVENTS {
                let mut play = Play::new();
                play.begin(ada);
                play.play("bob calls 9000");
                play.play("op1: take r2");
                bob.iter().chain(event).for_each(|line| play.play(line));
                play.end();
            }
        }
    }
}

#[test]
fn a_parked_call_is_lost_to_nobody_whatever_its_operator_does() {
    for event in EVENTS {
        for picker in ["op1", "op2"] {
            let mut play = Play::new();
            play.begin(&[]);
            play.play("op1: park 3002 of r1");
            play.play("bob calls 9000");
            play.play("op1: take r2");
            play.play("3001 answers");
            event.iter().for_each(|line| play.play(line));
            play.play(&format!("{picker}: pick r1"));
            play.play("3011 answers");
            play.end();
        }
    }
}

/// An alarm in the middle: calls that are recalled keep apart as well.
#[test]
fn a_recall_brings_nobody_together() {
    for ada in IN_HAND {
        for bob in AT_EAR {
            let mut play = Play::new();
            play.begin(ada);
            play.play("bob calls 9000");
            play.play("op1: take r2");
            bob.iter().for_each(|line| play.play(line));
            play.pass(Duration::from_secs(61));
            play.play("op1: swap");
            play.pass(Duration::from_secs(130));
            play.play("op1: swap");
            play.end();
        }
    }
}
