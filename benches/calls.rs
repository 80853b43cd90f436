//! What a call from phone to phone costs the cores, without sockets: the same messages each time.
//!
//! `cargo bench --bench calls [CALLS]`: a thousand calls a second that are hung up after 20 ms, and as many that
//! stay up; and what it costs beside that to write down what goes on, with a database, for calls between two and for
//! those that an operator answers. Time is that of this thread; allocations are those of the cores and of performing what they want.
//! Instructions, which no neighbour on the machine changes:
//! `valgrind --tool=callgrind --toggle-collect='calls::counted*' PROGRAM --bench CALLS up-to-bye`

#![allow(clippy::unwrap_used, clippy::print_stdout)] // A benchmark may panic, and has to speak.
#![allow(unsafe_code)] // An allocator, even one that only counts, is made of such functions.

use cordboard::acd;
use cordboard::call::{AnsweredBy, QueueSettings, Recorded};
use cordboard::directory::{
    Accounts, NumberingPlan, Operator, OperatorMode, Srtp, Terminal, Trunk, patent_levels,
};
use cordboard::exchange::journal::{Batch, StoredState};
use cordboard::exchange::{Effect, Input, Machine, Retention, Settings};
use cordboard::ids::{ConnectionId, LevelId, Number, OperatorId, PortId, QueueId};
use cordboard::media::{self, Channel, Event, Job, MediaPath, Outgoing, RecordingTap};
use cordboard::random::Random;
use cordboard::sip::{
    self, Flow, HeaderName, Message, OwnAddresses, Request, Response, StatusCode, Transport, Uri,
};
use cordboard::store::{Database, Journal as _};
use cordboard::switchboard::{self, OnRefusal};
use cordboard::time::{Duration, Instant, Now, UnixTime};
use cordboard::{dialog, leg, presence, registrar, transaction};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

/// Between the beginnings of two calls.
const PACE: Duration = Duration::from_millis(1);
/// So many calls are up at a time, each for 20 ms.
const UP: usize = 20;
/// No trunk may begin more than 200 calls a second.
const TRUNKS: usize = 8;
/// With and without rows, in turn.
const ROUNDS: usize = 3;
/// What is to be written waits so long for more.
const GATHERED: Duration = Duration::from_millis(5);
/// Longer than any transaction lives after its call is up or over, and shorter than silence is suffered.
const QUIET: Duration = Duration::from_secs(40);

fn main() {
    let number = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let calls: usize = number.unwrap_or(5_000);
    let mut house = House::open();
    house.pass_calls(calls.min(500), UP);
    let before = Spent::so_far();
    house.pass_calls(calls, UP);
    let spent = Spent::so_far().since(&before).per(calls);
    println!("{calls} calls from INVITE to the 200 for BYE, 1000 a second, {UP} up at a time:");
    println!(
        "  {:8.1} µs {:8.1} allocations {:8.0} bytes allocated, a call",
        spent.nanos / 1_000.0,
        spent.allocations,
        spent.bytes
    );
    if std::env::args().any(|word| word == "up-to-bye") {
        return;
    }
    let mut house = House::open();
    house.pass_calls(100, UP);
    house.wait(2 * QUIET);
    let before = Spent::so_far();
    for _ in 0..calls.min(2_000) {
        house.begin();
        house.wait(PACE);
    }
    let up = house.up();
    let at_once = Spent::so_far().since(&before).per(up);
    house.wait(QUIET);
    let settled = Spent::so_far().since(&before).per(up);
    while house.up() > 0 {
        house.hang_up();
        house.wait(PACE);
    }
    house.wait(2 * QUIET);
    let after = Spent::so_far().since(&before).per(up);
    println!("{up} calls that are up at a time:");
    println!("  {:8.0} bytes in use for each at once", at_once.live);
    println!("  {:8.0} bytes {} s later", settled.live, QUIET.as_secs());
    println!("  {:8.0} bytes when they are over", after.live);
    println!("to write down what goes on, CPU of the cores and of the journal's thread, a call:");
    let many = "calls between two, 1000 a second, 200 up at a time";
    journaling(many, House::open(), |house| house.pass_calls(calls, 200));
    let one = "calls between two, one at a time";
    journaling(one, House::open(), |house| house.pass_one_by_one(calls / 10));
    let operators = "calls that an operator answers, one at a time";
    journaling(operators, House::with_operator(), |house| house.pass_one_by_one(calls / 10));
}

