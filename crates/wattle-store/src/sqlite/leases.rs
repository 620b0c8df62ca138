//! Leases, and the numbers that count them.

use rusqlite::{Connection, OptionalExtension, Row, params};
use wattle_protocol::lease::{Fence, Lease, Outcome, Subject, Verdict, Wanted};
use wattle_protocol::limits::{LEASES_MAX, LEASES_OF_ONE_MAX};
use wattle_protocol::{ContextId, PublicKey};

use crate::sqlite::failure::Failure;

/// Does what is wanted, one after the other, within the open transaction.
pub(super) fn lease(connection: &Connection, wanted: &[Wanted]) -> Result<Vec<Outcome>, Failure> {
    wanted.iter().map(|wanted| one(connection, wanted)).collect()
}

fn one(connection: &Connection, wanted: &Wanted) -> Result<Outcome, Failure> {
    let (context, subject) = (&wanted.context, &wanted.request.subject);
    Ok(match wanted.judge(stored(connection, context, subject)?.as_ref()) {
        Verdict::Stands(outcome) => outcome,
        Verdict::Keep(lease, outcome) => {
            keep(connection, context, &lease)?;
            outcome
        }
        Verdict::Drop => {
            connection
                .prepare_cached(
                    "DELETE FROM lease WHERE context = ?1 AND scope = ?2 AND item = ?3",
                )?
                .execute(params![context.0, subject.scope, subject.item])?;
            Outcome::Free
        }
        Verdict::Count => {
            drop_expired(connection, wanted)?;
            if is_full(connection, wanted)? {
                return Ok(Outcome::TooMany);
            }
            let lease = wanted.lease(count(connection, context)?);
            keep(connection, context, &lease)?;
            Outcome::Granted(lease)
        }
    })
}

fn stored(
    connection: &Connection,
    context: &ContextId,
    subject: &Subject,
) -> Result<Option<Lease>, Failure> {
    let mut query = connection.prepare_cached(
        "SELECT claim, holder, term, entry, number, until FROM lease
         WHERE context = ?1 AND scope = ?2 AND item = ?3",
    )?;
    let read = |row: &Row<'_>| {
        let fence = Fence {
            term: row.get(2)?,
            entry: row.get::<_, i64>(3)?.cast_unsigned(),
            number: row.get::<_, i64>(4)?.cast_unsigned(),
        };
        let until = row.get::<_, i64>(5)?.cast_unsigned();
        let holder = PublicKey(row.get(1)?);
        Ok(Lease { subject: *subject, claim: row.get(0)?, holder, fence, until })
    };
    Ok(query.query_row(params![context.0, subject.scope, subject.item], read).optional()?)
}

fn keep(connection: &Connection, context: &ContextId, lease: &Lease) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO lease
             (context, scope, item, claim, holder, term, entry, number, until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            context.0,
            lease.subject.scope,
            lease.subject.item,
            lease.claim,
            lease.holder.0,
            lease.fence.term,
            lease.fence.entry.cast_signed(),
            lease.fence.number.cast_signed(),
            lease.until.cast_signed(),
        ])?;
    Ok(())
}

/// The next number; it is never dropped, so none is given twice.
fn count(connection: &Connection, context: &ContextId) -> Result<u64, Failure> {
    let mut count = connection.prepare_cached(
        "INSERT INTO fence (context, number) VALUES (?1, 1)
         ON CONFLICT (context) DO UPDATE SET number = number + 1 RETURNING number",
    )?;
    Ok(count.query_row([context.0], |row| row.get::<_, i64>(0))?.cast_unsigned())
}

fn drop_expired(connection: &Connection, wanted: &Wanted) -> Result<(), Failure> {
    connection
        .prepare_cached("DELETE FROM lease WHERE context = ?1 AND until <= ?2")?
        .execute(params![wanted.context.0, wanted.now.cast_signed()])?;
    Ok(())
}

fn is_full(connection: &Connection, wanted: &Wanted) -> Result<bool, Failure> {
    let (context, holder) = (wanted.context.0, wanted.request.holder.0);
    let held: i64 = connection
        .prepare_cached("SELECT count(*) FROM lease WHERE context = ?1 AND holder = ?2")?
        .query_row(params![context, holder], |row| row.get(0))?;
    if held.cast_unsigned() >= LEASES_OF_ONE_MAX as u64 {
        return Ok(true);
    }
    let all: i64 = connection
        .prepare_cached("SELECT count(*) FROM lease WHERE context = ?1")?
        .query_row([context], |row| row.get(0))?;
    Ok(all.cast_unsigned() >= LEASES_MAX as u64)
}
