//! Where a peer's packets come from, and so where ours go (RFC 4961, RFC 7362).
//!
//! ```text
//!              the first from exactly the address in SDP
//!   Waiting ───────────────────────────────────────────────▶ Latched ── new SDP ──▶ Waiting
//!   sends to   2 in sequence from where a NAT may send        │   ▲   ── the named one ──▶ at once
//!   SDP                                                       └───┘   ── 2 s of silence, then
//!                                                                        2 in sequence ──▶ moves
//! ```
//!
//! The address in SDP has the best claim: from there a packet is the peer's at once and keeps the place.
//! Any other port of the same IP has to wait until the named one is silent, and once that one has been
//! heard it belongs to a neighbour, unless the signalling shows that a NAT rewrites the peer's
//! addresses. Phones that send from another port than they receive at (against RFC 4961) are heard
//! so, since nothing ever comes from what they name. Nothing else is heard, nothing is ever sent
//! elsewhere: who guesses a port number can neither listen nor speak.

use crate::time::{Duration, Instant, Now, UnixTime};
use std::net::{IpAddr, SocketAddr};

/// After this long without a packet, another place with a claim may take the stream over.
pub const LATCH_QUIET: Duration = Duration::from_secs(2);
/// As [`LATCH_QUIET`], for RTCP, of which there is one packet in 5 s.
const REPORT_QUIET: Duration = Duration::from_secs(15);
/// For so long a place that is not named and that no NAT explains has to speak without a gap, before a
/// word of the named one: a phone's own first packet has come by then.
const PATIENCE: Duration = Duration::from_millis(200);

/// Who may be the peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Candidates {
    /// What SDP says, and where packets go until better is known.
    pub sdp: Option<SocketAddr>,
    /// Where the peer's SIP comes from.
    pub signalling: IpAddr,
    /// The signalling shows that a NAT rewrites the peer's addresses.
    pub behind_nat: bool,
}

/// How good a claim to be the peer a place has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum LatchClaim {
    /// SDP names exactly this.
    Named,
    /// A NAT sends from here what SDP names by an address behind it; or nothing is named.
    Likely,
    /// The same IP as named, another port, and a NAT may have changed it.
    Beside,
    /// The same IP as named, another port, and nothing explains it.
    Odd,
    /// None.
    WrongSource,
}

