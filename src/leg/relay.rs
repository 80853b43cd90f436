//! The legs' share of the relay: which ports are open under which plan, and who gets whom.

use super::api::{Event, LegSource};
use super::machine::{Effect, Machine};
use super::ports::{beside, carrier_of};
use super::state::{Leg, LegPhase, Life, Overlay};
use crate::codec::Kind;
use crate::ids::{LegId, PortId};
use crate::media::{self, Command, PromptMessage, VideoPrompt, WaitingProfileId};
use crate::sdp::Direction;
use crate::time::Instant;

pub(super) const KINDS: [Kind; 2] = [Kind::Audio, Kind::Video];
/// What a party with a picture sees of one without: else the last picture of the wait, and the place in
/// a queue that it tells, would stand there for the whole call.
const SOUND_ONLY: VideoPrompt =
    VideoPrompt { waiting_profile: WaitingProfileId::DEFAULT, message: PromptMessage::SoundOnly };

impl Machine {
    /// The port of a leg's stream, taken from the pool if it has none; `None` when the pool is
    /// empty.
    pub(super) fn port(&mut self, now: Instant, leg: LegId, kind: Kind) -> Option<PortId> {
        let stream_port = self.legs.get_mut(&leg)?.stream_port_mut(kind);
        if stream_port.port.is_none() {
            stream_port.port = self.ports.take(now);
            if let Some(port) = stream_port.port {
                self.owners.insert(port, (leg, kind));
            }
        }
        stream_port.port
    }

    /// Whether the picture of a leg may be on the transport of its sound: what has a port of its own stays there.
    pub(super) fn may_bundle(&self, id: LegId) -> bool {
        let port = self.legs.get(&id).and_then(|leg| leg.video.port);
        port.is_none_or(|port| carrier_of(port).is_some())
    }

    /// The number of a leg's picture on the transport of its sound.
    pub(super) fn port_beside(&mut self, id: LegId) -> Option<PortId> {
        let leg = self.legs.get_mut(&id)?;
        let port = beside(leg.audio.port?);
        leg.video.port = Some(port);
        self.owners.insert(port, (id, Kind::Video));
        Some(port)
    }

    /// The picture goes where it is agreed to be: it may have been offered a port of its own, and share that of the
    /// sound by the answer. What is carried goes before what carries it.
    fn move_picture(&mut self, now: Instant, id: LegId, out: &mut Vec<Effect>) {
        let Some(leg) = self.legs.get(&id) else { return };
        let is_carried = |port: PortId| carrier_of(port).is_some();
        let (wanted, is) = (
            leg.stream(Kind::Video).is_some_and(|video| video.ours.is_carried()),
            leg.video.port.is_some_and(is_carried),
        );
        if wanted != is {
            self.close(now, id, Kind::Video, out);
        }
        if wanted && !is {
            let _taken = self.port_beside(id);
        }
    }

    /// Brings the relay up to what is agreed on this leg.
    pub(super) fn sync(&mut self, now: Instant, id: LegId, out: &mut Vec<Effect>) {
        let plays = |leg: &Leg| matches!(leg.phase, LegPhase::Calling { .. }) && leg.is_heard();
        let before = self.legs.get(&id).is_some_and(plays);
        self.move_picture(now, id, out);
        for kind in KINDS {
            self.sync_stream(now, id, kind, out);
        }
        if before && !self.legs.get(&id).is_some_and(plays) {
            out.push(Effect::Event(Event::EarlyMediaOver { leg: id }));
        }
        self.expect_keys(now, id);
        self.patch_around(id, out);
    }

