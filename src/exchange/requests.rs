//! Requests that no dialog knows yet: what each deserves, and who sends it (R1.3 to R1.5, R2.5).
//!
//! ```text
//!   sips: in clear ──▶ 416
//!   To with tag ──▶ its leg, where its peer sends it (peers.rs), or 481
//!   Max-Forwards 0 ──▶ 483
//!   REGISTER ──▶ registrar        OPTIONS ──▶ 200        anything else but INVITE ──▶ 405
//!   INVITE ── from ourselves ──▶ 482
//!          ── to `desk` ──▶ an operator account, by digest
//!          ── from a trunk's address ──▶ its caller: P-Asserted-Identity, else From
//!          ── From in our domain, or with our credentials ──▶ the terminal, by digest
//!          ── else a guest, where guests may call
//! ```

use super::api::{Complaint, Effect};
use super::desk_dialog::DeskDialog;
use super::invite_source::InviteSource;
use super::rooms::{Machine, world};
use super::unauthenticated::RETRY_AFTER;
use crate::call::admission::{CallOrigin, CallerIdentity};
use crate::cause::Cause;
use crate::desk;
use crate::dialog::{self, ServerTx};
use crate::directory::{DESK, Directory, Meaning, Srtp, Trunk};
use crate::ids::{LegId, Number};
use crate::leg;
use crate::registrar::{self, AuthVerdict};
use crate::sip::{
    Flow, HeaderName, Host, Method, NameAddr, Request, Response, Scheme, StatusCode, Transport,
    Uri, multipart,
};
use crate::switchboard::{self, IncomingCall, Offered};
use crate::text::{ADDRESS_CHARS_MAX, DISPLAY_CHARS_MAX, NUMBER_CHARS_MAX, cut, is_within};
use crate::time::Now;
use crate::transaction::ServerId;

/// Whoever calls while the server drains may try again after so many seconds: by then another serves, as a rule.
const RETRY_AFTER_DRAINING: u32 = 30;
/// The methods that are understood somewhere in the house.
const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER, NOTIFY, REGISTER";
/// What a request outside a dialog may require.
const SUPPORTED: [&str; 5] = ["100rel", "timer", "replaces", "path", "outbound"];
/// The event packages that are understood somewhere in the house.
const EVENTS: &str = "refer";
/// The methods that mean something within a dialog only.
const WITHIN_DIALOGS: [Method; 5] =
    [Method::BYE, Method::INFO, Method::NOTIFY, Method::PRACK, Method::UPDATE];
/// The methods that name an event package.
const EVENT_METHODS: [Method; 2] = [Method::SUBSCRIBE, Method::PUBLISH];
/// One terminal may begin so many calls in a second.
pub const TERMINAL_CALLS_PER_SECOND_MAX: u32 = 20;
/// One trunk may begin so many calls in a second.
pub const TRUNK_CALLS_PER_SECOND_MAX: u32 = 200;
/// So many terminals and trunks are counted at a time.
pub(super) const ORIGINS_MAX: usize = 10_000;

