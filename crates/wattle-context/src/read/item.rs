//! Items and their fields.

use std::collections::BTreeMap;

use automerge::iter::MapRangeItem;
use automerge::{ObjId, ObjType, ValueRef};

use super::{Contest, Reading, scalar_ref};
use crate::claim::FIELD as CLAIMS;
use crate::path::Path;
use crate::schema::{Field, Kind, Section};
use crate::value::{ItemId, Value};
use crate::view::{FieldView, ItemView};

/// The mark of a deleted item.
pub(crate) const DELETED: &str = "deleted";
/// The version of the body that its deletion saw.
pub(crate) const DELETED_BODY: &str = "deleted_body";

/// Whether a key of an item is not a field.
pub(crate) fn is_mark(key: &str) -> bool {
    key == DELETED || key == DELETED_BODY
}

impl Reading<'_> {
    /// An item, if it is there and not deleted.
    pub(crate) fn item(&mut self, id: &ItemId) -> Option<ItemView> {
        let object = self.reader.item(id)?;
        self.item_at(*id, &object)
    }

    pub(super) fn item_at(&mut self, id: ItemId, object: &ObjId) -> Option<ItemView> {
        let mut view = ItemView {
            section: self.section,
            id,
            fields: BTreeMap::new(),
            conflict: None,
            version: self.version.clone(),
        };
        let mut marked = false;
        for entry in self.reader.entries(object) {
            let path = Path::field(self.section, id, &entry.key);
            match self.section.field(&entry.key) {
                Some(field) => {
                    view.fields.extend(
                        self.known(field, object, &entry, &path)
                            .map(|found| (field.name.to_owned(), found)),
                    );
                }
                None if is_mark(&entry.key) => marked = true,
                None => self.defect(&path.to_string(), "no field of this section"),
            }
        }
        if marked {
            view.conflict = self.life(&id, object)?;
        }
        Some(view)
    }

    /// A field, or an entry of a map; null if it was never set.
    pub(crate) fn field(
        &mut self,
        item: &ItemId,
        name: &str,
        key: Option<&str>,
    ) -> Option<FieldView> {
        let field = self.section.field(name)?;
        let object = self.reader.item(item)?;
        let path = Path::field(self.section, *item, name);
        let entry = self.reader.entry(&object, name);
        let view = entry.and_then(|entry| self.known(field, &object, &entry, &path));
        let view = view.unwrap_or_else(|| self.plain(vec![Value::Null]));
        match key {
            None => Some(view),
            Some(key) if field.kind == Kind::Set => {
                let is_in = view.value.list().is_some_and(|list| list.iter().any(|is| is == key));
                Some(self.plain(vec![Value::Bool(is_in)]))
            }
            Some(key) => {
                let entry = view.entries.get(key).cloned();
                Some(entry.unwrap_or_else(|| self.plain(vec![Value::Null])))
            }
        }
    }

    /// A field that is in the table, as far as it is well formed.
    fn known(
        &mut self,
        field: &'static Field,
        item: &ObjId,
        entry: &MapRangeItem<'_>,
        path: &Path,
    ) -> Option<FieldView> {
        let object = entry.id();
        match (field.kind, &entry.value) {
            (Kind::Register, ValueRef::Scalar(_)) => self.register(field, item, entry, path),
            (Kind::Text, ValueRef::Object(ObjType::Text)) => {
                self.single(entry, path);
                let text = self.reader.text(&object);
                Some(self.plain(vec![Value::Text(text)]))
            }
            (Kind::Log, ValueRef::Object(ObjType::List)) => {
                self.single(entry, path);
                let (texts, others) = self.reader.texts(&object);
                if others > 0 {
                    self.defect(&path.to_string(), "entries that are no texts");
                }
                Some(self.plain(vec![Value::List(texts)]))
            }
            (Kind::Set, ValueRef::Object(ObjType::Map)) => {
                self.single(entry, path);
                Some(self.set(field, &object, path))
            }
            (Kind::Map, ValueRef::Object(ObjType::Map)) => {
                self.single(entry, path);
                Some(self.map(field, &object, path))
            }
            (Kind::Register | Kind::Text | Kind::Set | Kind::Map | Kind::Log | Kind::Body, _) => {
                self.defect(&path.to_string(), "not stored as the field is");
                None
            }
        }
    }

    fn register(
        &mut self,
        field: &'static Field,
        object: &ObjId,
        entry: &MapRangeItem<'_>,
        path: &Path,
    ) -> Option<FieldView> {
        if let Some(value) = only(entry).filter(|value| field.shape.holds(value)) {
            return Some(self.plain(vec![value]));
        }
        let policy = self.policy(field);
        let contest = Contest { object, key: &entry.key, path: path.to_string(), policy: &policy };
        self.one_or_more(&contest, entry, |value| field.shape.holds(value))
    }

    /// What a key holds, if any of its values fits.
    pub(super) fn one_or_more(
        &mut self,
        contest: &Contest<'_>,
        entry: &MapRangeItem<'_>,
        fits: impl Fn(&Value) -> bool,
    ) -> Option<FieldView> {
        if let Some(value) = only(entry).filter(|value| fits(value)) {
            return Some(self.plain(vec![value]));
        }
        let candidates = self.candidates(contest, fits);
        (!candidates.is_empty()).then(|| self.contested(contest, candidates))
    }

    /// An element is in a set if its register says so under the policy of the set.
    fn set(&mut self, field: &'static Field, object: &ObjId, path: &Path) -> FieldView {
        let entries: Vec<_> = self.reader.entries(object).collect();
        let mut elements = Vec::with_capacity(entries.len());
        for entry in &entries {
            let found = self.register(field, object, entry, &path.below(&entry.key));
            if found.is_some_and(|found| found.in_force.contains(&Value::Bool(true))) {
                elements.push(entry.key.to_string());
            }
        }
        self.plain(vec![Value::List(elements)])
    }

    /// Entries that were removed hold nothing; they are shown only while that is contested.
    fn map(&mut self, field: &'static Field, object: &ObjId, path: &Path) -> FieldView {
        let stored: Vec<_> = self.reader.entries(object).collect();
        let mut entries = BTreeMap::new();
        for entry in &stored {
            let found = self.register(field, object, entry, &path.below(&entry.key));
            let found = found.filter(|found| found.in_force.iter().any(|value| !value.is_null()));
            entries.extend(found.map(|found| (entry.key.to_string(), found)));
        }
        let values = entries.iter().map(|(key, found)| (key.clone(), found.value.clone()));
        let map = Value::Map(values.collect());
        let claimed = path.item.filter(|_| self.section == Section::Tasks && field.name == CLAIMS);
        let conflict = claimed.and_then(|task| self.competing((&task, object), path, &entries));
        FieldView { entries, conflict, ..self.plain(vec![map]) }
    }

    /// Nobody creates these objects twice, so a second one is junk; Automerge shows one of them.
    fn single(&mut self, entry: &MapRangeItem<'_>, path: &Path) {
        if entry.conflict {
            self.defect(&path.to_string(), "there several times; one is shown");
        }
    }
}

/// The value of an entry that nobody else wrote at the same time.
fn only(entry: &MapRangeItem<'_>) -> Option<Value> {
    if entry.conflict { None } else { scalar_ref(&entry.value) }
}
