//! A store in one SQLite file, which several processes may have open at once.
//!
//! The file is in WAL mode with full synchronisation: a commit is on the disk when it returns. Any tool
//! that reads SQLite can look into it; `sqlite/schema.rs` has the tables.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use wattle_protocol::access::Closure;
use wattle_protocol::identity::Receipt;
use wattle_protocol::io::{Known, Snapshot, Summary};
use wattle_protocol::lease::{Outcome, Wanted};
use wattle_protocol::{
    Blob, Change, ChangeHash, ContextId, DocumentKey, Header, Position, PublicKey, StoreId,
};

use crate::error::StoreError;
use crate::store::{Append, News, Store, StoredReceipt};

mod facts;
mod failure;
mod leases;
mod log;
mod open;
mod pending;
mod removal;
mod rows;
mod schema;
mod snapshots;
mod verify;

#[cfg(test)]
mod tests;

use failure::{BUSY_TRIES_MAX, Failure};
use open::{Absent, FileId, Opened};

/// A handle on a store in a SQLite file.
///
/// When a commit fails, the answer is an error, and the next call opens the file anew: what the disk
/// has taken is read back from it, never guessed, and a failed synchronisation is never repeated.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    id: StoreId,
    file: FileId,
    /// Absent after a failure of the storage.
    connection: Option<Connection>,
    /// How often the file was opened anew; a new connection counts its data versions from the start.
    reopened: u32,
}

/// When a write counts as done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// When it is on the disk.
    Full,
    /// When the operating system has it; on the disk with the next that is.
    Lazy,
}

impl SqliteStore {
    /// Opens the file; creates it when it is missing, in a directory that must exist.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::from_file(path.as_ref(), Absent::Create)
    }

    /// Opens a file that must be there.
    pub fn open_existing(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::from_file(path.as_ref(), Absent::Refuse)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the whole file and fails with [`StoreError::Corrupt`] on the first thing that is damaged.
    ///
    /// Takes time in proportion to the file, so opening does not do it.
    pub fn verify(&mut self) -> Result<(), StoreError> {
        let path = self.path.clone();
        self.query(|connection| verify::verify(connection, &path))
    }

    fn from_file(path: &Path, absent: Absent) -> Result<Self, StoreError> {
        let Opened { connection, id, file } = open::open(path, absent)?;
        Ok(Self { path: path.to_owned(), id, file, connection: Some(connection), reopened: 0 })
    }

    fn connection(&mut self) -> Result<&Connection, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.reopen()?,
        };
        Ok(self.connection.insert(connection))
    }

    fn reopen(&mut self) -> Result<Connection, StoreError> {
        tracing::warn!(path = %self.path.display(), "opening the store anew after a failure");
        let opened = open::open(&self.path, Absent::Refuse)?;
        if opened.id != self.id {
            return Err(StoreError::Replaced { path: self.path.clone() });
        }
        self.file = opened.file;
        self.reopened += 1;
        Ok(opened.connection)
    }

    /// Runs queries; waits while another process holds the lock, within a bound.
    fn query<T>(
        &mut self,
        run: impl Fn(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let connection = self.connection()?;
        let result = patiently(|| run(connection));
        self.settle_result(result)
    }

    /// Runs one transaction: all of it is durable on `Ok`, nothing has changed on `Err`.
    fn commit<T>(
        &mut self,
        durability: Durability,
        run: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let (path, file) = (self.path.clone(), self.file);
        let connection = self.connection()?;
        let result = transact(connection, durability, |connection| {
            // What is written to a file that nobody finds any more is lost.
            if FileId::at(&path)? != file {
                return Err(StoreError::Replaced { path: path.clone() }.into());
            }
            run(connection)
        });
        self.settle_result(result)
    }

    /// Names the failure, and gives the connection up when it is the storage's.
    fn settle_result<T>(&mut self, result: Result<T, Failure>) -> Result<T, StoreError> {
        result.map_err(|failure| {
            let rolled_back = self.connection.as_ref().is_some_and(Connection::is_autocommit);
            let error = failure.at(&self.path);
            if !rolled_back || !error.is_of_request() {
                self.connection = None;
            }
            error
        })
    }
}

