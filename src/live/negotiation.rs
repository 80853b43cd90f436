//! Offers and answers as a row: the descriptions as they were sent and came (RFC 3264), keys and all.

use super::fault::{PartyFault, need};
use super::words::{self, is_default};
use crate::codec::Kind;
use crate::leg::{
    AgreedDescriptions, Capabilities, KnownCapabilities, Led, Named, OfferingSide,
    SavedNegotiation, SavedOffer,
};
use crate::sdp::SessionDescription;
use crate::sip::MediaAddress;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// Offers and answers.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct NegotiationRow<'a> {
    /// The session id of our descriptions.
    id: u64,
    #[serde(borrow)]
    address: Cow<'a, str>,
    /// Which of our addresses that is, where the relay is on all of them.
    #[serde(skip_serializing_if = "is_default")]
    local: Option<Cow<'a, str>>,
    /// One of the other family that may lead to the relay as well.
    #[serde(skip_serializing_if = "is_default")]
    beside: Option<Cow<'a, str>>,
    /// What we said last.
    #[serde(skip_serializing_if = "is_default")]
    said: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "is_default")]
    agreed: Option<AgreedRow<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    older: FormatsRow<'a>,
    #[serde(skip_serializing_if = "is_default")]
    led: LedRow,
    #[serde(skip_serializing_if = "is_default")]
    open: OpenRow<'a>,
}

/// The offer that waits for its answer.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum OpenRow<'a> {
    #[default]
    None,
    /// What we said last.
    Ours,
    Theirs(#[serde(borrow)] Cow<'a, str>),
}

/// The descriptions that hold.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct AgreedRow<'a> {
    offered_by: OfferedByRow,
    /// Where it is not what we said last.
    #[serde(skip_serializing_if = "is_default")]
    ours: Option<Cow<'a, str>>,
    theirs: Cow<'a, str>,
    #[serde(skip_serializing_if = "is_default")]
    led: LedRow,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum OfferedByRow {
    #[default]
    Peer,
    Us,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct LedRow {
    #[serde(skip_serializing_if = "is_default")]
    audio: bool,
    #[serde(skip_serializing_if = "is_default")]
    video: bool,
}

/// Formats as `a=rtpmap` and `a=fmtp` have them.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct FormatsRow<'a> {
    #[serde(borrow, skip_serializing_if = "is_default")]
    audio: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "is_default")]
    beside: Vec<Cow<'a, str>>,
    #[serde(skip_serializing_if = "is_default")]
    video: Vec<Cow<'a, str>>,
}

/// Where it stands what the peer can.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CanRow<'a> {
    /// In the description that holds.
    #[default]
    Described,
    /// In their offer that is open.
    Offered,
    /// They are the codecs in use.
    InUse,
    /// Here.
    Listed(#[serde(borrow)] FormatsRow<'a>),
}

impl<'a> NegotiationRow<'a> {
    /// Of this negotiation.
    #[must_use]
    pub fn of(saved: &'a SavedNegotiation) -> Self {
        let SavedNegotiation { id, media, said, agreed, older, led, open } = saved;
        let agreed = agreed.as_ref().map(|agreed| AgreedRow {
            offered_by: match agreed.offering {
                OfferingSide::Us => OfferedByRow::Us,
                OfferingSide::Peer => OfferedByRow::Peer,
            },
            ours: (said.as_ref() != Some(&agreed.ours)).then(|| Cow::from(&*agreed.ours)),
            theirs: String::from_utf8_lossy(&agreed.theirs),
            led: LedRow::of(agreed.led),
        });
        Self {
            id: *id,
            address: media.told.to_string().into(),
            local: media.local.map(|local| local.to_string().into()),
            beside: media.beside.map(|beside| beside.to_string().into()),
            said: said.as_deref().map(Cow::from),
            agreed,
            older: FormatsRow {
                audio: words::formats(&older.audio),
                beside: vec![],
                video: words::formats(&older.video),
            },
            led: LedRow::of(*led),
            open: match open {
                SavedOffer::None => OpenRow::None,
                SavedOffer::Ours => OpenRow::Ours,
                SavedOffer::Theirs(text) => OpenRow::Theirs(String::from_utf8_lossy(text)),
            },
        }
    }

