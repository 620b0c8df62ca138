//! Folds long logs into snapshots: a thread apart, with its own store handle, the only one that opens documents.

mod fold;
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
use tails::{Tail, Tails};

/// What tells the thread that documents have grown.
#[derive(Debug)]
pub(crate) struct Compactor {
    growths: SyncSender<Growth>,
}

/// By how much a document has grown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Growth {
    context: ContextId,
    document: DocumentKey,
    tail: Tail,
}

impl Growth {
    pub(crate) fn of(request: &StoreRequest) -> Option<Self> {
        let StoreRequest::Append { context, document, changes, .. } = request else { return None };
        let bytes = changes.iter().map(|change| change.bytes.len() as u64).sum();
        let tail = Tail { changes: changes.len() as u64, bytes };
        Some(Self { context: *context, document: *document, tail })
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
        let folded = catch_unwind(AssertUnwindSafe(|| {
            fold::fold(&mut self.store, (&context, &document), limits)
        }));
        match folded {
            Ok(Ok(folded)) => self.folded(context, document, &folded),
            Ok(Err(error)) => self.left(document, &error),
            Err(_panic) => {
                self.shared.metrics.panics.inc();
                self.left(document, &FoldError::Panicked);
            }
        }
    }

    fn folded(&mut self, context: ContextId, document: DocumentKey, folded: &Folded) {
        let Folded { pruned, snapshot, changes, bytes } = *folded;
        let held = Tail { changes: changes as u64, bytes: bytes as u64 };
        self.tails.has_snapshot((context, document), snapshot, held);
        self.shared.metrics.snapshots.inc();
        tracing::debug!(?document, changes, bytes, "made a snapshot");
        self.shared.inbox.notice(Notice::Compacted { context, document, pruned, snapshot });
    }

    fn left(&self, document: DocumentKey, error: &FoldError) {
        self.shared.metrics.compactions_failed.inc();
        tracing::warn!(?document, %error, "a document is left as it is");
    }
}
