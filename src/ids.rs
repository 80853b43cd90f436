//! The names by which rooms speak of the same thing; opaque to all but their maker.
//!
//! What is numbered anew by each start has the number of the start in its upper part, so that no two starts of
//! one database ever mean different things by the same name.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

macro_rules! number_ids {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    )+};
}

number_ids! {
    /// One call, from its first INVITE to its last BYE. Rises by one per call of this database, over all starts.
    CallId, "call-";
    /// One media stream of one leg: the number of its RTP port on this machine (RTCP is one above).
    PortId, "port-";
    /// One IP camera: its place in the configuration, from 0.
    CameraId, "camera-";
}

/// So many bits count within one start. The legs of each direction have half of them: a thousand legs a second,
/// without a pause, for seventeen years. No counter comes that far.
const COUNTER_BITS: u32 = 40;
/// The highest count of one start.
const COUNT_MAX: u64 = (1 << COUNTER_BITS) - 1;
const _: () = assert!(COUNT_MAX / 2 > 1_000 * 86_400 * 365 * 17);
const _: () = assert!(STARTS_MAX >> (63 - COUNTER_BITS) == 0, "a journal keeps 63 bits");
/// After so many starts they are counted from 1 again: one a minute makes fifteen years.
pub const STARTS_MAX: u64 = (1 << 23) - 1;

/// Which start of this database it is; the database counts them.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct BootNumber(u64);

impl BootNumber {
    /// The start of this number; 0 where no database counts.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number.min(STARTS_MAX))
    }

    /// The id that this start gives as its `count`-th; the later start's are the greater ones.
    fn id(self, count: u64) -> u64 {
        debug_assert!(count <= COUNT_MAX, "a start goes on for centuries");
        (self.0 << COUNTER_BITS) + count
    }
}

macro_rules! boot_ids {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            /// The start and the number within it: `3.17`.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (boot, count) = (self.0 >> COUNTER_BITS, self.0 & COUNT_MAX);
                write!(f, concat!($prefix, "{}.{}"), boot, count)
            }
        }
    )+};
}

boot_ids! {
    /// One party's leg of a call: one dialog with one phone. Rises within a start, and from start to start.
    LegId, "leg-";
    /// One thing that waits until the journal has been committed. Rises within a start, and from start to start.
    Ticket, "ticket-";
    /// One connection of a stream transport; 0 is UDP, which has none. One that outlives a process keeps it.
    ConnectionId, "connection-";
}

impl ConnectionId {
    /// The one that this start has opened or accepted as its `count`-th, from 1 on.
    #[must_use]
    pub fn new(boot: BootNumber, count: u64) -> Self {
        Self(boot.id(count))
    }
}

/// Names the legs of one start.
#[derive(Debug)]
pub struct LegIds {
    boot: BootNumber,
    /// 0 or 1: the legs that come in are even, those that go out odd, so that two can name them.
    parity: u64,
    minted: u64,
}

impl LegIds {
    /// For the INVITEs that come in.
    #[must_use]
    pub fn incoming(boot: BootNumber) -> Self {
        Self { boot, parity: 0, minted: 0 }
    }

    /// For the INVITEs that go out.
    #[must_use]
    pub fn outgoing(boot: BootNumber) -> Self {
        Self { boot, parity: 1, minted: 0 }
    }

    /// One that no other leg has or will have.
    #[must_use]
    pub fn mint(&mut self) -> LegId {
        self.minted += 1;
        LegId(self.boot.id(2 * self.minted + self.parity))
    }

    /// How many there have been.
    #[must_use]
    pub fn minted(&self) -> u64 {
        self.minted
    }
}

/// Numbers all that waits for a commit in one start; shared by those who wait.
#[derive(Debug, Default)]
pub struct Tickets {
    boot: BootNumber,
    minted: Cell<u64>,
}

impl Tickets {
    /// Those of this start.
    #[must_use]
    pub fn new(boot: BootNumber) -> Self {
        Self { boot, minted: Cell::new(0) }
    }

    /// One that nothing else has or will have; greater than all before.
    #[must_use]
    pub fn mint(&self) -> Ticket {
        self.minted.set(self.minted.get() + 1);
        Ticket(self.boot.id(self.minted.get()))
    }
}

macro_rules! name_ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as people write it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self(name.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

name_ids! {
    /// An operator account: `op1`.
    OperatorId;
    /// A queue: the `main` of `[queue.main]`.
    QueueId;
    /// A level, the class of service of a terminal: `A`.
    LevelId;
    /// A number that can be dialled: `3001`, `9000`.
    Number;
}

/// One caller's wait for an operator; printed as `r-4f2c…`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RequestId(pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r-{:016x}", self.0)
    }
}

impl RequestId {
    /// Reads what [`Display`](fmt::Display) printed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("r-").filter(|d| d.len() == 16)?;
        u64::from_str_radix(digits, 16).ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_legs_have_the_same_name_whichever_start_they_are_of() {
        let mut last = None;
        for boot in [1, 2, 3, STARTS_MAX] {
            let boot = BootNumber::new(boot);
            let (mut incoming, mut outgoing) = (LegIds::incoming(boot), LegIds::outgoing(boot));
            for _ in 0..1_000 {
                for leg in [incoming.mint(), outgoing.mint()] {
                    assert!(last < Some(leg), "{last:?} {leg:?}");
                    last = Some(leg);
                }
            }
        }
        let mut legs = LegIds::outgoing(BootNumber::new(7));
        assert_eq!(legs.mint().to_string(), "leg-7.3");
    }

    #[test]
    fn the_last_name_of_a_start_is_before_the_first_of_the_next() {
        for boot in [0, 1, 2, 1_000, STARTS_MAX - 1] {
            let (one, next) = (BootNumber::new(boot), BootNumber::new(boot + 1));
            assert!(one.id(COUNT_MAX) < next.id(0), "{boot}");
        }
        assert!(i64::try_from(BootNumber::new(u64::MAX).id(COUNT_MAX)).is_ok());
    }

    #[test]
    fn what_waits_is_numbered_by_one_counter_in_all_starts() {
        let (first, second) = (Tickets::new(BootNumber::new(1)), Tickets::new(BootNumber::new(2)));
        let (one, other) = (&first, &first);
        let tickets = [one.mint(), other.mint(), one.mint(), second.mint()];
        assert!(tickets.is_sorted_by(|one, next| one < next), "{tickets:?}");
        assert_eq!(tickets.map(|ticket| ticket.to_string())[3], "ticket-2.1");
    }

    #[test]
    fn a_request_id_reads_back() {
        let id = RequestId(0x4f2c);
        assert_eq!(RequestId::parse(&id.to_string()), Some(id));
        for wrong in ["", "r-", "r-4f2c", "4f2c", "r-zzzzzzzzzzzzzzzz", "r-00000000000000004f2c"] {
            assert_eq!(RequestId::parse(wrong), None, "{wrong}");
        }
    }
}
