//! A negotiation as a value: what both sides said last. What is agreed is made anew of that by the code that
//! made it.

use super::agreement::{AgreedDescriptions, Led, NegotiatedStream, NegotiatedStreams, OurOffer};
use super::description::Description;
use super::formats::PeerFormat;
use super::offer_answer::{Named, Negotiation, OfferAnswerState, remember};
use crate::sdp::SessionDescription;
use crate::sip::MediaAddress;
use std::sync::Arc;

/// An offer that waits for its answer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum SavedOffer {
    /// There is none.
    #[default]
    None,
    /// Theirs, as it came.
    Theirs(Arc<[u8]>),
    /// Ours: what we said last.
    Ours,
}

/// A negotiation as a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedNegotiation {
    /// The session id of our descriptions.
    pub id: u64,
    /// The address for which they speak.
    pub media: MediaAddress,
    /// The last description that left, agreed or not.
    pub said: Option<Arc<str>>,
    /// The descriptions that hold.
    pub agreed: Option<AgreedDescriptions>,
    /// The formats that sections of ours have named, but for those of the streams that are agreed by what
    /// was said last.
    pub older: Named,
    /// Whether our first codec leads in the next offer, or in the one that is open.
    pub led: Led,
    /// The offer that is open.
    pub open: SavedOffer,
}

impl SavedNegotiation {
    /// What is agreed.
    #[must_use]
    pub fn streams(&self) -> NegotiatedStreams {
        self.agreed.as_ref().map(|agreed| agreed.streams(self.media.told)).unwrap_or_default()
    }

    /// Whether what we said last holds.
    fn holds(said: Option<&Arc<str>>, agreed: Option<&AgreedDescriptions>) -> bool {
        said == agreed.map(|agreed| &agreed.ours)
    }
}

impl Negotiation {
    /// As a value.
    #[must_use]
    pub fn saved(&self) -> SavedNegotiation {
        let holds = SavedNegotiation::holds(self.said.as_ref(), self.agreed.as_ref());
        let older = |named: &[PeerFormat], stream: &Option<NegotiatedStream>| {
            let last = stream.as_ref().filter(|_| holds).map(|stream| &stream.ours.formats[..]);
            last.and_then(|last| named.strip_suffix(last)).unwrap_or(named).to_vec()
        };
        SavedNegotiation {
            id: self.id,
            media: self.media,
            said: self.said.clone(),
            agreed: self.agreed.clone(),
            older: Named {
                audio: older(&self.named.audio, &self.streams.audio),
                video: older(&self.named.video, &self.streams.video),
            },
            led: self.led,
            open: match &self.state {
                OfferAnswerState::Quiet => SavedOffer::None,
                OfferAnswerState::Asked(offer) => SavedOffer::Theirs(Arc::clone(&offer.text)),
                OfferAnswerState::Offered(_) => SavedOffer::Ours,
            },
        }
    }

    /// Whether what is agreed follows of what was said, as it has to; for those who put it to the test.
    #[must_use]
    pub(super) fn is_made_of(&self, saved: &SavedNegotiation) -> bool {
        let again = Self::restored(saved.clone());
        again.streams == self.streams && again.named == self.named
    }

    /// The one that was saved.
    #[must_use]
    pub fn restored(saved: SavedNegotiation) -> Self {
        let streams = saved.streams();
        let holds = SavedNegotiation::holds(saved.said.as_ref(), saved.agreed.as_ref());
        let SavedNegotiation { id, media, said, agreed, older: mut named, led, open } = saved;
        if holds {
            let named = [(&streams.audio, &mut named.audio), (&streams.video, &mut named.video)];
            for (stream, named) in named {
                stream.iter().for_each(|stream| remember(&stream.ours, named));
            }
        }
        let last = said.as_ref().and_then(|said| SessionDescription::parse(said.as_bytes()).ok());
        let version = last.as_ref().map_or(1, |last| last.origin.version);
        let state = match (&open, &last) {
            (SavedOffer::Ours, Some(last)) => {
                OfferAnswerState::Offered(Box::new(OurOffer::of(last)))
            }
            (SavedOffer::Ours | SavedOffer::None | SavedOffer::Theirs(_), _) => {
                OfferAnswerState::Quiet
            }
        };
        let new = Self::new(id, media);
        let mut restored = Self { said, version, named, led, agreed, streams, state, ..new };
        if let SavedOffer::Theirs(text) = open
            && let Ok(offer) = Description::read(&text)
        {
            let _same = restored.take_offer(&offer);
        }
        restored
    }
}
