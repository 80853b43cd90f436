//! Two houses, transactions and dialogs each, on a network that loses, doubles, delays and reorders.
//!
//! Whatever happens: every leg ends once, nothing follows its end, and nothing is left over. A
//! failure is a seed.

use cordboard::dialog::{self, Body, CallTarget, Command, Event, HeaderLines, OutgoingCall};
use cordboard::ids::{ConnectionId, LegId};
use cordboard::random::Random;
use cordboard::sip::{
    self, Destination, Flow, HeaderName, Message, NameAddr, OwnAddresses, StatusCode, Transport,
    Uri,
};
use cordboard::time::{Duration, Instant, earliest};
use cordboard::transaction;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// How bad the network is.
#[derive(Clone, Copy)]
struct Weather {
    lost_percent: u64,
    doubled_percent: u64,
    delay_max_ms: u64,
    /// Bytes are changed, so that what arrives is hostile.
    garbled_percent: u64,
}

#[test]
fn on_a_good_network_every_call_comes_about_and_ends() {
    let weather =
        Weather { lost_percent: 0, doubled_percent: 0, delay_max_ms: 1, garbled_percent: 0 };
    for seed in 0..50 {
        let mut world = World::new(seed, weather);
        world.users = Users::Polite;
        world.run();
        let told = |event: &str| world.houses.iter().any(|h| h.told.iter().any(|t| t == event));
        assert!(told("answered") && told("confirmed"), "seed {seed}: no call");
    }
}

#[test]
fn on_a_bad_network_every_leg_ends_once_and_nothing_is_left() {
    for seed in 0..200 {
        let weather = Weather {
            lost_percent: seed % 50,
            doubled_percent: seed % 30,
            delay_max_ms: 1 + seed * 5 % 900,
            garbled_percent: 0,
        };
        World::new(seed, weather).run();
    }
}

#[test]
fn garbled_messages_neither_panic_nor_leave_anything() {
    for seed in 0..100 {
        let weather = Weather {
            lost_percent: 5,
            doubled_percent: 20,
            delay_max_ms: 100,
            garbled_percent: 10 + seed % 60,
        };
        World::new(seed, weather).run();
    }
}

#[test]
fn without_a_network_the_call_is_given_up() {
    let weather =
        Weather { lost_percent: 100, doubled_percent: 0, delay_max_ms: 1, garbled_percent: 0 };
    let mut world = World::new(1, weather);
    world.users = Users::Polite;
    world.run();
    assert_eq!(world.houses[0].told, ["refused", "ended"]);
    assert!(world.houses[1].told.is_empty());
}

/// What people do.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Users {
    /// The callee answers, and the caller hangs up at the end.
    Polite,
    /// Both do anything at any time.
    Wild,
}

struct World {
    seed: u64,
    now: Instant,
    weather: Weather,
    users: Users,
    random: Random,
    houses: [Testbed; 2],
    /// In flight: when, a number to tell them apart, to which house, and the bytes.
    air: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    sent: u64,
}

struct Testbed {
    address: SocketAddr,
    transactions: transaction::Machine,
    dialogs: dialog::Machine,
    legs: u64,
    ended: BTreeSet<LegId>,
    told: Vec<String>,
}

impl World {
    fn new(seed: u64, weather: Weather) -> Self {
        let mut random = Random::from_number(seed);
        let houses = [1, 2].map(|host| {
            let address = SocketAddr::from(([192, 0, 2, host], 5060));
            let own = OwnAddresses::new(vec![(Transport::Udp, address)], vec![]);
            let below = transaction::Settings { own: own.clone(), ..Default::default() };
            let above = dialog::Settings { own, session_expires: 90, ..Default::default() };
            Testbed {
                address,
                transactions: transaction::Machine::new(below, random.fork()),
                dialogs: dialog::Machine::new(above, random.fork()),
                legs: 0,
                ended: BTreeSet::new(),
                told: Vec::new(),
            }
        });
        let (now, users, air) = (Instant::START, Users::Wild, BTreeMap::new());
        Self { seed, now, weather, users, random, houses, air, sent: 0 }
    }

    /// A call, a minute of whims, hanging up, and time for all timers.
    fn run(&mut self) {
        self.call();
        for _ in 0..30 {
            self.pass(Duration::from_secs(2));
            if self.users == Users::Wild {
                let testbed = self.below(2);
                self.whim(testbed);
            }
        }
        for testbed in [0, 1] {
            let legs = self.houses[testbed].legs;
            for leg in 1..=legs {
                self.command(testbed, LegId(leg), Command::End { reason: None });
            }
        }
        self.pass(Duration::from_secs(300));
        for (place, testbed) in self.houses.iter().enumerate() {
            let (seed, told) = (self.seed, &testbed.told);
            let ended = testbed.ended.len() as u64;
            assert_eq!(
                ended, testbed.legs,
                "seed {seed}: a leg of house {place} goes on: {told:?}"
            );
            assert_eq!(testbed.dialogs.count(), 0, "seed {seed}, house {place}: {told:?}");
            assert_eq!(
                testbed.transactions.count(),
                (0, 0),
                "seed {seed}, house {place}: {told:?}"
            );
            assert_eq!(testbed.dialogs.deadline(), None, "seed {seed}");
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.random.below(limit as u64)).unwrap()
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.random.below(100) < percent
    }

