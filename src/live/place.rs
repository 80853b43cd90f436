//! Where a call has its place, in a queue and in an operator's hand, as rows of its text.

use super::call_fault::CallFault;
use super::call_state::{RowText, is_default, moment, number, operator, read_leg, read_moment};
use crate::acd::{SavedPlace, SavedWait};
use crate::call::SavedHand;
use crate::ids::{Number, OperatorId};
use crate::time::{Duration, UnixTime};
use serde::{Deserialize, Serialize};

/// A place in a queue.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct PlaceRow<'a> {
    #[serde(skip_serializing_if = "is_default")]
    priority: u8,
    turn: i64,
    #[serde(skip_serializing_if = "is_default")]
    never_to: Option<RowText<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    told: Option<usize>,
    #[serde(skip_serializing_if = "is_default")]
    unanswered: bool,
    #[serde(skip_serializing_if = "is_default")]
    wait_until: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    wait_left_us: Option<u64>,
}

/// A place in an operator's hand.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct HandRow<'a> {
    turn: u64,
    at: RowText<'a>,
    #[serde(default, skip_serializing_if = "is_default")]
    idle_phone: Option<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    keys: bool,
}

impl<'a> PlaceRow<'a> {
    pub fn of(place: &'a SavedPlace) -> Self {
        let SavedPlace { priority, turn, never_to, told, answered, wait } = place;
        let (wait_until, wait_left_us) = match wait {
            SavedWait::Unbounded => (None, None),
            SavedWait::Until(until) => (Some(moment(*until)), None),
            SavedWait::Left(left) => (None, Some(moment(UnixTime::default() + *left))),
        };
        Self {
            priority: *priority,
            turn: *turn,
            never_to: never_to.as_ref().map(operator),
            told: *told,
            unanswered: !answered,
            wait_until,
            wait_left_us,
        }
    }

    pub fn read(self) -> SavedPlace {
        SavedPlace {
            priority: self.priority,
            turn: self.turn,
            never_to: self.never_to.map(|operator| OperatorId::from(&*operator)),
            told: self.told,
            answered: !self.unanswered,
            wait: match (self.wait_until, self.wait_left_us) {
                (Some(until), _) => SavedWait::Until(read_moment(until)),
                (None, Some(left)) => SavedWait::Left(Duration::from_micros(left)),
                (None, None) => SavedWait::Unbounded,
            },
        }
    }
}

impl<'a> HandRow<'a> {
    pub fn of(hand: &'a SavedHand) -> Self {
        let SavedHand { turn, at, idle_phone, keys } = hand;
        let idle_phone = idle_phone.map(|leg| leg.0);
        Self { turn: *turn, at: number(at), idle_phone, keys: *keys }
    }

    pub fn read(self) -> Result<SavedHand, CallFault> {
        let leg = |leg| read_leg("hand.idle_phone", leg);
        Ok(SavedHand {
            turn: self.turn,
            at: Number::from(&*self.at),
            idle_phone: self.idle_phone.map(leg).transpose()?,
            keys: self.keys,
        })
    }
}
