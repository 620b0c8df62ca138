//! The change graph of one document: who builds on whom, without the bytes.

mod ancestry;
mod holding;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::change::Header;
use crate::id::{ActorId, ChangeHash, LinkId, Position, PublicKey};

/// The changes of one document in the order of their arrival, which puts each after its dependencies.
///
/// A change is named by its index in that order. It costs about a hundred bytes: hashes are looked
/// up by their first eight bytes, and dependencies are indices.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    deps: Vec<u32>,
    index: BTreeSet<(u64, u32)>,
    actors: Vec<Actor>,
    actor_index: BTreeMap<ActorId, u32>,
    heads: BTreeSet<u32>,
    durable: BTreeSet<u32>,
    unstored: BTreeSet<u32>,
    last: Position,
}

/// Where a change came from and where it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// The length of its chunk; 0 when its bytes are pruned.
    pub bytes: usize,
    /// The link that brought it; absent for this replica's own.
    pub link: Option<LinkId>,
    /// Where it is stored; absent until it is.
    pub position: Option<Position>,
}

#[derive(Clone, Debug)]
struct Node {
    hash: ChangeHash,
    /// Zero until it is stored.
    position: Position,
    link: u64,
    deps_start: u32,
    actor: u32,
    max_op: u32,
    bytes: u32,
    deps_count: u8,
    state: State,
    /// A change that builds on it is stored.
    covered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Live,
    /// Refused for good; its hash stays known, so that it is refused again.
    Dead,
    /// Not stored after all, or taken out; its hash may come again, under a new index.
    Gone,
    /// No signature covers it yet: it is here for those that build on it, and nothing more.
    Held,
}

#[derive(Clone, Debug)]
struct Actor {
    id: ActorId,
    author: Option<PublicKey>,
    /// The index of each of its changes, by sequence number.
    changes: Vec<u32>,
}

/// No link: no driver gives out this number.
const NO_LINK: u64 = u64::MAX;

impl Graph {
    /// Rebuilds a graph from what the store has, in the order of the positions.
    pub fn load(nodes: &[(Position, Header, usize)]) -> Self {
        let mut graph = Self::default();
        for (position, header, bytes) in nodes {
            let arrival = Arrival { bytes: *bytes, link: None, position: Some(*position) };
            graph.insert(header, arrival);
        }
        graph
    }

    /// Adds a change whose dependencies are here; answers its index, or nothing when one is not.
    pub fn insert(&mut self, header: &Header, arrival: Arrival) -> Option<u32> {
        let index = self.add(header, arrival)?;
        self.enter(index);
        if let Some(position) = arrival.position {
            self.place(index, position);
        }
        Some(index)
    }

    /// Gives a change an index, in no other list yet.
    fn add(&mut self, header: &Header, arrival: Arrival) -> Option<u32> {
        let index = u32::try_from(self.nodes.len()).ok()?;
        let deps_start = u32::try_from(self.deps.len()).ok()?;
        let deps = header.deps.iter().map(|dep| self.index(dep)).collect::<Option<Vec<u32>>>()?;
        let actor = self.actor_of(header);
        self.actors.get_mut(actor as usize)?.changes.push(index);
        self.index.insert((prefix(&header.hash), index));
        self.nodes.push(Node {
            hash: header.hash,
            position: Position::default(),
            link: arrival.link.map_or(NO_LINK, |link| link.0),
            deps_start,
            actor,
            max_op: u32::try_from(header.max_op()).unwrap_or(u32::MAX),
            bytes: u32::try_from(arrival.bytes).unwrap_or(u32::MAX),
            deps_count: u8::try_from(deps.len()).ok()?,
            state: State::Live,
            covered: false,
        });
        self.deps.extend(deps);
        Some(index)
    }

    /// A change is live from here on: a head, and not stored.
    fn enter(&mut self, index: u32) {
        for dep in self.deps(index).to_vec() {
            self.heads.remove(&dep);
        }
        self.heads.insert(index);
        self.unstored.insert(index);
    }

    fn actor_of(&mut self, header: &Header) -> u32 {
        let next = u32::try_from(self.actors.len()).unwrap_or(u32::MAX);
        let actor = *self.actor_index.entry(header.actor).or_insert(next);
        if actor == next {
            self.actors.push(Actor {
                id: header.actor,
                author: header.author,
                changes: Vec::new(),
            });
        }
        actor
    }

    /// Notes that a change is stored.
    pub fn place(&mut self, index: u32, position: Position) {
        let Some(node) = self.nodes.get_mut(index as usize) else { return };
        if node.position != Position::default() || node.state != State::Live {
            return;
        }
        node.position = position;
        if !node.covered {
            self.durable.insert(index);
        }
        self.unstored.remove(&index);
        self.last = self.last.max(position);
        for dep in self.deps(index).to_vec() {
            self.durable.remove(&dep);
            if let Some(dep) = self.nodes.get_mut(dep as usize) {
                dep.covered = true;
            }
        }
    }

    /// Marks changes whose bytes were dropped up to a position.
    pub fn prune(&mut self, upto: Position) {
        for node in &mut self.nodes {
            if node.position != Position::default() && node.position <= upto {
                node.bytes = 0;
            }
        }
    }

    /// A change was refused for good: neither it nor what builds on it is ever sent.
    /// Answers all of them.
    pub fn kill(&mut self, index: u32) -> Vec<u32> {
        self.take_out(index, State::Dead)
    }

    /// A change was not stored, but may be sent again; so may what builds on it. Answers all of them.
    pub fn forget(&mut self, index: u32) -> Vec<u32> {
        self.take_out(index, State::Gone)
    }