    fn sync_stream(&mut self, now: Instant, id: LegId, kind: Kind, out: &mut Vec<Effect>) {
        self.sync_handshake(id, kind, out);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let wanted = leg.wanted_plan(kind);
        let (watched, recording) = (leg.watched, leg.recording);
        let previewed = leg.previewed && kind == Kind::Video;
        let intercepted = leg.intercepted && kind == Kind::Audio;
        let offering = leg.negotiation.is_offering();
        let calling = matches!(leg.phase, LegPhase::Calling { .. });
        let stream_port = leg.stream_port_mut(kind);
        let Some(port) = stream_port.port else { return };
        // Of the branches that ring now none may want it, but another may answer: until then nobody gets
        // anything here.
        let nowhere = |old: &media::Plan| {
            let mut plan = old.clone();
            (plan.transport.remote, plan.transport.remote_rtcp) = (None, None);
            plan.stream.direction = Direction::Inactive;
            plan
        };
        let ringing = stream_port.plan.as_ref().filter(|_| offering && calling);
        let wanted = wanted.or_else(|| ringing.map(nowhere));
        match (wanted, &stream_port.plan) {
            (Some(plan), None) => {
                stream_port.plan = Some(plan.clone());
                self.rows.insert(port, media::Source::Nothing);
                out.push(Effect::Media(Command::Open { port, kind, plan }));
                if watched {
                    out.push(Effect::Media(Command::Watch { port, on: true }));
                }
                if recording.is_some() {
                    out.push(Effect::Media(Command::Record { port, recording }));
                }
                if previewed {
                    out.push(Effect::Media(Command::Preview { port, on: true }));
                }
                if intercepted {
                    out.push(Effect::Media(Command::Intercept { port, on: true }));
                }
            }
            (Some(plan), Some(old)) if plan != *old => {
                if calling && plan.transport.remote != old.transport.remote {
                    // It is another branch, or nobody: nothing has come from there.
                    stream_port.life = Life::Unheard;
                }
                stream_port.plan = Some(plan.clone());
                out.push(Effect::Media(Command::Update { port, plan }));
            }
            (Some(_), Some(_)) => {}
            // The answer to our offer may still want it.
            (None, None) if offering => {}
            (None, _) => self.close(now, id, kind, out),
        }
    }