fn transact<T>(
    connection: &Connection,
    durability: Durability,
    run: impl FnOnce(&Connection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    match durability {
        Durability::Full => commit(connection, run),
        Durability::Lazy => {
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            let result = commit(connection, run);
            connection.pragma_update(None, "synchronous", "FULL")?;
            result
        }
    }
}

fn commit<T>(
    connection: &Connection,
    run: impl FnOnce(&Connection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    // The lock is taken at once: a reader that becomes a writer could not wait for it.
    let transaction =
        patiently(|| Ok(Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?))?;
    let result = run(&transaction)?;
    transaction.commit()?;
    Ok(result)
}

fn patiently<T>(mut run: impl FnMut() -> Result<T, Failure>) -> Result<T, Failure> {
    for _ in 1..BUSY_TRIES_MAX {
        match run() {
            Err(failure) if failure.is_busy() => {}
            result => return result,
        }
    }
    run()
}

impl Store for SqliteStore {
    fn id(&self) -> StoreId {
        self.id
    }

    fn contexts(&mut self) -> Result<Vec<ContextId>, StoreError> {
        self.query(facts::contexts)
    }

    fn append(&mut self, batch: &[Append]) -> Result<Vec<Vec<Position>>, StoreError> {
        self.commit(Durability::Full, |connection| log::append(connection, batch))
    }

    fn documents(&mut self, context: &ContextId) -> Result<Vec<Summary>, StoreError> {
        self.query(|connection| log::documents(connection, context))
    }

    fn bytes(&mut self, context: &ContextId) -> Result<u64, StoreError> {
        self.query(|connection| log::bytes(connection, context))
    }

    fn graph(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
    ) -> Result<Vec<(Position, Header, usize)>, StoreError> {
        self.query(|connection| log::graph(connection, context, document))
    }

    fn read(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
        positions: &[Position],
    ) -> Result<Vec<(Position, Change)>, StoreError> {
        self.query(|connection| log::read(connection, context, document, positions))
    }

    fn read_after(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
        after: Position,
        bytes_max: usize,
    ) -> Result<Vec<(Position, Change)>, StoreError> {
        self.query(|connection| log::read_after(connection, (context, document), after, bytes_max))
    }

    fn news(&mut self, after: Position, bytes_max: usize) -> Result<Vec<News>, StoreError> {
        self.query(|connection| log::news(connection, after, bytes_max))
    }

    fn last(&mut self) -> Result<Position, StoreError> {
        self.query(log::last)
    }

    fn data_version(&mut self) -> Result<u64, StoreError> {
        let version: u32 = self.query(|connection| {
            let mut query = connection.prepare_cached("PRAGMA data_version")?;
            Ok(query.query_row([], |row| row.get(0))?)
        })?;
        Ok(u64::from(self.reopened) << 32 | u64::from(version))
    }

    fn snapshot(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
    ) -> Result<Option<Snapshot>, StoreError> {
        self.query(|connection| snapshots::newest(connection, context, document))
    }

    fn put_snapshot(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
        snapshot: &Snapshot,
        prune: bool,
    ) -> Result<Position, StoreError> {
        self.commit(Durability::Full, |connection| {
            snapshots::put(connection, (context, document), snapshot, prune)
        })
    }

    fn access(&mut self, context: &ContextId) -> Result<Vec<Blob>, StoreError> {
        self.query(|connection| facts::access(connection, context))
    }

    fn append_access(
        &mut self,
        context: &ContextId,
        from: u64,
        entries: &[Blob],
    ) -> Result<u64, StoreError> {
        self.commit(Durability::Full, |connection| {
            facts::append_access(connection, context, from, entries)
        })
    }

    fn replace_access(
        &mut self,
        context: &ContextId,
        from: u64,
        entries: &[Blob],
    ) -> Result<u64, StoreError> {
        self.commit(Durability::Full, |connection| {
            facts::replace_access(connection, context, from, entries)
        })
    }

    fn void_access(&mut self, context: &ContextId) -> Result<Vec<(u64, Blob)>, StoreError> {
        self.query(|connection| facts::void_access(connection, context))
    }

    fn cutoffs(
        &mut self,
        context: &ContextId,
        keys: &[PublicKey],
    ) -> Result<Vec<Closure>, StoreError> {
        self.query(|connection| removal::cutoffs(connection, context, keys))
    }

    fn remove(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
        changes: &[ChangeHash],
    ) -> Result<(), StoreError> {
        self.commit(Durability::Full, |connection| {
            removal::remove(connection, (context, document), changes)
        })
    }

    fn removed(&mut self, context: &ContextId) -> Result<Vec<(DocumentKey, Change)>, StoreError> {
        self.query(|connection| removal::removed(connection, context))
    }

    fn put_proposal(&mut self, context: &ContextId, proposal: &Blob) -> Result<(), StoreError> {
        self.commit(Durability::Full, |connection| {
            pending::put_proposal(connection, context, proposal)
        })
    }

    fn proposals(&mut self, context: &ContextId) -> Result<Vec<Blob>, StoreError> {
        self.query(|connection| pending::proposals(connection, context))
    }

    fn drop_proposal(
        &mut self,
        context: &ContextId,
        proposal: &ChangeHash,
    ) -> Result<(), StoreError> {
        self.commit(Durability::Full, |connection| {
            pending::drop_proposal(connection, context, proposal)
        })
    }

    fn put_receipt(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
        heads: &[ChangeHash],
        receipt: &Receipt,
    ) -> Result<(), StoreError> {
        self.commit(Durability::Full, |connection| {
            pending::put_receipt(connection, (context, document), heads, receipt)
        })
    }

    fn receipts(&mut self, context: &ContextId) -> Result<Vec<StoredReceipt>, StoreError> {
        self.query(|connection| pending::receipts(connection, context))
    }

    fn remote(&mut self, remote: &StoreId, context: &ContextId) -> Result<Vec<Known>, StoreError> {
        self.query(|connection| facts::remote(connection, remote, context))
    }

    fn remember(
        &mut self,
        remote: &StoreId,
        context: &ContextId,
        known: &[Known],
    ) -> Result<(), StoreError> {
        self.commit(Durability::Lazy, |connection| {
            facts::remember(connection, remote, context, known)
        })
    }

    fn remotes(&mut self) -> Result<Vec<StoreId>, StoreError> {
        self.query(facts::remotes)
    }

    fn note(&mut self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.query(|connection| facts::note(connection, name))
    }

    fn lease(&mut self, wanted: &[Wanted]) -> Result<Vec<Outcome>, StoreError> {
        self.commit(Durability::Full, |connection| leases::lease(connection, wanted))
    }

    fn put_note(&mut self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.commit(Durability::Full, |connection| facts::put_note(connection, name, value))
    }
}
