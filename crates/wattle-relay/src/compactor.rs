//! Folds long logs into snapshots: a thread apart, with its own store handle, the only one that opens documents.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use wattle_protocol::{ContextId, DocumentKey, StoreRequest};
use wattle_store::SqliteStore;

use crate::limits::{COMPACTOR_STACK_BYTES, GROWTHS_WAITING_MAX};
use crate::relay::{Shared, StartError};

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

/// Changes after the newest snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tail {
    changes: u64,
    bytes: u64,
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
        let folder = Folder { store, shared, growths: receiver, tails: BTreeMap::new() };
        std::thread::Builder::new()
            .name("compactor".to_owned())
            .stack_size(COMPACTOR_STACK_BYTES)
            .spawn(move || folder.run())
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
    growths: Receiver<Growth>,
    tails: BTreeMap<(ContextId, DocumentKey), Tail>,
}

impl Folder {
    fn run(mut self) {
        while let Ok(growth) = self.growths.recv() {
            let tail = self.tails.entry((growth.context, growth.document)).or_default();
            tail.changes += growth.tail.changes;
            tail.bytes += growth.tail.bytes;
        }
    }
}
