//! Keys as packets (RFC 4733): heard once each, withheld when asked, made where none came.
//!
//! ```text
//!   Generator: Idle ── digit ──▶ Down ── 100 ms, 3 end packets ──▶ Up ── 60 ms ──▶ Idle
//! ```

use crate::rtp::TelephoneEvent;
use crate::time::{Duration, Instant, Now, UnixTime};
use std::collections::VecDeque;

/// Within this time the same key as packets and by INFO is one press.
pub const KEY_ECHO: Duration = Duration::from_secs(1);
/// Digits that wait to be sent, and presses that wait for their packets; further ones are dropped.
pub const DIGITS_MAX: usize = 32;
/// How long a key that we press is down.
const DOWN: Duration = Duration::from_millis(100);
/// The pause after it.
const PAUSE: Duration = Duration::from_millis(60);
/// The power that we claim, in -dBm0.
const VOLUME: u8 = 10;
/// An event of which nothing has come for this long is over, though its end was lost.
const LOST_AFTER: Duration = Duration::from_millis(500);

/// The most that a duration says; what is longer goes on under a timestamp that is later by as much.
const SEGMENT: u32 = u16::MAX as u32;

/// The keys that one source presses.
#[derive(Debug, Default)]
pub struct DtmfDetector {
    last: Option<KeyPress>,
    withhold_all: bool,
    /// Keys that counted already when their packets had not come yet, the oldest first.
    counted: VecDeque<(Instant, u8)>,
}

/// A key that the peer has pressed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyPress<At = Instant> {
    /// Of its packets.
    pub ssrc: u32,
    /// Which names the key.
    pub timestamp: u32,
    /// When the last packet of it came.
    pub heard: At,
    /// It is up again.
    pub ended: bool,
    /// It is not passed on.
    pub withheld: bool,
}

/// The keys of a peer, to be heard on in another process. One that was reported otherwise a moment ago counts
/// anew there.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SavedKeys {
    /// The last one.
    pub last: Option<KeyPress<UnixTime>>,
    /// Keys are heard and not passed on.
    pub intercepted: bool,
}

impl<At> KeyPress<At> {
    fn by<To>(self, clock: impl Fn(At) -> To) -> KeyPress<To> {
        let Self { ssrc, timestamp, heard, ended, withheld } = self;
        KeyPress { ssrc, timestamp, heard: clock(heard), ended, withheld }
    }
}

/// What one event packet says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DetectedEvent {
    /// The key, at its first packet only.
    pub digit: Option<char>,
    /// Whether the packet may be passed on.
    pub passes: bool,
}

impl DtmfDetector {
    /// As a value.
    #[must_use]
    pub fn saved(&self, now: Now) -> SavedKeys {
        let last = self.last.map(|key| key.by(|at| now.unix_of(at)));
        SavedKeys { last, intercepted: self.withhold_all }
    }

    /// Those that were saved.
    #[must_use]
    pub fn restored(now: Now, saved: SavedKeys) -> Self {
        let last = saved.last.map(|key| key.by(|at| now.instant_of(at)));
        Self { last, withhold_all: saved.intercepted, counted: VecDeque::new() }
    }

    /// From the next key on, keys are heard but not passed on, or passed on again.
    pub fn intercept(&mut self, on: bool) {
        self.withhold_all = on;
        if on {
            self.withhold_open();
        }
    }

    /// A key that is down now is not passed on any more: its beginning went to somebody else.
    pub fn withhold_open(&mut self) {
        if let Some(key) = &mut self.last {
            key.withheld |= !key.ended;
        }
    }

    /// This key was reported otherwise and counts: its packets, if any come, are not passed on.
    pub fn pressed(&mut self, now: Instant, event: u8) {
        if self.counted.len() == DIGITS_MAX {
            self.counted.pop_front();
        }
        self.counted.push_back((now, event));
    }

    /// Whether a key that begins now counts already.
    fn counts(&mut self, now: Instant, event: u8) -> bool {
        self.counted.retain(|(at, _)| now.since(*at) < KEY_ECHO);
        let known = self.counted.iter().position(|(_, known)| *known == event);
        known.and_then(|at| self.counted.remove(at)).is_some()
    }

    /// Takes in one event packet.
    pub fn hear(
        &mut self,
        now: Instant,
        ssrc: u32,
        timestamp: u32,
        event: TelephoneEvent,
    ) -> DetectedEvent {
        // §2.5.1.2: the timestamp names the event; all of its packets carry the same one.
        if let Some(key) = &mut self.last
            && (key.ssrc, key.timestamp) == (ssrc, timestamp)
        {
            key.heard = now;
            key.ended |= event.end;
            return DetectedEvent { digit: None, passes: !key.withheld };
        }
        // §2.5.1.3: an event longer than its duration field goes on under a later timestamp,
        // without an end in between; it is the same key.
        let before = self.last.filter(|key| {
            let follows = timestamp.wrapping_sub(key.timestamp) == SEGMENT;
            key.ssrc == ssrc && !key.ended && follows && now.since(key.heard) < LOST_AFTER
        });
        let withheld = match before {
            Some(key) => key.withheld,
            None => self.counts(now, event.event) || self.withhold_all,
        };
        self.last = Some(KeyPress { ssrc, timestamp, heard: now, ended: event.end, withheld });
        DetectedEvent { digit: event.digit().filter(|_| before.is_none()), passes: !withheld }
    }
}

