//! Where a call stands, as rows of its text.

use super::call_fault::{CallFault, few, need};
use crate::call::{
    AnsweredCallee, AnsweredOperator, Aside, CommandSource, SavedConsulted, SavedDirectState,
    SavedOperatorState, SavedPark, SavedRinging, SavedTransfer, Then,
};
use crate::cause::Cause;
use crate::ids::{LegId, Number, OperatorId};
use crate::sip::Uri;
use crate::time::UnixTime;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The most phones that ring for one call, with those that were called once more.
const PHONES_MAX: usize = 64;
/// The most addresses to which a call was redirected.
const CONTACTS_MAX: usize = 64;
/// The longest address.
const URI_BYTES_MAX: usize = 4_096;
/// The highest name of a leg or a call: a journal keeps 63 bits.
pub const ID_MAX: u64 = i64::MAX as u64;

/// A word or a text in a row.
pub type RowText<'a> = Cow<'a, str>;

/// Whether a value is what stands for a missing one.
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Microseconds since 1970: what is read back is what was written.
pub fn moment(at: UnixTime) -> u64 {
    at.as_micros()
}

pub fn read_moment(at: u64) -> UnixTime {
    UnixTime::from_micros(at)
}

pub fn read_leg(field: &'static str, leg: u64) -> Result<LegId, CallFault> {
    need(field, "the name of a leg", (leg <= ID_MAX).then_some(LegId(leg)))
}

fn read_cause(field: &'static str, word: &str) -> Result<Cause, CallFault> {
    need(field, "the word of a cause", Cause::from_word(word))
}

pub fn number(number: &Number) -> RowText<'_> {
    number.as_str().into()
}

pub fn operator(operator: &OperatorId) -> RowText<'_> {
    operator.as_str().into()
}

/// Where a call through an operator stands.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OperatorPhaseRow<'a> {
    Arriving {
        until: u64,
    },
    Queued,
    Announcing {
        until: u64,
        cause: RowText<'a>,
    },
    Taken {
        by: RowText<'a>,
        asked: AskerRow<'a>,
        #[serde(default, skip_serializing_if = "is_default")]
        phone: Option<u64>,
        #[serde(default, skip_serializing_if = "is_default")]
        phone_gone: bool,
        #[serde(default, skip_serializing_if = "is_default")]
        abandoned: bool,
        #[serde(default, skip_serializing_if = "is_default")]
        parked: Option<ParkRow<'a>>,
    },
    RingingYou {
        by: RowText<'a>,
        phones: RingingRow<'a>,
    },
    WithCaller(SeatRow<'a>),
    Consulting {
        seat: SeatRow<'a>,
        phones: RingingRow<'a>,
        #[serde(default, skip_serializing_if = "is_default")]
        rings: bool,
        #[serde(default, skip_serializing_if = "is_default")]
        to_hand_over: bool,
    },
    Entrusted {
        by: RowText<'a>,
        phones: RingingRow<'a>,
    },
    TalkingToCallee {
        seat: SeatRow<'a>,
        callee: CalleeRow<'a>,
    },
    Alternated {
        seat: SeatRow<'a>,
        callee: CalleeRow<'a>,
    },
    Connected {
        seat: SeatRow<'a>,
        callee: CalleeRow<'a>,
    },
    Leaving {
        seat: SeatRow<'a>,
        callee: CalleeRow<'a>,
        asked: AskerRow<'a>,
        #[serde(default, skip_serializing_if = "is_default")]
        phone_gone: bool,
    },
    InHand {
        by: RowText<'a>,
        aside: AsideRow<'a>,
        since: u64,
        recall: u64,
    },
    Rejoining(Box<RejoiningRow<'a>>),
    Parked(ParkRow<'a>),
    Transferring {
        by: RowText<'a>,
        phones: RingingRow<'a>,
        #[serde(default, skip_serializing_if = "is_default")]
        rings: bool,
    },
    Settling {
        by: RowText<'a>,
        callee: CalleeRow<'a>,
        #[serde(default, skip_serializing_if = "is_default")]
        until: Option<u64>,
    },
    Serial {
        by: RowText<'a>,
        callee: CalleeRow<'a>,
    },
}

/// Where a call between two parties stands.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DirectPhaseRow<'a> {
    Ringing {
        phones: RingingRow<'a>,
        #[serde(default, skip_serializing_if = "is_default")]
        early_media: bool,
    },
    Talking(CalleeRow<'a>),
    Transferring {
        callee: CalleeRow<'a>,
        #[serde(default, skip_serializing_if = "is_default")]
        referrer: Option<u64>,
        by: RowText<'a>,
        transferee: u64,
        phones: RingingRow<'a>,
    },
    Watching {
        number: RowText<'a>,
        until: u64,
    },
}

/// An operator at its phone.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct SeatRow<'a> {
    operator: RowText<'a>,
    leg: u64,
}

/// The wanted person at its phone.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct CalleeRow<'a> {
    number: RowText<'a>,
    leg: u64,
}

