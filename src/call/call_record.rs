//! The one record of each call: who, when, through which phases, and why it ended (R8.1).

use crate::cause::Cause;
use crate::ids::{CallId, Number, OperatorId, QueueId, RequestId};
use crate::time::UnixTime;
use std::borrow::Cow;

/// More phases than this are not kept; a call that alternates for hours is still one record.
pub const PHASES_MAX: usize = 1_000;

/// One call, from its first INVITE to its last BYE.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallRecord {
    /// Its number in this database.
    pub call: CallId,
    /// Its request id, when it went through a queue.
    pub request: Option<RequestId>,
    /// Its name for other systems, which no other call of any house has: 128 random bits as 32 hexadecimal digits,
    /// the form of a session id (RFC 7989).
    pub session: String,
    /// The queue it waited in.
    pub queue: Option<QueueId>,
    /// The caller's number, or `anonymous`.
    pub caller: String,
    /// The caller's display name.
    pub caller_name: String,
    /// How the caller came: `terminal`, `trunk carrier`, `guest`.
    pub origin: String,
    /// The number that was dialled.
    pub dialled: Number,
    /// The operators who took it, in order.
    pub operators: Vec<OperatorId>,
    /// Whom the caller talked to, or was to talk to, in the end.
    pub callee: Option<Number>,
    /// The first INVITE.
    pub began: UnixTime,
    /// When a person first answered.
    pub answered: Option<UnixTime>,
    /// What happened when.
    pub phases: Vec<CallPhase>,
    /// How the operator left, when there was a hand-over.
    pub handover: Option<Handover>,
    /// How it ended; `None` while it goes on.
    pub ended: Option<Ended>,
    /// The files of its recordings, in order: one for each time that it came to an operator, and one more
    /// where a disk said no in between.
    pub recordings: Vec<String>,
    /// The media as last reported before the hand-over, in the desk's own words; may be empty.
    pub health: String,
}

/// The moment at which a phase began.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallPhase {
    /// The phase as the desk protocol names it, or `direct-ringing`, `talking`, `transferring`,
    /// `watching`; or `moved-by`, which says who asked for what comes next, or what sent the caller on.
    pub word: Cow<'static, str>,
    /// When.
    pub at: UnixTime,
    /// The operator or the number that it concerns, or that asked; may be empty.
    pub who: String,
}

/// Whether the operator knew that the two hear and see each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Handover {
    /// Both were healthy.
    Checked,
    /// The operator's phone hung up before the check.
    Unchecked,
    /// The operator left although they were not healthy.
    Forced,
}

impl Handover {
    /// What [`word`](Self::word) named.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Checked, Self::Unchecked, Self::Forced].into_iter().find(|way| way.word() == word)
    }

    /// `checked`, `unchecked`, `forced`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Checked => "checked",
            Self::Unchecked => "unchecked",
            Self::Forced => "forced",
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ended {
    /// When.
    pub at: UnixTime,
    /// Why.
    pub cause: Cause,
    /// By whom.
    pub by: EndedBy,
}

/// Who ended a call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EndedBy {
    /// The caller.
    Caller,
    /// The called or consulted person.
    Callee,
    /// The operator.
    Operator,
    /// We: a refusal, a timer, an administrator, a restart.
    Server,
}

impl EndedBy {
    /// Whom [`word`](Self::word) named.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Caller, Self::Callee, Self::Operator, Self::Server];
        all.into_iter().find(|who| who.word() == word)
    }

    /// `caller`, `callee`, `operator`, `server`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
            Self::Operator => "operator",
            Self::Server => "server",
        }
    }
}

impl CallRecord {
    /// Notes that a phase begins.
    pub fn enter(&mut self, word: &'static str, at: UnixTime, who: &str) {
        if self.phases.len() < PHASES_MAX {
            self.phases.push(CallPhase { word: Cow::Borrowed(word), at, who: who.to_owned() });
        }
    }

    /// How often the call has begun to wait in a queue.
    #[must_use]
    pub fn times_queued(&self) -> usize {
        self.phases.iter().filter(|phase| phase.word == "queued").count()
    }

    /// How often the call was moved.
    #[must_use]
    pub fn times_moved(&self) -> usize {
        self.phases.iter().filter(|phase| phase.word == "moved-by").count()
    }

    /// Notes who asked for the call to be moved to where it goes next.
    pub fn moved(&mut self, at: UnixTime, by: &str) {
        self.enter("moved-by", at, by);
    }

    /// Notes that a person has answered; the first one counts.
    pub fn answer(&mut self, at: UnixTime) {
        self.answered.get_or_insert(at);
    }

    /// Notes how the call ended; the first end counts.
    pub fn end(&mut self, at: UnixTime, cause: Cause, by: EndedBy) {
        self.ended.get_or_insert(Ended { at, cause, by });
    }
}
