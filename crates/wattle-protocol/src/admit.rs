//! Whether a change may enter a document: one pure function, called by every replica.

#[cfg(test)]
mod tests;

use crate::change::Change;
use crate::graph::Graph;
use crate::id::{ChangeHash, ContextId, DocumentKey};
use crate::message::{Code, Refusal};

/// Where a change wants to go, and what is known there.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The context.
    pub context: &'a ContextId,
    /// The document.
    pub document: &'a DocumentKey,
    /// Its changes so far.
    pub graph: &'a Graph,
    /// Who may do what.
    pub access: &'a Access<'a>,
}

/// What the access log of the context says.
///
/// Roles and cutoffs will be read from its entries; until then every key may write everywhere.
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// The only changes without dependencies that are accepted: the genesis changes.
    pub roots: &'a [ChangeHash],
    /// How many entries the log has.
    pub entries: u64,
}

/// What becomes of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may enter.
    Accept,
    /// It is there already.
    Known,
    /// It builds on what is not here yet.
    Defer {
        /// The hashes that are missing.
        missing: Vec<ChangeHash>,
    },
    /// It may not enter, now or later.
    Reject(Refusal),
}

/// Judges a change by its header, its seal, and the graph; never by its operations.
pub fn admit(change: &Change, place: &Place<'_>) -> Verdict {
    let (header, graph) = (&change.header, place.graph);
    if let Some(index) = graph.index(&header.hash) {
        return if graph.is_live(index) {
            Verdict::Known
        } else {
            reject(change, Code::Invalid, "it could not be applied when it came before")
        };
    }
    let missing: Vec<ChangeHash> =
        header.deps.iter().filter(|dep| graph.index(dep).is_none()).copied().collect();
    if !missing.is_empty() {
        return Verdict::Defer { missing };
    }
    match judge(change, place) {
        Ok(()) => Verdict::Accept,
        Err((code, reason)) => reject(change, code, reason),
    }
}

fn judge(change: &Change, place: &Place<'_>) -> Result<(), (Code, &'static str)> {
    let (header, graph) = (&change.header, place.graph);
    let deps: Vec<u32> = header.deps.iter().filter_map(|dep| graph.index(dep)).collect();
    if deps.iter().any(|dep| !graph.is_live(*dep)) {
        return Err((Code::Invalid, "it builds on a change that was refused"));
    }
    let is_root = place.access.roots.contains(&header.hash);
    if deps.is_empty() && !is_root {
        return Err((Code::Invalid, "it builds on nothing and is no genesis change"));
    }
    let before = graph.actor(&header.actor);
    let last = before.map_or(0, |(seq, ..)| seq);
    if header.seq <= last {
        return Err((Code::Contradiction, "its actor has another change with this number"));
    }
    if header.seq > last + 1 {
        return Err((Code::Invalid, "its actor's changes before it are not among its ancestors"));
    }
    if let Some((_, own, _)) = before
        && !graph.reaches(&deps, own)
    {
        return Err((Code::Invalid, "its actor's change before it is not among its ancestors"));
    }
    if deps.iter().any(|dep| header.start_op <= graph.max_op(*dep)) {
        return Err((Code::Invalid, "its operations do not come after those that it builds on"));
    }
    let author = before.map_or(header.author, |(.., author)| author);
    if header.seq == 1 && author.is_none() && !is_root {
        return Err((Code::Invalid, "the first change of an actor must name its author's key"));
    }
    let Some(seal) = &change.seal else { return Ok(()) };
    if author != Some(seal.key) {
        return Err((Code::BadSignature, "it is signed by another key than its actor's author"));
    }
    if !seal.verify(place.context, place.document, header) {
        return Err((Code::BadSignature, "its signature does not hold"));
    }
    Ok(())
}

fn reject(change: &Change, code: Code, reason: &str) -> Verdict {
    Verdict::Reject(Refusal { code, reason: reason.to_owned(), about: Some(change.header.hash) })
}
