//! The directory itself and its look-ups.

use super::level::Level;
use super::likeness::Likenesses;
use super::name::Holder;
use super::night::NightSwitch;
use super::numbering_plan::{DESK, NumberingPlan};
use super::operator::{Operator, OperatorMode};
use super::permit::Permit;
use super::secret::Secret;
use super::srtp::Srtp;
use super::terminal::Terminal;
use crate::ids::{LevelId, Number, OperatorId, QueueId};
use crate::sip::Transport;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The most terminals.
pub const TERMINALS_MAX: usize = 100_000;

/// The most permits of all terminals together.
pub const PERMITS_MAX: usize = 100_000;

/// The most operators.
pub const OPERATORS_MAX: usize = 1_000;

/// What the journal keeps of a directory, in any order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Accounts {
    /// All terminals.
    pub terminals: Vec<Terminal>,
    /// All levels.
    pub levels: Vec<Level>,
    /// All permits.
    pub permits: Vec<Permit>,
    /// All operators.
    pub operators: Vec<Operator>,
    /// The switches of night services that are not left to the hours.
    pub nights: Vec<(QueueId, NightSwitch)>,
}

/// Whom a user name stands for.
#[derive(Clone, Copy, Debug)]
pub enum Account<'a> {
    /// A phone.
    Terminal(&'a Terminal),
    /// A desk.
    Operator(&'a Operator),
}

impl<'a> Account<'a> {
    /// What the account proves itself with.
    #[must_use]
    pub fn secret(self) -> Option<&'a Secret> {
        match self {
            Self::Terminal(terminal) => terminal.secret.as_ref(),
            Self::Operator(operator) => operator.secret.as_ref(),
        }
    }
}

/// Everyone and everything that has a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Directory {
    pub(super) plan: NumberingPlan,
    pub(super) terminals: BTreeMap<Number, Terminal>,
    pub(super) levels: BTreeMap<LevelId, Level>,
    pub(super) permits: BTreeSet<Permit>,
    pub(super) operators: BTreeMap<OperatorId, Operator>,
    /// Those that are not left to the hours, of queues that are no longer there, too.
    pub(super) nights: BTreeMap<QueueId, NightSwitch>,
    /// Each terminal's number and name in small letters, as people search for them.
    search: BTreeMap<Number, (String, String)>,
    /// The names of terminals and operators.
    pub(super) likenesses: Likenesses,
}

impl Directory {
    /// Whether this terminal, or the trunk of this name, speaks under SRTP only.
    #[must_use]
    pub fn srtp(&self, terminal: Option<&Number>, trunk: Option<&str>) -> Srtp {
        let of_terminal = terminal.and_then(|number| self.terminal(number)).map(|t| t.srtp);
        let named = |name| self.plan.trunks.iter().find(move |trunk| trunk.name == name);
        let of_trunk = trunk.and_then(named).map(|trunk| trunk.srtp);
        of_terminal.or(of_trunk).unwrap_or_default()
    }

    /// The directory that the journal holds, under the numbering plan of the configuration. Where
    /// the two contradict each other, [`conflicts`](Self::conflicts) says so.
    #[must_use]
    pub fn new(plan: NumberingPlan, accounts: Accounts) -> Self {
        let Accounts { terminals, levels, permits, operators, nights } = accounts;
        let mut directory = Self {
            plan,
            terminals: BTreeMap::new(),
            levels: levels.into_iter().map(|l| (l.name.clone(), l)).collect(),
            permits: permits.into_iter().collect(),
            operators: BTreeMap::new(),
            nights: nights.into_iter().collect(),
            search: BTreeMap::new(),
            likenesses: Likenesses::default(),
        };
        terminals.into_iter().for_each(|terminal| directory.put_terminal(terminal));
        operators.into_iter().for_each(|operator| directory.insert_operator(operator));
        directory
    }

    pub(super) fn put_terminal(&mut self, terminal: Terminal) {
        let number = terminal.number.clone();
        let words = (number.as_str().to_lowercase(), terminal.name.to_lowercase());
        self.search.insert(number.clone(), words);
        self.likenesses.add(&terminal.name);
        if let Some(before) = self.terminals.insert(number, terminal) {
            self.likenesses.remove(&before.name);
        }
    }

    pub(super) fn drop_terminal(&mut self, number: &Number) {
        self.search.remove(number);
        if let Some(before) = self.terminals.remove(number) {
            self.likenesses.remove(&before.name);
        }
    }

    pub(super) fn insert_operator(&mut self, operator: Operator) {
        self.likenesses.add(operator.name.as_str());
        if let Some(before) = self.operators.insert(operator.name.clone(), operator) {
            self.likenesses.remove(before.name.as_str());
        }
    }

    pub(super) fn drop_operator(&mut self, name: &OperatorId) {
        if self.operators.remove(name).is_some() {
            self.likenesses.remove(name.as_str());
        }
    }

    /// What the configuration fixes.
    #[must_use]
    pub fn plan(&self) -> &NumberingPlan {
        &self.plan
    }

    /// We are reached under these addresses.
    pub fn set_addresses(&mut self, addresses: BTreeSet<IpAddr>) {
        self.plan.addresses = addresses.into_iter().collect();
    }

    /// The DNS has told the addresses of a trunk's name, or that there are none: requests from there
    /// are the trunk's from now on, and from nowhere else.
    pub fn locate_trunk(
        &mut self,
        name: &str,
        way: (Option<u16>, Option<Transport>),
        addresses: &BTreeSet<IpAddr>,
    ) {
        for trunk in &mut self.plan.trunks {
            trunk.locate(name, way, addresses);
        }
    }

