//! One desk's outgoing messages: one unanswered INFO at a time, the urgent ones first.
//!
//! ```text
//!   urgent (results, offers, withdrawals, phases) ─┐
//!   state ── newest only ──────────────────────────┼─▶ one in flight ── 200 ──▶ the next
//!   positions ── newest per request ───────────────┤        │ 5 s ──▶ unresponsive
//!   terminals ── newest per number ────────────────┤        └ 32 s (timer F) ──▶ lost
//!   senses ── newest per call ─────────────────────┤
//!   health ── newest only ─────────────────────────┘
//! ```

use super::event::DeskEvent;
use crate::ids::{CallId, Number, RequestId};
use crate::time::{Duration, Instant};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// An INFO unanswered for so long makes the desk not eligible for offers.
pub const UNRESPONSIVE_AFTER: Duration = Duration::from_secs(5);
/// More unsent urgent messages than this end the control dialog: the desk does not keep up.
pub const UNSENT_MAX: usize = 4_096;

/// What is to be sent.
#[derive(Clone, Debug, PartialEq)]
pub enum DeskMessage {
    /// A result, ready as JSON.
    Result(Value),
    /// An event.
    Event(DeskEvent),
    /// An event that keeps its place among the urgent ones: a part of a snapshot.
    Snapshot(DeskEvent),
    /// An offer or a line of the list with nothing new but its position.
    Position(DeskEvent),
}

/// What an answer to an INFO means for the desk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InfoOutcome {
    /// Go on; it was this long unresponsive before, or not.
    Delivered {
        /// It had been reported by [`Outbox::tick`] and is now eligible again.
        recovered: bool,
    },
    /// The dialog is dead: 408, 481 or no answer at all.
    Lost,
    /// Not the answer to what is in flight.
    Stray,
}

/// The outgoing side of one control dialog.
#[derive(Debug, Default)]
pub struct Outbox {
    seq: u64,
    tag: u64,
    flight: Option<InfoInFlight>,
    urgent: VecDeque<DeskMessage>,
    state: Option<DeskEvent>,
    positions: BTreeMap<RequestId, DeskEvent>,
    terminals: BTreeMap<Number, DeskEvent>,
    senses: BTreeMap<RequestId, DeskEvent>,
    direct_senses: BTreeMap<CallId, DeskEvent>,
    health: Option<DeskEvent>,
    open: bool,
    /// The requests of which the desk was told and which were not withdrawn since.
    told: BTreeSet<RequestId>,
}

#[derive(Clone, Copy, Debug)]
struct InfoInFlight {
    tag: u64,
    sent: Instant,
    reported: bool,
}

impl Outbox {
    /// Lets messages out: the ACK or the first INFO of the desk has come.
    pub fn open(&mut self) {
        self.open = true;
    }

    /// Takes a message.
    pub fn push(&mut self, message: DeskMessage) {
        match message {
            DeskMessage::Event(state @ DeskEvent::State { .. }) => self.state = Some(state),
            DeskMessage::Event(senses @ DeskEvent::Senses { request, .. }) => {
                self.senses.insert(request, senses);
            }
            DeskMessage::Event(senses @ DeskEvent::DirectSenses { call, .. }) => {
                self.direct_senses.insert(call, senses);
            }
            DeskMessage::Event(DeskEvent::Terminal { number, state }) => {
                let terminal = DeskEvent::Terminal { number: number.clone(), state };
                self.terminals.insert(number, terminal);
            }
            DeskMessage::Event(health @ DeskEvent::Health { .. }) => self.health = Some(health),
            DeskMessage::Event(DeskEvent::Withdrawn { request, .. }) if self.forget(request) => {}
            DeskMessage::Event(call @ DeskEvent::Call { request, .. }) => {
                // How the parties of the phase before did says nothing of this one.
                let is_of = |health: &mut DeskEvent| matches!(health, DeskEvent::Health { request: of, .. } if *of == request);
                self.health.take_if(is_of);
                self.urgent.push_back(DeskMessage::Event(call));
            }
            DeskMessage::Position(event) => self.reposition(event),
            message => self.urgent.push_back(message),
        }
    }

