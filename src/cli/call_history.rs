//! The history of one call, told from its record: who was with whom, from when, for how long, and why it ended.

use super::desk::party_health;
use super::local_time::LocalTime;
use super::moment::span;
use crate::call::call_record::{CallPhase, CallRecord, Ended, EndedBy, Handover};
use crate::text::harmless;
use serde_json::Value;
use std::fmt::Write as _;

/// For people, in their time.
#[must_use]
pub fn call_history(record: &CallRecord, clock: &LocalTime) -> String {
    let mut text = heading(record, clock);
    let mut told = Told::new(record);
    let lines: Vec<_> =
        record.phases.iter().map(|phase| (phase.at, told.sentence(phase))).collect();
    if !lines.is_empty() {
        text.push('\n');
    }
    for (n, (at, sentence)) in lines.iter().enumerate() {
        let until = lines.get(n + 1).map(|(at, _)| *at).or(record.ended.map(|ended| ended.at));
        let lasted = until.map_or("…".to_owned(), |until| span(until.since(*at)));
        line(&mut text, clock.clock(*at), &lasted, sentence);
    }
    if let Some(ended) = record.ended {
        line(&mut text, clock.clock(ended.at), "", &ending(ended));
    }
    text
}

fn line(text: &mut String, at: String, lasted: &str, sentence: &str) {
    let _ = writeln!(text, "{at}  {lasted:>7}  {}", harmless(sentence));
}

/// What holds for the whole call.
fn heading(record: &CallRecord, clock: &LocalTime) -> String {
    let of_queue = record.queue.as_ref().map_or(String::new(), |queue| format!(", queue {queue}"));
    let origin = match record.origin.as_str() {
        "terminal" | "" => String::new(),
        other => format!(" ({other})"),
    };
    let caller = caller(record);
    let mut text =
        format!("{}: {caller}{origin} called {}{of_queue}\n", record.call, record.dialled);
    text = format!("{}\n\n", harmless(text.trim_end()));
    let mut fact = |name: &str, what: &str| {
        let _ = writeln!(text, "{name:10} {}", harmless(what));
    };
    fact("began", &clock.day_and_clock(record.began));
    fact("answered", &record.answered.map_or("by nobody".to_owned(), |at| clock.day_and_clock(at)));
    match record.ended {
        Some(ended) => fact("lasted", &span(ended.at.since(record.began))),
        None => fact("lasted", "it goes on"),
    }
    if !record.operators.is_empty() {
        let operators: Vec<_> = record.operators.iter().map(ToString::to_string).collect();
        fact("operators", &operators.join(", "));
    }
    if let Some(callee) = &record.callee {
        fact("callee", callee.as_str());
    }
    match record.handover {
        Some(Handover::Checked) => fact("hand-over", "checked: both were heard and seen"),
        Some(Handover::Unchecked) => fact("hand-over", "unchecked: the operator had hung up"),
        Some(Handover::Forced) => fact("hand-over", "forced: sound or picture was missing"),
        None => {}
    }
    health(&record.health).iter().for_each(|line| fact("arrived", line));
    record.recordings.iter().for_each(|path| fact("recording", path));
    fact("session", &record.session);
    text
}

/// The last report of sound and picture, a line for each party.
fn health(report: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(report).unwrap_or_default();
    let parties = ["caller", "callee"].into_iter().filter(|party| report[party].is_object());
    parties.map(|party| party_health(party, &report[party])).collect()
}

fn caller(record: &CallRecord) -> String {
    let name = Some(record.caller_name.as_str()).filter(|name| !name.is_empty());
    let words = [Some(record.caller.as_str()), name];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn ending(Ended { cause, by, .. }: Ended) -> String {
    let by = match by {
        EndedBy::Caller => "the caller",
        EndedBy::Callee => "the called person",
        EndedBy::Operator => "the operator",
        EndedBy::Server => "the switchboard",
    };
    format!("ended by {by}: {}", cause.text())
}

/// What was told so far.
struct Told<'a> {
    caller: String,
    queue: &'a str,
    /// Who has the call: a phase with a callee names that one alone.
    operator: &'a str,
    /// The caller may not be in it any more.
    moved: bool,
}

impl<'a> Told<'a> {
    fn new(record: &'a CallRecord) -> Self {
        let queue = record.queue.as_ref().map_or("", |queue| queue.as_str());
        Self { caller: caller(record), queue, operator: "the operator", moved: false }
    }

