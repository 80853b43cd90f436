//! The control dialogs: which operator's desk is up, and what it still has to hear.
//!
//! ```text
//!   200 ──▶ greeting ── hello ──▶ up ── logout, eviction, removal ──▶ closing ── drained ──▶ BYE
//!              │ 10 s ──▶ BYE      └ BYE, session timer, INFO unanswered 32 s ──▶ gone (lease)
//! ```

use super::settings::HELLO_WITHIN;
use crate::cause::Cause;
use crate::desk::command::{self, BadMessage, Command};
use crate::desk::event::{CommandOutcome, DeskEvent};
use crate::desk::outbox::{DeskMessage, InfoOutcome, Outbox};
use crate::desk::results::{COMMANDS_PER_SECOND, PreviousResult, Results, StoredResult};
use crate::desk::{CONTENT_TYPE, PACKAGE};
use crate::dialog::Body;
use crate::ids::{LegId, OperatorId, RequestId};
use crate::leg;
use crate::time::{Duration, Instant, Now, UnixTime, earliest};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A closing dialog gets its last messages within this time, or does without.
pub const CLOSING_MAX: Duration = Duration::from_secs(2);

/// What becomes of an INFO from a desk.
#[derive(Debug)]
pub(super) enum Received {
    /// Answered with this status and phrase; nothing follows.
    Refused { status: u16, phrase: String, retry_after: Option<u32> },
    /// 200; a new command.
    Command(Command),
    /// 200; a repetition whose result has been sent again, or is still to come.
    Repeated,
}

/// All control dialogs.
#[derive(Debug, Default)]
pub(super) struct ControlDialogs {
    up: BTreeMap<OperatorId, ControlDialog>,
    closing: Vec<ControlDialog>,
    pub results: Results,
    /// Counts what was said to any desk.
    said: u64,
}

#[derive(Debug)]
struct ControlDialog {
    leg: LegId,
    stage: Stage,
    outbox: Outbox,
    /// When the last commands came, at most as many as a second allows.
    pace: VecDeque<Instant>,
    /// The requests that it was offered or shown, and whether they ring.
    listed: BTreeSet<RequestId>,
    /// A take waits for its commit: nothing is sent before its result.
    corked: bool,
    over_udp: bool,
    /// When it was first said something that it has not heard yet, by [`ControlDialogs::said`].
    waits_since: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Greeting { until: Instant },
    Up,
    Closing { until: Instant, cause: Cause },
}

impl ControlDialogs {
    /// A control dialog was accepted; an older one of the same operator is told and closed.
    pub fn open(
        &mut self,
        operator: &OperatorId,
        leg: LegId,
        over_udp: bool,
        now: Instant,
    ) -> bool {
        let stage = Stage::Greeting { until: now + HELLO_WITHIN };
        let desk = ControlDialog {
            leg,
            stage,
            outbox: Outbox::default(),
            pace: VecDeque::new(),
            listed: BTreeSet::new(),
            corked: false,
            over_udp,
            waits_since: 0,
        };
        let Some(mut old) = self.up.insert(operator.clone(), desk) else { return false };
        self.said += 1;
        old.say(self.said, DeskMessage::Event(DeskEvent::Evicted));
        old.close(now, Cause::Transferred);
        self.closing.push(old);
        true
    }

    /// The dialog of this leg is over: whether it was the operator's desk, not one that was closing.
    pub fn gone(&mut self, operator: &OperatorId, leg: LegId) -> bool {
        self.closing.retain(|desk| desk.leg != leg);
        let was_up = self.up.get(operator).is_some_and(|desk| desk.leg == leg);
        if was_up {
            self.up.remove(operator);
        }
        was_up
    }

    /// Lets messages out to this dialog: its ACK or its first INFO has come.
    pub fn confirm(&mut self, operator: &OperatorId, leg: LegId) {
        if let Some(desk) = self.up.get_mut(operator).filter(|desk| desk.leg == leg) {
            desk.outbox.open();
        }
    }

    /// Whether the operator's desk has said hello.
    pub fn is_up(&self, operator: &OperatorId) -> bool {
        self.up.get(operator).is_some_and(|desk| desk.stage == Stage::Up)
    }

    pub fn is_over_udp(&self, operator: &OperatorId) -> bool {
        self.up.get(operator).is_some_and(|desk| desk.over_udp)
    }

    /// `hello` was accepted: events reach this desk from now on.
    pub fn greet(&mut self, operator: &OperatorId) {
        if let Some(desk) = self.up.get_mut(operator) {
            desk.stage = Stage::Up;
            desk.listed.clear();
        }
    }

