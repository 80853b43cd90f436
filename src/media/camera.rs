//! Cameras as sources: pictures that the server brings, packed as if a phone had sent them.
//!
//! ```text
//!   Gone ── up ──▶ Live: unit ─┬──▶ packets ──▶ viewers that take them as they are
//!     ▲             │          └──▶ renditions: converted once for all that take the same
//!     │             │ a viewer comes, or asks for a key frame:
//!     └─── lost ────┘ the last key frame at once, all else from the next one on
//! ```
//!
//! A camera cannot be asked for a key frame, so the last one is kept. Packets are numbered apart for
//! each viewer: what one does not get leaves no gap in what it does get. While a camera is gone its
//! viewers see the picture that the relay makes for [`Source::Camera`](super::Source).

use super::camera_frames::VideoCodec;
use super::frame::ParameterSets;
use super::outgoing::{Exit, Outgoing};
use super::patchbay::{PatchChange, Source};
use super::port::Follows;
use super::relay::Machine;
use super::work::{CodingOutcome, ConversionId};
use crate::ids::{CameraId, PortId};
use crate::time::Now;

/// What the server says of a camera.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CameraState<'a> {
    /// It sends pictures in this codec from now on.
    Up {
        /// H.264 or H.265.
        codec: VideoCodec,
    },
    /// One picture.
    Unit {
        /// At 90 kHz.
        timestamp: u32,
        /// It needs none before it, and brings its parameter sets.
        key: bool,
        /// An access unit as a byte stream (Annex B), at most [`UNIT_MAX`](super::UNIT_MAX).
        bytes: &'a [u8],
    },
    /// It is gone.
    Lost,
}

impl Machine {
    /// Cameras that somebody sees since the last call, and those that nobody sees any more.
    pub fn watched_cameras(&mut self) -> impl Iterator<Item = (CameraId, bool)> {
        self.cameras.changes()
    }

    /// Takes in what the server says of a camera, and gives its picture to all that see it.
    pub fn camera(
        &mut self,
        now: Now,
        camera: CameraId,
        what: CameraState<'_>,
        out: &mut impl Outgoing,
    ) {
        match what {
            CameraState::Up { codec } => {
                self.cameras.up(camera, codec, self.random.u32());
                self.reroute_viewers(camera, out);
            }
            CameraState::Unit { timestamp, key, bytes } => {
                let unit = (timestamp, key, bytes);
                if self.cameras.take(camera, unit, &mut self.packets) {
                    self.reroute_viewers(camera, out);
                }
                if self.packets.len() > 0 {
                    let viewers = self.cameras.admit(camera, None, key);
                    self.show(now, camera, &viewers, out);
                }
            }
            CameraState::Lost => {
                if self.cameras.lose(camera) {
                    let source = Source::Camera(camera);
                    let viewers = self.cameras.receivers(camera).into_iter();
                    let again = |receiver| PatchChange { receiver, from: source, to: source };
                    self.change_feeds(now, &viewers.map(again).collect::<Vec<_>>(), out);
                }
            }
        }
        self.order(out);
    }

    /// Enters those who look at a camera from now on, and takes out those who do no longer.
    pub(super) fn seat_viewers(&mut self, changes: &[PatchChange]) {
        for PatchChange { receiver, from, to } in changes {
            self.cameras.leave(*from, *receiver);
            if let Source::Camera(camera) = to {
                self.cameras.enter(*camera, *receiver, self.random.u32() as u16);
            }
        }
    }

    /// Shows a new viewer what there is.
    pub(super) fn welcome(&mut self, now: Now, change: PatchChange, out: &mut impl Outgoing) {
        if let Source::Camera(camera) = change.to {
            self.show_still(now, camera, change.receiver, out);
        }
    }

    /// A receiver cannot decode what it gets: its source begins anew, as far as it can.
    pub(super) fn want_picture(&mut self, now: Now, receiver: PortId, out: &mut impl Outgoing) {
        match self.patchbay.source(receiver) {
            Source::Port(source) => self.want_key_frame(now, source, out),
            Source::Camera(camera) if !self.cameras.is_waiting(camera, receiver) => {
                self.show_still(now, camera, receiver, out);
            }
            _ours => {}
        }
    }

    /// Does what follows from a packet that one receiver got.
    pub(super) fn follow(
        &mut self,
        now: Now,
        receiver: PortId,
        follows: Follows,
        out: &mut impl Outgoing,
    ) {
        if follows.key_frame {
            self.want_picture(now, receiver, out);
        }
        if follows.settle {
            self.settle(now.instant, receiver);
        }
    }

    /// Takes back a picture that was converted for viewers of a camera.
    pub(super) fn rendered(
        &mut self,
        now: Now,
        camera: CameraId,
        (conversion, outcome): (ConversionId, CodingOutcome),
        out: &mut impl Outgoing,
    ) {
        let key = self.cameras.done(camera, (conversion, outcome), &mut self.packets);
        self.order(out);
        if self.packets.len() > 0 {
            let viewers = self.cameras.admit(camera, Some(conversion), key);
            self.show(now, camera, &viewers, out);
        }
    }

    fn reroute_viewers(&mut self, camera: CameraId, out: &mut impl Outgoing) {
        for viewer in self.cameras.receivers(camera) {
            self.reroute(viewer, out);
        }
    }

    /// Gives the packets of a picture to these viewers.
    fn show(&mut self, now: Now, camera: CameraId, viewers: &[PortId], out: &mut impl Outgoing) {
        // A camera's parameter sets travel with its key frames.
        let sets = ParameterSets::default();
        // What follows may need the place of these packets.
        let mut done = Vec::with_capacity(viewers.len());
        for viewer in viewers {
            let Some(mut open) = self.ports.get_mut(*viewer) else { continue };
            let mut follows = Follows::default();
            let count = self.packets.len();
            let first = self.cameras.numbers(camera, *viewer, count);
            for at in 0..count {
                let sequence = first.wrapping_add(at as u16);
                let Some((arrived, bytes)) = self.packets.get(at, sequence) else { continue };
                let mut exit = Exit { scratch: &mut self.scratch, out };
                let more = open.forward(now.instant, &arrived, bytes, &sets, &mut exit);
                follows.settle |= more.settle;
                follows.key_frame |= more.key_frame;
            }
            done.push((*viewer, follows));
        }
        for (viewer, follows) in done {
            self.follow(now, viewer, follows, out);
        }
    }

    /// Shows one viewer the last key frame; nothing else before the next one.
    fn show_still(&mut self, now: Now, camera: CameraId, viewer: PortId, out: &mut impl Outgoing) {
        self.cameras.still(now.instant, camera, viewer, &mut self.packets);
        self.order(out);
        self.show(now, camera, &[viewer], out);
    }
}