    fn sdp(&mut self) -> Body {
        Body::sdp(self.random.hex(8))
    }

    fn call(&mut self) {
        let remote = self.houses[1].address;
        let offer = self.users == Users::Polite || self.chance(70);
        let uri = |text: &str| Uri::parse(text).unwrap();
        let call = OutgoingCall {
            target: CallTarget {
                uri: uri("sip:callee@192.0.2.2"),
                route: vec![],
                destination: Destination::Address { transport: Transport::Udp, remote },
            },
            from: NameAddr::new(uri("sip:caller@192.0.2.1")),
            to: NameAddr::new(uri("sip:callee@192.0.2.2")),
            body: offer.then(|| self.sdp()),
            headers: HeaderLines::new(),
            credentials: None,
            patience: None,
            max_forwards: 70,
        };
        self.houses[0].legs = 1;
        self.command(0, LegId(1), Command::Call(Box::new(call)));
    }

    /// Something that a user may do at any time.
    fn whim(&mut self, testbed: usize) {
        if self.houses[testbed].legs == 0 {
            return;
        }
        let sdp = self.sdp();
        let (reason, headers) = (String::new(), HeaderLines::new());
        let command = match self.below(12) {
            0 => Command::Provisional { status: 180, reason, body: None, headers },
            1 => Command::Provisional { status: 183, reason, body: Some(sdp), headers },
            2..=4 => Command::Accept { body: Some(sdp), headers },
            5 => Command::Reject { status: 486, reason, headers },
            6 => Command::Reoffer { body: Some(sdp) },
            7 => Command::Reoffer { body: None },
            8 => Command::Update { body: None, headers },
            9 => Command::Update { body: Some(sdp), headers },
            10 => Command::Info { tag: 1, headers, body: None },
            _ if self.chance(30) => Command::End { reason: None },
            _ => return,
        };
        self.command(testbed, LegId(1), command);
    }

    fn command(&mut self, testbed: usize, leg: LegId, command: Command) {
        let effects =
            self.houses[testbed].dialogs.handle(self.now, dialog::Input::Command { leg, command });
        self.perform(testbed, effects);
    }

    /// What dialogs want done, and what people answer to it.
    fn perform(&mut self, testbed: usize, effects: Vec<dialog::Effect>) {
        for effect in effects {
            let input = match effect {
                dialog::Effect::Request { transaction, to, request } => {
                    let id = transaction::ClientId(transaction.0);
                    transaction::Input::Request { id, to, request }
                }
                dialog::Effect::Respond { transaction, response } => transaction::Input::Respond {
                    id: transaction::ServerId(transaction.0),
                    response,
                },
                dialog::Effect::Cancel { transaction, reason } => {
                    transaction::Input::Cancel { id: transaction::ClientId(transaction.0), reason }
                }
                dialog::Effect::Forward { to, request } => {
                    transaction::Input::Forward { to, request }
                }
                dialog::Effect::Event { leg, event } => {
                    self.tell(testbed, leg, event);
                    continue;
                }
            };
            let effects = self.houses[testbed].transactions.handle(self.now, input);
            self.carry(testbed, effects);
        }
    }

    fn tell(&mut self, testbed: usize, leg: LegId, event: Event) {
        let seed = self.seed;
        let over = self.houses[testbed].ended.contains(&leg);
        assert!(!over, "seed {seed}: {event:?} after the end of {leg}");
        let polite = self.users == Users::Polite;
        let (body, wild) = (self.sdp(), !polite && self.chance(30));
        let headers = HeaderLines::new();
        let (word, command) = match event {
            Event::Invited { .. } if polite => {
                ("invited", Some(Command::Accept { body: Some(body), headers }))
            }
            Event::Provisional { wants_answer: true, .. } => {
                ("provisional", Some(Command::AnswerPrack { body }))
            }
            Event::Answered { wants_answer, .. } => {
                ("answered", (wants_answer && !wild).then_some(Command::Ack { body }))
            }
            Event::ReofferAnswered { .. } => ("reoffer answered", Some(Command::Ack { body })),
            Event::Reoffered { .. } if wild => ("reoffered", Some(Command::Refuse { status: 488 })),
            Event::Reoffered { .. } => ("reoffered", Some(Command::Answer { body })),
            Event::Info { transaction, .. } => {
                let (status, reason) = (200, String::new());
                ("info", Some(Command::Respond { transaction, status, reason, headers }))
            }
            Event::Confirmed { .. } => ("confirmed", None),
            Event::Refused { .. } => ("refused", None),
            Event::Ended { .. } => {
                self.houses[testbed].ended.insert(leg);
                ("ended", None)
            }
            other => {
                self.houses[testbed].told.push(format!("{other:?}"));
                return;
            }
        };
        self.houses[testbed].told.push(word.to_owned());
        if let Some(command) = command {
            self.command(testbed, leg, command);
        }
    }

