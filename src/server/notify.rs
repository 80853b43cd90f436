//! What the service manager is told: that the server serves, and that it stops (sd_notify(3)).

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The variable in which the manager names its socket.
const SOCKET: &str = "NOTIFY_SOCKET";

/// What happens to the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ServiceNotice {
    /// It serves.
    Ready,
    /// It takes no new calls, and stops when those that go on are over.
    Draining,
    /// It stops.
    Stopping,
}

impl ServiceNotice {
    fn text(self) -> &'static str {
        match self {
            Self::Ready => "READY=1\nSTATUS=serving\n",
            Self::Draining => {
                "STOPPING=1\nSTATUS=draining: calls go on until they are over, new ones are refused\n"
            }
            Self::Stopping => "STOPPING=1\nSTATUS=stopping\n",
        }
    }
}

/// Tells the service manager, where one has started us.
pub fn tell(news: ServiceNotice) {
    let Some(manager) = manager() else { return };
    // A manager that does not read must not hold up calls.
    let told = manager.and_then(|manager| manager.tell(news.text(), None, None));
    if let Err(error) = told {
        tracing::warn!("the service manager cannot be told {news:?}: {error}");
    }
}

/// The service manager's socket.
#[derive(Clone, Debug)]
pub(super) struct ServiceManager {
    address: SocketAddr,
}

/// The manager that has started us, if one has.
pub(super) fn manager() -> Option<io::Result<ServiceManager>> {
    std::env::var_os(SOCKET).map(|name| ServiceManager::at(name.as_bytes()))
}

impl ServiceManager {
    /// A name that begins with `@` is none of the file system.
    pub fn at(name: &[u8]) -> io::Result<Self> {
        let address = match name {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            path => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path))?,
        };
        Ok(Self { address })
    }

    /// Sends variables, a line each, and one file with them; waits `patience` for a manager that does not read.
    pub fn tell(
        &self,
        text: &str,
        file: Option<BorrowedFd<'_>>,
        patience: Option<Duration>,
    ) -> io::Result<()> {
        let socket = UnixDatagram::unbound()?;
        match patience {
            None => socket.set_nonblocking(true)?,
            Some(_) => socket.set_write_timeout(patience)?,
        }
        socket.connect_addr(&self.address)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut beside = SendAncillaryBuffer::new(&mut space);
        let files: &[BorrowedFd<'_>] = file.as_slice();
        if !files.is_empty() {
            beside.push(SendAncillaryMessage::ScmRights(files));
        }
        let parts = [IoSlice::new(text.as_bytes())];
        sendmsg(socket.as_fd(), &parts, &mut beside, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_is_told_by_a_path_and_by_a_name_without_one() {
        let tell_at = |name: &[u8], news: ServiceNotice| {
            ServiceManager::at(name)?.tell(news.text(), None, None)
        };
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        tell_at(path.as_os_str().as_bytes(), ServiceNotice::Ready).unwrap();
        let mut buffer = [0; 128];
        let len = manager.recv(&mut buffer).unwrap();
        assert!(buffer[..len].starts_with(b"READY=1\n"));

        let name = format!("cordboard-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        for news in [ServiceNotice::Stopping, ServiceNotice::Draining] {
            tell_at(format!("@{name}").as_bytes(), news).unwrap();
            let len = manager.recv(&mut buffer).unwrap();
            assert!(buffer[..len].starts_with(b"STOPPING=1\nSTATUS="));
        }
        assert!(tell_at(b"/nowhere/at/all", ServiceNotice::Ready).is_err());
    }
}
