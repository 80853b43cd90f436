//! What is asked of the handshakes, and what comes of them. Each belongs to one transport, named by its port.

use super::setup::DtlsRole;
use crate::ids::PortId;
use crate::srtp::MasterKey;
use std::sync::Arc;

/// What is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HandshakeCommand {
    /// One may begin on this transport. Where one is under way or done in the same role nothing happens; in the
    /// other role it begins anew.
    Begin {
        /// The transport.
        port: PortId,
        /// What we are.
        role: DtlsRole,
    },
    /// Nothing more: what its handshake still has to say is said to nobody.
    End {
        /// The transport.
        port: PortId,
    },
}

/// What came of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum HandshakeEvent {
    /// It is done. Whether this is the peer that the description speaks of, its fingerprint says.
    Keyed {
        /// The transport.
        port: PortId,
        /// The peer's own certificate, DER.
        certificate: Arc<[u8]>,
        /// What packets are sealed and opened with.
        keys: Box<HandshakeKeys>,
    },
    /// The peer has said that it goes (`close_notify`).
    Closed {
        /// The transport.
        port: PortId,
    },
    /// There will be no keys.
    Failed {
        /// The transport.
        port: PortId,
        /// Why.
        fault: HandshakeFault,
    },
}

impl HandshakeEvent {
    /// The transport that it is about.
    #[must_use]
    pub fn port(&self) -> PortId {
        match self {
            Self::Keyed { port, .. } | Self::Closed { port } | Self::Failed { port, .. } => *port,
        }
    }
}

/// The keys of both directions (RFC 5764 §4.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HandshakeKeys {
    /// Of what we send.
    pub sends: MasterKey,
    /// Of what the peer sends.
    pub receives: MasterKey,
}

/// Why there are no keys; said to people, and to the peer as a Reason.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HandshakeFault {
    /// The peer, or the network, was silent for too long.
    #[error("the DTLS handshake came to no end in time")]
    TimedOut,
    /// The peer has sent a fatal alert.
    #[error("the peer broke off the DTLS handshake")]
    BrokenOff,
    /// What it said is not to be agreed with: its versions, ciphers or groups are none of ours, or its proof is
    /// wrong.
    #[error("the DTLS handshake with the peer is impossible")]
    Impossible,
    /// It has shown none, or none that we read.
    #[error("the peer has shown no certificate of ECDSA in the DTLS handshake")]
    NoCertificate,
    /// The one that it has shown is none of ECDSA, or is broken.
    #[error(
        "the peer's certificate cannot be used in the DTLS handshake: it has to be one of ECDSA"
    )]
    BadCertificate,
    /// It has none of ours (RFC 5764 §4.1.2).
    #[error("the peer has none of the SRTP profiles that we have")]
    NoProfile,
    /// So many are under way that no further one is begun.
    #[error("too many DTLS handshakes are under way")]
    TooMany,
    /// A fault of our own.
    #[error("the DTLS handshake failed by a fault of ours")]
    Internal,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::srtp::{Seed, Suite};

    #[test]
    fn keys_show_themselves_in_no_event() {
        let key = |byte| MasterKey::fresh(Suite::AeadAes128Gcm, Seed([byte; 46]));
        let keys = Box::new(HandshakeKeys { sends: key(0x41), receives: key(0x42) });
        let inline = [keys.sends.to_inline(), keys.receives.to_inline()];
        let event =
            HandshakeEvent::Keyed { port: PortId(4000), certificate: Arc::from([1, 2, 3]), keys };
        let shown = format!("{event:?}");
        assert!(inline.iter().all(|inline| !shown.contains(&inline[..8])), "{shown}");
        assert!(!shown.contains("65, 65"), "{shown}");
        assert_eq!(event.port(), PortId(4000));
    }
}
