//! How long the journal keeps what the house does not need to run.

use super::journal::{JournalEntry, Prune};
use super::rooms::Machine;
use super::settings::Retention;
use crate::desk::results::REMEMBERED;
use crate::time::{Duration, Now};

/// Between two steps, each of which takes away a bounded number of rows.
pub const PRUNE_INTERVAL: Duration = Duration::from_secs(60);

impl Machine {
    /// Has the journal take its next step, when it is time.
    pub(super) fn prune(&mut self, now: Now) {
        if self.prune_due > now.instant {
            return;
        }
        self.prune_due = now.instant + PRUNE_INTERVAL;
        let Retention { keep, keep_max } = self.settings.retention;
        let prune =
            Prune { before: now.unix - keep, keep_max, results_before: now.unix - REMEMBERED };
        self.entries.push(JournalEntry::Prune(prune));
    }
}
