//! The control dialog of a desk: commands and events as INFO requests (`operator-desk`, RFC 6086).

use crate::cli::agent::{AgentAccount, Dialog, Wire, chance, respond};
use crate::sip::{HeaderName, Message, Method, Request, Response, StatusCode};
use anyhow::{Context as _, anyhow, bail};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

const PACKAGE: &str = "operator-desk";
const JSON: &str = "application/vnd.cordboard.desk+json";
/// The session ends when it is not refreshed for so long (RFC 4028); the least that is allowed.
const SESSION_SECS: u32 = 90;
/// A switchboard that does not answer the first call for so long is none.
const ANSWER_MAX: Duration = Duration::from_secs(10);
const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, INFO, UPDATE, OPTIONS";

/// An open control dialog.
#[derive(Debug)]
pub struct Link {
    wire: Wire,
    account: AgentAccount,
    dialog: Dialog,
    /// The session is refreshed then.
    refresh: Instant,
    /// The commands whose INFO has no response yet, by CSeq.
    unanswered: BTreeMap<u32, String>,
    commands: u64,
    prefix: String,
}

/// What comes of waiting.
#[derive(Debug)]
pub enum LinkInput {
    /// A message, not yet looked at.
    Message(Box<Message>),
    /// It is time to refresh the session.
    Refresh,
}

/// What the switchboard had to say.
#[derive(Debug)]
pub enum LinkEvent {
    /// A result or an event.
    Message(Value),
    /// It has ended the dialog, and why.
    Over(String),
}

impl Link {
    /// Calls the switchboard as an operator; `hello` is still to be said.
    ///
    /// # Errors
    /// When it cannot be reached or refuses.
    pub async fn open(server: SocketAddr, operator: &str, password: &str) -> anyhow::Result<Self> {
        let mut wire = Wire::connect(server).await?;
        let (user, password) = (operator.to_owned(), password.to_owned());
        let mut account =
            AgentAccount { user, password, server, local: wire.local(), random: chance()? };
        let mut invite = invite(&mut account);
        let answered = timeout(ANSWER_MAX, call(&mut wire, &mut account, &mut invite));
        let answer =
            answered.await.context("the switchboard does not answer the desk's call")??;
        let dialog = Dialog::of_response(&invite, &answer)
            .context("the switchboard's answer to the desk's call makes no dialog")?;
        let ack = dialog.ack(&mut account, &invite);
        wire.send(ack).await?;
        let prefix = account.random.hex(8);
        let refresh = Instant::now() + refresh_after();
        let unanswered = BTreeMap::new();
        Ok(Self { wire, account, dialog, refresh, unanswered, commands: 0, prefix })
    }

    /// Waits; may be dropped without losing anything. What came goes to [`take`](Self::take).
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn wait(&mut self) -> anyhow::Result<LinkInput> {
        tokio::select! {
            message = self.wire.receive() => Ok(LinkInput::Message(Box::new(message?))),
            () = sleep_until(self.refresh) => Ok(LinkInput::Refresh),
        }
    }

