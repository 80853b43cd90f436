//! One report of a leg from those of its two streams.

use super::agreement::NegotiatedStream;
use super::api::{LegHealth, Quality};
use super::state::{Leg, LegPhase};
use crate::codec::Kind;

/// From this share of lost packets on, people notice.
const LOSS_POOR_PERCENT: u8 = 5;

impl Leg {
    /// How this leg does, by the last reports of its streams and without regard to its partner.
    pub(super) fn report(&self) -> LegHealth {
        let reports = [Kind::Audio, Kind::Video].map(|kind| self.stream_port(kind).health.as_ref());
        let [audio, video] = reports;
        LegHealth {
            dialog: matches!(self.phase, LegPhase::Up),
            audio: self.quality(Kind::Audio),
            video: self.quality(Kind::Video),
            hold: self.held.0,
            loss_percent: reports.iter().flatten().filter_map(|r| r.loss_percent).max(),
            jitter_ms: audio.and_then(|report| report.jitter_ms).unwrap_or(0),
            rtt_ms: reports.iter().flatten().find_map(|report| report.round_trip_ms),
            fps: video.map(|report| report.frames_per_second),
            spoken: self.spoken(),
            // Pictures too large for it are converted within one codec, which only the relay knows.
            transcoding: reports.iter().flatten().any(|report| report.converted),
        }
    }

    /// Whether the voice or the picture of its partner is converted for this leg.
    pub(super) fn is_converted(&self, partner: &Self) -> bool {
        [Kind::Audio, Kind::Video].into_iter().any(|kind| {
            let format =
                |leg: &'_ Self| leg.stream(kind).and_then(NegotiatedStream::format).cloned();
            match (format(partner), format(self)) {
                (Some(from), Some(to)) => !from.passes_to(&to),
                (Some(_) | None, _) => false,
            }
        })
    }

    fn quality(&self, kind: Kind) -> Quality {
        // A phone that has said that it sends nothing owes nothing.
        if !self.stream(kind).is_some_and(|stream| stream.peer.direction.sends()) {
            return Quality::Absent;
        }
        let Some(report) = &self.stream_port(kind).health else {
            return Quality::None;
        };
        match report.loss_percent {
            _ if !report.ok => Quality::None,
            Some(loss) if loss >= LOSS_POOR_PERCENT => Quality::Poor,
            Some(_) | None => Quality::Ok,
        }
    }
}