    fn take_out(&mut self, index: u32, state: State) -> Vec<u32> {
        let mut out = BTreeSet::from([index]);
        for later in index..self.count() {
            if self.deps(later).iter().any(|dep| out.contains(dep)) {
                out.insert(later);
            }
        }
        out.retain(|index| self.unstored.contains(index) || self.is_held(*index));
        for index in &out {
            self.unstored.remove(index);
            self.end(*index, state);
        }
        self.heads = self.childless(|graph, index| graph.is_live(index));
        out.into_iter().collect()
    }

    fn end(&mut self, index: u32, state: State) {
        let Some(node) = self.nodes.get_mut(index as usize) else { return };
        node.state = state;
        if state == State::Gone {
            self.index.remove(&(prefix(&node.hash), index));
            if let Some(actor) = self.actors.get_mut(node.actor as usize) {
                actor.changes.retain(|change| *change != index);
            }
        }
    }

    /// Among the changes of a kind, those on which none of them builds.
    fn childless(&self, kind: impl Fn(&Self, u32) -> bool) -> BTreeSet<u32> {
        let is_one = |index: &u32| kind(self, *index);
        let mut heads: BTreeSet<u32> = (0..self.count()).filter(is_one).collect();
        for index in (0..self.count()).filter(is_one) {
            for dep in self.deps(index) {
                heads.remove(dep);
            }
        }
        heads
    }

    /// How many changes have arrived, those that were refused included.
    pub fn count(&self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)
    }

    /// The index of a change.
    pub fn index(&self, hash: &ChangeHash) -> Option<u32> {
        let prefix = prefix(hash);
        self.index
            .range((prefix, 0)..=(prefix, u32::MAX))
            .map(|(_, index)| *index)
            .find(|index| self.node(*index).is_some_and(|node| node.hash == *hash))
    }

    /// The change at an index.
    pub fn hash(&self, index: u32) -> Option<ChangeHash> {
        self.node(index).map(|node| node.hash)
    }

    /// Where it is stored, once it is.
    pub fn position(&self, index: u32) -> Option<Position> {
        self.node(index).map(|node| node.position).filter(|at| *at != Position::default())
    }

    /// The length of its chunk; 0 when its bytes are pruned.
    pub fn bytes(&self, index: u32) -> usize {
        self.node(index).map_or(0, |node| node.bytes as usize)
    }

    /// The link that brought it.
    pub fn link(&self, index: u32) -> Option<LinkId> {
        self.node(index).map(|node| node.link).filter(|link| *link != NO_LINK).map(LinkId)
    }

    /// The counter of its last operation.
    pub fn max_op(&self, index: u32) -> u64 {
        self.node(index).map_or(0, |node| u64::from(node.max_op))
    }

    /// Neither refused nor forgotten, nor held.
    pub fn is_live(&self, index: u32) -> bool {
        self.node(index).is_some_and(|node| node.state == State::Live)
    }

    /// Live or held: others can build on it.
    pub fn is_there(&self, index: u32) -> bool {
        self.is_live(index) || self.is_held(index)
    }

    /// No signature covers it, or something that it builds on, yet.
    pub fn is_held(&self, index: u32) -> bool {
        self.node(index).is_some_and(|node| node.state == State::Held)
    }

    /// Whose actor wrote it, its number, and the key that its actor's first change names.
    pub fn written(&self, index: u32) -> Option<(ActorId, u64, Option<PublicKey>)> {
        let actor = self.actors.get(self.node(index)?.actor as usize)?;
        let seq = actor.changes.binary_search(&index).ok()? as u64 + 1;
        Some((actor.id, seq, actor.author))
    }

    /// The change of an actor with a sequence number.
    pub fn of_actor(&self, actor: &ActorId, seq: u64) -> Option<u32> {
        let actor = self.actors.get(*self.actor_index.get(actor)? as usize)?;
        actor.changes.get(usize::try_from(seq.checked_sub(1)?).ok()?).copied()
    }

    /// What it builds on.
    pub fn deps(&self, index: u32) -> &[u32] {
        self.node(index)
            .and_then(|node| {
                let start = node.deps_start as usize;
                self.deps.get(start..start + node.deps_count as usize)
            })
            .unwrap_or_default()
    }

    /// The sequence number of an actor's newest change, and its index; its author.
    pub fn actor(&self, actor: &ActorId) -> Option<(u64, u32, Option<PublicKey>)> {
        let actor = self.actors.get(*self.actor_index.get(actor)? as usize)?;
        let newest = *actor.changes.last()?;
        Some((actor.changes.len() as u64, newest, actor.author))
    }

    /// What nothing builds on.
    pub fn heads(&self) -> Vec<ChangeHash> {
        self.heads.iter().filter_map(|index| self.hash(*index)).collect()
    }

    /// What is stored and nothing stored builds on.
    pub fn durable_heads(&self) -> Vec<ChangeHash> {
        self.durable.iter().filter_map(|index| self.hash(*index)).collect()
    }

    /// The oldest change that is not stored yet.
    pub fn first_unstored(&self) -> Option<u32> {
        self.unstored.first().copied()
    }

    /// The position of the newest stored change.
    pub fn last(&self) -> Position {
        self.last
    }

    /// The first index whose change, and none before it, lies beyond a position.
    pub fn first_after(&self, position: Position) -> u32 {
        let after = |node: &Node| node.position == Position::default() || node.position > position;
        let found = self.nodes.iter().rposition(|node| !after(node)).map_or(0, |last| last + 1);
        u32::try_from(found).unwrap_or(u32::MAX)
    }

    /// An estimate of the memory that it takes.
    pub fn memory(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.deps.capacity() * 4 + self.nodes.len() * 28
    }

    fn node(&self, index: u32) -> Option<&Node> {
        self.nodes.get(index as usize)
    }
}

fn prefix(hash: &ChangeHash) -> u64 {
    hash.0.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}
