//! Ports that go on from what a text and the ledger say of them, as after a process has been killed.

use crate::relay::*;
use crate::{VP8_DELTA, VP8_KEY};
use cordboard::codec::Codec;
use cordboard::ids::PortId;
use cordboard::media::{
    Channel, Command, Event, Handling, LedgerHead, Machine, Plan, PortFacts, Protection,
    RelayLedger, SavedPort, Settings, Source, SrtpKeys,
};
use cordboard::random::Random;
use cordboard::rtp::{Packet, RtpHeader};
use cordboard::srtp::{INDICES_AHEAD, MasterKey, ProtectContext, Seed, Suite, UnprotectContext};
use cordboard::time::{Duration, Instant, Now};
use proptest::prelude::*;
use std::collections::BTreeSet;

const BOOT: [u8; 16] = [7; 16];

/// A file, and the processes that write and read it.
struct File {
    head: LedgerHead,
    bytes: Vec<u8>,
}

impl File {
    fn new() -> Self {
        Self { head: LedgerHead::new(BOOT), bytes: Vec::new() }
    }

    /// Writes it, until the process ends or all is written.
    fn write(&mut self, relay: &mut Relay, torn_at: Option<usize>) {
        let mut bytes = Vec::new();
        relay.machine.write_ledger(relay.now, &mut self.head, Handling::Nothing, &mut bytes);
        let len = torn_at.unwrap_or(bytes.len()).min(bytes.len());
        if self.bytes.len() < len {
            self.bytes.resize(len, 0);
        }
        self.bytes[..len].copy_from_slice(&bytes[..len]);
        if torn_at.is_none() {
            self.head.is_written(relay.now.unix);
            relay.machine.ledger_written();
            relay.wire.ledger_wanted = false;
        }
    }

    fn read(&self) -> RelayLedger {
        RelayLedger::parse(&self.bytes, &BOOT).unwrap()
    }

    /// One that says nothing of any port.
    fn empty() -> Self {
        let mut file = Self::new();
        file.write(&mut Relay::new(), None);
        file
    }
}

type Texts = Vec<(PortFacts, Plan, Source)>;

/// What the texts of their legs say of all ports.
fn texts(relay: &Relay, ports: &[PortId]) -> Texts {
    let text = |port: &PortId| {
        let saved = relay.machine.save(relay.now, *port).expect("no key is down");
        (saved.facts(), saved.plan, relay.machine.patchbay().source(*port))
    };
    ports.iter().map(text).collect()
}

/// Another process, which has just begun, goes on with these ports. Those are returned that need new keys.
fn resume(relay: &mut Relay, texts: Texts, file: &mut File, gap: Duration) -> Vec<PortId> {
    let ledger = file.read();
    file.head = LedgerHead::following(BOOT, &ledger);
    relay.now = Now { instant: Instant::from_micros(40_000), unix: relay.now.unix + gap };
    relay.wire.now = relay.now.instant;
    relay.machine = Machine::new(Settings::default(), Random::from_number(9));
    let rows: Vec<_> = texts.iter().map(|(facts, _, source)| (facts.port, *source)).collect();
    let resumed = |(facts, plan, _): (PortFacts, Plan, Source)| {
        let slot = ledger.slots.get(&facts.port).copied();
        SavedPort::resumed(facts, plan, slot, relay.now)
    };
    let ports: Vec<_> = texts.into_iter().map(resumed).collect();
    let need = ports.iter().filter(|port| port.needs_new_key()).map(|port| port.port).collect();
    relay.machine.restore(relay.now, ports, &rows, &mut relay.wire);
    relay.make();
    need
}

fn talking() -> Relay {
    let mut relay = Relay::with_three_phones();
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    relay.speak(&[C, O], 1000);
    relay
}

fn header(sent: &[Sent], at: usize) -> RtpHeader {
    sent[at].header()
}

