//! The graph of a document's changes, without their operations.

use std::collections::{BTreeMap, BTreeSet};

use automerge::{ActorId, Automerge, ChangeHash, ChangeMetadata};

use super::version;

/// Who wrote a change, when and why.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) hash: ChangeHash,
    pub(crate) deps: Vec<usize>,
    pub(crate) actor: ActorId,
    pub(crate) time: i64,
    pub(crate) why: String,
}

/// Who stands behind an actor, as its first change says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writer {
    pub(crate) key: Option<[u8; 32]>,
    pub(crate) name: String,
    pub(crate) client: String,
}

/// All changes of a document, each after those it builds on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    changes: Vec<Written>,
    heads: BTreeSet<ChangeHash>,
    index: BTreeMap<ChangeHash, usize>,
    writers: BTreeMap<ActorId, Writer>,
}

/// Which of several changes build on a change, as far as is known.
#[derive(Clone, Copy, Debug, Default)]
struct Reach {
    from: u128,
    /// A change that all of them build on builds on it.
    stale: bool,
}

/// What a first change's message says below the reason.
const BY: &str = "\nBy: ";
const CLIENT: &str = "\nClient: ";

/// The message of an actor's first change in a document.
pub(crate) fn introduction(why: &str, name: &str, client: &str) -> String {
    format!("{why}\n{BY}{}{CLIENT}{}", line(name), line(client))
}

impl Graph {
    pub(crate) fn of(doc: &Automerge) -> Self {
        let mut graph = Self::default();
        graph.extend(doc);
        graph
    }

    /// Takes in what the document has got since.
    pub(crate) fn extend(&mut self, doc: &Automerge) {
        let known: Vec<ChangeHash> = self.heads.iter().copied().collect();
        doc.get_changes_meta(&known).into_iter().for_each(|meta| self.push(meta));
    }

    fn push(&mut self, meta: ChangeMetadata<'_>) {
        if self.index.contains_key(&meta.hash) {
            return;
        }
        meta.deps.iter().for_each(|dep| {
            self.heads.remove(dep);
        });
        self.heads.insert(meta.hash);
        let message = meta.message.as_deref().unwrap_or_default();
        let (why, name, client) =
            if meta.seq == 1 { introduced(message) } else { (message, "", "") };
        if meta.seq == 1 {
            let key = meta.author.as_ref().and_then(|key| key.as_bytes().try_into().ok());
            let writer = Writer { key, name: name.to_owned(), client: client.to_owned() };
            self.writers.insert(meta.actor.clone().into_owned(), writer);
        }
        let deps = meta.deps.iter().filter_map(|dep| self.index.get(dep).copied()).collect();
        self.index.insert(meta.hash, self.changes.len());
        self.changes.push(Written {
            hash: meta.hash,
            deps,
            actor: meta.actor.into_owned(),
            time: meta.timestamp,
            why: why.to_owned(),
        });
    }

    pub(crate) fn changes(&self) -> &[Written] {
        &self.changes
    }

    pub(crate) fn get(&self, hash: &ChangeHash) -> Option<&Written> {
        self.index.get(hash).and_then(|index| self.changes.get(*index))
    }

    pub(crate) fn writer(&self, actor: &ActorId) -> Writer {
        self.writers.get(actor).cloned().unwrap_or_default()
    }

    /// The changes on which all of these build, without those on which another such change builds.
    pub(crate) fn merge_base(&self, changes: &[[u8; 32]]) -> Vec<ChangeHash> {
        let starts: Vec<usize> = changes
            .iter()
            .take(128)
            .filter_map(|change| self.index.get(&ChangeHash(*change)).copied())
            .collect();
        let all = u128::MAX >> (128 - starts.len().clamp(1, 128));
        let mut pending: BTreeMap<usize, Reach> = BTreeMap::new();
        for (bit, start) in starts.iter().enumerate() {
            pending.entry(*start).or_default().from |= 1 << bit;
        }
        let mut bases = Vec::new();
        while pending.values().any(|reach| !reach.stale) {
            let Some((index, reach)) = pending.pop_last() else { break };
            let Some(written) = self.changes.get(index) else { continue };
            let common = reach.from == all;
            if common && !reach.stale {
                bases.push(written.hash);
            }
            for dep in &written.deps {
                let below = pending.entry(*dep).or_default();
                below.from |= reach.from;
                below.stale |= common;
            }
        }
        bases
    }

