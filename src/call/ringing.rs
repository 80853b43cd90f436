//! Phones that ring in parallel for one call: the first to answer wins (R1.2, R4.4).
//!
//! ```text
//!   place ──▶ ringing ── first 200 ──▶ answered (the others: CANCEL, "Call completed elsewhere")
//!                │ 488 to the other side's codecs ──▶ called once more, with all that we can
//!                │ 503, silent or not to be reached ──▶ the next server of the same name
//!                │ each contact refuses or ends ──▶ failed, with the refusal that says most
//!                └ deadline ──▶ no answer
//! ```

use super::admission::{AdmittedCall, Callee};
use super::context::CallContext;
use super::step::Owner;
use crate::cause::Cause;
use crate::dialog;
use crate::directory::Srtp;
use crate::ids::{LegId, Number};
use crate::leg::{self, IdentityPrivacy, LegSource, OfferedCodecs, OfferedSecurity, Party, Spoken};
use crate::sip::{NameAddr, Uri};
use crate::time::{Duration, Instant, Now, UnixTime};
use std::collections::{BTreeMap, VecDeque};

/// The answer of a server that is away or has no room; what cannot be sent at all counts as this.
const UNAVAILABLE: u16 = 503;
/// A server that has not said a word for so long is away while there are others: well before timer B, and
/// time enough for three copies of the INVITE.
const PATIENCE: Duration = Duration::from_secs(4);
/// More contacts than this are not rung at once.
pub const CONTACTS_MAX: usize = 10;

/// The phones that ring for one call.
#[derive(Clone, Debug)]
pub(crate) struct RingingPhones {
    pub number: Number,
    pub until: Instant,
    legs: Vec<LegId>,
    owner: Owner,
    /// What was offered to phones that have not refused it, to be offered otherwise once.
    calls: BTreeMap<LegId, Box<leg::OutgoingLeg>>,
    /// The legs of phones that were called once more, with codecs that the other side may lack.
    all_codecs: Vec<LegId>,
    /// The servers that may still be tried in place of a leg's own.
    servers: BTreeMap<LegId, VecDeque<dialog::CallTarget>>,
    /// The phones that send sound or a picture before they answer, whoever began last at the end.
    playing: Vec<LegId>,
    refusal: Option<(u16, Cause)>,
    contacts: Vec<NameAddr>,
}

/// The phones that ring for one call, as plain data.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedRinging {
    /// The number that was called.
    pub number: Number,
    /// Until when they ring.
    pub until: UnixTime,
    /// The legs of the phones that have not refused.
    pub legs: Vec<LegId>,
    /// Those of them that were called once more, with codecs that the other side may lack.
    pub all_codecs: Vec<LegId>,
    /// Those that send sound or a picture already, whoever began last at the end.
    pub playing: Vec<LegId>,
    /// The refusal that says most, so far.
    pub refusal: Option<(u16, Cause)>,
    /// Where a 3xx pointed to.
    pub contacts: Vec<Uri>,
}

/// What an event of one of the phones means for the call.
#[derive(Debug)]
pub(crate) enum ForkResult {
    /// Nothing yet.
    Nothing,
    /// A phone rings: 180 or another provisional.
    Ringing,
    /// A phone sends sound or a picture before it answers: it is heard from now on.
    EarlyMedia(LegId),
    /// The phone that was heard is gone or sends no more, and there is ringing still: what
    /// [`RingingPhones::heard`] says is heard.
    Silenced,
    /// The first that answered; the others have been called off.
    Answered(LegId, Spoken),
    /// All said no; where a 3xx pointed to, if one came.
    Failed(Cause, Vec<NameAddr>),
}

/// Whom to ring, and with whose permission.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Permission<'a> {
    /// A call between parties.
    Admitted(&'a AdmittedCall),
    /// An operator's own phone, or the number that an administrator set for overflowing calls.
    Appointed(&'a Callee),
}

impl Permission<'_> {
    pub fn callee(&self) -> &Callee {
        match self {
            Self::Admitted(call) => call.callee(),
            Self::Appointed(callee) => callee,
        }
    }
}

