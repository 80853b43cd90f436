//! Parties without a codec in common: everybody hears everybody, in one stream without a seam.

use crate::VP8_KEY;
use crate::relay::*;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use cordboard::codec::audio::{AudioDecoder, AudioEncoder, PAYLOAD_MAX, SAMPLES_MAX};
use cordboard::codec::tone::Sound;
use cordboard::codec::video::{Colour, Image, Settings, VideoDecoder, VideoEncoder};
use cordboard::codec::{Codec, Kind, goertzel};
use cordboard::ids::PortId;
use cordboard::media::{Channel, Command, Event, Job, PictureLimits, Source, WorkerConversions};
use cordboard::rtp::TelephoneEvent;
use cordboard::rtp::h264::PacketizationMode;
use cordboard::rtp::video::{AccessUnit, Depacketiser, Packetiser, PictureFormat, nal_units};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// What the three say.
const TONES: [(PortId, u32); 3] = [(C, 500), (O, 700), (U, 1100)];
const WIDE_EVENTS: Codec = Codec::TelephoneEvent { clock_rate: 48_000 };

fn all() -> Vec<Codec> {
    let known = [
        Codec::Pcmu,
        Codec::Pcma,
        Codec::G722,
        Codec::Opus,
        Codec::G729,
        Codec::Gsm,
        Codec::Speex { clock_rate: 8000 },
        Codec::Speex { clock_rate: 16_000 },
        Codec::G723,
        Codec::Ilbc,
    ];
    known.into_iter().filter(Codec::can_transcode).collect()
}

/// A phone with a voice: its tone in its codec.
struct Voice {
    port: PortId,
    packets: VecDeque<Vec<u8>>,
    packet_ms: u64,
    due: u64,
}

/// Packets of tones, by their codec and frequency.
type CodedTones = BTreeMap<(String, u32), VecDeque<Vec<u8>>>;

/// Five seconds of a tone, in packets: coded once for all pairs that it is heard in.
fn coded_tone(codec: &Codec, hz: u32, packet_ms: usize) -> VecDeque<Vec<u8>> {
    static CODED: Mutex<CodedTones> = Mutex::new(BTreeMap::new());
    let code = || {
        let mut encoder = AudioEncoder::new(codec, 16_000).unwrap();
        let rate = encoder.sample_rate();
        let len = rate as usize / 1000 * packet_ms;
        let pcm: Vec<i16> = Sound::Sine { hz }.samples(rate).iter().map(|s| s / 2).collect();
        let pcm: Vec<i16> = pcm.iter().copied().cycle().take(len * 250).collect();
        let coded = pcm.chunks_exact(len).map(|frame| {
            let mut payload = [0; PAYLOAD_MAX];
            let len = encoder.encode(frame, &mut payload).unwrap();
            payload[..len].to_vec()
        });
        coded.collect()
    };
    let mut coded = CODED.lock().unwrap_or_else(PoisonError::into_inner);
    coded.entry((codec.to_string(), hz)).or_insert_with(code).clone()
}

impl Voice {
    fn new(relay: &mut Relay, port: PortId, codec: &Codec, number: u8) -> Self {
        let packet_ms = if codec.facts().frame_ms == 30 { 30 } else { 20 };
        let hz = TONES.iter().find(|(other, _)| *other == port).unwrap().1;
        relay.phone(port).payload_type = number;
        relay.phone(port).step = codec.clock_rate() / 1000 * packet_ms as u32;
        Self {
            port,
            packets: coded_tone(codec, hz, packet_ms),
            packet_ms: packet_ms as u64,
            due: 0,
        }
    }

    fn next(&mut self) -> Vec<u8> {
        self.packets.rotate_left(1);
        self.packets[0].clone()
    }
}

/// C, O and U, each with one codec.
struct Party {
    relay: Relay,
    codecs: [Codec; 3],
    voices: Vec<Voice>,
    clock_ms: u64,
}

impl Party {
    fn of(codecs: [&Codec; 3]) -> Self {
        let mut relay = Relay::new();
        let mut voices = Vec::new();
        for ((port, _), codec) in TONES.into_iter().zip(codecs) {
            let number = codec.facts().static_payload_type.unwrap_or(100);
            let keys = if *codec == Codec::Opus { WIDE_EVENTS } else { EVENTS };
            let formats =
                vec![format(codec.clone(), number, number, ""), format(keys, 96, 96, "0-15")];
            relay.open(port, Kind::Audio, formats);
            voices.push(Voice::new(&mut relay, port, codec, number));
        }
        Self { relay, codecs: codecs.map(Codec::clone), voices, clock_ms: 0 }
    }

    /// Everybody speaks for so long; `lost` tells of the packets of C that never come.
    fn speak(&mut self, ms: u64, lost: impl Fn(u64) -> bool) {
        for _ in 0..ms / 10 {
            for voice in &mut self.voices {
                if voice.due <= self.clock_ms {
                    voice.due += voice.packet_ms;
                    let payload = voice.next();
                    let packet = self.relay.phone(voice.port).packet(&payload);
                    if voice.port != C || !lost(self.clock_ms) {
                        self.relay.arrives(voice.port, &packet);
                    }
                }
            }
            self.clock_ms += 10;
            self.relay.pass(10);
        }
    }

    /// What a phone has heard so far, decoded, and at which rate.
    fn heard(&self, port: PortId) -> (Vec<i16>, u32) {
        let at = TONES.iter().position(|(other, _)| *other == port).unwrap();
        let mut decoder = AudioDecoder::new(&self.codecs[at], 16_000).unwrap();
        let (mut heard, mut out) = (Vec::new(), [0; SAMPLES_MAX]);
        for sent in self.relay.rtp_to(port) {
            if sent.header().payload_type == 96 {
                continue;
            }
            let samples = decoder.decode(sent.payload(), &mut out).unwrap();
            heard.extend_from_slice(&out[..samples]);
        }
        (heard, decoder.sample_rate())
    }

    fn forget(&mut self) {
        self.relay.wire.sent.clear();
    }
}

fn share_of(party: &Party, listener: PortId, speaker: PortId) -> f64 {
    let (heard, rate) = party.heard(listener);
    let hz = TONES.iter().find(|(other, _)| *other == speaker).unwrap().1;
    goertzel::share(&heard[heard.len() / 2..], rate, hz)
}

#[test]
fn every_pair_of_codecs_is_converted_both_ways() {
    let codecs = all();
    for (index, one) in codecs.iter().enumerate() {
        for other in &codecs[index..] {
            let mut party = Party::of([one, other, one]);
            party.relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
            party.speak(1200, |_| false);
            for (listener, speaker) in [(C, O), (O, C)] {
                let share = share_of(&party, listener, speaker);
                // At 6 kbit/s a tone is no pure one any more.
                let least = if [one, other].contains(&&Codec::G723) { 0.4 } else { 0.7 };
                assert!(share > least, "{one} and {other}: {listener} hears {share} of {speaker}");
            }
        }
    }
}

