//! Checking one document of a store.

use std::collections::{BTreeMap, BTreeSet};

use wattle_context::Document;
use wattle_protocol::access::Log;
use wattle_protocol::admit::{Access, Place, Verdict, admit};
use wattle_protocol::graph::{Arrival, Graph};
use wattle_protocol::io::Snapshot;
use wattle_protocol::{Blob, Change, ChangeHash, ContextId, DocumentKey, Header, Position, Seal};
use wattle_store::Store;

use super::verify::{Checker, Spot};
use crate::error::VerifyError;
use crate::limits::NEWS_BYTES_MAX;
use crate::part::part_of;

/// What was found of one document.
pub(super) struct Checked {
    graph: Graph,
}

/// What a store has of a document.
struct Stored {
    nodes: Vec<(Position, Header, usize)>,
    changes: BTreeMap<ChangeHash, Change>,
    snapshot: Option<Snapshot>,
    /// What the snapshot holds.
    held: BTreeMap<ChangeHash, Blob>,
}

impl Checked {
    /// Checks a document against the access log of its context.
    pub(super) fn of(
        checker: &mut Checker,
        (context, document): (&ContextId, &DocumentKey),
        log: &Log,
    ) -> Result<Self, VerifyError> {
        let stored = Stored::read(checker, (context, document))?;
        let spot = Spot { context, document: Some(document) };
        for change in stored.changes.values() {
            same(checker, spot, change);
        }
        stored.check_snapshot(checker, spot);
        let mut checked = Self { graph: Graph::default() };
        let mut sealed = BTreeMap::new();
        for (position, header, bytes) in &stored.nodes {
            checker.verification.changes += 1;
            checker.verification.pruned += u64::from(*bytes == 0);
            let seal = stored.seal(&header.hash);
            let change = Change { header: header.clone(), bytes: Blob::from(Vec::new()), seal };
            if checked.judge(checker, (spot, log), &change) && seal.is_some() {
                sealed.insert(header.actor, header.seq);
            }
            if let Some(seal) = seal.filter(|seal| seal.epoch > log.entries()) {
                checker.behind(spot, Some(header.hash), seal.epoch, log);
            }
            let arrival = Arrival { bytes: *bytes, link: None, position: Some(*position) };
            checked.graph.insert(header, arrival);
        }
        for (_, header, _) in &stored.nodes {
            let covered = sealed.get(&header.actor).is_some_and(|seq| header.seq <= *seq);
            if !covered && !checker.roots.contains(&header.hash) {
                checker.verification.unsigned += 1;
                checker.problem(spot, Some(header.hash), "no signature of its author covers it");
            }
        }
        Ok(checked)
    }

    /// Whether a change is there.
    pub(super) fn has(&self, change: &ChangeHash) -> bool {
        self.graph.index(change).is_some()
    }

    /// As every replica judges it when it arrives. Whether its seal holds, where it has one.
    fn judge(&self, checker: &mut Checker, (spot, log): (Spot<'_>, &Log), change: &Change) -> bool {
        let Spot { context, document: Some(document) } = spot else { return false };
        let access = Access { roots: &checker.roots.clone(), log };
        let place = Place { context, document, graph: &self.graph, access: &access };
        let hash = Some(change.header.hash);
        match admit(change, &place) {
            Verdict::Accept => {
                checker.verification.seals += u64::from(change.seal.is_some());
                true
            }
            Verdict::Hold => true,
            Verdict::Known => {
                checker.problem(spot, hash, "it is there twice");
                false
            }
            Verdict::Defer { missing } => {
                let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
                let what = format!("it builds on {}, not here", missing.join(" and "));
                checker.problem(spot, hash, &what);
                false
            }
            Verdict::Behind(refusal) | Verdict::Reject(refusal) => {
                checker.verification.refused += 1;
                checker.problem(spot, hash, &refusal.reason);
                false
            }
        }
    }
}

impl Stored {
    fn read(
        checker: &mut Checker,
        (context, document): (&ContextId, &DocumentKey),
    ) -> Result<Self, VerifyError> {
        let nodes = checker.store.graph(context, document)?;
        let mut changes = BTreeMap::new();
        let mut after = Position::default();
        loop {
            let more = checker.store.read_after(context, document, after, NEWS_BYTES_MAX)?;
            let Some((last, _)) = more.last() else { break };
            after = *last;
            changes.extend(more.into_iter().map(|(_, change)| (change.header.hash, change)));
        }
        let snapshot = checker.store.snapshot(context, document)?;
        Ok(Self { nodes, changes, snapshot, held: BTreeMap::new() }.with_held(document))
    }