/// How a call is placed.
pub(crate) struct CallAttempt<'a> {
    /// To whom.
    pub to: Permission<'a>,
    /// The leg of the party for whom it is placed.
    pub behalf: LegId,
    /// Who calls.
    pub caller: Party,
    /// The caller wants its number withheld.
    pub withheld: bool,
    /// The caller has dialled a `sips:` URI: only sealed ways will do (RFC 5630 §5.3).
    pub sips: bool,
    /// The codecs.
    pub offer: OfferedCodecs,
    /// Ask the phone to pick up by itself.
    pub auto_answer: bool,
    /// For so long.
    pub ring_time: Duration,
    /// Whose the legs are.
    pub owner: Owner,
}

impl RingingPhones {
    /// Calls all contacts of the callee.
    ///
    /// # Errors
    /// When there is none, or when it is the phone of an operator who has a call in hand.
    pub fn place(placing: CallAttempt<'_>, ctx: &mut CallContext<'_>) -> Result<Self, Cause> {
        let callee = placing.to.callee();
        if let Permission::Admitted(_) = placing.to
            && ctx.facts.is_in_operator_call(callee.number())
        {
            return Err(Cause::Busy);
        }
        let targets = targets(callee, placing.sips, ctx)?;
        let mut ringing = Self {
            number: callee.number().clone(),
            until: ctx.facts.now.instant + placing.ring_time,
            legs: Vec::with_capacity(targets.len()),
            owner: placing.owner.clone(),
            calls: BTreeMap::new(),
            all_codecs: Vec::new(),
            playing: Vec::new(),
            refusal: None,
            contacts: Vec::new(),
            servers: BTreeMap::new(),
        };
        ringing.call(&placing, targets, ctx);
        Ok(ringing)
    }

    /// Calls the contacts as well that the callee has now and that do not ring yet. Of phones that were restored nobody
    /// knows where they are: nothing is added to those.
    pub fn call_others(&mut self, placing: &CallAttempt<'_>, ctx: &mut CallContext<'_>) {
        if self.calls.is_empty() {
            return;
        }
        let ringing = |target: &dialog::CallTarget| {
            let mut calls = self.calls.iter().filter(|(leg, _)| self.legs.contains(leg));
            calls.any(|(_, call)| call.target == *target)
        };
        let Ok(targets) = targets(placing.to.callee(), placing.sips, ctx) else { return };
        let others = targets.into_iter().filter(|servers| !servers.iter().any(ringing)).collect();
        self.call(placing, others, ctx);
    }

    /// Calls these contacts, each at the first of its servers.
    fn call(
        &mut self,
        placing: &CallAttempt<'_>,
        targets: Vec<Vec<dialog::CallTarget>>,
        ctx: &mut CallContext<'_>,
    ) {
        let callee = placing.to.callee();
        let number = callee.number();
        let name = ctx.facts.world.directory.terminal(number).map(|terminal| terminal.name.clone());
        let security = match ctx.facts.world.directory.srtp(callee.terminal(), callee.trunk()) {
            Srtp::Optional => OfferedSecurity::None,
            Srtp::Required => OfferedSecurity::Keys,
            Srtp::Dtls => OfferedSecurity::Handshake,
        };
        let identity = match (callee, placing.withheld) {
            (Callee::Terminal(_) | Callee::Camera { .. }, false) => IdentityPrivacy::Shown,
            (Callee::Terminal(_) | Callee::Camera { .. }, true) => IdentityPrivacy::Withheld,
            (Callee::Trunk { .. }, false) => IdentityPrivacy::Asserted,
            (Callee::Trunk { .. }, true) => IdentityPrivacy::WithheldAsserted,
        };
        let room = CONTACTS_MAX.saturating_sub(self.legs.len());
        for servers in targets.into_iter().take(room) {
            let mut servers = servers.into_iter();
            let Some(target) = servers.next() else { continue };
            let servers: VecDeque<_> = servers.collect();
            let patience = patience(&servers);
            let call = Box::new(leg::OutgoingLeg {
                target,
                behalf: placing.behalf,
                caller: placing.caller.clone(),
                callee: Party {
                    number: number.to_string(),
                    params: callee.params().to_owned(),
                    display: name.clone(),
                    domain: None,
                },
                offer: placing.offer,
                identity,
                auto_answer: placing.auto_answer,
                security,
                patience,
                credentials: callee.trunk().and_then(|trunk| ctx.facts.world.credentials(trunk)),
            });
            let leg = ctx.call(self.owner.clone(), call.clone());
            self.legs.push(leg);
            self.servers.insert(leg, servers);
            self.calls.insert(leg, call);
        }
    }