/// R6.1: one SSRC, numbers without a gap, time that never runs back, whoever is heard in which codec.
#[test]
fn a_converted_stream_goes_on_across_every_switch() {
    let mut party = Party::of([&Codec::Opus, &Codec::Pcmu, &Codec::G722]);
    let conversations = [
        vec![(C, HOLD), (O, Source::Port(U)), (U, Source::Port(O))],
        vec![(C, Source::Port(O)), (O, Source::Port(C)), (U, HOLD)],
        vec![(C, Source::Port(U)), (U, Source::Port(C)), (O, Source::Nothing)],
    ];
    for rows in conversations.iter().cycle().take(7) {
        party.relay.patch(rows);
        party.speak(700, |_| false);
    }
    for (port, _) in TONES {
        assert_continuous(&party.relay.rtp_to(port));
    }
}

#[test]
fn who_is_switched_away_is_not_heard_in_another_codec_either() {
    let mut party = Party::of([&Codec::Opus, &Codec::Pcmu, &Codec::G722]);
    party.relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    party.speak(600, |_| false);
    party.forget();
    party.relay.patch(&[(C, Source::Silence), (O, Source::Port(U)), (U, Source::Port(O))]);
    party.speak(1000, |_| false);
    let (heard, rate) = party.heard(O);
    assert_eq!(goertzel::strongest(&heard, rate, &[500, 700, 1100]), Some(1100));
    assert!(goertzel::share(&heard, rate, 500) < 0.01, "the caller is still there");
}

#[test]
fn lost_packets_are_filled_so_that_the_listener_gets_as_many_as_ever() {
    for lost in [|ms: u64| ms % 200 == 100, |ms: u64| ms % 400 == 100 || ms % 400 == 120] {
        let mut party = Party::of([&Codec::Opus, &Codec::Pcma, &Codec::Pcma]);
        party.relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
        party.speak(300, |_| false);
        party.forget();
        party.speak(2000, lost);
        let sent = party.relay.rtp_to(O);
        assert!((98..=101).contains(&sent.len()), "{} packets in 2 s", sent.len());
        assert_continuous(&sent);
        assert!(share_of(&party, O, C) > 0.8);
    }
}

#[test]
fn a_packet_that_overtook_another_is_heard_behind_it() {
    let mut party = Party::of([&Codec::Pcmu, &Codec::G722, &Codec::Pcmu]);
    party.relay.patch(&[(O, Source::Port(C))]);
    let packets: Vec<_> = (0..60)
        .map(|_| {
            let payload = party.voices[0].next();
            party.relay.phone(C).packet(&payload)
        })
        .collect();
    for pair in packets.chunks(2) {
        party.relay.arrives(C, &pair[1]);
        party.relay.pass(5);
        party.relay.arrives(C, &pair[0]);
        party.relay.pass(35);
    }
    assert!(share_of(&party, O, C) > 0.9, "{}", share_of(&party, O, C));
}

#[test]
fn g711_of_the_other_law_keeps_every_gap_and_number() {
    let mut party = Party::of([&Codec::Pcmu, &Codec::Pcma, &Codec::Pcma]);
    party.relay.patch(&[(O, Source::Port(C))]);
    party.speak(500, |_| false);
    party.forget();
    party.speak(500, |ms| ms % 100 == 0);
    let numbers: Vec<u16> =
        party.relay.rtp_to(O).iter().map(|sent| sent.header().sequence).collect();
    assert_eq!(numbers.len(), 20);
    assert!(numbers.windows(2).any(|pair| pair[1].wrapping_sub(pair[0]) == 2), "{numbers:?}");
    assert!(party.relay.rtp_to(O).iter().all(|sent| sent.header().payload_type == 8));
}

#[test]
fn a_pause_of_the_source_is_a_pause_at_the_listener() {
    let mut party = Party::of([&Codec::Opus, &Codec::Pcmu, &Codec::Pcmu]);
    party.relay.patch(&[(O, Source::Port(C))]);
    party.speak(400, |_| false);
    // Silence suppression: the clock goes on, the numbers do not.
    let phone = party.relay.phone(C);
    phone.timestamp = phone.timestamp.wrapping_add(48_000);
    party.relay.pass(1000);
    party.forget();
    party.speak(400, |_| false);
    let sent = party.relay.rtp_to(O);
    assert!(sent[0].header().marker, "the first packet of a talkspurt is marked");
    assert!(sent.len() <= 21, "{} packets: the pause was filled", sent.len());
}

/// RFC 3389: what a silent source says of its background is heard by a party without comfort noise.
#[test]
fn comfort_noise_is_made_audible_until_the_source_speaks_again() {
    let mut party = Party::of([&Codec::Pcmu, &Codec::Opus, &Codec::Opus]);
    let noise = Codec::ComfortNoise { clock_rate: 8000 };
    let formats = vec![format(Codec::Pcmu, 0, 0, ""), format(noise, 13, 13, "")];
    let plan = plan(C, formats);
    party.relay.command(Command::Update { port: C, plan });
    party.relay.patch(&[(O, Source::Port(C))]);
    party.speak(400, |_| false);
    party.forget();
    let timestamp = party.relay.phone(C).timestamp;
    let hush = party.relay.phone(C).packet_of(13, timestamp, &[40]);
    party.relay.arrives(C, &hush);
    party.relay.pass(1000);
    let (heard, _) = party.heard(O);
    let sent = party.relay.rtp_to(O).len();
    assert!((48..=51).contains(&sent), "{sent} packets in a second of silence");
    let power: f64 = heard.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / heard.len() as f64;
    let level = 10.0 * (power / (32_768.0 * 32_768.0)).log10();
    assert!((-50.0..-32.0).contains(&level), "-40 dBov were asked for, {level:.1} are heard");
    party.forget();
    let phone = party.relay.phone(C);
    phone.timestamp = phone.timestamp.wrapping_add(8000);
    party.speak(600, |_| false);
    assert!(share_of(&party, O, C) > 0.9);
    assert!(party.relay.rtp_to(O).len() <= 31, "the noise has ended");
}

