//! What a message carries for the floor above, put in and taken out.

use crate::sip::{HeaderName, Headers, Request, Response, multipart::Content};

/// Header lines that the floor above adds.
pub type HeaderLines = Vec<(HeaderName, String)>;

/// A body and what it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Body {
    /// The value of Content-Type.
    pub content_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Body {
    /// What stands for a body that is not understood.
    #[must_use]
    pub fn foreign() -> Self {
        Self { content_type: "application/octet-stream".to_owned(), bytes: vec![] }
    }

    /// A session description.
    #[must_use]
    pub fn sdp(text: impl Into<Vec<u8>>) -> Self {
        Self { content_type: "application/sdp".to_owned(), bytes: text.into() }
    }
}

/// Puts a body into a message's parts.
pub fn put_body(request: &mut Request, body: Option<&Body>) {
    if let Some(body) = body {
        request.headers.push(HeaderName::ContentType, &body.content_type);
        request.body.clone_from(&body.bytes);
    }
}

/// Puts a body into a response.
pub fn put_body_back(response: &mut Response, body: Option<&Body>) {
    if let Some(body) = body {
        response.headers.push(HeaderName::ContentType, &body.content_type);
        response.body.clone_from(&body.bytes);
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
        Content::Sdp(text) => Some(Body::sdp(text)),
        Content::Foreign => Some(Body::foreign()),
    }
}

/// The session description of what cannot be refused: a response, an ACK.
pub fn description_of(headers: &Headers, bytes: &[u8]) -> Option<Body> {
    match Content::of(headers, bytes) {
        Content::Sdp(text) => Some(Body::sdp(text)),
        Content::Nothing | Content::Foreign => None,
    }
}

/// The value of the peer's Reason header.
pub fn reason_of(headers: &Headers) -> Option<String> {
    headers.get(HeaderName::Reason).map(str::to_owned)
}
