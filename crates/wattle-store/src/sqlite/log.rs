//! The log: appending changes and reading them back.

use std::collections::BTreeSet;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row, params};
use wattle_protocol::io::Summary;
use wattle_protocol::{Change, ChangeHash, ContextId, DocumentKey, Header, Position};

use crate::error::StoreError;
use crate::sqlite::failure::Failure;
use crate::sqlite::rows;
use crate::store::{Append, News};

/// The document that a query is about, as its first three parameters name it.
const DOC: &str = "doc = (SELECT id FROM doc WHERE context = ?1 AND scope = ?2 AND item = ?3)";

/// Appends within the open transaction; any error leaves it to be rolled back.
pub(super) fn append(
    connection: &Connection,
    batch: &[Append],
) -> Result<Vec<Vec<Position>>, Failure> {
    batch.iter().map(|append| append_one(connection, append)).collect()
}

/// All documents of a context.
pub(super) fn documents(
    connection: &Connection,
    context: &ContextId,
) -> Result<Vec<Summary>, Failure> {
    let mut query = connection.prepare_cached(
        "SELECT scope, item, heads, last, pruned, snapshot FROM doc
         WHERE context = ?1 ORDER BY scope, item",
    )?;
    let summaries = query.query_map([context.0], |row| {
        Ok(Summary {
            document: DocumentKey { scope: row.get(0)?, item: row.get(1)? },
            heads: rows::hashes(row, 2)?,
            last: rows::position(row, 3)?,
            pruned: rows::position(row, 4)?,
            snapshot: rows::position(row, 5)?,
        })
    })?;
    Ok(summaries.collect::<Result<_, _>>()?)
}

/// What the changes and snapshots of a context add up to. Lengths are read without what is long.
pub(super) fn bytes(connection: &Connection, context: &ContextId) -> Result<u64, Failure> {
    let mut query = connection.prepare_cached(
        "SELECT
            (SELECT coalesce(sum(length(log.bytes)), 0)
             FROM doc JOIN log ON log.doc = doc.id WHERE doc.context = ?1)
          + (SELECT coalesce(sum(length(snapshot.bytes)), 0)
             FROM doc JOIN snapshot ON snapshot.doc = doc.id WHERE doc.context = ?1)",
    )?;
    let bytes: i64 = query.query_row([context.0], |row| row.get(0))?;
    Ok(bytes.cast_unsigned())
}

/// The headers of all changes of a document.
pub(super) fn graph(
    connection: &Connection,
    context: &ContextId,
    document: &DocumentKey,
) -> Result<Vec<(Position, Header, usize)>, Failure> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT {}, coalesce(length(bytes), 0) FROM log WHERE {DOC} ORDER BY log.id",
        rows::HEADER
    ))?;
    let nodes = query.query_map(params![context.0, document.scope, document.item], |row| {
        let (position, header) = rows::header(row)?;
        let length: u32 = row.get(rows::AFTER_HEADER)?;
        Ok((position, header, length as usize))
    })?;
    Ok(nodes.collect::<Result<_, _>>()?)
}

/// The changes at these positions.
pub(super) fn read(
    connection: &Connection,
    context: &ContextId,
    document: &DocumentKey,
    positions: &[Position],
) -> Result<Vec<(Position, Change)>, Failure> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT {} FROM log WHERE log.id = ?4 AND bytes IS NOT NULL AND {DOC}",
        rows::CHANGE
    ))?;
    let mut changes = Vec::with_capacity(positions.len());
    for position in positions {
        let parameters = params![context.0, document.scope, document.item, rows::bound(*position)];
        changes.extend(query.query_row(parameters, rows::change).optional()?);
    }
    Ok(changes)
}

/// The changes of a document after a position.
pub(super) fn read_after(
    connection: &Connection,
    (context, document): (&ContextId, &DocumentKey),
    after: Position,
    bytes_max: usize,
) -> Result<Vec<(Position, Change)>, Failure> {
    let query = connection.prepare_cached(&format!(
        "SELECT {} FROM log WHERE {DOC} AND log.id > ?4 AND bytes IS NOT NULL ORDER BY log.id",
        rows::CHANGE
    ))?;
    let parameters = params![context.0, document.scope, document.item, rows::bound(after)];
    let length = |(_, change): &(Position, Change)| change.bytes.len();
    within(query, parameters, (rows::change, length), bytes_max)
}

/// The changes of all documents after a position.
pub(super) fn news(
    connection: &Connection,
    after: Position,
    bytes_max: usize,
) -> Result<Vec<News>, Failure> {
    let query = connection.prepare_cached(&format!(
        "SELECT {}, context, scope, item FROM log JOIN doc ON doc.id = log.doc
         WHERE log.id > ?1 AND bytes IS NOT NULL ORDER BY log.id",
        rows::CHANGE
    ))?;
    let length = |(_, _, _, change): &News| change.bytes.len();
    within(query, params![rows::bound(after)], (one_news, length), bytes_max)
}

/// The position that was given last. The newest changes may have been removed since.
pub(super) fn last(connection: &Connection) -> Result<Position, Failure> {
    let mut query = connection.prepare_cached(
        "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'log'), 0)",
    )?;
    Ok(query.query_row([], |row| rows::position(row, 0))?)
}

fn one_news(row: &Row<'_>) -> rusqlite::Result<News> {
    let (position, change) = rows::change(row)?;
    let context = ContextId(row.get(rows::AFTER_CHANGE)?);
    let scope = row.get(rows::AFTER_CHANGE + 1)?;
    let item = row.get(rows::AFTER_CHANGE + 2)?;
    Ok((position, context, DocumentKey { scope, item }, change))
}

