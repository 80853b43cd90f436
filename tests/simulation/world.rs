//! Everything there is, and the loop that lets it happen.

use super::attackers::ATTACKERS;
use super::browser::Handshakes;
use super::desk::Desk;
use super::journal::Journal;
use super::judge::{CALLERS, Judge};
use super::network::{Agenda, Deed, Event, Ladder, Line, Network};
use super::phone::{Client, Dialog, Person, Phone, Server, testbed};
use super::testbed::{BROWSERS, DESKS, IP, PHONE_OPERATORS, PORT, Relayed, TERMINALS, Testbed};
use super::written;
use cordboard::exchange::{Effect, Input};
use cordboard::ids::{ConnectionId, LegId, PortId};
use cordboard::live::SavedParty;
use cordboard::media::{self, WorkerConversions};
use cordboard::random::Random;
use cordboard::sip::{self, Destination, Flow, Message, Transport};
use cordboard::time::{Duration, Instant, Now, UnixTime, earliest};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The relay is woken at most so often: a busy machine, and a quick simulation.
const RELAY_PACE: Duration = Duration::from_millis(100);
/// What is due at one moment may make something else due; not for ever.
const ALARMS_MAX: u32 = 20;
/// After the last call, so long until nothing may be left: the timers of everything.
const FAREWELL: Duration = Duration::from_secs(400);
/// Of 100 steps so many are followed by one in which a party is taken out and put back.
const PUT_BACK: u64 = 3;
/// One of so many is put back from its text.
const WRITTEN_OF: u64 = 20;
/// Of so many callers one is a browser.
const BROWSER_OF: usize = 8;
/// No day is longer.
const DAY_MAX: Duration = Duration::from_secs(40_000);

/// What is played.
#[derive(Clone, Copy, Debug)]
pub struct Day {
    pub seed: u64,
    pub calls: u64,
    /// Of 1,000 datagrams.
    pub lost: u64,
    pub doubled: u64,
    pub late: u64,
    /// The journal fails now and then.
    pub trouble: bool,
    /// After each step the process is killed with a chance of one in so many; 0: never.
    pub mortality: u64,
}

pub struct World {
    pub day: Day,
    pub now: Now,
    pub agenda: Agenda,
    network: Network,
    pub chance: Random,
    pub testbed: Testbed,
    pub phones: Vec<Phone>,
    addresses: BTreeMap<SocketAddr, usize>,
    /// When the process was killed.
    pub crashed: Vec<Instant>,
    pub dialogs: Vec<Dialog>,
    pub by_call: BTreeMap<String, u32>,
    /// Where the sound of each dialog is received.
    pub places: BTreeMap<SocketAddr, u32>,
    pub clients: BTreeMap<String, Client>,
    pub servers: BTreeMap<String, Server>,
    pub desks: Vec<Desk>,
    pub handshakes: Handshakes,
    pub judge: Judge,
    ladder: Ladder,
    failure: Option<String>,
    pub journal: Journal,
    relay_woken: Instant,
    /// How often the exchange was woken at one moment.
    alarms: (Instant, u32),
    pub calls: u64,
    /// Chooses who is taken out and put back.
    pub lots: Random,
    /// How many were.
    pub put_back: u64,
    /// Since when nobody makes calls any more.
    pub closing: Option<Instant>,
}

impl World {
    pub fn new(day: Day) -> Self {
        let mut random = Random::from_number(day.seed);
        let now = Now { instant: Instant::START, unix: UnixTime::from_secs(1_795_000_000) };
        let phones = people();
        let addresses = phones.iter().map(|phone| (phone.name.as_str(), phone.address)).collect();
        let (testbed, effects) = Testbed::new(now, &addresses, &mut random);
        let network =
            Network { lost: day.lost, doubled: day.doubled, late: day.late, chance: random.fork() };
        let mut world = Self {
            day,
            now,
            agenda: Agenda::default(),
            network,
            chance: random.fork(),
            testbed,
            addresses: phones.iter().enumerate().map(|(at, phone)| (phone.address, at)).collect(),
            phones,
            crashed: Vec::new(),
            dialogs: Vec::new(),
            by_call: BTreeMap::new(),
            places: BTreeMap::new(),
            clients: BTreeMap::new(),
            servers: BTreeMap::new(),
            desks: DESKS.iter().map(|_| Desk::default()).collect(),
            handshakes: Handshakes::default(),
            judge: Judge::default(),
            ladder: Ladder::default(),
            failure: None,
            journal: Journal::default(),
            relay_woken: Instant::START,
            alarms: (Instant::START, 0),
            calls: 0,
            lots: Random::from_number(day.seed),
            put_back: 0,
            closing: None,
        };
        world.perform(effects);
        if day.trouble {
            world.after(1_000, 20_000, Event::Trouble);
        }
        for phone in 0..world.phones.len() {
            world.after(0, 3_000, Event::Live(phone));
        }
        for attacker in 0..ATTACKERS {
            world.after(0, 3_000, Event::Prowl(attacker));
        }
        world
    }

