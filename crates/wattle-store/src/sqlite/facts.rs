//! What is stored beside the changes: access logs, what other stores have, notes.

use rusqlite::{Connection, OptionalExtension, params};
use wattle_protocol::io::Known;
use wattle_protocol::{Blob, ContextId, DocumentKey, StoreId};

use crate::sqlite::failure::Failure;
use crate::sqlite::rows;

/// The contexts with an access log or a change.
pub(super) fn contexts(connection: &Connection) -> Result<Vec<ContextId>, Failure> {
    let mut query = connection.prepare_cached(
        "SELECT context FROM access WHERE number = 0 UNION SELECT context FROM doc ORDER BY 1",
    )?;
    let contexts = query.query_map([], |row| row.get(0).map(ContextId))?;
    Ok(contexts.collect::<Result<_, _>>()?)
}

/// The access log of a context.
pub(super) fn access(connection: &Connection, context: &ContextId) -> Result<Vec<Blob>, Failure> {
    let mut query =
        connection.prepare_cached("SELECT bytes FROM access WHERE context = ?1 ORDER BY number")?;
    let entries = query.query_map([context.0], |row| Ok(Blob::from(row.get_ref(0)?.as_blob()?)))?;
    Ok(entries.collect::<Result<_, _>>()?)
}

/// Adds to the access log within the open transaction.
pub(super) fn append_access(
    connection: &Connection,
    context: &ContextId,
    from: u64,
    entries: &[Blob],
) -> Result<u64, Failure> {
    let stored = access(connection, context)?;
    let added = crate::store::access_to_add(context, &stored, from, entries)?;
    let mut insert = connection
        .prepare_cached("INSERT INTO access (context, number, bytes) VALUES (?1, ?2, ?3)")?;
    let mut length = stored.len() as u64;
    for entry in added {
        insert.execute(params![context.0, length.cast_signed(), &entry[..]])?;
        length += 1;
    }
    Ok(length)
}

/// Puts entries in place of others within the open transaction.
pub(super) fn replace_access(
    connection: &Connection,
    context: &ContextId,
    from: u64,
    entries: &[Blob],
) -> Result<u64, Failure> {
    let stored = access(connection, context)?;
    let (kept, added) = crate::store::access_to_replace(context, &stored, from, entries)?;
    let mut length = kept as u64;
    for void in [
        "INSERT INTO void (context, number, bytes) SELECT context, number, bytes FROM access
         WHERE context = ?1 AND number >= ?2 ORDER BY number",
        "DELETE FROM access WHERE context = ?1 AND number >= ?2",
    ] {
        connection.prepare_cached(void)?.execute(params![context.0, length.cast_signed()])?;
    }
    let mut insert = connection
        .prepare_cached("INSERT INTO access (context, number, bytes) VALUES (?1, ?2, ?3)")?;
    for entry in added {
        insert.execute(params![context.0, length.cast_signed(), &entry[..]])?;
        length += 1;
    }
    Ok(length)
}

/// The entries that were replaced.
pub(super) fn void_access(
    connection: &Connection,
    context: &ContextId,
) -> Result<Vec<(u64, Blob)>, Failure> {
    let mut query = connection
        .prepare_cached("SELECT number, bytes FROM void WHERE context = ?1 ORDER BY id")?;
    let entries = query.query_map([context.0], |row| {
        let number = row.get::<_, i64>(0)?.cast_unsigned();
        Ok((number, Blob::from(row.get_ref(1)?.as_blob()?)))
    })?;
    Ok(entries.collect::<Result<_, _>>()?)
}

/// What another store was last known to have.
pub(super) fn remote(
    connection: &Connection,
    remote: &StoreId,
    context: &ContextId,
) -> Result<Vec<Known>, Failure> {
    let mut query = connection.prepare_cached(
        "SELECT scope, item, cursor, durable FROM remote
         WHERE store = ?1 AND context = ?2 ORDER BY scope, item",
    )?;
    let known = query.query_map(params![remote.0, context.0], |row| {
        Ok(Known {
            document: DocumentKey { scope: row.get(0)?, item: row.get(1)? },
            cursor: rows::position(row, 2)?,
            durable: rows::hashes(row, 3)?,
        })
    })?;
    Ok(known.collect::<Result<_, _>>()?)
}

/// Notes what another store has, in place of what was noted before.
pub(super) fn remember(
    connection: &Connection,
    remote: &StoreId,
    context: &ContextId,
    known: &[Known],
) -> Result<(), Failure> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO remote (store, context, scope, item, cursor, durable)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for known in known {
        insert.execute(params![
            remote.0,
            context.0,
            known.document.scope,
            known.document.item,
            known.cursor.0.cast_signed(),
            rows::hash_bytes(&known.durable),
        ])?;
    }
    Ok(())
}

/// Every other store of which something is remembered.
pub(super) fn remotes(connection: &Connection) -> Result<Vec<StoreId>, Failure> {
    let mut query = connection.prepare_cached("SELECT DISTINCT store FROM remote ORDER BY 1")?;
    let remotes = query.query_map([], |row| row.get(0).map(StoreId))?;
    Ok(remotes.collect::<Result<_, _>>()?)
}

/// A value of the application.
pub(super) fn note(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, Failure> {
    let mut query = connection.prepare_cached("SELECT value FROM note WHERE name = ?1")?;
    Ok(query.query_row([name], |row| row.get(0)).optional()?)
}

/// Sets one.
pub(super) fn put_note(connection: &Connection, name: &str, value: &[u8]) -> Result<(), Failure> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO note (name, value) VALUES (?1, ?2)")?
        .execute(params![name, value])?;
    Ok(())
}
