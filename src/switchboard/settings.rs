//! What the switchboard is told of its house.

use crate::acd;
use crate::call::QueueSettings;
use crate::ids::QueueId;
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
    /// How long a phone rings for a direct call.
    pub ring_time: Duration,
    /// How long the phone of whom an operator consults rings.
    pub consult_ring_time: Duration,
    /// A call that is set aside or parked is recalled each time that so long has passed.
    pub recall: Duration,
    /// The directory of the recordings.
    pub recordings: String,
    /// Changes at each start; desks see by it that the server was restarted.
    pub boot: String,
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

/// A desk that says nothing for so long after its control dialog is up is sent away.
pub const HELLO_WITHIN: Duration = Duration::from_secs(10);
