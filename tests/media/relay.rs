//! A relay with phones around it, and what they hear and see.

use cordboard::codec::{Codec, Kind};
use cordboard::ids::PortId;
use cordboard::media::{
    BitrateFeedback, Channel, Command, Dropped, Event, Job, KeyFrameFeedback, Machine, MediaPath,
    Outgoing, PayloadFormat, PictureLimits, Plan, PromptMessage as Text, Protection, RecordingTap,
    SavedPort, Settings, Source, StreamPlan, TransportPlan, Trust, VideoPrompt, WaitingProfileId,
    WorkerConversions,
};
use cordboard::random::Random;
use cordboard::rtp::rtcp::{self, RtcpPacket, RtcpWriter};
use cordboard::rtp::{Packet, RtpHeader};
use cordboard::sdp::Direction;
use cordboard::time::{Duration, Instant, Now, UnixTime};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

pub const C: PortId = PortId(16_000);
pub const O: PortId = PortId(16_004);
pub const U: PortId = PortId(16_008);
pub const EVENTS: Codec = Codec::TelephoneEvent { clock_rate: 8000 };
pub const HOLD: Source = Source::Hold(WaitingProfileId::DEFAULT);
pub const SILENCE: u8 = 0xff; // of µ-law

/// The picture of a place in the queue.
pub fn position(number: u32) -> Source {
    let message = Text::Position { number, minutes: None, crowded: false };
    Source::Prompt(VideoPrompt { waiting_profile: WaitingProfileId::DEFAULT, message })
}

#[derive(Clone, Debug)]
pub struct Sent {
    pub at: Instant,
    pub port: PortId,
    pub channel: Channel,
    pub local: Option<IpAddr>,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

impl Sent {
    pub fn header(&self) -> RtpHeader {
        Packet::parse(&self.bytes).unwrap().header()
    }

    pub fn payload(&self) -> &[u8] {
        Packet::parse(&self.bytes).unwrap().payload()
    }
}

#[derive(Default)]
pub struct Wire {
    pub now: Instant,
    pub sent: Vec<Sent>,
    pub events: Vec<Event>,
    pub jobs: Vec<Job>,
    /// Prompts and sounds: what the relay makes itself.
    pub orders: Vec<Job>,
    pub taps: Vec<RecordingTap>,
    pub handshakes: Vec<(PortId, Vec<u8>)>,
    pub ledger_wanted: bool,
}

impl Outgoing for Wire {
    fn send(&mut self, port: PortId, channel: Channel, path: MediaPath, packet: &[u8]) {
        let MediaPath { local, remote: to } = path;
        self.sent.push(Sent { at: self.now, port, channel, local, to, bytes: packet.to_vec() });
    }

    fn report(&mut self, event: Event) {
        self.events.push(event);
    }

    fn tap(&mut self, tap: RecordingTap) {
        self.taps.push(tap);
    }

    fn handshake(&mut self, port: PortId, datagram: &[u8]) {
        self.handshakes.push((port, datagram.to_vec()));
    }

    fn job(&mut self, job: Job) {
        match job {
            Job::Prompt(_) | Job::Sound(_) => self.orders.push(job),
            conversion => self.jobs.push(conversion),
        }
    }

    fn want_ledger(&mut self) {
        self.ledger_wanted = true;
    }
}

/// A phone that sends one packet every 20 ms.
#[derive(Clone, Debug)]
pub struct Phone {
    pub port: PortId,
    pub address: SocketAddr,
    pub payload_type: u8,
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub step: u32,
}

impl Phone {
    pub fn packet(&mut self, payload: &[u8]) -> Vec<u8> {
        self.packet_of(self.payload_type, self.timestamp, payload)
    }

    pub fn packet_of(&mut self, payload_type: u8, timestamp: u32, payload: &[u8]) -> Vec<u8> {
        let header = RtpHeader {
            payload_type,
            marker: false,
            sequence: self.sequence,
            timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.step);
        [&header.to_bytes()[..], payload].concat()
    }
}

pub struct Relay {
    pub machine: Machine,
    pub wire: Wire,
    pub now: Now,
    pub phones: Vec<Phone>,
    /// The ports that are open, and what each may send or get.
    open: BTreeMap<PortId, Vec<PayloadFormat>>,
    /// Something was begun that does not outlive a process as it is: a recording, a key by INFO.
    singular: bool,
    /// Moments at which all ports could be put into another relay, and how often they were.
    moments: u64,
    pub put_back: u64,
}

impl Relay {
    pub fn new() -> Self {
        let unix = UnixTime::from_secs(1_800_000_000);
        Self {
            machine: Machine::new(Settings::default(), Random::from_number(1)),
            wire: Wire::default(),
            now: Now { instant: Instant::START, unix },
            phones: Vec::new(),
            open: BTreeMap::new(),
            singular: false,
            moments: 0,
            put_back: 0,
        }
    }

