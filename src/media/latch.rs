//! Where a peer's packets come from, and so where ours go (RFC 4961, RFC 7362).
//!
//! ```text
//!   Waiting ──2 packets in sequence from a candidate──▶ Latched ──new candidates──▶ Waiting
//!   sends to the address in SDP                          │  ▲   ──expect──▶ Latched, open to any
//!                                                        └──┘                  candidate for 3 s
//!                           moves, again by 2 packets in sequence, to the same IP with another
//!                           port, and after 3 s without packets to any candidate
//! ```
//!
//! A candidate is the IP in SDP or the IP that the signalling comes from. Nothing else is heard,
//! nothing is ever sent elsewhere: who guesses a port number can neither listen nor speak.

use crate::time::{Duration, Instant};
use std::net::{IpAddr, SocketAddr};

/// After this long without a packet, any candidate may take the stream over.
pub const LATCH_QUIET: Duration = Duration::from_secs(3);
/// A neighbour behind the same address takes over only from a stream that has paused this long;
/// the stream's own SSRC, from a port that a NAT has changed, at once.
const NEIGHBOUR_QUIET: Duration = Duration::from_millis(200);
/// As [`LATCH_QUIET`], for RTCP, of which there is one packet in 5 s.
const REPORT_QUIET: Duration = Duration::from_secs(15);

/// Who may be the peer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Candidates {
    /// What SDP says, and where packets go until better is known.
    pub sdp: Option<SocketAddr>,
    /// Where the peer's SIP comes from.
    pub signalling: IpAddr,
}

impl Candidates {
    fn admit(&self, from: SocketAddr) -> bool {
        from.ip() == self.signalling || self.sdp.is_some_and(|sdp| sdp.ip() == from.ip())
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is the peer's.
    Accept,
    /// It is the peer's, and from now on packets go to where it came from.
    Latched,
    /// It is a stranger's, or the first from a place that has to prove itself.
    Refuse,
}

/// The address of one RTP stream's peer.
#[derive(Debug)]
pub struct Latch {
    candidates: Candidates,
    state: State,
    trial: Option<Trial>,
}

#[derive(Debug)]
enum State {
    Waiting,
    Latched { remote: SocketAddr, ssrc: u32, heard: Instant, open_until: Instant },
}

/// A first packet from somewhere new.
#[derive(Clone, Copy, Debug)]
struct Trial {
    from: SocketAddr,
    ssrc: u32,
    next: u16,
}

impl Latch {
    /// A latch that waits.
    #[must_use]
    pub fn new(candidates: Candidates) -> Self {
        Self { candidates, state: State::Waiting, trial: None }
    }

    /// Takes up an address that was latched before a restart.
    pub fn restore(&mut self, now: Instant, remote: SocketAddr) {
        if self.candidates.admit(remote) {
            // The SSRC is learned from the next packet; until then the window stands open.
            self.state =
                State::Latched { remote, ssrc: 0, heard: now, open_until: now + LATCH_QUIET };
        }
    }

    /// New SDP. An address that has changed there is believed before a latch on the old one.
    pub fn set_candidates(&mut self, candidates: Candidates) {
        if candidates.sdp != self.candidates.sdp {
            self.state = State::Waiting;
        }
        if let State::Latched { remote, .. } = self.state
            && !candidates.admit(remote)
        {
            self.state = State::Waiting;
        }
        self.candidates = candidates;
        self.trial = None;
    }

    /// After a re-INVITE or a 200 the peer may send from elsewhere at once.
    pub fn expect(&mut self, now: Instant) {
        if let State::Latched { open_until, .. } = &mut self.state {
            *open_until = now + LATCH_QUIET;
        }
    }

    /// Where packets go; `None` as long as nobody has said.
    #[must_use]
    pub fn remote(&self) -> Option<SocketAddr> {
        match self.state {
            State::Waiting => self.candidates.sdp,
            State::Latched { remote, .. } => Some(remote),
        }
    }

    /// Whether the peer's address is proven.
    #[must_use]
    pub fn is_latched(&self) -> bool {
        matches!(self.state, State::Latched { .. })
    }