#[test]
fn a_stream_goes_on_ahead_of_what_can_have_been_sent_and_by_the_clock() {
    let mut relay = talking();
    let mut file = File::new();
    file.write(&mut relay, None);
    relay.speak(&[C, O], 180);
    let texts = texts(&relay, &[C, O, U]);
    let before = relay.rtp_to(O);
    assert!(resume(&mut relay, texts, &mut file, Duration::from_millis(500)).is_empty());
    for port in [C, O] {
        (0..25).for_each(|_| drop(relay.phone(port).packet(&[0; 160])));
    }
    relay.speak(&[C, O], 400);
    let sent = relay.rtp_to(O);
    let (last, first) = (header(&before, before.len() - 1), header(&sent, before.len()));
    assert_eq!(sent.len(), before.len() + 20);
    assert_eq!(first.ssrc, last.ssrc);
    let ahead = first.sequence.wrapping_sub(last.sequence);
    assert!((25..100).contains(&ahead), "{ahead} numbers");
    // The last packet was sent 20 ms before the end.
    assert_eq!(first.timestamp.wrapping_sub(last.timestamp), 8 * 520);
    assert_continuous(&sent[before.len()..]);
    assert_eq!(relay.heard(O), BTreeSet::from(["C".to_owned()]));
    assert_eq!(relay.heard(C), BTreeSet::from(["O".to_owned()]));
    relay.wire.sent.clear();
    relay.pass(200);
    assert_eq!(relay.heard(O), BTreeSet::new(), "its source is live, and nothing is made");
}

#[test]
fn from_a_slot_of_this_moment_it_goes_on_as_if_nothing_had_been() {
    let mut relay = talking();
    for _ in 0..5 {
        let mut file = File::new();
        file.write(&mut relay, None);
        let texts = texts(&relay, &[C, O, U]);
        resume(&mut relay, texts, &mut file, Duration::ZERO);
        relay.speak(&[C, O], 200);
    }
    for port in [C, O, U] {
        let sent = relay.rtp_to(port);
        assert!(sent.len() >= 95, "{}", sent.len());
        assert_continuous(&sent);
    }
}

#[test]
fn what_is_made_here_is_made_on_though_the_slot_was_of_a_moment_before() {
    let mut relay = talking();
    let mut file = File::new();
    file.write(&mut relay, None);
    relay.patch(&[(C, HOLD), (O, Source::Nothing)]);
    let texts = texts(&relay, &[C, O, U]);
    relay.wire.sent.clear();
    resume(&mut relay, texts, &mut file, Duration::from_millis(500));
    relay.pass(1000);
    assert!(relay.heard(C).contains("melody"), "it was live by its slot, and waits by its text");
    assert_eq!(relay.heard(O), BTreeSet::from(["silence".to_owned()]));
}

#[test]
fn a_picture_goes_on_with_a_key_frame_that_is_asked_for() {
    let mut relay = Relay::with_three_cameras(&Codec::Vp8, "");
    relay.patch(&[(O, Source::Port(C))]);
    relay.send_frames(C, &[&VP8_KEY, &VP8_DELTA, &VP8_DELTA]);
    let mut file = File::new();
    file.write(&mut relay, None);
    let texts = texts(&relay, &[C, O, U]);
    let before = relay.rtp_to(O);
    relay.wire.sent.clear();
    resume(&mut relay, texts, &mut file, Duration::from_millis(700));
    relay.send_frames(C, &[&VP8_DELTA]);
    assert_eq!(relay.key_frame_requests().len(), 1);
    assert!(relay.rtp_to(O).is_empty(), "nothing that leans on what is lost");
    relay.send_frames(C, &[&VP8_KEY, &VP8_DELTA]);
    let after = relay.rtp_to(O);
    assert_eq!(after.len(), 2);
    assert_eq!(header(&after, 0).ssrc, header(&before, 0).ssrc);
    let ahead = header(&after, 0).sequence.wrapping_sub(header(&before, 2).sequence);
    assert!((1..3000).contains(&ahead), "{ahead}");
}

