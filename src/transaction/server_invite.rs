//! The INVITE server transaction (RFC 3261 §17.2.1, RFC 6026 §7.1).
//!
//! ```text
//!                 INVITE
//!                   │ passed to the TU; a 100 when the TU is silent for 200 ms
//!                   ▼
//!              Proceeding ── transport error ──▶ Terminated (TU told)
//!                   │
//!     2xx from TU ┌─┴────────┐ 300-699 from TU
//!                 ▼          ▼
//!             Accepted   Completed ── ACK ──▶ Confirmed
//!                 │          │ G: copy            │ timer I
//!                 │ timer L  │ timer H (TU told)  │
//!                 └──────────┴────────┬───────────┘
//!                                     ▼
//!                                Terminated
//! ```

use super::timers::{self, GIVE_UP, T4, TRYING};
use crate::sip::{Request, Response, StatusCode};
use crate::time::{Duration, Instant, Repeat, earliest};

/// What reaches this transaction.
#[derive(Clone, Debug)]
pub enum Input {
    /// The INVITE came again.
    Invite,
    /// An ACK that matches this transaction (§17.2.3), so never one for a 2xx.
    Ack,
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
    /// Tell the transaction user that its final response was not acknowledged or not carried.
    NoAck,
}

#[derive(Clone, Debug)]
pub(super) enum IstState {
    Proceeding { last: LastResponse },
    Accepted { timer_l: Instant },
    Completed { last: Response, timer_g: Option<Repeat>, timer_h: Instant },
    Confirmed { timer_i: Instant },
    Terminated,
}

/// What a copy of the INVITE gets while the transaction proceeds.
#[derive(Clone, Debug)]
pub(super) enum LastResponse {
    /// Nothing yet; the 100 follows when the TU stays silent.
    Unsaid {
        invite: Request,
        trying_at: Instant,
    },
    Said(Response),
}

/// One INVITE server transaction.
#[derive(Debug)]
pub struct ServerInvite {
    pub(super) state: IstState,
    /// TCP, TLS and WebSocket deliver by themselves: no timer G, no timer I.
    pub(super) reliable: bool,
}

impl ServerInvite {
    /// The state after the first INVITE, which the machine passes to the TU, too; it gets a 100 when the TU
    /// is slow.
    #[must_use]
    pub fn new(now: Instant, reliable: bool, invite: Request) -> Self {
        let last = LastResponse::Unsaid { invite, trying_at: now + TRYING };
        Self { state: IstState::Proceeding { last }, reliable }
    }

    /// Whether a CANCEL still has an effect on the INVITE (§9.2).
    #[must_use]
    pub fn can_be_cancelled(&self) -> bool {
        matches!(self.state, IstState::Proceeding { .. })
    }