/// Passes the same calls with and without rows of what goes on; records are written in both.
fn journaling(what: &str, mut house: House, pass: impl Fn(&mut House)) {
    let directory = tempfile::TempDir::new().unwrap();
    house.database = Some(Database::open(directory.path()).unwrap());
    // What is allocated and compiled once.
    pass(&mut house);
    let mut least = [[f64::MAX; 3]; 2];
    for round in 0..2 * ROUNDS {
        house.is_live = round % 2 == 1;
        let (before, over) = (Spent::so_far(), house.over);
        let written = (JOURNAL_NANOS.load(Relaxed), ROWS.load(Relaxed));
        pass(&mut house);
        let calls = house.over - over;
        let cores = Spent::so_far().since(&before).per(calls).nanos / 1_000.0;
        let journal = (JOURNAL_NANOS.load(Relaxed) - written.0) as f64 / 1_000.0 / calls as f64;
        let rows = (ROWS.load(Relaxed) - written.1) as f64 / calls as f64;
        // A neighbour on the machine only adds.
        for (least, now) in least[round % 2].iter_mut().zip([cores, journal, rows]) {
            *least = least.min(now);
        }
    }
    let [without, with] = least;
    let [cores, journal, rows] = [0, 1, 2].map(|at| with[at] - without[at]);
    println!(
        "  {what}: {cores:.1} + {journal:.1} µs for {rows:.1} rows ({:.1} + {:.1} with them, {:.1} + {:.1} without)",
        with[0], with[1], without[0], without[1]
    );
}

// ---- what is spent ----

static COUNTS: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);
static NANOS: AtomicU64 = AtomicU64::new(0);
static JOURNAL_NANOS: AtomicU64 = AtomicU64::new(0);
static ROWS: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, counted while the cores work.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What glibc takes for a piece.
fn piece(bytes: usize) -> i64 {
    ((bytes + 8).next_multiple_of(16)).max(32) as i64
}

// SAFETY: all is the system allocator's own work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTS.load(Relaxed) {
            ALLOCATIONS.fetch_add(1, Relaxed);
            BYTES.fetch_add(layout.size() as u64, Relaxed);
            LIVE.fetch_add(piece(layout.size()), Relaxed);
        }
        // SAFETY: as our caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        if COUNTS.load(Relaxed) {
            LIVE.fetch_sub(piece(layout.size()), Relaxed);
        }
        // SAFETY: as our caller promises.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if COUNTS.load(Relaxed) {
            ALLOCATIONS.fetch_add(1, Relaxed);
            BYTES.fetch_add(size.saturating_sub(layout.size()) as u64, Relaxed);
            LIVE.fetch_add(piece(size) - piece(layout.size()), Relaxed);
        }
        // SAFETY: as our caller promises.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// Lets the cores work, and counts what it costs. What they give away is dropped here, too.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    let start = thread_nanos();
    COUNTS.store(true, Relaxed);
    let result = work();
    COUNTS.store(false, Relaxed);
    NANOS.fetch_add(thread_nanos() - start, Relaxed);
    result
}

/// CPU time of this thread.
fn thread_nanos() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[derive(Clone, Copy)]
struct Spent {
    nanos: f64,
    allocations: f64,
    bytes: f64,
    live: f64,
}

impl Spent {
    fn so_far() -> Self {
        Self {
            nanos: NANOS.load(Relaxed) as f64,
            allocations: ALLOCATIONS.load(Relaxed) as f64,
            bytes: BYTES.load(Relaxed) as f64,
            live: LIVE.load(Relaxed) as f64,
        }
    }

