//! Who hears and sees whom, as the relay's table has it and the phones' descriptions let it.

use super::api::{Event, LegSenses};
use super::machine::{Effect, Machine};
use super::state::Leg;
use crate::codec::Kind;
use crate::ids::LegId;

impl Machine {
    /// Says of a watched leg what it is given, where that is not what was said last.
    pub(super) fn report_senses(&mut self, id: LegId, out: &mut Vec<Effect>) {
        let Some(leg) = self.legs.get(&id).filter(|leg| leg.watched) else { return };
        let senses =
            LegSenses { hears: self.given(leg, Kind::Audio), sees: self.given(leg, Kind::Video) };
        if let Some(leg) = self.legs.get_mut(&id)
            && std::mem::replace(&mut leg.senses, senses) != senses
        {
            out.push(Effect::Event(Event::Senses { leg: id, senses }));
        }
    }

    /// The same of this leg and of all that hear it: what it sends and takes may have changed.
    pub(super) fn report_senses_around(&mut self, id: LegId, out: &mut Vec<Effect>) {
        if !self.legs.get(&id).is_some_and(|leg| leg.watched) {
            return;
        }
        for leg in self.around(id) {
            self.report_senses(leg, out);
        }
    }

    /// Whose stream this leg is given: the relay passes it, its phone wants it, the other phone sends it, and the keys of both
    /// are there.
    fn given(&self, leg: &Leg, kind: Kind) -> Option<LegId> {
        let source = leg.stream_port(kind).fed?;
        leg.stream(kind).filter(|stream| stream.peer.direction.receives())?;
        let (id, _) = *self.owners.get(&source)?;
        let other = self.legs.get(&id)?;
        let awaits = |leg: &Leg| leg.audio.is_awaiting() || leg.video.is_awaiting();
        let sends = other.stream(kind)?.peer.direction.sends();
        (sends && !awaits(leg) && !awaits(other)).then_some(id)
    }
}