    fn sentence(&mut self, phase: &'a CallPhase) -> String {
        let who = phase.who.as_str();
        if let "taken" | "ringing-you" | "with-caller" = &*phase.word
            && !who.is_empty()
        {
            self.operator = who;
        }
        let Self { caller, queue, operator, moved } = self;
        match &*phase.word {
            "arriving" => format!("{caller} is let in"),
            "queued" => format!("{caller} waits in queue {queue}"),
            "announcing" => format!("{caller} is told why nobody comes"),
            "taken" => format!("{who} takes the call"),
            "ringing-you" => format!("the phone of {operator} rings"),
            "with-caller" => format!("{operator} talks with {caller}"),
            "consulting" => format!("{operator} calls {who}; {caller} waits"),
            "talking-to-callee" => format!("{operator} talks with {who}; {caller} waits"),
            "alternated" => format!("{operator} talks with {caller}; {who} waits"),
            "connected" => format!("{caller} talks with {who}; {operator} has not left yet"),
            "entrusted" => format!("{operator} has left; {caller} waits for {who}"),
            "handed-over" => format!("{operator} has left; {caller} talks with {who}"),
            "direct-ringing" => format!("{who} rings"),
            "talking" if *moved => format!("the call goes on with {who}"),
            "talking" => format!("{caller} talks with {who}"),
            "transferring" => format!("{who} rings, to take the call over"),
            "watching" => format!("{caller} sees camera {who}"),
            "moved-by" => {
                *moved = true;
                format!("{who} moves the call")
            }
            other => format!("{other} {who}").trim_end().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::Cause;
    use crate::ids::{CallId, Number, OperatorId, QueueId};
    use crate::time::{Duration, UnixTime};
    use serde_json::json;

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(1_795_000_000 + secs)
    }

    fn record(phases: &[(u64, &'static str, &str)]) -> CallRecord {
        let mut record = CallRecord {
            call: CallId(17),
            request: None,
            session: "0f".repeat(16),
            queue: Some(QueueId::from("main")),
            caller: "4001".into(),
            caller_name: "Bob".into(),
            origin: "terminal".into(),
            dialled: Number::from("9000"),
            operators: vec![OperatorId::from("op1")],
            callee: Some(Number::from("3002")),
            began: at(0),
            answered: Some(at(15)),
            phases: vec![],
            handover: None,
            ended: None,
            recordings: vec![],
            health: String::new(),
        };
        phases.iter().for_each(|(secs, word, who)| record.enter(word, at(*secs), who));
        record
    }

    #[test]
    fn an_operators_call_is_told_from_the_first_to_the_last() {
        let mut record = record(&[
            (0, "queued", ""),
            (12, "taken", "op1"),
            (12, "ringing-you", "op1"),
            (15, "with-caller", "op1"),
            (40, "consulting", "3002"),
            (46, "talking-to-callee", "3002"),
            (60, "alternated", "3002"),
            (75, "connected", "3002"),
            (80, "handed-over", "3002"),
        ]);
        record.handover = Some(Handover::Checked);
        let arrives = json!({"audio": "ok", "video": "poor", "fps": 12.4});
        record.health = json!({"caller": arrives, "callee": arrives}).to_string();
        record.recordings = vec!["data/recordings/2026-11-18/call-17.mkv".into()];
        record.end(at(3_700), Cause::NormalClearing, EndedBy::Callee);
        let told = "\
call-17: 4001 Bob called 9000, queue main

began      2026-11-18 11:06:40
answered   2026-11-18 11:06:55
lasted     1:01:40
operators  op1
callee     3002
hand-over  checked: both were heard and seen
arrived    caller  sound ok     picture poor    12 pictures/s
arrived    callee  sound ok     picture poor    12 pictures/s
recording  data/recordings/2026-11-18/call-17.mkv
session    0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f

11:06:40     0:12  4001 Bob waits in queue main
11:06:52     0:00  op1 takes the call
11:06:52     0:03  the phone of op1 rings
11:06:55     0:25  op1 talks with 4001 Bob
11:07:20     0:06  op1 calls 3002; 4001 Bob waits
11:07:26     0:14  op1 talks with 3002; 4001 Bob waits
11:07:40     0:15  op1 talks with 4001 Bob; 3002 waits
11:07:55     0:05  4001 Bob talks with 3002; op1 has not left yet
11:08:00  1:00:20  op1 has left; 4001 Bob talks with 3002
12:08:20           ended by the called person: Normal call clearing
";
        assert_eq!(call_history(&record, &LocalTime::utc()), told);
    }

    #[test]
    fn a_call_that_goes_on_has_no_end_and_one_without_phases_has_one() {
        let text = call_history(&record(&[(0, "queued", "")]), &LocalTime::utc());
        assert!(text.contains("lasted     it goes on\n"), "{text}");
        assert!(text.ends_with("\n11:06:40        …  4001 Bob waits in queue main\n"), "{text}");
        let mut refused = record(&[]);
        (refused.answered, refused.origin) = (None, "trunk carrier".into());
        refused.end(at(0) + Duration::from_millis(20), Cause::QueueFull, EndedBy::Server);
        let text = call_history(&refused, &LocalTime::utc());
        assert!(text.starts_with("call-17: 4001 Bob (trunk carrier) called 9000"), "{text}");
        assert!(text.contains("answered   by nobody\n"), "{text}");
        assert!(
            text.ends_with("11:06:40           ended by the switchboard: Queue full\n"),
            "{text}"
        );
    }

    #[test]
    fn a_moved_call_names_whom_it_is_with_and_nobody_who_may_have_left() {
        let text = call_history(
            &record(&[
                (0, "talking", "3002"),
                (5, "moved-by", "4001"),
                (5, "transferring", "3003"),
                (9, "talking", "3003"),
                (20, "singing", "3004"),
            ]),
            &LocalTime::utc(),
        );
        for line in [
            "0:05  4001 Bob talks with 3002\n",
            "0:00  4001 moves the call\n",
            "0:04  3003 rings, to take the call over\n",
            "0:11  the call goes on with 3003\n",
            "…  singing 3004\n",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }

    #[test]
    fn a_name_cannot_paint_the_terminal() {
        let mut hostile = record(&[(0, "queued", ""), (3, "talking", "\u{1b}[2J")]);
        hostile.caller_name = "\u{1b}]0;x\u{7}\nended by the caller".into();
        hostile.health = "no json".into();
        let text = call_history(&hostile, &LocalTime::utc());
        assert!(!text.contains('\u{1b}') && !text.contains("\nended"), "{text:?}");
    }
}
