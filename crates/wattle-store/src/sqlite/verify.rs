//! Looking for damage: SQLite's own check, and what our tables say of each other.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::Connection;
use wattle_protocol::{ChangeHash, Position};

use crate::error::StoreError;
use crate::sqlite::failure::Failure;
use crate::sqlite::rows;

/// Fails on the first damage found.
pub(super) fn verify(connection: &Connection, path: &Path) -> Result<(), Failure> {
    // All is read at one moment, whatever others commit meanwhile.
    let transaction = connection.unchecked_transaction()?;
    let found = damage(&transaction)?;
    transaction.commit()?;
    match found {
        None => Ok(()),
        Some(found) => Err(StoreError::Corrupt { path: path.to_owned(), found }.into()),
    }
}

fn damage(connection: &Connection) -> Result<Option<String>, Failure> {
    let pages: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if pages != "ok" {
        return Ok(Some(pages));
    }
    if connection.prepare("PRAGMA foreign_key_check")?.exists([])? {
        return Ok(Some("a row belongs to a document that is not there".to_owned()));
    }
    for document in documents(connection)? {
        if let Some(found) = document.damage(connection)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// What the row of a document says of its log.
struct Document {
    id: i64,
    heads: BTreeSet<ChangeHash>,
    last: Position,
    pruned: Position,
    snapshot: Position,
}

fn documents(connection: &Connection) -> Result<Vec<Document>, Failure> {
    let mut query = connection.prepare(
        "SELECT id, heads, last, pruned,
             coalesce((SELECT max(upto) FROM snapshot WHERE doc = doc.id), 0)
         FROM doc",
    )?;
    let documents = query.query_map([], |row| {
        Ok(Document {
            id: row.get(0)?,
            heads: rows::hashes(row, 1)?.into_iter().collect(),
            last: rows::position(row, 2)?,
            pruned: rows::position(row, 3)?,
            snapshot: rows::position(row, 4)?,
        })
    })?;
    Ok(documents.collect::<Result<_, _>>()?)
}

impl Document {
    fn damage(&self, connection: &Connection) -> Result<Option<String>, Failure> {
        let mut query = connection.prepare_cached(&format!(
            "SELECT {}, bytes IS NULL FROM log WHERE doc = ?1 ORDER BY log.id",
            rows::HEADER
        ))?;
        let mut heads = BTreeSet::new();
        let mut last = Position(0);
        let mut rows = query.query([self.id])?;
        while let Some(row) = rows.next()? {
            let (position, header) = rows::header(row)?;
            for dependency in &header.deps {
                heads.remove(dependency);
            }
            heads.insert(header.hash);
            last = position;
            let absent: bool = row.get(rows::AFTER_HEADER)?;
            if absent != (position <= self.pruned) {
                return Ok(Some(format!("change {} has lost its bytes", header.hash)));
            }
        }
        let id = self.id;
        Ok(if heads != self.heads || last != self.last {
            Some(format!("document {id} does not have the heads that its log gives"))
        } else if self.pruned > self.snapshot {
            Some(format!("document {id} has no snapshot in place of changes dropped"))
        } else {
            None
        })
    }
}
