//! A house with calls of every kind, killed again and again at random moments: each call goes on where it was, and whoever
//! hears whom does so again.
//!
//! ```text
//!   guest ─── waits ───┐                      direct      3008 ═══════════ 3009
//!   guest ─── waits ───┤                      ringing     3010 ─ ─ ─ ─ ─ ─ 3007
//!   guest ─── taken ───┼─── op1  at 3001      consulting  guest ─ op2 at 3003 ═ 3002
//!                      │                      connected   guest ═══════════ 3005, op3 at 3004 has not left
//!      killed while one takes, alternates,    handed over guest ═══════════ 3006
//!      holds, calls or hangs up
//! ```
//!
//! What has been so for 50 ms, and is written, goes on. What happens in the moment of the kill may be as if it had not happened: a call that
//! was just being answered may be gone, and a phone that has just answered may be forgotten, so that the caller whom its
//! operator has taken is the first in the queue again. A take whose result the desk has got is never undone otherwise.
//!
//! `CORDBOARD_SEED=7` plays again what failed, `CORDBOARD_KILLS=100` a longer one. All that is counted has to be 0.

mod checks;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::desk::{self, Desk};
use crate::switchboard::Switchboard;
use crate::talker::Talker;
use crate::wait;

const KILLS: u64 = 25;
const PATIENCE: Duration = Duration::from_secs(8);
/// The server is killed within so long after the beginning of a step.
const MOMENTS_MICROS: u64 = 50_000;
/// What is so for so long outlives the process.
const WRITTEN_WITHIN: Duration = Duration::from_millis(50);
/// What comes later than this after a kill was sent by the next process.
const IN_FLIGHT: Duration = Duration::from_millis(10);
/// What is not answered comes again by then.
const ASKED_AGAIN: Duration = Duration::from_secs(1);
const WAITING: usize = 3;
/// A stream goes on ahead by less than this.
const AHEAD_MAX: u16 = 3_000;
const CONFIGURATION: &str =
    "[sip]\nring_time = \"3m\"\n[limits]\nguest_calls = 100\n[desk]\nlease = \"30s\"\n";

#[test]
fn a_house_that_is_killed_again_and_again_loses_nothing() {
    let setting = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let by_clock =
        || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |d| d.as_millis() as u64);
    let seed: u64 = setting("CORDBOARD_SEED").unwrap_or_else(by_clock);
    let kills = setting("CORDBOARD_KILLS").unwrap_or(KILLS);
    println!("CORDBOARD_SEED={seed} CORDBOARD_KILLS={kills}");
    let mut house = House::open(Chance(seed));
    for _ in 0..kills {
        house.kill();
        if house.lost.any() {
            break;
        }
    }
    house.ends();
    println!("{}", house.report());
    assert!(!house.lost.any(), "CORDBOARD_SEED={seed}:\n{}", house.lost.words.join("\n"));
}

/// Numbers by splitmix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// Whom a talker gets to hear.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Hears {
    Talker(u8),
    Music,
    /// Nobody: it rings, or has left the two alone.
    Nobody,
}

/// What was lost, each with what is told of it.
#[derive(Default)]
struct Lost {
    calls: usize,
    places: usize,
    registrations: usize,
    records: usize,
    takes: usize,
    voices: usize,
    words: Vec<String>,
}

impl Lost {
    fn any(&self) -> bool {
        !self.words.is_empty()
    }
}

