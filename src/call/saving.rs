//! A call becomes a value, and a value a call.

use super::any_call::AnyCall;
use super::context::CallContext;
use super::direct::{DirectCall, DirectCallState, REDIRECTIONS_MAX, Transfer};
use super::facts::CallFacts;
use super::operator_call::{ArrivedCall, OperatorCall};
use super::operator_state::{ConsultedPhones, OperatorCallState as State, ParkedCall};
use super::ringing::{RingingPhones, SavedRinging};
use super::saved::{
    SavedCall, SavedConsulted, SavedDirectCall, SavedDirectState, SavedKind, SavedOperatorCall,
    SavedOperatorState as Saved, SavedPark, SavedTransfer,
};
use super::step::Owner;
use crate::acd::{self, SavedPlace, SavedWait};
use crate::directory::Meaning;
use crate::ids::{OperatorId, Ticket};
use crate::leg::Spoken;
use crate::media::WaitingProfileId;
use crate::time::Now;

/// Higher positions were not made here.
const POSITION_MAX: usize = 1_000_000;

// ---- to a value ----

impl AnyCall {
    /// The call as a value, but for what its queue and its operator's hand know of it; `None` for one that has
    /// ended, or has not begun.
    pub fn saved(&self, now: Now) -> Option<SavedCall> {
        match self {
            Self::Operator(call) => call.saved(now),
            Self::Direct(call) => call.saved(now),
        }
    }

    /// The call that was saved; `None` for a record that is none of a call of this kind.
    pub fn restored(saved: &SavedCall, ctx: &CallContext<'_>) -> Option<Self> {
        if saved.record.ended.is_some() {
            return None;
        }
        Some(match &saved.kind {
            SavedKind::Operator(kind) => {
                Self::Operator(Box::new(OperatorCall::restored(saved, kind, &ctx.facts)?))
            }
            SavedKind::Direct(kind) => {
                Self::Direct(Box::new(DirectCall::restored(saved, kind, &ctx.facts)))
            }
        })
    }
}

impl OperatorCall {
    fn saved(&self, now: Now) -> Option<SavedCall> {
        let state = self.state.saved(now)?;
        let mut record = self.record.clone();
        if let Saved::Connected { .. } | Saved::Settling { .. } = state {
            // It is reported once a second.
            record.health = String::new();
        }
        let mut place = None;
        if let State::Arriving { arrival, .. } = &self.state {
            place = Some(SavedPlace {
                priority: arrival.priority,
                never_to: arrival.never_to.clone(),
                told: arrival.told,
                answered: arrival.answered,
                wait: SavedWait::Unbounded,
                turn: 0,
            });
        }
        let kind = SavedKind::Operator(Box::new(SavedOperatorCall {
            state,
            answered_by: self.answered_by,
            greeting: self.greeting,
            position: self.position,
            minutes: self.minutes,
            joined: self.joined,
            recording: self.recording,
            serial: self.serial,
            place,
            hand: None,
        }));
        let identity = self.identity.clone();
        Some(SavedCall { record, caller: self.caller, identity, answered: self.answered, kind })
    }

    fn restored(
        saved: &SavedCall,
        kind: &SavedOperatorCall,
        facts: &CallFacts<'_>,
    ) -> Option<Self> {
        let SavedCall { record, caller, identity, answered, .. } = saved;
        let (request, queue) = (record.request?, record.queue.clone()?);
        let settings = facts.settings.queues.get(&queue);
        let arrived = ArrivedCall {
            id: record.call,
            request,
            queue,
            caller: *caller,
            identity: identity.clone(),
            record: record.clone(),
            answered: *answered,
            answered_by: kind.answered_by,
            camera: settings.and_then(|settings| settings.camera),
            waiting_profile: settings
                .map_or(WaitingProfileId::DEFAULT, |settings| settings.waiting_profile),
            crowded: false,
        };
        let mut call = Self::new(arrived);
        call.state = kind.restored(&call, facts.now);
        call.greeting = kind.greeting;
        call.position = kind.position.min(POSITION_MAX);
        call.minutes = kind.minutes;
        call.joined = kind.joined.map(|(at, position)| (at, position.min(POSITION_MAX)));
        call.recording = kind.recording;
        call.serial = kind.serial;
        call.previewed = call.is_to_be_seen(facts);
        Some(call)
    }

