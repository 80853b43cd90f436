//! All sessions that hold, and the connections that they name.
//!
//! ```text
//!   right password, or a link that is good once ──▶ open ─┬─ 12 h, and no call in hand ───────────┐
//!                                                         ├─ 12 h, then 12 h of calls ────────────┤
//!                                                         ├─ logged out ──────────────────────────┤
//!                                                         ├─ the operator or its password is gone ┼─▶ closed, with all
//!                                                         └─ the oldest of too many ──────────────┘   its connections
//! ```
//!
//! Nobody loses a call by the clock: a session whose time is over while its operator has one is in overtime, and ends
//! soon after the last. Overtime is not written down; who comes back after a restart gets a little of it to show its call.

use super::token::{SecretMark, SessionKey, SessionToken};
use crate::directory::{Directory, Operator};
use crate::ids::{ConnectionId, OperatorId};
use crate::random::Random;
use crate::time::{Duration, UnixTime};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A session holds for so long.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(12 * 3_600);
/// For so long it may go on after that, while its operator has a call.
pub const OVERTIME_MAX: Duration = Duration::from_secs(12 * 3_600);
/// In overtime it is looked at again after so long.
const OVERTIME_STEP: Duration = Duration::from_secs(30);
/// So many may one operator have; beyond, the oldest goes.
pub const SESSIONS_MAX: usize = 16;
/// So many connections may one session name; beyond, the oldest goes.
pub const FLOWS_MAX: usize = 8;
/// A link that logs in once is good for so long.
pub const LINK_LIFETIME: Duration = Duration::from_secs(600);
/// So many links may there be; beyond, the oldest goes.
pub const LINKS_MAX: usize = 64;

/// One session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LoginSession {
    /// What is kept of its token.
    pub key: SessionKey,
    /// Whose.
    pub operator: OperatorId,
    /// The password that the operator had.
    pub secret: SecretMark,
    /// Since when.
    pub began: UnixTime,
    /// Until when, unless its operator has a call then.
    pub expires: UnixTime,
}

/// One that is open, and when it is to be looked at.
#[derive(Debug)]
struct OpenSession {
    session: LoginSession,
    /// `expires`, and in overtime later.
    ends: UnixTime,
}

/// One that holds no longer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClosedSession {
    /// Which.
    pub key: SessionKey,
    /// The connections that it named.
    pub flows: Vec<ConnectionId>,
}

/// The sessions.
#[derive(Debug, Default)]
pub struct SessionTable {
    all: BTreeMap<SessionKey, OpenSession>,
    by_end: BTreeSet<(UnixTime, SessionKey)>,
    /// The connections of each, the oldest first.
    flows: BTreeMap<SessionKey, VecDeque<ConnectionId>>,
    by_flow: BTreeMap<ConnectionId, SessionKey>,
    /// Links, the oldest first.
    links: VecDeque<(SessionKey, OperatorId, UnixTime)>,
}

impl SessionTable {
    /// Those of the journal; the keys of which hold no longer are returned. Whether their operators have calls is not known
    /// yet: those whose time was over while nobody ran, or before, in overtime, are looked at soon.
    #[must_use]
    pub fn restore(
        now: UnixTime,
        stored: Vec<LoginSession>,
        directory: &Directory,
    ) -> (Self, Vec<SessionKey>) {
        let mut table = Self::default();
        for session in stored {
            let is_late = session.expires <= now && now < session.expires + OVERTIME_MAX;
            let ends = if is_late { now + OVERTIME_STEP } else { session.expires };
            table.insert(session, ends);
        }
        let gone = table.sweep(now, directory);
        (table, gone.into_iter().map(|closed| closed.key).collect())
    }

    /// Begins a session; `None` for an operator without a password, who can have none. With those that had to go for it.
    pub fn open(
        &mut self,
        now: UnixTime,
        operator: &Operator,
        random: &mut Random,
    ) -> Option<(SessionToken, LoginSession, Vec<ClosedSession>)> {
        let secret = SecretMark::of(operator.secret.as_ref()?);
        let all = self.all.values().map(|open| &open.session);
        let of_operator = all.filter(|session| session.operator == operator.name);
        let mut of_operator: Vec<_> = of_operator.map(|one| (one.began, one.key)).collect();
        of_operator.sort_unstable();
        let too_many = (of_operator.len() + 1).saturating_sub(SESSIONS_MAX);
        let gone = of_operator.into_iter().take(too_many);
        let gone = gone.filter_map(|(_, key)| self.close(key)).collect();
        let token = SessionToken::new(random);
        let session = LoginSession {
            key: token.key(),
            operator: operator.name.clone(),
            secret,
            began: now,
            expires: now + SESSION_LIFETIME,
        };
        self.insert(session.clone(), session.expires);
        Some((token, session, gone))
    }

