//! One document: snapshot and tail become a new snapshot, or everything stays.

use std::collections::{BTreeMap, BTreeSet};

use wattle_protocol::io::Snapshot;
use wattle_protocol::{
    ActorId, Change, ChangeHash, ContextId, DocumentKey, Header, Position, Seal,
};
use wattle_store::{Store, StoreError};
use wattle_sync::guard::{self, SnapshotError};
use wattle_sync::part::part_of;

use crate::config::Compaction;
use crate::limits::FOLD_READ_BYTES;

/// What a document was folded into; not stored yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Folded {
    pub(super) snapshot: Snapshot,
    /// Changes that it holds.
    pub(super) changes: usize,
}

/// Why a document is left as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum FoldError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("this release knows no such document")]
    UnknownDocument,
    #[error("it has {bytes} bytes, over the limit of {bytes_max}")]
    Bytes { bytes: u64, bytes_max: u64 },
    #[error("it declares {ops} operations, over the limit of {ops_max}")]
    Ops { ops: u64, ops_max: u64 },
    #[error("its snapshot cannot be loaded")]
    Snapshot,
    #[error("{changes} of its changes cannot be applied")]
    Changes { changes: usize },
    #[error("the document is not what its changes say")]
    Heads,
    #[error(transparent)]
    Save(#[from] SnapshotError),
    #[error("changes were removed meanwhile")]
    Removed,
    #[error("it made Automerge panic")]
    Panicked,
}

/// What a document is made of.
struct Parts {
    nodes: Vec<(Position, Header, usize)>,
    old: Option<Snapshot>,
    tail: Vec<Change>,
    upto: Position,
}

pub(super) fn fold(
    store: &mut dyn Store,
    name: (&ContextId, &DocumentKey),
    limits: &Compaction,
) -> Result<Folded, FoldError> {
    let part = part_of(name.1).ok_or(FoldError::UnknownDocument)?;
    let parts = read(store, name, limits)?;
    let old = parts.old.as_ref().map(|old| &old.bytes[..]);
    let loaded = guard::load(part, old, &parts.tail).map_err(|_| FoldError::Snapshot)?;
    if !loaded.failed.is_empty() {
        return Err(FoldError::Changes { changes: loaded.failed.len() });
    }
    let found: BTreeSet<ChangeHash> = loaded.document.heads().into_iter().map(ChangeHash).collect();
    if found != heads(&parts) {
        return Err(FoldError::Heads);
    }
    let bytes = guard::snapshot(&loaded.document)?;
    let changes = parts.nodes.len();
    let snapshot = Snapshot { upto: parts.upto, bytes: bytes.into(), seals: seals(parts) };
    Ok(Folded { snapshot, changes })
}

/// Reads only what is within the limits, as the headers tell.
fn read(
    store: &mut dyn Store,
    (context, document): (&ContextId, &DocumentKey),
    limits: &Compaction,
) -> Result<Parts, FoldError> {
    let nodes = store.graph(context, document)?;
    let ops = nodes.iter().map(|(_, header, _)| header.ops).sum();
    if ops > limits.ops_max {
        return Err(FoldError::Ops { ops, ops_max: limits.ops_max });
    }
    let old = store.snapshot(context, document)?;
    let after = old.as_ref().map(|old| old.upto).unwrap_or_default();
    let upto = nodes.last().map(|(position, ..)| *position).unwrap_or_default();
    let fresh = nodes.iter().filter(|(position, ..)| *position > after);
    let bytes = fresh.map(|(.., bytes)| *bytes as u64).sum::<u64>()
        + old.as_ref().map_or(0, |old| old.bytes.len() as u64);
    if bytes > limits.bytes_max {
        return Err(FoldError::Bytes { bytes, bytes_max: limits.bytes_max });
    }
    let mut tail = Vec::new();
    let mut from = after;
    while from < upto {
        let more = store.read_after(context, document, from, FOLD_READ_BYTES)?;
        let Some((last, _)) = more.last() else { break };
        from = *last;
        // What was appended since the graph was read belongs to the next snapshot.
        tail.extend(more.into_iter().filter(|(at, _)| *at <= upto).map(|(_, change)| change));
    }
    Ok(Parts { nodes, old, tail, upto })
}

/// The heads that the log has, whatever the document says.
fn heads(parts: &Parts) -> BTreeSet<ChangeHash> {
    let mut heads: BTreeSet<ChangeHash> =
        parts.nodes.iter().map(|(_, header, _)| header.hash).collect();
    for dep in parts.nodes.iter().flat_map(|(_, header, _)| &header.deps) {
        heads.remove(dep);
    }
    heads
}

/// The newest signature of each actor.
fn seals(parts: Parts) -> Vec<(ChangeHash, Seal)> {
    let actors: BTreeMap<ChangeHash, ActorId> =
        parts.nodes.iter().map(|(_, header, _)| (header.hash, header.actor)).collect();
    let old = parts.old.map(|old| old.seals).unwrap_or_default();
    let new = parts.tail.into_iter().filter_map(|change| Some((change.header.hash, change.seal?)));
    let mut seals = BTreeMap::new();
    for (hash, seal) in old.into_iter().chain(new) {
        if let Some(actor) = actors.get(&hash) {
            seals.insert(*actor, (hash, seal));
        }
    }
    seals.into_values().collect()
}