    /// How its queue has it.
    pub fn restored_state(&self) -> Option<acd::RestoredState> {
        let taken =
            |by: &OperatorId, is_free| Some(acd::RestoredState::Taken { by: by.clone(), is_free });
        match &self.state {
            State::Queued => Some(acd::RestoredState::Waiting),
            State::Announcing { .. } => Some(acd::RestoredState::Ending),
            State::Taken { operator, .. }
            | State::RingingYou { operator, .. }
            | State::InHand { operator, .. }
            | State::Rejoining { operator, .. } => taken(operator, false),
            State::WithCaller { seat }
            | State::Consulting { seat, .. }
            | State::TalkingToCallee { seat, .. }
            | State::Alternated { seat, .. }
            | State::Connected { seat, .. }
            | State::Releasing { seat, .. }
            | State::Leaving { seat, .. } => taken(&seat.operator, false),
            State::Entrusted { operator: by, .. }
            | State::Parked(ParkedCall { by, .. })
            | State::Transferring { by, .. }
            | State::Settling { by, .. }
            | State::Serial { by, .. } => taken(by, true),
            State::Arriving { .. } | State::HandedOver { .. } | State::Ended => None,
        }
    }
}

impl ConsultedPhones {
    fn saved(&self, now: Now) -> SavedConsulted {
        SavedConsulted { callee: self.callee.saved(now), rings: self.rings }
    }
}

impl State {
    fn saved(&self, now: Now) -> Option<Saved> {
        Some(match self {
            Self::Arriving { until, .. } => Saved::Arriving { until: now.unix_of(*until) },
            Self::Queued => Saved::Queued,
            Self::Announcing { until, cause } => {
                Saved::Announcing { until: now.unix_of(*until), cause: *cause }
            }
            Self::Taken { operator, asker, phone, phone_gone, abandoned, parked, ticket: _ } => {
                Saved::Taken {
                    operator: operator.clone(),
                    asker: asker.clone(),
                    phone: phone.as_ref().map(|(leg, _)| *leg),
                    phone_gone: *phone_gone,
                    abandoned: *abandoned,
                    parked: parked.as_ref().map(|parked| parked.saved(now)),
                }
            }
            Self::RingingYou { operator, phone } => {
                Saved::RingingYou { operator: operator.clone(), phone: phone.saved(now) }
            }
            Self::WithCaller { seat } => Saved::WithCaller { seat: seat.clone() },
            Self::Consulting { seat, callee, rings, then } => Saved::Consulting {
                seat: seat.clone(),
                callee: callee.saved(now),
                rings: *rings,
                then: *then,
            },
            Self::Entrusted { operator, callee } => {
                Saved::Entrusted { operator: operator.clone(), callee: callee.saved(now) }
            }
            Self::TalkingToCallee { .. }
            | Self::Alternated { .. }
            | Self::Connected { .. }
            | Self::Releasing { .. } => return self.saved_with_both(),
            Self::Leaving { seat, callee, asker, phone_gone, ticket: _ } => Saved::Leaving {
                seat: seat.clone(),
                callee: callee.clone(),
                asker: asker.clone(),
                phone_gone: *phone_gone,
            },
            Self::InHand { operator, aside, since, recall_at } => Saved::InHand {
                operator: operator.clone(),
                aside: aside.clone(),
                since: *since,
                recall_at: now.unix_of(*recall_at),
            },
            Self::Rejoining { operator, aside, since, phone, until, consulted } => {
                Saved::Rejoining {
                    operator: operator.clone(),
                    aside: aside.clone(),
                    since: *since,
                    phone: phone.as_ref().map(|phone| phone.saved(now)),
                    until: now.unix_of(*until),
                    consulted: consulted.as_ref().map(|phones| phones.saved(now)),
                }
            }
            Self::Parked(parked) => Saved::Parked(parked.saved(now)),
            Self::Transferring { by, callee, rings } => {
                Saved::Transferring { by: by.clone(), callee: callee.saved(now), rings: *rings }
            }
            Self::Settling { by, callee, until } => Saved::Settling {
                by: by.clone(),
                callee: callee.clone(),
                until: until.map(|until| now.unix_of(until)),
            },
            Self::Serial { by, callee } => Saved::Serial { by: by.clone(), callee: callee.clone() },
            Self::HandedOver { .. } | Self::Ended => return None,
        })
    }
}

