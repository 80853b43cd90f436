//! A peer's session description as it came, and read.

use crate::sdp::{Error, SessionDescription};
use std::sync::Arc;

/// A session description of a peer.
#[derive(Clone, Debug)]
pub struct Description {
    /// What it says.
    pub session: SessionDescription,
    /// Its text, shared with the message that brought it; what is no UTF-8 in it is replaced.
    pub text: Arc<[u8]>,
}

impl Description {
    /// Reads a description.
    ///
    /// # Errors
    /// Those of [`SessionDescription::parse`].
    pub fn read(bytes: &Arc<[u8]>) -> Result<Self, Error> {
        let session = SessionDescription::parse(bytes)?;
        let text = match str::from_utf8(bytes) {
            Ok(_) => Arc::clone(bytes),
            Err(_) => String::from_utf8_lossy(bytes).into_owned().into_bytes().into(),
        };
        Ok(Self { session, text })
    }
}
