//! The calls that a desk lists: those that wait, those in hand, those that are parked.

use crate::time::UnixTime;

/// One call that waits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct WaitingCall {
    /// Its request id.
    pub request: String,
    /// Number and name.
    pub caller: String,
    /// The queue.
    pub queue: String,
    /// Its place there.
    pub position: u64,
    /// Whether it is offered, and not only shown.
    pub offered: bool,
    /// Since when.
    pub since: Option<UnixTime>,
}

/// The call in hand.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct InHand {
    /// Its request id.
    pub request: String,
    /// As the protocol names it.
    pub phase: String,
    /// Number and name.
    pub caller: String,
    /// It is being recorded.
    pub recording: bool,
    /// The caller comes back when the callee hangs up.
    pub serial: bool,
    /// The consulted number and how far that has come.
    pub callee: Option<(String, String)>,
    /// Who hears and sees this operator, in a sentence; empty before that is known.
    pub senses: String,
    /// The last health report: one line per party.
    pub health: Vec<String>,
    /// Since when it stands as it does.
    pub since: UnixTime,
    /// Since when it is in hand.
    pub began: UnixTime,
    /// Until when a release waits for sound and picture.
    pub leaving: Option<UnixTime>,
}

/// A call that somebody has parked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParkedLine {
    /// Its request id.
    pub request: String,
    /// Number and name.
    pub caller: String,
    /// Who parked it.
    pub by: String,
    /// Whom the caller wants, if that was said.
    pub wanted: String,
    /// Since when.
    pub since: Option<UnixTime>,
}
