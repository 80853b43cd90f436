//! Changes of the directory: every rule of names and references is kept here, whoever asks.

use super::accounts::{Directory, OPERATORS_MAX, PERMITS_MAX, TERMINALS_MAX};
use super::draft_field::DraftField;
use super::level::{LEVELS_MAX, Level};
use super::name::{Holder, NameFault, check_display_name, check_name};
use super::night::NightSwitch;
use super::operator::{CALLS_MAX, Operator, OperatorDraft, OperatorMode, PHONES_MAX};
use super::permit::Permit;
use super::refusal::{ChangeRefusal, LevelUser, Thing};
use super::terminal::{Terminal, TerminalDraft};
use crate::ids::{LevelId, Number, OperatorId, QueueId};
use crate::sip::Scheme;
use std::collections::BTreeSet;
use std::fmt;

/// How many terminals of an import the audit names.
const IMPORT_NAMED_MAX: usize = 20;

/// What an administrator wants.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DirectoryChange {
    /// A new terminal.
    AddTerminal(TerminalDraft),
    /// Another name, level, password or contact for a terminal.
    SetTerminal(TerminalDraft),
    /// The terminal goes, and its permits with it.
    RemoveTerminal(Number),
    /// Many terminals, new or known, all or none.
    ImportTerminals(Vec<TerminalDraft>),
    /// A new level.
    AddLevel(Level),
    /// Another set of admitted levels.
    SetLevel(Level),
    /// The level goes; refused while anything uses it.
    RemoveLevel(LevelId),
    /// A caller may call a terminal whatever the levels say.
    AddPermit(Permit),
    /// The levels decide again.
    RemovePermit(Permit),
    /// A new operator.
    AddOperator(OperatorDraft),
    /// Other phones, queues, mode or password for an operator.
    SetOperator(OperatorDraft),
    /// The operator goes.
    RemoveOperator(OperatorId),
    /// The night service of a queue is switched.
    SetNight {
        /// Which queue's.
        queue: QueueId,
        /// How.
        switch: NightSwitch,
    },
}

/// One row that the journal writes; together the rows of a change are one transaction.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// A terminal is now so.
    PutTerminal(Terminal),
    /// A terminal is gone.
    DropTerminal(Number),
    /// A level is now so.
    PutLevel(Level),
    /// A level is gone.
    DropLevel(LevelId),
    /// A permit is there.
    PutPermit(Permit),
    /// A permit is gone.
    DropPermit(Permit),
    /// An operator is now so.
    PutOperator(Operator),
    /// An operator is gone.
    DropOperator(OperatorId),
    /// The night service of a queue is now switched so.
    PutNight(QueueId, NightSwitch),
}

impl Directory {
    /// Carries out a change, wholly or not at all, and returns the rows to write.
    ///
    /// # Errors
    /// When the change breaks a rule; the directory is as before.
    pub fn apply(&mut self, change: &DirectoryChange) -> Result<Vec<Effect>, ChangeRefusal> {
        let effects = self.consider(change)?;
        self.adopt(&effects);
        Ok(effects)
    }

