//! What a page is told when it does not get what it asked for: a word for the program, a sentence for the person.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::time::Duration;

/// Whoever finds no place may try again after so long.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Why something is not done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum WebRefusal {
    /// It cannot be read.
    Malformed(&'static str),
    /// It is none of the things that are here.
    NoSuch,
    /// It is here, but this cannot be done with it.
    NoMethod,
    /// Nobody is logged in.
    NoSession,
    /// The name or the password is wrong.
    WrongSecret,
    /// The link was used, or is too old.
    WrongLink,
    /// Another site's page asks.
    OtherSite,
    /// Another site's page asks for SIP.
    ForeignOrigin,
    /// It came too slowly.
    Slow,
    /// It is too long.
    TooLong,
    /// It is no JSON.
    NoJson,
    /// No WebSocket was asked for where nothing else is.
    NoUpgrade,
    /// Too many wrong passwords.
    TooMany {
        /// When the next is looked at.
        retry_after: Duration,
    },
    /// Others are served, or the server stops.
    Busy,
    /// The journal cannot be written.
    Unwritten,
    /// The journal cannot be read.
    Unreadable,
}

impl WebRefusal {
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::Malformed(what) => (S::BAD_REQUEST, "malformed", what),
            Self::NoSuch => (S::NOT_FOUND, "not-found", "There is nothing here."),
            Self::NoMethod => (
                S::METHOD_NOT_ALLOWED,
                "no-method",
                "This cannot be done here: the header Allow says what can.",
            ),
            Self::NoSession => (S::UNAUTHORIZED, "no-session", "Please log in."),
            Self::WrongSecret => {
                (S::UNAUTHORIZED, "wrong-secret", "The name or the password is wrong.")
            }
            Self::WrongLink => (
                S::UNAUTHORIZED,
                "wrong-link",
                "This link was used, or is too old: log in by name.",
            ),
            Self::OtherSite => {
                (S::FORBIDDEN, "other-site", "Only a page of this switchboard may do this.")
            }
            Self::ForeignOrigin => (
                S::FORBIDDEN,
                "other-site",
                "Pages of this site may not connect: the switchboard's web.origins names those that may.",
            ),
            Self::Slow => (S::REQUEST_TIMEOUT, "slow", "It took too long to arrive."),
            Self::TooLong => (S::PAYLOAD_TOO_LARGE, "too-long", "It is too long."),
            Self::NoJson => (S::UNSUPPORTED_MEDIA_TYPE, "no-json", "Send application/json."),
            Self::NoUpgrade => (
                S::UPGRADE_REQUIRED,
                "no-upgrade",
                "This is SIP over WebSocket (RFC 7118): ask with the subprotocol sip.",
            ),
            Self::TooMany { .. } => (
                S::TOO_MANY_REQUESTS,
                "too-many",
                "Too many wrong passwords: wait, then try again.",
            ),
            Self::Busy => (S::SERVICE_UNAVAILABLE, "busy", "The switchboard is busy: try again."),
            Self::Unwritten => (
                S::SERVICE_UNAVAILABLE,
                "unwritten",
                "It cannot be kept at the moment: the journal cannot be written.",
            ),
            Self::Unreadable => (
                S::SERVICE_UNAVAILABLE,
                "unreadable",
                "It cannot be looked up at the moment: the journal cannot be read.",
            ),
        }
    }

    fn retry_after(self) -> Option<Duration> {
        match self {
            Self::TooMany { retry_after } => Some(retry_after),
            Self::Busy | Self::Unwritten | Self::Unreadable => Some(RETRY_AFTER),
            Self::Malformed(_)
            | Self::NoSuch
            | Self::NoMethod
            | Self::NoSession
            | Self::WrongSecret
            | Self::WrongLink
            | Self::OtherSite
            | Self::ForeignOrigin
            | Self::Slow
            | Self::TooLong
            | Self::NoJson
            | Self::NoUpgrade => None,
        }
    }
}

/// The same answer, and for one by which the library refuses something by itself ours in its place.
pub(super) fn in_our_words(answer: Response) -> Response {
    let (status, headers) = (answer.status(), answer.headers());
    let kind = headers.get(header::CONTENT_TYPE);
    let is_ours = kind.is_some_and(|kind| kind == "application/json");
    if is_ours || !(status.is_client_error() || status.is_server_error()) {
        return answer;
    }
    let refusal = match status {
        StatusCode::NOT_FOUND => WebRefusal::NoSuch,
        StatusCode::METHOD_NOT_ALLOWED => WebRefusal::NoMethod,
        _ if status.is_client_error() => WebRefusal::Malformed("This address cannot be read."),
        _ => WebRefusal::Busy,
    };
    let mut ours = refusal.into_response();
    // RFC 9110 §15.5.6
    if let Some(allow) = headers.get(header::ALLOW) {
        ours.headers_mut().insert(header::ALLOW, allow.clone());
    }
    ours
}

impl IntoResponse for WebRefusal {
    fn into_response(self) -> Response {
        let (status, error, text) = self.parts();
        let mut response = (status, Json(json!({"error": error, "text": text}))).into_response();
        let headers = response.headers_mut();
        if let Some(after) = self.retry_after() {
            // Rounded up: who comes back at that second is let in.
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs() + 1));
        }
        if self == Self::NoUpgrade {
            // RFC 9110 §15.5.22
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            // RFC 6455 §4.4
            headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        if matches!(self, Self::Slow | Self::TooLong) {
            // What else comes of it is not read.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
