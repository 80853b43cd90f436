//! Commands and their answers, as JSON over a WebSocket: what both protocols have in common.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::phone::Host;

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Wire {
    socket: WebSocket<TcpStream>,
    commands: u64,
}

impl Wire {
    /// Connects to `url`, which begins with `ws://` and an address.
    #[track_caller]
    pub fn open(host: Host, url: &str) -> Wire {
        let address = url.trim_start_matches("ws://").split('/').next();
        let address: SocketAddr = address.and_then(|a| a.parse().ok()).expect("an address");
        let stream = host.reach(address).expect("the browser listens there");
        let (socket, _) = tungstenite::client(url, stream).expect("it speaks WebSocket");
        let glance = Some(Duration::from_millis(100));
        socket.get_ref().set_read_timeout(glance).expect("a timeout can be set");
        Wire { socket, commands: 0 }
    }

    /// Gives a command to the browser, or to a session of it; its result, or why it is refused.
    pub fn command(
        &mut self,
        method: &str,
        parameters: Value,
        session: Option<&str>,
    ) -> Result<Value, String> {
        self.commands += 1;
        let mut command = json!({ "id": self.commands, "method": method, "params": parameters });
        if let Some(session) = session {
            command["sessionId"] = session.into();
        }
        let sent = self.socket.send(Message::text(command.to_string()));
        sent.map_err(|fault| fault.to_string())?;
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match self.socket.read() {
                // Whatever has no number is an event; older numbers were given up.
                Ok(Message::Text(text)) => {
                    let message: Value = serde_json::from_str(&text).expect("it speaks JSON");
                    if message["id"] == self.commands {
                        return outcome(message);
                    }
                }
                Ok(_) => {}
                Err(tungstenite::Error::Io(error))
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Err(format!("no answer within {PATIENCE:?}"))
    }
}

fn outcome(mut message: Value) -> Result<Value, String> {
    match (&message["error"], &message["result"]) {
        (Value::Null, _) => Ok(message["result"].take()),
        // Chromium says an object, Firefox a word and a message.
        (error, _) => Err(format!("{error} {}", message["message"])),
    }
}