/// RFC 4733: the clock of the keys is that of the voice beside them.
#[test]
fn a_key_is_pressed_anew_where_the_clocks_differ() {
    let mut party = Party::of([&Codec::Opus, &Codec::Pcmu, &Codec::Pcmu]);
    party.relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    party.speak(300, |_| false);
    party.forget();
    let timestamp = party.relay.phone(C).timestamp;
    for n in 1..=5_u16 {
        let event =
            TelephoneEvent { event: 7, end: n > 3, volume: 10, duration: n * 960 }.to_bytes();
        let packet = party.relay.phone(C).packet_of(96, timestamp, &event);
        party.relay.arrives(C, &packet);
        party.relay.pass(20);
    }
    party.relay.pass(200);
    let keys: Vec<_> = party
        .relay
        .rtp_to(O)
        .iter()
        .filter(|sent| sent.header().payload_type == 96)
        .map(|sent| TelephoneEvent::parse(sent.payload()).unwrap())
        .collect();
    assert!(keys.iter().all(|key| key.event == 7), "{keys:?}");
    assert_eq!(keys.iter().filter(|key| key.end).count(), 3);
    assert!(keys.iter().map(|key| key.duration).max().unwrap() >= 800, "100 ms at 8 kHz: {keys:?}");
    assert!(
        party.relay.wire.events.iter().filter(|e| matches!(e, Event::Dtmf { .. })).count() == 1
    );
}

#[test]
fn what_stands_around_a_payload_is_not_heard() {
    for codec in [&Codec::G722, &Codec::Pcma] {
        let mut party = Party::of([&Codec::Pcmu, codec, &Codec::Pcmu]);
        party.relay.patch(&[(O, Source::Port(C))]);
        for dressed in dressed_packets().iter().cycle().take(60) {
            let payload = party.voices[0].next();
            let packet = dressed(&party.relay.phone(C).packet(&payload));
            party.relay.arrives(C, &packet);
            party.relay.pass(20);
        }
        assert!(share_of(&party, O, C) > 0.95, "{codec}: {}", share_of(&party, O, C));
        assert!(party.relay.rtp_to(O).iter().all(|sent| sent.payload().len() == 160));
    }
}

#[test]
fn broken_payloads_cost_themselves_only() {
    let mut party = Party::of([&Codec::Opus, &Codec::G722, &Codec::Pcmu]);
    party.relay.patch(&[(O, Source::Port(C))]);
    party.speak(200, |_| false);
    for n in 0..50_u8 {
        let junk: Vec<u8> = (0..n * 5).map(|at| at.wrapping_mul(n).wrapping_add(3)).collect();
        let packet = party.relay.phone(C).packet(&junk);
        party.relay.arrives(C, &packet);
        party.relay.pass(20);
    }
    party.forget();
    party.speak(800, |_| false);
    assert!(share_of(&party, O, C) > 0.9);
}

impl Party {
    /// C presses a key of 200 ms, its voice going on beside it or not, with lost packets or not.
    fn press(&mut self, event: u8, clock_rate: u32, (interleaved, lost): (bool, bool)) {
        let said = self.relay.phone(C).timestamp;
        for n in 1..=12_u16 {
            let payload = TelephoneEvent {
                event,
                end: n > 9,
                volume: 10,
                duration: (u32::from(n.min(10)) * clock_rate / 50) as u16,
            };
            let phone = self.relay.phone(C);
            let packet = phone.packet_of(96, said, &payload.to_bytes());
            if interleaved {
                phone.timestamp = phone.timestamp.wrapping_sub(phone.step);
            }
            if !(lost && n % 4 == 1) {
                self.relay.arrives(C, &packet);
            }
            if interleaved {
                let payload = self.voices[0].next();
                let packet = self.relay.phone(C).packet(&payload);
                self.relay.arrives(C, &packet);
            }
            self.relay.pass(20);
            self.clock_ms += 20;
        }
        self.voices.iter_mut().for_each(|voice| voice.due = self.clock_ms);
    }
}

/// RFC 4733 §2.5.1.2: one timestamp names one key.
#[test]
fn one_key_in_is_one_key_out_in_every_pair_of_codecs() {
    let codecs = all().into_iter().filter(|codec| codec.facts().frame_ms != 30);
    let codecs: Vec<_> =
        codecs.flat_map(|codec| [(codec.clone(), 8000), (codec, 48_000)]).collect();
    let wide = |(codec, events): &(Codec, u32)| *codec == Codec::Opus || *events == 8000;
    let codecs: Vec<_> = codecs.into_iter().filter(wide).collect();
    // What may go wrong in a pair shows in one way of pressing already; all four are for those that differ most.
    let ways = [(false, false), (true, false), (false, true), (true, true)];
    let stands_for_others =
        |codec: &Codec| matches!(codec, Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::Opus);
    std::thread::scope(|scope| {
        for (row, one) in codecs.iter().enumerate() {
            let codecs = &codecs;
            scope.spawn(move || {
                for (column, other) in codecs.iter().enumerate() {
                    let in_all_ways =
                        [one, other].iter().all(|(codec, _)| stands_for_others(codec));
                    for (index, way) in ways.into_iter().enumerate() {
                        if in_all_ways || (row + column) % ways.len() == index {
                            keys_go_through(one, other, way);
                        }
                    }
                }
            });
        }
    });
}

fn keys_go_through(
    (one, its_events): &(Codec, u32),
    (other, others_events): &(Codec, u32),
    how: (bool, bool),
) {
    let mut party = Party::of([one, other, one]);
    for (port, codec, clock_rate) in [(C, one, its_events), (O, other, others_events)] {
        let number = codec.facts().static_payload_type.unwrap_or(100);
        let events = Codec::TelephoneEvent { clock_rate: *clock_rate };
        let formats =
            vec![format(codec.clone(), number, number, ""), format(events, 96, 96, "0-15")];
        party.relay.command(Command::Update { port, plan: plan(port, formats) });
    }
    party.relay.patch(&[(O, Source::Port(C))]);
    party.speak(200, |_| false);
    for event in [5, 5, 7] {
        party.press(event, *its_events, how);
        party.speak(300, |_| false);
    }
    let case = format!("{one}, keys at {its_events}, to {other}, keys at {others_events}, {how:?}");
    let sent = party.relay.rtp_to(O);
    let mut keys: Vec<(u32, u8)> = sent
        .iter()
        .filter(|sent| sent.header().payload_type == 96)
        .map(|sent| (sent.header().timestamp, sent.payload()[0]))
        .collect();
    keys.dedup();
    assert_eq!(keys.iter().map(|key| key.1).collect::<Vec<_>>(), [5, 5, 7], "{case}");
    let passes =
        one == other || [one, other].into_iter().all(|c| matches!(c, Codec::Pcmu | Codec::Pcma));
    let lost = sent
        .windows(2)
        .any(|pair| pair[0].header().sequence.wrapping_add(1) != pair[1].header().sequence);
    // Nobody knows of a lost packet what it was. Where keys pass, or voice passes around them, its
    // number is missing; keys that are pressed anew between two voices begin under our own.
    let seen = passes && (its_events == others_events || how.0);
    assert_eq!(lost, how.1 && seen, "{case}: numbers");
    let since = sent[0].at;
    for sent in &sent {
        let clock = u64::from(other.clock_rate()) / 1000;
        let ticks = sent.at.since(since).as_millis() as u64 * clock;
        let said = sent.header().timestamp.wrapping_sub(self::first_timestamp(&party));
        let off = u64::from(said).abs_diff(ticks) / clock;
        assert!(off <= 320, "{case}: {off} ms beside the clock");
    }
}

