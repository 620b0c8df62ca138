//! Doing again, elsewhere, what changes of a document did: as edits of the one vocabulary.

use std::collections::{BTreeMap, BTreeSet};

use automerge::transaction::Transactable;
use automerge::{ActorId, Automerge, AutomergeError, ChangeHash, ObjType, ROOT, ReadDoc};

use crate::context::Context;
use crate::document::{BODY, Document, Written};
use crate::edit::{Edit, Op};
use crate::history::touched;
use crate::path::Path;
use crate::read::{DELETED, Reader, scalar};
use crate::rewrite::{Splice, rewrite};
use crate::schema::{Kind, Part, Section};
use crate::value::{ItemId, Value};

/// What changes did, as edits of another copy of their document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redo {
    /// The edits, each as of the version that it builds on there.
    pub edits: Vec<Edit>,
    /// The ids of the items that they add, in the order of the edits.
    pub ids: Vec<ItemId>,
    /// What cannot be done there: its item is not there, or is there already.
    pub lost: Vec<String>,
}

/// Changes of one author, each building on the one before it alone, with one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The changes, in order.
    pub changes: Vec<[u8; 32]>,
    /// Why they were made.
    pub why: String,
}

/// A copy of a document with changes that another copy has not, and where some of them are there.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The copy that has them.
    pub old: &'a Document,
    /// What has taken the place of a change in the other copy.
    pub landed: &'a BTreeMap<[u8; 32], [u8; 32]>,
}

impl Context {
    /// What a run of changes did, as edits of this context's copy of their document.
    ///
    /// A text is merged by what they changed of it: what they had found there and is not here stays away.
    pub fn redo(&self, run: &Run, source: &Source<'_>) -> Redo {
        let mut redo = Redo::default();
        let Some(versions) = Versions::of(self, run, source) else { return redo };
        for path in versions.touched(run) {
            let edit = if path.item.is_some_and(|item| versions.adds(&item)) {
                versions.add(&path, &mut redo)
            } else {
                versions.edit(&path)
            };
            match edit {
                Some(edits) => redo.edits.extend(edits),
                None => redo.lost.push(path.to_string()),
            }
        }
        redo
    }
}

impl Document {
    /// Those of some changes that a principal made, in runs, each after those it builds on.
    pub fn runs(&self, of: &BTreeSet<[u8; 32]>, key: &[u8; 32]) -> Vec<Run> {
        let graph = self.graph();
        let mut runs: Vec<Run> = Vec::new();
        for written in graph.changes() {
            let own = graph.writer(&written.actor).key == Some(*key);
            if !own || !of.contains(&written.hash.0) {
                continue;
            }
            let deps = self.deps(&written.hash);
            match runs.last_mut() {
                Some(run)
                    if run.why == written.why
                        && run.changes.last().is_some_and(|last| deps == [ChangeHash(*last)])
                        && run.changes.last().is_some_and(|last| self.wrote(last, written)) =>
                {
                    run.changes.push(written.hash.0);
                }
                Some(_) | None => {
                    let (changes, why) = (vec![written.hash.0], written.why.clone());
                    runs.push(Run { changes, why });
                }
            }
        }
        runs
    }

    /// The changes of a principal and their reasons, each after those it builds on.
    pub fn reasons(&self, key: &[u8; 32]) -> Vec<([u8; 32], String)> {
        let graph = self.graph();
        let own = graph.changes().iter().filter(|written| {
            !self.is_genesis(&written.hash) && graph.writer(&written.actor).key == Some(*key)
        });
        own.map(|written| (written.hash.0, written.why.clone())).collect()
    }

    fn wrote(&self, change: &[u8; 32], other: &Written) -> bool {
        self.graph().get(&ChangeHash(*change)).is_some_and(|one| one.actor == other.actor)
    }

    fn deps(&self, change: &ChangeHash) -> Vec<ChangeHash> {
        let meta = self.automerge().get_change_meta_by_hash(change);
        meta.map(|meta| meta.deps.to_vec()).unwrap_or_default()
    }
}

/// The versions before and after a run, and the one on which it is to be done again.
struct Versions<'a> {
    old: &'a Document,
    before: Vec<ChangeHash>,
    after: Vec<ChangeHash>,
    here: &'a Document,
    base: Vec<ChangeHash>,
}

