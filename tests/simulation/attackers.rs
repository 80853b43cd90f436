//! Attackers: they read along with everybody, write whatever they like, and can prove
//! nothing. What they want must not happen; that everybody else is served all the same is seen by the
//! promises that the others are kept.

use super::network::Event;
use super::phone::{Purpose, State};
use super::testbed::DOMAIN;
use super::world::World;
use cordboard::sip::{self, Message, Method};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// So many of them.
pub const ATTACKERS: u8 = 4;
/// They find a dialog to meddle with among so many of the newest.
const OVERHEARD: u64 = 60;
/// What the branches of their own requests begin with; a copy of somebody else's is answered as before.
const BRANCH: &str = "z9hG4bKevil";
/// Numbers that they call, most of them without the right to.
const NUMBERS: [&str; 6] = ["9000", "9000", "9001", "2001", "3001", "desk"];

/// An attacker's address.
pub fn address(attacker: u8) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, attacker + 1)), 5060)
}

fn is_attacker(remote: SocketAddr) -> bool {
    (0..ATTACKERS).any(|attacker| address(attacker) == remote)
}

impl World {
    /// An attacker tries something, and again until the day is over.
    pub fn prowl(&mut self, attacker: u8) {
        if self.closing.is_some() {
            return;
        }
        let bytes = match self.chance.below(10) {
            0..3 => Some(self.call_without_ack(attacker)),
            3..7 => self.forged(attacker),
            7 => self.damaged(),
            _ => Some(self.registration(attacker)),
        };
        if let Some(bytes) = bytes {
            for at in self.carried() {
                self.agenda.add(at, Event::FromAttacker(address(attacker), bytes.clone()));
            }
        }
        self.after(500, 5_000, Event::Prowl(attacker));
    }

    /// A call that is never acknowledged: as somebody from elsewhere, or as a colleague.
    fn call_without_ack(&mut self, attacker: u8) -> Vec<u8> {
        let to = NUMBERS[self.chance.below(NUMBERS.len() as u64) as usize];
        let (id, tag) = (self.chance.hex(12), self.chance.hex(8));
        let from = if self.percent(50) {
            format!("\"2001\" <sip:s{id}@evil{attacker}.example>")
        } else {
            format!("<sip:2001@{DOMAIN}>")
        };
        let head = format!(
            "INVITE sip:{to}@{DOMAIN} SIP/2.0\r\n{}From: {from};tag={tag}\r\n\
             To: <sip:{to}@{DOMAIN}>\r\nCall-ID: s{id}\r\nCSeq: 1 INVITE\r\n",
            self.attacker_via(attacker)
        );
        self.attacker_writes(attacker, &head, &sdp(attacker))
    }

    /// A request in a dialog of two others, as only they could know it.
    fn forged(&mut self, attacker: u8) -> Option<Vec<u8>> {
        let newest = self.dialogs.len() as u64;
        let back = 1 + self.chance.below(OVERHEARD.min(newest.max(1)));
        let dialog = self.dialogs.get(newest.checked_sub(back)? as usize)?;
        let up = matches!(dialog.state, State::Up | State::Answered);
        if !up || dialog.remote.is_empty() {
            return None;
        }
        let cseq = dialog.cseq + 1;
        let is_desk = dialog.purpose == Purpose::Desk;
        let (target, local) = (dialog.target.clone(), dialog.local.clone());
        let (remote, call_id) = (dialog.remote.clone(), dialog.call_id.clone());
        let desk =
            "Info-Package: operator-desk\r\nContent-Type: application/vnd.cordboard.desk+json\r\n";
        let (method, extra, body) = match self.chance.below(5) {
            0 => ("BYE", "", String::new()),
            1 => ("REFER", "Refer-To: <sip:2001@cordboard.local>\r\n", String::new()),
            2 if is_desk => ("INFO", desk, "{\"id\":\"evil\",\"do\":\"hangup\"}".to_owned()),
            2 => ("UPDATE", "", sdp(attacker)),
            3 if is_desk => ("INFO", desk, "{\"id\":\"evil\",\"do\":\"logout\"}".to_owned()),
            3 => ("ACK", "", sdp(attacker)),
            _ => ("INVITE", "", sdp(attacker)),
        };
        let head = format!(
            "{method} {target} SIP/2.0\r\n{}From: {local}\r\nTo: {remote}\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{extra}",
            self.attacker_via(attacker)
        );
        Some(self.attacker_writes(attacker, &head, &body))
    }

