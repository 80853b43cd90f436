//! A negotiation as a value: what both sides said last. What is agreed is made anew of that by the code that
//! made it.

use super::agreement::{AgreedDescriptions, Led, NegotiatedStream, NegotiatedStreams};
use super::formats::PeerFormat;
use super::offer_answer::{Named, Negotiation, remember};
use crate::sdp::SessionDescription;
use std::net::IpAddr;
use std::sync::Arc;

/// A negotiation in which no offer is open, as a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedNegotiation {
    /// The session id of our descriptions.
    pub id: u64,
    /// The address for which they speak.
    pub address: IpAddr,
    /// The last description that left, agreed or not.
    pub said: Option<Arc<str>>,
    /// The descriptions that hold.
    pub agreed: Option<AgreedDescriptions>,
    /// The formats that sections of ours have named, but for those of the streams that are agreed by what
    /// was said last.
    pub older: Named,
    /// Whether our first codec leads in the next offer.
    pub led: Led,
}

impl SavedNegotiation {
    /// What is agreed.
    #[must_use]
    pub fn streams(&self) -> NegotiatedStreams {
        self.agreed.as_ref().map(|agreed| agreed.streams(self.address)).unwrap_or_default()
    }

    /// Whether what we said last holds.
    fn holds(said: Option<&Arc<str>>, agreed: Option<&AgreedDescriptions>) -> bool {
        said == agreed.map(|agreed| &agreed.ours)
    }
}

impl Negotiation {
    /// As a value, while no offer is open.
    #[must_use]
    pub fn saved(&self) -> Option<SavedNegotiation> {
        if !self.is_quiet() {
            return None;
        }
        let holds = SavedNegotiation::holds(self.said.as_ref(), self.agreed.as_ref());
        let older = |named: &[PeerFormat], stream: &Option<NegotiatedStream>| {
            let last = stream.as_ref().filter(|_| holds).map(|stream| &stream.ours.formats[..]);
            last.and_then(|last| named.strip_suffix(last)).unwrap_or(named).to_vec()
        };
        let saved = SavedNegotiation {
            id: self.id,
            address: self.address,
            said: self.said.clone(),
            agreed: self.agreed.clone(),
            older: Named {
                audio: older(&self.named.audio, &self.streams.audio),
                video: older(&self.named.video, &self.streams.video),
            },
            led: self.led,
        };
        debug_assert!(self.is_made_of(&saved), "what is agreed follows of what was said");
        Some(saved)
    }

    fn is_made_of(&self, saved: &SavedNegotiation) -> bool {
        let again = Self::restored(saved.clone());
        again.streams == self.streams && again.named == self.named
    }

    /// The one that was saved.
    #[must_use]
    pub fn restored(saved: SavedNegotiation) -> Self {
        let streams = saved.streams();
        let holds = SavedNegotiation::holds(saved.said.as_ref(), saved.agreed.as_ref());
        let SavedNegotiation { id, address, said, agreed, older: mut named, led } = saved;
        if holds {
            let named = [(&streams.audio, &mut named.audio), (&streams.video, &mut named.video)];
            for (stream, named) in named {
                stream.iter().for_each(|stream| remember(&stream.ours, named));
            }
        }
        let last = said.as_ref().and_then(|said| SessionDescription::parse(said.as_bytes()).ok());
        let version = last.map_or(1, |last| last.origin.version);
        Self { said, version, named, led, agreed, streams, ..Self::new(id, address) }
    }
}
