//! The one loop: waits for one of a closed list of inputs, lets the cores think, performs what they
//! want.
//!
//! ```text
//!   UDP · streams · relay sockets · codec workers · handshakes · journal · resolver · administration · time · signals
//!       │ one sleep, then everything that is ready
//!       ▼
//!   exchange.handle ──▶ effects, in order: send, media, store, resolve, reply, log
//!   media.rtp ─────▶ packets out; jobs ──▶ codec workers; DTLS ──▶ handshakes; events ──▶ exchange.handle
//! ```
//!
//! Performing never decides and never waits: what cannot be sent is reported as an input.

use super::cameras::{self, CameraConnections};
use super::clock::Clock;
use super::codec_workers::CodecWorkers;
use super::complaints::Complaints;
use super::connecting::unix_now;
use super::course::{Course, CourseStep, FAREWELL, StopSignal};
use super::dtls::{HandshakeNews, HandshakeWorker};
use super::ledger_file::LedgerFile;
use super::loop_parts::{Broken, LoopParts, WhatWasLeft};
use super::loop_sockets::LoopSockets;
use super::notify::{self, ServiceNotice};
use super::recordings::{self, Recordings};
use super::resolver::Resolver;
use super::resting_ports::RestingPorts;
use super::routes::Routes;
use super::sip_trace;
use super::stream::StreamFigures;
use super::stream_event::{OpenedBy, StreamEvent};
use super::telemetry;
use super::tls::TlsStatus;
use crate::call::RecordingCommand;
use crate::exchange::journal::{Batch, WriteFault};
use crate::exchange::{self, Effect, Input, Reload, Reply, Resumption, WebReply};
use crate::ids::PortId;
use crate::media::{self, Handling};
use crate::sip::{Destination, Flow, Transport};
use crate::store::{BatchOutcome, StoreWriter};
use crate::time::{Duration, Instant, Now, earliest};
use crate::wire::PendingRequest;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use tokio::sync::{mpsc, oneshot};

/// Messages of one kind from which something follows, before all else has its turn.
const BURST_MAX: usize = 256;
/// So long messages that wait are read before all else has its turn.
const READING_MAX: Duration = Duration::from_millis(1);

/// A process that ends within so long after its start has probably ended of it: of what it has found, or of what is
/// sent to it again and again.
const PROVED_AFTER: Duration = Duration::from_millis(100);

/// Where an answer goes.
#[derive(Debug)]
enum AnswerTo {
    Admin(oneshot::Sender<Reply>),
    Page(oneshot::Sender<WebReply>),
}

/// The loop.
pub struct EventLoop {
    clock: Clock,
    exchange: exchange::Machine,
    media: media::Machine,
    sockets: LoopSockets,
    routes: Routes,
    workers: CodecWorkers,
    handshakes: HandshakeWorker,
    recordings: Recordings,
    cameras: CameraConnections,
    ledger: LedgerFile,
    resting: RestingPorts,
    writer: StoreWriter,
    resolver: Resolver,
    reloads: mpsc::Receiver<Reload>,
    complaints: Complaints,
    replies: BTreeMap<u64, AnswerTo>,
    last_request: u64,
    /// How long calls may go on after SIGTERM.
    drain: Duration,
    course: Course,
    /// Until then the start of this process is in hand.
    proves_itself: Option<Instant>,
    /// What performing has brought up; handled before the next sleep.
    found: VecDeque<Found>,
    /// More has come than the last turn could do.
    crowded: bool,
}

/// An input that came up while effects were performed.
#[derive(Debug)]
enum Found {
    Unsendable(Destination),
    Ports(Vec<PortId>),
    Unwritten(Batch, WriteFault),
}

