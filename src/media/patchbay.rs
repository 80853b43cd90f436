//! Who gets whom: one table from each receiver to its one source.
//!
//! ```text
//!   receiver   source            the relay looks the row up when a packet comes in, so that
//!   ────────   ───────────       a packet that arrives after a change finds the new row only
//!   16000  ◀── Port(16004)
//!   16004  ◀── Port(16000)
//!   16008  ◀── Hold
//! ```
//!
//! A row names an open port or something that the relay makes itself. A source that is not open
//! is entered as [`Source::Nothing`], and closing a port empties every row that named it: a port
//! number that a later call uses inherits no listener.

use super::prompt::{Announcement, PromptMessage, VideoPrompt, WaitingProfileId};
use crate::ids::{CameraId, PortId};

/// One more than the highest UDP port.
const PORT_NUMBERS: u64 = 1 << 16;

/// What a port's peer is given.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Source {
    /// What arrives at another port; encoded silence until its first packet.
    Port(PortId),
    /// The hold music, or the plain hold picture.
    Hold(WaitingProfileId),
    /// The picture of a video prompt; the hold music to hear.
    Prompt(VideoPrompt),
    /// An announcement once, then the hold music; nothing to see.
    Greeting(WaitingProfileId, Announcement),
    /// An announcement once, then silence; nothing to see.
    Farewell(WaitingProfileId, Announcement),
    /// What a camera sees; a picture that says so while it is not there.
    Camera(CameraId),
    /// The tone of a phone that rings far away.
    RingBack,
    /// A short tone that tells an operator how a command went; then silence.
    Tone(Tone),
    /// Encoded silence.
    Silence,
    /// No party. On the wire as [`Source::Silence`], since phones hang up on a dead stream.
    #[default]
    Nothing,
}

impl Source {
    /// What is left of it for a peer that has had its beginning: what is said once is not said again.
    #[must_use]
    pub fn begun(self) -> Self {
        match self {
            Self::Greeting(waiting_profile, _) => Self::Hold(waiting_profile),
            Self::Farewell(..) | Self::Tone(_) => Self::Silence,
            Self::Port(_)
            | Self::Hold(_)
            | Self::Prompt(_)
            | Self::Camera(_)
            | Self::RingBack
            | Self::Silence
            | Self::Nothing => self,
        }
    }

    /// Whether packets of somebody else may go out for it.
    #[must_use]
    pub fn passes(self) -> bool {
        match self {
            Self::Port(_) | Self::Camera(_) => true,
            Self::Hold(_)
            | Self::Prompt(_)
            | Self::Greeting(..)
            | Self::Farewell(..)
            | Self::RingBack
            | Self::Tone(_)
            | Self::Silence
            | Self::Nothing => false,
        }
    }

    /// What is drawn for it, if anything is.
    #[must_use]
    pub fn prompt(self) -> Option<VideoPrompt> {
        match self {
            Self::Hold(waiting_profile) => {
                Some(VideoPrompt { waiting_profile, message: PromptMessage::Hold })
            }
            Self::Prompt(prompt) => Some(prompt),
            // Seen until the camera is.
            Self::Camera(_) => Some(VideoPrompt {
                waiting_profile: WaitingProfileId::DEFAULT,
                message: PromptMessage::CameraLost,
            }),
            Self::Port(_)
            | Self::Greeting(..)
            | Self::Farewell(..)
            | Self::RingBack
            | Self::Tone(_)
            | Self::Silence
            | Self::Nothing => None,
        }
    }
}

/// What a short tone says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tone {
    /// It is done.
    Done,
    /// It was refused.
    Refused,
    /// It will end soon.
    Warning,
}

/// A row that has changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PatchChange {
    /// Whose row.
    pub receiver: PortId,
    /// What it got.
    pub from: Source,
    /// What it gets.
    pub to: Source,
}

/// The table, with its inverse for the path of a packet.
#[derive(Debug, Default)]
pub struct Patchbay {
    /// By half the port's number.
    rows: Vec<Option<PatchRow>>,
}