    /// Takes a packet that its seal has proven to be the peer's: it may come from anywhere (media rule
    /// 13), and at once.
    pub fn believe(&mut self, now: Instant, from: SocketAddr, ssrc: u32) -> Verdict {
        let known = matches!(self.state, State::Latched { remote, .. } if remote == from);
        self.trial = None;
        self.state = State::Latched { remote: from, ssrc, heard: now, open_until: now };
        if known { Verdict::Accept } else { Verdict::Latched }
    }

    /// Judges an RTP packet of a negotiated payload type.
    pub fn judge(&mut self, now: Instant, from: SocketAddr, ssrc: u32, sequence: u16) -> Verdict {
        match &mut self.state {
            State::Latched { remote, ssrc: known, heard, .. } if *remote == from => {
                *known = ssrc;
                *heard = now;
                return Verdict::Accept;
            }
            State::Latched { remote, ssrc: known, heard, open_until } => {
                let quiet = now.since(*heard);
                let may_move = now < *open_until
                    || quiet >= LATCH_QUIET
                    || (from.ip() == remote.ip() && (ssrc == *known || quiet >= NEIGHBOUR_QUIET));
                if !may_move {
                    return Verdict::Refuse;
                }
            }
            State::Waiting => {}
        }
        if !self.candidates.admit(from) {
            return Verdict::Refuse;
        }
        let proven = self.trial.is_some_and(|trial| {
            trial.from == from && trial.ssrc == ssrc && trial.next == sequence
        });
        if proven {
            self.trial = None;
            self.state = State::Latched { remote: from, ssrc, heard: now, open_until: now };
            return Verdict::Latched;
        }
        self.trial = Some(Trial { from, ssrc, next: sequence.wrapping_add(1) });
        // The very address that SDP names needs no proof to be heard, only to be remembered.
        match self.state {
            State::Waiting if self.candidates.sdp == Some(from) => Verdict::Accept,
            State::Waiting | State::Latched { .. } => Verdict::Refuse,
        }
    }
}

/// The address of one stream's RTCP, which may differ from that of its RTP.
#[derive(Debug)]
pub struct ReportLatch {
    candidates: Candidates,
    latched: Option<(SocketAddr, Instant)>,
}

impl ReportLatch {
    /// A latch that waits.
    #[must_use]
    pub fn new(candidates: Candidates) -> Self {
        Self { candidates, latched: None }
    }

    /// New SDP.
    pub fn set_candidates(&mut self, candidates: Candidates) {
        if candidates != self.candidates {
            *self = Self::new(candidates);
        }
    }

    /// Where reports go.
    #[must_use]
    pub fn remote(&self) -> Option<SocketAddr> {
        self.latched.map(|(remote, _)| remote).or(self.candidates.sdp)
    }

