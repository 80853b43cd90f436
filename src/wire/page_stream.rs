//! Connections of browsers, as those who accept them, those who serve pages and those who speak SIP hand them on.
//!
//! ```text
//!   accepted, sealed ── PageConnection ──▶ HTTP ── GET /sip ── SipVisit ──▶ SipEntry ──▶ SIP over WebSocket
//!                                                              └─ SipRefusal
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

/// A browser that asks for SIP over WebSocket (RFC 7118), before it has its answer.
#[derive(Clone, Debug)]
pub struct SipVisit {
    /// Our address.
    pub local: SocketAddr,
    /// The browser's.
    pub remote: SocketAddr,
    /// The browser speaks TLS, with us or with the proxy before us.
    pub secure: bool,
    /// Who asks.
    pub by: SipVisitor,
}

/// Who asks for SIP.
#[derive(Clone, Debug)]
pub enum SipVisitor {
    /// Whoever has shown this session.
    Session(SessionKey),
    /// Somebody who has shown none: digest asks who it is, as it does at a listener of SIP.
    Unauthenticated {
        /// The pages that ask, as browsers name them; a program names none.
        origins: Vec<String>,
        /// It has connected to us, and not to a proxy before us.
        is_direct: bool,
    },
}

/// Why somebody does not get SIP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SipRefusal {
    /// A page of another site asks.
    Origin,
    /// There is no place for one more, or for one more from there.
    Full,
}

/// What is done with a connection once it is a WebSocket of the subprotocol `sip`; its place is kept until this is dropped.
pub type SipEntry = Box<dyn FnOnce(Box<dyn ByteStream>) -> Served + Send>;

/// Who speaks SIP with browsers.
pub type SipDoor = Arc<dyn Fn(SipVisit) -> Result<SipEntry, SipRefusal> + Send + Sync>;