    /// The negotiation.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(self) -> Result<SavedNegotiation, PartyFault> {
        let said = self.said.map(|text| read_sdp("sdp.said", text)).transpose()?;
        let agreed = self.agreed.map(|row| row.read(said.as_ref())).transpose()?;
        let FormatsRow { audio, video, .. } = self.older;
        Ok(SavedNegotiation {
            id: self.id,
            media: MediaAddress {
                told: words::read_ip("sdp.address", &self.address)?,
                local: self.local.map(|ip| words::read_ip("sdp.local", &ip)).transpose()?,
                beside: self.beside.map(|ip| words::read_ip("sdp.beside", &ip)).transpose()?,
            },
            said,
            agreed,
            older: Named {
                audio: words::read_formats("sdp.older.audio", Kind::Audio, audio)?,
                video: words::read_formats("sdp.older.video", Kind::Video, video)?,
            },
            led: self.led.read(),
            open: match self.open {
                OpenRow::None => SavedOffer::None,
                OpenRow::Ours => SavedOffer::Ours,
                OpenRow::Theirs(text) => {
                    SavedOffer::Theirs(read_sdp("sdp.open.theirs", text)?.into())
                }
            },
        })
    }
}

impl AgreedRow<'_> {
    fn read(self, said: Option<&Arc<str>>) -> Result<AgreedDescriptions, PartyFault> {
        let ours = self.ours.map(|text| read_sdp("sdp.agreed.ours", text)).transpose()?;
        let ours = ours.or_else(|| said.cloned());
        let theirs = read_sdp("sdp.agreed.theirs", self.theirs)?;
        Ok(AgreedDescriptions {
            ours: need("sdp.agreed.ours", "a session description", ours)?,
            theirs: theirs.into(),
            offering: match self.offered_by {
                OfferedByRow::Us => OfferingSide::Us,
                OfferedByRow::Peer => OfferingSide::Peer,
            },
            led: self.led.read(),
        })
    }
}

fn read_sdp(field: &'static str, text: Cow<'_, str>) -> Result<Arc<str>, PartyFault> {
    let is_sdp = SessionDescription::parse(text.as_bytes()).is_ok();
    need(field, "a session description", is_sdp.then(|| text.into()))
}

impl LedRow {
    fn of(Led { audio, video }: Led) -> Self {
        Self { audio, video }
    }

    fn read(self) -> Led {
        let Self { audio, video } = self;
        Led { audio, video }
    }
}

impl<'a> CanRow<'a> {
    /// Of what a peer can.
    #[must_use]
    pub fn of(can: &'a KnownCapabilities) -> Self {
        match can {
            KnownCapabilities::Described => Self::Described,
            KnownCapabilities::Offered => Self::Offered,
            KnownCapabilities::InUse => Self::InUse,
            KnownCapabilities::Listed(can) => Self::Listed(FormatsRow {
                audio: words::formats(&can.audio),
                beside: words::formats(&can.beside),
                video: words::formats(&can.video),
            }),
        }
    }

    /// What the peer can.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(self) -> Result<KnownCapabilities, PartyFault> {
        Ok(match self {
            Self::Described => KnownCapabilities::Described,
            Self::Offered => KnownCapabilities::Offered,
            Self::InUse => KnownCapabilities::InUse,
            Self::Listed(FormatsRow { audio, beside, video }) => {
                KnownCapabilities::Listed(Box::new(Capabilities {
                    audio: words::read_formats("can.audio", Kind::Audio, audio)?,
                    beside: words::read_formats("can.beside", Kind::Audio, beside)?,
                    video: words::read_formats("can.video", Kind::Video, video)?,
                }))
            }
        })
    }
}
