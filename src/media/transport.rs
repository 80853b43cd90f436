//! One transport: where the peer's packets come from and ours go, and the keys of both directions. The
//! streams on it have that in common.
//!
//! ```text
//!   socket ──▶ first byte ──▶ opened ──▶ latch ──▶ stream
//!                  ├── check of ICE ──▶ answered; the chosen address is latched
//!                  └── DTLS of a checked address ──▶ handshakes ── flight ──▶ latched address
//!   socket ◀── sealed ◀── trust: full, sparing, none ◀── stream
//! ```

use super::checks::{CheckLimiter, ProvenChecks};
use super::consent::Consent;
use super::demultiplex::Protocol;
use super::dropped::Dropped;
use super::latch::{Candidates, Latch, LatchVerdict, ReportLatch, SavedLatch};
use super::outgoing::{Channel, Exit, Outgoing};
use super::path::MediaPath;
use super::plan::{Protection, TransportPlan, Trust};
use super::srtp_context::{SavedSrtp, SrtpContext, StreamSeat};
use crate::ids::PortId;
use crate::rtp::RtpHeader;
use crate::stun::{self, BindingRequest, CheckRefusal};
use crate::time::{Duration, Instant, Now, UnixTime};
use std::net::{IpAddr, SocketAddr};

/// Between two packets to an address that is trusted sparingly.
const SPARING_INTERVAL: Duration = Duration::from_millis(400);
/// Datagrams of a flight that wait for an address.
const FLIGHT_MAX: usize = 8;

/// One transport.
#[derive(Debug)]
pub struct MediaTransport {
    /// Its socket.
    pub id: PortId,
    /// What was negotiated.
    pub plan: TransportPlan,
    /// What was not taken and not reported yet.
    pub dropped: Dropped,
    /// The address of the peer's RTP.
    latch: Latch,
    /// And of its RTCP.
    report_latch: ReportLatch,
    /// The address of ours that the peer's packets come to, as far as the socket says it.
    local: Option<IpAddr>,
    /// Its seal, where it has one.
    srtp_context: Option<Box<SrtpContext>>,
    /// Two streams are on it.
    carries_two: bool,
    /// When it was last sent something on [`Trust::Sparing`].
    spared_at: Option<Instant>,
    /// Of those from elsewhere, and of those from where the peer is known to be: a stranger's spend none of its own.
    checks: CheckLimiter,
    known_checks: CheckLimiter,
    proven_checks: ProvenChecks,
    /// Where the peer agrees to get packets.
    consent: Consent,
    /// What the handshake has sent last, as long as there is no address for it.
    flight: Vec<Vec<u8>>,
}

/// A transport as a value, its socket and its plan aside.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SavedTransport {
    /// Where the peer's RTP comes from.
    pub latch: SavedLatch,
    /// And its RTCP.
    pub report_latch: SavedLatch,
    /// The address of ours that they come to.
    pub local: Option<IpAddr>,
    /// How far its keys are used up, where it is sealed.
    pub srtp: Option<SavedSrtp>,
    /// What was not taken and not reported yet.
    pub dropped: Dropped,
    /// When it was last sent something on [`Trust::Sparing`].
    pub spared_at: Option<UnixTime>,
    /// Where the peer agrees to get packets.
    pub consent: Consent<UnixTime>,
    /// Its checks that were proven.
    pub proven_checks: ProvenChecks,
}

impl MediaTransport {
    /// The keys of both directions at work, where it is sealed.
    #[must_use]
    pub fn srtp_context(&self) -> Option<&SrtpContext> {
        self.srtp_context.as_deref()
    }

    /// The same, to be changed.
    pub fn srtp_context_mut(&mut self) -> Option<&mut SrtpContext> {
        self.srtp_context.as_deref_mut()
    }

    /// Which of its streams has this number.
    #[must_use]
    pub fn seat(&self, stream: PortId) -> StreamSeat {
        if stream == self.id { StreamSeat::Own } else { StreamSeat::Beside }
    }

