//! What an event costs with a thousand calls waiting, or ten thousand, and fifty operators:
//! `cargo bench --bench acd [WAITING]`.
//!
//! Each line: the event, effects told per event, time per event. What must be told is linear in the calls
//! (positions) or in the desks (offers); the time per effect is the figure to watch.

#![allow(clippy::print_stdout)] // A bench prints its figures.

use cordboard::acd::{
    AgentState, Arrival, Input, Machine, NightRules, QueuePriorities, QueueRules, QueueShares,
    Settings, Share,
};
use cordboard::ids::{OperatorId, QueueId, RequestId};
use cordboard::time::{Duration, Instant};
use std::time::Instant as Clock;

const OPERATORS: u64 = 50;
const ROUNDS: u64 = 200;

fn main() {
    let waiting = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(1000);
    for (name, agent_state) in [("idle", AgentState::Idle), ("busy", AgentState::Busy)] {
        let mut testbed = testbed(agent_state, waiting);
        measure(&format!("arrive and leave, all {name}"), || {
            told(&mut testbed, arrive(waiting + 1))
                + told(&mut testbed, Input::Leave { request: RequestId(waiting + 1) })
        });
        measure(&format!("the first leaves and comes again, all {name}"), || {
            // The first by priority: all behind it hear a new position, twice.
            let first = Arrival { priority: 1, ..arrival(waiting + 1) };
            told(&mut testbed, Input::Arrive(first))
                + told(&mut testbed, Input::Leave { request: RequestId(waiting + 1) })
        });
    }
    let mut testbed = testbed(AgentState::Busy, waiting);
    measure("one of the busy becomes idle and busy again", || {
        told(&mut testbed, stand(0, AgentState::Idle))
            + told(&mut testbed, stand(0, AgentState::Busy))
    });
    measure("one of the busy goes on do-not-disturb and comes back", || {
        told(&mut testbed, stand(0, AgentState::DoNotDisturb))
            + told(&mut testbed, stand(0, AgentState::Busy))
    });
}

fn measure(name: &str, mut event: impl FnMut() -> usize) {
    let begin = Clock::now();
    let effects: usize = (0..ROUNDS).map(|_| event()).sum();
    let micros = begin.elapsed().as_secs_f64() * 1e6 / ROUNDS as f64;
    let effects = effects as f64 / ROUNDS as f64;
    println!(
        "{name:<55} {effects:>7.0} effects {micros:>8.1} µs {:>6.3} µs each",
        micros / effects
    );
}

/// The queue, and a clock that goes on with each event, so that the alarms have to follow.
struct Testbed {
    machine: Machine,
    now: Instant,
}

fn testbed(agent_state: AgentState, waiting: u64) -> Testbed {
    let main = QueueRules {
        id: QueueId::from("main"),
        waiting_max: usize::MAX,
        shares: QueueShares::ALL,
        wait_max: Some(Duration::from_secs(3600)),
        grace: Duration::from_secs(10),
        overflow: None,
        exit_key: None,
        priorities: QueuePriorities::default(),
        night: NightRules::default(),
    };
    let settings = Settings { queues: vec![main], decline_pause: Duration::from_secs(30) };
    let mut testbed = Testbed { machine: Machine::new(settings), now: Instant::START };
    for operator in 0..OPERATORS {
        told(&mut testbed, stand(operator, agent_state));
    }
    for request in 0..waiting {
        told(&mut testbed, arrive(request));
    }
    testbed
}

fn told(testbed: &mut Testbed, input: Input) -> usize {
    testbed.now = testbed.now + Duration::from_millis(1);
    testbed.machine.handle(testbed.now, input).len()
}

fn stand(operator: u64, agent_state: AgentState) -> Input {
    let operator = OperatorId::from(format!("op{operator}").as_str());
    Input::AgentState { operator, queues: vec![QueueId::from("main")], agent_state }
}

fn arrive(request: u64) -> Input {
    Input::Arrive(arrival(request))
}

fn arrival(request: u64) -> Arrival {
    Arrival {
        request: RequestId(request),
        share: Share::Guests,
        queue: QueueId::from("main"),
        never_to: None,
        priority: 0,
        answered: false,
        told: None,
    }
}
