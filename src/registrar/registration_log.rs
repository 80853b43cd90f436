//! What people see of registrations: which phones are there, and who was refused last, and why.

use super::authenticator::{AuthRefusal, Challenged};
use super::binding::{Binding, BindingChange};
use super::effect::Effect;
use crate::directory::Directory;
use crate::ids::Number;
use crate::sip::{Flow, HeaderName, Request, Response};
use crate::text::{USER_AGENT_CHARS_MAX, cut, harmless};
use crate::time::UnixTime;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A phone has come, or was not let in; for the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RegistrationEvent {
    /// It has registered for the first time, or after it was gone.
    Came(Box<Binding>),
    /// It was refused; a wrong password is told by [`WrongPassword`](super::WrongPassword).
    Refused {
        /// Where it is.
        flow: Flow,
        /// The response.
        status: u16,
        /// Who, and why.
        what: String,
    },
}

/// The last refusal of a number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LastRefusal {
    /// When.
    pub at: UnixTime,
    /// Where it came from.
    pub flow: Flow,
    /// What the phone calls itself; may be empty.
    pub user_agent: String,
    /// Why.
    pub why: String,
}

/// One registration, or a number that was refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegistrationEntry {
    /// The number.
    pub number: Number,
    /// The phone that is there.
    pub binding: Option<Binding>,
    /// The last refusal of the number, if it had one.
    pub refused: Option<LastRefusal>,
}

/// A phone that has come, in words.
impl fmt::Display for RegistrationEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Came(binding) => {
                let Binding { number, flow, user_agent, .. } = &**binding;
                write!(f, "{number} is registered")?;
                if let Some(flow) = flow {
                    write!(f, " from {} by {}", flow.remote, flow.transport)?;
                }
                match user_agent.is_empty() {
                    true => Ok(()),
                    false => write!(f, ", {}", harmless(user_agent)),
                }
            }
            Self::Refused { what, .. } => f.write_str(what),
        }
    }
}

/// The book.
#[derive(Debug, Default)]
pub(super) struct RegistrationLog {
    /// By number and key of the binding.
    there: BTreeSet<(Number, String)>,
    /// Of terminals alone, so that unauthenticated sources do not fill it.
    refused: BTreeMap<Number, LastRefusal>,
    visits: Vec<RegistrationEvent>,
}

impl RegistrationLog {
    /// A phone that was there before the server started.
    pub fn was_there(&mut self, binding: &Binding) {
        self.there.insert((binding.number.clone(), binding.key()));
    }

    /// What has become of bindings.
    pub fn note(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Store(BindingChange::Put(binding)) => {
                    let key = (binding.number.clone(), binding.key());
                    if self.there.insert(key) {
                        self.visits.push(RegistrationEvent::Came(binding.clone()));
                    }
                }
                Effect::Store(BindingChange::Drop { number, key }) => {
                    self.there.remove(&(number.clone(), key.clone()));
                }
                Effect::Respond { .. } | Effect::Registered(_) | Effect::Unregistered(_) => {}
            }
        }
    }

    /// A REGISTER was answered otherwise than with a 200; the first request of each phone is, too, and
    /// is no refusal.
    pub fn refused(
        &mut self,
        at: UnixTime,
        directory: &Directory,
        flow: Flow,
        request: &Request,
        (response, refusal): (&Response, Option<&AuthRefusal>),
    ) {
        let status = response.status.as_u16();
        let (why, is_told) = match refusal {
            Some(AuthRefusal::Challenge { why: Challenged::Wrong { .. }, .. }) => {
                ("401: wrong password".to_owned(), true)
            }
            Some(AuthRefusal::Challenge { .. }) => return,
            Some(
                AuthRefusal::BadCredentials | AuthRefusal::Limited { .. } | AuthRefusal::OthersName,
            )
            | None => (format!("{status}: {}", response.reason), false),
        };
        let to = request.headers.to().ok().and_then(|to| to.uri.number().map(|n| n.to_string()));
        let agent = request.headers.get(HeaderName::UserAgent).unwrap_or("");
        let user_agent = cut(agent, USER_AGENT_CHARS_MAX).to_owned();
        let number = to.map(|number| Number::from(number.as_str()));
        if !is_told {
            let who = number
                .as_ref()
                .map_or_else(|| "somebody".to_owned(), |n| cut(n.as_str(), 32).to_owned());
            let phone =
                if user_agent.is_empty() { String::new() } else { format!(" ({user_agent})") };
            let what = harmless(&format!("REGISTER of {who}{phone} is refused with {why}"));
            self.visits.push(RegistrationEvent::Refused { flow, status, what });
        }
        if let Some(number) = number.filter(|number| directory.terminal(number).is_some()) {
            self.refused.insert(number, LastRefusal { at, flow, user_agent, why });
        }
    }

    /// The terminal is gone.
    pub fn forget(&mut self, number: &Number) {
        self.refused.remove(number);
    }

    /// What the log has not heard.
    pub fn visits(&mut self) -> Vec<RegistrationEvent> {
        std::mem::take(&mut self.visits)
    }

    /// All registrations, then the numbers that were refused and are not there.
    pub fn registrations<'a>(
        &'a self,
        bindings: impl Iterator<Item = &'a Binding>,
    ) -> Vec<RegistrationEntry> {
        let mut all: Vec<RegistrationEntry> = bindings
            .map(|binding| RegistrationEntry {
                number: binding.number.clone(),
                refused: self.refused.get(&binding.number).cloned(),
                binding: Some(binding.clone()),
            })
            .collect();
        let there: Vec<Number> = all.iter().map(|found| found.number.clone()).collect();
        let away = self.refused.iter().filter(|(number, _)| there.binary_search(number).is_err());
        all.extend(away.map(|(number, refusal)| RegistrationEntry {
            number: number.clone(),
            binding: None,
            refused: Some(refusal.clone()),
        }));
        all
    }
}
