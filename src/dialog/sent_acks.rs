//! The ACKs that we have sent: each copy of a 2xx gets its own again (RFC 3261 §13.2.2.4).

use super::context::DialogContext;
use super::settings::GIVE_UP;
use super::transactions::ClientTx;
use crate::sip::{Destination, Request};
use crate::time::{Instant, Now, UnixTime};

/// The most 2xx of one INVITE, by their tags, whose ACK is repeated.
const ACKED_MAX: usize = 16;

/// The ACKs of one session.
#[derive(Debug, Default)]
pub struct SentAcks {
    all: Vec<Acked>,
}

/// An ACK that goes out again with each copy of its 2xx, as a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedAck {
    /// Our INVITE.
    pub invite: ClientTx,
    /// The peer's tag in the 2xx.
    pub tag: String,
    /// The ACK; without Via.
    pub ack: Request,
    /// Where to.
    pub to: Destination,
    /// After this no copy of the 2xx can come.
    pub until: UnixTime,
}

/// An ACK that goes out again with each copy of its 2xx.
#[derive(Clone, Debug)]
struct Acked {
    invite: ClientTx,
    tag: String,
    ack: Request,
    to: Destination,
    until: Instant,
}

impl SentAcks {
    /// Those that were saved.
    pub fn restored(cx: &mut DialogContext<'_>, now: Now, saved: Vec<SavedAck>) -> Self {
        let all = saved.into_iter().map(|saved| {
            let SavedAck { invite, tag, ack, to, until } = saved;
            cx.owners.resume(invite, cx.leg);
            Acked { invite, tag, ack, to, until: now.instant_of(until) }
        });
        Self { all: all.collect() }
    }

    /// All as values.
    pub fn saved(&self, now: Now) -> Vec<SavedAck> {
        let saved = self.all.iter().cloned().map(|acked| {
            let Acked { invite, tag, ack, to, until } = acked;
            SavedAck { invite, tag, ack, to, until: now.unix_of(until) }
        });
        saved.collect()
    }

    /// Keeps the `ack` of the 2xx with this tag for as long as copies of that may come.
    pub fn keep(
        &mut self,
        cx: &mut DialogContext<'_>,
        invite: ClientTx,
        tag: String,
        (to, ack): (Destination, Request),
    ) {
        if self.all.len() == ACKED_MAX {
            let oldest = self.all.remove(0);
            if !self.all.iter().any(|acked| acked.invite == oldest.invite) {
                cx.forget(oldest.invite);
            }
        }
        cx.owners.clients.insert(invite, cx.leg);
        self.all.push(Acked { invite, tag, ack, to, until: cx.now + GIVE_UP });
    }

    /// The ACK of the 2xx with this tag, and where it goes.
    pub fn of(&self, invite: ClientTx, tag: &str) -> Option<(Destination, &Request)> {
        let same = self.all.iter().find(|acked| acked.invite == invite && acked.tag == tag);
        same.map(|acked| (acked.to, &acked.ack))
    }

    /// The ACK of the 2xx with this tag to the INVITE of this number, and where it goes.
    pub fn of_numbered(&self, seq: u32, tag: &str) -> Option<(Destination, &Request)> {
        let is_numbered = |ack: &Request| ack.headers.cseq().is_ok_and(|(number, _)| number == seq);
        let same = self.all.iter().find(|acked| acked.tag == tag && is_numbered(&acked.ack));
        same.map(|acked| (acked.to, &acked.ack))
    }

    /// Whether no copy of a 2xx can come any more.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// When the next is to be forgotten.
    pub fn deadline(&self) -> Option<Instant> {
        self.all.iter().map(|acked| acked.until).min()
    }

    /// Forgets those whose 2xx cannot come again.
    pub fn tick(&mut self, cx: &mut DialogContext<'_>) {
        let now = cx.now;
        for gone in self.all.extract_if(.., |acked| acked.until <= now) {
            cx.forget(gone.invite);
        }
    }
}
