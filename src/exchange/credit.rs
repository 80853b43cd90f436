//! How many bytes go by UDP to an address that has proved nothing. A guest's INVITE may come under
//! somebody else's address, who must not get more from us than was sent in its name: three times as much
//! at most, as in QUIC (RFC 9000 §8.1).
//!
//! ```text
//!   INVITE of a guest ──▶ doubted ── ACK, PRACK, BYE under our tag ──▶ proven
//!                           │  every datagram from there                  │
//!                           │  earns three times its length               │
//!                           └──────────── 70 s of nothing ────────────────┴──▶ forgotten
//! ```
//!
//! What has no credit is not sent, as if the network had lost it. A phone whose INVITE is left without any
//! response repeats it (RFC 3261 §17.1.1.2) and so earns the response; one that has had a provisional response does
//! not, so that these leave room for a final one and its repetitions. A guest's phone shows that it rings or
//! waits when its INVITE has come for the second time, or later where that is short.

use crate::live::SavedCredit;
use crate::sip::{Destination, Flow, Message, StatusCode, Transport};
use crate::time::{Duration, Instant, Now};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// For each byte of a doubted address less than so many go there.
pub const FACTOR: usize = 3;
/// So many final responses find room once a provisional one has gone: lost ones are repeated (RFC 3261 §13.3.1.4).
pub const FINALS: usize = 3;
/// How long a final response may be that answers an offer.
pub const ANSWER_ROOM: usize = 1_100;
/// And one that makes an offer, with all our codecs: the largest that any network carries whole.
pub const OFFER_ROOM: usize = 1_500;
/// So many addresses are known at a time; beyond, the longest silent gives way.
pub const DOUBTED_MAX: usize = 100_000;
/// More than any account comes to.
const BYTES_MAX: usize = 1 << 30;
/// Longer than a waiting caller is told nothing, and than any response is repeated.
const KEPT: Duration = Duration::from_secs(70);

/// The addresses that guests called from.
#[derive(Debug, Default)]
pub(super) struct Credit {
    accounts: BTreeMap<SocketAddr, CreditAccount>,
    /// When each is forgotten.
    order: BTreeSet<(Instant, SocketAddr)>,
}

#[derive(Debug)]
struct CreditAccount {
    received: usize,
    sent: usize,
    /// What a provisional response leaves.
    room: usize,
    /// It has read what was sent to it: whoever calls from there now is who called from there before.
    proven: bool,
    until: Instant,
}

impl Credit {
    /// A guest's INVITE of so many bytes came, with an offer or without.
    pub fn doubt(&mut self, now: Instant, flow: Flow, bytes: usize, offers: bool) {
        if flow.transport != Transport::Udp || self.received(now, flow, bytes) {
            return;
        }
        if self.accounts.len() >= DOUBTED_MAX
            && let Some((_, silent)) = self.order.pop_first()
        {
            self.accounts.remove(&silent);
        }
        let until = now + KEPT;
        self.order.insert((until, flow.remote));
        let room = FINALS * if offers { ANSWER_ROOM } else { OFFER_ROOM };
        let account = CreditAccount { received: bytes, sent: 0, room, proven: false, until };
        self.accounts.insert(flow.remote, account);
    }

    /// Something came; true when it was from a known address.
    pub fn received(&mut self, now: Instant, flow: Flow, bytes: usize) -> bool {
        let account = self.account(now, flow.transport, flow.remote);
        account.map(|account| account.received += bytes).is_some()
    }

    /// The address is its caller's own.
    pub fn prove(&mut self, flow: Flow) {
        if let Some(account) = self.accounts.get_mut(&flow.remote) {
            account.proven = true;
        }
    }

    /// Whether a message of so many bytes may go there; it counts as sent then.
    pub fn covers(
        &mut self,
        now: Instant,
        to: Destination,
        message: &Message,
        bytes: usize,
    ) -> bool {
        let Some(account) = self.account(now, to.transport(), to.remote()) else { return true };
        let room = match message {
            Message::Response(response) if response.status < StatusCode::OK => account.room,
            Message::Response(_) | Message::Request(_) => 0,
        };
        let covered = account.proven || account.sent + bytes + room < FACTOR * account.received;
        account.sent += if covered { bytes } else { 0 };
        covered
    }

    /// The account of who is reached there as a value, while that has proved nothing.
    pub fn saved(&self, now: Now, to: Destination) -> Option<SavedCredit> {
        let remote = Some(to.remote()).filter(|_| to.transport() == Transport::Udp)?;
        let account = self.accounts.get(&remote).filter(|account| !account.proven)?;
        let CreditAccount { received, sent, room, until, .. } = *account;
        Some(SavedCredit { remote, received, sent, room, until: now.unix_of(until) })
    }

    /// Goes on with an account of an earlier process; one that is there knows more.
    pub fn restore(&mut self, now: Now, saved: SavedCredit) {
        let SavedCredit { remote, received, sent, room, until } = saved;
        if self.accounts.len() >= DOUBTED_MAX || self.accounts.contains_key(&remote) {
            return;
        }
        let until = now.instant_of(until);
        self.order.insert((until, remote));
        // Whoever wrote it down: no sum of these is too large.
        let [received, sent, room] = [received, sent, room].map(|bytes| bytes.min(BYTES_MAX));
        let account = CreditAccount { received, sent, room, proven: false, until };
        self.accounts.insert(remote, account);
    }

