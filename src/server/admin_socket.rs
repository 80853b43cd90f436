//! The socket of administration: `cordboard.sock` in the data directory, one line a request.
//!
//! Only root and the server's own account are heard; the account's name goes into the audit.

use super::account::account;
use super::open_files::{self, Rest};
use crate::wire::PendingRequest;
use crate::wire::admin_wire::{self, AdminAnswer, AdminOrder};
use rustix::process::{Uid, geteuid};
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

/// The longest request: an import of all terminals there may be.
pub const REQUEST_BYTES_MAX: u64 = 64 << 20;
/// Administrators at once; more wait until one has gone.
const CONNECTIONS_MAX: usize = 16;
/// Who says nothing for so long is let go.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// When there are no more files, one administrator after the other is served, each for so long.
const TURN_MAX: Duration = Duration::from_secs(5);

/// The socket of a data directory.
#[must_use]
pub fn path(data: &Path) -> PathBuf {
    data.join("cordboard.sock")
}

/// Where an administrator's orders go.
#[derive(Clone, Debug)]
pub struct Channels {
    /// To the loop.
    pub requests: mpsc::Sender<PendingRequest>,
    /// To whoever reads the configuration again.
    pub reloads: mpsc::Sender<oneshot::Sender<AdminAnswer>>,
}

/// A bound socket; its file goes with it.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
    spare: Spare,
}

/// Files that are open for nothing, so that there is something to give back when no more can be opened:
/// one for a connection, one for what answering needs.
#[derive(Debug)]
struct Spare([Option<File>; 2]);

impl Spare {
    fn keep() -> Self {
        Self([(); 2].map(|()| File::open("/dev/null").ok()))
    }

    fn give_back(&mut self) {
        self.0 = [None, None];
    }
}

impl AdminSocket {
    /// Binds the socket of `data`. Whoever calls holds the data directory's lock, so that a file
    /// that is there was left behind by a crash.
    ///
    /// # Errors
    /// When the system refuses; the path may be too long for a socket (107 bytes).
    pub fn bind(data: &Path) -> io::Result<Self> {
        let path = path(data);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, path, spare: Spare::keep() })
    }

    /// Hands requests on until the loop ends; must run within the runtime.
    pub async fn serve(mut self, channels: Channels) {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let mut rest = Rest::default();
        while !channels.requests.is_closed() {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    rest.over();
                    let channels = channels.clone();
                    tokio::spawn(async move {
                        // Whoever has gone needs no answer.
                        let _ = converse(stream, channels).await;
                        drop(place);
                    });
                }
                Err(error) if open_files::are_used_up(&error) => {
                    if let Err(error) = self.serve_with_spare(&channels).await {
                        rest.after("administration cannot be reached", &error).await;
                    }
                }
                Err(error) => rest.after("administration cannot be reached", &error).await,
            }
        }
    }

    /// Gives back what was kept, and serves one administrator with it.
    async fn serve_with_spare(&mut self, channels: &Channels) -> io::Result<()> {
        self.spare.give_back();
        // When nobody waits any more, nothing is due: the system finds a lack of files before a lack of
        // connections.
        let accepted = timeout(Duration::ZERO, self.listener.accept()).await;
        let served = match accepted {
            Ok(Ok((stream, _))) => {
                // Whoever has gone needs no answer.
                let _ = timeout(TURN_MAX, converse(stream, channels.clone())).await;
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Ok(()),
        };
        self.spare = Spare::keep();
        served
    }
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        // A file left behind is removed at the next start.
        let _ = fs::remove_file(&self.path);
    }
}

async fn converse(stream: UnixStream, channels: Channels) -> io::Result<()> {
    let peer = Uid::from_raw(stream.peer_cred()?.uid());
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut reader).take(REQUEST_BYTES_MAX);
        let read = timeout(SILENCE_MAX, limited.read_until(b'\n', &mut line)).await;
        if !matches!(read, Ok(Ok(1..))) {
            return Ok(());
        }
        let answer = match line.ends_with(b"\n") {
            false => {
                AdminAnswer::Refused(format!("longer than {REQUEST_BYTES_MAX} bytes: split it"))
            }
            true if !peer.is_root() && peer != geteuid() => AdminAnswer::Refused(
                "only the server's account and root may do this: use `sudo`".into(),
            ),
            true => answer(&line, account(peer), &channels).await,
        };
        let mut text = admin_wire::write_answer(&answer).map_err(io::Error::other)?;
        text.push('\n');
        writer.write_all(text.as_bytes()).await?;
    }
}