    /// Another relay goes on with all ports, at every second moment at which nothing is made here but silence,
    /// and nothing is converted: nobody may notice.
    fn change_relays(&mut self) {
        let as_they_are = |kind| {
            let all = self.open.values().flatten().filter(|format| format.codec.is_primary());
            let mut all = all.filter(|format| format.codec.kind() == kind);
            let first = all.next();
            all.all(|format| {
                first.is_some_and(|first| {
                    (&first.codec, &first.fmtp) == (&format.codec, &format.fmtp)
                })
            })
        };
        let row = |port: &PortId| (*port, self.machine.patchbay().source(*port));
        let rows: Vec<(PortId, Source)> = self.open.keys().map(row).collect();
        let passes = |(_, source): &(PortId, Source)| {
            matches!(source, Source::Port(_) | Source::Silence | Source::Nothing)
        };
        // What is ordered and not made yet is another relay's wish.
        let is_ordinary = !self.singular
            && self.wire.orders.is_empty()
            && rows.iter().all(passes)
            && as_they_are(Kind::Audio)
            && as_they_are(Kind::Video);
        if !is_ordinary {
            return;
        }
        self.moments += 1;
        if !self.moments.is_multiple_of(2) {
            return;
        }
        let save = |machine: &Machine, now| {
            self.open.keys().map(|port| machine.save(now, *port)).collect::<Option<Vec<_>>>()
        };
        let Some(saved) = save(&self.machine, self.now) else { return };
        // A picture of ours that is still seen begins anew.
        let shows_none = |port: &SavedPort| {
            let stream = &port.stream;
            port.kind == Kind::Audio || stream.is_live || stream.numbering.anchor.is_none()
        };
        if !saved.iter().all(shows_none) {
            return;
        }
        for port in &saved {
            assert_eq!(self.machine.slot(self.now, port.port), Some(port.slot(self.now)));
        }
        let mut other = Machine::new(Settings::default(), Random::from_number(self.moments));
        let mut wire = Wire::default();
        other.restore(self.now, saved.clone(), &rows, &mut wire);
        assert!(wire.sent.is_empty() && wire.events.is_empty(), "nobody is told");
        assert_eq!(save(&other, self.now), Some(saved));
        self.machine = other;
        self.wire.orders.extend(wire.orders);
        self.make();
        self.put_back += 1;
    }

    /// C, O and U, with sound; each numbers its payload types differently.
    pub fn with_three_phones() -> Self {
        let mut relay = Self::new();
        for (port, event_type) in [(C, 101), (O, 96), (U, 120)] {
            relay.open(
                port,
                Kind::Audio,
                vec![format(Codec::Pcmu, 0, 0, ""), format(EVENTS, event_type, 101, "0-15")],
            );
        }
        relay
    }

    pub fn with_three_cameras(codec: &Codec, fmtp: &str) -> Self {
        let mut relay = Self::new();
        for (port, number) in [(C, 96), (O, 97), (U, 98)] {
            relay.open(port, Kind::Video, vec![format(codec.clone(), number, 99, fmtp)]);
            relay.phone(port).payload_type = 99;
            relay.phone(port).step = 3000;
        }
        relay
    }

    pub fn open(&mut self, port: PortId, kind: Kind, formats: Vec<PayloadFormat>) {
        let plan = plan(port, formats);
        let n = port.0 as u32;
        self.phones.push(Phone {
            port,
            address: plan.transport.remote.unwrap(),
            payload_type: 0,
            ssrc: n,
            sequence: (n as u16).wrapping_mul(7),
            timestamp: n.wrapping_mul(77_777),
            step: 160,
        });
        self.command(Command::Open { port, kind, plan });
    }

    pub fn command(&mut self, command: Command) {
        self.wire.now = self.now.instant;
        match &command {
            Command::Open { port, plan, .. } | Command::Update { port, plan } => {
                self.open.insert(*port, plan.stream.formats.clone());
            }
            Command::Close { port } => drop(self.open.remove(port)),
            Command::Pressed { .. } | Command::Record { .. } | Command::Preview { .. } => {
                self.singular = true;
            }
            Command::Patch(_)
            | Command::KeyFrame { .. }
            | Command::Dtmf { .. }
            | Command::Intercept { .. }
            | Command::Watch { .. } => {}
        }
        self.machine.handle(self.now, command, &mut self.wire);
        self.make();
        self.change_relays();
    }