/// The first rows whose changes take no more than `bytes_max` together, and at least one.
fn within<T>(
    mut query: CachedStatement<'_>,
    parameters: impl Params,
    (read, length): (fn(&Row<'_>) -> rusqlite::Result<T>, impl Fn(&T) -> usize),
    bytes_max: usize,
) -> Result<Vec<T>, Failure> {
    let mut taken = Vec::new();
    let mut bytes = 0_usize;
    for row in query.query_map(parameters, read)? {
        let row = row?;
        bytes = bytes.saturating_add(length(&row));
        if bytes > bytes_max && !taken.is_empty() {
            break;
        }
        taken.push(row);
    }
    Ok(taken)
}

fn append_one(connection: &Connection, append: &Append) -> Result<Vec<Position>, Failure> {
    if append.changes.is_empty() {
        return Ok(Vec::new());
    }
    let mut document = Document::enter(connection, append)?;
    let before = document.last;
    let positions = append
        .changes
        .iter()
        .map(|change| document.add(connection, change))
        .collect::<Result<_, _>>()?;
    if document.last != before {
        document.save(connection)?;
    }
    Ok(positions)
}

/// The row of a document while changes are added to it.
struct Document {
    id: i64,
    heads: BTreeSet<ChangeHash>,
    last: Position,
}

impl Document {
    fn enter(connection: &Connection, append: &Append) -> Result<Self, Failure> {
        let mut query = connection.prepare_cached(
            "SELECT id, heads, last FROM doc WHERE context = ?1 AND scope = ?2 AND item = ?3",
        )?;
        let key = (append.context.0, append.document.scope, append.document.item);
        let found = query.query_row(key, |row| {
            let heads = rows::hashes(row, 1)?.into_iter().collect();
            Ok(Self { id: row.get(0)?, heads, last: rows::position(row, 2)? })
        });
        if let Some(found) = found.optional()? {
            return Ok(found);
        }
        let mut insert = connection.prepare_cached(
            "INSERT INTO doc (context, scope, item, heads, last, pruned, snapshot)
             VALUES (?1, ?2, ?3, x'', 0, 0, 0)",
        )?;
        Ok(Self { id: insert.insert(key)?, heads: BTreeSet::new(), last: Position(0) })
    }

    fn add(&mut self, connection: &Connection, change: &Change) -> Result<Position, Failure> {
        if let Some(position) = self.position(connection, &change.header.hash)? {
            self.add_seal(connection, position, change)?;
            return Ok(Position(position.cast_unsigned()));
        }
        self.check_dependencies(connection, &change.header)?;
        self.check_sequence(connection, &change.header)?;
        let position = Position(self.insert(connection, change)?.cast_unsigned());
        for dependency in &change.header.deps {
            self.heads.remove(dependency);
        }
        self.heads.insert(change.header.hash);
        self.last = position;
        Ok(position)
    }

    fn position(&self, connection: &Connection, hash: &ChangeHash) -> Result<Option<i64>, Failure> {
        let mut query =
            connection.prepare_cached("SELECT id FROM log WHERE doc = ?1 AND hash = ?2")?;
        Ok(query.query_row(params![self.id, hash.0], |row| row.get(0)).optional()?)
    }

    fn add_seal(
        &self,
        connection: &Connection,
        position: i64,
        change: &Change,
    ) -> Result<(), Failure> {
        if let Some(seal) = &change.seal {
            connection
                .prepare_cached("UPDATE log SET seal = ?2 WHERE id = ?1 AND seal IS NULL")?
                .execute(params![position, rows::seal_bytes(seal)])?;
        }
        Ok(())
    }

    fn check_dependencies(&self, connection: &Connection, header: &Header) -> Result<(), Failure> {
        for dependency in &header.deps {
            let known =
                self.heads.contains(dependency) || self.position(connection, dependency)?.is_some();
            if !known {
                let (change, dependency) = (header.hash, *dependency);
                return Err(StoreError::MissingDependency { change, dependency }.into());
            }
        }
        Ok(())
    }

    fn check_sequence(&self, connection: &Connection, header: &Header) -> Result<(), Failure> {
        let stored = connection
            .prepare_cached("SELECT hash FROM log WHERE doc = ?1 AND actor = ?2 AND seq = ?3")?
            .query_row(params![self.id, header.actor.0, header.seq.cast_signed()], |row| {
                row.get(0).map(ChangeHash)
            })
            .optional()?;
        match stored {
            None => Ok(()),
            Some(stored) => Err(StoreError::SequenceUsed {
                actor: header.actor,
                seq: header.seq,
                stored,
                offered: header.hash,
            }
            .into()),
        }
    }

    fn insert(&self, connection: &Connection, change: &Change) -> Result<i64, Failure> {
        let header = &change.header;
        let mut insert = connection.prepare_cached(
            "INSERT INTO log (doc, hash, actor, seq, start_op, ops, time, author, deps, seal, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?;
        Ok(insert.insert(params![
            self.id,
            header.hash.0,
            header.actor.0,
            header.seq.cast_signed(),
            header.start_op.cast_signed(),
            header.ops.cast_signed(),
            header.time,
            header.author.map(|author| author.0),
            rows::hash_bytes(&header.deps),
            change.seal.as_ref().map(rows::seal_bytes),
            &change.bytes[..],
        ])?)
    }

    fn save(&self, connection: &Connection) -> Result<(), Failure> {
        connection
            .prepare_cached("UPDATE doc SET heads = ?2, last = ?3 WHERE id = ?1")?
            .execute(params![self.id, rows::hash_bytes(&self.heads), rows::bound(self.last)])?;
        Ok(())
    }
}
