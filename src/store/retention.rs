//! What has been kept long enough goes, a few rows at a time: a step takes 20 ms at most, and the next comes
//! with the next [`Prune`].

use super::rows::{int, time};
use crate::exchange::journal::Prune;
use crate::time::UnixTime;
use rusqlite::{Connection, Result, params};

/// The most calls, and lines of the audit, and results that one step takes away.
pub const STEP_MAX: i64 = 1000;

/// One step.
pub(super) fn prune(connection: &Connection, prune: &Prune) -> Result<()> {
    calls(connection, prune)?;
    audit(connection, prune)?;
    forget_results(connection, prune.results_before, STEP_MAX)
}

/// Calls that are over, the oldest first, with their phases.
fn calls(connection: &Connection, prune: &Prune) -> Result<()> {
    let oldest = "SELECT call FROM calls WHERE ended IS NOT NULL AND began < ?1
                  ORDER BY began, call LIMIT ?2";
    let mut oldest = connection.prepare_cached(oldest)?;
    let mut found = |before: i64, most: i64| -> Result<Vec<i64>> {
        oldest.query_map([before, most], |row| row.get(0))?.collect()
    };
    let mut gone = found(time(prune.before), STEP_MAX)?;
    if gone.is_empty() {
        gone = found(i64::MAX, supernumerary(connection, prune)?.min(STEP_MAX))?;
    }
    let mut phases = connection.prepare_cached("DELETE FROM phases WHERE call = ?1")?;
    let mut call = connection.prepare_cached("DELETE FROM calls WHERE call = ?1")?;
    for id in gone {
        phases.execute([id])?;
        call.execute([id])?;
    }
    Ok(())
}

/// How many calls there are beyond the most that are kept.
fn supernumerary(connection: &Connection, prune: &Prune) -> Result<i64> {
    let most = int(prune.keep_max as u64);
    // No two calls have one number, so that mostly nothing has to be counted, which takes 20 ms for a
    // million. Apart, each of the two is a look at one end of the table; together they would read it all.
    let span =
        "SELECT coalesce((SELECT max(call) FROM calls) - (SELECT min(call) FROM calls) + 1, 0)";
    let span: i64 = connection.prepare_cached(span)?.query_row([], |row| row.get(0))?;
    if span <= most {
        return Ok(0);
    }
    let count = connection
        .prepare_cached("SELECT count(*) FROM calls")?
        .query_row([], |row| row.get::<_, i64>(0))?;
    Ok((count - most).max(0))
}

/// Lines of the audit, the oldest first; their numbers have no gaps.
fn audit(connection: &Connection, prune: &Prune) -> Result<()> {
    let sql = "DELETE FROM audit
               WHERE entry IN (SELECT entry FROM audit ORDER BY entry LIMIT ?1)
               AND (at < ?2 OR entry <= (SELECT max(entry) FROM audit) - ?3)";
    let most = int(prune.keep_max as u64);
    connection.prepare_cached(sql)?.execute(params![STEP_MAX, time(prune.before), most]).map(drop)
}

/// Desk results of `before` or earlier, at most so many.
pub(super) fn forget_results(connection: &Connection, before: UnixTime, most: i64) -> Result<()> {
    let sql = "DELETE FROM desk_results WHERE (operator, id) IN
               (SELECT operator, id FROM desk_results WHERE at <= ?1 ORDER BY at LIMIT ?2)";
    connection.prepare_cached(sql)?.execute([time(before), most]).map(drop)
}