/// Some phones change between the codecs of their answer: the keys stay among the packets that pass.
#[test]
fn a_key_beside_a_voice_that_passes_takes_no_number_of_a_packet_that_comes_late() {
    let mut party = Party::of([&Codec::Pcma, &Codec::Pcma, &Codec::Pcma]);
    let both = vec![
        format(Codec::Pcma, 8, 8, ""),
        format(Codec::Opus, 107, 107, ""),
        format(EVENTS, 96, 96, "0-15"),
    ];
    party.relay.command(Command::Update { port: C, plan: plan(C, both) });
    party.relay.patch(&[(O, Source::Port(C))]);
    party.speak(200, |_| false);
    party.forget();
    let timestamp = party.relay.phone(C).timestamp;
    let voice = [party.voices[0].next(), party.voices[0].next()];
    let mut packets = Vec::new();
    for n in 1..=3_u16 {
        let key = TelephoneEvent { event: 4, end: n == 3, volume: 10, duration: n * 160 };
        packets.push(party.relay.phone(C).packet(&voice[usize::from(n % 2)]));
        packets.push(party.relay.phone(C).packet_of(96, timestamp, &key.to_bytes()));
    }
    // The voice arrives behind the key that left after it.
    for pair in packets.chunks_exact(2) {
        for packet in [&pair[1], &pair[0]] {
            party.relay.arrives(C, packet);
        }
        party.relay.pass(20);
    }
    let sent = party.relay.rtp_to(O);
    let mut numbers: Vec<u16> = sent.iter().map(|sent| sent.header().sequence).collect();
    let in_order = |n: &[u16]| n[1] == n[0].wrapping_sub(1);
    assert!(numbers.chunks_exact(2).all(in_order), "as they came: {numbers:?}");
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), packets.len(), "each once");
}

/// RFC 4733 §2.1: the timestamp of a key is of the stream's clock, also where the source has another.
#[test]
fn a_key_beside_a_converted_voice_is_timed_by_the_receivers_clock() {
    for pause_ms in [0, 2000] {
        let mut party = Party::of([&Codec::Opus, &Codec::Pcma, &Codec::Pcma]);
        let narrow = vec![format(Codec::Opus, 100, 100, ""), format(EVENTS, 96, 96, "0-15")];
        party.relay.command(Command::Update { port: C, plan: plan(C, narrow) });
        party.relay.patch(&[(O, Source::Port(C))]);
        party.speak(300, |_| false);
        party.relay.pass(pause_ms);
        let last = party.relay.rtp_to(O).last().unwrap().clone();
        party.forget();
        party.press(6, 8000, (false, false));
        let sent = party.relay.rtp_to(O);
        let key = sent.iter().find(|sent| sent.header().payload_type == 96).unwrap();
        let ahead = key.header().timestamp.wrapping_sub(last.header().timestamp);
        let ticks = key.at.since(last.at).as_millis() as u32 * 8;
        assert!(ahead.abs_diff(ticks) <= 320, "{ahead} ticks ahead after {ticks}");
    }
}

fn first_timestamp(party: &Party) -> u32 {
    party.relay.rtp_to(O)[0].header().timestamp
}

// ---- pictures ----

/// A camera that shows one colour in its codec.
struct Camera {
    port: PortId,
    encoder: VideoEncoder,
    packetiser: Packetiser,
    image: Image,
    key_frame_due: bool,
    /// Parameter sets go in front of its key frames.
    tells_sets: bool,
    timestamp: u32,
}

const COLOURS: [(PortId, Colour); 3] = [
    (C, Colour { y: 80, cb: 90, cr: 240 }),
    (O, Colour { y: 145, cb: 54, cr: 34 }),
    (U, Colour { y: 41, cb: 240, cr: 110 }),
];

fn packing(codec: &Codec, fmtp: &str) -> PictureFormat {
    let mode = if fmtp.contains("packetization-mode=1") {
        PacketizationMode::NonInterleaved
    } else {
        PacketizationMode::Single
    };
    match codec {
        Codec::H264 => PictureFormat::H264 { mode },
        Codec::H265 => PictureFormat::H265,
        Codec::H263 => PictureFormat::H263,
        Codec::H263Plus => PictureFormat::H263Plus,
        Codec::H261 => PictureFormat::H261,
        Codec::Vp8 => PictureFormat::Vp8,
        other => panic!("no pictures in {other}"),
    }
}

impl Camera {
    fn new(port: PortId, codec: &Codec, fmtp: &str) -> Self {
        Self::of_size((176, 144), port, codec, fmtp)
    }

    fn of_size((width, height): (usize, usize), port: PortId, codec: &Codec, fmtp: &str) -> Self {
        let settings =
            Settings { width, height, frame_rate: 15, bitrate: 200_000, slice_max: None };
        let mut image = Image::new(width, height);
        image.fill(COLOURS.iter().find(|(other, _)| *other == port).unwrap().1);
        Self {
            port,
            encoder: VideoEncoder::new(codec, &settings).unwrap(),
            packetiser: Packetiser::new(packing(codec, fmtp), 300),
            image,
            key_frame_due: true,
            tells_sets: true,
            timestamp: 7,
        }
    }

    fn packets(&mut self, relay: &mut Relay) -> Vec<Vec<u8>> {
        let mut coded = Vec::new();
        let due = std::mem::take(&mut self.key_frame_due);
        self.encoder.encode(&self.image, due, &mut coded).unwrap();
        if !self.tells_sets {
            let kept = |nal: &&[u8]| !is_parameter_set(nal);
            coded = nal_units(&coded).filter(kept).flat_map(with_start_code).collect();
        }
        self.timestamp = self.timestamp.wrapping_add(6000);
        let mut packets = Vec::new();
        let phone = relay.phone(self.port);
        let timestamp = self.timestamp;
        self.packetiser.packetise(&coded, &mut |payload, last| {
            let mut packet = phone.packet_of(100, timestamp, payload);
            packet[1] |= u8::from(last) << 7;
            packets.push(packet);
        });
        packets
    }
}

fn is_parameter_set(nal: &[u8]) -> bool {
    matches!(nal[0] & 0x1f, 7 | 8)
}

fn with_start_code(nal: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, 1], nal].concat()
}

/// C, O and U, each with a camera and a screen of one codec; jobs are done on the spot.
struct Gallery {
    relay: Relay,
    cameras: Vec<Camera>,
    formats: Vec<(PortId, PictureFormat, Codec)>,
    workshop: WorkerConversions,
    /// Pictures that wait for the worker.
    waiting: Vec<Job>,
    worker_sleeps: bool,
}