impl State {
    /// Both parties and the operator are there.
    fn saved_with_both(&self) -> Option<Saved> {
        let (Self::TalkingToCallee { seat, callee }
        | Self::Alternated { seat, callee }
        | Self::Connected { seat, callee }
        | Self::Releasing { seat, callee, .. }) = self
        else {
            return None;
        };
        let (seat, callee) = (seat.clone(), callee.clone());
        Some(if let Self::TalkingToCallee { .. } = self {
            Saved::TalkingToCallee { seat, callee }
        } else if let Self::Alternated { .. } = self {
            Saved::Alternated { seat, callee }
        } else {
            Saved::Connected { seat, callee }
        })
    }
}

impl ParkedCall {
    fn saved(&self, now: Now) -> SavedPark {
        SavedPark {
            by: self.by.clone(),
            wanted: self.wanted.clone(),
            since: self.since,
            recall_at: now.unix_of(self.recall_at),
            recalls: self.recalls,
        }
    }

    fn restored(now: Now, saved: &SavedPark) -> Self {
        Self {
            by: saved.by.clone(),
            wanted: saved.wanted.clone(),
            since: saved.since,
            recall_at: now.instant_of(saved.recall_at),
            recalls: saved.recalls.min(u32::MAX / 2),
        }
    }
}

impl DirectCall {
    fn saved(&self, now: Now) -> Option<SavedCall> {
        let state = match &self.state {
            DirectCallState::Ringing { callee, told } => {
                SavedDirectState::Ringing { callee: callee.saved(now), told: *told }
            }
            DirectCallState::Talking { callee } => {
                SavedDirectState::Talking { callee: callee.clone() }
            }
            DirectCallState::Transferring { transfer } => {
                SavedDirectState::Transferring(Box::new(SavedTransfer {
                    callee: transfer.callee.clone(),
                    referrer: transfer.referrer,
                    by: transfer.by.clone(),
                    transferee: transfer.transferee,
                    target: transfer.target.saved(now),
                }))
            }
            DirectCallState::Watching { camera: _, number, until } => {
                SavedDirectState::Watching { number: number.clone(), until: now.unix_of(*until) }
            }
            DirectCallState::Arrived | DirectCallState::Ended => return None,
        };
        let (sees, redirections) = (self.sees, self.redirections);
        let kind = SavedDirectCall { state, sees, redirections, recorded: false };
        Some(SavedCall {
            record: self.record.clone(),
            caller: self.caller,
            identity: self.identity.clone(),
            answered: self.answered,
            kind: SavedKind::Direct(Box::new(kind)),
        })
    }

    fn restored(saved: &SavedCall, kind: &SavedDirectCall, facts: &CallFacts<'_>) -> Self {
        let (id, now) = (saved.record.call, facts.now);
        let state = match &kind.state {
            SavedDirectState::Ringing { callee, told } => DirectCallState::Ringing {
                callee: RingingPhones::restored(now, callee, Owner::Call(id)),
                told: *told,
            },
            SavedDirectState::Talking { callee } => {
                DirectCallState::Talking { callee: callee.clone() }
            }
            SavedDirectState::Transferring(transfer) => DirectCallState::Transferring {
                transfer: Transfer {
                    callee: transfer.callee.clone(),
                    referrer: transfer.referrer,
                    by: transfer.by.clone(),
                    transferee: transfer.transferee,
                    target: RingingPhones::restored(now, &transfer.target, Owner::Call(id)),
                },
            },
            SavedDirectState::Watching { number, until } => {
                match facts.world.directory.meaning(number) {
                    Meaning::Camera(camera) => DirectCallState::Watching {
                        camera: camera.id,
                        number: number.clone(),
                        until: now.instant_of(*until),
                    },
                    // It is not in the configuration any more: the call ends when it is to go on.
                    Meaning::Desk
                    | Meaning::FeatureCode
                    | Meaning::Queue(_)
                    | Meaning::Terminal(_)
                    | Meaning::Trunk(_)
                    | Meaning::Unknown => DirectCallState::Arrived,
                }
            }
        };
        let (identity, record) = (saved.identity.clone(), saved.record.clone());
        let mut call = Self::new(id, saved.caller, identity, record, saved.answered);
        call.state = state;
        call.sees = kind.sees;
        call.redirections = kind.redirections.min(REDIRECTIONS_MAX);
        call
    }
}