    /// Looks at what came and answers it.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn take(&mut self, incoming: LinkInput) -> anyhow::Result<Option<LinkEvent>> {
        match incoming {
            LinkInput::Refresh => {
                let mut update = self.dialog.request(&mut self.account, Method::UPDATE);
                push_timer(&mut update);
                self.refresh = Instant::now() + refresh_after();
                self.wire.send(update).await?;
                Ok(None)
            }
            LinkInput::Message(message) => match *message {
                Message::Request(request) => self.on_request(&request).await,
                Message::Response(response) => Ok(self.on_response(&response)),
            },
        }
    }

    /// Gives a command; its result comes as a message with this id in `re`.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn say(&mut self, verb: &str, fields: Value) -> anyhow::Result<String> {
        self.commands += 1;
        let id = format!("{}-{}", self.prefix, self.commands);
        let mut command = fields;
        command["id"] = json!(id);
        command["do"] = json!(verb);
        let mut info = self.dialog.request(&mut self.account, Method::INFO);
        info.headers.push(HeaderName::InfoPackage, PACKAGE);
        info.headers.push(HeaderName::ContentDisposition, "Info-Package");
        info.headers.push(HeaderName::ContentType, JSON);
        info.body = command.to_string().into_bytes().into();
        let (number, _) = info.headers.cseq()?;
        self.unanswered.insert(number, id.clone());
        self.wire.send(info).await?;
        Ok(id)
    }

    /// Hangs up.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn close(mut self) -> anyhow::Result<()> {
        let bye = self.dialog.request(&mut self.account, Method::BYE);
        self.wire.send(bye).await?;
        // The answer is waited for, so that the BYE is not lost with the connection.
        let _ = timeout(Duration::from_secs(1), self.wire.receive()).await;
        Ok(())
    }

    async fn on_request(&mut self, request: &Request) -> anyhow::Result<Option<LinkEvent>> {
        if request.method == Method::ACK {
            return Ok(None);
        }
        let is_ours = self.dialog.has(request);
        let (status, heard) = match &request.method {
            _ if !is_ours => (StatusCode::CALL_DOES_NOT_EXIST, None),
            &Method::INFO => match serde_json::from_slice(&request.body) {
                Ok(message) => (StatusCode::OK, Some(LinkEvent::Message(message))),
                Err(_) => (StatusCode::BAD_REQUEST, None),
            },
            &Method::BYE => {
                let reason = request.headers.reasons().find_map(|reason| reason.text);
                let why = reason.unwrap_or_else(|| "the switchboard hung up".to_owned());
                (StatusCode::OK, Some(LinkEvent::Over(why)))
            }
            &Method::UPDATE | &Method::OPTIONS => (StatusCode::OK, None),
            _ => (StatusCode::METHOD_NOT_ALLOWED, None),
        };
        let mut response = respond(&self.account, request, status, self.dialog.tag());
        response.headers.push(HeaderName::Allow, ALLOW);
        if request.method == Method::UPDATE {
            response.headers.push(HeaderName::RecvInfo, PACKAGE);
            response.headers.copy(&HeaderName::SessionExpires, &request.headers);
        }
        self.wire.send(response).await?;
        Ok(heard)
    }

    fn on_response(&mut self, response: &Response) -> Option<LinkEvent> {
        let (number, method) = response.headers.cseq().ok()?;
        if !response.status.is_final() {
            return None;
        }
        let id = self.unanswered.remove(&number);
        if response.status.is_success() {
            return None;
        }
        let text = format!("{} {}", response.status.as_u16(), response.reason);
        match id {
            Some(id) => {
                let result = json!({"re": id, "ok": false, "error": "not-accepted", "text": text});
                Some(LinkEvent::Message(result))
            }
            None if method == Method::UPDATE => Some(LinkEvent::Over(text)),
            None => None,
        }
    }
}

fn refresh_after() -> Duration {
    Duration::from_secs(u64::from(SESSION_SECS / 2))
}

fn push_timer(request: &mut Request) {
    let headers = &mut request.headers;
    headers.push(HeaderName::Supported, "timer");
    headers.push(HeaderName::SessionExpires, format_args!("{SESSION_SECS};refresher=uac"));
    headers.push(HeaderName::RecvInfo, PACKAGE);
}

fn invite(account: &mut AgentAccount) -> Request {
    let mut invite = account.request(Method::INVITE, &account.uri(Some("desk")));
    push_timer(&mut invite);
    invite.headers.push(HeaderName::Accept, format_args!("application/sdp, {JSON}"));
    invite.headers.push(HeaderName::Allow, ALLOW);
    invite.headers.push(HeaderName::ContentType, "application/sdp");
    // No media: the voice goes by the desk phone.
    let session = crate::sdp::SessionDescription::new(1, 1, account.local.ip());
    invite.body = session.to_string().into_bytes().into();
    invite
}

/// Sends the INVITE, proves who we are, and returns the 200; `invite` is then the one that got it.
async fn call(
    wire: &mut Wire,
    account: &mut AgentAccount,
    invite: &mut Request,
) -> anyhow::Result<Response> {
    wire.send(invite.clone()).await?;
    loop {
        let Message::Response(response) = wire.receive().await? else { continue };
        if !response.status.is_final() {
            continue;
        }
        if response.status.is_success() {
            return Ok(response);
        }
        wire.send(invite.ack_for_failure(&response)).await?;
        let again = account.prove(invite, &response);
        match (response.status, again) {
            (StatusCode::UNAUTHORIZED, Some(again)) => *invite = again,
            (StatusCode::UNAUTHORIZED, None) => {
                bail!(
                    "operator {}: the password is wrong, or there is no such operator: see `cordboard operator list`",
                    account.user
                )
            }
            (status, _) => {
                return Err(anyhow!("{} {}", status.as_u16(), response.reason))
                    .with_context(|| format!("the switchboard refuses operator {}", account.user));
            }
        }
        wire.send(invite.clone()).await?;
    }
}
