//! A party of a call as text, and back.

use super::dialog::DialogRow;
use super::early::{CreditRow, InviteRow};
use super::fault::{PARTY_BYTES_MAX, PartyFault, need};
use super::leg_phase::{self, LegPhaseRow};
use super::negotiation::{CanRow, NegotiationRow};
use super::saved_party::{LegPeer, SavedParty, Who};
use super::source::SourceRow;
use super::streams::{ProvenPort, StreamRow};
use super::words::{self, is_default};
use crate::codec::Kind;
use crate::ids::{CallId, LegId, Number, OperatorId, PortId};
use crate::leg::{Domain, OfferedSecurity, Party, SavedLeg};
use crate::media::{LedgerSlot, SavedPort};
use crate::sip::Host;
use crate::time::Now;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Of the texts that are written here.
const VERSION: u64 = 1;
/// The longest CNAME (RFC 3550 §6.5).
const CNAME_MAX: usize = 255;
/// The highest name of a leg or a call: a journal keeps 63 bits.
const ID_MAX: u64 = i64::MAX as u64;
/// What a text has room for at first.
const TEXT_BYTES: usize = 4 * 1024;

/// A party as it is written, to be part of a greater text.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct PartyRow<'a> {
    v: u64,
    leg: u64,
    #[serde(borrow)]
    dialog: DialogRow<'a>,
    #[serde(skip_serializing_if = "is_default")]
    phase: LegPhaseRow<'a>,
    sdp: NegotiationRow<'a>,
    audio: StreamRow<'a>,
    video: StreamRow<'a>,
    #[serde(skip_serializing_if = "is_default")]
    called_us: bool,
    /// Where its SIP comes from.
    signalling: Cow<'a, str>,
    max_forwards: u8,
    #[serde(skip_serializing_if = "is_default")]
    behind_nat: bool,
    #[serde(skip_serializing_if = "is_default")]
    vouched: bool,
    #[serde(skip_serializing_if = "is_default")]
    proven: bool,
    cname: Cow<'a, str>,
    #[serde(skip_serializing_if = "is_default")]
    source: SourceRow,
    #[serde(skip_serializing_if = "is_default")]
    is_after_tone: bool,
    #[serde(skip_serializing_if = "is_default")]
    watched: bool,
    #[serde(skip_serializing_if = "is_default")]
    recording: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    intercepted: bool,
    /// Offered under keys of the description.
    #[serde(skip_serializing_if = "is_default")]
    sealed: bool,
    /// Offered under keys of a handshake.
    #[serde(skip_serializing_if = "is_default")]
    handshake: bool,
    #[serde(skip_serializing_if = "is_default")]
    can: CanRow<'a>,
    #[serde(skip_serializing_if = "is_default")]
    held_audio: bool,
    #[serde(skip_serializing_if = "is_default")]
    held_video: bool,
    /// With whom it was told last that it talks.
    #[serde(skip_serializing_if = "is_default")]
    shown: Option<ShownRow<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    refer_event: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "is_default")]
    peer: Option<PeerRow<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    invite: Option<InviteRow<'a>>,
    #[serde(skip_serializing_if = "is_default")]
    credit: Option<CreditRow<'a>>,
}

#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct ShownRow<'a> {
    number: Cow<'a, str>,
    #[serde(skip_serializing_if = "is_default")]
    params: Cow<'a, str>,
    #[serde(skip_serializing_if = "is_default")]
    display: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "is_default")]
    domain: Option<Cow<'a, str>>,
}

#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
struct PeerRow<'a> {
    #[serde(borrow)]
    who: WhoRow<'a>,
    ip: Cow<'a, str>,
    #[serde(skip_serializing_if = "is_default")]
    instance: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "is_default")]
    spoke: Option<Cow<'a, str>>,
}

