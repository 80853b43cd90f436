//! A switchboard without phones: legs are played by the script, and what the switchboard wants of
//! them, of the desks and of the journal comes out as lines.
//!
//! People: 3001 and 3011 are the desk phones of op1 and op2 (op3 has 3021 and no desk), 3002 and 3003
//! insiders of level A, 4001 of level B. At 3005 ring two phones, 3005 and 3005b. 7001 shows the gate.
//! `ada`, `bob` and `eve` call from outside.

mod saving;

use super::day;
use cordboard::acd;
use cordboard::call::admission::{CallOrigin, CallerIdentity};
use cordboard::call::{
    AnsweredBy, Keep, QueueSettings, Recorded, RecordingCommand, SavedCall, SwitchboardContext,
};
use cordboard::cause::Cause;
use cordboard::codec::{Codec, Kind};
use cordboard::desk::results::StoredResult;
use cordboard::dialog::{Body, ServerTx};
use cordboard::directory::{
    self, Accounts, Camera, Directory, NumberingPlan, Operator, OperatorMode, Srtp, Terminal,
    patent_levels,
};
use cordboard::ids::{
    BootNumber, CallId, CameraId, ConnectionId, LegId, LevelId, Number, OperatorId, QueueId,
    RequestId, Ticket, Tickets,
};
use cordboard::leg::{self, Command, EndingSide, LegHealth, LegSenses, LegSource, Quality, Spoken};
use cordboard::locator;
use cordboard::media::{Announcement, Dropped, PromptMessage, WaitingProfileId};
use cordboard::presence;
use cordboard::random::Random;
use cordboard::registrar;
use cordboard::sip::{Flow, NameAddr, Transport, Uri};
use cordboard::switchboard::{
    CallView, Effect, IncomingCall, Input, Machine, Offered, OnRefusal, SetState, Settings,
    WaitingView,
};
use cordboard::time::{Duration, Instant, Now, UnixTime};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The camera at 7001.
pub const GATE: CameraId = CameraId(0);

/// The house and its script's names for things.
pub struct Testbed {
    machine: Machine,
    settings: Settings,
    directory: Directory,
    registrar: registrar::Machine,
    locator: locator::Machine,
    legs: BTreeMap<LegId, String>,
    tickets: Tickets,
    last_leg: u64,
    requests: Vec<String>,
    commands: u64,
    /// The journal answers at once, or when the script says so.
    journal_waits: bool,
    uncommitted: Vec<Ticket>,
    /// INFO that the desks have not answered because the script keeps them silent.
    silent_desks: bool,
    unanswered: Vec<Input>,
    pub kept: Vec<cordboard::call::call_record::CallRecord>,
    /// Callers acknowledge their 200 at once, or when the script says so.
    acknowledge: bool,
    /// Those who called the operators' number.
    waiting: BTreeSet<LegId>,
    /// What guests are not told to have done: the causes of those turned away.
    pub turned_away: Vec<Cause>,
    /// The log.
    pub told: Vec<String>,
    /// What each leg is given.
    given: BTreeMap<LegId, LegSource>,
    /// Legs that are over.
    gone: BTreeSet<LegId>,
    /// Who was called, and for whom: whose INVITE goes on there.
    pub behalves: Vec<(String, String)>,
    /// The calls as they were last saved.
    saved: BTreeMap<CallId, SavedCall>,
    /// How often calls were put back, and how often others went on with them.
    pub put_back: (u64, u64),
    /// How often a call was different.
    changes: u64,
    /// How often the process was started again.
    starts: u64,
    /// The calls as the journal has them, and the results of commands.
    written: BTreeMap<CallId, SavedCall>,
    results: BTreeMap<(OperatorId, String), StoredResult>,
    /// Another switchboard goes on with the calls each time that so many changes have been.
    pub others_each: u64,
    /// The script has phones called once more: what rings is not put back.
    pub called_once_more: bool,
    /// The script says what parties hear and how they do, which no saved call has: none is put back.
    pub measured: bool,
}

fn number(text: &str) -> Number {
    Number::from(text)
}

/// A number of ours, or an address of another domain.
fn address_of(to: &str) -> NameAddr {
    let host = if to.contains('@') { "" } else { "@cordboard.local" };
    NameAddr::new(Uri::parse(&format!("sip:{to}{host}")).unwrap())
}

fn terminal(name: &str, level: &str) -> Terminal {
    Terminal {
        number: number(name),
        name: String::new(),
        level: LevelId::from(level),
        secret: None,
        contact: Some(Uri::parse(&format!("sip:{name}@192.0.2.9:5060")).unwrap()),
        srtp: Srtp::Optional,
    }
}

/// One of the phones of 3005.
fn binding(phone: &str) -> registrar::Binding {
    registrar::Binding {
        number: number("3005"),
        contact: NameAddr::new(Uri::parse(&format!("sip:{phone}@192.0.2.8:5060")).unwrap()),
        path: vec![],
        flow: None,
        call_id: phone.to_owned(),
        cseq: 1,
        since: None,
        expires: UnixTime::from_secs(1_795_000_000) + Duration::from_secs(3600),
        user_agent: String::new(),
        md5_alone: false,
    }
}

