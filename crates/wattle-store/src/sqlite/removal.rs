//! Where rights end: how far somebody has written, and taking out what lies beyond.

use rusqlite::{Connection, OptionalExtension, params};
use wattle_protocol::access::Closure;
use wattle_protocol::{
    ActorId, Change, ChangeHash, ContextId, DocumentKey, Header, Position, PublicKey,
};

use crate::sqlite::failure::Failure;
use crate::sqlite::{log, rows};
use crate::store::remains::{Remains, remains};

/// How far the actors of these keys have come in each document.
pub(super) fn cutoffs(
    connection: &Connection,
    context: &ContextId,
    keys: &[PublicKey],
) -> Result<Vec<Closure>, Failure> {
    keys.iter().map(|key| cutoff(connection, context, key)).collect()
}

/// Takes changes out of a document within the open transaction.
pub(super) fn remove(
    connection: &Connection,
    (context, document): (&ContextId, &DocumentKey),
    changes: &[ChangeHash],
) -> Result<(), Failure> {
    let nodes = log::graph(connection, context, document)?;
    let headers =
        nodes.iter().map(|(position, header, _): &(Position, Header, usize)| (*position, header));
    let remains = remains(headers, changes)?;
    if remains.removed.is_empty() {
        return Ok(());
    }
    let mut query = connection
        .prepare_cached("SELECT id FROM doc WHERE context = ?1 AND scope = ?2 AND item = ?3")?;
    let key = (context.0, document.scope, document.item);
    let row: i64 = query.query_row(key, |row| row.get(0))?;
    for position in &remains.removed {
        keep_apart(connection, *position)?;
    }
    connection
        .prepare_cached("DELETE FROM remote WHERE context = ?1 AND scope = ?2 AND item = ?3")?
        .execute(key)?;
    shrink(connection, row, &remains)
}

/// The changes that were removed and have not come back.
pub(super) fn removed(
    connection: &Connection,
    context: &ContextId,
) -> Result<Vec<(DocumentKey, Change)>, Failure> {
    let mut query = connection.prepare_cached(
        "SELECT position, hash, actor, seq, start_op, ops, time, author, deps, seal,
             coalesce(bytes, x''), scope, item
         FROM removed
         WHERE context = ?1 AND NOT EXISTS (
             SELECT 1 FROM doc JOIN log ON log.doc = doc.id
             WHERE doc.context = removed.context AND doc.scope = removed.scope
                 AND doc.item = removed.item AND log.hash = removed.hash)
         ORDER BY scope, item, position",
    )?;
    let changes = query.query_map([context.0], |row| {
        let (_, change) = rows::change(row)?;
        let scope = row.get(rows::AFTER_CHANGE)?;
        Ok((DocumentKey { scope, item: row.get(rows::AFTER_CHANGE + 1)? }, change))
    })?;
    Ok(changes.collect::<Result<_, _>>()?)
}

/// Whether a change was removed and has not come back.
pub(super) fn is_removed(
    connection: &Connection,
    (context, document): (&ContextId, &DocumentKey),
    change: &ChangeHash,
) -> Result<bool, Failure> {
    let mut query = connection.prepare_cached(
        "SELECT NOT EXISTS (
             SELECT 1 FROM doc JOIN log ON log.doc = doc.id
             WHERE context = ?1 AND scope = ?2 AND item = ?3 AND log.hash = ?4)
         FROM removed WHERE context = ?1 AND scope = ?2 AND item = ?3 AND hash = ?4",
    )?;
    let found = query
        .query_row(params![context.0, document.scope, document.item, change.0], |row| row.get(0));
    Ok(found.optional()?.unwrap_or(false))
}

fn cutoff(
    connection: &Connection,
    context: &ContextId,
    key: &PublicKey,
) -> Result<Closure, Failure> {
    let mut query = connection.prepare_cached(
        "SELECT scope, item, actor,
             (SELECT max(seq) FROM log WHERE doc = first.doc AND actor = first.actor)
         FROM log AS first JOIN doc ON doc.id = first.doc
         WHERE first.author = ?2 AND first.seq = 1 AND context = ?1
         ORDER BY scope, item, actor",
    )?;
    let mut closure = Closure { key: *key, upto: Vec::new() };
    let mut rows = query.query(params![context.0, key.0])?;
    while let Some(row) = rows.next()? {
        let document = DocumentKey { scope: row.get(0)?, item: row.get(1)? };
        let last = (ActorId(row.get(2)?), row.get::<_, i64>(3)?.cast_unsigned());
        match closure.upto.last_mut() {
            Some((newest, actors)) if *newest == document => actors.push(last),
            Some(_) | None => closure.upto.push((document, vec![last])),
        }
    }
    Ok(closure)
}

/// Moves a change out of the log. One that was removed before is there already, perhaps without bytes.
fn keep_apart(connection: &Connection, position: Position) -> Result<(), Failure> {
    connection
        .prepare_cached(
            "INSERT INTO removed (context, scope, item, entries, position,
                 hash, actor, seq, start_op, ops, time, author, deps, seal, bytes)
             SELECT context, scope, item,
                 (SELECT count(*) FROM access WHERE access.context = doc.context), log.id,
                 hash, actor, seq, start_op, ops, time, author, deps, seal, bytes
             FROM log JOIN doc ON doc.id = log.doc WHERE log.id = ?1
             ON CONFLICT DO UPDATE SET seal = coalesce(seal, excluded.seal),
                 bytes = coalesce(nullif(bytes, x''), excluded.bytes)",
        )?
        .execute([rows::bound(position)])?;
    connection.prepare_cached("DELETE FROM log WHERE id = ?1")?.execute([rows::bound(position)])?;
    Ok(())
}

/// Brings the row of a document and its snapshots up to what is left of its log.
fn shrink(connection: &Connection, row: i64, remains: &Remains) -> Result<(), Failure> {
    let first = remains.removed.first().copied().unwrap_or_default();
    connection
        .prepare_cached("DELETE FROM snapshot WHERE doc = ?1 AND upto >= ?2")?
        .execute([row, rows::bound(first)])?;
    connection
        .prepare_cached(
            "UPDATE doc SET heads = ?2, last = ?3,
                 snapshot = coalesce((SELECT max(upto) FROM snapshot WHERE doc = ?1), 0)
             WHERE id = ?1",
        )?
        .execute(params![row, rows::hash_bytes(&remains.heads), rows::bound(remains.last)])?;
    // Bytes are gone with the snapshot that they were in, or nothing is left at all.
    let ends: bool = connection
        .prepare_cached("SELECT pruned > snapshot OR last = 0 FROM doc WHERE id = ?1")?
        .query_row([row], |row| row.get(0))?;
    if ends {
        for drop in [
            "DELETE FROM snapshot WHERE doc = ?1",
            "DELETE FROM log WHERE doc = ?1",
            "DELETE FROM doc WHERE id = ?1",
        ] {
            connection.prepare_cached(drop)?.execute([row])?;
        }
    }
    Ok(())
}