    /// Takes a message that goes before all others: the result for which they were held back.
    pub fn push_first(&mut self, message: DeskMessage) {
        self.urgent.push_front(message);
    }

    /// Whether the desk is too far behind to be worth waiting for.
    #[must_use]
    pub fn is_overfull(&self) -> bool {
        self.urgent.len() > UNSENT_MAX
    }

    /// The next message to send, with the tag under which its answer will come.
    pub fn next(&mut self, now: Instant) -> Option<(u64, String)> {
        if !self.open || self.flight.is_some() {
            return None;
        }
        let body = match self.pop()? {
            DeskMessage::Result(result) => result,
            DeskMessage::Event(event)
            | DeskMessage::Snapshot(event)
            | DeskMessage::Position(event) => {
                self.seq += 1;
                self.told.extend(offered(&event));
                event.json(self.seq)
            }
        };
        self.tag += 1;
        self.flight = Some(InfoInFlight { tag: self.tag, sent: now, reported: false });
        Some((self.tag, body.to_string()))
    }

    /// Takes the final response to the INFO `tag`.
    pub fn answered(&mut self, tag: u64, status: u16) -> InfoOutcome {
        let Some(flight) = self.flight.filter(|flight| flight.tag == tag) else {
            return InfoOutcome::Stray;
        };
        self.flight = None;
        match status {
            408 | 481 => InfoOutcome::Lost,
            // Any other answer says that the desk lives; what it refuses it does not want.
            _ => InfoOutcome::Delivered { recovered: flight.reported },
        }
    }

    /// When [`tick`](Self::tick) has something to say.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let flight = self.flight.filter(|flight| !flight.reported)?;
        Some(flight.sent + UNRESPONSIVE_AFTER)
    }

    /// Whether the desk has just become unresponsive; said once.
    pub fn tick(&mut self, now: Instant) -> bool {
        if self.deadline().is_none_or(|at| now < at) {
            return false;
        }
        if let Some(flight) = &mut self.flight {
            flight.reported = true;
        }
        true
    }

    /// Nothing waits and nothing is in flight.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.flight.is_none()
            && self.urgent.is_empty()
            && self.state.is_none()
            && self.positions.is_empty()
            && self.terminals.is_empty()
            && self.senses.is_empty()
            && self.direct_senses.is_empty()
            && self.health.is_none()
    }

    fn pop(&mut self) -> Option<DeskMessage> {
        self.urgent.pop_front().or_else(|| {
            // Who hears whom is what a person has to know first.
            let senses = self.senses.pop_first().map(|(_, senses)| senses);
            let senses =
                senses.or_else(|| self.direct_senses.pop_first().map(|(_, senses)| senses));
            let low = senses.or_else(|| self.state.take());
            let low = low.or_else(|| self.positions.pop_first().map(|(_, event)| event));
            let low = low.or_else(|| self.terminals.pop_first().map(|(_, event)| event));
            low.or_else(|| self.health.take()).map(DeskMessage::Event)
        })
    }

    /// Puts a new position into the unsent offer, else queues it behind what is urgent.
    fn reposition(&mut self, newer: DeskEvent) {
        let Some(request) = offered(&newer) else { return };
        for message in &mut self.urgent {
            if let DeskMessage::Event(event) | DeskMessage::Snapshot(event) = message
                && offered(event) == Some(request)
            {
                *event = newer;
                return;
            }
        }
        self.positions.insert(request, newer);
    }

    /// Drops the unsent offer of a withdrawn request; `true` when the desk never heard of it.
    fn forget(&mut self, request: RequestId) -> bool {
        self.positions.remove(&request);
        self.urgent.retain(|message| match message {
            DeskMessage::Event(event) => offered(event) != Some(request),
            DeskMessage::Result(_) | DeskMessage::Snapshot(_) | DeskMessage::Position(_) => true,
        });
        !self.told.remove(&request)
    }
}