    /// Whether it was answered with a 2xx, whose ACK is the TU's affair.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self.state, IstState::Accepted { .. })
    }

    /// What was said last, or would be next, while the TU has not decided.
    #[must_use]
    pub fn provisional(&self) -> Option<Response> {
        match &self.state {
            IstState::Proceeding { last: LastResponse::Said(response) } => Some(response.clone()),
            IstState::Proceeding { last: LastResponse::Unsaid { invite, .. } } => {
                Some(invite.response(StatusCode::TRYING))
            }
            IstState::Accepted { .. }
            | IstState::Completed { .. }
            | IstState::Confirmed { .. }
            | IstState::Terminated => None,
        }
    }

    /// The tag that the TU has given to this INVITE, so far.
    #[must_use]
    pub fn to_tag(&self) -> Option<&str> {
        match &self.state {
            IstState::Proceeding { last: LastResponse::Said(response) }
            | IstState::Completed { last: response, .. } => response.headers.to_tag(),
            IstState::Proceeding { last: LastResponse::Unsaid { .. } }
            | IstState::Accepted { .. }
            | IstState::Confirmed { .. }
            | IstState::Terminated => None,
        }
    }

    /// Takes one input and returns all that follows from it.
    #[must_use]
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Effect> {
        match (&self.state, input) {
            (IstState::Proceeding { last }, Input::Invite) => match last {
                LastResponse::Unsaid { .. } => vec![],
                LastResponse::Said(response) => vec![Effect::Send(response.clone())],
            },
            (IstState::Proceeding { .. }, Input::Respond(response)) => self.respond(now, response),
            (IstState::Proceeding { .. }, Input::TransportError) => {
                self.state = IstState::Terminated;
                vec![Effect::NoAck]
            }
            // RFC 6026 §7.1: the TU repeats its own 2xx until the ACK comes.
            (IstState::Accepted { .. }, Input::Respond(response))
                if response.status.is_success() =>
            {
                vec![Effect::Send(response)]
            }
            (IstState::Completed { last, .. }, Input::Invite) => vec![Effect::Send(last.clone())],
            (IstState::Completed { .. }, Input::Ack) => {
                let linger = if self.reliable { Duration::ZERO } else { T4 };
                self.state = IstState::Confirmed { timer_i: now + linger };
                vec![]
            }
            (IstState::Completed { .. }, Input::TransportError) => {
                self.state = IstState::Terminated;
                vec![Effect::NoAck]
            }
            // A copy of the INVITE or of the ACK after the end, a TU that answers twice, and in
            // Accepted the TU's own timer that waits for the ACK.
            (IstState::Accepted { .. } | IstState::Confirmed { .. } | IstState::Terminated, _)
            | (IstState::Proceeding { .. }, Input::Ack)
            | (IstState::Completed { .. }, Input::Respond(_)) => vec![],
        }
    }

    fn respond(&mut self, now: Instant, response: Response) -> Vec<Effect> {
        self.state = if response.status.is_provisional() {
            IstState::Proceeding { last: LastResponse::Said(response.clone()) }
        } else if response.status.is_success() {
            IstState::Accepted { timer_l: now + GIVE_UP }
        } else {
            let timer_g = (!self.reliable).then(|| timers::timer_e_or_g(now));
            IstState::Completed { last: response.clone(), timer_g, timer_h: now + GIVE_UP }
        };
        vec![Effect::Send(response)]
    }

    /// Whether this transaction can be forgotten.
    #[must_use]
    pub fn is_terminated(&self) -> bool {
        matches!(self.state, IstState::Terminated)
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.state {
            IstState::Proceeding { last: LastResponse::Unsaid { trying_at, .. } } => {
                Some(*trying_at)
            }
            IstState::Accepted { timer_l } => Some(*timer_l),
            IstState::Completed { timer_g, timer_h, .. } => {
                earliest(timer_g.map(|g| g.at()), Some(*timer_h))
            }
            IstState::Confirmed { timer_i } => Some(*timer_i),
            IstState::Proceeding { .. } | IstState::Terminated => None,
        }
    }

    /// Fires the timer that is due at `now`, if any.
    #[must_use]
    pub fn tick(&mut self, now: Instant) -> Vec<Effect> {
        if self.deadline().is_none_or(|at| now < at) {
            return vec![];
        }
        match &mut self.state {
            IstState::Proceeding { last: LastResponse::Unsaid { invite, .. } } => {
                let trying = invite.response(StatusCode::TRYING);
                self.state = IstState::Proceeding { last: LastResponse::Said(trying.clone()) };
                vec![Effect::Send(trying)]
            }
            IstState::Completed { last, timer_g: Some(timer_g), timer_h } if now < *timer_h => {
                *timer_g = timer_g.next();
                vec![Effect::Send(last.clone())]
            }
            IstState::Completed { .. } => {
                self.state = IstState::Terminated;
                vec![Effect::NoAck]
            }
            IstState::Proceeding { last: LastResponse::Said(_) }
            | IstState::Accepted { .. }
            | IstState::Confirmed { .. }
            | IstState::Terminated => {
                self.state = IstState::Terminated;
                vec![]
            }
        }
    }
}
