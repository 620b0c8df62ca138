//! A section as a whole, and how its fields are to be read.

use std::collections::BTreeMap;

use automerge::{Automerge, ChangeHash, ObjId, ObjType, ROOT, ValueRef};

use super::{Contest, DELETED, Reader, scalar};
use crate::conflict::Conflict;
use crate::context::Context;
use crate::document::{Document, ITEMS, POLICIES};
use crate::limits::DEFECTS_MAX;
use crate::path::Path;
use crate::policy::Policy;
use crate::schema::{Field, Section};
use crate::value::{ItemId, Value};
use crate::view::{Defect, FieldView, ItemView, SectionView};

/// One reading of a section's document.
pub(crate) struct Reading<'a> {
    pub(super) context: &'a Context,
    pub(super) section: Section,
    pub(super) document: &'a Document,
    pub(super) reader: Reader<'a, Automerge>,
    pub(super) version: String,
    policies: BTreeMap<String, FieldView>,
    overrides: BTreeMap<&'static str, Policy>,
    defects: Vec<Defect>,
}

impl<'a> Reading<'a> {
    /// Of what is there now.
    pub(crate) fn new(context: &'a Context, section: Section, document: &'a Document) -> Self {
        let reader = Reader::new(document.automerge());
        Self::of(context, section, document, (reader, document.version()))
    }

    /// As of a version.
    pub(crate) fn as_of(
        context: &'a Context,
        section: Section,
        document: &'a Document,
        heads: &'a [ChangeHash],
    ) -> Self {
        let reader = Reader::as_of(document.automerge(), heads);
        Self::of(context, section, document, (reader, Document::token(heads)))
    }

    fn of(
        context: &'a Context,
        section: Section,
        document: &'a Document,
        (reader, version): (Reader<'a, Automerge>, String),
    ) -> Self {
        let mut reading = Self {
            context,
            section,
            document,
            reader,
            version,
            policies: BTreeMap::new(),
            overrides: BTreeMap::new(),
            defects: Vec::new(),
        };
        reading.read_policies();
        reading
    }

    /// The whole section.
    pub(crate) fn section(mut self) -> SectionView {
        let stray =
            self.reader.entries(&ROOT).filter(|entry| entry.key != ITEMS && entry.key != POLICIES);
        for key in stray.map(|entry| entry.key.to_string()).collect::<Vec<_>>() {
            self.defect(&format!("{}/{key}", self.section), "not part of a section");
        }
        let mut items: Vec<(i64, Birth, ItemView)> = Vec::new();
        for (id, object) in self.ids() {
            if let Some(item) = self.item_at(id, &object) {
                let order = item.fields.get("order").and_then(|field| field.value.int());
                items.push((order.unwrap_or(i64::MAX), birth(&object), item));
            }
        }
        items.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        self.defects.sort();
        SectionView {
            section: self.section,
            items: items.into_iter().map(|(_, _, item)| item).collect(),
            policies: self.policies,
            defects: self.defects,
            version: self.version,
        }
    }

    /// All items, deleted ones too.
    pub(crate) fn ids(&mut self) -> Vec<(ItemId, ObjId)> {
        let Some(items) = self.reader.items() else {
            self.defect(self.section.name(), "there are no items");
            return Vec::new();
        };
        let mut ids = Vec::new();
        for entry in self.reader.entries(&items) {
            let path = format!("{}/{}", self.section, entry.key);
            match (entry.key.parse(), &entry.value) {
                (Ok(id), ValueRef::Object(ObjType::Map)) => ids.push((id, entry.id())),
                (Ok(_), _) => self.defect(&path, "not an item"),
                (Err(_), _) => self.defect(&path, "not the id of an item"),
            }
            if entry.conflict {
                self.defect(&path, "there several times; one is shown");
            }
        }
        ids
    }

    /// An item's own map.
    pub(crate) fn object(&self, id: &ItemId) -> Option<ObjId> {
        self.reader.item(id)
    }

    /// The field that names items for people.
    pub(crate) fn title(&self) -> &'static str {
        self.section.title()
    }

    /// All concurrent values of a key.
    pub(crate) fn raw(&self, object: &ObjId, key: &str) -> Vec<Value> {
        self.reader.get_all(object, key).iter().filter_map(|(value, _)| scalar(value)).collect()
    }

    /// Whether an item is there and not deleted; none if it was never there.
    pub(crate) fn is_live(&mut self, id: &ItemId) -> Option<bool> {
        let object = self.reader.item(id)?;
        let marked = !self.reader.get_all(&object, DELETED).is_empty();
        Some(!marked || self.life(id, &object).is_some())
    }

    /// The conflict about an item's deletion, if there is one.
    pub(crate) fn deletion(&mut self, id: &ItemId) -> Option<Conflict> {
        let object = self.reader.item(id)?;
        let marked = !self.reader.get_all(&object, DELETED).is_empty();
        if marked { self.life(id, &object).flatten() } else { None }
    }

    /// How a field is read: as the context says, or by default.
    pub(crate) fn policy(&self, field: &Field) -> Policy {
        self.overrides.get(field.name).unwrap_or(&field.policy).clone()
    }

    /// The policy that the context has set for a field; null if it has not.
    pub(crate) fn policy_of(&self, field: &str) -> FieldView {
        let set = self.policies.get(field).cloned();
        set.unwrap_or_else(|| self.plain(vec![Value::Null]))
    }

    /// A field without a conflict.
    pub(crate) fn plain(&self, in_force: Vec<Value>) -> FieldView {
        FieldView {
            value: in_force.first().cloned().unwrap_or(Value::Null),
            in_force,
            candidates: Vec::new(),
            conflict: None,
            entries: BTreeMap::new(),
            version: self.version.clone(),
        }
    }

    pub(crate) fn defect(&mut self, path: &str, what: &str) {
        if self.defects.len() < DEFECTS_MAX {
            self.defects.push(Defect { path: path.to_owned(), what: what.to_owned() });
        }
    }

    /// While several policies of a field stand side by side, it is read as if all its values did.
    fn read_policies(&mut self) {
        let Some(object) = self.reader.policies() else { return };
        for entry in self.reader.entries(&object).collect::<Vec<_>>() {
            let path = Path::policy(self.section, &entry.key).to_string();
            let Some(field) = self.section.field(&entry.key) else {
                self.defect(&path, "no field of this section");
                continue;
            };
            let keep_all = Policy::KeepAll;
            let contest = Contest { object: &object, key: &entry.key, path, policy: &keep_all };
            let fits = |value: &Value| value.is_null() || parse(field, value).is_some();
            let Some(view) = self.one_or_more(&contest, &entry, fits) else { continue };
            let policy = match view.in_force.as_slice() {
                [value] => parse(field, value),
                _ => Some(Policy::KeepAll).filter(|keep_all| field.takes(keep_all)),
            };
            self.overrides.extend(policy.map(|policy| (field.name, policy)));
            self.policies.insert(field.name.to_owned(), view);
        }
    }
}

fn parse(field: &Field, value: &Value) -> Option<Policy> {
    value.text()?.parse().ok().filter(|policy| field.takes(policy))
}

/// When an object was created, among all of its document: the same on all replicas.
type Birth = (u64, Vec<u8>);

fn birth(object: &ObjId) -> Birth {
    match object {
        ObjId::Root => (0, Vec::new()),
        ObjId::Id(counter, actor, _) => (*counter, actor.to_bytes().to_vec()),
    }
}
