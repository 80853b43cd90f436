//! The inside of a simulated phone: one task that owns its sockets and at most one call.
//!
//! ```text
//!   Idle ── INVITE comes ──▶ Ringing ── Answer ──▶ Talking ── BYE ──▶ Idle
//!     └──── Call ──▶ Calling ── 200 ──▶ Talking
//! ```

use super::party::DemoParty;
use super::phone::DemoPhoneState;
use super::senses::{Measured, Senses};
use super::session::{self, Agreement, PhonePorts};
use super::sockets::PhoneSockets;
use super::voice::PartyMedia;
use crate::cli::agent::{AgentAccount, Dialog, Wire, chance, respond};
use crate::rtp::rtcp;
use crate::sdp::SessionDescription;
use crate::sip::{HeaderName, Message, Method, Request, Response, StatusCode};
use anyhow::{Context as _, bail};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Interval, MissedTickBehavior, interval};

const EXPIRES: &str = "600";
const TICK: Duration = Duration::from_millis(20);
const DATAGRAM_MAX: usize = 2048;
const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, INFO, UPDATE, OPTIONS";

/// A SIP message that a phone sent or got, for the drawing.
#[derive(Clone, Debug)]
pub struct DrawnMessage {
    /// Whose phone.
    pub party: DemoParty,
    /// Whether the switchboard sent it.
    pub from_board: bool,
    /// Method or status.
    pub what: String,
}

/// What the owner wants.
#[derive(Debug)]
pub(super) enum Command {
    Call(String),
    Answer,
    HangUp,
    Begin,
    Renew,
    Measure(oneshot::Sender<Measured>),
    Leave(oneshot::Sender<()>),
}

/// Where the owner looks.
#[derive(Debug)]
pub(super) struct Shows {
    pub(super) shown: watch::Sender<DemoPhoneState>,
    pub(super) steps: mpsc::UnboundedSender<DrawnMessage>,
}

/// A call, as far as it has come.
struct PhoneCall {
    /// The INVITE, theirs or ours.
    invite: Request,
    ours: bool,
    tag: String,
    dialog: Option<Dialog>,
    agreement: Agreement,
    /// Our description, repeated as it is.
    description: Arc<[u8]>,
    answered: bool,
}

/// The phone itself.
pub(super) struct Apparatus {
    party: DemoParty,
    wire: Wire,
    account: AgentAccount,
    sockets: PhoneSockets,
    ports: PhonePorts,
    ticks: Interval,
    voice: PartyMedia,
    senses: Senses,
    call: Option<PhoneCall>,
    shows: Shows,
}

enum Happened {
    Message(Message),
    Order(Option<Command>),
    Sound(usize),
    Picture(usize),
    Feedback(usize),
    Tick,
}

impl Apparatus {
    /// Connects and registers.
    pub(super) async fn switch_on(
        party: DemoParty,
        password: &str,
        server: SocketAddr,
        shows: Shows,
    ) -> anyhow::Result<Self> {
        let wire = Wire::connect(server).await?;
        let sockets = PhoneSockets::bind(wire.local().ip()).await?;
        let mut random = chance()?;
        let account = AgentAccount {
            user: party.number().to_owned(),
            password: password.to_owned(),
            server,
            local: wire.local(),
            random: random.fork(),
        };
        let ports = PhonePorts {
            ip: wire.local().ip(),
            audio: sockets.audio.local_addr()?.port(),
            video: sockets.video.local_addr()?.port(),
            h264: 96 + party as u8,
        };
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (voice, senses) = (PartyMedia::new(party, &mut random), Senses::new(Instant::now()));
        let call = None;
        let mut apparatus =
            Self { party, wire, account, sockets, ports, ticks, voice, senses, call, shows };
        apparatus.register(EXPIRES).await?;
        Ok(apparatus)
    }

