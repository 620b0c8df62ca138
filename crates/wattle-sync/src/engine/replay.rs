//! Honest work on top of what was taken out: written again, once, by its own author.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use wattle_context::{Document, ItemId, Redo, Run, Source};
use wattle_protocol::access::{End, Log};
use wattle_protocol::{Change, ChangeHash, DocumentKey, PublicKey};
use wattle_store::{Store, StoreError};

use super::Engine;
use super::edits::parse;
use crate::audit::Again;
use crate::error::{EditFailed, ReadError};
use crate::guard;
use crate::limits::REPLAY_RETRY_MS;
use crate::part::part_of;

/// What the reason of a change says that takes the place of others.
const TRAILER: &str = "\n\nReplays: ";

/// What is still to be written again.
pub(super) struct Replays {
    /// Held while something is: of all processes on the directory, one does it.
    lock: PathBuf,
    due: BTreeSet<DocumentKey>,
    /// Items that are missing: when one of them comes, what was done to it can be written again.
    missing: BTreeMap<DocumentKey, BTreeSet<ItemId>>,
    not_before: Instant,
    /// How often something had been taken out when this process last looked.
    pub(super) removals: u64,
}

/// What stopped it; it is tried again later.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    #[error(transparent)]
    Edit(#[from] EditFailed),
}

/// One document of which something is written again.
struct Work {
    document: DocumentKey,
    part: wattle_context::Part,
    /// With everything that was taken out.
    old: Document,
    /// What has taken the place of what.
    landed: BTreeMap<[u8; 32], [u8; 32]>,
}

impl Replays {
    pub(super) fn new(lock: PathBuf) -> Self {
        let not_before = Instant::now();
        Self { lock, due: BTreeSet::new(), missing: BTreeMap::new(), not_before, removals: 0 }
    }

    /// Something was taken out of a document.
    pub(super) fn look_at(&mut self, document: DocumentKey) {
        self.due.insert(document);
        self.not_before = Instant::now();
    }

    fn take_lock(&self) -> Option<File> {
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(&self.lock);
        file.ok().filter(|file| file.try_lock().is_ok())
    }
}

impl Engine {
    /// Writes again what was taken out of documents and is this principal's own.
    pub(super) fn replay(&mut self, now: Instant) {
        self.look_for_missing();
        if self.replays.due.is_empty() || now < self.replays.not_before {
            return;
        }
        self.replays.not_before = now + Duration::from_millis(REPLAY_RETRY_MS);
        // Whoever has it does the same for the same key; what is left is found afterwards.
        let Some(lock) = self.replays.take_lock() else { return };
        for document in self.replays.due.clone() {
            match self.replay_document(document) {
                Ok(()) => {
                    self.replays.due.remove(&document);
                }
                Err(error) => tracing::warn!(%error, "what is honest was not written again yet"),
            }
        }
        drop(lock);
    }

    /// What was taken out and is not written again yet, also by a process that has ended.
    pub(super) fn recall_removed(&mut self) -> Result<(), StoreError> {
        self.replays.removals = self.removals()?;
        for (document, _) in self.store.removed(&self.context)? {
            self.replays.look_at(document);
        }
        Ok(())
    }

    fn look_for_missing(&mut self) {
        let context = &self.documents.context;
        let here = self.replays.missing.iter().filter(|(document, items)| {
            let section = part_of(document).map(|part| part.section());
            items.iter().any(|item| {
                let path = section.map(|section| wattle_context::Path::item(section, *item));
                path.is_some_and(|path| context.item(&path).is_some())
            })
        });
        let here: Vec<DocumentKey> = here.map(|(document, _)| *document).collect();
        for document in here {
            self.replays.missing.remove(&document);
            self.replays.look_at(document);
        }
    }

    fn replay_document(&mut self, document: DocumentKey) -> Result<(), Stopped> {
        let Some(part) = part_of(&document) else { return Ok(()) };
        self.refresh()?;
        let removed = self.removed_of(&document)?;
        let keys = self.keys_to_replay(&document);
        let mut own = self.own_removed(&document, (&removed, &keys))?;
        if own.is_empty() {
            return Ok(());
        }
        self.load_each(&[part])?;
        let Some(shown) = self.documents.context.document(&part) else { return Ok(()) };
        let mut old = shown.fork();
        guard::apply(&mut old, &removed);
        let mut work = Work { document, part, old, landed: BTreeMap::new() };
        self.recall_landed(&mut work, (&removed, &mut own), &keys)?;
        self.replays.missing.remove(&document);
        for key in &keys {
            for run in work.old.runs(&own, &key.0) {
                self.replay_run(&mut work, &run)?;
            }
        }
        Ok(())
    }