fn operator(name: &str, phone: &str, mode: OperatorMode) -> Operator {
    Operator {
        name: OperatorId::from(name),
        phone: number(phone),
        phones: [].into(),
        queues: [QueueId::from("main")].into(),
        mode,
        max_calls: 1,
        secret: None,
    }
}

const ALL: acd::QueueShares = acd::QueueShares::ALL;

impl Testbed {
    pub fn new(answer: AnsweredBy) -> Self {
        Self::with(answer, 100, None, None)
    }

    /// A house whose queue shows the gate.
    pub fn with_a_camera_for_the_queue() -> Self {
        let never = (Recorded::Never, true);
        Self::furnished(AnsweredBy::Queue, (100, None, None), ALL, Some(GATE), never)
    }

    /// A house whose queue records its calls, with pauses or without.
    pub fn that_records(record: Recorded, pauses: bool) -> Self {
        Self::furnished(AnsweredBy::Queue, (100, None, None), ALL, None, (record, pauses))
    }

    pub fn with(
        answer: AnsweredBy,
        waiting_max: usize,
        wait_max: Option<Duration>,
        overflow: Option<&str>,
    ) -> Self {
        let never = (Recorded::Never, true);
        Self::furnished(answer, (waiting_max, wait_max, overflow), ALL, None, never)
    }

    /// A house whose queue has an overflow and other rules.
    pub fn with_rules(answer: AnsweredBy, change: impl FnOnce(&mut acd::QueueRules)) -> Self {
        let mut testbed = Self::with(answer, 100, None, Some("3003"));
        change(&mut testbed.settings.acd.queues[0]);
        testbed.opened()
    }

    /// A house whose queue has stills of who waits, and an overflow at the key `0`.
    pub fn that_shows_stills() -> Self {
        let mut testbed = Self::with(AnsweredBy::Queue, 100, None, Some("3003"));
        testbed.settings.acd.queues[0].exit_key = Some('0');
        testbed.settings.queues.values_mut().for_each(|queue| queue.preview = true);
        testbed.opened()
    }

    /// The same house, opened under the settings that it has now.
    fn opened(mut self) -> Self {
        let (settings, random) = (self.settings.clone(), Random::from_number(1));
        self.machine = Machine::new(settings, random, BootNumber::default(), 0);
        self.give(Instant::START, Input::DirectoryChanged);
        self
    }

    /// A house with ten places in its queue, of which each kind of caller may take some.
    pub fn with_shares(answer: AnsweredBy) -> Self {
        let shares = acd::QueueShares { terminal: 2, trunk: 6, guests: 3, reserve: 1 };
        let never = (Recorded::Never, true);
        Self::furnished(answer, (10, None, Some("3003")), shares, None, never)
    }

    fn furnished(
        answer: AnsweredBy,
        (waiting_max, wait_max, overflow): (usize, Option<Duration>, Option<&str>),
        shares: acd::QueueShares,
        camera: Option<CameraId>,
        (record, record_pauses): (Recorded, bool),
    ) -> Self {
        let main = QueueId::from("main");
        let plan = NumberingPlan {
            realm: "cordboard.local".into(),
            addresses: vec![],
            queues: [(number("9000"), main.clone())].into(),
            trunks: vec![],
            cameras: vec![Camera {
                id: GATE,
                name: "gate".into(),
                number: Some(number("7001")),
                level: LevelId::from("A"),
                display: "Gate".into(),
                viewers_max: 2,
                watch_max: Duration::from_secs(7200),
            }],
            external: LevelId::from("B"),
        };
        let people = ["3001", "3011", "3021", "3002", "3003"];
        let mut terminals: Vec<_> = people.iter().map(|name| terminal(name, "A")).collect();
        terminals.push(terminal("4001", "B"));
        terminals.push(Terminal { contact: None, ..terminal("3009", "A") });
        terminals.push(Terminal { contact: None, ..terminal("3005", "A") });
        let accounts = Accounts {
            terminals,
            levels: patent_levels().into(),
            permits: vec![],
            operators: vec![
                operator("op1", "3001", OperatorMode::Desk),
                operator("op2", "3011", OperatorMode::Desk),
                operator("op3", "3021", OperatorMode::Phone),
            ],
            nights: vec![],
        };
        let queue = QueueSettings {
            number: number("9000"),
            answer,
            ring_time: Duration::from_secs(20),
            ring: false,
            camera,
            record,
            record_pauses,
            preview: false,
            waiting_profile: WaitingProfileId(1),
            announcements: BTreeMap::from([(Announcement::Nobody, Duration::from_millis(3500))]),
        };
        let settings = Settings {
            queues: [(main.clone(), queue)].into(),
            acd: acd::Settings {
                queues: vec![acd::QueueRules {
                    id: main,
                    waiting_max,
                    shares,
                    wait_max,
                    overflow: overflow.map(number),
                    grace: Duration::from_secs(10),
                    exit_key: None,
                    priorities: acd::QueuePriorities::default(),
                    night: acd::NightRules::default(),
                }],
                decline_pause: Duration::from_secs(30),
            },
            presence: presence::Settings {
                lease: Duration::from_secs(20),
                phone_pause: Duration::from_secs(60),
            },
            on_refusal: OnRefusal::Refuse,
            secure_only: false,
            ring_time: Duration::from_secs(30),
            consult_ring_time: Duration::from_secs(30),
            recall: Duration::from_secs(60),
            recordings: "recordings".into(),
            boot: "b1".into(),
        };
        let mut testbed = Self {
            machine: Machine::new(
                settings.clone(),
                Random::from_number(1),
                BootNumber::default(),
                0,
            ),
            settings,
            directory: Directory::new(plan, accounts),
            registrar: registrar::Machine::new(
                registrar::Settings::default(),
                Random::from_number(2),
            ),
            locator: locator::Machine::new(locator::Settings::default()),
            legs: BTreeMap::new(),
            tickets: Tickets::new(BootNumber::default()),
            last_leg: 0,
            requests: vec![],
            commands: 0,
            journal_waits: false,
            uncommitted: vec![],
            silent_desks: false,
            unanswered: vec![],
            kept: vec![],
            acknowledge: true,
            waiting: BTreeSet::new(),
            turned_away: vec![],
            told: vec![],
            given: BTreeMap::new(),
            gone: BTreeSet::new(),
            behalves: vec![],
            saved: BTreeMap::new(),
            put_back: (0, 0),
            changes: 0,
            starts: 0,
            written: BTreeMap::new(),
            results: BTreeMap::new(),
            others_each: 1,
            called_once_more: false,
            measured: false,
        };
        let phones = vec![binding("3005"), binding("3005b")];
        let _ = testbed.registrar.restore(moment(Instant::START), phones, &[]);
        testbed.give(Instant::START, Input::DirectoryChanged);
        testbed
    }

