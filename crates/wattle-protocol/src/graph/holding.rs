//! Changes that do not count yet, and changes that do not count any more.

use std::collections::BTreeSet;

use super::{Arrival, Graph, State};
use crate::change::Header;
use crate::id::{ActorId, Position};

impl Graph {
    /// Adds a change that no signature covers yet: those that build on it find it, and it counts for
    /// nothing else. Answers its index, or nothing when a dependency is not here.
    pub fn hold(&mut self, header: &Header, arrival: Arrival) -> Option<u32> {
        let index = self.add(header, Arrival { position: None, ..arrival })?;
        self.nodes.get_mut(index as usize)?.state = State::Held;
        Some(index)
    }

    /// A held change counts from here on. What it builds on has to be live.
    pub fn release(&mut self, index: u32) {
        if !self.is_held(index) || self.deps(index).iter().any(|dep| !self.is_live(*dep)) {
            return;
        }
        if let Some(node) = self.nodes.get_mut(index as usize) {
            node.state = State::Live;
            self.enter(index);
        }
    }

    /// The live changes with their places: index, actor, sequence number.
    pub fn live(&self) -> impl Iterator<Item = (u32, ActorId, u64)> + '_ {
        self.actors.iter().flat_map(|actor| {
            let numbered = (1..).zip(&actor.changes);
            numbered
                .filter(|(_, index)| self.is_live(**index))
                .map(|(seq, index)| (*index, actor.id, seq))
        })
    }

    /// These changes and all that build on them, in order.
    pub fn with_descendants(&self, indices: &[u32]) -> Vec<u32> {
        let mut out: BTreeSet<u32> = indices.iter().copied().collect();
        let Some(first) = out.first().copied() else { return Vec::new() };
        for later in first..self.count() {
            if self.deps(later).iter().any(|dep| out.contains(dep)) {
                out.insert(later);
            }
        }
        let here = |index: &u32| self.is_live(*index) || self.is_held(*index);
        out.into_iter().filter(here).collect()
    }

    /// Takes changes out, stored or not, that do not count any more; with them comes all that builds
    /// on them, as [`Self::with_descendants`] names it.
    pub fn remove(&mut self, indices: &[u32]) {
        for index in indices {
            self.unstored.remove(index);
            if let Some(node) = self.nodes.get_mut(*index as usize) {
                node.position = Position::default();
            }
            self.end(*index, State::Gone);
        }
        self.heads = self.childless(|graph, index| graph.is_live(index));
        self.durable =
            self.childless(|graph, index| graph.is_live(index) && graph.position(index).is_some());
    }
}
