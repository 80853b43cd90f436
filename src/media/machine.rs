//! The relay: packets in, packets out, between them one look into the patchbay.
//!
//! Beside the path of a packet there are two clocks, both on one grid of 20 ms, so that one wake
//! serves every port: the pace, which beats only while some port needs sound of our own, and each
//! port's next deadline for reports, key frames, silence and health.

use super::demultiplex::Protocol;
use super::frame::ParameterSets;
use super::outgoing::{Channel, Event, Exit, Outgoing};
use super::patchbay::Source;
use super::path::MediaPath;
use super::peer_packet::{PacketKind, PeerPacket};
use super::plan::Plan;
use super::port::Follows;
use super::relay::{Machine, after};
use super::reports::REPORT_INTERVAL_MAX;
use super::tap::Side;
use super::taps::TapInput;
use super::work::{CodingOutcome, Done};
use crate::codec::Kind;
use crate::ids::{CallId, PortId};
use crate::rtp::event;
use crate::rtp::rtcp::{self, ReportBlock, RtcpPacket, RtcpWriter};
use crate::time::{Duration, Instant, Now, earliest};

/// Between two reports of a watched port's health.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// A packet that has waited longer is not for ears and eyes any more.
const WAITING_MAX: Duration = Duration::from_millis(100);

/// What the leg wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// Uses a port.
    Open {
        /// Which.
        port: PortId,
        /// Sound or pictures.
        kind: Kind,
        /// What was negotiated so far.
        plan: Plan,
    },
    /// Uses it otherwise: new SDP.
    Update {
        /// Which.
        port: PortId,
        /// What is negotiated now.
        plan: Plan,
    },
    /// Uses it no longer; it is nobody's source any more.
    Close {
        /// Which.
        port: PortId,
    },
    /// Changes who gets whom, all at once: receivers and their sources.
    Patch(Vec<(PortId, Source)>),
    /// Asks the peer for a key frame.
    KeyFrame {
        /// Whose.
        port: PortId,
    },
    /// Presses a key at the peer.
    Dtmf {
        /// Whose.
        port: PortId,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
    },
    /// The peer has reported this key by INFO: its packets, where they follow within
    /// [`KEY_ECHO`](super::KEY_ECHO), are heard and not passed on.
    Pressed {
        /// Whose.
        port: PortId,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        digit: char,
    },
    /// Keeps the peer's keys from its receivers, or no longer.
    Intercept {
        /// Whose.
        port: PortId,
        /// Whether to.
        on: bool,
    },
    /// Reports the health once a second, and at once whose packets the peer is given; or no longer.
    Watch {
        /// Whose.
        port: PortId,
        /// Whether to.
        on: bool,
    },
    /// Records what the peer sends, and what it is given of another port; or no longer.
    Record {
        /// Whose.
        port: PortId,
        /// The call whose recording it is.
        recording: Option<CallId>,
    },
    /// Makes stills of what the peer sends, one every [`STILL_INTERVAL`](super::STILL_INTERVAL), or no longer.
    Preview {
        /// Whose.
        port: PortId,
        /// Whether to.
        on: bool,
    },
}

impl Machine {
    /// Has the workers code melody, tones and the administrator's files ahead of the first call.
    pub fn prepare(&mut self, out: &mut impl Outgoing) {
        self.repertoire.prepare();
        self.repertoire.jobs().for_each(|job| out.job(job));
    }

    /// Does what the leg wants. Ports that are not open are passed over.
    pub fn handle(&mut self, now: Now, command: Command, out: &mut impl Outgoing) {
        self.obey(now, command, out);
        self.repertoire.jobs().for_each(|job| out.job(job));
    }

