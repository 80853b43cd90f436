//! The queue under chance: after each step of a seeded run, what must always hold, holds.
//!
//! Every waiting request is offered to every idle desk and, where none is idle, shown to every busy
//! one; nobody is told twice, nor of the withdrawal of what it was not told; a request has one taker
//! and an operator one request; a position rises by priority only. A failure is a seed.

#![allow(clippy::unwrap_used)] // A test may panic.

use cordboard::acd::{
    AgentState, Arrival, Effect, Ending, Input, Machine, NightRules, QueuePlace, QueuePriorities,
    QueueRules, QueueShares, Settings, Share, Telling,
};
use cordboard::ids::{Number, OperatorId, QueueId, RequestId};
use cordboard::random::Random;
use cordboard::time::{Duration, Instant};
use std::collections::{BTreeMap, BTreeSet};

const WAITING_MAX: usize = 12;
const PAUSE: Duration = Duration::from_secs(30);

#[test]
fn what_must_always_hold_holds_for_a_small_house() {
    for seed in 0..40 {
        run(seed, 4, 300);
    }
}

/// More desks than one word of the desk sets has bits.
#[test]
fn what_must_always_hold_holds_for_a_large_house() {
    for seed in 100..102 {
        run(seed, 70, 300);
    }
}

fn run(seed: u64, operators: u64, steps: usize) {
    let mut testbed = Testbed::new(seed, operators);
    for step in 0..steps {
        testbed.context = format!("seed {seed}, step {step}");
        testbed.pass_time();
        let input = testbed.next_input();
        testbed.context += &format!(", {input:?}");
        testbed.play(input);
        testbed.check();
    }
    testbed.empty();
}

struct Testbed {
    random: Random,
    context: String,
    now: Instant,
    machine: Machine,
    operators: BTreeMap<OperatorId, (AgentState, Vec<QueueId>)>,
    requests: u64,
    waiting: BTreeMap<RequestId, Waiting>,
    /// Told that the wait is over, not yet gone.
    ending: BTreeSet<RequestId>,
    taken: BTreeMap<RequestId, (OperatorId, Waiting)>,
    told: BTreeMap<(OperatorId, RequestId), Telling>,
}

#[derive(Clone, Debug)]
struct Waiting {
    queue: QueueId,
    never_to: Option<OperatorId>,
    priority: u8,
    announced: usize,
    declined: BTreeMap<OperatorId, Instant>,
}

