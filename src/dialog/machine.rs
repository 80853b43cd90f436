//! All dialogs: whose an input is, and what is due when.
//!
//! ```text
//!   call:      Calling ── 1xx: early dialogs ── 2xx: ACK ──▶ Established ── BYE ──▶ Over
//!   incoming:  Ringing ── 1xx, PRACK ────────── 200 ───────▶ Established     (until all is answered)
//!   either:    ── refusal, CANCEL, lost PRACK, lost ACK, no refresh ──▶ Over
//! ```

use super::context::DialogContext;
use super::credentials::TrunkCredentials;
use super::effect::{Effect, EndingSide, Event};
use super::input::{Command, IncomingInvite, Input};
use super::saved::SavedDialog;
use super::session::InviteSession;
use super::settings::Settings;
use super::stored::StoredDialog;
use super::transactions::Owners;
use crate::cause::Cause;
use crate::ids::LegId;
use crate::random::{KeyedMap, Random, take_out};
use crate::sip::{
    Destination, Flow, HeaderName, Network, OwnAddresses, Realms, Request, Response, StatusCode,
};
use crate::time::{Instant, Now};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
/// So many times as many legs may be over as may be up.
const OVER_MAX: usize = 4;

/// All dialogs.
#[derive(Debug)]
pub struct Machine {
    settings: Settings,
    random: Random,
    owners: Owners,
    sessions: KeyedMap<LegId, SessionEntry>,
    /// How many of them only wait for late messages.
    over: usize,
    /// Our tags, each chosen by us for one leg.
    by_tag: KeyedMap<String, LegId>,
    timers: BTreeSet<(Instant, LegId)>,
    /// In which realms trunks are answered, by name: what one asks for in one call is known in the next.
    realms: BTreeMap<String, Realms>,
    /// The legs whose dialogs may have changed.
    changed: Vec<LegId>,
}

#[derive(Debug)]
struct SessionEntry {
    session: Box<InviteSession>,
    armed: Option<Instant>,
    /// It is counted among those that are over.
    over: bool,
}

impl Machine {
    /// No dialogs yet.
    #[must_use]
    pub fn new(settings: Settings, mut random: Random) -> Self {
        Self {
            settings,
            owners: Owners::new(&mut random),
            sessions: HashMap::with_hasher(random.map_keys()),
            over: 0,
            by_tag: HashMap::with_hasher(random.map_keys()),
            timers: BTreeSet::new(),
            realms: BTreeMap::new(),
            changed: Vec::new(),
            random,
        }
    }

    /// Under which addresses we are reached.
    #[must_use]
    pub fn own(&self) -> &OwnAddresses {
        &self.settings.own
    }

    /// Packets leave from other addresses of ours from now on; dialogs that stand keep their Contact.
    pub fn set_routes(&mut self, routes: Vec<(Network, IpAddr)>) {
        self.settings.own.set_routes(routes);
    }