impl Machine {
    pub(super) fn on_request(
        &mut self,
        now: Now,
        id: ServerId,
        flow: Flow,
        request: Request,
        out: &mut Vec<Effect>,
    ) {
        // RFC 3261 §26.2.2: what began sealed goes no hop in clear.
        if request.uri.scheme() == Scheme::Sips && !flow.transport.is_secure() {
            let (status, why) = (StatusCode::UNSUPPORTED_URI_SCHEME, "sips: Is for TLS and WSS");
            return self.refuse(now, id, &request, status, why);
        }
        if request.headers.to_tag().is_some() {
            return self.on_request_within(now, id, flow, request, out);
        }
        if request.headers.max_forwards() == Ok(Some(0)) {
            return self.refuse(now, id, &request, StatusCode::TOO_MANY_HOPS, "");
        }
        match &request.method {
            method if *method == Method::REGISTER => {
                if self.registers_others(flow, &request) {
                    let why = "Another Operator Is There";
                    return self.refuse(now, id, &request, StatusCode::FORBIDDEN, why);
                }
                let (transaction, source) = (id.0, flow.remote.ip());
                let input = registrar::Input::Register { transaction, flow, request };
                if self.register(now, input) {
                    self.intake.proved(now.instant, source);
                }
            }
            method if *method == Method::INVITE => self.on_invite(now, id, flow, request, out),
            method if *method == Method::OPTIONS => {
                if let Some(response) = self.lacks(&request) {
                    return self.respond_stateless(now, id, response);
                }
                let mut response = self.response(&request, StatusCode::OK, "");
                response.headers.push(HeaderName::Allow, ALLOW);
                response.headers.push(HeaderName::Accept, multipart::ACCEPTED);
                response.headers.push(HeaderName::Supported, SUPPORTED.join(", "));
                response.headers.push(HeaderName::AllowEvents, EVENTS);
                self.respond_stateless(now, id, response);
            }
            method if WITHIN_DIALOGS.contains(method) => {
                self.refuse(now, id, &request, StatusCode::CALL_DOES_NOT_EXIST, "");
            }
            // A transfer is asked for within the call that is to be transferred.
            method if *method == Method::REFER => {
                self.refuse(now, id, &request, StatusCode::DECLINE, "Use the dialog");
            }
            // RFC 6665 §8.3.2: no package that a phone could subscribe to, now or later.
            method if EVENT_METHODS.contains(method) => {
                let mut response = self.response(&request, StatusCode::BAD_EVENT, "");
                response.headers.push(HeaderName::AllowEvents, EVENTS);
                self.respond_stateless(now, id, response);
            }
            _ => {
                let mut response = self.response(&request, StatusCode::METHOD_NOT_ALLOWED, "");
                response.headers.push(HeaderName::Allow, ALLOW);
                self.respond_stateless(now, id, response);
            }
        }
    }

    /// A request within a dialog, from wherever.
    fn on_request_within(
        &mut self,
        now: Now,
        id: ServerId,
        flow: Flow,
        request: Request,
        out: &mut Vec<Effect>,
    ) {
        let Some(leg) = self.legs.find(&request) else {
            return self.refuse(now, id, &request, StatusCode::CALL_DOES_NOT_EXIST, "");
        };
        self.note_reader(leg, flow);
        if !self.is_at_home(leg, &flow, &request)
            && let Err(response) = self.prove(now, leg, flow, &request)
        {
            let (method, status) = (&request.method, response.status);
            let what = format!("{method} from elsewhere than its dialog: {status}");
            out.push(Effect::Complaint { flow, about: Complaint::Elsewhere, what });
            return self.respond_stateless(now, id, *response);
        }
        self.is_back(now, leg, flow);
        let input = dialog::Input::Request { transaction: ServerTx(id.0), flow, request };
        self.leg(now, leg::Input::Dialog(input));
    }

