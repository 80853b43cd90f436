//! Guests before they are let in: of a call that is refused nothing is written down or told but that it
//! was (RFC 5039 §4), so that the unauthenticated fill neither disk nor log.
//!
//! A guest is let in when it waits in a queue, or when a phone or a camera is called for it.

use super::api::Effect;
use crate::call::call_record::{CallPhase, CallRecord};
use crate::call::{Keep, LogEvent};
use crate::ids::{CallId, Ticket};
use crate::sip::Flow;
use std::collections::BTreeMap;

/// The calls of guests that are not let in yet.
#[derive(Debug, Default)]
pub(super) struct UnauthenticatedCalls(BTreeMap<CallId, UnauthenticatedCall>);

#[derive(Debug)]
struct UnauthenticatedCall {
    flow: Flow,
    /// The rule that refused it.
    why: Option<String>,
    waits: bool,
}

impl UnauthenticatedCalls {
    /// A guest calls.
    pub fn called(&mut self, call: CallId, flow: Flow) {
        self.0.insert(call, UnauthenticatedCall { flow, why: None, waits: false });
    }

    /// It waits in a queue.
    pub fn waits(&mut self, call: CallId) {
        if let Some(unauthenticated) = self.0.get_mut(&call) {
            unauthenticated.waits = true;
        }
    }

    /// Whether it is still unauthenticated.
    pub fn has(&self, call: CallId) -> bool {
        self.0.contains_key(&call)
    }

    /// Replaces what is said of calls that are not let in.
    pub fn sift(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        if self.0.is_empty() {
            return effects;
        }
        let mut out = Vec::with_capacity(effects.len());
        for effect in effects {
            match effect {
                Effect::Keep { keep: Keep::Call(record), ticket } if self.has(record.call) => {
                    self.sift_record(record, ticket, &mut out);
                }
                Effect::Log(log_event) => {
                    let unauthenticated = log_event.call().and_then(|call| self.0.get_mut(&call));
                    match (unauthenticated, log_event) {
                        (None, log_event) => out.push(Effect::Log(log_event)),
                        (Some(unauthenticated), LogEvent::Refused { why, .. }) => {
                            unauthenticated.why = Some(why)
                        }
                        (Some(_), _) => {}
                    }
                }
                Effect::Keep { .. }
                | Effect::Leg(_)
                | Effect::Recording(_)
                | Effect::Change { .. }
                | Effect::TurnedAway { .. } => out.push(effect),
            }
        }
        out
    }

    fn sift_record(
        &mut self,
        record: Box<CallRecord>,
        ticket: Option<Ticket>,
        out: &mut Vec<Effect>,
    ) {
        let call = record.call;
        let Some(unauthenticated) = self.0.get(&call) else { return };
        let is_called = |phase: &CallPhase| phase.word == "direct-ringing";
        let reached = record.answered.is_some() || record.phases.iter().any(is_called);
        if unauthenticated.waits || reached {
            self.0.remove(&call);
            let caller = format!("{} {}", record.origin, record.caller);
            let (session, dialled) = (record.session.clone(), record.dialled.clone());
            out.push(Effect::Log(LogEvent::Arrived { call, session, caller, dialled }));
            out.push(Effect::Keep { keep: Keep::Call(record), ticket });
        } else if let Some(ended) = record.ended {
            let Some(UnauthenticatedCall { flow, why, .. }) = self.0.remove(&call) else { return };
            let why = why.unwrap_or_else(|| ended.cause.to_string());
            let what = format!("{} calls {}: {why}", record.caller, record.dialled);
            out.push(Effect::TurnedAway { flow, cause: ended.cause, what });
        }
    }
}
