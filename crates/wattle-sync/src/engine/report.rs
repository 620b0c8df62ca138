//! What is durable where.

use std::collections::BTreeSet;

use wattle_protocol::io::{Known, Summary};
use wattle_protocol::{ChangeHash, DocumentKey, Header, LinkId, Position, StoreId};
use wattle_store::{Store, StoreError, StoredReceipt};

use super::Engine;
use crate::error::ReadError;
use crate::part::{name_of, part_of};
use crate::status::{DocumentAt, DocumentStatus, Heads, Received, RemoteStatus, Status};

/// A document's changes in the order of their positions.
type Graph = Vec<(Position, Header, usize)>;

impl Engine {
    pub(super) fn status(&mut self) -> Result<Status, ReadError> {
        self.refresh()?;
        let mut documents = Vec::new();
        let remotes = self.remotes()?;
        self.flush_ledger();
        let receipts = self.store.receipts(&self.context)?;
        for summary in self.summaries()? {
            documents.push(self.document_status(&summary, &remotes, &receipts)?);
        }
        let uncounted = self.uncounted()?;
        let forks = self.forks()?.len() as u64;
        let remotes = remotes.iter().map(|store| self.remote_status(*store, &documents));
        let remotes = remotes.collect::<Result<Vec<_>, _>>()?;
        Ok(Status {
            context: self.context,
            name: self.name(),
            store: self.store.id(),
            key: self.identity.key(),
            uplink: self.uplink.status(),
            documents,
            links: self.links.report(),
            remotes,
            quarantined: self.quarantined.clone(),
            uncounted,
            forks,
            store_bytes: std::fs::metadata(self.store.path()).map_or(0, |file| file.len()),
        })
    }

    /// The heads of every document that this program knows; none of them is loaded for it.
    pub(super) fn heads(&mut self) -> Result<Heads, ReadError> {
        self.refresh()?;
        let summaries = self.summaries()?.into_iter();
        let heads = |summary: Summary| {
            let part = part_of(&summary.document)?;
            Some((part, summary.heads.iter().map(ToString::to_string).collect()))
        };
        Ok(summaries.filter_map(heads).collect())
    }

    /// Every other store that was ever met, by any process on the directory.
    fn remotes(&mut self) -> Result<BTreeSet<StoreId>, StoreError> {
        self.flush_remembered();
        let mut remotes: BTreeSet<StoreId> = self.store.remotes()?.into_iter().collect();
        remotes.extend(self.durable.keys());
        Ok(remotes)
    }

    fn document_status(
        &mut self,
        summary: &Summary,
        remotes: &BTreeSet<StoreId>,
        receipts: &[StoredReceipt],
    ) -> Result<DocumentStatus, StoreError> {
        let document = summary.document;
        let graph = self.store.graph(&self.context, &document)?;
        let mut at = Vec::with_capacity(remotes.len());
        for store in remotes {
            let durable = self.durable_at(store, &document)?;
            let pending = pending(&graph, &durable);
            at.push(DocumentAt { store: *store, durable: graph.len() as u64 - pending, pending });
        }
        let signed = receipts.iter().filter(|signed| signed.document == document);
        let receipts = signed.map(|signed| received(&graph, signed)).collect();
        let part = part_of(&document);
        Ok(DocumentStatus {
            part,
            name: name_of(&document),
            changes: graph.len() as u64,
            bytes: graph.iter().map(|(_, _, bytes)| *bytes as u64).sum(),
            heads: summary.heads.iter().map(ToString::to_string).collect(),
            loaded: part.is_some_and(|part| self.documents.is_loaded(&part)),
            remotes: at,
            receipts,
        })
    }

    /// What another store has: as this process knows it, else as another process has remembered it.
    pub(super) fn durable_at(
        &mut self,
        store: &StoreId,
        document: &DocumentKey,
    ) -> Result<Vec<ChangeHash>, StoreError> {
        let of = |known: &Known| known.durable.clone();
        let mut durable = match self.durable.get(store).and_then(|known| known.get(document)) {
            Some(known) => of(known),
            None => Vec::new(),
        };
        if !self.uplink.is_held() {
            let stored = self.store.remote(store, &self.context)?;
            durable.extend(stored.iter().filter(|known| known.document == *document).flat_map(of));
        }
        Ok(durable)
    }

    /// Changes of a document that are not known to be durable at another store.
    pub(super) fn pending_at(
        &mut self,
        store: &StoreId,
        summary: &Summary,
    ) -> Result<u64, StoreError> {
        let durable = self.durable_at(store, &summary.document)?;
        if summary.heads.iter().all(|head| durable.contains(head)) {
            return Ok(0);
        }
        let graph = self.store.graph(&self.context, &summary.document)?;
        Ok(pending(&graph, &durable))
    }

    fn remote_status(
        &mut self,
        store: StoreId,
        documents: &[DocumentStatus],
    ) -> Result<RemoteStatus, StoreError> {
        let address = self.store.note(&address_note(&store))?;
        let address = address.and_then(|bytes| String::from_utf8(bytes).ok());
        let at = documents.iter().flat_map(|document| &document.remotes);
        let pending = at.filter(|at| at.store == store).map(|at| at.pending).sum();
        Ok(RemoteStatus { store, address, pending })
    }

    /// Remembers under which address a store was reached.
    pub(super) fn note_address(&mut self, link: LinkId, store: StoreId) {
        let address = self.links.get_mut(link).and_then(|entry| entry.address.clone());
        let Some(address) = address.map(|address| address.to_string().into_bytes()) else { return };
        let name = address_note(&store);
        let noted = match self.store.note(&name) {
            Ok(Some(known)) if known == address => Ok(()),
            Ok(_) => self.store.put_note(&name, &address),
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            tracing::warn!(%error, "the address of a remote was not noted");
        }
    }
}

fn address_note(store: &StoreId) -> String {
    format!("wattle/address/{store}")
}

fn received(graph: &Graph, signed: &StoredReceipt) -> Received {
    let pending = pending(graph, &signed.heads);
    let changes = graph.len() as u64 - pending;
    Received { key: signed.receipt.key, changes, pending, epoch: signed.receipt.epoch }
}

/// How many changes are neither durable nor ancestors of what is.
fn pending(graph: &Graph, durable: &[ChangeHash]) -> u64 {
    let mut there: BTreeSet<ChangeHash> = durable.iter().copied().collect();
    let mut pending = 0;
    // Each change comes after those it builds on.
    for (_, header, _) in graph.iter().rev() {
        if there.contains(&header.hash) {
            there.extend(&header.deps);
        } else {
            pending += 1;
        }
    }
    pending
}
