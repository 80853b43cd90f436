//! Connections of browsers, as those who accept them, those who serve pages and those who speak SIP hand them on.
//!
//! ```text
//!   accepted, sealed ── PageConnection ──▶ HTTP ── GET /sip with a session ── SipUpgrade ──▶ SIP over WebSocket
//! ```

use crate::session::SessionKey;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};

/// A stream of bytes, whatever it runs through.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// What is done with a connection, until it is over.
pub type Served = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A browser's connection whose handshakes are done.
pub struct PageConnection {
    /// What it says.
    pub stream: Box<dyn ByteStream>,
    /// Our address.
    pub local: SocketAddr,
    /// The browser's, or that of the proxy before us.
    pub remote: SocketAddr,
    /// Under TLS.
    pub sealed: bool,
}

/// Who serves pages.
pub type PageService = Arc<dyn Fn(PageConnection) -> Served + Send + Sync>;

/// A connection that has become a WebSocket (RFC 6455) of the subprotocol `sip`.
pub struct SipUpgrade {
    /// What it says.
    pub stream: Box<dyn ByteStream>,
    /// Our address.
    pub local: SocketAddr,
    /// The browser's.
    pub remote: SocketAddr,
    /// The browser speaks TLS, with us or with the proxy before us.
    pub secure: bool,
    /// Whose session it has shown.
    pub session: SessionKey,
}

/// Who speaks SIP with browsers.
pub type SipDoor = Arc<dyn Fn(SipUpgrade) -> Served + Send + Sync>;