impl Candidates {
    fn claim(&self, from: SocketAddr) -> LatchClaim {
        match self.sdp {
            Some(sdp) if sdp == from => LatchClaim::Named,
            Some(sdp) if !self.behind_nat && sdp.ip() == from.ip() => LatchClaim::Odd,
            Some(_) if !self.behind_nat => LatchClaim::WrongSource,
            Some(sdp) if sdp.ip() == from.ip() => LatchClaim::Beside,
            Some(_) | None if from.ip() == self.signalling => LatchClaim::Likely,
            Some(_) | None => LatchClaim::WrongSource,
        }
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LatchVerdict {
    /// It is the peer's.
    Accept,
    /// It is the peer's, and from now on packets go to where it came from.
    Latched,
    /// It is from a wrong source, or the first from a place that has to prove itself.
    Refuse,
}

/// The address of one RTP stream's peer.
#[derive(Debug)]
pub struct Latch {
    candidates: Candidates,
    state: LatchState,
    trial: Option<Trial>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LatchState<At = Instant> {
    /// Nothing that proves it has come.
    Waiting {
        /// Since when.
        since: At,
    },
    /// It has been proven.
    Latched {
        /// The address.
        remote: SocketAddr,
        /// When something came from there last.
        heard: At,
    },
}

/// A latch as a value, what is negotiated aside.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SavedLatch {
    /// Whether the address is proven.
    pub state: LatchState<UnixTime>,
    /// Who is about to prove itself.
    pub trial: Option<Trial<UnixTime>>,
}

impl<At: Copy> LatchState<At> {
    /// The same by another clock.
    fn by<To>(self, clock: impl Fn(At) -> To) -> LatchState<To> {
        match self {
            Self::Waiting { since } => LatchState::Waiting { since: clock(since) },
            Self::Latched { remote, heard } => LatchState::Latched { remote, heard: clock(heard) },
        }
    }

    /// The address, where it is proven.
    pub fn remote(self) -> Option<SocketAddr> {
        match self {
            Self::Waiting { .. } => None,
            Self::Latched { remote, .. } => Some(remote),
        }
    }
}

impl LatchState {
    /// How a place with this claim stands at `now`: whether it may take the stream, the named one being
    /// the only one that never waits.
    fn yields(self, now: Instant, claim: LatchClaim, quiet: Duration) -> bool {
        match (self, claim) {
            (_, LatchClaim::Named)
            | (Self::Waiting { .. }, LatchClaim::Likely | LatchClaim::Odd) => true,
            (_, LatchClaim::WrongSource) | (Self::Latched { .. }, LatchClaim::Odd) => false,
            (Self::Waiting { since }, LatchClaim::Beside) => now.since(since) >= LATCH_QUIET,
            (Self::Latched { heard, .. }, LatchClaim::Likely | LatchClaim::Beside) => {
                now.since(heard) >= quiet
            }
        }
    }

    /// Waits anew where new candidates name something else, or leave the latched one without a claim.
    fn revise(&mut self, now: Instant, before: &Candidates, after: &Candidates) {
        let keeps = match *self {
            Self::Waiting { .. } => before.sdp == after.sdp,
            Self::Latched { remote, .. } => {
                before.sdp == after.sdp && after.claim(remote) != LatchClaim::WrongSource
            }
        };
        if !keeps {
            *self = Self::Waiting { since: now };
        }
    }
}

/// A first packet from somewhere new.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Trial<At = Instant> {
    /// Where it came from.
    pub from: SocketAddr,
    /// Of which stream.
    pub ssrc: u32,
    /// Its number.
    pub sequence: u16,
    /// When the packets in sequence began, of which this is the latest.
    pub since: At,
}

impl<At> Trial<At> {
    /// The same by another clock.
    fn by<To>(self, clock: impl Fn(At) -> To) -> Trial<To> {
        let Self { from, ssrc, sequence, since } = self;
        Trial { from, ssrc, sequence, since: clock(since) }
    }
}

impl Trial {
    /// How many packets later this one was sent; `None` when it is of another place or stream.
    fn steps_to(self, later: Self) -> Option<u16> {
        let same = self.from == later.from && self.ssrc == later.ssrc;
        same.then(|| later.sequence.wrapping_sub(self.sequence))
    }
}

impl Latch {
    /// A latch that waits.
    #[must_use]
    pub fn new(now: Instant, candidates: Candidates) -> Self {
        Self { candidates, state: LatchState::Waiting { since: now }, trial: None }
    }

    /// Takes up an address that was latched before a restart.
    pub fn restore(&mut self, now: Instant, remote: SocketAddr) {
        if self.candidates.claim(remote) != LatchClaim::WrongSource {
            self.state = LatchState::Latched { remote, heard: now };
        }
    }

    /// Takes up an address that a check has proven, and the peer has chosen (RFC 8445 §7.3.1.5); whether it is another.
    pub fn nominate(&mut self, now: Instant, remote: SocketAddr) -> bool {
        let before = self.state.remote();
        self.state = LatchState::Latched { remote, heard: now };
        self.trial = None;
        before != Some(remote)
    }

    /// As a value.
    #[must_use]
    pub fn saved(&self, now: Now) -> SavedLatch {
        let clock = |at| now.unix_of(at);
        SavedLatch { state: self.state.by(clock), trial: self.trial.map(|trial| trial.by(clock)) }
    }

    /// The one that was saved.
    #[must_use]
    pub fn restored(now: Now, candidates: Candidates, saved: SavedLatch) -> Self {
        let clock = |at| now.instant_of(at);
        let trial = saved.trial.map(|trial| trial.by(clock));
        Self { candidates, state: saved.state.by(clock), trial }
    }

    /// New SDP. An address that has changed there is believed before a latch on the old one.
    pub fn set_candidates(&mut self, now: Instant, candidates: Candidates) {
        self.state.revise(now, &self.candidates, &candidates);
        self.candidates = candidates;
        self.trial = None;
    }

