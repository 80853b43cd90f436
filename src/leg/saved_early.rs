//! How far a leg is when it is saved, as plain data: what went out in answer to its INVITE, and what early
//! answers let expect. All of it is made anew from the descriptions by the code that made it.

use super::description::Description;
use super::offer_answer::Negotiation;
use super::state::{EarlyFork, Leg, LegPhase, PeerRole, SentAnswer};
use crate::codec::Kind;
use crate::dialog::{Body, SavedDialog};
use std::sync::Arc;

/// How far a leg is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum SavedLegPhase {
    /// Both sides are there.
    #[default]
    Up,
    /// Their INVITE waits for us.
    Offered(SavedSaid),
    /// Our 200 waits for its ACK.
    Answering,
    /// Our INVITE waits for their answer.
    Calling(Vec<SavedEarlyFork>),
}

/// What went out in answer to an INVITE that waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SavedSaid {
    /// No SDP yet; theirs is an offer.
    Nothing,
    /// No SDP yet, and theirs neither.
    NothingLate {
        /// The peer knows reliable 1xx.
        reliable: bool,
    },
    /// What we said last: each response repeats it.
    Answer,
    /// All that there is to say.
    Enough,
}

/// What an unreliable 18x of a branch lets expect.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedEarlyFork {
    /// Which branch said it.
    pub fork: usize,
    /// Its description.
    pub answer: Arc<[u8]>,
}

impl Leg {
    /// Whether it may be saved at such a moment, as far as offers and answers go. What the relay keeps open for a
    /// branch that is gone follows of no description any more.
    pub(super) fn is_waiting(&self) -> bool {
        let is_described =
            |kind| self.open_port(kind).is_none() || self.wanted_plan(kind).is_some();
        let is_described = is_described(Kind::Audio) && is_described(Kind::Video);
        is_described
            && match (&self.phase, self.role) {
                (LegPhase::Up, PeerRole::Phone) => self.negotiation.is_quiet(),
                (
                    LegPhase::Offered { .. } | LegPhase::Answering | LegPhase::Calling { .. },
                    PeerRole::Phone,
                ) => true,
                (LegPhase::New { .. } | LegPhase::Ending, PeerRole::Phone)
                | (_, PeerRole::Desk) => false,
            }
    }

    /// Whether there is anything to go on with.
    pub(super) fn is_settled(&self) -> bool {
        self.verdict.is_none()
            && match (&self.phase, self.role) {
                (
                    LegPhase::Up
                    | LegPhase::Offered { .. }
                    | LegPhase::Answering
                    | LegPhase::Calling { .. },
                    PeerRole::Phone,
                ) => true,
                (LegPhase::New { .. } | LegPhase::Ending, PeerRole::Phone)
                | (_, PeerRole::Desk) => false,
            }
    }

    /// Its negotiation without the offers that come again, or that nobody makes again; none where it has none.
    pub(super) fn settled_negotiation(
        &self,
        dialog: &SavedDialog,
        is_reoffered: bool,
    ) -> Option<Negotiation> {
        let is_up = matches!(self.phase, LegPhase::Up);
        let is_asked = self.negotiation.asked().is_some() && (is_up || is_reoffered);
        let is_vain = self.negotiation.is_offering() && is_up && !dialog.offers();
        (is_asked || is_vain).then(|| {
            let mut settled = self.negotiation.clone();
            settled.withdraw();
            settled
        })
    }

    pub(super) fn saved_phase(&self) -> SavedLegPhase {
        match &self.phase {
            LegPhase::Offered { said } => SavedLegPhase::Offered(match said {
                SentAnswer::Nothing => SavedSaid::Nothing,
                SentAnswer::NothingLate { reliable } => {
                    SavedSaid::NothingLate { reliable: *reliable }
                }
                SentAnswer::Answer(_) => SavedSaid::Answer,
                SentAnswer::Enough => SavedSaid::Enough,
            }),
            LegPhase::Answering => SavedLegPhase::Answering,
            LegPhase::Calling { early } => {
                SavedLegPhase::Calling(early.iter().filter_map(EarlyFork::saved).collect())
            }
            LegPhase::Up | LegPhase::New { .. } | LegPhase::Ending => SavedLegPhase::Up,
        }
    }
}

impl SavedLegPhase {
    /// As it was, beside a negotiation that was put back.
    pub(super) fn restored(self, negotiation: &Negotiation) -> LegPhase {
        match self {
            Self::Up => LegPhase::Up,
            Self::Answering => LegPhase::Answering,
            Self::Offered(said) => LegPhase::Offered {
                said: match (said, negotiation.said()) {
                    (SavedSaid::Nothing, _) => SentAnswer::Nothing,
                    (SavedSaid::NothingLate { reliable }, _) => {
                        SentAnswer::NothingLate { reliable }
                    }
                    (SavedSaid::Answer, Some(said)) => SentAnswer::Answer(Body::sdp(said)),
                    (SavedSaid::Answer, None) | (SavedSaid::Enough, _) => SentAnswer::Enough,
                },
            },
            Self::Calling(early) => {
                let restored = |early: SavedEarlyFork| early.restored(negotiation);
                LegPhase::Calling { early: early.into_iter().filter_map(restored).collect() }
            }
        }
    }
}

impl EarlyFork {
    fn saved(&self) -> Option<SavedEarlyFork> {
        let answer = self.negotiation.theirs()?;
        Some(SavedEarlyFork { fork: self.fork, answer })
    }
}

impl SavedEarlyFork {
    fn restored(self, negotiation: &Negotiation) -> Option<EarlyFork> {
        let answer = Description::read(&self.answer).ok()?;
        let mut negotiation = negotiation.clone();
        negotiation.take_answer(&answer);
        Some(EarlyFork { fork: self.fork, negotiation })
    }
}
