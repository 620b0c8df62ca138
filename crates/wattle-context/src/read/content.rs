//! What an item holds, apart from how it is read: to tell whether it has changed between two versions.

use std::collections::{BTreeMap, BTreeSet};

use automerge::{ObjId, ObjType, ReadDoc, ValueRef};

use super::{Reader, scalar, scalar_ref};
use crate::read::item::is_mark;
use crate::value::Value;

/// Every concurrent value of every field and entry of an item, by field and key.
pub(crate) type Content = BTreeMap<(String, String), BTreeSet<Value>>;

pub(crate) fn content<D: ReadDoc>(reader: Reader<'_, D>, item: &ObjId) -> Content {
    let mut content = Content::new();
    for entry in reader.entries(item).filter(|entry| !is_mark(&entry.key)) {
        let key = entry.key.to_string();
        match &entry.value {
            ValueRef::Object(ObjType::Map | ObjType::Table) => {
                for below in reader.entries(&entry.id()) {
                    let value = scalar_ref(&below.value);
                    let values = all(reader, &entry.id(), &below.key, (value, below.conflict));
                    content.insert((key.clone(), below.key.to_string()), values);
                }
            }
            ValueRef::Object(ObjType::Text) => {
                let text = Value::Text(reader.text(&entry.id()));
                content.insert((key, String::new()), BTreeSet::from([text]));
            }
            ValueRef::Object(ObjType::List) => {
                let list = Value::List(reader.texts(&entry.id()).0);
                content.insert((key, String::new()), BTreeSet::from([list]));
            }
            ValueRef::Scalar(_) => {
                let value = scalar_ref(&entry.value);
                let values = all(reader, item, &key, (value, entry.conflict));
                content.insert((key, String::new()), values);
            }
        }
    }
    content
}

/// The value at hand if it is the only one.
fn all<D: ReadDoc>(
    reader: Reader<'_, D>,
    object: &ObjId,
    key: &str,
    (value, conflict): (Option<Value>, bool),
) -> BTreeSet<Value> {
    if conflict {
        reader.get_all(object, key).iter().filter_map(|(value, _)| scalar(value)).collect()
    } else {
        value.into_iter().collect()
    }
}