    fn on_invite(
        &mut self,
        now: Now,
        id: ServerId,
        flow: Flow,
        request: Request,
        out: &mut Vec<Effect>,
    ) {
        match self.identify(now, flow, &request) {
            Ok(caller) => {
                let leg = self.leg_ids.mint();
                if let InviteSource::Party { identity, .. } = &caller
                    && let CallOrigin::Guest { .. } = identity.origin
                {
                    let offers = !request.body.is_empty();
                    self.credit.doubt(now.instant, flow, self.received, offers);
                }
                self.note_calling(leg, &caller, flow, &request);
                let credentials = self.credentials_at(&caller).map(Box::new);
                self.callers.insert(leg, caller);
                let transaction = ServerTx(id.0);
                let incoming =
                    dialog::IncomingInvite { leg, transaction, flow, request, credentials };
                self.leg(now, leg::Input::Dialog(dialog::Input::Incoming(incoming)));
                // What nobody needs to see is refused there without a word.
                if !self.legs.has(leg) {
                    self.peers.remove(leg);
                    if let Some(InviteSource::Party { identity, flow, .. }) =
                        self.callers.remove(&leg)
                        && let CallOrigin::Guest { .. } = identity.origin
                    {
                        self.turned_away.count(flow.remote.ip(), "unanswerable".to_owned());
                    }
                }
            }
            Err(mut response) => {
                let (status, is_challenge) =
                    (response.status.as_u16(), response.status == StatusCode::UNAUTHORIZED);
                // A first challenge is no news; all else is.
                if !is_challenge {
                    let what = format!("INVITE refused: {} {}", response.status, response.reason);
                    out.push(Effect::Complaint { flow, about: Complaint::Refused(status), what });
                }
                // Whoever has the right password, or is a trunk, is authenticated.
                let has_credentials = request.headers.contains(HeaderName::Authorization);
                if has_credentials == is_challenge
                    && self.directory.plan().trunk_from(flow.remote, flow.transport).is_none()
                {
                    self.turned_away.count(flow.remote.ip(), status.to_string());
                }
                response.headers.set_to_tag(&self.tags.of(&request.headers));
                // Said with credentials, these come after a right password, which is good once: a copy
                // of the INVITE has to get the same answer.
                let after_proof = [StatusCode::FORBIDDEN, StatusCode::NOT_ACCEPTABLE_HERE];
                match has_credentials && after_proof.contains(&response.status) {
                    true => self.respond(now, id, *response),
                    false => self.respond_stateless(now, id, *response),
                }
            }
        }
    }

    /// As whom this caller knows us, a trunk.
    fn credentials_at(&self, caller: &InviteSource) -> Option<dialog::TrunkCredentials> {
        match caller {
            InviteSource::Party {
                identity: CallerIdentity { origin: CallOrigin::Trunk(name), .. },
                ..
            } => world(&self.directory, &self.registrar, &self.locator, self.ledger.tickets())
                .credentials(name),
            InviteSource::Party { .. } | InviteSource::Desk { .. } => None,
        }
    }

    /// The leg can be answered: the switchboard hears of the call.
    pub(super) fn admit(
        &mut self,
        now: Now,
        leg: LegId,
        (offer, sealed): (Offered, bool),
        replaces: Option<LegId>,
    ) {
        let is_terminal = self.callers.get(&leg).is_some_and(InviteSource::is_terminal);
        if replaces.is_some() && !is_terminal {
            return self.decline_replacement(now, leg);
        }
        let input = match self.callers.remove(&leg) {
            Some(InviteSource::Party { identity, .. })
                if !sealed && self.demands_srtp(&identity) =>
            {
                return self.decline_clear_speech(now, leg);
            }
            Some(InviteSource::Party { identity, dialled, params, no_queue, sips, flow }) => {
                if matches!(identity.origin, CallOrigin::Guest { .. }) {
                    self.unauthenticated.opened(leg, flow.remote.ip());
                    self.leg(now, leg::Input::Unvouched(leg));
                }
                let incoming = IncomingCall {
                    leg,
                    flow,
                    identity,
                    dialled,
                    params,
                    no_queue,
                    sips,
                    offer,
                    replaces,
                };
                switchboard::Input::Incoming(incoming)
            }
            Some(InviteSource::Desk { operator, flow }) => {
                let over_udp = flow.transport == Transport::Udp;
                let secure = flow.transport.is_secure();
                self.desks.insert(leg, DeskDialog::new(operator.clone(), flow));
                switchboard::Input::Desk { leg, operator, over_udp, secure }
            }
            None => return,
        };
        self.tell(now, input);
    }

    /// Whether this caller may speak under SRTP only.
    fn demands_srtp(&self, identity: &CallerIdentity) -> bool {
        let (terminal, trunk) = match &identity.origin {
            CallOrigin::Terminal(number) => (Some(number), None),
            CallOrigin::Trunk(name) => (None, Some(name.as_str())),
            CallOrigin::Guest { .. } => (None, None),
        };
        self.directory.srtp(terminal, trunk) != Srtp::Optional
    }

