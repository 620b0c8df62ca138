//! The judges: what was promised, and whether it holds. They know nothing of how edits are made.

mod leases;

use std::collections::{BTreeMap, BTreeSet};

use wattle_context::Section;
use wattle_protocol::access::{Log, Rights, Scopes};
use wattle_protocol::io::Known;
use wattle_protocol::limits::{FRAME_BYTES_MAX, LINK_UNDER_WAY_BYTES_MAX};
use wattle_protocol::{ActorId, ChangeHash, DocumentKey, Header, LinkId, PublicKey, StoreId};

pub(crate) use leases::Leases;

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
    /// Every change that was ever written, after those that it builds on.
    written: Vec<(DocumentKey, Header)>,
    /// Who is behind an actor in a document.
    authors: BTreeMap<(DocumentKey, ActorId), PublicKey>,
    /// What each replica has taken out of its documents.
    removed: BTreeMap<usize, BTreeSet<Name>>,
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
    /// Its key.
    pub(crate) key: PublicKey,
    /// The log that its disk has; absent before it has heard of the context.
    pub(crate) log: Option<Log>,
    /// Every change on its disk.
    pub(crate) changes: BTreeMap<Name, Header>,
    /// What it shows: the heads of the documents in memory, and all values. A relay shows nothing.
    pub(crate) shown: Option<(BTreeMap<DocumentKey, Vec<ChangeHash>>, String)>,
}

impl View {
    /// What it may read and write, by a log.
    pub(crate) fn rights(&self, log: &Log) -> Rights {
        log.rights(&self.key)
    }
}

impl Ledger {
    /// A change was written.
    pub(crate) fn wrote(&mut self, document: DocumentKey, header: &Header) {
        if let Some(author) = header.author {
            self.authors.entry((document, header.actor)).or_insert(author);
        }
        self.written.push((document, header.clone()));
    }

    /// A replica takes changes out of a document.
    pub(crate) fn removed(&mut self, node: usize, document: DocumentKey, hashes: &[ChangeHash]) {
        let names = hashes.iter().map(|hash| (document, *hash));
        self.removed.entry(node).or_default().extend(names);
    }

    /// What a log does not allow, of all that was ever written, with what builds on it.
    pub(crate) fn void(&self, log: &Log) -> BTreeSet<Name> {
        let mut void = BTreeSet::new();
        for (document, header) in &self.written {
            let builds = header.deps.iter().any(|dep| void.contains(&(*document, *dep)));
            if builds || self.allowed(log, document, header).is_err() {
                void.insert((*document, header.hash));
            }
        }
        void
    }

    fn allowed(&self, log: &Log, document: &DocumentKey, header: &Header) -> Result<(), String> {
        match self.authors.get(&(*document, header.actor)) {
            Some(author) => log.allows(author, document, header).map_err(|refusal| refusal.reason),
            // The genesis changes are nobody's.
            None if header.deps.is_empty() => Ok(()),
            None => Err("nobody knows its author".to_owned()),
        }
    }

