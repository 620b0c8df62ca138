//! A disk in memory: what it keeps, and how it can fail.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Net, document};
use crate::change::{Change, Header};
use crate::id::{Blob, ChangeHash, DocumentKey, Position, StoreId};
use crate::identity::Seal;
use crate::io::{Input, Known, Snapshot, StoreReply, StoreRequest, Summary};
use crate::lease::{Lease, Outcome, Subject, Verdict, Wanted};
use crate::message::{Code, Refusal};

#[derive(Default)]
pub(super) struct Disk {
    pub(super) last: u64,
    pub(super) access: Vec<Blob>,
    pub(super) documents: BTreeMap<DocumentKey, Vec<(Position, Change)>>,
    pub(super) snapshots: BTreeMap<DocumentKey, Snapshot>,
    pub(super) pruned: BTreeMap<DocumentKey, Position>,
    pub(super) remotes: BTreeMap<(StoreId, DocumentKey), Known>,
    pub(super) graph_loads: usize,
    pub(super) held: Option<VecDeque<StoreRequest>>,
    pub(super) broken: bool,
    pub(super) poison: BTreeSet<(DocumentKey, u64)>,
    /// The store declines changes.
    pub(super) full: bool,
    pub(super) loads: usize,
    pub(super) removed: BTreeSet<ChangeHash>,
    leases: BTreeMap<Subject, Lease>,
    fences: u64,
}

impl Net {
    pub(super) fn ask(&mut self, node: usize, request: StoreRequest) {
        if let StoreRequest::Remove { document, .. } = &request {
            // Whoever wrote what was taken out goes on as another actor.
            self.nodes[node].own.remove(document);
        }
        let disk = &mut self.nodes[node].disk;
        if !matches!(request, StoreRequest::LoadContext { .. } | StoreRequest::LoadGraph { .. })
            && !matches!(request, StoreRequest::Read { .. } | StoreRequest::LoadRemote { .. })
            && let Some(held) = &mut disk.held
        {
            return held.push_back(request);
        }
        if let Some(reply) = disk.serve(request) {
            self.input(node, Input::Store(reply));
        }
    }

    pub(in super::super) fn hold_disk(&mut self, node: usize, held: bool) {
        let waiting = self.nodes[node].disk.held.take().unwrap_or_default();
        self.nodes[node].disk.held = held.then(VecDeque::new);
        for request in waiting {
            self.ask(node, request);
        }
    }

    pub(in super::super) fn break_disk(&mut self, node: usize, broken: bool) {
        self.nodes[node].disk.broken = broken;
    }

    pub(in super::super) fn compact(&mut self, node: usize, number: u8, count: usize) {
        let (context, key) = (self.context(), document(number));
        let disk = &mut self.nodes[node].disk;
        if count == 0 {
            return;
        }
        let changes = &disk.documents[&key][..count];
        let bytes =
            changes.iter().flat_map(|(_, change)| change.bytes.to_vec()).collect::<Vec<u8>>();
        let upto = changes[count - 1].0;
        let seals =
            changes.iter().filter_map(|(_, change)| Some((change.header.hash, change.seal?)));
        let seals = seals.collect();
        disk.snapshots.insert(key, Snapshot { upto, bytes: bytes.into(), seals });
        disk.pruned.insert(key, upto);
        let (pruned, snapshot) = (upto, upto);
        self.input(node, Input::Compacted { context, document: key, pruned, snapshot });
    }

    /// The newest changes of a node's store are gone, as after a restored backup.
    pub(in super::super) fn lose(&mut self, node: usize, number: u8, count: usize) {
        let changes = self.nodes[node].disk.documents.get_mut(&document(number)).unwrap();
        changes.truncate(changes.len() - count);
        self.pass(10 * crate::limits::IDLE_DOCUMENT_MS);
    }

    /// A node's document cannot take the changes with this sequence number.
    pub(in super::super) fn poison(&mut self, node: usize, number: u8, seq: u64) {
        self.nodes[node].disk.poison.insert((document(number), seq + 1));
    }
}

impl Disk {
    pub(super) fn append(
        &mut self,
        key: DocumentKey,
        changes: Vec<Change>,
    ) -> Vec<(Change, Position)> {
        let stored = self.documents.entry(key).or_default();
        let mut placed = Vec::new();
        for change in changes {
            let known = stored
                .iter()
                .find(|(_, other)| other.header.hash == change.header.hash)
                .map(|at| at.0);
            let position = known.unwrap_or_else(|| {
                let has =
                    |dep: &ChangeHash| stored.iter().any(|(_, change)| change.header.hash == *dep);
                assert!(change.header.deps.iter().all(has), "stored before its dependencies");
                self.last += 1;
                stored.push((Position(self.last), change.clone()));
                Position(self.last)
            });
            placed.push((change, position));
        }
        placed
    }

    pub(super) fn heads(&self, key: &DocumentKey) -> Vec<ChangeHash> {
        let changes = self.documents.get(key).into_iter().flatten();
        let mut heads = BTreeSet::new();
        for (_, change) in changes {
            change.header.deps.iter().for_each(|dep| {
                heads.remove(dep);
            });
            heads.insert(change.header.hash);
        }
        heads.into_iter().collect()
    }

