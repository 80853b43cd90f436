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

use super::invite_source::InviteSource;
use super::leg_peers::PeerFlows;
use super::rooms::Machine;
use super::stranded::Whose;
use crate::call::admission::CallOrigin;
use crate::directory::Meaning;
use crate::ids::{LegId, Number};
use crate::leg;
use crate::live::{LegPeer, Who};
use crate::registrar::AuthVerdict;
use crate::sip::{Destination, Flow, Request, Response, StatusCode, Uri};
use crate::time::Now;

impl Machine {
    /// Notes who calls.
    pub(super) fn note_calling(
        &mut self,
        leg: LegId,
        caller: &InviteSource,
        flow: Flow,
        invite: &Request,
    ) {
        let who = match caller {
            InviteSource::Desk { operator, .. } => Who::Desk(operator.clone()),
            InviteSource::Party { identity, .. } => match &identity.origin {
                CallOrigin::Terminal(number) => Who::Terminal(number.clone()),
                CallOrigin::Trunk(name) => Who::Trunk(name.clone()),
                CallOrigin::Guest { .. } => Who::Unauthenticated,
            },
        };
        let contact = invite.headers.contact().ok();
        let said = contact.as_ref().and_then(|contact| contact.params.raw("+sip.instance"));
        let instance = said
            .map(str::to_owned)
            .or_else(|| self.instance_of(&who, Destination::Flow(flow), &contact.as_ref()?.uri));
        let spoke = flow.transport.is_reliable().then_some(flow);
        let peer = LegPeer { who, ip: flow.remote.ip(), instance, spoke };
        self.peers.all.insert(leg, peer);
    }

    /// Notes whom a call of ours reaches.
    pub(super) fn note_called(&mut self, leg: LegId, call: &leg::OutgoingLeg) {
        let number = Number::from(call.callee.number.as_str());
        let who = match self.directory.meaning(&number) {
            Meaning::Terminal(terminal) => Who::Terminal(terminal.number.clone()),
            Meaning::Trunk(trunk) => Who::Trunk(trunk.name.clone()),
            Meaning::Desk
            | Meaning::FeatureCode
            | Meaning::Queue(_)
            | Meaning::Camera(_)
            | Meaning::Unknown => Who::Unauthenticated,
        };
        let to = call.target.destination;
        let instance = self.instance_of(&who, to, &call.target.uri);
        let peer = LegPeer { who, ip: to.remote().ip(), instance, spoke: None };
        self.peers.all.insert(leg, peer);
    }

    fn instance_of(&self, who: &Who, to: Destination, contact: &Uri) -> Option<String> {
        match who {
            Who::Terminal(number) => self.registrar.instance_at(number, to, contact),
            Who::Desk(_) | Who::Trunk(_) | Who::Unauthenticated => None,
        }
    }

    /// Whether a response comes from the host that was asked, or from another of the same trunk. Its branch
    /// cannot be guessed, but who sees the request can copy it.
    pub(super) fn may_answer(&self, flow: &Flow, response: &Response) -> bool {
        let Some(asked) = self.transactions.asked(response) else {
            return true; // Nobody waits for it.
        };
        let (asked, by) = (asked.remote(), asked.transport());
        let trunks = &self.directory.plan().trunks;
        asked.ip().to_canonical() == flow.remote.ip().to_canonical()
            || trunks
                .iter()
                .any(|trunk| trunk.is_at(asked, by) && trunk.is_at(flow.remote, flow.transport))
    }

    /// Whoever speaks under our tag has read a response of ours, where the dialog's peer is. From anywhere
    /// else it shows nothing: a guest knows the tag of its own call, and can say it in the name of others.
    pub(super) fn note_reader(&mut self, leg: LegId, flow: Flow) {
        if self.peers.get(leg).is_some_and(|peer| peer.is_at(flow.remote.ip())) {
            self.credit.prove(flow);
        }
    }