/// The keys that we press at one receiver.
#[derive(Debug, Default)]
pub struct DtmfGenerator {
    waiting: VecDeque<u8>,
    state: DtmfGeneratorState,
}

#[derive(Clone, Copy, Debug, Default)]
enum DtmfGeneratorState {
    #[default]
    Idle,
    Down {
        event: u8,
        since: Instant,
        timestamp: u32,
    },
    Up {
        until: Instant,
    },
}

/// What the generator sends next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DtmfOutput {
    /// The first packet of a key: it needs a timestamp ([`DtmfGenerator::begin`]).
    Begin(TelephoneEvent),
    /// A further packet of the key.
    Hold(TelephoneEvent, u32),
    /// The end of the key, to be sent three times; then the source goes on.
    End(TelephoneEvent, u32),
    /// Nothing now.
    Wait,
    /// Nothing any more.
    Done,
}

impl DtmfGenerator {
    /// Queues a key; false when too many wait.
    pub fn push(&mut self, event: u8) -> bool {
        let room = self.waiting.len() < DIGITS_MAX;
        if room {
            self.waiting.push_back(event);
        }
        room
    }

    /// Whether a key is down, so that nothing else may be sent.
    #[must_use]
    pub fn is_down(&self) -> bool {
        match self.state {
            DtmfGeneratorState::Down { .. } => true,
            DtmfGeneratorState::Idle | DtmfGeneratorState::Up { .. } => false,
        }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.state, DtmfGeneratorState::Idle) && self.waiting.is_empty()
    }

    /// Forgets everything, as when the receiver goes.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Says what to send now; called every 20 ms.
    pub fn next(&mut self, now: Instant, clock_rate: u32) -> DtmfOutput {
        match self.state {
            DtmfGeneratorState::Up { until } if now < until => DtmfOutput::Wait,
            DtmfGeneratorState::Idle | DtmfGeneratorState::Up { .. } => {
                let Some(event) = self.waiting.pop_front() else {
                    self.state = DtmfGeneratorState::Idle;
                    return DtmfOutput::Done;
                };
                self.state = DtmfGeneratorState::Down { event, since: now, timestamp: 0 };
                DtmfOutput::Begin(telephone_event(event, false, 0))
            }
            DtmfGeneratorState::Down { event, since, timestamp } => {
                let down = now.since(since);
                let duration = down.as_millis() * u128::from(clock_rate) / 1000;
                let duration = u16::try_from(duration).unwrap_or(u16::MAX);
                if down < DOWN {
                    DtmfOutput::Hold(telephone_event(event, false, duration), timestamp)
                } else {
                    self.state = DtmfGeneratorState::Up { until: now + PAUSE };
                    DtmfOutput::End(telephone_event(event, true, duration), timestamp)
                }
            }
        }
    }

    /// The timestamp that the first packet of the key got.
    pub fn begin(&mut self, at: u32) {
        if let DtmfGeneratorState::Down { timestamp, .. } = &mut self.state {
            *timestamp = at;
        }
    }
}

fn telephone_event(event: u8, end: bool, duration: u16) -> TelephoneEvent {
    TelephoneEvent { event, end, volume: VOLUME, duration }
}

/// The key that was passed on to a receiver last: what further packets of it have to repeat.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CarriedKey {
    /// Whose it is.
    pub ssrc: u32,
    /// Its timestamp as the source says it, which names the key.
    pub said: u32,
    /// Which.
    pub event: u8,
    /// Its timestamp in the outgoing stream.
    pub timestamp: u32,
}

impl CarriedKey {
    /// The outgoing timestamp of a packet, where it is of the same key.
    #[must_use]
    pub fn timestamp(self, ssrc: u32, said: u32, event: u8) -> Option<u32> {
        let later = said.wrapping_sub(self.said);
        // RFC 4733 §2.5.1.3: a long key goes on where its duration has run out.
        let same = ssrc == self.ssrc && event == self.event && [0, SEGMENT].contains(&later);
        same.then(|| self.timestamp.wrapping_add(later))
    }
}

/// A key that is down at a receiver, as it was passed on: what its end has to repeat.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OpenKey {
    /// The last packet.
    pub event: TelephoneEvent,
    /// Its timestamp in the outgoing stream.
    pub timestamp: u32,
    /// The receiver's number for events.
    pub payload_type: u8,
}

