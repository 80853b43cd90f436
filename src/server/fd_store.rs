//! The service manager's file descriptor store: sockets that stay open while the server is started again
//! (systemd.service(5), `FileDescriptorStoreMax=`; sd_pid_notify_with_fds(3)).
//!
//! ```text
//!   this process ── FDSTORE=1 + socket ──▶ the manager's store ── LISTEN_FDS ──▶ the next process
//!                ── FDSTOREREMOVE=1 ────▶
//! ```
//!
//! What is stored stays there until it is removed by its name, or the service is stopped; the next process stores
//! nothing again. Each file is compared by the manager with all that it has: it gets few.

use super::notify::{self, ServiceManager};
use super::passed_files::PassedFile;
use crate::ids::BootNumber;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Duration;

/// So many wishes may wait for a manager that does not read.
const WAITING_MAX: usize = 8_192;
/// So long a manager that does not read is waited for; the wish is given up then.
const PATIENCE: Duration = Duration::from_secs(5);
/// So long [`FdStore::flush`] waits.
const FLUSH_MAX: Duration = Duration::from_secs(1);

/// The way to the store, for whoever has sockets; where there is none, all is as if it took everything.
#[derive(Clone, Debug, Default)]
pub struct FdStore {
    wishes: Option<SyncSender<StoreWish>>,
}

#[derive(Debug)]
enum StoreWish {
    Put { name: String, file: OwnedFd },
    Remove { name: String },
    Flushed(SyncSender<()>),
}

impl FdStore {
    /// That of the manager that has started us, if one has. A thread of its own speaks with it: a manager that does not
    /// read holds up nothing.
    ///
    /// # Errors
    /// When there is no thread to be had, or the manager's socket has no usable name.
    pub fn of_the_manager() -> io::Result<Self> {
        notify::manager().map_or_else(|| Ok(Self::default()), |manager| Self::of(manager?))
    }

    /// Whether a service manager has started us.
    #[must_use]
    pub fn is_offered() -> bool {
        notify::manager().is_some()
    }

    pub(super) fn of(manager: ServiceManager) -> io::Result<Self> {
        let (wishes, wished) = sync_channel(WAITING_MAX);
        let carry_out = move || carry_out(&manager, &wished);
        thread::Builder::new().name("fd-store".to_owned()).spawn(carry_out)?;
        Ok(Self { wishes: Some(wishes) })
    }

    /// Whether there is one.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.wishes.is_some()
    }

    /// Stores a copy of a file. `name` is of letters, digits, `-`, `.` and `_`, and no other file's.
    pub fn put(&self, name: &str, file: BorrowedFd<'_>) {
        if !self.is_there() {
            return;
        }
        match file.try_clone_to_owned() {
            Ok(file) => self.wish(StoreWish::Put { name: name.to_owned(), file }),
            Err(error) => tracing::warn!("{name} will not stay open over a restart: {error}"),
        }
    }

    /// Removes a file: it is closed, unless somebody else has it, too.
    pub fn remove(&self, name: &str) {
        self.wish(StoreWish::Remove { name: name.to_owned() });
    }

    /// Waits until the manager has been told all that it was to be told, for a second at most.
    pub fn flush(&self) {
        let (told, flushed) = sync_channel(1);
        if self.is_there() {
            self.wish(StoreWish::Flushed(told));
            let _ = flushed.recv_timeout(FLUSH_MAX);
        }
    }

    fn wish(&self, wish: StoreWish) {
        let Some(wishes) = &self.wishes else { return };
        match wishes.try_send(wish) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                tracing::warn!("the service manager does not read what it is told of sockets");
            }
        }
    }
}

fn carry_out(manager: &ServiceManager, wished: &Receiver<StoreWish>) {
    while let Ok(wish) = wished.recv() {
        let told = match &wish {
            StoreWish::Put { name, file } => {
                // Without a look at what comes of it: who has hung up is noticed by the next process, too.
                let text = format!("FDSTORE=1\nFDPOLL=0\nFDNAME={name}\n");
                manager.tell(&text, Some(file.as_fd()), Some(PATIENCE))
            }
            StoreWish::Remove { name } => {
                manager.tell(&format!("FDSTOREREMOVE=1\nFDNAME={name}\n"), None, Some(PATIENCE))
            }
            StoreWish::Flushed(told) => {
                let _ = told.send(());
                Ok(())
            }
        };
        if let Err(error) = told {
            tracing::warn!(
                "the service manager's file descriptor store cannot be reached: {error}"
            );
        }
    }
}

/// What the last process has left to this one.
#[derive(Debug, Default)]
pub struct Inheritance {
    /// The files of the store.
    pub files: Vec<PassedFile>,
    /// Where this one's go.
    pub store: FdStore,
    /// Which start this is.
    pub boot: BootNumber,
}

impl Inheritance {
    /// Takes out those whose names begin so.
    pub(super) fn take(&mut self, prefix: &str) -> Vec<PassedFile> {
        self.files.extract_if(.., |passed| passed.name.starts_with(prefix)).collect()
    }

