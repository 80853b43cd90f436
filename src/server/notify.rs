//! What the service manager is told: that the server serves, and that it stops (sd_notify(3)).

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The variable in which the manager names its socket.
const SOCKET: &str = "NOTIFY_SOCKET";

/// What happens to the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ServiceNotice {
    /// It serves.
    Ready,
    /// It has been told to stop.
    Stopping,
}

/// Tells the service manager, where one has started us.
pub fn tell(news: ServiceNotice) {
    let Some(name) = std::env::var_os(SOCKET) else { return };
    if let Err(error) = tell_at(name.as_bytes(), news) {
        tracing::warn!("the service manager cannot be told {news:?}: {error}");
    }
}

/// A name that begins with `@` is none of the file system.
fn tell_at(name: &[u8], news: ServiceNotice) -> io::Result<()> {
    let address = match name {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path))?,
    };
    let text: &[u8] = match news {
        ServiceNotice::Ready => b"READY=1\n",
        ServiceNotice::Stopping => b"STOPPING=1\n",
    };
    let socket = UnixDatagram::unbound()?;
    // A manager that does not read must not hold up calls.
    socket.set_nonblocking(true)?;
    socket.send_to_addr(text, &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_is_told_by_a_path_and_by_a_name_without_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        tell_at(path.as_os_str().as_bytes(), ServiceNotice::Ready).unwrap();
        let mut buffer = [0; 64];
        let len = manager.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], b"READY=1\n");

        let name = format!("cordboard-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        tell_at(format!("@{name}").as_bytes(), ServiceNotice::Stopping).unwrap();
        let len = manager.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], b"STOPPING=1\n");
        assert!(tell_at(b"/nowhere/at/all", ServiceNotice::Ready).is_err());
    }
}