    fn obey(&mut self, now: Now, command: Command, out: &mut impl Outgoing) {
        match command {
            Command::Open { port, kind, plan } => self.open(now, port, kind, plan),
            Command::Update { port, plan } => self.update(now, port, plan, out),
            Command::Close { port } => self.close(now, port, out),
            Command::Patch(changes) => {
                let changes = self.patchbay.patch(&changes);
                self.switch(now, &changes, out);
            }
            Command::KeyFrame { port } => self.want_key_frame(now, port, out),
            Command::Dtmf { port, digit } => {
                if let (Some(open), Some(event)) = (self.ports.get_mut(port), event(digit)) {
                    open.stream.outbound.dtmf_generator.push(event);
                }
                self.settle(now.instant, port);
            }
            Command::Pressed { port, digit } => {
                if let (Some(open), Some(event)) = (self.ports.get_mut(port), event(digit)) {
                    open.stream.inbound.keys.pressed(now.instant, event);
                }
            }
            Command::Intercept { port, on } => {
                if let Some(open) = self.ports.get_mut(port) {
                    open.stream.inbound.keys.intercept(on);
                }
            }
            Command::Watch { port, on } => {
                if let Some(open) = self.ports.get_mut(port) {
                    open.stream.watch_due = on.then(|| now.instant + WATCH_INTERVAL);
                    open.stream.inbound.vitals.count_from(now.instant);
                }
                self.report_source(port, out);
                self.settle(now.instant, port);
            }
            Command::Record { port, recording } => self.record(now, port, recording, out),
            Command::Preview { port, on } => self.preview(now, port, on),
        }
    }

    /// Takes in a packet that came to the RTP socket of a port, and sends it on to whoever gets it
    /// now. The bytes are rewritten in place.
    pub fn rtp(
        &mut self,
        now: Now,
        port: PortId,
        path: impl Into<MediaPath>,
        packet: &mut [u8],
        out: &mut impl Outgoing,
    ) {
        self.rtp_of_age(now, Duration::ZERO, port, path.into(), packet, out);
    }

    /// The same with one that has waited for so long, as the socket says, for somebody who reads it. What is
    /// older than a moment counts, and is passed on to nobody.
    pub fn rtp_of_age(
        &mut self,
        now: Now,
        age: Duration,
        port: PortId,
        path: MediaPath,
        packet: &mut [u8],
        out: &mut impl Outgoing,
    ) {
        let Some(source) = self.ports.get_mut(port) else { return };
        match source.transport.demultiplex(Channel::Rtp, packet) {
            Some(Protocol::Rtp) => {}
            Some(Protocol::Rtcp) if source.transport.plan.mux => {
                return self.report(now, port, path, packet, out);
            }
            Some(Protocol::Stun) => {
                return self.check(now, port, (Channel::Rtp, path), packet, out);
            }
            Some(Protocol::Dtls) => {
                return source.transport.give_up(now.instant, path.remote, packet, out);
            }
            Some(Protocol::Rtcp) | None => return,
        }
        // Whichever of its streams it is for.
        let port = self.ports.addressee(port, packet);
        let Some(mut source) = self.ports.get_mut(port) else { return };
        let was_silent = source.stream.silence_due.is_none();
        let had_target = source.has_target();
        let shown = source.stream.inbound.sets.macroblocks_max();
        let Some(arrived) = source.receive(now.instant, path, packet, out) else { return };
        let grows = shown != source.stream.inbound.sets.macroblocks_max();
        if was_silent {
            source.stream.silence_due = Some(now.instant + self.settings.silent_after);
        }
        let unsettled = was_silent || !had_target;
        if age > WAITING_MAX {
            return self.withhold_late(now, port, &arrived, out);
        }
        if grows {
            self.reroute_receivers(port, out);
        }
        let Some(source) = self.ports.get_mut(port) else { return };
        // Lent for the time of this packet, since receiver and source may be one port.
        let sets = std::mem::take(&mut source.stream.inbound.sets);
        let recording = source.stream.recording;
        let is_previewed = source.stream.preview.is_some();
        let packet = &mut packet[..arrived.len];
        if let Some(call) = recording {
            let heard = TapInput { source: port, arrived: &arrived, packet, sets: &sets };
            self.tap(now, (call, Side::Left), &heard, out);
        }
        if is_previewed {
            let seen = TapInput { source: port, arrived: &arrived, packet, sets: &sets };
            self.look_at(now, &seen, out);
        }
        self.hand_out(now, port, &arrived, packet, &sets, out);
        self.give_back(port, sets);
        if arrived.header.marker && matches!(arrived.what, PacketKind::Picture(_)) {
            self.ask_between_pictures(now, port, out);
        }
        if unsettled {
            self.settle(now.instant, port);
        }
    }

