//! What can be said of one stream: does it arrive, can it be decoded, what does the far end report.

use crate::codec::{Codec, Kind};
use crate::time::{Duration, Instant, UnixTime};

/// Sound that has not come for this long is missed.
const AUDIO_GAP_MAX: Duration = Duration::from_secs(2);
/// Pictures that have not come for this long are missed.
const VIDEO_GAP_MAX: Duration = Duration::from_secs(3);
/// A sender report keeps silent sound alive for two intervals and some.
const REPORT_GAP_MAX: Duration = Duration::from_secs(12);

/// One stream from the peer, and how ours reaches it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PortHealth {
    /// Sound or pictures.
    pub kind: Kind,
    /// Sound: packets or comfort noise within 2 s, or reports of a silent sender. Pictures: a key
    /// frame since the last switch, and packets within 3 s.
    pub ok: bool,
    /// What the peer sends.
    pub codec: Option<Codec>,
    /// Packets that came.
    pub packets: u64,
    /// The time since the last one; `None` when none has come.
    pub silent: Option<Duration>,
    /// Pictures: a key frame has come since the last switch.
    pub key_frame: bool,
    /// Pictures in the last second.
    pub frames_per_second: u32,
    /// Of our packets, as the far end reports; `None` when it reports nothing, which is no fault.
    pub loss_percent: Option<u8>,
    /// Of our packets, as the far end reports.
    pub jitter_ms: Option<u32>,
    /// From us to the far end and back.
    pub round_trip_ms: Option<u32>,
    /// What it gets is decoded and coded anew for it.
    pub converted: bool,
}

/// What has come of one stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Vitals<At = Instant> {
    /// Packets that came.
    pub packets: u64,
    /// When the last one did.
    pub last: Option<At>,
    /// When the last report came.
    pub last_report: Option<At>,
    /// A key frame has come since the last switch.
    pub key_frame: bool,
    /// Pictures since they were counted last.
    pub frames: u32,
    /// The timestamp of the last one.
    pub frame_timestamp: Option<u32>,
    /// When they were counted last.
    pub counted_from: Option<At>,
    /// What its last sender report says.
    pub sender: Option<ClaimedPackets<At>>,
}

/// The same, to be put back in another process.
pub type SavedVitals = Vitals<UnixTime>;

/// What the peer's last sender report says of its sending.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ClaimedPackets<At = Instant> {
    /// When it came.
    pub at: At,
    /// Packets sent.
    pub claimed: u32,
    /// Packets that had come by then.
    pub received: u64,
    /// It agrees with what came.
    pub believed: bool,
}

impl<At> Default for Vitals<At> {
    fn default() -> Self {
        Self {
            packets: 0,
            last: None,
            last_report: None,
            key_frame: false,
            frames: 0,
            frame_timestamp: None,
            counted_from: None,
            sender: None,
        }
    }
}

impl<At: Copy> Vitals<At> {
    /// The same by another clock.
    pub fn by<To>(&self, clock: impl Fn(At) -> To) -> Vitals<To> {
        let Self { packets, key_frame, frames, frame_timestamp, .. } = *self;
        let sender = |sender: ClaimedPackets<At>| {
            let ClaimedPackets { at, claimed, received, believed } = sender;
            ClaimedPackets { at: clock(at), claimed, received, believed }
        };
        Vitals {
            packets,
            last: self.last.map(&clock),
            last_report: self.last_report.map(&clock),
            key_frame,
            frames,
            frame_timestamp,
            counted_from: self.counted_from.map(&clock),
            sender: self.sender.map(sender),
        }
    }
}

impl Vitals {
    /// A packet came.
    pub fn packet(&mut self, now: Instant) {
        self.packets += 1;
        self.last = Some(now);
    }

    /// A packet of pictures came.
    pub fn frame(&mut self, timestamp: u32, key_frame: bool) {
        self.key_frame |= key_frame;
        if self.frame_timestamp != Some(timestamp) {
            self.frame_timestamp = Some(timestamp);
            self.frames += 1;
        }
    }

    /// A report came, of whatever kind.
    pub fn report(&mut self, now: Instant) {
        self.last_report = Some(now);
    }

    /// The time since anything came of this stream; `None` when there was never a packet.
    #[must_use]
    pub fn lifeless(&self, now: Instant) -> Option<Duration> {
        self.last.max(self.last_report.filter(|_| self.last.is_some())).map(|last| now.since(last))
    }

