//! What the desk knows: built from events alone, so that it is what the switchboard says.

use super::calls::{InHand, ParkedLine, WaitingCall};
use crate::cli::moment::read_moment;
use crate::text::harmless;
use crate::time::{Duration, UnixTime};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Sentences that are kept for the screen.
const SAID_MAX: usize = 4;
/// For so long each of them.
const SAID_FOR: Duration = Duration::from_secs(30);
/// A release waits for so long for sound and picture at both.
const RELEASE_MAX: Duration = Duration::from_secs(5);
/// More waiting calls than this are not shown.
pub const WAITING_MAX: usize = 1_000;
/// More closed queues than this are not shown.
const NIGHTS_MAX: usize = 100;

/// A sentence for the operator.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notice {
    /// When.
    pub at: UnixTime,
    /// What.
    pub text: String,
}

/// The desk.
#[derive(Clone, Debug, Default)]
pub struct DeskView {
    /// The operator.
    pub operator: String,
    /// The desk phone and how it is.
    pub phone: String,
    /// `idle`, `busy`, `dnd`, or `no switchboard`.
    pub state: String,
    /// By queue and position.
    pub waiting: Vec<WaitingCall>,
    /// The queues that are closed.
    pub nights: BTreeSet<String>,
    /// The call at the ear, or on its way there or away.
    pub call: Option<InHand>,
    /// Those that wait in hand, as they came.
    pub held: Vec<InHand>,
    /// What was in hand before the switchboard began to say anew what is: the times go on.
    before: Vec<InHand>,
    /// Those that are parked, as they came.
    pub parked: Vec<ParkedLine>,
    /// What was said last.
    pub said: Vec<Notice>,
    /// What is shown over all else: the help.
    pub helping: bool,
    /// All that the switchboard had to say at the beginning has come.
    pub is_complete: bool,
    /// The time of the last look at the clock.
    pub now: UnixTime,
    /// The number that was consulted last, and its name; an empty one where none is known.
    called: Option<(String, String)>,
    /// A caller is offered since the last look, or one in hand or parked is recalled.
    news: bool,
    /// A call is recalled since the last look.
    recalled: bool,
    /// Another desk of this operator has taken over.
    pub evicted: bool,
}

impl DeskView {
    /// The desk of an operator before it has heard anything.
    #[must_use]
    pub fn new(operator: &str) -> Self {
        Self { operator: operator.to_owned(), state: "no switchboard".into(), ..Self::default() }
    }

    /// The switchboard is gone; what it said no longer holds, but for the call in hand.
    pub fn lose(&mut self, why: &str) {
        self.waiting.clear();
        self.parked.clear();
        self.nights.clear();
        self.is_complete = false;
        self.state = "no switchboard".into();
        self.say(why.to_owned());
    }

    /// Keeps a sentence for the screen.
    pub fn say(&mut self, sentence: String) {
        self.said.push(Notice { at: self.now, text: sentence });
        if self.said.len() > SAID_MAX {
            self.said.remove(0);
        }
    }

    /// Looks at the clock: what was said long ago is forgotten.
    pub fn look(&mut self, now: UnixTime) {
        self.now = now;
        self.said.retain(|said| now.since(said.at) < SAID_FOR);
    }