    /// The terminal of a number.
    #[must_use]
    pub fn terminal(&self, number: &Number) -> Option<&Terminal> {
        self.terminals.get(number)
    }

    /// All terminals, by number.
    pub fn terminals(&self) -> impl ExactSizeIterator<Item = &Terminal> {
        self.terminals.values()
    }

    /// The terminals whose number begins with `text`, or whose name contains it without regard to
    /// case; by number, as many as the caller takes.
    pub fn find<'a>(&'a self, text: &str) -> impl Iterator<Item = &'a Terminal> + use<'a> {
        let wanted = text.trim().to_lowercase();
        self.search
            .iter()
            .filter(move |(_, (number, name))| {
                number.starts_with(&wanted) || name.contains(&wanted)
            })
            .filter_map(|(number, _)| self.terminals.get(number))
    }

    /// Whether a display name reads like a terminal's number or name or like an operator's, without
    /// regard to case, spaces and punctuation, or like an address; or whether it is disguised, so that
    /// nobody can tell. Letters of other scripts that merely look alike are not told apart.
    #[must_use]
    pub fn reads_like_ours(&self, display: &str) -> bool {
        let is_number = |name: &str| self.terminal(&Number::from(name)).is_some();
        self.likenesses.reads_like(display, is_number)
    }

    /// A level by name.
    #[must_use]
    pub fn level(&self, name: &LevelId) -> Option<&Level> {
        self.levels.get(name)
    }

    /// All levels, by name.
    pub fn levels(&self) -> impl ExactSizeIterator<Item = &Level> {
        self.levels.values()
    }

    /// Whether callers of level `caller` may call terminals of level `callee`. A level that is not
    /// there admits nobody.
    #[must_use]
    pub fn admits(&self, callee: &LevelId, caller: &LevelId) -> bool {
        self.levels.get(callee).is_some_and(|level| level.admits.contains(caller))
    }

    /// Whether callers of this level may call anyone at all; who may not, does not learn which
    /// numbers there are (R1.3).
    #[must_use]
    pub fn admitted_anywhere(&self, caller: &LevelId) -> bool {
        self.levels.values().any(|level| level.admits.contains(caller))
    }

    /// Whether `caller` may call `callee` whatever the levels say.
    #[must_use]
    pub fn permits(&self, callee: &Number, caller: &Number) -> bool {
        self.permits.contains(&Permit { callee: callee.clone(), caller: caller.clone() })
    }

    /// All permits, by callee, then by caller.
    pub fn all_permits(&self) -> impl ExactSizeIterator<Item = &Permit> {
        self.permits.iter()
    }

    /// An operator by name.
    #[must_use]
    pub fn operator(&self, name: &OperatorId) -> Option<&Operator> {
        self.operators.get(name)
    }

    /// All operators, by name.
    pub fn operators(&self) -> impl ExactSizeIterator<Item = &Operator> {
        self.operators.values()
    }

    /// The operator without a desk whose phone this is; feature codes dialled there are its.
    #[must_use]
    pub fn operator_by_phone(&self, phone: &Number) -> Option<&Operator> {
        self.operators.values().find(|o| o.mode == OperatorMode::Phone && o.phone == *phone)
    }

    /// The operators that may log in with this phone, by name.
    pub fn operators_at<'a>(&'a self, phone: &'a Number) -> impl Iterator<Item = &'a Operator> {
        self.operators.values().filter(move |operator| operator.may_use(phone))
    }

    /// The desk phones that more than one operator has as its own.
    #[must_use]
    pub fn shared_phones(&self) -> BTreeMap<&Number, Vec<&OperatorId>> {
        let mut phones: BTreeMap<&Number, Vec<&OperatorId>> = BTreeMap::new();
        for operator in self.operators.values() {
            phones.entry(&operator.phone).or_default().push(&operator.name);
        }
        phones.retain(|_, operators| operators.len() > 1);
        phones
    }

    /// How the night service of a queue is switched.
    #[must_use]
    pub fn night(&self, queue: &QueueId) -> NightSwitch {
        self.nights.get(queue).copied().unwrap_or_default()
    }

    /// The queue that a number leads to, when it is an operator number.
    #[must_use]
    pub fn queue_of(&self, number: &Number) -> Option<&QueueId> {
        self.plan.queues.get(number)
    }

    /// Whom the user name of a digest response stands for.
    #[must_use]
    pub fn account(&self, user: &str) -> Option<Account<'_>> {
        if let Some(terminal) = self.terminals.get(&Number::from(user)) {
            return Some(Account::Terminal(terminal));
        }
        self.operators.get(&OperatorId::from(user)).map(Account::Operator)
    }

    /// Who has this name already (R1.4).
    #[must_use]
    pub fn holder(&self, name: &str) -> Option<Holder> {
        // People mix up `Desk` and `desk`; nobody needs either as a name.
        if name.eq_ignore_ascii_case(DESK) {
            Some(Holder::Desk)
        } else if self.plan.queues.contains_key(&Number::from(name)) {
            Some(Holder::Queue)
        } else if self.plan.camera_at(&Number::from(name)).is_some() {
            Some(Holder::Camera)
        } else if self.terminals.contains_key(&Number::from(name)) {
            Some(Holder::Terminal)
        } else if self.operators.contains_key(&OperatorId::from(name)) {
            Some(Holder::Operator)
        } else {
            None
        }
    }
}