    /// What a document can take is stored; what not, is answered.
    fn append_good(
        &mut self,
        document: DocumentKey,
        changes: Vec<Change>,
    ) -> (Vec<(ChangeHash, Position)>, Vec<ChangeHash>) {
        let mut failed = BTreeSet::new();
        let mut good = Vec::new();
        for change in changes {
            let bad = self.poison.contains(&(document, change.header.seq))
                || change.header.deps.iter().any(|dep| failed.contains(dep));
            if bad {
                failed.insert(change.header.hash);
            } else {
                good.push(change);
            }
        }
        let placed = self.append(document, good);
        let positions = placed.iter().map(|(change, at)| (change.header.hash, *at)).collect();
        (positions, failed.into_iter().collect())
    }

    pub(super) fn serve(&mut self, request: StoreRequest) -> Option<StoreReply> {
        Some(match request {
            StoreRequest::LoadContext { context } => {
                self.loads += 1;
                let documents = self.documents.keys().map(|key| self.summary(*key)).collect();
                StoreReply::Context { context, access: self.access.clone(), documents }
            }
            StoreRequest::LoadRemote { link, remote, context } => {
                let known = self.remotes.iter().filter(|((store, _), _)| *store == remote);
                let known = known.map(|(_, known)| known.clone()).collect();
                StoreReply::Remote { link, context, known }
            }
            StoreRequest::LoadGraph { context, document } => {
                self.graph_loads += 1;
                let pruned = self.pruned.get(&document).copied().unwrap_or_default();
                let nodes = self.documents.get(&document).into_iter().flatten();
                let nodes = nodes
                    .map(|(position, change)| {
                        let bytes = if *position <= pruned { 0 } else { change.bytes.len() };
                        (*position, change.header.clone(), bytes)
                    })
                    .collect();
                StoreReply::Graph { context, document, nodes }
            }
            StoreRequest::Read { link, context, document, positions } => {
                let pruned = self.pruned.get(&document).copied().unwrap_or_default();
                let stored = &self.documents[&document];
                let changes = positions
                    .into_iter()
                    .filter(|position| *position > pruned)
                    .filter_map(|position| stored.iter().find(|(at, _)| *at == position))
                    .map(|(position, change)| (*position, change.bytes.clone(), change.seal))
                    .collect();
                StoreReply::Changes { link, context, document, changes }
            }
            StoreRequest::ReadSnapshot { link, context, document } => {
                let snapshot = self.snapshots.get(&document).cloned();
                StoreReply::Snapshot { link, context, document, snapshot }
            }
            StoreRequest::Append { .. }
            | StoreRequest::AppendAccess { .. }
            | StoreRequest::ReplaceAccess { .. }
            | StoreRequest::Remove { .. }
                if self.broken =>
            {
                StoreReply::Failed { request, reason: "the disk is full".into() }
            }
            StoreRequest::Append { .. } if self.full => {
                let refusal = Refusal::new(Code::Quota, "the context is full");
                StoreReply::Declined { request, refusal }
            }
            StoreRequest::Append { context, document, link: _, changes } => {
                let (positions, failed) = self.append_good(document, changes);
                StoreReply::Appended { context, document, positions, failed }
            }
            StoreRequest::AppendAccess { .. }
            | StoreRequest::ReplaceAccess { .. }
            | StoreRequest::Cutoffs { .. }
            | StoreRequest::Remove { .. } => self.serve_rights(request),
            StoreRequest::Lease { .. } if self.broken => {
                StoreReply::Failed { request, reason: "the disk is full".into() }
            }
            StoreRequest::Lease { wanted } => {
                let outcome = self.lease(&wanted);
                StoreReply::Leased { wanted, outcome }
            }
            StoreRequest::Remember { remote, context: _, known } => {
                self.remotes.insert((remote, known.document), known);
                return None;
            }
        })
    }

    fn lease(&mut self, wanted: &Wanted) -> Outcome {
        let subject = wanted.request.subject;
        match wanted.judge(self.leases.get(&subject)) {
            Verdict::Stands(outcome) => outcome,
            Verdict::Keep(lease, outcome) => {
                self.leases.insert(subject, lease);
                outcome
            }
            Verdict::Drop => {
                self.leases.remove(&subject);
                Outcome::Free
            }
            Verdict::Count => {
                self.fences += 1;
                let lease = wanted.lease(self.fences);
                self.leases.insert(subject, lease);
                Outcome::Granted(lease)
            }
        }
    }

    fn summary(&self, document: DocumentKey) -> Summary {
        let changes = &self.documents[&document];
        Summary {
            document,
            heads: self.heads(&document),
            last: changes.last().map(|(at, _)| *at).unwrap_or_default(),
            pruned: self.pruned.get(&document).copied().unwrap_or_default(),
            snapshot: self
                .snapshots
                .get(&document)
                .map(|snapshot| snapshot.upto)
                .unwrap_or_default(),
        }
    }
}

/// A snapshot of these tests is its changes, one after the other.
pub(super) fn split(mut bytes: &[u8], seals: &[(ChangeHash, Seal)]) -> Vec<(Blob, Option<Seal>)> {
    let mut changes = Vec::new();
    while !bytes.is_empty() {
        let body = crate::change::tests::chunk::body(bytes);
        let length_bytes = bytes.len() - body.len() - 9;
        let mut length = 0;
        for (at, byte) in bytes[9..9 + length_bytes].iter().enumerate() {
            length |= usize::from(byte & 0x7f) << (7 * at);
        }
        let (chunk, rest) = bytes.split_at(9 + length_bytes + length);
        let hash = Header::parse(chunk).unwrap().hash;
        let seal = seals.iter().find(|(on, _)| *on == hash).map(|(_, seal)| *seal);
        changes.push((chunk.into(), seal));
        bytes = rest;
    }
    changes
}