    /// Whether a request within the dialog of `leg` comes from where its peer is.
    pub(super) fn is_at_home(&self, leg: LegId, flow: &Flow, request: &Request) -> bool {
        if self.legs.is_known(request, flow) {
            return true;
        }
        let Some(peer) = self.peers.get(leg) else { return false };
        let same_ip = peer.is_at(flow.remote.ip());
        match &peer.who {
            Who::Terminal(number) if self.has_no_password(number) => same_ip,
            Who::Terminal(number) => {
                let anew = same_ip && flow.transport.is_reliable();
                anew && self.is_cut_off(leg, peer) || self.registrar.has_flow(number, flow)
            }
            Who::Desk(_) => false,
            Who::Trunk(name) => {
                let trunks = &self.directory.plan().trunks;
                trunks
                    .iter()
                    .any(|trunk| trunk.name == *name && trunk.is_at(flow.remote, flow.transport))
            }
            Who::Unauthenticated => same_ip,
        }
    }

    /// Whether the connection is closed by which the peer of `leg` was heard, and it has not come by another
    /// since.
    fn is_cut_off(&self, leg: LegId, peer: &LegPeer) -> bool {
        let heard_by = match self.legs.destination(leg) {
            Some(Destination::Flow(flow)) if flow.transport.is_reliable() => flow,
            Some(Destination::Flow(_) | Destination::Address { .. }) | None => return false,
        };
        let is_gone = |flow: Flow| self.next_hops.is_gone(&flow);
        is_gone(heard_by) && peer.spoke.is_none_or(is_gone)
    }

    /// The peer of `leg` has been heard by this flow.
    pub(super) fn is_back(&mut self, now: Now, leg: LegId, flow: Flow) {
        let Some(peer) = self.peers.all.get_mut(&leg) else { return };
        if flow.transport.is_reliable() && peer.spoke != Some(flow) {
            peer.spoke = Some(flow);
            self.try_ways(now, &Whose::Leg(leg));
        }
    }

    /// A response of the peer has come by this flow.
    pub(super) fn note_answer(&mut self, now: Now, flow: Flow, response: &Response) {
        if self.transactions.asked(response).is_some()
            && let Some(ours) = response.headers.from_tag()
            && let Some(leg) = self.legs.leg_of(ours)
        {
            self.is_back(now, leg, flow);
        }
    }

    /// Where the peer of `leg` can be reached.
    pub(super) fn place(&self, leg: LegId) -> Option<PeerFlows> {
        let LegPeer { who, ip, instance, spoke } = self.peers.get(leg)?;
        let (registered, listens) = match who {
            Who::Terminal(number) => {
                let instance = instance.as_deref();
                let listens = self.registrar.latest_address(number, instance, *ip);
                (self.registrar.latest_flow(number, instance, *ip), listens)
            }
            Who::Desk(_) | Who::Trunk(_) | Who::Unauthenticated => (None, None),
        };
        let is_vouched = !matches!(who, Who::Unauthenticated);
        Some(PeerFlows { spoke: *spoke, registered, listens, is_vouched })
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
        let Some(peer) = self.peers.get(leg).map(|peer| peer.who.clone()) else {
            return Err(Box::new(request.response(StatusCode::CALL_DOES_NOT_EXIST)));
        };
        let is_peer = match peer {
            Who::Terminal(number) if !self.has_no_password(&number) => {
                match self.authenticate(now, flow, request) {
                    AuthVerdict::Terminal(proven) => proven == number,
                    AuthVerdict::Operator(_) => false,
                    AuthVerdict::Refused(refusal) => {
                        return Err(Box::new(refusal.response(request)));
                    }
                }
            }
            Who::Desk(operator) => match self.authenticate(now, flow, request) {
                AuthVerdict::Operator(proven) => proven == operator,
                AuthVerdict::Terminal(_) => false,
                AuthVerdict::Refused(refusal) => return Err(Box::new(refusal.response(request))),
            },
            Who::Terminal(_) | Who::Trunk(_) | Who::Unauthenticated => false,
        };
        if is_peer {
            return Ok(());
        }
        let refusal = request.response(StatusCode::FORBIDDEN);
        Err(Box::new(refusal.with_reason("Not From This Address")))
    }
}