    /// Whether somebody waits for this operator.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.call.is_none() && self.waiting.iter().any(|waiting| waiting.offered)
    }

    /// Whether a caller has come who is offered, since this was asked last.
    pub fn has_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    /// Whether a call in hand or parked has been recalled, since this was asked last.
    pub fn has_recall(&mut self) -> bool {
        std::mem::take(&mut self.recalled)
    }

    /// Whether the call at the ear is being recorded.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.recording)
    }

    /// The request of the call that commands are for: the one at the ear, else the only one in hand.
    #[must_use]
    pub fn current(&self) -> Option<&str> {
        let held = self.held.first().filter(|_| self.held.len() == 1);
        self.call.as_ref().or(held).map(|call| call.request.as_str())
    }

    /// A release was asked for.
    pub fn leave(&mut self) {
        let until = self.now + RELEASE_MAX;
        if let Some(call) = &mut self.call {
            call.leaving = Some(until);
        }
    }

    /// A release was answered.
    pub fn stay(&mut self) {
        if let Some(call) = &mut self.call {
            call.leaving = None;
        }
    }

    /// The number of the call in hand whose name was not asked for yet.
    #[must_use]
    pub fn nameless(&self) -> Option<String> {
        let (number, _) = self.call.as_ref()?.callee.as_ref()?;
        let is_known = self.called.as_ref().is_some_and(|(known, _)| known == number);
        (!is_known).then(|| number.clone())
    }

    /// Asks for the name of a number from now on.
    pub fn ask_name(&mut self, number: String) {
        self.called = Some((number, String::new()));
    }

    /// Learns the name of a number, where it is the one that is asked for.
    pub fn name(&mut self, number: &str, name: &str) {
        if let Some((_, known)) = self.called.as_mut().filter(|(called, _)| called == number) {
            name.clone_into(known);
        }
    }

    /// A number with its name, where that is known.
    #[must_use]
    pub fn named(&self, number: &str) -> String {
        match &self.called {
            Some((called, name)) if called == number && !name.is_empty() => {
                format!("{number} {name}")
            }
            Some(_) | None => number.to_owned(),
        }
    }

    /// Takes an event; returns it as a line for people who read lines, none where nothing changed.
    pub fn take(&mut self, event: &Value) -> Option<String> {
        let word = |name: &str| harmless(event[name].as_str().unwrap_or(""));
        let line = match event["event"].as_str()? {
            "welcome" => {
                self.phone = word("phone");
                // The snapshot follows.
                self.before = std::mem::take(&mut self.held);
                self.before.extend(self.call.take());
                (self.waiting, self.parked) = (Vec::new(), Vec::new());
                self.nights.clear();
                format!(
                    "welcome {} at phone {} on {}",
                    word("operator"),
                    word("phone"),
                    word("server")
                )
            }
            "state" => {
                let state = word("state");
                self.state.clone_from(&state);
                let number = self.phone.split(' ').next().unwrap_or("").to_owned();
                self.phone = format!("{number} {}", word("phone"));
                format!("state {state} phone {}", word("phone"))
            }
            kind @ ("offer" | "waiting") => self.wait(event, kind == "offer")?,
            "withdrawn" => {
                let request = word("request");
                self.waiting.retain(|waiting| waiting.request != request);
                self.parked.retain(|parked| parked.request != request);
                format!("withdrawn {request} {}", word("reason"))
            }
            "call" => self.call(event),
            "parked" => self.park(event),
            "recall" => {
                self.recalled = true;
                format!("recall {} after {} s", word("request"), event["seconds"])
            }
            "callee" => self.callee(&word("request"), (word("number"), word("progress"))),
            "health" => return self.health(event),
            "senses" => return self.senses(event),
            "queue" => self.night(word("queue"), event["night"] == true)?,
            "notice" => {
                let text = word("text");
                self.say(text.clone());
                format!("notice {text}")
            }
            "snapshot-end" => {
                self.is_complete = true;
                self.before.clear();
                "snapshot-end".to_owned()
            }
            "evicted" => {
                self.evicted = true;
                "evicted: another desk of this operator has taken over".to_owned()
            }
            _ => return None,
        };
        Some(line)
    }

    /// What has become of the person wanted in a call.
    fn callee(&mut self, request: &str, callee: (String, String)) -> String {
        let line = format!("callee {} {}", callee.0, callee.1);
        let is_at_ear = self.call.as_ref().is_none_or(|call| call.request == request);
        if let Some(held) = self.held_mut(request) {
            held.callee = Some(callee).filter(|(_, progress)| progress != "hung-up");
        } else if is_at_ear {
            self.in_hand(request).callee = Some(callee);
        }
        line
    }

    /// A queue is open or closed now.
    fn night(&mut self, queue: String, is_night: bool) -> Option<String> {
        let line = format!("queue {queue} {}", if is_night { "night" } else { "day" });
        let is_new = match is_night {
            true => self.nights.len() < NIGHTS_MAX && self.nights.insert(queue),
            false => self.nights.remove(&queue),
        };
        is_new.then_some(line)
    }

    fn wait(&mut self, event: &Value, offered: bool) -> Option<String> {
        let word = |name: &str| harmless(event[name].as_str().unwrap_or(""));
        let waiting = WaitingCall {
            request: word("request"),
            caller: person(&event["caller"]),
            queue: word("queue"),
            position: event["position"].as_u64().unwrap_or(0),
            offered,
            since: event["since"].as_str().and_then(read_moment),
        };
        let before = self.waiting.iter().position(|known| known.request == waiting.request);
        if before.is_some_and(|at| self.waiting[at] == waiting) || self.waiting.len() >= WAITING_MAX
        {
            return None;
        }
        let line = format!(
            "{} {} from {} in {} position {}",
            if offered { "offer" } else { "waiting" },
            waiting.request,
            waiting.caller,
            waiting.queue,
            waiting.position
        );
        self.news |= offered && !before.is_some_and(|at| self.waiting[at].offered);
        match before {
            Some(at) => self.waiting[at] = waiting,
            None => self.waiting.push(waiting),
        }
        self.waiting.sort_by(|a, b| (&a.queue, a.position).cmp(&(&b.queue, b.position)));
        Some(line)
    }

    fn held_mut(&mut self, request: &str) -> Option<&mut InHand> {
        self.held.iter_mut().find(|held| held.request == request)
    }

    fn park(&mut self, event: &Value) -> String {
        let word = |name: &str| harmless(event[name].as_str().unwrap_or(""));
        let parked = ParkedLine {
            request: word("request"),
            caller: person(&event["caller"]),
            by: word("by"),
            wanted: word("number"),
            since: event["since"].as_str().and_then(read_moment),
        };
        let line = format!("parked {} {} by {}", parked.request, parked.caller, parked.by);
        self.parked.retain(|known| known.request != parked.request);
        if self.parked.len() < WAITING_MAX {
            self.parked.push(parked);
        }
        line
    }

    /// A call of this phase is at the ear, waits in hand, or is nothing to this operator any more.
    fn place(&mut self, request: &str, phase: &str) {
        match phase {
            "in-hand" | "handing-over" if self.held_mut(request).is_none() => {
                let own = self.call.take_if(|call| call.request == request);
                let own = own.unwrap_or_else(|| self.new_call(request));
                self.held.push(own);
            }
            "in-hand" | "handing-over" => {}
            "ended" | "parked" | "serial" => {
                self.held.retain(|held| held.request != request);
                self.call = self.call.take().filter(|call| call.request != request);
            }
            _ => {
                if let Some(at) = self.held.iter().position(|held| held.request == request) {
                    self.call = Some(self.held.remove(at));
                }
            }
        }
    }

    fn in_hand(&mut self, request: &str) -> &mut InHand {
        let call = self.call.take().unwrap_or_else(|| self.new_call(request));
        let call = self.call.insert(call);
        request.clone_into(&mut call.request);
        call
    }

    /// A call that is in hand from now on, or was so before the connection was lost.
    fn new_call(&mut self, request: &str) -> InHand {
        let known = self.before.iter().position(|call| call.request == request);
        let (phase, since, began) = match known.map(|at| self.before.swap_remove(at)) {
            Some(call) => (call.phase, call.since, call.began),
            None => (String::new(), self.now, self.now),
        };
        InHand { request: request.to_owned(), phase, since, began, ..InHand::default() }
    }

    fn call(&mut self, event: &Value) -> String {
        let word = |name: &str| harmless(event[name].as_str().unwrap_or(""));
        let (request, phase) = (word("request"), word("phase"));
        self.waiting.retain(|waiting| waiting.request != request);
        // Whoever picks it is not told that it is withdrawn.
        self.parked.retain(|parked| parked.request != request);
        let mut line = format!("call {request} {phase}");
        self.place(&request, &phase);
        if phase == "parked" || phase == "serial" {
            return line;
        }
        if phase == "ended" {
            let _ = write!(line, " {}", word("reason"));
            self.say(ending(&word("reason")));
            return line;
        }
        let now = self.now;
        let call = match self.held.iter().position(|held| held.request == request) {
            Some(at) => &mut self.held[at],
            None => self.in_hand(&request),
        };
        if call.phase != phase {
            call.since = now;
        }
        call.phase = phase;
        call.recording = event["recording"] == true;
        call.serial = event["serial"] == true;
        call.caller = person(&event["caller"]);
        call.health.clear();
        let callee = person(&event["callee"]);
        if callee.is_empty() {
            call.callee = call
                .callee
                .take()
                .filter(|_| !matches!(call.phase.as_str(), "with-caller" | "in-hand"));
        } else {
            let progress = call.callee.take().map_or(String::new(), |(_, progress)| progress);
            call.callee = Some((callee, progress));
        }
        let _ = write!(line, " {}", call.caller);
        if call.recording {
            line += " recording";
        }
        line
    }

    fn health(&mut self, event: &Value) -> Option<String> {
        let word = |name: &str| harmless(event[name].as_str().unwrap_or(""));
        let there = |party: &&str| event[*party].is_object();
        let parties = ["caller", "callee", "operator"].into_iter().filter(there);
        let lines: Vec<_> = parties.map(|party| party_health(party, &event[party])).collect();
        let request = word("request");
        let call = self.call.as_mut().filter(|call| call.request == request)?;
        let was_known = !call.health.is_empty();
        call.health = lines;
        let blocking = event["blocking"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let blocking = blocking.map(harmless).collect::<Vec<_>>().join(" ");
        match (event["ok"] == true, was_known) {
            // Once is enough for whoever reads lines.
            (true, true) => None,
            (true, false) => Some("health ok".to_owned()),
            // Nothing is known of somebody yet.
            (false, _) if blocking.is_empty() => None,
            (false, _) => Some(format!("health not yet: {blocking}")),
        }
    }
}

