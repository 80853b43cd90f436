//! One connection: messages read from it, and written to it, until one of the two is over.

use super::message_reader::MessageReader;
use super::stream_event::{ConnectionQueue, Pongs, StreamEvent};
use crate::sip::{Flow, FramedInput, Framing};
use socket2::SockRef;
use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

/// A connection is closed on which nothing came for so long; phones keep theirs alive.
const SILENT_MAX: Duration = Duration::from_secs(2 * 3_600);
/// The first message of who connects to us has to be here by then, and each message so long after it
/// began.
const MESSAGE_MAX: Duration = Duration::from_secs(20);
/// One write that takes longer closes the connection.
pub(super) const WRITE_MAX: Duration = Duration::from_secs(20);
/// Who is told that it is over has so long to take it.
pub(super) const FAREWELL_MAX: Duration = Duration::from_secs(1);
/// So much is read at a time where TLS lies between.
const READ_BYTES: usize = 4_096;

/// Whether its peer has sent a message yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Greeted {
    /// Or we are the one to begin.
    Already,
    NotYet,
}

/// What the task of a connection has.
#[derive(Debug)]
pub(super) struct ConnectionTask {
    pub flow: Flow,
    pub greeted: Greeted,
    pub queue: ConnectionQueue,
    pub events: mpsc::Sender<StreamEvent>,
}

/// The loop does not listen any more.
pub(super) struct NobodyListens;

/// Where messages go that a connection reads.
pub(super) struct Inlet {
    flow: Flow,
    events: mpsc::Sender<StreamEvent>,
    pongs: Pongs,
    /// By when the message that has begun, or is the first, has to be here.
    whole_by: Option<Instant>,
}

impl Inlet {
    /// That of a connection.
    pub fn of(task: &ConnectionTask) -> Self {
        let first_by = || Instant::now() + MESSAGE_MAX;
        Self {
            flow: task.flow,
            events: task.events.clone(),
            pongs: task.queue.pongs(),
            whole_by: (task.greeted == Greeted::NotYet).then(first_by),
        }
    }

    /// By then something has to come.
    pub fn until(&self) -> Instant {
        self.whole_by.unwrap_or_else(|| Instant::now() + SILENT_MAX)
    }

    /// Hands on what has come.
    ///
    /// # Errors
    /// When nobody takes it.
    pub async fn take(&mut self, frame: FramedInput<'_>) -> Result<(), NobodyListens> {
        match frame {
            FramedInput::Message(bytes) => {
                self.whole_by = None;
                let message = StreamEvent::Message(self.flow, bytes.to_vec());
                self.events.send(message).await.map_err(|_| NobodyListens)
            }
            FramedInput::Ping => {
                self.pongs.send();
                Ok(())
            }
        }
    }

    /// All that has come is handed on, and a message has begun or not.
    pub fn is_midway(&mut self, midway: bool) {
        if midway && self.whole_by.is_none() {
            self.whole_by = Some(Instant::now() + MESSAGE_MAX);
        }
    }
}

/// A connection without handshakes, which the next process could go on with.
pub(super) async fn serve_tcp(stream: Arc<TcpStream>, mut task: ConnectionTask) {
    let inlet = Inlet::of(&task);
    tokio::select! {
        () = read_tcp(&stream, inlet) => {}
        () = write_tcp(&stream, &mut task.queue) => {}
    }
    // Whoever has it open as well, such as the manager's store: it is over.
    let _ = SockRef::from(&*stream).shutdown(Shutdown::Both);
    drop(stream);
    task.end().await;
}

/// A connection under TLS.
pub(super) async fn serve_tls<S>(stream: S, mut task: ConnectionTask)
where
    S: AsyncRead + AsyncWrite,
{
    let inlet = Inlet::of(&task);
    let (reading, mut writing) = tokio::io::split(stream);
    tokio::select! {
        () = read_tls(reading, inlet) => {}
        () = write_tls(&mut writing, &mut task.queue) => {}
    }
    // Says that nothing is missing (RFC 8446 §6.1).
    let _ = timeout(FAREWELL_MAX, writing.shutdown()).await;
    task.end().await;
}

impl ConnectionTask {
    /// The connection is closed.
    pub async fn end(self) {
        let Self { flow, queue, events, .. } = self;
        drop(queue);
        let _ = events.send(StreamEvent::Closed(flow)).await;
    }
}

async fn read_tcp(stream: &TcpStream, mut inlet: Inlet) {
    let mut reader = MessageReader::new();
    loop {
        let Ok(Ok(true)) = timeout_at(inlet.until(), reader.look(stream)).await else { break };
        loop {
            match reader.next_frame() {
                Ok(Some(frame)) => {
                    if inlet.take(frame).await.is_err() {
                        return;
                    }
                }
                Ok(None) => break,
                // Where the next message begins, nobody knows any more.
                Err(_) => return reader.take_all(stream),
            }
        }
        if reader.take_handed_on(stream).is_err() {
            break;
        }
        inlet.is_midway(reader.is_midway());
    }
    reader.take_all(stream);
}

async fn read_tls(mut stream: impl AsyncRead + Unpin, mut inlet: Inlet) {
    let (mut framing, mut buffer) = (Framing::new(), vec![0; READ_BYTES]);
    loop {
        let read = timeout_at(inlet.until(), stream.read(&mut buffer)).await;
        let Ok(Ok(length @ 1..)) = read else { return };
        framing.push(&buffer[..length]);
        loop {
            match framing.next_frame() {
                Ok(Some(frame)) => {
                    if inlet.take(frame).await.is_err() {
                        return;
                    }
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
        inlet.is_midway(framing.is_midway());
    }
}

async fn write_tcp(stream: &TcpStream, queue: &mut ConnectionQueue) {
    while let Some(bytes) = queue.next().await {
        let written = timeout(WRITE_MAX, write_all(stream, &bytes)).await;
        if !matches!(written, Ok(Ok(()))) {
            return;
        }
        queue.written();
    }
}

async fn write_tls(stream: &mut (impl AsyncWrite + Unpin), queue: &mut ConnectionQueue) {
    while let Some(bytes) = queue.next().await {
        let written = timeout(WRITE_MAX, async {
            stream.write_all(&bytes).await?;
            stream.flush().await
        });
        if !matches!(written.await, Ok(Ok(()))) {
            return;
        }
        queue.written();
    }
}

async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => bytes = &bytes[length..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