    /// Where packets go; `None` as long as nobody has said.
    #[must_use]
    pub fn remote(&self) -> Option<SocketAddr> {
        self.state.remote().or(self.candidates.sdp)
    }

    /// Whether the peer's address is proven.
    #[must_use]
    pub fn is_latched(&self) -> bool {
        matches!(self.state, LatchState::Latched { .. })
    }

    /// Whether nothing will ever be heard from this place as things stand, such as from a phone that sends
    /// from another port than its SDP names and shows no NAT.
    #[must_use]
    pub fn is_wrong_source(&self, from: SocketAddr) -> bool {
        self.candidates.claim(from) == LatchClaim::WrongSource
    }

    /// Judges a packet that its seal has proven to be the peer's: it is heard wherever it comes from, but
    /// may be one that somebody caught on its way and sends in the peer's place. Ours follow only when two
    /// rise from there with none of the known place between (media rule 13).
    pub fn believe(
        &mut self,
        now: Instant,
        from: SocketAddr,
        ssrc: u32,
        sequence: u16,
    ) -> LatchVerdict {
        if self.is_known(now, from) {
            return LatchVerdict::Accept;
        }
        let this = Trial { from, ssrc, sequence, since: now };
        let steps = self.trial.and_then(|trial| trial.steps_to(this));
        let rises = steps.is_some_and(|steps| (1..1 << 15).contains(&steps));
        if rises || self.candidates.claim(from) == LatchClaim::Named {
            return self.latch(now, from);
        }
        self.trial = Some(this);
        LatchVerdict::Accept
    }

    /// Judges an RTP packet of a negotiated payload type.
    pub fn judge(
        &mut self,
        now: Instant,
        from: SocketAddr,
        ssrc: u32,
        sequence: u16,
    ) -> LatchVerdict {
        if self.is_known(now, from) {
            return LatchVerdict::Accept;
        }
        let claim = self.candidates.claim(from);
        if !self.state.yields(now, claim, LATCH_QUIET) {
            return LatchVerdict::Refuse;
        }
        let mut this = Trial { from, ssrc, sequence, since: now };
        let before = self.trial.filter(|trial| trial.steps_to(this) == Some(1));
        let proven = match (claim, before) {
            (LatchClaim::Named, _) => true,
            (LatchClaim::Odd, Some(trial)) => now.since(trial.since) >= PATIENCE,
            (LatchClaim::Likely | LatchClaim::Beside, Some(_)) => true,
            (
                LatchClaim::Likely | LatchClaim::Beside | LatchClaim::Odd | LatchClaim::WrongSource,
                _,
            ) => false,
        };
        if proven {
            return self.latch(now, from);
        }
        this.since = before.map_or(now, |trial| trial.since);
        self.trial = Some(this);
        LatchVerdict::Refuse
    }

    /// Whether this is where the peer is known to be, heard again.
    fn is_known(&mut self, now: Instant, from: SocketAddr) -> bool {
        match &mut self.state {
            LatchState::Latched { remote, heard } if *remote == from => {
                *heard = now;
                self.trial = None;
                true
            }
            LatchState::Latched { .. } | LatchState::Waiting { .. } => false,
        }
    }

    fn latch(&mut self, now: Instant, remote: SocketAddr) -> LatchVerdict {
        self.trial = None;
        self.state = LatchState::Latched { remote, heard: now };
        LatchVerdict::Latched
    }
}

/// The address of one stream's RTCP, which may differ from that of its RTP.
#[derive(Debug)]
pub struct ReportLatch {
    candidates: Candidates,
    state: LatchState,
}

impl ReportLatch {
    /// A latch that waits.
    #[must_use]
    pub fn new(now: Instant, candidates: Candidates) -> Self {
        Self { candidates, state: LatchState::Waiting { since: now } }
    }

    /// Takes up an address that a check has proven, and the peer has chosen.
    pub fn nominate(&mut self, now: Instant, remote: SocketAddr) {
        self.state = LatchState::Latched { remote, heard: now };
    }

    /// As a value.
    #[must_use]
    pub fn saved(&self, now: Now) -> SavedLatch {
        SavedLatch { state: self.state.by(|at| now.unix_of(at)), trial: None }
    }