impl DeskView {
    /// Who hears and sees the operator, as the relay has it.
    fn senses(&mut self, event: &Value) -> Option<String> {
        if let Some(partner) = event.get("partner") {
            let of = |field: &str| harmless(partner[field].as_str().unwrap_or(""));
            let name = Some(of("name")).filter(|name| !name.is_empty());
            let name = name.unwrap_or_else(|| of("number"));
            return Some(heard_and_seen(event, [("caller", &name), ("callee", &name)]));
        }
        let request = harmless(event["request"].as_str().unwrap_or(""));
        let named = |number: &str| self.named(number);
        let own = self.call.as_ref().filter(|call| call.request == request);
        let call = own.or_else(|| self.held.iter().find(|held| held.request == request))?;
        let callee =
            call.callee.as_ref().map_or("the callee".to_owned(), |(number, _)| named(number));
        let sentence = heard_and_seen(event, [("caller", &call.caller), ("callee", &callee)]);
        let own = self.call.as_mut().filter(|call| call.request == request);
        let call = own.or_else(|| self.held.iter_mut().find(|held| held.request == request))?;
        if call.senses == sentence {
            return None;
        }
        call.senses.clone_from(&sentence);
        Some(sentence)
    }
}

/// `Bob hears and sees you`.
fn heard_and_seen(event: &Value, parties: [(&str, &str); 2]) -> String {
    let is_in = |list: &str, party: &str| {
        event[list].as_array().is_some_and(|list| list.iter().any(|entry| entry == party))
    };
    let of = |(party, name): (&str, &str)| {
        let does = match (is_in("hears_you", party), is_in("sees_you", party)) {
            (true, true) => "hears and sees",
            (true, false) => "hears",
            (false, true) => "sees",
            (false, false) => return None,
        };
        Some(format!("{name} {does} you"))
    };
    let sentences: Vec<String> = parties.into_iter().filter_map(of).collect();
    match sentences.is_empty() {
        true => "nobody hears or sees you".to_owned(),
        false => sentences.join("; "),
    }
}