    /// **allowed**: everything that a replica has is what its log allows.
    pub(crate) fn all_allowed(&self, view: &View) -> Result<(), String> {
        let Some(log) = &view.log else { return Ok(()) };
        for ((document, hash), header) in &view.changes {
            if let Err(why) = self.allowed(log, document, header) {
                let name = &view.name;
                return Err(format!("{name} has {hash:?} of {document:?}, and {why}"));
            }
        }
        Ok(())
    }

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
        let removed = self.removed.get(&left.node);
        let kept = acknowledged
            .chain(durable)
            .filter(|name| removed.is_none_or(|removed| !removed.contains(*name)));
        missing(kept, left)
            .map_or(Ok(()), |what| Err(format!("after a crash of {}, {what}", left.name)))
    }

    /// A replica has died: what it was told is gone, save what its disk remembers.
    pub(crate) fn forget_told(&mut self, node: usize) {
        self.told.retain(|(told, _), _| *told != node);
    }

    /// **knows what is durable**: at rest, whoever dials knows that the other side has all that it has,
    /// and may read.
    pub(crate) fn knows_durable(
        &self,
        view: &View,
        remote: StoreId,
        (remembered, rights): (&[Known], Rights),
    ) -> Result<(), String> {
        let told = self.told.get(&(view.node, remote));
        for (key, heads) in view.heads.iter().filter(|(key, _)| rights.reads(key.scope)) {
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

    /// What a replica has acknowledged, without what it had to take out when its author's rights ended:
    /// that is kept apart on its disk, and does not come back by itself when the rights do.
    fn still_acknowledged(&self, node: usize) -> impl Iterator<Item = &Name> {
        let removed = self.removed.get(&node);
        let stays = move |name: &&Name| removed.is_none_or(|removed| !removed.contains(*name));
        self.acknowledged.get(&node).into_iter().flatten().filter(stays)
    }

    /// **nothing lost**: every edit of a section acknowledged by one of them is on the disk of each of them
    /// that may read it, unless the log does not allow it, or something that it builds on.
    pub(crate) fn nothing_lost(
        &self,
        group: &[&View],
        (log, scope): (&Log, u8),
    ) -> Result<(), String> {
        let void = self.void(log);
        let acknowledged: BTreeSet<&Name> =
            group.iter().flat_map(|view| self.still_acknowledged(view.node)).collect();
        let lost = group.iter().find_map(|view| {
            let reads = view.rights(log);
            let due = acknowledged.iter().copied();
            let due = due.filter(|name| name.0.scope == scope && reads.reads(scope));
            let due = due.filter(|name| !void.contains(*name));
            missing(due, view).map(|what| format!("at {}, {what}", view.name))
        });
        lost.map_or(Ok(()), Err)
    }
}

/// The log of those who have come furthest.
pub(crate) fn newest_log<'a>(group: &[&'a View]) -> Option<&'a Log> {
    let logs = group.iter().filter_map(|view| view.log.as_ref());
    logs.max_by_key(|log| (log.term(), log.entries()))
}

/// **rights equal**: replicas that can reach each other have one log.
pub(crate) fn one_log(group: &[&View]) -> Result<(), String> {
    let Some(newest) = newest_log(group) else { return Ok(()) };
    for view in group {
        let entries = view.log.as_ref().map_or(0, Log::entries);
        if view.log.as_ref().is_none_or(|log| log.head() != newest.head()) {
            let (name, all) = (&view.name, newest.entries());
            return Err(format!("{name} has {entries} entries, not those {all} that others have"));
        }
    }
    Ok(())
}

/// **converged**: replicas that can reach each other over those who read a section have equal heads of
/// what they may both read in it.
pub(crate) fn converged(group: &[&View], (log, scope): (&Log, u8)) -> Result<(), String> {
    let mut readers = group.iter().filter(|view| view.rights(log).reads(scope));
    let Some(view) = readers.next() else { return Ok(()) };
    for other in readers {
        let keys = view.heads.keys().chain(other.heads.keys());
        for key in keys.filter(|key| key.scope == scope) {
            let (here, there) = (view.heads.get(key), other.heads.get(key));
            if here != there {
                let (name, other) = (&view.name, &other.name);
                return Err(format!("{key:?} is {here:?} at {name} and {there:?} at {other}"));
            }
        }
    }
    Ok(())
}

/// Whether it may read every section.
pub(crate) fn reads_all(view: &View, log: &Log) -> bool {
    let all = Scopes::of(&Section::ALL.map(Section::number));
    all.is_within(view.rights(log).read)
}

/// **converged**: replicas that read everything, and reach each other over such, show equal values.
pub(crate) fn shows_the_same(group: &[&View]) -> Result<(), String> {
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
    let missing: Vec<&Name> = names.filter(|name| !view.changes.contains_key(name)).collect();
    let (key, hash) = missing.first()?;
    Some(format!("{} changes are missing, {hash:?} of {key:?} first", missing.len()))
}