    fn insert(&mut self, session: LoginSession, ends: UnixTime) {
        self.by_end.insert((ends, session.key));
        self.all.insert(session.key, OpenSession { session, ends });
    }

    /// The session of this key, if it holds.
    #[must_use]
    pub fn find(&self, now: UnixTime, key: SessionKey) -> Option<&LoginSession> {
        self.all.get(&key).filter(|open| now < open.ends).map(|open| &open.session)
    }

    /// Ends a session.
    pub fn close(&mut self, key: SessionKey) -> Option<ClosedSession> {
        let open = self.all.remove(&key)?;
        self.by_end.remove(&(open.ends, key));
        let flows: Vec<_> = self.flows.remove(&key).unwrap_or_default().into();
        for flow in &flows {
            self.by_flow.remove(flow);
        }
        Some(ClosedSession { key, flows })
    }

    /// Ends all that hold no longer: by their time, or since their operator or its password is gone.
    pub fn sweep(&mut self, now: UnixTime, directory: &Directory) -> Vec<ClosedSession> {
        let holds = |OpenSession { session, ends }: &OpenSession| {
            let secret = directory.operator(&session.operator).and_then(|it| it.secret.as_ref());
            now < *ends && secret.is_some_and(|secret| SecretMark::of(secret) == session.secret)
        };
        let gone: Vec<_> =
            self.all.values().filter(|one| !holds(one)).map(|one| one.session.key).collect();
        self.links.retain(|(_, _, until)| now < *until);
        gone.into_iter().filter_map(|key| self.close(key)).collect()
    }

    /// Ends those whose time is over; those whose operator has a call, as `has_call` says, go on while it has.
    pub fn expire(
        &mut self,
        now: UnixTime,
        has_call: impl Fn(&OperatorId) -> bool,
    ) -> Vec<ClosedSession> {
        let mut gone = Vec::new();
        while let Some((end, key)) = self.by_end.first().copied()
            && end <= now
        {
            self.by_end.remove(&(end, key));
            // What is listed there is there.
            let Some(open) = self.all.get_mut(&key) else { continue };
            let latest = open.session.expires + OVERTIME_MAX;
            if now < latest && has_call(&open.session.operator) {
                open.ends = latest.min(now + OVERTIME_STEP);
                self.by_end.insert((open.ends, key));
            } else {
                gone.extend(self.close(key));
            }
        }
        self.links.retain(|(_, _, until)| now < *until);
        gone
    }

    /// When the next one ends, or is looked at.
    #[must_use]
    pub fn next_end(&self) -> Option<UnixTime> {
        let session = self.by_end.first().map(|(end, _)| *end);
        session.into_iter().chain(self.links.front().map(|(_, _, until)| *until)).min()
    }

    // ---- connections ----

    /// From now on the connection is this session's. Returns whose it is, and the connection that has to go for it.
    ///
    /// `None` when the session does not hold.
    pub fn name_flow(
        &mut self,
        now: UnixTime,
        key: SessionKey,
        connection: ConnectionId,
    ) -> Option<(OperatorId, Option<ConnectionId>)> {
        let operator = self.find(now, key)?.operator.clone();
        let flows = self.flows.entry(key).or_default();
        flows.push_back(connection);
        let oldest = if flows.len() > FLOWS_MAX { flows.pop_front() } else { None };
        self.by_flow.insert(connection, key);
        if let Some(oldest) = oldest {
            self.by_flow.remove(&oldest);
        }
        Some((operator, oldest))
    }

    /// A connection is closed.
    pub fn flow_closed(&mut self, connection: ConnectionId) {
        let Some(key) = self.by_flow.remove(&connection) else { return };
        if let Some(flows) = self.flows.get_mut(&key) {
            flows.retain(|flow| *flow != connection);
            if flows.is_empty() {
                self.flows.remove(&key);
            }
        }
    }

    /// Which session names this connection.
    #[must_use]
    pub fn of_flow(&self, connection: ConnectionId) -> Option<SessionKey> {
        self.by_flow.get(&connection).copied()
    }