    /// A second stream comes, or goes.
    pub fn carry_two(&mut self, two: bool) {
        self.carries_two = two;
        if let Some(srtp_context) = &mut self.srtp_context {
            srtp_context.carry_two(two);
        }
    }

    /// Goes on with a second stream as far as it was saved with the transport.
    pub fn restore_beside(&mut self, saved: SavedTransport) {
        if let Some(srtp_context) = &mut self.srtp_context {
            srtp_context.restore_beside(saved.srtp.unwrap_or_else(SrtpContext::spent));
        }
    }

    /// As a value, for one of its streams.
    #[must_use]
    pub fn saved(&self, now: Now, stream: PortId) -> SavedTransport {
        let seat = self.seat(stream);
        SavedTransport {
            latch: self.latch.saved(now),
            report_latch: self.report_latch.saved(now),
            local: self.local,
            srtp: self.srtp_context.as_deref().map(|srtp_context| srtp_context.saved(seat)),
            dropped: self.dropped,
            spared_at: self.spared_at.map(|at| now.unix_of(at)),
            consent: self.consent.saved(now),
            proven_checks: self.proven_checks.clone(),
        }
    }

    /// The one that was saved. Its keys go on behind what is said of them; where nothing is said they seal
    /// nothing.
    #[must_use]
    pub fn restored(id: PortId, plan: TransportPlan, now: Now, saved: SavedTransport) -> Self {
        let SavedTransport {
            latch,
            report_latch,
            local,
            srtp,
            dropped,
            spared_at,
            consent,
            proven_checks,
        } = saved;
        Self {
            id,
            dropped,
            latch: Latch::restored(now, candidates(&plan), latch),
            report_latch: ReportLatch::restored(now, report_candidates(&plan), report_latch),
            local,
            srtp_context: {
                let srtp = srtp.unwrap_or_else(SrtpContext::spent);
                SrtpContext::restored(&plan.protection, srtp)
            },
            spared_at: spared_at.map(|at| now.instant_of(at)),
            carries_two: false,
            checks: CheckLimiter::default(),
            known_checks: CheckLimiter::default(),
            proven_checks,
            consent: Consent::restored(now, consent),
            flight: Vec::new(),
            plan,
        }
    }

    /// One that has sent and heard nothing.
    #[must_use]
    pub fn new(id: PortId, plan: TransportPlan, now: Instant) -> Self {
        let mut latch = Latch::new(now, candidates(&plan));
        if let Some(remote) = plan.latched {
            latch.restore(now, remote);
        }
        Self {
            id,
            dropped: Dropped::default(),
            latch,
            report_latch: ReportLatch::new(now, report_candidates(&plan)),
            local: None,
            srtp_context: SrtpContext::follow(None, &plan.protection),
            spared_at: None,
            carries_two: false,
            checks: CheckLimiter::default(),
            known_checks: CheckLimiter::default(),
            proven_checks: ProvenChecks::default(),
            consent: Consent::default(),
            flight: Vec::new(),
            plan,
        }
    }

    /// Takes up another plan.
    pub fn replan(&mut self, now: Instant, plan: TransportPlan) {
        // Where checks alone prove an address it is proven wherever the signalling comes from.
        if !(plan.handshake && self.plan.handshake) {
            self.latch.set_candidates(now, candidates(&plan));
            self.report_latch.set_candidates(now, report_candidates(&plan));
        }
        self.srtp_context = SrtpContext::follow(self.srtp_context.take(), &plan.protection);
        self.carry_two(self.carries_two);
        if !plan.handshake {
            // Nobody checks, and so nobody agrees.
            (self.consent, self.flight) = (Consent::default(), Vec::new());
        }
        self.plan = plan;
    }