    /// Plays the day.
    ///
    /// # Errors
    /// The first broken promise, and what led to it.
    pub fn run(mut self) -> Result<String, String> {
        while self.failure.is_none() {
            let over = self.closing.is_some_and(|since| self.now.instant >= since + FAREWELL);
            if over || self.now.instant > Instant::START + DAY_MAX {
                break;
            }
            if self.closing.is_none() && self.calls >= self.day.calls {
                self.closing = Some(self.now.instant);
            }
            self.step();
            if self.lots.below(100) < PUT_BACK {
                self.put_back();
            }
            if self.day.mortality > 0 && self.lots.below(self.day.mortality) == 0 {
                self.crash();
            }
        }
        if self.failure.is_none() && self.put_back == 0 {
            self.fail("nobody was ever quiet".into(), &[]);
        }
        if self.failure.is_none() {
            self.judge_the_end();
        }
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(self.judge.summary(&self)),
        }
    }

    fn step(&mut self) {
        let relay = self.testbed.relay.deadline().map(|at| at.max(self.relay_woken + RELAY_PACE));
        let exchange = self.testbed.exchange.deadline();
        let live = self.testbed.exchange.live_deadline();
        let cores = earliest(earliest(exchange, live), relay);
        let Some(at) = earliest(cores, self.agenda.next()) else {
            return self.fail("nothing will ever happen again".into(), &[]);
        };
        if at > self.now.instant {
            self.now = self.now + at.since(self.now.instant);
        }
        let now = self.now.instant;
        if exchange.is_some_and(|at| at <= now) {
            let effects = self.testbed.exchange.tick(self.now);
            self.alarms = if self.alarms.0 == now { (now, self.alarms.1 + 1) } else { (now, 1) };
            if self.alarms.1 > ALARMS_MAX {
                self.fail("the alarm of the exchange rings for ever".into(), &[]);
            }
            self.perform(effects);
        } else if live.is_some_and(|at| at <= now) {
            let effects = self.testbed.exchange.write_live(self.now, &self.testbed.relay);
            self.perform(effects);
        } else if relay.is_some_and(|at| at <= now) {
            self.relay_woken = now;
            let mut out = Relayed::default();
            self.testbed.relay.tick(self.now, &mut out);
            self.relayed(out);
        } else if let Some(event) = self.agenda.pop() {
            self.happen(event);
        }
    }

    /// A party of which nothing is under way is taken out and put back in the middle of everything, and some go through their text: all
    /// promises hold as if nothing had been.
    fn put_back(&mut self) {
        let Testbed { exchange, relay, .. } = &mut self.testbed;
        let parties: Vec<LegId> = exchange.parties().collect();
        let Some(leg) = parties.get(self.lots.below(parties.len().max(1) as u64) as usize) else {
            return;
        };
        let patched = |relay: &media::Machine, saved: &SavedParty| {
            let ports = saved.ports.iter().map(|port| port.port);
            let row = |port| {
                let mut receivers = relay.patchbay().receivers(port).to_vec();
                receivers.sort_unstable();
                (relay.patchbay().source(port).begun(), receivers)
            };
            ports.map(row).collect::<Vec<_>>()
        };
        let Some(before) = exchange.save(self.now, relay, *leg) else { return };
        let rows = patched(relay, &before);
        let mut out = Relayed::default();
        let taken = exchange.take(self.now, relay, *leg, &mut out);
        let is_gone = exchange.parties().all(|other| other != *leg);
        let is_written = self.put_back.is_multiple_of(WRITTEN_OF);
        let read =
            if is_written { written::through_text(self.now, &before) } else { before.clone() };
        exchange.restore(self.now, relay, read, &mut out);
        let after = exchange.save(self.now, relay, *leg);
        self.put_back += 1;
        if !is_gone || taken.as_ref() != Some(&before) {
            self.fail(format!("{leg} was not taken out"), &[]);
        } else if after.as_ref() != Some(&before) {
            self.fail(format!("{leg} is another now:\n{before:#?}\n{after:#?}"), &[]);
        } else if patched(&self.testbed.relay, &before) != rows {
            self.fail(format!("{leg} is patched otherwise than {rows:?}"), &[]);
        } else if !out.packets.is_empty() || !out.events.is_empty() {
            self.fail(format!("somebody was told that {leg} was away: {out:?}"), &[]);
        }
        self.relayed(Relayed { sounds: out.sounds, ..Relayed::default() });
    }

    /// Where each phone is, by its name.
    pub fn addresses_by_name(&self) -> BTreeMap<&'static str, SocketAddr> {
        let accounts = super::testbed::TERMINALS.iter().map(|account| account.number);
        let address = |name| {
            let phone = self.phones.iter().find(|phone| phone.name == name);
            phone.map(|phone| (name, phone.address))
        };
        accounts.filter_map(address).collect()
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::ToHouse(phone, bytes) => {
                self.hear(self.phones[phone].address, &bytes);
            }
            Event::FromAttacker(remote, bytes) => {
                let line =
                    Line::Sip { from: "stranger".into(), to: "house".into(), bytes: bytes.clone() };
                self.ladder.note(self.now.instant, line);
                self.hear(remote, &bytes);
            }
            Event::Prowl(attacker) => self.prowl(attacker),
            Event::ToPhone(phone, bytes) => match sip::parse(&bytes) {
                Ok(Message::Request(request)) => self.on_request(phone, request),
                Ok(Message::Response(response)) => self.on_response(&response),
                Err(error) => {
                    self.fail(format!("the house wrote what cannot be read: {error}"), &[])
                }
            },
            Event::Sound { from, port, mut packet } => {
                let mut out = Relayed::default();
                let port = PortId(u64::from(port));
                self.testbed.relay.rtp(self.now, port, from, &mut packet, &mut out);
                self.relayed(out);
            }
            Event::Keyed(port, dialog) => self.keyed(port, dialog),
            Event::HandshakeOver(port, number) => self.handshake_over(port, number),
            Event::Journal(ticket) => self.journal_acts(ticket),
            Event::Trouble => self.journal_turns(),
            Event::Ports => {
                let ports = self.testbed.more_ports();
                let effects = self.testbed.exchange.handle(self.now, Input::Ports(ports));
                self.perform(effects);
            }
            Event::NoStream(to) => {
                let input = Input::TransportFailed(to);
                let effects = self.testbed.exchange.handle(self.now, input);
                self.perform(effects);
            }
            Event::Repeat(key) => self.repeat(&key),
            Event::RepeatAnswer(key) => self.repeat_answer(&key),
            Event::Act(dialog, deed) => self.act(dialog, deed),
            Event::Live(phone) => self.live(phone),
            Event::Desk(desk, dialog) => self.desk_acts(desk, dialog),
            Event::Speak(dialog) => self.speak(dialog),
        }
    }

    /// A datagram has reached the house.
    fn hear(&mut self, remote: SocketAddr, bytes: &[u8]) {
        self.judge.heard_by_house(bytes);
        let (transport, connection) = (Transport::Udp, ConnectionId(0));
        let flow = Flow { transport, local: testbed(), remote, connection };
        let effects = self.testbed.exchange.hear(self.now, flow, bytes);
        self.perform(effects);
    }

    // ---- what the house wants ----

    pub fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send { to, bytes } => self.carry_to_phone(to, bytes),
                Effect::Media(command) => {
                    self.judge_media(&command);
                    let mut out = Relayed::default();
                    self.testbed.relay.handle(self.now, command, &mut out);
                    self.relayed(out);
                }
                // Not before the rest of these effects.
                Effect::PortsWanted(_) => self.agenda.add(self.now.instant, Event::Ports),
                Effect::Write(batch) => {
                    batch.entries.iter().for_each(|entry| self.judge_entry(entry));
                    self.write_down(batch);
                }
                Effect::Journal(news) => self.note(news.to_string()),
                Effect::Log(log_event) => {
                    self.note(log_event.to_string());
                    self.judge_log_event(&log_event);
                }
                Effect::Complaint { what, .. } => self.note(what),
                Effect::Visit(visit) => self.note(visit.to_string()),
                Effect::WrongPassword(wrong) => self.note(wrong.to_string()),
                Effect::Resumed(report) => {
                    self.note(report.to_string());
                    if !report.faults.is_empty() {
                        self.fail(format!("{report:?}"), &[]);
                    }
                }
                Effect::Handshake(command) => self.shake_hands(command),
                Effect::Resolve(_)
                | Effect::Located { .. }
                | Effect::Reply { .. }
                | Effect::WebReply { .. }
                | Effect::WebStill { .. }
                | Effect::CloseFlow(_)
                | Effect::RegisteredAt { .. }
                | Effect::Recording(_) => {}
            }
        }
        self.judge.views_are_old();
    }

    fn carry_to_phone(&mut self, to: Destination, bytes: Vec<u8>) {
        if self.judge_answer_to_attacker(to.remote(), &bytes) {
            return;
        }
        let Some(phone) = self.addresses.get(&to.remote()).copied() else {
            return self.fail(format!("the house sends to nobody, {to:?}"), &[]);
        };
        let to_name = self.phones[phone].name.clone();
        let line = Line::Sip { from: "house".into(), to: to_name, bytes: bytes.clone() };
        self.ladder.note(self.now.instant, line);
        self.judge_message(phone, &bytes);
        if to.transport() != Transport::Udp {
            // What is too long for a datagram (RFC 3261 §18.1.1) finds no listener here.
            return self.after(1, 50, Event::NoStream(to));
        }
        for at in self.network.carry(self.now.instant) {
            self.agenda.add(at, Event::ToPhone(phone, bytes.clone()));
        }
    }

    pub fn relayed(&mut self, out: Relayed) {
        for job in out.sounds {
            let done = WorkerConversions::default().perform(job).expect("a sound is answered");
            let mut out = Relayed::default();
            self.testbed.relay.done(self.now, done, &mut out);
            self.relayed(out);
        }
        for (to, packet) in out.packets {
            self.judge_sound(to, &packet);
        }
        for (port, dialog) in out.records {
            self.record_heard(port, dialog);
        }
        for event in out.events {
            let effects = self.testbed.exchange.handle(self.now, Input::Media(event));
            self.perform(effects);
        }
    }

    // ---- for everybody ----

    /// A phone sends SIP.
    pub fn send(&mut self, phone: usize, bytes: Vec<u8>) {
        let from = self.phones[phone].name.clone();
        let line = Line::Sip { from, to: "house".into(), bytes: bytes.clone() };
        self.ladder.note(self.now.instant, line);
        for at in self.network.carry(self.now.instant) {
            self.agenda.add(at, Event::ToHouse(phone, bytes.clone()));
        }
    }

    /// When copies of a datagram arrive.
    pub fn carried(&mut self) -> Vec<Instant> {
        self.network.carry(self.now.instant)
    }

    /// A phone sends sound.
    pub fn send_sound(&mut self, delay: Duration, from: SocketAddr, port: u16, packet: &[u8]) {
        for at in self.network.carry(self.now.instant) {
            self.agenda.add(at + delay, Event::Sound { from, port, packet: packet.to_vec() });
        }
    }

    /// Something happens between `least` and `most` milliseconds from now.
    pub fn after(&mut self, least: u64, most: u64, event: Event) {
        let micros = least * 1_000 + self.chance.below((most - least) * 1_000);
        self.agenda.add(self.now.instant + Duration::from_micros(micros), event);
    }

    pub fn soon(&mut self, least: u64, most: u64, dialog: u32, deed: Deed) {
        self.after(least, most, Event::Act(dialog, deed));
    }

    pub fn percent(&mut self, percent: u64) -> bool {
        self.chance.below(100) < percent
    }

    pub fn note(&mut self, line: String) {
        self.ladder.note(self.now.instant, Line::Told(line));
    }

    /// A promise is broken; the first one counts.
    pub fn fail(&mut self, what: String, dialogs: &[u32]) {
        if self.failure.is_some() {
            return;
        }
        let ids = dialogs.iter().filter_map(|id| self.dialogs.get(*id as usize));
        let parties: Vec<String> = ids.map(|dialog| dialog.call_id.clone()).collect();
        let mut text = format!("at {:.6} s: {what}\n", self.now.instant.as_micros() as f64 / 1e6);
        text += &self.ladder.print(&parties);
        if !parties.is_empty() {
            text += "---- and all together:\n";
            text += &self.ladder.print(&[]);
        }
        self.failure = Some(text);
    }
}

