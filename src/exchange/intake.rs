//! What of all that comes is read, and in which order, when more comes than can be read
//! (RFC 7339 in spirit: control where the load is, and throw away what costs least).
//!
//! ```text
//!   message ── of a dialog or a transaction of ours ─────────────────────────────▶ read at once
//!           ── over the pace of its source ── 503, so many a second; then silence
//!           ── else ──▶ the line of its standing ── one of each source in turn ──▶ read
//!                         └─ full: the longest source loses its last: 503 or silence
//! ```
//!
//! The queue of unauthenticated sources is read only while those above it are empty.

use crate::random::{KeyedMap, Random, take_out};
use crate::sip::{Flow, network};
use crate::time::{Duration, Fading, Instant};
use crate::transaction::SourceTrust;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;

/// So many messages of a source that nothing speaks for are read in a second.
pub const UNAUTHENTICATED_PACE: u32 = 100;
/// So many of a source where phones or desks have proved themselves.
pub const PHONES_PACE: u32 = 1_000;
/// So many of a trunk's address.
pub const TRUNKS_PACE: u32 = 5_000;
/// So many messages within dialogs, from a source that nothing else speaks for, go before all others.
pub const DIALOGS_PACE: u32 = 200;
/// So many 503 an unauthenticated source gets in a second; what is over is dropped, and comes again or not.
pub const REFUSALS_PACE: u32 = 10;
/// So many all others get.
pub const KNOWN_REFUSALS_PACE: u32 = 1_000;
/// So many sources are counted at a time; beyond, the oldest count gives way.
pub const PACES_MAX: usize = 10_000;
/// So many sources are remembered for their passwords; beyond, the one that proved itself least lately
/// gives way. Unauthenticated sources push nobody out.
pub const KNOWN_MAX: usize = 10_000;
/// So much may wait in one line, in bytes.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// What has waited so long is not read any more: by UDP it has come again (RFC 3261 §17.1.1.2, T1),
/// and whoever reads only what is too late carries no call at all.
pub const WAIT_MAX: Duration = Duration::from_millis(500);
/// What came by a connection comes once: a hundred desks that are back at the same moment are all read. Longer than a full
/// line takes, and shorter than its sender waits (timer F).
pub const CONNECTION_WAIT_MAX: Duration = Duration::from_secs(4);

/// What one message in a line costs beside its bytes.
const PLACE_BYTES: usize = 256;
const SECOND: Duration = Duration::from_secs(1);

/// What is to be done with a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum IntakeVerdict {
    /// Read it.
    Now,
    /// It goes into the line of its standing.
    Waits,
    /// It is too much: a 503, and nothing of it is read.
    Refused,
    /// It is too much, and so is an answer.
    Dropped,
}

/// A message that waits to be read.
#[derive(Debug)]
pub(super) struct WaitingMessage {
    pub flow: Flow,
    pub standing: SourceTrust,
    pub since: Instant,
    pub bytes: Box<[u8]>,
}

/// All that is not read yet, and what is known of where it comes from.
#[derive(Debug)]
pub(super) struct Intake {
    known_for: Duration,
    /// Where right passwords came from.
    known: Fading<IpAddr, ()>,
    paces: Paces,
    phones: SourceQueues,
    trunks: SourceQueues,
    unauthenticated: SourceQueues,
}

impl Intake {
    /// Nothing waits; a source is known for so long after a right password.
    pub fn new(known_for: Duration, random: &mut Random) -> Self {
        Self {
            known_for,
            known: Fading::new(KNOWN_MAX),
            paces: Paces::new(random),
            phones: SourceQueues::default(),
            trunks: SourceQueues::default(),
            unauthenticated: SourceQueues::default(),
        }
    }

    /// A right password came from there.
    pub fn proved(&mut self, now: Instant, source: IpAddr) {
        self.known.put(network(source), (), now + self.known_for);
    }

    /// Whether a right password came from there lately.
    pub fn knows(&self, now: Instant, source: IpAddr) -> bool {
        self.known.get(&network(source)).is_some_and(|(end, ())| now < end)
    }

