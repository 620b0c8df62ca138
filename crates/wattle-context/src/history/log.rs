//! The log: what each change touched.

use std::collections::{BTreeMap, BTreeSet};

use automerge::legacy::{Key, ObjectId, OpId};
use automerge::{Change, ChangeHash, ValueRef};

use super::{LogEntry, LogFilter};
use crate::context::Context;
use crate::document::{Document, Written};
use crate::path::Path;
use crate::plain::hex;
use crate::read::{DELETED, DELETED_BODY, Reader, named};
use crate::schema::{Part, Section};
use crate::value::ItemId;

pub(crate) fn log(context: &Context, filter: &LogFilter) -> Vec<LogEntry> {
    let wanted = |part: &&Part| match (part, filter.item) {
        (Part::Section(section), _) => filter.section.is_none_or(|wanted| wanted == *section),
        (Part::Body(item), wanted) => {
            filter.section.is_none_or(|wanted| wanted == Section::Documents)
                && wanted.is_none_or(|wanted| wanted == *item)
        }
    };
    let documents = context.parts().filter(wanted).filter_map(|part| context.document(part));
    let mut tails: Vec<Tail<'_>> = documents.map(|document| Tail::new(document, filter)).collect();
    let mut entries = Vec::new();
    while filter.limit.is_none_or(|limit| entries.len() < limit) {
        tails.retain(|tail| tail.newest().is_some());
        let latest =
            tails.iter_mut().max_by_key(|tail| tail.newest().map(|(_, change)| change.time));
        let Some(latest) = latest else { break };
        entries.extend(latest.pop(filter));
    }
    entries
}

impl Document {
    /// The log's entries of these changes, in the order in which they are asked for.
    /// Changes that are not here, and the genesis change, have none.
    pub fn entries(&self, changes: &[[u8; 32]]) -> Vec<LogEntry> {
        let bodies = BTreeMap::new();
        let tail = Tail { document: self, changes: &[], bodies, places: places(self) };
        let wanted = changes.iter().map(|change| ChangeHash(*change));
        let written = wanted.filter(|change| !self.is_genesis(change));
        let written = written.filter_map(|change| self.graph().get(&change));
        written.map(|written| tail.entry(written, &tail.touched(written))).collect()
    }

    /// The log's entries of what a version does not have, oldest first; none if it is not known here.
    /// An empty version is the beginning.
    pub fn entries_since(&self, version: &str) -> Option<Vec<LogEntry>> {
        let heads = if version.is_empty() { Vec::new() } else { self.resolve(version)? };
        let beyond = self.graph().beyond(&heads);
        Some(self.entries(&beyond.into_iter().map(|change| change.0).collect::<Vec<_>>()))
    }
}

/// What changes touched; of an item that one of them adds only the item.
pub(crate) fn touched(document: &Document, changes: &[ChangeHash]) -> BTreeSet<Path> {
    let tail = Tail { document, changes: &[], bodies: BTreeMap::new(), places: places(document) };
    let written = changes.iter().filter_map(|change| document.graph().get(change));
    written.flat_map(|written| tail.touched(written).paths).collect()
}

/// What of one document's history was not yet given, oldest first.
struct Tail<'a> {
    document: &'a Document,
    changes: &'a [Written],
    /// All changes, if more than the newest few will be asked for.
    bodies: BTreeMap<ChangeHash, Change>,
    places: BTreeMap<ObjectId, Place>,
}

/// What a change touched.
#[derive(Default)]
struct Touched {
    paths: BTreeSet<Path>,
    /// Where it superseded several values, or a deletion.
    settled: BTreeSet<Path>,
}

/// What an object is.
enum Place {
    Items,
    Policies,
    Item(ItemId),
    Field(ItemId, String),
}

impl<'a> Tail<'a> {
    fn new(document: &'a Document, filter: &LogFilter) -> Self {
        let changes = document.graph().changes();
        let few =
            filter.item.is_none() && filter.limit.is_some_and(|limit| limit < changes.len() / 8);
        let all = if few { Vec::new() } else { document.automerge().get_changes(&[]) };
        let bodies = all.into_iter().map(|change| (change.hash(), change)).collect();
        Self { document, changes, bodies, places: places(document) }
    }