#[derive(Debug, Default)]
struct PatchRow {
    source: Source,
    receivers: Vec<PortId>,
    /// Of a second stream on the port's transport.
    beside: Option<Box<PatchRow>>,
}

/// Whether it is the number of a stream that another port carries.
fn is_beside(port: PortId) -> bool {
    !port.0.is_multiple_of(2)
}

impl Patchbay {
    /// Enters a port, which gets [`Source::Nothing`].
    ///
    /// # Panics
    /// When the port is above 65535 or open already, or odd while the one below it is closed: the leg hands out ports,
    /// and it is wrong.
    pub fn open(&mut self, port: PortId) {
        assert!(port.0 < PORT_NUMBERS, "{port} is no RTP port");
        let at = index(port);
        if self.rows.len() <= at {
            self.rows.resize_with(at + 1, || None);
        }
        assert!(self.row(port).is_none(), "{port} is open already");
        if is_beside(port) {
            let below = self.rows[at].as_mut().expect("a stream is carried by the port below");
            below.beside = Some(Box::default());
        } else {
            self.rows[at] = Some(PatchRow::default());
        }
    }

    /// Takes a port out of the table; who got it gets [`Source::Nothing`] and is named.
    pub fn close(&mut self, port: PortId) -> Vec<PatchChange> {
        let entry = self.rows.get_mut(index(port));
        let taken = if is_beside(port) {
            entry.and_then(Option::as_mut).and_then(|row| row.beside.take()).map(|row| *row)
        } else {
            entry.and_then(Option::take)
        };
        let Some(row) = taken else { return Vec::new() };
        debug_assert!(row.beside.is_none(), "what is beside {port} goes first");
        self.forget(port, row.source);
        let listeners = row.receivers.into_iter().filter(|receiver| *receiver != port);
        let orphans: Vec<_> = listeners.map(|receiver| (receiver, Source::Nothing)).collect();
        self.patch(&orphans)
    }

    /// Makes all these changes between two packets; names the rows that are different now.
    ///
    /// Receivers that are not open are passed over. Of several entries for one receiver, the last counts.
    pub fn patch(&mut self, changes: &[(PortId, Source)]) -> Vec<PatchChange> {
        let mut done: Vec<PatchChange> = Vec::with_capacity(changes.len());
        for &(receiver, wanted) in changes {
            let to = match wanted {
                Source::Port(port) if self.row(port).is_none() => Source::Nothing,
                Source::Port(_)
                | Source::Hold(_)
                | Source::Prompt(_)
                | Source::Greeting(..)
                | Source::Farewell(..)
                | Source::Camera(_)
                | Source::RingBack
                | Source::Tone(_)
                | Source::Silence
                | Source::Nothing => wanted,
            };
            let Some(row) = self.row_mut(receiver) else { continue };
            let from = std::mem::replace(&mut row.source, to);
            self.forget(receiver, from);
            if let Source::Port(port) = to
                && let Some(row) = self.row_mut(port)
            {
                row.receivers.push(receiver);
            }
            match done.iter_mut().find(|change| change.receiver == receiver) {
                Some(change) => change.to = to,
                None => done.push(PatchChange { receiver, from, to }),
            }
        }
        done.retain(|change| change.from != change.to);
        done
    }

    /// What this port's peer is given; [`Source::Nothing`] for a port that is not open.
    #[must_use]
    pub fn source(&self, receiver: PortId) -> Source {
        self.row(receiver).map_or(Source::Nothing, |row| row.source)
    }

    /// Who is given what arrives at this port.
    #[must_use]
    pub fn receivers(&self, source: PortId) -> &[PortId] {
        self.row(source).map_or(&[], |row| &row.receivers)
    }

    /// Takes `receiver` off the list of the source that it had.
    fn forget(&mut self, receiver: PortId, source: Source) {
        if let Source::Port(port) = source
            && let Some(row) = self.row_mut(port)
        {
            row.receivers.retain(|other| *other != receiver);
        }
    }