/// What goes on while the server is killed.
enum Step {
    Nothing,
    Take {
        guest: String,
        request: Value,
        id: String,
    },
    Alternate {
        to: &'static str,
        id: String,
    },
    /// A call that comes, goes, is held or goes on; what the talker is told.
    Asks {
        who: String,
        what: Asks,
        told: JoinHandle<u16>,
    },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Asks {
    Call,
    HangUp,
    Hold,
}

struct House {
    chance: Chance,
    desks: Vec<Desk>,
    talkers: BTreeMap<String, Arc<Talker>>,
    /// By the name of its caller, in which phase a call has to be.
    phases: BTreeMap<String, &'static str>,
    hears: BTreeMap<String, Hears>,
    /// Who waits, in their order, and since when.
    queue: Vec<String>,
    since: BTreeMap<String, Value>,
    /// Whom op1 has in hand, and to whom op2 talks.
    taken: Option<String>,
    op2_talks_to: &'static str,
    /// The last packet that each has got of a voice.
    streams: BTreeMap<String, (u32, u16)>,
    ringing: Option<JoinHandle<u16>>,
    calls: usize,
    kills: usize,
    takes: usize,
    /// What the moment of a kill has undone: takes whose phone was forgotten, phones of them that
    /// nobody told, calls, and ends of calls.
    back: usize,
    zombies: Cell<usize>,
    unborn: usize,
    undone: usize,
    checked: usize,
    gaps: Vec<u128>,
    written: Vec<u128>,
    steps: BTreeMap<&'static str, usize>,
    lost: Lost,
    // Dropped after those who talk with it.
    board: Switchboard,
}

impl House {
    fn open(chance: Chance) -> House {
        let board = Switchboard::open_with(CONFIGURATION);
        for number in 3004..=3010 {
            board.cli(&format!("terminal add {number} --name N --level A --password se.cret"));
        }
        board.cli("operator add op3 --phone 3004 --password se.cret");
        let mut house = House {
            chance,
            desks: Vec::new(),
            talkers: BTreeMap::new(),
            phases: BTreeMap::new(),
            hears: BTreeMap::new(),
            queue: Vec::new(),
            since: BTreeMap::new(),
            taken: None,
            op2_talks_to: "callee",
            streams: BTreeMap::new(),
            ringing: None,
            calls: 0,
            kills: 0,
            takes: 0,
            back: 0,
            zombies: Cell::new(0),
            unborn: 0,
            undone: 0,
            checked: 0,
            gaps: Vec::new(),
            written: Vec::new(),
            steps: BTreeMap::new(),
            lost: Lost::default(),
            board,
        };
        for number in 3001..=3010 {
            house.talker(&number.to_string()).registers();
        }
        house.begins();
        house
    }

    /// A call of each kind.
    fn begins(&mut self) {
        self.desks.push(self.board.desk("op3"));
        let [handed_over, connected, consulting] = [0; 3].map(|_| self.guest());
        self.connects(0, &handed_over, "3006");
        self.desks[0].does("release", json!({ "force": true }));
        self.desks[0].event_where("state", |state| state["state"] == "idle");
        self.phases.insert(handed_over.clone(), "talking");
        self.connects(0, &connected, "3005");
        self.phases.insert(connected.clone(), "connected");
        self.hears.insert("3004".into(), Hears::Nobody);
        self.desks.insert(0, self.board.desk("op2"));
        self.takes(0, &consulting);
        self.desks[0].does("consult", json!({ "number": "3002" }));
        self.desks[0].phase("talking-to-callee");
        self.phases.insert(consulting.clone(), "talking-to-callee");
        self.hears.insert(consulting, Hears::Music);
        self.talk("3003", "3002");
        self.desks.insert(0, self.board.desk("op1"));
        assert_eq!(self.talker("3008").calls("3009"), 200);
        self.calls += 2;
        self.phases.insert("3008".into(), "talking");
        self.talk("3008", "3009");
        let (caller, rings) = (self.talker("3010"), self.talker("3007"));
        rings.waits_to_answer();
        self.ringing = Some(std::thread::spawn(move || caller.calls("3007")));
        wait::until("3007 to ring", PATIENCE, || rings.is_ringing().then_some(()));
        self.phases.insert("3010".into(), "direct-ringing");
        for _ in 0..WAITING {
            let guest = self.guest();
            self.waits(&guest);
        }
        self.check(&self.hears.clone(), Instant::now(), false);
        self.is_written();
    }

    fn talker(&mut self, name: &str) -> Arc<Talker> {
        let mark = 0x11 + self.talkers.len() as u8;
        let board = &self.board;
        let start = || {
            Arc::new(Talker::at(name, mark, board.place.next_address(), board.place.switchboard()))
        };
        Arc::clone(self.talkers.entry(name.to_owned()).or_insert_with(start))
    }

    /// A guest who is in no call; the name.
    fn guest(&mut self) -> String {
        let is_free =
            |name: &&String| name.starts_with("guest") && !self.phases.contains_key(*name);
        let known =
            self.talkers.keys().filter(is_free).find(|name| !self.hears.contains_key(*name));
        let name = known.cloned().unwrap_or_else(|| format!("guest{}", self.talkers.len()));
        self.hears.insert(name.clone(), Hears::Music);
        self.talker(&name);
        name
    }

    /// That guest calls the queue.
    fn waits(&mut self, guest: &str) {
        assert_eq!(self.talkers[guest].calls("9000"), 200, "{guest} calls");
        self.is_waiting(guest);
    }

    fn is_waiting(&mut self, guest: &str) {
        self.calls += 1;
        self.queue.push(guest.to_owned());
        self.phases.insert(guest.to_owned(), "queued");
        self.hears.insert(guest.to_owned(), Hears::Music);
    }

    fn takes(&mut self, desk: usize, guest: &str) {
        self.waits(guest);
        self.queue.retain(|waits| waits != guest);
        let offer = self.desks[desk].event("offer");
        self.desks[desk].does("take", json!({ "request": offer["request"] }));
        self.desks[desk].phase("with-caller");
    }