    /// Takes out the socket that listens there by this transport, if there is one. Port 0 is any.
    pub(super) fn take_listener(
        &mut self,
        prefix: &str,
        address: SocketAddr,
    ) -> Option<PassedFile> {
        let at = self.files.iter().position(|passed| {
            let bound = socket2::SockRef::from(&passed.file)
                .local_addr()
                .ok()
                .and_then(|own| own.as_socket());
            passed.name.starts_with(prefix)
                && bound.is_some_and(|own| {
                    own.ip() == address.ip() && [own.port(), 0].contains(&address.port())
                })
        });
        at.map(|at| self.files.remove(at))
    }

    /// Closes what nobody has taken.
    pub(super) fn discard(&mut self) {
        for PassedFile { name, .. } in self.files.drain(..) {
            tracing::info!(
                "{name} was left open by the last process, and is closed: the configuration has no use for it"
            );
            self.store.remove(&name);
        }
    }
}

/// An address as part of a name, which may hold no colon.
pub(super) fn name_of(prefix: &str, address: SocketAddr) -> String {
    format!("{prefix}{address}").replace(':', "_")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
    use std::collections::BTreeMap;
    use std::io::IoSliceMut;
    use std::mem::MaybeUninit;
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::UnixDatagram;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A service manager that only has a store.
    pub struct TestManager {
        socket: UnixDatagram,
        pub store: FdStore,
        stored: BTreeMap<String, OwnedFd>,
    }

    impl TestManager {
        pub fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("cordboard-store-{}-{count}", std::process::id());
            let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
            let socket = UnixDatagram::bind_addr(&address).unwrap();
            socket.set_nonblocking(true).unwrap();
            let manager = ServiceManager::at(format!("@{name}").as_bytes()).unwrap();
            Self { socket, store: FdStore::of(manager).unwrap(), stored: BTreeMap::new() }
        }

        /// What is stored now.
        pub fn stored(&mut self) -> &BTreeMap<String, OwnedFd> {
            // The queue of a socket is short: it is read while the store's thread speaks.
            let (told, flushed) = sync_channel(1);
            self.store.wish(StoreWish::Flushed(told));
            while flushed.try_recv().is_err() {
                self.read();
            }
            self.read();
            &self.stored
        }

        /// As the manager passes it to the next process.
        pub fn inheritance(&mut self) -> Inheritance {
            let (store, boot) = (self.store.clone(), BootNumber::new(2));
            let pass = |(name, file): (&String, &OwnedFd)| PassedFile {
                name: name.clone(),
                file: file.try_clone().unwrap(),
            };
            Inheritance { files: self.stored().iter().map(pass).collect(), store, boot }
        }

        fn read(&mut self) {
            let (mut text, mut space) =
                ([0; 256], [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))]);
            loop {
                let mut beside = RecvAncillaryBuffer::new(&mut space);
                let mut parts = [IoSliceMut::new(&mut text)];
                let Ok(got) = recvmsg(&self.socket, &mut parts, &mut beside, RecvFlags::empty())
                else {
                    return;
                };
                let file = beside.drain().find_map(|message| match message {
                    RecvAncillaryMessage::ScmRights(mut files) => files.next(),
                    _ => None,
                });
                let text = std::str::from_utf8(&text[..got.bytes]).unwrap();
                let name = text.lines().find_map(|line| line.strip_prefix("FDNAME=")).unwrap();
                assert!(!name.contains(':'), "{name}");
                match file {
                    Some(file) => {
                        assert!(text.starts_with("FDSTORE=1\nFDPOLL=0\n"), "{text}");
                        assert!(self.stored.insert(name.to_owned(), file).is_none(), "{name}");
                    }
                    None => {
                        assert!(text.starts_with("FDSTOREREMOVE=1\n"), "{text}");
                        assert!(self.stored.remove(name).is_some(), "{name}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_stored_is_there_for_the_next_process_until_it_is_removed() {
        let mut manager = TestManager::new();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        manager.store.put(&name_of("udp-", address), socket.as_fd());
        manager.store.put("more", socket.as_fd());
        let mut inheritance = manager.inheritance();
        drop(socket);
        let elsewhere = SocketAddr::new([127, 0, 0, 2].into(), address.port());
        assert!(inheritance.take_listener("udp-", elsewhere).is_none());
        assert!(inheritance.take_listener("tcp-", address).is_none());
        let same = inheritance.take_listener("udp-", SocketAddr::new(address.ip(), 0)).unwrap();
        let same = std::net::UdpSocket::from(same.file);
        assert_eq!(same.local_addr().unwrap(), address);
        inheritance.discard();
        let names: Vec<String> = manager.stored().keys().cloned().collect();
        assert_eq!(names, [name_of("udp-", address)], "nobody has taken the other");
    }

    #[test]
    fn without_a_manager_nothing_is_kept_and_nothing_is_waited_for() {
        let store = FdStore::default();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        store.put("udp", socket.as_fd());
        store.remove("udp");
        store.flush();
        assert!(!store.is_there());
    }
}