    /// What came to one of the sockets, as far as it is passed on: all else is counted.
    pub fn demultiplex(&mut self, channel: Channel, bytes: &[u8]) -> Option<Protocol> {
        let protocol = Protocol::of(bytes);
        let is_expected = match protocol {
            Some(Protocol::Rtp | Protocol::Rtcp | Protocol::Stun) => true,
            Some(Protocol::Dtls) => self.plan.handshake && channel == Channel::Rtp,
            None => false,
        };
        self.dropped.malformed += u64::from(!is_expected);
        protocol.filter(|_| is_expected)
    }

    /// Gives DTLS to the handshakes, where it comes from a place that a check has proven.
    pub fn give_up(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
        out: &mut impl Outgoing,
    ) {
        if self.is_latched_to(from) || self.consent.covers(now, from) {
            out.handshake(self.id, datagram);
        } else {
            self.dropped.wrong_source += 1;
        }
    }

    /// Sends what the handshake says, in place of what it said before; it waits for an address if there is none.
    pub fn send_flight(&mut self, datagrams: Vec<Vec<u8>>, out: &mut impl Outgoing) {
        self.flight = datagrams;
        self.flight.truncate(FLIGHT_MAX);
        self.send_held_flight(out);
    }

    fn send_held_flight(&mut self, out: &mut impl Outgoing) {
        if !self.plan.handshake || self.consent.is_lost() {
            self.flight.clear();
        }
        let Some(to) = self.latch.remote().filter(|_| self.latch.is_latched()) else { return };
        let path = self.path_to(to);
        self.flight.drain(..).for_each(|datagram| out.send(self.id, Channel::Rtp, path, &datagram));
    }

    /// Whether something of the handshake waits for an address.
    #[must_use]
    pub fn holds_flight(&self) -> bool {
        !self.flight.is_empty()
    }

    /// When the peer's consent ends without a further check.
    #[must_use]
    pub fn consent_due(&self) -> Option<Instant> {
        self.consent.due()
    }

    /// Whether the peer's consent has ended now; said once.
    pub fn loses_consent(&mut self, now: Instant) -> bool {
        self.consent.lapse(now)
    }

    /// Answers a connectivity check of the peer, and takes up the address that it chooses; whether RTP goes elsewhere from
    /// now on. What is no check under our name and password, or was one before from
    /// elsewhere, is counted, and nothing is said to it.
    pub fn check(
        &mut self,
        now: Instant,
        (channel, path): (Channel, MediaPath),
        packet: &[u8],
        exit: &mut Exit<'_, impl Outgoing>,
    ) -> bool {
        let from = path.remote;
        let is_known = self.is_latched_to(from) || self.consent.covers(now, from);
        let limiter = if is_known { &mut self.known_checks } else { &mut self.checks };
        let request = self.plan.ice.as_ref().filter(|_| limiter.admits(now)).and_then(|ours| {
            let request = BindingRequest::parse(packet).ok()?;
            request.is_for(ours).then_some((request, ours))
        });
        let Some((request, ours)) = request else {
            self.dropped.stun += 1;
            return false;
        };
        let refusal = if !request.unknown().is_empty() {
            Some(CheckRefusal::UnknownAttribute)
        } else {
            request.is_controlled().then_some(CheckRefusal::RoleConflict)
        };
        // Who has heard no answer asks again from the same place, and nobody from another.
        if refusal.is_none() && !self.proven_checks.is_first(request.id()) && !is_known {
            self.dropped.stun += 1;
            return false;
        }
        match refusal {
            Some(refusal) => stun::refuse(&request, refusal, &ours.password, exit.scratch),
            None => stun::accept(&request, from, &ours.password, exit.scratch),
        }
        exit.out.send(self.id, channel, path, exit.scratch);
        if refusal.is_none() && self.plan.handshake {
            self.consent.renew(now, from);
        }
        // As long as none is chosen, or the peer agrees no longer to the one that is, one from where it can be reached will do.
        let latched = self.latch.remote().filter(|_| self.latch.is_latched());
        let holds = |at| !self.plan.handshake || self.consent.covers(now, at);
        let is_moved = match channel {
            _ if refusal.is_some() => false,
            Channel::Rtp if request.nominates() || !latched.is_some_and(holds) => {
                let is_moved = self.latch.nominate(now, from);
                self.note_local(path);
                is_moved
            }
            Channel::Rtcp if request.nominates() || !self.report_latch.is_latched() => {
                self.report_latch.nominate(now, from);
                false
            }
            Channel::Rtp | Channel::Rtcp => false,
        };
        self.send_held_flight(exit.out);
        is_moved
    }