/// How a call has ended, for people.
fn ending(reason: &str) -> String {
    let words = match reason {
        "handed-over" => "handed over: the two go on without you",
        "caller-hung-up" => "the caller has hung up",
        "callee-hung-up" => "the callee has hung up",
        "phone-gone" => "your phone is gone; the caller waits again",
        "logged-out" => "you have logged out; the caller waits again",
        "operator-hung-up" => "you have hung up",
        other => return format!("the call has ended: {}", other.replace('-', " ")),
    };
    words.to_owned()
}

/// How sound and picture of a party arrive, in a line.
#[must_use]
pub fn party_health(party: &str, health: &Value) -> String {
    let word = |name: &str| harmless(health[name].as_str().unwrap_or("-"));
    let mut line = format!("{party}  sound {:6} picture {:6}", word("audio"), word("video"));
    for (name, unit) in [
        ("loss_percent", "% lost"),
        ("jitter_ms", "ms jitter"),
        ("rtt_ms", "ms away"),
        ("fps", "pictures/s"),
    ] {
        if let Some(figure) = health[name].as_f64() {
            let _ = write!(line, "  {figure:.0} {unit}");
        }
    }
    line
}

/// A number with its name, where there is one, and where the person comes from.
fn person(value: &Value) -> String {
    let number = value.as_str().or_else(|| value["number"].as_str()).unwrap_or("");
    let name = value["name"].as_str().filter(|name| !name.is_empty());
    // Whoever is not of the house is shown as such.
    let origin = value["origin"].as_str().filter(|origin| *origin != "terminal");
    let origin = origin.map(|origin| format!("({origin})"));
    let words = [Some(number), name, origin.as_deref()];
    harmless(&words.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn offer(request: &str, position: u64) -> Value {
        json!({"event": "offer", "request": request, "queue": "main", "position": position,
               "caller": {"number": "4001", "name": "Ada"}, "since": "2026-11-22T12:53:26Z"})
    }

    #[test]
    fn who_hears_and_sees_the_operator_is_said_in_a_sentence() {
        let mut view = DeskView::default();
        let call = |phase: &str| {
            json!({"event": "call", "request": "r-1", "phase": phase, "caller": {"number": "4001", "name": "Bob"},
                "callee": {"number": "3002"}})
        };
        let mut senses = |hears: &[&str], sees: &[&str]| {
            view.take(&call("alternated"));
            view.take(
                &json!({"event": "senses", "request": "r-1", "hears_you": hears, "sees_you": sees,
                "you_hear": [], "you_see": []}),
            )
        };
        let both = senses(&["caller"], &["caller"]);
        assert_eq!(both.as_deref(), Some("4001 Bob hears and sees you"));
        assert_eq!(senses(&["caller"], &["caller"]), None, "once is enough");
        let callee = senses(&["callee"], &["caller"]);
        assert_eq!(callee.as_deref(), Some("4001 Bob sees you; 3002 hears you"));
        assert_eq!(senses(&[], &[]).as_deref(), Some("nobody hears or sees you"));
        let other = json!({"event": "senses", "request": "r-2", "hears_you": ["caller"]});
        assert_eq!(view.take(&other), None, "another call's");
    }

    #[test]
    fn the_health_of_whoever_is_there_is_shown() {
        let mut view = DeskView::default();
        view.take(&json!({"event": "call", "request": "r-1", "phase": "with-caller", "caller": {"number": "4001"}}));
        let well = json!({"dialog": "ok", "audio": "ok", "video": "absent"});
        let report = json!({"event": "health", "request": "r-1", "ok": true, "blocking": [], "caller": well,
            "operator": well});
        assert_eq!(view.take(&report).as_deref(), Some("health ok"));
        let health = &view.call.as_ref().expect("a call").health;
        let parties: Vec<_> = health.iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(parties, ["caller", "operator"]);
    }

    #[test]
    fn waiting_calls_stand_in_the_order_of_the_queue() {
        let mut view = DeskView::new("op1");
        view.take(&offer("r-b", 2));
        view.take(&offer("r-a", 1));
        assert_eq!(view.take(&offer("r-a", 1)), None, "nothing changed");
        let order: Vec<_> = view.waiting.iter().map(|waiting| waiting.request.as_str()).collect();
        assert_eq!(order, ["r-a", "r-b"]);
        view.take(&json!({"event": "withdrawn", "request": "r-a", "reason": "taken"}));
        view.take(&json!({"event": "call", "request": "r-b", "phase": "with-caller"}));
        assert!(view.waiting.is_empty());
        assert_eq!(view.call.as_ref().map(|call| call.phase.as_str()), Some("with-caller"));
        view.take(&json!({"event": "call", "request": "r-b", "phase": "ended", "reason": "x"}));
        assert_eq!(view.call, None);
    }

    #[test]
    fn closed_queues_are_known_until_they_open_or_the_switchboard_says_anew() {
        let mut view = DeskView::new("op1");
        let night = |is_night| json!({"event": "queue", "queue": "main", "night": is_night});
        assert_eq!(view.take(&night(false)), None, "by day nothing is new");
        assert_eq!(view.take(&night(true)).as_deref(), Some("queue main night"));
        assert_eq!(view.take(&night(true)), None);
        assert_eq!(view.take(&night(false)).as_deref(), Some("queue main day"));
        view.take(&night(true));
        view.take(&json!({"event": "welcome", "operator": "op1", "phone": "3001"}));
        assert!(view.nights.is_empty());
    }

    #[test]
    fn of_a_switchboard_that_is_gone_nothing_holds_but_the_calls_in_hand() {
        let mut view = DeskView::new("op1");
        view.take(&offer("r-a", 1));
        view.take(&json!({"event": "call", "request": "r-b", "phase": "with-caller"}));
        view.take(&json!({"event": "parked", "request": "r-c", "by": "op2"}));
        view.take(&json!({"event": "queue", "queue": "main", "night": true}));
        view.lose("the line is cut");
        assert!(view.waiting.is_empty() && view.parked.is_empty() && view.nights.is_empty());
        assert_eq!(view.call.map(|call| call.request).as_deref(), Some("r-b"));
    }

    #[test]
    fn a_call_that_is_recorded_says_so() {
        let mut view = DeskView::new("op1");
        let mut event = json!({"event": "call", "request": "r-a", "phase": "with-caller",
               "caller": {"number": "4001"}, "recording": true});
        assert_eq!(view.take(&event).as_deref(), Some("call r-a with-caller 4001 recording"));
        event["recording"] = json!(null);
        assert_eq!(view.take(&event).as_deref(), Some("call r-a with-caller 4001"));
        assert!(view.call.is_some_and(|call| !call.recording));
    }

    #[test]
    fn calls_go_from_the_ear_to_the_hand_and_back() {
        let mut view = DeskView::new("op1");
        let call = |request: &str, phase: &str| json!({"event": "call", "request": request, "phase": phase, "caller": {"number": "4001"}});
        let shown = |view: &DeskView| {
            let held: Vec<_> = view.held.iter().map(|held| held.request.clone()).collect();
            (view.call.as_ref().map(|call| call.request.clone()), held.join(" "))
        };
        view.take(&call("r-a", "with-caller"));
        view.take(&call("r-a", "in-hand"));
        view.take(&call("r-b", "with-caller"));
        assert_eq!(shown(&view), (Some("r-b".into()), "r-a".into()));
        assert_eq!(view.current(), Some("r-b"));
        view.take(&call("r-b", "in-hand"));
        assert_eq!((shown(&view), view.current()), ((None, "r-a r-b".into()), None));
        view.take(&call("r-a", "with-caller"));
        view.take(&call("r-b", "parked"));
        let parked = json!({"event": "parked", "request": "r-b", "by": "op1", "number": "3002",
            "caller": {"number": "4001"}, "since": "2026-11-22T12:53:26Z"});
        assert_eq!(view.take(&parked).as_deref(), Some("parked r-b 4001 by op1"));
        assert_eq!(shown(&view), (Some("r-a".into()), String::new()));
        assert!(!view.has_recall());
        view.take(&json!({"event": "recall", "request": "r-b", "seconds": 60}));
        assert!(view.has_recall() && !view.has_recall());
        view.take(&json!({"event": "withdrawn", "request": "r-b", "reason": "taken"}));
        assert!(view.parked.is_empty(), "another has picked it");
        view.take(&parked);
        view.take(&call("r-b", "ringing-you"));
        assert!(view.parked.is_empty(), "it was picked here");
        view.take(&call("r-b", "ended"));
        view.take(&call("r-a", "ended"));
        assert!(view.parked.is_empty() && view.call.is_none() && view.held.is_empty());
    }

    #[test]
    fn a_connection_that_was_lost_costs_no_call_its_time() {
        let mut view = DeskView::new("op1");
        let call = |request: &str, phase: &str| json!({"event": "call", "request": request, "phase": phase, "caller": {"number": "4001"}});
        let times = |call: &InHand| (call.since.as_secs(), call.began.as_secs());
        view.look(UnixTime::from_secs(10));
        view.take(&call("r-a", "with-caller"));
        view.look(UnixTime::from_secs(20));
        view.take(&call("r-a", "in-hand"));
        view.take(&call("r-b", "with-caller"));
        view.look(UnixTime::from_secs(30));
        view.lose("the line is cut");
        view.look(UnixTime::from_secs(40));
        view.take(&json!({"event": "welcome", "operator": "op1", "phone": "3001"}));
        assert!(view.held.is_empty() && view.call.is_none(), "until it is said anew");
        view.take(&call("r-a", "in-hand"));
        view.take(&call("r-b", "connected"));
        view.take(&json!({"event": "snapshot-end"}));
        assert_eq!(view.held.iter().map(times).collect::<Vec<_>>(), [(20, 10)]);
        assert_eq!(view.call.as_ref().map(times), Some((40, 20)), "its phase is a new one");
        view.take(&call("r-b", "ended"));
        view.take(&call("r-b", "with-caller"));
        assert_eq!(view.call.as_ref().map(times), Some((40, 40)));
    }

    #[test]
    fn who_is_not_of_the_house_is_shown_as_such() {
        let who = |origin: &str| {
            person(&json!({"number": "3001@evil.example", "name": "", "origin": origin}))
        };
        assert_eq!(who("guest"), "3001@evil.example (guest)");
        assert_eq!(who("terminal"), "3001@evil.example");
    }

    #[test]
    fn a_name_cannot_paint_the_screen() {
        let mut event = offer("r-a", 1);
        event["caller"]["name"] = json!("\u{1b}[2J");
        let mut view = DeskView::new("op1");
        assert!(!view.take(&event).is_some_and(|line| line.contains('\u{1b}')));
    }

    #[test]
    fn what_is_unknown_or_odd_changes_nothing() {
        let mut view = DeskView::new("op1");
        for odd in [json!({}), json!([]), json!({"event": 7}), json!({"event": "new-thing"})] {
            assert_eq!(view.take(&odd), None);
        }
        view.take(&json!({"event": "offer", "position": "first", "caller": [], "since": 3}));
        assert_eq!(view.waiting.len(), 1);
    }
}
