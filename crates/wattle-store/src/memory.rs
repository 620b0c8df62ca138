//! A store in memory, for tests and the simulator: it answers as [`SqliteStore`](crate::SqliteStore) does,
//! draws on no clock and no randomness, and can be made to fail.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wattle_protocol::access::Closure;
use wattle_protocol::identity::Receipt;
use wattle_protocol::io::{Known, Snapshot, Summary};
use wattle_protocol::lease::{Outcome, Wanted};
use wattle_protocol::{
    Blob, Change, ChangeHash, ContextId, DocumentKey, Header, Position, PublicKey, StoreId,
};

use crate::error::StoreError;
use crate::store::{Append, News, Store, StoredReceipt};

mod state;

#[cfg(test)]
mod tests;

use state::State;

/// A handle on storage in memory. A clone is a handle of another process on the same storage.
///
/// The storage lives as long as one of its handles: keep one to outlive a replica that crashes.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    id: StoreId,
    disk: Arc<Disk>,
    /// Commits of this handle, which are no news to it.
    commits: u64,
}

#[derive(Debug, Default)]
struct Disk {
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    state: State,
    /// Commits of all handles.
    commits: u64,
    /// What the next writes fail with.
    faults: VecDeque<StoreError>,
    /// What all writes fail with.
    outage: Option<StoreError>,
}

impl MemoryStore {
    /// Empty storage of this name.
    pub fn new(id: StoreId) -> Self {
        Self { id, disk: Arc::default(), commits: 0 }
    }

    /// Makes one more write fail, of whichever handle comes next. `remember` does not count.
    pub fn fail_next(&self, error: StoreError) {
        self.content().faults.push_back(error);
    }

    /// Makes every write fail from now on, as on a full disk; `None` ends it.
    pub fn fail_all(&self, error: Option<StoreError>) {
        self.content().outage = error;
    }

    /// Takes the power away: what was remembered and not yet on the disk is gone. What a write has
    /// answered `Ok` to stays.
    pub fn crash(&self) {
        self.content().state.forget_unsynced();
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        // Every change of the content is checked before it begins, so a panic leaves nothing half done.
        self.disk.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write<T>(
        &mut self,
        run: impl FnOnce(&mut State) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut content = self.content();
        let fault = content.outage.clone().or_else(|| content.faults.pop_front());
        if let Some(error) = fault {
            return Err(error);
        }
        let result = run(&mut content.state)?;
        content.state.sync();
        content.commits += 1;
        drop(content);
        self.commits += 1;
        Ok(result)
    }
}

impl Store for MemoryStore {
    fn id(&self) -> StoreId {
        self.id
    }

    fn contexts(&mut self) -> Result<Vec<ContextId>, StoreError> {
        Ok(self.content().state.contexts())
    }

    fn append(&mut self, batch: &[Append]) -> Result<Vec<Vec<Position>>, StoreError> {
        self.write(|state| state.append(batch))
    }

    fn documents(&mut self, context: &ContextId) -> Result<Vec<Summary>, StoreError> {
        Ok(self.content().state.documents(context))
    }

    fn bytes(&mut self, context: &ContextId) -> Result<u64, StoreError> {
        Ok(self.content().state.bytes(context))
    }

    fn graph(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
    ) -> Result<Vec<(Position, Header, usize)>, StoreError> {
        Ok(self.content().state.graph(context, document))
    }

    fn read(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
        positions: &[Position],
    ) -> Result<Vec<(Position, Change)>, StoreError> {
        Ok(self.content().state.read(context, document, positions))
    }

    fn read_after(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
        after: Position,
        bytes_max: usize,
    ) -> Result<Vec<(Position, Change)>, StoreError> {
        Ok(self.content().state.read_after((context, document), after, bytes_max))
    }

    fn news(&mut self, after: Position, bytes_max: usize) -> Result<Vec<News>, StoreError> {
        Ok(self.content().state.news(after, bytes_max))
    }

    fn last(&mut self) -> Result<Position, StoreError> {
        Ok(self.content().state.last())
    }

