//! What becomes of a 2xx to an INVITE of which no transaction is known: that of an earlier process, as a rule.
//!
//! ```text
//!   2xx to INVITE ── within a dialog ──▶ its ACK again, while copies may come
//!                 ── an INVITE that could have been ours ── 20 a second ──▶ ACK and BYE, to where it came from
//!                 ── any other ──▶ dropped
//! ```
//!
//! Anybody can make up such a 2xx. So the two go back by the way it came and nowhere else, and where nothing
//! speaks for it they are shorter than three times what came.

use super::api::{Complaint, Effect};
use super::rooms::Machine;
use crate::dialog;
use crate::leg;
use crate::sip::{Flow, HeaderName, Method, Response};
use crate::time::Now;
use crate::transaction::{Branch, SourceTrust};

/// So many are ended in a second.
pub const UNREMEMBERED_PER_SECOND_MAX: u32 = 20;
/// Our Call-IDs have so many digits.
const CALL_ID_DIGITS: usize = 32;
/// And our tags so many.
const TAG_DIGITS: usize = 16;
/// What its peer reads.
const REASON: &str = "SIP;cause=481;text=\"nobody waits for this answer\"";

impl Machine {
    /// Takes a 2xx to an INVITE that no transaction waits for; false when it is anything else.
    pub(super) fn end_unremembered(
        &mut self,
        now: Now,
        flow: Flow,
        standing: SourceTrust,
        response: &Response,
        out: &mut Vec<Effect>,
    ) -> bool {
        let headers = &response.headers;
        let is_to_invite = headers.cseq().is_ok_and(|(_, method)| method == Method::INVITE);
        let is_stray = response.status.is_success()
            && is_to_invite
            && headers.list(HeaderName::Via).count() == 1
            && self.transactions.asked(response).is_none();
        if !is_stray {
            return false;
        }
        let (ours, theirs) = (headers.from_tag().unwrap_or_default(), headers.to_tag());
        let call_id = headers.call_id().unwrap_or_default();
        if !self.legs.knows(call_id, ours, theirs.unwrap_or_default()) {
            let is_admitted = self.could_be_ours(response)
                && self.unremembered.admit(now.instant, &(), UNREMEMBERED_PER_SECOND_MAX);
            if !is_admitted {
                return true;
            }
            if standing == SourceTrust::Unauthenticated || standing == SourceTrust::Guest {
                self.credit.doubt(now.instant, flow, self.received, true);
            }
            self.turned_away.count(flow.remote.ip(), "unremembered".to_owned());
            let what = format!("{} to an INVITE that nobody remembers: ended", response.status);
            out.push(Effect::Complaint { flow, about: Complaint::Unremembered, what });
        }
        let (response, reason) = (response.clone(), REASON.to_owned());
        let input = dialog::Input::Unremembered { response, flow, reason };
        self.leg(now, leg::Input::Dialog(input));
        true
    }

    /// Whether the INVITE that this answers looks like one of ours: Call-ID, tag and branch are of our making,
    /// and its Via names an address of ours.
    fn could_be_ours(&self, response: &Response) -> bool {
        let headers = &response.headers;
        let is_of = |text: &str, digits| {
            let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            text.len() == digits && text.bytes().all(is_digit)
        };
        let sent_by = headers.via().ok().and_then(|via| via.host().address());
        headers.branch().and_then(Branch::of).is_some()
            && headers.call_id().is_ok_and(|call_id| is_of(call_id, CALL_ID_DIGITS))
            && headers.from_tag().is_some_and(|tag| is_of(tag, TAG_DIGITS))
            && sent_by.is_some_and(|ip| self.legs.own().all().contains(&ip))
    }
}
