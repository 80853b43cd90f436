//! A browser's connection, from its first request to its last.
//!
//! Whatever is refused is refused in JSON, but for what is no request that anybody has seen: hyper answers a head that it cannot
//! read (400), or that is too long or has too many headers (431), by itself, without a body, and closes the connection.

use super::archive::Archive;
use super::console::{self, ConsoleFiles};
use super::patient_stream::PatientStream;
use super::peer::Peer;
use super::refusal::{WebRefusal, in_our_words};
use super::site::PageSite;
use super::{history, kept, login, stills, upgrade};
use crate::wire::{PageConnection, PageService, PendingRequest, SipDoor};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tower::ServiceExt as _;

/// The longest head of a request, in bytes.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// A connection on which no request comes, or none to the end of its head, is closed after so long: a page loads its files
/// over six, which all whose NAT is the same are to have places for.
pub const IDLE_MAX: Duration = Duration::from_secs(15);
/// The most headers of a request.
const HEADERS_MAX: usize = 100;

/// What each answer says: what a page of ours may do, and that no other may do anything with it.
const EVERYWHERE: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(self), speaker-selection=(self), geolocation=(), payment=(), usb=()",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// What pages are served with.
pub struct WebParts {
    /// To the loop.
    pub requests: mpsc::Sender<PendingRequest>,
    /// Who speaks SIP with pages.
    pub sip: SipDoor,
    /// The data directory.
    pub data: PathBuf,
    /// Whoever connects is a proxy of ours, which speaks TLS with browsers.
    pub proxy: bool,
}

/// Who serves pages with these parts.
#[must_use]
pub fn serve(parts: WebParts) -> PageService {
    let WebParts { requests, sip, data, proxy } = parts;
    let router = router(PageSite { requests, archive: Archive::of(data), sip });
    Arc::new(move |connection| Box::pin(converse(connection, router.clone(), proxy)))
}

fn router(site: PageSite) -> Router {
    let pages = Router::new()
        .route("/", get(console::first))
        .route("/console/{*path}", get(console::file))
        .with_state(Arc::new(ConsoleFiles::load()));
    let site = Router::new()
        .route("/sip", get(upgrade::sip))
        .route("/api/session", get(login::whose).post(login::log_in).delete(login::log_out))
        .route("/api/favourites", get(kept::favourites).put(kept::keep_favourites))
        .route("/api/notes/{number}", get(kept::notes).post(kept::keep_note))
        .route("/api/notes/{number}/{id}", delete(kept::drop_note))
        .route("/api/calls", get(history::of_number))
        .route("/api/history", get(history::of_operator))
        .route("/api/stills/{request}", get(stills::of_caller))
        .with_state(Arc::new(site));
    pages.merge(site).fallback(async || WebRefusal::NoSuch)
}

async fn converse(connection: PageConnection, router: Router, is_proxy: bool) {
    let PageConnection { stream, local, remote, sealed } = connection;
    let peer = Peer { local, remote, secure: sealed || is_proxy, is_proxy };
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let router = router.clone();
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            let is_api = request.uri().path().starts_with("/api/");
            let answer = router.oneshot(request).await.map(|answer| finish(answer, is_api));
            Ok::<_, Infallible>(answer.into_response())
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(PatientStream::new(stream)), service)
        .with_upgrades();
    // What a browser has said wrong it has been told.
    if let Err(error) = serving.await {
        tracing::debug!("page from {remote}: {error}");
    }
}

fn finish(answer: Response, is_api: bool) -> Response {
    let mut answer = in_our_words(answer);
    let headers = answer.headers_mut();
    for (name, value) in EVERYWHERE {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_api {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{AdminRequest, WebReply};
    use crate::random::Random;
    use crate::session::SessionToken;
    use crate::wire::SipRefusal;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
    use tokio::sync::oneshot;

    /// A browser before a loop to which one request at a time may wait.
    fn browser() -> (DuplexStream, mpsc::Sender<PendingRequest>, mpsc::Receiver<PendingRequest>) {
        let (requests, requested) = mpsc::channel(1);
        let (theirs, ours) = tokio::io::duplex(1 << 16);
        let sip: SipDoor = Arc::new(|_| Err(SipRefusal::Full));
        let parts = WebParts {
            requests: requests.clone(),
            sip,
            data: PathBuf::from("nowhere"),
            proxy: false,
        };
        let address = "127.0.0.1:80".parse().unwrap();
        let connection = PageConnection {
            stream: Box::new(ours),
            local: address,
            remote: address,
            sealed: true,
        };
        tokio::spawn(serve(parts)(connection));
        (theirs, requests, requested)
    }

    async fn answer(browser: &mut DuplexStream, request: &str) -> String {
        browser.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 1 << 16];
        let length = browser.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    fn ask() -> String {
        let token = SessionToken::new(&mut Random::from_number(1)).reveal();
        let cookie = format!("__Host-cordboard-80={token}");
        format!("GET /api/session HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n")
    }

    #[tokio::test]
    async fn where_as_many_wait_as_may_the_next_is_told_to_come_again() {
        let (mut browser, requests, mut requested) = browser();
        let (reply, _answered) = oneshot::channel();
        let (by, request) = ("root".to_owned(), AdminRequest::Calls);
        requests.try_send(PendingRequest::Admin { by, request, reply }).unwrap();
        let busy = answer(&mut browser, &ask()).await;
        assert!(busy.starts_with("HTTP/1.1 503 ") && busy.contains("retry-after: 3\r\n"), "{busy}");
        // On the same connection, when there is room.
        let _ = requested.recv().await;
        tokio::spawn(async move {
            while let Some(PendingRequest::Web { reply, .. }) = requested.recv().await {
                let _ = reply.send(WebReply::NoSession);
            }
        });
        let told = answer(&mut browser, &ask()).await;
        assert!(told.starts_with("HTTP/1.1 401 ") && told.contains("no-session"), "{told}");
        let none = answer(&mut browser, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(none.starts_with("HTTP/1.1 404 ") && none.contains("nosniff"), "{none}");
        for (request, status, word) in [
            ("PATCH /api/session", "405", "no-method"),
            ("PUT /", "405", "no-method"),
            ("POST /sip", "405", "no-method"),
            ("OPTIONS *", "404", "not-found"),
            ("DELETE /api/notes/3002/first", "400", "malformed"),
            ("GET /api/notes/%ff", "400", "malformed"),
        ] {
            let said =
                answer(&mut browser, &format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            let (head, body) = said.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {said}");
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert!(body["error"] == word && body["text"].is_string(), "{request}: {said}");
            assert_eq!(head.contains("\r\nallow: "), status == "405", "{request}: {said}");
        }
        // Of these hyper tells nobody.
        let long =
            format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(HEAD_BYTES_MAX));
        let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: x\r\n".repeat(HEADERS_MAX));
        for (request, status) in [("nonsense\r\n\r\n", "400"), (&long, "431"), (&many, "431")] {
            let (mut browser, _requests, _requested) = self::browser();
            let bare = answer(&mut browser, request).await;
            assert!(bare.starts_with(&format!("HTTP/1.1 {status} ")), "{bare}");
            assert!(bare.contains("connection: close\r\n") && bare.ends_with("\r\n\r\n"), "{bare}");
        }
    }
}