    fn connects(&mut self, desk: usize, guest: &str, callee: &str) {
        self.takes(desk, guest);
        self.desks[desk].does("consult", json!({ "number": callee }));
        self.desks[desk].phase("talking-to-callee");
        self.desks[desk].does("connect", json!({}));
        self.desks[desk].phase("connected");
        self.talk(guest, callee);
    }

    /// These two hear each other.
    fn talk(&mut self, one: &str, other: &str) {
        let [a, b] = [one, other].map(|name| self.talkers[name].mark);
        self.hears.insert(one.to_owned(), Hears::Talker(b));
        self.hears.insert(other.to_owned(), Hears::Talker(a));
    }

    // ---- one kill ----

    fn kill(&mut self) {
        let before = self.hears.clone();
        let step = self.begin();
        std::thread::sleep(Duration::from_micros(self.chance.below(MOMENTS_MICROS)));
        let confirmed = match &step {
            Step::Take { id, .. } => {
                self.desks[0].result(id).is_some_and(|said| said["ok"] == true)
            }
            _ => false,
        };
        let killed = self.board.crash_and_restart_hours_later();
        self.kills += 1;
        self.desks_come_back();
        self.complete(step, confirmed);
        self.check(&before, killed, true);
        while self.queue.len() < WAITING && !self.lost.any() {
            let guest = self.guest();
            self.waits(&guest);
        }
        self.is_written();
    }

    /// All that is so is in the journal: a change that is confirmed stands behind it. How long that takes is the disk's
    /// affair.
    fn is_written(&mut self) {
        std::thread::sleep(WRITTEN_WITHIN);
        let begun = Instant::now();
        self.board.cli(&format!("terminal set 3007 --name N{}", self.kills));
        self.written.push(begun.elapsed().as_millis());
    }

    fn begin(&mut self) -> Step {
        self.since =
            self.queue_rows().into_iter().map(|(name, row)| (name, row["since"].clone())).collect();
        let id = format!("over-a-kill-{}", self.kills);
        let (step, name) = match (self.chance.below(7), self.taken.clone()) {
            (0, _) => (Step::Nothing, "nothing"),
            (1, _) => {
                let to = if self.op2_talks_to == "callee" { "caller" } else { "callee" };
                self.desks[1].says(&id, "alternate", json!({ "party": to }));
                (Step::Alternate { to, id }, "alternate")
            }
            (2, _) => (self.asks("3008".into(), Asks::Hold), "hold"),
            (3, _) => {
                let guest = self.guest();
                (self.asks(guest, Asks::Call), "call")
            }
            (_, Some(guest)) => (self.asks(guest, Asks::HangUp), "hang up"),
            // Whose phone was busy is offered that caller again after a while.
            (_, None) if !self.is_offered() => (Step::Nothing, "nothing"),
            (_, None) => {
                let guest = self.queue[0].clone();
                let request = self.queue_rows()[0].1["request"].clone();
                self.desks[0].says(&id, "take", json!({ "request": request }));
                self.takes += 1;
                (Step::Take { guest, request, id }, "take")
            }
        };
        *self.steps.entry(name).or_default() += 1;
        step
    }

    /// Whether op1 has an offer of whoever is the first.
    fn is_offered(&self) -> bool {
        let request = self.queue_rows()[0].1["request"].clone();
        let said = self.desks[0].messages();
        said.iter().any(|said| said["event"] == "offer" && said["request"] == request)
    }

    fn asks(&mut self, who: String, what: Asks) -> Step {
        let talker = Arc::clone(&self.talkers[&who]);
        let told = std::thread::spawn(move || match what {
            Asks::Call => talker.calls("9000"),
            Asks::HangUp => talker.hangs_up(),
            Asks::Hold => talker.offers("sendonly"),
        });
        Step::Asks { who, what, told }
    }

    /// Each desk is told that its dialog is over, and calls again from where it was.
    fn desks_come_back(&mut self) {
        for old in std::mem::take(&mut self.desks) {
            if !old.has_received("BYE", PATIENCE) {
                self.lost.words.push(format!("the desk of {} is not told of the end", old.name));
            }
            let (name, from) = (old.name.clone(), old.local());
            drop(old);
            self.desks.push(desk::over_udp(&name, from, self.board.place.switchboard()));
        }
    }

