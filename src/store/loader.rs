//! The state at start, as one value.

use super::database::Database;
use super::error::{StoreError, UnreadableRow};
use super::query::{optional, rows, text};
use super::records;
use super::rows::{
    read_address, read_addresses, read_flow, read_hop, read_set, read_time, read_uris, time, uint,
};
use crate::desk::results::{REMEMBERED, StoredResult};
use crate::dialog::{DialogKey, StoredDialog};
use crate::directory::{Accounts, Level, Operator, Permit, Srtp, Terminal};
use crate::exchange::journal::{LiveTexts, Resume, StoredDesk, StoredState};
use crate::ids::{BootNumber, CallId, LegId, LevelId, Number, OperatorId};
use crate::presence;
use crate::registrar::Binding;
use crate::session::{LoginSession, SecretMark, SessionKey};
use crate::sip::Uri;
use crate::time::UnixTime;
use rusqlite::{Connection, OptionalExtension as _, Result, Row};
use std::collections::BTreeMap;

impl Database {
    /// Everything that the journal holds, and the rows that could not be understood; those are left
    /// out.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn load(
        &self,
        now: UnixTime,
    ) -> std::result::Result<(StoredState, Vec<UnreadableRow>), StoreError> {
        self.read_state(now).map_err(|error| self.fault(error))
    }

    /// Terminals, levels, permits and operators.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn accounts(&self) -> std::result::Result<(Accounts, Vec<UnreadableRow>), StoreError> {
        let mut bad = Vec::new();
        let accounts = accounts(&self.connection, &mut bad).map_err(|error| self.fault(error))?;
        Ok((accounts, bad))
    }

    fn read_state(&self, now: UnixTime) -> Result<(StoredState, Vec<UnreadableRow>)> {
        let (db, mut bad) = (&self.connection, Vec::new());
        let state = StoredState {
            accounts: accounts(db, &mut bad)?,
            bindings: bindings(db, &mut bad)?,
            operators: operator_states(db)?,
            desks: desks(db, &mut bad)?,
            results: results(db, now)?,
            calls: records::open_calls(db, &mut bad)?,
            connections: Vec::new(),
            resume: Resume::default(),
            next_call: number(db, "next_call")?.unwrap_or(1),
            boot: BootNumber::new(number(db, "starts")?.unwrap_or(0)),
            live: live(db, &mut bad)?,
            sessions: sessions(db, &mut bad)?,
            last_note: last_note(db)?,
        };
        Ok((state, bad))
    }
}

fn accounts(db: &Connection, bad: &mut Vec<UnreadableRow>) -> Result<Accounts> {
    let terminal = |row: &Row<'_>| {
        let secret = row.get_ref("secret")?.as_str_or_null()?.map(str::parse).transpose();
        let contact = row.get_ref("contact")?.as_str_or_null()?.map(Uri::parse).transpose();
        let srtp = Srtp::named(row.get_ref("srtp")?.as_str()?);
        let (Ok(secret), Ok(contact), Some(srtp)) = (secret, contact, srtp) else {
            return Ok(None);
        };
        let (number, level) = (text(row, "number")?, text(row, "level")?);
        Ok(Some(Terminal { number, name: row.get("name")?, level, secret, contact, srtp }))
    };
    let operator = |row: &Row<'_>| {
        let secret = row.get_ref("secret")?.as_str_or_null()?.map(str::parse).transpose();
        let mode = row.get_ref("mode")?.as_str()?.parse();
        let max_calls: u8 = row.get("max_calls")?;
        let (Ok(secret), Ok(mode)) = (secret, mode) else { return Ok(None) };
        Ok(Some(Operator {
            name: text(row, "name")?,
            phone: text(row, "phone")?,
            phones: read_set(row.get_ref("phones")?.as_str()?),
            queues: read_set(row.get_ref("queues")?.as_str()?),
            mode,
            max_calls,
            secret,
        }))
    };
    let permit = |row: &Row<'_>| {
        Ok(Some(Permit { callee: text(row, "callee")?, caller: text(row, "caller")? }))
    };
    let night = |row: &Row<'_>| {
        let switch = row.get_ref("switch")?.as_str()?.parse().ok();
        let queue = text(row, "queue")?;
        Ok(switch.map(|switch| (queue, switch)))
    };
    Ok(Accounts {
        terminals: rows(db, "terminals", "SELECT * FROM terminals", bad, terminal)?,
        levels: levels(db, bad)?,
        permits: rows(db, "permits", "SELECT * FROM permits", bad, permit)?,
        operators: rows(db, "operators", "SELECT * FROM operators", bad, operator)?,
        nights: rows(db, "nights", "SELECT queue, switch FROM nights", bad, night)?,
    })
}

fn levels(db: &Connection, bad: &mut Vec<UnreadableRow>) -> Result<Vec<Level>> {
    let name = |row: &Row<'_>| text::<LevelId>(row, "name").map(Some);
    let names = rows(db, "levels", "SELECT name FROM levels", bad, name)?;
    let level = |name: LevelId| (name.clone(), Level { name, admits: Default::default() });
    let mut levels: BTreeMap<_, _> = names.into_iter().map(level).collect();
    let pair =
        |row: &Row<'_>| Ok(Some((text::<LevelId>(row, "level")?, text::<LevelId>(row, "caller")?)));
    for (name, caller) in rows(db, "admits", "SELECT level, caller FROM admits", bad, pair)? {
        if let Some(level) = levels.get_mut(&name) {
            level.admits.insert(caller);
        }
    }
    Ok(levels.into_values().collect())
}