/// What had waited in the socket is known to have come, and nobody is given it so late.
#[test]
fn what_waited_counts_and_is_not_played() {
    let mut relay = talking();
    let mut file = File::new();
    file.write(&mut relay, None);
    let texts = texts(&relay, &[C, O, U]);
    resume(&mut relay, texts, &mut file, Duration::from_millis(500));
    relay.wire.sent.clear();
    let from = relay.phone(C).address;
    for age in (0..25).rev().map(|n| Duration::from_millis(20 * n)) {
        let mut packet = relay.phone(C).packet(&[voice(C); 160]);
        relay.machine.rtp_of_age(relay.now, age, C, from.into(), &mut packet, &mut relay.wire);
    }
    assert_eq!(relay.rtp_to(O).len(), 6, "those of the last 100 ms");
    relay.speak(&[C], 6_000);
    assert_eq!(relay.lost(C), 0, "all of them have come");
    assert_continuous(&relay.rtp_to(O));
}

fn key(byte: u8) -> MasterKey {
    MasterKey::fresh(Suite::AesCm128Sha1_80, Seed([byte; 46]))
}

/// The plan of C under keys; ours have this number.
fn sealed(ours: u8) -> Plan {
    let keys = SrtpKeys { sends: key(ours), receives: key(200) };
    let formats = vec![format(Codec::Pcmu, 0, 0, ""), format(EVENTS, 101, 101, "0-15")];
    with(plan(C, formats), |plan| {
        plan.transport.protection = Protection::Keyed(Box::new(keys));
    })
}

/// Each is of the stream that the witness has heard from its beginning.
#[track_caller]
fn assert_understood(witness: &mut UnprotectContext, sent: &[Sent]) {
    for sent in sent {
        assert!(witness.unprotect_rtp(&mut sent.bytes.clone()).is_some());
    }
}

/// C speaks under SRTP, O in clear.
fn sealed_relay() -> Relay {
    let mut relay = Relay::with_three_phones();
    relay.command(Command::Update { port: C, plan: sealed(0) });
    relay.patch(&[(C, Source::Port(O)), (O, Source::Port(C))]);
    relay
}

#[test]
fn under_keys_nothing_is_sent_until_the_ledger_says_so() {
    let mut relay = sealed_relay();
    relay.speak(&[O], 200);
    let mut file = File::new();
    file.write(&mut relay, None);
    relay.speak(&[O], 200);
    let mut witness = UnprotectContext::new(&key(0));
    assert_understood(&mut witness, &relay.rtp_to(C));
    let text = texts(&relay, &[C, O, U]);
    assert!(resume(&mut relay, text, &mut file, Duration::from_millis(500)).is_empty());
    relay.wire.sent.clear();
    relay.speak(&[O], 100);
    assert!(relay.rtp_to(C).is_empty() && relay.wire.ledger_wanted);
    file.write(&mut relay, None);
    relay.speak(&[O], 100);
    let sent = relay.rtp_to(C);
    assert_eq!(sent.len(), 5);
    assert_understood(&mut witness, &sent);
    relay.pass(10_000);
    let held_back = relay.wire.events.iter().find_map(|event| match event {
        Event::Dropped { port: C, dropped } => Some(dropped.held_back),
        _ => None,
    });
    assert_eq!(held_back, Some(5));
}

#[test]
fn a_sealed_stream_asks_for_the_ledger_and_stops_where_it_cannot_be_written() {
    let mut relay = sealed_relay();
    relay.speak(&[O], 200);
    let mut file = File::new();
    file.write(&mut relay, None);
    relay.wire.sent.clear();
    let packets = |n: u64| n * 20;
    relay.speak(&[O], packets(INDICES_AHEAD.into()) / 2);
    assert!(!relay.wire.ledger_wanted);
    relay.speak(&[O], packets(1));
    assert!(relay.wire.ledger_wanted, "in time");
    relay.speak(&[O], packets(1000));
    assert_eq!(relay.rtp_to(C).len(), INDICES_AHEAD as usize);
    relay.machine.ledger_lost();
    relay.speak(&[O], packets(1000));
    assert_eq!(relay.rtp_to(C).len(), INDICES_AHEAD as usize + 1000, "nobody goes on from there");
}

