//! What a message carries for the floor above, put in and taken out.

use crate::sip::{HeaderName, Headers, Request, Response, multipart::Content};
use std::borrow::Cow;
use std::sync::Arc;

/// Header lines that the floor above adds.
pub type HeaderLines = Vec<(HeaderName, String)>;

/// A body and what it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Body {
    /// The value of Content-Type.
    pub content_type: Cow<'static, str>,
    /// The bytes, shared with the messages that carry them.
    pub bytes: Arc<[u8]>,
}

impl Body {
    /// What stands for a body that is not understood.
    #[must_use]
    pub fn foreign() -> Self {
        Self { content_type: "application/octet-stream".into(), bytes: Arc::default() }
    }

    /// What a message carries whose Content-Type is this, or missing.
    #[must_use]
    pub fn of(content_type: Option<String>, bytes: Arc<[u8]>) -> Self {
        Self { content_type: content_type.unwrap_or_default().into(), bytes }
    }

    /// A session description.
    #[must_use]
    pub fn sdp(text: impl Into<Arc<str>>) -> Self {
        Self::described(text.into().into())
    }

    fn described(bytes: Arc<[u8]>) -> Self {
        Self { content_type: "application/sdp".into(), bytes }
    }
}

/// Puts a body into a message's parts.
pub fn put_body(request: &mut Request, body: Option<&Body>) {
    if let Some(body) = body {
        request.headers.push(HeaderName::ContentType, &body.content_type);
        request.body = Arc::clone(&body.bytes);
    }
}

/// Puts a body into a response.
pub fn put_body_back(response: &mut Response, body: Option<&Body>) {
    if let Some(body) = body {
        response.headers.push(HeaderName::ContentType, &body.content_type);
        response.body = Arc::clone(&body.bytes);
    }
}

/// Appends the lines that the floor above adds.
pub fn put_lines(headers: &mut Headers, lines: &HeaderLines) {
    for (name, value) in lines {
        headers.push(name.clone(), value);
    }
}

/// The session description of a request, if it has one; or what the floor above refuses with 415.
pub fn body_of(request: &Request) -> Option<Body> {
    match Content::of(&request.headers, &request.body) {
        Content::Nothing => None,
        Content::Sdp(text) => Some(Body::described(shared(&request.body, text))),
        Content::Foreign => Some(Body::foreign()),
    }
}

/// The session description of what cannot be refused: a response, an ACK.
pub fn description_of(headers: &Headers, body: &Arc<[u8]>) -> Option<Body> {
    match Content::of(headers, body) {
        Content::Sdp(text) => Some(Body::described(shared(body, text))),
        Content::Nothing | Content::Foreign => None,
    }
}

/// A part of a body: mostly it is the whole, and nothing is copied.
fn shared(body: &Arc<[u8]>, part: &[u8]) -> Arc<[u8]> {
    if part.len() == body.len() { Arc::clone(body) } else { part.into() }
}

/// The value of the peer's Reason header.
pub fn reason_of(headers: &Headers) -> Option<String> {
    headers.get(HeaderName::Reason).map(str::to_owned)
}
