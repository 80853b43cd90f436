//! One queue: the waiting requests in their order, and what each desk was told of each.

use super::effect::Effect;
use super::hours::NightRules;
use super::operators::{AgentState, QueueAgents};
use super::priority::QueuePriorities;
use super::reasons::{Ending, QueueRefusal, WithdrawalReason};
use super::seat_set::{SeatNumber, SeatSet, mask, seats};
use super::shares::{QueueShares, Share, Taken};
use crate::ids::{Number, OperatorId, QueueId, RequestId};
use crate::time::{Duration, Instant};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeBounds;

/// How often a caller that is not answered hears again that it waits (RFC 3261 §13.3.1.1).
const REPEAT: Duration = Duration::from_secs(60);

/// What is configured for one queue.
#[derive(Clone, Debug)]
pub struct QueueRules {
    /// Its name: the `main` of `[queue.main]`.
    pub id: QueueId,
    /// How many may wait at once; requests that come back from an operator are let in beyond it.
    pub waiting_max: usize,
    /// How many of these each kind of caller may take.
    pub shares: QueueShares,
    /// The longest wait; `None` waits for ever. The time at an operator does not count.
    pub wait_max: Option<Duration>,
    /// How long a request waits on while nobody is present.
    pub grace: Duration,
    /// Where calls go that find the queue full or wait too long; `None` ends them.
    pub overflow: Option<Number>,
    /// With this key a waiting caller leaves for there.
    pub exit_key: Option<char>,
    /// Who goes before others.
    pub priorities: QueuePriorities,
    /// When it takes no callers, and what becomes of them then.
    pub night: NightRules,
}

/// How a desk sees a waiting request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Telling {
    /// It rings.
    Offered,
    /// It is in the list.
    Shown,
}

/// One line of what a desk sees.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Listed {
    /// Which.
    pub request: RequestId,
    /// How.
    pub telling: Telling,
    /// Its place in its queue, from 1.
    pub position: usize,
    /// How many wait in its queue.
    pub waiting: usize,
}

/// A place in the order: the higher priority first, then the smaller number.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct QueueTurn {
    pub urgency: Reverse<u8>,
    /// Rises with every arrival; falls below all others with every return to the front.
    pub number: i64,
}

/// What a request keeps whether it waits or not.
#[derive(Debug)]
pub(super) struct QueuedCaller {
    pub request: RequestId,
    pub turn: QueueTurn,
    pub share: Share,
    /// The operator who calls from its own phone.
    pub never_to: Option<OperatorId>,
    pub answered: bool,
    /// The position it was last told; [`usize::MAX`] before it was told any.
    pub announced: usize,
    /// What is left of the longest wait.
    pub wait_left: Option<Duration>,
    /// The desks that were ever told of it: they may take it, late or not.
    pub known: SeatSet,
}

/// A request that waits in a queue.
#[derive(Debug)]
pub(super) struct WaitingRequest {
    pub caller: QueuedCaller,
    offered: SeatSet,
    shown: SeatSet,
    /// Who declined, and until when the offer is not repeated.
    declined: Vec<(SeatNumber, Instant)>,
    pub wait_until: Option<Instant>,
    grace_until: Option<Instant>,
    repeat_at: Option<Instant>,
    /// Its entry in [`WaitingQueue::alarms`].
    alarm: Option<Instant>,
}

/// The desks of one queue, by how they stand.
#[derive(Debug, Default)]
struct AgentsByState {
    idle: SeatSet,
    busy: SeatSet,
    present: SeatSet,
}

/// What decides about a request besides itself.
struct QueueContext<'a> {
    now: Instant,
    agents: &'a AgentsByState,
    operators: &'a QueueAgents,
    grace: Duration,
    waiting: usize,
}

/// One queue.
#[derive(Debug)]
pub(super) struct WaitingQueue {
    pub settings: QueueRules,
    waiting: BTreeMap<QueueTurn, WaitingRequest>,
    /// What of it is taken, by share.
    taken: Taken,
    alarms: BTreeSet<(Instant, QueueTurn)>,
    agents: AgentsByState,
}