    /// The rows that a change makes; the directory is as before until it [adopts](Self::adopt) them.
    ///
    /// # Errors
    /// When the change breaks a rule.
    pub fn consider(&self, change: &DirectoryChange) -> Result<Vec<Effect>, ChangeRefusal> {
        match change {
            DirectoryChange::AddTerminal(draft) if self.terminals.contains_key(&draft.number) => {
                Err(exists(Thing::Terminal, &draft.number))
            }
            DirectoryChange::AddTerminal(draft) => self.put_terminals(vec![self.drafted(draft)?]),
            DirectoryChange::SetTerminal(draft) => {
                self.terminal_known(&draft.number)?;
                self.put_terminals(vec![self.drafted(draft)?])
            }
            DirectoryChange::RemoveTerminal(number) => self.remove_terminal(number),
            DirectoryChange::ImportTerminals(drafts) => self.import_terminals(drafts),
            DirectoryChange::AddLevel(level) if self.levels.contains_key(&level.name) => {
                Err(exists(Thing::Level, &level.name))
            }
            DirectoryChange::AddLevel(level) => self.put_level(level),
            DirectoryChange::SetLevel(level) => {
                self.level_known(&level.name)?;
                self.put_level(level)
            }
            DirectoryChange::RemoveLevel(name) => self.remove_level(name),
            DirectoryChange::AddPermit(permit) => self.add_permit(permit),
            DirectoryChange::RemovePermit(permit) => self.remove_permit(permit),
            DirectoryChange::AddOperator(draft) if self.operators.contains_key(&draft.name) => {
                Err(exists(Thing::Operator, &draft.name))
            }
            DirectoryChange::AddOperator(draft) => self.put_operator(draft),
            DirectoryChange::SetOperator(draft) => {
                self.operator_known(&draft.name)?;
                self.put_operator(draft)
            }
            DirectoryChange::RemoveOperator(name) => {
                self.operator_known(name)?;
                Ok(vec![Effect::DropOperator(name.clone())])
            }
            DirectoryChange::SetNight { queue, switch } => {
                if !self.plan.queues.values().any(|known| known == queue) {
                    return Err(ChangeRefusal::NotConfigured(queue.clone()));
                }
                Ok(vec![Effect::PutNight(queue.clone(), *switch)])
            }
        }
    }

