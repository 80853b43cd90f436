//! What to ask the DNS, and when.
//!
//! ```text
//!              found, absent                          time to live over
//!   Asked ──────────────────────▶ known, rests ─────────────────────────────▶ Asked
//!     │ failed, or nothing heard ▶ what was known holds on; asked again after 5 s, 10 s … 5 min
//! ```

use super::procedure::{KnownAnswer, Procedure};
use super::question::{DnsAnswer, Question, RECORDS_MAX, Records};
use super::sought::Sought;
use crate::random::Random;
use crate::sip::{Destination, Transport};
use crate::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// So many names are sought at a time; more are left out.
pub const SOUGHT_MAX: usize = 2_000;
/// So many questions are on their way at a time; the others wait.
pub const ASKED_MAX: usize = 32;
/// Records hold for so long at least, whatever they say, so that a time to live of 0 does not make us
/// ask without end.
pub const TTL_MIN: Duration = Duration::from_secs(10);
/// Records hold for so long at most: a name that has moved is found within an hour.
pub const TTL_MAX: Duration = Duration::from_secs(3_600);
/// What is not there is asked for again after so long at most.
pub const ABSENT_MAX: Duration = Duration::from_secs(300);
/// The first repetition of a question that found no answer; each further one waits twice as long.
pub const RETRY_FIRST: Duration = Duration::from_secs(5);
/// The longest wait between repetitions.
pub const RETRY_MAX: Duration = Duration::from_secs(300);
/// An answer that does not come within so long is taken for none.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// While the DNS is away, its last answer holds for so long beyond its time to live (RFC 8767 §5).
pub const STALE_MAX: Duration = Duration::from_secs(3 * 24 * 3_600);

/// What can be set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// The transports that we speak, the preferred one first.
    pub transports: Vec<Transport>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { transports: vec![Transport::Udp, Transport::Tcp] }
    }
}

/// What reaches the locator.
#[derive(Clone, Debug)]
pub enum Input {
    /// All names whose servers are wanted from now on.
    Seek(BTreeSet<Sought>),
    /// The DNS has answered, or not.
    Answered {
        /// What was asked.
        question: Question,
        /// What came.
        answer: DnsAnswer,
    },
}

/// What it wants done or known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Ask the DNS; exactly one answer is awaited.
    Ask(Question),
    /// The addresses of a name are others now, or there are none any more.
    Moved {
        /// Which name.
        sought: Sought,
        /// Its addresses.
        addresses: BTreeSet<IpAddr>,
    },
    /// A name whose servers nobody could tell when it was asked for the first time, or after they
    /// were lost.
    Unresolved(Sought),
}

/// All that is known of names.
#[derive(Debug)]
pub struct Machine {
    settings: Settings,
    places: BTreeMap<Sought, SoughtName>,
    entries: BTreeMap<Question, QuestionEntry>,
    asked: usize,
    deadline: Option<Instant>,
}

/// One name that is sought.
#[derive(Debug, Default)]
struct SoughtName {
    /// What its servers depend on.
    questions: BTreeSet<Question>,
    addresses: BTreeSet<IpAddr>,
    /// That it is unresolved has been said.
    missed: bool,
}

/// One question.
#[derive(Debug)]
struct QuestionEntry {
    memory: CachedAnswer,
    next: Next,
    failures: u32,
}

#[derive(Debug)]
enum CachedAnswer {
    Nothing,
    Absent,
    Records { records: Records, until: Instant },
}

#[derive(Clone, Copy, Debug)]
enum Next {
    /// It is on its way; without an answer by then, there is none.
    Asked(Instant),
    /// To be asked then.
    At(Instant),
}

impl QuestionEntry {
    fn known(&self) -> KnownAnswer<'_> {
        match &self.memory {
            CachedAnswer::Nothing if self.failures > 0 => KnownAnswer::Unanswered,
            CachedAnswer::Nothing => KnownAnswer::Nothing,
            CachedAnswer::Absent => KnownAnswer::Absent,
            CachedAnswer::Records { records, .. } => KnownAnswer::Records(records),
        }
    }

    /// Takes an answer.
    fn take(&mut self, now: Instant, answer: DnsAnswer) {
        let rest = match answer {
            DnsAnswer::Found { mut records, ttl } => {
                records.truncate();
                let ttl = ttl.clamp(TTL_MIN, TTL_MAX);
                self.failures = 0;
                self.memory = CachedAnswer::Records { records, until: now + ttl + STALE_MAX };
                ttl
            }
            DnsAnswer::Absent { ttl } => {
                self.failures = 0;
                self.memory = CachedAnswer::Absent;
                ttl.unwrap_or(ABSENT_MAX).clamp(TTL_MIN, ABSENT_MAX)
            }
            DnsAnswer::Failed => {
                if let CachedAnswer::Records { until, .. } = self.memory
                    && until <= now
                {
                    self.memory = CachedAnswer::Nothing;
                }
                let wait = RETRY_FIRST * (1 << self.failures.min(10));
                self.failures = self.failures.saturating_add(1);
                wait.min(RETRY_MAX)
            }
        };
        self.next = Next::At(now + rest);
    }
}

impl Records {
    fn truncate(&mut self) {
        match self {
            Self::Naptr(records) => records.truncate(RECORDS_MAX),
            Self::Srv(records) => records.truncate(RECORDS_MAX),
            Self::Addresses(records) => records.truncate(RECORDS_MAX),
        }
    }
}

