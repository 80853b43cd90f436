//! The non-INVITE client transaction (RFC 3261 §17.1.2).
//!
//! ```text
//!                request
//!                   │ sent; again at timer E over UDP
//!                   ▼
//!                Trying ──────── timer F, transport error ──▶ Terminated (TU told)
//!                   │ 1xx: timer E = T2                           ▲
//!                   ▼                                             │
//!               Proceeding ───── timer F, transport error ────────┘
//!                   │ 200-699 (also from Trying)
//!                   ▼
//!               Completed ── timer K ──▶ Terminated
//! ```

use super::timers::{self, GIVE_UP, T4};
use crate::time::{Duration, Instant, Repeat, earliest};

/// What reaches this transaction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Input {
    /// A response with this status code came.
    Response(u16),
    /// The request cannot be carried.
    TransportError,
}

/// What this transaction wants done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Send the request once more.
    Send,
    /// Hand the response that just came to the transaction user.
    Pass,
    /// Tell the transaction user that no final response came in time.
    Timeout,
    /// Tell the transaction user that the transport failed.
    TransportError,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum NictState {
    Trying { timer_e: Option<Repeat>, timer_f: Instant },
    Proceeding { timer_e: Option<Repeat>, timer_f: Instant },
    Completed { timer_k: Instant },
    Terminated,
}

/// One client transaction of any method but INVITE and ACK.
#[derive(Debug)]
pub struct ClientNonInvite {
    state: NictState,
    /// TCP, TLS and WebSocket deliver by themselves: no timer E, no timer K.
    reliable: bool,
}

impl ClientNonInvite {
    /// The state after the request was sent for the first time.
    #[must_use]
    pub fn new(now: Instant, reliable: bool) -> Self {
        let timer_e = (!reliable).then(|| timers::timer_e_or_g(now));
        Self { state: NictState::Trying { timer_e, timer_f: now + GIVE_UP }, reliable }
    }

    /// Whether a final response may still come.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(self.state, NictState::Trying { .. } | NictState::Proceeding { .. })
    }

    /// Takes one input and returns all that follows from it.
    #[must_use]
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Effect> {
        match (self.state, input) {
            (NictState::Trying { timer_e, timer_f }, Input::Response(100..=199)) => {
                let timer_e = timer_e.map(|_| timers::timer_e_proceeding(now));
                self.state = NictState::Proceeding { timer_e, timer_f };
                vec![Effect::Pass]
            }
            (NictState::Proceeding { .. }, Input::Response(100..=199)) => vec![Effect::Pass],
            (NictState::Trying { .. } | NictState::Proceeding { .. }, Input::Response(_)) => {
                let linger = if self.reliable { Duration::ZERO } else { T4 };
                self.state = NictState::Completed { timer_k: now + linger };
                vec![Effect::Pass]
            }
            (NictState::Trying { .. } | NictState::Proceeding { .. }, Input::TransportError) => {
                self.state = NictState::Terminated;
                vec![Effect::TransportError]
            }
            // Copies of what was answered.
            (NictState::Completed { .. } | NictState::Terminated, _) => vec![],
        }
    }

    /// Whether this transaction can be forgotten.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        matches!(self.state, NictState::Terminated)
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            NictState::Trying { timer_e, timer_f } | NictState::Proceeding { timer_e, timer_f } => {
                earliest(timer_e.map(|e| e.at()), Some(timer_f))
            }
            NictState::Completed { timer_k } => Some(timer_k),
            NictState::Terminated => None,
        }
    }

    /// Fires the timer that is due at `now`, if any.
    #[must_use]
    pub fn tick(&mut self, now: Instant) -> Vec<Effect> {
        if self.deadline().is_none_or(|at| now < at) {
            return vec![];
        }
        match &mut self.state {
            NictState::Trying { timer_e: Some(timer_e), timer_f }
            | NictState::Proceeding { timer_e: Some(timer_e), timer_f }
                if now < *timer_f =>
            {
                *timer_e = timer_e.next();
                vec![Effect::Send]
            }
            NictState::Trying { .. } | NictState::Proceeding { .. } => {
                self.state = NictState::Terminated;
                vec![Effect::Timeout]
            }
            NictState::Completed { .. } => {
                self.state = NictState::Terminated;
                vec![]
            }
            NictState::Terminated => vec![],
        }
    }
}