    fn since(self, before: &Self) -> Self {
        Self {
            nanos: self.nanos - before.nanos,
            allocations: self.allocations - before.allocations,
            bytes: self.bytes - before.bytes,
            live: self.live - before.live,
        }
    }

    fn per(self, calls: usize) -> Self {
        let each = |sum: f64| sum / calls as f64;
        Self {
            nanos: each(self.nanos),
            allocations: each(self.allocations),
            bytes: each(self.bytes),
            live: each(self.live),
        }
    }
}

// ---- the house ----

/// The exchange and the relay, and the phones around them, who answer at once.
struct House {
    exchange: Machine,
    media: media::Machine,
    now: Now,
    next_port: u64,
    begun: usize,
    hung_up: usize,
    over: usize,
    /// What callers have been told as the house's side of their dialogs.
    dialogs: BTreeMap<usize, String>,
    /// Whom callers call.
    number: &'static str,
    database: Option<Database>,
    /// What goes on is written down.
    is_live: bool,
    /// What waits for its transaction, and since when.
    unwritten: Vec<Batch>,
    unwritten_since: Instant,
}

#[derive(Default)]
struct Relay {
    events: Vec<Event>,
}

impl Outgoing for Relay {
    fn send(&mut self, _: PortId, _: Channel, _: MediaPath, packet: &[u8]) {
        black_box(packet);
    }

    fn report(&mut self, event: Event) {
        self.events.push(event);
    }

    fn job(&mut self, job: Job) {
        black_box(job);
    }

    fn tap(&mut self, tap: RecordingTap) {
        black_box(tap);
    }
}

fn us() -> SocketAddr {
    "192.0.2.1:5060".parse().unwrap()
}

fn phone() -> SocketAddr {
    "192.0.2.9:5060".parse().unwrap()
}

fn carrier(call: usize) -> SocketAddr {
    format!("203.0.113.{}:5060", 1 + call % TRUNKS).parse().unwrap()
}

fn flow(remote: SocketAddr) -> Flow {
    Flow { transport: Transport::Udp, local: us(), remote, connection: ConnectionId(0) }
}

fn settings() -> Settings {
    let own = OwnAddresses::new(vec![(Transport::Udp, us()), (Transport::Tcp, us())], vec![]);
    Settings {
        guests: false,
        guest_calls_max: 1,
        addresses: vec![us()],
        retention: Retention::default(),
        transaction: transaction::Settings { own: own.clone(), ..Default::default() },
        registrar: registrar::Settings::default(),
        leg: leg::Settings {
            domain: "calls.test".into(),
            media_addresses: vec![us().ip()],
            port_rest: Duration::from_secs(5),
            rtp_timeout: Duration::from_secs(600),
            fingerprint: None,
            dialog: dialog::Settings { own, ..Default::default() },
        },
        locator: Default::default(),
        switchboard: switchboard::Settings {
            queues: BTreeMap::new(),
            acd: acd::Settings { queues: vec![], decline_pause: Duration::from_secs(30) },
            presence: presence::Settings {
                lease: Duration::from_secs(30),
                phone_pause: Duration::from_secs(60),
            },
            on_refusal: OnRefusal::Refuse,
            secure_only: false,
            ring_time: Duration::from_secs(30),
            consult_ring_time: Duration::from_secs(30),
            recall: Duration::from_secs(60),
            recordings: "recordings".into(),
            boot: "b1".into(),
        },
    }
}

fn plan() -> NumberingPlan {
    let trunk = |number: usize| Trunk {
        name: format!("carrier{number}"),
        addresses: vec![carrier(number).ip().to_string().parse().unwrap()],
        level: LevelId::from("A"),
        prefixes: vec![],
        srtp: Srtp::Optional,
        login: None,
        register: false,
    };
    NumberingPlan {
        realm: "calls.test".into(),
        addresses: vec![us().ip()],
        queues: BTreeMap::new(),
        trunks: (0..TRUNKS).map(trunk).collect(),
        cameras: vec![],
        external: LevelId::from("A"),
    }
}