    /// Lets a worker make all prompts and sounds that are ordered.
    pub fn make(&mut self) {
        while let Some(order) = self.wire.orders.pop() {
            let done = WorkerConversions::default().perform(order).unwrap();
            self.machine.done(self.now, done, &mut self.wire);
        }
    }

    pub fn patch(&mut self, rows: &[(PortId, Source)]) {
        self.command(Command::Patch(rows.to_vec()));
    }

    pub fn phone(&mut self, port: PortId) -> &mut Phone {
        self.phones.iter_mut().find(|phone| phone.port == port).unwrap()
    }

    pub fn arrives(&mut self, port: PortId, packet: &[u8]) {
        let from = self.phone(port).address;
        self.arrives_from(port, from, packet);
    }

    pub fn arrives_from(&mut self, port: PortId, from: SocketAddr, packet: &[u8]) {
        self.arrives_by(port, from.into(), packet);
    }

    pub fn arrives_by(&mut self, port: PortId, path: MediaPath, packet: &[u8]) {
        self.wire.now = self.now.instant;
        self.machine.rtp(self.now, port, path, &mut packet.to_vec(), &mut self.wire);
    }

    pub fn report_arrives(&mut self, port: PortId, write: impl FnOnce(&mut RtcpWriter<'_>)) {
        let mut bytes = Vec::new();
        write(&mut RtcpWriter::new(&mut bytes));
        self.report_of_bytes_arrives(port, &bytes);
    }

    pub fn report_of_bytes_arrives(&mut self, port: PortId, bytes: &[u8]) {
        let rtp = self.phone(port).address;
        let from = SocketAddr::new(rtp.ip(), rtp.port() + 1);
        self.wire.now = self.now.instant;
        self.machine.rtcp(self.now, port, from, &mut bytes.to_vec(), &mut self.wire);
    }

    /// The clock moves on, and the relay's timers with it.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some(deadline) = self.machine.deadline().filter(|at| *at <= end.instant) {
            self.now = self.now + deadline.since(self.now.instant);
            self.wire.now = self.now.instant;
            self.machine.tick(self.now, &mut self.wire);
        }
        self.now = end;
        self.change_relays();
    }

    /// These phones speak for so long; every payload is full of the last byte of its port.
    pub fn speak(&mut self, ports: &[PortId], ms: u64) {
        for _ in 0..ms / 20 {
            for port in ports {
                let packet = self.phone(*port).packet(&[voice(*port); 160]);
                self.arrives(*port, &packet);
            }
            self.pass(20);
        }
    }

    pub fn rtp_to(&self, port: PortId) -> Vec<Sent> {
        let is_it = |sent: &&Sent| {
            sent.port == port
                && sent.channel == Channel::Rtp
                && !cordboard::rtp::is_rtcp(&sent.bytes)
        };
        self.wire.sent.iter().filter(is_it).cloned().collect()
    }

    /// All that was counted and not taken at a port.
    pub fn dropped(&self, port: PortId) -> Dropped {
        let mut all = Dropped::default();
        for event in &self.wire.events {
            if let Event::Dropped { port: at, dropped } = event
                && *at == port
            {
                all += *dropped;
            }
        }
        all
    }

    /// What a phone has heard since it was last asked for.
    pub fn heard(&mut self, port: PortId) -> BTreeSet<String> {
        let heard = self.rtp_to(port);
        self.wire.sent.retain(|sent| sent.port != port);
        heard.iter().map(|sent| name_of(sent.payload())).collect()
    }

    /// A camera sends one picture, a packet for each of these payloads, the last one marked.
    pub fn send_pieces(&mut self, port: PortId, payloads: &[&[u8]]) {
        let Phone { timestamp, step, payload_type, .. } = *self.phone(port);
        for (n, payload) in payloads.iter().enumerate() {
            let mut packet = self.phone(port).packet_of(payload_type, timestamp, payload);
            packet[1] |= if n + 1 == payloads.len() { 0x80 } else { 0 };
            self.arrives(port, &packet);
        }
        self.phone(port).timestamp = timestamp.wrapping_add(step);
    }

    /// The same, 25 times a second.
    pub fn send_picture(&mut self, port: PortId, payloads: &[&[u8]]) {
        self.send_pieces(port, payloads);
        self.pass(40);
    }