    /// A sender report came, which claims so many packets sent.
    pub fn sender_report(&mut self, now: Instant, claimed: u32) {
        // A sender that counts on while nothing arrives is not silent: its packets are lost.
        let believed = self
            .sender
            .is_none_or(|before| claimed == before.claimed || self.packets > before.received);
        let received = self.packets;
        self.sender = Some(ClaimedPackets { at: now, claimed, received, believed });
    }

    /// A switch: the new receiver needs a key frame of its own.
    pub fn switched(&mut self) {
        self.key_frame = false;
    }

    /// The time since the last packet.
    #[must_use]
    pub fn silent(&self, now: Instant) -> Option<Duration> {
        self.last.map(|last| now.since(last))
    }

    /// Whether the stream lives.
    #[must_use]
    pub fn ok(&self, now: Instant, kind: Kind) -> bool {
        let within = |gap| self.silent(now).is_some_and(|silent| silent <= gap);
        match kind {
            Kind::Audio => {
                within(AUDIO_GAP_MAX)
                    || self.last.is_some()
                        && self.sender.is_some_and(|sender| {
                            sender.believed && now.since(sender.at) <= REPORT_GAP_MAX
                        })
            }
            Kind::Video => self.key_frame && within(VIDEO_GAP_MAX),
        }
    }

    /// Whether a key frame has come since the last switch.
    #[must_use]
    pub fn has_key_frame(&self) -> bool {
        self.key_frame
    }

    /// Pictures are counted from now on.
    pub fn count_from(&mut self, now: Instant) {
        self.counted_from = Some(now);
        self.frames = 0;
    }

    /// Pictures in a second, since it was last asked.
    pub fn frames_per_second(&mut self, now: Instant) -> u32 {
        let span = self.counted_from.replace(now).map_or(Duration::ZERO, |from| now.since(from));
        let frames = u128::from(std::mem::take(&mut self.frames));
        let rate = (frames * 1000 + span.as_millis() / 2).checked_div(span.as_millis());
        rate.and_then(|rate| u32::try_from(rate).ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> Instant {
        Instant::from_micros(secs * 1_000_000)
    }

    #[test]
    fn sound_is_missed_after_two_seconds() {
        let mut vitals = Vitals::default();
        assert!(!vitals.ok(secs(0), Kind::Audio));
        vitals.packet(secs(1));
        assert!(vitals.ok(secs(3), Kind::Audio));
        assert!(!vitals.ok(secs(4), Kind::Audio));
    }

    #[test]
    fn a_sender_that_is_silent_on_purpose_is_alive_by_its_reports() {
        let mut vitals = Vitals::default();
        vitals.packet(secs(1));
        vitals.sender_report(secs(5), 100);
        vitals.sender_report(secs(10), 100);
        assert!(vitals.ok(secs(15), Kind::Audio));
        assert!(!vitals.ok(secs(23), Kind::Audio));
    }

    #[test]
    fn reports_are_a_sign_of_life_of_a_stream_that_has_begun() {
        let mut vitals = Vitals::default();
        vitals.report(secs(1));
        assert_eq!(vitals.lifeless(secs(9)), None);
        vitals.packet(secs(10));
        assert_eq!(vitals.lifeless(secs(70)), Some(Duration::from_secs(60)));
        vitals.report(secs(40));
        assert_eq!(vitals.lifeless(secs(70)), Some(Duration::from_secs(30)));
        assert_eq!(vitals.silent(secs(70)), Some(Duration::from_secs(60)));
    }

    #[test]
    fn a_sender_whose_packets_do_not_arrive_is_not_alive_by_its_reports() {
        let mut vitals = Vitals::default();
        vitals.packet(secs(1));
        vitals.sender_report(secs(5), 100);
        vitals.sender_report(secs(10), 350);
        assert!(!vitals.ok(secs(11), Kind::Audio));
    }

    #[test]
    fn pictures_need_a_key_frame_since_the_switch() {
        let mut vitals = Vitals::default();
        vitals.packet(secs(1));
        vitals.frame(1000, true);
        assert!(vitals.ok(secs(4), Kind::Video));
        vitals.switched();
        assert!(!vitals.ok(secs(4), Kind::Video));
        vitals.frame(4000, true);
        assert!(vitals.ok(secs(4), Kind::Video));
        assert!(!vitals.ok(secs(5), Kind::Video));
    }

    #[test]
    fn pictures_are_counted_by_their_timestamps() {
        let mut vitals = Vitals::default();
        vitals.frame(77, false);
        vitals.count_from(secs(0));
        for frame in 0..50 {
            for _packet in 0..3 {
                vitals.frame(frame * 3600, false);
            }
        }
        assert_eq!(vitals.frames_per_second(secs(2)), 25);
        assert_eq!(vitals.frames_per_second(secs(2)), 0);
    }
}