    /// Sends on what has arrived to all who get this source.
    fn hand_out(
        &mut self,
        now: Now,
        port: PortId,
        arrived: &PeerPacket,
        packet: &mut [u8],
        sets: &ParameterSets,
        out: &mut impl Outgoing,
    ) {
        for at in 0..self.patchbay.receivers(port).len() {
            let receiver = self.patchbay.receivers(port)[at];
            if let Some(call) = self.recording_of(receiver) {
                let heard = TapInput { source: port, arrived, packet, sets };
                self.tap(now, (call, Side::Right), &heard, out);
            }
            let Some(mut open) = self.ports.get_mut(receiver) else { continue };
            let mut exit = Exit { scratch: &mut self.scratch, out };
            let follows = open.forward(now.instant, arrived, packet, sets, &mut exit);
            self.follow(now, receiver, follows, out);
        }
    }

    /// A packet has come that nobody gets any more. Of a picture it leaves a hole up to the next key frame, and may
    /// have been the beginning of that one itself.
    fn withhold_late(
        &mut self,
        now: Now,
        port: PortId,
        arrived: &PeerPacket,
        out: &mut impl Outgoing,
    ) {
        let is_picture = matches!(arrived.what, PacketKind::Picture(_));
        if is_picture && !self.patchbay.receivers(port).is_empty() {
            self.want_key_frame(now, port, out);
        }
        self.settle(now.instant, port);
    }

    /// Takes in a packet that came to the RTCP socket of a port.
    pub fn rtcp(
        &mut self,
        now: Now,
        port: PortId,
        path: impl Into<MediaPath>,
        packet: &mut [u8],
        out: &mut impl Outgoing,
    ) {
        let path = path.into();
        let Some(open) = self.ports.get_mut(port) else { return };
        match open.transport.demultiplex(Channel::Rtcp, packet) {
            Some(Protocol::Rtcp | Protocol::Rtp) => self.report(now, port, path, packet, out),
            Some(Protocol::Stun) => self.check(now, port, (Channel::Rtcp, path), packet, out),
            Some(Protocol::Dtls) | None => {}
        }
    }

    /// Takes in a connectivity check of a port's peer.
    fn check(
        &mut self,
        now: Now,
        port: PortId,
        (channel, path): (Channel, MediaPath),
        packet: &[u8],
        out: &mut impl Outgoing,
    ) {
        let Some(open) = self.ports.get_mut(port) else { return };
        let before = (open.has_target(), open.transport.consent_due());
        let mut exit = Exit { scratch: &mut self.scratch, out };
        let is_moved = open.transport.check(now.instant, (channel, path), packet, &mut exit);
        let is_other = before != (open.has_target(), open.transport.consent_due());
        if is_moved {
            out.report(Event::Latched { port, remote: path.remote });
        }
        if is_moved || is_other {
            self.settle_carried(now.instant, port);
        }
    }

    /// Sends what the handshake of a transport says. Until there is an address the newest waits for it.
    pub fn flight(&mut self, port: PortId, datagrams: Vec<Vec<u8>>, out: &mut impl Outgoing) {
        if let Some(open) = self.ports.get_mut(port) {
            open.transport.send_flight(datagrams, out);
        }
    }

    /// Takes in a report of a port's peer, for all streams on the transport.
    fn report(
        &mut self,
        now: Now,
        port: PortId,
        path: MediaPath,
        packet: &mut [u8],
        out: &mut impl Outgoing,
    ) {
        let Some(open) = self.ports.get_mut(port) else { return };
        let Some(packet) = open.transport.open_rtcp(packet) else { return };
        if rtcp::parse(packet).is_err() {
            open.transport.dropped.malformed += 1;
            return;
        }
        let had_target = open.has_target();
        if !open.transport.judge_report(now.instant, path) {
            return;
        }
        let unsettled = had_target != open.has_target();
        let is_alone = self.ports.carried(port).count() == 1;
        for stream in self.ports.carried(port) {
            self.hear_report(now, (stream, is_alone), packet, out);
        }
        if unsettled {
            self.settle_carried(now.instant, port);
        }
    }

