//! The judges: what was promised, and whether it holds. They know nothing of how edits are made.

use std::collections::{BTreeMap, BTreeSet};

use wattle_protocol::io::Known;
use wattle_protocol::limits::{FRAME_BYTES_MAX, LINK_UNDER_WAY_BYTES_MAX};
use wattle_protocol::{ChangeHash, DocumentKey, LinkId, StoreId};

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When, in virtual milliseconds.
    pub at_ms: u64,
    /// Which judge says so.
    pub checker: &'static str,
    /// What is wrong, in one sentence.
    pub what: String,
}

/// A change of a document.
pub(crate) type Name = (DocumentKey, ChangeHash);

/// What was promised so far.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By each replica to its callers: these edits are saved.
    acknowledged: BTreeMap<usize, BTreeSet<Name>>,
    /// By each store to any peer: these changes are durable.
    durable: BTreeMap<StoreId, BTreeSet<Name>>,
    /// What each replica was told last of a document at another store, in this life.
    told: BTreeMap<(usize, StoreId), BTreeMap<DocumentKey, Vec<ChangeHash>>>,
    /// Bytes that a machine has sent and no socket has taken.
    under_way: BTreeMap<(usize, LinkId), usize>,
}

/// A replica as a judge sees it.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// Its name.
    pub(crate) name: String,
    /// Its number.
    pub(crate) node: usize,
    /// The heads of each document on its disk.
    pub(crate) heads: BTreeMap<DocumentKey, Vec<ChangeHash>>,
    /// Every change on its disk.
    pub(crate) changes: BTreeSet<Name>,
    /// What it shows: the heads of the documents in memory, and all values. A relay shows nothing.
    pub(crate) shown: Option<(BTreeMap<DocumentKey, Vec<ChangeHash>>, String)>,
}

impl Ledger {
    /// A caller was told that an edit is saved.
    pub(crate) fn acknowledge(&mut self, node: usize, names: impl IntoIterator<Item = Name>) {
        self.acknowledged.entry(node).or_default().extend(names);
    }

    /// A replica was told that another store has changes.
    pub(crate) fn told_durable(&mut self, node: usize, remote: StoreId, known: &Known) {
        let told = self.told.entry((node, remote)).or_default();
        told.insert(known.document, known.durable.clone());
        let names = known.durable.iter().map(|hash| (known.document, *hash));
        self.durable.entry(remote).or_default().extend(names);
    }

    /// How many edits were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.values().map(BTreeSet::len).sum()
    }

    /// **bounded**: a machine never has more bytes under way on a link than its limit and one frame.
    pub(crate) fn sent(&mut self, node: usize, link: LinkId, bytes: usize) -> Result<(), String> {
        let under_way = self.under_way.entry((node, link)).or_default();
        *under_way += bytes;
        if *under_way <= LINK_UNDER_WAY_BYTES_MAX + FRAME_BYTES_MAX {
            return Ok(());
        }
        Err(format!("{under_way} bytes under way on one link"))
    }

    /// A socket has taken bytes.
    pub(crate) fn drained(&mut self, node: usize, link: LinkId, bytes: usize) {
        let under_way = self.under_way.entry((node, link)).or_default();
        *under_way = under_way.saturating_sub(bytes);
    }

    /// **durable**: at a crash, all that was acknowledged or called durable is on the disk that is left.
    pub(crate) fn durable(&self, store: StoreId, left: &View) -> Result<(), String> {
        let acknowledged = self.acknowledged.get(&left.node).into_iter().flatten();
        let durable = self.durable.get(&store).into_iter().flatten();
        missing(acknowledged.chain(durable), left)
            .map_or(Ok(()), |what| Err(format!("after a crash of {}, {what}", left.name)))
    }

    /// A replica has died: what it was told is gone, save what its disk remembers.
    pub(crate) fn forget_told(&mut self, node: usize) {
        self.told.retain(|(told, _), _| *told != node);
    }

    /// **knows what is durable**: at rest, whoever dials knows that the other side has all that it has.
    pub(crate) fn knows_durable(
        &self,
        view: &View,
        remote: StoreId,
        remembered: &[Known],
    ) -> Result<(), String> {
        let told = self.told.get(&(view.node, remote));
        for (key, heads) in &view.heads {
            let told = told.and_then(|told| told.get(key)).into_iter().flatten();
            let remembered = remembered.iter().filter(|known| known.document == *key);
            let known: BTreeSet<&ChangeHash> =
                told.chain(remembered.flat_map(|known| &known.durable)).collect();
            if let Some(head) = heads.iter().find(|head| !known.contains(head)) {
                let name = &view.name;
                return Err(format!(
                    "{name} was never told that {head:?} of {key:?} is at {remote:?}"
                ));
            }
        }
        Ok(())
    }

    /// **nothing lost**: every edit acknowledged by one of them is on the disk of each of them.
    pub(crate) fn nothing_lost(&self, group: &[View]) -> Result<(), String> {
        let acknowledged: BTreeSet<&Name> =
            group.iter().filter_map(|view| self.acknowledged.get(&view.node)).flatten().collect();
        let lost = group.iter().find_map(|view| {
            missing(acknowledged.iter().copied(), view)
                .map(|what| format!("at {}, {what}", view.name))
        });
        lost.map_or(Ok(()), Err)
    }
}

