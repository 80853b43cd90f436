//! Sessions: to begin one, to ask whose it is, to end it.

use super::body;
use super::cookie;
use super::origin::own_page;
use super::peer::Peer;
use super::refusal::WebRefusal;
use super::site::{PageSite, refusal};
use crate::exchange::{LoginSource, SessionView, TypedSecret, WebReply, WebRequest};
use crate::ids::{Number, QueueId};
use crate::session::SessionToken;
use crate::sip::Transport;
use axum::Json;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// By name and password, or by a link.
#[derive(Deserialize)]
#[serde(untagged)]
enum LoginForm {
    Name { operator: String, secret: String },
    Link { token: String },
}

/// `POST /api/session`
pub(super) async fn log_in(
    State(site): State<Arc<PageSite>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Response, WebRefusal> {
    own_page(request.headers(), &peer)?;
    let source = LoginSource {
        remote: peer.browser(request.headers()),
        local: peer.local,
        transport: if peer.secure { Transport::Wss } else { Transport::Ws },
    };
    let request = match body::json(request).await? {
        LoginForm::Name { operator, secret } => {
            WebRequest::LogIn { operator, password: TypedSecret(secret), source }
        }
        LoginForm::Link { token } => {
            let link = SessionToken::parse(&token).ok_or(WebRefusal::WrongLink)?;
            WebRequest::Redeem { link, source }
        }
    };
    match site.ask(request).await? {
        WebReply::LoggedIn { token, session } => {
            Ok(with_cookie(Json(shown(&session)), cookie::give(token, &peer)))
        }
        other => Err(refusal(&other)),
    }
}

/// `GET /api/session`
pub(super) async fn whose(
    State(site): State<Arc<PageSite>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Json<Value>, WebRefusal> {
    let (_, session) = site.session(&headers, &peer).await?;
    Ok(Json(shown(&session)))
}

/// `DELETE /api/session`
pub(super) async fn log_out(
    State(site): State<Arc<PageSite>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, WebRefusal> {
    own_page(&headers, &peer)?;
    if let Some(token) = cookie::token(&headers, &peer) {
        match site.ask(WebRequest::LogOut(token)).await? {
            WebReply::Done => {}
            other => return Err(refusal(&other)),
        }
    }
    Ok(with_cookie(StatusCode::NO_CONTENT, cookie::take(&peer)))
}

fn with_cookie(answer: impl IntoResponse, cookie: Option<HeaderValue>) -> Response {
    let mut response = answer.into_response();
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

fn shown(session: &SessionView) -> Value {
    let phones: Vec<_> = session.phones.iter().map(Number::as_str).collect();
    let queues: Vec<_> = session.queues.iter().map(QueueId::as_str).collect();
    json!({
        "operator": session.operator.as_str(),
        "phone": session.phone.as_str(),
        "phones": phones,
        "domain": session.domain,
        "expires": session.expires.to_string(),
        "queues": queues,
        "max_calls": session.max_calls,
        "desk": if session.elsewhere { "up" } else { "none" },
    })
}