    /// Until its owner lets it go, or the connection breaks: the owner sees that at the next order.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Command>) {
        // What broke shows in the phases that are then measured wrong.
        let _ = self.work(&mut orders).await;
    }

    async fn work(&mut self, orders: &mut mpsc::Receiver<Command>) -> anyhow::Result<()> {
        let [mut sound, mut picture, mut feedback] = [[0; DATAGRAM_MAX]; 3];
        loop {
            let PhoneSockets { audio, video, video_rtcp, .. } = &self.sockets;
            let happened = tokio::select! {
                message = self.wire.receive() => Happened::Message(message?),
                order = orders.recv() => Happened::Order(order),
                len = audio.recv(&mut sound) => Happened::Sound(len?),
                len = video.recv(&mut picture) => Happened::Picture(len?),
                len = video_rtcp.recv(&mut feedback) => Happened::Feedback(len?),
                _ = self.ticks.tick() => Happened::Tick,
            };
            match happened {
                Happened::Message(message) => self.on_message(message).await?,
                Happened::Order(None) => return Ok(()),
                Happened::Order(Some(Command::Leave(left))) => {
                    self.register("0").await?;
                    // Whoever asked may have gone.
                    let _ = left.send(());
                    return Ok(());
                }
                Happened::Order(Some(order)) => self.obey(order).await?,
                Happened::Sound(len) => match self.agreement().audio {
                    Some(agreed) => {
                        self.senses.hear(Instant::now(), &sound[..len], agreed.receive_as);
                    }
                    None => self.senses.wonder(Instant::now()),
                },
                Happened::Picture(len) => match self.agreement().video {
                    Some(agreed) => {
                        self.senses.see(Instant::now(), &picture[..len], agreed.receive_as);
                    }
                    None => self.senses.wonder(Instant::now()),
                },
                Happened::Feedback(len) => self.on_feedback(&feedback[..len]),
                Happened::Tick => self.speak().await?,
            }
        }
    }

    fn agreement(&self) -> Agreement {
        self.call.as_ref().map(|call| call.agreement).unwrap_or_default()
    }

    // ---- media ----

    async fn speak(&mut self) -> anyhow::Result<()> {
        let agreement = match &self.call {
            Some(call) if call.answered => call.agreement,
            Some(_) | None => return Ok(()),
        };
        if let Some(agreed) = agreement.audio {
            let packet = self.voice.next_sound(agreed.send_as);
            self.sockets.audio.send_to(&packet, agreed.remote).await?;
        }
        if let Some(agreed) = agreement.video {
            for packet in self.voice.next_frame(agreed.send_as) {
                self.sockets.video.send_to(&packet, agreed.remote).await?;
            }
        }
        Ok(())
    }

    fn on_feedback(&mut self, datagram: &[u8]) {
        let Ok(messages) = rtcp::parse(datagram) else { return };
        for message in messages {
            match message {
                rtcp::RtcpPacket::PictureLoss { .. } | rtcp::RtcpPacket::FullIntra { .. } => {
                    self.voice.want_key_frame();
                }
                _ => {}
            }
        }
    }

    // ---- what the owner wants ----

    async fn obey(&mut self, order: Command) -> anyhow::Result<()> {
        match order {
            Command::Call(number) => self.call(&number).await,
            Command::Answer => self.answer().await,
            Command::HangUp => self.hang_up().await,
            Command::Begin => {
                self.senses.begin(Instant::now());
                Ok(())
            }
            Command::Measure(reply) => {
                // Whoever asked may have gone.
                let _ = reply.send(self.senses.measure(Instant::now()));
                Ok(())
            }
            Command::Renew => self.register(EXPIRES).await,
            Command::Leave(_) => Ok(()),
        }
    }

    async fn call(&mut self, number: &str) -> anyhow::Result<()> {
        let mut invite = self.account.request(Method::INVITE, &self.account.uri(Some(number)));
        invite.headers.push(HeaderName::Allow, ALLOW);
        invite.headers.push(HeaderName::ContentType, "application/sdp");
        invite.body = session::offer(self.ports).to_string().into_bytes().into();
        self.call = Some(PhoneCall {
            description: Arc::clone(&invite.body),
            invite: invite.clone(),
            ours: true,
            tag: String::new(),
            dialog: None,
            agreement: Agreement::default(),
            answered: false,
        });
        self.show(DemoPhoneState::Calling);
        self.send(invite).await
    }

    async fn answer(&mut self) -> anyhow::Result<()> {
        let Some(call) = self.call.as_mut().filter(|call| !call.ours && !call.answered) else {
            return Ok(());
        };
        let mut response = respond(&self.account, &call.invite, StatusCode::OK, &call.tag);
        let offer =
            SessionDescription::parse(&call.invite.body).context("the switchboard's offer")?;
        let (answer, agreement) = session::answer(self.ports, &offer);
        call.description = answer.to_string().into_bytes().into();
        call.agreement = agreement;
        call.answered = true;
        response.headers.push(HeaderName::Allow, ALLOW);
        response.headers.push(HeaderName::ContentType, "application/sdp");
        response.body = Arc::clone(&call.description);
        self.show(DemoPhoneState::Talking);
        self.send(response).await
    }

    async fn hang_up(&mut self) -> anyhow::Result<()> {
        let Some(mut call) = self.call.take() else { return Ok(()) };
        self.show(DemoPhoneState::Idle);
        match (&mut call.dialog, call.ours) {
            (Some(dialog), _) if call.answered => {
                let bye = dialog.request(&mut self.account, Method::BYE);
                self.send(bye).await
            }
            (_, true) => self.send(call.invite.cancel()).await,
            (_, false) => {
                let status = StatusCode::DECLINE;
                self.send(respond(&self.account, &call.invite, status, &call.tag)).await
            }
        }
    }

    async fn register(&mut self, expires: &str) -> anyhow::Result<()> {
        let registrar = self.account.uri(None);
        let mut request = self.account.request(Method::REGISTER, &registrar);
        request.headers.push(HeaderName::Expires, expires);
        self.send(request.clone()).await?;
        loop {
            let response = match self.wire.receive().await? {
                Message::Response(response) => response,
                // Somebody calls just now.
                request @ Message::Request(_) => {
                    self.on_message(request).await?;
                    continue;
                }
            };
            let of_register = |(_, method)| method == Method::REGISTER;
            if !response.status.is_final() || !response.headers.cseq().is_ok_and(of_register) {
                continue;
            }
            self.tell(true, &status(&response));
            if response.status.is_success() {
                return Ok(());
            }
            match self.account.prove(&request, &response) {
                Some(again) => request = again,
                None => bail!("its registration is refused: {}", status(&response)),
            }
            self.send(request.clone()).await?;
        }
    }

    // ---- what the switchboard says ----

    async fn on_message(&mut self, message: Message) -> anyhow::Result<()> {
        match message {
            Message::Request(request) => {
                self.tell(true, request.method.as_str());
                self.on_request(request).await
            }
            Message::Response(response) => {
                self.tell(true, &status(&response));
                self.on_response(response).await
            }
        }
    }

    async fn on_request(&mut self, request: Request) -> anyhow::Result<()> {
        let in_call = self
            .call
            .as_ref()
            .is_some_and(|call| call.dialog.as_ref().is_some_and(|dialog| dialog.has(&request)));
        match request.method {
            Method::ACK => Ok(()),
            Method::INVITE if request.headers.to_tag().is_none() => self.on_call(request).await,
            Method::CANCEL => self.on_cancel(request).await,
            Method::OPTIONS => self.reply(&request, StatusCode::OK).await,
            _ if !in_call => self.reply(&request, StatusCode::CALL_DOES_NOT_EXIST).await,
            Method::BYE => {
                self.reply(&request, StatusCode::OK).await?;
                self.call = None;
                self.show(DemoPhoneState::Idle);
                Ok(())
            }
            Method::INVITE => self.on_reinvite(&request).await,
            Method::INFO => {
                // RFC 5168: the one thing that phones are told so.
                self.voice.want_key_frame();
                self.reply(&request, StatusCode::OK).await
            }
            Method::UPDATE => {
                let mut response = self.response(&request, StatusCode::OK);
                response.headers.copy(&HeaderName::SessionExpires, &request.headers);
                self.send(response).await
            }
            _ => self.reply(&request, StatusCode::METHOD_NOT_ALLOWED).await,
        }
    }

    async fn on_call(&mut self, request: Request) -> anyhow::Result<()> {
        if self.call.is_some() {
            return self.reply(&request, StatusCode::BUSY_HERE).await;
        }
        let tag = self.account.random.hex(12);
        let ringing = respond(&self.account, &request, StatusCode::RINGING, &tag);
        self.call = Some(PhoneCall {
            dialog: Dialog::of_request(&request, &tag),
            invite: request,
            ours: false,
            tag,
            agreement: Agreement::default(),
            description: Arc::default(),
            answered: false,
        });
        self.show(DemoPhoneState::Ringing);
        self.send(ringing).await
    }

    async fn on_cancel(&mut self, request: Request) -> anyhow::Result<()> {
        self.reply(&request, StatusCode::OK).await?;
        let unanswered = |call: &mut PhoneCall| {
            !call.ours
                && !call.answered
                && call.invite.headers.call_id() == request.headers.call_id()
        };
        if let Some(call) = self.call.take_if(unanswered) {
            let status = StatusCode::REQUEST_TERMINATED;
            self.send(respond(&self.account, &call.invite, status, &call.tag)).await?;
            self.show(DemoPhoneState::Idle);
        }
        Ok(())
    }

    /// The same streams again, perhaps at another address.
    async fn on_reinvite(&mut self, request: &Request) -> anyhow::Result<()> {
        let mut response = self.response(request, StatusCode::OK);
        let Some(call) = &mut self.call else { return Ok(()) };
        if let Ok(offer) = SessionDescription::parse(&request.body) {
            let (answer, agreement) = session::answer(self.ports, &offer);
            call.description = answer.to_string().into_bytes().into();
            call.agreement = agreement;
        }
        response.headers.copy(&HeaderName::SessionExpires, &request.headers);
        response.headers.push(HeaderName::ContentType, "application/sdp");
        response.body = Arc::clone(&call.description);
        self.send(response).await
    }

    async fn on_response(&mut self, response: Response) -> anyhow::Result<()> {
        let Some(call) = self.call.as_mut().filter(|call| call.ours) else { return Ok(()) };
        if response.headers.cseq().ok() != call.invite.headers.cseq().ok() {
            return Ok(());
        }
        if (!response.status.is_final() || response.status.is_success())
            && let Ok(answer) = SessionDescription::parse(&response.body)
        {
            call.agreement = session::agreement(self.ports, &answer);
        }
        if !response.status.is_final() {
            return Ok(());
        }
        if response.status.is_success() {
            let dialog = Dialog::of_response(&call.invite, &response)
                .context("the switchboard's 200 makes no dialog")?;
            let ack = dialog.ack(&mut self.account, &call.invite);
            call.dialog = Some(dialog);
            call.answered = true;
            self.show(DemoPhoneState::Talking);
            return self.send(ack).await;
        }
        let ack = call.invite.ack_for_failure(&response);
        let again = self.account.prove(&call.invite, &response);
        if let Some(again) = &again {
            call.invite = again.clone();
        }
        self.send(ack).await?;
        match again {
            Some(again) => self.send(again).await,
            None => {
                self.call = None;
                self.show(DemoPhoneState::Idle);
                Ok(())
            }
        }
    }

    // ---- sending ----

    fn response(&self, request: &Request, status: StatusCode) -> Response {
        let tag = self.call.as_ref().map_or("0", |call| call.tag.as_str());
        let mut response = respond(&self.account, request, status, tag);
        response.headers.push(HeaderName::Allow, ALLOW);
        response
    }

    async fn reply(&mut self, request: &Request, status: StatusCode) -> anyhow::Result<()> {
        let response = self.response(request, status);
        self.send(response).await
    }

    async fn send(&mut self, message: impl Into<Message>) -> anyhow::Result<()> {
        let message = message.into();
        let what = match &message {
            Message::Request(request) => request.method.as_str().to_owned(),
            Message::Response(response) => status(response),
        };
        self.tell(false, &what);
        self.wire.send(message).await
    }

    fn show(&self, state: DemoPhoneState) {
        self.shows.shown.send_replace(state);
    }

    fn tell(&self, from_board: bool, what: &str) {
        // The drawing may have ended.
        let _ = self.shows.steps.send(DrawnMessage {
            party: self.party,
            from_board,
            what: what.to_owned(),
        });
    }
}

fn status(response: &Response) -> String {
    format!("{} {}", response.status.as_u16(), response.reason)
}