    /// Opens a packet; its length, or `None` when it is not the peer's.
    pub fn open_rtp(&mut self, bytes: &mut [u8]) -> Option<usize> {
        let len = match &mut self.srtp_context {
            Some(srtp_context) => srtp_context.unprotect.unprotect_rtp(bytes),
            None => self.is_clear().then_some(bytes.len()),
        };
        self.unprotected(len)
    }

    /// Opens a report; `None` when it is not the peer's.
    pub fn open_rtcp<'a>(&mut self, bytes: &'a mut [u8]) -> Option<&'a [u8]> {
        let len = match &mut self.srtp_context {
            Some(srtp_context) => srtp_context.unprotect.unprotect_rtcp(bytes),
            None => self.is_clear().then_some(bytes.len()),
        };
        let len = self.unprotected(len)?;
        Some(&bytes[..len])
    }

    /// Counts what could not be opened.
    fn unprotected(&mut self, opened: Option<usize>) -> Option<usize> {
        self.dropped.unsealed += u64::from(opened.is_none());
        opened
    }

    /// Whether an RTP packet of a negotiated payload type is the peer's.
    pub fn judge(&mut self, now: Instant, path: MediaPath, header: &RtpHeader) -> LatchVerdict {
        let RtpHeader { ssrc, sequence, .. } = *header;
        let from = path.remote;
        let verdict = if self.is_clear() {
            self.latch.judge(now, from, ssrc, sequence)
        } else if self.plan.handshake && !self.consent.covers(now, from) {
            // It is the peer's by its seal; that ours may go there a check alone can say.
            LatchVerdict::Accept
        } else {
            self.latch.believe(now, from, ssrc, sequence)
        };
        if verdict == LatchVerdict::Refuse {
            // The first packets of a peer that has to prove itself are refused, too.
            let is_wrong_source = self.latch.is_latched() || self.latch.is_wrong_source(from);
            self.dropped.wrong_source += u64::from(is_wrong_source);
        } else {
            self.note_local(path);
        }
        verdict
    }

    /// Whether a well-formed report is the peer's.
    pub fn judge_report(&mut self, now: Instant, path: MediaPath) -> bool {
        let from = path.remote;
        // What shares the way of RTP needs no other proof.
        let is_known =
            self.plan.mux && (self.is_latched_to(from) || self.consent.covers(now, from));
        let is_peers = is_known || self.report_latch.judge(now, from) != LatchVerdict::Refuse;
        self.dropped.wrong_source += u64::from(!is_peers);
        if is_peers {
            self.note_local(path);
        }
        is_peers
    }

    /// Ours leave from where the peer's come to. One that is the peer's by its seal alone may have been caught, and be sent
    /// by anybody.
    fn note_local(&mut self, path: MediaPath) {
        let from = path.remote;
        if path.local.is_some()
            && path.local != self.local
            && (self.is_latched_to(from) || self.report_latch.remote() == Some(from))
        {
            self.local = path.local;
        }
    }

    /// The way to this address of the peer: from where its packets come to; before any came, from what it was told.
    fn path_to(&self, remote: SocketAddr) -> MediaPath {
        MediaPath { local: self.local.or(self.plan.local), remote }
    }

    /// Whether this is the place from which the peer's RTP has been proven to come.
    #[must_use]
    pub fn is_latched_to(&self, from: SocketAddr) -> bool {
        self.latch.is_latched() && self.latch.remote() == Some(from)
    }

    /// How much may be sent: what the leg says, or everything once the peer has been heard where ours goes;
    /// nothing before the keys are there, and nothing that the peer does not agree to.
    #[must_use]
    pub fn trust(&self) -> Trust {
        if self.plan.protection == Protection::Awaited || self.consent.is_lost() {
            return Trust::None;
        }
        let heard = self.latch.is_latched() || self.report_latch.is_latched();
        if heard { Trust::Full } else { self.plan.trust }
    }

    /// Where RTP goes; `None` as long as nobody has said.
    #[must_use]
    pub fn remote(&self) -> Option<SocketAddr> {
        self.latch.remote()
    }

    /// Where a packet may go now.
    pub fn target(&mut self, now: Instant) -> Option<SocketAddr> {
        if self.trust() == Trust::Sparing {
            // A packet asks for its target at more than one station, always with the same time.
            let due = |at: Instant| at == now || now.since(at) >= SPARING_INTERVAL;
            if !self.spared_at.is_none_or(due) {
                return None;
            }
            self.spared_at = Some(now);
        }
        self.latch.remote()
    }

    /// Whether packets are sent as they are: a seal makes them longer.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.plan.protection == Protection::Clear
    }

    /// Seals and sends the packet in the scratch buffer.
    pub fn send(&mut self, of: PortId, to: SocketAddr, exit: &mut Exit<'_, impl Outgoing>) {
        let seat = self.seat(of);
        if let Some(srtp_context) = &mut self.srtp_context {
            srtp_context.protect_mut(seat).protect_rtp(exit.scratch);
            if self.is_held_back(seat, exit.scratch, exit.out) {
                return;
            }
        }
        exit.out.send(self.id, Channel::Rtp, self.path_to(to), exit.scratch);
    }

    /// Whether what was to be sealed may not go out yet. Asks in time for the ledger to be written.
    fn is_held_back(&mut self, seat: StreamSeat, sealed: &[u8], out: &mut impl Outgoing) -> bool {
        let Some(srtp_context) = &self.srtp_context else { return false };
        let is_held_back = sealed.is_empty();
        if is_held_back || srtp_context.protect(seat).is_far_ahead() {
            out.want_ledger();
        }
        self.dropped.held_back += u64::from(is_held_back);
        is_held_back
    }

    /// Sends a packet as it is, where none is sealed.
    pub fn send_clear(&self, to: SocketAddr, packet: &[u8], out: &mut impl Outgoing) {
        out.send(self.id, Channel::Rtp, self.path_to(to), packet);
    }

    /// Seals and sends the report that is written in the packet, where it may go.
    pub fn send_report(&mut self, of: PortId, packet: &mut Vec<u8>, out: &mut impl Outgoing) {
        if self.trust() == Trust::None {
            return;
        }
        let (channel, to) = if self.plan.mux {
            (Channel::Rtp, self.latch.remote())
        } else {
            (Channel::Rtcp, self.report_latch.remote())
        };
        let Some(to) = to else { return };
        let seat = self.seat(of);
        if let Some(srtp_context) = &mut self.srtp_context {
            srtp_context.protect_mut(seat).protect_rtcp(packet);
            if self.is_held_back(seat, packet, out) {
                return;
            }
        }
        out.send(self.id, channel, self.path_to(to), packet);
    }

    /// What was not taken since this was last asked, if anything was.
    pub fn take_dropped(&mut self) -> Option<Dropped> {
        let dropped = std::mem::take(&mut self.dropped);
        (dropped != Dropped::default()).then_some(dropped)
    }
}

fn candidates(plan: &TransportPlan) -> Candidates {
    Candidates { sdp: plan.remote, signalling: plan.signalling_ip, behind_nat: plan.behind_nat }
}

fn report_candidates(plan: &TransportPlan) -> Candidates {
    // RFC 3605; without it, one port above.
    let above = plan.remote.map(|rtp| SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1)));
    let own = plan.remote_rtcp.or(above);
    Candidates { sdp: if plan.mux { plan.remote } else { own }, ..candidates(plan) }
}