    fn decline_clear_speech(&mut self, now: Now, leg: LegId) {
        let refusal = leg::InviteRefusal {
            status: 488,
            phrase: "SRTP Required".into(),
            reason: Some(
                "SIP;cause=488;text=\"this number speaks under SRTP only: offer RTP/SAVP with a=crypto, or DTLS\""
                    .into(),
            ),
            warning: Cause::NoCommonKeys.warning(),
            retry_after: None,
        };
        self.leg(now, leg::Input::Command(leg::Command::Refuse { leg, refusal }));
    }

    /// Only a terminal may take a place in a call, not everybody who knows its name (RFC 3891 §3 lets us
    /// decline).
    pub(super) fn decline_replacement(&mut self, now: Now, leg: LegId) {
        self.callers.remove(&leg);
        let refusal = leg::InviteRefusal {
            status: Cause::Declined.status(),
            phrase: "Use REFER".into(),
            reason: None,
            warning: None,
            retry_after: None,
        };
        self.leg(now, leg::Input::Command(leg::Command::Refuse { leg, refusal }));
    }

    /// Whether a page registers a phone at which another operator sits.
    fn registers_others(&self, flow: Flow, request: &Request) -> bool {
        let number = request.headers.to().ok().and_then(|to| self.directory.number_in(&to.uri));
        number.is_some_and(|number| self.is_others_phone(flow, &number))
    }

    // ---- who calls ----

    fn identify(
        &mut self,
        now: Now,
        flow: Flow,
        request: &Request,
    ) -> Result<InviteSource, Box<Response>> {
        let is_ours = flow.remote == flow.local || self.settings.addresses.contains(&flow.remote);
        if is_ours && flow.transport == Transport::Udp {
            return Err(self.no(request, StatusCode::LOOP_DETECTED, ""));
        }
        let dialled = self.dialled(request, flow)?;
        if dialled.as_str() == DESK {
            return self.identify_desk(now, flow, request);
        }
        if self.service.draining && !request.headers.contains(HeaderName::Replaces) {
            return Err(self.drained(request));
        }
        let identity = self.identify_party(now, flow, request)?;
        let disposition = HeaderName::RequestDisposition;
        let no_queue = request.headers.has_token(disposition, "no-queue");
        self.keep_pace(now, request, &identity.origin)?;
        let params = request.uri.number_params().to_owned();
        let sips = request.uri.scheme() == Scheme::Sips;
        Ok(InviteSource::Party { identity, dialled, params, no_queue, sips, flow })
    }

    /// The number that is called. The host beside it is not looked at: whoever sends a call here means us,
    /// by whatever name or address a NAT, an alias or a DNS record has given us.
    fn dialled(&mut self, request: &Request, flow: Flow) -> Result<Number, Box<Response>> {
        let uri = self.called(request, flow);
        if uri.scheme() == Scheme::Other {
            return Err(self.no(request, StatusCode::UNSUPPORTED_URI_SCHEME, ""));
        }
        let number = self.directory.number_in(&uri);
        number.ok_or_else(|| self.no(request, StatusCode::NOT_FOUND, "No number was dialled"))
    }

    fn identify_desk(
        &mut self,
        now: Now,
        flow: Flow,
        request: &Request,
    ) -> Result<InviteSource, Box<Response>> {
        match self.authenticate(now, flow, request) {
            AuthVerdict::Operator(operator) => {
                if request.headers.has_token(HeaderName::RecvInfo, desk::PACKAGE) {
                    return Ok(InviteSource::Desk { operator, flow });
                }
                let why = "Recv-Info: operator-desk is missing";
                Err(self.no(request, StatusCode::NOT_ACCEPTABLE_HERE, why))
            }
            AuthVerdict::Terminal(_) => {
                let why = "A desk needs an operator account";
                Err(self.no(request, StatusCode::FORBIDDEN, why))
            }
            AuthVerdict::Refused(refusal) => Err(Box::new(refusal.response(request))),
        }
    }