    fn row(&self, port: PortId) -> Option<&PatchRow> {
        let row = self.rows.get(index(port))?.as_ref()?;
        if is_beside(port) { row.beside.as_deref() } else { Some(row) }
    }

    fn row_mut(&mut self, port: PortId) -> Option<&mut PatchRow> {
        let row = self.rows.get_mut(index(port))?.as_mut()?;
        if is_beside(port) { row.beside.as_deref_mut() } else { Some(row) }
    }
}

/// Where a port's row stands.
fn index(port: PortId) -> usize {
    usize::try_from(port.0 / 2).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const C: PortId = PortId(16_000);
    const O: PortId = PortId(16_004);
    const U: PortId = PortId(16_008);

    fn three_parties() -> Patchbay {
        let mut patchbay = Patchbay::default();
        for port in [C, O, U] {
            patchbay.open(port);
        }
        patchbay
    }

    #[test]
    fn a_switch_is_one_change_of_the_table() {
        let mut patchbay = three_parties();
        patchbay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
        let changes = patchbay.patch(&[
            (C, Source::Hold(WaitingProfileId::DEFAULT)),
            (O, Source::Port(U)),
            (U, Source::Port(O)),
        ]);
        assert_eq!(changes.len(), 3);
        assert_eq!(patchbay.receivers(C), []);
        assert_eq!(patchbay.receivers(O), [U]);
        assert_eq!(patchbay.receivers(U), [O]);
    }

    #[test]
    fn what_stays_as_it_was_is_no_change() {
        let mut patchbay = three_parties();
        patchbay.patch(&[(C, Source::Port(O))]);
        assert_eq!(patchbay.patch(&[(C, Source::Port(O))]), []);
        assert_eq!(
            patchbay.patch(&[(C, Source::Hold(WaitingProfileId::DEFAULT)), (C, Source::Port(O))]),
            []
        );
        assert_eq!(patchbay.receivers(O), [C]);
    }

    #[test]
    fn a_closed_port_is_nobodys_source() {
        let mut patchbay = three_parties();
        patchbay.patch(&[(C, Source::Port(O)), (O, Source::Port(O)), (U, Source::Port(O))]);
        let changes = patchbay.close(O);
        assert_eq!(changes.iter().map(|change| change.receiver).collect::<Vec<_>>(), [C, U]);
        patchbay.open(O);
        assert_eq!(patchbay.receivers(O), []);
        assert_eq!(patchbay.source(C), Source::Nothing);
    }

    #[test]
    fn a_port_that_is_not_open_is_no_source_for_whoever_opens_it_later() {
        let mut patchbay = three_parties();
        let later = PortId(16_012);
        patchbay.patch(&[(C, Source::Port(later)), (later, Source::Port(C))]);
        patchbay.open(later);
        assert_eq!(patchbay.receivers(later), []);
        assert_eq!(patchbay.receivers(C), []);
    }

    #[test]
    #[should_panic(expected = "open already")]
    fn a_port_is_opened_once() {
        three_parties().open(C);
    }

    proptest! {
        #[test]
        fn the_table_and_its_inverse_agree(
            steps in prop::collection::vec((0..8_u64, 0..8_u64, 0..4_u8), 1..200)
        ) {
            let mut patchbay = Patchbay::default();
            let mut open = [false; 8];
            for (one, other, what) in steps {
                let (port, source) = (PortId(one * 2), PortId(other * 2));
                match what {
                    0 if open[one as usize] => { patchbay.close(port); open[one as usize] = false; }
                    0 => { patchbay.open(port); open[one as usize] = true; }
                    1 => { patchbay.patch(&[(port, Source::Hold(WaitingProfileId::DEFAULT))]); }
                    2.. => { patchbay.patch(&[(port, Source::Port(source))]); }
                }
                for from in (0..8).map(|n| PortId(n * 2)) {
                    for to in (0..8).map(|n| PortId(n * 2)) {
                        let listed = patchbay.receivers(from).iter().filter(|r| **r == to).count();
                        prop_assert_eq!(listed, usize::from(patchbay.source(to) == Source::Port(from)));
                    }
                }
            }
        }
    }
}
