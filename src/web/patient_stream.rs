//! A connection that waits for a browser to take what is written, but not for ever.

use crate::wire::ByteStream;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// Of what is written something has to be taken within so long.
const STALLED_MAX: Duration = Duration::from_secs(20);

/// The connection.
pub(super) struct PatientStream {
    stream: Box<dyn ByteStream>,
    /// So long something may wait to be taken.
    within: Duration,
    /// Since something does: until when.
    until: Option<Pin<Box<Sleep>>>,
}

impl PatientStream {
    pub fn new(stream: Box<dyn ByteStream>) -> Self {
        Self { stream, within: STALLED_MAX, until: None }
    }

    /// What writing has come to; an error when it has taken too long.
    fn judge<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.until = None;
            return written;
        }
        let within = self.within;
        let until =
            self.until.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + within)));
        ready!(until.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for PatientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for PatientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(written, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(flushed, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(shut, cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn who_takes_nothing_is_waited_for_no_longer_than_so() {
        let (ours, mut theirs) = tokio::io::duplex(8);
        let within = Duration::from_millis(50);
        let mut stream = PatientStream { within, ..PatientStream::new(Box::new(ours)) };
        stream.write_all(b"12345678").await.unwrap();
        let began = Instant::now();
        let error = stream.write_all(b"9").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= within);
        let mut taken = [0; 8];
        theirs.read_exact(&mut taken).await.unwrap();
        assert_eq!(&taken, b"12345678");
    }
}
