//! A context: its documents, and what can be done with them together.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use automerge::{ObjType, ROOT};

use crate::claim::{self, Claim, Record};
use crate::conflict::Conflict;
use crate::document::{BODY, Document};
use crate::edit::{self, Author, Edit, EditError, Edited, Typed};
use crate::export;
use crate::history::{self, Difference, LogEntry, LogFilter, VersionError};
use crate::path::{Path, PathError, locate};
use crate::policy::{CustomPolicies, CustomPolicy};
use crate::read::{Reader, Reading};
use crate::schema::{Part, Section};
use crate::settle::{self, ResolveError, Settlement};
use crate::value::ItemId;
use crate::view::{FieldView, ItemView, SectionView};

/// The documents of a context that are loaded, and what reading them needs to know.
#[derive(Clone, Default)]
pub struct Context {
    documents: BTreeMap<Part, Document>,
    ranks: BTreeMap<[u8; 32], u8>,
    customs: CustomPolicies,
    now_ms: Option<i64>,
    granted: Option<Granted>,
}

/// Answers whether the lease that a record of a task tells was granted by whoever was the sequencer then.
pub type Granted = Arc<dyn Fn(&ItemId, &Record) -> bool + Send + Sync>;

impl Context {
    /// A context of which nothing is loaded.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a document in, in place of the one that was there.
    pub fn insert(&mut self, part: Part, document: Document) {
        self.documents.insert(part, document);
    }

    /// Takes a document out.
    pub fn remove(&mut self, part: &Part) -> Option<Document> {
        self.documents.remove(part)
    }

    /// A document, if it is loaded.
    pub fn document(&self, part: &Part) -> Option<&Document> {
        self.documents.get(part)
    }

    /// A document to be changed, if it is loaded.
    pub fn document_mut(&mut self, part: &Part) -> Option<&mut Document> {
        self.documents.get_mut(part)
    }