impl OpenKey {
    /// The payload of each of the packets that end it.
    #[must_use]
    pub fn end(self) -> TelephoneEvent {
        TelephoneEvent { end: true, ..self.event }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    fn five(duration: u16) -> TelephoneEvent {
        TelephoneEvent { event: 5, end: false, volume: 10, duration }
    }

    fn end(event: TelephoneEvent) -> TelephoneEvent {
        TelephoneEvent { end: true, ..event }
    }

    #[test]
    fn a_key_is_heard_once_however_many_packets_it_has() {
        let mut listener = DtmfDetector::default();
        let heard: Vec<_> = [five(0), five(160), end(five(320)), end(five(320)), end(five(320))]
            .into_iter()
            .filter_map(|event| listener.hear(ms(0), 7, 1000, event).digit)
            .collect();
        assert_eq!(heard, ['5']);
        assert_eq!(listener.hear(ms(200), 7, 3000, five(0)).digit, Some('5'), "pressed again");
    }

    #[test]
    fn a_key_of_which_only_an_end_arrives_is_heard() {
        assert_eq!(DtmfDetector::default().hear(ms(0), 7, 1000, end(five(800))).digit, Some('5'));
    }

    #[test]
    fn a_key_held_for_long_is_one_key() {
        let mut listener = DtmfDetector::default();
        listener.hear(ms(0), 7, 1000, five(0));
        listener.hear(ms(8180), 7, 1000, five(0xffff));
        assert_eq!(listener.hear(ms(8200), 7, 1000 + 0xffff, five(160)).digit, None);
    }

    #[test]
    fn an_intercepted_key_is_heard_but_does_not_pass() {
        let mut listener = DtmfDetector::default();
        listener.intercept(true);
        let first = listener.hear(ms(0), 7, 1000, five(0));
        assert_eq!(first, DetectedEvent { digit: Some('5'), passes: false });
        listener.intercept(false);
        assert!(!listener.hear(ms(20), 7, 1000, five(160)).passes, "its beginning was withheld");
        assert!(listener.hear(ms(200), 7, 3000, five(0)).passes);
    }

    #[test]
    fn a_key_that_counts_already_is_heard_but_does_not_pass() {
        let mut listener = DtmfDetector::default();
        listener.pressed(ms(0), 5);
        let first = listener.hear(ms(50), 7, 1000, five(0));
        assert_eq!(first, DetectedEvent { digit: Some('5'), passes: false });
        assert!(!listener.hear(ms(150), 7, 1000, end(five(800))).passes, "all of its packets");
        assert!(listener.hear(ms(300), 7, 3000, five(0)).passes, "it was pressed again");
        listener.pressed(ms(400), 6);
        assert!(listener.hear(ms(500), 7, 5000, five(0)).passes, "another key");
        listener.pressed(ms(600), 5);
        let late = ms(600) + KEY_ECHO;
        assert!(listener.hear(late, 7, 9000, five(0)).passes, "too late to be the same press");
    }

    #[test]
    fn presses_without_packets_are_remembered_so_far() {
        let mut listener = DtmfDetector::default();
        (0..10 * DIGITS_MAX).for_each(|_| listener.pressed(ms(0), 5));
        assert_eq!(listener.counted.len(), DIGITS_MAX);
    }

    #[test]
    fn a_key_that_was_down_at_a_switch_does_not_pass_to_the_new_receiver() {
        let mut listener = DtmfDetector::default();
        listener.hear(ms(0), 7, 1000, five(0));
        listener.withhold_open();
        assert!(!listener.hear(ms(20), 7, 1000, five(160)).passes);
        assert!(!listener.hear(ms(40), 7, 1000, end(five(320))).passes);
        assert!(listener.hear(ms(90), 7, 2000, five(0)).passes);
    }

    #[test]
    fn a_key_that_was_up_at_a_switch_is_left_alone() {
        let mut listener = DtmfDetector::default();
        listener.hear(ms(0), 7, 1000, end(five(320)));
        listener.withhold_open();
        assert!(listener.hear(ms(20), 7, 1000, end(five(320))).passes);
    }

    #[test]
    fn a_dialled_key_lasts_100_ms_and_ends() {
        let mut dtmf_generator = DtmfGenerator::default();
        assert!(dtmf_generator.push(5));
        assert!(dtmf_generator.push(6));
        assert_eq!(dtmf_generator.next(ms(0), 8000), DtmfOutput::Begin(five(0)));
        dtmf_generator.begin(77);
        for n in 1..5 {
            assert_eq!(
                dtmf_generator.next(ms(n * 20), 8000),
                DtmfOutput::Hold(five(n as u16 * 160), 77)
            );
        }
        assert!(dtmf_generator.is_down());
        assert_eq!(dtmf_generator.next(ms(100), 8000), DtmfOutput::End(end(five(800)), 77));
        assert!(!dtmf_generator.is_down());
        assert_eq!(dtmf_generator.next(ms(120), 8000), DtmfOutput::Wait);
        assert!(matches!(dtmf_generator.next(ms(160), 8000), DtmfOutput::Begin(_)));
        dtmf_generator.clear();
        assert_eq!(dtmf_generator.next(ms(180), 8000), DtmfOutput::Done);
    }

    #[test]
    fn digits_beyond_the_limit_are_dropped() {
        let mut dtmf_generator = DtmfGenerator::default();
        assert!((0..DIGITS_MAX).all(|_| dtmf_generator.push(1)));
        assert!(!dtmf_generator.push(1));
    }
}
