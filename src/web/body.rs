//! What a page sends: JSON alone, not too long, and not too slowly.

use super::refusal::WebRefusal;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::timeout;

/// The longest body, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// It has to be here within so long.
const BODY_MAX: Duration = Duration::from_secs(10);

/// Reads it.
///
/// # Errors
/// What is wrong with it.
pub(super) async fn json<T: DeserializeOwned>(request: Request) -> Result<T, WebRefusal> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).map(str::trim);
    if !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("application/json")) {
        return Err(WebRefusal::NoJson);
    }
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > BODY_BYTES_MAX) {
        return Err(WebRefusal::TooLong);
    }
    let bytes = timeout(BODY_MAX, to_bytes(request.into_body(), BODY_BYTES_MAX)).await;
    let bytes = bytes.map_err(|_| WebRefusal::Slow)?.map_err(|_| WebRefusal::TooLong)?;
    serde_json::from_slice(&bytes)
        .map_err(|_| WebRefusal::Malformed("This is not what is asked for."))
}
