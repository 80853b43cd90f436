//! What can be set of the transactions.

use crate::sip::OwnAddresses;

/// What can be set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The addresses for Via.
    pub own: OwnAddresses,
    /// The most requests that are being answered at once; one more gets 503, and who is not known
    /// gets it before ([`SourceTrust`](super::SourceTrust)).
    pub server_transactions_max: usize,
    /// The longest request sent by UDP to an address that is not a flow (§18.1.1), in bytes.
    pub udp_bytes_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            own: OwnAddresses::default(),
            server_transactions_max: 100_000,
            udp_bytes_max: 1_300,
        }
    }
}
