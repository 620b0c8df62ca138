//! Snapshots, and dropping the bytes of the changes that they replace.

use rusqlite::{Connection, OptionalExtension, params};
use wattle_protocol::io::Snapshot;
use wattle_protocol::{Blob, ContextId, DocumentKey, Position};

use crate::error::StoreError;
use crate::sqlite::failure::Failure;
use crate::sqlite::{removal, rows};

/// The newest snapshot of a document.
pub(super) fn newest(
    connection: &Connection,
    context: &ContextId,
    document: &DocumentKey,
) -> Result<Option<Snapshot>, Failure> {
    let mut query = connection.prepare_cached(
        "SELECT upto, seals, bytes FROM snapshot
         WHERE doc = (SELECT id FROM doc WHERE context = ?1 AND scope = ?2 AND item = ?3)
         ORDER BY upto DESC LIMIT 1",
    )?;
    let newest = query.query_row(params![context.0, document.scope, document.item], |row| {
        let bytes = Blob::from(row.get_ref(2)?.as_blob()?);
        Ok(Snapshot { upto: rows::position(row, 0)?, bytes, seals: rows::seals(row, 1)? })
    });
    Ok(newest.optional()?)
}

/// Stores a snapshot within the open transaction and keeps the newest two.
pub(super) fn put(
    connection: &Connection,
    (context, document): (&ContextId, &DocumentKey),
    snapshot: &Snapshot,
    prune: bool,
) -> Result<Position, Failure> {
    let row = Document::find(connection, context, document)?;
    let last = row.as_ref().map_or_else(Position::default, |row| row.last);
    let Some(row) = row.filter(|row| (1..=row.last.0).contains(&snapshot.upto.0)) else {
        let (document, upto) = (*document, snapshot.upto);
        return Err(StoreError::SnapshotOutside { document, upto, last }.into());
    };
    for (change, _) in &snapshot.seals {
        if removal::is_removed(connection, (context, document), change)? {
            let (document, change) = (*document, *change);
            return Err(StoreError::SnapshotHoldsRemoved { document, change }.into());
        }
    }
    if snapshot.upto >= row.snapshot {
        row.put(connection, snapshot)?;
    }
    if prune { row.prune(connection) } else { Ok(row.pruned) }
}

/// The row of a document as it was before the snapshot came.
struct Document {
    id: i64,
    last: Position,
    pruned: Position,
    snapshot: Position,
}

impl Document {
    fn find(
        connection: &Connection,
        context: &ContextId,
        document: &DocumentKey,
    ) -> Result<Option<Self>, Failure> {
        let mut query = connection.prepare_cached(
            "SELECT id, last, pruned, snapshot FROM doc
             WHERE context = ?1 AND scope = ?2 AND item = ?3",
        )?;
        let found = query.query_row(params![context.0, document.scope, document.item], |row| {
            Ok(Self {
                id: row.get(0)?,
                last: rows::position(row, 1)?,
                pruned: rows::position(row, 2)?,
                snapshot: rows::position(row, 3)?,
            })
        });
        Ok(found.optional()?)
    }

    fn put(&self, connection: &Connection, snapshot: &Snapshot) -> Result<(), Failure> {
        let upto = rows::bound(snapshot.upto);
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO snapshot (doc, upto, seals, bytes) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                self.id,
                upto,
                rows::seals_bytes(&snapshot.seals),
                &snapshot.bytes[..]
            ])?;
        connection
            .prepare_cached(
                "DELETE FROM snapshot WHERE doc = ?1 AND upto NOT IN
                 (SELECT upto FROM snapshot WHERE doc = ?1 ORDER BY upto DESC LIMIT 2)",
            )?
            .execute([self.id])?;
        connection
            .prepare_cached("UPDATE doc SET snapshot = ?2 WHERE id = ?1")?
            .execute([self.id, upto])?;
        Ok(())
    }

    /// Drops the bytes of what the snapshot before the newest covers.
    fn prune(&self, connection: &Connection) -> Result<Position, Failure> {
        let previous = connection
            .prepare_cached(
                "SELECT upto FROM snapshot WHERE doc = ?1 ORDER BY upto DESC LIMIT 1 OFFSET 1",
            )?
            .query_row([self.id], |row| rows::position(row, 0))
            .optional()?
            .unwrap_or_default();
        if previous <= self.pruned {
            return Ok(self.pruned);
        }
        connection
            .prepare_cached("UPDATE log SET bytes = NULL WHERE doc = ?1 AND id > ?2 AND id <= ?3")?
            .execute([self.id, rows::bound(self.pruned), rows::bound(previous)])?;
        connection
            .prepare_cached("UPDATE doc SET pruned = ?2 WHERE id = ?1")?
            .execute([self.id, rows::bound(previous)])?;
        Ok(previous)
    }
}