async fn answer(line: &[u8], by: String, channels: &Channels) -> AdminAnswer {
    let stopping = || AdminAnswer::Refused("the server is stopping: try again later".into());
    match admin_wire::read_request(line) {
        Err(malformed) => AdminAnswer::Refused(malformed.to_string()),
        Ok(AdminOrder::Exchange(request)) => {
            let (reply, answered) = oneshot::channel();
            let pending = PendingRequest::Admin { by, request, reply };
            if channels.requests.send(pending).await.is_err() {
                return stopping();
            }
            answered.await.map_or_else(|_| stopping(), AdminAnswer::from)
        }
        Ok(AdminOrder::Reload) => {
            let (reply, answered) = oneshot::channel();
            if channels.reloads.send(reply).await.is_err() {
                return stopping();
            }
            answered.await.unwrap_or_else(|_| stopping())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{AdminRequest, Reply};
    use crate::wire::admin_rows::ReloadedRow;

    /// A loop that refuses nothing and knows one operator's name.
    async fn answering(mut requests: mpsc::Receiver<PendingRequest>) {
        while let Some(PendingRequest::Admin { by, request, reply }) = requests.recv().await {
            assert_eq!(by, super::super::account::own_account());
            let _ = reply.send(match request {
                AdminRequest::Queue => Reply::Queue(Vec::new()),
                _ => Reply::Done,
            });
        }
    }

    /// The loop, and a configuration that says nothing new.
    fn channels() -> Channels {
        let (requests, requested) = mpsc::channel(4);
        tokio::spawn(answering(requested));
        let (reloads, mut asked) = mpsc::channel::<oneshot::Sender<AdminAnswer>>(1);
        tokio::spawn(async move {
            while let Some(reply) = asked.recv().await {
                let _ = reply.send(AdminAnswer::Reloaded(ReloadedRow::default()));
            }
        });
        Channels { requests, reloads }
    }

    /// The way in when this process can open nothing more.
    #[tokio::test(flavor = "current_thread")]
    async fn one_administrator_is_served_with_what_was_kept() {
        let data = tempfile::tempdir().unwrap();
        let mut socket = AdminSocket::bind(data.path()).unwrap();
        let channels = channels();
        socket.serve_with_spare(&channels).await.unwrap(); // Nobody waits.
        let ask = async {
            let mut stream = UnixStream::connect(path(data.path())).await.unwrap();
            stream.write_all(b"{\"do\":\"queue\"}\n").await.unwrap();
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).await.unwrap();
            line
        };
        let (line, served) = tokio::join!(ask, async {
            tokio::task::yield_now().await;
            socket.serve_with_spare(&channels).await
        });
        served.unwrap();
        assert_eq!(line, "{\"queue\":[]}\n");
        assert!(socket.spare.0.iter().all(Option::is_some), "kept again");
    }

    #[tokio::test(flavor = "current_thread")]
    async fn each_line_gets_its_answer_and_nonsense_a_refusal() {
        let data = tempfile::tempdir().unwrap();
        fs::write(path(data.path()), "left behind").unwrap();
        let socket = AdminSocket::bind(data.path()).unwrap();
        let server = tokio::spawn(socket.serve(channels()));
        let mut stream = BufReader::new(UnixStream::connect(path(data.path())).await.unwrap());
        for (said, heard) in [
            ("{\"do\":\"queue\"}\n", "{\"queue\":[]}\n"),
            ("{\"do\":\"remove-level\",\"name\":\"C\"}\n", "\"done\"\n"),
            ("{\"do\":\"reload\"}\n", "{\"reloaded\":{"),
            ("hello\n", "{\"refused\":"),
        ] {
            stream.write_all(said.as_bytes()).await.unwrap();
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            assert!(line.starts_with(heard), "{said}: {line}");
        }
        server.abort();
        let _ = server.await;
        assert!(!path(data.path()).exists(), "the file goes with the socket");
    }
}
