//! A leg as one value of plain data, to be put back later: here, or in another process.
//!
//! A leg is quiet while it is up, or its INVITE open, and nothing else of it is under way: no request in its
//! dialog, no later offer, no wait for ports, no key of which the second report may still come. What is put back
//! then meets all that comes as the leg would have that was saved. Its health is measured anew.
//!
//! At any other moment what is settled of it can be saved, for a process that goes on after a crash: what was agreed
//! holds, an offer of ours is made once more, one of theirs comes again, and what it waits for ports for is dropped.

use super::agreement::{HandshakeOutcome, NegotiatedStream, NegotiatedStreams};
use super::api::{LegSource, OfferedSecurity};
use super::formats::{Capabilities, PeerFormat};
use super::keys::ReceivedDigits;
use super::machine::Machine;
use super::offer_answer::Negotiation;
use super::party::Party;
use super::peer::{PeerDescription, PeerStream};
use super::ports::carrier_of;
use super::relay::KINDS;
use super::saved_early::SavedLegPhase;
use super::saved_negotiation::SavedNegotiation;
use super::state::{Leg, Life, Overlay, StreamHandshake, StreamPort};
use super::streams;
use crate::codec::Kind;
use crate::dialog::{SavedDialog, TrunkCredentials};
use crate::dtls::HandshakeCommand;
use crate::ids::{CallId, LegId, PortId};
use crate::media;
use crate::time::{Now, UnixTime};
use std::net::IpAddr;

/// A leg, with all that it needs to go on; its share of the relay is the relay's to save.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedLeg {
    /// Its dialog, which names it.
    pub dialog: SavedDialog,
    /// How far it is.
    pub phase: SavedLegPhase,
    /// Its offers and answers.
    pub negotiation: SavedNegotiation,
    /// Its INVITE came to us.
    pub called_us: bool,
    /// Where its SIP comes from.
    pub signalling: IpAddr,
    /// Over how many hops the INVITE that made it may still go.
    pub max_forwards: u8,
    /// Its Via or its Contact shows that a NAT rewrites its addresses.
    pub behind_nat: bool,
    /// An account or a trunk answers for it.
    pub vouched: bool,
    /// It reads what is sent to where its SIP comes from.
    pub proven: bool,
    /// RTCP's name for it.
    pub cname: String,
    /// Its place in the relay for sound.
    pub audio: SavedStreamPort,
    /// Its place in the relay for pictures.
    pub video: SavedStreamPort,
    /// Who it hears and sees.
    pub source: LegSource,
    /// A tone was heard over that, and is over: its sound is silence until the next source.
    pub is_after_tone: bool,
    /// Its health is reported.
    pub watched: bool,
    /// The call in whose recording it is.
    pub recording: Option<CallId>,
    /// Its keys are ours.
    pub intercepted: bool,
    /// Under which seal we offer it streams.
    pub security: OfferedSecurity,
    /// All codecs of its first offer, or what its answer took.
    pub can: KnownCapabilities,
    /// Its hold as it was told last, of sound and of pictures.
    pub held: (bool, bool),
    /// With whom it was told last that it talks.
    pub shown: Option<Party>,
    /// The Event of the NOTIFYs that its REFER waits for.
    pub refer_event: Option<String>,
}

/// Where it stands what a peer can.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum KnownCapabilities {
    /// In the description that holds.
    #[default]
    Described,
    /// In their offer that is open.
    Offered,
    /// They are the codecs in use.
    InUse,
    /// Nowhere else any more.
    Listed(Box<Capabilities>),
}

/// The place of a stream in the relay, as a value.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SavedStreamPort {
    /// The port, from the first SDP on that names it.
    pub port: Option<PortId>,
    /// The relay carries it.
    pub is_open: bool,
    /// Something has come of it.
    pub is_heard: bool,
    /// Since when nothing has come any more.
    pub lifeless_since: Option<UnixTime>,
    /// What has come of its handshake.
    pub keyed: Option<HandshakeOutcome>,
}

/// What follows for the relay from a leg that is put back.
#[derive(Debug, Default)]
pub struct RestoredLeg {
    /// Its rows, and those of all who hear it: they are entered without a switch.
    pub rows: Vec<(PortId, media::Source)>,
    /// What has to be done after that.
    pub commands: Vec<media::Command>,
    /// The handshakes that are not done yet: of those that were under way nothing is left.
    pub handshakes: Vec<HandshakeCommand>,
}

impl Machine {
    /// Whether a leg is up, or its INVITE open, and nothing else of it is under way.
    #[must_use]
    pub fn is_quiet(&self, now: Now, id: LegId) -> bool {
        self.legs.get(&id).is_some_and(|leg| {
            leg.is_waiting() && leg.verdict.is_none() && leg.keys.is_quiet(now.instant)
        }) && !self.parking.has(id)
            && self.dialog.is_quiet(id)
    }

    /// A leg as a value, to be put back by [`restore`](Self::restore); none while anything of it is under way.
    #[must_use]
    pub fn save(&self, now: Now, id: LegId) -> Option<SavedLeg> {
        self.save_settled(now, id).filter(|_| self.is_quiet(now, id))
    }

