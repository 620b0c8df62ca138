//! Folds long logs into snapshots: a thread apart, with its own store handle, the only one that opens documents.

mod fold;
mod removals;
mod tails;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use wattle_protocol::{ContextId, DocumentKey, StoreRequest};
use wattle_store::{SqliteStore, Store, StoreError};

use crate::inbox::Notice;
use crate::limits::{COMPACTOR_STACK_BYTES, GROWTHS_WAITING_MAX, TAIL_SHARE};
use crate::relay::{Shared, StartError};

use fold::{FoldError, Folded};
pub(crate) use removals::Removals;

use tails::{Tail, Tails};

/// What tells the thread that documents have grown.
#[derive(Debug)]
pub(crate) struct Compactor {
    growths: SyncSender<Growth>,
}

/// What has become of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Growth {
    context: ContextId,
    document: DocumentKey,
    /// By how much it has grown; absent: changes were removed, so it has to be measured again.
    tail: Option<Tail>,
}

impl Growth {
    pub(crate) fn of(request: &StoreRequest) -> Option<Self> {
        match request {
            StoreRequest::Append { context, document, changes, .. } => {
                let bytes = changes.iter().map(|change| change.bytes.len() as u64).sum();
                let tail = Some(Tail { changes: changes.len() as u64, bytes });
                Some(Self { context: *context, document: *document, tail })
            }
            StoreRequest::Remove { context, document, .. } => {
                Some(Self { context: *context, document: *document, tail: None })
            }
            StoreRequest::LoadContext { .. }
            | StoreRequest::LoadRemote { .. }
            | StoreRequest::LoadGraph { .. }
            | StoreRequest::Read { .. }
            | StoreRequest::ReadSnapshot { .. }
            | StoreRequest::AppendAccess { .. }
            | StoreRequest::ReplaceAccess { .. }
            | StoreRequest::Cutoffs { .. }
            | StoreRequest::Lease { .. }
            | StoreRequest::Remember { .. } => None,
        }
    }

    pub(crate) fn is_append(&self) -> bool {
        self.tail.is_some()
    }
}

impl Compactor {
    /// Starts the thread; it ends when this is dropped.
    pub(crate) fn start(path: &Path, shared: Arc<Shared>) -> Result<Self, StartError> {
        let (growths, receiver) = sync_channel(GROWTHS_WAITING_MAX);
        let store = SqliteStore::open(path)?;
        let folder = Folder { store, shared, tails: Tails::default() };
        std::thread::Builder::new()
            .name("compactor".to_owned())
            .stack_size(COMPACTOR_STACK_BYTES)
            .spawn(move || folder.run(&receiver))
            .map_err(StartError::Thread)?;
        Ok(Self { growths })
    }

    /// Never waits: when the thread is far behind, a document is only folded later.
    pub(crate) fn grew(&self, growth: Growth) {
        if self.growths.try_send(growth).is_err() {
            tracing::debug!("the compactor is behind");
        }
    }
}

struct Folder {
    store: SqliteStore,
    shared: Arc<Shared>,
    tails: Tails,
}

impl Folder {
    fn run(mut self, growths: &Receiver<Growth>) {
        self.survey();
        while let Ok(growth) = growths.recv() {
            let Growth { context, document, tail } = growth;
            let Some(tail) = tail else {
                self.tails.forget(&(context, document));
                continue;
            };
            match self.tails.grow(&mut self.store, (context, document), tail) {
                Ok(tail) if self.is_long(&(context, document), tail) => {
                    self.fold(context, document);
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "cannot tell how much a document has grown"),
            }
        }
    }

    /// Looks for what has grown long before this start.
    fn survey(&mut self) {
        let long = self.long_ago();
        for (context, document) in long.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot look for long documents");
            Vec::new()
        }) {
            self.fold(context, document);
        }
    }

    fn long_ago(&mut self) -> Result<Vec<(ContextId, DocumentKey)>, StoreError> {
        let mut long = Vec::new();
        for context in self.store.contexts()? {
            for summary in self.store.documents(&context)? {
                // Positions count all documents, so this is the most that the tail can be.
                let most = summary.last.0.saturating_sub(summary.snapshot.0);
                let document = summary.document;
                if most < self.shared.config.compaction.tail_changes {
                    continue;
                }
                let tail = self.tails.measure(&mut self.store, (context, document))?;
                if self.is_long(&(context, document), tail) {
                    long.push((context, document));
                }
            }
        }
        Ok(long)
    }

    /// A fold costs time in proportion to the whole document, so a large one has to grow by a share of it.
    fn is_long(&self, name: &(ContextId, DocumentKey), tail: Tail) -> bool {
        let limits = &self.shared.config.compaction;
        let held = self.tails.held(name);
        tail.changes >= limits.tail_changes.max(held.changes / TAIL_SHARE)
            || tail.bytes >= limits.tail_bytes.max(held.bytes / TAIL_SHARE)
    }

    /// Whatever comes of it, the next attempt is when the document has grown as much again.
    fn fold(&mut self, context: ContextId, document: DocumentKey) {
        self.tails.begin_anew((context, document));
        let limits = &self.shared.config.compaction;
        let removals = self.shared.removals.count();
        let folded = catch_unwind(AssertUnwindSafe(|| {
            fold::fold(&mut self.store, (&context, &document), limits)
        }));
        let kept = folded.unwrap_or_else(|_panic| {
            self.shared.metrics.panics.inc();
            Err(FoldError::Panicked)
        });
        let kept = kept.and_then(|folded| self.keep((context, document), (&folded, removals)));
        if let Err(error) = kept {
            self.left(document, &error);
        }
    }

    /// Stores a snapshot, unless something was removed since it was begun: it may hold just that.
    fn keep(
        &mut self,
        (context, document): (ContextId, DocumentKey),
        (folded, removals): (&Folded, u64),
    ) -> Result<(), FoldError> {
        let Folded { snapshot, changes } = folded;
        let shared = Arc::clone(&self.shared);
        let unchanged = shared.removals.unless_since(removals).ok_or(FoldError::Removed)?;
        let pruned = self.store.put_snapshot(&context, &document, snapshot, true)?;
        let upto = snapshot.upto;
        shared.inbox.notice(Notice::Compacted { context, document, pruned, snapshot: upto });
        drop(unchanged);
        let held = Tail { changes: *changes as u64, bytes: snapshot.bytes.len() as u64 };
        self.tails.has_snapshot((context, document), upto, held);
        shared.metrics.snapshots.inc();
        tracing::debug!(?document, changes, bytes = held.bytes, "made a snapshot");
        Ok(())
    }

    fn left(&self, document: DocumentKey, error: &FoldError) {
        self.shared.metrics.compactions_failed.inc();
        tracing::warn!(?document, %error, "a document is left as it is");
    }
}
