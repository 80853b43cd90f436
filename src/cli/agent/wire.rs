//! One TCP connection to the switchboard.

use crate::sip::{self, FramedInput, Framing, Message};
use anyhow::{Context as _, bail};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A connection that is not up by then has failed.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// A switchboard that takes nothing for so long is gone.
const WRITE_MAX: Duration = Duration::from_secs(10);

/// The connection, and what is not yet a message.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    framing: Framing,
    local: SocketAddr,
    buffer: Vec<u8>,
}

impl Wire {
    /// Connects.
    ///
    /// # Errors
    /// When nobody answers there.
    pub async fn connect(server: SocketAddr) -> anyhow::Result<Self> {
        let stream = timeout(CONNECT_MAX, TcpStream::connect(server))
            .await
            .with_context(|| format!("{server} does not answer"))?
            .with_context(|| format!("{server} does not take the connection"))?;
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        Ok(Self { stream, framing: Framing::new(), local, buffer: vec![0; 16 * 1024] })
    }

    /// Our end.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Sends one message.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send(&mut self, message: impl Into<Message>) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        sip::print(&message.into(), &mut bytes);
        timeout(WRITE_MAX, self.stream.write_all(&bytes)).await??;
        Ok(())
    }

    /// The next message; may be dropped and called again without losing one.
    ///
    /// # Errors
    /// When the connection is gone, or carries what is no SIP.
    pub async fn receive(&mut self) -> anyhow::Result<Message> {
        loop {
            while let Some(frame) = self.framing.next_frame()? {
                if let FramedInput::Message(bytes) = frame {
                    return Ok(sip::parse(bytes)?);
                }
            }
            match self.stream.read(&mut self.buffer).await? {
                0 => bail!("the switchboard has closed the connection"),
                len => self.framing.push(&self.buffer[..len]),
            }
        }
    }
}