    pub fn views(&self) -> impl Iterator<Item = CallView> {
        self.machine.calls()
    }

    pub fn waiting(&self) -> impl Iterator<Item = WaitingView> {
        self.machine.waiting()
    }

    /// Whether stills of a caller may be seen by an operator.
    pub fn is_shown(&self, request: &str, operator: &str) -> bool {
        let request = RequestId::parse(&self.known(request)).expect("a request");
        self.machine.shown_caller(&OperatorId::from(operator), request).is_some()
    }

    pub fn is_quiet(&self) -> bool {
        self.machine.is_quiet()
    }

    fn give(&mut self, now: Instant, input: Input) -> Vec<String> {
        let now = moment(now);
        let world = SwitchboardContext {
            directory: &self.directory,
            registrar: &self.registrar,
            locator: &self.locator,
            tickets: &self.tickets,
        };
        let effects = self.machine.handle(now, world, input);
        self.save(now);
        self.follow(now, effects)
    }

    /// Renders what the switchboard wants, and plays desks and journal, which answer at once.
    fn follow(&mut self, now: Now, effects: Vec<Effect>) -> Vec<String> {
        let mut lines = Vec::new();
        let mut answers = Vec::new();
        for effect in effects {
            match effect {
                Effect::Leg(command) => lines.extend(self.render(command, &mut answers)),
                Effect::Keep { ticket: Some(ticket), .. } if self.journal_waits => {
                    self.uncommitted.push(ticket);
                }
                Effect::Keep { keep, ticket } => {
                    if let Keep::DeskResult { operator, id, kept } = &keep {
                        self.results.insert((operator.clone(), id.clone()), kept.clone());
                    }
                    if let Keep::Call(record) = keep {
                        self.kept.retain(|kept| kept.call != record.call);
                        self.kept.push(*record);
                    }
                    answers.extend(ticket.map(Input::Committed));
                }
                Effect::Recording(RecordingCommand::Begin { call, path }) => {
                    lines.push(format!("file {path}"));
                    assert!(path.contains(&call.to_string()), "{path} names no {call}");
                }
                Effect::Recording(RecordingCommand::End { call }) => {
                    lines.push(format!("end of the file of {call}"));
                }
                Effect::Change { change, by } => {
                    lines.push(format!("{by}: {change}"));
                    self.directory.apply(&change).unwrap();
                    answers.push(Input::DirectoryChanged);
                }
                Effect::Log(log_event) => self.told.push(log_event.to_string()),
                Effect::TurnedAway { cause, .. } => self.turned_away.push(cause),
            }
        }
        for answer in answers {
            lines.extend(self.give(now.instant, answer));
        }
        lines
    }

    fn name(&self, leg: LegId) -> String {
        self.legs.get(&leg).cloned().unwrap_or_else(|| leg.to_string())
    }

    fn source(&self, source: LegSource) -> String {
        match source {
            LegSource::Leg(leg) => self.name(leg),
            LegSource::Wait(prompt, greeting) => {
                let said = greeting.map(|said| format!(" after {said:?}").to_lowercase());
                let seen = match prompt.message {
                    PromptMessage::Position { number, minutes: None, .. } => {
                        format!("position {number}")
                    }
                    PromptMessage::Position { number, minutes: Some(minutes), .. } => {
                        format!("position {number}, {minutes} min")
                    }
                    other => format!("{other:?}").to_lowercase(),
                };
                seen + &said.unwrap_or_default()
            }
            LegSource::Farewell(_, said) => format!("sorry, {said:?}").to_lowercase(),
            LegSource::WaitCamera(camera, ..) => format!("hold and {camera}"),
            LegSource::Camera(camera) => camera.to_string(),
            LegSource::Told(prompt) => format!("{:?} in silence", prompt.message).to_lowercase(),
            LegSource::RingBack => "ring-back".into(),
            LegSource::Tone(tone) => format!("{tone:?}").to_lowercase(),
            LegSource::Silence => "nothing".into(),
        }
    }

