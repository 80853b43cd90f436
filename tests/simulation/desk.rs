//! Desks: commands at random, now and then sensible ones, and a memory of what the house has said.

use super::network::Event;
use super::phone::{Purpose, State};
use super::world::World;
use cordboard::sip::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const HEADERS: &str =
    "Info-Package: operator-desk\r\nContent-Type: application/vnd.cordboard.desk+json\r\n";
/// Whom operators consult; the last two do not exist or are no partner.
const WANTED: [&str; 12] = [
    "2001", "2002", "2003", "2004", "2005", "2006", "2007", "2008", "2009", "2010", "2999", "9000",
];
/// Desks that are not hung up stay so long after the last call.
const STAY: Duration = Duration::from_secs(150);

/// One operator's desk, as its console knows it.
#[derive(Debug, Default)]
pub struct Desk {
    dialog: Option<u32>,
    hello: bool,
    offers: BTreeSet<String>,
    /// By request, the phase.
    calls: BTreeMap<String, String>,
    parked: BTreeSet<String>,
    seq: u64,
    commands: BTreeMap<String, Command>,
    /// A command whose SIP answer is still to come.
    unanswered: bool,
    commands_made: u64,
}

#[derive(Debug)]
struct Command {
    dialog: u32,
    verb: String,
    request: String,
    resolved: bool,
}

impl World {
    pub fn desk_calls(&mut self, desk: usize, phone: usize) {
        if self.desks_go_home() {
            return;
        }
        if self.desks[desk].dialog.is_none() || self.percent(30) {
            self.call(phone, Purpose::Desk, "desk", "Recv-Info: operator-desk\r\n");
        }
    }

    pub fn on_desk_up(&mut self, id: u32) {
        let Some(at) = self.desk_of(id) else { return };
        // The result of a command may come on the operator's next dialog.
        let Desk { commands, commands_made, .. } = std::mem::take(&mut self.desks[at]);
        self.desks[at] = Desk { dialog: Some(id), commands, commands_made, ..Desk::default() };
        self.after(0, 300, Event::Desk(at, id));
    }

    pub fn on_desk_over(&mut self, id: u32) {
        let Some(at) = self.desk_of(id) else { return };
        let phone = self.dialog(id).phone;
        if self.desks[at].dialog == Some(id) {
            self.desks[at].dialog = None;
        }
        self.after(200, 14_000, Event::Live(phone));
    }

    fn desk_of(&self, id: u32) -> Option<usize> {
        let phone = self.dialogs[id as usize].phone;
        match self.phones[phone].person {
            super::phone::Person::Desk(at) => Some(at),
            _ => None,
        }
    }

    fn desks_go_home(&self) -> bool {
        self.closing.is_some_and(|since| self.now.instant >= since + STAY)
    }

    // ---- what a desk does ----

    pub fn desk_acts(&mut self, at: usize, id: u32) {
        if self.desks[at].dialog != Some(id) || self.dialog(id).state != State::Up {
            return;
        }
        if self.desks_go_home() {
            return self.hang_up(id);
        }
        self.after(100, 1_200, Event::Desk(at, id));
        if self.desks[at].unanswered {
            return;
        }
        if self.closing.is_none() {
            match self.chance.below(1_000) {
                0..4 => return self.desk_is_lost(at, id),
                4..8 => return self.hang_up(id),
                8..11 => {
                    let phone = self.dialog(id).phone;
                    return self.after(0, 10, Event::Live(phone));
                }
                _ => {}
            }
        }
        if let Some(command) = self.choose(at) {
            self.command(at, id, command);
        }
    }

    /// The machine under the desk is switched off.
    fn desk_is_lost(&mut self, at: usize, id: u32) {
        self.note(format!("c{id}: the desk of {at} falls silent"));
        let silent = self.percent(70);
        self.dialog(id).silent = silent;
        self.dialog(id).state = State::Over;
        self.desks[at].dialog = None;
        self.on_desk_over(id);
    }