    /// Takes in what a report says of one stream. Where others are beside it, it is told by the SSRC whose the figures
    /// of a sender are.
    fn hear_report(
        &mut self,
        now: Now,
        (port, is_alone): (PortId, bool),
        packet: &[u8],
        out: &mut impl Outgoing,
    ) {
        let (Some(open), Ok(messages)) = (self.ports.get_mut(port), rtcp::parse(packet)) else {
            return;
        };
        open.stream.inbound.vitals.report(now.instant);
        let own_ssrc = open.stream.outbound.stream.ssrc();
        let (mut picture_wanted, mut bitrate_max) = (false, None::<u64>);
        for message in messages {
            match message {
                RtcpPacket::SenderReport(report, blocks) => {
                    if is_alone || open.stream.inbound.is_of(report.ssrc) {
                        open.stream.reports.hear_sender(now.instant, report);
                        open.stream.inbound.vitals.sender_report(now.instant, report.packets);
                        self.clocks.hear(&open.stream.plan.cname, now, report.ntp);
                    }
                    blocks.for_each(|block| {
                        open.stream.reports.hear_block(now.unix, own_ssrc, &block)
                    });
                }
                RtcpPacket::ReceiverReport(_, blocks) => {
                    blocks.for_each(|block| {
                        open.stream.reports.hear_block(now.unix, own_ssrc, &block)
                    });
                }
                RtcpPacket::PictureLoss { media, .. } => picture_wanted |= media == own_ssrc,
                RtcpPacket::FullIntra(_, mut requests) => {
                    picture_wanted |= requests.any(|(media, _)| media == own_ssrc);
                }
                RtcpPacket::MaxBitrate { bitrate, .. } => {
                    // Of a whole transport it is the pictures that can be less.
                    let is_ours = is_alone || open.stream.kind == Kind::Video;
                    bitrate_max = is_ours.then_some(bitrate).or(bitrate_max);
                }
                RtcpPacket::SourceBitrates(_, mut limits) => {
                    bitrate_max = limits.find(|(media, _)| *media == own_ssrc).map(|(_, max)| max);
                }
                RtcpPacket::Cname(..)
                | RtcpPacket::Bye(_)
                | RtcpPacket::Nack { .. }
                | RtcpPacket::Other(_) => {}
            }
        }
        // Where pictures are made or converted for it, that is where it is done.
        let picture_wanted = picture_wanted && !open.stream.outbound.renews_picture(out);
        let bitrate_max = bitrate_max.filter(|max| !open.stream.outbound.limits_bitrate(*max, out));
        if picture_wanted {
            self.want_picture(now, port, out);
        }
        if let Some(bitrate) = bitrate_max
            && let Source::Port(source) = self.patchbay.source(port)
        {
            self.limit_bitrate(now, source, bitrate, out);
        }
    }

    /// Takes back what a worker has done.
    pub fn done(&mut self, now: Now, done: Done, out: &mut impl Outgoing) {
        match done {
            Done::Frame { conversion, outcome } => {
                if let Some(camera) = conversion.camera() {
                    return self.rendered(now, camera, (conversion, outcome), out);
                }
                if outcome == CodingOutcome::Broken
                    && let Source::Port(source) = self.patchbay.source(conversion.port)
                    && let Some(source) = self.ports.get_mut(source)
                {
                    source.transport.dropped.undecodable += 1;
                }
                let Some(mut open) = self.ports.get_mut(conversion.port) else { return };
                let mut exit = Exit { scratch: &mut self.scratch, out };
                let follows = open.frame_done(now.instant, (conversion, outcome), &mut exit);
                self.follow(now, conversion.port, follows, out);
            }
            Done::Still { port, number, jpeg } => self.still_done((port, number), jpeg, out),
            Done::Prompt(key, encoded_prompt) => {
                let ports = self.repertoire.encoded_prompts.take(key, encoded_prompt);
                self.make_again(now, &ports);
            }
            Done::Sound(key, sound) => {
                let ports = self.repertoire.take_sound(key, sound);
                self.make_again(now, &ports);
            }
        }
        self.repertoire.jobs().for_each(|job| out.job(job));
    }

    /// Lets ports have what they waited for; a port that has live packets waits for nothing.
    fn make_again(&mut self, now: Now, ports: &[PortId]) {
        for port in ports {
            let source = self.patchbay.source(*port);
            if let Some(mut open) = self.ports.get_mut(*port).filter(|open| !open.stream.is_live())
            {
                open.make(source, now.instant, &mut self.repertoire);
            }
            self.settle(now.instant, *port);
        }
    }

