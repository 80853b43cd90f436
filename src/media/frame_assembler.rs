//! Packets of pictures into whole ones, before whoever decodes them.
//!
//! ```text
//!   packets ──▶ jitter buffer ──▶ depacketiser ──▶ whole pictures
//! ```

use super::jitter_buffer::{JitterBuffer, JitterLimits, JitterOutput};
use crate::rtp::video::{AccessUnit, Depacketiser, PictureFormat};
use crate::time::{Duration, Instant};

/// Pictures come in bursts; a piece that was overtaken may be this far behind.
const PATIENCE: JitterLimits = JitterLimits { span: Duration::from_millis(60), packets: 64 };

/// Puts the pictures of one stream together.
#[derive(Debug)]
pub struct FrameAssembler {
    buffer: JitterBuffer,
    depacketiser: Depacketiser,
    /// Counts the payloads that the depacketiser gets; what is lost between two is counted with them.
    count: u16,
}

impl FrameAssembler {
    /// Nothing has come yet.
    #[must_use]
    pub fn new(format: PictureFormat) -> Self {
        let buffer = JitterBuffer::new(PATIENCE);
        Self { buffer, depacketiser: Depacketiser::new(format), count: 0 }
    }

    /// Takes in a packet, and gives out what is whole by it.
    pub fn take(
        &mut self,
        now: Instant,
        packet: JitterOutput<'_>,
        mut each: impl FnMut(AccessUnit<'_>),
    ) {
        let Self { buffer, depacketiser, count } = self;
        buffer.take(now, packet, |turn| depacketise((depacketiser, count), turn, &mut each));
    }

    /// Whether [`tick`](Self::tick) has something to give out, in a while.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.buffer.deadline().is_some()
    }

    /// Gives out what has waited long enough.
    pub fn tick(&mut self, now: Instant, mut each: impl FnMut(AccessUnit<'_>)) {
        let Self { buffer, depacketiser, count } = self;
        buffer.tick(now, |turn| depacketise((depacketiser, count), turn, &mut each));
    }
}

fn depacketise(
    (depacketiser, count): (&mut Depacketiser, &mut u16),
    turn: JitterOutput<'_>,
    mut each: impl FnMut(AccessUnit<'_>),
) {
    let JitterOutput { timestamp, marker, lost, payload, .. } = turn;
    *count = count.wrapping_add(lost).wrapping_add(1);
    depacketiser.take(*count, timestamp, marker, payload, &mut each);
}
