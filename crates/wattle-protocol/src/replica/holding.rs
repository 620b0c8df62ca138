//! Changes that no signature of their author covers yet: kept, but neither stored nor passed on.

use super::Replica;
use super::document::Held;
use super::follow::{At, Stage};
use crate::admit::{self, Access, Place};
use crate::change::Change;
use crate::graph::Arrival;
use crate::id::{ChangeHash, ContextId, DocumentKey, LinkId};
use crate::identity::Seal;
use crate::message::{Code, Refusal};

/// What does not fit, or whose cover will not come.
const UNCOVERED: &str = "no signature of its author covers it";

impl Replica {
    /// Keeps a change that the graph has a place for, until it and all that it builds on are covered.
    pub(super) fn hold(&mut self, at: At, change: Change, unchecked: Option<Seal>) {
        let covered = change.seal.is_some();
        let (actor, seq) = (change.header.actor, change.header.seq);
        let now = self.now;
        let Some(here) = self.document(at) else { return };
        let arrival = Arrival { bytes: change.bytes.len(), link: Some(at.link), position: None };
        let Some(index) = here.graph.hold(&change.header, arrival) else { return };
        here.used = now;
        let held = Held { change, links: vec![at.link], reserved: false, covered, unchecked };
        here.held.insert(index, held);
        if covered {
            self.cover(at, (actor, seq));
        }
    }

    /// A change that is held has come once more, perhaps with a signature.
    pub(super) fn held_again(&mut self, at: At, index: u32, change: &Change) {
        let (actor, seq) = (change.header.actor, change.header.seq);
        let covers = self.is_covered_by(at, index, change);
        let held = self.document(at).and_then(|here| here.held.get_mut(&index));
        let Some(held) = held else { return };
        if !held.links.contains(&at.link) {
            held.links.push(at.link);
        }
        if covers && held.change.seal.is_none() {
            held.change.seal = change.seal;
            self.cover(at, (actor, seq));
        }
    }

    /// Looks at the signatures of a document that nobody has looked at yet: of changes whose actor's newest
    /// one did not cover them after all.
    pub(super) fn look_at_seals(&mut self, at: At) {
        let Some(here) = self.document(at) else { return };
        let unseen = |(_, held): &(&u32, &Held)| !held.covered && held.unchecked.is_some();
        let unseen: Vec<u32> = here.held.iter().filter(unseen).map(|(index, _)| *index).collect();
        for index in unseen.into_iter().rev() {
            let held = self.document(at).and_then(|here| here.held.get_mut(&index));
            let Some(held) = held.filter(|held| !held.covered) else { continue };
            let Some(seal) = held.unchecked.take() else { continue };
            let (header, bytes) = (held.change.header.clone(), held.change.bytes.clone());
            let change = Change { header, bytes, seal: Some(seal) };
            let (actor, seq) = (change.header.actor, change.header.seq);
            if !self.is_covered_by(at, index, &change) {
                self.turn_down(at, index);
            } else if let Some(held) = self.document(at).and_then(|here| here.held.get_mut(&index))
            {
                held.change.seal = Some(seal);
                self.cover(at, (actor, seq));
            }
        }
    }

    /// Whether the seal of a change that is held is its author's.
    fn is_covered_by(&self, at: At, index: u32, change: &Change) -> bool {
        let Some(there) = self.contexts.get(&at.context) else { return false };
        let here = there.documents.get(&at.document);
        let (Some(log), Some(here)) = (&there.log, here) else { return false };
        let author = here.graph.written(index).and_then(|(.., author)| author);
        let (context, document, graph) = (&at.context, &at.document, &here.graph);
        let access = Access { roots: &[], log };
        let place = Place { context, document, graph, access: &access };
        author.is_some_and(|author| admit::covers(change, &author, &place))
    }

    /// A signature covers an actor's changes up to a number: they count as soon as all that they build
    /// on does.
    fn cover(&mut self, at: At, (actor, seq): (crate::id::ActorId, u64)) {
        let Some(here) = self.document(at) else { return };
        let mut free = Vec::new();
        for (index, held) in &mut here.held {
            let header = &held.change.header;
            held.covered |= header.actor == actor && header.seq <= seq;
            let stands = |dep: &u32| here.graph.is_live(*dep);
            if held.covered && here.graph.deps(*index).iter().all(stands) {
                // Those that come later may build on this one.
                here.graph.release(*index);
                free.push(*index);
            }
        }
        for index in free {
            let held = self.document(at).and_then(|here| here.held.remove(&index));
            if let Some(held) = held {
                self.set_free(at, index, held);
            }
        }
    }

