//! What is refused by its headers alone, before anybody is told.

use super::context::DialogContext;
use super::identity::SUPPORTED;
use super::session_timer::{self, TimerRequest};
use crate::sip::{HeaderName, Request, Response, StatusCode};

/// What an INVITE deserves that asks for what we cannot do: 420 (§8.2.2.3), 422 (RFC 4028 §9), 400 where
/// the call that it is to replace is not named whole.
pub fn refusal_by_headers(cx: &DialogContext<'_>, request: &Request) -> Option<Response> {
    let unknown = request.headers.unsupported(&SUPPORTED);
    if !unknown.is_empty() {
        let mut response = request.response(StatusCode::BAD_EXTENSION);
        response.headers.push(HeaderName::Unsupported, unknown.join(", "));
        return Some(response);
    }
    // RFC 3891 §3: exactly one, and whole.
    let replaces = request.headers.list(HeaderName::Replaces).count();
    if replaces > 1 || request.headers.replaces().is_err() {
        return Some(request.response(StatusCode::BAD_REQUEST).with_reason("Bad Replaces"));
    }
    let asked = TimerRequest::of(&request.headers);
    session_timer::grant(cx.settings.wishes(), asked).err().map(|_| {
        let mut response = request.response(StatusCode::SESSION_INTERVAL_TOO_SMALL);
        response.headers.push(HeaderName::MinSe, cx.settings.min_se);
        response
    })
}