impl<'a> Versions<'a> {
    fn of(context: &'a Context, run: &Run, source: &Source<'a>) -> Option<Self> {
        let here = context.document(&source.old.part())?;
        let before = source.old.deps(&ChangeHash(*run.changes.first()?));
        let after = vec![ChangeHash(*run.changes.last()?)];
        let base = landed(here, source, before.clone());
        Some(Self { old: source.old, before, after, here, base })
    }

    fn section(&self) -> Section {
        self.old.part().section()
    }

    fn before(&self) -> Reader<'_, Automerge> {
        Reader::as_of(self.old.automerge(), &self.before)
    }

    fn after(&self) -> Reader<'_, Automerge> {
        Reader::as_of(self.old.automerge(), &self.after)
    }

    fn base(&self) -> Reader<'_, Automerge> {
        Reader::as_of(self.here.automerge(), &self.base)
    }

    fn touched(&self, run: &Run) -> BTreeSet<Path> {
        let changes: Vec<ChangeHash> =
            run.changes.iter().map(|change| ChangeHash(*change)).collect();
        let touched = touched(self.old, &changes);
        // Of an item that was added, everything is in the item.
        let within = |path: &Path| path.item.is_some_and(|item| self.adds(&item));
        let (new, mut old): (BTreeSet<_>, BTreeSet<_>) = touched.into_iter().partition(within);
        old.extend(new.into_iter().map(|path| Path { field: None, rest: Vec::new(), ..path }));
        old
    }

    fn is_section(&self) -> bool {
        matches!(self.old.part(), Part::Section(_))
    }

    fn adds(&self, item: &ItemId) -> bool {
        self.is_section() && self.before().item(item).is_none() && self.after().item(item).is_some()
    }

    /// The item with everything that the run has put into it. Its id stays: others name it.
    fn add(&self, path: &Path, redo: &mut Redo) -> Option<Vec<Edit>> {
        let item = path.item?;
        if self.base().item(&item).is_some()
            || Reader::new(self.here.automerge()).item(&item).is_some()
        {
            return None;
        }
        let fields = self.section().fields().iter().filter_map(|field| {
            let path = Path::field(self.section(), item, field.name);
            let value = self.value(self.after(), &path)?;
            (!value.is_null()).then(|| (field.name.to_owned(), value))
        });
        let value = Value::Map(fields.collect());
        redo.ids.push(item);
        Some(vec![self.made(Op::Add, self.section().name().to_owned(), value)])
    }

    /// The edits of one place; none if that place is not there.
    fn edit(&self, path: &Path) -> Option<Vec<Edit>> {
        let (Some(item), text) = (path.item, path.to_string()) else {
            let field = path.field.as_deref()?;
            let value = self.after().policies().and_then(|map| value(self.after(), &map, field));
            return Some(vec![self.made(Op::Set, path.to_string(), value.unwrap_or(Value::Null))]);
        };
        if self.is_section() && self.base().item(&item).is_none() {
            return None;
        }
        let Some(name) = path.field.as_deref() else {
            let marked = value(self.after(), &self.after().item(&item)?, DELETED)?;
            return Some(vec![self.made(Op::Set, format!("{text}/{DELETED}"), marked)]);
        };
        let field = self.section().field(name)?;
        let now = self.value(self.after(), path)?;
        match (field.kind, path.rest.first()) {
            (Kind::Text | Kind::Body, _) => {
                let before = self.value(self.before(), path)?;
                let here = self.value(self.base(), path)?;
                let merged = merge(before.text()?, now.text()?, here.text()?)?;
                Some(vec![self.made(Op::Set, text, merged.into())])
            }
            (Kind::Log, _) => {
                let before = self.value(self.before(), path)?;
                let known = before.list()?.len();
                let new = now.list()?.get(known..)?.to_vec();
                Some(vec![self.made(Op::Append, text, new.into())])
            }
            (Kind::Set, Some(_)) | (Kind::Map | Kind::Register, _) => {
                Some(vec![self.made(Op::Set, text, now)])
            }
            (Kind::Set, None) => Some(Vec::new()),
        }
    }

    fn made(&self, op: Op, path: String, value: Value) -> Edit {
        let base = Some(Document::token(&self.base));
        Edit { op, path, value, old: None, base, if_unchanged: false }
    }

    /// What stands at a place of a copy, as it is stored; null if nothing does.
    fn value(&self, reader: Reader<'_, Automerge>, path: &Path) -> Option<Value> {
        let field = self.section().field(path.field.as_deref()?)?;
        if field.kind == Kind::Body {
            let text = reader.object(&ROOT, BODY, ObjType::Text);
            return Some(text.map_or(Value::Null, |text| reader.text(&text).into()));
        }
        let item = reader.item(path.item.as_ref()?)?;
        match field.kind {
            Kind::Register => Some(value(reader, &item, field.name).unwrap_or(Value::Null)),
            Kind::Text => {
                Some(reader.text(&reader.object(&item, field.name, ObjType::Text)?).into())
            }
            Kind::Log => {
                let list = reader.object(&item, field.name, ObjType::List)?;
                Some(reader.texts(&list).0.into())
            }
            Kind::Set | Kind::Map => {
                let map = reader.object(&item, field.name, ObjType::Map)?;
                if let Some(key) = path.rest.first() {
                    return Some(value(reader, &map, key).unwrap_or(Value::Null));
                }
                let entries = reader.entries(&map).filter_map(|entry| {
                    let value = value(reader, &map, &entry.key)?;
                    Some((entry.key.to_string(), value))
                });
                Some(match field.kind {
                    Kind::Set => entries
                        .filter(|(_, value)| *value == Value::Bool(true))
                        .map(|(key, _)| key)
                        .collect::<Vec<_>>()
                        .into(),
                    Kind::Register | Kind::Text | Kind::Map | Kind::Log | Kind::Body => {
                        let set = entries.filter(|(_, value)| !value.is_null());
                        Value::Map(set.collect())
                    }
                })
            }
            Kind::Body => None,
        }
    }
}