    /// A change that was held counts from here on: it is stored and passed on.
    fn set_free(&mut self, at: At, index: u32, held: Held) {
        let Held { change, links, reserved, .. } = held;
        let bytes = change.bytes.len();
        if let Some(first) = links.first().filter(|_| reserved) {
            self.release(*first, 1, bytes);
        }
        for link in self.links_of(&at.context) {
            let Some(follow) = self.follow(At { link, ..at }) else { continue };
            let sends = matches!(follow.stage, Stage::Snapshot | Stage::Sending);
            if sends && follow.next > index && !links.contains(&link) {
                follow.queue.push_back(index);
                follow.queue.make_contiguous().sort_unstable();
                self.ready(At { link, ..at });
            }
        }
        let Some(first) = links.first().copied() else { return };
        self.take(At { link: first, ..at }, (index, change));
        for link in links.into_iter().skip(1) {
            let at = At { link, ..at };
            if self.owes_saved(at)
                && let Some(here) = self.document(at)
            {
                here.owed.entry(index).or_default().push(link);
            }
        }
    }

    /// What is still held after a batch takes up room, as long as there is some.
    pub(super) fn reserve_held(&mut self, at: At) {
        let Some(here) = self.document(at) else { return };
        let fresh = here.held.iter().filter(|(_, held)| !held.reserved);
        let fresh: Vec<(u32, LinkId, usize)> = fresh
            .filter_map(|(index, held)| {
                Some((*index, *held.links.first()?, held.change.bytes.len()))
            })
            .collect();
        for (index, link, bytes) in fresh {
            let is_here = self.document(at).is_some_and(|here| here.held.contains_key(&index));
            if !is_here {
                continue;
            }
            if self.reserve(link, 1, bytes) {
                if let Some(held) = self.document(at).and_then(|here| here.held.get_mut(&index)) {
                    held.reserved = true;
                }
            } else {
                self.let_go(at, index);
            }
        }
    }

    /// A link is gone: what only it brought and nothing covers is forgotten.
    pub(super) fn leave_held(&mut self, link: LinkId, context: ContextId, document: DocumentKey) {
        let at = At { link, context, document };
        let Some(here) = self.document(at) else { return };
        let mut alone = Vec::new();
        for (index, held) in &mut here.held {
            if held.links.first() == Some(&link) {
                held.reserved = false;
            }
            held.links.retain(|from| *from != link);
            if held.links.is_empty() {
                alone.push(*index);
            }
        }
        alone.into_iter().for_each(|index| self.let_go(at, index));
        self.reserve_held(at);
    }

    /// Forgets a held change and what builds on it; whoever sent them may send them again.
    fn let_go(&mut self, at: At, index: u32) {
        for (hash, links) in self.forget_held(at, index) {
            self.not_covered(at, hash, links);
        }
    }

    /// The same, where the change itself has a signature that does not hold.
    fn turn_down(&mut self, at: At, index: u32) {
        let forged = self.document(at).and_then(|here| here.graph.hash(index));
        for (hash, links) in self.forget_held(at, index) {
            if Some(hash) != forged {
                self.not_covered(at, hash, links);
                continue;
            }
            for link in links {
                let refusal = Refusal::new(Code::BadSignature, "its signature does not hold");
                self.reject(At { link, ..at }, Refusal { about: forged, ..refusal });
            }
        }
    }

    fn not_covered(&mut self, at: At, hash: ChangeHash, links: Vec<LinkId>) {
        for link in links {
            if let Some(follow) = self.follow(At { link, ..at }) {
                follow.lost = true;
            }
            let about = Some(hash);
            self.refuse(link, Refusal { about, ..Refusal::new(Code::Uncovered, UNCOVERED) });
        }
    }

    /// A held change and what builds on it: gone from here. Answers who had sent each.
    fn forget_held(&mut self, at: At, index: u32) -> Vec<(ChangeHash, Vec<LinkId>)> {
        let Some(here) = self.document(at) else { return Vec::new() };
        if !here.held.contains_key(&index) {
            return Vec::new();
        }
        let mut gone: Vec<(ChangeHash, Held)> = Vec::new();
        for index in here.graph.forget(index) {
            let hash = here.graph.hash(index);
            gone.extend(hash.zip(here.held.remove(&index)));
        }
        for (_, held) in &gone {
            if let Some(first) = held.links.first().filter(|_| held.reserved) {
                self.release(*first, 1, held.change.bytes.len());
            }
        }
        gone.into_iter().map(|(hash, held)| (hash, held.links)).collect()
    }
}
