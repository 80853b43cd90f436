//! What all that is served shares: the way to the loop, to the journal, and into SIP.

use super::archive::Archive;
use super::cookie;
use super::peer::Peer;
use super::refusal::WebRefusal;
use crate::exchange::{SessionView, WebReply, WebRequest};
use crate::session::SessionToken;
use crate::wire::{PendingRequest, SipDoor};
use axum::http::HeaderMap;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// The loop answers within so long: what waits for the journal is refused after 5 s there.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// What all share.
pub(super) struct PageSite {
    /// To the loop.
    pub requests: mpsc::Sender<PendingRequest>,
    /// To the journal.
    pub archive: Archive,
    /// Into SIP.
    pub sip: SipDoor,
}

impl PageSite {
    /// Asks the loop.
    ///
    /// # Errors
    /// When as many wait as may, or it does not answer.
    pub async fn ask(&self, request: WebRequest) -> Result<WebReply, WebRefusal> {
        let (reply, answered) = oneshot::channel();
        let pending = PendingRequest::Web { request, reply };
        self.requests.try_send(pending).map_err(|_| WebRefusal::Busy)?;
        match timeout(ANSWER_MAX, answered).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) | Err(_) => Err(WebRefusal::Busy),
        }
    }

    /// The session that a browser shows, and what it is.
    ///
    /// # Errors
    /// When it shows none that holds.
    pub async fn session(
        &self,
        headers: &HeaderMap,
        peer: &Peer,
    ) -> Result<(SessionToken, SessionView), WebRefusal> {
        let token = cookie::token(headers, peer).ok_or(WebRefusal::NoSession)?;
        match self.ask(WebRequest::Session(token)).await? {
            WebReply::Session(session) => Ok((token, session)),
            other => Err(refusal(&other)),
        }
    }
}

/// What an answer is to whoever has asked for another.
pub(super) fn refusal(reply: &WebReply) -> WebRefusal {
    match reply {
        WebReply::WrongPassword => WebRefusal::WrongSecret,
        WebReply::WrongLink => WebRefusal::WrongLink,
        WebReply::Limited { retry_after } => WebRefusal::TooMany { retry_after: *retry_after },
        WebReply::Unwritten => WebRefusal::Unwritten,
        WebReply::NoSession
        | WebReply::LoggedIn { .. }
        | WebReply::Session(_)
        | WebReply::Still(_)
        | WebReply::Done
        | WebReply::Noted(_) => WebRefusal::NoSession,
    }
}