fn accounts() -> Accounts {
    let door = Terminal {
        number: Number::from("4001"),
        name: "Door".into(),
        level: LevelId::from("A"),
        secret: None,
        contact: Some(Uri::parse(&format!("sip:4001@{}", phone())).unwrap()),
        srtp: Srtp::Optional,
    };
    Accounts {
        terminals: vec![door],
        levels: patent_levels().into(),
        permits: vec![],
        operators: vec![],
        nights: vec![],
    }
}

/// The queue that operators serve, and the one who does, by phone alone.
fn with_operator(settings: &mut Settings, plan: &mut NumberingPlan, state: &mut StoredState) {
    let main = QueueId::from("main");
    let queue = QueueSettings {
        number: Number::from("9000"),
        answer: AnsweredBy::Queue,
        ring_time: Duration::from_secs(20),
        ring: false,
        camera: None,
        record: Recorded::Never,
        record_pauses: true,
        preview: false,
        waiting_profile: media::WaitingProfileId::DEFAULT,
        announcements: BTreeMap::new(),
    };
    settings.switchboard.queues.insert(main.clone(), queue);
    settings.switchboard.acd.queues.push(acd::QueueRules {
        id: main.clone(),
        waiting_max: 100,
        shares: acd::QueueShares { terminal: 3, trunk: 60, guests: 20, reserve: 10 },
        wait_max: None,
        overflow: None,
        grace: Duration::from_secs(10),
        exit_key: None,
        priorities: acd::QueuePriorities::default(),
        night: acd::NightRules::default(),
    });
    plan.queues.insert(Number::from("9000"), main.clone());
    state.accounts.operators.push(Operator {
        name: OperatorId::from("op1"),
        phone: Number::from("4001"),
        phones: [].into(),
        queues: [main].into(),
        mode: OperatorMode::Phone,
        max_calls: 1,
        secret: None,
    });
    state.operators.push(presence::Stored {
        operator: OperatorId::from("op1"),
        logged_in: true,
        dnd: false,
        phone: Some(Number::from("4001")),
    });
}

impl House {
    fn open() -> Self {
        let state = StoredState { accounts: accounts(), ..StoredState::default() };
        Self::of(settings(), plan(), state, "4001")
    }

    fn with_operator() -> Self {
        let (mut settings, mut plan) = (settings(), plan());
        let mut state = StoredState { accounts: accounts(), ..StoredState::default() };
        with_operator(&mut settings, &mut plan, &mut state);
        Self::of(settings, plan, state, "9000")
    }

    fn of(
        settings: Settings,
        plan: NumberingPlan,
        state: StoredState,
        number: &'static str,
    ) -> Self {
        let now = Now { instant: Instant::START, unix: UnixTime::from_secs(1_795_000_000) };
        let (exchange, first) =
            counted(|| Machine::new(now, settings, plan, state, Random::from_number(1)));
        let media =
            counted(|| media::Machine::new(media::Settings::default(), Random::from_number(2)));
        let mut house = Self {
            exchange,
            media,
            now,
            next_port: 10_000,
            begun: 0,
            hung_up: 0,
            over: 0,
            dialogs: BTreeMap::new(),
            number,
            database: None,
            is_live: false,
            unwritten: Vec::new(),
            unwritten_since: now.instant,
        };
        house.perform(first);
        house
    }

    fn up(&self) -> usize {
        self.begun - self.hung_up
    }

    /// So many calls, of which so many are up at a time; all are over in the end.
    fn pass_calls(&mut self, calls: usize, up: usize) {
        let before = self.over;
        for _ in 0..calls {
            self.begin();
            if self.up() > up {
                self.hang_up();
            }
            self.wait(PACE);
        }
        while self.up() > 0 {
            self.hang_up();
            self.wait(PACE);
        }
        assert_eq!(self.over - before, calls, "every call is carried to its end");
    }