/// **converged**: replicas that can reach each other have equal heads, and show equal values.
pub(crate) fn converged(group: &[View]) -> Result<(), String> {
    let Some(first) = group.first() else { return Ok(()) };
    for view in group {
        for key in view.heads.keys().chain(first.heads.keys()) {
            let (here, there) = (view.heads.get(key), first.heads.get(key));
            if here != there {
                let (name, other) = (&view.name, &first.name);
                return Err(format!("{key:?} is {here:?} at {name} and {there:?} at {other}"));
            }
        }
    }
    let mut shown = group.iter().filter_map(|view| Some((view, view.shown.as_ref()?)));
    let Some((one, (_, values))) = shown.next() else { return Ok(()) };
    shown.find(|(_, (_, other))| other != values).map_or(Ok(()), |(view, _)| {
        Err(format!("{} and {} show different values with equal heads", one.name, view.name))
    })
}

/// **shows what it has**: the documents in a peer's memory are those on its disk.
pub(crate) fn shows_its_disk(view: &View) -> Result<(), String> {
    let Some((shown, _)) = &view.shown else { return Ok(()) };
    let differs = shown.iter().find(|(key, heads)| view.heads.get(key) != Some(heads));
    differs.map_or(Ok(()), |(key, heads)| {
        let disk = view.heads.get(key);
        Err(format!("{} shows {heads:?} of {key:?} and has {disk:?} on its disk", view.name))
    })
}

/// **silent**: replicas that are equal and left alone send nothing.
pub(crate) fn silent(frames: u64, during_ms: u64) -> Result<(), String> {
    if frames == 0 { Ok(()) } else { Err(format!("{frames} frames in {during_ms} ms of rest")) }
}

/// **heads only grow**: what a peer has shown once stays in what it shows.
pub(crate) fn grows(before: &[[u8; 32]], has: impl Fn(&[u8; 32]) -> bool) -> Result<(), String> {
    let gone = before.iter().find(|head| !has(head));
    gone.map_or(Ok(()), |head| Err(format!("{:?} is no longer shown", ChangeHash(*head))))
}

/// **read your writes**: the author of an edit sees it when it is told that it is saved.
pub(crate) fn reads_own(hash: &ChangeHash, has: impl Fn(&[u8; 32]) -> bool) -> Result<(), String> {
    if has(&hash.0) {
        Ok(())
    } else {
        Err(format!("{hash:?} is saved and not shown to its author"))
    }
}

fn missing<'a>(names: impl Iterator<Item = &'a Name>, view: &View) -> Option<String> {
    let missing: Vec<&Name> = names.filter(|name| !view.changes.contains(name)).collect();
    let (key, hash) = missing.first()?;
    Some(format!("{} changes are missing, {hash:?} of {key:?} first", missing.len()))
}