    /// Takes over the rows of a change that was [considered](Self::consider); no other may have been
    /// adopted since.
    pub fn adopt(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::PutTerminal(terminal) => self.put_terminal(terminal.clone()),
                Effect::DropTerminal(number) => self.drop_terminal(number),
                Effect::PutLevel(level) => {
                    self.levels.insert(level.name.clone(), level.clone());
                }
                Effect::DropLevel(name) => {
                    self.levels.remove(name);
                }
                Effect::PutPermit(permit) => {
                    self.permits.insert(permit.clone());
                }
                Effect::DropPermit(permit) => {
                    self.permits.remove(permit);
                }
                Effect::PutOperator(operator) => self.insert_operator(operator.clone()),
                Effect::DropOperator(name) => self.drop_operator(name),
                Effect::PutNight(queue, NightSwitch::Auto) => {
                    self.nights.remove(queue);
                }
                Effect::PutNight(queue, switch) => {
                    self.nights.insert(queue.clone(), *switch);
                }
            }
        }
    }

    /// The rows that undo those of a change which was considered and is not to be adopted.
    #[must_use]
    pub fn opposite(&self, effects: &[Effect]) -> Vec<Effect> {
        let opposite = |effect: &Effect| match effect {
            Effect::PutTerminal(Terminal { number, .. }) | Effect::DropTerminal(number) => {
                let own = self.terminals.get(number).cloned();
                own.map_or_else(|| Effect::DropTerminal(number.clone()), Effect::PutTerminal)
            }
            Effect::PutLevel(Level { name, .. }) | Effect::DropLevel(name) => {
                let own = self.levels.get(name).cloned();
                own.map_or_else(|| Effect::DropLevel(name.clone()), Effect::PutLevel)
            }
            Effect::PutPermit(permit) | Effect::DropPermit(permit) => {
                match self.permits.contains(permit) {
                    true => Effect::PutPermit(permit.clone()),
                    false => Effect::DropPermit(permit.clone()),
                }
            }
            Effect::PutOperator(Operator { name, .. }) | Effect::DropOperator(name) => {
                let own = self.operators.get(name).cloned();
                own.map_or_else(|| Effect::DropOperator(name.clone()), Effect::PutOperator)
            }
            Effect::PutNight(queue, _) => Effect::PutNight(queue.clone(), self.night(queue)),
        };
        effects.iter().map(opposite).collect()
    }

    /// Where the journal and the configuration contradict each other, in a fixed order: names that
    /// an operator number has taken since, queues and levels that are no longer there.
    #[must_use]
    pub fn conflicts(&self) -> Vec<ChangeRefusal> {
        let mut found = Vec::new();
        let external = std::iter::once((&self.plan.external, LevelUser::External));
        let trunks = self.plan.trunks.iter().map(|t| (&t.level, LevelUser::Trunk(t.name.clone())));
        let cameras =
            self.plan.cameras.iter().map(|c| (&c.level, LevelUser::Camera(c.name.clone())));
        for (level, user) in external.chain(trunks).chain(cameras) {
            if !self.levels.contains_key(level) {
                found.push(ChangeRefusal::LevelMissing { level: level.clone(), user });
            }
        }
        for terminal in self.terminals.values() {
            found.extend(self.check_name_for(Thing::Terminal, terminal.number.as_str()).err());
        }
        for operator in self.operators.values() {
            found.extend(self.check_name_for(Thing::Operator, operator.name.as_str()).err());
            found.extend(self.check_queues(operator).err());
        }
        found
    }

    fn remove_terminal(&self, number: &Number) -> Result<Vec<Effect>, ChangeRefusal> {
        self.terminal_known(number)?;
        if let Some(operator) = self.operators_at(number).next() {
            let (number, operator) = (number.clone(), operator.name.clone());
            return Err(ChangeRefusal::PhoneInUse { number, operator });
        }
        // Who gets the number next must not inherit whom its last holder could reach.
        let gone = self.permits.iter().filter(|p| p.callee == *number || p.caller == *number);
        let mut effects = vec![Effect::DropTerminal(number.clone())];
        effects.extend(gone.cloned().map(Effect::DropPermit));
        Ok(effects)
    }

    fn put_level(&self, level: &Level) -> Result<Vec<Effect>, ChangeRefusal> {
        let name = level.name.as_str();
        check_name(name).map_err(|fault| bad_name(Thing::Level, name, fault))?;
        for admitted in level.admits.iter().filter(|admitted| **admitted != level.name) {
            self.level_known(admitted)?;
        }
        if !self.levels.contains_key(&level.name) && self.levels.len() >= LEVELS_MAX {
            return Err(ChangeRefusal::Limit { what: "levels", max: LEVELS_MAX });
        }
        Ok(vec![Effect::PutLevel(level.clone())])
    }

    fn remove_level(&self, name: &LevelId) -> Result<Vec<Effect>, ChangeRefusal> {
        self.level_known(name)?;
        if let Some(user) = self.user_of(name) {
            return Err(ChangeRefusal::LevelInUse { level: name.clone(), user });
        }
        Ok(vec![Effect::DropLevel(name.clone())])
    }

    fn user_of(&self, level: &LevelId) -> Option<LevelUser> {
        if self.plan.external == *level {
            return Some(LevelUser::External);
        }
        if let Some(trunk) = self.plan.trunks.iter().find(|trunk| trunk.level == *level) {
            return Some(LevelUser::Trunk(trunk.name.clone()));
        }
        if let Some(camera) = self.plan.cameras.iter().find(|camera| camera.level == *level) {
            return Some(LevelUser::Camera(camera.name.clone()));
        }
        if let Some(terminal) = self.terminals.values().find(|t| t.level == *level) {
            return Some(LevelUser::Terminal(terminal.number.clone()));
        }
        let admitting = |l: &&Level| l.name != *level && l.admits.contains(level);
        self.levels.values().find(admitting).map(|l| LevelUser::Level(l.name.clone()))
    }

    fn add_permit(&self, permit: &Permit) -> Result<Vec<Effect>, ChangeRefusal> {
        if self.plan.camera_at(&permit.callee).is_none() {
            self.terminal_known(&permit.callee)?;
        }
        let caller = permit.caller.as_str();
        check_name(caller).map_err(|fault| bad_name(Thing::Permit, caller, fault))?;
        if self.permits.contains(permit) {
            return Err(exists(Thing::Permit, permit));
        }
        if self.permits.len() >= PERMITS_MAX {
            return Err(ChangeRefusal::Limit { what: "permits", max: PERMITS_MAX });
        }
        Ok(vec![Effect::PutPermit(permit.clone())])
    }

    fn remove_permit(&self, permit: &Permit) -> Result<Vec<Effect>, ChangeRefusal> {
        if !self.permits.contains(permit) {
            return Err(no_such(Thing::Permit, permit));
        }
        Ok(vec![Effect::DropPermit(permit.clone())])
    }

    fn put_operator(&self, draft: &OperatorDraft) -> Result<Vec<Effect>, ChangeRefusal> {
        let name = &draft.name;
        self.check_name_for(Thing::Operator, name.as_str())?;
        let old = self.operators.get(name);
        if old.is_none() && self.operators.len() >= OPERATORS_MAX {
            return Err(ChangeRefusal::Limit { what: "operators", max: OPERATORS_MAX });
        }
        let phone = draft.phone.clone().or_else(|| old.map(|o| o.phone.clone()));
        let operator = Operator {
            name: name.clone(),
            phone: phone.ok_or_else(|| ChangeRefusal::NoPhone(name.clone()))?,
            phones: kept(&draft.phones, old.map(|o| &o.phones)),
            queues: kept(&draft.queues, old.map(|o| &o.queues)),
            mode: draft.mode.or(old.map(|o| o.mode)).unwrap_or_default(),
            max_calls: draft.max_calls.or(old.map(|o| o.max_calls)).unwrap_or(1),
            secret: draft.secret.clone().or_else(|| old.and_then(|o| o.secret.clone())),
        };
        if !(1..=CALLS_MAX).contains(&operator.max_calls) {
            let (operator, given) = (name.clone(), operator.max_calls);
            return Err(ChangeRefusal::MaxCalls { operator, given, max: CALLS_MAX });
        }
        if operator.phones.len() > PHONES_MAX {
            return Err(ChangeRefusal::Limit { what: "phones of one operator", max: PHONES_MAX });
        }
        for phone in std::iter::once(&operator.phone).chain(&operator.phones) {
            self.terminal_known(phone)?;
        }
        self.check_queues(&operator)?;
        if operator.mode == OperatorMode::Phone
            && let Some(other) = self.operator_by_phone(&operator.phone)
            && other.name != *name
        {
            let (operator, phone, other) = (name.clone(), operator.phone, other.name.clone());
            return Err(ChangeRefusal::PhoneShared { operator, phone, other });
        }
        Ok(vec![Effect::PutOperator(operator)])
    }

    fn check_queues(&self, operator: &Operator) -> Result<(), ChangeRefusal> {
        let known = |queue: &QueueId| self.plan.queues.values().any(|q| q == queue);
        match operator.queues.iter().find(|queue| !known(queue)) {
            None => Ok(()),
            Some(queue) => Err(ChangeRefusal::NoSuchQueue {
                operator: operator.name.clone(),
                queue: queue.clone(),
            }),
        }
    }

    fn import_terminals(&self, drafts: &[TerminalDraft]) -> Result<Vec<Effect>, ChangeRefusal> {
        let mut numbers = BTreeSet::new();
        let mut new = Vec::with_capacity(drafts.len());
        for (row, draft) in (1..).zip(drafts) {
            let checked = if numbers.insert(&draft.number) {
                self.drafted(draft)
            } else {
                Err(ChangeRefusal::Twice(draft.number.clone()))
            };
            new.push(
                checked.map_err(|fault| ChangeRefusal::Row { row, refusal: Box::new(fault) })?,
            );
        }
        self.put_terminals(new)
    }

    /// What the terminal of a draft would be.
    fn drafted(&self, draft: &TerminalDraft) -> Result<Terminal, ChangeRefusal> {
        let number = draft.number.as_str();
        self.check_name_for(Thing::Terminal, number)?;
        let old = self.terminals.get(&draft.number);
        if let Some(name) = &draft.name {
            check_display_name(name).map_err(|fault| bad_name(Thing::Terminal, name, fault))?;
        }
        if let Some(level) = &draft.level {
            self.level_known(level)?;
        }
        let contact = match &draft.contact {
            DraftField::Keep => old.and_then(|t| t.contact.clone()),
            DraftField::Clear => None,
            DraftField::Set(uri) if matches!(uri.scheme(), Scheme::Sip | Scheme::Sips) => {
                Some(uri.clone())
            }
            DraftField::Set(uri) => {
                let (number, contact) = (draft.number.clone(), uri.to_string());
                return Err(ChangeRefusal::BadContact { number, contact });
            }
        };
        let level = draft.level.clone().or_else(|| old.map(|t| t.level.clone()));
        Ok(Terminal {
            number: draft.number.clone(),
            name: kept(&draft.name, old.map(|t| &t.name)),
            level: level.unwrap_or_else(|| self.plan.external.clone()),
            secret: draft.secret.clone().or_else(|| old.and_then(|t| t.secret.clone())),
            contact,
            srtp: draft.srtp.or_else(|| old.map(|t| t.srtp)).unwrap_or_default(),
        })
    }

    /// The rows of terminals that [`drafted`](Self::drafted) made.
    fn put_terminals(&self, new: Vec<Terminal>) -> Result<Vec<Effect>, ChangeRefusal> {
        let added = new.iter().filter(|t| !self.terminals.contains_key(&t.number)).count();
        if self.terminals.len() + added > TERMINALS_MAX {
            return Err(ChangeRefusal::Limit { what: "terminals", max: TERMINALS_MAX });
        }
        Ok(new.into_iter().map(Effect::PutTerminal).collect())
    }

    /// Whether `name` may be the name of a `thing`, or is it already.
    fn check_name_for(&self, thing: Thing, name: &str) -> Result<(), ChangeRefusal> {
        check_name(name).map_err(|fault| bad_name(thing, name, fault))?;
        match (thing, self.holder(name)) {
            (_, None)
            | (Thing::Terminal, Some(Holder::Terminal))
            | (Thing::Operator, Some(Holder::Operator))
            | (Thing::Level | Thing::Permit, Some(_)) => Ok(()),
            (Thing::Terminal | Thing::Operator, Some(holder)) => {
                Err(ChangeRefusal::NameTaken { thing, name: name.to_owned(), holder })
            }
        }
    }

    fn terminal_known(&self, number: &Number) -> Result<(), ChangeRefusal> {
        let known = self.terminals.contains_key(number);
        known.then_some(()).ok_or_else(|| no_such(Thing::Terminal, number))
    }

    fn level_known(&self, name: &LevelId) -> Result<(), ChangeRefusal> {
        let known = self.levels.contains_key(name);
        known.then_some(()).ok_or_else(|| no_such(Thing::Level, name))
    }

    fn operator_known(&self, name: &OperatorId) -> Result<(), ChangeRefusal> {
        let known = self.operators.contains_key(name);
        known.then_some(()).ok_or_else(|| no_such(Thing::Operator, name))
    }
}