impl WaitingQueue {
    pub fn new(settings: QueueRules) -> Self {
        let agents = AgentsByState::default();
        let (waiting, taken, alarms) = (BTreeMap::new(), Taken::default(), BTreeSet::new());
        Self { settings, waiting, taken, alarms, agents }
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn get(&self, turn: QueueTurn) -> &WaitingRequest {
        self.waiting.get(&turn).expect("a request that waits stands in its queue")
    }

    /// Whether a request stands in the list of the desk at `seat`.
    pub fn lists(&self, turn: QueueTurn, seat: SeatNumber) -> bool {
        let waiting = self.get(turn);
        let has_declined = || waiting.declined.iter().any(|(decliner, _)| *decliner == seat);
        waiting.telling(seat).is_some() || self.agents.present.contains(seat) && has_declined()
    }

    pub fn iter(&self) -> impl Iterator<Item = &WaitingRequest> {
        self.waiting.values()
    }

    /// From 1. Counted from both ends, so that a place at either, the common ones, costs nothing.
    fn position(&self, turn: QueueTurn) -> usize {
        let (mut ahead, mut from) = (self.waiting.range(..turn), self.waiting.range(turn..));
        for passed in 0.. {
            if ahead.next().is_none() {
                return passed + 1;
            }
            if from.next().is_none() {
                return self.waiting.len() - passed + 1;
            }
        }
        unreachable!("a queue has an end")
    }

    /// Where a request of this share and priority would wait.
    ///
    /// # Errors
    /// Why it is not let in; `barred` is the seat of whoever calls from an operator's phone.
    pub fn admits(
        &self,
        share: &Share,
        urgency: Reverse<u8>,
        barred: Option<SeatNumber>,
    ) -> Result<usize, QueueRefusal> {
        let QueueRules { waiting_max, shares, overflow, .. } = &self.settings;
        if self.is_deserted_for(barred) {
            return Err(QueueRefusal::NobodyPresent);
        }
        let full =
            || overflow.clone().map_or(QueueRefusal::QueueFull, |to| QueueRefusal::Overflow { to });
        if self.len() >= *waiting_max {
            return Err(full());
        }
        if !self.taken.has_room(share, shares, *waiting_max) {
            return Err(match share {
                // A trunk brings many callers: to each of them the queue is full.
                Share::Trunk(_) => full(),
                Share::Terminal(_) | Share::Guests => QueueRefusal::ShareFull(share.clone()),
            });
        }
        Ok(self.position(QueueTurn { urgency, number: i64::MAX }))
    }

    /// Whether nobody but perhaps `barred` is present.
    pub fn is_deserted_for(&self, barred: Option<SeatNumber>) -> bool {
        self.agents.present.is_empty_but(barred)
    }

    /// Whether somebody but `barred` is present, and nobody of them idle.
    pub fn is_crowded_for(&self, barred: Option<SeatNumber>) -> bool {
        self.agents.idle.is_empty_but(barred) && !self.is_deserted_for(barred)
    }

    /// Notes how the operator at `seat` stands; tells nobody yet.
    pub fn set_state(&mut self, seat: SeatNumber, agent_state: AgentState) {
        self.agents.idle.set(seat, agent_state == AgentState::Idle);
        self.agents.busy.set(seat, agent_state == AgentState::Busy);
        self.agents.present.set(seat, agent_state.is_present());
    }

    /// Clears what a seat that becomes free was told.
    pub fn vacate(&mut self, seat: SeatNumber) {
        for waiting in self.waiting.values_mut() {
            waiting.caller.known.set(seat, false);
            waiting.declined.retain(|(decliner, _)| *decliner != seat);
        }
    }

    /// Lets a request wait at its turn, and tells the caller and the desks.
    pub fn enter(
        &mut self,
        now: Instant,
        mut caller: QueuedCaller,
        operators: &QueueAgents,
        out: &mut Vec<Effect>,
    ) {
        let (request, turn) = (caller.request, caller.turn);
        let waiting = self.waiting.len() + 1;
        let position = caller.announced.min(self.position(turn));
        caller.announced = position;
        out.push(Effect::Queued { request, position, waiting });
        self.put(now, caller);
        self.settle(now, turn, operators, out);
    }

    /// Lets a request wait at its turn; nobody is told yet.
    ///
    /// # Panics
    /// When another has that turn.
    pub fn put(&mut self, now: Instant, caller: QueuedCaller) {
        let turn = caller.turn;
        let entry = WaitingRequest {
            offered: SeatSet::default(),
            shown: SeatSet::default(),
            declined: Vec::new(),
            wait_until: caller.wait_left.map(|left| now + left),
            grace_until: None,
            repeat_at: (!caller.answered).then(|| now + REPEAT),
            alarm: None,
            caller,
        };
        self.taken.take(&entry.caller.share);
        let before = self.waiting.insert(turn, entry);
        assert!(before.is_none(), "no two requests have the same turn");
    }

    /// Whether a request waits at this turn.
    pub fn has(&self, turn: QueueTurn) -> bool {
        self.waiting.contains_key(&turn)
    }

    /// Takes a request out; those behind it are not told yet.
    pub fn remove(&mut self, now: Instant, turn: QueueTurn) -> WaitingRequest {
        let mut waiting =
            self.waiting.remove(&turn).expect("a request that waits stands in its queue");
        self.taken.give_back(&waiting.caller.share);
        if let Some(at) = waiting.alarm.take() {
            self.alarms.remove(&(at, turn));
        }
        waiting.caller.wait_left = waiting.wait_until.map(|until| until.since(now));
        waiting
    }

    /// Where a waiting caller goes that presses this key, if anywhere.
    pub fn exit(&self, key: char) -> Option<Number> {
        self.settings.overflow.clone().filter(|_| self.settings.exit_key == Some(key))
    }

    /// Notes that the desk does not want the request now; says whether it was offered there.
    pub fn decline(&mut self, turn: QueueTurn, seat: SeatNumber, until: Instant) -> bool {
        let Some(waiting) = self.waiting.get_mut(&turn) else { return false };
        if !waiting.offered.contains(seat) {
            return false;
        }
        waiting.offered.set(seat, false);
        waiting.declined.push((seat, until));
        waiting.keep_alarm(&mut self.alarms);
        true
    }

    /// Brings what the desks know of one request in line with how they stand.
    pub fn settle(
        &mut self,
        now: Instant,
        turn: QueueTurn,
        operators: &QueueAgents,
        out: &mut Vec<Effect>,
    ) {
        let position = self.position(turn);
        let (waiting, grace) = (self.waiting.len(), self.settings.grace);
        let context = QueueContext { now, agents: &self.agents, operators, grace, waiting };
        if let Some(waiting) = self.waiting.get_mut(&turn) {
            waiting.settle(position, &context, out);
            waiting.keep_alarm(&mut self.alarms);
        }
    }

    /// Does the same for every request, in queue order.
    pub fn settle_all(&mut self, now: Instant, operators: &QueueAgents, out: &mut Vec<Effect>) {
        let (waiting, grace) = (self.waiting.len(), self.settings.grace);
        let context = QueueContext { now, agents: &self.agents, operators, grace, waiting };
        for (position, waiting) in (1..).zip(self.waiting.values_mut()) {
            waiting.settle(position, &context, out);
            waiting.keep_alarm(&mut self.alarms);
        }
    }

    /// Tells the callers at these turns their positions, where they are news. A position that was
    /// announced does not rise by more than `lift`.
    pub fn renumber(
        &mut self,
        now: Instant,
        turns: impl RangeBounds<QueueTurn> + Clone,
        lift: usize,
        out: &mut Vec<Effect>,
    ) {
        let Some((first, _)) = self.waiting.range(turns.clone()).next() else { return };
        let (first, count) = (self.position(*first), self.waiting.len());
        for (place, waiting) in (first..).zip(self.waiting.range_mut(turns).map(|(_, w)| w)) {
            if let Some(position) = waiting.announce(place, lift) {
                let request = waiting.caller.request;
                out.push(Effect::Position { request, position, place, waiting: count });
                if waiting.repeat_at.is_some() {
                    waiting.repeat_at = Some(now + REPEAT);
                    waiting.keep_alarm(&mut self.alarms);
                }
            }
        }
    }

    /// When the next alarm is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.alarms.first().map(|(at, _)| *at)
    }