    fn with_held(mut self, document: &DocumentKey) -> Self {
        let loaded = self.snapshot.as_ref().and_then(|snapshot| {
            let part = part_of(document)?;
            Document::load(part, &snapshot.bytes).ok().map(|loaded| (part, loaded))
        });
        let Some((part, loaded)) = loaded else { return self };
        let genesis = Document::genesis(part).to_vec();
        let all = loaded.changes().into_iter().chain([genesis]);
        let hashed = all.filter_map(|bytes| Some((Header::parse(&bytes).ok()?.hash, bytes.into())));
        self.held = hashed.collect();
        self
    }

    /// The seal on a change: its own, or the one that the snapshot keeps of it.
    fn seal(&self, change: &ChangeHash) -> Option<Seal> {
        let own = self.changes.get(change).and_then(|change| change.seal);
        own.or_else(|| {
            let kept = &self.snapshot.as_ref()?.seals;
            kept.iter().find(|(of, _)| of == change).map(|(_, seal)| *seal)
        })
    }

    /// A snapshot holds exactly the changes up to its position, and those whose bytes are gone are in it.
    fn check_snapshot(&self, checker: &mut Checker, spot: Spot<'_>) {
        let upto = self.snapshot.as_ref().map(|snapshot| snapshot.upto).unwrap_or_default();
        let covered = self.nodes.iter().filter(|(position, ..)| *position <= upto);
        let covered: BTreeSet<ChangeHash> = covered.map(|(_, header, _)| header.hash).collect();
        if self.snapshot.is_some() && self.held.is_empty() {
            checker.problem(spot, None, "its snapshot cannot be loaded");
        } else if self.snapshot.is_some() {
            let beyond: Vec<_> = self.held.keys().filter(|held| !covered.contains(held)).collect();
            for change in &beyond {
                checker.problem(spot, Some(**change), "its snapshot has it, and the log has not");
            }
            let lacks: Vec<_> =
                covered.iter().filter(|change| !self.held.contains_key(change)).collect();
            for change in &lacks {
                checker.problem(spot, Some(**change), "its snapshot lacks it");
            }
            checker.verification.snapshots += u64::from(beyond.is_empty() && lacks.is_empty());
        }
        for (_, header, _) in self.nodes.iter().filter(|(.., bytes)| *bytes == 0) {
            match self.held.get(&header.hash) {
                Some(bytes) => {
                    let change =
                        Change { header: header.clone(), bytes: bytes.clone(), seal: None };
                    same(checker, spot, &change);
                }
                None => {
                    let what = "its bytes are gone, and no snapshot has it";
                    checker.problem(spot, Some(header.hash), what);
                }
            }
        }
    }
}

/// Whether the bytes of a change say what the store says of it.
pub(super) fn same(checker: &mut Checker, spot: Spot<'_>, change: &Change) {
    let hash = Some(change.header.hash);
    match Header::parse(&change.bytes) {
        Ok(header) if header == change.header => {}
        Ok(_) => checker.problem(spot, hash, "its bytes say something else than the store does"),
        Err(error) => checker.problem(spot, hash, &format!("its bytes are damaged: {error}")),
    }
}