impl Gallery {
    fn of(codecs: [(&Codec, &str); 3]) -> Self {
        let mut relay = Relay::new();
        let (mut cameras, mut formats) = (Vec::new(), Vec::new());
        for ((port, _), (codec, fmtp)) in COLOURS.into_iter().zip(codecs) {
            relay.open(port, Kind::Video, vec![format(codec.clone(), 100, 100, fmtp)]);
            cameras.push(Camera::new(port, codec, fmtp));
            formats.push((port, packing(codec, fmtp), codec.clone()));
        }
        let workshop = WorkerConversions::default();
        Self { relay, cameras, formats, workshop, waiting: Vec::new(), worker_sleeps: false }
    }

    fn send_frames(&mut self, pictures: usize, lost: impl Fn(usize) -> bool) {
        let mut count = 0;
        for _ in 0..pictures {
            for at in 0..self.cameras.len() {
                let port = self.cameras[at].port;
                for packet in self.cameras[at].packets(&mut self.relay) {
                    count += 1;
                    if port != C || !lost(count) {
                        self.relay.arrives(port, &packet);
                    }
                }
            }
            self.work();
            self.relay.pass(66);
            self.obey();
        }
    }

    fn work(&mut self) {
        self.waiting.append(&mut self.relay.wire.jobs);
        if self.worker_sleeps {
            return;
        }
        for job in std::mem::take(&mut self.waiting) {
            if let Some(done) = self.workshop.perform(job) {
                self.relay.machine.done(self.relay.now, done, &mut self.relay.wire);
            }
        }
    }

    /// Cameras make the key frames that they are asked for.
    fn obey(&mut self) {
        for (_, port, _) in self.relay.key_frame_requests() {
            for camera in self.cameras.iter_mut().filter(|camera| camera.port == port) {
                camera.key_frame_due = true;
            }
        }
        self.relay.wire.sent.retain(|sent| sent.channel == Channel::Rtp);
    }

    /// The colours that a screen has shown since `forget`.
    fn seen(&self, port: PortId) -> Vec<Colour> {
        self.shown(port, |image| image.at(image.width() / 2, image.height() / 2))
    }

    /// What there is to say of each picture that a screen has shown since `forget`.
    fn shown<T>(&self, port: PortId, look: impl Fn(&Image) -> T) -> Vec<T> {
        let (_, packing, codec) = self.formats.iter().find(|(other, ..)| *other == port).unwrap();
        let mut depacketiser = Depacketiser::new(*packing);
        let mut decoder = VideoDecoder::new(codec).unwrap();
        let (mut image, mut looks) = (Image::new(2, 2), Vec::new());
        for sent in self.relay.rtp_to(port) {
            let header = sent.header();
            let mut show = |unit: AccessUnit<'_>| {
                assert!(unit.intact, "{port} is sent gaps");
                if decoder.decode(unit.bytes, &mut image).is_ok_and(|shown| shown) {
                    looks.push(look(&image));
                }
            };
            let (sequence, timestamp) = (header.sequence, header.timestamp);
            depacketiser.take(sequence, timestamp, header.marker, sent.payload(), &mut show);
        }
        looks
    }
}

fn is_of(colour: Colour, port: PortId) -> bool {
    let other = COLOURS.iter().find(|(other, _)| *other == port).unwrap().1;
    let near = |a: u8, b: u8| a.abs_diff(b) < 16;
    near(colour.y, other.y) && near(colour.cb, other.cb) && near(colour.cr, other.cr)
}

const MODE_0: &str = "profile-level-id=42e01f";
const MODE_1: &str = "profile-level-id=42e01f;packetization-mode=1";

fn pictures() -> Vec<(Codec, &'static str)> {
    let known = [
        (Codec::H264, MODE_0),
        (Codec::H264, MODE_1),
        (Codec::H264, "profile-level-id=64001f;packetization-mode=1"),
        (Codec::Vp8, ""),
        (Codec::H263, "CIF=1;QCIF=1"),
        (Codec::H263Plus, "CIF=1;QCIF=1"),
        (Codec::H261, "CIF=1;QCIF=1"),
        (Codec::H265, ""),
    ];
    known.into_iter().filter(|(codec, _)| codec.can_transcode()).collect()
}

#[test]
fn every_pair_of_cameras_and_screens_is_converted_both_ways() {
    for (one, its) in pictures() {
        for (other, of_other) in pictures() {
            let pair = format!("{one} {its} and {other} {of_other}");
            let mut gallery = Gallery::of([(&one, its), (&other, of_other), (&one, its)]);
            gallery.relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
            gallery.send_frames(12, |_| false);
            for (screen, camera) in [(C, O), (O, C)] {
                let seen = gallery.seen(screen);
                let right = seen.iter().filter(|colour| is_of(**colour, camera)).count();
                assert!(right >= 9 && right == seen.len(), "{pair}: {screen} sees {seen:?}");
                assert_continuous(&gallery.relay.rtp_to(screen));
            }
        }
    }
}

/// RFC 6184 §8.2.2: some phones send their parameter sets in SDP alone.
#[test]
fn a_camera_whose_parameter_sets_are_in_its_sdp_alone_is_converted_too() {
    let Some((codec, fmtp)) = pictures().into_iter().find(|(codec, _)| *codec == Codec::Vp8) else {
        return;
    };
    let mut coded = Vec::new();
    let mut model = Camera::new(C, &Codec::H264, MODE_1);
    model.encoder.encode(&model.image, true, &mut coded).unwrap();
    let sets: Vec<_> = nal_units(&coded).filter(|nal| is_parameter_set(nal)).collect();
    let sprop = sets.iter().map(|nal| BASE64_STANDARD.encode(nal)).collect::<Vec<_>>().join(",");
    let with_sets = format!("{MODE_1};sprop-parameter-sets={sprop}");
    for (told, pictures) in [(with_sets.as_str(), 9..), (MODE_1, 0..)] {
        let mut gallery = Gallery::of([(&Codec::H264, told), (&codec, fmtp), (&codec, fmtp)]);
        gallery.cameras[0].tells_sets = false;
        gallery.relay.patch(&[(O, Source::Port(C))]);
        gallery.send_frames(12, |_| false);
        let seen = gallery.seen(O);
        assert!(pictures.contains(&seen.len()) && seen.iter().all(|c| is_of(*c, C)), "{seen:?}");
        assert!(told == with_sets || seen.is_empty(), "nobody can see that");
    }
}

