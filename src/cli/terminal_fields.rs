//! The fields of a terminal as people write them, in a command and in a file.

use crate::directory::Srtp;
use crate::sip::Uri;
use anyhow::Context as _;

/// Reads whether SRTP is required.
///
/// # Errors
/// When it is neither of the two words.
pub fn srtp(text: &str) -> anyhow::Result<Srtp> {
    Srtp::named(text).with_context(|| format!("srtp {text:?}: write required, dtls or optional"))
}

/// Reads a fixed contact.
///
/// # Errors
/// When it is no URI.
pub fn contact(text: &str) -> anyhow::Result<Uri> {
    Uri::parse(text).with_context(|| {
        format!("contact {text:?}: it is no SIP URI: write it as `sip:3001@192.0.2.7`")
    })
}