    /// Counts a message of a source that stands so, and judges it; `ours` when it belongs to a dialog
    /// or a transaction.
    pub fn judge(
        &mut self,
        now: Instant,
        source: IpAddr,
        standing: SourceTrust,
        ours: bool,
    ) -> IntakeVerdict {
        let count = self.paces.of(now, network(source));
        if ours {
            count.in_dialogs = count.in_dialogs.saturating_add(1);
            // A guest in a call is no reason to let all of his messages go first.
            if standing > SourceTrust::Unauthenticated || count.in_dialogs <= DIALOGS_PACE {
                return IntakeVerdict::Now;
            }
        }
        count.messages = count.messages.saturating_add(1);
        let pace = match standing {
            SourceTrust::Unauthenticated => UNAUTHENTICATED_PACE,
            SourceTrust::Trunk => TRUNKS_PACE,
            SourceTrust::Registered | SourceTrust::Guest | SourceTrust::Dialog => PHONES_PACE,
        };
        if count.messages <= pace { IntakeVerdict::Waits } else { count.refuse(standing) }
    }

    /// Puts a message into its line; returns what has to leave it, with its verdict.
    pub fn wait(
        &mut self,
        now: Instant,
        message: WaitingMessage,
    ) -> Vec<(WaitingMessage, IntakeVerdict)> {
        let queue = match message.standing {
            SourceTrust::Unauthenticated => &mut self.unauthenticated,
            SourceTrust::Trunk => &mut self.trunks,
            SourceTrust::Registered | SourceTrust::Guest | SourceTrust::Dialog => &mut self.phones,
        };
        let out = queue.push(message);
        let refuse = |out: WaitingMessage| {
            let count = self.paces.of(now, network(out.flow.remote.ip()));
            let verdict = count.refuse(out.standing);
            (out, verdict)
        };
        out.into_iter().map(refuse).collect()
    }

    /// The next message, to be read or too late for it.
    pub fn next(&mut self, now: Instant) -> Option<(WaitingMessage, IntakeVerdict)> {
        let next = self.phones.pop().or_else(|| self.trunks.pop());
        let next = next.or_else(|| self.unauthenticated.pop())?;
        let wait_max = match next.flow.transport.is_reliable() {
            true => CONNECTION_WAIT_MAX,
            false => WAIT_MAX,
        };
        if now.since(next.since) < wait_max {
            return Some((next, IntakeVerdict::Now));
        }
        let verdict = self.paces.of(now, network(next.flow.remote.ip())).refuse(next.standing);
        Some((next, verdict))
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        [&self.phones, &self.trunks, &self.unauthenticated]
            .into_iter()
            .all(|queue| queue.turns.is_empty())
    }
}

/// What each source sent within its second.
#[derive(Debug)]
struct Paces {
    counts: KeyedMap<IpAddr, SourceCount>,
    /// When each count began, the oldest first.
    begun: VecDeque<(Instant, IpAddr)>,
}

#[derive(Debug, Default)]
struct SourceCount {
    messages: u32,
    in_dialogs: u32,
    refusals: u32,
}

impl SourceCount {
    fn refuse(&mut self, standing: SourceTrust) -> IntakeVerdict {
        self.refusals = self.refusals.saturating_add(1);
        let pace = match standing {
            SourceTrust::Unauthenticated => REFUSALS_PACE,
            SourceTrust::Trunk
            | SourceTrust::Registered
            | SourceTrust::Guest
            | SourceTrust::Dialog => KNOWN_REFUSALS_PACE,
        };
        if self.refusals <= pace { IntakeVerdict::Refused } else { IntakeVerdict::Dropped }
    }
}

impl Paces {
    fn new(random: &mut Random) -> Self {
        Self { counts: HashMap::with_hasher(random.map_keys()), begun: VecDeque::new() }
    }