#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum WhoRow<'a> {
    #[default]
    Unauthenticated,
    #[serde(borrow)]
    Terminal(Cow<'a, str>),
    Desk(Cow<'a, str>),
    Trunk(Cow<'a, str>),
}

/// A party as text.
///
/// # Panics
/// Never: what is written has no keys but words.
#[must_use]
pub fn print(party: &SavedParty) -> String {
    let mut text = Vec::with_capacity(TEXT_BYTES);
    serde_json::to_writer(&mut text, &PartyRow::of(party)).expect("rows are words and numbers");
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// Reads what [`print()`] wrote, this version or a later one of the same number. `ledger` has what has changed
/// with each packet since.
///
/// # Errors
/// What is wrong with the text, and where.
pub fn parse(
    text: &str,
    now: Now,
    ledger: impl Fn(PortId) -> Option<LedgerSlot>,
) -> Result<SavedParty, PartyFault> {
    if text.len() > PARTY_BYTES_MAX {
        return Err(PartyFault::TooLong);
    }
    let row: PartyRow<'_> = serde_json::from_str(text).map_err(|error| {
        /// The text of another version may be of another kind altogether.
        #[derive(Deserialize)]
        struct VersionRow {
            v: u64,
        }
        match serde_json::from_str(text) {
            Ok(VersionRow { v }) if v != VERSION => PartyFault::Version(v),
            Ok(_) | Err(_) => PartyFault::Json { line: error.line(), column: error.column() },
        }
    })?;
    row.read(now, ledger)
}

impl<'a> PartyRow<'a> {
    /// Of this party.
    #[must_use]
    pub fn of(party: &'a SavedParty) -> Self {
        let SavedParty { leg, ports, peer, invite, credit } = party;
        let (held_audio, held_video) = leg.held;
        Self {
            v: VERSION,
            leg: leg.dialog.leg.0,
            dialog: DialogRow::of(&leg.dialog, leg.negotiation.said.as_ref()),
            phase: LegPhaseRow::of(&leg.phase),
            sdp: NegotiationRow::of(&leg.negotiation),
            audio: StreamRow::of(&leg.audio, ports),
            video: StreamRow::of(&leg.video, ports),
            called_us: leg.called_us,
            signalling: leg.signalling.to_string().into(),
            max_forwards: leg.max_forwards,
            behind_nat: leg.behind_nat,
            vouched: leg.vouched,
            proven: leg.proven,
            cname: (&leg.cname).into(),
            source: SourceRow::of(leg.source),
            is_after_tone: leg.is_after_tone,
            watched: leg.watched,
            recording: leg.recording.map(|call| call.0),
            intercepted: leg.intercepted,
            sealed: leg.security == OfferedSecurity::Keys,
            handshake: leg.security == OfferedSecurity::Handshake,
            can: CanRow::of(&leg.can),
            held_audio,
            held_video,
            shown: leg.shown.as_ref().map(ShownRow::of),
            refer_event: leg.refer_event.as_deref().map(Cow::from),
            peer: peer.as_ref().map(PeerRow::of),
            invite: invite.as_ref().map(|invite| InviteRow::of(invite, &leg.dialog.phase)),
            credit: credit.as_ref().map(CreditRow::of),
        }
    }

    /// The party. `ledger` has what has changed with each packet.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(
        self,
        now: Now,
        ledger: impl Fn(PortId) -> Option<LedgerSlot>,
    ) -> Result<SavedParty, PartyFault> {
        if self.v != VERSION {
            return Err(PartyFault::Version(self.v));
        }
        let leg = Some(self.leg).filter(|leg| (1..=ID_MAX).contains(leg));
        let leg = LegId(need("leg", "the name of a leg", leg)?);
        let negotiation = self.sdp.read()?;
        let dialog = self.dialog.read(leg, negotiation.said.as_ref())?;
        let (audio, heard_sound) = self.audio.read()?;
        let (video, heard_picture) = self.video.read()?;
        let call = |call| need("recording", "the name of a call", (call <= ID_MAX).then_some(call));
        let cname = Some(self.cname).filter(|cname| cname.len() <= CNAME_MAX);
        let leg = SavedLeg {
            dialog,
            phase: self.phase.read()?,
            negotiation,
            called_us: self.called_us,
            signalling: words::read_ip("signalling", &self.signalling)?,
            max_forwards: self.max_forwards,
            behind_nat: self.behind_nat,
            vouched: self.vouched,
            proven: self.proven,
            cname: need("cname", "at most 255 bytes", cname)?.into_owned(),
            audio,
            video,
            source: self.source.read(),
            is_after_tone: self.is_after_tone,
            watched: self.watched,
            recording: self.recording.map(call).transpose()?.map(CallId),
            intercepted: self.intercepted,
            security: match (self.handshake, self.sealed) {
                (true, _) => OfferedSecurity::Handshake,
                (false, true) => OfferedSecurity::Keys,
                (false, false) => OfferedSecurity::None,
            },
            can: self.can.read()?,
            held: (self.held_audio, self.held_video),
            shown: self.shown.map(ShownRow::read).transpose()?,
            refer_event: self.refer_event.map(Cow::into_owned),
        };
        need("phase", "that of the dialog and the offer", leg_phase::fit(&leg).then_some(()))?;
        let ports = [heard_sound, heard_picture];
        let ports = resumed_ports(&leg, ports, now, ledger)?;
        let invite = self.invite.map(|invite| invite.read(&leg.dialog.phase)).transpose()?;
        let peer = self.peer.map(PeerRow::read).transpose()?;
        let credit = self.credit.map(CreditRow::read).transpose()?;
        Ok(SavedParty { leg, ports, peer, invite, credit })
    }
}

