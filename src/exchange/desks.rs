//! The control dialogs as the exchange knows them: by which flow they come, and that a restart ends
//! them with BYE, so that desks call again at once.

use super::desk_dialog::DeskDialog;
use super::journal::{JournalEntry, StoredDesk};
use super::rooms::Machine;
use crate::cause::Cause;
use crate::dialog;
use crate::ids::LegId;
use crate::leg;
use crate::sip::{Flow, Transport};
use crate::time::Now;

impl Machine {
    /// Keeps the journal's list of control dialogs in step with what a leg reports.
    pub(super) fn note_desk(&mut self, event: &leg::Event) {
        let leg = event.leg();
        match event {
            leg::Event::Confirmed { .. } => self.store_desk(leg),
            leg::Event::Moved { flow, .. } => {
                if let Some(desk) = self.desks.get_mut(&leg) {
                    desk.flow = *flow;
                    self.store_desk(leg);
                }
            }
            leg::Event::Ended { .. } => {
                let stored = self.desks.remove(&leg).and_then(|desk| desk.stored);
                self.entries.extend(stored.map(JournalEntry::DropDesk));
            }
            leg::Event::Offered { .. }
            | leg::Event::Ringing { .. }
            | leg::Event::EarlyMedia { .. }
            | leg::Event::EarlyMediaOver { .. }
            | leg::Event::Answered { .. }
            | leg::Event::Refused { .. }
            | leg::Event::Held { .. }
            | leg::Event::Changed { .. }
            | leg::Event::Aligned { .. }
            | leg::Event::Dtmf { .. }
            | leg::Event::Health { .. }
            | leg::Event::Senses { .. }
            | leg::Event::Silent { .. }
            | leg::Event::Dropped { .. }
            | leg::Event::Info { .. }
            | leg::Event::InfoAnswered { .. }
            | leg::Event::Referred { .. } => {}
        }
    }

    fn store_desk(&mut self, leg: LegId) {
        let (Some(desk), Some(dialog)) = (self.desks.get_mut(&leg), self.legs.stored(leg)) else {
            return;
        };
        desk.stored = Some(dialog.key.clone());
        let stored = StoredDesk { operator: desk.operator.clone(), dialog };
        self.entries.push(JournalEntry::PutDesk(Box::new(stored)));
    }

    /// The control dialogs of the process before this one end.
    pub(super) fn end_stale_dialogs(&mut self, now: Now, desks: Vec<StoredDesk>) {
        for StoredDesk { dialog, .. } in desks {
            self.entries.push(JournalEntry::DropDesk(dialog.key.clone()));
            let (dialog, reason) = (Box::new(dialog), Cause::Interrupted.reason());
            self.leg(now, leg::Input::Dialog(dialog::Input::Farewell { dialog, reason }));
        }
    }

    /// A connection is closed: a desk that came by it is gone, for it alone can open another. Calls
    /// live on; their session timers tell whether anybody is still there.
    pub(super) fn end_desks_on(&mut self, now: Now, closed: Flow) {
        let is_on = |desk: &DeskDialog| {
            desk.flow.transport != Transport::Udp && desk.flow.connection == closed.connection
        };
        let gone = self.desks.iter().filter(|(_, desk)| is_on(desk)).map(|(leg, _)| *leg);
        for leg in gone.collect::<Vec<_>>() {
            let end = leg::Command::End { leg, cause: Cause::Lost };
            self.leg(now, leg::Input::Command(end));
        }
    }
}
