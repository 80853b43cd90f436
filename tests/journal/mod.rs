//! What a journal holds, for tests in which a process ends and another one goes on.

use cordboard::call::call_record::CallRecord;
use cordboard::desk::results::StoredResult;
use cordboard::exchange::journal::{JournalEntry, LiveRow, LiveTexts, StoredDesk, StoredState};
use cordboard::ids::{BootNumber, CallId, Number, OperatorId};
use cordboard::presence;
use cordboard::registrar::{Binding, BindingChange};
use cordboard::session::{LoginSession, SessionKey};
use std::collections::BTreeMap;

/// All that was committed, but for the directory and what is pruned.
#[derive(Clone, Debug, Default)]
pub struct JournalModel {
    pub calls: BTreeMap<CallId, CallRecord>,
    pub bindings: BTreeMap<(Number, String), Binding>,
    pub live: BTreeMap<LiveRow, String>,
    operators: BTreeMap<OperatorId, presence::Stored>,
    desks: Vec<StoredDesk>,
    sessions: BTreeMap<SessionKey, LoginSession>,
    last_note: u64,
    results: Vec<(OperatorId, String, StoredResult)>,
}

impl JournalModel {
    /// Takes in what was committed.
    pub fn keep(&mut self, entry: &JournalEntry) {
        match entry {
            JournalEntry::Call(record) => {
                self.calls.insert(record.call, CallRecord::clone(record));
            }
            JournalEntry::Binding(BindingChange::Put(binding)) => {
                let row = (binding.number.clone(), binding.key());
                self.bindings.insert(row, Binding::clone(binding));
            }
            JournalEntry::Binding(BindingChange::Drop { number, key }) => {
                self.bindings.remove(&(number.clone(), key.clone()));
            }
            JournalEntry::Operator(stored) => {
                self.operators.insert(stored.operator.clone(), stored.clone());
            }
            JournalEntry::PutDesk(desk) => {
                self.desks.retain(|other| other.dialog.key != desk.dialog.key);
                self.desks.push(StoredDesk::clone(desk));
            }
            JournalEntry::DropDesk(key) => self.desks.retain(|desk| desk.dialog.key != *key),
            JournalEntry::DeskResult { operator, id, kept } => {
                self.results.push((operator.clone(), id.clone(), kept.clone()));
            }
            JournalEntry::PutLive { row, text } => {
                self.live.insert(*row, text.clone());
            }
            JournalEntry::DropLive(row) => {
                self.live.remove(row);
            }
            JournalEntry::PutSession(session) => {
                self.sessions.insert(session.key, session.clone());
            }
            JournalEntry::DropSession(key) => {
                self.sessions.remove(key);
            }
            JournalEntry::PutNote(note) => self.last_note = note.id,
            JournalEntry::Directory(_)
            | JournalEntry::Prune(_)
            | JournalEntry::Favourites { .. }
            | JournalEntry::DropNote { .. } => {}
        }
    }

    /// What a start of this number finds, whose accounts are those of the test.
    pub fn state(&self, boot: u64) -> StoredState {
        let mut live = LiveTexts::default();
        for (row, text) in &self.live {
            match row {
                LiveRow::Call(call) => live.calls.push((*call, text.clone())),
                LiveRow::Party(leg) => live.parties.push((*leg, text.clone())),
            }
        }
        let open = self.calls.values().filter(|record| record.ended.is_none());
        StoredState {
            bindings: self.bindings.values().cloned().collect(),
            operators: self.operators.values().cloned().collect(),
            desks: self.desks.clone(),
            results: self.results.clone(),
            calls: open.cloned().collect(),
            next_call: self.calls.last_key_value().map_or(1, |(call, _)| call.0 + 1),
            boot: BootNumber::new(boot),
            live,
            sessions: self.sessions.values().cloned().collect(),
            last_note: self.last_note,
            ..StoredState::default()
        }
    }
}