    /// So many calls, each of which is up for 200 ms.
    fn pass_one_by_one(&mut self, calls: usize) {
        let before = self.over;
        for _ in 0..calls {
            self.begin();
            self.wait(200 * PACE);
            self.hang_up();
            self.wait(100 * PACE);
        }
        assert_eq!(self.over - before, calls, "every call is carried to its end");
    }

    fn begin(&mut self) {
        let call = self.begun;
        self.begun += 1;
        let body = session(carrier(call), 20_000);
        let to = format!("<sip:{}@calls.test>", self.number);
        let invite = caller_request(call, "INVITE", 1, &to, &body);
        self.hear(carrier(call), &invite);
    }

    /// The caller of the oldest call hangs up.
    fn hang_up(&mut self) {
        let call = self.hung_up;
        self.hung_up += 1;
        let to = self.dialogs.remove(&call).unwrap();
        let bye = caller_request(call, "BYE", 2, &to, "");
        self.hear(carrier(call), &bye);
    }

    fn wait(&mut self, span: Duration) {
        let until = self.now.instant + span;
        loop {
            let (exchange, media) = (self.exchange.deadline(), self.media.deadline());
            let live = self.exchange.live_deadline().filter(|_| self.is_live);
            let due = |at: &Instant| *at <= until;
            let all = exchange.into_iter().chain(media).chain(live);
            let Some(at) = all.filter(due).min() else { break };
            self.now = self.now + at.since(self.now.instant);
            if live.is_some_and(|at| at <= self.now.instant) {
                let effects = counted(|| self.exchange.write_live(self.now, &self.media));
                self.perform(effects);
            }
            if exchange.is_some_and(|at| at <= self.now.instant) {
                let effects = counted(|| self.exchange.tick(self.now));
                self.perform(effects);
            }
            if media.is_some_and(|at| at <= self.now.instant) {
                let mut relay = Relay::default();
                counted(|| self.media.tick(self.now, &mut relay));
                self.report(relay);
            }
        }
        self.now = self.now + until.since(self.now.instant);
        if self.now.instant.since(self.unwritten_since) >= GATHERED {
            self.write();
        }
    }

    /// As the journal's thread does with what has gathered.
    fn write(&mut self) {
        let batches = std::mem::take(&mut self.unwritten);
        let Some(database) = self.database.as_mut().filter(|_| !batches.is_empty()) else { return };
        let rows: usize = batches.iter().map(|batch| batch.entries.len()).sum();
        ROWS.fetch_add(rows as u64, Relaxed);
        let before = thread_nanos();
        database.write(&batches).unwrap();
        JOURNAL_NANOS.fetch_add(thread_nanos() - before, Relaxed);
    }

    fn hear(&mut self, from: SocketAddr, bytes: &[u8]) {
        let effects = counted(|| self.exchange.hear(self.now, flow(from), bytes));
        self.perform(effects);
    }

    fn give(&mut self, input: Input) {
        let effects = counted(|| self.exchange.handle(self.now, input));
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        let mut written: Vec<Batch> = Vec::new();
        let mut heard = Vec::new();
        let mut ports = None;
        let mut relay = Relay::default();
        let now = self.now;
        let media = &mut self.media;
        let mut sent = Vec::new();
        counted(|| {
            for effect in effects {
                match effect {
                    Effect::Send { to, bytes } => sent.push((to, bytes)),
                    Effect::Media(command) => media.handle(now, command, &mut relay),
                    Effect::PortsWanted(count) => ports = Some(count),
                    Effect::Write(batch) => written.push(batch),
                    other => drop(other),
                }
            }
        });
        for (to, bytes) in &sent {
            let message = sip::parse(bytes).unwrap();
            heard.extend(self.answers(message).map(|bytes| (to.remote(), bytes)));
        }
        counted(|| drop(sent));
        self.report(relay);
        if let Some(count) = ports {
            let first = self.next_port;
            self.next_port += 2 * count as u64;
            let ports = (0..count as u64).map(|n| PortId(first + 2 * n));
            let ports = counted(|| ports.collect());
            self.give(Input::Ports(ports));
        }
        for batch in written {
            if self.database.is_some() {
                if self.unwritten.is_empty() {
                    self.unwritten_since = self.now.instant;
                }
                self.unwritten.push(batch.clone());
            }
            self.give(Input::Committed(batch));
        }
        for (from, bytes) in heard {
            self.hear(from, &bytes);
        }
    }