// ---- and back ----

impl SavedOperatorCall {
    fn restored(&self, call: &OperatorCall, now: Now) -> State {
        let ringing =
            |saved: &SavedRinging| RingingPhones::restored(now, saved, Owner::Call(call.id));
        match self.state.clone() {
            Saved::Arriving { until } => State::Arriving {
                until: now.instant_of(until),
                arrival: Box::new(self.arrival(call)),
            },
            Saved::Queued => State::Queued,
            Saved::Announcing { until, cause } => {
                State::Announcing { until: now.instant_of(until), cause }
            }
            Saved::Taken { operator, asker, phone, phone_gone, abandoned, parked } => {
                State::Taken {
                    operator,
                    asker,
                    ticket: Ticket(0),
                    phone: phone.map(|leg| (leg, Spoken::default())),
                    phone_gone,
                    abandoned,
                    parked: parked.map(|parked| Box::new(ParkedCall::restored(now, &parked))),
                }
            }
            Saved::RingingYou { operator, phone } => {
                State::RingingYou { operator, phone: ringing(&phone) }
            }
            Saved::WithCaller { seat } => State::WithCaller { seat },
            Saved::Consulting { seat, callee, rings, then } => {
                State::Consulting { seat, callee: ringing(&callee), rings, then }
            }
            Saved::Entrusted { operator, callee } => {
                State::Entrusted { operator, callee: ringing(&callee) }
            }
            Saved::TalkingToCallee { seat, callee } => State::TalkingToCallee { seat, callee },
            Saved::Alternated { seat, callee } => State::Alternated { seat, callee },
            Saved::Connected { seat, callee } => State::Connected { seat, callee },
            Saved::Leaving { seat, callee, asker, phone_gone } => {
                let ticket = Ticket(0);
                State::Leaving { seat, callee, ticket, asker, phone_gone }
            }
            Saved::InHand { operator, aside, since, recall_at } => {
                let recall_at = now.instant_of(recall_at);
                State::InHand { operator, aside, since, recall_at }
            }
            Saved::Rejoining { operator, aside, since, phone, until, consulted } => {
                State::Rejoining {
                    operator,
                    aside,
                    since,
                    phone: phone.as_ref().map(ringing),
                    until: now.instant_of(until),
                    consulted: consulted.map(|SavedConsulted { callee, rings }| {
                        Box::new(ConsultedPhones { callee: ringing(&callee), rings })
                    }),
                }
            }
            Saved::Parked(parked) => State::Parked(ParkedCall::restored(now, &parked)),
            Saved::Transferring { by, callee, rings } => {
                State::Transferring { by, callee: ringing(&callee), rings }
            }
            Saved::Settling { by, callee, until } => {
                State::Settling { by, callee, until: until.map(|until| now.instant_of(until)) }
            }
            Saved::Serial { by, callee } => State::Serial { by, callee },
        }
    }

    /// With which it comes to its queue when its ACK has come.
    fn arrival(&self, call: &OperatorCall) -> acd::Arrival {
        let place = self.place.clone().unwrap_or_else(SavedPlace::last);
        acd::Arrival {
            request: call.request,
            share: call.identity.share(),
            queue: call.queue.clone(),
            never_to: place.never_to,
            priority: place.priority,
            answered: place.answered,
            told: place.told,
        }
    }
}