    /// The one that was saved.
    #[must_use]
    pub fn restored(now: Now, candidates: Candidates, saved: SavedLatch) -> Self {
        Self { candidates, state: saved.state.by(|at| now.instant_of(at)) }
    }

    /// New SDP.
    pub fn set_candidates(&mut self, now: Instant, candidates: Candidates) {
        self.state.revise(now, &self.candidates, &candidates);
        self.candidates = candidates;
    }

    /// Where reports go.
    #[must_use]
    pub fn remote(&self) -> Option<SocketAddr> {
        self.state.remote().or(self.candidates.sdp)
    }

    /// Whether the peer's address is proven.
    #[must_use]
    pub fn is_latched(&self) -> bool {
        matches!(self.state, LatchState::Latched { .. })
    }

    /// Judges a well-formed report: one is enough, since nothing secret follows it.
    pub fn judge(&mut self, now: Instant, from: SocketAddr) -> LatchVerdict {
        let is_known = self.state.remote() == Some(from);
        let claim = self.candidates.claim(from);
        let may = claim != LatchClaim::Odd && self.state.yields(now, claim, REPORT_QUIET);
        if !is_known && !may {
            return LatchVerdict::Refuse;
        }
        self.state = LatchState::Latched { remote: from, heard: now };
        if is_known { LatchVerdict::Accept } else { LatchVerdict::Latched }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "192.168.1.5:4000";
    const NAT: &str = "203.0.113.7:31000";
    const REBOUND: &str = "203.0.113.7:31001";

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn ms(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    /// A phone behind a NAT that names its private address.
    fn natted() -> Candidates {
        Candidates { sdp: Some(at(SDP)), signalling: at(NAT).ip(), behind_nat: true }
    }

    /// A phone that names the address from which its SIP comes, too.
    fn plain(behind_nat: bool) -> Candidates {
        Candidates { sdp: Some(at(NAT)), signalling: at(NAT).ip(), behind_nat }
    }

    fn waiting(candidates: Candidates) -> Latch {
        Latch::new(ms(0), candidates)
    }

    fn latched_to_nat() -> Latch {
        let mut latch = waiting(natted());
        latch.judge(ms(0), at(NAT), 7, 100);
        assert_eq!(latch.judge(ms(20), at(NAT), 7, 101), LatchVerdict::Latched);
        latch
    }

    /// Sends 50 packets a second from one place, and says whether one of them was taken.
    fn is_heard(latch: &mut Latch, from: &str, span: std::ops::Range<u64>, ssrc: u32) -> bool {
        let mut packets = span.step_by(20).zip(1..);
        packets.any(|(when, n)| latch.judge(ms(when), at(from), ssrc, n) != LatchVerdict::Refuse)
    }

    #[test]
    fn before_latching_packets_go_to_the_address_in_sdp() {
        let mut latch = waiting(natted());
        latch.judge(ms(0), at(NAT), 7, 100);
        assert_eq!(latch.remote(), Some(at(SDP)));
    }

    #[test]
    fn the_address_in_sdp_is_believed_from_its_first_packet() {
        for behind_nat in [false, true] {
            let mut latch = waiting(plain(behind_nat));
            assert_eq!(latch.judge(ms(0), at(NAT), 7, 100), LatchVerdict::Latched);
            assert_eq!(latch.judge(ms(20), at(NAT), 9, 5), LatchVerdict::Accept);
        }
    }

    #[test]
    fn behind_a_nat_two_packets_in_sequence_latch_at_once() {
        let mut latch = waiting(natted());
        assert_eq!(latch.judge(ms(0), at(NAT), 7, u16::MAX), LatchVerdict::Refuse);
        assert_eq!(latch.judge(ms(20), at(NAT), 7, 0), LatchVerdict::Latched);
        assert_eq!(latch.remote(), Some(at(NAT)));
    }

    #[test]
    fn two_packets_of_different_streams_or_out_of_sequence_do_not_latch() {
        for (ssrc, sequence) in [(8, 101), (7, 100), (7, 102), (7, 99)] {
            let mut latch = waiting(natted());
            latch.judge(ms(0), at(NAT), 7, 100);
            assert_eq!(latch.judge(ms(20), at(NAT), ssrc, sequence), LatchVerdict::Refuse);
        }
    }

    #[test]
    fn where_nothing_is_named_the_signalling_says_who_it_is() {
        let nothing = Candidates { sdp: None, ..plain(false) };
        let mut latch = waiting(nothing);
        assert_eq!(latch.remote(), None);
        assert!(!is_heard(&mut latch, SDP, 0..9_000, 7));
        assert!(is_heard(&mut latch, NAT, 9_000..9_100, 7));
    }

    #[test]
    fn a_third_address_never_latches_however_long_it_tries() {
        for mut latch in [waiting(natted()), waiting(plain(false)), latched_to_nat()] {
            let before = latch.remote();
            assert!(!is_heard(&mut latch, "198.51.100.66:4000", 20..60_000, 7));
            assert_eq!(latch.remote(), before);
        }
    }

    #[test]
    fn without_a_nat_a_neighbour_is_never_heard_however_long_the_phone_pauses() {
        let mut latch = waiting(plain(false));
        latch.judge(ms(0), at(NAT), 7, 100);
        assert!(!is_heard(&mut latch, REBOUND, 20..60_000, 7));
        assert_eq!(latch.remote(), Some(at(NAT)));
    }

    #[test]
    fn a_place_that_may_still_prove_itself_is_no_wrong_source() {
        assert!(!waiting(plain(false)).is_wrong_source(at(REBOUND)));
        assert!(!waiting(plain(false)).is_wrong_source(at(NAT)));
        assert!(!waiting(plain(true)).is_wrong_source(at(REBOUND)));
        assert!(!waiting(natted()).is_wrong_source(at(NAT)));
        assert!(waiting(natted()).is_wrong_source(at("198.51.100.66:4000")));
    }

    #[test]
    fn a_phone_that_sends_from_a_port_of_its_own_is_heard_while_the_named_one_never_was() {
        let mut latch = waiting(plain(false));
        assert!(!is_heard(&mut latch, REBOUND, 0..200, 7), "the named one may still begin");
        assert!(is_heard(&mut latch, REBOUND, 200..460, 7));
        assert_eq!(latch.remote(), Some(at(REBOUND)));
        // The named one is believed whenever it speaks, and then nobody beside it.
        assert_eq!(latch.judge(ms(500), at(NAT), 9, 1), LatchVerdict::Latched);
        assert!(!is_heard(&mut latch, REBOUND, 520..60_000, 7));
    }

    #[test]
    fn behind_a_nat_another_port_of_the_named_ip_waits_for_two_seconds_of_silence() {
        let mut latch = waiting(plain(true));
        assert!(!is_heard(&mut latch, REBOUND, 0..2_000, 7), "the named one may still begin");
        assert!(is_heard(&mut latch, REBOUND, 2_000..2_100, 7));
        // The named one is believed whenever it speaks.
        assert_eq!(latch.judge(ms(2_110), at(NAT), 7, 1), LatchVerdict::Latched);
        assert!(!is_heard(&mut latch, REBOUND, 2_120..4_110, 7));
    }

    #[test]
    fn the_right_ssrc_alone_moves_nothing() {
        let mut latch = latched_to_nat();
        assert!(!is_heard(&mut latch, REBOUND, 20..2_020, 7));
        assert!(is_heard(&mut latch, REBOUND, 2_020..2_100, 8), "nor does another one hinder");
        assert_eq!(latch.remote(), Some(at(REBOUND)));
    }

    #[test]
    fn a_neighbour_that_sprays_while_the_phone_speaks_is_never_heard() {
        let mut latch = latched_to_nat();
        for n in 0..3_000_u16 {
            let when = 40 + u64::from(n) * 20;
            assert_eq!(latch.judge(ms(when), at(NAT), 7, 102 + n), LatchVerdict::Accept);
            for spray in 0..3 {
                let verdict = latch.judge(ms(when + spray), at(REBOUND), 7, 102 + n);
                assert_eq!(verdict, LatchVerdict::Refuse);
            }
        }
    }

    #[test]
    fn the_named_address_takes_its_stream_back_at_once() {
        let mut latch = latched_to_nat();
        assert_eq!(latch.judge(ms(40), at(SDP), 8, 1), LatchVerdict::Latched);
        assert_eq!(latch.remote(), Some(at(SDP)));
    }

    #[test]
    fn a_new_address_in_sdp_is_believed_at_once() {
        let mut latch = latched_to_nat();
        let moved = at("192.168.1.5:4002");
        latch.set_candidates(ms(40), Candidates { sdp: Some(moved), ..natted() });
        assert_eq!(latch.remote(), Some(moved));
        assert!(is_heard(&mut latch, REBOUND, 40..100, 9), "from wherever the NAT sends it");
    }

    #[test]
    fn the_same_sdp_again_keeps_the_latch() {
        let mut latch = latched_to_nat();
        latch.set_candidates(ms(40), natted());
        assert_eq!(latch.remote(), Some(at(NAT)));
        assert!(!is_heard(&mut latch, REBOUND, 40..2_000, 7), "and opens it to nobody");
    }

    #[test]
    fn signalling_that_moves_elsewhere_takes_the_claim_along() {
        let mut latch = latched_to_nat();
        let signalling = "198.51.100.9".parse().unwrap();
        latch.set_candidates(ms(40), Candidates { signalling, ..natted() });
        assert!(!is_heard(&mut latch, NAT, 40..9_000, 7));
        assert!(is_heard(&mut latch, "198.51.100.9:4711", 9_000..9_100, 7));
    }

    #[test]
    fn one_captured_packet_moves_no_sealed_stream() {
        let thief = at("198.51.100.66:4000");
        let mut latch = waiting(natted());
        assert_eq!(latch.believe(ms(0), at(NAT), 7, 100), LatchVerdict::Accept, "it is authentic");
        assert_eq!(latch.remote(), Some(at(SDP)), "and proves no place");
        assert_eq!(latch.believe(ms(20), at(NAT), 7, 101), LatchVerdict::Latched);
        // Each second packet was caught on its way, and comes from elsewhere first.
        for n in 0..200_u16 {
            let when = 40 + u64::from(n) * 40;
            assert_eq!(latch.believe(ms(when), thief, 7, 102 + 2 * n), LatchVerdict::Accept);
            assert_eq!(latch.believe(ms(when + 20), at(NAT), 7, 103 + 2 * n), LatchVerdict::Accept);
            assert_eq!(latch.remote(), Some(at(NAT)));
        }
    }

    #[test]
    fn a_sealed_stream_follows_its_phone_with_two_packets_that_rise() {
        let elsewhere = at("198.51.100.7:4000");
        let mut latch = latched_to_nat();
        assert_eq!(latch.believe(ms(40), elsewhere, 7, 104), LatchVerdict::Accept);
        assert_eq!(latch.believe(ms(60), elsewhere, 7, 103), LatchVerdict::Accept, "it falls");
        assert_eq!(latch.remote(), Some(at(NAT)));
        assert_eq!(latch.believe(ms(80), elsewhere, 7, 106), LatchVerdict::Latched);
        assert_eq!(latch.remote(), Some(elsewhere));
    }

    #[test]
    fn reports_latch_by_themselves_by_the_same_rules() {
        let mut latch = ReportLatch::new(ms(0), natted());
        assert_eq!(latch.judge(ms(0), at("198.51.100.66:4001")), LatchVerdict::Refuse);
        assert_eq!(latch.remote(), Some(at(SDP)));
        assert_eq!(latch.judge(ms(0), at(NAT)), LatchVerdict::Latched);
        assert_eq!(latch.judge(ms(5_000), at(NAT)), LatchVerdict::Accept);
        assert_eq!(latch.judge(ms(6_000), at(REBOUND)), LatchVerdict::Refuse);
        assert_eq!(latch.judge(ms(20_000), at(REBOUND)), LatchVerdict::Latched, "15 s of silence");
        assert_eq!(latch.judge(ms(20_010), at(SDP)), LatchVerdict::Latched, "the named one");
        let mut latch = ReportLatch::new(ms(0), plain(false));
        assert_eq!(latch.judge(ms(60_000), at(REBOUND)), LatchVerdict::Refuse, "a neighbour");
        assert_eq!(latch.judge(ms(60_000), at(NAT)), LatchVerdict::Latched);
    }
}
