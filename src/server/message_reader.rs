//! Whole messages out of a connection. What is not whole yet is only looked at (MSG_PEEK): it waits in the system's
//! buffer, where the next process finds it from its first byte.

use crate::sip::{self, FramedInput, Framing};
use nix::sys::socket::{MsgFlags, recv};
use std::io;
use std::os::fd::AsRawFd as _;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Of a longer message that is not whole the first part is taken away all the same: the system's buffer has an end.
const WAITING_MAX: usize = 16 * 1024;

/// What has been seen of a connection.
#[derive(Debug)]
pub(super) struct MessageReader {
    framing: Framing,
    buffer: Vec<u8>,
    /// So many bytes are in the framing, and in the system's buffer as well.
    seen: usize,
}

impl MessageReader {
    pub fn new() -> Self {
        Self { framing: Framing::new(), buffer: vec![0; WAITING_MAX], seen: 0 }
    }

    /// Waits until more has come; false when nothing will, since the peer has hung up.
    ///
    /// # Errors
    /// When the connection is broken.
    pub async fn look(&mut self, stream: &TcpStream) -> io::Result<bool> {
        loop {
            let ready = stream.ready(Interest::READABLE).await?;
            let (buffer, seen) = (&mut self.buffer, self.seen);
            let looked = stream.try_io(Interest::READABLE, || {
                match recv(stream.as_raw_fd(), buffer, MsgFlags::MSG_PEEK)? {
                    // Nothing new: the runtime wakes us when something comes.
                    length if length == seen && seen > 0 => Err(io::ErrorKind::WouldBlock.into()),
                    length => Ok(length),
                }
            });
            match looked {
                Ok(length) => {
                    let Some(new) =
                        self.buffer.get(self.seen..length).filter(|new| !new.is_empty())
                    else {
                        return Ok(false);
                    };
                    self.framing.push(new);
                    self.seen = length;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.seen > 0 && ready.is_read_closed() {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The next frame of what has been seen.
    ///
    /// # Errors
    /// When nobody knows any more where the next one begins.
    pub fn next_frame(&mut self) -> Result<Option<FramedInput<'_>>, sip::Error> {
        self.framing.next_frame()
    }

    /// Takes what has been handed on out of the system's buffer.
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn take_handed_on(&mut self, stream: &TcpStream) -> io::Result<()> {
        let is_waiting = self.framing.is_midway() && self.seen < self.buffer.len();
        let left = if is_waiting { self.framing.waiting().min(self.seen) } else { 0 };
        self.take(stream, left)
    }

    /// Takes all away that has been seen: what is closed with something unread loses what was sent last.
    pub fn take_all(&mut self, stream: &TcpStream) {
        let _ = self.take(stream, 0);
    }

    fn take(&mut self, stream: &TcpStream, left: usize) -> io::Result<()> {
        while self.seen > left {
            match stream.try_read(&mut self.buffer[..self.seen - left])? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                taken => self.seen -= taken,
            }
        }
        Ok(())
    }

    /// Whether a message has begun and not ended.
    pub fn is_midway(&self) -> bool {
        self.framing.is_midway()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream as Peer};
    use std::time::Duration;

    const MESSAGE: &[u8] = b"BYE sip:a SIP/2.0\r\nContent-Length: 3\r\n\r\nabc";

    fn pair() -> (Peer, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = Peer::connect(listener.local_addr().unwrap()).unwrap();
        peer.set_nodelay(true).unwrap();
        let (stream, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        (peer, TcpStream::from_std(stream).unwrap())
    }

    /// The same connection, as the next process has it.
    fn inherited(stream: TcpStream) -> TcpStream {
        TcpStream::from_std(stream.into_std().unwrap()).unwrap()
    }

    /// The next frame; `None` when the peer has hung up.
    async fn next(reader: &mut MessageReader, stream: &TcpStream) -> Option<Vec<u8>> {
        loop {
            match reader.next_frame().unwrap() {
                Some(FramedInput::Message(bytes)) => return Some(bytes.to_vec()),
                Some(FramedInput::Ping) => return Some(b"ping".to_vec()),
                None => {}
            }
            reader.take_handed_on(stream).unwrap();
            let look = reader.look(stream);
            if !tokio::time::timeout(Duration::from_secs(5), look).await.unwrap().unwrap() {
                return None;
            }
        }
    }

    #[tokio::test]
    async fn half_a_message_waits_for_the_next_process_wherever_it_was_cut() {
        for cut in 1..MESSAGE.len() {
            let (mut peer, stream) = pair();
            peer.write_all(MESSAGE).unwrap();
            peer.write_all(&MESSAGE[..cut]).unwrap();
            let mut reader = MessageReader::new();
            assert_eq!(next(&mut reader, &stream).await.as_deref(), Some(MESSAGE));
            // It may come in two pieces, and nothing more does.
            let more =
                tokio::time::timeout(Duration::from_millis(5), next(&mut reader, &stream)).await;
            assert!(more.is_err(), "{more:?}");
            let stream = inherited(stream);
            peer.write_all(&MESSAGE[cut..]).unwrap();
            peer.write_all(b"\r\n\r\n").unwrap();
            let mut reader = MessageReader::new();
            assert_eq!(next(&mut reader, &stream).await.as_deref(), Some(MESSAGE), "{cut}");
            assert_eq!(next(&mut reader, &stream).await.as_deref(), Some(&b"ping"[..]));
        }
    }

    #[tokio::test]
    async fn who_hangs_up_is_noticed_whatever_was_sent_last() {
        for last in [&b""[..], b"\r\n", b"\r\n\r", b"BYE sip:a", MESSAGE] {
            let (mut peer, stream) = pair();
            peer.write_all(last).unwrap();
            let mut reader = MessageReader::new();
            let first =
                tokio::time::timeout(Duration::from_millis(20), next(&mut reader, &stream)).await;
            assert_eq!(first.is_ok(), last == MESSAGE);
            drop(peer);
            assert_eq!(next(&mut reader, &stream).await, None, "{last:?}");
        }
    }

    #[tokio::test]
    async fn a_message_that_is_longer_than_what_may_wait_comes_whole() {
        let (mut peer, stream) = pair();
        let body = vec![b'x'; 3 * WAITING_MAX];
        let head = format!("BYE sip:a SIP/2.0\r\nContent-Length: {}\r\n\r\n", body.len());
        let message = [head.as_bytes(), &body].concat();
        let sent = [&message[..], MESSAGE].concat();
        let sending = std::thread::spawn(move || peer.write_all(&sent).map(|()| peer));
        let mut reader = MessageReader::new();
        assert_eq!(next(&mut reader, &stream).await, Some(message));
        assert_eq!(next(&mut reader, &stream).await.as_deref(), Some(MESSAGE));
        reader.take_handed_on(&stream).unwrap();
        assert_eq!(reader.seen, 0);
        drop(sending.join().unwrap().unwrap());
        assert_eq!(next(&mut reader, &stream).await, None);
    }
}
