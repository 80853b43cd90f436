//! The INVITE client transaction (RFC 3261 §17.1.1, RFC 6026 §7.2, CANCEL by §9.1).
//!
//! ```text
//!                 INVITE
//!                   │ sent; again at timer A over UDP
//!                   ▼
//!                Calling ───────── timer B, transport error ──────▶ Terminated (TU told)
//!                   │ 1xx: a waiting CANCEL goes out
//!                   ▼
//!               Proceeding ── 64 × T1 after our CANCEL, transport error ──▶ Terminated (TU told)
//!                   │ timer C: CANCEL
//!                   │
//!        2xx ┌──────┴───────┐ 300-699: ACK          (both also from Calling)
//!            ▼              ▼
//!        Accepted       Completed ── 300-699 again: ACK again
//!            │ timer M      │ timer D
//!            └──────┬───────┘
//!                   ▼
//!               Terminated
//! ```
//!
//! While a CANCEL waits, the INVITE is repeated within its first 4 s alone: the answer to a copy lets the
//! CANCEL out, where the first answer was lost; but who has heard none of four is not to ring, when he comes
//! back, for a call that nobody wants.

use super::timers::{self, GIVE_UP, T2, TIMER_C, TIMER_D};
use crate::time::{Duration, Instant, Repeat, earliest};

/// What reaches this transaction.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Input {
    /// A response with this status code came.
    Response(u16),
    /// The transaction user gives up, for this Reason.
    Cancel(Option<String>),
    /// The request cannot be carried.
    TransportError,
}

/// What this transaction wants done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// Send the INVITE once more.
    Send,
    /// Send a CANCEL for the INVITE, with this Reason.
    SendCancel(Option<String>),
    /// Acknowledge the response that just came (§17.1.1.3).
    Ack,
    /// Hand the response that just came to the transaction user.
    Pass,
    /// Tell the transaction user that nothing came in time.
    Timeout,
    /// Tell the transaction user that the transport failed.
    TransportError,
}

/// A CANCEL that waits for the first provisional response.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Waiting {
    reason: Option<String>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum State {
    Calling { timer_a: Option<Repeat>, timer_b: Instant, cancel: Option<Waiting> },
    Proceeding { timer_c: Instant },
    Cancelling { give_up: Instant },
    Completed { timer_d: Instant },
    Accepted { timer_m: Instant },
    Terminated,
}

/// One INVITE client transaction.
#[derive(Debug)]
pub struct ClientInvite {
    state: State,
    /// TCP, TLS and WebSocket deliver by themselves: no timer A, no timer D.
    reliable: bool,
}

impl ClientInvite {
    /// The state after the INVITE was sent for the first time.
    #[must_use]
    pub fn new(now: Instant, reliable: bool) -> Self {
        let timer_a = (!reliable).then(|| timers::timer_a(now));
        let state = State::Calling { timer_a, timer_b: now + GIVE_UP, cancel: None };
        Self { state, reliable }
    }

    /// Whether a final response may still come.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(
            self.state,
            State::Calling { .. } | State::Proceeding { .. } | State::Cancelling { .. }
        )
    }

    /// Whether the peer has it, and its final response may still come.
    #[must_use]
    pub fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Proceeding { .. } | State::Cancelling { .. })
    }

    /// Takes one input and returns all that follows from it.
    #[must_use]
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Effect> {
        match (&mut self.state, input) {
            (State::Calling { cancel, .. }, Input::Response(100..=199)) => match cancel.take() {
                None => {
                    self.state = State::Proceeding { timer_c: now + TIMER_C };
                    vec![Effect::Pass]
                }
                Some(Waiting { reason }) => {
                    self.state = State::Cancelling { give_up: now + GIVE_UP };
                    vec![Effect::Pass, Effect::SendCancel(reason)]
                }
            },
            (State::Proceeding { timer_c }, Input::Response(100..=199)) => {
                *timer_c = now + TIMER_C;
                vec![Effect::Pass]
            }
            (State::Cancelling { .. }, Input::Response(100..=199)) => vec![Effect::Pass],
            (
                State::Calling { .. } | State::Proceeding { .. } | State::Cancelling { .. },
                Input::Response(200..=299),
            ) => {
                self.state = State::Accepted { timer_m: now + GIVE_UP };
                vec![Effect::Pass]
            }
            (
                State::Calling { .. } | State::Proceeding { .. } | State::Cancelling { .. },
                Input::Response(_),
            ) => {
                let linger = if self.reliable { Duration::ZERO } else { TIMER_D };
                self.state = State::Completed { timer_d: now + linger };
                vec![Effect::Ack, Effect::Pass]
            }
            // RFC 6026 §7.2: every 2xx goes up, copies and those of other forks alike.
            (State::Accepted { .. }, Input::Response(200..=299)) => vec![Effect::Pass],
            (State::Completed { .. }, Input::Response(300..)) => vec![Effect::Ack],
            (State::Calling { cancel, .. }, Input::Cancel(reason)) => {
                // §9.1: a CANCEL before a provisional response could overtake the INVITE.
                *cancel = Some(Waiting { reason });
                vec![]
            }
            (State::Proceeding { .. }, Input::Cancel(reason)) => {
                self.state = State::Cancelling { give_up: now + GIVE_UP };
                vec![Effect::SendCancel(reason)]
            }
            (
                State::Calling { .. } | State::Proceeding { .. } | State::Cancelling { .. },
                Input::TransportError,
            ) => {
                self.state = State::Terminated;
                vec![Effect::TransportError]
            }
            // Late or foolish responses, a CANCEL for what is decided, an ACK that could not be
            // sent: the copy of the response will ask for it again.
            (State::Accepted { .. }, Input::Response(_))
            | (State::Completed { .. }, Input::Response(_))
            | (
                State::Cancelling { .. } | State::Accepted { .. } | State::Completed { .. },
                Input::Cancel(_),
            )
            | (State::Accepted { .. } | State::Completed { .. }, Input::TransportError)
            | (State::Terminated, _) => vec![],
        }
    }

    /// Whether this transaction can be forgotten.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Calling { timer_a, timer_b, .. } => {
                earliest(timer_a.map(|a| a.at()), Some(timer_b))
            }
            State::Cancelling { give_up } => Some(give_up),
            State::Completed { timer_d } => Some(timer_d),
            State::Accepted { timer_m } => Some(timer_m),
            State::Proceeding { timer_c } => Some(timer_c),
            State::Terminated => None,
        }
    }

    /// Fires the timer that is due at `now`, if any.
    #[must_use]
    pub fn tick(&mut self, now: Instant) -> Vec<Effect> {
        if self.deadline().is_none_or(|at| now < at) {
            return vec![];
        }
        match &mut self.state {
            State::Calling { timer_a, timer_b, cancel } if now < *timer_b => {
                let is_said_enough = now + (GIVE_UP - T2) > *timer_b;
                *timer_a =
                    timer_a.filter(|_| cancel.is_none() || !is_said_enough).map(Repeat::next);
                timer_a.map(|_| Effect::Send).into_iter().collect()
            }
            State::Calling { .. } | State::Cancelling { .. } => {
                self.state = State::Terminated;
                vec![Effect::Timeout]
            }
            State::Completed { .. } | State::Accepted { .. } => {
                self.state = State::Terminated;
                vec![]
            }
            State::Proceeding { .. } => {
                self.state = State::Cancelling { give_up: now + GIVE_UP };
                vec![Effect::SendCancel(None)]
            }
            State::Terminated => vec![],
        }
    }
}
