//! The queue machine: one interface for arrivals, takes, returns and the states of operators.
//!
//! Each input is one atomic step: of any number of takes the first wins. The effects come in the order
//! in which they have to be performed: the winner's confirmation, then the withdrawals, then the
//! news for the callers behind.

use super::effect::Effect;
use super::operators::{AgentState, QueueAgents};
use super::priority::QueuePriorities;
use super::queue::{Listed, QueueRules, QueueTurn, QueuedCaller, Telling, WaitingQueue};
use super::reasons::{Denial, Ending, QueueRefusal, WithdrawalReason};
use super::remembered::Remembered;
use super::seat_set::SeatSet;
use super::shares::Share;
use crate::ids::{OperatorId, QueueId, RequestId};
use crate::time::{Duration, Instant};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

/// What is configured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The queues; an operator may serve several.
    pub queues: Vec<QueueRules>,
    /// How long a declined offer is not repeated to the one who declined it.
    pub decline_pause: Duration,
}

/// A call request as it comes to its queue.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Freshly minted: no other request of this process has it.
    pub request: RequestId,
    /// Whose part of the queue it takes.
    pub share: Share,
    /// One of [`Settings::queues`].
    pub queue: QueueId,
    /// The operator who calls from its own phone: never told of its own request.
    pub never_to: Option<OperatorId>,
    /// The higher goes first.
    pub priority: u8,
    /// Whether the caller has its 200; if not, it hears every minute that it waits.
    pub answered: bool,
    /// The position it was told on its way here, which does not rise any more.
    pub told: Option<usize>,
}

/// Where a request goes that comes back from an operator.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum QueuePlace {
    /// Where it stood before the take: the desk phone failed, or the operator cancelled.
    Original,
    /// Before all of its priority, with a fresh longest wait: the operator's leg was lost.
    Front,
}

/// What reaches the queue.
#[derive(Clone, Debug)]
pub enum Input {
    /// A new request.
    Arrive(Arrival),
    /// An operator wants a request.
    Take {
        /// Which.
        request: RequestId,
        /// Who.
        operator: OperatorId,
    },
    /// As [`Take`](Self::Take), by an operator who may have another call beside it, and so is offered calls
    /// on.
    TakeOneMore {
        /// Which.
        request: RequestId,
        /// Who.
        operator: OperatorId,
    },
    /// An operator leaves an offer to the others.
    Decline {
        /// Which.
        request: RequestId,
        /// Who.
        operator: OperatorId,
    },
    /// A taken request waits again; one that is not taken stays as it is.
    PutBack {
        /// Which.
        request: RequestId,
        /// Where.
        place: QueuePlace,
    },
    /// The operator of a taken request is free; the caller is not back, and may still be put back.
    Free {
        /// Which.
        request: RequestId,
    },
    /// A caller has pressed a key. One that does not wait, or whose queue has no such key, stays.
    Key {
        /// Whose request.
        request: RequestId,
        /// Which key.
        key: char,
    },
    /// A taken request is in the hands of this operator, whoever had it before.
    HandOn {
        /// Which.
        request: RequestId,
        /// Who.
        operator: OperatorId,
    },
    /// The caller is gone, the operator is released, or the switchboard ended the call.
    Leave {
        /// Which.
        request: RequestId,
    },
    /// How an operator stands now.
    AgentState {
        /// Who.
        operator: OperatorId,
        /// The queues the operator serves; those that are not configured are passed over.
        queues: Vec<QueueId>,
        /// How.
        agent_state: AgentState,
    },
}

/// Where a request is.
#[derive(Debug)]
pub(super) enum QueuedRequest {
    Waiting {
        queue: QueueId,
        turn: QueueTurn,
    },
    Ending {
        queue: QueueId,
        caller: QueuedCaller,
    },
    /// `is_free` once the operator who has it waits for nothing more of it.
    Taken {
        queue: QueueId,
        caller: QueuedCaller,
        by: OperatorId,
        is_free: bool,
    },
}

/// All queues of the house.
#[derive(Debug)]
pub struct Machine {
    decline_pause: Duration,
    pub(super) queues: BTreeMap<QueueId, WaitingQueue>,
    pub(super) operators: QueueAgents,
    pub(super) requests: BTreeMap<RequestId, QueuedRequest>,
    remembered: Remembered,
    /// The number of the last arrival's turn.
    pub(super) last: i64,
    /// The number of the turn of the last that came back to the front.
    pub(super) front: i64,
}