impl Machine {
    /// Nothing is sought.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            places: BTreeMap::new(),
            entries: BTreeMap::new(),
            asked: 0,
            deadline: None,
        }
    }

    /// Where to send what goes to this name, the first first; nothing while that is not known. `turn`
    /// is any number that differs from call to call: servers of one rank take turns by their weights.
    #[must_use]
    pub fn destinations(&self, sought: &Sought, turn: u64) -> Vec<Destination> {
        self.procedure(sought).destinations(&mut Random::from_number(turn))
    }

    /// The names whose servers nobody can tell at the moment.
    pub fn unresolved(&self) -> impl Iterator<Item = &Sought> {
        self.places.iter().filter(|(_, place)| place.missed).map(|(sought, _)| sought)
    }

    /// Takes one input.
    #[must_use]
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        match input {
            Input::Seek(sought) => self.seek(now, sought, &mut out),
            Input::Answered { question, answer } => self.answered(now, question, answer, &mut out),
        }
        self.ask(now, &mut out);
        out
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Asks what is due.
    #[must_use]
    pub fn tick(&mut self, now: Instant) -> Vec<Effect> {
        let mut out = Vec::new();
        let late = |entry: &QuestionEntry| matches!(entry.next, Next::Asked(until) if until <= now);
        let late: Vec<Question> = self
            .entries
            .iter()
            .filter(|(_, entry)| late(entry))
            .map(|(question, _)| question.clone())
            .collect();
        for question in late {
            self.answered(now, question, DnsAnswer::Failed, &mut out);
        }
        self.ask(now, &mut out);
        out
    }

    fn procedure<'a>(
        &'a self,
        sought: &Sought,
    ) -> Procedure<'a, impl Fn(&Question) -> KnownAnswer<'a> + use<'a>> {
        let known = |question: &Question| -> KnownAnswer<'a> {
            self.entries.get(question).map_or(KnownAnswer::Nothing, QuestionEntry::known)
        };
        Procedure::of(sought, &self.settings.transports, known)
    }

    fn seek(&mut self, now: Instant, sought: BTreeSet<Sought>, out: &mut Vec<Effect>) {
        self.places.retain(|place, _| sought.contains(place));
        for sought in sought {
            if self.places.len() < SOUGHT_MAX && !self.places.contains_key(&sought) {
                self.places.insert(sought.clone(), SoughtName::default());
                self.look_at(now, sought, out);
            }
        }
        self.forget();
    }

    fn answered(
        &mut self,
        now: Instant,
        question: Question,
        answer: DnsAnswer,
        out: &mut Vec<Effect>,
    ) {
        // What was not asked, or is sought no more, teaches nothing.
        let Some(entry) = self.entries.get_mut(&question) else { return };
        if !matches!(entry.next, Next::Asked(_)) {
            return;
        }
        self.asked -= 1;
        entry.take(now, answer);
        let touched: Vec<Sought> = self
            .places
            .iter()
            .filter(|(_, place)| place.questions.contains(&question))
            .map(|(sought, _)| sought.clone())
            .collect();
        let mut is_other_way = false;
        for sought in touched {
            is_other_way |= self.look_at(now, sought, out);
        }
        if is_other_way {
            self.forget();
        }
    }

    /// Walks along the procedure once more: notes what has to be asked, and tells what is new. True
    /// when the name no longer depends on something that it depended on.
    fn look_at(&mut self, now: Instant, sought: Sought, out: &mut Vec<Effect>) -> bool {
        let (questions, addresses) = {
            let walk = self.procedure(&sought);
            let addresses = walk.addresses();
            (walk.questions.into_iter().collect::<BTreeSet<Question>>(), addresses)
        };
        for question in &questions {
            let fresh = || QuestionEntry {
                memory: CachedAnswer::Nothing,
                next: Next::At(now),
                failures: 0,
            };
            self.entries.entry(question.clone()).or_insert_with(fresh);
        }
        let is_open = questions.iter().any(|question| {
            self.entries
                .get(question)
                .is_some_and(|entry| matches!(entry.known(), KnownAnswer::Nothing))
        });
        let Some(place) = self.places.get_mut(&sought) else { return false };
        let before = std::mem::replace(&mut place.questions, questions);
        let is_other_way = !before.is_subset(&place.questions);
        if addresses != place.addresses {
            place.addresses.clone_from(&addresses);
            out.push(Effect::Moved { sought: sought.clone(), addresses });
        }
        let is_missed = place.addresses.is_empty() && !is_open;
        if is_missed && !place.missed {
            out.push(Effect::Unresolved(sought));
        }
        // While it is asked anew, what was said of it stands.
        place.missed = is_missed || (place.missed && place.addresses.is_empty());
        is_other_way
    }

    /// Forgets what no name depends on any more.
    fn forget(&mut self) {
        let needed: BTreeSet<&Question> =
            self.places.values().flat_map(|place| &place.questions).collect();
        let asked = &mut self.asked;
        self.entries.retain(|question, entry| {
            let stays = needed.contains(question);
            if !stays && matches!(entry.next, Next::Asked(_)) {
                *asked -= 1;
            }
            stays
        });
    }

    /// Asks what is due, as far as there is room.
    fn ask(&mut self, now: Instant, out: &mut Vec<Effect>) {
        self.deadline = None;
        for (question, entry) in &mut self.entries {
            match entry.next {
                Next::At(at) if at <= now && self.asked < ASKED_MAX => {
                    self.asked += 1;
                    entry.next = Next::Asked(now + PATIENCE);
                    out.push(Effect::Ask(question.clone()));
                }
                Next::At(_) | Next::Asked(_) => {}
            }
        }
        let is_full = self.asked >= ASKED_MAX;
        let moments = self.entries.values().filter_map(|entry| match entry.next {
            Next::Asked(until) => Some(until),
            // The next answer makes room.
            Next::At(_) if is_full => None,
            Next::At(at) => Some(at),
        });
        self.deadline = moments.min();
    }
}
