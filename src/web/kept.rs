//! What operators keep: favourites of their own, and notes on numbers for all.

use super::body;
use super::origin::own_page;
use super::peer::Peer;
use super::refusal::WebRefusal;
use super::site::{PageSite, refusal};
use crate::exchange::journal::StoredNote;
use crate::exchange::{FAVOURITES_MAX, NOTE_CHARS_MAX, WebReply, WebRequest};
use crate::ids::Number;
use crate::text::{ADDRESS_CHARS_MAX, is_within};
use axum::Json;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FavouritesForm {
    numbers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoteForm {
    text: String,
}

/// `GET /api/favourites`
pub(super) async fn favourites(
    State(site): State<Arc<PageSite>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Json<Value>, WebRefusal> {
    let (_, session) = site.session(&headers, &peer).await?;
    let found = site.archive.read(move |database| database.favourites(&session.operator));
    let numbers = found.await?;
    let numbers: Vec<_> = numbers.iter().map(Number::as_str).collect();
    Ok(Json(json!({"numbers": numbers})))
}

/// `PUT /api/favourites`
pub(super) async fn keep_favourites(
    State(site): State<Arc<PageSite>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Result<Json<Value>, WebRefusal> {
    own_page(request.headers(), &peer)?;
    let (session, _) = site.session(request.headers(), &peer).await?;
    let FavouritesForm { numbers } = body::json(request).await?;
    if numbers.len() > FAVOURITES_MAX {
        return Err(WebRefusal::TooLong);
    }
    let numbers: Vec<Number> = numbers.iter().map(|text| number(text)).collect::<Result<_, _>>()?;
    let shown: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    match site.ask(WebRequest::Favourites { session, numbers }).await? {
        WebReply::Done => Ok(Json(json!({"numbers": shown}))),
        other => Err(refusal(&other)),
    }
}

/// `GET /api/notes/NUMBER`
pub(super) async fn notes(
    State(site): State<Arc<PageSite>>,
    Extension(peer): Extension<Peer>,
    Path(on): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, WebRefusal> {
    site.session(&headers, &peer).await?;
    let on = number(&on)?;
    let notes = site.archive.read(move |database| database.notes(&on)).await?;
    let notes: Vec<_> = notes.iter().map(shown).collect();
    Ok(Json(json!({"notes": notes})))
}

/// `POST /api/notes/NUMBER`
pub(super) async fn keep_note(
    State(site): State<Arc<PageSite>>,
    Extension(peer): Extension<Peer>,
    Path(on): Path<String>,
    request: Request,
) -> Result<Response, WebRefusal> {
    own_page(request.headers(), &peer)?;
    let (session, _) = site.session(request.headers(), &peer).await?;
    let number = number(&on)?;
    let NoteForm { text } = body::json(request).await?;
    if text.trim().is_empty() {
        return Err(WebRefusal::Malformed("A note has at least one character."));
    }
    if text.chars().count() > NOTE_CHARS_MAX {
        return Err(WebRefusal::TooLong);
    }
    match site.ask(WebRequest::Note { session, number, text }).await? {
        WebReply::Noted(note) => Ok((StatusCode::CREATED, Json(shown(&note))).into_response()),
        other => Err(refusal(&other)),
    }
}

/// `DELETE /api/notes/NUMBER/ID`
pub(super) async fn drop_note(
    State(site): State<Arc<PageSite>>,
    Extension(peer): Extension<Peer>,
    Path((on, id)): Path<(String, u64)>,
    headers: HeaderMap,
) -> Result<StatusCode, WebRefusal> {
    own_page(&headers, &peer)?;
    let (session, _) = site.session(&headers, &peer).await?;
    let number = number(&on)?;
    match site.ask(WebRequest::DropNote { session, number, id }).await? {
        WebReply::Done => Ok(StatusCode::NO_CONTENT),
        other => Err(refusal(&other)),
    }
}

/// A number, or an address as guests have it.
fn number(text: &str) -> Result<Number, WebRefusal> {
    let is_plain = !text.is_empty() && !text.chars().any(char::is_control);
    match is_plain && is_within(text, ADDRESS_CHARS_MAX) {
        true => Ok(Number::from(text)),
        false => Err(WebRefusal::Malformed("This is no number.")),
    }
}

fn shown(note: &StoredNote) -> Value {
    json!({
        "id": note.id,
        "text": note.text,
        "by": note.by.as_str(),
        "at": note.at.to_string(),
    })
}