    /// Serves the first alarm that is due, if any; says which request has to end, and why.
    pub fn ring_alarm(
        &mut self,
        now: Instant,
        operators: &QueueAgents,
        out: &mut Vec<Effect>,
    ) -> Option<(QueueTurn, Ending)> {
        let (_, turn) = self.alarms.pop_first()?;
        let overflow = self.settings.overflow.clone();
        let waiting = self.waiting.get_mut(&turn).expect("an alarm leaves with its request");
        waiting.alarm = None;
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(waiting.wait_until) {
            let ending = overflow.map_or(Ending::WaitedTooLong, |to| Ending::Overflow { to });
            return Some((turn, ending));
        }
        if due(waiting.grace_until) {
            return Some((turn, Ending::NobodyPresent));
        }
        if due(waiting.repeat_at) {
            waiting.repeat_at = Some(now + REPEAT);
            out.push(Effect::Repeat { request: waiting.caller.request });
        }
        waiting.declined.retain(|(_, until)| *until > now);
        self.settle(now, turn, operators, out);
        None
    }
}

impl WaitingRequest {
    /// How the desk at `seat` sees the request now.
    pub fn telling(&self, seat: SeatNumber) -> Option<Telling> {
        match (self.offered.contains(seat), self.shown.contains(seat)) {
            (true, _) => Some(Telling::Offered),
            (false, true) => Some(Telling::Shown),
            (false, false) => None,
        }
    }

