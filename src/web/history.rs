//! Calls that were: those of a number, and those of the operator.

use super::peer::Peer;
use super::refusal::WebRefusal;
use super::site::PageSite;
use crate::call::call_record::CallRecord;
use crate::ids::{Number, OperatorId};
use axum::Json;
use axum::extract::{Extension, RawQuery, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};
use std::sync::Arc;
use url::form_urlencoded;

/// So many calls of a number where no limit is given,
const OF_NUMBER: usize = 20;
/// so many of the operator,
const OF_OPERATOR: usize = 50;
/// and so many at most.
const MAX: usize = 200;

/// `GET /api/calls?number=N&limit=20`
pub(super) async fn of_number(
    State(site): State<Arc<PageSite>>,
    Extension(peer): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<Value>, WebRefusal> {
    site.session(&headers, &peer).await?;
    let number = value_of(query.as_deref(), "number");
    let number = number.ok_or(WebRefusal::Malformed("Say of which number."))?;
    let max = limit(query.as_deref(), OF_NUMBER)?;
    let calls = site.archive.read(move |database| database.calls_of_number(&number, max));
    Ok(listed(&calls.await?))
}

/// `GET /api/history?limit=50`
pub(super) async fn of_operator(
    State(site): State<Arc<PageSite>>,
    Extension(peer): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Json<Value>, WebRefusal> {
    let (_, session) = site.session(&headers, &peer).await?;
    let max = limit(query.as_deref(), OF_OPERATOR)?;
    let operator = session.operator;
    let calls = site.archive.read(move |database| database.calls_of_operator(&operator, max));
    Ok(listed(&calls.await?))
}

fn value_of(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn limit(query: Option<&str>, usual: usize) -> Result<usize, WebRefusal> {
    let Some(text) = value_of(query, "limit") else { return Ok(usual) };
    let limit = text.parse::<usize>();
    limit.map(|limit| limit.min(MAX)).map_err(|_| WebRefusal::Malformed("The limit is no number."))
}

fn listed(calls: &[CallRecord]) -> Json<Value> {
    let calls: Vec<_> = calls.iter().map(shown).collect();
    Json(json!({"calls": calls}))
}

fn shown(call: &CallRecord) -> Value {
    let end = call.ended.map(|ended| ended.at);
    let waited = call.answered.or(end).map(|at| at.since(call.began).as_secs());
    // Whoever calls directly wants whom it has dialled.
    let callee = call.callee.as_ref().or(call.queue.is_none().then_some(&call.dialled));
    let talked = call.answered.zip(end).map(|(from, to)| to.since(from).as_secs());
    json!({
        "at": call.began.to_string(),
        "caller": call.caller,
        "caller_name": call.caller_name,
        "callee": callee.map(Number::as_str),
        "operator": call.operators.last().map(OperatorId::as_str),
        "outcome": outcome(call),
        "waited": waited,
        "talked": talked.unwrap_or_default(),
    })
}

/// `going-on`; `connected`, with whom the caller wanted; `answered`, by the operator alone; else the word of what ended it
/// before anybody answered, as records have it.
fn outcome(call: &CallRecord) -> String {
    let was_direct = call.operators.is_empty() && call.queue.is_none();
    match (call.ended, call.answered) {
        (None, _) => "going-on".to_owned(),
        (Some(_), Some(_)) if call.handover.is_some() || was_direct => "connected".to_owned(),
        (Some(_), Some(_)) => "answered".to_owned(),
        (Some(ended), None) => ended.cause.word().to_owned(),
    }
}