    fn render(&mut self, command: Command, answers: &mut Vec<Input>) -> Option<String> {
        Some(match command {
            Command::Call { leg, call } => {
                let phone = call.target.uri.user().map(|phone| phone.to_string());
                self.legs.insert(leg, phone.unwrap_or_else(|| call.callee.number.clone()));
                self.behalves.push((call.callee.number.clone(), self.name(call.behalf)));
                format!("call {} as {}", call.callee.number, call.caller.number)
            }
            Command::Progress { leg, status, phrase, media } => {
                let media = if media.is_some() { " with media" } else { "" };
                let phrase = if phrase.is_empty() { String::new() } else { format!(" {phrase}") };
                format!("{} <- {status}{phrase}{media}", self.name(leg))
            }
            Command::Answer { leg, choice, .. } => {
                let prefer = choice.prefer.iter().map(|codec| codec.facts().name);
                let prefer = prefer.fold(String::new(), |all, name| format!("{all} {name}"));
                let like = if prefer.is_empty() { "" } else { ", if it can in" };
                if self.acknowledge && self.waiting.contains(&leg) {
                    let spoken = Spoken::default();
                    answers.push(Input::Leg(leg::Event::Confirmed { leg, spoken }));
                }
                format!("{} <- 200{like}{prefer}", self.name(leg))
            }
            Command::AcceptDesk { leg } => {
                answers.push(Input::Leg(leg::Event::Confirmed { leg, spoken: Spoken::default() }));
                return None;
            }
            Command::Refuse { leg, refusal } => {
                format!("{} <- {} {}", self.name(leg), refusal.status, refusal.phrase)
            }
            Command::End { leg, cause } => {
                self.given.remove(&leg);
                self.gone.insert(leg);
                format!("end {}, {}", self.name(leg), cause.word())
            }
            Command::Listen(rows) => {
                for (leg, source) in &rows {
                    if !self.gone.contains(leg) {
                        self.given.insert(*leg, *source);
                    }
                }
                let rows: Vec<String> = rows
                    .into_iter()
                    .map(|(leg, source)| format!("{} gets {}", self.name(leg), self.source(source)))
                    .collect();
                rows.join(", ")
            }
            Command::Info { leg, tag, body, .. } => {
                let answered = Input::Leg(leg::Event::InfoAnswered { leg, tag, status: 200 });
                match self.silent_desks {
                    true => self.unanswered.push(answered),
                    false => answers.push(answered),
                }
                let value: Value = serde_json::from_slice(&body.bytes).unwrap();
                format!("{}: {}", self.name(leg), self.message(&value))
            }
            Command::Respond { leg, status, phrase, .. } => {
                if status == 200 {
                    return None;
                }
                format!("{} <- {status} {phrase}", self.name(leg)).trim_end().to_owned()
            }
            Command::ReferProgress { leg, status } => {
                format!("{} <- NOTIFY {status}", self.name(leg))
            }
            Command::SendDtmf { leg, digit } => format!("{} <- key {digit}", self.name(leg)),
            Command::Align { leg, to } => format!("align {} to {}", self.name(leg), self.name(to)),
            Command::Rekey { leg } => format!("rekey {}", self.name(leg)),
            Command::Probe { leg } => format!("probe {}", self.name(leg)),
            Command::Record { leg, recording: Some(_) } => format!("record {}", self.name(leg)),
            Command::Record { leg, recording: None } => {
                format!("no longer record {}", self.name(leg))
            }
            Command::Preview { leg, on: true } => format!("stills of {}", self.name(leg)),
            Command::Preview { leg, on: false } => format!("no more stills of {}", self.name(leg)),
            Command::RequestKeyFrame { leg } => format!("{} <- key frame?", self.name(leg)),
            Command::Watch { .. } | Command::InterceptDtmf { .. } => return None,
            Command::Identify { leg, party } => {
                format!("{} shows {}", self.name(leg), party.number)
            }
        })
    }

