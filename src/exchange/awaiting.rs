//! What waits for the journal.

use super::journal::Audited;
use super::web_request::WebReply;
use crate::directory::DirectoryChange;
use crate::ids::Ticket;
use crate::sip::Response;
use crate::time::{Instant, earliest};
use crate::transaction::ServerId;
use std::collections::VecDeque;

/// Who waits for a commit.
#[derive(Debug)]
pub(super) enum Awaiting {
    /// The switchboard, under its own ticket.
    Switchboard(Ticket),
    /// A phone, for its registration.
    Response(ServerId, Box<Response>),
    /// A page, under its own id.
    Page(u64, Box<WebReply>),
}

/// The changes that are not in the journal yet.
#[derive(Debug, Default)]
pub(super) struct PendingChanges {
    pub waiting: VecDeque<WantedChange>,
    pub current: Option<Current>,
}

/// A change that waits for its turn.
#[derive(Debug)]
pub(super) struct WantedChange {
    /// Of the administrator's request; an operator at a phone waits for no answer.
    pub id: Option<u64>,
    pub by: String,
    pub change: DirectoryChange,
    pub until: Instant,
}

#[derive(Debug)]
pub(super) enum Current {
    /// An administrator may wait.
    Written { id: Option<u64>, ticket: Ticket, audited: Audited, until: Instant },
    /// The administrator was refused before the journal has said what came of it.
    InDoubt { ticket: Ticket, audited: Audited },
    /// It was written after all, and has to be undone.
    TakenBack { ticket: Option<Ticket>, audited: Audited, again: Instant },
}

impl PendingChanges {
    /// The next moment at which something is late or tried again.
    pub fn deadline(&self) -> Option<Instant> {
        let current = match &self.current {
            Some(Current::TakenBack { ticket: None, again: at, .. })
            | Some(Current::Written { until: at, .. }) => Some(*at),
            Some(Current::InDoubt { .. } | Current::TakenBack { ticket: Some(_), .. }) | None => {
                None
            }
        };
        earliest(current, self.waiting.front().map(|wanted| wanted.until))
    }
}
