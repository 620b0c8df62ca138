//! What can be seen of the nodes, their disks and their links.

use std::collections::{BTreeMap, BTreeSet};

use super::{Net, document};
use crate::id::{ActorId, Blob, ChangeHash, DocumentKey, LinkId, StoreId};
use crate::io::Event;
use crate::message::{Code, Message, Refusal};
use crate::replica::Replica;
use crate::wire;

impl Net {
    pub(in super::super) fn sent_bytes(&self, node: usize, link: LinkId) -> usize {
        self.nodes[node].sent.get(&link).into_iter().flatten().map(|frame| frame.len()).sum()
    }

    pub(in super::super) fn sent_raw(&self, node: usize, link: LinkId) -> Vec<Blob> {
        self.nodes[node].sent.get(&link).cloned().unwrap_or_default()
    }

    /// The documents of the changes that came over a link, frame by frame.
    pub(in super::super) fn received_order(&self, node: usize, link: LinkId) -> Vec<u8> {
        let mut order = Vec::new();
        for frame in self.nodes[node].got.get(&link).into_iter().flatten() {
            if let Message::Changes(changes) = wire::decode(frame, usize::MAX).unwrap() {
                order.push(changes.document.scope);
            }
        }
        order
    }

    pub(in super::super) fn presence(&self, node: usize) -> Vec<String> {
        let mut shown = Vec::new();
        for event in self.events(node) {
            if let Event::Presence { body, .. } = event {
                shown.push(String::from_utf8(body.to_vec()).unwrap());
            }
        }
        shown
    }

    pub(in super::super) fn changes(&self, node: usize, number: u8) -> BTreeSet<ChangeHash> {
        let changes = self.nodes[node].disk.documents.get(&document(number));
        changes.into_iter().flatten().map(|(_, change)| change.header.hash).collect()
    }

    pub(in super::super) fn store(
        &self,
        node: usize,
    ) -> BTreeMap<DocumentKey, BTreeSet<ChangeHash>> {
        let disk = &self.nodes[node].disk;
        disk.documents.keys().map(|key| (*key, self.changes(node, key.scope))).collect()
    }

    pub(in super::super) fn heads(&self, node: usize, number: u8) -> Vec<ChangeHash> {
        self.nodes[node].disk.heads(&document(number))
    }

    pub(in super::super) fn access(&self, node: usize) -> Vec<Blob> {
        self.nodes[node].disk.access.clone()
    }

    pub(in super::super) fn events(&self, node: usize) -> &[Event] {
        &self.nodes[node].events
    }

    pub(in super::super) fn in_sync(&self, node: usize) -> usize {
        self.events(node).iter().filter(|event| matches!(event, Event::InSync { .. })).count()
    }

    /// What a node was last told that another one has durably.
    pub(in super::super) fn durable_at(
        &self,
        node: usize,
        other: usize,
        number: u8,
    ) -> Vec<ChangeHash> {
        let store = StoreId([other as u8 + 1; 16]);
        let mut told = Vec::new();
        for event in self.events(node) {
            if let Event::Durable { remote, known, .. } = event
                && *remote == store
                && known.document == document(number)
            {
                told.clone_from(&known.durable);
            }
        }
        told
    }

    pub(in super::super) fn closed(&self, node: usize, link: LinkId) -> Option<Refusal> {
        self.nodes[node].closed.get(&link).cloned()
    }

    /// With which codes a node has refused what the test sent over a link.
    pub(in super::super) fn refused_raw(&self, node: usize, link: LinkId) -> Vec<Code> {
        let frames = self.sent_raw(node, link).into_iter();
        let codes = frames.filter_map(|frame| {
            let Message::Refused(refusal) = wire::decode(&frame, usize::MAX).unwrap() else {
                return None;
            };
            Some(refusal.code)
        });
        codes.collect()
    }

    /// The actor under which a node has written.
    pub(in super::super) fn actor_of(&self, node: usize, number: u8) -> ActorId {
        self.nodes[node].own[&document(number)].0
    }

    pub(in super::super) fn received_bytes(&self, node: usize, link: LinkId) -> usize {
        self.nodes[node].got.get(&link).into_iter().flatten().map(|frame| frame.len()).sum()
    }

    pub(in super::super) fn received_changes(&self, node: usize, link: LinkId) -> usize {
        let mut count = 0;
        for frame in self.nodes[node].got.get(&link).into_iter().flatten() {
            if let Message::Changes(changes) = wire::decode(frame, usize::MAX).unwrap() {
                count += changes.changes.len();
            }
        }
        count
    }

    /// How many times a frame to the dialler was caused by one from it.
    pub(in super::super) fn trips(&self, link: LinkId) -> u32 {
        let (_, there) = self.ends[&link];
        let (node, _) = self.ends[&there];
        self.nodes[node].trips[&link].div_ceil(2)
    }

    pub(in super::super) fn graph_loads(&self, node: usize) -> usize {
        self.nodes[node].disk.graph_loads
    }

    pub(in super::super) fn replica(&self, node: usize) -> &Replica {
        &self.nodes[node].replica
    }

    pub(in super::super) fn trace(&self) -> String {
        self.trace.clone()
    }
}