    /// A message to a desk, shortened to what matters.
    fn message(&mut self, value: &Value) -> String {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let request = value["request"].as_str().map(|id| self.request(id)).unwrap_or_default();
        if !value["re"].is_null() {
            let repeat = if value["repeat"] == true { ", again" } else { "" };
            return match value["ok"].as_bool() {
                Some(true) => format!("ok{repeat}"),
                _ => format!("no, {}{repeat}", text("error")),
            };
        }
        match value["event"].as_str().unwrap_or_default() {
            event @ ("offer" | "waiting") => {
                let priority = value["priority"].as_u64();
                let priority = priority.map(|p| format!(", priority {p}")).unwrap_or_default();
                format!(
                    "{event} {request}, {} of {}{priority}",
                    value["position"], value["waiting"]
                )
            }
            "queue" if value["night"] == true => format!("queue {} night", text("queue")),
            "queue" => format!("queue {} day", text("queue")),
            "withdrawn" => format!("withdrawn {request}, {}", text("reason")),
            "call" => {
                let reason = value["reason"].as_str().map(|r| format!(", {r}")).unwrap_or_default();
                let recorded = if value["recording"] == true { ", recorded" } else { "" };
                let serial = if value["serial"] == true { ", serial" } else { "" };
                format!("call {request} {}{recorded}{serial}{reason}", text("phase"))
            }
            "parked" => {
                let wanted = value["number"].as_str().map(|n| format!(", wants {n}"));
                format!("parked {request} by {}{}", text("by"), wanted.unwrap_or_default())
            }
            "recall" => format!("recall {request} after {} s", value["seconds"]),
            "callee" => format!("callee {} {}", text("number"), text("progress")),
            "state" => format!("state {}, phone {}", text("state"), text("phone")),
            "terminal" => format!("terminal {} {}", text("number"), text("state")),
            "senses" => {
                let list = |name: &str, how: &str| {
                    let list = value[name].as_array().into_iter().flatten();
                    let list: Vec<&str> = list.filter_map(Value::as_str).collect();
                    (!list.is_empty()).then(|| format!("{how} {}", list.join(" ")))
                };
                let lists = [
                    list("hears_you", "heard by"),
                    list("you_hear", "hears"),
                    list("sees_you", "seen by"),
                    list("you_see", "sees"),
                ];
                let lists: Vec<String> = lists.into_iter().flatten().collect();
                // Of an ordinary call there is no request.
                let request = match value.get("direct") {
                    Some(_) => {
                        format!("with {}", value["partner"]["number"].as_str().unwrap_or("nobody"))
                    }
                    None => request,
                };
                let request = if lists.is_empty() { format!("{request}, nobody") } else { request };
                format!("senses {request} {}", lists.join(", ")).trim_end().to_owned()
            }
            "health" => {
                let blocking = value["blocking"].as_array().into_iter().flatten();
                let blocking: Vec<&str> = blocking.filter_map(Value::as_str).collect();
                match blocking[..] {
                    [] => "healthy".into(),
                    _ => format!("blocked by {}", blocking.join(" ")),
                }
            }
            event => event.to_owned(),
        }
    }

    /// Requests are r1, r2, … in the order in which they are first heard of.
    fn request(&mut self, id: &str) -> String {
        let at = self.requests.iter().position(|known| known == id).unwrap_or_else(|| {
            self.requests.push(id.to_owned());
            self.requests.len() - 1
        });
        format!("r{}", at + 1)
    }

    /// The id of `r1`, or the word itself.
    fn known(&self, request: &str) -> String {
        let at: usize = request[1..].parse().unwrap_or(usize::MAX);
        let known = self.requests.get(at - 1).cloned();
        known.unwrap_or_else(|| request.to_owned())
    }

    fn desk_phone_of(&self, operator: &str) -> String {
        let account = self.directory.operator(&OperatorId::from(operator));
        account.expect("the script names an operator").phone.to_string()
    }

    fn leg(&self, name: &str) -> LegId {
        let last = self.legs.iter().rev().find(|(_, known)| *known == name);
        *last.unwrap_or_else(|| panic!("nobody is called {name}")).0
    }

    /// Who hears whom.
    pub fn heard(&self) -> Vec<(String, String)> {
        let pair = |(leg, source): (&LegId, &LegSource)| match source {
            LegSource::Leg(other) => Some((self.name(*leg), self.name(*other))),
            _ => None,
        };
        self.given.iter().filter_map(pair).collect()
    }

    /// Whether somebody is in a call, or about to be.
    pub fn is_there(&self, name: &str) -> bool {
        let last = self.legs.iter().rev().find(|(_, known)| *known == name);
        last.is_some_and(|(leg, _)| !self.gone.contains(leg))
    }

    /// Whether somebody hears a person, or music.
    pub fn hears_something(&self, name: &str) -> bool {
        let given = self.given.iter().rev().find(|(leg, _)| self.name(**leg) == name);
        given.is_some_and(|(_, source)| *source != LegSource::Silence)
    }

    fn new_leg(&mut self, name: &str) -> LegId {
        self.last_leg += 2;
        self.legs.insert(LegId(self.last_leg), name.to_owned());
        LegId(self.last_leg)
    }

    fn call(&mut self, now: Instant, who: &str, to: &str, video: bool) -> Vec<String> {
        self.call_in_place(now, who, (to, video), None)
    }

    fn call_in_place(
        &mut self,
        now: Instant,
        who: &str,
        (to, video): (&str, bool),
        replaces: Option<LegId>,
    ) -> Vec<String> {
        let leg = self.new_leg(who);
        // `3002'` is the second call of 3002.
        let who = who.trim_end_matches('\'');
        let is_terminal = self.directory.terminal(&number(who)).is_some();
        let origin = if is_terminal {
            CallOrigin::Terminal(number(who))
        } else {
            CallOrigin::Guest { domain: "elsewhere.example".to_owned() }
        };
        let (number_of, name, params) = (Some(number(who)), String::new(), String::new());
        let identity = CallerIdentity { origin, number: number_of, name, params };
        let remote = "198.51.100.7:5060".parse().unwrap();
        let local = "192.0.2.1:5060".parse().unwrap();
        let connection = ConnectionId(0);
        let flow = Flow { transport: Transport::Udp, local, remote, connection };
        if to == "9000" {
            self.waiting.insert(leg);
        }
        let dialled = number(to);
        let offer = Offered { video, unmet: None, convertible: true };
        let incoming = IncomingCall {
            leg,
            flow,
            identity,
            dialled,
            params: String::new(),
            sips: false,
            no_queue: false,
            offer,
            replaces,
        };
        self.give(now, Input::Incoming(incoming))
    }