    /// Another leg is to talk with whoever answers: what is called once more is called for it.
    pub fn on_behalf(&mut self, leg: LegId) {
        for call in self.calls.values_mut() {
            call.behalf = leg;
            call.offer = match call.offer {
                OfferedCodecs::For(_) => OfferedCodecs::For(leg),
                OfferedCodecs::WithPictures(_) => OfferedCodecs::WithPictures(leg),
                other @ (OfferedCodecs::Everything | OfferedCodecs::Theirs) => other,
            };
        }
    }

    /// Whether this leg is one of the phones.
    pub fn has(&self, leg: LegId) -> bool {
        self.legs.contains(&leg)
    }

    pub fn saved(&self, now: Now) -> SavedRinging {
        SavedRinging {
            number: self.number.clone(),
            until: now.unix_of(self.until),
            legs: self.legs.clone(),
            all_codecs: self.all_codecs.clone(),
            playing: self.playing.clone(),
            refusal: self.refusal,
            contacts: self.contacts.iter().map(|contact| contact.uri.clone()).collect(),
        }
    }

    /// The phones that were saved. None of them is called once more with other codecs, nor another server in
    /// its place.
    pub fn restored(now: Now, saved: &SavedRinging, owner: Owner) -> Self {
        Self {
            number: saved.number.clone(),
            until: now.instant_of(saved.until),
            legs: saved.legs.clone(),
            owner,
            calls: BTreeMap::new(),
            all_codecs: saved.all_codecs.clone(),
            servers: BTreeMap::new(),
            playing: saved.playing.clone(),
            refusal: saved.refusal,
            contacts: saved.contacts.iter().cloned().map(NameAddr::new).collect(),
        }
    }

    /// The phone whose early media are heard: that which began last (media-rules 14); none: ring-back.
    pub fn heard(&self) -> Option<LegId> {
        self.playing.last().copied()
    }

    /// What is heard of the phones before one answers.
    pub fn sound(&self) -> LegSource {
        self.heard().map_or(LegSource::RingBack, LegSource::Leg)
    }

    /// A phone is gone or sends nothing; what that means where there is ringing still.
    fn silence(&mut self, leg: LegId) -> ForkResult {
        let was_heard = self.heard() == Some(leg);
        self.playing.retain(|other| *other != leg);
        if was_heard { ForkResult::Silenced } else { ForkResult::Nothing }
    }

    /// Takes an event of one of the phones.
    pub fn on(&mut self, event: &leg::Event, ctx: &mut CallContext<'_>) -> ForkResult {
        match event {
            leg::Event::Ringing { .. } => ForkResult::Ringing,
            leg::Event::EarlyMedia { leg } => {
                self.playing.retain(|other| other != leg);
                self.playing.push(*leg);
                ForkResult::EarlyMedia(*leg)
            }
            leg::Event::EarlyMediaOver { leg } => self.silence(*leg),
            leg::Event::Answered { leg, spoken } => {
                self.legs.retain(|other| other != leg);
                self.call_off(Cause::AnsweredElsewhere, ctx);
                ForkResult::Answered(*leg, spoken.clone())
            }
            leg::Event::Refused { leg, cause: Cause::NoCommonCodec, .. }
                if self.widen(*leg, ctx) =>
            {
                self.silence(*leg)
            }
            leg::Event::Refused { leg, cause, status, contacts, .. } => {
                if *status == UNAVAILABLE && self.try_next_server(*leg, ctx) {
                    return self.silence(*leg);
                }
                self.note(*status, *cause);
                self.contacts.extend(contacts.iter().cloned());
                // 6xx speaks for the person, not for one phone (RFC 3261 §16.7 step 5).
                if *status >= 600 {
                    self.call_off(*cause, ctx);
                    return self.failed(*cause);
                }
                self.silence(*leg)
            }
            leg::Event::Ended { leg, cause, .. } => {
                self.legs.retain(|other| other != leg);
                let silenced = self.silence(*leg);
                if self.legs.is_empty() { self.failed(*cause) } else { silenced }
            }
            leg::Event::Offered { .. }
            | leg::Event::Confirmed { .. }
            | leg::Event::Held { .. }
            | leg::Event::Changed { .. }
            | leg::Event::Aligned { .. }
            | leg::Event::Dtmf { .. }
            | leg::Event::Health { .. }
            | leg::Event::Senses { .. }
            | leg::Event::Silent { .. }
            | leg::Event::Dropped { .. }
            | leg::Event::Info { .. }
            | leg::Event::InfoAnswered { .. }
            | leg::Event::Referred { .. }
            | leg::Event::Moved { .. } => ForkResult::Nothing,
        }
    }

