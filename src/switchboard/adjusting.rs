//! Settings that change while calls go on.

use super::machine::Machine;
use super::settings::Settings;
use crate::call::QueueSettings;

impl Machine {
    /// Takes over what may change while calls go on: of a queue that is there, when it answers, rings,
    /// records and shows stills, and whom it lets wait; what becomes of refused calls; what desks may; how long phones ring. Queues, their numbers,
    /// pictures and music stay as they are.
    pub fn adjust(&mut self, new: Settings) {
        let Settings {
            queues,
            acd,
            presence,
            on_refusal,
            secure_only,
            ring_time,
            consult_ring_time,
            recall,
            recordings: _,
            boot: _,
        } = new;
        (self.settings.on_refusal, self.settings.secure_only) = (on_refusal, secure_only);
        (self.settings.ring_time, self.settings.consult_ring_time) = (ring_time, consult_ring_time);
        self.settings.recall = recall;
        self.settings.presence = presence;
        self.presence.adjust(presence);
        for (id, new) in queues {
            let Some(queue) = self.settings.queues.get_mut(&id) else { continue };
            let QueueSettings {
                number: _,
                answer,
                ring_time,
                ring,
                camera: _,
                record,
                record_pauses,
                preview,
                waiting_profile: _,
                announcements: _,
            } = new;
            (queue.answer, queue.ring_time, queue.ring) = (answer, ring_time, ring);
            (queue.record, queue.record_pauses) = (record, record_pauses);
            queue.preview = preview;
        }
        for queue in acd.queues {
            self.night.adjust(&queue.id, queue.night.clone());
            self.acd.adjust(queue);
        }
    }
}