/// Phones that ring.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct RingingRow<'a> {
    number: RowText<'a>,
    until: u64,
    legs: Vec<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    with_all_codecs: Vec<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    early_media: Vec<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    refusal: Option<(u16, RowText<'a>)>,
    #[serde(default, skip_serializing_if = "is_default")]
    contacts: Vec<RowText<'a>>,
}

/// Who gave a command.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AskerRow<'a> {
    Desk { operator: RowText<'a>, id: RowText<'a>, command: RowText<'a> },
    Keys(u64),
    Refer(u64),
    Nobody,
}

/// The phones of a wanted person that ring while the operator's phone is called again.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct ConsultedRow<'a> {
    phones: RingingRow<'a>,
    #[serde(default, skip_serializing_if = "is_default")]
    rings: bool,
}

impl<'a> ConsultedRow<'a> {
    fn of(consulted: &'a SavedConsulted) -> Self {
        Self { phones: RingingRow::of(&consulted.callee), rings: consulted.rings }
    }

    fn read(self) -> Result<SavedConsulted, CallFault> {
        Ok(SavedConsulted { callee: self.phones.read()?, rings: self.rings })
    }
}

/// A call whose operator's phone is called again.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct RejoiningRow<'a> {
    by: RowText<'a>,
    aside: AsideRow<'a>,
    #[serde(default, skip_serializing_if = "is_default")]
    since: Option<u64>,
    #[serde(default, skip_serializing_if = "is_default")]
    phones: Option<RingingRow<'a>>,
    until: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    consulted: Option<ConsultedRow<'a>>,
}

impl<'a> RejoiningRow<'a> {
    fn of(
        (by, aside): (&'a OperatorId, &'a Aside),
        since: Option<UnixTime>,
        (phones, consulted): (Option<&'a SavedRinging>, Option<&'a SavedConsulted>),
        until: UnixTime,
    ) -> Box<Self> {
        Box::new(Self {
            by: operator(by),
            aside: AsideRow::of(aside),
            since: since.map(moment),
            phones: phones.map(RingingRow::of),
            until: moment(until),
            consulted: consulted.map(ConsultedRow::of),
        })
    }

    fn read(self) -> Result<SavedOperatorState, CallFault> {
        Ok(SavedOperatorState::Rejoining {
            operator: OperatorId::from(&*self.by),
            aside: self.aside.read()?,
            since: self.since.map(read_moment),
            phone: self.phones.map(RingingRow::read).transpose()?,
            until: read_moment(self.until),
            consulted: self.consulted.map(ConsultedRow::read).transpose()?,
        })
    }
}

/// A parked call.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct ParkRow<'a> {
    by: RowText<'a>,
    #[serde(default, skip_serializing_if = "is_default")]
    wanted: Option<RowText<'a>>,
    since: u64,
    recall: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    recalls: u32,
}