    /// Whether this phone answered to codecs that the other side may lack: that one is to follow.
    pub fn offers_all_codecs(&self, leg: LegId) -> bool {
        self.all_codecs.contains(&leg)
    }

    /// Calls a phone that knows none of the other side's codecs once more, with all that we can
    /// (media-rules 1).
    fn widen(&mut self, refused: LegId, ctx: &mut CallContext<'_>) -> bool {
        let call = self.calls.remove(&refused);
        let Some(mut call) = call.filter(|call| {
            matches!(call.offer, OfferedCodecs::For(_) | OfferedCodecs::WithPictures(_))
        }) else {
            return false;
        };
        call.offer = OfferedCodecs::Everything;
        call.patience = None;
        let leg = ctx.call(self.owner.clone(), call);
        self.legs.push(leg);
        self.all_codecs.push(leg);
        true
    }

    /// A server that cannot be reached, or has no room, is not the last word while its name has others
    /// (RFC 3263 §4.3).
    fn try_next_server(&mut self, failed: LegId, ctx: &mut CallContext<'_>) -> bool {
        let Some(mut servers) = self.servers.remove(&failed) else { return false };
        let Some(mut call) = self.calls.remove(&failed) else { return false };
        let Some(target) = servers.pop_front() else { return false };
        call.target = target;
        call.patience = patience(&servers);
        let leg = ctx.call(self.owner.clone(), call.clone());
        self.legs.push(leg);
        self.servers.insert(leg, servers);
        self.calls.insert(leg, call);
        true
    }

    /// Ends all phones that still ring.
    pub fn call_off(&mut self, cause: Cause, ctx: &mut CallContext<'_>) {
        for leg in self.legs.drain(..) {
            ctx.hang_up(leg, cause);
        }
    }

    fn failed(&mut self, last: Cause) -> ForkResult {
        let cause = self.refusal.map_or(last, |(_, cause)| cause);
        ForkResult::Failed(cause, std::mem::take(&mut self.contacts))
    }

    /// Keeps the refusal that says most: of a person, then of a phone, then of the network.
    fn note(&mut self, status: u16, cause: Cause) {
        let weight = |status: u16| match status {
            600..=699 => 4,
            486 | 403 | 488 => 3,
            300..=399 => 2,
            400..=499 => 1,
            0..=299 | 500..=599 | 700.. => 0,
        };
        if self.refusal.is_none_or(|(kept, _)| weight(status) > weight(kept)) {
            self.refusal = Some((status, cause));
        }
    }
}

/// Where the callee's phones are, each with its servers; by sealed ways alone where the call is for a `sips:` URI.
fn targets(
    callee: &Callee,
    sips: bool,
    ctx: &CallContext<'_>,
) -> Result<Vec<Vec<dialog::CallTarget>>, Cause> {
    let mut targets = ctx.facts.world.targets(callee, ctx.leg_ids.minted());
    let nowhere = if targets.is_empty() { Cause::Unreachable } else { Cause::SipsNotAllowed };
    if sips {
        let is_sealed = |server: &dialog::CallTarget| server.destination.transport().is_secure();
        targets.iter_mut().for_each(|servers| servers.retain(is_sealed));
        targets.retain(|servers| !servers.is_empty());
    }
    if targets.is_empty() { Err(nowhere) } else { Ok(targets) }
}

/// How long a server may be silent while these may be tried in its place.
fn patience(others: &VecDeque<dialog::CallTarget>) -> Option<Duration> {
    (!others.is_empty()).then_some(PATIENCE)
}
