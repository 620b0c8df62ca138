//! Whether a change may enter a document: one pure function, called by every replica.

#[cfg(test)]
mod tests;

use crate::access::Log;
use crate::change::{Change, Header};
use crate::graph::Graph;
use crate::id::{ChangeHash, ContextId, DocumentKey, PublicKey};
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
#[derive(Clone, Copy, Debug)]
pub struct Access<'a> {
    /// The only changes without dependencies that are accepted: the genesis changes. They are the
    /// same in every context, nobody's, and need no signature.
    pub roots: &'a [ChangeHash],
    /// Who may do what.
    pub log: &'a Log,
}

/// What becomes of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may enter.
    Accept,
    /// It may enter once a later change of its actor comes with a signature: that one covers it.
    Hold,
    /// It is there already.
    Known,
    /// It builds on what is not here yet.
    Defer {
        /// The hashes that are missing.
        missing: Vec<ChangeHash>,
    },
    /// Its author knew more of the access log than is here, and by what is here it may not enter. With
    /// the rest of the log it may: the refusal is a temporary one.
    Behind(Refusal),
    /// It may not enter, now or later.
    Reject(Refusal),
}

/// Judges a change by its header, its seal, the graph and the access log; never by its operations,
/// and never by who delivers it.
///
/// A change that the graph has already is `Known`, whatever its seal: one that is held there, and
/// comes again with a seal, is for [`covers`].
pub fn admit(change: &Change, place: &Place<'_>) -> Verdict {
    let (header, graph) = (&change.header, place.graph);
    if let Some(index) = graph.index(&header.hash) {
        return if graph.is_there(index) {
            Verdict::Known
        } else {
            let reason = "it could not be applied when it came before";
            Verdict::Reject(refusal(header, Code::Invalid, reason))
        };
    }
    let missing: Vec<ChangeHash> =
        header.deps.iter().filter(|dep| graph.index(dep).is_none()).copied().collect();
    if !missing.is_empty() {
        return Verdict::Defer { missing };
    }
    match judge(change, place) {
        Ok(verdict) => verdict,
        Err((code, reason)) => Verdict::Reject(refusal(header, code, reason)),
    }
}

/// Whether the seal of a change is its author's, and so covers it and all before it of its actor.
pub fn covers(change: &Change, author: &PublicKey, place: &Place<'_>) -> bool {
    change.seal.as_ref().is_some_and(|seal| {
        seal.key == *author && seal.verify(place.context, place.document, &change.header)
    })
}

type Judged = Result<Verdict, (Code, &'static str)>;

fn judge(change: &Change, place: &Place<'_>) -> Judged {
    let header = &change.header;
    let author = placed(header, place)?;
    if place.access.roots.contains(&header.hash) {
        return match change.seal {
            None => Ok(Verdict::Accept),
            Some(_) => Err((Code::BadSignature, "a genesis change is nobody's to sign")),
        };
    }
    let Some(author) = author else {
        return Err((Code::Invalid, "the first change of an actor must name its author's key"));
    };
    // All later ones follow the first, whose author they have.
    if header.seq == 1 && !header.actor.is_of(place.context, &author) {
        return Err((Code::ForeignActor, "its actor's id is not one of its author's key"));
    }
    if change.seal.as_ref().is_some_and(|seal| seal.key != author) {
        return Err((Code::BadSignature, "it is signed by another key than its actor's author"));
    }
    let log = place.access.log;
    if let Err(refused) = log.allows(&author, place.document, header) {
        return Ok(match &change.seal {
            Some(seal) if seal.epoch > log.entries() => {
                let reason = "its author knew entries of the access log that are not here yet";
                Verdict::Behind(refusal(header, Code::Missing, reason))
            }
            Some(_) | None => Verdict::Reject(refused),
        });
    }
    if change.seal.is_none() {
        return Ok(Verdict::Hold);
    }
    if covers(change, &author, place) {
        Ok(Verdict::Accept)
    } else {
        Err((Code::BadSignature, "its signature does not hold"))
    }
}

/// Whether the graph has a place for it; answers its author, where its actor has one.
fn placed(header: &Header, place: &Place<'_>) -> Result<Option<PublicKey>, (Code, &'static str)> {
    let graph = place.graph;
    let deps: Vec<u32> = header.deps.iter().filter_map(|dep| graph.index(dep)).collect();
    if deps.iter().any(|dep| !graph.is_there(*dep)) {
        return Err((Code::Invalid, "it builds on a change that was refused"));
    }
    if deps.is_empty() && !place.access.roots.contains(&header.hash) {
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
    Ok(before.map_or(header.author, |(.., author)| author))
}

fn refusal(header: &Header, code: Code, reason: &str) -> Refusal {
    Refusal { about: Some(header.hash), ..Refusal::new(code, reason) }
}