    /// This principal's keys, those that it has replaced among them, when it may write there.
    fn keys_to_replay(&self, document: &DocumentKey) -> Vec<PublicKey> {
        let own = self.identity.key();
        let log = self.access.log.as_ref();
        let log = log.filter(|log| log.rights(&own).writes(document.scope));
        log.map(|log| keys_of(log, own)).unwrap_or_default()
    }

    /// Those of the changes that these keys have made and that nothing has become of yet.
    fn own_removed(
        &mut self,
        document: &DocumentKey,
        (removed, keys): (&[Change], &[PublicKey]),
    ) -> Result<BTreeSet<[u8; 32]>, StoreError> {
        let authors = self.authors(document, removed)?;
        let log = self.access.log.clone();
        // Who has no right to a change does not write it again, whoever wrote below it. A key that
        // was replaced has no rights any more, but the one in its place has them.
        let may = |author: &PublicKey, change: &Change| {
            keys.contains(author)
                && (*author != self.identity.key()
                    || log
                        .as_ref()
                        .is_some_and(|log| log.allows(author, document, &change.header).is_ok()))
        };
        let own_changes: Vec<&Change> = removed
            .iter()
            .filter(|change| !change.bytes.is_empty())
            .filter(|change| {
                authors.get(&change.header.actor).is_some_and(|author| may(author, change))
            })
            .collect();
        let mut own = BTreeSet::new();
        for change in own_changes {
            match self.again(&change.header.hash)? {
                Again::No | Again::Lost { .. } => {
                    own.insert(change.header.hash.0);
                }
                Again::As(_) | Again::Nothing | Again::Refused => {}
            }
        }
        Ok(own)
    }

    /// What was written again before, also by a process that ended before it could note so.
    fn recall_landed(
        &mut self,
        work: &mut Work,
        (removed, own): (&[Change], &mut BTreeSet<[u8; 32]>),
        keys: &[PublicKey],
    ) -> Result<(), StoreError> {
        for change in removed {
            if let Again::As(new) = self.again(&change.header.hash)?
                && let Ok(new) = new.parse::<ChangeHash>()
            {
                work.landed.insert(change.header.hash.0, new.0);
            }
        }
        let Some(shown) = self.documents.context.document(&work.part) else { return Ok(()) };
        let mut unnoted = Vec::new();
        for key in keys {
            for (new, why) in shown.reasons(&key.0) {
                let Some((first, last)) = replayed(&why) else { continue };
                for run in work.old.runs(own, &key.0) {
                    let from = run.changes.iter().position(|change| *change == first.0);
                    let to = run.changes.iter().position(|change| *change == last.0);
                    let (Some(from), Some(to)) = (from, to) else { continue };
                    let covered = run.changes.get(from..=to).unwrap_or_default();
                    unnoted.push((covered.to_vec(), new));
                }
            }
        }
        for (changes, new) in unnoted {
            self.note_again(&changes, &Again::As(ChangeHash(new).to_string()))?;
            for change in changes {
                own.remove(&change);
                work.landed.insert(change, new);
            }
        }
        Ok(())
    }

    /// Writes one run again, as one; or change by change, where something of it cannot be written.
    fn replay_run(&mut self, work: &mut Work, run: &Run) -> Result<(), Stopped> {
        let source = Source { old: &work.old, landed: &work.landed };
        let redo = self.documents.context.redo(run, &source);
        let again = if redo.lost.is_empty() { self.write_again(run, &redo)? } else { None };
        match again {
            Some(Again::As(new)) => {
                if let Ok(new) = new.parse::<ChangeHash>() {
                    work.landed.extend(run.changes.iter().map(|change| (*change, new.0)));
                }
                Ok(self.note_again(&run.changes, &Again::As(new))?)
            }
            Some(again) => Ok(self.note_again(&run.changes, &again)?),
            None if run.changes.len() > 1 => run.changes.iter().try_for_each(|change| {
                let alone = Run { changes: vec![*change], why: run.why.clone() };
                self.replay_run(work, &alone)
            }),
            None => {
                let places = redo.lost.clone();
                let items = places.iter().filter_map(|place| item_of(place));
                let context = &self.documents.context;
                let section = work.part.section();
                let items = items.filter(|item| {
                    context.item(&wattle_context::Path::item(section, *item)).is_none()
                });
                let items: Vec<ItemId> = items.collect();
                self.replays.missing.entry(work.document).or_default().extend(items);
                let rest = Redo { lost: Vec::new(), ..redo };
                let again = match self.write_again(run, &rest)? {
                    Some(again @ Again::As(_)) => again,
                    Some(_) | None => Again::Lost { places },
                };
                Ok(self.note_again(&run.changes, &again)?)
            }
        }
    }

