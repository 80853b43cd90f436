//! Who is at the other end of each leg, and so who may speak within its dialog (R1.6).
//!
//! ```text
//!   from where the dialog's peer is known to be ──▶ believed
//!   from elsewhere:  a terminal ── the flow that one of its phones registered by ──▶ believed
//!                              ── its connection is closed: a new one from the same IP ──▶ believed
//!                              ── else 401 ── its own password ──▶ believed, and the dialog moves
//!                    a desk ── 401 ── the operator's password ──▶ the same
//!                    a trunk ── one of its addresses ──▶ believed        else 403
//!                    anybody without a password ── the same IP ──▶ believed        else 403
//! ```
//!
//! Nothing of a request is looked at before that. An address of UDP can be forged, and then the
//! answers go astray; who forges the very address of a phone has what our own dialogs rest on.

use super::machine::Machine;
use super::requests::Caller;
use crate::directory::Meaning;
use crate::ids::{LegId, Number, OperatorId};
use crate::leg;
use crate::registrar::Verdict;
use crate::sip::{Destination, Flow, Request, Response, StatusCode};
use crate::switchboard::admission::Origin;
use crate::time::Now;
use std::net::IpAddr;

/// Who is at the other end of a leg.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    who: Who,
    /// Where the leg's first request came from or went to.
    ip: IpAddr,
    /// The connection of its dialog is closed, and the dialog has not moved to another since.
    cut_off: bool,
}

#[derive(Clone, Debug)]
enum Who {
    /// A phone of this terminal.
    Terminal(Number),
    /// The desk of this operator.
    Desk(OperatorId),
    /// The far end of the trunk of this name.
    Trunk(String),
    /// Nobody whom a password or the configuration knows.
    Stranger,
}

impl Peer {
    /// Whoever calls, from `ip`.
    pub fn calling(caller: &Caller, ip: IpAddr) -> Self {
        let who = match caller {
            Caller::Desk { operator, .. } => Who::Desk(operator.clone()),
            Caller::Party { identity, .. } => match &identity.origin {
                Origin::Terminal(number) => Who::Terminal(number.clone()),
                Origin::Trunk(name) => Who::Trunk(name.clone()),
                Origin::Guest { .. } => Who::Stranger,
            },
        };
        Self { who, ip, cut_off: false }
    }

    fn is_at(&self, ip: IpAddr) -> bool {
        self.ip.to_canonical() == ip.to_canonical()
    }
}

impl Machine {
    /// Notes whom a call of ours reaches.
    pub(super) fn note_called(&mut self, leg: LegId, call: &leg::Call) {
        let number = Number::from(call.callee.number.as_str());
        let who = match self.directory.meaning(&number) {
            Meaning::Terminal(terminal) => Who::Terminal(terminal.number.clone()),
            Meaning::Trunk(trunk) => Who::Trunk(trunk.name.clone()),
            Meaning::Desk
            | Meaning::FeatureCode
            | Meaning::Queue(_)
            | Meaning::Camera(_)
            | Meaning::Unknown => Who::Stranger,
        };
        let ip = call.target.destination.remote().ip();
        self.peers.insert(leg, Peer { who, ip, cut_off: false });
    }

    /// Whether a response comes from the host that was asked, or from another of the same trunk. Its branch
    /// cannot be guessed, but who sees the request can copy it.
    pub(super) fn may_answer(&self, flow: &Flow, response: &Response) -> bool {
        let Some(asked) = self.transactions.asked(response) else {
            return true; // Nobody waits for it.
        };
        let asked = asked.remote();
        let trunks = &self.directory.plan().trunks;
        asked.ip().to_canonical() == flow.remote.ip().to_canonical()
            || trunks.iter().any(|trunk| trunk.is_at(asked) && trunk.is_at(flow.remote))
    }

    /// Whoever speaks under our tag has read a response of ours, where the dialog's peer is. From anywhere
    /// else it shows nothing: a guest knows the tag of its own call, and can say it in the name of others.
    pub(super) fn note_reader(&mut self, leg: LegId, flow: Flow) {
        if self.peers.get(&leg).is_some_and(|peer| peer.is_at(flow.remote.ip())) {
            self.credit.prove(flow);
        }
    }

    /// Whether a request within the dialog of `leg` comes from where its peer is.
    pub(super) fn is_at_home(&self, leg: LegId, flow: &Flow, request: &Request) -> bool {
        if self.legs.is_known(request, flow) {
            return true;
        }
        let Some(peer) = self.peers.get(&leg) else { return false };
        let same_ip = peer.is_at(flow.remote.ip());
        match &peer.who {
            Who::Terminal(number) if self.has_no_password(number) => same_ip,
            Who::Terminal(number) => {
                let anew = peer.cut_off && same_ip && flow.transport.is_reliable();
                anew || self.registrar.has_flow(number, flow)
            }
            Who::Desk(_) => false,
            Who::Trunk(name) => {
                let trunks = &self.directory.plan().trunks;
                trunks.iter().any(|trunk| trunk.name == *name && trunk.is_at(flow.remote))
            }
            Who::Stranger => same_ip,
        }
    }

    /// A connection is closed: the peers whose dialogs went over it will come by another.
    pub(super) fn cut_off(&mut self, flow: Flow) {
        let gone = Destination::Flow(flow);
        let legs = &self.legs;
        for (leg, peer) in &mut self.peers {
            peer.cut_off |= legs.destination(*leg) == Some(gone);
        }
    }

    /// The peer of `leg` has been heard where its dialog now is.
    pub(super) fn is_back(&mut self, leg: LegId) {
        if let Some(peer) = self.peers.get_mut(&leg) {
            peer.cut_off = false;
        }
    }

    /// A fixed contact that proves itself by its address alone.
    fn has_no_password(&self, number: &Number) -> bool {
        self.directory.terminal(number).is_some_and(|terminal| terminal.secret.is_none())
    }

    /// Whether the peer of `leg` has sent this request, which comes from elsewhere.
    ///
    /// # Errors
    /// What to answer to whoever it is.
    pub(super) fn prove(
        &mut self,
        now: Now,
        leg: LegId,
        flow: Flow,
        request: &Request,
    ) -> Result<(), Box<Response>> {
        let Some(peer) = self.peers.get(&leg).map(|peer| peer.who.clone()) else {
            return Err(Box::new(request.response(StatusCode::CALL_DOES_NOT_EXIST)));
        };
        let is_peer = match peer {
            Who::Terminal(number) if !self.has_no_password(&number) => {
                match self.authenticate(now, flow, request) {
                    Verdict::Terminal(proven) => proven == number,
                    Verdict::Operator(_) => false,
                    Verdict::Refused(refusal) => return Err(Box::new(refusal.response(request))),
                }
            }
            Who::Desk(operator) => match self.authenticate(now, flow, request) {
                Verdict::Operator(proven) => proven == operator,
                Verdict::Terminal(_) => false,
                Verdict::Refused(refusal) => return Err(Box::new(refusal.response(request))),
            },
            Who::Terminal(_) | Who::Trunk(_) | Who::Stranger => false,
        };
        if is_peer {
            return Ok(());
        }
        let refusal = request.response(StatusCode::FORBIDDEN);
        Err(Box::new(refusal.with_reason("Not From This Address")))
    }
}
