//! Stills of peers that others see waiting: the key frames they are made of, and the workers who make them.
//!
//! What a peer sends is looked at where it comes in, whoever gets it, and never what it is given. A port that
//! is opened for somebody else shows nothing of whoever had it before: a still comes back under a number that is
//! used once.

use super::outgoing::Outgoing;
use super::preview::Still;
use super::relay::Machine;
use super::taps::TapInput;
use super::work::{Job, StillOrder};
use crate::codec::Kind;
use crate::ids::PortId;
use crate::time::{Instant, Now};

impl Machine {
    /// Makes stills of what a port's peer sends, or no longer: then there are none.
    pub(super) fn preview(&mut self, now: Now, port: PortId, on: bool) {
        let open = self.ports.get_mut(port);
        let Some(open) = open.filter(|open| open.stream.kind == Kind::Video) else { return };
        if on != open.stream.preview.is_some() {
            open.stream.preview = on.then(Box::default);
        }
        self.settle(now.instant, port);
    }

    /// Takes in a packet of a peer that stills are made of.
    pub(super) fn look_at(&mut self, now: Now, seen: &TapInput<'_>, out: &mut impl Outgoing) {
        let TapInput { source, arrived, packet, sets } = *seen;
        let Some(open) = self.ports.get_mut(source) else { return };
        let stream = open.stream;
        let Some((preview, format)) =
            stream.preview.as_mut().zip(stream.plan.formats.get(arrived.format))
        else {
            return;
        };
        if !preview.take(now, (arrived, packet), (&format.codec, sets)) {
            return;
        }
        if !self.stills.join(source) {
            preview.forgo();
        }
        self.order_stills(out);
    }

    /// Gives the workers what they may have.
    fn order_stills(&mut self, out: &mut impl Outgoing) {
        while let Some(port) = self.stills.turn() {
            let open = self.ports.get_mut(port);
            let preview = open.and_then(|open| open.stream.preview.as_mut());
            let taken = preview.and_then(|preview| self.stills.take(preview));
            if let Some((number, key_frame)) = taken {
                out.job(Job::Still(Box::new(StillOrder { port, number, key_frame })));
            }
        }
    }

    /// Takes back what a worker has made of a key frame; none where it is broken.
    pub(super) fn still_done(
        &mut self,
        (port, number): (PortId, u64),
        jpeg: Option<Vec<u8>>,
        out: &mut impl Outgoing,
    ) {
        self.stills.done();
        if let Some(open) = self.ports.get_mut(port)
            && let Some(preview) = &mut open.stream.preview
        {
            preview.done(number, jpeg);
        }
        self.order_stills(out);
    }

    /// The last still of what a port's peer sends; none where none are made, or it is older than 6 s.
    #[must_use]
    pub fn still(&self, now: Instant, port: PortId) -> Option<&Still> {
        self.ports.get(port)?.preview.as_ref()?.latest(now)
    }
}