    /// What transactions want done.
    fn carry(&mut self, testbed: usize, effects: Vec<transaction::Effect>) {
        for effect in effects {
            let client = |id: transaction::ClientId| dialog::ClientTx(id.0);
            let input = match effect {
                transaction::Effect::Send { to, message } => {
                    self.send(testbed, to, &message);
                    continue;
                }
                transaction::Effect::Request { id, flow, request } => {
                    let transaction = dialog::ServerTx(id.0);
                    if request.headers.to_tag().is_none() {
                        self.houses[testbed].legs += 1;
                        let leg = LegId(self.houses[testbed].legs);
                        dialog::Input::Incoming(dialog::IncomingInvite {
                            leg,
                            transaction,
                            flow,
                            request,
                            credentials: None,
                        })
                    } else {
                        dialog::Input::Request { transaction, flow, request }
                    }
                }
                transaction::Effect::Ack { request, .. } => {
                    dialog::Input::Ack { believed: true, request }
                }
                transaction::Effect::Cancelled { id, reason } => {
                    dialog::Input::Cancelled { transaction: dialog::ServerTx(id.0), reason }
                }
                transaction::Effect::Response { id, response } => {
                    dialog::Input::Response { transaction: client(id), response }
                }
                transaction::Effect::Failed { id, why } => {
                    let why = match why {
                        transaction::TransactionFailure::Timeout => dialog::RequestFailure::Timeout,
                        transaction::TransactionFailure::Transport => {
                            dialog::RequestFailure::Transport
                        }
                    };
                    dialog::Input::Failed { transaction: client(id), why }
                }
                transaction::Effect::NoAck { id } => {
                    dialog::Input::NoAck { transaction: dialog::ServerTx(id.0) }
                }
            };
            let effects = self.houses[testbed].dialogs.handle(self.now, input);
            self.perform(testbed, effects);
        }
    }

    fn send(&mut self, testbed: usize, to: Destination, message: &Message) {
        let other = 1 - testbed;
        if to.remote() != self.houses[other].address {
            assert!(self.weather.garbled_percent > 0, "seed {}: sent to {to:?}", self.seed);
            return;
        }
        let mut bytes = Vec::new();
        sip::print(message, &mut bytes);
        self.garble(&mut bytes);
        let copies = 1 + usize::from(self.chance(self.weather.doubled_percent));
        for _ in 0..copies {
            if !self.chance(self.weather.lost_percent) {
                let delay = 1 + self.random.below(self.weather.delay_max_ms);
                self.sent += 1;
                let key = (self.now + Duration::from_millis(delay), self.sent);
                self.air.insert(key, (other, bytes.clone()));
            }
        }
    }

    /// Changes a digit or letter here and there, or takes a whole line away.
    fn garble(&mut self, bytes: &mut Vec<u8>) {
        if !self.chance(self.weather.garbled_percent) {
            return;
        }
        if self.chance(50) {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let mut lines: Vec<&str> = text.split("\r\n").collect();
            let (one, other) = (self.below(lines.len()), self.below(lines.len()));
            if self.chance(50) {
                lines.remove(one);
            } else {
                lines[one] = lines[other];
            }
            *bytes = lines.join("\r\n").into_bytes();
        } else {
            for _ in 0..3 {
                let place = self.below(bytes.len());
                bytes[place] = b"0123456789abc;,=\"<"[self.below(17)];
            }
        }
    }

    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let mut next = self.air.keys().next().map(|(at, _)| *at);
            for testbed in &self.houses {
                next = earliest(next, testbed.transactions.deadline());
                next = earliest(next, testbed.dialogs.deadline());
            }
            let Some(at) = next.filter(|at| *at <= end) else {
                break;
            };
            self.now = self.now.max(at);
            for testbed in [0, 1] {
                let effects = self.houses[testbed].transactions.tick(self.now);
                self.carry(testbed, effects);
                let effects = self.houses[testbed].dialogs.tick(self.now);
                self.perform(testbed, effects);
            }
            while let Some(entry) = self.air.first_entry().filter(|e| e.key().0 <= self.now) {
                let (testbed, bytes) = entry.remove();
                self.deliver(testbed, &bytes);
            }
        }
        self.now = end;
    }

    fn deliver(&mut self, testbed: usize, bytes: &[u8]) {
        let garbled = self.weather.garbled_percent > 0;
        let message = match sip::parse(bytes) {
            Ok(message) => message,
            Err(error) => return assert!(garbled, "what we print can be read: {error}"),
        };
        if garbled {
            // No promise holds.
        } else if let Message::Response(response) = &message {
            let tagged = response.headers.to_tag().is_some();
            assert!(tagged || response.status == StatusCode::TRYING);
        } else {
            assert!(message.headers().contains(HeaderName::MaxForwards));
        }
        let flow = Flow {
            transport: Transport::Udp,
            local: self.houses[testbed].address,
            remote: self.houses[1 - testbed].address,
            connection: ConnectionId(0),
        };
        let standing = transaction::SourceTrust::Registered;
        let input = transaction::Input::Received { flow, standing, message };
        let effects = self.houses[testbed].transactions.handle(self.now, input);
        self.carry(testbed, effects);
    }
}