    /// None if the context does not take it.
    fn write_again(&mut self, run: &Run, redo: &Redo) -> Result<Option<Again>, Stopped> {
        if redo.edits.is_empty() {
            return Ok(Some(Again::Nothing));
        }
        if self.load_needed(&redo.edits).is_err() {
            return Ok(None);
        }
        let (why, by) = (reason(run), self.author());
        let mut ids = redo.ids.iter().copied();
        let mut next = || ids.next().unwrap_or(ItemId([b'0'; 16]));
        let context = &mut self.documents.context;
        let Ok(edited) = context.edit(&redo.edits, &why, &by, &mut next) else { return Ok(None) };
        let changes = match parse(&edited) {
            Ok(changes) => changes,
            Err(error) => {
                self.forget_loaded();
                return Err(error.into());
            }
        };
        let newest = changes.last().map(|(_, change)| change.header.hash);
        let mut by_part = BTreeMap::<_, Vec<Change>>::new();
        for (part, change) in changes {
            by_part.entry(part).or_default().push(change);
        }
        self.commit(by_part)?;
        Ok(Some(newest.map_or(Again::Nothing, |newest| Again::As(newest.to_string()))))
    }

    /// What became of a change that was taken out, as far as it is noted.
    pub(super) fn again(&mut self, change: &ChangeHash) -> Result<Again, StoreError> {
        let note = self.store.note(&note_of(&change.0))?.unwrap_or_default();
        Ok(serde_json::from_slice(&note).unwrap_or(Again::No))
    }

    fn note_again(&mut self, changes: &[[u8; 32]], again: &Again) -> Result<(), StoreError> {
        let note = serde_json::to_vec(again).unwrap_or_default();
        for change in changes {
            let name = note_of(change);
            if self.store.note(&name)?.as_deref() != Some(&note[..]) {
                self.store.put_note(&name, &note)?;
            }
        }
        Ok(())
    }
}

fn note_of(change: &[u8; 32]) -> String {
    format!("wattle/again/{}", ChangeHash(*change))
}

/// A key, and those in whose place it has come.
fn keys_of(log: &Log, own: PublicKey) -> Vec<PublicKey> {
    let mut keys = vec![own];
    let mut since = log.member(&own).map(|member| member.since);
    while let Some(entry) = since {
        let before = log.members().find(|(_, member)| member.ended == Some((End::Rotated, entry)));
        since = before.map(|(_, member)| member.since);
        keys.extend(before.map(|(key, _)| *key));
    }
    keys
}

/// The reason of a run, cut so that there is room to say what is written again.
fn reason(run: &Run) -> String {
    let name = |change: Option<&[u8; 32]>| change.map(|change| ChangeHash(*change).to_string());
    let (first, last) = (name(run.changes.first()), name(run.changes.last()));
    let trailer = match (first, last) {
        (Some(first), Some(last)) if first != last => format!("{TRAILER}{first}..{last}"),
        (first, _) => format!("{TRAILER}{}", first.unwrap_or_default()),
    };
    // What was written again before says so no more: this takes the place of both.
    let mut why = run.why.rsplit_once(TRAILER).map_or(&*run.why, |(why, _)| why).to_owned();
    while why.len() + trailer.len() > wattle_context::limits::WHY_BYTES_MAX {
        why.pop();
    }
    why + &trailer
}

/// The first and the last change that a change says it has written again.
fn replayed(why: &str) -> Option<(ChangeHash, ChangeHash)> {
    let (_, named) = why.rsplit_once(TRAILER)?;
    let (first, last) = named.split_once("..").unwrap_or((named, named));
    Some((first.parse().ok()?, last.parse().ok()?))
}

fn item_of(place: &str) -> Option<ItemId> {
    place.split('/').nth(1)?.parse().ok()
}