    /// When [`Machine::tick`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        earliest(self.pace, self.deadlines.first().map(|(at, _)| *at))
    }

    /// Sends what is due: sounds, keys, reports, requests for key frames.
    pub fn tick(&mut self, now: Now, out: &mut impl Outgoing) {
        while let Some((at, port)) = self.deadlines.first().copied()
            && at <= now.instant
        {
            self.deadlines.pop_first();
            self.port_deadline(now, port, out);
        }
        if self.pace.is_some_and(|pace| pace <= now.instant) {
            let ports = &mut self.ports;
            let mut exit = Exit { scratch: &mut self.scratch, out };
            let mut spoilt = Vec::new();
            self.making.retain(|port| {
                ports.get_mut(*port).is_some_and(|mut open| {
                    if open.play(now.instant, &mut exit).key_frame {
                        spoilt.push(*port);
                    }
                    open.is_making()
                })
            });
            self.pace = (!self.making.is_empty()).then(|| after(now.instant));
            for port in spoilt {
                let follows = Follows { key_frame: true, settle: false };
                self.follow(now, port, follows, out);
            }
        }
    }

    /// One of the port's own deadlines has come.
    fn port_deadline(&mut self, now: Now, port: PortId, out: &mut impl Outgoing) {
        let source = self.patchbay.source(port);
        let Some(mut open) = self.ports.get_mut(port) else { return };
        open.stream.deadline = None;
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now.instant);
        if is_due(open.stream.silence_due)
            && let Some((span, lifeless)) =
                open.stream.check_silence(now.instant, self.settings.silent_after)
        {
            out.report(Event::Silent { port, span, lifeless });
        }
        if open.transport.loses_consent(now.instant) {
            out.report(Event::ConsentLost { port: open.transport.id });
        }
        if is_due(open.stream.picture_due) {
            let mut exit = Exit { scratch: &mut self.scratch, out };
            open.check_frame(now.instant, source, &mut self.repertoire, &mut exit);
            self.repertoire.jobs().for_each(|job| out.job(job));
        }
        if is_due(open.stream.watch_due) {
            open.stream.watch_due = Some(now.instant + WATCH_INTERVAL);
            let health = open.stream.health(now.instant);
            out.report(Event::Health { port, health });
        }
        if is_due(Some(open.stream.reports.due)) {
            // RFC 3550 §6.2: not all ports at once, and not in step with anyone.
            let early = Duration::from_millis(self.random.below(1000));
            open.stream.reports.due = now.instant + (REPORT_INTERVAL_MAX - early);
            open.fill_gap(now.instant, source, &mut self.repertoire);
            if let Some(dropped) = open.transport.take_dropped() {
                out.report(Event::Dropped { port, dropped });
            }
            self.send_regular_report(now, port, source, out);
        }
        self.ask_for_key_frame(now, port, out);
        self.ask_for_still(now, port, out);
        self.tell_limit(now.instant, port, out);
        self.settle(now.instant, port);
    }

    fn send_regular_report(
        &mut self,
        now: Now,
        port: PortId,
        source: Source,
        out: &mut impl Outgoing,
    ) {
        let timestamp = self.timestamp(now, port, source);
        let Some(open) = self.ports.get_mut(port) else { return };
        let ssrc = open.stream.outbound.stream.ssrc();
        let block = open.stream.inbound.stream.as_mut().and_then(|stream| {
            open.stream.reports.block(now.instant, stream.ssrc, &mut stream.reception)
        });
        let blocks: &[ReportBlock] = block.as_slice();
        let mut writer = RtcpWriter::new(&mut self.scratch);
        if open.stream.reports.is_sender() {
            let report = open.stream.reports.sender_report(ssrc, rtcp::ntp(now.unix), timestamp);
            writer.sender_report(&report, blocks);
        } else {
            writer.receiver_report(ssrc, blocks);
        }
        writer.cname(ssrc, &open.stream.plan.cname);
        open.transport.send_report(port, &mut self.scratch, out);
    }

    /// What the RTP clock of a port's outgoing stream shows now.
    fn timestamp(&self, now: Now, port: PortId, source: Source) -> u32 {
        let Some(open) = self.ports.get(port) else { return 0 };
        let from_source = || {
            let Source::Port(source) = source else { return None };
            let source = self.ports.get(source)?;
            let sender = source.reports.sender.as_ref()?;
            let offset = open.outbound.stream.timestamp_offset(sender.report.ssrc)?;
            let clock_rate = source.inbound.stream.as_ref()?.clock_rate;
            let shown =
                self.clocks.source_timestamp(&source.plan.cname, now, sender, clock_rate)?;
            Some(shown.wrapping_add(offset))
        };
        from_source()
            .unwrap_or_else(|| open.outbound.stream.timestamp_at(now.instant, open.clock_rate()))
    }

    fn give_back(&mut self, port: PortId, sets: ParameterSets) {
        if let Some(open) = self.ports.get_mut(port) {
            open.stream.inbound.sets = sets;
        }
    }
}