    /// How many dialogs there are, those included that only wait for late messages.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sessions.len()
    }

    /// Whose an in-dialog request is: Call-ID and both tags decide (§12.2.2).
    #[must_use]
    pub fn find(&self, request: &Request) -> Option<LegId> {
        let headers = &request.headers;
        let from_tag = headers.from_tag().unwrap_or_default();
        let entry = self.find_entry(headers.call_id().ok()?, headers.to_tag()?, from_tag)?;
        Some(entry.session.leg())
    }

    /// Whether there is a dialog of this name, ours the tag of To in what comes.
    #[must_use]
    pub fn knows(&self, call_id: &str, ours: &str, theirs: &str) -> bool {
        self.find_entry(call_id, ours, theirs).is_some()
    }

    /// Whether this request within a dialog comes by a flow by which the dialog's peer is known to speak.
    /// What comes from elsewhere has to be proved before it is given to the dialog.
    #[must_use]
    pub fn is_known(&self, request: &Request, flow: &Flow) -> bool {
        let headers = &request.headers;
        let (call_id, ours) = (headers.call_id().unwrap_or_default(), headers.to_tag());
        let theirs = headers.from_tag().unwrap_or_default();
        let entry = self.find_entry(call_id, ours.unwrap_or_default(), theirs);
        entry.is_some_and(|entry| entry.session.is_known(theirs, flow))
    }

    /// Whose tag of ours this is.
    #[must_use]
    pub fn leg_of(&self, tag: &str) -> Option<LegId> {
        self.by_tag.get(tag).copied()
    }

    /// Which leg a Replaces header means (RFC 3891 §3); never one that is over.
    #[must_use]
    pub fn find_replaces(&self, call_id: &str, to_tag: &str, from_tag: &str) -> Option<LegId> {
        let entry = self.find_entry(call_id, to_tag, from_tag)?;
        (!entry.session.is_over()).then(|| entry.session.leg())
    }

    /// The legs whose dialogs may have changed since they were last asked for, some of them more than once.
    pub fn take_changed(&mut self) -> std::vec::Drain<'_, LegId> {
        self.changed.drain(..)
    }

    /// Where the requests of one go.
    #[must_use]
    pub fn destination(&self, leg: LegId) -> Option<Destination> {
        self.sessions.get(&leg).map(|entry| entry.session.destination())
    }

    /// Where the dialogs' requests go, in no order.
    pub fn destinations(&self) -> impl Iterator<Item = Destination> {
        self.sessions.values().map(|entry| entry.session.destination())
    }

    /// The dialog of a leg in writing, while it is established.
    #[must_use]
    pub fn stored(&self, leg: LegId) -> Option<StoredDialog> {
        self.sessions.get(&leg)?.session.stored()
    }

    /// The dialog of a leg as a value, to be put back by [`restore`](Self::restore); none while anything of
    /// it is under way.
    #[must_use]
    pub fn save(&self, now: Now, leg: LegId) -> Option<SavedDialog> {
        self.sessions.get(&leg)?.session.saved(now, &self.realms)
    }

    /// What is settled of the dialog of a leg, as a value; none where what was saved before holds.
    #[must_use]
    pub fn save_settled(&self, now: Now, leg: LegId) -> Option<SavedDialog> {
        self.sessions.get(&leg)?.session.settled(now, &self.realms)
    }

    /// Whether an offer of the peer waits for its answer, in a request within its dialog.
    #[must_use]
    pub fn is_reoffered(&self, leg: LegId) -> bool {
        self.sessions.get(&leg).is_some_and(|entry| entry.session.is_reoffered())
    }

    /// Whether the dialog of a leg is established, and nothing of it is under way.
    #[must_use]
    pub fn is_quiet(&self, leg: LegId) -> bool {
        self.sessions.get(&leg).is_some_and(|entry| entry.session.is_quiet())
    }

    /// Whether somebody is hung up on who has not been told: a BYE waits for an ACK.
    #[must_use]
    pub fn owes_bye(&self) -> bool {
        self.sessions.values().any(|entry| entry.session.owes_bye())
    }

    /// Saves the dialog of a leg and forgets it, without a word to its peer.
    #[must_use]
    pub fn take(&mut self, now: Now, leg: LegId) -> Option<SavedDialog> {
        let saved = self.save(now, leg)?;
        let entry = take_out(&mut self.sessions, &leg)?;
        take_out(&mut self.by_tag, entry.session.local_tag());
        if let Some(at) = entry.armed {
            self.timers.remove(&(at, leg));
        }
        self.owners.forget(leg);
        Some(saved)
    }

    /// Puts a dialog back that was saved, here or in another process; `login` is as whom its trunk knows us
    /// now.
    ///
    /// # Panics
    /// When its leg has a dialog: each leg has one only.
    pub fn restore(&mut self, now: Now, saved: SavedDialog, login: Option<TrunkCredentials>) {
        assert!(!self.sessions.contains_key(&saved.leg), "a dialog is put back in its own place");
        let mut out = Vec::new();
        let mut cx = self.context(now.instant, saved.leg, &mut out);
        let session = InviteSession::restored(&mut cx, now, saved, login);
        self.enter(session);
    }

    fn find_entry(&self, call_id: &str, ours: &str, theirs: &str) -> Option<&SessionEntry> {
        let entry = self.sessions.get(self.by_tag.get(ours)?)?;
        entry.session.is_named(call_id, theirs).then_some(entry)
    }

    /// Takes one input and returns all that follows from it.
    #[must_use]
    pub fn handle(&mut self, now: Instant, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        match input {
            Input::Incoming(incoming) => self.incoming(now, incoming, &mut out),
            Input::Request { transaction, flow, request } => match self.find(&request) {
                Some(leg) => self.with(now, leg, &mut out, |session, cx| {
                    session.on_request(cx, transaction, flow, request);
                }),
                None => {
                    let mut response = request.response(StatusCode::CALL_DOES_NOT_EXIST);
                    response.headers.set_to_tag(&self.random.hex(16));
                    out.push(Effect::Respond { transaction, response });
                }
            },
            Input::Ack { believed, request } => {
                if let Some(leg) = self.find(&request) {
                    self.with(now, leg, &mut out, |session, cx| {
                        session.on_ack(cx, believed, &request);
                    });
                }
            }
            Input::Cancelled { transaction, reason } => {
                if let Some(leg) = self.owners.invites.get(&transaction).copied() {
                    self.with(now, leg, &mut out, |session, cx| {
                        session.on_cancel(cx, transaction, reason);
                    });
                }
            }
            Input::Response { transaction, response } => {
                if let Some(leg) = self.owners.clients.get(&transaction).copied() {
                    self.with(now, leg, &mut out, |session, cx| {
                        session.on_response(cx, transaction, &response);
                    });
                }
            }
            Input::Unremembered { response, flow, reason } => {
                self.unremembered(now, (flow, &response), &reason, &mut out);
            }
            Input::Failed { transaction, why } => {
                if let Some(leg) = self.owners.clients.get(&transaction).copied() {
                    self.with(now, leg, &mut out, |session, cx| {
                        session.on_failure(cx, transaction, why);
                    });
                }
            }
            Input::NoAck { transaction } => {
                if let Some(leg) = take_out(&mut self.owners.invites, &transaction) {
                    self.with(now, leg, &mut out, |session, cx| session.on_lost(cx, transaction));
                }
            }
            Input::Command { leg, command } => self.command(now, leg, command, &mut out),
            Input::Realms { trunk, realms } => self.realms.entry(trunk).or_default().join(&realms),
            Input::Farewell { dialog, reason } => {
                let (to, bye) = dialog.bye(&reason, &self.settings);
                let transaction = self.owners.mint();
                out.push(Effect::Request { transaction, to, request: bye });
            }
        }
        out
    }

    /// §13.2.2.4: each 2xx gets its ACK, and a session that nobody wants its BYE.
    fn unremembered(
        &mut self,
        now: Instant,
        (flow, response): (Flow, &Response),
        reason: &str,
        out: &mut Vec<Effect>,
    ) {
        let (call_id, headers) =
            (response.headers.call_id().unwrap_or_default(), &response.headers);
        let (ours, theirs) = (headers.from_tag().unwrap_or_default(), headers.to_tag());
        let known = self.find_entry(call_id, ours, theirs.unwrap_or_default());
        if let Some(leg) = known.map(|entry| entry.session.leg()) {
            return self.with(now, leg, out, |session, cx| session.on_copied_success(cx, response));
        }
        let Some(dialog) = StoredDialog::of_success(response, flow) else { return };
        let (to, ack) = dialog.ack(&self.settings);
        out.push(Effect::Forward { to, request: ack });
        let (to, bye) = dialog.bye(reason, &self.settings);
        let transaction = self.owners.mint();
        out.push(Effect::Request { transaction, to, request: bye });
    }

    fn command(&mut self, now: Instant, leg: LegId, command: Command, out: &mut Vec<Effect>) {
        match command {
            Command::Call(call) => {
                assert!(!self.sessions.contains_key(&leg), "a call has a leg of its own");
                let session = InviteSession::calling(&mut self.context(now, leg, out), *call);
                self.enter(session);
            }
            other => self.with(now, leg, out, |session, cx| session.command(cx, other)),
        }
    }

    fn incoming(&mut self, now: Instant, incoming: IncomingInvite, out: &mut Vec<Effect>) {
        let IncomingInvite { leg, transaction, .. } = incoming;
        assert!(!self.sessions.contains_key(&leg), "an INVITE has a leg of its own");
        let full = self.is_full();
        self.owners.invites.insert(transaction, leg);
        let mut cx = self.context(now, leg, out);
        if full {
            let mut response = incoming.request.response(StatusCode::SERVICE_UNAVAILABLE);
            response.headers.set_to_tag(&cx.random.hex(16));
            response.headers.push(HeaderName::RetryAfter, 1 + cx.random.below(10));
            cx.respond(transaction, response);
            let by = EndingSide::Us;
            cx.tell(Event::Ended { cause: Cause::Overloaded, by, reason: None });
        } else if let Some(session) = InviteSession::ringing(&mut cx, incoming) {
            self.enter(session);
        }
    }

    fn enter(&mut self, session: InviteSession) {
        let leg = session.leg();
        self.by_tag.insert(session.local_tag().to_owned(), leg);
        self.sessions
            .insert(leg, SessionEntry { session: Box::new(session), armed: None, over: false });
        self.settle(leg);
    }

    /// A call that is over waits 32 s for late messages, and is not in the way of another until there are
    /// very many.
    fn is_full(&self) -> bool {
        let most = self.settings.legs_max;
        self.sessions.len() - self.over >= most || self.over >= OVER_MAX.saturating_mul(most)
    }

    fn context<'a>(
        &'a mut self,
        now: Instant,
        leg: LegId,
        out: &'a mut Vec<Effect>,
    ) -> DialogContext<'a> {
        let (settings, random, owners) = (&self.settings, &mut self.random, &mut self.owners);
        let realms = &mut self.realms;
        DialogContext { leg, now, settings, random, owners, realms, out }
    }

    /// Lets the session of `leg` do something; one that is gone does nothing.
    fn with(
        &mut self,
        now: Instant,
        leg: LegId,
        out: &mut Vec<Effect>,
        act: impl FnOnce(&mut InviteSession, &mut DialogContext<'_>),
    ) {
        let (settings, random, owners) = (&self.settings, &mut self.random, &mut self.owners);
        let realms = &mut self.realms;
        let mut cx = DialogContext { leg, now, settings, random, owners, realms, out };
        if let Some(entry) = self.sessions.get_mut(&leg) {
            act(&mut entry.session, &mut cx);
            self.settle(leg);
        }
    }

    /// Puts the session's deadline into the order of timers, or forgets what is over.
    fn settle(&mut self, leg: LegId) {
        if self.changed.last() != Some(&leg) {
            self.changed.push(leg);
        }
        let Some(entry) = self.sessions.get_mut(&leg) else {
            return;
        };
        let deadline = entry.session.deadline();
        if entry.armed != deadline {
            if let Some(at) = entry.armed {
                self.timers.remove(&(at, leg));
            }
            if let Some(at) = deadline {
                self.timers.insert((at, leg));
            }
            entry.armed = deadline;
        }
        if entry.session.is_over() && !entry.over {
            entry.over = true;
            self.over += 1;
        }
        if entry.session.is_finished() {
            self.over -= usize::from(entry.over);
            take_out(&mut self.by_tag, entry.session.local_tag());
            if let Some(at) = entry.armed {
                self.timers.remove(&(at, leg));
            }
            take_out(&mut self.sessions, &leg);
        }
    }

    /// The next moment at which [`tick`](Self::tick) has work to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Fires the timers that are due at `now`.
    #[must_use]
    pub fn tick(&mut self, now: Instant) -> Vec<Effect> {
        let mut out = Vec::new();
        while let Some((_, leg)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.with(now, leg, &mut out, InviteSession::tick);
        }
        out
    }
}