    /// The parts that are loaded.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.documents.keys()
    }

    /// The ranks of principals by key, for the authority policy; who is not named has rank 0.
    pub fn ranks(&mut self, ranks: BTreeMap<[u8; 32], u8>) {
        self.ranks = ranks;
    }

    /// Gives the policy `custom(name)` its function.
    pub fn custom(&mut self, name: &str, function: CustomPolicy) {
        self.customs.insert(name, function);
    }

    /// The moment at which claims are looked at: a conflict between claims is shown while two of them are
    /// held. Without a moment, expired ones count too.
    pub const fn moment(&mut self, now_ms: i64) {
        self.now_ms = Some(now_ms);
    }

    /// What the signatures of leases are checked with; without, they are taken at their word.
    pub fn granted(&mut self, granted: Granted) {
        self.granted = Some(granted);
    }

    /// Finds what a path names: items by id, by a prefix of it, or by the slug of their title.
    pub fn locate(&self, path: &str) -> Result<Path, PathError> {
        locate(self, path)
    }

    /// The parts that edits need and that are not loaded; none when [`Context::edit`] can go ahead.
    pub fn needs(&self, edits: &[Edit]) -> Result<Vec<Part>, EditError> {
        edit::needs(self, edits)
    }

    /// Makes edits, all or none; `ids` gives the ids of new items.
    pub fn edit(
        &mut self,
        edits: &[Edit],
        why: &str,
        by: &Author,
        ids: &mut dyn FnMut() -> ItemId,
    ) -> Result<Edited, EditError> {
        edit::edit(self, edits, (by, why), ids)
    }

    /// Changes a text at exactly the positions that an editor says, as of the version they are meant for.
    ///
    /// For editors, which know their keystrokes; who has only a new text uses [`Context::edit`].
    pub fn splice(
        &mut self,
        typed: &Typed<'_>,
        why: &str,
        by: &Author,
    ) -> Result<Edited, EditError> {
        edit::splice(self, typed, (by, why))
    }

    /// Settles a conflict: supersedes exactly the values that it had.
    pub fn resolve(
        &mut self,
        conflict: &str,
        settlement: Settlement,
        why: &str,
        by: &Author,
    ) -> Result<Edited, ResolveError> {
        settle::resolve(self, (conflict, settlement), (by, why))
    }

    /// A section; empty if it is not loaded.
    pub fn section(&self, section: Section) -> SectionView {
        match self.document(&Part::Section(section)) {
            Some(document) => Reading::new(self, section, document).section(),
            None => SectionView::empty(section),
        }
    }

    /// An item, if there is one.
    pub fn item(&self, path: &Path) -> Option<ItemView> {
        let document = self.document(&Part::Section(path.section))?;
        Reading::new(self, path.section, document).item(&path.item?)
    }

    /// A field, or an entry of a map; null if it was never set, none if there is no such item.
    pub fn field(&self, path: &Path) -> Option<FieldView> {
        let document = self.document(&Part::Section(path.section))?;
        let mut reading = Reading::new(self, path.section, document);
        let name = path.field.as_deref()?;
        match path.item {
            Some(item) => reading.field(&item, name, path.rest.first().map(String::as_str)),
            None => Some(reading.policy_of(name)),
        }
    }

    /// The claim that holds a task at the moment; none before a moment was set.
    pub fn owner(&self, task: &ItemView) -> Option<Claim> {
        let is_granted = |record: &Record| self.is_granted(&task.id, record);
        claim::owner(&claim::records(task), self.now_ms?, &is_granted)
    }

    /// The body of a knowledge document, if it is loaded.
    pub fn body(&self, item: &ItemId) -> Option<String> {
        let document = self.document(&Part::Body(*item))?;
        let reader = Reader::new(document.automerge());
        Some(reader.text(&reader.object(&ROOT, BODY, ObjType::Text)?))
    }

    /// The items of `documents`, each of which may have a body.
    pub fn body_ids(&self) -> Vec<ItemId> {
        let part = Part::Section(Section::Documents);
        let Some(document) = self.document(&part) else { return Vec::new() };
        let ids = Reading::new(self, Section::Documents, document).ids();
        ids.into_iter().map(|(id, _)| id).collect()
    }

    /// All open conflicts of the documents that are loaded.
    pub fn conflicts(&self) -> Vec<Conflict> {
        let sections = Section::ALL.into_iter().map(|section| self.section(section));
        sections.flat_map(SectionView::into_conflicts).collect()
    }

    /// The version of all documents that are loaded.
    pub fn version(&self) -> String {
        let versions = self.documents.iter().map(|(part, document)| (part, document.version()));
        let versions = versions.map(|(part, version)| format!("{part}:{version}"));
        versions.collect::<Vec<_>>().join(";")
    }

    /// What was changed, newest first.
    pub fn log(&self, filter: &LogFilter) -> Vec<LogEntry> {
        history::log(self, filter)
    }

    /// What differs between two versions.
    pub fn diff(&self, from: &str, to: &str) -> Result<Vec<Difference>, VersionError> {
        history::diff(self, from, to)
    }

    /// The context as of a version: the documents that it names.
    pub fn at(&self, version: &str) -> Result<Self, VersionError> {
        let documents = history::at(self, version)?.into_iter();
        Ok(Self {
            documents: documents.map(|document| (document.part(), document)).collect(),
            ranks: self.ranks.clone(),
            customs: self.customs.clone(),
            now_ms: self.now_ms,
            granted: self.granted.clone(),
        })
    }

    /// All values that are in force, and nothing else: equal contexts give equal values.
    pub fn export(&self) -> serde_json::Value {
        export::export(self)
    }
}

impl Context {
    /// The conflict about an item's deletion, if there is one.
    pub(crate) fn deletion(&self, path: &Path) -> Option<Conflict> {
        let document = self.document(&Part::Section(path.section))?;
        Reading::new(self, path.section, document).deletion(&path.item?)
    }

    pub(crate) fn rank(&self, key: &[u8; 32]) -> u8 {
        self.ranks.get(key).copied().unwrap_or_default()
    }

    pub(crate) const fn now_ms(&self) -> Option<i64> {
        self.now_ms
    }

    pub(crate) fn is_granted(&self, task: &ItemId, record: &Record) -> bool {
        self.granted.as_ref().is_none_or(|granted| granted(task, record))
    }

    pub(crate) const fn customs(&self) -> &CustomPolicies {
        &self.customs
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let versions = self.documents.iter().map(|(part, document)| (part, document.version()));
        f.debug_map().entries(versions).finish()
    }
}