    pub fn key_frame_requests(&mut self) -> Vec<(u64, PortId, &'static str)> {
        let mut asked = Vec::new();
        for sent in self.wire.sent.iter().filter(|sent| sent.channel == Channel::Rtcp) {
            for message in rtcp::parse(&sent.bytes).unwrap() {
                let how = match message {
                    RtcpPacket::PictureLoss { .. } => "PLI",
                    RtcpPacket::FullIntra(..) => "FIR",
                    _ => continue,
                };
                asked.push((sent.at.as_micros() / 1000, sent.port, how));
            }
        }
        asked
    }
}

pub type Dress = fn(&[u8]) -> Vec<u8>;

/// A packet with what senders may put around a payload (RFC 3550 §5.1): nothing, padding, more padding
/// than payload, an extension, contributing sources, all of it.
pub fn dressed_packets() -> [Dress; 6] {
    fn padded(packet: &[u8], len: u8) -> Vec<u8> {
        let padding = std::iter::repeat_n(0, usize::from(len) - 1).chain([len]);
        let mut packet: Vec<u8> = packet.iter().copied().chain(padding).collect();
        packet[0] |= 0x20;
        packet
    }
    fn extended(packet: &[u8]) -> Vec<u8> {
        let extension = [0xbe, 0xde, 0, 2, 0x10, 0xff, 0x22, 1, 2, 3, 0, 0];
        let mut packet = [&packet[..12], &extension, &packet[12..]].concat();
        packet[0] |= 0x10;
        packet
    }
    fn mixed(packet: &[u8]) -> Vec<u8> {
        let mut packet = [&packet[..12], &[0, 0, 0, 1, 0, 0, 0, 2], &packet[12..]].concat();
        packet[0] |= 2;
        packet
    }
    [
        <[u8]>::to_vec,
        |packet| padded(packet, 4),
        |packet| padded(packet, 200),
        extended,
        mixed,
        |packet| padded(&mixed(&extended(packet)), 8),
    ]
}

pub fn format(codec: Codec, send_pt: u8, recv_pt: u8, fmtp: &str) -> PayloadFormat {
    PayloadFormat { codec, send_pt, recv_pt, fmtp: fmtp.into() }
}

pub fn plan(port: PortId, formats: Vec<PayloadFormat>) -> Plan {
    let remote = SocketAddr::from(([192, 0, 2, (port.0 % 200) as u8], 4000));
    let transport = TransportPlan {
        remote: Some(remote),
        remote_rtcp: None,
        latched: None,
        local: None,
        signalling_ip: remote.ip(),
        behind_nat: false,
        trust: Trust::Full,
        mux: false,
        protection: Protection::Clear,
        ice: None,
        handshake: false,
    };
    let stream = StreamPlan {
        formats,
        direction: Direction::SendRecv,
        packet_ms: 20,
        feedback: KeyFrameFeedback::Pli,
        bitrate_feedback: BitrateFeedback::None,
        picture: PictureLimits::default(),
        cname: port.to_string(),
    };
    Plan { transport, stream, carrier: None }
}

/// The same, otherwise in one point.
pub fn with(mut plan: Plan, change: impl FnOnce(&mut Plan)) -> Plan {
    change(&mut plan);
    plan
}

/// The same, for another direction.
pub fn directed(direction: Direction, plan: Plan) -> Plan {
    with(plan, |plan| plan.stream.direction = direction)
}

pub fn voice(port: PortId) -> u8 {
    port.0 as u8 // 128, 132 and 136: none of them µ-law silence
}

pub fn name_of(payload: &[u8]) -> String {
    let (first, len) = (payload[0], payload.len());
    let uniform = payload.iter().all(|byte| *byte == first);
    let name = match (uniform, len, first) {
        (_, 4, _) => "a key",
        (true, _, SILENCE) => "silence",
        (true, _, byte) if byte == voice(C) => "C",
        (true, _, byte) if byte == voice(O) => "O",
        (true, _, byte) if byte == voice(U) => "U",
        (true | false, _, _) => "melody",
    };
    name.to_owned()
}

/// The table of who gets whom, state by state, while all three speak without pause.
/// Every packet of one receiver: one SSRC, no number left out, time never back.
pub fn assert_continuous(sent: &[Sent]) {
    for pair in sent.windows(2) {
        let (one, other) = (pair[0].header(), pair[1].header());
        assert_eq!(one.ssrc, other.ssrc);
        assert_eq!(one.sequence.wrapping_add(1), other.sequence, "{one:?} {other:?}");
        assert!(
            other.timestamp.wrapping_sub(one.timestamp).cast_signed() >= 0,
            "{one:?} {other:?}"
        );
    }
}