/// The ports of a leg, as what is agreed on it has them.
fn resumed_ports(
    leg: &SavedLeg,
    [sound, picture]: [ProvenPort; 2],
    now: Now,
    ledger: impl Fn(PortId) -> Option<LedgerSlot>,
) -> Result<Vec<SavedPort>, PartyFault> {
    let said = leg.said_ports(now);
    for (place, said) in [&leg.audio, &leg.video].into_iter().zip(said) {
        let is_said = said.is_none_or(|port| place.port == Some(port));
        let fits = is_said && (said.is_some() || !place.is_open);
        need("port", "that of the session description", fits.then_some(()))?;
    }
    let ports = leg.plans(now).into_iter().map(|(port, kind, plan)| {
        let proven = match kind {
            Kind::Audio => sound,
            Kind::Video => picture,
        };
        SavedPort::resumed(proven.facts(port, kind), plan, ledger(port), now)
    });
    Ok(ports.collect())
}

impl<'a> ShownRow<'a> {
    fn of(party: &'a Party) -> Self {
        let Party { number, params, display, domain } = party;
        Self {
            number: number.into(),
            params: params.into(),
            display: display.as_deref().map(Cow::from),
            domain: domain.as_ref().map(|domain| domain.host().to_string().into()),
        }
    }

    fn read(self) -> Result<Party, PartyFault> {
        let domain = |text: Cow<'_, str>| {
            need("shown.domain", "a host", Host::parse(&text).ok().map(Domain::of))
        };
        Ok(Party {
            number: self.number.into_owned(),
            params: self.params.into_owned(),
            display: self.display.map(Cow::into_owned),
            domain: self.domain.map(domain).transpose()?,
        })
    }
}

impl<'a> PeerRow<'a> {
    fn of(peer: &'a LegPeer) -> Self {
        let LegPeer { who, ip, instance, spoke } = peer;
        Self {
            who: match who {
                Who::Terminal(number) => WhoRow::Terminal(number.as_str().into()),
                Who::Desk(operator) => WhoRow::Desk(operator.as_str().into()),
                Who::Trunk(trunk) => WhoRow::Trunk(trunk.into()),
                Who::Unauthenticated => WhoRow::Unauthenticated,
            },
            ip: ip.to_string().into(),
            instance: instance.as_deref().map(Cow::from),
            spoke: spoke.as_ref().map(|flow| words::flow(flow).into()),
        }
    }

    fn read(self) -> Result<LegPeer, PartyFault> {
        let flow = |text: Cow<'_, str>| words::read_flow("peer.spoke", &text);
        Ok(LegPeer {
            who: match self.who {
                WhoRow::Terminal(number) => Who::Terminal(Number::from(&*number)),
                WhoRow::Desk(operator) => Who::Desk(OperatorId::from(&*operator)),
                WhoRow::Trunk(trunk) => Who::Trunk(trunk.into_owned()),
                WhoRow::Unauthenticated => Who::Unauthenticated,
            },
            ip: words::read_ip("peer.ip", &self.ip)?,
            instance: self.instance.map(Cow::into_owned),
            spoke: self.spoke.map(flow).transpose()?,
        })
    }
}