/// A browser's keys cannot be changed in a call: it would be ended.
#[test]
fn keys_that_nothing_was_sent_under_go_on() {
    let mut relay = sealed_relay();
    let mut file = File::new();
    file.write(&mut relay, None);
    // Less than is written again for, and nobody knows of it.
    relay.speak(&[O], 200);
    let mut witness = UnprotectContext::new(&key(0));
    assert_understood(&mut witness, &relay.rtp_to(C));
    let text = texts(&relay, &[C, O, U]);
    assert!(resume(&mut relay, text, &mut file, Duration::from_millis(500)).is_empty());
    file.write(&mut relay, None);
    relay.wire.sent.clear();
    relay.speak(&[O], 100);
    let sent = relay.rtp_to(C);
    assert_eq!(sent.len(), 5);
    assert_understood(&mut witness, &sent);
}

#[test]
fn without_a_slot_a_sealed_leg_is_silent_until_it_has_another_key() {
    let mut relay = sealed_relay();
    relay.speak(&[O], 200);
    let text = texts(&relay, &[C, O, U]);
    let mut file = File::empty();
    assert_eq!(resume(&mut relay, text, &mut file, Duration::from_millis(500)), [C]);
    relay.wire.sent.clear();
    file.write(&mut relay, None);
    relay.speak(&[O], 6_000);
    // The same key once more changes nothing.
    relay.command(Command::Update { port: C, plan: sealed(0) });
    file.write(&mut relay, None);
    relay.speak(&[O], 6_000);
    assert!(relay.wire.sent.iter().all(|sent| sent.port != C), "also no report");
    relay.command(Command::Update { port: C, plan: sealed(1) });
    relay.speak(&[O], 100);
    let mut witness = UnprotectContext::new(&key(1));
    let sent = relay.rtp_to(C);
    assert_eq!(sent.len(), 5);
    for sent in sent {
        assert!(witness.unprotect_rtp(&mut sent.bytes.clone()).is_some());
    }
}

#[test]
fn a_slot_of_other_keys_is_not_trusted() {
    let mut relay = sealed_relay();
    relay.speak(&[O], 200);
    let mut file = File::new();
    file.write(&mut relay, None);
    relay.command(Command::Update { port: C, plan: sealed(1) });
    relay.speak(&[O], 200);
    let text = texts(&relay, &[C, O, U]);
    assert_eq!(resume(&mut relay, text, &mut file, Duration::from_millis(500)), [C]);
}

/// What a peer sends goes over the edge of 16 bits while nobody listens.
#[test]
fn a_peer_whose_numbers_went_round_in_the_gap_is_understood_and_not_heard_twice() {
    let mut relay = sealed_relay();
    let mut protect = ProtectContext::new(&key(200));
    relay.phone(C).sequence = 65_500;
    let mut say = |relay: &mut Relay| {
        let mut packet = relay.phone(C).packet(&[voice(C); 160]);
        protect.protect_rtp(&mut packet);
        packet
    };
    let mut file = File::new();
    let mut last = Vec::new();
    for _ in 0..20 {
        last = say(&mut relay);
        relay.arrives(C, &last);
        relay.pass(20);
    }
    file.write(&mut relay, None);
    let text = texts(&relay, &[C, O, U]);
    resume(&mut relay, text, &mut file, Duration::from_millis(500));
    relay.wire.sent.clear();
    for _ in 0..30 {
        say(&mut relay);
    }
    relay.arrives(C, &last);
    assert!(relay.rtp_to(O).is_empty(), "a repetition");
    for _ in 0..5 {
        let packet = say(&mut relay);
        relay.arrives(C, &packet);
    }
    assert_eq!(relay.rtp_to(O).len(), 5);
}