impl Machine {
    /// Empty queues, nobody logged in.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let queues = settings.queues.into_iter().map(|q| (q.id.clone(), WaitingQueue::new(q)));
        Self {
            decline_pause: settings.decline_pause,
            queues: queues.collect(),
            operators: QueueAgents::default(),
            requests: BTreeMap::new(),
            remembered: Remembered::default(),
            last: 0,
            front: 0,
        }
    }

    /// Takes one input and returns all that follows from it, in the order of performing.
    ///
    /// # Panics
    /// When a request arrives twice, or at a queue that is not configured: both are bugs above.
    #[must_use]
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        match input {
            Input::Arrive(arrival) => self.arrive(now, arrival, &mut out),
            Input::Take { request, operator } => {
                self.try_to_take(now, request, operator, AgentState::Busy, &mut out);
            }
            Input::TakeOneMore { request, operator } => {
                self.try_to_take(now, request, operator, AgentState::Idle, &mut out);
            }
            Input::Decline { request, operator } => {
                out.push(match self.decline(now, request, &operator) {
                    Ok(()) => Effect::Declined { request, operator },
                    Err(why) => Effect::DeclineRefused { request, operator, why },
                });
            }
            Input::PutBack { request, place } => self.put_back(now, request, place, &mut out),
            Input::Free { request } => self.free(request, &mut out),
            Input::Key { request, key } => self.key(now, request, key, &mut out),
            Input::HandOn { request, operator } => self.hand_on(request, operator),
            Input::Leave { request } => self.leave(now, request, &mut out),
            Input::AgentState { operator, queues, agent_state } => {
                self.set_state(now, &operator, queues, agent_state, &mut out);
            }
        }
        out
    }

    /// Another limit, overflow or grace for a queue that is there; calls that wait keep their time.
    pub fn adjust(&mut self, settings: QueueRules) {
        if let Some(queue) = self.queues.get_mut(&settings.id) {
            queue.settings = settings;
        }
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.queues.values().filter_map(WaitingQueue::deadline).min()
    }

    /// Does all that is due at `now`.
    #[must_use]
    pub fn tick(&mut self, now: Instant) -> Vec<Effect> {
        let mut out = Vec::new();
        let ids: Vec<QueueId> = self.queues.keys().cloned().collect();
        for id in ids {
            while let Some(queue) =
                self.queues.get_mut(&id).filter(|q| q.deadline().is_some_and(|at| at <= now))
            {
                if let Some((turn, why)) = queue.ring_alarm(now, &self.operators, &mut out) {
                    self.end(now, &id, turn, why, &mut out);
                }
            }
        }
        out
    }

    /// What a desk sees now, in queue order: the offers of its snapshot.
    #[must_use]
    pub fn list(&self, operator: &OperatorId) -> Vec<Listed> {
        let Some(operator) = self.operators.get(operator) else { return Vec::new() };
        let queues = operator.queues.iter().filter_map(|id| self.queues.get(id));
        queues
            .flat_map(|queue| {
                (1..).zip(queue.iter()).filter_map(|(position, waiting)| {
                    let telling = waiting.telling(operator.seat)?;
                    let request = waiting.caller.request;
                    Some(Listed { request, telling, position, waiting: queue.len() })
                })
            })
            .collect()
    }

    /// How a desk sees a request, if it does.
    #[must_use]
    pub fn telling(&self, operator: &OperatorId, request: RequestId) -> Option<Telling> {
        let Some(QueuedRequest::Waiting { queue, turn }) = self.requests.get(&request) else {
            return None;
        };
        let seat = self.operators.seat_of(operator)?;
        self.queues.get(queue)?.get(*turn).telling(seat)
    }

    /// Whether a desk has a waiting request in its list: it was told of it, and left it to others at most.
    #[must_use]
    pub fn lists(&self, operator: &OperatorId, request: RequestId) -> bool {
        let Some(QueuedRequest::Waiting { queue, turn }) = self.requests.get(&request) else {
            return false;
        };
        let seat = self.operators.seat_of(operator);
        let queue = self.queues.get(queue);
        seat.zip(queue).is_some_and(|(seat, queue)| queue.lists(*turn, seat))
    }

    /// Who waits in a queue, the next one first; nobody in one that is not configured.
    pub fn waiting(&self, queue: &QueueId) -> impl Iterator<Item = RequestId> {
        self.queues.get(queue).into_iter().flat_map(WaitingQueue::iter).map(|w| w.caller.request)
    }

    /// Whether operators are present in a queue, and all of them busy; `never_to` does not count.
    #[must_use]
    pub fn is_crowded(&self, queue: &QueueId, never_to: Option<&OperatorId>) -> bool {
        let barred = never_to.and_then(|operator| self.operators.seat_of(operator));
        self.queues.get(queue).is_some_and(|queue| queue.is_crowded_for(barred))
    }

    /// At which position a request would wait if it arrived now.
    ///
    /// # Errors
    /// Why it would not be let in.
    ///
    /// # Panics
    /// At a queue that is not configured, as [`handle`](Self::handle) does.
    pub fn admits(&self, arrival: &Arrival) -> Result<usize, QueueRefusal> {
        let barred = arrival.never_to.as_ref().and_then(|o| self.operators.seat_of(o));
        let queue = self.queues.get(&arrival.queue);
        let queue = queue.expect("a request comes to a queue that is configured");
        queue.admits(&arrival.share, Reverse(arrival.priority), barred)
    }

    /// The priorities of a queue's callers; `None` for one that is not configured.
    #[must_use]
    pub fn priorities(&self, queue: &QueueId) -> Option<&QueuePriorities> {
        self.queues.get(queue).map(|queue| &queue.settings.priorities)
    }

    /// The priority of a request; 0 for one that is not here.
    #[must_use]
    pub fn priority(&self, request: RequestId) -> u8 {
        let turn = self.requests.get(&request).map(|place| match place {
            QueuedRequest::Waiting { turn, .. } => *turn,
            QueuedRequest::Ending { caller, .. } | QueuedRequest::Taken { caller, .. } => {
                caller.turn
            }
        });
        turn.map_or(0, |turn| turn.urgency.0)
    }

    /// How many requests may have this share of a queue.
    #[must_use]
    pub fn share_of(&self, queue: &QueueId, share: &Share) -> usize {
        self.queues.get(queue).map_or(0, |queue| queue.settings.shares.of(share))
    }

    fn queue(&mut self, id: &QueueId) -> &mut WaitingQueue {
        self.queues.get_mut(id).expect("a request comes to a queue that is configured")
    }

    fn arrive(&mut self, now: Instant, arrival: Arrival, out: &mut Vec<Effect>) {
        match self.admits(&arrival) {
            Ok(_) => self.enter(now, arrival, out),
            Err(why) => out.push(Effect::Refused { request: arrival.request, why }),
        }
    }

    fn enter(&mut self, now: Instant, arrival: Arrival, out: &mut Vec<Effect>) {
        let queue = arrival.queue.clone();
        let caller = self.caller(arrival);
        let turn = caller.turn;
        self.wait(now, queue.clone(), caller, out);
        self.queue(&queue).renumber(now, (Excluded(turn), Unbounded), 1, out);
    }

    /// Gives an arrival its turn, behind all of its priority.
    fn caller(&mut self, arrival: Arrival) -> QueuedCaller {
        self.last += 1;
        let wait_max = self.queue(&arrival.queue).settings.wait_max;
        QueuedCaller {
            request: arrival.request,
            share: arrival.share,
            turn: QueueTurn { urgency: Reverse(arrival.priority), number: self.last },
            never_to: arrival.never_to,
            answered: arrival.answered,
            announced: arrival.told.unwrap_or(usize::MAX),
            wait_left: wait_max,
            known: SeatSet::default(),
        }
    }

    fn wait(&mut self, now: Instant, queue: QueueId, caller: QueuedCaller, out: &mut Vec<Effect>) {
        let (request, turn) = (caller.request, caller.turn);
        let entered = self.queues.get_mut(&queue);
        let entered = entered.expect("a request comes to a queue that is configured");
        entered.enter(now, caller, &self.operators, out);
        self.note(request, QueuedRequest::Waiting { queue, turn });
    }

    fn note(&mut self, request: RequestId, place: QueuedRequest) {
        let before = self.requests.insert(request, place);
        assert!(before.is_none(), "a request is at one place");
    }

    /// Why this operator cannot have the request, if so.
    fn may_take(
        &mut self,
        now: Instant,
        request: RequestId,
        operator: &OperatorId,
    ) -> Result<(), Denial> {
        let caller = match self.requests.get(&request) {
            None => return Err(self.is_over(now, request)),
            Some(QueuedRequest::Taken { by, .. }) => {
                return Err(Denial::AlreadyTaken { by: by.clone() });
            }
            Some(QueuedRequest::Waiting { queue, turn }) => &self.queues[queue].get(*turn).caller,
            Some(QueuedRequest::Ending { caller, .. }) => caller,
        };
        let Some(taker) = self.operators.get(operator) else { return Err(Denial::NotOffered) };
        if !caller.known.contains(taker.seat) {
            return Err(Denial::NotOffered);
        }
        let holds = |r: &QueuedRequest| matches!(r, QueuedRequest::Taken { by, is_free: false, .. } if by == operator);
        match taker.agent_state {
            AgentState::Busy => Err(Denial::Busy),
            // The offer was withdrawn while the take was on its way: the human saw it, and it waits.
            AgentState::Away | AgentState::DoNotDisturb if self.requests.values().any(holds) => {
                Err(Denial::Busy)
            }
            AgentState::Idle | AgentState::Away | AgentState::DoNotDisturb => Ok(()),
            AgentState::Absent => Err(Denial::NotOffered),
        }
    }

    /// Takes where that is allowed; an idle taker is then as said.
    fn try_to_take(
        &mut self,
        now: Instant,
        request: RequestId,
        operator: OperatorId,
        then: AgentState,
        out: &mut Vec<Effect>,
    ) {
        match self.may_take(now, request, &operator) {
            Ok(()) => self.take(now, request, operator, then, out),
            Err(why) => out.push(Effect::TakeRefused { request, operator, why }),
        }
    }

    fn is_over(&mut self, now: Instant, request: RequestId) -> Denial {
        let by = self.remembered.taker(now, request).cloned();
        by.map_or(Denial::NoSuchRequest, |by| Denial::AlreadyTaken { by })
    }

    fn take(
        &mut self,
        now: Instant,
        request: RequestId,
        operator: OperatorId,
        then: AgentState,
        out: &mut Vec<Effect>,
    ) {
        out.push(Effect::Taken { request, operator: operator.clone() });
        let (queue, caller) = match self.requests.remove(&request) {
            Some(QueuedRequest::Waiting { queue, turn }) => {
                let waiting = self.queue(&queue).remove(now, turn);
                let taker = self.operators.seat_of(&operator);
                waiting.withdraw(WithdrawalReason::Taken, taker, &self.operators, out);
                (queue, waiting.caller)
            }
            Some(QueuedRequest::Ending { queue, caller }) => (queue, caller),
            Some(QueuedRequest::Taken { .. }) | None => unreachable!("the take was admitted"),
        };
        // Busy from this very step, so that no second take slips in before presence has said so.
        if let Some(taker) = self.operators.get(&operator)
            && taker.agent_state == AgentState::Idle
        {
            let queues = taker.queues.clone();
            self.set_state(now, &operator, queues, then, out);
        }
        if let Some(queue) = self.queues.get_mut(&queue) {
            queue.renumber(now, (Excluded(caller.turn), Unbounded), 0, out);
        }
        self.note(request, QueuedRequest::Taken { queue, caller, by: operator, is_free: false });
    }

    fn decline(
        &mut self,
        now: Instant,
        request: RequestId,
        operator: &OperatorId,
    ) -> Result<(), Denial> {
        let (queue, turn) = match self.requests.get(&request) {
            None => return Err(self.is_over(now, request)),
            Some(QueuedRequest::Taken { by, .. }) => {
                return Err(Denial::AlreadyTaken { by: by.clone() });
            }
            Some(QueuedRequest::Ending { .. }) => return Err(Denial::NotOffered),
            Some(QueuedRequest::Waiting { queue, turn }) => (queue.clone(), *turn),
        };
        let seat = self.operators.seat_of(operator).ok_or(Denial::NotOffered)?;
        let until = now + self.decline_pause;
        let was_offered = self.queue(&queue).decline(turn, seat, until);
        if was_offered { Ok(()) } else { Err(Denial::NotOffered) }
    }

    fn put_back(
        &mut self,
        now: Instant,
        request: RequestId,
        place: QueuePlace,
        out: &mut Vec<Effect>,
    ) {
        let Some(QueuedRequest::Taken { .. }) = self.requests.get(&request) else { return };
        let Some(QueuedRequest::Taken { queue, mut caller, .. }) = self.requests.remove(&request)
        else {
            unreachable!("it was taken a line above")
        };
        match place {
            QueuePlace::Original => {}
            QueuePlace::Front => {
                self.front -= 1;
                caller.turn.number = self.front;
                let settings = self.queues.get(&queue).map(|queue| &queue.settings);
                caller.wait_left = settings.and_then(|settings| settings.wait_max);
                // Its operator had answered, so it has its 200.
                caller.answered = true;
            }
        }
        if self.queues.contains_key(&queue) {
            return self.wait(now, queue, caller, out);
        }
        // It was restored, and its queue is not in the configuration any more.
        out.push(Effect::Ended { request, why: Ending::NobodyPresent });
        self.note(request, QueuedRequest::Ending { queue, caller });
    }

    fn free(&mut self, request: RequestId, out: &mut Vec<Effect>) {
        if let Some(QueuedRequest::Taken { by, is_free, .. }) = self.requests.get_mut(&request)
            && !std::mem::replace(is_free, true)
        {
            out.push(Effect::Released { request, operator: by.clone() });
        }
    }

    fn hand_on(&mut self, request: RequestId, operator: OperatorId) {
        if let Some(QueuedRequest::Taken { by, is_free, .. }) = self.requests.get_mut(&request) {
            (*by, *is_free) = (operator, false);
        }
    }

    fn leave(&mut self, now: Instant, request: RequestId, out: &mut Vec<Effect>) {
        match self.requests.remove(&request) {
            Some(QueuedRequest::Waiting { queue, turn }) => {
                let waiting = self.queue(&queue).remove(now, turn);
                waiting.withdraw(WithdrawalReason::Abandoned, None, &self.operators, out);
                self.queue(&queue).renumber(now, (Excluded(turn), Unbounded), 0, out);
            }
            Some(QueuedRequest::Taken { by, is_free, .. }) => {
                self.remembered.insert(now, request, by.clone());
                if !is_free {
                    out.push(Effect::Released { request, operator: by });
                }
            }
            Some(QueuedRequest::Ending { .. }) | None => {}
        }
    }

    fn key(&mut self, now: Instant, request: RequestId, key: char, out: &mut Vec<Effect>) {
        let Some(QueuedRequest::Waiting { queue, turn }) = self.requests.get(&request) else {
            return;
        };
        if let Some(to) = self.queues.get(queue).and_then(|queue| queue.exit(key)) {
            let (queue, turn) = (queue.clone(), *turn);
            self.end(now, &queue, turn, Ending::Exit { key, to }, out);
        }
    }

    fn end(
        &mut self,
        now: Instant,
        queue: &QueueId,
        turn: QueueTurn,
        why: Ending,
        out: &mut Vec<Effect>,
    ) {
        let reason = match why {
            Ending::WaitedTooLong => WithdrawalReason::Timeout,
            Ending::Overflow { .. } | Ending::Exit { .. } => WithdrawalReason::Overflow,
            // Nobody is left who was told; the reason is for completeness.
            Ending::NobodyPresent => WithdrawalReason::NotEligible,
        };
        let waiting = self.queue(queue).remove(now, turn);
        let request = waiting.caller.request;
        out.push(Effect::Ended { request, why });
        waiting.withdraw(reason, None, &self.operators, out);
        self.queue(queue).renumber(now, (Excluded(turn), Unbounded), 0, out);
        let (queue, caller) = (queue.clone(), waiting.caller);
        self.requests.insert(request, QueuedRequest::Ending { queue, caller });
    }

    fn set_state(
        &mut self,
        now: Instant,
        id: &OperatorId,
        queues: Vec<QueueId>,
        agent_state: AgentState,
        out: &mut Vec<Effect>,
    ) {
        let mut touched = match self.operators.get(id) {
            None if agent_state == AgentState::Absent => return,
            None => Vec::new(),
            Some(same) if same.agent_state == agent_state && same.queues == queues => return,
            Some(before) => before.queues.clone(),
        };
        let seat = self.operators.set_state(id, agent_state, queues.clone());
        touched.extend(queues.iter().cloned());
        touched.sort();
        touched.dedup();
        for id in &touched {
            let Some(queue) = self.queues.get_mut(id) else { continue };
            let serves = queues.contains(id);
            queue.set_state(seat, if serves { agent_state } else { AgentState::Absent });
            queue.settle_all(now, &self.operators, out);
        }
        if agent_state == AgentState::Absent {
            self.vacate(id);
        }
    }

    /// Frees the seat of one who has logged out, and with it all memory of what it was told.
    fn vacate(&mut self, id: &OperatorId) {
        let Some(seat) = self.operators.seat_of(id) else { return };
        self.queues.values_mut().for_each(|queue| queue.vacate(seat));
        for request in self.requests.values_mut() {
            match request {
                QueuedRequest::Waiting { .. } => {}
                QueuedRequest::Ending { caller, .. } | QueuedRequest::Taken { caller, .. } => {
                    caller.known.set(seat, false);
                }
            }
        }
        self.operators.leave(id);
    }
}
