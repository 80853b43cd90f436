//! Admission: who may call whom, by which rule, and why not (R1.3, R2).
//!
//! ```text
//!   permit? ──yes──▶ admitted
//!      │no
//!   level(caller) in admits(level(callee))? ──yes──▶ admitted
//!      │no
//!   refused with 403; so is an unknown number, unless the caller's level is admitted anywhere: 404
//! ```

use crate::acd::{QueuePriorities, Share};
use crate::cause::Cause;
use crate::directory::{Directory, Meaning};
use crate::ids::{CameraId, LevelId, Number};
use std::fmt;

/// Who calls, as authenticated; the From header alone is never enough (R2.5).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CallerIdentity {
    /// How we know.
    pub origin: CallOrigin,
    /// The caller's number; `None` when it is withheld.
    pub number: Option<Number>,
    /// The display name, may be empty.
    pub name: String,
    /// The parameters of the number as it came, `;cpc=ordinary`; empty where it is withheld.
    pub params: String,
}

/// How a caller came to us.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum CallOrigin {
    /// A terminal of ours, by digest.
    Terminal(Number),
    /// A trunk, by its address; the trunk's name.
    Trunk(String),
    /// Another domain, which nobody vouches for.
    Guest {
        /// The host of its address; empty where nobody knows it.
        domain: String,
    },
}

impl CallOrigin {
    /// A word for desks and listings: `terminal`, `trunk`, `guest`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Terminal(_) => "terminal",
            Self::Trunk(_) => "trunk",
            Self::Guest { .. } => "guest",
        }
    }
}

impl CallerIdentity {
    /// What people see: the number, of a guest the whole address, or `anonymous`.
    #[must_use]
    pub fn shown(&self) -> String {
        match (&self.number, &self.origin) {
            (None, _) => "anonymous".into(),
            (Some(number), CallOrigin::Guest { domain }) if !domain.is_empty() => {
                format!("{number}@{domain}")
            }
            (
                Some(number),
                CallOrigin::Terminal(_) | CallOrigin::Trunk(_) | CallOrigin::Guest { .. },
            ) => number.to_string(),
        }
    }

    /// Who that is, for the log: `terminal 4001`, `guest 3001@elsewhere.example`.
    #[must_use]
    pub fn described(&self) -> String {
        format!("{} {}", self.origin_word(), self.shown())
    }

    /// Whose part of a queue it takes.
    #[must_use]
    pub fn share(&self) -> Share {
        match &self.origin {
            CallOrigin::Terminal(number) => Share::Terminal(number.clone()),
            CallOrigin::Trunk(name) => Share::Trunk(name.clone()),
            CallOrigin::Guest { .. } => Share::Guests,
        }
    }

    /// Its priority in a queue.
    #[must_use]
    pub fn priority(&self, priorities: &QueuePriorities, directory: &Directory) -> u8 {
        let trunk = match &self.origin {
            CallOrigin::Trunk(name) => Some(name.as_str()),
            CallOrigin::Terminal(_) | CallOrigin::Guest { .. } => None,
        };
        priorities.of(self.proven_number(directory), trunk, &self.level(directory))
    }

    /// The terminal that calls, if it is one.
    #[must_use]
    pub fn terminal(&self) -> Option<&Number> {
        match &self.origin {
            CallOrigin::Terminal(number) => Some(number),
            CallOrigin::Trunk(_) | CallOrigin::Guest { .. } => None,
        }
    }

    /// Whether this is the number at which the caller is; what a guest claims counts for nothing.
    #[must_use]
    pub fn is(&self, number: &Number) -> bool {
        match &self.origin {
            CallOrigin::Terminal(own) => own == number,
            CallOrigin::Trunk(_) => self.number.as_ref() == Some(number),
            CallOrigin::Guest { .. } => false,
        }
    }

    /// A word for the record: `terminal`, `trunk carrier`, `guest`.
    #[must_use]
    pub fn origin_word(&self) -> String {
        match &self.origin {
            CallOrigin::Terminal(_) => "terminal".into(),
            CallOrigin::Trunk(name) => format!("trunk {name}"),
            CallOrigin::Guest { .. } => "guest".into(),
        }
    }