#[test]
fn without_a_slot_a_stream_in_clear_begins_as_another() {
    let mut relay = talking();
    let ssrc = header(&relay.rtp_to(O), 0).ssrc;
    let text = texts(&relay, &[C, O, U]);
    let mut file = File::empty();
    assert!(resume(&mut relay, text, &mut file, Duration::from_millis(500)).is_empty());
    relay.wire.sent.clear();
    relay.speak(&[C, O], 400);
    let sent = relay.rtp_to(O);
    assert!(sent.len() >= 20);
    assert_continuous(&sent);
    assert_ne!(header(&sent, 0).ssrc, ssrc);
    assert_ne!(header(&sent, 0).ssrc, header(&relay.rtp_to(C), 0).ssrc);
}

#[test]
fn keys_that_are_kept_back_and_a_watch_go_on() {
    let mut relay = talking();
    relay.command(Command::Intercept { port: C, on: true });
    relay.command(Command::Watch { port: C, on: true });
    let mut file = File::new();
    file.write(&mut relay, None);
    let text = texts(&relay, &[C, O, U]);
    assert_eq!((text[0].0.intercepted, text[0].0.watched), (true, true));
    assert_eq!((text[1].0.intercepted, text[1].0.watched), (false, false));
    assert!(text[0].0.latched.is_some());
    resume(&mut relay, text, &mut file, Duration::from_millis(500));
    relay.wire.events.clear();
    relay.wire.sent.clear();
    let at = relay.phone(C).timestamp;
    for _ in 0..3 {
        let packet = relay.phone(C).packet_of(101, at, &crate::key(5, 160, false));
        relay.arrives(C, &packet);
    }
    relay.speak(&[C], 1500);
    let digits = relay.wire.events.iter().filter(|event| matches!(event, Event::Dtmf { .. }));
    assert_eq!(digits.count(), 1);
    assert_eq!(relay.heard(O), BTreeSet::from(["C".to_owned()]), "no key");
    assert!(relay.wire.events.iter().any(|event| matches!(event, Event::Health { port: C, .. })));
    let first = |event: &Event| matches!(event, Event::FirstPacket { .. } | Event::Latched { .. });
    assert!(!relay.wire.events.iter().any(first), "it was heard before");
}

/// What may happen to a switchboard in a while.
#[derive(Clone, Debug)]
enum Step {
    /// So many packets of 20 ms, by which the ledger is written five times a second, and when it is wanted.
    Talk(u64),
    /// The same, while the disk takes nothing.
    Stuck(u64),
    /// The process ends, after so many lines of a further ledger were written, and is there again after so
    /// long; or ends once more before it has written any, and is there again after as long.
    Killed { written: Option<usize>, gap_ms: u64, twice: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..60_u64).prop_map(Step::Talk),
        1 => (1..600_u64).prop_map(Step::Stuck),
        3 => (prop::option::of(0..6_usize), 0..8_000_u64, any::<bool>())
            .prop_map(|(written, gap_ms, twice)| Step::Killed { written, gap_ms, twice }),
    ]
}

/// A phone that hears one stream from its beginning: under keys it takes each index once.
struct Witness {
    unprotect: Option<UnprotectContext>,
    last: Option<RtpHeader>,
}

impl Witness {
    fn hear(&mut self, sent: &Sent) {
        let mut bytes = sent.bytes.clone();
        if let Some(unprotect) = &mut self.unprotect {
            assert!(unprotect.unprotect_rtp(&mut bytes).is_some(), "an index twice, or too far on");
        }
        let header = Packet::parse(&bytes).unwrap().header();
        if let Some(last) = self.last {
            assert_eq!(header.ssrc, last.ssrc);
            let ahead = header.sequence.wrapping_sub(last.sequence);
            assert!((1..3000).contains(&ahead), "{ahead} numbers ahead");
            let later = header.timestamp.wrapping_sub(last.timestamp).cast_signed();
            assert!(later > 0, "{later} ticks later");
        }
        self.last = Some(header);
    }