    /// `op1: take r1` and its kin, as the JSON that a desk sends.
    fn command(&mut self, now: Instant, operator: &str, words: &[&str]) -> Vec<String> {
        self.commands += 1;
        let id = self.commands.to_string();
        self.command_as(now, operator, &id, words)
    }

    fn command_as(
        &mut self,
        now: Instant,
        operator: &str,
        id: &str,
        words: &[&str],
    ) -> Vec<String> {
        let mut value = json!({"id": id, "do": words[0]});
        // `consult 3002 of r2`, where more than one call is in hand.
        let words = match words {
            [words @ .., "of", request] => {
                value["request"] = self.known(request).into();
                words
            }
            words => words,
        };
        match words {
            ["pick" | "swap", request] => value["request"] = self.known(request).into(),
            ["transfer" | "park", number] => value["number"] = (*number).into(),
            ["serial", "off"] => value["on"] = false.into(),
            ["take" | "decline", request] => {
                value["request"] = self.known(request).into();
            }
            ["consult", number] => value["number"] = (*number).into(),
            ["alternate" | "retrieve", party] => value["party"] = (*party).into(),
            ["release", "force"] => value["force"] = true.into(),
            ["record", "on"] => value["on"] = true.into(),
            ["watch", numbers @ ..] => value["numbers"] = json!(numbers),
            ["record", "off"] => value["on"] = false.into(),
            ["hello", phone] => value["phone"] = (*phone).into(),
            [_] => {}
            other => panic!("no such command: {other:?}"),
        }
        let leg = self.leg(operator);
        let body = Body {
            content_type: "application/vnd.cordboard.desk+json".into(),
            bytes: value.to_string().into_bytes().into(),
        };
        let package = "operator-desk".into();
        let transaction = ServerTx(0);
        self.give(now, Input::Leg(leg::Event::Info { leg, transaction, package, body }))
    }

    fn health(&mut self, now: Instant, who: &str, audio: Quality) -> Vec<String> {
        let leg = self.leg(who);
        let health = LegHealth { dialog: true, audio, ..LegHealth::default() };
        self.give(now, Input::Leg(leg::Event::Health { leg, health }))
    }

    fn on_leg(&mut self, now: Instant, who: &str, words: &[&str]) -> Vec<String> {
        let leg = self.leg(who);
        if let ["hangs", "up"]
        | ["is", "lost"]
        | ["refuses", _]
        | ["forgets", ..]
        | ["has", "no", "keys"] = words
        {
            self.given.remove(&leg);
            self.gone.insert(leg);
        }
        let ended = |by, cause| leg::Event::Ended { leg, cause, by };
        let event = match words {
            ["rings"] => leg::Event::Ringing { leg, status: 180 },
            ["hears", heard, "sees", seen] => {
                let of = |who: &str| (who != "nobody").then(|| self.leg(who));
                let senses = LegSenses { hears: of(heard), sees: of(seen) };
                leg::Event::Senses { leg, senses }
            }
            ["falls", "silent"] => leg::Event::Silent { leg, span: Duration::from_secs(30) },
            ["sends", "rubbish"] => {
                let dropped = Dropped { malformed: 1, ..Dropped::default() };
                leg::Event::Dropped { leg, dropped }
            }
            ["plays"] => leg::Event::EarlyMedia { leg },
            ["plays", "no", "more"] => leg::Event::EarlyMediaOver { leg },
            ["acknowledges"] => leg::Event::Confirmed { leg, spoken: Spoken::default() },
            ["acknowledges", "with", "video"] => {
                let spoken = Spoken { audio: Some(Codec::Pcmu), video: Some(Codec::H264) };
                leg::Event::Confirmed { leg, spoken }
            }
            ["acknowledges", "without", "video"] => {
                let spoken = Spoken { audio: Some(Codec::Pcmu), video: None };
                leg::Event::Confirmed { leg, spoken }
            }
            ["answers", "in", audio] => {
                let audio = Codec::from_rtpmap(Kind::Audio, audio, 8000, 1);
                leg::Event::Answered { leg, spoken: Spoken { audio, video: None } }
            }
            ["answers"] => leg::Event::Answered { leg, spoken: Spoken::default() },
            ["hangs", "up"] => ended(EndingSide::Peer, Cause::NormalClearing),
            ["forgets", "the", "call"] => ended(EndingSide::Peer, Cause::Lost),
            ["was", "not", "saved"] => ended(EndingSide::Us, Cause::Interrupted),
            ["sends", "nothing"] => ended(EndingSide::Us, Cause::MediaStopped),
            ["is", "lost"] => ended(EndingSide::Timer, Cause::Lost),
            ["has", "no", "keys"] => ended(EndingSide::Us, Cause::HandshakeFailed),
            ["refuses", status] => {
                let status: u16 = status.parse().unwrap();
                let cause = Cause::from_status(status);
                let refused = leg::Event::Refused { leg, cause, status, contacts: vec![] };
                let mut lines = self.give(now, Input::Leg(refused));
                let ended = ended(EndingSide::Peer, cause);
                lines.extend(self.give(now, Input::Leg(ended)));
                return lines;
            }
            ["redirects", "to", to] => {
                let contact = address_of(to);
                let refused = leg::Event::Refused {
                    leg,
                    cause: Cause::Declined,
                    status: 302,
                    contacts: vec![contact],
                };
                let mut lines = self.give(now, Input::Leg(refused));
                let ended = ended(EndingSide::Peer, Cause::Declined);
                lines.extend(self.give(now, Input::Leg(ended)));
                return lines;
            }
            ["refers", "to", to] => leg::Event::Referred {
                leg,
                transaction: ServerTx(0),
                refer_to: address_of(to),
                replaces: None,
            },
            ["joins", other] => {
                let replaces = Some(self.leg(other));
                let refer_to = NameAddr::new(Uri::parse("sip:x@cordboard.local").unwrap());
                leg::Event::Referred { leg, transaction: ServerTx(0), refer_to, replaces }
            }
            ["keys", keys] => {
                let keys = keys.replace('h', "#");
                let events = keys.chars().map(|digit| leg::Event::Dtmf { leg, digit });
                let mut lines = Vec::new();
                for event in events.collect::<Vec<_>>() {
                    lines.extend(self.give(now, Input::Leg(event)));
                }
                return lines;
            }
            other => panic!("no such line: {who} {other:?}"),
        };
        self.give(now, Input::Leg(event))
    }
}

