//! SIP messages for people who look for a fault: each line of them in the log, and no secret among them.
//!
//! What would do in place of a password is left out: the response of credentials, with their nonces, and
//! the keys of streams (RFC 4568, RFC 8839).

use crate::sip::{Destination, Flow};
use tracing::Level;

/// What the log calls these lines, in `RUST_LOG` and for `--trace sip`.
pub const TARGET: &str = "sip";

/// As much of a message as is shown, in bytes.
const SHOWN_MAX: usize = 16 * 1024;
const LEFT_OUT: &str = "(left out)";
/// Headers whose values nobody needs to see.
const SECRET_HEADERS: [&str; 4] =
    ["authorization", "proxy-authorization", "authentication-info", "proxy-authentication-info"];
/// Lines of SDP with keys in them.
const SECRET_LINES: [&str; 4] = ["a=crypto:", "a=ice-pwd:", "a=key-mgmt:", "k="];

fn is_wanted() -> bool {
    tracing::enabled!(target: TARGET, Level::TRACE)
}

/// A message has come.
pub fn received(flow: &Flow, bytes: &[u8]) {
    if is_wanted() {
        write(&format!("from {} by {}", flow.remote, flow.transport), bytes);
    }
}

/// A message goes out.
pub fn sent(to: &Destination, bytes: &[u8]) {
    if is_wanted() {
        write(&format!("to {} by {}", to.remote(), to.transport()), bytes);
    }
}

fn write(heading: &str, bytes: &[u8]) {
    // A keep-alive is no message.
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return;
    }
    tracing::trace!(target: TARGET, "{heading}");
    for line in lines(bytes) {
        tracing::trace!(target: TARGET, "    {line}");
    }
}

/// The lines of a message, without secrets.
fn lines(bytes: &[u8]) -> Vec<String> {
    let shown = &bytes[..bytes.len().min(SHOWN_MAX)];
    let text = String::from_utf8_lossy(shown);
    let mut lines: Vec<String> = Vec::new();
    let mut in_secret = false;
    for line in text.lines() {
        // A folded line belongs to the header before it.
        let is_folded = line.starts_with([' ', '\t']);
        if is_folded && in_secret {
            continue;
        }
        let lower = line.trim_start().to_ascii_lowercase();
        let name = lower.split(':').next().unwrap_or("").trim_end();
        in_secret = SECRET_HEADERS.contains(&name);
        let cut = match in_secret {
            true => line.find(':').map(|colon| colon + 1),
            false => SECRET_LINES
                .iter()
                .find(|secret| lower.starts_with(*secret))
                .map(|secret| line.len() - line.trim_start().len() + secret.len()),
        };
        lines.push(match cut {
            Some(end) => format!("{} {LEFT_OUT}", &line[..end]),
            None => line.to_owned(),
        });
    }
    if shown.len() < bytes.len() {
        lines.push(format!("and {} bytes more", bytes.len() - shown.len()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown_however_it_is_written() {
        let message = "REGISTER sip:cordboard.local SIP/2.0\r\nAuthorization: Digest response=\"s3cret\"\r\n\
            PROXY-AUTHORIZATION : Digest\r\n response=\"s3cret\"\r\nAuthorization:\r\n\ts3cret\r\nCall-ID: kept\r\n\r\n\
            v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:s3cret\r\nA=ICE-PWD:s3cret\r\nk=clear:s3cret\r\na=sendrecv\r\n";
        let shown = lines(message.as_bytes()).join("\n");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(
            shown.contains("Authorization: (left out)") && shown.contains("Call-ID: kept"),
            "{shown}"
        );
        assert!(shown.contains("a=crypto: (left out)") && shown.contains("a=sendrecv"), "{shown}");
    }

    #[test]
    fn what_is_no_text_or_very_long_is_shown_as_far_as_it_goes() {
        assert_eq!(lines(b"\xff\r\nx"), ["\u{fffd}", "x"]);
        let long = lines(&vec![b'x'; SHOWN_MAX + 5]);
        assert_eq!(long.last().map(String::as_str), Some("and 5 bytes more"));
    }
}