fn bindings(db: &Connection, bad: &mut Vec<UnreadableRow>) -> Result<Vec<Binding>> {
    // The order of expiry is about that of registration, which the registrar wants.
    let sql = "SELECT * FROM bindings ORDER BY number, expires, key";
    rows(db, "bindings", sql, bad, |row| {
        let flow = match row.get_ref("flow")?.as_str_or_null()? {
            Some(text) => read_flow(text).map(Some),
            None => Some(None),
        };
        let (Some(flow), Some(contact), Some(path), Some(expires)) = (
            flow,
            read_address(row.get_ref("contact")?.as_str()?),
            read_addresses(row.get_ref("path")?.as_str()?),
            read_time(row.get("expires")?),
        ) else {
            return Ok(None);
        };
        Ok(Some(Binding {
            number: text(row, "number")?,
            contact,
            path,
            flow,
            call_id: row.get("call_id")?,
            cseq: row.get("cseq")?,
            since: row.get::<_, Option<i64>>("since")?.and_then(read_time),
            expires,
            user_agent: row.get("user_agent")?,
            md5_alone: row.get("md5_alone")?,
        }))
    })
}

fn operator_states(db: &Connection) -> Result<Vec<presence::Stored>> {
    rows(db, "operator_states", "SELECT * FROM operator_states", &mut Vec::new(), |row| {
        Ok(Some(presence::Stored {
            operator: text(row, "operator")?,
            logged_in: row.get("logged_in")?,
            dnd: row.get("dnd")?,
            phone: optional::<Number>(row, "phone")?,
        }))
    })
}

fn desks(db: &Connection, bad: &mut Vec<UnreadableRow>) -> Result<Vec<StoredDesk>> {
    rows(db, "desks", "SELECT * FROM desks", bad, |row| {
        let (Some(local), Some(remote), Ok(target), Some(routes), Some(hop)) = (
            read_address(row.get_ref("local")?.as_str()?),
            read_address(row.get_ref("remote")?.as_str()?),
            Uri::parse(row.get_ref("target")?.as_str()?),
            read_uris(row.get_ref("routes")?.as_str()?),
            read_hop(row.get_ref("hop")?.as_str()?),
        ) else {
            return Ok(None);
        };
        let key = DialogKey { call_id: row.get("call_id")?, local_tag: row.get("local_tag")? };
        let local_cseq = row.get("local_cseq")?;
        let dialog = StoredDialog { key, local, remote, target, routes, local_cseq, hop };
        Ok(Some(StoredDesk { operator: text(row, "operator")?, dialog }))
    })
}

fn results(db: &Connection, now: UnixTime) -> Result<Vec<(OperatorId, String, StoredResult)>> {
    let sql = "SELECT * FROM desk_results WHERE at > ?1 ORDER BY at, operator, id";
    let oldest = time(now).saturating_sub(REMEMBERED.as_micros() as i64);
    let mut statement = db.prepare(sql)?;
    let found = statement.query_map([oldest], |row| {
        let at = read_time(row.get("at")?).unwrap_or_default();
        let kept = StoredResult { content: row.get("content")?, result: row.get("result")?, at };
        Ok((text::<OperatorId>(row, "operator")?, row.get("id")?, kept))
    })?;
    found.collect()
}

/// What went on, the oldest first.
fn live(db: &Connection, bad: &mut Vec<UnreadableRow>) -> Result<LiveTexts> {
    let id = |row: &Row<'_>, name| row.get(name).map(uint);
    let sql = "SELECT call, text FROM live_calls ORDER BY call";
    let calls = rows(db, "live_calls", sql, bad, |row| {
        let text = row.get("text")?;
        Ok(id(row, "call")?.map(|call| (CallId(call), text)))
    })?;
    let sql = "SELECT leg, text FROM live_parties ORDER BY leg";
    let parties = rows(db, "live_parties", sql, bad, |row| {
        let text = row.get("text")?;
        Ok(id(row, "leg")?.map(|leg| (LegId(leg), text)))
    })?;
    Ok(LiveTexts { calls, parties })
}

fn sessions(db: &Connection, bad: &mut Vec<UnreadableRow>) -> Result<Vec<LoginSession>> {
    rows(db, "sessions", "SELECT * FROM sessions", bad, |row| {
        let (Some(key), Some(secret), Some(began), Some(expires)) = (
            SessionKey::parse(row.get_ref("key")?.as_str()?),
            SecretMark::parse(row.get_ref("secret")?.as_str()?),
            read_time(row.get("began")?),
            read_time(row.get("expires")?),
        ) else {
            return Ok(None);
        };
        Ok(Some(LoginSession { key, operator: text(row, "operator")?, secret, began, expires }))
    })
}

fn last_note(db: &Connection) -> Result<u64> {
    let sql = "SELECT coalesce(max(id), 0) FROM notes";
    db.query_row(sql, [], |row| row.get(0)).map(|id| uint(id).unwrap_or_default())
}

fn number(db: &Connection, fact: &str) -> Result<Option<u64>> {
    let sql = "SELECT value FROM facts WHERE name = ?1";
    let stored: Option<i64> = db.query_row(sql, [fact], |row| row.get(0)).optional()?;
    Ok(stored.and_then(uint))
}