impl day::Machine for Testbed {
    fn play(&mut self, now: Instant, words: &[&str]) -> Vec<String> {
        match words {
            [operator, "desk", "up"] => {
                let leg = self.new_leg(operator);
                let operator = OperatorId::from(*operator);
                let desk = Input::Desk { leg, operator, over_udp: true, secure: false };
                self.give(now, desk)
            }
            // What a login says is tested once; elsewhere it is noise.
            [operator, "logs", "in"] => {
                let operator = (*operator).to_owned();
                self.play(now, &[&operator, "desk", "up"]);
                self.command(now, &operator, &["hello"]);
                vec![]
            }
            // Login, call, take and answer: what that says is tested once as well.
            [operator, "talks", "to", caller] => {
                let phone = self.desk_phone_of(operator);
                self.play(now, &[operator, "logs", "in"]);
                self.play(now, &[caller, "calls", "9000"]);
                self.command(now, operator, &["take", "r1"]);
                self.play(now, &[&phone, "answers"]);
                vec![]
            }
            // A caller who comes to the ear beside others.
            [operator, "takes", caller, "too"] => {
                self.play(now, &[caller, "calls", "9000"]);
                let request = format!("r{}", self.requests.len());
                self.command(now, operator, &["take", &request]);
                vec![]
            }
            // And so is a consultation that ends in a hand-over.
            [operator, "hands", caller, "over", "to", number] => {
                self.play(now, &[operator, "talks", "to", caller]);
                self.command(now, operator, &["consult", number]);
                self.play(now, &[number, "answers"]);
                self.command(now, operator, &["release", "force"]);
                vec![]
            }
            ["phones", "are", "called", "once", "more"] => {
                self.called_once_more = true;
                vec![]
            }
            ["media", "are", "measured"] => {
                self.measured = true;
                vec![]
            }
            ["the", "switchboard", "is", "killed"] => self.is_killed(now, false),
            ["the", "journal", "has", "it", "and", "the", "switchboard", "is", "killed"] => {
                self.is_killed(now, true)
            }
            [operator, "is", "gone"] => {
                let operator = OperatorId::from(*operator);
                self.directory.adopt(&[directory::Effect::DropOperator(operator)]);
                vec![]
            }
            ["the", "queue", "is", "gone"] => {
                self.settings.queues.clear();
                self.settings.acd.queues.clear();
                vec![]
            }
            ["ACKs", "are", "lost"] => {
                self.acknowledge = false;
                vec![]
            }
            ["journal", "waits"] => {
                self.journal_waits = true;
                vec![]
            }
            ["journal", "commits"] => {
                let tickets = std::mem::take(&mut self.uncommitted);
                let inputs = tickets.into_iter().map(Input::Committed);
                inputs.flat_map(|input| self.give(now, input)).collect()
            }
            ["journal", "fails"] => {
                let tickets = std::mem::take(&mut self.uncommitted);
                let inputs = tickets.into_iter().map(Input::Unwritten);
                inputs.flat_map(|input| self.give(now, input)).collect()
            }
            [operator, "works", "by", "phone" | "desk"] => {
                let mode = match words[3] {
                    "phone" => OperatorMode::Phone,
                    _ => OperatorMode::Desk,
                };
                let account = self.directory.operator(&OperatorId::from(*operator)).unwrap();
                let account = Operator { mode, ..account.clone() };
                self.directory.adopt(&[directory::Effect::PutOperator(account)]);
                self.give(now, Input::DirectoryChanged)
            }
            [operator, "is", "removed"] => {
                let operator = OperatorId::from(*operator);
                self.directory.adopt(&[directory::Effect::DropOperator(operator)]);
                self.give(now, Input::DirectoryChanged)
            }
            [operator, "has", "phone", phone] => {
                let account = self.directory.operator(&OperatorId::from(*operator)).unwrap();
                let account = Operator { phone: number(phone), ..account.clone() };
                self.directory.adopt(&[directory::Effect::PutOperator(account)]);
                self.give(now, Input::DirectoryChanged)
            }
            [phone, "registers", "at", contact] => {
                let binding = registrar::Binding { number: number(phone), ..binding(contact) };
                let _ = self.registrar.restore(moment(now), vec![binding], &[]);
                self.give(now, Input::Registered(number(phone)))
            }
            [phone, "registers"] => self.give(now, Input::Registered(number(phone))),
            [operator, "may", "have", max, "calls" | "call"] => {
                let account = self.directory.operator(&OperatorId::from(*operator)).unwrap();
                let account = Operator { max_calls: max.parse().unwrap(), ..account.clone() };
                self.directory.adopt(&[directory::Effect::PutOperator(account)]);
                self.give(now, Input::DirectoryChanged)
            }
            ["one", "place", "and", "5s", "to", "ring"] => {
                let mut settings = self.settings.clone();
                settings.acd.queues[0].waiting_max = 1;
                for queue in settings.queues.values_mut() {
                    queue.ring_time = Duration::from_secs(5);
                }
                self.machine.adjust(settings);
                vec![]
            }
            [time, "to", "ring", "for", "phones", "and", consulted, "for", "consulted"] => {
                let mut settings = self.settings.clone();
                settings.ring_time = seconds(time);
                settings.consult_ring_time = seconds(consulted);
                self.machine.adjust(settings);
                vec![]
            }
            ["offers", "ring", "at", "phones", "too"] => {
                let mut settings = self.settings.clone();
                settings.queues.values_mut().for_each(|queue| queue.ring = true);
                self.machine.adjust(settings);
                vec![]
            }
            ["night", "is", "switched", how] => {
                let (queue, switch) = (QueueId::from("main"), how.parse().unwrap());
                let change = directory::DirectoryChange::SetNight { queue, switch };
                self.directory.apply(&change).unwrap();
                self.give(now, Input::DirectoryChanged)
            }
            [operator, "is", "set", state] => {
                let operator = OperatorId::from(*operator);
                let state = match *state {
                    "ready" => SetState::Ready,
                    "dnd" => SetState::Dnd,
                    _ => SetState::Out,
                };
                self.give(now, Input::SetState { operator, state })
            }
            ["disk", "full"] => {
                let call = self.kept.last().unwrap().call;
                self.give(now, Input::RecordingFailed { call, text: "no space".into() })
            }
            ["disk", "nearly", "full"] => self.give(now, Input::RecordingRoom(false)),
            ["disk", "has", "room"] => self.give(now, Input::RecordingRoom(true)),
            ["desks", "fall", "silent"] => {
                self.silent_desks = true;
                vec![]
            }
            ["desks", "speak", "again"] => {
                self.silent_desks = false;
                let unanswered = std::mem::take(&mut self.unanswered);
                unanswered.into_iter().flat_map(|info| self.give(now, info)).collect()
            }
            ["all", "is", "well"] => vec![],
            ["all", "is", "quiet"] => {
                assert!(self.is_quiet(), "something is left");
                vec![]
            }
            [who, "calls", to] => self.call(now, who, to, true),
            [who, "replaces", other] => {
                let replaced = Some(self.leg(other));
                self.call_in_place(now, who, (other, true), replaced)
            }
            [who, "calls", to, "without", "video"] => self.call(now, who, to, false),
            ["3002", "unhealthy"] | ["ada", "unhealthy"] => {
                self.health(now, words[0], Quality::None)
            }
            [who, "healthy"] => self.health(now, who, Quality::Ok),
            [who, "repeats", id, command @ ..] => self.command_as(now, who, id, command),
            [who, command @ ..] if who.ends_with(':') => {
                self.command(now, who.trim_end_matches(':'), command)
            }
            [who, what @ ..] => self.on_leg(now, who, what),
            [] => vec![],
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.machine.deadline()
    }

    fn tick(&mut self, now: Instant) -> Vec<String> {
        let now = moment(now);
        let world = SwitchboardContext {
            directory: &self.directory,
            registrar: &self.registrar,
            locator: &self.locator,
            tickets: &self.tickets,
        };
        let effects = self.machine.tick(now, world);
        self.save(now);
        self.follow(now, effects)
    }
}

/// `5s`.
fn seconds(text: &str) -> Duration {
    Duration::from_secs(text.trim_end_matches('s').parse().unwrap())
}

fn moment(instant: Instant) -> Now {
    let unix = UnixTime::from_secs(1_795_000_000) + Duration::from_micros(instant.as_micros());
    Now { instant, unix }
}
