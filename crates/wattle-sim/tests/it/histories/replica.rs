//! A replica: the log as far as it has heard, and the changes that it shows.

use std::collections::{BTreeMap, BTreeSet};

use wattle_protocol::access::{Closure, Log};
use wattle_protocol::{ActorId, ChangeHash, PublicKey};

use super::cast::DOCUMENTS;
use super::history::Fault;

/// A change: what rights ask of it, and what it builds on.
pub(super) struct Change {
    pub(super) hash: ChangeHash,
    /// Which of [`DOCUMENTS`].
    pub(super) document: usize,
    /// The number of its author's key.
    pub(super) key: usize,
    pub(super) author: PublicKey,
    pub(super) actor: ActorId,
    pub(super) seq: u64,
    /// Numbers of changes.
    pub(super) deps: Vec<usize>,
}

/// What a replica makes of a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Taken,
    /// It is there, or what it builds on is not.
    Nothing,
    Refused,
    /// Its actor has this other change with its number.
    Contradicts(usize),
}

/// One of three.
pub(super) struct Replica {
    pub(super) log: Log,
    pub(super) live: BTreeSet<usize>,
    places: BTreeMap<(usize, ActorId, u64), usize>,
}

impl Replica {
    pub(super) fn new(log: Log) -> Self {
        Self { log, live: BTreeSet::new(), places: BTreeMap::new() }
    }

    /// Judges a change as `admit` does: by what is here and by the log.
    pub(super) fn take(&mut self, number: usize, all: &[Change]) -> Answer {
        let change = &all[number];
        if self.live.contains(&number) || change.deps.iter().any(|dep| !self.live.contains(dep)) {
            return Answer::Nothing;
        }
        if let Some(other) = self.places.get(&place(change)) {
            return Answer::Contradicts(*other);
        }
        if !allows(&self.log, change) {
            return Answer::Refused;
        }
        self.live.insert(number);
        self.places.insert(place(change), number);
        Answer::Taken
    }

    /// Takes out what the log does not allow any more, with everything that builds on it.
    pub(super) fn purge(&mut self, all: &[Change], fault: Option<Fault>) -> Vec<usize> {
        if fault == Some(Fault::KeepsAll) {
            return Vec::new();
        }
        let mut gone = BTreeSet::new();
        // Whatever builds on a change has a higher number.
        for number in &self.live {
            let change = &all[*number];
            let builds = change.deps.iter().any(|dep| gone.contains(dep));
            if !allows(&self.log, change) || (builds && fault != Some(Fault::KeepsDependents)) {
                gone.insert(*number);
            }
        }
        self.live.retain(|number| !gone.contains(number));
        self.places.retain(|_, number| !gone.contains(number));
        gone.into_iter().collect()
    }

    /// How far the actors of these keys have come here.
    pub(super) fn cutoffs(&self, keys: &[PublicKey], all: &[Change]) -> Vec<Closure> {
        let closure = |key: &PublicKey| {
            let mut last: BTreeMap<_, BTreeMap<ActorId, u64>> = BTreeMap::new();
            for change in self.live.iter().map(|number| &all[*number]) {
                if change.author == *key {
                    let actors = last.entry(DOCUMENTS[change.document]).or_default();
                    let newest = actors.entry(change.actor).or_default();
                    *newest = change.seq.max(*newest);
                }
            }
            let upto =
                last.into_iter().map(|(document, actors)| (document, actors.into_iter().collect()));
            Closure { key: *key, upto: upto.collect() }
        };
        keys.iter().map(closure).collect()
    }

    /// What nothing in a document builds on.
    pub(super) fn heads(&self, document: usize, all: &[Change]) -> Vec<usize> {
        let mut heads = BTreeSet::new();
        for number in self.live.iter().filter(|number| all[**number].document == document) {
            all[*number].deps.iter().for_each(|dep| {
                heads.remove(dep);
            });
            heads.insert(*number);
        }
        heads.into_iter().collect()
    }
}

/// Whether the log allows a change where it is.
pub(super) fn allows(log: &Log, change: &Change) -> bool {
    let place = (change.actor, change.seq, change.hash);
    log.allows_at(&change.author, &DOCUMENTS[change.document], place).is_ok()
}

fn place(change: &Change) -> (usize, ActorId, u64) {
    (change.document, change.actor, change.seq)
}
