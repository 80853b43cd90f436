//! How far a leg is as a row, and whether its dialog can be as far.

use super::fault::{PartyFault, few};
use super::words::FORKS_MAX;
use crate::dialog::SavedPhase;
use crate::leg::{SavedEarlyFork, SavedLeg, SavedLegPhase, SavedOffer, SavedSaid};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How far a leg is.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LegPhaseRow<'a> {
    /// Both sides are there.
    #[default]
    Up,
    /// Their INVITE waits, and this was said to its offer.
    Offered(SaidRow),
    /// Our 200 waits for its ACK.
    Answering,
    /// Our INVITE waits: by branch, what its early answer lets expect.
    Calling(#[serde(borrow)] Vec<(usize, Cow<'a, str>)>),
}

/// What was said to the offer of an INVITE.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SaidRow {
    /// Nothing.
    Nothing,
    /// Nothing, and there is none.
    NothingLate,
    /// The same, and the peer knows reliable 1xx.
    NothingLateReliable,
    /// What was said last.
    Answer,
    /// All.
    Enough,
}

impl<'a> LegPhaseRow<'a> {
    /// Of this phase.
    #[must_use]
    pub fn of(saved: &'a SavedLegPhase) -> Self {
        match saved {
            SavedLegPhase::Up => Self::Up,
            SavedLegPhase::Answering => Self::Answering,
            SavedLegPhase::Offered(said) => Self::Offered(match said {
                SavedSaid::Nothing => SaidRow::Nothing,
                SavedSaid::NothingLate { reliable: false } => SaidRow::NothingLate,
                SavedSaid::NothingLate { reliable: true } => SaidRow::NothingLateReliable,
                SavedSaid::Answer => SaidRow::Answer,
                SavedSaid::Enough => SaidRow::Enough,
            }),
            SavedLegPhase::Calling(early) => {
                let fork = |early: &'a SavedEarlyFork| {
                    (early.fork, String::from_utf8_lossy(&early.answer))
                };
                Self::Calling(early.iter().map(fork).collect())
            }
        }
    }

    /// The phase.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(self) -> Result<SavedLegPhase, PartyFault> {
        Ok(match self {
            Self::Up => SavedLegPhase::Up,
            Self::Answering => SavedLegPhase::Answering,
            Self::Offered(said) => SavedLegPhase::Offered(match said {
                SaidRow::Nothing => SavedSaid::Nothing,
                SaidRow::NothingLate => SavedSaid::NothingLate { reliable: false },
                SaidRow::NothingLateReliable => SavedSaid::NothingLate { reliable: true },
                SaidRow::Answer => SavedSaid::Answer,
                SaidRow::Enough => SavedSaid::Enough,
            }),
            Self::Calling(early) => {
                let early = few("phase.calling", early, FORKS_MAX)?;
                let fork = |(fork, answer): (usize, Cow<'_, str>)| SavedEarlyFork {
                    fork,
                    answer: answer.as_bytes().into(),
                };
                SavedLegPhase::Calling(early.into_iter().map(fork).collect())
            }
        })
    }
}

/// Whether a leg, its dialog and its offer can be so far at the same time.
#[must_use]
pub fn fit(leg: &SavedLeg) -> bool {
    let phases = match (&leg.phase, &leg.dialog.phase) {
        (SavedLegPhase::Up, SavedPhase::Established | SavedPhase::Answered(_))
        | (SavedLegPhase::Offered(_), SavedPhase::Ringing(_))
        | (SavedLegPhase::Answering, SavedPhase::Answered(_))
        | (SavedLegPhase::Calling(_), SavedPhase::Calling(_)) => true,
        (SavedLegPhase::Answering, SavedPhase::Ringing(ringing)) => ringing.accept.is_some(),
        (SavedLegPhase::Up, SavedPhase::Ringing(_) | SavedPhase::Calling(_))
        | (SavedLegPhase::Answering, SavedPhase::Established | SavedPhase::Calling(_))
        | (
            SavedLegPhase::Offered(_),
            SavedPhase::Established | SavedPhase::Answered(_) | SavedPhase::Calling(_),
        )
        | (
            SavedLegPhase::Calling(_),
            SavedPhase::Established | SavedPhase::Answered(_) | SavedPhase::Ringing(_),
        ) => false,
    };
    let negotiation = &leg.negotiation;
    phases
        && match negotiation.open {
            SavedOffer::None => true,
            SavedOffer::Ours => {
                let is_open = leg.phase != SavedLegPhase::Up || leg.dialog.offers();
                is_open && negotiation.said.is_some()
            }
            SavedOffer::Theirs(_) => leg.phase != SavedLegPhase::Up,
        }
}