/// What a draft says, else what was there, else nothing.
fn kept<T: Clone + Default>(draft: &Option<T>, old: Option<&T>) -> T {
    draft.as_ref().or(old).cloned().unwrap_or_default()
}

fn no_such(thing: Thing, name: &impl ToString) -> ChangeRefusal {
    ChangeRefusal::NoSuch { thing, name: name.to_string() }
}

fn exists(thing: Thing, name: &impl ToString) -> ChangeRefusal {
    ChangeRefusal::Exists { thing, name: name.to_string() }
}

fn bad_name(thing: Thing, name: &str, fault: NameFault) -> ChangeRefusal {
    ChangeRefusal::BadName { thing, name: name.to_owned(), fault }
}

/// What the audit says of a change; secrets are named, not shown.
impl fmt::Display for DirectoryChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddTerminal(draft) => write!(f, "terminal add {draft}"),
            Self::SetTerminal(draft) => write!(f, "terminal set {draft}"),
            Self::RemoveTerminal(number) => write!(f, "terminal remove {number}"),
            Self::ImportTerminals(drafts) => {
                write!(f, "terminal import of {}:", drafts.len())?;
                for draft in drafts.iter().take(IMPORT_NAMED_MAX) {
                    write!(f, " {}", draft.number)?;
                }
                f.write_str(if drafts.len() > IMPORT_NAMED_MAX { " …" } else { "" })
            }
            Self::AddLevel(level) => write!(f, "level add {level}"),
            Self::SetLevel(level) => write!(f, "level set {level}"),
            Self::RemoveLevel(name) => write!(f, "level remove {name}"),
            Self::AddPermit(permit) => write!(f, "permit add {permit}"),
            Self::RemovePermit(permit) => write!(f, "permit remove {permit}"),
            Self::AddOperator(draft) => write!(f, "operator add {draft}"),
            Self::SetOperator(draft) => write!(f, "operator set {draft}"),
            Self::RemoveOperator(name) => write!(f, "operator remove {name}"),
            Self::SetNight { queue, switch } => write!(f, "queue set {queue} --night {switch}"),
        }
    }
}