    /// The genesis change is no part of the history.
    fn newest(&self) -> Option<(&'a [Written], &'a Written)> {
        let genesis = |written: &Written| self.document.is_genesis(&written.hash);
        let last = self.changes.iter().rposition(|written| !genesis(written))?;
        let (newest, rest) = self.changes.get(..=last)?.split_last()?;
        Some((rest, newest))
    }

    fn pop(&mut self, filter: &LogFilter) -> Option<LogEntry> {
        let (rest, written) = self.newest()?;
        self.changes = rest;
        let touched = self.touched(written);
        if !touched.paths.iter().any(|path| filter.takes(path))
            && (filter.item.is_some() || filter.field.is_some())
        {
            return None;
        }
        Some(self.entry(written, &touched))
    }

    fn touched(&self, written: &Written) -> Touched {
        match self.bodies.get(&written.hash) {
            Some(change) => self.paths(change),
            None => {
                let document = self.document.automerge();
                let change = automerge::ReadDoc::get_change_by_hash(document, &written.hash);
                change.map(|change| self.paths(&change)).unwrap_or_default()
            }
        }
    }

    fn entry(&self, written: &Written, touched: &Touched) -> LogEntry {
        let writer = self.document.graph().writer(&written.actor);
        LogEntry {
            change: hex(&written.hash.0),
            part: self.document.part(),
            paths: touched.paths.iter().map(Path::to_string).collect(),
            by: writer.name,
            key: writer.key.map(|key| hex(&key)).unwrap_or_default(),
            client: writer.client,
            time_ms: written.time,
            why: written.why.clone(),
            settled: touched.settled.iter().map(Path::to_string).collect(),
        }
    }

    /// What a change touched; of an item that it adds only the item.
    fn paths(&self, change: &Change) -> Touched {
        let section = self.document.part().section();
        let mut touched = Touched::default();
        if let Part::Body(item) = self.document.part() {
            touched.paths.insert(Path::field(section, item, "body"));
            return touched;
        }
        let mut added = BTreeSet::new();
        for op in change.decode().operations {
            let key = match &op.key {
                Key::Map(key) => Some(key.as_str()),
                Key::Seq(_) => None,
            };
            let path = match (self.places.get(&op.obj), key) {
                (Some(Place::Items), Some(key)) => {
                    let Ok(id) = key.parse() else { continue };
                    added.insert(id);
                    Path::item(section, id)
                }
                (Some(Place::Policies), Some(key)) => Path::policy(section, key),
                (Some(Place::Item(id)), Some(DELETED | DELETED_BODY)) => Path::item(section, *id),
                (Some(Place::Item(id)), Some(key)) => Path::field(section, *id, key),
                (Some(Place::Field(id, field)), Some(key)) => {
                    Path::field(section, *id, field).below(key)
                }
                (Some(Place::Field(id, field)), None) => Path::field(section, *id, field),
                (Some(Place::Items | Place::Policies | Place::Item(_)) | None, _) => continue,
            };
            let earlier = |seen: &&OpId| seen.counter() < change.start_op().get();
            let superseded = op.pred.iter().filter(earlier).count();
            if key.is_some() && (superseded > 1 || (superseded > 0 && key == Some(DELETED))) {
                touched.settled.insert(path.clone());
            }
            touched.paths.insert(path);
        }
        touched
            .paths
            .retain(|path| path.field.is_none() || path.item.is_none_or(|id| !added.contains(&id)));
        touched
    }
}

impl LogFilter {
    fn takes(&self, path: &Path) -> bool {
        let field = self.field.as_ref();
        self.item.is_none_or(|item| path.item == Some(item))
            && field.is_none_or(|field| path.field.as_ref().is_none_or(|own| own == field))
    }
}

/// What the objects of a section's document are.
fn places(document: &Document) -> BTreeMap<ObjectId, Place> {
    let reader = Reader::new(document.automerge());
    let mut places = BTreeMap::new();
    places.extend(reader.policies().map(|policies| (named(&policies), Place::Policies)));
    let Some(items) = reader.items() else { return places };
    for entry in reader.entries(&items) {
        let Ok(id) = entry.key.parse::<ItemId>() else { continue };
        let item = entry.id();
        for field in reader.entries(&item) {
            if matches!(field.value, ValueRef::Object(_)) {
                places.insert(named(&field.id()), Place::Field(id, field.key.to_string()));
            }
        }
        places.insert(named(&item), Place::Item(id));
    }
    places.insert(named(&items), Place::Items);
    places
}