    fn account(
        &mut self,
        now: Instant,
        transport: Transport,
        remote: SocketAddr,
    ) -> Option<&mut CreditAccount> {
        while let Some((_, silent)) = self.order.first().copied().filter(|(at, _)| *at <= now) {
            self.order.pop_first();
            self.accounts.remove(&silent);
        }
        let account = self.accounts.get_mut(&remote).filter(|_| transport == Transport::Udp)?;
        self.order.remove(&(account.until, remote));
        account.until = now + KEPT;
        self.order.insert((account.until, remote));
        Some(account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ConnectionId;
    use crate::sip;

    fn after(secs: u64) -> Instant {
        Instant::START + Duration::from_secs(secs)
    }

    fn flow(transport: Transport, remote: &str) -> Flow {
        let local = "192.0.2.1:5060".parse().unwrap();
        Flow { transport, local, remote: remote.parse().unwrap(), connection: ConnectionId(0) }
    }

    fn guest() -> Flow {
        flow(Transport::Udp, "198.51.100.7:5060")
    }

    fn response(status: u16) -> Message {
        let text = format!(
            "SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKx\r\n\
             From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
             Content-Length: 0\r\n\r\n"
        );
        sip::parse(text.as_bytes()).unwrap()
    }

    fn covers(credit: &mut Credit, secs: u64, status: u16, bytes: usize) -> bool {
        credit.covers(after(secs), Destination::Flow(guest()), &response(status), bytes)
    }

    #[test]
    fn less_than_three_times_as_much_goes_out_as_came_in() {
        let mut credit = Credit::default();
        credit.doubt(after(0), guest(), 668, true);
        let sent = (0..11).filter(|n| covers(&mut credit, *n, 200, 800)).count();
        assert_eq!(sent, 2, "1600 of 2004");
        credit.received(after(12), guest(), 668);
        let sent = (12..24).filter(|n| covers(&mut credit, *n, 200, 800)).count();
        assert_eq!(sent, 3, "4000 of 4008");
    }

    #[test]
    fn provisional_responses_leave_room_for_final_ones() {
        let mut credit = Credit::default();
        credit.doubt(after(0), guest(), 668, true);
        assert!(!covers(&mut credit, 0, 182, 400), "2004 are less than three times 1100");
        credit.received(after(1), guest(), 668);
        assert!(covers(&mut credit, 1, 182, 400), "an INVITE that is repeated earns it");
        let finals = (2..9).filter(|n| covers(&mut credit, *n, 200, ANSWER_ROOM)).count();
        assert_eq!(finals, FINALS, "however many are lost");
    }

    #[test]
    fn an_offer_of_ours_wants_more_room_than_an_answer() {
        let mut credit = Credit::default();
        credit.doubt(after(0), guest(), 668, false);
        credit.received(after(1), guest(), 668);
        assert!(!covers(&mut credit, 1, 182, 400), "4008 are less than three times 1500");
        credit.received(after(2), guest(), 668);
        assert!(covers(&mut credit, 2, 182, 400) && covers(&mut credit, 2, 200, OFFER_ROOM));
    }

    #[test]
    fn who_has_read_our_answer_is_doubted_no_more() {
        let mut credit = Credit::default();
        credit.doubt(after(0), guest(), 400, true);
        assert!(!covers(&mut credit, 0, 200, 1_200));
        credit.prove(guest());
        assert!(covers(&mut credit, 0, 200, 1_200));
        credit.doubt(after(1), guest(), 400, true);
        assert!(covers(&mut credit, 1, 200, 1_200), "nor when it calls again");
        credit.doubt(after(71), guest(), 400, true);
        assert!(!covers(&mut credit, 71, 200, 1_200), "but after a long silence");
    }

    #[test]
    fn connections_and_other_addresses_are_not_counted() {
        let mut credit = Credit::default();
        credit.doubt(after(0), flow(Transport::Tcp, "198.51.100.7:5060"), 100, true);
        assert!(covers(&mut credit, 0, 200, 10_000));
        credit.doubt(after(0), guest(), 100, true);
        let other = Destination::Flow(flow(Transport::Udp, "198.51.100.7:5062"));
        assert!(credit.covers(after(0), other, &response(200), 10_000));
    }

    #[test]
    fn memory_is_bounded_and_comes_back() {
        let mut credit = Credit::default();
        for n in 0..DOUBTED_MAX as u32 + 7 {
            let remote = SocketAddr::from((n.to_be_bytes(), 5060));
            credit.doubt(after(0), Flow { remote, ..guest() }, 100, true);
        }
        assert_eq!((credit.accounts.len(), credit.order.len()), (DOUBTED_MAX, DOUBTED_MAX));
        credit.doubt(after(70), guest(), 100, true);
        assert_eq!((credit.accounts.len(), credit.order.len()), (1, 1));
    }
}
