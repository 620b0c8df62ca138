//! Snapshots: a cache, so that a long document loads quickly. Nothing is ever dropped for them.

use std::thread;

use wattle_context::{Document, Part};
use wattle_protocol::io::Snapshot;
use wattle_protocol::{ActorId, Blob, ChangeHash, Position, Seal};
use wattle_store::{Store, StoreError};

use super::{Command, Engine};
use crate::guard;
use crate::limits::{ENGINE_STACK_BYTES, SNAPSHOT_TAIL_CHANGES_MAX};
use crate::part::key_of;

impl Engine {
    /// Begins a snapshot of one document whose tail has grown long; others have their turn later.
    pub(super) fn take_snapshots(&mut self) {
        if self.snapshotting {
            return;
        }
        let long =
            self.documents.behind.iter().find(|(_, behind)| **behind > SNAPSHOT_TAIL_CHANGES_MAX);
        let Some(part) = long.map(|(part, _)| *part) else { return };
        self.documents.behind.insert(part, 0);
        match self.snapshot_base(part) {
            Ok(Some((document, upto, seals))) => self.begin_snapshot(document, upto, seals),
            Ok(None) => {}
            Err(error) => tracing::warn!(%part, %error, "no snapshot was made"),
        }
    }

    /// The document, up to where it holds everything, and the newest signature of each actor.
    /// None when memory is not exactly what the store has: something is quarantined, or news waits.
    #[expect(clippy::type_complexity, reason = "three facts that belong to one moment")]
    fn snapshot_base(
        &mut self,
        part: Part,
    ) -> Result<Option<(Document, Position, Vec<(ChangeHash, Seal)>)>, StoreError> {
        let key = key_of(part);
        let summary = self.summaries()?.into_iter().find(|summary| summary.document == key);
        let (Some(summary), Some(document)) = (summary, self.documents.context.document(&part))
        else {
            return Ok(None);
        };
        let heads: Vec<[u8; 32]> = summary.heads.iter().map(|head| head.0).collect();
        if document.heads() != heads {
            return Ok(None);
        }
        let document = document.fork();
        let mut newest = std::collections::BTreeMap::<ActorId, (u64, Position)>::new();
        for (position, header, _) in self.store.graph(&self.context, &key)? {
            let entry = newest.entry(header.actor).or_insert((header.seq, position));
            if header.seq >= entry.0 {
                *entry = (header.seq, position);
            }
        }
        let positions: Vec<Position> = newest.into_values().map(|(_, position)| position).collect();
        let changes = self.store.read(&self.context, &key, &positions)?.into_iter();
        let seals = changes.filter_map(|(_, change)| Some((change.header.hash, change.seal?)));
        Ok(Some((document, summary.last, seals.collect())))
    }

    /// Saves, loads back and compares on a thread of its own.
    fn begin_snapshot(
        &mut self,
        document: Document,
        upto: Position,
        seals: Vec<(ChangeHash, Seal)>,
    ) {
        let sockets = self.links.sockets.clone();
        let body = move || {
            let part = document.part();
            let made = match guard::snapshot(&document) {
                Ok(bytes) => Some(Snapshot { upto, bytes: Blob::from(bytes), seals }),
                Err(error) => {
                    tracing::warn!(%part, %error, "no snapshot was made");
                    None
                }
            };
            if let Some(commands) = sockets.commands.upgrade() {
                // When the engine is gone, the snapshot is not needed.
                commands.blocking_send(Command::Snapshot { part, made }).ok();
            }
        };
        let thread = thread::Builder::new().name("wattle-snapshot".to_owned());
        match thread.stack_size(ENGINE_STACK_BYTES).spawn(body) {
            Ok(_) => self.snapshotting = true,
            Err(error) => tracing::warn!(%error, "no thread for a snapshot"),
        }
    }

    pub(super) fn keep_snapshot(&mut self, part: Part, made: Option<Snapshot>) {
        self.snapshotting = false;
        let Some(snapshot) = made else { return };
        let key = key_of(part);
        match self.store.put_snapshot(&self.context, &key, &snapshot, false) {
            Ok(pruned) => {
                let (context, snapshot) = (self.context, snapshot.upto);
                let input =
                    wattle_protocol::Input::Compacted { context, document: key, pruned, snapshot };
                self.tell_machine(input);
            }
            Err(error) => tracing::warn!(%part, %error, "a snapshot was not stored"),
        }
    }
}