/// The newest changes of a copy that a version of another copy comes down to.
fn landed(here: &Document, source: &Source<'_>, version: Vec<ChangeHash>) -> Vec<ChangeHash> {
    let (mut pending, mut seen, mut known) = (version, BTreeSet::new(), BTreeSet::new());
    while let Some(change) = pending.pop() {
        let place = source.landed.get(&change.0).unwrap_or(&change.0);
        if here.has(place) {
            known.insert(ChangeHash(*place));
        } else if seen.insert(change) {
            pending.extend(source.old.deps(&change));
        }
    }
    let newest = known.iter().filter(|change| {
        let mut others = known.iter().filter(|other| other != change);
        !others.any(|other| here.graph().has(std::slice::from_ref(other), change))
    });
    newest.copied().collect()
}

fn value(reader: Reader<'_, Automerge>, object: &automerge::ObjId, key: &str) -> Option<Value> {
    reader.get(object, key).and_then(|(value, _)| scalar(&value))
}

/// A text with what two have made of it, each without the other.
fn merge(base: &str, mine: &str, theirs: &str) -> Option<String> {
    if base == theirs {
        return Some(mine.to_owned());
    }
    merged(base, &rewrite(base, mine), &rewrite(base, theirs)).ok()
}

fn merged(base: &str, mine: &[Splice], theirs: &[Splice]) -> Result<String, AutomergeError> {
    let mut doc = Automerge::new().with_actor(ActorId::from([0; 16]));
    let mut tx = doc.transaction();
    let text = tx.put_object(ROOT, BODY, ObjType::Text)?;
    tx.splice_text(&text, 0, 0, base)?;
    tx.commit();
    let mut other = doc.fork().with_actor(ActorId::from([1; 16]));
    doc.set_actor(ActorId::from([2; 16]));
    for (doc, splices) in [(&mut doc, mine), (&mut other, theirs)] {
        let mut tx = doc.transaction();
        for splice in splices.iter().rev() {
            let delete = splice.delete.try_into().unwrap_or(isize::MAX);
            tx.splice_text(&text, splice.at, delete, &splice.insert)?;
        }
        tx.commit();
    }
    doc.merge(&mut other)?;
    doc.text(&text)
}
