//! Two hundred switches with three kinds of cameras over a network of 20 ms: when the new picture and the new
//! voice are there, and what receivers count as lost in all phases of calls. The clock is that of the relay,
//! so that the figures are the same on every machine.

use super::relay::*;
use super::{VP8_DELTA, VP8_KEY};
use cordboard::codec::{Codec, Kind};
use cordboard::ids::PortId;
use cordboard::media::{Channel, Command, PromptMessage, Source, VideoPrompt, WaitingProfileId};
use cordboard::rtp::Reception;
use cordboard::sdp::Direction;
use std::collections::{BTreeMap, VecDeque};

const SWITCHES: usize = 200;
const STEP_MS: u64 = 10;
/// One way.
const NETWORK_MS: u64 = 20;

fn picture_port(party: PortId) -> PortId {
    PortId(party.0 + 2)
}

/// How a phone's camera goes about key frames.
#[derive(Clone, Copy, Debug)]
enum Camera {
    /// Thirty pictures a second; the next one is a key frame when it is asked for.
    Prompt,
    /// Fifteen a second, and one key frame a second at the most; what it is asked before is forgotten.
    Sluggish,
    /// One picture a second.
    Still,
}

impl Camera {
    fn interval(self) -> u64 {
        match self {
            Self::Prompt => 30,
            Self::Sluggish => 70,
            Self::Still => 1000,
        }
    }
}

struct Party {
    port: PortId,
    camera: Camera,
    picture_due: u64,
    key_made: Option<u64>,
    key_due: bool,
    voice_due: u64,
}

impl Party {
    fn asked(&mut self, now: u64) {
        let may = match self.camera {
            Camera::Prompt | Camera::Still => true,
            Camera::Sluggish => self.key_made.is_none_or(|made| now >= made + 1000),
        };
        self.key_due |= may;
    }

    /// The picture that it takes now, if it does.
    fn takes(&mut self, now: u64) -> Option<&'static [u8]> {
        if now < self.picture_due {
            return None;
        }
        self.picture_due = now + self.camera.interval();
        if !std::mem::take(&mut self.key_due) {
            return Some(&VP8_DELTA);
        }
        self.key_made = Some(now);
        Some(&VP8_KEY)
    }
}

/// Of one receiver: since when it waits for what.
type Awaited = BTreeMap<PortId, u64>;

struct Trial {
    relay: Relay,
    parties: [Party; 3],
    now: u64,
    /// Packets on their way to the relay.
    coming: VecDeque<(u64, PortId, Vec<u8>)>,
    /// Requests on their way to the cameras.
    asked: VecDeque<(u64, PortId)>,
    receptions: BTreeMap<PortId, Reception>,
    rows: BTreeMap<PortId, Source>,
    awaited: Awaited,
    pictures: Vec<u64>,
    voices: Vec<u64>,
}

impl Trial {
    fn new(cameras: [Camera; 3]) -> Self {
        let mut relay = Relay::new();
        for party in [C, O, U] {
            relay.open(party, Kind::Audio, vec![format(Codec::Pcmu, 0, 0, "")]);
            let port = picture_port(party);
            relay.open(port, Kind::Video, vec![format(Codec::Vp8, 99, 99, "")]);
            relay.phone(port).payload_type = 99;
        }
        let mut n = 0;
        let parties = [C, O, U].map(|port| {
            n += 1;
            let camera = cameras[n - 1];
            Party { port, camera, picture_due: 0, key_made: None, key_due: true, voice_due: 0 }
        });
        Self {
            relay,
            parties,
            now: 0,
            coming: VecDeque::new(),
            asked: VecDeque::new(),
            receptions: BTreeMap::new(),
            rows: BTreeMap::new(),
            awaited: Awaited::new(),
            pictures: Vec::new(),
            voices: Vec::new(),
        }
    }

    /// One change of the table: for each party, who it gets, or what.
    fn switch(&mut self, sources: [(Source, Source); 3]) {
        let mut rows = Vec::new();
        for (party, (sound, picture)) in [C, O, U].into_iter().zip(sources) {
            for (port, source) in [(party, sound), (picture_port(party), picture)] {
                if self.rows.insert(port, source) != Some(source) {
                    rows.push((port, source));
                    self.awaited.remove(&port);
                    if let Source::Port(_) = source {
                        self.awaited.insert(port, self.now);
                    }
                }
            }
        }
        self.relay.patch(&rows);
    }

    fn hold(&mut self, party: PortId, direction: Direction) {
        let formats = [
            (party, format(Codec::Pcmu, 0, 0, "")),
            (picture_port(party), format(Codec::Vp8, 99, 99, "")),
        ];
        for (port, format) in formats {
            let plan = directed(direction, plan(port, vec![format]));
            self.relay.command(Command::Update { port, plan });
        }
    }

    fn pass(&mut self, ms: u64) {
        for _ in 0..ms / STEP_MS {
            self.step();
        }
    }