    fn close(&mut self, now: Instant, id: LegId, kind: Kind, out: &mut Vec<Effect>) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let stream_port = std::mem::take(leg.stream_port_mut(kind));
        let Some(port) = stream_port.port else { return };
        self.owners.remove(&port);
        if carrier_of(port).is_none() {
            self.ports.give_back(now, port);
        }
        Self::end_handshake(stream_port.handshake, port, out);
        if stream_port.plan.is_none() {
            return;
        }
        out.push(Effect::Media(Command::Close { port }));
        self.rows.remove(&port);
        // The relay empties the rows that named it, too.
        for listener in self.around(id) {
            let row = self.legs.get(&listener).and_then(|leg| leg.open_port(kind));
            if let Some(row) = row.and_then(|row| self.rows.get_mut(&row)) {
                *row = media::Source::Nothing;
            }
        }
    }

    /// Takes a leg out of the relay, and out of this room.
    pub(super) fn leave(&mut self, now: Instant, id: LegId, out: &mut Vec<Effect>) {
        // What is carried goes before what carries it.
        let is_carried = |leg: &Leg| leg.video.port.is_some_and(|port| carrier_of(port).is_some());
        if self.legs.get(&id).is_some_and(is_carried) {
            self.close(now, id, Kind::Video, out);
        }
        for kind in KINDS {
            self.close(now, id, kind, out);
        }
        self.set_source(id, LegSource::Silence);
        self.forget_parked(id);
        self.unkeyed.remove(&id);
        self.legs.remove(&id);
        let listeners = self.around(id);
        self.patch(&listeners, out);
        for listener in listeners {
            self.set_source(listener, LegSource::Silence);
        }
    }

    /// Enters the sources of some legs and tells the relay, in one change.
    pub(super) fn listen(&mut self, sources: Vec<(LegId, LegSource)>, out: &mut Vec<Effect>) {
        let receivers: Vec<LegId> = sources.iter().map(|(id, _)| *id).collect();
        for (id, source) in sources {
            let Some(leg) = self.legs.get_mut(&id) else { continue };
            if let LegSource::Tone(tone) = source {
                leg.tone = Overlay::Due(tone);
            } else {
                leg.tone = Overlay::None;
                self.set_source(id, source);
            }
        }
        self.patch(&receivers, out);
    }

    pub(super) fn set_source(&mut self, id: LegId, source: LegSource) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if let LegSource::Leg(old) = std::mem::replace(&mut leg.source, source) {
            self.listeners.remove(&(old, id));
        }
        if let LegSource::Leg(new) = source {
            self.listeners.insert((new, id));
        }
    }

    /// This leg and all that hear it.
    pub(super) fn around(&self, id: LegId) -> Vec<LegId> {
        let range = (id, LegId(0))..=(id, LegId(u64::MAX));
        let listeners = self.listeners.range(range).map(|(_, receiver)| *receiver);
        std::iter::once(id).chain(listeners).collect()
    }

    /// Tells the relay what follows from a leg's hold for those who hear it.
    pub(super) fn patch_around(&mut self, id: LegId, out: &mut Vec<Effect>) {
        self.patch(&self.around(id), out);
    }

    /// Tells the relay who gets whom, as far as that has changed for these legs.
    fn patch(&mut self, receivers: &[LegId], out: &mut Vec<Effect>) {
        let mut changes = Vec::new();
        for id in receivers {
            let Some(leg) = self.legs.get(id) else { continue };
            for (kind, port) in KINDS.iter().filter_map(|k| Some((*k, leg.open_port(*k)?))) {
                let wanted = self.row(leg, kind);
                if self.rows.insert(port, wanted) != Some(wanted) {
                    changes.push((port, wanted));
                }
                // A tone ends in silence by itself and is not to be repeated.
                if let media::Source::Tone(_) = wanted {
                    self.rows.insert(port, media::Source::Silence);
                }
            }
        }
        for id in receivers {
            if let Some(leg) = self.legs.get_mut(id)
                && matches!(leg.tone, Overlay::Due(_))
            {
                leg.tone = Overlay::Over;
            }
        }
        if !changes.is_empty() {
            out.push(Effect::Media(Command::Patch(changes)));
        }
    }

    /// What the relay is told for one stream of a leg.
    pub(super) fn row(&self, leg: &Leg, kind: Kind) -> media::Source {
        match (kind, leg.tone) {
            (Kind::Audio, Overlay::Due(tone)) => media::Source::Tone(tone),
            (Kind::Audio, Overlay::Over) => media::Source::Silence,
            (Kind::Audio, Overlay::None) | (Kind::Video, _) => self.source(leg.source, kind),
        }
    }

    /// What the relay is told for one stream of a leg with this source.
    fn source(&self, source: LegSource, kind: Kind) -> media::Source {
        let none = match kind {
            Kind::Audio => media::Source::Silence,
            Kind::Video => media::Source::Nothing,
        };
        match (source, kind) {
            (LegSource::Leg(other), _) => match self.legs.get(&other) {
                // Its own hold (media-rules 11): whoever hears or sees it waits.
                Some(other) if other.withholds(kind) => {
                    media::Source::Hold(WaitingProfileId::DEFAULT)
                }
                Some(other) if kind == Kind::Video && other.shows_nothing() => {
                    media::Source::Prompt(SOUND_ONLY)
                }
                Some(other) => other.open_port(kind).map_or(none, media::Source::Port),
                None => none,
            },
            // The music plays on while the picture changes.
            (LegSource::Wait(VideoPrompt { waiting_profile, .. }, greeting), Kind::Audio)
            | (LegSource::WaitCamera(_, waiting_profile, greeting), Kind::Audio) => {
                match greeting {
                    None => media::Source::Hold(waiting_profile),
                    Some(announcement) => media::Source::Greeting(waiting_profile, announcement),
                }
            }
            (LegSource::Wait(prompt, _) | LegSource::Told(prompt), Kind::Video) => {
                media::Source::Prompt(prompt)
            }
            (LegSource::Camera(camera) | LegSource::WaitCamera(camera, ..), Kind::Video) => {
                media::Source::Camera(camera)
            }
            (LegSource::Farewell(waiting_profile, announcement), Kind::Audio) => {
                media::Source::Farewell(waiting_profile, announcement)
            }
            (LegSource::Farewell(waiting_profile, announcement), Kind::Video) => {
                media::Source::Prompt(VideoPrompt {
                    waiting_profile,
                    message: PromptMessage::Sorry(announcement),
                })
            }
            (LegSource::RingBack, Kind::Video) => media::Source::Hold(WaitingProfileId::DEFAULT),
            (LegSource::RingBack, Kind::Audio) => media::Source::RingBack,
            (LegSource::Tone(_), _)
            | (LegSource::Camera(_) | LegSource::Told(_), Kind::Audio)
            | (LegSource::Silence, _) => none,
        }
    }

    /// Asks the camera of the leg that this one sees for a key frame.
    pub(super) fn refresh_picture(&self, id: LegId, out: &mut Vec<Effect>) {
        if let Some(LegSource::Leg(other)) = self.legs.get(&id).map(|leg| leg.source) {
            self.request_key_frame(other, out);
        }
    }

    /// Asks the camera of a leg for a key frame.
    pub(super) fn request_key_frame(&self, id: LegId, out: &mut Vec<Effect>) {
        let port = self.legs.get(&id).and_then(|leg| leg.open_port(Kind::Video));
        out.extend(port.map(|port| Effect::Media(Command::KeyFrame { port })));
    }

    /// The tone commands of one leg, or of both its streams.
    pub(super) fn each_port(
        &self,
        id: LegId,
        command: impl Fn(PortId) -> Command,
        out: &mut Vec<Effect>,
    ) {
        let ports = KINDS.map(|kind| self.legs.get(&id).and_then(|leg| leg.open_port(kind)));
        out.extend(ports.into_iter().flatten().map(|port| Effect::Media(command(port))));
    }
}