/// What waits in a hand.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AsideRow<'a> {
    WithCaller,
    TalkingToCallee(CalleeRow<'a>),
    Alternated(CalleeRow<'a>),
    Connected(CalleeRow<'a>),
}

impl<'a> OperatorPhaseRow<'a> {
    pub fn of(state: &'a SavedOperatorState) -> Self {
        use SavedOperatorState as S;
        match state {
            S::Arriving { until } => Self::Arriving { until: moment(*until) },
            S::Queued => Self::Queued,
            S::Announcing { until, cause } => {
                Self::Announcing { until: moment(*until), cause: cause.word().into() }
            }
            S::Taken { operator: by, asker, phone, phone_gone, abandoned, parked } => Self::Taken {
                by: operator(by),
                asked: AskerRow::of(asker),
                phone: phone.map(|leg| leg.0),
                phone_gone: *phone_gone,
                abandoned: *abandoned,
                parked: parked.as_ref().map(ParkRow::of),
            },
            S::RingingYou { operator: by, phone } => {
                Self::RingingYou { by: operator(by), phones: RingingRow::of(phone) }
            }
            S::WithCaller { seat } => Self::WithCaller(SeatRow::of(seat)),
            S::Consulting { seat, callee, rings, then } => Self::Consulting {
                seat: SeatRow::of(seat),
                phones: RingingRow::of(callee),
                rings: *rings,
                to_hand_over: *then == Then::HandOver,
            },
            S::Entrusted { operator: by, callee } => {
                Self::Entrusted { by: operator(by), phones: RingingRow::of(callee) }
            }
            S::TalkingToCallee { seat, callee } => {
                Self::TalkingToCallee { seat: SeatRow::of(seat), callee: CalleeRow::of(callee) }
            }
            S::Alternated { seat, callee } => {
                Self::Alternated { seat: SeatRow::of(seat), callee: CalleeRow::of(callee) }
            }
            S::Connected { seat, callee } => {
                Self::Connected { seat: SeatRow::of(seat), callee: CalleeRow::of(callee) }
            }
            S::Leaving { seat, callee, asker, phone_gone } => Self::Leaving {
                seat: SeatRow::of(seat),
                callee: CalleeRow::of(callee),
                asked: AskerRow::of(asker),
                phone_gone: *phone_gone,
            },
            S::InHand { operator: by, aside, since, recall_at } => Self::InHand {
                by: operator(by),
                aside: AsideRow::of(aside),
                since: moment(*since),
                recall: moment(*recall_at),
            },
            S::Rejoining { operator: by, aside, since, phone, until, consulted } => {
                let phones = (phone.as_ref(), consulted.as_ref());
                Self::Rejoining(RejoiningRow::of((by, aside), *since, phones, *until))
            }
            S::Parked(parked) => Self::Parked(ParkRow::of(parked)),
            S::Transferring { by, callee, rings } => Self::Transferring {
                by: operator(by),
                phones: RingingRow::of(callee),
                rings: *rings,
            },
            S::Settling { by, callee, until } => Self::Settling {
                by: operator(by),
                callee: CalleeRow::of(callee),
                until: until.map(moment),
            },
            S::Serial { by, callee } => {
                Self::Serial { by: operator(by), callee: CalleeRow::of(callee) }
            }
        }
    }

    pub fn read(self) -> Result<SavedOperatorState, CallFault> {
        use SavedOperatorState as S;
        let operator = |word: RowText<'_>| OperatorId::from(&*word);
        Ok(match self {
            Self::Arriving { until } => S::Arriving { until: read_moment(until) },
            Self::Queued => S::Queued,
            Self::Announcing { until, cause } => {
                S::Announcing { until: read_moment(until), cause: read_cause("cause", &cause)? }
            }
            Self::Taken { by, asked, phone, phone_gone, abandoned, parked } => S::Taken {
                operator: operator(by),
                asker: asked.read()?,
                phone: phone.map(|leg| read_leg("phone", leg)).transpose()?,
                phone_gone,
                abandoned,
                parked: parked.map(ParkRow::read),
            },
            Self::RingingYou { by, phones } => {
                S::RingingYou { operator: operator(by), phone: phones.read()? }
            }
            Self::WithCaller(seat) => S::WithCaller { seat: seat.read()? },
            Self::Consulting { seat, phones, rings, to_hand_over } => S::Consulting {
                seat: seat.read()?,
                callee: phones.read()?,
                rings,
                then: if to_hand_over { Then::HandOver } else { Then::Talk },
            },
            Self::Entrusted { by, phones } => {
                S::Entrusted { operator: operator(by), callee: phones.read()? }
            }
            Self::TalkingToCallee { seat, callee } => {
                S::TalkingToCallee { seat: seat.read()?, callee: callee.read()? }
            }
            Self::Alternated { seat, callee } => {
                S::Alternated { seat: seat.read()?, callee: callee.read()? }
            }
            Self::Connected { seat, callee } => {
                S::Connected { seat: seat.read()?, callee: callee.read()? }
            }
            Self::Leaving { seat, callee, asked, phone_gone } => S::Leaving {
                seat: seat.read()?,
                callee: callee.read()?,
                asker: asked.read()?,
                phone_gone,
            },
            Self::InHand { by, aside, since, recall } => S::InHand {
                operator: operator(by),
                aside: aside.read()?,
                since: read_moment(since),
                recall_at: read_moment(recall),
            },
            Self::Rejoining(row) => row.read()?,
            Self::Parked(parked) => S::Parked(parked.read()),
            Self::Transferring { by, phones, rings } => {
                S::Transferring { by: operator(by), callee: phones.read()?, rings }
            }
            Self::Settling { by, callee, until } => S::Settling {
                by: operator(by),
                callee: callee.read()?,
                until: until.map(read_moment),
            },
            Self::Serial { by, callee } => S::Serial { by: operator(by), callee: callee.read()? },
        })
    }
}

impl<'a> DirectPhaseRow<'a> {
    pub fn of(state: &'a SavedDirectState) -> Self {
        match state {
            SavedDirectState::Ringing { callee, told } => {
                Self::Ringing { phones: RingingRow::of(callee), early_media: *told }
            }
            SavedDirectState::Talking { callee } => Self::Talking(CalleeRow::of(callee)),
            SavedDirectState::Transferring(transfer) => {
                let SavedTransfer { callee, referrer, by, transferee, target } = &**transfer;
                Self::Transferring {
                    callee: CalleeRow::of(callee),
                    referrer: referrer.map(|leg| leg.0),
                    by: by.into(),
                    transferee: transferee.0,
                    phones: RingingRow::of(target),
                }
            }
            SavedDirectState::Watching { number: seen, until } => {
                Self::Watching { number: number(seen), until: moment(*until) }
            }
        }
    }

    pub fn read(self) -> Result<SavedDirectState, CallFault> {
        Ok(match self {
            Self::Ringing { phones, early_media } => {
                SavedDirectState::Ringing { callee: phones.read()?, told: early_media }
            }
            Self::Talking(callee) => SavedDirectState::Talking { callee: callee.read()? },
            Self::Transferring { callee, referrer, by, transferee, phones } => {
                SavedDirectState::Transferring(Box::new(SavedTransfer {
                    callee: callee.read()?,
                    referrer: referrer.map(|leg| read_leg("referrer", leg)).transpose()?,
                    by: by.into_owned(),
                    transferee: read_leg("transferee", transferee)?,
                    target: phones.read()?,
                }))
            }
            Self::Watching { number, until } => SavedDirectState::Watching {
                number: Number::from(&*number),
                until: read_moment(until),
            },
        })
    }
}

impl<'a> SeatRow<'a> {
    fn of(seat: &'a AnsweredOperator) -> Self {
        Self { operator: operator(&seat.operator), leg: seat.phone.0 }
    }

    fn read(self) -> Result<AnsweredOperator, CallFault> {
        let operator = OperatorId::from(&*self.operator);
        Ok(AnsweredOperator { operator, phone: read_leg("seat.leg", self.leg)? })
    }
}

impl<'a> CalleeRow<'a> {
    fn of(callee: &'a AnsweredCallee) -> Self {
        Self { number: number(&callee.number), leg: callee.leg.0 }
    }

    fn read(self) -> Result<AnsweredCallee, CallFault> {
        let number = Number::from(&*self.number);
        Ok(AnsweredCallee { number, leg: read_leg("callee.leg", self.leg)? })
    }
}

impl<'a> RingingRow<'a> {
    fn of(ringing: &'a SavedRinging) -> Self {
        let SavedRinging { number: called, until, legs, all_codecs, playing, refusal, contacts } =
            ringing;
        let names = |legs: &[LegId]| legs.iter().map(|leg| leg.0).collect();
        Self {
            number: number(called),
            until: moment(*until),
            legs: names(legs),
            with_all_codecs: names(all_codecs),
            early_media: names(playing),
            refusal: refusal.map(|(status, cause)| (status, cause.word().into())),
            contacts: contacts.iter().map(|contact| contact.to_string().into()).collect(),
        }
    }

    fn read(self) -> Result<SavedRinging, CallFault> {
        let legs = |field, legs| {
            let legs = few(field, legs, PHONES_MAX)?;
            legs.into_iter().map(|leg| read_leg(field, leg)).collect::<Result<_, _>>()
        };
        let refusal = |(status, cause): (u16, RowText<'_>)| {
            read_cause("phones.refusal", &cause).map(|cause| (status, cause))
        };
        let contact = |text: RowText<'_>| {
            let uri = Some(text).filter(|text| text.len() <= URI_BYTES_MAX);
            let uri = uri.and_then(|text| Uri::parse(&text).ok());
            need("phones.contacts", "a URI", uri)
        };
        let contacts = few("phones.contacts", self.contacts, CONTACTS_MAX)?;
        Ok(SavedRinging {
            number: Number::from(&*self.number),
            until: read_moment(self.until),
            legs: legs("phones.legs", self.legs)?,
            all_codecs: legs("phones.with_all_codecs", self.with_all_codecs)?,
            playing: legs("phones.early_media", self.early_media)?,
            refusal: self.refusal.map(refusal).transpose()?,
            contacts: contacts.into_iter().map(contact).collect::<Result<_, _>>()?,
        })
    }
}

impl<'a> AskerRow<'a> {
    fn of(asker: &'a CommandSource) -> Self {
        match asker {
            CommandSource::Desk { operator: of, id, content } => {
                Self::Desk { operator: operator(of), id: id.into(), command: content.into() }
            }
            CommandSource::Keys { leg } => Self::Keys(leg.0),
            CommandSource::Refer { leg } => Self::Refer(leg.0),
            CommandSource::Nobody => Self::Nobody,
        }
    }

    fn read(self) -> Result<CommandSource, CallFault> {
        Ok(match self {
            Self::Desk { operator, id, command } => CommandSource::Desk {
                operator: OperatorId::from(&*operator),
                id: id.into_owned(),
                content: command.into_owned(),
            },
            Self::Keys(leg) => CommandSource::Keys { leg: read_leg("asked.keys", leg)? },
            Self::Refer(leg) => CommandSource::Refer { leg: read_leg("asked.refer", leg)? },
            Self::Nobody => CommandSource::Nobody,
        })
    }
}

impl<'a> ParkRow<'a> {
    fn of(parked: &'a SavedPark) -> Self {
        let SavedPark { by, wanted, since, recall_at, recalls } = parked;
        Self {
            by: operator(by),
            wanted: wanted.as_ref().map(number),
            since: moment(*since),
            recall: moment(*recall_at),
            recalls: *recalls,
        }
    }

    fn read(self) -> SavedPark {
        SavedPark {
            by: OperatorId::from(&*self.by),
            wanted: self.wanted.map(|number| Number::from(&*number)),
            since: read_moment(self.since),
            recall_at: read_moment(self.recall),
            recalls: self.recalls,
        }
    }
}

impl<'a> AsideRow<'a> {
    fn of(aside: &'a Aside) -> Self {
        match aside {
            Aside::Caller => Self::WithCaller,
            Aside::TalkingToCallee(callee) => Self::TalkingToCallee(CalleeRow::of(callee)),
            Aside::Alternated(callee) => Self::Alternated(CalleeRow::of(callee)),
            Aside::Connected(callee) => Self::Connected(CalleeRow::of(callee)),
        }
    }

    fn read(self) -> Result<Aside, CallFault> {
        Ok(match self {
            Self::WithCaller => Aside::Caller,
            Self::TalkingToCallee(callee) => Aside::TalkingToCallee(callee.read()?),
            Self::Alternated(callee) => Aside::Alternated(callee.read()?),
            Self::Connected(callee) => Aside::Connected(callee.read()?),
        })
    }
}