    fn choose(&mut self, at: usize) -> Option<Value> {
        let dice = self.chance.below(100);
        let desk = &self.desks[at];
        if !desk.hello {
            return Some(json!({"do": "hello"}));
        }
        let closing = self.closing.is_some();
        let (calls, parked) = (desk.calls.clone(), desk.parked.clone());
        let any = self.chance.below(calls.len().max(1) as u64) as usize;
        let call = calls.iter().nth(any);
        let phase = call.map(|(_, phase)| phase.clone());
        let wanted = WANTED[self.chance.below(WANTED.len() as u64) as usize];
        // Most name their call; where there is one, that is not asked for.
        let named = self.percent(80);
        let request = call.map(|(request, _)| request.clone()).filter(|_| named);
        let of = |mut value: Value| {
            if let Some(request) = &request {
                value["request"] = request.clone().into();
            }
            Some(value)
        };
        let simple = |verb: &str| of(json!({"do": verb}));
        if closing && phase.is_some() {
            return simple("hangup");
        }
        if dice >= 90
            && let Some(parked) = parked.first()
        {
            return Some(json!({"do": "pick", "request": parked}));
        }
        if dice >= 75 && !self.desks[at].offers.is_empty() {
            return self.choose_offer(at, dice - 30);
        }
        match (phase.as_deref(), dice) {
            (_, 0) => simple("dnd"),
            (_, 1..4) => simple("ready"),
            (_, 4) => simple("ping"),
            (_, 5) => Some(json!({"do": "find", "text": "200"})),
            (_, 6) => simple("hello"),
            (_, 7) => simple("retrieve"),
            (_, 8) => simple("connect"),
            (_, 9) => of(json!({"do": "alternate", "party": "callee"})),
            (_, 10..12) => simple("swap"),
            (_, 12) => Some(json!({"do": "swap"})),
            (_, 13) => simple("park"),
            (_, 14) => simple("serial"),
            (None, _) => self.choose_offer(at, dice),
            (Some("ringing-you"), 15..18) => simple("cancel"),
            (Some("with-caller" | "in-hand"), 15..20) => {
                of(json!({"do": "park", "number": wanted}))
            }
            (Some("with-caller" | "in-hand"), 20..28) => {
                of(json!({"do": "transfer", "number": wanted}))
            }
            (Some("with-caller"), 28..60) => of(json!({"do": "consult", "number": wanted})),
            (Some("with-caller"), 60..70) => simple("hangup"),
            (Some("in-hand"), 28..50) => simple("swap"),
            (Some("in-hand"), 50..55) => simple("hangup"),
            (Some("handing-over"), 15..30) => simple("cancel"),
            (Some("handing-over"), 30..40) => of(json!({"do": "release", "force": true})),
            (Some("consulting"), 10..20) => simple("cancel"),
            (Some("talking-to-callee" | "alternated"), 10..60) => of(match dice {
                10..25 => json!({"do": "alternate", "party": "caller"}),
                25..30 => json!({"do": "cancel"}),
                30..45 => json!({"do": "connect"}),
                _ => json!({"do": "release"}),
            }),
            (Some("connected"), 10..60) => of(match dice {
                10..20 => json!({"do": "retrieve", "party": "caller"}),
                20..30 => json!({"do": "retrieve", "party": "callee"}),
                30..50 => json!({"do": "release"}),
                _ => json!({"do": "release", "force": true}),
            }),
            (Some(_), 97..) => simple("hangup"),
            (Some(_), _) => None,
        }
    }

    fn choose_offer(&mut self, at: usize, dice: u64) -> Option<Value> {
        let desk = &self.desks[at];
        let offers = desk.offers.len() as u64;
        if offers == 0 || self.closing.is_some() {
            return None;
        }
        let which = self.chance.below(offers) as usize;
        let request = self.desks[at].offers.iter().nth(which).cloned();
        match dice {
            10..80 => Some(json!({"do": "take", "request": request})),
            80..88 => Some(json!({"do": "decline", "request": request})),
            _ => None,
        }
    }