    /// What a phone has just asked, with one byte changed; a call would be a call, so not that.
    fn damaged(&mut self) -> Option<Vec<u8>> {
        let client = self.clients.values().next_back()?;
        if client.request.method == Method::INVITE {
            return None;
        }
        let mut bytes = client.bytes.clone();
        let at = self.chance.below(bytes.len() as u64) as usize;
        bytes[at] = self.chance.below(256) as u8;
        Some(bytes)
    }

    /// Somebody else's number, moved to the attacker.
    fn registration(&mut self, attacker: u8) -> Vec<u8> {
        let (id, tag) = (self.chance.hex(12), self.chance.hex(8));
        let guess = if self.percent(50) {
            "Authorization: Digest username=\"2002\", realm=\"cordboard.local\", nonce=\"1\", \
             uri=\"sip:cordboard.local\", response=\"00000000000000000000000000000000\"\r\n"
        } else {
            ""
        };
        let head = format!(
            "REGISTER sip:{DOMAIN} SIP/2.0\r\n{}From: <sip:2002@{DOMAIN}>;tag={tag}\r\n\
             To: <sip:2002@{DOMAIN}>\r\nCall-ID: s{id}\r\nCSeq: 1 REGISTER\r\n{guess}",
            self.attacker_via(attacker)
        );
        self.attacker_writes(attacker, &head, "")
    }

    fn attacker_via(&mut self, attacker: u8) -> String {
        let (own, branch) = (address(attacker), self.chance.hex(16));
        format!("Via: SIP/2.0/UDP {own};branch={BRANCH}{branch};rport\r\nMax-Forwards: 70\r\n")
    }

    fn attacker_writes(&mut self, attacker: u8, head: &str, body: &str) -> Vec<u8> {
        let kind = if body.starts_with('v') { "Content-Type: application/sdp\r\n" } else { "" };
        let length = body.len();
        format!(
            "{head}Contact: <sip:evil@{}>\r\n{kind}Content-Length: {length}\r\n\r\n{body}",
            address(attacker)
        )
        .into_bytes()
    }

    /// What the house answers an attacker, if it is one.
    pub fn judge_answer_to_attacker(&mut self, remote: SocketAddr, bytes: &[u8]) -> bool {
        if !is_attacker(remote) {
            return false;
        }
        match sip::parse(bytes) {
            Ok(Message::Request(request)) => {
                let call_id = request.headers.call_id().unwrap_or_default();
                // Its own call may be answered, and ends when nobody acknowledges that.
                if !call_id.starts_with('s') {
                    let id = self.by_call.get(call_id).copied();
                    let what = format!("an attacker is asked for {} of {call_id}", request.method);
                    self.fail(what, id.as_slice());
                }
            }
            Ok(Message::Response(response)) => {
                let call_id = response.headers.call_id().unwrap_or_default().to_owned();
                let via = response.headers.via().ok();
                let branch = via.as_ref().and_then(|via| via.branch()).unwrap_or_default();
                let method = response.headers.cseq().map(|(_, method)| method);
                let is_call = method.is_ok_and(|method| method == Method::INVITE);
                let harmless = !branch.starts_with(BRANCH) || (is_call && call_id.starts_with('s'));
                if response.status.is_success() && !harmless {
                    let what = format!("an attacker gets {} for {call_id}", response.status);
                    let id = self.by_call.get(&call_id).copied();
                    self.fail(what, id.as_slice());
                }
            }
            // A refusal repeats the broken headers of what it refuses (RFC 3261 §8.2.6.2).
            Err(_)
                if [b"SIP/2.0 4", b"SIP/2.0 5"].iter().any(|start| bytes.starts_with(*start)) => {}
            Err(error) => self.fail(format!("the house wrote what cannot be read: {error}"), &[]),
        }
        true
    }
}

fn sdp(attacker: u8) -> String {
    let ip = address(attacker).ip();
    format!(
        "v=0\r\no=- 9 9 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\n"
    )
}
