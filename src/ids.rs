//! The names by which rooms speak of the same thing; opaque to all but their maker.

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
    /// One party's leg of a call: one dialog with one phone. Rises by one per leg of this process.
    LegId, "leg-";
    /// One call, from its first INVITE to its last BYE. Rises by one per call of this database.
    CallId, "call-";
    /// One media stream of one leg: the number of its RTP port on this machine (RTCP is one above).
    PortId, "port-";
    /// One IP camera: its place in the configuration, from 0.
    CameraId, "camera-";
    /// One connection of a stream transport; 0 is UDP, which has none.
    ConnectionId, "connection-";
    /// One thing that waits until the journal has been committed.
    Ticket, "ticket-";
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
    fn a_request_id_reads_back() {
        let id = RequestId(0x4f2c);
        assert_eq!(RequestId::parse(&id.to_string()), Some(id));
        for wrong in ["", "r-", "r-4f2c", "4f2c", "r-zzzzzzzzzzzzzzzz", "r-00000000000000004f2c"] {
            assert_eq!(RequestId::parse(wrong), None, "{wrong}");
        }
    }
}
