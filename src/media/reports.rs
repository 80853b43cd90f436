//! RTCP of one port (RFC 3550 §6): ends here in both directions, nothing of it is passed through.
//!
//! Lip synchronisation survives the relay because audio and video of one leg are mapped to our wall
//! clock by one and the same offset ([`WallClocks`]), taken from the first sender report of either.

use crate::rtp::Reception;
use crate::rtp::rtcp::{self, ReportBlock, SenderReport};
use crate::time::{Duration, Instant, Now, UnixTime};
use std::collections::BTreeMap;

/// The longest time between two reports; they are up to a second earlier, 5 s in the mean.
pub const REPORT_INTERVAL_MAX: Duration = Duration::from_millis(5500);
/// When a source's clock has moved this far against ours, in 1/2^32 s, its offset is taken anew.
const DRIFT_MAX: u64 = (1 << 32) / 10;

/// What a sender report said, and when it came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SenderClock<At = Instant> {
    /// The report.
    pub report: SenderReport,
    /// When it came.
    pub at: At,
}

/// What the far end says of our stream.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct FarEnd {
    /// Of the packets of its last interval.
    pub loss_percent: u8,
    /// In ticks of the RTP clock.
    pub jitter: u32,
    /// As proven by its echo of a report of ours.
    pub round_trip: Option<Duration>,
}

/// The reports of one port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Reports<At = Instant> {
    /// When the next one is due.
    pub due: At,
    /// The peer's last sender report.
    pub sender: Option<SenderClock<At>>,
    /// What the peer hears of us.
    pub far_end: Option<FarEnd>,
    /// Of what the figures are.
    pub ssrc: u32,
    /// Packets that we have sent.
    pub packets: u32,
    /// Bytes of their payload.
    pub octets: u32,
    /// Packets by the last report of ours.
    pub reported: u32,
    /// From which number on another process has gone on, until the far end has reported on that: what its numbers lack
    /// before it counts as lost there, and says nothing of the way.
    pub resumed_from: Option<u16>,
}

/// The same, to be put back in another process.
pub type SavedReports = Reports<UnixTime>;

impl<At: Copy> Reports<At> {
    /// The same by another clock.
    pub fn by<To>(&self, clock: impl Fn(At) -> To) -> Reports<To> {
        let Self { far_end, ssrc, packets, octets, reported, resumed_from, .. } = *self;
        let sender =
            |sender: SenderClock<At>| SenderClock { report: sender.report, at: clock(sender.at) };
        let (due, sender) = (clock(self.due), self.sender.map(sender));
        Reports { due, sender, far_end, ssrc, packets, octets, reported, resumed_from }
    }
}

impl Reports {
    /// Nothing has been sent or received; the first report goes at `due`.
    #[must_use]
    pub fn new(due: Instant) -> Self {
        Self {
            due,
            sender: None,
            far_end: None,
            ssrc: 0,
            packets: 0,
            octets: 0,
            reported: 0,
            resumed_from: None,
        }
    }