    fn report(&mut self, relay: Relay) {
        for event in relay.events {
            self.give(Input::Media(event));
        }
    }

    // ---- the phones ----

    /// What whoever gets this message says to it.
    fn answers(&mut self, message: Message) -> impl Iterator<Item = Vec<u8>> + use<> {
        match message {
            Message::Request(request) => callee_answers(&request),
            Message::Response(response) => self.caller_answers(&response),
        }
        .into_iter()
    }

    fn caller_answers(&mut self, response: &Response) -> Vec<Vec<u8>> {
        if response.status.is_provisional() {
            return vec![];
        }
        assert_eq!(response.status, StatusCode::OK, "{response:?}");
        let call_id = response.headers.call_id().unwrap();
        let call: usize = call_id.split('@').next().unwrap().parse().unwrap();
        if response.headers.cseq().unwrap().1.as_str() == "BYE" {
            self.over += 1;
            return vec![];
        }
        let to = response.headers.get(HeaderName::To).unwrap().to_owned();
        let ack = caller_request(call, "ACK", 1, &to, "");
        self.dialogs.insert(call, to);
        vec![ack]
    }
}

fn caller_request(call: usize, method: &str, cseq: u32, to: &str, body: &str) -> Vec<u8> {
    let from = carrier(call);
    let uri = match method {
        "INVITE" => to.trim_matches(['<', '>']).to_owned(),
        _ => format!("sip:{}", us()),
    };
    let description = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "{method} {uri} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {from};rport;branch=z9hG4bK-{call}-{cseq}-{method}\r\n\
         Max-Forwards: 70\r\n\
         From: \"Anna Muster\" <sip:0431700{call}@carrier.example>;tag=from{call}\r\n\
         To: {to}\r\n\
         Call-ID: {call}@carrier.example\r\n\
         CSeq: {cseq} {method}\r\n\
         Contact: <sip:0431700{call}@{from}>\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK\r\n\
         Supported: timer, replaces\r\n\
         User-Agent: Carrier 7.1\r\n\
         {description}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn callee_answers(request: &Request) -> Vec<Vec<u8>> {
    let tag = format!("phone{}", request.headers.from_tag().unwrap());
    let answer = |status, body: String| {
        let mut response = request.response(status);
        response.headers.set_to_tag(&tag);
        response.headers.push(HeaderName::Contact, format_args!("<sip:4001@{}>", phone()));
        response.headers.push(HeaderName::Allow, "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE");
        response.headers.push(HeaderName::UserAgent, "Phone 3.2");
        if !body.is_empty() {
            response.headers.push(HeaderName::ContentType, "application/sdp");
            response.body = body.into_bytes().into();
        }
        let mut bytes = Vec::new();
        sip::print(&response.into(), &mut bytes);
        bytes
    };
    match request.method.as_str() {
        "INVITE" => vec![
            answer(StatusCode::RINGING, String::new()),
            answer(StatusCode::OK, session(phone(), 30_000)),
        ],
        "BYE" => vec![answer(StatusCode::OK, String::new())],
        _ => vec![],
    }
}

fn session(at: SocketAddr, port: u16) -> String {
    let ip = at.ip();
    format!(
        "v=0\r\no=- 3873 3873 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
    )
}
