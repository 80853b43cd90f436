//! Commands that find no relay ports: they wait for them, or go on without.
//!
//! ```text
//!   Call, Progress, Answer ── ports at hand ──▶ carried out
//!        │ none yet                                  ▲
//!        ▼                                           │ ports have come, or there are none to be had,
//!      parked, with all that is wanted of it since ──┘ or it has waited for 2 s
//! ```
//!
//! Calls come in bursts, and the server binds ports between two of them: what is short for a moment is no
//! reason to refuse a caller. Where there are none to be had a call goes on without its picture, and one
//! without even a port for its sound is refused.

use super::api::{Command, Event, OfferedCodecs};
use super::machine::{Effect, Machine};
use super::state::{Leg, LegPhase, SentAnswer};
use crate::cause::Cause;
use crate::codec::Kind;
use crate::dialog::EndingSide;
use crate::ids::LegId;
use crate::time::Instant;

impl Machine {
    /// Carries a command out, or lets it wait for ports.
    pub(super) fn command(&mut self, now: Instant, command: Command, out: &mut Vec<Effect>) {
        let Some(leg) = subject(&command) else { return self.obey(now, command, out) };
        match command {
            Command::End { leg, cause } if self.parking.commands(leg).is_some() => {
                self.drop_parked(now, leg, cause, out);
            }
            Command::Refuse { .. } => {
                self.parking.take(leg);
                self.obey(now, command, out);
            }
            command => match self.parking.commands(leg) {
                Some(commands) => commands.push(command),
                None => {
                    let missing = self.missing_ports(&command);
                    if missing > 0 && self.ports.is_waiting_for(now, missing) {
                        self.parking.park(now, leg, missing, command);
                    } else {
                        self.obey(now, command, out);
                    }
                }
            },
        }
    }

    /// A leg that waits is wanted no longer; of one that we were to call nobody has heard.
    fn drop_parked(&mut self, now: Instant, leg: LegId, cause: Cause, out: &mut Vec<Effect>) {
        self.parking.take(leg);
        if self.legs.contains_key(&leg) {
            return self.end(now, leg, cause, out);
        }
        out.push(Effect::Event(Event::Ended { leg, cause, by: EndingSide::Us }));
    }

    /// Lets those go on, in their order, for whom there are ports by now, or never will be in time.
    pub(super) fn go_on(&mut self, now: Instant, out: &mut Vec<Effect>) {
        while let Some((until, leg, missing)) = self.parking.first() {
            if now < until && self.ports.is_waiting_for(now, missing) {
                return;
            }
            for command in self.parking.take(leg) {
                self.obey(now, command, out);
            }
        }
    }

    /// Forgets what was wanted of a leg that is gone.
    pub(super) fn forget_parked(&mut self, leg: LegId) {
        self.parking.take(leg);
    }

    /// How many ports a command needs that its leg has not.
    fn missing_ports(&self, command: &Command) -> usize {
        match command {
            Command::Call { call, .. } => match call.offer {
                OfferedCodecs::Theirs => 0,
                OfferedCodecs::Everything | OfferedCodecs::WithPictures(_) => 2,
                OfferedCodecs::For(other) => {
                    let partner = self.legs.get(&other).and_then(Leg::for_partner);
                    1 + usize::from(partner.is_none_or(|partner| !partner.video.is_empty()))
                }
            },
            Command::Progress { leg, media: Some(_), .. } => match self.said(*leg) {
                Some(SentAnswer::Nothing | SentAnswer::NothingLate { reliable: true }) => {
                    self.unported(*leg)
                }
                Some(
                    SentAnswer::NothingLate { reliable: false }
                    | SentAnswer::Answer(_)
                    | SentAnswer::Enough,
                )
                | None => 0,
            },
            Command::Answer { leg, .. } => match self.said(*leg) {
                Some(SentAnswer::Nothing | SentAnswer::NothingLate { .. }) => self.unported(*leg),
                Some(SentAnswer::Answer(_) | SentAnswer::Enough) | None => 0,
            },
            Command::Progress { media: None, .. }
            | Command::AcceptDesk { .. }
            | Command::Refuse { .. }
            | Command::End { .. }
            | Command::Listen(_)
            | Command::Watch { .. }
            | Command::Record { .. }
            | Command::Preview { .. }
            | Command::RequestKeyFrame { .. }
            | Command::SendDtmf { .. }
            | Command::InterceptDtmf { .. }
            | Command::Identify { .. }
            | Command::Probe { .. }
            | Command::Align { .. }
            | Command::Rekey { .. }
            | Command::Info { .. }
            | Command::Respond { .. }
            | Command::ReferProgress { .. } => 0,
        }
    }

    fn said(&self, leg: LegId) -> Option<&SentAnswer> {
        match self.legs.get(&leg).map(|leg| &leg.phase) {
            Some(LegPhase::Offered { said }) => Some(said),
            Some(
                LegPhase::New { .. }
                | LegPhase::Answering
                | LegPhase::Calling { .. }
                | LegPhase::Up
                | LegPhase::Ending,
            )
            | None => None,
        }
    }

    /// The streams that the answer to a caller will have, and that have no port yet.
    fn unported(&self, leg: LegId) -> usize {
        let Some(leg) = self.legs.get(&leg) else { return 0 };
        let lacks = |kind| {
            let offered = leg.negotiation.asked().is_none_or(|peer| peer.stream(kind).is_some());
            usize::from(offered && leg.stream_port(kind).port.is_none())
        };
        lacks(Kind::Audio) + lacks(Kind::Video)
    }
}

/// Which leg a command is about; `None`: about several.
fn subject(command: &Command) -> Option<LegId> {
    match command {
        Command::Listen(_) => None,
        Command::Call { leg, .. }
        | Command::Progress { leg, .. }
        | Command::Answer { leg, .. }
        | Command::AcceptDesk { leg }
        | Command::Refuse { leg, .. }
        | Command::End { leg, .. }
        | Command::Watch { leg, .. }
        | Command::Record { leg, .. }
        | Command::Preview { leg, .. }
        | Command::RequestKeyFrame { leg }
        | Command::SendDtmf { leg, .. }
        | Command::InterceptDtmf { leg, .. }
        | Command::Identify { leg, .. }
        | Command::Probe { leg }
        | Command::Align { leg, .. }
        | Command::Rekey { leg }
        | Command::Info { leg, .. }
        | Command::Respond { leg, .. }
        | Command::ReferProgress { leg, .. } => Some(*leg),
    }
}
