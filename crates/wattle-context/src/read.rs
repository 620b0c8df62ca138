//! Reading documents in which anything may be found. No read panics; what is not well formed is a defect.

mod content;
mod contest;
mod item;
mod life;
mod rivals;
mod section;

pub(crate) use content::content;
pub(crate) use contest::Contest;
pub(crate) use item::{DELETED, DELETED_BODY};
pub(crate) use life::named;
pub(crate) use rivals::Rival;
pub(crate) use section::Reading;

use automerge::iter::MapRangeItem;
use automerge::{
    ChangeHash, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, ScalarValueRef, Value as Stored,
    ValueRef,
};

use crate::document::{ITEMS, POLICIES};
use crate::limits::CANDIDATES_MAX;
use crate::value::{ItemId, Value};

/// Reads of one document or transaction, at its heads or as of a version.
#[derive(Debug)]
pub(crate) struct Reader<'a, D: ReadDoc> {
    doc: &'a D,
    at: Option<&'a [ChangeHash]>,
}

impl<D: ReadDoc> Clone for Reader<'_, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<D: ReadDoc> Copy for Reader<'_, D> {}

impl<'a, D: ReadDoc> Reader<'a, D> {
    pub(crate) const fn new(doc: &'a D) -> Self {
        Self { doc, at: None }
    }

    pub(crate) const fn as_of(doc: &'a D, heads: &'a [ChangeHash]) -> Self {
        Self { doc, at: Some(heads) }
    }

    pub(crate) const fn at(&self) -> Option<&'a [ChangeHash]> {
        self.at
    }

    pub(crate) fn get(&self, object: &ObjId, key: &str) -> Option<(Stored<'a>, ObjId)> {
        let found = match self.at {
            None => self.doc.get(object, key),
            Some(heads) => self.doc.get_at(object, key, heads),
        };
        found.ok().flatten()
    }

    /// All concurrent values of a key, with the operations that wrote them.
    pub(crate) fn get_all(&self, object: &ObjId, key: &str) -> Vec<(Stored<'a>, ObjId)> {
        let found = match self.at {
            None => self.doc.get_all(object, key),
            Some(heads) => self.doc.get_all_at(object, key, heads),
        };
        let mut found = found.unwrap_or_default();
        found.truncate(CANDIDATES_MAX);
        found
    }

    /// The object at a key, if it is of this type.
    pub(crate) fn object(&self, object: &ObjId, key: &str, wanted: ObjType) -> Option<ObjId> {
        let (value, id) = self.get(object, key)?;
        (value.as_objtype() == Some(wanted)).then_some(id)
    }

    pub(crate) fn items(&self) -> Option<ObjId> {
        self.object(&ROOT, ITEMS, ObjType::Map)
    }

    pub(crate) fn policies(&self) -> Option<ObjId> {
        self.object(&ROOT, POLICIES, ObjType::Map)
    }

    /// An item's own map.
    pub(crate) fn item(&self, item: &ItemId) -> Option<ObjId> {
        self.object(&self.items()?, &item.to_string(), ObjType::Map)
    }

    /// What a map holds, by key.
    pub(crate) fn entries(
        &self,
        object: &ObjId,
    ) -> impl Iterator<Item = MapRangeItem<'a>> + use<'a, D> {
        match self.at {
            None => self.doc.map_range(object, ..),
            Some(heads) => self.doc.map_range_at(object, .., heads),
        }
    }

    /// The same of one key.
    pub(crate) fn entry(&self, object: &ObjId, key: &str) -> Option<MapRangeItem<'a>> {
        let range = key.to_owned()..=key.to_owned();
        match self.at {
            None => self.doc.map_range(object, range).next(),
            Some(heads) => self.doc.map_range_at(object, range, heads).next(),
        }
    }

    pub(crate) fn text(&self, object: &ObjId) -> String {
        let text = match self.at {
            None => self.doc.text(object),
            Some(heads) => self.doc.text_at(object, heads),
        };
        text.unwrap_or_default()
    }

    /// The texts of a list, and how many of its elements are none.
    pub(crate) fn texts(&self, object: &ObjId) -> (Vec<String>, usize) {
        let range = match self.at {
            None => self.doc.list_range(object, ..),
            Some(heads) => self.doc.list_range_at(object, .., heads),
        };
        let (mut texts, mut others) = (Vec::new(), 0);
        for element in range {
            match scalar_ref(&element.value) {
                Some(Value::Text(text)) => texts.push(text),
                Some(_) | None => others += 1,
            }
        }
        (texts, others)
    }
}

/// A scalar as a value; none if it is an object, or of a type that no field has.
pub(crate) fn scalar(stored: &Stored<'_>) -> Option<Value> {
    match stored.as_scalar()? {
        ScalarValue::Str(text) => Some(Value::Text(text.to_string())),
        ScalarValue::Int(int) => Some(Value::Int(*int)),
        ScalarValue::Uint(uint) => i64::try_from(*uint).ok().map(Value::Int),
        ScalarValue::Boolean(bool) => Some(Value::Bool(*bool)),
        ScalarValue::Null => Some(Value::Null),
        ScalarValue::Bytes(_)
        | ScalarValue::F64(_)
        | ScalarValue::Counter(_)
        | ScalarValue::Timestamp(_)
        | ScalarValue::Unknown { .. } => None,
    }
}

/// The same of a borrowed value.
pub(crate) fn scalar_ref(stored: &ValueRef<'_>) -> Option<Value> {
    let ValueRef::Scalar(stored) = stored else { return None };
    match stored {
        ScalarValueRef::Str(text) => Some(Value::Text(text.to_string())),
        ScalarValueRef::Int(int) => Some(Value::Int(*int)),
        ScalarValueRef::Uint(uint) => i64::try_from(*uint).ok().map(Value::Int),
        ScalarValueRef::Boolean(bool) => Some(Value::Bool(*bool)),
        ScalarValueRef::Null => Some(Value::Null),
        ScalarValueRef::Bytes(_)
        | ScalarValueRef::F64(_)
        | ScalarValueRef::Counter(_)
        | ScalarValueRef::Timestamp(_)
        | ScalarValueRef::Unknown { .. } => None,
    }
}