    fn data_version(&mut self) -> Result<u64, StoreError> {
        let commits = self.content().commits;
        Ok(commits - self.commits)
    }

    fn snapshot(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
    ) -> Result<Option<Snapshot>, StoreError> {
        Ok(self.content().state.snapshot(context, document))
    }

    fn put_snapshot(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
        snapshot: &Snapshot,
        prune: bool,
    ) -> Result<Position, StoreError> {
        self.write(|state| state.put_snapshot((context, document), snapshot, prune))
    }

    fn access(&mut self, context: &ContextId) -> Result<Vec<Blob>, StoreError> {
        Ok(self.content().state.access(context))
    }

    fn append_access(
        &mut self,
        context: &ContextId,
        from: u64,
        entries: &[Blob],
    ) -> Result<u64, StoreError> {
        self.write(|state| state.append_access(context, from, entries))
    }

    fn replace_access(
        &mut self,
        context: &ContextId,
        from: u64,
        entries: &[Blob],
    ) -> Result<u64, StoreError> {
        self.write(|state| state.replace_access(context, from, entries))
    }

    fn void_access(&mut self, context: &ContextId) -> Result<Vec<(u64, Blob)>, StoreError> {
        Ok(self.content().state.void_access(context))
    }

    fn cutoffs(
        &mut self,
        context: &ContextId,
        keys: &[PublicKey],
    ) -> Result<Vec<Closure>, StoreError> {
        Ok(self.content().state.cutoffs(context, keys))
    }

    fn remove(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
        changes: &[ChangeHash],
    ) -> Result<(), StoreError> {
        self.write(|state| state.remove((*context, *document), changes))
    }

    fn removed(&mut self, context: &ContextId) -> Result<Vec<(DocumentKey, Change)>, StoreError> {
        Ok(self.content().state.removed(context))
    }

    fn put_proposal(&mut self, context: &ContextId, proposal: &Blob) -> Result<(), StoreError> {
        self.write(|state| {
            state.put_proposal(context, proposal);
            Ok(())
        })
    }

    fn proposals(&mut self, context: &ContextId) -> Result<Vec<Blob>, StoreError> {
        Ok(self.content().state.proposals(context))
    }

    fn drop_proposal(
        &mut self,
        context: &ContextId,
        proposal: &ChangeHash,
    ) -> Result<(), StoreError> {
        self.write(|state| {
            state.drop_proposal(context, proposal);
            Ok(())
        })
    }

    fn put_receipt(
        &mut self,
        context: &ContextId,
        document: &DocumentKey,
        heads: &[ChangeHash],
        receipt: &Receipt,
    ) -> Result<(), StoreError> {
        let (document, heads, receipt) = (*document, heads.to_vec(), receipt.clone());
        self.write(|state| {
            state.put_receipt(context, StoredReceipt { document, heads, receipt });
            Ok(())
        })
    }

    fn receipts(&mut self, context: &ContextId) -> Result<Vec<StoredReceipt>, StoreError> {
        Ok(self.content().state.receipts(context))
    }

    fn remote(&mut self, remote: &StoreId, context: &ContextId) -> Result<Vec<Known>, StoreError> {
        Ok(self.content().state.remote(remote, context))
    }

    fn remember(
        &mut self,
        remote: &StoreId,
        context: &ContextId,
        known: &[Known],
    ) -> Result<(), StoreError> {
        let mut content = self.content();
        if let Some(error) = content.outage.clone() {
            return Err(error);
        }
        content.state.remember(remote, context, known);
        content.commits += 1;
        drop(content);
        self.commits += 1;
        Ok(())
    }

    fn remotes(&mut self) -> Result<Vec<StoreId>, StoreError> {
        Ok(self.content().state.remotes())
    }

    fn note(&mut self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.content().state.note(name))
    }

    fn lease(&mut self, wanted: &[Wanted]) -> Result<Vec<Outcome>, StoreError> {
        self.write(|state| Ok(wanted.iter().map(|wanted| state.lease(wanted)).collect()))
    }

    fn put_note(&mut self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.write(|state| {
            state.put_note(name, value);
            Ok(())
        })
    }
}
