//! Stills of callers that wait, for operators whose desks show them.
//!
//! A page asks for those that are in sight, one after another, and says which it has: what is the same is not sent
//! again, and a page has one request before the loop at a time, whoever waits. A still is nowhere but in the memory
//! of the relay, and goes with the caller's wait.

use super::console::is_known;
use super::cookie;
use super::peer::Peer;
use super::refusal::WebRefusal;
use super::site::{PageSite, refusal};
use crate::exchange::{WebReply, WebRequest};
use crate::ids::RequestId;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use std::sync::Arc;

/// `GET /api/stills/REQUEST`
pub(super) async fn of_caller(
    State(site): State<Arc<PageSite>>,
    Extension(peer): Extension<Peer>,
    Path(request): Path<String>,
    headers: HeaderMap,
) -> Result<Response, WebRefusal> {
    let session = cookie::token(&headers, &peer).ok_or(WebRefusal::NoSession)?;
    let request = RequestId::parse(&request).ok_or(WebRefusal::NoSuch)?;
    let still = match site.ask(WebRequest::Still { session, request }).await? {
        WebReply::Still(still) => still.ok_or(WebRefusal::NoSuch)?,
        other => return Err(refusal(&other)),
    };
    let tag = format!("\"{:x}\"", still.taken.unix.as_micros());
    let is_known = is_known(&headers, &tag);
    let body = if is_known { Body::empty() } else { Body::from(still.jpeg.to_vec()) };
    let mut response = Response::new(body);
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}