    fn identify_party(
        &mut self,
        now: Now,
        flow: Flow,
        request: &Request,
    ) -> Result<CallerIdentity, Box<Response>> {
        // A page's connection speaks for its operator, wherever it comes from.
        let is_named = self.pages.sessions.has_flow(flow.connection);
        if let Some(trunk) = self.directory.plan().trunk_from(flow.remote, flow.transport)
            && !is_named
        {
            return Ok(trunk_caller(trunk, request, &self.directory));
        }
        let from = request.headers.from().map_err(|error| {
            let what = error.to_string();
            self.no(request, error.status(), &what)
        })?;
        let has_credentials = request.headers.contains(HeaderName::Authorization);
        if !self.is_ours(&from.uri, flow) && !has_credentials && !is_named {
            if !self.settings.guests {
                return Err(self.no(request, StatusCode::FORBIDDEN, "Guests may not call here"));
            }
            if !self.unauthenticated.admit(now.instant, flow.remote.ip()) {
                return Err(self.too_many_calls(request));
            }
            return Ok(guest(&from, request, &self.directory));
        }
        match self.authenticate(now, flow, request) {
            AuthVerdict::Terminal(number) if self.is_others_phone(flow, &number) => {
                Err(self.no(request, StatusCode::FORBIDDEN, "Another Operator Is There"))
            }
            AuthVerdict::Terminal(number) => {
                let terminal = self.directory.terminal(&number);
                let own = terminal.map(|terminal| terminal.name.clone()).unwrap_or_default();
                let name = if own.is_empty() { display(&from) } else { own };
                let origin = CallOrigin::Terminal(number.clone());
                let number = Some(number).filter(|_| !is_private(request));
                let (name, params) = (shown(number.as_ref(), name), String::new());
                Ok(CallerIdentity { origin, number, name, params })
            }
            AuthVerdict::Operator(_) => {
                let why = "An operator account may only call its desk";
                Err(self.no(request, StatusCode::FORBIDDEN, why))
            }
            AuthVerdict::Refused(refusal) => Err(Box::new(refusal.response(request))),
        }
    }

    /// Who sends a request; a right password speaks for its source from now on.
    pub(super) fn authenticate(&mut self, now: Now, flow: Flow, request: &Request) -> AuthVerdict {
        let verdict = self.registrar.authenticate(now, &self.directory, flow, request);
        match &verdict {
            AuthVerdict::Terminal(_) | AuthVerdict::Operator(_) => {
                self.intake.proved(now.instant, flow.remote.ip());
            }
            AuthVerdict::Refused(_) => {}
        }
        verdict
    }

    /// Whether a URI is in our domain. Where we listen on all addresses, the one that this peer
    /// reaches us at is ours as well.
    fn is_ours(&self, uri: &Uri, flow: Flow) -> bool {
        let reached = Host::from(flow.local.ip());
        uri.host().is_some_and(|host| host.matches(reached) || self.directory.plan().is_ours(host))
    }

    /// A terminal or a trunk that begins more calls in a second than people can, such as one that a
    /// circle of diversions runs through.
    fn keep_pace(
        &mut self,
        now: Now,
        request: &Request,
        origin: &CallOrigin,
    ) -> Result<(), Box<Response>> {
        let max = match origin {
            CallOrigin::Terminal(_) => TERMINAL_CALLS_PER_SECOND_MAX,
            CallOrigin::Trunk(_) => TRUNK_CALLS_PER_SECOND_MAX,
            // Counted by their source.
            CallOrigin::Guest { .. } => return Ok(()),
        };
        match self.origins.admit(now.instant, origin, max) {
            true => Ok(()),
            false => Err(self.too_many_calls(request)),
        }
    }

    // ---- refusals ----

    fn too_many_calls(&mut self, request: &Request) -> Box<Response> {
        let mut response = self.no(request, StatusCode::SERVICE_UNAVAILABLE, "Too many calls");
        response.headers.push(HeaderName::RetryAfter, RETRY_AFTER);
        response
    }

    /// Who takes another call's place goes on with that.
    fn drained(&mut self, request: &Request) -> Box<Response> {
        let mut response = self.no(request, StatusCode::SERVICE_UNAVAILABLE, "Draining");
        response.headers.push(HeaderName::RetryAfter, RETRY_AFTER_DRAINING);
        response
    }

