//! What the log hears of wrong passwords: each of them, and from a source that sends many their number.

use crate::directory::NAME_MAX;
use crate::sip::{Flow, Transport, network};
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::IpAddr;

/// So many from one source are said one by one in each [`COUNTED`]; of the others, their number.
pub const SAID_MAX: u64 = 10;
/// For so long they are counted.
pub const COUNTED: Duration = Duration::from_secs(10);
/// So many sources are counted apart; of the others together, their number.
pub const SOURCES_MAX: usize = 1_000;

/// One wrong password, or several.
///
/// Its line is read by programs that shut out who guesses, so it stays as it is. What the sender has
/// chosen stands last and in quotes, in printable ASCII, so that it cannot pass for another source.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WrongPassword {
    /// Where they came from; `None` for several sources.
    pub source: Option<IpAddr>,
    /// How.
    pub transport: Transport,
    /// The account that was claimed, at most 32 characters; of several, the last.
    pub account: String,
    /// How many.
    pub count: u64,
}

impl fmt::Display for WrongPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, transport, account, count } = self;
        let account = account.escape_default();
        match source {
            Some(source) => write!(f, "wrong password: source={source} ")?,
            None => f.write_str("wrong password: several sources ")?,
        }
        write!(f, "transport={transport} count={count} account=\"{account}\"")
    }
}

/// The wrong passwords of the last seconds.
#[derive(Debug, Default)]
pub(super) struct WrongPasswords {
    counts: BTreeMap<IpAddr, GuessCount>,
    /// When each count ends, the first one first.
    due: VecDeque<(Instant, IpAddr)>,
    /// Of the sources that are not counted apart.
    others: Option<WrongPassword>,
    to_say: Vec<WrongPassword>,
}

#[derive(Debug, Default)]
struct GuessCount {
    said: u64,
    /// What was not said.
    more: Option<WrongPassword>,
}

impl WrongPasswords {
    /// Takes note of one.
    pub fn note(&mut self, now: Instant, flow: Flow, account: &str) {
        let ip = flow.remote.ip().to_canonical();
        let account = account.chars().take(NAME_MAX).collect();
        let one = WrongPassword { source: Some(ip), transport: flow.transport, account, count: 1 };
        let source = network(ip);
        if !self.counts.contains_key(&source) {
            if self.counts.len() >= SOURCES_MAX {
                add(&mut self.others, WrongPassword { source: None, ..one });
                return;
            }
            self.due.push_back((now + COUNTED, source));
        }
        let count = self.counts.entry(source).or_default();
        if count.said < SAID_MAX {
            count.said += 1;
            self.to_say.push(one);
        } else {
            add(&mut count.more, one);
        }
    }

    /// When the next count ends.
    pub fn deadline(&self) -> Option<Instant> {
        self.due.front().map(|(at, _)| *at)
    }

    /// Ends the counts that are due.
    pub fn tick(&mut self, now: Instant) {
        while let Some((_, source)) = self.due.pop_front_if(|(at, _)| *at <= now) {
            self.to_say.extend(self.counts.remove(&source).and_then(|count| count.more));
            self.to_say.extend(self.others.take());
        }
    }

    /// What is to be said now.
    pub fn take(&mut self) -> Vec<WrongPassword> {
        std::mem::take(&mut self.to_say)
    }
}

fn add(sum: &mut Option<WrongPassword>, one: WrongPassword) {
    let before = sum.as_ref().map_or(0, |sum| sum.count);
    *sum = Some(WrongPassword { count: before + 1, ..one });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ConnectionId;

    fn at(secs: u64) -> Instant {
        Instant::START + Duration::from_secs(secs)
    }

    fn flow(ip: IpAddr) -> Flow {
        let local = "192.0.2.1:5060".parse().unwrap();
        let remote = (ip, 5060).into();
        Flow { transport: Transport::Udp, local, remote, connection: ConnectionId(0) }
    }

    fn lines(wrong: &mut WrongPasswords) -> Vec<String> {
        wrong.take().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_is_said_and_of_a_flood_its_number() {
        let mut wrong = WrongPasswords::default();
        let source = flow("198.51.100.7".parse().unwrap());
        wrong.note(at(0), source, "3001");
        let line = "wrong password: source=198.51.100.7 transport=UDP count=1 account=\"3001\"";
        assert_eq!(lines(&mut wrong), [line]);
        for _ in 0..500 {
            wrong.note(at(1), source, "3002");
        }
        assert_eq!(lines(&mut wrong).len(), 9);
        assert_eq!(wrong.deadline(), Some(at(10)));
        wrong.tick(at(10));
        let line = "wrong password: source=198.51.100.7 transport=UDP count=491 account=\"3002\"";
        assert_eq!(lines(&mut wrong), [line]);
        assert_eq!(wrong.deadline(), None);
        wrong.note(at(10), source, "3001");
        assert_eq!(lines(&mut wrong).len(), 1, "a new count has begun");
    }

    #[test]
    fn a_crafted_name_cannot_pass_for_another_source() {
        let mut wrong = WrongPasswords::default();
        let name = "x\" \r\nWARN wrong password: source=192.0.2.9";
        wrong.note(at(0), flow("::ffff:198.51.100.7".parse().unwrap()), name);
        wrong.note(at(0), flow("2001:db8::7".parse().unwrap()), "ä\u{202e}\\");
        assert_eq!(
            lines(&mut wrong),
            [
                "wrong password: source=198.51.100.7 transport=UDP count=1 \
                 account=\"x\\\" \\r\\nWARN wrong password: source\"",
                "wrong password: source=2001:db8::7 transport=UDP count=1 \
                 account=\"\\u{e4}\\u{202e}\\\\\"",
            ]
        );
    }

    #[test]
    fn memory_is_bounded_and_of_the_other_sources_the_number_is_said() {
        let mut wrong = WrongPasswords::default();
        for n in 0..3 * SOURCES_MAX as u32 {
            wrong.note(at(0), flow(IpAddr::V4(n.into())), "3001");
        }
        assert_eq!((wrong.counts.len(), wrong.due.len()), (SOURCES_MAX, SOURCES_MAX));
        assert_eq!(lines(&mut wrong).len(), SOURCES_MAX);
        wrong.tick(at(10));
        let line = "wrong password: several sources transport=UDP count=2000 account=\"3001\"";
        assert_eq!(lines(&mut wrong), [line]);
        assert!(wrong.counts.is_empty() && wrong.due.is_empty());
    }
}
