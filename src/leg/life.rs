//! Conversations that have died without a word: a network that is gone, a program that has crashed. As
//! long as one side sends packets or reports, or the phone's hold is young, nothing is ended here; that a phone
//! does not answer requests any more is found by the dialog.

use super::machine::{Effect, Machine};
use super::state::{Leg, LegPhase, Life};
use crate::cause::Cause;
use crate::codec::Kind;
use crate::ids::LegId;
use crate::time::{Duration, Instant};
use std::cmp::Reverse;

/// The same for a phone that holds the call, or is not answered yet: it need not send anything then
/// (RFC 3960 §3.1), and many send one packet to open their NAT and no more before our 200.
pub const RTP_TIMEOUT_ON_HOLD: Duration = Duration::from_secs(600);

impl Machine {
    /// Ends all legs of a conversation in which no side has sent anything for a long time.
    pub(super) fn end_lifeless(&mut self, now: Instant, id: LegId, out: &mut Vec<Effect>) {
        let mut all = self.conversation(id);
        let is_dead = |id: &LegId| {
            let leg = self.legs.get(id);
            leg.is_some_and(|leg| leg.is_lifeless(now, self.settings.rtp_timeout))
        };
        if !all.iter().all(is_dead) {
            return;
        }
        // The caller first, with whom all is over; an operator last, so that a caller who waits elsewhere
        // is not thought to be with the dead callee.
        let called_us = |id: &LegId| self.legs.get(id).is_some_and(|leg| leg.called_us);
        all.sort_by_key(|id| (!called_us(id), Reverse(*id)));
        for id in all {
            self.end(now, id, Cause::MediaStopped, out);
        }
    }

    /// A leg and all that it hears or that hear it, and so on. A party that waits is alone.
    fn conversation(&self, id: LegId) -> Vec<LegId> {
        let mut all = vec![id];
        let mut at = 0;
        while let Some(id) = all.get(at).copied() {
            at += 1;
            let near = self.around(id).into_iter().chain(self.partner(id));
            for other in near.filter(|other| self.legs.contains_key(other)).collect::<Vec<_>>() {
                if !all.contains(&other) {
                    all.push(other);
                }
            }
        }
        all
    }
}

impl Leg {
    /// Whether it has sent something once, and nothing for so long.
    fn is_lifeless(&self, now: Instant, limit: Duration) -> bool {
        let unanswered = match self.phase {
            LegPhase::Up | LegPhase::Answering => false,
            LegPhase::Offered { .. } => true,
            LegPhase::New { .. } | LegPhase::Calling { .. } | LegPhase::Ending => return false,
        };
        let sends = |kind| self.stream(kind).is_some_and(|stream| stream.peer.direction.sends());
        let may_be_silent = unanswered || self.held.0 || !sends(self.first_kind());
        let limit = if may_be_silent { limit.max(RTP_TIMEOUT_ON_HOLD) } else { limit };
        let is_dead = |kind| match self.stream_port(kind).life {
            Life::Unheard => None,
            Life::Heard => Some(false),
            Life::Silent { lifeless_since } => Some(now.since(lifeless_since) >= limit),
        };
        let mut streams = [Kind::Audio, Kind::Video].into_iter().filter_map(is_dead).peekable();
        streams.peek().is_some() && streams.all(|dead| dead)
    }
}
