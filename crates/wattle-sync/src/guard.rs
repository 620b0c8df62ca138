//! Automerge behind a guard: what it cannot take is found, named and left out.
//!
//! Call these on a thread with a deep stack. They never panic because of a document's bytes, and what
//! they answer says which changes are not in the document.

use std::collections::BTreeSet;

use wattle_context::{Document, LoadError, Part};
use wattle_protocol::{Change, ChangeHash};

#[cfg(test)]
mod tests;

/// A document, and what could not be put into it.
#[derive(Debug)]
pub struct Loaded {
    /// The document, with everything else.
    pub document: Document,
    /// Changes that it could not take, and those that build on them.
    pub failed: Vec<ChangeHash>,
}

/// Why a document cannot be saved so that it can be loaded again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// What was saved cannot be loaded.
    #[error("what was saved cannot be loaded: {0}")]
    Load(#[from] LoadError),
    /// What was loaded is not what was saved.
    #[error("what was saved has {found} changes when it is loaded, not {expected}")]
    Differs {
        /// Changes of the document.
        expected: usize,
        /// Changes of what was loaded.
        found: usize,
    },
}

/// Loads a snapshot, or an empty document, and applies the changes that came after it.
pub fn load(part: Part, snapshot: Option<&[u8]>, tail: &[Change]) -> Result<Loaded, LoadError> {
    let mut document = match snapshot {
        Some(bytes) => Document::load(part, bytes)?,
        None => Document::new(part),
    };
    let failed = apply(&mut document, tail);
    Ok(Loaded { document, failed })
}

/// Applies changes as one batch; when that fails, in halves, until what is to blame is found.
///
/// Answers what could not be applied, and what builds on it; everything else is in the document.
pub fn apply(document: &mut Document, changes: &[Change]) -> Vec<ChangeHash> {
    let changes: Vec<&Change> =
        changes.iter().filter(|change| !document.has(&change.header.hash.0)).collect();
    let mut failed = BTreeSet::new();
    apply_halves(document, &changes, &mut failed);
    failed.into_iter().collect()
}

/// The document's bytes, after they were loaded back and compared.
pub fn snapshot(document: &Document) -> Result<Vec<u8>, SnapshotError> {
    let bytes = document.save();
    let back = Document::load(document.part(), &bytes)?;
    let (expected, found) = (document.changes(), back.changes());
    if document.heads() == back.heads() && expected == found {
        Ok(bytes)
    } else {
        Err(SnapshotError::Differs { expected: expected.len(), found: found.len() })
    }
}

fn apply_halves(document: &mut Document, changes: &[&Change], failed: &mut BTreeSet<ChangeHash>) {
    let mut sound = Vec::with_capacity(changes.len());
    for change in changes {
        if change.header.deps.iter().any(|dep| failed.contains(dep)) {
            failed.insert(change.header.hash);
        } else {
            sound.push(*change);
        }
    }
    let bytes: Vec<&[u8]> = sound.iter().map(|change| &change.bytes[..]).collect();
    if sound.is_empty() || document.apply(&bytes).is_ok() {
        return;
    }
    if let [change] = sound[..] {
        failed.insert(change.header.hash);
        return;
    }
    let (first, second) = sound.split_at(sound.len() / 2);
    apply_halves(document, first, failed);
    apply_halves(document, second, failed);
}