    fn command(&mut self, at: usize, id: u32, mut value: Value) {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let command =
            Command { dialog: id, verb: text("do"), request: text("request"), resolved: false };
        let desk = &mut self.desks[at];
        desk.commands_made += 1;
        let name = format!("d{at}-{}", desk.commands_made);
        value["id"] = name.clone().into();
        desk.commands.insert(name, command);
        desk.unanswered = true;
        self.request(id, Method::INFO, HEADERS, &value.to_string());
    }

    /// The SIP answer to a command, or to a key.
    pub fn on_info_answered(&mut self, id: u32, status: u16) {
        let Some(at) = self.desk_of(id).filter(|at| self.desks[*at].dialog == Some(id)) else {
            return;
        };
        self.desks[at].unanswered = false;
        match status {
            200 | 503 => {}
            481 | 408 => self.over(id),
            other => self.fail(format!("c{id}: a good command was answered {other}"), &[id]),
        }
    }

    // ---- what a desk is told ----

    pub fn on_desk_message(&mut self, id: u32, body: &[u8]) {
        let Some(at) = self.desk_of(id).filter(|at| self.desks[*at].dialog == Some(id)) else {
            return;
        };
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return self.fail(format!("c{id}: a message that is no JSON"), &[id]);
        };
        if value["re"].is_null() {
            return self.on_event(at, id, &value);
        }
        let name = value["re"].as_str().unwrap_or_default();
        let Some(command) = self.desks[at].commands.get_mut(name) else {
            return self.fail(format!("c{id}: a result of no command: {value}"), &[id]);
        };
        if std::mem::replace(&mut command.resolved, true) {
            return self.fail(format!("c{id}: a second result: {value}"), &[id]);
        }
        let (verb, request) = (command.verb.clone(), command.request.clone());
        let granted = value["ok"] == true;
        match (verb.as_str(), granted) {
            ("hello", true) => self.desks[at].hello = true,
            ("take" | "pick", true) => self.judge_take(at, &request, id),
            ("take", false) => {
                self.desks[at].offers.remove(&request);
            }
            _ => {}
        }
        let may_fail = self.day.trouble && matches!(verb.as_str(), "take" | "pick" | "release");
        if value["error"] == "internal" && !may_fail {
            self.fail(format!("c{id}: {value}"), &[id]);
        }
    }

    fn on_event(&mut self, at: usize, id: u32, value: &Value) {
        let desk = &mut self.desks[at];
        let seq = value["seq"].as_u64().unwrap_or_default();
        if seq != desk.seq + 1 {
            let what = format!("c{id}: event {seq} follows event {}", desk.seq);
            return self.fail(what, &[id]);
        }
        desk.seq = seq;
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let request = text("request");
        match value["event"].as_str().unwrap_or_default() {
            "offer" => {
                desk.offers.insert(request);
            }
            "withdrawn" => {
                desk.offers.remove(&request);
                desk.parked.remove(&request);
            }
            "parked" => {
                desk.parked.insert(request);
            }
            "welcome" => {
                desk.offers.clear();
                desk.calls.clear();
                desk.parked.clear();
            }
            "call" => {
                desk.offers.remove(&request);
                let phase = text("phase");
                match phase.as_str() {
                    "ended" | "parked" | "serial" => desk.calls.remove(&request),
                    _ => desk.calls.insert(request, phase),
                };
            }
            _ => {}
        }
    }

    /// Commands of desks that are still there and that nobody has answered.
    pub fn unresolved(&self) -> Option<(u32, String)> {
        self.desks.iter().find_map(|desk| {
            let id = desk.dialog?;
            let mut own = desk.commands.iter().filter(|(_, command)| command.dialog == id);
            let (name, command) = own.find(|(_, command)| !command.resolved)?;
            Some((id, format!("{name} {}", command.verb)))
        })
    }
}
