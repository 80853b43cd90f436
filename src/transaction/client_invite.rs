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
struct PendingCancel {
    reason: Option<String>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum IctState {
    Calling { timer_a: Option<Repeat>, timer_b: Instant, cancel: Option<PendingCancel> },
    Proceeding { timer_c: Instant },
    Cancelling { give_up: Instant },
    Completed { timer_d: Instant },
    Accepted { timer_m: Instant },
    Terminated,
}

/// How an INVITE waits for its final response.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InviteWait {
    /// Nothing was said to it.
    Unheard {
        /// When it is sent again.
        timer_a: Option<Repeat>,
        /// When it is given up.
        timer_b: Instant,
    },
    /// The peer has it.
    Proceeding {
        /// When it is given up, where nothing new is said to it.
        timer_c: Instant,
    },
}

/// One INVITE client transaction.
#[derive(Debug)]
pub struct ClientInvite {
    state: IctState,
    /// TCP, TLS and WebSocket deliver by themselves: no timer A, no timer D.
    reliable: bool,
}

impl ClientInvite {
    /// The state after the INVITE was sent for the first time.
    #[must_use]
    pub fn new(now: Instant, reliable: bool) -> Self {
        let timer_a = (!reliable).then(|| timers::timer_a(now));
        let state = IctState::Calling { timer_a, timer_b: now + GIVE_UP, cancel: None };
        Self { state, reliable }
    }

    /// The state after a provisional response, until timer C fires at `silent_until`.
    #[must_use]
    pub fn proceeding(silent_until: Instant, reliable: bool) -> Self {
        Self { state: IctState::Proceeding { timer_c: silent_until }, reliable }
    }

    /// The state while nothing was said to the INVITE: it is repeated by `timer_a`, and given up by `timer_b`.
    #[must_use]
    pub fn calling(timer_a: Option<Repeat>, timer_b: Instant, reliable: bool) -> Self {
        let timer_a = timer_a.filter(|_| !reliable);
        Self { state: IctState::Calling { timer_a, timer_b, cancel: None }, reliable }
    }

    /// How it waits for its final response, while nobody has given it up.
    #[must_use]
    pub fn wait(&self) -> Option<InviteWait> {
        match self.state {
            IctState::Calling { timer_a, timer_b, cancel: None } => {
                Some(InviteWait::Unheard { timer_a, timer_b })
            }
            IctState::Proceeding { timer_c } => Some(InviteWait::Proceeding { timer_c }),
            IctState::Calling { cancel: Some(_), .. }
            | IctState::Cancelling { .. }
            | IctState::Completed { .. }
            | IctState::Accepted { .. }
            | IctState::Terminated => None,
        }
    }