fn offered(event: &DeskEvent) -> Option<RequestId> {
    match event {
        DeskEvent::Offer(waiting) | DeskEvent::Waiting(waiting) => Some(waiting.request),
        DeskEvent::Parked(parked) => Some(parked.request),
        DeskEvent::Welcome { .. }
        | DeskEvent::State { .. }
        | DeskEvent::Withdrawn { .. }
        | DeskEvent::Call { .. }
        | DeskEvent::Recall { .. }
        | DeskEvent::Callee { .. }
        | DeskEvent::Health { .. }
        | DeskEvent::Senses { .. }
        | DeskEvent::DirectSenses { .. }
        | DeskEvent::Terminal { .. }
        | DeskEvent::Queue { .. }
        | DeskEvent::Notice { .. }
        | DeskEvent::SnapshotEnd { .. }
        | DeskEvent::Evicted => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::{Caller, OfferedCall};
    use super::*;
    use crate::ids::QueueId;
    use crate::time::UnixTime;

    fn offer(request: u64, position: usize) -> DeskEvent {
        DeskEvent::Offer(OfferedCall {
            request: RequestId(request),
            queue: QueueId::from("main"),
            caller: Caller { number: "0171".into(), name: String::new(), origin: "trunk" },
            since: UnixTime::from_secs(0),
            position,
            waiting: position,
            priority: 0,
            stills: false,
        })
    }

    fn withdrawn(request: u64) -> DeskEvent {
        DeskEvent::Withdrawn { request: RequestId(request), reason: "taken" }
    }

    fn open() -> Outbox {
        let mut outbox = Outbox::default();
        outbox.open();
        outbox
    }

    /// Sends and answers everything; each message as its `event` (or `re`) and `seq`.
    fn drain(outbox: &mut Outbox) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some((tag, body)) = outbox.next(Instant::START) {
            let value: Value = serde_json::from_str(&body).expect("JSON");
            sent.push(match value["event"].as_str() {
                Some(event) => format!("{} {event} {}", value["seq"], value["position"]),
                None => format!("re {}", value["re"]),
            });
            assert_eq!(outbox.answered(tag, 200), InfoOutcome::Delivered { recovered: false });
        }
        assert!(outbox.is_drained());
        sent
    }

    #[test]
    fn nothing_leaves_before_the_dialog_is_confirmed() {
        let mut outbox = Outbox::default();
        outbox.push(DeskMessage::Event(offer(1, 1)));
        assert_eq!(outbox.next(Instant::START), None);
        outbox.open();
        assert!(outbox.next(Instant::START).is_some());
        assert_eq!(outbox.next(Instant::START), None, "one at a time");
    }

    #[test]
    fn states_and_positions_go_last_and_only_the_newest() {
        let mut outbox = open();
        let state = |state| DeskEvent::State { state, dnd: false, phone: "ok" };
        outbox.push(DeskMessage::Event(state("idle")));
        outbox.push(DeskMessage::Event(state("busy")));
        outbox.push(DeskMessage::Event(offer(1, 2)));
        outbox.push(DeskMessage::Position(offer(1, 1)));
        outbox.push(DeskMessage::Position(offer(2, 3)));
        outbox.push(DeskMessage::Result(DeskEvent::Evicted.json(0)));
        let sent = drain(&mut outbox);
        assert_eq!(sent[0], "1 offer 1", "the newer position took the place of the older");
        assert_eq!(sent[2..], ["2 state null", "3 offer 3"]);
    }

    #[test]
    fn who_hears_whom_goes_before_what_else_stands_for_itself_newest_per_call() {
        let mut outbox = open();
        let senses = |request, hears_you| DeskEvent::Senses {
            request: RequestId(request),
            hears_you,
            you_hear: vec![],
            sees_you: vec![],
            you_see: vec![],
        };
        let terminal = |state| DeskEvent::Terminal { number: Number::from("3002"), state };
        outbox.push(DeskMessage::Event(terminal("ringing")));
        outbox.push(DeskMessage::Event(DeskEvent::State {
            state: "busy",
            dnd: false,
            phone: "ok",
        }));
        outbox.push(DeskMessage::Event(senses(1, vec!["caller"])));
        outbox.push(DeskMessage::Event(senses(2, vec!["caller"])));
        outbox.push(DeskMessage::Event(senses(1, vec![])));
        outbox.push(DeskMessage::Event(terminal("talking")));
        outbox.push(DeskMessage::Result(DeskEvent::Evicted.json(0)));
        let sent = drain(&mut outbox);
        let events: Vec<&str> = sent.iter().filter_map(|line| line.split(' ').nth(1)).collect();
        assert_eq!(events, ["evicted", "senses", "senses", "state", "terminal"]);
    }

    #[test]
    fn a_report_of_the_phase_before_is_not_sent_in_the_next() {
        let mut outbox = open();
        let call = |request| DeskEvent::Call {
            request: RequestId(request),
            phase: "connected",
            caller: Caller { number: "0171".into(), name: String::new(), origin: "trunk" },
            callee: None,
            recording: false,
            serial: false,
            reason: None,
        };
        let health = DeskEvent::Health { request: RequestId(1), report: serde_json::json!({}) };
        outbox.push(DeskMessage::Event(health.clone()));
        outbox.push(DeskMessage::Event(call(2)));
        assert_eq!(drain(&mut outbox), ["1 call null", "2 health null"], "another call's");
        outbox.push(DeskMessage::Event(health));
        outbox.push(DeskMessage::Event(call(1)));
        assert_eq!(drain(&mut outbox), ["3 call null"]);
    }

    #[test]
    fn an_offer_withdrawn_before_it_was_sent_is_dropped() {
        let mut outbox = open();
        outbox.push(DeskMessage::Event(offer(1, 1)));
        outbox.push(DeskMessage::Event(withdrawn(1)));
        assert_eq!(drain(&mut outbox), [] as [&str; 0]);
    }

    #[test]
    fn an_offer_that_was_sent_is_withdrawn_even_when_offered_anew_unsent() {
        let mut outbox = open();
        outbox.push(DeskMessage::Event(offer(1, 1)));
        assert_eq!(drain(&mut outbox), ["1 offer 1"]);
        outbox.push(DeskMessage::Position(offer(1, 2)));
        outbox.push(DeskMessage::Event(withdrawn(1)));
        assert_eq!(drain(&mut outbox), ["2 withdrawn null"]);
    }

    #[test]
    fn a_silent_desk_is_reported_once_and_recovers() {
        let mut outbox = open();
        outbox.push(DeskMessage::Event(offer(1, 1)));
        let (tag, _) = outbox.next(Instant::START).expect("a message");
        assert!(!outbox.tick(Instant::START));
        assert!(outbox.tick(Instant::START + UNRESPONSIVE_AFTER));
        assert!(!outbox.tick(Instant::START + UNRESPONSIVE_AFTER));
        assert_eq!(outbox.deadline(), None);
        assert_eq!(outbox.answered(tag + 1, 200), InfoOutcome::Stray);
        assert_eq!(outbox.answered(tag, 200), InfoOutcome::Delivered { recovered: true });
    }

    #[test]
    fn a_dead_dialog_is_lost() {
        for status in [408, 481] {
            let mut outbox = open();
            outbox.push(DeskMessage::Event(offer(1, 1)));
            let (tag, _) = outbox.next(Instant::START).expect("a message");
            assert_eq!(outbox.answered(tag, status), InfoOutcome::Lost);
        }
    }

    #[test]
    fn a_desk_that_does_not_keep_up_is_given_up() {
        let mut outbox = open();
        (0..UNSENT_MAX as u64).for_each(|n| outbox.push(DeskMessage::Event(offer(n, 1))));
        assert!(!outbox.is_overfull());
        outbox.push(DeskMessage::Event(offer(0, 1)));
        assert!(outbox.is_overfull());
    }
}
