//! A registration as administration sees it.

use crate::registrar::{LastRefusal, Registration};
use serde::{Deserialize, Serialize};

/// One registration, or a number that was refused.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RegistrationRow {
    /// The number.
    pub number: String,
    /// Where its phone is called.
    pub contact: Option<String>,
    /// From where it has registered.
    pub from: Option<String>,
    /// How: UDP or TCP.
    pub transport: Option<String>,
    /// What it calls itself.
    pub phone: Option<String>,
    /// Since when, as far as this server knows.
    pub since: Option<String>,
    /// Until when.
    pub until: Option<String>,
    /// The last refusal of the number: when, from where, of which phone, and why.
    pub refused: Option<String>,
}

impl From<Registration> for RegistrationRow {
    fn from(registration: Registration) -> Self {
        let Registration { number, binding, since, refused } = registration;
        let binding = binding.as_ref();
        let flow = binding.and_then(|binding| binding.flow);
        let phone = binding.map(|binding| binding.user_agent.clone());
        Self {
            number: number.to_string(),
            contact: binding.map(|binding| binding.contact.uri.to_string()),
            from: flow.map(|flow| flow.remote.to_string()),
            transport: flow.map(|flow| flow.transport.to_string()),
            phone: phone.filter(|phone| !phone.is_empty()),
            since: since.map(|since| since.to_string()),
            until: binding.map(|binding| binding.expires.to_string()),
            refused: refused.map(|refusal| {
                let LastRefusal { at, flow, user_agent, why } = refusal;
                let from = flow.remote;
                match user_agent.is_empty() {
                    true => format!("{at} from {from}: {why}"),
                    false => format!("{at} from {from}, {user_agent}: {why}"),
                }
            }),
        }
    }
}
