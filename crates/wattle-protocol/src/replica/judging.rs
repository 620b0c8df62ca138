//! What becomes of a change that has arrived.

use std::collections::BTreeMap;

use super::Replica;
use super::follow::At;
use super::purge::is_of_log;
use crate::admit::{self, Access, Place, Verdict};
use crate::change::{Change, Header};
use crate::id::{ActorId, Blob, ChangeHash};
use crate::identity::Seal;
use crate::message::{Code, Refusal};

/// Refused changes of one document that are remembered.
const REFUSED_MAX: usize = 1024;

/// What becomes of a change.
pub(super) enum Judged {
    Admit(Verdict),
    /// It is held here already.
    Held(u32),
    Nothing,
}

/// When the seal of a change is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Now,
    /// A later one of its actor has come with it, and may cover it.
    Later,
}

impl Judged {
    pub(super) fn refuse(header: &Header, code: Code, reason: &str) -> Self {
        Self::Admit(Verdict::Reject(Refusal {
            about: Some(header.hash),
            ..Refusal::new(code, reason)
        }))
    }
}

impl Replica {
    /// Judges changes that have come together. The newest signature of an actor covers what is before it:
    /// a relay checks that one first, and the others only if it does not hold or its change may not
    /// enter. A peer checks all, because it may find that it cannot apply the change that covers others.
    pub(super) fn judge_all(&mut self, at: At, changes: Vec<(Blob, Option<Seal>)>) {
        let read: Vec<_> =
            changes.into_iter().map(|(bytes, seal)| Change::parse(bytes, seal)).collect();
        let mut newest: BTreeMap<ActorId, u64> = BTreeMap::new();
        if !self.config.loads_documents {
            let sealed = read.iter().flatten().filter(|change| change.seal.is_some());
            for Change { header, .. } in sealed {
                let newest = newest.entry(header.actor).or_default();
                *newest = header.seq.max(*newest);
            }
        }
        for change in read {
            match change {
                Ok(change) => {
                    let newest = newest.get(&change.header.actor);
                    let is_covered = newest.is_some_and(|newest| *newest > change.header.seq);
                    self.judge(at, change, if is_covered { Look::Later } else { Look::Now });
                }
                Err(error) => self.reject(at, Refusal::new(error.code(), &error.to_string())),
            }
        }
        self.look_at_seals(at);
    }

    /// Judges a change, and what has waited for it.
    pub(super) fn judge(&mut self, at: At, change: Change, look: Look) {
        let mut judged = vec![(at.link, change, look)];
        while let Some((link, mut change, look)) = judged.pop() {
            let at = At { link, ..at };
            let hash = change.header.hash;
            let (verdict, unchecked) = self.verdict_with(at, &mut change, look);
            match self.within_budget(at, &change, verdict) {
                Judged::Admit(Verdict::Accept) => self.accept(at, change),
                Judged::Admit(Verdict::Hold) => self.hold(at, change, unchecked),
                Judged::Admit(Verdict::Known) => {
                    self.known(at, &hash);
                    continue;
                }
                Judged::Admit(Verdict::Defer { missing }) => {
                    self.defer(at, change, &missing);
                    continue;
                }
                Judged::Admit(Verdict::Behind(refusal)) => self.not_yet(at, refusal),
                Judged::Admit(Verdict::Reject(refusal)) => {
                    if refusal.code == Code::Contradiction {
                        self.suspect(at, &change);
                    }
                    self.reject_change(at, refusal);
                }
                Judged::Held(index) => {
                    self.held_again(at, index, &change);
                    continue;
                }
                Judged::Nothing => continue,
            }
            let waited = self.waited_for(at, &hash).into_iter();
            judged.extend(waited.map(|(link, change)| (link, change, Look::Now)));
        }
    }

    /// What becomes of a change, and its seal where that is not looked at yet.
    fn verdict_with(&mut self, at: At, change: &mut Change, look: Look) -> (Judged, Option<Seal>) {
        if look == Look::Now {
            return (self.verdict(at, change), None);
        }
        let seal = change.seal.take();
        match self.verdict(at, change) {
            Judged::Admit(Verdict::Hold) => (Judged::Admit(Verdict::Hold), seal),
            Judged::Admit(_) | Judged::Held(_) | Judged::Nothing => {
                change.seal = seal;
                (self.verdict(at, change), None)
            }
        }
    }

    /// What becomes of a change, as the log and the graph have it now.
    fn verdict(&mut self, at: At, change: &Change) -> Judged {
        let header = &change.header;
        let Some(there) = self.contexts.get(&at.context) else { return Judged::Nothing };
        let Some(here) = there.documents.get(&at.document) else { return Judged::Nothing };
        let graph = &here.graph;
        if let Some(index) = graph.index(&header.hash).filter(|index| graph.is_held(*index)) {
            return Judged::Held(index);
        }
        let Some(log) = &there.log else {
            let reason = "the access log has not come yet";
            return Judged::refuse(header, Code::Missing, reason);
        };
        let refused = header.deps.iter().find_map(|dep| here.refused.get(dep));
        if let Some(code) = refused {
            return Judged::refuse(header, *code, "it builds on a change that was refused");
        }
        let author = graph.actor(&header.actor).map_or(header.author, |(.., author)| author);
        if author.is_some_and(|author| there.sequencing.is_closing(&author)) {
            let reason = "its author's rights are changing at this moment";
            return Judged::refuse(header, Code::Busy, reason);
        }
        let (context, document) = (&at.context, &at.document);
        let access = Access { roots: &self.config.roots, log };
        let admitted = admit::admit(change, &Place { context, document, graph, access: &access });
        let held = |dep: &ChangeHash| graph.index(dep).is_some_and(|dep| graph.is_held(dep));
        let stated = self.links.get(&at.link).and_then(|link| link.shared.get(context));
        let behind = stated.is_some_and(|shared| shared.is_ahead_of(log));
        match admitted {
            Verdict::Accept if header.deps.iter().any(held) => Judged::Admit(Verdict::Hold),
            Verdict::Reject(refusal) if behind && is_of_log(&refusal) => {
                Judged::Admit(Verdict::Behind(Refusal { code: Code::Missing, ..refusal }))
            }
            Verdict::Accept
            | Verdict::Hold
            | Verdict::Known
            | Verdict::Defer { .. }
            | Verdict::Behind(_)
            | Verdict::Reject(_) => Judged::Admit(admitted),
        }
    }

    /// What may be sent again is not covered by a cursor.
    fn not_yet(&mut self, at: At, refusal: Refusal) {
        if let Some(follow) = self.follow(at) {
            follow.lost = true;
        }
        self.reject(at, refusal);
    }

    /// Refuses a change. What builds on it is refused too, as long as the log is the same.
    fn reject_change(&mut self, at: At, refusal: Refusal) {
        if !refusal.code.is_permanent() {
            return self.not_yet(at, refusal);
        }
        // A signature that does not hold says nothing about what it is on.
        let lasts = refusal.code != Code::BadSignature;
        if let (Some(hash), Some(here), true) = (refusal.about, self.document(at), lasts) {
            if here.refused.len() >= REFUSED_MAX {
                here.refused.pop_first();
            }
            here.refused.insert(hash, refusal.code);
        }
        self.reject(at, refusal);
    }
}
