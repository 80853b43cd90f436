//! REFER and what it reports (RFC 3515, 3891, 3892, 4488).
//!
//! ```text
//!   ours:    REFER ── 2xx ──▶ Reporting ── NOTIFY terminated ──▶ None
//!   theirs:  REFER ──▶ Referred; the floor above answers and reports by NOTIFY
//! ```

use super::context::DialogContext;
use super::effect::Event;
use super::message::HeaderLines;
use super::sent::Purpose;
use super::session::{InviteSession, Referral, SERVED_MAX};
use super::transactions::ServerTx;
use crate::sip::{HeaderName, Method, NameAddr, Replaces, Request};

impl InviteSession {
    pub(super) fn refer(
        &mut self,
        cx: &mut DialogContext<'_>,
        refer_to: &NameAddr,
        mut headers: HeaderLines,
    ) {
        headers.insert(0, (HeaderName::ReferTo, refer_to.to_string()));
        // §2.4.4: a NOTIFY may overtake the 202.
        self.referral = Referral::Reporting;
        if !self.send(cx, Method::REFER, &headers, None, Purpose::Refer) {
            self.refer_answered(cx, 481);
        }
    }

    pub(super) fn refer_answered(&mut self, cx: &mut DialogContext<'_>, status: u16) {
        if status >= 300 {
            self.referral = Referral::None;
        }
        cx.tell(Event::ReferAnswered { status });
    }

    pub(super) fn on_refer(&mut self, cx: &mut DialogContext<'_>, tx: ServerTx, request: Request) {
        let one = request.headers.list(HeaderName::ReferTo).count() == 1;
        let (true, Ok(Some(refer_to))) = (one, request.headers.refer_to()) else {
            return self.reply(cx, tx, &request, 400);
        };
        if self.served.len() == SERVED_MAX {
            return self.reply(cx, tx, &request, 503);
        }
        // RFC 3515 §2.1: other requests may be asked for; we make calls only.
        let method = refer_to.uri.param("method");
        if method.is_some_and(|method| !method.eq_ignore_ascii_case(Method::INVITE.as_str())) {
            return self.reply(cx, tx, &request, 603);
        }
        let named = |name: &str| name.eq_ignore_ascii_case("Replaces");
        let replaces = refer_to.uri.headers().find(|(name, _)| named(name));
        let replaces = replaces.map(|(_, value)| Replaces::parse(&value)).transpose();
        let Ok(replaces) = replaces else {
            return self.reply(cx, tx, &request, 400);
        };
        let referred_by = request.headers.referred_by().ok().flatten();
        // §2.4.6: later REFERs of a dialog are told apart by their number.
        let event = request
            .headers
            .cseq()
            .map_or_else(|_| "refer".to_owned(), |(number, _)| format!("refer;id={number}"));
        self.served.push((tx, request));
        cx.tell(Event::Referred { transaction: tx, refer_to, referred_by, replaces, event });
    }

    pub(super) fn on_notify(
        &mut self,
        cx: &mut DialogContext<'_>,
        tx: ServerTx,
        request: &Request,
    ) {
        let event = request.headers.event().ok().flatten();
        if event.is_none_or(|event| event.package != "refer") {
            return self.reply(cx, tx, request, 489);
        }
        if self.referral == Referral::None {
            return self.reply(cx, tx, request, 481);
        }
        let state = request.headers.subscription_state().ok().flatten();
        let last = state.is_none_or(|state| state.state == "terminated");
        if last {
            self.referral = Referral::None;
        }
        self.reply(cx, tx, request, 200);
        let text = String::from_utf8_lossy(&request.body);
        let line = text.lines().next().unwrap_or_default().trim().to_owned();
        cx.tell(Event::Notified { line, last });
    }
}