    fn of(&mut self, now: Instant, source: IpAddr) -> &mut SourceCount {
        while self.begun.front().is_some_and(|(begun, _)| now.since(*begun) >= SECOND) {
            self.drop_oldest();
        }
        if !self.counts.contains_key(&source) {
            if self.counts.len() >= PACES_MAX {
                self.drop_oldest();
            }
            self.begun.push_back((now, source));
        }
        self.counts.entry(source).or_default()
    }

    fn drop_oldest(&mut self) {
        if let Some((_, source)) = self.begun.pop_front() {
            take_out(&mut self.counts, &source);
        }
    }
}

/// Messages that wait, those of one source behind each other, the sources beside each other.
#[derive(Debug, Default)]
struct SourceQueues {
    sources: BTreeMap<IpAddr, SourceQueue>,
    /// Whose turn it is; each source that waits stands here once.
    turns: VecDeque<IpAddr>,
    /// The sources by what they take.
    by_bytes: BTreeSet<(usize, IpAddr)>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct SourceQueue {
    messages: VecDeque<WaitingMessage>,
    bytes: usize,
}

impl SourceQueues {
    /// Puts one more in and returns those for whom there is no room any more.
    fn push(&mut self, message: WaitingMessage) -> Vec<WaitingMessage> {
        let at = network(message.flow.remote.ip());
        if !self.sources.contains_key(&at) {
            self.turns.push_back(at);
        }
        let weight = weight(&message);
        self.sources.entry(at).or_default().messages.push_back(message);
        self.weigh(at, |bytes| bytes + weight);
        let mut out = Vec::new();
        while self.bytes > LINE_BYTES_MAX
            && let Some((_, longest)) = self.by_bytes.last().copied()
        {
            // Nobody who was here before and takes one place only gives way to a newcomer.
            let single = self.sources.get(&longest).is_none_or(|source| source.messages.len() == 1);
            let loser = if single { at } else { longest };
            let lost = self.sources.get_mut(&loser).and_then(|source| source.messages.pop_back());
            let Some(lost) = lost else { break };
            let weight = self::weight(&lost);
            if !self.weigh(loser, |bytes| bytes - weight) {
                // Only the newcomer can lose all that it has, and its turn is the last.
                self.turns.pop_back();
            }
            out.push(lost);
        }
        out
    }

    fn pop(&mut self) -> Option<WaitingMessage> {
        let at = self.turns.pop_front()?;
        let message = self.sources.get_mut(&at)?.messages.pop_front()?;
        let weight = weight(&message);
        if self.weigh(at, |bytes| bytes - weight) {
            self.turns.push_back(at);
        }
        Some(message)
    }