    fn no(&mut self, request: &Request, status: StatusCode, reason: &str) -> Box<Response> {
        Box::new(self.response(request, status, reason))
    }

    fn response(&mut self, request: &Request, status: StatusCode, reason: &str) -> Response {
        let mut response = request.response(status).said_as(reason);
        response.headers.set_to_tag(&self.tags.of(&request.headers));
        response
    }

    /// The 420 to a request that requires what we lack (RFC 3261 §8.2.2.3).
    fn lacks(&mut self, request: &Request) -> Option<Response> {
        let unknown = request.headers.unsupported(&SUPPORTED);
        if unknown.is_empty() {
            return None;
        }
        let mut response = self.response(request, StatusCode::BAD_EXTENSION, "");
        response.headers.push(HeaderName::Unsupported, unknown.join(", "));
        Some(response)
    }

    fn refuse(
        &mut self,
        now: Now,
        id: ServerId,
        request: &Request,
        status: StatusCode,
        reason: &str,
    ) {
        let response = self.response(request, status, reason);
        self.respond_stateless(now, id, response);
    }
}

/// The caller that a trunk vouches for: P-Asserted-Identity, else From (RFC 3325 §5).
fn trunk_caller(trunk: &Trunk, request: &Request, directory: &Directory) -> CallerIdentity {
    let asserted = request.headers.asserted_identities().ok();
    let asserted = asserted.and_then(|all| all.into_iter().next());
    let address = asserted.or_else(|| request.headers.from().ok());
    let number = address.as_ref().and_then(|address| directory.number_in(&address.uri));
    party(CallOrigin::Trunk(trunk.name.clone()), number, address.as_ref(), request)
}

/// The caller that nobody vouches for: its number is one of its own domain, a bare telephone number
/// counts for nothing, and it bears no name or number of the house.
fn guest(from: &NameAddr, request: &Request, directory: &Directory) -> CallerIdentity {
    let domain = from.uri.host().map(|host| host.to_string()).unwrap_or_default();
    // What a user part means is its domain's affair.
    let number = from.uri.number().filter(|number| is_within(number, NUMBER_CHARS_MAX));
    let number = number.map(|number| Number::from(&*number));
    let mut identity = party(CallOrigin::Guest { domain }, number, Some(from), request);
    if from.uri.host().is_none() || !is_within(&identity.shown(), ADDRESS_CHARS_MAX) {
        (identity.number, identity.name) = (None, String::new());
    }
    let claims_ours = identity.number.as_ref().is_some_and(|number| {
        !matches!(directory.meaning(number), Meaning::Trunk(_) | Meaning::Unknown)
    });
    if claims_ours || directory.reads_like_ours(&identity.name) {
        identity.name.clear();
    }
    identity
}

fn party(
    origin: CallOrigin,
    number: Option<Number>,
    address: Option<&NameAddr>,
    request: &Request,
) -> CallerIdentity {
    let number = number.filter(|number| !is_anonymous(number.as_str()) && !is_private(request));
    let name = shown(number.as_ref(), address.map(display).unwrap_or_default());
    // Nor is anything said of a number that is withheld.
    let params = address.filter(|_| number.is_some()).map(|address| address.uri.number_params());
    CallerIdentity { origin, number, name, params: params.unwrap_or_default().to_owned() }
}

/// A withheld number withholds the name as well.
fn shown(number: Option<&Number>, name: String) -> String {
    number.map(|_| name).unwrap_or_default()
}

/// As much of a display name as is shown.
fn display(address: &NameAddr) -> String {
    cut(address.display.as_deref().unwrap_or_default(), DISPLAY_CHARS_MAX).to_owned()
}

/// RFC 3323 §4.2, RFC 3325 §9.3.
fn is_private(request: &Request) -> bool {
    ["id", "user"].iter().any(|kind| request.headers.wants_privacy(kind))
}

fn is_anonymous(user: &str) -> bool {
    user.is_empty() || user.eq_ignore_ascii_case("anonymous")
}