    /// Whether a final response may still come.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        matches!(
            self.state,
            IctState::Calling { .. } | IctState::Proceeding { .. } | IctState::Cancelling { .. }
        )
    }

    /// Whether the peer has it, and its final response may still come.
    #[must_use]
    pub fn is_proceeding(&self) -> bool {
        matches!(self.state, IctState::Proceeding { .. } | IctState::Cancelling { .. })
    }

    /// Takes one input and returns all that follows from it.
    #[must_use]
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Effect> {
        match (&mut self.state, input) {
            (IctState::Calling { cancel, .. }, Input::Response(100..=199)) => match cancel.take() {
                None => {
                    self.state = IctState::Proceeding { timer_c: now + TIMER_C };
                    vec![Effect::Pass]
                }
                Some(PendingCancel { reason }) => {
                    self.state = IctState::Cancelling { give_up: now + GIVE_UP };
                    vec![Effect::Pass, Effect::SendCancel(reason)]
                }
            },
            (IctState::Proceeding { timer_c }, Input::Response(100..=199)) => {
                *timer_c = now + TIMER_C;
                vec![Effect::Pass]
            }
            (IctState::Cancelling { .. }, Input::Response(100..=199)) => vec![Effect::Pass],
            (
                IctState::Calling { .. }
                | IctState::Proceeding { .. }
                | IctState::Cancelling { .. },
                Input::Response(200..=299),
            ) => {
                self.state = IctState::Accepted { timer_m: now + GIVE_UP };
                vec![Effect::Pass]
            }
            (
                IctState::Calling { .. }
                | IctState::Proceeding { .. }
                | IctState::Cancelling { .. },
                Input::Response(_),
            ) => {
                let linger = if self.reliable { Duration::ZERO } else { TIMER_D };
                self.state = IctState::Completed { timer_d: now + linger };
                vec![Effect::Ack, Effect::Pass]
            }
            // RFC 6026 §7.2: every 2xx goes up, copies and those of other forks alike.
            (IctState::Accepted { .. }, Input::Response(200..=299)) => vec![Effect::Pass],
            (IctState::Completed { .. }, Input::Response(300..)) => vec![Effect::Ack],
            (IctState::Calling { cancel, .. }, Input::Cancel(reason)) => {
                // §9.1: a CANCEL before a provisional response could overtake the INVITE.
                *cancel = Some(PendingCancel { reason });
                vec![]
            }
            (IctState::Proceeding { .. }, Input::Cancel(reason)) => {
                self.state = IctState::Cancelling { give_up: now + GIVE_UP };
                vec![Effect::SendCancel(reason)]
            }
            (
                IctState::Calling { .. }
                | IctState::Proceeding { .. }
                | IctState::Cancelling { .. },
                Input::TransportError,
            ) => {
                self.state = IctState::Terminated;
                vec![Effect::TransportError]
            }
            // Late or foolish responses, a CANCEL for what is decided, an ACK that could not be
            // sent: the copy of the response will ask for it again.
            (IctState::Accepted { .. }, Input::Response(_))
            | (IctState::Completed { .. }, Input::Response(_))
            | (
                IctState::Cancelling { .. }
                | IctState::Accepted { .. }
                | IctState::Completed { .. },
                Input::Cancel(_),
            )
            | (IctState::Accepted { .. } | IctState::Completed { .. }, Input::TransportError)
            | (IctState::Terminated, _) => vec![],
        }
    }

    /// Whether this transaction can be forgotten.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        matches!(self.state, IctState::Terminated)
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            IctState::Calling { timer_a, timer_b, .. } => {
                earliest(timer_a.map(|a| a.at()), Some(timer_b))
            }
            IctState::Cancelling { give_up } => Some(give_up),
            IctState::Completed { timer_d } => Some(timer_d),
            IctState::Accepted { timer_m } => Some(timer_m),
            IctState::Proceeding { timer_c } => Some(timer_c),
            IctState::Terminated => None,
        }
    }

    /// Fires the timer that is due at `now`, if any.
    #[must_use]
    pub fn tick(&mut self, now: Instant) -> Vec<Effect> {
        if self.deadline().is_none_or(|at| now < at) {
            return vec![];
        }
        match &mut self.state {
            IctState::Calling { timer_a, timer_b, cancel } if now < *timer_b => {
                let is_said_enough = now + (GIVE_UP - T2) > *timer_b;
                *timer_a =
                    timer_a.filter(|_| cancel.is_none() || !is_said_enough).map(Repeat::next);
                timer_a.map(|_| Effect::Send).into_iter().collect()
            }
            IctState::Calling { .. } | IctState::Cancelling { .. } => {
                self.state = IctState::Terminated;
                vec![Effect::Timeout]
            }
            IctState::Completed { .. } | IctState::Accepted { .. } => {
                self.state = IctState::Terminated;
                vec![]
            }
            IctState::Proceeding { .. } => {
                self.state = IctState::Cancelling { give_up: now + GIVE_UP };
                vec![Effect::SendCancel(None)]
            }
            IctState::Terminated => vec![],
        }
    }
}