    /// Keeps the account of one source; returns whether it is still in line.
    fn weigh(&mut self, at: IpAddr, change: impl Fn(usize) -> usize) -> bool {
        let Some(source) = self.sources.get_mut(&at) else { return false };
        let before = source.bytes;
        source.bytes = change(before);
        let after = source.bytes;
        self.bytes = self.bytes - before + after;
        self.by_bytes.remove(&(before, at));
        if after == 0 {
            self.sources.remove(&at);
            return false;
        }
        self.by_bytes.insert((after, at));
        true
    }
}

fn weight(message: &WaitingMessage) -> usize {
    message.bytes.len() + PLACE_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ConnectionId;
    use crate::sip::Transport;
    use std::net::SocketAddr;

    fn at(ms: u64) -> Instant {
        Instant::START + Duration::from_millis(ms)
    }

    fn ip(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    fn intake() -> Intake {
        Intake::new(Duration::from_secs(7_200), &mut Random::from_number(1))
    }

    fn message(source: u32, standing: SourceTrust, bytes: usize) -> WaitingMessage {
        let flow = Flow {
            transport: Transport::Udp,
            local: SocketAddr::from(([192, 0, 2, 1], 5060)),
            remote: SocketAddr::new(ip(source), 5060),
            connection: ConnectionId(0),
        };
        WaitingMessage { flow, standing, since: at(0), bytes: vec![0; bytes].into() }
    }

    fn source(message: &WaitingMessage) -> IpAddr {
        message.flow.remote.ip()
    }

    #[test]
    fn an_unauthenticated_source_in_a_hurry_gets_some_503_and_then_silence() {
        let mut intake = intake();
        let mut judge =
            |ms, source| intake.judge(at(ms), ip(source), SourceTrust::Unauthenticated, false);
        for _ in 0..UNAUTHENTICATED_PACE {
            assert_eq!(judge(0, 1), IntakeVerdict::Waits);
        }
        for _ in 0..REFUSALS_PACE {
            assert_eq!(judge(999, 1), IntakeVerdict::Refused);
        }
        assert_eq!(judge(999, 1), IntakeVerdict::Dropped);
        assert_eq!(judge(999, 2), IntakeVerdict::Waits, "its neighbour is innocent");
        assert_eq!(judge(1_000, 1), IntakeVerdict::Waits, "the next second");
    }

    #[test]
    fn each_standing_has_a_pace_of_its_own() {
        for (standing, pace) in [
            (SourceTrust::Unauthenticated, UNAUTHENTICATED_PACE),
            (SourceTrust::Registered, PHONES_PACE),
            (SourceTrust::Trunk, TRUNKS_PACE),
        ] {
            let mut intake = intake();
            let all = (0..2 * pace).map(|_| intake.judge(at(0), ip(1), standing, false));
            let read = all.filter(|verdict| *verdict == IntakeVerdict::Waits).count();
            assert_eq!(read, pace as usize, "{standing:?}");
        }
    }

    #[test]
    fn what_belongs_to_a_dialog_goes_first_whatever_its_neighbours_do() {
        let mut intake = intake();
        for _ in 0..20_000 {
            intake.judge(at(0), ip(1), SourceTrust::Unauthenticated, false);
        }
        assert_eq!(
            intake.judge(at(0), ip(1), SourceTrust::Unauthenticated, true),
            IntakeVerdict::Now
        );
        for _ in 0..20_000 {
            assert_eq!(
                intake.judge(at(0), ip(2), SourceTrust::Registered, true),
                IntakeVerdict::Now
            );
        }
    }

    #[test]
    fn an_unauthenticated_source_in_a_call_has_so_many_messages_that_go_first_and_no_more() {
        let mut intake = intake();
        let all =
            (0..20_000).map(|_| intake.judge(at(0), ip(1), SourceTrust::Unauthenticated, true));
        let read = all.filter(|verdict| *verdict == IntakeVerdict::Now).count();
        assert_eq!(read, DIALOGS_PACE as usize);
    }

    #[test]
    fn phones_are_read_before_trunks_and_trunks_before_the_unauthenticated() {
        let mut intake = intake();
        let all = [SourceTrust::Unauthenticated, SourceTrust::Trunk, SourceTrust::Registered];
        for standing in all {
            assert!(intake.wait(at(0), message(1, standing, 1)).is_empty());
        }
        let read = std::iter::from_fn(|| intake.next(at(0))).map(|(message, _)| message.standing);
        assert_eq!(read.collect::<Vec<_>>(), all.into_iter().rev().collect::<Vec<_>>());
        assert!(intake.is_empty());
    }

    #[test]
    fn what_has_waited_too_long_is_not_read() {
        let mut intake = intake();
        for _ in 0..2 {
            assert!(intake.wait(at(0), message(1, SourceTrust::Trunk, 1)).is_empty());
        }
        assert_eq!(intake.next(at(499)).unwrap().1, IntakeVerdict::Now);
        assert_eq!(intake.next(at(500)).unwrap().1, IntakeVerdict::Refused);
        for _ in 0..=REFUSALS_PACE {
            assert!(intake.wait(at(0), message(2, SourceTrust::Unauthenticated, 1)).is_empty());
        }
        let last = std::iter::from_fn(|| intake.next(at(500))).last().unwrap();
        assert_eq!(last.1, IntakeVerdict::Dropped, "then silence");
    }

    #[test]
    fn what_comes_once_may_wait_longer() {
        let mut intake = intake();
        for _ in 0..2 {
            let mut message = message(1, SourceTrust::Registered, 1);
            message.flow.transport = Transport::Wss;
            assert!(intake.wait(at(0), message).is_empty());
        }
        assert_eq!(intake.next(at(3_999)).unwrap().1, IntakeVerdict::Now);
        assert_eq!(intake.next(at(4_000)).unwrap().1, IntakeVerdict::Refused);
    }

    #[test]
    fn sources_are_read_in_turn() {
        let mut intake = intake();
        for number in [1, 1, 1, 2, 1, 3, 2] {
            let out = intake.wait(at(0), message(number, SourceTrust::Unauthenticated, 1));
            assert!(out.is_empty());
        }
        let read = std::iter::from_fn(|| intake.next(at(0))).map(|(message, _)| source(&message));
        assert_eq!(read.collect::<Vec<_>>(), [1, 2, 3, 1, 2, 1, 1].map(ip));
    }

    #[test]
    fn in_a_full_line_whoever_takes_most_gives_way() {
        let mut intake = intake();
        let bytes = 1_024 - PLACE_BYTES;
        for _ in 0..LINE_BYTES_MAX / 1_024 {
            assert!(intake.wait(at(0), message(1, SourceTrust::Unauthenticated, bytes)).is_empty());
        }
        let out = intake.wait(at(0), message(1, SourceTrust::Unauthenticated, bytes));
        assert_eq!(out.len(), 1, "its own last");
        let out = intake.wait(at(0), message(2, SourceTrust::Unauthenticated, bytes));
        assert_eq!((out.len(), source(&out[0].0)), (1, ip(1)));
        let out = intake.wait(at(0), message(3, SourceTrust::Registered, bytes));
        assert!(out.is_empty(), "another standing, another line");
        let read = [(); 3].map(|()| source(&intake.next(at(0)).unwrap().0));
        assert_eq!(read, [ip(3), ip(1), ip(2)]);
    }

    #[test]
    fn in_a_line_full_of_many_the_newcomer_is_refused() {
        let mut intake = intake();
        let places = LINE_BYTES_MAX / (1 + PLACE_BYTES);
        for number in 0..places as u32 {
            assert!(
                intake.wait(at(0), message(number, SourceTrust::Unauthenticated, 1)).is_empty()
            );
        }
        let out = intake.wait(at(0), message(u32::MAX, SourceTrust::Unauthenticated, 1));
        assert_eq!((out.len(), source(&out[0].0)), (1, ip(u32::MAX)));
        let read = std::iter::from_fn(|| intake.next(at(0))).count();
        assert_eq!(read, places);
        assert_eq!((intake.unauthenticated.bytes, intake.unauthenticated.by_bytes.len()), (0, 0));
        assert!(intake.unauthenticated.sources.is_empty() && intake.is_empty());
    }

    #[test]
    fn memory_is_bounded_and_the_unauthenticated_push_no_known_source_out() {
        let mut intake = intake();
        intake.proved(at(0), ip(7));
        for number in 0..2 * PACES_MAX as u32 {
            intake.judge(at(0), ip(number), SourceTrust::Unauthenticated, false);
        }
        let Paces { counts, begun } = &intake.paces;
        assert_eq!((counts.len(), begun.len()), (PACES_MAX, PACES_MAX));
        assert!(intake.knows(at(1), ip(7)) && !intake.knows(at(1), ip(8)));
        for number in 0..2 * KNOWN_MAX as u32 {
            intake.proved(at(2), ip(number));
        }
        assert_eq!(intake.known.len(), KNOWN_MAX);
    }

    #[test]
    fn a_source_is_known_for_as_long_as_a_registration_may_last() {
        let mut intake = intake();
        intake.proved(at(0), "2001:db8::1".parse().unwrap());
        let neighbour = "2001:db8::2".parse().unwrap();
        assert!(intake.knows(at(7_199_999), neighbour), "one /64 is one source");
        assert!(!intake.knows(at(7_200_000), neighbour));
    }
}
