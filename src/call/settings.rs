//! How a queue meets its callers, and how long what belongs to a call takes.

use crate::cause::Cause;
use crate::ids::{CameraId, Number};
use crate::media::{Announcement, WaitingProfileId};
use crate::time::Duration;
use std::collections::BTreeMap;

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
    /// Operators see stills of those who wait.
    pub preview: bool,
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

/// Which calls of a queue are recorded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Recorded {
    /// None.
    Never,
    /// All, from the operator's first word to the end of the call, also behind the hand-over.
    Always,
    /// Those for which the operator asks, up to the release.
    OnDemand,
}

/// How long an announcement takes of which nothing else is known.
pub const ANNOUNCEMENT: Duration = Duration::from_secs(4);
/// A moment of silence after an announcement; the phone's jitter buffer is played out in it.
pub const AFTER_ANNOUNCEMENT: Duration = Duration::from_millis(500);
/// How long `release` waits for both parties to be healthy.
pub const HEALTH_WAIT: Duration = Duration::from_secs(5);
/// The causes with which a phone says no for its person.
pub const REFUSALS: [Cause; 2] = [Cause::Busy, Cause::Declined];
