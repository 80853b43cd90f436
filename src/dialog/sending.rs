//! Requests of ours within the dialog, with the credentials that the peer has asked for.

use super::context::DialogContext;
use super::message::{Body, HeaderLines, put_body, put_lines};
use super::sent::{Purpose, RepeatableRequest, Sent};
use super::session::{InviteSession, SessionState};
use super::transactions::ClientTx;
use crate::sip::{AnsweredChallenges, Destination, HeaderName, Method, Request, Response};

impl InviteSession {
    /// Sends a request within the dialog; false when there is none.
    pub(super) fn send(
        &mut self,
        cx: &mut DialogContext<'_>,
        method: Method,
        headers: &HeaderLines,
        body: Option<&Body>,
        purpose: Purpose,
    ) -> bool {
        let settings = cx.settings;
        let Some(dialog) = self.active() else {
            return false;
        };
        let (to, mut request) = (dialog.way.destination, dialog.request(method, settings));
        put_lines(&mut request.headers, headers);
        put_body(&mut request, body);
        self.send_request(cx, to, request, purpose);
        true
    }

    pub(super) fn send_request(
        &mut self,
        cx: &mut DialogContext<'_>,
        to: Destination,
        request: Request,
        purpose: Purpose,
    ) -> ClientTx {
        self.send_kept(cx, to, request, purpose, AnsweredChallenges::default())
    }

    fn send_kept(
        &mut self,
        cx: &mut DialogContext<'_>,
        to: Destination,
        mut request: Request,
        purpose: Purpose,
        answered: AnsweredChallenges,
    ) -> ClientTx {
        self.credentials.authorise(cx, &mut request);
        let again = self.credentials.are_known().then(|| RepeatableRequest {
            to,
            request: request.clone(),
            answered,
        });
        let transaction = cx.ask(to, request);
        self.sent.insert(transaction, Sent { purpose, again });
        transaction
    }

    pub(super) fn send_bye(&mut self, cx: &mut DialogContext<'_>, headers: &HeaderLines) {
        let mut bye = self.dialog.request(Method::BYE, cx.settings);
        put_lines(&mut bye.headers, headers);
        self.send_request(cx, self.dialog.way.destination, bye, Purpose::Nothing);
    }

    /// What was asked under this name, once its final answer is here.
    pub(super) fn take_sent(
        &mut self,
        cx: &mut DialogContext<'_>,
        transaction: ClientTx,
    ) -> Option<Sent> {
        cx.forget(transaction);
        self.sent.remove(&transaction)
    }

    /// Asks a challenged request again with credentials (§22.2); `None` when that is in vain.
    pub(super) fn ask_again_with_credentials(
        &mut self,
        cx: &mut DialogContext<'_>,
        sent: &mut Sent,
        response: &Response,
    ) -> Option<ClientTx> {
        let RepeatableRequest { to, mut request, mut answered } = sent.again.take()?;
        if !self.credentials.learn(cx, &request, response, &mut answered) {
            return None;
        }
        let tag = request.headers.to_tag().unwrap_or_default().to_owned();
        let dialog = match &mut self.state {
            SessionState::Calling(calling) => calling.dialog(&tag)?,
            SessionState::Ringing(_) | SessionState::Established | SessionState::Over { .. } => {
                &mut self.dialog
            }
        };
        let seq = dialog.local_seq() + 1;
        dialog.raise_local_seq(seq);
        request.headers.set(HeaderName::CSeq, format_args!("{seq} {}", request.method));
        Some(self.send_kept(cx, to, request, sent.purpose.clone(), answered))
    }
}