#[test]
fn a_converted_picture_goes_on_across_every_switch_and_nobody_else_is_seen() {
    let codecs = pictures();
    let (last, its) = codecs.last().unwrap();
    let mut gallery = Gallery::of([(&Codec::H264, MODE_0), (&Codec::H264, MODE_1), (last, its)]);
    let conversations = [
        vec![(C, HOLD), (O, Source::Port(U)), (U, Source::Port(O))],
        vec![(C, Source::Port(O)), (O, Source::Port(C)), (U, Source::Nothing)],
        vec![(C, Source::Port(U)), (U, Source::Port(C)), (O, Source::Nothing)],
    ];
    for rows in conversations.iter().cycle().take(7) {
        gallery.relay.patch(rows);
        gallery.send_frames(10, |_| false);
    }
    for port in [C, O, U] {
        assert_continuous(&gallery.relay.rtp_to(port));
    }
    gallery.relay.wire.sent.clear();
    gallery.relay.patch(&conversations[2]);
    gallery.send_frames(10, |_| false);
    assert_eq!(gallery.seen(O), []);
}

#[test]
fn after_a_loss_the_camera_is_asked_for_a_key_frame_and_the_screen_recovers() {
    // H.264 passes; H.261 has no key frames.
    let converted = |codec: &Codec| ![Codec::H264, Codec::H261].contains(codec);
    for (codec, fmtp) in pictures().into_iter().filter(|(codec, _)| converted(codec)) {
        let other = (&Codec::H264, MODE_1);
        let mut gallery = Gallery::of([(&codec, fmtp), other, other]);
        gallery.relay.patch(&[(O, Source::Port(C))]);
        gallery.send_frames(8, |_| false);
        gallery.send_frames(3, |packet| packet == 2);
        gallery.cameras[0].image.fill(COLOURS[2].1);
        gallery.send_frames(14, |_| false);
        let seen = gallery.seen(O);
        let last = seen.last().copied();
        assert!(last.is_some_and(|colour| is_of(colour, U)), "{codec}: {seen:?}");
    }
}

/// A receiver of whole units sees by the numbers that something is missing, as it would of the source's own.
#[test]
fn a_loss_among_fragments_is_seen_by_a_receiver_of_whole_units_and_the_camera_is_asked() {
    let mut gallery = Gallery::of([(&Codec::H264, MODE_1), (&Codec::H264, ""), (&Codec::H264, "")]);
    gallery.relay.patch(&[(O, Source::Port(C))]);
    let nal: Vec<u8> = [0x65, 0x88].into_iter().chain((0..200_u8).cycle().take(4000)).collect();
    let fragments: Vec<Vec<u8>> = {
        let mut packetiser =
            Packetiser::new(PictureFormat::H264 { mode: PacketizationMode::NonInterleaved }, 1000);
        let mut fragments = Vec::new();
        packetiser
            .packetise(&with_start_code(&nal), &mut |payload, _| fragments.push(payload.to_vec()));
        fragments
    };
    gallery.relay.wire.sent.clear();
    let (mut whole, mut asked_before) = (0, 0);
    for picture in 0..10 {
        for (at, payload) in fragments.iter().enumerate() {
            let packet = gallery.relay.phone(C).packet_of(100, picture * 3000, payload);
            if (picture, at) != (5, 2) {
                gallery.relay.arrives(C, &packet);
            }
        }
        whole += usize::from(picture != 5);
        gallery.relay.pass(100);
        if picture == 4 {
            asked_before = gallery.relay.key_frame_requests().len();
        }
    }
    let sent = gallery.relay.rtp_to(O);
    assert_eq!(sent.len(), whole);
    let gaps: Vec<u16> = sent
        .windows(2)
        .map(|pair| pair[1].header().sequence.wrapping_sub(pair[0].header().sequence) - 1)
        .filter(|gap| *gap > 0)
        .collect();
    assert_eq!(gaps, [1], "one packet was lost");
    assert!(gallery.relay.key_frame_requests().len() > asked_before);
}

#[test]
fn a_worker_that_falls_behind_costs_pictures_and_never_more_than_a_few_are_under_way() {
    let Some((codec, fmtp)) = pictures().into_iter().find(|(codec, _)| *codec == Codec::Vp8) else {
        return;
    };
    let mut gallery = Gallery::of([(&codec, fmtp), (&Codec::H264, MODE_1), (&Codec::H264, MODE_1)]);
    gallery.relay.patch(&[(O, Source::Port(C))]);
    gallery.worker_sleeps = true;
    gallery.send_frames(40, |_| false);
    let asked = gallery.waiting.iter().filter(|job| matches!(job, Job::Frame { .. })).count();
    assert_eq!(asked, 8, "pictures under way");
    gallery.worker_sleeps = false;
    gallery.send_frames(40, |_| false);
    assert!(gallery.seen(O).len() > 20, "it has caught up");
}

#[test]
fn a_screen_that_lost_its_picture_gets_a_key_frame_from_the_worker() {
    let Some((codec, fmtp)) = pictures().into_iter().find(|(codec, _)| *codec == Codec::Vp8) else {
        return;
    };
    let mut gallery = Gallery::of([(&codec, fmtp), (&Codec::H264, MODE_1), (&Codec::H264, MODE_1)]);
    gallery.relay.patch(&[(O, Source::Port(C))]);
    gallery.send_frames(6, |_| false);
    let media = gallery.relay.rtp_to(O)[0].header().ssrc;
    gallery.relay.wire.jobs.clear();
    gallery.relay.report_arrives(O, |writer| {
        writer.receiver_report(O.0 as u32, &[]).picture_loss(O.0 as u32, media);
    });
    assert!(matches!(gallery.relay.wire.jobs[..], [Job::KeyFrame { .. }]));
    assert_eq!(gallery.relay.key_frame_requests(), [], "the camera need not know");
    gallery.relay.report_arrives(O, |writer| {
        writer.receiver_report(O.0 as u32, &[]).max_bitrate(O.0 as u32, media, 64_000);
    });
    assert!(matches!(gallery.relay.wire.jobs[1..], [Job::Bitrate { bitrate: 64_000, .. }]));
    gallery.send_frames(3, |_| false);
    let keys = gallery.relay.rtp_to(O);
    assert!(keys.iter().filter(|sent| sent.payload()[0] & 0x1f == 7).count() >= 2, "a second SPS");
}

/// C's camera in this size, under its declaration; O shows CIF at the most by its own, U 720p.
fn gallery_of_levels(size: (usize, usize), of_c: &'static str) -> Gallery {
    let declared = [of_c, "profile-level-id=42e00c", "profile-level-id=42e01f"];
    let mut gallery = Gallery::of(declared.map(|fmtp| (&Codec::H264, fmtp)));
    for ((port, _), fmtp) in COLOURS.into_iter().zip(declared) {
        let macroblocks_max = Some(if fmtp.contains("42e00c") { 396 } else { 3600 });
        let picture = PictureLimits { macroblocks_max, ..PictureLimits::default() };
        let formats = vec![format(Codec::H264, 100, 100, fmtp)];
        let plan = with(plan(port, formats), |plan| plan.stream.picture = picture);
        gallery.relay.command(Command::Close { port });
        gallery.relay.command(Command::Open { port, kind: Kind::Video, plan });
    }
    gallery.cameras[0] = Camera::of_size(size, C, &Codec::H264, of_c);
    gallery.relay.patch(&[(O, Source::Port(C)), (U, Source::Port(C))]);
    gallery
}

