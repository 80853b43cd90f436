//! The non-INVITE server transaction (RFC 3261 §17.2.2, RFC 4320 §4).
//!
//! ```text
//!                request
//!                   │ passed to the TU
//!                   ▼
//!                Trying ── 3.5 s: 100 ──▶ Proceeding
//!                   │                         │
//!                   └────────────┬────────────┘── 64 × T1, 408 from TU ──▶ Terminated (silently)
//!                                │ 200-699 from TU
//!                                ▼
//!                            Completed ── timer J ──▶ Terminated
//! ```

use super::timers::{GIVE_UP, TRYING_NON_INVITE};
use crate::sip::{Request, Response, StatusCode};
use crate::time::{Duration, Instant};

/// What reaches this transaction.
#[derive(Clone, Debug)]
pub enum Input {
    /// The request came again.
    Request,
    /// The transaction user answers.
    Respond(Response),
    /// Responses cannot be carried.
    TransportError,
}

/// What this transaction wants done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Send this response to the source of the request (§18.2.2).
    Send(Response),
}

#[derive(Clone, Debug)]
enum NistState {
    Trying { request: Request, trying_at: Instant, give_up: Instant },
    Proceeding { trying: Response, give_up: Instant },
    Completed { last: Response, timer_j: Instant },
    Terminated,
}

/// One server transaction of any method but INVITE and ACK.
#[derive(Debug)]
pub struct ServerNonInvite {
    state: NistState,
    /// TCP, TLS and WebSocket deliver by themselves: no timer J.
    reliable: bool,
}

impl ServerNonInvite {
    /// The state after the first copy of the request, which the machine passes to the TU, too; it gets a
    /// 100 when the TU is slow.
    #[must_use]
    pub fn new(now: Instant, reliable: bool, request: Request) -> Self {
        let (trying_at, give_up) = (now + TRYING_NON_INVITE, now + GIVE_UP);
        Self { state: NistState::Trying { request, trying_at, give_up }, reliable }
    }

    /// Takes one input and returns all that follows from it.
    #[must_use]
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Effect> {
        match (&self.state, input) {
            (NistState::Trying { .. } | NistState::Proceeding { .. }, Input::Respond(response)) => {
                // RFC 4320 §4.2: a 408 comes too late for everyone; §4.1: no 1xx but our own 100.
                if response.status.as_u16() == 408 {
                    self.state = NistState::Terminated;
                    return vec![];
                }
                if response.status.is_provisional() {
                    return vec![];
                }
                let linger = if self.reliable { Duration::ZERO } else { GIVE_UP };
                self.state = NistState::Completed { last: response.clone(), timer_j: now + linger };
                vec![Effect::Send(response)]
            }
            (NistState::Proceeding { trying, .. }, Input::Request) => {
                vec![Effect::Send(trying.clone())]
            }
            (NistState::Completed { last, .. }, Input::Request) => vec![Effect::Send(last.clone())],
            (NistState::Completed { .. }, Input::TransportError) => {
                self.state = NistState::Terminated;
                vec![]
            }
            // A copy before the answer, a TU that answers twice; and what cannot be carried now
            // may be carried when the TU has its answer.
            (NistState::Trying { .. }, Input::Request | Input::TransportError)
            | (NistState::Proceeding { .. }, Input::TransportError)
            | (NistState::Completed { .. }, Input::Respond(_))
            | (NistState::Terminated, _) => vec![],
        }
    }

    /// Whether this transaction can be forgotten.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        matches!(self.state, NistState::Terminated)
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.state {
            NistState::Trying { trying_at, .. } => Some(*trying_at),
            NistState::Proceeding { give_up, .. } => Some(*give_up),
            NistState::Completed { timer_j, .. } => Some(*timer_j),
            NistState::Terminated => None,
        }
    }

    /// Fires the timer that is due at `now`, if any.
    #[must_use]
    pub fn tick(&mut self, now: Instant) -> Vec<Effect> {
        if self.deadline().is_none_or(|at| now < at) {
            return vec![];
        }
        match &self.state {
            NistState::Trying { request, give_up, .. } => {
                let (trying, give_up) = (request.response(StatusCode::TRYING), *give_up);
                self.state = NistState::Proceeding { trying: trying.clone(), give_up };
                vec![Effect::Send(trying)]
            }
            NistState::Proceeding { .. } | NistState::Completed { .. } => {
                self.state = NistState::Terminated;
                vec![]
            }
            NistState::Terminated => vec![],
        }
    }
}
