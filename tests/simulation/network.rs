//! The line of events, and what the network does to a datagram.

use cordboard::ids::{PortId, Ticket};
use cordboard::random::Random;
use cordboard::sip::Destination;
use cordboard::time::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Write as _};
use std::net::SocketAddr;

/// What happens at a moment.
#[derive(Clone, Debug)]
pub enum Event {
    /// A datagram of SIP reaches the house, from this phone.
    ToHouse(usize, Vec<u8>),
    /// A datagram of SIP reaches this phone.
    ToPhone(usize, Vec<u8>),
    /// A datagram of sound reaches a relay port.
    Sound { from: SocketAddr, port: u16, packet: Vec<u8> },
    /// The handshake of a transport is done with this dialog, if it still wants it.
    Keyed(PortId, u32),
    /// The handshake of this number has had its time.
    HandshakeOver(PortId, u64),
    /// A connection of the house to a phone was refused.
    NoStream(Destination),
    /// The journal has come to this batch.
    Journal(Ticket),
    /// More relay ports are bound.
    Ports,
    /// The journal begins to fail, in some way and for some time.
    Trouble,
    /// A phone repeats a request that nobody has answered, by its branch.
    Repeat(String),
    /// A phone repeats a final response that nobody has acknowledged, by its key.
    RepeatAnswer(String),
    /// A datagram of SIP reaches the house, from an attacker.
    FromAttacker(SocketAddr, Vec<u8>),
    /// An attacker tries something.
    Prowl(u8),
    /// A person acts in a dialog.
    Act(u32, Deed),
    /// A person acts outside of dialogs.
    Live(usize),
    /// A desk acts, if it still sits in this dialog.
    Desk(usize, u32),
    /// A party of a dialog speaks.
    Speak(u32),
}

/// What a person does in a dialog.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Deed {
    Ring,
    Pick,
    Refuse(u16),
    HangUp,
    Hold,
    Resume,
    Key(char),
    Transfer,
    Refresh,
}

/// Events in the order of their moments; those of one moment in the order of their making.
#[derive(Debug, Default)]
pub struct Agenda {
    events: BTreeMap<(Instant, u64), Event>,
    made: u64,
}

impl Agenda {
    pub fn add(&mut self, at: Instant, event: Event) {
        self.made += 1;
        self.events.insert((at, self.made), event);
    }

    pub fn next(&self) -> Option<Instant> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    pub fn pop(&mut self) -> Option<Event> {
        self.events.pop_first().map(|(_, event)| event)
    }
}

/// How bad the network is, in thousandths of all datagrams.
#[derive(Debug)]
pub struct Network {
    pub lost: u64,
    pub doubled: u64,
    pub late: u64,
    pub chance: Random,
}

impl Network {
    /// When copies of a datagram arrive: never, once, or more often.
    pub fn carry(&mut self, now: Instant) -> Vec<Instant> {
        let fate = self.chance.below(1_000);
        let copies = match fate {
            fate if fate < self.lost => 0,
            fate if fate < self.lost + self.doubled => 2,
            _ => 1,
        };
        (0..copies).map(|_| now + self.delay()).collect()
    }

    /// Some tens of milliseconds; a late one is overtaken by all that follow it.
    fn delay(&mut self) -> Duration {
        let usual = 1_000 + self.chance.below(30_000);
        let late = self.chance.below(1_000) < self.late;
        Duration::from_micros(if late { usual + self.chance.below(900_000) } else { usual })
    }
}

/// The last things that happened, for the one who has to understand a failure.
#[derive(Debug, Default)]
pub struct Ladder {
    lines: VecDeque<(Instant, Line)>,
}

/// One thing that happened; put into words only when somebody reads it.
#[derive(Debug)]
pub enum Line {
    Told(String),
    Sip { from: String, to: String, bytes: Vec<u8> },
}

const LINES_MAX: usize = 40_000;
/// Lines of the failure's own parties, and of all.
const SHOWN: usize = 120;

impl Ladder {
    pub fn note(&mut self, at: Instant, line: Line) {
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back((at, line));
    }

    /// The last lines that name one of `parties`, or all when there are none.
    pub fn print(&self, parties: &[String]) -> String {
        let concerned = |line: &String| {
            parties.is_empty() || parties.iter().any(|party| line.contains(party.as_str()))
        };
        let lines = self.lines.iter().rev().map(|(at, line)| (at, line.to_string()));
        let mut shown: Vec<_> = lines.filter(|(_, line)| concerned(line)).take(SHOWN).collect();
        shown.reverse();
        let mut text = String::new();
        for (at, line) in shown {
            let _ = writeln!(text, "{:>13.6}  {line}", at.as_micros() as f64 / 1e6);
        }
        text
    }
}

/// A message in one line: what, of which dialog, and what a desk is told.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to, bytes) = match self {
            Self::Told(text) => return write!(f, "{:16}{text}", ""),
            Self::Sip { from, to, bytes } => (from, to, bytes),
        };
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let first = head.split("\r\n").next().unwrap_or_default();
        let first = first.trim_start_matches("SIP/2.0 ").trim_end_matches(" SIP/2.0");
        write!(f, "{from:>8} -> {to:<8} {first}")?;
        for name in ["CSeq: ", "Call-ID: "] {
            let value = head.split("\r\n").find_map(|line| line.strip_prefix(name));
            write!(f, " [{}]", value.unwrap_or("?"))?;
        }
        if body.starts_with('{') {
            write!(f, " {body}")?;
        }
        Ok(())
    }
}
