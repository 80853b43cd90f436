//! What the switchboard is told of its house.

use super::recording::Recorded;
use crate::acd;
use crate::cause::Cause;
use crate::ids::{CameraId, Number, QueueId};
use crate::media::{Announcement, WaitingProfileId};
use crate::presence;
use crate::time::Duration;
use std::collections::BTreeMap;

/// What is configured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The queues' telephone side, by name; [`acd::Settings`] has the same names.
    pub queues: BTreeMap<QueueId, QueueSettings>,
    /// For the queue machine.
    pub acd: acd::Settings,
    /// For the operators' states.
    pub presence: presence::Settings,
    /// What becomes of a call that levels and permits refuse.
    pub on_refusal: OnRefusal,
    /// Refuse desks that come by UDP, TCP or WS.
    pub secure_only: bool,
    /// How long a phone rings for a direct call, and a consulted one for an operator.
    pub ring_time: Duration,
    /// The directory of the recordings.
    pub recordings: String,
    /// Changes at each start; desks see by it that the server was restarted.
    pub boot: String,
}

/// One queue as callers and phones meet it.
#[derive(Clone, Debug)]
pub struct QueueSettings {
    /// The operator number.
    pub number: Number,
    /// Who answers the caller.
    pub answer: AnsweredBy,
    /// How long a desk phone rings.
    pub ring_time: Duration,
    /// An offer rings the phones of operators at desks, too.
    pub ring: bool,
    /// What a caller sees while it waits, in place of the picture.
    pub camera: Option<CameraId>,
    /// Which of its calls are recorded.
    pub record: Recorded,
    /// Nothing is recorded while the operator consults.
    pub record_pauses: bool,
    /// What its callers see and hear while they wait.
    pub waiting_profile: WaitingProfileId,
    /// How long each announcement takes in this waiting profile; `ANNOUNCEMENT` for one that is not named.
    pub announcements: BTreeMap<Announcement, Duration>,
}

/// When a waiting caller gets its 200.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AnsweredBy {
    /// At once; it waits with hold media.
    Queue,
    /// When the operator's phone answers; it waits with early media. Guests are answered at once here, too.
    Operator,
}

impl Settings {
    /// Where a call goes that levels and permits refuse, where the operator takes it: the queue `main`, or
    /// the only one.
    pub(super) fn for_the_refused(&self) -> Option<&QueueId> {
        let main = self.queues.keys().find(|queue| queue.as_str() == "main");
        main.or_else(|| self.queues.keys().next().filter(|_| self.queues.len() == 1))
    }
}

/// What becomes of a call that levels and permits refuse.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnRefusal {
    /// 403.
    Refuse,
    /// It goes to the operator.
    Operator,
}

/// How long an announcement takes of which nothing else is known.
pub const ANNOUNCEMENT: Duration = Duration::from_secs(4);
/// A moment of silence after an announcement; the phone's jitter buffer is played out in it.
pub const AFTER_ANNOUNCEMENT: Duration = Duration::from_millis(500);
/// How long `release` waits for both parties to be healthy.
pub const HEALTH_WAIT: Duration = Duration::from_secs(5);
/// A desk that says nothing for so long after its control dialog is up is sent away.
pub const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// The causes with which a phone says no for its person.
pub const REFUSALS: [Cause; 2] = [Cause::Busy, Cause::Declined];