    fn step(&mut self) {
        let now = self.now;
        while self.asked.front().is_some_and(|(at, _)| *at <= now) {
            let (_, port) = self.asked.pop_front().unwrap();
            let parties = &mut self.parties;
            parties.iter_mut().filter(|p| picture_port(p.port) == port).for_each(|p| p.asked(now));
        }
        for party in &mut self.parties {
            if now >= party.voice_due {
                party.voice_due = now + 20;
                let packet = self.relay.phone(party.port).packet(&[voice(party.port); 160]);
                self.coming.push_back((now + NETWORK_MS, party.port, packet));
            }
            if let Some(picture) = party.takes(now) {
                let port = picture_port(party.port);
                let payload = [picture, &[voice(party.port)]].concat();
                let timestamp = now as u32 * 90;
                let packet = self.relay.phone(port).packet_of(99, timestamp, &payload);
                self.coming.push_back((now + NETWORK_MS, port, packet));
            }
        }
        while self.coming.front().is_some_and(|(at, ..)| *at <= now) {
            let (_, port, packet) = self.coming.pop_front().unwrap();
            self.relay.arrives(port, &packet);
        }
        self.relay.pass(STEP_MS);
        self.relay.make();
        self.now += STEP_MS;
        let asked = self.relay.key_frame_requests();
        self.asked.extend(asked.into_iter().map(|(at, port, _)| (at + NETWORK_MS, port)));
        for sent in std::mem::take(&mut self.relay.wire.sent) {
            if sent.channel == Channel::Rtp {
                self.hears(&sent);
            }
        }
    }

    fn hears(&mut self, sent: &Sent) {
        let header = sent.header();
        let clock = if header.payload_type == 99 { 90_000 } else { 8000 };
        let reception = self.receptions.entry(sent.port);
        let reception = reception.or_insert_with(|| Reception::new(clock));
        reception.receive(sent.at, header.sequence, header.timestamp);
        let Some(since) = self.awaited.get(&sent.port) else { return };
        let Some(Source::Port(source)) = self.rows.get(&sent.port) else { return };
        let (speaker, is_picture) = match source.0 % 4 {
            0 => (*source, false),
            _ => (PortId(source.0 - 2), true),
        };
        let payload = sent.payload();
        let is_theirs = payload.last() == Some(&voice(speaker));
        let short = is_picture && payload.len() <= VP8_KEY.len() + 4;
        if !is_theirs || !(short || !is_picture && payload.len() == 160) {
            return;
        }
        let after = sent.at.as_micros() / 1000 + NETWORK_MS - since;
        if is_picture {
            self.pictures.push(after)
        } else {
            self.voices.push(after)
        }
        self.awaited.remove(&sent.port);
    }
}

/// All that a call through an operator comes to; after each, 2.3 s, more or less.
fn phases() -> Vec<[(Source, Source); 3]> {
    let both = |party: PortId| (Source::Port(party), Source::Port(picture_port(party)));
    let nothing = (Source::Silence, Source::Nothing);
    let told = VideoPrompt {
        waiting_profile: WaitingProfileId::DEFAULT,
        message: PromptMessage::Connected,
    };
    let (wait, hold, told) =
        ((HOLD, position(1)), (HOLD, HOLD), (Source::Silence, Source::Prompt(told)));
    vec![
        [wait, nothing, nothing],
        [both(O), both(C), nothing],
        [hold, (Source::RingBack, HOLD), nothing],
        [hold, both(U), both(O)],
        [both(O), both(C), hold],
        [hold, both(U), both(O)],
        [both(U), told, both(C)],
        [both(O), both(C), hold],
        [both(U), told, both(C)],
    ]
}

fn percentile(figures: &mut [u64], percent: usize) -> u64 {
    figures.sort_unstable();
    figures[(figures.len() * percent).div_ceil(100).saturating_sub(1)]
}

#[test]
fn after_two_hundred_switches_all_is_seen_in_time_and_nothing_is_counted_lost() {
    let kinds = [Camera::Prompt, Camera::Sluggish, Camera::Still];
    let (mut pictures, mut voices) = (Vec::new(), Vec::new());
    let mut switches = 0;
    for round in 0.. {
        let cameras = [0, 1, 2].map(|at| kinds[(at + round) % 3]);
        let mut trial = Trial::new(cameras);
        trial.pass(500);
        for (n, phase) in phases().into_iter().enumerate() {
            trial.switch(phase);
            // Not in step with anyone's camera.
            trial.pass(2000 + (round * 170 + n * 310) as u64 % 700 / STEP_MS * STEP_MS);
            switches += 1;
            if n == 4 {
                trial.hold(C, Direction::RecvOnly);
                trial.pass(3000);
                trial.hold(C, Direction::SendRecv);
                trial.pass(1500);
            }
        }
        assert!(trial.awaited.is_empty(), "{cameras:?}: never there: {:?}", trial.awaited);
        for (port, reception) in &mut trial.receptions {
            let missing = reception.report().unwrap().cumulative;
            assert_eq!(missing, 0, "{port} of {cameras:?}");
        }
        pictures.append(&mut trial.pictures);
        voices.append(&mut trial.voices);
        if switches >= SWITCHES {
            break;
        }
    }
    let (picture, voice) = (percentile(&mut pictures, 99), percentile(&mut voices, 99));
    let figures = format!(
        "{switches} switches: {} pictures, p50 {} p99 {picture} ms; {} voices, p99 {voice} ms",
        pictures.len(),
        percentile(&mut pictures, 50),
        voices.len()
    );
    assert!(picture <= 1000 && voice <= 150, "{figures}");
}
