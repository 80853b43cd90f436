//! `GET /sip`: SIP over WebSocket (RFC 7118, RFC 6455), in the name of a session, or of nobody yet.
//!
//! ```text
//!   our cookie ── a page of ours, and its session holds ──▶ the operator's: nothing is asked (RFC 7118 §7)
//!           └──── else 403, 401
//!   none ── a page that may, as at a listener of SIP ──▶ a stranger's: digest asks
//!     └──── else 403
//! ```
//!
//! A page of ours asks with `?session`, and is refused without one: it is to show its login, and not to be a stranger.

use super::cookie;
use super::origin::{self, own_page};
use super::peer::Peer;
use super::refusal::WebRefusal;
use super::site::PageSite;
use crate::wire::{SipRefusal, SipVisit, SipVisitor};
use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::Response;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The name of SIP among subprotocols (RFC 7118 §4.1).
const SUBPROTOCOL: &str = "sip";
/// The only version there is (RFC 6455 §4.1).
const VERSION: &str = "13";

/// Said by who is somebody only with a session.
const WITH_SESSION: &str = "session";

/// The connection becomes SIP, known by its session from here on, if it has one.
pub(super) async fn sip(
    State(site): State<Arc<PageSite>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
) -> Result<Response, WebRefusal> {
    let is_page = request.uri().query() == Some(WITH_SESSION);
    let by = visitor(&site, &peer, request.headers(), is_page).await?;
    // RFC 6455 §4.1
    if request.method() != Method::GET || request.version() < Version::HTTP_11 {
        return Err(WebRefusal::NoUpgrade);
    }
    let (accept, subprotocol) = accept(request.headers())?;
    let Peer { local, secure, .. } = peer;
    let remote = peer.browser(request.headers());
    let entry = (site.sip)(SipVisit { local, remote, secure, by }).map_err(|why| match why {
        SipRefusal::Origin => WebRefusal::ForeignOrigin,
        SipRefusal::Full => WebRefusal::Busy,
    })?;
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // Who has gone before the answer needs nothing more.
        let Ok(upgraded) = upgrade.await else { return };
        entry(Box::new(TokioIo::new(upgraded))).await;
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    Ok(response)
}

/// Who asks.
async fn visitor(
    site: &PageSite,
    peer: &Peer,
    headers: &HeaderMap,
    is_page: bool,
) -> Result<SipVisitor, WebRefusal> {
    if is_page || cookie::is_there(headers, peer) {
        own_page(headers, peer)?;
        let (_, session) = site.session(headers, peer).await?;
        return Ok(SipVisitor::Session(session.key));
    }
    let origins = origin::named(headers).ok_or(WebRefusal::ForeignOrigin)?;
    Ok(SipVisitor::Unauthenticated { origins, is_direct: !peer.is_proxy })
}

/// What the answer says to the key and the subprotocols of a request that is right (RFC 6455 §4.2.1).
fn accept(headers: &HeaderMap) -> Result<(HeaderValue, HeaderValue), WebRefusal> {
    let named = |name: HeaderName, wanted: &str| {
        let all = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let mut all = all.flat_map(|value| value.split(',')).map(str::trim);
        all.find(|one| one.eq_ignore_ascii_case(wanted))
    };
    let is_right = named(header::CONNECTION, "upgrade").is_some()
        && named(header::UPGRADE, "websocket").is_some()
        && named(header::SEC_WEBSOCKET_VERSION, VERSION).is_some();
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| is_right);
    let key = key.ok_or(WebRefusal::NoUpgrade)?;
    let Some(subprotocol) = named(header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) else {
        return Err(WebRefusal::Malformed("Only the subprotocol sip is spoken here (RFC 7118)."));
    };
    // As it was written: browsers take no other spelling for what they have asked for.
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()));
    accept.ok().zip(HeaderValue::from_str(subprotocol).ok()).ok_or(WebRefusal::NoUpgrade)
}