    /// The number under which permits may name this caller. A trunk vouches for its callers'
    /// numbers, but not for those of our terminals; a guest vouches for nothing (R1.5).
    fn proven_number(&self, directory: &Directory) -> Option<&Number> {
        match &self.origin {
            CallOrigin::Terminal(number) => Some(number),
            CallOrigin::Trunk(_) => {
                self.number.as_ref().filter(|number| directory.terminal(number).is_none())
            }
            CallOrigin::Guest { .. } => None,
        }
    }

    fn level(&self, directory: &Directory) -> LevelId {
        let plan = directory.plan();
        let own = match &self.origin {
            CallOrigin::Terminal(number) => directory.terminal(number).map(|found| &found.level),
            CallOrigin::Trunk(name) => {
                plan.trunks.iter().find(|trunk| trunk.name == *name).map(|trunk| &trunk.level)
            }
            CallOrigin::Guest { .. } => None,
        };
        own.unwrap_or(&plan.external).clone()
    }
}

/// A call that may be made; only [`admit`] makes one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AdmittedCall {
    callee: Callee,
    rule: Rule,
}

impl AdmittedCall {
    /// Whom it reaches.
    #[must_use]
    pub fn callee(&self) -> &Callee {
        &self.callee
    }

    /// With the parameters of the number, which are for carriers.
    #[must_use]
    pub fn with_params(mut self, dialled: &str) -> Self {
        match &mut self.callee {
            Callee::Trunk { params, .. } => dialled.clone_into(params),
            Callee::Terminal(_) | Callee::Camera { .. } => {}
        }
        self
    }

    /// By which rule.
    #[must_use]
    pub fn rule(&self) -> &Rule {
        &self.rule
    }
}

/// Whom an admitted call reaches.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Callee {
    /// A terminal of ours.
    Terminal(Number),
    /// A number beyond a trunk.
    Trunk {
        /// The trunk's name.
        trunk: String,
        /// The number as dialled.
        number: Number,
        /// The parameters that were dialled with it, `;npdi;rn=+4930`.
        params: String,
    },
    /// Nobody: a camera that is looked at.
    Camera {
        /// Which.
        camera: CameraId,
        /// The number as dialled.
        number: Number,
    },
}

impl Callee {
    /// The number that is called.
    #[must_use]
    pub fn number(&self) -> &Number {
        match self {
            Self::Terminal(number) | Self::Trunk { number, .. } | Self::Camera { number, .. } => {
                number
            }
        }
    }

    /// The terminal, if it is one of ours.
    #[must_use]
    pub fn terminal(&self) -> Option<&Number> {
        match self {
            Self::Terminal(number) => Some(number),
            Self::Trunk { .. } | Self::Camera { .. } => None,
        }
    }

    /// The parameters of the number, which are for carriers.
    #[must_use]
    pub fn params(&self) -> &str {
        match self {
            Self::Terminal(_) | Self::Camera { .. } => "",
            Self::Trunk { params, .. } => params,
        }
    }

    /// The trunk by which it is reached, if it is.
    #[must_use]
    pub fn trunk(&self) -> Option<&str> {
        match self {
            Self::Terminal(_) | Self::Camera { .. } => None,
            Self::Trunk { trunk, .. } => Some(trunk),
        }
    }
}

/// The rule that decided; its `Display` is what `explain` prints.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Rule {
    /// The callee permits this caller by number.
    Permit {
        /// Who may call.
        caller: Number,
        /// Whom.
        callee: Number,
    },
    /// The caller's level is among those that the callee's level admits.
    Admitted {
        /// Of the caller.
        caller: LevelId,
        /// Of the callee.
        callee: LevelId,
    },
    /// It is not, and there is no permit.
    NotAdmitted {
        /// Of the caller.
        caller: LevelId,
        /// Of the callee.
        callee: LevelId,
    },
    /// Callers of this level may not call anyone, so they do not learn which numbers there are.
    AdmittedNowhere {
        /// Of the caller.
        caller: LevelId,
    },
    /// Nobody has this number.
    UnknownNumber(Number),
    /// An operator number is open to every caller (R1.1).
    OperatorNumber(Number),
    /// Not a number that calls lead to: `desk`, feature codes.
    NoTelephone(Number),
}

impl Rule {
    /// Whether the call may be made.
    #[must_use]
    pub fn admits(&self) -> bool {
        match self {
            Self::Permit { .. } | Self::Admitted { .. } | Self::OperatorNumber(_) => true,
            Self::NotAdmitted { .. }
            | Self::AdmittedNowhere { .. }
            | Self::UnknownNumber(_)
            | Self::NoTelephone(_) => false,
        }
    }