    fn complete(&mut self, step: Step, confirmed: bool) {
        match step {
            Step::Nothing => {}
            Step::Take { guest, request, id } => {
                let result = self.desks[0].command_as(&id, "take", json!({ "request": request }));
                if result["ok"] != true {
                    self.lost.takes += 1;
                    self.lost.words.push(format!("take (confirmed: {confirmed}): {result}"));
                    return;
                }
                if self.is_back(&guest) {
                    self.back += 1;
                    return;
                }
                self.queue.retain(|waits| *waits != guest);
                self.phases.insert(guest.clone(), "with-caller");
                self.talk(&guest, "3001");
                self.taken = Some(guest);
            }
            Step::Alternate { to, id } => {
                let result = self.desks[1].command_as(&id, "alternate", json!({ "party": to }));
                if result["ok"] != true {
                    self.lost.words.push(format!("alternate to {to}: {result}"));
                    return;
                }
                self.op2_talks_to = to;
                let is_phase = |(_, phase): &(&String, &&str)| {
                    ["talking-to-callee", "alternated"].contains(*phase)
                };
                let guest = self.phases.iter().find(is_phase).expect("op2 has one").0.clone();
                let (at_ear, waits, phase) = match to {
                    "caller" => (guest.clone(), "3002".to_owned(), "alternated"),
                    _ => ("3002".to_owned(), guest.clone(), "talking-to-callee"),
                };
                self.phases.insert(guest, phase);
                self.talk("3003", &at_ear);
                self.hears.insert(waits, Hears::Music);
            }
            Step::Asks { who, what, told } => {
                let status = told.join().expect("it was answered");
                match what {
                    // Where the answer was lost with the process, the call is over and nobody knows of it.
                    Asks::HangUp if status == 200 || status == 481 => {
                        self.is_heard_to_be_gone(&who);
                        self.is_hung_up(&who);
                    }
                    Asks::Call if self.is_unborn(&who, status) => {}
                    Asks::Call => self.is_waiting(&who),
                    Asks::Hold if status == 200 => {
                        let status = self.talkers[&who].offers("sendrecv");
                        if status != 200 {
                            self.lost.words.push(format!("{who} is back from its hold: {status}"));
                        }
                    }
                    _ => self.lost.words.push(format!("{who}: {what:?}: {status}")),
                }
            }
        }
    }

    /// The phone had answered in the moment of the kill: it is called anew, is busy with what is forgotten, and the
    /// caller is the first in the queue again. Whoever sits there hangs up.
    fn is_back(&self, guest: &str) -> bool {
        let settled = wait::within(PATIENCE, || {
            let row =
                self.listing("calls").into_iter().find(|row| name_of(&row["caller"]) == guest)?;
            let is_back =
                row["phase"] == "queued" && self.board.log().contains("the phone of op1: Busy");
            (is_back || row["phase"] == "with-caller").then_some(is_back)
        });
        let is_back = settled == Some(true);
        let phone = &self.talkers["3001"];
        // Its 200 comes again where nobody has acknowledged that, and is answered by BYE.
        let is_told = || wait::within(ASKED_AGAIN, || phone.is_over().then_some(())).is_some();
        if is_back && !is_told() {
            self.zombies.set(self.zombies.get() + 1);
            phone.hangs_up();
        }
        is_back
    }

    /// It was hung up in the moment of the kill, and goes on for want of anybody who knows: the operator hears nobody, and
    /// hangs up, too.
    fn is_heard_to_be_gone(&mut self, guest: &str) {
        let is_there = || self.listing("calls").iter().any(|row| name_of(&row["caller"]) == guest);
        if wait::within(WRITTEN_WITHIN * 10, || (!is_there()).then_some(())).is_none() {
            self.undone += 1;
            self.talkers["3001"].hangs_up();
        }
    }

    /// The call was answered, or about to be, in the moment of the kill, and nobody knows it.
    fn is_unborn(&mut self, guest: &str, status: u16) -> bool {
        let is_known = wait::within(WRITTEN_WITHIN * 10, || {
            self.queue_rows().iter().any(|(name, _)| name == guest).then_some(())
        });
        if is_known.is_some() && status == 200 {
            return false;
        }
        self.unborn += 1;
        if status == 200 {
            self.talkers[guest].hangs_up();
        }
        self.hears.remove(guest);
        true
    }

    /// What op1 had in hand is over.
    fn is_hung_up(&mut self, guest: &str) {
        self.taken = None;
        self.phases.remove(guest);
        self.hears.remove(guest);
        self.hears.remove("3001");
        self.streams.remove(guest);
        self.streams.remove("3001");
        let phone = Arc::clone(&self.talkers["3001"]);
        if wait::within(PATIENCE, || phone.is_over().then_some(())).is_none() {
            self.lost.words.push("op1's phone is not told that the caller has hung up".into());
        }
    }
}

/// The user of an address, or the number.
fn name_of(value: &Value) -> String {
    let text = value.as_str().unwrap_or("");
    text.split('@').next().unwrap_or(text).to_owned()
}