impl Testbed {
    fn new(seed: u64, operators: u64) -> Self {
        let queue = |id: &str| QueueRules {
            id: QueueId::from(id),
            waiting_max: WAITING_MAX,
            shares: QueueShares::ALL,
            wait_max: Some(Duration::from_secs(120)),
            grace: Duration::from_secs(10),
            overflow: (id == "a").then(|| Number::from("3009")),
            exit_key: Some('0'),
            priorities: QueuePriorities::default(),
            night: NightRules::default(),
        };
        let settings = Settings { queues: vec![queue("a"), queue("b")], decline_pause: PAUSE };
        let name = |number| OperatorId::from(format!("op{number}").as_str());
        Self {
            random: Random::from_number(seed),
            context: String::new(),
            now: Instant::START,
            machine: Machine::new(settings),
            operators: (0..operators).map(|n| (name(n), (AgentState::Absent, vec![]))).collect(),
            requests: 0,
            waiting: BTreeMap::new(),
            ending: BTreeSet::new(),
            taken: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    fn pass_time(&mut self) {
        self.now = self.now + Duration::from_millis(self.random.below(4000));
        let effects = self.machine.tick(self.now);
        effects.into_iter().for_each(|effect| self.note(effect, false));
        assert!(self.machine.deadline().is_none_or(|at| at > self.now), "{}", self.context);
    }

    fn next_input(&mut self) -> Input {
        let operator = self.any_operator();
        match self.random.below(17) {
            0..5 => self.arrival(operator),
            5..9 => self.agent_state(operator),
            9..11 => match self.any_told() {
                Some((operator, request)) => Input::Take { request, operator },
                None => Input::Take { request: self.any_request(), operator },
            },
            11 => match self.any_told() {
                Some((operator, request)) => Input::Decline { request, operator },
                None => Input::Decline { request: self.any_request(), operator },
            },
            12 => Input::Take { request: self.any_request(), operator },
            13 => {
                let place = if self.random.below(2) == 0 {
                    QueuePlace::Original
                } else {
                    QueuePlace::Front
                };
                let any = self.random.below(self.taken.len().max(1) as u64) as usize;
                let request = self.taken.keys().nth(any).copied();
                Input::PutBack { request: request.unwrap_or(RequestId(u64::MAX)), place }
            }
            14 => Input::Key { request: self.any_request(), key: '0' },
            _ => Input::Leave { request: self.any_request() },
        }
    }

    fn arrival(&mut self, operator: OperatorId) -> Input {
        self.requests += 1;
        let never_to = (self.random.below(6) == 0).then_some(operator);
        let arrival = Arrival {
            request: RequestId(self.requests),
            share: Share::Guests,
            queue: QueueId::from(["a", "b"][self.random.below(2) as usize]),
            never_to,
            priority: self.random.below(3) as u8,
            answered: self.random.below(2) == 0,
            told: None,
        };
        Input::Arrive(arrival)
    }

    fn agent_state(&mut self, operator: OperatorId) -> Input {
        let all = [
            AgentState::Idle,
            AgentState::Busy,
            AgentState::Idle,
            AgentState::Busy,
            AgentState::Away,
            AgentState::DoNotDisturb,
            AgentState::Absent,
        ];
        let agent_state = all[self.random.below(all.len() as u64) as usize];
        let queues: &[&str] = [&["a"][..], &["b"], &["a", "b"]][self.random.below(3) as usize];
        let queues = queues.iter().map(|id| QueueId::from(*id)).collect();
        Input::AgentState { operator, queues, agent_state }
    }

    fn any_operator(&mut self) -> OperatorId {
        let any = self.random.below(self.operators.len() as u64) as usize;
        self.operators.keys().nth(any).unwrap().clone()
    }

    fn any_request(&mut self) -> RequestId {
        RequestId(self.requests.saturating_sub(self.random.below(30)))
    }

    fn any_told(&mut self) -> Option<(OperatorId, RequestId)> {
        let any = self.random.below(self.told.len().max(1) as u64) as usize;
        self.told.keys().nth(any).cloned()
    }

    fn play(&mut self, input: Input) {
        let by_priority = matches!(input, Input::Arrive(_));
        match &input {
            Input::Arrive(arrival) => {
                let waiting = Waiting {
                    queue: arrival.queue.clone(),
                    never_to: arrival.never_to.clone(),
                    priority: arrival.priority,
                    announced: usize::MAX,
                    declined: BTreeMap::new(),
                };
                self.waiting.insert(arrival.request, waiting);
            }
            Input::PutBack { request, .. } => {
                if let Some((_, mut waiting)) = self.taken.remove(request) {
                    waiting.declined.clear();
                    self.waiting.insert(*request, waiting);
                }
            }
            Input::Leave { request } => {
                self.waiting.remove(request);
                self.ending.remove(request);
            }
            Input::AgentState { operator, queues, agent_state } => {
                self.operators.insert(operator.clone(), (*agent_state, queues.clone()));
                if *agent_state == AgentState::Absent {
                    self.waiting.values_mut().for_each(|w| _ = w.declined.remove(operator));
                }
            }
            Input::Take { .. }
            | Input::TakeOneMore { .. }
            | Input::HandOn { .. }
            | Input::Decline { .. }
            | Input::Free { .. }
            | Input::Key { .. } => {}
        }
        let effects = self.machine.handle(self.now, input);
        effects.into_iter().for_each(|effect| self.note(effect, by_priority));
    }

    fn note(&mut self, effect: Effect, by_priority: bool) {
        let context = &self.context;
        match effect {
            Effect::Queued { request, position, waiting } => {
                let caller = self.waiting.get_mut(&request).unwrap();
                assert!(position <= caller.announced && position <= waiting, "{context}");
                caller.announced = position;
            }
            Effect::Position { request, position, place, waiting } => {
                assert!(position <= place && place <= waiting, "{context}");
                let caller = self.waiting.get_mut(&request).unwrap();
                assert_ne!(position, caller.announced, "{context}");
                assert!(by_priority || position < caller.announced, "{context}: it rose");
                caller.announced = position;
            }
            Effect::Repeat { request } => assert!(self.waiting.contains_key(&request), "{context}"),
            Effect::Refused { request, .. } => {
                self.waiting.remove(&request);
            }
            Effect::Ended { request, why } => {
                let waiting = self.waiting.remove(&request);
                assert!(waiting.is_some(), "{context}");
                // Only one that waits can leave, and only where there is another number.
                if let Ending::Exit { .. } = why {
                    assert_eq!(waiting.unwrap().queue.as_str(), "a", "{context}");
                }
                self.ending.insert(request);
            }
            Effect::Offer { operator, request, .. } => {
                let before = self.told.insert((operator, request), Telling::Offered);
                assert_ne!(before, Some(Telling::Offered), "{context}: offered twice");
            }
            Effect::Show { operator, request, .. } => {
                let before = self.told.insert((operator, request), Telling::Shown);
                assert_ne!(before, Some(Telling::Shown), "{context}: shown twice");
            }
            Effect::Withdraw { operator, request, .. } => {
                let before = self.told.remove(&(operator, request));
                assert!(before.is_some(), "{context}: withdrawn, but never told");
            }
            Effect::Taken { request, operator } => self.note_take(request, operator),
            Effect::Released { request, operator } => {
                let taken = self.taken.remove(&request);
                assert_eq!(taken.unwrap().0, operator, "{context}");
            }
            Effect::Declined { request, operator } => {
                let before = self.told.remove(&(operator.clone(), request));
                assert_eq!(before, Some(Telling::Offered), "{context}");
                let waiting = self.waiting.get_mut(&request).unwrap();
                waiting.declined.insert(operator, self.now + PAUSE);
            }
            Effect::TakeRefused { .. } | Effect::DeclineRefused { .. } => {}
        }
    }

    fn note_take(&mut self, request: RequestId, operator: OperatorId) {
        let context = &self.context;
        let was_ending = self.ending.remove(&request);
        let waiting = self.waiting.remove(&request);
        assert!(waiting.is_some() != was_ending, "{context}: taken twice, or out of nothing");
        let agent_state = &mut self.operators.get_mut(&operator).unwrap().0;
        assert!(!matches!(agent_state, AgentState::Busy | AgentState::Absent), "{context}");
        if *agent_state == AgentState::Idle {
            *agent_state = AgentState::Busy;
        }
        self.told.remove(&(operator.clone(), request));
        match waiting {
            Some(waiting) => _ = self.taken.insert(request, (operator, waiting)),
            // Taken during its goodbye: nothing more is followed here but that it leaves.
            None => {
                let left = self.machine.handle(self.now, Input::Leave { request });
                assert_eq!(left, [Effect::Released { request, operator }], "{context}");
            }
        }
    }

    fn check(&self) {
        let context = &self.context;
        for (request, waiting) in &self.waiting {
            self.check_request(*request, waiting);
        }
        for ((operator, request), telling) in &self.told {
            let waiting = self.waiting.get(request);
            let waiting = waiting.unwrap_or_else(|| panic!("{context}: {request} is over"));
            let (agent_state, queues) = &self.operators[operator];
            assert!(queues.contains(&waiting.queue), "{context}: another queue");
            assert_ne!(waiting.never_to.as_ref(), Some(operator), "{context}: its own call");
            match telling {
                Telling::Offered => assert_eq!(*agent_state, AgentState::Idle, "{context}"),
                Telling::Shown => {
                    assert!(
                        matches!(agent_state, AgentState::Idle | AgentState::Busy),
                        "{context}"
                    );
                }
            }
        }
        for operator in self.operators.keys() {
            let listed = self.machine.list(operator);
            let listed = listed.iter().map(|l| (l.request, l.telling)).collect::<BTreeMap<_, _>>();
            let told = self.told.iter().filter(|((o, _), _)| o == operator);
            assert!(told.map(|((_, r), t)| (*r, *t)).eq(listed), "{context}: {operator}'s list");
        }
        for queue in ["a", "b"].map(QueueId::from) {
            let order: Vec<RequestId> = self.machine.waiting(&queue).collect();
            let mine = self.waiting.values().filter(|w| w.queue == queue);
            assert_eq!(order.len(), mine.count(), "{context}");
            let priorities = order.iter().map(|r| self.waiting[r].priority);
            assert!(priorities.is_sorted_by(|a, b| a >= b), "{context}");
            for (position, request) in (1..).zip(&order) {
                assert!(self.waiting[request].announced <= position, "{context}: said too much");
            }
        }
    }

    fn check_request(&self, request: RequestId, waiting: &Waiting) {
        let context = &self.context;
        let agent_state = |wanted| {
            self.operators.iter().filter(move |(id, (agent_state, queues))| {
                *agent_state == wanted
                    && queues.contains(&waiting.queue)
                    && waiting.never_to.as_ref() != Some(id)
            })
        };
        let told = |operator: &OperatorId| self.told.get(&(operator.clone(), request)).copied();
        for (operator, _) in agent_state(AgentState::Idle) {
            let paused = waiting.declined.get(operator).is_some_and(|until| *until > self.now);
            let offered = told(operator) == Some(Telling::Offered);
            assert!(offered != paused, "{context}: {operator} is idle, {request} waits");
        }
        if agent_state(AgentState::Idle).next().is_none() {
            for (operator, _) in agent_state(AgentState::Busy) {
                let shown = told(operator) == Some(Telling::Shown);
                assert!(shown, "{context}: none is idle, {operator} does not see {request}");
            }
        }
    }

    /// When all have gone home, nothing is left over.
    fn empty(&mut self) {
        for request in (0..=self.requests).map(RequestId) {
            self.play(Input::Leave { request });
        }
        for operator in self.operators.keys().cloned().collect::<Vec<_>>() {
            self.play(Input::AgentState {
                operator,
                queues: vec![],
                agent_state: AgentState::Absent,
            });
        }
        self.check();
        assert!(self.told.is_empty() && self.waiting.is_empty() && self.taken.is_empty());
        assert_eq!(self.machine.deadline(), None);
        let left = format!("{:?}", self.machine);
        assert!(left.contains("requests: {}") && left.contains("by_id: {}"), "{left}");
    }
}