    /// The withdrawal at every desk that was told, but for `taker`.
    pub fn withdraw(
        &self,
        reason: WithdrawalReason,
        taker: Option<SeatNumber>,
        operators: &QueueAgents,
        out: &mut Vec<Effect>,
    ) {
        let request = self.caller.request;
        for word in 0..self.offered.words().max(self.shown.words()) {
            let told = (self.offered.word(word) | self.shown.word(word)) & !mask(taker, word);
            out.extend(seats(word, told).map(|seat| Effect::Withdraw {
                operator: operators.at(seat).clone(),
                request,
                reason,
            }));
        }
    }

    /// Notes the position, and returns it where it is news.
    fn announce(&mut self, position: usize, lift: usize) -> Option<usize> {
        let before = self.caller.announced;
        self.caller.announced = position.min(before.saturating_add(lift));
        (self.caller.announced != before).then_some(self.caller.announced)
    }

    /// Tells the desks what has changed for them: the rules of the offers, 64 seats at a time.
    fn settle(&mut self, position: usize, context: &QueueContext<'_>, out: &mut Vec<Effect>) {
        let agents = context.agents;
        let barred = self.caller.never_to.as_ref().and_then(|o| context.operators.seat_of(o));
        self.grace_until = if agents.present.is_empty_but(barred) {
            self.grace_until.or(Some(context.now + context.grace))
        } else {
            None
        };
        let nobody_idle = agents.idle.is_empty_but(barred);
        let told = self.offered.words().max(self.shown.words());
        for word in 0..told.max(agents.idle.words()).max(agents.busy.words()) {
            let admitted = !mask(barred, word);
            let idle = agents.idle.word(word) & admitted;
            let busy = agents.busy.word(word) & admitted;
            let (offered, shown) = (self.offered.word(word), self.shown.word(word));
            let paused = self.declined.iter().fold(0, |bits, (s, _)| bits | mask(Some(*s), word));

            let offer = idle & !paused & !offered;
            let show = if nobody_idle { busy & !shown } else { 0 };
            let withdraw = (offered & !idle) | (shown & !idle & !busy);
            if offer | show | withdraw == 0 {
                continue;
            }
            self.offered.set_word(word, (offered | offer) & idle);
            self.shown.set_word(word, (shown | show) & !offer & (idle | busy));
            self.caller.known.set_word(word, self.caller.known.word(word) | offer | show);

            let (request, waiting) = (self.caller.request, context.waiting);
            for seat in seats(word, offer | show | withdraw) {
                let operator = context.operators.at(seat).clone();
                let is_in = |bits: u64| bits & mask(Some(seat), word) != 0;
                // An offer that becomes a line of the list is replaced, not withdrawn.
                out.push(if is_in(offer) {
                    Effect::Offer { operator, request, position, waiting }
                } else if is_in(show) {
                    Effect::Show { operator, request, position, waiting }
                } else {
                    Effect::Withdraw { operator, request, reason: WithdrawalReason::NotEligible }
                });
            }
        }
    }

    /// Keeps the one entry of this request among the alarms at its earliest moment.
    fn keep_alarm(&mut self, alarms: &mut BTreeSet<(Instant, QueueTurn)>) {
        let offers_again = self.declined.iter().map(|(_, until)| *until);
        let moments = [self.wait_until, self.grace_until, self.repeat_at];
        let next = moments.into_iter().flatten().chain(offers_again).min();
        if next == self.alarm {
            return;
        }
        let turn = self.caller.turn;
        if let Some(at) = self.alarm {
            alarms.remove(&(at, turn));
        }
        alarms.extend(next.map(|at| (at, turn)));
        self.alarm = next;
    }
}
