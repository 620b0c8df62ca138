//! One document: a section, or the body of a knowledge document.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use automerge::{Automerge, Change, ChangeHash};

use crate::conflict::Candidate;
use crate::context::Context;
use crate::edit::Touch;
use crate::schema::Part;
use crate::value::Value;

mod genesis;
mod graph;
mod version;

pub(crate) use genesis::{BODY, ITEMS, POLICIES};
pub(crate) use graph::{Graph, Written, introduction};

/// An Automerge document that begins with the genesis change of its part.
#[derive(Clone, Debug)]
pub struct Document {
    part: Part,
    doc: Automerge,
    /// The graph of changes, built when first asked for.
    graph: OnceLock<Graph>,
}

/// The hashes of the genesis changes. They are in every document and never sent.
pub fn roots() -> Vec<[u8; 32]> {
    genesis::all().map(|genesis| genesis.hash.0).collect()
}

impl Document {
    /// An empty document: the genesis change and nothing else.
    pub fn new(part: Part) -> Self {
        Self::wrap(part, genesis::of(part).doc.clone())
    }

    /// The genesis change, the same bytes everywhere.
    pub fn genesis(part: Part) -> &'static [u8] {
        &genesis::of(part).bytes
    }

    /// Loads what [`Document::save`] gave.
    pub fn load(part: Part, bytes: &[u8]) -> Result<Self, LoadError> {
        let loaded = catch_unwind(|| Automerge::load(bytes)).map_err(|_| LoadError::Panicked)?;
        let doc = loaded.map_err(|_| LoadError::Unreadable)?;
        if doc.get_change_meta_by_hash(&genesis::of(part).hash).is_none() {
            return Err(LoadError::Foreign);
        }
        Ok(Self::wrap(part, doc))
    }

    /// Applies change chunks as one batch; either all of them are in afterwards, or none.
    pub fn apply(&mut self, changes: &[&[u8]]) -> Result<(), ApplyError> {
        let doc = self.doc.clone();
        let applied = catch_unwind(AssertUnwindSafe(|| applied(doc, changes)));
        self.replace(applied.map_err(|_| ApplyError::Panicked)??);
        Ok(())
    }

    /// A copy that can go its own way.
    #[must_use]
    pub fn fork(&self) -> Self {
        self.clone()
    }

    /// The whole document as a snapshot, genesis included.
    pub fn save(&self) -> Vec<u8> {
        self.doc.save()
    }

    /// Which part it is.
    pub const fn part(&self) -> Part {
        self.part
    }

    /// The hashes of the newest changes, sorted.
    pub fn heads(&self) -> Vec<[u8; 32]> {
        self.doc.get_heads().into_iter().map(|head| head.0).collect()
    }

    /// The version: the heads, short.
    pub fn version(&self) -> String {
        version::token(&self.doc.get_heads())
    }

    /// All changes but the genesis, uncompressed, each after those it builds on.
    pub fn changes(&self) -> Vec<Vec<u8>> {
        let genesis = genesis::of(self.part).hash;
        let changes = self.doc.get_changes(&[genesis]);
        changes.iter().map(|change| change.raw_bytes().to_vec()).collect()
    }

    /// The changes that a version does not have; all of them if it names none of this document.
    pub fn changes_since(&self, version: &str) -> Vec<Vec<u8>> {
        let heads = self.resolve(version).unwrap_or_else(|| vec![genesis::of(self.part).hash]);
        let changes = self.doc.get_changes(&heads);
        changes.iter().map(|change| change.raw_bytes().to_vec()).collect()
    }

    /// Whether a change is in the document.
    pub fn has(&self, change: &[u8; 32]) -> bool {
        self.doc.get_change_meta_by_hash(&ChangeHash(*change)).is_some()
    }

    /// Whether a change is the genesis change of the document.
    pub(crate) fn is_genesis(&self, change: &ChangeHash) -> bool {
        genesis::of(self.part).hash == *change
    }

    /// The document as of a version.
    pub(crate) fn at(&self, heads: &[ChangeHash]) -> Option<Self> {
        Some(Self::wrap(self.part, self.doc.fork_at(heads).ok()?))
    }

    /// The heads that a version token names.
    pub(crate) fn resolve(&self, version: &str) -> Option<Vec<ChangeHash>> {
        let heads = self.doc.get_heads();
        if version::token(&heads) == version { Some(heads) } else { self.graph().resolve(version) }
    }

    /// The token of any version.
    pub(crate) fn token(heads: &[ChangeHash]) -> String {
        version::token(heads)
    }

    /// A value with what its change says about who wrote it, when and why.
    pub(crate) fn candidate(
        &self,
        change: &ChangeHash,
        value: Value,
        context: &Context,
    ) -> Option<Candidate> {
        let written = self.graph().get(change)?;
        let writer = self.graph().writer(&written.actor);
        let key = writer.key.unwrap_or_default();
        Some(Candidate {
            change: change.0,
            value,
            time: written.time,
            key,
            by: writer.name,
            why: written.why.clone(),
            rank: context.rank(&key),
        })
    }

    /// Who made a change, when and why.
    pub(crate) fn touch(&self, change: &ChangeHash) -> Option<Touch> {
        let written = self.graph().get(change)?;
        let by = self.graph().writer(&written.actor).name;
        Some(Touch { by, time: written.time, why: written.why.clone(), change: change.0 })
    }

    pub(crate) fn graph(&self) -> &Graph {
        self.graph.get_or_init(|| Graph::of(&self.doc))
    }

    pub(crate) const fn automerge(&self) -> &Automerge {
        &self.doc
    }

    pub(crate) fn replace(&mut self, doc: Automerge) {
        self.doc = doc;
        if let Some(mut graph) = self.graph.take() {
            graph.extend(&self.doc);
            self.graph = OnceLock::from(graph);
        }
    }

    fn wrap(part: Part, doc: Automerge) -> Self {
        Self { part, doc, graph: OnceLock::new() }
    }
}

fn applied(mut doc: Automerge, changes: &[&[u8]]) -> Result<Automerge, ApplyError> {
    let parsed = changes.iter().enumerate().map(|(index, bytes)| {
        Change::try_from(*bytes).map_err(|_| ApplyError::Unreadable { index })
    });
    let parsed = parsed.collect::<Result<Vec<_>, _>>()?;
    let hashes: Vec<ChangeHash> = parsed.iter().map(Change::hash).collect();
    doc.apply_changes(parsed).map_err(|_| ApplyError::Refused)?;
    match hashes.iter().position(|hash| doc.get_change_meta_by_hash(hash).is_none()) {
        Some(index) => Err(ApplyError::Missing { index }),
        None => Ok(doc),
    }
}

/// Why a snapshot was not loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// Not an Automerge document, or a damaged one.
    #[error("not an Automerge document, or a damaged one")]
    Unreadable,
    /// It does not begin with the genesis change of its part.
    #[error("the document does not begin with the genesis change of its part")]
    Foreign,
    /// Automerge gave up on it.
    #[error("the document brings Automerge to panic")]
    Panicked,
}

/// Why changes were not applied. The document is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Not an Automerge change.
    #[error("change {index} of the batch is not an Automerge change")]
    Unreadable {
        /// Which of the batch.
        index: usize,
    },
    /// Automerge refused the batch.
    #[error("Automerge refused the batch")]
    Refused,
    /// A change builds on one that is not here.
    #[error("change {index} of the batch builds on a change that is not here")]
    Missing {
        /// Which of the batch.
        index: usize,
    },
    /// Automerge gave up on it.
    #[error("the batch brings Automerge to panic")]
    Panicked,
}