    /// Counts a packet of ours, for the sender report. A new SSRC has figures of its own (RFC 3550 §6.4.1).
    pub fn sent(&mut self, ssrc: u32, payload_len: usize) {
        if ssrc != self.ssrc {
            (self.ssrc, self.packets, self.octets, self.reported) = (ssrc, 0, 0, 0);
            (self.far_end, self.resumed_from) = (None, None);
        }
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload_len as u32);
    }

    /// Whether we have sent since the last report, and so owe a sender report.
    #[must_use]
    pub fn is_sender(&self) -> bool {
        self.packets != self.reported
    }

    /// Our own figures, at the moment when our clocks show `ntp` and `timestamp`.
    pub fn sender_report(&mut self, ssrc: u32, ntp: u64, timestamp: u32) -> SenderReport {
        self.reported = self.packets;
        SenderReport { ssrc, ntp, timestamp, packets: self.packets, octets: self.octets }
    }

    /// What we hear of the peer's stream.
    pub fn block(&self, now: Instant, ssrc: u32, reception: &mut Reception) -> Option<ReportBlock> {
        let loss = reception.report()?;
        let sender = self.sender.filter(|sender| sender.report.ssrc == ssrc);
        Some(ReportBlock {
            ssrc,
            fraction_lost: loss.fraction,
            cumulative_lost: loss.cumulative,
            highest_sequence: loss.highest,
            jitter: loss.jitter,
            last_report: sender.map_or(0, |sender| rtcp::middle(sender.report.ntp)),
            delay: sender.map_or(0, |sender| rtcp::delay(now.since(sender.at))),
        })
    }

    /// Takes in the peer's sender report.
    pub fn hear_sender(&mut self, now: Instant, report: SenderReport) {
        self.sender = Some(SenderClock { report, at: now });
    }

    /// Takes in what the peer says of a stream; others than ours are of no interest.
    pub fn hear_block(&mut self, now: UnixTime, own_ssrc: u32, block: &ReportBlock) {
        if block.ssrc == own_ssrc {
            if let Some(first) = self.resumed_from {
                let heard = block.highest_sequence as u16;
                if heard.wrapping_sub(first) <= u16::MAX / 2 {
                    self.resumed_from = None;
                }
                return;
            }
            let before = self.far_end.and_then(|far_end| far_end.round_trip);
            self.far_end = Some(FarEnd {
                loss_percent: (u32::from(block.fraction_lost) * 100 / 256) as u8,
                jitter: block.jitter,
                round_trip: rtcp::round_trip(now, block).or(before),
            });
        }
    }
}

/// For each leg, by CNAME: how far its wall clock is ahead of ours, in 1/2^32 s modulo 2^64.
#[derive(Debug, Default)]
pub struct WallClocks(BTreeMap<String, WallClock>);

#[derive(Debug, Default)]
struct WallClock {
    ports: u32,
    ahead: Option<u64>,
}

impl WallClocks {
    /// One more port of this leg.
    pub fn open(&mut self, cname: &str) {
        self.0.entry(cname.to_owned()).or_default().ports += 1;
    }

    /// One port less.
    pub fn close(&mut self, cname: &str) {
        if let Some(clock) = self.0.get_mut(cname) {
            clock.ports -= 1;
            if clock.ports == 0 {
                self.0.remove(cname);
            }
        }
    }

    /// How far the wall clock of this leg is ahead of ours, as far as is known.
    #[must_use]
    pub fn ahead(&self, cname: &str) -> Option<u64> {
        self.0.get(cname)?.ahead
    }

    /// As it was known before.
    pub fn restore(&mut self, cname: &str, ahead: Option<u64>) {
        if let Some(clock) = self.0.get_mut(cname) {
            clock.ahead = clock.ahead.or(ahead);
        }
    }

    /// A sender report of one of the leg's ports has come.
    pub fn hear(&mut self, cname: &str, now: Now, ntp: u64) {
        let measured = ntp.wrapping_sub(rtcp::ntp(now.unix));
        if let Some(clock) = self.0.get_mut(cname) {
            let drift = clock.ahead.map_or(u64::MAX, |ahead| {
                measured.wrapping_sub(ahead).cast_signed().unsigned_abs()
            });
            if drift > DRIFT_MAX {
                clock.ahead = Some(measured);
            }
        }
    }

