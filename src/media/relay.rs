//! What the relay keeps: its ports, the table of who gets whom, and when each port is to be looked at next.

use super::camera_frames::Packets;
use super::cameras::CameraStreams;
use super::hold::Repertoire;
use super::patchbay::Patchbay;
use super::ports::PortTable;
use super::preview::StillQueue;
use super::prompt::WaitingProfile;
use super::reports::WallClocks;
use super::taps::RecordingTaps;
use crate::ids::PortId;
use crate::random::Random;
use crate::time::{Duration, Instant, earliest};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The grid of all wakes.
const GRID: Duration = Duration::from_millis(20);

/// What can be set.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// After this long without a packet a port is reported silent, and again after as long.
    pub silent_after: Duration,
    /// The look and the sound of a wait, by [`WaitingProfileId`](super::WaitingProfileId); empty: as built in.
    pub waiting_profiles: Vec<Arc<WaitingProfile>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { silent_after: Duration::from_secs(10), waiting_profiles: Vec::new() }
    }
}

/// The relay.
#[derive(Debug)]
pub struct Machine {
    pub(super) settings: Settings,
    pub(super) random: Random,
    pub(super) ports: PortTable,
    pub(super) patchbay: Patchbay,
    pub(super) taps: RecordingTaps,
    pub(super) cameras: CameraStreams,
    pub(super) stills: StillQueue,
    /// The picture of a camera that is being given out.
    pub(super) packets: Packets,
    pub(super) repertoire: Repertoire,
    pub(super) clocks: WallClocks,
    /// Ports that need something of our own every 20 ms.
    pub(super) making: BTreeSet<PortId>,
    pub(super) pace: Option<Instant>,
    pub(super) deadlines: BTreeSet<(Instant, PortId)>,
    pub(super) scratch: Vec<u8>,
}

impl Machine {
    /// A relay without ports.
    #[must_use]
    pub fn new(settings: Settings, random: Random) -> Self {
        let repertoire = Repertoire::new(settings.waiting_profiles.clone());
        Self {
            settings,
            random,
            ports: PortTable::default(),
            patchbay: Patchbay::default(),
            taps: RecordingTaps::default(),
            cameras: CameraStreams::default(),
            stills: StillQueue::default(),
            packets: Packets::default(),
            repertoire,
            clocks: WallClocks::default(),
            making: BTreeSet::new(),
            pace: None,
            deadlines: BTreeSet::new(),
            scratch: Vec::new(),
        }
    }

    /// Who gets whom.
    #[must_use]
    pub fn patchbay(&self) -> &Patchbay {
        &self.patchbay
    }

    pub(super) fn stop_making(&mut self, port: PortId) {
        self.making.remove(&port);
        self.pace = self.pace.filter(|_| !self.making.is_empty());
    }

    /// The same for all streams on the transport of a port.
    pub(super) fn settle_carried(&mut self, now: Instant, port: PortId) {
        self.ports.carried(port).for_each(|port| self.settle(now, port));
    }

    /// Enters a port with its next deadline, and among those that need sound of our own.
    pub(super) fn settle(&mut self, now: Instant, port: PortId) {
        let Some(open) = self.ports.get_mut(port) else { return };
        if open.is_making() {
            self.making.insert(port);
            self.pace = self.pace.or_else(|| Some(after(now)));
        } else {
            self.making.remove(&port);
            self.pace = self.pace.filter(|_| !self.making.is_empty());
        }
        let key_frame =
            open.stream.inbound.stream.as_ref().and(open.stream.inbound.requests.deadline());
        let consent = open.transport.consent_due();
        let limit = open.stream.limit_due(now);
        let still = open.stream.still_due(now);
        let stream = &open.stream;
        let own = [stream.watch_due, stream.silence_due, stream.picture_due, limit];
        let next = own
            .into_iter()
            .chain([key_frame, consent, still])
            .fold(Some(open.stream.reports.due), earliest)
            .map(at_or_after);
        if next != open.stream.deadline {
            if let Some(old) = open.stream.deadline {
                self.deadlines.remove(&(old, port));
            }
            open.stream.deadline = next;
            self.deadlines.extend(next.map(|at| (at, port)));
        }
    }
}

/// The next point of the grid.
pub(super) fn after(now: Instant) -> Instant {
    at_or_after(now + Duration::from_micros(1))
}

/// This point of the grid, or the next.
fn at_or_after(at: Instant) -> Instant {
    let grid = GRID.as_micros() as u64;
    Instant::from_micros(at.as_micros().div_ceil(grid) * grid)
}