    /// Why a call was refused.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::UnknownNumber(_) => Cause::UnknownNumber,
            Self::NotAdmitted { .. }
            | Self::AdmittedNowhere { .. }
            | Self::NoTelephone(_)
            | Self::Permit { .. }
            | Self::Admitted { .. }
            | Self::OperatorNumber(_) => Cause::NotPermitted,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permit { caller, callee } => {
                write!(f, "{callee} permits {caller} whatever the levels say")
            }
            Self::Admitted { caller, callee } => {
                write!(f, "level {callee} admits callers of level {caller}")
            }
            Self::NotAdmitted { caller, callee } => {
                write!(
                    f,
                    "level {callee} does not admit callers of level {caller}, and no permit is given"
                )
            }
            Self::AdmittedNowhere { caller } => {
                write!(f, "no level admits callers of level {caller}")
            }
            Self::UnknownNumber(number) => write!(f, "nobody has the number {number}"),
            Self::OperatorNumber(number) => {
                write!(f, "{number} is an operator number, open to every caller")
            }
            Self::NoTelephone(number) => write!(f, "{number} is no telephone"),
        }
    }
}

/// Decides whether `caller` may call `number`. An operator number is not for this room to place:
/// it is refused here like any other that no telephone has.
///
/// # Errors
/// The rule that forbids it.
pub fn admit(
    directory: &Directory,
    caller: &CallerIdentity,
    number: &Number,
) -> Result<AdmittedCall, Rule> {
    let level = caller.level(directory);
    let (callee, callee_level) = match directory.meaning(number) {
        Meaning::Terminal(terminal) => {
            (Callee::Terminal(terminal.number.clone()), terminal.level.clone())
        }
        Meaning::Trunk(trunk) => {
            let (name, params) = (trunk.name.clone(), String::new());
            let callee = Callee::Trunk { trunk: name, number: number.clone(), params };
            (callee, trunk.level.clone())
        }
        Meaning::Camera(camera) => {
            let callee = Callee::Camera { camera: camera.id, number: number.clone() };
            (callee, camera.level.clone())
        }
        Meaning::Unknown if directory.admitted_anywhere(&level) => {
            return Err(Rule::UnknownNumber(number.clone()));
        }
        Meaning::Unknown => return Err(Rule::AdmittedNowhere { caller: level }),
        Meaning::Desk | Meaning::FeatureCode | Meaning::Queue(_) => {
            return Err(Rule::NoTelephone(number.clone()));
        }
    };
    if let Some(own) = caller.proven_number(directory)
        && directory.permits(number, own)
    {
        let rule = Rule::Permit { caller: own.clone(), callee: number.clone() };
        return Ok(AdmittedCall { callee, rule });
    }
    if directory.admits(&callee_level, &level) {
        let rule = Rule::Admitted { caller: level, callee: callee_level };
        return Ok(AdmittedCall { callee, rule });
    }
    Err(Rule::NotAdmitted { caller: level, callee: callee_level })
}

/// Decides whether `asker` may move `moved` on to `number`, by REFER or a 3xx. Both need the right to call
/// there (R1.6): what one party may not call, it may not let another call and pay for.
///
/// # Errors
/// Whom of the two which rule forbids it.
pub fn admit_moved<'a>(
    directory: &Directory,
    asker: &'a CallerIdentity,
    moved: &'a CallerIdentity,
    number: &Number,
) -> Result<AdmittedCall, (&'a CallerIdentity, Rule)> {
    admit(directory, asker, number).map_err(|rule| (asker, rule))?;
    admit(directory, moved, number).map_err(|rule| (moved, rule))
}

/// Which rule decides about a call from the number `caller` to the number `callee`; a caller that
/// is no terminal of ours counts as one whose number a trunk vouches for, at the external level.
#[must_use]
pub fn explain(directory: &Directory, caller: &Number, callee: &Number) -> Rule {
    if directory.queue_of(callee).is_some() {
        return Rule::OperatorNumber(callee.clone());
    }
    let origin = match directory.terminal(caller) {
        Some(terminal) => CallOrigin::Terminal(terminal.number.clone()),
        None => CallOrigin::Trunk(String::new()),
    };
    let (number, name, params) = (Some(caller.clone()), String::new(), String::new());
    let caller = CallerIdentity { origin, number, name, params };
    admit(directory, &caller, callee).map_or_else(|rule| rule, |admitted| admitted.rule)
}
