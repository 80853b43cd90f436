//! What waits for the loop, and where its answer goes.

use crate::exchange::{AdminRequest, Reply, WebReply, WebRequest};
use tokio::sync::oneshot;

/// Requests that may wait.
pub const REQUESTS_MAX: usize = 64;

/// A request, and where its answer goes.
#[derive(Debug)]
pub enum PendingRequest {
    /// An administrator's.
    Admin {
        /// Who.
        by: String,
        /// What.
        request: AdminRequest,
        /// The answer.
        reply: oneshot::Sender<Reply>,
    },
    /// A page's.
    Web {
        /// What.
        request: WebRequest,
        /// The answer.
        reply: oneshot::Sender<WebReply>,
    },
}