fn size(image: &Image) -> (usize, usize) {
    (image.width(), image.height())
}

/// RFC 6184 §8.1: who declares level 1.2 has no room for VGA.
#[test]
fn a_picture_beyond_a_screens_level_is_made_smaller_for_it_alone() {
    let mut gallery = gallery_of_levels((640, 480), MODE_0);
    gallery.send_frames(12, |_| false);
    let (small, large) = (gallery.shown(O, size), gallery.shown(U, size));
    assert!(small.len() > 8 && large.len() > 8, "{} and {}", small.len(), large.len());
    let macroblocks = |(width, height): (usize, usize)| width.div_ceil(16) * height.div_ceil(16);
    assert!(small.iter().all(|size| (100..=396).contains(&macroblocks(*size))), "{small:?}");
    assert!(large.iter().all(|size| *size == (640, 480)), "{large:?}");
    assert!(gallery.seen(O).iter().all(|colour| is_of(*colour, C)));
    assert_continuous(&gallery.relay.rtp_to(O));
    assert_eq!([O, U].map(|port| is_told_as_converted(&mut gallery.relay, port)), [true, false]);
}

fn is_told_as_converted(relay: &mut Relay, port: PortId) -> bool {
    relay.command(Command::Watch { port, on: true });
    relay.pass(1100);
    let told = relay.wire.events.iter().find_map(|event| match event {
        Event::Health { port: whose, health } if *whose == port => Some(health.converted),
        _other => None,
    });
    told.expect("a watched port is reported once a second")
}

#[test]
fn a_camera_that_sends_below_its_level_is_passed_on_at_no_cost() {
    let mut gallery = gallery_of_levels((352, 288), MODE_0);
    gallery.send_frames(12, |_| false);
    assert!(gallery.waiting.is_empty() && gallery.relay.wire.jobs.is_empty());
    let small = gallery.shown(O, size);
    assert!(small.len() > 8 && small.iter().all(|size| *size == (352, 288)), "{small:?}");
    assert_eq!(gallery.relay.rtp_to(O).len(), gallery.relay.rtp_to(U).len());
}

/// A camera that becomes larger in the middle of a call, and one that changes with every picture: the
/// conversion begins once.
#[test]
fn a_camera_that_grows_is_made_smaller_from_then_on() {
    let mut gallery = gallery_of_levels((352, 288), MODE_0);
    gallery.send_frames(5, |_| false);
    let mut begun = 0;
    for size in [(640, 480), (352, 288), (640, 480)] {
        let timestamp = gallery.cameras[0].timestamp;
        gallery.cameras[0] = Camera { timestamp, ..Camera::of_size(size, C, &Codec::H264, MODE_0) };
        for packet in gallery.cameras[0].packets(&mut gallery.relay) {
            gallery.relay.arrives(C, &packet);
        }
        begun += gallery.relay.wire.jobs.iter().filter(|j| matches!(j, Job::Open { .. })).count();
        gallery.work();
        gallery.send_frames(4, |_| false);
    }
    assert_eq!(begun, 1);
    let small = gallery.shown(O, size);
    assert!(small.iter().all(|(width, height)| width * height <= 352 * 288), "{small:?}");
    assert!(small.len() > 12, "{small:?}");
    assert_continuous(&gallery.relay.rtp_to(O));
}

const HIGH: &str = "profile-level-id=64001f;packetization-mode=1";

/// A worker answers so when its codec has panicked: the conversion is gone.
#[test]
fn a_conversion_that_breaks_down_is_begun_anew_with_a_key_frame() {
    let other = (&Codec::H264, MODE_1);
    let mut gallery = Gallery::of([(&Codec::H264, HIGH), other, other]);
    gallery.relay.patch(&[(O, Source::Port(C))]);
    gallery.send_frames(6, |_| false);
    gallery.workshop = WorkerConversions::default();
    gallery.cameras[0].image.fill(COLOURS[2].1);
    gallery.send_frames(14, |_| false);
    let seen = gallery.seen(O);
    assert!(seen.last().is_some_and(|colour| is_of(*colour, U)), "{seen:?}");
    assert_continuous(&gallery.relay.rtp_to(O));
}

#[test]
fn a_conversion_that_breaks_down_again_and_again_is_given_up_until_the_next_switch() {
    let other = (&Codec::H264, MODE_1);
    let mut gallery = Gallery::of([(&Codec::H264, HIGH), other, other]);
    gallery.relay.patch(&[(O, Source::Port(C))]);
    gallery.worker_sleeps = true;
    let mut opened = 0;
    for _ in 0..60 {
        gallery.send_frames(1, |_| false);
        for job in std::mem::take(&mut gallery.waiting) {
            opened += usize::from(matches!(job, Job::Open { .. }));
            if let Some(done) = job.forfeit() {
                gallery.relay.machine.done(gallery.relay.now, done, &mut gallery.relay.wire);
            }
        }
        gallery.obey();
    }
    assert_eq!(opened, 3);
    gallery.relay.patch(&[(O, HOLD)]);
    gallery.relay.patch(&[(O, Source::Port(C))]);
    gallery.worker_sleeps = false;
    gallery.send_frames(20, |_| false);
    assert!(gallery.seen(O).iter().any(|colour| is_of(*colour, C)));
}

/// An answer may take several of the codecs that were offered (RFC 3264 §6.1), and its phone change between
/// them in the middle of a word.
#[test]
fn a_second_codec_of_a_phone_is_heard_as_it_comes() {
    let mut party = Party::of([&Codec::Pcma, &Codec::G722, &Codec::Pcmu]);
    let both = vec![
        format(Codec::G722, 9, 9, ""),
        format(Codec::Pcmu, 0, 0, ""),
        format(EVENTS, 101, 101, "0-15"),
    ];
    party.relay.command(Command::Update { port: O, plan: plan(O, both) });
    party.relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    for (codec, number) in [(Codec::G722, 9), (Codec::Pcmu, 0), (Codec::G722, 9)] {
        let clock_ms = party.clock_ms;
        let voice = &mut party.voices[1];
        *voice = Voice { due: clock_ms, ..Voice::new(&mut party.relay, O, &codec, number) };
        party.speak(200, |_| false);
        party.forget();
        party.speak(600, |_| false);
        let share = share_of(&party, C, O);
        assert!(share > 0.8, "{codec}: {share}");
        assert_continuous(&party.relay.rtp_to(C));
    }
    assert!(party.relay.rtp_to(O).iter().all(|sent| sent.header().payload_type == 9), "the first");
}