    /// Takes one INFO, in the order of checks that the protocol fixes: 469, 415, 413, 503, 400.
    pub fn receive(
        &mut self,
        now: Now,
        operator: &OperatorId,
        leg: LegId,
        package: &str,
        body: &Body,
    ) -> Received {
        let refused = |status, phrase: &str| Received::Refused {
            status,
            phrase: phrase.to_owned(),
            retry_after: None,
        };
        let Some(desk) = self.up.get_mut(operator).filter(|desk| desk.leg == leg) else {
            return refused(481, "This desk was replaced");
        };
        desk.outbox.open();
        if !package.eq_ignore_ascii_case(PACKAGE) {
            return refused(469, "Wrong or missing Info-Package");
        }
        let content_type = body.content_type.split(';').next().unwrap_or_default().trim();
        if !content_type.eq_ignore_ascii_case(CONTENT_TYPE) {
            return refused(415, "Not a desk message");
        }
        if body.bytes.len() > command::BODY_MAX {
            let wrong = BadMessage::TooLong;
            return refused(wrong.status(), &wrong.to_string());
        }
        if !desk.keeps_pace(now.instant) {
            let phrase = format!("More than {COMMANDS_PER_SECOND} commands a second");
            return Received::Refused { status: 503, phrase, retry_after: Some(1) };
        }
        let command = match command::read(&body.bytes) {
            Ok(command) => command,
            Err(wrong) => return refused(wrong.status(), &wrong.to_string()),
        };
        self.repetition(now.unix, operator, command)
    }

    fn repetition(&mut self, now: UnixTime, operator: &OperatorId, command: Command) -> Received {
        if command.verb.as_ref().is_ok_and(|verb| verb.is_harmless()) {
            return Received::Command(command);
        }
        match self.results.seen(now, operator, &command.id, &command.content) {
            PreviousResult::New => Received::Command(command),
            PreviousResult::Pending => Received::Repeated,
            PreviousResult::OtherContent => Received::Refused {
                status: 400,
                phrase: "This id was another command".into(),
                retry_after: None,
            },
            PreviousResult::Answered(result) => {
                let mut value: Value = serde_json::from_str(result).unwrap_or_default();
                value["repeat"] = true.into();
                self.say(operator, DeskMessage::Result(value));
                Received::Repeated
            }
        }
    }

    /// Sends a result, and remembers it when a repetition must not act again.
    pub fn answer(
        &mut self,
        now: UnixTime,
        operator: &OperatorId,
        (id, content): (&str, &str),
        outcome: &CommandOutcome,
    ) -> StoredResult {
        let value = outcome.json(id);
        let kept =
            StoredResult { content: content.to_owned(), result: Some(value.to_string()), at: now };
        if let Some(desk) = self.up.get_mut(operator) {
            if std::mem::take(&mut desk.corked) {
                desk.outbox.push_first(DeskMessage::Result(value));
            } else {
                self.said += 1;
                desk.say(self.said, DeskMessage::Result(value));
            }
        }
        kept
    }

    /// Nothing leaves for this desk before the result of its take.
    pub fn cork(&mut self, operator: &OperatorId) {
        if let Some(desk) = self.up.get_mut(operator) {
            desk.corked = true;
        }
    }

    /// Tells a desk that is up; the others get it all in their snapshot.
    pub fn tell(&mut self, operator: &OperatorId, event: DeskEvent) {
        let Some(desk) = self.up.get_mut(operator).filter(|desk| desk.stage == Stage::Up) else {
            return;
        };
        match &event {
            DeskEvent::Offer(waiting) | DeskEvent::Waiting(waiting) => {
                desk.listed.insert(waiting.request);
            }
            DeskEvent::Withdrawn { request, .. } => {
                desk.listed.remove(request);
            }
            DeskEvent::Welcome { .. }
            | DeskEvent::State { .. }
            | DeskEvent::Call { .. }
            | DeskEvent::Parked(_)
            | DeskEvent::Recall { .. }
            | DeskEvent::Callee { .. }
            | DeskEvent::Health { .. }
            | DeskEvent::Senses { .. }
            | DeskEvent::DirectSenses { .. }
            | DeskEvent::Terminal { .. }
            | DeskEvent::Queue { .. }
            | DeskEvent::Notice { .. }
            | DeskEvent::SnapshotEnd { .. }
            | DeskEvent::Evicted => {}
        }
        self.said += 1;
        desk.say(self.said, DeskMessage::Event(event));
    }