    /// The timestamp that the source's RTP clock shows now.
    #[must_use]
    pub fn source_timestamp(
        &self,
        cname: &str,
        now: Now,
        sender: &SenderClock,
        clock_rate: u32,
    ) -> Option<u32> {
        let ahead = self.0.get(cname)?.ahead?;
        let theirs = rtcp::ntp(now.unix).wrapping_add(ahead);
        let since = i128::from(theirs.wrapping_sub(sender.report.ntp).cast_signed());
        let ticks = (since * i128::from(clock_rate)) >> 32;
        Some(sender.report.timestamp.wrapping_add(ticks as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(ms: u64) -> Now {
        Now {
            instant: Instant::from_micros(ms * 1000),
            unix: UnixTime::from_micros(1_800_000_000_000_000 + ms * 1000),
        }
    }

    fn sender(ntp: u64, timestamp: u32, at: Instant) -> SenderClock {
        SenderClock { report: SenderReport { ntp, timestamp, ..SenderReport::default() }, at }
    }

    #[test]
    fn audio_and_video_of_a_leg_meet_on_one_wall_clock() {
        let mut clocks = WallClocks::default();
        clocks.open("leg");
        clocks.open("leg");
        // The source's clock is years off; its video report took 40 ms longer to us.
        let theirs = 7_u64 << 32;
        let audio = sender(theirs, 8000, now(0).instant);
        let video = sender(theirs + (1 << 32), 90_000, now(1040).instant);
        clocks.hear("leg", now(0), audio.report.ntp);
        clocks.hear("leg", now(1040), video.report.ntp);
        // One second after the audio report both clocks show what the source showed then.
        let at = |sender, rate| clocks.source_timestamp("leg", now(1000), sender, rate).unwrap();
        assert_eq!(at(&audio, 8000), 16_000);
        assert_eq!(at(&video, 90_000), 90_000);
    }

    #[test]
    fn what_another_process_has_left_out_is_no_loss() {
        let mut reports =
            Reports { ssrc: 7, resumed_from: Some(3), ..Reports::new(Instant::START) };
        let mut heard = |highest_sequence: u32, fraction_lost: u8| {
            let block =
                ReportBlock { ssrc: 7, fraction_lost, highest_sequence, ..ReportBlock::default() };
            reports.hear_block(now(0).unix, 7, &block);
            reports.far_end.map(|far_end| far_end.loss_percent)
        };
        assert_eq!(heard(0x1_fff0, 0), None, "it has not heard of it yet");
        assert_eq!(heard(0x2_0030, 230), None, "the gap is in it");
        assert_eq!(heard(0x2_0130, 64), Some(25), "from here on it counts");
    }

    #[test]
    fn a_clock_that_was_set_is_taken_anew() {
        let mut clocks = WallClocks::default();
        clocks.open("leg");
        clocks.hear("leg", now(0), 7 << 32);
        let after = sender(900 << 32, 5, now(10).instant);
        clocks.hear("leg", now(10), after.report.ntp);
        assert_eq!(clocks.source_timestamp("leg", now(10), &after, 8000), Some(5));
    }

    #[test]
    fn the_clock_of_a_leg_that_has_gone_is_forgotten() {
        let mut clocks = WallClocks::default();
        clocks.open("leg");
        clocks.hear("leg", now(0), 7 << 32);
        clocks.close("leg");
        clocks.close("leg");
        clocks.hear("leg", now(0), 7 << 32);
        let report = sender(7 << 32, 5, now(0).instant);
        assert_eq!(clocks.source_timestamp("leg", now(0), &report, 8000), None);
    }

    #[test]
    fn the_far_end_speaks_of_our_stream_only() {
        let mut reports = Reports::new(Instant::START);
        let block = ReportBlock { ssrc: 8, fraction_lost: 64, ..ReportBlock::default() };
        reports.hear_block(now(0).unix, 7, &block);
        assert_eq!(reports.far_end, None);
        reports.hear_block(now(0).unix, 8, &block);
        assert_eq!(reports.far_end.unwrap().loss_percent, 25);
    }

    #[test]
    fn who_has_sent_nothing_since_is_no_sender() {
        let mut reports = Reports::new(Instant::START);
        assert!(!reports.is_sender());
        reports.sent(1, 160);
        assert!(reports.is_sender());
        assert_eq!(reports.sender_report(1, 2, 3).octets, 160);
        assert!(!reports.is_sender());
    }
}
