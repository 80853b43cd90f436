//! The thread of the handshakes, and the loop's end of it.

use super::identity::DtlsIdentity;
use super::table::{HandshakeTable, TableOrder, TableOutcome};
use crate::dtls::{DtlsRole, HandshakeCommand, HandshakeEvent};
use crate::ids::PortId;
use crate::server::clock::Clock;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as orders;
use std::thread;
use tokio::sync::mpsc;

/// Datagrams of one port that wait for the thread; more are lost, as in the network.
const QUEUED_OF_PORT_MAX: usize = 64;
/// Datagrams of all ports that wait.
pub const QUEUED_MAX: usize = 2_048;
/// The longest datagram that is taken in, in bytes.
const DATAGRAM_MAX: usize = 4_096;
/// Steps whose outcomes wait for the loop; the thread waits then.
const OUTCOMES_MAX: usize = 256;

/// What comes of the handshakes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HandshakeNews {
    /// To be sent.
    Flight {
        /// From this transport.
        port: PortId,
        /// One or more, in this order.
        datagrams: Vec<Vec<u8>>,
    },
    /// To be told to the leg.
    Event(HandshakeEvent),
}

/// The loop's end.
#[derive(Debug)]
pub struct HandshakeWorker {
    orders: orders::Sender<QueuedOrder>,
    outcomes: mpsc::Receiver<Vec<TableOutcome>>,
    /// Those of one step that the loop has yet to take. They come together, so that who hears an alert cannot hang up
    /// before the loop has heard of it.
    taken: VecDeque<TableOutcome>,
    users: BTreeMap<PortId, PortUser>,
    last_serial: u64,
    queued: Arc<AtomicUsize>,
    lost: u64,
}

/// Who uses a port: what is said of an earlier one is nobody's any more.
#[derive(Debug)]
struct PortUser {
    serial: u64,
    /// What was asked for; none where a ClientHello came of itself.
    role: Option<DtlsRole>,
    queued: Arc<AtomicUsize>,
}

/// An order with its places in the queue, which are free again when it is done.
#[derive(Debug)]
struct QueuedOrder {
    order: TableOrder,
    _places: Vec<DatagramPlace>,
}

#[derive(Debug)]
struct DatagramPlace(Arc<AtomicUsize>);

impl DatagramPlace {
    fn take(count: &Arc<AtomicUsize>, max: usize) -> Option<Self> {
        let taken = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
            (count < max).then_some(count + 1)
        });
        taken.ok().map(|_| Self(Arc::clone(count)))
    }
}

impl Drop for DatagramPlace {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl HandshakeWorker {
    /// Starts the thread; it ends with this value.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(identity: DtlsIdentity, clock: Clock) -> io::Result<Self> {
        let (orders, ordered) = orders::channel();
        let (told, outcomes) = mpsc::channel(OUTCOMES_MAX);
        let thread = thread::Builder::new().name("dtls".to_owned());
        thread.spawn(move || run(HandshakeTable::new(identity), clock, &ordered, &told))?;
        let (users, queued) = (BTreeMap::new(), Arc::default());
        let taken = VecDeque::new();
        Ok(Self { orders, outcomes, taken, users, last_serial: 0, queued, lost: 0 })
    }

    /// Does what the leg wants.
    pub fn command(&mut self, command: HandshakeCommand) {
        match command {
            HandshakeCommand::Begin { port, role } => {
                if let Some(user) = self.users.get_mut(&port)
                    && user.role.unwrap_or(DtlsRole::Passive) == role
                {
                    // A ClientHello may have been sooner.
                    user.role = Some(role);
                    return;
                }
                let serial = self.enter(port, Some(role));
                self.send(TableOrder::Begin { port, serial, role }, Vec::new());
            }
            HandshakeCommand::End { port } => {
                if self.users.remove(&port).is_some() {
                    self.send(TableOrder::End { port }, Vec::new());
                }
            }
        }
    }

    /// Takes in a datagram from the address that the peer of this port has proven.
    pub fn datagram(&mut self, port: PortId, bytes: &[u8]) {
        if !self.users.contains_key(&port) {
            self.enter(port, None);
        }
        let Some(user) = self.users.get(&port).filter(|_| bytes.len() <= DATAGRAM_MAX) else {
            self.lost += 1;
            return;
        };
        let of_port = DatagramPlace::take(&user.queued, QUEUED_OF_PORT_MAX);
        let places = of_port
            .and_then(|place| Some(vec![place, DatagramPlace::take(&self.queued, QUEUED_MAX)?]));
        let serial = user.serial;
        match places {
            Some(places) => {
                self.send(TableOrder::Datagram { port, serial, bytes: bytes.to_vec() }, places);
            }
            None => self.lost += 1,
        }
    }

    fn enter(&mut self, port: PortId, role: Option<DtlsRole>) -> u64 {
        self.last_serial += 1;
        let user = PortUser { serial: self.last_serial, role, queued: Arc::default() };
        self.users.insert(port, user);
        self.last_serial
    }

    fn send(&self, order: TableOrder, places: Vec<DatagramPlace>) {
        // A thread that has gone has ended with the process.
        let _ = self.orders.send(QueuedOrder { order, _places: places });
    }

    /// What has come of it; waits for it.
    pub async fn next(&mut self) -> Option<HandshakeNews> {
        loop {
            if let Some(news) = self.taken_news() {
                return Some(news);
            }
            self.taken = self.outcomes.recv().await?.into();
        }
    }

    /// What has come of it by now.
    pub fn try_next(&mut self) -> Option<HandshakeNews> {
        loop {
            if let Some(news) = self.taken_news() {
                return Some(news);
            }
            self.taken = self.outcomes.try_recv().ok()?.into();
        }
    }

    /// Datagrams that found no place, since the start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// The next of those that were taken together.
    fn taken_news(&mut self) -> Option<HandshakeNews> {
        while let Some(outcome) = self.taken.pop_front() {
            if let Some(news) = self.current(outcome) {
                return Some(news);
            }
        }
        None
    }

    /// An outcome, if it is of who uses the port now.
    fn current(&self, outcome: TableOutcome) -> Option<HandshakeNews> {
        let is_users = |port: PortId, serial: u64| {
            self.users.get(&port).is_some_and(|user| user.serial == serial)
        };
        match outcome {
            TableOutcome::Flight { port, serial, datagrams } => {
                is_users(port, serial).then_some(HandshakeNews::Flight { port, datagrams })
            }
            TableOutcome::Event { serial, event } => {
                is_users(event.port(), serial).then_some(HandshakeNews::Event(event))
            }
        }
    }
}

fn run(
    mut table: HandshakeTable,
    clock: Clock,
    ordered: &orders::Receiver<QueuedOrder>,
    told: &mpsc::Sender<Vec<TableOutcome>>,
) {
    let now = || clock.real(clock.now().instant);
    loop {
        let order = match table.deadline() {
            None => ordered.recv().map_err(orders::RecvTimeoutError::from),
            Some(at) => ordered.recv_timeout(at.saturating_duration_since(now())),
        };
        let mut outcomes = match order {
            Ok(queued) => table.handle(now(), queued.order),
            Err(orders::RecvTimeoutError::Timeout) => Vec::new(),
            Err(orders::RecvTimeoutError::Disconnected) => return,
        };
        let due = table.deadline().is_some_and(|at| at <= now());
        if due {
            outcomes.extend(table.tick(now()));
        }
        if !outcomes.is_empty() && told.blocking_send(outcomes).is_err() {
            return;
        }
    }
}