/// All phones and desks: callers outside first, then the house in the order of its directory.
fn people() -> Vec<Phone> {
    let address = |net: u8, at: usize| {
        let at = u8::try_from(at + 1).expect("people are few");
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, net, 0, at)), PORT)
    };
    let phone = |name: String, person, address: SocketAddr| {
        assert!(address.ip() != IP, "the house lives elsewhere");
        let is_browser = BROWSERS.contains(&name.as_str());
        Phone { name, person, address, next_port: 10_000, is_browser }
    };
    let callers = (0..CALLERS).map(|at| {
        let is_browser = at % BROWSER_OF == 0;
        Phone { is_browser, ..phone(format!("ann{at}"), Person::Caller, address(1, at)) }
    });
    let inside = TERMINALS.iter().enumerate().map(|(at, account)| {
        let person = match at {
            at if at < DESKS.len() => Person::DeskPhone,
            at if at < DESKS.len() + PHONE_OPERATORS.len() => Person::PhoneOperator,
            _ => Person::User,
        };
        phone(account.number.to_owned(), person, address(2, at))
    });
    let desks = DESKS
        .iter()
        .enumerate()
        .map(|(at, name)| phone((*name).to_owned(), Person::Desk(at), address(3, at)));
    callers.chain(inside).chain(desks).collect()
}