    /// What is settled of a leg, as a value; none where what was saved before holds.
    #[must_use]
    pub fn save_settled(&self, now: Now, id: LegId) -> Option<SavedLeg> {
        let leg = self.legs.get(&id).filter(|leg| leg.is_settled())?;
        let dialog = self.dialog.save_settled(now, id)?;
        let is_reoffered = self.dialog.is_reoffered(id);
        let settled = leg.settled_negotiation(&dialog, is_reoffered);
        let negotiation = settled.as_ref().unwrap_or(&leg.negotiation);
        Some(SavedLeg {
            phase: leg.saved_phase(),
            negotiation: negotiation.saved(),
            called_us: leg.called_us,
            signalling: leg.signalling,
            max_forwards: leg.max_forwards,
            behind_nat: leg.behind_nat,
            vouched: leg.vouched,
            proven: leg.proven,
            cname: leg.cname.clone(),
            audio: leg.saved_port(now, Kind::Audio),
            video: leg.saved_port(now, Kind::Video),
            source: leg.source,
            is_after_tone: leg.tone != Overlay::None,
            watched: leg.watched,
            recording: leg.recording,
            intercepted: leg.intercepted,
            security: leg.security,
            can: KnownCapabilities::of(&leg.can, negotiation),
            held: leg.held,
            shown: leg.shown.clone(),
            refer_event: leg.refer_event.clone(),
            dialog,
        })
    }

    /// Saves a leg and forgets it, without a word to its peer; who hears it goes on waiting for it.
    #[must_use]
    pub fn take(&mut self, now: Now, id: LegId) -> Option<SavedLeg> {
        let saved = self.save(now, id)?;
        let follows = |leg: &Leg| leg.negotiation.is_made_of(&saved.negotiation);
        debug_assert!(
            self.legs.get(&id).is_some_and(follows),
            "what is agreed follows of what was said"
        );
        self.dialog.take(now, id)?;
        self.set_source(id, LegSource::Silence);
        for port in [saved.audio.port, saved.video.port].into_iter().flatten() {
            self.owners.remove(&port);
            self.rows.remove(&port);
            if carrier_of(port).is_none() {
                self.ports.forget();
            }
        }
        self.legs.remove(&id);
        self.unkeyed.remove(&id);
        Some(saved)
    }

    /// Puts a dialog back without its leg: it is to be ended, and nobody hears of it.
    pub fn restore_dialog(&mut self, now: Now, saved: SavedDialog) {
        self.dialog.restore(now, saved, None);
    }

    /// Puts a leg back that was saved, here or in another process, whose trunk knows us by `login` now. Of
    /// several that hear each other the last one brings the rows of all.
    ///
    /// # Panics
    /// When there is a leg of this name.
    pub fn restore(
        &mut self,
        now: Now,
        saved: SavedLeg,
        login: Option<TrunkCredentials>,
    ) -> RestoredLeg {
        let (id, source) = (saved.dialog.leg, saved.source);
        self.dialog.restore(now, saved.dialog.clone(), login);
        for (kind, stream) in [(Kind::Audio, &saved.audio), (Kind::Video, &saved.video)] {
            if let Some(port) = stream.port {
                if carrier_of(port).is_none() {
                    self.ports.occupy(port);
                }
                self.owners.insert(port, (id, kind));
            }
        }
        self.legs.insert(id, Leg::restored(now, saved));
        self.set_source(id, source);
        self.expect_keys(now.instant, id);
        let handshakes = self.legs.get(&id).map(Leg::open_handshakes).unwrap_or_default();
        let mut restored = RestoredLeg { handshakes, ..RestoredLeg::default() };
        for hearer in self.around(id) {
            let Some(leg) = self.legs.get(&hearer) else { continue };
            for (kind, port) in KINDS.iter().filter_map(|k| Some((*k, leg.open_port(*k)?))) {
                let row = self.row(leg, kind);
                self.rows.insert(port, row);
                restored.rows.push((port, row));
                if hearer == id && leg.recording.is_some() {
                    let recording = leg.recording;
                    restored.commands.push(media::Command::Record { port, recording });
                }
            }
        }
        restored
    }
}

impl SavedLeg {
    /// What is agreed, or what its early SDP lets expect.
    #[must_use]
    pub fn streams(&self, now: Now) -> NegotiatedStreams {
        Leg::restored(now, self.clone()).streams().clone()
    }

    /// The ports that descriptions of ours name, of sound and of pictures.
    #[must_use]
    pub fn said_ports(&self, now: Now) -> [Option<PortId>; 2] {
        let leg = Leg::restored(now, self.clone());
        KINDS.map(|kind| leg.said_port(kind))
    }

    /// The ports of the relay that it has, open or not: where one carries both streams that one.
    pub fn ports(&self) -> impl Iterator<Item = PortId> + use<> {
        let own = [self.audio.port, self.video.port].into_iter().flatten();
        own.filter(|port| carrier_of(*port).is_none())
    }