    /// For each of these changes which of them it builds on, itself included: a bit for each.
    pub(crate) fn known(&self, changes: &[[u8; 32]]) -> Vec<u128> {
        let starts: Vec<Option<usize>> = changes
            .iter()
            .take(128)
            .map(|change| self.index.get(&ChangeHash(*change)).copied())
            .collect();
        let mut known = vec![0_u128; changes.len()];
        // Which of them build on a change.
        let mut pending: BTreeMap<usize, u128> = BTreeMap::new();
        for (bit, start) in starts.iter().enumerate() {
            if let Some(start) = start {
                *pending.entry(*start).or_default() |= 1 << bit;
            }
        }
        let lowest = starts.iter().flatten().min().copied().unwrap_or_default();
        while let Some((index, from)) = pending.pop_last().filter(|(index, _)| *index >= lowest) {
            let here = starts.iter().enumerate().filter(|(_, start)| **start == Some(index));
            let here = here.fold(0_u128, |bits, (bit, _)| bits | 1 << bit);
            let above = known.iter_mut().take(128).enumerate();
            let above = above.filter(|(bit, _)| (from >> bit) & 1 == 1);
            above.for_each(|(_, known)| *known |= here);
            let deps = self.changes.get(index).map(|written| &written.deps);
            for dep in deps.into_iter().flatten() {
                *pending.entry(*dep).or_default() |= from;
            }
        }
        known
    }

    /// Whether the version has the change.
    pub(crate) fn has(&self, heads: &[ChangeHash], change: &ChangeHash) -> bool {
        let Some(wanted) = self.index.get(change) else { return false };
        let mut pending: BTreeSet<usize> =
            heads.iter().filter_map(|head| self.index.get(head).copied()).collect();
        while let Some(index) = pending.pop_last() {
            if index <= *wanted {
                return index == *wanted;
            }
            pending
                .extend(self.changes.get(index).map(|written| &written.deps).into_iter().flatten());
        }
        false
    }

    /// The changes that a version does not have, each after those it builds on.
    pub(crate) fn beyond(&self, heads: &[ChangeHash]) -> Vec<ChangeHash> {
        let mut pending: BTreeSet<usize> =
            heads.iter().filter_map(|head| self.index.get(head).copied()).collect();
        let mut beyond: BTreeMap<usize, ChangeHash> =
            self.changes.iter().enumerate().map(|(index, written)| (index, written.hash)).collect();
        while let Some(index) = pending.pop_last() {
            beyond.remove(&index);
            pending
                .extend(self.changes.get(index).map(|written| &written.deps).into_iter().flatten());
        }
        beyond.into_values().collect()
    }

    /// The heads that a version token names: each part the first digits of one known change.
    pub(crate) fn resolve(&self, token: &str) -> Option<Vec<ChangeHash>> {
        token.split('.').map(|short| self.by_prefix(short)).collect()
    }

    fn by_prefix(&self, short: &str) -> Option<ChangeHash> {
        let mut low = [0; 32];
        for (byte, digits) in low.iter_mut().zip(short.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
        }
        let (hash, _) = self.index.range(ChangeHash(low)..).next()?;
        (version::short(hash) == short).then_some(*hash)
    }
}

/// Takes an introduction apart: reason, name, client.
fn introduced(message: &str) -> (&str, &str, &str) {
    let found = message.rsplit_once(CLIENT).and_then(|(rest, client)| {
        let (why, name) = rest.rsplit_once(BY)?;
        (!name.contains('\n') && !client.contains('\n')).then_some((why, name, client))
    });
    found.map_or((message, "", ""), |(why, name, client)| {
        (why.strip_suffix('\n').unwrap_or(why), name, client)
    })
}

fn line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
