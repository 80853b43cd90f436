//! Provisional responses that are sent reliably (RFC 3262 §3).
//!
//! ```text
//!     Idle ── 1xx ──▶ Repeating ── PRACK ──▶ Idle: the next in the queue, or the 2xx that waits
//!                       │  │ T1, doubling: again
//!                       │  └── 2xx ──▶ Silent ── PRACK ──▶ Idle
//!                       │ 64 × T1
//!                       ▼
//!                 given up: the INVITE is refused with 500
//! ```

use super::settings::{GIVE_UP, T1};
use crate::random::Random;
use crate::sip::{HeaderName, Method, RAck, Response};
use crate::time::{Instant, Repeat};
use std::collections::VecDeque;

/// The most 1xx that wait behind an unacknowledged one; of more the oldest is left out, one without a
/// session description first.
pub const QUEUED_MAX: usize = 8;

/// The reliable 1xx of one INVITE.
#[derive(Debug)]
pub struct Reliable {
    pub(super) next_rseq: u32,
    pub(super) state: ReliableState,
    pub(super) queue: VecDeque<Response>,
}

#[derive(Debug)]
pub(super) enum ReliableState {
    Idle,
    Repeating {
        rseq: u32,
        response: Box<Response>,
        repeat: Repeat,
        give_up: Instant,
    },
    /// §3: after the 2xx nothing is repeated, but its PRACK is still welcome.
    Silent {
        rseq: u32,
    },
}

/// What time brings.
#[derive(Debug)]
pub enum ReliableDue {
    /// Send this again.
    Again(Box<Response>),
    /// No PRACK came.
    GivenUp,
}

impl Reliable {
    /// Nothing sent yet.
    pub fn new(random: &mut Random) -> Self {
        // §3: chosen from 1 to 2^31 - 1.
        let next_rseq = 1 + u32::try_from(random.below((1 << 31) - 1)).unwrap_or_default();
        Self { next_rseq, state: ReliableState::Idle, queue: VecDeque::new() }
    }

    /// Nothing but the PRACK for the 1xx with this number may still come: our 2xx has overtaken it.
    pub fn overtaken(rseq: u32) -> Self {
        let state = ReliableState::Silent { rseq };
        Self { next_rseq: rseq.checked_add(1).unwrap_or(1), state, queue: VecDeque::new() }
    }

    /// The number of the 1xx that waits for its PRACK.
    pub fn unacknowledged(&self) -> Option<u32> {
        match &self.state {
            ReliableState::Repeating { rseq, .. } | ReliableState::Silent { rseq } => Some(*rseq),
            ReliableState::Idle => None,
        }
    }

    /// Sends `response`, now or when those before it are acknowledged; returns what goes out now.
    pub fn send(&mut self, now: Instant, mut response: Response) -> Option<Response> {
        if matches!(self.state, ReliableState::Repeating { .. }) {
            if self.queue.len() == QUEUED_MAX {
                let plain = self.queue.iter().position(|waiting| waiting.body.is_empty());
                self.queue.remove(plain.unwrap_or(0));
            }
            self.queue.push_back(response);
            return None;
        }
        let rseq = self.next_rseq;
        self.next_rseq = rseq.checked_add(1).unwrap_or(1);
        response.headers.push(HeaderName::Require, "100rel");
        response.headers.push(HeaderName::RSeq, rseq);
        self.state = ReliableState::Repeating {
            rseq,
            response: Box::new(response.clone()),
            repeat: Repeat::new(now, T1, GIVE_UP),
            give_up: now + GIVE_UP,
        };
        Some(response)
    }

    /// A PRACK came; true when it acknowledges. `seq` is the number of the INVITE.
    pub fn acknowledge(&mut self, rack: &RAck, seq: u32) -> bool {
        let matches = self.unacknowledged() == Some(rack.rseq) && rack.cseq == seq;
        let matches = matches && rack.method == Method::INVITE;
        if matches {
            self.state = ReliableState::Idle;
        }
        matches
    }

    /// After [`acknowledge`](Self::acknowledge): what goes out next.
    pub fn next(&mut self, now: Instant) -> Option<Response> {
        let response = self.queue.pop_front()?;
        self.send(now, response)
    }

    /// The INVITE gets its final response: nothing more is sent or repeated.
    pub fn fall_silent(&mut self) {
        self.queue.clear();
        if let ReliableState::Repeating { rseq, .. } = self.state {
            self.state = ReliableState::Silent { rseq };
        }
    }

    /// Whether a 1xx with a session description waits for its PRACK, or behind another: no 2xx before
    /// that.
    pub fn holds_back_answer(&self) -> bool {
        let is_open = match &self.state {
            ReliableState::Repeating { response, .. } => !response.body.is_empty(),
            ReliableState::Idle | ReliableState::Silent { .. } => false,
        };
        is_open || self.queue.iter().any(|waiting| !waiting.body.is_empty())
    }

    /// A 2xx waits: of the 1xx before it only those with a session description are worth waiting for.
    pub fn keep_descriptions(&mut self) {
        self.queue.retain(|waiting| !waiting.body.is_empty());
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.state {
            ReliableState::Repeating { repeat, give_up, .. } => Some(repeat.at().min(*give_up)),
            ReliableState::Idle | ReliableState::Silent { .. } => None,
        }
    }

    /// What is due at `now`.
    pub fn tick(&mut self, now: Instant) -> Option<ReliableDue> {
        let ReliableState::Repeating { response, repeat, give_up, .. } = &mut self.state else {
            return None;
        };
        if now >= *give_up {
            self.fall_silent();
            return Some(ReliableDue::GivenUp);
        }
        if now < repeat.at() {
            return None;
        }
        *repeat = repeat.next();
        Some(ReliableDue::Again(response.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::StatusCode;

    #[test]
    fn the_queue_has_a_limit_and_drops_the_oldest() {
        let mut reliable = Reliable::new(&mut Random::from_number(1));
        let now = Instant::START;
        let first = reliable.send(now, Response::new(StatusCode::RINGING)).unwrap();
        for place in 0..=QUEUED_MAX {
            let response = Response::new(StatusCode::QUEUED).with_reason(&place.to_string());
            assert!(reliable.send(now, response).is_none());
        }
        let rseq = first.headers.rseq().unwrap().unwrap();
        assert!(!reliable.acknowledge(&RAck { rseq, cseq: 8, method: Method::INVITE }, 7));
        assert!(reliable.acknowledge(&RAck { rseq, cseq: 7, method: Method::INVITE }, 7));
        let next = reliable.next(now).unwrap();
        assert_eq!(next.reason, "1");
        assert_eq!(next.headers.rseq(), Ok(Some(rseq + 1)));
    }
}