    /// Judges a well-formed report: one is enough, since nothing secret follows it.
    pub fn judge(&mut self, now: Instant, from: SocketAddr) -> Verdict {
        let verdict = match self.latched {
            Some((remote, _)) if remote == from => Verdict::Accept,
            Some((remote, heard))
                if remote.ip() != from.ip() && now.since(heard) < REPORT_QUIET =>
            {
                Verdict::Refuse
            }
            Some(_) | None if self.candidates.admit(from) => Verdict::Latched,
            Some(_) | None => Verdict::Refuse,
        };
        if verdict != Verdict::Refuse {
            self.latched = Some((from, now));
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "192.168.1.5:4000";
    const NAT: &str = "203.0.113.7:31000";

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn ms(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    fn waiting() -> Latch {
        Latch::new(Candidates { sdp: Some(at(SDP)), signalling: at(NAT).ip() })
    }

    fn latched_to(address: &str) -> Latch {
        let mut latch = waiting();
        latch.judge(ms(0), at(address), 7, 100);
        assert_eq!(latch.judge(ms(20), at(address), 7, 101), Verdict::Latched);
        latch
    }

    #[test]
    fn before_latching_packets_go_to_the_address_in_sdp() {
        let mut latch = waiting();
        latch.judge(ms(0), at(NAT), 7, 100);
        assert_eq!(latch.remote(), Some(at(SDP)));
    }

    #[test]
    fn two_packets_in_sequence_latch() {
        let mut latch = waiting();
        assert_eq!(latch.judge(ms(0), at(NAT), 7, u16::MAX), Verdict::Refuse);
        assert_eq!(latch.judge(ms(20), at(NAT), 7, 0), Verdict::Latched);
        assert_eq!(latch.remote(), Some(at(NAT)));
    }

    #[test]
    fn two_packets_of_different_streams_or_out_of_sequence_do_not_latch() {
        for (ssrc, sequence) in [(8, 101), (7, 100), (7, 102), (7, 99)] {
            let mut latch = waiting();
            latch.judge(ms(0), at(NAT), 7, 100);
            assert_eq!(latch.judge(ms(20), at(NAT), ssrc, sequence), Verdict::Refuse);
        }
    }

    #[test]
    fn the_address_in_sdp_is_heard_from_its_first_packet() {
        assert_eq!(waiting().judge(ms(0), at(SDP), 7, 100), Verdict::Accept);
    }

    #[test]
    fn a_third_address_never_latches_however_long_it_tries() {
        let thief = at("198.51.100.66:4000");
        for mut latch in [waiting(), latched_to(NAT)] {
            let before = latch.remote();
            for n in 0..1000_u16 {
                latch.expect(ms(20));
                let when = ms(20 + u64::from(n) * 20);
                assert_eq!(latch.judge(when, thief, 7, n), Verdict::Refuse);
            }
            assert_eq!(latch.remote(), before);
        }
    }

    #[test]
    fn the_same_stream_from_another_port_of_the_same_address_moves_the_latch() {
        let mut latch = latched_to(NAT);
        let rebound = at("203.0.113.7:31001");
        assert_eq!(latch.judge(ms(40), rebound, 7, 102), Verdict::Refuse);
        assert_eq!(latch.judge(ms(60), rebound, 7, 103), Verdict::Latched);
    }

    #[test]
    fn a_neighbour_behind_the_same_address_has_to_wait_for_a_pause() {
        let mut latch = latched_to(NAT);
        let neighbour = at("203.0.113.7:5000");
        assert_eq!(latch.judge(ms(40), neighbour, 8, 1), Verdict::Refuse);
        assert_eq!(latch.judge(ms(60), neighbour, 8, 2), Verdict::Refuse);
        assert_eq!(latch.judge(ms(240), neighbour, 8, 3), Verdict::Refuse);
        assert_eq!(latch.judge(ms(260), neighbour, 8, 4), Verdict::Latched);
    }

    #[test]
    fn another_candidate_takes_over_after_three_seconds_or_a_re_invite() {
        let mut latch = latched_to(NAT);
        latch.judge(ms(3000), at(SDP), 8, 1);
        assert_eq!(latch.judge(ms(3018), at(SDP), 8, 2), Verdict::Refuse);
        assert_eq!(latch.judge(ms(3021), at(SDP), 8, 3), Verdict::Refuse);
        assert_eq!(latch.judge(ms(3041), at(SDP), 8, 4), Verdict::Latched);

        let mut latch = latched_to(NAT);
        latch.expect(ms(40));
        latch.judge(ms(60), at(SDP), 8, 1);
        assert_eq!(latch.judge(ms(80), at(SDP), 8, 2), Verdict::Latched);
    }

    #[test]
    fn a_new_address_in_sdp_is_believed_at_once() {
        let mut latch = latched_to(NAT);
        let moved = at("192.168.1.5:4002");
        latch.set_candidates(Candidates { sdp: Some(moved), signalling: at(NAT).ip() });
        assert_eq!(latch.remote(), Some(moved));
    }

    #[test]
    fn the_same_sdp_again_keeps_the_latch() {
        let mut latch = latched_to(NAT);
        latch.set_candidates(Candidates { sdp: Some(at(SDP)), signalling: at(NAT).ip() });
        assert_eq!(latch.remote(), Some(at(NAT)));
    }

    #[test]
    fn reports_latch_by_themselves_but_never_to_a_third_address() {
        let mut latch =
            ReportLatch::new(Candidates { sdp: Some(at(SDP)), signalling: at(NAT).ip() });
        assert_eq!(latch.judge(ms(0), at("198.51.100.66:4001")), Verdict::Refuse);
        assert_eq!(latch.remote(), Some(at(SDP)));
        assert_eq!(latch.judge(ms(0), at(NAT)), Verdict::Latched);
        assert_eq!(latch.judge(ms(5000), at(NAT)), Verdict::Accept);
        assert_eq!(latch.judge(ms(6000), at(SDP)), Verdict::Refuse);
        assert_eq!(latch.judge(ms(21_000), at(SDP)), Verdict::Latched);
    }
}
