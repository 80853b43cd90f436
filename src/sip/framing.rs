//! Cutting a byte stream into messages (RFC 3261 §18.3, RFC 5626 §4.4.1).

use super::error::{Error, SipFault};
use super::header_name::HeaderName;
use super::limits::{HEAD_BYTES_MAX, MESSAGE_BYTES_MAX};
use super::parse::{content_length, find_head_end};

/// What stands next in a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FramedInput<'a> {
    /// The bytes of one message, for [`parse`](super::parse()).
    Message(&'a [u8]),
    /// Two line ends: the peer wants one back (RFC 5626 §3.5.1).
    Ping,
}

/// The bytes of one connection that are not yet a message.
///
/// It holds at most one unfinished message of [`MESSAGE_BYTES_MAX`] and what was pushed since the
/// last call of [`next_frame`](Self::next_frame): take all frames after each push.
///
/// A single line end before a message is skipped: as the answer to a ping it needs no reaction,
/// and as the first half of a ping its other half is still to come.
#[derive(Debug, Default)]
pub struct Framing {
    buffer: Vec<u8>,
    /// Bytes at the front that were given out.
    taken: usize,
    /// How far behind `taken` the search for the blank line has come.
    searched: usize,
    /// The length of the message at `taken`, once its head is complete.
    length: Option<usize>,
}

impl Framing {
    /// An empty stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends what was received.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether a message has begun and not ended: a peer that stays so is too slow. A line end alone is
    /// no beginning: it may be the answer to a ping.
    #[must_use]
    pub fn is_midway(&self) -> bool {
        self.unread().iter().any(|byte| !matches!(byte, b'\r' | b'\n'))
    }

    /// How many bytes have been pushed and not given out.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.unread().len()
    }

    /// The next frame; `None` until more is pushed.
    ///
    /// # Errors
    /// When the stream cannot be cut any further: the connection is to be closed. Besides the
    /// limits these are a missing, malformed or repeated Content-Length, which a stream needs.
    pub fn next_frame(&mut self) -> Result<Option<FramedInput<'_>>, Error> {
        if self.length.is_none() {
            if self.skip_line_ends() {
                return Ok(Some(FramedInput::Ping));
            }
            self.length = self.message_length()?;
        }
        let Some(length) = self.length.filter(|length| self.unread().len() >= *length) else {
            return Ok(None);
        };
        let start = self.taken;
        self.taken += length;
        (self.searched, self.length) = (0, None);
        Ok(Some(FramedInput::Message(&self.buffer[start..start + length])))
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.taken..]
    }

    /// Takes line ends away; true when they were a ping.
    fn skip_line_ends(&mut self) -> bool {
        loop {
            match self.unread() {
                [b'\r', b'\n', b'\r', b'\n', ..] => {
                    self.taken += 4;
                    return true;
                }
                // The rest of a ping may follow.
                [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return false,
                [b'\r', b'\n', ..] => self.taken += 2,
                [b'\n', ..] => self.taken += 1,
                [_, ..] => return false,
            }
        }
    }

    fn message_length(&mut self) -> Result<Option<usize>, Error> {
        let unread = &self.buffer[self.taken..];
        if matches!(unread, [] | [b'\r', ..]) && unread.len() < 4 {
            return Ok(None);
        }
        let Some((head_len, body_start)) = find_head_end(unread, self.searched)? else {
            if unread.len() > HEAD_BYTES_MAX {
                return Err(SipFault::HeadersTooLarge.at(HEAD_BYTES_MAX));
            }
            // The blank line may begin in the last three bytes.
            self.searched = unread.len().saturating_sub(3);
            return Ok(None);
        };
        let missing = SipFault::Missing(HeaderName::ContentLength).at(head_len);
        let length = content_length(&unread[..head_len])?.ok_or(missing)?;
        match body_start.checked_add(length).filter(|total| *total <= MESSAGE_BYTES_MAX) {
            Some(total) => Ok(Some(total)),
            None => Err(SipFault::MessageTooLarge.at(MESSAGE_BYTES_MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[u8] = b"BYE sip:a SIP/2.0\r\nContent-Length: 3\r\n\r\nabc";
    const TWO: &[u8] = b"ACK sip:a SIP/2.0\r\nl :\r\n 0\r\n\r\n";

    fn frames(framing: &mut Framing) -> Result<Vec<String>, Error> {
        let mut frames = Vec::new();
        while let Some(frame) = framing.next_frame()? {
            frames.push(match frame {
                FramedInput::Message(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                FramedInput::Ping => "ping".to_owned(),
            });
        }
        Ok(frames)
    }

    #[test]
    fn messages_are_cut_wherever_the_segments_end() {
        let stream = [b"\r\n".as_slice(), ONE, b"\r\n\r\n", TWO, b"\n", ONE].concat();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let expected = [text(ONE), "ping".to_owned(), text(TWO), text(ONE)];
        for size in 1..stream.len() {
            let mut framing = Framing::new();
            let mut seen = Vec::new();
            for segment in stream.chunks(size) {
                framing.push(segment);
                seen.extend(frames(&mut framing).unwrap());
            }
            assert_eq!(seen, expected, "segments of {size}");
            assert!(!framing.is_midway());
        }
    }

    #[test]
    fn a_stream_needs_one_good_content_length() {
        for (head, fault) in [
            ("", SipFault::Missing(HeaderName::ContentLength)),
            ("l: -1\r\n", SipFault::Header(HeaderName::ContentLength)),
            ("l: 1 1\r\n", SipFault::Header(HeaderName::ContentLength)),
            ("l: 1\r\nContent-Length: 1\r\n", SipFault::Repeated(HeaderName::ContentLength)),
            ("l: 99999\r\n", SipFault::MessageTooLarge),
            ("l: 99999999999999999999\r\n", SipFault::Header(HeaderName::ContentLength)),
        ] {
            let mut framing = Framing::new();
            framing.push(format!("BYE sip:a SIP/2.0\r\n{head}\r\n").as_bytes());
            assert_eq!(framing.next_frame().map_err(|e| e.what), Err(fault), "{head:?}");
        }
    }

    #[test]
    fn a_head_without_end_is_refused_at_its_limit() {
        let mut framing = Framing::new();
        framing.push(&vec![b'a'; HEAD_BYTES_MAX]);
        assert_eq!(framing.next_frame(), Ok(None));
        assert!(framing.is_midway());
        framing.push(b"a");
        assert_eq!(framing.next_frame().map_err(|e| e.what), Err(SipFault::HeadersTooLarge));
    }

    #[test]
    fn half_a_ping_is_no_frame() {
        let mut framing = Framing::new();
        framing.push(b"\r\n\r");
        assert_eq!(framing.next_frame(), Ok(None));
        framing.push(b"\n");
        assert_eq!(framing.next_frame(), Ok(Some(FramedInput::Ping)));
    }
}