    /// How many sessions there are, and how many connections they name.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.all.len(), self.by_flow.len())
    }

    /// The session of this key, until it is ended.
    #[must_use]
    pub fn known(&self, key: SessionKey) -> Option<&LoginSession> {
        self.all.get(&key).map(|open| &open.session)
    }

    /// Whether a session names this connection.
    #[must_use]
    pub fn has_flow(&self, connection: ConnectionId) -> bool {
        self.by_flow.contains_key(&connection)
    }

    // ---- links ----

    /// Makes a link that logs this operator in once.
    pub fn link(
        &mut self,
        now: UnixTime,
        operator: &OperatorId,
        random: &mut Random,
    ) -> SessionToken {
        let token = SessionToken::new(random);
        if self.links.len() >= LINKS_MAX {
            self.links.pop_front();
        }
        self.links.push_back((token.key(), operator.clone(), now + LINK_LIFETIME));
        token
    }

    /// Whom a link logs in; it is used up by it.
    pub fn redeem(&mut self, now: UnixTime, link: SessionKey) -> Option<OperatorId> {
        let place = self.links.iter().position(|(key, ..)| *key == link)?;
        let (_, operator, until) = self.links.remove(place)?;
        (now < until).then_some(operator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{
        Accounts, DirectoryChange, NumberingPlan, OperatorDraft, Secret, TerminalDraft,
    };

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(1_800_000_000 + secs)
    }

    fn plan() -> NumberingPlan {
        NumberingPlan {
            realm: "house.example".to_owned(),
            addresses: vec![],
            queues: BTreeMap::new(),
            trunks: vec![],
            cameras: vec![],
            external: "B".into(),
        }
    }

    fn directory() -> Directory {
        let levels = crate::directory::patent_levels().to_vec();
        let mut directory = Directory::new(plan(), Accounts { levels, ..Accounts::default() });
        let phone = TerminalDraft { level: Some("A".into()), ..TerminalDraft::new("2001".into()) };
        directory.apply(&DirectoryChange::AddTerminal(phone)).unwrap();
        for name in ["op1", "op2"] {
            let draft = OperatorDraft {
                phone: Some("2001".into()),
                secret: Some(Secret::from_password(name, "house.example", "cord").unwrap()),
                ..OperatorDraft::new(name.into())
            };
            directory.apply(&DirectoryChange::AddOperator(draft)).unwrap();
        }
        directory
    }

    struct House {
        directory: Directory,
        table: SessionTable,
        random: Random,
    }

    fn house() -> House {
        let (table, _) = SessionTable::restore(at(0), vec![], &directory());
        House { directory: directory(), table, random: Random::from_number(1) }
    }

    fn idle(_: &OperatorId) -> bool {
        false
    }

    fn talks(operator: &OperatorId) -> bool {
        operator.as_str() == "op1"
    }

    impl House {
        fn stored(&self) -> Vec<LoginSession> {
            self.table.all.values().map(|open| open.session.clone()).collect()
        }

        fn open(&mut self, secs: u64, name: &str) -> (SessionKey, Vec<ClosedSession>) {
            let operator = self.directory.operator(&name.into()).unwrap();
            let opened = self.table.open(at(secs), operator, &mut self.random).unwrap();
            (opened.1.key, opened.2)
        }
    }

    #[test]
    fn a_session_ends_with_its_time_and_so_do_its_connections() {
        let mut house = house();
        let (key, _) = house.open(0, "op1");
        let flow = ConnectionId(7);
        let (operator, oldest) = house.table.name_flow(at(1), key, flow).unwrap();
        assert_eq!((operator.as_str(), oldest), ("op1", None));
        assert!(house.table.has_flow(flow));
        let end = SESSION_LIFETIME.as_secs();
        assert_eq!(house.table.next_end(), Some(at(end)));
        assert!(house.table.expire(at(end - 1), idle).is_empty());
        assert!(house.table.find(at(end - 1), key).is_some());
        assert!(house.table.find(at(end), key).is_none(), "also before it is swept");
        assert_eq!(house.table.name_flow(at(end), key, ConnectionId(8)), None);
        assert_eq!(house.table.expire(at(end), idle), [ClosedSession { key, flows: vec![flow] }]);
        assert!(!house.table.has_flow(flow) && house.table.next_end().is_none());
        assert_eq!(house.table.close(key), None);
    }

    #[test]
    fn a_call_is_not_lost_by_the_clock_and_its_session_ends_soon_after_it() {
        let mut house = house();
        let (key, _) = house.open(0, "op1");
        let (other, _) = house.open(0, "op2");
        let _ = house.table.name_flow(at(1), key, ConnectionId(7));
        let (end, step) = (SESSION_LIFETIME.as_secs(), OVERTIME_STEP.as_secs());
        let gone = house.table.expire(at(end), talks);
        assert_eq!(gone, [ClosedSession { key: other, flows: vec![] }], "who has none");
        assert!(house.table.find(at(end), key).is_some(), "a page that is loaded anew is let in");
        assert!(house.table.name_flow(at(end + 1), key, ConnectionId(8)).is_some());
        assert_eq!(house.table.next_end(), Some(at(end + step)));
        assert_eq!(house.table.sweep(at(end + 1), &house.directory), []);
        assert!(house.table.expire(at(end + step), talks).is_empty());
        let flows = vec![ConnectionId(7), ConnectionId(8)];
        let gone = house.table.expire(at(end + 2 * step), idle);
        assert_eq!(gone, [ClosedSession { key, flows }], "the call is over");
        assert_eq!((house.table.next_end(), house.table.counts()), (None, (0, 0)));
    }

    #[test]
    fn overtime_has_an_end_too() {
        let mut house = house();
        let (key, _) = house.open(0, "op1");
        let latest = (SESSION_LIFETIME + OVERTIME_MAX).as_secs();
        for secs in (SESSION_LIFETIME.as_secs()..latest).step_by(OVERTIME_STEP.as_secs() as usize) {
            assert!(house.table.expire(at(secs), talks).is_empty());
        }
        assert_eq!(house.table.next_end(), Some(at(latest)));
        let gone = house.table.expire(at(latest), talks);
        assert_eq!(gone, [ClosedSession { key, flows: vec![] }]);
    }

    #[test]
    fn a_restart_in_overtime_asks_first_and_then_judges() {
        let mut house = house();
        let (key, _) = house.open(0, "op1");
        let end = SESSION_LIFETIME.as_secs();
        let stored = house.stored();
        let (mut table, gone) =
            SessionTable::restore(at(end + 99), stored.clone(), &house.directory);
        assert_eq!(gone, []);
        assert!(table.find(at(end + 99), key).is_some());
        let step = OVERTIME_STEP.as_secs();
        assert!(table.expire(at(end + 99 + step), talks).is_empty());
        assert_eq!(table.expire(at(end + 99 + 2 * step), idle).len(), 1);
        let late = at(end) + OVERTIME_MAX;
        let (table, gone) = SessionTable::restore(late, stored, &house.directory);
        assert_eq!((gone, table.counts()), (vec![key], (0, 0)), "hours later it is over");
    }

    #[test]
    fn of_too_many_sessions_and_connections_the_oldest_goes() {
        let mut house = house();
        let (first, _) = house.open(0, "op1");
        let (other, _) = house.open(0, "op2");
        for count in 1..SESSIONS_MAX as u64 {
            assert_eq!(house.open(count, "op1").1, []);
        }
        assert_eq!(house.open(99, "op1").1, [ClosedSession { key: first, flows: vec![] }]);
        assert!(house.table.find(at(99), other).is_some(), "its neighbour's stays");
        for count in 0..FLOWS_MAX as u64 {
            assert_eq!(house.table.name_flow(at(99), other, ConnectionId(count)).unwrap().1, None);
        }
        let gone = house.table.name_flow(at(99), other, ConnectionId(50)).unwrap().1;
        assert_eq!((gone, house.table.has_flow(ConnectionId(0))), (Some(ConnectionId(0)), false));
        house.table.flow_closed(ConnectionId(50));
        house.table.flow_closed(ConnectionId(50));
        assert_eq!(house.table.close(other).unwrap().flows.len(), FLOWS_MAX - 1);
    }

    #[test]
    fn with_the_operator_or_its_password_its_sessions_go() {
        let mut house = house();
        let (one, _) = house.open(0, "op1");
        let (two, _) = house.open(0, "op2");
        assert_eq!(house.table.sweep(at(1), &house.directory), []);
        let draft = OperatorDraft {
            secret: Some(Secret::from_password("op1", "house.example", "other").unwrap()),
            ..OperatorDraft::new("op1".into())
        };
        house.directory.apply(&DirectoryChange::SetOperator(draft)).unwrap();
        let gone = house.table.sweep(at(1), &house.directory);
        assert_eq!(gone, [ClosedSession { key: one, flows: vec![] }]);
        let stored = house.stored();
        house.directory.apply(&DirectoryChange::RemoveOperator("op2".into())).unwrap();
        let (table, gone) = SessionTable::restore(at(2), stored, &house.directory);
        assert_eq!(gone, [two], "also while nobody ran");
        assert!(table.all.is_empty() && table.by_end.is_empty());
    }

    #[test]
    fn a_link_is_good_once_and_for_a_while() {
        let mut house = house();
        let op1 = OperatorId::from("op1");
        let link = house.table.link(at(0), &op1, &mut house.random).key();
        assert_eq!(house.table.redeem(at(1), link), Some(op1.clone()));
        assert_eq!(house.table.redeem(at(1), link), None);
        let late = house.table.link(at(0), &op1, &mut house.random).key();
        assert_eq!(house.table.next_end(), Some(at(0) + LINK_LIFETIME));
        assert_eq!(house.table.redeem(at(0) + LINK_LIFETIME, late), None);
        for _ in 0..=LINKS_MAX {
            house.table.link(at(0), &op1, &mut house.random);
        }
        assert_eq!(house.table.links.len(), LINKS_MAX);
    }
}