impl EventLoop {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: LoopParts) -> Self {
        let LoopParts {
            clock,
            exchange,
            first,
            media,
            sockets,
            routes,
            workers,
            handshakes,
            recordings,
            cameras,
            ports,
            left,
            writer,
            resolver,
            reloads,
            drain,
        } = parts;
        let WhatWasLeft { behind, resume, used, ledger } = left;
        let mut this = Self {
            clock,
            exchange,
            media,
            sockets,
            routes,
            workers,
            handshakes,
            recordings,
            cameras,
            ledger,
            resting: RestingPorts::default(),
            writer,
            complaints: Complaints::default(),
            resolver,
            reloads,
            replies: BTreeMap::new(),
            last_request: 0,
            drain,
            course: Course::default(),
            proves_itself: None,
            found: VecDeque::new(),
            crowded: false,
        };
        this.media.prepare(this.sockets.media.outgoing());
        this.perform(first);
        let bound = ports.iter().copied().collect();
        let resumption = Resumption { which: resume, bound: &bound };
        let (now, out) = (this.now(), this.sockets.media.outgoing());
        let effects = this.exchange.resume(now, &mut this.media, behind, resumption, out);
        this.perform(effects);
        let unused: Vec<_> = used.into_iter().filter(|port| !this.exchange.uses(*port)).collect();
        this.resting = RestingPorts::new(this.clock.now().instant, unused);
        let ports = this.resting.hold(ports);
        this.handle(Input::Ports(ports));
        this
    }

    /// Runs until a signal says how it ends.
    ///
    /// # Errors
    /// When a promise can no longer be kept.
    pub async fn run(
        mut self,
        commits: mpsc::UnboundedReceiver<BatchOutcome>,
        requests: mpsc::Receiver<PendingRequest>,
        signals: mpsc::Receiver<StopSignal>,
    ) -> Result<(), Broken> {
        self.resume_relay();
        self.proves_itself = Some(self.now().instant + PROVED_AFTER);
        let result = self.turn(commits, requests, signals).await;
        self.write_ledger();
        self.sockets.streams.settle().await;
        self.record();
        self.recordings.finish(FAREWELL);
        result
    }

    async fn turn(
        &mut self,
        mut commits: mpsc::UnboundedReceiver<BatchOutcome>,
        mut requests: mpsc::Receiver<PendingRequest>,
        mut signals: mpsc::Receiver<StopSignal>,
    ) -> Result<(), Broken> {
        loop {
            self.drain_found();
            self.watch_cameras(self.now());
            self.sockets.media.take_jobs().for_each(|job| self.workers.submit(job));
            self.record();
            self.lay_down();
            if self.is_over() {
                return Ok(());
            }
            let crowded = std::mem::take(&mut self.crowded);
            if crowded {
                // What is always ready keeps the runtime from looking for what else has come.
                tokio::task::yield_now().await;
                self.sweep(&mut commits)?;
            }
            let wake = self.next_wake();
            let reads = self.course.reads();
            let LoopSockets { udp, streams, media } = &mut self.sockets;
            let workers = &mut self.workers;
            let handshakes = &mut self.handshakes;
            let cameras = &mut self.cameras;
            let recordings = &mut self.recordings;
            let reloads = &mut self.reloads;
            tokio::select! {
                () = std::future::ready(()), if crowded => {}
                () = std::future::poll_fn(|cx| udp.poll_ready(cx)), if reads => self.drain_udp(),
                readable = media.readable() => {
                    readable?;
                    self.relay()?;
                }
                Some(done) = workers.next() => self.on_done(done),
                Some(news) = handshakes.next() => self.on_handshake(news),
                Some(report) = cameras.next() => self.on_camera(report),
                Some(report) = recordings.next() => self.on_recording(report),
                Some(reload) = reloads.recv() => {
                    self.drain = reload.drain;
                    self.handle(Input::Reload(Box::new(reload)));
                }
                Some(event) = streams.next(), if reads => {
                    self.on_stream(event);
                    self.drain_streams();
                }
                Some(outcome) = commits.recv() => {
                    self.on_commit(outcome);
                    while let Ok(outcome) = commits.try_recv() {
                        self.on_commit(outcome);
                    }
                }
                Some((question, answer)) = self.resolver.next() => {
                    self.handle(Input::Resolved { question, answer });
                }
                Some(request) = requests.recv() => self.on_request(request),
                () = self.clock.sleep_until(wake) => {}
                Some(signal) = signals.recv() => self.on_signal(signal),
            }
            self.tick();
            self.read_waiting();
        }
    }

    /// When something is due without an input.
    fn next_wake(&self) -> Option<Instant> {
        let all = [
            self.exchange.deadline(),
            self.media.deadline(),
            self.cameras.deadline(),
            self.complaints.deadline(),
            self.sockets.streams.deadline(),
            self.routes.deadline(),
            self.exchange.live_deadline(),
            self.ledger.deadline(&self.media),
            self.resting.deadline(),
            self.proves_itself,
            self.course.deadline(),
        ];
        all.into_iter().fold(None, earliest)
    }

    /// Gives all that a flood could keep from its turn one turn each.
    fn sweep(&mut self, commits: &mut mpsc::UnboundedReceiver<BatchOutcome>) -> Result<(), Broken> {
        self.relay()?;
        if self.course.reads() {
            self.drain_udp();
            self.drain_streams();
        }
        while let Ok(outcome) = commits.try_recv() {
            self.on_commit(outcome);
        }
        Ok(())
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    /// Nothing is in hand any more, but the start until it is over.
    fn lay_down(&mut self) {
        let now = self.now().instant;
        if self.proves_itself.is_none_or(|at| at <= now) {
            self.proves_itself = None;
            self.ledger.take_in_hand(Handling::Nothing);
        }
    }

    fn handle(&mut self, input: Input) {
        self.ledger.take_something_in_hand();
        let effects = self.exchange.handle(self.now(), input);
        self.perform(effects);
    }

    fn tick(&mut self) {
        let now = self.now();
        if self.exchange.deadline().is_some_and(|at| at <= now.instant) {
            self.ledger.take_something_in_hand();
            let effects = self.exchange.tick(now);
            self.perform(effects);
        }
        for count in self.complaints.tick(now.instant) {
            tracing::warn!("{count}");
        }
        if self.exchange.live_deadline().is_some_and(|at| at <= now.instant) {
            let effects = self.exchange.write_live(now, &self.media);
            self.perform(effects);
        }
        if self.media.deadline().is_some_and(|at| at <= now.instant) {
            self.media.tick(now, self.sockets.media.outgoing());
        }
        let is_wanted = self.sockets.media.take_ledger_wanted();
        if let Some(fault) = self.ledger.tick(now, is_wanted, &mut self.media) {
            tracing::error!("{fault}");
        }
        if let Some(rested) = self.resting.tick(now.instant) {
            self.handle(Input::Ports(rested));
        }
        let streams = &mut self.sockets.streams;
        if streams.deadline().is_some_and(|at| at <= now.instant) {
            streams.sweep(now.instant, self.exchange.connections_in_use());
        }
        if self.routes.deadline().is_some_and(|at| at <= now.instant)
            && let Some(routes) = self.routes.look(now.instant).map(<[_]>::to_vec)
        {
            self.handle(Input::Routes(routes));
        }
    }

    // ---- what the relay leaves to the next process ----

    /// Goes on with the ports of calls that go on: nothing is sealed before the ledger says how far, and what has
    /// waited is read with its age.
    fn resume_relay(&mut self) {
        self.write_ledger();
        let clock = self.clock;
        self.sockets.media.catch_up(&mut self.media, || clock.now());
        self.pass_handshakes();
    }

    fn write_ledger(&mut self) {
        if let Some(fault) = self.ledger.write(self.clock.now(), &mut self.media) {
            tracing::error!("{fault}");
        }
    }

    // ---- what comes in ----

    fn drain_udp(&mut self) {
        let Self { clock, exchange, sockets, ledger, .. } = self;
        let mut effects = Vec::new();
        self.crowded |= sockets.udp.drain(BURST_MAX, |flow, bytes| {
            sip_trace::received(&flow, bytes);
            ledger.take_in_hand(Handling::message_of(exchange.concerns(bytes)));
            let follows = exchange.arrive(clock.now(), flow, bytes);
            let some = !follows.is_empty();
            if some {
                effects.push(follows);
            }
            some
        });
        effects.into_iter().for_each(|effects| self.perform(effects));
    }

    fn drain_streams(&mut self) {
        for _ in 0..BURST_MAX {
            let Some(event) = self.sockets.streams.try_next() else { return };
            self.on_stream(event);
        }
        self.crowded = true;
    }

    /// Reads what has come and waits.
    fn read_waiting(&mut self) {
        let until = self.now().instant + READING_MAX;
        while self.exchange.is_waited_for() {
            if self.now().instant >= until {
                self.crowded = true;
                return;
            }
            self.ledger.take_something_in_hand();
            let effects = self.exchange.serve(self.now());
            self.perform(effects.unwrap_or_default());
        }
    }

    fn on_stream(&mut self, event: StreamEvent) {
        self.sockets.streams.note(self.now().instant, &event);
        match event {
            StreamEvent::Opened(flow, OpenedBy::Page(session), _) => {
                self.handle(Input::PageCame { flow, session });
            }
            StreamEvent::Opened(_, OpenedBy::Us | OpenedBy::Them, _) => {}
            StreamEvent::Message(flow, bytes) => {
                sip_trace::received(&flow, &bytes);
                let of = self.exchange.concerns(&bytes);
                self.ledger.take_in_hand(Handling::message_of(of));
                let effects = self.exchange.arrive(self.now(), flow, &bytes);
                self.perform(effects);
            }
            StreamEvent::Closed(flow) => self.handle(Input::FlowClosed(flow)),
            StreamEvent::Failed(transport, remote, _) => {
                let destination = Destination::Address { transport, remote };
                self.handle(Input::TransportFailed(destination));
            }
        }
    }

    fn relay(&mut self) -> io::Result<()> {
        let clock = self.clock;
        self.sockets.media.relay(&mut self.media, || clock.now())?;
        self.pass_handshakes();
        Ok(())
    }

    /// Gives what has come of DTLS to its thread, before anybody else can have its port.
    fn pass_handshakes(&mut self) {
        for (port, datagram) in self.sockets.media.take_handshakes() {
            self.handshakes.datagram(port, &datagram);
        }
    }

    fn on_handshake(&mut self, news: HandshakeNews) {
        let mut next = Some(news);
        while let Some(news) = next {
            match news {
                HandshakeNews::Flight { port, datagrams } => {
                    self.media.flight(port, datagrams, self.sockets.media.outgoing());
                }
                HandshakeNews::Event(event) => self.handle(Input::Handshake(event)),
            }
            next = self.handshakes.try_next();
        }
    }

    fn on_done(&mut self, done: media::Done) {
        let mut next = Some(done);
        while let Some(done) = next {
            let now = self.now();
            self.media.done(now, done, self.sockets.media.outgoing());
            next = self.workers.try_next();
        }
    }

    fn report_media(&mut self) {
        let events: Vec<media::Event> = self.sockets.media.take_events().collect();
        for event in events {
            self.handle(Input::Media(event));
        }
    }

    fn on_camera(&mut self, report: cameras::CameraReport) {
        let mut next = Some(report);
        while let Some(report) = next {
            let now = self.now();
            if let Some((camera, what)) = self.cameras.note(now.instant, &report) {
                self.media.camera(now, camera, what, self.sockets.media.outgoing());
            }
            next = self.cameras.try_next();
        }
    }

    /// Carries what is recorded to the recorders.
    fn record(&mut self) {
        self.sockets.media.take_taps().for_each(|tap| self.recordings.tap(tap));
    }

    fn on_recording(&mut self, report: recordings::RecorderReport) {
        self.handle(match report {
            recordings::RecorderReport::Failed { call, text } => {
                Input::RecordingFailed { call, text }
            }
            recordings::RecorderReport::Room(room) => Input::RecordingRoom(room),
        });
    }

    /// Connects the cameras that somebody sees, and lets go of the others.
    fn watch_cameras(&mut self, now: Now) {
        for (camera, watched) in self.media.watched_cameras() {
            self.cameras.watch(now.instant, camera, watched);
        }
        for camera in self.cameras.tick(now.instant) {
            self.media.camera(now, camera, media::CameraState::Lost, self.sockets.media.outgoing());
        }
    }

    fn on_commit(&mut self, outcome: BatchOutcome) {
        match outcome {
            BatchOutcome::Committed(batch) => self.handle(Input::Committed(batch)),
            BatchOutcome::Failed { batch, fault } => self.handle(Input::Unwritten { batch, fault }),
        }
    }

    fn on_request(&mut self, request: PendingRequest) {
        self.last_request += 1;
        let id = self.last_request;
        match request {
            PendingRequest::Admin { by, request, reply } => {
                self.replies.insert(id, AnswerTo::Admin(reply));
                self.handle(Input::Admin { id, by, request });
            }
            PendingRequest::Web { request, reply } => {
                self.replies.insert(id, AnswerTo::Page(reply));
                self.handle(Input::Web { id, request });
            }
        }
    }

    fn drain_found(&mut self) {
        self.report_media();
        while let Some(found) = self.found.pop_front() {
            match found {
                Found::Unsendable(destination) => {
                    self.handle(Input::TransportFailed(destination));
                }
                Found::Ports(ports) => self.handle(Input::Ports(ports)),
                Found::Unwritten(batch, fault) => self.handle(Input::Unwritten { batch, fault }),
            }
        }
    }

    // ---- how it ends ----

    fn on_signal(&mut self, signal: StopSignal) {
        let now = self.now().instant;
        if let Some(step) = self.course.signal(now, signal, self.drain) {
            self.take_course(step);
        }
    }

    /// Whether the process may end; takes the next step towards it.
    fn is_over(&mut self) -> bool {
        let now = self.now().instant;
        if let Some(step) = self.course.tick(now, self.exchange.has_calls()) {
            self.take_course(step);
        }
        self.course.is_over(now, self.exchange.is_quiet(), self.exchange.is_written())
    }

    fn take_course(&mut self, step: CourseStep) {
        match step {
            CourseStep::Drain => {
                notify::tell(ServiceNotice::Draining);
                tracing::info!("draining: new calls are refused, and those that are there go on");
                self.handle(Input::Drain);
            }
            CourseStep::SayFarewell => {
                notify::tell(ServiceNotice::Stopping);
                let effects = self.exchange.shut_down(self.now());
                self.perform(effects);
            }
            CourseStep::Leave => {
                notify::tell(ServiceNotice::Stopping);
                tracing::info!("leaving for the next process: nobody is told");
                // What has been read is this process's to answer.
                self.drain_streams();
                while let Some(effects) = self.exchange.serve(self.now()) {
                    self.perform(effects);
                }
                let effects = self.exchange.write_all_live(self.now(), &self.media);
                self.perform(effects);
                let effects = self.exchange.leave(self.now());
                self.perform(effects);
            }
        }
    }

    // ---- what goes out ----

    fn perform(&mut self, effects: Vec<Effect>) {
        let mut recorded = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send { to, bytes } => self.send(to, bytes),
                Effect::Media(command) => {
                    let now = self.now();
                    self.media.handle(now, command, self.sockets.media.outgoing());
                }
                Effect::Handshake(command) => self.handshakes.command(command),
                Effect::PortsWanted(pairs) => self.grow(pairs),
                Effect::Write(batch) => self.write(batch),
                Effect::Journal(news) => telemetry::tell_of_journal(&news),
                Effect::Resolve(question) => self.resolver.ask(question),
                Effect::Located { name, addresses } => telemetry::locate(&name, &addresses),
                Effect::RegisteredAt { trunk, state } => telemetry::registered_at(&trunk, state),
                Effect::Reply { id, reply } => self.reply(id, reply),
                Effect::WebReply { id, reply } => self.reply_to_page(id, reply),
                Effect::WebStill { id, port } => {
                    let still = self.media.still(self.now().instant, port).cloned();
                    self.reply_to_page(id, WebReply::Still(still));
                }
                Effect::CloseFlow(connection) => self.sockets.streams.close(connection),
                Effect::Log(log_event) => telemetry::tell(&log_event),
                Effect::Resumed(report) => telemetry::tell_of_resumption(&report),
                Effect::Visit(visit) => telemetry::welcome(&visit),
                Effect::WrongPassword(wrong) => telemetry::suspect(&wrong),
                Effect::Complaint { flow, about, what } => {
                    let now = self.now().instant;
                    if self.complaints.is_news(now, flow.remote.ip(), about) {
                        telemetry::complain(&flow, &what);
                    }
                }
                Effect::Recording(RecordingCommand::Begin { call, path }) => {
                    self.recordings.begin(call, path.into());
                }
                Effect::Recording(RecordingCommand::End { call }) => recorded.push(call),
            }
        }
        if !recorded.is_empty() {
            // First what the relay still had of it.
            self.record();
            recorded.into_iter().for_each(|call| self.recordings.end(call));
        }
    }

    fn reply(&mut self, id: u64, mut reply: Reply) {
        if let Reply::Status(status) = &mut reply {
            let streams = &self.sockets.streams;
            let StreamFigures { open, refused, failed } = streams.figures();
            status.connections = (open, refused);
            status.failed_handshakes = failed;
            let TlsStatus { fingerprint, trouble, .. } = streams.tls().status(unix_now());
            (status.certificate, status.certificate_trouble) = (fingerprint, trouble);
            status.ledger = self.ledger.fault().map(str::to_owned);
        }
        if let Some(AnswerTo::Admin(waiting)) = self.replies.remove(&id) {
            // Whoever asked may have gone.
            let _ = waiting.send(reply);
        }
    }

    fn reply_to_page(&mut self, id: u64, reply: WebReply) {
        if let Some(AnswerTo::Page(waiting)) = self.replies.remove(&id) {
            // The browser may have gone.
            let _ = waiting.send(reply);
        }
    }

    fn send(&mut self, to: Destination, bytes: Vec<u8>) {
        sip_trace::sent(&to, &bytes);
        let sent = match to {
            Destination::Flow(Flow { transport: Transport::Udp, local, remote, .. }) => {
                self.sockets.udp.send(Some(local), remote, &bytes).is_ok()
            }
            Destination::Address { transport: Transport::Udp, remote } => {
                self.sockets.udp.send(None, remote, &bytes).is_ok()
            }
            to => {
                // The answer to a phone that has just registered goes this way, too.
                if let Destination::Flow(flow) = to
                    && self.exchange.is_registered_over(flow.connection)
                {
                    self.sockets.streams.be_known(flow.connection);
                }
                let names = || self.exchange.names_at(&to);
                self.sockets.streams.send(&to, bytes, names).is_ok()
            }
        };
        if !sent {
            self.found.push_back(Found::Unsendable(to));
        }
    }

    /// Binds more relay ports. The legs hear of it in any case, since some may wait for them.
    fn grow(&mut self, pairs: usize) {
        let mut ports = Vec::new();
        // Those that rest are passed over.
        loop {
            let grown = self.sockets.media.grow(pairs - ports.len()).unwrap_or_else(|error| {
                tracing::warn!("no more relay ports: {error}");
                Vec::new()
            });
            let is_all = grown.is_empty();
            ports.extend(self.resting.hold(grown));
            if is_all || ports.len() >= pairs {
                break;
            }
        }
        if ports.is_empty() && self.sockets.media.is_full() {
            tracing::warn!("all relay ports are in use: widen `media.ports`");
        }
        self.found.push_back(Found::Ports(ports));
    }

    fn write(&mut self, batch: Batch) {
        if let Err((batch, why)) = self.writer.write(batch) {
            self.found.push_back(Found::Unwritten(batch, WriteFault::OfJournal(why.to_string())));
        }
    }
}