    pub fn say(&mut self, operator: &OperatorId, message: DeskMessage) {
        if let Some(desk) = self.up.get_mut(operator) {
            if let DeskMessage::Snapshot(DeskEvent::Offer(waiting) | DeskEvent::Waiting(waiting)) =
                &message
            {
                desk.listed.insert(waiting.request);
            }
            self.said += 1;
            desk.say(self.said, message);
        }
    }

    /// The desks that list a request.
    pub fn listing(&self, request: RequestId) -> Vec<OperatorId> {
        let lists = |desk: &ControlDialog| desk.listed.contains(&request);
        self.up.iter().filter(|(_, desk)| lists(desk)).map(|(id, _)| id.clone()).collect()
    }

    /// Says the last things and ends the dialog.
    pub fn close(&mut self, operator: &OperatorId, now: Instant, cause: Cause) {
        if let Some(mut desk) = self.up.remove(operator) {
            desk.close(now, cause);
            self.closing.push(desk);
        }
    }

    /// Ends all dialogs; the leases stay as they are, for the next start.
    pub fn close_all(&mut self, now: Instant, cause: Cause) {
        for (_, mut desk) in std::mem::take(&mut self.up) {
            desk.close(now, cause);
            self.closing.push(desk);
        }
    }

    /// An INFO was answered, or was not. `None` when that changes nothing for the operator.
    pub fn answered(
        &mut self,
        operator: &OperatorId,
        leg: LegId,
        tag: u64,
        status: u16,
    ) -> Option<InfoOutcome> {
        for desk in &mut self.closing {
            if desk.leg == leg {
                let _ = desk.outbox.answered(tag, status);
                return None;
            }
        }
        let desk = self.up.get_mut(operator).filter(|desk| desk.leg == leg)?;
        Some(desk.outbox.answered(tag, status))
    }

    /// What can be sent now: for each free dialog its next message; and the BYEs that are due.
    pub fn pump(&mut self, now: Instant, out: &mut Vec<leg::Command>) -> Vec<LegId> {
        let desks = self.up.values_mut().chain(&mut self.closing);
        let mut desks: Vec<_> = desks.filter(|desk| !desk.corked).collect();
        // In the order in which they were spoken to: who won a call hears it before the others lose it.
        desks.sort_by_key(|desk| desk.waits_since);
        for desk in desks {
            if let Some((tag, body)) = desk.outbox.next(now) {
                let body =
                    Body { content_type: CONTENT_TYPE.into(), bytes: body.into_bytes().into() };
                let package = PACKAGE.to_owned();
                out.push(leg::Command::Info { leg: desk.leg, tag, package, body });
            }
        }
        let mut ended = Vec::new();
        self.closing.retain(|desk| match desk.stage {
            Stage::Closing { until, cause } if desk.outbox.is_drained() || until <= now => {
                out.push(leg::Command::End { leg: desk.leg, cause });
                ended.push(desk.leg);
                false
            }
            Stage::Greeting { .. } | Stage::Up | Stage::Closing { .. } => true,
        });
        ended
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.up.values().chain(&self.closing).filter_map(ControlDialog::deadline).min()
    }

    /// The operators whose desk has just become unresponsive, and those who never said hello.
    pub fn tick(&mut self, now: Instant) -> (Vec<OperatorId>, Vec<OperatorId>) {
        let (mut unresponsive, mut silent) = (Vec::new(), Vec::new());
        for (operator, desk) in &mut self.up {
            if desk.outbox.tick(now) {
                unresponsive.push(operator.clone());
            }
            if matches!(desk.stage, Stage::Greeting { until } if until <= now)
                || desk.outbox.is_overfull()
            {
                silent.push(operator.clone());
            }
        }
        (unresponsive, silent)
    }
}

impl ControlDialog {
    fn say(&mut self, said: u64, message: DeskMessage) {
        if self.outbox.is_drained() {
            self.waits_since = said;
        }
        self.outbox.push(message);
    }

    fn close(&mut self, now: Instant, cause: Cause) {
        self.corked = false;
        self.stage = Stage::Closing { until: now + CLOSING_MAX, cause };
    }

    fn keeps_pace(&mut self, now: Instant) -> bool {
        let second = Duration::from_secs(1);
        while self.pace.front().is_some_and(|at| now.since(*at) >= second) {
            self.pace.pop_front();
        }
        if self.pace.len() >= COMMANDS_PER_SECOND {
            return false;
        }
        self.pace.push_back(now);
        true
    }

    fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Greeting { until } => earliest(Some(until), self.outbox.deadline()),
            Stage::Up => self.outbox.deadline(),
            // Nobody asks any more whether it still listens.
            Stage::Closing { until, .. } => Some(until),
        }
    }
}
