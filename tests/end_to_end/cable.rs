//! The cable between TCP phones and the switchboard, which somebody cuts and mends again.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often it looks whether somebody connects.
const GLANCE: Duration = Duration::from_millis(5);

/// Both ends of each connection.
type Connections = Arc<Mutex<Vec<[TcpStream; 2]>>>;

/// Carries the TCP connections that come to its near end on to its far end, until they are cut.
pub struct Cable {
    connections: Connections,
    stopped: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl Cable {
    pub fn between(near: SocketAddr, far: SocketAddr) -> Cable {
        let listener = TcpListener::bind(near).expect("the cable's address is free");
        listener.set_nonblocking(true).expect("it is a socket");
        let (connections, stopped) = (Connections::default(), Arc::new(AtomicBool::new(false)));
        let (all, flag) = (Arc::clone(&connections), Arc::clone(&stopped));
        let acceptor = std::thread::spawn(move || {
            while !flag.load(Ordering::Relaxed) {
                match listener.accept() {
                    Ok((phone, _)) => join(&all, phone, far),
                    Err(e) if e.kind() == ErrorKind::WouldBlock => std::thread::sleep(GLANCE),
                    Err(e) => panic!("the cable takes no more connections: {e}"),
                }
            }
        });
        Cable { connections, stopped, acceptor: Some(acceptor) }
    }

    /// Ends every connection that it carries, at both ends; how many those were. New ones may come at once.
    pub fn cut(&self) -> usize {
        let cut = std::mem::take(&mut *self.connections.lock().expect("no carrier panics"));
        let open = cut.iter().filter(|[phone, board]| {
            // One that an end has closed before is no longer there; the other end may follow by itself.
            let is_open = phone.shutdown(Shutdown::Both).is_ok();
            is_open | board.shutdown(Shutdown::Both).is_ok()
        });
        open.count()
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(acceptor) = self.acceptor.take() {
            // One that panicked has failed the test by its silence.
            let _ = acceptor.join();
        }
        self.cut();
    }
}

fn join(all: &Connections, phone: TcpStream, far: SocketAddr) {
    // A switchboard that refuses is as good as a cut.
    let Ok(board) = TcpStream::connect(far) else { return };
    phone.set_nonblocking(false).expect("it is a socket");
    let twin = |end: &TcpStream| end.try_clone().expect("a socket can be shared");
    all.lock().expect("no carrier panics").push([twin(&phone), twin(&board)]);
    for (mut from, mut to) in [(twin(&phone), twin(&board)), (board, phone)] {
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                if to.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
            for end in [&from, &to] {
                let _ = end.shutdown(Shutdown::Both);
            }
        });
    }
}