    fn hear_report(&mut self, sent: &Sent) {
        let unprotect = self.unprotect.as_mut().unwrap();
        let report = unprotect.unprotect_rtcp(&mut sent.bytes.clone());
        assert!(report.is_some(), "an index twice");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// C is under keys and O is not; both speak without a pause, and the switchboard is killed again and again.
    #[test]
    fn over_any_number_of_crashes_streams_stay_one_and_no_index_is_used_twice(
        steps in prop::collection::vec(step(), 1..25),
    ) {
        let mut relay = sealed_relay();
        let mut file = File::new();
        file.write(&mut relay, None);
        let mut protect = ProtectContext::new(&key(200));
        let new = |ours| Witness { unprotect: Some(UnprotectContext::new(&key(ours))), last: None };
        // So long the file has said nothing new.
        let mut stale_ms = 0;
        let mut ours = 0_u8;
        let mut to_c = new(ours);
        let mut to_o = Witness { unprotect: None, last: None };
        let say = |relay: &mut Relay, protect: &mut ProtectContext| {
            let mut packet = relay.phone(C).packet(&[voice(C); 160]);
            protect.protect_rtp(&mut packet);
            (packet, relay.phone(O).packet(&[voice(O); 160]))
        };
        // A packet is heard between two ends: what was not sent is not counted as sent twice.
        let talks = |step: &Step| matches!(step, Step::Killed { .. }).then_some(Step::Talk(1));
        for step in steps.into_iter().flat_map(|step| [Some(step.clone()), talks(&step)]).flatten() {
            match step {
                Step::Talk(packets) | Step::Stuck(packets) => {
                    // A stream in clear stays one for as long as it can be told from what was sent before.
                    let is_stuck = matches!(step, Step::Stuck(_)) && stale_ms + packets * 20 < 25_000;
                    for n in 0..packets {
                        let (of_c, of_o) = say(&mut relay, &mut protect);
                        relay.arrives(C, &of_c);
                        relay.arrives(O, &of_o);
                        relay.pass(20);
                        stale_ms += 20;
                        if !is_stuck && (n % 10 == 9 || relay.wire.ledger_wanted) {
                            file.write(&mut relay, None);
                            stale_ms = 0;
                        }
                        for sent in relay.rtp_to(C) {
                            to_c.hear(&sent);
                        }
                        let reports = relay.wire.sent.iter();
                        reports
                            .filter(|sent| (sent.port, sent.channel) == (C, Channel::Rtcp))
                            .for_each(|sent| to_c.hear_report(sent));
                        relay.rtp_to(O).iter().for_each(|sent| to_o.hear(sent));
                        relay.wire.sent.clear();
                    }
                }
                Step::Killed { written, gap_ms, twice } => {
                    // What the slots do not know was sent in the last 200 ms, where the disk is well.
                    // A process ends between two pages, and so between two lines.
                    if let Some(lines) = written {
                        file.write(&mut relay, Some(lines * 64));
                    }
                    let texts = texts(&relay, &[C, O, U]);
                    let gap = Duration::from_millis(gap_ms);
                    let mut need = Vec::new();
                    for _ in 0..=u8::from(twice) {
                        for _ in 0..gap_ms / 20 {
                            let _lost = say(&mut relay, &mut protect);
                        }
                        need = resume(&mut relay, texts.clone(), &mut file, gap);
                    }
                    file.write(&mut relay, None);
                    stale_ms = 0;
                    prop_assert!(need.is_empty() || need == [C]);
                    if !need.is_empty() {
                        ours += 1;
                        relay.command(Command::Update { port: C, plan: sealed(ours) });
                        to_c = new(ours);
                    }
                    relay.wire.sent.clear();
                }
            }
        }
    }
}