/// Once it speaks in a codec that passes, nothing is made any more of what it said in the one before.
#[test]
fn the_noise_of_a_converted_codec_ends_when_a_codec_that_passes_speaks() {
    let mut party = Party::of([&Codec::Pcma, &Codec::G722, &Codec::Pcmu]);
    let all = vec![
        format(Codec::G722, 9, 9, ""),
        format(Codec::Pcmu, 0, 0, ""),
        format(Codec::ComfortNoise { clock_rate: 8000 }, 13, 13, ""),
    ];
    party.relay.command(Command::Update { port: O, plan: plan(O, all) });
    party.relay.patch(&[(C, Source::Port(O))]);
    party.speak(400, |_| false);
    let timestamp = party.relay.phone(O).timestamp;
    let hush = party.relay.phone(O).packet_of(13, timestamp, &[40]);
    party.relay.arrives(O, &hush);
    party.relay.pass(200);
    let due = party.clock_ms;
    party.voices[1] = Voice { due, ..Voice::new(&mut party.relay, O, &Codec::Pcmu, 0) };
    party.speak(100, |_| false);
    party.forget();
    assert!(!is_told_as_converted(&mut party.relay, C));
    party.forget();
    party.speak(600, |_| false);
    let sent = party.relay.rtp_to(C);
    assert!((29..=31).contains(&sent.len()), "{} packets in 600 ms", sent.len());
    assert_continuous(&sent);
}

/// Comfort noise has one number beside several codecs: it is that of the voice that is heard.
#[test]
fn noise_beside_a_voice_that_is_converted_leaves_its_conversion_as_it_is() {
    let noise = || format(Codec::ComfortNoise { clock_rate: 8000 }, 13, 13, "");
    let mut party = Party::of([&Codec::Pcmu, &Codec::G722, &Codec::Pcmu]);
    let all = vec![format(Codec::Pcmu, 0, 0, ""), format(Codec::G722, 9, 9, ""), noise()];
    party.relay.command(Command::Update { port: O, plan: plan(O, all) });
    let both = vec![format(Codec::Pcmu, 0, 0, ""), noise()];
    party.relay.command(Command::Update { port: C, plan: plan(C, both) });
    party.relay.patch(&[(C, Source::Port(O))]);
    party.speak(200, |_| false);
    party.forget();
    for _ in 0..20 {
        let timestamp = party.relay.phone(O).timestamp;
        let hush = party.relay.phone(O).packet_of(13, timestamp, &[40]);
        party.relay.arrives(O, &hush);
        party.speak(60, |_| false);
    }
    let sent = party.relay.rtp_to(C);
    assert!(sent.iter().all(|sent| sent.header().payload_type == 0), "the noise is made audible");
    assert!((58..=82).contains(&sent.len()), "{} packets in 1200 ms", sent.len());
    assert_continuous(&sent);
}

/// Whoever sends decides which codec a packet is in; it does not decide how many coders are made.
#[test]
fn a_voice_that_alternates_two_codecs_is_heard_in_one_of_them() {
    let mut party = Party::of([&Codec::Pcma, &Codec::G722, &Codec::Pcmu]);
    let both = vec![format(Codec::G722, 9, 9, ""), format(Codec::G729, 18, 18, "")];
    party.relay.command(Command::Update { port: O, plan: plan(O, both) });
    party.relay.patch(&[(C, Source::Port(O))]);
    let codecs = [(Codec::G722, 9), (Codec::G729, 18)];
    let mut voices = codecs.map(|(codec, number)| Voice::new(&mut party.relay, O, &codec, number));
    for n in 0..200 {
        let payload = voices[n % 2].next();
        party.relay.phone(O).payload_type = [9, 18][n % 2];
        let packet = party.relay.phone(O).packet(&payload);
        party.relay.arrives(O, &packet);
        party.relay.pass(20);
    }
    let sent = party.relay.rtp_to(C);
    assert!((90..=120).contains(&sent.len()), "{} of 200 packets", sent.len());
    assert_continuous(&sent);
}

#[test]
fn a_camera_that_alternates_two_codecs_opens_few_conversions() {
    let screen = (&Codec::H264, MODE_1);
    let mut gallery = Gallery::of([(&Codec::Vp8, ""), screen, screen]);
    let both = vec![format(Codec::Vp8, 100, 100, ""), format(Codec::H264, 101, 101, MODE_1)];
    gallery.relay.command(Command::Update { port: C, plan: plan(C, both) });
    gallery.relay.patch(&[(O, Source::Port(C))]);
    gallery.relay.wire.jobs.clear();
    for timestamp in (0..150).map(|n| n * 3000) {
        for (number, payload) in [(100, &VP8_KEY[..]), (101, &[0x65, 0x88, 2, 3])] {
            let packet = gallery.relay.phone(C).packet_of(number, timestamp, payload);
            gallery.relay.arrives(C, &packet);
            gallery.relay.pass(20);
        }
    }
    let jobs = std::mem::take(&mut gallery.relay.wire.jobs);
    let opened = jobs.iter().filter(|job| matches!(job, Job::Open { .. })).count();
    assert!((4..=10).contains(&opened), "{opened} in 6 s");
}

/// The worker keeps a decoder and an encoder for each conversion that it is not told to end.
#[test]
fn a_camera_that_changes_to_a_codec_that_needs_none_ends_its_conversion() {
    for mode_of_screen in [MODE_0, MODE_1] {
        let screen = (&Codec::H264, mode_of_screen);
        let mut gallery = Gallery::of([(&Codec::Vp8, ""), screen, screen]);
        let both = vec![format(Codec::Vp8, 100, 100, ""), format(Codec::H264, 101, 101, MODE_1)];
        gallery.relay.command(Command::Update { port: C, plan: plan(C, both) });
        gallery.relay.patch(&[(O, Source::Port(C))]);
        gallery.relay.wire.jobs.clear();
        for timestamp in (0..6).map(|n| n * 3000) {
            for (number, payload) in [(100, &VP8_KEY[..]), (101, &[0x65, 0x88, 2, 3])] {
                let packet = gallery.relay.phone(C).packet_of(number, timestamp, payload);
                gallery.relay.arrives(C, &packet);
            }
        }
        let jobs = std::mem::take(&mut gallery.relay.wire.jobs);
        let opened = jobs.iter().filter(|job| matches!(job, Job::Open { .. })).count();
        let closed = jobs.iter().filter(|job| matches!(job, Job::Close { .. })).count();
        assert!(opened > 0 && closed == opened, "{mode_of_screen}: {opened} and {closed}");
    }
}