    /// What the relay carries of it.
    #[must_use]
    pub fn plans(&self, now: Now) -> Vec<(PortId, Kind, media::Plan)> {
        let leg = Leg::restored(now, self.clone());
        let plan = |kind| {
            let StreamPort { port, plan, .. } = leg.stream_port(kind);
            Some((port.as_ref().copied()?, kind, plan.clone()?))
        };
        KINDS.into_iter().filter_map(plan).collect()
    }
}

impl KnownCapabilities {
    fn of(can: &Capabilities, negotiation: &Negotiation) -> Self {
        let NegotiatedStreams { audio, video, .. } = negotiation.streams();
        let (sound, picture) = (audio.as_ref(), video.as_ref());
        let described = can.audio.iter().eq(sound.iter().flat_map(|s| &s.peer.formats))
            && can.beside.iter().eq(sound.iter().flat_map(|s| &s.peer.beside))
            && can.video.iter().eq(picture.iter().flat_map(|s| &s.peer.formats));
        if described {
            return Self::Described;
        }
        if negotiation.asked().is_some_and(|asked| asked.capabilities() == *can) {
            return Self::Offered;
        }
        let in_use = can.audio.iter().eq(sound.and_then(NegotiatedStream::format))
            && can.beside.iter().eq(sound.iter().flat_map(|s| s.beside()))
            && can.video.iter().eq(picture.and_then(NegotiatedStream::format));
        if in_use { Self::InUse } else { Self::Listed(Box::new(can.clone())) }
    }

    fn capabilities(self, negotiation: &Negotiation) -> Capabilities {
        let NegotiatedStreams { audio, video, .. } = negotiation.streams();
        let sound = |formats: fn(&PeerStream) -> &Vec<PeerFormat>| {
            audio.iter().flat_map(|stream| formats(&stream.peer)).cloned().collect()
        };
        match self {
            Self::Described => Capabilities {
                audio: sound(|peer| &peer.formats),
                beside: sound(|peer| &peer.beside),
                video: video.iter().flat_map(|stream| &stream.peer.formats).cloned().collect(),
            },
            Self::Offered => {
                negotiation.asked().map(PeerDescription::capabilities).unwrap_or_default()
            }
            Self::InUse => streams::in_use(audio.as_ref(), video.as_ref()),
            Self::Listed(can) => *can,
        }
    }
}

impl Leg {
    /// What the relay keeps open though no description has it any more is not.
    fn saved_port(&self, now: Now, kind: Kind) -> SavedStreamPort {
        let stream_port = self.stream_port(kind);
        let lifeless_since = match stream_port.life {
            Life::Silent { lifeless_since } => Some(now.unix_of(lifeless_since)),
            Life::Unheard | Life::Heard => None,
        };
        SavedStreamPort {
            port: stream_port.port,
            is_open: stream_port.plan.is_some() && self.wanted_plan(kind).is_some(),
            is_heard: !matches!(stream_port.life, Life::Unheard),
            lifeless_since,
            keyed: stream_port.keyed().cloned(),
        }
    }

    /// The port that a description of ours names for this kind.
    fn said_port(&self, kind: Kind) -> Option<PortId> {
        let agreed = self.stream(kind).map(|stream| &stream.ours);
        agreed.or_else(|| self.offered_by_handshake(kind)).map(|ours| ours.port)
    }

    fn restored(now: Now, saved: SavedLeg) -> Self {
        let SavedLeg { audio, video, .. } = saved;
        let negotiation = Negotiation::restored(saved.negotiation);
        let can = saved.can.capabilities(&negotiation);
        let phase = saved.phase.restored(&negotiation);
        let mut leg = Self {
            called_us: saved.called_us,
            max_forwards: saved.max_forwards,
            behind_nat: saved.behind_nat,
            vouched: saved.vouched,
            proven: saved.proven,
            tone: if saved.is_after_tone { Overlay::Over } else { Overlay::None },
            watched: saved.watched,
            recording: saved.recording,
            intercepted: saved.intercepted,
            security: saved.security,
            can,
            held: saved.held,
            keys: ReceivedDigits::default(),
            shown: saved.shown,
            refer_event: saved.refer_event,
            ..Self::new(phase, negotiation, saved.signalling, saved.cname)
        };
        for (kind, stream) in [(Kind::Audio, audio), (Kind::Video, video)] {
            let life = match (stream.lifeless_since, stream.is_heard) {
                (Some(since), _) => Life::Silent { lifeless_since: now.instant_of(since) },
                (None, true) => Life::Heard,
                (None, false) => Life::Unheard,
            };
            let handshake = leg.wanted_handshake(kind).filter(|_| stream.port.is_some());
            let keyed = stream.keyed;
            let handshake = handshake.map(|(role, theirs)| StreamHandshake { role, theirs, keyed });
            let new = StreamPort { port: stream.port, life, handshake, ..StreamPort::default() };
            *leg.stream_port_mut(kind) = new;
            let plan = leg.wanted_plan(kind).filter(|_| stream.is_open);
            leg.stream_port_mut(kind).plan = plan;
        }
        let is_carried = |port: PortId| carrier_of(port).is_some();
        if leg.video.port.is_some_and(is_carried) && leg.audio.plan.is_none() {
            leg.video.plan = None;
        }
        leg
    }
}
